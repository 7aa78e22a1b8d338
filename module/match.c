// SPDX-License-Identifier: GPL-2.0
/*
 * Matches: installing, removing, and finding whom an event matches. Rules
 * and locking: see match.h.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "bus.h"
#include "connection.h"
#include "endpoint.h"
#include "item.h"
#include "limits.h"
#include "log.h"
#include "match.h"
#include "message.h"
#include "names.h"
#include "notify.h"
#include "policy.h"
#include "trace.h"

/* what a key stands for; the kinds of notices are item types */
#define KDBUS_MATCH_ALL		1	/* every event */
#define KDBUS_MATCH_MSG		2	/* messages: any, or of one sender */
#define KDBUS_MATCH_MSG_NAME	3	/* messages of the owner of a name */

/* second half of a key: whatever it is */
#define KDBUS_MATCH_ANY		(~0ULL)

/**
 * struct kdbus_match_key - where in the table a match is
 * @kind:	see above; 0 for a match that can never hold. Only those that can
 *		select messages are there.
 * @value:	id, or hash of a name, or KDBUS_MATCH_ANY
 */
struct kdbus_match_key {
	u64 kind;
	u64 value;
};

/**
 * struct kdbus_match - what a connection wants to hear of
 * @node:	link in the bus's table
 * @list:	link in the connection's list
 * @conn:	the connection; alive
 * @cookie:	what it is removed by
 * @since:	number of the last notice that came too early for it
 * @listens:	what it can select, as a set of KDBUS_LISTENS_TO()
 * @key:	where it is in the table
 * @id:		of notices: id that has come or is gone, or owned the name before; or
 *		KDBUS_MATCH_ID_ANY
 * @new_id:	likewise: id that owns the name now
 * @name:	likewise: the name, in @rules, or NULL for any
 * @size:	bytes of @rules
 * @rules:	items
 */
struct kdbus_match {
	struct hlist_node node;
	struct list_head list;
	struct kdbus_conn *conn;
	u64 cookie;
	u64 since;
	unsigned int listens;
	struct kdbus_match_key key;
	u64 id;
	u64 new_id;
	const char *name;
	size_t size;
	u64 rules[];
};

#define kdbus_match_for_each_rule(match, items, item)			\
	for (kdbus_items_init(&(items), (match)->rules, 0, (match)->size);\
	     kdbus_items_next(&(items), &(item)) > 0;)

static u64 kdbus_match_hash(const struct kdbus_match_key *key)
{
	return (key->kind << 56) ^ key->value;
}

/* ---- installing ------------------------------------------------------- */

static size_t kdbus_match_name_payload(const struct kdbus_item *item)
{
	return kdbus_item_payload(item) - sizeof(item->name_change);
}

/* A name behind a NAME_* rule, or NULL for any name. */
static const char *kdbus_rule_name(const struct kdbus_item *item)
{
	/* of name_change.name the compiler believes that it is empty */
	return kdbus_match_name_payload(item) ?
	       item->str + sizeof(item->name_change) : NULL;
}

static int kdbus_rule_check_name_change(const struct kdbus_item *item)
{
	if (kdbus_item_payload(item) < sizeof(item->name_change))
		return -EINVAL;
	return !kdbus_rule_name(item) || kdbus_item_is_string(item) ? 0 :
								      -EINVAL;
}

static int kdbus_rule_check(const struct kdbus_bus *bus,
			    const struct kdbus_item *item)
{
	size_t size = kdbus_item_payload(item);

	switch (item->type) {
	case KDBUS_ITEM_BLOOM_MASK:
		return size % bus->bloom.size ? -EDOM : 0;
	case KDBUS_ITEM_NAME:
		return kdbus_item_is_string(item) ? 0 : -EINVAL;
	case KDBUS_ITEM_ID:
		return size == sizeof(item->id) ? 0 : -EINVAL;
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		return kdbus_rule_check_name_change(item);
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		return size == sizeof(item->id_change) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/*
 * A name in a rule can be any string: D-Bus clients of 2014 put the value of
 * arg0 there. A rule with a string that no connection can own never holds.
 */
static void kdbus_rule_set_name(const struct kdbus_bus *bus,
				struct kdbus_match_key *key, const char *name)
{
	if (kdbus_name_is_valid(name, false))
		key->value = kdbus_name_hash(bus, name);
	else
		key->kind = 0;
}

/* The key a rule asks for; of kind 0 if the rule can never hold. */
static struct kdbus_match_key kdbus_rule_key(const struct kdbus_bus *bus,
					     const struct kdbus_item *item)
{
	struct kdbus_match_key key = { KDBUS_MATCH_MSG, KDBUS_MATCH_ANY };

	switch (item->type) {
	case KDBUS_ITEM_BLOOM_MASK:
		break;
	case KDBUS_ITEM_ID:
		key.value = item->id;
		break;
	case KDBUS_ITEM_NAME:
		key.kind = KDBUS_MATCH_MSG_NAME;
		kdbus_rule_set_name(bus, &key, item->str);
		break;
	default:
		key.kind = item->type;
	}
	return key;
}

static bool kdbus_match_kind_is_msg(u64 kind)
{
	return kind == KDBUS_MATCH_MSG || kind == KDBUS_MATCH_MSG_NAME;
}

/* Takes what one more rule wants of an id; false if no id can be both. */
static bool kdbus_match_fold_id(u64 *wanted, u64 id)
{
	if (*wanted == KDBUS_MATCH_ID_ANY)
		*wanted = id;
	return id == KDBUS_MATCH_ID_ANY || *wanted == id;
}

/*
 * Takes what one more rule wants of a notice: however many there are, they are
 * compared as one. False if they cannot hold together.
 */
static bool kdbus_match_fold(struct kdbus_match *match,
			     const struct kdbus_item *item)
{
	const char *name;

	if (item->type == KDBUS_ITEM_ID_ADD || item->type == KDBUS_ITEM_ID_REMOVE)
		return kdbus_match_fold_id(&match->id, item->id_change.id);
	name = kdbus_rule_name(item);
	if (name && !match->name)
		match->name = name;
	return kdbus_match_fold_id(&match->id, item->name_change.old.id) &&
	       kdbus_match_fold_id(&match->new_id, item->name_change.new.id) &&
	       (!name || !strcmp(match->name, name));
}

/*
 * A match is entered under the most telling of its rules. Rules about
 * messages and about notifications exclude each other, and so do those about
 * different kinds of notifications.
 */
static void kdbus_match_set_key(struct kdbus_match *match)
{
	const struct kdbus_bus *bus = match->conn->bus;
	const struct kdbus_item *item;
	struct kdbus_match_key key;
	struct kdbus_items items;

	match->key.kind = KDBUS_MATCH_ALL;
	match->key.value = KDBUS_MATCH_ANY;
	match->id = match->new_id = KDBUS_MATCH_ID_ANY;
	kdbus_match_for_each_rule(match, items, item) {
		key = kdbus_rule_key(bus, item);
		if (key.kind >= _KDBUS_ITEM_KERNEL_BASE &&
		    !kdbus_match_fold(match, item)) {
			match->key.kind = 0;
			return;
		}
		if (match->key.kind == KDBUS_MATCH_ALL) {
			match->key = key;
		} else if (key.kind != match->key.kind &&
			   !(kdbus_match_kind_is_msg(key.kind) &&
			     kdbus_match_kind_is_msg(match->key.kind))) {
			match->key.kind = 0;
			return;
		} else if (match->key.value == KDBUS_MATCH_ANY) {
			match->key = key;
		}
	}
}

/* What a match of some kind can select, as a set of KDBUS_LISTENS_TO(). */
static unsigned int kdbus_match_listens(u64 kind)
{
	if (kind == KDBUS_MATCH_ALL)
		return KDBUS_LISTENS_TO_ALL | KDBUS_LISTENS_TO_MSGS;
	if (kdbus_match_kind_is_msg(kind))
		return KDBUS_LISTENS_TO_MSGS;
	return kind ? KDBUS_LISTENS_TO(kind) : 0;
}

/* Whether a match can select messages, and so is in the table. */
static bool kdbus_match_selects_msgs(const struct kdbus_match *match)
{
	return match->listens & KDBUS_LISTENS_TO_MSGS;
}

static struct kdbus_match *kdbus_match_new(struct kdbus_conn *conn,
					   const struct kdbus_cmd_match *cmd)
{
	size_t size = cmd->size - sizeof(*cmd);
	const struct kdbus_item *item;
	struct kdbus_match *match;
	struct kdbus_items items;
	int ret;

	match = kvzalloc(sizeof(*match) + ALIGN(size, 8), GFP_KERNEL_ACCOUNT);
	if (!match)
		return ERR_PTR(-ENOMEM);
	match->conn = conn;
	match->cookie = cmd->cookie;
	match->size = size;
	memcpy(match->rules, cmd->items, size);

	kdbus_items_init(&items, match->rules, 0, size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		ret = kdbus_rule_check(conn->bus, item);
		if (ret < 0)
			break;
	}
	if (ret < 0) {
		kvfree(match);
		return ERR_PTR(ret);
	}
	kdbus_match_set_key(match);
	match->listens = kdbus_match_listens(match->key.kind);
	return match;
}

static int kdbus_match_link(struct kdbus_conn *conn, struct kdbus_match *match)
{
	unsigned int max = READ_ONCE(kdbus_max_matches_per_bus);
	struct kdbus_bus *bus = conn->bus;
	int ret = -ECONNRESET;

	down_write(&bus->match_sem);
	kdbus_bus_lock(bus);
	if (!conn->dead && bus->n_matches >= max) {
		ret = -EMFILE;
		kdbus_trace(quota_refuse, bus->id, 0, conn->id,
			    __kuid_val(conn->owner->uid),
			    KDBUS_QUOTA_BUS_MATCHES, 1, bus->n_matches, max,
			    ret, 0);
	} else if (!conn->dead) {
		list_add_tail(&match->list, &conn->matches);
		if (kdbus_match_selects_msgs(match))
			hash_add(bus->matches, &match->node,
				 kdbus_match_hash(&match->key));
		match->since = bus->log.last;
		kdbus_log_listen(conn, conn->listens | match->listens);
		bus->n_matches++;
		kdbus_trace(match_add, bus->id, conn->id, match->cookie,
			    match->size);
		ret = 0;
	}
	kdbus_bus_unlock(bus);
	up_write(&bus->match_sem);
	return ret;
}

static unsigned int kdbus_match_bytes(const struct kdbus_match *match)
{
	return sizeof(*match) + match->size;
}

static void kdbus_match_uncharge(const struct kdbus_match *match)
{
	struct kdbus_conn *conn = match->conn;

	atomic_dec(&conn->n_matches);
	kdbus_user_uncharge(conn->owner, KDBUS_COUNT_MATCH_BYTES,
			    kdbus_match_bytes(match));
}

static void kdbus_match_refuse(const struct kdbus_conn *conn, u64 bounded,
			       kuid_t uid, enum kdbus_quota_kind kind,
			       u64 asked, const atomic_t *used, u64 limit)
{
	kdbus_trace(quota_refuse, conn->bus->id, bounded, conn->id,
		    __kuid_val(uid), kind, asked, atomic_read(used), limit,
		    -EMFILE, 0);
}

/* Counts a match for its connection, and its bytes for the uid. */
static int kdbus_match_charge(const struct kdbus_match *match)
{
	unsigned int max = READ_ONCE(kdbus_max_matches_per_conn);
	unsigned int max_bytes = READ_ONCE(kdbus_max_match_bytes_per_user);
	unsigned int bytes = kdbus_match_bytes(match);
	struct kdbus_conn *conn = match->conn;
	const struct kdbus_user *full;
	int ret;

	ret = kdbus_count_charge(&conn->n_matches, 1, max, -EMFILE);
	if (ret < 0) {
		kdbus_match_refuse(conn, conn->id, conn->owner->uid,
				   KDBUS_QUOTA_MATCHES, 1, &conn->n_matches,
				   max);
		return ret;
	}
	full = kdbus_user_charge(conn->owner, KDBUS_COUNT_MATCH_BYTES, bytes,
				 max_bytes);
	if (!full)
		return 0;
	kdbus_match_refuse(conn, 0, full->uid, KDBUS_QUOTA_MATCH_BYTES, bytes,
			   &full->counts[KDBUS_COUNT_MATCH_BYTES], max_bytes);
	atomic_dec(&conn->n_matches);
	return -EMFILE;
}

/**
 * kdbus_cmd_match_add() - KDBUS_CMD_MATCH_ADD
 * @conn:	who wants to hear of something, current's
 * @argp:	struct kdbus_cmd_match of the caller
 *
 * Return: 0, -EFAULT, -EINVAL, -EMSGSIZE, -ENOMEM, -EDOM, -ECONNRESET; or
 * -EMFILE if it, its uid or its bus has too many matches.
 */
int kdbus_cmd_match_add(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_cmd_match *cmd;
	struct kdbus_match *match;
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd),
			       sizeof(*cmd) + KDBUS_MATCH_MAX_ITEMS);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);

	match = kdbus_match_new(conn, cmd);
	ret = PTR_ERR_OR_ZERO(match);
	if (ret < 0)
		goto exit;
	ret = kdbus_match_charge(match);
	if (ret < 0)
		goto exit_free;
	ret = kdbus_match_link(conn, match);
	if (ret < 0) {
		kdbus_match_uncharge(match);
		goto exit_free;
	}
	kvfree(cmd);
	return 0;

exit_free:
	kvfree(match);
exit:
	kvfree(cmd);
	return ret;
}

/* ---- removing --------------------------------------------------------- */

/* Takes out matches with a cookie, or all; both locks are held. */
static unsigned int kdbus_matches_unlink(struct kdbus_conn *conn,
					 const u64 *cookie,
					 struct list_head *gone)
{
	unsigned int n = 0, listens = conn->listens & KDBUS_LISTENS_TO_CALLS;
	struct kdbus_match *match, *tmp;

	list_for_each_entry_safe(match, tmp, &conn->matches, list) {
		if (cookie && match->cookie != *cookie) {
			listens |= match->listens;
			continue;
		}
		if (kdbus_match_selects_msgs(match))
			hash_del(&match->node);
		list_move(&match->list, gone);
		kdbus_match_uncharge(match);
		conn->bus->n_matches--;
		n++;
	}
	kdbus_log_listen(conn, listens);
	return n;
}

static void kdbus_matches_free(struct list_head *gone)
{
	struct kdbus_match *match, *tmp;

	list_for_each_entry_safe(match, tmp, gone, list)
		kvfree(match);
}

/* Removes matches with a cookie; or all, if the connection is gone. */
static int kdbus_matches_remove(struct kdbus_conn *conn, const u64 *cookie)
{
	struct kdbus_bus *bus = conn->bus;
	unsigned int n;
	LIST_HEAD(gone);
	int ret = 0;

	down_write(&bus->match_sem);
	kdbus_bus_lock(bus);
	if (cookie && conn->dead) {
		ret = -ECONNRESET;
	} else {
		n = kdbus_matches_unlink(conn, cookie, &gone);
		if (cookie)
			kdbus_trace(match_remove, bus->id, conn->id, *cookie,
				    n);
	}
	kdbus_bus_unlock(bus);
	up_write(&bus->match_sem);
	kdbus_matches_free(&gone);
	return ret;
}

/**
 * kdbus_matches_remove_all() - remove all matches of a connection
 * @conn:	the connection, dead, referenced; the caller holds no lock
 */
void kdbus_matches_remove_all(struct kdbus_conn *conn)
{
	/* none is added to a dead connection, and what is there is charged */
	if (atomic_read(&conn->n_matches))
		kdbus_matches_remove(conn, NULL);
}

/**
 * kdbus_cmd_match_remove() - KDBUS_CMD_MATCH_REMOVE
 * @conn:	whose matches, current's
 * @argp:	struct kdbus_cmd_match of the caller, without items
 *
 * Return: 0, also if no match has the cookie; -EFAULT, -EINVAL, -EMSGSIZE,
 * -ENOMEM or -ECONNRESET.
 */
int kdbus_cmd_match_remove(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_cmd_match *cmd;
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd), sizeof(*cmd));
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);

	/* what they have selected until now */
	if (kdbus_log_has_news(conn))
		kdbus_log_catch_up(conn);
	ret = kdbus_matches_remove(conn, &cmd->cookie);
	kvfree(cmd);
	return ret;
}

/* ---- messages --------------------------------------------------------- */

/* The mask has a bit field for each generation; the last one serves later. */
static bool kdbus_match_bloom(const struct kdbus_bus *bus,
			      const struct kdbus_bloom_filter *filter,
			      const struct kdbus_item *mask)
{
	size_t words = bus->bloom.size / sizeof(u64);
	u64 last = kdbus_item_payload(mask) / bus->bloom.size - 1;
	const u64 *field = (const u64 *)mask->data +
			   min(filter->generation, last) * words;
	size_t i;

	for (i = 0; i < words; i++)
		if ((filter->data[i] & field[i]) != field[i])
			return false;
	return true;
}

static bool kdbus_rule_matches_msg(const struct kdbus_bus *bus,
				   const struct kdbus_item *item,
				   const struct kdbus_message *msg)
{
	switch (item->type) {
	case KDBUS_ITEM_BLOOM_MASK:
		return kdbus_match_bloom(bus, &msg->bloom->bloom_filter, item);
	case KDBUS_ITEM_ID:
		return item->id == KDBUS_MATCH_ID_ANY ||
		       item->id == msg->src->id;
	case KDBUS_ITEM_NAME:
		return kdbus_name_owned_by(bus, item->str, msg->src);
	}
	return false;
}

/* Whether who has installed a match may know all names it asks for. */
static bool kdbus_match_sees_names(const struct kdbus_match *match)
{
	const struct kdbus_item *item;
	struct kdbus_items items;

	lockdep_assert_held(&match->conn->bus->lock);

	kdbus_match_for_each_rule(match, items, item)
		if (item->type == KDBUS_ITEM_NAME &&
		    !kdbus_policy_may_see_name(match->conn, item->str))
			return false;
	return true;
}

/*
 * The bus lock is only taken in a sandbox, for names, when all else holds, and
 * for one match at a time, of which there may be many.
 */
static bool kdbus_match_holds_msg(struct kdbus_bus *bus,
				  const struct kdbus_match *match,
				  const struct kdbus_message *msg)
{
	const struct kdbus_item *item;
	struct kdbus_items items;
	bool by_name = false, ret;

	kdbus_match_for_each_rule(match, items, item) {
		if (!kdbus_rule_matches_msg(bus, item, msg))
			return false;
		by_name |= item->type == KDBUS_ITEM_NAME;
	}
	if (!by_name || !match->conn->ep->custom)
		return true;

	kdbus_bus_lock(bus);
	ret = kdbus_match_sees_names(match);
	kdbus_bus_unlock(bus);
	return ret;
}

/* Adds whom a message matches under one key; counts beyond the room there is */
static void kdbus_match_msg_key(struct kdbus_bus *bus, u64 kind, u64 value,
				const struct kdbus_message *msg,
				struct kdbus_receivers *r)
{
	struct kdbus_match_key key = { kind, value };
	struct kdbus_match *match;
	struct kdbus_conn *last = NULL;

	hash_for_each_possible(bus->matches, match, node,
			       kdbus_match_hash(&key)) {
		if (match->key.kind != kind || match->key.value != value ||
		    match->conn == msg->src || match->conn == last)
			continue;
		r->tried++;
		if (!kdbus_match_holds_msg(bus, match, msg))
			continue;
		last = match->conn;
		if (r->n < r->room)
			r->conns[r->n] = kdbus_conn_get(match->conn);
		r->n++;
	}
}

/* Names a sender may own, as keys; bounded by what it is charged for. */
static int kdbus_match_src_names(const struct kdbus_conn *src, u64 **values,
				 unsigned int *n)
{
	unsigned int room = atomic_read(&src->n_names);
	const struct kdbus_name_entry *name;

	*values = NULL;
	*n = 0;
	if (!room)
		return 0;
	room += 8;
	*values = kmalloc_array(room, sizeof(**values), GFP_KERNEL_ACCOUNT);
	if (!*values)
		return -ENOMEM;

	kdbus_bus_lock(src->bus);
	list_for_each_entry(name, &src->names, owner_node)
		if (*n < room)
			(*values)[(*n)++] = name->hash;
	kdbus_bus_unlock(src->bus);
	return 0;
}

static void kdbus_match_msg_walk(struct kdbus_bus *bus,
				 const struct kdbus_message *msg,
				 const u64 *names, unsigned int n_names,
				 struct kdbus_receivers *r)
{
	unsigned int i;

	r->n = r->tried = 0;
	down_read(&bus->match_sem);
	kdbus_match_msg_key(bus, KDBUS_MATCH_ALL, KDBUS_MATCH_ANY, msg, r);
	kdbus_match_msg_key(bus, KDBUS_MATCH_MSG, KDBUS_MATCH_ANY, msg, r);
	kdbus_match_msg_key(bus, KDBUS_MATCH_MSG, msg->src->id, msg, r);
	for (i = 0; i < n_names; i++)
		kdbus_match_msg_key(bus, KDBUS_MATCH_MSG_NAME, names[i], msg,
				    r);
	up_read(&bus->match_sem);
}

/**
 * kdbus_receivers_release() - give receivers back
 * @r:	the receivers
 */
void kdbus_receivers_release(struct kdbus_receivers *r)
{
	unsigned int i;

	for (i = 0; i < min(r->n, r->room); i++)
		kdbus_conn_put(r->conns[i]);
	kvfree(r->conns);
	r->conns = NULL;
	r->n = r->room = 0;
}

/**
 * kdbus_match_message() - find whom a broadcast matches by what they may know
 * @bus:	the bus
 * @msg:	the broadcast
 * @r:		zeroed; filled in, given back with kdbus_receivers_release().
 *		The sender is not among them; one with several matches may be
 *		there several times.
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_match_message(struct kdbus_bus *bus, const struct kdbus_message *msg,
			struct kdbus_receivers *r)
{
	unsigned int n_names;
	u64 *names;
	int ret;

	ret = kdbus_match_src_names(msg->src, &names, &n_names);
	if (ret < 0)
		return ret;

	for (;;) {
		unsigned int room;

		kdbus_match_msg_walk(bus, msg, names, n_names, r);
		if (r->n <= r->room)
			break;
		/* count first, then collect; more may have come meanwhile */
		room = r->n + 16;
		kdbus_receivers_release(r);
		r->conns = kvmalloc_array(room, sizeof(*r->conns),
					  GFP_KERNEL_ACCOUNT);
		if (!r->conns) {
			ret = -ENOMEM;
			break;
		}
		r->room = room;
	}
	kfree(names);
	return ret;
}

/* ---- notifications ---------------------------------------------------- */

static bool kdbus_match_id(u64 wanted, u64 id)
{
	return wanted == KDBUS_MATCH_ID_ANY || wanted == id;
}

/* Whether a match holds for a notice of its kind. */
static bool kdbus_match_holds_notice(const struct kdbus_match *match,
				     const struct kdbus_notice *notice)
{
	if (!notice->name[0])
		return kdbus_match_id(match->id, notice->id.id);
	return kdbus_match_id(match->id, notice->old.id) &&
	       kdbus_match_id(match->new_id, notice->new.id) &&
	       (!match->name || !strcmp(match->name, notice->name));
}

/**
 * kdbus_match_notice() - whether a connection has asked for a notice
 * @conn:	the connection; the lock of its bus is held
 * @notice:	the notice, with its number
 * @tried:	grows by the matches that were compared
 */
bool kdbus_match_notice(const struct kdbus_conn *conn,
			const struct kdbus_notice *notice, unsigned int *tried)
{
	const struct kdbus_match *match;

	lockdep_assert_held(&conn->bus->lock);

	list_for_each_entry(match, &conn->matches, list) {
		++*tried;
		if (match->since < notice->record.seq &&
		    (match->listens & KDBUS_LISTENS_TO(notice->type)) &&
		    kdbus_match_holds_notice(match, notice))
			return true;
	}
	return false;
}
