// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events tell the truth, all of it, and each part once. Read
 * through an instance of tracefs, so that nobody else's tracing is disturbed.
 */
#include <dirent.h>

#include "tracelog.h"
#include "fixtures.h"

static struct bus bus;

static void setup(void)
{
	trace_start();
	bus_new(&bus);
}

static void receive_all(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;

	while (!kdbus_client_recv(c, 0, 0, &msg)) {
		kdbus_msg_close_fds(msg);
		ASSERT_OK(kdbus_client_free(c, msg));
	}
}

/* ---- what the kernel says of the events themselves -------------------- */

static char *slurp(const char *path)
{
	static char buf[1 << 17];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		test_fail(__FILE__, __LINE__, "cannot open %s", path);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = 0;
	return buf;
}

TEST(every_event_and_field_is_in_the_schema_and_none_is_a_pointer)
{
	char path[300], section[300], *schema, *fields, *line, *save;
	struct dirent *d;
	int n = 0;
	DIR *dir;

	schema = strdup(slurp("tracepoints/schema.rst"));
	dir = opendir(TRACE_EVENTS);
	ASSERT(dir);
	while ((d = readdir(dir))) {
		char *here, *next;

		if (strncmp(d->d_name, "kdbus_", 6))
			continue;
		n++;
		snprintf(section, sizeof(section), "\n%s\n", d->d_name);
		here = strstr(schema, section);
		if (!here)
			test_fail(__FILE__, __LINE__, "%s is not in schema.rst",
				  d->d_name);
		next = strstr(here + strlen(section), "\nkdbus_");
		here = next ? strndup(here, next - here) : strdup(here);

		snprintf(path, sizeof(path), TRACE_EVENTS "/%s/format", d->d_name);
		fields = slurp(path);
		ASSERT(!strstr(fields, "%p"));
		for (line = strtok_r(fields, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *end = strchr(line, ';'), *word;

			if (!strstr(line, "field:") || !end ||
			    strstr(line, " common_"))
				continue;
			*end = 0;
			end = strchr(line, '[');
			/* "__data_loc char[] name" and "char comm[16]" */
			if (end && end[1] != ']')
				*end = 0;
			word = strrchr(line, ' ') + 1;
			ASSERT(!strchr(line, '*'));
			snprintf(section, sizeof(section), "``%s``", word);
			if (!strstr(here, section))
				test_fail(__FILE__, __LINE__,
					  "field %s of %s is not in schema.rst",
					  word, d->d_name);
		}
		free(here);
	}
	closedir(dir);
	ASSERT(n >= 20);
}

/* ---- objects ---------------------------------------------------------- */

TEST(objects_appear_and_go_once)
{
	struct kdbus_client a, b;
	struct event *e;
	char comm[20];

	setup();
	client_new(&a, &bus);
	ASSERT_OK(kdbus_client_open(&b, bus.path, 0, KDBUS_ATTACH_CREDS,
				    1 << 20, "spectator"));
	ASSERT_OK(kdbus_client_byebye(&b));
	kdbus_client_close(&b);
	kdbus_client_close(&a);
	client_new(&a, &bus);
	close(bus.owner);
	trace_stop();

	e = find("bus_new", 0);
	ASSERT_TEXT(e, "name", bus.name);
	ASSERT_TEXT(e, "flags", "access_world");
	ASSERT_NUM(e, "uid", 0);
	ASSERT_TEXT(find("endpoint_new", 0), "mode", "0666");
	ASSERT_TEXT(find("endpoint_new", 0), "name", "bus");
	ASSERT_EQ(count("endpoint_new"), 1);
	ASSERT_EQ(count("endpoint_dead"), 1);
	ASSERT_EQ(count("bus_dead"), 1);
	trace_account_for_objects();

	ASSERT_EQ(count("conn_new"), 3);
	e = find("conn_new", 1);
	ASSERT_NUM(e, "conn", 2);
	ASSERT_NUM(e, "endpoint", num(find("endpoint_new", 0), "endpoint"));
	ASSERT_NUM(e, "pool_size", 1 << 20);
	ASSERT_NUM(e, "attach_flags", KDBUS_ATTACH_CREDS);
	ASSERT_NUM(e, "pid", getpid());
	ASSERT_NUM(e, "uid", 0);
	ASSERT_TEXT(e, "name", "spectator");
	ASSERT_TEXT(find("conn_new", 0), "flags", "accept_fd");
	snprintf(comm, sizeof(comm), "%s", text_of(e, "comm"));
	ASSERT(!strncmp(comm, "test-trace", 10));

	ASSERT_EQ(count("conn_dead"), 3);
	ASSERT_NUM(find("conn_dead", 0), "conn", 2);
	ASSERT_TEXT(find("conn_dead", 0), "reason", "byebye");
	ASSERT_NUM(find("conn_dead", 1), "conn", 1);
	ASSERT_TEXT(find("conn_dead", 1), "reason", "close");
	ASSERT_NUM(find("conn_dead", 2), "conn", 3);
	ASSERT_TEXT(find("conn_dead", 2), "reason", "shutdown");
}

static int control_at(const char *dir)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), KDBUS_DEV "%s/control", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

static void try_to_make(int fd, unsigned long cmd, const char *name, int want)
{
	struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 1 };
	struct kdbus_cmd_make *make;
	struct kdbus_builder k;

	make = kdbus_build_cmd(&k, sizeof(*make));
	make->flags = KDBUS_MAKE_ACCESS_WORLD;
	kdbus_build_string(&k, KDBUS_ITEM_MAKE_NAME, name);
	kdbus_build_item(&k, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	ASSERT_EQ(xioctl(fd, cmd, make), want);
}

static int make(int fd, unsigned long cmd, const char *name)
{
	try_to_make(fd, cmd, name, 0);
	return fd;
}

TEST(domains_and_endpoints_appear_below_each_other)
{
	struct event *outer, *inner, *e;
	int fds[4], i;

	trace_start();
	fds[0] = make(control_at(""), KDBUS_CMD_DOMAIN_MAKE, "outer");
	fds[1] = make(control_at("/domain/outer"), KDBUS_CMD_DOMAIN_MAKE,
		      "inner");
	fds[2] = make(control_at("/domain/outer/domain/inner"),
		      KDBUS_CMD_BUS_MAKE, "0-deep");
	fds[3] = open(KDBUS_DEV "/domain/outer/domain/inner/0-deep/bus",
		      O_RDWR);
	ASSERT(fds[3] >= 0);
	make(fds[3], KDBUS_CMD_EP_MAKE, "custom");
	close(fds[3]);
	for (i = 0; i < 3; i++)
		close(fds[i]);
	trace_stop();

	outer = find("domain_new", 0);
	ASSERT_TEXT(outer, "name", "outer");
	ASSERT_NUM(outer, "parent", 1);
	inner = find("domain_new", 1);
	ASSERT_TEXT(inner, "name", "inner");
	ASSERT_NUM(inner, "parent", num(outer, "domain"));
	e = find("bus_new", 0);
	ASSERT_NUM(e, "domain", num(inner, "domain"));
	ASSERT_NUM(find("bus_dead", 0), "domain", num(inner, "domain"));

	e = find("endpoint_new", 1);
	ASSERT_TEXT(e, "name", "custom");
	ASSERT_TEXT(e, "mode", "0666");
	/* what is made last goes first */
	ASSERT_NUM(find("endpoint_dead", 0), "endpoint", num(e, "endpoint"));
	ASSERT_EQ(count("endpoint_dead"), 2);
	ASSERT_EQ(count("bus_dead"), 1);
	ASSERT_EQ(count("domain_dead"), 2);
	trace_account_for_objects();
}

TEST(an_endpoint_has_a_policy_while_it_is_there)
{
	int ep;

	setup();
	ep = make(ep_open(&bus), KDBUS_CMD_EP_MAKE, "custom");
	close(bus.owner);
	close(ep);
	trace_stop();

	ASSERT_EQ(count("endpoint_dead"), 2);
	ASSERT_EQ(count("policy_set"), 2);
	ASSERT(find("endpoint_new", 1) < find("policy_set", 0));
	ASSERT(find("policy_set", 1) <
	       find_with("endpoint_dead", "endpoint",
			 num(find("endpoint_new", 1), "endpoint"), 0));
	trace_account_for_objects();
}

TEST(what_could_not_be_made_has_never_been_there)
{
	int fds[2];

	trace_start();
	fds[0] = make(control_at(""), KDBUS_CMD_DOMAIN_MAKE, "outer");
	fds[1] = control_at("/domain/outer");
	try_to_make(control_at(""), KDBUS_CMD_DOMAIN_MAKE, "outer", -EEXIST);
	close(fds[0]);
	try_to_make(fds[1], KDBUS_CMD_DOMAIN_MAKE, "late", -ESHUTDOWN);
	try_to_make(fds[1], KDBUS_CMD_BUS_MAKE, "0-late", -ESHUTDOWN);
	trace_stop();

	ASSERT_EQ(count("domain_new"), 1);
	ASSERT_EQ(count("domain_dead"), 1);
	ASSERT_EQ(count("bus_new"), 0);
	ASSERT_EQ(count("bus_dead"), 0);
}

static void attach(struct kdbus_client *c, __u64 flags)
{
	struct kdbus_cmd_update *cmd;
	struct kdbus_builder k;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	kdbus_build_item(&k, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	ASSERT_OK(xioctl(c->fd, KDBUS_CMD_CONN_UPDATE, cmd));
}

TEST(kinds_of_connections_and_their_updates)
{
	struct kdbus_client a, monitor;
	struct kdbus_builder k;
	int fd;

	setup();
	client_new(&a, &bus);
	ASSERT_OK(kdbus_client_open(&monitor, bus.path, KDBUS_HELLO_MONITOR, 0,
				    4096, "spy"));
	fd = ep_open(&bus);
	hello_init(&k, KDBUS_HELLO_ACTIVATOR);
	kdbus_build_string(&k, KDBUS_ITEM_NAME, "com.example.act");
	ASSERT_OK(xioctl(fd, KDBUS_CMD_HELLO, k.buf));
	fd = ep_open(&bus);
	hello_init(&k, KDBUS_HELLO_POLICY_HOLDER);
	kdbus_build_string(&k, KDBUS_ITEM_NAME, "com.example.hold");
	ASSERT_OK(xioctl(fd, KDBUS_CMD_HELLO, k.buf));
	attach(&a, KDBUS_ATTACH_CREDS | KDBUS_ATTACH_NAMES);
	attach(&a, 0);
	trace_stop();

	ASSERT_TEXT(find("conn_new", 0), "flags", "accept_fd");
	ASSERT_TEXT(find("conn_new", 1), "flags", "monitor");
	ASSERT_TEXT(find("conn_new", 1), "name", "spy");
	ASSERT_TEXT(find("conn_new", 2), "flags", "activator");
	ASSERT_TEXT(find("conn_new", 3), "flags", "policy_holder");
	ASSERT_EQ(count("conn_update"), 2);
	ASSERT_NUM(find("conn_update", 0), "conn", a.hello.id);
	ASSERT_NUM(find("conn_update", 0), "attach_flags",
		   KDBUS_ATTACH_CREDS | KDBUS_ATTACH_NAMES);
	ASSERT_NUM(find("conn_update", 1), "attach_flags", 0);
}

/* ---- messages --------------------------------------------------------- */

TEST(a_message_is_followed_from_send_to_receive)
{
	struct kdbus_client a, b;
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	char data[1000] = "";
	struct event *s, *q, *r;
	int fds[2];
	long long id;

	setup();
	client_new(&a, &bus);
	client_new(&b, &bus);
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.b", 0));
	ASSERT_OK(pipe(fds));
	kdbus_build_msg(&m, 0, 4711);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, "com.example.b");
	kdbus_build_vec(&m, data, sizeof(data));
	kdbus_build_vec(&m, data, 24);
	kdbus_build_fds(&m, fds, 2);
	m.msg.priority = -5;
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, &msg));
	ASSERT_OK(kdbus_client_free(&b, msg));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	trace_stop();

	ASSERT_EQ(count("msg_send"), 1);
	s = find("msg_send", 0);
	id = num(s, "msg");
	ASSERT(id > 0);
	ASSERT_NUM(s, "src", a.hello.id);
	ASSERT_NUM(s, "dst", b.hello.id);
	ASSERT_TEXT(s, "dst_name", "com.example.b");
	ASSERT_NUM(s, "cookie", 4711);
	ASSERT_NUM(s, "priority", -5);
	ASSERT_NUM(s, "bytes", 1024);
	ASSERT_NUM(s, "n_fds", 2);
	ASSERT_NUM(s, "n_memfds", 0);
	ASSERT_NUM(s, "ret", 0);
	ASSERT_NUM(s, "name_id", num(find("name_change", 0), "name_id"));
	ASSERT_NUM(find("msg_queue", 0), "name_id", num(s, "name_id"));
	ASSERT_NUM(find("msg_recv", 1), "name_id", num(s, "name_id"));

	ASSERT_EQ(count("msg_queue"), 1);
	q = find("msg_queue", 0);
	ASSERT_NUM(q, "msg", id);
	ASSERT_NUM(q, "conn", b.hello.id);
	ASSERT_NUM(q, "src", a.hello.id);
	ASSERT_NUM(q, "cookie", 4711);
	ASSERT_NUM(q, "depth", 1);
	ASSERT_TEXT(q, "kind", "signal");
	ASSERT_NUM(q, "pool_size", 16 << 20);
	ASSERT(num(q, "bytes") >= (long long)msg->size + 1024);
	ASSERT_NUM(q, "used", num(q, "bytes"));
	ASSERT_NUM(q, "offset", (const char *)msg - b.pool);

	/* a look at a message is told from taking it */
	ASSERT_EQ(count("msg_recv"), 2);
	ASSERT_TEXT(find("msg_recv", 0), "flags", "peek");
	r = find("msg_recv", 1);
	ASSERT_NUM(r, "msg", id);
	ASSERT_NUM(r, "conn", b.hello.id);
	ASSERT_NUM(r, "cookie", 4711);
	ASSERT_NUM(r, "bytes", num(q, "bytes"));
	ASSERT_NUM(r, "depth", 0);
	ASSERT_NUM(r, "ret", 0);
	ASSERT(num(r, "wait_ns") > 0 && num(r, "wait_ns") < 60000000000LL);
	ASSERT(q > s && r > q);
}

TEST(a_drop_says_what_and_why)
{
	struct kdbus_client a, b;
	const struct kdbus_msg *msg;
	struct event *e;

	setup();
	client_new(&a, &bus);
	client_new(&b, &bus);
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.b", 0));
	ASSERT_OK(send_to_name(&a, "com.example.b", "x"));
	ASSERT_OK(send_to(&a, b.hello.id, 2, "x"));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, &msg));
	kdbus_client_close(&b);
	trace_stop();

	ASSERT_EQ(count("msg_drop"), 2);
	e = find("msg_drop", 0);
	ASSERT_TEXT(e, "reason", "requested");
	ASSERT_NUM(e, "cookie", 1);
	ASSERT_NUM(e, "name_id", num(find("name_change", 0), "name_id"));
	ASSERT_NUM(e, "src", a.hello.id);
	ASSERT_NUM(e, "ret", 0);
	e = find("msg_drop", 1);
	ASSERT_TEXT(e, "reason", "disconnect");
	ASSERT_NUM(e, "cookie", 2);
	ASSERT_NUM(e, "name_id", 0);
	ASSERT_NUM(e, "ret", 0);
	ASSERT(e < find("conn_dead", 0));
}

static void talk_and_list(void *arg)
{
	const struct kdbus_name_list *list;
	struct kdbus_client c;

	client_new(&c, &bus);
	ASSERT_OK(send_to(&c, *(__u64 *)arg, 7, "x"));
	ASSERT_OK(kdbus_client_list(&c, KDBUS_NAME_LIST_UNIQUE, &list));
	ASSERT_OK(kdbus_client_free(&c, list));
}

TEST(pool_events_say_who_is_charged)
{
	struct event *e, *s, *f;
	struct kdbus_client a;

	setup();
	client_new(&a, &bus);
	as_uid(NOBODY, talk_and_list, &a.hello.id);
	expect_msg(&a, 2, 7);
	trace_stop();

	ASSERT_EQ(count("pool_alloc"), 2);
	ASSERT_EQ(count("pool_free"), 2);
	s = find("msg_send", 0);
	e = find_with("pool_alloc", "msg", num(s, "msg"), 0);
	ASSERT_NUM(e, "conn", a.hello.id);
	ASSERT_NUM(e, "src", 2);
	ASSERT_NUM(e, "uid", NOBODY);
	ASSERT_NUM(e, "change", 1);
	ASSERT_NUM(e, "bytes", num(find("msg_queue", 0), "bytes"));
	f = find_with("pool_free", "msg", num(s, "msg"), 0);
	ASSERT_NUM(f, "src", 2);
	ASSERT_NUM(f, "uid", NOBODY);
	ASSERT_NUM(f, "change", 2);
	ASSERT_NUM(f, "offset", num(e, "offset"));
	ASSERT_NUM(f, "used", 0);
	/* what one asks for oneself is on nobody's account */
	e = find_with("pool_alloc", "conn", 2, 0);
	ASSERT_NUM(e, "msg", 0);
	ASSERT_NUM(e, "src", 0);
	ASSERT_NUM(e, "uid", -1);
	ASSERT_NUM(find_with("pool_free", "conn", 2, 0), "uid", -1);
}

TEST(every_message_is_accounted_for)
{
	struct kdbus_client c[4];
	int i, sent = 0, refused = 0;
	unsigned int seed = 42;
	struct kdbus_builder m;
	static char data[70000];

	setup();
	for (i = 0; i < 4; i++)
		client_new(&c[i], &bus);
	for (i = 0; i < 600; i++) {
		struct kdbus_client *from = &c[rand_r(&seed) % 4];
		struct kdbus_client *to = &c[rand_r(&seed) % 4];
		const struct kdbus_msg *msg;

		switch (rand_r(&seed) % 6) {
		case 0:
			kdbus_client_recv(to, KDBUS_RECV_DROP, 0, &msg);
			break;
		case 1:
		case 2:
			if (!kdbus_client_recv(to, 0, 0, &msg) && i % 8)
				kdbus_client_free(to, msg);
			break;
		default:
			kdbus_build_msg(&m, rand_r(&seed) % 10 ? to->hello.id : 77,
					i + 1);
			kdbus_build_vec(&m, data, rand_r(&seed) % sizeof(data));
			if (kdbus_client_send(from, &m))
				refused++;
			else
				sent++;
		}
	}
	for (i = 0; i < 4; i++)
		kdbus_client_close(&c[i]);
	trace_stop();

	ASSERT(sent > 200 && refused > 10);
	ASSERT_EQ(count("msg_send"), sent + refused);
	ASSERT_EQ(count("msg_queue"), sent);
	trace_account_for_messages();
	trace_account_for_pools();
}

/* ---- calls ------------------------------------------------------------ */

static struct kdbus_client caller, server;

static void sync_call(__u64 timeout_ns, int want)
{
	const struct kdbus_msg *reply;
	struct kdbus_builder m;

	kdbus_build_msg(&m, server.hello.id, kdbus_client_next_cookie(&caller));
	ASSERT_EQ(kdbus_client_call(&caller, &m, timeout_ns, &reply), want);
	if (!want)
		ASSERT_OK(kdbus_client_free(&caller, reply));
}

static void *answer_one(void *arg)
{
	const struct kdbus_msg *msg;

	(void)arg;
	ASSERT_OK(kdbus_client_next(&server, 10000, &msg));
	ASSERT_OK(kdbus_client_reply(&server, msg, "yes", 4));
	ASSERT_OK(kdbus_client_free(&server, msg));
	return NULL;
}

/* What is known of a call's parts; without RECV there are none. */
static void check_parts(struct event *e, bool received)
{
	ASSERT(num(e, "age_ns") > 0);
	if (!received) {
		ASSERT_NUM(e, "wait_ns", -1);
		ASSERT_NUM(e, "service_ns", -1);
		return;
	}
	ASSERT(num(e, "wait_ns") > 0);
	ASSERT(num(e, "service_ns") > 0);
	ASSERT(num(e, "wait_ns") + num(e, "service_ns") <= num(e, "age_ns"));
}

static void check_call(int nth, const char *outcome, bool sync, bool received)
{
	struct event *s = find("call_start", nth), *e = NULL;
	int n, ends = 0;

	for (n = 0; find_nth("call_end", n); n++)
		if (num(find_nth("call_end", n), "msg") == num(s, "msg")) {
			e = find_nth("call_end", n);
			ends++;
		}
	ASSERT_EQ(ends, 1);
	ASSERT_TEXT(e, "outcome", outcome);
	ASSERT_NUM(e, "conn", caller.hello.id);
	ASSERT_NUM(e, "peer", server.hello.id);
	ASSERT_NUM(e, "cookie", num(s, "cookie"));
	ASSERT_NUM(e, "sync", sync);
	ASSERT_NUM(s, "sync", sync);
	check_parts(e, received);
	ASSERT(e > s);
}

TEST(every_call_ends_once_and_says_how)
{
	struct kdbus_client monitor;
	const struct kdbus_msg *msg;
	struct event *r;
	pthread_t t;

	setup();
	client_new(&caller, &bus);
	client_new(&server, &bus);
	ASSERT_OK(kdbus_client_open(&monitor, bus.path, KDBUS_HELLO_MONITOR, 0,
				    0, NULL));
	ASSERT_OK(pthread_create(&t, NULL, answer_one, NULL));
	sync_call(10 * SEC, 0);
	ASSERT_OK(pthread_join(t, NULL));

	ASSERT_OK(request(&caller, server.hello.id, 1001, 10 * SEC));
	answer_one(NULL);
	ASSERT_OK(kdbus_client_recv(&caller, 0, 0, &msg));
	ASSERT_OK(kdbus_client_free(&caller, msg));

	sync_call(20 * MSEC, -ETIMEDOUT);
	ASSERT_OK(kdbus_client_recv(&server, KDBUS_RECV_DROP, 0, &msg));
	ASSERT_OK(request(&caller, server.hello.id, 1002, 10 * MSEC));
	expect_notice(&caller, KDBUS_ITEM_REPLY_TIMEOUT, 1002);
	ASSERT_OK(kdbus_client_recv(&server, KDBUS_RECV_DROP, 0, &msg));

	ASSERT_OK(request(&caller, server.hello.id, 1003, 10 * SEC));
	kdbus_client_close(&server);
	expect_notice(&caller, KDBUS_ITEM_REPLY_DEAD, 1003);
	kdbus_client_close(&caller);
	receive_all(&monitor);
	kdbus_client_close(&monitor);
	trace_stop();

	ASSERT_EQ(count("call_start"), 5);
	ASSERT_EQ(count("call_end"), 5);
	ASSERT_EQ(count("call_reply"), 2);
	check_call(0, "answered", true, true);
	check_call(1, "answered", false, true);
	check_call(2, "timeout", true, false);
	check_call(3, "timeout", false, false);
	check_call(4, "dead", false, false);
	ASSERT_NUM(find("call_start", 3), "timeout_ns", 10 * MSEC);

	r = find("call_reply", 1);
	ASSERT_NUM(r, "msg", num(find("call_start", 1), "msg"));
	ASSERT_NUM(r, "conn", caller.hello.id);
	ASSERT_NUM(r, "peer", server.hello.id);
	ASSERT_NUM(r, "cookie", 1001);
	/* the reply is a message of its own */
	ASSERT_NUM(r, "reply", num(find("msg_send", 3), "msg"));
	ASSERT_NUM(find("msg_send", 3), "cookie_reply", 1001);

	/* the monitor's copies are about the same requests */
	ASSERT_EQ(count_with("msg_recv", "conn", monitor.hello.id), 9);
	ASSERT_NUM(find_with("msg_recv", "conn", monitor.hello.id, 6),
		   "cookie", 1002);
	ASSERT_EQ(count("notify_send"), 2);
	ASSERT_TEXT(find("notify_send", 0), "type", "reply_timeout");
	ASSERT_NUM(find("notify_send", 0), "cookie_reply", 1002);
	ASSERT_TEXT(find("notify_send", 1), "type", "reply_dead");
	ASSERT_NUM(find("notify_send", 1), "dst", caller.hello.id);
	trace_account_for_messages();
	trace_account_for_pools();
}

static void *answer_many(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	while (n--)
		answer_one(NULL);
	return NULL;
}

/* However fast it is received: the answer may be gone when that is told. */
TEST(a_reply_that_is_dropped_at_once_is_still_named)
{
	uintptr_t i, n = 1000;
	__u64 reply = 0;
	pthread_t t;

	setup();
	client_new(&caller, &bus);
	client_new(&server, &bus);
	ASSERT_OK(pthread_create(&t, NULL, answer_many, (void *)n));
	for (i = 1; i <= n; i++) {
		int ret;

		ASSERT_OK(request(&caller, server.hello.id, i, 60 * SEC));
		do {
			ret = kdbus_client_recv(&caller, KDBUS_RECV_DROP, 0,
						NULL);
		} while (ret == -EAGAIN);
		ASSERT_OK(ret);
	}
	ASSERT_OK(pthread_join(t, NULL));
	trace_stop();

	ASSERT_EQ(count("call_reply"), n);
	for (i = 0; i < n_events; i++) {
		if (is(&events[i], "msg_send") &&
		    num(&events[i], "cookie_reply"))
			reply = num(&events[i], "msg");
		else if (is(&events[i], "call_reply"))
			ASSERT_NUM(&events[i], "reply", reply);
	}
}

static void *cancelled_call(void *arg)
{
	(void)arg;
	sync_call(60 * SEC, -ECANCELED);
	return NULL;
}

TEST(a_cancelled_call_is_told_from_the_others)
{
	const struct kdbus_msg *msg;
	pthread_t t;

	setup();
	client_new(&caller, &bus);
	client_new(&server, &bus);
	ASSERT_OK(pthread_create(&t, NULL, cancelled_call, NULL));
	ASSERT_OK(kdbus_client_next(&server, 10000, &msg));
	ASSERT_OK(kdbus_client_cancel(&caller, msg->cookie));
	ASSERT_OK(pthread_join(t, NULL));
	/* an answer that comes too late is dropped, and that is said */
	ASSERT_OK(kdbus_client_reply(&server, msg, "late", 5));
	trace_stop();

	ASSERT_EQ(count("call_end"), 1);
	check_call(0, "cancelled", true, true);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* Sends the message on a page that stalls. */
static void *send_page(void *page)
{
	return (void *)(long)xioctl(caller.fd, KDBUS_CMD_MSG_SEND, page);
}

/*
 * A signal comes while the message is fetched. The first try lacks the payload,
 * and the send, which would have to wait, begins anew.
 */
TEST(a_send_that_a_signal_restarts_is_told_once)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };
	struct stall message, payload;
	struct kdbus_builder m;
	pthread_t t;
	void *ret;

	setup();
	client_new(&caller, &bus);
	client_new(&server, &bus);
	sigaction(SIGUSR1, &action, NULL);
	stall_new(&message);
	stall_new(&payload);
	kdbus_build_msg(&m, server.hello.id, 1);
	kdbus_build_vec(&m, payload.page, 8);
	ASSERT_OK(pthread_create(&t, NULL, send_page, message.page));
	stall_wait(&message);
	ASSERT_OK(pthread_kill(t, SIGUSR1));
	stall_serve(&message, m.buf, m.size);
	stall_wait(&payload);
	stall_serve(&payload, "stalled", 8);
	ASSERT_OK(pthread_join(t, &ret));
	ASSERT_OK((long)ret);
	expect_msg(&server, caller.hello.id, 1);
	trace_stop();

	ASSERT_EQ(count("msg_send"), 1);
	ASSERT_NUM(find("msg_send", 0), "ret", 0);
	ASSERT_EQ(count("cmd_refuse"), 0);
	/* it began anew, as a message of its own, which was tried twice */
	ASSERT_EQ(count("pool_alloc"), 3);
	ASSERT(num(find("pool_alloc", 0), "msg") !=
	       num(find("msg_send", 0), "msg"));
	ASSERT_EQ(num(find("pool_alloc", 1), "msg"),
		  num(find("msg_send", 0), "msg"));
}

/* A delay that is there on purpose; who measures reads the clock around it. */
static void delay(long ns)
{
	struct timespec ts = { .tv_nsec = ns };

	nanosleep(&ts, NULL);
}

/* When things happened, by the clock of whoever did them; ns. */
static struct {
	__u64 call, readable, recv, received, reply, replied, returned;
} at;

static void *serve_slowly(void *arg)
{
	const struct kdbus_msg *msg;

	(void)arg;
	ASSERT_EQ(kdbus_client_wait(&server, 10000), 1);
	at.readable = now_ns();
	delay(20 * MSEC);
	at.recv = now_ns();
	ASSERT_OK(kdbus_client_recv(&server, 0, 0, &msg));
	at.received = now_ns();
	delay(30 * MSEC);
	at.reply = now_ns();
	ASSERT_OK(kdbus_client_reply(&server, msg, "yes", 4));
	at.replied = now_ns();
	return NULL;
}

static void check_between(const struct event *e, const char *key, __u64 least,
			  __u64 most)
{
	__u64 value = num(e, key);

	if (value < least || value > most)
		test_fail(__FILE__, __LINE__, "%s is not from %llu to %llu: %s",
			  key, least, most, e->text);
}

TEST(a_call_has_three_parts_that_are_true)
{
	struct event *e;
	pthread_t t;

	setup();
	client_new(&caller, &bus);
	client_new(&server, &bus);
	ASSERT_OK(pthread_create(&t, NULL, serve_slowly, NULL));
	at.call = now_ns();
	sync_call(60 * SEC, 0);
	at.returned = now_ns();
	ASSERT_OK(pthread_join(t, NULL));
	trace_stop();

	check_call(0, "answered", true, true);
	e = find("call_end", 0);
	check_between(e, "wait_ns", at.recv - at.readable,
		      at.received - at.call);
	check_between(e, "service_ns", at.reply - at.received,
		      at.replied - at.recv);
	check_between(e, "age_ns", at.reply - at.readable,
		      at.replied - at.call);
	check_between(find("msg_recv", 0), "wait_ns", at.recv - at.readable,
		      at.received - at.call);
	check_between(find("msg_recv", 1), "wait_ns", 1,
		      at.returned - at.reply);
}

static void *interrupt(void *thread)
{
	/* once the request is there, the requester is inside of its call */
	ASSERT_EQ(kdbus_client_wait(&server, 10000), 1);
	ASSERT_OK(pthread_kill(*(pthread_t *)thread, SIGUSR1));
	return NULL;
}

/* A sleeping requester is interrupted and does not come back. */
static void interrupted_call(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t self = pthread_self(), t;
	struct kdbus_builder m;

	sigaction(SIGUSR1, &action, NULL);
	ASSERT_OK(pthread_create(&t, NULL, interrupt, &self));
	kdbus_build_msg(&m, server.hello.id, 77);
	make_sync(&m, 1 * SEC);
	kdbus_build_vec(&m, "request", 8);
	ASSERT_EQ(kdbus_client_send(&caller, &m), -EINTR);
	ASSERT_OK(pthread_join(t, NULL));
	/* calls end in the order of their deadlines */
	ASSERT_OK(request(&caller, server.hello.id, 78, 1 * SEC));
	expect_notice(&caller, KDBUS_ITEM_REPLY_TIMEOUT, 78);
}

TEST(the_rarer_outcomes_have_names_too)
{
	static char data[8192];
	const struct kdbus_msg *msg;
	struct kdbus_client small;
	struct kdbus_builder m;

	setup();
	client_new(&caller, &bus);
	client_new(&server, &bus);
	interrupted_call();
	while (!kdbus_client_recv(&server, KDBUS_RECV_DROP, 0, NULL))
		;
	/* a reply that is too large for whom it is for */
	client_new_pool(&small, &bus, 4096);
	ASSERT_OK(request(&small, server.hello.id, 79, 60 * SEC));
	ASSERT_OK(kdbus_client_recv(&server, 0, 0, &msg));
	kdbus_build_msg(&m, small.hello.id, 1);
	m.msg.cookie_reply = 79;
	kdbus_build_vec(&m, data, sizeof(data));
	ASSERT_EQ(kdbus_client_send(&server, &m), -ENOBUFS);
	expect_notice(&small, KDBUS_ITEM_REPLY_DEAD, 79);
	/* a requester that goes */
	ASSERT_OK(request(&caller, server.hello.id, 80, 60 * SEC));
	kdbus_client_close(&caller);
	/* a request that is dropped */
	ASSERT_OK(request(&small, server.hello.id, 81, 60 * SEC));
	ASSERT_OK(kdbus_client_recv(&server, 0, 0, &msg));
	ASSERT_EQ(msg->cookie, 80);
	ASSERT_OK(kdbus_client_recv(&server, KDBUS_RECV_DROP, 0, NULL));
	expect_notice(&small, KDBUS_ITEM_REPLY_DEAD, 81);
	trace_stop();

	ASSERT_EQ(count("call_start"), 5);
	ASSERT_EQ(count("call_end"), 5);
	ASSERT_TEXT(find_with("call_end", "cookie", 77, 0), "outcome",
		    "interrupted");
	ASSERT_NUM(find_with("call_end", "cookie", 77, 0), "sync", 1);
	ASSERT_TEXT(find_with("call_end", "cookie", 78, 0), "outcome",
		    "timeout");
	ASSERT_TEXT(find_with("call_end", "cookie", 79, 0), "outcome",
		    "undelivered");
	ASSERT_TEXT(find_with("call_end", "cookie", 80, 0), "outcome",
		    "abandoned");
	ASSERT_TEXT(find_with("call_end", "cookie", 81, 0), "outcome", "dead");
	check_parts(find_with("call_end", "cookie", 79, 0), true);
	check_parts(find_with("call_end", "cookie", 80, 0), false);
	/* the reply that failed, and why; a signal is no refusal */
	ASSERT_NUM(find_with("msg_send", "cookie_reply", 79, 0), "ret",
		   -ENOBUFS);
	ASSERT_EQ(count("cmd_refuse"), 1);
	ASSERT_NUM(find("cmd_refuse", 0), "ret", -ENOBUFS);
}

TEST(unwatched_times_are_marked)
{
	struct kdbus_client a, b;

	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	ASSERT_OK(send_to(&a, b.hello.id, 1, "before"));
	trace_start();
	receive_all(&b);
	trace_stop();
	ASSERT_EQ(count("msg_recv"), 1);
	ASSERT_NUM(find("msg_recv", 0), "wait_ns", -1);
}

#define CROWD 40

/*
 * spec 27.6: matches that cannot hold are not even looked at, however many
 * connections have however many of them. Each hears one sender of the crowd.
 */
TEST(a_broadcast_looks_at_matches_for_its_sender)
{
	struct kdbus_notify_id_change id = { .id = ANY };
	struct kdbus_client crowd[CROWD], a, b;
	struct event *e;
	int i, j;

	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	for (i = 0; i < CROWD; i++)
		client_new_pool(&crowd[i], &bus, 4096);
	for (i = 0; i < CROWD; i++) {
		for (j = 0; j < 254; j++)
			ASSERT_OK(match_rule(&crowd[i], j, KDBUS_ITEM_ID,
					     &crowd[(i + j) % CROWD].hello.id,
					     8));
		ASSERT_OK(match_rule(&crowd[i], j, KDBUS_ITEM_NAME, "o.k", 4));
		ASSERT_OK(match_rule(&crowd[i], j, KDBUS_ITEM_ID_REMOVE, &id,
				     sizeof(id)));
	}
	ASSERT_OK(match_rule(&b, 1, KDBUS_ITEM_ID, &a.hello.id, 8));
	trace_start();
	ASSERT_OK(broadcast(&a, 1));
	expect_msg(&b, a.hello.id, 1);
	ASSERT_OK(kdbus_client_acquire(&a, "o.k", 0));
	ASSERT_OK(broadcast(&a, 2));
	trace_stop();

	e = find("match_run", 0);
	ASSERT_NUM(e, "tried", 1);
	ASSERT_NUM(e, "queued", 1);
	/* with the name it is everybody's business, once */
	e = find("match_run", 1);
	ASSERT_NUM(e, "tried", CROWD + 1);
	ASSERT_NUM(e, "queued", CROWD + 1);
}
