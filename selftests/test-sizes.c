// SPDX-License-Identifier: GPL-2.0
/* What bounds the size of a command, and of what a connection holds. */
#include "fixtures.h"

#define MAX_ITEMS 32768

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

/* A command with its sizes, and what comes of one of the greatest size. */
struct sized {
	unsigned long cmd;
	size_t min, max;
	int too_small, ret;
};

static char *buf;

/* A command of @size bytes: a header, and one item that nobody knows. */
static void *sized(const struct sized *s, size_t size)
{
	__u64 *words = (void *)buf;

	memset(buf, 0, MAX_ITEMS + 4096);
	words[0] = size;
	if (s->cmd == KDBUS_CMD_HELLO)
		((struct kdbus_cmd_hello *)buf)->pool_size = 4096;
	if (size > s->min && size <= s->max) {
		words[s->min / 8] = size - s->min;
		words[s->min / 8 + 1] = 0x7777;
	}
	return buf;
}

static void check_sizes(int fd, const struct sized *s)
{
	ASSERT_EQ(xioctl(fd, s->cmd, sized(s, 0)), s->too_small);
	ASSERT_EQ(xioctl(fd, s->cmd, sized(s, s->min - 1)), s->too_small);
	ASSERT_EQ(xioctl(fd, s->cmd, sized(s, s->max + 1)), -EMSGSIZE);
	ASSERT_EQ(xioctl(fd, s->cmd, sized(s, ~0UL)), -EMSGSIZE);
	if (s->max > s->min)
		ASSERT_EQ(xioctl(fd, s->cmd, sized(s, s->max)), s->ret);
}

static void sizes_begin(void)
{
	buf = mmap(NULL, MAX_ITEMS + 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(buf != MAP_FAILED);
	setup();
}

/* spec 3, 6.1, 6.2, 6.3, 6.4 */
TEST(commands_that_make_and_update_objects)
{
	static const struct sized bus_make = { KDBUS_CMD_BUS_MAKE, 16,
		32768, -EINVAL, -EBADMSG };
	static const struct sized domain_make = { KDBUS_CMD_DOMAIN_MAKE, 16,
		32768, -EINVAL, -EBADMSG };
	static const struct sized ep_make = { KDBUS_CMD_EP_MAKE, 16,
		32768, -EINVAL, -EBADMSG };
	static const struct sized ep_update = { KDBUS_CMD_EP_UPDATE, 8,
		8 + MAX_ITEMS, -EINVAL, 0 };

	sizes_begin();
	check_sizes(control_open(""), &bus_make);
	check_sizes(control_open(""), &domain_make);
	check_sizes(ep_open(&bus), &ep_make);
	check_sizes(ep_new(&bus, "box", NULL, 0), &ep_update);
}

/* spec 3, 7.1, 15.3, 17.7, 17.8, 20.1 */
TEST(commands_of_connections)
{
	static const struct sized hello = { KDBUS_CMD_HELLO, 80,
		32768, -EINVAL, 0 };
	static const struct sized cmds[] = {
		{ KDBUS_CMD_MSG_SEND, 64, 8192, -EMSGSIZE, -EINVAL },
		{ KDBUS_CMD_CONN_UPDATE, 8, 8 + MAX_ITEMS, -EINVAL, 0 },
		/* unknown items are no rules */
		{ KDBUS_CMD_MATCH_ADD, 16, 16 + MAX_ITEMS, -EINVAL, -EINVAL },
		{ KDBUS_CMD_MATCH_REMOVE, 16, 16, -EINVAL, 0 },
		/* what follows is no item, but a name that is no good */
		{ KDBUS_CMD_NAME_ACQUIRE, 32, 32 + 256, -EINVAL, -EINVAL },
		{ KDBUS_CMD_NAME_RELEASE, 32, 32 + 256, -EINVAL, -EINVAL },
		{ KDBUS_CMD_CONN_INFO, 32, 32 + 256, -EINVAL, -EINVAL },
		{ KDBUS_CMD_MEMFD_NEW, 24, 24 + MAX_ITEMS, -EINVAL, 0 },
	};
	size_t i;

	sizes_begin();
	check_sizes(ep_open(&bus), &hello);
	for (i = 0; i < sizeof(cmds) / sizeof(*cmds); i++)
		check_sizes(a.fd, &cmds[i]);
	expect_nothing(&a);
}

/* spec 13.1, 17.7: the longest name fits everywhere */
TEST(the_longest_name_fits)
{
	const struct kdbus_conn_info *info;
	struct kdbus_client act;
	char name[256] = "a.";

	setup();
	memset(name + 2, 'x', 253);
	ASSERT_OK(kdbus_client_acquire(&a, name, 0));
	ASSERT_OK(conn_info(&b, 0, name, 0, &info));
	ASSERT_EQ(info->id, a.hello.id);
	ASSERT_OK(send_to_name(&b, name, "x"));
	expect_msg(&a, b.hello.id, 1);
	ASSERT_OK(kdbus_client_release(&a, name));
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR, name));
	ASSERT_OK(match_rule(&b, 1, KDBUS_ITEM_NAME, name, sizeof(name)));
}

/* ---- module parameters ------------------------------------------------ */

static int hello_with_pool(__u64 size)
{
	struct kdbus_client c;
	int ret = kdbus_client_open(&c, bus.path, 0, 0, size, NULL);

	if (!ret)
		kdbus_client_close(&c);
	return ret;
}

/* spec 3.2, decisions 19, 20: both sides of a bound, and a change of it */
TEST(pools_are_bounded_by_a_parameter)
{
	setup();
	ASSERT_EQ(hello_with_pool((1ULL << 30) + 4096), -EFAULT);
	param_set("max_pool_size", 65536);
	ASSERT_OK(hello_with_pool(65536));
	ASSERT_EQ(hello_with_pool(65536 + 4096), -EFAULT);
	ASSERT_OK(send_to(&b, a.hello.id, 1, "older pools stay"));
}

/* spec 3.1, 3.2, 13.3 */
TEST(names_are_bounded_by_a_parameter)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&b, "a.taken", 0));
	param_set("max_names_per_conn", 2);
	ASSERT_OK(kdbus_client_acquire(&a, "a.one", 0));
	ASSERT_EQ(kdbus_client_acquire(&a, "a.taken", KDBUS_NAME_QUEUE), 1);
	ASSERT_EQ(kdbus_client_acquire(&a, "a.two", 0), -E2BIG);
	/* before the name is looked at, and before the flags are */
	ASSERT_EQ(kdbus_client_acquire(&a, "nodots", 0), -E2BIG);
	ASSERT_EQ(kdbus_client_acquire(&a, "a.two", 1 << 20), -E2BIG);
	ASSERT_OK(kdbus_client_release(&a, "a.taken"));
	ASSERT_OK(kdbus_client_acquire(&a, "a.two", 0));
}

/* spec 3.1, 3.2, 13.3: on all its connections; nobody else's are fewer */
TEST(names_of_a_uid_are_bounded_by_a_parameter)
{
	struct kdbus_client other;
	long long before;

	setup();
	client_new_as(&other, &bus, NOBODY);
	before = listed_user(0, "names");
	param_set("max_names_per_user", before + 2);
	ASSERT_OK(kdbus_client_acquire(&a, "a.one", KDBUS_NAME_QUEUE |
				       KDBUS_NAME_ALLOW_REPLACEMENT));
	ASSERT_EQ(kdbus_client_acquire(&b, "a.one", KDBUS_NAME_QUEUE), 1);
	ASSERT_EQ(listed_user(0, "names"), before + 2);
	ASSERT_EQ(kdbus_client_acquire(&a, "a.two", 0), -E2BIG);
	ASSERT_EQ(kdbus_client_acquire(&b, "nodots", 0), -E2BIG);
	ASSERT_OK(kdbus_client_acquire(&other, "a.two", 0));
	ASSERT_EQ(listed_user(0, "names"), before + 2);

	/* what is refused, wrong or there already is not charged */
	param_set("max_names_per_user", before + 3);
	ASSERT_EQ(kdbus_client_acquire(&a, "a.two", 0), -EEXIST);
	ASSERT_EQ(kdbus_client_acquire(&a, "nodots", 0), -EINVAL);
	ASSERT_EQ(kdbus_client_acquire(&b, "a.one", KDBUS_NAME_QUEUE), 1);
	ASSERT_EQ(listed_user(0, "names"), before + 2);
	/* a replaced owner waits, instead of who waited */
	ASSERT_OK(kdbus_client_acquire(&b, "a.one",
				       KDBUS_NAME_REPLACE_EXISTING));
	ASSERT_EQ(kdbus_client_acquire(&b, "a.one", 0), -EALREADY);
	ASSERT_EQ(listed_user(0, "names"), before + 2);
	ASSERT_OK(kdbus_client_release(&a, "a.one"));
	ASSERT_EQ(listed_user(0, "names"), before + 1);
	ASSERT_OK(kdbus_client_release(&b, "a.one"));
	ASSERT_EQ(listed_user(0, "names"), before);
}

/* spec 3.1, 3.2: a connection that goes gives back what it had */
TEST(names_are_given_back_by_who_goes)
{
	long long before;

	setup();
	before = listed_user(0, "names");
	param_set("max_names_per_user", before + 2);
	ASSERT_OK(kdbus_client_acquire(&a, "a.one", 0));
	ASSERT_EQ(kdbus_client_acquire(&b, "a.one", KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(kdbus_client_byebye(&a));
	ASSERT_EQ(listed_user(0, "names"), before + 1);
	kdbus_client_close(&b);
	ASSERT_EQ(listed_user(0, "names"), before);
}

/* spec 3.2, 14.1, 14.2: an activator counts for as long as it is one */
TEST(activators_count_for_their_uid)
{
	struct kdbus_client act, late;
	long long before;

	setup();
	before = listed_user(0, "names");
	param_set("max_names_per_user", before + 2);
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR, "a.act"));
	ASSERT_OK(kdbus_client_acquire(&a, "a.act", 0));
	ASSERT_EQ(listed_user(0, "names"), before + 2);
	/* what is wrong with the world is told before what is scarce */
	ASSERT_EQ(special_new(&late, &bus, KDBUS_HELLO_ACTIVATOR, "a.act"),
		  -EEXIST);
	ASSERT_EQ(special_new(&late, &bus, KDBUS_HELLO_ACTIVATOR, "a.late"),
		  -E2BIG);
	ASSERT_OK(special_new(&late, &bus, KDBUS_HELLO_POLICY_HOLDER,
			      "a.late"));
	kdbus_client_close(&late);
	/* back to the activator, and taken again */
	ASSERT_OK(kdbus_client_release(&a, "a.act"));
	ASSERT_EQ(listed_user(0, "names"), before + 1);
	ASSERT_OK(kdbus_client_acquire(&a, "a.act", 0));
	kdbus_client_close(&act);
	ASSERT_EQ(listed_user(0, "names"), before + 1);
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR, "a.act"));
	ASSERT_OK(kdbus_client_release(&a, "a.act"));
	/* with its name */
	kdbus_client_close(&act);
	ASSERT_EQ(listed_user(0, "names"), before);
}

/* spec 3.1, 3.2, 15.3: an entry that is refused is not charged either */
TEST(matches_are_bounded_by_parameters)
{
	static char mask[MAX_ITEMS];
	long long before;
	int i;

	setup();
	param_set("max_matches_per_conn", 2);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(match_rule(&a, 1, KDBUS_ITEM_ID, mask, 7), -EINVAL);
	ASSERT_OK(match_rule(&a, 1, 0, NULL, 0));
	ASSERT_OK(match_rule(&a, 2, 0, NULL, 0));
	ASSERT_EQ(match_rule(&a, 3, 0, NULL, 0), -EMFILE);
	ASSERT_OK(kdbus_client_match_remove(&a, 1));
	ASSERT_OK(match_rule(&a, 3, 0, NULL, 0));
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "matches"), 2);

	/* the bytes of one uid's matches, on all its connections */
	before = listed_user(0, "match_bytes");
	ASSERT(before > 0);
	param_set("max_match_bytes_per_user", before + 10000);
	ASSERT_OK(match_rule(&b, 1, KDBUS_ITEM_BLOOM_MASK, mask, 6400));
	ASSERT_EQ(match_rule(&b, 2, KDBUS_ITEM_BLOOM_MASK, mask, 6400),
		  -EMFILE);
	ASSERT_OK(match_rule(&b, 3, 0, NULL, 0));
	ASSERT_OK(kdbus_client_match_remove(&b, 1));
	ASSERT_OK(kdbus_client_match_remove(&b, 3));
	ASSERT_EQ(listed_user(0, "match_bytes"), before);
	/* a connection that goes gives back what it had */
	ASSERT_OK(match_rule(&b, 2, KDBUS_ITEM_BLOOM_MASK, mask, 6400));
	ASSERT(listed_user(0, "match_bytes") > before);
	kdbus_client_close(&b);
	ASSERT_EQ(listed_user(0, "match_bytes"), before);
}

static int send_files(struct kdbus_client *from, struct kdbus_client *to,
		      size_t n)
{
	struct kdbus_builder m;
	int fds[8] = { 0 };

	kdbus_build_msg(&m, to->hello.id, 1);
	kdbus_build_fds(&m, fds, n);
	return kdbus_client_send(from, &m);
}

static void send_files_as_other(void *arg)
{
	struct kdbus_client c;

	(void)arg;
	client_new(&c, &bus);
	ASSERT_OK(send_files(&c, &a, 2));
	ASSERT_EQ(send_files(&c, &a, 1), -EMFILE);
}

/* spec 3.2, 11.3 */
TEST(files_in_flight_are_bounded_by_parameters)
{
	struct kdbus_client c;

	setup();
	client_new(&c, &bus);
	param_set("max_fds_same_uid", 3);
	param_set("max_fds_per_sender", 2);
	ASSERT_OK(send_files(&b, &a, 2));
	ASSERT_EQ(send_files(&b, &a, 2), -EMFILE);
	ASSERT_OK(send_files(&b, &a, 1));
	ASSERT_EQ(send_files(&b, &a, 1), -EMFILE);
	/* each connection of the receiver's uid has its own */
	ASSERT_OK(send_files(&c, &a, 3));
	as_uid(NOBODY, send_files_as_other, NULL);
	/* until they are received */
	expect_msg(&a, b.hello.id, 1);
	ASSERT_OK(send_files(&b, &a, 2));
}

/* spec 3.1, 10.1 */
TEST(calls_are_bounded_by_a_parameter)
{
	setup();
	param_set("max_requests_per_conn", 2);
	ASSERT_OK(request(&a, b.hello.id, 1, 1000 * SEC));
	ASSERT_OK(request(&a, b.hello.id, 2, 1000 * SEC));
	ASSERT_EQ(request(&a, b.hello.id, 3, 1000 * SEC), -EMLINK);
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_OK(request(&a, b.hello.id, 3, 1000 * SEC));
}
