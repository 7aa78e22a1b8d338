// SPDX-License-Identifier: GPL-2.0
/* kdbus-bench: options, measuring, the report. */
#include <argp.h>
#include <errno.h>
#include <json-c/json.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define WINDOWS 7
#define MAX_RESULTS 128
#define TARGETS_OF "6.1"

struct result {
	char name[64];
	double target, value;
	const char *unit;
};

static struct result results[MAX_RESULTS];
static unsigned int n_results;
static bool as_json;
static const char *time_unit = "ns";
static char **wanted;
static bool exact;

static const struct argp_option opts[] = {
	{ "json", 'j', NULL, 0, "One JSON object instead of a table", 0 },
	{ "icount", 'i', NULL, 0,
	  "The clock counts instructions (QEMU's -icount shift=0)", 0 },
	{ "exact", 'e', NULL, 0, "Only cases with one of these names", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case 'j':
		as_json = true;
		return 0;
	case 'i':
		time_unit = "instructions";
		return 0;
	case 'e':
		exact = true;
		return 0;
	case ARGP_KEY_ARGS:
		wanted = state->argv + state->next;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	opts, parse, "[CASE...]",
	"Measures the bus and its peers; with CASE only cases whose names begin "
	"so. Meant for a VM that counts instructions: run 'make bench'.",
	NULL, NULL, NULL
};

void bench_die(const char *file, int line, const char *what)
{
	fprintf(stderr, "kdbus-bench: %s:%d: %s does not hold (%s)\n", file,
		line, what, strerror(errno));
	exit(1);
}

bool bench_wants(const char *prefix)
{
	size_t n = strlen(prefix), len;
	char **w;

	if (!wanted)
		return true;
	for (w = wanted; *w; w++) {
		len = strlen(*w);
		if (!strncmp(prefix, *w, len < n ? len : n))
			return true;
	}
	return false;
}

bool bench_wants_case(const char *name)
{
	char **w;

	if (!wanted)
		return true;
	for (w = wanted; *w; w++)
		if (!strncmp(name, *w, strlen(*w) + exact))
			return true;
	return false;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

double bench_run(bench_fn fn, void *arg, unsigned int n)
{
	double window[WINDOWS], start;
	int i;

	/* longer than a window, so that none is the first to do anything */
	fn(arg, 2 * n);
	for (i = 0; i < WINDOWS; i++) {
		start = now();
		fn(arg, n);
		window[i] = (now() - start) / n;
	}
	return bench_median(window, WINDOWS);
}

void bench_value(const char *name, double target, double value,
		 const char *unit)
{
	struct result *r = &results[n_results++];

	CHECK(n_results < MAX_RESULTS);
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->target = target;
	r->value = value;
	r->unit = unit;
	if (as_json)
		return;
	printf("%-52s %10.0f", name, value);
	if (target)
		printf(" %10.0f  %5.2f", target, value / target);
	else
		printf(" %10s  %5s", "", "");
	printf("  %s\n", unit);
	fflush(stdout);
}

void bench_case(const char *name, double target, double per, bench_fn fn,
		void *arg, unsigned int n)
{
	if (bench_wants_case(name))
		bench_value(name, target, bench_run(fn, arg, n) / per,
			    time_unit);
}

int bench_fork(void (*fn)(void *arg), void *arg)
{
	int pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		fn(arg);
		_exit(0);
	}
	return pid;
}

void bench_end(int pid)
{
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

static void print_json(void)
{
	struct json_object *top = json_object_new_object();
	struct json_object *list = json_object_new_array();
	unsigned int i;

	json_object_object_add(top, "schema", json_object_new_int(1));
	for (i = 0; i < n_results; i++) {
		const struct result *r = &results[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "name",
				       json_object_new_string(r->name));
		json_object_object_add(o, "value",
				       json_object_new_double(r->value));
		json_object_object_add(o, "unit",
				       json_object_new_string(r->unit));
		if (r->target)
			json_object_object_add(o, "target",
				json_object_new_double(r->target));
		json_object_array_add(list, o);
	}
	json_object_object_add(top, "results", list);
	puts(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY));
	json_object_put(top);
}

/*
 * The command line is metadata, and a longer one takes longer to attach: what
 * is asked for must not change what is measured. So it ends behind the name.
 */
static void hide_arguments(char **argv)
{
	char *end = argv[0] + strlen(argv[0]) + 1;

	CHECK(!prctl(PR_SET_MM, PR_SET_MM_ARG_END, end, 0, 0));
}

static void print_header(void)
{
	struct utsname u;

	CHECK(!uname(&u));
	if (strncmp(u.release, TARGETS_OF ".", strlen(TARGETS_OF ".")))
		printf("The targets are those of Linux " TARGETS_OF "; this is %s.\n",
		       u.release);
	printf("%-52s %10s %10s  %5s\n", "", "measured", "target", "ratio");
}

int main(int argc, char **argv)
{
	struct sched_param param = { .sched_priority = 10 };
	struct rlimit limit = { 65536, 65536 };

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (sched_setscheduler(0, SCHED_FIFO, &param) ||
	    setrlimit(RLIMIT_NOFILE, &limit) ||
	    mlockall(MCL_CURRENT)) {
		fprintf(stderr, "kdbus-bench: no real-time priority (%s); run it as root, in the VM of 'make bench'\n",
			strerror(errno));
		return 77;
	}

	hide_arguments(argv);
	if (!as_json)
		print_header();
	bench_peers();
	bench_kdbus();
	if (as_json)
		print_json();
	return 0;
}
