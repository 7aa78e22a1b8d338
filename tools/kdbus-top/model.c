// SPDX-License-Identifier: GPL-2.0
/*
 * Rows out of listings and traffic.
 *
 * A sample reads the listings first and empties the tables afterwards: what is
 * not listed any more has had all its events before that, so its last row is
 * complete. What was born after the listings were read is known by its record
 * in the ring and counts as alive until the next ones.
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top.h"

#define KDBUS_HELLO_MONITOR 8	/* as the trace events have it */

#define TEXT(sym, num, text) [num] = text,
const char * const drop_texts[N_DROPS] = { KDBUS_MSG_DROP_TABLE(TEXT) };
const char * const end_texts[N_ENDS] = { KDBUS_CALL_END_TABLE(TEXT) };
const char * const bound_texts[N_BOUNDS] = { "policy", KDBUS_QUOTA_TABLE(TEXT) };
#undef TEXT
_Static_assert(TOP_ID_DROP + N_DROPS <= TOP_ID_END &&
	       TOP_ID_END + N_ENDS <= TOP_ID_BOUND &&
	       TOP_ID_BOUND + N_BOUNDS <= TOP_ID_ERRNO, "ids overlap");
const char * const part_texts[TOP_PARTS] = { "queue", "service", "round_trip" };

/* ---- rows ---------------------------------------------------------------- */

struct row *model_find(const struct model *m, enum view kind, __u64 bus,
		       __u64 id, __u64 src, __u64 name)
{
	struct row_key key = { kind, bus, id, src, name };
	struct row *r;

	HASH_FIND(hh, m->rows[kind], &key, sizeof(key), r);
	return r;
}

struct row *model_row(struct model *m, enum view kind, __u64 bus, __u64 id,
		      __u64 src, __u64 name)
{
	struct row *r = model_find(m, kind, bus, id, src, name);

	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->key = (struct row_key){ kind, bus, id, src, name };
	r->born = m->early ? 0 : m->sample;
	r->uid = kind == VIEW_USERS ? id : ~0U;
	HASH_ADD(hh, m->rows[kind], key, sizeof(r->key), r);
	return r;
}

struct row *model_conn(struct model *m, __u64 bus, __u64 id)
{
	struct row *r = model_row(m, VIEW_CONNS, bus, id, 0, 0);

	if (r && !r->bus)
		r->bus = model_row(m, VIEW_BUSES, bus, 0, 0, 0);
	return r;
}

/* A pair, and who is at its ends: connection 0 is the kernel and has no row. */
struct row *model_pair(struct model *m, __u64 bus, __u64 src, __u64 dst,
		       __u64 name)
{
	struct row *r = model_row(m, VIEW_PAIRS, bus, dst, src, name);

	if (r && name && !r->name) {
		/* one that is gone is not made again */
		r->name = model_find(m, VIEW_NAMES, bus, name, 0, 0);
		if (r->name)
			row_set(&r->text, row_get(r->name->text));
	}
	if (!r || r->bus)
		return r;
	r->bus = model_row(m, VIEW_BUSES, bus, 0, 0, 0);
	if (src)
		r->src = model_conn(m, bus, src);
	if (dst && dst != ~0ULL)
		r->dst = model_conn(m, bus, dst);
	return r;
}

void row_set(char **where, const char *text)
{
	if (*where && !strcmp(*where, text))
		return;
	free(*where);
	*where = strdup(text);
	if (*where)
		make_printable(*where);
}

const char *row_cgroup(struct row *r)
{
	char path[64], line[512] = "";
	FILE *f;

	if (r->cgroup)
		return r->cgroup;
	snprintf(path, sizeof(path), "/proc/%u/cgroup", r->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && strncmp(line, "0::", 3))
		line[0] = 0;
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = 0;
	row_set(&r->cgroup, line[0] ? line + 3 : "");
	return row_get(r->cgroup);
}

const struct row *row_receiver(const struct model *m, const struct row *r)
{
	switch (r->key.kind) {
	case VIEW_CONNS:
		return r;
	case VIEW_NAMES:
		return r->owner ? model_find(m, VIEW_CONNS, r->key.bus,
					     r->owner, 0, 0) : NULL;
	case VIEW_PAIRS:
		return r->dst;
	}
	return NULL;
}

static void flow_free(struct flow *f)
{
	int i;

	for (i = 0; i < TOP_PARTS; i++)
		hist_free(&f->latency[i]);
}

static void row_free(struct model *m, struct row *r)
{
	HASH_DEL(m->rows[r->key.kind], r);
	flow_free(&r->in);
	flow_free(&r->out);
	hist_free(&r->errors);
	free(r->text);
	free(r->description);
	free(r->domain);
	free(r->cgroup);
	free(r);
}

void model_free(struct model *m)
{
	struct row *r, *next;
	int k;

	for (k = 0; k < N_KINDS; k++)
		HASH_ITER(hh, m->rows[k], r, next)
			row_free(m, r);
	free(m->domains);
}

static __u64 sum(const __u64 *v, int from, int n)
{
	__u64 all = 0;

	for (; from < n; from++)
		all += v[from];
	return all;
}

__u64 flow_dropped(const struct flow *f)
{
	return sum(f->drops, 0, N_DROPS);
}

__u64 flow_failed(const struct flow *f)
{
	return sum(f->ends, KDBUS_CALL_END_ANSWERED + 1, N_ENDS);
}

__u64 flow_bounded(const struct flow *f)
{
	return sum(f->bounds, 0, N_BOUNDS);
}

/* ---- what the tables say -------------------------------------------------- */

/* The flows that a pair's traffic is part of. */
struct parts {
	struct flow *flow[8];
	int n;
};

static void parts_of(struct row *pair, struct parts *p)
{
	p->n = 0;
	p->flow[p->n++] = &pair->in;
	p->flow[p->n++] = &pair->bus->in;
	if (pair->name)
		p->flow[p->n++] = &pair->name->in;
	if (pair->dst) {
		p->flow[p->n++] = &pair->dst->in;
		if (pair->dst->user)
			p->flow[p->n++] = &pair->dst->user->in;
	}
	/* who is watched by a monitor has not sent it anything */
	if (pair->src && !(pair->dst && pair->dst->flags & KDBUS_HELLO_MONITOR)) {
		p->flow[p->n++] = &pair->src->out;
		if (pair->src->user)
			p->flow[p->n++] = &pair->src->user->out;
	}
}

static void flow_took(struct flow *f, const struct top_pair *p)
{
	int i;

	f->msgs += p->msgs;
	f->bytes += p->bytes;
	f->msgs_d += p->msgs;
	f->bytes_d += p->bytes;
	for (i = 0; i < TOP_PARTS; i++) {
		f->latency[i].sum += p->sum[i];
		if (f->latency[i].max < p->max[i])
			f->latency[i].max = p->max[i];
	}
}

int model_took_pair(struct model *m, const struct top_pair *p,
		    struct row **row)
{
	struct parts parts;
	struct row *r;
	int i;

	if (p->bus == TOP_BUS_USER) {
		*row = model_row(m, VIEW_USERS, 0, p->src, 0, 0);
		return *row ? 0 : -ENOMEM;
	}
	*row = r = model_pair(m, p->bus, p->src, p->dst, p->name);
	if (!r || !r->bus)
		return -ENOMEM;
	parts_of(r, &parts);
	for (i = 0; i < parts.n; i++)
		flow_took(parts.flow[i], p);
	if (r->dst && r->dst->queue.peak < p->depth)
		r->dst->queue.peak = p->depth;
	if (r->queue.peak < p->depth)
		r->queue.peak = p->depth;
	return 0;
}

static bool flow_count(struct flow *f, unsigned int id, __u64 n)
{
	unsigned int part = id / TOP_ID_LATENCY(1, 0);

	if (part < TOP_PARTS) {
		if (part == TOP_TRIP) {
			f->ends[KDBUS_CALL_END_ANSWERED] += n;
			f->ends_d += n;
		}
		return hist_add(&f->latency[part],
				id % TOP_ID_LATENCY(1, 0), n);
	}
	if (id - TOP_ID_DROP < N_DROPS) {
		f->drops[id - TOP_ID_DROP] += n;
	} else if (id - TOP_ID_END < N_ENDS) {
		f->ends[id - TOP_ID_END] += n;
		f->ends_d += n;
	} else if (id - TOP_ID_BOUND < N_BOUNDS) {
		f->bounds[id - TOP_ID_BOUND] += n;
	}
	return true;
}

static bool errors_took(struct row *pair, unsigned int err, __u64 n)
{
	struct row *user = pair->src ? pair->src->user : NULL;

	return hist_add(&pair->errors, err, n) &&
	       hist_add(&pair->bus->errors, err, n) &&
	       (!pair->src || hist_add(&pair->src->errors, err, n)) &&
	       (!user || hist_add(&user->errors, err, n));
}

int model_took_count(struct row *pair, unsigned int id, __u64 count)
{
	struct parts parts;
	bool ok = true;
	int i;

	if (pair->key.kind == VIEW_USERS)
		return flow_count(&pair->out, id, count) ? 0 : -ENOMEM;
	if (id >= TOP_ID_ERRNO)
		return errors_took(pair, id - TOP_ID_ERRNO, count) ?
		       0 : -ENOMEM;
	parts_of(pair, &parts);
	for (i = 0; i < parts.n; i++)
		ok = flow_count(parts.flow[i], id, count) && ok;
	return ok ? 0 : -ENOMEM;
}

static void took_conn(struct model *m, const struct top_record *r)
{
	struct row *c = model_conn(m, r->bus, r->id);

	if (!c)
		return;
	c->uid = r->uid;
	c->pid = r->pid;
	c->flags = r->flags;
	c->pool_size = r->owner;
	snprintf(c->comm, sizeof(c->comm), "%s", r->comm);
	make_printable(c->comm);
	row_set(&c->description, r->name);
	c->user = model_row(m, VIEW_USERS, 0, c->uid, 0, 0);
}

void model_took_record(struct model *m, const struct top_record *r)
{
	struct row *row;

	switch (r->type) {
	case TOP_RECORD_CONN:
		took_conn(m, r);
		break;
	case TOP_RECORD_BUS:
		row = model_row(m, VIEW_BUSES, r->bus, 0, 0, 0);
		if (row) {
			row->uid = r->uid;
			row_set(&row->text, r->name);
		}
		break;
	case TOP_RECORD_NAME:
		row = model_row(m, VIEW_NAMES, r->bus, r->id, 0, 0);
		if (row) {
			row_set(&row->text, r->name);
			if (r->owner)
				row->owner = r->owner;
			row->bus = model_row(m, VIEW_BUSES, r->bus, 0, 0, 0);
		}
		break;
	}
}

/* ---- samples ---------------------------------------------------------------- */

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static unsigned int gone(const struct row *r)
{
	return r ? r->gone : 0;
}

/*
 * Users stay; of others, what is not listed and was not born since is gone.
 * What happens to something at its very end comes a little later: its row is
 * kept for another sample.
 */
static void mark_gone(struct model *m, struct row *r)
{
	bool here = r->listed == m->sample || r->born == m->sample;
	unsigned int by_bus = gone(r->bus);

	switch (r->key.kind) {
	case VIEW_USERS:
		return;
	case KIND_ACCOUNT:
		r->gone = here ? 0 : ROW_FREED;
		return;
	case VIEW_PAIRS:
		r->gone = gone(r->src) > gone(r->dst) ? gone(r->src) :
							gone(r->dst);
		if (gone(r->name) == ROW_FREED)
			r->name = NULL;
		break;
	default:
		if (r->gone || !here)
			r->gone++;
	}
	if (r->gone < by_bus)
		r->gone = by_bus;
	if (r->gone > ROW_FREED)
		r->gone = ROW_FREED;
}

static void mark_all_gone(struct model *m)
{
	/* what others refer to first */
	static const enum view order[] = {
		VIEW_BUSES, VIEW_CONNS, VIEW_NAMES, KIND_ACCOUNT, VIEW_PAIRS,
	};
	struct row *r, *next;
	unsigned int i;

	for (i = 0; i < sizeof(order) / sizeof(*order); i++)
		HASH_ITER(hh, m->rows[order[i]], r, next)
			mark_gone(m, r);
}

static void flow_rates(struct flow *f, double s)
{
	f->msgs_s = s > 0 ? f->msgs_d / s : 0;
	f->bytes_s = s > 0 ? f->bytes_d / s : 0;
	f->ends_s = s > 0 ? f->ends_d / s : 0;
	f->msgs_d = f->bytes_d = f->ends_d = 0;
}

/* Levels of users and buses are sums over their connections. */
static void add_levels(struct row *sum, const struct row *conn)
{
	if (!sum)
		return;
	sum->conns++;
	sum->queue.now += conn->queue.now;
	sum->pool.now += conn->pool.now;
	sum->pool_size += conn->pool_size;
}

static void clear_levels(struct row *r)
{
	r->in.in_flight = r->in.oldest_ns = 0;
	r->out.in_flight = r->out.oldest_ns = 0;
	r->held = r->held_msgs = r->held_fds = 0;
	r->share = 0;
	r->queue.now = r->pool.now = 0;
	if (r->key.kind == VIEW_USERS || r->key.kind == VIEW_BUSES) {
		r->pool_size = 0;
		r->conns = r->buses = r->endpoints = 0;
	}
	/* whoever owns a name is listed; one that is gone keeps its last */
	r->waiters = 0;
}

static void raise_peak(struct level *l)
{
	if (l->peak < l->now)
		l->peak = l->now;
}

static void finish_row(struct model *m, struct row *r)
{
	flow_rates(&r->in, m->interval);
	flow_rates(&r->out, m->interval);
	raise_peak(&r->queue);
	raise_peak(&r->pool);
	if (r->key.kind == VIEW_USERS && !r->text) {
		struct passwd *pw = getpwuid(r->key.id);

		row_set(&r->text, pw ? pw->pw_name : "");
	}
}

static void finish(struct model *m)
{
	struct row *r, *next;
	int k;

	mark_all_gone(m);
	HASH_ITER(hh, m->rows[VIEW_CONNS], r, next) {
		if (r->gone)
			continue;
		add_levels(r->user, r);
		add_levels(r->bus, r);
	}
	for (k = 0; k < N_KINDS; k++)
		HASH_ITER(hh, m->rows[k], r, next)
			finish_row(m, r);
	m->lost = source_lost();
}

/* What was gone goes; the levels of what stays are read anew. */
static void begin(struct model *m)
{
	struct row *r, *next;
	int k;

	for (k = 0; k < N_KINDS; k++)
		HASH_ITER(hh, m->rows[k], r, next) {
			if (r->gone == ROW_FREED)
				row_free(m, r);
			else
				clear_levels(r);
		}
}

int model_drain(struct model *m)
{
	int ret;

	m->early = true;
	ret = source_drain(m);
	m->early = false;
	return ret;
}

int model_sample(struct model *m)
{
	/* before anything is read: what happened until then is in it */
	__u64 now = now_ns();
	int ret;

	m->sample++;
	begin(m);
	ret = listings_read(m);
	if (ret < 0)
		return ret;
	ret = source_drain(m);
	if (ret < 0)
		return ret;
	m->interval = m->time_ns ? (now - m->time_ns) / 1e9 : 0;
	m->time_ns = now;
	finish(m);
	return 0;
}

/* Levels stay. */
static void flow_zero(struct flow *f)
{
	struct flow new = { .in_flight = f->in_flight,
			    .oldest_ns = f->oldest_ns };

	flow_free(f);
	*f = new;
}

void model_zero(struct model *m)
{
	struct row *r, *next;
	int k;

	for (k = 0; k < N_KINDS; k++)
		HASH_ITER(hh, m->rows[k], r, next) {
			flow_zero(&r->in);
			flow_zero(&r->out);
			hist_free(&r->errors);
			r->queue.peak = r->queue.now;
		}
}
