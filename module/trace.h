/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module includes to fire trace events.
 *
 * The events stand in tracepoints/kdbus_trace.h. A clock that only an event
 * shows is read only while that event is on, so that it costs nothing when
 * it is off: see kdbus_trace_clock().
 */
#ifndef KDBUS_MODULE_TRACE_H
#define KDBUS_MODULE_TRACE_H

#include <linux/ktime.h>

#include "compat/compat.h"
#include "../tracepoints/kdbus_trace.h"

/* When a wait begins: the clock if somebody will see its end, else 0. */
static inline u64 kdbus_trace_clock(void)
{
	return trace_kdbus_msg_recv_enabled() ||
	       trace_kdbus_call_end_enabled() ? ktime_get_ns() : 0;
}

/* From @then to @now in ns; both as kdbus_trace_clock() gave them. */
static inline u64 kdbus_trace_wait(u64 then, u64 now)
{
	return then && now ? now - then : KDBUS_TRACE_UNKNOWN_NS;
}

#endif /* KDBUS_MODULE_TRACE_H */
