// SPDX-License-Identifier: GPL-2.0
/* Rows out of samples: rates, percentiles, filters, order, sums. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top.h"

static size_t slot_of(const struct model *m, __u64 bus, __u64 conn)
{
	__u64 h = (conn ^ (bus << 40)) * 0x9e3779b97f4a7c15ULL;

	return (h >> 32) & (m->room * 2 - 1);
}

/* The place of a key in the index: where it is, or where it would go. */
static __u32 *index_find(struct model *m, __u64 bus, __u64 conn)
{
	size_t i = slot_of(m, bus, conn);

	while (m->index[i]) {
		const struct top_key *k = &m->rows[m->index[i] - 1].key;

		if (k->conn == conn && k->bus == bus)
			break;
		i = (i + 1) & (m->room * 2 - 1);
	}
	return &m->index[i];
}

static void index_rebuild(struct model *m)
{
	size_t i;

	memset(m->index, 0, m->room * 2 * sizeof(*m->index));
	for (i = 0; i < m->n_rows; i++)
		*index_find(m, m->rows[i].key.bus, m->rows[i].key.conn) = i + 1;
}

static bool model_grow(struct model *m)
{
	size_t room = m->room ? 2 * m->room : 64;
	struct row *rows;
	__u32 *index;

	rows = realloc(m->rows, room * sizeof(*rows));
	if (!rows)
		return false;
	m->rows = rows;
	index = realloc(m->index, room * 2 * sizeof(*index));
	if (!index)
		return false;
	m->index = index;
	m->room = room;
	index_rebuild(m);
	return true;
}

struct row *model_row(struct model *m, __u64 bus, __u64 conn)
{
	__u32 *at = m->room ? index_find(m, bus, conn) : NULL;
	struct row *r;

	if (at && *at)
		return &m->rows[*at - 1];
	if (m->n_rows == m->room && !model_grow(m))
		return NULL;
	/* there is an index now, and it may be another one */
	at = index_find(m, bus, conn);
	r = &m->rows[m->n_rows++];
	*at = m->n_rows;
	memset(r, 0, sizeof(*r));
	r->key.bus = bus;
	r->key.conn = conn;
	return r;
}

void model_free(struct model *m)
{
	free(m->rows);
	free(m->index);
	free(m->buses);
}

/* First value of a bucket, in ns. */
__u64 slot_start(unsigned int slot)
{
	unsigned int e = slot / TOP_SUB;

	if (!e)
		return slot;
	return (__u64)(TOP_SUB + slot % TOP_SUB) << (e - 1);
}

/* The value below which @p of all lie, at most a quarter too high. */
__u64 slots_percentile(const __u32 *slots, double p, __u64 max)
{
	__u64 total = 0, sum = 0, end;
	unsigned int i;

	for (i = 0; i < TOP_SLOTS; i++)
		total += slots[i];
	if (!total)
		return 0;
	for (i = 0; i < TOP_SLOTS - 1; i++) {
		sum += slots[i];
		if (sum >= p * total)
			break;
	}
	end = slot_start(i + 1);
	return end < max ? end : max;
}

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void row_rates(struct row *r, double s)
{
	const struct top_conn *n = &r->now, *b = &r->before;

	if (s <= 0)
		return;
	r->out_msgs = (n->out_msgs - b->out_msgs) / s;
	r->in_msgs = (n->in_msgs - b->in_msgs) / s;
	r->out_bytes = (n->out_bytes - b->out_bytes) / s;
	r->in_bytes = (n->in_bytes - b->in_bytes) / s;
	r->p50 = slots_percentile(n->slots, 0.50, n->lat_max);
	r->p99 = slots_percentile(n->slots, 0.99, n->lat_max);
}

/* Rows of connections that are gone stay for one sample, then go. */
static void drop_gone(struct model *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->n_rows; i++) {
		struct row *r = &m->rows[i];

		if (r->now.gone || (m->has_listing && !r->listed))
			continue;
		m->rows[n++] = *r;
	}
	m->n_rows = n;
	if (m->room)
		index_rebuild(m);
}

/* Takes a sample and computes what has happened since the last one. */
int model_sample(struct model *m)
{
	__u64 now;
	size_t i;
	int ret;

	if (m->time_ns)
		drop_gone(m);
	for (i = 0; i < m->n_rows; i++) {
		m->rows[i].before = m->rows[i].now;
		m->rows[i].listed = false;
	}

	now = now_ns();
	m->interval = m->time_ns ? (now - m->time_ns) / 1e9 : 0;
	m->time_ns = now;
	ret = source_read(m);
	if (ret)
		return ret;
	listing_read(m);
	for (i = 0; i < m->n_rows; i++) {
		row_rates(&m->rows[i], m->interval);
		make_printable(m->rows[i].now.comm);
	}
	return 0;
}

const char *model_bus_name(const struct model *m, __u64 bus)
{
	size_t i;

	for (i = 0; i < m->n_buses; i++)
		if (m->buses[i].id == bus)
			return m->buses[i].name;
	return "";
}

static bool bus_matches(const struct model *m, __u64 bus, const char *wanted)
{
	char *end;

	if (!strcmp(wanted, model_bus_name(m, bus)))
		return true;
	return strtoull(wanted, &end, 10) == bus && end != wanted && !*end;
}

static bool row_matches(const struct model *m, const struct row *r,
			const struct options *o)
{
	char text[512];

	if (r->now.gone || (m->has_listing && !r->listed))
		return false;
	if (o->bus && !bus_matches(m, r->key.bus, o->bus))
		return false;
	if (!o->filter[0])
		return true;
	snprintf(text, sizeof(text), "%llu:%llu %s %s %s %u %u",
		 (unsigned long long)r->key.bus, (unsigned long long)r->key.conn,
		 r->names, r->description, r->now.comm, r->now.pid, r->now.uid);
	return strstr(text, o->filter);
}

static const struct options *sort_by;

static int compare_rows(const void *x, const void *y)
{
	const struct row *a = *(struct row * const *)x;
	const struct row *b = *(struct row * const *)y;
	int d = columns[sort_by->sort].compare(a, b);

	if (sort_by->reverse)
		d = -d;
	if (!d)
		d = a->key.bus != b->key.bus ?
		    (a->key.bus > b->key.bus) - (a->key.bus < b->key.bus) :
		    (a->key.conn > b->key.conn) - (a->key.conn < b->key.conn);
	return d;
}

struct row **model_view(struct model *m, const struct options *o, size_t *n)
{
	struct row **rows = calloc(m->n_rows + 1, sizeof(*rows));
	size_t i;

	*n = 0;
	if (!rows)
		return NULL;
	for (i = 0; i < m->n_rows; i++)
		if (row_matches(m, &m->rows[i], o))
			rows[(*n)++] = &m->rows[i];
	sort_by = o;
	qsort(rows, *n, sizeof(*rows), compare_rows);
	return rows;
}

void model_totals(struct row **rows, size_t n, struct totals *t)
{
	size_t i;

	memset(t, 0, sizeof(*t));
	t->conns = n;
	for (i = 0; i < n; i++) {
		const struct top_conn *c = &rows[i]->now;

		t->msgs += rows[i]->in_msgs;
		t->bytes += rows[i]->in_bytes;
		t->refused += c->refused;
		t->dropped += c->dropped;
		/* each call has one requester and one replier */
		t->in_flight += c->calls_out;
		t->pool_used += c->pool_used;
	}
}
