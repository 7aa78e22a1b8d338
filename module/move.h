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
 * if not, it is left, twins are made, and it is tried again. Twins hang on the
 * entries they will replace, and go with them; those that are not needed in the
 * end, because the step fails or the name goes another way, are taken down
 * again. Messages that come meanwhile get theirs in the next round, for
 * KDBUS_MOVE_ROUNDS rounds of each name: a flood of one name takes nothing from
 * another. Each task has as many once more for names that had theirs already,
 * so that what others began and gave up takes nothing from it either.
 *
 * bus->move_lock lets one task at a time make twins and then try its step; it
 * is outside the bus lock. A message that cannot get a twin is lost when the
 * others move; its requester is told. One that has none because it was not
 * there when twins were made (a RECV had it and put it back, or a flood
 * outlasted the rounds) stays where it is.
 */
#ifndef KDBUS_MOVE_H
#define KDBUS_MOVE_H

#include <linux/list.h>
#include <linux/types.h>

struct kdbus_bus;
struct kdbus_conn;

/* what a step returns that needs twins first */
#define KDBUS_MOVE_NEEDED 1

/*
 * how often it may do so for a name before that has another owner, and in one
 * kdbus_move_run() after that; a flood of messages delays nobody for ever
 */
#define KDBUS_MOVE_ROUNDS 64

/* how many twins a round makes: what is received meanwhile leaves room for more */
#define KDBUS_MOVE_TWINS 4096

/**
 * struct kdbus_move - messages for a name, from one connection to another
 * @from:	where they are, referenced while twins are made
 * @to:		where they go, referenced likewise
 * @name_id:	the name
 * @run:	number of this kdbus_move_run(): who had no twin in an earlier
 *		one may get one now
 * @rounds:	how often twins were made for names that had their rounds
 * @moved:	entries whose twins are queued now
 * @lost:	entries that had none
 */
struct kdbus_move {
	struct kdbus_conn *from;
	struct kdbus_conn *to;
	u64 name_id;
	u64 run;
	unsigned int rounds;
	struct list_head moved;
	struct list_head lost;
};

int kdbus_move_run(struct kdbus_bus *bus,
		   int (*step)(void *arg, struct kdbus_move *move), void *arg);
int kdbus_move_check(struct kdbus_conn *from, struct kdbus_conn *to,
		     u64 name_id, unsigned int *rounds,
		     struct kdbus_move *move);
void kdbus_move_commit(struct kdbus_conn *from, struct kdbus_conn *to,
		       u64 name_id, struct kdbus_move *move);

#endif /* KDBUS_MOVE_H */
