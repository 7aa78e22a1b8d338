// SPDX-License-Identifier: GPL-2.0
/* Order and loss with many senders at once. */
#include "harness.h"

#define SENDERS 6
#define MESSAGES 1500

static struct bus bus;
static struct kdbus_client r1, r2;

/*
 * Each sender sends its numbers to both receivers, in turn. What one receiver
 * sees of a sender is in order and without gaps.
 */
static void send_numbers(void *arg)
{
	struct kdbus_client c;
	__u64 i, id = (__u64)arg;
	int ret;

	client_new(&c, &bus);
	for (i = 0; i < MESSAGES; i++) {
		struct kdbus_client *to = i % 2 ? &r2 : &r1;

		while ((ret = send_to(&c, to->hello.id, id << 32 | i, "x")) ==
		       -ENOBUFS) {
			/* its queue is full: wait until it has drained some */
			struct pollfd p = { .fd = c.fd, .events = POLLOUT };

			poll(&p, 1, 1);
		}
		ASSERT_OK(ret);
	}
}

static void receive_numbers(struct kdbus_client *r, unsigned int first)
{
	__u64 next[SENDERS];
	const struct kdbus_msg *msg;
	unsigned int i, n;

	for (i = 0; i < SENDERS; i++)
		next[i] = first;
	for (n = 0; n < SENDERS * MESSAGES / 2; n++) {
		ASSERT_OK(kdbus_client_next(r, 30000, &msg));
		i = msg->cookie >> 32;
		ASSERT(i < SENDERS);
		ASSERT_EQ(msg->cookie & 0xffffffff, next[i]);
		next[i] += 2;
		ASSERT_OK(kdbus_client_free(r, msg));
	}
	expect_nothing(r);
}

static void *receive_odd(void *arg)
{
	(void)arg;
	receive_numbers(&r2, 1);
	return NULL;
}

/* spec 22.1 */
TEST(each_sender_is_heard_in_order_and_in_full)
{
	pid_t pids[SENDERS];
	pthread_t t;
	__u64 i;

	bus_new(&bus);
	client_new(&r1, &bus);
	client_new(&r2, &bus);
	for (i = 0; i < SENDERS; i++)
		pids[i] = spawn(send_numbers, (void *)i);
	ASSERT_OK(pthread_create(&t, NULL, receive_odd, NULL));
	receive_numbers(&r1, 0);
	pthread_join(t, NULL);
	for (i = 0; i < SENDERS; i++)
		wait_for(pids[i]);
}

/*
 * Causality: A tells C, then B; B, hearing it, tells C. C hears A first.
 */
static struct kdbus_client ca, cb, cc;

static void *relay(void *arg)
{
	const struct kdbus_msg *msg;
	int i;

	for (i = 0; i < 1000; i++) {
		ASSERT_OK(kdbus_client_next(&cb, 20000, &msg));
		ASSERT_OK(send_to(&cb, cc.hello.id, msg->cookie, "b"));
		ASSERT_OK(kdbus_client_free(&cb, msg));
	}
	return arg;
}

/* spec 22.2 */
TEST(an_effect_never_comes_before_its_cause)
{
	pthread_t t;
	int i;

	bus_new(&bus);
	client_new(&ca, &bus);
	client_new(&cb, &bus);
	client_new(&cc, &bus);
	ASSERT_OK(pthread_create(&t, NULL, relay, NULL));
	for (i = 0; i < 1000; i++) {
		ASSERT_OK(send_to(&ca, cc.hello.id, i, "a"));
		ASSERT_OK(send_to(&ca, cb.hello.id, i, "a"));
		ASSERT_EQ(kdbus_client_wait(&cc, 20000), 1);
		expect_msg(&cc, ca.hello.id, i);
		ASSERT_EQ(kdbus_client_wait(&cc, 20000), 1);
		expect_msg(&cc, cb.hello.id, i);
	}
	pthread_join(t, NULL);
}
