// SPDX-License-Identifier: GPL-2.0
/* Commands that fail, and what can be seen of it: failing.h. */
#include <limits.h>

#include "failing.h"
#include "snapshot.h"

#define DEBUGFS "/sys/kernel/debug/"
/* Takes the kernel minutes to make; selftests/run has made it by then. */
#define INSTANCE "/sys/kernel/tracing/instances/selftests"
#define DROP_EVENT INSTANCE "/events/kdbus/kdbus_msg_drop/enable"

static void put_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

/* ---- what fails --------------------------------------------------------- */

/* How often each kind may still fail tells which one did. */
#define TIMES "1000000"

static struct fault {
	const char *name;
	int error;
	long times;
} faults[] = {
	{ "failslab", ENOMEM, 0 },
	{ "fail_page_alloc", ENOMEM, 0 },
	{ "fail_usercopy", EFAULT, 0 },
};

#define N_FAULTS (sizeof(faults) / sizeof(faults[0]))

static int fail_nth;

static void set_fault(const char *name, const char *setting, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", name, setting);
	put_file(path, value);
}

static long times_left(const struct fault *f)
{
	char path[128];
	long times;
	FILE *file;

	snprintf(path, sizeof(path), DEBUGFS "%s/times", f->name);
	file = fopen(path, "r");
	ASSERT(file);
	ASSERT_EQ(fscanf(file, "%ld", &times), 1);
	fclose(file);
	return times;
}

static void note_times(void)
{
	unsigned int i;

	for (i = 0; i < N_FAULTS; i++)
		faults[i].times = times_left(&faults[i]);
}

/* The one that failed since note_times(). */
static const struct fault *which_fell(void)
{
	const struct fault *fell = NULL;
	unsigned int i;

	for (i = 0; i < N_FAULTS; i++) {
		long n = faults[i].times - times_left(&faults[i]);

		if (!n)
			continue;
		ASSERT_EQ(n, 1);
		ASSERT(!fell);
		fell = &faults[i];
	}
	ASSERT(fell);
	return fell;
}

/* ---- what is lost ------------------------------------------------------- */

int lost;

/* It stays on for all cases, which leave the program by _exit(). */
__attribute__((destructor)) static void stop_watching(void)
{
	if (!access(DROP_EVENT, W_OK))
		put_file(DROP_EVENT, "0");
}

static void watch_losses(void)
{
	ASSERT(!mkdir(INSTANCE, 0700) || errno == EEXIST);
	put_file(DROP_EVENT, "1");
}

static void forget_losses(void)
{
	put_file(INSTANCE "/trace", " ");
}

/* Whether an event says that a message was lost for want of memory. */
static int is_loss(const char *line)
{
	if (strstr(line, " reason=fault "))
		return 1;
	if (!strstr(line, " reason=undelivered ") &&
	    !strstr(line, " reason=move "))
		return 0;
	if (!strstr(line, " ret=-12\n"))
		test_fail(__FILE__, __LINE__, "lost, but not for memory: %s",
			  line);
	return 1;
}

static int count_losses(void)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	char line[1024];
	int n = 0;

	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, ": kdbus_msg_drop: ") && is_loss(line);
	fclose(f);
	return n;
}

/* ---- failing ------------------------------------------------------------ */

/* What the injection leaves out unless it is told, and what it would log. */
void inject_all(void)
{
	unsigned int i;

	for (i = 0; i < N_FAULTS; i++) {
		set_fault(faults[i].name, "verbose", "0");
		set_fault(faults[i].name, "times", TIMES);
	}
	set_fault("failslab", "ignore-gfp-wait", "N");
	set_fault("fail_page_alloc", "ignore-gfp-wait", "N");
	set_fault("fail_page_alloc", "ignore-gfp-highmem", "N");
	set_fault("fail_page_alloc", "min-order", "0");
	watch_losses();
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT(fail_nth >= 0);
}

/*
 * Runs a command whose @nth allocation or user copy fails. *fell is which of
 * them that was, or NULL if there were not so many. Reading and writing the
 * file copy to and from user memory as well, which counts.
 */
static int run_failing(const struct op *op, unsigned int nth,
		       const struct fault **fell)
{
	static char text[16], left[16];
	int ret, len;

	note_times();
	forget_losses();
	arrivals_forget();
	len = snprintf(text, sizeof(text), "%u", nth);
	ASSERT_EQ(pwrite(fail_nth, text, len, 0), len);
	ret = op->run();
	len = pread(fail_nth, left, sizeof(left) - 1, 0);
	while (pwrite(fail_nth, "0", 1, 0) != 1)
		ASSERT_EQ(errno, EFAULT);
	*fell = len > 0 && left[0] == '0' ? which_fell() : NULL;
	lost = count_losses();
	if (lost && (!*fell || !op->may_lose))
		test_fail(__FILE__, __LINE__, "place %u: %d lost", nth, lost);
	return ret;
}

static void run_well(const struct op *op)
{
	forget_losses();
	arrivals_forget();
	ASSERT_OK(op->run());
	lost = count_losses();
	ASSERT_EQ(lost, 0);
}

/* ---- the loop ----------------------------------------------------------- */

static void prepare(const struct op *op)
{
	arrivals_begin();
	if (op->prepare)
		op->prepare();
}

static void undo(const struct op *op)
{
	if (op->undo)
		op->undo();
}

/*
 * How many rounds there were, by what came of failing there; and what lacked in
 * any of them.
 */
struct tally {
	unsigned int failed, unimpressed, lossy, thin;
	__u64 lacks;
};

/* What has to be so when a place has failed a command. */
static void check_failure(const struct op *op, const struct fault *fell,
			  unsigned int nth, int ret, char *before)
{
	if (ret != -fell->error)
		test_fail(__FILE__, __LINE__, "place %u, %s: %s", nth,
			  fell->name, strerror(-ret));
	if (op->failed)
		op->failed(ret);
	/* what may come nevertheless is nothing else than usual */
	arrivals_compare(UINT_MAX, 0, "place %u, %s, has failed it", nth,
			 fell->name);
	expect_as_before(before, "place %u, %s, has failed it", nth,
			 fell->name);
	run_well(op);
}

/* Looks at what it did, and at what has arrived of it. */
static void check_arrivals(const struct op *op, unsigned int nth,
			   __u64 may_lack, struct tally *tally)
{
	__u64 lacks;

	undo(op);
	lacks = arrivals_compare(lost, may_lack, "place %u", nth);
	tally->lacks |= lacks;
	tally->thin += !!lacks;
}

/* Fails the command at one place; 0 if it has not got so many. */
static int fail_at(const struct op *op, unsigned int nth, struct tally *tally)
{
	static char before[SNAPSHOT];
	const struct fault *fell;
	__u64 may_lack = 0;
	int ret;

	prepare(op);
	snapshot(before);
	ret = run_failing(op, nth, &fell);
	tally->lossy += !!lost;
	if (!fell) {
		ASSERT_OK(ret);
	} else if (ret) {
		check_failure(op, fell, nth, ret, before);
		tally->failed++;
	} else {
		tally->unimpressed++;
		may_lack = op->may_lack;
	}
	check_arrivals(op, nth, may_lack, tally);
	return !!fell;
}

/* A pool or memfd is accounted for as long as it is, whoever may have it. */
static void expect_committed(long kb)
{
	__u64 end = now_ns() + SOON(2000);

	while (meminfo("Committed_AS") > kb) {
		if (now_ns() > end)
			test_fail(__FILE__, __LINE__,
				  "%ld kB of memory committed, before: %ld",
				  meminfo("Committed_AS"), kb);
		usleep(10000);
	}
}

/*
 * Which place is the nth depends on what the kernel has in store: every now and
 * then one is preceded by that of a page for the slab, and then it has another
 * number. kmalloc() of 16 KiB is like that every other time. So each number has
 * two rounds. Returns whether there was such a place.
 */
static int fail_twice(const struct op *op, unsigned int nth, char *idle,
		      struct tally *tally)
{
	int i, fell = 0;

	for (i = 0; i < 2; i++) {
		fell |= fail_at(op, nth, tally);
		expect_as_before(idle, "place %u is over", nth);
	}
	return fell;
}

void fail_each(const struct op *op)
{
	static char idle[SNAPSHOT];
	struct tally tally = { 0 };
	unsigned int nth = 1;
	long kb;

	/* whatever it only needs the first time is there afterwards */
	prepare(op);
	run_well(op);
	undo(op);
	arrivals_keep();

	snapshot(idle);
	kb = meminfo("Committed_AS");
	while (fail_twice(op, nth, idle, &tally))
		nth++;
	expect_committed(kb);

	printf("# %u places; of two rounds each, %u failed, %u did without",
	       nth - 1, tally.failed, tally.unimpressed);
	printf(", %u lost, %u lacked %#llx\n", tally.lossy, tally.thin,
	       tally.lacks);
	ASSERT_EQ(!tally.failed, op->never);
	ASSERT_EQ(!tally.lossy, !op->may_lose);
	ASSERT_EQ(!tally.lacks, !op->may_lack);
}

/* ---- payload ------------------------------------------------------------ */

static char bytes[5000];
static int memfd = -1, ends[2];

void payload_build(struct kdbus_builder *msg, struct kdbus_client *c)
{
	ASSERT_OK(pipe(ends));
	memset(bytes, 'x', sizeof(bytes));
	memfd = kdbus_memfd_make(c, "fail-nth");
	ASSERT(memfd >= 0);
	ASSERT_EQ(write(memfd, bytes, sizeof(bytes)), sizeof(bytes));
	ASSERT_OK(kdbus_memfd_seal(memfd, true));
	kdbus_build_vec(msg, bytes, sizeof(bytes));
	kdbus_build_vec(msg, bytes, 100);
	kdbus_build_memfd(msg, memfd, sizeof(bytes));
	kdbus_build_fds(msg, ends, 2);
	ASSERT_OK(msg->error);
}

void payload_is_ours(void)
{
	struct pollfd p = { .fd = ends[0] };
	__u64 end = now_ns() + SOON(2000);
	int ret;

	close(ends[1]);
	ASSERT_EQ(poll(&p, 1, SOON(2000) / MSEC), 1);
	ASSERT_EQ(p.revents, POLLHUP);
	/* nothing tells when the last other one has let go */
	while ((ret = kdbus_memfd_seal(memfd, false)) == -ETXTBSY &&
	       now_ns() < end)
		usleep(1000);
	ASSERT_OK(ret);
}

int take_all(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;
	int n = 0, ret;

	while (!(ret = kdbus_client_recv(c, 0, 0, &msg))) {
		note_msg(c, msg);
		kdbus_msg_close_fds(msg);
		ASSERT_OK(kdbus_client_free(c, msg));
		n++;
	}
	ASSERT_EQ(ret, -EAGAIN);
	return n;
}
