// SPDX-License-Identifier: GPL-2.0
/*
 * What is to be read only cannot be written to, by whichever route: pools, and
 * memfds once they are sealed. Each is tried by root, in its own memory and
 * in the files behind it, and what lies there stays as it was.
 */
#include <linux/userfaultfd.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "memfds.h"
#include "ring.h"

#define AREA (4 * PAGE)
#define TEXT "as it was"

/**
 * struct area - what cannot be written to
 * @fd:		its file
 * @map:	a shared mapping of all of it
 * @text:	where a text lies in it
 * @denied:	what write() to it returns
 */
struct area {
	int fd;
	char *map;
	char *text;
	int denied;
};

static struct area a;

static void pool_new(void)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c;
	struct bus bus;

	bus_new(&bus);
	client_new_pool(&c, &bus, AREA);
	ASSERT_OK(send_to(&c, c.hello.id, 1, TEXT));
	ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg));
	a = (struct area){ .fd = c.fd, .map = c.pool,
			   .text = (char *)msg + msg->size,
			   .denied = -EINVAL };
}

static void sealed_new(void)
{
	a.fd = memfd_new(AREA);
	ASSERT_EQ(pwrite(a.fd, TEXT, sizeof(TEXT), 0), sizeof(TEXT));
	ASSERT_OK(seal(a.fd, 1));
	ASSERT_OK(map(a.fd, AREA, PROT_READ, MAP_SHARED, 0, &a.map));
	a.text = a.map;
	a.denied = -EPERM;
}

static void expect_unchanged(void)
{
	ASSERT_OK(strcmp(a.text, TEXT));
}

/* ---- mappings --------------------------------------------------------- */

static void try_mappings(void)
{
	char *p = NULL, line[128];
	int fd, ret;

	ASSERT_EQ(map(a.fd, AREA, RW, MAP_SHARED, 0, &p), -EPERM);
	ASSERT_EQ(map(a.fd, AREA, PROT_WRITE, MAP_SHARED, 0, &p), -EPERM);
	ASSERT_EQ(map(a.fd, AREA, RW, MAP_SHARED_VALIDATE, 0, &p), -EPERM);
	ASSERT_EQ(result(mprotect(a.map, AREA, RW)), -EACCES);
	ASSERT_EQ(result(mprotect(a.map, AREA, PROT_WRITE)), -EACCES);
	/* the kernels of vm/debug-kernel have no such call */
	ret = result(syscall(SYS_pkey_mprotect, a.map, AREA, RW, -1));
	if (ret != -ENOSYS)
		ASSERT_EQ(ret, -EACCES);
	remap_file_pages(a.map, PAGE, 0, 0, 0);
	ASSERT_EQ(result(mprotect(a.map, AREA, RW)), -EACCES);
	/* a copy of the mapping */
	p = mremap(a.map, 0, AREA, MREMAP_MAYMOVE);
	if (p != MAP_FAILED)
		ASSERT_EQ(result(mprotect(p, AREA, RW)), -EACCES);

	/* opened anew it is another file, if anything */
	snprintf(line, sizeof(line), "/proc/self/fd/%d", a.fd);
	fd = open(line, O_RDWR);
	if (fd >= 0) {
		ASSERT(map(fd, AREA, RW, MAP_SHARED, 0, &p) < 0);
		ASSERT(map(fd, AREA, PROT_READ, MAP_SHARED, 0, &p) < 0);
		close(fd);
	}
	expect_unchanged();
}

static void try_advice(void)
{
	ASSERT_EQ(result(madvise(a.map, AREA, MADV_REMOVE)), -EACCES);
	ASSERT_EQ(result(madvise(a.map, AREA, 23 /* MADV_POPULATE_WRITE */)),
		  -EINVAL);
	madvise(a.map, AREA, MADV_DONTNEED);
	madvise(a.map, AREA, MADV_FREE);
	madvise(a.map, AREA, 21 /* MADV_PAGEOUT */);
	madvise(a.map, AREA, MADV_WIPEONFORK);
	expect_unchanged();
}

/* ---- the files behind ------------------------------------------------- */

static void map_files_path(char *path, size_t size)
{
	snprintf(path, size, "/proc/self/map_files/%lx-%lx",
		 (unsigned long)a.map, (unsigned long)a.map + AREA);
}

/* A file of what is behind can be read, and no more. */
static void try_reader(int fd)
{
	char path[128], *p = NULL;

	ASSERT(fd >= 0);
	ASSERT_EQ(result(write(fd, "x", 1)), -EBADF);
	ASSERT_EQ(result(ftruncate(fd, 0)), -EINVAL);
	ASSERT_EQ(result(fallocate(fd, 0, 0, AREA)), -EBADF);
	ASSERT_EQ(result(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)), -EPERM);
	ASSERT_EQ(map(fd, AREA, RW, MAP_SHARED, 0, &p), -EACCES);
	ASSERT_OK(map(fd, AREA, PROT_READ, MAP_SHARED, 0, &p));
	ASSERT_EQ(result(mprotect(p, AREA, RW)), -EACCES);
	munmap(p, AREA);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_EQ(result(open(path, O_RDWR)), -ETXTBSY);
	expect_unchanged();
}

/* A file of one's own for what is behind the mapping can at best be read. */
static void try_map_files(void)
{
	char path[128];
	int fd;

	map_files_path(path, sizeof(path));
	ASSERT_EQ(result(open(path, O_RDWR)), -ETXTBSY);
	ASSERT_EQ(result(open(path, O_WRONLY)), -ETXTBSY);
	ASSERT_EQ(result(open(path, O_RDWR | O_TRUNC)), -ETXTBSY);
	ASSERT_EQ(result(truncate(path, 0)), -ETXTBSY);
	ASSERT_EQ(result(truncate(path, 2 * AREA)), -ETXTBSY);
	ASSERT_EQ(result(open(path, O_RDONLY | O_TRUNC)), -ETXTBSY);
	fd = open(path, O_RDONLY);
	try_reader(fd);
	close(fd);
}

/* Opens a file anew by its handle, which knows no path. */
static int open_handle(int fd, int flags)
{
	struct {
		struct file_handle h;
		unsigned char room[MAX_HANDLE_SZ];
	} handle = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount;

	ASSERT_OK(result(name_to_handle_at(fd, "", &handle.h, &mount,
					   AT_EMPTY_PATH)));
	return result(open_by_handle_at(fd, &handle.h, flags));
}

static void try_handles(void)
{
	int plain = memfd_create("plain", 0), fd = open_handle(plain, O_RDWR);
	char path[128];

	/* so it can be done */
	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "x", 1), 1);
	close(fd);
	close(plain);
	map_files_path(path, sizeof(path));
	plain = open(path, O_RDONLY);
	ASSERT(plain >= 0);
	ASSERT_EQ(open_handle(plain, O_RDWR), -ETXTBSY);
	ASSERT_EQ(open_handle(plain, O_WRONLY), -ETXTBSY);
	ASSERT_EQ(open_handle(plain, O_RDONLY | O_TRUNC), -ETXTBSY);
	fd = open_handle(plain, O_RDONLY);
	try_reader(fd);
	close(fd);
	close(plain);
}

static void try_writing(void)
{
	struct iovec v = { "x", 1 };
	int p[2], copy = memfd_create("x", 0);

	ASSERT(copy >= 0);
	ASSERT_EQ(write(copy, "changed", 7), 7);
	ASSERT_OK(pipe(p));
	ASSERT_EQ(write(p[1], "changed", 7), 7);
	ASSERT(write(a.fd, "x", 1) < 0);
	ASSERT(pwrite(a.fd, "x", 1, 0) < 0);
	ASSERT(writev(a.fd, &v, 1) < 0);
	ASSERT(pwritev(a.fd, &v, 1, 0) < 0);
	ASSERT(ftruncate(a.fd, 0) < 0);
	ASSERT(ftruncate(a.fd, 2 * AREA) < 0);
	ASSERT(fallocate(a.fd, 0, 0, 2 * AREA) < 0);
	ASSERT(fallocate(a.fd, 3 /* punches a hole */, 0, AREA) < 0);
	ASSERT(splice(p[0], NULL, a.fd, NULL, 7, 0) < 0);
	ASSERT(sendfile(a.fd, copy, &(off_t){ 0 }, 7) < 0);
	ASSERT(copy_file_range(copy, &(loff_t){ 0 }, a.fd, &(loff_t){ 0 }, 7,
			       0) < 0);
	close(p[0]);
	close(p[1]);
	close(copy);
	expect_unchanged();
}

/* ---- the kernel writes ------------------------------------------------ */

/* It may lie in a buffer for what the kernel writes: EFAULT. */
static void try_as_a_buffer(void)
{
	struct iovec to = { a.text, 1 }, from = { "x", 1 };
	int zero = open("/dev/zero", O_RDONLY);

	ASSERT(zero >= 0);
	ASSERT_EQ(result(read(zero, a.text, 1)), -EFAULT);
	ASSERT_EQ(result(readv(zero, &to, 1)), -EFAULT);
	/* the library's may write by itself */
	ASSERT_EQ(result(syscall(SYS_getrandom, a.text, 1, 0)), -EFAULT);
	ASSERT_EQ(result(uname((struct utsname *)a.map)), -EFAULT);
	/* another process's memory, which here is one's own */
	ASSERT_EQ(result(process_vm_writev(getpid(), &from, 1, &to, 1, 0)),
		  -EFAULT);
	ASSERT_EQ(result(process_vm_readv(getpid(), &to, 1, &from, 1, 0)),
		  -EFAULT);
	close(zero);
	expect_unchanged();
}

static void try_proc_mem(void)
{
	int fd = open("/proc/self/mem", O_RDWR);

	ASSERT(fd >= 0);
	ASSERT_EQ(result(pwrite(fd, "x", 1, (uintptr_t)a.text)), -EIO);
	close(fd);
	expect_unchanged();
}

/* A tracer's write, which makes a copy of what is private. */
static void try_ptrace(void)
{
	pid_t pid = fork();
	int status;

	ASSERT(pid >= 0);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(!!strcmp(a.text, TEXT));
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFSTOPPED(status));
	ASSERT_EQ(result(ptrace(PTRACE_POKEDATA, pid, a.text, (void *)0x78)),
		  -EIO);
	ASSERT_OK(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	wait_for(pid);
	expect_unchanged();
}

/* A child's mapping is as read-only as the parent's. */
static void write_in_a_child(void *arg)
{
	(void)arg;
	ASSERT_EQ(result(mprotect(a.map, AREA, RW)), -EACCES);
	*(volatile char *)a.text = 'x';
}

static void try_in_a_child(void)
{
	pid_t pid = spawn(write_in_a_child, NULL);
	int status;

	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	expect_unchanged();
}

static int register_faults(char *at, __u64 mode)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)at, .len = AREA },
		.mode = mode,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int ret, fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_OK(xioctl(fd, UFFDIO_API, &api));
	ret = xioctl(fd, UFFDIO_REGISTER, &reg);
	close(fd);
	return ret;
}

/* Who serves page faults fills pages, also of what he can only read. */
static void try_userfaultfd(void)
{
	static const __u64 modes[] = {
		UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
		UFFDIO_REGISTER_MODE_MINOR,
	};
	int plain = memfd_create("plain", 0);
	char *p;
	size_t i;

	ASSERT_OK(ftruncate(plain, AREA));
	p = map_rw(plain, AREA);
	for (i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		ASSERT_OK(register_faults(p, modes[i]));
		ASSERT_EQ(register_faults(a.map, modes[i]), -EPERM);
	}
	munmap(p, AREA);
	close(plain);
	expect_unchanged();
}

/* Pages that are given to a pipe, and through it to another file. */
static void try_gifts(void)
{
	int p[2], file = memfd_create("gift", 0);
	struct iovec v = { a.map, PAGE };
	char *moved;

	ASSERT(file >= 0);
	ASSERT_OK(pipe(p));
	ASSERT_EQ(vmsplice(p[1], &v, 1, SPLICE_F_GIFT), PAGE);
	ASSERT_EQ(splice(p[0], NULL, file, NULL, PAGE, SPLICE_F_MOVE), PAGE);
	moved = map_rw(file, PAGE);
	moved[a.text - a.map] = 'x';
	ASSERT_EQ(pwrite(file, "changed", 7, a.text - a.map), 7);
	munmap(moved, PAGE);
	close(p[0]);
	close(p[1]);
	close(file);
	expect_unchanged();
}

static void try_everything(void)
{
	try_mappings();
	try_advice();
	try_map_files();
	try_handles();
	try_writing();
	try_as_a_buffer();
	try_proc_mem();
	try_ptrace();
	try_in_a_child();
	try_userfaultfd();
	try_gifts();
}

/*
 * A ring reads to where it is told, to buffers that it has pinned to write to
 * them, and writes to files.
 */
static void try_io_uring(void)
{
	char *plain = mmap(NULL, AREA, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int file = memfd_create("file", 0);
	struct ring ring;

	ASSERT(plain != MAP_FAILED);
	ring_new(&ring);
	/* with what is plain it can be done */
	ASSERT_EQ(ring_run(&ring, IORING_OP_WRITE, file, "changed", 7), 7);
	ASSERT_EQ(ring_run(&ring, IORING_OP_READ, file, plain, 7), 7);
	ASSERT_OK(strcmp(plain, "changed"));
	ASSERT_OK(ring_pin(&ring, plain, AREA));
	ASSERT_EQ(ring_run(&ring, IORING_OP_READ_FIXED, file, plain + 7, 7),
		  7);
	ASSERT_OK(strcmp(plain, "changedchanged"));
	ring_unpin(&ring);

	ASSERT_EQ(ring_run(&ring, IORING_OP_WRITE, a.fd, "changed", 7),
		  a.denied);
	ASSERT_EQ(ring_run(&ring, IORING_OP_READ, file, a.text, 7), -EFAULT);
	ASSERT_EQ(ring_pin(&ring, a.map, AREA), -EFAULT);
	expect_unchanged();
}

/* spec 8.9, 8.6 */
TEST(nobody_writes_to_a_pool)
{
	pool_new();
	try_everything();
}

/* spec 20.3, 20.5, 20.6 */
TEST(nobody_writes_to_a_sealed_memfd)
{
	sealed_new();
	try_everything();
	ASSERT_EQ(is_sealed(a.fd), 1);
	ASSERT_EQ(size_of(a.fd), AREA);
}

/* spec 8.9, 8.6 */
TEST(no_ring_writes_to_a_pool)
{
	pool_new();
	try_io_uring();
}

/* spec 20.3, 20.5, 20.6 */
TEST(no_ring_writes_to_a_sealed_memfd)
{
	sealed_new();
	try_io_uring();
}
