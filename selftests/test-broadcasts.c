// SPDX-License-Identifier: GPL-2.0
/* Broadcasts: one content, one number and one place in the order for all. */
#include "harness.h"

#define NAME "com.example.speaker"
#define PAGE 4096

static struct bus bus;
static struct kdbus_client a, b, c;
static struct kdbus_builder m;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	client_new(&c, &bus);
}

static long long queued(const struct kdbus_client *to)
{
	return listed("connections", &bus, to->hello.id, "queued");
}

/* ---- to many -------------------------------------------------------------- */

/* more than are looked at in one go, each with several matches that hold */
#define MANY 150

static void hear_sender(struct kdbus_client *to, __u64 cookie, __u64 id)
{
	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_match));
	((struct kdbus_cmd_match *)m.buf)->cookie = cookie;
	kdbus_build_item(&m, KDBUS_ITEM_ID, &id, sizeof(id));
	ASSERT_OK(kdbus_client_match_add(to, &m));
}

static struct kdbus_client many[MANY];

/* what they heard of each other's coming, or what has been counted */
static void many_forget(void)
{
	int i;

	for (i = 0; i < MANY; i++)
		while (!kdbus_client_recv(&many[i], KDBUS_RECV_DROP, 0, NULL))
			;
}

static void many_listen(size_t pool)
{
	int i;

	for (i = 0; i < MANY; i++) {
		client_new_pool(&many[i], &bus, pool);
		hear_all(&many[i], 1);
		hear_all(&many[i], 2);
		hear_sender(&many[i], 3, a.hello.id);
		hear_sender(&many[i], 4, b.hello.id);
	}
	many_forget();
}

/* spec 15.1, 25: also by matches that are found in different ways */
TEST(many_receivers_get_it_once_each)
{
	int i;

	setup();
	many_listen(PAGE);
	build_broadcast(&m, 1);
	kdbus_build_vec(&m, "x", 2);
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_send(&a, &m));
	for (i = 0; i < MANY; i++) {
		expect_msg(&many[i], a.hello.id, 1);
		expect_msg(&many[i], a.hello.id, 1);
		expect_nothing(&many[i]);
	}
}

#define AT_A_TIME 20

static void *speak(void *client)
{
	struct kdbus_builder one;
	int i;

	build_broadcast(&one, 1);
	kdbus_build_vec(&one, "x", 2);
	for (i = 0; i < AT_A_TIME; i++)
		ASSERT_OK(kdbus_client_send(client, &one));
	return NULL;
}

/* also while another one is on its way to the same receivers */
TEST(two_at_a_time_get_there_once_each)
{
	/* some 6,000 messages each, which are many where each access is watched */
	int i, rounds = slowness() > 1 ? 2 : 8;
	pthread_t t;

	setup();
	many_listen(16 * PAGE);
	while (rounds--) {
		ASSERT_OK(pthread_create(&t, NULL, speak, &b));
		speak(&a);
		ASSERT_OK(pthread_join(t, NULL));
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(queued(&many[i]), 2 * AT_A_TIME);
		many_forget();
	}
}

static char changing[64 * PAGE];
static volatile int stop;

static void *overwrite(void *arg)
{
	unsigned char with = 0;

	while (!stop)
		memset(changing, ++with, sizeof(changing));
	return arg;
}

/* spec 9.9: the payload is read once */
TEST(all_receivers_get_the_same_bytes)
{
	const struct kdbus_msg *at_b, *at_c;
	pthread_t t;
	int i;

	setup();
	hear_all(&b, 1);
	hear_all(&c, 1);
	ASSERT_OK(pthread_create(&t, NULL, overwrite, NULL));
	for (i = 0; i < 15; i++) {
		build_broadcast(&m, i);
		kdbus_build_vec(&m, changing, sizeof(changing));
		ASSERT_OK(kdbus_client_send(&a, &m));
		ASSERT_OK(kdbus_client_recv(&b, 0, 0, &at_b));
		ASSERT_OK(kdbus_client_recv(&c, 0, 0, &at_c));
		ASSERT_EQ(at_b->size, at_c->size);
		ASSERT_OK(memcmp((char *)at_b + at_b->size,
				 (char *)at_c + at_c->size, sizeof(changing)));
		ASSERT_OK(kdbus_client_free(&b, at_b));
		ASSERT_OK(kdbus_client_free(&c, at_c));
	}
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
}

/* spec 19.6: a monitor sees what its target got, of a large message too */
TEST(a_monitor_gets_the_bytes_of_the_target)
{
	static char large[4 << 20];
	const struct kdbus_msg *seen, *msg;
	struct kdbus_client monitor;
	pthread_t t;
	int i;

	setup();
	ASSERT_OK(kdbus_client_open(&monitor, bus.path, KDBUS_HELLO_MONITOR, 0,
				    0, NULL));
	ASSERT_OK(pthread_create(&t, NULL, overwrite, NULL));
	for (i = 0; i < 5; i++) {
		kdbus_build_msg(&m, b.hello.id, i);
		kdbus_build_vec(&m, changing, sizeof(changing));
		kdbus_build_vec(&m, large, sizeof(large));
		kdbus_build_vec(&m, changing, sizeof(changing));
		ASSERT_OK(kdbus_client_send(&a, &m));
		ASSERT_OK(kdbus_client_recv(&monitor, 0, 0, &seen));
		ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
		ASSERT_EQ(kdbus_msg_payload(msg, NULL, 0),
			  2 * sizeof(changing) + sizeof(large));
		ASSERT_EQ(seen->size, msg->size);
		ASSERT_OK(memcmp(seen, msg, msg->size +
				 2 * sizeof(changing) + sizeof(large)));
		ASSERT_OK(kdbus_client_free(&monitor, seen));
		ASSERT_OK(kdbus_client_free(&b, msg));
	}
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
}

/* spec 9.10, 17.5: one number, and one time, wherever it arrives */
TEST(all_receivers_get_the_same_number)
{
	const struct kdbus_timestamp *at_b, *at_c;
	const struct kdbus_msg *msg_b, *msg_c;
	__u64 last = 0;
	int i;

	setup();
	kdbus_client_close(&b);
	kdbus_client_close(&c);
	ASSERT_OK(kdbus_client_open(&b, bus.path, 0, KDBUS_ATTACH_TIMESTAMP, 0,
				    NULL));
	ASSERT_OK(kdbus_client_open(&c, bus.path, 0, KDBUS_ATTACH_TIMESTAMP, 0,
				    NULL));
	hear_all(&b, 1);
	hear_all(&c, 1);
	for (i = 0; i < 10; i++) {
		build_broadcast(&m, i);
		ASSERT_OK(kdbus_client_send(&a, &m));
		ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg_b));
		ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg_c));
		at_b = &kdbus_msg_item(msg_b, KDBUS_ITEM_TIMESTAMP)->timestamp;
		at_c = &kdbus_msg_item(msg_c, KDBUS_ITEM_TIMESTAMP)->timestamp;
		ASSERT_EQ(at_b->seqnum, at_c->seqnum);
		ASSERT_EQ(at_b->monotonic_ns, at_c->monotonic_ns);
		ASSERT_EQ(at_b->realtime_ns, at_c->realtime_ns);
		ASSERT(at_b->seqnum > last);
		last = at_b->seqnum;
		ASSERT_OK(kdbus_client_free(&b, msg_b));
		ASSERT_OK(kdbus_client_free(&c, msg_c));
	}
}

/* ---- bounds --------------------------------------------------------------- */

/* spec 3.3: also for the maker of the bus, and without a warning */
TEST(a_broadcast_is_bounded_for_everybody)
{
	setup();
	hear_all(&b, 1);
	build_broadcast(&m, 1);
	kdbus_build_vec(&m, changing, (16 << 20) + 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMSGSIZE);
	build_broadcast(&m, 1);
	kdbus_build_vec(&m, changing, 3ULL << 30);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMSGSIZE);
	build_broadcast(&m, 1);
	kdbus_build_vec(&m, changing, 1ULL << 62);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMSGSIZE);
	expect_nothing(&b);
	/* a run of zeros is none of it, but an offset cannot say it is there */
	build_broadcast(&m, 2);
	kdbus_build_vec(&m, NULL, 3ULL << 30);
	ASSERT_OK(kdbus_client_send(&a, &m));
	expect_msg(&b, a.hello.id, 2);
}

/* spec 9.9, 11.3: charged like any message; who has no room goes without */
TEST(a_broadcast_is_charged_to_its_sender)
{
	const struct kdbus_msg *msg;
	int i;

	setup();
	hear_all(&b, 1);
	for (i = 0; i < 300; i++) {
		build_broadcast(&m, i);
		ASSERT_OK(kdbus_client_send(&a, &m));
	}
	ASSERT_EQ(listed("accounts", &bus, b.hello.id, "msgs"), 256);
	ASSERT_EQ(queued(&b), 256);
	for (i = 0; i < 256; i++) {
		ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
		ASSERT_EQ(msg->cookie, i);
		ASSERT_OK(kdbus_client_free(&b, msg));
	}
	expect_nothing(&b);
	ASSERT_EQ(listed("accounts", &bus, b.hello.id, "msgs"), -1);
}

/* spec 19.2: what a monitor gets is nobody's charge */
TEST(a_monitor_is_charged_to_nobody)
{
	struct kdbus_client monitor;
	int i;

	setup();
	ASSERT_OK(kdbus_client_open(&monitor, bus.path, KDBUS_HELLO_MONITOR, 0,
				    0, NULL));
	hear_all(&monitor, 1);
	for (i = 0; i < 300; i++) {
		build_broadcast(&m, i);
		ASSERT_OK(kdbus_client_send(&a, &m));
	}
	ASSERT_EQ(listed("accounts", &bus, monitor.hello.id, "msgs"), -1);
	ASSERT_EQ(queued(&monitor), 300);
	for (i = 0; i < 300; i++)
		expect_msg(&monitor, a.hello.id, i);
}

/* ---- policy --------------------------------------------------------------- */

static void build_hello_policy(__u64 level, __u64 uid)
{
	kdbus_build_hello(&m, KDBUS_HELLO_POLICY_HOLDER, 0);
	kdbus_build_string(&m, KDBUS_ITEM_NAME, NAME);
	kdbus_build_access(&m, KDBUS_POLICY_ACCESS_USER, level, uid);
}

/* spec 9.9, 16.6, decision 8: who may not talk to the sender hears nothing */
TEST(a_receiver_needs_the_right_to_talk)
{
	struct kdbus_client holder, may, may_not, sibling;

	setup();
	client_new_as(&may, &bus, 1001);
	client_new_as(&may_not, &bus, NOBODY);
	client_new_as(&sibling, &bus, NOBODY);
	hear_all(&b, 1);
	hear_all(&may, 1);
	hear_all(&may_not, 1);
	/* without any policy everybody does */
	build_broadcast(&m, 1);
	ASSERT_OK(kdbus_client_send(&a, &m));
	expect_msg(&b, a.hello.id, 1);
	expect_msg(&may, a.hello.id, 1);
	expect_msg(&may_not, a.hello.id, 1);

	build_hello_policy(KDBUS_POLICY_TALK, 1001);
	ASSERT_OK(kdbus_client_hello(&holder, bus.path, &m));
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	while (!kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL))
		;
	while (!kdbus_client_recv(&may, KDBUS_RECV_DROP, 0, NULL))
		;
	while (!kdbus_client_recv(&may_not, KDBUS_RECV_DROP, 0, NULL))
		;
	build_broadcast(&m, 2);
	ASSERT_OK(kdbus_client_send(&a, &m));
	/* the maker of the bus, who is granted it, and nobody else */
	expect_msg(&b, a.hello.id, 2);
	expect_msg(&may, a.hello.id, 2);
	expect_nothing(&may_not);
	/* the same uid is enough */
	build_broadcast(&m, 3);
	ASSERT_OK(send_as(NOBODY, &sibling, &m));
	expect_msg(&may_not, sibling.hello.id, 3);
	expect_nothing(&may);
}
