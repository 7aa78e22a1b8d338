/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What events get by reference because they have more to say than the twelve
 * arguments a BPF program can be handed. BPF programs read it with CO-RE.
 */
#ifndef KDBUS_TRACE_TYPES_H
#define KDBUS_TRACE_TYPES_H

struct kdbus_msg;

/**
 * struct kdbus_trace_msg - a message as kdbus_msg_send shows it
 * @bus:	the bus
 * @src:	id of the sender
 * @dst:	id of the receiver; as it was addressed if the send was refused
 * @msg:	the message
 * @cookie:	its cookie
 * @cookie_reply: cookie of the request it answers, or 0
 * @timeout_ns:	how long a reply is waited for, or 0
 * @flags:	KDBUS_MSG_FLAGS_*
 * @priority:	its priority
 * @bytes:	bytes of payload
 * @name_id:	id of the name it was addressed by, or 0
 * @n_fds:	file descriptors that come along
 * @n_memfds:	memfds among the payload
 * @ret:	0 or a negative errno
 * @dst_name:	name it was addressed by, or ""
 * @hdr:	the kernel's copy of header and items, or NULL. Not part of the
 *		event: for BPF programs that were asked to show payload, which
 *		find there where in current's memory it lies
 * @staged:	the payload, if it was copied to the kernel; or NULL. Likewise
 * @staged_size: bytes of @staged
 */
struct kdbus_trace_msg {
	__u64 bus;
	__u64 src;
	__u64 dst;
	__u64 msg;
	__u64 cookie;
	__u64 cookie_reply;
	__u64 timeout_ns;
	__u64 flags;
	__s64 priority;
	__u64 bytes;
	__u64 name_id;
	__u32 n_fds;
	__u32 n_memfds;
	__s32 ret;
	const char *dst_name;
	const struct kdbus_msg *hdr;
	const __u8 *staged;
	__u64 staged_size;
};

/**
 * struct kdbus_trace_queue - a queued message as kdbus_msg_queue shows it
 * @bus:	the bus
 * @conn:	the receiver
 * @src:	the sender, or 0 for the kernel
 * @msg:	the message
 * @seq:	its number in the order of the domain
 * @cookie:	its cookie
 * @name_id:	id of the name it was addressed by, or 0
 * @offset:	where it lies in the receiver's pool, in bytes
 * @bytes:	bytes it takes there
 * @used:	bytes in use in that pool
 * @pool_size:	bytes of that pool
 * @depth:	messages in the queue, this one included
 * @kind:	enum kdbus_msg_kind
 */
struct kdbus_trace_queue {
	__u64 bus;
	__u64 conn;
	__u64 src;
	__u64 msg;
	__u64 seq;
	__u64 cookie;
	__u64 name_id;
	__u64 offset;
	__u64 bytes;
	__u64 used;
	__u64 pool_size;
	__u32 depth;
	__u32 kind;
};

#endif /* KDBUS_TRACE_TYPES_H */
