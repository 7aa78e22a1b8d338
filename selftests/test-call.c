// SPDX-License-Identifier: GPL-2.0
/* Requests and what becomes of them: replies, timeouts, deaths, cancelling. */
#include "harness.h"

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static int reply_to(struct kdbus_client *from, struct kdbus_client *to,
		    __u64 cookie)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, to->hello.id, 1000 + cookie);
	m.msg.cookie_reply = cookie;
	kdbus_build_vec(&m, "reply", 6);
	return kdbus_client_send(from, &m);
}

/* A synchronous request in a thread of its own. */
struct sync_call {
	pthread_t thread;
	struct kdbus_client *from;
	__u64 dst, cookie, timeout_ns;
	int ret;
	const struct kdbus_msg *reply;
};

static void *do_call(void *arg)
{
	struct sync_call *s = arg;
	struct kdbus_builder m;

	kdbus_build_msg(&m, s->dst, s->cookie);
	kdbus_build_vec(&m, "request", 8);
	s->ret = kdbus_client_call(s->from, &m, s->timeout_ns, &s->reply);
	return NULL;
}

/* Starts a call and waits until its request is in the receiver's queue. */
static void call_start(struct sync_call *s, struct kdbus_client *from,
		       struct kdbus_client *to, __u64 cookie, __u64 timeout_ns)
{
	s->from = from;
	s->dst = to->hello.id;
	s->cookie = cookie;
	s->timeout_ns = timeout_ns;
	ASSERT_OK(pthread_create(&s->thread, NULL, do_call, s));
	ASSERT_EQ(kdbus_client_wait(to, 20000), 1);
}

static int call_end(struct sync_call *s)
{
	pthread_join(s->thread, NULL);
	return s->ret;
}

/* spec 10.3, 10.4 */
TEST(a_reply_comes_like_any_message)
{
	setup();
	ASSERT_OK(request(&a, b.hello.id, 7, 10 * SEC));
	expect_msg(&b, a.hello.id, 7);
	ASSERT_OK(reply_to(&b, &a, 7));
	expect_msg(&a, b.hello.id, 1007);
	/* only one reply; another one is an ordinary message */
	ASSERT_OK(reply_to(&b, &a, 7));
	expect_msg(&a, b.hello.id, 1007);
	kdbus_client_close(&b);
	expect_nothing(&a);
}

/* spec 10.3: whatever calls there were before, to shorter names */
TEST(a_name_may_be_as_long_as_names_are)
{
	struct kdbus_builder m;
	struct sync_call s;
	char name[250];

	setup();
	memset(name, 'n', sizeof(name));
	name[1] = '.';
	name[sizeof(name) - 1] = 0;
	ASSERT_OK(kdbus_client_acquire(&b, name, 0));
	/* its memory is kept for the next one, and too small for it */
	call_start(&s, &a, &b, 7, 10 * SEC);
	expect_msg(&b, a.hello.id, 7);
	ASSERT_OK(reply_to(&b, &a, 7));
	ASSERT_OK(call_end(&s));

	kdbus_build_msg(&m, 0, 8);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, name);
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m.msg.timeout_ns = 10 * SEC;
	ASSERT_OK(kdbus_client_send(&a, &m));
	expect_msg(&b, a.hello.id, 8);
	ASSERT_OK(reply_to(&b, &a, 8));
	expect_msg(&a, b.hello.id, 1008);
}

/* spec 10.1, 10.4 */
TEST(a_timeout_is_told)
{
	__u64 start;

	setup();
	start = now_ns();
	ASSERT_OK(request(&a, b.hello.id, 7, 30 * MSEC));
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 7);
	ASSERT(now_ns() - start >= 30 * MSEC);
	/* the request stays, the late reply is an ordinary message */
	expect_msg(&b, a.hello.id, 7);
	ASSERT_OK(reply_to(&b, &a, 7));
	expect_msg(&a, b.hello.id, 1007);
	expect_nothing(&a);
}

/* spec 10.1 */
TEST(timeouts_come_in_order_of_deadline)
{
	setup();
	ASSERT_OK(request(&a, b.hello.id, 1, SOON(90)));
	ASSERT_OK(request(&a, b.hello.id, 2, SOON(60)));
	ASSERT_OK(request(&a, b.hello.id, 3, ~0ULL));
	ASSERT_OK(request(&a, b.hello.id, 4, SOON(30)));
	ASSERT_OK(request(&a, b.hello.id, 5, 1));
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 5);
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 4);
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 2);
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 1);
	expect_nothing(&a);
}

/* spec 9.3, decision 3 */
TEST(cookie_zero_may_time_out)
{
	setup();
	ASSERT_OK(request(&a, b.hello.id, 0, 10 * MSEC));
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 0);
}

/* spec 10.5, 27.11 */
TEST(a_death_is_told_once)
{
	setup();
	/* one still queued, one received */
	ASSERT_OK(request(&a, b.hello.id, 1, 10 * SEC));
	ASSERT_OK(request(&a, b.hello.id, 2, 10 * SEC));
	expect_msg(&b, a.hello.id, 1);
	kdbus_client_close(&b);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 1);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 2);
	expect_nothing(&a);
}

/* spec 10.5, 12.5 */
TEST(a_dropped_request_is_told)
{
	setup();
	ASSERT_OK(request(&a, b.hello.id, 1, 10 * SEC));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 1);
	expect_nothing(&a);
}

/* spec 12.4, 12.5 */
TEST(notices_can_be_peeked_and_dropped)
{
	const struct kdbus_msg *msg;

	setup();
	ASSERT_OK(request(&a, b.hello.id, 1, MSEC));
	ASSERT_EQ(kdbus_client_wait(&a, 20000), 1);
	ASSERT_OK(kdbus_client_recv(&a, KDBUS_RECV_PEEK, 0, &msg));
	ASSERT_EQ(msg->items[0].type, KDBUS_ITEM_REPLY_TIMEOUT);
	ASSERT_EQ(msg->cookie_reply, 1);
	ASSERT_OK(kdbus_client_free(&a, msg));
	ASSERT_OK(kdbus_client_recv(&a, KDBUS_RECV_DROP, 0, NULL));
	expect_nothing(&a);
}

/* spec 7.10 */
TEST(requests_of_the_dead_are_forgotten)
{
	struct kdbus_client c;

	setup();
	client_new(&c, &bus);
	ASSERT_OK(request(&c, b.hello.id, 1, 10 * SEC));
	kdbus_client_close(&c);
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_OK(request(&a, b.hello.id, 2, 10 * SEC));
	kdbus_client_close(&b);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 2);
}

/* spec 10.1, 10.9 */
TEST(outstanding_requests_are_bounded)
{
	__u64 i;

	setup();
	for (i = 1; i <= 128; i++)
		ASSERT_OK(request(&a, b.hello.id, i, 100 * SEC));
	ASSERT_EQ(request(&a, b.hello.id, 129, 100 * SEC), -EMLINK);
	/* an answer makes room */
	ASSERT_OK(reply_to(&b, &a, 50));
	ASSERT_OK(request(&a, b.hello.id, 129, 100 * SEC));
	ASSERT_EQ(request(&a, b.hello.id, 130, 100 * SEC), -EMLINK);
}

static void *answer_each(void *arg)
{
	const struct kdbus_msg *msg;
	__u64 next = 1, n = (uintptr_t)arg;

	while (next <= n) {
		if (kdbus_client_recv(&b, 0, 0, &msg) == -EAGAIN) {
			sched_yield();
			continue;
		}
		ASSERT_EQ(msg->cookie, next);
		ASSERT_OK(kdbus_client_free(&b, msg));
		ASSERT_OK(reply_to(&b, &a, next++));
	}
	return NULL;
}

/* spec 10.1, 10.9: whoever has an answer may call again */
TEST(an_answer_that_has_come_counts_no_longer)
{
	const uintptr_t n = 5000;
	const struct kdbus_msg *msg;
	pthread_t t;
	__u64 i;
	int ret;

	setup();
	param_set("max_requests_per_conn", 1);
	ASSERT_OK(pthread_create(&t, NULL, answer_each, (void *)n));
	for (i = 1; i <= n; i++) {
		ASSERT_OK(request(&a, b.hello.id, i, 100 * SEC));
		while ((ret = kdbus_client_recv(&a, 0, 0, &msg)) == -EAGAIN)
			;
		ASSERT_OK(ret);
		ASSERT_EQ(msg->cookie_reply, i);
		ASSERT_OK(kdbus_client_free(&a, msg));
	}
	ASSERT_OK(pthread_join(t, NULL));
}

/* spec 9.7 */
TEST(a_refused_request_leaves_nothing)
{
	__u64 i;

	setup();
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(request(&a, 99, i, SEC), -ENXIO);
	expect_nothing(&a);
	ASSERT_OK(request(&a, b.hello.id, 1, 10 * SEC));
}

/* spec 10.2 */
TEST(the_oldest_of_equal_cookies_is_answered)
{
	setup();
	ASSERT_OK(request(&a, b.hello.id, 5, 50 * MSEC));
	ASSERT_OK(request(&a, b.hello.id, 5, 100 * SEC));
	ASSERT_OK(reply_to(&b, &a, 5));
	expect_msg(&a, b.hello.id, 1005);
	/* had the younger one been answered, this one would time out */
	ASSERT_EQ(kdbus_client_wait(&a, 200), 0);
	kdbus_client_close(&b);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 5);
}

/* spec 10.6, 9.1 */
TEST(a_sync_call_returns_the_reply)
{
	struct sync_call s;
	char buf[16];

	setup();
	call_start(&s, &a, &b, 7, 10 * SEC);
	expect_msg(&b, a.hello.id, 7);
	ASSERT_OK(reply_to(&b, &a, 7));
	ASSERT_OK(call_end(&s));
	ASSERT_EQ(s.reply->cookie_reply, 7);
	ASSERT_EQ(s.reply->src_id, b.hello.id);
	kdbus_msg_payload(s.reply, buf, sizeof(buf));
	ASSERT_OK(strcmp(buf, "reply"));
	/* it never was in the queue */
	expect_nothing(&a);
	ASSERT_OK(kdbus_client_free(&a, s.reply));
	ASSERT_EQ(kdbus_client_free(&a, s.reply), -ENXIO);
}

/* spec 10.6 */
TEST(a_sync_reply_may_come_before_the_request_is_received)
{
	struct sync_call s;

	setup();
	call_start(&s, &a, &b, 7, 10 * SEC);
	ASSERT_OK(reply_to(&b, &a, 7));
	ASSERT_OK(call_end(&s));
	expect_msg(&b, a.hello.id, 7);
}

/* spec 10.6 */
TEST(a_sync_call_times_out)
{
	struct sync_call s;

	setup();
	call_start(&s, &a, &b, 7, 30 * MSEC);
	ASSERT_EQ(call_end(&s), -ETIMEDOUT);
	expect_nothing(&a);
	expect_msg(&b, a.hello.id, 7);
}

/* spec 10.5, 10.6 */
TEST(a_sync_call_ends_with_its_replier)
{
	struct sync_call s;

	setup();
	call_start(&s, &a, &b, 7, 100 * SEC);
	kdbus_client_close(&b);
	ASSERT_EQ(call_end(&s), -EPIPE);
	expect_nothing(&a);
	client_new(&b, &bus);
	call_start(&s, &a, &b, 8, 100 * SEC);
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_EQ(call_end(&s), -EPIPE);
	expect_nothing(&a);
}

/* spec 10.6, 7.10 */
TEST(a_sync_call_ends_with_its_connection)
{
	struct sync_call s;

	setup();
	call_start(&s, &a, &b, 7, 100 * SEC);
	ASSERT_OK(kdbus_client_byebye(&a));
	ASSERT_EQ(call_end(&s), -ECONNRESET);
	expect_msg(&b, a.hello.id, 7);

	client_new(&a, &bus);
	call_start(&s, &a, &b, 8, 100 * SEC);
	close(bus.owner);
	call_end(&s);
	ASSERT(s.ret == -ECONNRESET || s.ret == -EPIPE);
}

/* spec 10.8 */
TEST(cancel_ends_sync_calls_with_the_cookie)
{
	struct sync_call s, other;

	setup();
	ASSERT_EQ(kdbus_client_cancel(&a, 7), -ENOENT);
	call_start(&s, &a, &b, 7, 100 * SEC);
	expect_msg(&b, a.hello.id, 7);
	call_start(&other, &a, &b, 8, 100 * SEC);
	ASSERT_EQ(kdbus_client_cancel(&a, 9), -ENOENT);
	ASSERT_EQ(kdbus_client_cancel(&b, 7), -ENOENT);
	ASSERT_OK(kdbus_client_cancel(&a, 7));
	ASSERT_EQ(call_end(&s), -ECANCELED);
	ASSERT_EQ(kdbus_client_cancel(&a, 7), -ENOENT);
	ASSERT_OK(reply_to(&b, &a, 8));
	ASSERT_OK(call_end(&other));
	/* asynchronous requests are not affected */
	ASSERT_OK(request(&a, b.hello.id, 10, 100 * SEC));
	ASSERT_EQ(kdbus_client_cancel(&a, 10), -ENOENT);
}

/* spec 10.3 */
TEST(an_undeliverable_reply_is_told_to_both)
{
	static char data[1 << 20];
	struct kdbus_client small, nofd;
	struct kdbus_builder m;
	struct sync_call s;
	int fd = 0;

	setup();
	client_new_pool(&small, &bus, 4096);
	call_start(&s, &small, &b, 7, 100 * SEC);
	kdbus_build_msg(&m, small.hello.id, 1);
	m.msg.cookie_reply = 7;
	kdbus_build_vec(&m, data, sizeof(data));
	ASSERT_EQ(kdbus_client_send(&b, &m), -ENOBUFS);
	ASSERT_EQ(call_end(&s), -EPIPE);
	expect_msg(&b, small.hello.id, 7);

	ASSERT_OK(kdbus_client_open(&nofd, bus.path, 0, 0, 0, NULL));
	ASSERT_OK(request(&nofd, b.hello.id, 8, 100 * SEC));
	kdbus_build_msg(&m, nofd.hello.id, 1);
	m.msg.cookie_reply = 8;
	kdbus_build_fds(&m, &fd, 1);
	ASSERT_EQ(kdbus_client_send(&b, &m), -ECOMM);
	expect_notice(&nofd, KDBUS_ITEM_REPLY_DEAD, 8);
}

/* spec 10.3 */
TEST(a_wrong_reply_can_be_made_good)
{
	struct kdbus_builder m;

	setup();
	ASSERT_OK(request(&a, b.hello.id, 8, 100 * SEC));
	kdbus_build_msg(&m, a.hello.id, 1);
	m.msg.cookie_reply = 8;
	kdbus_build_vec(&m, (void *)8, 100);
	ASSERT_EQ(kdbus_client_send(&b, &m), -EFAULT);
	ASSERT_OK(reply_to(&b, &a, 8));
	expect_msg(&a, b.hello.id, 1008);
	expect_nothing(&a);
}

/* spec 9.5 */
TEST(a_sync_call_to_oneself_times_out)
{
	struct sync_call s;

	setup();
	call_start(&s, &a, &a, 7, 20 * MSEC);
	ASSERT_EQ(call_end(&s), -ETIMEDOUT);
	expect_msg(&a, a.hello.id, 7);
}

/* spec 10.6 */
TEST(a_reply_brings_files)
{
	struct kdbus_builder m;
	struct sync_call s;
	int fd = 0;

	setup();
	call_start(&s, &a, &b, 7, 10 * SEC);
	kdbus_build_msg(&m, a.hello.id, 1);
	m.msg.cookie_reply = 7;
	kdbus_build_fds(&m, &fd, 1);
	ASSERT_OK(kdbus_client_send(&b, &m));
	ASSERT_OK(call_end(&s));
	fd = kdbus_msg_item(s.reply, KDBUS_ITEM_FDS)->fds[0];
	ASSERT(fd > 2);
	ASSERT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

/* ---- signals ---------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

static void signal_thread(pthread_t thread, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
	ASSERT_OK(pthread_kill(thread, SIGUSR1));
}

static void signal_caller(struct sync_call *s, int flags)
{
	signal_thread(s->thread, flags);
}

/* spec 10.7, decision 17 */
TEST(a_restarted_call_is_not_sent_twice)
{
	struct sync_call s;

	setup();
	call_start(&s, &a, &b, 7, 20 * SEC);
	expect_msg(&b, a.hello.id, 7);
	signal_caller(&s, SA_RESTART);
	ASSERT_OK(reply_to(&b, &a, 7));
	ASSERT_OK(call_end(&s));
	ASSERT_EQ(s.reply->cookie_reply, 7);
	expect_nothing(&b);
	expect_nothing(&a);
}

/*
 * spec 10.7, decision 17: its files are those in flight already, however few
 * may be
 */
TEST(a_restarted_call_needs_no_room_for_its_files_again)
{
	struct kdbus_builder m;
	struct sender s = {};
	int fd = 0;

	setup();
	param_set("max_files_per_user", 1);
	kdbus_build_msg(&s.msg, b.hello.id, 7);
	kdbus_build_fds(&s.msg, &fd, 1);
	make_sync(&s.msg, 20 * SEC);
	m = s.msg;
	sender_start(&s, &a);
	ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
	signal_thread(s.thread, 0);
	ASSERT_EQ(sender_end(&s), -EINTR);
	ASSERT_OK(reply_to(&b, &a, 7));
	ASSERT_OK(kdbus_client_send(&a, &m));
	/* a new one does, as long as the other one waits */
	make_sync(&m, 20 * SEC);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMFILE);
	expect_msg(&b, a.hello.id, 7);
	expect_nothing(&b);
}

/* spec 10.7, decision 17 */
TEST(an_interrupted_call_can_be_taken_up_again)
{
	struct sync_call s, again;

	setup();
	call_start(&s, &a, &b, 7, 20 * SEC);
	expect_msg(&b, a.hello.id, 7);
	/* without SA_RESTART; the signal may come before the sleep */
	signal_caller(&s, 0);
	ASSERT_EQ(call_end(&s), -EINTR);
	/* the reply comes while nobody waits, and is kept */
	ASSERT_OK(reply_to(&b, &a, 7));
	expect_nothing(&a);
	again = s;
	do_call(&again);
	ASSERT_OK(again.ret);
	ASSERT_EQ(again.reply->cookie_reply, 7);
	expect_nothing(&b);
	/* once only: now it is a new call */
	call_start(&s, &a, &b, 7, 20 * MSEC);
	ASSERT_EQ(call_end(&s), -ETIMEDOUT);
}

/* spec 10.7 */
TEST(an_interrupted_call_can_go_on_asynchronously)
{
	struct sync_call s;

	setup();
	call_start(&s, &a, &b, 7, 20 * SEC);
	expect_msg(&b, a.hello.id, 7);
	signal_caller(&s, 0);
	ASSERT_EQ(call_end(&s), -EINTR);
	ASSERT_OK(request(&a, b.hello.id, 7, 20 * SEC));
	expect_nothing(&b);
	ASSERT_OK(reply_to(&b, &a, 7));
	expect_msg(&a, b.hello.id, 1007);

	/* the same with the reply already there */
	call_start(&s, &a, &b, 8, 20 * SEC);
	expect_msg(&b, a.hello.id, 8);
	signal_caller(&s, 0);
	ASSERT_EQ(call_end(&s), -EINTR);
	ASSERT_OK(reply_to(&b, &a, 8));
	expect_nothing(&a);
	ASSERT_OK(request(&a, b.hello.id, 8, 20 * SEC));
	expect_msg(&a, b.hello.id, 1008);
	expect_nothing(&b);
}

/* spec 10.7 */
TEST(an_interrupted_call_keeps_its_deadline)
{
	struct sync_call s;
	__u64 used;

	setup();
	param_set("max_requests_per_conn", 1);
	call_start(&s, &a, &b, 7, SOON(100));
	expect_msg(&b, a.hello.id, 7);
	signal_caller(&s, 0);
	ASSERT_EQ(call_end(&s), -EINTR);
	ASSERT_OK(reply_to(&b, &a, 7));
	/* until then it counts; afterwards call and reply are gone */
	ASSERT_EQ(request(&a, b.hello.id, 9, SEC), -EMLINK);
	used = now_ns();
	while (request(&a, b.hello.id, 9, 100 * SEC) == -EMLINK)
		ASSERT(now_ns() - used < 20 * SEC);
	expect_msg(&b, a.hello.id, 9);
}

static void *answer_all(void *arg)
{
	const struct kdbus_msg *msg;
	__u64 n = (uintptr_t)arg;

	while (n--) {
		ASSERT_OK(kdbus_client_next(&b, 20000, &msg));
		ASSERT_OK(kdbus_client_reply(&b, msg, "y", 1));
		ASSERT_OK(kdbus_client_free(&b, msg));
	}
	return NULL;
}

/* spec 10.6, 27.9 */
TEST(many_calls_leave_the_pool_empty)
{
	struct sync_call s;
	pthread_t t;
	__u64 i, n = 2000;

	setup();
	ASSERT_OK(pthread_create(&t, NULL, answer_all, (void *)(uintptr_t)n));
	s.from = &a;
	s.dst = b.hello.id;
	s.timeout_ns = 100 * SEC;
	for (i = 1; i <= n; i++) {
		s.cookie = i;
		do_call(&s);
		ASSERT_OK(s.ret);
		/* best fit: an empty pool gives its first byte */
		ASSERT((const char *)s.reply == a.pool);
		ASSERT_OK(kdbus_client_free(&a, s.reply));
	}
	pthread_join(t, NULL);
}
