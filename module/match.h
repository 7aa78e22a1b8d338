/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: matches
 *
 * A match selects broadcasts and notifications for the connection that has
 * installed it: all its rules have to hold. A rule is an item of MATCH_ADD,
 * kept as it came, since it was checked then.
 *
 * All matches of a bus that can select broadcasts are in one table, by what has
 * to be the case for them to hold at all: the id of the sender, a name it has to
 * own, or just that it is a broadcast. It is compared only with the matches
 * under its own keys, so others cost nothing. With notifications each connection
 * compares its own matches, see notify.h.
 *
 * The table changes under the bus's match_sem for writing and, inside of it,
 * the bus lock, and is read under either: broadcasts, which may have to be
 * compared with many matches, do not hold up the bus. They take its lock for
 * one match at a time, to look whether somebody in a sandbox may know the names
 * in it. The matches of a dead connection stay in the table for a moment.
 */
#ifndef KDBUS_MATCH_H
#define KDBUS_MATCH_H

#include <linux/types.h>
#include <linux/kdbus.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_message;
struct kdbus_notice;

/**
 * struct kdbus_receivers - connections that an event matches
 * @conns:	those, referenced
 * @n:		how many
 * @room:	how many there is room for
 * @tried:	matches that were compared
 */
struct kdbus_receivers {
	struct kdbus_conn **conns;
	unsigned int n;
	unsigned int room;
	unsigned int tried;
};

int kdbus_cmd_match_add(struct kdbus_conn *conn, void __user *argp);
int kdbus_cmd_match_remove(struct kdbus_conn *conn, void __user *argp);
void kdbus_matches_remove_all(struct kdbus_conn *conn);

int kdbus_match_message(struct kdbus_bus *bus,
			const struct kdbus_message *msg,
			struct kdbus_receivers *r);
void kdbus_receivers_release(struct kdbus_receivers *r);
bool kdbus_match_notice(const struct kdbus_conn *conn,
			const struct kdbus_notice *notice,
			unsigned int *tried);

#endif /* KDBUS_MATCH_H */
