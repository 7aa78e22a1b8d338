// SPDX-License-Identifier: GPL-2.0
/* Memfds by themselves: making, content, size, mapping, accounting. */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "memfds.h"

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
	ASSERT_EQ(new_with_bytes("ab\0c", 4), -EINVAL);
	ASSERT(new_with_bytes("abc\0", 5) >= 0);

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

	ASSERT(copy >= 0);
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
	int p[2], ret;

	ASSERT_EQ(xioctl(fd, 0x9599, buf), -ENOTTY);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, buf), -ENOTTY);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_FREE, buf), -ENOTTY);
	/* the other word size's number of SIZE_GET */
	if (sizeof(long) == 8)
		ASSERT_EQ(xioctl(fd, 0x800495c1, buf), -ENOTTY);
	/* as of 6.16 an anonymous inode is a regular file that cannot do this */
	ret = result(ftruncate(fd, 0));
	ASSERT(ret == -EINVAL || ret == -EOPNOTSUPP);
	ret = result(fallocate(fd, 0, 0, 10));
	ASSERT(ret == -ENODEV || ret == -EOPNOTSUPP);
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
TEST(mappings_within_the_last_page_extend_nothing)
{
	int fd = memfd_new(0);
	char *p;

	ASSERT_OK(set_size(fd, 123));
	p = map_rw(fd, 123);
	ASSERT_EQ(size_of(fd), 123);
	p[PAGE - 1] = 'x';
	ASSERT_EQ(size_of(fd), 123);
	ASSERT_OK(set_size(fd, PAGE + 1));
	ASSERT_OK(map(fd, PAGE, RW, MAP_SHARED, PAGE, NULL));
	ASSERT_OK(map(fd, 2 * PAGE, RW, MAP_PRIVATE, 0, NULL));
	ASSERT_EQ(size_of(fd), PAGE + 1);
	ASSERT_OK(map(fd, PAGE + 1, RW, MAP_SHARED, PAGE, NULL));
	ASSERT_EQ(size_of(fd), 3 * PAGE);
}

/* spec 20.5, 25 */
TEST(writable_mappings_extend)
{
	int fd = memfd_new(100);

	ASSERT_OK(map(fd, 3 * PAGE, PROT_READ, MAP_SHARED, 0, NULL));
	ASSERT_EQ(size_of(fd), 100);
	map_rw(fd, PAGE);
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

TEST(the_memory_is_no_program)
{
	int fd = memfd_new(PAGE), ret;
	struct stat st;
	char path[64];
	char *p = map_rw(fd, PAGE);

	ASSERT_EQ(map(fd, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0, NULL),
		  -EPERM);
	ASSERT_EQ(map(fd, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0, NULL),
		  -EPERM);
	ret = result(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	ASSERT_EQ(ret, -EACCES);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)p, (unsigned long)p + PAGE);
	ASSERT_OK(stat(path, &st));
	ASSERT_EQ(st.st_mode & 0111, 0);
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
