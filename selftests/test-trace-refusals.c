// SPDX-License-Identifier: GPL-2.0
/* Whatever is refused says so in the trace events, and says why. */
#include "kdbus_enums.h"
#include "tracelog.h"

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	trace_start();
	bus_new(&bus);
}

static void setup_two(void)
{
	setup();
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static int control_open(void)
{
	int fd = open(KDBUS_DEV "/control", O_RDWR | O_CLOEXEC);

	ASSERT(fd >= 0);
	return fd;
}

static void grant(struct kdbus_builder *k, const char *name, __u64 level)
{
	struct kdbus_policy_access world = { KDBUS_POLICY_ACCESS_WORLD, level,
					     0 };

	if (name)
		kdbus_build_string(k, KDBUS_ITEM_NAME, name);
	kdbus_build_item(k, KDBUS_ITEM_POLICY_ACCESS, &world, sizeof(world));
}

static void ep_begin(struct kdbus_builder *k, const char *name)
{
	struct kdbus_cmd_make *cmd = kdbus_build_cmd(k, sizeof(*cmd));

	cmd->flags = KDBUS_MAKE_ACCESS_WORLD;
	kdbus_build_string(k, KDBUS_ITEM_MAKE_NAME, name);
}

static int memfd_new(const char *name)
{
	struct kdbus_cmd_memfd_make *cmd;
	struct kdbus_builder k;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	kdbus_build_string(&k, KDBUS_ITEM_MEMFD_NAME, name);
	ASSERT_OK(xioctl(a.fd, KDBUS_CMD_MEMFD_NEW, cmd));
	return cmd->fd;
}

/* ---- commands --------------------------------------------------------- */

static void refuse(int fd, unsigned long cmd)
{
	ASSERT_EQ(xioctl(fd, cmd, NULL), -EFAULT);
}

static void refuse_memfd_commands(void)
{
	int fd = memfd_new("refused"), copy = dup(fd);

	refuse(fd, KDBUS_CMD_MEMFD_SIZE_GET);
	refuse(fd, KDBUS_CMD_MEMFD_SIZE_SET);
	refuse(fd, KDBUS_CMD_MEMFD_SEAL_GET);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SEAL_SET, (void *)1), -ETXTBSY);
	close(copy);
	close(fd);
}

static void refuse_all_commands(void)
{
	static const unsigned long conn_cmds[] = {
		KDBUS_CMD_MSG_SEND, KDBUS_CMD_MSG_RECV, KDBUS_CMD_MSG_CANCEL,
		KDBUS_CMD_FREE, KDBUS_CMD_NAME_ACQUIRE, KDBUS_CMD_NAME_RELEASE,
		KDBUS_CMD_NAME_LIST, KDBUS_CMD_CONN_INFO,
		KDBUS_CMD_CONN_UPDATE, KDBUS_CMD_MATCH_ADD,
		KDBUS_CMD_MATCH_REMOVE,
	};
	int control = control_open(), ep = ep_open(&bus);
	struct kdbus_builder k;
	size_t i;

	refuse(control, KDBUS_CMD_BUS_MAKE);
	refuse(control, KDBUS_CMD_DOMAIN_MAKE);
	refuse(control, KDBUS_CMD_MEMFD_NEW);
	refuse(ep, KDBUS_CMD_HELLO);
	refuse(ep, KDBUS_CMD_EP_MAKE);
	ep_begin(&k, "custom");
	ASSERT_OK(xioctl(ep, KDBUS_CMD_EP_MAKE, k.buf));
	refuse(ep, KDBUS_CMD_EP_UPDATE);
	for (i = 0; i < sizeof(conn_cmds) / sizeof(*conn_cmds); i++)
		refuse(a.fd, conn_cmds[i]);
	ASSERT_OK(send_to(&b, a.hello.id, 1, "x"));
	ASSERT_EQ(kdbus_client_byebye(&a), -EBUSY);
	refuse_memfd_commands();
}

static int count_refused(const char *cmd)
{
	int n = 0, i;

	for (i = 0; find_nth("cmd_refuse", i); i++)
		n += !strcmp(text_of(find_nth("cmd_refuse", i), "cmd"), cmd);
	return n;
}

TEST(every_command_that_fails_says_so_once)
{
#define TEXT(sym, num, text) text,
	static const char * const commands[] = { KDBUS_CMD_TABLE(TEXT) };
	size_t i, n = sizeof(commands) / sizeof(*commands);
	struct event *e;

	setup_two();
	/* no refusals */
	expect_nothing(&a);
	ASSERT_OK(send_to(&a, a.hello.id, 1, "x"));
	expect_msg(&a, a.hello.id, 1);
	refuse_all_commands();
	trace_stop();

	for (i = 0; i < n; i++)
		if (count_refused(commands[i]) != 1)
			test_fail(__FILE__, __LINE__, "%s: %d events",
				  commands[i], count_refused(commands[i]));
	ASSERT_EQ(count("cmd_refuse"), n);
	for (i = 0; i < n; i++) {
		e = find("cmd_refuse", i);
		if (!strcmp(text_of(e, "cmd"), "byebye"))
			ASSERT_NUM(e, "ret", -EBUSY);
		else if (!strcmp(text_of(e, "cmd"), "memfd_seal_set"))
			ASSERT_NUM(e, "ret", -ETXTBSY);
		else
			ASSERT_NUM(e, "ret", -EFAULT);
	}
	/* who: nobody yet, and no bus, for the files that are no connection */
	ASSERT_EQ(count_with("cmd_refuse", "bus", 0), 7);
	ASSERT_EQ(count_with("cmd_refuse", "conn", 0), 10);
	ASSERT_EQ(count_with("cmd_refuse", "conn", a.hello.id), 12);
}

TEST(a_command_on_the_wrong_file_is_refused_and_seen)
{
	struct event *e;

	setup_two();
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_BUS_MAKE, NULL), -ENOTTY);
	close(bus.owner);
	ASSERT_EQ(kdbus_client_recv(&a, 0, 0, NULL), -ECONNRESET);
	trace_stop();

	e = find("cmd_refuse", 0);
	ASSERT_TEXT(e, "cmd", "bus_make");
	ASSERT_NUM(e, "ret", -ENOTTY);
	ASSERT_NUM(e, "bus", trace_bus);
	e = find("cmd_refuse", 1);
	ASSERT_TEXT(e, "cmd", "msg_recv");
	ASSERT_NUM(e, "ret", -ECONNRESET);
}

/* ---- sends ------------------------------------------------------------ */

TEST(a_refused_send_says_why)
{
	struct kdbus_client c;
	struct kdbus_builder m;
	int fds[2], i;

	setup_two();
	ASSERT_OK(kdbus_client_open(&c, bus.path, 0, 0, 1 << 20, NULL));
	ASSERT_EQ(send_to(&a, 99, 1, "x"), -ENXIO);
	ASSERT_EQ(send_to_name(&a, "com.example.none", "x"), -ESRCH);
	kdbus_build_msg(&m, c.hello.id, 3);
	ASSERT_OK(pipe(fds));
	kdbus_build_fds(&m, fds, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ECOMM);
	trace_stop();

	ASSERT_EQ(count("msg_send"), 3);
	ASSERT_EQ(count("msg_queue"), 0);
	ASSERT_NUM(find("msg_send", 0), "ret", -ENXIO);
	ASSERT_NUM(find("msg_send", 0), "dst", 99);
	ASSERT_NUM(find("msg_send", 1), "ret", -ESRCH);
	ASSERT_NUM(find("msg_send", 1), "name_id", 0);
	ASSERT_TEXT(find("msg_send", 1), "dst_name", "com.example.none");
	ASSERT_NUM(find("msg_send", 2), "ret", -ECOMM);
	ASSERT_NUM(find("msg_send", 2), "n_fds", 1);
	/* as commands, too */
	ASSERT_EQ(count("cmd_refuse"), 3);
	for (i = 0; i < 3; i++)
		ASSERT_NUM(find("cmd_refuse", i), "ret",
			   num(find("msg_send", i), "ret"));
}

/* ---- bounds ----------------------------------------------------------- */

static int put(struct kdbus_client *from, struct kdbus_client *to, size_t size)
{
	static char data[1 << 20];
	struct kdbus_builder m;

	kdbus_build_msg(&m, to->hello.id, kdbus_client_next_cookie(from));
	kdbus_build_vec(&m, data, size);
	return kdbus_client_send(from, &m);
}

/* The refusal of a kind, and that it belongs to the last refused message. */
static struct event *refusal(const char *kind, int ret)
{
	struct event *e = NULL;
	int i;

	for (i = 0; !e && find_nth("quota_refuse", i); i++)
		if (!strcmp(text_of(find_nth("quota_refuse", i), "kind"), kind))
			e = find_nth("quota_refuse", i);
	if (!e)
		test_fail(__FILE__, __LINE__, "no refusal of %s", kind);
	ASSERT_NUM(e, "ret", ret);
	return e;
}

static void check_sender(const struct event *e, int uid)
{
	ASSERT_NUM(e, "conn", b.hello.id);
	ASSERT_NUM(e, "src", a.hello.id);
	ASSERT_NUM(e, "uid", uid);
	ASSERT_NUM(find_with("msg_send", "msg", num(e, "msg"), 0), "ret",
		   num(e, "ret"));
}

TEST(bounds_of_a_pool)
{
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	struct event *e;
	int fds[3] = { 0, 0, 0 };

	setup();
	client_new(&a, &bus);
	client_new_pool(&b, &bus, 65536);
	param_set("max_msgs_per_sender", 2);
	param_set("max_fds_same_uid", 2);
	ASSERT_EQ(put(&a, &b, 40000), -EXFULL);
	ASSERT_EQ(put(&a, &b, 70000), -ENOBUFS);
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_fds(&m, fds, 3);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMFILE);
	ASSERT_OK(put(&a, &b, 100));
	ASSERT_OK(put(&a, &b, 100));
	ASSERT_EQ(put(&a, &b, 100), -ENOBUFS);
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	trace_stop();

	ASSERT_EQ(count("quota_refuse"), 4);
	e = refusal("share", -EXFULL);
	check_sender(e, 0);
	ASSERT(num(e, "asked") > 40000 && num(e, "used") == 0 &&
	       num(e, "limit") == 32768);
	e = refusal("pool", -ENOBUFS);
	check_sender(e, 0);
	ASSERT(num(e, "asked") > 65536);
	ASSERT_NUM(e, "limit", 65536);
	e = refusal("fds", -EMFILE);
	check_sender(e, 0);
	ASSERT_NUM(e, "asked", 3);
	ASSERT_NUM(e, "used", 0);
	ASSERT_NUM(e, "limit", 2);
	e = refusal("msgs", -ENOBUFS);
	check_sender(e, 0);
	ASSERT_NUM(e, "asked", 1);
	ASSERT_NUM(e, "used", 2);
	ASSERT_NUM(e, "limit", 2);
}

static void put_as_nobody(void *arg)
{
	struct kdbus_client c;

	(void)arg;
	client_new(&c, &bus);
	ASSERT_OK(put(&c, &b, 100000));
	ASSERT_EQ(put(&c, &b, 300000), -EXFULL);
	kdbus_client_close(&c);
}

/* spec 9.7: that the queue is full is told first, and of which bound it is */
TEST(a_full_queue_is_named_before_files_that_nobody_takes)
{
	struct kdbus_client c;
	struct kdbus_builder m;
	struct event *e;
	int fds[2];

	setup_two();
	ASSERT_OK(kdbus_client_open(&c, bus.path, 0, 0, 1 << 20, NULL));
	param_set("max_msgs_per_sender", 1);
	ASSERT_OK(send_to(&a, c.hello.id, 1, "x"));
	kdbus_build_msg(&m, c.hello.id, 2);
	ASSERT_OK(pipe(fds));
	kdbus_build_fds(&m, fds, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENOBUFS);
	trace_stop();

	ASSERT_EQ(count("quota_refuse"), 1);
	e = find("quota_refuse", 0);
	ASSERT_TEXT(e, "kind", "msgs");
	ASSERT_NUM(e, "conn", c.hello.id);
	ASSERT_NUM(e, "src", a.hello.id);
	ASSERT_NUM(e, "ret", -ENOBUFS);
	ASSERT_NUM(e, "msg", num(find("msg_send", 1), "msg"));
}

TEST(another_uid_is_named)
{
	struct event *e;

	setup();
	client_new_pool(&b, &bus, 1 << 20);
	as_uid(NOBODY, put_as_nobody, NULL);
	trace_stop();

	e = refusal("share", -EXFULL);
	ASSERT_NUM(e, "uid", NOBODY);
	ASSERT_NUM(e, "src", 2);
	ASSERT_NUM(e, "limit", (1 << 19) / 3);
	ASSERT_NUM(e, "used", num(find("pool_alloc", 0), "bytes"));
	ASSERT_NUM(find("pool_alloc", 0), "uid", NOBODY);
	ASSERT_NUM(find("pool_alloc", 0), "src", 2);
}

static int add_match(struct kdbus_client *c, __u64 cookie)
{
	struct kdbus_cmd_match match = { .size = sizeof(match),
					 .cookie = cookie };

	return xioctl(c->fd, KDBUS_CMD_MATCH_ADD, &match);
}

static void check_own(const char *kind, int ret)
{
	struct event *e = refusal(kind, ret);

	ASSERT_NUM(e, "conn", a.hello.id);
	ASSERT_NUM(e, "src", a.hello.id);
	ASSERT_NUM(e, "uid", 0);
	ASSERT_NUM(e, "asked", 1);
	ASSERT_NUM(e, "used", 1);
	ASSERT_NUM(e, "limit", 1);
}

TEST(bounds_of_a_connection)
{
	struct event *e;

	setup_two();
	param_set("max_requests_per_conn", 1);
	param_set("max_names_per_conn", 1);
	param_set("max_matches_per_conn", 1);
	param_set("max_notices_per_conn", 1);
	ASSERT_OK(request(&a, b.hello.id, 1, 60 * SEC));
	ASSERT_EQ(request(&a, b.hello.id, 2, 60 * SEC), -EMLINK);
	ASSERT_OK(add_match(&a, 1));
	ASSERT_EQ(add_match(&a, 2), -EMFILE);
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.one", 0));
	ASSERT_EQ(kdbus_client_acquire(&a, "com.example.two", 0), -E2BIG);
	/* the second notice is one too many */
	ASSERT_OK(kdbus_client_release(&a, "com.example.one"));
	trace_stop();

	ASSERT_EQ(count("quota_refuse"), 4);
	check_own("requests", -EMLINK);
	check_own("names", -E2BIG);
	check_own("matches", -EMFILE);
	e = refusal("requests", -EMLINK);
	ASSERT_NUM(find_with("msg_send", "cookie", 2, 0), "msg",
		   num(e, "msg"));
	e = refusal("notices", -ENOBUFS);
	ASSERT_NUM(e, "conn", a.hello.id);
	ASSERT_NUM(e, "src", 0);
	ASSERT_NUM(e, "uid", -1);
	ASSERT_NUM(e, "msg", num(find("notify_send", 1), "msg"));
	/* and the notice is lost for it, which is said */
	e = find_with("msg_drop", "msg", num(e, "msg"), 0);
	ASSERT_NUM(e, "conn", a.hello.id);
	ASSERT_TEXT(e, "reason", "undelivered");
	ASSERT_TEXT(e, "kind", "notify");
	ASSERT_NUM(e, "ret", -ENOBUFS);
	ASSERT_EQ(count_with("msg_queue", "msg", num(e, "msg")), 0);
}

TEST(a_copy_of_a_notice_that_is_lost_names_its_request)
{
	struct kdbus_client monitor;
	struct event *e;

	setup_two();
	ASSERT_OK(kdbus_client_open(&monitor, bus.path, KDBUS_HELLO_MONITOR, 0,
				    0, NULL));
	param_set("max_notices_per_conn", 0);
	ASSERT_OK(request(&a, b.hello.id, 4711, MSEC));
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 4711);
	trace_stop();

	ASSERT_EQ(count("msg_drop"), 1);
	e = find("msg_drop", 0);
	ASSERT_NUM(e, "conn", monitor.hello.id);
	ASSERT_NUM(e, "msg", num(find("notify_send", 0), "msg"));
	ASSERT_NUM(e, "cookie", 4711);
	ASSERT_TEXT(e, "reason", "undelivered");
}

static void exhaust_a_user(void *arg)
{
	struct kdbus_client c[2];
	struct kdbus_builder k;
	struct bus own;
	int fd;

	(void)arg;
	bus_new(&own);
	ASSERT_EQ(kdbus_bus_make("another", 0), -EMFILE);
	fd = ep_open(&own);
	ep_begin(&k, "first");
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_MAKE, k.buf));
	fd = ep_open(&own);
	ep_begin(&k, "second");
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_EP_MAKE, k.buf), -EMFILE);
	client_new(&c[0], &own);
	ASSERT_EQ(kdbus_client_open(&c[1], own.path, 0, 0, 4096, NULL),
		  -EMFILE);
	ASSERT_OK(kdbus_client_acquire(&c[0], "com.example.one", 0));
	ASSERT_EQ(kdbus_client_acquire(&c[0], "com.example.two", 0), -E2BIG);
}

/* What a refusal says of a bound of 1 that a user has. */
static void check_user_bound(const struct event *e, __u64 src)
{
	ASSERT_NUM(e, "conn", 0);
	ASSERT_NUM(e, "src", src);
	ASSERT_NUM(e, "uid", NOBODY);
	ASSERT_NUM(e, "asked", 1);
	ASSERT_NUM(e, "used", 1);
	ASSERT_NUM(e, "limit", 1);
	ASSERT_NUM(e, "msg", 0);
}

TEST(bounds_of_a_user)
{
	static const char * const kinds[] = { "buses", "endpoints", "conns" };
	struct event *e;
	size_t i;

	trace_start();
	param_set("max_buses_per_user", 1);
	param_set("max_endpoints_per_user", 1);
	param_set("max_conns_per_user", 1);
	param_set("max_names_per_user", 1);
	as_uid(NOBODY, exhaust_a_user, NULL);
	trace_stop();

	ASSERT_EQ(count("quota_refuse"), 4);
	for (i = 0; i < 3; i++) {
		e = refusal(kinds[i], -EMFILE);
		ASSERT_NUM(e, "bus", i ? (long long)trace_bus : 0);
		check_user_bound(e, 0);
	}
	check_user_bound(refusal("names", -E2BIG),
			 num(find("conn_new", 0), "conn"));
}

static void exhaust_activators(void *arg)
{
	struct kdbus_builder k;
	struct kdbus_client c[2];
	struct bus own;

	(void)arg;
	bus_new(&own);
	hello_init(&k, KDBUS_HELLO_ACTIVATOR);
	grant(&k, "com.example.one", KDBUS_POLICY_OWN);
	ASSERT_OK(kdbus_client_hello(&c[0], own.path, &k));
	hello_init(&k, KDBUS_HELLO_ACTIVATOR);
	grant(&k, "com.example.two", KDBUS_POLICY_OWN);
	ASSERT_EQ(kdbus_client_hello(&c[1], own.path, &k), -E2BIG);
}

/* It is refused before it is a connection. */
TEST(bounds_of_activators)
{
	trace_start();
	param_set("max_names_per_user", 1);
	as_uid(NOBODY, exhaust_activators, NULL);
	trace_stop();

	ASSERT_EQ(count("conn_new"), 1);
	ASSERT_EQ(count("quota_refuse"), 1);
	check_user_bound(refusal("names", -E2BIG), 0);
}

TEST(a_notice_that_finds_no_room_stays_and_says_so)
{
	const struct kdbus_name_list *list;
	const struct kdbus_msg *msg;
	struct kdbus_client c;
	int ret;

	setup();
	client_new(&a, &bus);
	client_new_pool(&c, &bus, 4096);
	ASSERT_OK(add_match(&c, 1));
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.one", 0));
	while (!(ret = kdbus_client_list(&c, KDBUS_NAME_LIST_UNIQUE, &list)))
		;
	ASSERT_EQ(ret, -ENOBUFS);
	ASSERT_EQ(kdbus_client_recv(&c, 0, 0, &msg), -ENOBUFS);
	ASSERT_EQ(kdbus_client_recv(&c, KDBUS_RECV_PEEK, 0, &msg), -ENOBUFS);
	ASSERT_OK(kdbus_client_free(&c, list));
	ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg));
	trace_stop();

	ASSERT_EQ(count("msg_recv"), 3);
	ASSERT_NUM(find("msg_recv", 0), "ret", -ENOBUFS);
	ASSERT_NUM(find("msg_recv", 1), "ret", -ENOBUFS);
	ASSERT_TEXT(find("msg_recv", 1), "flags", "peek");
	ASSERT_NUM(find("msg_recv", 2), "ret", 0);
	ASSERT_NUM(find("quota_refuse", 1), "msg",
		   num(find("notify_send", 0), "msg"));
	ASSERT_EQ(count("quota_refuse"), 3);
}

/* ---- policy ----------------------------------------------------------- */

static int holder_new(const char *name, __u64 level)
{
	struct kdbus_builder k;
	int fd = ep_open(&bus);

	hello_init(&k, KDBUS_HELLO_POLICY_HOLDER);
	grant(&k, name, level);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_HELLO, k.buf));
	return fd;
}

static void denied(void *arg)
{
	struct kdbus_client c;

	(void)arg;
	client_new(&c, &bus);
	ASSERT_EQ(kdbus_client_acquire(&c, "com.example.x", 0), -EPERM);
	ASSERT_EQ(send_to(&c, a.hello.id, 11, "x"), -EPERM);
}

TEST(a_policy_that_refuses_is_named)
{
	struct event *e;

	setup_two();
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.a", 0));
	holder_new("com.example.x", KDBUS_POLICY_TALK);
	as_uid(NOBODY, denied, NULL);
	trace_stop();

	ASSERT_EQ(count("policy_deny"), 2);
	e = find("policy_deny", 0);
	ASSERT_TEXT(e, "level", "own");
	ASSERT_TEXT(e, "name", "com.example.x");
	ASSERT_NUM(e, "conn", 4);
	ASSERT_NUM(e, "peer", 0);
	ASSERT_NUM(e, "msg", 0);
	e = find("policy_deny", 1);
	ASSERT_TEXT(e, "level", "talk");
	ASSERT_TEXT(e, "name", "");
	ASSERT_NUM(e, "conn", 4);
	ASSERT_NUM(e, "peer", a.hello.id);
	ASSERT_NUM(e, "msg", num(find_with("msg_send", "cookie", 11, 0), "msg"));
	ASSERT_NUM(find_with("msg_send", "cookie", 11, 0), "ret", -EPERM);
}

static int conn_info(struct kdbus_client *c, __u64 id, const char *name)
{
	struct kdbus_cmd_conn_info *cmd;
	struct kdbus_builder k;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	cmd->id = id;
	if (name) {
		strcpy(k.buf + sizeof(*cmd), name);
		cmd->size += strlen(name) + 1;
	}
	return xioctl(c->fd, KDBUS_CMD_CONN_INFO, cmd);
}

/* To a sandbox it looks as if there were nothing; the events know better. */
TEST(what_a_sandbox_may_not_see_is_refused_by_policy)
{
	struct kdbus_client c;
	struct kdbus_builder k;
	char path[200];
	int i, fd;

	setup_two();
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.a", 0));
	fd = ep_open(&bus);
	ep_begin(&k, "box");
	grant(&k, "com.example.x", KDBUS_POLICY_OWN);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_MAKE, k.buf));
	ASSERT_OK(kdbus_client_open(&c, kdbus_endpoint_path(path, sizeof(path),
				    bus.name, "box"), 0, 0, 4096, NULL));
	ASSERT_EQ(send_to_name(&c, "com.example.a", "x"), -ESRCH);
	ASSERT_EQ(send_to(&c, a.hello.id, 12, "x"), -ENXIO);
	ASSERT_EQ(conn_info(&c, 0, "com.example.a"), -ESRCH);
	ASSERT_EQ(conn_info(&c, a.hello.id, NULL), -ENXIO);
	ASSERT_EQ(kdbus_client_release(&c, "com.example.a"), -ESRCH);
	/* these do not exist at all */
	ASSERT_EQ(send_to(&c, 99, 13, "x"), -ENXIO);
	ASSERT_EQ(conn_info(&c, 99, NULL), -ENXIO);
	trace_stop();

	ASSERT_EQ(count("policy_deny"), 5);
	for (i = 0; i < 5; i++) {
		struct event *e = find("policy_deny", i);

		ASSERT_TEXT(e, "level", "see");
		ASSERT_NUM(e, "conn", c.hello.id);
		ASSERT_TEXT(e, "name", i % 2 ? "" : "com.example.a");
		ASSERT_NUM(e, "peer", i % 2 ? a.hello.id : 0);
		ASSERT_NUM(e, "msg", i < 2 ? num(find("msg_send", i), "msg") : 0);
	}
}

TEST(uploads_of_policy_are_counted)
{
	struct kdbus_cmd_update *update;
	struct kdbus_builder k;
	struct event *e;
	int holder, fd;

	setup();
	holder = holder_new("com.example.x", KDBUS_POLICY_TALK);
	update = kdbus_build_cmd(&k, sizeof(*update));
	grant(&k, "com.example.y", KDBUS_POLICY_TALK);
	grant(&k, NULL, KDBUS_POLICY_SEE);
	grant(&k, NULL, KDBUS_POLICY_OWN);
	ASSERT_OK(xioctl(holder, KDBUS_CMD_CONN_UPDATE, update));

	fd = ep_open(&bus);
	ep_begin(&k, "box");
	grant(&k, "com.example.a", KDBUS_POLICY_OWN);
	grant(&k, NULL, KDBUS_POLICY_SEE);
	grant(&k, "com.example.b.*", KDBUS_POLICY_SEE);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_MAKE, k.buf));
	update = kdbus_build_cmd(&k, sizeof(*update));
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_UPDATE, update));
	trace_stop();

	ASSERT_EQ(count("policy_set"), 4);
	e = find("policy_set", 0);
	ASSERT_NUM(e, "endpoint", 0);
	ASSERT_NUM(e, "conn", 1);
	ASSERT_NUM(e, "names", 1);
	ASSERT_NUM(e, "grants", 1);
	/* nothing of a connection happens before it is there */
	ASSERT(find("conn_new", 0) < e);
	e = find("policy_set", 1);
	ASSERT_NUM(e, "conn", 1);
	ASSERT_NUM(e, "names", 1);
	ASSERT_NUM(e, "grants", 3);
	e = find("policy_set", 2);
	ASSERT_NUM(e, "endpoint", num(find("endpoint_new", 1), "endpoint"));
	ASSERT_NUM(e, "conn", 0);
	ASSERT_NUM(e, "names", 2);
	ASSERT_NUM(e, "grants", 3);
	e = find("policy_set", 3);
	ASSERT_NUM(e, "names", 0);
	ASSERT_NUM(e, "grants", 0);
}
