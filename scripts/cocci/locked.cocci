// SPDX-License-Identifier: GPL-2.0
//
// What bus.h forbids, as far as one function shows it: under the bus lock
// nothing is allocated that could wait, no user memory is touched and no poller
// is woken; under the spinlocks no trace event fires. (Across functions lockdep
// knows: see kdbus_bus_teach_lockdep().) Names are listed, since the syntax of
// regular expressions is not the same in every build of spatch.

@bus_user exists@
struct kdbus_bus *bus;
identifier f = { copy_from_user, _copy_from_user, __copy_from_user, copy_to_user,
	_copy_to_user, __copy_to_user, get_user, _get_user, __get_user, put_user,
	_put_user, __put_user, clear_user, _clear_user, __clear_user, strncpy_from_user,
	_strncpy_from_user, __strncpy_from_user, kdbus_get_user, kdbus_put_user,
	kdbus_cmd_import, kdbus_pool_write_user, kdbus_conn_wake };
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
