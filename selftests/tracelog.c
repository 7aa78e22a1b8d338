// SPDX-License-Identifier: GPL-2.0
/* Reading trace events; see tracelog.h. */
#include <dirent.h>

#include "tracelog.h"

#define INSTANCE "/sys/kernel/tracing/instances/kdbus-selftest"

struct event *events;
size_t n_events;
unsigned long long trace_bus;

static size_t room;

static void put_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

/*
 * The instance takes the kernel long to make, so all cases use the one that
 * the first made. They leave the program by _exit(), the runner does not.
 */
__attribute__((destructor)) static void remove_instance(void)
{
	rmdir(INSTANCE);
}

void trace_start(void)
{
	ASSERT(!mkdir(INSTANCE, 0700) || errno == EEXIST);
	put_file(INSTANCE "/events/kdbus/enable", "0");
	put_file(INSTANCE "/trace_clock", "counter");
	put_file(INSTANCE "/buffer_size_kb", "8192");
	put_file(INSTANCE "/trace", " ");
	put_file(INSTANCE "/events/kdbus/enable", "1");
}

static void add_event(char *line)
{
	char *name = strstr(line, ": kdbus_"), *text;
	struct event *e;

	if (line[0] == '#' || !name)
		return;
	name += strlen(": kdbus_");
	text = strchr(name, ':');
	ASSERT(text);
	*text = 0;
	if (n_events == room) {
		room = room ? 2 * room : 1024;
		events = realloc(events, room * sizeof(*events));
		ASSERT(events);
	}
	e = &events[n_events++];
	e->used = false;
	snprintf(e->name, sizeof(e->name), "%s", name);
	/* the blank before it stays, so that " key=" finds the first one too */
	text++;
	text[strcspn(text, "\n")] = 0;
	ASSERT((size_t)snprintf(e->text, sizeof(e->text), "%s", text) <
	       sizeof(e->text));
}

static void nothing_lost(const char *cpu)
{
	char path[400], line[200];
	FILE *f;

	snprintf(path, sizeof(path), INSTANCE "/per_cpu/%s/stats", cpu);
	f = fopen(path, "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "overrun:", 8) ||
		    !strncmp(line, "dropped events:", 15))
			ASSERT_EQ(atoi(strchr(line, ':') + 1), 0);
	fclose(f);
}

void trace_stop(void)
{
	struct dirent *d;
	char line[1024];
	size_t i;
	DIR *dir;
	FILE *f;

	put_file(INSTANCE "/events/kdbus/enable", "0");
	f = fopen(INSTANCE "/trace", "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		add_event(line);
	fclose(f);
	dir = opendir(INSTANCE "/per_cpu");
	ASSERT(dir);
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.')
			nothing_lost(d->d_name);
	closedir(dir);

	for (i = 0; i < n_events; i++) {
		if (is(&events[i], "bus_new"))
			trace_bus = num(&events[i], "bus");
		if (getenv("KDBUS_TEST_TRACE_SHOW"))
			printf("# %s:%s\n", events[i].name, events[i].text);
	}
}

/* ---- asking ----------------------------------------------------------- */

bool is(const struct event *e, const char *name)
{
	return !strcmp(e->name, name);
}

static const char *field(const struct event *e, const char *key)
{
	static char value[300];
	char want[48];
	const char *p;

	snprintf(want, sizeof(want), " %s=", key);
	p = strstr(e->text, want);
	if (!p)
		return NULL;
	p += strlen(want);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(p, " "), p);
	return value;
}

const char *text_of(const struct event *e, const char *key)
{
	const char *value = field(e, key);

	if (!value)
		test_fail(__FILE__, __LINE__, "%s has no %s:%s", e->name, key,
			  e->text);
	return value;
}

long long num(const struct event *e, const char *key)
{
	return strtoll(text_of(e, key), NULL, 0);
}

static bool is_wanted(const struct event *e, const char *name)
{
	const char *bus;

	if (!is(e, name))
		return false;
	bus = trace_bus ? field(e, "bus") : NULL;
	/* what belongs to no bus, or could not have one, is everybody's */
	return !bus || !strcmp(bus, "0") || strtoull(bus, NULL, 0) == trace_bus;
}

struct event *find_nth(const char *name, int nth)
{
	size_t i;

	for (i = 0; i < n_events; i++)
		if (is_wanted(&events[i], name) && !nth--)
			return &events[i];
	return NULL;
}

struct event *find(const char *name, int nth)
{
	struct event *e = find_nth(name, nth);

	if (!e)
		test_fail(__FILE__, __LINE__, "no event kdbus_%s number %d",
			  name, nth);
	return e;
}

static struct event *find_nth_with(const char *name, const char *key,
				   long long value, int nth)
{
	size_t i;

	for (i = 0; i < n_events; i++)
		if (is_wanted(&events[i], name) &&
		    num(&events[i], key) == value && !nth--)
			return &events[i];
	return NULL;
}

struct event *find_with(const char *name, const char *key, long long value,
			int nth)
{
	struct event *e = find_nth_with(name, key, value, nth);

	if (!e)
		test_fail(__FILE__, __LINE__,
			  "no event kdbus_%s number %d with %s=%lld", name, nth,
			  key, value);
	return e;
}

int count(const char *name)
{
	size_t i;
	int n = 0;

	for (i = 0; i < n_events; i++)
		n += is_wanted(&events[i], name);
	return n;
}

int count_with(const char *name, const char *key, long long value)
{
	size_t i;
	int n = 0;

	for (i = 0; i < n_events; i++)
		n += is_wanted(&events[i], name) &&
		     num(&events[i], key) == value;
	return n;
}

/* ---- adding up -------------------------------------------------------- */

/* Whether @e ends the stay of a message in a queue. */
static bool is_end(const struct event *e)
{
	if (is(e, "msg_recv"))
		return !num(e, "ret") && !strstr(text_of(e, "flags"), "peek");
	if (is(e, "msg_drop"))
		return strcmp(text_of(e, "reason"), "undelivered");
	return is(e, "msg_move");
}

/* Whether @e begins one; a message that moves begins another. */
static bool is_beginning(const struct event *e)
{
	return is(e, "msg_queue") || is(e, "msg_move");
}

/* The ends, read once: there are as many as messages. */
struct end {
	struct event *event;
	long long msg, conn;
};

static struct end *ends_of_all(size_t *n)
{
	struct end *ends = calloc(n_events, sizeof(*ends));
	size_t i;

	ASSERT(ends || !n_events);
	*n = 0;
	for (i = 0; i < n_events; i++) {
		struct event *e = &events[i];

		if (is_end(e))
			ends[(*n)++] = (struct end){ e, num(e, "msg"),
				num(e, is(e, "msg_move") ? "from" : "conn") };
	}
	return ends;
}

static void account_for(const struct event *begin, struct end *ends, size_t n)
{
	long long id = num(begin, "msg");
	long long conn = num(begin, is(begin, "msg_move") ? "to" : "conn");
	size_t i;

	/* the next end of it at this receiver; a message may come back */
	for (i = 0; i < n; i++) {
		if (ends[i].msg != id || ends[i].conn != conn ||
		    ends[i].event <= begin || ends[i].event->used)
			continue;
		ends[i].event->used = true;
		return;
	}
	test_fail(__FILE__, __LINE__, "no end of %s:%s", begin->name,
		  begin->text);
}

void trace_account_for_messages(void)
{
	struct end *ends;
	size_t i, n;

	ends = ends_of_all(&n);
	for (i = 0; i < n_events; i++)
		if (is_beginning(&events[i]))
			account_for(&events[i], ends, n);
	free(ends);
	for (i = 0; i < n_events; i++)
		if (is_end(&events[i]) && !events[i].used)
			test_fail(__FILE__, __LINE__, "never queued: %s:%s",
				  events[i].name, events[i].text);
}

static int compare_changes(const void *a, const void *b)
{
	return num(*(struct event * const *)a, "change") -
	       num(*(struct event * const *)b, "change");
}

/* The pool events of a connection, in their order; to be freed. */
static struct event **changes_of(long long conn, int *n)
{
	struct event **changes = calloc(n_events, sizeof(*changes));
	size_t i;

	ASSERT(changes);
	*n = 0;
	for (i = 0; i < n_events; i++)
		if ((is_wanted(&events[i], "pool_alloc") ||
		     is_wanted(&events[i], "pool_free")) &&
		    num(&events[i], "conn") == conn)
			changes[(*n)++] = &events[i];
	qsort(changes, *n, sizeof(*changes), compare_changes);
	return changes;
}

void trace_account_for_pools(void)
{
	struct event *conn, **changes;
	long long used;
	int i, c, n;

	for (i = 0; (conn = find_nth("conn_new", i)); i++) {
		used = 0;
		changes = changes_of(num(conn, "conn"), &n);
		for (c = 0; c < n; c++) {
			struct event *e = changes[c];

			used += is(e, "pool_alloc") ? num(e, "bytes") :
						      -num(e, "bytes");
			ASSERT_NUM(e, "change", c + 1);
			ASSERT_NUM(e, "used", used);
		}
		ASSERT_EQ(used, 0);
		free(changes);
	}
}
