// SPDX-License-Identifier: GPL-2.0
/*
 * Messages from the kernel. Rules: see notify.h.
 */
#include <linux/err.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/kdbus.h>

#include "bus.h"
#include "connection.h"
#include "endpoint.h"
#include "item.h"
#include "limits.h"
#include "match.h"
#include "message.h"
#include "names.h"
#include "notify.h"
#include "policy.h"
#include "pool.h"
#include "queue.h"
#include "trace.h"

/*
 * Without waiting, and whatever the limit of who pays: nobody shall be able to
 * go, or change a name, unnoticed because his control group is full. How much
 * this can be is bounded by what receivers may have queued.
 */
#define KDBUS_NOTICE_GFP (GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT)

/* a header and that of its item */
struct kdbus_notice_text {
	struct kdbus_msg msg;
	u64 item_size;
	u64 item_type;
};

/**
 * kdbus_notice_new() - reserve a notice about a call
 * @conn:	the requester, who will get it
 * @cookie:	cookie of the request
 *
 * Return: an entry that kdbus_notice_queue() can queue without failing, or
 * kdbus_entry_free() frees; or a negative errno of kdbus_slice_alloc() as a
 * pointer.
 */
struct kdbus_entry *kdbus_notice_new(struct kdbus_conn *conn, u64 cookie)
{
	u64 msg = kdbus_message_new_id();
	struct kdbus_entry *entry;
	struct kdbus_slice *slice;

	entry = kdbus_entry_new(conn, msg);
	if (!entry)
		return ERR_PTR(-ENOMEM);

	slice = kdbus_slice_alloc(conn->pool, sizeof(struct kdbus_notice_text),
				  NULL, msg);
	if (IS_ERR(slice)) {
		kdbus_entry_free(entry);
		return ERR_CAST(slice);
	}
	entry->slice = slice;
	entry->kind = KDBUS_MSG_KIND_NOTIFY;
	entry->cookie = cookie;
	return entry;
}

static void kdbus_notice_release(struct kref *kref)
{
	kfree(container_of(kref, struct kdbus_notice, kref));
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
 * struct kdbus_notify - a notice on its way to all it matches
 * @bus:	the bus
 * @notice:	the notice
 * @msg:	its trace id
 * @seq:	its place in the order of the domain
 */
struct kdbus_notify {
	struct kdbus_bus *bus;
	struct kdbus_notice *notice;
	u64 msg;
	u64 seq;
};

/* A sandboxed receiver hears of what it can see, and of itself. */
static bool kdbus_notice_is_visible(const struct kdbus_conn *conn,
				    const struct kdbus_notice *notice)
{
	if (notice->dst != KDBUS_DST_ID_BROADCAST)
		return true;
	if (notice->name[0])
		return kdbus_policy_may_see_name(conn, notice->name);
	return !conn->ep->custom || notice->id.id == conn->id;
}

/* @conn: who goes without the notice @msg, or everybody; @cookie as it has */
static void kdbus_notify_lost(const struct kdbus_bus *bus, u64 conn, u64 msg,
			      u64 cookie, int error)
{
	kdbus_trace(msg_drop, bus->id, conn, 0, msg, cookie, 0,
		    KDBUS_MSG_DROP_UNDELIVERED, KDBUS_MSG_KIND_NOTIFY, 0,
		    error);
}

static struct kdbus_entry *kdbus_notify_entry(struct kdbus_conn *conn,
					      const struct kdbus_notify *n)
{
	unsigned int max = READ_ONCE(kdbus_max_notices_per_conn);
	unsigned int queued = READ_ONCE(conn->queue.notices);
	struct kdbus_entry *entry;
	struct mem_cgroup *old;

	if (queued >= max) {
		kdbus_trace(quota_refuse, n->bus->id, conn->id, 0, (u32)-1,
			    KDBUS_QUOTA_NOTICES, 1, queued, max, -ENOBUFS,
			    n->msg);
		return ERR_PTR(-ENOBUFS);
	}
	/* the receiver's, who has no more of them than that */
	old = set_active_memcg(conn->pool->memcg);
	entry = kzalloc(sizeof(*entry), KDBUS_NOTICE_GFP);
	set_active_memcg(old);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&entry->node);
	entry->msg = n->msg;
	entry->cookie = n->notice->cookie;
	entry->kind = KDBUS_MSG_KIND_NOTIFY;
	entry->notify = n->notice->type;
	entry->notice = n->notice;
	kref_get(&n->notice->kref);
	return entry;
}

static void kdbus_notify_one(struct kdbus_conn *conn, void *arg)
{
	struct kdbus_notify *n = arg;
	struct kdbus_entry *entry;

	conn->last_msg = n->msg;
	if (conn->dead || !kdbus_notice_is_visible(conn, n->notice))
		return;

	if (!n->seq)
		n->seq = kdbus_bus_next_seq(n->bus);
	entry = kdbus_notify_entry(conn, n);
	if (IS_ERR(entry)) {
		kdbus_notify_lost(n->bus, conn->id, n->msg, n->notice->cookie,
				  PTR_ERR(entry));
		return;
	}
	kdbus_conn_queue(conn, entry, n->seq);
	kdbus_conn_wake_later(conn);
}

static struct kdbus_notice *kdbus_notice_alloc(u64 type, u64 dst,
					       const char *name)
{
	struct kdbus_notice *notice;

	notice = kzalloc(sizeof(*notice) + strlen(name) + 1, KDBUS_NOTICE_GFP);
	if (!notice)
		return NULL;
	kref_init(&notice->kref);
	notice->type = type;
	notice->dst = dst;
	strcpy(notice->name, name);
	return notice;
}

/* For whoever it matches. */
static struct kdbus_notice *kdbus_notice_for_all(const struct kdbus_bus *bus,
						 u64 type, const char *name)
{
	struct kdbus_notice *notice;

	notice = kdbus_notice_alloc(type, KDBUS_DST_ID_BROADCAST, name);
	if (!notice)
		kdbus_notify_lost(bus, KDBUS_DST_ID_BROADCAST, 0, 0, -ENOMEM);
	return notice;
}

/* What a monitor sees of a notice to somebody else. */
static void kdbus_notify_monitors(struct kdbus_conn *conn,
				  const struct kdbus_entry *entry, u64 seq)
{
	struct kdbus_notify n = { .bus = conn->bus, .msg = entry->msg,
				  .seq = seq };
	struct kdbus_conn *monitor;

	if (list_empty(&conn->bus->monitors))
		return;
	n.notice = kdbus_notice_alloc(entry->notify, conn->id, "");
	if (n.notice)
		n.notice->cookie = entry->cookie;
	list_for_each_entry(monitor, &conn->bus->monitors, monitor_node) {
		if (n.notice)
			kdbus_notify_one(monitor, &n);
		else
			kdbus_notify_lost(n.bus, monitor->id, n.msg,
					  entry->cookie, -ENOMEM);
	}
	kdbus_notice_put(n.notice);
}

/**
 * kdbus_notice_queue() - queue a notice
 * @conn:	the receiver, alive; the lock of its bus is held
 * @notice:	the notice, which is the queue's from now on
 * @type:	KDBUS_ITEM_REPLY_TIMEOUT or KDBUS_ITEM_REPLY_DEAD
 */
void kdbus_notice_queue(struct kdbus_conn *conn, struct kdbus_entry *notice,
			u64 type)
{
	u64 seq;

	lockdep_assert_held(&conn->bus->lock);

	notice->notify = type;
	kdbus_trace(notify_send, conn->bus->id, conn->id, notice->msg, type,
		    notice->cookie, 0, 0);
	seq = kdbus_bus_next_seq(conn->bus);
	kdbus_notify_monitors(conn, notice, seq);
	kdbus_conn_queue(conn, notice, seq);
	kdbus_conn_wake_later(conn);
}

/* @id and @name_id: the connection or the name it is about, or 0 */
static void kdbus_notify(struct kdbus_bus *bus, struct kdbus_notice *notice,
			 u64 id, u64 name_id)
{
	struct kdbus_notify n = {
		.bus = bus,
		.notice = notice,
		.msg = kdbus_message_new_id(),
	};

	lockdep_assert_held(&bus->lock);

	kdbus_trace(notify_send, bus->id, KDBUS_DST_ID_BROADCAST, n.msg,
		    notice->type, 0, id, name_id);
	kdbus_match_notice(bus, notice, n.msg, kdbus_notify_one, &n);
	kdbus_notice_put(notice);
}

/**
 * kdbus_notify_id() - tell that a connection has come or is gone
 * @conn:	the connection; the lock of its bus is held
 * @type:	KDBUS_ITEM_ID_ADD or KDBUS_ITEM_ID_REMOVE
 */
void kdbus_notify_id(struct kdbus_conn *conn, u64 type)
{
	struct kdbus_notice *notice;

	/* most buses have nobody who wants to hear */
	if ((conn->flags & KDBUS_HELLO_MONITOR) ||
	    !conn->bus->n_matches)
		return;
	notice = kdbus_notice_for_all(conn->bus, type, "");
	if (!notice)
		return;
	notice->id.id = conn->id;
	notice->id.flags = conn->flags;
	kdbus_notify(conn->bus, notice, conn->id, 0);
}

/**
 * kdbus_notify_name() - tell that a name has another owner
 * @bus:	the bus, its lock held
 * @n:		the name
 * @old:	id of the owner before, or 0
 * @old_flags:	flags it had the name with
 * @new:	id of the owner from now on, or 0
 * @new_flags:	flags it has the name with
 */
void kdbus_notify_name(struct kdbus_bus *bus,
		       const struct kdbus_name_entry *n, u64 old,
		       u64 old_flags, u64 new, u64 new_flags)
{
	u64 type = !old ? KDBUS_ITEM_NAME_ADD :
		   !new ? KDBUS_ITEM_NAME_REMOVE : KDBUS_ITEM_NAME_CHANGE;
	struct kdbus_notice *notice;

	if (!bus->n_matches)
		return;
	notice = kdbus_notice_for_all(bus, type, n->name);
	if (!notice)
		return;
	notice->old.id = old;
	notice->old.flags = old_flags;
	notice->new.id = new;
	notice->new.flags = new_flags;
	kdbus_notify(bus, notice, 0, n->id);
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
