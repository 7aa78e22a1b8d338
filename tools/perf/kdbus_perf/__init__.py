# SPDX-License-Identifier: GPL-2.0
"""kdbus-perf: see kdbus-perf.py, which begins here and says what is where."""

VERSION = "0.2"
