/* SPDX-License-Identifier: GPL-2.0 */
/* MSG_SEND: the way of a message from its sender into a queue; see send.c. */
#ifndef KDBUS_SEND_H
#define KDBUS_SEND_H

#include <linux/types.h>

#include "trace.h"

struct kdbus_charge;
struct kdbus_conn;
struct kdbus_entry;
struct kdbus_message;
struct kdbus_msg;

/* what a try returns when it has to be made again */
#define KDBUS_SEND_AGAIN 1

int kdbus_cmd_msg_send(struct kdbus_conn *conn, struct kdbus_msg __user *umsg);

/* what all kinds of messages have in common */
void kdbus_send_do_trace(const struct kdbus_message *msg, u64 dst,
			 u64 name_id, int ret);
struct kdbus_entry *kdbus_send_new_entry(const struct kdbus_message *msg,
					 struct kdbus_conn *to);
void kdbus_send_charge(const struct kdbus_message *msg,
		       const struct kdbus_conn *target,
		       struct kdbus_charge *charge);
int kdbus_send_check_src(const struct kdbus_message *msg);

/**
 * kdbus_send_trace() - say what became of a send
 * @msg:	the message
 * @dst:	the receiver, or 0 for the destination as it was addressed
 * @name_id:	id of the name it was addressed by, or 0
 * @ret:	0 or why it was refused
 */
static inline void kdbus_send_trace(const struct kdbus_message *msg, u64 dst,
				    u64 name_id, int ret)
{
	if (trace_kdbus_msg_send_enabled())
		kdbus_send_do_trace(msg, dst, name_id, ret);
}

#endif /* KDBUS_SEND_H */
