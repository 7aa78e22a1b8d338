#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What docs/one-liners.rst has for calls and bpftrace works, and shows what it says.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/perf.sh
. "$here/perf.sh"
# shellcheck source=selftests/one-liners.sh
. "$here/one-liners.sh"

one_liners "bpftrace: calls"
