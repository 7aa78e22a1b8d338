/* SPDX-License-Identifier: GPL-2.0 */
/* NAME_LIST: who is on the bus, as one consistent picture; see list.c. */
#ifndef KDBUS_LIST_H
#define KDBUS_LIST_H

struct kdbus_cmd_name_list;
struct kdbus_conn;

int kdbus_cmd_name_list(struct kdbus_conn *conn,
			struct kdbus_cmd_name_list __user *ucmd);

#endif /* KDBUS_LIST_H */
