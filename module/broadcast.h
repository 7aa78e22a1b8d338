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
 */
#ifndef KDBUS_BROADCAST_H
#define KDBUS_BROADCAST_H

#include <linux/types.h>

#include "match.h"
#include "tracepoints/kdbus_enums.h"

struct kdbus_bus;
struct kdbus_entry;
struct kdbus_message;

/**
 * struct kdbus_copies - a message for several
 * @to:		the receivers
 * @entries:	for each the entry; NULL if it has it, or why it goes without, as
 *		a pointer. NULL without memory: all go without
 */
struct kdbus_copies {
	struct kdbus_receivers to;
	struct kdbus_entry **entries;
};

int kdbus_receivers_gather(const struct kdbus_receivers *r,
			   struct kdbus_message *msg);
int kdbus_copies_fill(struct kdbus_copies *c, struct kdbus_message *msg);
unsigned int kdbus_copies_queue(struct kdbus_copies *c,
				const struct kdbus_message *msg, u64 seq);
void kdbus_monitors_queue(struct kdbus_copies *c,
			  const struct kdbus_message *msg, u64 seq);
void kdbus_copies_wake(struct kdbus_copies *c);
void kdbus_copies_release(struct kdbus_copies *c);

int kdbus_monitors_find(struct kdbus_bus *bus, struct kdbus_receivers *r,
			unsigned int *gen);
int kdbus_broadcast(struct kdbus_message *msg);

#endif /* KDBUS_BROADCAST_H */
