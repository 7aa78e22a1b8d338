// SPDX-License-Identifier: GPL-2.0
/* MSG_RECV, FREE, the pool and poll. */
#include "harness.h"

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static int send_prio(__u64 cookie, __s64 priority)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, b.hello.id, cookie);
	m.msg.priority = priority;
	return kdbus_client_send(&a, &m);
}

static int recv_prio(__u64 flags, __s64 priority, __u64 *cookie)
{
	const struct kdbus_msg *msg;
	int ret = kdbus_client_recv(&b, KDBUS_RECV_USE_PRIORITY | flags,
				    priority, &msg);

	if (!ret && !(flags & KDBUS_RECV_DROP)) {
		*cookie = msg->cookie;
		ASSERT_OK(kdbus_client_free(&b, msg));
	}
	return ret;
}

/* spec 9.11, 12.2 */
TEST(fifo_ignores_priority)
{
	setup();
	ASSERT_OK(send_prio(1, 5));
	ASSERT_OK(send_prio(2, -5));
	ASSERT_OK(send_prio(3, 0));
	expect_msg(&b, a.hello.id, 1);
	expect_msg(&b, a.hello.id, 2);
	expect_msg(&b, a.hello.id, 3);
	expect_nothing(&b);
}

/* spec 9.11, 12.1, 12.2 */
TEST(by_priority_and_then_by_age)
{
	__u64 cookie;

	setup();
	ASSERT_EQ(recv_prio(0, 100, &cookie), -EAGAIN);
	ASSERT_OK(send_prio(1, 5));
	ASSERT_OK(send_prio(2, -5));
	ASSERT_OK(send_prio(3, 5));
	ASSERT_OK(send_prio(4, -5));
	ASSERT_EQ(recv_prio(0, -6, &cookie), -ENOMSG);
	ASSERT_OK(recv_prio(0, -5, &cookie));
	ASSERT_EQ(cookie, 2);
	ASSERT_OK(recv_prio(0, INT64_MAX, &cookie));
	ASSERT_EQ(cookie, 4);
	ASSERT_EQ(recv_prio(0, 4, &cookie), -ENOMSG);
	ASSERT_OK(recv_prio(KDBUS_RECV_DROP, 5, &cookie));
	ASSERT_OK(recv_prio(0, 5, &cookie));
	ASSERT_EQ(cookie, 3);
	ASSERT_EQ(recv_prio(0, INT64_MIN, &cookie), -EAGAIN);
}

/* spec 12.1, 12.2, 12.4: looking follows the same order as taking */
TEST(peeking_by_priority)
{
	const struct kdbus_msg *msg;
	__u64 cookie;

	setup();
	ASSERT_EQ(recv_prio(KDBUS_RECV_PEEK, 100, &cookie), -EAGAIN);
	ASSERT_OK(send_prio(1, 5));
	ASSERT_OK(send_prio(2, -5));
	ASSERT_OK(send_prio(3, -5));
	ASSERT_EQ(recv_prio(KDBUS_RECV_PEEK, -6, &cookie), -ENOMSG);
	ASSERT_OK(recv_prio(KDBUS_RECV_PEEK, -5, &cookie));
	ASSERT_EQ(cookie, 2);
	ASSERT_OK(recv_prio(KDBUS_RECV_PEEK, INT64_MAX, &cookie));
	ASSERT_EQ(cookie, 2);
	/* without, it is the oldest; and all of them are still there */
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, &msg));
	ASSERT_EQ(msg->cookie, 1);
	ASSERT_OK(kdbus_client_free(&b, msg));
	ASSERT_OK(recv_prio(0, 0, &cookie));
	ASSERT_EQ(cookie, 2);
	ASSERT_OK(recv_prio(KDBUS_RECV_PEEK, 0, &cookie));
	ASSERT_EQ(cookie, 3);
	expect_msg(&b, a.hello.id, 1);
	expect_msg(&b, a.hello.id, 3);
	expect_nothing(&b);
}

/* spec 12.5, 10.5: it is the urgent one that is dropped, and told of */
TEST(dropping_by_priority)
{
	struct kdbus_cmd_recv cmd = {
		.flags = KDBUS_RECV_DROP | KDBUS_RECV_USE_PRIORITY,
		.priority = -5,
	};
	struct kdbus_builder m;

	setup();
	ASSERT_OK(send_prio(1, 0));
	kdbus_build_msg(&m, b.hello.id, 2);
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m.msg.timeout_ns = 100 * SEC;
	m.msg.priority = -5;
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(xioctl(b.fd, KDBUS_CMD_MSG_RECV, &cmd));
	ASSERT_EQ(cmd.offset, 0);
	expect_notice(&a, KDBUS_ITEM_REPLY_DEAD, 2);
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, &cmd), -ENOMSG);
	expect_msg(&b, a.hello.id, 1);
}

/* spec 12.1 */
TEST(offset_has_to_be_zero)
{
	struct kdbus_cmd_recv r = { .offset = 8 };

	setup();
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, &r), -EAGAIN);
	ASSERT_OK(send_prio(1, 0));
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, &r), -EINVAL);
	r.flags = KDBUS_RECV_PEEK;
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, &r), -EINVAL);
	r.offset = 0;
	r.flags = ~7ULL;
	ASSERT_OK(xioctl(b.fd, KDBUS_CMD_MSG_RECV, &r));
}

/* spec 12.3 */
TEST(failed_copy_out_loses_nothing)
{
	struct kdbus_cmd_recv *r = mmap(NULL, 4096, PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	setup();
	ASSERT_OK(send_prio(1, 0));
	ASSERT_OK(send_prio(2, 0));
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, r), -EFAULT);
	expect_msg(&b, a.hello.id, 1);
	expect_msg(&b, a.hello.id, 2);
}

/* spec 12.2, 12.3 */
TEST(what_is_put_back_is_where_it_was)
{
	struct kdbus_cmd_recv *r = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	setup();
	for (i = 1; i <= 5; i++)
		ASSERT_OK(send_prio(i, i == 3 ? -1 : 0));
	r->flags = KDBUS_RECV_USE_PRIORITY;
	ASSERT_OK(mprotect(r, 4096, PROT_READ));
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, r), -EFAULT);
	expect_msg(&b, a.hello.id, 1);
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, r), -EFAULT);
	for (i = 2; i <= 5; i++)
		expect_msg(&b, a.hello.id, i);
	expect_nothing(&b);
}

/* How long it takes at best to be told that a message cannot be received. */
static __u64 fail_to_receive(struct kdbus_cmd_recv *cmd)
{
	__u64 start, best = ~0ULL;
	int i;

	for (i = 0; i < 100; i++) {
		start = now_ns();
		ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, cmd), -EFAULT);
		start = now_ns() - start;
		if (start < best)
			best = start;
	}
	return best;
}

#define MANY 30000

/* spec 12.3: nobody walks a queue while its senders wait */
TEST(putting_back_takes_no_longer_with_many_queued)
{
	struct kdbus_cmd_recv *cmd = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, n = MANY / slowness();
	__u64 few, many;

	param_set("max_msgs_per_sender", MANY + 2);
	param_set("max_msgs_same_uid", MANY + 2);
	setup();
	cmd->flags = KDBUS_RECV_USE_PRIORITY;
	ASSERT_OK(mprotect(cmd, 4096, PROT_READ));
	ASSERT_OK(send_prio(1, 0));
	ASSERT_OK(send_prio(2, -1));
	few = fail_to_receive(cmd);
	for (i = 3; i <= n; i++)
		ASSERT_OK(send_prio(i, 0));
	many = fail_to_receive(cmd);
	printf("# %llu ns with few, %llu ns with many\n", few, many);
	ASSERT(many < 10 * few);
	for (i = 1; i <= 3; i++)
		expect_msg(&b, a.hello.id, i);
}

/* spec 12.4, 8.8 */
TEST(peek_leaves_the_message)
{
	const struct kdbus_msg *peeked, *msg;

	setup();
	ASSERT_OK(send_prio(1, 0));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, &peeked));
	ASSERT_EQ(peeked->cookie, 1);
	/* giving it back takes nothing from the queue */
	ASSERT_OK(kdbus_client_free(&b, peeked));
	ASSERT_EQ(kdbus_client_free(&b, peeked), -ENXIO);
	ASSERT_OK(send_prio(2, 0));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, &peeked));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->cookie, 1);
	ASSERT(peeked == msg);
	ASSERT_OK(kdbus_client_free(&b, msg));
	ASSERT_EQ(kdbus_client_free(&b, peeked), -ENXIO);
	expect_msg(&b, a.hello.id, 2);
}

/* spec 12.5 */
TEST(drop_wins_over_peek)
{
	setup();
	ASSERT_OK(send_prio(1, 0));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK | KDBUS_RECV_DROP, 0,
				    NULL));
	expect_nothing(&b);
}

/* spec 8.8 */
TEST(free_takes_only_what_was_handed_out)
{
	const struct kdbus_msg *msg;

	setup();
	ASSERT_EQ(kdbus_client_free(&b, b.pool), -ENXIO);
	ASSERT_OK(send_prio(1, 0));
	/* queued, but its offset was not told */
	ASSERT_EQ(kdbus_client_free(&b, b.pool), -ENXIO);
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(kdbus_client_free(&b, (char *)msg + 8), -ENXIO);
	ASSERT_EQ(kdbus_client_free(&b, (char *)msg - 8), -ENXIO);
	ASSERT_EQ(kdbus_client_free(&a, a.pool + ((char *)msg - b.pool)),
		  -ENXIO);
	ASSERT_OK(kdbus_client_free(&b, msg));
}

/* spec 8.2 */
/* Free neighbours become one again: afterwards half of the pool fits. */
TEST(freed_slices_are_joined)
{
	static char data[500000];
	const struct kdbus_msg *msgs[64];
	struct kdbus_builder m;
	struct kdbus_client c;
	unsigned int i, order;

	setup();
	client_new_pool(&c, &bus, 1 << 20);
	for (order = 0; order < 3; order++) {
		for (i = 0; i < 64; i++) {
			kdbus_build_msg(&m, c.hello.id, i);
			kdbus_build_vec(&m, data, 100 + 37 * i);
			ASSERT_OK(kdbus_client_send(&a, &m));
		}
		for (i = 0; i < 64; i++)
			ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msgs[i]));
		for (i = 0; i < 64; i++) {
			unsigned int n = order == 0 ? i : order == 1 ? 63 - i :
					 (i * 27) % 64;

			ASSERT_OK(kdbus_client_free(&c, msgs[n]));
		}
		kdbus_build_msg(&m, c.hello.id, 99);
		kdbus_build_vec(&m, data, sizeof(data));
		ASSERT_OK(kdbus_client_send(&a, &m));
		expect_msg(&c, a.hello.id, 99);
	}
}

/* spec 8.9 */
TEST(pool_is_read_only_for_good)
{
	struct kdbus_client c;
	char *p;
	int fd;

	setup();
	fd = ep_open(&bus);
	ASSERT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	ASSERT_EQ(errno, EPERM);

	client_new_pool(&c, &bus, 8192);
	ASSERT(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, c.fd, 0) ==
	       MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, c.fd, 0) ==
	       MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT(mmap(NULL, 12288, PROT_READ, MAP_SHARED, c.fd, 0) == MAP_FAILED);
	ASSERT_EQ(errno, EFAULT);
	ASSERT(mmap(NULL, 8192, PROT_READ, MAP_SHARED, c.fd, 4096) ==
	       MAP_FAILED);
	ASSERT_EQ(errno, EFAULT);

	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, c.fd, 4096);
	ASSERT(p != MAP_FAILED);
	ASSERT_EQ(mprotect(p, 4096, PROT_READ | PROT_WRITE), -1);
	ASSERT_EQ(errno, EACCES);
	ASSERT_EQ(mprotect(p, 4096, PROT_READ | PROT_EXEC), -1);
	ASSERT_EQ(madvise(p, 4096, MADV_REMOVE), -1);
	/* maps anew; what comes of it is as read-only */
	ASSERT_EQ(remap_file_pages(p, 4096, 0, 0, 0), -1);
	ASSERT_EQ(mprotect(p, 4096, PROT_READ | PROT_WRITE), -1);
}

/* spec 8.9 */
TEST(mapping_outlives_the_connection)
{
	const struct kdbus_msg *msg;
	struct stat st;

	setup();
	ASSERT_OK(send_prio(42, 0));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	close(b.fd);
	close(a.fd);
	close(bus.owner);
	ASSERT_EQ(stat(bus.path, &st), -1);
	ASSERT_EQ(msg->cookie, 42);
}

static short poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	ASSERT(poll(&p, 1, 0) >= 0);
	return p.revents;
}

/* spec 21.1, 21.2, decision 9 */
TEST(poll_tells_the_state)
{
	int fd;

	setup();
	fd = ep_open(&bus);
	ASSERT_EQ(poll_now(fd), POLLERR | POLLHUP);
	ASSERT_EQ(poll_now(b.fd), POLLOUT);
	ASSERT_OK(send_prio(1, 0));
	ASSERT_EQ(poll_now(b.fd), POLLIN | POLLOUT);
	expect_msg(&b, a.hello.id, 1);
	ASSERT_EQ(poll_now(b.fd), POLLOUT);
	ASSERT_OK(kdbus_client_byebye(&b));
	ASSERT_EQ(poll_now(b.fd), POLLERR | POLLHUP);
}

static void *wait_hup(void *arg)
{
	struct kdbus_client *c = arg;

	return (void *)(long)kdbus_client_wait(c, 20000);
}

/* spec 21.3, 27.10 */
TEST(pollers_wake_when_the_bus_goes)
{
	pthread_t t;
	void *ret;

	setup();
	ASSERT_OK(pthread_create(&t, NULL, wait_hup, &b));
	close(bus.owner);
	pthread_join(t, &ret);
	ASSERT_EQ((long)ret, -ECONNRESET);
	ASSERT_EQ(send_to(&a, b.hello.id, 1, "x"), -ECONNRESET);
	ASSERT_EQ(kdbus_client_byebye(&a), -EALREADY);
}
