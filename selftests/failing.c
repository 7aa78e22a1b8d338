// SPDX-License-Identifier: GPL-2.0
/* Commands that fail, and what can be seen of it: failing.h. */
#include <dirent.h>

#include "failing.h"

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

/* ---- what can be seen --------------------------------------------------- */

#define SNAPSHOT 65536

/* Adds a line without its column @skip. */
static void add_line(char *to, char *line, int skip)
{
	char *save, *word = strtok_r(line, " \n", &save);
	size_t len = strlen(to);
	int i;

	for (i = 0; word; i++, word = strtok_r(NULL, " \n", &save)) {
		ASSERT(len + strlen(word) + 2 < SNAPSHOT);
		if (i != skip)
			len += sprintf(to + len, "%s ", word);
	}
	strcpy(to + len, "\n");
}

/* All but the most that a pool ever held, which a command that fails may raise. */
static void add_listing(char *to, const char *file)
{
	char path[128], line[4096], *found;
	int skip = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kdbus/%s", file);
	f = fopen(path, "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f)) {
		found = strstr(line, " pool_peak");
		if (found) {
			char *c;

			for (skip = 1, c = line; c < found; c++)
				skip += *c == ' ';
		}
		add_line(to, line, skip);
	}
	fclose(f);
}

static void add_fds(char *to)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ASSERT(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	sprintf(to + strlen(to), "files %d\n", n);
}

static void snapshot(char *to)
{
	static const char * const files[] = {
		"domains", "users", "buses", "endpoints", "connections",
		"accounts", "names",
	};
	unsigned int i;

	*to = '\0';
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		add_listing(to, files[i]);
	add_fds(to);
}

static void show_difference(char *before, char *after)
{
	char *saves[2], *line[2] = { strtok_r(before, "\n", &saves[0]),
				     strtok_r(after, "\n", &saves[1]) };

	while (line[0] && line[1] && !strcmp(line[0], line[1])) {
		line[0] = strtok_r(NULL, "\n", &saves[0]);
		line[1] = strtok_r(NULL, "\n", &saves[1]);
	}
	printf("# before: %s\n# after:  %s\n", line[0] ?: "-", line[1] ?: "-");
}

/* It may take a moment until who answers, or RCU, is done with it. */
static void expect_as_before(char *before, unsigned int nth, int ret)
{
	static char after[SNAPSHOT];
	__u64 end = now_ns() + SOON(2000);

	do {
		snapshot(after);
		if (!strcmp(before, after))
			return;
		usleep(1000);
	} while (now_ns() < end);
	show_difference(before, after);
	test_fail(__FILE__, __LINE__,
		  "something changed, though it failed: place %u, %s", nth,
		  strerror(-ret));
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
			expect_as_before(before, nth, ret);
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
