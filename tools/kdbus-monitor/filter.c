// SPDX-License-Identifier: GPL-2.0
/*
 * What is wanted. All criteria have to hold; those about a process or a name
 * hold if they do for either end. The BPF programs decide what they can
 * beforehand, and never more than is decided here.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "kdbus_enums.h"
#include "monitor.h"

/* ---- parsing ---------------------------------------------------------- */

static const struct {
	const char *name;
	__u32 types;
} groups[] = {
	{ "message", 1 << EV_CALL | 1 << EV_REPLY | 1 << EV_SIGNAL |
		     1 << EV_NOTICE },
	{ "all", (1u << N_EVENT_TYPES) - 1 },
};

static __u32 find_type(const char *name)
{
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(groups); i++)
		if (!strcmp(name, groups[i].name))
			return groups[i].types;
	for (i = 0; i < N_EVENT_TYPES; i++)
		if (!strcmp(name, event_type_names[i]))
			return 1 << i;
	return 0;
}

__u32 filter_types(const char *list)
{
	char **words = g_strsplit(list, ",", 0);
	__u32 types = 0, its;
	int i;

	for (i = 0; words[i]; i++) {
		its = find_type(words[i]);
		types |= its;
		if (!its)
			break;
	}
	if (words[i])
		types = 0;
	g_strfreev(words);
	return types;
}

bool parse_number(const char *s, __u64 *v)
{
	char *end;

	*v = strtoull(s, &end, 10);
	return *s >= '0' && *s <= '9' && !*end;
}

bool parse_time(const char *s, __u64 *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
		{ "", 1e9 },
	};
	char *end;
	double v = strtod(s, &end);
	size_t i;

	if (end == s || !(v >= 0 && v < 1e6))
		return false;
	for (i = 0; i < G_N_ELEMENTS(units); i++)
		if (!strcmp(end, units[i].unit)) {
			*ns = v * units[i].ns;
			return true;
		}
	return false;
}

/* ---- following -------------------------------------------------------- */

/* a call that is followed: notices do not name it */
struct asked {
	__u64 bus, conn, cookie;
};

static const struct options *opt;
static GHashTable *followed;
static GArray *asked;

static void follow(__u64 id)
{
	gint64 *key = g_new(gint64, 1);

	*key = id;
	g_hash_table_add(followed, key);
}

static bool is_followed(const struct event *e, enum event_field f)
{
	gint64 key = event_get(e, f);

	return key && g_hash_table_contains(followed, &key);
}

static bool is_notice_to_followed(const struct event *e)
{
	guint i;

	if (e->type != EV_NOTICE)
		return false;
	for (i = 0; i < asked->len; i++) {
		const struct asked *a = &g_array_index(asked, struct asked, i);

		if (a->bus == e->bus && a->conn == e->dst.conn &&
		    a->cookie == event_get(e, F_COOKIE))
			return true;
	}
	return false;
}

void filter_learn(const struct event *e)
{
	struct asked a = { e->bus, e->src.conn, event_get(e, F_COOKIE) };

	if (!followed || !(is_followed(e, F_ID) || is_followed(e, F_CALL_ID) ||
			   is_notice_to_followed(e)))
		return;
	if (event_has(e, F_ID))
		follow(event_get(e, F_ID));
	if (event_has(e, F_CALL_ID))
		follow(event_get(e, F_CALL_ID));
	if (e->type == EV_CALL)
		g_array_append_val(asked, a);
}

/* ---- deciding --------------------------------------------------------- */

void filter_open(const struct options *o)
{
	opt = o;
	if (!o->follow)
		return;
	followed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					 NULL);
	asked = g_array_new(FALSE, FALSE, sizeof(struct asked));
	follow(o->follow);
}

static bool bus_passes(const struct event *e)
{
	__u64 id;

	if (parse_number(opt->bus, &id))
		return e->bus == id;
	return e->bus_name && !strcmp(e->bus_name, opt->bus);
}

static bool name_in(const char *list, const char *pattern)
{
	char **words;
	bool ret = false;
	int i;

	if (!list)
		return false;
	words = g_strsplit(list, ",", 0);
	for (i = 0; words[i] && !ret; i++)
		ret = !fnmatch(pattern, words[i], 0);
	g_strfreev(words);
	return ret;
}

/* @addressed: the name a message was sent to, if this is its receiver */
static bool who_is(const struct who *w, const char *what, const char *addressed)
{
	__u64 id;

	if (!w->there)
		return false;
	if (parse_number(what, &id))
		return w->conn == id;
	return name_in(w->names, what) || name_in(addressed, what);
}

static bool comm_is(const struct who *w)
{
	return w->comm && !fnmatch(opt->comm, w->comm, 0);
}

static bool process_passes(const struct event *e)
{
	const struct who *s = &e->src, *d = &e->dst;

	if (opt->comm && !comm_is(s) && !comm_is(d))
		return false;
	if (opt->by_uid && !(s->has_process && s->uid == opt->uid) &&
	    !(d->has_process && d->uid == opt->uid))
		return false;
	return !opt->by_pid || (s->has_process && s->pid == opt->pid) ||
	       (d->has_process && d->pid == opt->pid);
}

static bool is_slow(const struct event *e)
{
	__u64 took;

	switch (e->type) {
	case EV_REPLY:
	case EV_END:
		took = event_has(e, F_AGE) ? e->v[F_AGE] : UNKNOWN;
		break;
	case EV_RECV:
		took = event_has(e, F_WAIT) ? e->v[F_WAIT] : UNKNOWN;
		break;
	default:
		return false;
	}
	return took != UNKNOWN && took >= opt->slower_ns;
}

bool filter_passes(const struct event *e)
{
	if (e->type == EV_START || e->type == EV_LOST)
		return true;
	if (!(opt->types & (1u << e->type)) ||
	    (opt->bus && !bus_passes(e)) ||
	    (opt->errors && !event_is_error(e)) ||
	    (opt->slower_ns && !is_slow(e)) ||
	    (opt->src && !who_is(&e->src, opt->src, NULL)) ||
	    (opt->dst && !who_is(&e->dst, opt->dst, e->name)) ||
	    !process_passes(e))
		return false;
	if (opt->name && !who_is(&e->src, opt->name, e->name) &&
	    !who_is(&e->dst, opt->name, e->name))
		return false;
	return !followed || is_followed(e, F_ID) || is_followed(e, F_CALL_ID) ||
	       is_notice_to_followed(e);
}
