// SPDX-License-Identifier: GPL-2.0
/*
 * NAME_LIST. The list is built under the bus lock in memory that was there
 * before; if it turns out too small the lock is dropped, more is taken, and
 * the list is built anew. It is copied to the caller's pool afterwards.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/kdbus.h>

#include "bus.h"
#include "connection.h"
#include "endpoint.h"
#include "item.h"
#include "list.h"
#include "names.h"
#include "policy.h"
#include "pool.h"
#include "uaccess.h"

/**
 * struct kdbus_list - a list being built
 * @reader:	who asks
 * @flags:	KDBUS_NAME_LIST_* flags
 * @buf:	where it goes, zeroed
 * @room:	bytes in @buf
 * @size:	bytes it takes, which may be more
 */
struct kdbus_list {
	const struct kdbus_conn *reader;
	u64 flags;
	u8 *buf;
	size_t room;
	size_t size;
};

static void kdbus_list_add(struct kdbus_list *list,
			   const struct kdbus_conn *conn, const char *name,
			   u64 flags)
{
	size_t len = name ? strlen(name) + 1 : 0;
	struct kdbus_cmd_name *record = (void *)(list->buf + list->size);
	size_t size = sizeof(*record) + len;

	if (name && !kdbus_policy_may_see_name(list->reader, name))
		return;
	list->size += ALIGN(size, 8);
	if (list->size > list->room)
		return;

	record->size = size;
	record->flags = flags;
	record->owner_id = conn->id;
	record->conn_flags = conn->flags;
	memcpy((u8 *)record + sizeof(*record), name, len);
}

/*
 * An activator has one name, whoever owns it at the moment; while its bus ends
 * it may have lost it.
 */
static void kdbus_list_add_activator(struct kdbus_list *list,
				     const struct kdbus_conn *conn)
{
	if ((list->flags & KDBUS_NAME_LIST_ACTIVATORS) && conn->activator_of)
		kdbus_list_add(list, conn, conn->activator_of->name,
			       KDBUS_NAME_ACTIVATOR);
}

/* In a sandbox there are only peers with a name that can be seen. */
static bool kdbus_list_shows_peer(const struct kdbus_list *list,
				  const struct kdbus_conn *conn)
{
	return !list->reader->ep->custom ||
	       kdbus_policy_may_see(list->reader, conn);
}

/* The records of one connection, next to each other. */
static void kdbus_list_add_conn(struct kdbus_list *list,
				const struct kdbus_conn *conn)
{
	const struct kdbus_name_waiter *w;
	const struct kdbus_name_entry *n;
	size_t before = list->size;

	if (conn->flags & KDBUS_HELLO_ACTIVATOR) {
		kdbus_list_add_activator(list, conn);
		return;
	}
	if (list->flags & KDBUS_NAME_LIST_NAMES)
		list_for_each_entry(n, &conn->names, owner_node)
			kdbus_list_add(list, conn, n->name, n->flags);
	if (list->flags & KDBUS_NAME_LIST_QUEUED)
		list_for_each_entry(w, &conn->waits, conn_node)
			kdbus_list_add(list, conn, w->name->name,
				       w->flags | KDBUS_NAME_IN_QUEUE);
	if (list->size == before && (list->flags & KDBUS_NAME_LIST_UNIQUE) &&
	    kdbus_list_shows_peer(list, conn))
		kdbus_list_add(list, conn, NULL, 0);
}

static int kdbus_list_build(struct kdbus_list *list, struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;
	struct kdbus_conn *c;
	unsigned long id;

	kdbus_bus_lock(bus);
	if (conn->dead) {
		kdbus_bus_unlock(bus);
		return -ECONNRESET;
	}
	list->size = sizeof(struct kdbus_name_list);
	xa_for_each(&bus->conns, id, c)
		kdbus_list_add_conn(list, c);
	kdbus_bus_unlock(bus);

	if (list->size > list->room)
		return 0;
	((struct kdbus_name_list *)list->buf)->size = list->size;
	return 1;
}

/* Builds the list in a buffer that is large enough. */
static int kdbus_list_make(struct kdbus_list *list, struct kdbus_conn *conn)
{
	int ret;

	for (list->room = PAGE_SIZE;; list->room = list->size + PAGE_SIZE) {
		list->buf = kvzalloc(list->room, GFP_KERNEL_ACCOUNT);
		if (!list->buf)
			return -ENOMEM;
		ret = kdbus_list_build(list, conn);
		if (ret)
			return min(ret, 0);
		kvfree(list->buf);
		list->buf = NULL;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

static int kdbus_list_hand_out(const struct kdbus_list *list,
			       struct kdbus_conn *conn, u64 __user *offset)
{
	struct kdbus_pool_writer w;
	struct kdbus_slice *slice;
	int ret;

	slice = kdbus_slice_alloc(conn->pool, list->size, NULL, 0);
	if (IS_ERR(slice))
		return PTR_ERR(slice);

	kdbus_pool_writer_init(&w, slice, 0);
	ret = kdbus_pool_write(&w, list->buf, list->size);
	kdbus_pool_writer_end(&w);
	if (!ret && kdbus_put_user(slice->offset, offset))
		ret = -EFAULT;
	if (!ret)
		kdbus_slice_publish(slice);
	kdbus_slice_unpin(slice);
	return ret;
}

/**
 * kdbus_cmd_name_list() - KDBUS_CMD_NAME_LIST
 * @conn:	who asks, current's
 * @ucmd:	the command in user memory; offset is written
 *
 * Return: 0, -EFAULT, -ENOMEM, -ENOBUFS, -ECONNRESET or -EINTR.
 */
int kdbus_cmd_name_list(struct kdbus_conn *conn,
			struct kdbus_cmd_name_list __user *ucmd)
{
	struct kdbus_cmd_name_list cmd;
	struct kdbus_list list = {};
	int ret;

	if (!kdbus_user_ptr_is_aligned(ucmd) ||
	    copy_from_user(&cmd, ucmd, sizeof(cmd)))
		return -EFAULT;

	list.reader = conn;
	list.flags = cmd.flags;
	ret = kdbus_list_make(&list, conn);
	if (!ret)
		ret = kdbus_list_hand_out(&list, conn, &ucmd->offset);
	kvfree(list.buf);
	return ret;
}
