// SPDX-License-Identifier: GPL-2.0
/* Which file knows which command, and pointers that are no good. */
#include "harness.h"

static const unsigned long later[] = {
	KDBUS_CMD_DOMAIN_MAKE, KDBUS_CMD_EP_MAKE, KDBUS_CMD_EP_UPDATE,
	KDBUS_CMD_CONN_INFO, KDBUS_CMD_CONN_UPDATE, KDBUS_CMD_MATCH_ADD,
	KDBUS_CMD_MATCH_REMOVE, KDBUS_CMD_MEMFD_NEW, KDBUS_CMD_MEMFD_SIZE_GET,
	KDBUS_CMD_MEMFD_SIZE_SET, KDBUS_CMD_MEMFD_SEAL_GET,
	KDBUS_CMD_MEMFD_SEAL_SET, 0x9599, 0,
};

static const unsigned long conn_cmds[] = {
	KDBUS_CMD_BYEBYE, KDBUS_CMD_MSG_SEND, KDBUS_CMD_MSG_RECV,
	KDBUS_CMD_MSG_CANCEL, KDBUS_CMD_FREE, KDBUS_CMD_NAME_ACQUIRE,
	KDBUS_CMD_NAME_RELEASE, KDBUS_CMD_NAME_LIST,
};

#define N(a) (sizeof(a) / sizeof(*(a)))

TEST(later_commands_are_unknown)
{
	struct kdbus_client c;
	struct kdbus_builder b;
	struct bus bus;
	size_t i;
	int control = open(KDBUS_DEV "/control", O_RDWR);

	bus_new(&bus);
	client_new(&c, &bus);
	kdbus_build_cmd(&b, 128);
	for (i = 0; i < N(later); i++) {
		int ep = ep_open(&bus);

		ASSERT_EQ(xioctl(control, later[i], b.buf), -ENOTTY);
		ASSERT_EQ(xioctl(ep, later[i], b.buf), -ENOTTY);
		ASSERT_EQ(xioctl(c.fd, later[i], b.buf), -ENOTTY);
		close(ep);
	}
}

TEST(commands_belong_to_their_files)
{
	struct kdbus_client c;
	struct kdbus_builder b;
	struct bus bus;
	size_t i;
	int ep, control = open(KDBUS_DEV "/control", O_RDWR);

	bus_new(&bus);
	client_new(&c, &bus);
	ep = ep_open(&bus);
	kdbus_build_cmd(&b, 128);
	for (i = 0; i < N(conn_cmds); i++) {
		ASSERT_EQ(xioctl(control, conn_cmds[i], b.buf), -ENOTTY);
		ASSERT_EQ(xioctl(ep, conn_cmds[i], b.buf), -ENOTTY);
	}
	ASSERT_EQ(xioctl(control, KDBUS_CMD_HELLO, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(ep, KDBUS_CMD_BUS_MAKE, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(c.fd, KDBUS_CMD_BUS_MAKE, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(c.fd, KDBUS_CMD_HELLO, b.buf), -ENOTTY);
}

static void bad_pointers(int fd, unsigned long cmd)
{
	static char buf[256] __attribute__((aligned(8)));
	char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	ASSERT_EQ(xioctl(fd, cmd, NULL), -EFAULT);
	ASSERT_EQ(xioctl(fd, cmd, none), -EFAULT);
	ASSERT_EQ(xioctl(fd, cmd, (void *)-8L), -EFAULT);
	memset(buf, 0, sizeof(buf));
	ASSERT_EQ(xioctl(fd, cmd, buf + 4), -EFAULT);
	ASSERT_EQ(xioctl(fd, cmd, buf + 1), -EFAULT);
	munmap(none, 4096);
}

TEST(bad_pointers_are_refused)
{
	struct kdbus_client c;
	struct bus bus;
	size_t i;
	int ep, control = open(KDBUS_DEV "/control", O_RDWR);

	bus_new(&bus);
	client_new(&c, &bus);
	ep = ep_open(&bus);
	bad_pointers(control, KDBUS_CMD_BUS_MAKE);
	bad_pointers(ep, KDBUS_CMD_HELLO);
	for (i = 1; i < N(conn_cmds); i++)
		bad_pointers(c.fd, conn_cmds[i]);
	expect_nothing(&c);
}

/* A command whose end lies behind the end of the mapping. */
TEST(commands_end_in_readable_memory)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kdbus_msg *msg = (void *)(two + 4096 - 64);
	struct kdbus_client c;
	struct bus bus;

	bus_new(&bus);
	client_new(&c, &bus);
	munmap(two + 4096, 4096);
	memset(msg, 0, 64);
	msg->size = 96;
	msg->dst_id = c.hello.id;
	msg->payload_type = 1;
	ASSERT_EQ(xioctl(c.fd, KDBUS_CMD_MSG_SEND, msg), -EFAULT);
	msg->size = 64;
	ASSERT_OK(xioctl(c.fd, KDBUS_CMD_MSG_SEND, msg));
}

TEST(read_and_write_are_not_for_messages)
{
	struct kdbus_client c;
	struct bus bus;
	char x;

	bus_new(&bus);
	client_new(&c, &bus);
	ASSERT_EQ(read(c.fd, &x, 1), -1);
	ASSERT_EQ(write(c.fd, &x, 1), -1);
	ASSERT_EQ(lseek(c.fd, 0, SEEK_SET), -1);
}
