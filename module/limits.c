// SPDX-License-Identifier: GPL-2.0
/*
 * The module parameters that bound users, and the users that are counted.
 * Locks and lifetime: see limits.h.
 */
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "bus.h"
#include "connection.h"
#include "domain.h"
#include "limits.h"
#include "trace.h"

unsigned int kdbus_max_domains_per_user = 64;
module_param_named(max_domains_per_user, kdbus_max_domains_per_user, uint,
		   0644);
MODULE_PARM_DESC(max_domains_per_user,
		 "Domains one uid may have made, in all domains (default 64)");

unsigned int kdbus_max_buses_per_user = 64;
module_param_named(max_buses_per_user, kdbus_max_buses_per_user, uint, 0644);
MODULE_PARM_DESC(max_buses_per_user,
		 "Buses one uid may have in a domain (default 64)");

unsigned int kdbus_max_conns_per_user = 4096;
module_param_named(max_conns_per_user, kdbus_max_conns_per_user, uint, 0644);
MODULE_PARM_DESC(max_conns_per_user,
		 "Connections one uid may have in a domain (default 4096)");

unsigned int kdbus_max_endpoints_per_user = 256;
module_param_named(max_endpoints_per_user, kdbus_max_endpoints_per_user, uint,
		   0644);
MODULE_PARM_DESC(max_endpoints_per_user,
		 "Custom endpoints one uid may have in a domain (default 256)");

unsigned int kdbus_max_files_per_user = 4096;
module_param_named(max_files_per_user, kdbus_max_files_per_user, uint, 0644);
MODULE_PARM_DESC(max_files_per_user,
		 "Files one uid may have in messages that are not received yet, in a domain (default 4096)");

unsigned int kdbus_max_match_bytes_per_user = 4 << 20;
module_param_named(max_match_bytes_per_user, kdbus_max_match_bytes_per_user,
		   uint, 0644);
MODULE_PARM_DESC(max_match_bytes_per_user,
		 "Size of all matches of one uid's connections in a domain, in bytes (default 4 MiB)");

unsigned int kdbus_max_names_per_user = 4096;
module_param_named(max_names_per_user, kdbus_max_names_per_user, uint, 0644);
MODULE_PARM_DESC(max_names_per_user,
		 "Names all connections of one uid in a domain may own or wait for (default 4096)");

unsigned int kdbus_max_matches_per_bus = 262144;
module_param_named(max_matches_per_bus, kdbus_max_matches_per_bus, uint, 0644);
MODULE_PARM_DESC(max_matches_per_bus,
		 "Matches all connections of a bus may have installed (default 262144)");

unsigned int kdbus_max_matches_per_conn = 256;
module_param_named(max_matches_per_conn, kdbus_max_matches_per_conn, uint,
		   0644);
MODULE_PARM_DESC(max_matches_per_conn,
		 "Matches one connection may have installed (default 256)");

unsigned int kdbus_max_notices_per_conn = 256;
module_param_named(max_notices_per_conn, kdbus_max_notices_per_conn, uint,
		   0644);
MODULE_PARM_DESC(max_notices_per_conn,
		 "Notifications about names and connections one receiver may have queued (default 256)");

unsigned int kdbus_max_names_per_conn = 64;
module_param_named(max_names_per_conn, kdbus_max_names_per_conn, uint, 0644);
MODULE_PARM_DESC(max_names_per_conn,
		 "Names one connection may own or wait for (default 64)");

unsigned int kdbus_max_requests_per_conn = 128;
module_param_named(max_requests_per_conn, kdbus_max_requests_per_conn, uint,
		   0644);
MODULE_PARM_DESC(max_requests_per_conn,
		 "Calls one connection may have waiting for a reply (default 128)");

unsigned int kdbus_max_msgs_per_sender = 256;
module_param_named(max_msgs_per_sender, kdbus_max_msgs_per_sender, uint, 0644);
MODULE_PARM_DESC(max_msgs_per_sender,
		 "Messages one sender may have queued at one receiver (default 256)");

unsigned int kdbus_max_msgs_same_uid = 16384;
module_param_named(max_msgs_same_uid, kdbus_max_msgs_same_uid, uint, 0644);
MODULE_PARM_DESC(max_msgs_same_uid,
		 "Messages that all connections of a receiver's own uid may have queued there, four of each aside (default 16384)");

unsigned int kdbus_max_fds_per_sender = 16;
module_param_named(max_fds_per_sender, kdbus_max_fds_per_sender, uint, 0644);
MODULE_PARM_DESC(max_fds_per_sender,
		 "File descriptors another uid may have queued at one receiver (default 16)");

unsigned int kdbus_max_fds_same_uid = 256;
module_param_named(max_fds_same_uid, kdbus_max_fds_same_uid, uint, 0644);
MODULE_PARM_DESC(max_fds_same_uid,
		 "File descriptors one connection may have queued at a receiver of its own uid (default 256)");

unsigned long long kdbus_max_pool_size = 1ULL << 30;
module_param_named(max_pool_size, kdbus_max_pool_size, ullong, 0644);
MODULE_PARM_DESC(max_pool_size,
		 "Largest receive pool a connection may have, in bytes (default 1 GiB)");

static struct kdbus_user *kdbus_user_find(struct kdbus_domain *domain,
					  kuid_t uid,
					  const struct kdbus_user *up)
{
	struct kdbus_user *user;

	lockdep_assert_held(&domain->user_lock);

	hash_for_each_possible(domain->users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid) && user->up == up) {
			kref_get(&user->kref);
			return user;
		}
	return NULL;
}

static struct kdbus_user *kdbus_user_alloc(struct kdbus_domain *domain,
					   kuid_t uid, u64 key)
{
	struct kdbus_user *user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);

	if (!user)
		return NULL;
	kref_init(&user->kref);
	user->domain = domain;
	user->uid = uid;
	user->key = key;
	INIT_HLIST_NODE(&user->node);
	init_waitqueue_head(&user->told);
	return user;
}

/* The user of a uid below another; the reference to that goes. */
static struct kdbus_user *kdbus_user_get_below(struct kdbus_domain *domain,
					       kuid_t uid,
					       struct kdbus_user *up)
{
	struct kdbus_user *user, *new = NULL;

	spin_lock(&domain->user_lock);
	user = kdbus_user_find(domain, uid, up);
	spin_unlock(&domain->user_lock);
	if (user)
		goto exit;

	new = kdbus_user_alloc(domain, uid, __kuid_val(uid));
	if (!new)
		goto exit;

	spin_lock(&domain->user_lock);
	user = kdbus_user_find(domain, uid, up);
	if (!user) {
		user = new;
		user->up = up;
		hash_add(domain->users, &user->node, __kuid_val(uid));
		up = new = NULL;
	}
	spin_unlock(&domain->user_lock);
exit:
	kfree(new);
	kdbus_user_put(up);
	return user;
}

/* most levels of user namespaces there are, and one for the uid itself */
#define KDBUS_USER_LEVELS 34

/**
 * kdbus_user_get() - the user that stands for a uid in a domain
 * @domain:	the domain; the caller keeps it until after kdbus_user_put()
 * @uid:	the uid
 * @ns:		user namespace in which it makes what it is charged for
 *
 * Return: a reference for the caller, or NULL without memory.
 */
struct kdbus_user *kdbus_user_get(struct kdbus_domain *domain, kuid_t uid,
				  const struct user_namespace *ns)
{
	kuid_t uids[KDBUS_USER_LEVELS];
	struct kdbus_user *user = NULL;
	unsigned int n = 0;

	for (; ns != domain->user_ns && ns->parent; ns = ns->parent) {
		uids[n++] = uid;
		uid = ns->owner;
		if (WARN_ON_ONCE(n == KDBUS_USER_LEVELS))
			return NULL;
	}

	user = kdbus_user_get_below(domain, uid, NULL);
	while (user && n--)
		user = kdbus_user_get_below(domain, uids[n], user);
	return user;
}

/**
 * kdbus_user_new_anonymous() - a user that stands for no uid
 * @domain:	the domain; the caller keeps it until after kdbus_user_put()
 *
 * Return: a reference for the caller, or NULL without memory.
 */
struct kdbus_user *kdbus_user_new_anonymous(struct kdbus_domain *domain)
{
	static atomic64_t ids = ATOMIC64_INIT(0);
	struct kdbus_user *user;

	/* keys above all uids */
	user = kdbus_user_alloc(domain, INVALID_UID,
				BIT_ULL(32) + atomic64_inc_return(&ids));
	return user;
}

/**
 * kdbus_user_ref() - take a reference
 * @user:	a user the caller has a reference to
 *
 * Return: @user.
 */
struct kdbus_user *kdbus_user_ref(struct kdbus_user *user)
{
	kref_get(&user->kref);
	return user;
}

static void kdbus_user_release(struct kref *kref)
	__releases(&user->domain->user_lock)
{
	struct kdbus_user *user = container_of(kref, struct kdbus_user, kref);
	unsigned int i;

	hash_del(&user->node);
	spin_unlock(&user->domain->user_lock);

	for (i = 0; i < KDBUS_N_COUNTS; i++)
		WARN_ON(atomic_read(&user->counts[i]));
	kfree(user);
}

/**
 * kdbus_user_put() - drop a reference to a user
 * @user:	the user, or NULL
 */
void kdbus_user_put(struct kdbus_user *user)
{
	struct kdbus_user *up;

	/* the last one leaves the table before the count can be seen as 0 */
	for (; user; user = up) {
		up = user->up;
		if (!kref_put_lock(&user->kref, kdbus_user_release,
				   &user->domain->user_lock))
			break;
	}
}

/**
 * kdbus_count_charge() - count more of something that is bounded
 * @count:	the counter; atomic_sub() takes the charge back
 * @n:		how many more
 * @max:	how many there may be
 * @error:	what to return if there would be more than that
 *
 * Return: 0 and the count is higher by @n, or @error and it is as before.
 */
int kdbus_count_charge(atomic_t *count, unsigned int n, unsigned int max,
		       int error)
{
	if ((unsigned int)atomic_add_return(n, count) <= max)
		return 0;

	atomic_sub(n, count);
	return error;
}

/**
 * kdbus_user_uncharge() - take a charge back
 * @user:	who was charged
 * @what:	what for
 * @n:		how many
 */
void kdbus_user_uncharge(struct kdbus_user *user, enum kdbus_count what,
			 unsigned int n)
{
	for (; user; user = user->up)
		atomic_sub(n, &user->counts[what]);
}

/**
 * kdbus_user_charge() - count more of something for a user and those above it
 * @user:	the user
 * @what:	of what
 * @n:		how many more
 * @max:	how many each of them may have
 *
 * Return: NULL; or who would have more than that, and nobody is charged.
 */
struct kdbus_user *kdbus_user_charge(struct kdbus_user *user,
				     enum kdbus_count what, unsigned int n,
				     unsigned int max)
{
	struct kdbus_user *u, *full;

	for (full = user; full; full = full->up)
		if (kdbus_count_charge(&full->counts[what], n, max, -EMFILE))
			break;
	if (full)
		for (u = user; u != full; u = u->up)
			atomic_sub(n, &u->counts[what]);
	return full;
}

/**
 * kdbus_user_charge_object() - count one more thing that current makes
 * @user:	who is charged
 * @what:	what it is
 * @max:	how many a user may have
 * @bus:	id of the bus it is on, or 0
 * @kind:	what it is, for the event that tells of a refusal
 *
 * Return: 0 or -EMFILE.
 */
int kdbus_user_charge_object(struct kdbus_user *user, enum kdbus_count what,
			     unsigned int max, u64 bus,
			     enum kdbus_quota_kind kind)
{
	const struct kdbus_user *full = kdbus_user_charge(user, what, 1, max);
	kuid_t uid;

	if (!full)
		return 0;
	/* an endpoint's own user is none */
	uid = uid_valid(full->uid) ? full->uid : current_uid();
	kdbus_trace(quota_refuse, bus, 0, 0, __kuid_val(uid), kind, 1, max, max,
		    -EMFILE, 0);
	return -EMFILE;
}

static enum kdbus_count kdbus_user_files(bool seen)
{
	return seen ? KDBUS_COUNT_SEEN_FILES : KDBUS_COUNT_FILES;
}

/**
 * kdbus_user_charge_files() - count files that a message is to carry
 * @conn:	the sender; its uid is charged
 * @monitor:	id of the monitor that is to have them, too, or 0. These are
 *		counted by themselves: whoever is watched may send as much as
 *		who is not.
 * @n:		how many
 * @msg:	trace id of the message
 *
 * Return: 0 or -EMFILE.
 */
int kdbus_user_charge_files(const struct kdbus_conn *conn, u64 monitor,
			    unsigned int n, u64 msg)
{
	unsigned int max = READ_ONCE(kdbus_max_files_per_user);
	enum kdbus_count what = kdbus_user_files(monitor);
	const struct kdbus_user *full;

	full = kdbus_user_charge(conn->owner, what, n, max);
	if (!full)
		return 0;
	kdbus_trace(quota_refuse, conn->bus->id, monitor, conn->id,
		    __kuid_val(full->uid), KDBUS_QUOTA_FILES, n,
		    atomic_read(&full->counts[what]), max, -EMFILE, msg);
	return -EMFILE;
}

/**
 * kdbus_user_uncharge_files() - files are in flight no longer
 * @user:	who was charged
 * @seen:	it was for a monitor
 * @n:		how many
 */
void kdbus_user_uncharge_files(struct kdbus_user *user, bool seen,
			       unsigned int n)
{
	kdbus_user_uncharge(user, kdbus_user_files(seen), n);
}
