/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kdbus-monitor: what its parts share.
 *
 * A source makes events; main.c passes each to the filter and what passes to
 * the outputs, one after the other, in one thread.
 *
 *   bpf.c	source: records of the BPF programs
 *   peers.c	who is who: names and processes of connections
 *   viabus.c	source: a monitor connection
 *   capture.c	output and source: pcapng files
 *   filter.c	what is wanted
 *   event.c	names of fields and values
 *   json.c	an event as JSON, and back
 *   text.c	an event as a line for people
 *   payload.c	payload for people: D-Bus marshalling, or bytes
 *   summary.c	what there was, at the end
 *
 * Strings in an event belong to whoever made it and are valid while it is
 * passed on. GLib ends the program if there is no memory.
 */
#ifndef KDBUS_MONITOR_H
#define KDBUS_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>
#include <glib.h>

#include "../../bpf/kdbus_monitor.h"
#include "../common/common.h"

#define JSON_SCHEMA 1
#define UNKNOWN (~0ULL)		/* a time nobody measured */
#define EVERYBODY (~0ULL)	/* the destination of a broadcast */

/* ---- events ----------------------------------------------------------- */

#define EVENT_TYPES(X)							\
	X(CALL, "call")							\
	X(REPLY, "reply")						\
	X(SIGNAL, "signal")						\
	X(NOTICE, "notice")						\
	X(RECV, "recv")							\
	X(DROP, "drop")							\
	X(MOVE, "move")							\
	X(END, "end")							\
	X(REFUSED, "refused")						\
	X(FAILED, "failed")						\
	X(NAME, "name")							\
	X(MATCH, "match")						\
	X(CONN, "conn")							\
	X(BUS, "bus")							\
	X(POLICY, "policy")						\
	X(QUOTA, "quota")						\
	X(LOST, "lost")							\
	X(START, "start")

/* number fields: symbol, key in JSON, how its values are written */
#define EVENT_FIELDS(X)							\
	X(ID, "id", NUMBER)						\
	X(CALL_ID, "call", NUMBER)					\
	X(SEQ, "seq", NUMBER)						\
	X(ACTION, "action", ACTION)					\
	X(COMMAND, "command", COMMAND)					\
	X(NOTICE_TYPE, "notice", NOTICE)				\
	X(OUTCOME, "outcome", OUTCOME)					\
	X(REASON, "reason", REASON)					\
	X(ERRNO, "errno", ERRNO)					\
	X(KIND, "kind", KIND)						\
	X(SYNC, "sync", BOOL)						\
	X(COOKIE, "cookie", NUMBER)					\
	X(REPLY_TO, "reply_to", NUMBER)					\
	X(FLAGS, "flags", MSG_FLAGS)					\
	X(TIMEOUT, "timeout_ns", NUMBER)				\
	X(PRIORITY, "priority", SIGNED)					\
	X(BYTES, "bytes", NUMBER)					\
	X(FDS, "fds", NUMBER)						\
	X(MEMFDS, "memfds", NUMBER)					\
	X(WAIT, "wait_ns", TIME)					\
	X(SERVICE, "service_ns", TIME)				\
	X(AGE, "age_ns", TIME)					\
	X(POOL_BYTES, "pool_bytes", NUMBER)				\
	X(POOL_USED, "pool_used", NUMBER)				\
	X(POOL_SIZE, "pool_size", NUMBER)				\
	X(DEPTH, "depth", NUMBER)					\
	X(MATCHED, "matched", NUMBER)					\
	X(RECEIVERS, "receivers", NUMBER)				\
	X(RECV_FLAGS, "recv_flags", RECV_FLAGS)				\
	X(NAME_FLAGS, "name_flags", NAME_FLAGS)				\
	X(CONN_FLAGS, "conn_flags", CONN_FLAGS)				\
	X(END_REASON, "end_reason", END_REASON)				\
	X(ATTACH, "attach_flags", NUMBER)				\
	X(ENDPOINT, "endpoint", NUMBER)					\
	X(DOMAIN, "domain", NUMBER)					\
	X(REMOVED, "removed", NUMBER)					\
	X(OWNER, "owner_uid", NUMBER)					\
	X(LEVEL, "level", LEVEL)					\
	X(GRANTS, "grants", NUMBER)					\
	X(QUOTA_KIND, "quota", QUOTA)					\
	X(ASKED, "asked", NUMBER)					\
	X(USED, "used", NUMBER)						\
	X(LIMIT, "limit", NUMBER)					\
	X(COUNT, "count", NUMBER)					\
	X(SCHEMA, "schema", NUMBER)

enum event_type {
#define X(sym, text) EV_##sym,
	EVENT_TYPES(X)
#undef X
	N_EVENT_TYPES
};

enum event_field {
#define X(sym, key, kind) F_##sym,
	EVENT_FIELDS(X)
#undef X
	N_FIELDS
};
_Static_assert(N_FIELDS <= 64, "a bit for each field");

/* how a value is written */
enum value_kind {
	V_NUMBER, V_SIGNED, V_BOOL, V_ERRNO, V_TIME,
	/* names */
	V_ACTION, V_COMMAND, V_NOTICE, V_OUTCOME, V_REASON, V_KIND,
	V_END_REASON, V_LEVEL, V_QUOTA,
	/* lists of names, one a bit */
	V_MSG_FLAGS, V_RECV_FLAGS, V_NAME_FLAGS, V_CONN_FLAGS,
	N_VALUE_KINDS
};

/* what an event of NAME, MATCH, CONN, BUS and POLICY says has happened */
enum action {
	A_NEW = 1, A_DEAD, A_UPDATE, A_ADD, A_REMOVE, A_CHANGE, A_WAIT,
	A_UNWAIT, A_ACQUIRE, A_RELEASE, A_SET, A_DENY, A_DENY_FILE,
	A_ENDPOINT_NEW, A_ENDPOINT_DEAD, A_DOMAIN_NEW, A_DOMAIN_DEAD,
};

/**
 * struct who - one end
 * @there:	there is one
 * @conn:	connection; 0 is the kernel, or EVERYBODY
 * @pid, @uid:	process, if @has_process
 * @names:	well-known names it owns, separated by commas; or NULL
 * @comm:	name of the process, or NULL
 */
struct who {
	bool there, has_process;
	__u32 pid, uid;
	__u64 conn;
	const char *names, *comm;
};

/* What was captured of a message's payload. */
struct payload_part {
	int part;		/* enum mon_part */
	int fd;
	__u64 offset, size;
};

/**
 * struct payload - payload of a message
 * @type:	the message's payload_type
 * @data:	bytes from the beginning, up to the first that is not there
 * @parts:	struct payload_part: parts that are not in @data
 * @end:	how far was looked
 * @has_hole:	no more goes to @data
 */
struct payload {
	__u64 type, end;
	GByteArray *data;
	GArray *parts;
	bool has_hole;
};

/**
 * struct event - something that happened
 * @time_ns:	CLOCK_REALTIME
 * @has:	bit for each of @v that is set
 * @v:		enum event_field
 * @name:	the name it is about, or a message was addressed by; or NULL
 * @text:	a description, or NULL
 */
struct event {
	enum event_type type;
	__u64 time_ns;
	__u64 bus;
	__u64 has;
	__u64 v[N_FIELDS];
	struct who src, dst;
	const char *bus_name, *name, *text;
	const struct payload *payload;
};

void event_init(struct event *e, enum event_type type, __u64 time_ns);

static inline void event_set(struct event *e, enum event_field f, __u64 v)
{
	e->has |= 1ULL << f;
	e->v[f] = v;
}

static inline bool event_has(const struct event *e, enum event_field f)
{
	return e->has & (1ULL << f);
}

/* The value, or 0 if there is none. */
static inline __u64 event_get(const struct event *e, enum event_field f)
{
	return event_has(e, f) ? e->v[f] : 0;
}

/* Something that somebody should know about. */
bool event_is_error(const struct event *e);
/* A message with payload, whatever became of it. */
bool event_is_message(const struct event *e);

extern const char * const event_type_names[N_EVENT_TYPES];
extern const char * const field_keys[N_FIELDS];
extern const enum value_kind field_kinds[N_FIELDS];

struct value_name {
	__u64 value;
	const char *name;
};
/* Names of a kind, ended by a NULL name; NULL if it has none. */
const struct value_name *value_names(enum value_kind kind);
bool value_is_flags(enum value_kind kind);
/* Name of one value; "?" if there is none. */
const char *value_name(enum value_kind kind, __u64 value);
/* Value of an errno's name, or 0. */
int errno_value(const char *name);

/* ---- options ---------------------------------------------------------- */

enum output { OUT_TEXT, OUT_JSON, OUT_JSON_PRETTY, OUT_NONE };

struct options {
	/* filter.c */
	const char *bus, *src, *dst, *name, *comm;
	bool by_uid, by_pid;
	__u32 uid, pid;
	__u32 types;		/* bit per enum event_type */
	bool types_given;
	bool errors;
	__u64 slower_ns, follow;
	/* ends */
	__u64 count, timeout_ns;
	/* source and outputs */
	const char *read, *write;
	bool via_bus, print, quiet, wide, verbose;
	enum output output;
	int color;		/* 1 always, 0 never, -1 on a terminal */
	__u32 snaplen;
	__u32 buffer;		/* bytes */
	int nap_ms;
};

/* ---- sources ---------------------------------------------------------- */

/**
 * struct source - where events come from
 * @open:	0, or an exit code after saying why on stderr
 * @announce:	passes on the first event, EV_START; may be NULL
 * @drain:	passes on what there is; how many things that was, or a
 *		negative errno
 * @arm:	from now on @fd tells when there is something; may be NULL
 * @stop:	no new events from now on; may be NULL
 * @close:	frees everything
 * @fd:		readable when there is something, or -1
 * @naps:	better drained now and then than when @fd says
 */
struct source {
	int (*open)(const struct options *o);
	void (*announce)(void);
	int (*drain)(void);
	void (*arm)(void);
	void (*stop)(void);
	void (*close)(void);
	int fd;
	bool naps;
};
extern struct source source_bpf, source_viabus, source_capture;

/* main.c: what sources call. */
void monitor_event(struct event *e);
/* Something was lost here: shown whatever the filter. */
void monitor_lost(__u64 n, __u64 time_ns);
/* Whether there is no use in going on. */
bool monitor_done(void);
/* One line on stderr. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- peers.c ---------------------------------------------------------- */

struct peer {
	__u64 bus, conn;
	bool has_process;
	__u32 pid, uid;
	__u64 pool_size;
	char comm[16];
	char *names;
	GPtrArray *owned;
};

void peers_open(void);
void peers_close(void);
/* What the module lists; false without the listing. */
bool peers_list(void);
/* The connection, made if there is none. */
struct peer *peer_get(__u64 bus, __u64 conn);
void peer_process(struct peer *p, __u32 pid, __u32 uid, const char *comm);
void peer_dead(__u64 bus, __u64 conn);
void peer_who(struct who *who, __u64 bus, __u64 conn);
/* A name has another owner, or none (0). @id is 0 where ids are not known. */
void name_owned(__u64 bus, __u64 id, const char *name, __u64 owner);
const char *name_of(__u64 bus, __u64 id);
/* Who owns a name that was given without an id, or 0. */
__u64 name_owner(__u64 bus, const char *name);
void bus_named(__u64 bus, const char *name);
const char *bus_name_of(__u64 bus);
/* Runs @fn for each connection. */
void peers_each(void (*fn)(const struct peer *p));
/* Runs @fn for each bus. */
void buses_each(void (*fn)(__u64 bus, const char *name));

/* ---- filter.c --------------------------------------------------------- */

void filter_open(const struct options *o);
bool filter_passes(const struct event *e);
/* Learns which messages belong to the one that is followed. */
void filter_learn(const struct event *e);
/* A list of types or groups, or 0 if it is none. */
__u32 filter_types(const char *list);
/* "5ms"; false if it is no time. */
bool parse_time(const char *s, __u64 *ns);
/* A number and nothing else. */
bool parse_number(const char *s, __u64 *v);

/* ---- outputs ---------------------------------------------------------- */

/* json.c; @with_data: with the bytes of payload. Valid until the next one. */
const char *json_from_event(const struct event *e, bool with_data);
void json_print_pretty(const char *json);
/* Returns what the strings of @e live in, for json_free(); NULL if it is none */
void *json_to_event(const char *text, size_t size, struct event *e);
void json_free(void *json);

/* text.c */
void text_open(const struct options *o, FILE *out);
void text_event(const struct event *e);
void text_flush(void);
/* "3:5 client", into @buf. */
void text_who(const struct who *w, char *buf, size_t size);

/* payload.c */
struct payload *payload_new(__u64 type);
void payload_free(struct payload *p);
/* Adds a part; @data is NULL unless it is MON_PART_DATA. */
void payload_add(struct payload *p, int part, __u64 offset, __u64 size, int fd,
		 const void *data);
/* D-Bus marshalling in one piece. */
bool payload_is_dbus(const struct payload *p);
/* Lines for people, to be freed. */
char *payload_text(const struct event *e);
/* What a D-Bus message says, in a line, to be freed; NULL if it is none. */
char *payload_dbus(const struct payload *p);

/* capture.c; 0, or an exit code after saying why on stderr */
int capture_open(const char *path);
void capture_event(const struct event *e);
/* False if it cannot be written. */
bool capture_flush(void);
int capture_close(void);

/* summary.c */
void summary_event(const struct event *e);
void summary_lost(__u64 n);
__u64 summary_count_lost(void);
void summary_text(FILE *out);
/* To be freed. */
char *summary_json(void);

#endif /* KDBUS_MONITOR_H */
