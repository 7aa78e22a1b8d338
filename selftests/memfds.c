// SPDX-License-Identifier: GPL-2.0
/* What tests of memfds do with them: memfds.h. */
#include "memfds.h"

void *volatile nowhere;

int control(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(KDBUS_DEV "/control", O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

int try_new_on(int fd, __u64 size, const char *name)
{
	struct kdbus_cmd_memfd_make *cmd;
	struct kdbus_builder b;
	int ret;

	cmd = kdbus_build_cmd(&b, sizeof(*cmd));
	cmd->file_size = size;
	cmd->fd = -7;
	if (name)
		kdbus_build_string(&b, KDBUS_ITEM_MEMFD_NAME, name);
	ret = xioctl(fd, KDBUS_CMD_MEMFD_NEW, cmd);
	if (ret < 0)
		ASSERT_EQ(cmd->fd, -7);
	return ret < 0 ? ret : cmd->fd;
}

int try_new(__u64 size, const char *name)
{
	return try_new_on(control(), size, name);
}

int memfd_new(__u64 size)
{
	int fd = try_new(size, NULL);

	ASSERT(fd >= 0);
	return fd;
}

int seal(int fd, unsigned long arg)
{
	return xioctl(fd, KDBUS_CMD_MEMFD_SEAL_SET, (void *)arg);
}

int is_sealed(int fd)
{
	int sealed = -1;

	ASSERT_OK(xioctl(fd, KDBUS_CMD_MEMFD_SEAL_GET, &sealed));
	return sealed;
}

__u64 size_of(int fd)
{
	__u64 size = ~0ULL;

	ASSERT_OK(xioctl(fd, KDBUS_CMD_MEMFD_SIZE_GET, &size));
	return size;
}

int set_size(int fd, __u64 size)
{
	return xioctl(fd, KDBUS_CMD_MEMFD_SIZE_SET, &size);
}

long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

int map(int fd, size_t size, int prot, int flags, off_t offset, char **ptr)
{
	char *p = mmap(NULL, size, prot, flags, fd, offset);

	if (ptr)
		*ptr = p;
	return p == MAP_FAILED ? -errno : 0;
}

char *map_rw(int fd, size_t size)
{
	char *p;

	ASSERT_OK(map(fd, size, RW, MAP_SHARED, 0, &p));
	return p;
}

void *unreadable_page(void)
{
	void *p = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	ASSERT(p != MAP_FAILED);
	return p;
}
