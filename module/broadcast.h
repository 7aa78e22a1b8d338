/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: copies
 *
 * A message that several connections get: a broadcast, or what monitors see
 * of a message to somebody else. Its sender's memory is read once: a broadcast
 * is copied to the kernel, monitors get what was written to the target's
 * slice. Each receiver has an entry of its own, made ready before the commit,
 * queued in it, all under one number. Who cannot get it goes without: that
 * fails neither the message nor the other receivers, and a drop event says so.
 *
 * A broadcast can have thousands of receivers. Those beyond the first few get it
 * in batches after the commit; until they have it the copies are in the log of
 * the bus, see notify.h, where a receiver finds its own before it takes what came
 * later.
 */
#ifndef KDBUS_BROADCAST_H
#define KDBUS_BROADCAST_H

#include <linux/types.h>

#include "log.h"
#include "match.h"
#include "tracepoints/kdbus_enums.h"

struct kdbus_bus;
struct kdbus_entry;
struct kdbus_message;

/**
 * struct kdbus_copies - a message for several
 * @to:		the receivers
 * @entries:	for each the entry, or why it goes without, as a pointer; NULL
 *		when it has it or has lost it. NULL without memory: all go without
 * @msg:	the message
 * @record:	place in the log of the bus
 * @before:	number of the record that was the last one before
 */
struct kdbus_copies {
	struct kdbus_receivers to;
	struct kdbus_entry **entries;
	const struct kdbus_message *msg;
	struct kdbus_record record;
	u64 before;
};

int kdbus_receivers_gather(const struct kdbus_receivers *r,
			   struct kdbus_message *msg);
int kdbus_copies_fill(struct kdbus_copies *c, struct kdbus_message *msg);
unsigned int kdbus_copies_take(struct kdbus_copies *c, struct kdbus_conn *conn);
void kdbus_monitors_queue(struct kdbus_copies *c,
			  const struct kdbus_message *msg, u64 seq);
void kdbus_copies_wake(struct kdbus_copies *c);
void kdbus_copies_release(struct kdbus_copies *c);

int kdbus_monitors_find(struct kdbus_bus *bus, struct kdbus_receivers *r,
			unsigned int *gen);
int kdbus_broadcast(struct kdbus_message *msg);

#endif /* KDBUS_BROADCAST_H */
