// SPDX-License-Identifier: GPL-2.0
/* What the module lists, docs/debugfs.rst: what exists, and its levels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define MAX_FIELDS 16

/*
 * A listing's reader gets the fields it names, in its order: their numbers are
 * found once, since a listing may have very many lines.
 */
struct fields {
	const struct listing *l;
	int column[MAX_FIELDS];
};

static __u64 num(const struct fields *f, int i)
{
	return strtoull(listing_at(f->l, f->column[i]), NULL, 10);
}

static const char *str(const struct fields *f, int i)
{
	return listing_at(f->l, f->column[i]);
}

/* Calls @take for each line; 0 or a negative errno. */
static int listing_each(struct model *m, const char *file,
			const char * const *names,
			int (*take)(struct model *, const struct fields *))
{
	struct fields f = { .l = listing_open(file) };
	struct listing *l = (struct listing *)f.l;
	int i, ret = 0;

	if (!l)
		return -errno;
	for (i = 0; names[i]; i++)
		f.column[i] = listing_column(l, names[i]);
	while (!ret && listing_next(l))
		ret = take(m, &f);
	listing_close(l);
	return ret;
}

/* ---- domains --------------------------------------------------------------- */

static const char * const domain_fields[] = { "domain", "parent", "name", NULL };

static int take_domain(struct model *m, const struct fields *f)
{
	struct domain *more;

	more = realloc(m->domains, (m->n_domains + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	m->domains = more;
	more += m->n_domains++;
	more->id = num(f, 0);
	more->parent = num(f, 1);
	snprintf(more->name, sizeof(more->name), "%s", str(f, 2));
	return 0;
}

/* "outer/inner"; empty for the initial one, which has no name. */
static void domain_path(const struct model *m, __u64 id, char *buf,
			size_t size)
{
	size_t len;
	unsigned int i;

	buf[0] = 0;
	for (i = 0; i < m->n_domains; i++) {
		if (m->domains[i].id != id || !m->domains[i].name[0])
			continue;
		domain_path(m, m->domains[i].parent, buf, size);
		len = strlen(buf);
		snprintf(buf + len, size - len, "%s%s", len ? "/" : "",
			 m->domains[i].name);
		return;
	}
}

/* ---- buses --------------------------------------------------------------- */

static const char * const bus_fields[] = {
	"bus", "uid", "flags", "name", "domain", NULL
};

static int take_bus(struct model *m, const struct fields *f)
{
	struct row *r = model_row(m, VIEW_BUSES, num(f, 0), 0, 0, 0);
	char path[256];

	if (!r)
		return -ENOMEM;
	r->listed = m->sample;
	r->uid = num(f, 1);
	r->flags = num(f, 2);
	row_set(&r->text, str(f, 3));
	domain_path(m, num(f, 4), path, sizeof(path));
	row_set(&r->domain, path);
	return 0;
}

/* ---- connections ----------------------------------------------------------- */

static const char * const conn_fields[] = {
	"bus", "conn", "flags", "uid", "pid", "pool_size", "pool_used",
	"pool_peak", "queued", "comm", "description", "names", NULL
};

static int take_conn(struct model *m, const struct fields *f)
{
	struct row *r = model_conn(m, num(f, 0), num(f, 1));

	if (!r)
		return -ENOMEM;
	r->listed = m->sample;
	r->flags = num(f, 2);
	r->uid = num(f, 3);
	r->pid = num(f, 4);
	r->pool_size = num(f, 5);
	r->pool.now = num(f, 6);
	r->pool.peak = num(f, 7);
	r->queue.now = num(f, 8);
	snprintf(r->comm, sizeof(r->comm), "%s", str(f, 9));
	make_printable(r->comm);
	row_set(&r->description, str(f, 10));
	row_set(&r->text, str(f, 11));
	r->user = model_row(m, VIEW_USERS, 0, r->uid, 0, 0);
	return r->user ? 0 : -ENOMEM;
}

/* ---- names ------------------------------------------------------------------- */

static const char * const name_fields[] = {
	"bus", "name_id", "owner", "flags", "activator", "waiters", "name", NULL
};

static int take_name(struct model *m, const struct fields *f)
{
	struct row *r = model_row(m, VIEW_NAMES, num(f, 0), num(f, 1), 0, 0);

	if (!r)
		return -ENOMEM;
	r->listed = m->sample;
	r->bus = model_row(m, VIEW_BUSES, num(f, 0), 0, 0, 0);
	r->owner = num(f, 2);
	r->flags = num(f, 3);
	r->activator = num(f, 4);
	r->waiters = num(f, 5);
	row_set(&r->text, str(f, 6));
	return 0;
}

/* ---- users ------------------------------------------------------------------ */

static const char * const user_fields[] = {
	"uid", "buses", "endpoints", NULL
};

static int take_user(struct model *m, const struct fields *f)
{
	struct row *r;

	/* what one holds in several domains is added up */
	r = model_row(m, VIEW_USERS, 0, num(f, 0), 0, 0);
	if (!r)
		return -ENOMEM;
	r->buses += num(f, 1);
	r->endpoints += num(f, 2);
	return 0;
}

static const char * const account_fields[] = {
	"bus", "conn", "src", "uid", "bytes", "msgs", "fds", NULL
};

/* After the connections, whose pools these are parts of. */
static int take_account(struct model *m, const struct fields *f)
{
	const struct row *conn = model_find(m, VIEW_CONNS, num(f, 0),
					    num(f, 1), 0, 0);
	struct row *r, *user;

	r = model_row(m, KIND_ACCOUNT, num(f, 0), num(f, 1), num(f, 2),
		      (__u32)num(f, 3));
	user = model_row(m, VIEW_USERS, 0, (__u32)num(f, 3), 0, 0);
	if (!r || !user)
		return -ENOMEM;
	r->listed = m->sample;
	r->held = num(f, 4);
	r->held_msgs = num(f, 5);
	r->held_fds = num(f, 6);
	r->share = conn && conn->pool_size ?
		   (double)r->held / conn->pool_size : 0;
	user->held += r->held;
	user->held_msgs += r->held_msgs;
	user->held_fds += r->held_fds;
	if (user->share < r->share)
		user->share = r->share;
	return 0;
}

/* ---- calls ---------------------------------------------------------------- */

static const char * const call_fields[] = {
	"bus", "conn", "peer", "name_id", "age_ns", NULL
};

static void flow_call(struct flow *f, __u64 age)
{
	f->in_flight++;
	if (f->oldest_ns < age)
		f->oldest_ns = age;
}

static int take_call(struct model *m, const struct fields *f)
{
	struct row *r = model_pair(m, num(f, 0), num(f, 1), num(f, 2),
				   num(f, 3));
	__u64 age = num(f, 4);

	if (!r || !r->bus || !r->src || !r->dst)
		return -ENOMEM;
	flow_call(&r->in, age);
	flow_call(&r->bus->in, age);
	flow_call(&r->src->out, age);
	flow_call(&r->dst->in, age);
	if (r->name)
		flow_call(&r->name->in, age);
	if (r->src->user)
		flow_call(&r->src->user->out, age);
	if (r->dst->user)
		flow_call(&r->dst->user->in, age);
	return 0;
}

/* -------------------------------------------------------------------------- */

int listings_read(struct model *m)
{
	/* in the order in which they refer to each other */
	static const struct {
		const char *file;
		const char * const *fields;
		int (*take)(struct model *m, const struct fields *f);
	} listings[] = {
		{ "domains", domain_fields, take_domain },
		{ "buses", bus_fields, take_bus },
		{ "connections", conn_fields, take_conn },
		{ "names", name_fields, take_name },
		{ "users", user_fields, take_user },
		{ "accounts", account_fields, take_account },
		{ "calls", call_fields, take_call },
	};
	unsigned int i;
	int ret = 0;

	m->n_domains = 0;
	for (i = 0; !ret && i < sizeof(listings) / sizeof(*listings); i++)
		ret = listing_each(m, listings[i].file, listings[i].fields,
				   listings[i].take);
	return ret;
}

unsigned long listings_conns(void)
{
	struct listing *l = listing_open("buses");
	unsigned long n = 0;

	while (l && listing_next(l))
		n += listing_num(l, "conns");
	listing_close(l);
	return n;
}

unsigned long limit_of(const char *parameter)
{
	char path[96];
	unsigned long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/kdbus/parameters/%s",
		 parameter);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%lu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}
