// SPDX-License-Identifier: GPL-2.0
/* The rows of a view: picked, sorted, summed up. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "top.h"

const char * const view_names[N_VIEWS] = {
	[VIEW_CONNS] = "connections",
	[VIEW_NAMES] = "names",
	[VIEW_PAIRS] = "pairs",
	[VIEW_USERS] = "users",
	[VIEW_BUSES] = "buses",
	[VIEW_LATENCY] = "latency",
};

int view_find(const char *name)
{
	int i;

	for (i = 0; i < N_VIEWS; i++)
		if (!strcasecmp(view_names[i], name))
			return i;
	return -1;
}

/* What rows are compared by, looked up once for each. */
struct sort_key {
	struct row *row;
	double value;
	char text[64];
};

static bool sort_texts, sort_reverse;

static int compare_ids(const struct row_key *a, const struct row_key *b)
{
	const __u64 x[] = { a->bus, a->id, a->src, a->name };
	const __u64 y[] = { b->bus, b->id, b->src, b->name };
	int i;

	for (i = 0; i < 4; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* Texts from the first, numbers from the largest. */
static int compare(const void *x, const void *y)
{
	const struct sort_key *a = x, *b = y;
	int d = sort_texts ? strcmp(a->text, b->text) :
			     (b->value > a->value) - (b->value < a->value);

	if (!d)
		return compare_ids(&a->row->key, &b->row->key);
	return sort_reverse ? -d : d;
}

static void sort(struct row **rows, size_t n, struct sorting s)
{
	const struct column *c = &columns[s.column];
	struct sort_key *k = calloc(n + 1, sizeof(*k));
	size_t i;

	if (!k)
		return;
	sort_texts = !c->value;
	sort_reverse = s.reverse;
	for (i = 0; i < n; i++) {
		k[i].row = rows[i];
		if (c->value)
			k[i].value = c->value(rows[i]);
		else
			c->text(rows[i], k[i].text, sizeof(k[i].text));
	}
	qsort(k, n, sizeof(*k), compare);
	for (i = 0; i < n; i++)
		rows[i] = k[i].row;
	free(k);
}

struct row **view_rows(struct model *m, enum view kind,
		       const struct filter *f, struct sorting s, size_t *n)
{
	struct row **rows, *r, *next;

	*n = 0;
	rows = calloc(HASH_COUNT(m->rows[kind]) + 1, sizeof(*rows));
	if (!rows)
		return NULL;
	columns_use(m);
	filter_apply(f, m);
	HASH_ITER(hh, m->rows[kind], r, next)
		if (r->passes)
			rows[(*n)++] = r;
	sort(rows, *n, s);
	return rows;
}

static void total(struct totals *t, const struct row *r)
{
	t->msgs_s += r->in.msgs_s;
	t->bytes_s += r->in.bytes_s;
	t->in_flight += r->in.in_flight;
	if (t->oldest_ns < r->in.oldest_ns)
		t->oldest_ns = r->in.oldest_ns;
	t->dropped += flow_dropped(&r->in);
	t->failed += flow_failed(&r->in);
	t->refused += r->errors.count;
	t->pool += r->pool.now;
}

/*
 * Buses know what became of connections that are gone, so they are summed up
 * if all of their connections are wanted, and the connections if not.
 */
void view_totals(struct model *m, const struct filter *f, struct totals *t)
{
	enum view kind = filter_is_wide(f) ? VIEW_BUSES : VIEW_CONNS;
	struct row *r, *next;

	memset(t, 0, sizeof(*t));
	filter_apply(f, m);
	HASH_ITER(hh, m->rows[VIEW_BUSES], r, next)
		t->buses += r->passes && !r->gone;
	HASH_ITER(hh, m->rows[VIEW_CONNS], r, next)
		t->conns += r->passes && !r->gone;
	HASH_ITER(hh, m->rows[kind], r, next)
		if (r->passes)
			total(t, r);
}
