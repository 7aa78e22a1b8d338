// SPDX-License-Identifier: GPL-2.0
/* What poll and epoll say of a connection, and when they wake. */
#include <sys/epoll.h>

#include "harness.h"

#define NAME "com.example.polled"

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static short poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDNORM |
						POLLWRNORM | POLLPRI };

	ASSERT(poll(&p, 1, 0) >= 0);
	return p.revents;
}

#define READABLE (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM)
#define IDLE (POLLOUT | POLLWRNORM)
#define GONE (POLLERR | POLLHUP)

static void hello_special(struct kdbus_client *c, __u64 flags)
{
	struct kdbus_builder m;

	kdbus_build_hello(&m, flags, 0);
	if (!(flags & KDBUS_HELLO_MONITOR))
		kdbus_build_string(&m, KDBUS_ITEM_NAME, NAME);
	ASSERT_OK(kdbus_client_hello(c, bus.path, &m));
}

/* spec 21.1, 21.2, decision 9, 27.11 */
TEST(each_kind_of_connection_is_polled)
{
	struct kdbus_client act, holder, monitor;
	int fd;

	setup();
	hello_special(&act, KDBUS_HELLO_ACTIVATOR);
	hello_special(&monitor, KDBUS_HELLO_MONITOR);
	ASSERT_EQ(poll_now(act.fd), IDLE);
	ASSERT_EQ(poll_now(monitor.fd), IDLE);

	/* a start is requested */
	ASSERT_OK(send_to_name(&a, NAME, "x"));
	ASSERT_EQ(poll_now(act.fd), READABLE);
	ASSERT_EQ(poll_now(monitor.fd), READABLE);
	/* what moves away leaves nothing to read, and is there for the other */
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_EQ(poll_now(act.fd), IDLE);
	ASSERT_EQ(poll_now(b.fd), READABLE);
	ASSERT_OK(kdbus_client_release(&b, NAME));
	ASSERT_EQ(poll_now(act.fd), READABLE);
	ASSERT_EQ(poll_now(b.fd), IDLE);
	kdbus_client_close(&act);
	hello_special(&holder, KDBUS_HELLO_POLICY_HOLDER);
	ASSERT_EQ(poll_now(holder.fd), IDLE);

	fd = ep_open(&bus);
	ASSERT_EQ(poll_now(fd), GONE);
	ASSERT_EQ(poll_now(bus.owner), GONE);
}

/* spec 21.1, 27.10 */
TEST(all_of_them_hang_up_with_the_bus)
{
	struct kdbus_client act, holder, monitor;
	struct kdbus_client *all[] = { &a, &b, &act, &holder, &monitor };
	struct pollfd p[5];
	struct kdbus_builder m;
	size_t i;

	setup();
	hello_special(&act, KDBUS_HELLO_ACTIVATOR);
	kdbus_build_hello(&m, KDBUS_HELLO_POLICY_HOLDER, 0);
	kdbus_build_string(&m, KDBUS_ITEM_NAME, "com.example.other");
	ASSERT_OK(kdbus_client_hello(&holder, bus.path, &m));
	hello_special(&monitor, KDBUS_HELLO_MONITOR);
	ASSERT_OK(send_to(&a, b.hello.id, 1, "x"));
	close(bus.owner);
	for (i = 0; i < 5; i++) {
		p[i] = (struct pollfd){ .fd = all[i]->fd, .events = POLLIN };
		ASSERT_EQ(poll(&p[i], 1, 20000), 1);
		ASSERT_EQ(p[i].revents, GONE);
	}
}

static struct epoll_event wait_event(int ep, int timeout)
{
	struct epoll_event event = {};

	ASSERT(epoll_wait(ep, &event, 1, timeout) >= 0);
	return event;
}

/* spec 21.3: an edge for each message, none without */
TEST(each_message_is_an_edge)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int i, ep = epoll_create1(EPOLL_CLOEXEC);
	struct kdbus_builder m;

	setup();
	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, b.fd, &event));
	ASSERT_EQ(wait_event(ep, 0).events, 0);
	for (i = 0; i < 3; i++) {
		ASSERT_OK(send_to(&a, b.hello.id, i, "x"));
		ASSERT_EQ(wait_event(ep, 20000).events, EPOLLIN);
		ASSERT_EQ(wait_event(ep, 0).events, 0);
	}
	/* one that is refused is none, nor is one that is looked at */
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, (void *)8, 8);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EFAULT);
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, NULL));
	ASSERT_EQ(wait_event(ep, 0).events, 0);
	for (i = 0; i < 3; i++)
		expect_msg(&b, a.hello.id, i);
	ASSERT_EQ(wait_event(ep, 0).events, 0);
	/* the end is one */
	ASSERT_OK(kdbus_client_byebye(&b));
	ASSERT_EQ(wait_event(ep, 20000).events, EPOLLERR | EPOLLHUP);
}

/* spec 21.3, 14.3: as is one that moves here with its name */
TEST(a_message_that_moves_is_an_edge)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct kdbus_client act;

	setup();
	hello_special(&act, KDBUS_HELLO_ACTIVATOR);
	ASSERT_OK(send_to_name(&a, NAME, "x"));
	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, b.fd, &event));
	ASSERT_EQ(wait_event(ep, 0).events, 0);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_EQ(wait_event(ep, 20000).events, EPOLLIN);
	ASSERT_EQ(wait_event(ep, 0).events, 0);
}

static void *answer(void *arg)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_next(&b, 20000, &msg));
	ASSERT_OK(kdbus_client_reply(&b, msg, "y", 1));
	return arg;
}

/* spec 21.3: what does not enter the queue wakes nobody */
TEST(a_sync_reply_is_not_polled)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	const struct kdbus_msg *reply;
	struct kdbus_builder m;
	pthread_t t;

	setup();
	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, a.fd, &event));
	ASSERT_OK(pthread_create(&t, NULL, answer, NULL));
	kdbus_build_msg(&m, b.hello.id, 1);
	ASSERT_OK(kdbus_client_call(&a, &m, 100 * SEC, &reply));
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_EQ(wait_event(ep, 0).events, 0);
	ASSERT_EQ(poll_now(a.fd), IDLE);
	/* nor does the reply in one's hand, once more */
	ASSERT_OK(kdbus_client_free(&a, reply));
	ASSERT_EQ(wait_event(ep, 0).events, 0);
}
