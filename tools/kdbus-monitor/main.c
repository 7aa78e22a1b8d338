// SPDX-License-Identifier: GPL-2.0
/* kdbus-monitor: options, and the loop between a source and the outputs. */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "monitor.h"

#define DEFAULT_SNAPLEN 4096
#define MAX_SNAPLEN (1 << 20)

static const char doc[] =
	"Watches the messages of kdbus buses: who sends what to whom, how long "
	"it waits, how long calls take, and what is refused.\v"
	"A WHO is the id of a connection or a pattern for one of its names; "
	"TYPES are a list of: call, reply, signal, notice, recv, drop, move, end, "
	"refused, failed, name, match, conn, bus, policy, quota; message; all.\n"
	"\n"
	"Payload is only looked at with --payload: it may hold what its owners "
	"would not show you, and so does every file it is written to.\n"
	"\n"
	"EXAMPLES:\n"
	"  kdbus-monitor                          everything, a line each\n"
	"  kdbus-monitor --slower 10ms            calls that took 10 ms and more\n"
	"  kdbus-monitor -e --name 'org.example.*'  what goes wrong there\n"
	"  kdbus-monitor --json -N 10 | jq .      ten events as JSON\n"
	"  kdbus-monitor -w trace.pcapng          record; Wireshark opens it\n"
	"  kdbus-monitor -r trace.pcapng -e       look at the errors in it\n"
	"\n"
	"Exit codes: 0; 1 runtime error; 2 usage; 3 events were lost; 77 not "
	"root, the module is not loaded, or the kernel refuses BPF.";

enum {
	OPT_NAME = 256, OPT_SLOWER, OPT_FOLLOW, OPT_TIMEOUT, OPT_JSON,
	OPT_COLOR, OPT_PRINT, OPT_PAYLOAD, OPT_VIA_BUS, OPT_BUFFER,
	OPT_INTERVAL,
};

static const struct argp_option opts[] = {
	{ NULL, 0, NULL, 0, "What is shown (all that are given have to hold):", 1 },
	{ "bus", 'b', "NAME|ID", 0, "Of this bus", 1 },
	{ "sender", 's', "WHO", 0, "From this one", 1 },
	{ "destination", 'd', "WHO", 0, "To this one", 1 },
	{ "name", OPT_NAME, "WHO", 0, "From or to this one, or about the name", 1 },
	{ "uid", 'u', "USER", 0, "From or to processes of this user", 1 },
	{ "pid", 'p', "PID", 0, "From or to this process", 1 },
	{ "comm", 'c', "PATTERN", 0, "From or to processes called so", 1 },
	{ "type", 't', "TYPES", 0, "Only these types", 1 },
	{ "errors", 'e', NULL, 0, "Only what went wrong", 1 },
	{ "slower", OPT_SLOWER, "TIME", 0, "Only what took as long: 500us, 10ms, 2s", 1 },
	{ "follow", OPT_FOLLOW, "ID", 0, "Only the message ID and what belongs to it", 1 },
	{ NULL, 0, NULL, 0, "How:", 2 },
	{ "json", OPT_JSON, "short|pretty", OPTION_ARG_OPTIONAL, "JSON objects, one a line or indented", 2 },
	{ "payload", OPT_PAYLOAD, "BYTES", OPTION_ARG_OPTIONAL, "Payload too, at most so much of each (default: 4096). Mind the privacy of who wrote it", 2 },
	{ "verbose", 'v', NULL, 0, "A line for each receive too", 2 },
	{ "wide", 'W', NULL, 0, "Do not cut lines at the edge of the terminal", 2 },
	{ "color", OPT_COLOR, "auto|always|never", OPTION_ARG_OPTIONAL, "Colours (default: on a terminal, unless NO_COLOR is set)", 2 },
	{ "quiet", 'q', NULL, 0, "No summary at the end", 2 },
	{ NULL, 0, NULL, 0, "How long:", 3 },
	{ "count", 'N', "COUNT", 0, "End after COUNT events", 3 },
	{ NULL, 'n', NULL, OPTION_ALIAS, NULL, 3 },
	{ "timeout", OPT_TIMEOUT, "TIME", 0, "End after this time", 3 },
	{ NULL, 0, NULL, 0, "From where, to where:", 4 },
	{ "write", 'w', "FILE", 0, "Write a pcapng file (- for stdout) instead of lines", 4 },
	{ "print", OPT_PRINT, NULL, 0, "With -w: lines too", 4 },
	{ "read", 'r', "FILE", 0, "Show what was written to a file (- for stdin)", 4 },
	{ "via-bus", OPT_VIA_BUS, "BUS", OPTION_ARG_OPTIONAL, "Use a monitor connection instead of BPF", 4 },
	{ "buffer", OPT_BUFFER, "BYTES", 0, "Size of the ring buffer, a power of two: a page to 1G (default: 8M)", 4 },
	{ "interval", OPT_INTERVAL, "MS", 0, "How long events of a busy bus are collected (default: 20)", 4 },
	{ 0 }
};

void complain(const char *fmt, ...)
{
	va_list ap;

	/* after what was shown before it happened */
	fflush(stdout);
	fprintf(stderr, "kdbus-monitor: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* ---- options ---------------------------------------------------------- */

static __u64 number(struct argp_state *state, const char *arg, __u64 min,
		    __u64 max, const char *what)
{
	__u64 v;

	if (!parse_number(arg, &v) || v < min || v > max)
		argp_error(state, "'%s' is no %s (%llu to %llu)", arg, what,
			   min, max);
	return v;
}

static __u64 time_arg(struct argp_state *state, const char *arg)
{
	__u64 ns;

	if (!parse_time(arg, &ns) || !ns)
		argp_error(state, "'%s' is no time; say 500us, 10ms or 2s",
			   arg);
	return ns;
}

/* "64K"; the kernel makes buffers of whole pages */
static __u32 buffer_arg(struct argp_state *state, const char *arg)
{
	const __u64 page = sysconf(_SC_PAGESIZE);
	char *end;
	__u64 v = strtoull(arg, &end, 10);

	if (*end && strchr("kKmMgG", *end)) {
		v <<= *end == 'k' || *end == 'K' ? 10 :
		      *end == 'm' || *end == 'M' ? 20 : 30;
		end++;
	}
	if (*end || v < page || v > 1 << 30 || (v & (v - 1)))
		argp_error(state, "'%s' is no power of two between %uK and 1G",
			   arg, (unsigned int)(page >> 10));
	return v;
}

static __u32 uid_arg(struct argp_state *state, const char *arg)
{
	const struct passwd *pw;
	__u64 v;

	if (parse_number(arg, &v) && v < ~0u)
		return v;
	pw = getpwnam(arg);
	if (pw)
		return pw->pw_uid;
	argp_error(state, "there is no user '%s'", arg);
	return 0;
}

static enum output json_arg(struct argp_state *state, const char *arg)
{
	if (!arg || !strcmp(arg, "short"))
		return OUT_JSON;
	if (strcmp(arg, "pretty"))
		argp_error(state, "'%s' is no kind of JSON; say short or pretty",
			   arg);
	return OUT_JSON_PRETTY;
}

static int color_arg(struct argp_state *state, const char *arg)
{
	if (!arg || !strcmp(arg, "always"))
		return 1;
	if (!strcmp(arg, "never"))
		return 0;
	if (strcmp(arg, "auto"))
		argp_error(state, "'%s' is none of auto, always, never", arg);
	return -1;
}

static error_t parse_filter(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'b':
		o->bus = arg;
		break;
	case 's':
		o->src = arg;
		break;
	case 'd':
		o->dst = arg;
		break;
	case OPT_NAME:
		o->name = arg;
		break;
	case 'u':
		o->by_uid = true;
		o->uid = uid_arg(state, arg);
		break;
	case 'p':
		o->by_pid = true;
		o->pid = number(state, arg, 1, ~0u, "process id");
		break;
	case 'c':
		o->comm = arg;
		break;
	case 't':
		o->types_given = true;
		o->types = filter_types(arg);
		if (!o->types)
			argp_error(state, "'%s' is no list of types; --help lists them", arg);
		break;
	case 'e':
		o->errors = true;
		break;
	case OPT_SLOWER:
		o->slower_ns = time_arg(state, arg);
		break;
	case OPT_FOLLOW:
		o->follow = number(state, arg, 1, ~0ULL - 1, "message id");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void check(struct argp_state *state, const struct options *o)
{
	if (o->read && (o->write || o->via_bus))
		argp_error(state, "--read does not go with --write or --via-bus");
	if (o->print && !o->write)
		argp_error(state, "--print is for --write");
	else if (o->print && !strcmp(o->write, "-"))
		argp_error(state, "--print and '--write -' both want stdout");
	if (o->via_bus && !o->bus)
		argp_error(state, "--via-bus needs a bus: --via-bus=NAME; ls /dev/kdbus shows them");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_JSON:
		o->output = json_arg(state, arg);
		break;
	case OPT_PAYLOAD:
		o->snaplen = arg ? number(state, arg, 1, MAX_SNAPLEN,
					  "number of bytes") : DEFAULT_SNAPLEN;
		break;
	case 'v':
		o->verbose = true;
		break;
	case 'W':
		o->wide = true;
		break;
	case OPT_COLOR:
		o->color = color_arg(state, arg);
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'N':
	case 'n':
		o->count = number(state, arg, 1, ~0ULL - 1, "count");
		break;
	case OPT_TIMEOUT:
		o->timeout_ns = time_arg(state, arg);
		break;
	case 'w':
		o->write = arg;
		break;
	case OPT_PRINT:
		o->print = true;
		break;
	case 'r':
		o->read = arg;
		break;
	case OPT_VIA_BUS:
		o->via_bus = true;
		o->bus = arg ?: o->bus;
		break;
	case OPT_BUFFER:
		o->buffer = buffer_arg(state, arg);
		break;
	case OPT_INTERVAL:
		o->nap_ms = number(state, arg, 1, 3600000, "interval in ms");
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected '%s'", arg);
		break;
	case ARGP_KEY_END:
		check(state, o);
		break;
	default:
		return parse_filter(key, arg, state);
	}
	return 0;
}

static const struct argp argp = { opts, parse, NULL, doc, NULL, NULL, NULL };
const char *argp_program_version = "kdbus-monitor " KDBUS_VERSION;

/* ---- from source to outputs ------------------------------------------- */

static struct options opt = {
	.types = (1u << N_EVENT_TYPES) - 1,
	.color = -1,
	.buffer = 8 << 20,
	.nap_ms = 20,
};
static volatile sig_atomic_t done;
static bool hides_receives;
static int output_error;	/* errno of stdout, or 0 */
static __u64 shown;

bool monitor_done(void)
{
	return done;
}

/* Nobody reads any more, or the disk is full: no use in going on. */
static void check_output(void)
{
	/* a capture there says so itself */
	if (!ferror(stdout) || output_error ||
	    (opt.write && !strcmp(opt.write, "-")))
		return;
	output_error = errno ?: EIO;
	done = true;
}

static void print_json(const char *json)
{
	if (opt.output == OUT_JSON_PRETTY)
		json_print_pretty(json);
	else
		puts(json);
}

static void print_event(const struct event *e)
{
	if (opt.output == OUT_NONE)
		return;
	errno = 0;
	if (opt.output != OUT_TEXT)
		print_json(json_from_event(e, true));
	else if (!(hides_receives && e->type == EV_RECV &&
		   !event_is_error(e)))
		text_event(e);
	check_output();
}

void monitor_event(struct event *e)
{
	if (done)
		return;
	filter_learn(e);
	if (!filter_passes(e))
		return;
	if (e->type == EV_LOST)
		summary_lost(event_get(e, F_COUNT));
	else if (e->type != EV_START)
		summary_event(e);
	print_event(e);
	if (opt.write)
		capture_event(e);
	if (e->type < EV_LOST && ++shown == opt.count)
		done = true;
}

void monitor_lost(__u64 n, __u64 time_ns)
{
	struct event e;

	event_init(&e, EV_LOST, time_ns);
	event_set(&e, F_COUNT, n);
	monitor_event(&e);
}

static void flush(void)
{
	if (opt.write && !capture_flush())
		done = true;
	errno = 0;
	fflush(stdout);
	check_output();
}

static void on_signal(int signal)
{
	(void)signal;
	done = true;
}

/* A read of a file ends with an error then. */
static void signals_end_reads(void)
{
	struct sigaction end = { .sa_handler = on_signal };

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static __s64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/*
 * Sleeps until a signal (true), the source has something, or @limit is over.
 * @source_fd is -1 while the source is not to be looked at.
 */
static bool sleep_for(int signal_fd, int source_fd, __s64 limit)
{
	struct pollfd p[2] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = source_fd, .events = POLLIN },
	};

	if (limit > 1 << 30)
		limit = 1 << 30;
	return poll(p, 2, limit < 0 ? 0 : limit) > 0 && p[0].revents;
}

/*
 * While there is something a source that naps is drained now and then, without
 * being woken for each record. When there was nothing it is asked to say when
 * there is, and looked at once more for what came in between.
 */
static int run(struct source *s, int signal_fd)
{
	__s64 end = opt.timeout_ns ?
		    now_ms() + (__s64)(opt.timeout_ns / 1000000) : 1LL << 60;
	bool stop = false, armed = false;
	int n;

	while (!done && !stop && now_ms() < end) {
		n = s->drain();
		if (n < 0)
			return n == -EINTR ? 0 : EXIT_RUNTIME;
		flush();
		if (done)
			break;
		if (n && s->naps) {
			armed = false;
			stop = sleep_for(signal_fd, -1,
					 MIN(opt.nap_ms, end - now_ms()));
		} else if (s->arm && !armed) {
			s->arm();
			armed = true;
		} else {
			stop = sleep_for(signal_fd, s->fd, end - now_ms());
		}
	}
	return 0;
}

/* A file is read to its end; everything else until somebody says so. */
static int work(struct source *s)
{
	int ret, signal_fd;

	signal(SIGPIPE, SIG_IGN);
	if (s == &source_capture) {
		signals_end_reads();
		ret = s->drain() < 0 ? EXIT_RUNTIME : 0;
	} else {
		signal_fd = signals_open();
		ret = run(s, signal_fd);
		close(signal_fd);
	}
	if (s->stop)
		s->stop();
	flush();
	return ret;
}

static void settle_options(void)
{
	bool text = opt.output == OUT_TEXT;

	hides_receives = text && !opt.verbose && !opt.types_given &&
			 !opt.slower_ns && !opt.follow;
	/* then they need not be recorded either */
	if (hides_receives && !opt.write && !opt.read)
		opt.types &= ~(1u << EV_RECV);
	if (opt.write && !opt.print)
		opt.output = OUT_NONE;
}

static void summarize(void)
{
	char *json;

	if (opt.quiet)
		return;
	if (opt.output == OUT_JSON || opt.output == OUT_JSON_PRETTY) {
		json = summary_json();
		print_json(json);
		g_free(json);
	} else {
		summary_text(stderr);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct source *s;
	int ret, ret_write = 0;

	stdio_hold();
	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	settle_options();
	s = opt.read ? &source_capture : opt.via_bus ? &source_viabus :
						       &source_bpf;
	filter_open(&opt);
	text_open(&opt, stdout);
	ret = s->open(&opt);
	if (ret)
		return ret;
	/* no earlier: it empties a file that may be dear to somebody */
	ret = opt.write ? capture_open(opt.write) : 0;
	if (ret) {
		s->close();
		return ret;
	}
	if (s->announce)
		s->announce();
	ret = work(s);
	if (opt.write)
		ret_write = capture_close();
	if (!ret || shown)
		summarize();
	s->close();
	flush();
	if (output_error && output_error != EPIPE) {
		complain("cannot write: %s", strerror(output_error));
		ret = EXIT_RUNTIME;
	}
	if (ret || ret_write)
		return ret ?: ret_write;
	return summary_count_lost() ? EXIT_LOST : 0;
}
