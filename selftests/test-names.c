// SPDX-License-Identifier: GPL-2.0
/* NAME_ACQUIRE, NAME_RELEASE and NAME_LIST. */
#include "harness.h"

#define REPLACE KDBUS_NAME_REPLACE_EXISTING
#define ALLOW KDBUS_NAME_ALLOW_REPLACEMENT
#define QUEUE KDBUS_NAME_QUEUE
#define NAME "org.kdbus.test"

static struct bus bus;
static struct kdbus_client a, b, c;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	client_new(&c, &bus);
}

/* A message to the name reaches this client. */
static void expect_owner(struct kdbus_client *owner)
{
	ASSERT_OK(send_to_name(&c, NAME, "x"));
	expect_msg(owner, c.hello.id, 1);
}

/* spec 13.1, 3 */
TEST(names_are_checked)
{
	static const char * const good[] = {
		"a.b", "_._", "a-b.c", "org.freedesktop.DBus", "a.b9.c_",
		"-.a",
	};
	static const char * const bad[] = {
		"", "a", ".", "a.", ".a", "a..b", "9.a", "a.9", "a.b*", "a.*",
		"*", "a b.c", "a.\xc3\xa4", "a/b.c", "a.b.",
	};
	char name[258] = "a.";
	size_t i;

	setup();
	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		ASSERT_OK(kdbus_client_acquire(&a, good[i], 0));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ASSERT_EQ(kdbus_client_acquire(&a, bad[i], 0), -EINVAL);
		ASSERT_EQ(kdbus_client_release(&a, bad[i]), -EINVAL);
	}
	memset(name + 2, 'x', 253);
	ASSERT_OK(kdbus_client_acquire(&a, name, 0));
	/* 255 bytes at the most; the command has no room for more */
	name[255] = 'x';
	ASSERT_EQ(kdbus_client_acquire(&a, name, 0), -EMSGSIZE);
}

/* spec 13.3, 13.4 */
TEST(commands_are_checked)
{
	struct kdbus_builder m;
	struct kdbus_cmd_name *cmd;

	setup();
	cmd = kdbus_build_cmd(&m, 64);
	strcpy(m.buf + 32, "a.b");
	cmd->size = 31;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd), -EINVAL);
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_RELEASE, cmd), -EINVAL);
	cmd->size = 32;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd), -EINVAL);
	cmd->size = 35;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd), -EINVAL);
	cmd->size = 36;
	cmd->flags = 1 << 5;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd), -EINVAL);
	cmd->flags = KDBUS_NAME_IN_QUEUE;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd), -EINVAL);
	cmd->flags = 1ULL << 40;
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd), -EINVAL);
	cmd->flags = 0;
	ASSERT_OK(xioctl(a.fd, KDBUS_CMD_NAME_ACQUIRE, cmd));
	ASSERT_OK(xioctl(a.fd, KDBUS_CMD_NAME_RELEASE, cmd));
}

/* spec 13.2, 13.3, 13.4 */
TEST(a_name_has_one_owner)
{
	setup();
	ASSERT_EQ(send_to_name(&c, NAME, "x"), -ESRCH);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	ASSERT_EQ(kdbus_client_acquire(&a, NAME, 0), -EALREADY);
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, 0), -EEXIST);
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, REPLACE), -EEXIST);
	expect_owner(&a);
	ASSERT_EQ(kdbus_client_release(&b, NAME), -EADDRINUSE);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_EQ(kdbus_client_release(&a, NAME), -ESRCH);
	ASSERT_EQ(send_to_name(&c, NAME, "x"), -ESRCH);
}

/* spec 13.3, decision 12 */
TEST(re_acquiring_updates_the_flags)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, REPLACE), -EEXIST);
	ASSERT_EQ(kdbus_client_acquire(&a, NAME, ALLOW), -EALREADY);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, REPLACE));
	expect_owner(&b);
	/* it did not ask to be queued, and lost it */
	ASSERT_EQ(kdbus_client_release(&a, NAME), -EADDRINUSE);
	/* REPLACE is not stored: b cannot be replaced */
	ASSERT_EQ(kdbus_client_acquire(&a, NAME, REPLACE), -EEXIST);
}

/* spec 13.2, 13.5 */
TEST(waiters_are_served_in_order)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, QUEUE), 1);
	ASSERT_EQ(kdbus_client_acquire(&c, NAME, QUEUE), 1);
	/* asking again keeps the place */
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, QUEUE), 1);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_OK(send_to_name(&a, NAME, "x"));
	expect_msg(&b, a.hello.id, 1);
	kdbus_client_close(&b);
	ASSERT_OK(send_to_name(&a, NAME, "x"));
	expect_msg(&c, a.hello.id, 1);
	ASSERT_OK(kdbus_client_release(&c, NAME));
	ASSERT_EQ(send_to_name(&a, NAME, "x"), -ESRCH);
}

/* spec 13.3, 25, decision 13 */
TEST(a_replaced_owner_waits_at_the_head)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, ALLOW | QUEUE));
	ASSERT_EQ(kdbus_client_acquire(&c, NAME, QUEUE), 1);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, REPLACE));
	expect_owner(&b);
	ASSERT_OK(kdbus_client_release(&b, NAME));
	expect_owner(&a);
	/* with its flags: it can be replaced again, also by one who waits */
	ASSERT_OK(kdbus_client_acquire(&c, NAME, REPLACE | QUEUE));
	ASSERT_OK(send_to_name(&a, NAME, "x"));
	expect_msg(&c, a.hello.id, 1);
	ASSERT_OK(kdbus_client_release(&c, NAME));
	expect_owner(&a);
	ASSERT_EQ(kdbus_client_release(&c, NAME), -EADDRINUSE);
}

/* spec 13.3, 13.4 */
TEST(who_is_refused_leaves_the_line)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, QUEUE), 1);
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, 0), -EEXIST);
	ASSERT_EQ(kdbus_client_release(&b, NAME), -EADDRINUSE);
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, QUEUE), 1);
	ASSERT_OK(kdbus_client_release(&b, NAME));
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_EQ(send_to_name(&c, NAME, "x"), -ESRCH);
}

/* spec 13.5 */
TEST(messages_stay_where_they_were_queued)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, ALLOW));
	ASSERT_OK(send_to_name(&c, NAME, "x"));
	ASSERT_OK(kdbus_client_acquire(&b, NAME, REPLACE));
	expect_nothing(&b);
	expect_msg(&a, c.hello.id, 1);
}

/* spec 3, 3.1, 3.2 */
TEST(names_per_connection_are_bounded)
{
	char name[32];
	int i;

	setup();
	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "a.b%d", i);
		if (i % 2)
			ASSERT_OK(kdbus_client_acquire(&b, name, 0));
		ASSERT_EQ(kdbus_client_acquire(&a, name, QUEUE), i % 2);
	}
	ASSERT_EQ(kdbus_client_acquire(&a, "a.b64", 0), -E2BIG);
	/* one it waits for counts like one it owns */
	ASSERT_OK(kdbus_client_release(&a, "a.b1"));
	ASSERT_OK(kdbus_client_acquire(&a, "a.b64", 0));
	ASSERT_EQ(kdbus_client_acquire(&a, "a.b65", 0), -E2BIG);
	/* being replaced takes the charge away */
	ASSERT_OK(kdbus_client_release(&a, "a.b64"));
	ASSERT_OK(kdbus_client_acquire(&a, "a.c", ALLOW));
	ASSERT_OK(kdbus_client_acquire(&b, "a.c", REPLACE));
	ASSERT_OK(kdbus_client_acquire(&a, "a.d", 0));
	ASSERT_EQ(kdbus_client_acquire(&a, "a.e", 0), -E2BIG);
}

/* spec 27.6, 3.2 */
TEST(ten_thousand_names_of_one_uid_are_refused)
{
	static struct kdbus_client many[10000 / 64 + 1];
	char name[32];
	int i, ret = 0;

	setup();
	become(NOBODY);
	for (i = 0; i < 10000 && !ret; i++) {
		if (i % 64 == 0)
			client_new_pool(&many[i / 64], &bus, 4096);
		snprintf(name, sizeof(name), "a.b%d", i);
		ret = kdbus_client_acquire(&many[i / 64], name, 0);
	}
	ASSERT_EQ(ret, -E2BIG);
	ASSERT_EQ(i, 4096 + 1);
	become(0);
	/* nobody else has fewer for that */
	ASSERT_OK(kdbus_client_acquire(&a, "a.other", 0));
	ASSERT_OK(kdbus_client_release(&many[0], "a.b0"));
	ASSERT_OK(kdbus_client_acquire(&many[64], "a.b0", 0));
}

/* ---- lists ------------------------------------------------------------ */

struct record {
	__u64 id, flags;
	const char *name;
};

static void expect_list(__u64 flags, const struct record *want, size_t n)
{
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *r;
	size_t i = 0;

	ASSERT_OK(kdbus_client_list(&c, flags, &list));
	kdbus_for_each_name(r, list) {
		ASSERT(i < n);
		ASSERT_EQ(r->owner_id, want[i].id);
		ASSERT_EQ(r->flags, want[i].flags);
		ASSERT_EQ(r->conn_flags, KDBUS_HELLO_ACCEPT_FD);
		if (want[i].name) {
			ASSERT_EQ(r->size, 32 + strlen(want[i].name) + 1);
			ASSERT_OK(strcmp(r->name, want[i].name));
		} else {
			ASSERT_EQ(r->size, 32);
		}
		i++;
	}
	ASSERT_EQ(i, n);
	ASSERT_OK(kdbus_client_free(&c, list));
	ASSERT_EQ(kdbus_client_free(&c, list), -ENXIO);
}

/* spec 13.6, 25 */
TEST(lists_hold_what_is_asked_for)
{
	const struct record all[] = {
		{ 1, ALLOW, "a.a" }, { 1, 0, "a.b" },
		{ 2, QUEUE | KDBUS_NAME_IN_QUEUE, "a.a" }, { 3, 0, NULL },
	};
	const struct record names[] = {
		{ 1, ALLOW, "a.a" }, { 1, 0, "a.b" },
	};
	const struct record unique[] = {
		{ 1, 0, NULL }, { 2, 0, NULL }, { 3, 0, NULL },
	};

	setup();
	ASSERT_OK(kdbus_client_acquire(&a, "a.a", ALLOW));
	ASSERT_OK(kdbus_client_acquire(&a, "a.b", 0));
	ASSERT_EQ(kdbus_client_acquire(&b, "a.a", QUEUE), 1);
	expect_list(0, NULL, 0);
	expect_list(KDBUS_NAME_LIST_NAMES, names, 2);
	expect_list(KDBUS_NAME_LIST_UNIQUE, unique, 3);
	expect_list(KDBUS_NAME_LIST_QUEUED, all + 2, 1);
	expect_list(15, all, 4);
	expect_list(~0ULL, all, 4);
}

/* spec 13.6, 8.3 */
TEST(a_long_list_is_whole)
{
	static struct kdbus_client clients[60];
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *r;
	char name[256];
	int i, n = 0;

	setup();
	for (i = 0; i < 60; i++) {
		client_new_pool(&clients[i], &bus, 4096);
		snprintf(name, sizeof(name), "a.b%d.%0200d", i, 0);
		memset(strrchr(name, '.') + 1, 'x', 200);
		ASSERT_OK(kdbus_client_acquire(&clients[i], name, 0));
	}
	ASSERT_OK(kdbus_client_list(&c, KDBUS_NAME_LIST_NAMES, &list));
	kdbus_for_each_name(r, list)
		n++;
	ASSERT_EQ(n, 60);
	/* where it does not fit there is none */
	ASSERT_EQ(kdbus_client_list(&clients[0], KDBUS_NAME_LIST_NAMES, &list),
		  -ENOBUFS);
}

#define PEERS 200

static volatile int stop;

static void *take_and_give(void *arg)
{
	static const char * const names[] = { "a.first", "a.last" };
	struct kdbus_client *ends = arg;
	unsigned int i;

	for (i = 0; !stop; i++) {
		struct kdbus_client *owner = &ends[i % 2];

		ASSERT_OK(kdbus_client_acquire(owner, names[i % 2], 0));
		ASSERT_OK(kdbus_client_release(owner, names[i % 2]));
	}
	return NULL;
}

/*
 * Who is there all the time is there once, with its two names side by side, and
 * no name is there twice.
 */
static void expect_whole(const struct kdbus_client *peers)
{
	unsigned int seen[PEERS] = { 0 }, n_first = 0, n_last = 0;
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *r;
	__u64 last = 0;

	ASSERT_OK(kdbus_client_list(&c, KDBUS_NAME_LIST_NAMES |
				    KDBUS_NAME_LIST_UNIQUE, &list));
	kdbus_for_each_name(r, list) {
		__u64 i = r->owner_id - peers[0].hello.id;

		/* in the order of their ids, so records of one are adjacent */
		ASSERT(r->owner_id >= last);
		last = r->owner_id;
		if (i < PEERS) {
			ASSERT(r->size > sizeof(*r));
			seen[i]++;
		} else if (r->size > sizeof(*r)) {
			n_first += !strcmp(r->name, "a.first");
			n_last += !strcmp(r->name, "a.last");
		}
	}
	for (last = 0; last < PEERS; last++)
		ASSERT_EQ(seen[last], 2);
	ASSERT(n_first <= 1 && n_last <= 1);
	ASSERT_OK(kdbus_client_free(&c, list));
}

/* spec 13.6, 25: the lock is dropped in between, which nobody sees */
TEST(a_list_is_whole_while_names_change)
{
	static struct kdbus_client peers[PEERS], ends[2];
	char name[64];
	pthread_t t;
	int i, k;

	setup();
	client_new(&ends[0], &bus);
	for (i = 0; i < PEERS; i++) {
		client_new_pool(&peers[i], &bus, 4096);
		for (k = 0; k < 2; k++) {
			snprintf(name, sizeof(name), "a.b%d.c%d", i, k);
			ASSERT_OK(kdbus_client_acquire(&peers[i], name, 0));
		}
	}
	client_new(&ends[1], &bus);
	expect_whole(peers);
	ASSERT_OK(pthread_create(&t, NULL, take_and_give, ends));
	for (i = 0; i < 100; i++)
		expect_whole(peers);
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
	expect_whole(peers);
}
