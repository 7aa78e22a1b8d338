/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: notices
 *
 * A notice is a message from the kernel: a header and one item. It enters the
 * queue without its text, under the bus lock and in the step that it tells
 * of; the receiver writes the text into the slice when it receives or peeks.
 *
 * Notices about calls, REPLY_TIMEOUT and REPLY_DEAD, go to one receiver. They
 * are made together with the call (call.h), slice included, and so cannot
 * get lost.
 *
 * Monitors see them too. Those about connections and names go to whom they
 * match. What happens is written down once, in a struct kdbus_notice that all
 * receivers share; what each has queued is an entry without slice, which takes
 * nothing from its pool until it is received. Both are allocated under the bus lock, but without
 * waiting for memory. Where there is none, or where a receiver has too many
 * notices queued, the notice is lost for it, and a drop event says so.
 */
#ifndef KDBUS_NOTIFY_H
#define KDBUS_NOTIFY_H

#include <linux/kref.h>
#include <linux/types.h>
#include <linux/kdbus.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_entry;
struct kdbus_name_entry;
struct kdbus_slice;

/**
 * struct kdbus_notice - something several hear of
 * @kref:	references
 * @type:	type of the item
 * @dst:	whom it is for: everybody, or one of whom monitors see it too
 * @cookie:	REPLY_*: cookie of the request
 * @id:		ID_*: the connection
 * @old:	NAME_*: the owner before, or zeros
 * @new:	NAME_*: the owner afterwards, or zeros
 * @name:	NAME_*: the name; else ""
 */
struct kdbus_notice {
	struct kref kref;
	u64 type;
	u64 dst;
	u64 cookie;
	union {
		struct kdbus_notify_id_change id;
		struct {
			struct kdbus_notify_id_change old;
			struct kdbus_notify_id_change new;
		};
	};
	char name[];
};

struct kdbus_entry *kdbus_notice_new(struct kdbus_conn *conn, u64 cookie);
void kdbus_notice_queue(struct kdbus_conn *conn, struct kdbus_entry *notice,
			u64 type);
void kdbus_notice_put(struct kdbus_notice *notice);

void kdbus_notify_id(struct kdbus_conn *conn, u64 type);
void kdbus_notify_name(struct kdbus_bus *bus,
		       const struct kdbus_name_entry *n, u64 old,
		       u64 old_flags, u64 new, u64 new_flags);

int kdbus_notice_take_slice(struct kdbus_conn *conn, struct kdbus_entry *entry);
void kdbus_notice_leave_slice(struct kdbus_entry *entry);
int kdbus_notice_write(struct kdbus_conn *conn,
		       const struct kdbus_entry *entry);

#endif /* KDBUS_NOTIFY_H */
