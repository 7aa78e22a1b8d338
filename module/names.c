// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of well-known names of a bus. Rules: see names.h.
 */
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/uaccess.h>

#include "bus.h"
#include "connection.h"
#include "item.h"
#include "limits.h"
#include "log.h"
#include "move.h"
#include "names.h"
#include "notify.h"
#include "policy.h"
#include "trace.h"

#define KDBUS_NAME_ASKABLE (KDBUS_NAME_REPLACE_EXISTING | \
			    KDBUS_NAME_ALLOW_REPLACEMENT | KDBUS_NAME_QUEUE)
#define KDBUS_NAME_STORED (KDBUS_NAME_ALLOW_REPLACEMENT | KDBUS_NAME_QUEUE)

static struct kdbus_name_entry *
kdbus_name_find(const struct kdbus_bus *bus, const char *name,
		unsigned int hash)
{
	struct kdbus_name_entry *n;

	hash_for_each_possible_rcu(bus->names, n, hash_node, hash,
				   lockdep_is_held(&bus->lock))
		if (n->hash == hash && !strcmp(n->name, name))
			return n;
	return NULL;
}

/**
 * kdbus_name_hash() - hash of a name, that others cannot predict
 * @bus:	the bus the name is on
 * @name:	the name
 */
unsigned int kdbus_name_hash(const struct kdbus_bus *bus, const char *name)
{
	return full_name_hash((void *)bus->salt, name, strlen(name));
}

static struct kdbus_conn *kdbus_name_owner(const struct kdbus_name_entry *n,
					   const struct kdbus_bus *bus)
{
	return rcu_dereference_protected(n->owner, lockdep_is_held(&bus->lock));
}

/**
 * kdbus_name_get_owner() - find who owns a name
 * @bus:	the bus
 * @name:	the name
 * @hash:	its kdbus_name_hash()
 *
 * Return: a reference for the caller, or NULL. The name may change hands at
 * any time; kdbus_name_owner_id() tells under the bus lock.
 */
struct kdbus_conn *kdbus_name_get_owner(struct kdbus_bus *bus,
					const char *name, unsigned int hash)
{
	struct kdbus_name_entry *n;
	struct kdbus_conn *owner;

	rcu_read_lock();
	n = kdbus_name_find(bus, name, hash);
	/* one that is gone has been replaced before */
	do {
		owner = n ? rcu_dereference(n->owner) : NULL;
	} while (owner && !kref_get_unless_zero(&owner->kref));
	rcu_read_unlock();
	return owner;
}

/**
 * kdbus_name_owned_by() - whether a connection owns a name at the moment
 * @bus:	the bus
 * @name:	the name
 * @conn:	the connection
 */
bool kdbus_name_owned_by(const struct kdbus_bus *bus, const char *name,
			 const struct kdbus_conn *conn)
{
	struct kdbus_name_entry *n;
	bool ret;

	rcu_read_lock();
	n = kdbus_name_find(bus, name, kdbus_name_hash(bus, name));
	ret = n && rcu_access_pointer(n->owner) == conn;
	rcu_read_unlock();
	return ret;
}

/**
 * kdbus_name_owner_id() - the id of a name, if a connection owns it
 * @bus:	the bus, its lock held
 * @name:	the name
 * @hash:	its kdbus_name_hash()
 * @conn:	the connection
 *
 * Return: the id, or 0 if it is not the owner.
 */
u64 kdbus_name_owner_id(struct kdbus_bus *bus, const char *name,
			unsigned int hash, const struct kdbus_conn *conn)
{
	struct kdbus_name_entry *n;

	lockdep_assert_held(&bus->lock);

	n = kdbus_name_find(bus, name, hash);
	return n && rcu_access_pointer(n->owner) == conn ? n->id : 0;
}

/* Bytes of all NAME items, and the items themselves if @buf is not NULL. */
static size_t kdbus_names_put(const struct kdbus_conn *conn,
			      const struct kdbus_conn *to, u8 *buf)
{
	const struct kdbus_name_entry *n;
	size_t size = 0;

	list_for_each_entry(n, &conn->names, owner_node) {
		size_t len = strlen(n->name) + 1;
		size_t item = KDBUS_ITEM_SIZE(sizeof(u64) + len);
		u64 *at = (u64 *)(buf + size);

		if (!kdbus_policy_may_see_name(to, n->name))
			continue;
		size += item;
		if (!buf)
			continue;
		at[item / 8 - 1] = 0;
		at[0] = KDBUS_ITEM_HEADER_SIZE + sizeof(u64) + len;
		at[1] = KDBUS_ITEM_NAME;
		at[2] = n->flags;
		memcpy(at + 3, n->name, len);
	}
	return size;
}

/**
 * kdbus_names_write() - write the names of a connection as items
 * @conn:	the connection
 * @to:		the receiver
 * @w:		where they go; it fails without memory
 * @gen:	set to the state of its names that they show
 */
void kdbus_names_write(const struct kdbus_conn *conn,
		       const struct kdbus_conn *to,
		       struct kdbus_item_writer *w, u64 *gen)
{
	struct kdbus_bus *bus = conn->bus;
	size_t size, room;

	do {
		room = w->room - w->size;
		kdbus_bus_lock(bus);
		size = kdbus_names_put(conn, to, NULL);
		if (size <= room) {
			kdbus_names_put(conn, to, w->buf + w->size);
			*gen = conn->names_gen;
		}
		kdbus_bus_unlock(bus);
	} while (size > room && kdbus_item_writer_grow(w, size));
	if (size <= room)
		w->size += size;
}

/* ---- what is counted -------------------------------------------------- */

static void kdbus_name_refuse(const struct kdbus_conn *conn, u64 bounded,
			      kuid_t uid, unsigned int max)
{
	/* an activator is charged by HELLO, before it is a connection */
	u64 src = conn->flags & KDBUS_HELLO_ACTIVATOR ? 0 : conn->id;

	kdbus_trace(quota_refuse, conn->bus->id, bounded, src, __kuid_val(uid),
		    KDBUS_QUOTA_NAMES, 1, max, max, -E2BIG, 0);
}

/**
 * kdbus_name_charge() - count one more name for a connection and its uid
 * @conn:	who is to own it, wait for it or be its activator
 *
 * Return: 0, and kdbus_name_uncharge() takes it back; or -E2BIG.
 */
int kdbus_name_charge(struct kdbus_conn *conn)
{
	unsigned int max = READ_ONCE(kdbus_max_names_per_conn);
	unsigned int max_user = READ_ONCE(kdbus_max_names_per_user);
	const struct kdbus_user *full;
	int ret;

	ret = kdbus_count_charge(&conn->n_names, 1, max, -E2BIG);
	if (ret < 0) {
		kdbus_name_refuse(conn, conn->id, conn->cred->uid, max);
		return ret;
	}
	full = kdbus_user_charge(conn->owner, KDBUS_COUNT_NAMES, 1, max_user);
	if (!full)
		return 0;
	kdbus_name_refuse(conn, 0, full->uid, max_user);
	atomic_dec(&conn->n_names);
	return -E2BIG;
}

/**
 * kdbus_name_uncharge() - a connection has one name less
 * @conn:	who was charged for it
 */
void kdbus_name_uncharge(struct kdbus_conn *conn)
{
	atomic_dec(&conn->n_names);
	kdbus_user_uncharge(conn->owner, KDBUS_COUNT_NAMES, 1);
}

/* ---- what is reserved to tell of changes ------------------------------ */

/* what a name gets with a new owner: this change, and the next */
#define KDBUS_NAME_N_NOTICES 2

/**
 * kdbus_name_reserve_notices() - reserve what tells of changes of a name
 * @conn:	connection about to own it, wait for it or be its activator
 * @name:	the name
 * @notices:	an empty list that gets the records; what is left there is to be
 *		freed with kdbus_notices_free(), also if this fails
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_name_reserve_notices(const struct kdbus_conn *conn, const char *name,
			       struct list_head *notices)
{
	struct kdbus_notice *notice;
	unsigned int i;

	for (i = 0; i < KDBUS_NAME_N_NOTICES; i++) {
		notice = kdbus_notice_new(conn->owner, name);
		if (!notice)
			return -ENOMEM;
		list_add(&notice->record.node, notices);
	}
	return 0;
}

/* Gives a name what was reserved. */
static void kdbus_name_give_notices(struct kdbus_name_entry *n,
				    struct list_head *notices)
{
	list_splice_init(notices, &n->notices);
	n->n_notices += KDBUS_NAME_N_NOTICES;
}

/**
 * kdbus_name_take_notice() - take a record that was reserved with a name
 * @n:		the name; the lock of its bus is held
 *
 * Return: the record, which is the caller's.
 */
struct kdbus_notice *kdbus_name_take_notice(struct kdbus_name_entry *n)
{
	struct kdbus_notice *notice;

	notice = list_first_entry(&n->notices, struct kdbus_notice,
				  record.node);
	list_del_init(&notice->record.node);
	n->n_notices--;
	return notice;
}

/* Frees records that a name needs no longer, once a change is complete. */
static void kdbus_name_trim_notices(struct kdbus_name_entry *n)
{
	unsigned int needed = n->n_waiters + 1;
	struct kdbus_notice *notice;

	if (n->activator && rcu_access_pointer(n->owner) != n->activator)
		needed++;
	/* the oldest first: later owners and waiters brought their own */
	for (; n->n_notices > needed; n->n_notices--) {
		notice = list_last_entry(&n->notices, struct kdbus_notice,
					 record.node);
		list_del(&notice->record.node);
		kdbus_notice_put(notice);
	}
}

/* ---- owners and waiters ----------------------------------------------- */

/*
 * What receivers were told of the names of @conn is true no longer. Comes last:
 * who sees the new number matches by the names as they are now.
 */
static void kdbus_names_changed(struct kdbus_conn *conn)
{
	conn->bus->list_gen++;
	smp_store_release(&conn->names_gen, conn->names_gen + 1);
}

/* Passes a name to @conn, from its owner if it has one, who stays charged. */
static void kdbus_name_set_owner(struct kdbus_name_entry *n, struct kdbus_conn *conn,
				 u64 flags)
{
	struct kdbus_conn *old = kdbus_name_owner(n, conn->bus);

	n->flags = flags;
	rcu_assign_pointer(n->owner, conn);
	list_move_tail(&n->owner_node, &conn->names);
	if (old)
		kdbus_names_changed(old);
	kdbus_names_changed(conn);
}

static void kdbus_name_trace_queue(const struct kdbus_name_entry *n,
				   const struct kdbus_conn *conn, u64 flags)
{
	kdbus_trace(name_queue, conn->bus->id, conn->id, n->id, flags, 0,
		    n->name);
}

static void kdbus_name_trace_unqueue(const struct kdbus_name_entry *n,
				     const struct kdbus_conn *conn, u64 flags)
{
	kdbus_trace(name_unqueue, conn->bus->id, conn->id, n->id, flags, 0,
		    n->name);
}

/* Takes a waiter out of line. */
static void kdbus_waiter_unlink(struct kdbus_name_waiter *w)
{
	list_del(&w->name_node);
	list_del(&w->conn_node);
	w->name->n_waiters--;
	w->conn->bus->list_gen++;
	kdbus_name_trace_unqueue(w->name, w->conn, w->flags);
}

/* Lets a connection wait no longer; it is not charged any more. */
static void kdbus_waiter_drop(struct kdbus_name_waiter *w)
{
	kdbus_waiter_unlink(w);
	kdbus_name_uncharge(w->conn);
	kfree(w);
}

static struct kdbus_name_waiter *kdbus_waiter_find(struct kdbus_name_entry *n,
						   struct kdbus_conn *conn)
{
	struct kdbus_name_waiter *w;

	list_for_each_entry(w, &n->waiters, name_node)
		if (w->conn == conn)
			return w;
	return NULL;
}

/* Puts @conn in line, at the tail or at the head. */
static void kdbus_waiter_link(struct kdbus_name_waiter *w, struct kdbus_name_entry *n,
			      struct kdbus_conn *conn, u64 flags, bool at_head)
{
	w->name = n;
	w->conn = conn;
	w->flags = flags;
	if (at_head)
		list_add(&w->name_node, &n->waiters);
	else
		list_add_tail(&w->name_node, &n->waiters);
	list_add_tail(&w->conn_node, &conn->waits);
	n->n_waiters++;
	conn->bus->list_gen++;
	kdbus_name_trace_queue(n, conn, flags);
}

static void kdbus_name_changed(struct kdbus_bus *bus,
			       struct kdbus_name_entry *n, u64 old,
			       u64 old_flags, u64 new, u64 new_flags)
{
	kdbus_trace(name_change, bus->id, n->id, old, old_flags, new, new_flags,
		    n->name);
	kdbus_notify_name(bus, n, old, old_flags, new, new_flags);
	kdbus_name_trim_notices(n);
}

/* Who is next in line: the first who still may own the name, or NULL. */
static struct kdbus_name_waiter *
kdbus_name_next_waiter(const struct kdbus_name_entry *n)
{
	struct kdbus_name_waiter *w;

	list_for_each_entry(w, &n->waiters, name_node)
		if (kdbus_policy_can_own(w->conn, n->name))
			return w;
	return NULL;
}

/* Whether a name goes to its activator if its owner gives it up. */
static bool kdbus_name_falls_back(const struct kdbus_bus *bus,
				  const struct kdbus_name_entry *n)
{
	return n->activator && kdbus_name_owner(n, bus) != n->activator &&
	       !bus->dead && !kdbus_name_next_waiter(n);
}

/* Whether a name can be given up: what is queued for it may have to move. */
static int kdbus_name_check_move(const struct kdbus_bus *bus,
				 const struct kdbus_name_entry *n,
				 struct kdbus_move *move)
{
	if (!kdbus_name_falls_back(bus, n))
		return 0;
	return kdbus_move_check(kdbus_name_owner(n, bus), n->activator, n->id,
				move);
}

/*
 * Takes a name from its owner: the next in line who may own it gets it, or the
 * activator, or it is gone. In the latter cases there is nobody left in line.
 * The owner is no longer charged for it.
 */
static void kdbus_name_pass_on(struct kdbus_bus *bus, struct kdbus_name_entry *n,
			       struct kdbus_move *move)
{
	struct kdbus_conn *old = kdbus_name_owner(n, bus), *new = NULL;
	bool falls_back = kdbus_name_falls_back(bus, n);
	struct kdbus_name_waiter *w = kdbus_name_next_waiter(n), *tmp;
	u64 old_flags = n->flags;
	u64 flags = 0;

	lockdep_assert_held(&bus->lock);

	/* an activator stays charged for as long as it is one */
	if (old != n->activator)
		kdbus_name_uncharge(old);
	if (w) {
		kdbus_waiter_unlink(w);
		new = w->conn;
		flags = w->flags;
		kfree(w);
	} else {
		list_for_each_entry_safe(w, tmp, &n->waiters, name_node)
			kdbus_waiter_drop(w);
	}
	if (falls_back) {
		kdbus_move_commit(old, n->activator, n->id, move);
		new = n->activator;
		flags = KDBUS_NAME_ACTIVATOR;
		kdbus_name_trace_unqueue(n, new, flags);
	}
	if (new) {
		kdbus_name_set_owner(n, new, flags);
		kdbus_name_changed(bus, n, old->id, old_flags, new->id, flags);
		return;
	}

	hash_del_rcu(&n->hash_node);
	list_del(&n->owner_node);
	RCU_INIT_POINTER(n->owner, NULL);
	kdbus_names_changed(old);
	if (n->activator) {
		n->activator->activator_of = NULL;
		kdbus_name_uncharge(n->activator);
		if (n->activator != old)
			kdbus_name_trace_unqueue(n, n->activator,
						 KDBUS_NAME_ACTIVATOR);
	}
	kdbus_name_changed(bus, n, old->id, old_flags, 0, 0);
	kdbus_notices_free(&n->notices);
	kfree_rcu(n, rcu);
}

/* ---- activators ------------------------------------------------------- */

/**
 * kdbus_name_entry_new() - memory for a name
 * @bus:	the bus
 * @name:	the name
 *
 * Return: to be freed with kfree() if it is not used; or NULL.
 */
struct kdbus_name_entry *kdbus_name_entry_new(const struct kdbus_bus *bus,
					      const char *name)
{
	size_t len = strlen(name);
	struct kdbus_name_entry *n;

	n = kzalloc(sizeof(*n) + len + 1, GFP_KERNEL_ACCOUNT);
	if (!n)
		return NULL;
	INIT_LIST_HEAD(&n->owner_node);
	INIT_LIST_HEAD(&n->waiters);
	INIT_LIST_HEAD(&n->notices);
	n->hash = kdbus_name_hash(bus, name);
	strcpy(n->name, name);
	return n;
}

/**
 * kdbus_name_has_activator() - whether there is an activator for a name
 * @bus:	the bus, its lock held
 * @name:	the name
 */
bool kdbus_name_has_activator(struct kdbus_bus *bus, const char *name)
{
	struct kdbus_name_entry *n;

	lockdep_assert_held(&bus->lock);

	n = kdbus_name_find(bus, name, kdbus_name_hash(bus, name));
	return n && n->activator;
}

/**
 * kdbus_name_add_activator() - let a connection be the activator of a name
 * @conn:	the connection, alive and charged for the name; the lock of its
 *		bus is held
 * @new:	the name, which has no activator; NULL there if it was used
 * @notices:	what was reserved for it; emptied
 */
void kdbus_name_add_activator(struct kdbus_conn *conn,
			      struct kdbus_name_entry **new,
			      struct list_head *notices)
{
	struct kdbus_bus *bus = conn->bus;
	struct kdbus_name_entry *n;

	n = kdbus_name_find(bus, (*new)->name, (*new)->hash);
	if (n) {
		n->activator = conn;
		conn->activator_of = n;
		kdbus_name_give_notices(n, notices);
		kdbus_name_trim_notices(n);
		kdbus_name_trace_queue(n, conn, KDBUS_NAME_ACTIVATOR);
		return;
	}
	n = *new;
	*new = NULL;
	n->id = ++bus->name_ids;
	n->activator = conn;
	conn->activator_of = n;
	kdbus_name_give_notices(n, notices);
	kdbus_name_set_owner(n, conn, KDBUS_NAME_ACTIVATOR);
	hash_add_rcu(bus->names, &n->hash_node, n->hash);
	kdbus_name_changed(bus, n, 0, 0, conn->id, n->flags);
}

/* An activator is no longer one; if it owns the name, that goes with it. */
static void kdbus_name_drop_activator(struct kdbus_conn *conn,
				      struct kdbus_move *move)
{
	struct kdbus_name_entry *n = conn->activator_of;

	if (!n)
		return;
	if (kdbus_name_owner(n, conn->bus) == conn) {
		kdbus_name_pass_on(conn->bus, n, move);
		return;
	}
	n->activator = NULL;
	conn->activator_of = NULL;
	kdbus_name_trim_notices(n);
	kdbus_name_trace_unqueue(n, conn, KDBUS_NAME_ACTIVATOR);
	kdbus_name_uncharge(conn);
}

/* ---- NAME_ACQUIRE ----------------------------------------------------- */

/**
 * struct kdbus_acquire - a NAME_ACQUIRE on its way
 * @conn:	who asks
 * @name:	the name
 * @hash:	its hash
 * @flags:	flags as asked for; IN_QUEUE is added
 * @charged:	the charge for one more name is used up
 * @new:	a name to add if it is new; NULL when used
 * @waiter:	somebody's place in line if one is needed; NULL when used
 * @notices:	what the name needs to tell of changes; empty when used
 * @name_id:	id of the name, for the trace event
 */
struct kdbus_acquire {
	struct kdbus_conn *conn;
	const char *name;
	unsigned int hash;
	u64 flags;
	bool charged;
	struct kdbus_name_entry *new;
	struct kdbus_name_waiter *waiter;
	struct list_head notices;
	u64 name_id;
};

static void kdbus_acquire_free_name(struct kdbus_acquire *a)
{
	struct kdbus_bus *bus = a->conn->bus;
	struct kdbus_name_entry *n = a->new;

	a->new = NULL;
	n->id = a->name_id = ++bus->name_ids;
	kdbus_name_give_notices(n, &a->notices);
	hash_add_rcu(bus->names, &n->hash_node, n->hash);
	kdbus_name_set_owner(n, a->conn, a->flags & KDBUS_NAME_STORED);
	kdbus_name_changed(bus, n, 0, 0, a->conn->id, n->flags);
}

/* The owner goes to the head of the line, or loses the name. */
static void kdbus_acquire_replace(struct kdbus_acquire *a, struct kdbus_name_entry *n)
{
	struct kdbus_bus *bus = a->conn->bus;
	struct kdbus_conn *old = kdbus_name_owner(n, bus);
	struct kdbus_name_waiter *mine = kdbus_waiter_find(n, a->conn);
	u64 old_flags = n->flags;

	kdbus_name_give_notices(n, &a->notices);
	/* charged for waiting and, by this call, for owning */
	if (mine)
		kdbus_waiter_drop(mine);

	/* who waits stays charged */
	if (old_flags & KDBUS_NAME_QUEUE) {
		kdbus_waiter_link(a->waiter, n, old, old_flags, true);
		a->waiter = NULL;
	} else {
		kdbus_name_uncharge(old);
	}

	kdbus_name_set_owner(n, a->conn, a->flags & KDBUS_NAME_STORED);
	kdbus_name_changed(bus, n, old->id, old_flags, a->conn->id, n->flags);
}

static void kdbus_acquire_trace_update(const struct kdbus_acquire *a,
				       const struct kdbus_name_entry *n,
				       u64 flags)
{
	kdbus_trace(name_update, a->conn->bus->id, a->conn->id, n->id, flags, 0,
		    n->name);
}

/* Returns whether the charge for the name is used. */
static bool kdbus_acquire_wait(struct kdbus_acquire *a, struct kdbus_name_entry *n)
{
	struct kdbus_name_waiter *mine = kdbus_waiter_find(n, a->conn);
	u64 flags = a->flags & KDBUS_NAME_STORED;

	a->flags |= KDBUS_NAME_IN_QUEUE;
	if (mine) {
		mine->flags = flags;
		a->conn->bus->list_gen++;
		kdbus_acquire_trace_update(a, n, flags);
		return false;
	}
	kdbus_waiter_link(a->waiter, n, a->conn, flags, false);
	a->waiter = NULL;
	kdbus_name_give_notices(n, &a->notices);
	kdbus_name_trim_notices(n);
	return true;
}

static void kdbus_acquire_stop_waiting(struct kdbus_acquire *a,
				       struct kdbus_name_entry *n)
{
	struct kdbus_name_waiter *mine = kdbus_waiter_find(n, a->conn);

	if (!mine)
		return;
	kdbus_waiter_drop(mine);
	kdbus_name_trim_notices(n);
}

/* A service takes its name from the activator, with what is queued for it. */
static int kdbus_acquire_activated(struct kdbus_acquire *a,
				   struct kdbus_name_entry *n,
				   struct kdbus_move *move)
{
	struct kdbus_bus *bus = a->conn->bus;
	struct kdbus_conn *activator = n->activator;
	u64 old_flags = n->flags;
	int ret;

	ret = kdbus_move_check(activator, a->conn, n->id, move);
	if (ret)
		return ret;
	kdbus_move_commit(activator, a->conn, n->id, move);
	kdbus_name_give_notices(n, &a->notices);
	kdbus_name_trace_queue(n, activator, KDBUS_NAME_ACTIVATOR);
	kdbus_name_set_owner(n, a->conn, a->flags & KDBUS_NAME_STORED);
	kdbus_name_changed(bus, n, activator->id, old_flags, a->conn->id,
			   n->flags);
	a->charged = true;
	return 0;
}

/* Decides what becomes of an ACQUIRE; the bus lock is held. */
static int kdbus_acquire_commit(void *arg, struct kdbus_move *move)
{
	struct kdbus_acquire *a = arg;
	struct kdbus_bus *bus = a->conn->bus;
	struct kdbus_name_entry *n;

	lockdep_assert_held(&bus->lock);

	if (a->conn->dead)
		return -ECONNRESET;
	if (!kdbus_policy_may_own(a->conn, a->name))
		return -EPERM;

	n = kdbus_name_find(bus, a->name, a->hash);
	if (!n) {
		kdbus_acquire_free_name(a);
		a->charged = true;
		return 0;
	}
	a->name_id = n->id;

	if (kdbus_name_owner(n, bus) == a->conn) {
		n->flags = a->flags & KDBUS_NAME_STORED;
		kdbus_acquire_trace_update(a, n, n->flags);
		kdbus_names_changed(a->conn);
		return -EALREADY;
	}
	if (kdbus_name_owner(n, bus) == n->activator)
		return kdbus_acquire_activated(a, n, move);
	if ((n->flags & KDBUS_NAME_ALLOW_REPLACEMENT) &&
	    (a->flags & KDBUS_NAME_REPLACE_EXISTING)) {
		kdbus_acquire_replace(a, n);
		a->charged = true;
		return 0;
	}
	if (a->flags & KDBUS_NAME_QUEUE) {
		a->charged = kdbus_acquire_wait(a, n);
		return 0;
	}
	kdbus_acquire_stop_waiting(a, n);
	return -EEXIST;
}

static int kdbus_acquire_prepare(struct kdbus_acquire *a)
{
	a->hash = kdbus_name_hash(a->conn->bus, a->name);
	a->new = kdbus_name_entry_new(a->conn->bus, a->name);
	a->waiter = kzalloc(sizeof(*a->waiter), GFP_KERNEL_ACCOUNT);
	if (!a->new || !a->waiter)
		return -ENOMEM;
	return kdbus_name_reserve_notices(a->conn, a->name, &a->notices);
}

static int kdbus_acquire(struct kdbus_acquire *a)
{
	struct kdbus_conn *conn = a->conn;
	int ret;

	ret = kdbus_acquire_prepare(a);
	if (!ret)
		ret = kdbus_move_run(conn->bus, kdbus_acquire_commit, a);
	if (!a->charged)
		kdbus_name_uncharge(conn);
	kfree(a->new);
	kfree(a->waiter);
	kdbus_notices_free(&a->notices);
	return ret;
}

/* The name a command carries: a string that ends with the command. */
static int kdbus_cmd_name_check(const struct kdbus_cmd_name *cmd)
{
	size_t len = cmd->size - sizeof(*cmd);

	if (!len || cmd->name[len - 1] ||
	    !kdbus_name_is_valid(cmd->name, false))
		return -EINVAL;
	return 0;
}

/* Checks a command and does what it asks for; the name is charged. */
static int kdbus_name_acquire(struct kdbus_conn *conn,
			      struct kdbus_cmd_name *cmd)
{
	struct kdbus_acquire a = {
		.conn = conn,
		.name = cmd->name,
		.flags = cmd->flags,
		.notices = LIST_HEAD_INIT(a.notices),
	};
	int ret;

	ret = kdbus_log_wait(conn->owner);
	if (!ret)
		ret = kdbus_name_charge(conn);
	if (ret < 0)
		return ret;

	ret = cmd->flags & ~(u64)KDBUS_NAME_ASKABLE ? -EINVAL :
	      kdbus_cmd_name_check(cmd);
	if (ret < 0) {
		kdbus_name_uncharge(conn);
		return ret;
	}

	ret = kdbus_acquire(&a);
	kdbus_trace(name_acquire, conn->bus->id, conn->id, a.name_id, a.flags,
		    ret, a.name);
	cmd->flags = a.flags;
	return ret;
}

/**
 * kdbus_cmd_name_acquire() - KDBUS_CMD_NAME_ACQUIRE
 * @conn:	who asks, current's
 * @ucmd:	the command in user memory; its fixed part is written back
 *
 * Return: 0, also if the name is only waited for (IN_QUEUE); or -EFAULT,
 * -EINVAL, -EMSGSIZE, -E2BIG, -ENOMEM, -EPERM, -EALREADY, -EEXIST,
 * -ECONNRESET; or -ERESTARTSYS on a signal while it waits, see
 * kdbus_log_wait().
 */
int kdbus_cmd_name_acquire(struct kdbus_conn *conn,
			   struct kdbus_cmd_name __user *ucmd)
{
	struct kdbus_cmd_name *cmd;
	int ret;

	cmd = kdbus_cmd_import(ucmd, sizeof(*cmd),
			       sizeof(*cmd) + KDBUS_CMD_NAME_EXTRA);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);

	ret = kdbus_name_acquire(conn, cmd);
	/* too late to fail: the name is taken or waited for */
	if (!ret && copy_to_user(ucmd, cmd, sizeof(*cmd)))
		ret = -EFAULT;
	kvfree(cmd);
	return ret;
}

/* a NAME_RELEASE on its way */
struct kdbus_release {
	struct kdbus_conn *conn;
	const char *name;
	u64 name_id;
};

static int kdbus_name_release(void *arg, struct kdbus_move *move)
{
	struct kdbus_release *r = arg;
	struct kdbus_conn *conn = r->conn;
	struct kdbus_bus *bus = conn->bus;
	struct kdbus_name_waiter *w;
	struct kdbus_name_entry *n;
	int ret;

	lockdep_assert_held(&bus->lock);

	if (conn->dead)
		return -ECONNRESET;
	n = kdbus_name_find(bus, r->name, kdbus_name_hash(bus, r->name));
	if (!n)
		return -ESRCH;
	r->name_id = n->id;

	if (kdbus_name_owner(n, bus) == conn) {
		ret = kdbus_name_check_move(bus, n, move);
		if (!ret)
			kdbus_name_pass_on(bus, n, move);
		return ret;
	}

	w = kdbus_waiter_find(n, conn);
	if (!w) {
		if (kdbus_policy_may_see_name(conn, r->name))
			return -EADDRINUSE;
		kdbus_policy_unseen(conn, 0, r->name, 0);
		return -ESRCH;
	}
	kdbus_waiter_drop(w);
	kdbus_name_trim_notices(n);
	return 0;
}

/**
 * kdbus_cmd_name_release() - KDBUS_CMD_NAME_RELEASE
 * @conn:	who gives the name up or stops waiting for it, current's
 * @ucmd:	the command in user memory
 *
 * Return: 0, -EFAULT, -EINVAL, -EMSGSIZE, -ENOMEM, -ESRCH, -EADDRINUSE or
 * -ECONNRESET.
 */
int kdbus_cmd_name_release(struct kdbus_conn *conn,
			   struct kdbus_cmd_name __user *ucmd)
{
	struct kdbus_release r = { .conn = conn };
	struct kdbus_cmd_name *cmd;
	int ret;

	cmd = kdbus_cmd_import(ucmd, sizeof(*cmd),
			       sizeof(*cmd) + KDBUS_CMD_NAME_EXTRA);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);

	ret = kdbus_cmd_name_check(cmd);
	if (!ret) {
		r.name = cmd->name;
		ret = kdbus_move_run(conn->bus, kdbus_name_release, &r);
		kdbus_trace(name_release, conn->bus->id, conn->id, r.name_id, 0,
			    ret, cmd->name);
	}
	kvfree(cmd);
	return ret;
}

/**
 * kdbus_names_check_moves() - whether a connection can give up all its names
 * @conn:	the connection; the lock of its bus is held
 * @move:	told what is needed if not
 *
 * Return: 0 or KDBUS_MOVE_NEEDED.
 */
int kdbus_names_check_moves(struct kdbus_conn *conn, struct kdbus_move *move)
{
	struct kdbus_name_entry *n;
	int ret;

	if (!move->is_locked && kdbus_move_concerns(conn))
		return KDBUS_MOVE_NEEDED;
	list_for_each_entry(n, &conn->names, owner_node) {
		ret = kdbus_name_check_move(conn->bus, n, move);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * kdbus_names_release_all() - take all names from a dying connection
 * @conn:	the connection; the lock of its bus is held since
 *		kdbus_names_check_moves()
 * @move:	gets what is to be freed after unlocking
 *
 * It leaves all lines first, so that it is not next in any of them.
 */
void kdbus_names_release_all(struct kdbus_conn *conn, struct kdbus_move *move)
{
	struct kdbus_name_waiter *w, *wtmp;
	struct kdbus_name_entry *n, *tmp;

	lockdep_assert_held(&conn->bus->lock);

	list_for_each_entry_safe(w, wtmp, &conn->waits, conn_node) {
		n = w->name;
		kdbus_waiter_drop(w);
		kdbus_name_trim_notices(n);
	}
	kdbus_name_drop_activator(conn, move);
	list_for_each_entry_safe(n, tmp, &conn->names, owner_node)
		kdbus_name_pass_on(conn->bus, n, move);
}
