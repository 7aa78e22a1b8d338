/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The trace events of a stretch of a test, in the order in which they fired.
 *
 * They are read through an instance of tracefs, so that nobody else's tracing
 * is disturbed, and by the clock "counter", which is the same on all
 * processors and never gives a number twice. A test calls trace_start(), does
 * what it does, calls trace_stop(), and then asks. None may be lost.
 */
#ifndef KDBUS_TRACELOG_H
#define KDBUS_TRACELOG_H

#include "harness.h"

#define TRACE_EVENTS "/sys/kernel/tracing/events/kdbus"

/**
 * struct event - an event as it was printed
 * @tid:	thread in which it fired
 * @name:	its name, without "kdbus_"
 * @text:	" key=value key=value ..."
 */
struct event {
	pid_t tid;
	char name[40];
	char *text;
};

extern struct event *events;
extern size_t n_events;
/* find() and count() look at events of this bus; of all if it is 0. */
extern unsigned long long trace_bus;

void trace_start(void);
/* The same of these events only, up to a NULL: where all were too many. */
void trace_start_with(const char * const *names);
/* The same with room for so many kB of events on each processor. */
void trace_start_in(unsigned int kb);
/* Takes all events there were, and sets trace_bus to the last bus made. */
void trace_stop(void);

/*
 * Counts how often a task wakes threads of this program, from
 * trace_wakes_start() to trace_wakes_stop().
 */
void trace_wakes_start(void);
int trace_wakes_stop(pid_t tid);

bool is(const struct event *e, const char *name);
/* A field; the test fails if there is none. Valid until the next call. */
const char *text_of(const struct event *e, const char *key);
long long num(const struct event *e, const char *key);

/* The @nth event of a name, from 0; or NULL. */
struct event *find_nth(const char *name, int nth);
/* The same; the test fails if there is none. */
struct event *find(const char *name, int nth);
/* The @nth event of a name in which a field has a value. */
struct event *find_with(const char *name, const char *key, long long value,
			int nth);
int count(const char *name);
/* All that a thread has fired. */
int count_of(pid_t tid);
int count_with(const char *name, const char *key, long long value);

#define ASSERT_TEXT(e, key, want)					\
	do {								\
		if (strcmp(text_of(e, key), want))			\
			test_fail(__FILE__, __LINE__, "%s:%s: %s is not %s", \
				  (e)->name, (e)->text, key, want);	\
	} while (0)
#define ASSERT_NUM(e, key, want)					\
	do {								\
		if (num(e, key) != (long long)(want))			\
			test_fail(__FILE__, __LINE__, "%s:%s: %s is not %lld",\
				  (e)->name, (e)->text, key,		\
				  (long long)(want));			\
	} while (0)

/* Each queued message ended once: received, dropped or moved. */
void trace_account_for_messages(void);
/* Each pool's events add up, in their order, to what each says is used. */
void trace_account_for_pools(void);
/*
 * Domains, buses, endpoints and connections, all made since trace_start(), came
 * once, went at most once, and were in what they are in all that time.
 */
void trace_account_for_objects(void);

#endif /* KDBUS_TRACELOG_H */
