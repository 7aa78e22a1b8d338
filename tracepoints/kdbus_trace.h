/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The trace events of kdbus; schema.rst describes each event and field.
 *
 * Every object is named by an id that is never reused while the module is
 * loaded: domains, buses, endpoints and messages module-wide, connections
 * and names per bus. No field holds a kernel address or payload. All times
 * are nanoseconds of CLOCK_MONOTONIC; KDBUS_TRACE_UNKNOWN_NS stands where
 * nobody was watching when the clock would have been read.
 *
 * Events about one message fire in the order send, queue, then recv or drop;
 * those of one call in the order start, reply, end. A refused send fires
 * kdbus_msg_send alone, with its errno. None fires with a spinlock held.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kdbus

#if !defined(KDBUS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KDBUS_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>
#include "kdbus_enums.h"
#include "kdbus_trace_types.h"

#ifndef KDBUS_TRACE_UNKNOWN_NS
#define KDBUS_TRACE_UNKNOWN_NS (~0ULL)
#endif

#define KDBUS_TRACE_DEFINE(sym, num, text) TRACE_DEFINE_ENUM(sym);
KDBUS_CONN_END_TABLE(KDBUS_TRACE_DEFINE)
KDBUS_MSG_KIND_TABLE(KDBUS_TRACE_DEFINE)
KDBUS_MSG_DROP_TABLE(KDBUS_TRACE_DEFINE)
KDBUS_CALL_END_TABLE(KDBUS_TRACE_DEFINE)
KDBUS_QUOTA_TABLE(KDBUS_TRACE_DEFINE)
KDBUS_CMD_TABLE(KDBUS_TRACE_DEFINE)
#undef KDBUS_TRACE_DEFINE

/* __print_symbolic() takes a list without a trailing comma */
#ifndef KDBUS_TRACE_SYMBOLS
#define KDBUS_TRACE_SYMBOLS
#define KDBUS_TRACE_SYM(sym, num, text) { sym, text },
#define kdbus_print_conn_end(v) __print_symbolic(v, KDBUS_CONN_END_TABLE(KDBUS_TRACE_SYM) { 0, "none" })
#define kdbus_print_msg_kind(v) __print_symbolic(v, KDBUS_MSG_KIND_TABLE(KDBUS_TRACE_SYM) { 0, "none" })
#define kdbus_print_msg_drop(v) __print_symbolic(v, KDBUS_MSG_DROP_TABLE(KDBUS_TRACE_SYM) { 0, "none" })
#define kdbus_print_call_end(v) __print_symbolic(v, KDBUS_CALL_END_TABLE(KDBUS_TRACE_SYM) { 0, "none" })
#define kdbus_print_quota(v) __print_symbolic(v, KDBUS_QUOTA_TABLE(KDBUS_TRACE_SYM) { 0, "none" })
#define kdbus_print_msg_flags(v) __print_flags(v, "|",		\
	{ 1, "expect_reply" }, { 2, "sync_reply" }, { 4, "no_auto_start" })
#define kdbus_print_recv_flags(v) __print_flags(v, "|",		\
	{ 1, "peek" }, { 2, "drop" }, { 4, "use_priority" })
#define kdbus_print_conn_flags(v) __print_flags(v, "|",		\
	{ 1, "accept_fd" }, { 2, "activator" },			\
	{ 4, "policy_holder" }, { 8, "monitor" })
#define kdbus_print_name_flags(v) __print_flags(v, "|",		\
	{ 1, "replace_existing" }, { 2, "allow_replacement" },	\
	{ 4, "queue" }, { 8, "in_queue" }, { 16, "activator" })
#define kdbus_print_policy_level(v) __print_symbolic(v,		\
	{ 0, "see" }, { 1, "talk" }, { 2, "own" })
#define kdbus_print_notify_type(v) __print_symbolic(v,		\
	{ 0x8000, "name_add" }, { 0x8001, "name_remove" },	\
	{ 0x8002, "name_change" }, { 0x8003, "id_add" },	\
	{ 0x8004, "id_remove" }, { 0x8005, "reply_timeout" },	\
	{ 0x8006, "reply_dead" })
#define kdbus_print_cmd(v) __print_symbolic(v, KDBUS_CMD_TABLE(KDBUS_TRACE_SYM) { -1, "unknown" })
#endif

/* ---- objects ---------------------------------------------------------- */

TRACE_EVENT(kdbus_domain_new,
	TP_PROTO(u64 domain, u64 parent, const char *name),
	TP_ARGS(domain, parent, name),
	TP_STRUCT__entry(
		__field(u64, domain)
		__field(u64, parent)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->parent = parent;
		kdbus_assign_str(name, name);
	),
	TP_printk("domain=%llu parent=%llu name=%s",
		  __entry->domain, __entry->parent, __get_str(name))
);

TRACE_EVENT(kdbus_domain_dead,
	TP_PROTO(u64 domain),
	TP_ARGS(domain),
	TP_STRUCT__entry(
		__field(u64, domain)
	),
	TP_fast_assign(
		__entry->domain = domain;
	),
	TP_printk("domain=%llu", __entry->domain)
);

TRACE_EVENT(kdbus_bus_new,
	TP_PROTO(u64 domain, u64 bus, u64 flags, u32 uid, const char *name),
	TP_ARGS(domain, bus, flags, uid, name),
	TP_STRUCT__entry(
		__field(u64, domain)
		__field(u64, bus)
		__field(u64, flags)
		__field(u32, uid)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->bus = bus;
		__entry->flags = flags;
		__entry->uid = uid;
		kdbus_assign_str(name, name);
	),
	TP_printk("domain=%llu bus=%llu flags=%s uid=%u name=%s",
		  __entry->domain, __entry->bus,
		  __print_flags(__entry->flags, "|", { 1, "access_group" },
				{ 2, "access_world" }),
		  __entry->uid, __get_str(name))
);

TRACE_EVENT(kdbus_bus_dead,
	TP_PROTO(u64 domain, u64 bus),
	TP_ARGS(domain, bus),
	TP_STRUCT__entry(
		__field(u64, domain)
		__field(u64, bus)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->bus = bus;
	),
	TP_printk("domain=%llu bus=%llu", __entry->domain, __entry->bus)
);

TRACE_EVENT(kdbus_endpoint_new,
	TP_PROTO(u64 bus, u64 endpoint, u32 mode, u32 uid, u32 gid,
		 const char *name),
	TP_ARGS(bus, endpoint, mode, uid, gid, name),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, endpoint)
		__field(u32, mode)
		__field(u32, uid)
		__field(u32, gid)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->endpoint = endpoint;
		__entry->mode = mode;
		__entry->uid = uid;
		__entry->gid = gid;
		kdbus_assign_str(name, name);
	),
	TP_printk("bus=%llu endpoint=%llu mode=0%o uid=%u gid=%u name=%s",
		  __entry->bus, __entry->endpoint, __entry->mode,
		  __entry->uid, __entry->gid, __get_str(name))
);

TRACE_EVENT(kdbus_endpoint_dead,
	TP_PROTO(u64 bus, u64 endpoint),
	TP_ARGS(bus, endpoint),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, endpoint)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->endpoint = endpoint;
	),
	TP_printk("bus=%llu endpoint=%llu", __entry->bus, __entry->endpoint)
);

TRACE_EVENT(kdbus_conn_new,
	TP_PROTO(u64 bus, u64 conn, u64 endpoint, u64 flags, u64 attach_flags,
		 u64 pool_size, u32 uid, u32 pid, const char *comm,
		 const char *name),
	TP_ARGS(bus, conn, endpoint, flags, attach_flags, pool_size, uid, pid,
		comm, name),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, endpoint)
		__field(u64, flags)
		__field(u64, attach_flags)
		__field(u64, pool_size)
		__field(u32, uid)
		__field(u32, pid)
		__array(char, comm, 16)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->endpoint = endpoint;
		__entry->flags = flags;
		__entry->attach_flags = attach_flags;
		__entry->pool_size = pool_size;
		__entry->uid = uid;
		__entry->pid = pid;
		memcpy(__entry->comm, comm, 16);
		kdbus_assign_str(name, name);
	),
	TP_printk("bus=%llu conn=%llu endpoint=%llu flags=%s attach_flags=0x%llx pool_size=%llu uid=%u pid=%u comm=%s name=%s",
		  __entry->bus, __entry->conn, __entry->endpoint,
		  kdbus_print_conn_flags(__entry->flags), __entry->attach_flags,
		  __entry->pool_size, __entry->uid, __entry->pid,
		  __entry->comm, __get_str(name))
);

TRACE_EVENT(kdbus_conn_dead,
	TP_PROTO(u64 bus, u64 conn, u32 reason),
	TP_ARGS(bus, conn, reason),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u32, reason)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->reason = reason;
	),
	TP_printk("bus=%llu conn=%llu reason=%s", __entry->bus, __entry->conn,
		  kdbus_print_conn_end(__entry->reason))
);

TRACE_EVENT(kdbus_conn_update,
	TP_PROTO(u64 bus, u64 conn, u64 attach_flags),
	TP_ARGS(bus, conn, attach_flags),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, attach_flags)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->attach_flags = attach_flags;
	),
	TP_printk("bus=%llu conn=%llu attach_flags=0x%llx", __entry->bus,
		  __entry->conn, __entry->attach_flags)
);

TRACE_EVENT(kdbus_cmd_refuse,
	TP_PROTO(u64 bus, u64 conn, u32 cmd, int ret),
	TP_ARGS(bus, conn, cmd, ret),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u32, cmd)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->cmd = cmd;
		__entry->ret = ret;
	),
	TP_printk("bus=%llu conn=%llu cmd=%s ret=%d", __entry->bus,
		  __entry->conn, kdbus_print_cmd(__entry->cmd), __entry->ret)
);

/* ---- messages --------------------------------------------------------- */

TRACE_EVENT(kdbus_msg_send,
	TP_PROTO(const struct kdbus_trace_msg *m),
	TP_ARGS(m),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, src)
		__field(u64, dst)
		__field(u64, msg)
		__field(u64, cookie)
		__field(u64, cookie_reply)
		__field(u64, timeout_ns)
		__field(u64, flags)
		__field(s64, priority)
		__field(u64, bytes)
		__field(u64, name_id)
		__field(u32, n_fds)
		__field(u32, n_memfds)
		__field(int, ret)
		__string(dst_name, m->dst_name)
	),
	TP_fast_assign(
		__entry->bus = m->bus;
		__entry->src = m->src;
		__entry->dst = m->dst;
		__entry->msg = m->msg;
		__entry->cookie = m->cookie;
		__entry->cookie_reply = m->cookie_reply;
		__entry->timeout_ns = m->timeout_ns;
		__entry->flags = m->flags;
		__entry->priority = m->priority;
		__entry->bytes = m->bytes;
		__entry->name_id = m->name_id;
		__entry->n_fds = m->n_fds;
		__entry->n_memfds = m->n_memfds;
		__entry->ret = m->ret;
		kdbus_assign_str(dst_name, m->dst_name);
	),
	TP_printk("bus=%llu src=%llu dst=%lld msg=%llu cookie=%llu cookie_reply=%llu timeout_ns=%llu flags=%s priority=%lld bytes=%llu name_id=%llu n_fds=%u n_memfds=%u ret=%d dst_name=%s",
		  __entry->bus, __entry->src, (s64)__entry->dst, __entry->msg,
		  __entry->cookie, __entry->cookie_reply, __entry->timeout_ns,
		  kdbus_print_msg_flags(__entry->flags), __entry->priority,
		  __entry->bytes, __entry->name_id, __entry->n_fds,
		  __entry->n_memfds, __entry->ret, __get_str(dst_name))
);

TRACE_EVENT(kdbus_msg_queue,
	TP_PROTO(const struct kdbus_trace_queue *q),
	TP_ARGS(q),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, src)
		__field(u64, msg)
		__field(u64, seq)
		__field(u64, cookie)
		__field(u64, name_id)
		__field(u64, offset)
		__field(u64, bytes)
		__field(u64, used)
		__field(u64, pool_size)
		__field(u32, depth)
		__field(u32, kind)
	),
	TP_fast_assign(
		__entry->bus = q->bus;
		__entry->conn = q->conn;
		__entry->src = q->src;
		__entry->msg = q->msg;
		__entry->seq = q->seq;
		__entry->cookie = q->cookie;
		__entry->name_id = q->name_id;
		__entry->offset = q->offset;
		__entry->bytes = q->bytes;
		__entry->used = q->used;
		__entry->pool_size = q->pool_size;
		__entry->depth = q->depth;
		__entry->kind = q->kind;
	),
	TP_printk("bus=%llu conn=%llu src=%llu msg=%llu seq=%llu cookie=%llu name_id=%llu offset=%llu bytes=%llu used=%llu pool_size=%llu depth=%u kind=%s",
		  __entry->bus, __entry->conn, __entry->src, __entry->msg,
		  __entry->seq, __entry->cookie, __entry->name_id,
		  __entry->offset, __entry->bytes, __entry->used,
		  __entry->pool_size, __entry->depth,
		  kdbus_print_msg_kind(__entry->kind))
);

TRACE_EVENT(kdbus_msg_recv,
	TP_PROTO(u64 bus, u64 conn, u64 src, u64 msg, u64 cookie, u64 bytes,
		 u64 wait_ns, u64 flags, u32 depth, u32 kind, int ret,
		 u64 name_id),
	TP_ARGS(bus, conn, src, msg, cookie, bytes, wait_ns, flags, depth,
		kind, ret, name_id),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, src)
		__field(u64, msg)
		__field(u64, cookie)
		__field(u64, bytes)
		__field(u64, wait_ns)
		__field(u64, flags)
		__field(u32, depth)
		__field(u32, kind)
		__field(int, ret)
		__field(u64, name_id)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->src = src;
		__entry->msg = msg;
		__entry->cookie = cookie;
		__entry->bytes = bytes;
		__entry->wait_ns = wait_ns;
		__entry->flags = flags;
		__entry->depth = depth;
		__entry->kind = kind;
		__entry->ret = ret;
		__entry->name_id = name_id;
	),
	TP_printk("bus=%llu conn=%llu src=%llu msg=%llu cookie=%llu bytes=%llu wait_ns=%lld flags=%s depth=%u kind=%s ret=%d name_id=%llu",
		  __entry->bus, __entry->conn, __entry->src, __entry->msg,
		  __entry->cookie, __entry->bytes, (s64)__entry->wait_ns,
		  kdbus_print_recv_flags(__entry->flags), __entry->depth,
		  kdbus_print_msg_kind(__entry->kind), __entry->ret,
		  __entry->name_id)
);

TRACE_EVENT(kdbus_msg_drop,
	TP_PROTO(u64 bus, u64 conn, u64 src, u64 msg, u64 cookie, u64 bytes,
		 u32 reason, u32 kind, u64 name_id, int ret),
	TP_ARGS(bus, conn, src, msg, cookie, bytes, reason, kind, name_id,
		ret),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, src)
		__field(u64, msg)
		__field(u64, cookie)
		__field(u64, bytes)
		__field(u32, reason)
		__field(u32, kind)
		__field(u64, name_id)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->src = src;
		__entry->msg = msg;
		__entry->cookie = cookie;
		__entry->bytes = bytes;
		__entry->reason = reason;
		__entry->kind = kind;
		__entry->name_id = name_id;
		__entry->ret = ret;
	),
	TP_printk("bus=%llu conn=%lld src=%llu msg=%llu cookie=%llu bytes=%llu reason=%s kind=%s name_id=%llu ret=%d",
		  __entry->bus, (s64)__entry->conn, __entry->src, __entry->msg,
		  __entry->cookie, __entry->bytes,
		  kdbus_print_msg_drop(__entry->reason),
		  kdbus_print_msg_kind(__entry->kind), __entry->name_id,
		  __entry->ret)
);

TRACE_EVENT(kdbus_msg_move,
	TP_PROTO(u64 bus, u64 from, u64 to, u64 msg, u64 name_id),
	TP_ARGS(bus, from, to, msg, name_id),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, from)
		__field(u64, to)
		__field(u64, msg)
		__field(u64, name_id)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->from = from;
		__entry->to = to;
		__entry->msg = msg;
		__entry->name_id = name_id;
	),
	TP_printk("bus=%llu from=%llu to=%llu msg=%llu name_id=%llu",
		  __entry->bus, __entry->from, __entry->to, __entry->msg,
		  __entry->name_id)
);

TRACE_EVENT(kdbus_notify_send,
	TP_PROTO(u64 bus, u64 dst, u64 msg, u64 type, u64 cookie_reply, u64 id,
		 u64 name_id),
	TP_ARGS(bus, dst, msg, type, cookie_reply, id, name_id),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, dst)
		__field(u64, msg)
		__field(u64, type)
		__field(u64, cookie_reply)
		__field(u64, id)
		__field(u64, name_id)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->dst = dst;
		__entry->msg = msg;
		__entry->type = type;
		__entry->cookie_reply = cookie_reply;
		__entry->id = id;
		__entry->name_id = name_id;
	),
	TP_printk("bus=%llu dst=%lld msg=%llu type=%s cookie_reply=%llu id=%llu name_id=%llu",
		  __entry->bus, (s64)__entry->dst, __entry->msg,
		  kdbus_print_notify_type(__entry->type),
		  __entry->cookie_reply, __entry->id, __entry->name_id)
);

/* ---- calls ------------------------------------------------------------ */

TRACE_EVENT(kdbus_call_start,
	TP_PROTO(u64 bus, u64 conn, u64 peer, u64 msg, u64 cookie,
		 u64 timeout_ns, bool sync, u64 name_id),
	TP_ARGS(bus, conn, peer, msg, cookie, timeout_ns, sync,
		name_id),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, peer)
		__field(u64, msg)
		__field(u64, cookie)
		__field(u64, timeout_ns)
		__field(bool, sync)
		__field(u64, name_id)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->peer = peer;
		__entry->msg = msg;
		__entry->cookie = cookie;
		__entry->timeout_ns = timeout_ns;
		__entry->sync = sync;
		__entry->name_id = name_id;
	),
	TP_printk("bus=%llu conn=%llu peer=%llu msg=%llu cookie=%llu timeout_ns=%llu sync=%d name_id=%llu",
		  __entry->bus, __entry->conn, __entry->peer, __entry->msg,
		  __entry->cookie, __entry->timeout_ns, __entry->sync,
		  __entry->name_id)
);

TRACE_EVENT(kdbus_call_reply,
	TP_PROTO(u64 bus, u64 conn, u64 peer, u64 msg, u64 reply, u64 cookie,
		 u64 age_ns),
	TP_ARGS(bus, conn, peer, msg, reply, cookie, age_ns),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, peer)
		__field(u64, msg)
		__field(u64, reply)
		__field(u64, cookie)
		__field(u64, age_ns)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->peer = peer;
		__entry->msg = msg;
		__entry->reply = reply;
		__entry->cookie = cookie;
		__entry->age_ns = age_ns;
	),
	TP_printk("bus=%llu conn=%llu peer=%llu msg=%llu reply=%llu cookie=%llu age_ns=%llu",
		  __entry->bus, __entry->conn, __entry->peer, __entry->msg,
		  __entry->reply, __entry->cookie, __entry->age_ns)
);

TRACE_EVENT(kdbus_call_end,
	TP_PROTO(u64 bus, u64 conn, u64 peer, u64 msg, u64 cookie, u64 age_ns,
		 u32 outcome, bool sync, u64 name_id, u64 wait_ns,
		 u64 service_ns),
	TP_ARGS(bus, conn, peer, msg, cookie, age_ns, outcome, sync,
		name_id, wait_ns, service_ns),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, peer)
		__field(u64, msg)
		__field(u64, cookie)
		__field(u64, age_ns)
		__field(u32, outcome)
		__field(bool, sync)
		__field(u64, name_id)
		__field(u64, wait_ns)
		__field(u64, service_ns)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->peer = peer;
		__entry->msg = msg;
		__entry->cookie = cookie;
		__entry->age_ns = age_ns;
		__entry->outcome = outcome;
		__entry->sync = sync;
		__entry->name_id = name_id;
		__entry->wait_ns = wait_ns;
		__entry->service_ns = service_ns;
	),
	TP_printk("bus=%llu conn=%llu peer=%llu msg=%llu cookie=%llu age_ns=%llu outcome=%s sync=%d name_id=%llu wait_ns=%lld service_ns=%lld",
		  __entry->bus, __entry->conn, __entry->peer, __entry->msg,
		  __entry->cookie, __entry->age_ns,
		  kdbus_print_call_end(__entry->outcome), __entry->sync,
		  __entry->name_id, (s64)__entry->wait_ns,
		  (s64)__entry->service_ns)
);

/* ---- pool and quota --------------------------------------------------- */

DECLARE_EVENT_CLASS(kdbus_pool,
	TP_PROTO(u64 bus, u64 conn, u64 msg, u64 offset, u64 bytes, u64 used,
		 u64 pool_size, u64 src, u32 uid, u64 change),
	TP_ARGS(bus, conn, msg, offset, bytes, used, pool_size, src, uid,
		change),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, msg)
		__field(u64, offset)
		__field(u64, bytes)
		__field(u64, used)
		__field(u64, pool_size)
		__field(u64, src)
		__field(u32, uid)
		__field(u64, change)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->msg = msg;
		__entry->offset = offset;
		__entry->bytes = bytes;
		__entry->used = used;
		__entry->pool_size = pool_size;
		__entry->src = src;
		__entry->uid = uid;
		__entry->change = change;
	),
	TP_printk("bus=%llu conn=%llu msg=%llu offset=%llu bytes=%llu used=%llu pool_size=%llu src=%llu uid=%d change=%llu",
		  __entry->bus, __entry->conn, __entry->msg, __entry->offset,
		  __entry->bytes, __entry->used, __entry->pool_size,
		  __entry->src, (int)__entry->uid, __entry->change)
);

DEFINE_EVENT(kdbus_pool, kdbus_pool_alloc,
	TP_PROTO(u64 bus, u64 conn, u64 msg, u64 offset, u64 bytes, u64 used,
		 u64 pool_size, u64 src, u32 uid, u64 change),
	TP_ARGS(bus, conn, msg, offset, bytes, used, pool_size, src, uid,
		change)
);

DEFINE_EVENT(kdbus_pool, kdbus_pool_free,
	TP_PROTO(u64 bus, u64 conn, u64 msg, u64 offset, u64 bytes, u64 used,
		 u64 pool_size, u64 src, u32 uid, u64 change),
	TP_ARGS(bus, conn, msg, offset, bytes, used, pool_size, src, uid,
		change)
);

TRACE_EVENT(kdbus_quota_refuse,
	TP_PROTO(u64 bus, u64 conn, u64 src, u32 uid, u32 kind, u64 asked,
		 u64 used, u64 limit, int ret, u64 msg),
	TP_ARGS(bus, conn, src, uid, kind, asked, used, limit, ret, msg),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, src)
		__field(u32, uid)
		__field(u32, kind)
		__field(u64, asked)
		__field(u64, used)
		__field(u64, limit)
		__field(int, ret)
		__field(u64, msg)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->src = src;
		__entry->uid = uid;
		__entry->kind = kind;
		__entry->asked = asked;
		__entry->used = used;
		__entry->limit = limit;
		__entry->ret = ret;
		__entry->msg = msg;
	),
	TP_printk("bus=%llu conn=%llu src=%llu uid=%d kind=%s asked=%llu used=%llu limit=%llu ret=%d msg=%llu",
		  __entry->bus, __entry->conn, __entry->src,
		  (int)__entry->uid, kdbus_print_quota(__entry->kind),
		  __entry->asked, __entry->used, __entry->limit, __entry->ret,
		  __entry->msg)
);

TRACE_EVENT(kdbus_policy_deny,
	TP_PROTO(u64 bus, u64 conn, u64 peer, u32 level, const char *name,
		 u64 msg),
	TP_ARGS(bus, conn, peer, level, name, msg),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, peer)
		__field(u32, level)
		__string(name, name)
		__field(u64, msg)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->peer = peer;
		__entry->level = level;
		kdbus_assign_str(name, name);
		__entry->msg = msg;
	),
	TP_printk("bus=%llu conn=%llu peer=%llu level=%s name=%s msg=%llu",
		  __entry->bus, __entry->conn, __entry->peer,
		  kdbus_print_policy_level(__entry->level), __get_str(name),
		  __entry->msg)
);

TRACE_EVENT(kdbus_policy_set,
	TP_PROTO(u64 bus, u64 endpoint, u64 conn, u32 names, u32 grants),
	TP_ARGS(bus, endpoint, conn, names, grants),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, endpoint)
		__field(u64, conn)
		__field(u32, names)
		__field(u32, grants)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->endpoint = endpoint;
		__entry->conn = conn;
		__entry->names = names;
		__entry->grants = grants;
	),
	TP_printk("bus=%llu endpoint=%llu conn=%llu names=%u grants=%u",
		  __entry->bus, __entry->endpoint, __entry->conn,
		  __entry->names, __entry->grants)
);

/* ---- names ------------------------------------------------------------ */

DECLARE_EVENT_CLASS(kdbus_name,
	TP_PROTO(u64 bus, u64 conn, u64 name_id, u64 flags, int ret,
		 const char *name),
	TP_ARGS(bus, conn, name_id, flags, ret, name),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, name_id)
		__field(u64, flags)
		__field(int, ret)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->name_id = name_id;
		__entry->flags = flags;
		__entry->ret = ret;
		kdbus_assign_str(name, name);
	),
	TP_printk("bus=%llu conn=%llu name_id=%llu flags=%s ret=%d name=%s",
		  __entry->bus, __entry->conn, __entry->name_id,
		  kdbus_print_name_flags(__entry->flags), __entry->ret,
		  __get_str(name))
);

DEFINE_EVENT(kdbus_name, kdbus_name_acquire,
	TP_PROTO(u64 bus, u64 conn, u64 name_id, u64 flags, int ret,
		 const char *name),
	TP_ARGS(bus, conn, name_id, flags, ret, name)
);

DEFINE_EVENT(kdbus_name, kdbus_name_queue,
	TP_PROTO(u64 bus, u64 conn, u64 name_id, u64 flags, int ret,
		 const char *name),
	TP_ARGS(bus, conn, name_id, flags, ret, name)
);

DEFINE_EVENT(kdbus_name, kdbus_name_unqueue,
	TP_PROTO(u64 bus, u64 conn, u64 name_id, u64 flags, int ret,
		 const char *name),
	TP_ARGS(bus, conn, name_id, flags, ret, name)
);

DEFINE_EVENT(kdbus_name, kdbus_name_update,
	TP_PROTO(u64 bus, u64 conn, u64 name_id, u64 flags, int ret,
		 const char *name),
	TP_ARGS(bus, conn, name_id, flags, ret, name)
);

DEFINE_EVENT(kdbus_name, kdbus_name_release,
	TP_PROTO(u64 bus, u64 conn, u64 name_id, u64 flags, int ret,
		 const char *name),
	TP_ARGS(bus, conn, name_id, flags, ret, name)
);

TRACE_EVENT(kdbus_name_change,
	TP_PROTO(u64 bus, u64 name_id, u64 old, u64 old_flags, u64 new,
		 u64 new_flags, const char *name),
	TP_ARGS(bus, name_id, old, old_flags, new, new_flags, name),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, name_id)
		__field(u64, old)
		__field(u64, old_flags)
		__field(u64, new)
		__field(u64, new_flags)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->name_id = name_id;
		__entry->old = old;
		__entry->old_flags = old_flags;
		__entry->new = new;
		__entry->new_flags = new_flags;
		kdbus_assign_str(name, name);
	),
	TP_printk("bus=%llu name_id=%llu old=%llu old_flags=%s new=%llu new_flags=%s name=%s",
		  __entry->bus, __entry->name_id, __entry->old,
		  kdbus_print_name_flags(__entry->old_flags), __entry->new,
		  kdbus_print_name_flags(__entry->new_flags), __get_str(name))
);

/* ---- matches ---------------------------------------------------------- */

TRACE_EVENT(kdbus_match_add,
	TP_PROTO(u64 bus, u64 conn, u64 cookie, u64 bytes),
	TP_ARGS(bus, conn, cookie, bytes),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, cookie)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->cookie = cookie;
		__entry->bytes = bytes;
	),
	TP_printk("bus=%llu conn=%llu cookie=%llu bytes=%llu", __entry->bus,
		  __entry->conn, __entry->cookie, __entry->bytes)
);

TRACE_EVENT(kdbus_match_remove,
	TP_PROTO(u64 bus, u64 conn, u64 cookie, u32 removed),
	TP_ARGS(bus, conn, cookie, removed),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, cookie)
		__field(u32, removed)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->cookie = cookie;
		__entry->removed = removed;
	),
	TP_printk("bus=%llu conn=%llu cookie=%llu removed=%u", __entry->bus,
		  __entry->conn, __entry->cookie, __entry->removed)
);

TRACE_EVENT(kdbus_match_run,
	TP_PROTO(u64 bus, u64 src, u64 msg, u32 tried, u32 hit, u32 queued),
	TP_ARGS(bus, src, msg, tried, hit, queued),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, src)
		__field(u64, msg)
		__field(u32, tried)
		__field(u32, hit)
		__field(u32, queued)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->src = src;
		__entry->msg = msg;
		__entry->tried = tried;
		__entry->hit = hit;
		__entry->queued = queued;
	),
	TP_printk("bus=%llu src=%llu msg=%llu tried=%u hit=%u queued=%u",
		  __entry->bus, __entry->src, __entry->msg, __entry->tried,
		  __entry->hit, __entry->queued)
);

TRACE_EVENT(kdbus_file_deny,
	TP_PROTO(u64 bus, u64 conn, u64 src, u64 msg, u32 index, bool payload,
		 int ret),
	TP_ARGS(bus, conn, src, msg, index, payload, ret),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, conn)
		__field(u64, src)
		__field(u64, msg)
		__field(u32, index)
		__field(bool, payload)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->conn = conn;
		__entry->src = src;
		__entry->msg = msg;
		__entry->index = index;
		__entry->payload = payload;
		__entry->ret = ret;
	),
	TP_printk("bus=%llu conn=%llu src=%llu msg=%llu index=%u payload=%d ret=%d",
		  __entry->bus, __entry->conn, __entry->src, __entry->msg,
		  __entry->index, __entry->payload, __entry->ret)
);

/* ---- memfds ----------------------------------------------------------- */

TRACE_EVENT(kdbus_memfd_new,
	TP_PROTO(u64 memfd, u64 bytes, const char *name),
	TP_ARGS(memfd, bytes, name),
	TP_STRUCT__entry(
		__field(u64, memfd)
		__field(u64, bytes)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->memfd = memfd;
		__entry->bytes = bytes;
		kdbus_assign_str(name, name);
	),
	TP_printk("memfd=%llu bytes=%llu name=%s", __entry->memfd,
		  __entry->bytes, __get_str(name))
);

TRACE_EVENT(kdbus_memfd_dead,
	TP_PROTO(u64 memfd, u64 bytes),
	TP_ARGS(memfd, bytes),
	TP_STRUCT__entry(
		__field(u64, memfd)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->memfd = memfd;
		__entry->bytes = bytes;
	),
	TP_printk("memfd=%llu bytes=%llu", __entry->memfd, __entry->bytes)
);

TRACE_EVENT(kdbus_memfd_pass,
	TP_PROTO(u64 bus, u64 src, u64 msg, u64 memfd, u64 bytes),
	TP_ARGS(bus, src, msg, memfd, bytes),
	TP_STRUCT__entry(
		__field(u64, bus)
		__field(u64, src)
		__field(u64, msg)
		__field(u64, memfd)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->bus = bus;
		__entry->src = src;
		__entry->msg = msg;
		__entry->memfd = memfd;
		__entry->bytes = bytes;
	),
	TP_printk("bus=%llu src=%llu msg=%llu memfd=%llu bytes=%llu",
		  __entry->bus, __entry->src, __entry->msg, __entry->memfd,
		  __entry->bytes)
);

TRACE_EVENT(kdbus_memfd_seal,
	TP_PROTO(u64 memfd, u64 bytes, bool seal, int ret, const char *name),
	TP_ARGS(memfd, bytes, seal, ret, name),
	TP_STRUCT__entry(
		__field(u64, memfd)
		__field(u64, bytes)
		__field(bool, seal)
		__field(int, ret)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->memfd = memfd;
		__entry->bytes = bytes;
		__entry->seal = seal;
		__entry->ret = ret;
		kdbus_assign_str(name, name);
	),
	TP_printk("memfd=%llu bytes=%llu seal=%d ret=%d name=%s",
		  __entry->memfd, __entry->bytes, __entry->seal,
		  __entry->ret, __get_str(name))
);

#endif /* KDBUS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH tracepoints
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE kdbus_trace
#include <trace/define_trace.h>
