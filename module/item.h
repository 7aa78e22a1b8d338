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

void kdbus_items_init(struct kdbus_items *items, const void *cmd,
		      size_t offset, size_t size);
int kdbus_items_next(struct kdbus_items *items,
		     const struct kdbus_item **item);

/* bytes of payload; the item has been returned by kdbus_items_next() */
static inline size_t kdbus_item_payload(const struct kdbus_item *item)
{
	return item->size - KDBUS_ITEM_HEADER_SIZE;
}

/**
 * struct kdbus_item_writer - items being written, in kernel memory
 * @buf:	where they are: @small until they outgrow it
 * @size:	bytes written, a multiple of 8
 * @room:	bytes in @buf
 * @small:	room for what most messages carry
 */
struct kdbus_item_writer {
	u8 *buf;
	size_t size;
	size_t room;
	u64 small[16];
};

void kdbus_item_writer_init(struct kdbus_item_writer *w);
void kdbus_item_writer_destroy(struct kdbus_item_writer *w);
void *kdbus_item_reserve(struct kdbus_item_writer *w, size_t size);
int kdbus_item_write(struct kdbus_item_writer *w, u64 type, const void *data,
		     size_t size);


bool kdbus_item_is_string(const struct kdbus_item *item);
int kdbus_item_check_sysname(const struct kdbus_item *item);
int kdbus_make_name(const struct kdbus_cmd_make *cmd, const char **name);
bool kdbus_name_is_valid(const char *name, bool allow_wildcard);

void *kdbus_cmd_import(void __user *argp, size_t min, size_t max);
bool kdbus_user_ptr_is_aligned(const void __user *argp);

#endif /* KDBUS_ITEM_H */
