// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoints and domains that end while they are in use, as a bus does in
 * test-races. Whatever goes on at that moment gets one of the answers that
 * some order of events would have given, nothing below what has ended is
 * left, and what stands beside it goes on.
 */
#include "fixtures.h"
#include "tracelog.h"

#define PEERS 4
#define NAME "com.example.service"

static struct bus bus = { .owner = -1 };
static struct kdbus_client w;
/* what ends it; inherited, so that whoever is started gives it up first */
static int owner = -1;
static unsigned int *gave_up;

static void give_up_owners(void)
{
	close(owner);
	close(bus.owner);
	__atomic_add_fetch(gave_up, 1, __ATOMIC_RELEASE);
}

static void wait_until_given_up(unsigned int n)
{
	while (__atomic_load_n(gave_up, __ATOMIC_ACQUIRE) < n)
		usleep(1000);
	*gave_up = 0;
}

static void setup(void)
{
	gave_up = mmap(NULL, sizeof(*gave_up), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(gave_up != MAP_FAILED);
}

#define OBJECTS "domain_new", "domain_dead", "bus_new", "bus_dead",	\
		"endpoint_new", "endpoint_dead", "conn_new", "conn_dead"
static const char * const objects[] = { OBJECTS, NULL };
static const char * const ends[] = { OBJECTS, "call_end", "msg_drop", NULL };

/* ---- traffic ---------------------------------------------------------- */

static const char *peer_path;

/* The answers to a message, as long as the sender is there. */
static int expect_sent(int ret)
{
	switch (ret) {
	case 0:
	case -ENXIO:		/* an id that is not there */
	case -ESRCH:		/* a name that is not there, or not visible */
	case -EPERM:
	case -ENOBUFS:
	case -EXFULL:
	case -EMLINK:
	case -ECONNRESET:	/* the sender, or the receiver by then */
		return ret;
	}
	test_fail(__FILE__, __LINE__, "sending: %s", strerror(-ret));
}

static int one_step(struct kdbus_client *c, unsigned int *seed)
{
	const struct kdbus_name_list *list;
	const struct kdbus_msg *msg;
	int ret;

	switch (rand_r(seed) % 7) {
	case 0:
		return expect_sent(send_to(c, rand_r(seed) % 40 + 1, 1, "x"));
	case 1:
		return expect_sent(send_to_name(c, NAME, "x"));
	case 2:
		return expect_sent(request(c, w.hello.id, 2, MSEC));
	case 3:
		return expect_sent(broadcast(c, 3));
	case 4:
		ret = kdbus_client_acquire(c, "com.example.any",
					   KDBUS_NAME_QUEUE);
		ASSERT(ret == 0 || ret == 1 || ret == -EALREADY ||
		       ret == -EPERM || ret == -ECONNRESET);
		return ret;
	case 5:
		ret = kdbus_client_list(c, 15, &list);
		ASSERT(ret == 0 || ret == -ECONNRESET);
		return ret ? ret : kdbus_client_free(c, list);
	default:
		ret = kdbus_client_recv(c, 0, 0, &msg);
		ASSERT(ret == 0 || ret == -EAGAIN || ret == -ENOBUFS ||
		       ret == -ECONNRESET);
		return ret ? ret : kdbus_client_free(c, msg);
	}
}

/* Connects and makes traffic, again and again, until it cannot connect. */
static void traffic(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	struct kdbus_client c;
	int ret;

	give_up_owners();
	while (!(ret = kdbus_client_open(&c, peer_path, 0, 0, 65536, NULL))) {
		match_rule(&c, 1, 0, NULL, 0);
		while (rand_r(&seed) % 50)
			one_step(&c, &seed);
		kdbus_client_close(&c);
	}
	ASSERT(ret == -ENOENT || ret == -ENXIO || ret == -ESHUTDOWN);
}

static void start_traffic(pid_t *pids, int round)
{
	uintptr_t i;

	for (i = 0; i < PEERS; i++)
		pids[i] = spawn(traffic, (void *)(round * PEERS + i));
}

static void wait_for_all(const pid_t *pids, int n)
{
	while (n--)
		wait_for(pids[n]);
}

/* ---- endpoints -------------------------------------------------------- */

static void build_policy(struct kdbus_builder *b)
{
	grant(b, NAME, WORLD, 0, TALK);
	grant(b, "com.example.any", WORLD, 0, OWN);
}

/* Takes away all that the endpoint grants, and gives it back. */
static void change_policy(void)
{
	struct kdbus_builder b;

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	ASSERT_OK(xioctl(owner, KDBUS_CMD_EP_UPDATE, b.buf));
	build_policy(&b);
	ASSERT_OK(xioctl(owner, KDBUS_CMD_EP_UPDATE, b.buf));
}

/* Takes @n messages, answers the requests among them, and now and then... */
static void serve(int n, void (*does)(void))
{
	const struct kdbus_msg *msg;

	while (n--) {
		ASSERT_OK(kdbus_client_next(&w, 30000, &msg));
		if (msg->flags & KDBUS_MSG_FLAGS_EXPECT_REPLY)
			expect_sent(kdbus_client_reply(&w, msg, "yes", 4));
		ASSERT_OK(kdbus_client_free(&w, msg));
		if (does && n % 10 == 0)
			does();
	}
}

static void drain(void)
{
	const struct kdbus_msg *msg;
	int ret;

	while ((ret = kdbus_client_recv(&w, 0, 0, &msg)) != -EAGAIN) {
		ASSERT_OK(ret);
		ASSERT_OK(kdbus_client_free(&w, msg));
	}
}

/* spec 1.8, 27.10, 7.10, 10.9, 11.3: nothing of its connections is left */
TEST(an_endpoint_ends_under_traffic)
{
	long long before = listed_user(0, "endpoints");
	char path[200];
	pid_t pids[PEERS];
	int round;

	setup();
	bus_new(&bus);
	client_new(&w, &bus);
	hear_all(&w, 1);
	ASSERT_OK(kdbus_client_acquire(&w, NAME, 0));
	peer_path = kdbus_endpoint_path(path, sizeof(path), bus.name, "box");
	for (round = 0; round < 6; round++) {
		struct kdbus_builder b;

		make_begin(&b, "box", KDBUS_MAKE_ACCESS_WORLD);
		build_policy(&b);
		owner = ep_make_on(&bus, &b);
		ASSERT(owner >= 0);
		start_traffic(pids, round);
		serve(30, change_policy);
		wait_until_given_up(PEERS);
		close(owner);
		ASSERT_EQ(access(path, F_OK), -1);
		wait_for_all(pids, PEERS);
		drain();
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), 1);
		ASSERT_EQ(listed("calls", &bus, 0, "sync"), -1);
		ASSERT_EQ(listed("connections", &bus, 0, "pool_used"), 0);
		ASSERT(listed("accounts", &bus, 0, "bytes") <= 0);
		ASSERT_EQ(listed_user(0, "endpoints"), before);
	}
	/* the bus and its other endpoint go on */
	ASSERT_OK(send_to_name(&w, NAME, "x"));
	expect_msg(&w, w.hello.id, 1);
}

/* ---- connections that are ending already ------------------------------ */

#define REQUESTS 2000

static void *close_the_client(void *arg)
{
	kdbus_client_close(&w);
	return arg;
}

/* Waits until @id is no peer any more; what was queued may still be there. */
static void wait_until_gone(struct kdbus_client *c, __u64 id)
{
	int ret;

	do {
		ret = send_to(c, id, 1, "x");
	} while (ret == 0 || ret == -ENOBUFS);
	ASSERT(ret == -ENXIO || ret == -ECONNRESET);
}

/*
 * spec 1.8: who ends an endpoint finds that one of its connections is being
 * closed by somebody else, with many who wait for it: these have been told by
 * the time the endpoint has ended.
 */
TEST(an_end_waits_for_connections_that_are_ending)
{
	struct kdbus_client c;
	struct event *end;
	pthread_t t;
	__u64 i;

	param_set("max_requests_per_conn", REQUESTS);
	param_set("max_msgs_per_sender", REQUESTS);
	trace_start_with(ends);
	bus_new(&bus);
	owner = ep_new(&bus, "box", NULL, 0);
	client_new(&c, &bus);
	client_at(&w, &bus, "box");
	for (i = 0; i < REQUESTS; i++)
		ASSERT_OK(request(&c, w.hello.id, i, 100 * SEC));
	i = w.hello.id;
	ASSERT_OK(pthread_create(&t, NULL, close_the_client, NULL));
	wait_until_gone(&c, i);
	close(owner);
	ASSERT_OK(pthread_join(t, NULL));
	trace_stop();

	trace_account_for_objects();
	ASSERT_EQ(count("call_end"), REQUESTS);
	end = find("endpoint_dead", 0);
	ASSERT_NUM(end, "endpoint", num(find("endpoint_new", 1), "endpoint"));
	ASSERT(find("call_end", REQUESTS - 1) < end);
	ASSERT(find("msg_drop", REQUESTS - 1) < end);
}

/* ---- domains ---------------------------------------------------------- */

#define ROOT "/domain/test-ends"
#define CHILD ROOT "/domain/child"
#define MAKERS 2

/* Makes domains and buses below one that ends, as others do. */
static void make_below(void *arg)
{
	int fd, ret, n = 0;

	give_up_owners();
	for (;;) {
		fd = control_open(arg);
		if (fd < 0)
			break;
		ret = n++ % 2 ? domain_make_on(fd, "racing") :
				bus_make_on(fd, "0-racing");
		close(fd);
		if (ret == -ESHUTDOWN)
			return;
		ASSERT(ret == 0 || ret == -EEXIST);
	}
	ASSERT(fd == -ENOENT || fd == -ENXIO || fd == -ESHUTDOWN);
}

struct tree {
	int root, child, bus, opened;
};

static void tree_new(struct tree *t)
{
	struct kdbus_builder b;

	t->root = control_open("");
	ASSERT_OK(domain_make_on(t->root, "test-ends"));
	t->child = control_open(ROOT);
	ASSERT_OK(domain_make_on(t->child, "child"));
	t->bus = control_open(CHILD);
	ASSERT_OK(bus_make_on(t->bus, "0-ends"));
	t->opened = control_open(CHILD);
	ASSERT(t->opened >= 0);
	peer_path = KDBUS_DEV CHILD "/0-ends/bus";
	hello_init(&b, 0);
	ASSERT_OK(kdbus_client_hello(&w, peer_path, &b));
	ASSERT_OK(kdbus_client_acquire(&w, NAME, 0));
}

/* What else of the tree keeps something open: it is there, and dead. */
static void tree_is_dead(struct tree *t)
{
	ASSERT_EQ(kdbus_client_wait(&w, 0), -ECONNRESET);
	ASSERT_EQ(send_to_name(&w, NAME, "x"), -ECONNRESET);
	ASSERT_EQ(bus_make_on(t->opened, "0-late"), -ESHUTDOWN);
	ASSERT_EQ(domain_make_on(t->opened, "late"), -ESHUTDOWN);
	ASSERT_EQ(bus_make_on(t->bus, "0-late"), -EBADFD);
	kdbus_client_close(&w);
	close(t->opened);
	close(t->bus);
}

/* spec 1.8, 1.9, 1.12, 27.10: from the root, or from the middle */
TEST(nested_domains_end_under_traffic)
{
	long long domains = listed_user(0, "domains");
	long long buses = listed_user(0, "buses");
	long long conns = listed_user(0, "conns");
	pid_t pids[PEERS], makers[MAKERS];
	struct tree t;
	int round;

	setup();
	trace_start_with(objects);
	for (round = 0; round < 6; round++) {
		tree_new(&t);
		owner = round % 2 ? t.child : t.root;
		makers[0] = spawn(make_below, CHILD);
		makers[1] = spawn(make_below, round % 2 ? CHILD : ROOT);
		start_traffic(pids, round);
		serve(40, NULL);
		wait_until_given_up(PEERS + MAKERS);
		close(owner);
		ASSERT_EQ(access(KDBUS_DEV CHILD, F_OK), -1);
		ASSERT_EQ(access(KDBUS_DEV ROOT, F_OK), round % 2 ? 0 : -1);
		wait_for_all(pids, PEERS);
		wait_for_all(makers, MAKERS);
		tree_is_dead(&t);
		close(round % 2 ? t.root : t.child);
		ASSERT_EQ(access(KDBUS_DEV ROOT, F_OK), -1);
		ASSERT_EQ(listed_user(0, "domains"), domains);
		ASSERT_EQ(listed_user(0, "buses"), buses);
		ASSERT_EQ(listed_user(0, "conns"), conns);
	}
	trace_stop();
	trace_account_for_objects();
}
