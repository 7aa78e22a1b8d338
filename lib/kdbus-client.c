// SPDX-License-Identifier: GPL-2.0
/* A thin client library; kdbus-client.h says what each function does. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-client.h"

static int do_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

/* ---- building --------------------------------------------------------- */

void *kdbus_build_cmd(struct kdbus_builder *b, size_t header)
{
	memset(b->buf, 0, header);
	b->error = 0;
	b->size = header;
	b->msg.size = header;
	return b->buf;
}

void kdbus_build_msg(struct kdbus_builder *b, __u64 dst_id, __u64 cookie)
{
	_Static_assert(sizeof(b->msg) == offsetof(struct kdbus_msg, items),
		       "layout");

	kdbus_build_cmd(b, sizeof(b->msg));
	b->msg.dst_id = dst_id;
	b->msg.cookie = cookie;
	b->msg.payload_type = KDBUS_PAYLOAD_DBUS;
}

struct kdbus_item *kdbus_build_item(struct kdbus_builder *b, __u64 type,
				    const void *data, size_t size)
{
	size_t start = KDBUS_ALIGN8(b->size);
	struct kdbus_item *item;

	if (size > sizeof(b->buf) ||
	    start + KDBUS_ITEM_HEADER + size > sizeof(b->buf)) {
		b->error = -EMSGSIZE;
		return NULL;
	}
	memset(b->buf + b->size, 0, start - b->size);

	item = (struct kdbus_item *)(b->buf + start);
	item->size = KDBUS_ITEM_HEADER + size;
	item->type = type;
	if (data)
		memcpy(item->data, data, size);
	else
		memset(item->data, 0, size);

	b->size = start + item->size;
	/* every command begins with its size */
	b->msg.size = b->size;
	return item;
}

struct kdbus_item *kdbus_build_string(struct kdbus_builder *b, __u64 type,
				      const char *str)
{
	return kdbus_build_item(b, type, str, strlen(str) + 1);
}

struct kdbus_item *kdbus_build_vec(struct kdbus_builder *b, const void *data,
				   __u64 size)
{
	struct kdbus_vec vec = {
		.size = size,
		.address = (unsigned long)data,
	};

	return kdbus_build_item(b, KDBUS_ITEM_PAYLOAD_VEC, &vec, sizeof(vec));
}

struct kdbus_item *kdbus_build_fds(struct kdbus_builder *b, const int *fds,
				   size_t n)
{
	return kdbus_build_item(b, KDBUS_ITEM_FDS, fds, n * sizeof(*fds));
}

struct kdbus_item *kdbus_build_memfd(struct kdbus_builder *b, int fd,
				     __u64 size)
{
	struct kdbus_memfd memfd = { .size = size, .fd = fd };

	return kdbus_build_item(b, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd,
				sizeof(memfd));
}

struct kdbus_item *kdbus_build_access(struct kdbus_builder *b, __u64 type,
				      __u64 access, __u64 id)
{
	struct kdbus_policy_access policy = {
		.type = type, .access = access, .id = id,
	};

	return kdbus_build_item(b, KDBUS_ITEM_POLICY_ACCESS, &policy,
				sizeof(policy));
}

/* ---- objects ---------------------------------------------------------- */

int kdbus_bus_make(const char *suffix, __u64 flags)
{
	struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 1 };
	struct kdbus_cmd_make *make;
	struct kdbus_builder b;
	char name[KDBUS_BUS_NAME_MAX + 1];
	int fd, ret;

	ret = snprintf(name, sizeof(name), "%u-%s", geteuid(), suffix);
	if (ret < 0 || (size_t)ret >= sizeof(name))
		return -ENAMETOOLONG;
	fd = open(KDBUS_DEV "/control", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	make = kdbus_build_cmd(&b, sizeof(*make));
	make->flags = flags;
	kdbus_build_item(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	kdbus_build_string(&b, KDBUS_ITEM_MAKE_NAME, name);

	ret = do_ioctl(fd, KDBUS_CMD_BUS_MAKE, make);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

char *kdbus_endpoint_path(char *buf, size_t size, const char *bus,
			  const char *endpoint)
{
	int n = snprintf(buf, size, KDBUS_DEV "/%s/%s", bus, endpoint);

	return n < 0 || (size_t)n >= size ? NULL : buf;
}

void kdbus_build_hello(struct kdbus_builder *b, __u64 conn_flags,
		       __u64 attach_flags)
{
	struct kdbus_cmd_hello *hello = kdbus_build_cmd(b, sizeof(*hello));

	hello->conn_flags = conn_flags;
	hello->attach_flags = attach_flags;
	hello->pool_size = 16 << 20;
}

static int client_hello(struct kdbus_client *c, struct kdbus_builder *b)
{
	struct kdbus_cmd_hello *hello = (void *)b->buf;
	int ret;

	if (b->error)
		return b->error;
	ret = do_ioctl(c->fd, KDBUS_CMD_HELLO, hello);
	if (ret < 0)
		return ret;
	_Static_assert(sizeof(c->hello) ==
		       offsetof(struct kdbus_cmd_hello, items), "layout");
	memcpy(&c->hello, hello, sizeof(c->hello));

	c->pool = mmap(NULL, hello->pool_size, PROT_READ, MAP_SHARED, c->fd, 0);
	if (c->pool == MAP_FAILED) {
		c->pool = NULL;
		return -errno;
	}
	return 0;
}

int kdbus_client_hello(struct kdbus_client *c, const char *path,
		       struct kdbus_builder *hello)
{
	int ret;

	memset(c, 0, sizeof(*c));
	c->fd = open(path, O_RDWR | O_CLOEXEC);
	if (c->fd < 0)
		return -errno;

	ret = client_hello(c, hello);
	if (ret < 0)
		kdbus_client_close(c);
	return ret;
}

int kdbus_client_open(struct kdbus_client *c, const char *path,
		      __u64 conn_flags, __u64 attach_flags, __u64 pool_size,
		      const char *description)
{
	struct kdbus_builder b;

	kdbus_build_hello(&b, conn_flags, attach_flags);
	if (pool_size)
		((struct kdbus_cmd_hello *)b.buf)->pool_size = pool_size;
	if (description)
		kdbus_build_string(&b, KDBUS_ITEM_CONN_NAME, description);
	return kdbus_client_hello(c, path, &b);
}

void kdbus_client_close(struct kdbus_client *c)
{
	if (c->pool)
		munmap(c->pool, c->hello.pool_size);
	if (c->fd >= 0)
		close(c->fd);
	c->pool = NULL;
	c->fd = -1;
}

int kdbus_client_byebye(struct kdbus_client *c)
{
	return do_ioctl(c->fd, KDBUS_CMD_BYEBYE, NULL);
}

/* ---- messages --------------------------------------------------------- */

__u64 kdbus_client_next_cookie(struct kdbus_client *c)
{
	return __atomic_add_fetch(&c->cookie, 1, __ATOMIC_RELAXED);
}

int kdbus_client_send(struct kdbus_client *c, struct kdbus_builder *b)
{
	if (b->error)
		return b->error;
	return do_ioctl(c->fd, KDBUS_CMD_MSG_SEND, b->buf);
}

int kdbus_client_call(struct kdbus_client *c, struct kdbus_builder *b,
		      __u64 timeout_ns, const struct kdbus_msg **reply)
{
	int ret;

	b->msg.flags |= KDBUS_MSG_FLAGS_EXPECT_REPLY |
			KDBUS_MSG_FLAGS_SYNC_REPLY;
	b->msg.timeout_ns = timeout_ns;
	ret = kdbus_client_send(c, b);
	if (!ret)
		*reply = (const void *)(c->pool + b->msg.offset_reply);
	return ret;
}

int kdbus_client_reply(struct kdbus_client *c, const struct kdbus_msg *request,
		       const void *data, size_t size)
{
	struct kdbus_builder b;

	kdbus_build_msg(&b, request->src_id, kdbus_client_next_cookie(c));
	b.msg.cookie_reply = request->cookie;
	if (size)
		kdbus_build_vec(&b, data, size);
	return kdbus_client_send(c, &b);
}

int kdbus_client_cancel(struct kdbus_client *c, __u64 cookie)
{
	return do_ioctl(c->fd, KDBUS_CMD_MSG_CANCEL, &cookie);
}

int kdbus_client_recv(struct kdbus_client *c, __u64 flags, __s64 priority,
		      const struct kdbus_msg **msg)
{
	struct kdbus_cmd_recv recv = { .flags = flags, .priority = priority };
	int ret;

	ret = do_ioctl(c->fd, KDBUS_CMD_MSG_RECV, &recv);
	if (!ret && msg && !(flags & KDBUS_RECV_DROP))
		*msg = (const void *)(c->pool + recv.offset);
	return ret;
}

int kdbus_client_wait(struct kdbus_client *c, int timeout_ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int ret;

	do {
		ret = poll(&p, 1, timeout_ms);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	if (p.revents & POLLIN)
		return 1;
	return p.revents ? -ECONNRESET : 0;
}

int kdbus_client_next(struct kdbus_client *c, int timeout_ms,
		      const struct kdbus_msg **msg)
{
	int ret;

	/* another thread may have taken what poll saw */
	do {
		ret = kdbus_client_wait(c, timeout_ms);
		if (ret <= 0)
			return ret ? ret : -ETIMEDOUT;
		ret = kdbus_client_recv(c, 0, 0, msg);
	} while (ret == -EAGAIN);
	return ret;
}

int kdbus_client_free(struct kdbus_client *c, const void *ptr)
{
	__u64 offset = (const char *)ptr - c->pool;

	return do_ioctl(c->fd, KDBUS_CMD_FREE, &offset);
}

const struct kdbus_item *kdbus_msg_item(const struct kdbus_msg *msg,
					__u64 type)
{
	const struct kdbus_item *item;

	kdbus_for_each_msg_item(item, msg)
		if (item->type == type)
			return item;
	return NULL;
}

size_t kdbus_msg_payload(const struct kdbus_msg *msg, void *buf, size_t size)
{
	const struct kdbus_item *item;
	size_t done = 0;

	kdbus_for_each_msg_item(item, msg) {
		size_t n, left = done < size ? size - done : 0;

		if (item->type != KDBUS_ITEM_PAYLOAD_OFF)
			continue;
		n = item->vec.size < left ? item->vec.size : left;
		if (!n)
			; /* @buf may be NULL */
		else if (item->vec.offset == ~0ULL)
			memset((char *)buf + done, 0, n);
		else
			memcpy((char *)buf + done,
			       (const char *)msg + item->vec.offset, n);
		done += item->vec.size;
	}
	return done;
}

void kdbus_msg_close_fds(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;
	size_t i;

	kdbus_for_each_msg_item(item, msg) {
		if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD)
			close(item->memfd.fd);
		if (item->type != KDBUS_ITEM_FDS)
			continue;
		for (i = 0; i < (item->size - KDBUS_ITEM_HEADER) / 4; i++)
			close(item->fds[i]);
	}
}

/* ---- names ------------------------------------------------------------ */

static int client_name(struct kdbus_client *c, unsigned long ioctl_cmd,
		       const char *name, __u64 *flags)
{
	struct kdbus_cmd_name *cmd;
	struct kdbus_builder b;
	size_t len = strlen(name) + 1;
	int ret;

	if (len > sizeof(b.buf) - sizeof(*cmd))
		return -EMSGSIZE;
	cmd = kdbus_build_cmd(&b, sizeof(*cmd));
	memcpy(b.buf + sizeof(*cmd), name, len);
	cmd->size = sizeof(*cmd) + len;
	cmd->flags = *flags;

	ret = do_ioctl(c->fd, ioctl_cmd, cmd);
	*flags = cmd->flags;
	return ret;
}

int kdbus_client_acquire(struct kdbus_client *c, const char *name,
			 __u64 flags)
{
	int ret = client_name(c, KDBUS_CMD_NAME_ACQUIRE, name, &flags);

	return ret < 0 ? ret : !!(flags & KDBUS_NAME_IN_QUEUE);
}

int kdbus_client_release(struct kdbus_client *c, const char *name)
{
	__u64 flags = 0;

	return client_name(c, KDBUS_CMD_NAME_RELEASE, name, &flags);
}

int kdbus_client_list(struct kdbus_client *c, __u64 flags,
		      const struct kdbus_name_list **list)
{
	struct kdbus_cmd_name_list cmd = { .flags = flags };
	int ret;

	ret = do_ioctl(c->fd, KDBUS_CMD_NAME_LIST, &cmd);
	if (!ret)
		*list = (const void *)(c->pool + cmd.offset);
	return ret;
}

/* ---- matches and memfds ------------------------------------------------ */

int kdbus_client_match_add(struct kdbus_client *c, struct kdbus_builder *b)
{
	if (b->error)
		return b->error;
	return do_ioctl(c->fd, KDBUS_CMD_MATCH_ADD, b->buf);
}

int kdbus_client_match_remove(struct kdbus_client *c, __u64 cookie)
{
	struct kdbus_cmd_match cmd = { .size = sizeof(cmd), .cookie = cookie };

	return do_ioctl(c->fd, KDBUS_CMD_MATCH_REMOVE, &cmd);
}

int kdbus_memfd_make(struct kdbus_client *c, const char *name)
{
	struct kdbus_cmd_memfd_make *cmd;
	struct kdbus_builder b;
	int ret;

	cmd = kdbus_build_cmd(&b, sizeof(*cmd));
	if (name)
		kdbus_build_string(&b, KDBUS_ITEM_MEMFD_NAME, name);
	ret = do_ioctl(c->fd, KDBUS_CMD_MEMFD_NEW, cmd);
	return ret < 0 ? ret : cmd->fd;
}

int kdbus_memfd_seal(int fd, bool seal)
{
	return do_ioctl(fd, KDBUS_CMD_MEMFD_SEAL_SET,
			(void *)(unsigned long)seal);
}
