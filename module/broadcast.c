// SPDX-License-Identifier: GPL-2.0
/*
 * Messages for several receivers. Rules: see broadcast.h. Broadcasts go
 * through the same steps as other messages, send.c.
 */
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "broadcast.h"
#include "bus.h"
#include "connection.h"
#include "message.h"
#include "policy.h"
#include "queue.h"
#include "send.h"
#include "trace.h"

static enum kdbus_msg_kind kdbus_copy_kind(const struct kdbus_conn *conn)
{
	return conn->flags & KDBUS_HELLO_MONITOR ? KDBUS_MSG_KIND_COPY :
						   KDBUS_MSG_KIND_SIGNAL;
}

/*
 * A copy for one receiver, or as a pointer why there is none: -EAGAIN means
 * KDBUS_SEND_AGAIN. Monitors get theirs for free, and all files of a message
 * that is not a broadcast.
 */
static struct kdbus_entry *kdbus_copy_new(struct kdbus_message *msg,
					  struct kdbus_conn *conn)
{
	bool charged = !(conn->flags & KDBUS_HELLO_MONITOR);
	struct kdbus_charge charge;
	struct kdbus_entry *entry;
	int ret;

	entry = kdbus_send_new_entry(msg, conn);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	entry->kind = kdbus_copy_kind(conn);

	if (charged)
		kdbus_send_charge(msg, conn, &charge);
	ret = kdbus_message_deliver(msg, conn, charged ? &charge : NULL, entry);
	if (!ret && !charged)
		ret = kdbus_message_copy_files(msg, entry, conn);
	if (ret) {
		kdbus_entry_discard(entry);
		return ERR_PTR(ret < 0 ? ret : -EAGAIN);
	}
	return entry;
}

/**
 * kdbus_receivers_gather() - take from the sender what receivers will be told
 * @r:		the receivers
 * @msg:	the message, sent by current
 *
 * Return: 0, or KDBUS_SEND_AGAIN if something is not in memory.
 */
int kdbus_receivers_gather(const struct kdbus_receivers *r,
			   struct kdbus_message *msg)
{
	u64 flags = 0;
	unsigned int i;

	for (i = 0; i < r->n; i++)
		flags |= READ_ONCE(r->conns[i]->attach_flags);
	return kdbus_message_gather(msg, kdbus_meta_allowed(flags));
}

/**
 * kdbus_copies_fill() - make a copy ready for each receiver
 * @c:		@to is set; given back with kdbus_copies_release()
 * @msg:	the message; its payload is staged or written to a slice
 *
 * Return: 0; -ENOMEM; -EINTR if current is being killed; or KDBUS_SEND_AGAIN if
 * a receiver wants to be told by now what is not in memory.
 */
int kdbus_copies_fill(struct kdbus_copies *c, struct kdbus_message *msg)
{
	unsigned int i;

	if (!c->to.n)
		return 0;
	c->entries = kvcalloc(c->to.n, sizeof(*c->entries), GFP_KERNEL_ACCOUNT);
	if (!c->entries)
		return -ENOMEM;

	for (i = 0; i < c->to.n; i++) {
		c->entries[i] = kdbus_copy_new(msg, c->to.conns[i]);
		if (c->entries[i] == ERR_PTR(-EINTR))
			return -EINTR;
		if (c->entries[i] == ERR_PTR(-EAGAIN))
			return KDBUS_SEND_AGAIN;
	}
	return 0;
}

/* Queues a copy, or says why there is none. The lock of the bus is held. */
static bool kdbus_copy_queue(struct kdbus_conn *conn, struct kdbus_entry *entry,
			     const struct kdbus_message *msg, u64 seq)
{
	int error = conn->dead ? -ECONNRESET : PTR_ERR_OR_ZERO(entry);

	if (!error) {
		kdbus_conn_queue(conn, entry, seq);
		return true;
	}
	kdbus_trace(msg_drop, conn->bus->id, conn->id, msg->src->id, msg->id,
		    msg->hdr->cookie, 0, KDBUS_MSG_DROP_UNDELIVERED,
		    kdbus_copy_kind(conn), 0, error);
	return false;
}

/* Queues a copy, unless that is done. The lock of the bus is held. */
static void kdbus_copies_queue_one(struct kdbus_copies *c, unsigned int i)
{
	struct kdbus_entry *entry = c->entries[i];

	if (!entry)
		return;
	if (kdbus_copy_queue(c->to.conns[i], entry, c->msg, c->record.seq) ||
	    IS_ERR(entry))
		c->entries[i] = NULL;
}

/**
 * kdbus_copies_take() - queue a receiver's own copy
 * @c:		the copies, in the log of their bus, the lock of which is held
 * @conn:	a connection that is alive, perhaps not one of the receivers
 *
 * Return: how many copies had to be looked at.
 */
unsigned int kdbus_copies_take(struct kdbus_copies *c, struct kdbus_conn *conn)
{
	unsigned int i;

	for (i = 0; i < c->to.n; i++) {
		if (c->to.conns[i] != conn)
			continue;
		kdbus_copies_queue_one(c, i);
		break;
	}
	return i;
}

/**
 * kdbus_monitors_queue() - queue what monitors see of a message
 * @c:		the copies; the lock of the bus is held, and its monitors are
 *		those that kdbus_monitors_find() found, if it had the memory
 * @msg:	the message
 * @seq:	number of the message
 */
void kdbus_monitors_queue(struct kdbus_copies *c,
			  const struct kdbus_message *msg, u64 seq)
{
	struct kdbus_conn *conn;
	unsigned int i;

	c->msg = msg;
	c->record.seq = seq;
	for (i = 0; c->entries && i < c->to.n; i++)
		kdbus_copies_queue_one(c, i);
	if (c->entries)
		return;
	list_for_each_entry(conn, &msg->src->bus->monitors, monitor_node)
		kdbus_copy_queue(conn, ERR_PTR(-ENOMEM), msg, seq);
}

/**
 * kdbus_copies_wake() - wake all receivers
 * @c:		the copies, queued
 */
void kdbus_copies_wake(struct kdbus_copies *c)
{
	unsigned int i;

	for (i = 0; c->entries && i < c->to.n; i++)
		kdbus_conn_wake(c->to.conns[i]);
}

/**
 * kdbus_copies_release() - free what has not been queued
 * @c:		the copies
 */
void kdbus_copies_release(struct kdbus_copies *c)
{
	unsigned int i;

	for (i = 0; c->entries && i < c->to.n; i++)
		if (!IS_ERR(c->entries[i]))
			kdbus_entry_discard(c->entries[i]);
	kvfree(c->entries);
	c->entries = NULL;
	kdbus_receivers_release(&c->to);
}

/**
 * kdbus_monitors_find() - the monitors of a bus
 * @bus:	the bus
 * @r:		zeroed; filled in, given back with kdbus_receivers_release()
 * @gen:	set to the bus's @monitor_gen
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_monitors_find(struct kdbus_bus *bus, struct kdbus_receivers *r,
			unsigned int *gen)
{
	unsigned int room = READ_ONCE(bus->n_monitors);
	struct kdbus_conn *conn;

	if (!room)
		return 0;
	room += 4;
	r->conns = kvmalloc_array(room, sizeof(*r->conns), GFP_KERNEL_ACCOUNT);
	if (!r->conns)
		return -ENOMEM;
	r->room = room;

	kdbus_bus_lock(bus);
	list_for_each_entry(conn, &bus->monitors, monitor_node)
		if (r->n < room)
			r->conns[r->n++] = kdbus_conn_get(conn);
	/* one that did not fit is one that has just come: have it come again */
	*gen = r->n < bus->n_monitors ? bus->monitor_gen - 1 :
					bus->monitor_gen;
	kdbus_bus_unlock(bus);
	return 0;
}

/* ---- broadcasts ------------------------------------------------------- */

/* receivers that are looked at, or queued to, in one hold of the bus lock */
#define KDBUS_BROADCAST_BATCH 64U

/* Puts receiver @i behind those that remain. */
static void kdbus_receivers_drop(struct kdbus_receivers *r, unsigned int i)
{
	r->n--;
	swap(r->conns[i], r->conns[r->n]);
}

/* Leaves each receiver once: with several matches it gets one message. */
static int kdbus_receivers_unique(struct kdbus_receivers *r)
{
	unsigned int bits = order_base_2(r->n) + 1, slot, i = 0;
	struct kdbus_conn **seen;

	if (r->n < 2)
		return 0;
	seen = kvcalloc(1UL << bits, sizeof(*seen), GFP_KERNEL_ACCOUNT);
	if (!seen)
		return -ENOMEM;
	while (i < r->n) {
		slot = hash_ptr(r->conns[i], bits);
		while (seen[slot] && seen[slot] != r->conns[i])
			slot = (slot + 1) & ((1U << bits) - 1);
		if (seen[slot])
			kdbus_receivers_drop(r, i);
		else
			seen[slot] = r->conns[i++];
	}
	kvfree(seen);
	return 0;
}

/* Whether somebody whom a broadcast matches may talk to its sender. */
static bool kdbus_broadcast_is_for(const struct kdbus_message *msg,
				   struct kdbus_conn *conn)
{
	return !kdbus_policy_applies(conn) ||
	       kdbus_policy_may_talk(conn, NULL, msg->src, msg->id);
}

/*
 * Sifts receivers from @i on, up to a batch of them; returns where to go on.
 * Those who do not get it go behind the others.
 */
static unsigned int kdbus_broadcast_sift(const struct kdbus_message *msg,
					 struct kdbus_receivers *r,
					 unsigned int i)
{
	struct kdbus_bus *bus = msg->src->bus;
	unsigned int n;

	kdbus_bus_lock(bus);
	for (n = 0; i < r->n && n < KDBUS_BROADCAST_BATCH; n++) {
		if (kdbus_broadcast_is_for(msg, r->conns[i]))
			i++;
		else
			kdbus_receivers_drop(r, i);
	}
	kdbus_bus_unlock(bus);
	return i;
}

/* Leaves those who are to get it. */
static int kdbus_broadcast_filter(const struct kdbus_message *msg,
				  struct kdbus_receivers *r)
{
	unsigned int all = r->n, i = 0;
	int ret;

	ret = kdbus_receivers_unique(r);
	while (!ret && i < r->n)
		i = kdbus_broadcast_sift(msg, r, i);
	for (i = r->n; i < all; i++)
		kdbus_conn_put(r->conns[i]);
	return ret;
}

/* Takes from the sender what receivers will get, before they are sifted. */
static int kdbus_broadcast_take(struct kdbus_message *msg,
				const struct kdbus_receivers *r)
{
	if (!r->n)
		return 0;
	return kdbus_receivers_gather(r, msg) ?: kdbus_message_stage(msg);
}

/**
 * struct kdbus_broadcast - one try to send a broadcast
 * @msg:	the message
 * @copies:	what receivers get
 * @names_gen:	state of the sender's names before it was matched
 * @policy_gen:	state of the bus's policy then
 */
struct kdbus_broadcast {
	struct kdbus_message *msg;
	struct kdbus_copies copies;
	u64 names_gen;
	u64 policy_gen;
};

/* Whether what receivers were chosen by still holds; the bus lock is held. */
static int kdbus_broadcast_check(const struct kdbus_broadcast *b)
{
	const struct kdbus_conn *src = b->msg->src;
	int ret;

	ret = kdbus_send_check_src(b->msg);
	if (ret)
		return ret;
	return src->names_gen == b->names_gen &&
	       src->bus->policy_gen == b->policy_gen ? 0 : KDBUS_SEND_AGAIN;
}

/* How many get it from @i up to @end: those that are alive and have a copy. */
static unsigned int kdbus_copies_count(const struct kdbus_copies *c,
				       unsigned int i, unsigned int end)
{
	unsigned int n = 0;

	for (; i < end; i++)
		n += !IS_ERR(c->entries[i]) &&
		     !kdbus_conn_is_dead(c->to.conns[i]);
	return n;
}

/* Queues a batch of copies from @i on; returns where to go on. */
static unsigned int kdbus_broadcast_batch(struct kdbus_copies *c,
					  unsigned int i)
{
	unsigned int end = min(c->to.n, i + KDBUS_BROADCAST_BATCH);

	for (; i < end; i++) {
		kdbus_copies_queue_one(c, i);
		if (c->record.copies)
			kdbus_log_has_copy(c->to.conns[i], c);
	}
	return i;
}

/* Queues what is beyond the first batch, which the log has until it is done. */
static void kdbus_broadcast_rest(struct kdbus_bus *bus, struct kdbus_copies *c)
{
	unsigned int i = KDBUS_BROADCAST_BATCH;

	while (i < c->to.n) {
		cond_resched();
		kdbus_bus_lock(bus);
		i = kdbus_broadcast_batch(c, i);
		if (i == c->to.n)
			list_del(&c->record.node);
		kdbus_bus_unlock(bus);
	}
}

static int kdbus_broadcast_commit(struct kdbus_broadcast *b)
{
	struct kdbus_message *msg = b->msg;
	struct kdbus_bus *bus = msg->src->bus;
	struct kdbus_copies *c = &b->copies;
	unsigned int batch = min(c->to.n, KDBUS_BROADCAST_BATCH), queued;
	int ret;

	/* those of later batches, of which there may be very many */
	queued = kdbus_copies_count(c, batch, c->to.n);
	kdbus_bus_lock(bus);
	ret = kdbus_broadcast_check(b);
	if (!ret) {
		kdbus_send_trace(msg, KDBUS_DST_ID_BROADCAST, 0, 0);
		c->msg = msg;
		c->record.seq = kdbus_bus_next_seq(bus);
		if (c->to.n > KDBUS_BROADCAST_BATCH)
			kdbus_log_add_copies(bus, c);
		queued += kdbus_copies_count(c, 0, batch);
		kdbus_broadcast_batch(c, 0);
		kdbus_trace(match_run, bus->id, msg->src->id, msg->id,
			    c->to.tried, c->to.n, queued);
	}
	kdbus_bus_unlock(bus);
	if (ret)
		return ret;
	kdbus_broadcast_rest(bus, c);
	kdbus_copies_wake(c);
	return 0;
}

static int kdbus_broadcast_fill(struct kdbus_broadcast *b)
{
	struct kdbus_message *msg = b->msg;
	struct kdbus_receivers *to = &b->copies.to;
	int ret;

	/* the names are not older than this number */
	b->names_gen = smp_load_acquire(&msg->src->names_gen);
	b->policy_gen = READ_ONCE(msg->src->bus->policy_gen);
	ret = kdbus_match_message(msg->src->bus, msg, to);
	if (!ret)
		ret = kdbus_broadcast_take(msg, to);
	if (ret)
		return ret;

	ret = kdbus_broadcast_filter(msg, to);
	return ret ?: kdbus_copies_fill(&b->copies, msg);
}

/**
 * kdbus_broadcast() - try to send a message to whoever it matches
 * @msg:	the message
 *
 * Return: 0, also if it matches no receiver; -ENOMEM, -ECONNRESET, -EINTR, or
 * KDBUS_SEND_AGAIN.
 */
int kdbus_broadcast(struct kdbus_message *msg)
{
	struct kdbus_broadcast b = { .msg = msg };
	int ret;

	kdbus_message_begin_try(msg);
	ret = kdbus_broadcast_fill(&b);
	if (!ret)
		ret = kdbus_broadcast_commit(&b);
	kdbus_copies_release(&b.copies);
	return ret;
}
