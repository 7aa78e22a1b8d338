// SPDX-License-Identifier: GPL-2.0
/* A frame as one JSON object on a line; docs/kdbus-top-json.rst. */
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "top.h"

#define SCHEMA 2

#define OBJ(o, key, v) json_object_object_add(o, key, v)
#define NUM(o, key, v) OBJ(o, key, json_object_new_uint64(v))
#define STR(o, key, v) OBJ(o, key, json_object_new_string(row_get(v)))
#define DBL(o, key, v) OBJ(o, key, json_object_new_double(v))

static json_object *json_uid(__u32 uid)
{
	return uid == ~0U ? NULL : json_object_new_int64(uid);
}

static json_object *json_list(const char *names)
{
	json_object *list = json_object_new_array();
	char *copy = strdup(names), *save, *name;

	for (name = copy ? strtok_r(copy, ",", &save) : NULL; name;
	     name = strtok_r(NULL, ",", &save))
		json_object_array_add(list, json_object_new_string(name));
	free(copy);
	return list;
}

static json_object *json_numbers(const char * const *texts,
				 const __u64 *numbers, int n)
{
	json_object *o = json_object_new_object();
	int i;

	for (i = 0; i < n; i++)
		if (texts[i])
			NUM(o, texts[i], numbers[i]);
	return o;
}

static json_object *json_bucket(unsigned int bucket, __u64 count)
{
	json_object *pair = json_object_new_array();
	__u64 bound = hist_bound(bucket);

	json_object_array_add(pair, bound == ~0ULL ? NULL :
			      json_object_new_uint64(bound));
	json_object_array_add(pair, json_object_new_uint64(count));
	return pair;
}

static json_object *json_hist(const struct hist *h)
{
	json_object *o = json_object_new_object();
	json_object *buckets = json_object_new_array();
	unsigned int i;

	NUM(o, "count", h->count);
	NUM(o, "sum_ns", h->sum);
	NUM(o, "p50_ns", hist_percentile(h, NULL, 0.50));
	NUM(o, "p90_ns", hist_percentile(h, NULL, 0.90));
	NUM(o, "p99_ns", hist_percentile(h, NULL, 0.99));
	NUM(o, "max_ns", h->max);
	for (i = 0; i < h->n; i++)
		json_object_array_add(buckets,
				      json_bucket(h->buckets[i].bucket,
						  h->buckets[i].count));
	OBJ(o, "histogram", buckets);
	return o;
}

static json_object *json_flow(const struct flow *f)
{
	json_object *o = json_object_new_object();
	json_object *calls = json_numbers(end_texts, f->ends, N_ENDS);
	json_object *latency = json_object_new_object();
	int i;

	NUM(o, "msgs", f->msgs);
	NUM(o, "bytes", f->bytes);
	DBL(o, "msgs_per_s", f->msgs_s);
	DBL(o, "bytes_per_s", f->bytes_s);
	OBJ(o, "dropped", json_numbers(drop_texts, f->drops, N_DROPS));
	OBJ(o, "limited", json_numbers(bound_texts, f->bounds, N_BOUNDS));
	NUM(calls, "in_flight", f->in_flight);
	NUM(calls, "oldest_ns", f->oldest_ns);
	DBL(calls, "ended_per_s", f->ends_s);
	OBJ(o, "calls", calls);
	for (i = 0; i < TOP_PARTS; i++)
		OBJ(latency, part_texts[i], json_hist(&f->latency[i]));
	OBJ(o, "latency", latency);
	return o;
}

static json_object *json_errors(const struct row *r)
{
	json_object *o = json_object_new_object();
	unsigned int i;

	for (i = 0; i < r->errors.n; i++)
		NUM(o, error_name(r->errors.buckets[i].bucket),
		    r->errors.buckets[i].count);
	return o;
}

static void add_levels(json_object *o, const struct row *r)
{
	json_object *queue = json_object_new_object();
	json_object *pool = json_object_new_object();

	NUM(queue, "now", r->queue.now);
	NUM(queue, "peak", r->queue.peak);
	OBJ(o, "queue", queue);
	NUM(pool, "used", r->pool.now);
	NUM(pool, "peak", r->pool.peak);
	NUM(pool, "size", r->pool_size);
	OBJ(o, "pool", pool);
}

static void add_bus(json_object *o, const struct row *r)
{
	NUM(o, "bus", r->key.bus);
	STR(o, "bus_name", r->bus ? r->bus->text : NULL);
}

static json_object *json_conn(const struct model *m, struct row *r)
{
	json_object *o = json_object_new_object();

	(void)m;
	add_bus(o, r);
	NUM(o, "id", r->key.id);
	OBJ(o, "names", json_list(row_get(r->text)));
	STR(o, "description", r->description);
	NUM(o, "pid", r->pid);
	STR(o, "comm", r->comm);
	OBJ(o, "uid", json_uid(r->uid));
	STR(o, "cgroup", row_cgroup(r));
	add_levels(o, r);
	OBJ(o, "in", json_flow(&r->in));
	OBJ(o, "out", json_flow(&r->out));
	OBJ(o, "errors", json_errors(r));
	return o;
}

static json_object *json_name(const struct model *m, struct row *r)
{
	json_object *o = json_object_new_object();
	const struct row *owner = row_receiver(m, r);

	add_bus(o, r);
	NUM(o, "id", r->key.id);
	STR(o, "name", r->text);
	NUM(o, "owner", r->owner);
	STR(o, "comm", owner ? owner->comm : NULL);
	NUM(o, "activator", r->activator);
	NUM(o, "waiters", r->waiters);
	add_levels(o, owner ?: r);
	OBJ(o, "in", json_flow(&r->in));
	return o;
}

static json_object *json_pair(const struct model *m, struct row *r)
{
	json_object *o = json_object_new_object();
	const struct row *to = row_receiver(m, r);
	char label[128];

	add_bus(o, r);
	NUM(o, "src", r->key.src);
	NUM(o, "dst", r->key.id);
	STR(o, "by_name", r->key.name ? r->text : NULL);
	STR(o, "src_comm", r->src ? r->src->comm : NULL);
	STR(o, "dst_comm", r->dst ? r->dst->comm : NULL);
	row_label(r, label, sizeof(label));
	STR(o, "label", label);
	add_levels(o, to ?: r);
	NUM(o, "held_bytes", pair_held(r));
	OBJ(o, "in", json_flow(&r->in));
	OBJ(o, "errors", json_errors(r));
	return o;
}

static json_object *json_user(const struct model *m, struct row *r)
{
	json_object *o = json_object_new_object();
	json_object *held = json_object_new_object();

	(void)m;
	OBJ(o, "uid", json_uid(r->uid));
	STR(o, "user", r->text);
	NUM(o, "connections", r->conns);
	NUM(o, "buses", r->buses);
	NUM(o, "endpoints", r->endpoints);
	NUM(held, "bytes", r->held);
	NUM(held, "msgs", r->held_msgs);
	NUM(held, "fds", r->held_fds);
	DBL(held, "share", r->share);
	OBJ(o, "held", held);
	add_levels(o, r);
	OBJ(o, "in", json_flow(&r->in));
	OBJ(o, "out", json_flow(&r->out));
	OBJ(o, "errors", json_errors(r));
	return o;
}

static json_object *json_bus(const struct model *m, struct row *r)
{
	json_object *o = json_object_new_object();

	(void)m;
	NUM(o, "id", r->key.bus);
	STR(o, "name", r->text);
	STR(o, "domain", r->domain);
	OBJ(o, "uid", json_uid(r->uid));
	NUM(o, "connections", r->conns);
	add_levels(o, r);
	OBJ(o, "in", json_flow(&r->in));
	OBJ(o, "errors", json_errors(r));
	return o;
}

static json_object *json_view(struct model *m, enum view kind,
			      const struct options *opt)
{
	static json_object *(*const make[])(const struct model *,
					    struct row *) = {
		[VIEW_CONNS] = json_conn, [VIEW_NAMES] = json_name,
		[VIEW_PAIRS] = json_pair, [VIEW_USERS] = json_user,
		[VIEW_BUSES] = json_bus,
	};
	json_object *list = json_object_new_array(), *o;
	struct row **rows;
	size_t i, n;

	rows = view_rows(m, kind, &opt->filter, opt->sort[kind], &n);
	for (i = 0; rows && i < n; i++) {
		o = make[kind](m, rows[i]);
		OBJ(o, "gone", json_object_new_boolean(rows[i]->gone));
		json_object_array_add(list, o);
	}
	free(rows);
	return list;
}

static json_object *json_totals(struct model *m, const struct options *opt)
{
	json_object *o = json_object_new_object();
	struct totals t;

	view_totals(m, &opt->filter, &t);
	NUM(o, "buses", t.buses);
	NUM(o, "connections", t.conns);
	DBL(o, "msgs_per_s", t.msgs_s);
	DBL(o, "bytes_per_s", t.bytes_s);
	NUM(o, "in_flight", t.in_flight);
	NUM(o, "failed", t.failed);
	NUM(o, "dropped", t.dropped);
	NUM(o, "refused", t.refused);
	return o;
}

void json_frame(struct model *m, const struct options *opt)
{
	json_object *o = json_object_new_object();
	enum view kind;

	NUM(o, "schema", SCHEMA);
	NUM(o, "time_ns", m->time_ns);
	DBL(o, "interval_s", m->interval);
	NUM(o, "lost", m->lost);
	OBJ(o, "totals", json_totals(m, opt));
	for (kind = 0; kind < KIND_ACCOUNT; kind++)
		if (!opt->view_given || opt->view == kind ||
		    (opt->view == VIEW_LATENCY && kind == VIEW_CONNS))
			OBJ(o, view_names[kind], json_view(m, kind, opt));

	printf("%s\n", json_object_to_json_string_ext(o,
						      JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(o);
}
