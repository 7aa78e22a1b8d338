// SPDX-License-Identifier: GPL-2.0
//
// What bus.h forbids, as far as one function shows it: under the bus lock
// nothing is allocated that could wait, no user memory is touched and no poller
// is woken; under the spinlocks no trace event fires. (Across functions lockdep
// knows: see kdbus_bus_teach_lockdep().)

@bus_user exists@
struct kdbus_bus *bus;
identifier f =~ "^(_*|kdbus_)(copy_(from|to)_user|(get|put)_user|clear_user|strncpy_from_user)$|^kdbus_(cmd_import|pool_write_user|conn_wake)$";
position p;
@@
(
 kdbus_bus_lock(bus);
|
 lockdep_assert_held(&bus->lock);
)
 ... when != kdbus_bus_unlock(bus)
     when any
 f@p(...)

@script:python@
p << bus_user.p;
f << bus_user.f;
@@
print("%s:%s: error: %s: %s() under the bus lock" % (p[0].file, p[0].line, p[0].current_element, f))

@bus_alloc exists@
struct kdbus_bus *bus;
expression e1, e2;
identifier f;
position p;
@@
(
 kdbus_bus_lock(bus);
|
 lockdep_assert_held(&bus->lock);
)
 ... when != kdbus_bus_unlock(bus)
     when any
(
 f@p(..., \(GFP_KERNEL\|GFP_KERNEL_ACCOUNT\), ...)
|
 f@p(..., \(GFP_KERNEL\|GFP_KERNEL_ACCOUNT\) | e1, ...)
|
 f@p(..., \(GFP_KERNEL\|GFP_KERNEL_ACCOUNT\) | e1 | e2, ...)
)

@script:python@
p << bus_alloc.p;
f << bus_alloc.f;
@@
print("%s:%s: error: %s: %s() may wait for memory under the bus lock" % (p[0].file, p[0].line, p[0].current_element, f))

@spin_trace exists@
expression taken;
spinlock_t held;
identifier f =~ "^kdbus_trace$";
position p;
@@
(
 spin_lock(taken);
|
 lockdep_assert_held(&held);
)
 ... when != spin_unlock(taken)
     when any
 f@p(...)

@script:python@
p << spin_trace.p;
f << spin_trace.f;
@@
print("%s:%s: error: %s: %s() under a spinlock" % (p[0].file, p[0].line, p[0].current_element, f))
