// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: their end, poll, and the way into their queues. How they begin
 * is in hello.c.
 * Rules: see connection.h.
 */
#include <linux/cred.h>
#include <linux/slab.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "limits.h"
#include "log.h"
#include "match.h"
#include "move.h"
#include "names.h"
#include "notify.h"
#include "policy.h"
#include "pool.h"
#include "trace.h"

static void kdbus_conn_release(struct kref *kref)
{
	struct kdbus_conn *conn = container_of(kref, struct kdbus_conn, kref);

	WARN_ON(!list_empty(&conn->names) || !list_empty(&conn->waits));
	WARN_ON(!list_empty(&conn->calls_out) || !list_empty(&conn->calls_in));
	WARN_ON(conn->queue.count || !list_empty(&conn->matches));
	WARN_ON(!list_empty(&conn->monitor_node) || conn->activator_of);
	WARN_ON(!list_empty(&conn->listen_node));
	WARN_ON(conn->queue.is_held);

	if (conn->meta)
		kdbus_meta_destroy(conn->meta);
	kfree(conn->meta);
	if (conn->view.user_ns)
		kdbus_meta_ns_destroy(&conn->view);
	kfree(conn->given.seclabel);
	kfree(conn->spare_entry);
	kfree(conn->spare_call);
	kdbus_notice_put(conn->farewell);
	kdbus_pool_free(conn->pool);
	kdbus_user_put(conn->user);
	kdbus_user_put(conn->owner);
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
 * @conn:	the connection; the caller does not hold the bus lock or a lock
 *		inside of it
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
	/* an index is as wide as a pointer, an id may be wider */
	conn = xa_load(&bus->conns, id);
	if (conn && (conn->id != id || !kref_get_unless_zero(&conn->kref)))
		conn = NULL;
	rcu_read_unlock();
	return conn;
}

static enum hrtimer_restart kdbus_conn_timer(struct hrtimer *timer)
{
	struct kdbus_conn *conn = container_of(timer, struct kdbus_conn, timer);

	kdbus_bus_expire_conn(conn);
	return HRTIMER_NORESTART;
}

/**
 * kdbus_conn_alloc() - a connection with nothing but what cannot fail
 * @ep:		its endpoint
 *
 * It is dead and counts for nobody. The rest is hello.c's.
 *
 * Return: the connection, or NULL without memory.
 */
struct kdbus_conn *kdbus_conn_alloc(struct kdbus_endpoint *ep)
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
	mutex_init(&conn->end_lock);
	mutex_init(&conn->recv_lock);
	spin_lock_init(&conn->lock);
	kdbus_queue_init(&conn->queue);
	init_waitqueue_head(&conn->wait);
	INIT_LIST_HEAD(&conn->names);
	INIT_LIST_HEAD(&conn->waits);
	INIT_LIST_HEAD(&conn->move_node);
	INIT_LIST_HEAD(&conn->matches);
	INIT_LIST_HEAD(&conn->listen_node);
	INIT_LIST_HEAD(&conn->monitor_node);
	INIT_LIST_HEAD(&conn->calls_out);
	INIT_LIST_HEAD(&conn->calls_in);
	conn->expiry = KTIME_MAX;
	hrtimer_setup(&conn->timer, kdbus_conn_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS);
	INIT_LIST_HEAD(&conn->expire_node);
	return conn;
}

static int kdbus_conn_charge_user(const struct kdbus_conn *conn,
				  struct kdbus_user *user)
{
	return kdbus_user_charge_object(user, KDBUS_COUNT_CONNS,
					READ_ONCE(kdbus_max_conns_per_user),
					conn->bus->id, KDBUS_QUOTA_CONNS);
}

/**
 * kdbus_conn_charge() - count a connection for its uid
 * @conn:	the connection, which has its users
 *
 * One through a custom endpoint counts for the endpoint's user, too.
 *
 * Return: 0 or -EMFILE.
 */
int kdbus_conn_charge(struct kdbus_conn *conn)
{
	int ret;

	ret = kdbus_conn_charge_user(conn, conn->owner);
	if (ret < 0 || conn->user == conn->owner)
		return ret;
	ret = kdbus_conn_charge_user(conn, conn->user);
	if (ret < 0)
		kdbus_user_uncharge(conn->owner, KDBUS_COUNT_CONNS, 1);
	return ret;
}

/**
 * kdbus_conn_uncharge() - undo kdbus_conn_charge()
 * @conn:	the connection
 */
void kdbus_conn_uncharge(struct kdbus_conn *conn)
{
	kdbus_user_uncharge(conn->owner, KDBUS_COUNT_CONNS, 1);
	if (conn->user != conn->owner)
		kdbus_user_uncharge(conn->user, KDBUS_COUNT_CONNS, 1);
}

/**
 * struct kdbus_conn_ending - a connection going
 * @conn:	the connection
 * @only_if_idle: not while something is queued, or may be put back
 * @dropped:	gets what was queued
 * @policy:	gets its policy entries
 */
struct kdbus_conn_ending {
	struct kdbus_conn *conn;
	bool only_if_idle;
	struct list_head dropped;
	struct list_head policy;
};

static int kdbus_conn_set_dead(struct kdbus_conn_ending *end)
{
	struct kdbus_conn *conn = end->conn;
	int ret = 0;

	spin_lock(&conn->lock);
	if (conn->dead)
		ret = -EALREADY;
	else if (end->only_if_idle && !kdbus_queue_is_idle(&conn->queue))
		ret = -EBUSY;
	else
		WRITE_ONCE(conn->dead, true);
	spin_unlock(&conn->lock);
	return ret;
}

/*
 * The step in which a connection goes: out of all tables that others find it
 * in, its names to the next in line with what is queued for them, its own
 * calls ended. The bus lock is held.
 */
static int kdbus_conn_unlink(void *arg, struct kdbus_move *move)
{
	struct kdbus_conn_ending *end = arg;
	struct kdbus_conn *conn = end->conn;
	struct kdbus_bus *bus = conn->bus;
	int ret;

	/* a BYEBYE that is refused does not wait for a move */
	if (!conn->dead &&
	    !(end->only_if_idle && !kdbus_queue_is_idle(&conn->queue))) {
		ret = kdbus_names_check_moves(conn, move);
		if (ret)
			return ret;
	}
	ret = kdbus_conn_set_dead(end);
	if (ret < 0)
		return ret;

	xa_erase(&bus->conns, conn->id);
	WRITE_ONCE(bus->n_conns, bus->n_conns - 1);
	bus->list_gen++;
	if (!list_empty(&conn->monitor_node)) {
		list_del_init(&conn->monitor_node);
		WRITE_ONCE(bus->n_monitors, bus->n_monitors - 1);
	}
	kdbus_log_listen(conn, 0);
	kdbus_names_release_all(conn, move);
	kdbus_policy_unset_conn(conn, &end->policy);

	kdbus_move_forget(conn, move);
	spin_lock(&conn->lock);
	kdbus_queue_take_all(&conn->queue, &end->dropped);
	spin_unlock(&conn->lock);
	kdbus_calls_abandon(conn, &end->dropped);
	return 0;
}

/*
 * What remains of a connection that has gone. It leaves its endpoint last: who
 * ends that does not miss one that somebody else is ending.
 */
static void kdbus_conn_finish(struct kdbus_conn_ending *end,
			      enum kdbus_conn_end reason)
{
	struct kdbus_conn *conn = end->conn;
	struct kdbus_bus *bus = conn->bus;

	lockdep_assert_held(&conn->end_lock);

	kdbus_matches_remove_all(conn);
	kdbus_policy_free(&end->policy);
	kdbus_calls_die(conn);
	kdbus_entries_drop(conn, &end->dropped, KDBUS_MSG_DROP_DISCONNECT);
	wake_up_all(&conn->wait);
	kdbus_conn_uncharge(conn);
	kdbus_trace(conn_dead, bus->id, conn->id, reason);

	/* nobody arms it for a dead connection */
	hrtimer_cancel(&conn->timer);
	kdbus_bus_forget_conn(conn);

	kdbus_bus_lock(bus);
	list_del_init(&conn->ep_node);
	kdbus_bus_unlock(bus);
}

/**
 * kdbus_conn_disconnect() - end a connection
 * @conn:	the connection; the caller has a reference and holds no lock
 *		inside of conn->end_lock
 * @reason:	why. For BYEBYE it fails if there is something to receive, or
 *		that may be put back.
 *
 * Unless it fails so the connection has ended on return, whoever ended it.
 * Received slices and mappings stay usable until the last reference goes.
 *
 * Return: 0, -EALREADY if it has been ended before, or -EBUSY.
 */
int kdbus_conn_disconnect(struct kdbus_conn *conn, enum kdbus_conn_end reason)
{
	struct kdbus_conn_ending end = {
		.conn = conn,
		.only_if_idle = reason == KDBUS_CONN_END_BYEBYE,
		.dropped = LIST_HEAD_INIT(end.dropped),
		.policy = LIST_HEAD_INIT(end.policy),
	};
	int ret;

	mutex_lock(&conn->end_lock);
	/* what it has not heard of is dropped as what it has not received */
	if (kdbus_log_has_news(conn) && !READ_ONCE(conn->bus->dead))
		kdbus_log_catch_up(conn);
	ret = kdbus_move_run(conn->bus, kdbus_conn_unlink, &end);
	if (!ret)
		kdbus_conn_finish(&end, reason);
	mutex_unlock(&conn->end_lock);
	/* the table's reference */
	if (!ret)
		kdbus_conn_put(conn);
	return ret;
}

static void kdbus_conn_trace_queue(const struct kdbus_conn *conn,
				   const struct kdbus_entry *entry,
				   unsigned int depth)
{
	struct kdbus_trace_queue q = {
		.bus = conn->bus->id,
		.conn = conn->id,
		.src = entry->src,
		.msg = entry->msg,
		.seq = entry->seq,
		.cookie = entry->cookie,
		.name_id = entry->name_id,
		.offset = entry->slice ? entry->slice->offset : 0,
		.bytes = kdbus_entry_size(entry),
		/* one word, and it changes anyway: no reason for its lock */
		.used = READ_ONCE(conn->pool->used),
		.pool_size = conn->pool->size,
		.depth = depth,
		.kind = entry->kind,
	};

	kdbus_trace(msg_queue, &q);
}

/* What is only done of kdbus_conn_stamp() while somebody looks. */
static noinline void kdbus_conn_stamp_seen(const struct kdbus_conn *conn,
					   struct kdbus_entry *entry,
					   unsigned int depth)
{
	entry->queued_ns = kdbus_trace_clock();
	if (trace_kdbus_msg_queue_enabled())
		kdbus_conn_trace_queue(conn, entry, depth);
}

/**
 * kdbus_conn_stamp() - give a message its place in the order of the domain
 * @conn:	the receiver
 * @entry:	the message
 * @seq:	its number, from kdbus_bus_next_seq() since the bus lock is held
 * @depth:	entries in the receiver's queue, this one included if it goes
 *		there; for the trace event
 */
void kdbus_conn_stamp(struct kdbus_conn *conn, struct kdbus_entry *entry,
		      u64 seq, unsigned int depth)
{
	lockdep_assert_held(&conn->bus->lock);

	entry->seq = seq;
	entry->queued_ns = 0;
	if (kdbus_trace_sees_waits() || trace_kdbus_msg_queue_enabled())
		kdbus_conn_stamp_seen(conn, entry, depth);
}

/**
 * kdbus_conn_enqueue() - put a message that has its number into a queue
 * @conn:	the receiver, alive; the lock of its bus is held
 * @entry:	the message, which is the queue's from now on
 *
 * The caller wakes the receiver.
 */
void kdbus_conn_enqueue(struct kdbus_conn *conn, struct kdbus_entry *entry)
{
	lockdep_assert_held(&conn->bus->lock);

	spin_lock(&conn->lock);
	kdbus_queue_add(&conn->queue, entry);
	spin_unlock(&conn->lock);
}

/**
 * kdbus_conn_queue() - number a message and put it into a queue
 * @conn:	the receiver, alive; the lock of its bus is held
 * @entry:	the message, which is the queue's from now on
 * @seq:	its number in the order of the domain
 *
 * The caller wakes the receiver.
 */
void kdbus_conn_queue(struct kdbus_conn *conn, struct kdbus_entry *entry,
		      u64 seq)
{
	kdbus_conn_stamp(conn, entry, seq, READ_ONCE(conn->queue.count) + 1);
	kdbus_conn_enqueue(conn, entry);
}

/**
 * kdbus_conn_wake_later() - wake a connection when the bus lock is dropped
 * @conn:	the connection, alive; the lock of its bus is held
 */
void kdbus_conn_wake_later(struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;

	lockdep_assert_held(&bus->lock);

	/* whoever comes to poll from here on finds what there is */
	if (!wq_has_sleeper(&conn->wait) ||
	    test_and_set_bit(0, &conn->will_wake))
		return;
	conn->next_wake = bus->to_wake;
	bus->to_wake = conn;
}

/* pollers that are woken at once; for more there is a worker */
#define KDBUS_CONN_FEW_POLLERS 8

static bool kdbus_conn_wake_few(struct kdbus_conn *conn)
{
	unsigned int n = 0;
	struct list_head *pos;
	unsigned long flags;

	/* the worker may hold it for as long as it wakes many */
	if (!spin_trylock_irqsave(&conn->wait.lock, flags))
		return false;
	list_for_each(pos, &conn->wait.head)
		if (++n > KDBUS_CONN_FEW_POLLERS)
			break;
	if (n <= KDBUS_CONN_FEW_POLLERS)
		wake_up_locked_poll(&conn->wait, EPOLLIN | EPOLLRDNORM);
	spin_unlock_irqrestore(&conn->wait.lock, flags);
	return n <= KDBUS_CONN_FEW_POLLERS;
}

/**
 * kdbus_conn_wake_pollers() - kdbus_conn_wake() with pollers there
 * @conn:	the connection
 *
 * A connection can have any number of pollers: each watch of an epoll file is
 * one. A sender does not pay for them.
 */
void kdbus_conn_wake_pollers(struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;

	if (kdbus_conn_wake_few(conn) || test_and_set_bit(1, &conn->will_wake))
		return;
	/* a dead one's pollers are woken by kdbus_conn_disconnect() */
	if (!kref_get_unless_zero(&conn->kref))
		return;
	llist_add(&conn->wake_node, &bus->to_wake_many);
	kdbus_bus_queue_work(bus, &bus->wake_many);
}

/**
 * kdbus_conn_wake_many() - wake those whose pollers are many
 * @work:	wake_many of a bus, whose reference goes
 */
void kdbus_conn_wake_many(struct work_struct *work)
{
	struct kdbus_bus *bus = container_of(work, struct kdbus_bus, wake_many);
	struct kdbus_conn *conn, *next;
	struct llist_node *all;

	all = llist_reverse_order(llist_del_all(&bus->to_wake_many));
	llist_for_each_entry_safe(conn, next, all, wake_node) {
		/* before they are woken: see kdbus_bus_unlock_and_wake() */
		clear_bit_unlock(1, &conn->will_wake);
		wake_up_interruptible_poll(&conn->wait,
					   EPOLLIN | EPOLLRDNORM);
		kdbus_conn_put(conn);
		cond_resched();
	}
	kdbus_bus_put(bus);
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
	/* pairs with that in kdbus_conn_wake() */
	smp_mb();

	if (kdbus_log_has_news(conn))
		kdbus_log_catch_up(conn);
	if (kdbus_conn_is_dead(conn))
		return EPOLLERR | EPOLLHUP;
	if (READ_ONCE(conn->queue.count) && !READ_ONCE(conn->queue.is_held))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}
