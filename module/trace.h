/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module includes to fire trace events.
 *
 * The events stand in tracepoints/kdbus_trace.h. What is only computed for an
 * event is computed while it is on: a clock, see kdbus_trace_clock(), and on
 * the way of every message also the event's arguments. There the event is
 * fired by a function that is not inlined, behind a check that is, so that
 * one that is off takes one instruction and no stack. bench/tracepoints-off
 * measures it.
 */
#ifndef KDBUS_MODULE_TRACE_H
#define KDBUS_MODULE_TRACE_H

#include <linux/ktime.h>
#include <linux/preempt.h>

#include "compat/compat.h"
#include "tracepoints/kdbus_trace.h"

/*
 * An event fires with preemption disabled, as that of any kernel before 7.0.
 * Since then a BPF program on one can be preempted, and the kernel runs it for
 * no other event of that processor meanwhile: the tools would miss those.
 * Arguments are evaluated there, too; they are read and nothing more.
 */
#define kdbus_trace_fire(event, ...)					\
	do {								\
		if (trace_##event##_enabled()) {			\
			preempt_disable_notrace();			\
			(trace_##event)(__VA_ARGS__);			\
			preempt_enable_notrace();			\
		}							\
	} while (0)

#define trace_kdbus_domain_new(...) \
	kdbus_trace_fire(kdbus_domain_new, __VA_ARGS__)
#define trace_kdbus_domain_dead(...) \
	kdbus_trace_fire(kdbus_domain_dead, __VA_ARGS__)
#define trace_kdbus_bus_new(...) kdbus_trace_fire(kdbus_bus_new, __VA_ARGS__)
#define trace_kdbus_bus_dead(...) kdbus_trace_fire(kdbus_bus_dead, __VA_ARGS__)
#define trace_kdbus_endpoint_new(...) \
	kdbus_trace_fire(kdbus_endpoint_new, __VA_ARGS__)
#define trace_kdbus_endpoint_dead(...) \
	kdbus_trace_fire(kdbus_endpoint_dead, __VA_ARGS__)
#define trace_kdbus_conn_new(...) kdbus_trace_fire(kdbus_conn_new, __VA_ARGS__)
#define trace_kdbus_conn_dead(...) \
	kdbus_trace_fire(kdbus_conn_dead, __VA_ARGS__)
#define trace_kdbus_conn_update(...) \
	kdbus_trace_fire(kdbus_conn_update, __VA_ARGS__)
#define trace_kdbus_cmd_refuse(...) \
	kdbus_trace_fire(kdbus_cmd_refuse, __VA_ARGS__)
#define trace_kdbus_msg_send(...) kdbus_trace_fire(kdbus_msg_send, __VA_ARGS__)
#define trace_kdbus_msg_queue(...) \
	kdbus_trace_fire(kdbus_msg_queue, __VA_ARGS__)
#define trace_kdbus_msg_recv(...) kdbus_trace_fire(kdbus_msg_recv, __VA_ARGS__)
#define trace_kdbus_msg_drop(...) kdbus_trace_fire(kdbus_msg_drop, __VA_ARGS__)
#define trace_kdbus_msg_move(...) kdbus_trace_fire(kdbus_msg_move, __VA_ARGS__)
#define trace_kdbus_notify_send(...) \
	kdbus_trace_fire(kdbus_notify_send, __VA_ARGS__)
#define trace_kdbus_call_start(...) \
	kdbus_trace_fire(kdbus_call_start, __VA_ARGS__)
#define trace_kdbus_call_reply(...) \
	kdbus_trace_fire(kdbus_call_reply, __VA_ARGS__)
#define trace_kdbus_call_end(...) kdbus_trace_fire(kdbus_call_end, __VA_ARGS__)
#define trace_kdbus_pool_alloc(...) \
	kdbus_trace_fire(kdbus_pool_alloc, __VA_ARGS__)
#define trace_kdbus_pool_free(...) \
	kdbus_trace_fire(kdbus_pool_free, __VA_ARGS__)
#define trace_kdbus_quota_refuse(...) \
	kdbus_trace_fire(kdbus_quota_refuse, __VA_ARGS__)
#define trace_kdbus_policy_deny(...) \
	kdbus_trace_fire(kdbus_policy_deny, __VA_ARGS__)
#define trace_kdbus_policy_set(...) \
	kdbus_trace_fire(kdbus_policy_set, __VA_ARGS__)
#define trace_kdbus_name_acquire(...) \
	kdbus_trace_fire(kdbus_name_acquire, __VA_ARGS__)
#define trace_kdbus_name_queue(...) \
	kdbus_trace_fire(kdbus_name_queue, __VA_ARGS__)
#define trace_kdbus_name_unqueue(...) \
	kdbus_trace_fire(kdbus_name_unqueue, __VA_ARGS__)
#define trace_kdbus_name_update(...) \
	kdbus_trace_fire(kdbus_name_update, __VA_ARGS__)
#define trace_kdbus_name_release(...) \
	kdbus_trace_fire(kdbus_name_release, __VA_ARGS__)
#define trace_kdbus_name_change(...) \
	kdbus_trace_fire(kdbus_name_change, __VA_ARGS__)
#define trace_kdbus_match_add(...) \
	kdbus_trace_fire(kdbus_match_add, __VA_ARGS__)
#define trace_kdbus_match_remove(...) \
	kdbus_trace_fire(kdbus_match_remove, __VA_ARGS__)
#define trace_kdbus_match_run(...) \
	kdbus_trace_fire(kdbus_match_run, __VA_ARGS__)
#define trace_kdbus_file_deny(...) \
	kdbus_trace_fire(kdbus_file_deny, __VA_ARGS__)
#define trace_kdbus_memfd_new(...) \
	kdbus_trace_fire(kdbus_memfd_new, __VA_ARGS__)
#define trace_kdbus_memfd_dead(...) \
	kdbus_trace_fire(kdbus_memfd_dead, __VA_ARGS__)
#define trace_kdbus_memfd_pass(...) \
	kdbus_trace_fire(kdbus_memfd_pass, __VA_ARGS__)
#define trace_kdbus_memfd_seal(...) \
	kdbus_trace_fire(kdbus_memfd_seal, __VA_ARGS__)

/* Whether somebody will see how long something has waited. */
static inline bool kdbus_trace_sees_waits(void)
{
	return trace_kdbus_msg_recv_enabled() || trace_kdbus_call_end_enabled();
}

/* When a wait begins: the clock if somebody will see its end, else 0. */
static inline u64 kdbus_trace_clock(void)
{
	return kdbus_trace_sees_waits() ? ktime_get_ns() : 0;
}

/* From @then to @now in ns; both as kdbus_trace_clock() gave them. */
static inline u64 kdbus_trace_wait(u64 then, u64 now)
{
	return then && now ? now - then : KDBUS_TRACE_UNKNOWN_NS;
}

#endif /* KDBUS_MODULE_TRACE_H */
