// SPDX-License-Identifier: GPL-2.0
/* MSG_SEND: what is checked, in which order; MSG_RECV: what arrives. */
#include "harness.h"

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

/* A message to b with one vec. */
static void build(struct kdbus_builder *m)
{
	kdbus_build_msg(m, b.hello.id, 1);
	kdbus_build_vec(m, "hello", 6);
}

/* spec 9.2, 3 */
TEST(header_is_checked)
{
	struct kdbus_builder m;

	setup();
	build(&m);
	m.msg.size = 63;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMSGSIZE);
	m.msg.size = 8193;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMSGSIZE);
	build(&m);
	m.msg.payload_type = KDBUS_PAYLOAD_KERNEL;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	build(&m);
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	m.msg.flags = KDBUS_MSG_FLAGS_SYNC_REPLY;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	m.msg.flags = 3;
	m.msg.timeout_ns = SEC;
	m.msg.cookie = 0;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	build(&m);
	m.msg.src_id = b.hello.id;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	m.msg.src_id = a.hello.id;
	ASSERT_OK(kdbus_client_send(&a, &m));
	/* unknown flags are ignored */
	m.msg.flags = 0xff00;
	ASSERT_OK(kdbus_client_send(&a, &m));
}

/* spec 9.3, 9.5 */
TEST(destination_is_checked)
{
	struct kdbus_builder m;

	setup();
	build(&m);
	m.msg.dst_id = 0;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EDESTADDRREQ);
	m.msg.dst_id = 77;
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENXIO);
	build(&m);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, "a.b");
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADMSG);
	m.msg.dst_id = 0;
	ASSERT_EQ(kdbus_client_send(&a, &m), -ESRCH);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, "a.b");
	ASSERT_EQ(kdbus_client_send(&a, &m), -EEXIST);
	ASSERT_EQ(send_to_name(&a, "nodot", "x"), -EINVAL);
	ASSERT_EQ(send_to_name(&a, "a.*", "x"), -EINVAL);
	kdbus_build_msg(&m, 0, 1);
	kdbus_build_item(&m, KDBUS_ITEM_DST_NAME, "a.b", 3);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
}

/* spec 9.2, 9.3: items come before the sender is looked at */
TEST(a_bad_item_is_told_before_a_forged_sender)
{
	struct kdbus_builder m;
	int fd = -1;

	setup();
	kdbus_build_msg(&m, b.hello.id, 1);
	m.msg.src_id = b.hello.id;
	kdbus_build_fds(&m, &fd, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADF);
	kdbus_build_msg(&m, 0, 1);
	m.msg.src_id = b.hello.id;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EDESTADDRREQ);
	kdbus_build_msg(&m, b.hello.id, 1);
	m.msg.src_id = b.hello.id;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
}

static void hello_named(struct kdbus_client *c, __u64 flags)
{
	struct kdbus_builder m;

	kdbus_build_hello(&m, flags, 0);
	kdbus_build_string(&m, KDBUS_ITEM_NAME, "com.example.special");
	ASSERT_OK(kdbus_client_hello(c, bus.path, &m));
}

/* spec 9.5, 14.5 */
TEST(special_connections_have_no_address)
{
	struct kdbus_client act, holder;
	struct kdbus_builder m;

	setup();
	hello_named(&holder, KDBUS_HELLO_POLICY_HOLDER);
	ASSERT_EQ(send_to(&a, holder.hello.id, 1, "x"), -ENXIO);
	/* what it carries a policy for is not its own */
	ASSERT_EQ(send_to_name(&a, "com.example.special", "x"), -ESRCH);
	kdbus_client_close(&holder);
	hello_named(&act, KDBUS_HELLO_ACTIVATOR);
	ASSERT_EQ(send_to(&a, act.hello.id, 1, "x"), -ENXIO);
	ASSERT_OK(send_to_name(&a, "com.example.special", "x"));
	kdbus_build_msg(&m, 0, 1);
	m.msg.flags = KDBUS_MSG_FLAGS_NO_AUTO_START;
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, "com.example.special");
	ASSERT_EQ(kdbus_client_send(&a, &m), -EADDRNOTAVAIL);
}

/* spec 9.7: what is wrong with the receiver's queue, then with the files */
TEST(a_full_queue_is_told_before_refused_files)
{
	struct kdbus_builder m;
	struct kdbus_client c;
	int fd = 0;

	setup();
	param_set("max_msgs_per_sender", 1);
	ASSERT_OK(kdbus_client_open(&c, bus.path, 0, 0, 0, NULL));
	kdbus_build_msg(&m, c.hello.id, 1);
	kdbus_build_fds(&m, &fd, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ECOMM);
	ASSERT_OK(send_to(&a, c.hello.id, 1, "x"));
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENOBUFS);
	expect_msg(&c, a.hello.id, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ECOMM);
}

/* decision 21: what means nothing is not handed on */
TEST(receivers_see_no_unknown_flags)
{
	const struct kdbus_msg *msg;
	struct kdbus_builder m;

	setup();
	build(&m);
	m.msg.flags = ~(__u64)(KDBUS_MSG_FLAGS_EXPECT_REPLY |
			       KDBUS_MSG_FLAGS_SYNC_REPLY);
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->flags, KDBUS_MSG_FLAGS_NO_AUTO_START);
	build(&m);
	m.msg.flags = ~(__u64)KDBUS_MSG_FLAGS_SYNC_REPLY;
	m.msg.timeout_ns = 77 * SEC;
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->flags, KDBUS_MSG_FLAGS_EXPECT_REPLY |
			      KDBUS_MSG_FLAGS_NO_AUTO_START);
	/* spec 9.8: nor is a timeout changed */
	ASSERT_EQ(msg->timeout_ns, 77 * SEC);
}

/* spec 9.8 */
TEST(only_what_is_known_is_delivered)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	int memfd, fd = 0, n = 0;
	static const __u64 order[] = {
		KDBUS_ITEM_PAYLOAD_OFF, KDBUS_ITEM_PAYLOAD_MEMFD,
		KDBUS_ITEM_PAYLOAD_OFF, KDBUS_ITEM_FDS,
	};

	setup();
	memfd = kdbus_memfd_make(&a, NULL);
	ASSERT(memfd >= 0);
	ASSERT_EQ(write(memfd, "memfd", 5), 5);
	ASSERT_OK(kdbus_memfd_seal(memfd, true));
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_item(&m, 0x7777, "unknown", 8);
	kdbus_build_fds(&m, &fd, 1);
	kdbus_build_vec(&m, "one", 3);
	kdbus_build_item(&m, KDBUS_ITEM_CMDLINE, "forged", 7);
	kdbus_build_memfd(&m, memfd, 5);
	kdbus_build_vec(&m, "two", 3);
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	kdbus_for_each_msg_item(item, msg) {
		ASSERT(n < 4);
		ASSERT_EQ(item->type, order[n]);
		n++;
	}
	ASSERT_EQ(n, 4);
	ASSERT_OK(memcmp((char *)msg + msg->size, "onetwo", 6));
}

/* spec 9.3, 3.3 */
TEST(vecs_are_checked)
{
	struct kdbus_builder m;
	int i;

	setup();
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, "x", 0);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_VEC, NULL, 8);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, (void *)8, 8);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EFAULT);
	expect_nothing(&b);

	/* sizes that wrap */
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, "x", ~0ULL);
	kdbus_build_vec(&m, "x", 2);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMSGSIZE);
	/* the maker of the bus is bounded by the pool alone */
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, "x", 1ULL << 62);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENOBUFS);
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, "x", ~0ULL);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENOBUFS);

	kdbus_build_msg(&m, b.hello.id, 1);
	for (i = 0; i < 128; i++)
		kdbus_build_vec(&m, "x", 1);
	ASSERT_OK(kdbus_client_send(&a, &m));
	kdbus_build_vec(&m, "x", 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -E2BIG);
}

static void send_large(void *arg)
{
	static char data[(2 << 20) + 1];
	struct kdbus_builder m;
	struct kdbus_client c, d;

	(void)arg;
	client_new(&c, &bus);
	client_new(&d, &bus);
	kdbus_build_msg(&m, d.hello.id, 1);
	kdbus_build_vec(&m, data, 2 << 20);
	ASSERT_OK(kdbus_client_send(&c, &m));
	kdbus_build_vec(&m, data, 1);
	ASSERT_EQ(kdbus_client_send(&c, &m), -EMSGSIZE);
}

/* spec 9.3, 3.3, 25 */
TEST(two_mebibytes_for_the_unprivileged)
{
	setup();
	as_uid(NOBODY, send_large, NULL);
}

/* spec 9.3 */
TEST(broadcasts_are_checked)
{
	struct kdbus_builder m;
	__u64 filter[9] = { 0 };
	int fd = 0;

	setup();
	build(&m);
	m.msg.dst_id = KDBUS_DST_ID_BROADCAST;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADMSG);
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, 72);
	ASSERT_OK(kdbus_client_send(&a, &m));
	m.msg.timeout_ns = 1;
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENOTUNIQ);
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENOTUNIQ);
	build(&m);
	m.msg.dst_id = KDBUS_DST_ID_BROADCAST;
	kdbus_build_fds(&m, &fd, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENOTUNIQ);
	build(&m);
	m.msg.dst_id = KDBUS_DST_ID_BROADCAST;
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, 4);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADMSG);
	build(&m);
	m.msg.dst_id = KDBUS_DST_ID_BROADCAST;
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, 71);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EFAULT);
	build(&m);
	m.msg.dst_id = KDBUS_DST_ID_BROADCAST;
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, 64);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EDOM);
	build(&m);
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, 72);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADMSG);
	build(&m);
	m.msg.dst_id = KDBUS_DST_ID_BROADCAST;
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, 72);
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, 72);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EEXIST);
	build(&m);
	m.msg.dst_id = KDBUS_DST_ID_BROADCAST;
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, "a.b");
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, 72);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADMSG);
}

/* spec 9.3, 9.4 */
TEST(memfds_are_checked)
{
	struct kdbus_memfd memfd = { .size = 1, .fd = -1 };
	struct kdbus_builder m;

	setup();
	build(&m);
	kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, 8);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	build(&m);
	kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, 16);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADF);
	memfd.fd = 0;
	memfd.size = 0;
	build(&m);
	kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, 16);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	memfd.size = 1;
	build(&m);
	kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, 16);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMEDIUMTYPE);
}

/* spec 4.2, 9.3 */
TEST(malformed_items_are_refused)
{
	struct kdbus_builder m;
	struct kdbus_item *item;

	setup();
	build(&m);
	item = kdbus_build_item(&m, 0x5555, NULL, 8);
	item->size = 16;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	item->size = ~0ULL;
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	item->size = 24;
	ASSERT_OK(kdbus_client_send(&a, &m));
	/* only the last item may lack its padding */
	build(&m);
	kdbus_build_item(&m, 0x5555, NULL, 3);
	ASSERT_OK(kdbus_client_send(&a, &m));
}

/* spec 9.8, 9.1 */
TEST(a_message_arrives_as_it_was_sent)
{
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	char buf[32];

	setup();
	kdbus_build_msg(&m, b.hello.id, 4711);
	m.msg.priority = -7;
	m.msg.flags = KDBUS_MSG_FLAGS_NO_AUTO_START;
	m.msg.payload_type = 12345;
	m.msg.cookie_reply = 99;
	kdbus_build_vec(&m, "hello", 5);
	kdbus_build_vec(&m, " world", 7);
	ASSERT_OK(kdbus_client_send(&a, &m));

	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->size, 64 + 2 * 32);
	ASSERT_EQ(msg->src_id, a.hello.id);
	ASSERT_EQ(msg->dst_id, b.hello.id);
	ASSERT_EQ(msg->cookie, 4711);
	ASSERT_EQ(msg->priority, -7);
	ASSERT_EQ(msg->flags, KDBUS_MSG_FLAGS_NO_AUTO_START);
	ASSERT_EQ(msg->payload_type, 12345);
	ASSERT_EQ(msg->cookie_reply, 99);
	ASSERT_EQ(msg->items[0].type, KDBUS_ITEM_PAYLOAD_OFF);
	ASSERT_EQ(msg->items[0].size, 32);
	ASSERT_EQ(msg->items[0].vec.size, 5);
	ASSERT_EQ(msg->items[0].vec.offset, msg->size);
	ASSERT_EQ(kdbus_msg_payload(msg, buf, sizeof(buf)), 12);
	ASSERT_OK(strcmp(buf, "hello world"));
	ASSERT_OK(kdbus_client_free(&b, msg));
}

/* spec 9.8, 27.12 */
TEST(the_name_is_the_first_item)
{
	const struct kdbus_msg *msg;

	setup();
	ASSERT_OK(kdbus_client_acquire(&b, "org.kdbus.test", 0));
	ASSERT_OK(send_to_name(&a, "org.kdbus.test", "x"));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->dst_id, 0);
	ASSERT_EQ(msg->items[0].type, KDBUS_ITEM_DST_NAME);
	ASSERT_EQ(msg->items[0].size, 16 + sizeof("org.kdbus.test"));
	ASSERT_OK(strcmp(msg->items[0].str, "org.kdbus.test"));
}

/* spec 9.3, 9.8 */
TEST(runs_of_zeros_take_no_room)
{
	const struct kdbus_msg *msg;
	const struct kdbus_item *item;
	struct kdbus_builder m;

	setup();
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, "abc", 3);
	kdbus_build_vec(&m, NULL, 1000003);
	kdbus_build_vec(&m, "def", 3);
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	item = msg->items;
	ASSERT_EQ(item->vec.offset, msg->size);
	item = (const void *)((char *)item + 32);
	ASSERT_EQ(item->vec.size, 1000003);
	ASSERT_EQ(item->vec.offset, ~0ULL);
	item = (const void *)((char *)item + 32);
	ASSERT_EQ(item->vec.offset, msg->size + 3 + 1000003 % 8);
	ASSERT_OK(memcmp((char *)msg + item->vec.offset, "def", 3));
}

/* spec 8.5: padding must not show what lay in the slice before. */
TEST(padding_is_zeroed)
{
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	char data[256];
	size_t i;

	setup();
	memset(data, 0xff, sizeof(data));
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, data, sizeof(data));
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_OK(kdbus_client_free(&b, msg));

	ASSERT_OK(kdbus_client_acquire(&b, "o.k", 0));
	ASSERT_OK(send_to_name(&a, "o.k", "x"));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->items[0].size, 20);
	for (i = 20; i < 24; i++)
		ASSERT_EQ(((char *)msg->items)[i], 0);
	ASSERT_EQ(msg->size, 64 + 24 + 32);
	for (i = msg->size + 2; i < msg->size + 8; i++)
		ASSERT_EQ(((char *)msg)[i], 0);
}

/* spec 9.5 */
TEST(a_message_may_be_empty_or_to_oneself)
{
	struct kdbus_builder m;

	setup();
	kdbus_build_msg(&m, a.hello.id, 5);
	ASSERT_OK(kdbus_client_send(&a, &m));
	expect_msg(&a, a.hello.id, 5);
}

/* spec 27.1 */
/* The payload may lie in the receiver's own pool, on a page nobody touched. */
TEST(payload_may_come_from_the_pool_itself)
{
	struct kdbus_builder m;

	setup();
	kdbus_build_msg(&m, a.hello.id, 5);
	kdbus_build_vec(&m, a.pool, 100000);
	ASSERT_OK(kdbus_client_send(&a, &m));
	expect_msg(&a, a.hello.id, 5);
}

/* spec 9.8 */
TEST(large_messages_cross_pages)
{
	static unsigned char data[300001], got[300001];
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	size_t i;

	setup();
	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + i / 251;
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, data + 1, 4095);
	kdbus_build_vec(&m, data, sizeof(data));
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(kdbus_msg_payload(msg, NULL, 0), 4095 + sizeof(data));
	memcpy(got, (char *)msg + msg->size + 4095, sizeof(got));
	ASSERT_OK(memcmp(got, data, sizeof(data)));
}
