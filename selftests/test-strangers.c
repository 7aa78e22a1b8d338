// SPDX-License-Identifier: GPL-2.0
/*
 * What strangers have installed, within their limits, costs those nothing who
 * do something on the same bus. What a task does for others is counted in
 * events, which does not depend on how fast the machine is.
 */
#include <sys/resource.h>

#include "fixtures.h"
#include "tracelog.h"

#define NAME "com.example.strange"
#define NAMES 64

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static void drain(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;

	while (!kdbus_client_recv(c, 0, 0, &msg))
		ASSERT_OK(kdbus_client_free(c, msg));
}

/* The next message, without sleeping: those that sleep may be woken late. */
static const struct kdbus_msg *spin_next(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;
	int ret;

	while ((ret = kdbus_client_recv(c, 0, 0, &msg)) == -EAGAIN)
		sched_yield();
	ASSERT_OK(ret);
	return msg;
}

/* ---- matches ---------------------------------------------------------------- */

#define STRANGERS 300
#define MATCHES 20

static struct kdbus_client strangers[STRANGERS];

/* One match in each that holds, and many that do not. */
static void strangers_listen(void)
{
	struct kdbus_notify_id_change never = { .id = 1 << 30 };
	struct {
		struct kdbus_notify_name_change change;
		char name[32];
	} rule = {
		.change = { { .id = 1 << 30 }, { .id = ANY } },
		.name = NAME "0",
	};
	int i, j;

	for (i = 0; i < STRANGERS; i++) {
		client_new_pool(&strangers[i], &bus, 1 << 16);
		for (j = 0; j < MATCHES; j++) {
			ASSERT_OK(match_rule(&strangers[i], j,
					     KDBUS_ITEM_NAME_CHANGE, &rule,
					     sizeof(rule.change) +
					     sizeof(NAME "0")));
			ASSERT_OK(match_rule(&strangers[i], j,
					     KDBUS_ITEM_ID_REMOVE, &never,
					     sizeof(never)));
		}
		hear_all(&strangers[i], MATCHES);
	}
}

static void a_name(void)
{
	ASSERT_OK(kdbus_client_acquire(&a, NAME "0", 0));
	ASSERT_OK(kdbus_client_release(&a, NAME "0"));
}

static void a_connection(void)
{
	struct kdbus_client c;

	client_new(&c, &bus);
	ASSERT_OK(kdbus_client_byebye(&c));
	kdbus_client_close(&c);
}

/* The end of one with as many names as it may have. */
static struct kdbus_client named;

static void names_of_the_dead(void)
{
	ASSERT_OK(kdbus_client_byebye(&named));
	kdbus_client_close(&named);
}

static void name_all(void)
{
	char name[64];
	int i;

	client_new(&named, &bus);
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), NAME "%d", i);
		ASSERT_OK(kdbus_client_acquire(&named, name, 0));
	}
}

static void nothing(void)
{
}

static const struct change {
	const char *what;
	void (*before)(void);
	void (*run)(void);
} changes[] = {
	{ "a name", nothing, a_name },
	{ "a connection", nothing, a_connection },
	{ "names of the dead", name_all, names_of_the_dead },
};

#define N_CHANGES (int)(sizeof(changes) / sizeof(changes[0]))

/* Events that this task fires with a change. */
static int cost(const struct change *change)
{
	int n;

	change->before();
	wait_listed_user(0, "notices", 0);
	trace_start();
	change->run();
	/* all have been told */
	wait_listed_user(0, "notices", 0);
	trace_stop();
	n = count_of(gettid());
	printf("# %s: %d events here, %d in all\n", change->what, n,
	       (int)n_events);
	n_events = 0;
	return n;
}

/*
 * spec 18.3, 27.6: a change is told by others. It costs those who make it as much with
 * thousands of matches as with one.
 */
TEST(a_change_costs_the_same_whoever_listens)
{
	int i, alone[N_CHANGES], n;

	setup();
	hear_all(&b, 1);
	for (i = 0; i < N_CHANGES; i++) {
		alone[i] = cost(&changes[i]);
		ASSERT(alone[i]);
		drain(&b);
	}
	strangers_listen();
	for (i = 0; i < N_CHANGES; i++) {
		n = cost(&changes[i]);
		if (n != alone[i])
			test_fail(__FILE__, __LINE__, "%s: %d, and alone %d",
				  changes[i].what, n, alone[i]);
		drain(&b);
	}
}

/* ---- what is not told yet --------------------------------------------------- */

#define CHANGES 2000
#define UNTOLD 256

static void flood(void *arg)
{
	(void)arg;
	while (1)
		a_name();
}

/*
 * spec 18.3: who makes changes faster than they can be told waits, so what is
 * not told yet is bounded; the others go on
 */
TEST(a_flood_of_changes_waits_until_they_are_told)
{
	int i, most = 0, n;
	pid_t pid;

	setup();
	strangers_listen();
	pid = spawn(flood, NULL);
	for (i = 0; i < CHANGES; i++) {
		n = listed_user(0, "notices");
		if (n > most)
			most = n;
		ASSERT_OK(send_to(&a, b.hello.id, i, "x"));
		expect_msg(&b, a.hello.id, i);
	}
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	printf("# at most %d are not told\n", most);
	/* and what was reserved with the name */
	ASSERT(most > 0 && most <= UNTOLD + 1);
	wait_listed_user(0, "notices", 0);
}

#define CROWD 800

/* Connections that all go in one moment, with this process. */
static void crowd(void *arg)
{
	struct rlimit files = { CROWD + 100, CROWD + 100 };
	int *ready = arg, i;

	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &files));
	for (i = 0; i < CROWD; i++)
		client_new_pool(&(struct kdbus_client){}, &bus, 1 << 16);
	ASSERT_EQ(write(ready[1], "y", 1), 1);
	pause();
}

/*
 * spec 18.3: many more records than are looked at in one go are waiting for those
 * that are slower; a connection that has heard of them goes on with what is new
 */
TEST(those_that_look_are_told_while_others_are_not)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	int i, ready[2];
	__u64 last = 0;
	pid_t pid;
	char x;

	setup();
	ASSERT_OK(pipe(ready));
	pid = spawn(crowd, ready);
	ASSERT_EQ(read(ready[0], &x, 1), 1);
	param_set("max_notices_per_conn", 2 * CROWD);
	strangers_listen();
	match_notices(&b, KDBUS_ITEM_ID_REMOVE);
	ASSERT_OK(kill(pid, SIGKILL));
	for (i = 0; i < CROWD; i++) {
		msg = spin_next(&b);
		item = (const void *)msg->items;
		ASSERT_EQ(item->type, KDBUS_ITEM_ID_REMOVE);
		ASSERT(item->id_change.id != last);
		last = item->id_change.id;
		ASSERT_OK(kdbus_client_free(&b, msg));
	}
	expect_nothing(&b);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	wait_listed_user(0, "notices", 0);
}

/* ---- broadcasts --------------------------------------------------------------- */

#define BROADCASTS 300

static void strangers_hear_broadcasts(void)
{
	int i, j;

	for (i = 0; i < STRANGERS; i++) {
		client_new_pool(&strangers[i], &bus, 1 << 20);
		/* two matches make one message all the same */
		for (j = 0; j < 2; j++)
			ASSERT_OK(match_rule(&strangers[i], j, KDBUS_ITEM_ID,
					     &a.hello.id, sizeof(a.hello.id)));
	}
}

/* Tells the first one of each broadcast that the last one has got. */
static void *relay(void *arg)
{
	struct kdbus_client *last = &strangers[STRANGERS - 1];
	const struct kdbus_msg *msg;
	__u64 i;

	(void)arg;
	for (i = 0; i < BROADCASTS; i++) {
		msg = spin_next(last);
		ASSERT_EQ(msg->cookie, i);
		ASSERT_OK(kdbus_client_free(last, msg));
		ASSERT_OK(send_to(last, strangers[0].hello.id, 1000 + i, "x"));
	}
	return NULL;
}

static void *send_broadcasts(void *arg)
{
	__u64 i;

	(void)arg;
	for (i = 0; i < BROADCASTS; i++) {
		ASSERT_OK(broadcast(&a, i));
		/* it leaves no room for more than these */
		if (i % 50 == 49)
			while (listed("connections", &bus, strangers[0].hello.id,
				      "queued") > 0)
				sched_yield();
	}
	return NULL;
}

/*
 * spec 9.9, 22.3: thousands can be told, some after others, but no receiver gets
 * an answer to what it has not been told yet
 */
TEST(what_follows_a_broadcast_comes_behind_it)
{
	const struct kdbus_msg *msg;
	__u64 told = 0, relayed = 0;
	pthread_t sender, relayer;

	setup();
	param_set("max_msgs_per_sender", 2 * BROADCASTS);
	strangers_hear_broadcasts();
	ASSERT_OK(pthread_create(&relayer, NULL, relay, NULL));
	ASSERT_OK(pthread_create(&sender, NULL, send_broadcasts, NULL));
	while (told < BROADCASTS || relayed < BROADCASTS) {
		msg = spin_next(&strangers[0]);
		if (msg->src_id == a.hello.id)
			ASSERT_EQ(msg->cookie, told++);
		else
			ASSERT_EQ(msg->cookie, 1000 + relayed++);
		ASSERT(relayed <= told);
		ASSERT_OK(kdbus_client_free(&strangers[0], msg));
	}
	ASSERT_OK(pthread_join(relayer, NULL));
	ASSERT_OK(pthread_join(sender, NULL));
	expect_nothing(&strangers[0]);
	/* all of it has come to one that has not looked */
	for (told = 0; told < BROADCASTS; told++)
		expect_msg(&strangers[1], a.hello.id, told);
	expect_nothing(&strangers[1]);
}

/* ---- pollers ------------------------------------------------------------------ */

#define POLLERS 100

static pthread_t pollers[POLLERS];
static pid_t tids[POLLERS];

static void *poll_once(void *arg)
{
	struct pollfd p = { .fd = a.fd, .events = POLLIN };

	__atomic_store_n((pid_t *)arg, gettid(), __ATOMIC_RELEASE);
	ASSERT_EQ(poll(&p, 1, -1), 1);
	return NULL;
}

/* Many threads that all sleep in poll(). */
static void pollers_begin(void)
{
	int i;

	for (i = 0; i < POLLERS; i++) {
		tids[i] = 0;
		ASSERT_OK(pthread_create(&pollers[i], NULL, poll_once,
					 &tids[i]));
	}
	for (i = 0; i < POLLERS; i++)
		while (!__atomic_load_n(&tids[i], __ATOMIC_ACQUIRE) ||
		       thread_state(tids[i]) != 'S')
			sched_yield();
}

static void pollers_end(void)
{
	int i;

	for (i = 0; i < POLLERS; i++)
		ASSERT_OK(pthread_join(pollers[i], NULL));
}

static void send_a(void)
{
	ASSERT_OK(send_to(&b, a.hello.id, 1, "x"));
}

static void tell_a(void)
{
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
}

static void broadcast_to_a(void)
{
	ASSERT_OK(broadcast(&b, 1));
}

/*
 * spec 27.6: all who poll are woken, but those who send or do something spend
 * no time on it if there are many
 */
TEST(many_pollers_hold_up_nobody)
{
	void (*const wake[])(void) = { send_a, tell_a, broadcast_to_a };
	int i, n;

	setup();
	hear_all(&a, 1);
	for (i = 0; i < 3; i++) {
		pollers_begin();
		trace_wakes_start();
		wake[i]();
		n = trace_wakes_stop(gettid());
		pollers_end();
		if (n)
			test_fail(__FILE__, __LINE__, "%d: %d are woken", i, n);
		drain(&a);
	}
}
