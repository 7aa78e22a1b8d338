/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an event gets by reference because it has more to say than the twelve
 * arguments a BPF program can be handed. BPF programs read it with CO-RE.
 */
#ifndef KDBUS_TRACE_TYPES_H
#define KDBUS_TRACE_TYPES_H

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
 * @n_fds:	file descriptors that come along
 * @n_memfds:	memfds among the payload
 * @ret:	0 or a negative errno
 * @dst_name:	name it was addressed by, or ""
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
	__u32 n_fds;
	__u32 n_memfds;
	__s32 ret;
	const char *dst_name;
};

#endif /* KDBUS_TRACE_TYPES_H */
