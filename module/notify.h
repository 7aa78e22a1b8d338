/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: notices
 *
 * A notice is a message from the kernel: a header and one item. The notices
 * about calls, REPLY_TIMEOUT and REPLY_DEAD, go to one receiver and are made
 * together with the call (call.h). They enter the queue without their text,
 * under the bus lock, and the receiver writes it into the slice when it
 * receives or peeks.
 */
#ifndef KDBUS_NOTIFY_H
#define KDBUS_NOTIFY_H

#include <linux/types.h>

struct kdbus_conn;
struct kdbus_entry;
struct kdbus_slice;

struct kdbus_entry *kdbus_notice_new(struct kdbus_conn *conn, u64 cookie);
void kdbus_notice_queue(struct kdbus_conn *conn, struct kdbus_entry *notice,
			u64 type);
int kdbus_notice_write(struct kdbus_conn *conn, struct kdbus_slice *slice,
		       u64 type, u64 cookie);

#endif /* KDBUS_NOTIFY_H */
