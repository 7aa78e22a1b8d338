// SPDX-License-Identifier: GPL-2.0
/*
 * HELLO: checking what is asked for, and making a connection of it. What can
 * fail is done before the one step, under the bus lock, in which it appears.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "item.h"
#include "limits.h"
#include "log.h"
#include "names.h"
#include "notify.h"
#include "policy.h"
#include "pool.h"
#include "trace.h"

#define KDBUS_HELLO_KNOWN (KDBUS_HELLO_ACCEPT_FD | KDBUS_HELLO_ACTIVATOR | \
			   KDBUS_HELLO_POLICY_HOLDER | KDBUS_HELLO_MONITOR)
#define KDBUS_HELLO_SPECIAL (KDBUS_HELLO_ACTIVATOR | \
			     KDBUS_HELLO_POLICY_HOLDER | KDBUS_HELLO_MONITOR)
#define KDBUS_HELLO_NAMED (KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER)

/**
 * struct kdbus_hello - a HELLO being worked on
 * @cmd:	the command
 * @rights:	what who opened the file may do
 * @description: what the connection calls itself, in @cmd; or NULL
 * @name:	name it is about, in @cmd; or NULL
 * @creds:	CREDS item, in @cmd; or NULL
 * @seclabel:	SECLABEL item, in @cmd; or NULL
 * @policy:	policy entries it brings; what is to be freed afterwards
 * @names:	what registering an activator's name needs
 * @notices:	what that name needs to tell of changes
 * @welcome:	what tells that the connection is there
 */
struct kdbus_hello {
	struct kdbus_cmd_hello *cmd;
	const struct kdbus_rights *rights;
	const char *description;
	const char *name;
	const struct kdbus_item *creds;
	const struct kdbus_item *seclabel;
	struct list_head policy;
	struct kdbus_name_entry *names;
	struct list_head notices;
	struct kdbus_notice *welcome;
};

/* ---- checking --------------------------------------------------------- */

static int kdbus_hello_check_flags(const struct kdbus_hello *h)
{
	const struct kdbus_cmd_hello *cmd = h->cmd;
	u64 special = cmd->conn_flags & KDBUS_HELLO_SPECIAL;

	if (upper_32_bits(cmd->conn_flags))
		return -EOPNOTSUPP;
	if (!cmd->pool_size || !PAGE_ALIGNED(cmd->pool_size) ||
	    cmd->pool_size > READ_ONCE(kdbus_max_pool_size))
		return -EFAULT;
	if (hweight64(special) > 1)
		return -EINVAL;
	return special && !h->rights->privileged ? -EPERM : 0;
}

static int kdbus_hello_item(struct kdbus_hello *h,
			    const struct kdbus_item *item)
{
	switch (item->type) {
	case KDBUS_ITEM_NAME:
		if (!(h->cmd->conn_flags & KDBUS_HELLO_NAMED) || h->name ||
		    !kdbus_item_is_string(item) ||
		    !kdbus_name_is_valid(item->str, true))
			return -EINVAL;
		h->name = item->str;
		return 0;

	case KDBUS_ITEM_CREDS:
		if (!h->rights->privileged)
			return -EPERM;
		if (kdbus_item_payload(item) != sizeof(item->creds))
			return -EINVAL;
		h->creds = item;
		return 0;

	case KDBUS_ITEM_SECLABEL:
		if (!h->rights->privileged)
			return -EPERM;
		if (!kdbus_item_is_string(item))
			return -EINVAL;
		h->seclabel = item;
		return 0;

	case KDBUS_ITEM_CONN_NAME:
		if (h->description)
			return -EINVAL;
		h->description = item->str;
		return kdbus_item_check_sysname(item);
	}
	return 0;
}

static int kdbus_hello_check(struct kdbus_hello *h)
{
	const size_t offset = offsetof(struct kdbus_cmd_hello, items);
	const struct kdbus_item *item;
	struct kdbus_items items;
	int ret;

	ret = kdbus_hello_check_flags(h);
	if (ret < 0)
		return ret;

	kdbus_items_init(&items, h->cmd, offset, h->cmd->size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		ret = kdbus_hello_item(h, item);
		if (ret < 0)
			return ret;
	}
	if (ret < 0 || !(h->cmd->conn_flags & KDBUS_HELLO_NAMED))
		return ret;

	if (!h->name)
		return -EINVAL;
	if ((h->cmd->conn_flags & KDBUS_HELLO_ACTIVATOR) &&
	    !kdbus_name_is_valid(h->name, false))
		return -EINVAL;
	return kdbus_policy_parse(&h->policy, h->cmd, offset, h->cmd->size, 1);
}

/* ---- making ----------------------------------------------------------- */

static struct kdbus_pool *kdbus_hello_new_pool(const char *description,
					       u64 size)
{
	char name[sizeof(KBUILD_MODNAME "-conn:") + KDBUS_SYSNAME_MAX_LEN];

	snprintf(name, sizeof(name), "%s-conn%s%s", KBUILD_MODNAME,
		 *description ? ":" : "", description);
	return kdbus_pool_new(name, size);
}

/* Who it speaks for, if that was given; it is not privileged any more. */
static int kdbus_hello_take_given(const struct kdbus_hello *h,
				  struct kdbus_conn *conn)
{
	struct user_namespace *ns = current_user_ns();
	struct kdbus_given *given = &conn->given;

	given->uid = INVALID_UID;
	given->gid = INVALID_GID;
	if (!h->creds && !h->seclabel)
		return 0;

	given->any = true;
	conn->privileged = false;
	if (h->creds) {
		given->has_creds = true;
		given->creds = h->creds->creds;
		if (given->creds.uid == (uid_t)given->creds.uid)
			given->uid = make_kuid(ns, given->creds.uid);
		if (given->creds.gid == (gid_t)given->creds.gid)
			given->gid = make_kgid(ns, given->creds.gid);
	}
	if (h->seclabel) {
		given->seclabel = kstrdup(h->seclabel->str,
					  GFP_KERNEL_ACCOUNT);
		if (!given->seclabel)
			return -ENOMEM;
	}
	return 0;
}

/*
 * Who is counted for a connection: whoever says HELLO. Only a proxy with
 * CAP_IPC_OWNER has it counted for whom it speaks for; the maker of a bus
 * could use up what others may have.
 */
static int kdbus_hello_take_users(const struct kdbus_hello *h,
				  struct kdbus_conn *conn)
{
	const struct user_namespace *ns = current_user_ns();
	kuid_t uid = current_uid();

	if (h->rights->capable && uid_valid(conn->given.uid)) {
		uid = conn->given.uid;
		ns = &init_user_ns;
	}
	conn->owner = kdbus_user_get(conn->bus->domain, uid, ns);
	if (!conn->owner)
		return -ENOMEM;
	conn->user = kdbus_user_ref(conn->ep->custom ? conn->ep->user :
						       conn->owner);
	return 0;
}

/* Reserves what tells that a connection comes and goes, and of its name. */
static int kdbus_hello_reserve(struct kdbus_hello *h, struct kdbus_conn *conn)
{
	h->welcome = kdbus_notice_new(conn->owner, "");
	conn->farewell = kdbus_notice_new(conn->owner, "");
	if (!h->welcome || !conn->farewell)
		return -ENOMEM;
	if (!(h->cmd->conn_flags & KDBUS_HELLO_ACTIVATOR))
		return 0;
	h->names = kdbus_name_entry_new(conn->bus, h->name);
	if (!h->names)
		return -ENOMEM;
	return kdbus_name_reserve_notices(conn, h->name, &h->notices);
}

/* Gives a connection what it needs, its id and a place in the bus's table. */
static int kdbus_hello_prepare(struct kdbus_hello *h, struct kdbus_conn *conn)
{
	const char *description = h->description ?: "";
	struct kdbus_bus *bus = conn->bus;
	struct kdbus_pool *pool;
	int ret;

	ret = kdbus_hello_take_given(h, conn);
	if (!ret)
		ret = kdbus_meta_ns_init(&conn->view);
	if (!ret)
		ret = kdbus_hello_take_users(h, conn);
	if (!ret)
		ret = kdbus_log_wait(conn->owner);
	if (!ret)
		ret = kdbus_hello_reserve(h, conn);
	if (ret < 0)
		return ret;
	conn->description = kstrdup(description, GFP_KERNEL_ACCOUNT);
	if (!conn->description)
		return -ENOMEM;

	pool = kdbus_hello_new_pool(description, h->cmd->pool_size);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	conn->pool = pool;

	conn->id = atomic64_inc_return(&bus->conn_ids);
	pool->bus_id = bus->id;
	pool->conn_id = conn->id;
	return xa_reserve(&bus->conns, conn->id, GFP_KERNEL_ACCOUNT);
}

/* Whether it can appear, with what its type brings; the bus lock is held. */
static int kdbus_hello_can_appear(const struct kdbus_hello *h,
				  const struct kdbus_conn *conn)
{
	int ret;

	ret = kdbus_policy_check_conn(conn, &h->policy);
	if (!ret && h->names && kdbus_name_has_activator(conn->bus, h->name))
		ret = -EEXIST;
	if (!ret && !kdbus_endpoint_is_alive(conn->ep))
		ret = -ESHUTDOWN;
	return ret;
}

/* Installs what its type brings; the bus lock is held. */
static void kdbus_hello_commit_special(struct kdbus_hello *h,
				       struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;

	if (conn->flags & KDBUS_HELLO_NAMED)
		kdbus_policy_set_conn(conn, &h->policy);
	if (conn->flags & KDBUS_HELLO_MONITOR) {
		list_add_tail(&conn->monitor_node, &bus->monitors);
		kdbus_log_listen(conn, KDBUS_LISTENS_TO_CALLS);
		WRITE_ONCE(bus->n_monitors, bus->n_monitors + 1);
		/* after their number: who sees this one sees that one too */
		smp_store_release(&bus->monitor_gen, bus->monitor_gen + 1);
	}
}

static int kdbus_hello_commit(struct kdbus_hello *h, struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;
	int ret;

	kdbus_bus_lock(bus);
	ret = kdbus_hello_can_appear(h, conn);
	if (ret < 0)
		goto exit_unlock;

	kdbus_trace(conn_new, bus->id, conn->id, conn->ep->id, conn->flags,
		    conn->attach_flags, conn->pool->size,
		    __kuid_val(conn->cred->uid), conn->pid, conn->comm,
		    conn->description);
	WRITE_ONCE(conn->dead, false);
	list_add_tail(&conn->ep_node, &conn->ep->conns);
	kdbus_hello_commit_special(h, conn);
	/* the table's reference; the place is reserved, so nothing fails */
	kdbus_conn_get(conn);
	xa_store(&bus->conns, conn->id, conn, GFP_NOWAIT);
	WRITE_ONCE(bus->n_conns, bus->n_conns + 1);
	bus->list_gen++;

	kdbus_notify_id(conn, &h->welcome, KDBUS_ITEM_ID_ADD);
	if (h->names)
		kdbus_name_add_activator(conn, &h->names, &h->notices);
exit_unlock:
	kdbus_bus_unlock(bus);
	return ret;
}

/* What is wrong with the world is told before what is scarce. */
static int kdbus_hello_look(const struct kdbus_hello *h,
			    const struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->bus;
	int ret;

	kdbus_bus_lock(bus);
	ret = kdbus_hello_can_appear(h, conn);
	kdbus_bus_unlock(bus);
	return ret;
}

static int kdbus_hello_charge(const struct kdbus_hello *h,
			      struct kdbus_conn *conn)
{
	int ret;

	ret = kdbus_conn_charge(conn);
	if (ret < 0 || !h->names)
		return ret;
	ret = kdbus_name_charge(conn);
	if (ret < 0)
		kdbus_conn_uncharge(conn);
	return ret;
}

static void kdbus_hello_uncharge(const struct kdbus_hello *h,
				 struct kdbus_conn *conn)
{
	if (h->names)
		kdbus_name_uncharge(conn);
	kdbus_conn_uncharge(conn);
}

static int kdbus_hello_start(struct kdbus_hello *h, struct kdbus_conn *conn)
{
	int ret;

	ret = kdbus_hello_prepare(h, conn);
	if (ret < 0)
		return ret;
	ret = kdbus_hello_look(h, conn);
	if (!ret)
		ret = kdbus_hello_charge(h, conn);
	if (ret < 0)
		goto exit_release;
	ret = kdbus_hello_commit(h, conn);
	if (ret < 0)
		goto exit_uncharge;
	return 0;

exit_uncharge:
	kdbus_hello_uncharge(h, conn);
exit_release:
	xa_release(&conn->bus->conns, conn->id);
	return ret;
}

static void kdbus_hello_answer(struct kdbus_cmd_hello *cmd,
			       const struct kdbus_conn *conn)
{
	cmd->bus_flags = conn->bus->flags;
	cmd->id = conn->id;
	cmd->bloom = conn->bus->bloom;
	memcpy(cmd->id128, conn->bus->id128, sizeof(cmd->id128));
}

/**
 * kdbus_conn_new() - HELLO: connect to a bus
 * @ep:		the endpoint
 * @rights:	what who opened the file may do
 * @meta:	metadata of the opener; the connection's on success
 * @cmd:	the command in kernel memory; what the kernel tells is filled in
 *
 * Return: the connection, alive, a reference for the caller, who ends it with
 * kdbus_conn_disconnect(); or a negative errno as a pointer.
 */
struct kdbus_conn *kdbus_conn_new(struct kdbus_endpoint *ep,
				  const struct kdbus_rights *rights,
				  struct kdbus_meta *meta,
				  struct kdbus_cmd_hello *cmd)
{
	struct kdbus_hello h = {
		.cmd = cmd,
		.rights = rights,
		.policy = LIST_HEAD_INIT(h.policy),
		.notices = LIST_HEAD_INIT(h.notices),
	};
	struct kdbus_conn *conn;
	int ret;

	ret = kdbus_hello_check(&h);
	if (ret < 0)
		return ERR_PTR(ret);

	conn = kdbus_conn_alloc(ep);
	if (!conn) {
		ret = -ENOMEM;
		goto exit;
	}
	conn->flags = cmd->conn_flags & KDBUS_HELLO_KNOWN;
	conn->attach_flags = cmd->attach_flags & _KDBUS_ATTACH_ALL;
	conn->privileged = rights->privileged;
	/* before others can find the connection and ask */
	conn->meta = meta;

	ret = kdbus_hello_start(&h, conn);
	if (ret < 0) {
		/* still the file's */
		conn->meta = NULL;
		kdbus_conn_put(conn);
	} else {
		kdbus_hello_answer(cmd, conn);
	}
exit:
	kdbus_notice_put(h.welcome);
	kdbus_notices_free(&h.notices);
	kfree(h.names);
	kdbus_policy_free(&h.policy);
	return ret < 0 ? ERR_PTR(ret) : conn;
}
