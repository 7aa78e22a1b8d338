// SPDX-License-Identifier: GPL-2.0
/* Payload in sealed memfds, on its own and between other parts. */
#include "harness.h"

static struct bus bus;
static struct kdbus_client a, b;

static int memfd_new(const char *text, size_t size, bool seal)
{
	struct kdbus_cmd_memfd_make cmd = { .size = sizeof(cmd),
					    .file_size = size };

	ASSERT_OK(xioctl(a.fd, KDBUS_CMD_MEMFD_NEW, &cmd));
	ASSERT_EQ(pwrite(cmd.fd, text, strlen(text) + 1, 0),
		  (ssize_t)strlen(text) + 1);
	if (seal)
		ASSERT_EQ(ioctl(cmd.fd, KDBUS_CMD_MEMFD_SEAL_SET, 1), 0);
	return cmd.fd;
}

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	/* memfds need no ACCEPT_FD */
	ASSERT_OK(kdbus_client_open(&b, bus.path, 0, 0, 0, NULL));
}

static void add_memfd(struct kdbus_builder *m, int fd, __u64 size)
{
	struct kdbus_memfd memfd = { .size = size, .fd = fd };

	kdbus_build_item(m, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
}

/* spec 9.4 */
TEST(only_sealed_memfds_are_payload)
{
	struct kdbus_builder m;
	int fd, open_fd;

	setup();
	fd = memfd_new("sealed", 100, true);
	open_fd = memfd_new("open", 100, false);
	kdbus_build_msg(&m, b.hello.id, 1);
	add_memfd(&m, open_fd, 100);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ETXTBSY);
	kdbus_build_msg(&m, b.hello.id, 1);
	add_memfd(&m, fd, 101);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADF);
	kdbus_build_msg(&m, b.hello.id, 1);
	add_memfd(&m, a.fd, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EMEDIUMTYPE);
	kdbus_build_msg(&m, b.hello.id, 1);
	add_memfd(&m, 9999, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EBADF);
	expect_nothing(&b);
}

/* spec 9.8, 20.6, 20.7 */
TEST(parts_arrive_in_order_and_the_file_is_the_same)
{
	static const __u64 types[] = { KDBUS_ITEM_PAYLOAD_OFF,
		KDBUS_ITEM_PAYLOAD_MEMFD, KDBUS_ITEM_PAYLOAD_OFF,
		KDBUS_ITEM_PAYLOAD_MEMFD };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	int fds[2], got[2], n = 0, k = 0;
	char text[16];

	setup();
	fds[0] = memfd_new("first", 1 << 20, true);
	fds[1] = memfd_new("second", 100, true);
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, "one", 4);
	add_memfd(&m, fds[0], 1 << 20);
	kdbus_build_vec(&m, "two", 4);
	add_memfd(&m, fds[1], 7);
	ASSERT_OK(kdbus_client_send(&a, &m));
	/* in flight it cannot be unsealed */
	ASSERT_EQ(ioctl(fds[0], KDBUS_CMD_MEMFD_SEAL_SET, 0), -1);
	ASSERT_EQ(errno, ETXTBSY);
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	kdbus_for_each_msg_item(item, msg) {
		ASSERT_EQ(item->type, types[n]);
		if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD)
			got[k++] = item->memfd.fd;
		n++;
	}
	ASSERT_EQ(n, 4);
	ASSERT_EQ(pread(got[0], text, 6, 0), 6);
	ASSERT(!strcmp(text, "first"));
	ASSERT_EQ(pread(got[1], text, 7, 0), 7);
	ASSERT(!strcmp(text, "second"));
	ASSERT_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	ASSERT_EQ(pwrite(got[0], "x", 1, 0), -1);
	ASSERT_EQ(errno, EPERM);
	close(got[0]);
	ASSERT_EQ(ioctl(fds[0], KDBUS_CMD_MEMFD_SEAL_SET, 0), 0);
}

/* spec 20.7 */
TEST(a_memfd_is_not_for_everybody)
{
	__u64 filter[9] = { 0 };
	struct kdbus_builder m;

	setup();
	kdbus_build_msg(&m, KDBUS_DST_ID_BROADCAST, 1);
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	add_memfd(&m, memfd_new("x", 10, true), 2);
	ASSERT_EQ(kdbus_client_send(&a, &m), -ENOTUNIQ);
}

/* spec 12.3, 27.9 */
TEST(no_free_number_leaves_the_message_queued)
{
	struct kdbus_builder m;
	const struct kdbus_msg *msg;
	int fds[1024], n = 0;

	setup();
	kdbus_build_msg(&m, b.hello.id, 5);
	add_memfd(&m, memfd_new("x", 10, true), 2);
	ASSERT_OK(kdbus_client_send(&a, &m));
	while (n < 1024 && (fds[n] = dup(0)) >= 0)
		n++;
	ASSERT_EQ(kdbus_client_recv(&b, 0, 0, &msg), -EMFILE);
	while (n--)
		close(fds[n]);
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(msg->cookie, 5);
}
