// SPDX-License-Identifier: GPL-2.0
/* What goes along with messages between an activator and its service. */
#include "fixtures.h"

#define NAME "com.example.service"

static struct bus bus;
static struct kdbus_client act, svc, cli;

static void setup(__u64 service_pool)
{
	bus_new(&bus);
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR |
			      KDBUS_HELLO_ACCEPT_FD, NAME));
	client_new_pool(&svc, &bus, service_pool);
	client_new(&cli, &bus);
}

static void build(struct kdbus_builder *m, __u64 cookie, size_t size)
{
	static char data[4096];

	kdbus_build_msg(m, 0, cookie);
	kdbus_build_string(m, KDBUS_ITEM_DST_NAME, NAME);
	kdbus_build_vec(m, data, size);
}

static void ask(__u64 cookie, size_t size)
{
	struct kdbus_builder m;

	build(&m, cookie, size);
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m.msg.timeout_ns = 1000 * SEC;
	ASSERT_OK(kdbus_client_send(&cli, &m));
}

static int readable(struct kdbus_client *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	ASSERT(poll(&p, 1, 0) >= 0);
	return !!(p.revents & POLLIN);
}

static void *call_by_name(void *arg)
{
	const struct kdbus_msg *reply = NULL;
	struct kdbus_builder m;
	int ret;

	build(&m, 7, 8);
	ret = kdbus_client_call(&cli, &m, 1000 * SEC, &reply);
	if (!ret && reply->cookie_reply != 7)
		ret = 1;
	*(int *)arg = ret;
	return NULL;
}

/* spec 14.3, 14.4: who waits for the reply does not notice */
TEST(a_synchronous_call_goes_along)
{
	const struct kdbus_msg *msg;
	pthread_t t;
	int i, ret;

	setup(0);
	ASSERT_OK(pthread_create(&t, NULL, call_by_name, &ret));
	ASSERT_EQ(kdbus_client_wait(&act, 30000), 1);
	/* there, back, and there again */
	for (i = 0; i < 2; i++) {
		ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
		ASSERT(readable(&svc) && !readable(&act));
		if (i)
			break;
		ASSERT_OK(kdbus_client_release(&svc, NAME));
		ASSERT(readable(&act) && !readable(&svc));
	}
	ASSERT_OK(kdbus_client_recv(&svc, 0, 0, &msg));
	ASSERT_EQ(msg->cookie, 7);
	ASSERT_OK(kdbus_client_reply(&svc, msg, "yes", 4));
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_OK(ret);
	expect_nothing(&cli);
}

/* spec 10.5, 14.4 */
/* The receiver's death is the end of a call, wherever it has moved. */
TEST(a_synchronous_call_ends_with_the_service)
{
	const struct kdbus_msg *msg;
	pthread_t t;
	int ret;

	setup(0);
	ASSERT_OK(pthread_create(&t, NULL, call_by_name, &ret));
	ASSERT_EQ(kdbus_client_wait(&act, 30000), 1);
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	ASSERT_OK(kdbus_client_recv(&svc, 0, 0, &msg));
	kdbus_client_close(&svc);
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_EQ(ret, -EPIPE);
}

static void take_priority(__u64 cookie)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(&svc, KDBUS_RECV_USE_PRIORITY, 100, &msg));
	ASSERT_EQ(msg->cookie, cookie);
}

/* spec 14.3, 12.2: both orders are as if they had been sent there */
TEST(priorities_go_along)
{
	static const __s64 priorities[] = { 5, -1, 3, -1 };
	struct kdbus_builder m;
	int i;

	setup(0);
	for (i = 0; i < 4; i++) {
		build(&m, i, 8);
		m.msg.priority = priorities[i];
		ASSERT_OK(kdbus_client_send(&cli, &m));
	}
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	take_priority(1);
	take_priority(3);
	expect_msg(&svc, cli.hello.id, 0);
	take_priority(2);
	expect_nothing(&svc);
}

/* spec 14.4: what has no room is told, and what has moves */
TEST(what_the_service_has_no_room_for_is_told)
{
	const struct kdbus_msg *msg;
	int i, n = 20, moved = 0, dead = 0;

	setup(16384);
	for (i = 1; i <= n; i++)
		ask(i, 2000);
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	while (!kdbus_client_recv(&svc, 0, 0, &msg)) {
		/* the first ones, in order */
		ASSERT_EQ(msg->cookie, moved + 1);
		ASSERT_OK(kdbus_client_reply(&svc, msg, "yes", 4));
		ASSERT_OK(kdbus_client_free(&svc, msg));
		moved++;
	}
	ASSERT(moved > 0 && moved < n);
	n -= moved;
	expect_nothing(&act);
	while (!kdbus_client_recv(&cli, 0, 0, &msg)) {
		dead += msg->src_id == KDBUS_SRC_ID_KERNEL;
		moved -= msg->src_id == svc.hello.id;
		ASSERT_OK(kdbus_client_free(&cli, msg));
	}
	ASSERT_EQ(moved, 0);
	ASSERT_EQ(dead, n);
	ASSERT_EQ(listed("connections", &bus, act.hello.id, "pool_used"), 0);
	ASSERT_EQ(listed("connections", &bus, cli.hello.id, "calls_out"), 0);
}

static long long charged(struct kdbus_client *c, const char *column)
{
	long long n = listed("accounts", &bus, c->hello.id, column);

	return n < 0 ? 0 : n;
}

/* spec 14.4, 11.3: what a sender is charged for goes to where it lies */
TEST(charges_go_along)
{
	static const char * const columns[] = { "bytes", "msgs", "fds" };
	long long before[3];
	struct kdbus_builder m;
	int i, fds[2] = { 0, 1 };

	setup(0);
	ask(1, 1000);
	build(&m, 2, 3000);
	kdbus_build_fds(&m, fds, 2);
	ASSERT_OK(kdbus_client_send(&cli, &m));
	for (i = 0; i < 3; i++)
		before[i] = charged(&act, columns[i]);
	ASSERT(before[0] > 4000);
	ASSERT_EQ(before[1], 2);
	ASSERT_EQ(before[2], 2);

	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(charged(&svc, columns[i]), before[i]);
		ASSERT_EQ(charged(&act, columns[i]), 0);
	}
	ASSERT_OK(kdbus_client_release(&svc, NAME));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(charged(&act, columns[i]), before[i]);
		ASSERT_EQ(charged(&svc, columns[i]), 0);
	}
	ASSERT_EQ(listed("connections", &bus, svc.hello.id, "pool_used"), 0);
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	expect_msg(&svc, cli.hello.id, 1);
	expect_msg(&svc, cli.hello.id, 2);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(charged(&svc, columns[i]), 0);
}

/* spec 14.3, 21.3: a start is asked for again when something is left */
TEST(the_activator_is_readable_again)
{
	setup(0);
	ask(1, 8);
	ASSERT(readable(&act));
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	ASSERT(!readable(&act));
	kdbus_client_close(&svc);
	ASSERT(readable(&act));
	client_new(&svc, &bus);
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	ASSERT(!readable(&act));
	expect_msg(&svc, cli.hello.id, 1);
	/* nothing is left */
	ASSERT_OK(kdbus_client_release(&svc, NAME));
	ASSERT(!readable(&act));
}

/* spec 14.2: one name, and the name is whole */
TEST(an_activator_has_one_name)
{
	struct kdbus_client c;
	struct kdbus_builder b;

	setup(0);
	hello_init(&b, KDBUS_HELLO_ACTIVATOR);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.a");
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.b");
	ASSERT_EQ(kdbus_client_hello(&c, bus.path, &b), -EINVAL);
	ASSERT_EQ(special_new(&c, &bus, KDBUS_HELLO_ACTIVATOR,
			      "com.example.*"), -EINVAL);
	ASSERT_EQ(special_new(&c, &bus, KDBUS_HELLO_ACTIVATOR, NAME), -EEXIST);
}

/* spec 14.5: no broadcasts */
TEST(an_activator_hears_no_broadcasts)
{
	setup(0);
	ASSERT_EQ(match_rule(&act, 1, 0, NULL, 0), -EOPNOTSUPP);
	ASSERT_OK(broadcast(&cli, 1));
	expect_nothing(&act);
	ASSERT_EQ(send_to(&act, cli.hello.id, 1, "x"), -EOPNOTSUPP);
	ASSERT_EQ(kdbus_client_acquire(&act, "com.example.x", 0), -EOPNOTSUPP);
}
