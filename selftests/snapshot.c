// SPDX-License-Identifier: GPL-2.0
/* What the module tells of itself: snapshot.h. */
#include <dirent.h>
#include <stdarg.h>

#include "snapshot.h"

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

/* All but the most a pool ever held, which a command that fails may raise. */
static void add_listing(char *to, const char *file)
{
	char line[4096], *found;
	int skip = -1;
	FILE *f = listing_open(file);

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

/* Each file of the module holds it, as long as somebody has it or leaked it. */
static void add_references(char *to)
{
	FILE *f = fopen("/sys/module/kdbus/refcnt", "r");
	int n;

	ASSERT(f);
	ASSERT_EQ(fscanf(f, "%d", &n), 1);
	fclose(f);
	sprintf(to + strlen(to), "references %d\n", n);
}

void snapshot(char *to)
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
	add_references(to);
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

void expect_as_before(char *before, const char *fmt, ...)
{
	static char after[SNAPSHOT];
	__u64 end = now_ns() + SOON(2000);
	char what[128];
	va_list ap;

	do {
		snapshot(after);
		if (!strcmp(before, after))
			return;
		usleep(1000);
	} while (now_ns() < end);
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	show_difference(before, after);
	test_fail(__FILE__, __LINE__, "something is not as before: %s", what);
}
