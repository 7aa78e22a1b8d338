// SPDX-License-Identifier: GPL-2.0
/*
 * Messages for several receivers. Rules: see broadcast.h. Broadcasts go
 * through the same steps as other messages, send.c.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "broadcast.h"
#include "bus.h"
#include "connection.h"
#include "endpoint.h"
#include "message.h"
#include "policy.h"
#include "queue.h"
#include "send.h"
#include "trace.h"

static struct kdbus_entry *kdbus_copy_new(struct kdbus_message *msg,
					  struct kdbus_conn *conn, bool charged)
{
	struct kdbus_charge charge;
	struct kdbus_entry *entry;
	int ret;

	entry = kdbus_send_new_entry(msg);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	entry->kind = charged ? KDBUS_MSG_KIND_SIGNAL : KDBUS_MSG_KIND_COPY;

	kdbus_send_charge(msg, conn, &charge);
	ret = kdbus_message_deliver(msg, conn, charged ? &charge : NULL, entry);
	if (!ret && !charged)
		ret = kdbus_message_copy_files(msg, entry, conn->flags &
					       KDBUS_HELLO_ACCEPT_FD);
	if (ret < 0) {
		kdbus_entry_free(entry);
		return ERR_PTR(ret);
	}
	return entry;
}

/**
 * kdbus_copies_fill() - make a copy ready for each receiver
 * @c:		@to is set; given back with kdbus_copies_release()
 * @msg:	the message, staged
 * @charged:	the sender is charged for them; monitors get theirs for free
 *
 * Return: 0; -ENOMEM; or -EINTR if current is being killed.
 */
int kdbus_copies_fill(struct kdbus_copies *c, struct kdbus_message *msg,
		      bool charged)
{
	unsigned int i;

	if (!c->to.n)
		return 0;
	c->entries = kvcalloc(c->to.n, sizeof(*c->entries), GFP_KERNEL_ACCOUNT);
	if (!c->entries)
		return -ENOMEM;

	for (i = 0; i < c->to.n; i++) {
		c->entries[i] = kdbus_copy_new(msg, c->to.conns[i], charged);
		if (c->entries[i] == ERR_PTR(-EINTR))
			return -EINTR;
	}
	return 0;
}

/* Queues a copy, or says why there is none. The lock of the bus is held. */
static bool kdbus_copy_queue(struct kdbus_conn *conn, struct kdbus_entry *entry,
			     const struct kdbus_message *msg,
			     enum kdbus_msg_kind kind, u64 seq)
{
	int error = conn->dead ? -ECONNRESET : PTR_ERR_OR_ZERO(entry);

	if (!error) {
		kdbus_conn_queue(conn, entry, seq);
		return true;
	}
	trace_kdbus_msg_drop(conn->bus->id, conn->id, msg->src->id, msg->id,
			     msg->hdr->cookie, 0, KDBUS_MSG_DROP_UNDELIVERED,
			     kind, 0, error);
	return false;
}

/**
 * kdbus_copies_queue() - queue all copies; part of the commit
 * @c:		the copies; the lock of the bus is held
 * @msg:	the message
 * @kind:	what it is to the receivers
 * @seq:	number of the message
 *
 * Return: how many have it in their queue.
 */
unsigned int kdbus_copies_queue(struct kdbus_copies *c,
				const struct kdbus_message *msg,
				enum kdbus_msg_kind kind, u64 seq)
{
	unsigned int i, n = 0;

	for (i = 0; i < c->to.n; i++) {
		struct kdbus_entry *entry = c->entries ? c->entries[i] :
						ERR_PTR(-ENOMEM);

		if (!kdbus_copy_queue(c->to.conns[i], entry, msg, kind, seq))
			continue;
		c->entries[i] = NULL;
		n++;
	}
	return n;
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
			kdbus_entry_free(c->entries[i]);
	kvfree(c->entries);
	c->entries = NULL;
	kdbus_receivers_release(&c->to);
}

/**
 * kdbus_monitors_find() - the monitors of a bus
 * @bus:	the bus
 * @r:		zeroed; filled in, given back with kdbus_receivers_release()
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_monitors_find(struct kdbus_bus *bus, struct kdbus_receivers *r)
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

	mutex_lock(&bus->lock);
	list_for_each_entry(conn, &bus->monitors, monitor_node)
		if (r->n < room)
			r->conns[r->n++] = kdbus_conn_get(conn);
	mutex_unlock(&bus->lock);
	return 0;
}

/* ---- broadcasts ------------------------------------------------------- */

/*
 * Whether somebody whom a broadcast matches is to get it: once in this @try,
 * and if he may talk to the sender, where there is a policy.
 */
static bool kdbus_broadcast_is_for(const struct kdbus_message *msg,
				   struct kdbus_conn *conn, u64 try)
{
	if (conn->last_msg == try)
		return false;
	conn->last_msg = try;
	return !kdbus_policy_applies(conn) ||
	       kdbus_policy_may_talk(conn, conn->cred, msg->src,
				     msg->id);
}

static void kdbus_broadcast_sift(const struct kdbus_message *msg,
				 struct kdbus_receivers *r)
{
	struct kdbus_bus *bus = msg->src->bus;
	/* not the message's own, which may be tried more than once */
	u64 try = kdbus_message_new_id();
	unsigned int i;

	mutex_lock(&bus->lock);
	for (i = 0; i < r->n; ) {
		if (kdbus_broadcast_is_for(msg, r->conns[i], try)) {
			i++;
			continue;
		}
		/* the last one takes its place; put after unlocking */
		swap(r->conns[i], r->conns[r->n - 1]);
		r->n--;
	}
	mutex_unlock(&bus->lock);
}

/* Leaves those who are to get it. */
static void kdbus_broadcast_filter(const struct kdbus_message *msg,
				   struct kdbus_receivers *r)
{
	unsigned int all = r->n, i;

	kdbus_broadcast_sift(msg, r);
	for (i = r->n; i < all; i++)
		kdbus_conn_put(r->conns[i]);
}

static int kdbus_broadcast_commit(struct kdbus_message *msg,
				  struct kdbus_copies *c)
{
	struct kdbus_bus *bus = msg->src->bus;
	unsigned int queued;
	int ret;

	mutex_lock(&bus->lock);
	ret = kdbus_send_check_src(msg);
	if (!ret) {
		kdbus_send_trace(msg, KDBUS_DST_ID_BROADCAST, 0, 0);
		queued = kdbus_copies_queue(c, msg, KDBUS_MSG_KIND_SIGNAL,
					    kdbus_bus_next_seq(bus));
		trace_kdbus_match_run(bus->id, msg->src->id, msg->id,
				      c->to.tried, c->to.n, queued);
	}
	mutex_unlock(&bus->lock);
	if (!ret)
		kdbus_copies_wake(c);
	return ret;
}

static int kdbus_broadcast_try(struct kdbus_message *msg)
{
	struct kdbus_copies copies = {};
	int ret;

	ret = kdbus_match_message(msg->src->bus, msg, &copies.to);
	if (!ret) {
		kdbus_broadcast_filter(msg, &copies.to);
		ret = kdbus_copies_fill(&copies, msg, true);
	}
	if (!ret)
		ret = kdbus_broadcast_commit(msg, &copies);
	kdbus_copies_release(&copies);
	return ret;
}

/**
 * kdbus_broadcast() - send a message to whoever it matches
 * @msg:	the message
 *
 * Return: 0, also if nobody gets it; -EFAULT, -ENOMEM, -ECONNRESET, or
 * KDBUS_SEND_AGAIN.
 */
int kdbus_broadcast(struct kdbus_message *msg)
{
	int ret;

	ret = kdbus_message_stage(msg);
	return ret ?: kdbus_broadcast_try(msg);
}
