// SPDX-License-Identifier: GPL-2.0
/*
 * Metadata of connections, CONN_INFO and CONN_UPDATE. Rules: see info.h.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "bus.h"
#include "connection.h"
#include "info.h"
#include "item.h"
#include "limits.h"
#include "metadata.h"
#include "names.h"
#include "policy.h"
#include "pool.h"
#include "trace.h"
#include "uaccess.h"

/* words that most need for their items */
#define KDBUS_INFO_USUAL 64

static void kdbus_info_write_given_creds(const struct kdbus_given *given,
					 const struct kdbus_meta_ns *to,
					 struct kdbus_item_writer *w)
{
	struct kdbus_creds creds = given->creds;

	if (uid_valid(given->uid))
		creds.uid = from_kuid_munged(to->user_ns, given->uid);
	if (gid_valid(given->gid))
		creds.gid = from_kgid_munged(to->user_ns, given->gid);
	kdbus_item_write(w, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
}

static void kdbus_info_write_string(struct kdbus_item_writer *w, u64 type,
				    const char *str)
{
	kdbus_item_write(w, type, str, strlen(str) + 1);
}

/**
 * kdbus_info_write() - write what is told of a connection
 * @conn:	the connection
 * @meta:	what has been gathered about its process
 * @flags:	KDBUS_ATTACH_* that are wanted, as kdbus_meta_allowed() says
 * @to:		the receiver
 * @w:		where to
 * @names_gen:	set to the state of the names that are told of, if they are
 *		wanted
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_info_write(const struct kdbus_conn *conn,
		     const struct kdbus_meta *meta, u64 flags,
		     const struct kdbus_conn *to, struct kdbus_item_writer *w,
		     u64 *names_gen)
{
	const struct kdbus_given *given = &conn->given;
	u64 first = KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS;
	u64 rest = KDBUS_META_EXTENDED;

	if (given->any) {
		first = KDBUS_ATTACH_TIMESTAMP;
		rest = 0;
	}
	kdbus_meta_write(meta, flags & first, &to->view, w);
	if (given->has_creds && (flags & KDBUS_ATTACH_CREDS))
		kdbus_info_write_given_creds(given, &to->view, w);
	if (flags & KDBUS_ATTACH_NAMES)
		kdbus_names_write(conn, to, w, names_gen);
	kdbus_meta_write(meta, flags & rest, &to->view, w);
	if (given->seclabel && (flags & KDBUS_ATTACH_SECLABEL))
		kdbus_info_write_string(w, KDBUS_ITEM_SECLABEL,
					given->seclabel);
	if (*conn->description && (flags & KDBUS_ATTACH_CONN_NAME))
		kdbus_info_write_string(w, KDBUS_ITEM_CONN_NAME,
					conn->description);
	return w->failed ? -ENOMEM : 0;
}

/* ---- CONN_INFO -------------------------------------------------------- */

static int kdbus_info_find_name(struct kdbus_conn *conn,
				const struct kdbus_cmd_conn_info *cmd,
				struct kdbus_conn **peer)
{
	size_t len = cmd->size - sizeof(*cmd);

	if (!len || cmd->name[len - 1] ||
	    !kdbus_name_is_valid(cmd->name, false))
		return -EINVAL;
	if (!kdbus_policy_sees_name(conn, cmd->name)) {
		kdbus_policy_unseen(conn, 0, cmd->name, 0);
		return -ESRCH;
	}
	*peer = kdbus_name_get_owner(conn->bus, cmd->name,
				     kdbus_name_hash(conn->bus, cmd->name));
	return *peer ? 0 : -ESRCH;
}

static int kdbus_info_find(struct kdbus_conn *conn,
			   const struct kdbus_cmd_conn_info *cmd,
			   struct kdbus_conn **peer)
{
	struct kdbus_bus *bus = conn->bus;
	bool visible;

	if (!cmd->id)
		return kdbus_info_find_name(conn, cmd, peer);

	*peer = kdbus_conn_find(bus, cmd->id);
	if (!*peer)
		return -ENXIO;
	kdbus_bus_lock(bus);
	visible = !(*peer)->dead && kdbus_policy_may_see(conn, *peer);
	if (!visible && !(*peer)->dead)
		kdbus_policy_unseen(conn, cmd->id, "", 0);
	kdbus_bus_unlock(bus);
	if (visible)
		return 0;
	kdbus_conn_put(*peer);
	*peer = NULL;
	return -ENXIO;
}

static int kdbus_info_hand_out(struct kdbus_conn *conn,
			       const struct kdbus_conn *peer,
			       const struct kdbus_item_writer *w,
			       u64 __user *offset)
{
	struct kdbus_conn_info info = {
		.size = sizeof(info) + w->size,
		.id = peer->id,
		.flags = peer->flags,
	};
	struct kdbus_pool_writer pw;
	struct kdbus_slice *slice;
	int ret;

	slice = kdbus_slice_alloc(conn->pool, info.size, NULL, 0);
	if (IS_ERR(slice))
		return PTR_ERR(slice);

	kdbus_pool_writer_init(&pw, slice, 0);
	ret = kdbus_pool_write(&pw, &info, sizeof(info));
	if (!ret)
		ret = kdbus_pool_write(&pw, w->buf, w->size);
	kdbus_pool_writer_end(&pw);
	if (!ret && kdbus_put_user(slice->offset, offset))
		ret = -EFAULT;
	if (!ret)
		kdbus_slice_publish(slice);
	kdbus_slice_unpin(slice);
	return ret;
}

/**
 * kdbus_cmd_conn_info() - KDBUS_CMD_CONN_INFO
 * @conn:	who asks, current's
 * @argp:	struct kdbus_cmd_conn_info of the caller; offset is written
 *
 * Return: 0, -EFAULT, -EINVAL, -EMSGSIZE, -ENOMEM, -ESRCH for an unknown
 * name, -ENXIO for an unknown id, or -ENOBUFS.
 */
int kdbus_cmd_conn_info(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_cmd_conn_info __user *ucmd = argp;
	struct kdbus_cmd_conn_info *cmd;
	struct kdbus_item_writer w;
	u64 buf[KDBUS_INFO_USUAL], gen;
	struct kdbus_conn *peer;
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd),
			       sizeof(*cmd) + KDBUS_CMD_NAME_EXTRA);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);

	ret = kdbus_info_find(conn, cmd, &peer);
	if (!ret) {
		kdbus_item_writer_init(&w, buf, sizeof(buf));
		ret = kdbus_info_write(peer, peer->meta,
				       kdbus_meta_allowed(cmd->flags), conn, &w,
				       &gen);
		if (!ret)
			ret = kdbus_info_hand_out(conn, peer, &w,
						  &ucmd->offset);
		kdbus_item_writer_destroy(&w);
		kdbus_conn_put(peer);
	}
	kvfree(cmd);
	return ret;
}

/* ---- CONN_UPDATE ------------------------------------------------------ */

/**
 * struct kdbus_update - what CONN_UPDATE asks for
 * @has_flags:	there is an ATTACH_FLAGS item
 * @flags:	the last one's
 * @has_policy:	there are policy items
 */
struct kdbus_update {
	bool has_flags;
	u64 flags;
	bool has_policy;
};

static int kdbus_update_item(const struct kdbus_conn *conn,
			     const struct kdbus_item *item,
			     struct kdbus_update *u)
{
	switch (item->type) {
	case KDBUS_ITEM_ATTACH_FLAGS:
		if (!kdbus_conn_is_ordinary(conn))
			return -EOPNOTSUPP;
		if (kdbus_item_payload(item) != sizeof(u64))
			return -EINVAL;
		u->has_flags = true;
		u->flags = item->data64[0] & _KDBUS_ATTACH_ALL;
		break;
	case KDBUS_ITEM_NAME:
	case KDBUS_ITEM_POLICY_ACCESS:
		if (!(conn->flags & KDBUS_HELLO_POLICY_HOLDER))
			return -EOPNOTSUPP;
		u->has_policy = true;
		break;
	}
	return 0;
}

static int kdbus_update_policy(struct kdbus_conn *conn,
			       const struct kdbus_cmd_update *cmd)
{
	struct kdbus_bus *bus = conn->bus;
	LIST_HEAD(policy);
	int ret;

	ret = kdbus_policy_parse(&policy, cmd,
				 offsetof(struct kdbus_cmd_update, items),
				 cmd->size, 1);
	if (ret < 0)
		return ret;
	kdbus_bus_lock(bus);
	ret = conn->dead ? -ECONNRESET : kdbus_policy_check_conn(conn, &policy);
	if (!ret)
		kdbus_policy_set_conn(conn, &policy);
	kdbus_bus_unlock(bus);
	kdbus_policy_free(&policy);
	return ret;
}

static int kdbus_update_flags(struct kdbus_conn *conn, u64 flags)
{
	struct kdbus_bus *bus = conn->bus;
	int ret = 0;

	kdbus_bus_lock(bus);
	if (conn->dead) {
		ret = -ECONNRESET;
	} else {
		WRITE_ONCE(conn->attach_flags, flags);
		kdbus_trace(conn_update, bus->id, conn->id, flags);
	}
	kdbus_bus_unlock(bus);
	return ret;
}

static int kdbus_update(struct kdbus_conn *conn,
			const struct kdbus_cmd_update *cmd)
{
	const struct kdbus_item *item;
	struct kdbus_update u = {};
	struct kdbus_items items;
	int ret;

	kdbus_items_init(&items, cmd, offsetof(struct kdbus_cmd_update, items),
			 cmd->size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		ret = kdbus_update_item(conn, item, &u);
		if (ret < 0)
			break;
	}
	/* a connection is ordinary or holds policy, so one of the two at most */
	if (!ret && u.has_policy)
		ret = kdbus_update_policy(conn, cmd);
	if (!ret && u.has_flags)
		ret = kdbus_update_flags(conn, u.flags);
	return ret;
}

/**
 * kdbus_cmd_conn_update() - KDBUS_CMD_CONN_UPDATE
 * @conn:	an ordinary connection or a policy holder, current's
 * @argp:	struct kdbus_cmd_update of the caller
 *
 * Return: 0; or -EFAULT, -EINVAL, -EMSGSIZE, -ENOMEM, -EOPNOTSUPP, -E2BIG,
 * -EEXIST or -ECONNRESET, and nothing has changed.
 */
int kdbus_cmd_conn_update(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_cmd_update *cmd;
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd),
			       sizeof(*cmd) + KDBUS_UPDATE_MAX_ITEMS);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);
	ret = kdbus_update(conn, cmd);
	kvfree(cmd);
	return ret;
}
