// SPDX-License-Identifier: GPL-2.0
/*
 * Making and ending buses. Rules and the lock order: see bus.h.
 */
#include <linux/cred.h>
#include <linux/lockdep.h>
#include <linux/mmap_lock.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "item.h"
#include "limits.h"
#include "trace.h"

static atomic64_t kdbus_bus_ids = ATOMIC64_INIT(0);
/* runs what timers find due, and tells what has happened, on all buses */
static struct workqueue_struct *kdbus_workqueue;

int kdbus_bus_subsys_init(void)
{
	kdbus_workqueue = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND,
					  WQ_UNBOUND_MAX_ACTIVE);
	return kdbus_workqueue ? 0 : -ENOMEM;
}

/* What is queued has been run on return. */
void kdbus_bus_subsys_exit(void)
{
	destroy_workqueue(kdbus_workqueue);
}

static void kdbus_bus_release(struct kref *kref)
{
	struct kdbus_bus *bus = container_of(kref, struct kdbus_bus, kref);

	WARN_ON(!list_empty(&bus->endpoints));
	WARN_ON(!xa_empty(&bus->conns));
	WARN_ON(!hash_empty(bus->names));
	WARN_ON(!hash_empty(bus->matches));
	WARN_ON(!list_empty(&bus->monitors));
	WARN_ON(!list_empty(&bus->log.records) || bus->log.n_listeners);
	WARN_ON(!hash_empty(bus->policy.entries));

	xa_destroy(&bus->conns);
	WARN_ON(!list_empty(&bus->expiring));
	kdbus_user_put(bus->user);
	kdbus_domain_put(bus->domain);
	kfree(bus->name);
	kfree(bus);
}

/**
 * kdbus_bus_get() - take a reference
 * @bus:	a bus the caller has a reference to
 *
 * Return: @bus.
 */
struct kdbus_bus *kdbus_bus_get(struct kdbus_bus *bus)
{
	kref_get(&bus->kref);
	return bus;
}

/**
 * kdbus_bus_put() - drop a reference
 * @bus:	the bus, or NULL. May sleep.
 */
void kdbus_bus_put(struct kdbus_bus *bus)
{
	if (bus)
		kref_put(&bus->kref, kdbus_bus_release);
}

/**
 * kdbus_bus_unlock_and_wake() - kdbus_bus_unlock() where somebody is to be woken
 * @bus:	the bus
 *
 * It does not stop in between: others count on it for those it has in hand.
 */
void kdbus_bus_unlock_and_wake(struct kdbus_bus *bus)
{
	struct kdbus_conn *conn = bus->to_wake, *next;

	bus->to_wake = NULL;
	/* they were alive under the lock, and may be gone, but not freed */
	rcu_read_lock();
	mutex_unlock(&bus->lock);
	for (; conn; conn = next) {
		next = conn->next_wake;
		/* before it is woken: who gives it more meanwhile says so anew */
		clear_bit_unlock(0, &conn->will_wake);
		kdbus_conn_wake(conn);
	}
	rcu_read_unlock();
}

/*
 * Under the bus lock no user memory is touched and nothing waits for memory.
 * A kernel that proves its locking is told so: page faults and reclaim come
 * before the bus lock, so it complains if it sees them under it, in whatever
 * function.
 */
static void kdbus_bus_teach_lockdep(struct kdbus_bus *bus)
{
	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		return;

	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&bus->lock);
	fs_reclaim_release(GFP_KERNEL);

	mmap_read_lock(current->mm);
	might_lock(&bus->lock);
	mmap_read_unlock(current->mm);
}

/**
 * kdbus_bus_queue_work() - have something run that is done for a bus
 * @bus:	the bus; the caller has a reference that it keeps
 * @work:	what to run; it drops a reference of its own at the end
 *
 * Any context.
 */
void kdbus_bus_queue_work(struct kdbus_bus *bus, struct work_struct *work)
{
	kdbus_bus_get(bus);
	if (!queue_work(kdbus_workqueue, work))
		kdbus_bus_put(bus);
}

/* Ends the calls of one connection that are due, and leaves. */
static void kdbus_bus_expire(struct work_struct *work)
{
	struct kdbus_bus *bus = container_of(work, struct kdbus_bus, expire);
	struct kdbus_conn *conn;
	bool more;

	spin_lock_irq(&bus->expire_lock);
	conn = list_first_entry_or_null(&bus->expiring, struct kdbus_conn,
					expire_node);
	if (conn)
		list_del_init(&conn->expire_node);
	more = !list_empty(&bus->expiring);
	spin_unlock_irq(&bus->expire_lock);

	if (more)
		kdbus_bus_queue_work(bus, &bus->expire);
	if (conn) {
		kdbus_calls_expire(conn);
		kdbus_conn_put(conn);
	}
	kdbus_bus_put(bus);
}

/**
 * kdbus_bus_expire_conn() - have calls of a connection ended that are due
 * @conn:	the requester, referenced by the caller; any context
 */
void kdbus_bus_expire_conn(struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;
	unsigned long flags;

	spin_lock_irqsave(&bus->expire_lock, flags);
	if (list_empty(&conn->expire_node)) {
		kdbus_conn_get(conn);
		list_add_tail(&conn->expire_node, &bus->expiring);
	}
	spin_unlock_irqrestore(&bus->expire_lock, flags);
	kdbus_bus_queue_work(bus, &bus->expire);
}

/**
 * kdbus_bus_forget_conn() - a connection has no calls to end any more
 * @conn:	the connection, dead, its timer cancelled
 */
void kdbus_bus_forget_conn(struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;
	bool was_there;

	spin_lock_irq(&bus->expire_lock);
	was_there = !list_empty(&conn->expire_node);
	list_del_init(&conn->expire_node);
	spin_unlock_irq(&bus->expire_lock);
	/* the list's reference; not the last one */
	if (was_there)
		kdbus_conn_put(conn);
}

static struct kdbus_bus *kdbus_bus_alloc(struct kdbus_domain *domain,
					 const char *name)
{
	struct kdbus_bus *bus;

	bus = kzalloc(sizeof(*bus), GFP_KERNEL_ACCOUNT);
	if (!bus)
		return NULL;

	kref_init(&bus->kref);
	bus->id = atomic64_inc_return(&kdbus_bus_ids);
	bus->domain = kdbus_domain_get(domain);
	bus->uid = current_fsuid();
	INIT_LIST_HEAD(&bus->domain_node);
	mutex_init(&bus->end_lock);
	mutex_init(&bus->move_lock);
	mutex_init(&bus->lock);
	kdbus_bus_teach_lockdep(bus);
	spin_lock_init(&bus->expire_lock);
	INIT_LIST_HEAD(&bus->expiring);
	INIT_WORK(&bus->expire, kdbus_bus_expire);
	init_llist_head(&bus->to_wake_many);
	INIT_WORK(&bus->wake_many, kdbus_conn_wake_many);
	INIT_LIST_HEAD(&bus->endpoints);
	xa_init_flags(&bus->conns, XA_FLAGS_ACCOUNT);
	atomic64_set(&bus->conn_ids, 0);
	bus->salt = get_random_long();
	hash_init(bus->names);
	kdbus_log_init(bus);
	init_rwsem(&bus->match_sem);
	hash_init(bus->matches);
	INIT_LIST_HEAD(&bus->monitors);
	kdbus_policy_init(&bus->policy);
	generate_random_uuid(bus->id128);

	bus->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	bus->user = kdbus_user_get(domain, current_uid(), current_user_ns());
	if (!bus->name || !bus->user) {
		kdbus_bus_put(bus);
		return NULL;
	}
	return bus;
}

/* Takes the bus's name in its domain, and charges its user for it. */
static int kdbus_bus_link(struct kdbus_bus *bus)
{
	struct kdbus_domain *domain = bus->domain;
	struct kdbus_bus *other;
	int ret = 0;

	mutex_lock(&domain->lock);
	list_for_each_entry(other, &domain->buses, domain_node)
		if (!strcmp(other->name, bus->name))
			ret = -EEXIST;
	if (!ret && kdbus_domain_is_dead(domain))
		ret = -ESHUTDOWN;
	if (!ret)
		ret = kdbus_user_charge_object(bus->user, KDBUS_COUNT_BUSES,
					       READ_ONCE(kdbus_max_buses_per_user),
					       0, KDBUS_QUOTA_BUSES);
	if (!ret) {
		kdbus_trace(bus_new, domain->id, bus->id, bus->flags,
			    __kuid_val(bus->uid), bus->name);
		list_add_tail(&bus->domain_node, &domain->buses);
	}
	mutex_unlock(&domain->lock);
	return ret;
}

static struct kdbus_endpoint *kdbus_bus_first_endpoint(struct kdbus_bus *bus)
{
	struct kdbus_endpoint *ep;

	kdbus_bus_lock(bus);
	bus->dead = true;
	ep = list_first_entry_or_null(&bus->endpoints, struct kdbus_endpoint,
				      bus_node);
	if (ep)
		kdbus_endpoint_get(ep);
	kdbus_bus_unlock(bus);
	return ep;
}

/**
 * kdbus_bus_disconnect() - end a bus with all that is connected to it
 * @bus:	the bus; the caller has a reference
 *
 * On return the bus, its nodes and its connections are gone, whoever ended
 * them. The bus's name is free only after its nodes are gone. May sleep.
 */
void kdbus_bus_disconnect(struct kdbus_bus *bus)
{
	struct kdbus_endpoint *ep;

	mutex_lock(&bus->end_lock);
	if (!bus->dead) {
		while ((ep = kdbus_bus_first_endpoint(bus))) {
			kdbus_endpoint_disconnect(ep);
			kdbus_endpoint_put(ep);
		}

		kdbus_user_uncharge(bus->user, KDBUS_COUNT_BUSES, 1);
		/* last, so that who ends the domain finds it and waits */
		mutex_lock(&bus->domain->lock);
		kdbus_trace(bus_dead, bus->domain->id, bus->id);
		list_del_init(&bus->domain_node);
		mutex_unlock(&bus->domain->lock);
	}
	mutex_unlock(&bus->end_lock);
}

/**
 * kdbus_bus_next_seq() - the next number in the order of the domain
 * @bus:	the bus, its lock held: the order of the numbers is its order
 */
u64 kdbus_bus_next_seq(struct kdbus_bus *bus)
{
	lockdep_assert_held(&bus->lock);
	return atomic64_inc_return(&bus->domain->seq);
}

/* what BUS_MAKE was asked for; the pointers lead into the command */
struct kdbus_bus_make {
	const char *name;
	const struct kdbus_bloom_parameter *bloom;
};

static int kdbus_bus_make_item(struct kdbus_bus_make *make,
			       const struct kdbus_item *item)
{
	switch (item->type) {
	case KDBUS_ITEM_MAKE_NAME:
		if (make->name)
			return -EEXIST;
		make->name = item->str;
		return kdbus_item_check_sysname(item);

	case KDBUS_ITEM_BLOOM_PARAMETER:
		if (make->bloom)
			return -EEXIST;
		if (kdbus_item_payload(item) != sizeof(*make->bloom))
			return -EINVAL;
		make->bloom = &item->bloom_parameter;
		return 0;
	}
	return 0;
}

/*
 * A bus is named "<uid>-<anything>", by the maker's uid in the user namespace of
 * the domain. In the maker's own namespace the uid can be any, 0 included.
 */
static bool kdbus_bus_name_is_own(const struct kdbus_domain *domain,
				  const char *name)
{
	uid_t uid = from_kuid(domain->user_ns, current_fsuid());
	char prefix[16];

	if (uid == (uid_t)-1)
		return false;
	snprintf(prefix, sizeof(prefix), "%u-", uid);
	return str_has_prefix(name, prefix);
}

static int kdbus_bus_make_check(const struct kdbus_domain *domain,
				const struct kdbus_cmd_make *cmd,
				struct kdbus_bus_make *make)
{
	const struct kdbus_item *item;
	struct kdbus_items items;
	int ret;

	kdbus_items_init(&items, cmd, offsetof(struct kdbus_cmd_make, items),
			 cmd->size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		ret = kdbus_bus_make_item(make, item);
		if (ret < 0)
			break;
	}
	if (ret < 0)
		return ret;

	if (!make->name || !make->bloom)
		return -EBADMSG;
	if (make->bloom->size < KDBUS_BLOOM_MIN_SIZE ||
	    make->bloom->size > KDBUS_BLOOM_MAX_SIZE ||
	    !IS_ALIGNED(make->bloom->size, 8) || make->bloom->n_hash < 1)
		return -EINVAL;
	if (upper_32_bits(cmd->flags))
		return -EOPNOTSUPP;
	if (!kdbus_bus_name_is_own(domain, make->name))
		return -EINVAL;
	return 0;
}

static struct kdbus_bus *kdbus_bus_new(struct kdbus_domain *domain,
				       const struct kdbus_bus_make *make,
				       u64 flags)
{
	struct kdbus_bus *bus;
	int ret;

	bus = kdbus_bus_alloc(domain, make->name);
	if (!bus)
		return ERR_PTR(-ENOMEM);
	bus->flags = flags;
	bus->bloom = *make->bloom;

	ret = kdbus_bus_link(bus);
	if (ret < 0) {
		kdbus_bus_put(bus);
		return ERR_PTR(ret);
	}

	ret = kdbus_endpoint_new_default(bus);
	if (ret < 0) {
		kdbus_bus_disconnect(bus);
		kdbus_bus_put(bus);
		return ERR_PTR(ret);
	}
	return bus;
}

/**
 * kdbus_cmd_bus_make() - KDBUS_CMD_BUS_MAKE
 * @domain:	the domain of the control node; the caller has a reference
 * @argp:	struct kdbus_cmd_make of the caller
 *
 * Return: the bus with its default endpoint, a reference for the caller, who
 * ends it with kdbus_bus_disconnect(); or a negative errno as a pointer.
 */
struct kdbus_bus *kdbus_cmd_bus_make(struct kdbus_domain *domain,
				     void __user *argp)
{
	struct kdbus_bus_make make = {};
	struct kdbus_cmd_make *cmd;
	struct kdbus_bus *bus;
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd), KDBUS_MAKE_MAX_SIZE);
	if (IS_ERR(cmd))
		return ERR_CAST(cmd);

	ret = kdbus_bus_make_check(domain, cmd, &make);
	bus = ret < 0 ? ERR_PTR(ret) : kdbus_bus_new(domain, &make, cmd->flags);
	kvfree(cmd);
	return bus;
}
