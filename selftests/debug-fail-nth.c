// SPDX-License-Identifier: GPL-2.0
/*
 * Every command fails at every place where it can: each allocation and each
 * copy from and to user memory it makes is failed once, the first, the second
 * and so on, until the command gets by without. After each failure the errno
 * says what failed, all the module lists is as before, no file descriptor is
 * left, and the same command then succeeds. What is lost without being listed
 * is found by kmemleak at the end of the run.
 *
 * For kernels with /proc/self/fail-nth, which Debian's have not: see
 * docs/testing.rst.
 */
#include "failing.h"

#define BLOOM 64
#define NAME "o.n"

static struct bus bus;
static struct kdbus_client a, b;
/* the command, built beforehand so that nothing of that can fail */
static struct kdbus_builder cmd;

static void world(void)
{
	inject_all();
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

/* ---- making things ------------------------------------------------------ */

static int made = -1;

static void unmake(void)
{
	close(made);
	made = -1;
}

static int make_at(const char *path, unsigned long make)
{
	int ret, fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret = xioctl(fd, make, cmd.buf);
	if (ret) {
		close(fd);
		return ret;
	}
	made = fd;
	return 0;
}

static int make_bus(void)
{
	return make_at(KDBUS_DEV "/control", KDBUS_CMD_BUS_MAKE);
}

static int make_domain(void)
{
	return make_at(KDBUS_DEV "/control", KDBUS_CMD_DOMAIN_MAKE);
}

static int make_endpoint(void)
{
	return make_at(bus.path, KDBUS_CMD_EP_MAKE);
}

static void build_make(const char *name)
{
	struct kdbus_cmd_make *make = kdbus_build_cmd(&cmd, sizeof(*make));

	make->flags = KDBUS_MAKE_ACCESS_WORLD;
	kdbus_build_string(&cmd, KDBUS_ITEM_MAKE_NAME, name);
}

static void build_policy(void)
{
	kdbus_build_string(&cmd, KDBUS_ITEM_NAME, "o.policy");
	kdbus_build_access(&cmd, KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_OWN,
			   NOBODY);
	kdbus_build_access(&cmd, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_SEE,
			   0);
}

TEST(bus_make)
{
	struct kdbus_bloom_parameter bloom = { .size = BLOOM, .n_hash = 1 };

	world();
	build_make("0-fail-nth");
	kdbus_build_item(&cmd, KDBUS_ITEM_BLOOM_PARAMETER, &bloom,
			 sizeof(bloom));
	fail_each(&(struct op){ .run = make_bus, .undo = unmake });
}

TEST(domain_make)
{
	world();
	build_make("fail-nth");
	fail_each(&(struct op){ .run = make_domain, .undo = unmake });
}

TEST(ep_make)
{
	world();
	build_make("fail-nth");
	build_policy();
	fail_each(&(struct op){ .run = make_endpoint, .undo = unmake });
}

static void begin_update(void)
{
	kdbus_build_cmd(&cmd, sizeof(struct kdbus_cmd_update));
}

static int update_endpoint(void)
{
	return xioctl(made, KDBUS_CMD_EP_UPDATE, cmd.buf);
}

TEST(ep_update)
{
	world();
	build_make("fail-nth");
	ASSERT_OK(make_endpoint());
	begin_update();
	build_policy();
	fail_each(&(struct op){ .run = update_endpoint });
}

/* ---- connections -------------------------------------------------------- */

static struct kdbus_client c;

static int hello(void)
{
	return kdbus_client_hello(&c, bus.path, &cmd);
}

static void goodbye(void)
{
	kdbus_client_close(&c);
}

TEST(hello_ordinary)
{
	struct kdbus_creds creds = { .uid = NOBODY, .gid = NOBODY };

	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_ACCEPT_FD, _KDBUS_ATTACH_ALL);
	kdbus_build_string(&cmd, KDBUS_ITEM_CONN_NAME, "fail-nth");
	kdbus_build_item(&cmd, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	kdbus_build_string(&cmd, KDBUS_ITEM_SECLABEL, "label");
	fail_each(&(struct op){ .run = hello, .undo = goodbye });
}

TEST(hello_activator)
{
	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_ACTIVATOR, 0);
	build_policy();
	fail_each(&(struct op){ .run = hello, .undo = goodbye });
}

TEST(hello_policy_holder)
{
	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_POLICY_HOLDER, 0);
	build_policy();
	fail_each(&(struct op){ .run = hello, .undo = goodbye });
}

TEST(hello_monitor)
{
	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_MONITOR, 0);
	fail_each(&(struct op){ .run = hello, .undo = goodbye });
}

static int update_a(void)
{
	return xioctl(a.fd, KDBUS_CMD_CONN_UPDATE, cmd.buf);
}

TEST(conn_update_attach_flags)
{
	__u64 flags = KDBUS_ATTACH_TIMESTAMP;

	world();
	begin_update();
	kdbus_build_item(&cmd, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	fail_each(&(struct op){ .run = update_a });
}

static int update_c(void)
{
	return xioctl(c.fd, KDBUS_CMD_CONN_UPDATE, cmd.buf);
}

TEST(conn_update_policy)
{
	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_POLICY_HOLDER, 0);
	build_policy();
	ASSERT_OK(hello());
	begin_update();
	build_policy();
	fail_each(&(struct op){ .run = update_c });
}

static struct kdbus_cmd_conn_info *info;

static int conn_info(void)
{
	return xioctl(a.fd, KDBUS_CMD_CONN_INFO, info);
}

static void free_info(void)
{
	ASSERT_OK(kdbus_client_free(&a, a.pool + info->offset));
	info->offset = 0;
}

TEST(conn_info_by_name)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	info = kdbus_build_cmd(&cmd, sizeof(*info));
	info->size = sizeof(*info) + sizeof(NAME);
	strcpy(info->name, NAME);
	info->flags = _KDBUS_ATTACH_ALL;
	fail_each(&(struct op){ .run = conn_info, .undo = free_info });
}

/* ---- names -------------------------------------------------------------- */

static int acquire(void)
{
	int ret = kdbus_client_acquire(&a, NAME, KDBUS_NAME_QUEUE |
				       KDBUS_NAME_REPLACE_EXISTING);

	return ret > 0 ? 0 : ret;
}

static int release(void)
{
	return kdbus_client_release(&a, NAME);
}

/* The answer to who has got the name may fail to reach him. */
static void acquired_after_all(int ret)
{
	if (ret == -EFAULT)
		release();
}

static void must_acquire(void)
{
	ASSERT_OK(acquire());
}

static void must_release(void)
{
	ASSERT_OK(release());
}

TEST(name_acquire)
{
	world();
	fail_each(&(struct op){ .run = acquire, .undo = must_release,
				.failed = acquired_after_all });
}

TEST(name_acquire_from_its_owner)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE |
				       KDBUS_NAME_ALLOW_REPLACEMENT));
	fail_each(&(struct op){ .run = acquire, .undo = must_release,
				.failed = acquired_after_all });
}

TEST(name_acquire_in_the_queue)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	fail_each(&(struct op){ .run = acquire, .undo = must_release,
				.failed = acquired_after_all });
}

TEST(name_release)
{
	world();
	fail_each(&(struct op){ .prepare = must_acquire, .run = release });
}

static void must_acquire_from_b(void)
{
	ASSERT_OK(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE |
				       KDBUS_NAME_ALLOW_REPLACEMENT));
	must_acquire();
}

static void b_releases(void)
{
	ASSERT_OK(kdbus_client_release(&b, NAME));
}

TEST(name_release_to_who_waits)
{
	world();
	fail_each(&(struct op){ .prepare = must_acquire_from_b,
				.run = release, .undo = b_releases });
}

static const struct kdbus_name_list *list;

static int list_names(void)
{
	return kdbus_client_list(&a, KDBUS_NAME_LIST_UNIQUE |
				 KDBUS_NAME_LIST_NAMES |
				 KDBUS_NAME_LIST_ACTIVATORS |
				 KDBUS_NAME_LIST_QUEUED, &list);
}

static void free_list(void)
{
	ASSERT_OK(kdbus_client_free(&a, list));
}

TEST(name_list)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_EQ(kdbus_client_acquire(&a, NAME, KDBUS_NAME_QUEUE), 1);
	fail_each(&(struct op){ .run = list_names, .undo = free_list });
}

/* ---- matches ------------------------------------------------------------ */

static int match_add(void)
{
	return xioctl(a.fd, KDBUS_CMD_MATCH_ADD, cmd.buf);
}

static int match_remove(void)
{
	return kdbus_client_match_remove(&a, 7);
}

static void must_match(void)
{
	ASSERT_OK(match_add());
}

static void must_unmatch(void)
{
	ASSERT_OK(match_remove());
}

static void build_match(void)
{
	static const __u8 mask[2 * BLOOM];
	struct kdbus_cmd_match *match = kdbus_build_cmd(&cmd, sizeof(*match));
	__u64 id = KDBUS_MATCH_ID_ANY;

	match->cookie = 7;
	kdbus_build_item(&cmd, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	kdbus_build_string(&cmd, KDBUS_ITEM_NAME, NAME);
	kdbus_build_item(&cmd, KDBUS_ITEM_ID, &id, sizeof(id));
}

TEST(match_add_rules)
{
	world();
	build_match();
	fail_each(&(struct op){ .run = match_add, .undo = must_unmatch });
}

TEST(match_remove_rules)
{
	world();
	build_match();
	fail_each(&(struct op){ .prepare = must_match, .run = match_remove });
}

/* ---- messages ----------------------------------------------------------- */

static char text[5000];
static int memfd = -1;

static int send_a(void)
{
	return kdbus_client_send(&a, &cmd);
}

/* Takes what came, all of it: nothing is lost and nothing is there twice. */
static void take(struct kdbus_client *to, int n)
{
	const struct kdbus_msg *msg;

	while (n--) {
		ASSERT_OK(kdbus_client_recv(to, 0, 0, &msg));
		kdbus_msg_close_fds(msg);
		ASSERT_OK(kdbus_client_free(to, msg));
	}
	expect_nothing(to);
}

static void b_takes(void)
{
	take(&b, 1);
}

static void want_everything(struct kdbus_client *of)
{
	__u64 flags = _KDBUS_ATTACH_ALL;
	struct kdbus_builder u;

	kdbus_build_cmd(&u, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&u, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	ASSERT_OK(xioctl(of->fd, KDBUS_CMD_CONN_UPDATE, u.buf));
}

static void build_payload(void)
{
	int fds[2];

	ASSERT_OK(pipe(fds));
	memset(text, 'x', sizeof(text));
	memfd = kdbus_memfd_make(&a, "fail-nth");
	ASSERT(memfd >= 0);
	ASSERT_EQ(write(memfd, text, sizeof(text)), sizeof(text));
	ASSERT_OK(kdbus_memfd_seal(memfd, true));
	kdbus_build_vec(&cmd, text, sizeof(text));
	kdbus_build_vec(&cmd, text, 100);
	kdbus_build_memfd(&cmd, memfd, sizeof(text));
	kdbus_build_fds(&cmd, fds, 2);
	ASSERT_OK(cmd.error);
}

TEST(msg_send_of_bytes)
{
	world();
	kdbus_build_msg(&cmd, b.hello.id, 1);
	memset(text, 'x', sizeof(text));
	kdbus_build_vec(&cmd, text, sizeof(text));
	fail_each(&(struct op){ .run = send_a, .undo = b_takes });
}

/* A pool has no memory before something is written there. */
static void new_receiver(void)
{
	kdbus_client_close(&b);
	client_new(&b, &bus);
	cmd.msg.dst_id = b.hello.id;
}

TEST(msg_send_to_a_new_pool)
{
	world();
	kdbus_build_msg(&cmd, b.hello.id, 1);
	memset(text, 'x', sizeof(text));
	kdbus_build_vec(&cmd, text, sizeof(text));
	fail_each(&(struct op){ .prepare = new_receiver, .run = send_a,
				.undo = b_takes });
}

TEST(msg_send_of_everything_to_a_name)
{
	world();
	want_everything(&b);
	ASSERT_OK(kdbus_client_acquire(&a, "o.sender", 0));
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	kdbus_build_msg(&cmd, 0, 1);
	kdbus_build_string(&cmd, KDBUS_ITEM_DST_NAME, NAME);
	build_payload();
	fail_each(&(struct op){ .run = send_a, .undo = b_takes });
}

/* Copies are dropped for a receiver without memory, and that is counted. */
static void whoever_got_it(void)
{
	const struct kdbus_msg *msg;

	if (!kdbus_client_recv(&b, 0, 0, &msg))
		ASSERT_OK(kdbus_client_free(&b, msg));
	if (!kdbus_client_recv(&c, 0, 0, &msg))
		ASSERT_OK(kdbus_client_free(&c, msg));
	expect_nothing(&b);
	expect_nothing(&c);
}

TEST(msg_send_of_a_broadcast)
{
	struct {
		__u64 generation;
		__u8 bits[BLOOM];
	} filter = { 0 };
	struct kdbus_cmd_match *match;
	struct kdbus_builder m;

	world();
	client_new(&c, &bus);
	want_everything(&b);
	match = kdbus_build_cmd(&m, sizeof(*match));
	match->cookie = 1;
	ASSERT_OK(kdbus_client_match_add(&b, &m));
	ASSERT_OK(kdbus_client_match_add(&c, &m));
	/* the making of bus and connections has been told by now */
	whoever_got_it();
	kdbus_build_msg(&cmd, KDBUS_DST_ID_BROADCAST, 1);
	kdbus_build_item(&cmd, KDBUS_ITEM_BLOOM_FILTER, &filter,
			 sizeof(filter));
	memset(text, 'x', sizeof(text));
	kdbus_build_vec(&cmd, text, sizeof(text));
	fail_each(&(struct op){ .run = send_a, .undo = whoever_got_it });
}

TEST(msg_send_with_a_monitor)
{
	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_MONITOR, _KDBUS_ATTACH_ALL);
	ASSERT_OK(hello());
	kdbus_build_msg(&cmd, b.hello.id, 1);
	memset(text, 'x', sizeof(text));
	kdbus_build_vec(&cmd, text, sizeof(text));
	fail_each(&(struct op){ .run = send_a, .undo = whoever_got_it });
}

static __u64 cookie;

static int request_b(void)
{
	cmd.msg.cookie = ++cookie;
	cmd.msg.timeout_ns = SOON(60000);
	return kdbus_client_send(&a, &cmd);
}

static void b_answered(void)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_OK(kdbus_client_reply(&b, msg, "answer", 7));
	ASSERT_OK(kdbus_client_free(&b, msg));
	take(&a, 1);
	expect_nothing(&b);
}

TEST(msg_send_of_a_request)
{
	world();
	kdbus_build_msg(&cmd, b.hello.id, 1);
	cmd.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	kdbus_build_vec(&cmd, "request", 8);
	fail_each(&(struct op){ .run = request_b, .undo = b_answered });
}

static const struct kdbus_msg *asked;

static void b_is_asked(void)
{
	ASSERT_OK(request(&a, b.hello.id, ++cookie, SOON(60000)));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &asked));
	cmd.msg.cookie_reply = cookie;
}

static int answer(void)
{
	return kdbus_client_send(&b, &cmd);
}

static void answer_came(void)
{
	ASSERT_OK(kdbus_client_free(&b, asked));
	take(&a, 1);
}

/* A reply there is no memory for ends the request, and the requester knows. */
static void answer_failed(int ret)
{
	if (ret != -ENOMEM)
		return;
	if (listed("calls", &bus, 0, "sync") == 0)
		return;
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, cookie);
	ASSERT_OK(kdbus_client_free(&b, asked));
	b_is_asked();
}

TEST(msg_send_of_a_reply)
{
	world();
	kdbus_build_msg(&cmd, a.hello.id, 1);
	build_payload();
	fail_each(&(struct op){ .prepare = b_is_asked, .run = answer,
				.undo = answer_came, .failed = answer_failed });
}

/* Answers whatever comes, for as long as the case takes. */
static void *replier(void *arg)
{
	const struct kdbus_msg *msg;
	struct kdbus_msg question;

	while (!kdbus_client_next(&b, -1, &msg)) {
		question = *msg;
		ASSERT_OK(kdbus_client_free(&b, msg));
		ASSERT_OK(kdbus_client_reply(&b, &question, "answer", 7));
	}
	return arg;
}

static const struct kdbus_msg *reply;

static int call(void)
{
	cmd.msg.cookie = ++cookie;
	return kdbus_client_call(&a, &cmd, SOON(60000), &reply);
}

static void free_reply(void)
{
	ASSERT_OK(kdbus_client_free(&a, reply));
}

TEST(msg_send_and_wait_for_the_reply)
{
	pthread_t t;

	world();
	kdbus_build_msg(&cmd, b.hello.id, 1);
	kdbus_build_vec(&cmd, "request", 8);
	ASSERT_OK(pthread_create(&t, NULL, replier, NULL));
	fail_each(&(struct op){ .run = call, .undo = free_reply });
}

static void *caller(void *arg)
{
	ASSERT_EQ(call(), -ECANCELED);
	return arg;
}

static pthread_t waiting;

static void must_call(void)
{
	ASSERT_OK(pthread_create(&waiting, NULL, caller, NULL));
	ASSERT_EQ(kdbus_client_wait(&b, -1), 1);
	b_takes();
}

static int cancel(void)
{
	return kdbus_client_cancel(&a, cookie);
}

static void call_has_ended(void)
{
	ASSERT_OK(pthread_join(waiting, NULL));
}

TEST(msg_cancel)
{
	world();
	kdbus_build_msg(&cmd, b.hello.id, 1);
	kdbus_build_vec(&cmd, "request", 8);
	fail_each(&(struct op){ .prepare = must_call, .run = cancel,
				.undo = call_has_ended, .never = 1 });
}

/* ---- receiving ---------------------------------------------------------- */

static const struct kdbus_msg *received;
static __u64 how;

static void must_send(void)
{
	ASSERT_OK(send_a());
}

static int receive(void)
{
	received = NULL;
	return kdbus_client_recv(&b, how, 0, &received);
}

static void give_back(void)
{
	kdbus_msg_close_fds(received);
	ASSERT_OK(kdbus_client_free(&b, received));
	expect_nothing(&b);
}

static void receive_each(__u64 flags, void (*done)(void))
{
	world();
	want_everything(&b);
	kdbus_build_msg(&cmd, b.hello.id, 1);
	build_payload();
	how = flags;
	fail_each(&(struct op){ .prepare = must_send, .run = receive,
				.undo = done });
}

TEST(msg_recv_of_everything)
{
	receive_each(0, give_back);
}

TEST(msg_recv_by_priority)
{
	receive_each(KDBUS_RECV_USE_PRIORITY, give_back);
}

static void nothing_is_left(void)
{
	expect_nothing(&b);
}

TEST(msg_recv_to_drop)
{
	receive_each(KDBUS_RECV_DROP, nothing_is_left);
}

static void seen(void)
{
	ASSERT_OK(kdbus_client_free(&b, received));
	b_takes();
}

TEST(msg_recv_to_peek)
{
	receive_each(KDBUS_RECV_PEEK, seen);
}

static void must_tell(void)
{
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
}

static void told(void)
{
	ASSERT_OK(kdbus_client_free(&b, received));
	ASSERT_OK(kdbus_client_release(&a, NAME));
	expect_nothing(&b);
}

TEST(msg_recv_of_a_notice)
{
	struct kdbus_notify_name_change change = { .old.id = 0 };
	struct kdbus_builder m;

	world();
	change.old.id = change.new.id = KDBUS_MATCH_ID_ANY;
	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_match));
	kdbus_build_item(&m, KDBUS_ITEM_NAME_ADD, &change, sizeof(change));
	ASSERT_OK(kdbus_client_match_add(&b, &m));
	fail_each(&(struct op){ .prepare = must_tell, .run = receive,
				.undo = told });
}

static void must_receive(void)
{
	must_send();
	ASSERT_OK(receive());
}

static int free_received(void)
{
	return kdbus_client_free(&b, received);
}

TEST(free_of_a_message)
{
	world();
	kdbus_build_msg(&cmd, b.hello.id, 1);
	kdbus_build_vec(&cmd, "x", 1);
	fail_each(&(struct op){ .prepare = must_receive,
				.run = free_received, .never = 1 });
}

static void must_connect(void)
{
	client_new(&c, &bus);
	ASSERT_OK(kdbus_client_acquire(&c, NAME, 0));
	ASSERT_OK(request(&c, b.hello.id, 1, SOON(60000)));
}

static int bye(void)
{
	return kdbus_client_byebye(&c);
}

static void gone(void)
{
	kdbus_client_close(&c);
	b_takes();
}

TEST(byebye)
{
	world();
	fail_each(&(struct op){ .prepare = must_connect, .run = bye,
				.undo = gone, .never = 1 });
}

/* ---- memfds ------------------------------------------------------------- */

static __u64 size;
static int sealed;

static int memfd_new(void)
{
	int fd = kdbus_memfd_make(&a, "fail-nth");

	if (fd < 0)
		return fd;
	made = fd;
	return 0;
}

static int size_get(void)
{
	return xioctl(memfd, KDBUS_CMD_MEMFD_SIZE_GET, &size);
}

static int size_set(void)
{
	return xioctl(memfd, KDBUS_CMD_MEMFD_SIZE_SET, &size);
}

static int seal_get(void)
{
	return xioctl(memfd, KDBUS_CMD_MEMFD_SEAL_GET, &sealed);
}

static void resize_back(void)
{
	__u64 old = 4096;

	ASSERT_OK(xioctl(memfd, KDBUS_CMD_MEMFD_SIZE_SET, &old));
}

TEST(memfd_new_with_a_name)
{
	world();
	fail_each(&(struct op){ .run = memfd_new, .undo = unmake });
}

TEST(memfd_size_and_seal)
{
	world();
	memfd = kdbus_memfd_make(&a, NULL);
	ASSERT(memfd >= 0);
	resize_back();
	fail_each(&(struct op){ .run = size_get });
	ASSERT_EQ(size, 4096);
	size = 10000;
	fail_each(&(struct op){ .run = size_set, .undo = resize_back });
	fail_each(&(struct op){ .run = seal_get });
}
