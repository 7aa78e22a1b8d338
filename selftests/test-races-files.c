// SPDX-License-Identifier: GPL-2.0
/*
 * One file and several threads that do what contradicts itself with it: one
 * of them wins, the others are told so, and no message is lost in between.
 */
#include "racing.h"

#define ROUNDS 150
#define FEW (ROUNDS / 3)
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

/* which round it is */
static unsigned int turn;

/*
 * Lets a moment go by, of the size of a command or several, another each round.
 * Those who race have different strides, so each of them is first at times.
 */
static void dally(unsigned int stride)
{
	unsigned int n;

	for (n = turn * stride % 5 * 60; n; n--)
		getppid();
}

/* Errors of a connection that is gone, or of a file that is closed. */
static bool is_over(int ret)
{
	return ret == -ECONNRESET || ret == -EBADF;
}

/* ---- what a file becomes ---------------------------------------------- */

static int say_hello(int fd)
{
	struct kdbus_builder b;

	hello_init(&b, 0);
	dally(1);
	return xioctl(fd, KDBUS_CMD_HELLO, b.buf);
}

static int make_ep(int fd)
{
	struct kdbus_builder b;

	make_begin(&b, "racing", 0);
	dally(2);
	return xioctl(fd, KDBUS_CMD_EP_MAKE, b.buf);
}

static int make_bus(int fd)
{
	dally(1);
	return bus_make_on(fd, "0-racing");
}

static int make_domain(int fd)
{
	dally(2);
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

/*
 * What only a connection has, until it is one or can be none. Of one that is
 * fresh there is nothing to be had, and nothing to be given back.
 */
static int recv_and_free(int fd)
{
	struct kdbus_cmd_recv cmd = { 0 };
	__u64 offset = 0;
	int i, ret = -ENOTTY;

	for (i = 0; i < 20 && ret == -ENOTTY; i++) {
		ret = xioctl(fd, KDBUS_CMD_FREE, &offset);
		ASSERT(ret == -ENOTTY || ret == -ENXIO || is_over(ret));
		ret = xioctl(fd, KDBUS_CMD_MSG_RECV, &cmd);
		ASSERT(ret == -ENOTTY || ret == -EAGAIN || is_over(ret));
	}
	return ret;
}

/* Of what is a connection soon, or never. */
static int bye_soon(int fd)
{
	int i, ret = -ENOTTY;

	for (i = 0; i < 100 && ret == -ENOTTY; i++)
		ret = xioctl(fd, KDBUS_CMD_BYEBYE, NULL);
	return ret;
}

static int close_it(int fd)
{
	dally(3);
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
	static int (*const fns[])(int) = { say_hello, make_ep, map_and_poll,
					   recv_and_free };
	int i, fd, ret[4], hellos = 0;

	bus_new(&bus);
	kdbus_endpoint_path(racing_ep, sizeof(racing_ep), bus.name, "racing");
	for (i = 0; go_on(i, ROUNDS, hellos, i - hellos); i++, turn++) {
		fd = ep_open(&bus);
		all_at_once(fd, fns, ret, 4);
		ASSERT_EQ(ret[0] + ret[1], -ENOTTY);
		ASSERT(ret[3] == -ENOTTY || (!ret[0] && ret[3] == -EAGAIN));
		ASSERT_EQ(exists(racing_ep), !ret[1]);
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), !ret[0]);
		hellos += !ret[0];
		close(fd);
		ASSERT(!exists(racing_ep));
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), 0);
	}
	printf("# %d of %d times HELLO was first\n", hellos, i);
}

/* spec 5.2, 7.9: it goes when it is there, and then once */
TEST(hello_against_byebye)
{
	static int (*const fns[])(int) = { say_hello, bye_soon, bye_soon,
					   recv_and_free };
	int i, fd, ret[4], gone = 0;

	bus_new(&bus);
	for (i = 0; go_on(i, ROUNDS, gone, i - gone); i++, turn++) {
		fd = ep_open(&bus);
		all_at_once(fd, fns, ret, 4);
		ASSERT_OK(ret[0]);
		ASSERT(ret[1] == 0 || ret[1] == -ENOTTY || ret[1] == -EALREADY);
		ASSERT(ret[2] == 0 || ret[2] == -ENOTTY || ret[2] == -EALREADY);
		ASSERT(ret[1] || ret[2]);
		if (ret[1] == -EALREADY || ret[2] == -EALREADY)
			ASSERT(!ret[1] || !ret[2]);
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), ret[1] && ret[2]);
		gone += !ret[1] || !ret[2];
		close(fd);
	}
	printf("# %d of %d went at once\n", gone, i);
}

/* spec 5.2, 1.7 */
TEST(bus_make_against_domain_make)
{
	static int (*const fns[])(int) = { make_bus, make_domain };
	int i, fd, ret[2], buses = 0;

	for (i = 0; go_on(i, FEW, buses, i - buses); i++, turn++) {
		fd = control_open("");
		all_at_once(fd, fns, ret, 2);
		ASSERT_EQ(ret[0] + ret[1], -EBADFD);
		ASSERT_EQ(exists(RACING_BUS), !ret[0]);
		ASSERT_EQ(exists(RACING_DOMAIN), !ret[1]);
		buses += !ret[0];
		close(fd);
		ASSERT(!exists(RACING_BUS) && !exists(RACING_DOMAIN));
	}
	printf("# %d of %d times BUS_MAKE was first\n", buses, i);
}

/* A command that the file had, or that came after it was closed. */
static void expect_done_or_closed(int ret, int lost)
{
	if (ret != -EBADF && ret != lost)
		ASSERT_OK(ret);
}

/* A round on an endpoint; returns what became of HELLO and EP_MAKE. */
static void step_and_close_ep(int *ret)
{
	static int (*const eps[])(int) = { say_hello, make_ep, close_it,
					   recv_and_free, bye_soon };

	all_at_once(ep_open(&bus), eps, ret, 5);
	expect_done_or_closed(ret[0], -ENOTTY);
	/* of a connection, perhaps one that has said goodbye */
	if (ret[1] != -ECONNRESET)
		expect_done_or_closed(ret[1], -ENOTTY);
	ASSERT_OK(ret[2]);
	ASSERT(!exists(racing_ep));
	ASSERT_EQ(listed("buses", &bus, 0, "conns"), 0);
}

/* The same on a control node, of BUS_MAKE and DOMAIN_MAKE. */
static void step_and_close_control(int *ret)
{
	static int (*const controls[])(int) = { make_bus, make_domain,
						close_it };

	all_at_once(control_open(""), controls, ret, 3);
	expect_done_or_closed(ret[0], -EBADFD);
	expect_done_or_closed(ret[1], -EBADFD);
	ASSERT_OK(ret[2]);
	ASSERT(!exists(RACING_BUS) && !exists(RACING_DOMAIN));
}

/* Of so many rounds: in which one, the other or neither of two made it. */
struct tally {
	int rounds, one, other, neither;
};

static void count_round(struct tally *t, const int *ret)
{
	t->rounds++;
	t->one += !ret[0];
	t->other += !ret[1];
	t->neither += ret[0] && ret[1];
}

static bool go_on_with(const struct tally *t)
{
	return go_on(t->rounds, FEW, t->one && t->other, t->neither);
}

/* spec 1.7, 7.10: what is made while the file is closed ends with it */
TEST(steps_against_close)
{
	struct tally eps = {}, controls = {};
	int ret[5];

	bus_new(&bus);
	kdbus_endpoint_path(racing_ep, sizeof(racing_ep), bus.name, "racing");
	for (; go_on_with(&eps); turn++) {
		step_and_close_ep(ret);
		count_round(&eps, ret);
	}
	printf("# of %d endpoints' files %d became connections, %d endpoints, %d were closed before\n",
	       eps.rounds, eps.one, eps.other, eps.neither);
	for (; go_on_with(&controls); turn++) {
		step_and_close_control(ret);
		count_round(&controls, ret);
	}
	printf("# of %d control files %d became buses, %d domains, %d were closed before\n",
	       controls.rounds, controls.one, controls.other,
	       controls.neither);
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
		/* now and then the receiver has all of them */
		if ((i + turn) % 8 == 0)
			usleep(SOON(1) / 2000);
		ret = send_to(&sender, c.hello.id, i, "x");
		if (ret) {
			ASSERT(ret == -ENXIO || ret == -ECONNRESET);
			break;
		}
		__atomic_add_fetch(&sent, 1, __ATOMIC_RELAXED);
	}
	return NULL;
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

/* A connection whose ends come after @n messages, if not more. */
static void use_and_end(int n, int (*end)(int fd), int (*other_end)(int fd),
			int *ret)
{
	int (*const fns[])(int) = { receive_all, peek_all, map_until_over,
				    end, other_end };
	pthread_t t;

	sent = received = 0;
	enough = n;
	client_new_pool(&c, &bus, 65536);
	ASSERT_OK(pthread_create(&t, NULL, send_all, NULL));
	all_at_once(c.fd, fns, ret, 5);
	ASSERT_OK(pthread_join(t, NULL));
}

/* spec 7.9, 7.10, 8.8: what was accepted is received before it may go */
TEST(byebye_against_everything)
{
	int i, ret[5], total = 0, cut = 0, first = 0;

	bus_new(&bus);
	client_new(&sender, &bus);
	for (i = 0; go_on(i, FEW, first, i - first) ||
		    go_on(i, FEW, cut, i - cut); i++, turn++) {
		use_and_end(i % MESSAGES, bye, bye, ret);
		ASSERT_EQ(ret[0], -ECONNRESET);
		ASSERT_EQ(ret[1], -ECONNRESET);
		ASSERT_EQ(ret[2], -ECONNRESET);
		/* one of the two, and the other one is told so */
		ASSERT_EQ(ret[3] + ret[4], -EALREADY);
		ASSERT_EQ(received, sent);
		ASSERT_EQ(kdbus_client_byebye(&c), -EALREADY);
		kdbus_client_close(&c);
		total += sent;
		cut += sent < MESSAGES;
		first += !ret[3];
	}
	printf("# %d messages in %d lives, %d of which ended before the last one was sent\n",
	       total, i, cut);
	printf("# %d by one of those who say goodbye\n", first);
}

static int close_amid(int fd)
{
	wait_for_enough();
	dally(2);
	return close_it(fd);
}

/* Says goodbye as soon as it may, which can be before the close or too late. */
static int bye_amid(int fd)
{
	dally(1);
	return bye(fd);
}

/*
 * spec 7.10, 1.7: in the middle of what other threads do with the file. A
 * message that was sent is received or dropped, and the connection ends by the
 * close or before.
 */
TEST(close_against_everything)
{
	int i, ret[5], byes = 0, lost = 0;

	bus_new(&bus);
	client_new(&sender, &bus);
	for (i = 0; go_on(i, FEW, byes, i - byes) ||
		    go_on(i, FEW, lost, i - lost); i++, turn++) {
		use_and_end(i % MESSAGES, close_amid, bye_amid, ret);
		ASSERT(is_over(ret[0]) && is_over(ret[1]) && is_over(ret[2]));
		ASSERT_OK(ret[3]);
		expect_done_or_closed(ret[4], -ECONNRESET);
		ASSERT(received <= sent);
		ASSERT_EQ(listed("buses", &bus, 0, "conns"), 1);
		ASSERT_OK(munmap(c.pool, c.hello.pool_size));
		byes += !ret[4];
		lost += received < sent;
	}
	printf("# of %d lives %d ended by BYEBYE, and %d with messages that nobody received\n",
	       i, byes, lost);
}
