// SPDX-License-Identifier: GPL-2.0
/*
 * Things that happen at the same time. A case passes if everybody gets one of
 * the answers that some order of events would have given, nothing hangs, and
 * the kernel log stays clean.
 */
#include "racing.h"

#define ROUNDS 300
#define FEW (ROUNDS / 3)

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static __u64 cookie = 1;
/* short where the timeout is one of those that race, else out of the way */
static __u64 call_timeout;

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
	hold(cookie);
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
	call_timeout = SOON(5);
	for (i = 0; go_on(i, ROUNDS, answered, late); i++, cookie++) {
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
	hold(cookie / 7);
	return kdbus_client_cancel(&a, cookie);
}

/* spec 27.5, 10.8 */
TEST(cancel_against_timeout)
{
	int i, rc, rx, cancelled = 0;

	setup();
	call_timeout = SOON(5);
	for (i = 0; go_on(i, ROUNDS, cancelled, i - cancelled); i++, cookie++) {
		race(call_b, cancel_a, &rc, &rx);
		ASSERT(one_of(rx, 0, -ENOENT, 0));
		ASSERT_EQ(rc, rx ? -ETIMEDOUT : -ECANCELED);
		cancelled += !rx;
		expect_msg(&b, a.hello.id, cookie);
	}
	printf("# %d of %d cancelled\n", cancelled, i);
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
	int i, rc, rr, rx, cancelled = 0;

	setup();
	for (i = 0; go_on(i, FEW, cancelled, i - cancelled); i++, cookie++) {
		begin_call(&s);
		race(answer_next, cancel_a, &rr, &rx);
		rc = sender_end(&s);
		ASSERT_OK(rr);
		ASSERT_EQ(rc, rx ? 0 : -ECANCELED);
		cancelled += !rx;
		if (rc)
			ASSERT_OK(kdbus_client_recv(&a, 0, 0, &msg));
		else
			msg = (void *)(a.pool + s.msg.msg.offset_reply);
		ASSERT_EQ(msg->cookie_reply, cookie);
		ASSERT_OK(kdbus_client_free(&a, msg));
		expect_nothing(&a);
	}
	printf("# %d of %d cancelled\n", cancelled, i);
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
	hold(cookie / 7);
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
	for (i = 0; go_on(i, FEW, again, i - again); i++, cookie++) {
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
	printf("# %d of %d interrupted\n", again, i);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "pool_used"), 0);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "calls_out"), 0);
}

/* Sometimes it is there for the caller to sleep, sometimes not. */
static int close_b(void)
{
	if (cookie % 3)
		hold(cookie);
	kdbus_client_close(&b);
	return 0;
}

static int bye_a(void)
{
	hold(cookie / 7);
	return kdbus_client_byebye(&a);
}

/* spec 27.5 */
TEST(call_against_death_of_the_replier)
{
	int i, rc, rx, slept = 0;

	setup();
	call_timeout = 60 * SEC;
	for (i = 0; go_on(i, ROUNDS, slept, i - slept); i++, cookie++) {
		race(call_b, close_b, &rc, &rx);
		if (!one_of(rc, -EPIPE, -ENXIO, -ECONNRESET))
			ASSERT_EQ(rc, -EPIPE);
		slept += rc == -EPIPE;
		expect_nothing(&a);
		client_new(&b, &bus);
	}
	printf("# %d of %d callers slept\n", slept, i);
}

static int call_b_soon(void)
{
	hold(cookie);
	return call_b();
}

/*
 * spec 27.5: the caller is told the same, whether it was gone already or had
 * begun the call; b has the request in the latter case, and only then.
 */
TEST(call_against_ones_own_byebye)
{
	const struct kdbus_msg *msg;
	int i, rc, rx, began = 0;

	setup();
	call_timeout = 60 * SEC;
	for (i = 0; go_on(i, ROUNDS, began, i - began); i++, cookie++) {
		race(call_b_soon, bye_a, &rc, &rx);
		ASSERT_OK(rx);
		ASSERT_EQ(rc, -ECONNRESET);
		if (!kdbus_client_recv(&b, 0, 0, &msg)) {
			ASSERT_EQ(msg->src_id, a.hello.id);
			ASSERT_EQ(msg->cookie, cookie);
			ASSERT_OK(kdbus_client_free(&b, msg));
			began++;
		}
		expect_nothing(&b);
		kdbus_client_close(&a);
		client_new(&a, &bus);
	}
	printf("# %d of %d had begun\n", began, i);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "calls_in"), 0);
}

/* spec 27.5: or the requester is gone, and the reply goes nowhere */
TEST(reply_against_death_of_the_requester)
{
	struct sender s = {};
	int i, rc, rr, rx, answered = 0;

	setup();
	for (i = 0; go_on(i, FEW, answered, i - answered); i++, cookie++) {
		begin_call(&s);
		race(answer_next, bye_a, &rr, &rx);
		rc = sender_end(&s);
		ASSERT_OK(rx);
		ASSERT(one_of(rc, 0, -ECONNRESET, 0));
		ASSERT(one_of(rr, 0, -ECONNRESET, -ENXIO));
		if (!rc)
			ASSERT_OK(rr);
		answered += !rc;
		kdbus_client_close(&a);
		client_new(&a, &bus);
	}
	printf("# %d of %d answered\n", answered, i);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "calls_in"), 0);
}

/* A process that calls b, and is told of the answer if it lives so long. */
static void call_and_exit(void *arg)
{
	struct kdbus_client c;
	struct kdbus_builder m;
	const struct kdbus_msg *reply;

	(void)arg;
	client_new_pool(&c, &bus, 4096);
	kdbus_build_msg(&m, b.hello.id, cookie);
	ASSERT_OK(kdbus_client_call(&c, &m, 60 * SEC, &reply));
	ASSERT_EQ(reply->cookie_reply, cookie);
}

static pid_t victim;

static int kill_the_caller(void)
{
	hold(cookie / 7);
	return kill(victim, SIGKILL);
}

static int answer_the_victim(void)
{
	const struct kdbus_msg *msg;
	int ret;

	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	hold(cookie);
	/* to be killed takes a while as well, more or less of it */
	if (cookie % 2)
		hold(6);
	ret = kdbus_client_reply(&b, msg, "x", 1);
	ASSERT_OK(kdbus_client_free(&b, msg));
	return ret;
}

/* spec 27.5, 7.10: killed in the middle of its call, with whatever it holds */
TEST(reply_against_a_killed_requester)
{
	int i, rr, rx, status, killed = 0;

	setup();
	for (i = 0; go_on(i, FEW, killed, i - killed); i++, cookie++) {
		victim = spawn(call_and_exit, NULL);
		ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
		race(answer_the_victim, kill_the_caller, &rr, &rx);
		ASSERT_OK(rx);
		ASSERT(one_of(rr, 0, -ECONNRESET, -ENXIO));
		ASSERT_EQ(waitpid(victim, &status, 0), victim);
		ASSERT(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
					     !WEXITSTATUS(status));
		if (!WIFSIGNALED(status))
			ASSERT_OK(rr);
		killed += !!rr;
		wait_listed("buses", &bus, 0, "conns", 2);
	}
	printf("# %d of %d killed before the answer\n", killed, i);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "calls_in"), 0);
}

static int close_bus(void)
{
	hold(cookie / 7);
	return close(bus.owner) ? -errno : 0;
}

/*
 * spec 27.5: whether the caller sleeps or comes later, it is told that it has
 * gone itself, or that b has, whichever it meets first. Where it got to is in
 * b's pool, which has the request or not, and outlives the bus.
 */
TEST(call_against_the_end_of_the_bus)
{
	int i, rc, rx, began = 0;

	call_timeout = 60 * SEC;
	for (i = 0; go_on(i, FEW, began, i - began); i++, cookie++) {
		setup();
		race(call_b_soon, close_bus, &rc, &rx);
		ASSERT_OK(rx);
		if (!one_of(rc, -EPIPE, -ENXIO, -ECONNRESET))
			ASSERT_EQ(rc, -ECONNRESET);
		ASSERT_EQ(kdbus_client_byebye(&a), -EALREADY);
		if (((struct kdbus_msg *)b.pool)->cookie == cookie)
			began++;
		else
			ASSERT(rc != -EPIPE);
		kdbus_client_close(&a);
		kdbus_client_close(&b);
	}
	printf("# %d of %d had written the request\n", began, i);
}

/* an endpoint that was opened before, or -1 */
static int opened;

static int hello_and_go(void)
{
	struct kdbus_builder hello;
	struct kdbus_client c;
	int ret, fd = opened;

	hold(cookie);
	if (fd < 0)
		fd = open(bus.path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	hello_init(&hello, 0);
	ret = hello_on(&c, fd, &hello);
	if (ret)
		close(fd);
	else
		kdbus_client_close(&c);
	return ret;
}

/* spec 7.1: by a file that was opened before, or only then */
TEST(hello_against_the_end_of_the_bus)
{
	int i, rc, rx, came = 0, refused = 0, late = 0;

	for (i = 0; go_on(i, FEW, came, refused) ||
		    go_on(i, FEW, came, late); i++, cookie++) {
		bus_new(&bus);
		opened = i % 2 ? ep_open(&bus) : -1;
		race(hello_and_go, close_bus, &rc, &rx);
		ASSERT_OK(rx);
		ASSERT(rc == 0 || rc == -ESHUTDOWN || rc == -ENOENT ||
		       rc == -ENXIO || rc == -EPERM);
		came += !rc;
		refused += rc == -ESHUTDOWN;
		late += rc && rc != -ESHUTDOWN;
	}
	printf("# %d of %d came, %d were refused, %d found no endpoint\n",
	       came, i, refused, late);
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

/* Receives what there is; returns how many that were. */
static int receive_all(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;
	int n = 0;

	for (; !kdbus_client_recv(c, 0, 0, &msg); n++)
		ASSERT_OK(kdbus_client_free(c, msg));
	return n;
}

/* spec 22.3 */
/* Every message that was accepted arrives at one of the two owners. */
TEST(messages_to_a_name_that_changes_hands)
{
	struct kdbus_client c;
	int i, sent = 0, got[2] = { 0 }, ret;
	pthread_t t[2];

	setup();
	client_new(&c, &bus);
	ASSERT_OK(pthread_create(&t[0], NULL, swap_names, &a));
	ASSERT_OK(pthread_create(&t[1], NULL, swap_names, &b));
	for (i = 0; go_on(i, 20 * ROUNDS, got[0], got[1]); i++) {
		ret = send_to_name(&c, "o.n", "x");
		ASSERT(one_of(ret, 0, -ESRCH, 0));
		sent += !ret;
		got[0] += receive_all(&a);
		got[1] += receive_all(&b);
	}
	stop = 1;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	printf("# %d of %d sent, to one %d, to the other %d\n", sent, i,
	       got[0], got[1]);
	ASSERT_EQ(got[0] + got[1], sent);
}

#define INSTANCE "/sys/kernel/tracing/instances/kdbus-test-races"

static int written_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -errno : 0;
}

static void run_on_cpu_0(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_OK(sched_setaffinity(0, sizeof(cpus), &cpus));
}

static volatile int changing;
static int trace_pipe;

/*
 * Takes a name and gives it back whenever a slice is taken, before anything else
 * that runs on the processor.
 */
static void *change_names(void *arg)
{
	const struct sched_param first = { .sched_priority = 1 };
	char text[4096];

	run_on_cpu_0();
	ASSERT_OK(sched_setscheduler(0, SCHED_FIFO, &first));
	changing = 1;
	while (read(trace_pipe, text, sizeof(text)) > 0) {
		ASSERT_OK(kdbus_client_acquire(arg, "o.n", 0));
		ASSERT_OK(kdbus_client_release(arg, "o.n"));
	}
	return NULL;
}

/*
 * spec 9.7, 22.4: a receiver is told the names that its sender has when the
 * message is sent. Here they change between the two in each try: a slice is
 * taken after the names are asked for, and filled for long after that.
 */
TEST(a_send_that_never_fits_ends)
{
	static char data[1 << 20];
	struct kdbus_client c;
	struct kdbus_builder m;
	pthread_t t;
	int ret;

	bus_new(&bus);
	client_new(&a, &bus);
	ASSERT_OK(kdbus_client_open(&c, bus.path, 0, KDBUS_ATTACH_NAMES, 0,
				    "c"));
	rmdir(INSTANCE);
	ASSERT_OK(mkdir(INSTANCE, 0700));
	ASSERT_OK(written_to(INSTANCE "/events/kdbus/kdbus_pool_alloc/enable",
			     "1"));
	trace_pipe = open(INSTANCE "/trace_pipe", O_RDONLY);
	ASSERT(trace_pipe >= 0);
	run_on_cpu_0();
	ASSERT_OK(pthread_create(&t, NULL, change_names, &a));
	while (!changing)
		sched_yield();
	kdbus_build_msg(&m, c.hello.id, 1);
	kdbus_build_vec(&m, data, sizeof(data));
	ret = kdbus_client_send(&a, &m);
	pthread_cancel(t);
	pthread_join(t, NULL);
	close(trace_pipe);
	ASSERT_OK(rmdir(INSTANCE));
	ASSERT_EQ(ret, -EAGAIN);
	expect_nothing(&c);
}

/* 1 while the broadcast is sent, 2 when it has been */
static int broadcasting;

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
	__atomic_store_n(&broadcasting, 1, __ATOMIC_RELEASE);
	ret = kdbus_client_send(&a, &m);
	__atomic_store_n(&broadcasting, 2, __ATOMIC_RELEASE);
	return ret;
}

static int broadcast_is_at(void)
{
	return __atomic_load_n(&broadcasting, __ATOMIC_ACQUIRE);
}

/* how often the name came or went while the broadcast was being sent */
static int changed_amid;

static int change_name_of_a(bool acquire)
{
	bool amid = broadcast_is_at() == 1;
	int ret;

	ret = acquire ? kdbus_client_acquire(&a, "com.example.a", 0) :
			kdbus_client_release(&a, "com.example.a");
	changed_amid += amid && broadcast_is_at() == 1;
	return ret;
}

/*
 * Leaves it as it is for a moment: the broadcast needs the bus lock as well,
 * between its steps. Some moments are long enough for all of it.
 */
static void pause_changes(unsigned int n)
{
	int spin;

	for (spin = 0; spin < 200; spin++)
		getppid();
	if (n % 4)
		usleep(SOON(n % 4) / 1000);
}

/*
 * So often that some of it happens while the broadcast is copied, which then
 * is tried again; but not for ever, since so would that be.
 */
static int change_names_of_a(void)
{
	int i, ret = 0;

	for (i = 0; i < 20 && !ret && broadcast_is_at() < 2; i++) {
		ret = change_name_of_a(true);
		pause_changes(i + cookie);
		if (!ret)
			ret = change_name_of_a(false);
		pause_changes(i + cookie / 4);
	}
	return ret;
}

/* Whether the broadcast, which has arrived once, says that a has the name. */
static bool was_sent_with_name(struct kdbus_client *to)
{
	const struct kdbus_item *name;
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(to, 0, 0, &msg));
	ASSERT_EQ(msg->src_id, a.hello.id);
	ASSERT_EQ(msg->cookie, cookie);
	name = kdbus_msg_item(msg, KDBUS_ITEM_NAME);
	if (name)
		ASSERT(!strcmp(name->name.name, "com.example.a"));
	ASSERT_OK(kdbus_client_free(to, msg));
	expect_nothing(to);
	return name;
}

/*
 * spec 9.9: the receiver sees the sender's names, so it is tried again. That
 * it was cannot be told from outside: only what it was sent with in the end,
 * and that the name changed while SEND was at it.
 */
TEST(broadcast_against_a_change_of_the_senders_names)
{
	struct kdbus_builder match;
	struct kdbus_client to;
	int i, rf, rg, named = 0;

	setup();
	ASSERT_OK(kdbus_client_open(&to, bus.path, 0, KDBUS_ATTACH_NAMES, 0,
				    NULL));
	/* messages only: a notice about the name would change what is seen */
	kdbus_build_cmd(&match, sizeof(struct kdbus_cmd_match));
	kdbus_build_item(&match, KDBUS_ITEM_ID, &a.hello.id, 8);
	ASSERT_OK(xioctl(to.fd, KDBUS_CMD_MATCH_ADD, match.buf));
	for (i = 0; go_on(i, FEW, named, i - named) ||
		    go_on(i, FEW, changed_amid, 1); i++) {
		broadcasting = 0;
		race(broadcast_a, change_names_of_a, &rf, &rg);
		ASSERT_OK(rf);
		ASSERT_OK(rg);
		named += was_sent_with_name(&to);
	}
	printf("# %d of %d with the name, which changed %d times meanwhile\n",
	       named, i, changed_amid);
}

/* how often somebody else had to wait for the name */
static int waited;

static void *die_waiting(void *arg)
{
	unsigned int n;

	(void)arg;
	for (n = 0; !stop; n++) {
		struct kdbus_client c;
		int ret;

		client_new_pool(&c, &bus, 4096);
		ret = kdbus_client_acquire(&c, "o.n", KDBUS_NAME_QUEUE);
		ASSERT(one_of(ret, 0, 1, 1));
		if (ret) {
			__atomic_add_fetch(&waited, 1, __ATOMIC_RELAXED);
			usleep(n % 4 * 300);
		}
		kdbus_client_close(&c);
	}
	return NULL;
}

/* How many of the notices @c has are of a name that went on from a. */
static int passed_on_by_a(struct kdbus_client *c)
{
	const struct kdbus_notify_name_change *change;
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	int n = 0;

	while (!kdbus_client_recv(c, 0, 0, &msg)) {
		item = kdbus_msg_item(msg, KDBUS_ITEM_NAME_CHANGE);
		ASSERT(item);
		change = &item->name_change;
		n += change->old.id == a.hello.id;
		ASSERT_OK(kdbus_client_free(c, msg));
	}
	return n;
}

/* spec 27.3: who waits gets the name, or has died before; the notices say so */
TEST(release_against_the_death_of_the_waiter)
{
	struct kdbus_client watch;
	pthread_t t;
	int i, ret, got = 0, died = 0;

	setup();
	client_new(&watch, &bus);
	match_notices(&watch, KDBUS_ITEM_NAME_CHANGE);
	ASSERT_OK(pthread_create(&t, NULL, die_waiting, NULL));
	for (i = 0; go_on(i, ROUNDS, got, died); i++) {
		ret = kdbus_client_acquire(&a, "o.n", KDBUS_NAME_QUEUE);
		ASSERT(one_of(ret, 0, 1, -EALREADY));
		usleep(i % 5 * 300);
		ret = kdbus_client_release(&a, "o.n");
		ASSERT(one_of(ret, 0, -ESRCH, -EADDRINUSE));
		got += passed_on_by_a(&watch);
		/* but for one who may be waiting now */
		died = __atomic_load_n(&waited, __ATOMIC_RELAXED) - got - 1;
	}
	stop = 1;
	pthread_join(t, NULL);
	printf("# %d waited, %d of them got the name from who released it\n",
	       waited, got);
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
	/* each has given back what it took, or another one has */
	while (!kdbus_client_recv(&a, KDBUS_RECV_DROP, 0, NULL))
		;
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "queued"), 0);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "pool_used"), 0);
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
	long long buses = listed_user(0, "buses");
	long long conns = listed_user(0, "conns");
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
		ASSERT_EQ(listed_user(0, "buses"), buses);
		ASSERT_EQ(listed_user(0, "conns"), conns);
	}
}
