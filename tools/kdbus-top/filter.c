// SPDX-License-Identifier: GPL-2.0
/*
 * Filters: which connections somebody wants to see, and with them the names,
 * pairs, users and buses that have to do with one of those.
 *
 *   KEY=PATTERN	patterns are as of the shell: org.foo.*
 *   KEY!=PATTERN
 *   text		what has it in any of its words
 *
 * All terms have to hold. Quotes keep spaces, and make "a=b" text.
 */
#include <fnmatch.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

enum key { K_TEXT, K_BUS, K_CONN, K_UID, K_PID, K_COMM, K_NAME, K_CGROUP };

static const char * const keys[] = {
	[K_BUS] = "bus", [K_CONN] = "conn", [K_UID] = "uid", [K_PID] = "pid",
	[K_COMM] = "comm", [K_NAME] = "name", [K_CGROUP] = "cgroup",
};
#define N_KEYS (sizeof(keys) / sizeof(*keys))

struct say {
	char *error;
	size_t size;
};

static bool wrong(const struct say *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static bool wrong(const struct say *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->error, s->size, fmt, ap);
	va_end(ap);
	return false;
}

/* ---- reading ------------------------------------------------------------ */

static bool read_number(const char *text, __u64 *n)
{
	char *end;

	*n = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end;
}

static bool read_uid(struct filter_term *t, const struct say *s)
{
	struct passwd *pw;

	if (read_number(t->value, &t->number))
		return true;
	pw = getpwnam(t->value);
	if (!pw)
		return wrong(s, "there is no user '%s'", t->value);
	t->number = pw->pw_uid;
	return true;
}

/* "5", or "1:5" on one bus */
static bool read_conn(struct filter_term *t, const struct say *s)
{
	char *colon = strchr(t->value, ':');

	if (colon) {
		*colon = 0;
		if (!read_number(t->value, &t->bus) || !t->bus)
			return wrong(s, "'%s' is no bus id", t->value);
	}
	if (!read_number(colon ? colon + 1 : t->value, &t->number))
		return wrong(s, "'%s' is no connection id",
			     colon ? colon + 1 : t->value);
	return true;
}

static bool read_value(struct filter_term *t, const struct say *s)
{
	if (!t->value[0])
		return wrong(s, "what should '%s' be?", keys[t->key]);
	switch (t->key) {
	case K_UID:
		return read_uid(t, s);
	case K_CONN:
		return read_conn(t, s);
	case K_PID:
		return read_number(t->value, &t->number) ||
		       wrong(s, "'%s' is no pid", t->value);
	}
	return true;
}

/* Takes a word apart; @quoted ones are text. */
static bool read_term(struct filter_term *t, char *word, bool quoted,
		      const struct say *s)
{
	char *equals = quoted ? NULL : strchr(word, '='), *end;
	unsigned int i;

	memset(t, 0, sizeof(*t));
	if (!equals) {
		snprintf(t->value, sizeof(t->value), "%s", word);
		return true;
	}
	snprintf(t->value, sizeof(t->value), "%s", equals + 1);
	end = equals;
	if (end > word && end[-1] == '!') {
		t->not = true;
		end--;
	}
	*end = 0;
	for (i = K_TEXT + 1; i < N_KEYS; i++)
		if (!strcmp(word, keys[i]))
			t->key = i;
	if (!t->key)
		return wrong(s, "there is no key '%s'; keys are bus conn uid pid comm name cgroup",
			     word);
	return read_value(t, s);
}

/*
 * Cuts the next word off, without its quotes; NULL at the end, or with
 * *@open if a quote does not end.
 */
static char *next_word(char **at, bool *quoted, bool *open)
{
	char *p = *at, *word, *out;
	bool inside = false;

	while (*p == ' ')
		p++;
	if (!*p)
		return NULL;
	*quoted = *p == '"';
	for (word = out = p; *p && (inside || *p != ' '); p++) {
		if (*p == '"')
			inside = !inside;
		else
			*out++ = *p;
	}
	*at = *p ? p + 1 : p;
	*out = 0;
	*open = inside;
	return inside ? NULL : word;
}

bool filter_parse(struct filter *f, const char *text, char *error,
		  size_t size)
{
	const struct say s = { error, size };
	struct filter new = {};
	char copy[FILTER_TEXT], *at = copy, *word;
	bool quoted, open = false;

	if (strlen(text) >= sizeof(copy))
		return wrong(&s, "a filter has at most %zu characters",
			     sizeof(copy) - 1);
	strcpy(copy, text);
	strcpy(new.text, text);
	while ((word = next_word(&at, &quoted, &open))) {
		if (new.n == FILTER_TERMS)
			return wrong(&s, "a filter has at most %d terms",
				     FILTER_TERMS);
		if (!read_term(&new.terms[new.n++], word, quoted, &s))
			return false;
	}
	if (open)
		return wrong(&s, "a quote does not end");
	*f = new;
	return true;
}

bool filter_is_wide(const struct filter *f)
{
	unsigned int i;

	for (i = 0; i < f->n; i++)
		if (f->terms[i].key != K_BUS)
			return false;
	return true;
}

/* ---- matching ----------------------------------------------------------- */

/**
 * struct subject - what terms are compared with; what is NULL matches nothing
 * @conn:	a connection
 * @name:	if it is about one of its names, that one
 * @bus:	its bus
 * @user:	who it is, where there is no connection
 */
struct subject {
	struct row *conn;
	const char *name;
	const struct row *bus, *user;
};

static bool glob(const char *pattern, const char *text)
{
	return !fnmatch(pattern, text, 0);
}

static bool bus_is(const struct filter_term *t, const struct row *bus)
{
	__u64 id;

	if (!bus)
		return false;
	return glob(t->value, row_get(bus->text)) ||
	       (read_number(t->value, &id) && id == bus->key.bus);
}

static bool any_name(const char *pattern, const char *names)
{
	char copy[1024], *save, *name;

	snprintf(copy, sizeof(copy), "%s", names);
	for (name = strtok_r(copy, ",", &save); name;
	     name = strtok_r(NULL, ",", &save))
		if (glob(pattern, name))
			return true;
	return false;
}

static bool has_text(const struct subject *s, const char *text)
{
	const struct row *c = s->conn;
	char all[2048];

	snprintf(all, sizeof(all), "%llu:%llu %s %s %s %u %u %s %s",
		 c ? c->key.bus : s->bus ? s->bus->key.bus : 0,
		 c ? c->key.id : 0, s->name ?: c ? row_get(c->text) : "",
		 c ? row_get(c->description) : "", c ? c->comm : "",
		 c ? c->pid : 0, c ? c->uid : s->user ? s->user->uid : 0,
		 s->bus ? row_get(s->bus->text) : "",
		 s->user ? row_get(s->user->text) : "");
	return strstr(all, text);
}

static bool term_is(const struct filter_term *t, const struct subject *s)
{
	struct row *c = s->conn;

	switch (t->key) {
	case K_TEXT:
		return has_text(s, t->value);
	case K_BUS:
		return bus_is(t, s->bus);
	case K_CONN:
		return c && c->key.id == t->number &&
		       (!t->bus || t->bus == c->key.bus);
	case K_UID:
		return c ? c->uid == t->number :
			   s->user && s->user->uid == t->number;
	case K_PID:
		return c && c->pid == t->number;
	case K_COMM:
		return c && glob(t->value, c->comm);
	case K_NAME:
		return s->name ? glob(t->value, s->name) :
		       c && any_name(t->value, row_get(c->text));
	case K_CGROUP:
		return c && glob(t->value, row_cgroup(c));
	}
	return false;
}

static bool passes(const struct filter *f, const struct subject *s)
{
	unsigned int i;

	for (i = 0; i < f->n; i++)
		if (term_is(&f->terms[i], s) == f->terms[i].not)
			return false;
	return true;
}

/* ---- marking ------------------------------------------------------------ */

static bool conn_passes(const struct filter *f, struct row *conn,
			const char *name)
{
	struct subject s = { .conn = conn, .name = name };

	if (!conn)
		return false;
	s.bus = conn->bus;
	s.user = conn->user;
	return passes(f, &s);
}

/* A name is its owner's; the name itself is what terms about names see. */
static bool name_passes(const struct filter *f, const struct model *m,
			const struct row *r)
{
	struct row *owner = model_find(m, VIEW_CONNS, r->key.bus, r->owner, 0,
				       0);
	struct subject s = {
		.conn = owner, .name = row_get(r->text), .bus = r->bus,
		.user = owner ? owner->user : NULL,
	};

	return passes(f, &s);
}

/* A pair passes by one of its ends; what was sent to a name is about that. */
static bool pair_passes(const struct filter *f, struct row *r)
{
	return conn_passes(f, r->dst, r->key.name ? row_get(r->text) : NULL) ||
	       conn_passes(f, r->src, NULL);
}

/* Those without connections have only themselves to pass by. */
static void mark_lone(const struct filter *f, struct model *m)
{
	struct row *r, *next;

	HASH_ITER(hh, m->rows[VIEW_BUSES], r, next)
		r->passes = passes(f, &(struct subject){ .bus = r });
	HASH_ITER(hh, m->rows[VIEW_USERS], r, next)
		r->passes = passes(f, &(struct subject){ .user = r });
}

void filter_apply(const struct filter *f, struct model *m)
{
	struct row *r, *next;

	mark_lone(f, m);
	HASH_ITER(hh, m->rows[VIEW_CONNS], r, next) {
		r->passes = conn_passes(f, r, NULL);
		if (!r->passes || r->gone)
			continue;
		if (r->bus)
			r->bus->passes = true;
		if (r->user)
			r->user->passes = true;
	}
	HASH_ITER(hh, m->rows[VIEW_NAMES], r, next)
		r->passes = name_passes(f, m, r);
	HASH_ITER(hh, m->rows[VIEW_PAIRS], r, next)
		r->passes = pair_passes(f, r);
}
