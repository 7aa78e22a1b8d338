// SPDX-License-Identifier: GPL-2.0
/*
 * A frame as OpenMetrics text, which is also Prometheus text: only the types
 * that both know are used. Each family's lines stand together, as both want.
 * What is gone is left out, so that a label set is never there twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "top.h"

/* bounds of buckets that are shown: 2^10 ns to 2^36 ns, each power of two */
#define LE_FIRST 10
#define LE_LAST 36

/* A view whose rows become samples, and the rows of it. */
struct source {
	enum view kind;
	const char *prefix;
	struct row **rows;
	size_t n;
};

static FILE *out;

/* ---- names and labels ------------------------------------------------------- */

static void put_family(const char *prefix, const char *name, const char *type,
		       const char *unit, const char *help)
{
	fprintf(out, "# TYPE kdbus_%s_%s %s\n", prefix, name, type);
	if (unit)
		fprintf(out, "# UNIT kdbus_%s_%s %s\n", prefix, name, unit);
	fprintf(out, "# HELP kdbus_%s_%s %s\n", prefix, name, help);
}

/* One label; @sep before it. */
static void put_label(char *sep, const char *label, const char *value)
{
	fprintf(out, "%c%s=\"", *sep, label);
	*sep = ',';
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			putc('\\', out);
		putc(*value, out);
	}
	putc('"', out);
}

static void put_bus_labels(char *sep, const struct row *bus)
{
	if (!bus)
		return;
	put_label(sep, "bus", row_get(bus->text));
	put_label(sep, "domain", row_get(bus->domain));
}

static void put_number_label(char *sep, const char *label, __u64 v)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", v);
	put_label(sep, label, number);
}

static void put_conn_labels(char *sep, const struct row *r)
{
	put_bus_labels(sep, r->bus);
	put_number_label(sep, "conn", r->key.id);
	put_label(sep, "name", row_get(r->text));
	put_label(sep, "comm", r->comm);
	put_number_label(sep, "uid", r->uid);
}

static void put_pair_labels(char *sep, const struct row *r)
{
	put_bus_labels(sep, r->bus);
	put_number_label(sep, "src", r->key.src);
	put_number_label(sep, "dst", r->key.id);
	put_label(sep, "src_name", r->src ? row_get(r->src->text) : "");
	put_label(sep, "dst_name", r->dst ? row_get(r->dst->text) : "");
	put_label(sep, "by_name", r->key.name ? row_get(r->text) : "");
	/* a name may have come back under the same word */
	put_number_label(sep, "name_id", r->key.name);
}

/* "{" and what tells a row from others; the caller closes it. */
static char put_labels(const struct row *r)
{
	char sep = '{';

	switch (r->key.kind) {
	case VIEW_BUSES:
		put_bus_labels(&sep, r);
		break;
	case VIEW_NAMES:
		put_bus_labels(&sep, r->bus);
		put_label(&sep, "name", row_get(r->text));
		break;
	case VIEW_USERS:
		put_number_label(&sep, "uid", r->uid);
		break;
	case VIEW_CONNS:
		put_conn_labels(&sep, r);
		break;
	case VIEW_PAIRS:
		put_pair_labels(&sep, r);
	}
	return sep;
}

/* A sample with one more label, if there is one. */
static void put_sample(const struct source *s, const struct row *r,
		       const char *name, const char *label, const char *value,
		       double v)
{
	char sep;

	fprintf(out, "kdbus_%s_%s", s->prefix, name);
	sep = put_labels(r);
	if (label)
		put_label(&sep, label, value);
	if (v == (__u64)v)
		fprintf(out, "} %llu\n", (__u64)v);
	else
		fprintf(out, "} %.9g\n", v);
}

/* ---- families ------------------------------------------------------------------ */

static bool has_both(const struct source *s)
{
	return s->kind == VIEW_CONNS || s->kind == VIEW_USERS;
}

/* A number of each way a row has: received, and sent. */
static void put_ways(const struct source *s, const char *name,
		     const char *family, const char *unit, const char *help,
		     double (*value)(const struct flow *f))
{
	size_t i;

	put_family(s->prefix, family, "counter", unit, help);
	for (i = 0; i < s->n; i++) {
		const struct row *r = s->rows[i];

		put_sample(s, r, name, "direction", "in", value(&r->in));
		if (has_both(s))
			put_sample(s, r, name, "direction", "out",
				   value(&r->out));
	}
}

static double flow_msgs(const struct flow *f)
{
	return f->msgs;
}

static double flow_bytes(const struct flow *f)
{
	return f->bytes;
}

static void put_table(const struct source *s, const char *name,
		      const char *family, const char *help, const char *label,
		      const char * const *texts, int n, size_t offset)
{
	size_t i;
	int k, way;

	put_family(s->prefix, family, "counter", NULL, help);
	for (i = 0; i < s->n; i++)
		for (k = 0; k < n; k++) {
			__u64 v = 0;

			if (!texts[k])
				continue;
			for (way = 0; way <= has_both(s); way++) {
				const struct flow *f = way ?
					&s->rows[i]->out : &s->rows[i]->in;

				v += *(const __u64 *)((const char *)f + offset +
						      k * sizeof(__u64));
			}
			put_sample(s, s->rows[i], name, label, texts[k], v);
		}
}

static void put_errors(const struct source *s)
{
	unsigned int k;
	size_t i;

	if (s->kind == VIEW_NAMES)
		return;
	put_family(s->prefix, "refused_commands", "counter", NULL,
		   "Commands that failed.");
	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->rows[i]->errors.n; k++)
			put_sample(s, s->rows[i], "refused_commands_total",
				   "errno", error_name(
				   s->rows[i]->errors.buckets[k].bucket),
				   s->rows[i]->errors.buckets[k].count);
}

static void put_gauge(const struct source *s, const char *name,
		      const char *unit, const char *help,
		      double (*value)(const struct row *r))
{
	size_t i;

	put_family(s->prefix, name, "gauge", unit, help);
	for (i = 0; i < s->n; i++)
		put_sample(s, s->rows[i], name, NULL, NULL,
			   value(s->rows[i]));
}

/* One flow's histogram; buckets add up. */
static void put_hist(const struct source *s, const struct row *r,
		     const char *family, const struct hist *h)
{
	char name[64], le[32];
	int e;

	snprintf(name, sizeof(name), "%s_bucket", family);
	for (e = LE_FIRST; e <= LE_LAST; e++) {
		snprintf(le, sizeof(le), "%.12g", (1ULL << e) / 1e9);
		put_sample(s, r, name, "le", le, hist_upto(h, 1ULL << e));
	}
	put_sample(s, r, name, "le", "+Inf", h->count);
	snprintf(name, sizeof(name), "%s_count", family);
	put_sample(s, r, name, NULL, NULL, h->count);
	snprintf(name, sizeof(name), "%s_sum", family);
	put_sample(s, r, name, NULL, NULL, h->sum / 1e9);
}

static void put_latency(const struct source *s)
{
	static const struct {
		const char *family, *help;
	} parts[TOP_PARTS] = {
		{ "queue_time_seconds",
		  "How long messages to it were queued until it received them." },
		{ "service_time_seconds",
		  "How long it had requests until it answered them." },
		{ "round_trip_time_seconds",
		  "How long answered calls of it took." },
	};
	size_t i;
	int p;

	for (p = 0; p < TOP_PARTS; p++) {
		put_family(s->prefix, parts[p].family, "histogram", "seconds",
			   parts[p].help);
		for (i = 0; i < s->n; i++)
			put_hist(s, s->rows[i], parts[p].family,
				 &s->rows[i]->in.latency[p]);
	}
}

static const struct model *model;

static const struct row *levels(const struct row *r)
{
	return row_receiver(model, r) ?: r;
}

#define GAUGE(name, expr)						\
	static double gauge_##name(const struct row *r)			\
	{								\
		return expr;						\
	}
GAUGE(queue, levels(r)->queue.now)
GAUGE(queue_peak, levels(r)->queue.peak)
GAUGE(used, levels(r)->pool.now)
GAUGE(peak, levels(r)->pool.peak)
GAUGE(size, levels(r)->pool_size)
GAUGE(flight, r->in.in_flight)
GAUGE(oldest, r->in.oldest_ns / 1e9)
GAUGE(conns, r->conns)
GAUGE(held, r->held)
GAUGE(share, r->share)

static void put_levels(const struct source *s)
{
	put_gauge(s, "queued_messages", NULL,
		  "Messages that were not received yet.", gauge_queue);
	put_gauge(s, "queued_messages_peak", NULL,
		  "Most of them there were.", gauge_queue_peak);
	put_gauge(s, "pool_used_bytes", "bytes", "Pool bytes in use.",
		  gauge_used);
	put_gauge(s, "pool_peak_bytes", "bytes",
		  "Most pool bytes that were in use.", gauge_peak);
	put_gauge(s, "pool_size_bytes", "bytes", "Pool bytes there are.",
		  gauge_size);
	put_gauge(s, "calls_in_flight", NULL,
		  "Calls to it that are not over.", gauge_flight);
	put_gauge(s, "oldest_call_seconds", "seconds",
		  "Age of the oldest of them.", gauge_oldest);
	if (s->kind == VIEW_USERS || s->kind == VIEW_BUSES)
		put_gauge(s, "connections", NULL, "Connections.", gauge_conns);
	if (s->kind != VIEW_USERS)
		return;
	put_gauge(s, "held_bytes", "bytes",
		  "Bytes it has in the pools of others.", gauge_held);
	put_gauge(s, "pool_share_ratio", "ratio",
		  "Its part of the pool that it fills most.", gauge_share);
}

static void put_source(const struct source *s)
{
	put_ways(s, "messages_total", "messages", NULL, "Messages queued.",
		 flow_msgs);
	put_ways(s, "transferred_bytes_total", "transferred_bytes", "bytes",
		 "Bytes that those took in pools.", flow_bytes);
	put_table(s, "dropped_messages_total", "dropped_messages",
		  "Messages that did not reach their receiver.", "reason",
		  drop_texts, N_DROPS, offsetof(struct flow, drops));
	put_table(s, "calls_total", "calls", "Calls that ended.", "outcome",
		  end_texts, N_ENDS, offsetof(struct flow, ends));
	put_table(s, "limited_total", "limited",
		  "What a quota or a policy has refused.", "by", bound_texts,
		  N_BOUNDS, offsetof(struct flow, bounds));
	put_errors(s);
	put_levels(s);
	put_latency(s);
}

/* ---- a frame ----------------------------------------------------------------------- */

static void put_view(struct model *m, const struct options *o, enum view kind)
{
	static const char * const prefixes[] = {
		[VIEW_CONNS] = "connection", [VIEW_NAMES] = "name",
		[VIEW_PAIRS] = "pair", [VIEW_USERS] = "user",
		[VIEW_BUSES] = "bus",
	};
	struct source s = { .kind = kind, .prefix = prefixes[kind] };
	size_t i, n;

	s.rows = view_rows(m, kind, &o->filter, o->sort[kind], &n);
	for (i = 0; s.rows && i < n; i++)
		if (!s.rows[i]->gone)
			s.rows[s.n++] = s.rows[i];
	if (s.rows)
		put_source(&s);
	free(s.rows);
}

static void put_frame(struct model *m, const struct options *o)
{
	/* what has a bounded number of label sets, unless more is asked for */
	static const enum view usual[] = { VIEW_BUSES, VIEW_NAMES, VIEW_USERS };
	unsigned int i;

	model = m;
	if (o->view_given)
		put_view(m, o, o->view == VIEW_LATENCY ? VIEW_CONNS : o->view);
	for (i = 0; !o->view_given && i < sizeof(usual) / sizeof(*usual); i++)
		put_view(m, o, usual[i]);
	fprintf(out, "# TYPE kdbus_lost_events counter\n"
		"# HELP kdbus_lost_events Events that could not be counted.\n"
		"kdbus_lost_events_total %llu\n# EOF\n", m->lost);
}

/* A file that readers see whole or not at all. */
static int put_file(struct model *m, const struct options *o)
{
	char *temp;
	int ret = 0;

	if (asprintf(&temp, "%s.%d", o->file, getpid()) < 0)
		return -ENOMEM;
	out = fopen(temp, "we");
	if (!out) {
		ret = -errno;
		free(temp);
		return ret;
	}
	errno = 0;
	put_frame(m, o);
	if (ferror(out))
		ret = -(errno ?: EIO);
	if (fclose(out) == EOF && !ret)
		ret = -errno;
	if (!ret && rename(temp, o->file) < 0)
		ret = -errno;
	if (ret)
		unlink(temp);
	free(temp);
	return ret;
}

int metrics_frame(struct model *m, const struct options *o)
{
	if (o->file)
		return put_file(m, o);
	out = stdout;
	put_frame(m, o);
	fflush(stdout);
	return 0;
}
