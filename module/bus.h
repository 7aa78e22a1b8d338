/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: buses
 *
 * A bus is made by BUS_MAKE and lives until the file descriptor that made it
 * is closed or its domain ends. Its connections reach it through endpoints;
 * the default endpoint is made with it.
 *
 * The bus lock is what gives a bus its total order. Whatever peers can see
 * of each other changes under it, in one short step: a message enters its
 * queue, a name changes hands, a call starts or ends, a connection appears or
 * goes. Under it nothing is allocated, no user memory is touched, no device
 * node is made, nothing waits for a peer and no poller is woken: whoever has
 * something to receive may have very many. What can be prepared is
 * prepared before, checked again under the lock, and undone if the world has
 * changed meanwhile.
 *
 * Lock order, outermost first; a lock may be skipped, never taken backwards:
 *
 *   handle->lock	one file's way from opened to connected or owner
 *   domain->end_lock	one domain's teardown
 *   bus->end_lock	one bus's teardown
 *   ep->end_lock	one endpoint's teardown
 *   conn->end_lock	one connection's teardown
 *   domain->lock	what is in a domain; one domain at a time
 *   node->lock		showing and hiding one device node
 *   conn->recv_lock	one connection's receiver at a time
 *   bus->move_lock	one task moves messages with a name, see move.h
 *   bus->match_sem	the table of matches, see match.h
 *   bus->lock		the commit lock, see above
 *   conn->lock		one connection's queue and its table of own calls
 *   pool->lock		one pool's slices and what senders are charged
 *
 * conn->lock and pool->lock are spinlocks and never held for two connections
 * at once; all others are mutexes. domain->user_lock, bus->expire_lock, which
 * timers take, and the locks inside xarrays are innermost. Trace events fire
 * under none of the spinlocks.
 */
#ifndef KDBUS_BUS_H
#define KDBUS_BUS_H

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <linux/kdbus.h>

#include "log.h"
#include "policy.h"

struct kdbus_conn;
struct kdbus_domain;
struct kdbus_endpoint;
struct kdbus_user;

/**
 * struct kdbus_bus - a bus
 * @kref:	references
 * @id:		trace id
 * @domain:	its domain, referenced
 * @name:	its name in the domain
 * @uid:	filesystem uid of its maker, who is privileged on it
 * @user:	who is charged for it, referenced
 * @flags:	flags of BUS_MAKE, handed to every HELLO
 * @bloom:	bloom parameters, handed to every HELLO
 * @id128:	random id, handed to every HELLO
 * @domain_node: link in the domain's list; domain->lock
 * @end_lock:	serializes teardown
 * @move_lock:	serializes moving messages
 * @lock:	the commit lock
 * @to_wake:	connections whose pollers are woken when @lock is dropped; @lock
 * @to_wake_many: connections with many pollers, referenced, for @wake_many
 * @wake_many:	wakes those
 * @expire_lock: guards @expiring; taken by timers
 * @expiring:	connections whose calls may be due, referenced
 * @expire:	ends these calls, of one connection each time it runs
 * @dead:	nothing can be added; written under @end_lock and @lock
 * @endpoints:	endpoints that are not gone; @lock
 * @conns:	id -> connection; written under @lock, read under RCU
 * @n_conns:	how many; written under @lock
 * @conn_ids:	ids given out
 * @salt:	makes hashes of names unpredictable
 * @names:	well-known names; written under @lock, read under RCU
 * @name_ids:	name ids given out; @lock
 * @list_gen:	grows when a connection or what it owns or waits for changes; @lock
 * @log:	what has happened and not everybody has heard of, see log.h
 * @match_sem:	with @lock guards @matches
 * @matches:	all matches of all connections, see match.h
 * @n_matches:	how many there are; @lock
 * @n_monitors:	connections that see every message; @lock
 * @monitor_gen: grows when one comes; @lock
 * @monitors:	those; @lock
 * @policy_gen:	grows when any policy on the bus changes; @lock
 * @has_policy:	there has been an activator or a policy holder; @lock
 * @policy:	who may do what, once there is policy; @lock
 */
struct kdbus_bus {
	struct kref kref;
	u64 id;
	struct kdbus_domain *domain;
	char *name;
	kuid_t uid;
	struct kdbus_user *user;
	u64 flags;
	struct kdbus_bloom_parameter bloom;
	u8 id128[16];

	struct list_head domain_node;
	struct mutex end_lock;
	struct mutex move_lock;

	struct mutex lock;
	struct kdbus_conn *to_wake;
	struct llist_head to_wake_many;
	struct work_struct wake_many;

	spinlock_t expire_lock;
	struct list_head expiring;
	struct work_struct expire;

	bool dead;
	struct list_head endpoints;
	struct xarray conns;
	unsigned int n_conns;
	atomic64_t conn_ids;
	unsigned long salt;
	DECLARE_HASHTABLE(names, 10);
	u64 name_ids;
	u64 list_gen;

	struct kdbus_log log;
	struct rw_semaphore match_sem;
	DECLARE_HASHTABLE(matches, 10);
	unsigned int n_matches;

	unsigned int n_monitors;
	unsigned int monitor_gen;
	struct list_head monitors;

	u64 policy_gen;
	bool has_policy;
	struct kdbus_policy_db policy;
};

struct kdbus_bus *kdbus_cmd_bus_make(struct kdbus_domain *domain,
				     void __user *argp);
struct kdbus_bus *kdbus_bus_get(struct kdbus_bus *bus);
void kdbus_bus_put(struct kdbus_bus *bus);
void kdbus_bus_disconnect(struct kdbus_bus *bus);
u64 kdbus_bus_next_seq(struct kdbus_bus *bus);
void kdbus_bus_queue_work(struct kdbus_bus *bus, struct work_struct *work);
void kdbus_bus_expire_conn(struct kdbus_conn *conn);
void kdbus_bus_forget_conn(struct kdbus_conn *conn);
int kdbus_bus_subsys_init(void);
void kdbus_bus_subsys_exit(void);
void kdbus_bus_unlock_and_wake(struct kdbus_bus *bus);

/**
 * kdbus_bus_lock() - take the bus lock
 * @bus:	the bus
 */
static inline void kdbus_bus_lock(struct kdbus_bus *bus)
{
	mutex_lock(&bus->lock);
}

/**
 * kdbus_bus_unlock() - drop the bus lock, and wake who has to be woken
 * @bus:	the bus; the caller has a reference of its own
 */
static inline void kdbus_bus_unlock(struct kdbus_bus *bus)
{
	if (unlikely(bus->to_wake))
		kdbus_bus_unlock_and_wake(bus);
	else
		mutex_unlock(&bus->lock);
}

#endif /* KDBUS_BUS_H */
