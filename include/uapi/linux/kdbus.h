/* SPDX-License-Identifier: LGPL-2.1-or-later WITH Linux-syscall-note */
/*
 * The kdbus ABI of July 2014: a message bus behind device nodes.
 *
 * A bus is made by BUS_MAKE on a domain's control node. Programs open one of
 * its endpoints, say HELLO, map the pool they get, and are connections: they
 * have a numeric id, may own well-known names, send messages to ids or names,
 * and receive into their pool.
 *
 * Every command takes a pointer aligned to 8. Where a struct begins with
 * @size, that is the size of the whole command with its items. Items follow
 * each other at multiples of 8; an item's own size does not count the padding
 * behind it. All structs have the same layout for 32-bit and 64-bit programs.
 */
#ifndef _LINUX_KDBUS_H
#define _LINUX_KDBUS_H

#include <linux/ioctl.h>
#include <linux/stddef.h>
#include <linux/types.h>

#define KDBUS_IOCTL_MAGIC		0x95

/* src_id of messages from the kernel */
#define KDBUS_SRC_ID_KERNEL		(0)
/* dst_id of messages that carry a KDBUS_ITEM_DST_NAME */
#define KDBUS_DST_ID_NAME		(0)
/* in matches: any connection */
#define KDBUS_MATCH_ID_ANY		(~0ULL)
/* dst_id of messages for all whose matches fit */
#define KDBUS_DST_ID_BROADCAST		(~0ULL)

/**
 * struct kdbus_notify_id_change - a connection appeared or went
 * @id:		its id
 * @flags:	its KDBUS_HELLO_* flags; in a name change, KDBUS_NAME_* flags
 *
 * Payload of KDBUS_ITEM_ID_ADD and KDBUS_ITEM_ID_REMOVE.
 */
struct kdbus_notify_id_change {
	__u64 id;
	__u64 flags;
} __attribute__((aligned(8)));

/**
 * struct kdbus_notify_name_change - a well-known name changed hands
 * @old:	who had it, zeros if nobody
 * @new:	who has it, zeros if nobody; @new_ in C++
 * @name:	the name, NUL-terminated
 *
 * Payload of KDBUS_ITEM_NAME_ADD, _REMOVE and _CHANGE.
 */
struct kdbus_notify_name_change {
	struct kdbus_notify_id_change old;
#ifndef __cplusplus
	struct kdbus_notify_id_change new;
#else
	struct kdbus_notify_id_change new_;
#endif
	char name[];
} __attribute__((aligned(8)));

/**
 * struct kdbus_creds - who a process is
 * @uid:	real user id
 * @gid:	real group id
 * @pid:	process (thread group) id
 * @tid:	thread id
 * @starttime:	when the process started, in ns; tells whether @pid in /proc
 *		is still the same process
 */
struct kdbus_creds {
	__u64 uid;
	__u64 gid;
	__u64 pid;
	__u64 tid;
	__u64 starttime;
} __attribute__((aligned(8)));

/**
 * struct kdbus_audit - audit ids of a process
 * @sessionid:	audit session
 * @loginuid:	user id at login
 */
struct kdbus_audit {
	__u64 sessionid;
	__u64 loginuid;
} __attribute__((aligned(8)));

/**
 * struct kdbus_timestamp - when a message was sent
 * @seqnum:	its number in the order of all messages of the domain
 * @monotonic_ns: CLOCK_MONOTONIC in ns
 * @realtime_ns: CLOCK_REALTIME in ns
 */
struct kdbus_timestamp {
	__u64 seqnum;
	__u64 monotonic_ns;
	__u64 realtime_ns;
} __attribute__((aligned(8)));

/**
 * struct kdbus_vec - a run of payload
 * @size:	its bytes
 * @address:	PAYLOAD_VEC: where it lies in the sender's memory; 0 for a run
 *		of zero bytes
 * @offset:	PAYLOAD_OFF: where it lies, in bytes from the start of the
 *		message; ~0 for a run of zero bytes
 */
struct kdbus_vec {
	__u64 size;
	union {
		__u64 address;
		__u64 offset;
	};
} __attribute__((aligned(8)));

/**
 * struct kdbus_bloom_parameter - shape of a bus's bloom filters
 * @size:	bytes of the bit field, a multiple of 8
 * @n_hash:	hash functions used; only passed on
 */
struct kdbus_bloom_parameter {
	__u64 size;
	__u64 n_hash;
} __attribute__((aligned(8)));

/**
 * struct kdbus_bloom_filter - what a broadcast is about
 * @generation:	which of a mask's fields it is compared with
 * @data:	the bit field, as long as the bus says
 */
struct kdbus_bloom_filter {
	__u64 generation;
	__u64 data[];
} __attribute__((aligned(8)));

/**
 * struct kdbus_memfd - payload in a sealed memfd
 * @size:	bytes of it that are payload
 * @fd:		the file descriptor; in a received message, the receiver's
 */
struct kdbus_memfd {
	__u64 size;
	int fd;
	__u32 __pad;
} __attribute__((aligned(8)));

/**
 * struct kdbus_name - a well-known name with its flags
 * @flags:	KDBUS_NAME_* flags
 * @name:	the name, NUL-terminated
 */
struct kdbus_name {
	__u64 flags;
	char name[];
} __attribute__((aligned(8)));

/**
 * struct kdbus_policy_access - a grant
 * @type:	to whom: KDBUS_POLICY_ACCESS_*
 * @access:	what: KDBUS_POLICY_SEE, _TALK or _OWN; each includes those
 *		before it
 * @id:		the uid or gid; 0 for KDBUS_POLICY_ACCESS_WORLD
 */
struct kdbus_policy_access {
	__u64 type;
	__u64 access;
	__u64 id;
} __attribute__((aligned(8)));

/**
 * enum kdbus_item_type - what an item carries
 * @_KDBUS_ITEM_NULL:		no type
 * @_KDBUS_ITEM_USER_BASE:	first type that programs write
 * @KDBUS_ITEM_PAYLOAD_VEC:	send: struct kdbus_vec, payload in memory
 * @KDBUS_ITEM_PAYLOAD_OFF:	receive: struct kdbus_vec, payload in the message
 * @KDBUS_ITEM_PAYLOAD_MEMFD:	struct kdbus_memfd, payload in a sealed memfd
 * @KDBUS_ITEM_FDS:		array of int, file descriptors passed along
 * @KDBUS_ITEM_BLOOM_PARAMETER:	BUS_MAKE: struct kdbus_bloom_parameter
 * @KDBUS_ITEM_BLOOM_FILTER:	broadcast: struct kdbus_bloom_filter
 * @KDBUS_ITEM_BLOOM_MASK:	match: one bit field per generation
 * @KDBUS_ITEM_DST_NAME:	send: name of the receiver, a string
 * @KDBUS_ITEM_MAKE_NAME:	name of the bus, endpoint or domain to make
 * @KDBUS_ITEM_MEMFD_NAME:	name of a memfd, for humans
 * @KDBUS_ITEM_ATTACH_FLAGS:	CONN_UPDATE: new KDBUS_ATTACH_* flags
 * @_KDBUS_ITEM_ATTACH_BASE:	first type of metadata
 * @KDBUS_ITEM_NAME:		metadata: struct kdbus_name; in HELLO, matches
 *				and policies: a bare string
 * @KDBUS_ITEM_ID:		id of a connection
 * @KDBUS_ITEM_TIMESTAMP:	struct kdbus_timestamp
 * @KDBUS_ITEM_CREDS:		struct kdbus_creds
 * @KDBUS_ITEM_PID_COMM:	name of the process
 * @KDBUS_ITEM_TID_COMM:	name of the thread
 * @KDBUS_ITEM_EXE:		path of the executable
 * @KDBUS_ITEM_CMDLINE:		its arguments, each NUL-terminated
 * @KDBUS_ITEM_CGROUP:		path of the control group
 * @KDBUS_ITEM_CAPS:		capability sets: inheritable, permitted,
 *				effective, bounding
 * @KDBUS_ITEM_SECLABEL:	security label
 * @KDBUS_ITEM_AUDIT:		struct kdbus_audit
 * @KDBUS_ITEM_CONN_NAME:	description of the connection, for humans
 * @_KDBUS_ITEM_POLICY_BASE:	first type of policies
 * @KDBUS_ITEM_POLICY_ACCESS:	struct kdbus_policy_access for the name before
 * @_KDBUS_ITEM_KERNEL_BASE:	first type that only the kernel writes
 * @KDBUS_ITEM_NAME_ADD:	struct kdbus_notify_name_change: has an owner
 * @KDBUS_ITEM_NAME_REMOVE:	struct kdbus_notify_name_change: has none now
 * @KDBUS_ITEM_NAME_CHANGE:	struct kdbus_notify_name_change: another owner
 * @KDBUS_ITEM_ID_ADD:		struct kdbus_notify_id_change: a new connection
 * @KDBUS_ITEM_ID_REMOVE:	struct kdbus_notify_id_change: it is gone
 * @KDBUS_ITEM_REPLY_TIMEOUT:	no reply came in time; no payload
 * @KDBUS_ITEM_REPLY_DEAD:	no reply will come; no payload
 */
enum kdbus_item_type {
	_KDBUS_ITEM_NULL		= 0,
	_KDBUS_ITEM_USER_BASE		= 1,
	KDBUS_ITEM_PAYLOAD_VEC		= _KDBUS_ITEM_USER_BASE,
	KDBUS_ITEM_PAYLOAD_OFF		= 2,
	KDBUS_ITEM_PAYLOAD_MEMFD	= 3,
	KDBUS_ITEM_FDS			= 4,
	KDBUS_ITEM_BLOOM_PARAMETER	= 5,
	KDBUS_ITEM_BLOOM_FILTER		= 6,
	KDBUS_ITEM_BLOOM_MASK		= 7,
	KDBUS_ITEM_DST_NAME		= 8,
	KDBUS_ITEM_MAKE_NAME		= 9,
	KDBUS_ITEM_MEMFD_NAME		= 10,
	KDBUS_ITEM_ATTACH_FLAGS		= 11,

	_KDBUS_ITEM_ATTACH_BASE		= 0x1000,
	KDBUS_ITEM_NAME			= _KDBUS_ITEM_ATTACH_BASE,
	KDBUS_ITEM_ID			= 0x1001,
	KDBUS_ITEM_TIMESTAMP		= 0x1002,
	KDBUS_ITEM_CREDS		= 0x1003,
	KDBUS_ITEM_PID_COMM		= 0x1004,
	KDBUS_ITEM_TID_COMM		= 0x1005,
	KDBUS_ITEM_EXE			= 0x1006,
	KDBUS_ITEM_CMDLINE		= 0x1007,
	KDBUS_ITEM_CGROUP		= 0x1008,
	KDBUS_ITEM_CAPS			= 0x1009,
	KDBUS_ITEM_SECLABEL		= 0x100a,
	KDBUS_ITEM_AUDIT		= 0x100b,
	KDBUS_ITEM_CONN_NAME		= 0x100c,

	_KDBUS_ITEM_POLICY_BASE		= 0x2000,
	KDBUS_ITEM_POLICY_ACCESS	= _KDBUS_ITEM_POLICY_BASE,

	_KDBUS_ITEM_KERNEL_BASE		= 0x8000,
	KDBUS_ITEM_NAME_ADD		= _KDBUS_ITEM_KERNEL_BASE,
	KDBUS_ITEM_NAME_REMOVE		= 0x8001,
	KDBUS_ITEM_NAME_CHANGE		= 0x8002,
	KDBUS_ITEM_ID_ADD		= 0x8003,
	KDBUS_ITEM_ID_REMOVE		= 0x8004,
	KDBUS_ITEM_REPLY_TIMEOUT	= 0x8005,
	KDBUS_ITEM_REPLY_DEAD		= 0x8006,
};

/**
 * struct kdbus_item - a typed piece of a command or message
 * @size:	bytes of header and payload, without padding; more than 16
 * @type:	enum kdbus_item_type
 *
 * The union has a member for each kind of payload.
 */
struct kdbus_item {
	__u64 size;
	__u64 type;
	union {
		__DECLARE_FLEX_ARRAY(__u8, data);
		__DECLARE_FLEX_ARRAY(__u32, data32);
		__DECLARE_FLEX_ARRAY(__u64, data64);
		__DECLARE_FLEX_ARRAY(char, str);

		__u64 id;
		struct kdbus_vec vec;
		struct kdbus_creds creds;
		struct kdbus_audit audit;
		struct kdbus_timestamp timestamp;
		struct kdbus_name name;
		struct kdbus_bloom_parameter bloom_parameter;
		struct kdbus_bloom_filter bloom_filter;
		struct kdbus_memfd memfd;
		__DECLARE_FLEX_ARRAY(int, fds);
		struct kdbus_notify_name_change name_change;
		struct kdbus_notify_id_change id_change;
		struct kdbus_policy_access policy_access;
	};
} __attribute__((aligned(8)));

/**
 * enum kdbus_msg_flags - how a message is sent
 * @KDBUS_MSG_FLAGS_EXPECT_REPLY:  it is a request: @timeout_ns bounds how long
 *	a reply is waited for. Instead of a reply a REPLY_TIMEOUT or REPLY_DEAD
 *	message may come.
 * @KDBUS_MSG_FLAGS_SYNC_REPLY:	   with EXPECT_REPLY: MSG_SEND sleeps until the
 *	reply is there and tells where in @offset_reply
 * @KDBUS_MSG_FLAGS_NO_AUTO_START: do not start the service that is addressed
 */
enum kdbus_msg_flags {
	KDBUS_MSG_FLAGS_EXPECT_REPLY	= 1 << 0,
	KDBUS_MSG_FLAGS_SYNC_REPLY	= 1 << 1,
	KDBUS_MSG_FLAGS_NO_AUTO_START	= 1 << 2,
};

/**
 * enum kdbus_payload_type - what the payload is
 * @KDBUS_PAYLOAD_KERNEL:	a message from the kernel; programs cannot send it
 * @KDBUS_PAYLOAD_DBUS:		D-Bus marshalling, "DBusDBus"
 *
 * Any other value but 0 is between sender and receiver.
 */
enum kdbus_payload_type {
	KDBUS_PAYLOAD_KERNEL	= 0,
	KDBUS_PAYLOAD_DBUS	= 0x4442757344427573ULL,
};

/**
 * struct kdbus_msg - a message, as sent and as received
 * @size:	bytes of header and items, 64 to 8192
 * @flags:	KDBUS_MSG_FLAGS_*
 * @priority:	lower is more urgent; see KDBUS_RECV_USE_PRIORITY
 * @dst_id:	id of the receiver, KDBUS_DST_ID_NAME or KDBUS_DST_ID_BROADCAST
 * @src_id:	id of the sender; in MSG_SEND 0 or the own id
 * @payload_type: enum kdbus_payload_type
 * @cookie:	the sender's number for this message
 * @timeout_ns:	request: how long to wait for the reply, in ns from now
 * @cookie_reply: anything else: cookie of the request it answers, or 0
 * @offset_reply: written by MSG_SEND of a synchronous request: where in the
 *		sender's pool the reply lies, to be given back with FREE
 * @items:	items
 */
struct kdbus_msg {
	__u64 size;
	__u64 flags;
	__s64 priority;
	__u64 dst_id;
	__u64 src_id;
	__u64 payload_type;
	__u64 cookie;
	union {
		__u64 timeout_ns;
		__u64 cookie_reply;
		__u64 offset_reply;
	};
	struct kdbus_item items[];
} __attribute__((aligned(8)));

/**
 * enum kdbus_recv_flags - how a message is received
 * @KDBUS_RECV_PEEK:	it stays queued, and no file descriptors are made; its
 *			offset is to be freed all the same
 * @KDBUS_RECV_DROP:	it is thrown away; wins over PEEK
 * @KDBUS_RECV_USE_PRIORITY: the most urgent message, if its priority value is
 *			at most @priority; else the oldest
 */
enum kdbus_recv_flags {
	KDBUS_RECV_PEEK		= 1 << 0,
	KDBUS_RECV_DROP		= 1 << 1,
	KDBUS_RECV_USE_PRIORITY	= 1 << 2,
};

/**
 * struct kdbus_cmd_recv - argument of MSG_RECV
 * @flags:	in: KDBUS_RECV_*
 * @priority:	in: with USE_PRIORITY, the least urgent priority wanted
 * @offset:	in: 0; out: where in the pool the message lies
 */
struct kdbus_cmd_recv {
	__u64 flags;
	__s64 priority;
	__u64 offset;
} __attribute__((aligned(8)));

/**
 * enum kdbus_policy_access_type - whom a grant is for
 * @_KDBUS_POLICY_ACCESS_NULL:	no type
 * @KDBUS_POLICY_ACCESS_USER:	a user id
 * @KDBUS_POLICY_ACCESS_GROUP:	members of a group
 * @KDBUS_POLICY_ACCESS_WORLD:	everybody
 */
enum kdbus_policy_access_type {
	_KDBUS_POLICY_ACCESS_NULL	= 0,
	KDBUS_POLICY_ACCESS_USER	= 1,
	KDBUS_POLICY_ACCESS_GROUP	= 2,
	KDBUS_POLICY_ACCESS_WORLD	= 3,
};

/**
 * enum kdbus_policy_type - what is granted; each includes those before it
 * @KDBUS_POLICY_SEE:	to learn that the name exists
 * @KDBUS_POLICY_TALK:	to send messages to its owner
 * @KDBUS_POLICY_OWN:	to acquire it
 */
enum kdbus_policy_type {
	KDBUS_POLICY_SEE	= 0,
	KDBUS_POLICY_TALK	= 1,
	KDBUS_POLICY_OWN	= 2,
};

/**
 * enum kdbus_hello_flags - what kind of connection HELLO makes
 * @KDBUS_HELLO_ACCEPT_FD:	it takes messages with file descriptors
 * @KDBUS_HELLO_ACTIVATOR:	it holds a name until a service takes it, and
 *				collects its messages meanwhile
 * @KDBUS_HELLO_POLICY_HOLDER:	it only holds policy entries for a name
 * @KDBUS_HELLO_MONITOR:	it gets copies of what others are sent
 *
 * The last three are for the privileged and exclude each other.
 */
enum kdbus_hello_flags {
	KDBUS_HELLO_ACCEPT_FD		= 1 << 0,
	KDBUS_HELLO_ACTIVATOR		= 1 << 1,
	KDBUS_HELLO_POLICY_HOLDER	= 1 << 2,
	KDBUS_HELLO_MONITOR		= 1 << 3,
};

/**
 * enum kdbus_attach_flags - metadata a connection wants with each message
 * @KDBUS_ATTACH_TIMESTAMP:	KDBUS_ITEM_TIMESTAMP
 * @KDBUS_ATTACH_CREDS:		KDBUS_ITEM_CREDS
 * @KDBUS_ATTACH_NAMES:		a KDBUS_ITEM_NAME per name of the sender
 * @KDBUS_ATTACH_COMM:		KDBUS_ITEM_TID_COMM and KDBUS_ITEM_PID_COMM
 * @KDBUS_ATTACH_EXE:		KDBUS_ITEM_EXE
 * @KDBUS_ATTACH_CMDLINE:	KDBUS_ITEM_CMDLINE
 * @KDBUS_ATTACH_CGROUP:	KDBUS_ITEM_CGROUP
 * @KDBUS_ATTACH_CAPS:		KDBUS_ITEM_CAPS
 * @KDBUS_ATTACH_SECLABEL:	KDBUS_ITEM_SECLABEL
 * @KDBUS_ATTACH_AUDIT:		KDBUS_ITEM_AUDIT
 * @KDBUS_ATTACH_CONN_NAME:	KDBUS_ITEM_CONN_NAME
 * @_KDBUS_ATTACH_ALL:		all of them
 */
enum kdbus_attach_flags {
	KDBUS_ATTACH_TIMESTAMP	= 1 << 0,
	KDBUS_ATTACH_CREDS	= 1 << 1,
	KDBUS_ATTACH_NAMES	= 1 << 2,
	KDBUS_ATTACH_COMM	= 1 << 3,
	KDBUS_ATTACH_EXE	= 1 << 4,
	KDBUS_ATTACH_CMDLINE	= 1 << 5,
	KDBUS_ATTACH_CGROUP	= 1 << 6,
	KDBUS_ATTACH_CAPS	= 1 << 7,
	KDBUS_ATTACH_SECLABEL	= 1 << 8,
	KDBUS_ATTACH_AUDIT	= 1 << 9,
	KDBUS_ATTACH_CONN_NAME	= 1 << 10,
	_KDBUS_ATTACH_ALL	= (1 << 11) - 1,
};

/**
 * struct kdbus_cmd_hello - argument of HELLO
 * @size:	in: size of the command
 * @conn_flags:	in: KDBUS_HELLO_*; the high 32 bits must be 0
 * @attach_flags: in: KDBUS_ATTACH_* the connection wants
 * @bus_flags:	out: flags of BUS_MAKE
 * @id:		out: id of the connection, from 1
 * @pool_size:	in: bytes of the pool, a multiple of the page size
 * @bloom:	out: the bus's bloom parameters
 * @id128:	out: random id of the bus
 * @items:	in: CONN_NAME; NAME and POLICY_ACCESS for activators and policy
 *		holders; CREDS and SECLABEL for the privileged
 */
struct kdbus_cmd_hello {
	__u64 size;
	__u64 conn_flags;
	__u64 attach_flags;
	__u64 bus_flags;
	__u64 id;
	__u64 pool_size;
	struct kdbus_bloom_parameter bloom;
	__u8 id128[16];
	struct kdbus_item items[];
} __attribute__((aligned(8)));

/**
 * enum kdbus_make_flags - who may open the node that is made
 * @KDBUS_MAKE_ACCESS_GROUP:	the maker's group too (mode 0660)
 * @KDBUS_MAKE_ACCESS_WORLD:	everybody (mode 0666)
 */
enum kdbus_make_flags {
	KDBUS_MAKE_ACCESS_GROUP	= 1 << 0,
	KDBUS_MAKE_ACCESS_WORLD	= 1 << 1,
};

/**
 * struct kdbus_cmd_make - argument of BUS_MAKE, EP_MAKE and DOMAIN_MAKE
 * @size:	in: size of the command
 * @flags:	in: KDBUS_MAKE_*; the high 32 bits must be 0
 * @items:	in: MAKE_NAME; BLOOM_PARAMETER for a bus; a policy for an
 *		endpoint
 */
struct kdbus_cmd_make {
	__u64 size;
	__u64 flags;
	struct kdbus_item items[];
} __attribute__((aligned(8)));

/**
 * enum kdbus_name_flags - how a name is asked for and owned
 * @KDBUS_NAME_REPLACE_EXISTING:  take it from an owner who allows that
 * @KDBUS_NAME_ALLOW_REPLACEMENT: others may take it
 * @KDBUS_NAME_QUEUE:		  wait for it, now or after it was taken
 * @KDBUS_NAME_IN_QUEUE:	  out: it is waited for
 * @KDBUS_NAME_ACTIVATOR:	  out: an activator has it
 */
enum kdbus_name_flags {
	KDBUS_NAME_REPLACE_EXISTING	= 1 << 0,
	KDBUS_NAME_ALLOW_REPLACEMENT	= 1 << 1,
	KDBUS_NAME_QUEUE		= 1 << 2,
	KDBUS_NAME_IN_QUEUE		= 1 << 3,
	KDBUS_NAME_ACTIVATOR		= 1 << 4,
};

/**
 * struct kdbus_cmd_name - a name, in NAME_ACQUIRE, NAME_RELEASE and NAME_LIST
 * @size:	bytes of the struct with the name
 * @flags:	KDBUS_NAME_*
 * @owner_id:	list: id of the connection
 * @conn_flags:	list: its KDBUS_HELLO_* flags
 * @name:	the name, NUL-terminated; 255 bytes at the most
 */
struct kdbus_cmd_name {
	__u64 size;
	__u64 flags;
	__u64 owner_id;
	__u64 conn_flags;
	char name[];
} __attribute__((aligned(8)));

/**
 * enum kdbus_name_list_flags - what NAME_LIST lists
 * @KDBUS_NAME_LIST_UNIQUE:	a record without name for connections that
 *				have no other record
 * @KDBUS_NAME_LIST_NAMES:	names and who owns them
 * @KDBUS_NAME_LIST_ACTIVATORS:	names of activators too
 * @KDBUS_NAME_LIST_QUEUED:	names and who waits for them
 */
enum kdbus_name_list_flags {
	KDBUS_NAME_LIST_UNIQUE		= 1 << 0,
	KDBUS_NAME_LIST_NAMES		= 1 << 1,
	KDBUS_NAME_LIST_ACTIVATORS	= 1 << 2,
	KDBUS_NAME_LIST_QUEUED		= 1 << 3,
};

/**
 * struct kdbus_cmd_name_list - argument of NAME_LIST
 * @flags:	in: KDBUS_NAME_LIST_*
 * @offset:	out: where in the pool the list lies, to be given back with FREE
 */
struct kdbus_cmd_name_list {
	__u64 flags;
	__u64 offset;
} __attribute__((aligned(8)));

/**
 * struct kdbus_name_list - what NAME_LIST wrote into the pool
 * @size:	bytes of the list
 * @names:	records, each at a multiple of 8; one without a name has size 32
 */
struct kdbus_name_list {
	__u64 size;
	struct kdbus_cmd_name names[];
} __attribute__((aligned(8)));

/**
 * struct kdbus_cmd_conn_info - argument of CONN_INFO
 * @size:	in: size of the command
 * @flags:	in: KDBUS_ATTACH_* that are wanted
 * @id:		in: the connection; 0 to ask by @name
 * @offset:	out: where in the pool the answer lies, to be given back with
 *		FREE
 * @name:	in: name of the connection, NUL-terminated
 */
struct kdbus_cmd_conn_info {
	__u64 size;
	__u64 flags;
	__u64 id;
	__u64 offset;
	char name[];
} __attribute__((aligned(8)));

/**
 * struct kdbus_conn_info - what CONN_INFO wrote into the pool
 * @size:	bytes of the answer
 * @id:		id of the connection
 * @flags:	its KDBUS_HELLO_* flags
 * @items:	metadata of whoever opened the connection's file
 */
struct kdbus_conn_info {
	__u64 size;
	__u64 id;
	__u64 flags;
	struct kdbus_item items[];
} __attribute__((aligned(8)));

/**
 * struct kdbus_cmd_update - argument of CONN_UPDATE and EP_UPDATE
 * @size:	in: size of the command
 * @items:	in: ATTACH_FLAGS, or a policy
 */
struct kdbus_cmd_update {
	__u64 size;
	struct kdbus_item items[];
} __attribute__((aligned(8)));

/**
 * struct kdbus_cmd_match - argument of MATCH_ADD and MATCH_REMOVE
 * @size:	in: size of the command
 * @cookie:	in: the caller's number for the match
 * @items:	in: rules, all of which must fit
 */
struct kdbus_cmd_match {
	__u64 size;
	__u64 cookie;
	struct kdbus_item items[];
} __attribute__((aligned(8)));

/**
 * struct kdbus_cmd_memfd_make - argument of MEMFD_NEW
 * @size:	in: size of the command
 * @file_size:	in: bytes of the new file
 * @fd:		out: its file descriptor
 * @items:	in: MEMFD_NAME
 */
struct kdbus_cmd_memfd_make {
	__u64 size;
	__u64 file_size;
	int fd;
	__u32 __pad;
	struct kdbus_item items[];
} __attribute__((aligned(8)));

/**
 * enum kdbus_ioctl_type - the commands
 * @KDBUS_CMD_BUS_MAKE:	   control node: make a bus, which lives as long as the
 *	file. EBADMSG, EEXIST, EINVAL, EMFILE, EMSGSIZE, ENAMETOOLONG,
 *	EOPNOTSUPP, ESHUTDOWN
 * @KDBUS_CMD_DOMAIN_MAKE: control node: make a domain, likewise. And EPERM
 * @KDBUS_CMD_EP_MAKE:	   endpoint: make another endpoint of its bus with a
 *	policy of its own, likewise
 * @KDBUS_CMD_HELLO:	   endpoint: become a connection. EFAULT (also for the
 *	pool size), EINVAL, EMFILE, EMSGSIZE, EOPNOTSUPP, EPERM, ESHUTDOWN
 * @KDBUS_CMD_BYEBYE:	   end the connection if nothing is to be received.
 *	EALREADY, EBUSY
 * @KDBUS_CMD_MSG_SEND:	   send a struct kdbus_msg. See docs for its errors
 * @KDBUS_CMD_MSG_RECV:	   receive into the pool. EAGAIN, EINVAL, EMFILE,
 *	ENOMSG
 * @KDBUS_CMD_MSG_CANCEL:  end the own synchronous requests with a cookie.
 *	ENOENT
 * @KDBUS_CMD_FREE:	   give back what lies at an offset of the pool. ENXIO
 * @KDBUS_CMD_NAME_ACQUIRE: ask for a name. E2BIG, EALREADY, EEXIST, EINVAL,
 *	EPERM
 * @KDBUS_CMD_NAME_RELEASE: give a name up. EADDRINUSE, EINVAL, ESRCH
 * @KDBUS_CMD_NAME_LIST:   list connections and names. ENOBUFS
 * @KDBUS_CMD_CONN_INFO:   learn about a connection. EINVAL, ENOBUFS, ENXIO,
 *	ESRCH
 * @KDBUS_CMD_CONN_UPDATE: change what metadata, or which policy, a connection
 *	has. EINVAL, EOPNOTSUPP
 * @KDBUS_CMD_EP_UPDATE:   change the policy of the endpoint the file owns
 * @KDBUS_CMD_MATCH_ADD:   ask for broadcasts. EDOM, EINVAL
 * @KDBUS_CMD_MATCH_REMOVE: remove all own matches with a cookie
 * @KDBUS_CMD_MEMFD_NEW:   make a memfd
 * @KDBUS_CMD_MEMFD_SIZE_GET: memfd: its size in bytes
 * @KDBUS_CMD_MEMFD_SIZE_SET: memfd: change it. EALREADY, EPERM
 * @KDBUS_CMD_MEMFD_SEAL_GET: memfd: 1 if it is sealed
 * @KDBUS_CMD_MEMFD_SEAL_SET: memfd: seal or unseal it, while nobody else has
 *	it. EALREADY, ETXTBSY
 *
 * Every command can fail with EFAULT (bad or misaligned pointer), ENOMEM, and
 * ENOTTY (not a command of this file); those of a connection that is gone with
 * ECONNRESET.
 */
enum kdbus_ioctl_type {
	KDBUS_CMD_BUS_MAKE =		_IOW(KDBUS_IOCTL_MAGIC, 0x00,
					     struct kdbus_cmd_make),
	KDBUS_CMD_DOMAIN_MAKE =		_IOW(KDBUS_IOCTL_MAGIC, 0x10,
					     struct kdbus_cmd_make),
	KDBUS_CMD_EP_MAKE =		_IOW(KDBUS_IOCTL_MAGIC, 0x20,
					     struct kdbus_cmd_make),

	KDBUS_CMD_HELLO =		_IOWR(KDBUS_IOCTL_MAGIC, 0x30,
					      struct kdbus_cmd_hello),
	KDBUS_CMD_BYEBYE =		_IO(KDBUS_IOCTL_MAGIC, 0x31),

	KDBUS_CMD_MSG_SEND =		_IOWR(KDBUS_IOCTL_MAGIC, 0x40,
					      struct kdbus_msg),
	KDBUS_CMD_MSG_RECV =		_IOWR(KDBUS_IOCTL_MAGIC, 0x41,
					      struct kdbus_cmd_recv),
	KDBUS_CMD_MSG_CANCEL =		_IOW(KDBUS_IOCTL_MAGIC, 0x42, __u64 *),
	KDBUS_CMD_FREE =		_IOW(KDBUS_IOCTL_MAGIC, 0x43, __u64 *),

	KDBUS_CMD_NAME_ACQUIRE =	_IOWR(KDBUS_IOCTL_MAGIC, 0x50,
					      struct kdbus_cmd_name),
	KDBUS_CMD_NAME_RELEASE =	_IOW(KDBUS_IOCTL_MAGIC, 0x51,
					     struct kdbus_cmd_name),
	KDBUS_CMD_NAME_LIST =		_IOWR(KDBUS_IOCTL_MAGIC, 0x52,
					      struct kdbus_cmd_name_list),

	KDBUS_CMD_CONN_INFO =		_IOWR(KDBUS_IOCTL_MAGIC, 0x60,
					      struct kdbus_cmd_conn_info),
	KDBUS_CMD_CONN_UPDATE =		_IOW(KDBUS_IOCTL_MAGIC, 0x61,
					     struct kdbus_cmd_update),

	KDBUS_CMD_EP_UPDATE =		_IOW(KDBUS_IOCTL_MAGIC, 0x71,
					     struct kdbus_cmd_update),

	KDBUS_CMD_MATCH_ADD =		_IOW(KDBUS_IOCTL_MAGIC, 0x80,
					     struct kdbus_cmd_match),
	KDBUS_CMD_MATCH_REMOVE =	_IOW(KDBUS_IOCTL_MAGIC, 0x81,
					     struct kdbus_cmd_match),

	KDBUS_CMD_MEMFD_NEW =		_IOWR(KDBUS_IOCTL_MAGIC, 0xc0,
					      struct kdbus_cmd_memfd_make),
	KDBUS_CMD_MEMFD_SIZE_GET =	_IOR(KDBUS_IOCTL_MAGIC, 0xc1, __u64 *),
	KDBUS_CMD_MEMFD_SIZE_SET =	_IOW(KDBUS_IOCTL_MAGIC, 0xc2, __u64 *),
	KDBUS_CMD_MEMFD_SEAL_GET =	_IOR(KDBUS_IOCTL_MAGIC, 0xc3, int *),
	KDBUS_CMD_MEMFD_SEAL_SET =	_IO(KDBUS_IOCTL_MAGIC, 0xc4),
};

#endif /* _LINUX_KDBUS_H */
