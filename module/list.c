// SPDX-License-Identifier: GPL-2.0
/*
 * NAME_LIST. The list is built piece by piece: under the bus lock for some
 * connections at a time, in memory that was there before. If that is used up the
 * lock is dropped, more is taken, and the list goes on where it was. It is copied
 * to the caller's pool afterwards.
 *
 * If a list would differ by the end from what it would have been at the
 * beginning, it is built anew, a few times; so on a bus that comes to rest it is
 * one picture. Otherwise each connection is shown as it was at some moment of the
 * call. The lock is never held for the whole list, whatever the bus does.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>
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

/* records and connections that are looked at before others get the lock */
#define KDBUS_LIST_PIECE 64

/* how often a list is built if the bus changes meanwhile */
#define KDBUS_LIST_TRIES 4

/**
 * struct kdbus_list - a list being built
 * @reader:	who asks
 * @flags:	KDBUS_NAME_LIST_* flags
 * @buf:	where it goes
 * @room:	bytes in @buf
 * @size:	bytes it takes so far
 * @need:	bytes that it takes with the records of the next connection
 * @next:	id of the connection that comes next
 * @gen:	bus->list_gen as it was at the beginning
 * @policy_gen:	bus->policy_gen likewise
 */
struct kdbus_list {
	const struct kdbus_conn *reader;
	u64 flags;
	u8 *buf;
	size_t room;
	size_t size;
	size_t need;
	unsigned long next;
	u64 gen;
	u64 policy_gen;
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

	/* the padding */
	*(u64 *)(list->buf + list->size - 8) = 0;
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

/* Adds some connections. Returns 1 if there are more, 0 at the end. */
static int kdbus_list_add_piece(struct kdbus_list *list, struct kdbus_bus *bus)
{
	XA_STATE(xas, &bus->conns, list->next);
	size_t end = list->size + KDBUS_LIST_PIECE *
		     sizeof(struct kdbus_cmd_name);
	struct kdbus_conn *c;
	unsigned int n = 0;
	int ret = 0;

	/* nothing comes or goes under the bus lock */
	rcu_read_lock();
	xas_for_each(&xas, c, ULONG_MAX) {
		size_t before = list->size;

		if (xas_retry(&xas, c))
			continue;
		list->next = xas.xa_index;
		if (n++ == KDBUS_LIST_PIECE || before >= end) {
			ret = 1;
			break;
		}
		kdbus_list_add_conn(list, c);
		if (list->size > list->room) {
			list->need = list->size;
			list->size = before;
			ret = 1;
			break;
		}
	}
	rcu_read_unlock();
	return ret;
}

static bool kdbus_list_is_stale(const struct kdbus_list *list,
				const struct kdbus_bus *bus)
{
	return list->gen != bus->list_gen ||
	       list->policy_gen != bus->policy_gen;
}

/*
 * One hold of the lock. Returns 1 if there is more to add, 0 at the end, or
 * -EAGAIN if the list is not true any more.
 */
static int kdbus_list_go_on(struct kdbus_list *list, struct kdbus_conn *conn,
			    bool as_it_is)
{
	struct kdbus_bus *bus = conn->bus;
	int ret;

	kdbus_bus_lock(bus);
	if (!list->size) {
		list->size = sizeof(struct kdbus_name_list);
		list->next = 0;
		list->gen = bus->list_gen;
		list->policy_gen = bus->policy_gen;
	}
	if (conn->dead)
		ret = -ECONNRESET;
	else if (!as_it_is && kdbus_list_is_stale(list, bus))
		ret = -EAGAIN;
	else
		ret = kdbus_list_add_piece(list, bus);
	kdbus_bus_unlock(bus);
	return ret;
}

/* Makes room for what comes next, unless the pool has none for it anyway. */
static int kdbus_list_grow(struct kdbus_list *list)
{
	size_t room = max(2 * list->room, list->need);
	u8 *buf;

	if (list->need > list->reader->pool->size)
		return -ENOBUFS;
	buf = kvmalloc(room, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	if (list->size)
		memcpy(buf, list->buf, list->size);
	kvfree(list->buf);
	list->buf = buf;
	list->room = room;
	return 0;
}

static int kdbus_list_make(struct kdbus_list *list, struct kdbus_conn *conn)
{
	unsigned int tries = 1;
	int ret;

	list->need = PAGE_SIZE;
	do {
		ret = list->need > list->room ? kdbus_list_grow(list) : 0;
		if (ret < 0)
			return ret;
		ret = kdbus_list_go_on(list, conn, tries == KDBUS_LIST_TRIES);
		if (ret == -EAGAIN) {
			tries++;
			list->size = 0;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (ret == 1 || ret == -EAGAIN);

	((struct kdbus_name_list *)list->buf)->size = list->size;
	return ret;
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
