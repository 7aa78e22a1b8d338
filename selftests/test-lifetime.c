// SPDX-License-Identifier: GPL-2.0
/*
 * What ends takes all below it along, refuses what comes too late, and gives
 * back what it was counted for.
 */
#include "fixtures.h"

#define ROUNDS 200

static struct bus bus;
static volatile int stop;

static const char *path_of(const char *endpoint)
{
	static char path[200];

	return kdbus_endpoint_path(path, sizeof(path), bus.name, endpoint);
}

/* spec 6.3, 6.4, 7.1: what comes too late on a bus */
TEST(a_bus_that_has_ended_takes_nothing)
{
	struct kdbus_builder b;
	int box, hello, make, inner;

	bus_new(&bus);
	box = ep_new(&bus, "box", NULL, 0);
	hello = ep_open(&bus);
	make = ep_open(&bus);
	inner = open(path_of("box"), O_RDWR);
	ASSERT(inner >= 0);
	close(bus.owner);

	hello_init(&b, 0);
	ASSERT_EQ(xioctl(hello, KDBUS_CMD_HELLO, b.buf), -ESHUTDOWN);
	ASSERT_EQ(xioctl(inner, KDBUS_CMD_HELLO, b.buf), -ESHUTDOWN);
	make_begin(&b, "late", 0);
	ASSERT_EQ(xioctl(make, KDBUS_CMD_EP_MAKE, b.buf), -ESHUTDOWN);
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	ASSERT_EQ(xioctl(box, KDBUS_CMD_EP_UPDATE, b.buf), -ESHUTDOWN);
	ASSERT_EQ(access(path_of("late"), F_OK), -1);
}

/* spec 7.1: an endpoint that has ended, of a bus that goes on */
TEST(an_endpoint_that_has_ended_takes_nothing)
{
	struct kdbus_client c;
	struct kdbus_builder b;
	int box, fd;

	bus_new(&bus);
	box = ep_new(&bus, "box", NULL, 0);
	fd = open(path_of("box"), O_RDWR);
	ASSERT(fd >= 0);
	close(box);
	/* what is wrong with the world is told before what is scarce */
	client_new(&c, &bus);
	param_set("max_conns_per_user", 1);
	hello_init(&b, 0);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, b.buf), -ESHUTDOWN);
	fd = ep_open(&bus);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, b.buf), -EMFILE);
}

/* spec 6.1, 6.2 */
TEST(a_domain_that_has_ended_takes_nothing)
{
	int domain = control_open(""), late, ep;
	struct kdbus_builder b;

	ASSERT_OK(domain_make_on(domain, "ends"));
	late = control_open("/domain/ends");
	ASSERT_OK(bus_make_on(late, "0-in"));
	ep = open(KDBUS_DEV "/domain/ends/0-in/bus", O_RDWR);
	ASSERT(ep >= 0);
	late = control_open("/domain/ends");
	close(domain);
	ASSERT_EQ(bus_make_on(late, "0-late"), -ESHUTDOWN);
	ASSERT_EQ(domain_make_on(late, "late"), -ESHUTDOWN);
	hello_init(&b, 0);
	ASSERT_EQ(xioctl(ep, KDBUS_CMD_HELLO, b.buf), -ESHUTDOWN);
	ASSERT_EQ(access(KDBUS_DEV "/domain/ends", F_OK), -1);
}

/* spec 1.5, 6.2, 6.3: lengths, and the name that is taken from the start */
TEST(names_of_objects_have_a_length)
{
	char name[65], path[300] = "";
	struct kdbus_builder b;
	int fd, i, ret;

	memset(name, 'x', sizeof(name) - 1);
	name[64] = 0;
	bus_new(&bus);
	ASSERT_EQ(domain_make_on(control_open(""), name), -ENAMETOOLONG);
	make_begin(&b, name, 0);
	ASSERT_EQ(ep_make_on(&bus, &b), -ENAMETOOLONG);
	make_begin(&b, "bus", 0);
	ASSERT_EQ(ep_make_on(&bus, &b), -EEXIST);
	name[63] = 0;
	ASSERT(ep_new(&bus, name, NULL, 0) >= 0);

	/* 63 bytes each are fine until the whole path is too long */
	for (i = 0;; i++) {
		fd = control_open(path);
		ASSERT(fd >= 0);
		ret = domain_make_on(fd, name);
		if (ret)
			break;
		strcat(strcat(path, "/domain/"), name);
	}
	ASSERT_EQ(ret, -ENAMETOOLONG);
	ASSERT_EQ(i, 3);
	/* a shorter one still fits there */
	ASSERT_OK(domain_make_on(fd, "short"));
}

/* ---- quotas ----------------------------------------------------------- */

/* spec 3.2, 27.7: whoever still has a file of it */
TEST(a_domain_is_given_back_when_it_ends)
{
	long long before = listed_user(0, "domains");
	int first = control_open(""), second = control_open("");
	int held;

	param_set("max_domains_per_user", before + 2);
	ASSERT_OK(domain_make_on(first, "counted"));
	held = control_open("/domain/counted");
	ASSERT(held >= 0);
	/* wherever it is */
	ASSERT_OK(domain_make_on(held, "inner"));
	ASSERT_EQ(domain_make_on(second, "more"), -EMFILE);
	ASSERT(control_open("/domain/counted") >= 0);
	close(first);
	ASSERT_EQ(listed_user(0, "domains"), before);
	ASSERT_OK(domain_make_on(second, "more"));
}

/* spec 3.2, 27.7 */
TEST(an_endpoint_is_given_back_when_it_ends)
{
	struct kdbus_client c;
	struct kdbus_builder b;
	long long before;
	int i, fd;

	bus_new(&bus);
	before = listed_user(0, "endpoints");
	param_set("max_endpoints_per_user", before + 1);
	for (i = 0; i < 3; i++) {
		fd = ep_new(&bus, "counted", NULL, 0);
		client_at(&c, &bus, "counted");
		make_begin(&b, "more", 0);
		ASSERT_EQ(ep_make_on(&bus, &b), -EMFILE);
		close(fd);
		/* the client has not noticed yet */
		ASSERT_EQ(listed_user(0, "endpoints"), before);
	}
	/* or the bus takes it along */
	ep_new(&bus, "counted", NULL, 0);
	close(bus.owner);
	ASSERT_EQ(listed_user(0, "endpoints"), before);
}

/* spec 3.1 */
TEST(a_bus_is_given_back_when_it_ends)
{
	long long before = listed_user(0, "buses");
	struct kdbus_client c;

	param_set("max_buses_per_user", before + 1);
	bus_new(&bus);
	client_new(&c, &bus);
	ASSERT_EQ(kdbus_bus_make("more", 0), -EMFILE);
	close(bus.owner);
	ASSERT_EQ(listed_user(0, "buses"), before);
	ASSERT(kdbus_bus_make("more", 0) >= 0);
}

static void come_and_go(void *arg)
{
	struct kdbus_client c;
	struct kdbus_builder m;

	(void)arg;
	client_new(&c, &bus);
	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_match));
	ASSERT_OK(kdbus_client_match_add(&c, &m));
}

/* spec 1.12, 3.1 */
TEST(what_a_connection_counts_for_is_given_back)
{
	long long conns, bytes;

	bus_new(&bus);
	conns = listed_user(NOBODY, "conns");
	bytes = listed_user(NOBODY, "match_bytes");
	as_uid(NOBODY, come_and_go, NULL);
	ASSERT_EQ(listed_user(NOBODY, "conns"), conns);
	ASSERT_EQ(listed_user(NOBODY, "match_bytes"), bytes);
}

static unsigned long long minor_of(const char *endpoint)
{
	struct stat st;

	ASSERT_OK(stat(path_of(endpoint), &st));
	return st.st_rdev;
}

/* spec 1.4, 27.7 */
/* A file found by an older number would be another endpoint's. */
TEST(minors_are_not_used_again_at_once)
{
	unsigned long long last = 0;
	int i, fd;

	bus_new(&bus);
	for (i = 0; i < 20; i++) {
		fd = ep_new(&bus, "again", NULL, 0);
		ASSERT(minor_of("again") != last);
		last = minor_of("again");
		close(fd);
	}
}

/* ---- at the same time -------------------------------------------------- */

/* Makes and ends one thing after the other, which others do too. */
static void *make_endpoints(void *arg)
{
	int i, made = 0;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		struct kdbus_builder b;
		int fd;

		make_begin(&b, "same", 0);
		fd = ep_make_on(&bus, &b);
		if (fd < 0) {
			ASSERT_EQ(fd, -EEXIST);
			continue;
		}
		/* while it is mine, its node is there */
		ASSERT_OK(access(path_of("same"), F_OK));
		close(fd);
		made++;
	}
	return (void *)(long)made;
}

static void *make_buses(void *arg)
{
	int i, made = 0;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		int fd = control_open(""), ret;

		ASSERT(fd >= 0);
		ret = bus_make_on(fd, "0-same");
		if (ret)
			ASSERT_EQ(ret, -EEXIST);
		else
			ASSERT_OK(access(KDBUS_DEV "/0-same/bus", F_OK));
		made += !ret;
		close(fd);
	}
	return (void *)(long)made;
}

static void in_threads(void *(*fn)(void *))
{
	pthread_t t[3];
	void *made;
	long sum = 0;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_OK(pthread_create(&t[i], NULL, fn, NULL));
	for (i = 0; i < 3; i++) {
		ASSERT_OK(pthread_join(t[i], &made));
		sum += (long)made;
	}
	ASSERT(sum > 0);
}

/* spec 1.8: a name is free when nothing of its last life is left */
TEST(an_endpoint_is_made_while_one_of_its_name_ends)
{
	bus_new(&bus);
	in_threads(make_endpoints);
	ASSERT_EQ(access(path_of("same"), F_OK), -1);
}

/* spec 1.8 */
TEST(a_bus_is_made_while_one_of_its_name_ends)
{
	in_threads(make_buses);
	ASSERT_EQ(access(KDBUS_DEV "/0-same", F_OK), -1);
}

static void *make_on_bus(void *arg)
{
	while (!stop) {
		struct kdbus_builder b;
		int fd, ret;

		fd = open(arg, O_RDWR);
		if (fd < 0)
			continue;
		make_begin(&b, "racing", 0);
		ret = xioctl(fd, KDBUS_CMD_EP_MAKE, b.buf);
		ASSERT(!ret || ret == -ESHUTDOWN || ret == -EEXIST);
		close(fd);
	}
	return NULL;
}

static void *make_in_domain(void *arg)
{
	while (!stop) {
		int ret, fd = control_open(arg);

		if (fd < 0)
			continue;
		ret = bus_make_on(fd, "0-racing");
		ASSERT(!ret || ret == -ESHUTDOWN || ret == -EEXIST);
		close(fd);
	}
	return NULL;
}

/* spec 1.8: nothing that is made meanwhile outlives its parent */
TEST(endpoints_are_made_while_the_bus_ends)
{
	pthread_t t;
	int i, fd;

	ASSERT_OK(pthread_create(&t, NULL, make_on_bus,
				 KDBUS_DEV "/0-parent/bus"));
	for (i = 0; i < ROUNDS; i++) {
		fd = control_open("");
		ASSERT_OK(bus_make_on(fd, "0-parent"));
		close(fd);
		ASSERT_EQ(access(KDBUS_DEV "/0-parent", F_OK), -1);
	}
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
}

/* spec 1.8 */
TEST(buses_are_made_while_the_domain_ends)
{
	pthread_t t;
	int i, fd;

	ASSERT_OK(pthread_create(&t, NULL, make_in_domain, "/domain/parent"));
	for (i = 0; i < ROUNDS / 2; i++) {
		fd = control_open("");
		ASSERT_OK(domain_make_on(fd, "parent"));
		close(fd);
		ASSERT_EQ(access(KDBUS_DEV "/domain/parent", F_OK), -1);
	}
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
}
