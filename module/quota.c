// SPDX-License-Identifier: GPL-2.0
/*
 * Who may put how much into a pool. Rules and locking: see quota.h.
 */
#include <linux/minmax.h>
#include <linux/slab.h>

#include "limits.h"
#include "pool.h"
#include "quota.h"

/* messages of one sender that its siblings' do not keep out */
#define KDBUS_MSGS_ALWAYS 4

/* accounts a pool keeps, charged or not, before it looks for idle ones */
#define KDBUS_ACCOUNTS_KEPT 16

static bool kdbus_account_is_idle(const struct kdbus_account *account)
{
	return !account->bytes && !account->msgs && !account->fds;
}

static void kdbus_account_free(struct kdbus_pool *pool,
			       struct kdbus_account *account)
{
	hash_del(&account->node);
	pool->accounts.count--;
	kfree(account);
}

/* Makes room where there are many accounts, and most likely idle ones. */
static void kdbus_accounts_prune(struct kdbus_pool *pool)
{
	struct kdbus_account *account;
	struct hlist_node *tmp;
	int bucket;

	if (pool->accounts.count < max(pool->accounts.prune_at,
				       KDBUS_ACCOUNTS_KEPT))
		return;
	hash_for_each_safe(pool->accounts.table, bucket, tmp, account, node)
		if (kdbus_account_is_idle(account))
			kdbus_account_free(pool, account);
	/* a walk for every so many accounts that were made */
	pool->accounts.prune_at = 2 * pool->accounts.count;
}

static struct kdbus_account *
kdbus_account_find(struct kdbus_pool *pool, const struct kdbus_charge *charge)
{
	struct kdbus_account *account;

	hash_for_each_possible(pool->accounts.table, account, node, charge->id)
		if (account->id == charge->id &&
		    account->foreign == charge->foreign)
			return account;
	return NULL;
}

static struct kdbus_account *
kdbus_account_add(struct kdbus_pool *pool, const struct kdbus_charge *charge,
		  struct kdbus_account **spare)
{
	struct kdbus_account *account = *spare;

	if (!account)
		return NULL;
	kdbus_accounts_prune(pool);

	*spare = NULL;
	account->foreign = charge->foreign;
	account->id = charge->id;
	account->uid = charge->uid;
	hash_add(pool->accounts.table, &account->node, account->id);
	pool->accounts.count++;
	return account;
}

static int kdbus_refuse(struct kdbus_refusal *refusal,
			enum kdbus_quota_kind kind, u64 asked, u64 used,
			u64 limit, int error)
{
	refusal->kind = kind;
	refusal->asked = asked;
	refusal->used = used;
	refusal->limit = limit;
	return error;
}

/* Another uid: a third of what others left of the half that is for senders. */
static u64 kdbus_share_foreign(const struct kdbus_pool *pool,
			       const struct kdbus_account *account)
{
	u64 half = pool->size / 2;
	u64 others = pool->accounts.bytes - account->bytes;

	return (half - min(half, others)) / 3;
}

/* The same uid: 7/8 of what is there for this connection. */
static u64 kdbus_share_same(const struct kdbus_pool *pool,
			    const struct kdbus_account *account)
{
	u64 there = pool->size - pool->used + account->bytes;

	return there - there / 8;
}

/* @account may be NULL: the sender has none yet. */
static int kdbus_quota_check_queue(const struct kdbus_pool *pool,
				   const struct kdbus_account *account,
				   bool foreign, struct kdbus_refusal *refusal)
{
	unsigned int max = READ_ONCE(kdbus_max_msgs_per_sender);
	unsigned int max_same = READ_ONCE(kdbus_max_msgs_same_uid);
	unsigned int msgs = account ? account->msgs : 0;

	if (msgs >= max)
		return kdbus_refuse(refusal, KDBUS_QUOTA_MSGS, 1, msgs, max,
				    -ENOBUFS);
	if (!foreign && msgs >= KDBUS_MSGS_ALWAYS &&
	    pool->accounts.msgs_same_uid >= max_same)
		return kdbus_refuse(refusal, KDBUS_QUOTA_MSGS, 1,
				    pool->accounts.msgs_same_uid, max_same,
				    -ENOBUFS);
	return 0;
}

static int kdbus_quota_check_bytes(const struct kdbus_pool *pool, u64 size,
				   const struct kdbus_account *account,
				   struct kdbus_refusal *refusal)
{
	u64 free = pool->size - pool->used;
	u64 share;

	if (size > free)
		return kdbus_refuse(refusal, KDBUS_QUOTA_POOL, size, pool->used,
				    pool->size, -ENOBUFS);

	if (!account->foreign && size > free / 2)
		return kdbus_refuse(refusal, KDBUS_QUOTA_SHARE, size,
				    account->bytes, free / 2, -EXFULL);

	share = account->foreign ? kdbus_share_foreign(pool, account) :
				   kdbus_share_same(pool, account);
	if (account->bytes + size > share)
		return kdbus_refuse(refusal, KDBUS_QUOTA_SHARE, size,
				    account->bytes, share, -EXFULL);
	return 0;
}

/**
 * kdbus_quota_charge() - charge a sender for a message
 * @pool:	the receiver's pool, its lock held
 * @size:	bytes of the slice; at most the pool's size
 * @charge:	who sends what
 * @spare:	a zeroed account to use if the sender has none; set to NULL if
 *		it was used; NULL there means: only look for an account
 * @account:	set to the account that is charged
 * @refusal:	filled in on failure
 *
 * Return: 0; -EAGAIN if the sender has no account and there is no spare one;
 * -ENOBUFS, -EXFULL or -EMFILE, see quota.h.
 */
int kdbus_quota_charge(struct kdbus_pool *pool, u64 size,
		       const struct kdbus_charge *charge,
		       struct kdbus_account **spare,
		       struct kdbus_account **account,
		       struct kdbus_refusal *refusal)
{
	unsigned int max_fds = charge->foreign ?
			       READ_ONCE(kdbus_max_fds_per_sender) :
			       READ_ONCE(kdbus_max_fds_same_uid);
	struct kdbus_account *a;
	int ret;

	lockdep_assert_held(&pool->lock);

	a = kdbus_account_find(pool, charge);
	if (!a)
		a = kdbus_account_add(pool, charge, spare);
	if (!a)
		return -EAGAIN;

	ret = kdbus_quota_check_queue(pool, a, a->foreign, refusal);
	if (ret < 0)
		return ret;
	if (charge->fds && a->fds + charge->fds > max_fds)
		return kdbus_refuse(refusal, KDBUS_QUOTA_FDS, charge->fds,
				    a->fds, max_fds, -EMFILE);
	ret = kdbus_quota_check_bytes(pool, size, a, refusal);
	if (ret < 0)
		return ret;

	a->msgs++;
	pool->accounts.msgs_same_uid += !a->foreign;
	a->fds += charge->fds;
	a->bytes += size;
	pool->accounts.bytes += size;
	*account = a;
	return 0;
}

/**
 * kdbus_quota_check_msgs() - whether a sender may have one more message queued
 * @pool:	the receiver's pool, its lock held
 * @charge:	who sends
 * @refusal:	filled in on failure
 *
 * Return: 0 or -ENOBUFS.
 */
int kdbus_quota_check_msgs(struct kdbus_pool *pool,
			   const struct kdbus_charge *charge,
			   struct kdbus_refusal *refusal)
{
	lockdep_assert_held(&pool->lock);

	return kdbus_quota_check_queue(pool, kdbus_account_find(pool, charge),
				       charge->foreign, refusal);
}

/**
 * kdbus_quota_uncharge_queued() - a message has left the queue
 * @pool:	the pool, its lock held
 * @account:	who was charged for it
 * @fds:	file descriptors that came along
 */
void kdbus_quota_uncharge_queued(struct kdbus_pool *pool,
				 struct kdbus_account *account,
				 unsigned int fds)
{
	lockdep_assert_held(&pool->lock);

	account->msgs--;
	pool->accounts.msgs_same_uid -= !account->foreign;
	account->fds -= fds;
}

/**
 * kdbus_quota_uncharge_bytes() - a slice is free again
 * @pool:	the pool, its lock held
 * @account:	who was charged for it
 * @size:	bytes of the slice
 */
void kdbus_quota_uncharge_bytes(struct kdbus_pool *pool,
				struct kdbus_account *account, u64 size)
{
	lockdep_assert_held(&pool->lock);

	account->bytes -= size;
	pool->accounts.bytes -= size;
}

/**
 * kdbus_quota_destroy() - free all accounts
 * @pool:	a pool that nobody uses any more
 */
void kdbus_quota_destroy(struct kdbus_pool *pool)
{
	struct kdbus_account *account;
	struct hlist_node *tmp;
	int bucket;

	hash_for_each_safe(pool->accounts.table, bucket, tmp, account, node)
		kdbus_account_free(pool, account);
}
