// SPDX-License-Identifier: GPL-2.0
/*
 * Queues and their entries. Rules and locking: see queue.h.
 */
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/slab.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "limits.h"
#include "memfd.h"
#include "notify.h"
#include "pool.h"
#include "queue.h"
#include "trace.h"

/**
 * kdbus_entry_new() - make an entry for a message
 * @conn:	connection whose spare entry may be used
 * @msg:	trace id of the message
 *
 * A slice or files given to the entry afterwards are the entry's.
 *
 * Return: the entry, or NULL without memory.
 */
struct kdbus_entry *kdbus_entry_new(struct kdbus_conn *conn, u64 msg)
{
	struct kdbus_entry *entry = xchg(&conn->spare_entry, NULL);

	if (entry)
		memset(entry, 0, sizeof(*entry));
	else
		entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return NULL;

	INIT_LIST_HEAD(&entry->node);
	entry->msg = msg;
	return entry;
}

/**
 * kdbus_entry_size() - bytes a message takes in its receiver's pool
 * @entry:	the message
 *
 * Return: 0 for a notice that has no place there yet.
 */
u64 kdbus_entry_size(const struct kdbus_entry *entry)
{
	return entry->slice ? entry->slice->size : 0;
}

/**
 * kdbus_passed_file_put() - a message does not carry a file any more
 * @f:	the file, or none; the message's reference goes
 */
void kdbus_passed_file_put(const struct kdbus_passed_file *f)
{
	if (!f->file)
		return;
	kdbus_memfd_uncarry(f->file);
	fput(f->file);
}

/**
 * kdbus_entry_free_files() - an entry's files are in flight no longer
 * @entry:	the entry; its references to the files go
 */
void kdbus_entry_free_files(struct kdbus_entry *entry)
{
	unsigned int i;

	if (!entry->files)
		return;
	for (i = 0; i < entry->n_files; i++)
		kdbus_passed_file_put(&entry->files[i]);
	kvfree(entry->files);
	entry->files = NULL;
	if (entry->files_user) {
		kdbus_user_uncharge_files(entry->files_user, entry->kind ==
					  KDBUS_MSG_KIND_COPY, entry->n_files);
		kdbus_user_put(entry->files_user);
	}
	entry->files_user = NULL;
}

/* Lets go of all that an entry holds. */
static void kdbus_entry_empty(struct kdbus_entry *entry)
{
	if (entry->slice)
		kdbus_slice_leave_queue(entry->slice, entry->n_fds, false);
	kdbus_entry_free_files(entry);
	kdbus_notice_put(entry->notice);
	kdbus_call_put(entry->call);
}

/**
 * kdbus_entry_free() - free an entry with all that it holds
 * @entry:	the entry, in no queue; or NULL
 *
 * The sender's charge for queued messages ends here.
 */
void kdbus_entry_free(struct kdbus_entry *entry)
{
	if (!entry)
		return;
	kdbus_entry_empty(entry);
	kfree(entry);
}

/**
 * kdbus_entry_discard() - kdbus_entry_free() of a message that was refused
 * @entry:	the entry, which has never been in a queue; or NULL
 *
 * Its receiver finds nothing of it. May sleep.
 */
void kdbus_entry_discard(struct kdbus_entry *entry)
{
	if (entry && entry->slice)
		kdbus_slice_clear(entry->slice);
	kdbus_entry_free(entry);
}

/**
 * kdbus_entry_recycle() - free an entry, or keep it for the next message
 * @conn:	connection that may keep it as its spare one
 * @entry:	the entry, in no queue
 */
void kdbus_entry_recycle(struct kdbus_conn *conn, struct kdbus_entry *entry)
{
	kdbus_entry_empty(entry);
	kfree(xchg(&conn->spare_entry, entry));
}

/**
 * kdbus_entry_drop() - free a message its receiver will not get
 * @conn:	the receiver
 * @entry:	the entry, in no queue
 * @reason:	why, for the trace event
 * @error:	what was in the way, likewise; or 0
 */
void kdbus_entry_drop(struct kdbus_conn *conn, struct kdbus_entry *entry,
		      enum kdbus_msg_drop_reason reason, int error)
{
	kdbus_trace(msg_drop, conn->bus->id, conn->id, entry->src, entry->msg,
		    entry->cookie, kdbus_entry_size(entry), reason, entry->kind,
		    entry->name_id, error);
	kdbus_entry_free(entry);
}

/**
 * kdbus_entries_drop() - free messages their receiver will not get
 * @conn:	the receiver
 * @entries:	list of entries, emptied
 * @reason:	why, for the trace events
 */
void kdbus_entries_drop(struct kdbus_conn *conn, struct list_head *entries,
			enum kdbus_msg_drop_reason reason)
{
	struct kdbus_entry *entry, *tmp;

	list_for_each_entry_safe(entry, tmp, entries, node) {
		list_del_init(&entry->node);
		kdbus_entry_drop(conn, entry, reason, 0);
		cond_resched();
	}
}

/**
 * kdbus_queue_init() - make an empty queue
 * @queue:	the queue
 */
void kdbus_queue_init(struct kdbus_queue *queue)
{
	INIT_LIST_HEAD(&queue->fifo);
	queue->gap = queue->news = &queue->fifo;
	queue->prio = RB_ROOT_CACHED;
	queue->count = 0;
	queue->notices = 0;
	queue->is_taken = false;
	queue->is_held = false;
}

static bool kdbus_entry_before(const struct kdbus_entry *a,
			       const struct kdbus_entry *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->seq < b->seq;
}

static void kdbus_queue_link_prio(struct kdbus_queue *queue,
				  struct kdbus_entry *entry)
{
	struct rb_node **n = &queue->prio.rb_root.rb_node, *parent = NULL;
	bool leftmost = true;

	while (*n) {
		struct kdbus_entry *e = rb_entry(*n, struct kdbus_entry, rb);

		parent = *n;
		if (kdbus_entry_before(entry, e)) {
			n = &parent->rb_left;
		} else {
			n = &parent->rb_right;
			leftmost = false;
		}
	}
	rb_link_node(&entry->rb, parent, n);
	rb_insert_color_cached(&entry->rb, &queue->prio, leftmost);
}

static void kdbus_queue_link(struct kdbus_queue *queue,
			     struct kdbus_entry *entry, struct list_head *after)
{
	list_add(&entry->node, after);
	kdbus_queue_link_prio(queue, entry);
	WRITE_ONCE(queue->count, queue->count + 1);
	WRITE_ONCE(queue->notices, queue->notices + !!entry->notice);
}

static u64 kdbus_queue_seq(const struct list_head *pos)
{
	return list_entry(pos, struct kdbus_entry, node)->seq;
}

/*
 * Behind which entry number @seq comes. Looked for from both ends, and from the
 * notice before, behind which the next ones come.
 */
static struct list_head *kdbus_queue_place(struct kdbus_queue *queue, u64 seq)
{
	struct list_head *fifo = &queue->fifo, *last = fifo->prev, *first;

	if (last == fifo || kdbus_queue_seq(last) < seq)
		return last;
	first = queue->news;
	if (first != fifo && kdbus_queue_seq(first) > seq)
		first = fifo;
	while (last != fifo && kdbus_queue_seq(last) > seq) {
		if (first->next == fifo || kdbus_queue_seq(first->next) > seq)
			return first;
		first = first->next;
		last = last->prev;
	}
	return last;
}

/**
 * kdbus_queue_add() - put an entry where its sequence number says
 * @queue:	the queue; the lock of its connection is held
 * @entry:	the entry: a new one, which goes to the end; a notice, which may be
 *		late; or the reply to a call that waits for it no longer
 */
void kdbus_queue_add(struct kdbus_queue *queue, struct kdbus_entry *entry)
{
	kdbus_queue_link(queue, entry, kdbus_queue_place(queue, entry->seq));
	if (entry->notice)
		queue->news = &entry->node;
}

/* The last entry behind @after, or @after, that comes before number @seq. */
static struct list_head *kdbus_queue_seek(struct kdbus_queue *queue,
					  struct list_head *after, u64 seq)
{
	while (!list_is_last(after, &queue->fifo) &&
	       list_entry(after->next, struct kdbus_entry, node)->seq < seq)
		after = after->next;
	return after;
}

/**
 * kdbus_queue_merge() - put many entries where their sequence numbers say
 * @queue:	the queue; the lock of its connection is held
 * @entries:	the entries, by sequence number; emptied. Each queue is walked
 *		once.
 */
void kdbus_queue_merge(struct kdbus_queue *queue, struct list_head *entries)
{
	struct list_head *after = &queue->fifo;
	struct kdbus_entry *entry, *tmp;

	list_for_each_entry_safe(entry, tmp, entries, node) {
		after = kdbus_queue_seek(queue, after, entry->seq);
		list_del(&entry->node);
		kdbus_queue_link(queue, entry, after);
		after = &entry->node;
	}
}

/**
 * kdbus_queue_del() - take an entry out
 * @queue:	the queue; the lock of its connection is held
 * @entry:	the entry, which is the caller's from now on
 */
void kdbus_queue_del(struct kdbus_queue *queue, struct kdbus_entry *entry)
{
	if (queue->gap == &entry->node)
		queue->gap = entry->node.prev;
	if (queue->news == &entry->node)
		queue->news = entry->node.prev;
	list_del_init(&entry->node);
	rb_erase_cached(&entry->rb, &queue->prio);
	WRITE_ONCE(queue->count, queue->count - 1);
	WRITE_ONCE(queue->notices, queue->notices - !!entry->notice);
}

/**
 * kdbus_queue_take() - take an entry out that may have to be put back
 * @queue:	the queue; the lock of its connection is held, and its recv_lock
 *		until the entry is put back or kept
 * @entry:	the entry, which is the caller's from now on
 */
void kdbus_queue_take(struct kdbus_queue *queue, struct kdbus_entry *entry)
{
	queue->gap = entry->node.prev;
	WRITE_ONCE(queue->is_taken, true);
	kdbus_queue_del(queue, entry);
}

/**
 * kdbus_queue_keep() - an entry that was taken will not be put back
 * @queue:	the queue; the recv_lock of its connection is held
 */
void kdbus_queue_keep(struct kdbus_queue *queue)
{
	/* who sees it late finds the queue busy for a moment longer */
	WRITE_ONCE(queue->is_taken, false);
}

/**
 * kdbus_queue_put_back() - put the entry that was taken last where it was
 * @queue:	the queue; the lock of its connection is held
 * @entry:	the entry. Only what has moved here meanwhile is walked.
 */
void kdbus_queue_put_back(struct kdbus_queue *queue, struct kdbus_entry *entry)
{
	WRITE_ONCE(queue->is_taken, false);
	kdbus_queue_link(queue, entry,
			 kdbus_queue_seek(queue, queue->gap, entry->seq));
}

/**
 * kdbus_queue_take_all() - empty a queue
 * @queue:	the queue; the lock of its connection is held
 * @to:		list the entries go to, in order
 */
void kdbus_queue_take_all(struct kdbus_queue *queue, struct list_head *to)
{
	list_splice_tail_init(&queue->fifo, to);
	queue->gap = queue->news = &queue->fifo;
	queue->prio = RB_ROOT_CACHED;
	WRITE_ONCE(queue->count, 0);
	WRITE_ONCE(queue->notices, 0);
}

/**
 * kdbus_queue_peek() - find the entry that is to be received next
 * @queue:	the queue; the lock of its connection is held
 * @priority:	NULL for the oldest entry; else the most urgent one, if its
 *		priority value is not above this
 * @entry:	set to the entry, which stays in the queue
 *
 * Return: 0, -EAGAIN for an empty queue, -ENOMSG if nothing is that urgent.
 */
int kdbus_queue_peek(const struct kdbus_queue *queue, const s64 *priority,
		     struct kdbus_entry **entry)
{
	struct kdbus_entry *e;

	if (list_empty(&queue->fifo))
		return -EAGAIN;

	if (priority) {
		e = rb_entry(rb_first_cached(&queue->prio), struct kdbus_entry,
			     rb);
		if (e->priority > *priority)
			return -ENOMSG;
	} else {
		e = list_first_entry(&queue->fifo, struct kdbus_entry, node);
	}
	*entry = e;
	return 0;
}
