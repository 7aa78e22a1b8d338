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
