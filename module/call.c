// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: starting, ending, waiting, taking up again. Rules: see call.h.
 */
#include <linux/freezer.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "limits.h"
#include "message.h"
#include "notify.h"
#include "queue.h"
#include "trace.h"

/* how long a call has been going on, in ns */
static u64 kdbus_call_age(const struct kdbus_call *call)
{
	return ktime_to_ns(ktime_sub(ktime_get(), call->start));
}

/* calls of a dead replier that are ended before others get the bus lock */
#define KDBUS_CALLS_BATCH 64

/* calls that are kept for requesters who may come back; then the oldest goes */
#define KDBUS_CALLS_KEPT 8

/* room for a name that memory for a call has, so that it can be used again */
#define KDBUS_CALL_USUAL_NAME 64

static void kdbus_call_release(struct kref *kref)
{
	struct kdbus_call *call = container_of(kref, struct kdbus_call, kref);

	WARN_ON(call->reply || call->notice);
	kfree(call);
}

/**
 * kdbus_call_put() - drop a reference
 * @call:	the call, or NULL
 */
void kdbus_call_put(struct kdbus_call *call)
{
	if (call)
		kref_put(&call->kref, kdbus_call_release);
}

/**
 * kdbus_call_recycle() - drop a reference of the requester's
 * @conn:	the requester, who may keep the memory for its next call
 * @call:	the call, or NULL
 */
void kdbus_call_recycle(struct kdbus_conn *conn, struct kdbus_call *call)
{
	/* the only one left: nobody can find it any more */
	if (call && kref_read(&call->kref) == 1)
		call = xchg(&conn->spare_call, call);
	kdbus_call_put(call);
}

/* Memory for a call, zeroed, with room for a name. */
static struct kdbus_call *kdbus_call_alloc(struct kdbus_conn *conn,
					   const char *name)
{
	struct kdbus_call *call = xchg(&conn->spare_call, NULL);
	size_t len = strlen(name) + 1, room;

	if (call && call->room < len) {
		kfree(call);
		call = NULL;
	}
	if (call) {
		room = call->room;
		memset(call, 0, sizeof(*call));
	} else {
		room = max_t(size_t, len, KDBUS_CALL_USUAL_NAME);
		call = kzalloc(sizeof(*call) + room, GFP_KERNEL_ACCOUNT);
	}
	if (!call)
		return NULL;

	kref_init(&call->kref);
	call->room = room;
	memcpy(call->dst_name, name, len);
	return call;
}

static ktime_t kdbus_call_deadline(ktime_t start, u64 timeout_ns)
{
	return ktime_add_safe(start, min_t(u64, timeout_ns, KTIME_MAX));
}

/**
 * kdbus_call_new() - prepare a call
 * @conn:	the requester
 * @msg:	the request
 *
 * Charges the requester and reserves what an asynchronous one will be told
 * if there is no reply. kdbus_call_start() starts the call; one that is not
 * started is given back with kdbus_call_discard().
 *
 * Return: the call with one reference for the caller; or as a pointer
 * -EMLINK, -ENOMEM or -ENOBUFS.
 */
struct kdbus_call *kdbus_call_new(struct kdbus_conn *conn,
				  const struct kdbus_message *msg)
{
	unsigned int max = READ_ONCE(kdbus_max_requests_per_conn);
	struct kdbus_call *call;
	int ret;

	ret = kdbus_count_charge(&conn->n_calls, 1, max, -EMLINK);
	if (ret < 0) {
		kdbus_trace(quota_refuse, conn->bus->id, conn->id, conn->id,
			    __kuid_val(conn->cred->uid), KDBUS_QUOTA_REQUESTS,
			    1, max, max, ret, msg->id);
		return ERR_PTR(ret);
	}

	call = kdbus_call_alloc(conn, msg->dst_name ?: "");
	if (!call) {
		atomic_dec(&conn->n_calls);
		return ERR_PTR(-ENOMEM);
	}

	INIT_LIST_HEAD(&call->out_node);
	INIT_LIST_HEAD(&call->in_node);
	rcuwait_init(&call->wait);
	call->requester = conn;
	call->msg = msg->id;
	call->cookie = msg->hdr->cookie;
	call->state = kdbus_message_is_sync(msg) ? KDBUS_CALL_SYNC :
						   KDBUS_CALL_ASYNC;
	call->wait_ns = KDBUS_TRACE_UNKNOWN_NS;
	call->start = ktime_get();
	call->deadline = kdbus_call_deadline(call->start, msg->hdr->timeout_ns);
	call->dst_id = msg->hdr->dst_id;

	if (call->state == KDBUS_CALL_ASYNC) {
		call->notice = kdbus_notice_new_reply(conn, call->cookie);
		if (IS_ERR(call->notice)) {
			ret = PTR_ERR(call->notice);
			call->notice = NULL;
			kdbus_call_discard(call);
			return ERR_PTR(ret);
		}
	}
	return call;
}

static void kdbus_call_free_notice(struct kdbus_call *call)
{
	kdbus_entry_free(call->notice);
	call->notice = NULL;
}

/**
 * kdbus_call_discard() - give back a call that was never started
 * @call:	the call, or NULL; the caller's reference goes
 */
void kdbus_call_discard(struct kdbus_call *call)
{
	if (!call)
		return;
	kdbus_call_free_notice(call);
	atomic_dec(&call->requester->n_calls);
	kdbus_call_put(call);
}

/* Has the timer run for @deadline, if nothing earlier is due. */
static void kdbus_calls_arm(struct kdbus_conn *conn, ktime_t deadline)
{
	if (deadline >= conn->expiry)
		return;
	conn->expiry = deadline;
	hrtimer_start(&conn->timer, deadline, HRTIMER_MODE_ABS);
}

static noinline void kdbus_call_trace_start(const struct kdbus_call *call)
{
	const struct kdbus_conn *conn = call->requester;

	kdbus_trace(call_start, conn->bus->id, conn->id, call->replier_id,
		    call->msg, call->cookie,
		    ktime_to_ns(ktime_sub(call->deadline, call->start)),
		    kdbus_call_is_sync(call), call->name_id);
}

/**
 * kdbus_call_start() - start a call
 * @call:	the call
 * @replier:	who is to answer
 * @name_id:	id of the name it was addressed by, or 0
 *
 * The bus lock is held, and both sides are alive.
 */
void kdbus_call_start(struct kdbus_call *call, struct kdbus_conn *replier,
		      u64 name_id)
{
	struct kdbus_conn *conn = call->requester;

	lockdep_assert_held(&conn->bus->lock);

	call->replier = replier;
	call->replier_id = replier->id;
	call->name_id = name_id;

	kref_get(&call->kref);
	list_add_tail(&call->in_node, &replier->calls_in);
	replier->n_calls_in++;

	kref_get(&call->kref);
	spin_lock(&conn->lock);
	list_add_tail(&call->out_node, &conn->calls_out);
	spin_unlock(&conn->lock);

	kdbus_calls_arm(conn, call->deadline);
	if (trace_kdbus_call_start_enabled())
		kdbus_call_trace_start(call);
}

/**
 * kdbus_call_taken() - the replier has received the request
 * @call:	the call; the caller has a reference
 * @queued_ns:	when the request was queued, as of kdbus_trace_clock()
 * @now:	likewise; now
 *
 * Only for what trace events tell. Whoever ends the call at the same moment
 * may still see the time as not known.
 */
void kdbus_call_taken(struct kdbus_call *call, u64 queued_ns, u64 now)
{
	if (!now)
		return;
	WRITE_ONCE(call->wait_ns, kdbus_trace_wait(queued_ns, now));
	WRITE_ONCE(call->taken_ns, now);
}

static noinline void kdbus_call_trace_end(const struct kdbus_call *call,
					  enum kdbus_call_end_outcome outcome)
{
	const struct kdbus_conn *conn = call->requester;
	u64 now = ktime_get_ns();

	kdbus_trace(call_end, conn->bus->id, conn->id, call->replier_id,
		    call->msg, call->cookie, now - ktime_to_ns(call->start),
		    outcome, kdbus_call_is_sync(call), call->name_id,
		    READ_ONCE(call->wait_ns),
		    kdbus_trace_wait(READ_ONCE(call->taken_ns), now));
}

/**
 * kdbus_call_set_replier() - let somebody else owe the answer
 * @call:	the call, whose request has moved; the bus lock is held
 * @replier:	who is to answer from now on; alive
 */
void kdbus_call_set_replier(struct kdbus_call *call,
			    struct kdbus_conn *replier)
{
	struct kdbus_conn *requester = call->requester;

	if (!kdbus_call_is_open(call))
		return;
	lockdep_assert_held(&requester->bus->lock);

	call->replier->n_calls_in--;
	list_move_tail(&call->in_node, &replier->calls_in);
	replier->n_calls_in++;
	call->replier = replier;
	spin_lock(&requester->lock);
	call->replier_id = replier->id;
	spin_unlock(&requester->lock);
}

/* Takes a call out of its requester's list, and off its account. */
static void kdbus_call_unlink_out(struct kdbus_call *call)
{
	struct kdbus_conn *conn = call->requester;

	spin_lock(&conn->lock);
	list_del_init(&call->out_node);
	spin_unlock(&conn->lock);

	if (call->state != KDBUS_CALL_KEPT)
		atomic_dec(&conn->n_calls);
	kdbus_call_put(call);
}

static void kdbus_call_interrupt(struct kdbus_call *call)
{
	struct kdbus_conn *conn = call->requester;

	WRITE_ONCE(call->state, KDBUS_CALL_INTERRUPTED);
	WRITE_ONCE(conn->n_interrupted, conn->n_interrupted + 1);
}

/* If it has not ended meanwhile it goes on as @state; else it stays as it is. */
static void kdbus_call_uninterrupt(struct kdbus_call *call,
				   enum kdbus_call_state state)
{
	struct kdbus_conn *conn = call->requester;

	if (call->state == KDBUS_CALL_INTERRUPTED)
		WRITE_ONCE(call->state, state);
	WRITE_ONCE(conn->n_interrupted, conn->n_interrupted - 1);
}

/*
 * Ends a call. The caller has a reference of its own. An interrupted call stays
 * with its requester.
 */
static bool kdbus_call_finish(struct kdbus_call *call,
			      enum kdbus_call_end_outcome outcome)
{
	struct kdbus_conn *conn = call->requester;

	/* the requester of a call that has ended may be gone */
	if (!kdbus_call_is_open(call))
		return false;
	lockdep_assert_held(&conn->bus->lock);

	if (trace_kdbus_call_end_enabled())
		kdbus_call_trace_end(call, outcome);

	list_del_init(&call->in_node);
	call->replier->n_calls_in--;
	call->replier = NULL;
	kdbus_call_put(call);

	if (call->state != KDBUS_CALL_INTERRUPTED)
		kdbus_call_unlink_out(call);

	call->outcome = outcome;
	/* the sleeper looks at nothing before it sees this */
	smp_store_release(&call->state, KDBUS_CALL_ENDED);
	return true;
}

/* What a synchronous requester of a call that has ended is told. */
static int kdbus_call_error(const struct kdbus_call *call)
{
	switch (call->outcome) {
	case KDBUS_CALL_END_ANSWERED:
		return 0;
	case KDBUS_CALL_END_TIMEOUT:
	case KDBUS_CALL_END_INTERRUPTED:
		return -ETIMEDOUT;
	case KDBUS_CALL_END_DEAD:
	case KDBUS_CALL_END_UNDELIVERED:
		return -EPIPE;
	case KDBUS_CALL_END_CANCELLED:
		return -ECANCELED;
	case KDBUS_CALL_END_ABANDONED:
		break;
	}
	return -ECONNRESET;
}

/* The same for an asynchronous one, if it was not answered. */
static u64 kdbus_call_notice_type(const struct kdbus_call *call)
{
	return kdbus_call_error(call) == -ETIMEDOUT ? KDBUS_ITEM_REPLY_TIMEOUT :
						      KDBUS_ITEM_REPLY_DEAD;
}

/**
 * kdbus_call_fail() - end a call without a reply
 * @call:	the call; the caller holds the bus lock and a reference or the
 *		list it found the call in
 * @outcome:	how it ended
 *
 * Tells the requester: a sleeping one is woken, another one gets a notice.
 * Does nothing if the call has ended.
 */
void kdbus_call_fail(struct kdbus_call *call,
		     enum kdbus_call_end_outcome outcome)
{
	struct kdbus_conn *conn = call->requester;

	kref_get(&call->kref);
	if (!kdbus_call_finish(call, outcome))
		goto exit;

	if (!call->notice) {
		rcuwait_wake_up(&call->wait);
	} else if (outcome == KDBUS_CALL_END_ABANDONED) {
		kdbus_call_free_notice(call);
	} else {
		kdbus_notice_queue(conn, call->notice,
				   kdbus_call_notice_type(call));
		call->notice = NULL;
	}
exit:
	kdbus_call_put(call);
}

static noinline void kdbus_call_trace_reply(const struct kdbus_call *call,
					    u64 msg)
{
	const struct kdbus_conn *conn = call->requester;

	kdbus_trace(call_reply, conn->bus->id, conn->id, call->replier_id,
		    call->msg, msg, call->cookie, kdbus_call_age(call));
}

/**
 * kdbus_call_answer() - end a call with a reply
 * @call:	the call, open; the caller holds the bus lock and a reference
 * @msg:	trace id of the reply
 * @reply:	the reply to a synchronous call, which goes to the call; the
 *		caller wakes @call->wait after dropping the lock. Another one
 *		is not looked at: the caller queues it afterwards.
 */
void kdbus_call_answer(struct kdbus_call *call, u64 msg,
		       struct kdbus_entry *reply)
{
	if (trace_kdbus_call_reply_enabled())
		kdbus_call_trace_reply(call, msg);
	if (kdbus_call_is_sync(call))
		call->reply = reply;
	kdbus_call_finish(call, KDBUS_CALL_END_ANSWERED);
	kdbus_call_free_notice(call);
}

/**
 * kdbus_call_find() - the call that a message may answer
 * @requester:	who would get the answer
 * @replier_id:	who answers
 * @cookie:	cookie of the request
 *
 * Return: the oldest such call that is open, a reference for the caller,
 * or NULL. It may end at any time before the caller takes the bus lock.
 */
struct kdbus_call *kdbus_call_find(struct kdbus_conn *requester,
				   u64 replier_id, u64 cookie)
{
	struct kdbus_call *call, *found = NULL;

	spin_lock(&requester->lock);
	list_for_each_entry(call, &requester->calls_out, out_node) {
		if (call->replier_id == replier_id && call->cookie == cookie &&
		    kdbus_call_is_open(call)) {
			kref_get(&call->kref);
			found = call;
			break;
		}
	}
	spin_unlock(&requester->lock);
	return found;
}

static int kdbus_call_result(struct kdbus_call *call,
			     struct kdbus_entry **reply)
{
	*reply = call->reply;
	call->reply = NULL;
	return kdbus_call_error(call);
}

/**
 * kdbus_call_wait() - sleep until a synchronous call has ended
 * @conn:	the requester, current's
 * @call:	its call, a reference of the caller
 * @reply:	set to the reply, which is the caller's
 *
 * Return: 0; -ETIMEDOUT, -EPIPE, -ECANCELED or -ECONNRESET; or -ERESTARTSYS
 * on a signal, and the call waits to be taken up again.
 */
int kdbus_call_wait(struct kdbus_conn *conn, struct kdbus_call *call,
		    struct kdbus_entry **reply)
{
	bool interrupted;
	int ret;

	ret = rcuwait_wait_event(&call->wait, smp_load_acquire(&call->state) !=
				 KDBUS_CALL_SYNC,
				 TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	if (ret) {
		kdbus_bus_lock(conn->bus);
		interrupted = call->state == KDBUS_CALL_SYNC;
		if (interrupted)
			kdbus_call_interrupt(call);
		kdbus_bus_unlock(conn->bus);
		if (interrupted)
			return -ERESTARTSYS;
	}
	return kdbus_call_result(call, reply);
}

static struct kdbus_call *
kdbus_call_find_interrupted(struct kdbus_conn *conn,
			    const struct kdbus_message *msg)
{
	const char *name = msg->dst_name ?: "";
	struct kdbus_call *call;

	list_for_each_entry(call, &conn->calls_out, out_node)
		if (call->state >= KDBUS_CALL_INTERRUPTED &&
		    call->cookie == msg->hdr->cookie &&
		    call->dst_id == msg->hdr->dst_id &&
		    !strcmp(call->dst_name, name))
			return call;
	return NULL;
}

/* Goes on with an interrupted call as if it had been asynchronous. */
static void kdbus_call_make_async(struct kdbus_call *call,
				  struct kdbus_entry **notice)
{
	struct kdbus_conn *conn = call->requester;
	struct kdbus_entry *reply = call->reply;

	kdbus_call_uninterrupt(call, KDBUS_CALL_ASYNC);
	if (call->state == KDBUS_CALL_ASYNC) {
		call->notice = *notice;
		*notice = NULL;
		return;
	}

	if (reply) {
		call->reply = NULL;
		reply->kind = KDBUS_MSG_KIND_REPLY;
		kdbus_conn_enqueue(conn, reply);
		kdbus_conn_wake_later(conn);
	} else {
		kdbus_notice_queue(conn, *notice, kdbus_call_notice_type(call));
		*notice = NULL;
	}
	kdbus_call_unlink_out(call);
}

/*
 * Takes an interrupted call up, if there is one. Going on asynchronously needs
 * a notice: without it, -EAGAIN.
 */
static int kdbus_call_try_resume(struct kdbus_conn *conn,
				 const struct kdbus_message *msg,
				 struct kdbus_entry **notice,
				 struct kdbus_call **call)
{
	struct kdbus_call *found;
	int ret = 0;

	kdbus_bus_lock(conn->bus);
	found = conn->dead ? NULL : kdbus_call_find_interrupted(conn, msg);
	if (found && !kdbus_message_is_sync(msg) && !*notice) {
		ret = -EAGAIN;
	} else if (found) {
		ret = 1;
		if (kdbus_message_is_sync(msg)) {
			kref_get(&found->kref);
			*call = found;
			kdbus_call_uninterrupt(found, KDBUS_CALL_SYNC);
			if (found->state != KDBUS_CALL_SYNC)
				kdbus_call_unlink_out(found);
		} else {
			kdbus_call_make_async(found, notice);
		}
	}
	kdbus_bus_unlock(conn->bus);
	return ret;
}

/**
 * kdbus_call_resume() - take an interrupted call up again
 * @conn:	the requester, current's
 * @msg:	what it sends, a call; perhaps the same one again
 * @call:	set to the call to wait for, a reference for the caller, or to
 *		NULL if there is nothing to wait for
 *
 * Return: 1 if @msg was sent before and the call goes on, 0 if it is a new
 * one, or a negative errno.
 */
int kdbus_call_resume(struct kdbus_conn *conn, const struct kdbus_message *msg,
		      struct kdbus_call **call)
{
	struct kdbus_entry *notice = NULL;
	int ret;

	*call = NULL;
	if (!READ_ONCE(conn->n_interrupted))
		return 0;

	ret = kdbus_call_try_resume(conn, msg, &notice, call);
	if (ret == -EAGAIN) {
		notice = kdbus_notice_new_reply(conn, msg->hdr->cookie);
		if (IS_ERR(notice))
			return PTR_ERR(notice);
		ret = kdbus_call_try_resume(conn, msg, &notice, call);
	}
	kdbus_entry_free(notice);
	return ret;
}

/**
 * kdbus_calls_cancel() - end a connection's synchronous calls
 * @conn:	the requester
 * @cookie:	cookie of the calls
 *
 * Return: 0, or -ENOENT if there was none.
 */
int kdbus_calls_cancel(struct kdbus_conn *conn, u64 cookie)
{
	struct kdbus_call *call, *tmp;
	int ret = -ENOENT;

	kdbus_bus_lock(conn->bus);
	list_for_each_entry_safe(call, tmp, &conn->calls_out, out_node) {
		if (!kdbus_call_is_sync(call) || call->cookie != cookie)
			continue;
		/* an interrupted one hears of it when it comes back */
		kdbus_call_fail(call, KDBUS_CALL_END_CANCELLED);
		ret = 0;
	}
	kdbus_bus_unlock(conn->bus);
	return ret;
}

/* Drops a call nobody came back for; what it got goes to @dropped. */
static void kdbus_call_forget(struct kdbus_call *call,
			      struct list_head *dropped)
{
	kdbus_call_uninterrupt(call, KDBUS_CALL_SYNC);
	if (call->reply)
		list_add_tail(&call->reply->node, dropped);
	call->reply = NULL;
	kdbus_call_unlink_out(call);
}

/*
 * The time of an interrupted call is over. Its reply goes to @dropped, and who
 * comes back finds that it came too late.
 */
static void kdbus_call_keep(struct kdbus_call *call, struct list_head *dropped)
{
	struct kdbus_conn *conn = call->requester;

	if (call->reply) {
		list_add_tail(&call->reply->node, dropped);
		call->reply = NULL;
		call->outcome = KDBUS_CALL_END_INTERRUPTED;
	}
	call->deadline = KTIME_MAX;
	WRITE_ONCE(call->state, KDBUS_CALL_KEPT);
	atomic_dec(&conn->n_calls);
}

static void kdbus_call_expire(struct kdbus_call *call,
			      struct list_head *dropped)
{
	bool interrupted = call->state >= KDBUS_CALL_INTERRUPTED;

	/* unless it is interrupted the call may be gone afterwards */
	kdbus_call_fail(call, interrupted ? KDBUS_CALL_END_INTERRUPTED :
					    KDBUS_CALL_END_TIMEOUT);
	if (interrupted)
		kdbus_call_keep(call, dropped);
}

/* Forgets the oldest of those that are kept, if there are many. */
static void kdbus_calls_trim(struct kdbus_conn *conn,
			     struct list_head *dropped)
{
	struct kdbus_call *call, *tmp;
	unsigned int n = 0;

	list_for_each_entry(call, &conn->calls_out, out_node)
		n += call->state == KDBUS_CALL_KEPT;
	list_for_each_entry_safe(call, tmp, &conn->calls_out, out_node) {
		if (n <= KDBUS_CALLS_KEPT)
			break;
		if (call->state == KDBUS_CALL_KEPT) {
			kdbus_call_forget(call, dropped);
			n--;
		}
	}
}

/**
 * kdbus_calls_expire() - end a connection's calls whose deadline has passed
 * @conn:	the requester; the caller holds no lock
 */
void kdbus_calls_expire(struct kdbus_conn *conn)
{
	struct kdbus_call *call, *tmp;
	ktime_t next = KTIME_MAX;
	LIST_HEAD(dropped);
	ktime_t now;

	kdbus_bus_lock(conn->bus);
	if (!conn->dead) {
		now = ktime_get();
		list_for_each_entry_safe(call, tmp, &conn->calls_out,
					 out_node) {
			if (ktime_after(call->deadline, now))
				next = min(next, call->deadline);
			else
				kdbus_call_expire(call, &dropped);
		}
		kdbus_calls_trim(conn, &dropped);
		conn->expiry = KTIME_MAX;
		kdbus_calls_arm(conn, next);
	}
	kdbus_bus_unlock(conn->bus);

	kdbus_entries_drop(conn, &dropped, KDBUS_MSG_DROP_LATE_REPLY);
}

/**
 * kdbus_calls_abandon() - end all own calls of a dying connection
 * @conn:	the requester, its bus lock held
 * @dropped:	gets replies that nobody came back for
 */
void kdbus_calls_abandon(struct kdbus_conn *conn, struct list_head *dropped)
{
	struct kdbus_call *call, *tmp;

	lockdep_assert_held(&conn->bus->lock);

	list_for_each_entry_safe(call, tmp, &conn->calls_out, out_node) {
		if (!kdbus_call_is_open(call)) {
			kdbus_call_forget(call, dropped);
			continue;
		}
		if (call->state == KDBUS_CALL_INTERRUPTED)
			kdbus_call_uninterrupt(call, KDBUS_CALL_SYNC);
		kdbus_call_fail(call, KDBUS_CALL_END_ABANDONED);
	}
}

/**
 * kdbus_calls_die() - end all calls that a dead connection owes an answer
 * @conn:	the replier, dead; the caller holds no lock
 *
 * When nothing is owed any more the connection's id is told to be gone.
 */
void kdbus_calls_die(struct kdbus_conn *conn)
{
	struct kdbus_call *call;
	unsigned int n;

	do {
		kdbus_bus_lock(conn->bus);
		for (n = 0; n < KDBUS_CALLS_BATCH; n++) {
			call = list_first_entry_or_null(&conn->calls_in,
							struct kdbus_call,
							in_node);
			if (!call)
				break;
			kdbus_call_fail(call, KDBUS_CALL_END_DEAD);
		}
		if (n < KDBUS_CALLS_BATCH)
			kdbus_notify_id(conn, &conn->farewell,
					KDBUS_ITEM_ID_REMOVE);
		kdbus_bus_unlock(conn->bus);
		cond_resched();
	} while (n == KDBUS_CALLS_BATCH);
}
