/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: policy
 *
 * A policy database says who may do what with which names: entries of a name,
 * or of all names one element below it (`a.b.*`), each with grants. Levels
 * include those below them: OWN, TALK, SEE. What has no entry is denied, and
 * an entry for a name hides one for a wildcard even if it denies.
 *
 * A bus has one, which counts from when the first activator or policy holder
 * has appeared; a custom endpoint always has one. Both are guarded by the lock
 * of the bus. Entries belong to an owner (a connection or an endpoint), who
 * replaces all of his at once; they are made before the lock is taken and
 * freed after it is dropped. Uids and gids are kept as the kernel's own,
 * converted in the namespace of who uploads them.
 */
#ifndef KDBUS_POLICY_H
#define KDBUS_POLICY_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/kdbus.h>

struct cred;
struct kdbus_conn;
struct kdbus_endpoint;

/**
 * struct kdbus_policy_db - entries that are looked up together
 * @entries:	by name
 */
struct kdbus_policy_db {
	DECLARE_HASHTABLE(entries, 6);
};

int kdbus_policy_parse(struct list_head *list, const void *cmd, size_t offset,
		       size_t size, unsigned int max_names);
void kdbus_policy_free(struct list_head *list);

void kdbus_policy_init(struct kdbus_policy_db *db);
int kdbus_policy_check_conn(const struct kdbus_conn *conn,
			    const struct list_head *list);
void kdbus_policy_set_conn(struct kdbus_conn *conn, struct list_head *list);
void kdbus_policy_unset_conn(struct kdbus_conn *conn, struct list_head *gone);
void kdbus_policy_set_endpoint(struct kdbus_endpoint *ep,
			       struct list_head *list);

bool kdbus_policy_applies(const struct kdbus_conn *conn);
bool kdbus_policy_is_free(const struct kdbus_conn *conn,
			  const struct kdbus_conn *peer);
bool kdbus_policy_can_own(const struct kdbus_conn *conn, const char *name);
bool kdbus_policy_may_own(const struct kdbus_conn *conn, const char *name);
bool kdbus_policy_may_talk(const struct kdbus_conn *conn,
			   const struct cred *cred,
			   const struct kdbus_conn *peer, u64 msg);
void kdbus_policy_unseen(const struct kdbus_conn *conn, u64 peer,
			 const char *name, u64 msg);
bool kdbus_policy_may_see_name(const struct kdbus_conn *conn,
			       const char *name);
bool kdbus_policy_sees_name(const struct kdbus_conn *conn, const char *name);
bool kdbus_policy_may_see(const struct kdbus_conn *conn,
			  const struct kdbus_conn *peer);

#endif /* KDBUS_POLICY_H */
