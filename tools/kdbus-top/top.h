/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kdbus-top: what its parts share.
 *
 *   source.c	loads the BPF programs and empties their tables
 *   listing.c	reads the module's listings: what exists, and its levels
 *   hist.c	histograms of latency
 *   model.c	makes rows of both: connections, names, pairs, users, buses
 *   filter.c	which rows somebody wants to see
 *   columns.c	what a row shows, for the screen, text and CSV
 *   view.c	the rows of a view, sorted, and their sums
 *   text.c, json.c, csv.c, metrics.c	a frame in that form
 *   bars.c	histograms drawn as bars, for the screen and text
 *   screen.c, keys.c	the live screen
 *
 * A row is one thing that can be watched, of whatever kind. Traffic is counted
 * once, on the pair it belongs to, and added to every row that has a part in
 * it when the tables are emptied. Rows of what is gone are shown twice more,
 * marked, and then dropped; users stay.
 */
#ifndef KDBUS_TOP_H
#define KDBUS_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>
#ifdef __clang_analyzer__
/* which takes the bytes of a structure that has just been filled for garbage */
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned int)(len))
#endif
#include <uthash.h>

#include "kdbus_enums.h"
#include "../../bpf/kdbus_top.h"
#include "../common/common.h"

/* ---- hist.c: histograms ------------------------------------------------ */

/**
 * struct hist - how often what value was seen
 * @count:	values
 * @sum:	of them, ns
 * @max:	largest, ns
 * @n:		buckets that are not empty
 * @room:	for how many there is memory
 * @buckets:	those, in order
 */
struct hist {
	__u64 count, sum, max;
	unsigned int n, room;
	struct {
		unsigned int bucket;
		__u64 count;
	} *buckets;
};

/* Adds to a bucket; false without memory. */
bool hist_add(struct hist *h, unsigned int bucket, __u64 count);
void hist_free(struct hist *h);
/* Upper bound of a bucket, in ns; all ones for the last. */
__u64 hist_bound(unsigned int bucket);
/* What @p (0 to 1) of the values of both are not above; at most a quarter too
 * high. @b may be NULL. */
__u64 hist_percentile(const struct hist *a, const struct hist *b, double p);
/* All values of both that are not above a bound of a bucket. */
__u64 hist_upto(const struct hist *h, __u64 bound);

/* ---- model.c: rows ------------------------------------------------------ */

enum view {
	VIEW_CONNS,
	VIEW_NAMES,
	VIEW_PAIRS,
	VIEW_USERS,
	VIEW_BUSES,
	/* rows are of one of the kinds above, or of this one */
	KIND_ACCOUNT,
	N_KINDS,
	VIEW_LATENCY = KIND_ACCOUNT,
	N_VIEWS
};

/* one more than there are in each table of kdbus_enums.h: they begin with 1 */
#define KDBUS_ONE(sym, num, text) + 1
enum {
	N_DROPS = 1 KDBUS_MSG_DROP_TABLE(KDBUS_ONE),
	N_ENDS = 1 KDBUS_CALL_END_TABLE(KDBUS_ONE),
	N_BOUNDS = 1 KDBUS_QUOTA_TABLE(KDBUS_ONE),
};
extern const char * const drop_texts[N_DROPS];
extern const char * const end_texts[N_ENDS];
extern const char * const bound_texts[N_BOUNDS];	/* 0: "policy" */
extern const char * const part_texts[TOP_PARTS];

/**
 * struct flow - what went one way
 * @msgs:	messages queued
 * @bytes:	bytes those took in pools
 * @drops:	by reason
 * @ends:	calls that ended, by outcome
 * @bounds:	what was refused, by the bound it ran into; 0: by a policy
 * @latency:	the three parts
 * @in_flight:	calls that are not over
 * @oldest_ns:	age of the oldest of those
 * @msgs_d, @bytes_d, @ends_d:	of the interval that is going on
 * @msgs_s, @bytes_s, @ends_s:	per second of the last one
 */
struct flow {
	__u64 msgs, bytes;
	__u64 drops[N_DROPS];
	__u64 ends[N_ENDS];
	__u64 bounds[N_BOUNDS];
	struct hist latency[TOP_PARTS];
	__u64 in_flight, oldest_ns;
	__u64 msgs_d, bytes_d, ends_d;
	double msgs_s, bytes_s, ends_s;
};

/* a level, and the most it was */
struct level {
	__u64 now, peak;
};

/* What a row is found by. Unused parts are 0. */
struct row_key {
	__u64 kind;
	__u64 bus;
	__u64 id;		/* connection, name id, receiver or uid */
	__u64 src;		/* of a pair or an account */
	__u64 name;		/* id, of a pair; uid, of an account */
};

/**
 * struct row - something that is watched
 * @key:	what it is found by
 * @listed:	number of the last sample whose listings have it
 * @born:	number of the sample in which it was first heard of
 * @gone:	it is no more: samples since, up to ROW_FREED
 * @passes:	a connection that passes the filter has to do with it
 * @bus, @user, @src, @dst, @name: rows it has to do with, or NULL
 * @text:	name of a name or bus; names of a connection; name of a user
 * @description: of a connection
 * @domain:	of a bus: path of its domain, empty for the initial one
 * @cgroup:	of a connection, NULL before somebody asked
 * @queue:	messages not received
 * @pool:	bytes of pools in use
 * @pool_size:	bytes of pools
 * @held:	bytes in others' pools, of accounts, users and pairs
 * @held_msgs, @held_fds: messages and descriptors in others' queues
 * @share:	largest part of somebody's pool that @held has, 0 to 1
 * @conns, @buses, @endpoints: how many there are
 * @owner, @activator, @waiters: of a name
 * @in:		what it was sent; of names, pairs and buses, all there is
 * @out:	what it has sent, of connections and users
 * @errors:	commands that failed; the buckets are errnos
 */
#define ROW_FREED 2	/* it goes with the next sample */
struct row {
	struct row_key key;
	UT_hash_handle hh;
	unsigned long listed, born;
	unsigned int gone;
	bool passes;

	struct row *bus, *user, *src, *dst, *name;
	__u32 uid, pid;
	__u64 flags;
	char comm[16];
	char *text, *description, *domain, *cgroup;

	struct level queue, pool;
	__u64 pool_size;
	__u64 held, held_msgs, held_fds;
	double share;
	unsigned int conns, buses, endpoints;
	__u64 owner, activator;
	unsigned int waiters;

	struct flow in, out;
	struct hist errors;
};

/**
 * struct model - all rows
 * @rows:	hashes of them, by kind
 * @sample:	number of the current sample, from 1
 * @early:	the tables are being emptied before the next one
 * @domains:	all domains
 * @lost:	events that could not be counted, of all kinds
 * @interval:	seconds the rates are over
 * @time_ns:	when the last sample began, CLOCK_MONOTONIC; all until then is in
 *		it
 */
struct model {
	struct row *rows[N_KINDS];
	unsigned long sample;
	bool early;
	struct domain {
		__u64 id, parent;
		char name[64];
	} *domains;
	unsigned int n_domains;
	__u64 lost;
	double interval;
	__u64 time_ns;
};

/* Takes a sample: 0, or a negative errno. */
int model_sample(struct model *m);
/* Empties the tables between samples, when they are getting full. */
int model_drain(struct model *m);
/* Counts from now on. */
void model_zero(struct model *m);
void model_free(struct model *m);

/* A row; NULL if there is none. */
struct row *model_find(const struct model *m, enum view kind, __u64 bus,
		       __u64 id, __u64 src, __u64 name);
/* Likewise; made if there is none, NULL without memory. */
struct row *model_row(struct model *m, enum view kind, __u64 bus, __u64 id,
		      __u64 src, __u64 name);
struct row *model_pair(struct model *m, __u64 bus, __u64 src, __u64 dst,
		       __u64 name);
struct row *model_conn(struct model *m, __u64 bus, __u64 id);
/* Replaces a string of a row; what a terminal would obey is taken out. */
void row_set(char **where, const char *text);
static inline const char *row_get(const char *text) { return text ?: ""; }
/* Path of the control group of a connection's process, or "". */
const char *row_cgroup(struct row *r);
/* The connection whose queue and pool a row is about, or NULL. */
const struct row *row_receiver(const struct model *m, const struct row *r);

__u64 flow_dropped(const struct flow *f);
__u64 flow_failed(const struct flow *f);
__u64 flow_bounded(const struct flow *f);

/* ---- source.c ------------------------------------------------------------ */

/* Places for @pairs pairs; 0, or EXIT_ENV or 1 after saying why on stderr. */
int source_open(unsigned int pairs);
void source_close(void);
/* Becomes readable when source_drain() should be called before long. */
int source_fd(void);
/* What has happened goes to model_took_...(); 0 or a negative errno. */
int source_drain(struct model *m);
__u64 source_lost(void);

int model_took_pair(struct model *m, const struct top_pair *p,
		    struct row **row);
int model_took_count(struct row *pair, unsigned int id, __u64 count);
void model_took_record(struct model *m, const struct top_record *r);

/* ---- listing.c ------------------------------------------------------------ */

/* Brings the rows up to what the module lists: 0 or a negative errno. */
int listings_read(struct model *m);
/* How many connections there are. */
unsigned long listings_conns(void);
/* A bound of docs/limits.rst, 0 if it cannot be told. */
unsigned long limit_of(const char *parameter);

/* ---- filter.c -------------------------------------------------------------- */

#define FILTER_TEXT 256
#define FILTER_TERMS 24

/**
 * struct filter - which connections somebody wants
 * @text:	as it was written
 * @n:		terms in it, which all have to hold
 */
struct filter {
	char text[FILTER_TEXT];
	unsigned int n;
	struct filter_term {
		unsigned int key;
		bool not;
		__u64 number, bus;
		char value[FILTER_TEXT];
	} terms[FILTER_TERMS];
};

/*
 * Reads a filter: KEY=PATTERN, KEY!=PATTERN or text. Returns false with a
 * message in @error and leaves @f as it was if it is none.
 */
bool filter_parse(struct filter *f, const char *text, char *error,
		  size_t size);
/* Marks the rows that pass. */
void filter_apply(const struct filter *f, struct model *m);
/* Whether it picks no connections, but at most buses. */
bool filter_is_wide(const struct filter *f);

/* ---- view.c ---------------------------------------------------------------- */

struct sorting {
	int column;
	bool reverse;
};

/* What there is in all, of what passes the filter. */
struct totals {
	unsigned int buses, conns;
	double msgs_s, bytes_s;
	__u64 in_flight, oldest_ns, dropped, refused, failed, pool;
};

extern const char * const view_names[N_VIEWS];
int view_find(const char *name);
/*
 * Rows of a view that pass the filter, sorted; the array is the caller's to
 * free. NULL without memory.
 */
struct row **view_rows(struct model *m, enum view kind,
		       const struct filter *f, struct sorting s, size_t *n);
void view_totals(struct model *m, const struct filter *f, struct totals *t);

/* ---- columns.c --------------------------------------------------------------- */

enum format { F_TEXT, F_INT, F_COUNT, F_BYTES, F_TIME, F_PERCENT };

/**
 * struct column - something a row shows
 * @title:	on the screen
 * @key:	in CSV; NULL: not there
 * @views:	bits of the views that have it
 * @width:	negative: left-aligned; 0: only in CSV
 * @keep:	lower ones stay longer when it gets narrow
 * @format:	of the value
 * @alarm:	a value above it is coloured; 0: none is
 * @help:	what it is
 * @text:	of F_TEXT
 * @value:	of the others, and what F_TEXT is sorted by if it is there
 */
struct column {
	const char *title, *key;
	unsigned int views;
	int width, keep;
	enum format format;
	double alarm;
	const char *help;
	void (*text)(const struct row *r, char *buf, size_t size);
	double (*value)(const struct row *r);
};

extern const struct column columns[];
extern const int n_columns;
/* What the columns look things up in; set before any is used. */
void columns_use(const struct model *m);
bool column_in(int column, enum view view);
/* Number of a column by title, or -1. */
int column_find(enum view view, const char *title);
int column_default(enum view view);
int column_next(enum view view, int column);
void column_write(int column, const struct row *r, char *buf, size_t size);
/* Bytes that the sender of a pair, or its user, has in the receiver's pool. */
double pair_held(const struct row *r);
/* "1:5 org.foo" or the like: what to call a row. */
void row_label(const struct row *r, char *buf, size_t size);

/* ---- bars.c -------------------------------------------------------------------- */

/*
 * A histogram as it is drawn: its buckets merged until they fit, the same for
 * all three parts.
 */
struct bars {
	unsigned int n;
	struct {
		__u64 from, upto;
		__u64 count[TOP_PARTS];
	} lines[128];
	__u64 most[TOP_PARTS];
};

/* The parts of a row's latency, in at most @lines lines. */
void bars_make(struct bars *b, const struct row *r, unsigned int lines);
/* "EXFULL"; "error 511" for one without a name. */
const char *error_name(unsigned int err);

/* How calls ended, why messages were dropped, how and by what commands failed. */
enum outcome {
	OUTCOME_CALLS, OUTCOME_DROPS, OUTCOME_ERRORS, OUTCOME_LIMITS, N_OUTCOMES,
};
extern const char * const outcome_texts[N_OUTCOMES];
/* "answered 5, timeout 1"; "none". */
void outcome_text(const struct row *r, enum outcome what, char *buf,
		  size_t size);
/* Percentiles of a part, both ways: "p50 1us  p90 2us  p99 3us  max 4us". */
void part_text(const struct row *r, enum top_part part, char *buf,
	       size_t size);

/* ---- the ways out ---------------------------------------------------------------- */

enum output { OUT_SCREEN, OUT_TEXT, OUT_JSON, OUT_CSV, OUT_METRICS };

struct options {
	enum output output;
	long count;		/* frames, 0 for ever */
	double delay;		/* seconds */
	enum view view;
	bool view_given;
	struct filter filter;
	struct sorting sort[N_VIEWS];
	const char *file;	/* for OUT_METRICS, or NULL */
	unsigned int pairs;	/* 0: as many as seem needed */
};

/* Each writes a frame to stdout. */
void text_frame(struct model *m, const struct options *o);
void json_frame(struct model *m, const struct options *o);
void csv_frame(struct model *m, const struct options *o);
/* To @o->file if there is one; 0, or a negative errno. */
int metrics_frame(struct model *m, const struct options *o);

/* The live screen: an exit code. */
int screen_run(struct model *m, struct options *o);

#endif /* KDBUS_TOP_H */
