// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: HELLO, disconnect, poll, and the way into their queues.
 * Rules: see connection.h.
 */
#include <linux/cred.h>
#include <linux/slab.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "item.h"
#include "limits.h"
#include "main.h"
#include "names.h"
#include "pool.h"
#include "trace.h"

#define KDBUS_HELLO_KNOWN (KDBUS_HELLO_ACCEPT_FD | KDBUS_HELLO_ACTIVATOR | \
			   KDBUS_HELLO_POLICY_HOLDER | KDBUS_HELLO_MONITOR)
#define KDBUS_HELLO_SPECIAL (KDBUS_HELLO_ACTIVATOR | \
			     KDBUS_HELLO_POLICY_HOLDER | KDBUS_HELLO_MONITOR)

static void kdbus_conn_release(struct kref *kref)
{
	struct kdbus_conn *conn = container_of(kref, struct kdbus_conn, kref);

	hrtimer_cancel(&conn->timer);
	cancel_work_sync(&conn->expire);

	WARN_ON(!list_empty(&conn->names) || !list_empty(&conn->waits));
	WARN_ON(!list_empty(&conn->calls_out) || !list_empty(&conn->calls_in));
	WARN_ON(conn->queue.count);

	kdbus_pool_free(conn->pool);
	kdbus_user_put(conn->user);
	kdbus_endpoint_put(conn->ep);
	kdbus_bus_put(conn->bus);
	put_cred(conn->cred);
	kfree(conn->description);
	kfree_rcu(conn, rcu);
}

/**
 * kdbus_conn_get() - take a reference
 * @conn:	a connection the caller has a reference to, or finds alive under
 *		the lock of its bus
 *
 * Return: @conn.
 */
struct kdbus_conn *kdbus_conn_get(struct kdbus_conn *conn)
{
	kref_get(&conn->kref);
	return conn;
}

/**
 * kdbus_conn_put() - drop a reference
 * @conn:	the connection; the caller holds no lock
 */
void kdbus_conn_put(struct kdbus_conn *conn)
{
	kref_put(&conn->kref, kdbus_conn_release);
}

/**
 * kdbus_conn_find() - find a connection by its id
 * @bus:	the bus
 * @id:		the id
 *
 * Return: a reference for the caller, or NULL. It may die at any time.
 */
struct kdbus_conn *kdbus_conn_find(struct kdbus_bus *bus, u64 id)
{
	struct kdbus_conn *conn;

	rcu_read_lock();
	conn = xa_load(&bus->conns, id);
	if (conn && !kref_get_unless_zero(&conn->kref))
		conn = NULL;
	rcu_read_unlock();
	return conn;
}

static void kdbus_conn_expire(struct work_struct *work)
{
	kdbus_calls_expire(container_of(work, struct kdbus_conn, expire));
}

static enum hrtimer_restart kdbus_conn_timer(struct hrtimer *timer)
{
	struct kdbus_conn *conn = container_of(timer, struct kdbus_conn, timer);

	queue_work(kdbus_workqueue, &conn->expire);
	return HRTIMER_NORESTART;
}

static int kdbus_hello_item(const struct kdbus_item *item, bool privileged,
			    const char **description)
{
	switch (item->type) {
	case KDBUS_ITEM_NAME:
		/* for activators and policy holders only */
		return -EINVAL;

	case KDBUS_ITEM_CREDS:
		if (!privileged)
			return -EPERM;
		if (kdbus_item_payload(item) != sizeof(item->creds))
			return -EINVAL;
		return -EOPNOTSUPP;

	case KDBUS_ITEM_SECLABEL:
		if (!privileged)
			return -EPERM;
		if (!kdbus_item_is_string(item))
			return -EINVAL;
		return -EOPNOTSUPP;

	case KDBUS_ITEM_CONN_NAME:
		if (*description)
			return -EINVAL;
		*description = item->str;
		return kdbus_item_check_sysname(item);
	}
	return 0;
}

static int kdbus_hello_check_flags(const struct kdbus_cmd_hello *hello,
				   bool privileged)
{
	u64 special = hello->conn_flags & KDBUS_HELLO_SPECIAL;

	if (upper_32_bits(hello->conn_flags))
		return -EOPNOTSUPP;
	if (!hello->pool_size || !PAGE_ALIGNED(hello->pool_size) ||
	    hello->pool_size > READ_ONCE(kdbus_max_pool_size))
		return -EFAULT;
	if (hweight64(special) > 1)
		return -EINVAL;
	if (special && !privileged)
		return -EPERM;
	return special ? -EOPNOTSUPP : 0;
}

static int kdbus_hello_check(const struct kdbus_cmd_hello *hello,
			     bool privileged, const char **description)
{
	const struct kdbus_item *item;
	struct kdbus_items items;
	int ret;

	ret = kdbus_hello_check_flags(hello, privileged);
	if (ret < 0)
		return ret;

	kdbus_items_init(&items, hello, offsetof(struct kdbus_cmd_hello, items),
			 hello->size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		ret = kdbus_hello_item(item, privileged, description);
		if (ret < 0)
			return ret;
	}
	return ret;
}

static struct kdbus_pool *kdbus_conn_new_pool(const char *description, u64 size)
{
	char name[sizeof(KBUILD_MODNAME "-conn:") + KDBUS_SYSNAME_MAX_LEN];

	snprintf(name, sizeof(name), "%s-conn%s%s", KBUILD_MODNAME,
		 *description ? ":" : "", description);
	return kdbus_pool_new(name, size);
}

/* A connection with nothing but what cannot fail; counts for nobody yet. */
static struct kdbus_conn *kdbus_conn_alloc(struct kdbus_endpoint *ep)
{
	struct kdbus_conn *conn;

	conn = kzalloc(sizeof(*conn), GFP_KERNEL_ACCOUNT);
	if (!conn)
		return NULL;

	kref_init(&conn->kref);
	conn->ep = kdbus_endpoint_get(ep);
	conn->bus = kdbus_bus_get(ep->bus);
	INIT_LIST_HEAD(&conn->ep_node);
	conn->cred = get_current_cred();
	conn->pid = task_tgid_nr(current);
	get_task_comm(conn->comm, current->group_leader);
	conn->dead = true;
	mutex_init(&conn->recv_lock);
	spin_lock_init(&conn->lock);
	kdbus_queue_init(&conn->queue);
	init_waitqueue_head(&conn->wait);
	INIT_LIST_HEAD(&conn->names);
	INIT_LIST_HEAD(&conn->waits);
	INIT_LIST_HEAD(&conn->calls_out);
	INIT_LIST_HEAD(&conn->calls_in);
	conn->expiry = KTIME_MAX;
	hrtimer_setup(&conn->timer, kdbus_conn_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS);
	INIT_WORK(&conn->expire, kdbus_conn_expire);
	return conn;
}

/* Gives a connection what it needs, its id and a place in the bus's table. */
static int kdbus_conn_prepare(struct kdbus_conn *conn, const char *description,
			      u64 pool_size)
{
	struct kdbus_bus *bus = conn->bus;
	struct kdbus_pool *pool;

	conn->description = kstrdup(description, GFP_KERNEL_ACCOUNT);
	conn->user = kdbus_user_get(bus->domain, current_uid());
	if (!conn->description || !conn->user)
		return -ENOMEM;

	pool = kdbus_conn_new_pool(description, pool_size);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	conn->pool = pool;

	conn->id = atomic64_inc_return(&bus->conn_ids);
	pool->bus_id = bus->id;
	pool->conn_id = conn->id;
	return xa_reserve(&bus->conns, conn->id, GFP_KERNEL_ACCOUNT);
}

static int kdbus_conn_commit(struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;

	mutex_lock(&bus->lock);
	if (!kdbus_endpoint_is_alive(conn->ep)) {
		mutex_unlock(&bus->lock);
		return -ESHUTDOWN;
	}

	trace_kdbus_conn_new(bus->id, conn->id, conn->ep->id, conn->flags,
			     conn->attach_flags, conn->pool->size,
			     __kuid_val(conn->user->uid), conn->pid,
			     conn->comm, conn->description);
	WRITE_ONCE(conn->dead, false);
	list_add_tail(&conn->ep_node, &conn->ep->conns);
	/* the table's reference; the place is reserved, so nothing fails */
	kdbus_conn_get(conn);
	xa_store(&bus->conns, conn->id, conn, GFP_NOWAIT);
	mutex_unlock(&bus->lock);
	return 0;
}

static int kdbus_conn_charge(struct kdbus_conn *conn)
{
	unsigned int max = READ_ONCE(kdbus_max_conns_per_user);
	int ret;

	ret = kdbus_count_charge(&conn->user->conns, max, -EMFILE);
	if (ret < 0)
		trace_kdbus_quota_refuse(conn->bus->id, conn->id, conn->id,
					 __kuid_val(conn->user->uid),
					 KDBUS_QUOTA_CONNS, 1, max, max, ret);
	return ret;
}

/**
 * kdbus_conn_new() - HELLO: connect to a bus
 * @ep:		the endpoint
 * @privileged:	whether the file was opened by somebody privileged on the bus
 * @hello:	the command in kernel memory; what the kernel tells is filled in
 *
 * Return: the connection, alive, a reference for the caller, who ends it with
 * kdbus_conn_disconnect(); or a negative errno as a pointer.
 */
struct kdbus_conn *kdbus_conn_new(struct kdbus_endpoint *ep, bool privileged,
				  struct kdbus_cmd_hello *hello)
{
	struct kdbus_bus *bus = ep->bus;
	const char *description = NULL;
	struct kdbus_conn *conn;
	int ret;

	ret = kdbus_hello_check(hello, privileged, &description);
	if (ret < 0)
		return ERR_PTR(ret);

	conn = kdbus_conn_alloc(ep);
	if (!conn)
		return ERR_PTR(-ENOMEM);
	conn->flags = hello->conn_flags & KDBUS_HELLO_KNOWN;
	conn->attach_flags = hello->attach_flags & _KDBUS_ATTACH_ALL;
	conn->privileged = privileged;

	ret = kdbus_conn_prepare(conn, description ?: "", hello->pool_size);
	if (ret < 0)
		goto exit_put;
	ret = kdbus_conn_charge(conn);
	if (ret < 0)
		goto exit_release;
	ret = kdbus_conn_commit(conn);
	if (ret < 0)
		goto exit_uncharge;

	hello->bus_flags = bus->flags;
	hello->id = conn->id;
	hello->bloom = bus->bloom;
	memcpy(hello->id128, bus->id128, sizeof(hello->id128));
	return conn;

exit_uncharge:
	atomic_dec(&conn->user->conns);
exit_release:
	xa_release(&bus->conns, conn->id);
exit_put:
	kdbus_conn_put(conn);
	return ERR_PTR(ret);
}

/*
 * The step in which a connection goes: out of all tables, its names to the
 * next in line, its own calls ended. What it had queued goes to @dropped.
 */
static int kdbus_conn_unlink(struct kdbus_conn *conn, bool only_if_idle,
			     struct list_head *dropped)
{
	struct kdbus_bus *bus = conn->bus;
	int ret = 0;

	mutex_lock(&bus->lock);
	spin_lock(&conn->lock);
	if (conn->dead)
		ret = -EALREADY;
	else if (only_if_idle && conn->queue.count)
		ret = -EBUSY;
	else
		WRITE_ONCE(conn->dead, true);
	if (!ret)
		kdbus_queue_take_all(&conn->queue, dropped);
	spin_unlock(&conn->lock);

	if (!ret) {
		list_del_init(&conn->ep_node);
		xa_erase(&bus->conns, conn->id);
		kdbus_names_release_all(conn);
		kdbus_calls_abandon(conn, dropped);
	}
	mutex_unlock(&bus->lock);
	return ret;
}

/**
 * kdbus_conn_disconnect() - end a connection
 * @conn:	the connection; the caller has a reference and holds no lock
 * @reason:	why. For BYEBYE it fails if there is something to receive.
 *
 * Received slices and mappings stay usable until the last reference goes.
 *
 * Return: 0, -EALREADY if it has been ended before, or -EBUSY.
 */
int kdbus_conn_disconnect(struct kdbus_conn *conn, enum kdbus_conn_end reason)
{
	LIST_HEAD(dropped);
	int ret;

	ret = kdbus_conn_unlink(conn, reason == KDBUS_CONN_END_BYEBYE,
				&dropped);
	if (ret < 0)
		return ret;

	kdbus_calls_die(conn);
	kdbus_entries_drop(conn, &dropped, KDBUS_MSG_DROP_DISCONNECT);
	wake_up_all(&conn->wait);
	trace_kdbus_conn_dead(conn->bus->id, conn->id, reason);

	atomic_dec(&conn->user->conns);
	kdbus_conn_put(conn);
	return 0;
}

/**
 * kdbus_conn_stamp() - give a message its place in the order of the domain
 * @conn:	the receiver
 * @entry:	the message
 * @depth:	entries in the receiver's queue, this one included if it goes
 *		there; for the trace event
 *
 * The bus lock is held: the order of stamps is the order of the bus.
 */
void kdbus_conn_stamp(struct kdbus_conn *conn, struct kdbus_entry *entry,
		      unsigned int depth)
{
	u64 used;

	lockdep_assert_held(&conn->bus->lock);

	entry->seq = atomic64_inc_return(&conn->bus->domain->seq);
	entry->queued_ns = kdbus_trace_clock();

	if (trace_kdbus_msg_queue_enabled()) {
		kdbus_pool_usage(conn->pool, &used, NULL);
		trace_kdbus_msg_queue(conn->bus->id, conn->id, entry->src,
				      entry->msg, entry->seq, entry->cookie,
				      entry->slice->offset, entry->slice->size,
				      used, conn->pool->size, depth,
				      entry->kind);
	}
}

/**
 * kdbus_conn_queue() - put a message into a connection's queue
 * @conn:	the receiver, alive; the lock of its bus is held
 * @entry:	the message, which is the queue's from now on
 *
 * The caller wakes the receiver.
 */
void kdbus_conn_queue(struct kdbus_conn *conn, struct kdbus_entry *entry)
{
	kdbus_conn_stamp(conn, entry, READ_ONCE(conn->queue.count) + 1);

	spin_lock(&conn->lock);
	kdbus_queue_add(&conn->queue, entry);
	spin_unlock(&conn->lock);
}

/**
 * kdbus_conn_wake() - tell pollers that there is something to receive
 * @conn:	the connection
 */
void kdbus_conn_wake(struct kdbus_conn *conn)
{
	wake_up_interruptible_poll(&conn->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * kdbus_conn_poll() - what can be done with a connection
 * @conn:	the connection
 * @file:	its file
 * @wait:	the poller
 */
__poll_t kdbus_conn_poll(struct kdbus_conn *conn, struct file *file,
			 poll_table *wait)
{
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;

	/* first, so that no change after the look is missed */
	poll_wait(file, &conn->wait, wait);

	if (kdbus_conn_is_dead(conn))
		return EPOLLERR | EPOLLHUP;
	if (READ_ONCE(conn->queue.count))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}
