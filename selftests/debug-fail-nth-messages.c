// SPDX-License-Identifier: GPL-2.0
/*
 * Sending, answering, receiving and cancelling fail at every place where they
 * can, as debug-fail-nth.c says; and what was sent arrives, once, unless there
 * is no memory for a copy of it, which is told.
 */
#include "failing.h"
#include "fixtures.h"

#define NAME "o.n"

static struct bus bus;
static struct kdbus_client a, b, c;
/* the command, built beforehand so that nothing of that can fail */
static struct kdbus_builder cmd;
static char text[5000];

static void world(void)
{
	inject_all();
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	memset(text, 'x', sizeof(text));
}

/* ---- messages ----------------------------------------------------------- */

static int send_a(void)
{
	return kdbus_client_send(&a, &cmd);
}

static void b_takes(void)
{
	ASSERT_EQ(take_all(&b), 1);
}

static void want_everything(struct kdbus_client *of)
{
	__u64 flags = _KDBUS_ATTACH_ALL;
	struct kdbus_builder u;

	kdbus_build_cmd(&u, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&u, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	ASSERT_OK(xioctl(of->fd, KDBUS_CMD_CONN_UPDATE, u.buf));
}

static void build_bytes(void)
{
	kdbus_build_msg(&cmd, b.hello.id, 1);
	kdbus_build_vec(&cmd, text, sizeof(text));
}

TEST(msg_send_of_bytes)
{
	world();
	build_bytes();
	fail_each(&(struct op){ .run = send_a, .undo = b_takes });
}

/* A pool has no memory before something is written there. */
static void new_receiver(void)
{
	client_new(&b, &bus);
	cmd.msg.dst_id = b.hello.id;
}

static void receiver_has_it(void)
{
	b_takes();
	kdbus_client_close(&b);
}

TEST(msg_send_to_a_new_pool)
{
	world();
	build_bytes();
	last_old_id = b.hello.id;
	kdbus_client_close(&b);
	fail_each(&(struct op){ .prepare = new_receiver, .run = send_a,
				.undo = receiver_has_it });
}

TEST(msg_send_of_everything_to_a_name)
{
	world();
	want_everything(&b);
	ASSERT_OK(kdbus_client_acquire(&a, "o.sender", 0));
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	kdbus_build_msg(&cmd, 0, 1);
	kdbus_build_string(&cmd, KDBUS_ITEM_DST_NAME, NAME);
	payload_build(&cmd, &a);
	fail_each(&(struct op){ .run = send_a, .undo = b_takes,
				.may_lack = LACK_ANY });
	payload_is_ours();
}

/* Copies are dropped for a receiver without memory, and that is told. */
static void both_got_it(void)
{
	ASSERT_EQ(take_all(&b) + take_all(&c), 2 - lost);
}

TEST(msg_send_of_a_broadcast)
{
	world();
	client_new(&c, &bus);
	want_everything(&b);
	/* its matches are looked for by the sender's names as well */
	ASSERT_OK(kdbus_client_acquire(&a, "o.sender", 0));
	hear_all(&b, 1);
	hear_all(&c, 1);
	build_broadcast(&cmd, 1);
	kdbus_build_vec(&cmd, text, sizeof(text));
	fail_each(&(struct op){ .run = send_a, .undo = both_got_it,
				.may_lose = 1, .may_lack = LACK_ANY });
}

/* Two who are to be told of a name that does not fit into a small buffer. */
static void hear_in_a_sandbox(const char *name)
{
	char path[200];

	ASSERT(ep_new(&bus, "box", name, TALK) >= 0);
	kdbus_endpoint_path(path, sizeof(path), bus.name, "box");
	ASSERT_OK(kdbus_client_open(&b, path, 0, _KDBUS_ATTACH_ALL, 0, NULL));
	ASSERT_OK(kdbus_client_open(&c, path, 0, KDBUS_ATTACH_NAMES |
				    KDBUS_ATTACH_COMM, 0, NULL));
	hear_all(&b, 1);
	hear_all(&c, 1);
}

/* What each may see of the sender's names is looked up for him. */
TEST(msg_send_of_a_broadcast_into_a_sandbox)
{
	static char name[128] = "o.";

	world();
	kdbus_client_close(&b);
	memset(name + 2, 'n', sizeof(name) - 3);
	ASSERT_OK(kdbus_client_acquire(&a, name, 0));
	ASSERT_OK(kdbus_client_acquire(&a, "o.unseen", 0));
	hear_in_a_sandbox(name);
	build_broadcast(&cmd, 1);
	kdbus_build_vec(&cmd, text, sizeof(text));
	fail_each(&(struct op){ .run = send_a, .undo = both_got_it,
				.may_lose = 1, .may_lack = LACK_ANY });
}

#define CROWD 70

/*
 * So many match it that they are looked at in two batches. To have less to fail
 * most of them are in a sandbox where they may not hear the sender.
 */
TEST(msg_send_of_a_broadcast_that_many_match)
{
	static struct kdbus_client crowd[CROWD];
	char path[200];
	unsigned int i;

	world();
	client_new(&c, &bus);
	ASSERT(ep_new(&bus, "box", NULL, 0) >= 0);
	kdbus_endpoint_path(path, sizeof(path), bus.name, "box");
	for (i = 0; i < CROWD; i++)
		ASSERT_OK(kdbus_client_open(&crowd[i], path, 0, 0, 4096, NULL));
	hear_all(&b, 1);
	for (i = 0; i < CROWD; i++)
		hear_all(&crowd[i], 1);
	hear_all(&c, 1);
	build_broadcast(&cmd, 1);
	kdbus_build_vec(&cmd, "hello", 6);
	fail_each(&(struct op){ .run = send_a, .undo = both_got_it,
				.may_lose = 1 });
	for (i = 0; i < CROWD; i++)
		expect_nothing(&crowd[i]);
}

/* What a monitor cannot get does not concern the receiver. */
static void b_got_it_and_perhaps_c(void)
{
	ASSERT_EQ(take_all(&b), 1);
	ASSERT_EQ(take_all(&c), 1 - lost);
}

TEST(msg_send_with_a_monitor)
{
	world();
	ASSERT_OK(kdbus_client_open(&c, bus.path, KDBUS_HELLO_MONITOR |
				    KDBUS_HELLO_ACCEPT_FD, _KDBUS_ATTACH_ALL,
				    0, NULL));
	kdbus_build_msg(&cmd, b.hello.id, 1);
	payload_build(&cmd, &a);
	fail_each(&(struct op){ .run = send_a, .undo = b_got_it_and_perhaps_c,
				.may_lose = 1, .may_lack = LACK_ANY });
	payload_is_ours();
}

/* ---- requests and replies ----------------------------------------------- */

static int request_b(void)
{
	cmd.msg.cookie = ++round_cookie;
	cmd.msg.timeout_ns = SOON(60000);
	return send_a();
}

static const struct kdbus_msg *asked;

static void b_hears_question(void)
{
	ASSERT_OK(kdbus_client_next(&b, -1, &asked));
	expect_nothing(&b);
}

static void b_forgets_question(void)
{
	ASSERT_OK(kdbus_client_free(&b, asked));
}

static void b_answers(void)
{
	/* each time the same cookie, so that answers are the same */
	b.cookie = 0;
	ASSERT_OK(kdbus_client_reply(&b, asked, "answer", 7));
	b_forgets_question();
}

static void b_answered(void)
{
	b_hears_question();
	note_msg(&b, asked);
	b_answers();
	ASSERT_EQ(take_all(&a), 1);
}

TEST(msg_send_of_a_request)
{
	world();
	kdbus_build_msg(&cmd, b.hello.id, 1);
	cmd.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	kdbus_build_vec(&cmd, "request", 8);
	fail_each(&(struct op){ .run = request_b, .undo = b_answered });
}

static void b_is_asked(void)
{
	ASSERT_OK(request(&a, b.hello.id, ++round_cookie, SOON(60000)));
	b_hears_question();
	cmd.msg.cookie_reply = round_cookie;
}

static int answer(void)
{
	return kdbus_client_send(&b, &cmd);
}

static void answer_came(void)
{
	b_forgets_question();
	ASSERT_EQ(take_all(&a), 1);
}

/* Whether a waits for an answer. */
static int is_waiting(void)
{
	return listed("calls", &bus, 0, "sync") >= 0;
}

/* A reply there is no memory for ends the request, and the requester knows. */
static void answer_failed(int ret)
{
	if (is_waiting())
		return;
	ASSERT_EQ(ret, -ENOMEM);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, round_cookie);
	b_forgets_question();
	b_is_asked();
}

TEST(msg_send_of_a_reply)
{
	world();
	kdbus_build_msg(&cmd, a.hello.id, 1);
	payload_build(&cmd, &b);
	fail_each(&(struct op){ .prepare = b_is_asked, .run = answer,
				.undo = answer_came, .failed = answer_failed });
	payload_is_ours();
}

/* Somebody who is asleep for an answer, in a thread of his own. */
static struct sender waiter;

static const struct kdbus_msg *waited_for(void)
{
	return (const void *)(a.pool + waiter.msg.msg.offset_reply);
}

static void a_waits(void)
{
	kdbus_build_msg(&waiter.msg, b.hello.id, ++round_cookie);
	make_sync(&waiter.msg, SOON(60000));
	sender_start(&waiter, &a);
	b_hears_question();
	cmd.msg.cookie_reply = round_cookie;
}

static void a_has_answer(void)
{
	ASSERT_OK(sender_end(&waiter));
	ASSERT_EQ(waited_for()->cookie_reply, round_cookie);
	note_msg(&a, waited_for());
	kdbus_msg_close_fds(waited_for());
	ASSERT_OK(kdbus_client_free(&a, waited_for()));
	b_forgets_question();
	expect_nothing(&a);
}

static void answer_to_waiter_failed(int ret)
{
	if (is_waiting())
		return;
	ASSERT_EQ(ret, -ENOMEM);
	ASSERT_EQ(sender_end(&waiter), -EPIPE);
	b_forgets_question();
	a_waits();
}

TEST(msg_send_of_a_reply_that_is_waited_for)
{
	world();
	kdbus_build_msg(&cmd, a.hello.id, 1);
	payload_build(&cmd, &b);
	fail_each(&(struct op){ .prepare = a_waits, .run = answer,
				.undo = a_has_answer,
				.failed = answer_to_waiter_failed });
	payload_is_ours();
}

static struct kdbus_builder replies;
static volatile unsigned int executed;

/* Answers whatever comes, for as long as the case takes. */
static void *replier(void *arg)
{
	const struct kdbus_msg *msg;

	while (!kdbus_client_next(&b, -1, &msg)) {
		replies.msg.cookie_reply = msg->cookie;
		executed++;
		note_msg(&b, msg);
		ASSERT_OK(kdbus_client_free(&b, msg));
		ASSERT_OK(kdbus_client_send(&b, &replies));
	}
	return arg;
}

static const struct kdbus_msg *reply;

static void must_call(void)
{
	executed = 0;
}

static int call(void)
{
	cmd.msg.cookie = ++round_cookie;
	return kdbus_client_call(&a, &cmd, SOON(60000), &reply);
}

static void free_reply(void)
{
	ASSERT_EQ(reply->cookie_reply, round_cookie);
	note_msg(&a, reply);
	kdbus_msg_close_fds(reply);
	ASSERT_OK(kdbus_client_free(&a, reply));
}

/* What has been carried out although it failed is a reply that was lost. */
static void call_failed(int ret)
{
	(void)ret;
	ASSERT_EQ(executed, lost);
	expect_nothing(&a);
}

static void call_each(void)
{
	pthread_t t;

	kdbus_build_msg(&cmd, b.hello.id, 1);
	kdbus_build_vec(&cmd, "request", 8);
	ASSERT_OK(pthread_create(&t, NULL, replier, NULL));
	fail_each(&(struct op){ .prepare = must_call, .run = call,
				.undo = free_reply, .failed = call_failed,
				.may_lose = 1 });
}

TEST(msg_send_and_wait_for_the_reply)
{
	world();
	kdbus_build_msg(&replies, a.hello.id, 1);
	kdbus_build_vec(&replies, "answer", 7);
	call_each();
}

/* The place for the numbers of the files is known when the reply is there. */
TEST(msg_send_and_wait_for_a_reply_with_files)
{
	world();
	kdbus_build_msg(&replies, a.hello.id, 1);
	payload_build(&replies, &b);
	call_each();
	payload_is_ours();
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A call that a signal has ended; to go on with it needs the same cookie. */
static void a_was_interrupted(void)
{
	a_waits();
	cmd.msg.cookie = round_cookie;
	ASSERT_OK(pthread_kill(waiter.thread, SIGUSR1));
	ASSERT_EQ(sender_end(&waiter), -EINTR);
}

static void answer_comes_later(void)
{
	expect_nothing(&b);
	expect_nothing(&a);
	note_msg(&b, asked);
	b_answers();
	ASSERT_EQ(take_all(&a), 1);
}

TEST(msg_send_again_to_go_on_without_waiting)
{
	struct sigaction sa = { .sa_handler = on_signal };

	world();
	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
	kdbus_build_msg(&cmd, b.hello.id, 1);
	cmd.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	cmd.msg.timeout_ns = SOON(60000);
	fail_each(&(struct op){ .prepare = a_was_interrupted, .run = send_a,
				.undo = answer_comes_later });
}

/* And the answer is there when he comes back for it. */
static void a_was_answered_meanwhile(void)
{
	a_was_interrupted();
	replies.msg.cookie_reply = round_cookie;
	ASSERT_OK(kdbus_client_send(&b, &replies));
	b_forgets_question();
}

static int call_again(void)
{
	cmd.msg.timeout_ns = SOON(60000);
	return send_a();
}

static void got_answer(void)
{
	reply = (const void *)(a.pool + cmd.msg.offset_reply);
	free_reply();
	expect_nothing(&b);
	expect_nothing(&a);
}

/* An answer whose files get no numbers, or of which none can be told, is lost. */
static void answer_is_gone(int ret)
{
	expect_nothing(&a);
	if (!lost)
		return;
	ASSERT(ret == -ENOMEM || ret == -EFAULT);
	a_was_answered_meanwhile();
}

TEST(msg_send_again_to_go_on_waiting)
{
	struct sigaction sa = { .sa_handler = on_signal };

	world();
	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
	kdbus_build_msg(&replies, a.hello.id, 1);
	payload_build(&replies, &b);
	kdbus_build_msg(&cmd, b.hello.id, 1);
	make_sync(&cmd, SOON(60000));
	fail_each(&(struct op){ .prepare = a_was_answered_meanwhile,
				.run = call_again, .undo = got_answer,
				.failed = answer_is_gone, .may_lose = 1 });
	payload_is_ours();
}

static int cancel(void)
{
	return kdbus_client_cancel(&a, round_cookie);
}

static void call_has_ended(void)
{
	ASSERT_EQ(sender_end(&waiter), -ECANCELED);
	b_forgets_question();
}

TEST(msg_cancel)
{
	world();
	fail_each(&(struct op){ .prepare = a_waits, .run = cancel,
				.undo = call_has_ended });
}

/* ---- receiving ---------------------------------------------------------- */

static const struct kdbus_msg *received;
static __u64 how;

static void must_send(void)
{
	ASSERT_OK(send_a());
}

static int receive(void)
{
	received = NULL;
	return kdbus_client_recv(&b, how, 0, &received);
}

static void give_back(void)
{
	note_msg(&b, received);
	kdbus_msg_close_fds(received);
	ASSERT_OK(kdbus_client_free(&b, received));
	expect_nothing(&b);
}

static void receive_each(__u64 flags, void (*done)(void))
{
	world();
	want_everything(&b);
	kdbus_build_msg(&cmd, b.hello.id, 1);
	payload_build(&cmd, &a);
	how = flags;
	fail_each(&(struct op){ .prepare = must_send, .run = receive,
				.undo = done });
	payload_is_ours();
}

TEST(msg_recv_of_everything)
{
	receive_each(0, give_back);
}

TEST(msg_recv_by_priority)
{
	receive_each(KDBUS_RECV_USE_PRIORITY, give_back);
}

static void nothing_is_left(void)
{
	expect_nothing(&b);
}

TEST(msg_recv_to_drop)
{
	receive_each(KDBUS_RECV_DROP, nothing_is_left);
}

static void seen(void)
{
	note_msg(&b, received);
	ASSERT_OK(kdbus_client_free(&b, received));
	b_takes();
}

TEST(msg_recv_to_peek)
{
	receive_each(KDBUS_RECV_PEEK, seen);
}

static void must_receive(void)
{
	must_send();
	ASSERT_OK(receive());
}

static int free_received(void)
{
	return kdbus_client_free(&b, received);
}

TEST(free_of_a_message)
{
	world();
	build_bytes();
	fail_each(&(struct op){ .prepare = must_receive,
				.run = free_received });
}
