// SPDX-License-Identifier: GPL-2.0
/*
 * Fetching commands, walking their items, checking what strings they carry.
 */
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "item.h"
#include "limits.h"

/**
 * kdbus_cmd_import() - copy a command that begins with its own size
 * @argp:	the command in user memory
 * @min:	least size, that of its fixed header, in bytes
 * @max:	largest size in bytes
 *
 * The size is fetched once: the copy holds the value it was made with. The
 * copy ends with zero bytes up to the next multiple of 8.
 *
 * Return: the copy, which the caller frees with kvfree(); or as a pointer
 * -EFAULT, -EINVAL (too small), -EMSGSIZE (too large) or -ENOMEM.
 */
void *kdbus_cmd_import(void __user *argp, size_t min, size_t max)
{
	u64 size;
	u64 *cmd;

	if (!kdbus_user_ptr_is_aligned(argp) ||
	    copy_from_user(&size, argp, sizeof(size)))
		return ERR_PTR(-EFAULT);
	if (size < min)
		return ERR_PTR(-EINVAL);
	if (size > max)
		return ERR_PTR(-EMSGSIZE);

	cmd = kvzalloc(ALIGN(size, 8), GFP_KERNEL_ACCOUNT);
	if (!cmd)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(cmd, argp, size)) {
		kvfree(cmd);
		return ERR_PTR(-EFAULT);
	}
	*cmd = size;
	return cmd;
}

/**
 * kdbus_item_is_string() - whether the payload is a string
 * @item:	the item
 *
 * Programs of 2014 send fields of fixed size: what follows the first NUL byte
 * is padding.
 *
 * Return: true if the payload's last byte is NUL.
 */
bool kdbus_item_is_string(const struct kdbus_item *item)
{
	return !item->str[kdbus_item_payload(item) - 1];
}

/**
 * kdbus_item_check_sysname() - check the name of an object
 * @item:	item whose payload is the name
 *
 * Names of buses, endpoints, domains and memfds and descriptions of
 * connections: 1 to 63 letters, digits and '_', with '-' and '.' inside.
 *
 * Return: 0, -EINVAL or -ENAMETOOLONG.
 */
int kdbus_item_check_sysname(const struct kdbus_item *item)
{
	size_t len = strnlen(item->str, kdbus_item_payload(item) - 1);
	size_t i;

	if (len > KDBUS_SYSNAME_MAX_LEN)
		return -ENAMETOOLONG;
	if (len < 1 || !kdbus_item_is_string(item))
		return -EINVAL;

	for (i = 0; i < len; i++) {
		char c = item->str[i];

		if ((isascii(c) && isalnum(c)) || c == '_')
			continue;
		if (i > 0 && i < len - 1 && (c == '-' || c == '.'))
			continue;
		return -EINVAL;
	}
	return 0;
}

/**
 * kdbus_make_name() - the name of an object to make
 * @cmd:	the command, in kernel memory
 * @name:	set to the name in @cmd, or to NULL if there is none
 *
 * Return: 0, -EINVAL, -EEXIST for a second name, or -ENAMETOOLONG.
 */
int kdbus_make_name(const struct kdbus_cmd_make *cmd, const char **name)
{
	const struct kdbus_item *item;
	struct kdbus_items items;
	int ret;

	*name = NULL;
	kdbus_items_init(&items, cmd, offsetof(struct kdbus_cmd_make, items),
			 cmd->size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		if (item->type != KDBUS_ITEM_MAKE_NAME)
			continue;
		if (*name)
			return -EEXIST;
		*name = item->str;
		ret = kdbus_item_check_sysname(item);
		if (ret < 0)
			return ret;
	}
	return ret;
}

/**
 * kdbus_name_is_valid() - check a well-known name
 * @name:		the name
 * @allow_wildcard:	whether the last element may be "*"
 *
 * Two or more elements joined by dots, of letters, digits, '_' and '-', none
 * empty or beginning with a digit; 255 bytes at most.
 */
bool kdbus_name_is_valid(const char *name, bool allow_wildcard)
{
	bool at_start = true, has_dot = false;
	const char *c;

	for (c = name; *c; c++) {
		if (*c == '.') {
			if (at_start)
				return false;
			at_start = true;
			has_dot = true;
			continue;
		}
		if (*c == '*' && allow_wildcard && at_start && has_dot &&
		    !c[1]) {
			at_start = false;
			continue;
		}
		if (!isascii(*c) || (!isalnum(*c) && *c != '_' && *c != '-'))
			return false;
		if (at_start && isdigit(*c))
			return false;
		at_start = false;
	}
	return has_dot && !at_start && c - name <= KDBUS_NAME_MAX_LEN;
}

/**
 * kdbus_item_writer_init() - begin to write items
 * @w:		to be destroyed with kdbus_item_writer_destroy()
 * @first:	memory that is used as long as it suffices; outlives @w
 * @room:	bytes in @first
 */
void kdbus_item_writer_init(struct kdbus_item_writer *w, u64 *first,
			    size_t room)
{
	w->buf = w->first = (u8 *)first;
	w->size = 0;
	w->room = room;
	w->failed = false;
}

/**
 * kdbus_item_writer_destroy() - free what a writer holds
 * @w:		the writer
 */
void kdbus_item_writer_destroy(struct kdbus_item_writer *w)
{
	if (w->buf != w->first)
		kvfree(w->buf);
}

/**
 * kdbus_item_writer_grow() - let a writer have more room
 * @w:		the writer, which fails without memory
 * @need:	bytes that are needed
 *
 * Return: whether there is room.
 */
bool kdbus_item_writer_grow(struct kdbus_item_writer *w, size_t need)
{
	size_t room = max(2 * w->room, w->size + need);
	u8 *buf;

	buf = kvmalloc(room, GFP_KERNEL_ACCOUNT);
	w->failed |= !buf;
	if (!buf)
		return false;
	memcpy(buf, w->buf, w->size);
	kdbus_item_writer_destroy(w);
	w->buf = buf;
	w->room = room;
	return true;
}

/**
 * kdbus_item_write() - write an item behind the others
 * @w:		the writer, which fails without memory
 * @type:	its type
 * @data:	its payload
 * @size:	bytes of payload
 */
void kdbus_item_write(struct kdbus_item_writer *w, u64 type, const void *data,
		      size_t size)
{
	void *payload = kdbus_item_add(w, type, size);

	if (payload)
		memcpy(payload, data, size);
}
