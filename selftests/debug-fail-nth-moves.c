// SPDX-License-Identifier: GPL-2.0
/*
 * What waits for a name at its activator, and what a service has not received,
 * moves when the name changes hands, and what moves needs memory: a message
 * that gets none is lost, a drop event says so, and who waits for its answer is
 * told (docs/decisions.rst). The commands that have it move fail like all
 * others, as debug-fail-nth.c says.
 */
#include "failing.h"
#include "fixtures.h"

#define NAME "o.n"

static struct bus bus;
static struct kdbus_client act, svc, cli;
/* what is sent to the name: a message with everything, and a request */
static struct kdbus_builder message, question;

static void world(void)
{
	inject_all();
	bus_new(&bus);
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR |
			      KDBUS_HELLO_ACCEPT_FD, NAME));
	client_new(&svc, &bus);
	client_new(&cli, &bus);
	kdbus_build_msg(&message, 0, 1);
	kdbus_build_string(&message, KDBUS_ITEM_DST_NAME, NAME);
	payload_build(&message, &cli);
	kdbus_build_msg(&question, 0, 1);
	kdbus_build_string(&question, KDBUS_ITEM_DST_NAME, NAME);
	kdbus_build_vec(&question, "request", 8);
}

static int acquire(void)
{
	return kdbus_client_acquire(&svc, NAME, 0);
}

static int release(void)
{
	return kdbus_client_release(&svc, NAME);
}

static void must_acquire(void)
{
	ASSERT_OK(acquire());
}

/* The answer to who has got the name may fail to reach him. */
static void acquired_after_all(int ret)
{
	if (ret == -EFAULT)
		release();
}

static void must_send(void)
{
	ASSERT_OK(kdbus_client_send(&cli, &message));
	question.msg.cookie = ++round_cookie;
	question.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	question.msg.timeout_ns = SOON(60000);
	ASSERT_OK(kdbus_client_send(&cli, &question));
}

/* Takes what the service has and answers the request; whether there was one. */
static int service_answers(int *n)
{
	const struct kdbus_msg *msg;
	int was_asked = 0;

	for (*n = 0; !kdbus_client_recv(&svc, 0, 0, &msg); ++*n) {
		note_msg(&svc, msg);
		if (msg->flags & KDBUS_MSG_FLAGS_EXPECT_REPLY) {
			ASSERT_EQ(msg->cookie, round_cookie);
			ASSERT_OK(kdbus_client_reply(&svc, msg, "answer", 7));
			was_asked = 1;
		}
		kdbus_msg_close_fds(msg);
		ASSERT_OK(kdbus_client_free(&svc, msg));
	}
	return was_asked;
}

/* The service, which has the name, has both or they were lost. */
static void all_is_accounted_for(void)
{
	int n, was_asked = service_answers(&n);

	ASSERT_EQ(n, 2 - lost);
	if (was_asked)
		expect_msg(&cli, svc.hello.id, svc.cookie);
	else
		expect_notice(&cli, KDBUS_ITEM_REPLY_DEAD, round_cookie);
	expect_nothing(&cli);
	expect_nothing(&act);
}

static void arrived(void)
{
	all_is_accounted_for();
	ASSERT_OK(release());
}

TEST(name_acquire_from_its_activator)
{
	world();
	fail_each(&(struct op){ .prepare = must_send, .run = acquire,
				.undo = arrived, .failed = acquired_after_all,
				.may_lose = 1 });
	payload_is_ours();
}

static void must_serve(void)
{
	must_acquire();
	must_send();
}

static void went_back(void)
{
	expect_nothing(&svc);
	must_acquire();
	arrived();
}

TEST(name_release_to_its_activator)
{
	world();
	fail_each(&(struct op){ .prepare = must_serve, .run = release,
				.undo = went_back, .may_lose = 1 });
	payload_is_ours();
}

/* One that only has to be closed to be gone. */
static void must_serve_anew(void)
{
	client_new(&svc, &bus);
	ASSERT_OK(munmap(svc.pool, svc.hello.pool_size));
	svc.pool = NULL;
	must_serve();
}

static int service_ends(void)
{
	int ret = close(svc.fd);

	return ret < 0 ? -errno : 0;
}

static void next_service_takes(void)
{
	client_new(&svc, &bus);
	must_acquire();
	arrived();
	kdbus_client_close(&svc);
}

TEST(close_of_a_service)
{
	world();
	kdbus_client_close(&svc);
	fail_each(&(struct op){ .prepare = must_serve_anew,
				.run = service_ends, .undo = next_service_takes,
				.never = 1, .may_lose = 1 });
	payload_is_ours();
}

/* Somebody who is asleep for an answer, in a thread of his own. */
static struct sender waiter;

static void cli_waits(void)
{
	waiter.msg = question;
	waiter.msg.msg.cookie = ++round_cookie;
	make_sync(&waiter.msg, SOON(60000));
	sender_start(&waiter, &cli);
	ASSERT_EQ(kdbus_client_wait(&act, -1), 1);
}

static void wait_is_over(void)
{
	int n, was_asked = service_answers(&n);

	ASSERT_EQ(n, 1 - lost);
	ASSERT_EQ(sender_end(&waiter), was_asked ? 0 : -EPIPE);
	if (was_asked)
		ASSERT_OK(kdbus_client_free(&cli, cli.pool +
					    waiter.msg.msg.offset_reply));
	expect_nothing(&cli);
	expect_nothing(&act);
	ASSERT_OK(release());
}

TEST(name_acquire_while_somebody_waits)
{
	world();
	fail_each(&(struct op){ .prepare = cli_waits, .run = acquire,
				.undo = wait_is_over,
				.failed = acquired_after_all, .may_lose = 1 });
}
