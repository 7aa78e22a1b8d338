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

/* ---- one order for all ------------------------------------------------------ */

/*
 * Several senders broadcast, and send to each of two receivers, and go by
 * names. What both receivers hear they hear in the same order.
 */
#define TELLERS 4
#define TOLD 300

static void tell(void *arg)
{
	__u64 i, id = (__u64)(uintptr_t)arg;
	struct kdbus_builder m;
	struct kdbus_client c;
	char name[32];
	int ret;

	snprintf(name, sizeof(name), "com.example.t%d", (int)id);
	client_new(&c, &bus);
	for (i = 0; i < TOLD; i++) {
		build_broadcast(&m, id << 32 | i);
		ASSERT_OK(kdbus_client_send(&c, &m));
		ret = send_to(&c, i % 2 ? r1.hello.id : r2.hello.id,
			      id << 32 | i, "x");
		ASSERT_OK(ret);
		if (i % 8 == 0)
			ASSERT_OK(kdbus_client_acquire(&c, name, 0));
		if (i % 8 == 4)
			ASSERT_OK(kdbus_client_release(&c, name));
	}
}

/* one thing that a receiver heard: a message's sequence number, and from whom */
struct heard {
	__u64 seq;
	__u64 src;
	__u64 cookie;
	__u64 dst;
};

struct ear {
	struct kdbus_client *c;
	struct heard *all;
	unsigned int n;
	volatile int *ended;
};

#define HEARD_MAX (8 * TELLERS * TOLD)

/* Listens until the tellers have ended and nothing is left. */
static void *listen_to_all(void *arg)
{
	struct ear *e = arg;
	const struct kdbus_item *ts;
	const struct kdbus_msg *msg;
	int ended, ret;

	do {
		ended = *e->ended;
		while (!(ret = kdbus_client_next(e->c, 10, &msg))) {
			struct heard *h = &e->all[e->n++];

			ASSERT(e->n < HEARD_MAX);
			ts = kdbus_msg_item(msg, KDBUS_ITEM_TIMESTAMP);
			h->seq = ts ? ts->timestamp.seqnum : 0;
			h->src = msg->src_id;
			h->cookie = msg->cookie;
			h->dst = msg->dst_id;
			ASSERT_OK(kdbus_client_free(e->c, msg));
		}
		ASSERT_EQ(ret, -ETIMEDOUT);
	} while (!ended);
	return NULL;
}

/* The broadcasts among them, in their order. */
static unsigned int keep_broadcasts(struct heard *all, unsigned int n)
{
	unsigned int i, k = 0;

	for (i = 0; i < n; i++)
		if (all[i].src && all[i].dst == KDBUS_DST_ID_BROADCAST)
			all[k++] = all[i];
	return k;
}

static struct heard heard[2][HEARD_MAX];

/* spec 22.2: all that two receivers have in common comes in one order */
TEST(all_receivers_hear_one_order)
{
	static volatile int ended;
	struct ear ears[2] = {
		{ .c = &r1, .all = heard[0], .ended = &ended },
		{ .c = &r2, .all = heard[1], .ended = &ended },
	};
	pid_t pids[TELLERS];
	pthread_t t[2];
	unsigned int i, k;

	bus_new(&bus);
	param_set("max_msgs_per_sender", 100000);
	param_set("max_notices_per_conn", 100000);
	for (k = 0; k < 2; k++) {
		ASSERT_OK(kdbus_client_open(ears[k].c, bus.path, 0,
					    KDBUS_ATTACH_TIMESTAMP, 0, NULL));
		hear_all(ears[k].c, 1);
		ASSERT_OK(pthread_create(&t[k], NULL, listen_to_all, &ears[k]));
	}
	for (i = 0; i < TELLERS; i++)
		pids[i] = spawn(tell, (void *)(uintptr_t)i);
	for (i = 0; i < TELLERS; i++)
		wait_for(pids[i]);
	ended = 1;
	for (k = 0; k < 2; k++)
		ASSERT_OK(pthread_join(t[k], NULL));

	/* the numbers only grow, unicast and broadcast together */
	for (k = 0; k < 2; k++) {
		__u64 last = 0;

		for (i = 0; i < ears[k].n; i++) {
			if (!heard[k][i].src)
				continue;
			ASSERT(heard[k][i].seq > last);
			last = heard[k][i].seq;
		}
	}
	for (k = 0; k < 2; k++)
		ears[k].n = keep_broadcasts(heard[k], ears[k].n);
	ASSERT_EQ(ears[0].n, TELLERS * TOLD);
	ASSERT_EQ(ears[1].n, TELLERS * TOLD);
	for (i = 0; i < ears[0].n; i++) {
		ASSERT_EQ(heard[0][i].seq, heard[1][i].seq);
		ASSERT_EQ(heard[0][i].src, heard[1][i].src);
		ASSERT_EQ(heard[0][i].cookie, heard[1][i].cookie);
	}
}

/* ---- states and messages ---------------------------------------------------- */

static volatile int changing;

static void *change_name(void *arg)
{
	struct kdbus_client *c = arg;
	struct kdbus_builder m;

	while (changing) {
		ASSERT_OK(kdbus_client_acquire(c, "com.example.mine", 0));
		build_broadcast(&m, 1);
		ASSERT_OK(kdbus_client_send(c, &m));
		ASSERT_OK(kdbus_client_release(c, "com.example.mine"));
	}
	return NULL;
}

/*
 * spec 18.3, 22.3: what is said under a name is heard between the notices that
 * it was taken and given up.
 */
TEST(a_message_is_heard_in_the_state_it_was_sent_in)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	int i, owned = 0, told = 0;
	struct kdbus_client c;
	pthread_t t;

	bus_new(&bus);
	client_new(&r1, &bus);
	client_new(&c, &bus);
	param_set("max_notices_per_conn", 100000);
	param_set("max_msgs_per_sender", 100000);
	hear_all(&r1, 1);
	changing = 1;
	ASSERT_OK(pthread_create(&t, NULL, change_name, &c));
	for (i = 0; i < 2000; i++) {
		ASSERT_OK(kdbus_client_next(&r1, 30000, &msg));
		item = (const void *)msg->items;
		if (msg->src_id) {
			ASSERT(owned);
			told++;
		} else if (item->type == KDBUS_ITEM_NAME_ADD) {
			ASSERT_EQ(owned++, 0);
		} else {
			ASSERT_EQ(item->type, KDBUS_ITEM_NAME_REMOVE);
			ASSERT_EQ(owned--, 1);
		}
		ASSERT_OK(kdbus_client_free(&r1, msg));
	}
	changing = 0;
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT(told > 0);
}

static void come_and_go(void *arg)
{
	struct kdbus_builder m;
	struct kdbus_client c;
	int i;

	(void)arg;
	for (i = 0; i < 300; i++) {
		client_new_pool(&c, &bus, 4096);
		build_broadcast(&m, 1);
		ASSERT_OK(kdbus_client_send(&c, &m));
		ASSERT_OK(send_to(&c, r1.hello.id, 1, "x"));
		kdbus_client_close(&c);
	}
}

/* spec 22.3, 18.4: nothing before ID_ADD, nothing after ID_REMOVE */
TEST(a_connection_is_heard_while_it_is_there)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	static char there[4096];
	int i, came = 0, went = 0;
	pid_t pids[3];

	bus_new(&bus);
	client_new(&r1, &bus);
	param_set("max_notices_per_conn", 100000);
	hear_all(&r1, 1);
	for (i = 0; i < 3; i++)
		pids[i] = spawn(come_and_go, NULL);
	while (went < 900) {
		ASSERT_OK(kdbus_client_next(&r1, 30000, &msg));
		item = (const void *)msg->items;
		if (msg->src_id) {
			ASSERT(msg->src_id < sizeof(there));
			ASSERT_EQ(there[msg->src_id], 1);
		} else {
			__u64 id = item->id_change.id;

			ASSERT(id < sizeof(there));
			ASSERT_EQ(there[id], item->type == KDBUS_ITEM_ID_ADD ?
					     0 : 1);
			there[id]++;
			came += item->type == KDBUS_ITEM_ID_ADD;
			went += item->type == KDBUS_ITEM_ID_REMOVE;
		}
		ASSERT_OK(kdbus_client_free(&r1, msg));
	}
	ASSERT_EQ(came, went);
	for (i = 0; i < 3; i++)
		wait_for(pids[i]);
}

/* spec 7.10, 18.4: what it owed, then that it is gone */
TEST(a_death_is_told_after_what_it_owed)
{
	static const __u64 order[] = {
		KDBUS_ITEM_NAME_REMOVE, KDBUS_ITEM_REPLY_DEAD,
		KDBUS_ITEM_REPLY_DEAD, KDBUS_ITEM_ID_REMOVE,
	};
	const struct kdbus_msg *msg;
	size_t i;

	bus_new(&bus);
	client_new(&ca, &bus);
	client_new(&cb, &bus);
	ASSERT_OK(kdbus_client_acquire(&cb, "com.example.dies", 0));
	hear_all(&ca, 1);
	/* one received, one still queued */
	ASSERT_OK(request(&ca, cb.hello.id, 1, 100 * SEC));
	ASSERT_OK(request(&ca, cb.hello.id, 2, 100 * SEC));
	expect_msg(&cb, ca.hello.id, 1);
	kdbus_client_close(&cb);
	for (i = 0; i < sizeof(order) / sizeof(*order); i++) {
		ASSERT_OK(kdbus_client_recv(&ca, 0, 0, &msg));
		ASSERT_EQ(((const struct kdbus_item *)msg->items)->type,
			  order[i]);
	}
	expect_nothing(&ca);
}
