// SPDX-License-Identifier: GPL-2.0
/* Memfds by themselves: making, content, size, mapping, the seal. */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "harness.h"

#define PAGE 4096UL
#define MIB (1UL << 20)
/* whole pages below 2^63 */
#define MAX_SIZE (0x7ffffffffffff000ULL)
/* more than there is memory; mmap2() of 32-bit programs reaches no further */
#define FAR_OFFSET (1LL << 43)

/* an address that the compiler knows nothing of */
static void *volatile nowhere;

#define LETTERS "abcdefghijklmnopqrstuvwxyz"

static int control(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(KDBUS_DEV "/control", O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

/* What MEMFD_NEW returns: a descriptor or a negative errno. */
static int try_new_on(int fd, __u64 size, const char *name)
{
	struct kdbus_cmd_memfd_make *cmd;
	struct kdbus_builder b;
	int ret;

	cmd = kdbus_build_cmd(&b, sizeof(*cmd));
	cmd->file_size = size;
	cmd->fd = -7;
	if (name)
		kdbus_build_string(&b, KDBUS_ITEM_MEMFD_NAME, name);
	ret = xioctl(fd, KDBUS_CMD_MEMFD_NEW, cmd);
	if (ret < 0)
		ASSERT_EQ(cmd->fd, -7);
	return ret < 0 ? ret : cmd->fd;
}

static int try_new(__u64 size, const char *name)
{
	return try_new_on(control(), size, name);
}

static int memfd_new(__u64 size)
{
	int fd = try_new(size, NULL);

	ASSERT(fd >= 0);
	return fd;
}

static int seal(int fd, unsigned long arg)
{
	return xioctl(fd, KDBUS_CMD_MEMFD_SEAL_SET, (void *)arg);
}

static int is_sealed(int fd)
{
	int sealed = -1;

	ASSERT_OK(xioctl(fd, KDBUS_CMD_MEMFD_SEAL_GET, &sealed));
	return sealed;
}

static __u64 size_of(int fd)
{
	__u64 size = ~0ULL;

	ASSERT_OK(xioctl(fd, KDBUS_CMD_MEMFD_SIZE_GET, &size));
	return size;
}

static int set_size(int fd, __u64 size)
{
	return xioctl(fd, KDBUS_CMD_MEMFD_SIZE_SET, &size);
}

/* A call that returns a number: that, or a negative errno. */
static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* What mmap() of it returns: 0, with *ptr set, or a negative errno. */
static int map(int fd, size_t size, int prot, int flags, off_t offset,
	       char **ptr)
{
	char *p = mmap(NULL, size, prot, flags, fd, offset);

	if (ptr)
		*ptr = p;
	return p == MAP_FAILED ? -errno : 0;
}

#define RW (PROT_READ | PROT_WRITE)

static char *map_rw(int fd, size_t size)
{
	char *p;

	ASSERT_OK(map(fd, size, RW, MAP_SHARED, 0, &p));
	return p;
}

static void *unreadable_page(void)
{
	void *p = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	ASSERT(p != MAP_FAILED);
	return p;
}

/* ---- MEMFD_NEW -------------------------------------------------------- */

static void expect_link(int fd, const char *want)
{
	char path[64], got[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, got, sizeof(got) - 1);
	ASSERT(n > 0);
	got[n] = 0;
	if (strcmp(got, want))
		test_fail(__FILE__, __LINE__, "%s, not %s", got, want);
}

/* spec 20.1 */
TEST(a_new_file)
{
	int fd = try_new(12345, "some-name.1");

	ASSERT(fd >= 0);
	ASSERT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ASSERT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 0);
	ASSERT_EQ(size_of(fd), 12345);
	ASSERT_EQ(is_sealed(fd), 0);
	expect_link(fd, "anon_inode:[kdbus-memfd:some-name.1]");
	expect_link(memfd_new(0), "anon_inode:[kdbus-memfd]");
}

/* spec 20.1, 5.1 */
TEST(which_files_make_them)
{
	struct kdbus_client c;
	struct bus bus;

	bus_new(&bus);
	client_new(&c, &bus);
	ASSERT(try_new_on(c.fd, 0, NULL) >= 0);
	ASSERT_EQ(try_new_on(bus.owner, 0, NULL), -EBADFD);
	ASSERT_EQ(try_new_on(ep_open(&bus), 0, NULL), -ENOTTY);
	ASSERT_EQ(try_new_on(memfd_new(0), 0, NULL), -ENOTTY);
	ASSERT_OK(kdbus_client_byebye(&c));
	ASSERT_EQ(try_new_on(c.fd, 0, NULL), -ECONNRESET);
}

static void new_as_nobody(void *arg)
{
	(void)arg;
	ASSERT_OK(seal(memfd_new(10), 1));
}

/* spec 20.1, 5.3 */
TEST(everybody_may_make_them)
{
	as_uid(NOBODY, new_as_nobody, NULL);
}

/* spec 20.1, 2.7 */
TEST(new_checks_its_pointer)
{
	static char buf[64] __attribute__((aligned(8)));
	struct kdbus_cmd_memfd_make *cmd = (void *)(buf + 4);
	int next = dup(0);

	close(next);
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, NULL), -EFAULT);
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, unreadable_page()),
		  -EFAULT);
	cmd->size = sizeof(*cmd);
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, cmd), -EFAULT);

	/* no descriptor is left when its number cannot be told */
	cmd = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cmd->size = sizeof(*cmd);
	ASSERT_OK(mprotect(cmd, PAGE, PROT_READ));
	control();
	next = dup(0);
	close(next);
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, cmd), -EFAULT);
	ASSERT_EQ(dup(0), next);
}

/* spec 20.1 */
TEST(new_checks_its_size)
{
	static union {
		struct kdbus_cmd_memfd_make cmd;
		char buf[24 + 32768 + 8];
	} u;
	struct kdbus_item *item = (void *)(u.buf + 24);

	u.cmd.size = 0;
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, &u), -EINVAL);
	u.cmd.size = 23;
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, &u), -EINVAL);
	u.cmd.size = 24 + 32768 + 1;
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, &u), -EMSGSIZE);
	u.cmd.size = ~0ULL;
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, &u), -EMSGSIZE);
	/* items that are not known do not matter */
	u.cmd.size = 24 + 32768;
	item->size = 32768;
	item->type = KDBUS_ITEM_DST_NAME;
	ASSERT_OK(xioctl(control(), KDBUS_CMD_MEMFD_NEW, &u));
	item->size++;
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, &u), -EINVAL);
	item->size = 16;
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, &u), -EINVAL);
	u.cmd.size = 24 + 15;
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, &u), -EINVAL);
}

static int new_with_bytes(const char *name, size_t size)
{
	struct kdbus_builder b;

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_memfd_make));
	kdbus_build_item(&b, KDBUS_ITEM_MEMFD_NAME, name, size);
	return xioctl(control(), KDBUS_CMD_MEMFD_NEW, b.buf);
}

/* spec 20.1, 1.10 */
TEST(new_checks_the_name)
{
	struct kdbus_builder b;
	char name[66];

	memset(name, 'n', sizeof(name));
	name[63] = 0;
	ASSERT(try_new(0, name) >= 0);
	name[63] = 'n';
	name[64] = 0;
	ASSERT_EQ(try_new(0, name), -ENAMETOOLONG);
	ASSERT(try_new(0, "_") >= 0);
	ASSERT(try_new(0, "1-.a") >= 0);
	ASSERT_EQ(try_new(0, ""), -EINVAL);
	ASSERT_EQ(try_new(0, "-a"), -EINVAL);
	ASSERT_EQ(try_new(0, "a-"), -EINVAL);
	ASSERT_EQ(try_new(0, ".a"), -EINVAL);
	ASSERT_EQ(try_new(0, "a."), -EINVAL);
	ASSERT_EQ(try_new(0, "a/b"), -EINVAL);
	ASSERT_EQ(try_new(0, "a b"), -EINVAL);
	ASSERT_EQ(try_new(0, "\xc3\xa4"), -EINVAL);
	ASSERT_EQ(new_with_bytes("abc", 3), -EINVAL);
	ASSERT_EQ(new_with_bytes("ab\0c", 5), -EINVAL);
	ASSERT_EQ(new_with_bytes("abc\0", 5), -EINVAL);

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_memfd_make));
	kdbus_build_string(&b, KDBUS_ITEM_MEMFD_NAME, "one");
	kdbus_build_string(&b, KDBUS_ITEM_MEMFD_NAME, "two");
	ASSERT_EQ(xioctl(control(), KDBUS_CMD_MEMFD_NEW, b.buf), -EEXIST);
}

/* spec 20.1 */
TEST(new_checks_the_file_size)
{
	ASSERT_EQ(try_new(~0ULL, NULL), -EINVAL);
	ASSERT_EQ(try_new(1ULL << 63, NULL), -EINVAL);
	ASSERT_EQ(try_new(MAX_SIZE + 1, NULL), -EINVAL);
	ASSERT_EQ(try_new(MAX_SIZE, NULL), -ENOMEM);
	ASSERT_EQ(try_new(1ULL << 50, NULL), -ENOMEM);
}

/* spec 20.1 */
TEST(new_without_a_free_number)
{
	struct rlimit old, none;
	int fd;

	control();
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &none));
	ASSERT_EQ(try_new(0, NULL), -EMFILE);
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &old));
	fd = memfd_new(0);
	ASSERT_OK(seal(fd, 1));
}

/* ---- content ---------------------------------------------------------- */

/* spec 20.2 */
TEST(read_and_write)
{
	char buf[64] = { 0 };
	struct iovec v[2] = { { buf, 3 }, { buf + 32, 4 } };
	int fd = memfd_new(0);

	ASSERT_EQ(read(fd, buf, 10), 0);
	ASSERT_EQ(write(fd, LETTERS, 26), 26);
	ASSERT_EQ(size_of(fd), 26);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 26);
	ASSERT_EQ(read(fd, buf, 10), 0);
	ASSERT_EQ(lseek(fd, 20, SEEK_SET), 20);
	ASSERT_EQ(read(fd, buf, 10), 6);
	ASSERT_OK(memcmp(buf, "uvwxyz", 6));

	ASSERT_EQ(pread(fd, buf, 4, 1), 4);
	ASSERT_OK(memcmp(buf, "bcde", 4));
	ASSERT_EQ(pwrite(fd, "BC", 2, 1), 2);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 26);
	ASSERT_EQ(preadv(fd, v, 2, 0), 7);
	ASSERT_OK(memcmp(buf, "aBC", 3));
	ASSERT_OK(memcmp(buf + 32, "defg", 4));
	ASSERT_EQ(pwritev(fd, v, 2, 25), 7);
	ASSERT_EQ(size_of(fd), 32);
	ASSERT_EQ(lseek(fd, 0, SEEK_SET), 0);
	ASSERT_EQ(readv(fd, v, 2), 7);
	ASSERT_EQ(writev(fd, v, 2), 7);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 14);
	ASSERT_EQ(size_of(fd), 32);
	ASSERT_EQ(write(fd, buf, 0), 0);
}

/* spec 20.2 */
TEST(seek)
{
	int fd = memfd_new(100);

	ASSERT_EQ(lseek(fd, 0, SEEK_END), 100);
	ASSERT_EQ(lseek(fd, -1, SEEK_CUR), 99);
	ASSERT_EQ(lseek(fd, 1000, SEEK_SET), 1000);
	ASSERT_EQ(result(lseek(fd, -1001, SEEK_CUR)), -EINVAL);
	ASSERT_EQ(result(lseek(fd, -1, SEEK_SET)), -EINVAL);
	ASSERT_EQ(result(lseek(fd, 0, 77)), -EINVAL);
	ASSERT_EQ(lseek(fd, 10, SEEK_DATA), 10);
	ASSERT_EQ(lseek(fd, 10, SEEK_HOLE), 100);
	ASSERT_EQ(result(lseek(fd, 100, SEEK_DATA)), -ENXIO);
}

/* spec 20.2 */
TEST(writing_past_the_end_extends)
{
	int fd = memfd_new(0);
	char buf[16];

	ASSERT_EQ(pwrite(fd, "x", 1, 3 * PAGE), 1);
	ASSERT_EQ(size_of(fd), 3 * PAGE + 1);
	memset(buf, 1, sizeof(buf));
	ASSERT_EQ(pread(fd, buf, 16, 3 * PAGE - 15), 16);
	ASSERT_EQ(buf[0], 0);
	ASSERT_EQ(buf[14], 0);
	ASSERT_EQ(buf[15], 'x');

	ASSERT_OK(fcntl(fd, F_SETFL, O_APPEND));
	ASSERT_EQ(lseek(fd, 0, SEEK_SET), 0);
	ASSERT_EQ(write(fd, "yz", 2), 2);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 3 * PAGE + 3);
	ASSERT_EQ(size_of(fd), 3 * PAGE + 3);
}

/* spec 20.2 */
TEST(large_writes)
{
	size_t i, size = 3 * MIB + 5;
	char *in = malloc(size), *out = malloc(size);
	int fd = memfd_new(0);

	for (i = 0; i < size; i++)
		in[i] = i * 7 + (i >> 12);
	ASSERT_EQ(pwrite(fd, in, size, 3), size);
	ASSERT_EQ(size_of(fd), size + 3);
	ASSERT_EQ(pread(fd, out, size, 3), size);
	ASSERT_OK(memcmp(in, out, size));
}

/* spec 20.2 */
TEST(writes_of_memory_that_is_not_there)
{
	char *two = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	int fd = memfd_new(0);

	memset(two, 'a', PAGE);
	ASSERT_OK(mprotect(two + PAGE, PAGE, PROT_NONE));
	ASSERT_EQ(result(write(fd, two + PAGE, 10)), -EFAULT);
	ASSERT_EQ(result(write(fd, nowhere, 10)), -EFAULT);
	ASSERT_EQ(size_of(fd), 0);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 0);
	ASSERT_EQ(write(fd, two + PAGE - 10, 20), 10);
	ASSERT_EQ(size_of(fd), 10);
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 10);
	ASSERT_EQ(result(pread(fd, two + PAGE, 10, 0)), -EFAULT);
	ASSERT_EQ(pread(fd, two, PAGE, 5), 5);
}

/* spec 20.2 */
/* The source is the page that is written to, and is not mapped in yet. */
TEST(writes_of_its_own_mapping)
{
	int fd = memfd_new(0);
	char *p = map_rw(fd, 8 * PAGE);
	char *q;
	size_t i;

	for (i = 0; i < 8 * PAGE; i++)
		p[i] = i / PAGE;
	munmap(p, 8 * PAGE);
	p = map_rw(fd, 8 * PAGE);
	q = map_rw(fd, 8 * PAGE);
	ASSERT_EQ(pwrite(fd, p, 8 * PAGE, 0), 8 * PAGE);
	ASSERT_OK(madvise(p, 8 * PAGE, MADV_DONTNEED));
	ASSERT_EQ(pwrite(fd, p + 1, PAGE, 2), PAGE);
	for (i = PAGE + 2; i < 8 * PAGE; i++)
		ASSERT_EQ(q[i], i / PAGE);
	ASSERT_EQ(pread(fd, q + PAGE, PAGE, 0), PAGE);
	/* and pages behind the end are no memory */
	ASSERT_OK(set_size(fd, PAGE));
	ASSERT_EQ(result(pwrite(fd, p + 2 * PAGE, 10, 0)), -EFAULT);
	ASSERT_EQ(size_of(fd), PAGE);
}

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

/* spec 20.2 */
TEST(writes_at_the_limits)
{
	struct rlimit limit = { 1000, 1000 };
	int fd = memfd_new(0);
	char buf[64] = { 0 };

	ASSERT_EQ(result(pwrite(fd, buf, 1, MAX_SIZE)), -EFBIG);
	ASSERT_EQ(result(pwrite(fd, buf, 1, -1)), -EINVAL);
	/* more than there is memory: accounted before it is touched */
	ASSERT_EQ(result(pwrite(fd, buf, 1, 1LL << 50)), -ENOMEM);
	ASSERT_EQ(size_of(fd), 0);

	signal(SIGXFSZ, count_signal);
	ASSERT_OK(setrlimit(RLIMIT_FSIZE, &limit));
	ASSERT_EQ(pwrite(fd, buf, 64, 980), 20);
	ASSERT_EQ(signals, 0);
	ASSERT_EQ(result(pwrite(fd, buf, 64, 1000)), -EFBIG);
	ASSERT_EQ(signals, 1);
	ASSERT_EQ(set_size(fd, 1001), -EFBIG);
	ASSERT_EQ(signals, 2);
	ASSERT_EQ(size_of(fd), 1000);
}

/* spec 20.2, 20.6 */
TEST(holders_share_the_position)
{
	int fd = memfd_new(0), copy = dup(fd);
	char c = 0;

	ASSERT_EQ(write(fd, "abcdef", 6), 6);
	ASSERT_EQ(lseek(copy, 0, SEEK_CUR), 6);
	ASSERT_EQ(lseek(copy, 2, SEEK_SET), 2);
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_EQ(c, 'c');
	ASSERT_EQ(lseek(copy, 0, SEEK_CUR), 3);
}

/* spec 20.2 */
TEST(there_are_no_other_operations)
{
	struct epoll_event ev = { .events = EPOLLIN };
	static __u64 buf[32];
	int fd = memfd_new(PAGE);
	char path[64];
	int p[2];

	ASSERT_EQ(xioctl(fd, 0x9599, buf), -ENOTTY);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, buf), -ENOTTY);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_FREE, buf), -ENOTTY);
	/* the other word size's number of SIZE_GET */
	if (sizeof(long) == 8)
		ASSERT_EQ(xioctl(fd, 0x800495c1, buf), -ENOTTY);
	ASSERT_EQ(result(ftruncate(fd, 0)), -EINVAL);
	ASSERT_EQ(result(fallocate(fd, 0, 0, 10)), -ENODEV);
	ASSERT_EQ(result(fsync(fd)), -EINVAL);
	ASSERT_EQ(result(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, fd, &ev)),
		  -EPERM);
	ASSERT_EQ(result(fcntl(fd, F_GET_SEALS)), -EINVAL);
	ASSERT_OK(pipe(p));
	ASSERT_EQ(result(splice(fd, NULL, p[1], NULL, 10, 0)), -EINVAL);
	ASSERT_EQ(write(p[1], "x", 1), 1);
	ASSERT_EQ(result(splice(p[0], NULL, fd, NULL, 1, 0)), -EINVAL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_EQ(result(open(path, O_RDWR)), -ENXIO);
	ASSERT_EQ(size_of(fd), PAGE);
}

/* ---- size ------------------------------------------------------------- */

/* spec 20.4 */
TEST(size)
{
	int fd = memfd_new(0);
	char buf[10];

	ASSERT_OK(set_size(fd, 10));
	ASSERT_OK(set_size(fd, 10));
	ASSERT_EQ(size_of(fd), 10);
	ASSERT_EQ(write(fd, LETTERS, 10), 10);
	ASSERT_OK(set_size(fd, 5));
	ASSERT_OK(set_size(fd, 3 * PAGE));
	ASSERT_EQ(pread(fd, buf, 10, 0), 10);
	ASSERT_OK(memcmp(buf, "abcde\0\0\0\0\0", 10));
	/* the position stays */
	ASSERT_EQ(lseek(fd, 0, SEEK_CUR), 10);
	ASSERT_OK(set_size(fd, 0));
	ASSERT_EQ(size_of(fd), 0);

	ASSERT_EQ(set_size(fd, ~0ULL), -EINVAL);
	ASSERT_EQ(set_size(fd, 1ULL << 63), -EINVAL);
	ASSERT_EQ(set_size(fd, MAX_SIZE + 1), -EINVAL);
	ASSERT_EQ(set_size(fd, MAX_SIZE), -ENOMEM);
	ASSERT_EQ(size_of(fd), 0);
}

/* spec 20.4, 2.7 */
TEST(size_and_seal_check_their_pointers)
{
	static char buf[16] __attribute__((aligned(8)));
	void *none = unreadable_page();
	int fd = memfd_new(0);
	int sealed = -1;

	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SIZE_GET, NULL), -EFAULT);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SIZE_GET, none), -EFAULT);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SIZE_GET, buf + 4), -EFAULT);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SIZE_SET, NULL), -EFAULT);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SIZE_SET, none), -EFAULT);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SIZE_SET, buf + 4), -EFAULT);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SEAL_GET, NULL), -EFAULT);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_MEMFD_SEAL_GET, none), -EFAULT);
	/* an int has an int's alignment, and only an int is written */
	memset(buf, 0x55, sizeof(buf));
	ASSERT_OK(xioctl(fd, KDBUS_CMD_MEMFD_SEAL_GET, buf + 4));
	memcpy(&sealed, buf + 4, 4);
	ASSERT_EQ(sealed, 0);
	ASSERT_EQ(buf[3], 0x55);
	ASSERT_EQ(buf[8], 0x55);
}

/* ---- mapping ---------------------------------------------------------- */

/* spec 20.2 */
TEST(mappings_show_the_content)
{
	int fd = memfd_new(2 * PAGE);
	char *p = map_rw(fd, 2 * PAGE);
	char *q;
	char c;

	ASSERT_EQ(pwrite(fd, "x", 1, PAGE), 1);
	ASSERT_EQ(p[PAGE], 'x');
	p[PAGE + 1] = 'y';
	ASSERT_EQ(pread(fd, &c, 1, PAGE + 1), 1);
	ASSERT_EQ(c, 'y');
	ASSERT_OK(map(fd, PAGE, RW, MAP_PRIVATE, PAGE, &q));
	ASSERT_EQ(q[1], 'y');
	q[1] = 'z';
	ASSERT_EQ(p[PAGE + 1], 'y');
	/* they stay when the file is closed */
	close(fd);
	ASSERT_EQ(p[PAGE], 'x');
}

/* spec 20.5, 25 */
TEST(writable_mappings_extend)
{
	int fd = memfd_new(100);

	ASSERT_OK(map(fd, 3 * PAGE, PROT_READ, MAP_SHARED, 0, NULL));
	ASSERT_EQ(size_of(fd), 100);
	map_rw(fd, 2 * PAGE)[2 * PAGE - 1] = 1;
	ASSERT_EQ(size_of(fd), 2 * PAGE);
	map_rw(fd, PAGE);
	ASSERT_EQ(size_of(fd), 2 * PAGE);
	ASSERT_OK(map(fd, PAGE, PROT_WRITE, MAP_SHARED, 7 * PAGE, NULL));
	ASSERT_EQ(size_of(fd), 8 * PAGE);
	/* accounted, like growth in any other way */
	ASSERT_EQ(map(fd, PAGE, RW, MAP_SHARED, FAR_OFFSET, NULL), -ENOMEM);
	if (sizeof(long) == 8) {
		ASSERT_EQ(map(fd, PAGE, RW, MAP_SHARED, MAX_SIZE, NULL),
			  -EOVERFLOW);
		ASSERT_EQ(map(fd, PAGE, PROT_READ, MAP_SHARED, MAX_SIZE, NULL),
			  -EOVERFLOW);
	}
	ASSERT_EQ(size_of(fd), 8 * PAGE);
}

/* spec 20.5: nobody gets a file of his own for what is behind a mapping. */
TEST(the_memory_cannot_be_opened_for_writing)
{
	int ro, fd = memfd_new(PAGE);
	char *p = map_rw(fd, PAGE);
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)p, (unsigned long)p + PAGE);
	ASSERT_EQ(result(open(path, O_RDWR)), -ETXTBSY);
	ASSERT_EQ(result(open(path, O_WRONLY | O_TRUNC)), -ETXTBSY);
	ASSERT_EQ(result(truncate(path, 0)), -ETXTBSY);
	ro = open(path, O_RDONLY);
	ASSERT(ro >= 0);
	munmap(p, PAGE);
	ASSERT_EQ(seal(fd, 1), -ETXTBSY);
	close(ro);
	ASSERT_OK(seal(fd, 1));
}

/* ---- the seal --------------------------------------------------------- */

/* spec 20.3, 20.4, decision 18 */
TEST(the_seal)
{
	int fd = memfd_new(10);

	ASSERT_OK(seal(fd, 0));
	ASSERT_EQ(is_sealed(fd), 0);
	ASSERT_OK(seal(fd, 1));
	ASSERT_EQ(is_sealed(fd), 1);
	ASSERT_OK(seal(fd, 1));
	ASSERT_OK(seal(fd, ~0UL));
	ASSERT_EQ(is_sealed(fd), 1);
	ASSERT_OK(seal(fd, 0));
	ASSERT_EQ(is_sealed(fd), 0);
	ASSERT_OK(seal(fd, ~0UL << (8 * sizeof(long) - 1)));
	ASSERT_EQ(is_sealed(fd), 1);
}

/* spec 20.5, 20.6 */
TEST(sealed_content_does_not_change)
{
	char buf[32] = { 0 };
	struct iovec v = { buf, 10 };
	int fd = memfd_new(0);

	ASSERT_EQ(write(fd, LETTERS, 26), 26);
	ASSERT_OK(seal(fd, 1));
	ASSERT_EQ(result(write(fd, "x", 1)), -EPERM);
	ASSERT_EQ(result(write(fd, "x", 0)), -EPERM);
	ASSERT_EQ(result(write(fd, nowhere, 1)), -EPERM);
	ASSERT_EQ(result(pwrite(fd, "x", 1, 0)), -EPERM);
	ASSERT_EQ(result(pwrite(fd, "x", 1, MAX_SIZE)), -EPERM);
	ASSERT_EQ(result(writev(fd, &v, 1)), -EPERM);
	ASSERT_EQ(set_size(fd, 26), -EALREADY);
	ASSERT_EQ(set_size(fd, 25), -EPERM);
	ASSERT_EQ(set_size(fd, 27), -EPERM);
	ASSERT_EQ(set_size(fd, ~0ULL), -EPERM);
	ASSERT_EQ(size_of(fd), 26);
	ASSERT_EQ(pread(fd, buf, 32, 0), 26);
	ASSERT_OK(memcmp(buf, LETTERS, 26));

	ASSERT_OK(seal(fd, 0));
	ASSERT_EQ(pwrite(fd, "X", 1, 0), 1);
	ASSERT_OK(set_size(fd, 4));
	ASSERT_EQ(pread(fd, buf, 32, 0), 4);
	ASSERT_OK(memcmp(buf, "Xbcd", 4));
}

/* Writes through /proc/self/mem, as a debugger does. */
static long poke(char *at)
{
	int mem = open("/proc/self/mem", O_RDWR);
	long ret;

	ASSERT(mem >= 0);
	ret = result(pwrite(mem, "!", 1, (off_t)(uintptr_t)at));
	close(mem);
	return ret;
}

/* spec 20.5 */
TEST(mappings_of_sealed_files_stay_read_only)
{
	int fd = memfd_new(2 * PAGE);
	char *p, c;

	ASSERT_OK(seal(fd, 1));
	ASSERT_EQ(map(fd, PAGE, RW, MAP_SHARED, 0, NULL), -EPERM);
	ASSERT_EQ(map(fd, PAGE, PROT_WRITE, MAP_SHARED, 0, NULL), -EPERM);
	ASSERT_EQ(map(fd, PAGE, RW, MAP_SHARED, 9 * PAGE, NULL), -EPERM);
	ASSERT_OK(map(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0, &p));
	ASSERT_EQ(result(mprotect(p, PAGE, RW)), -EACCES);
	ASSERT_EQ(result(remap_file_pages(p, PAGE, 0, 0, 0)), -EINVAL);
	ASSERT_EQ(result(mprotect(p, PAGE, RW)), -EACCES);
	ASSERT(madvise(p, PAGE, MADV_REMOVE) < 0);
	ASSERT_EQ(poke(p), -EIO);
	/* nor does another one that is made of it */
	p = mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	ASSERT(p != MAP_FAILED);
	ASSERT_EQ(result(mprotect(p, PAGE, RW)), -EACCES);
	ASSERT_EQ(size_of(fd), 2 * PAGE);

	/* a private one is the mapper's own business */
	ASSERT_OK(map(fd, 2 * PAGE, RW, MAP_PRIVATE, 0, &p));
	p[0] = 'x';
	ASSERT_EQ(poke(p), 1);
	ASSERT_EQ(pread(fd, &c, 1, 0), 1);
	ASSERT_EQ(c, 0);
	ASSERT_EQ(size_of(fd), 2 * PAGE);
}

/* With somebody else using the file, in state "sealed". */
static void expect_shared(int fd, int sealed)
{
	ASSERT_EQ(is_sealed(fd), sealed);
	ASSERT_EQ(seal(fd, sealed), -EALREADY);
	ASSERT_EQ(seal(fd, !sealed), -ETXTBSY);
	ASSERT_EQ(is_sealed(fd), sealed);
}

/* Nobody else: any change goes, and all is as it was. */
static void expect_exclusive(int fd, int sealed)
{
	ASSERT_EQ(is_sealed(fd), sealed);
	ASSERT_OK(seal(fd, sealed));
	ASSERT_OK(seal(fd, !sealed));
	ASSERT_OK(seal(fd, sealed));
}

/* spec 20.3 */
TEST(duplicates_share)
{
	int sealed, copy, fd = memfd_new(10);

	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		copy = dup(fd);
		expect_shared(fd, sealed);
		expect_shared(copy, sealed);
		close(fd);
		expect_exclusive(copy, sealed);
		fd = copy;
	}
}

static void wait_to_end(void *arg)
{
	int *p = arg;
	char c;

	close(p[1]);
	ASSERT_EQ(read(p[0], &c, 1), 0);
}

/* spec 20.3 */
TEST(children_share)
{
	int p[2], sealed, fd = memfd_new(10);
	pid_t pid;

	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		ASSERT_OK(pipe2(p, O_CLOEXEC));
		pid = spawn(wait_to_end, p);
		expect_shared(fd, sealed);
		close(p[0]);
		close(p[1]);
		wait_for(pid);
		expect_exclusive(fd, sealed);
	}
}

static void scm_send(int sock, int fd)
{
	char control_buf[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control_buf,
		.msg_controllen = sizeof(control_buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	ASSERT_EQ(sendmsg(sock, &msg, 0), 1);
}

/* spec 20.3 */
TEST(files_in_flight_share)
{
	int s[2], sealed, fd = memfd_new(10);
	char c;

	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
		scm_send(s[0], fd);
		expect_shared(fd, sealed);
		/* received without room for it: gone */
		ASSERT_EQ(read(s[1], &c, 1), 1);
		expect_exclusive(fd, sealed);
	}
}

/* spec 20.3 */
TEST(files_in_messages_share)
{
	const struct kdbus_msg *msg;
	int sealed, fd = memfd_new(10);
	struct kdbus_builder m;
	struct kdbus_client a;
	struct bus bus;

	bus_new(&bus);
	client_new(&a, &bus);
	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		kdbus_build_msg(&m, a.hello.id, 1);
		kdbus_build_fds(&m, &fd, 1);
		ASSERT_OK(kdbus_client_send(&a, &m));
		expect_shared(fd, sealed);
		ASSERT_OK(kdbus_client_recv(&a, 0, 0, &msg));
		expect_shared(fd, sealed);
		kdbus_msg_close_fds(msg);
		expect_exclusive(fd, sealed);
		ASSERT_OK(kdbus_client_free(&a, msg));
	}
}

/* spec 20.3 */
TEST(mappings_share)
{
	int sealed, fd = memfd_new(PAGE);
	char *p, *q;

	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		ASSERT_OK(map(fd, PAGE, PROT_READ, MAP_SHARED, 0, &p));
		expect_shared(fd, sealed);
		ASSERT_OK(map(fd, PAGE, PROT_READ, MAP_PRIVATE, 0, &q));
		munmap(p, PAGE);
		expect_shared(fd, sealed);
		munmap(q, PAGE);
		expect_exclusive(fd, sealed);
	}
	ASSERT_OK(seal(fd, 0));
	p = map_rw(fd, PAGE);
	*p = 1;
	expect_shared(fd, 0);
	munmap(p, PAGE);
	expect_exclusive(fd, 0);
}

struct hold_mapping {
	int fd, p[2], ready[2];
};

static void child_with_mapping(void *arg)
{
	struct hold_mapping *h = arg;

	close(h->fd);
	ASSERT_EQ(write(h->ready[1], "x", 1), 1);
	wait_to_end(h->p);
}

/* spec 20.3 */
TEST(mappings_of_children_share)
{
	struct hold_mapping h = { .fd = memfd_new(PAGE) };
	char *p = map_rw(h.fd, PAGE);
	pid_t pid;
	char c;

	*p = 1;
	ASSERT_OK(pipe2(h.p, O_CLOEXEC));
	ASSERT_OK(pipe2(h.ready, O_CLOEXEC));
	pid = spawn(child_with_mapping, &h);
	ASSERT_EQ(read(h.ready[0], &c, 1), 1);
	munmap(p, PAGE);
	expect_shared(h.fd, 0);
	close(h.p[0]);
	close(h.p[1]);
	wait_for(pid);
	expect_exclusive(h.fd, 0);
}

/* spec 20.3: pages stay in a pipe when the mapping they came from has gone. */
TEST(pinned_pages_share)
{
	int p[2], sealed, fd = memfd_new(20 * PAGE);
	struct iovec v = { NULL, 10 };
	char *q, buf[16];

	memset(map_rw(fd, 20 * PAGE), 'a', 20 * PAGE);
	ASSERT_OK(pipe(p));
	for (sealed = 0; sealed <= 1; sealed++) {
		int other = memfd_new(20 * PAGE);

		q = map_rw(other, 20 * PAGE);
		memset(q, 'a', 20 * PAGE);
		munmap(q, 20 * PAGE);
		ASSERT_OK(seal(other, sealed));
		ASSERT_OK(map(other, 20 * PAGE, PROT_READ, MAP_SHARED, 0, &q));
		v.iov_base = q + 17 * PAGE;
		ASSERT_EQ(vmsplice(p[1], &v, 1, 0), 10);
		munmap(q, 20 * PAGE);
		ASSERT_EQ(seal(other, !sealed), -ETXTBSY);
		ASSERT_EQ(is_sealed(other), sealed);
		/* nothing is asked for: nobody has the file */
		ASSERT_OK(seal(other, sealed));
		ASSERT_EQ(read(p[0], buf, 16), 10);
		ASSERT_EQ(buf[0], 'a');
		expect_exclusive(other, sealed);
		close(other);
	}
	expect_shared(fd, 0);
}

static void *unpin_soon(void *arg)
{
	char buf[16];

	usleep(30000);
	ASSERT_EQ(read(*(int *)arg, buf, 16), 10);
	return NULL;
}

/* spec 20.3 */
TEST(short_pins_are_waited_for)
{
	int p[2], fd = memfd_new(PAGE);
	char *q = map_rw(fd, PAGE);
	struct iovec v = { q, 10 };
	pthread_t t;

	ASSERT_OK(pipe(p));
	ASSERT_EQ(vmsplice(p[1], &v, 1, 0), 10);
	munmap(q, PAGE);
	ASSERT_OK(pthread_create(&t, NULL, unpin_soon, p));
	ASSERT_OK(seal(fd, 1));
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_EQ(is_sealed(fd), 1);
}

static void pin_to_cpu(int cpu)
{
	unsigned long mask = 1UL << cpu;

	ASSERT(syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask) >= 0);
}

/* spec 20.3 */
/* New pages wait in lists per processor, with references of their own. */
TEST(pages_of_another_processor_are_not_pinned)
{
	size_t n, cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < 2)
		SKIP("one processor");
	for (n = 1; n < 40; n++) {
		int fd = memfd_new(0);
		char *p = map_rw(fd, n * PAGE);

		pin_to_cpu(n % 2);
		memset(p, n, n * PAGE);
		munmap(p, n * PAGE);
		pin_to_cpu(!(n % 2));
		ASSERT_OK(seal(fd, 1));
		close(fd);
	}
}

static void *wait_for_pipe(void *arg)
{
	char c;

	return (void *)(long)read(*(int *)arg, &c, 1);
}

/* spec 20.3 */
TEST(threads_are_one_holder)
{
	int p[2], sealed, copy, fd = memfd_new(10);
	pthread_t t[3];
	size_t i;

	ASSERT_OK(pipe(p));
	for (i = 0; i < 3; i++)
		ASSERT_OK(pthread_create(&t[i], NULL, wait_for_pipe, p));
	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		expect_exclusive(fd, sealed);
		copy = dup(fd);
		expect_shared(fd, sealed);
		close(copy);
	}
	close(p[1]);
	for (i = 0; i < 3; i++)
		ASSERT_OK(pthread_join(t[i], NULL));
	expect_exclusive(fd, 1);
}

static volatile int stop;

static void *write_always(void *arg)
{
	int fd = *(int *)arg;
	char buf[256];
	unsigned int n;

	for (n = 0; !stop; n++) {
		memset(buf, n, sizeof(buf));
		if (pwrite(fd, buf, sizeof(buf), n % 3 * 100) < 0)
			ASSERT_EQ(errno, EPERM);
		if (n % 4 == 0) {
			char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);

			if (p != MAP_FAILED) {
				memset(p, n, PAGE);
				munmap(p, PAGE);
			}
		}
		/* never so short that the other one's mapping has no memory */
		set_size(fd, PAGE + n % 5 * 500);
	}
	return NULL;
}

/* spec 20.3, 20.6: whenever it is sealed, it stays as it was found then. */
TEST(sealing_against_writers)
{
	static char one[2 * PAGE], two[2 * PAGE];
	int fd = memfd_new(PAGE);
	__u64 end = now_ns() + 3 * SEC;
	unsigned int n = 0;
	pthread_t t[2];

	ASSERT_OK(pthread_create(&t[0], NULL, write_always, &fd));
	ASSERT_OK(pthread_create(&t[1], NULL, write_always, &fd));
	while (now_ns() < end) {
		ssize_t size;
		int ret = seal(fd, 1);

		if (ret < 0) {
			ASSERT_EQ(ret, -ETXTBSY);
			continue;
		}
		size = pread(fd, one, sizeof(one), 0);
		ASSERT_EQ(size_of(fd), size);
		sched_yield();
		ASSERT_EQ(pread(fd, two, sizeof(two), 0), size);
		ASSERT_OK(memcmp(one, two, size));
		while (seal(fd, 0) < 0)
			;
		n++;
	}
	stop = 1;
	ASSERT_OK(pthread_join(t[0], NULL));
	ASSERT_OK(pthread_join(t[1], NULL));
	printf("# sealed %u times\n", n);
	expect_exclusive(fd, 0);
}

static char *shared_buffer;

static void *grow_always(void *arg)
{
	int fd = *(int *)arg;
	unsigned int n;

	for (n = 0; !stop; n++) {
		char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, n % 64 * PAGE);

		ASSERT(p != MAP_FAILED);
		munmap(p, PAGE);
		madvise(shared_buffer, 64 * PAGE, MADV_DONTNEED);
		ASSERT_OK(set_size(fd, 0));
	}
	return NULL;
}

/* spec 20.5 */
/* mmap() that grows the file, and write() whose source is paged in. */
TEST(mapping_against_writing)
{
	int fd = memfd_new(0);
	__u64 end = now_ns() + 3 * SEC;
	pthread_t t;

	shared_buffer = mmap(NULL, 64 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	ASSERT_OK(pthread_create(&t, NULL, grow_always, &fd));
	while (now_ns() < end)
		ASSERT_EQ(pwrite(fd, shared_buffer, 64 * PAGE, 0), 64 * PAGE);
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
}

/* ---- accounting ------------------------------------------------------- */

/* Committed_AS, which is counted per processor, in MiB. */
static long committed(void)
{
	return (meminfo("Committed_AS") + 512) / 1024;
}

static void grow_by_nothing(int fd)
{
	(void)fd;
}

static void grow_by_size(int fd)
{
	ASSERT_OK(set_size(fd, 64 * MIB));
}

static void grow_by_write(int fd)
{
	static char buf[MIB];
	int i;

	for (i = 0; i < 64; i++)
		ASSERT_EQ(write(fd, buf, MIB), (long)MIB);
}

static void grow_by_hole(int fd)
{
	ASSERT_EQ(pwrite(fd, "x", 1, 64 * MIB - 1), 1);
}

static void grow_by_mmap(int fd)
{
	ASSERT_OK(munmap(map_rw(fd, 64 * MIB), 64 * MIB));
}

static void grow_and_fail(int fd)
{
	int i;

	for (i = 0; i < 1000; i++)
		ASSERT_EQ(result(pwrite(fd, nowhere, MIB, 63 * MIB)), -EFAULT);
	ASSERT_EQ(size_of(fd), 0);
	ASSERT_OK(set_size(fd, 64 * MIB));
}

static void is_accounted(__u64 size, void (*grow)(int))
{
	long before = committed();
	int fd = memfd_new(size);

	grow(fd);
	ASSERT_EQ(size_of(fd), 64 * MIB);
	ASSERT(labs(committed() - before - 64) <= 2);
	ASSERT_OK(set_size(fd, 16 * MIB));
	ASSERT(labs(committed() - before - 16) <= 2);
	close(fd);
	ASSERT(labs(committed() - before) <= 2);
}

/* spec 27.8 */
TEST(all_growth_is_accounted_alike)
{
	is_accounted(64 * MIB, grow_by_nothing);
	is_accounted(0, grow_by_size);
	is_accounted(0, grow_by_write);
	is_accounted(0, grow_by_hole);
	is_accounted(0, grow_by_mmap);
	is_accounted(0, grow_and_fail);
}

/* spec 27.8 */
TEST(refused_sizes_are_not_accounted)
{
	long before = committed();
	int fd = memfd_new(0);

	ASSERT_EQ(try_new(MAX_SIZE, NULL), -ENOMEM);
	ASSERT_EQ(set_size(fd, MAX_SIZE), -ENOMEM);
	ASSERT_EQ(map(fd, PAGE, RW, MAP_SHARED, FAR_OFFSET, NULL), -ENOMEM);
	ASSERT(labs(committed() - before) <= 2);
}

/* ---- 32-bit programs -------------------------------------------------- */

#ifdef __x86_64__
/* ioctl() as a 32-bit process makes it; the argument lies below 4 GiB. */
static int ioctl_32(int fd, unsigned int cmd, unsigned long arg)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret)
		     : "a"(54), "b"((long)fd), "c"((long)cmd), "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static void no_32_bit(int sig)
{
	(void)sig;
	test_skip("the kernel runs no 32-bit programs");
}

/* spec 2.2 */
TEST(numbers_of_32_bit_programs)
{
	struct kdbus_cmd_memfd_make *cmd =
		mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		     -1, 0);
	unsigned long at = (unsigned long)cmd;
	__u64 *value = (void *)cmd;
	int fd;

	ASSERT(cmd != MAP_FAILED);
	signal(SIGSEGV, no_32_bit);
	cmd->size = sizeof(*cmd);
	cmd->file_size = 5;
	ASSERT_OK(ioctl_32(control(), KDBUS_CMD_MEMFD_NEW, at));
	fd = cmd->fd;
	ASSERT_OK(ioctl_32(fd, 0x800495c1, at));
	ASSERT_EQ(*value, 5);
	*value = 5ULL << 20;
	ASSERT_OK(ioctl_32(fd, 0x400495c2, at));
	ASSERT_EQ(size_of(fd), 5ULL << 20);
	*value = ~0ULL;
	ASSERT_OK(ioctl_32(fd, 0x800495c3, at));
	ASSERT_EQ(*value, 0xffffffff00000000ULL);
	ASSERT_OK(ioctl_32(fd, 0x95c4, 1));
	ASSERT_EQ(is_sealed(fd), 1);
	ASSERT_EQ(ioctl_32(fd, 0x400495c2, at), -EPERM);
	/* the 64-bit numbers are understood too */
	ASSERT_OK(ioctl_32(fd, KDBUS_CMD_MEMFD_SIZE_GET, at));
	ASSERT_EQ(*value, 5ULL << 20);
	ASSERT_EQ(ioctl_32(fd, 0x800495c1, at + 4), -EFAULT);
	ASSERT_EQ(ioctl_32(fd, 0x800495c5, at), -ENOTTY);
}
#endif

/* ---- trace events ----------------------------------------------------- */

#define TRACING "/sys/kernel/tracing/instances/test-memfd"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* spec 20.3 */
TEST(seals_are_traced)
{
	static const char *const want[] = {
		"bytes=10 seal=1 ret=0 name=traced",
		"bytes=10 seal=0 ret=-26 name=traced",
		"bytes=10 seal=1 ret=-114 name=traced",
		"bytes=10 seal=0 ret=0 name=traced",
	};
	unsigned long long id, first = 0;
	char line[512], *at;
	size_t i = 0;
	int fd, copy;
	FILE *f;

	if (mkdir(TRACING, 0700) < 0)
		SKIP("no tracefs");
	write_file(TRACING "/events/kdbus/kdbus_memfd_seal/enable", "1");
	fd = try_new(10, "traced");
	ASSERT_OK(seal(fd, 1));
	copy = dup(fd);
	ASSERT_EQ(seal(fd, 0), -ETXTBSY);
	ASSERT_EQ(seal(fd, 1), -EALREADY);
	close(copy);
	ASSERT_OK(seal(fd, 0));

	f = fopen(TRACING "/trace", "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, "kdbus_memfd_seal: memfd=");
		if (!at)
			continue;
		ASSERT(i < 4);
		ASSERT_EQ(sscanf(at, "kdbus_memfd_seal: memfd=%llu", &id), 1);
		ASSERT(id > 0);
		if (i == 0)
			first = id;
		ASSERT_EQ(id, first);
		ASSERT(strstr(at, want[i]));
		i++;
	}
	fclose(f);
	rmdir(TRACING);
	ASSERT_EQ(i, 4);
}
