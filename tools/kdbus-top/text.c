// SPDX-License-Identifier: GPL-2.0
/* A frame as plain text, and as one JSON object; docs/kdbus-top-json.rst. */
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "top.h"

void text_frame(struct model *m, const struct options *o)
{
	struct totals t;
	struct row **rows;
	char msgs[16], bytes[16], cell[320];
	size_t i, n;
	int c;

	rows = model_view(m, o, &n);
	if (!rows)
		return;
	model_totals(rows, n, &t);
	format_count(t.msgs, msgs, sizeof(msgs));
	format_bytes(t.bytes, bytes, sizeof(bytes));
	printf("buses %zu  connections %zu  %s msgs/s  %sB/s  calls in flight %lld  refused %llu  dropped %llu  lost events %llu\n",
	       m->n_buses, t.conns, msgs, bytes, t.in_flight,
	       (unsigned long long)t.refused, (unsigned long long)t.dropped,
	       (unsigned long long)m->lost);
	for (c = 0; c < n_columns; c++)
		printf("%*s%s", columns[c].width, columns[c].title,
		       c < n_columns - 1 ? " " : "\n");
	for (i = 0; i < n; i++)
		for (c = 0; c < n_columns; c++) {
			columns[c].write(rows[i], cell, sizeof(cell));
			printf("%*s%s", columns[c].width, cell,
			       c < n_columns - 1 ? " " : "\n");
		}
	printf("\n");
	fflush(stdout);
	free(rows);
}

#define NUM(o, key, v) json_object_object_add(o, key, json_object_new_int64(v))
#define STR(o, key, v) json_object_object_add(o, key, json_object_new_string(v))
#define DBL(o, key, v) json_object_object_add(o, key, json_object_new_double(v))

static json_object *json_names(const char *names)
{
	json_object *list = json_object_new_array();
	char *copy = strdup(names), *save, *name;

	for (name = copy ? strtok_r(copy, ",", &save) : NULL; name;
	     name = strtok_r(NULL, ",", &save))
		json_object_array_add(list, json_object_new_string(name));
	free(copy);
	return list;
}

static json_object *json_latency(const struct row *r)
{
	json_object *o = json_object_new_object();
	json_object *slots = json_object_new_array();
	unsigned int i;

	NUM(o, "p50_ns", r->p50);
	NUM(o, "p99_ns", r->p99);
	NUM(o, "max_ns", r->now.lat_max);
	for (i = 0; i < TOP_SLOTS; i++) {
		json_object *pair;

		if (!r->now.slots[i])
			continue;
		pair = json_object_new_array();
		json_object_array_add(pair,
				      json_object_new_int64(slot_start(i)));
		json_object_array_add(pair,
				      json_object_new_int64(r->now.slots[i]));
		json_object_array_add(slots, pair);
	}
	json_object_object_add(o, "histogram", slots);
	return o;
}

static json_object *json_row(const struct row *r)
{
	const struct top_conn *c = &r->now;
	json_object *o = json_object_new_object();
	json_object *calls = json_object_new_object();

	NUM(o, "bus", r->key.bus);
	NUM(o, "id", r->key.conn);
	json_object_object_add(o, "names", json_names(r->names));
	STR(o, "description", r->description);
	NUM(o, "pid", c->pid);
	STR(o, "comm", c->comm);
	NUM(o, "uid", c->uid);
	NUM(o, "out_msgs", c->out_msgs);
	NUM(o, "out_bytes", c->out_bytes);
	NUM(o, "in_msgs", c->in_msgs);
	NUM(o, "in_bytes", c->in_bytes);
	DBL(o, "out_msgs_per_s", r->out_msgs);
	DBL(o, "out_bytes_per_s", r->out_bytes);
	DBL(o, "in_msgs_per_s", r->in_msgs);
	DBL(o, "in_bytes_per_s", r->in_bytes);
	NUM(o, "refused", c->refused);
	NUM(o, "dropped", c->dropped);
	NUM(o, "queued", c->queued);
	NUM(o, "pool_used", c->pool_used);
	NUM(o, "pool_size", c->pool_size);
	NUM(o, "pool_peak", c->pool_peak);
	NUM(calls, "out_in_flight", c->calls_out);
	NUM(calls, "in_in_flight", c->calls_in);
	NUM(calls, "answered", c->answered);
	NUM(calls, "timeout", c->timeout);
	NUM(calls, "dead", c->dead);
	NUM(calls, "other", c->other);
	json_object_object_add(o, "calls", calls);
	json_object_object_add(o, "latency", json_latency(r));
	return o;
}

static json_object *json_buses(const struct model *m)
{
	json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < m->n_buses; i++) {
		json_object *o = json_object_new_object();

		NUM(o, "id", m->buses[i].id);
		STR(o, "name", m->buses[i].name);
		NUM(o, "uid", m->buses[i].uid);
		json_object_array_add(list, o);
	}
	return list;
}

void json_frame(struct model *m, const struct options *opt)
{
	json_object *o = json_object_new_object();
	json_object *list = json_object_new_array();
	struct row **rows;
	size_t i, n;

	rows = model_view(m, opt, &n);
	NUM(o, "schema", 1);
	NUM(o, "time_ns", m->time_ns);
	DBL(o, "interval_s", m->interval);
	NUM(o, "lost", m->lost);
	json_object_object_add(o, "buses", json_buses(m));
	for (i = 0; rows && i < n; i++)
		json_object_array_add(list, json_row(rows[i]));
	json_object_object_add(o, "connections", list);

	printf("%s\n", json_object_to_json_string_ext(o,
						      JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(o);
	free(rows);
}
