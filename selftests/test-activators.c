// SPDX-License-Identifier: GPL-2.0
/* Messages wait with an activator for the service, and nothing gets lost. */
#include <poll.h>

#include "harness.h"

#define NAME "com.example.service"

static struct bus bus;
static struct kdbus_client act, svc, svc2, cli;

static int hello_named(struct kdbus_client *c, __u64 flags, const char *name)
{
	struct kdbus_policy_access world = { KDBUS_POLICY_ACCESS_WORLD,
					     KDBUS_POLICY_OWN, 0 };
	struct kdbus_cmd_hello *hello;
	struct kdbus_builder b;
	int ret;

	memset(c, 0, sizeof(*c));
	c->fd = ep_open(&bus);
	hello_init(&b, flags);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, name);
	kdbus_build_item(&b, KDBUS_ITEM_POLICY_ACCESS, &world, sizeof(world));
	hello = (void *)b.buf;
	ret = xioctl(c->fd, KDBUS_CMD_HELLO, b.buf);
	if (ret < 0) {
		close(c->fd);
		return ret;
	}
	memcpy(&c->hello, hello, sizeof(c->hello));
	c->pool = mmap(NULL, hello->pool_size, PROT_READ, MAP_SHARED, c->fd, 0);
	ASSERT(c->pool != MAP_FAILED);
	return 0;
}

static void setup(void)
{
	bus_new(&bus);
	ASSERT_OK(hello_named(&act, KDBUS_HELLO_ACTIVATOR |
			      KDBUS_HELLO_ACCEPT_FD, NAME));
	client_new(&svc, &bus);
	client_new(&cli, &bus);
}

static int send_cookie(__u64 cookie, __u64 flags)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, 0, cookie);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, NAME);
	kdbus_build_vec(&m, "payload", 8);
	m.msg.flags = flags;
	if (flags & KDBUS_MSG_FLAGS_EXPECT_REPLY)
		m.msg.timeout_ns = SOON(30000);
	return kdbus_client_send(&cli, &m);
}

static const struct kdbus_msg *take(struct kdbus_client *c, __u64 cookie)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(c, 0, 0, &msg));
	ASSERT_EQ(msg->cookie, cookie);
	return msg;
}

/* spec 14.1, 14.2 */
TEST(one_activator_per_name)
{
	struct kdbus_client other;

	setup();
	ASSERT_EQ(hello_named(&other, KDBUS_HELLO_ACTIVATOR, NAME), -EEXIST);
	ASSERT_EQ(hello_named(&other, KDBUS_HELLO_POLICY_HOLDER, NAME),
		  -EEXIST);
	kdbus_client_close(&act);
	ASSERT_OK(hello_named(&other, KDBUS_HELLO_ACTIVATOR, NAME));
}

/* spec 14.3, 14.5 */
TEST(messages_wait_and_then_move_in_order)
{
	struct pollfd p = { .fd = act.fd, .events = POLLIN };
	char data[8];
	const struct kdbus_msg *msg;

	setup();
	p.fd = act.fd;
	ASSERT_EQ(send_cookie(9, KDBUS_MSG_FLAGS_NO_AUTO_START),
		  -EADDRNOTAVAIL);
	ASSERT_EQ(poll(&p, 1, 0), 0);
	ASSERT_OK(send_cookie(1, 0));
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_OK(send_cookie(2, 0));
	ASSERT_OK(send_cookie(3, 0));
	ASSERT_EQ(send_to(&cli, act.hello.id, 4, "x"), -ENXIO);

	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	ASSERT_EQ(poll(&p, 1, 0), 0);
	ASSERT_OK(send_cookie(5, KDBUS_MSG_FLAGS_NO_AUTO_START));
	msg = take(&svc, 1);
	ASSERT_EQ(msg->src_id, cli.hello.id);
	ASSERT_EQ(kdbus_msg_payload(msg, data, sizeof(data)), 8);
	ASSERT(!strcmp(data, "payload"));
	take(&svc, 2);
	take(&svc, 3);
	take(&svc, 5);
	expect_nothing(&svc);
	expect_nothing(&act);
}

/* spec 14.3, 14.4 */
TEST(a_call_survives_the_move)
{
	const struct kdbus_msg *msg;

	setup();
	ASSERT_OK(send_cookie(11, KDBUS_MSG_FLAGS_EXPECT_REPLY));
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	msg = take(&svc, 11);
	ASSERT_OK(kdbus_client_reply(&svc, msg, "yes", 4));
	ASSERT_OK(kdbus_client_recv(&cli, 0, 0, &msg));
	ASSERT_EQ(msg->cookie_reply, 11);
	ASSERT_EQ(msg->src_id, svc.hello.id);
	expect_nothing(&cli);
}

/* spec 14.4 */
TEST(what_a_service_leaves_goes_back)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	ASSERT_OK(kdbus_client_acquire(&svc, "com.example.other", 0));
	ASSERT_OK(send_cookie(1, 0));
	ASSERT_OK(send_cookie(2, KDBUS_MSG_FLAGS_EXPECT_REPLY));
	ASSERT_OK(send_to(&cli, svc.hello.id, 3, "by id"));
	ASSERT_OK(send_to_name(&cli, "com.example.other", "other"));
	ASSERT_OK(send_cookie(4, 0));
	take(&svc, 1);
	ASSERT_OK(kdbus_client_release(&svc, NAME));
	/* by id and to other names it keeps what it has */
	take(&svc, 3);
	ASSERT_OK(kdbus_client_recv(&svc, KDBUS_RECV_DROP, 0, NULL));
	expect_nothing(&svc);
	expect_nothing(&cli);
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	take(&svc, 2);
	take(&svc, 4);
	expect_nothing(&svc);
}

/* spec 14.4, 27.11 */
TEST(nothing_is_lost_when_the_service_dies)
{
	const struct kdbus_msg *msg;
	int i;

	setup();
	for (i = 0; i < 5; i++) {
		ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
		ASSERT_OK(send_cookie(10 + i, KDBUS_MSG_FLAGS_EXPECT_REPLY));
		kdbus_client_close(&svc);
		client_new(&svc, &bus);
		expect_nothing(&cli);
	}
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	for (i = 0; i < 5; i++) {
		msg = take(&svc, 10 + i);
		ASSERT_OK(kdbus_client_reply(&svc, msg, "yes", 4));
		ASSERT_OK(kdbus_client_free(&svc, msg));
	}
	/* what was received and not answered is dead with the service */
	ASSERT_OK(send_cookie(20, KDBUS_MSG_FLAGS_EXPECT_REPLY));
	take(&svc, 20);
	kdbus_client_close(&svc);
	for (i = 0; i < 5; i++) {
		ASSERT_OK(kdbus_client_recv(&cli, 0, 0, &msg));
		ASSERT_EQ(msg->cookie_reply, 10 + i);
	}
	expect_notice(&cli, KDBUS_ITEM_REPLY_DEAD, 20);
	expect_nothing(&cli);
}

/* spec 14.6, 25 */
TEST(the_end_of_the_activator_is_told_once)
{
	setup();
	ASSERT_OK(send_cookie(1, KDBUS_MSG_FLAGS_EXPECT_REPLY));
	kdbus_client_close(&act);
	expect_notice(&cli, KDBUS_ITEM_REPLY_DEAD, 1);
	expect_nothing(&cli);
	ASSERT_EQ(send_cookie(2, 0), -ESRCH);

	/* as the fallback only it leaves the name alone */
	ASSERT_OK(hello_named(&act, KDBUS_HELLO_ACTIVATOR, NAME));
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	kdbus_client_close(&act);
	ASSERT_OK(send_cookie(3, 0));
	take(&svc, 3);
	ASSERT_OK(kdbus_client_release(&svc, NAME));
	ASSERT_EQ(send_cookie(4, 0), -ESRCH);
}

/* spec 5.3, 12.4, 12.5 */
TEST(an_activator_can_look_and_drop)
{
	const struct kdbus_msg *msg;

	setup();
	ASSERT_OK(send_cookie(1, KDBUS_MSG_FLAGS_EXPECT_REPLY));
	ASSERT_OK(send_cookie(2, 0));
	ASSERT_OK(kdbus_client_recv(&act, KDBUS_RECV_PEEK, 0, &msg));
	ASSERT_EQ(msg->src_id, cli.hello.id);
	ASSERT_OK(kdbus_client_free(&act, msg));
	ASSERT_OK(kdbus_client_recv(&act, KDBUS_RECV_DROP, 0, NULL));
	expect_notice(&cli, KDBUS_ITEM_REPLY_DEAD, 1);
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	take(&svc, 2);
}

/* spec 14.4 */
/* A service without ACCEPT_FD cannot take files: told, not lost silently. */
TEST(what_cannot_move_is_told)
{
	struct kdbus_client nofd;
	struct kdbus_builder m;
	int fds[2];

	setup();
	ASSERT_OK(pipe(fds));
	kdbus_build_msg(&m, 0, 1);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, NAME);
	kdbus_build_fds(&m, fds, 1);
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m.msg.timeout_ns = SOON(30000);
	ASSERT_OK(kdbus_client_send(&cli, &m));
	ASSERT_OK(send_cookie(2, 0));
	ASSERT_OK(kdbus_client_open(&nofd, bus.path, 0, 0, 0, NULL));
	ASSERT_OK(kdbus_client_acquire(&nofd, NAME, 0));
	expect_notice(&cli, KDBUS_ITEM_REPLY_DEAD, 1);
	take(&nofd, 2);
	expect_nothing(&nofd);
}

/* spec 14.3, 14.4 */
TEST(files_move_with_their_message)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	int fds[2];
	char byte;

	setup();
	ASSERT_OK(pipe(fds));
	kdbus_build_msg(&m, 0, 1);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, NAME);
	kdbus_build_fds(&m, &fds[0], 1);
	ASSERT_OK(kdbus_client_send(&cli, &m));
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	msg = take(&svc, 1);
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT(item && item->fds[0] > 0 && item->fds[0] != fds[0]);
	ASSERT_EQ(write(fds[1], "x", 1), 1);
	ASSERT_EQ(read(item->fds[0], &byte, 1), 1);
}

/* spec 13.6 */
static int in_list(__u64 flags, __u64 owner)
{
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *rec;
	int n = 0;

	ASSERT_OK(kdbus_client_list(&cli, flags, &list));
	kdbus_for_each_name(rec, list)
		n += rec->owner_id == owner;
	ASSERT_OK(kdbus_client_free(&cli, list));
	return n;
}

TEST(lists_tell_activators_from_owners)
{
	setup();
	ASSERT_EQ(in_list(KDBUS_NAME_LIST_NAMES, act.hello.id), 0);
	ASSERT_EQ(in_list(KDBUS_NAME_LIST_UNIQUE, act.hello.id), 0);
	ASSERT_EQ(in_list(KDBUS_NAME_LIST_ACTIVATORS, act.hello.id), 1);
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	ASSERT_EQ(in_list(KDBUS_NAME_LIST_NAMES, svc.hello.id), 1);
	ASSERT_EQ(in_list(KDBUS_NAME_LIST_NAMES | KDBUS_NAME_LIST_ACTIVATORS,
			 act.hello.id), 1);
}

static void send_in_order(void *arg)
{
	__u64 i, n = (uintptr_t)arg;
	int ret;

	for (i = 1; i <= n; i++) {
		while ((ret = send_cookie(i, 0)) == -ENOBUFS)
			sched_yield();
		ASSERT_OK(ret);
	}
}

static void *keep_sending(void *arg)
{
	send_in_order(arg);
	return NULL;
}

static void *keep_sending_as_nobody(void *arg)
{
	thread_as(NOBODY, send_in_order, arg);
	return NULL;
}

/* Under traffic the service comes and goes; all arrive once and in order. */
static void hand_over(void *(*sender)(void *))
{
	const uintptr_t n = slowness() > 1 ? 500 : 1500;
	const struct kdbus_msg *msg;
	pthread_t t;
	__u64 next = 1;
	int ret;

	ASSERT_OK(pthread_create(&t, NULL, sender, (void *)n));
	while (next <= n) {
		int i;

		ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
		for (i = 0; i < 40 && next <= n; i++) {
			ret = kdbus_client_recv(&svc, 0, 0, &msg);
			if (ret == -EAGAIN) {
				sched_yield();
				continue;
			}
			ASSERT_OK(ret);
			ASSERT_EQ(msg->cookie, next);
			next++;
			ASSERT_OK(kdbus_client_free(&svc, msg));
		}
		if (next % 2) {
			ASSERT_OK(kdbus_client_release(&svc, NAME));
		} else {
			kdbus_client_close(&svc);
			client_new(&svc, &bus);
		}
	}
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	expect_nothing(&svc);
}

/* spec 14.3, 14.4 */
TEST(hand_over_under_traffic_loses_nothing)
{
	setup();
	hand_over(keep_sending);
}

/* spec 14.4, 16.4: nor is who may talk to the name ever told otherwise */
TEST(hand_over_under_traffic_of_who_needs_a_grant)
{
	setup();
	kdbus_client_close(&cli);
	client_new_as(&cli, &bus, NOBODY);
	hand_over(keep_sending_as_nobody);
}

static long long queued(const struct kdbus_client *c)
{
	return listed("connections", &bus, c->hello.id, "queued");
}

/* spec 7.9: a BYEBYE that is refused prepares nothing either */
TEST(a_refused_byebye_leaves_the_activator_alone)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	ASSERT_OK(send_cookie(1, 0));
	ASSERT_EQ(kdbus_client_byebye(&svc), -EBUSY);
	ASSERT_EQ(listed("connections", &bus, act.hello.id, "pool_used"), 0);
	take(&svc, 1);
	ASSERT_OK(kdbus_client_byebye(&svc));
}

static volatile int stop;

static void *list_activators(void *arg)
{
	const struct kdbus_name_list *list;
	struct kdbus_client *c = arg;
	int ret;

	do {
		ret = kdbus_client_list(c, KDBUS_NAME_LIST_ACTIVATORS, &list);
		if (!ret)
			kdbus_client_free(c, list);
	} while (!ret);
	ASSERT(ret == -ECONNRESET);
	return NULL;
}

/* spec 13.6, 14.6 */
/* the bus ends connection by connection: an activator may outlive its name */
TEST(lists_while_the_bus_ends)
{
	pthread_t t;
	int i;

	for (i = 0; i < 50; i++) {
		bus_new(&bus);
		client_new(&svc, &bus);
		ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
		ASSERT_OK(hello_named(&act, KDBUS_HELLO_ACTIVATOR, NAME));
		client_new(&cli, &bus);
		ASSERT_OK(pthread_create(&t, NULL, list_activators, &cli));
		close(bus.owner);
		ASSERT_OK(pthread_join(t, NULL));
		kdbus_client_close(&svc);
		kdbus_client_close(&act);
		kdbus_client_close(&cli);
	}
}

static void take_and_give_back(void *arg)
{
	struct kdbus_client c;

	(void)arg;
	client_new(&c, &bus);
	for (;;) {
		ASSERT_OK(kdbus_client_acquire(&c, NAME, 0));
		ASSERT_OK(kdbus_client_release(&c, NAME));
	}
}

/* spec 14.4: neither by a service that is killed while it takes or gives */
TEST(a_kill_during_the_hand_over_loses_nothing)
{
	struct timespec wait = { .tv_nsec = 1 };
	unsigned int seed = 1;
	int i, n = 200;
	pid_t pid;

	setup();
	for (i = 0; i < n; i++)
		ASSERT_OK(send_cookie(i, i % 2 ? KDBUS_MSG_FLAGS_EXPECT_REPLY :
					     0));
	for (i = 0; i < 60; i++) {
		pid = spawn(take_and_give_back, NULL);
		/* not an event that is waited for, but a point in time */
		wait.tv_nsec = rand_r(&seed) % (40 * MSEC);
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		/* the files of the dead are closed before waitpid() returns */
		ASSERT_EQ(queued(&act), n);
	}
	expect_nothing(&cli);
	for (i = 0; i < n; i++)
		take(&act, i);
}

/* A RECV that fails when its message is taken already: it is put back. */
static void *receive_badly(void *arg)
{
	struct kdbus_cmd_recv *cmd;

	(void)arg;
	cmd = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(cmd != MAP_FAILED);
	while (!stop) {
		int ret = xioctl(act.fd, KDBUS_CMD_MSG_RECV, cmd);

		ASSERT(ret == -EFAULT || ret == -EAGAIN);
	}
	return NULL;
}

/* spec 14.4 */
TEST(what_is_put_back_during_a_move_is_not_lost)
{
	int i, n = 40;
	pthread_t t;

	setup();
	client_new(&svc2, &bus);
	for (i = 0; i < n; i++)
		ASSERT_OK(send_cookie(i, KDBUS_MSG_FLAGS_EXPECT_REPLY));
	ASSERT_OK(pthread_create(&t, NULL, receive_badly, NULL));
	for (i = 0; i < 300; i++) {
		struct kdbus_client *c = i % 2 ? &svc : &svc2;

		ASSERT_OK(kdbus_client_acquire(c, NAME, 0));
		ASSERT_OK(kdbus_client_release(c, NAME));
	}
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_EQ(queued(&act) + queued(&svc) + queued(&svc2), n);
	expect_nothing(&cli);
}

#define SENDERS 4
#define EACH 200
#define TAKERS 80

static pthread_barrier_t all_there;

static void *take_name(void *arg)
{
	pthread_barrier_wait(&all_there);
	return (void *)(intptr_t)kdbus_client_acquire(arg, NAME, 0);
}

/* Messages that take a while to move, of more senders than one may have. */
static void send_many(void)
{
	unsigned int i;

	for (i = 0; i < SENDERS * EACH; i++) {
		if (i % EACH == 0)
			client_new(&cli, &bus);
		ASSERT_OK(send_cookie(i, 0));
	}
}

/* spec 14.3: however many begin to take the name while one of them takes it */
TEST(one_of_many_takers_gets_name_and_messages)
{
	static struct kdbus_client takers[TAKERS], *owner;
	static pthread_t t[TAKERS];
	unsigned int i;
	void *ret;

	setup();
	send_many();
	ASSERT_OK(pthread_barrier_init(&all_there, NULL, TAKERS));
	for (i = 0; i < TAKERS; i++) {
		client_new_pool(&takers[i], &bus, 1 << 20);
		ASSERT_OK(pthread_create(&t[i], NULL, take_name, &takers[i]));
	}
	for (i = 0; i < TAKERS; i++) {
		ASSERT_OK(pthread_join(t[i], &ret));
		if (!ret) {
			ASSERT(!owner);
			owner = &takers[i];
		} else {
			ASSERT_EQ((intptr_t)ret, -EEXIST);
		}
	}
	ASSERT(owner);
	for (i = 0; i < SENDERS * EACH; i++)
		ASSERT_OK(kdbus_client_free(owner, take(owner, i)));
	ASSERT_EQ(queued(&act), 0);
}

#define MANY 70

/* spec 14.4: however many names it had, and whatever came for each */
TEST(each_of_many_names_gets_its_messages_back)
{
	struct kdbus_client acts[MANY];
	char name[64];
	int i;

	bus_new(&bus);
	param_set("max_names_per_conn", MANY);
	client_new(&svc, &bus);
	client_new(&cli, &bus);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), NAME "%d", i);
		ASSERT_OK(hello_named(&acts[i], KDBUS_HELLO_ACTIVATOR, name));
		ASSERT_OK(kdbus_client_acquire(&svc, name, 0));
		ASSERT_OK(send_to_name(&cli, name, "x"));
	}
	kdbus_client_close(&svc);
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(queued(&acts[i]), 1);
}

static void *wait_in_line(void *arg)
{
	int ret;

	/* not an event that is waited for, but a point in time */
	usleep((uintptr_t)arg * 100);
	ret = kdbus_client_acquire(&svc2, NAME, KDBUS_NAME_QUEUE);
	ASSERT(ret == 0 || ret == 1);
	return NULL;
}

/*
 * spec 14.4: what was made ready for the activator is not left with it when
 * the name goes to somebody who waits, and the message stays
 */
TEST(a_release_that_finds_a_waiter_leaves_nothing_with_the_activator)
{
	static char data[200000];
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	int stayed = 0;
	uintptr_t i;
	pthread_t t;

	setup();
	client_new(&svc2, &bus);
	for (i = 0; i < 100 || (!stayed && i < 1500); i++) {
		ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
		kdbus_build_msg(&m, 0, 1);
		kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, NAME);
		kdbus_build_vec(&m, data, sizeof(data));
		ASSERT_OK(kdbus_client_send(&cli, &m));
		ASSERT_OK(pthread_create(&t, NULL, wait_in_line,
					 (void *)(i % 40)));
		ASSERT_OK(kdbus_client_release(&svc, NAME));
		ASSERT_OK(pthread_join(t, NULL));
		ASSERT_EQ(listed("connections", &bus, act.hello.id,
				 "pool_used"), 0);
		if (kdbus_client_recv(&svc, 0, 0, &msg)) {
			msg = take(&svc2, 1);
			ASSERT_OK(kdbus_client_free(&svc2, msg));
		} else {
			ASSERT_OK(kdbus_client_free(&svc, msg));
			stayed++;
		}
		ASSERT_OK(kdbus_client_release(&svc2, NAME));
	}
	printf("# %d of %d stayed\n", stayed, (int)i);
	ASSERT(stayed);
}

static struct stall late;

static void *receive_late(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)xioctl(svc.fd, KDBUS_CMD_MSG_RECV, late.page);
}

static void free_all(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;

	while (!kdbus_client_recv(c, 0, 0, &msg))
		ASSERT_OK(kdbus_client_free(c, msg));
}

/*
 * spec 14.4: a message that a RECV has in hand while the name goes, and puts
 * back, stays; what was made ready for the activator is not left with it
 */
TEST(a_receive_that_fails_after_the_move_leaves_nothing_with_the_activator)
{
	struct kdbus_cmd_recv cmd = {};
	static char data[200000];
	struct kdbus_builder m;
	int i, j;
	pthread_t t;
	void *ret;

	setup();
	for (i = 0; i < 20; i++) {
		ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
		for (j = 0; j < 4; j++) {
			kdbus_build_msg(&m, 0, j);
			kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, NAME);
			kdbus_build_vec(&m, data, sizeof(data));
			ASSERT_OK(kdbus_client_send(&cli, &m));
		}
		stall_new_writer(&late, &cmd, sizeof(cmd));
		ASSERT_OK(pthread_create(&t, NULL, receive_late, NULL));
		stall_wait(&late);
		ASSERT_OK(kdbus_client_release(&svc, NAME));
		ASSERT_EQ(queued(&svc), 0);
		ASSERT_EQ(queued(&act), 3);
		stall_unmap(&late);
		ASSERT_OK(pthread_join(t, &ret));
		ASSERT_EQ((intptr_t)ret, -EFAULT);
		ASSERT_EQ(queued(&svc), 1);
		free_all(&act);
		ASSERT_EQ(listed("connections", &bus, act.hello.id,
				 "pool_used"), 0);
		free_all(&svc);
	}
}
