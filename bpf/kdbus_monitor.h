/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF half of kdbus-monitor and its user-space half agree on: the
 * records of the ring buffer. Includes nothing: __u64 and the like come from
 * kdbus_kernel.bpf.h or linux/types.h.
 *
 * There is one record for each thing that is shown. A message is one record,
 * although it is several events: what belongs together happens under the lock
 * of the bus, and is put together in the kernel. Names and processes are
 * looked up in user space, but for the task that did it.
 */
#ifndef KDBUS_MONITOR_BPF_H
#define KDBUS_MONITOR_BPF_H

#define MON_NAME_LEN 256
#define MON_COMM_LEN 16
#define MON_BUS_LEN 64

/* pieces in which payload comes; none crosses a page of the sender's */
#define MON_CHUNK_SMALL 512
#define MON_CHUNK_LARGE 4096

enum mon_type {
	MON_MESSAGE = 1,	/* struct mon_message, sent and queued */
	MON_REFUSED,		/* struct mon_refused, and not sent */
	MON_RECV,		/* struct mon_recv */
	MON_END,		/* struct mon_end: a call ended without a reply */
	MON_PAYLOAD,		/* struct mon_chunk, before its message */
	/* all others are struct mon_other */
	MON_NOTICE,
	MON_DROP,
	MON_MOVE,
	MON_CMD_REFUSE,
	MON_NAME_CHANGE,
	MON_NAME_ACQUIRE,
	MON_NAME_QUEUE,
	MON_NAME_UNQUEUE,
	MON_NAME_UPDATE,
	MON_NAME_RELEASE,
	MON_MATCH_ADD,
	MON_MATCH_REMOVE,
	MON_CONN_NEW,
	MON_CONN_DEAD,
	MON_CONN_UPDATE,
	MON_BUS_NEW,
	MON_BUS_DEAD,
	MON_ENDPOINT_NEW,
	MON_ENDPOINT_DEAD,
	MON_DOMAIN_NEW,
	MON_DOMAIN_DEAD,
	MON_POLICY_DENY,
	MON_POLICY_SET,
	MON_FILE_DENY,
	MON_QUOTA_REFUSE,
};

/**
 * struct mon_head - what every record begins with
 * @type:	enum mon_type
 * @lost:	low half of how many records had found no room until then
 * @time_ns:	CLOCK_MONOTONIC
 * @bus:	the bus
 */
struct mon_head {
	__u32 type;
	__u32 lost;
	__u64 time_ns;
	__u64 bus;
};

/* The task that did it: process id in the high half of @pid_tgid. */
struct mon_who {
	__u64 pid_tgid;
	__u32 uid;
	__u32 pad;
	char comm[MON_COMM_LEN];
};

/* The fields are those of the trace events, tracepoints/schema.rst. */
struct mon_fields {
	/* kdbus_msg_send */
	__u64 src;
	__u64 dst;
	__u64 msg;
	__u64 cookie;
	__u64 cookie_reply;
	__u64 timeout_ns;
	__s64 priority;
	__u64 bytes;
	__u64 name_id;
	__u32 flags;
	__u32 n_fds;
	__u32 n_memfds;
	__s32 ret;
	/* kdbus_msg_queue */
	__u64 seq;
	__u64 slice;
	__u64 used;
	__u32 depth;
	__u32 kind;
	/* kdbus_match_run */
	__u32 hit;
	__u32 queued;
	/* kdbus_call_end, of the call that a reply answers */
	__u64 call;
	__u64 wait_ns;
	__u64 service_ns;
	__u64 age_ns;
};

struct mon_message {
	struct mon_head head;
	struct mon_who who;
	struct mon_fields f;
};

/* @name: it was addressed by, or "" */
struct mon_refused {
	struct mon_head head;
	struct mon_who who;
	struct mon_fields f;
	char name[MON_NAME_LEN];
};

struct mon_recv {
	struct mon_head head;
	struct mon_who who;
	__u64 conn;
	__u64 src;
	__u64 msg;
	__u64 cookie;
	__u64 slice;
	__u64 wait_ns;
	__u64 name_id;
	__u32 flags;
	__u32 depth;
	__u32 kind;
	__s32 ret;
};

struct mon_end {
	struct mon_head head;
	__u64 conn;
	__u64 peer;
	__u64 msg;
	__u64 cookie;
	__u64 name_id;
	__u64 age_ns;
	__u64 wait_ns;
	__u64 service_ns;
	__u32 outcome;
	__u32 sync;
};

/**
 * struct mon_other - anything that does not happen with every message
 * @a, @b:	two connections, as the event has them
 * @msg:	a message
 * @n:		numbers, in the order of the event
 * @code:	which command, reason, kind or level
 * @ret:	0 or a negative errno
 * @text:	a name; of conn_new the comm, and the description behind it
 */
struct mon_other {
	struct mon_head head;
	struct mon_who who;
	__u64 a;
	__u64 b;
	__u64 msg;
	__u64 n[4];
	__u32 code;
	__s32 ret;
	char text[MON_NAME_LEN];
};

enum mon_part {
	MON_PART_DATA = 1,	/* @size bytes of payload at @offset */
	MON_PART_ABSENT,	/* there, but not in memory at the moment */
	MON_PART_ZERO,		/* a run of zero bytes */
	MON_PART_MEMFD,		/* in a memfd */
};

/**
 * struct mon_chunk - some payload of a message
 * @msg:	id of the message whose record follows
 * @payload_type: of the message
 * @offset:	where in the payload
 * @size:	bytes; of ZERO and MEMFD those of the whole part
 * @part:	enum mon_part
 * @fd:		MEMFD: the sender's file descriptor
 * @data:	the bytes; MON_CHUNK_SMALL or MON_CHUNK_LARGE are there
 */
struct mon_chunk {
	struct mon_head head;
	__u64 msg;
	__u64 payload_type;
	__u64 offset;
	__u64 size;
	__u32 part;
	__s32 fd;
	__u8 data[];
};

/* whom a filter names: bits of the map "wanted" */
#define MON_WANT_UID 1
#define MON_WANT_PID 2

struct mon_key {
	__u64 bus;
	__u64 conn;
};

#endif /* KDBUS_MONITOR_BPF_H */
