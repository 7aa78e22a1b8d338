// SPDX-License-Identifier: GPL-2.0
/* HELLO and BYEBYE: what is checked, in which order, and what is answered. */
#include "fixtures.h"

static int hello(const struct bus *bus, struct kdbus_builder *b)
{
	int fd = ep_open(bus);
	int ret = xioctl(fd, KDBUS_CMD_HELLO, b->buf);

	close(fd);
	return ret;
}

/* spec 7.1, 7.2, 5.1 */
TEST(answers_are_filled_in)
{
	struct kdbus_builder b;
	struct kdbus_cmd_hello *h = (void *)b.buf;
	struct bus bus;
	int fd;

	bus_new(&bus);
	fd = ep_open(&bus);
	hello_init(&b, KDBUS_HELLO_ACCEPT_FD);
	h->attach_flags = ~0ULL;
	ASSERT_OK(xioctl(fd, KDBUS_CMD_HELLO, h));
	ASSERT_EQ(h->id, 1);
	ASSERT_EQ(h->conn_flags, KDBUS_HELLO_ACCEPT_FD);
	ASSERT_EQ(h->bus_flags, KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_EQ(h->bloom.size, 64);
	/* once only */
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, h), -ENOTTY);
}

/* spec 7.2 */
TEST(ids_are_not_used_again)
{
	struct kdbus_client c;
	struct bus bus;
	__u64 i;

	bus_new(&bus);
	for (i = 1; i < 5; i++) {
		client_new(&c, &bus);
		ASSERT_EQ(c.hello.id, i);
		kdbus_client_close(&c);
	}
	/* one that is refused late has had its id */
	ASSERT_OK(special_new(&c, &bus, KDBUS_HELLO_ACTIVATOR, "com.example.a"));
	ASSERT_EQ(c.hello.id, 5);
	ASSERT_EQ(special_new(&c, &bus, KDBUS_HELLO_ACTIVATOR, "com.example.a"),
		  -EEXIST);
	client_new(&c, &bus);
	ASSERT_EQ(c.hello.id, 7);
	/* one that is refused early has not */
	ASSERT_EQ(special_new(&c, &bus, KDBUS_HELLO_ACTIVATOR, NULL), -EINVAL);
	client_new(&c, &bus);
	ASSERT_EQ(c.hello.id, 8);
}

/* spec 7.1, decisions 21, 22: what is not known is neither told nor kept */
TEST(unknown_flags_are_not_stored)
{
	struct kdbus_builder b;
	struct kdbus_client c;
	struct bus bus;

	bus_new(&bus);
	kdbus_build_hello(&b, KDBUS_HELLO_ACCEPT_FD | 0x4000, ~0ULL);
	ASSERT_OK(kdbus_client_hello(&c, bus.path, &b));
	/* what was asked for comes back as it was */
	ASSERT_EQ(c.hello.conn_flags, KDBUS_HELLO_ACCEPT_FD | 0x4000);
	ASSERT_EQ(listed("connections", &bus, c.hello.id, "flags"),
		  KDBUS_HELLO_ACCEPT_FD);
	ASSERT_EQ(listed("connections", &bus, c.hello.id, "attach_flags"),
		  _KDBUS_ATTACH_ALL);
}

/* spec 7.1, 3, decision 20 */
TEST(sizes_flags_and_pool_are_checked)
{
	struct kdbus_builder b;
	struct kdbus_cmd_hello *h = (void *)b.buf;
	struct bus bus;

	bus_new(&bus);
	hello_init(&b, 0);
	h->size = 79;
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	h->size = 32769;
	ASSERT_EQ(hello(&bus, &b), -EMSGSIZE);

	hello_init(&b, 1ULL << 32);
	h->pool_size = 0;
	ASSERT_EQ(hello(&bus, &b), -EOPNOTSUPP);
	h->conn_flags = KDBUS_HELLO_MONITOR | KDBUS_HELLO_ACTIVATOR;
	ASSERT_EQ(hello(&bus, &b), -EFAULT);
	h->pool_size = 4097;
	ASSERT_EQ(hello(&bus, &b), -EFAULT);
	h->pool_size = (1ULL << 30) + 4096;
	ASSERT_EQ(hello(&bus, &b), -EFAULT);
	h->pool_size = 4096;
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	h->conn_flags = KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER;
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	/* unknown low flags are ignored */
	h->conn_flags = 0x100;
	ASSERT_OK(hello(&bus, &b));
}

/* spec 7.1, 1.10, decision 1 */
TEST(items_are_checked)
{
	struct kdbus_builder b;
	struct bus bus;
	char name[80];

	bus_new(&bus);
	hello_init(&b, 0);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "a.b");
	ASSERT_EQ(hello(&bus, &b), -EINVAL);

	hello_init(&b, 0);
	kdbus_build_string(&b, KDBUS_ITEM_CONN_NAME, "one");
	ASSERT_OK(hello(&bus, &b));
	kdbus_build_string(&b, KDBUS_ITEM_CONN_NAME, "two");
	ASSERT_EQ(hello(&bus, &b), -EINVAL);

	hello_init(&b, 0);
	kdbus_build_string(&b, KDBUS_ITEM_CONN_NAME, "a b");
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	hello_init(&b, 0);
	memset(name, 'x', 64);
	name[64] = 0;
	kdbus_build_string(&b, KDBUS_ITEM_CONN_NAME, name);
	ASSERT_EQ(hello(&bus, &b), -ENAMETOOLONG);
	hello_init(&b, 0);
	kdbus_build_item(&b, 0x4321, NULL, 1);
	ASSERT_OK(hello(&bus, &b));
}

static void hello_unprivileged(void *arg)
{
	struct kdbus_builder b;

	hello_init(&b, KDBUS_HELLO_ACTIVATOR);
	ASSERT_EQ(hello(arg, &b), -EPERM);
	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	ASSERT_EQ(hello(arg, &b), -EPERM);
	hello_init(&b, KDBUS_HELLO_MONITOR);
	ASSERT_EQ(hello(arg, &b), -EPERM);
	hello_init(&b, 0);
	kdbus_build_item(&b, KDBUS_ITEM_CREDS, NULL, 1);
	ASSERT_EQ(hello(arg, &b), -EPERM);
	hello_init(&b, 0);
	kdbus_build_string(&b, KDBUS_ITEM_SECLABEL, "label");
	ASSERT_EQ(hello(arg, &b), -EPERM);
	hello_init(&b, 0);
	ASSERT_OK(hello(arg, &b));
}

/* spec 7.1, 19.1, 5.6 */
TEST(special_connections_need_privilege)
{
	struct bus bus;

	bus_new(&bus);
	as_uid(NOBODY, hello_unprivileged, &bus);
}

/* spec 7.1, 14.1, 2.5 */
TEST(items_of_special_connections_are_checked)
{
	struct kdbus_builder b;
	struct bus bus;

	bus_new(&bus);
	hello_init(&b, KDBUS_HELLO_ACTIVATOR);
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	hello_init(&b, KDBUS_HELLO_ACTIVATOR);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.*");
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	hello_init(&b, KDBUS_HELLO_ACTIVATOR);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.a");
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.b");
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	hello_init(&b, KDBUS_HELLO_MONITOR);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.a");
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	hello_init(&b, 0);
	kdbus_build_item(&b, KDBUS_ITEM_CREDS, NULL, 39);
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
	hello_init(&b, 0);
	kdbus_build_item(&b, KDBUS_ITEM_SECLABEL, "ab", 2);
	ASSERT_EQ(hello(&bus, &b), -EINVAL);
}

/* spec 3, decision 19 */
TEST(connections_per_user_are_bounded)
{
	struct kdbus_client a, b;
	struct kdbus_builder h;
	struct bus bus;

	bus_new(&bus);
	param_set("max_conns_per_user", 2);
	client_new(&a, &bus);
	client_new(&b, &bus);
	hello_init(&h, 0);
	ASSERT_EQ(hello(&bus, &h), -EMFILE);
	kdbus_client_close(&a);
	ASSERT_OK(hello(&bus, &h));
	ASSERT_OK(hello(&bus, &h));
}

static int try_hello(int fd, const char *name)
{
	struct kdbus_builder b;

	hello_init(&b, name ? KDBUS_HELLO_ACTIVATOR : 0);
	if (name)
		kdbus_build_string(&b, KDBUS_ITEM_NAME, name);
	return xioctl(fd, KDBUS_CMD_HELLO, b.buf);
}

/* spec 7.1: what is wrong with the policy, then with the bus, then the quota */
TEST(refusals_have_their_order)
{
	struct bus bus;
	int act, fd;

	bus_new(&bus);
	act = ep_open(&bus);
	ASSERT_OK(try_hello(act, "com.example.taken"));
	fd = ep_open(&bus);
	param_set("max_conns_per_user", 1);
	ASSERT_EQ(try_hello(fd, "com.example.taken"), -EEXIST);
	ASSERT_EQ(try_hello(fd, "com.example.free"), -EMFILE);
	ASSERT_EQ(try_hello(fd, NULL), -EMFILE);
	close(bus.owner);
	ASSERT_EQ(try_hello(fd, NULL), -ESHUTDOWN);
	ASSERT_EQ(try_hello(fd, "com.example.free"), -ESHUTDOWN);
}

/* spec 7.6, 5.5, 22.6 */
TEST(failed_copy_out_keeps_the_connection)
{
	struct kdbus_builder b;
	struct bus bus;
	int fd;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	bus_new(&bus);
	fd = ep_open(&bus);
	hello_init(&b, 0);
	memcpy(page, b.buf, b.size);
	mprotect(page, 4096, PROT_READ);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, page), -EFAULT);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_BYEBYE, NULL));
}

/* spec 7.9, 25 */
TEST(byebye_only_when_nothing_is_queued)
{
	struct kdbus_client a, b;
	const struct kdbus_msg *msg;
	struct bus bus;

	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	ASSERT_OK(send_to(&a, b.hello.id, 1, "x"));
	ASSERT_EQ(kdbus_client_byebye(&b), -EBUSY);
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	/* a received slice does not count */
	ASSERT_OK(kdbus_client_byebye(&b));
	ASSERT_EQ(kdbus_client_byebye(&b), -EALREADY);
	ASSERT_EQ(send_to(&a, b.hello.id, 2, "x"), -ENXIO);

	/* what it received stays, and can be given back */
	ASSERT_EQ(msg->cookie, 1);
	ASSERT_OK(kdbus_client_free(&b, msg));
	ASSERT_EQ(kdbus_client_free(&b, msg), -ENXIO);
}

/* spec 5.4, decision 2 */
TEST(everything_else_is_reset_afterwards)
{
	struct kdbus_client a;
	const struct kdbus_name_list *list;
	struct bus bus;

	bus_new(&bus);
	client_new(&a, &bus);
	ASSERT_OK(kdbus_client_byebye(&a));
	ASSERT_EQ(send_to(&a, 1, 1, "x"), -ECONNRESET);
	ASSERT_EQ(kdbus_client_recv(&a, 0, 0, NULL), -ECONNRESET);
	ASSERT_EQ(kdbus_client_cancel(&a, 1), -ECONNRESET);
	ASSERT_EQ(kdbus_client_acquire(&a, "a.b", 0), -ECONNRESET);
	ASSERT_EQ(kdbus_client_release(&a, "a.b"), -ECONNRESET);
	ASSERT_EQ(kdbus_client_list(&a, 1, &list), -ECONNRESET);
}

static void *say_hello(void *arg)
{
	struct kdbus_builder b;

	hello_init(&b, 0);
	return (void *)(long)xioctl(*(int *)arg, KDBUS_CMD_HELLO, b.buf);
}

/* spec 5.2, 27.4 */
TEST(one_of_many_threads_gets_the_connection)
{
	struct bus bus;
	int round, i, fd, won;
	pthread_t t[4];

	bus_new(&bus);
	for (round = 0; round < 100; round++) {
		fd = ep_open(&bus);
		for (won = i = 0; i < 4; i++)
			ASSERT_OK(pthread_create(&t[i], NULL, say_hello, &fd));
		for (i = 0; i < 4; i++) {
			void *ret;

			pthread_join(t[i], &ret);
			won += !ret;
			if (ret)
				ASSERT_EQ((long)ret, -ENOTTY);
		}
		ASSERT_EQ(won, 1);
		ASSERT_OK(xioctl(fd, KDBUS_CMD_BYEBYE, NULL));
		close(fd);
	}
}
