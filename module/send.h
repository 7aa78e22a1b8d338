/* SPDX-License-Identifier: GPL-2.0 */
/* MSG_SEND: the way of a message from its sender into a queue; see send.c. */
#ifndef KDBUS_SEND_H
#define KDBUS_SEND_H

struct kdbus_conn;
struct kdbus_msg;

int kdbus_cmd_msg_send(struct kdbus_conn *conn, struct kdbus_msg __user *umsg);

#endif /* KDBUS_SEND_H */
