// SPDX-License-Identifier: GPL-2.0
/*
 * Replies that cannot be had, be it for policy, quotas or the requester's own
 * fault: each side is told, and nothing is left of the call.
 */
#include <sys/resource.h>

#include "harness.h"

#define NAME "com.example.replier"
#define PAGE 4096

static struct bus bus;
static struct kdbus_client a, b;
static struct kdbus_builder m;
static char data[2 << 20];

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

/* A policy for the bus; the name belongs to nobody. */
static void deny_others(struct kdbus_client *holder)
{
	kdbus_build_hello(&m, KDBUS_HELLO_POLICY_HOLDER, 0);
	kdbus_build_string(&m, KDBUS_ITEM_NAME, NAME);
	kdbus_build_access(&m, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_SEE, 0);
	ASSERT_OK(kdbus_client_hello(holder, bus.path, &m));
}

static void build_request(struct kdbus_builder *k, __u64 dst, __u64 cookie)
{
	kdbus_build_msg(k, dst, cookie);
	k->msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	k->msg.timeout_ns = 100 * SEC;
}

static void build_sync(struct kdbus_builder *k, __u64 dst, __u64 cookie)
{
	build_request(k, dst, cookie);
	k->msg.flags |= KDBUS_MSG_FLAGS_SYNC_REPLY;
}

/* A synchronous call of a's to b, received there. */
static void call_start(struct sender *s, __u64 cookie)
{
	build_sync(&s->msg, b.hello.id, cookie);
	s->uid = 0;
	sender_start(s, &a);
	ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
	expect_msg(&b, a.hello.id, cookie);
}

static void build_reply(struct kdbus_builder *k, struct kdbus_client *to,
			__u64 cookie)
{
	kdbus_build_msg(k, to->hello.id, 1000 + cookie);
	k->msg.cookie_reply = cookie;
}

static long long of(struct kdbus_client *c, const char *column)
{
	return listed("connections", &bus, c->hello.id, column);
}

/* ---- requests ------------------------------------------------------------ */

/* spec 9.6, 16.6: asking for a reply opens no door */
TEST(a_request_needs_the_right_to_talk)
{
	struct kdbus_client holder, n;

	setup();
	deny_others(&holder);
	client_new_as(&n, &bus, NOBODY);
	build_request(&m, b.hello.id, 1);
	ASSERT_EQ(send_as(NOBODY, &n, &m), -EPERM);
	build_sync(&m, b.hello.id, 1);
	ASSERT_EQ(send_as(NOBODY, &n, &m), -EPERM);
	expect_nothing(&b);
	expect_nothing(&n);
	ASSERT_EQ(of(&n, "calls_out"), 0);
	ASSERT_EQ(of(&n, "pool_used"), 0);
}

/* spec 9.7, 10.1, 10.9: however often it fails, nothing of it is left */
TEST(requests_that_fail_count_for_nothing)
{
	struct kdbus_client holder, n, nofd, small;
	int i, fd = 0;

	setup();
	ASSERT_OK(kdbus_client_open(&nofd, bus.path, 0, 0, 0, NULL));
	client_new_pool(&small, &bus, PAGE);
	for (i = 0; i < 200; i++) {
		build_request(&m, b.hello.id, i);
		kdbus_build_vec(&m, (void *)8, 8);
		ASSERT_EQ(kdbus_client_send(&a, &m), -EFAULT);
		build_request(&m, nofd.hello.id, i);
		kdbus_build_fds(&m, &fd, 1);
		ASSERT_EQ(kdbus_client_send(&a, &m), -ECOMM);
		build_request(&m, small.hello.id, i);
		kdbus_build_vec(&m, data, PAGE / 2);
		ASSERT_EQ(kdbus_client_send(&a, &m), -EXFULL);
	}
	ASSERT_EQ(of(&b, "pool_used"), 0);
	ASSERT_EQ(of(&small, "pool_used"), 0);
	for (i = 0; i < 128; i++)
		ASSERT_OK(request(&a, b.hello.id, i, 100 * SEC));

	client_new_as(&n, &bus, NOBODY);
	deny_others(&holder);
	for (i = 0; i < 200; i++) {
		build_request(&m, b.hello.id, i);
		m.msg.timeout_ns = 1;
		ASSERT_EQ(send_as(NOBODY, &n, &m), -EPERM);
	}
	ASSERT_EQ(of(&n, "calls_out"), 0);
	ASSERT_EQ(of(&n, "pool_used"), 0);
	expect_nothing(&n);
	expect_nothing(&a);
}

/* spec 11.3: the notice of a request needs its place before it is sent */
TEST(a_request_needs_room_for_its_notice)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c;
	int i, n = 0;

	setup();
	client_new_pool(&c, &bus, PAGE);
	while (!request(&c, b.hello.id, n, 100 * SEC))
		n++;
	ASSERT_EQ(n, PAGE / 80);
	ASSERT_EQ(request(&c, b.hello.id, 99, 100 * SEC), -ENOBUFS);
	/* a signal needs none, a synchronous call gets the reply itself */
	ASSERT_OK(send_to(&c, b.hello.id, 99, "x"));
	build_sync(&m, b.hello.id, 99);
	m.msg.timeout_ns = 1;
	ASSERT_EQ(kdbus_client_send(&c, &m), -ETIMEDOUT);

	/* and so none of them gets lost, full as the pool is */
	for (i = 0; i < n; i++)
		ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_EQ(of(&c, "queued"), n);
	for (i = 0; i < n; i++) {
		ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg));
		ASSERT_EQ(((const struct kdbus_item *)msg->items)->type,
			  KDBUS_ITEM_REPLY_DEAD);
		ASSERT_EQ(msg->cookie_reply, i);
		ASSERT_OK(kdbus_client_free(&c, msg));
	}
	expect_nothing(&c);
	ASSERT_EQ(of(&c, "pool_used"), 0);
}

/* spec 11.3: what is told of others takes its place when it is received */
TEST(a_notification_waits_for_room)
{
	const struct kdbus_msg *full, *msg;
	const struct kdbus_name_list *list;
	struct kdbus_client c;
	int n;

	setup();
	client_new_pool(&c, &bus, PAGE);
	hear_all(&c, 1);
	kdbus_build_msg(&m, c.hello.id, 1);
	kdbus_build_vec(&m, data, 256);
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&c, 0, 0, &full));
	for (n = 0; !kdbus_client_list(&c, KDBUS_NAME_LIST_UNIQUE, &list); n++)
		;
	ASSERT(n > 0);
	while (!kdbus_client_list(&c, 0, &list))
		;

	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	ASSERT_EQ(kdbus_client_recv(&c, 0, 0, &msg), -ENOBUFS);
	ASSERT_EQ(kdbus_client_recv(&c, KDBUS_RECV_PEEK, 0, &msg), -ENOBUFS);
	ASSERT_OK(kdbus_client_free(&c, full));
	ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg));
	ASSERT_EQ(((const struct kdbus_item *)msg->items)->type,
		  KDBUS_ITEM_NAME_ADD);
	expect_nothing(&c);
}

/* ---- replies that are refused -------------------------------------------- */

/* spec 10.3: a late one is a message, which needs the right to talk */
TEST(a_late_reply_needs_the_right_to_talk)
{
	struct kdbus_client holder, n;

	setup();
	client_new_as(&n, &bus, NOBODY);
	deny_others(&holder);
	ASSERT_OK(request(&a, n.hello.id, 7, 100 * SEC));
	build_reply(&m, &a, 7);
	ASSERT_OK(send_as(NOBODY, &n, &m));
	ASSERT_EQ(send_as(NOBODY, &n, &m), -EPERM);
	expect_msg(&a, n.hello.id, 1007);

	ASSERT_OK(request(&a, n.hello.id, 8, 1));
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 8);
	build_reply(&m, &a, 8);
	ASSERT_EQ(send_as(NOBODY, &n, &m), -EPERM);
	expect_nothing(&a);
}

/* spec 10.3, 2.6: the field is a timeout in what asks for a reply itself */
TEST(a_request_answers_nothing)
{
	setup();
	ASSERT_OK(request(&a, b.hello.id, 7, 100 * SEC));
	expect_msg(&b, a.hello.id, 7);
	ASSERT_OK(request(&b, a.hello.id, 9, 7));
	expect_notice(&b, KDBUS_ITEM_REPLY_TIMEOUT, 9);
	expect_msg(&a, b.hello.id, 9);
	ASSERT_EQ(of(&a, "calls_out"), 1);
	kdbus_client_close(&b);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 7);
}

/* spec 10.3: too large for what an asynchronous requester leaves to others */
TEST(a_reply_over_the_share_is_told_to_both)
{
	struct kdbus_client c;

	setup();
	client_new_pool(&c, &bus, 16 * PAGE);
	ASSERT_OK(request(&c, b.hello.id, 7, 100 * SEC));
	build_reply(&m, &c, 7);
	kdbus_build_vec(&m, data, 10 * PAGE);
	ASSERT_EQ(kdbus_client_send(&b, &m), -EXFULL);
	expect_notice(&c, KDBUS_ITEM_REPLY_DEAD, 7);
	expect_nothing(&c);
	ASSERT_EQ(of(&c, "pool_used"), 0);
}

/* spec 10.3, 11.3: the same for the files */
TEST(a_reply_with_too_many_files_is_told_to_both)
{
	struct kdbus_client n;
	int fds[17] = { 0 };

	setup();
	client_new_as(&n, &bus, NOBODY);
	ASSERT_OK(request(&a, n.hello.id, 7, 100 * SEC));
	build_reply(&m, &a, 7);
	kdbus_build_fds(&m, fds, 17);
	ASSERT_EQ(send_as(NOBODY, &n, &m), -EMFILE);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 7);
	expect_nothing(&a);
	ASSERT_EQ(of(&a, "pool_used"), 0);
}

/* spec 10.3, 27.9: the reply to a sleeping requester, likewise */
TEST(a_refused_sync_reply_leaves_nothing)
{
	struct sender s;
	int fd = 0;

	setup();
	kdbus_client_close(&a);
	ASSERT_OK(kdbus_client_open(&a, bus.path, 0, 0, 1 << 20, NULL));
	call_start(&s, 7);
	build_reply(&m, &a, 7);
	kdbus_build_fds(&m, &fd, 1);
	ASSERT_EQ(kdbus_client_send(&b, &m), -ECOMM);
	ASSERT_EQ(sender_end(&s), -EPIPE);
	call_start(&s, 8);
	build_reply(&m, &a, 8);
	kdbus_build_vec(&m, data, sizeof(data));
	ASSERT_EQ(kdbus_client_send(&b, &m), -ENOBUFS);
	ASSERT_EQ(sender_end(&s), -EPIPE);
	expect_nothing(&a);
	ASSERT_EQ(of(&a, "pool_used"), 0);
	ASSERT_EQ(of(&a, "calls_out"), 0);
}

/* spec 27.9 */
TEST(a_late_sync_reply_leaves_nothing_once_received)
{
	struct sender s;

	setup();
	build_sync(&s.msg, b.hello.id, 7);
	s.msg.msg.timeout_ns = 1;
	s.uid = 0;
	sender_start(&s, &a);
	ASSERT_EQ(sender_end(&s), -ETIMEDOUT);
	build_reply(&m, &a, 7);
	kdbus_build_vec(&m, data, PAGE);
	ASSERT_OK(kdbus_client_send(&b, &m));
	expect_msg(&a, b.hello.id, 1007);
	ASSERT_EQ(of(&a, "pool_used"), 0);
}

/* ---- replies that cannot be taken ---------------------------------------- */

/* spec 10.6: nothing is installed, and the slice is free again */
TEST(a_caller_without_free_numbers_is_told)
{
	struct rlimit old, none;
	struct sender s;
	int p[2];
	char x;

	setup();
	call_start(&s, 7);
	ASSERT_OK(pipe(p));
	build_reply(&m, &a, 7);
	kdbus_build_fds(&m, &p[1], 1);
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &none));
	ASSERT_OK(kdbus_client_send(&b, &m));
	ASSERT_EQ(sender_end(&s), -EMFILE);
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &old));
	/* what was on its way is closed */
	close(p[1]);
	ASSERT_EQ(read(p[0], &x, 1), 0);
	ASSERT_EQ(of(&a, "pool_used"), 0);
	expect_nothing(&a);
}

struct readonly_call {
	struct kdbus_builder *msg;
	int ret;
};

static void *call_readonly(void *arg)
{
	struct readonly_call *r = arg;

	r->ret = xioctl(a.fd, KDBUS_CMD_MSG_SEND, r->msg);
	return NULL;
}

/* spec 10.6, 22.6 */
TEST(a_caller_that_cannot_be_told_where_it_is_gets_a_fault)
{
	struct readonly_call r;
	struct kdbus_builder k;
	pthread_t t;
	int fd = 0;

	setup();
	build_sync(&k, b.hello.id, 7);
	r.msg = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(r.msg != MAP_FAILED);
	memcpy(r.msg, k.buf, k.size);
	ASSERT_OK(mprotect(r.msg, PAGE, PROT_READ));
	ASSERT_OK(pthread_create(&t, NULL, call_readonly, &r));
	ASSERT_EQ(kdbus_client_wait(&b, 20000), 1);
	expect_msg(&b, a.hello.id, 7);

	build_reply(&m, &a, 7);
	kdbus_build_fds(&m, &fd, 1);
	fd = dup(0);
	close(fd);
	ASSERT_OK(kdbus_client_send(&b, &m));
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_EQ(r.ret, -EFAULT);
	ASSERT_EQ(of(&a, "pool_used"), 0);
	ASSERT_EQ(of(&a, "calls_out"), 0);
	/* no file came either */
	ASSERT_EQ(dup(0), fd);
	expect_nothing(&a);
}

/* spec 10.2, 10.8: all of them */
TEST(cancel_ends_every_call_with_the_cookie)
{
	struct sender s[3];
	int i;

	setup();
	for (i = 0; i < 3; i++)
		call_start(&s[i], 7);
	ASSERT_OK(kdbus_client_cancel(&a, 7));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(sender_end(&s[i]), -ECANCELED);
	ASSERT_EQ(kdbus_client_cancel(&a, 7), -ENOENT);
	ASSERT_EQ(of(&a, "calls_out"), 0);
	ASSERT_EQ(of(&b, "calls_in"), 0);
}
