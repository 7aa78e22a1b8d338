// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that move with the name they are addressed to. Rules: see move.h.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "limits.h"
#include "move.h"
#include "pool.h"
#include "queue.h"
#include "trace.h"

static atomic64_t kdbus_move_runs = ATOMIC64_INIT(0);

static void kdbus_move_free(struct list_head *entries)
{
	struct kdbus_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, entries, node) {
		list_del_init(&e->node);
		kdbus_entry_free(e);
		cond_resched();
	}
}

/* ---- twins ------------------------------------------------------------ */

/* What a twin is made from; the entry itself may be received meanwhile. */
struct kdbus_move_source {
	struct kdbus_entry copy;
	struct kdbus_slice *slice;
};

/* Whether a message can go to @to, or has been found not to be able to. */
static bool kdbus_move_is_ready(const struct kdbus_entry *e,
				const struct kdbus_conn *to, u64 run)
{
	return e->twin_to == to && (e->twin || e->twin_run == run);
}

/*
 * The first message for the name behind the last one, by priority and number,
 * that is not ready; pins its slice.
 */
static bool kdbus_move_next(const struct kdbus_move *move,
			    struct kdbus_move_source *src)
{
	struct kdbus_conn *from = move->from;
	struct kdbus_entry *e;

	spin_lock(&from->lock);
	e = kdbus_queue_behind(&from->queue, src->slice ? &src->copy : NULL);
	while (e && (e->name_id != move->name_id ||
		     kdbus_move_is_ready(e, move->to, move->run)))
		e = kdbus_queue_next(e);
	if (e) {
		src->copy = *e;
		src->slice = e->slice;
		kdbus_slice_pin(e->slice);
	}
	spin_unlock(&from->lock);
	return e;
}

static struct kdbus_entry *kdbus_twin_new(const struct kdbus_move *move,
					  const struct kdbus_move_source *src)
{
	const struct kdbus_entry *old = &src->copy;
	struct kdbus_entry *twin;
	struct kdbus_slice *slice;
	struct kdbus_charge charge = old->charge;
	int ret;

	if (old->has_fds && !(move->to->flags & KDBUS_HELLO_ACCEPT_FD))
		return ERR_PTR(-ECOMM);
	twin = kdbus_entry_new(move->to, old->msg);
	if (!twin)
		return ERR_PTR(-ENOMEM);
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
	charge.foreign = old->charge_user != move->to->user->key;
	charge.id = charge.foreign ? old->charge_user : old->src;
	twin->charge = charge;
	twin->charge_user = old->charge_user;
	slice = kdbus_slice_alloc(move->to->pool, src->slice->size, &charge,
				  old->msg);
	if (IS_ERR(slice)) {
		ret = PTR_ERR(slice);
		goto exit_free;
	}
	twin->slice = slice;
	twin->n_fds = charge.fds;
	ret = kdbus_pool_copy(slice, src->slice);
	if (ret < 0)
		goto exit_free;
	return twin;

exit_free:
	kdbus_entry_discard(twin);
	return ERR_PTR(ret);
}

/*
 * Hangs a twin on its entry, if that is still there; an error: it cannot move.
 * If a RECV had the entry meanwhile the numbers of its files may have been
 * copied, so another twin is made in the next round.
 */
static void kdbus_twin_attach(const struct kdbus_move *move,
			      const struct kdbus_entry *old,
			      struct kdbus_entry *twin)
{
	int error = PTR_ERR_OR_ZERO(twin);
	struct kdbus_entry *e, *stale;
	struct kdbus_conn *stale_to = NULL;

	if (error)
		twin = NULL;
	stale = twin;
	spin_lock(&move->from->lock);
	e = kdbus_queue_find(&move->from->queue, old);
	if (e && e->put_backs == old->put_backs) {
		stale = e->twin;
		stale_to = e->twin_to;
		e->twin = twin;
		e->twin_to = kdbus_conn_get(move->to);
		e->twin_run = move->run;
		e->error = error;
	}
	spin_unlock(&move->from->lock);

	kdbus_entry_discard(stale);
	if (stale_to)
		kdbus_conn_put(stale_to);
}

/*
 * Makes twins for all messages there are, if they are not so many that others
 * would wait too long for bus->move_lock, which is held.
 */
static void kdbus_move_prepare(const struct kdbus_move *move)
{
	unsigned int left = KDBUS_MOVE_TWINS;
	struct kdbus_move_source src = {};

	while (left-- && kdbus_move_next(move, &src)) {
		kdbus_twin_attach(move, &src.copy, kdbus_twin_new(move, &src));
		kdbus_slice_unpin(src.slice);
		cond_resched();
	}
}

/*
 * Takes what was prepared from the first message behind @last, by priority and
 * number, for which anything was; @last becomes a copy of it.
 */
static bool kdbus_move_take_twin(struct kdbus_conn *from,
				 struct kdbus_entry *last,
				 struct kdbus_entry **twin,
				 struct kdbus_conn **to)
{
	struct kdbus_entry *e;

	spin_lock(&from->lock);
	e = kdbus_queue_behind(&from->queue, last);
	while (e && !e->twin_to)
		e = kdbus_queue_next(e);
	if (e) {
		*last = *e;
		*twin = e->twin;
		*to = e->twin_to;
		e->twin = NULL;
		e->twin_to = NULL;
	}
	spin_unlock(&from->lock);
	return e;
}

/* Takes down what was prepared and is not needed: bus->move_lock is held. */
static void kdbus_move_forget(struct kdbus_conn *from)
{
	/* before all, since numbers begin with 1 */
	struct kdbus_entry last = { .priority = S64_MIN }, *twin;
	struct kdbus_conn *to;

	while (kdbus_move_take_twin(from, &last, &twin, &to)) {
		kdbus_entry_discard(twin);
		kdbus_conn_put(to);
		cond_resched();
	}
}

/* ---- the step --------------------------------------------------------- */

/**
 * kdbus_move_check() - whether all messages for a name can move
 * @from:	where they are; the bus lock is held
 * @to:		where they go
 * @name_id:	the name
 * @rounds:	how often it was needed for this name; counted here
 * @move:	told what is needed if they cannot
 *
 * Return: 0 or KDBUS_MOVE_NEEDED.
 */
int kdbus_move_check(struct kdbus_conn *from, struct kdbus_conn *to,
		     u64 name_id, unsigned int *rounds,
		     struct kdbus_move *move)
{
	struct kdbus_entry *e;
	int ret = 0;

	lockdep_assert_held(&from->bus->lock);

	if (*rounds == KDBUS_MOVE_ROUNDS && move->rounds == KDBUS_MOVE_ROUNDS)
		return 0;
	spin_lock(&from->lock);
	list_for_each_entry(e, &from->queue.fifo, node) {
		if (e->name_id != name_id ||
		    kdbus_move_is_ready(e, to, move->run))
			continue;
		ret = KDBUS_MOVE_NEEDED;
		break;
	}
	spin_unlock(&from->lock);

	if (ret) {
		if (*rounds < KDBUS_MOVE_ROUNDS)
			(*rounds)++;
		else
			move->rounds++;
		move->from = kdbus_conn_get(from);
		move->to = kdbus_conn_get(to);
		move->name_id = name_id;
	}
	return ret;
}

/* What the new owner queues in place of an entry, or NULL: it is lost. */
static struct kdbus_entry *kdbus_move_one(struct kdbus_conn *from,
					  struct kdbus_conn *to,
					  struct kdbus_entry *old,
					  struct kdbus_move *move)
{
	struct kdbus_entry *twin = old->twin;

	if (!twin) {
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

	spin_lock(&from->lock);
	list_for_each_entry_safe(e, tmp, &from->queue.fifo, node) {
		if (e->name_id != name_id ||
		    !kdbus_move_is_ready(e, to, move->run))
			continue;
		kdbus_queue_del(&from->queue, e);
		list_add_tail(&e->node, &all);
	}
	spin_unlock(&from->lock);

	if (list_empty(&all))
		return;
	if (!move->from) {
		/* who drops what is lost; given back by kdbus_move_run() */
		move->from = kdbus_conn_get(from);
	}
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

static void kdbus_move_put(struct kdbus_move *move)
{
	if (move->from)
		kdbus_conn_put(move->from);
	if (move->to)
		kdbus_conn_put(move->to);
	move->from = move->to = NULL;
}

static void kdbus_move_finish(struct kdbus_move *move)
{
	kdbus_move_free(&move->moved);
	if (move->from)
		kdbus_entries_drop(move->from, &move->lost,
				   KDBUS_MSG_DROP_MOVE);
	kdbus_move_put(move);
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

/* Makes twins for what a step needs, and tries the step again. */
static int kdbus_move_round(struct kdbus_bus *bus,
			    int (*step)(void *arg, struct kdbus_move *move),
			    void *arg, struct kdbus_move *move)
{
	struct kdbus_conn *from = move->from, *to = move->to;
	int ret;

	kdbus_move_prepare(move);
	move->from = move->to = NULL;
	ret = kdbus_move_step(bus, step, arg, move);
	if (ret != KDBUS_MOVE_NEEDED || move->from != from)
		kdbus_move_forget(from);
	kdbus_conn_put(from);
	kdbus_conn_put(to);
	return ret;
}

/**
 * kdbus_move_run() - do something that may need messages to move
 * @bus:	the bus; the caller holds no lock
 * @step:	called with the bus lock held, again and again as long as it
 *		returns KDBUS_MOVE_NEEDED, which it does after
 *		kdbus_move_check() and without having changed anything
 * @arg:	handed to @step
 *
 * Return: what @step returns at last.
 */
int kdbus_move_run(struct kdbus_bus *bus,
		   int (*step)(void *arg, struct kdbus_move *move), void *arg)
{
	struct kdbus_move move = {
		.run = atomic64_inc_return(&kdbus_move_runs),
		.moved = LIST_HEAD_INIT(move.moved),
		.lost = LIST_HEAD_INIT(move.lost),
	};
	int ret;

	ret = kdbus_move_step(bus, step, arg, &move);
	while (ret == KDBUS_MOVE_NEEDED) {
		/* given up between rounds: a flood of one name delays no other */
		mutex_lock(&bus->move_lock);
		ret = kdbus_move_round(bus, step, arg, &move);
		mutex_unlock(&bus->move_lock);
	}
	kdbus_move_finish(&move);
	return ret;
}
