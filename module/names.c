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
#include "names.h"
#include "trace.h"

#define KDBUS_NAME_ASKABLE (KDBUS_NAME_REPLACE_EXISTING | \
			    KDBUS_NAME_ALLOW_REPLACEMENT | KDBUS_NAME_QUEUE)
#define KDBUS_NAME_STORED (KDBUS_NAME_ALLOW_REPLACEMENT | KDBUS_NAME_QUEUE)

static struct kdbus_name_entry *kdbus_name_find(struct kdbus_bus *bus,
					  const char *name, unsigned int hash)
{
	struct kdbus_name_entry *n;

	hash_for_each_possible_rcu(bus->names, n, hash_node, hash,
				   lockdep_is_held(&bus->lock))
		if (!strcmp(n->name, name))
			return n;
	return NULL;
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
 * @hash:	its full_name_hash()
 *
 * Return: a reference for the caller, or NULL. The name may change hands at
 * any time; kdbus_name_is_owner() tells under the bus lock.
 */
struct kdbus_conn *kdbus_name_get_owner(struct kdbus_bus *bus,
					const char *name, unsigned int hash)
{
	struct kdbus_conn *owner = NULL;
	struct kdbus_name_entry *n;

	rcu_read_lock();
	n = kdbus_name_find(bus, name, hash);
	if (n)
		owner = rcu_dereference(n->owner);
	if (owner && !kref_get_unless_zero(&owner->kref))
		owner = NULL;
	rcu_read_unlock();
	return owner;
}

/**
 * kdbus_name_is_owner() - whether a connection owns a name
 * @bus:	the bus, its lock held
 * @name:	the name
 * @hash:	its full_name_hash()
 * @conn:	the connection
 */
bool kdbus_name_is_owner(struct kdbus_bus *bus, const char *name,
			 unsigned int hash, const struct kdbus_conn *conn)
{
	struct kdbus_name_entry *n;

	lockdep_assert_held(&bus->lock);

	n = kdbus_name_find(bus, name, hash);
	return n && rcu_access_pointer(n->owner) == conn;
}

/* Passes a name, which has no owner at the moment, to @conn. */
static void kdbus_name_set_owner(struct kdbus_name_entry *n, struct kdbus_conn *conn,
				 u64 flags)
{
	n->flags = flags;
	rcu_assign_pointer(n->owner, conn);
	list_add_tail(&n->owner_node, &conn->names);
}

/* Takes a waiter out of line. */
static void kdbus_waiter_unlink(struct kdbus_name_waiter *w)
{
	list_del(&w->name_node);
	list_del(&w->conn_node);
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

	trace_kdbus_name_queue(conn->bus->id, conn->id, n->id, flags, 0,
			       n->name);
}

static void kdbus_name_trace_change(struct kdbus_bus *bus,
				    const struct kdbus_name_entry *n, u64 old,
				    u64 old_flags, u64 new, u64 new_flags)
{
	trace_kdbus_name_change(bus->id, n->id, old, old_flags, new, new_flags,
				n->name);
}

/*
 * Takes a name from its owner: the next in line gets it, or it is gone. The
 * owner is no longer charged for it.
 */
static void kdbus_name_pass_on(struct kdbus_bus *bus, struct kdbus_name_entry *n)
{
	struct kdbus_conn *old = kdbus_name_owner(n, bus);
	struct kdbus_name_waiter *w;
	u64 old_flags = n->flags;

	lockdep_assert_held(&bus->lock);

	list_del_init(&n->owner_node);
	atomic_dec(&old->n_names);

	w = list_first_entry_or_null(&n->waiters, struct kdbus_name_waiter,
				     name_node);
	if (w) {
		kdbus_waiter_unlink(w);
		kdbus_name_set_owner(n, w->conn, w->flags);
		kdbus_name_trace_change(bus, n, old->id, old_flags,
					w->conn->id, w->flags);
		kfree(w);
		return;
	}

	hash_del_rcu(&n->hash_node);
	RCU_INIT_POINTER(n->owner, NULL);
	kdbus_name_trace_change(bus, n, old->id, old_flags, 0, 0);
	kfree_rcu(n, rcu);
}

/**
 * struct kdbus_acquire - a NAME_ACQUIRE on its way
 * @conn:	who asks
 * @name:	the name
 * @hash:	its hash
 * @flags:	flags as asked for; IN_QUEUE is added
 * @new:	a name to add if it is new; NULL when used
 * @waiter:	somebody's place in line if one is needed; NULL when used
 * @name_id:	id of the name, for the trace event
 */
struct kdbus_acquire {
	struct kdbus_conn *conn;
	const char *name;
	unsigned int hash;
	u64 flags;
	struct kdbus_name_entry *new;
	struct kdbus_name_waiter *waiter;
	u64 name_id;
};

static void kdbus_acquire_free_name(struct kdbus_acquire *a)
{
	struct kdbus_bus *bus = a->conn->bus;
	struct kdbus_name_entry *n = a->new;

	a->new = NULL;
	n->id = a->name_id = ++bus->name_ids;
	kdbus_name_set_owner(n, a->conn, a->flags & KDBUS_NAME_STORED);
	hash_add_rcu(bus->names, &n->hash_node, a->hash);
	kdbus_name_trace_change(bus, n, 0, 0, a->conn->id, n->flags);
}

/* The owner goes to the head of the line, or loses the name. */
static void kdbus_acquire_replace(struct kdbus_acquire *a, struct kdbus_name_entry *n)
{
	struct kdbus_bus *bus = a->conn->bus;
	struct kdbus_conn *old = kdbus_name_owner(n, bus);
	struct kdbus_name_waiter *mine = kdbus_waiter_find(n, a->conn);
	u64 old_flags = n->flags;

	if (mine) {
		/* charged for waiting and, by this call, for owning */
		kdbus_waiter_unlink(mine);
		atomic_dec(&a->conn->n_names);
		kfree(mine);
	}

	list_del_init(&n->owner_node);
	if (old_flags & KDBUS_NAME_QUEUE) {
		kdbus_waiter_link(a->waiter, n, old, old_flags, true);
		a->waiter = NULL;
	} else {
		atomic_dec(&old->n_names);
	}

	kdbus_name_set_owner(n, a->conn, a->flags & KDBUS_NAME_STORED);
	kdbus_name_trace_change(bus, n, old->id, old_flags, a->conn->id,
				n->flags);
}

/* Returns whether the charge for the name is used. */
static bool kdbus_acquire_wait(struct kdbus_acquire *a, struct kdbus_name_entry *n)
{
	struct kdbus_name_waiter *mine = kdbus_waiter_find(n, a->conn);
	u64 flags = a->flags & KDBUS_NAME_STORED;

	a->flags |= KDBUS_NAME_IN_QUEUE;
	if (mine) {
		mine->flags = flags;
		return false;
	}
	kdbus_waiter_link(a->waiter, n, a->conn, flags, false);
	a->waiter = NULL;
	return true;
}

static void kdbus_acquire_stop_waiting(struct kdbus_acquire *a,
				       struct kdbus_name_entry *n)
{
	struct kdbus_name_waiter *mine = kdbus_waiter_find(n, a->conn);

	if (!mine)
		return;
	kdbus_waiter_unlink(mine);
	atomic_dec(&a->conn->n_names);
	kfree(mine);
}

/*
 * Decides what becomes of an ACQUIRE; the bus lock is held. @charged is set
 * if the charge for one more name is used up.
 */
static int kdbus_acquire_commit(struct kdbus_acquire *a, bool *charged)
{
	struct kdbus_bus *bus = a->conn->bus;
	struct kdbus_name_entry *n;

	lockdep_assert_held(&bus->lock);

	*charged = false;
	if (a->conn->dead)
		return -ECONNRESET;

	n = kdbus_name_find(bus, a->name, a->hash);
	if (!n) {
		kdbus_acquire_free_name(a);
		*charged = true;
		return 0;
	}
	a->name_id = n->id;

	if (kdbus_name_owner(n, bus) == a->conn) {
		n->flags = a->flags & KDBUS_NAME_STORED;
		return -EALREADY;
	}
	if ((n->flags & KDBUS_NAME_ALLOW_REPLACEMENT) &&
	    (a->flags & KDBUS_NAME_REPLACE_EXISTING)) {
		kdbus_acquire_replace(a, n);
		*charged = true;
		return 0;
	}
	if (a->flags & KDBUS_NAME_QUEUE) {
		*charged = kdbus_acquire_wait(a, n);
		return 0;
	}
	kdbus_acquire_stop_waiting(a, n);
	return -EEXIST;
}

static int kdbus_acquire_prepare(struct kdbus_acquire *a)
{
	size_t len = strlen(a->name);

	a->new = kzalloc(sizeof(*a->new) + len + 1, GFP_KERNEL_ACCOUNT);
	a->waiter = kzalloc(sizeof(*a->waiter), GFP_KERNEL_ACCOUNT);
	if (!a->new || !a->waiter)
		return -ENOMEM;

	INIT_LIST_HEAD(&a->new->waiters);
	strcpy(a->new->name, a->name);
	a->hash = full_name_hash(NULL, a->name, len);
	return 0;
}

static int kdbus_acquire(struct kdbus_acquire *a)
{
	struct kdbus_conn *conn = a->conn;
	bool charged = false;
	int ret;

	ret = kdbus_acquire_prepare(a);
	if (!ret) {
		mutex_lock(&conn->bus->lock);
		ret = kdbus_acquire_commit(a, &charged);
		mutex_unlock(&conn->bus->lock);
	}
	if (!charged)
		atomic_dec(&conn->n_names);
	kfree(a->new);
	kfree(a->waiter);
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

static int kdbus_name_charge(struct kdbus_conn *conn)
{
	unsigned int max = READ_ONCE(kdbus_max_names_per_conn);
	int ret;

	ret = kdbus_count_charge(&conn->n_names, max, -E2BIG);
	if (ret < 0)
		trace_kdbus_quota_refuse(conn->bus->id, conn->id, conn->id,
					 __kuid_val(conn->user->uid),
					 KDBUS_QUOTA_NAMES, 1, max, max, ret);
	return ret;
}

/* Checks a command and does what it asks for; the name is charged. */
static int kdbus_name_acquire(struct kdbus_conn *conn,
			      struct kdbus_cmd_name *cmd)
{
	struct kdbus_acquire a = {
		.conn = conn,
		.name = cmd->name,
		.flags = cmd->flags,
	};
	int ret;

	ret = kdbus_name_charge(conn);
	if (ret < 0)
		return ret;

	ret = cmd->flags & ~(u64)KDBUS_NAME_ASKABLE ? -EINVAL :
	      kdbus_cmd_name_check(cmd);
	if (ret < 0) {
		atomic_dec(&conn->n_names);
		return ret;
	}

	ret = kdbus_acquire(&a);
	trace_kdbus_name_acquire(conn->bus->id, conn->id, a.name_id, a.flags,
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
 * -EINVAL, -EMSGSIZE, -E2BIG, -ENOMEM, -EALREADY, -EEXIST, -ECONNRESET.
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

static int kdbus_name_release(struct kdbus_conn *conn, const char *name,
			      u64 *name_id)
{
	unsigned int hash = full_name_hash(NULL, name, strlen(name));
	struct kdbus_bus *bus = conn->bus;
	struct kdbus_name_waiter *w;
	struct kdbus_name_entry *n;

	lockdep_assert_held(&bus->lock);

	if (conn->dead)
		return -ECONNRESET;
	n = kdbus_name_find(bus, name, hash);
	if (!n)
		return -ESRCH;
	*name_id = n->id;

	if (kdbus_name_owner(n, bus) == conn) {
		kdbus_name_pass_on(bus, n);
		return 0;
	}

	w = kdbus_waiter_find(n, conn);
	if (!w)
		return -EADDRINUSE;
	kdbus_waiter_unlink(w);
	atomic_dec(&conn->n_names);
	kfree(w);
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
	struct kdbus_cmd_name *cmd;
	u64 name_id = 0;
	int ret;

	cmd = kdbus_cmd_import(ucmd, sizeof(*cmd),
			       sizeof(*cmd) + KDBUS_CMD_NAME_EXTRA);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);

	ret = kdbus_cmd_name_check(cmd);
	if (!ret) {
		mutex_lock(&conn->bus->lock);
		ret = kdbus_name_release(conn, cmd->name, &name_id);
		mutex_unlock(&conn->bus->lock);
		trace_kdbus_name_release(conn->bus->id, conn->id, name_id, 0,
					 ret, cmd->name);
	}
	kvfree(cmd);
	return ret;
}

/**
 * kdbus_names_release_all() - take all names from a dying connection
 * @conn:	the connection; the lock of its bus is held
 *
 * It leaves all lines first, so that it is not next in any of them.
 */
void kdbus_names_release_all(struct kdbus_conn *conn)
{
	struct kdbus_name_waiter *w, *wtmp;
	struct kdbus_name_entry *n, *tmp;

	lockdep_assert_held(&conn->bus->lock);

	list_for_each_entry_safe(w, wtmp, &conn->waits, conn_node) {
		kdbus_waiter_unlink(w);
		atomic_dec(&conn->n_names);
		kfree(w);
	}
	list_for_each_entry_safe(n, tmp, &conn->names, owner_node)
		kdbus_name_pass_on(conn->bus, n);
}
