/* SPDX-License-Identifier: GPL-2.0 */
/* MSG_RECV: the way of a message from a queue to its receiver; see recv.c. */
#ifndef KDBUS_RECV_H
#define KDBUS_RECV_H

#include <linux/types.h>

struct kdbus_cmd_recv;
struct kdbus_conn;
struct kdbus_entry;

int kdbus_cmd_msg_recv(struct kdbus_conn *conn,
		       struct kdbus_cmd_recv __user *ucmd);
int kdbus_recv_hand_out(struct kdbus_conn *conn, struct kdbus_entry *entry,
			u64 flags, u64 __user *offset);

#endif /* KDBUS_RECV_H */
