// SPDX-License-Identifier: GPL-2.0
/*
 * Synchronous calls that signals, stops and freezers interrupt are neither
 * sent twice nor lost, and leave nothing.
 */
#include "harness.h"

#define NAME "com.example.service"

static struct bus bus;
static struct kdbus_client a, b;

static void on_signal(int sig)
{
	(void)sig;
}

static void handle_signal(void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
}

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	handle_signal(on_signal, 0);
}

static void build_call(struct kdbus_builder *m, __u64 dst, __u64 cookie,
		       __u64 timeout_ns)
{
	kdbus_build_msg(m, dst, cookie);
	if (!dst)
		kdbus_build_string(m, KDBUS_ITEM_DST_NAME, NAME);
	make_sync(m, timeout_ns);
}

/* Calls until the request is there. */
static void call_start(struct sender *s, __u64 dst, __u64 cookie,
		       __u64 timeout_ns)
{
	build_call(&s->msg, dst, cookie, timeout_ns);
	sender_start(s, &a);
	ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
	expect_msg(&b, a.hello.id, cookie);
}

/* A call that a signal has ended, and nobody has taken up again. */
static void call_interrupted(__u64 dst, __u64 cookie, __u64 timeout_ns)
{
	struct sender s = {};

	call_start(&s, dst, cookie, timeout_ns);
	ASSERT_OK(pthread_kill(s.thread, SIGUSR1));
	ASSERT_EQ(sender_end(&s), -EINTR);
}

/* The same call again, as a client does it that was told EINTR. */
static int call_again(__u64 dst, __u64 cookie, __u64 timeout_ns)
{
	struct kdbus_builder m;

	build_call(&m, dst, cookie, timeout_ns);
	return kdbus_client_send(&a, &m);
}

static int answer(__u64 cookie)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, a.hello.id, 1000 + cookie);
	m.msg.cookie_reply = cookie;
	kdbus_build_vec(&m, "reply", 6);
	return kdbus_client_send(&b, &m);
}

/* ---- taking up again ---------------------------------------------------- */

static volatile int cancelled = 1;

static void on_signal_cancel(int sig)
{
	(void)sig;
	cancelled = kdbus_client_cancel(&a, 7);
}

/* spec 10.7, 10.8: the handler runs while the call waits to be restarted */
TEST(a_signal_handler_can_cancel_the_call)
{
	struct sender s = {};

	setup();
	handle_signal(on_signal_cancel, SA_RESTART);
	call_start(&s, b.hello.id, 7, 100 * SEC);
	ASSERT_OK(pthread_kill(s.thread, SIGUSR1));
	ASSERT_EQ(sender_end(&s), -ECANCELED);
	ASSERT_OK(cancelled);
	/* once only, and the cookie is free again */
	expect_nothing(&b);
	ASSERT_EQ(kdbus_client_cancel(&a, 7), -ENOENT);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "calls_out"), 0);
}

/* spec 10.7: what a call is known by */
TEST(another_destination_is_another_call)
{
	struct kdbus_client c;
	struct kdbus_builder m;

	setup();
	client_new(&c, &bus);
	call_interrupted(b.hello.id, 7, 100 * SEC);
	build_call(&m, c.hello.id, 7, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ETIMEDOUT);
	expect_msg(&c, a.hello.id, 7);
	/* by name it is none of it either */
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_EQ(call_again(0, 7, 1), -ETIMEDOUT);
	expect_msg(&b, a.hello.id, 7);
	/* the first one still waits */
	ASSERT_OK(answer(7));
	ASSERT_OK(call_again(b.hello.id, 7, 100 * SEC));
	expect_nothing(&b);
}

/* spec 10.7 */
TEST(a_call_by_name_is_found_by_name)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	call_interrupted(0, 7, 100 * SEC);
	/* whoever owns the name by now: the request is b's */
	ASSERT_OK(kdbus_client_release(&b, NAME));
	ASSERT_OK(answer(7));
	ASSERT_OK(call_again(0, 7, 100 * SEC));
	expect_nothing(&b);
	/* and now there is none any more */
	ASSERT_EQ(call_again(0, 7, 100 * SEC), -ESRCH);
}

/* spec 10.5, 10.7 */
TEST(the_death_of_the_replier_is_told_to_who_comes_back)
{
	setup();
	call_interrupted(b.hello.id, 7, 100 * SEC);
	kdbus_client_close(&b);
	ASSERT_EQ(call_again(b.hello.id, 7, 100 * SEC), -EPIPE);
	/* once */
	ASSERT_EQ(call_again(b.hello.id, 7, 100 * SEC), -ENXIO);
	expect_nothing(&a);
}

/* spec 10.5, 10.7: and if he does not wait, by a notice */
TEST(the_death_of_the_replier_is_told_to_who_goes_on)
{
	setup();
	call_interrupted(b.hello.id, 7, 100 * SEC);
	kdbus_client_close(&b);
	expect_nothing(&a);
	ASSERT_OK(request(&a, b.hello.id, 7, 100 * SEC));
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 7);
	/* once */
	ASSERT_EQ(request(&a, b.hello.id, 7, 100 * SEC), -ENXIO);
	expect_nothing(&a);
}

/* spec 10.7, 27.9 */
TEST(a_reply_that_nobody_came_for_is_dropped)
{
	setup();
	call_interrupted(b.hello.id, 7, SOON(2000));
	ASSERT_OK(answer(7));
	wait_listed("connections", &bus, a.hello.id, "pool_used", 0);
	wait_listed("connections", &bus, a.hello.id, "calls_out", 0);
	/* it came in time, but not for who hears of it too late */
	ASSERT_EQ(call_again(b.hello.id, 7, 100 * SEC), -ETIMEDOUT);
	expect_nothing(&a);
	expect_nothing(&b);
}

/* spec 10.7, 10.9, 7.10 */
TEST(interrupted_calls_go_with_their_connection)
{
	setup();
	call_interrupted(b.hello.id, 7, 100 * SEC);
	call_interrupted(b.hello.id, 8, 100 * SEC);
	ASSERT_OK(answer(8));
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "calls_in"), 1);
	kdbus_client_close(&a);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "calls_in"), 0);
}

/* ---- stopped for longer than the timeout -------------------------------- */

static void call_b(void *arg)
{
	struct kdbus_client c;
	struct kdbus_builder m;

	client_new(&c, &bus);
	build_call(&m, b.hello.id, 7, *(__u64 *)arg);
	ASSERT_EQ(kdbus_client_send(&c, &m), -ETIMEDOUT);
	/* nothing is left of it: as many calls as ever may be made */
	ASSERT_EQ(listed("connections", &bus, c.hello.id, "calls_out"), 0);
	ASSERT_EQ(listed("connections", &bus, c.hello.id, "pool_used"), 0);
}

static void stop(pid_t pid)
{
	int status;

	ASSERT_OK(kill(pid, SIGSTOP));
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	ASSERT(WIFSTOPPED(status));
}

static void cont(pid_t pid)
{
	ASSERT_OK(kill(pid, SIGCONT));
}

#define FREEZER "/sys/fs/cgroup/kdbus-freezer"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Waits until the group says that it is frozen, or not. */
static void wait_frozen(int frozen)
{
	int i, fd = open(FREEZER "/cgroup.events", O_RDONLY);
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	char buf[64], want[16];

	ASSERT(fd >= 0);
	snprintf(want, sizeof(want), "frozen %d", frozen);
	for (i = 0; i < 100; i++) {
		ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

		ASSERT(n > 0);
		buf[n] = '\0';
		if (strstr(buf, want))
			break;
		ASSERT(poll(&p, 1, 1000) >= 0);
	}
	ASSERT(i < 100);
	close(fd);
}

static void freeze(pid_t pid)
{
	char text[16];

	ASSERT(!mkdir(FREEZER, 0755) || errno == EEXIST);
	snprintf(text, sizeof(text), "%d", pid);
	write_file(FREEZER "/cgroup.procs", text);
	write_file(FREEZER "/cgroup.freeze", "1");
	wait_frozen(1);
}

static void thaw(pid_t pid)
{
	(void)pid;
	write_file(FREEZER "/cgroup.freeze", "0");
}

static void call_through(void (*halt)(pid_t), void (*go_on)(pid_t))
{
	const struct kdbus_msg *msg;
	__u64 timeout = 1000 * MSEC;
	pid_t pid;

	setup();
	pid = spawn(call_b, &timeout);
	ASSERT_OK(kdbus_client_next(&b, 20000, &msg));
	halt(pid);
	/* the requester cannot have heard of it yet */
	wait_listed("connections", &bus, b.hello.id, "calls_in", 0);
	go_on(pid);
	wait_for(pid);
	/* it was not sent once more when the task went on */
	expect_nothing(&b);
}

/* spec 10.6, 10.7 */
TEST(a_stopped_caller_times_out_when_it_goes_on)
{
	call_through(stop, cont);
}

/* spec 10.6, 10.7 */
TEST(a_frozen_caller_times_out_when_it_goes_on)
{
	call_through(freeze, thaw);
	rmdir(FREEZER);
}

/* spec 10.6: a call survives what does not last */
TEST(a_short_stop_does_not_end_a_call)
{
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	struct kdbus_client c;
	pid_t pid;
	int status;

	setup();
	client_new(&c, &bus);
	pid = fork();
	if (!pid) {
		build_call(&m, b.hello.id, 7, 100 * SEC);
		_exit(kdbus_client_send(&c, &m) != 0);
	}
	ASSERT_OK(kdbus_client_next(&b, 20000, &msg));
	freeze(pid);
	thaw(pid);
	stop(pid);
	cont(pid);
	ASSERT_OK(kdbus_client_reply(&b, msg, "y", 1));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status, 0);
	expect_nothing(&b);
	rmdir(FREEZER);
}

/* ---- those who never come back ------------------------------------------ */

#define LOST 20
#define KEPT 8

/* Interrupts many calls at once; false if some were not in time. */
static int interrupt_many(__u64 timeout_ns)
{
	static struct sender s[LOST];
	int i, all = 1;

	for (i = 0; i < LOST; i++)
		call_start(&s[i], b.hello.id, 1 + i, timeout_ns);
	for (i = 0; i < LOST; i++)
		ASSERT_OK(pthread_kill(s[i].thread, SIGUSR1));
	for (i = 0; i < LOST; i++)
		all &= sender_end(&s[i]) == -EINTR;
	return all;
}

/* spec 10.7, 10.9: the last eight are known, the others are forgotten */
TEST(few_of_those_who_never_come_back_are_remembered)
{
	__u64 timeout = 1000 * MSEC;
	int i, n = 0;

	setup();
	while (!interrupt_many(timeout)) {
		/* a slow machine */
		timeout *= 2;
		kdbus_client_close(&a);
		client_new(&a, &bus);
	}
	wait_listed("connections", &bus, a.hello.id, "calls_out", 0);
	/* a new one each, but for the youngest, which are told of their end */
	for (i = 0; i < LOST; i++) {
		ASSERT_EQ(call_again(b.hello.id, 1 + i, 1), -ETIMEDOUT);
		if (!kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL)) {
			ASSERT(i < LOST - KEPT);
			n++;
		}
	}
	ASSERT_EQ(n, LOST - KEPT);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "calls_out"), 0);
	for (i = 0; i < 128; i++)
		ASSERT_OK(request(&a, b.hello.id, i, 100 * SEC));
}
