/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tools share.
 *
 *   attach.c	loading BPF programs, in whichever of three kinds the kernel
 *		takes, and saying why if it takes none
 *   listing.c	reading the module's listings, docs/debugfs.rst
 *   format.c	numbers and strings for people
 *   stdio.c	standard files that are closed
 */
#ifndef KDBUS_TOOLS_COMMON_H
#define KDBUS_TOOLS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* exit codes of all tools */
#define EXIT_RUNTIME 1
#define EXIT_USAGE 2
#define EXIT_LOST 3	/* events were lost */
#define EXIT_ENV 77	/* not root, no module, no BPF */

struct bpf_object;

/* ---- attach.c --------------------------------------------------------- */

/*
 * Whether this tool can work here: root, and a module that speaks the same
 * version of the schema. Returns 0; or EXIT_ENV after one line on stderr that
 * says what to do.
 */
int env_check(const char *tool);

/**
 * struct attach_ops - a skeleton, whatever its type
 * @open:	opens it; returns its object, or NULL with errno set
 * @load:	loads it; 0 or a negative errno
 * @attach:	attaches it; likewise
 * @destroy:	undoes all of that
 */
struct attach_ops {
	struct bpf_object *(*open)(void);
	int (*load)(void);
	int (*attach)(void);
	void (*destroy)(void);
};

/*
 * Loads and attaches the programs of EVENT() (bpf/kdbus_events.bpf.h) in the
 * first kind that works: btf_, raw_, tp_. Programs of other names are loaded
 * as they are. KDBUS_BPF=btf|raw|tp allows one kind only; KDBUS_DEBUG=1 shows
 * what libbpf says. Returns 0; or EXIT_ENV after one line on stderr.
 */
int attach_any(const char *tool, const struct attach_ops *ops);

/* Events that programs missed because they were running already on that cpu. */
__u64 attach_missed(struct bpf_object *obj);

/* ---- listing.c -------------------------------------------------------- */

/**
 * struct listing - a listing being read
 * @n:		columns there are
 * @fields:	of the current line, unescaped, "-" as ""
 *
 * Columns are found by name, so that newer modules may have more.
 */
struct listing;

/* Opens a listing by its file's name, or returns NULL with errno set. */
struct listing *listing_open(const char *file);
/* Goes to the next line; false at the end. */
bool listing_next(struct listing *l);
/* Number of a column for listing_at(), or -1. */
int listing_column(const struct listing *l, const char *column);
/* A field of the current line, until listing_next(); "" if there is none. */
const char *listing_at(const struct listing *l, int column);
/* The same by name, which takes longer. */
const char *listing_str(const struct listing *l, const char *column);
__u64 listing_num(const struct listing *l, const char *column);
void listing_close(struct listing *l);

/* ---- format.c --------------------------------------------------------- */

/* "0", "999", "1.2k", "35M": at most 5 bytes and a NUL. */
void format_count(double v, char *buf, size_t size);
/* The same by powers of 1024. */
void format_bytes(double v, char *buf, size_t size);
/* "-" for 0, "870ns", "1.2ms", "35s": at most 6 bytes and a NUL. */
void format_time(__u64 ns, char *buf, size_t size);
/* What others chose and a terminal would obey becomes '?', in place. */
void make_printable(char *s);

/* ---- stdio.c ---------------------------------------------------------- */

/*
 * Takes the places of standard files that are closed, before a file or a BPF
 * program does and gets what is written there. The first call of main().
 */
void stdio_hold(void);

#endif /* KDBUS_TOOLS_COMMON_H */
