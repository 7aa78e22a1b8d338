// SPDX-License-Identifier: GPL-2.0
/* BUS_MAKE: names, items, the order of checks, nodes and their lifetime. */
#include "harness.h"

static int control(void)
{
	int fd = open(KDBUS_DEV "/control", O_RDWR | O_CLOEXEC);

	ASSERT(fd >= 0);
	return fd;
}

static struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 1 };

/* A make command with a name and bloom parameters; either may be NULL. */
static void build(struct kdbus_builder *b, const char *name,
		  const struct kdbus_bloom_parameter *p)
{
	kdbus_build_cmd(b, sizeof(struct kdbus_cmd_make));
	if (p)
		kdbus_build_item(b, KDBUS_ITEM_BLOOM_PARAMETER, p, sizeof(*p));
	if (name)
		kdbus_build_string(b, KDBUS_ITEM_MAKE_NAME, name);
}

static int make(struct kdbus_builder *b)
{
	int fd = control();
	int ret = xioctl(fd, KDBUS_CMD_BUS_MAKE, b->buf);

	close(fd);
	return ret;
}

static int make_named(const char *name)
{
	struct kdbus_builder b;

	build(&b, name, &bloom);
	return make(&b);
}

/* spec 1.10, 1.11 */
TEST(bus_names_are_checked)
{
	char name[80] = "0-";

	ASSERT_OK(make_named("0-a"));
	ASSERT_OK(make_named("0-a.b-c_D9"));
	ASSERT_EQ(make_named("1-a"), -EINVAL);
	ASSERT_EQ(make_named("a"), -EINVAL);
	ASSERT_EQ(make_named("00-a"), -EINVAL);
	ASSERT_EQ(make_named("0-"), -EINVAL);
	ASSERT_EQ(make_named("0-a."), -EINVAL);
	ASSERT_EQ(make_named("0-a/b"), -EINVAL);
	ASSERT_EQ(make_named("0-\xc3\xa4"), -EINVAL);
	ASSERT_EQ(make_named(""), -EINVAL);

	memset(name + 2, 'x', 61);
	ASSERT_OK(make_named(name));
	name[63] = 'x';
	ASSERT_EQ(make_named(name), -ENAMETOOLONG);
}

/* spec 1.10 */
TEST(name_has_to_end_with_its_item)
{
	struct kdbus_builder b;

	build(&b, NULL, &bloom);
	kdbus_build_item(&b, KDBUS_ITEM_MAKE_NAME, "0-ab", 4);
	ASSERT_EQ(make(&b), -EINVAL);
	build(&b, NULL, &bloom);
	kdbus_build_item(&b, KDBUS_ITEM_MAKE_NAME, "0-a\0b", 5);
	ASSERT_EQ(make(&b), -EINVAL);
}

/* spec 6.1 */
TEST(items_are_needed_once)
{
	struct kdbus_builder b;

	build(&b, NULL, &bloom);
	ASSERT_EQ(make(&b), -EBADMSG);
	build(&b, "0-x", NULL);
	ASSERT_EQ(make(&b), -EBADMSG);
	build(&b, "0-x", &bloom);
	kdbus_build_string(&b, KDBUS_ITEM_MAKE_NAME, "0-y");
	ASSERT_EQ(make(&b), -EEXIST);
	build(&b, "0-x", &bloom);
	kdbus_build_item(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, 16);
	ASSERT_EQ(make(&b), -EEXIST);
	build(&b, "0-x", NULL);
	kdbus_build_item(&b, KDBUS_ITEM_BLOOM_PARAMETER, NULL, 24);
	ASSERT_EQ(make(&b), -EINVAL);
}

/* spec 4.5, decision 1 */
TEST(unknown_items_are_ignored)
{
	struct kdbus_builder b;

	build(&b, "0-x", &bloom);
	kdbus_build_item(&b, 0x7777, NULL, 5);
	ASSERT_OK(make(&b));
}

/* spec 4.1, 4.2, 4.3 */
TEST(malformed_items_are_refused)
{
	struct kdbus_builder b;
	struct kdbus_item *item;

	build(&b, "0-x", &bloom);
	item = kdbus_build_item(&b, 0x7777, NULL, 8);
	item->size = 16;
	ASSERT_EQ(make(&b), -EINVAL);
	item->size = 25;
	ASSERT_EQ(make(&b), -EINVAL);
	item->size = ~0ULL - 7;
	ASSERT_EQ(make(&b), -EINVAL);
	item->size = 24;
	ASSERT_OK(make(&b));
	/* half an item header behind the last one */
	b.msg.size += 8;
	memset(b.buf + b.size, 0, 8);
	ASSERT_EQ(make(&b), -EINVAL);
}

/* spec 6.1, 3 */
TEST(bloom_parameters_are_checked)
{
	static const struct { __u64 size, n_hash; int ret; } c[] = {
		{ 8, 1, 0 }, { 4096, 8, 0 }, { 0, 1, -EINVAL },
		{ 7, 1, -EINVAL }, { 12, 1, -EINVAL }, { 4104, 1, -EINVAL },
		{ 64, 0, -EINVAL },
	};
	struct kdbus_builder b;
	size_t i;

	for (i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct kdbus_bloom_parameter p = { c[i].size, c[i].n_hash };

		build(&b, "0-x", &p);
		ASSERT_EQ(make(&b), c[i].ret);
	}
}

/* spec 6.1, 3 */
TEST(sizes_and_flags_are_checked)
{
	struct kdbus_builder b;
	struct kdbus_cmd_make *cmd = (void *)b.buf;

	build(&b, "0-x", &bloom);
	cmd->size = 15;
	ASSERT_EQ(make(&b), -EINVAL);
	cmd->size = 32769;
	ASSERT_EQ(make(&b), -EMSGSIZE);
	build(&b, "0-x", &bloom);
	cmd->flags = 1ULL << 32;
	ASSERT_EQ(make(&b), -EOPNOTSUPP);
	/* checked before the prefix of the name, after the bloom parameters */
	build(&b, "7-x", &bloom);
	cmd->flags = 1ULL << 63;
	ASSERT_EQ(make(&b), -EOPNOTSUPP);
}

/* spec 6.1 */
TEST(a_name_exists_once)
{
	struct kdbus_builder b;
	int first = control(), second = control();

	build(&b, "0-once", &bloom);
	ASSERT_OK(xioctl(first, KDBUS_CMD_BUS_MAKE, b.buf));
	ASSERT_EQ(xioctl(second, KDBUS_CMD_BUS_MAKE, b.buf), -EEXIST);
	close(first);
	ASSERT_OK(xioctl(second, KDBUS_CMD_BUS_MAKE, b.buf));
}

/* spec 5.1 */
TEST(an_owner_takes_no_commands)
{
	struct bus bus;
	struct kdbus_builder b;

	bus_new(&bus);
	build(&b, "0-x", &bloom);
	ASSERT_EQ(xioctl(bus.owner, KDBUS_CMD_BUS_MAKE, b.buf), -EBADFD);
	ASSERT_EQ(xioctl(bus.owner, KDBUS_CMD_BYEBYE, NULL), -EBADFD);
	ASSERT_EQ(xioctl(bus.owner, 0x12345678, NULL), -EBADFD);
}

static void check_node(__u64 flags, mode_t mode, gid_t gid)
{
	int fd = kdbus_bus_make("node", flags);
	struct stat st;

	ASSERT(fd >= 0);
	ASSERT_OK(stat(KDBUS_DEV "/0-node/bus", &st));
	ASSERT(S_ISCHR(st.st_mode));
	ASSERT_EQ(st.st_mode & 07777, mode);
	ASSERT_EQ(st.st_uid, 0);
	ASSERT_EQ(st.st_gid, gid);
	close(fd);
	ASSERT_EQ(access(KDBUS_DEV "/0-node", F_OK), -1);
}

/* spec 1.6, 25 */
TEST(node_mode_follows_the_flags)
{
	ASSERT_OK(setresgid(5, 5, 5));
	check_node(0, 0600, 0);
	check_node(KDBUS_MAKE_ACCESS_GROUP, 0660, 5);
	check_node(KDBUS_MAKE_ACCESS_WORLD, 0666, 0);
	check_node(KDBUS_MAKE_ACCESS_WORLD | KDBUS_MAKE_ACCESS_GROUP, 0666, 0);
}

static void make_as_nobody(void *unused)
{
	struct stat st;
	int fd = kdbus_bus_make("mine", 0);

	(void)unused;
	ASSERT(fd >= 0);
	ASSERT_OK(stat(KDBUS_DEV "/65534-mine/bus", &st));
	ASSERT_EQ(st.st_uid, NOBODY);
	ASSERT_EQ(make_named("0-notmine"), -EINVAL);
}

/* spec 1.11, 6.1 */
TEST(anybody_makes_buses_under_his_uid)
{
	as_uid(NOBODY, make_as_nobody, NULL);
}

/* spec 6.1, 7.1, 25 */
TEST(flags_reach_every_hello)
{
	int fd = kdbus_bus_make("flags", KDBUS_MAKE_ACCESS_WORLD | 0x40);
	struct kdbus_client a, b;

	ASSERT(fd >= 0);
	ASSERT_OK(kdbus_client_open(&a, KDBUS_DEV "/0-flags/bus", 0, 0, 0, NULL));
	ASSERT_OK(kdbus_client_open(&b, KDBUS_DEV "/0-flags/bus", 0, 0, 0, NULL));
	ASSERT_EQ(a.hello.bus_flags, KDBUS_MAKE_ACCESS_WORLD | 0x40);
	ASSERT_EQ(a.hello.bloom.size, 64);
	ASSERT_EQ(a.hello.bloom.n_hash, 1);
	ASSERT_OK(memcmp(a.hello.id128, b.hello.id128, 16));
	ASSERT_EQ(a.hello.id, 1);
	ASSERT_EQ(b.hello.id, 2);
}

/* spec 3, 3.4, 27.4, decision 19 */
TEST(buses_per_user_are_bounded)
{
	int fds[3];

	param_set("max_buses_per_user", 2);
	fds[0] = kdbus_bus_make("q0", 0);
	fds[1] = kdbus_bus_make("q1", 0);
	ASSERT(fds[0] >= 0 && fds[1] >= 0);
	ASSERT_EQ(kdbus_bus_make("q2", 0), -EMFILE);
	close(fds[0]);
	fds[2] = kdbus_bus_make("q2", 0);
	ASSERT(fds[2] >= 0);
}

/* spec 1.4, 25 */
TEST(the_kernel_lists_the_nodes)
{
	char line[128];
	int found = 0;
	FILE *f = fopen("/proc/devices", "r");

	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		found |= !!strstr(line, " kdbus\n");
	fclose(f);
	ASSERT(found);
	ASSERT_OK(access("/sys/bus/kdbus", F_OK));
}
