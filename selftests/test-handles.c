// SPDX-License-Identifier: GPL-2.0
/* What a file is, what it becomes by a command, and whose rights it has. */
#include <sched.h>

#include "fixtures.h"

#define N(a) (sizeof(a) / sizeof(*(a)))

static struct bus bus;

/* every command but those of memfds */
static const unsigned long all_cmds[] = {
	KDBUS_CMD_BUS_MAKE, KDBUS_CMD_DOMAIN_MAKE, KDBUS_CMD_EP_MAKE,
	KDBUS_CMD_HELLO, KDBUS_CMD_BYEBYE, KDBUS_CMD_MSG_SEND,
	KDBUS_CMD_MSG_RECV, KDBUS_CMD_MSG_CANCEL, KDBUS_CMD_FREE,
	KDBUS_CMD_NAME_ACQUIRE, KDBUS_CMD_NAME_RELEASE, KDBUS_CMD_NAME_LIST,
	KDBUS_CMD_CONN_INFO, KDBUS_CMD_CONN_UPDATE, KDBUS_CMD_EP_UPDATE,
	KDBUS_CMD_MATCH_ADD, KDBUS_CMD_MATCH_REMOVE, KDBUS_CMD_MEMFD_NEW,
};

/* spec 5.1 */
TEST(owners_have_their_own_commands)
{
	int domain = control_open(""), ep;
	struct kdbus_builder b;
	size_t i;

	bus_new(&bus);
	ASSERT_OK(domain_make_on(domain, "handles"));
	ep = ep_new(&bus, "box", NULL, 0);
	kdbus_build_cmd(&b, 128);
	for (i = 0; i < N(all_cmds); i++) {
		ASSERT_EQ(xioctl(domain, all_cmds[i], b.buf), -EBADFD);
		ASSERT_EQ(xioctl(bus.owner, all_cmds[i], b.buf), -EBADFD);
		if (all_cmds[i] != KDBUS_CMD_EP_UPDATE)
			ASSERT_EQ(xioctl(ep, all_cmds[i], b.buf), -ENOTTY);
	}
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	ASSERT_OK(xioctl(ep, KDBUS_CMD_EP_UPDATE, b.buf));
	/* and none is a connection */
	ASSERT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, ep, 0) == MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
}

/* spec 21.1 */
TEST(a_file_that_is_no_connection_polls_as_hung_up)
{
	struct pollfd p[4] = {
		{ .fd = control_open(""), .events = POLLIN },
		{ .events = POLLIN }, { .events = POLLIN },
		{ .events = POLLIN },
	};
	int i;

	bus_new(&bus);
	p[1].fd = bus.owner;
	p[2].fd = ep_open(&bus);
	p[3].fd = ep_new(&bus, "box", NULL, 0);
	ASSERT_EQ(poll(p, 4, 0), 4);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(p[i].revents, POLLERR | POLLHUP);
}

/* ---- one step per file ------------------------------------------------- */

struct step {
	int fd;
	unsigned long cmd;
	const char *name;
	int ret;
};

static pthread_barrier_t start;

static void *take_step(void *arg)
{
	struct kdbus_bloom_parameter bloom = { BLOOM_BYTES, 1 };
	struct step *s = arg;
	struct kdbus_builder b;

	make_begin(&b, s->name, KDBUS_MAKE_ACCESS_WORLD);
	if (s->cmd == KDBUS_CMD_BUS_MAKE)
		kdbus_build_item(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom,
				 sizeof(bloom));
	pthread_barrier_wait(&start);
	s->ret = xioctl(s->fd, s->cmd, b.buf);
	return NULL;
}

/* Four threads make an object with one file: one does, the others are told. */
static void one_step_of_four(int fd, unsigned long cmd, int other)
{
	static const char * const names[] = {
		"0-one", "0-two", "0-three", "0-four",
	};
	struct step s[4];
	pthread_t t[4];
	int i, won = 0;

	for (i = 0; i < 4; i++) {
		s[i] = (struct step){ .fd = fd, .cmd = cmd, .name = names[i] };
		ASSERT_OK(pthread_create(&t[i], NULL, take_step, &s[i]));
	}
	for (i = 0; i < 4; i++) {
		ASSERT_OK(pthread_join(t[i], NULL));
		won += !s[i].ret;
		if (s[i].ret)
			ASSERT_EQ(s[i].ret, other);
	}
	ASSERT_EQ(won, 1);
	close(fd);
}

/* spec 5.2, 1.7: one file makes one object */
TEST(one_of_many_threads_makes_the_object)
{
	int round;

	bus_new(&bus);
	ASSERT_OK(pthread_barrier_init(&start, NULL, 4));
	for (round = 0; round < 30; round++) {
		one_step_of_four(control_open(""), KDBUS_CMD_BUS_MAKE, -EBADFD);
		one_step_of_four(control_open(""), KDBUS_CMD_DOMAIN_MAKE,
				 -EBADFD);
		one_step_of_four(ep_open(&bus), KDBUS_CMD_EP_MAKE, -ENOTTY);
	}
}

static void *hello_in(void *arg)
{
	struct step *s = arg;

	s->ret = xioctl(s->fd, s->cmd, (void *)s->name);
	return NULL;
}

/* spec 5.2, 21.4: a HELLO that hangs in memory that never comes */
TEST(a_hello_that_stalls_holds_up_no_mmap_and_no_poll)
{
	struct kdbus_builder b;
	struct stall stall;
	struct pollfd p;
	struct step s;
	pthread_t t;

	bus_new(&bus);
	stall_new(&stall);
	s = (struct step){ .fd = ep_open(&bus), .cmd = KDBUS_CMD_HELLO,
			   .name = stall.page };
	p = (struct pollfd){ .fd = s.fd, .events = POLLIN };
	ASSERT_OK(pthread_create(&t, NULL, hello_in, &s));
	stall_wait(&stall);
	ASSERT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, s.fd, 0) == MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLERR | POLLHUP);
	hello_init(&b, 0);
	stall_serve(&stall, b.buf, b.size);
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_OK(s.ret);
	ASSERT_EQ(poll(&p, 1, 0), 0);
	ASSERT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, s.fd, 0) != MAP_FAILED);
}

/* ---- after the end ----------------------------------------------------- */

/* spec 5.4, 27.10: all commands but two say so, and what was received stays */
static void check_reset(struct kdbus_client *c, const struct kdbus_msg *msg)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	struct kdbus_builder b;
	char *pool;
	size_t i;

	kdbus_build_cmd(&b, 128);
	for (i = 0; i < N(all_cmds); i++) {
		unsigned long cmd = all_cmds[i];

		if (cmd == KDBUS_CMD_FREE)
			continue;
		ASSERT_EQ(xioctl(c->fd, cmd, b.buf), cmd == KDBUS_CMD_BYEBYE ?
			  -EALREADY : -ECONNRESET);
	}
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLERR | POLLHUP);
	pool = mmap(NULL, c->hello.pool_size, PROT_READ, MAP_SHARED, c->fd, 0);
	ASSERT(pool != MAP_FAILED);
	ASSERT_EQ(((struct kdbus_msg *)(pool + ((char *)msg - c->pool)))->cookie,
		  7);
	ASSERT_EQ(msg->cookie, 7);
	ASSERT_OK(kdbus_client_free(c, msg));
	ASSERT_EQ(kdbus_client_free(c, msg), -ENXIO);
}

static const struct kdbus_msg *received(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(send_to(c, c->hello.id, 7, "x"));
	ASSERT_OK(kdbus_client_recv(c, 0, 0, &msg));
	return msg;
}

TEST(after_byebye_everything_is_reset)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c;

	bus_new(&bus);
	client_new(&c, &bus);
	msg = received(&c);
	ASSERT_OK(kdbus_client_byebye(&c));
	check_reset(&c, msg);
}

/* spec 5.4, 27.10, decision 2 */
TEST(after_the_end_of_the_bus_everything_is_reset)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c;

	bus_new(&bus);
	client_new(&c, &bus);
	msg = received(&c);
	close(bus.owner);
	check_reset(&c, msg);
}

/* spec 5.4, 27.10 */
TEST(after_the_end_of_the_endpoint_everything_is_reset)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c;
	int box;

	bus_new(&bus);
	box = ep_new(&bus, "box", NULL, 0);
	client_at(&c, &bus, "box");
	msg = received(&c);
	close(box);
	check_reset(&c, msg);
}

/* ---- rights ------------------------------------------------------------ */

static int control_of_root, control_of_nobody;
static int ep_of_root[2], ep_of_nobody[2];

static int hello_special(int fd, __u64 flags)
{
	struct kdbus_builder b;

	hello_init(&b, flags);
	if (!(flags & KDBUS_HELLO_MONITOR))
		kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.rights");
	return xioctl(fd, KDBUS_CMD_HELLO, b.buf);
}

static int ep_make(int fd)
{
	struct kdbus_builder b;

	make_begin(&b, "rights", 0);
	return xioctl(fd, KDBUS_CMD_EP_MAKE, b.buf);
}

static void use_files_of_root(void *arg)
{
	(void)arg;
	ASSERT_OK(hello_special(ep_of_root[0], KDBUS_HELLO_ACTIVATOR));
	ASSERT_OK(ep_make(ep_of_root[1]));
	ASSERT_OK(domain_make_on(control_of_root, "rights"));
}

/* spec 5.6, 6.2: what counts is who opened the file, not who uses it */
TEST(rights_are_those_of_who_opened)
{
	int i;

	bus_new(&bus);
	control_of_root = control_open("");
	for (i = 0; i < 2; i++)
		ep_of_root[i] = ep_open(&bus);
	ASSERT_OK(seteuid(NOBODY));
	control_of_nobody = control_open("");
	for (i = 0; i < 2; i++)
		ep_of_nobody[i] = ep_open(&bus);
	ASSERT_OK(seteuid(0));

	ASSERT_EQ(hello_special(ep_of_nobody[0], KDBUS_HELLO_ACTIVATOR),
		  -EPERM);
	ASSERT_EQ(hello_special(ep_of_nobody[0], KDBUS_HELLO_POLICY_HOLDER),
		  -EPERM);
	ASSERT_EQ(hello_special(ep_of_nobody[0], KDBUS_HELLO_MONITOR), -EPERM);
	ASSERT_EQ(ep_make(ep_of_nobody[1]), -EPERM);
	ASSERT_EQ(domain_make_on(control_of_nobody, "rights"), -EPERM);
	/* a bus is anybody's to make, so nothing was wrong with the file */
	ASSERT_OK(bus_make_on(control_of_nobody, "0-rights"));
	as_uid(NOBODY, use_files_of_root, NULL);
}

static void bus_of_nobody(void *arg)
{
	struct kdbus_builder b;

	(void)arg;
	bus_new(&bus);
	ASSERT_OK(hello_special(ep_open(&bus), KDBUS_HELLO_ACTIVATOR));
	ASSERT_OK(hello_special(ep_open(&bus), KDBUS_HELLO_MONITOR));
	ASSERT_OK(ep_make(ep_open(&bus)));
	/* but nothing beyond his bus */
	make_begin(&b, "x", 0);
	ASSERT_EQ(xioctl(control_open(""), KDBUS_CMD_DOMAIN_MAKE, b.buf),
		  -EPERM);
}

static void bus_of_another(void *arg)
{
	struct bus theirs = *(struct bus *)arg;

	ASSERT_EQ(hello_special(ep_open(&theirs), KDBUS_HELLO_ACTIVATOR),
		  -EPERM);
	ASSERT_EQ(ep_make(ep_open(&theirs)), -EPERM);
}

static void bus_of_1000(void *arg)
{
	(void)arg;
	bus_new(&bus);
	ASSERT_OK(hello_special(ep_open(&bus), KDBUS_HELLO_MONITOR));
}

/* spec 5.6, 19.1: who makes a bus is privileged there, and only there */
TEST(a_maker_is_privileged_on_his_bus)
{
	struct bus of_root;

	bus_new(&of_root);
	as_uid(NOBODY, bus_of_nobody, NULL);
	as_uid(NOBODY, bus_of_another, &of_root);
	as_uid(1000, bus_of_1000, NULL);
}

static void root_of_a_namespace(void *arg)
{
	(void)arg;
	ASSERT_OK(unshare(CLONE_NEWUSER));
	map_root(NOBODY);
	ASSERT_EQ(geteuid(), 0);
	ASSERT_EQ(hello_special(ep_open(&bus), KDBUS_HELLO_MONITOR), -EPERM);
	ASSERT_EQ(ep_make(ep_open(&bus)), -EPERM);
	ASSERT_EQ(domain_make_on(control_open(""), "rights"), -EPERM);
}

/* spec 5.6 */
TEST(root_of_a_user_namespace_is_not_privileged)
{
	bus_new(&bus);
	as_uid(NOBODY, root_of_a_namespace, NULL);
}
