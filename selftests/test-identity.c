// SPDX-License-Identifier: GPL-2.0
/*
 * Who a connection is: to whom it counts and what it may, for those who speak
 * for others, change their uid, or use a file that another opened.
 */
#include "fixtures.h"

#define LABEL "a given label"

static struct bus bus;
static struct kdbus_client r;

/* A connection that speaks for @uid, or for a label, or for both. */
static int proxy_new(struct kdbus_client *c, const __u64 *uid,
		     const char *label)
{
	struct kdbus_builder b;

	hello_init(&b, 0);
	if (uid) {
		struct kdbus_creds creds = { .uid = *uid, .gid = *uid };

		kdbus_build_item(&b, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	}
	if (label)
		kdbus_build_string(&b, KDBUS_ITEM_SECLABEL, label);
	return kdbus_client_hello(c, bus.path, &b);
}

static void proxy_for(struct kdbus_client *c, __u64 uid)
{
	ASSERT_OK(proxy_new(c, &uid, NULL));
}

static void setup(void)
{
	bus_new(&bus);
	client_with(&r, &bus, _KDBUS_ATTACH_ALL, NULL);
}

/* ---- what is told ------------------------------------------------------ */

/* spec 7.4, 25: what was not given is not told, neither is the proxy's own */
static void tells_only(struct kdbus_client *proxy, bool creds, bool label)
{
	static const __u64 never[] = {
		KDBUS_ITEM_PID_COMM, KDBUS_ITEM_TID_COMM, KDBUS_ITEM_EXE,
		KDBUS_ITEM_CMDLINE, KDBUS_ITEM_CAPS, KDBUS_ITEM_CGROUP,
		KDBUS_ITEM_AUDIT,
	};
	const struct kdbus_msg *msg = deliver(proxy, &r);
	const struct kdbus_conn_info *info;
	size_t i;

	ASSERT_OK(conn_info(&r, proxy->hello.id, NULL, _KDBUS_ATTACH_ALL,
			    &info));
	ASSERT_EQ(!!kdbus_msg_item(msg, KDBUS_ITEM_CREDS), creds);
	ASSERT_EQ(!!info_item(info, KDBUS_ITEM_CREDS), creds);
	ASSERT_EQ(!!kdbus_msg_item(msg, KDBUS_ITEM_SECLABEL), label);
	ASSERT_EQ(!!info_item(info, KDBUS_ITEM_SECLABEL), label);
	if (label)
		ASSERT_OK(strcmp(kdbus_msg_item(msg, KDBUS_ITEM_SECLABEL)->str,
				 LABEL));
	ASSERT(kdbus_msg_item(msg, KDBUS_ITEM_TIMESTAMP));
	for (i = 0; i < sizeof(never) / sizeof(*never); i++) {
		ASSERT(!kdbus_msg_item(msg, never[i]));
		ASSERT(!info_item(info, never[i]));
	}
}

TEST(one_given_item_does_not_bring_others)
{
	struct kdbus_client creds, label, both;
	__u64 uid = 1000;

	setup();
	ASSERT_OK(proxy_new(&creds, &uid, NULL));
	ASSERT_OK(proxy_new(&label, NULL, LABEL));
	ASSERT_OK(proxy_new(&both, &uid, LABEL));
	tells_only(&creds, true, false);
	tells_only(&label, false, true);
	tells_only(&both, true, true);
}

/* ---- what it counts for ------------------------------------------------ */

/* spec 7.4: only by leave of root, or somebody could use up another's */
TEST(a_given_uid_is_counted_if_root_gives_it)
{
	long long of_1000 = listed_user(1000, "conns"), of_root;
	struct kdbus_client c, d;

	setup();
	of_root = listed_user(0, "conns");
	proxy_for(&c, 1000);
	ASSERT_EQ(listed_user(1000, "conns"), of_1000 + 1);
	ASSERT_EQ(listed_user(0, "conns"), of_root);
	/* not one that cannot be anybody's, and not a label */
	proxy_for(&d, 1ULL << 32);
	ASSERT_EQ(listed_user(0, "conns"), of_root + 1);
	ASSERT_OK(proxy_new(&d, NULL, LABEL));
	ASSERT_EQ(listed_user(0, "conns"), of_root + 2);
	param_set("max_conns_per_user", of_1000 + 1);
	ASSERT_EQ(proxy_new(&d, &(__u64){ 1000 }, NULL), -EMFILE);
	kdbus_client_close(&c);
	proxy_for(&d, 1000);
}

/* spec 7.4 */
TEST(a_maker_of_a_bus_counts_for_himself)
{
	long long of_1000 = listed_user(1000, "conns");
	long long of_nobody = listed_user(NOBODY, "conns");
	struct kdbus_client c;

	become(NOBODY);
	bus_new(&bus);
	proxy_for(&c, 1000);
	become(0);
	ASSERT_EQ(listed_user(1000, "conns"), of_1000);
	ASSERT_EQ(listed_user(NOBODY, "conns"), of_nobody + 1);
}

static void hello_as(void *arg)
{
	struct kdbus_builder b;

	hello_init(&b, 0);
	ASSERT_OK(xioctl(*(int *)arg, KDBUS_CMD_HELLO, b.buf));
}

static void hello_with_two_uids(void *arg)
{
	ASSERT_OK(setresuid(1000, NOBODY, NOBODY));
	hello_as(arg);
}

/* spec 7.7: the real uid counts */
TEST(connections_count_for_the_real_uid)
{
	long long of_1000 = listed_user(1000, "conns");
	long long of_nobody = listed_user(NOBODY, "conns");
	int fd;

	setup();
	fd = ep_open(&bus);
	wait_for(spawn(hello_with_two_uids, &fd));
	ASSERT_EQ(listed_user(1000, "conns"), of_1000 + 1);
	ASSERT_EQ(listed_user(NOBODY, "conns"), of_nobody);
}

/* spec 11.4, 7.7: endpoints are no way around what a uid may have */
TEST(connections_through_endpoints_count_for_the_uid_too)
{
	long long of_root;
	struct kdbus_client c[2];
	struct kdbus_builder b;
	char path[200];

	setup();
	ep_new(&bus, "one", NULL, 0);
	ep_new(&bus, "two", NULL, 0);
	of_root = listed_user(0, "conns");
	client_at(&c[0], &bus, "one");
	client_at(&c[1], &bus, "two");
	ASSERT_EQ(listed_user(0, "conns"), of_root + 2);
	param_set("max_conns_per_user", of_root + 2);
	kdbus_endpoint_path(path, sizeof(path), bus.name, "one");
	hello_init(&b, 0);
	ASSERT_EQ(kdbus_client_hello(&c[0], path, &b), -EMFILE);
	kdbus_client_close(&c[1]);
	ASSERT_EQ(listed_user(0, "conns"), of_root + 1);
	client_at(&c[1], &bus, "two");
	kdbus_client_close(&c[1]);
	/* and for the endpoint */
	param_set("max_conns_per_user", 1);
	ASSERT_EQ(kdbus_client_hello(&c[1], path, &b), -EMFILE);
}

/* ---- what it may ------------------------------------------------------- */

/* spec 7.4, 16.5: the proxy's own uid, gid and privilege are out of the game */
TEST(a_given_uid_has_its_own_grants)
{
	struct kdbus_client p1000, p1001, label, h[4];

	setup();
	proxy_for(&p1000, 1000);
	proxy_for(&p1001, 1001);
	ASSERT_OK(proxy_new(&label, NULL, LABEL));
	holder_new(&h[0], &bus, "com.example.a", USER, 1000, OWN);
	holder_new(&h[1], &bus, "com.example.b", GROUP, 1000, OWN);
	holder_new(&h[2], &bus, "com.example.c", USER, 0, OWN);
	holder_new(&h[3], &bus, "com.example.d", GROUP, 0, OWN);
	ASSERT_OK(kdbus_client_acquire(&p1000, "com.example.a", 0));
	ASSERT_OK(kdbus_client_acquire(&p1000, "com.example.b", 0));
	ASSERT_EQ(kdbus_client_acquire(&p1000, "com.example.c", 0), -EPERM);
	ASSERT_EQ(kdbus_client_acquire(&p1000, "com.example.d", 0), -EPERM);
	ASSERT_EQ(kdbus_client_acquire(&p1000, "com.example.e", 0), -EPERM);
	ASSERT_EQ(kdbus_client_acquire(&p1001, "com.example.a", 0), -EPERM);
	ASSERT_EQ(kdbus_client_acquire(&label, "com.example.c", 0), -EPERM);
	/* who was given no uid has what everybody has */
	kdbus_client_close(&h[2]);
	holder_new(&h[2], &bus, "com.example.c", WORLD, 0, OWN);
	ASSERT_OK(kdbus_client_acquire(&label, "com.example.c", 0));
}

/* spec 7.4, 16.6 */
TEST(a_given_uid_talks_to_its_own)
{
	struct kdbus_client proxy, label, same, h;

	setup();
	become(1000);
	client_new(&same, &bus);
	become(0);
	proxy_for(&proxy, 1000);
	ASSERT_OK(proxy_new(&label, NULL, LABEL));
	holder_new(&h, &bus, "com.example.r", USER, 0, TALK);
	ASSERT_OK(kdbus_client_acquire(&r, "com.example.r", 0));
	/* it shares a process with root, not a uid */
	ASSERT_EQ(send_to(&proxy, r.hello.id, 1, "x"), -EPERM);
	ASSERT_EQ(send_to(&label, r.hello.id, 1, "x"), -EPERM);
	ASSERT_EQ(send_to(&label, label.hello.id, 1, "to myself"), 0);
	ASSERT_OK(send_to(&proxy, same.hello.id, 1, "x"));
	expect_msg(&same, proxy.hello.id, 1);
	/* others know it for whom it speaks for */
	become(1000);
	ASSERT_OK(send_to(&same, proxy.hello.id, 2, "x"));
	become(0);
	expect_msg(&proxy, same.hello.id, 2);
	become(NOBODY);
	client_new(&same, &bus);
	ASSERT_EQ(send_to(&same, proxy.hello.id, 3, "x"), -EPERM);
	become(0);
	kdbus_client_close(&h);
	holder_new(&h, &bus, "com.example.r", USER, 1000, TALK);
	ASSERT_OK(send_to(&proxy, r.hello.id, 4, "x"));
}

/* spec 7.7: names are for who said HELLO, whoever asks */
TEST(names_are_for_who_said_hello)
{
	struct kdbus_client c = { 0 }, h[2];

	setup();
	holder_new(&h[0], &bus, "com.example.nobodys", USER, NOBODY, OWN);
	holder_new(&h[1], &bus, "com.example.roots", USER, 0, OWN);
	/* opened without privilege, too */
	ASSERT_OK(seteuid(NOBODY));
	c.fd = ep_open(&bus);
	ASSERT_OK(seteuid(0));
	as_uid(NOBODY, hello_as, &c.fd);
	ASSERT_OK(kdbus_client_acquire(&c, "com.example.nobodys", 0));
	ASSERT_EQ(kdbus_client_acquire(&c, "com.example.roots", 0), -EPERM);
}
