// SPDX-License-Identifier: GPL-2.0
/* The one place where the trace events are instantiated. */
#include "compat/compat.h"

#define CREATE_TRACE_POINTS
#include "tracepoints/kdbus_trace.h"
