/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: pools and slices
 *
 * Each connection has a pool: shared memory that its owner can map but only
 * the kernel writes. What the owner receives lies there in slices. Slices
 * span the pool without gaps, in the order of their offsets; free ones are
 * also in a tree by size (best fit), used ones in a tree by offset (FREE).
 *
 * A used slice is held from two sides, and is free again when neither holds
 * it: by the kernel, while something will still be written to it or it waits
 * in a queue (@pins), and by user space, from when its offset was handed out
 * until FREE (@user). So FREE of a message that is still queued takes nothing
 * from the queue, and a slice can be freed only once.
 *
 * pool->lock guards slices and accounts (quota.h). Pages are looked up,
 * written and charged to the pool owner's memory cgroup without any lock, by
 * whoever sends; a page is not locked while user memory is read, since that
 * memory may be the pool itself. The page where the last write began is kept,
 * referenced: small messages that are received soon all lie there, and looking
 * it up would take as long as writing them.
 */
#ifndef KDBUS_POOL_H
#define KDBUS_POOL_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>

#include "quota.h"

struct file;
struct mem_cgroup;

/**
 * struct kdbus_slice - a part of a pool
 * @pool:	the pool
 * @node:	link in the list by offset
 * @rb:		link in the tree of free or used slices
 * @offset:	where it begins in the pool, a multiple of 8
 * @size:	its bytes, a multiple of 8
 * @is_free:	which tree it is in
 * @user:	its offset was handed out and not freed yet
 * @written:	bytes from its beginning that may be written, while it is filled
 * @pins:	holds of the kernel
 * @account:	who is charged for it, or NULL
 * @msg:	trace id of the message in it, or 0
 * @src:	connection that is charged for it, for trace events; or 0
 * @uid:	its uid, likewise; all ones if nobody is charged
 */
struct kdbus_slice {
	struct kdbus_pool *pool;
	struct list_head node;
	struct rb_node rb;
	u64 offset;
	u64 size;
	u64 written;
	bool is_free;
	bool user;
	unsigned int pins;
	struct kdbus_account *account;
	u64 msg;
	u64 src;
	u32 uid;
};

/**
 * struct kdbus_pool - a connection's receive memory
 * @file:	the shared memory
 * @memcg:	who pays for its pages, referenced
 * @bus_id:	bus of the owner, for trace events
 * @conn_id:	id of the owner, for trace events
 * @size:	its bytes
 * @lock:	guards what follows
 * @spare:	what the next slice that is divided needs, or NULL
 * @kept:	the slice that was given back last, or NULL: free, but as it was, for
 *		the next message of that size
 * @page:	the page where the last write began, referenced; or NULL
 * @page_index:	its index in @file
 * @slices:	all slices, by offset
 * @free:	free slices, by size and offset
 * @busy:	used slices, by offset
 * @used:	bytes in used slices
 * @peak:	highest @used ever
 * @changes:	how often @used has changed, for trace events
 * @accounts:	who is charged how much
 */
struct kdbus_pool {
	struct file *file;
	struct mem_cgroup *memcg;
	u64 bus_id;
	u64 conn_id;
	u64 size;

	spinlock_t lock;
	struct kdbus_slice *spare;
	struct kdbus_slice *kept;
	struct page *page;
	pgoff_t page_index;
	struct list_head slices;
	struct rb_root free;
	struct rb_root busy;
	u64 used;
	u64 peak;
	u64 changes;
	struct kdbus_accounts accounts;
};

/**
 * struct kdbus_pool_writer - a position in a slice that is being filled
 * @pool:	the pool
 * @pos:	next byte, as offset in the pool
 * @start:	nothing has been written yet
 * @to_the_end:	goes on even if current is being killed
 * @page:	the page it is in, referenced and mapped; or NULL
 * @map:	where that is
 * @left:	bytes that can be written there
 *
 * Belongs to one task; ended by kdbus_pool_writer_end(). Writers end in the
 * reverse order of their beginning, as kmap_local_page() has it.
 */
struct kdbus_pool_writer {
	struct kdbus_pool *pool;
	u64 pos;
	bool start;
	bool to_the_end;
	struct page *page;
	char *map;
	size_t left;
};

struct kdbus_pool *kdbus_pool_new(const char *name, u64 size);
void kdbus_pool_free(struct kdbus_pool *pool);

struct kdbus_slice *kdbus_slice_alloc(struct kdbus_pool *pool, u64 size,
				      const struct kdbus_charge *charge,
				      u64 msg);
void kdbus_slice_pin(struct kdbus_slice *slice);
void kdbus_slice_unpin(struct kdbus_slice *slice);
void kdbus_slice_clear(struct kdbus_slice *slice);
void kdbus_slice_publish(struct kdbus_slice *slice);
void kdbus_slice_leave_queue(struct kdbus_slice *slice, unsigned int fds,
			     bool publish);
int kdbus_pool_release(struct kdbus_pool *pool, u64 offset);
int kdbus_pool_check_msgs(struct kdbus_pool *pool,
			  const struct kdbus_charge *charge, u64 msg);
void kdbus_pool_usage(struct kdbus_pool *pool, u64 *used, u64 *peak);

void kdbus_pool_writer_init(struct kdbus_pool_writer *w,
			    struct kdbus_slice *slice, u64 offset);
int kdbus_pool_write_pages(struct kdbus_pool_writer *w, const void *src,
			   u64 len);
int kdbus_pool_write_user(struct kdbus_pool_writer *w, const void __user *src,
			  u64 len);
int kdbus_pool_write_zeros(struct kdbus_pool_writer *w, u64 len);
void kdbus_pool_writer_end(struct kdbus_pool_writer *w);

/**
 * kdbus_pool_write() - write kernel memory into a slice
 * @w:		the writer
 * @src:	what to write
 * @len:	bytes; the slice has room for them
 *
 * May sleep.
 *
 * Return: 0 or a negative errno of getting the page.
 */
static inline int kdbus_pool_write(struct kdbus_pool_writer *w,
				   const void *src, u64 len)
{
	if (len > w->left)
		return kdbus_pool_write_pages(w, src, len);
	memcpy(w->map + PAGE_SIZE - w->left, src, len);
	w->pos += len;
	w->left -= len;
	return 0;
}

/**
 * kdbus_pool_write_zero() - write zero bytes into a slice
 * @w:		the writer
 * @len:	bytes, perhaps none; the slice has room for them
 *
 * Return: 0 or a negative errno of getting the page.
 */
static inline int kdbus_pool_write_zero(struct kdbus_pool_writer *w, u64 len)
{
	return len ? kdbus_pool_write_zeros(w, len) : 0;
}

int kdbus_pool_write_slice(struct kdbus_pool_writer *w,
			   const struct kdbus_slice *from, u64 offset, u64 len);
int kdbus_pool_copy(struct kdbus_slice *to, const struct kdbus_slice *from);

int kdbus_pool_mmap(struct kdbus_pool *pool, struct vm_area_struct *vma);

#endif /* KDBUS_POOL_H */
