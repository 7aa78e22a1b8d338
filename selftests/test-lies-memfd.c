// SPDX-License-Identifier: GPL-2.0
/*
 * What is written to a memfd, and where it is read to, on memory that is
 * served late or never: others who have the memfd do not notice, and what was
 * not written has not changed it.
 */
#include "memfds.h"

static int fd;
static struct stall stall;

/**
 * struct transfer - a read() or write() of memory that stalls
 * @write:	it is a write()
 * @at:		the memory
 * @size:	how much
 * @ret:	what came of it
 * @thread:	who does it
 */
struct transfer {
	bool write;
	char *at;
	size_t size;
	long ret;
	pthread_t thread;
};

static void *transfer_run(void *arg)
{
	struct transfer *t = arg;

	t->ret = result(t->write ? pwrite(fd, t->at, t->size, 0) :
				   pread(fd, t->at, t->size, 0));
	return NULL;
}

static void setup(void)
{
	fd = memfd_new(0);
	ASSERT_EQ(write(fd, LETTERS, 26), 26);
}

static void begin(struct transfer *t, bool write)
{
	stall_new(&stall);
	*t = (struct transfer){ .write = write, .at = stall.page, .size = 8 };
	ASSERT_OK(pthread_create(&t->thread, NULL, transfer_run, t));
	stall_wait(&stall);
}

static long end(struct transfer *t)
{
	ASSERT_OK(pthread_join(t->thread, NULL));
	return t->ret;
}

/* All that can be done with it, of which nothing is left. */
static void others_go_on(void)
{
	char buf[4], *p;

	ASSERT_EQ(pwrite(fd, "XYZ", 3, 30), 3);
	ASSERT_EQ(pread(fd, buf, 3, 30), 3);
	ASSERT_OK(memcmp(buf, "XYZ", 3));
	ASSERT_EQ(size_of(fd), 33);
	p = map_rw(fd, 30);
	p[29] = 'x';
	munmap(p, 30);
	ASSERT_OK(set_size(fd, 26));
	ASSERT_EQ(is_sealed(fd), 0);
	/* whoever stalls has it */
	ASSERT_EQ(seal(fd, 1), -ETXTBSY);
}

/* Nobody has it any more, and in it is that, and letters. */
static void expect_content(const char *begin)
{
	size_t n = strlen(begin);
	char buf[32];

	ASSERT_OK(seal(fd, 1));
	ASSERT_EQ(pread(fd, buf, 32, 0), 26);
	ASSERT_OK(memcmp(buf, begin, n));
	ASSERT_OK(memcmp(buf + n, LETTERS + n, 26 - n));
}

/* spec 20.2, 22.5 */
TEST(a_write_that_comes_late_holds_up_nobody)
{
	struct transfer t;

	setup();
	begin(&t, true);
	others_go_on();
	stall_serve(&stall, "12345678", 8);
	ASSERT_EQ(end(&t), 8);
	expect_content("12345678");
}

/* spec 20.2, 22.5, 22.6 */
TEST(a_write_that_never_comes_changes_nothing)
{
	struct transfer t;

	setup();
	begin(&t, true);
	others_go_on();
	stall_unmap(&stall);
	ASSERT_EQ(end(&t), -EFAULT);
	expect_content("");
}

/* spec 20.2: what came before is written */
TEST(a_write_whose_end_never_comes_is_short)
{
	char *two = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	struct transfer t = { .write = true, .at = two + PAGE - 4, .size = 8 };

	ASSERT(two != MAP_FAILED);
	setup();
	memcpy(t.at, "1234", 4);
	stall_at(&stall, two + PAGE);
	ASSERT_OK(pthread_create(&t.thread, NULL, transfer_run, &t));
	stall_wait(&stall);
	others_go_on();
	stall_unmap(&stall);
	ASSERT_EQ(end(&t), 4);
	expect_content("1234");
}

/* spec 20.2, 22.5 */
TEST(a_read_to_what_comes_late_holds_up_nobody)
{
	struct transfer t;

	setup();
	begin(&t, false);
	others_go_on();
	stall_serve(&stall, "", 0);
	ASSERT_EQ(end(&t), 8);
	ASSERT_OK(memcmp(stall.page, LETTERS, 8));
	expect_content("");
}

/* spec 20.2, 22.5 */
TEST(a_read_to_what_never_comes_is_a_fault)
{
	struct transfer t;

	setup();
	begin(&t, false);
	others_go_on();
	stall_unmap(&stall);
	ASSERT_EQ(end(&t), -EFAULT);
	expect_content("");
}

/* ---- and dies there --------------------------------------------------- */

static void transfer_and_sleep(void *arg)
{
	struct transfer *t = arg;

	stall_new(&stall);
	t->at = stall.page;
	stall_tell(&stall);
	transfer_run(t);
	test_fail(__FILE__, __LINE__, "it came back: %ld", t->ret);
}

/* spec 20.2, 20.3, 22.5, 22.6: nor does he have the memfd any more */
TEST(whoever_sleeps_there_can_be_killed)
{
	struct transfer t = { .size = 8 };
	pid_t pid;
	int i;

	setup();
	for (i = 0; i < 2; i++) {
		t.write = i;
		pid = spawn_sleeper(transfer_and_sleep, &t);
		others_go_on();
		kill_sleeper(pid);
		expect_content("");
		ASSERT_OK(seal(fd, 0));
	}
}
