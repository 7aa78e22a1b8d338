// SPDX-License-Identifier: GPL-2.0
/* What a row shows: one table for the screen, text, CSV and sorting. */
#include <string.h>
#include <strings.h>

#include "top.h"

static const struct model *model;

void columns_use(const struct model *m)
{
	model = m;
}

/* ---- what to call things --------------------------------------------------- */

/* Best word for a connection: its names, else how it calls itself. */
static const char *conn_name(const struct row *r)
{
	return *row_get(r->text) ? r->text :
	       *row_get(r->description) ? r->description : "-";
}

/* An end of a pair: what says most about it. */
static void end_label(const struct row *conn, __u64 id, char *buf, size_t size)
{
	if (!id)
		snprintf(buf, size, "kernel");
	else if (!conn)
		snprintf(buf, size, "everybody");
	else
		snprintf(buf, size, "%llu %s", id,
			 *row_get(conn->text) ? conn->text : conn->comm);
}

static void text_id(const struct row *r, char *buf, size_t size)
{
	snprintf(buf, size, "%llu:%llu", r->key.bus, r->key.id);
}

static void text_name(const struct row *r, char *buf, size_t size)
{
	snprintf(buf, size, "%s", r->key.kind == VIEW_CONNS ? conn_name(r) :
		 *row_get(r->text) ? r->text : "-");
}

static void text_bus(const struct row *r, char *buf, size_t size)
{
	const struct row *b = r->key.kind == VIEW_BUSES ? r : r->bus;

	if (b && *row_get(b->domain))
		snprintf(buf, size, "%s/%s", b->domain, row_get(b->text));
	else
		snprintf(buf, size, "%s", b ? row_get(b->text) : "");
}

static void text_from(const struct row *r, char *buf, size_t size)
{
	end_label(r->src, r->key.src, buf, size);
}

static void text_to(const struct row *r, char *buf, size_t size)
{
	end_label(r->dst, r->key.id, buf, size);
}

static void text_owner(const struct row *r, char *buf, size_t size)
{
	const struct row *c = row_receiver(model, r);

	snprintf(buf, size, "%llu %s", r->owner, c ? c->comm : "");
}

static void text_comm(const struct row *r, char *buf, size_t size)
{
	const struct row *c = row_receiver(model, r);

	snprintf(buf, size, "%s", c ? c->comm : "");
}

void row_label(const struct row *r, char *buf, size_t size)
{
	char a[96], b[96];

	switch (r->key.kind) {
	case VIEW_CONNS:
		text_id(r, a, sizeof(a));
		snprintf(buf, size, "%s %s (%s)", a, conn_name(r), r->comm);
		break;
	case VIEW_PAIRS:
		text_from(r, a, sizeof(a));
		text_to(r, b, sizeof(b));
		snprintf(buf, size, "%s -> %s%s%s", a, b,
			 r->key.name ? " by " : "",
			 r->key.name ? row_get(r->text) : "");
		break;
	case VIEW_USERS:
		snprintf(buf, size, "uid %u %s", r->uid, row_get(r->text));
		break;
	default:
		snprintf(buf, size, "%s", row_get(r->text));
	}
}

/* ---- values --------------------------------------------------------------- */

/* what is counted for both sides, of what has two */
#define BOTH(r, what) ((r)->in.what + (r)->out.what)

#define VALUE(name, expr)						\
	static double value_##name(const struct row *r)			\
	{								\
		return (expr);						\
	}

/* The queue and pool a row is about: its own, or its receiver's. */
static const struct row *levels(const struct row *r)
{
	return row_receiver(model, r) ?: r;
}

static double percentile(const struct row *r, enum top_part part, double p)
{
	return hist_percentile(&r->in.latency[part], &r->out.latency[part], p);
}

static double longest(const struct row *r, enum top_part part)
{
	__u64 a = r->in.latency[part].max, b = r->out.latency[part].max;

	return a > b ? a : b;
}

double pair_held(const struct row *r)
{
	const struct row *a;

	if (!r->src)
		return 0;
	a = model_find(model, KIND_ACCOUNT, r->key.bus, r->key.id, r->key.src,
		       r->src->uid);
	if (!a)
		a = model_find(model, KIND_ACCOUNT, r->key.bus, r->key.id, 0,
			       r->src->uid);
	return a ? a->held : 0;
}

static double oldest(const struct row *r)
{
	return r->in.oldest_ns > r->out.oldest_ns ? r->in.oldest_ns :
						    r->out.oldest_ns;
}

VALUE(uid, levels(r)->uid)
VALUE(user, r->uid)
VALUE(pid, levels(r)->pid)
VALUE(conns, r->conns)
VALUE(buses, r->buses)
VALUE(endpoints, r->endpoints)
VALUE(waiters, r->waiters)
VALUE(busid, r->key.bus)
VALUE(out_s, r->out.msgs_s)
VALUE(in_s, r->in.msgs_s)
VALUE(outb_s, r->out.bytes_s)
VALUE(inb_s, r->in.bytes_s)
VALUE(out, r->out.msgs)
VALUE(in, r->in.msgs)
VALUE(outb, r->out.bytes)
VALUE(inb, r->in.bytes)
VALUE(queue, levels(r)->queue.now)
VALUE(qpeak, levels(r)->queue.peak)
VALUE(pool, levels(r)->pool.now)
VALUE(pool_size, levels(r)->pool_size)
VALUE(peak, levels(r)->pool.peak)
VALUE(held, r->key.kind == VIEW_PAIRS ? pair_held(r) : r->held)
VALUE(held_msgs, r->held_msgs)
VALUE(held_fds, r->held_fds)
VALUE(share, r->share)
VALUE(flight, BOTH(r, in_flight))
VALUE(flight_in, r->in.in_flight)
VALUE(flight_out, r->out.in_flight)
VALUE(oldest, oldest(r))
VALUE(calls_s, BOTH(r, ends_s))
VALUE(done, BOTH(r, ends[KDBUS_CALL_END_ANSWERED]))
VALUE(failed, flow_failed(&r->in) + flow_failed(&r->out))
VALUE(dropped, flow_dropped(&r->in))
VALUE(refused, r->errors.count)
VALUE(bounded, flow_bounded(&r->in) + flow_bounded(&r->out))
VALUE(q99, percentile(r, TOP_QUEUE, 0.99))
VALUE(s50, percentile(r, TOP_SERVICE, 0.50))
VALUE(s99, percentile(r, TOP_SERVICE, 0.99))
VALUE(p50, percentile(r, TOP_TRIP, 0.50))
VALUE(p90, percentile(r, TOP_TRIP, 0.90))
VALUE(p99, percentile(r, TOP_TRIP, 0.99))
VALUE(max, longest(r, TOP_TRIP))

static void text_pool(const struct row *r, char *buf, size_t size)
{
	char used[16], all[16];

	format_bytes(value_pool(r), used, sizeof(used));
	format_bytes(value_pool_size(r), all, sizeof(all));
	snprintf(buf, size, "%s/%s", used, all);
}

/* ---- the table ------------------------------------------------------------ */

#define C (1 << VIEW_CONNS)
#define N (1 << VIEW_NAMES)
#define P (1 << VIEW_PAIRS)
#define U (1 << VIEW_USERS)
#define B (1 << VIEW_BUSES)
#define ALL (C | N | P | U | B)

#define TEXT(title, key, views, width, keep, fn, help) \
	{ title, key, views, width, keep, F_TEXT, 0, help, text_##fn, NULL }
#define NUM(title, key, views, width, keep, format, alarm, fn, help) \
	{ title, key, views, width, keep, format, alarm, help, NULL, value_##fn }

const struct column columns[] = {
	TEXT("ID", "id", C, -10, 0, id, "bus:connection"),
	NUM("UID", "uid", U, 6, 0, F_INT, 0, user, "the user"),
	TEXT("USER", "user", U, -12, 1, name, "its name"),
	TEXT("NAME", "name", C, -26, 1, name, "its names, else its description"),
	TEXT("NAME", "name", N, -30, 0, name, "the name"),
	TEXT("OWNER", "owner", N, -18, 4, owner, "connection that owns it"),
	TEXT("FROM", "from", P, -24, 0, from, "who has sent"),
	TEXT("TO", "to", P, -24, 0, to, "to whom"),
	TEXT("BY NAME", "by_name", P, -22, 6, name, "name it was addressed by"),
	NUM("BUS", "bus", N | P | B, 4, 9, F_INT, 0, busid, "id of the bus"),
	TEXT("NAME", "name", B, -20, 0, bus, "name of the bus"),
	TEXT("BUS NAME", "bus_name", C | N | P, 0, 0, bus, "name of the bus"),
	NUM("PID", "pid", C | N, 7, 6, F_INT, 0, pid, "process"),
	TEXT("COMM", "comm", C, -15, 5, comm, "its command"),
	NUM("UID", "uid", C | N, 6, 7, F_INT, 0, uid, "its user"),
	NUM("MAKER", "uid", B, 6, 6, F_INT, 0, user, "uid of who made the bus"),
	NUM("CONNS", "connections", U | B, 5, 2, F_INT, 0, conns, "connections"),
	NUM("BUSES", "buses", U, 5, 7, F_INT, 0, buses, "buses it has made"),
	NUM("EPS", "endpoints", U, 4, 8, F_INT, 0, endpoints,
	    "custom endpoints it has made"),
	NUM("WAIT", "waiters", N, 4, 8, F_INT, 0, waiters, "who wait for it"),
	NUM("OUT/s", "out_msgs_per_s", C | U, 6, 2, F_COUNT, 0, out_s,
	    "messages sent"),
	NUM("IN/s", "in_msgs_per_s", C | N | U, 6, 2, F_COUNT, 0, in_s,
	    "messages sent to it"),
	NUM("MSG/s", "msgs_per_s", P | B, 6, 2, F_COUNT, 0, in_s, "messages"),
	NUM("OUTB/s", "out_bytes_per_s", C | U, 6, 8, F_BYTES, 0, outb_s,
	    "bytes sent"),
	NUM("INB/s", "in_bytes_per_s", C | N | U, 6, 8, F_BYTES, 0, inb_s,
	    "bytes sent to it"),
	NUM("BYTE/s", "bytes_per_s", P | B, 6, 4, F_BYTES, 0, inb_s, "bytes"),
	NUM("OUT", "out_msgs", C | U, 5, 13, F_COUNT, 0, out,
	    "messages sent, in all"),
	NUM("IN", "in_msgs", C | N | U, 5, 13, F_COUNT, 0, in,
	    "messages sent to it, in all"),
	NUM("MSGS", "msgs", P | B, 5, 10, F_COUNT, 0, in, "messages, in all"),
	NUM("OUTB", "out_bytes", C | U, 0, 0, F_BYTES, 0, outb,
	    "bytes sent, in all"),
	NUM("INB", "in_bytes", C | N | U, 0, 0, F_BYTES, 0, inb,
	    "bytes sent to it, in all"),
	NUM("BYTES", "bytes", P | B, 5, 11, F_BYTES, 0, inb, "bytes, in all"),
	NUM("QUEUE", "queued", ALL, 5, 3, F_INT, 0, queue,
	    "messages not received"),
	NUM("QPEAK", "queued_peak", ALL, 5, 10, F_INT, 0, qpeak,
	    "most of them there were"),
	{ "POOL", "pool_used", ALL, 9, 4, F_BYTES, 0, "pool: used/size",
	  text_pool, value_pool },
	NUM("SIZE", "pool_size", ALL, 0, 0, F_BYTES, 0, pool_size,
	    "size of the pool"),
	NUM("PEAK", "pool_peak", ALL, 5, 9, F_BYTES, 0, peak,
	    "most of the pool ever used"),
	NUM("HELD", "held_bytes", P | U, 5, 5, F_BYTES, 0, held,
	    "what the sender has in pools"),
	NUM("HMSGS", "held_msgs", U, 5, 8, F_INT, 0, held_msgs,
	    "messages it has in queues"),
	NUM("HFDS", "held_fds", U, 0, 0, F_INT, 0, held_fds,
	    "descriptors it has in queues"),
	NUM("SHARE", "share", U, 5, 4, F_PERCENT, 0.25, share,
	    "of the pool it fills most"),
	NUM("CALL/s", "calls_per_s", ALL, 6, 11, F_COUNT, 0, calls_s,
	    "calls that ended"),
	NUM("CALLS", "in_flight", ALL, 5, 3, F_INT, 0, flight,
	    "calls in flight"),
	NUM("CIN", "in_flight_in", C | U, 0, 0, F_INT, 0, flight_in,
	    "calls it owes an answer"),
	NUM("COUT", "in_flight_out", C | U, 0, 0, F_INT, 0, flight_out,
	    "own calls in flight"),
	NUM("OLDEST", "oldest_ns", ALL, 6, 6, F_TIME, 5e9, oldest,
	    "age of the oldest call now"),
	NUM("DONE", "answered", ALL, 5, 12, F_COUNT, 0, done,
	    "calls answered"),
	NUM("FAIL", "failed", ALL, 5, 6, F_COUNT, 0.5, failed,
	    "calls that ended without"),
	NUM("DROP", "dropped", ALL, 5, 5, F_COUNT, 0.5, dropped,
	    "messages for it it did not get"),
	NUM("ERR", "refused", C | P | U | B, 5, 6, F_COUNT, 0.5, refused,
	    "its commands that failed"),
	NUM("LIMIT", "limited", ALL, 5, 8, F_COUNT, 0.5, bounded,
	    "refused by a quota or policy"),
	NUM("Q99", "queue_p99_ns", ALL, 5, 9, F_TIME, 0, q99,
	    "99% were in a queue for less"),
	NUM("S50", "service_p50_ns", ALL, 5, 12, F_TIME, 0, s50,
	    "half were served in less"),
	NUM("S99", "service_p99_ns", ALL, 5, 9, F_TIME, 0, s99,
	    "99% were served in less"),
	NUM("P50", "round_trip_p50_ns", ALL, 5, 3, F_TIME, 0, p50,
	    "half of the calls took less"),
	NUM("P90", "round_trip_p90_ns", ALL, 5, 10, F_TIME, 0, p90,
	    "9 of 10 took less"),
	NUM("P99", "round_trip_p99_ns", ALL, 5, 3, F_TIME, 0, p99,
	    "99 of 100 took less"),
	NUM("MAX", "round_trip_max_ns", ALL, 5, 5, F_TIME, 0, max,
	    "the longest call"),
};
const int n_columns = sizeof(columns) / sizeof(*columns);

bool column_in(int column, enum view view)
{
	/* the rows of that view are shown as what they are */
	return columns[column].views & 1 << view;
}

int column_find(enum view view, const char *title)
{
	int i;

	for (i = 0; i < n_columns; i++)
		if (column_in(i, view) && columns[i].width &&
		    !strcasecmp(columns[i].title, title))
			return i;
	return -1;
}

int column_default(enum view view)
{
	int c = column_find(view, "IN/s");

	return c >= 0 ? c : column_find(view, "MSG/s");
}

int column_next(enum view view, int column)
{
	do
		column = (column + 1) % n_columns;
	while (!column_in(column, view) || !columns[column].width);
	return column;
}

void column_write(int column, const struct row *r, char *buf, size_t size)
{
	const struct column *c = &columns[column];
	double v;

	if (c->text) {
		c->text(r, buf, size);
		return;
	}
	v = c->value(r);
	switch (c->format) {
	case F_COUNT:
		format_count(v, buf, size);
		break;
	case F_BYTES:
		format_bytes(v, buf, size);
		break;
	case F_TIME:
		format_time(v, buf, size);
		break;
	case F_PERCENT:
		snprintf(buf, size, "%.0f%%", v * 100);
		break;
	default:
		snprintf(buf, size, "%.0f", v == ~0U ? -1 : v);
	}
}
