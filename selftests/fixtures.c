// SPDX-License-Identifier: GPL-2.0
/* See fixtures.h. */
#include <sys/prctl.h>

#include "fixtures.h"

/* ---- objects ---------------------------------------------------------- */

int control_open(const char *path)
{
	char full[300];
	int fd;

	snprintf(full, sizeof(full), KDBUS_DEV "%s/control", path);
	fd = open(full, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void make_begin(struct kdbus_builder *b, const char *name, __u64 flags)
{
	struct kdbus_cmd_make *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	cmd->flags = flags;
	if (name)
		kdbus_build_string(b, KDBUS_ITEM_MAKE_NAME, name);
}

int bus_make_on(int control, const char *name)
{
	struct kdbus_bloom_parameter bloom = { BLOOM_BYTES, 1 };
	struct kdbus_builder b;

	make_begin(&b, name, KDBUS_MAKE_ACCESS_WORLD);
	kdbus_build_item(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	return xioctl(control, KDBUS_CMD_BUS_MAKE, b.buf);
}

int domain_make_on(int control, const char *name)
{
	struct kdbus_builder b;

	make_begin(&b, name, KDBUS_MAKE_ACCESS_WORLD);
	return xioctl(control, KDBUS_CMD_DOMAIN_MAKE, b.buf);
}

int ep_make_on(const struct bus *bus, struct kdbus_builder *b)
{
	int ret, fd = ep_open(bus);

	ret = xioctl(fd, KDBUS_CMD_EP_MAKE, b->buf);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int ep_new(const struct bus *bus, const char *endpoint, const char *name,
	   __u64 level)
{
	struct kdbus_builder b;
	int fd;

	make_begin(&b, endpoint, KDBUS_MAKE_ACCESS_WORLD);
	if (name)
		grant(&b, name, WORLD, 0, level);
	fd = ep_make_on(bus, &b);
	ASSERT(fd >= 0);
	return fd;
}

void client_at(struct kdbus_client *c, const struct bus *bus,
	       const char *endpoint)
{
	char path[200];

	kdbus_endpoint_path(path, sizeof(path), bus->name, endpoint);
	ASSERT_OK(kdbus_client_open(c, path, KDBUS_HELLO_ACCEPT_FD, 0, 0,
				    NULL));
}

void client_with(struct kdbus_client *c, const struct bus *bus,
		 __u64 attach_flags, const char *description)
{
	ASSERT_OK(kdbus_client_open(c, bus->path, KDBUS_HELLO_ACCEPT_FD,
				    attach_flags, 0, description));
}

/* ---- special connections ---------------------------------------------- */

void grant(struct kdbus_builder *b, const char *name, __u64 type, __u64 id,
	   __u64 level)
{
	if (name)
		kdbus_build_string(b, KDBUS_ITEM_NAME, name);
	kdbus_build_access(b, type, level, id);
}

int special_new(struct kdbus_client *c, const struct bus *bus, __u64 flags,
		const char *name)
{
	struct kdbus_builder b;

	hello_init(&b, flags);
	if (name)
		kdbus_build_string(&b, KDBUS_ITEM_NAME, name);
	return kdbus_client_hello(c, bus->path, &b);
}

void holder_new(struct kdbus_client *c, const struct bus *bus,
		const char *name, __u64 type, __u64 id, __u64 level)
{
	struct kdbus_builder b;

	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	grant(&b, name, type, id, level);
	ASSERT_OK(kdbus_client_hello(c, bus->path, &b));
}

int hello_on(struct kdbus_client *c, int fd, struct kdbus_builder *hello)
{
	struct kdbus_cmd_hello *cmd = (void *)hello->buf;
	int ret;

	ret = xioctl(fd, KDBUS_CMD_HELLO, cmd);
	if (ret < 0)
		return ret;
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	memcpy(&c->hello, cmd, sizeof(c->hello));
	c->pool = mmap(NULL, cmd->pool_size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT(c->pool != MAP_FAILED);
	return 0;
}

/* ---- matches and notices ---------------------------------------------- */

int match_rule(struct kdbus_client *c, __u64 cookie, __u64 type,
	       const void *data, size_t size)
{
	struct kdbus_cmd_match *cmd;
	struct kdbus_builder b;

	cmd = kdbus_build_cmd(&b, sizeof(*cmd));
	cmd->cookie = cookie;
	if (type)
		kdbus_build_item(&b, type, data, size);
	return kdbus_client_match_add(c, &b);
}

void match_notices(struct kdbus_client *c, __u64 type)
{
	struct kdbus_notify_name_change name = { .old.id = ANY, .new.id = ANY };
	struct kdbus_notify_id_change id = { .id = ANY };
	bool of_id = type == KDBUS_ITEM_ID_ADD || type == KDBUS_ITEM_ID_REMOVE;

	ASSERT_OK(match_rule(c, 1, type, of_id ? (void *)&id : (void *)&name,
			     of_id ? sizeof(id) : sizeof(name)));
}

int broadcast(struct kdbus_client *c, __u64 cookie)
{
	struct kdbus_builder b;

	kdbus_build_msg(&b, KDBUS_DST_ID_BROADCAST, cookie);
	kdbus_build_item(&b, KDBUS_ITEM_BLOOM_FILTER, NULL,
			 sizeof(struct kdbus_bloom_filter) + BLOOM_BYTES);
	kdbus_build_vec(&b, "hello", 6);
	return kdbus_client_send(c, &b);
}

/* A notice to all who match; its only item. */
static const struct kdbus_item *take_notice(struct kdbus_client *c, __u64 type)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(c, 0, 0, &msg));
	ASSERT_EQ(msg->src_id, KDBUS_SRC_ID_KERNEL);
	ASSERT_EQ(msg->dst_id, KDBUS_DST_ID_BROADCAST);
	ASSERT_EQ(msg->payload_type, KDBUS_PAYLOAD_KERNEL);
	ASSERT_EQ(msg->cookie, 0);
	ASSERT_EQ(msg->cookie_reply, 0);
	item = (const void *)msg->items;
	ASSERT_EQ(item->type, type);
	ASSERT_EQ(msg->size, sizeof(*msg) + item->size);
	/* no slice is used again while the case reads it */
	return item;
}

void expect_name_notice(struct kdbus_client *c, __u64 type, const char *name,
			struct kdbus_notify_id_change old,
			struct kdbus_notify_id_change new)
{
	const struct kdbus_item *item = take_notice(c, type);
	const struct kdbus_notify_name_change *change = &item->name_change;

	ASSERT_EQ(item->size, KDBUS_ITEM_HEADER +
			      KDBUS_ALIGN8(sizeof(*change) + strlen(name) + 1));
	if (strcmp(item->str + sizeof(*change), name))
		test_fail(__FILE__, __LINE__, "the notice is about %s, not %s",
			  item->str + sizeof(*change), name);
	ASSERT_EQ(change->old.id, old.id);
	ASSERT_EQ(change->old.flags, old.flags);
	ASSERT_EQ(change->new.id, new.id);
	ASSERT_EQ(change->new.flags, new.flags);
}

void expect_id_notice(struct kdbus_client *c, __u64 type, __u64 id,
		      __u64 flags)
{
	const struct kdbus_item *item = take_notice(c, type);

	ASSERT_EQ(item->size, KDBUS_ITEM_HEADER + sizeof(item->id_change));
	ASSERT_EQ(item->id_change.id, id);
	ASSERT_EQ(item->id_change.flags, flags);
}

/* ---- metadata --------------------------------------------------------- */

int conn_info(struct kdbus_client *c, __u64 id, const char *name, __u64 flags,
	      const struct kdbus_conn_info **info)
{
	size_t len = name ? strlen(name) + 1 : 0;
	struct kdbus_cmd_conn_info *cmd;
	struct kdbus_builder b;
	int ret;

	cmd = kdbus_build_cmd(&b, sizeof(*cmd));
	cmd->id = id;
	cmd->flags = flags;
	cmd->size += len;
	memcpy(b.buf + sizeof(*cmd), name ?: "", len);
	ret = xioctl(c->fd, KDBUS_CMD_CONN_INFO, cmd);
	if (!ret && info)
		*info = (const void *)(c->pool + cmd->offset);
	return ret;
}

const struct kdbus_item *info_item(const struct kdbus_conn_info *info,
				   __u64 type)
{
	const struct kdbus_item *item;

	kdbus_for_each_item(item, (const struct kdbus_item *)info->items,
			    info->size - sizeof(*info))
		if (item->type == type)
			return item;
	return NULL;
}

const struct kdbus_msg *deliver(struct kdbus_client *from,
				struct kdbus_client *to)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(send_to(from, to->hello.id, 1, "text"));
	ASSERT_OK(kdbus_client_recv(to, 0, 0, &msg));
	return msg;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

void map_root(uid_t outside)
{
	char text[32];

	/* one that has changed its uid does not own its files in /proc */
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
	snprintf(text, sizeof(text), "0 %u 1", outside);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", text);
	write_file("/proc/self/gid_map", text);
}
