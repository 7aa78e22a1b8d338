// SPDX-License-Identifier: GPL-2.0
/*
 * The log of notices of a bus. Rules: see log.h and notify.h.
 */
#include <linux/err.h>
#include <linux/memcontrol.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/kdbus.h>

#include "broadcast.h"
#include "bus.h"
#include "connection.h"
#include "endpoint.h"
#include "limits.h"
#include "log.h"
#include "match.h"
#include "notify.h"
#include "policy.h"
#include "pool.h"
#include "queue.h"
#include "trace.h"

/* Fails in a full control group, without killing a member of it. */
#define KDBUS_LOG_GFP \
	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

#define KDBUS_LOG_GFP_SHORT	(GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT)

/* records and matches that are looked at before others get the bus lock */
#define KDBUS_LOG_BATCH 512

/* records that leave the log before others get the bus lock */
#define KDBUS_LOG_CUT 64

/* records of one uid in logs with which it waits before it makes more */
#define KDBUS_LOG_MAX_PER_USER 256

static bool kdbus_log_has_room(const struct kdbus_user *user)
{
	return atomic_read(&user->counts[KDBUS_COUNT_NOTICES]) <
	       KDBUS_LOG_MAX_PER_USER;
}

/**
 * kdbus_log_wait() - wait until what a user has done has been told
 * @user:	the user about to do more; the caller holds no lock
 *
 * Returns at once unless there are very many records of its.
 *
 * Return: 0, or -ERESTARTSYS on a signal.
 */
int kdbus_log_wait(struct kdbus_user *user)
{
	int ret = 0;

	for (; user && !ret; user = user->up)
		ret = wait_event_interruptible(user->told,
					       kdbus_log_has_room(user));
	return ret;
}

/* A record of a user's is in the log no longer. */
static void kdbus_log_uncharge(struct kdbus_user *user)
{
	kdbus_user_uncharge(user, KDBUS_COUNT_NOTICES, 1);
	for (; user; user = user->up)
		if (wq_has_sleeper(&user->told) && kdbus_log_has_room(user))
			wake_up_all(&user->told);
}

/**
 * kdbus_log_add() - have a notice told
 * @bus:	the bus, its lock held
 * @notice:	the notice with all but its number; the log's from now on
 * @seq:	its number, from kdbus_bus_next_seq() since the lock is held
 */
void kdbus_log_add(struct kdbus_bus *bus, struct kdbus_notice *notice, u64 seq)
{
	struct kdbus_log *log = &bus->log;

	lockdep_assert_held(&bus->lock);

	notice->record.seq = seq;
	/* never refused, but waited for: see kdbus_log_wait() */
	kdbus_user_charge(notice->user, KDBUS_COUNT_NOTICES, 1, UINT_MAX);
	list_add_tail(&notice->record.node, &log->records);
	WRITE_ONCE(log->last, seq);
	kdbus_bus_queue_work(bus, &log->work);
}

/**
 * kdbus_log_add_copies() - have receivers of a broadcast find their copies
 * @bus:	the bus, its lock held
 * @copies:	the copies, with their number, about to be queued. The caller takes
 *		their record out of the log, under the lock, when all are.
 */
void kdbus_log_add_copies(struct kdbus_bus *bus, struct kdbus_copies *copies)
{
	struct kdbus_log *log = &bus->log;

	lockdep_assert_held(&bus->lock);

	copies->record.copies = copies;
	copies->before = log->last;
	list_add_tail(&copies->record.node, &log->records);
	WRITE_ONCE(log->last, copies->record.seq);
}

/* A connection has heard of all up to number @seq; the bus lock is held. */
static void kdbus_log_has_heard(struct kdbus_conn *conn, u64 seq)
{
	smp_store_release(&conn->heard, seq);
}

/**
 * kdbus_log_has_copy() - a connection need not look for its copy
 * @conn:	the connection; the lock of its bus is held
 * @copies:	the copies, in the log
 */
void kdbus_log_has_copy(struct kdbus_conn *conn,
			const struct kdbus_copies *copies)
{
	if (conn->heard >= copies->before && conn->heard < copies->record.seq)
		kdbus_log_has_heard(conn, copies->record.seq);
}

/**
 * kdbus_log_listen() - say what a connection listens to from now on
 * @conn:	the connection; the lock of its bus is held
 * @kinds:	set of KDBUS_LISTENS_TO(); 0 if it listens no longer
 */
void kdbus_log_listen(struct kdbus_conn *conn, unsigned int kinds)
{
	struct kdbus_log *log = &conn->bus->log;
	bool to_notices = kinds & ~KDBUS_LISTENS_TO_MSGS;

	lockdep_assert_held(&conn->bus->lock);

	if (!conn->listens)
		kdbus_log_has_heard(conn, log->last);
	/* where the worker does not come by: there is nothing for it yet */
	if (to_notices && list_empty(&conn->listen_node))
		list_add(&conn->listen_node, &log->listeners);
	else if (!to_notices)
		list_del_init(&conn->listen_node);
	log->n_listeners += !!(kinds & KDBUS_LISTENS_TO_ALL) -
			    !!(conn->listens & KDBUS_LISTENS_TO_ALL);
	WRITE_ONCE(conn->listens, kinds);
}

/**
 * kdbus_log_has_news() - whether a connection has to catch up with the log
 * @conn:	the connection. Nothing that is queued for it later than this is
 *		looked at has a lower number than what there is to catch up with,
 *		if @conn->lock is held.
 */
bool kdbus_log_has_news(const struct kdbus_conn *conn)
{
	/* pairs with that in kdbus_log_has_heard(): what is heard is queued */
	u64 heard = smp_load_acquire(&conn->heard);

	return READ_ONCE(conn->listens) &&
	       READ_ONCE(conn->bus->log.last) > heard;
}

/* A sandboxed receiver hears of what it can see, and of itself. */
static bool kdbus_log_may_hear(const struct kdbus_conn *conn,
			       const struct kdbus_notice *notice)
{
	if (notice->name[0])
		return kdbus_policy_may_see_name(conn, notice->name);
	return !conn->ep->custom || notice->id.id == conn->id;
}

/* Whether a connection is to be told; adds to @tried what that has cost. */
static bool kdbus_log_is_for(const struct kdbus_conn *conn,
			     const struct kdbus_notice *notice,
			     unsigned int *tried)
{
	if (!(conn->listens & KDBUS_LISTENS_TO(notice->type)))
		return false;
	/* what a monitor sees without asking for it */
	if (notice->dst != KDBUS_DST_ID_BROADCAST)
		return true;
	return kdbus_match_notice(conn, notice, tried) &&
	       kdbus_log_may_hear(conn, notice);
}

/**
 * struct kdbus_log_walk - a connection catching up
 * @conn:	the connection
 * @at:		the notice behind which it goes on, referenced; or NULL
 * @found:	@conn is to be told of @at
 * @end:	number of the last record there was at the beginning: what comes
 *		later may come faster than this goes
 * @is_short:	there was no memory for an entry
 */
struct kdbus_log_walk {
	struct kdbus_conn *conn;
	struct kdbus_notice *at;
	bool found;
	u64 end;
	bool is_short;
};

static struct kdbus_notice *kdbus_log_notice(struct kdbus_record *record)
{
	return record->copies ? NULL :
	       container_of(record, struct kdbus_notice, record);
}

/* Has a walk go on behind @notice; or, if it is NULL, behind what was heard. */
static void kdbus_log_walk_to(struct kdbus_log_walk *walk,
			      struct kdbus_notice *notice)
{
	if (notice)
		kref_get(&notice->kref);
	kdbus_notice_put(walk->at);
	walk->at = notice;
}

/* Behind which record a walk goes on. */
static struct list_head *kdbus_log_walk_from(const struct kdbus_log_walk *walk)
{
	struct list_head *records = &walk->conn->bus->log.records;
	struct kdbus_record *record;

	if (walk->at && !list_empty(&walk->at->record.node))
		return &walk->at->record.node;
	/* what has left the log was told, and all before it */
	list_for_each_entry_reverse(record, records, node)
		if (record->seq <= walk->conn->heard)
			return &record->node;
	return records;
}

/* Whether a connection that has not heard of a record is to be told. */
static bool kdbus_log_look_at(struct kdbus_conn *conn,
			      struct kdbus_record *record, unsigned int *tried)
{
	if (!record->copies)
		return kdbus_log_is_for(conn, kdbus_log_notice(record), tried);
	if (conn->listens & KDBUS_LISTENS_TO_MSGS)
		*tried += kdbus_copies_take(record->copies, conn);
	return false;
}

/*
 * Goes on to the next notice to be told, or as far as one batch goes. Returns
 * whether there may be more. The bus lock is held.
 */
static bool kdbus_log_walk_on(struct kdbus_log_walk *walk)
{
	struct kdbus_conn *conn = walk->conn;
	struct list_head *records = &conn->bus->log.records;
	struct list_head *pos = kdbus_log_walk_from(walk);
	struct kdbus_record *record;
	unsigned int tried = 0;

	do {
		record = list_entry(pos->next, struct kdbus_record, node);
		if (list_is_last(pos, records) || record->seq > walk->end) {
			kdbus_log_has_heard(conn, max(conn->heard, walk->end));
			return false;
		}
		pos = &record->node;
		walk->found = record->seq > conn->heard &&
			      kdbus_log_look_at(conn, record, &tried);
		if (!walk->found)
			kdbus_log_has_heard(conn,
					    max(conn->heard, record->seq));
	} while (!walk->found && ++tried < KDBUS_LOG_BATCH);
	kdbus_log_walk_to(walk, kdbus_log_notice(record));
	return true;
}

/*
 * An entry for the notice that was found, or as a pointer why the receiver goes
 * without. A group whose memory is short is asked to make room once in a walk.
 */
static struct kdbus_entry *kdbus_log_new_entry(struct kdbus_log_walk *walk)
{
	struct kdbus_conn *conn = walk->conn;
	struct kdbus_notice *notice = walk->at;
	struct kdbus_entry *entry;
	struct mem_cgroup *old;

	if (READ_ONCE(conn->queue.notices) >=
	    READ_ONCE(kdbus_max_notices_per_conn))
		return ERR_PTR(-ENOBUFS);

	old = set_active_memcg(conn->pool->memcg);
	entry = kzalloc(sizeof(*entry), walk->is_short ? KDBUS_LOG_GFP_SHORT :
							 KDBUS_LOG_GFP);
	set_active_memcg(old);
	walk->is_short |= !entry;
	if (!entry)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&entry->node);
	entry->msg = notice->msg;
	entry->cookie = notice->cookie;
	entry->kind = KDBUS_MSG_KIND_NOTIFY;
	entry->notify = notice->type;
	entry->notice = notice;
	kref_get(&notice->kref);
	return entry;
}

static void kdbus_log_lose(const struct kdbus_conn *conn,
			   const struct kdbus_notice *notice, int error)
{
	unsigned int max = READ_ONCE(kdbus_max_notices_per_conn);

	if (error == -ENOBUFS)
		kdbus_trace(quota_refuse, conn->bus->id, conn->id, 0, (u32)-1,
			    KDBUS_QUOTA_NOTICES, 1, conn->queue.notices, max,
			    error, notice->msg);
	kdbus_trace(msg_drop, conn->bus->id, conn->id, 0, notice->msg,
		    notice->cookie, 0, KDBUS_MSG_DROP_UNDELIVERED,
		    KDBUS_MSG_KIND_NOTIFY, 0, error);
}

/*
 * Queues the entry for a notice, or says why there is none, unless the worker
 * or another thread has been faster. Returns whether the entry is the queue's.
 * The bus lock is held.
 */
static bool kdbus_log_tell(struct kdbus_conn *conn,
			   const struct kdbus_notice *notice,
			   struct kdbus_entry *entry)
{
	bool ret = !IS_ERR(entry);

	if (conn->dead || !conn->listens || conn->heard >= notice->record.seq)
		return false;
	if (ret) {
		kdbus_conn_queue(conn, entry, notice->record.seq);
		kdbus_conn_wake_later(conn);
	} else {
		kdbus_log_lose(conn, notice, PTR_ERR(entry));
	}
	kdbus_log_has_heard(conn, notice->record.seq);
	return ret;
}

/**
 * kdbus_log_catch_up() - queue what a connection has not heard of yet
 * @conn:	the connection, referenced; the caller holds no lock inside of
 *		@conn->recv_lock
 *
 * On return it has heard of all that had happened before.
 */
void kdbus_log_catch_up(struct kdbus_conn *conn)
{
	struct kdbus_log_walk walk = { .conn = conn };
	struct kdbus_bus *bus = conn->bus;
	struct kdbus_entry *entry;

	kdbus_bus_lock(bus);
	walk.end = bus->log.last;
	while (!conn->dead && kdbus_log_walk_on(&walk)) {
		kdbus_bus_unlock(bus);
		cond_resched();
		entry = walk.found ? kdbus_log_new_entry(&walk) : NULL;
		kdbus_bus_lock(bus);
		if (walk.found && !kdbus_log_tell(conn, walk.at, entry) &&
		    !IS_ERR(entry))
			kdbus_entry_free(entry);
	}
	kdbus_bus_unlock(bus);
	kdbus_notice_put(walk.at);
}

/* The next listener for the worker, or NULL; a reference. The lock is held. */
static struct kdbus_conn *kdbus_log_next_listener(struct kdbus_log *log)
{
	struct kdbus_conn *conn;

	if (list_is_last(&log->mark, &log->listeners))
		return NULL;
	conn = list_entry(log->mark.next, struct kdbus_conn, listen_node);
	list_move(&log->mark, &conn->listen_node);
	return kdbus_conn_get(conn);
}

/* Takes out notices up to number @end, which all have heard of. */
static unsigned int kdbus_log_cut(struct kdbus_log *log, u64 end)
{
	struct kdbus_record *record, *tmp;
	struct kdbus_notice *notice;
	unsigned int n = 0;

	list_for_each_entry_safe(record, tmp, &log->records, node) {
		if (record->seq > end || n == KDBUS_LOG_CUT)
			break;
		if (record->copies)
			continue;
		notice = kdbus_log_notice(record);
		list_del_init(&record->node);
		kdbus_log_uncharge(notice->user);
		kdbus_notice_put(notice);
		n++;
	}
	return n;
}

/* Has all listeners catch up, one after the other. */
static void kdbus_log_work(struct work_struct *work)
{
	struct kdbus_bus *bus = container_of(work, struct kdbus_bus, log.work);
	struct kdbus_log *log = &bus->log;
	struct kdbus_conn *conn;
	unsigned int n;
	u64 end;

	kdbus_bus_lock(bus);
	end = log->last;
	list_add(&log->mark, &log->listeners);
	while ((conn = kdbus_log_next_listener(log))) {
		kdbus_bus_unlock(bus);
		kdbus_log_catch_up(conn);
		kdbus_conn_put(conn);
		cond_resched();
		kdbus_bus_lock(bus);
	}
	list_del(&log->mark);
	while ((n = kdbus_log_cut(log, end)) == KDBUS_LOG_CUT) {
		kdbus_bus_unlock(bus);
		cond_resched();
		kdbus_bus_lock(bus);
	}
	kdbus_bus_unlock(bus);
	kdbus_bus_put(bus);
}

/**
 * kdbus_log_init() - make an empty log
 * @bus:	a bus that is being made
 */
void kdbus_log_init(struct kdbus_bus *bus)
{
	INIT_LIST_HEAD(&bus->log.records);
	INIT_LIST_HEAD(&bus->log.listeners);
	INIT_WORK(&bus->log.work, kdbus_log_work);
}
