/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processes of rebuild-load. Everything is each process's own, but for
 * @shared.
 */
#ifndef KDBUS_REBUILD_H
#define KDBUS_REBUILD_H

#include <pthread.h>

#include "harness.h"

#define N_PROCS 7
#define FIRST_WORKER 3
#define ROUNDS 4
#define OPS 120
#define POOL (1 << 20)
/* of a call that may be waited for; the others last until their ends die */
#define LONGEST_TIMEOUT (100 * MSEC)
#define MAX_HELD 6
#define BUS "rebuild"

/* what the processes share; ids are those of their two connections, or 0 */
struct shared {
	pthread_barrier_t barrier;
	__u64 ids[N_PROCS][2];
	int working;
};
extern struct shared *shared;
extern int round_over;		/* eventfd: all workers are done */

/**
 * struct peer - a connection and what it holds
 * @c:		the connection; not open if its fd is below 0
 * @held:	offsets of slices that are not freed yet
 * @n_held:	how many
 */
struct peer {
	struct kdbus_client c;
	__u64 held[MAX_HELD];
	unsigned int n_held;
};

extern struct peer me[2];
extern int self;		/* number of the process */
extern bool boxed;		/* it comes through the custom endpoint */
extern unsigned int seed;
extern FILE *truth;
extern int marker;		/* file that puts a line among the events */
extern const char * const names[];

/* Below @n, at random; and true in so many of a hundred cases. */
unsigned int pick(unsigned int n);
bool chance(unsigned int percent);
__u64 new_cookie(void);
/* A line, without its braces, of what a process did; and one among the events. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mark(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void peer_open(struct peer *p);
void peer_close(struct peer *p);
void note_message(const struct peer *p, const char *op,
		  const struct kdbus_msg *msg);
void send_note(const struct peer *p, const struct kdbus_builder *m,
	       const char *name, __u64 bytes, const char *memfd, int n_fds,
	       int ret);
void on_signal(int sig);
void do_acquire(struct peer *p, const char *name, __u64 flags);
/* Until the workers are done: answers, and does this and that. */
void serve(void);
void work(void);

#endif /* KDBUS_REBUILD_H */
