/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF half of kdbus-top and its user-space half agree on. Includes
 * nothing: __u64 and the like come from vmlinux.h or linux/types.h.
 */
#ifndef KDBUS_TOP_BPF_H
#define KDBUS_TOP_BPF_H

/* connections that can be told apart; more are counted as lost */
#define TOP_MAX_CONNS 16384

/*
 * Latency histogram: four buckets per power of two, so a bucket is at most a
 * quarter wider than its lower bound. Nanoseconds up to about 36 minutes; the
 * last bucket holds everything above.
 */
#define TOP_SUB_BITS 2
#define TOP_SUB (1 << TOP_SUB_BITS)
#define TOP_MAX_EXP 41
#define TOP_SLOTS (TOP_MAX_EXP * TOP_SUB)

/* connection ids are unique on a bus only */
struct top_key {
	__u64 bus;
	__u64 conn;
};

/* Counters since the tool attached; gauges as the last event told. */
struct top_conn {
	__u64 out_msgs;
	__u64 out_bytes;	/* payload */
	__u64 in_msgs;
	__u64 in_bytes;		/* slices */
	__u64 refused;		/* sends that failed */
	__u64 dropped;		/* messages that were queued and not received */
	__u64 queued;		/* gauge */
	__u64 pool_used;	/* gauge, bytes */
	__u64 pool_peak;	/* bytes, since attached */
	__u64 pool_size;	/* bytes, 0 if not known */
	__s64 calls_out;	/* own calls started less ended */
	__s64 calls_in;		/* calls to it started less ended */
	__u64 answered;
	__u64 timeout;
	__u64 dead;
	__u64 other;		/* cancelled, interrupted, abandoned, undelivered */
	__u64 lat_max;		/* ns */
	__u32 pid;		/* 0 if not known */
	__u32 uid;
	__u32 gone;
	char comm[16];
	__u32 slots[TOP_SLOTS];	/* latency of answered calls, both sides */
};

#endif /* KDBUS_TOP_BPF_H */
