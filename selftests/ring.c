// SPDX-License-Identifier: GPL-2.0
/* A ring without a library: ring.h. */
#include <sys/syscall.h>
#include <sys/uio.h>

#include "ring.h"

static void *ring_map(struct ring *r, size_t size, off_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, r->fd, what);

	ASSERT(p != MAP_FAILED);
	return p;
}

void ring_new(struct ring *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = syscall(SYS_io_uring_setup, 1, &r->p);
	if (r->fd < 0 && (errno == ENOSYS || errno == EPERM))
		SKIP("the kernel has no io_uring, or does not let anybody use it");
	ASSERT(r->fd >= 0);
	r->sq = ring_map(r, r->p.sq_off.array +
			 r->p.sq_entries * sizeof(__u32), IORING_OFF_SQ_RING);
	r->cq = ring_map(r, r->p.cq_off.cqes +
			 r->p.cq_entries * sizeof(struct io_uring_cqe),
			 IORING_OFF_CQ_RING);
	r->sqe = ring_map(r, r->p.sq_entries * sizeof(*r->sqe),
			  IORING_OFF_SQES);
}

static int ring_register(struct ring *r, unsigned int what, void *arg,
			 unsigned int n)
{
	return syscall(SYS_io_uring_register, r->fd, what, arg, n) < 0 ?
	       -errno : 0;
}

int ring_pin(struct ring *r, void *at, size_t size)
{
	struct iovec v = { at, size };

	return ring_register(r, IORING_REGISTER_BUFFERS, &v, 1);
}

void ring_unpin(struct ring *r)
{
	ASSERT_OK(ring_register(r, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

static __u32 *in_ring(char *ring, __u32 offset)
{
	return (__u32 *)(ring + offset);
}

int ring_run(struct ring *r, __u8 op, int fd, void *at, size_t size)
{
	__u32 *tail = in_ring(r->sq, r->p.sq_off.tail);
	__u32 *head = in_ring(r->cq, r->p.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(r->cq + r->p.cq_off.cqes);
	int res;

	*r->sqe = (struct io_uring_sqe){
		.opcode = op, .fd = fd, .addr = (uintptr_t)at, .len = size,
	};
	*in_ring(r->sq, r->p.sq_off.array) = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ASSERT_EQ(syscall(SYS_io_uring_enter, r->fd, 1, 1,
			  IORING_ENTER_GETEVENTS, NULL, 0), 1);
	ASSERT(__atomic_load_n(in_ring(r->cq, r->p.cq_off.tail),
			       __ATOMIC_ACQUIRE) != *head);
	res = cqes[*head & *in_ring(r->cq, r->p.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}
