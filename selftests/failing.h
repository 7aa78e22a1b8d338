/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands that fail at every place where they can, one after the other, and
 * what has to be as before then. Wants a kernel with /proc/self/fail-nth. All
 * of it belongs to the case that runs; see harness.h.
 */
#ifndef KDBUS_FAILING_H
#define KDBUS_FAILING_H

#include "harness.h"

/**
 * struct op - a command
 * @prepare:	brings about what it needs, or NULL
 * @run:	does it, and as little else as can be: 0 or a negative errno
 * @undo:	takes back what it did, or NULL
 * @failed:	takes back what it may have done although it failed with an
 *		errno, where the ABI has it so; or NULL
 * @never:	it allocates nothing and copies by get_user() alone, which
 *		nothing makes fail
 */
struct op {
	void (*prepare)(void);
	int (*run)(void);
	void (*undo)(void);
	void (*failed)(int ret);
	int never;
};

/* Has the kernel fail whatever it can, once fail_each() says which. */
void inject_all(void);
/* Fails a command at its first place, the second, until it gets by without. */
void fail_each(const struct op *op);

#endif /* KDBUS_FAILING_H */
