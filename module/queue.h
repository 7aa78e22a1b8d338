/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: queues
 *
 * A queue holds what a connection has been sent and has not received yet: in
 * the order of arrival, and once more by priority. An entry is one message;
 * it owns the pin of its slice, the references of the files that travel with
 * it, and a reference to the call it asks for.
 *
 * An entry enters a queue under the bus lock and the connection's lock and
 * leaves it under the connection's lock alone. Outside a queue it belongs to
 * one task.
 */
#ifndef KDBUS_QUEUE_H
#define KDBUS_QUEUE_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "quota.h"
#include "tracepoints/kdbus_enums.h"

struct file;
struct kdbus_call;
struct kdbus_conn;
struct kdbus_notice;
struct kdbus_slice;
struct kdbus_user;

/**
 * struct kdbus_queue - what a connection can receive
 * @fifo:	entries by sequence number
 * @gap:	entry in @fifo, or its head, behind which that one was that RECV
 *		took last
 * @news:	notice in @fifo that was queued last, or what was before it
 * @prio:	entries by priority, then sequence number
 * @count:	how many there are
 * @notices:	how many of them are notices about connections and names
 * @is_taken:	RECV has one in hand that it may put back
 * @is_held:	nothing is received, for messages are about to move; written under
 *		the lock of the connection
 */
struct kdbus_queue {
	struct list_head fifo;
	struct list_head *gap;
	struct list_head *news;
	struct rb_root_cached prio;
	unsigned int count;
	unsigned int notices;
	bool is_taken;
	bool is_held;
};

/**
 * struct kdbus_passed_file - a file that comes with a message
 * @file:	the file, referenced and counted by kdbus_memfd_carry(); NULL if the
 *		receiver does not get it
 * @is_payload:	it is a memfd of the payload, not one of FDS
 * @offset:	where in the slice its number goes
 */
struct kdbus_passed_file {
	struct file *file;
	bool is_payload;
	u64 offset;
};

/**
 * struct kdbus_entry - one message for one receiver
 * @node:	link in the queue, or in a list of its only user
 * @rb:		link in the queue's order by priority
 * @seq:	number in the order of all messages of the domain
 * @priority:	lower is more urgent
 * @msg:	trace id of the message
 * @src:	id of the sender, 0 for the kernel
 * @cookie:	cookie of the message; the request's for a notice
 * @queued_ns:	when it was queued, as of kdbus_trace_clock()
 * @kind:	what it is to the receiver
 * @notify:	type of the notice, for KDBUS_MSG_KIND_NOTIFY
 * @notice:	what it tells, referenced; NULL in a queue if it is about a call,
 *		and before that what monitors will see of it, or NULL
 * @is_written:	the text of the notice is in @slice
 * @slice:	where it lies, pinned; NULL before it has a place
 * @call:	the call it asks for, referenced, or NULL
 * @files:	files that come along, or NULL
 * @n_files:	how many
 * @files_user:	who is charged for them while they are in flight, referenced;
 *		or NULL
 * @n_fds:	how many the sender's account in the pool is charged for
 * @has_fds:	there are some of FDS among them
 * @seq_offset:	where in the slice @seq goes, or 0
 * @name_id:	id of the name it was addressed to, or 0
 * @charge:	who is charged for it, if it is on anybody's account
 * @charge_user: key of the sender's user, where @charge counts
 * @twin:	what it becomes when it moves with its name, see move.h; or why it
 *		cannot
 */
struct kdbus_entry {
	struct list_head node;
	struct rb_node rb;
	u64 seq;
	s64 priority;
	u64 msg;
	u64 src;
	u64 cookie;
	u64 queued_ns;
	enum kdbus_msg_kind kind;
	u64 notify;
	struct kdbus_notice *notice;
	bool is_written;
	struct kdbus_slice *slice;
	struct kdbus_call *call;
	struct kdbus_passed_file *files;
	unsigned int n_files;
	struct kdbus_user *files_user;
	unsigned int n_fds;
	bool has_fds;
	u64 seq_offset;
	u64 name_id;
	struct kdbus_charge charge;
	u64 charge_user;
	struct kdbus_entry *twin;
};

struct kdbus_entry *kdbus_entry_new(struct kdbus_conn *conn, u64 msg);
u64 kdbus_entry_size(const struct kdbus_entry *entry);
void kdbus_passed_file_put(const struct kdbus_passed_file *f);
void kdbus_entry_free_files(struct kdbus_entry *entry);
void kdbus_entry_free(struct kdbus_entry *entry);
void kdbus_entry_discard(struct kdbus_entry *entry);
void kdbus_entry_recycle(struct kdbus_conn *conn, struct kdbus_entry *entry);
void kdbus_entry_drop(struct kdbus_conn *conn, struct kdbus_entry *entry,
		      enum kdbus_msg_drop_reason reason, int error);
void kdbus_entries_drop(struct kdbus_conn *conn, struct list_head *entries,
			enum kdbus_msg_drop_reason reason);

void kdbus_queue_init(struct kdbus_queue *queue);
void kdbus_queue_add(struct kdbus_queue *queue, struct kdbus_entry *entry);
void kdbus_queue_merge(struct kdbus_queue *queue, struct list_head *entries);
void kdbus_queue_del(struct kdbus_queue *queue, struct kdbus_entry *entry);
void kdbus_queue_take(struct kdbus_queue *queue, struct kdbus_entry *entry);
void kdbus_queue_keep(struct kdbus_queue *queue);
void kdbus_queue_put_back(struct kdbus_queue *queue, struct kdbus_entry *entry);
void kdbus_queue_take_all(struct kdbus_queue *queue, struct list_head *to);
int kdbus_queue_peek(const struct kdbus_queue *queue, const s64 *priority,
		     struct kdbus_entry **entry);

/**
 * kdbus_queue_is_idle() - whether nothing is queued, nor may be put back
 * @queue:	the queue. Without the lock of its connection the answer may be
 *		out of date when it is given.
 */
static inline bool kdbus_queue_is_idle(const struct kdbus_queue *queue)
{
	return !READ_ONCE(queue->count) && !READ_ONCE(queue->is_taken);
}

#endif /* KDBUS_QUEUE_H */
