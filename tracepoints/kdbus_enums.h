/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The values that trace events use and that the ABI header does not name.
 *
 * One table for everybody: the trace events print them, the module passes
 * them, BPF programs and user space read them. A table is X(symbol, number,
 * "text"); the numbers are part of the schema (schema.rst) and never change
 * their meaning.
 */
#ifndef KDBUS_ENUMS_H
#define KDBUS_ENUMS_H

#define KDBUS_TRACE_SCHEMA_VERSION 2

/* why a connection ended */
#define KDBUS_CONN_END_TABLE(X)						\
	X(KDBUS_CONN_END_BYEBYE,	1, "byebye")			\
	X(KDBUS_CONN_END_CLOSE,		2, "close")			\
	X(KDBUS_CONN_END_SHUTDOWN,	3, "shutdown")

/* what a queued message is to its receiver */
#define KDBUS_MSG_KIND_TABLE(X)						\
	X(KDBUS_MSG_KIND_SIGNAL,	1, "signal")			\
	X(KDBUS_MSG_KIND_CALL,		2, "call")			\
	X(KDBUS_MSG_KIND_REPLY,		3, "reply")			\
	X(KDBUS_MSG_KIND_SYNC_REPLY,	4, "sync_reply")		\
	X(KDBUS_MSG_KIND_NOTIFY,	5, "notify")			\
	X(KDBUS_MSG_KIND_COPY,		6, "copy")

/* why a queued message never reached its receiver's hands */
#define KDBUS_MSG_DROP_TABLE(X)						\
	X(KDBUS_MSG_DROP_REQUESTED,	1, "requested")			\
	X(KDBUS_MSG_DROP_DISCONNECT,	2, "disconnect")		\
	X(KDBUS_MSG_DROP_LATE_REPLY,	3, "late_reply")		\
	X(KDBUS_MSG_DROP_FAULT,		4, "fault")			\
	X(KDBUS_MSG_DROP_UNDELIVERED,	5, "undelivered")		\
	X(KDBUS_MSG_DROP_MOVE,		6, "move")

/* how a call ended; each call ends exactly once */
#define KDBUS_CALL_END_TABLE(X)						\
	X(KDBUS_CALL_END_ANSWERED,	1, "answered")			\
	X(KDBUS_CALL_END_TIMEOUT,	2, "timeout")			\
	X(KDBUS_CALL_END_DEAD,		3, "dead")			\
	X(KDBUS_CALL_END_CANCELLED,	4, "cancelled")			\
	X(KDBUS_CALL_END_INTERRUPTED,	5, "interrupted")		\
	X(KDBUS_CALL_END_UNDELIVERED,	6, "undelivered")		\
	X(KDBUS_CALL_END_ABANDONED,	7, "abandoned")

/* which bound a refused charge ran into */
#define KDBUS_QUOTA_TABLE(X)						\
	X(KDBUS_QUOTA_MSGS,		1, "msgs")			\
	X(KDBUS_QUOTA_FDS,		2, "fds")			\
	X(KDBUS_QUOTA_SHARE,		3, "share")			\
	X(KDBUS_QUOTA_POOL,		4, "pool")			\
	X(KDBUS_QUOTA_REQUESTS,		5, "requests")			\
	X(KDBUS_QUOTA_NAMES,		6, "names")			\
	X(KDBUS_QUOTA_CONNS,		7, "conns")			\
	X(KDBUS_QUOTA_BUSES,		8, "buses")			\
	X(KDBUS_QUOTA_ENDPOINTS,	9, "endpoints")			\
	X(KDBUS_QUOTA_MATCHES,		10, "matches")			\
	X(KDBUS_QUOTA_NOTICES,		11, "notices")			\
	X(KDBUS_QUOTA_FILES,		12, "files")			\
	X(KDBUS_QUOTA_MATCH_BYTES,	13, "match_bytes")		\
	X(KDBUS_QUOTA_DOMAINS,		14, "domains")			\
	X(KDBUS_QUOTA_BUS_MATCHES,	15, "bus_matches")

/* which command was refused: _IOC_NR() of its number, as the ABI has it */
#define KDBUS_CMD_TABLE(X)						\
	X(KDBUS_TRACE_CMD_BUS_MAKE,	0x00, "bus_make")		\
	X(KDBUS_TRACE_CMD_DOMAIN_MAKE,	0x10, "domain_make")		\
	X(KDBUS_TRACE_CMD_EP_MAKE,	0x20, "ep_make")		\
	X(KDBUS_TRACE_CMD_HELLO,	0x30, "hello")			\
	X(KDBUS_TRACE_CMD_BYEBYE,	0x31, "byebye")			\
	X(KDBUS_TRACE_CMD_MSG_SEND,	0x40, "msg_send")		\
	X(KDBUS_TRACE_CMD_MSG_RECV,	0x41, "msg_recv")		\
	X(KDBUS_TRACE_CMD_MSG_CANCEL,	0x42, "msg_cancel")		\
	X(KDBUS_TRACE_CMD_FREE,		0x43, "free")			\
	X(KDBUS_TRACE_CMD_NAME_ACQUIRE,	0x50, "name_acquire")		\
	X(KDBUS_TRACE_CMD_NAME_RELEASE,	0x51, "name_release")		\
	X(KDBUS_TRACE_CMD_NAME_LIST,	0x52, "name_list")		\
	X(KDBUS_TRACE_CMD_CONN_INFO,	0x60, "conn_info")		\
	X(KDBUS_TRACE_CMD_CONN_UPDATE,	0x61, "conn_update")		\
	X(KDBUS_TRACE_CMD_EP_UPDATE,	0x71, "ep_update")		\
	X(KDBUS_TRACE_CMD_MATCH_ADD,	0x80, "match_add")		\
	X(KDBUS_TRACE_CMD_MATCH_REMOVE,	0x81, "match_remove")		\
	X(KDBUS_TRACE_CMD_MEMFD_NEW,	0xc0, "memfd_new")		\
	X(KDBUS_TRACE_CMD_MEMFD_SIZE_GET, 0xc1, "memfd_size_get")	\
	X(KDBUS_TRACE_CMD_MEMFD_SIZE_SET, 0xc2, "memfd_size_set")	\
	X(KDBUS_TRACE_CMD_MEMFD_SEAL_GET, 0xc3, "memfd_seal_get")	\
	X(KDBUS_TRACE_CMD_MEMFD_SEAL_SET, 0xc4, "memfd_seal_set")

#define KDBUS_ENUM_ENTRY(sym, num, text) sym = num,
enum kdbus_conn_end { KDBUS_CONN_END_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_msg_kind { KDBUS_MSG_KIND_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_msg_drop_reason { KDBUS_MSG_DROP_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_call_end_outcome { KDBUS_CALL_END_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_quota_kind { KDBUS_QUOTA_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_trace_cmd { KDBUS_CMD_TABLE(KDBUS_ENUM_ENTRY) };
#undef KDBUS_ENUM_ENTRY

#endif /* KDBUS_ENUMS_H */
