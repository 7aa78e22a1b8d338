/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that the module lists, how many files this process has open, and how
 * many of the module's anybody has: what must not change by a command that
 * fails. Nobody else may use the module meanwhile.
 */
#ifndef KDBUS_SNAPSHOT_H
#define KDBUS_SNAPSHOT_H

#include "harness.h"

#define SNAPSHOT 65536

/* Writes it to @to, which has SNAPSHOT bytes. */
void snapshot(char *to);
/*
 * Fails the case, with what is said, if it does not become what it was before:
 * it may take a moment until who answers, or RCU, is done with it.
 */
void expect_as_before(char *before, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* KDBUS_SNAPSHOT_H */
