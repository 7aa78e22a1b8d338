// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that never comes, as a sender's on a hanging file system: whom it can
 * hold up, and what the others do meanwhile.
 */
#include <sys/prctl.h>

#include "fixtures.h"

#define NAME "com.example.stalled"

static struct bus bus;
static struct kdbus_client a, b, c;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	client_new(&c, &bus);
}

/* Begins a SEND that stalls in the payload; ended by finish(). */
static struct stall stall;
static struct sender s;

static void begin(struct kdbus_client *from)
{
	stall_new(&stall);
	kdbus_build_vec(&s.msg, stall.page, 8);
	sender_start(&s, from);
	stall_wait(&stall);
}

static int finish(void)
{
	stall_serve(&stall, "stalled", 8);
	return sender_end(&s);
}

/* Has what is told of the command line stall. */
static void stall_cmdline(void)
{
	stall_new(&stall);
	ASSERT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_START, stall.page, 0, 0));
}

/* The next message is the one that stalled, whole. */
static const struct kdbus_msg *expect_stalled(struct kdbus_client *to,
					      __u64 src, __u64 cookie)
{
	const struct kdbus_msg *msg;
	char buf[16] = "";

	ASSERT_OK(kdbus_client_recv(to, 0, 0, &msg));
	ASSERT_EQ(msg->src_id, src);
	ASSERT_EQ(msg->cookie, cookie);
	ASSERT_EQ(kdbus_msg_payload(msg, buf, sizeof(buf)), 8);
	ASSERT_OK(strcmp(buf, "stalled"));
	return msg;
}

/* A connection that brings a grant of a name for somebody. */
static void hello_policy(struct kdbus_client *to, __u64 flags, __u64 type,
			 __u64 level, __u64 id)
{
	struct kdbus_builder m;

	kdbus_build_hello(&m, flags, 0);
	kdbus_build_string(&m, KDBUS_ITEM_NAME, NAME);
	kdbus_build_access(&m, type, level, id);
	ASSERT_OK(kdbus_client_hello(to, bus.path, &m));
}

static void set_attach_flags(struct kdbus_client *to, __u64 flags)
{
	struct kdbus_builder m;

	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&m, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	ASSERT_OK(xioctl(to->fd, KDBUS_CMD_CONN_UPDATE, m.buf));
}

/* ---- whom it holds up -------------------------------------------------- */

/* spec 22.2, 22.5: nothing is held while the payload is read */
TEST(a_sender_that_stalls_holds_up_nobody)
{
	const struct kdbus_name_list *list;
	struct kdbus_client d;

	setup();
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	begin(&a);

	/* its receiver, its own connection, the bus: everything goes on */
	ASSERT_OK(send_to(&c, b.hello.id, 2, "x"));
	expect_msg(&b, c.hello.id, 2);
	ASSERT_OK(send_to(&a, b.hello.id, 3, "x"));
	expect_msg(&b, a.hello.id, 3);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_OK(kdbus_client_release(&b, NAME));
	ASSERT_OK(kdbus_client_list(&a, 15, &list));
	ASSERT_OK(kdbus_client_free(&a, list));
	client_new(&d, &bus);
	kdbus_client_close(&d);
	expect_nothing(&b);

	ASSERT_OK(finish());
	expect_stalled(&b, a.hello.id, 1);
}

/* spec 9.9, 22.5 */
TEST(a_broadcast_that_stalls_holds_up_nobody)
{
	struct kdbus_builder m;

	setup();
	hear_all(&b, 1);
	build_broadcast(&s.msg, 1);
	begin(&a);
	build_broadcast(&m, 2);
	ASSERT_OK(kdbus_client_send(&c, &m));
	expect_msg(&b, c.hello.id, 2);
	ASSERT_OK(kdbus_client_match_remove(&c, 1));
	ASSERT_OK(finish());
	expect_stalled(&b, a.hello.id, 1);
}

static struct kdbus_client *receiver = &b;

static void *recv_there(void *arg)
{
	return (void *)(long)xioctl(receiver->fd, KDBUS_CMD_MSG_RECV, arg);
}

/* spec 22.5, 12.3 */
TEST(a_receiver_that_stalls_holds_up_nobody)
{
	static const struct kdbus_cmd_recv fresh;
	struct kdbus_cmd_recv *cmd;
	pthread_t t;
	void *ret;

	setup();
	ASSERT_OK(send_to(&a, b.hello.id, 1, "x"));
	stall_new_writer(&stall, &fresh, sizeof(fresh));
	cmd = (void *)stall.page;
	ASSERT_OK(pthread_create(&t, NULL, recv_there, cmd));
	stall_wait(&stall);

	ASSERT_OK(send_to(&a, b.hello.id, 2, "x"));
	ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
	ASSERT_OK(send_to(&b, c.hello.id, 3, "x"));
	expect_msg(&c, b.hello.id, 3);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_OK(kdbus_client_release(&b, NAME));

	stall_let_write(&stall);
	ASSERT_OK(pthread_join(t, &ret));
	ASSERT_OK((long)ret);
	ASSERT_EQ(((struct kdbus_msg *)(b.pool + cmd->offset))->cookie, 1);
	expect_msg(&b, a.hello.id, 2);
}

/* spec 7.9: what a receiver has in hand may come back */
TEST(byebye_does_not_go_past_a_receiver_that_stalls)
{
	static const struct kdbus_cmd_recv fresh;
	pthread_t t;
	void *ret;

	setup();
	ASSERT_OK(send_to(&a, b.hello.id, 1, "x"));
	stall_new_writer(&stall, &fresh, sizeof(fresh));
	ASSERT_OK(pthread_create(&t, NULL, recv_there, (void *)stall.page));
	stall_wait(&stall);
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_BYEBYE, NULL), -EBUSY);
	stall_unmap(&stall);
	ASSERT_OK(pthread_join(t, &ret));
	ASSERT_EQ((long)ret, -EFAULT);
	/* nor is it lost */
	expect_msg(&b, a.hello.id, 1);
	ASSERT_OK(xioctl(b.fd, KDBUS_CMD_BYEBYE, NULL));
}

/* ---- what became of the world meanwhile --------------------------------- */

/* spec 8.7, 9.7: what cannot be read is not sent, and leaves nothing */
TEST(memory_that_goes_away_is_a_fault)
{
	setup();
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	begin(&a);
	stall_unmap(&stall);
	ASSERT_EQ(sender_end(&s), -EFAULT);
	expect_nothing(&b);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "pool_used"), 0);
}

/* spec 9.7, 10.1: the target is looked up when the message is there */
TEST(a_target_that_dies_is_unknown)
{
	__u64 i;

	setup();
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	s.msg.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	s.msg.msg.timeout_ns = 100 * SEC;
	begin(&a);
	kdbus_client_close(&b);
	ASSERT_EQ(finish(), -ENXIO);
	/* the call never began: it is told nothing of and counts no longer */
	expect_nothing(&a);
	for (i = 0; i < 128; i++)
		ASSERT_OK(request(&a, c.hello.id, i, 100 * SEC));
}

/* spec 22.2 */
TEST(a_sender_that_is_gone_sends_nothing)
{
	setup();
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	begin(&a);
	ASSERT_OK(kdbus_client_byebye(&a));
	ASSERT_EQ(finish(), -ECONNRESET);
	expect_nothing(&b);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "pool_used"), 0);
}

/* Sends what the function at @arg has built, of memory that never comes. */
static void send_and_sleep(void *arg)
{
	void (**build)(void) = arg;

	(*build)();
	stall_tell(&stall);
	test_fail(__FILE__, __LINE__, "it came back: %d",
		  kdbus_client_send(&a, &s.msg));
}

static void expect_no_trace(void)
{
	expect_nothing(&a);
	expect_nothing(&b);
	ASSERT_EQ(listed("connections", &bus, 0, "pool_used"), 0);
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "calls_out"), 0);
	ASSERT_EQ(listed("accounts", &bus, 0, "msgs"), -1);
}

/* Kills a sender while it waits; the others, and its connection, go on. */
static void kill_sender(void (*build)(void))
{
	pid_t pid = spawn_sleeper(send_and_sleep, &build);

	ASSERT_OK(send_to(&c, b.hello.id, 2, "x"));
	expect_msg(&b, c.hello.id, 2);
	ASSERT_OK(broadcast(&a, 3));
	ASSERT_OK(send_to(&a, b.hello.id, 4, "x"));
	expect_msg(&b, a.hello.id, 3);
	expect_msg(&b, a.hello.id, 4);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_OK(kdbus_client_release(&b, NAME));

	kill_sleeper(pid);
	expect_no_trace();
	ASSERT_OK(send_to(&a, b.hello.id, 5, "x"));
	expect_msg(&b, a.hello.id, 5);
}

static void stalling_payload(void)
{
	stall_new(&stall);
	kdbus_build_vec(&s.msg, stall.page, 8);
}

static void stalling_message(void)
{
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	stalling_payload();
}

static void stalling_request(void)
{
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	make_sync(&s.msg, 100 * SEC);
	stalling_payload();
}

static void stalling_broadcast(void)
{
	build_broadcast(&s.msg, 1);
	stalling_payload();
}

static void stalling_cmdline(void)
{
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	kdbus_build_vec(&s.msg, "stalled", 8);
	stall_cmdline();
}

/* spec 9.7, 10.1, 22.5, 22.6: payload that never comes, until one is killed */
TEST(a_sender_that_is_killed_sends_nothing)
{
	setup();
	ASSERT_OK(match_rule(&b, 1, KDBUS_ITEM_ID, &a.hello.id, 8));
	kill_sender(stalling_message);
	kill_sender(stalling_request);
	kill_sender(stalling_broadcast);
}

/* spec 17.2, 22.5, 22.6: the same of what is told of the sender */
TEST(a_sender_that_is_killed_is_told_nothing_of)
{
	setup();
	ASSERT_OK(match_rule(&b, 1, KDBUS_ITEM_ID, &a.hello.id, 8));
	set_attach_flags(&b, KDBUS_ATTACH_CMDLINE);
	kill_sender(stalling_cmdline);
}

/* A command that stalls before its connection can be seen to have gone. */
struct late_cmd {
	int fd;
	unsigned long cmd;
	pthread_t thread;
	int ret;
};

static void *late_cmd_run(void *arg)
{
	struct late_cmd *l = arg;

	l->ret = xioctl(l->fd, l->cmd, stall.page);
	return NULL;
}

/* What becomes of a command whose connection says BYEBYE in the middle. */
static int byebye_during(struct kdbus_client *from, unsigned long cmd,
			 const struct kdbus_builder *m)
{
	struct late_cmd l = { .fd = from->fd, .cmd = cmd };

	stall_new(&stall);
	ASSERT_OK(pthread_create(&l.thread, NULL, late_cmd_run, &l));
	stall_wait(&stall);
	ASSERT_OK(kdbus_client_byebye(from));
	stall_serve(&stall, m->buf, *(const __u64 *)m->buf);
	ASSERT_OK(pthread_join(l.thread, NULL));
	return l.ret;
}

/* spec 15.3, 17.8, 27.10 */
TEST(a_connection_that_is_gone_changes_nothing)
{
	__u64 flags = KDBUS_ATTACH_CREDS;
	struct kdbus_builder m;

	setup();
	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&m, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	ASSERT_EQ(byebye_during(&a, KDBUS_CMD_CONN_UPDATE, &m), -ECONNRESET);

	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_match));
	ASSERT_OK(kdbus_client_match_add(&b, &m));
	ASSERT_EQ(byebye_during(&b, KDBUS_CMD_MATCH_REMOVE, &m), -ECONNRESET);
	ASSERT_EQ(byebye_during(&c, KDBUS_CMD_MATCH_ADD, &m), -ECONNRESET);
}

/* Begins a SEND to a name of b's, which b gives up meanwhile. */
static void begin_to_name_that_goes(void)
{
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	kdbus_build_msg(&s.msg, 0, 1);
	kdbus_build_string(&s.msg, KDBUS_ITEM_DST_NAME, NAME);
	begin(&a);
	ASSERT_OK(kdbus_client_release(&b, NAME));
}

/* spec 22.3: to whom the name belongs when the message is there */
TEST(a_name_that_changes_hands_takes_the_message_along)
{
	setup();
	begin_to_name_that_goes();
	ASSERT_OK(kdbus_client_acquire(&c, NAME, 0));
	ASSERT_OK(finish());
	expect_nothing(&b);
	expect_stalled(&c, a.hello.id, 1);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "pool_used"), 0);
}

/* spec 9.5, 22.3 */
TEST(a_name_that_goes_away_is_unknown)
{
	setup();
	begin_to_name_that_goes();
	ASSERT_EQ(finish(), -ESRCH);
	expect_nothing(&b);
}

/* spec 19.2, 19.4 */
TEST(a_monitor_that_comes_meanwhile_sees_it)
{
	struct kdbus_client m;

	setup();
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	begin(&a);
	ASSERT_OK(kdbus_client_open(&m, bus.path, KDBUS_HELLO_MONITOR, 0, 0,
				    NULL));
	ASSERT_OK(finish());
	expect_stalled(&m, a.hello.id, 1);
	expect_stalled(&b, a.hello.id, 1);
	expect_nothing(&b);
}

/* spec 19.2: the same while copies for those that were there are being made */
TEST(a_monitor_that_comes_late_sees_it)
{
	struct kdbus_client m, late = {};
	struct kdbus_builder hello;

	setup();
	ASSERT_OK(kdbus_client_open(&m, bus.path, KDBUS_HELLO_MONITOR,
				    KDBUS_ATTACH_CMDLINE, 0, NULL));
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	kdbus_build_vec(&s.msg, "stalled", 8);
	/* whoever opens an endpoint is asked for the command line, too */
	late.fd = ep_open(&bus);
	stall_cmdline();
	sender_start(&s, &a);
	stall_wait(&stall);
	hello_init(&hello, KDBUS_HELLO_MONITOR);
	ASSERT_OK(xioctl(late.fd, KDBUS_CMD_HELLO, hello.buf));
	ASSERT_OK(finish());
	late.pool = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, late.fd, 0);
	ASSERT(late.pool != MAP_FAILED);
	expect_stalled(&late, a.hello.id, 1);
	expect_stalled(&m, a.hello.id, 1);
	expect_stalled(&b, a.hello.id, 1);
	expect_nothing(&late);
	expect_nothing(&m);
	expect_nothing(&b);
}

/* spec 22.3: the names it tells of are those it has when it is queued */
TEST(names_are_told_as_they_are_at_the_end)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	setup();
	set_attach_flags(&b, KDBUS_ATTACH_NAMES);
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.old", 0));
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	begin(&a);
	ASSERT_OK(kdbus_client_release(&a, "com.example.old"));
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.new", 0));
	ASSERT_OK(finish());
	msg = expect_stalled(&b, a.hello.id, 1);
	item = kdbus_msg_item(msg, KDBUS_ITEM_NAME);
	ASSERT(item);
	ASSERT_OK(strcmp(item->name.name, "com.example.new"));
	kdbus_for_each_msg_item(item, msg)
		if (item->type == KDBUS_ITEM_NAME)
			ASSERT(strcmp(item->name.name, "com.example.old"));
	expect_nothing(&b);
}

/* spec 17.8: the names that nobody is told of any more hold up nothing */
TEST(a_receiver_may_stop_asking_for_names)
{
	const struct kdbus_msg *msg;

	setup();
	set_attach_flags(&b, KDBUS_ATTACH_NAMES);
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.old", 0));
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	begin(&a);
	ASSERT_OK(kdbus_client_release(&a, "com.example.old"));
	set_attach_flags(&b, 0);
	ASSERT_OK(finish());
	msg = expect_stalled(&b, a.hello.id, 1);
	ASSERT(!kdbus_msg_item(msg, KDBUS_ITEM_NAME));
	expect_nothing(&b);
}

/* spec 16.6, 16.9: the policy that is in force when it is queued */
TEST(a_policy_that_changes_meanwhile_is_honoured)
{
	struct kdbus_client holder, n;
	struct kdbus_builder m;

	setup();
	hello_policy(&holder, KDBUS_HELLO_POLICY_HOLDER,
		     KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_TALK, NOBODY);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	client_new_as(&n, &bus, NOBODY);
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	s.uid = NOBODY;
	begin(&n);

	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_update));
	kdbus_build_string(&m, KDBUS_ITEM_NAME, NAME);
	kdbus_build_access(&m, KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_SEE,
			   NOBODY);
	ASSERT_OK(xioctl(holder.fd, KDBUS_CMD_CONN_UPDATE, m.buf));
	ASSERT_EQ(finish(), -EPERM);
	expect_nothing(&b);
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "pool_used"), 0);
}

/* ---- broadcasts --------------------------------------------------------- */

static void hear_name(struct kdbus_client *to, __u64 cookie, const char *name)
{
	struct kdbus_builder m;
	struct kdbus_cmd_match *cmd = kdbus_build_cmd(&m, sizeof(*cmd));

	cmd->cookie = cookie;
	kdbus_build_string(&m, KDBUS_ITEM_NAME, name);
	ASSERT_OK(kdbus_client_match_add(to, &m));
}

/* spec 15.2, 22.3, 25: once, by the names that are in force at the end */
TEST(a_broadcast_is_for_those_who_match_at_the_end)
{
	setup();
	/* two that hold at the end, one only before */
	hear_name(&b, 1, "com.example.new");
	hear_name(&b, 2, "com.example.kept");
	hear_name(&c, 1, "com.example.old");
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.old", 0));
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.kept", 0));
	build_broadcast(&s.msg, 1);
	begin(&a);
	ASSERT_OK(kdbus_client_release(&a, "com.example.old"));
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.new", 0));
	ASSERT_OK(finish());
	expect_stalled(&b, a.hello.id, 1);
	expect_nothing(&b);
	expect_nothing(&c);
}

/* spec 9.9, 16.9, decision 8 */
TEST(a_broadcast_honours_a_policy_that_changes_meanwhile)
{
	struct kdbus_client holder, n;

	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	client_new_as(&n, &bus, NOBODY);
	hear_all(&n, 1);
	hear_all(&b, 1);
	build_broadcast(&s.msg, 1);
	begin(&a);
	/* the first one: from now on nobody may what is not granted */
	hello_policy(&holder, KDBUS_HELLO_POLICY_HOLDER,
		     KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_SEE, NOBODY);
	ASSERT_OK(finish());
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	expect_stalled(&b, a.hello.id, 1);
	/* n has heard of the holder, and of nothing else */
	ASSERT_OK(kdbus_client_recv(&n, KDBUS_RECV_DROP, 0, NULL));
	expect_nothing(&n);
}

/* ---- what is put back --------------------------------------------------- */

static struct kdbus_client act;

static void send_to_activator(__u64 cookie, __s64 priority)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, 0, cookie);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, NAME);
	m.msg.priority = priority;
	ASSERT_OK(kdbus_client_send(&a, &m));
}

/* spec 12.2, 12.3, 14.4: all that was before and behind it has gone and come */
TEST(what_is_put_back_finds_its_place_again)
{
	static const struct kdbus_cmd_recv urgent = {
		.flags = KDBUS_RECV_USE_PRIORITY,
	};
	pthread_t t;
	void *ret;
	int i;

	setup();
	hello_policy(&act, KDBUS_HELLO_ACTIVATOR, KDBUS_POLICY_ACCESS_WORLD,
		     KDBUS_POLICY_OWN, 0);
	for (i = 1; i <= 5; i++)
		send_to_activator(i, i == 3 ? -1 : 0);
	receiver = &act;
	stall_new_writer(&stall, &urgent, sizeof(urgent));
	ASSERT_OK(pthread_create(&t, NULL, recv_there, stall.page));
	stall_wait(&stall);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	expect_msg(&b, a.hello.id, 1);
	ASSERT_OK(kdbus_client_release(&b, NAME));

	stall_unmap(&stall);
	ASSERT_OK(pthread_join(t, &ret));
	ASSERT_EQ((long)ret, -EFAULT);
	for (i = 2; i <= 5; i++)
		expect_msg(&act, a.hello.id, i);
	expect_nothing(&act);
}

/* ---- replies ------------------------------------------------------------ */

/*
 * A call of c's to the name, whose request lies with a: nobody has received
 * it, so it moves with the name.
 */
static struct sender call;

static void call_service(__u64 attach_flags, __u64 conn_flags)
{
	bus_new(&bus);
	hello_policy(&act, KDBUS_HELLO_ACTIVATOR, KDBUS_POLICY_ACCESS_WORLD,
		     KDBUS_POLICY_OWN, 0);
	client_new_as(&a, &bus, NOBODY);
	client_new(&b, &bus);
	ASSERT_OK(kdbus_client_open(&c, bus.path, conn_flags, attach_flags,
				    1 << 20, NULL));
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	kdbus_build_msg(&call.msg, 0, 7);
	kdbus_build_string(&call.msg, KDBUS_ITEM_DST_NAME, NAME);
	make_sync(&call.msg, 100 * SEC);
	sender_start(&call, &c);
	ASSERT_EQ(kdbus_client_wait(&a, 20000), 1);
}

static void reply_init(struct kdbus_builder *m, __u64 cookie)
{
	kdbus_build_msg(m, c.hello.id, cookie);
	m->msg.cookie_reply = 7;
}

/* The call is still going on, and b can answer it. */
static void expect_waiting(void)
{
	const struct kdbus_msg *reply;
	struct kdbus_builder m;

	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	expect_msg(&b, c.hello.id, 7);
	reply_init(&m, 99);
	ASSERT_OK(kdbus_client_send(&b, &m));
	ASSERT_OK(sender_end(&call));
	reply = (const void *)(c.pool + call.msg.msg.offset_reply);
	ASSERT_EQ(reply->cookie, 99);
}

/* spec 10.3, 14.4: who does not owe the answer any more is under policy */
TEST(a_reply_comes_too_late_when_the_request_has_moved)
{
	call_service(0, 0);
	reply_init(&s.msg, 1);
	s.uid = NOBODY;
	begin(&a);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_EQ(finish(), -EPERM);
	expect_waiting();
	expect_nothing(&c);
}

/* spec 10.3, 14.4: the same by somebody who may talk to the caller */
TEST(a_reply_is_a_message_when_the_request_has_moved)
{
	call_service(0, 0);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	client_new(&a, &bus);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	reply_init(&s.msg, 1);
	begin(&a);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_OK(finish());
	expect_stalled(&c, a.hello.id, 1);
	expect_waiting();
	expect_nothing(&c);
}

/* spec 10.3: who does not owe it any more cannot fail it either */
TEST(a_failed_reply_ends_nothing_when_the_request_has_moved)
{
	static char data[1 << 20];

	call_service(KDBUS_ATTACH_CMDLINE, 0);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	client_new(&a, &bus);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	/* more than there can be, which is found after the metadata */
	reply_init(&s.msg, 1);
	kdbus_build_vec(&s.msg, data, sizeof(data));
	stall_cmdline();
	sender_start(&s, &a);
	stall_wait(&stall);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_EQ(finish(), -ENOBUFS);
	expect_waiting();
}

/* spec 10.3, 11.3: one of them is the reply, the others are messages */
TEST(one_reply_is_at_the_expense_of_who_called)
{
	struct stall stalls[3];
	struct sender replies[3];
	int i;

	call_service(0, 0);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	for (i = 0; i < 3; i++) {
		stall_new(&stalls[i]);
		reply_init(&replies[i].msg, i);
		replies[i].uid = 0;
		kdbus_build_vec(&replies[i].msg, stalls[i].page, 1000);
		sender_start(&replies[i], &b);
		stall_wait(&stalls[i]);
	}
	/* what stalls is at nobody's expense */
	ASSERT_EQ(listed("connections", &bus, c.hello.id, "pool_used"), 0);

	/* the last one is there first: it is the reply */
	stall_serve(&stalls[2], "2", 2);
	ASSERT_OK(sender_end(&replies[2]));
	ASSERT_OK(sender_end(&call));
	stall_serve(&stalls[0], "0", 2);
	ASSERT_OK(sender_end(&replies[0]));
	stall_serve(&stalls[1], "1", 2);
	ASSERT_OK(sender_end(&replies[1]));
	expect_msg(&c, b.hello.id, 0);
	expect_msg(&c, b.hello.id, 1);
	ASSERT_OK(kdbus_client_free(&c, c.pool + call.msg.msg.offset_reply));
	ASSERT_EQ(listed("accounts", &bus, c.hello.id, "msgs"), -1);
	ASSERT_EQ(listed("connections", &bus, c.hello.id, "pool_used"), 0);
}

/* spec 10.6, 27.9: a reply that is late by then leaves nothing */
TEST(a_reply_in_the_making_is_late_after_the_deadline)
{
	setup();
	kdbus_build_msg(&call.msg, b.hello.id, 7);
	make_sync(&call.msg, 300 * MSEC);
	sender_start(&call, &c);
	ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
	reply_init(&s.msg, 1);
	begin(&b);
	ASSERT_EQ(sender_end(&call), -ETIMEDOUT);
	ASSERT_OK(finish());
	/* now it is a message like any other */
	ASSERT_OK(kdbus_client_free(&c, expect_stalled(&c, b.hello.id, 1)));
	ASSERT_EQ(listed("connections", &bus, c.hello.id, "pool_used"), 0);
}

/* ---- what a stalled sender holds of its receiver's ---------------------- */

/* other uids, which may share half of a pool of a MiB: 40 KiB for nine of them */
#define STALLED 12

/* spec 8.7, 11.1: neither room nor an account is taken before the data is there */
TEST(senders_that_stall_hold_no_room)
{
	static struct sender senders[STALLED];
	static struct stall stalls[STALLED];
	static struct kdbus_client from[STALLED];
	struct kdbus_client r;
	char *data;
	int i;

	bus_new(&bus);
	client_new_pool(&r, &bus, 1 << 20);
	data = calloc(1, 40 << 10);
	for (i = 0; i < STALLED; i++) {
		client_new_as(&from[i], &bus, 1000 + i);
		stall_new(&stalls[i]);
		kdbus_build_msg(&senders[i].msg, r.hello.id, 1);
		kdbus_build_vec(&senders[i].msg, data, 40 << 10);
		kdbus_build_vec(&senders[i].msg, stalls[i].page, 8);
		senders[i].uid = 1000 + i;
		sender_start(&senders[i], &from[i]);
		stall_wait(&stalls[i]);
	}
	ASSERT_EQ(listed("connections", &bus, r.hello.id, "pool_used"), 0);
	ASSERT_EQ(listed("accounts", &bus, r.hello.id, "bytes"), -1);
	for (i = 0; i < STALLED; i++) {
		stall_serve(&stalls[i], "x", 1);
		sender_end(&senders[i]);
	}
}

/* spec 22.5: the memory of a receiver that has gone is free */
TEST(a_sender_that_stalls_keeps_no_dead_receiver)
{
	const long pool = 256 << 10; /* kB */
	struct kdbus_client r;
	long used;

	setup();
	client_new_pool(&r, &bus, (__u64)pool << 10);
	kdbus_build_msg(&s.msg, r.hello.id, 1);
	begin(&a);
	used = meminfo("Committed_AS");
	kdbus_client_close(&r);
	while (meminfo("Committed_AS") > used - pool * 3 / 4)
		usleep(1000);
	ASSERT_EQ(finish(), -ENXIO);
}

/* spec 9.9, 22.5: the same of a broadcast, and of what is told of its sender */
TEST(a_broadcast_that_stalls_keeps_no_dead_receiver)
{
	const long pool = 256 << 10; /* kB */
	struct kdbus_client r;
	int cmdline;
	long used;

	setup();
	hear_all(&b, 1);
	for (cmdline = 0; cmdline < 2; cmdline++) {
		client_new_pool(&r, &bus, (__u64)pool << 10);
		hear_all(&r, 1);
		if (cmdline)
			set_attach_flags(&r, KDBUS_ATTACH_CMDLINE);
		build_broadcast(&s.msg, 1);
		if (cmdline) {
			kdbus_build_vec(&s.msg, "stalled", 8);
			stall_cmdline();
			sender_start(&s, &a);
			stall_wait(&stall);
		} else {
			begin(&a);
		}
		used = meminfo("Committed_AS");
		kdbus_client_close(&r);
		while (meminfo("Committed_AS") > used - pool * 3 / 4)
			usleep(1000);
		ASSERT_OK(finish());
	}
}

/* ---- what a receiver finds of a message that was refused ----------------- */

#define SECRET "what nobody is to read"

static bool has_secret(const struct kdbus_client *to)
{
	return memmem(to->pool, to->hello.pool_size, SECRET, sizeof(SECRET));
}

/* decision 30, spec 8.7: nothing is left where it was written */
TEST(a_message_that_cannot_be_read_leaves_nothing_readable)
{
	setup();
	kdbus_build_msg(&s.msg, b.hello.id, 1);
	kdbus_build_vec(&s.msg, SECRET, sizeof(SECRET));
	begin(&a);
	ASSERT(!has_secret(&b));
	stall_unmap(&stall);
	ASSERT_EQ(sender_end(&s), -EFAULT);
	ASSERT(!has_secret(&b));
}

/* decision 30, spec 22.3: nor with the name's old owner */
TEST(a_message_that_goes_elsewhere_leaves_nothing_readable)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	kdbus_build_msg(&s.msg, 0, 1);
	kdbus_build_string(&s.msg, KDBUS_ITEM_DST_NAME, NAME);
	kdbus_build_vec(&s.msg, SECRET, sizeof(SECRET));
	begin(&a);
	ASSERT_OK(kdbus_client_release(&b, NAME));
	ASSERT_OK(kdbus_client_acquire(&c, NAME, 0));
	ASSERT_OK(finish());
	ASSERT(has_secret(&c));
	ASSERT(!has_secret(&b));
}

/* ---- room that replies hold --------------------------------------------- */

#define BIG (100 * 1024)

/* Begins a call of c's to b; b has received it. */
static void begin_call(void)
{
	kdbus_build_msg(&call.msg, b.hello.id, 7);
	make_sync(&call.msg, 100 * SEC);
	sender_start(&call, &c);
	ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
	expect_msg(&b, c.hello.id, 7);
}

/* Begins an answer that stalls in the last page of its payload. */
static char *begin_big_reply(struct sender *reply, struct stall *at)
{
	char *data = mmap(NULL, BIG, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(data != MAP_FAILED);
	memset(data, 'x', BIG);
	stall_at(at, data + BIG - 4096);
	reply_init(&reply->msg, 1);
	kdbus_build_vec(&reply->msg, data, BIG);
	sender_start(reply, &b);
	stall_wait(at);
	return data;
}

static void expect_no_room_taken(void)
{
	ASSERT_EQ(listed("connections", &bus, c.hello.id, "pool_used"), 0);
}

/* spec 27.9, 10.6: whether the call goes on or has ended */
TEST(replies_that_stall_hold_no_room)
{
	struct sender replies[4];
	struct stall stalls[4];
	int i;

	setup();
	for (i = 0; i < 4; i++) {
		begin_call();
		begin_big_reply(&replies[i], &stalls[i]);
		expect_no_room_taken();
		ASSERT_OK(kdbus_client_cancel(&c, 7));
		ASSERT_EQ(sender_end(&call), -ECANCELED);
		expect_no_room_taken();
	}
	/* now they are messages like any others, and b's */
	for (i = 0; i < 4; i++) {
		stall_serve(&stalls[i], "y", 1);
		ASSERT_OK(sender_end(&replies[i]));
		ASSERT_EQ(listed("accounts", &bus, c.hello.id, "msgs"), i + 1);
	}
	for (i = 0; i < 4; i++)
		expect_msg(&c, b.hello.id, 1);
}

/* spec 10.6, 9.7 */
TEST(a_reply_that_stalled_is_whole)
{
	static char got[BIG];
	const struct kdbus_msg *reply;
	char *data;

	setup();
	begin_call();
	data = begin_big_reply(&s, &stall);
	stall_serve(&stall, "the end", 8);
	ASSERT_OK(sender_end(&s));
	ASSERT_OK(sender_end(&call));
	reply = (const void *)(c.pool + call.msg.msg.offset_reply);
	ASSERT_EQ(kdbus_msg_payload(reply, got, BIG), BIG);
	ASSERT_OK(memcmp(got, data, BIG));
	ASSERT_OK(strcmp(got + BIG - 4096, "the end"));
	ASSERT_EQ(listed("accounts", &bus, c.hello.id, "bytes"), -1);
	ASSERT_OK(kdbus_client_free(&c, reply));
	expect_no_room_taken();
}

/* spec 27.9, 10.3: memory that is not there is the replier's own mistake */
TEST(a_reply_that_cannot_be_read_can_be_sent_again)
{
	setup();
	begin_call();
	begin_big_reply(&s, &stall);
	stall_unmap(&stall);
	ASSERT_EQ(sender_end(&s), -EFAULT);
	expect_no_room_taken();
	reply_init(&s.msg, 2);
	ASSERT_OK(kdbus_client_send(&b, &s.msg));
	ASSERT_OK(sender_end(&call));
}

/* spec 27.9, 19.2 */
TEST(what_monitors_are_told_of_a_reply_holds_no_room)
{
	struct kdbus_client m;

	setup();
	ASSERT_OK(kdbus_client_open(&m, bus.path, KDBUS_HELLO_MONITOR,
				    KDBUS_ATTACH_CMDLINE, 0, NULL));
	begin_call();
	reply_init(&s.msg, 1);
	stall_cmdline();
	sender_start(&s, &b);
	stall_wait(&stall);
	expect_no_room_taken();
	ASSERT_OK(finish());
	ASSERT_OK(sender_end(&call));
	expect_msg(&m, c.hello.id, 7);
	expect_msg(&m, b.hello.id, 1);
}
