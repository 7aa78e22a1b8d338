// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from the kernel. Rules: see notify.h.
 */
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/kdbus.h>

#include "bus.h"
#include "connection.h"
#include "item.h"
#include "limits.h"
#include "log.h"
#include "message.h"
#include "names.h"
#include "notify.h"
#include "pool.h"
#include "queue.h"
#include "trace.h"

/* a header and that of its item */
struct kdbus_notice_text {
	struct kdbus_msg msg;
	u64 item_size;
	u64 item_type;
};

/**
 * kdbus_notice_new() - reserve a record of something that may happen
 * @user:	user that is counted for it while it is in a log
 * @name:	the name it is about, or ""
 *
 * Return: a record, a reference for the caller; or NULL without memory.
 */
struct kdbus_notice *kdbus_notice_new(struct kdbus_user *user, const char *name)
{
	struct kdbus_notice *notice;

	notice = kzalloc(sizeof(*notice) + strlen(name) + 1,
			 GFP_KERNEL_ACCOUNT);
	if (!notice)
		return NULL;
	kref_init(&notice->kref);
	INIT_LIST_HEAD(&notice->record.node);
	notice->user = kdbus_user_ref(user);
	strcpy(notice->name, name);
	return notice;
}

static void kdbus_notice_release(struct kref *kref)
{
	struct kdbus_notice *notice =
		container_of(kref, struct kdbus_notice, kref);

	kdbus_user_put(notice->user);
	kfree(notice);
}

/**
 * kdbus_notice_put() - drop a reference
 * @notice:	the notice, or NULL
 */
void kdbus_notice_put(struct kdbus_notice *notice)
{
	if (notice)
		kref_put(&notice->kref, kdbus_notice_release);
}

/**
 * kdbus_notices_free() - give back what was reserved and not needed
 * @notices:	list of records, emptied
 */
void kdbus_notices_free(struct list_head *notices)
{
	struct kdbus_notice *notice, *tmp;

	list_for_each_entry_safe(notice, tmp, notices, record.node) {
		list_del(&notice->record.node);
		kdbus_notice_put(notice);
	}
}

/* Reserves what monitors, if any, will see of a notice about a call. */
static int kdbus_notice_reserve_copy(const struct kdbus_conn *conn,
				     struct kdbus_entry *entry)
{
	int ret;

	if (!READ_ONCE(conn->bus->n_monitors))
		return 0;
	ret = kdbus_log_wait(conn->owner);
	if (ret < 0)
		return ret;
	entry->notice = kdbus_notice_new(conn->owner, "");
	return entry->notice ? 0 : -ENOMEM;
}

/**
 * kdbus_notice_new_reply() - reserve a notice about a call
 * @conn:	the requester, which will get it
 * @cookie:	cookie of the request
 *
 * Return: an entry that kdbus_notice_queue() can queue without failing, or
 * kdbus_entry_free() frees; or as a pointer -ENOMEM, a negative errno of
 * kdbus_slice_alloc(), or -ERESTARTSYS of kdbus_log_wait().
 */
struct kdbus_entry *kdbus_notice_new_reply(struct kdbus_conn *conn, u64 cookie)
{
	u64 msg = kdbus_message_new_id();
	struct kdbus_entry *entry;
	int ret;

	entry = kdbus_entry_new(conn, msg);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	entry->kind = KDBUS_MSG_KIND_NOTIFY;
	entry->cookie = cookie;

	ret = kdbus_notice_reserve_copy(conn, entry);
	if (!ret) {
		entry->slice = kdbus_slice_alloc(conn->pool,
						 sizeof(struct kdbus_notice_text),
						 NULL, msg);
		ret = PTR_ERR_OR_ZERO(entry->slice);
	}
	if (!ret)
		return entry;
	entry->slice = NULL;
	kdbus_entry_free(entry);
	return ERR_PTR(ret);
}

/* Says that connection @conn goes without a notice. */
static void kdbus_notify_lost(const struct kdbus_bus *bus, u64 conn,
			      const struct kdbus_entry *entry)
{
	kdbus_trace(msg_drop, bus->id, conn, 0, entry->msg, entry->cookie, 0,
		    KDBUS_MSG_DROP_UNDELIVERED, KDBUS_MSG_KIND_NOTIFY, 0,
		    -ENOMEM);
}

/* Has monitors told of a notice about a call. */
static void kdbus_notify_monitors(struct kdbus_conn *conn,
				  struct kdbus_entry *entry, u64 seq)
{
	struct kdbus_notice *copy = entry->notice;
	struct kdbus_conn *monitor;

	entry->notice = NULL;
	if (list_empty(&conn->bus->monitors)) {
		kdbus_notice_put(copy);
		return;
	}
	if (!copy) {
		/* all have come after the call began */
		list_for_each_entry(monitor, &conn->bus->monitors, monitor_node)
			kdbus_notify_lost(conn->bus, monitor->id, entry);
		return;
	}
	copy->msg = entry->msg;
	copy->type = entry->notify;
	copy->dst = conn->id;
	copy->cookie = entry->cookie;
	kdbus_log_add(conn->bus, copy, seq);
}

/**
 * kdbus_notice_queue() - queue a notice about a call
 * @conn:	the receiver, alive; the lock of its bus is held
 * @entry:	the notice, which is the queue's from now on
 * @type:	KDBUS_ITEM_REPLY_TIMEOUT or KDBUS_ITEM_REPLY_DEAD
 */
void kdbus_notice_queue(struct kdbus_conn *conn, struct kdbus_entry *entry,
			u64 type)
{
	u64 seq;

	lockdep_assert_held(&conn->bus->lock);

	entry->notify = type;
	kdbus_trace(notify_send, conn->bus->id, conn->id, entry->msg, type,
		    entry->cookie, 0, 0);
	seq = kdbus_bus_next_seq(conn->bus);
	kdbus_notify_monitors(conn, entry, seq);
	kdbus_conn_queue(conn, entry, seq);
	kdbus_conn_wake_later(conn);
}

/* Has all listeners told; @id and @name_id: what it is about, or 0 */
static void kdbus_notify(struct kdbus_bus *bus, struct kdbus_notice *notice,
			 u64 type, u64 id, u64 name_id)
{
	notice->msg = kdbus_message_new_id();
	notice->type = type;
	notice->dst = KDBUS_DST_ID_BROADCAST;
	kdbus_trace(notify_send, bus->id, KDBUS_DST_ID_BROADCAST, notice->msg,
		    type, 0, id, name_id);
	kdbus_log_add(bus, notice, kdbus_bus_next_seq(bus));
}

/**
 * kdbus_notify_id() - tell that a connection has come or is gone
 * @conn:	the connection; the lock of its bus is held
 * @notice:	what was reserved for that; NULL there if it was used
 * @type:	KDBUS_ITEM_ID_ADD or KDBUS_ITEM_ID_REMOVE
 */
void kdbus_notify_id(struct kdbus_conn *conn, struct kdbus_notice **notice,
		     u64 type)
{
	lockdep_assert_held(&conn->bus->lock);

	/* most buses have no listeners */
	if ((conn->flags & KDBUS_HELLO_MONITOR) ||
	    !conn->bus->log.n_listeners)
		return;
	(*notice)->id.id = conn->id;
	(*notice)->id.flags = conn->flags;
	kdbus_notify(conn->bus, *notice, type, conn->id, 0);
	*notice = NULL;
}

/**
 * kdbus_notify_name() - tell that a name has another owner
 * @bus:	the bus, its lock held
 * @n:		the name, with a record that is reserved
 * @old:	id of the owner before, or 0
 * @old_flags:	flags it had the name with
 * @new:	id of the owner from now on, or 0
 * @new_flags:	flags it has the name with
 */
void kdbus_notify_name(struct kdbus_bus *bus, struct kdbus_name_entry *n,
		       u64 old, u64 old_flags, u64 new, u64 new_flags)
{
	u64 type = !old ? KDBUS_ITEM_NAME_ADD :
		   !new ? KDBUS_ITEM_NAME_REMOVE : KDBUS_ITEM_NAME_CHANGE;
	struct kdbus_notice *notice;

	lockdep_assert_held(&bus->lock);

	if (!bus->log.n_listeners)
		return;
	notice = kdbus_name_take_notice(n);
	notice->old.id = old;
	notice->old.flags = old_flags;
	notice->new.id = new;
	notice->new.flags = new_flags;
	kdbus_notify(bus, notice, type, 0, n->id);
}

/* ---- text ------------------------------------------------------------- */

static size_t kdbus_notice_payload(const struct kdbus_notice *notice)
{
	if (!notice || notice->type == KDBUS_ITEM_REPLY_TIMEOUT ||
	    notice->type == KDBUS_ITEM_REPLY_DEAD)
		return 0;
	if (!notice->name[0])
		return sizeof(notice->id);
	return sizeof(struct kdbus_notify_name_change) +
	       ALIGN(strlen(notice->name) + 1, 8);
}

/**
 * kdbus_notice_take_slice() - give a notice its place in the pool
 * @conn:	the receiver, current's
 * @entry:	a notice, in no queue
 *
 * Return: 0, also if it has a place; or a negative errno of
 * kdbus_slice_alloc().
 */
int kdbus_notice_take_slice(struct kdbus_conn *conn, struct kdbus_entry *entry)
{
	struct kdbus_slice *slice;

	if (entry->slice)
		return 0;
	slice = kdbus_slice_alloc(conn->pool, sizeof(struct kdbus_notice_text) +
				  kdbus_notice_payload(entry->notice), NULL,
				  entry->msg);
	if (IS_ERR(slice))
		return PTR_ERR(slice);
	entry->slice = slice;
	return 0;
}

/**
 * kdbus_notice_leave_slice() - give back the place a notice took in the pool
 * @entry:	what could not be received, in no queue
 *
 * Not where it has been looked at, and not what was reserved with a call.
 */
void kdbus_notice_leave_slice(struct kdbus_entry *entry)
{
	if (!entry->notice || !entry->slice || entry->is_written)
		return;
	kdbus_slice_leave_queue(entry->slice, 0, false);
	entry->slice = NULL;
}

static int kdbus_notice_write_name(struct kdbus_pool_writer *w,
				   const struct kdbus_notice *notice)
{
	size_t len = strlen(notice->name) + 1;
	struct kdbus_notify_name_change change = {
		.old = notice->old,
		.new = notice->new,
	};
	int ret;

	ret = kdbus_pool_write(w, &change, sizeof(change));
	if (!ret)
		ret = kdbus_pool_write(w, notice->name, len);
	if (!ret)
		ret = kdbus_pool_write_zero(w, ALIGN(len, 8) - len);
	return ret;
}

/**
 * kdbus_notice_write() - write a notice's text into its slice
 * @conn:	the receiver, which is current's
 * @entry:	the notice; its slice is pinned
 *
 * Return: 0 or a negative errno of getting the page.
 */
int kdbus_notice_write(struct kdbus_conn *conn, const struct kdbus_entry *entry)
{
	const struct kdbus_notice *notice = entry->notice;
	size_t payload = kdbus_notice_payload(notice);
	struct kdbus_notice_text text = {
		.msg = {
			.size = sizeof(text) + payload,
			.dst_id = notice ? notice->dst : conn->id,
			.src_id = KDBUS_SRC_ID_KERNEL,
			.payload_type = KDBUS_PAYLOAD_KERNEL,
			.cookie_reply = notice ? notice->cookie : entry->cookie,
		},
		.item_size = KDBUS_ITEM_HEADER_SIZE + payload,
		.item_type = entry->notify,
	};
	struct kdbus_pool_writer w;
	int ret;

	kdbus_pool_writer_init(&w, entry->slice, 0);
	ret = kdbus_pool_write(&w, &text, sizeof(text));
	if (!ret && payload)
		ret = notice->name[0] ? kdbus_notice_write_name(&w, notice) :
		      kdbus_pool_write(&w, &notice->id, sizeof(notice->id));
	kdbus_pool_writer_end(&w);
	return ret;
}
