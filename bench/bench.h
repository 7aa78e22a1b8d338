/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Benchmarks: what the files here share.
 *
 *   bench.c	options, measuring, the report
 *   kdbus.c	what is measured of the bus
 *   locks.c	how long its lock is held
 *   cpus.c	two processors on it
 *   peers.c	the same work done with what else Linux has
 *
 * Times are nanoseconds of CLOCK_MONOTONIC. In a VM that counts instructions
 * (vm/run --icount) one of them is one guest instruction, whatever the host
 * does meanwhile; see docs/bench.rst.
 */
#ifndef KDBUS_BENCH_H
#define KDBUS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* Does something @n times, or does not return. */
typedef void (*bench_fn)(void *arg, unsigned int n);

/*
 * Runs @fn until everything is warm and then in several windows of @n each.
 * Returns the median of the windows, in nanoseconds for one time.
 */
double bench_run(bench_fn fn, void *arg, unsigned int n);

/* The one in the middle; puts the values in order. */
double bench_median(double *values, unsigned int n);

/*
 * Adds a line to the report: what @fn takes, divided by @per. @target is what
 * design says it may take, or 0.
 */
void bench_case(const char *name, double target, double per, bench_fn fn,
		void *arg, unsigned int n);

/* Adds a line with a value that was found in another way, in @unit. */
void bench_value(const char *name, double target, double value,
		 const char *unit);

/* Whether cases whose names begin like this are wanted. */
bool bench_wants(const char *prefix);

/* Whether the case of this name is. */
bool bench_wants_case(const char *name);

/* Ends the program with a message if a condition does not hold. */
#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			bench_die(__FILE__, __LINE__, #cond);		\
	} while (0)
_Noreturn void bench_die(const char *file, int line, const char *what);

/* A child that runs @fn(@arg) until it is ended; both under SCHED_FIFO. */
int bench_fork(void (*fn)(void *arg), void *arg);
void bench_end(int pid);

void bench_kdbus(void);
void bench_peers(void);

#endif /* KDBUS_BENCH_H */
