/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: well-known names
 *
 * A name exists while a connection owns it. Others may wait for it in line.
 * An activator owns its name whenever nobody else does: what is sent to the
 * name waits there until a service takes the name, and the messages with it
 * (move.h).
 * Ownership and line change under the bus lock; looking up an owner needs
 * RCU alone, and what was found is checked again when a message is committed.
 *
 * A connection, and its uid, is charged for a name before it owns or waits for
 * it, and once for either: who moves from waiting to owning, or back, stays
 * charged. An activator is charged once for as long as it is one.
 */
#ifndef KDBUS_NAMES_H
#define KDBUS_NAMES_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct kdbus_bus;
struct kdbus_cmd_name;
struct kdbus_conn;
struct kdbus_item_writer;
struct kdbus_move;

/**
 * struct kdbus_name_entry - a well-known name
 * @hash_node:	link in the bus's table
 * @rcu:	frees it after readers of the table
 * @hash:	kdbus_name_hash() of @name
 * @id:		id of this life of the name, per bus
 * @flags:	ALLOW_REPLACEMENT and QUEUE as its owner gave them, or ACTIVATOR
 * @activator:	who has it when nobody else does, or NULL; bus->lock
 * @owner:	who owns it; alive. bus->lock, read under RCU
 * @owner_node:	link in the owner's list
 * @waiters:	who waits for it, in order; nobody while its activator owns it
 * @notices:	records of what may happen to it: one each for its owner, for each
 *		waiter, and for an activator that does not own it
 * @n_notices:	how many there are; bus->lock
 * @n_waiters:	how many wait
 * @name:	the name
 */
struct kdbus_name_entry {
	struct hlist_node hash_node;
	struct rcu_head rcu;
	unsigned int hash;
	u64 id;
	u64 flags;
	struct kdbus_conn *activator;
	struct kdbus_conn __rcu *owner;
	struct list_head owner_node;
	struct list_head waiters;
	struct list_head notices;
	unsigned int n_notices;
	unsigned int n_waiters;
	char name[];
};

/**
 * struct kdbus_name_waiter - a connection in line for a name
 * @name_node:	link in the name's line
 * @conn_node:	link in the connection's list
 * @name:	the name
 * @conn:	the connection, alive
 * @flags:	flags it will own the name with
 */
struct kdbus_name_waiter {
	struct list_head name_node;
	struct list_head conn_node;
	struct kdbus_name_entry *name;
	struct kdbus_conn *conn;
	u64 flags;
};

unsigned int kdbus_name_hash(const struct kdbus_bus *bus, const char *name);
struct kdbus_conn *kdbus_name_get_owner(struct kdbus_bus *bus,
					const char *name, unsigned int hash);
bool kdbus_name_owned_by(const struct kdbus_bus *bus, const char *name,
			 const struct kdbus_conn *conn);
u64 kdbus_name_owner_id(struct kdbus_bus *bus, const char *name,
			unsigned int hash, const struct kdbus_conn *conn);
void kdbus_names_write(const struct kdbus_conn *conn,
		       const struct kdbus_conn *to,
		       struct kdbus_item_writer *w, u64 *gen);

int kdbus_name_charge(struct kdbus_conn *conn);
void kdbus_name_uncharge(struct kdbus_conn *conn);
struct kdbus_name_entry *kdbus_name_entry_new(const struct kdbus_bus *bus,
					      const char *name);
bool kdbus_name_has_activator(struct kdbus_bus *bus, const char *name);
void kdbus_name_add_activator(struct kdbus_conn *conn,
			      struct kdbus_name_entry **new,
			      struct list_head *notices);
int kdbus_name_reserve_notices(const struct kdbus_conn *conn, const char *name,
			       struct list_head *notices);
struct kdbus_notice *kdbus_name_take_notice(struct kdbus_name_entry *n);
int kdbus_cmd_name_acquire(struct kdbus_conn *conn,
			   struct kdbus_cmd_name __user *ucmd);
int kdbus_cmd_name_release(struct kdbus_conn *conn,
			   struct kdbus_cmd_name __user *ucmd);
int kdbus_names_check_moves(struct kdbus_conn *conn, struct kdbus_move *move);
void kdbus_names_release_all(struct kdbus_conn *conn, struct kdbus_move *move);

#endif /* KDBUS_NAMES_H */
