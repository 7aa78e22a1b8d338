// SPDX-License-Identifier: GPL-2.0
/* A pool is its owner's to read, the kernel's to write, and nobody loses room. */
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "harness.h"

#define PAGE 4096
#define POOL (16 * PAGE)

static struct bus bus;
static struct kdbus_client a, b;
static struct kdbus_builder m;
static char data[POOL];

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new_pool(&b, &bus, POOL);
}

static const struct kdbus_msg *put(const char *text)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(send_to(&a, b.hello.id, 1, text));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	return msg;
}

static void expect_text(const struct kdbus_msg *msg, const char *text)
{
	char buf[64];

	kdbus_msg_payload(msg, buf, sizeof(buf));
	ASSERT_OK(strcmp(buf, text));
}

/* The line of /proc/self/maps that a mapping is in. */
static void map_line(const void *at, char *line, size_t size)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	int found = 0;

	ASSERT(f);
	while (!found && fgets(line, size, f)) {
		ASSERT_EQ(sscanf(line, "%lx-%lx", &start, &end), 2);
		found = start <= (unsigned long)at && (unsigned long)at < end;
	}
	fclose(f);
	ASSERT(found);
}

/* spec 8.1 */
TEST(a_pool_is_called_as_its_connection)
{
	struct kdbus_client c;
	char line[256];

	setup();
	ASSERT_OK(kdbus_client_open(&c, bus.path, 0, 0, POOL, "de-scription"));
	map_line(c.pool, line, sizeof(line));
	ASSERT(strstr(line, "kdbus-conn:de-scription"));
	map_line(b.pool, line, sizeof(line));
	ASSERT(strstr(line, "kdbus-conn"));
	ASSERT(!strstr(line, "kdbus-conn:"));
}

/* spec 8.2, 8.3 */
TEST(slices_begin_at_multiples_of_8)
{
	const struct kdbus_msg *msgs[32];
	int i;

	setup();
	for (i = 0; i < 32; i++) {
		kdbus_build_msg(&m, b.hello.id, i);
		kdbus_build_vec(&m, data, 1 + 7 * i);
		ASSERT_OK(kdbus_client_send(&a, &m));
		ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msgs[i]));
		ASSERT_EQ((uintptr_t)msgs[i] % 8, 0);
	}
	for (i = 0; i < 32; i++)
		ASSERT_OK(kdbus_client_free(&b, msgs[i]));
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "pool_used"), 0);
}

/* spec 8.7, 27.2 */
TEST(failed_copies_leave_no_slices)
{
	int i;

	setup();
	for (i = 0; i < 1000; i++) {
		/* the beginning is there, the rest is not */
		kdbus_build_msg(&m, b.hello.id, i);
		kdbus_build_vec(&m, data, 64);
		kdbus_build_vec(&m, (void *)8, POOL / 4);
		ASSERT_EQ(kdbus_client_send(&a, &m), -EFAULT);
	}
	ASSERT_EQ(listed("connections", &bus, b.hello.id, "pool_used"), 0);
	kdbus_build_msg(&m, b.hello.id, 1);
	kdbus_build_vec(&m, data, POOL / 2 - 96);
	ASSERT_OK(kdbus_client_send(&a, &m));
	expect_msg(&b, a.hello.id, 1);
}

/* spec 8.8: the kernel's hold and the user's, each given up once */
TEST(what_is_queued_stays_when_it_is_freed)
{
	const struct kdbus_msg *peeked, *msg;

	setup();
	ASSERT_OK(send_to(&a, b.hello.id, 1, "kept"));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, &peeked));
	ASSERT_OK(kdbus_client_free(&b, peeked));
	ASSERT_EQ(kdbus_client_free(&b, peeked), -ENXIO);
	/* nobody else gets its place */
	ASSERT_OK(send_to(&a, b.hello.id, 2, "other"));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	ASSERT(msg == peeked);
	expect_text(msg, "kept");
	expect_msg(&b, a.hello.id, 2);
	/* the other way around: dropped, yet still looked at */
	ASSERT_OK(send_to(&a, b.hello.id, 2, "looked at"));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_PEEK, 0, &msg));
	ASSERT_OK(kdbus_client_recv(&b, KDBUS_RECV_DROP, 0, NULL));
	put("another");
	expect_text(msg, "looked at");
	ASSERT_OK(kdbus_client_free(&b, msg));
	ASSERT_EQ(kdbus_client_free(&b, msg), -ENXIO);
}

/* ---- mappings ------------------------------------------------------------- */

static void expect_no_write(char *p)
{
	ASSERT_EQ(mprotect(p, PAGE, PROT_READ | PROT_WRITE), -1);
	ASSERT_EQ(errno, EACCES);
}

/* spec 8.9 */
TEST(no_mapping_can_be_written_to)
{
	char *p;

	setup();
	put("x");
	ASSERT(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, b.fd, 0) ==
	       MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, b.fd, 0) == MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, b.fd, 0) ==
	       MAP_FAILED);
	ASSERT_EQ(errno, EPERM);

	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, b.fd, 0);
	ASSERT(p != MAP_FAILED);
	expect_no_write(p);
	expect_no_write(b.pool);
	p = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0));
	ASSERT(p != MAP_FAILED);
	expect_no_write(p);
}

/* spec 8.9: nor by those who may write to any memory of the process */
TEST(a_debugger_cannot_write_to_a_pool)
{
	const struct kdbus_msg *msg;
	int fd;

	setup();
	msg = put("as it was");
	fd = open("/proc/self/mem", O_RDWR);
	ASSERT(fd >= 0);
	ASSERT_EQ(pwrite(fd, "changed", 8, (uintptr_t)msg + msg->size), -1);
	close(fd);
	expect_text(msg, "as it was");
}

/* spec 8.9, 22.5: a page of a pool cannot be made to hold up the kernel */
TEST(nobody_can_serve_the_pages_of_a_pool)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .len = PAGE };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	setup();
	ASSERT(fd >= 0);
	ASSERT_OK(xioctl(fd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)b.pool;
	reg.range.len = POOL;
	ASSERT_EQ(xioctl(fd, UFFDIO_REGISTER, &reg), -EPERM);
	copy.dst = (uintptr_t)b.pool;
	copy.src = (uintptr_t)data / PAGE * PAGE;
	ASSERT(xioctl(fd, UFFDIO_COPY, &copy) < 0);
	expect_text(put("x"), "x");
}

/* spec 8.9 */
TEST(there_may_be_several_mappings)
{
	const struct kdbus_msg *msg;
	char *second, *part;

	setup();
	second = mmap(NULL, POOL, PROT_READ, MAP_SHARED, b.fd, 0);
	ASSERT(second != MAP_FAILED);
	part = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, b.fd, 0);
	ASSERT(part != MAP_FAILED);
	msg = put("text");
	expect_text((void *)(second + ((char *)msg - b.pool)), "text");
	expect_text((void *)(part + ((char *)msg - b.pool)), "text");
	munmap(b.pool, POOL);
	b.pool = second;
	expect_text(put("more"), "more");
}

static void read_inherited(void *arg)
{
	const struct kdbus_msg *msg;

	expect_text(arg, "before");
	/* the connection is shared as well */
	ASSERT_OK(kdbus_client_next(&b, 20000, &msg));
	expect_text(msg, "after");
	expect_no_write(b.pool);
}

/* spec 8.9 */
TEST(a_child_inherits_the_mapping)
{
	pid_t pid;

	setup();
	pid = spawn(read_inherited, (void *)put("before"));
	ASSERT_OK(send_to(&a, b.hello.id, 1, "after"));
	wait_for(pid);
}

/* spec 8.9: the memory lives as long as the mapping, also if it is swapped */
TEST(a_mapping_stays_when_the_connection_is_closed)
{
	const struct kdbus_msg *msg;
	FILE *f;

	setup();
	msg = put("still there");
	close(b.fd);
	kdbus_client_close(&a);
	close(bus.owner);
	f = fopen("/proc/sys/vm/drop_caches", "w");
	ASSERT(f);
	fputs("3\n", f);
	ASSERT_OK(fclose(f));
	/* where there is swap space it is used */
	madvise(b.pool, POOL, 21 /* MADV_PAGEOUT */);
	expect_text(msg, "still there");
	ASSERT_EQ(msg->cookie, 1);
}

/* spec 5.4, 8.8, 27.10 */
TEST(what_was_received_is_readable_and_freed_after_the_end)
{
	const struct kdbus_msg *msg;
	char *second;

	setup();
	msg = put("text");
	ASSERT_OK(kdbus_client_byebye(&b));
	second = mmap(NULL, POOL, PROT_READ, MAP_SHARED, b.fd, 0);
	ASSERT(second != MAP_FAILED);
	expect_text((void *)(second + ((char *)msg - b.pool)), "text");
	ASSERT_OK(kdbus_client_free(&b, msg));
	ASSERT_EQ(kdbus_client_free(&b, msg), -ENXIO);
	close(bus.owner);
	expect_text(msg, "text");
}
