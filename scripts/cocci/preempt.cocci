// SPDX-License-Identifier: GPL-2.0
//
// Events are fired by kdbus_trace(), with preemption disabled: see trace.h.

@direct@
identifier f =~ "^trace_kdbus_";
position p;
@@
 f@p(...)

@script:python@
p << direct.p;
f << direct.f;
@@
if not f.endswith("_enabled"):
	print("%s:%s: error: %s: %s() is called; use kdbus_trace()" % (p[0].file, p[0].line, p[0].current_element, f))
