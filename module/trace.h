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

/**
 * kdbus_trace() - fire an event
 * @event:	its name, without "kdbus_"
 * @...:	its arguments, which are evaluated with preemption disabled, and
 *		only while the event is on
 *
 * An event of any kernel before 7.0 fires with preemption disabled. Since then a
 * BPF program on one can be preempted, and the kernel runs it for no other event
 * of that processor meanwhile: the tools would miss those.
 */
#define kdbus_trace(event, ...)						\
	do {								\
		if (trace_kdbus_##event##_enabled()) {			\
			preempt_disable_notrace();			\
			trace_kdbus_##event(__VA_ARGS__);		\
			preempt_enable_notrace();			\
		}							\
	} while (0)

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
