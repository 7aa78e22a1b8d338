// SPDX-License-Identifier: GPL-2.0
/* The module's listings of what exists, docs/debugfs.rst. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define DIR "/sys/kernel/debug/kdbus/"
#define MAX_COLUMNS 32

struct listing {
	FILE *file;
	char *head, *line;
	size_t size;
	char *columns[MAX_COLUMNS], *fields[MAX_COLUMNS];
	int n_columns, n_fields;
};

/* Cuts a line at its spaces. */
static int split(char *line, char **fields)
{
	char *save, *word;
	int n = 0;

	for (word = strtok_r(line, " \n", &save); word && n < MAX_COLUMNS;
	     word = strtok_r(NULL, " \n", &save))
		fields[n++] = word;
	return n;
}

/* Undoes octal escapes in place; "-" is empty. */
static void unescape(char *s)
{
	char *out = s;

	if (!strcmp(s, "-"))
		*s = 0;
	while (*s) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (s[1] - '0') * 64 + (s[2] - '0') * 8 +
				 (s[3] - '0');
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = 0;
}

struct listing *listing_open(const char *file)
{
	struct listing *l = calloc(1, sizeof(*l));
	char path[128];
	size_t size = 0;

	if (!l)
		return NULL;
	snprintf(path, sizeof(path), DIR "%s", file);
	l->file = fopen(path, "re");
	if (!l->file || getline(&l->head, &size, l->file) < 0) {
		listing_close(l);
		return NULL;
	}
	l->n_columns = split(l->head, l->columns);
	return l;
}

bool listing_next(struct listing *l)
{
	int i;

	if (getline(&l->line, &l->size, l->file) < 0)
		return false;
	l->n_fields = split(l->line, l->fields);
	for (i = 0; i < l->n_fields; i++)
		unescape(l->fields[i]);
	return true;
}

int listing_column(const struct listing *l, const char *column)
{
	int i;

	for (i = 0; i < l->n_columns; i++)
		if (!strcmp(l->columns[i], column))
			return i;
	return -1;
}

const char *listing_at(const struct listing *l, int column)
{
	return column >= 0 && column < l->n_fields ? l->fields[column] : "";
}

const char *listing_str(const struct listing *l, const char *column)
{
	return listing_at(l, listing_column(l, column));
}

__u64 listing_num(const struct listing *l, const char *column)
{
	return strtoull(listing_str(l, column), NULL, 10);
}

void listing_close(struct listing *l)
{
	int error = errno;

	if (!l)
		return;
	if (l->file)
		fclose(l->file);
	free(l->head);
	free(l->line);
	free(l);
	errno = error;
}
