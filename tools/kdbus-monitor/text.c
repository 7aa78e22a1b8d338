// SPDX-License-Identifier: GPL-2.0
/*
 * An event as a line for people: columns that line up, then who did it, then
 * what else there is to say. On a terminal names are shortened when it is
 * narrow and what does not fit is cut; elsewhere lines are as long as need be.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/kdbus.h>

#include "kdbus_enums.h"
#include "monitor.h"

#define COLUMNS_BEFORE 54	/* of who did it */

static FILE *out;
static size_t width;		/* of the terminal, 0 for none */
static bool color, begun;
static GString *line, *more;

/* how much of a name there is room for */
enum detail { FULL, NO_COMM, SHORT };

static bool is_terminal(void)
{
	return isatty(fileno(out));
}

static size_t terminal_width(const struct options *o)
{
	struct winsize w;

	if (o->wide || !is_terminal() || ioctl(fileno(out), TIOCGWINSZ, &w))
		return 0;
	return w.ws_col;
}

static bool wants_color(const struct options *o)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (o->color >= 0)
		return o->color;
	return is_terminal() && !(no && *no) &&
	       term && strcmp(term, "dumb");
}

void text_open(const struct options *o, FILE *to)
{
	out = to;
	width = terminal_width(o);
	color = wants_color(o);
	line = g_string_new(NULL);
	more = g_string_new(NULL);
}

void text_flush(void)
{
	fflush(out);
}

/* ---- who -------------------------------------------------------------- */

static const char *last_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot[1] ? dot + 1 : name;
}

/* @called: the name that was used for it, or NULL for any that it has */
static void put_who(GString *s, const struct who *w, const char *called,
		    enum detail detail)
{
	int len;

	if (!w->there || !w->conn) {
		g_string_append(s, w->there ? "kernel" : "-");
		return;
	}
	if (w->conn == EVERYBODY) {
		g_string_append_c(s, '*');
		return;
	}
	g_string_append_printf(s, "%llu", w->conn);
	if (!called)
		called = w->names;
	if (!called) {
		if (w->comm)
			g_string_append_printf(s, " %s", w->comm);
		return;
	}
	len = strcspn(called, ",");
	if (detail == SHORT && !called[len])
		g_string_append_printf(s, " %s", last_part(called));
	else
		g_string_append_printf(s, " %.*s", len, called);
	if (w->comm && detail == FULL)
		g_string_append_printf(s, "(%s)", w->comm);
}

void text_who(const struct who *w, char *buf, size_t size)
{
	GString *s = g_string_new(NULL);

	put_who(s, w, NULL, FULL);
	snprintf(buf, size, "%s", s->str);
	g_string_free(s, TRUE);
}

/* A message that came back to the name's owner was not sent to that name. */
static const char *dst_called(const struct event *e)
{
	return e->type == EV_NAME || e->type == EV_POLICY ||
	       !e->dst.there ? NULL : e->name;
}

static void put_ends(GString *s, const struct event *e, enum detail detail)
{
	/* a monitor connection does not know its bus by number */
	if (e->bus)
		g_string_append_printf(s, "%llu:", e->bus);
	put_who(s, &e->src, NULL, detail);
	if (!e->dst.there)
		return;
	g_string_append(s, " > ");
	/* a refused one may be addressed by name alone */
	if (!e->dst.conn && e->name)
		g_string_append(s, e->name);
	else
		put_who(s, &e->dst, dst_called(e), detail);
}

static void add_ends(const struct event *e)
{
	size_t room = width > COLUMNS_BEFORE ? width - COLUMNS_BEFORE : 0;
	GString *s = g_string_new(NULL);
	enum detail d;

	for (d = FULL; d <= SHORT; d++) {
		g_string_truncate(s, 0);
		put_ends(s, e, d);
		if (!width || s->len <= room)
			break;
	}
	g_string_append(line, s->str);
	g_string_free(s, TRUE);
}

/* ---- what else -------------------------------------------------------- */

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	va_list ap;

	g_string_append(more, more->len ? " " : "");
	va_start(ap, fmt);
	g_string_append_vprintf(more, fmt, ap);
	va_end(ap);
}

static void say_time(const char *what, __u64 ns)
{
	char buf[8];

	format_time(ns, buf, sizeof(buf));
	say("%s %s", what, buf);
}

static void say_flags(enum value_kind kind, __u64 flags)
{
	const struct value_name *n;

	for (n = value_names(kind); n->name; n++)
		if (flags & n->value)
			say("%s", n->name);
}

static void say_number(const struct event *e, enum event_field f,
		       const char *what)
{
	if (event_get(e, f))
		say("%s %llu", what, e->v[f]);
}

static void say_message(const struct event *e)
{
	/* what matters most first: the rest may be cut */
	if (event_get(e, F_AGE) && e->v[F_AGE] != UNKNOWN)
		say_time("in", e->v[F_AGE]);
	if (event_get(e, F_CALL_ID))
		say("to #%llu", e->v[F_CALL_ID]);
	else if (event_get(e, F_REPLY_TO))
		say("to cookie %llu", e->v[F_REPLY_TO]);
	if (event_has(e, F_COOKIE))
		say("cookie %llu", e->v[F_COOKIE]);
	if (event_get(e, F_SYNC))
		say("sync");
	if (event_get(e, F_TIMEOUT))
		say_time("timeout", e->v[F_TIMEOUT]);
	say_number(e, F_FDS, "fds");
	say_number(e, F_MEMFDS, "memfds");
	if (event_get(e, F_PRIORITY))
		say("priority %lld", (long long)e->v[F_PRIORITY]);
	/* call and sync are what the other two flags say */
	if (event_get(e, F_FLAGS) & 4)
		say("no_auto_start");
	if (event_has(e, F_RECEIVERS))
		say("to %llu of %llu", e->v[F_RECEIVERS], e->v[F_MATCHED]);
	if (event_get(e, F_DEPTH) > 1)
		say("queue %llu", e->v[F_DEPTH]);
	if (event_get(e, F_POOL_SIZE) &&
	    event_get(e, F_POOL_USED) > e->v[F_POOL_SIZE] / 2)
		say("pool %llu%%", e->v[F_POOL_USED] * 100 / e->v[F_POOL_SIZE]);
}

static void say_end(const struct event *e)
{
	say_time("after", event_get(e, F_AGE));
	if (event_has(e, F_WAIT) && e->v[F_WAIT] == UNKNOWN)
		say("never received");
	say("cookie %llu", event_get(e, F_COOKIE));
	if (event_get(e, F_SYNC))
		say("sync");
}

static void say_name(const struct event *e)
{
	__u64 action = event_get(e, F_ACTION);
	__u64 flags = event_get(e, F_NAME_FLAGS);
	char who[160];

	text_who(&e->dst, who, sizeof(who));
	switch (action) {
	case A_ADD:
		say("has %s", e->name);
		break;
	case A_REMOVE:
		say("gave up %s", e->name);
		break;
	case A_CHANGE:
		say("lost %s to %s", e->name, who);
		break;
	case A_WAIT:
		say("waits for %s", e->name);
		break;
	case A_UNWAIT:
		say("waits no longer for %s", e->name);
		break;
	case A_UPDATE:
		say("asked again for %s", e->name);
		break;
	default:
		say("%s %s", value_name(V_ACTION, action), e->name);
	}
	/* who waits has asked to be queued */
	if (action != A_UPDATE)
		flags &= ~(__u64)KDBUS_NAME_QUEUE;
	say_flags(V_NAME_FLAGS, flags);
}

static void say_conn(const struct event *e)
{
	char pool[8];

	switch (event_get(e, F_ACTION)) {
	case A_NEW:
		say("connected");
		if (e->src.has_process)
			say("pid %u uid %u", e->src.pid, e->src.uid);
		if (e->text && *e->text)
			say("'%s'", e->text);
		say_flags(V_CONN_FLAGS, event_get(e, F_CONN_FLAGS));
		if (event_has(e, F_POOL_SIZE)) {
			format_bytes(e->v[F_POOL_SIZE], pool, sizeof(pool));
			say("pool %s", pool);
		}
		break;
	case A_DEAD:
		say("is gone");
		if (event_has(e, F_END_REASON))
			say("(%s)", value_name(V_END_REASON,
					       e->v[F_END_REASON]));
		break;
	default:
		say("wants metadata %#llx", event_get(e, F_ATTACH));
	}
}

static void say_bus(const struct event *e)
{
	switch (event_get(e, F_ACTION)) {
	case A_NEW:
		say("bus %s made, uid %llu", e->name, event_get(e, F_OWNER));
		break;
	case A_DEAD:
		say("bus %s is gone", e->bus_name ?: "");
		break;
	case A_ENDPOINT_NEW:
		say("endpoint %s made, uid %llu", e->name,
		    event_get(e, F_OWNER));
		break;
	case A_ENDPOINT_DEAD:
		say("endpoint is gone");
		break;
	case A_DOMAIN_NEW:
		say("domain %s made", e->name);
		break;
	default:
		say("domain is gone");
	}
}

static void say_policy(const struct event *e)
{
	if (event_get(e, F_ACTION) == A_SET) {
		say("policy set: %llu grants", event_get(e, F_GRANTS));
		return;
	}
	if (event_get(e, F_ACTION) == A_DENY_FILE) {
		say("security module denies a file");
		return;
	}
	say("may not %s", value_name(V_LEVEL, event_get(e, F_LEVEL)));
	if (e->name && *e->name)
		say("%s", e->name);
}

static void say_quota(const struct event *e)
{
	say("%s: %llu more on %llu of %llu",
	    value_name(V_QUOTA, event_get(e, F_QUOTA_KIND)),
	    event_get(e, F_ASKED), event_get(e, F_USED), event_get(e, F_LIMIT));
}

static void say_recv(const struct event *e)
{
	say("cookie %llu", event_get(e, F_COOKIE));
	say("%s", value_name(V_KIND, event_get(e, F_KIND)));
	say_flags(V_RECV_FLAGS, event_get(e, F_RECV_FLAGS));
	if (event_get(e, F_DEPTH))
		say("%llu still queued", e->v[F_DEPTH]);
}

static void say_all(const struct event *e)
{
	g_string_truncate(more, 0);
	switch (e->type) {
	case EV_END:
		say_end(e);
		break;
	case EV_NOTICE:
		say("%s", value_name(V_NOTICE, event_get(e, F_NOTICE_TYPE)));
		say_number(e, F_COOKIE, "of cookie");
		break;
	case EV_RECV:
		say_recv(e);
		break;
	case EV_DROP:
		say("%s cookie %llu",
		    value_name(V_REASON, event_get(e, F_REASON)),
		    event_get(e, F_COOKIE));
		break;
	case EV_MOVE:
		say("with %s", e->name ?: "its name");
		break;
	case EV_FAILED:
		say("%s", value_name(V_COMMAND, event_get(e, F_COMMAND)));
		break;
	case EV_NAME:
		say_name(e);
		break;
	case EV_MATCH:
		say("%s match cookie %llu",
		    value_name(V_ACTION, event_get(e, F_ACTION)),
		    event_get(e, F_COOKIE));
		break;
	case EV_CONN:
		say_conn(e);
		break;
	case EV_BUS:
		say_bus(e);
		break;
	case EV_POLICY:
		say_policy(e);
		break;
	case EV_QUOTA:
		say_quota(e);
		break;
	default:
		say_message(e);
	}
}

/* ---- columns ---------------------------------------------------------- */

static const char *time_text(__u64 ns)
{
	static char buf[32];
	static time_t second = -1;
	static size_t len;
	time_t s = ns / 1000000000;
	struct tm tm;

	if (s != second) {
		second = s;
		len = strftime(buf, sizeof(buf), "%H:%M:%S",
			       localtime_r(&s, &tm));
	}
	snprintf(buf + len, sizeof(buf) - len, ".%06u",
		 (unsigned int)(ns % 1000000000 / 1000));
	return buf;
}

static const char *type_text(const struct event *e)
{
	static const char * const ends[] = {
		[KDBUS_CALL_END_TIMEOUT] = "timeout",
		[KDBUS_CALL_END_DEAD] = "dead",
		[KDBUS_CALL_END_CANCELLED] = "cancelled",
		[KDBUS_CALL_END_INTERRUPTED] = "interrupt",
		[KDBUS_CALL_END_UNDELIVERED] = "undeliv.",
		[KDBUS_CALL_END_ABANDONED] = "abandoned",
	};
	__u64 outcome = event_get(e, F_OUTCOME);

	if (e->type == EV_END && outcome < G_N_ELEMENTS(ends) && ends[outcome])
		return ends[outcome];
	return event_type_names[e->type];
}

static const char *type_color(const struct event *e)
{
	if (event_is_error(e))
		return "\033[1;31m";
	switch (e->type) {
	case EV_CALL:
		return "\033[36m";
	case EV_REPLY:
		return "\033[32m";
	case EV_SIGNAL:
	case EV_NOTICE:
		return "\033[34m";
	case EV_NAME:
	case EV_CONN:
	case EV_BUS:
	case EV_POLICY:
		return "\033[33m";
	default:
		return "";
	}
}

static void time_cell(const struct event *e, enum event_field f, char *buf,
		      size_t size)
{
	buf[0] = 0;
	if (!event_has(e, f))
		return;
	if (e->v[f] == UNKNOWN)
		snprintf(buf, size, "-");
	else
		format_time(e->v[f] ?: 1, buf, size);
}

static void add_columns(const struct event *e)
{
	char id[24] = "", bytes[8] = "", wait[8], service[8], mid[24];
	const char *error;

	if (event_get(e, F_ID))
		snprintf(id, sizeof(id), "#%llu", e->v[F_ID]);
	if (event_has(e, F_BYTES))
		format_bytes(e->v[F_BYTES], bytes, sizeof(bytes));
	time_cell(e, F_WAIT, wait, sizeof(wait));
	time_cell(e, F_SERVICE, service, sizeof(service));
	snprintf(mid, sizeof(mid), "%6s %7s", wait, service);
	if (event_has(e, F_ERRNO)) {
		error = strerrorname_np(e->v[F_ERRNO]);
		snprintf(mid, sizeof(mid), "%14s", error ?: "?");
	}
	g_string_append_printf(line, "%s %6s %s%-9s%s %5s %s ",
			       time_text(e->time_ns), id,
			       color ? type_color(e) : "", type_text(e),
			       color ? "\033[0m" : "", bytes, mid);
}

/* Cuts what is behind the terminal's last column. */
static void cut(size_t invisible)
{
	if (width && line->len > width + invisible) {
		g_string_truncate(line, width + invisible - 1);
		g_string_append_c(line, '>');
	}
}

static void lost_line(const struct event *e)
{
	g_string_append_printf(line, "%s %6s %s%-9s%s %llu events were lost here",
			       time_text(e->time_ns), "",
			       color ? "\033[1;7;31m" : "", "LOST",
			       color ? "\033[0m" : "", event_get(e, F_COUNT));
}

static void header(void)
{
	fprintf(out, "%-15s %6s %-9s %5s %6s %7s %s\n", "TIME", "ID", "TYPE",
		"BYTES", "QUEUE", "SERVICE", "BUS:FROM > TO");
	begun = true;
}

void text_event(const struct event *e)
{
	char *payload;

	if (!begun)
		header();
	if (e->type == EV_START)
		return;
	g_string_truncate(line, 0);
	if (e->type == EV_LOST) {
		lost_line(e);
	} else {
		add_columns(e);
		add_ends(e);
		say_all(e);
		if (more->len)
			g_string_append_printf(line, "  %s", more->str);
	}
	cut(color ? strlen(type_color(e)) + 4 : 0);
	fprintf(out, "%s\n", line->str);
	if (e->payload) {
		payload = payload_text(e);
		fputs(payload, out);
		g_free(payload);
	}
}
