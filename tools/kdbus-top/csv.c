// SPDX-License-Identifier: GPL-2.0
/*
 * A frame as comma-separated values, RFC 4180: a line per row of a view, or,
 * of the latency view, per bucket of each connection.
 */
#include <stdlib.h>
#include <string.h>

#include "top.h"

static void put_text(const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		fputs(s, stdout);
		return;
	}
	putchar('"');
	for (; *s; s++) {
		if (*s == '"')
			putchar('"');
		putchar(*s);
	}
	putchar('"');
}

/* A number without an exponent, and without what it does not have. */
static void put_value(double v)
{
	if (v == (__u64)v)
		printf("%llu", (__u64)v);
	else
		printf("%.3f", v);
}

static void put_cell(const struct column *c, const struct row *r)
{
	char cell[512];

	if (c->value) {
		put_value(c->value(r));
	} else {
		c->text(r, cell, sizeof(cell));
		put_text(cell);
	}
}

/* Each number of a table, or its name if there is none. */
static void put_numbers(const char *prefix, const char * const *texts,
			const __u64 *numbers, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (!texts[i])
			continue;
		if (numbers)
			printf(",%llu", numbers[i]);
		else
			printf(",%s%s", prefix, texts[i]);
	}
}

static void put_flow(const char *way, const struct flow *f)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "%sdropped_", way);
	put_numbers(prefix, drop_texts, f ? f->drops : NULL, N_DROPS);
	snprintf(prefix, sizeof(prefix), "%scalls_", way);
	put_numbers(prefix, end_texts, f ? f->ends : NULL, N_ENDS);
	snprintf(prefix, sizeof(prefix), "%slimited_", way);
	put_numbers(prefix, bound_texts, f ? f->bounds : NULL, N_BOUNDS);
}

/* The title line, or a row. */
static void put_line(const struct model *m, enum view view,
		     const struct row *r)
{
	bool both = view == VIEW_CONNS || view == VIEW_USERS;
	int c;

	if (r)
		printf("%llu,%u", m->time_ns, r->gone > 0);
	else
		printf("time_ns,gone");
	for (c = 0; c < n_columns; c++) {
		if (!column_in(c, view) || !columns[c].key)
			continue;
		putchar(',');
		if (r)
			put_cell(&columns[c], r);
		else
			fputs(columns[c].key, stdout);
	}
	put_flow(both ? "in_" : "", r ? &r->in : NULL);
	if (both)
		put_flow("out_", r ? &r->out : NULL);
	if (r)
		printf(",%llu\r\n", m->lost);
	else
		printf(",lost\r\n");
}

static void put_latency(const struct model *m, const struct row *r,
			const char *way, const struct flow *f)
{
	char name[256];
	unsigned int i;
	int p;

	row_label(r, name, sizeof(name));
	for (p = 0; p < TOP_PARTS; p++)
		for (i = 0; i < f->latency[p].n; i++) {
			printf("%llu,%llu,%llu,", m->time_ns, r->key.bus,
			       r->key.id);
			put_text(name);
			printf(",%s,%s,", way, part_texts[p]);
			if (f->latency[p].buckets[i].bucket < TOP_BUCKETS - 1)
				printf("%llu", hist_bound(
				       f->latency[p].buckets[i].bucket));
			printf(",%llu,%llu\r\n", f->latency[p].buckets[i].count,
			       m->lost);
		}
}

void csv_frame(struct model *m, const struct options *o)
{
	enum view kind = o->view == VIEW_LATENCY ? VIEW_CONNS : o->view;
	static bool titled;
	struct row **rows;
	size_t i, n;

	rows = view_rows(m, kind, &o->filter, o->sort[kind], &n);
	if (!rows)
		return;
	if (!titled && o->view == VIEW_LATENCY)
		printf("time_ns,bus,id,label,way,part,upto_ns,count,lost\r\n");
	else if (!titled)
		put_line(m, kind, NULL);
	titled = true;
	for (i = 0; i < n; i++) {
		if (o->view == VIEW_LATENCY) {
			put_latency(m, rows[i], "in", &rows[i]->in);
			put_latency(m, rows[i], "out", &rows[i]->out);
		} else {
			put_line(m, kind, rows[i]);
		}
	}
	fflush(stdout);
	free(rows);
}
