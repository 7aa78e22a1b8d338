/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: limits
 *
 * What bounds a user. Two kinds of bound exist. Those that give a message or
 * a command its shape are constants of the ABI. Those that share a scarce
 * thing among users are module parameters, readable and writable in
 * /sys/module/kdbus/parameters; a change holds for what is asked afterwards.
 * Everybody is counted, root too: capabilities open doors, they lift no
 * limit.
 *
 * A struct kdbus_user stands for one uid in one domain and counts what that
 * uid holds there. All who come through a custom endpoint are one anonymous
 * user as well, which is how others' pools know them. A user lives as long as
 * something refers to it. The table of users is guarded by the domain's
 * user_lock; the counters are atomic and are charged before the thing they
 * count is made.
 *
 * One who has a range of uids in a user namespace would have as many limits. So
 * what is made in a namespace below that of the domain counts for the owner of
 * the namespace as well, and so on up to the domain's: users have a user above
 * them, and each charge goes all the way up. The same uid is another user there
 * than in the domain's namespace. Domains are counted by the initial one, wherever
 * they are made, since their majors are the machine's.
 */
#ifndef KDBUS_LIMITS_H
#define KDBUS_LIMITS_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/uidgid.h>
#include <linux/wait.h>

#include "tracepoints/kdbus_enums.h"

/* shape: fixed by the ABI, in bytes unless said otherwise */
#define KDBUS_MSG_MAX_SIZE		8192
#define KDBUS_MSG_MAX_ITEMS		128
#define KDBUS_MSG_MAX_FDS		256
#define KDBUS_MSG_MAX_VEC_SIZE		(2UL << 20)
#define KDBUS_MSG_MAX_STAGED		(16UL << 20)
#define KDBUS_MAKE_MAX_SIZE		32768
#define KDBUS_HELLO_MAX_SIZE		32768
#define KDBUS_UPDATE_MAX_ITEMS		32768
#define KDBUS_MATCH_MAX_ITEMS		32768
#define KDBUS_MEMFD_MAX_CMD_SIZE	(24 + 32768)
#define KDBUS_NAME_MAX_LEN		255
#define KDBUS_SYSNAME_MAX_LEN		63
#define KDBUS_DOMAIN_MAX_PATH		255
#define KDBUS_CMD_NAME_EXTRA		256
#define KDBUS_BLOOM_MIN_SIZE		8
#define KDBUS_BLOOM_MAX_SIZE		4096

/* how many minors a domain has: one control node, the rest endpoints */
#define KDBUS_DOMAIN_MINORS		(1U << 16)

/* shared things: module parameters */
extern unsigned int kdbus_max_domains_per_user;
extern unsigned int kdbus_max_buses_per_user;
extern unsigned int kdbus_max_conns_per_user;
extern unsigned int kdbus_max_endpoints_per_user;
extern unsigned int kdbus_max_files_per_user;
extern unsigned int kdbus_max_match_bytes_per_user;
extern unsigned int kdbus_max_names_per_user;
extern unsigned int kdbus_max_matches_per_bus;
extern unsigned int kdbus_max_matches_per_conn;
extern unsigned int kdbus_max_notices_per_conn;
extern unsigned int kdbus_max_names_per_conn;
extern unsigned int kdbus_max_requests_per_conn;
extern unsigned int kdbus_max_msgs_per_sender;
extern unsigned int kdbus_max_msgs_same_uid;
extern unsigned int kdbus_max_fds_per_sender;
extern unsigned int kdbus_max_fds_same_uid;
extern unsigned long long kdbus_max_pool_size;

struct kdbus_conn;
struct kdbus_domain;
struct user_namespace;

/**
 * enum kdbus_count - what is counted for a user
 * @KDBUS_COUNT_DOMAINS:	domains it has made, in the initial domain
 * @KDBUS_COUNT_BUSES:		buses it has made
 * @KDBUS_COUNT_ENDPOINTS:	custom endpoints it has made
 * @KDBUS_COUNT_CONNS:		connections it has
 * @KDBUS_COUNT_FILES:		files its messages carry that have not been received
 * @KDBUS_COUNT_SEEN_FILES:	files that came with what monitors have not received
 * @KDBUS_COUNT_MATCH_BYTES:	size of the matches of its connections
 * @KDBUS_COUNT_NAMES:		names its connections own, wait for or are activators of
 * @KDBUS_COUNT_NOTICES:	records it has brought that are in the logs of buses
 * @KDBUS_N_COUNTS:		how many there are
 */
enum kdbus_count {
	KDBUS_COUNT_DOMAINS,
	KDBUS_COUNT_BUSES,
	KDBUS_COUNT_ENDPOINTS,
	KDBUS_COUNT_CONNS,
	KDBUS_COUNT_FILES,
	KDBUS_COUNT_SEEN_FILES,
	KDBUS_COUNT_MATCH_BYTES,
	KDBUS_COUNT_NAMES,
	KDBUS_COUNT_NOTICES,
	KDBUS_N_COUNTS,
};

/**
 * struct kdbus_user - what one uid holds in one domain
 * @kref:	references
 * @domain:	where; pinned by whoever pins the user
 * @uid:	who; invalid for an anonymous user
 * @up:		who is charged for all that this one is charged for, referenced: the
 *		owner of its user namespace; NULL in the domain's own
 * @key:	number that tells it from all other uids in the domain
 * @node:	link in the domain's table, if it is not anonymous
 * @counts:	what it holds, and those below it
 * @told:	tasks that wait until what it has done is told, see log.h
 */
struct kdbus_user {
	struct kref kref;
	struct kdbus_domain *domain;
	kuid_t uid;
	struct kdbus_user *up;
	u64 key;
	struct hlist_node node;
	atomic_t counts[KDBUS_N_COUNTS];
	wait_queue_head_t told;
};

struct kdbus_user *kdbus_user_get(struct kdbus_domain *domain, kuid_t uid,
				  const struct user_namespace *ns);
struct kdbus_user *kdbus_user_new_anonymous(struct kdbus_domain *domain);
struct kdbus_user *kdbus_user_ref(struct kdbus_user *user);
void kdbus_user_put(struct kdbus_user *user);

int kdbus_count_charge(atomic_t *count, unsigned int n, unsigned int max,
		       int error);
struct kdbus_user *kdbus_user_charge(struct kdbus_user *user,
				     enum kdbus_count what, unsigned int n,
				     unsigned int max);
void kdbus_user_uncharge(struct kdbus_user *user, enum kdbus_count what,
			 unsigned int n);
int kdbus_user_charge_object(struct kdbus_user *user, enum kdbus_count what,
			     unsigned int max, u64 bus,
			     enum kdbus_quota_kind kind);
int kdbus_user_charge_files(const struct kdbus_conn *conn, u64 monitor,
			    unsigned int n, u64 msg);
void kdbus_user_uncharge_files(struct kdbus_user *user, bool seen,
			       unsigned int n);

#endif /* KDBUS_LIMITS_H */
