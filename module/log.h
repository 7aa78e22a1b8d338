/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The log of a bus: notices and large broadcasts not in all their queues yet.
 * How it works is told in notify.h.
 *
 * The log and the list of listeners are guarded by the bus lock. A connection
 * has heard of all records up to number @heard; records leave the log in their
 * order, when all listeners have heard of them.
 */
#ifndef KDBUS_LOG_H
#define KDBUS_LOG_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_copies;
struct kdbus_notice;
struct kdbus_user;

/**
 * struct kdbus_record - something in a log
 * @node:	link in the log
 * @seq:	its number in the order of the domain
 * @copies:	a broadcast's copies, while its sender queues them; NULL for a
 *		notice, which the record is part of
 */
struct kdbus_record {
	struct list_head node;
	u64 seq;
	struct kdbus_copies *copies;
};

/**
 * struct kdbus_log - what has happened on a bus and not everybody has heard of
 * @records:	struct kdbus_record, by number
 * @last:	number of the last one there was; written under the bus lock
 * @listeners:	connections that listen
 * @n_listeners: how many of them hear of names and connections
 * @mark:	in @listeners, behind the one the worker has been to
 * @work:	tells those that do not ask
 */
struct kdbus_log {
	struct list_head records;
	u64 last;
	struct list_head listeners;
	unsigned int n_listeners;
	struct list_head mark;
	struct work_struct work;
};

/* what a connection listens to, as a set: kinds of notices, and broadcasts */
#define KDBUS_LISTENS_TO(type)	BIT((type) - _KDBUS_ITEM_KERNEL_BASE)
#define KDBUS_LISTENS_TO_ALL	(KDBUS_LISTENS_TO(KDBUS_ITEM_REPLY_TIMEOUT) - 1)
#define KDBUS_LISTENS_TO_CALLS	(KDBUS_LISTENS_TO(KDBUS_ITEM_REPLY_TIMEOUT) | \
				 KDBUS_LISTENS_TO(KDBUS_ITEM_REPLY_DEAD))
#define KDBUS_LISTENS_TO_MSGS	BIT(31)

void kdbus_log_init(struct kdbus_bus *bus);
int kdbus_log_wait(struct kdbus_user *user);
void kdbus_log_add(struct kdbus_bus *bus, struct kdbus_notice *notice, u64 seq);
void kdbus_log_listen(struct kdbus_conn *conn, unsigned int kinds);
void kdbus_log_add_copies(struct kdbus_bus *bus, struct kdbus_copies *copies);
void kdbus_log_has_copy(struct kdbus_conn *conn,
			const struct kdbus_copies *copies);
bool kdbus_log_has_news(const struct kdbus_conn *conn);
void kdbus_log_catch_up(struct kdbus_conn *conn);

#endif /* KDBUS_LOG_H */
