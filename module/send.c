// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_SEND, in five steps.
 *
 *   import	the message is fetched and checked once (message.c), and its
 *		files are charged, unless it is a call that goes on
 *   resolve	who gets it, and which call it answers, under no lasting lock
 *   fill	a slice of the receiver's pool is charged, taken and filled from
 *		the sender's memory, with page faults disabled
 *   commit	under the bus lock what was resolved is checked again, and all
 *		that peers can see happens at once
 *   wake	after unlocking
 *
 * If the world has changed between resolve and commit (the name has another
 * owner, the call has ended) the slice is given back and the message goes
 * through the steps again from resolve. So it does if something of the sender's
 * is not in memory: that is waited for in between, with nothing of the
 * receiver's in hand, see message.h. A step that fails leaves nothing, and what
 * it has written to a pool is wiped.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/sched/signal.h>

#include "broadcast.h"
#include "bus.h"
#include "call.h"
#include "compat/compat.h"
#include "connection.h"
#include "domain.h"
#include "limits.h"
#include "memfd.h"
#include "message.h"
#include "names.h"
#include "policy.h"
#include "pool.h"
#include "queue.h"
#include "recv.h"
#include "send.h"
#include "trace.h"

/* each try copies the whole message; others' names can change during each */
#define KDBUS_SEND_TRIES 128

/**
 * struct kdbus_send - one try to deliver a message
 * @msg:	the message
 * @target:	who gets it, referenced
 * @answers:	the call it answers, referenced, or NULL
 * @call:	the call it starts, or NULL; outlives a try
 * @entry:	what is queued
 * @name_id:	id of the name it is addressed by, or 0
 * @monitors:	what monitors see of it
 * @monitor_gen: which monitors these are
 */
struct kdbus_send {
	struct kdbus_message *msg;
	struct kdbus_conn *target;
	struct kdbus_call *answers;
	struct kdbus_call *call;
	struct kdbus_entry *entry;
	u64 name_id;
	struct kdbus_copies monitors;
	unsigned int monitor_gen;
};

/**
 * kdbus_send_do_trace() - kdbus_send_trace() when somebody looks
 * @msg:	the message
 * @dst:	the receiver, or 0
 * @name_id:	id of the name, or 0
 * @ret:	0 or why it was refused
 */
void kdbus_send_do_trace(const struct kdbus_message *msg, u64 dst,
			 u64 name_id, int ret)
{
	const struct kdbus_msg *hdr = msg->hdr;
	struct kdbus_trace_msg t;

	t = (struct kdbus_trace_msg) {
		.bus = msg->src->bus->id,
		.src = msg->src->id,
		.dst = dst,
		.msg = msg->id,
		.bytes = msg->payload_size,
		.name_id = name_id,
		.n_fds = msg->n_files - msg->n_memfds,
		.n_memfds = msg->n_memfds,
		.ret = ret,
		.dst_name = msg->dst_name ?: "",
		.hdr = hdr,
		.staged = msg->staged,
		.staged_size = msg->staged ? msg->data_size : 0,
	};

	if (hdr) {
		t.cookie = hdr->cookie;
		t.cookie_reply = kdbus_message_cookie_reply(msg);
		t.timeout_ns = kdbus_message_is_call(msg) ? hdr->timeout_ns : 0;
		t.flags = hdr->flags;
		t.priority = hdr->priority;
		t.dst = dst ?: hdr->dst_id;
	}
	kdbus_trace(msg_send, &t);
}

/* Says which memfds an accepted message carries, as payload or as files. */
static void kdbus_send_trace_memfds(const struct kdbus_message *msg)
{
	unsigned int i;

	for (i = 0; i < msg->n_files; i++)
		if (kdbus_is_memfd(msg->files[i].file))
			kdbus_memfd_trace_pass(msg->files[i].file,
					       msg->src->bus->id, msg->src->id,
					       msg->id);
}

/* Whether the sender may address the target; the bus lock is held. */
static int kdbus_send_check_policy(const struct kdbus_send *send)
{
	const struct kdbus_message *msg = send->msg;

	lockdep_assert_held(&msg->src->bus->lock);

	/* a reply is always welcome */
	if (send->answers)
		return 0;
	if (msg->dst_name) {
		if (!kdbus_policy_may_see_name(msg->src, msg->dst_name)) {
			kdbus_policy_unseen(msg->src, 0, msg->dst_name, msg->id);
			return -ESRCH;
		}
	} else if (!kdbus_policy_may_see(msg->src, send->target)) {
		kdbus_policy_unseen(msg->src, send->target->id, "", msg->id);
		return -ENXIO;
	}
	return kdbus_policy_may_talk(msg->src, current_cred(), send->target,
				     msg->id) ? 0 : -EPERM;
}

/* Whether the name is the target's, and which it is; the bus lock is held. */
static int kdbus_send_check_name(struct kdbus_send *send)
{
	const struct kdbus_message *msg = send->msg;

	if (!msg->dst_name)
		return 0;
	send->name_id = kdbus_name_owner_id(msg->src->bus, msg->dst_name,
					    msg->dst_hash, send->target);
	return send->name_id ? 0 : KDBUS_SEND_AGAIN;
}

static int kdbus_send_find_target(struct kdbus_send *send)
{
	const struct kdbus_message *msg = send->msg;
	struct kdbus_bus *bus = msg->src->bus;

	if (!msg->dst_name) {
		send->target = kdbus_conn_find(bus, msg->hdr->dst_id);
		return send->target && kdbus_conn_is_ordinary(send->target) ?
		       0 : -ENXIO;
	}

	send->target = kdbus_name_get_owner(bus, msg->dst_name, msg->dst_hash);
	if (!send->target)
		return -ESRCH;
	if ((msg->hdr->flags & KDBUS_MSG_FLAGS_NO_AUTO_START) &&
	    (send->target->flags & KDBUS_HELLO_ACTIVATOR) &&
	    kdbus_policy_sees_name(msg->src, msg->dst_name))
		return -EADDRNOTAVAIL;
	return 0;
}

static int kdbus_send_resolve(struct kdbus_send *send)
{
	struct kdbus_message *msg = send->msg;
	struct kdbus_bus *bus = msg->src->bus;
	u64 cookie = kdbus_message_cookie_reply(msg);
	int ret;

	ret = kdbus_send_find_target(send);
	if (ret < 0)
		return ret;
	if (cookie)
		send->answers = kdbus_call_find(send->target, msg->src->id,
						cookie);

	/* who may anyway is not held up; the commit looks again */
	if (kdbus_policy_applies(msg->src) &&
	    !kdbus_policy_is_free(msg->src, send->target)) {
		kdbus_bus_lock(bus);
		ret = kdbus_send_check_name(send);
		if (!ret)
			ret = kdbus_send_check_policy(send);
		kdbus_bus_unlock(bus);
		if (ret)
			return ret;
	}

	if (kdbus_message_is_call(msg) && !send->call) {
		struct kdbus_call *call = kdbus_call_new(msg->src, msg);

		if (IS_ERR(call))
			return PTR_ERR(call);
		send->call = call;
	}
	return 0;
}

/**
 * kdbus_send_charge() - say whom a receiver's pool shall charge; see quota.h
 * @msg:	the message
 * @target:	the receiver
 * @charge:	filled in
 */
void kdbus_send_charge(const struct kdbus_message *msg,
		       const struct kdbus_conn *target,
		       struct kdbus_charge *charge)
{
	const struct kdbus_conn *src = msg->src;

	charge->foreign = src->user->key != target->user->key;
	charge->id = charge->foreign ? src->user->key : src->id;
	charge->src = src->id;
	charge->uid = __kuid_val(src->cred->uid);
	charge->fds = msg->n_files - msg->n_memfds;
}

/**
 * kdbus_send_new_entry() - an entry for a message, without its kind and slice
 * @msg:	the message
 * @to:		the receiver, whose spare entry may be used: what was received
 *		before has left it there
 *
 * Return: the entry, or NULL without memory.
 */
struct kdbus_entry *kdbus_send_new_entry(const struct kdbus_message *msg,
					 struct kdbus_conn *to)
{
	struct kdbus_entry *entry = kdbus_entry_new(to, msg->id);

	if (!entry)
		return NULL;
	entry->src = msg->src->id;
	entry->cookie = msg->hdr->cookie;
	entry->priority = msg->hdr->priority;
	return entry;
}

/* Who slept for an answer may not any more; the commit looks whether so. */
static enum kdbus_msg_kind kdbus_send_kind(const struct kdbus_send *send)
{
	if (send->answers)
		return kdbus_call_is_sync(send->answers) ?
		       KDBUS_MSG_KIND_SYNC_REPLY : KDBUS_MSG_KIND_REPLY;
	return send->call ? KDBUS_MSG_KIND_CALL : KDBUS_MSG_KIND_SIGNAL;
}

/*
 * Finds the monitors, and takes from the sender what they will be told. Without
 * memory they see nothing, which fails no message.
 */
static int kdbus_send_find_monitors(struct kdbus_send *send)
{
	struct kdbus_message *msg = send->msg;
	int ret;

	/* pairs with kdbus_hello_commit_special() */
	send->monitor_gen = smp_load_acquire(&msg->src->bus->monitor_gen);
	if (!READ_ONCE(msg->src->bus->n_monitors))
		return 0;
	ret = kdbus_monitors_find(msg->src->bus, &send->monitors.to,
				  &send->monitor_gen);
	return ret ? 0 : kdbus_receivers_gather(&send->monitors.to, msg);
}

/* They get the payload from the target's slice. */
static int kdbus_send_fill_monitors(struct kdbus_send *send)
{
	int ret = kdbus_copies_fill(&send->monitors, send->msg);

	return ret == -ENOMEM ? 0 : ret;
}

/* A queue that is full is told before what else is wrong with a message. */
static int kdbus_send_refuse_fds(const struct kdbus_send *send)
{
	struct kdbus_charge charge;

	kdbus_send_charge(send->msg, send->target, &charge);
	return kdbus_pool_check_msgs(send->target->pool, &charge,
				     send->msg->id) ?: -ECOMM;
}

static int kdbus_send_fill(struct kdbus_send *send)
{
	struct kdbus_message *msg = send->msg;
	struct kdbus_charge charge;
	struct kdbus_entry *entry;
	int ret;

	if (msg->fds && !(send->target->flags & KDBUS_HELLO_ACCEPT_FD))
		return kdbus_send_refuse_fds(send);

	entry = kdbus_send_new_entry(msg, send->target);
	if (!entry)
		return -ENOMEM;
	send->entry = entry;
	entry->kind = kdbus_send_kind(send);

	ret = kdbus_send_find_monitors(send);
	if (ret)
		return ret;
	/* what a sleeping requester gets is at its own expense */
	kdbus_send_charge(msg, send->target, &charge);
	ret = kdbus_message_deliver(msg, send->target, entry->kind ==
				    KDBUS_MSG_KIND_SYNC_REPLY ? NULL : &charge,
				    entry);
	return ret ?: kdbus_send_fill_monitors(send);
}

/**
 * kdbus_send_check_src() - whether the sender is what it was
 * @msg:	the message; the lock of the bus is held
 *
 * Return: 0, -ECONNRESET, or KDBUS_SEND_AGAIN if it has other names than
 * receivers were told in this try.
 */
int kdbus_send_check_src(const struct kdbus_message *msg)
{
	lockdep_assert_held(&msg->src->bus->lock);

	if (msg->src->dead)
		return -ECONNRESET;
	if (msg->has_names && (msg->names_changed ||
			       msg->names_gen != msg->src->names_gen))
		return KDBUS_SEND_AGAIN;
	return 0;
}

/* Whether the call is still waiting for this answer, in this form. */
static bool kdbus_send_still_answers(const struct kdbus_send *send)
{
	const struct kdbus_call *call = send->answers;

	return kdbus_call_is_open(call) && call->replier == send->msg->src &&
	       kdbus_call_is_sync(call) == (send->entry->kind == KDBUS_MSG_KIND_SYNC_REPLY);
}

/* Whether what was resolved still holds; the bus lock is held. */
static int kdbus_send_check(struct kdbus_send *send)
{
	const struct kdbus_message *msg = send->msg;
	struct kdbus_bus *bus = msg->src->bus;
	int ret;

	ret = kdbus_send_check_src(msg) ?: kdbus_send_check_name(send);
	if (ret)
		return ret;
	if (send->target->dead)
		return -ECONNRESET;
	if (send->answers && !kdbus_send_still_answers(send))
		return KDBUS_SEND_AGAIN;
	if (send->monitor_gen != bus->monitor_gen)
		return KDBUS_SEND_AGAIN;
	return kdbus_policy_applies(msg->src) ? kdbus_send_check_policy(send) :
						0;
}

/* The files, and who is charged for them, are the entry's now. */
static void kdbus_send_pass_files(struct kdbus_message *msg,
				  struct kdbus_entry *entry)
{
	entry->files = msg->files;
	entry->n_files = msg->n_files;
	entry->files_user = kdbus_user_ref(msg->src->owner);
	entry->has_fds = msg->fds;
	msg->files = NULL;
	msg->n_charged = 0;
}

/* What peers can see happens here; the bus lock is held. */
static void kdbus_send_link(struct kdbus_send *send)
{
	struct kdbus_entry *entry = send->entry;
	struct kdbus_conn *target = send->target;
	bool is_queued = entry->kind != KDBUS_MSG_KIND_SYNC_REPLY;
	u64 seq = kdbus_bus_next_seq(target->bus);

	kdbus_send_trace(send->msg, target->id, send->name_id, 0);
	if (trace_kdbus_memfd_pass_enabled())
		kdbus_send_trace_memfds(send->msg);

	if (send->msg->files)
		kdbus_send_pass_files(send->msg, entry);
	/* an answer is its requester's, and does not move with a name */
	if (!send->answers)
		entry->name_id = send->name_id;
	send->entry = NULL;

	/* first, so that no monitor sees a reply before its request */
	if (target->bus->n_monitors)
		kdbus_monitors_queue(&send->monitors, send->msg, seq);

	if (send->call) {
		kref_get(&send->call->kref);
		entry->call = send->call;
		kdbus_call_start(send->call, target, send->name_id);
	}

	kdbus_conn_stamp(target, entry, seq,
			 READ_ONCE(target->queue.count) + is_queued);
	/*
	 * Before it is queued: whoever has received an answer may call again,
	 * and is not charged for the old call any more. A synchronous one is
	 * the requester's from here on.
	 */
	if (send->answers)
		kdbus_call_answer(send->answers, send->msg->id, entry);
	if (is_queued)
		kdbus_conn_enqueue(target, entry);
}

static int kdbus_send_commit(struct kdbus_send *send)
{
	struct kdbus_bus *bus = send->msg->src->bus;
	bool sync = send->entry->kind == KDBUS_MSG_KIND_SYNC_REPLY;
	int ret;

	kdbus_bus_lock(bus);
	ret = kdbus_send_check(send);
	if (!ret)
		kdbus_send_link(send);
	kdbus_bus_unlock(bus);
	if (ret)
		return ret;

	if (send->monitors.entries)
		kdbus_copies_wake(&send->monitors);
	if (sync)
		rcuwait_wake_up(&send->answers->wait);
	else
		kdbus_conn_wake(send->target);
	return 0;
}

/* Errors that are hardly the sender's: the requester waits for nothing then. */
static bool kdbus_send_is_undeliverable(int error)
{
	switch (error) {
	case -ECOMM:
	case -EMFILE:
	case -ENOBUFS:
	case -EXFULL:
	case -ENOMEM:
		return true;
	}
	return false;
}

static void kdbus_send_fail_answered(struct kdbus_send *send)
{
	struct kdbus_bus *bus = send->msg->src->bus;

	kdbus_bus_lock(bus);
	/* unless somebody else owes the answer by now */
	if (send->answers->replier == send->msg->src)
		kdbus_call_fail(send->answers, KDBUS_CALL_END_UNDELIVERED);
	kdbus_bus_unlock(bus);
}

static int kdbus_send_try(struct kdbus_send *send)
{
	int ret;

	kdbus_message_begin_try(send->msg);
	ret = kdbus_send_resolve(send);
	if (!ret)
		ret = kdbus_send_fill(send);
	if (!ret)
		ret = kdbus_send_commit(send);

	if (send->answers && kdbus_send_is_undeliverable(ret))
		kdbus_send_fail_answered(send);

	if (send->monitors.to.conns)
		kdbus_copies_release(&send->monitors);
	kdbus_entry_discard(send->entry);
	send->entry = NULL;
	kdbus_call_put(send->answers);
	send->answers = NULL;
	if (send->target)
		kdbus_conn_put(send->target);
	send->target = NULL;
	return ret;
}

static int kdbus_send_deliver(struct kdbus_message *msg,
			      struct kdbus_call **call)
{
	struct kdbus_send send = { .msg = msg };
	unsigned int tries = 0;
	int ret;

	do {
		ret = kdbus_message_is_broadcast(msg) ? kdbus_broadcast(msg) :
							kdbus_send_try(&send);
		if (ret != KDBUS_SEND_AGAIN)
			break;
		if (signal_pending(current))
			ret = -ERESTARTSYS;
		else if (++tries == KDBUS_SEND_TRIES)
			ret = -EAGAIN;
		else
			ret = kdbus_message_fault_in(msg);
	} while (!ret);

	if (ret < 0)
		kdbus_call_discard(send.call);
	else
		*call = send.call;
	return ret;
}

/* Sleeps for the reply and hands it to the caller. */
static int kdbus_send_wait(struct kdbus_conn *conn, struct kdbus_call *call,
			   struct kdbus_msg __user *umsg)
{
	struct kdbus_entry *reply;
	int ret;

	ret = kdbus_call_wait(conn, call, &reply);
	if (ret < 0)
		return ret;

	ret = kdbus_recv_hand_out(conn, reply, 0, &umsg->offset_reply);
	if (ret < 0)
		kdbus_entry_drop(conn, reply, KDBUS_MSG_DROP_FAULT, 0);
	return ret;
}

/*
 * Sends a message; *@call is set to the call to wait for, or that was started,
 * or NULL, and *@sleeps to whether current waits for its end. The message, of
 * nearly two kilobytes, does not stay on the stack of a task that sleeps.
 */
static noinline int kdbus_send(struct kdbus_conn *conn,
			       struct kdbus_msg __user *umsg,
			       struct kdbus_call **call, bool *sleeps)
{
	struct kdbus_message msg __uninitialized;
	int ret;

	ret = kdbus_message_import(&msg, conn, umsg);
	if (!ret && kdbus_message_is_call(&msg))
		ret = kdbus_call_resume(conn, &msg, call);
	if (!ret)
		ret = kdbus_message_charge_files(&msg);
	if (!ret)
		ret = kdbus_send_deliver(&msg, call);
	/* a signal after which it is sent anew has refused nothing */
	if (ret < 0 && ret != -ERESTARTSYS)
		kdbus_send_trace(&msg, 0, 0, ret);
	*sleeps = *call && kdbus_message_is_sync(&msg);
	kdbus_message_release(&msg);
	return min(ret, 0);
}

/**
 * kdbus_cmd_msg_send() - KDBUS_CMD_MSG_SEND
 * @conn:	the sender, current's
 * @umsg:	the message in user memory; offset_reply is written for a
 *		synchronous call
 *
 * Return: 0 or a negative errno; -ERESTARTSYS if a signal came while waiting
 * for a reply, see call.h; -EAGAIN if what it is addressed to has changed during
 * each of many tries.
 */
int kdbus_cmd_msg_send(struct kdbus_conn *conn, struct kdbus_msg __user *umsg)
{
	struct kdbus_call *call = NULL;
	bool sleeps;
	int ret;

	ret = kdbus_send(conn, umsg, &call, &sleeps);
	if (ret < 0)
		return ret;
	if (sleeps)
		ret = kdbus_send_wait(conn, call, umsg);
	kdbus_call_recycle(conn, call);
	return ret;
}
