/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: items
 *
 * What commands carry: a stream of {size, type, payload} records behind a
 * fixed header. A command is copied from user memory once, whole; from then
 * on the copy is walked, and each item is checked against what is left of
 * the area before it is looked at. Nothing here takes a lock.
 */
#ifndef KDBUS_ITEM_H
#define KDBUS_ITEM_H

#include <linux/types.h>
#include <linux/kdbus.h>

#define KDBUS_ITEM_HEADER_SIZE offsetof(struct kdbus_item, data)
#define KDBUS_ITEM_SIZE(payload) ALIGN(KDBUS_ITEM_HEADER_SIZE + (payload), 8)

/**
 * struct kdbus_items - a walk over the items of a command
 * @area:	the items, aligned to 8
 * @size:	bytes in @area
 * @pos:	where the next item begins
 */
struct kdbus_items {
	const u8 *area;
	size_t size;
	size_t pos;
};

/**
 * kdbus_items_init() - begin a walk over a command's items
 * @items:	the walk
 * @cmd:	the command, in kernel memory
 * @offset:	where its items begin, a multiple of 8
 * @size:	size of the whole command in bytes, at least @offset
 */
static inline void kdbus_items_init(struct kdbus_items *items,
				    const void *cmd, size_t offset, size_t size)
{
	items->area = cmd + offset;
	items->size = size - offset;
	items->pos = 0;
}

/**
 * kdbus_items_next() - the next item of a walk
 * @items:	the walk
 * @item:	set to the item; it lies within the area, with a payload of at
 *		least one byte
 *
 * Only the last item may lack its padding.
 *
 * Return: 1, 0 at the end, or -EINVAL where no item can be.
 */
static inline int kdbus_items_next(struct kdbus_items *items,
				   const struct kdbus_item **item)
{
	size_t left = items->size - items->pos;
	const struct kdbus_item *next;

	if (!left)
		return 0;
	if (left < KDBUS_ITEM_HEADER_SIZE)
		return -EINVAL;

	next = (const void *)(items->area + items->pos);
	if (next->size <= KDBUS_ITEM_HEADER_SIZE || next->size > left)
		return -EINVAL;

	items->pos += min_t(size_t, ALIGN(next->size, 8), left);
	*item = next;
	return 1;
}

/* bytes of payload; the item has been returned by kdbus_items_next() */
static inline size_t kdbus_item_payload(const struct kdbus_item *item)
{
	return item->size - KDBUS_ITEM_HEADER_SIZE;
}

/**
 * struct kdbus_item_writer - items being written, in kernel memory
 * @buf:	where they are: @first until they outgrow it
 * @size:	bytes written, a multiple of 8
 * @room:	bytes in @buf
 * @failed:	there was no memory for something, which is not there
 * @first:	memory of the caller's
 */
struct kdbus_item_writer {
	u8 *buf;
	size_t size;
	size_t room;
	bool failed;
	u8 *first;
};

void kdbus_item_writer_init(struct kdbus_item_writer *w, u64 *first,
			    size_t room);
void kdbus_item_writer_destroy(struct kdbus_item_writer *w);
bool kdbus_item_writer_grow(struct kdbus_item_writer *w, size_t need);
void kdbus_item_write(struct kdbus_item_writer *w, u64 type, const void *data,
		      size_t size);

/**
 * kdbus_item_reserve() - make room behind the items there are
 * @w:		the writer
 * @size:	bytes, a multiple of 8; the caller writes them all
 *
 * Return: where they are; or NULL without memory, and @w has failed.
 */
static inline void *kdbus_item_reserve(struct kdbus_item_writer *w, size_t size)
{
	void *at;

	if (size > w->room - w->size && !kdbus_item_writer_grow(w, size))
		return NULL;
	at = w->buf + w->size;
	w->size += size;
	return at;
}

/**
 * kdbus_item_add() - add an item behind the others
 * @w:		the writer
 * @type:	its type
 * @size:	bytes of payload, which the caller writes; zeros follow up to the
 *		next multiple of 8
 *
 * Return: where the payload is; or NULL without memory, and @w has failed.
 */
static inline void *kdbus_item_add(struct kdbus_item_writer *w, u64 type,
				   size_t size)
{
	u64 *item = kdbus_item_reserve(w, KDBUS_ITEM_SIZE(size));

	if (!item)
		return NULL;
	/* the last word may be padding in part */
	item[KDBUS_ITEM_SIZE(size) / 8 - 1] = 0;
	item[0] = KDBUS_ITEM_HEADER_SIZE + size;
	item[1] = type;
	return item + 2;
}

bool kdbus_item_is_string(const struct kdbus_item *item);
int kdbus_item_check_sysname(const struct kdbus_item *item);
int kdbus_make_name(const struct kdbus_cmd_make *cmd, const char **name);
bool kdbus_name_is_valid(const char *name, bool allow_wildcard);

void *kdbus_cmd_import(void __user *argp, size_t min, size_t max);

/**
 * kdbus_user_ptr_is_aligned() - whether an argument has the ABI's alignment
 * @argp:	the argument
 */
static inline bool kdbus_user_ptr_is_aligned(const void __user *argp)
{
	return IS_ALIGNED((unsigned long)argp, 8);
}

#endif /* KDBUS_ITEM_H */
