// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that move with the name they are addressed to. Rules: see move.h.
 */
#include <linux/err.h>
#include <linux/list.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "limits.h"
#include "move.h"
#include "pool.h"
#include "queue.h"
#include "trace.h"

/* ---- twins ------------------------------------------------------------ */

/* What the twin of @old is but for its slice. */
static struct kdbus_entry *kdbus_twin_alloc(struct kdbus_conn *to,
					    const struct kdbus_entry *old)
{
	struct kdbus_entry *twin = kdbus_entry_new(to, old->msg);

	if (!twin)
		return NULL;
	twin->priority = old->priority;
	twin->src = old->src;
	twin->cookie = old->cookie;
	twin->queued_ns = old->queued_ns;
	twin->kind = old->kind;
	twin->has_fds = old->has_fds;
	twin->seq_offset = old->seq_offset;
	twin->name_id = old->name_id;
	twin->seq = old->seq;

	/* the new owner may stand in another relation to the sender */
	twin->charge = old->charge;
	twin->charge.foreign = old->charge_user != to->user->key;
	twin->charge.id = twin->charge.foreign ? old->charge_user : old->src;
	twin->charge_user = old->charge_user;
	return twin;
}

static struct kdbus_entry *kdbus_twin_new(struct kdbus_conn *to,
					  const struct kdbus_entry *old)
{
	struct kdbus_entry *twin;
	struct kdbus_slice *slice;
	int ret;

	if (old->has_fds && !(to->flags & KDBUS_HELLO_ACCEPT_FD))
		return ERR_PTR(-ECOMM);
	twin = kdbus_twin_alloc(to, old);
	if (!twin)
		return ERR_PTR(-ENOMEM);
	slice = kdbus_slice_alloc(to->pool, old->slice->size, &twin->charge,
				  old->msg);
	ret = PTR_ERR_OR_ZERO(slice);
	if (!ret) {
		twin->slice = slice;
		twin->n_fds = twin->charge.fds;
		ret = kdbus_pool_copy(slice, old->slice);
	}
	if (!ret)
		return twin;
	kdbus_entry_discard(twin);
	return ERR_PTR(ret);
}

/*
 * The first message for the name behind the last one that has no twin. It stays
 * in the queue, and so does the last one, for nothing is received.
 */
static struct kdbus_entry *kdbus_move_next(struct kdbus_move *move)
{
	struct list_head *fifo = &move->from->queue.fifo;
	struct list_head *pos = move->last ? &move->last->node : fifo;
	struct kdbus_entry *e = NULL;

	spin_lock(&move->from->lock);
	list_for_each_continue(pos, fifo) {
		e = list_entry(pos, struct kdbus_entry, node);
		if (e->name_id == move->name_id && !e->twin)
			break;
	}
	spin_unlock(&move->from->lock);
	return pos == fifo ? NULL : e;
}

/* Makes twins for all messages there are. */
static void kdbus_move_prepare(struct kdbus_move *move)
{
	struct kdbus_entry *e, *twin;

	while ((e = kdbus_move_next(move))) {
		twin = kdbus_twin_new(move->to, e);
		spin_lock(&move->from->lock);
		e->twin = twin;
		spin_unlock(&move->from->lock);
		move->last = e;
		cond_resched();
	}
}

/**
 * kdbus_move_forget() - what is still in a queue does not move
 * @from:	whose queue it is
 * @move:	gets the twins, to be freed without the bus lock
 */
void kdbus_move_forget(struct kdbus_conn *from, struct kdbus_move *move)
{
	struct kdbus_entry *e;

	/* then nothing has a twin */
	if (!move->from)
		return;
	spin_lock(&from->lock);
	list_for_each_entry(e, &from->queue.fifo, node) {
		if (!IS_ERR_OR_NULL(e->twin))
			list_add_tail(&e->twin->node, &move->unused);
		e->twin = NULL;
	}
	spin_unlock(&from->lock);
}

/* ---- the step --------------------------------------------------------- */

/* Whether the newest message for a name has a twin, or why not: then all have. */
static bool kdbus_move_all_ready(struct kdbus_conn *from, u64 name_id)
{
	struct kdbus_entry *e;
	bool ret = true;

	spin_lock(&from->lock);
	list_for_each_entry_reverse(e, &from->queue.fifo, node) {
		if (e->name_id == name_id) {
			ret = e->twin;
			break;
		}
	}
	spin_unlock(&from->lock);
	return ret;
}

/**
 * kdbus_move_concerns() - whether messages are about to move from a connection
 * or to it
 * @conn:	the connection; the bus lock is held
 */
bool kdbus_move_concerns(const struct kdbus_conn *conn)
{
	lockdep_assert_held(&conn->bus->lock);

	return READ_ONCE(conn->queue.is_held) || !list_empty(&conn->move_node);
}

/* @from has what needs twins for @to: nothing is received there from now on. */
static void kdbus_move_hold(struct kdbus_move *move, struct kdbus_conn *from,
			    struct kdbus_conn *to)
{
	if (!move->from) {
		move->from = kdbus_conn_get(from);
		spin_lock(&from->lock);
		WRITE_ONCE(from->queue.is_held, true);
		spin_unlock(&from->lock);
	}
	if (list_empty(&to->move_node))
		list_add(&kdbus_conn_get(to)->move_node, &move->receivers);
}

/**
 * kdbus_move_check() - whether all messages for a name can move
 * @from:	where they are; the bus lock is held
 * @to:		where they go
 * @name_id:	the name
 * @move:	told what is needed if they cannot
 *
 * Return: 0 or KDBUS_MOVE_NEEDED.
 */
int kdbus_move_check(struct kdbus_conn *from, struct kdbus_conn *to,
		     u64 name_id, struct kdbus_move *move)
{
	lockdep_assert_held(&from->bus->lock);

	if (!move->is_locked && kdbus_move_concerns(from))
		return KDBUS_MOVE_NEEDED;
	if (kdbus_move_all_ready(from, name_id))
		return 0;
	if (!move->is_locked)
		return KDBUS_MOVE_NEEDED;

	if (move->name_id != name_id) {
		if (move->turns == KDBUS_MOVE_TURNS)
			return 0;
		move->turns++;
		move->last = NULL;
	}
	move->to = to;
	move->name_id = name_id;
	kdbus_move_hold(move, from, to);
	return KDBUS_MOVE_NEEDED;
}

/* What the new owner queues in place of an entry, or NULL: it is lost. */
static struct kdbus_entry *kdbus_move_one(struct kdbus_conn *from,
					  struct kdbus_conn *to,
					  struct kdbus_entry *old,
					  struct kdbus_move *move)
{
	struct kdbus_entry *twin = old->twin;

	if (IS_ERR(twin)) {
		if (old->call)
			kdbus_call_fail(old->call, KDBUS_CALL_END_UNDELIVERED);
		list_add_tail(&old->node, &move->lost);
		return NULL;
	}
	old->twin = NULL;
	twin->files = old->files;
	twin->n_files = old->n_files;
	twin->files_user = old->files_user;
	old->files = NULL;
	old->files_user = NULL;
	twin->call = old->call;
	old->call = NULL;
	if (twin->call)
		kdbus_call_set_replier(twin->call, to);

	kdbus_trace(msg_move, from->bus->id, from->id, to->id, twin->msg,
		    twin->name_id);
	list_add_tail(&old->node, &move->moved);
	return twin;
}

/**
 * kdbus_move_commit() - move all messages for a name
 * @from:	where they are; the bus lock is held since kdbus_move_check()
 * @to:		where they go; alive
 * @name_id:	the name
 * @move:	gets what is to be freed after unlocking
 */
void kdbus_move_commit(struct kdbus_conn *from, struct kdbus_conn *to,
		       u64 name_id, struct kdbus_move *move)
{
	struct kdbus_entry *e, *tmp, *twin;
	LIST_HEAD(twins);
	LIST_HEAD(all);

	lockdep_assert_held(&from->bus->lock);

	/* nothing has a twin */
	if (!move->from)
		return;
	spin_lock(&from->lock);
	list_for_each_entry_safe(e, tmp, &from->queue.fifo, node) {
		if (e->name_id != name_id || !e->twin)
			continue;
		kdbus_queue_del(&from->queue, e);
		list_add_tail(&e->node, &all);
	}
	spin_unlock(&from->lock);

	list_for_each_entry_safe(e, tmp, &all, node) {
		list_del_init(&e->node);
		twin = kdbus_move_one(from, to, e, move);
		if (twin)
			list_add_tail(&twin->node, &twins);
	}
	spin_lock(&to->lock);
	kdbus_queue_merge(&to->queue, &twins);
	spin_unlock(&to->lock);
	kdbus_conn_wake_later(to);
}

/* Lets the connection that was held receive again. */
static void kdbus_move_release(struct kdbus_conn *from)
{
	spin_lock(&from->lock);
	WRITE_ONCE(from->queue.is_held, false);
	spin_unlock(&from->lock);
	kdbus_conn_wake(from);
}

/* Takes down the twins that are left; others may move messages after that. */
static void kdbus_move_end(struct kdbus_bus *bus, struct kdbus_move *move)
{
	struct kdbus_entry *e, *tmp;
	struct kdbus_conn *to;

	lockdep_assert_held(&bus->move_lock);

	kdbus_move_forget(move->from, move);
	kdbus_move_release(move->from);
	list_for_each_entry_safe(e, tmp, &move->unused, node) {
		kdbus_entry_discard(e);
		cond_resched();
	}
	while ((to = list_first_entry_or_null(&move->receivers,
					      struct kdbus_conn, move_node))) {
		kdbus_bus_lock(bus);
		list_del_init(&to->move_node);
		kdbus_bus_unlock(bus);
		kdbus_conn_put(to);
	}
}

/* Frees what has moved or is lost. */
static void kdbus_move_free(struct kdbus_move *move)
{
	struct kdbus_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, &move->moved, node) {
		kdbus_entry_free(e);
		cond_resched();
	}
	list_for_each_entry_safe(e, tmp, &move->lost, node) {
		kdbus_entry_drop(move->from, e, KDBUS_MSG_DROP_MOVE,
				 PTR_ERR(e->twin));
		cond_resched();
	}
	kdbus_conn_put(move->from);
}

static int kdbus_move_step(struct kdbus_bus *bus,
			   int (*step)(void *arg, struct kdbus_move *move),
			   void *arg, struct kdbus_move *move)
{
	int ret;

	kdbus_bus_lock(bus);
	ret = step(arg, move);
	kdbus_bus_unlock(bus);
	return ret;
}

/**
 * kdbus_move_run() - do something that may need messages to move
 * @bus:	the bus; the caller holds no lock
 * @step:	called with the bus lock held, again and again as long as it
 *		returns KDBUS_MOVE_NEEDED, which it does without having changed
 *		anything: as kdbus_move_check() says, or if it ends a connection
 *		that kdbus_move_concerns() and @is_locked is not set
 * @arg:	handed to @step
 *
 * Return: what @step returns at last.
 */
int kdbus_move_run(struct kdbus_bus *bus,
		   int (*step)(void *arg, struct kdbus_move *move), void *arg)
{
	struct kdbus_move move = {
		.receivers = LIST_HEAD_INIT(move.receivers),
		.moved = LIST_HEAD_INIT(move.moved),
		.lost = LIST_HEAD_INIT(move.lost),
		.unused = LIST_HEAD_INIT(move.unused),
	};
	int ret;

	ret = kdbus_move_step(bus, step, arg, &move);
	if (ret != KDBUS_MOVE_NEEDED)
		return ret;

	mutex_lock(&bus->move_lock);
	move.is_locked = true;
	while ((ret = kdbus_move_step(bus, step, arg, &move)) ==
	       KDBUS_MOVE_NEEDED)
		kdbus_move_prepare(&move);
	if (move.from)
		kdbus_move_end(bus, &move);
	mutex_unlock(&bus->move_lock);
	if (move.from)
		kdbus_move_free(&move);
	return ret;
}
