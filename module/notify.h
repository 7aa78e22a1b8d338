/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: notices
 *
 * A notice is a message from the kernel: a header and one item. It enters the
 * queue without its text; the receiver writes that into the slice when it
 * receives or peeks.
 *
 * Notices about calls, REPLY_TIMEOUT and REPLY_DEAD, go to the requester. They
 * are made together with the call (call.h), slice included, and so cannot get
 * lost.
 *
 * Notices about connections and names, and what monitors see of those about
 * calls, go through the log of the bus. What happens adds one record there,
 * under the bus lock, in the step that the notice tells of and at a cost that
 * does not depend on its listeners. A connection listens if it has a match for
 * notices, or is a monitor. It catches up with the log, in pieces and at its
 * own cost, before it receives, polls, removes a match or ends: each record
 * that its matches select becomes an entry of its queue, at the place its
 * number says. For those that do none of this a worker does it, and so wakes
 * those that sleep. When all have caught up the record leaves the log.
 *
 * A broadcast with many receivers is in the log as well while its sender puts
 * the copies, which are ready, into their queues. A receiver that looks
 * meanwhile takes its own.
 *
 * Records are reserved together with the connection or the name they will be
 * about, so that nothing goes unheard because memory is short just then:
 * a command that needs more of them is refused. Entries are charged to the
 * receiver, never past a limit of its control group. Where there is no memory,
 * or where a receiver has too many notices queued, the notice is lost for it,
 * and a drop event says so.
 *
 * Records in the log count for the uid that has brought them. One that makes
 * them faster than they are told waits in HELLO and NAME_ACQUIRE.
 */
#ifndef KDBUS_NOTIFY_H
#define KDBUS_NOTIFY_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/kdbus.h>

#include "log.h"

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_entry;
struct kdbus_name_entry;
struct kdbus_user;

/**
 * struct kdbus_notice - something several hear of
 * @kref:	references
 * @record:	its place in the log of a bus, or among those that are reserved
 * @user:	user it was reserved by, referenced; counted while it is in a log
 * @msg:	trace id of the message
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
	struct kdbus_record record;
	struct kdbus_user *user;
	u64 msg;
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

struct kdbus_notice *kdbus_notice_new(struct kdbus_user *user,
				      const char *name);
void kdbus_notice_put(struct kdbus_notice *notice);
void kdbus_notices_free(struct list_head *notices);

struct kdbus_entry *kdbus_notice_new_reply(struct kdbus_conn *conn, u64 cookie);
void kdbus_notice_queue(struct kdbus_conn *conn, struct kdbus_entry *entry,
			u64 type);
void kdbus_notify_id(struct kdbus_conn *conn, struct kdbus_notice **notice,
		     u64 type);
void kdbus_notify_name(struct kdbus_bus *bus, struct kdbus_name_entry *n,
		       u64 old, u64 old_flags, u64 new, u64 new_flags);

int kdbus_notice_take_slice(struct kdbus_conn *conn, struct kdbus_entry *entry);
void kdbus_notice_leave_slice(struct kdbus_entry *entry);
int kdbus_notice_write(struct kdbus_conn *conn,
		       const struct kdbus_entry *entry);

#endif /* KDBUS_NOTIFY_H */
