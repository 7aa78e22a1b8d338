/* SPDX-License-Identifier: GPL-2.0 */
/* MSG_SEND: the way of a message from its sender into a queue; see send.c. */
#ifndef KDBUS_SEND_H
#define KDBUS_SEND_H

#include <linux/types.h>

struct kdbus_charge;
struct kdbus_conn;
struct kdbus_entry;
struct kdbus_message;
struct kdbus_msg;

/* what a try returns when it has to be made again */
#define KDBUS_SEND_AGAIN 1

int kdbus_cmd_msg_send(struct kdbus_conn *conn, struct kdbus_msg __user *umsg);

/* what all kinds of messages have in common */
void kdbus_send_trace(const struct kdbus_message *msg, u64 dst, u64 name_id,
		      int ret);
struct kdbus_entry *kdbus_send_new_entry(const struct kdbus_message *msg);
void kdbus_send_charge(const struct kdbus_message *msg,
		       const struct kdbus_conn *target,
		       struct kdbus_charge *charge);
int kdbus_send_check_src(const struct kdbus_message *msg);

#endif /* KDBUS_SEND_H */
