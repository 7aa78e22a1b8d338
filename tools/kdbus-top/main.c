// SPDX-License-Identifier: GPL-2.0
/* kdbus-top: options, and the loop of the modes without a screen. */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "top.h"

static const char doc[] =
	"Shows the connections of kdbus buses by traffic, live.\v"
	"EXAMPLES:\n"
	"  kdbus-top                   the live screen; h shows its keys\n"
	"  kdbus-top -b -n 3           three frames of text\n"
	"  kdbus-top --json | jq .     one JSON object per interval\n"
	"  kdbus-top --bus 0-demo -d 5 one bus, every five seconds\n"
	"\n"
	"Exit codes: 0; 1 runtime error; 2 usage; 77 not root, the module is not "
	"loaded, or the kernel refuses BPF.";

enum { OPT_JSON = 256, OPT_BUS };

static const struct argp_option opts[] = {
	{ "batch", 'b', NULL, 0, "Plain text instead of a screen", 0 },
	{ "iterations", 'n', "N", 0, "End after N frames (with -b, --json)", 0 },
	{ "delay", 'd', "SECONDS", 0, "Length of an interval (default: 1)", 0 },
	{ "json", OPT_JSON, NULL, 0, "One JSON object per interval", 0 },
	{ "bus", OPT_BUS, "NAME|ID", 0, "Only this bus", 0 },
	{ "filter", 'f', "TEXT", 0,
	  "Only connections with TEXT in id, name, command, pid or uid", 0 },
	{ "sort", 's', "COLUMN", 0, "Sort by COLUMN (default: IN/s)", 0 },
	{ "reverse", 'r', NULL, 0, "The other way round", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	char *end;

	switch (key) {
	case 'b':
		o->batch = true;
		break;
	case 'n':
		o->count = strtol(arg, &end, 10);
		if (*end || o->count < 1)
			argp_error(state, "'%s' is no number of frames", arg);
		break;
	case 'd':
		o->delay = strtod(arg, &end);
		if (*end || !(o->delay >= 0.1 && o->delay <= 3600))
			argp_error(state, "'%s' is no delay between 0.1 and 3600 seconds", arg);
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_BUS:
		o->bus = arg;
		break;
	case 'f':
		snprintf(o->filter, sizeof(o->filter), "%s", arg);
		break;
	case 's':
		o->sort = column_find(arg);
		if (o->sort < 0)
			argp_error(state, "there is no column '%s'; h on the screen lists them", arg);
		break;
	case 'r':
		o->reverse = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected '%s'", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { opts, parse, NULL, doc, NULL, NULL, NULL };
const char *argp_program_version = "kdbus-top " KDBUS_VERSION;

/* Frames until the count is reached, a signal comes or nobody reads them. */
static int batch_run(struct model *m, const struct options *o)
{
	struct pollfd p = { .events = POLLIN };
	sigset_t set;
	long n;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p.fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (p.fd < 0 || model_sample(m))
		return 1;

	for (n = 0; !o->count || n < o->count; n++) {
		if (poll(&p, 1, o->delay * 1000) > 0)
			break;
		if (model_sample(m)) {
			fprintf(stderr, "kdbus-top: out of memory\n");
			return 1;
		}
		if (o->json)
			json_frame(m, o);
		else
			text_frame(m, o);
		if (ferror(stdout))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .delay = 1 };
	struct model m = {};
	int ret;

	o.sort = column_find("IN/s");
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (!o.batch && !o.json && !isatty(STDOUT_FILENO)) {
		fprintf(stderr, "kdbus-top: this is no terminal; use -b for text or --json\n");
		return 2;
	}

	ret = source_open();
	if (ret)
		return ret;
	ret = o.batch || o.json ? batch_run(&m, &o) : screen_run(&m, &o);
	source_close();
	model_free(&m);
	return ret;
}
