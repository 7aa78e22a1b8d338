// SPDX-License-Identifier: GPL-2.0
/* Which file knows which command, and pointers that are no good. */
#include "harness.h"

/* what an ordinary connection may do, and nobody else's file */
static const unsigned long conn_cmds[] = {
	KDBUS_CMD_BYEBYE, KDBUS_CMD_MSG_SEND, KDBUS_CMD_MSG_RECV,
	KDBUS_CMD_MSG_CANCEL, KDBUS_CMD_FREE, KDBUS_CMD_NAME_ACQUIRE,
	KDBUS_CMD_NAME_RELEASE, KDBUS_CMD_NAME_LIST, KDBUS_CMD_CONN_INFO,
	KDBUS_CMD_CONN_UPDATE, KDBUS_CMD_MATCH_ADD, KDBUS_CMD_MATCH_REMOVE,
};

static const unsigned long unknown[] = {
	KDBUS_CMD_MEMFD_SIZE_GET, KDBUS_CMD_MEMFD_SIZE_SET,
	KDBUS_CMD_MEMFD_SEAL_GET, KDBUS_CMD_MEMFD_SEAL_SET, 0x9599, 0,
};

#define N(a) (sizeof(a) / sizeof(*(a)))

/* spec 5.1, 2.1 */
TEST(unknown_commands_are_refused)
{
	int control = open(KDBUS_DEV "/control", O_RDWR);
	struct kdbus_client c, monitor;
	struct kdbus_builder b;
	struct bus bus;
	size_t i;
	int ep;

	bus_new(&bus);
	client_new(&c, &bus);
	ep = ep_open(&bus);
	ASSERT_OK(kdbus_client_open(&monitor, bus.path, KDBUS_HELLO_MONITOR, 0,
				    0, NULL));
	kdbus_build_cmd(&b, 128);
	for (i = 0; i < N(unknown); i++) {
		ASSERT_EQ(xioctl(control, unknown[i], b.buf), -ENOTTY);
		ASSERT_EQ(xioctl(ep, unknown[i], b.buf), -ENOTTY);
		ASSERT_EQ(xioctl(c.fd, unknown[i], b.buf), -ENOTTY);
		ASSERT_EQ(xioctl(monitor.fd, unknown[i], b.buf), -ENOTTY);
	}
}

/* spec 5.1 */
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
		ASSERT_EQ(xioctl(bus.owner, conn_cmds[i], b.buf), -EBADFD);
	}
	ASSERT_EQ(xioctl(control, KDBUS_CMD_HELLO, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(control, KDBUS_CMD_EP_MAKE, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(ep, KDBUS_CMD_BUS_MAKE, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(ep, KDBUS_CMD_EP_UPDATE, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(ep, KDBUS_CMD_MEMFD_NEW, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(c.fd, KDBUS_CMD_BUS_MAKE, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(c.fd, KDBUS_CMD_EP_MAKE, b.buf), -ENOTTY);
	ASSERT_EQ(xioctl(c.fd, KDBUS_CMD_HELLO, b.buf), -ENOTTY);
}

/* Which commands a kind of connection may use: one bit for each above. */
static void check_kind(const struct bus *bus, __u64 flags, const char *may)
{
	struct kdbus_builder b;
	size_t i;
	int ret, fd = ep_open(bus);

	hello_init(&b, flags);
	if (!(flags & KDBUS_HELLO_MONITOR))
		kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.kind");
	ASSERT_OK(xioctl(fd, KDBUS_CMD_HELLO, b.buf));
	kdbus_build_cmd(&b, 128);
	for (i = 0; i < N(conn_cmds); i++) {
		ret = xioctl(fd, conn_cmds[i], b.buf);
		if ((ret != -EOPNOTSUPP) != (may[i] == 'y'))
			test_fail(__FILE__, __LINE__, "command %zu is %d", i,
				  ret);
	}
	close(fd);
}

/* spec 5.3, 14.5, 19.5, decision 11 */
TEST(special_connections_have_fewer_commands)
{
	struct bus bus;

	bus_new(&bus);
	/*		   byebye send recv cancel free acq rel list info upd match */
	check_kind(&bus, KDBUS_HELLO_ACTIVATOR,	    "nnynynnyynnn");
	check_kind(&bus, KDBUS_HELLO_POLICY_HOLDER, "nnnnynnyyynn");
	check_kind(&bus, KDBUS_HELLO_MONITOR,	    "nnynynnyynyy");
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

/* spec 2.7 */
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
	bad_pointers(control, KDBUS_CMD_DOMAIN_MAKE);
	bad_pointers(control, KDBUS_CMD_MEMFD_NEW);
	bad_pointers(ep, KDBUS_CMD_EP_MAKE);
	bad_pointers(ep, KDBUS_CMD_HELLO);
	for (i = 1; i < N(conn_cmds); i++)
		bad_pointers(c.fd, conn_cmds[i]);
	expect_nothing(&c);
}

/* spec 9.2: a command whose end lies behind the end of the mapping. */
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

/* spec 5.1 */
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
