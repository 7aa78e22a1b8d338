// SPDX-License-Identifier: GPL-2.0
/* Monitors see every message, first, and are in nobody's way. */
#include "harness.h"

static struct bus bus;
static struct kdbus_client m, a, b;

static void setup(__u64 flags, __u64 pool)
{
	bus_new(&bus);
	ASSERT_OK(kdbus_client_open(&m, bus.path, KDBUS_HELLO_MONITOR | flags,
				    0, pool, NULL));
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static void expect_copy(__u64 src, __u64 dst, __u64 cookie)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(&m, 0, 0, &msg));
	ASSERT_EQ(msg->src_id, src);
	ASSERT_EQ(msg->dst_id, dst);
	ASSERT_EQ(msg->cookie, cookie);
	ASSERT_OK(kdbus_client_free(&m, msg));
}

static void *answer(void *arg)
{
	const struct kdbus_msg *msg;

	(void)arg;
	ASSERT_OK(kdbus_client_next(&b, 10000, &msg));
	ASSERT_OK(kdbus_client_reply(&b, msg, "yes", 4));
	ASSERT_OK(kdbus_client_free(&b, msg));
	return NULL;
}

/* spec 19.2, 19.4 */
TEST(every_unicast_is_seen_in_order)
{
	const struct kdbus_msg *msg, *reply;
	struct kdbus_builder k;
	pthread_t t;

	setup(0, 0);
	ASSERT_OK(send_to(&a, b.hello.id, 1, "x"));
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.b", 0));
	ASSERT_OK(send_to_name(&a, "com.example.b", "x"));
	ASSERT_EQ(send_to(&a, 99, 2, "x"), -ENXIO);
	expect_copy(a.hello.id, b.hello.id, 1);
	ASSERT_OK(kdbus_client_recv(&m, 0, 0, &msg));
	ASSERT(kdbus_msg_item(msg, KDBUS_ITEM_DST_NAME));
	expect_nothing(&m);
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));

	/* a synchronous reply too, which is in no queue */
	ASSERT_OK(pthread_create(&t, NULL, answer, NULL));
	kdbus_build_msg(&k, b.hello.id, 3);
	ASSERT_OK(kdbus_client_call(&a, &k, 10 * SEC, &reply));
	ASSERT_OK(pthread_join(t, NULL));
	expect_copy(a.hello.id, b.hello.id, 3);
	ASSERT_OK(kdbus_client_recv(&m, 0, 0, &msg));
	ASSERT_EQ(msg->src_id, b.hello.id);
	ASSERT_EQ(msg->cookie_reply, 3);
	expect_nothing(&m);

	/* and what the kernel tells one connection */
	ASSERT_OK(request(&a, b.hello.id, 4, 10 * SEC));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	expect_copy(a.hello.id, b.hello.id, 4);
	ASSERT_OK(kdbus_client_recv(&m, 0, 0, &msg));
	ASSERT_EQ(msg->src_id, 0);
	ASSERT_EQ(msg->dst_id, a.hello.id);
	ASSERT_EQ(msg->cookie_reply, 4);
	ASSERT_EQ(((const struct kdbus_item *)msg->items)->type,
		  KDBUS_ITEM_REPLY_DEAD);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 4);
}

/* spec 19.2, decision 14 */
TEST(broadcasts_only_by_match)
{
	struct kdbus_cmd_match match = { .size = sizeof(match), .cookie = 1 };
	__u64 filter[9] = { 0 };
	struct kdbus_builder k;

	setup(0, 0);
	kdbus_build_msg(&k, KDBUS_DST_ID_BROADCAST, 1);
	kdbus_build_item(&k, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	ASSERT_OK(kdbus_client_send(&a, &k));
	expect_nothing(&m);
	ASSERT_OK(xioctl(m.fd, KDBUS_CMD_MATCH_ADD, &match));
	ASSERT_OK(kdbus_client_send(&a, &k));
	expect_copy(a.hello.id, KDBUS_DST_ID_BROADCAST, 1);
	expect_nothing(&m);
}

/* spec 19.3: delivered always; the files only to who takes files */
static void files(__u64 flags, bool with)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_builder k;
	int fds[2];

	setup(flags, 0);
	ASSERT_OK(pipe(fds));
	kdbus_build_msg(&k, b.hello.id, 1);
	kdbus_build_fds(&k, fds, 1);
	ASSERT_OK(kdbus_client_send(&a, &k));
	ASSERT_OK(kdbus_client_recv(&m, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT(item);
	ASSERT_EQ(item->fds[0] >= 0, with);
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT(item && item->fds[0] >= 0);
}

TEST(files_are_shown_as_missing)
{
	files(0, false);
}

/* spec 19.3 */
TEST(files_are_duplicated)
{
	files(KDBUS_HELLO_ACCEPT_FD, true);
}

static int first_fd(struct kdbus_client *c)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	int fd;

	ASSERT_OK(kdbus_client_recv(c, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT(item);
	fd = item->fds[0];
	kdbus_msg_close_fds(msg);
	ASSERT_OK(kdbus_client_free(c, msg));
	return fd;
}

/*
 * spec 19.2, 19.5: who sends files hides no more of them with a monitor
 * that does not receive than with anybody else, and may go on sending
 */
TEST(a_monitor_that_sleeps_keeps_few_files)
{
	struct kdbus_builder k;
	int i, fds[2];

	setup(KDBUS_HELLO_ACCEPT_FD, 0);
	param_set("max_files_per_user", 4);
	ASSERT_OK(pipe(fds));
	kdbus_build_msg(&k, b.hello.id, 1);
	kdbus_build_fds(&k, fds, 2);
	for (i = 0; i < 4; i++) {
		ASSERT_OK(kdbus_client_send(&a, &k));
		ASSERT(first_fd(&b) >= 0);
	}
	ASSERT_EQ(listed_user(getuid(), "files"), 0);
	ASSERT_EQ(listed_user(getuid(), "seen_files"), 4);
	ASSERT(first_fd(&m) >= 0);
	ASSERT_EQ(listed_user(getuid(), "seen_files"), 2);
	ASSERT_OK(kdbus_client_send(&a, &k));
	ASSERT(first_fd(&m) >= 0);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(first_fd(&m), -1);
	ASSERT(first_fd(&m) >= 0);
}

/* spec 19.2, 19.5 */
TEST(a_monitor_disturbs_nobody)
{
	int i;

	setup(0, 4096);
	ASSERT_EQ(send_to(&a, m.hello.id, 1, "x"), -ENXIO);
	ASSERT_EQ(send_to(&m, a.hello.id, 1, "x"), -EOPNOTSUPP);
	ASSERT_EQ(kdbus_client_acquire(&m, "com.example.m", 0), -EOPNOTSUPP);
	/* its pool is full long before theirs */
	for (i = 0; i < 200; i++)
		ASSERT_OK(send_to(&a, b.hello.id, i, "some text to fill it"));
	for (i = 0; i < 200; i++)
		expect_msg(&b, a.hello.id, i);
	kdbus_client_close(&m);
	ASSERT_OK(send_to(&a, b.hello.id, 1, "x"));
	expect_msg(&b, a.hello.id, 1);
}
