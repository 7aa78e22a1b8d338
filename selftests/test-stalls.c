// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that never comes, as a sender's on a hanging file system: whom it can
 * hold up, and what the others do meanwhile.
 */
#include "harness.h"

static struct bus bus;
static struct kdbus_client a, b, c;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	client_new(&c, &bus);
}

/* spec 22.2, 22.5: nothing is held while the payload is read */
TEST(a_sender_that_stalls_holds_up_nobody)
{
	const struct kdbus_name_list *list;
	const struct kdbus_msg *msg;
	struct kdbus_client d;
	struct stall stall;
	struct sender s;
	char buf[16];

	setup();
	stall_new(&stall);
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	kdbus_build_vec(&s.msg, stall.page, 8);
	sender_start(&s, &a);
	stall_wait(&stall);

	/* its receiver, its own connection, the bus: everything goes on */
	ASSERT_OK(send_to(&c, b.hello.id, 2, "x"));
	expect_msg(&b, c.hello.id, 2);
	ASSERT_OK(send_to(&a, b.hello.id, 3, "x"));
	expect_msg(&b, a.hello.id, 3);
	ASSERT_OK(kdbus_client_acquire(&b, "o.k", 0));
	ASSERT_OK(kdbus_client_release(&b, "o.k"));
	ASSERT_OK(kdbus_client_list(&a, 15, &list));
	ASSERT_OK(kdbus_client_free(&a, list));
	client_new(&d, &bus);
	kdbus_client_close(&d);
	expect_nothing(&b);

	stall_serve(&stall, "stalled", 8);
	ASSERT_OK(sender_end(&s));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->cookie, 1);
	kdbus_msg_payload(msg, buf, sizeof(buf));
	ASSERT_OK(strcmp(buf, "stalled"));
}

/* spec 8.7, 9.7: what cannot be read is not sent, and leaves nothing */
TEST(memory_that_goes_away_is_a_fault)
{
	struct stall stall;
	struct sender s;

	setup();
	stall_new(&stall);
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	kdbus_build_vec(&s.msg, stall.page, 8);
	sender_start(&s, &a);
	stall_wait(&stall);
	ASSERT(listed("connections", &bus, b.hello.id, "pool_used") > 0);
	stall_unmap(&stall);
	ASSERT_EQ(sender_end(&s), -EFAULT);
	expect_nothing(&b);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "pool_used"), 0);
}
