// SPDX-License-Identifier: GPL-2.0
/* Domains: made below each other, gone with the file that made them. */
#include <sched.h>
#include <sys/sysmacros.h>

#include "fixtures.h"

static int domain_make(int fd, struct kdbus_builder *b)
{
	return xioctl(fd, KDBUS_CMD_DOMAIN_MAKE, b->buf);
}

/* A domain in the one at @parent; the file that owns it. */
static int domain_new(const char *parent, const char *name)
{
	int fd = control_open(parent);

	ASSERT(fd >= 0);
	ASSERT_OK(domain_make_on(fd, name));
	return fd;
}

static int bus_in(const char *path, const char *name)
{
	int fd = control_open(path);

	ASSERT(fd >= 0);
	ASSERT_OK(bus_make_on(fd, name));
	return fd;
}

/* spec 6.2 */
TEST(make_checks_its_items)
{
	int fd = control_open("");
	struct kdbus_builder b;

	make_begin(&b, NULL, KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_EQ(domain_make(fd, &b), -EBADMSG);
	make_begin(&b, "one", KDBUS_MAKE_ACCESS_WORLD);
	kdbus_build_string(&b, KDBUS_ITEM_MAKE_NAME, "two");
	ASSERT_EQ(domain_make(fd, &b), -EEXIST);
	make_begin(&b, "a/b", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_EQ(domain_make(fd, &b), -EINVAL);
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	((struct kdbus_cmd_make *)b.buf)->flags |= 1ULL << 63;
	ASSERT_EQ(domain_make(fd, &b), -EOPNOTSUPP);
	((struct kdbus_cmd_make *)b.buf)->size = 8;
	ASSERT_EQ(domain_make(fd, &b), -EINVAL);
	((struct kdbus_cmd_make *)b.buf)->size = 32769;
	ASSERT_EQ(domain_make(fd, &b), -EMSGSIZE);
	make_begin(&b, "test-once", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_OK(domain_make(fd, &b));
	ASSERT_EQ(domain_make(fd, &b), -EBADFD);
	fd = control_open("");
	ASSERT_EQ(domain_make(fd, &b), -EEXIST);
}

/* spec 6.2: what is wrong with the world is told before what is scarce */
TEST(a_name_that_is_taken_is_told_first)
{
	int parent = domain_new("", "test-first"), in;

	in = control_open("/domain/test-first");
	param_set("max_domains_per_user", 0);
	ASSERT_EQ(domain_make_on(control_open(""), "test-second"), -EMFILE);
	ASSERT_EQ(domain_make_on(control_open(""), "test-first"), -EEXIST);
	ASSERT_EQ(domain_make_on(in, "inner"), -EMFILE);
	close(parent);
	ASSERT_EQ(domain_make_on(in, "inner"), -ESHUTDOWN);
}

static void make_unprivileged(void *arg)
{
	/* before anything else is looked at */
	(void)arg;
	ASSERT_EQ(xioctl(control_open(""), KDBUS_CMD_DOMAIN_MAKE, NULL), -EPERM);
}

/* spec 6.2 */
TEST(making_needs_the_capability)
{
	as_uid(NOBODY, make_unprivileged, NULL);
}

/* spec 1.3, 1.6, 1.7 */
TEST(a_domain_has_nodes_of_its_own)
{
	struct kdbus_client c;
	struct kdbus_builder b;
	struct stat st, initial;
	int fd, bus;

	fd = domain_new("", "test-d");
	ASSERT_OK(stat(KDBUS_DEV "/domain/test-d/control", &st));
	ASSERT_EQ(st.st_mode & 0777, 0666);
	ASSERT_OK(stat(KDBUS_DEV "/control", &initial));
	ASSERT(major(st.st_rdev) != major(initial.st_rdev));
	ASSERT_EQ(minor(st.st_rdev), 0);
	bus = bus_in("/domain/test-d", "0-test");
	ASSERT_OK(kdbus_client_open(&c, KDBUS_DEV "/domain/test-d/0-test/bus",
				    0, 0, 0, NULL));
	close(bus);
	ASSERT_EQ(access(KDBUS_DEV "/domain/test-d/0-test", F_OK), -1);
	close(fd);
	ASSERT_EQ(access(KDBUS_DEV "/domain/test-d", F_OK), -1);

	fd = control_open("");
	make_begin(&b, "test-closed", KDBUS_MAKE_ACCESS_WORLD);
	((struct kdbus_cmd_make *)b.buf)->flags = KDBUS_MAKE_ACCESS_GROUP;
	ASSERT_OK(domain_make(fd, &b));
	ASSERT_OK(stat(KDBUS_DEV "/domain/test-closed/control", &st));
	ASSERT_EQ(st.st_mode & 0777, 0600);
}

/* spec 1.8: whoever goes first, nothing below is left */
TEST(a_tree_ends_from_its_root)
{
	int root, child, bus, opened, i;
	struct kdbus_builder b;
	struct kdbus_client c;

	for (i = 0; i < 2; i++) {
		root = domain_new("", "test-root");
		child = domain_new("/domain/test-root", "child");
		bus = bus_in("/domain/test-root/domain/child", "0-test");
		ASSERT(bus >= 0);
		ASSERT_OK(kdbus_client_open(&c, KDBUS_DEV
			"/domain/test-root/domain/child/0-test/bus", 0, 0, 0,
			NULL));
		opened = control_open("/domain/test-root/domain/child");
		close(i ? child : root);
		ASSERT_EQ(kdbus_client_wait(&c, 1000), -ECONNRESET);
		make_begin(&b, "late", KDBUS_MAKE_ACCESS_WORLD);
		ASSERT_EQ(domain_make(opened, &b), -ESHUTDOWN);
		ASSERT_EQ(access(KDBUS_DEV "/domain/test-root/domain/child",
				 F_OK), -1);
		close(i ? root : child);
		close(bus);
		close(opened);
		kdbus_client_close(&c);
		ASSERT_EQ(access(KDBUS_DEV "/domain/test-root", F_OK), -1);
	}
}

/* Root of a user namespace, who was given a domain of his own. */
static void nest_domains(void *arg)
{
	int given = *(int *)arg, last;

	ASSERT_OK(unshare(CLONE_NEWUSER));
	map_root(0);
	ASSERT_EQ(domain_make_on(control_open(""), "test-mine"), -EPERM);
	ASSERT_OK(domain_make_on(given, "test-given"));
	domain_new("/domain/test-given", "a");
	last = domain_new("/domain/test-given/domain/a", "b");
	/* wherever below it is */
	ASSERT_EQ(domain_make_on(control_open("/domain/test-given"), "c"),
		  -EMFILE);
	ASSERT_EQ(domain_make_on(control_open("/domain/test-given/domain/a"
					      "/domain/b"), "c"), -EMFILE);
	close(last);
	domain_new("/domain/test-given", "c");
	ASSERT_EQ(domain_make_on(control_open("/domain/test-given"), "d"),
		  -EMFILE);
}

/* spec 1.4, 3.2, 27.7, decision 26: nor do they use up the machine's majors */
TEST(domains_of_user_namespaces_count_for_their_owners)
{
	int given = control_open(""), own;

	ASSERT_EQ(listed_user(0, "domains"), 0);
	param_set("max_domains_per_user", 3);
	wait_for(spawn(nest_domains, &given));
	/* what it was given is still there, and counts for the owner out here */
	own = domain_new("", "test-own");
	domain_new("/domain/test-given", "own");
	ASSERT_EQ(domain_make_on(control_open("/domain/test-own"), "more"),
		  -EMFILE);
	close(given);
	domain_new("/domain/test-own", "more");
	close(own);
}

static void *make_and_close(void *arg)
{
	int i;

	for (i = 0; i < 100; i++) {
		int fd = control_open(arg);

		if (fd < 0)
			continue;
		domain_make_on(fd, "racing");
		close(fd);
	}
	return NULL;
}

/* spec 1.8 */
TEST(making_races_with_the_end_of_the_parent)
{
	pthread_t t[2];
	int i, j;

	for (i = 0; i < 2; i++)
		ASSERT_OK(pthread_create(&t[i], NULL, make_and_close,
					 "/domain/test-race"));
	for (j = 0; j < 60; j++)
		close(domain_new("", "test-race"));
	for (i = 0; i < 2; i++)
		ASSERT_OK(pthread_join(t[i], NULL));
	ASSERT_EQ(access(KDBUS_DEV "/domain/test-race", F_OK), -1);
}
