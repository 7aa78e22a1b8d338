// SPDX-License-Identifier: GPL-2.0
/*
 * Pools: slices and their bookkeeping, writing into them, mapping them.
 * Rules and locking: see pool.h.
 */
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat/compat.h"
#include "pool.h"
#include "trace.h"

static void kdbus_slice_link_free(struct kdbus_slice *slice)
{
	struct rb_node **n = &slice->pool->free.rb_node, *parent = NULL;

	while (*n) {
		struct kdbus_slice *s = rb_entry(*n, struct kdbus_slice, rb);

		parent = *n;
		if (slice->size < s->size ||
		    (slice->size == s->size && slice->offset < s->offset))
			n = &parent->rb_left;
		else
			n = &parent->rb_right;
	}
	slice->is_free = true;
	rb_link_node(&slice->rb, parent, n);
	rb_insert_color(&slice->rb, &slice->pool->free);
}

static void kdbus_slice_link_busy(struct kdbus_slice *slice)
{
	struct rb_node **n = &slice->pool->busy.rb_node, *parent = NULL;

	while (*n) {
		struct kdbus_slice *s = rb_entry(*n, struct kdbus_slice, rb);

		parent = *n;
		n = slice->offset < s->offset ? &parent->rb_left :
						&parent->rb_right;
	}
	slice->is_free = false;
	rb_link_node(&slice->rb, parent, n);
	rb_insert_color(&slice->rb, &slice->pool->busy);
}

static struct kdbus_slice *kdbus_slice_find(struct kdbus_pool *pool,
					    u64 offset)
{
	struct rb_node *n = pool->busy.rb_node;

	while (n) {
		struct kdbus_slice *s = rb_entry(n, struct kdbus_slice, rb);

		if (offset == s->offset)
			return s;
		n = offset < s->offset ? n->rb_left : n->rb_right;
	}
	return NULL;
}

/* The smallest free slice of at least @size bytes. */
static struct kdbus_slice *kdbus_slice_best_fit(struct kdbus_pool *pool,
						u64 size)
{
	struct rb_node *n = pool->free.rb_node;
	struct kdbus_slice *best = NULL;

	while (n) {
		struct kdbus_slice *s = rb_entry(n, struct kdbus_slice, rb);

		if (size <= s->size) {
			best = s;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return best;
}

/*
 * The owner pays, but a sender asks: with the owner's control group at its
 * limit the sender gets an error, and nobody is killed for it.
 */
#define KDBUS_POOL_GFP (GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

static struct kdbus_slice *kdbus_slice_new(struct kdbus_pool *pool)
{
	struct kdbus_slice *slice;

	slice = kzalloc(sizeof(*slice), KDBUS_POOL_GFP);
	if (slice)
		slice->pool = pool;
	return slice;
}

/* Takes @size bytes of a free slice; the pool's spare one becomes the rest. */
static void kdbus_slice_divide(struct kdbus_slice *slice, u64 size)
{
	struct kdbus_pool *pool = slice->pool;
	struct kdbus_slice *r = pool->spare;

	rb_erase(&slice->rb, &pool->free);
	if (slice->size > size) {
		pool->spare = NULL;
		r->offset = slice->offset + size;
		r->size = slice->size - size;
		slice->size = size;
		list_add(&r->node, &slice->node);
		kdbus_slice_link_free(r);
	}
	kdbus_slice_link_busy(slice);
}

/* Takes a slice into use: @size bytes of it, or the one that was kept. */
static void kdbus_slice_take(struct kdbus_slice *slice, u64 size)
{
	struct kdbus_pool *pool = slice->pool;

	if (slice == pool->kept)
		pool->kept = NULL;
	else
		kdbus_slice_divide(slice, size);
	WRITE_ONCE(pool->used, pool->used + size);
	pool->peak = max(pool->peak, pool->used);
	pool->changes++;
}

/* Joins @slice with a free neighbour behind it, which goes to @gone. */
static void kdbus_slice_merge_next(struct kdbus_slice *slice,
				   struct list_head *gone)
{
	struct kdbus_pool *pool = slice->pool;
	struct kdbus_slice *next;

	if (list_is_last(&slice->node, &pool->slices))
		return;
	next = list_next_entry(slice, node);
	if (!next->is_free)
		return;

	rb_erase(&next->rb, &pool->free);
	slice->size += next->size;
	list_move(&next->node, gone);
}

/*
 * Joins a slice that is in use no longer with its neighbours. Slices that are no
 * longer needed go to @gone, for the caller to free without the lock; but one
 * stays with the pool for the next message.
 */
static void kdbus_slice_join(struct kdbus_slice *slice, struct list_head *gone)
{
	struct kdbus_pool *pool = slice->pool;
	struct kdbus_slice *prev;

	rb_erase(&slice->rb, &pool->busy);

	kdbus_slice_merge_next(slice, gone);
	if (!list_is_first(&slice->node, &pool->slices)) {
		prev = list_prev_entry(slice, node);
		if (prev->is_free) {
			rb_erase(&prev->rb, &pool->free);
			prev->size += slice->size;
			list_move(&slice->node, gone);
			slice = prev;
		}
	}
	kdbus_slice_link_free(slice);

	if (!pool->spare && !list_empty(gone)) {
		pool->spare = list_first_entry(gone, struct kdbus_slice, node);
		list_del(&pool->spare->node);
	}
}

/*
 * Gives a slice back, which neither side holds any more. It is kept, and the one
 * that was kept before is joined with its neighbours; @gone as above.
 */
static void kdbus_slice_give_back(struct kdbus_slice *slice,
				  struct list_head *gone)
{
	struct kdbus_pool *pool = slice->pool;

	lockdep_assert_held(&pool->lock);

	if (slice->account)
		kdbus_quota_uncharge_bytes(pool, slice->account, slice->size);
	slice->account = NULL;
	WRITE_ONCE(pool->used, pool->used - slice->size);
	pool->changes++;
	swap(pool->kept, slice);
	if (slice)
		kdbus_slice_join(slice, gone);
}

static void kdbus_slices_destroy(struct list_head *slices)
{
	struct kdbus_slice *slice, *tmp;

	list_for_each_entry_safe(slice, tmp, slices, node)
		kfree(slice);
}

static noinline void kdbus_slice_trace_alloc(const struct kdbus_slice *slice,
					     u64 used, u64 change)
{
	const struct kdbus_pool *pool = slice->pool;

	kdbus_trace(pool_alloc, pool->bus_id, pool->conn_id, slice->msg,
		    slice->offset, slice->size, used, pool->size, slice->src,
		    slice->uid, change);
}

static noinline void kdbus_slice_trace_refuse(const struct kdbus_pool *pool,
					      const struct kdbus_charge *charge,
					      const struct kdbus_refusal *r,
					      u64 msg, int ret)
{
	kdbus_trace(quota_refuse, pool->bus_id, pool->conn_id,
		    charge ? charge->src : 0, charge ? charge->uid : (u32)-1,
		    r->kind, r->asked, r->used, r->limit, ret, msg);
}

/* Gives a slice back and drops the lock, while somebody looks. */
static noinline void kdbus_slice_give_back_seen(struct kdbus_slice *slice,
						struct list_head *gone)
	__releases(&slice->pool->lock)
{
	struct kdbus_pool *pool = slice->pool;
	const struct kdbus_slice was = *slice;
	u64 used, change;

	kdbus_slice_give_back(slice, gone);
	used = pool->used;
	change = pool->changes;
	spin_unlock(&pool->lock);
	kdbus_trace(pool_free, pool->bus_id, pool->conn_id, was.msg, was.offset,
		    was.size, used, pool->size, was.src, was.uid, change);
}

/*
 * Drops the lock when a hold of a slice has gone; with the last one, the slice
 * goes, too.
 */
static void kdbus_slice_settle(struct kdbus_slice *slice)
	__releases(&slice->pool->lock)
{
	struct kdbus_pool *pool = slice->pool;
	LIST_HEAD(gone);

	if (slice->user || slice->pins) {
		spin_unlock(&pool->lock);
		return;
	}
	if (trace_kdbus_pool_free_enabled()) {
		kdbus_slice_give_back_seen(slice, &gone);
	} else {
		kdbus_slice_give_back(slice, &gone);
		spin_unlock(&pool->lock);
	}
	kdbus_slices_destroy(&gone);
}

/* A free slice of @size bytes or more, or NULL; @gone as above. */
static struct kdbus_slice *kdbus_slice_choose(struct kdbus_pool *pool, u64 size,
					      struct list_head *gone)
{
	struct kdbus_slice *kept = pool->kept, *best;

	if (kept && kept->size == size)
		return kept;
	best = kdbus_slice_best_fit(pool, size);
	if (best || !kept)
		return best;
	pool->kept = NULL;
	kdbus_slice_join(kept, gone);
	return kdbus_slice_best_fit(pool, size);
}

static int kdbus_slice_try_alloc(struct kdbus_pool *pool, u64 size,
				 const struct kdbus_charge *charge,
				 struct kdbus_account **spare,
				 struct kdbus_slice **slice,
				 struct kdbus_refusal *refusal,
				 struct list_head *gone)
{
	struct kdbus_account *account = NULL;
	struct kdbus_slice *best;
	int ret;

	lockdep_assert_held(&pool->lock);

	best = kdbus_slice_choose(pool, size, gone);
	if (best && best->size > size && !pool->spare)
		return -EAGAIN;
	if (charge) {
		ret = kdbus_quota_charge(pool, size, charge, spare, &account,
					 refusal);
		if (ret < 0)
			return ret;
	}
	if (!best) {
		/* there may be room enough, but not in one piece */
		if (account) {
			kdbus_quota_uncharge_queued(pool, account, charge->fds);
			kdbus_quota_uncharge_bytes(pool, account, size);
		}
		refusal->kind = KDBUS_QUOTA_POOL;
		refusal->asked = size;
		refusal->used = pool->used;
		refusal->limit = pool->size;
		return -ENOBUFS;
	}

	kdbus_slice_take(best, size);
	best->account = account;
	best->user = false;
	best->written = 0;
	best->pins = 1;
	*slice = best;
	return 0;
}

/*
 * Allocates what the pool has not in store: a slice, a sender's account. They
 * stay for as long as the pool's owner likes, who therefore pays.
 */
static int kdbus_pool_stock(struct kdbus_pool *pool,
			    struct kdbus_account **account)
{
	struct mem_cgroup *old = set_active_memcg(pool->memcg);
	struct kdbus_slice *slice;

	if (!*account)
		*account = kzalloc(sizeof(**account), KDBUS_POOL_GFP);
	slice = kdbus_slice_new(pool);
	set_active_memcg(old);
	if (!*account || !slice) {
		kfree(slice);
		return -ENOMEM;
	}

	spin_lock(&pool->lock);
	if (!pool->spare)
		swap(pool->spare, slice);
	spin_unlock(&pool->lock);
	kfree(slice);
	return 0;
}

/**
 * kdbus_slice_alloc() - take a slice from a pool
 * @pool:	the pool
 * @size:	bytes wanted, more than 0; rounded up to a multiple of 8
 * @charge:	who is charged for it, or NULL if the pool's owner asked for it
 * @msg:	trace id of the message it is for, or 0
 *
 * May sleep, holds no lock while it does.
 *
 * Return: the slice with one pin for the caller; or as a pointer -ENOMEM,
 * -ENOBUFS, -EXFULL or -EMFILE, the latter three as said in quota.h.
 */
struct kdbus_slice *kdbus_slice_alloc(struct kdbus_pool *pool, u64 size,
				      const struct kdbus_charge *charge,
				      u64 msg)
{
	struct kdbus_account *spare = NULL;
	struct kdbus_refusal refusal = {};
	struct kdbus_slice *slice;
	u64 used, change = 0;
	LIST_HEAD(gone);
	int ret;

	/* no room can be had for more; keeps the sums below from wrapping */
	size = size > pool->size ? pool->size + 8 : ALIGN(size, 8);

	do {
		spin_lock(&pool->lock);
		ret = kdbus_slice_try_alloc(pool, size, charge, &spare, &slice,
					    &refusal, &gone);
		if (!ret) {
			slice->msg = msg;
			slice->src = charge ? charge->src : 0;
			slice->uid = charge ? charge->uid : (u32)-1;
			if (trace_kdbus_pool_alloc_enabled()) {
				used = pool->used;
				change = pool->changes;
			}
		}
		spin_unlock(&pool->lock);
	} while (ret == -EAGAIN && !(ret = kdbus_pool_stock(pool, &spare)));
	kfree(spare);
	kdbus_slices_destroy(&gone);

	if (ret < 0) {
		if (ret != -ENOMEM)
			kdbus_slice_trace_refuse(pool, charge, &refusal, msg,
						 ret);
		return ERR_PTR(ret);
	}

	if (trace_kdbus_pool_alloc_enabled() && change)
		kdbus_slice_trace_alloc(slice, used, change);
	return slice;
}

/**
 * kdbus_slice_pin() - hold a slice for the kernel once more
 * @slice:	a slice that is pinned and stays so during the call
 */
void kdbus_slice_pin(struct kdbus_slice *slice)
{
	spin_lock(&slice->pool->lock);
	slice->pins++;
	spin_unlock(&slice->pool->lock);
}

/**
 * kdbus_slice_unpin() - drop a hold of the kernel
 * @slice:	the slice, or NULL; not to be used afterwards
 */
void kdbus_slice_unpin(struct kdbus_slice *slice)
{
	if (!slice)
		return;

	spin_lock(&slice->pool->lock);
	slice->pins--;
	kdbus_slice_settle(slice);
}

/**
 * kdbus_slice_publish() - hand a slice's offset out to user space
 * @slice:	a pinned slice; FREE accepts its offset from now on
 */
void kdbus_slice_publish(struct kdbus_slice *slice)
{
	spin_lock(&slice->pool->lock);
	slice->user = true;
	spin_unlock(&slice->pool->lock);
}

/**
 * kdbus_slice_leave_queue() - the message in a slice has left its queue
 * @slice:	the slice, pinned; the pin goes, and it is not to be used
 *		afterwards
 * @fds:	file descriptors that came along
 * @publish:	whether its offset was handed out to user space
 *
 * Its sender is charged for its bytes as long as user space keeps it.
 */
void kdbus_slice_leave_queue(struct kdbus_slice *slice, unsigned int fds,
			     bool publish)
{
	spin_lock(&slice->pool->lock);
	if (slice->account)
		kdbus_quota_uncharge_queued(slice->pool, slice->account, fds);
	slice->user |= publish;
	slice->pins--;
	kdbus_slice_settle(slice);
}

/**
 * kdbus_pool_release() - user space is done with a slice
 * @pool:	the caller's pool
 * @offset:	offset that was handed out
 *
 * Return: 0, or -ENXIO if no slice with that offset is user space's.
 */
int kdbus_pool_release(struct kdbus_pool *pool, u64 offset)
{
	struct kdbus_slice *slice;

	spin_lock(&pool->lock);
	slice = kdbus_slice_find(pool, offset);
	if (!slice || !slice->user) {
		spin_unlock(&pool->lock);
		return -ENXIO;
	}

	slice->user = false;
	kdbus_slice_settle(slice);
	return 0;
}

/**
 * kdbus_pool_check_msgs() - whether a sender may have one more message queued
 * @pool:	the pool
 * @charge:	who sends
 * @msg:	trace id of the message
 *
 * Return: 0, or -ENOBUFS, of which an event tells.
 */
int kdbus_pool_check_msgs(struct kdbus_pool *pool,
			  const struct kdbus_charge *charge, u64 msg)
{
	struct kdbus_refusal refusal = {};
	int ret;

	spin_lock(&pool->lock);
	ret = kdbus_quota_check_msgs(pool, charge, &refusal);
	spin_unlock(&pool->lock);
	if (ret < 0)
		kdbus_slice_trace_refuse(pool, charge, &refusal, msg, ret);
	return ret;
}

/**
 * kdbus_pool_usage() - how full a pool is
 * @pool:	the pool
 * @used:	set to the bytes in use
 * @peak:	set to the most there ever were
 */
void kdbus_pool_usage(struct kdbus_pool *pool, u64 *used, u64 *peak)
{
	spin_lock(&pool->lock);
	*used = pool->used;
	*peak = pool->peak;
	spin_unlock(&pool->lock);
}

/**
 * kdbus_pool_new() - make a pool
 * @name:	what its memory is called in /proc/PID/maps
 * @size:	its bytes, a multiple of the page size, more than 0
 *
 * The memory is reserved now and charged, page by page as it is written, to
 * current's memory cgroup.
 *
 * Return: the pool, which kdbus_pool_free() frees; or a negative errno as a
 * pointer.
 */
struct kdbus_pool *kdbus_pool_new(const char *name, u64 size)
{
	struct kdbus_slice *slice;
	struct kdbus_pool *pool;

	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	slice = kdbus_slice_new(pool);
	if (!slice) {
		kfree(pool);
		return ERR_PTR(-ENOMEM);
	}

	pool->file = kdbus_shmem_file(name, size);
	if (IS_ERR(pool->file)) {
		int ret = PTR_ERR(pool->file);

		kfree(slice);
		kfree(pool);
		return ERR_PTR(ret);
	}

	/*
	 * Nobody opens it for writing, or cuts it, by way of a mapping in
	 * /proc. For as long as the inode lives; cannot fail, nobody else has
	 * it. What senders write does not go through an open file.
	 */
	WARN_ON_ONCE(deny_write_access(pool->file) < 0);
	pool->memcg = get_mem_cgroup_from_mm(current->mm);
	pool->size = size;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->slices);
	pool->free = RB_ROOT;
	pool->busy = RB_ROOT;
	hash_init(pool->accounts.table);

	slice->size = size;
	list_add(&slice->node, &pool->slices);
	kdbus_slice_link_free(slice);
	return pool;
}

/* What its owner never gave back goes with the pool; every alloc has a free. */
static void kdbus_pool_trace_end(struct kdbus_pool *pool)
{
	struct kdbus_slice *slice;

	if (!trace_kdbus_pool_free_enabled())
		return;
	list_for_each_entry(slice, &pool->slices, node) {
		if (slice->is_free || slice == pool->kept)
			continue;
		pool->used -= slice->size;
		pool->changes++;
		kdbus_trace(pool_free, pool->bus_id, pool->conn_id, slice->msg,
			    slice->offset, slice->size, pool->used, pool->size,
			    slice->src, slice->uid, pool->changes);
	}
}

/**
 * kdbus_pool_free() - free a pool and all its slices
 * @pool:	the pool, or NULL; nobody writes to it any more. Mappings of it
 *		stay readable.
 */
void kdbus_pool_free(struct kdbus_pool *pool)
{
	if (!pool)
		return;

	kdbus_pool_trace_end(pool);
	kdbus_quota_destroy(pool);
	kdbus_slices_destroy(&pool->slices);
	kfree(pool->spare);
	if (pool->page)
		put_page(pool->page);
	mem_cgroup_put(pool->memcg);
	fput(pool->file);
	kfree(pool);
}

/**
 * kdbus_pool_writer_init() - begin to write into a slice
 * @w:		the writer
 * @slice:	a slice the caller has pinned
 * @offset:	where in the slice, in bytes
 */
void kdbus_pool_writer_init(struct kdbus_pool_writer *w,
			    struct kdbus_slice *slice, u64 offset)
{
	w->pool = slice->pool;
	w->pos = slice->offset + offset;
	w->start = true;
	w->to_the_end = false;
	w->page = NULL;
	w->left = 0;
}

/**
 * kdbus_pool_writer_end() - done with writing
 * @w:		the writer
 */
void kdbus_pool_writer_end(struct kdbus_pool_writer *w)
{
	if (!w->page)
		return;
	flush_dcache_page(w->page);
	kunmap_local(w->map);
	if (!PageDirty(w->page))
		set_page_dirty(w->page);
	put_page(w->page);
	w->page = NULL;
	w->left = 0;
}

/* The page kept from the last write, if it is this one; a reference. */
static struct page *kdbus_pool_kept_page(struct kdbus_pool *pool,
					 pgoff_t index)
{
	struct page *page = NULL;

	spin_lock(&pool->lock);
	if (pool->page && pool->page_index == index) {
		page = pool->page;
		get_page(page);
	}
	spin_unlock(&pool->lock);
	return page;
}

/* Keeps a page for the next write. */
static void kdbus_pool_keep_page(struct kdbus_pool *pool, struct page *page,
				 pgoff_t index)
{
	struct page *old;

	get_page(page);
	spin_lock(&pool->lock);
	old = pool->page;
	pool->page = page;
	pool->page_index = index;
	spin_unlock(&pool->lock);
	if (old)
		put_page(old);
}

/*
 * Looks a page up, or makes it. It is paid for by the pool's owner; with that
 * owner out of memory the sender gets an error: nobody is killed, and the
 * sender does not spend its time on finding memory for somebody else.
 */
static struct page *kdbus_pool_read_page(struct kdbus_pool *pool,
					 pgoff_t index)
{
	struct address_space *mapping = pool->file->f_mapping;
	struct mem_cgroup *old;
	struct page *page;

	old = set_active_memcg(pool->memcg);
	page = shmem_read_mapping_page_gfp(mapping, index,
					   mapping_gfp_mask(mapping) |
					   __GFP_NORETRY | __GFP_NOWARN);
	set_active_memcg(old);
	return page;
}

/*
 * Pages looked up with one walk, with their references; @next is the first of
 * them that has not been taken.
 */
struct kdbus_pool_ahead {
	struct folio_batch pages;
	unsigned int next;
};

/* The page, if it is one of them; its reference. */
static struct page *kdbus_pool_ahead_take(struct kdbus_pool_ahead *ahead,
					  pgoff_t index)
{
	struct folio *folio;

	if (ahead->next == folio_batch_count(&ahead->pages))
		return NULL;
	folio = ahead->pages.folios[ahead->next++];
	/* a new one that must be cleared first, or a large one: rare */
	if (folio->index == index && folio_test_uptodate(folio) &&
	    !folio_test_large(folio))
		return &folio->page;
	folio_put(folio);
	return NULL;
}

/* Gives back those that were not taken. */
static void kdbus_pool_ahead_end(struct kdbus_pool_ahead *ahead)
{
	while (ahead->next < folio_batch_count(&ahead->pages))
		folio_put(ahead->pages.folios[ahead->next++]);
}

/* Looks up those of the pages for some bytes that are there already. */
static void kdbus_pool_ahead_look(struct kdbus_pool_ahead *ahead,
				  const struct kdbus_pool *pool, pgoff_t index,
				  u64 len)
{
	pgoff_t last = index + (len >> PAGE_SHIFT) - 1;

	kdbus_pool_ahead_end(ahead);
	ahead->next = 0;
	folio_batch_init(&ahead->pages);
	filemap_get_folios_contig(pool->file->f_mapping, &index, last,
				  &ahead->pages);
}

/* Finds the page to write to next, with @len bytes or more to come. */
static int kdbus_pool_writer_page(struct kdbus_pool_writer *w,
				  struct kdbus_pool_ahead *ahead, u64 len)
{
	pgoff_t index = w->pos >> PAGE_SHIFT;
	struct page *page;

	kdbus_pool_writer_end(w);

	page = w->start ? kdbus_pool_kept_page(w->pool, index) :
			  kdbus_pool_ahead_take(ahead, index);
	if (!page) {
		cond_resched();
		if (!w->to_the_end && fatal_signal_pending(current))
			return -EINTR;
		if (!w->start && len >= 2 * PAGE_SIZE) {
			kdbus_pool_ahead_look(ahead, w->pool, index, len);
			page = kdbus_pool_ahead_take(ahead, index);
		}
	}
	if (!page) {
		page = kdbus_pool_read_page(w->pool, index);
		if (IS_ERR(page))
			return PTR_ERR(page);
		if (w->start)
			kdbus_pool_keep_page(w->pool, page, index);
	}

	w->start = false;
	w->page = page;
	w->map = kmap_local_page(page);
	w->left = PAGE_SIZE - offset_in_page(w->pos);
	return 0;
}

enum kdbus_source { KDBUS_SOURCE_KERNEL, KDBUS_SOURCE_USER, KDBUS_SOURCE_ZERO };

/*
 * Writes @n bytes to the writer's page, which has room for them. A fault may
 * have written any of them.
 */
static int kdbus_pool_fill(struct kdbus_pool_writer *w, enum kdbus_source from,
			   const void *src, const void __user *usrc, size_t n)
{
	char *at = w->map + PAGE_SIZE - w->left;

	w->pos += n;
	w->left -= n;
	switch (from) {
	case KDBUS_SOURCE_KERNEL:
		memcpy(at, src, n);
		break;
	case KDBUS_SOURCE_USER:
		/* not copy_from_user(): a page is no object whose end is known */
		if (_copy_from_user(at, usrc, n))
			return -EFAULT;
		break;
	case KDBUS_SOURCE_ZERO:
		memset(at, 0, n);
		break;
	}
	return 0;
}

static int kdbus_pool_put(struct kdbus_pool_writer *w, enum kdbus_source from,
			  const void *src, const void __user *usrc, u64 len)
{
	struct kdbus_pool_ahead ahead __uninitialized;
	u64 done = 0;
	int ret = 0;

	ahead.next = 0;
	folio_batch_init(&ahead.pages);
	while (done < len) {
		size_t n;

		ret = w->left ? 0 : kdbus_pool_writer_page(w, &ahead,
							   len - done);
		if (ret < 0)
			break;
		n = min_t(u64, len - done, w->left);
		ret = kdbus_pool_fill(w, from, src + done, usrc + done, n);
		if (ret < 0)
			break;
		done += n;
	}
	kdbus_pool_ahead_end(&ahead);
	return ret;
}

/**
 * kdbus_pool_write_pages() - kdbus_pool_write() to more than one page
 * @w:		the writer
 * @src:	what to write
 * @len:	bytes; the slice has room for them
 *
 * Return: 0 or a negative errno of getting a page.
 */
int kdbus_pool_write_pages(struct kdbus_pool_writer *w, const void *src,
			   u64 len)
{
	return kdbus_pool_put(w, KDBUS_SOURCE_KERNEL, src, NULL, len);
}

/**
 * kdbus_pool_write_user() - write current's memory into a slice
 * @w:		the writer
 * @src:	what to write
 * @len:	bytes; the slice has room for them
 *
 * The caller has page faults disabled: user memory may take for ever to fault
 * in, and may be the pool itself.
 *
 * Return: 0, -EFAULT if some of it is not in memory, or a negative errno of
 * getting the page.
 */
int kdbus_pool_write_user(struct kdbus_pool_writer *w, const void __user *src,
			  u64 len)
{
	if (len <= w->left)
		return kdbus_pool_fill(w, KDBUS_SOURCE_USER, NULL, src, len);
	return kdbus_pool_put(w, KDBUS_SOURCE_USER, NULL, src, len);
}

/**
 * kdbus_pool_write_zeros() - kdbus_pool_write_zero() of some bytes
 * @w:		the writer
 * @len:	bytes; the slice has room for them
 *
 * Return: 0 or a negative errno of getting the page.
 */
int kdbus_pool_write_zeros(struct kdbus_pool_writer *w, u64 len)
{
	return kdbus_pool_put(w, KDBUS_SOURCE_ZERO, NULL, NULL, len);
}

/**
 * kdbus_pool_write_slice() - write what is in another slice
 * @w:		the writer
 * @from:	the slice, pinned; most likely of another pool
 * @offset:	where in it to begin
 * @len:	bytes; both slices have that many
 *
 * May sleep.
 *
 * Return: 0 or a negative errno of getting a page.
 */
int kdbus_pool_write_slice(struct kdbus_pool_writer *w,
			   const struct kdbus_slice *from, u64 offset, u64 len)
{
	struct address_space *mapping = from->pool->file->f_mapping;
	u64 pos = from->offset + offset, end = pos + len;
	int ret = 0;

	while (!ret && pos < end) {
		size_t n = min_t(u64, end - pos,
				 PAGE_SIZE - offset_in_page(pos));
		struct page *page;
		void *map;

		page = shmem_read_mapping_page(mapping, pos >> PAGE_SHIFT);
		if (IS_ERR(page))
			return PTR_ERR(page);
		/* maps end in the reverse order of their beginning */
		kdbus_pool_writer_end(w);
		map = kmap_local_page(page);
		ret = kdbus_pool_write(w, map + offset_in_page(pos), n);
		kdbus_pool_writer_end(w);
		kunmap_local(map);
		put_page(page);
		pos += n;
	}
	return ret;
}

/**
 * kdbus_pool_copy() - copy a slice, most likely from one pool to another
 * @to:		pinned, at least as large
 * @from:	pinned
 *
 * May sleep. Goes on if current is being killed: whoever dies still has
 * messages to give back.
 *
 * Return: 0 or a negative errno of getting a page.
 */
int kdbus_pool_copy(struct kdbus_slice *to, const struct kdbus_slice *from)
{
	struct kdbus_pool_writer w;
	int ret;

	kdbus_pool_writer_init(&w, to, 0);
	w.to_the_end = true;
	ret = kdbus_pool_write_slice(&w, from, 0, from->size);
	kdbus_pool_writer_end(&w);
	to->written = to->size;
	return ret;
}

/**
 * kdbus_slice_clear() - wipe what was written to a slice that is given back
 * @slice:	the slice, pinned by the caller alone; nothing is written to it
 *		any more
 *
 * The pool's owner has the slice mapped, and is not to read a message there
 * that was refused. A page that cannot be had is not wiped; the slice then
 * keeps a pin for good, so that its room is not used again. May sleep.
 */
void kdbus_slice_clear(struct kdbus_slice *slice)
{
	struct kdbus_pool_writer w;
	int ret;

	kdbus_pool_writer_init(&w, slice, 0);
	w.to_the_end = true;
	ret = kdbus_pool_write_zero(&w, slice->written);
	kdbus_pool_writer_end(&w);
	if (ret < 0)
		kdbus_slice_pin(slice);
}

/**
 * kdbus_pool_mmap() - map a pool, read-only for good
 * @pool:	the pool
 * @vma:	where; belongs to current, whose mmap lock is held
 *
 * Return: 0, -EPERM if it was to be writable or executable, -EFAULT if it
 * reaches behind the pool's end.
 */
int kdbus_pool_mmap(struct kdbus_pool *pool, struct vm_area_struct *vma)
{
	u64 start = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 size = vma->vm_end - vma->vm_start;

	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	if (size > pool->size || start > pool->size - size)
		return -EFAULT;

	/*
	 * Without VM_SHARED it is what a read-only file would be mapped as:
	 * remap_file_pages() would map a shared one anew, asking nobody here.
	 */
	vm_flags_clear(vma, VM_SHARED | VM_MAYWRITE | VM_MAYEXEC);
	vma_set_file(vma, pool->file);
	return vfs_mmap(pool->file, vma);
}
