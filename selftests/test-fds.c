// SPDX-License-Identifier: GPL-2.0
/* Passing file descriptors. */
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "harness.h"

static struct bus bus;
static struct kdbus_client a, b;

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static int send_fds(struct kdbus_client *to, const int *fds, size_t n)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, to->hello.id, 1);
	kdbus_build_vec(&m, "x", 1);
	kdbus_build_fds(&m, fds, n);
	return kdbus_client_send(&a, &m);
}

static int send_fd(struct kdbus_client *to, int fd)
{
	return send_fds(to, &fd, 1);
}

/* spec 12.3, 9.4 */
TEST(files_arrive_and_close_on_exec)
{
	const struct kdbus_msg *msg;
	const struct kdbus_item *item;
	int p[2], fds[3];
	char c;

	setup();
	ASSERT_OK(pipe(p));
	fds[0] = p[1];
	fds[1] = p[0];
	fds[2] = p[1];
	ASSERT_OK(send_fds(&b, fds, 3));
	/* the receiver gets the files even if the sender closes them */
	close(p[0]);
	close(p[1]);

	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT(item);
	ASSERT_EQ(item->size, 16 + 3 * sizeof(int));
	ASSERT_EQ(fcntl(item->fds[0], F_GETFD), FD_CLOEXEC);
	ASSERT_EQ(write(item->fds[2], "z", 1), 1);
	ASSERT_EQ(read(item->fds[1], &c, 1), 1);
	ASSERT_EQ(c, 'z');
	kdbus_msg_close_fds(msg);
	ASSERT_OK(kdbus_client_free(&b, msg));
}

/* spec 9.3 */
TEST(items_are_checked)
{
	struct kdbus_builder m;
	int fds[257] = { 0 };

	setup();
	ASSERT_EQ(send_fd(&b, -1), -EBADF);
	ASSERT_EQ(send_fd(&b, 9999), -EBADF);
	ASSERT_EQ(send_fds(&b, fds, 257), -EMFILE);
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_fds(&m, fds, 1);
	kdbus_build_fds(&m, fds, 1);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EEXIST);
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_item(&m, KDBUS_ITEM_FDS, fds, 6);
	ASSERT_EQ(kdbus_client_send(&a, &m), -EINVAL);
	expect_nothing(&b);
	ASSERT_OK(send_fds(&b, fds, 256));
}

/* spec 7.3, 9.7 */
TEST(receivers_have_to_accept_them)
{
	struct kdbus_client c;

	setup();
	ASSERT_OK(kdbus_client_open(&c, bus.path, 0, 0, 0, NULL));
	ASSERT_EQ(send_fd(&c, 0), -ECOMM);
	expect_nothing(&c);
}

/* spec 9.4 */
TEST(files_that_can_hold_files_are_refused)
{
	int s[2], control = open(KDBUS_DEV "/control", O_RDWR);
	char params[128] = { 0 };
	int ring, path;

	setup();
	ASSERT_EQ(send_fd(&b, a.fd), -EOPNOTSUPP);
	ASSERT_EQ(send_fd(&b, control), -EOPNOTSUPP);
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	ASSERT_EQ(send_fd(&b, s[0]), -EOPNOTSUPP);
	ring = syscall(SYS_io_uring_setup, 1, params);
	if (ring >= 0)
		ASSERT_EQ(send_fd(&b, ring), -EOPNOTSUPP);
	else
		ASSERT(errno == ENOSYS || errno == EPERM);
	/* just a path holds nothing */
	path = open(KDBUS_DEV "/control", O_PATH);
	ASSERT_OK(send_fd(&b, path));
	ASSERT_OK(send_fd(&b, socket(AF_INET, SOCK_DGRAM, 0)));
	ASSERT_OK(send_fd(&b, eventfd(0, 0)));
}

/* spec 12.4 */
TEST(peek_makes_no_descriptors)
{
	const struct kdbus_msg *msg;
	const struct kdbus_item *item;

	setup();
	ASSERT_OK(send_fd(&b, 0));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT_EQ(item->fds[0], -1);
	ASSERT_OK(kdbus_client_free(&b, msg));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT(item->fds[0] >= 0);
}

/* spec 12.3, 12.6, 27.9 */
TEST(without_free_numbers_the_message_stays)
{
	struct rlimit old, none = { 3, 3 };
	const struct kdbus_msg *msg;
	const struct kdbus_item *item;
	int fds[4] = { 0, 1, 2, 0 };

	setup();
	ASSERT_OK(send_fds(&b, fds, 4));
	ASSERT_OK(send_to(&a, b.hello.id, 2, "next"));
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &old));
	none.rlim_max = old.rlim_max;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &none));
	ASSERT_EQ(kdbus_client_recv(&b, 0, 0, &msg), -EMFILE);
	/* it is still the first one, and shows no numbers */
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT_EQ(item->fds[0], -1);
	ASSERT_EQ(item->fds[3], -1);
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &old));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_EQ(fcntl(item->fds[3], F_GETFD), FD_CLOEXEC);
	expect_msg(&b, a.hello.id, 2);
}

/* spec 9.4, 12.3 */
TEST(failed_copy_out_installs_nothing)
{
	struct kdbus_cmd_recv *r = mmap(NULL, 4096, PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int next;

	setup();
	ASSERT_OK(send_fd(&b, 0));
	next = dup(0);
	close(next);
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_MSG_RECV, r), -EFAULT);
	ASSERT_EQ(dup(0), next);
}

/* spec 12.5: what is dropped is closed: the other end of the pipe sees it. */
TEST(dropped_messages_close_their_files)
{
	int p[2];
	char c;

	setup();
	ASSERT_OK(pipe(p));
	ASSERT_OK(send_fd(&b, p[1]));
	close(p[1]);
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_EQ(read(p[0], &c, 1), 0);

	ASSERT_OK(pipe(p));
	ASSERT_OK(send_fd(&b, p[1]));
	close(p[1]);
	kdbus_client_close(&b);
	ASSERT_EQ(read(p[0], &c, 1), 0);
}

static void flood_fds(void *arg)
{
	__u64 dst = *(__u64 *)arg;
	struct kdbus_builder m;
	int i, fd = 0;

	client_new(&a, &bus);
	for (i = 0; i < 17; i++) {
		kdbus_build_msg(&m, dst, i);
		kdbus_build_fds(&m, &fd, 1);
		ASSERT_EQ(kdbus_client_send(&a, &m), i < 16 ? 0 : -EMFILE);
	}
	/* messages without files still go */
	ASSERT_OK(send_to(&a, dst, 99, "x"));
}

/* spec 11.3, 3 */
TEST(files_in_flight_are_bounded)
{
	const struct kdbus_msg *msg;
	int i;

	setup();
	as_uid(NOBODY, flood_fds, &b.hello.id);
	for (i = 0; i < 17; i++) {
		ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
		kdbus_msg_close_fds(msg);
		ASSERT_OK(kdbus_client_free(&b, msg));
	}
	/* and the charge is gone with them */
	as_uid(NOBODY, flood_fds, &b.hello.id);
}

/* spec 11.3: one connection may have many on their way to its own uid */
TEST(files_to_the_same_uid_are_bounded)
{
	int i, fds[256] = { 0 };
	struct kdbus_client c;

	setup();
	ASSERT_OK(send_fds(&b, fds, 250));
	ASSERT_EQ(send_fds(&b, fds, 7), -EMFILE);
	ASSERT_OK(send_fds(&b, fds, 6));
	ASSERT_EQ(send_fd(&b, 0), -EMFILE);
	/* each receiver has an account of its own, and so has each sender */
	client_new(&c, &bus);
	ASSERT_OK(send_fds(&c, fds, 256));
	for (i = 0; i < 2; i++)
		ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_OK(send_fds(&b, fds, 256));
}

static int make_memfd(void)
{
	int fd = kdbus_memfd_make(&a, NULL);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "x", 1), 1);
	ASSERT_OK(kdbus_memfd_seal(fd, true));
	return fd;
}

static void flood_memfds(void *arg)
{
	__u64 dst = *(__u64 *)arg;
	struct kdbus_builder m;
	int i, memfd, fd = 0;

	client_new(&a, &bus);
	memfd = make_memfd();
	for (i = 0; i < 17; i++) {
		kdbus_build_msg(&m, dst, i);
		kdbus_build_memfd(&m, memfd, 1);
		ASSERT_OK(kdbus_client_send(&a, &m));
	}
	/* with files they are counted as if they were not there */
	for (i = 0; i < 17; i++) {
		kdbus_build_msg(&m, dst, i);
		kdbus_build_memfd(&m, memfd, 1);
		kdbus_build_fds(&m, &fd, 1);
		ASSERT_EQ(kdbus_client_send(&a, &m), i < 16 ? 0 : -EMFILE);
	}
}

/* spec 11.3: memfds are payload */
TEST(memfds_of_the_payload_are_no_files)
{
	setup();
	as_uid(NOBODY, flood_memfds, &b.hello.id);
}

static int send_memfd(struct kdbus_client *to, int memfd)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, to->hello.id, 1);
	kdbus_build_memfd(&m, memfd, 1);
	return kdbus_client_send(&a, &m);
}

/* spec 3.2, 11.3: but all together are bounded, wherever they are */
TEST(files_per_user_are_bounded)
{
	int fds[8] = { 0 }, memfd;
	const struct kdbus_msg *msg;
	struct kdbus_client c;

	setup();
	client_new(&c, &bus);
	memfd = make_memfd();
	param_set("max_files_per_user", 8);
	ASSERT_OK(send_fds(&b, fds, 5));
	ASSERT_OK(send_memfd(&b, memfd));
	ASSERT_OK(send_fds(&c, fds, 2));
	ASSERT_EQ(send_memfd(&c, memfd), -EMFILE);
	ASSERT_EQ(send_fd(&b, 0), -EMFILE);
	/* given back when they are received, */
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_OK(send_fds(&c, fds, 5));
	ASSERT_EQ(send_fd(&c, 0), -EMFILE);
	/* dropped, */
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_OK(send_memfd(&b, memfd));
	ASSERT_EQ(send_fd(&b, 0), -EMFILE);
	/* when the receiver dies, and when the send fails */
	kdbus_client_close(&c);
	ASSERT_EQ(send_fds(&c, fds, 7), -ENXIO);
	ASSERT_EQ(send_fds(&b, (int[]){ 0, -1, 0, 0 }, 4), -EBADF);
	ASSERT_OK(send_fds(&b, fds, 7));
	ASSERT_EQ(send_fd(&b, 0), -EMFILE);
}

/* spec 9.4: what the number meant when it was sent */
TEST(everybody_gets_the_file_that_was_sent)
{
	const struct kdbus_msg *msg, *seen;
	struct kdbus_client monitor;
	struct stat sent, got;
	int p[2], other[2];

	setup();
	ASSERT_OK(kdbus_client_open(&monitor, bus.path, KDBUS_HELLO_MONITOR |
				    KDBUS_HELLO_ACCEPT_FD, 0, 0, NULL));
	ASSERT_OK(pipe(p));
	ASSERT_OK(pipe(other));
	ASSERT_OK(fstat(p[0], &sent));
	ASSERT_OK(send_fd(&b, p[0]));
	ASSERT_EQ(dup2(other[0], p[0]), p[0]);

	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT_OK(fstat(kdbus_msg_item(msg, KDBUS_ITEM_FDS)->fds[0], &got));
	ASSERT_EQ(got.st_ino, sent.st_ino);
	ASSERT_OK(kdbus_client_recv(&monitor, 0, 0, &seen));
	ASSERT_OK(fstat(kdbus_msg_item(seen, KDBUS_ITEM_FDS)->fds[0], &got));
	ASSERT_EQ(got.st_ino, sent.st_ino);
}

/* spec 19.3: a memfd that is a file to pass is one; one of the payload is not */
TEST(a_monitor_without_files_gets_the_payload)
{
	const struct kdbus_item *fds, *payload;
	struct kdbus_client monitor;
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	int memfd;

	setup();
	ASSERT_OK(kdbus_client_open(&monitor, bus.path, KDBUS_HELLO_MONITOR, 0,
				    0, NULL));
	memfd = make_memfd();
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_memfd(&m, memfd, 1);
	kdbus_build_fds(&m, &memfd, 1);
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&monitor, 0, 0, &msg));
	payload = kdbus_msg_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD);
	fds = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	ASSERT(payload && fds);
	ASSERT(payload->memfd.fd >= 0);
	ASSERT_EQ(fds->fds[0], -1);
}
