/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: connections
 *
 * A connection is a peer on a bus, made by HELLO on an endpoint's file. It
 * appears and goes in one step each, under the bus lock: from HELLO's commit
 * to kdbus_conn_disconnect() it is in the bus's table and alive, and what is
 * linked to it (names, calls, queue entries) is only ever linked under that
 * lock after a look at @dead. So a reference keeps the memory, never the
 * peer: whoever needs the peer alive looks again under the lock.
 *
 * What it leaves behind, those who wait for its answers and what was queued,
 * takes longer to clear away. @end_lock is held until that is done, and only
 * then the connection leaves the list of its endpoint: who ends the endpoint
 * finds it there and waits.
 *
 * The last reference may be dropped anywhere but under the bus lock or a lock
 * inside of it: freeing it sleeps.
 */
#ifndef KDBUS_CONNECTION_H
#define KDBUS_CONNECTION_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "info.h"
#include "metadata.h"
#include "queue.h"

struct kdbus_bus;
struct kdbus_call;
struct kdbus_endpoint;
struct kdbus_entry;
struct kdbus_name_entry;
struct kdbus_notice;
struct kdbus_pool;
struct kdbus_user;

/**
 * struct kdbus_conn - a peer on a bus
 * @kref:	references
 * @rcu:	frees it after readers of the bus's tables
 * @id:		its id on the bus, never used again
 * @bus:	its bus, referenced
 * @ep:		its endpoint, referenced
 * @ep_node:	link in the endpoint's list, also while it ends; bus->lock
 * @end_lock:	serializes teardown
 * @flags:	KDBUS_HELLO_* it was made with
 * @attach_flags: KDBUS_ATTACH_* it asked for; written under bus->lock
 * @privileged:	may do what the bus's maker may
 * @description: its name for humans, or ""
 * @cred:	credentials of HELLO, referenced
 * @owner:	the uid that is counted for it, referenced
 * @user:	who it is to others' pools: @owner, or the anonymous user of a
 *		custom endpoint; referenced
 * @pid:	process that made it, as the initial namespace sees it
 * @comm:	that process's name
 * @meta:	metadata of who opened the file, for CONN_INFO
 * @view:	how it looks at others' metadata
 * @given:	who it speaks for, if that was given
 * @dead:	it is gone; written under bus->lock and @lock
 * @spare_entry: memory for the next message to it, or NULL; exchanged
 * @spare_call:	the same for its next call
 * @recv_lock:	one RECV at a time
 * @lock:	guards @queue; with bus->lock, writing of @calls_out
 * @queue:	what it has not received yet
 * @wait:	who polls
 * @pool:	its receive memory
 * @names:	names it owns; bus->lock
 * @waits:	names it waits for; bus->lock
 * @n_names:	how many of both; charged before
 * @move_node:	link in the list of a kdbus_move; bus->lock
 * @names_gen:	grows when @names or their flags change; bus->lock
 * @activator_of: name it is the activator of, or NULL; bus->lock
 * @matches:	what it wants to hear of; bus->lock and match_sem
 * @n_matches:	how many; charged before
 * @listens:	what it listens to, see log.h; written under bus->lock
 * @heard:	number up to which it has heard of the log; written under
 *		bus->lock
 * @listen_node: link in the log's listeners; bus->lock
 * @farewell:	what tells that it is gone, reserved; bus->lock
 * @monitor_node: link in the bus's list of monitors; bus->lock
 * @calls_out:	its own calls; see call.h
 * @n_calls:	how many; charged before
 * @calls_in:	calls it owes an answer; bus->lock
 * @n_calls_in:	how many; bus->lock
 * @n_interrupted: calls that wait to be taken up again; bus->lock, without
 *		it for a first look
 * @will_wake:	bit 0: it is in bus->to_wake, or about to be woken by who has
 *		dropped the bus lock; bit 1: it is in bus->to_wake_many
 * @next_wake:	the next one in bus->to_wake
 * @wake_node:	link in bus->to_wake_many
 * @expiry:	when @timer runs, KTIME_MAX if not armed; bus->lock
 * @timer:	at the earliest deadline of its calls
 * @expire_node: link in bus->expiring while calls may be due; bus->expire_lock
 */
struct kdbus_conn {
	struct kref kref;
	struct rcu_head rcu;
	u64 id;
	struct kdbus_bus *bus;
	struct kdbus_endpoint *ep;
	struct list_head ep_node;
	struct mutex end_lock;
	u64 flags;
	u64 attach_flags;
	bool privileged;
	char *description;
	const struct cred *cred;
	struct kdbus_user *owner;
	struct kdbus_user *user;
	pid_t pid;
	char comm[TASK_COMM_LEN];

	struct kdbus_meta *meta;
	struct kdbus_meta_ns view;
	struct kdbus_given given;

	bool dead;
	struct kdbus_entry *spare_entry;
	struct kdbus_call *spare_call;
	struct mutex recv_lock;
	spinlock_t lock;
	struct kdbus_queue queue;
	wait_queue_head_t wait;
	struct kdbus_pool *pool;

	struct list_head names;
	struct list_head waits;
	atomic_t n_names;
	struct list_head move_node;
	u64 names_gen;
	struct kdbus_name_entry *activator_of;

	struct list_head matches;
	atomic_t n_matches;
	unsigned int listens;
	u64 heard;
	struct list_head listen_node;
	struct kdbus_notice *farewell;
	struct list_head monitor_node;

	struct list_head calls_out;
	atomic_t n_calls;
	struct list_head calls_in;
	unsigned int n_calls_in;
	unsigned int n_interrupted;
	unsigned long will_wake;
	struct kdbus_conn *next_wake;
	struct llist_node wake_node;
	ktime_t expiry;
	struct hrtimer timer;
	struct list_head expire_node;
};

/**
 * struct kdbus_rights - what the opener of a file may do on its bus
 * @capable:	he had CAP_IPC_OWNER
 * @privileged:	he may do what the bus's maker may
 */
struct kdbus_rights {
	bool capable;
	bool privileged;
};

struct kdbus_cmd_hello;

struct kdbus_conn *kdbus_conn_alloc(struct kdbus_endpoint *ep);
struct kdbus_conn *kdbus_conn_new(struct kdbus_endpoint *ep,
				  const struct kdbus_rights *rights,
				  struct kdbus_meta *meta,
				  struct kdbus_cmd_hello *cmd);
int kdbus_conn_disconnect(struct kdbus_conn *conn, enum kdbus_conn_end reason);
int kdbus_conn_charge(struct kdbus_conn *conn);
void kdbus_conn_uncharge(struct kdbus_conn *conn);
struct kdbus_conn *kdbus_conn_get(struct kdbus_conn *conn);
void kdbus_conn_put(struct kdbus_conn *conn);
struct kdbus_conn *kdbus_conn_find(struct kdbus_bus *bus, u64 id);

void kdbus_conn_stamp(struct kdbus_conn *conn, struct kdbus_entry *entry,
		      u64 seq, unsigned int depth);
void kdbus_conn_enqueue(struct kdbus_conn *conn, struct kdbus_entry *entry);
void kdbus_conn_queue(struct kdbus_conn *conn, struct kdbus_entry *entry,
		      u64 seq);
void kdbus_conn_wake_later(struct kdbus_conn *conn);
void kdbus_conn_wake_pollers(struct kdbus_conn *conn);
void kdbus_conn_wake_many(struct work_struct *work);
__poll_t kdbus_conn_poll(struct kdbus_conn *conn, struct file *file,
			 poll_table *wait);

/**
 * kdbus_conn_is_dead() - whether a connection is gone
 * @conn:	the connection. Without the lock of its bus the answer may be
 *		out of date when it is given, in one direction.
 */
static inline bool kdbus_conn_is_dead(const struct kdbus_conn *conn)
{
	return READ_ONCE(conn->dead);
}

/**
 * kdbus_conn_wake() - tell pollers that there is something to receive
 * @conn:	the connection; the caller does not hold the bus lock, and has a
 *		reference or is a reader under RCU
 */
static inline void kdbus_conn_wake(struct kdbus_conn *conn)
{
	/* with a full barrier, which pairs with the one in kdbus_conn_poll() */
	if (wq_has_sleeper(&conn->wait))
		kdbus_conn_wake_pollers(conn);
}

/* Whether it is a peer as others, that can be sent to by its id. */
static inline bool kdbus_conn_is_ordinary(const struct kdbus_conn *conn)
{
	return !(conn->flags & (KDBUS_HELLO_ACTIVATOR |
				KDBUS_HELLO_POLICY_HOLDER |
				KDBUS_HELLO_MONITOR));
}

#endif /* KDBUS_CONNECTION_H */
