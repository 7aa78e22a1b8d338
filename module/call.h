/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: calls
 *
 * A message that expects a reply starts a call. The call belongs to the
 * requester, who bounds how many there are and whose deadline timer ends
 * them; the replier only has it in a list of what it owes. It is open in one
 * of three states, and ends once: the task that moves it to KDBUS_CALL_ENDED,
 * under the bus lock, owns the rest, and others find nothing left to do.
 *
 *   ASYNC		The requester gets the reply, or the notice that there
 *			will be none, in its queue. The notice has its place in
 *			the pool reserved when the call is made and so cannot be
 *			lost; its text is written when it is received, since the
 *			pool cannot be written under the bus lock.
 *   SYNC		The requester sleeps in the call and finds the reply in
 *			@reply.
 *   INTERRUPTED	It was SYNC, and a signal has ended the sleep. The
 *			restarted system call takes it up, and it is SYNC again;
 *			or ASYNC, if the message is sent as such.
 *   ENDED		@outcome says how. One that was INTERRUPTED stays in its
 *			requester's list, with its reply, to be taken up.
 *   KEPT		It was not taken up until the deadline: the reply is
 *			dropped, and the requester is charged for the call no
 *			longer. It stays for a while: a task that was stopped all
 *			that time would send the request once more if it did not
 *			find the call.
 *
 * A call is in its requester's list while it is open and until it is taken up.
 * That list is changed under the bus lock and the requester's lock and can be
 * read under either. The replier's list is guarded by the bus lock. A list
 * entry is one reference.
 */
#ifndef KDBUS_CALL_H
#define KDBUS_CALL_H

#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/rcuwait.h>
#include <linux/types.h>

#include "tracepoints/kdbus_enums.h"

struct kdbus_conn;
struct kdbus_entry;
struct kdbus_message;

enum kdbus_call_state {
	KDBUS_CALL_ASYNC,
	KDBUS_CALL_SYNC,
	KDBUS_CALL_INTERRUPTED,
	KDBUS_CALL_ENDED,
	KDBUS_CALL_KEPT,
};

/**
 * struct kdbus_call - a request and what becomes of it
 * @kref:	references
 * @out_node:	link in the requester's list
 * @in_node:	link in the replier's list
 * @requester:	who asked; valid while in its list
 * @replier:	who is to answer; valid while in its list, else NULL
 * @replier_id:	id of @replier
 * @msg:	trace id of the request
 * @cookie:	cookie of the request
 * @start:	when it was made, CLOCK_MONOTONIC
 * @deadline:	when it ends
 * @state:	see above; written under the bus lock, read without it by the
 *		sleeping requester and for a first look
 * @outcome:	how it has ended
 * @reply:	the answer to a synchronous call
 * @notice:	what an asynchronous requester gets instead of an answer
 * @wait:	the synchronous requester, while it sleeps
 * @name_id:	id of the name it was addressed by, or 0
 * @wait_ns:	how long the request was queued, for trace events; not known
 *		(all ones) before it is received
 * @taken_ns:	when it was received, as of kdbus_trace_clock()
 * @dst_id:	destination as it was addressed
 * @room:	bytes in @dst_name
 * @dst_name:	name it was addressed by, or ""
 */
struct kdbus_call {
	struct kref kref;
	struct list_head out_node;
	struct list_head in_node;
	struct kdbus_conn *requester;
	struct kdbus_conn *replier;
	u64 replier_id;
	u64 msg;
	u64 cookie;
	ktime_t start;
	ktime_t deadline;
	enum kdbus_call_state state;
	enum kdbus_call_end_outcome outcome;
	struct kdbus_entry *reply;
	struct kdbus_entry *notice;
	struct rcuwait wait;
	u64 name_id;
	u64 wait_ns;
	u64 taken_ns;
	u64 dst_id;
	size_t room;
	char dst_name[];
};

struct kdbus_call *kdbus_call_new(struct kdbus_conn *conn,
				  const struct kdbus_message *msg);
void kdbus_call_discard(struct kdbus_call *call);
void kdbus_call_put(struct kdbus_call *call);
void kdbus_call_recycle(struct kdbus_conn *conn, struct kdbus_call *call);

void kdbus_call_start(struct kdbus_call *call, struct kdbus_conn *replier,
		      u64 name_id);
void kdbus_call_taken(struct kdbus_call *call, u64 queued_ns, u64 now);
void kdbus_call_set_replier(struct kdbus_call *call,
			    struct kdbus_conn *replier);
struct kdbus_call *kdbus_call_find(struct kdbus_conn *requester,
				   u64 replier_id, u64 cookie);
void kdbus_call_answer(struct kdbus_call *call, u64 msg,
		       struct kdbus_entry *reply);
void kdbus_call_fail(struct kdbus_call *call,
		     enum kdbus_call_end_outcome outcome);

int kdbus_call_wait(struct kdbus_conn *conn, struct kdbus_call *call,
		    struct kdbus_entry **reply);
int kdbus_call_resume(struct kdbus_conn *conn, const struct kdbus_message *msg,
		      struct kdbus_call **call);
int kdbus_calls_cancel(struct kdbus_conn *conn, u64 cookie);
void kdbus_calls_expire(struct kdbus_conn *conn);
void kdbus_calls_abandon(struct kdbus_conn *conn, struct list_head *dropped);
void kdbus_calls_die(struct kdbus_conn *conn);

/* Whether it may still be answered. */
static inline bool kdbus_call_is_open(const struct kdbus_call *call)
{
	return READ_ONCE(call->state) <= KDBUS_CALL_INTERRUPTED;
}

/* Whether it is open, and the answer is the sleeping requester's. */
static inline bool kdbus_call_is_sync(const struct kdbus_call *call)
{
	enum kdbus_call_state state = READ_ONCE(call->state);

	return state == KDBUS_CALL_SYNC || state == KDBUS_CALL_INTERRUPTED;
}

#endif /* KDBUS_CALL_H */
