// SPDX-License-Identifier: GPL-2.0
/*
 * What the semantic patches here are to find: the lines that say so, and no
 * others. Never compiled.
 */

#include "connection.h"

static void user_under_the_bus_lock(struct kdbus_bus *bus, void __user *to)
{
	char c = 0;

	kdbus_bus_lock(bus);
	copy_to_user(to, &c, 1);	/* locked */
	kdbus_bus_unlock(bus);
	copy_to_user(to, &c, 1);
}

static void user_in_what_is_called_so(struct kdbus_bus *bus, u64 __user *from)
{
	u64 word;

	lockdep_assert_held(&bus->lock);
	get_user(word, from);		/* locked */
	kdbus_put_user(word, from);	/* locked */
}

static void user_under_somebodys_bus_lock(struct kdbus_conn *conn,
					  void __user *to)
{
	char c = 0;

	kdbus_bus_lock(conn->bus);
	copy_to_user(to, &c, 1);	/* locked */
	kdbus_bus_unlock(conn->bus);
	copy_to_user(to, &c, 1);
}

static void memory_in_what_is_called_so(struct kdbus_conn *conn)
{
	lockdep_assert_held(&conn->bus->lock);
	use(kmalloc(8, GFP_KERNEL_ACCOUNT));	/* locked */
}

static void memory_under_the_bus_lock(struct kdbus_bus *bus)
{
	kdbus_bus_lock(bus);
	use(kmalloc(8, GFP_KERNEL_ACCOUNT));	/* locked */
	use(kvmalloc(8, GFP_KERNEL_ACCOUNT | __GFP_NOWARN));	/* locked */
	use(kmalloc(8, GFP_KERNEL | __GFP_ACCOUNT | __GFP_ZERO)); /* locked account */
	use(kmalloc(8, GFP_NOWAIT | __GFP_ACCOUNT));
	kdbus_bus_unlock(bus);
	use(kmalloc(8, GFP_KERNEL_ACCOUNT));
}

static void pollers_under_the_bus_lock(struct kdbus_conn *conn)
{
	kdbus_bus_lock(conn->bus);
	kdbus_conn_wake_later(conn);
	kdbus_conn_wake(conn);		/* locked */
	kdbus_bus_unlock(conn->bus);
	kdbus_conn_wake(conn);
}

static void event_under_a_spinlock(struct kdbus_conn *conn)
{
	spin_lock(&conn->lock);
	kdbus_trace(conn_dead, 1, 2, 3);	/* locked */
	spin_unlock(&conn->lock);
	kdbus_trace(conn_dead, 1, 2, 3);
}

static void event_in_what_is_called_so(struct kdbus_conn *conn)
{
	lockdep_assert_held(&conn->lock);
	kdbus_trace(conn_dead, 1, 2, 3);	/* locked */
}

static void event_under_the_bus_lock(struct kdbus_conn *conn)
{
	lockdep_assert_held(&conn->bus->lock);
	kdbus_trace(conn_dead, 1, 2, 3);
}

static void event_with_preemption(struct kdbus_conn *conn)
{
	kdbus_trace(conn_dead, 1, 2, 3);
	if (trace_kdbus_conn_dead_enabled())
		trace_kdbus_conn_dead(1, 2, 3);	/* preempt */
}

static void memory_at_nobodys_expense(void)
{
	use(kmalloc(8, GFP_KERNEL));	/* account */
	use(kmalloc(8, GFP_ATOMIC));	/* account */
}

static int null_for_an_error(struct kdbus_pool *pool)
{
	struct kdbus_slice *slice = kdbus_slice_alloc(pool, 8, NULL, 1);

	if (!slice)			/* errptr */
		return -ENOMEM;
	return 0;
}

static int error_for_null(struct kdbus_conn *conn)
{
	struct kdbus_entry *entry = kdbus_entry_new(conn, 1);

	if (IS_ERR(entry))		/* errptr */
		return -ENOMEM;
	return 0;
}
