/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring, one request at a time: buffers that stay pinned, and reads and
 * writes that go by them. All belongs to the case that runs.
 */
#ifndef KDBUS_RING_H
#define KDBUS_RING_H

#include <linux/io_uring.h>

#include "harness.h"

/**
 * struct ring - a ring for one request at a time
 * @fd:		its file
 * @sq:		where requests are named, mapped
 * @cq:		where their results are; the same memory
 * @sqe:	the request
 * @p:		where in @sq and @cq things lie
 */
struct ring {
	int fd;
	char *sq, *cq;
	struct io_uring_sqe *sqe;
	struct io_uring_params p;
};

/* Skips the case, and says so, if the kernel has none. */
void ring_new(struct ring *r);
/* Has a buffer pinned, to be written to; 0 or a negative errno. */
int ring_pin(struct ring *r, void *at, size_t size);
/* Returns when nothing is pinned any more. */
void ring_unpin(struct ring *r);
/*
 * Runs IORING_OP_READ, _WRITE, or one of them _FIXED, which goes by what is
 * pinned; returns what it returns.
 */
int ring_run(struct ring *r, __u8 op, int fd, void *at, size_t size);

#endif /* KDBUS_RING_H */
