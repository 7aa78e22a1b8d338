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

#define KDBUS_TRACE_SCHEMA_VERSION 1

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
	X(KDBUS_QUOTA_NOTICES,		11, "notices")

#define KDBUS_ENUM_ENTRY(sym, num, text) sym = num,
enum kdbus_conn_end { KDBUS_CONN_END_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_msg_kind { KDBUS_MSG_KIND_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_msg_drop_reason { KDBUS_MSG_DROP_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_call_end_outcome { KDBUS_CALL_END_TABLE(KDBUS_ENUM_ENTRY) };
enum kdbus_quota_kind { KDBUS_QUOTA_TABLE(KDBUS_ENUM_ENTRY) };
#undef KDBUS_ENUM_ENTRY

#endif /* KDBUS_ENUMS_H */
