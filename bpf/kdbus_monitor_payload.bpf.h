/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads the payload of a message while it is sent, for kdbus_monitor.bpf.c:
 * out of the sender's memory, or out of the kernel's copy of it, into records
 * of some sizes. Included once, behind the ring, submit() and what is wanted.
 */
#ifndef KDBUS_MONITOR_PAYLOAD_BPF_H
#define KDBUS_MONITOR_PAYLOAD_BPF_H

#define ITEM_PAYLOAD_VEC 1
#define ITEM_PAYLOAD_MEMFD 3
#define MSG_HEADER 64
#define MAX_STEPS 512	/* 128 items, and pieces */

/* what a message of the ABI looks like, linux/kdbus.h */
struct abi_item {
	__u64 size, type;
	__u64 bytes;
	__u64 address;	/* or an fd in its low half */
};

/**
 * struct walk - how far the payload of a message has been read
 * @items:	where its items are in the kernel
 * @items_size:	bytes of them
 * @pos:	of the next item
 * @staged:	the kernel's copy of the payload, or 0
 * @staged_pos:	how much of that has been read
 * @address:	where the current part goes on in the sender's memory
 * @left:	bytes of the current part that have not been read
 * @room:	bytes that are still wanted
 */
struct walk {
	__u64 bus, msg, payload_type;
	__u64 items, items_size, pos;
	__u64 staged, staged_pos;
	__u64 address, left;
	__u64 offset, room;
};

static __always_inline struct mon_chunk *chunk_begin(struct walk *w, void *room,
						     __u32 part)
{
	struct mon_chunk *c = room;

	/* a message is not lost for it: it has a hole */
	if (!c)
		return NULL;
	c->head.type = MON_PAYLOAD;
	c->head.lost = lost;
	c->head.time_ns = 0;
	c->head.bus = w->bus;
	c->msg = w->msg;
	c->payload_type = w->payload_type;
	c->offset = w->offset;
	c->part = part;
	c->fd = -1;
	return c;
}

static __always_inline void chunk_part(struct walk *w, __u32 part, __u64 size,
				       __s32 fd)
{
	struct mon_chunk *c;

	c = chunk_begin(w, bpf_ringbuf_reserve(&ring, sizeof(*c), 0), part);
	if (c) {
		c->size = size;
		c->fd = fd;
		submit(c);
	}
	w->offset += size;
	w->room -= size < w->room ? size : w->room;
}

static __always_inline void chunk_read(struct walk *w, struct mon_chunk *c,
				       __u32 n)
{
	long ret;

	if (!c)
		return;
	c->size = n;
	if (w->staged)
		ret = bpf_probe_read_kernel(c->data, n,
					    (void *)(w->staged + w->staged_pos));
	else
		ret = bpf_probe_read_user(c->data, n, (void *)w->address);
	if (ret)
		c->part = MON_PART_ABSENT;
	submit(c);
}

static __always_inline void chunk_data(struct walk *w)
{
	__u64 n = MON_CHUNK_LARGE - w->address % MON_CHUNK_LARGE;

	if (n > w->left)
		n = w->left;
	if (n > w->room)
		n = w->room;
	/* the compiler knows the bound, the verifier wants to see it */
	barrier_var(n);
	if (n <= MON_CHUNK_SMALL)
		chunk_read(w, chunk_begin(w, bpf_ringbuf_reserve(&ring,
			   sizeof(struct mon_chunk) + MON_CHUNK_SMALL, 0),
			   MON_PART_DATA), n);
	else if (n <= MON_CHUNK_LARGE)
		chunk_read(w, chunk_begin(w, bpf_ringbuf_reserve(&ring,
			   sizeof(struct mon_chunk) + MON_CHUNK_LARGE, 0),
			   MON_PART_DATA), n);
	w->address += n;
	w->left -= n;
	w->staged_pos += n;
	w->offset += n;
	w->room -= n;
}

/*
 * The verifier keeps what it found out about a number in one step, and looks at
 * the next one again for each combination. It is to know nothing of them.
 */
static __always_inline void walk_forget(struct walk *w)
{
	w->pos += unknown;
	w->staged_pos += unknown;
	w->address += unknown;
	w->left += unknown;
	w->offset += unknown;
	w->room += unknown;
}

static long walk_step(__u32 i, struct walk *w)
{
	struct abi_item item = {};

	(void)i;
	walk_forget(w);
	if (!w->room)
		return 1;
	if (w->left) {
		chunk_data(w);
		return 0;
	}
	if (w->pos + 16 > w->items_size ||
	    bpf_probe_read_kernel(&item, sizeof(item),
				  (void *)(w->items + w->pos)) ||
	    item.size < 16)
		return 1;
	w->pos += (item.size + 7) & ~7ULL;
	if (item.type == ITEM_PAYLOAD_MEMFD) {
		chunk_part(w, MON_PART_MEMFD, item.bytes, item.address);
	} else if (item.type == ITEM_PAYLOAD_VEC && !item.address) {
		chunk_part(w, MON_PART_ZERO, item.bytes, -1);
		w->staged_pos += item.bytes % 8;
	} else if (item.type == ITEM_PAYLOAD_VEC) {
		w->address = item.address;
		w->left = item.bytes;
	}
	return 0;
}

/* Reads what was asked for of a message's payload; current is its sender. */
static __always_inline void payload(const struct ev_msg_send *e)
{
	struct walk w = {
		.bus = e->bus,
		.msg = e->msg,
		.pos = unknown,
		.staged_pos = unknown,
		.address = unknown,
		.left = unknown,
		.offset = unknown,
		.room = snaplen + unknown,
	};
	__u64 hdr = 0;

	/* from here on they are numbers, not pointers with a type */
	bpf_probe_read_kernel(&hdr, sizeof(hdr), &e->hdr);
	bpf_probe_read_kernel(&w.staged, sizeof(w.staged), &e->staged);
	if (!hdr || bpf_probe_read_kernel(&w.items_size, sizeof(__u64),
					  (void *)hdr))
		return;
	bpf_probe_read_kernel(&w.payload_type, sizeof(__u64),
			      (void *)(hdr + 5 * 8));
	w.items = hdr + MSG_HEADER;
	w.items_size -= MSG_HEADER;
	bpf_loop(MAX_STEPS, walk_step, &w, 0);
}

#endif /* KDBUS_MONITOR_PAYLOAD_BPF_H */
