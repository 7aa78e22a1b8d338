/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: quotas
 *
 * A receiver's pool is shared among those who send to it. Each of them has an
 * account there, and a message is charged to its sender's account before its
 * slice is taken. Senders of another uid than the receiver's share one
 * account per uid; connections of the receiver's own uid have an account
 * each. All who come through one custom endpoint are one uid in this. What the
 * receiver asks for itself (lists, sync replies, notices of its calls) is
 * charged to nobody, and held by nobody else for as long as its memory takes;
 * see kdbus_message_deliver().
 *
 * Bytes are charged until the slice is free again, so a receiver that keeps
 * messages keeps their senders' accounts filled. Messages and file
 * descriptors are charged until they leave the queue.
 *
 * The bounds, for a pool of S bytes of which F are free:
 *
 * - it must fit at all, else -ENOBUFS;
 * - another uid may hold a third of what the other accounts left of S/2, so
 *   the other half stays for what the receiver asks for itself, else -EXFULL;
 * - one's own uid: a message may take half of F, and one connection may hold
 *   7/8 of F and what it holds already, else -EXFULL;
 * - max_msgs_per_sender messages per account; and for who has four or more,
 *   max_msgs_same_uid of all accounts of one's own uid, since what is queued is
 *   looked through where names move and calls are taken up again; else
 *   -ENOBUFS;
 * - max_fds_per_sender file descriptors (max_fds_same_uid for one's own uid),
 *   else -EMFILE; memfds of the payload are none of them.
 *
 * Accounts are guarded by the pool's lock. One that is not charged stays for
 * the next message unless there are too many of them.
 */
#ifndef KDBUS_QUOTA_H
#define KDBUS_QUOTA_H

#include <linux/hashtable.h>
#include <linux/types.h>

#include "tracepoints/kdbus_enums.h"

struct kdbus_pool;

/**
 * struct kdbus_account - what one sender has in one pool
 * @node:	link in the pool's table
 * @foreign:	@id is another uid, else a connection of the pool owner's uid
 * @id:		key of a user (its uid, if it has one) or connection id
 * @uid:	uid of the sender, for who looks
 * @bytes:	bytes in slices
 * @msgs:	messages queued
 * @fds:	file descriptors queued
 */
struct kdbus_account {
	struct hlist_node node;
	bool foreign;
	u64 id;
	u32 uid;
	u64 bytes;
	unsigned int msgs;
	unsigned int fds;
};

/**
 * struct kdbus_accounts - all accounts of a pool
 * @table:	by id
 * @count:	how many there are
 * @prune_at:	how many there may be before idle ones are looked for
 * @bytes:	sum of their bytes
 * @msgs_same_uid: messages queued by those of the pool owner's uid
 */
struct kdbus_accounts {
	DECLARE_HASHTABLE(table, 4);
	unsigned int count;
	unsigned int prune_at;
	u64 bytes;
	unsigned int msgs_same_uid;
};

/**
 * struct kdbus_charge - what a sender wants to put into a pool
 * @foreign:	as in struct kdbus_account
 * @id:		as in struct kdbus_account
 * @src:	id of the sending connection, for trace events
 * @uid:	uid of the sender, for trace events
 * @fds:	file descriptors that come along
 */
struct kdbus_charge {
	bool foreign;
	u64 id;
	u64 src;
	u32 uid;
	unsigned int fds;
};

/**
 * struct kdbus_refusal - which bound a charge ran into
 * @kind:	the bound
 * @asked:	what was asked for, in @kind's unit
 * @used:	what the account had, or all accounts, or the pool
 * @limit:	the bound's value
 */
struct kdbus_refusal {
	enum kdbus_quota_kind kind;
	u64 asked;
	u64 used;
	u64 limit;
};

int kdbus_quota_charge(struct kdbus_pool *pool, u64 size,
		       const struct kdbus_charge *charge,
		       struct kdbus_account **spare,
		       struct kdbus_account **account,
		       struct kdbus_refusal *refusal);
int kdbus_quota_check_msgs(struct kdbus_pool *pool,
			   const struct kdbus_charge *charge,
			   struct kdbus_refusal *refusal);
void kdbus_quota_uncharge_queued(struct kdbus_pool *pool,
				 struct kdbus_account *account,
				 unsigned int fds);
void kdbus_quota_uncharge_bytes(struct kdbus_pool *pool,
				struct kdbus_account *account, u64 size);
void kdbus_quota_destroy(struct kdbus_pool *pool);

#endif /* KDBUS_QUOTA_H */
