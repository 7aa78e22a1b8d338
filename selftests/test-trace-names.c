// SPDX-License-Identifier: GPL-2.0
/* Names, what moves with them, matches, notices and memfds in trace events. */
#include "tracelog.h"

#define NAME "com.example.x"

static struct bus bus;
static struct kdbus_client a, b, c;

static void setup(void)
{
	trace_start();
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	client_new(&c, &bus);
}

/* The line of events about one name: "+2 -2 1>2" is queue, unqueue, change. */
static char *line_of(const char *name)
{
	static char line[300];
	size_t i, n = 0;

	for (i = 0; i < n_events; i++) {
		const struct event *e = &events[i];
		bool queue = is(e, "name_queue");

		if (queue || is(e, "name_unqueue")) {
			if (strcmp(text_of(e, "name"), name))
				continue;
			n += snprintf(line + n, sizeof(line) - n, "%s%c%lld",
				      n ? " " : "", queue ? '+' : '-',
				      num(e, "conn"));
		} else if (is(e, "name_change")) {
			if (strcmp(text_of(e, "name"), name))
				continue;
			n += snprintf(line + n, sizeof(line) - n, "%s%lld",
				      n ? " " : "", num(e, "old"));
			n += snprintf(line + n, sizeof(line) - n, ">%lld",
				      num(e, "new"));
		}
		ASSERT(n < sizeof(line));
	}
	line[n] = 0;
	return line;
}

static void expect_line(const char *want)
{
	const char *line = line_of(NAME);

	if (strcmp(line, want))
		test_fail(__FILE__, __LINE__, "'%s' is not '%s'", line, want);
}

/* ---- owners and lines ------------------------------------------------- */

TEST(a_name_has_a_history)
{
	struct event *e;

	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, KDBUS_NAME_ALLOW_REPLACEMENT));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_EQ(kdbus_client_acquire(&a, NAME, 0), -EEXIST);
	ASSERT_EQ(kdbus_client_release(&a, NAME), -EADDRINUSE);
	/* the owner changes its mind */
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, 0), -EALREADY);
	kdbus_client_close(&b);
	trace_stop();

	expect_line("0>1 +2 -2 1>2 2>0");
	e = find("name_change", 0);
	ASSERT_TEXT(e, "new_flags", "allow_replacement");
	ASSERT_TEXT(e, "old_flags", "");
	e = find("name_change", 1);
	ASSERT_TEXT(e, "old_flags", "allow_replacement");
	ASSERT_TEXT(e, "new_flags", "queue");
	e = find("name_update", 0);
	ASSERT_NUM(e, "conn", b.hello.id);
	ASSERT_TEXT(e, "flags", "");
	ASSERT_TEXT(find("name_change", 2), "old_flags", "");

	ASSERT_EQ(count("name_acquire"), 4);
	ASSERT_NUM(find("name_acquire", 0), "ret", 0);
	ASSERT_TEXT(find("name_acquire", 1), "flags", "queue|in_queue");
	ASSERT_NUM(find("name_acquire", 2), "ret", -EEXIST);
	ASSERT_EQ(count("name_release"), 2);
	ASSERT_NUM(find("name_release", 0), "ret", 0);
	ASSERT_NUM(find("name_release", 1), "ret", -EADDRINUSE);
	/* all of it under one id, which the next life does not get */
	ASSERT_EQ(count_with("name_change", "name_id", 1), 3);
	ASSERT_EQ(count_with("name_acquire", "name_id", 1), 4);
	ASSERT_EQ(count_with("name_release", "name_id", 1), 2);
}

TEST(a_line_ends_in_every_way_there_is)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, KDBUS_NAME_ALLOW_REPLACEMENT |
				       KDBUS_NAME_QUEUE));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE), 1);
	/* asking again keeps the place */
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE |
				       KDBUS_NAME_ALLOW_REPLACEMENT), 1);
	/* who is replaced goes to the head */
	ASSERT_OK(kdbus_client_acquire(&c, NAME, KDBUS_NAME_REPLACE_EXISTING));
	ASSERT_OK(kdbus_client_release(&c, NAME));
	/* asking without queueing leaves the line, and so does RELEASE */
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, 0), -EEXIST);
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(kdbus_client_release(&b, NAME));
	/* a waiter can take the name over, or go */
	ASSERT_EQ(kdbus_client_acquire(&c, NAME, KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(kdbus_client_acquire(&c, NAME, KDBUS_NAME_REPLACE_EXISTING));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE), 1);
	kdbus_client_close(&b);
	kdbus_client_close(&c);
	kdbus_client_close(&a);
	trace_stop();

	expect_line("0>1 +2 +1 1>3 -1 3>1 -2 +2 -2 +3 -3 +1 1>3 +2 -2 -1 3>1 1>0");
	ASSERT_EQ(count("name_queue"), count("name_unqueue"));
	ASSERT_EQ(count("name_update"), 1);
	ASSERT_NUM(find("name_update", 0), "conn", b.hello.id);
	ASSERT_TEXT(find("name_update", 0), "flags",
		    "allow_replacement|queue");
	ASSERT_TEXT(find("name_unqueue", 1), "flags",
		    "allow_replacement|queue");
}

/* ---- activators ------------------------------------------------------- */

static void activator_new(struct kdbus_client *act)
{
	struct kdbus_policy_access world = { KDBUS_POLICY_ACCESS_WORLD,
					     KDBUS_POLICY_OWN, 0 };
	struct kdbus_builder k;

	memset(act, 0, sizeof(*act));
	act->fd = ep_open(&bus);
	hello_init(&k, KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_ACCEPT_FD);
	kdbus_build_string(&k, KDBUS_ITEM_NAME, NAME);
	kdbus_build_item(&k, KDBUS_ITEM_POLICY_ACCESS, &world, sizeof(world));
	ASSERT_OK(xioctl(act->fd, KDBUS_CMD_HELLO, k.buf));
	memcpy(&act->hello, k.buf, sizeof(act->hello));
}

static int send_by_name(__u64 cookie, __u64 timeout_ns, const int *fd)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, 0, cookie);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, NAME);
	kdbus_build_vec(&m, "payload", 8);
	if (timeout_ns) {
		m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
		m.msg.timeout_ns = timeout_ns;
	}
	if (fd)
		kdbus_build_fds(&m, fd, 1);
	return kdbus_client_send(&a, &m);
}

static void check_move(int nth, __u64 from, __u64 to, __u64 cookie)
{
	struct event *e = find("msg_move", nth);
	struct event *s = find_with("msg_send", "cookie", cookie, 0);

	ASSERT_NUM(e, "from", from);
	ASSERT_NUM(e, "to", to);
	ASSERT_NUM(e, "msg", num(s, "msg"));
	ASSERT_NUM(e, "name_id", 1);
	ASSERT_NUM(s, "name_id", 1);
	ASSERT_TEXT(s, "dst_name", NAME);
}

static long long place_of(const struct event *send, __u64 conn)
{
	struct event *e;
	int i;

	for (i = 0; (e = find_nth("pool_alloc", i)); i++)
		if (num(e, "msg") == num(send, "msg") &&
		    num(e, "conn") == (long long)conn)
			return num(e, "bytes");
	return 0;
}

TEST(messages_are_followed_when_they_move_and_move_back)
{
	const struct kdbus_msg *msg;
	struct kdbus_client act;
	struct event *e, *s;

	setup();
	activator_new(&act);
	ASSERT_OK(send_by_name(11, 0, NULL));
	ASSERT_OK(send_by_name(12, 60 * SEC, NULL));
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	expect_msg(&b, a.hello.id, 11);
	ASSERT_OK(kdbus_client_release(&b, NAME));
	ASSERT_OK(kdbus_client_acquire(&c, NAME, 0));
	ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg));
	ASSERT_EQ(msg->cookie, 12);
	ASSERT_OK(kdbus_client_reply(&c, msg, "yes", 4));
	expect_msg(&a, c.hello.id, 1);
	kdbus_client_close(&c);
	kdbus_client_close(&act);
	kdbus_client_close(&b);
	kdbus_client_close(&a);
	trace_stop();

	/* the activator waits whenever it does not own the name */
	expect_line("0>4 +4 4>2 -4 2>4 +4 4>3 -4 3>4 4>0");
	ASSERT_TEXT(find("name_queue", 0), "flags", "activator");
	ASSERT_TEXT(find("name_change", 1), "old_flags", "activator");
	ASSERT_TEXT(find("name_change", 2), "new_flags", "activator");

	ASSERT_EQ(count("msg_move"), 4);
	check_move(0, 4, 2, 11);
	check_move(1, 4, 2, 12);
	check_move(2, 2, 4, 12);
	check_move(3, 4, 3, 12);
	/* it has a place wherever it is */
	s = find_with("msg_send", "cookie", 12, 0);
	ASSERT_EQ(place_of(s, 4), num(find("msg_queue", 1), "bytes"));
	ASSERT_EQ(place_of(s, 2), place_of(s, 4));
	ASSERT_EQ(place_of(s, 3), place_of(s, 4));
	/* the wait began when it was sent, and the last one answers */
	e = find_with("msg_recv", "msg", num(s, "msg"), 0);
	ASSERT_NUM(e, "conn", 3);
	ASSERT_NUM(e, "name_id", 1);
	ASSERT_NUM(find("call_start", 0), "peer", 4);
	ASSERT_NUM(find("call_start", 0), "name_id", 1);
	e = find("call_end", 0);
	ASSERT_NUM(e, "peer", 3);
	ASSERT_NUM(e, "name_id", 1);
	ASSERT_TEXT(e, "outcome", "answered");
	ASSERT(num(e, "wait_ns") >= 0 && num(e, "service_ns") >= 0);
	ASSERT(num(e, "wait_ns") + num(e, "service_ns") <= num(e, "age_ns"));
	trace_account_for_messages();
	trace_account_for_pools();
}

TEST(what_cannot_move_is_dropped_and_why)
{
	struct kdbus_client act, svc;
	struct event *e;
	int fd = 0;

	setup();
	activator_new(&act);
	ASSERT_OK(kdbus_client_open(&svc, bus.path, 0, 0, 4096, NULL));
	ASSERT_OK(send_by_name(21, 60 * SEC, &fd));
	ASSERT_OK(send_by_name(22, 0, NULL));
	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 21);
	expect_msg(&svc, a.hello.id, 22);
	trace_stop();

	ASSERT_EQ(count("msg_move"), 1);
	check_move(0, act.hello.id, svc.hello.id, 22);
	e = find("msg_drop", 0);
	ASSERT_NUM(e, "conn", act.hello.id);
	ASSERT_NUM(e, "cookie", 21);
	ASSERT_NUM(e, "name_id", 1);
	ASSERT_TEXT(e, "reason", "move");
	ASSERT_TEXT(e, "kind", "call");
	ASSERT_NUM(e, "ret", -ECOMM);
	ASSERT_TEXT(find("call_end", 0), "outcome", "undelivered");
	ASSERT_NUM(find("call_end", 0), "wait_ns", -1);
}

TEST(an_activator_that_comes_late_waits_for_its_name)
{
	struct kdbus_client act, again;

	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE), 1);
	activator_new(&act);
	kdbus_client_close(&act);
	activator_new(&again);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_OK(kdbus_client_release(&b, NAME));
	trace_stop();

	expect_line("0>1 +2 +4 -4 +5 -2 1>2 -5 2>5");
	ASSERT_TEXT(find("name_queue", 1), "flags", "activator");
	ASSERT_TEXT(find("name_unqueue", 0), "flags", "activator");
}

/* ---- matches and notices ---------------------------------------------- */

static int match_add(struct kdbus_client *to, __u64 cookie, __u64 src)
{
	struct kdbus_cmd_match *cmd;
	struct kdbus_builder k;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	cmd->cookie = cookie;
	if (src)
		kdbus_build_item(&k, KDBUS_ITEM_ID, &src, sizeof(src));
	return xioctl(to->fd, KDBUS_CMD_MATCH_ADD, cmd);
}

static int match_remove(struct kdbus_client *to, __u64 cookie)
{
	struct kdbus_cmd_match cmd = { .size = sizeof(cmd), .cookie = cookie };

	return xioctl(to->fd, KDBUS_CMD_MATCH_REMOVE, &cmd);
}

static void broadcast(__u64 cookie, size_t size)
{
	static char data[8192];
	struct {
		struct kdbus_bloom_filter filter;
		__u64 bits[8];
	} bloom = {};
	struct kdbus_builder m;

	kdbus_build_msg(&m, KDBUS_DST_ID_BROADCAST, cookie);
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, &bloom, sizeof(bloom));
	kdbus_build_vec(&m, data, size);
	ASSERT_OK(kdbus_client_send(&a, &m));
}

TEST(a_broadcast_says_whom_it_reached_and_whom_not)
{
	struct kdbus_client small;
	struct event *s, *e;

	setup();
	ASSERT_OK(kdbus_client_open(&small, bus.path, 0, 0, 4096, NULL));
	ASSERT_OK(match_add(&b, 1, a.hello.id));
	ASSERT_OK(match_add(&b, 1, 0));
	ASSERT_OK(match_add(&c, 2, b.hello.id));
	ASSERT_OK(match_add(&small, 3, a.hello.id));
	broadcast(31, 8192);
	ASSERT_OK(match_remove(&b, 1));
	ASSERT_OK(match_remove(&b, 1));
	ASSERT_OK(match_remove(&small, 3));
	broadcast(32, 1);
	trace_stop();

	ASSERT_EQ(count("match_add"), 4);
	ASSERT_NUM(find("match_add", 0), "conn", b.hello.id);
	ASSERT_NUM(find("match_add", 0), "cookie", 1);
	ASSERT_NUM(find("match_add", 0), "bytes", 24);
	ASSERT_NUM(find("match_add", 1), "bytes", 0);
	ASSERT_NUM(find("match_remove", 0), "removed", 2);
	ASSERT_NUM(find("match_remove", 1), "removed", 0);
	ASSERT_NUM(find("match_remove", 2), "conn", small.hello.id);

	s = find("msg_send", 0);
	ASSERT_NUM(s, "dst", -1);
	e = find("match_run", 0);
	ASSERT_NUM(e, "src", a.hello.id);
	ASSERT_NUM(e, "msg", num(s, "msg"));
	ASSERT_NUM(e, "hit", 2);
	ASSERT_NUM(e, "queued", 1);
	ASSERT(num(e, "tried") >= 2);
	ASSERT_EQ(count_with("msg_queue", "msg", num(s, "msg")), 1);
	ASSERT_NUM(find("msg_queue", 0), "conn", b.hello.id);
	/* who went without: said after the send, with the reason, once */
	ASSERT_EQ(count("msg_drop"), 1);
	e = find("msg_drop", 0);
	ASSERT(e > s);
	ASSERT_NUM(e, "conn", small.hello.id);
	ASSERT_NUM(e, "msg", num(s, "msg"));
	ASSERT_TEXT(e, "reason", "undelivered");
	ASSERT_TEXT(e, "kind", "signal");
	ASSERT_NUM(e, "ret", -ENOBUFS);
	e = find("quota_refuse", 0);
	ASSERT_NUM(e, "msg", num(s, "msg"));
	ASSERT_NUM(e, "conn", small.hello.id);

	e = find("match_run", 1);
	ASSERT_NUM(e, "hit", 0);
	ASSERT_NUM(e, "queued", 0);
}

static void check_notice(int nth, const char *type, __u64 id, __u64 name_id)
{
	struct event *e = find("notify_send", nth), *q;

	ASSERT_TEXT(e, "type", type);
	ASSERT_NUM(e, "dst", -1);
	ASSERT_NUM(e, "cookie_reply", 0);
	ASSERT_NUM(e, "id", id);
	ASSERT_NUM(e, "name_id", name_id);
	ASSERT_EQ(count_with("msg_queue", "msg", num(e, "msg")), 1);
	q = find_with("msg_queue", "msg", num(e, "msg"), 0);
	ASSERT(q > e);
	ASSERT_NUM(q, "conn", c.hello.id);
	ASSERT_NUM(q, "src", 0);
	ASSERT_TEXT(q, "kind", "notify");
	/* it takes its place when it is received */
	ASSERT_NUM(q, "bytes", 0);
	ASSERT(num(find_with("msg_recv", "msg", num(e, "msg"), 0), "bytes") >= 96);
	ASSERT_EQ(count_with("pool_alloc", "msg", num(e, "msg")), 1);
}

TEST(notices_say_what_they_are_about)
{
	const struct kdbus_msg *msg;
	struct kdbus_client d;
	int i;

	setup();
	ASSERT_OK(match_add(&c, 1, 0));
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_OK(kdbus_client_release(&b, NAME));
	client_new(&d, &bus);
	ASSERT_OK(kdbus_client_byebye(&d));
	for (i = 0; i < 5; i++)
		ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg));
	trace_stop();

	ASSERT_EQ(count("notify_send"), 5);
	check_notice(0, "name_add", 0, 1);
	check_notice(1, "name_change", 0, 1);
	check_notice(2, "name_remove", 0, 1);
	check_notice(3, "id_add", d.hello.id, 0);
	check_notice(4, "id_remove", d.hello.id, 0);
}

/* ---- memfds ----------------------------------------------------------- */

static int memfd_new(__u64 size, const char *name)
{
	struct kdbus_cmd_memfd_make *cmd;
	struct kdbus_builder k;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	cmd->file_size = size;
	kdbus_build_string(&k, KDBUS_ITEM_MEMFD_NAME, name);
	ASSERT_OK(xioctl(a.fd, KDBUS_CMD_MEMFD_NEW, cmd));
	return cmd->fd;
}

static void send_memfd(int fd)
{
	struct kdbus_memfd memfd = { .size = 4096, .fd = fd };
	struct kdbus_builder m;

	kdbus_build_msg(&m, b.hello.id, 41);
	kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	kdbus_build_fds(&m, &fd, 1);
	ASSERT_OK(kdbus_client_send(&a, &m));
}

TEST(a_memfd_is_followed_from_hand_to_hand)
{
	const struct kdbus_msg *msg;
	struct event *s, *e;
	int fd, i;

	setup();
	fd = memfd_new(4096, "letter");
	ASSERT_OK(xioctl(fd, KDBUS_CMD_MEMFD_SEAL_SET, (void *)1));
	send_memfd(fd);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SEAL_SET, NULL), -ETXTBSY);
	close(fd);
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	kdbus_msg_close_fds(msg);
	trace_stop();

	e = find("memfd_new", 0);
	ASSERT_TEXT(e, "name", "letter");
	ASSERT_NUM(e, "bytes", 4096);
	ASSERT_EQ(count("memfd_seal"), 2);
	for (i = 0; i < 2; i++) {
		struct event *seal = find("memfd_seal", i);

		ASSERT_NUM(seal, "memfd", num(e, "memfd"));
		ASSERT_TEXT(seal, "name", "letter");
		ASSERT_NUM(seal, "seal", !i);
		ASSERT_NUM(seal, "ret", i ? -ETXTBSY : 0);
	}
	/* as payload, and once more among the files */
	s = find("msg_send", 0);
	ASSERT_NUM(s, "n_memfds", 1);
	ASSERT_NUM(s, "n_fds", 1);
	ASSERT_NUM(s, "bytes", 4096);
	ASSERT_EQ(count("memfd_pass"), 2);
	for (i = 0; i < 2; i++) {
		struct event *pass = find("memfd_pass", i);

		ASSERT_NUM(pass, "memfd", num(e, "memfd"));
		ASSERT_NUM(pass, "msg", num(s, "msg"));
		ASSERT_NUM(pass, "src", a.hello.id);
		ASSERT_NUM(pass, "bytes", 4096);
	}
	/* the receiver was the last to have it */
	ASSERT_EQ(count("memfd_dead"), 1);
	e = find("memfd_dead", 0);
	ASSERT_NUM(e, "memfd", num(find("memfd_new", 0), "memfd"));
	ASSERT_NUM(e, "bytes", 4096);
	ASSERT(e > find("msg_recv", 0));
}
