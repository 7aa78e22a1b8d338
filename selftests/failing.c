// SPDX-License-Identifier: GPL-2.0
/* Commands that fail, and what can be seen of it: failing.h. */
#include "failing.h"
#include "snapshot.h"

/* ---- failing ---------------------------------------------------------- */

static int fail_nth;

/* What the injection leaves out unless it is told, and what it would log. */
void inject_all(void)
{
	static const struct {
		const char *file, *value;
	} settings[] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[128];
	unsigned int i;
	FILE *f;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 settings[i].file);
		f = fopen(path, "w");
		ASSERT(f);
		fputs(settings[i].value, f);
		ASSERT_OK(fclose(f));
	}
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT(fail_nth >= 0);
}

/*
 * Runs a command whose @nth allocation or user copy fails. *fired tells
 * whether there were so many. Reading and writing the file copy to and from
 * user memory as well, which counts.
 */
static int run_failing(const struct op *op, unsigned int nth, int *fired)
{
	static char text[16], left[16];
	int ret, len;

	len = snprintf(text, sizeof(text), "%u", nth);
	ASSERT_EQ(pwrite(fail_nth, text, len, 0), len);
	ret = op->run();
	len = pread(fail_nth, left, sizeof(left) - 1, 0);
	*fired = len > 0 && left[0] == '0';
	while (pwrite(fail_nth, "0", 1, 0) != 1)
		ASSERT_EQ(errno, EFAULT);
	return ret;
}

/* ---- the loop ----------------------------------------------------------- */

static void prepare(const struct op *op)
{
	if (op->prepare)
		op->prepare();
}

static void undo(const struct op *op)
{
	if (op->undo)
		op->undo();
}

void fail_each(const struct op *op)
{
	static char before[SNAPSHOT];
	unsigned int nth, failed = 0, unimpressed = 0;
	int ret, fired;

	/* whatever it only needs the first time is there afterwards */
	prepare(op);
	ASSERT_OK(op->run());
	undo(op);

	for (nth = 1;; nth++) {
		prepare(op);
		snapshot(before);
		ret = run_failing(op, nth, &fired);
		if (!fired)
			break;
		if (ret) {
			if (ret != -ENOMEM && ret != -EFAULT)
				test_fail(__FILE__, __LINE__, "place %u: %s",
					  nth, strerror(-ret));
			if (op->failed)
				op->failed(ret);
			expect_as_before(before, "place %u, %s", nth,
					 strerror(-ret));
			ASSERT_OK(op->run());
			failed++;
		} else {
			unimpressed++;
		}
		undo(op);
	}
	ASSERT_OK(ret);
	undo(op);
	printf("# failed at %u places, did without at %u\n", failed,
	       unimpressed);
	ASSERT_EQ(!failed, op->never);
}
