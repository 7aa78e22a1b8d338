// SPDX-License-Identifier: GPL-2.0
/*
 * The module's listing of what exists, docs/debugfs.rst. It brings names, and
 * what was there before the programs were attached; its gauges are exact.
 */
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define DIR "/sys/kernel/debug/kdbus/"

/* Undoes the octal escapes; "-" is empty. */
static void unescape(const char *in, char *out, size_t size)
{
	size_t n = 0;

	if (!strcmp(in, "-"))
		in = "";
	while (*in && n + 1 < size) {
		if (in[0] == '\\' && in[1] && in[2] && in[3]) {
			out[n++] = (in[1] - '0') * 64 + (in[2] - '0') * 8 +
				   (in[3] - '0');
			in += 4;
		} else {
			out[n++] = *in++;
		}
	}
	out[n] = 0;
}

static void conn_line(struct model *m, char *line)
{
	unsigned long long bus, id, ep, flags, size, used, peak;
	unsigned int uid, queued, out, in;
	char comm[80], desc[300];
	int pid, pos = 0;
	struct row *r;

	if (sscanf(line, "%llu %llu %llu %llu %u %d %llu %llu %llu %u %u %u %79s %299s %n",
		   &bus, &id, &ep, &flags, &uid, &pid, &size, &used, &peak,
		   &queued, &out, &in, comm, desc, &pos) < 14 || !pos)
		return;
	r = model_row(m, bus, id);
	if (!r)
		return;
	r->listed = true;
	r->now.uid = uid;
	r->now.pid = pid;
	r->now.pool_size = size;
	r->now.pool_used = used;
	r->now.pool_peak = peak;
	r->now.queued = queued;
	r->now.calls_out = out;
	r->now.calls_in = in;
	unescape(comm, r->now.comm, sizeof(r->now.comm));
	unescape(desc, r->description, sizeof(r->description));
	/* columns behind it are not for us */
	line[pos + strcspn(line + pos, " ")] = 0;
	unescape(line + pos, r->names, sizeof(r->names));
}

static void bus_line(struct model *m, char *line)
{
	unsigned long long domain, bus, flags;
	unsigned int uid, conns;
	struct bus_row *rows;
	char name[64];

	if (sscanf(line, "%llu %llu %u %llu %u %63s", &domain, &bus, &uid,
		   &flags, &conns, name) != 6)
		return;
	rows = realloc(m->buses, (m->n_buses + 1) * sizeof(*rows));
	if (!rows)
		return;
	m->buses = rows;
	rows += m->n_buses++;
	rows->id = bus;
	rows->uid = uid;
	strcpy(rows->name, name);
}

static bool read_lines(struct model *m, const char *path,
		       void (*fn)(struct model *, char *))
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	bool first = true;

	if (!f)
		return false;
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (!first)
			fn(m, line);
		first = false;
	}
	free(line);
	fclose(f);
	return true;
}

void listing_read(struct model *m)
{
	m->n_buses = 0;
	m->has_listing = read_lines(m, DIR "buses", bus_line) &&
			 read_lines(m, DIR "connections", conn_line);
}
