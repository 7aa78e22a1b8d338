// SPDX-License-Identifier: GPL-2.0
/* Broadcasts and notifications reach whom they match, and nobody else. */
#include "fixtures.h"

static struct bus bus;
static struct kdbus_client a, b, c;

struct filter {
	__u64 generation;
	__u8 bits[BLOOM_BYTES];
};

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	client_new(&c, &bus);
}

static struct kdbus_cmd_match *match_begin(struct kdbus_builder *m,
					   __u64 cookie)
{
	struct kdbus_cmd_match *cmd = kdbus_build_cmd(m, sizeof(*cmd));

	cmd->cookie = cookie;
	return cmd;
}

static void match_all(struct kdbus_client *to, __u64 cookie)
{
	ASSERT_OK(match_rule(to, cookie, 0, NULL, 0));
}

/* A broadcast whose filter has one bit. */
static void send_bit(struct kdbus_client *from, __u64 cookie, __u64 generation,
		     int bit)
{
	struct filter filter = { .generation = generation };
	struct kdbus_builder m;

	filter.bits[bit / 8] |= 1 << bit % 8;
	kdbus_build_msg(&m, KDBUS_DST_ID_BROADCAST, cookie);
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, &filter, sizeof(filter));
	kdbus_build_vec(&m, "hello", 6);
	ASSERT_OK(kdbus_client_send(from, &m));
}

/* ---- commands --------------------------------------------------------- */

/* spec 15.3 */
TEST(add_checks_its_items)
{
	static char mask[4096];
	struct kdbus_builder m;

	setup();
	match_begin(&m, 1)->size = 15;
	ASSERT_EQ(kdbus_client_match_add(&a, &m), -EINVAL);
	match_begin(&m, 1)->size = 16 + 32768 + 1;
	ASSERT_EQ(kdbus_client_match_add(&a, &m), -EMSGSIZE);
	ASSERT_EQ(match_rule(&a, 1, 0x4321, mask, 8), -EINVAL);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_BLOOM_MASK, mask, 63), -EDOM);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_BLOOM_MASK, mask, 72), -EDOM);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_NAME, "a.bc", 4), -EINVAL);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_ID, mask, 7), -EINVAL);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_NAME_ADD, mask, 31), -EINVAL);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_NAME_ADD,
			     memset(mask, 'x', sizeof(mask)), 33), -EINVAL);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_ID_ADD, mask, 15), -EINVAL);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_ID_REMOVE, mask, 15), -EINVAL);
	/* nothing of all this is installed */
	ASSERT_OK(broadcast(&b, 1));
	expect_nothing(&a);
}

/* spec 15.4, 25, decision 10 */
TEST(remove_takes_all_with_the_cookie)
{
	struct kdbus_cmd_match cmd = { .size = 15 };

	setup();
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_MATCH_REMOVE, &cmd), -EINVAL);
	cmd.size = 17;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_MATCH_REMOVE, &cmd), -EMSGSIZE);
	match_all(&a, 1);
	match_all(&a, 1);
	match_all(&a, 2);
	ASSERT_OK(kdbus_client_match_remove(&a, 99));
	ASSERT_OK(kdbus_client_match_remove(&a, 1));
	ASSERT_OK(broadcast(&b, 5));
	expect_msg(&a, b.hello.id, 5);
	ASSERT_OK(kdbus_client_match_remove(&a, 2));
	ASSERT_OK(broadcast(&b, 6));
	expect_nothing(&a);
}

/* spec 3.2: so that events on any one bus stay cheap */
TEST(matches_of_a_bus_are_bounded)
{
	struct kdbus_client d;
	struct bus other;
	int i;

	setup();
	param_set("max_matches_per_bus", 6);
	for (i = 0; i < 3; i++) {
		match_all(&a, i);
		match_all(&b, i);
	}
	ASSERT_EQ(match_rule(&a, 9, 0, NULL, 0), -EMFILE);
	ASSERT_EQ(match_rule(&c, 9, 0, NULL, 0), -EMFILE);
	bus_new(&other);
	client_new(&d, &other);
	match_all(&d, 9);
	ASSERT_OK(kdbus_client_match_remove(&a, 1));
	match_all(&c, 9);
	ASSERT_EQ(match_rule(&b, 9, 0, NULL, 0), -EMFILE);
	kdbus_client_close(&b);
	for (i = 0; i < 3; i++)
		match_all(&c, i);
	ASSERT_EQ(match_rule(&c, 9, 0, NULL, 0), -EMFILE);
}

/* spec 3.2, 27.6 */
TEST(matches_are_bounded)
{
	int i;

	setup();
	for (i = 0; i < 256; i++)
		match_all(&a, i);
	ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_ID, &a.hello.id, 8), -EMFILE);
	ASSERT_OK(kdbus_client_match_remove(&a, 7));
	match_all(&a, 7);
}

/* ---- broadcasts ------------------------------------------------------- */

/*
 * spec 15.1, 15.6, 9.9, 25, decision 5: nobody without match, not oneself,
 * once each
 */
TEST(a_broadcast_reaches_each_match_once)
{
	const struct kdbus_msg *msg;
	char data[8];

	setup();
	ASSERT_OK(broadcast(&a, 1));
	match_all(&a, 1);
	match_all(&b, 1);
	match_all(&b, 2);
	ASSERT_OK(match_rule(&b, 3, KDBUS_ITEM_ID, &a.hello.id, 8));
	ASSERT_OK(broadcast(&a, 2));
	expect_nothing(&a);
	expect_nothing(&c);
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->cookie, 2);
	ASSERT_EQ(msg->src_id, a.hello.id);
	ASSERT_EQ(msg->dst_id, KDBUS_DST_ID_BROADCAST);
	ASSERT(!kdbus_msg_item(msg, KDBUS_ITEM_BLOOM_FILTER));
	ASSERT_EQ(kdbus_msg_payload(msg, data, sizeof(data)), 6);
	ASSERT(!strcmp(data, "hello"));
	expect_nothing(&b);
	/* unicast does not ask for matches */
	ASSERT_OK(send_to(&a, c.hello.id, 3, "x"));
	expect_msg(&c, a.hello.id, 3);
}

/* spec 15.5 */
TEST(bloom_masks_select)
{
	__u8 mask[3 * BLOOM_BYTES] = { 0 };

	setup();
	mask[0] = 1 << 5;		/* generation 0 */
	mask[BLOOM_BYTES] = 1 << 6;		/* generation 1 */
	mask[2 * BLOOM_BYTES] = 1 << 7;	/* generation 2 and later */
	ASSERT_OK(match_rule(&a, 1, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask)));
	send_bit(&b, 1, 0, 6);
	expect_nothing(&a);
	send_bit(&b, 2, 0, 5);
	expect_msg(&a, b.hello.id, 2);
	send_bit(&b, 3, 1, 5);
	expect_nothing(&a);
	send_bit(&b, 4, 1, 6);
	expect_msg(&a, b.hello.id, 4);
	send_bit(&b, 5, 2, 7);
	expect_msg(&a, b.hello.id, 5);
	send_bit(&b, 6, ~0ULL, 7);
	expect_msg(&a, b.hello.id, 6);
	send_bit(&b, 7, ~0ULL, 6);
	expect_nothing(&a);
	/* a mask of zeros matches everything */
	memset(mask, 0, sizeof(mask));
	ASSERT_OK(match_rule(&c, 1, KDBUS_ITEM_BLOOM_MASK, mask, BLOOM_BYTES));
	send_bit(&b, 8, 0, 1);
	expect_msg(&c, b.hello.id, 8);
}

/* spec 15.1, 15.2 */
TEST(senders_are_selected_by_id_and_name)
{
	__u64 any = KDBUS_MATCH_ID_ANY;
	struct kdbus_builder m;

	setup();
	ASSERT_OK(match_rule(&a, 1, KDBUS_ITEM_ID, &b.hello.id, 8));
	ASSERT_OK(broadcast(&c, 1));
	expect_nothing(&a);
	ASSERT_OK(broadcast(&b, 2));
	expect_msg(&a, b.hello.id, 2);
	ASSERT_OK(kdbus_client_match_remove(&a, 1));

	ASSERT_OK(match_rule(&a, 1, KDBUS_ITEM_ID, &any, 8));
	ASSERT_OK(broadcast(&c, 3));
	expect_msg(&a, c.hello.id, 3);
	ASSERT_OK(kdbus_client_match_remove(&a, 1));

	ASSERT_OK(match_rule(&a, 1, KDBUS_ITEM_NAME, "com.example.c", 14));
	ASSERT_OK(broadcast(&c, 4));
	expect_nothing(&a);
	ASSERT_OK(kdbus_client_acquire(&c, "com.example.c", 0));
	ASSERT_OK(broadcast(&c, 5));
	expect_msg(&a, c.hello.id, 5);
	ASSERT_OK(kdbus_client_release(&c, "com.example.c"));
	ASSERT_OK(broadcast(&c, 6));
	expect_nothing(&a);
	ASSERT_OK(kdbus_client_match_remove(&a, 1));

	/* all rules have to hold */
	ASSERT_OK(kdbus_client_acquire(&c, "com.example.c", 0));
	match_begin(&m, 1);
	kdbus_build_string(&m, KDBUS_ITEM_NAME, "com.example.c");
	kdbus_build_item(&m, KDBUS_ITEM_ID, &b.hello.id, 8);
	ASSERT_OK(kdbus_client_match_add(&a, &m));
	ASSERT_OK(broadcast(&c, 7));
	ASSERT_OK(broadcast(&b, 8));
	expect_nothing(&a);
}

/* Rules of all kinds that ask for a name, padded, with a cookie of 7. */
static void match_by_name(const char *name, size_t padding)
{
	static const __u64 types[] = { KDBUS_ITEM_NAME_ADD,
		KDBUS_ITEM_NAME_REMOVE, KDBUS_ITEM_NAME_CHANGE };
	static char rule[2048];
	struct kdbus_notify_name_change *change = (void *)rule;
	size_t i, size = strlen(name) + 1 + padding;

	memset(rule, 0, sizeof(rule));
	strcpy(rule + sizeof(*change), name);
	ASSERT_OK(match_rule(&a, 7, KDBUS_ITEM_NAME, rule + sizeof(*change),
			     size));
	change->old.id = change->new.id = KDBUS_MATCH_ID_ANY;
	for (i = 0; i < 3; i++)
		ASSERT_OK(match_rule(&a, 7, types[i], rule,
				     sizeof(*change) + size));
}

/* spec 15.2b, decision 25: D-Bus clients put the value of arg0 there */
TEST(names_that_cannot_be_owned_never_match)
{
	static const char * const names[] = {
		"", "nodots", "/org/example", "com.example.*", "com..example",
		"com.example.c/", ":1.7", "com.example. c", "\xc3\xa4.b",
	};
	char *longest = malloc(1000);
	size_t i;

	setup();
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		match_by_name(names[i], i);
	memset(longest, 'x', 1000);
	strcpy(longest + 990, ".com");
	match_by_name(longest, 0);
	ASSERT_OK(kdbus_client_acquire(&c, "com.example.c", 0));
	ASSERT_OK(broadcast(&c, 1));
	ASSERT_OK(kdbus_client_release(&c, "com.example.c"));
	ASSERT_OK(broadcast(&c, 2));
	expect_nothing(&a);
	ASSERT_OK(kdbus_client_match_remove(&a, 7));
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "matches"), 0);
	free(longest);
}

/* spec 4.6, 15.2b */
TEST(padded_names_match)
{
	setup();
	match_by_name("com.example.c", 50);
	ASSERT_OK(kdbus_client_acquire(&c, "com.example.c", 0));
	ASSERT_OK(broadcast(&c, 1));
	expect_name_notice(&a, KDBUS_ITEM_NAME_ADD, "com.example.c",
			   CHANGE(0, 0), CHANGE(c.hello.id, 0));
	expect_msg(&a, c.hello.id, 1);
}

/* spec 15.2 */
TEST(rules_of_different_families_never_match)
{
	struct kdbus_notify_id_change id = { .id = KDBUS_MATCH_ID_ANY };
	struct kdbus_client d;
	struct kdbus_builder m;

	setup();
	match_begin(&m, 1);
	kdbus_build_item(&m, KDBUS_ITEM_ID, &b.hello.id, 8);
	kdbus_build_item(&m, KDBUS_ITEM_ID_ADD, &id, sizeof(id));
	ASSERT_OK(kdbus_client_match_add(&a, &m));
	ASSERT_OK(broadcast(&b, 1));
	client_new(&d, &bus);
	expect_nothing(&a);
}

/* spec 9.9 */
TEST(a_full_receiver_fails_nobody)
{
	static char data[40000];
	struct filter filter = { 0 };
	struct kdbus_client small;
	struct kdbus_builder m;
	int i;

	setup();
	client_new_pool(&small, &bus, 65536);
	match_all(&small, 1);
	match_all(&b, 1);
	for (i = 1; i <= 3; i++) {
		kdbus_build_msg(&m, KDBUS_DST_ID_BROADCAST, i);
		kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, &filter,
				 sizeof(filter));
		kdbus_build_vec(&m, data, 20000);
		ASSERT_OK(kdbus_client_send(&a, &m));
	}
	for (i = 1; i <= 3; i++)
		expect_msg(&b, a.hello.id, i);
	expect_msg(&small, a.hello.id, 1);
}

/* ---- notifications ---------------------------------------------------- */

static void match_names(struct kdbus_client *to, const char *name)
{
	static const __u64 types[] = { KDBUS_ITEM_NAME_ADD,
		KDBUS_ITEM_NAME_REMOVE, KDBUS_ITEM_NAME_CHANGE };
	char rule[300];
	struct kdbus_notify_name_change *change = (void *)rule;
	size_t i;

	memset(rule, 0, sizeof(rule));
	change->old.id = change->new.id = KDBUS_MATCH_ID_ANY;
	strcpy(rule + sizeof(*change), name);
	for (i = 0; i < 3; i++)
		ASSERT_OK(match_rule(to, 1, types[i], rule, sizeof(*change) +
				     (*name ? strlen(name) + 1 : 0)));
}

/* spec 18.4 */
TEST(names_have_a_life)
{
	setup();
	match_names(&a, "");
	match_names(&c, "com.example.other");
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.x",
				       KDBUS_NAME_ALLOW_REPLACEMENT));
	ASSERT_OK(kdbus_client_acquire(&c, "com.example.x",
				       KDBUS_NAME_REPLACE_EXISTING));
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.mine", 0));
	ASSERT_OK(kdbus_client_release(&c, "com.example.x"));
	expect_name_notice(&a, KDBUS_ITEM_NAME_ADD, "com.example.x",
			   CHANGE(0, 0), CHANGE(b.hello.id,
			   KDBUS_NAME_ALLOW_REPLACEMENT));
	expect_name_notice(&a, KDBUS_ITEM_NAME_CHANGE, "com.example.x",
			   CHANGE(b.hello.id, KDBUS_NAME_ALLOW_REPLACEMENT),
			   CHANGE(c.hello.id, 0));
	expect_name_notice(&a, KDBUS_ITEM_NAME_ADD, "com.example.mine",
			   CHANGE(0, 0), CHANGE(a.hello.id, 0));
	expect_name_notice(&a, KDBUS_ITEM_NAME_REMOVE, "com.example.x",
			   CHANGE(c.hello.id, 0), CHANGE(0, 0));
	expect_nothing(&a);
	expect_nothing(&c);
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.other", 0));
	expect_name_notice(&c, KDBUS_ITEM_NAME_ADD, "com.example.other",
			   CHANGE(0, 0), CHANGE(b.hello.id, 0));
}

/* spec 18.3, 18.4, 22.3 */
TEST(connections_come_and_go_names_before_ids)
{
	struct kdbus_notify_id_change id = { .id = KDBUS_MATCH_ID_ANY };
	struct kdbus_client d;

	setup();
	match_names(&a, "");
	ASSERT_OK(match_rule(&a, 1, KDBUS_ITEM_ID_ADD, &id, sizeof(id)));
	ASSERT_OK(match_rule(&a, 1, KDBUS_ITEM_ID_REMOVE, &id, sizeof(id)));
	id.id = 77;
	ASSERT_OK(match_rule(&b, 1, KDBUS_ITEM_ID_ADD, &id, sizeof(id)));
	client_new(&d, &bus);
	ASSERT_OK(kdbus_client_acquire(&d, "com.example.d", 0));
	ASSERT_OK(send_to(&d, a.hello.id, 9, "x"));
	kdbus_client_close(&d);
	expect_id_notice(&a, KDBUS_ITEM_ID_ADD, d.hello.id, KDBUS_HELLO_ACCEPT_FD);
	expect_name_notice(&a, KDBUS_ITEM_NAME_ADD, "com.example.d",
			   CHANGE(0, 0), CHANGE(d.hello.id, 0));
	expect_msg(&a, d.hello.id, 9);
	expect_name_notice(&a, KDBUS_ITEM_NAME_REMOVE, "com.example.d",
			   CHANGE(d.hello.id, 0), CHANGE(0, 0));
	expect_id_notice(&a, KDBUS_ITEM_ID_REMOVE, d.hello.id, KDBUS_HELLO_ACCEPT_FD);
	expect_nothing(&a);
	expect_nothing(&b);
}

/* spec 12.4, 12.5 */
TEST(a_notification_can_be_peeked_at_and_dropped)
{
	const struct kdbus_msg *msg, *again;

	setup();
	match_names(&a, "");
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.x", 0));
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.y", 0));
	ASSERT_OK(kdbus_client_recv(&a, KDBUS_RECV_PEEK, 0, &msg));
	ASSERT_OK(kdbus_client_recv(&a, KDBUS_RECV_PEEK, 0, &again));
	ASSERT(msg == again);
	ASSERT_EQ(((const struct kdbus_item *)msg->items)->type,
		  KDBUS_ITEM_NAME_ADD);
	ASSERT_OK(kdbus_client_free(&a, msg));
	expect_name_notice(&a, KDBUS_ITEM_NAME_ADD, "com.example.x",
			   CHANGE(0, 0), CHANGE(b.hello.id, 0));
	ASSERT_OK(kdbus_client_recv(&a, KDBUS_RECV_DROP, 0, &msg));
	expect_nothing(&a);
}

/* spec 3.2 */
TEST(queued_notifications_are_bounded)
{
	int i, n = 0;
	const struct kdbus_msg *msg;

	setup();
	param_set("max_notices_per_conn", 10);
	match_names(&a, "");
	for (i = 0; i < 10; i++) {
		ASSERT_OK(kdbus_client_acquire(&b, "com.example.x", 0));
		ASSERT_OK(kdbus_client_release(&b, "com.example.x"));
	}
	while (!kdbus_client_recv(&a, 0, 0, &msg)) {
		ASSERT_OK(kdbus_client_free(&a, msg));
		n++;
	}
	ASSERT_EQ(n, 10);
}

/* ---- racing ----------------------------------------------------------- */

static void *add_and_remove(void *arg)
{
	struct kdbus_client *client = arg;
	int i;

	for (i = 0; i < 2000; i++) {
		match_all(client, i % 7);
		ASSERT_OK(kdbus_client_match_remove(client, (i + 3) % 7));
	}
	return NULL;
}

/* Takes what is there: broadcasts of a, in order, and none of them twice. */
static void take_all(struct kdbus_client *client, __u64 *last)
{
	const struct kdbus_msg *msg;

	while (!kdbus_client_recv(client, 0, 0, &msg)) {
		ASSERT_EQ(msg->src_id, a.hello.id);
		ASSERT(msg->cookie > *last);
		*last = msg->cookie;
		ASSERT_OK(kdbus_client_free(client, msg));
	}
}

static void remove_all(struct kdbus_client *client)
{
	int i;

	for (i = 0; i < 7; i++)
		ASSERT_OK(kdbus_client_match_remove(client, i));
	ASSERT_EQ(listed("connections", &bus, client->hello.id, "matches"), 0);
}

/* spec 27.6 */
TEST(many_threads_add_and_remove_under_broadcasts)
{
	__u64 last_b = 0, last_c = 0;
	pthread_t t[3];
	int i, n;

	setup();
	for (i = 0; i < 3; i++)
		ASSERT_OK(pthread_create(&t[i], NULL, add_and_remove,
					 i < 2 ? &b : &c));
	/* in the end there are matches, so each hears something */
	for (n = 1; n <= 500 || !last_b || !last_c; n++) {
		ASSERT_OK(broadcast(&a, n));
		take_all(&b, &last_b);
		take_all(&c, &last_c);
	}
	for (i = 0; i < 3; i++)
		ASSERT_OK(pthread_join(t[i], NULL));
	printf("# the last of %d heard: %llu and %llu\n", n - 1,
	       (unsigned long long)last_b, (unsigned long long)last_c);
	remove_all(&b);
	remove_all(&c);
	ASSERT_OK(broadcast(&a, n));
	expect_nothing(&b);
	expect_nothing(&c);
}
