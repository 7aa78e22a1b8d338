/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF half of kdbus-top and its user-space half agree on. Includes
 * nothing: __u64 and the like come from kdbus_kernel.bpf.h or linux/types.h.
 *
 * Everything that is counted hangs on a pair: who sent to whom, by which name.
 * Connections, names, users and buses are sums over pairs, and user space
 * makes them. See kdbus_top.bpf.c for how the tables are shared.
 */
#ifndef KDBUS_TOP_BPF_H
#define KDBUS_TOP_BPF_H

/* bounds of the number of pairs in a generation; a power of two */
#define TOP_PAIRS_MIN (1 << 6)
#define TOP_PAIRS_DEFAULT (1 << 14)
#define TOP_PAIRS_MAX (1 << 20)
/* words of counters for each pair, as a shift */
#define TOP_COUNTS_SHIFT 3
/* bytes of the ring; a power of two */
#define TOP_RING_SIZE (1 << 20)

/* the parts of latency */
enum top_part {
	TOP_QUEUE,		/* of every message: queued until received */
	TOP_SERVICE,		/* of answered calls: received until answered */
	TOP_TRIP,		/* of answered calls: sent until answered */
	TOP_PARTS,
};

/*
 * Latency buckets: four per power of two, so that a bucket's upper bound is at
 * most a quarter above its lower one. A bucket holds what is above the bound
 * of the one before it, up to and including its own. The first ends at
 * 2^TOP_FIRST_EXP ns; the last one holds all that is above about 9 minutes.
 */
#define TOP_SUB_BITS 2
#define TOP_SUB (1 << TOP_SUB_BITS)
#define TOP_FIRST_EXP 8
#define TOP_LAST_EXP 39
#define TOP_BUCKETS ((TOP_LAST_EXP - TOP_FIRST_EXP) * TOP_SUB + 2)
/* A table of buckets, by the time in units of the narrowest one. */
#define TOP_TABLE_SHIFT (TOP_FIRST_EXP - TOP_SUB_BITS)
#define TOP_TABLE (1ULL << 11)

/*
 * Counters of a pair that are too many, and mostly zero, to have a place of
 * their own. A word is TOP_WORD_KEY(pair, id) in its upper half and the count
 * in its lower one; 0 is a free word.
 */
#define TOP_ID_BITS 10
#define TOP_ID_LATENCY(part, bucket) ((part) * 128 + (bucket))
#define TOP_ID_DROP 384		/* + reason of kdbus_msg_drop */
#define TOP_ID_END 400		/* + outcome of kdbus_call_end, not answered */
#define TOP_ID_BOUND 416	/* + kind of kdbus_quota_refuse; 0: a policy */
#define TOP_ID_ERRNO 512	/* + errno of a refused command */
#define TOP_MAX_ERRNO 511
#define TOP_WORD_KEY(pair, id) (1U << 31 | (pair) << TOP_ID_BITS | (id))

/* In place of a bus: the source is a uid, and what counts is the user's. */
#define TOP_BUS_USER (~0ULL)

/**
 * struct top_pair - what one connection has sent to another by one name
 * @tag:	hash of the four below; 0 if the place is free
 * @bus:	the bus, or TOP_BUS_USER
 * @src:	the sender; 0 for the kernel
 * @dst:	the receiver; 0 for the kernel: commands
 * @name:	id of the name it was addressed by, or 0
 * @msgs:	messages queued
 * @bytes:	bytes those take in the receiver's pool
 * @depth:	most messages there were in the receiver's queue
 * @sum:	sum of each part of latency, in ns
 * @max:	longest of each part of latency, in ns
 */
struct top_pair {
	__u64 tag;
	__u64 bus;
	__u64 src;
	__u64 dst;
	__u64 name;
	__u64 msgs;
	__u64 bytes;
	__u64 depth;
	__u64 sum[TOP_PARTS];
	__u64 max[TOP_PARTS];
	__u64 unused[2];
};

/**
 * struct top_tables - the tables' sizes, and which generation is in use
 * @base:	first pair of the generation in use: 0, or as many as there are
 * @pairs_mask:	pairs in a generation, less one
 * @counts_mask: words in a generation, less one
 */
struct top_tables {
	__u32 base;
	__u32 pairs_mask;
	__u32 counts_mask;
};

/* what can be lost, each an event that could not be counted */
enum top_lost {
	TOP_LOST_QUEUE,		/* kdbus_msg_queue */
	TOP_LOST_RECV,		/* kdbus_msg_recv */
	TOP_LOST_END,		/* kdbus_call_end */
	TOP_LOST_OTHER,		/* drops, refusals */
	TOP_LOST_RECORD,		/* what should have been in the ring */
	TOP_LOST_KINDS,
};

/* records in the ring: who came, so that nobody is too short-lived to see */
enum top_record_type {
	TOP_RECORD_WAKE,	/* a table is half full */
	TOP_RECORD_BUS,
	TOP_RECORD_CONN,
	TOP_RECORD_NAME,
};

/**
 * struct top_record - a record in the ring
 * @type:	enum top_record_type
 * @uid:	of a bus or connection
 * @pid:	of a connection
 * @bus:	the bus
 * @id:		connection, or id of a name
 * @flags:	flags of a connection
 * @owner:	new owner of a name, or 0; pool size of a connection
 * @comm:	of a connection
 * @name:	of a bus, a name, or a connection's description
 */
struct top_record {
	__u32 type;
	__u32 uid;
	__u32 pid;
	__u64 bus;
	__u64 id;
	__u64 flags;
	__u64 owner;
	char comm[16];
	char name[64];
};

/* the same for a name, which may be longer */
struct top_name_record {
	struct top_record r;
	char more[192];		/* r.name goes on here */
};

#endif /* KDBUS_TOP_BPF_H */
