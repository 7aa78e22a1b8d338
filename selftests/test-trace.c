// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events tell the truth, all of it, and each part once. Read
 * through an instance of tracefs, so that nobody else's tracing is disturbed.
 */
#include <dirent.h>

#include "harness.h"

#define EVENTS "/sys/kernel/tracing/events/kdbus"
#define INSTANCE "/sys/kernel/tracing/instances/kdbus-selftest"
#define UNKNOWN (~0ULL)

/* An event: its name and "key=value ..." as printed. */
struct event {
	char name[40];
	char text[400];
	bool used;
};

static struct event *events;
static size_t n_events;
static struct bus bus;
static unsigned long long bus_id;

static void put_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

static void trace_start(void)
{
	rmdir(INSTANCE);
	ASSERT_OK(mkdir(INSTANCE, 0700));
	put_file(INSTANCE "/buffer_size_kb", "8192");
	put_file(INSTANCE "/events/kdbus/enable", "1");
}

static void add_event(char *line)
{
	char *name = strstr(line, " kdbus_"), *text;
	struct event *e;

	if (line[0] == '#' || !name)
		return;
	name++;
	text = strchr(name, ':');
	ASSERT(text);
	*text = 0;
	events = realloc(events, (n_events + 1) * sizeof(*events));
	ASSERT(events);
	e = &events[n_events++];
	memset(e, 0, sizeof(*e));
	snprintf(e->name, sizeof(e->name), "%s", name + strlen("kdbus_"));
	/* padded, so that " key=" finds the first one too */
	snprintf(e->text, sizeof(e->text), " %s", text + 2);
	e->text[strcspn(e->text, "\n")] = 0;
}

/* Ends tracing and takes all events there were; none may be lost. */
static void trace_stop(void)
{
	char line[1024];
	unsigned int cpu;
	FILE *f;

	put_file(INSTANCE "/events/kdbus/enable", "0");
	f = fopen(INSTANCE "/trace", "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		add_event(line);
	fclose(f);
	for (cpu = 0; cpu < 2; cpu++) {
		char path[128];

		snprintf(path, sizeof(path), INSTANCE "/per_cpu/cpu%u/stats", cpu);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (!strncmp(line, "overrun:", 8) ||
			    !strncmp(line, "dropped events:", 15))
				ASSERT_EQ(atoi(strchr(line, ':') + 1), 0);
		if (f)
			fclose(f);
	}
	ASSERT_OK(rmdir(INSTANCE));
	if (getenv("KDBUS_TEST_TRACE_SHOW"))
		for (size_t i = 0; i < n_events; i++)
			printf("# %s%s\n", events[i].name, events[i].text);
}

static const char *text_of(const struct event *e, const char *key)
{
	static char value[300];
	char want[48];
	const char *p;

	snprintf(want, sizeof(want), " %s=", key);
	p = strstr(e->text, want);
	if (!p)
		test_fail(__FILE__, __LINE__, "%s has no %s:%s", e->name, key,
			  e->text);
	p += strlen(want);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(p, " "), p);
	return value;
}

static long long num(const struct event *e, const char *key)
{
	return strtoll(text_of(e, key), NULL, 0);
}

#define ASSERT_TEXT(e, key, want)					\
	do {								\
		if (strcmp(text_of(e, key), want))			\
			test_fail(__FILE__, __LINE__, "%s:%s: %s is not %s", \
				  (e)->name, (e)->text, key, want);	\
	} while (0)
#define ASSERT_NUM(e, key, want) ASSERT_EQ(num(e, key), want)

static bool is(const struct event *e, const char *name)
{
	return !strcmp(e->name, name);
}

/* The @nth event of a name on the bus of the test, or NULL. */
static struct event *find_nth(const char *name, int nth)
{
	size_t i;

	for (i = 0; i < n_events; i++)
		if (is(&events[i], name) &&
		    num(&events[i], "bus") == (long long)bus_id && !nth--)
			return &events[i];
	return NULL;
}

static struct event *find(const char *name, int nth)
{
	struct event *e = find_nth(name, nth);

	if (!e)
		test_fail(__FILE__, __LINE__, "no event kdbus_%s number %d",
			  name, nth);
	return e;
}

static int count(const char *name)
{
	int n = 0;

	while (find_nth(name, n))
		n++;
	return n;
}

/* Starts tracing, then makes a bus, whose id is that of the last bus_new. */
static void setup(void)
{
	trace_start();
	bus_new(&bus);
}

static void finish(void)
{
	size_t i;

	trace_stop();
	for (i = 0; i < n_events; i++)
		if (is(&events[i], "bus_new"))
			bus_id = num(&events[i], "bus");
	ASSERT(bus_id);
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
	dir = opendir(EVENTS);
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

		snprintf(path, sizeof(path), EVENTS "/%s/format", d->d_name);
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
	finish();

	e = find("bus_new", 0);
	ASSERT_TEXT(e, "name", bus.name);
	ASSERT_TEXT(e, "flags", "access_world");
	ASSERT_NUM(e, "uid", 0);
	ASSERT_TEXT(find("endpoint_new", 0), "mode", "0666");
	ASSERT_TEXT(find("endpoint_new", 0), "name", "bus");
	ASSERT_EQ(count("endpoint_new"), 1);
	ASSERT_EQ(count("endpoint_dead"), 1);
	ASSERT_EQ(count("bus_dead"), 1);

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
	finish();

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

TEST(a_refused_send_says_why)
{
	struct kdbus_client a, b;
	struct kdbus_builder m;
	int fds[2];

	setup();
	client_new(&a, &bus);
	ASSERT_OK(kdbus_client_open(&b, bus.path, 0, 0, 1 << 20, NULL));
	ASSERT_EQ(send_to(&a, 99, 1, "x"), -ENXIO);
	ASSERT_EQ(send_to_name(&a, "com.example.none", "x"), -ESRCH);
	kdbus_build_msg(&m, b.hello.id, 3);
	ASSERT_OK(pipe(fds));
	kdbus_build_fds(&m, fds, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ECOMM);
	finish();

	ASSERT_EQ(count("msg_send"), 3);
	ASSERT_EQ(count("msg_queue"), 0);
	ASSERT_NUM(find("msg_send", 0), "ret", -ENXIO);
	ASSERT_NUM(find("msg_send", 0), "dst", 99);
	ASSERT_NUM(find("msg_send", 1), "ret", -ESRCH);
	ASSERT_TEXT(find("msg_send", 1), "dst_name", "com.example.none");
	ASSERT_NUM(find("msg_send", 2), "ret", -ECOMM);
	ASSERT_NUM(find("msg_send", 2), "n_fds", 1);
}

/* What became of a message that was queued. */
static void account(const struct event *q)
{
	long long id = num(q, "msg"), conn = num(q, "conn");
	int ends = 0;
	size_t i;

	for (i = 0; i < n_events; i++) {
		struct event *e = &events[i];
		bool recv = is(e, "msg_recv");

		if (!recv && !is(e, "msg_drop"))
			continue;
		if (num(e, "msg") != id || num(e, "conn") != conn)
			continue;
		if (recv && (strstr(text_of(e, "flags"), "peek") ||
			     num(e, "ret")))
			continue;
		ASSERT(e > q);
		e->used = true;
		ends++;
	}
	if (ends != 1)
		test_fail(__FILE__, __LINE__, "%d ends of%s", ends, q->text);
}

/* Each message that was queued or sent as a notice ended exactly once. */
static void account_for_messages(void)
{
	size_t i;

	for (i = 0; i < n_events; i++)
		if (is(&events[i], "msg_queue"))
			account(&events[i]);
	for (i = 0; i < n_events; i++) {
		struct event *e = &events[i];

		if (is(e, "msg_drop") ||
		    (is(e, "msg_recv") && !num(e, "ret") &&
		     !strstr(text_of(e, "flags"), "peek")))
			if (!e->used)
				test_fail(__FILE__, __LINE__,
					  "never queued: %s%s", e->name, e->text);
	}
}

/* Pool events add up, per pool, and match what each says is used. */
static void account_for_pools(__u64 n_conns)
{
	__u64 conn;
	size_t i;

	for (conn = 1; conn <= n_conns; conn++) {
		long long used = 0;

		for (i = 0; i < n_events; i++) {
			struct event *e = &events[i];

			if (strncmp(e->name, "pool_", 5) ||
			    num(e, "conn") != (long long)conn)
				continue;
			used += is(e, "pool_alloc") ? num(e, "bytes") :
						     -num(e, "bytes");
			if (num(e, "used") != used)
				test_fail(__FILE__, __LINE__,
					  "used is not %lld:%s", used, e->text);
		}
		ASSERT_EQ(used, 0);
	}
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
	finish();

	ASSERT(sent > 200 && refused > 10);
	ASSERT_EQ(count("msg_send"), sent + refused);
	ASSERT_EQ(count("msg_queue"), sent);
	account_for_messages();
	account_for_pools(4);
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

static void check_call(int nth, const char *outcome, bool sync)
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
	ASSERT(num(e, "age_ns") > 0);
	ASSERT(e > s);
}

TEST(every_call_ends_once_and_says_how)
{
	const struct kdbus_msg *msg;
	struct event *r;
	pthread_t t;

	setup();
	client_new(&caller, &bus);
	client_new(&server, &bus);
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
	finish();

	ASSERT_EQ(count("call_start"), 5);
	ASSERT_EQ(count("call_end"), 5);
	ASSERT_EQ(count("call_reply"), 2);
	check_call(0, "answered", true);
	check_call(1, "answered", false);
	check_call(2, "timeout", true);
	check_call(3, "timeout", false);
	check_call(4, "dead", false);
	ASSERT_NUM(find("call_start", 3), "timeout_ns", 10 * MSEC);

	r = find("call_reply", 1);
	ASSERT_NUM(r, "msg", num(find("call_start", 1), "msg"));
	ASSERT_NUM(r, "conn", caller.hello.id);
	ASSERT_NUM(r, "peer", server.hello.id);
	ASSERT_NUM(r, "cookie", 1001);
	/* the reply is a message of its own */
	ASSERT_NUM(r, "reply", num(find("msg_send", 3), "msg"));
	ASSERT_NUM(find("msg_send", 3), "cookie_reply", 1001);

	ASSERT_EQ(count("notify_send"), 2);
	ASSERT_TEXT(find("notify_send", 0), "type", "reply_timeout");
	ASSERT_NUM(find("notify_send", 0), "cookie_reply", 1002);
	ASSERT_TEXT(find("notify_send", 1), "type", "reply_dead");
	ASSERT_NUM(find("notify_send", 1), "dst", caller.hello.id);
	account_for_messages();
	account_for_pools(2);
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
	finish();

	ASSERT_EQ(count("call_end"), 1);
	check_call(0, "cancelled", true);
}

/* ---- names and quotas ------------------------------------------------- */

TEST(a_name_has_a_history)
{
	struct kdbus_client a, b;
	struct event *e;

	setup();
	client_new(&a, &bus);
	client_new(&b, &bus);
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.x",
				       KDBUS_NAME_ALLOW_REPLACEMENT));
	ASSERT_EQ(kdbus_client_acquire(&b, "com.example.x", KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(kdbus_client_release(&a, "com.example.x"));
	ASSERT_EQ(kdbus_client_acquire(&a, "com.example.x", 0), -EEXIST);
	ASSERT_EQ(kdbus_client_release(&a, "com.example.x"), -EADDRINUSE);
	kdbus_client_close(&b);
	finish();

	ASSERT_EQ(count("name_change"), 3);
	e = find("name_change", 0);
	ASSERT_NUM(e, "old", 0);
	ASSERT_NUM(e, "new", a.hello.id);
	ASSERT_TEXT(e, "name", "com.example.x");
	ASSERT_TEXT(e, "new_flags", "allow_replacement");
	e = find("name_change", 1);
	ASSERT_NUM(e, "old", a.hello.id);
	ASSERT_NUM(e, "new", b.hello.id);
	e = find("name_change", 2);
	ASSERT_NUM(e, "old", b.hello.id);
	ASSERT_NUM(e, "new", 0);

	ASSERT_EQ(count("name_queue"), 1);
	ASSERT_NUM(find("name_queue", 0), "conn", b.hello.id);
	ASSERT_EQ(count("name_acquire"), 3);
	ASSERT_NUM(find("name_acquire", 0), "ret", 0);
	ASSERT_TEXT(find("name_acquire", 1), "flags", "queue|in_queue");
	ASSERT_NUM(find("name_acquire", 2), "ret", -EEXIST);
	ASSERT_EQ(count("name_release"), 2);
	ASSERT_NUM(find("name_release", 0), "ret", 0);
	ASSERT_NUM(find("name_release", 1), "ret", -EADDRINUSE);
	ASSERT_NUM(find("name_release", 1), "name_id",
		   num(find("name_change", 0), "name_id"));
}

TEST(a_refused_charge_says_which_bound_it_ran_into)
{
	struct kdbus_client a, b;
	struct kdbus_builder m;
	static char data[8192];
	struct event *e;
	int ret;

	setup();
	client_new(&a, &bus);
	client_new_pool(&b, &bus, 65536);
	do {
		kdbus_build_msg(&m, b.hello.id, 1);
		kdbus_build_vec(&m, data, sizeof(data));
		ret = kdbus_client_send(&a, &m);
	} while (!ret);
	ASSERT_EQ(ret, -EXFULL);
	receive_all(&b);
	do {
		ret = send_to(&a, b.hello.id, 2, "x");
	} while (!ret);
	ASSERT_EQ(ret, -ENOBUFS);
	finish();

	ASSERT_EQ(count("quota_refuse"), 2);
	e = find("quota_refuse", 0);
	ASSERT_NUM(e, "conn", b.hello.id);
	ASSERT_NUM(e, "src", a.hello.id);
	ASSERT_NUM(e, "uid", 0);
	ASSERT_TEXT(e, "kind", "share");
	ASSERT_NUM(e, "ret", -EXFULL);
	ASSERT(num(e, "asked") > 8192 && num(e, "used") > 0 &&
	       num(e, "asked") + num(e, "used") > num(e, "limit"));
	e = find("quota_refuse", 1);
	ASSERT_TEXT(e, "kind", "msgs");
	ASSERT_NUM(e, "used", 256);
	ASSERT_NUM(e, "limit", 256);
	ASSERT_NUM(e, "ret", -ENOBUFS);
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
	bus_id = num(&events[0], "bus");
	ASSERT_EQ(count("msg_recv"), 1);
	ASSERT_NUM(find("msg_recv", 0), "wait_ns", -1);
}
