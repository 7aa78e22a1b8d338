// SPDX-License-Identifier: GPL-2.0
/*
 * What the module lists: names, and what was there before the programs were
 * attached; its gauges are exact.
 */
#include <stdlib.h>
#include <string.h>

#include "top.h"

static void take_conn(struct model *m, const struct listing *l)
{
	struct row *r = model_row(m, listing_num(l, "bus"),
				  listing_num(l, "conn"));

	if (!r)
		return;
	r->listed = true;
	r->now.uid = listing_num(l, "uid");
	r->now.pid = listing_num(l, "pid");
	r->now.pool_size = listing_num(l, "pool_size");
	r->now.pool_used = listing_num(l, "pool_used");
	r->now.pool_peak = listing_num(l, "pool_peak");
	r->now.queued = listing_num(l, "queued");
	r->now.calls_out = listing_num(l, "calls_out");
	r->now.calls_in = listing_num(l, "calls_in");
	snprintf(r->now.comm, sizeof(r->now.comm), "%s", listing_str(l, "comm"));
	snprintf(r->description, sizeof(r->description), "%s",
		 listing_str(l, "description"));
	snprintf(r->names, sizeof(r->names), "%s", listing_str(l, "names"));
}

static void take_bus(struct model *m, const struct listing *l)
{
	struct bus_row *rows;

	rows = realloc(m->buses, (m->n_buses + 1) * sizeof(*rows));
	if (!rows)
		return;
	m->buses = rows;
	rows += m->n_buses++;
	rows->id = listing_num(l, "bus");
	rows->uid = listing_num(l, "uid");
	snprintf(rows->name, sizeof(rows->name), "%s", listing_str(l, "name"));
}

static bool read_lines(struct model *m, const char *file,
		       void (*take)(struct model *, const struct listing *))
{
	struct listing *l = listing_open(file);

	if (!l)
		return false;
	while (listing_next(l))
		take(m, l);
	listing_close(l);
	return true;
}

void listing_read(struct model *m)
{
	m->n_buses = 0;
	m->has_listing = read_lines(m, "buses", take_bus) &&
			 read_lines(m, "connections", take_conn);
}
