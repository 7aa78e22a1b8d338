// SPDX-License-Identifier: GPL-2.0
/* A frame as plain text: a view's table, or histograms. */
#include <stdlib.h>
#include <string.h>

#include "top.h"

static void put_totals(struct model *m, const struct options *o)
{
	char msgs[16], bytes[16];
	struct totals t;

	view_totals(m, &o->filter, &t);
	format_count(t.msgs_s, msgs, sizeof(msgs));
	format_bytes(t.bytes_s, bytes, sizeof(bytes));
	printf("buses %u  connections %u  %s msgs/s  %sB/s  calls in flight %llu  failed %llu  dropped %llu  refused %llu  lost events %llu\n",
	       t.buses, t.conns, msgs, bytes, t.in_flight, t.failed, t.dropped,
	       t.refused, m->lost);
}

/* The row's outcomes, but for what the table says of calls that went well. */
static void put_outcomes(const struct row *r)
{
	char text[512];
	int what;

	for (what = 0; what < N_OUTCOMES; what++) {
		if (what == OUTCOME_CALLS &&
		    !flow_failed(&r->in) && !flow_failed(&r->out))
			continue;
		outcome_text(r, what, text, sizeof(text));
		if (strcmp(text, "none"))
			printf("  %s: %s", outcome_texts[what], text);
	}
}

/* Cells of a line; the title line without a row. */
static void put_line(enum view view, const struct row *r)
{
	char cell[320];
	const char *sep = "";
	int c;

	for (c = 0; c < n_columns; c++) {
		if (!column_in(c, view) || !columns[c].width)
			continue;
		if (r)
			column_write(c, r, cell, sizeof(cell));
		printf("%s%*s", sep, columns[c].width,
		       r ? cell : columns[c].title);
		sep = " ";
	}
	if (r && r->gone)
		printf(" (gone)");
	if (r)
		put_outcomes(r);
	printf("\n");
}

static void put_bars(const struct bars *b)
{
	unsigned int i;
	int p, width;

	printf("  %17s", "above - up to");
	for (p = 0; p < TOP_PARTS; p++)
		printf("  %-30s", part_texts[p]);
	printf("\n");
	for (i = 0; i < b->n; i++) {
		char from[16], upto[16];

		format_time(b->lines[i].from, from, sizeof(from));
		format_time(b->lines[i].upto, upto, sizeof(upto));
		printf("  %8s - %-6s", from,
		       b->lines[i].upto == ~0ULL ? "more" : upto);
		for (p = 0; p < TOP_PARTS; p++) {
			width = !b->most[p] ? 0 :
				(b->lines[i].count[p] * 20 + b->most[p] - 1) /
				b->most[p];
			printf("  %8llu %-21.*s", b->lines[i].count[p], width,
			       "####################");
		}
		printf("\n");
	}
}

/* The parts of one row's latency. */
static void put_latency(const struct row *r)
{
	char text[160];
	struct bars b;
	int p;

	bars_make(&b, r, 24);
	if (!b.n)
		return;
	row_label(r, text, sizeof(text));
	printf("%s", text);
	put_outcomes(r);
	printf("\n");
	for (p = 0; p < TOP_PARTS; p++) {
		part_text(r, p, text, sizeof(text));
		printf("  %-10s %8llu  %s\n", part_texts[p],
		       r->in.latency[p].count + r->out.latency[p].count, text);
	}
	put_bars(&b);
}

void text_frame(struct model *m, const struct options *o)
{
	enum view kind = o->view == VIEW_LATENCY ? VIEW_CONNS : o->view;
	struct row **rows;
	size_t i, n;

	rows = view_rows(m, kind, &o->filter, o->sort[kind], &n);
	if (!rows)
		return;
	put_totals(m, o);
	if (o->view != VIEW_LATENCY)
		put_line(kind, NULL);
	for (i = 0; i < n; i++)
		if (o->view == VIEW_LATENCY)
			put_latency(rows[i]);
		else
			put_line(kind, rows[i]);
	printf("\n");
	fflush(stdout);
	free(rows);
}
