// SPDX-License-Identifier: GPL-2.0
/*
 * How long one operation holds the bus lock: in all, and the longest of its
 * holds. The BPF programs of bpf/kdbus_bench.bpf.c see it; they are attached
 * for these cases alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bus.h"
#include "kdbus_bench.skel.h"

#define LONGEST_HOLD 100000	/* what design allows, whatever is on the bus */
#define RUNS 51
#define MANY_CONNS 3600
#define MATCHES_EACH 15

static struct kdbus_bench *skel;
static double empty;	/* what an empty hold seems to take */

/* ---- which mutex ------------------------------------------------------- */

/* The mutexes that @fn takes get @bit. */
static void learn(__u32 bit, bench_fn fn, void *arg)
{
	skel->bss->learn_bits = bit;
	skel->bss->learn_tgid = getpid();
	fn(arg, 1);
	skel->bss->learn_tgid = 0;
}

/* The one mutex that has these bits and no others. */
static __u64 learned(__u32 bits)
{
	int fd = bpf_map__fd(skel->maps.seen);
	__u64 key, *at = NULL, found = 0;
	unsigned int n = 0;
	__u32 has;

	while (!bpf_map_get_next_key(fd, at, &key)) {
		CHECK(!bpf_map_lookup_elem(fd, &key, &has));
		if (has == bits) {
			found = key;
			n++;
		}
		at = &key;
	}
	CHECK(n == 1);
	return found;
}

/* ---- measuring --------------------------------------------------------- */

/* for measure(), where nothing is to be prepared */
static void nothing(void *arg, unsigned int n)
{
	(void)arg;
	(void)n;
}

/*
 * @total: ns for which a run of @fn holds the lock; @longest: its longest hold.
 * Both are medians of @runs, so rare interrupts do not count. @prepare comes
 * before each run and does not count either.
 */
static void measure(bench_fn prepare, bench_fn fn, void *arg,
		    unsigned int runs, double *total, double *longest)
{
	double totals[RUNS], longests[RUNS];
	unsigned int i;

	for (i = 0; i < runs; i++) {
		prepare(arg, 1);
		skel->bss->holds = 0;
		skel->bss->held_ns = 0;
		skel->bss->longest_ns = 0;
		fn(arg, 1);
		CHECK(skel->bss->holds);
		totals[i] = skel->bss->held_ns - skel->bss->holds * empty;
		longests[i] = skel->bss->longest_ns - empty;
	}
	*total = bench_median(totals, runs);
	*longest = bench_median(longests, runs);
}

/* Whether one of the lines is wanted that lock_case() makes. */
static bool lock_wants(const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "bus lock: %s", what);
	if (bench_wants(name))
		return true;
	snprintf(name, sizeof(name), "bus lock, longest: %s", what);
	return bench_wants(name);
}

/* Two lines of the report: the holds of @fn in all, and the longest. */
static void lock_case(const char *what, bench_fn prepare, bench_fn fn,
		      void *arg, unsigned int runs)
{
	double total, longest;
	char name[64];

	if (!lock_wants(what))
		return;
	/* warm up, as bench_run() does */
	if (prepare == nothing)
		fn(arg, 20);
	measure(prepare, fn, arg, runs, &total, &longest);
	snprintf(name, sizeof(name), "bus lock: %s", what);
	if (bench_wants_case(name))
		bench_value(name, 0, total, "instructions");
	snprintf(name, sizeof(name), "bus lock, longest: %s", what);
	if (bench_wants_case(name))
		bench_value(name, LONGEST_HOLD, longest, "instructions");
}

/* FIONREAD takes the mutex of the pipe and adds up nothing. */
static void pipe_run(void *arg, unsigned int n)
{
	int *pipes = arg, bytes;

	while (n--)
		CHECK(!ioctl(pipes[0], FIONREAD, &bytes));
}

static void locks_open(void)
{
	struct kdbus_client a, b;
	int pipes[2];
	double total;

	skel = kdbus_bench__open_and_load();
	CHECK(skel);
	skel->links.mutex_taken = bpf_program__attach(skel->progs.mutex_taken);
	skel->links.mutex_dropped =
		bpf_program__attach(skel->progs.mutex_dropped);
	CHECK(skel->links.mutex_taken && skel->links.mutex_dropped);
	CHECK(!pipe(pipes));
	learn(1, pipe_run, pipes);
	client_open(&a, 0, POOL);
	client_open(&b, 0, POOL);
	learn(2, name_run, &a);
	learn(4, name_run, &b);

	skel->bss->lock = learned(1);
	empty = 0;
	measure(nothing, pipe_run, pipes, RUNS, &total, &empty);
	skel->bss->lock = learned(2 | 4);
	kdbus_client_close(&a);
	kdbus_client_close(&b);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- what is measured -------------------------------------------------- */

static void lock_messages(void)
{
	struct broadcast *b = calloc(1, sizeof(*b));
	struct call c;
	int pid;

	CHECK(b);
	call_open(&c, 64, false);
	lock_case("one way, 64 B", nothing, oneway, &c, RUNS);
	pid = bench_fork(call_serve, &c);
	lock_case("call, 64 B", nothing, call_sync, &c, RUNS);
	bench_end(pid);
	call_close(&c);

	broadcast_open(b, 100, LISTEN_ID);
	lock_case("broadcast to 100", nothing, broadcast_run, b, RUNS);
	broadcast_close(b);
	free(b);
}

/* A connection comes and goes. */
static void hello_run(void *arg, unsigned int n)
{
	struct kdbus_client c;

	(void)arg;
	while (n--) {
		client_open(&c, 0, 4096);
		kdbus_client_close(&c);
	}
}

static void owner_prepare(void *arg, unsigned int n)
{
	struct kdbus_client *c = arg;
	char name[64];
	unsigned int i;

	(void)n;
	client_open(c, 0, 4096);
	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "org.example.Bench.Own%u", i);
		CHECK(!kdbus_client_acquire(c, name, 0));
	}
}

static void owner_close(void *arg, unsigned int n)
{
	(void)n;
	kdbus_client_close(arg);
}

/* @suffix: what else is on the bus */
static void lock_registries(const char *suffix)
{
	struct kdbus_client c, owner;
	char what[64];

	client_open(&c, 0, POOL);
	snprintf(what, sizeof(what), "name acquire + release%s", suffix);
	lock_case(what, nothing, name_run, &c, 21);
	snprintf(what, sizeof(what), "HELLO and close%s", suffix);
	lock_case(what, nothing, hello_run, &c, 21);
	snprintf(what, sizeof(what), "close, 64 names%s", suffix);
	lock_case(what, owner_prepare, owner_close, &owner, 5);
	if (!*suffix)
		lock_case("match add + remove", nothing, match_run, &c, 21);
	kdbus_client_close(&c);
}

/*
 * A connection with matches that never hold: notices of any name of which the
 * connection itself becomes the owner, or stops being it.
 */
static void strangers_open(struct kdbus_client *c)
{
	struct kdbus_notify_name_change *change;
	__u64 rule[sizeof(*change) / 8] = {};
	unsigned int i;

	change = (void *)rule;
	client_open(c, 0, 4096);
	for (i = 0; i < MATCHES_EACH; i++) {
		change->old.id = i % 2 ? c->hello.id : KDBUS_MATCH_ID_ANY;
		change->new.id = i % 2 ? KDBUS_MATCH_ID_ANY : c->hello.id;
		match_add(c, i + 1, i % 2 ? KDBUS_ITEM_NAME_REMOVE :
			  KDBUS_ITEM_NAME_ADD, rule, sizeof(rule));
	}
}

static void lock_strangers(struct kdbus_client *others)
{
	struct kdbus_client c;
	unsigned int i;

	for (i = 0; i < MANY_CONNS; i++)
		strangers_open(&others[i]);
	lock_registries(", strangers");
	client_open(&c, 0, POOL);
	bench_case("bus lock: acquire + release in all, strangers", 50000,
		   1, name_run, &c, 5);
	kdbus_client_close(&c);
	for (i = 0; i < MANY_CONNS; i++)
		kdbus_client_close(&others[i]);
}

static void lock_lists(struct kdbus_client *others)
{
	struct kdbus_client c;
	char name[64];
	unsigned int i;

	client_open(&c, 0, POOL);
	for (i = 0; i < 1000; i++)
		client_open(&others[i], 0, 4096);
	lock_case("list of 1,000 connections", nothing, list_run, &c, 5);
	for (i = 0; i < 40000; i++) {
		snprintf(name, sizeof(name), "org.example.Name%u", i);
		CHECK(!kdbus_client_acquire(&others[i % 1000], name, 0));
	}
	lock_case("list of 40,000 names", nothing, list_run, &c, 3);
	for (i = 0; i < 1000; i++)
		kdbus_client_close(&others[i]);
	kdbus_client_close(&c);
}

void bench_locks(void)
{
	static struct kdbus_client others[MANY_CONNS];

	locks_open();
	lock_messages();
	lock_registries("");
	if (lock_wants("list of"))
		lock_lists(others);
	lock_strangers(others);
	kdbus_bench__destroy(skel);
}
