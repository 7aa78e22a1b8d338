// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that others are told of fail at every place where they can, as
 * debug-fail-nth.c says. Nobody is told of a command that failed. A notice
 * there is no memory for fails no command: it is lost, and a drop event says
 * so (module/notify.h).
 */
#include "failing.h"
#include "fixtures.h"

#define NAME "o.n"

static struct bus bus;
static struct kdbus_client a, c, listener;
static struct kdbus_builder cmd;

static void world(void)
{
	inject_all();
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&listener, &bus);
	hear_all(&listener, 1);
}

/* ---- connections -------------------------------------------------------- */

static int opened;

static void must_open(void)
{
	opened = ep_open(&bus);
}

static int hello(void)
{
	return xioctl(opened, KDBUS_CMD_HELLO, cmd.buf);
}

/* There is a connection although its owner could not be told of it. */
static void came_after_all(int ret)
{
	if (xioctl(opened, KDBUS_CMD_BYEBYE, NULL) == -ENOTTY)
		return;
	ASSERT_EQ(ret, -EFAULT);
	ASSERT_OK(close(opened));
	ASSERT_EQ(take_all(&listener), 2);
	must_open();
}

static void came_and_went(void)
{
	ASSERT_EQ(take_all(&listener), 1 - lost);
	ASSERT_OK(close(opened));
	ASSERT_EQ(take_all(&listener), 1);
}

TEST(hello_is_told)
{
	world();
	last_old_id = listener.hello.id;
	kdbus_build_hello(&cmd, 0, 0);
	fail_each(&(struct op){ .prepare = must_open, .run = hello,
				.undo = came_and_went, .failed = came_after_all,
				.may_lose = 1 });
}

static void must_connect(void)
{
	client_new(&c, &bus);
	ASSERT_OK(kdbus_client_acquire(&c, NAME, 0));
	ASSERT_OK(request(&c, a.hello.id, 1, SOON(60000)));
	ASSERT_EQ(take_all(&listener), 2);
}

static int bye(void)
{
	return kdbus_client_byebye(&c);
}

/* The request stays where it was sent. */
static void gone(void)
{
	ASSERT_EQ(take_all(&listener), 2 - lost);
	kdbus_client_close(&c);
	ASSERT_EQ(take_all(&a), 1);
	expect_nothing(&listener);
}

TEST(byebye_is_told)
{
	world();
	last_old_id = listener.hello.id;
	fail_each(&(struct op){ .prepare = must_connect, .run = bye,
				.undo = gone, .never = 1, .may_lose = 1 });
}

static void gone_unheard(void)
{
	kdbus_client_close(&c);
	ASSERT_EQ(take_all(&a), 1);
}

static void must_connect_unheard(void)
{
	client_new(&c, &bus);
	ASSERT_OK(kdbus_client_acquire(&c, NAME, 0));
	ASSERT_OK(request(&c, a.hello.id, 1, SOON(60000)));
}

TEST(byebye)
{
	world();
	last_old_id = listener.hello.id;
	kdbus_client_close(&listener);
	fail_each(&(struct op){ .prepare = must_connect_unheard, .run = bye,
				.undo = gone_unheard, .never = 1 });
}

/* ---- names -------------------------------------------------------------- */

static int acquire(void)
{
	return kdbus_client_acquire(&a, NAME, 0);
}

static int release(void)
{
	return kdbus_client_release(&a, NAME);
}

/* The answer to who has got the name may fail to reach him. */
static void acquired_after_all(int ret)
{
	if (ret == -EFAULT && !release())
		ASSERT_EQ(take_all(&listener), 2);
}

static void acquire_was_told(void)
{
	ASSERT_EQ(take_all(&listener), 1 - lost);
	ASSERT_OK(release());
	ASSERT_EQ(take_all(&listener), 1);
}

TEST(name_acquire_is_told)
{
	world();
	fail_each(&(struct op){ .run = acquire, .undo = acquire_was_told,
				.failed = acquired_after_all, .may_lose = 1 });
}

static void must_acquire(void)
{
	ASSERT_OK(acquire());
	ASSERT_EQ(take_all(&listener), 1);
}

static void release_was_told(void)
{
	ASSERT_EQ(take_all(&listener), 1 - lost);
}

TEST(name_release_is_told)
{
	world();
	fail_each(&(struct op){ .prepare = must_acquire, .run = release,
				.undo = release_was_told, .may_lose = 1 });
}

/* ---- calls -------------------------------------------------------------- */

static void must_ask(void)
{
	ASSERT_OK(request(&a, c.hello.id, 1, SOON(60000)));
	ASSERT_EQ(take_all(&listener), 1);
}

static int drop_request(void)
{
	return kdbus_client_recv(&c, KDBUS_RECV_DROP, 0, NULL);
}

/* Only what a monitor sees of it can get lost. */
static void requester_was_told(void)
{
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 1);
	expect_nothing(&a);
	ASSERT_EQ(take_all(&listener), 1 - lost);
}

TEST(msg_recv_to_drop_a_request_with_a_monitor)
{
	world();
	client_new(&c, &bus);
	kdbus_client_close(&listener);
	ASSERT_OK(special_new(&listener, &bus, KDBUS_HELLO_MONITOR, NULL));
	fail_each(&(struct op){ .prepare = must_ask, .run = drop_request,
				.undo = requester_was_told, .may_lose = 1 });
}

/* ---- receiving ---------------------------------------------------------- */

static const struct kdbus_msg *received;

static void must_tell(void)
{
	ASSERT_OK(acquire());
}

static int receive(void)
{
	return kdbus_client_recv(&listener, 0, 0, &received);
}

static int peek(void)
{
	return kdbus_client_recv(&listener, KDBUS_RECV_PEEK, 0, &received);
}

static void took(void)
{
	note_msg(&listener, received);
	ASSERT_OK(kdbus_client_free(&listener, received));
	ASSERT_OK(release());
	/* the one that the name is free again is all that is there */
	ASSERT_EQ(take_all(&listener), 1);
}

static void peeked(void)
{
	note_msg(&listener, received);
	ASSERT_OK(kdbus_client_free(&listener, received));
	ASSERT_OK(release());
	ASSERT_EQ(take_all(&listener), 2);
}

TEST(msg_recv_of_a_notice)
{
	world();
	fail_each(&(struct op){ .prepare = must_tell, .run = receive,
				.undo = took });
}

TEST(msg_recv_to_peek_at_a_notice)
{
	world();
	fail_each(&(struct op){ .prepare = must_tell, .run = peek,
				.undo = peeked });
}

/* A pool has no memory before something is written there. */
static void must_tell_a_new_listener(void)
{
	client_new(&listener, &bus);
	hear_all(&listener, 1);
	must_tell();
}

static void took_and_went(void)
{
	took();
	kdbus_client_close(&listener);
}

TEST(msg_recv_of_a_notice_into_a_new_pool)
{
	world();
	kdbus_client_close(&listener);
	fail_each(&(struct op){ .prepare = must_tell_a_new_listener,
				.run = receive, .undo = took_and_went });
}

static void peeked_and_went(void)
{
	peeked();
	kdbus_client_close(&listener);
}

TEST(msg_recv_to_peek_at_a_notice_in_a_new_pool)
{
	world();
	kdbus_client_close(&listener);
	fail_each(&(struct op){ .prepare = must_tell_a_new_listener,
				.run = peek, .undo = peeked_and_went });
}
