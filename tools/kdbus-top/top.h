/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kdbus-top: what its parts share.
 *
 *   source.c	loads and reads the BPF programs
 *   listing.c	reads the module's own listing: names, and what was before
 *   model.c	makes rows of both, with rates; filters and sorts
 *   columns.c	what a row shows and how it is written
 *   text.c	plain text and JSON
 *   screen.c	the live screen
 */
#ifndef KDBUS_TOP_H
#define KDBUS_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

#include "../../bpf/kdbus_top.h"
#include "../common/common.h"

#define NAMES_LEN 256

/* One connection. Rates are per second of the last interval. */
struct row {
	struct top_key key;
	struct top_conn now, before;
	bool listed;		/* the module's listing has it */
	char names[NAMES_LEN];
	char description[64];
	double out_msgs, in_msgs, out_bytes, in_bytes;
	__u64 p50, p99;
};

struct bus_row {
	__u64 id;
	__u32 uid;
	char name[64];
};

struct model {
	struct row *rows;
	size_t n_rows, room;
	__u32 *index;		/* open hash of 2 * room: row number + 1 */
	struct bus_row *buses;
	size_t n_buses;
	__u64 lost;
	bool has_listing;
	double interval;	/* seconds the rates are over */
	__u64 time_ns;		/* of the last sample, CLOCK_MONOTONIC */
};

struct options {
	bool batch, json;
	long count;		/* frames in batch mode, 0 for ever */
	double delay;		/* seconds */
	const char *bus;	/* name or id, or NULL */
	char filter[64];
	int sort;		/* column */
	bool reverse;
};

/* source.c: 0, or EXIT_ENV or 1 after saying why on stderr */
int source_open(void);
void source_close(void);
int source_read(struct model *m);

/* listing.c */
void listing_read(struct model *m);

/* model.c */
int model_sample(struct model *m);
/* The row of a connection, made when there is none; NULL without memory. */
struct row *model_row(struct model *m, __u64 bus, __u64 conn);
void model_free(struct model *m);
const char *model_bus_name(const struct model *m, __u64 bus);
/* Rows that pass the filters, sorted; the array is the caller's to free. */
struct row **model_view(struct model *m, const struct options *o, size_t *n);
__u64 slots_percentile(const __u32 *slots, double p, __u64 max);
__u64 slot_start(unsigned int slot);

struct totals {
	size_t conns;
	double msgs, bytes;
	__u64 refused, dropped, answered, failed;
	long long in_flight;
	__u64 pool_used;
};
void model_totals(struct row **rows, size_t n, struct totals *t);

/* columns.c */
struct column {
	const char *title;
	int width;		/* negative: left-aligned */
	int keep;		/* lower ones stay longer when it gets narrow */
	const char *help;
	void (*write)(const struct row *r, char *buf, size_t size);
	int (*compare)(const struct row *a, const struct row *b);
};
extern const struct column columns[];
extern const int n_columns;
int column_find(const char *title);
const char *row_name(const struct row *r);

/* text.c */
void text_frame(struct model *m, const struct options *o);
void json_frame(struct model *m, const struct options *o);

/* screen.c */
int screen_run(struct model *m, struct options *o);

#endif /* KDBUS_TOP_H */
