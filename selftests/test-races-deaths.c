// SPDX-License-Identifier: GPL-2.0
/*
 * Synchronous replies and the death of whoever sends them. The caller gets the
 * reply once, or is told that there will be none; never both, nor neither. The
 * caller lives through all rounds, so that what one of them left would be
 * found in the end.
 */
#include "racing.h"

#define ROUNDS 100

static struct bus bus;
static struct kdbus_client a, b;
static __u64 cookie;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
}

static void expect_nothing_left(void)
{
	expect_nothing(&a);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "pool_used"), 0);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "calls_out"), 0);
	ASSERT_EQ(listed("calls", &bus, 0, "sync"), -1);
	/* a process that was killed may still be at it */
	wait_listed("buses", &bus, 0, "conns", 1);
}

/* A call that was answered has its answer, and nothing else came of either. */
static void expect_outcome(int ret, const struct kdbus_msg *reply)
{
	if (ret) {
		ASSERT_EQ(ret, -EPIPE);
	} else {
		ASSERT_EQ(reply->cookie_reply, cookie);
		ASSERT_OK(kdbus_client_free(&a, reply));
		/* it is not there twice, and nobody else's */
		ASSERT_EQ(kdbus_client_free(&a, reply), -ENXIO);
	}
	expect_nothing(&a);
}

/* ---- a thread ends it ------------------------------------------------- */

static const struct kdbus_msg *asked;

static int answer(void)
{
	hold(cookie);
	return kdbus_client_reply(&b, asked, "x", 1);
}

static int bye_b(void)
{
	hold(cookie / 7);
	return kdbus_client_byebye(&b);
}

static int close_b(void)
{
	hold(cookie / 7);
	return close(b.fd) ? -errno : 0;
}

/* a calls b, which receives the call, answers and ends; true: answered */
static bool answer_against(int (*end)(void), int gone)
{
	struct sender s = {};
	int rc, rr, re;

	client_new_pool(&b, &bus, 4096);
	kdbus_build_msg(&s.msg, b.hello.id, ++cookie);
	make_sync(&s.msg, 60 * SEC);
	sender_start(&s, &a);
	ASSERT_OK(kdbus_client_next(&b, 20000, &asked));
	race(answer, end, &rr, &re);
	rc = sender_end(&s);
	ASSERT_OK(re);
	ASSERT_EQ(rr, rc ? gone : 0);
	expect_outcome(rc, (void *)(a.pool + s.msg.msg.offset_reply));
	return !rc;
}

/* spec 27.5, 10.5, 7.10: the replier is told as well whether it was one */
TEST(reply_against_byebye_of_the_replier)
{
	int i, answered = 0;

	setup();
	for (i = 0; go_on(i, ROUNDS, answered, i - answered); i++) {
		answered += answer_against(bye_b, -ECONNRESET);
		kdbus_client_close(&b);
	}
	printf("# %d of %d answered\n", answered, i);
	expect_nothing_left();
}

/*
 * spec 27.5, 10.5, 7.10: a reply that has begun keeps the file, which ends with
 * it then; so it is sent, whenever the file was closed, or finds none.
 */
TEST(reply_against_close_of_the_replier)
{
	int i, answered = 0;

	setup();
	for (i = 0; go_on(i, ROUNDS, answered, i - answered); i++) {
		answered += answer_against(close_b, -EBADF);
		b.fd = -1;
		kdbus_client_close(&b);
	}
	printf("# %d of %d answered\n", answered, i);
	expect_nothing_left();
}

/* ---- it is killed ----------------------------------------------------- */

/* What the replier tells of itself. */
static struct {
	__u64 id;
	bool received;
	/* 1 as long as it does not know */
	int ret;
} *life;

static pid_t victim;

static void reply_and_stay(void *arg)
{
	struct kdbus_client c;
	const struct kdbus_msg *msg;
	int ret;

	(void)arg;
	client_new_pool(&c, &bus, 4096);
	__atomic_store_n(&life->id, c.hello.id, __ATOMIC_RELEASE);
	ASSERT_OK(kdbus_client_next(&c, 20000, &msg));
	__atomic_store_n(&life->received, true, __ATOMIC_RELEASE);
	hold(cookie);
	ret = kdbus_client_reply(&c, msg, "x", 1);
	__atomic_store_n(&life->ret, ret, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

static const struct kdbus_msg *reply;

static int call_the_victim(void)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, life->id, cookie);
	return kdbus_client_call(&a, &m, 60 * SEC, &reply);
}

static int kill_the_replier(void)
{
	while (!__atomic_load_n(&life->received, __ATOMIC_ACQUIRE))
		usleep(100);
	hold(cookie / 7);
	return kill(victim, SIGKILL) ? -errno : 0;
}

static void start_the_victim(void)
{
	life->id = 0;
	life->received = false;
	life->ret = 1;
	victim = spawn(reply_and_stay, NULL);
	while (!__atomic_load_n(&life->id, __ATOMIC_ACQUIRE))
		usleep(100);
}

static void expect_killed(void)
{
	int status;

	ASSERT_EQ(waitpid(victim, &status, 0), victim);
	ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* spec 27.5, 10.5, 7.10: wherever in its reply, or before or after it */
TEST(reply_against_a_killed_replier)
{
	int i, rc, rk, answered = 0, amid = 0;

	setup();
	life = mmap(NULL, sizeof(*life), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(life != MAP_FAILED);
	for (i = 0; go_on(i, ROUNDS, answered, i - answered); i++) {
		cookie++;
		start_the_victim();
		race(call_the_victim, kill_the_replier, &rc, &rk);
		ASSERT_OK(rk);
		expect_killed();
		expect_outcome(rc, reply);
		/* what it came to know is what the caller knows */
		if (life->ret <= 0)
			ASSERT_EQ(rc, life->ret);
		amid += !rc && life->ret > 0;
		answered += !rc;
	}
	printf("# %d of %d answered, %d of them to the death\n", answered, i,
	       amid);
	expect_nothing_left();
}
