// SPDX-License-Identifier: GPL-2.0
/*
 * Policy databases: uploading, looking up, and the questions asked of them.
 * Rules and locking: see policy.h.
 */
#include <linux/cred.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/uidgid.h>

#include "bus.h"
#include "connection.h"
#include "endpoint.h"
#include "item.h"
#include "names.h"
#include "policy.h"
#include "trace.h"

/**
 * struct kdbus_policy_grant - who may do what
 * @type:	KDBUS_POLICY_ACCESS_*
 * @level:	KDBUS_POLICY_*
 * @uid:	for _USER
 * @gid:	for _GROUP
 */
struct kdbus_policy_grant {
	unsigned int type;
	int level;
	union {
		kuid_t uid;
		kgid_t gid;
	};
};

/**
 * struct kdbus_policy_entry - what is granted for a name
 * @node:	link in the database
 * @list:	link in a list outside of it
 * @owner:	whose it is
 * @hash:	of @name
 * @wildcard:	it is for the names one element below @name
 * @n_grants:	how many
 * @grants:	the grants
 * @name:	the name; of a wildcard what is before the last dot
 */
struct kdbus_policy_entry {
	struct hlist_node node;
	struct list_head list;
	const void *owner;
	unsigned int hash;
	bool wildcard;
	unsigned int n_grants;
	struct kdbus_policy_grant *grants;
	char name[];
};

/* the level of who is granted nothing */
#define KDBUS_POLICY_NOTHING (-1)

static unsigned int kdbus_policy_hash(const char *name, size_t len)
{
	return full_name_hash(NULL, name, len);
}

/* ---- uploading -------------------------------------------------------- */

static void kdbus_policy_entry_free(struct kdbus_policy_entry *e)
{
	kfree(e->grants);
	kfree(e);
}

/**
 * kdbus_policy_free() - free entries that are in no database
 * @list:	the entries; emptied
 */
void kdbus_policy_free(struct list_head *list)
{
	struct kdbus_policy_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, list, list)
		kdbus_policy_entry_free(e);
	INIT_LIST_HEAD(list);
}

static struct kdbus_policy_entry *
kdbus_policy_entry_new(const struct kdbus_item *item)
{
	struct kdbus_policy_entry *e;
	size_t len;

	if (!kdbus_item_is_string(item) ||
	    !kdbus_name_is_valid(item->str, true))
		return ERR_PTR(-EINVAL);

	len = strlen(item->str);
	e = kzalloc(sizeof(*e) + len + 1, GFP_KERNEL_ACCOUNT);
	if (!e)
		return ERR_PTR(-ENOMEM);

	memcpy(e->name, item->str, len + 1);
	if (e->name[len - 1] == '*') {
		e->wildcard = true;
		len -= 2;
		e->name[len] = 0;
	}
	e->hash = kdbus_policy_hash(e->name, len);
	return e;
}

static int kdbus_policy_grant_init(struct kdbus_policy_grant *g,
				   const struct kdbus_policy_access *access)
{
	struct user_namespace *ns = current_user_ns();

	if (access->access > KDBUS_POLICY_OWN)
		return -EINVAL;
	g->type = access->type;
	g->level = access->access;

	switch (access->type) {
	case KDBUS_POLICY_ACCESS_USER:
		g->uid = make_kuid(ns, access->id);
		return access->id == (uid_t)access->id && uid_valid(g->uid) ?
		       0 : -EINVAL;
	case KDBUS_POLICY_ACCESS_GROUP:
		g->gid = make_kgid(ns, access->id);
		return access->id == (gid_t)access->id && gid_valid(g->gid) ?
		       0 : -EINVAL;
	case KDBUS_POLICY_ACCESS_WORLD:
		return 0;
	}
	return -EINVAL;
}

static int kdbus_policy_add_grant(struct kdbus_policy_entry *e,
				  const struct kdbus_item *item)
{
	struct kdbus_policy_grant *grants, g = {};
	int ret;

	if (!e || kdbus_item_payload(item) != sizeof(item->policy_access))
		return -EINVAL;
	ret = kdbus_policy_grant_init(&g, &item->policy_access);
	if (ret < 0)
		return ret;

	/* grows by doubling: at every power of two the room is used up */
	if (!(e->n_grants & (e->n_grants - 1))) {
		grants = krealloc(e->grants, sizeof(g) *
				  max(1U, 2 * e->n_grants),
				  GFP_KERNEL_ACCOUNT);
		if (!grants)
			return -ENOMEM;
		e->grants = grants;
	}
	e->grants[e->n_grants++] = g;
	return 0;
}

/**
 * kdbus_policy_parse() - make entries of the policy items in a command
 * @list:	empty; gets the entries, for kdbus_policy_set_*() or
 *		kdbus_policy_free()
 * @cmd:	the command, in kernel memory
 * @offset:	where its items begin
 * @size:	its size
 * @max_names:	how many names there may be
 *
 * Items of other types are the caller's business. Ids are those of current's
 * user namespace.
 *
 * Return: 0, -EINVAL, -E2BIG or -ENOMEM; then @list is empty.
 */
int kdbus_policy_parse(struct list_head *list, const void *cmd, size_t offset,
		       size_t size, unsigned int max_names)
{
	struct kdbus_policy_entry *e = NULL;
	const struct kdbus_item *item;
	struct kdbus_items items;
	unsigned int n = 0;
	int ret;

	kdbus_items_init(&items, cmd, offset, size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		if (item->type == KDBUS_ITEM_NAME) {
			e = ++n > max_names ? ERR_PTR(-E2BIG) :
			    kdbus_policy_entry_new(item);
			ret = PTR_ERR_OR_ZERO(e);
			if (!ret)
				list_add_tail(&e->list, list);
		} else if (item->type == KDBUS_ITEM_POLICY_ACCESS) {
			ret = kdbus_policy_add_grant(e, item);
		}
		if (ret < 0)
			break;
	}
	if (ret < 0)
		kdbus_policy_free(list);
	return ret;
}

/* ---- databases -------------------------------------------------------- */

/**
 * kdbus_policy_init() - make a database without entries
 * @db:		the database
 */
void kdbus_policy_init(struct kdbus_policy_db *db)
{
	hash_init(db->entries);
}

static struct kdbus_policy_entry *
kdbus_policy_find(const struct kdbus_policy_db *db, const char *name,
		  size_t len, bool wildcard)
{
	unsigned int hash = kdbus_policy_hash(name, len);
	struct kdbus_policy_entry *e;

	hash_for_each_possible(db->entries, e, node, hash)
		if (e->hash == hash && e->wildcard == wildcard &&
		    !strncmp(e->name, name, len) && !e->name[len])
			return e;
	return NULL;
}

/* Whether a list can be installed: -EEXIST if a name is another owner's. */
static int kdbus_policy_check(const struct kdbus_policy_db *db,
			      const void *owner, const struct list_head *list)
{
	const struct kdbus_policy_entry *e, *other;

	list_for_each_entry(e, list, list) {
		other = kdbus_policy_find(db, e->name, strlen(e->name),
					  e->wildcard);
		if (other && other->owner != owner)
			return -EEXIST;
	}
	return 0;
}

/* Takes an owner's entries out; they go to @gone. */
static void kdbus_policy_remove(struct kdbus_policy_db *db, const void *owner,
				struct list_head *gone)
{
	struct kdbus_policy_entry *e;
	struct hlist_node *tmp;
	int bucket;

	hash_for_each_safe(db->entries, bucket, tmp, e, node) {
		if (e->owner != owner)
			continue;
		hash_del(&e->node);
		list_add(&e->list, gone);
	}
}

/* Puts @list in place of an owner's entries, which go there in turn. */
static void kdbus_policy_replace(struct kdbus_policy_db *db, const void *owner,
				 struct list_head *list)
{
	struct kdbus_policy_entry *e, *tmp, *older;
	LIST_HEAD(gone);

	kdbus_policy_remove(db, owner, &gone);
	list_for_each_entry_safe(e, tmp, list, list) {
		older = kdbus_policy_find(db, e->name, strlen(e->name),
					  e->wildcard);
		if (older) {
			hash_del(&older->node);
			list_add(&older->list, &gone);
		}
		list_del_init(&e->list);
		e->owner = owner;
		hash_add(db->entries, &e->node, e->hash);
	}
	list_splice(&gone, list);
}

static void kdbus_policy_trace(const struct kdbus_bus *bus, u64 endpoint,
			       u64 conn, const struct list_head *list)
{
	const struct kdbus_policy_entry *e;
	unsigned int names = 0, grants = 0;

	if (!trace_kdbus_policy_set_enabled())
		return;
	list_for_each_entry(e, list, list) {
		names++;
		grants += e->n_grants;
	}
	kdbus_trace(policy_set, bus->id, endpoint, conn, names, grants);
}

/**
 * kdbus_policy_check_conn() - whether a connection's entries can be installed
 * @conn:	the connection; the lock of its bus is held
 * @list:	the entries
 *
 * Return: 0; or -EEXIST if somebody else has an entry for a name.
 */
int kdbus_policy_check_conn(const struct kdbus_conn *conn,
			    const struct list_head *list)
{
	lockdep_assert_held(&conn->bus->lock);

	return kdbus_policy_check(&conn->bus->policy, conn, list);
}

/**
 * kdbus_policy_set_conn() - install a connection's entries, older ones go
 * @conn:	the connection; the lock of its bus is held since
 *		kdbus_policy_check_conn()
 * @list:	the new ones; afterwards it holds the older ones, which the
 *		caller frees after unlocking
 *
 * A name that is twice in @list has the grants of its last entry.
 */
void kdbus_policy_set_conn(struct kdbus_conn *conn, struct list_head *list)
{
	struct kdbus_bus *bus = conn->bus;

	lockdep_assert_held(&bus->lock);

	kdbus_policy_trace(bus, 0, conn->id, list);
	kdbus_policy_replace(&bus->policy, conn, list);
	WRITE_ONCE(bus->has_policy, true);
	WRITE_ONCE(bus->policy_gen, bus->policy_gen + 1);
}

/**
 * kdbus_policy_unset_conn() - take a connection's entries out
 * @conn:	the connection; the lock of its bus is held
 * @gone:	gets them; the caller frees them after unlocking
 */
void kdbus_policy_unset_conn(struct kdbus_conn *conn, struct list_head *gone)
{
	struct kdbus_bus *bus = conn->bus;

	lockdep_assert_held(&bus->lock);

	/* others have none */
	if (!(conn->flags & (KDBUS_HELLO_ACTIVATOR |
			     KDBUS_HELLO_POLICY_HOLDER)))
		return;
	kdbus_policy_remove(&bus->policy, conn, gone);
	WRITE_ONCE(bus->policy_gen, bus->policy_gen + 1);
}

/**
 * kdbus_policy_set_endpoint() - install an endpoint's entries, older ones go
 * @ep:		a custom endpoint; the lock of its bus is held
 * @list:	as for kdbus_policy_set_conn(). Nobody else has entries there,
 *		so this cannot fail.
 */
void kdbus_policy_set_endpoint(struct kdbus_endpoint *ep,
			       struct list_head *list)
{
	lockdep_assert_held(&ep->bus->lock);

	kdbus_policy_trace(ep->bus, ep->id, 0, list);
	kdbus_policy_replace(&ep->policy, ep, list);
	WRITE_ONCE(ep->bus->policy_gen, ep->bus->policy_gen + 1);
}

/**
 * struct kdbus_policy_subject - whom a policy is asked about
 * @real:	real uid
 * @uid:	uid that grants are for
 * @gid:	gid likewise
 * @groups:	further gids; NULL for none
 */
struct kdbus_policy_subject {
	kuid_t real;
	kuid_t uid;
	kgid_t gid;
	const struct group_info *groups;
};

/*
 * Who a connection is to a policy: the task that acts, if @cred is its, else
 * who said HELLO; or whoever it was said to speak for, with nothing of the
 * process that speaks.
 */
static struct kdbus_policy_subject
kdbus_policy_subject(const struct kdbus_conn *conn, const struct cred *cred)
{
	if (conn->given.any)
		return (struct kdbus_policy_subject) {
			.real = conn->given.uid,
			.uid = conn->given.uid,
			.gid = conn->given.gid,
		};
	if (!cred)
		cred = conn->cred;
	return (struct kdbus_policy_subject) {
		.real = cred->uid,
		.uid = cred->euid,
		.gid = cred->egid,
		.groups = cred->group_info,
	};
}

/* What in_egroup_p() says of current; the groups are sorted. */
static bool kdbus_policy_in_group(const struct kdbus_policy_subject *s,
				  kgid_t gid)
{
	const struct group_info *groups = s->groups;
	int left = 0, right = groups ? groups->ngroups : 0;

	if (gid_eq(s->gid, gid))
		return true;
	while (left < right) {
		int mid = left + (right - left) / 2;

		if (gid_eq(groups->gid[mid], gid))
			return true;
		if (gid_lt(groups->gid[mid], gid))
			left = mid + 1;
		else
			right = mid;
	}
	return false;
}

static int kdbus_policy_entry_level(const struct kdbus_policy_entry *e,
				    const struct kdbus_policy_subject *s)
{
	int level = KDBUS_POLICY_NOTHING;
	unsigned int i;

	for (i = 0; i < e->n_grants; i++) {
		const struct kdbus_policy_grant *g = &e->grants[i];

		if (g->type == KDBUS_POLICY_ACCESS_WORLD ||
		    (g->type == KDBUS_POLICY_ACCESS_USER &&
		     uid_eq(g->uid, s->uid)) ||
		    (g->type == KDBUS_POLICY_ACCESS_GROUP &&
		     kdbus_policy_in_group(s, g->gid)))
			level = max(level, g->level);
	}
	return level;
}

/* The most somebody may do with a name: a KDBUS_POLICY_* level, or _NOTHING. */
static int kdbus_policy_level(const struct kdbus_policy_db *db,
			      const char *name,
			      const struct kdbus_policy_subject *s)
{
	const struct kdbus_policy_entry *e;
	const char *dot;

	e = kdbus_policy_find(db, name, strlen(name), false);
	if (!e) {
		dot = strrchr(name, '.');
		e = dot ? kdbus_policy_find(db, name, dot - name, true) : NULL;
	}
	return e ? kdbus_policy_entry_level(e, s) : KDBUS_POLICY_NOTHING;
}

/* Some name of @peer grants @level to @s. */
static bool kdbus_policy_any_name(const struct kdbus_policy_db *db,
				  const struct kdbus_conn *peer,
				  const struct kdbus_policy_subject *s,
				  int level)
{
	const struct kdbus_name_entry *n;

	list_for_each_entry(n, &peer->names, owner_node)
		if (kdbus_policy_level(db, n->name, s) >= level)
			return true;
	return false;
}

/* ---- questions -------------------------------------------------------- */

static bool kdbus_policy_denied(const struct kdbus_conn *conn, u64 peer,
				int level, const char *name, u64 msg)
{
	kdbus_trace(policy_deny, conn->bus->id, conn->id, peer, level, name,
		    msg);
	return false;
}

/**
 * kdbus_policy_unseen() - tell that a command fails on what may not be seen
 * @conn:	whose command
 * @peer:	the connection it may not know of, or 0 if it is a name
 * @name:	the name, or ""
 * @msg:	trace id of the message that is refused, or 0
 *
 * The questions below do not tell by themselves: mostly what is not seen is
 * left out, and nothing fails.
 */
void kdbus_policy_unseen(const struct kdbus_conn *conn, u64 peer,
			 const char *name, u64 msg)
{
	kdbus_policy_denied(conn, peer, KDBUS_POLICY_SEE, name, msg);
}

/**
 * kdbus_policy_applies() - whether there is any policy for a connection
 * @conn:	the connection. Without the lock of its bus the answer may be
 *		out of date, in one direction.
 */
bool kdbus_policy_applies(const struct kdbus_conn *conn)
{
	return READ_ONCE(conn->bus->has_policy) || conn->ep->custom;
}

/*
 * Whether one connection may talk to another without being asked by a policy
 * of the bus. Both sides are who they are for good, but for the uid of the
 * task that sends.
 */
static bool kdbus_policy_lets_pass(const struct kdbus_conn *conn,
				   const struct kdbus_policy_subject *s,
				   const struct kdbus_conn *peer)
{
	if (conn->privileged)
		return true;
	if (conn->ep->custom || peer->ep->custom)
		return false;
	return uid_valid(s->real) &&
	       uid_eq(s->real, kdbus_policy_subject(peer, NULL).real);
}

/**
 * kdbus_policy_is_free() - whether current may address a peer anyway
 * @conn:	the sender, current's
 * @peer:	whom it sends to
 *
 * Needs no lock. If it is false kdbus_policy_may_see(), _may_see_name() and
 * _may_talk() have to be asked.
 */
bool kdbus_policy_is_free(const struct kdbus_conn *conn,
			  const struct kdbus_conn *peer)
{
	struct kdbus_policy_subject s;

	if (conn->ep->custom)
		return false;
	s = kdbus_policy_subject(conn, current_cred());
	return conn == peer || kdbus_policy_lets_pass(conn, &s, peer);
}

/**
 * kdbus_policy_can_own() - whether a connection could own a name
 * @conn:	the connection; the lock of its bus is held
 * @name:	the name
 *
 * Not a refusal, if it asks for nothing.
 */
bool kdbus_policy_can_own(const struct kdbus_conn *conn, const char *name)
{
	struct kdbus_policy_subject s = kdbus_policy_subject(conn, NULL);
	const struct kdbus_bus *bus = conn->bus;

	lockdep_assert_held(&bus->lock);

	if (bus->has_policy && !conn->privileged &&
	    kdbus_policy_level(&bus->policy, name, &s) < KDBUS_POLICY_OWN)
		return false;
	return !conn->ep->custom ||
	       kdbus_policy_level(&conn->ep->policy, name, &s) >=
	       KDBUS_POLICY_OWN;
}

/**
 * kdbus_policy_may_own() - whether a connection that asks for a name may own it
 * @conn:	the connection; the lock of its bus is held
 * @name:	the name
 */
bool kdbus_policy_may_own(const struct kdbus_conn *conn, const char *name)
{
	return kdbus_policy_can_own(conn, name) ||
	       kdbus_policy_denied(conn, 0, KDBUS_POLICY_OWN, name, 0);
}

/**
 * kdbus_policy_may_talk() - whether a connection may talk to another
 * @conn:	who wants to; the lock of its bus is held
 * @cred:	credentials of the task that sends; NULL where the connection is
 *		on the receiving end: then those of HELLO count
 * @peer:	to whom
 * @msg:	trace id of the message it is about
 *
 * The endpoint's own policy holds for everybody on it. On the bus the maker
 * and whoever has the same uid are let pass, but not through a custom
 * endpoint.
 */
bool kdbus_policy_may_talk(const struct kdbus_conn *conn,
			   const struct cred *cred,
			   const struct kdbus_conn *peer, u64 msg)
{
	struct kdbus_policy_subject s = kdbus_policy_subject(conn, cred);
	const struct kdbus_bus *bus = conn->bus;

	lockdep_assert_held(&bus->lock);

	if (conn == peer)
		return true;
	if (conn->ep->custom &&
	    !kdbus_policy_any_name(&conn->ep->policy, peer, &s,
				   KDBUS_POLICY_TALK))
		return kdbus_policy_denied(conn, peer->id, KDBUS_POLICY_TALK,
					   "", msg);
	if (!bus->has_policy || kdbus_policy_lets_pass(conn, &s, peer) ||
	    kdbus_policy_any_name(&bus->policy, peer, &s, KDBUS_POLICY_TALK))
		return true;
	return kdbus_policy_denied(conn, peer->id, KDBUS_POLICY_TALK, "", msg);
}

/**
 * kdbus_policy_may_see_name() - whether a connection may know of a name
 * @conn:	the connection; the lock of its bus is held
 * @name:	the name
 */
bool kdbus_policy_may_see_name(const struct kdbus_conn *conn, const char *name)
{
	struct kdbus_policy_subject s;

	lockdep_assert_held(&conn->bus->lock);

	if (!conn->ep->custom)
		return true;
	s = kdbus_policy_subject(conn, NULL);
	return kdbus_policy_level(&conn->ep->policy, name, &s) >=
	       KDBUS_POLICY_SEE;
}

/**
 * kdbus_policy_sees_name() - the same, for callers without the lock
 * @conn:	the connection
 * @name:	the name
 */
bool kdbus_policy_sees_name(const struct kdbus_conn *conn, const char *name)
{
	bool ret;

	if (!conn->ep->custom)
		return true;
	kdbus_bus_lock(conn->bus);
	ret = kdbus_policy_may_see_name(conn, name);
	kdbus_bus_unlock(conn->bus);
	return ret;
}

/**
 * kdbus_policy_may_see() - whether a connection may know of another
 * @conn:	the connection; the lock of its bus is held
 * @peer:	the other
 */
bool kdbus_policy_may_see(const struct kdbus_conn *conn,
			  const struct kdbus_conn *peer)
{
	struct kdbus_policy_subject s;

	lockdep_assert_held(&conn->bus->lock);

	if (!conn->ep->custom || conn == peer)
		return true;
	s = kdbus_policy_subject(conn, NULL);
	return kdbus_policy_any_name(&conn->ep->policy, peer, &s,
				     KDBUS_POLICY_SEE);
}
