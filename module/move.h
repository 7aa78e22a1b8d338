/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: moving messages with a name
 *
 * What is queued for a name that an activator owns moves to the queue of the
 * connection that takes the name, and what a service has not received when it
 * gives the name up moves back. Nobody sees a state in between: messages and
 * name change hands in one step, under the bus lock.
 *
 * Since messages lie in pools, each gets a twin before: an entry with a slice
 * in the new pool, charged to the same sender, filled in without any lock.
 * The step that needs the move looks whether all messages have their twins;
 * if not, it is left, twins are made, and it is tried again. The connection
 * that has the messages receives nothing meanwhile. So what is queued there only
 * grows, until its senders have no more room, and this comes to an end. Twins
 * hang on the entries they will replace; those that are not needed in the end,
 * because the step fails or the name goes another way, are taken down again.
 *
 * bus->move_lock lets one task at a time do this; it is outside the bus lock.
 * The connection that is held, and those that twins were made for, end only
 * after that, so none of the twins becomes useless because an activator comes
 * and goes. A message that cannot get a twin is lost when the others move; its
 * requester is told. One that has none stays where it is: a RECV had it in hand
 * and puts it back meanwhile, or a flood for several names outlasted
 * KDBUS_MOVE_TURNS.
 */
#ifndef KDBUS_MOVE_H
#define KDBUS_MOVE_H

#include <linux/list.h>
#include <linux/types.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_entry;

/* what a step returns that needs bus->move_lock, or twins, first */
#define KDBUS_MOVE_NEEDED 1

/*
 * how often twins are made for another name than before: each time its queue is
 * looked through from the beginning
 */
#define KDBUS_MOVE_TURNS 256

/**
 * struct kdbus_move - messages that move from one connection
 * @is_locked:	bus->move_lock is held
 * @from:	where they are, referenced and held; NULL at first
 * @to:		where those go that need twins now
 * @name_id:	the name that they are for
 * @turns:	how often it was another one than before
 * @last:	message for it in the queue of @from that got a twin last, or NULL
 * @receivers:	all connections twins were made for, by their move_node,
 *		referenced
 * @moved:	entries whose twins are queued now
 * @lost:	entries that could not have one; in place of it there is the error
 * @unused:	twins that are not needed
 */
struct kdbus_move {
	bool is_locked;
	struct kdbus_conn *from;
	struct kdbus_conn *to;
	u64 name_id;
	unsigned int turns;
	struct kdbus_entry *last;
	struct list_head receivers;
	struct list_head moved;
	struct list_head lost;
	struct list_head unused;
};

int kdbus_move_run(struct kdbus_bus *bus,
		   int (*step)(void *arg, struct kdbus_move *move), void *arg);
bool kdbus_move_concerns(const struct kdbus_conn *conn);
int kdbus_move_check(struct kdbus_conn *from, struct kdbus_conn *to,
		     u64 name_id, struct kdbus_move *move);
void kdbus_move_commit(struct kdbus_conn *from, struct kdbus_conn *to,
		       u64 name_id, struct kdbus_move *move);
void kdbus_move_forget(struct kdbus_conn *from, struct kdbus_move *move);

#endif /* KDBUS_MOVE_H */
