// SPDX-License-Identifier: GPL-2.0
/*
 * Things that happen at the same time. A case passes if everybody gets one of
 * the answers that some order of events would have given, nothing hangs, and
 * the kernel log stays clean.
 */
#include "harness.h"

#define ROUNDS 300

static struct bus bus;
static struct kdbus_client a, b;
static pthread_barrier_t start;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

struct job {
	pthread_t thread;
	int (*fn)(void);
	int ret;
};

static void *run_job(void *arg)
{
	struct job *j = arg;

	pthread_barrier_wait(&start);
	j->ret = j->fn();
	return NULL;
}

/* Runs two functions at once. */
static void race(int (*f)(void), int (*g)(void), int *rf, int *rg)
{
	struct job j = { .fn = f };

	ASSERT_OK(pthread_barrier_init(&start, NULL, 2));
	ASSERT_OK(pthread_create(&j.thread, NULL, run_job, &j));
	pthread_barrier_wait(&start);
	*rg = g();
	pthread_join(j.thread, NULL);
	*rf = j.ret;
	pthread_barrier_destroy(&start);
}

static int one_of(int got, int x, int y, int z)
{
	return got == x || got == y || got == z;
}

static __u64 cookie = 1;
/* short where the timeout is one of those that race, else out of the way */
static __u64 call_timeout = 5 * MSEC;

static int call_b(void)
{
	const struct kdbus_msg *reply;
	struct kdbus_builder m;
	int ret;

	kdbus_build_msg(&m, b.hello.id, cookie);
	kdbus_build_vec(&m, "x", 1);
	ret = kdbus_client_call(&a, &m, call_timeout, &reply);
	if (!ret)
		ASSERT_OK(kdbus_client_free(&a, reply));
	return ret;
}


static int answer_next(void)
{
	const struct kdbus_msg *msg;
	struct kdbus_builder m;

	ASSERT_OK(kdbus_client_next(&b, 20000, &msg));
	ASSERT_OK(kdbus_client_free(&b, msg));
	/* answers about when the caller's time is over */
	usleep(cookie % 7 * 1000);
	kdbus_build_msg(&m, a.hello.id, 1);
	m.msg.cookie_reply = cookie;
	return kdbus_client_send(&b, &m);
}

/* spec 27.5, decision 4 */
/* One outcome each: the reply is returned, or it is an ordinary message. */
TEST(reply_against_timeout)
{
	const struct kdbus_msg *msg;
	int i, rc, rr, answered = 0, late = 0;

	setup();
	for (i = 0; i < ROUNDS; i++, cookie++) {
		race(call_b, answer_next, &rc, &rr);
		ASSERT_OK(rr);
		ASSERT(one_of(rc, 0, -ETIMEDOUT, 0));
		if (rc) {
			ASSERT_OK(kdbus_client_recv(&a, 0, 0, &msg));
			ASSERT_EQ(msg->cookie_reply, cookie);
			ASSERT_OK(kdbus_client_free(&a, msg));
			late++;
		} else {
			answered++;
		}
		expect_nothing(&a);
	}
	printf("# %d answered, %d late\n", answered, late);
}

static int cancel_a(void)
{
	return kdbus_client_cancel(&a, cookie);
}

/* spec 27.5, 10.8 */
TEST(cancel_against_timeout)
{
	int i, rc, rx;

	setup();
	for (i = 0; i < ROUNDS; i++, cookie++) {
		race(call_b, cancel_a, &rc, &rx);
		ASSERT(one_of(rx, 0, -ENOENT, 0));
		ASSERT_EQ(rc, rx ? -ETIMEDOUT : -ECANCELED);
		expect_msg(&b, a.hello.id, cookie);
	}
}

/* a calls b in a thread of its own, and b can receive the request */
static void begin_call(struct sender *s)
{
	kdbus_build_msg(&s->msg, b.hello.id, cookie);
	make_sync(&s->msg, 60 * SEC);
	sender_start(s, &a);
	ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
}

/* spec 27.5, 10.8: the reply is the caller's, or a message like any other */
TEST(reply_against_cancel)
{
	const struct kdbus_msg *msg;
	struct sender s = {};
	int i, rc, rr, rx;

	setup();
	for (i = 0; i < ROUNDS / 3; i++, cookie++) {
		begin_call(&s);
		race(answer_next, cancel_a, &rr, &rx);
		rc = sender_end(&s);
		ASSERT_OK(rr);
		ASSERT_EQ(rc, rx ? 0 : -ECANCELED);
		if (rc)
			ASSERT_OK(kdbus_client_recv(&a, 0, 0, &msg));
		else
			msg = (void *)(a.pool + s.msg.msg.offset_reply);
		ASSERT_EQ(msg->cookie_reply, cookie);
		ASSERT_OK(kdbus_client_free(&a, msg));
		expect_nothing(&a);
	}
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "pool_used"), 0);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "calls_out"), 0);
}

static void on_signal(int sig)
{
	(void)sig;
}

static pthread_t caller;

static int signal_caller(void)
{
	return pthread_kill(caller, SIGUSR1);
}

/* spec 27.5, 10.7: whatever the signal meets, the reply is taken up once */
TEST(reply_against_signal)
{
	struct sigaction sa = { .sa_handler = on_signal };
	const struct kdbus_msg *msg;
	struct sender s = {};
	int i, rc, rr, rx, again = 0;

	setup();
	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
	for (i = 0; i < ROUNDS / 3; i++, cookie++) {
		kdbus_build_msg(&s.msg, b.hello.id, cookie);
		make_sync(&s.msg, 60 * SEC);
		sender_start(&s, &a);
		caller = s.thread;
		ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
		race(answer_next, signal_caller, &rr, &rx);
		rc = sender_end(&s);
		ASSERT_OK(rr);
		ASSERT(one_of(rc, 0, -EINTR, 0));
		if (rc) {
			again++;
			ASSERT_OK(kdbus_client_send(&a, &s.msg));
		}
		msg = (void *)(a.pool + s.msg.msg.offset_reply);
		ASSERT_EQ(msg->cookie_reply, cookie);
		ASSERT_OK(kdbus_client_free(&a, msg));
		expect_nothing(&a);
		expect_nothing(&b);
	}
	printf("# %d interrupted\n", again);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "pool_used"), 0);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "calls_out"), 0);
}

static int close_b(void)
{
	kdbus_client_close(&b);
	return 0;
}

static int bye_a(void)
{
	return kdbus_client_byebye(&a);
}

/* spec 27.5 */
TEST(call_against_death_of_the_replier)
{
	int i, rc, rx;

	setup();
	call_timeout = 60 * SEC;
	for (i = 0; i < ROUNDS; i++, cookie++) {
		race(call_b, close_b, &rc, &rx);
		if (!one_of(rc, -EPIPE, -ENXIO, -ECONNRESET))
			ASSERT_EQ(rc, -EPIPE);
		expect_nothing(&a);
		client_new(&b, &bus);
	}
}

/* spec 27.5 */
TEST(call_against_ones_own_byebye)
{
	int i, rc, rx;

	setup();
	call_timeout = 60 * SEC;
	for (i = 0; i < ROUNDS; i++, cookie++) {
		race(call_b, bye_a, &rc, &rx);
		ASSERT_OK(rx);
		ASSERT_EQ(rc, -ECONNRESET);
		kdbus_client_close(&a);
		client_new(&a, &bus);
	}
}

/* spec 27.5: or the requester is gone, and the reply goes nowhere */
TEST(reply_against_death_of_the_requester)
{
	struct sender s = {};
	int i, rc, rr, rx;

	setup();
	for (i = 0; i < ROUNDS / 3; i++, cookie++) {
		begin_call(&s);
		race(answer_next, bye_a, &rr, &rx);
		rc = sender_end(&s);
		ASSERT_OK(rx);
		ASSERT(one_of(rc, 0, -ECONNRESET, 0));
		ASSERT(one_of(rr, 0, -ECONNRESET, -ENXIO));
		if (!rc)
			ASSERT_OK(rr);
		kdbus_client_close(&a);
		client_new(&a, &bus);
	}
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "calls_in"), 0);
}

static int close_bus(void)
{
	return close(bus.owner);
}

/* spec 27.5 */
TEST(call_against_the_end_of_the_bus)
{
	int i, rc, rx;

	call_timeout = 60 * SEC;
	for (i = 0; i < ROUNDS / 3; i++, cookie++) {
		setup();
		race(call_b, close_bus, &rc, &rx);
		if (!one_of(rc, -EPIPE, -ENXIO, -ECONNRESET))
			ASSERT_EQ(rc, -ECONNRESET);
		ASSERT_EQ(kdbus_client_byebye(&a), -EALREADY);
		kdbus_client_close(&a);
		kdbus_client_close(&b);
	}
}

static int hello_and_go(void)
{
	struct kdbus_client c;
	int ret = kdbus_client_open(&c, bus.path, 0, 0, 4096, NULL);

	if (!ret)
		kdbus_client_close(&c);
	return ret;
}

/* spec 7.1 */
TEST(hello_against_the_end_of_the_bus)
{
	int i, rc, rx;

	for (i = 0; i < ROUNDS / 3; i++) {
		bus_new(&bus);
		race(hello_and_go, close_bus, &rc, &rx);
		ASSERT(rc == 0 || rc == -ESHUTDOWN || rc == -ENOENT ||
		       rc == -ENXIO || rc == -EPERM);
	}
}

/* ---- names ------------------------------------------------------------ */

static volatile int stop;

static void *swap_names(void *arg)
{
	struct kdbus_client *c = arg;

	while (!stop) {
		int ret = kdbus_client_acquire(c, "o.n",
					       KDBUS_NAME_ALLOW_REPLACEMENT |
					       KDBUS_NAME_REPLACE_EXISTING |
					       KDBUS_NAME_QUEUE);

		ASSERT(one_of(ret, 0, 1, -EALREADY));
		if (rand() % 4 == 0) {
			ret = kdbus_client_release(c, "o.n");
			ASSERT(one_of(ret, 0, -ESRCH, -EADDRINUSE));
		}
	}
	return NULL;
}

/* spec 22.3 */
/* Every message that was accepted arrives at one of the two owners. */
TEST(messages_to_a_name_that_changes_hands)
{
	struct kdbus_client c;
	const struct kdbus_msg *msg;
	int i, sent = 0, got = 0, ret;
	pthread_t t[2];

	setup();
	client_new(&c, &bus);
	ASSERT_OK(pthread_create(&t[0], NULL, swap_names, &a));
	ASSERT_OK(pthread_create(&t[1], NULL, swap_names, &b));
	for (i = 0; i < 20 * ROUNDS; i++) {
		ret = send_to_name(&c, "o.n", "x");
		ASSERT(one_of(ret, 0, -ESRCH, 0));
		sent += !ret;
		while (!kdbus_client_recv(&a, 0, 0, &msg)) {
			ASSERT_OK(kdbus_client_free(&a, msg));
			got++;
		}
		while (!kdbus_client_recv(&b, 0, 0, &msg)) {
			ASSERT_OK(kdbus_client_free(&b, msg));
			got++;
		}
	}
	stop = 1;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	ASSERT_EQ(got, sent);
	ASSERT(sent > 0);
}

static void *die_waiting(void *arg)
{
	(void)arg;
	while (!stop) {
		struct kdbus_client c;

		client_new_pool(&c, &bus, 4096);
		ASSERT(kdbus_client_acquire(&c, "o.n", KDBUS_NAME_QUEUE) >= 0);
		kdbus_client_close(&c);
	}
	return NULL;
}

static bool broadcast_done;

static int broadcast_a(void)
{
	static char data[1 << 20];
	struct {
		struct kdbus_bloom_filter filter;
		__u64 bits[8];
	} bloom = {};
	struct kdbus_builder m;
	int ret;

	kdbus_build_msg(&m, KDBUS_DST_ID_BROADCAST, ++cookie);
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, &bloom, sizeof(bloom));
	kdbus_build_vec(&m, data, sizeof(data));
	ret = kdbus_client_send(&a, &m);
	__atomic_store_n(&broadcast_done, true, __ATOMIC_RELEASE);
	return ret;
}

/*
 * So often that some of it happens while the broadcast is copied, which then
 * is tried again; but not for ever, since so would that be.
 */
static int change_names_of_a(void)
{
	int i, spin, ret = 0;

	for (i = 0; i < 20 && !ret &&
		    !__atomic_load_n(&broadcast_done, __ATOMIC_ACQUIRE); i++) {
		ret = kdbus_client_acquire(&a, "com.example.a", 0);
		if (!ret)
			ret = kdbus_client_release(&a, "com.example.a");
		/* the broadcast needs the bus lock as well, between its steps */
		for (spin = 0; spin < 200; spin++)
			getppid();
	}
	return ret;
}

/* spec 9.9: the receiver sees the sender's names, so it is tried again */
TEST(broadcast_against_a_change_of_the_senders_names)
{
	struct kdbus_builder match;
	struct kdbus_client to;
	int i, rf, rg;

	setup();
	ASSERT_OK(kdbus_client_open(&to, bus.path, 0, KDBUS_ATTACH_NAMES, 0,
				    NULL));
	/* messages only: a notice about the name would change what is seen */
	kdbus_build_cmd(&match, sizeof(struct kdbus_cmd_match));
	kdbus_build_item(&match, KDBUS_ITEM_ID, &a.hello.id, 8);
	ASSERT_OK(xioctl(to.fd, KDBUS_CMD_MATCH_ADD, match.buf));
	for (i = 0; i < 100; i++) {
		broadcast_done = false;
		race(broadcast_a, change_names_of_a, &rf, &rg);
		ASSERT_OK(rf);
		ASSERT_OK(rg);
		expect_msg(&to, a.hello.id, cookie);
		expect_nothing(&to);
	}
}

/* spec 27.3 */
TEST(release_against_the_death_of_the_waiter)
{
	pthread_t t;
	int i, ret;

	setup();
	ASSERT_OK(pthread_create(&t, NULL, die_waiting, NULL));
	for (i = 0; i < ROUNDS; i++) {
		ret = kdbus_client_acquire(&a, "o.n", KDBUS_NAME_QUEUE);
		ASSERT(one_of(ret, 0, 1, -EALREADY));
		ret = kdbus_client_release(&a, "o.n");
		ASSERT(one_of(ret, 0, -ESRCH, -EADDRINUSE));
	}
	stop = 1;
	pthread_join(t, NULL);
	ret = kdbus_client_release(&a, "o.n");
	ASSERT_EQ(ret, -ESRCH);
}

/* ---- one connection, many threads ------------------------------------- */

static void *churn(void *arg)
{
	unsigned int seed = (unsigned long)arg;
	const struct kdbus_name_list *list;
	const struct kdbus_msg *msg;
	int i, ret;

	for (i = 0; i < 5 * ROUNDS; i++) {
		switch (rand_r(&seed) % 7) {
		case 0:
		case 1:
			ret = send_to(&a, a.hello.id, i, "data");
			ASSERT(one_of(ret, 0, -ENOBUFS, -EXFULL));
			break;
		case 2:
			/* another thread may free it first, see below */
			if (!kdbus_client_recv(&a, 0, 0, &msg))
				kdbus_client_free(&a, msg);
			break;
		case 3:
			if (!kdbus_client_recv(&a, KDBUS_RECV_PEEK, 0, &msg))
				kdbus_client_free(&a, msg);
			break;
		case 4:
			kdbus_client_recv(&a, KDBUS_RECV_DROP, 0, NULL);
			break;
		case 5:
			if (!kdbus_client_list(&a, 15, &list))
				kdbus_client_free(&a, list);
			break;
		case 6:
			kdbus_client_free(&a, a.pool + rand_r(&seed) % 64 * 8);
			break;
		}
	}
	return NULL;
}

/* spec 8.8 */
TEST(many_threads_on_one_connection)
{
	pthread_t t[4];
	long i;

	setup();
	/* FREE of any offset may take what another thread just got */
	for (i = 0; i < 4; i++)
		ASSERT_OK(pthread_create(&t[i], NULL, churn, (void *)i));
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void traffic(void *arg)
{
	unsigned int seed = (unsigned long)arg;
	struct kdbus_client c;

	/* inherited: the bus ends with the last owner */
	close(bus.owner);
	for (;;) {
		if (kdbus_client_open(&c, bus.path, 0, 0, 65536, NULL))
			return;
		while (rand_r(&seed) % 50) {
			const struct kdbus_msg *msg;

			send_to(&c, rand_r(&seed) % 40 + 1, 1, "x");
			request(&c, rand_r(&seed) % 40 + 1, 2, MSEC);
			if (!kdbus_client_recv(&c, 0, 0, &msg))
				kdbus_client_free(&c, msg);
			if (rand_r(&seed) % 8 == 0)
				kdbus_client_acquire(&c, "o.n",
						     KDBUS_NAME_QUEUE);
		}
		kdbus_client_close(&c);
	}
}

/* spec 1.8, 27.10 */
TEST(a_bus_ends_under_traffic)
{
	pid_t pids[4];
	int round, i;

	for (round = 0; round < 10; round++) {
		struct kdbus_client w;
		const struct kdbus_msg *msg;

		bus_new(&bus);
		client_new(&w, &bus);
		for (i = 0; i < 4; i++)
			pids[i] = spawn(traffic, (void *)(long)(round * 4 + i));
		/* there has been traffic once this arrives */
		for (i = 0; i < 20; i++) {
			ASSERT_OK(kdbus_client_next(&w, 30000, &msg));
			ASSERT_OK(kdbus_client_free(&w, msg));
		}
		close(bus.owner);
		for (i = 0; i < 4; i++)
			wait_for(pids[i]);
		kdbus_client_close(&w);
	}
}
