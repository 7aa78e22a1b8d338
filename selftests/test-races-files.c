// SPDX-License-Identifier: GPL-2.0
/*
 * One file and several threads that do what contradicts itself with it: one
 * of them wins, the others are told so, and no message is lost in between.
 */
#include "fixtures.h"

#define ROUNDS 150
#define THREADS 5

static struct bus bus;

/* ---- threads that begin together -------------------------------------- */

struct job {
	pthread_t thread;
	int (*fn)(int fd);
	int fd;
	int ret;
};

static pthread_barrier_t start;

static void *run_job(void *arg)
{
	struct job *j = arg;

	pthread_barrier_wait(&start);
	j->ret = j->fn(j->fd);
	return NULL;
}

/* Runs @n functions on one file at once; @ret gets what they returned. */
static void all_at_once(int fd, int (*const *fns)(int fd), int *ret, int n)
{
	struct job jobs[THREADS];
	int i;

	ASSERT(n <= THREADS);
	ASSERT_OK(pthread_barrier_init(&start, NULL, n));
	for (i = 0; i < n; i++) {
		jobs[i] = (struct job){ .fn = fns[i], .fd = fd };
		ASSERT_OK(pthread_create(&jobs[i].thread, NULL, run_job,
					 &jobs[i]));
	}
	for (i = 0; i < n; i++) {
		ASSERT_OK(pthread_join(jobs[i].thread, NULL));
		ret[i] = jobs[i].ret;
	}
	pthread_barrier_destroy(&start);
}

/* ---- what a file becomes ---------------------------------------------- */

static int say_hello(int fd)
{
	struct kdbus_builder b;

	hello_init(&b, 0);
	return xioctl(fd, KDBUS_CMD_HELLO, b.buf);
}

static int make_ep(int fd)
{
	struct kdbus_builder b;

	make_begin(&b, "racing", 0);
	return xioctl(fd, KDBUS_CMD_EP_MAKE, b.buf);
}

static int make_bus(int fd)
{
	return bus_make_on(fd, "0-racing");
}

static int make_domain(int fd)
{
	return domain_make_on(fd, "racing");
}

/* Neither of them waits for what the others make of the file. */
static int map_and_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		ASSERT_EQ(errno, EPERM);
	else
		ASSERT_OK(munmap(map, 4096));
	ASSERT(poll(&p, 1, 0) >= 0);
	return 0;
}

static int close_it(int fd)
{
	return close(fd) ? -errno : 0;
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static char racing_ep[200];
#define RACING_BUS KDBUS_DEV "/0-racing/bus"
#define RACING_DOMAIN KDBUS_DEV "/domain/racing/control"

/* spec 5.2, 1.7, 21.4: a connection or an endpoint, and nothing of the other */
TEST(hello_against_ep_make)
{
	static int (*const fns[])(int) = { say_hello, make_ep, map_and_poll };
	int i, fd, ret[3], hellos = 0;

	bus_new(&bus);
	kdbus_endpoint_path(racing_ep, sizeof(racing_ep), bus.name, "racing");
	for (i = 0; i < ROUNDS; i++) {
		fd = ep_open(&bus);
		all_at_once(fd, fns, ret, 3);
		ASSERT_EQ(ret[0] + ret[1], -ENOTTY);
		ASSERT_EQ(exists(racing_ep), !ret[1]);
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), !ret[0]);
		hellos += !ret[0];
		close(fd);
		ASSERT(!exists(racing_ep));
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), 0);
	}
	printf("# %d of %d times HELLO was first\n", hellos, ROUNDS);
}

/* spec 5.2, 1.7 */
TEST(bus_make_against_domain_make)
{
	static int (*const fns[])(int) = { make_bus, make_domain };
	int i, fd, ret[2], buses = 0;

	for (i = 0; i < ROUNDS / 3; i++) {
		fd = control_open("");
		all_at_once(fd, fns, ret, 2);
		ASSERT_EQ(ret[0] + ret[1], -EBADFD);
		ASSERT_EQ(exists(RACING_BUS), !ret[0]);
		ASSERT_EQ(exists(RACING_DOMAIN), !ret[1]);
		buses += !ret[0];
		close(fd);
		ASSERT(!exists(RACING_BUS) && !exists(RACING_DOMAIN));
	}
	printf("# %d of %d times BUS_MAKE was first\n", buses, ROUNDS / 3);
}

/* A command that the file had, or that came after it was closed. */
static void expect_done_or_closed(int ret, int lost)
{
	if (ret != -EBADF && ret != lost)
		ASSERT_OK(ret);
}

/* spec 1.7, 7.10: what is made while the file is closed ends with it */
TEST(steps_against_close)
{
	static int (*const eps[])(int) = { say_hello, make_ep, close_it };
	static int (*const controls[])(int) = { make_bus, make_domain,
						close_it };
	int i, ret[3];

	bus_new(&bus);
	kdbus_endpoint_path(racing_ep, sizeof(racing_ep), bus.name, "racing");
	for (i = 0; i < ROUNDS / 3; i++) {
		all_at_once(ep_open(&bus), eps, ret, 3);
		expect_done_or_closed(ret[0], -ENOTTY);
		expect_done_or_closed(ret[1], -ENOTTY);
		ASSERT_OK(ret[2]);
		ASSERT(!exists(racing_ep));
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), 0);

		all_at_once(control_open(""), controls, ret, 3);
		expect_done_or_closed(ret[0], -EBADFD);
		expect_done_or_closed(ret[1], -EBADFD);
		ASSERT_OK(ret[2]);
		ASSERT(!exists(RACING_BUS) && !exists(RACING_DOMAIN));
	}
}

/* ---- a connection that is used and ended ------------------------------ */

#define MESSAGES 40

static struct kdbus_client sender, c;
static int sent, received;
/* how many there are at least before the end comes */
static int enough;

static void wait_for_enough(void)
{
	while (__atomic_load_n(&sent, __ATOMIC_RELAXED) < enough)
		sched_yield();
}

static void *send_all(void *arg)
{
	int i, ret;

	(void)arg;
	for (i = 0; i < MESSAGES; i++) {
		ret = send_to(&sender, c.hello.id, i, "x");
		if (ret) {
			ASSERT(ret == -ENXIO || ret == -ECONNRESET);
			break;
		}
		__atomic_add_fetch(&sent, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Errors of a connection that is gone, or of a file that is closed. */
static bool is_over(int ret)
{
	return ret == -ECONNRESET || ret == -EBADF;
}

/* Whoever else gives back what lies there may be faster. */
static void give_back(int fd, __u64 offset)
{
	int ret = xioctl(fd, KDBUS_CMD_FREE, &offset);

	ASSERT(ret == 0 || ret == -ENXIO || ret == -EBADF);
}

/* Receives and gives back, until there is no connection. */
static int receive_all(int fd)
{
	struct kdbus_cmd_recv cmd;
	int ret;

	for (;;) {
		cmd = (struct kdbus_cmd_recv){ 0 };
		ret = xioctl(fd, KDBUS_CMD_MSG_RECV, &cmd);
		if (ret == -EAGAIN) {
			sched_yield();
			continue;
		}
		if (ret)
			return ret;
		give_back(fd, cmd.offset);
		__atomic_add_fetch(&received, 1, __ATOMIC_RELAXED);
	}
}

/* Looks at what the other one receives, and gives it back as well. */
static int peek_all(int fd)
{
	struct kdbus_cmd_recv cmd;
	int ret;

	for (;;) {
		cmd = (struct kdbus_cmd_recv){ .flags = KDBUS_RECV_PEEK };
		ret = xioctl(fd, KDBUS_CMD_MSG_RECV, &cmd);
		if (is_over(ret))
			return ret;
		ASSERT(ret == 0 || ret == -EAGAIN);
		if (!ret)
			give_back(fd, cmd.offset);
	}
}

static int map_until_over(int fd)
{
	struct kdbus_cmd_name_list list = { .flags = 15 };
	void *map;
	int ret;

	do {
		map = mmap(NULL, c.hello.pool_size, PROT_READ, MAP_SHARED, fd,
			   0);
		if (map == MAP_FAILED) {
			ASSERT_EQ(errno, EBADF);
			return -EBADF;
		}
		ret = xioctl(fd, KDBUS_CMD_NAME_LIST, &list);
		ASSERT_OK(munmap(map, c.hello.pool_size));
		ASSERT(ret == 0 || is_over(ret));
		if (!ret)
			give_back(fd, list.offset);
	} while (!is_over(ret));
	return ret;
}

/* Says goodbye until it may go: when nothing is queued. */
static int bye(int fd)
{
	int ret;

	wait_for_enough();
	while ((ret = xioctl(fd, KDBUS_CMD_BYEBYE, NULL)) == -EBUSY)
		sched_yield();
	return ret;
}

/* A connection whose end comes after @n messages, if not more. */
static void use_and_end(int n, int (*end)(int fd), int *ret)
{
	int (*const fns[])(int) = { receive_all, peek_all, map_until_over,
				    end };
	pthread_t t;

	sent = received = 0;
	enough = n;
	client_new_pool(&c, &bus, 65536);
	ASSERT_OK(pthread_create(&t, NULL, send_all, NULL));
	all_at_once(c.fd, fns, ret, 4);
	ASSERT_OK(pthread_join(t, NULL));
}

/* spec 7.9, 7.10, 8.8: what was accepted is received before it may go */
TEST(byebye_against_everything)
{
	int i, ret[4], total = 0;

	bus_new(&bus);
	client_new(&sender, &bus);
	for (i = 0; i < ROUNDS / 3; i++) {
		use_and_end(i % MESSAGES, bye, ret);
		ASSERT_EQ(ret[0], -ECONNRESET);
		ASSERT_EQ(ret[1], -ECONNRESET);
		ASSERT_EQ(ret[2], -ECONNRESET);
		ASSERT_OK(ret[3]);
		ASSERT_EQ(received, sent);
		ASSERT_EQ(kdbus_client_byebye(&c), -EALREADY);
		kdbus_client_close(&c);
		total += sent;
	}
	printf("# %d messages in %d lives\n", total, ROUNDS / 3);
	ASSERT(total > 0);
}

static int close_amid(int fd)
{
	wait_for_enough();
	return close_it(fd);
}

/* spec 7.10, 1.7: in the middle of what other threads do with the file */
TEST(close_against_everything)
{
	int i, ret[4];

	bus_new(&bus);
	client_new(&sender, &bus);
	for (i = 0; i < ROUNDS / 3; i++) {
		use_and_end(i % MESSAGES, close_amid, ret);
		ASSERT(is_over(ret[0]) && is_over(ret[1]) && is_over(ret[2]));
		ASSERT_OK(ret[3]);
		ASSERT(received <= sent);
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), 1);
		ASSERT_OK(munmap(c.pool, c.hello.pool_size));
	}
}
