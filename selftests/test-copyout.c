// SPDX-License-Identifier: GPL-2.0
/* Answers that cannot be written: EFAULT, and nothing is left in the pool. */
#include "fixtures.h"

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

/* A copy of a command that can be read and not written. */
static void *read_only(const void *cmd, size_t size)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(page != MAP_FAILED);
	memcpy(page, cmd, size);
	ASSERT_OK(mprotect(page, 4096, PROT_READ));
	return page;
}

static long long pool_used(void)
{
	return listed("connections", &bus, a.hello.id, "pool_used");
}

/* spec 13.3, 5.5: too late to refuse, so the name is owned */
TEST(a_name_is_owned_although_the_flags_cannot_be_written)
{
	struct kdbus_cmd_name *cmd;
	struct kdbus_builder m;
	void *page;

	setup();
	cmd = kdbus_build_cmd(&m, sizeof(*cmd));
	memcpy(m.buf + sizeof(*cmd), "com.example.a", 14);
	cmd->size += 14;
	page = read_only(cmd, cmd->size);
	ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_ACQUIRE, page), -EFAULT);
	ASSERT_EQ(kdbus_client_acquire(&a, "com.example.a", 0), -EALREADY);
	ASSERT_OK(send_to_name(&b, "com.example.a", "x"));
	expect_msg(&a, b.hello.id, 1);
}

/* spec 13.6, 22.6 */
TEST(a_list_that_cannot_be_told_of_leaves_no_slice)
{
	struct kdbus_cmd_name_list cmd = { .flags = 15 };
	int i;

	setup();
	for (i = 0; i < 100; i++)
		ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_NAME_LIST,
				 read_only(&cmd, sizeof(cmd))), -EFAULT);
	ASSERT_EQ(pool_used(), 0);
}

/* spec 17.7, 22.6 */
TEST(an_info_that_cannot_be_told_of_leaves_no_slice)
{
	struct kdbus_cmd_conn_info cmd = {
		.size = sizeof(cmd), .flags = _KDBUS_ATTACH_ALL,
	};
	int i;

	setup();
	cmd.id = b.hello.id;
	for (i = 0; i < 100; i++)
		ASSERT_EQ(xioctl(a.fd, KDBUS_CMD_CONN_INFO,
				 read_only(&cmd, sizeof(cmd))), -EFAULT);
	ASSERT_EQ(pool_used(), 0);
}

/* Takes all there is of a pool of one page. */
static void fill_up(struct kdbus_client *c)
{
	const struct kdbus_name_list *list;

	while (!kdbus_client_list(c, KDBUS_NAME_LIST_UNIQUE, &list))
		;
}

/* spec 8.4, 13.6, 17.7: no room for the answer */
TEST(an_answer_needs_room_in_the_pool)
{
	const struct kdbus_name_list *list;
	struct kdbus_client small;
	long long used;

	setup();
	client_new_pool(&small, &bus, 4096);
	fill_up(&small);
	used = listed("connections", &bus, small.hello.id, "pool_used");
	ASSERT_EQ(conn_info(&small, a.hello.id, NULL, _KDBUS_ATTACH_ALL, NULL),
		  -ENOBUFS);
	ASSERT_EQ(kdbus_client_list(&small, 15, &list), -ENOBUFS);
	ASSERT_EQ(listed("connections", &bus, small.hello.id, "pool_used"),
		  used);
	/* the first answer lies at the start: with it goes what stood in the way */
	ASSERT_OK(kdbus_client_free(&small, small.pool));
	ASSERT_OK(conn_info(&small, a.hello.id, NULL, 0, NULL));
}
