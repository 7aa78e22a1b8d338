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
#include "message.h"
#include "notify.h"
#include "pool.h"
#include "queue.h"
#include "trace.h"

/* an item without payload behind a header */
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

	entry = kdbus_entry_new(msg);
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

/**
 * kdbus_notice_queue() - queue a notice
 * @conn:	the receiver, alive; the lock of its bus is held
 * @notice:	the notice, which is the queue's from now on
 * @type:	KDBUS_ITEM_REPLY_TIMEOUT or KDBUS_ITEM_REPLY_DEAD
 *
 * Wakes the receiver: these are rare, and nobody else waits for the lock long.
 */
void kdbus_notice_queue(struct kdbus_conn *conn, struct kdbus_entry *notice,
			u64 type)
{
	lockdep_assert_held(&conn->bus->lock);

	notice->notify = type;
	trace_kdbus_notify_send(conn->bus->id, conn->id, notice->msg, type,
				notice->cookie);
	kdbus_conn_queue(conn, notice);
	kdbus_conn_wake(conn);
}

/**
 * kdbus_notice_write() - write a notice's text into its slice
 * @conn:	the receiver, which is current's
 * @slice:	the slice, pinned
 * @type:	type of the item
 * @cookie:	cookie of the request
 *
 * Return: 0 or a negative errno of getting the page.
 */
int kdbus_notice_write(struct kdbus_conn *conn, struct kdbus_slice *slice,
		       u64 type, u64 cookie)
{
	struct kdbus_notice_text text = {
		.msg = {
			.size = sizeof(text),
			.dst_id = conn->id,
			.src_id = KDBUS_SRC_ID_KERNEL,
			.payload_type = KDBUS_PAYLOAD_KERNEL,
			.cookie_reply = cookie,
		},
		.item_size = KDBUS_ITEM_HEADER_SIZE,
		.item_type = type,
	};
	struct kdbus_pool_writer w;
	int ret;

	kdbus_pool_writer_init(&w, slice, 0);
	ret = kdbus_pool_write(&w, &text, sizeof(text));
	kdbus_pool_writer_end(&w);
	return ret;
}
