// SPDX-License-Identifier: GPL-2.0
/* Reading trace events; see tracelog.h. */
#include <dirent.h>
#include <sys/prctl.h>

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

static void trace_prepare(unsigned int kb)
{
	char size[16];

	snprintf(size, sizeof(size), "%u", kb);
	ASSERT(!mkdir(INSTANCE, 0700) || errno == EEXIST);
	put_file(INSTANCE "/events/kdbus/enable", "0");
	put_file(INSTANCE "/trace_clock", "counter");
	put_file(INSTANCE "/buffer_size_kb", size);
	put_file(INSTANCE "/trace", " ");
}

void trace_start_in(unsigned int kb)
{
	trace_prepare(kb);
	put_file(INSTANCE "/events/kdbus/enable", "1");
}

void trace_start(void)
{
	trace_start_in(8192);
}

void trace_start_with(const char * const *names)
{
	char path[200];

	trace_prepare(8192);
	for (; *names; names++) {
		snprintf(path, sizeof(path),
			 INSTANCE "/events/kdbus/kdbus_%s/enable", *names);
		put_file(path, "1");
	}
}

/* The thread in a line, "  COMM-TID [CPU] ..."; 0 if it is another line. */
static pid_t tid_of(const char *line)
{
	const char *at = strstr(line, " [");

	if (line[0] == '#' || !at)
		return 0;
	while (at > line && *at != '-')
		at--;
	return atoi(at + 1);
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
	e->tid = tid_of(line);
	snprintf(e->name, sizeof(e->name), "%s", name);
	/* the blank before it stays, so that " key=" finds the first one too */
	text++;
	text[strcspn(text, "\n")] = 0;
	e->text = strdup(text);
	ASSERT(e->text);
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

/* ---- wakeups ---------------------------------------------------------- */

#define WAKES INSTANCE "/events/sched/sched_waking"

void trace_wakes_start(void)
{
	char filter[64], comm[16];

	ASSERT_OK(prctl(PR_GET_NAME, comm));
	snprintf(filter, sizeof(filter), "comm == \"%s\"", comm);
	trace_prepare(8192);
	put_file(WAKES "/filter", filter);
	put_file(WAKES "/enable", "1");
}

int trace_wakes_stop(pid_t tid)
{
	char line[1024];
	int n = 0;
	FILE *f;

	put_file(WAKES "/enable", "0");
	f = fopen(INSTANCE "/trace", "r");
	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		n += tid_of(line) == tid;
	fclose(f);
	return n;
}

/* ---- asking ----------------------------------------------------------- */

bool is(const struct event *e, const char *name)
{
	return !strcmp(e->name, name);
}

/* What stands behind " key=", to the end of the event; or NULL. */
static const char *field(const struct event *e, const char *key)
{
	size_t len = strlen(key);
	const char *p;

	for (p = strchr(e->text, ' '); p; p = strchr(p, ' ')) {
		p++;
		if (!strncmp(p, key, len) && p[len] == '=')
			return p + len + 1;
	}
	return NULL;
}

static const char *need_field(const struct event *e, const char *key)
{
	const char *value = field(e, key);

	if (!value)
		test_fail(__FILE__, __LINE__, "%s has no %s:%s", e->name, key,
			  e->text);
	return value;
}

const char *text_of(const struct event *e, const char *key)
{
	const char *p = need_field(e, key);
	static char value[300];

	snprintf(value, sizeof(value), "%.*s", (int)strcspn(p, " "), p);
	return value;
}

long long num(const struct event *e, const char *key)
{
	return strtoll(need_field(e, key), NULL, 0);
}

static bool is_wanted(const struct event *e, const char *name)
{
	const char *bus;

	if (!is(e, name))
		return false;
	bus = trace_bus ? field(e, "bus") : NULL;
	/* what belongs to no bus, or could not have one, is everybody's */
	return !bus || strtoull(bus, NULL, 0) == 0 ||
	       strtoull(bus, NULL, 0) == trace_bus;
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

int count_of(pid_t tid)
{
	size_t i;
	int n = 0;

	for (i = 0; i < n_events; i++)
		n += events[i].tid == tid;
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

/* A beginning or an end of a message's stay in a connection's queue. */
struct turn {
	struct event *event;
	long long msg, conn;
	bool begins;
};

static int compare_turns(const void *a, const void *b)
{
	const struct turn *s = a, *t = b;

	if (s->msg != t->msg)
		return s->msg < t->msg ? -1 : 1;
	if (s->conn != t->conn)
		return s->conn < t->conn ? -1 : 1;
	return s->event < t->event ? -1 : s->event > t->event;
}

/* The turns of all messages, those of a stay one after the other. */
static struct turn *turns_of_all(size_t *n)
{
	struct turn *turns = calloc(2 * n_events + 1, sizeof(*turns));
	size_t i;

	ASSERT(turns);
	*n = 0;
	for (i = 0; i < n_events; i++) {
		struct event *e = &events[i];
		bool moves = is(e, "msg_move");

		if (is_end(e))
			turns[(*n)++] = (struct turn){ e, num(e, "msg"),
				num(e, moves ? "from" : "conn"), false };
		if (is_beginning(e))
			turns[(*n)++] = (struct turn){ e, num(e, "msg"),
				num(e, moves ? "to" : "conn"), true };
	}
	qsort(turns, *n, sizeof(*turns), compare_turns);
	return turns;
}

static bool is_one_stay(const struct turn *begin, const struct turn *end)
{
	return begin->begins && !end->begins && begin->msg == end->msg &&
	       begin->conn == end->conn;
}

/* A message may come back, so there may be several stays, one by one. */
void trace_account_for_messages(void)
{
	struct turn *turns;
	size_t i, n;

	turns = turns_of_all(&n);
	for (i = 0; i < n; i += 2)
		if (i + 1 == n || !is_one_stay(&turns[i], &turns[i + 1]))
			test_fail(__FILE__, __LINE__, "%s: %s:%s",
				  turns[i].begins ? "no end" : "never queued",
				  turns[i].event->name, turns[i].event->text);
	free(turns);
}

/* A change of a pool; @number is 0 where the pool's connection begins. */
struct change {
	const struct event *event;
	long long conn, number;
};

static int compare_changes(const void *a, const void *b)
{
	const struct change *s = a, *t = b;

	if (s->conn != t->conn)
		return s->conn < t->conn ? -1 : 1;
	return s->number < t->number ? -1 : s->number > t->number;
}

/* The changes of all pools, pool by pool in their order. */
static struct change *changes_of_all(size_t *n)
{
	struct change *changes = calloc(n_events + 1, sizeof(*changes));
	size_t i;

	ASSERT(changes);
	*n = 0;
	for (i = 0; i < n_events; i++) {
		const struct event *e = &events[i];
		bool begins = is_wanted(e, "conn_new");

		if (begins || is_wanted(e, "pool_alloc") ||
		    is_wanted(e, "pool_free"))
			changes[(*n)++] = (struct change){ e, num(e, "conn"),
				begins ? 0 : num(e, "change") };
	}
	qsort(changes, *n, sizeof(*changes), compare_changes);
	return changes;
}

/* Adds up the pool of the connection that begins; where the next one's is. */
static size_t account_for_pool(const struct change *c, size_t i, size_t n)
{
	long long conn = c[i].conn, used = 0;
	size_t begin = i;

	for (i++; i < n && c[i].conn == conn; i++) {
		const struct event *e = c[i].event;

		used += is(e, "pool_alloc") ? num(e, "bytes") :
					      -num(e, "bytes");
		ASSERT_NUM(e, "change", i - begin);
		ASSERT_NUM(e, "used", used);
	}
	ASSERT_EQ(used, 0);
	return i;
}

void trace_account_for_pools(void)
{
	struct change *changes;
	size_t i = 0, n;

	changes = changes_of_all(&n);
	while (i < n) {
		/* one that was there before the trace has no beginning */
		if (changes[i].number)
			i++;
		else
			i = account_for_pool(changes, i, n);
	}
	free(changes);
}

/* What there is, what it is in, and the fields that say so. */
static const struct kind {
	const char *name, *in, *which;
} kinds[] = {
	{ "domain", "domain", "parent" },
	{ "bus", "domain", "domain" },
	{ "endpoint", "bus", "bus" },
	{ "conn", "endpoint", "endpoint" },
};
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

/* @bus: of connections only, since their ids are their bus's */
struct object {
	const char *kind;
	long long id, bus;
	const struct event *born, *died;
};

static struct object *object_find(struct object *objects, size_t n,
				  const char *kind, long long id, long long bus)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (objects[i].id == id && objects[i].bus == bus &&
		    !strcmp(objects[i].kind, kind))
			return &objects[i];
	return NULL;
}

/* The kind whose begin or end an event is, and which; NULL: of none. */
static const struct kind *kind_of(const struct event *e, bool *born)
{
	char name[40];
	size_t k;

	for (k = 0; k < N_KINDS; k++) {
		snprintf(name, sizeof(name), "%s_new", kinds[k].name);
		*born = is(e, name);
		snprintf(name, sizeof(name), "%s_dead", kinds[k].name);
		if (*born || is(e, name))
			return &kinds[k];
	}
	return NULL;
}

/* Enters an event; an object is born once, and dies once afterwards. */
static void object_enter(struct object *objects, size_t *n,
			 const struct event *e, const struct kind *kind,
			 bool born)
{
	long long bus = strcmp(kind->name, "conn") ? 0 : num(e, "bus");
	long long id = num(e, kind->name);
	struct object *o = object_find(objects, *n, kind->name, id, bus);

	if (o ? born || o->died : !born)
		test_fail(__FILE__, __LINE__, "twice or in the wrong order: "
			  "%s:%s", e->name, e->text);
	if (born)
		objects[(*n)++] = (struct object){ kind->name, id, bus, e, NULL };
	else
		o->died = e;
}

/* What it is in, if that was made since trace_start(), was there all along. */
static void object_check(struct object *objects, size_t n,
			 const struct object *o)
{
	const struct kind *kind = kinds;
	const struct object *in;

	while (strcmp(kind->name, o->kind))
		kind++;
	in = object_find(objects, n, kind->in, num(o->born, kind->which), 0);
	if (in && (o->born < in->born ||
		   (in->died && (!o->died || o->died > in->died))))
		test_fail(__FILE__, __LINE__, "not in what it is in: %s:%s",
			  o->born->name, o->born->text);
}

void trace_account_for_objects(void)
{
	struct object *objects = calloc(n_events + 1, sizeof(*objects));
	const struct kind *kind;
	size_t i, n = 0;
	bool born;

	ASSERT(objects);
	for (i = 0; i < n_events; i++) {
		kind = kind_of(&events[i], &born);
		if (kind)
			object_enter(objects, &n, &events[i], kind, born);
	}
	for (i = 0; i < n; i++)
		object_check(objects, n, &objects[i]);
	free(objects);
}
