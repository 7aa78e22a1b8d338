// SPDX-License-Identifier: GPL-2.0
/* What a row shows: one table for the screen, the text and the sort keys. */
#include <string.h>
#include <strings.h>

#include "top.h"

/* Best word for a connection: its names, else how it calls itself. */
const char *row_name(const struct row *r)
{
	return r->names[0] ? r->names : r->description[0] ? r->description : "-";
}

#define NUMBER(fn, expr, format)					\
	static void write_##fn(const struct row *r, char *buf, size_t size) \
	{								\
		format(expr, buf, size);				\
	}								\
	static double value_##fn(const struct row *r)			\
	{								\
		return expr;						\
	}								\
	static int compare_##fn(const struct row *x, const struct row *y) \
	{								\
		double a = value_##fn(x), b = value_##fn(y);		\
									\
		return (b > a) - (b < a);				\
	}
#define STRING(fn, expr)						\
	static void write_##fn(const struct row *r, char *buf, size_t size) \
	{								\
		snprintf(buf, size, "%s", expr);			\
	}								\
	static int compare_##fn(const struct row *x, const struct row *y) \
	{								\
		const struct row *r = x;				\
		const char *a = expr;					\
									\
		r = y;							\
		return strcmp(a, expr);					\
	}

static void plain(double v, char *buf, size_t size)
{
	snprintf(buf, size, "%.0f", v);
}

static void write_id(const struct row *r, char *buf, size_t size)
{
	snprintf(buf, size, "%llu:%llu", (unsigned long long)r->key.bus,
		 (unsigned long long)r->key.conn);
}

static int compare_id(const struct row *a, const struct row *b)
{
	(void)a;
	(void)b;
	return 0;
}

static void write_pool(const struct row *r, char *buf, size_t size)
{
	char used[16], all[16];

	format_bytes(r->now.pool_used, used, sizeof(used));
	format_bytes(r->now.pool_size, all, sizeof(all));
	snprintf(buf, size, "%s/%s", used, all);
}

static int compare_pool(const struct row *a, const struct row *b)
{
	return (b->now.pool_used > a->now.pool_used) -
	       (b->now.pool_used < a->now.pool_used);
}

STRING(name, row_name(r))
STRING(comm, r->now.comm)
NUMBER(pid, r->now.pid, plain)
NUMBER(uid, r->now.uid, plain)
NUMBER(out, r->out_msgs, format_count)
NUMBER(in, r->in_msgs, format_count)
NUMBER(outb, r->out_bytes, format_bytes)
NUMBER(inb, r->in_bytes, format_bytes)
NUMBER(queue, r->now.queued, plain)
NUMBER(peak, r->now.pool_peak, format_bytes)
NUMBER(calls, r->now.calls_out + r->now.calls_in, plain)
NUMBER(p50, r->p50, format_time)
NUMBER(p99, r->p99, format_time)
NUMBER(max, r->now.lat_max, format_time)

#define COLUMN(fn, title, width, keep, help) \
	{ title, width, keep, help, write_##fn, compare_##fn }

const struct column columns[] = {
	COLUMN(id, "ID", -8, 0, "bus:connection"),
	COLUMN(name, "NAME", -26, 1, "names, else its description"),
	COLUMN(pid, "PID", 7, 6, "process"),
	COLUMN(comm, "COMM", -15, 5, "its command"),
	COLUMN(uid, "UID", 6, 7, "its user"),
	COLUMN(out, "OUT/s", 6, 2, "messages it sends"),
	COLUMN(in, "IN/s", 6, 2, "messages it is sent"),
	COLUMN(outb, "OUTB/s", 6, 8, "payload bytes it sends"),
	COLUMN(inb, "INB/s", 6, 8, "bytes it is sent"),
	COLUMN(queue, "QUEUE", 5, 3, "messages not received yet"),
	COLUMN(pool, "POOL", 9, 4, "pool, used/size"),
	COLUMN(peak, "PEAK", 5, 9, "most it ever used"),
	COLUMN(calls, "CALLS", 5, 3, "in flight, its own and to it"),
	COLUMN(p50, "P50", 5, 3, "half of the calls took less"),
	COLUMN(p99, "P99", 5, 3, "99 of 100 took less"),
	COLUMN(max, "MAX", 5, 5, "the longest call"),
};
const int n_columns = sizeof(columns) / sizeof(*columns);

int column_find(const char *title)
{
	int i;

	for (i = 0; i < n_columns; i++)
		if (!strcasecmp(columns[i].title, title))
			return i;
	return -1;
}
