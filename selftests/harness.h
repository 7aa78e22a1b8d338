/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share: a TAP runner that runs every case in a process of its
 * own with a time limit, assertions that say what was expected, and fixtures.
 *
 * A case is written as TEST(name) { ... }. It passes by returning, fails by
 * an assertion, a signal or its time limit, and is skipped by SKIP(). What a
 * case opens is gone with its process. Cases run one after the other.
 */
#ifndef KDBUS_HARNESS_H
#define KDBUS_HARNESS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kdbus-client.h"

#define CASE_SECONDS 60
#define NOBODY 65534
#define SEC 1000000000ULL
#define MSEC 1000000ULL
/* A deadline before which something has to happen here first */
#define SOON(ms) ((ms) * MSEC * slowness())

struct test_case {
	const char *name;
	void (*run)(void);
	struct test_case *next;
};

void test_register(struct test_case *t);
void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void test_skip(const char *why) __attribute__((noreturn));

#define TEST(n)								\
	static void n(void);						\
	static struct test_case case_##n = { .name = #n, .run = n };	\
	__attribute__((constructor)) static void register_##n(void)	\
	{								\
		test_register(&case_##n);				\
	}								\
	static void n(void)

#define SKIP(why) test_skip(why)

#define ASSERT(cond)							\
	do {								\
		if (!(cond))						\
			test_fail(__FILE__, __LINE__, "%s", #cond);	\
	} while (0)

void test_differs(const char *file, int line, const char *got_text,
		  const char *want_text, long long got, long long want)
	__attribute__((noreturn));

/* Compares as signed 64-bit numbers; negative ones are shown as errnos too. */
#define ASSERT_EQ(got, want)						\
	do {								\
		long long got_ = (long long)(got);			\
		long long want_ = (long long)(want);			\
									\
		if (got_ != want_)					\
			test_differs(__FILE__, __LINE__, #got, #want,	\
				     got_, want_);			\
	} while (0)
#define ASSERT_OK(expr) ASSERT_EQ(expr, 0)

/* An ioctl as the library returns things: 0 or a negative errno. */
int xioctl(int fd, unsigned long cmd, void *arg);

/* ---- fixtures --------------------------------------------------------- */

struct bus {
	int owner;
	char name[64];
	char path[128];
};

/* A bus of its own, which everybody may open. */
void bus_new(struct bus *bus);
/* A client with a pool of 16 MiB that accepts file descriptors. */
void client_new(struct kdbus_client *c, const struct bus *bus);
void client_new_pool(struct kdbus_client *c, const struct bus *bus,
		     __u64 pool_size);
/* An opened endpoint without HELLO. */
int ep_open(const struct bus *bus);
/* A HELLO by hand. */
void hello_init(struct kdbus_builder *b, __u64 flags);

/* Sends "data" as a signal. Returns 0 or a negative errno. */
int send_to(struct kdbus_client *c, __u64 dst, __u64 cookie, const char *data);
/* The same to a name. */
int send_to_name(struct kdbus_client *c, const char *name, const char *data);
/* Begins a broadcast that every match without rules takes. */
void build_broadcast(struct kdbus_builder *b, __u64 cookie);
/* A match without rules: every broadcast and every notification. */
void hear_all(struct kdbus_client *c, __u64 cookie);
/* What has been begun as a message becomes a synchronous request. */
void make_sync(struct kdbus_builder *m, __u64 timeout_ns);
/* Sends an asynchronous request. */
int request(struct kdbus_client *c, __u64 dst, __u64 cookie, __u64 timeout_ns);
/* Receives the next message, which has to be there, and frees it. */
void expect_msg(struct kdbus_client *c, __u64 src, __u64 cookie);
/* Receives a notice about a call. */
void expect_notice(struct kdbus_client *c, __u64 type, __u64 cookie);
/* Nothing is queued. */
void expect_nothing(struct kdbus_client *c);

/* Runs fn in a child as another uid; it fails the case if it fails there. */
void as_uid(uid_t uid, void (*fn)(void *), void *arg);
/*
 * The same in a thread of this process, so that what it opens stays. Only the
 * thread has the uid.
 */
void thread_as(uid_t uid, void (*fn)(void *), void *arg);
/* A client of another uid. What it does as this uid is up to the thread. */
void client_new_as(struct kdbus_client *c, const struct bus *bus, uid_t uid);
pid_t spawn(void (*fn)(void *), void *arg);
/*
 * The case itself goes on as another uid and gid, real and effective, without
 * capabilities; root again by become(0).
 */
void become(uid_t uid);
void wait_for(pid_t pid);

/* A parameter of the module, set until the case has ended. */
void param_set(const char *name, unsigned long value);
/* One of the module's listings; for the caller to close. */
FILE *listing_open(const char *file);
/*
 * A number out of the module's listings: @column of the line of @file whose
 * "bus" is @bus and whose "conn" is @conn (0: any, the numbers are summed up);
 * -1 if there is none.
 */
long long listed(const char *file, const struct bus *bus, __u64 conn,
		 const char *column);
/* What a uid holds, in all domains: a column of the listing "users". */
long long listed_user(uid_t uid, const char *column);
/* Waits until listed() is @value. */
void wait_listed(const char *file, const struct bus *bus, __u64 conn,
		 const char *column, long long value);
/* Waits until listed_user() is @value. */
void wait_listed_user(uid_t uid, const char *column, long long value);
/* A number out of /proc/meminfo, in kB. */
long meminfo(const char *field);

/* State of a thread of this process, as /proc shows it; 'X' if it has gone. */
char thread_state(pid_t tid);

__u64 now_ns(void);
/* How many times longer things may take here: kernels that check are slow. */
unsigned int slowness(void);

/* ---- memory that stalls ------------------------------------------------ */

/**
 * struct stall - a page whose reader sleeps, as one of a FUSE file might
 * @page:	the page
 * @uffd:	who serves it, which is this test
 *
 * Nothing is on the page, so whoever touches it, be it the kernel on behalf
 * of a command, sleeps in the middle of what he does until the test lets him
 * go on. Needs root at the beginning only. Children do not inherit it.
 */
struct stall {
	char *page;
	int uffd;
};

/* Makes a page that stalls. */
void stall_new(struct stall *s);
/* The same of a page that is mapped; what is on it is lost. */
void stall_at(struct stall *s, void *page);
/* A page that begins with some data, can be read, and stalls who writes. */
void stall_new_writer(struct stall *s, const void *data, size_t size);
/* Whoever sleeps to write there goes on. */
void stall_let_write(struct stall *s);
/* Waits until somebody sleeps for the page: once for each who comes. */
void stall_wait(struct stall *s);
/* Whoever sleeps goes on, and everybody finds @size bytes of @data there. */
void stall_serve(struct stall *s, const void *data, size_t size);
/* Whoever sleeps goes on, and finds that there is no page: EFAULT. */
void stall_unmap(struct stall *s);

/*
 * A child that will sleep for a page it has made, of which it says so by
 * stall_tell() before. Returns when it does.
 */
pid_t spawn_sleeper(void (*fn)(void *), void *arg);
void stall_tell(struct stall *s);
/* Kills it where it sleeps, and waits for its end. */
void kill_sleeper(pid_t pid);

/**
 * struct sender - a SEND in a thread of its own
 * @from:	who sends
 * @msg:	what, to be filled in before sender_start()
 * @uid:	what the thread is while it sends; 0 for no change
 * @ret:	what became of it, for sender_end()
 * @thread:	the thread
 */
struct sender {
	struct kdbus_client *from;
	struct kdbus_builder msg;
	uid_t uid;
	int ret;
	pthread_t thread;
};

void sender_start(struct sender *s, struct kdbus_client *from);
/* Waits for the end of the SEND; returns what it did. */
int sender_end(struct sender *s);
/* Both at once, as another uid. */
int send_as(uid_t uid, struct kdbus_client *from,
	    const struct kdbus_builder *msg);

#endif /* KDBUS_HARNESS_H */
