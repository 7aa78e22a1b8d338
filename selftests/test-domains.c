// SPDX-License-Identifier: GPL-2.0
/* Domains: made below each other, gone with the file that made them. */
#include <sys/sysmacros.h>

#include "harness.h"

static int control(const char *path)
{
	char full[300];

	snprintf(full, sizeof(full), KDBUS_DEV "%s/control", path);
	return open(full, O_RDWR);
}

static void make_begin(struct kdbus_builder *b, const char *name)
{
	struct kdbus_cmd_make *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	cmd->flags = KDBUS_MAKE_ACCESS_WORLD;
	if (name)
		kdbus_build_string(b, KDBUS_ITEM_MAKE_NAME, name);
}

static int domain_make(int fd, struct kdbus_builder *b)
{
	return xioctl(fd, KDBUS_CMD_DOMAIN_MAKE, b->buf);
}

/* A domain in the one at @parent; the file that owns it. */
static int domain_new(const char *parent, const char *name)
{
	struct kdbus_builder b;
	int fd = control(parent);

	ASSERT(fd >= 0);
	make_begin(&b, name);
	ASSERT_OK(domain_make(fd, &b));
	return fd;
}

static int bus_in(const char *path, const char *name)
{
	struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 1 };
	struct kdbus_builder b;
	int fd = control(path);

	if (fd < 0)
		return -errno;
	make_begin(&b, name);
	kdbus_build_item(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	ASSERT_OK(xioctl(fd, KDBUS_CMD_BUS_MAKE, b.buf));
	return fd;
}

/* spec 6.2 */
TEST(make_checks_its_items)
{
	int fd = control("");
	struct kdbus_builder b;

	make_begin(&b, NULL);
	ASSERT_EQ(domain_make(fd, &b), -EBADMSG);
	make_begin(&b, "one");
	kdbus_build_string(&b, KDBUS_ITEM_MAKE_NAME, "two");
	ASSERT_EQ(domain_make(fd, &b), -EEXIST);
	make_begin(&b, "a/b");
	ASSERT_EQ(domain_make(fd, &b), -EINVAL);
	make_begin(&b, "x");
	((struct kdbus_cmd_make *)b.buf)->flags |= 1ULL << 63;
	ASSERT_EQ(domain_make(fd, &b), -EOPNOTSUPP);
	((struct kdbus_cmd_make *)b.buf)->size = 8;
	ASSERT_EQ(domain_make(fd, &b), -EINVAL);
	((struct kdbus_cmd_make *)b.buf)->size = 32769;
	ASSERT_EQ(domain_make(fd, &b), -EMSGSIZE);
	make_begin(&b, "test-once");
	ASSERT_OK(domain_make(fd, &b));
	ASSERT_EQ(domain_make(fd, &b), -EBADFD);
	fd = control("");
	ASSERT_EQ(domain_make(fd, &b), -EEXIST);
}

static void make_unprivileged(void *arg)
{
	/* before anything else is looked at */
	(void)arg;
	ASSERT_EQ(xioctl(control(""), KDBUS_CMD_DOMAIN_MAKE, NULL), -EPERM);
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

	fd = control("");
	make_begin(&b, "test-closed");
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
		opened = control("/domain/test-root/domain/child");
		close(i ? child : root);
		ASSERT_EQ(kdbus_client_wait(&c, 1000), -ECONNRESET);
		make_begin(&b, "late");
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

static void *make_and_close(void *arg)
{
	int i;

	for (i = 0; i < 100; i++) {
		struct kdbus_builder b;
		int fd = control(arg);

		if (fd < 0)
			continue;
		make_begin(&b, "racing");
		domain_make(fd, &b);
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
