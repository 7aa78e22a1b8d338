// SPDX-License-Identifier: GPL-2.0
/* kdbus-top: options, and the loop of the modes without a screen. */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "top.h"

static const char doc[] =
	"Shows what is going on on kdbus buses, live: who talks to whom, how much, "
	"how long it takes, and what goes wrong.\v"
	"FILTERS are terms that all have to hold: KEY=PATTERN or KEY!=PATTERN with "
	"the keys bus, conn, uid, pid, comm, name and cgroup and patterns as of the "
	"shell, or any text.\n"
	"\n"
	"EXAMPLES:\n"
	"  kdbus-top                       the live screen; h shows its keys\n"
	"  kdbus-top -f 'uid=1000 comm=foo*'\n"
	"  kdbus-top -b -n 3 --view=pairs  three frames of text\n"
	"  kdbus-top --json | jq .         one JSON object per interval\n"
	"  kdbus-top --csv --view=users -n 60 > users.csv\n"
	"  kdbus-top --openmetrics -d 15 -o /var/lib/node-exporter/kdbus.prom\n"
	"\n"
	"Exit codes: 0; 1 runtime error; 2 usage; 3 events were lost (not of the "
	"screen); 77 not root, the module is not loaded, or the kernel refuses BPF.";

enum {
	OPT_JSON = 256, OPT_CSV, OPT_METRICS, OPT_BUS, OPT_VIEW, OPT_PAIRS,
};

static const struct argp_option opts[] = {
	{ "batch", 'b', NULL, 0, "Plain text instead of a screen", 0 },
	{ "json", OPT_JSON, NULL, 0, "One JSON object per interval", 0 },
	{ "csv", OPT_CSV, NULL, 0, "Comma-separated values of a view", 0 },
	{ "openmetrics", OPT_METRICS, NULL, 0,
	  "OpenMetrics text of buses, names and users; once, unless there is -n or -o",
	  0 },
	{ "output", 'o', "FILE", 0,
	  "Replace FILE by each interval's OpenMetrics text", 0 },
	{ "iterations", 'n', "N", 0, "End after N intervals", 0 },
	{ "delay", 'd', "SECONDS", 0, "Length of an interval (default: 1)", 0 },
	{ "view", OPT_VIEW, "VIEW", 0,
	  "connections, names, pairs, users, buses or latency", 0 },
	{ "filter", 'f', "FILTER", 0,
	  "Only what has to do with connections that pass; may be repeated", 0 },
	{ "bus", OPT_BUS, "BUS", 0, "The same as -f bus=BUS: a name or an id", 0 },
	{ "sort", 's', "COLUMN", 0, "Sort by COLUMN (default: messages)", 0 },
	{ "reverse", 'r', NULL, 0, "The other way round", 0 },
	{ "pairs", OPT_PAIRS, "N", 0,
	  "Room for N pairs per interval (default: 16384, or more if there are many connections)",
	  0 },
	{ 0 }
};

/* What is only understood when all options have been read. */
struct arguments {
	struct options *o;
	char filter[FILTER_TEXT];
	const char *sort;
	bool reverse, counted;
};

static void add_filter(struct argp_state *state, struct arguments *a,
		       const char *prefix, const char *text)
{
	size_t len = strlen(a->filter);
	char error[160];

	if ((size_t)snprintf(a->filter + len, sizeof(a->filter) - len,
			     "%s%s%s", len ? " " : "", prefix, text) >=
	    sizeof(a->filter) - len)
		argp_error(state, "the filters are too long");
	if (!filter_parse(&a->o->filter, a->filter, error, sizeof(error)))
		argp_error(state, "filter '%s': %s", text, error);
}

static void set_output(struct argp_state *state, struct options *o,
		       enum output output)
{
	if (o->output != OUT_SCREEN && o->output != output)
		argp_error(state, "only one of -b, --json, --csv and --openmetrics can be had");
	o->output = output;
}

static void set_view(struct argp_state *state, struct options *o,
		     const char *arg)
{
	int view = view_find(arg);

	if (view < 0)
		argp_error(state, "there is no view '%s'; views are connections, names, pairs, users, buses and latency",
			   arg);
	o->view = view;
	o->view_given = true;
}

static unsigned long number(struct argp_state *state, const char *arg,
			    unsigned long max, const char *what)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*end || *arg < '0' || *arg > '9' || n < 1 || n > max)
		argp_error(state, "'%s' is no number of %s", arg, what);
	return n;
}

static void at_end(struct argp_state *state, struct arguments *a)
{
	struct options *o = a->o;
	enum view view = o->view == VIEW_LATENCY ? VIEW_CONNS : o->view;

	if (o->file && o->output != OUT_METRICS)
		argp_error(state, "-o goes with --openmetrics");
	if (o->output == OUT_METRICS && !a->counted && !o->file)
		o->count = 1;
	if (a->sort)
		o->sort[view].column = column_find(view, a->sort);
	if (o->sort[view].column < 0)
		argp_error(state, "there is no column '%s' in the view %s; h on the screen lists them",
			   a->sort, view_names[view]);
	o->sort[view].reverse = a->reverse;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct options *o = a->o;
	char *end;

	switch (key) {
	case 'b':
		set_output(state, o, OUT_TEXT);
		break;
	case OPT_JSON:
		set_output(state, o, OUT_JSON);
		break;
	case OPT_CSV:
		set_output(state, o, OUT_CSV);
		break;
	case OPT_METRICS:
		set_output(state, o, OUT_METRICS);
		break;
	case 'o':
		o->file = arg;
		break;
	case 'n':
		o->count = number(state, arg, ~0U, "intervals");
		a->counted = true;
		break;
	case 'd':
		o->delay = strtod(arg, &end);
		if (*end || !(o->delay >= 0.1 && o->delay <= 3600))
			argp_error(state, "'%s' is no delay between 0.1 and 3600 seconds", arg);
		break;
	case OPT_VIEW:
		set_view(state, o, arg);
		break;
	case OPT_BUS:
		add_filter(state, a, "bus=", arg);
		break;
	case 'f':
		add_filter(state, a, "", arg);
		break;
	case 's':
		a->sort = arg;
		break;
	case 'r':
		a->reverse = true;
		break;
	case OPT_PAIRS:
		o->pairs = number(state, arg, TOP_PAIRS_MAX, "pairs");
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected '%s'", arg);
		break;
	case ARGP_KEY_END:
		at_end(state, a);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { opts, parse, NULL, doc, NULL, NULL, NULL };
const char *argp_program_version = "kdbus-top " KDBUS_VERSION;

/* ---- modes without a screen ---------------------------------------------- */

static long long ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Readable once a signal has asked to end. */
static int end_fd;
static volatile sig_atomic_t ended;

/*
 * Output that nobody reads is given up, too: no SA_RESTART, and an alarm for
 * whatever is still written after that.
 */
static void on_signal(int sig)
{
	(void)sig;
	ended = 1;
	eventfd_write(end_fd, 1);
	alarm(1);
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
}

/* @file: what could not be written, or NULL if it was something else */
static int failed(int ret, const char *file)
{
	fprintf(stderr, "kdbus-top: %s%s%s%s\n", file ? "cannot write " : "",
		file ?: "", file ? ": " : "", strerror(-ret));
	return EXIT_RUNTIME;
}

/*
 * Sleeps until it is time for the next frame, and empties tables that get full
 * meanwhile. Returns 0; 1 if a signal ends it all; or a negative errno.
 */
static int sleep_until(struct model *m, long long end)
{
	struct pollfd p[] = {
		{ .fd = end_fd, .events = POLLIN },
		{ .fd = source_fd(), .events = POLLIN },
	};
	long long left;
	int ret;

	while (!ended && (left = end - ms_now()) > 0) {
		if (poll(p, 2, left) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if (p[1].revents & POLLIN) {
			ret = model_drain(m);
			if (ret < 0)
				return ret;
		}
	}
	return ended;
}

static int put_frame(struct model *m, const struct options *o)
{
	int ret = 0;

	errno = 0;
	switch (o->output) {
	case OUT_JSON:
		json_frame(m, o);
		break;
	case OUT_CSV:
		csv_frame(m, o);
		break;
	case OUT_METRICS:
		ret = metrics_frame(m, o);
		break;
	default:
		text_frame(m, o);
	}
	if (!ret && ferror(stdout))
		ret = -(errno ?: EIO);
	return ended ? 1 : ret;
}

/* Frames until the count is reached, a signal comes or nobody reads them. */
static int batch_run(struct model *m, const struct options *o)
{
	const char *written = NULL;
	int ret;
	long n;

	end_fd = eventfd(0, EFD_CLOEXEC);
	if (end_fd < 0)
		return failed(-errno, NULL);
	catch_signals();

	ret = model_sample(m);
	for (n = 0; !ret && (!o->count || n < o->count); n++) {
		ret = sleep_until(m, ms_now() + o->delay * 1000);
		if (!ret)
			ret = model_sample(m);
		if (ret)
			break;
		ret = put_frame(m, o);
		if (ret < 0)
			written = o->file ?: "to stdout";
	}
	close(end_fd);
	if (ret < 0)
		return failed(ret, written);
	m->lost = source_lost();
	if (m->lost)
		fprintf(stderr, "kdbus-top: %llu events were lost; --pairs makes more room\n",
			m->lost);
	return m->lost ? EXIT_LOST : 0;
}

/* Room for what there is, if everybody talked within an interval. */
static unsigned int pairs_for(const struct options *o)
{
	unsigned long conns = listings_conns() * 4;

	if (o->pairs)
		return o->pairs;
	return conns > TOP_PAIRS_DEFAULT ? conns : TOP_PAIRS_DEFAULT;
}

int main(int argc, char **argv)
{
	struct options o = { .delay = 1 };
	struct arguments a = { .o = &o };
	struct model m = {};
	struct stat st;
	int ret, v;

	stdio_hold();
	for (v = 0; v < KIND_ACCOUNT; v++)
		o.sort[v].column = column_default(v);
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (o.output == OUT_SCREEN &&
	    !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))) {
		fprintf(stderr, "kdbus-top: this is no terminal; use -b for text, or --json, --csv or --openmetrics\n");
		return EXIT_USAGE;
	}

	if (o.file && !stat(o.file, &st) && !S_ISREG(st.st_mode)) {
		fprintf(stderr, "kdbus-top: '%s' is no regular file, and -o puts one in its place; write to stdout without it\n",
			o.file);
		return EXIT_USAGE;
	}

	ret = env_check("kdbus-top");
	if (!ret && access("/sys/kernel/debug/kdbus/calls", R_OK)) {
		fprintf(stderr, "kdbus-top: the module's listings are not there; run 'mount -t debugfs debugfs /sys/kernel/debug'\n");
		ret = EXIT_ENV;
	}
	if (!ret)
		ret = source_open(pairs_for(&o));
	if (ret)
		return ret;
	ret = o.output == OUT_SCREEN ? screen_run(&m, &o) : batch_run(&m, &o);
	source_close();
	model_free(&m);
	return ret;
}
