/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's trace events as BPF programs get them, in one form.
 *
 * A handler is written once, for struct ev_NAME, and EVENT(NAME, handler)
 * makes three programs of it that differ in where the fields come from:
 *
 *   btf_NAME	tp_btf: arguments with types; needs the module's BTF. Cheapest
 *   raw_NAME	raw_tp: arguments as numbers; needs no BTF
 *   tp_NAME	tracepoint: the record as tracefs describes it
 *
 * User space loads one kind, see tools/common/attach.c. Fields that a handler
 * does not look at are not fetched: all this is inlined, and the compiler
 * drops what is not used.
 *
 * The lists below are the schema (tracepoints/schema.rst) in the order of the
 * fields: F is a number, S a string, C a char array of 16. A string is a
 * kernel pointer for bpf_probe_read_kernel_str(). The first number is that of
 * the argument.
 */
#ifndef KDBUS_EVENTS_BPF_H
#define KDBUS_EVENTS_BPF_H

#include "kdbus_kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kdbus_enums.h"

#define EV_domain_new(F, S, C) F(0, u64, domain) F(1, u64, parent) S(2, name)
#define EV_domain_dead(F, S, C) F(0, u64, domain)
#define EV_bus_new(F, S, C) F(0, u64, domain) F(1, u64, bus) F(2, u64, flags) \
	F(3, u32, uid) S(4, name)
#define EV_bus_dead(F, S, C) F(0, u64, domain) F(1, u64, bus)
#define EV_endpoint_new(F, S, C) F(0, u64, bus) F(1, u64, endpoint)	\
	F(2, u32, mode) F(3, u32, uid) F(4, u32, gid) S(5, name)
#define EV_endpoint_dead(F, S, C) F(0, u64, bus) F(1, u64, endpoint)
#define EV_conn_new(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, endpoint) F(3, u64, flags) F(4, u64, attach_flags)	\
	F(5, u64, pool_size) F(6, u32, uid) F(7, u32, pid) C(8, comm)	\
	S(9, name)
#define EV_conn_dead(F, S, C) F(0, u64, bus) F(1, u64, conn) F(2, u32, reason)
#define EV_conn_update(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, attach_flags)
#define EV_cmd_refuse(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u32, cmd) F(3, s32, ret)
#define EV_msg_recv(F, S, C) F(0, u64, bus) F(1, u64, conn) F(2, u64, src) \
	F(3, u64, msg) F(4, u64, cookie) F(5, u64, bytes)		\
	F(6, u64, wait_ns) F(7, u64, flags) F(8, u32, depth)		\
	F(9, u32, kind) F(10, s32, ret) F(11, u64, name_id)
#define EV_msg_drop(F, S, C) F(0, u64, bus) F(1, u64, conn) F(2, u64, src) \
	F(3, u64, msg) F(4, u64, cookie) F(5, u64, bytes)		\
	F(6, u32, reason) F(7, u32, kind) F(8, u64, name_id)		\
	F(9, s32, ret)
#define EV_msg_move(F, S, C) F(0, u64, bus) F(1, u64, from) F(2, u64, to) \
	F(3, u64, msg) F(4, u64, name_id)
#define EV_notify_send(F, S, C) F(0, u64, bus) F(1, u64, dst) F(2, u64, msg) \
	F(3, u64, type) F(4, u64, cookie_reply) F(5, u64, id)		\
	F(6, u64, name_id)
#define EV_call_start(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, peer) F(3, u64, msg) F(4, u64, cookie)		\
	F(5, u64, timeout_ns) F(6, u8, sync) F(7, u64, name_id)
#define EV_call_reply(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, peer) F(3, u64, msg) F(4, u64, reply) F(5, u64, cookie) \
	F(6, u64, age_ns)
#define EV_call_end(F, S, C) F(0, u64, bus) F(1, u64, conn) F(2, u64, peer) \
	F(3, u64, msg) F(4, u64, cookie) F(5, u64, age_ns)		\
	F(6, u32, outcome) F(7, u8, sync) F(8, u64, name_id)		\
	F(9, u64, wait_ns) F(10, u64, service_ns)
#define EV_pool_alloc(F, S, C) F(0, u64, bus) F(1, u64, conn) F(2, u64, msg) \
	F(3, u64, offset) F(4, u64, bytes) F(5, u64, used)		\
	F(6, u64, pool_size) F(7, u64, src) F(8, u32, uid)		\
	F(9, u64, change)
#define EV_pool_free(F, S, C) EV_pool_alloc(F, S, C)
#define EV_quota_refuse(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, src) F(3, u32, uid) F(4, u32, kind) F(5, u64, asked)	\
	F(6, u64, used) F(7, u64, limit) F(8, s32, ret) F(9, u64, msg)
#define EV_policy_deny(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, peer) F(3, u32, level) S(4, name) F(5, u64, msg)
#define EV_policy_set(F, S, C) F(0, u64, bus) F(1, u64, endpoint)	\
	F(2, u64, conn) F(3, u32, names) F(4, u32, grants)
#define EV_name_acquire(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, name_id) F(3, u64, flags) F(4, s32, ret) S(5, name)
#define EV_name_queue(F, S, C) EV_name_acquire(F, S, C)
#define EV_name_unqueue(F, S, C) EV_name_acquire(F, S, C)
#define EV_name_update(F, S, C) EV_name_acquire(F, S, C)
#define EV_name_release(F, S, C) EV_name_acquire(F, S, C)
#define EV_name_change(F, S, C) F(0, u64, bus) F(1, u64, name_id)	\
	F(2, u64, old) F(3, u64, old_flags) F(4, u64, new)		\
	F(5, u64, new_flags) S(6, name)
#define EV_match_add(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, cookie) F(3, u64, bytes)
#define EV_match_remove(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, cookie) F(3, u32, removed)
#define EV_match_run(F, S, C) F(0, u64, bus) F(1, u64, src) F(2, u64, msg) \
	F(3, u32, tried) F(4, u32, hit) F(5, u32, queued)
#define EV_file_deny(F, S, C) F(0, u64, bus) F(1, u64, conn)		\
	F(2, u64, src) F(3, u64, msg) F(4, u32, index) F(5, u8, payload) \
	F(6, s32, ret)
#define EV_memfd_new(F, S, C) F(0, u64, memfd) F(1, u64, bytes) S(2, name)
#define EV_memfd_dead(F, S, C) F(0, u64, memfd) F(1, u64, bytes)
#define EV_memfd_pass(F, S, C) F(0, u64, bus) F(1, u64, src) F(2, u64, msg) \
	F(3, u64, memfd) F(4, u64, bytes)
#define EV_memfd_seal(F, S, C) F(0, u64, memfd) F(1, u64, bytes)	\
	F(2, u8, seal) F(3, s32, ret) S(4, name)

/* These two are handed one pointer to a struct with the fields. */
#define EV_msg_send(F, S, C) F(0, u64, bus) F(0, u64, src) F(0, u64, dst) \
	F(0, u64, msg) F(0, u64, cookie) F(0, u64, cookie_reply)	\
	F(0, u64, timeout_ns) F(0, u64, flags) F(0, s64, priority)	\
	F(0, u64, bytes) F(0, u64, name_id) F(0, u32, n_fds)		\
	F(0, u32, n_memfds) F(0, s32, ret) S(0, dst_name)
#define EV_msg_queue(F, S, C) F(0, u64, bus) F(0, u64, conn)		\
	F(0, u64, src) F(0, u64, msg) F(0, u64, seq) F(0, u64, cookie)	\
	F(0, u64, name_id) F(0, u64, offset) F(0, u64, bytes)		\
	F(0, u64, used) F(0, u64, pool_size) F(0, u32, depth)		\
	F(0, u32, kind)

/* what lies behind the fields that are in the event */
#define EV_STRUCT_msg_send						\
	const struct kdbus_msg *hdr; const u8 *staged; u64 staged_size;
#define EV_STRUCT_msg_queue

/* ---- the forms -------------------------------------------------------- */

#define EV_FIELD(i, type, f) type f;
#define EV_STRING(i, f) const char *f;
#define EV_COMM(i, f) const char *f;

/* from arguments */
#define EV_ARG(i, type, f) e->f = (type)ctx[i];
#define EV_ARG_STRING(i, f) e->f = (const char *)ctx[i];

/* from a record */
#define EV_RECORD_STRING(i, f) u32 f;
#define EV_RECORD_COMM(i, f) char f[16];
#define EV_TAKE(i, type, f) e->f = r->f;
#define EV_TAKE_STRING(i, f) e->f = (const char *)r + (r->f & 0xffff);
#define EV_TAKE_COMM(i, f) e->f = r->f;

/* from a struct that an argument points to; a type is found by its name */
#define EV_CORE(i, type, f) e->f = p->f;
#define EV_CORE_STRING(i, f) e->f = p->f;

#define EV_RECORD(name)							\
	struct tp_##name {						\
		u64 common;						\
		EV_##name(EV_FIELD, EV_RECORD_STRING, EV_RECORD_COMM)	\
	};								\
	static __always_inline void					\
	fetch_tp_##name(struct ev_##name *e, const struct tp_##name *r)	\
	{								\
		EV_##name(EV_TAKE, EV_TAKE_STRING, EV_TAKE_COMM)	\
	}

#define EV_ARGS(name)							\
	struct ev_##name { EV_##name(EV_FIELD, EV_STRING, EV_COMM) };	\
	static __always_inline void					\
	fetch_btf_##name(struct ev_##name *e, const u64 *ctx)		\
	{								\
		EV_##name(EV_ARG, EV_ARG_STRING, EV_ARG_STRING)		\
	}								\
	static __always_inline void					\
	fetch_raw_##name(struct ev_##name *e, const u64 *ctx)		\
	{								\
		fetch_btf_##name(e, ctx);				\
	}								\
	EV_RECORD(name)

/*
 * With the module's BTF the struct is found by type, and loads are direct. From
 * 6.12 on the verifier demands a check, as any pointer of a module's event may be
 * NULL. Without BTF it is read as it lies in memory; the schema's version, which
 * user space has compared, says how. Then its last fields, which a record has
 * not, are known as well.
 */
#define EV_POINTER(name, type)						\
	struct type {							\
		EV_##name(EV_FIELD, EV_STRING, EV_COMM)			\
		EV_STRUCT_##name					\
	} __attribute__((preserve_access_index));			\
	struct ev_##name {						\
		EV_##name(EV_FIELD, EV_STRING, EV_COMM)			\
		EV_STRUCT_##name					\
	};								\
	static __always_inline void					\
	fetch_btf_##name(struct ev_##name *e, const u64 *ctx)		\
	{								\
		const struct type *p = (const void *)ctx[0];		\
									\
		if (!p)							\
			return;						\
		EV_##name(EV_CORE, EV_CORE_STRING, EV_CORE_STRING)	\
		EV_MORE_##name						\
	}								\
	static __always_inline void					\
	fetch_raw_##name(struct ev_##name *e, const u64 *ctx)		\
	{								\
		bpf_probe_read_kernel(e, sizeof(*e), (const void *)ctx[0]); \
	}								\
	EV_RECORD(name)

#define EV_MORE_msg_send						\
	e->hdr = p->hdr;						\
	e->staged = p->staged;						\
	e->staged_size = p->staged_size;
#define EV_MORE_msg_queue

EV_ARGS(domain_new)
EV_ARGS(domain_dead)
EV_ARGS(bus_new)
EV_ARGS(bus_dead)
EV_ARGS(endpoint_new)
EV_ARGS(endpoint_dead)
EV_ARGS(conn_new)
EV_ARGS(conn_dead)
EV_ARGS(conn_update)
EV_ARGS(cmd_refuse)
EV_POINTER(msg_send, kdbus_trace_msg)
EV_POINTER(msg_queue, kdbus_trace_queue)
EV_ARGS(msg_recv)
EV_ARGS(msg_drop)
EV_ARGS(msg_move)
EV_ARGS(notify_send)
EV_ARGS(call_start)
EV_ARGS(call_reply)
EV_ARGS(call_end)
EV_ARGS(pool_alloc)
EV_ARGS(pool_free)
EV_ARGS(quota_refuse)
EV_ARGS(policy_deny)
EV_ARGS(policy_set)
EV_ARGS(name_acquire)
EV_ARGS(name_queue)
EV_ARGS(name_unqueue)
EV_ARGS(name_update)
EV_ARGS(name_release)
EV_ARGS(name_change)
EV_ARGS(match_add)
EV_ARGS(match_remove)
EV_ARGS(match_run)
EV_ARGS(file_deny)
EV_ARGS(memfd_new)
EV_ARGS(memfd_dead)
EV_ARGS(memfd_pass)
EV_ARGS(memfd_seal)

/**
 * EVENT() - three programs for an event
 * @name:	the event, without "kdbus_"
 * @fn:		handler: int fn(const struct ev_NAME *e), always inline
 */
#define EVENT(name, fn)							\
	SEC("tp_btf/kdbus_" #name)					\
	int btf_##name(u64 *ctx)					\
	{								\
		struct ev_##name e = {};				\
									\
		fetch_btf_##name(&e, ctx);				\
		return fn(&e);						\
	}								\
	SEC("raw_tp/kdbus_" #name)					\
	int raw_##name(u64 *ctx)					\
	{								\
		struct ev_##name e = {};				\
									\
		fetch_raw_##name(&e, ctx);				\
		return fn(&e);						\
	}								\
	SEC("tp/kdbus/kdbus_" #name)					\
	int tp_##name(struct tp_##name *ctx)				\
	{								\
		struct ev_##name e = {};				\
									\
		fetch_tp_##name(&e, ctx);				\
		return fn(&e);						\
	}

#endif /* KDBUS_EVENTS_BPF_H */
