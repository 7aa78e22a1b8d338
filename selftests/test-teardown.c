// SPDX-License-Identifier: GPL-2.0
/* The end of a bus: what its connections hear, keep and give back. */
#include "harness.h"

#define N(a) (sizeof(a) / sizeof(*(a)))

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static const unsigned long reset[] = {
	KDBUS_CMD_MSG_SEND, KDBUS_CMD_MSG_RECV, KDBUS_CMD_MSG_CANCEL,
	KDBUS_CMD_NAME_ACQUIRE, KDBUS_CMD_NAME_RELEASE, KDBUS_CMD_NAME_LIST,
	KDBUS_CMD_CONN_INFO, KDBUS_CMD_CONN_UPDATE, KDBUS_CMD_MATCH_ADD,
	KDBUS_CMD_MATCH_REMOVE, KDBUS_CMD_MEMFD_NEW, KDBUS_CMD_HELLO,
	KDBUS_CMD_EP_MAKE, KDBUS_CMD_EP_UPDATE, KDBUS_CMD_BUS_MAKE,
};

/* The connection is gone, however it went; @msg is what it had received. */
static void expect_gone(struct kdbus_client *c, const struct kdbus_msg *msg)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN | POLLOUT };
	struct kdbus_builder m;
	char text[16];
	void *map;
	size_t i;

	kdbus_build_cmd(&m, 128);
	for (i = 0; i < N(reset); i++)
		if (xioctl(c->fd, reset[i], m.buf) != -ECONNRESET)
			test_fail(__FILE__, __LINE__, "command %zu is %d", i,
				  xioctl(c->fd, reset[i], m.buf));
	ASSERT_EQ(kdbus_client_byebye(c), -EALREADY);
	ASSERT_EQ(kdbus_client_byebye(c), -EALREADY);
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLERR | POLLHUP);

	kdbus_msg_payload(msg, text, sizeof(text));
	ASSERT_OK(strcmp(text, "received"));
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, c->fd, 0);
	ASSERT(map != MAP_FAILED);
	ASSERT_OK(memcmp(map, c->pool, 4096));
	munmap(map, 4096);
	ASSERT_OK(kdbus_client_free(c, msg));
	ASSERT_EQ(kdbus_client_free(c, msg), -ENXIO);
}

static const struct kdbus_msg *received(void)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(send_to(&a, b.hello.id, 1, "received"));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	return msg;
}

/* spec 5.4, 27.10, decision 2 */
TEST(every_command_is_reset_when_the_bus_is_gone)
{
	const struct kdbus_msg *msg;

	setup();
	msg = received();
	/* what is queued is lost, and does not count */
	ASSERT_OK(send_to(&a, b.hello.id, 2, "queued"));
	ASSERT_OK(request(&a, b.hello.id, 3, 100 * SEC));
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.b", 0));
	close(bus.owner);
	expect_gone(&b, msg);
	ASSERT_EQ(send_to(&a, b.hello.id, 1, "x"), -ECONNRESET);
}

/* spec 5.4, 7.9 */
TEST(every_command_is_reset_after_byebye)
{
	const struct kdbus_msg *msg;

	setup();
	msg = received();
	ASSERT_OK(kdbus_client_byebye(&b));
	expect_gone(&b, msg);
	ASSERT_EQ(send_to(&a, b.hello.id, 1, "x"), -ENXIO);
}

/* spec 27.10: and when only the way to the bus is gone */
TEST(every_command_is_reset_when_the_endpoint_is_gone)
{
	struct kdbus_cmd_make *cmd;
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	char path[200];
	int ep;

	setup();
	ep = ep_open(&bus);
	cmd = kdbus_build_cmd(&m, sizeof(*cmd));
	cmd->flags = KDBUS_MAKE_ACCESS_WORLD;
	kdbus_build_string(&m, KDBUS_ITEM_MAKE_NAME, "way");
	ASSERT_OK(xioctl(ep, KDBUS_CMD_EP_MAKE, cmd));
	kdbus_client_close(&b);
	kdbus_endpoint_path(path, sizeof(path), bus.name, "way");
	ASSERT_OK(kdbus_client_open(&b, path, KDBUS_HELLO_ACCEPT_FD, 0, 0,
				    NULL));
	msg = received();
	close(ep);
	expect_gone(&b, msg);
	/* the bus is as it was */
	ASSERT_OK(send_to(&a, a.hello.id, 1, "x"));
}

/* spec 7.10, 9.4: what was on its way is closed */
TEST(files_in_queues_are_closed_with_the_bus)
{
	struct kdbus_builder m;
	int p[2];
	char x;

	setup();
	ASSERT_OK(pipe(p));
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_fds(&m, &p[1], 1);
	ASSERT_OK(kdbus_client_send(&a, &m));
	close(p[1]);
	close(bus.owner);
	ASSERT_EQ(read(p[0], &x, 1), 0);
}

/* spec 27.11: however it ends there is one answer to a request */
TEST(a_request_of_the_dead_is_answered_once)
{
	int i;

	setup();
	for (i = 0; i < 3; i++)
		ASSERT_OK(request(&a, b.hello.id, i, 100 * SEC));
	expect_msg(&b, a.hello.id, 0);
	kdbus_client_close(&b);
	for (i = 0; i < 3; i++)
		expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, i);
	expect_nothing(&a);
}
