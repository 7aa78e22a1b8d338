/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands that fail at every place where they can, one after the other, and
 * what has to be as before then. Wants a kernel with /proc/self/fail-nth. All
 * of it belongs to the case that runs; see harness.h.
 */
#ifndef KDBUS_FAILING_H
#define KDBUS_FAILING_H

#include "arrivals.h"
#include "harness.h"

/**
 * struct op - a command
 * @prepare:	brings about what it needs, or NULL
 * @run:	does it, and as little else as can be: 0 or a negative errno
 * @undo:	looks at what it did and takes that back, so that all is as it
 *		was before @prepare; or NULL
 * @failed:	looks at what no listing shows after it failed with an errno,
 *		and takes back what it may have done nevertheless, where the ABI
 *		has it so; or NULL
 * @never:	nothing makes it fail: it copies nothing, and can do without what
 *		it allocates
 * @may_lose:	it may lose messages, where the ABI has it so, and does: @undo
 *		and @failed compare @lost with what has arrived
 * @may_lack:	metadata that may be missing from what arrives when it succeeds
 *		nevertheless, a set of LACK(), and sometimes is. What @undo and
 *		@failed note (arrivals.h) is the same as ever but for this.
 */
struct op {
	void (*prepare)(void);
	int (*run)(void);
	void (*undo)(void);
	void (*failed)(int ret);
	int never;
	int may_lose;
	__u64 may_lack;
};

/*
 * How many messages the last run lost, as its drop events say: copies and
 * notices there was no memory for, messages that could not move, replies that
 * could not be handed out. None unless something was made to fail.
 */
extern int lost;

/* Has the kernel fail whatever it can, once fail_each() says which. */
void inject_all(void);
/*
 * Fails a command at its first place, the second, until it gets by without.
 * It has to say what failed: ENOMEM for an allocation, EFAULT for a user copy.
 */
void fail_each(const struct op *op);

/* Some bytes twice, a memfd that @c makes, and both ends of a pipe. */
void payload_build(struct kdbus_builder *msg, struct kdbus_client *c);
/* When all who got it have closed it: nobody else has the memfd or the pipe. */
void payload_is_ours(void);
/* Receives, notes and frees all there is, with files; how many that were. */
int take_all(struct kdbus_client *c);

#endif /* KDBUS_FAILING_H */
