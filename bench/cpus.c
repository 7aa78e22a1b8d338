// SPDX-License-Identifier: GPL-2.0
/*
 * Two processors on one bus, and on a bus each: messages in a second, and how
 * often a mutex was found taken. A VM that counts instructions runs one
 * processor at a time, so this needs another, and the figures depend on the host
 * and its load; each window on one bus is followed by one on two, and the ratio
 * is the median of such pairs.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "kdbus_bench.skel.h"

#define WORKERS 2
#define WINDOWS 15
#define WINDOW_MS 200

/* the bus that the workers use */
enum mode { MODE_ONE_BUS, MODE_TWO_BUSES, N_MODES };

/* shared with the workers */
struct shared {
	int mode;
	unsigned long done[WORKERS];
};

/* a worker, and its peers on each bus */
struct worker {
	struct shared *shared;
	unsigned int index;
	struct call calls[N_MODES];
};

/* what was counted in the windows of a mode */
struct seen {
	double rate[WINDOWS];
	double messages, contended;
};

static void pin(unsigned int cpu, int priority)
{
	struct sched_param param = { .sched_priority = priority };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK(!sched_setaffinity(0, sizeof(set), &set));
	CHECK(!sched_setscheduler(0, SCHED_FIFO, &param));
}

static void worker_run(void *arg)
{
	struct worker *w = arg;
	unsigned long n = 0;
	int mode;

	pin(w->index, 1);
	for (;;) {
		mode = __atomic_load_n(&w->shared->mode, __ATOMIC_RELAXED);
		oneway(&w->calls[mode], 1);
		__atomic_store_n(&w->shared->done[w->index], ++n,
				 __ATOMIC_RELAXED);
	}
}

static void worker_open(struct worker *w, unsigned int index,
			struct shared *shared)
{
	w->shared = shared;
	w->index = index;
	bus_use("bench");
	call_open(&w->calls[MODE_ONE_BUS], 64, false);
	bus_use(index ? "bench2" : "bench");
	call_open(&w->calls[MODE_TWO_BUSES], 64, false);
	bus_use("bench");
}

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	CHECK(!clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
}

static double seconds(void)
{
	struct timespec ts;

	CHECK(!clock_gettime(CLOCK_MONOTONIC, &ts));
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double done(const struct shared *shared)
{
	return __atomic_load_n(&shared->done[0], __ATOMIC_RELAXED) +
	       __atomic_load_n(&shared->done[1], __ATOMIC_RELAXED);
}

static void window(struct shared *shared, const struct kdbus_bench *skel,
		   enum mode mode, struct seen *seen, unsigned int i)
{
	double messages, start, contended;

	__atomic_store_n(&shared->mode, mode, __ATOMIC_RELAXED);
	sleep_ms(10);
	messages = done(shared);
	contended = skel->bss->contended;
	start = seconds();
	sleep_ms(WINDOW_MS);
	seen->rate[i] = (done(shared) - messages) / (seconds() - start);
	seen->messages += done(shared) - messages;
	seen->contended += skel->bss->contended - contended;
}

static void report(struct seen seen[N_MODES])
{
	double ratio[WINDOWS];
	unsigned int i;

	for (i = 0; i < WINDOWS; i++)
		ratio[i] = 100 * seen[MODE_ONE_BUS].rate[i] /
			   seen[MODE_TWO_BUSES].rate[i];
	bench_value("two processors: one bus", 0,
		    bench_median(seen[MODE_ONE_BUS].rate, WINDOWS),
		    "messages a second");
	bench_value("two processors: two buses", 0,
		    bench_median(seen[MODE_TWO_BUSES].rate, WINDOWS),
		    "messages a second");
	bench_value("two processors: one bus against two", 0,
		    bench_median(ratio, WINDOWS), "%");
	bench_value("two processors: one bus, lock found taken", 0,
		    seen[MODE_ONE_BUS].contended * 1e6 /
		    seen[MODE_ONE_BUS].messages, "in a million messages");
	bench_value("two processors: two buses, lock found taken", 0,
		    seen[MODE_TWO_BUSES].contended * 1e6 /
		    seen[MODE_TWO_BUSES].messages, "in a million messages");
}

void bench_cpus(void)
{
	static struct worker workers[WORKERS];
	static struct seen seen[N_MODES];
	struct kdbus_bench *skel;
	struct shared *shared;
	int pids[WORKERS];
	unsigned int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < WORKERS)
		return;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	skel = kdbus_bench__open_and_load();
	CHECK(skel);
	skel->links.mutex_contended =
		bpf_program__attach(skel->progs.mutex_contended);
	CHECK(skel->links.mutex_contended);
	pin(0, 10);
	for (i = 0; i < WORKERS; i++) {
		worker_open(&workers[i], i, shared);
		pids[i] = bench_fork(worker_run, &workers[i]);
	}
	for (i = 0; i < WINDOWS; i++) {
		window(shared, skel, MODE_ONE_BUS, &seen[MODE_ONE_BUS], i);
		window(shared, skel, MODE_TWO_BUSES, &seen[MODE_TWO_BUSES], i);
	}
	for (i = 0; i < WORKERS; i++)
		bench_end(pids[i]);
	report(seen);
	kdbus_bench__destroy(skel);
}
