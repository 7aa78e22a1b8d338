// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured of the bus. Commands are built once and sent again and
 * again, so that the figures are the kernel's.
 */
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <kdbus-client.h>

#include "bus.h"

#define ATTACH_ALL (~0ULL)
#define SECOND 1000000000ULL

static char path[64];
static char data[1 << 20];

void bus_use(const char *suffix)
{
	char name[32];

	snprintf(name, sizeof(name), "%u-%s", getuid(), suffix);
	kdbus_endpoint_path(path, sizeof(path), name, "bus");
}

void client_open(struct kdbus_client *c, __u64 attach, __u64 pool)
{
	CHECK(!kdbus_client_open(c, path, KDBUS_HELLO_ACCEPT_FD, attach, pool,
				 NULL));
}

static void client_drain(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;

	CHECK(!kdbus_client_recv(c, 0, 0, &msg));
	CHECK(!kdbus_client_free(c, msg));
}

/* ---- metadata --------------------------------------------------------- */

/* A connection that wants all metadata and has some of each kind to give. */
static void client_open_all(struct kdbus_client *c, __u64 pool)
{
	char name[64];

	CHECK(!kdbus_client_open(c, path, KDBUS_HELLO_ACCEPT_FD, ATTACH_ALL,
				 pool, "bench-peer"));
	/* of one length, whatever else has been measured */
	snprintf(name, sizeof(name), "org.example.Bench.Peer%06llu",
		 (unsigned long long)c->hello.id);
	CHECK(!kdbus_client_acquire(c, name, 0));
}

/* A message from @from to @to carries all that there is to attach. */
static void metadata_check(struct kdbus_client *from, struct kdbus_client *to)
{
	static const __u64 kinds[] = {
		KDBUS_ITEM_TIMESTAMP, KDBUS_ITEM_CREDS, KDBUS_ITEM_NAME,
		KDBUS_ITEM_TID_COMM, KDBUS_ITEM_PID_COMM, KDBUS_ITEM_EXE,
		KDBUS_ITEM_CMDLINE, KDBUS_ITEM_CGROUP, KDBUS_ITEM_CAPS,
		KDBUS_ITEM_SECLABEL, KDBUS_ITEM_AUDIT, KDBUS_ITEM_CONN_NAME,
	};
	const struct kdbus_msg *msg;
	struct kdbus_builder b;
	unsigned int i;

	kdbus_build_msg(&b, to->hello.id, 1);
	CHECK(!kdbus_client_send(from, &b));
	CHECK(!kdbus_client_recv(to, 0, 0, &msg));
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		CHECK(kdbus_msg_item(msg, kinds[i]));
	CHECK(!kdbus_client_free(to, msg));
}

/* ---- calls ------------------------------------------------------------ */

void call_serve(void *arg)
{
	struct call *c = arg;
	struct pollfd p = { .fd = c->server.fd, .events = POLLIN };
	const struct kdbus_msg *msg;

	for (;;) {
		CHECK(poll(&p, 1, -1) == 1);
		CHECK(!kdbus_client_recv(&c->server, 0, 0, &msg));
		kdbus_msg_close_fds(msg);
		c->reply.msg.cookie_reply = msg->cookie;
		CHECK(!kdbus_client_send(&c->server, &c->reply));
		CHECK(!kdbus_client_free(&c->server, msg));
	}
}

void call_sync(void *arg, unsigned int n)
{
	struct call *c = arg;
	const struct kdbus_msg *reply;

	while (n--) {
		c->request.msg.cookie++;
		CHECK(!kdbus_client_call(&c->client, &c->request, SECOND,
					 &reply));
		CHECK(!kdbus_client_free(&c->client, reply));
	}
}

static void call_async(void *arg, unsigned int n)
{
	struct call *c = arg;
	struct pollfd p = { .fd = c->client.fd, .events = POLLIN };

	c->request.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	c->request.msg.timeout_ns = SECOND;
	while (n--) {
		c->request.msg.cookie++;
		CHECK(!kdbus_client_send(&c->client, &c->request));
		CHECK(poll(&p, 1, -1) == 1);
		client_drain(&c->client);
	}
}

void call_open(struct call *c, size_t size, bool all)
{
	if (all) {
		client_open_all(&c->client, POOL);
		client_open_all(&c->server, POOL);
		metadata_check(&c->client, &c->server);
		metadata_check(&c->server, &c->client);
	} else {
		client_open(&c->client, 0, POOL);
		client_open(&c->server, 0, POOL);
	}
	kdbus_build_msg(&c->request, c->server.hello.id, 0);
	kdbus_build_msg(&c->reply, c->client.hello.id, 1);
	if (size) {
		kdbus_build_vec(&c->request, data, size);
		kdbus_build_vec(&c->reply, data, size);
	}
}

void call_close(struct call *c)
{
	kdbus_client_close(&c->client);
	kdbus_client_close(&c->server);
}

/* @all: with all metadata */
static void call_bench(const char *name, double target, size_t size,
		       bool all, bench_fn fn, unsigned int n)
{
	struct call c;
	int pid;

	call_open(&c, size, all);
	pid = bench_fork(call_serve, &c);
	bench_case(name, target, 1, fn, &c, n);
	bench_end(pid);
	call_close(&c);
}

static void bench_calls(void)
{
	call_bench("call, 64 B", 15200, 64, false, call_sync, 1000);
	call_bench("call, 4 KiB", 17500, 4 << 10, false, call_sync, 1000);
	call_bench("call, 64 KiB", 44000, 64 << 10, false, call_sync, 300);
	call_bench("call, 1 MiB", 460000, 1 << 20, false, call_sync, 30);
	call_bench("call, 64 B, asynchronous", 0, 64, false, call_async, 1000);
	call_bench("call, 64 B, all metadata", 22800, 64, true, call_sync,
		   1000);
}

/* What a request's memfd takes; the reply has no payload. */
static void bench_memfd(void)
{
	struct kdbus_cmd_memfd_make make = { .size = sizeof(make) };
	struct kdbus_memfd memfd = { .size = sizeof(data) };
	struct call c;
	int pid;

	call_open(&c, 0, false);
	make.file_size = 0;
	CHECK(!ioctl(c.client.fd, KDBUS_CMD_MEMFD_NEW, &make));
	CHECK(write(make.fd, data, sizeof(data)) == sizeof(data));
	CHECK(!ioctl(make.fd, KDBUS_CMD_MEMFD_SEAL_SET, 1));
	memfd.fd = make.fd;
	kdbus_build_item(&c.request, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd,
			 sizeof(memfd));
	pid = bench_fork(call_serve, &c);
	bench_case("call, 1 MiB in a sealed memfd", 18000, 1, call_sync, &c,
		   1000);
	bench_end(pid);
	close(make.fd);
	call_close(&c);
}

/* A call while many others are connected. */
static void bench_connections(void)
{
	static const unsigned int counts[] = { 2, 64, 1024, 4000 };
	static struct kdbus_client others[4000];
	unsigned int n = 0, i;
	char name[64];

	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		for (; n + 2 < counts[i]; n++)
			client_open(&others[n], 0, 4096);
		snprintf(name, sizeof(name), "call, 64 B, %u connections",
			 counts[i]);
		call_bench(name, 15200, 64, false, call_sync, 1000);
	}
	while (n--)
		kdbus_client_close(&others[n]);
}

/* ---- one way ----------------------------------------------------------- */

void oneway(void *arg, unsigned int n)
{
	struct call *c = arg;

	while (n--) {
		CHECK(!kdbus_client_send(&c->client, &c->request));
		client_drain(&c->server);
	}
}

static void oneway_bench(const char *name, double target, size_t size,
			 unsigned int n)
{
	struct call c;

	call_open(&c, size, false);
	bench_case(name, target, 1, oneway, &c, n);
	call_close(&c);
}

static void bench_oneway(void)
{
	oneway_bench("one way, 64 B", 4200, 64, 1000);
	oneway_bench("one way, 4 KiB", 0, 4 << 10, 1000);
	oneway_bench("one way, 64 KiB", 19000, 64 << 10, 300);
	oneway_bench("one way, 1 MiB", 0, 1 << 20, 30);
}

/* ---- broadcasts --------------------------------------------------------- */

#define BLOOM_WORDS 8 /* of the buses that kdbus_bus_make() makes */

void broadcast_run(void *arg, unsigned int n)
{
	struct broadcast *b = arg;
	unsigned int i;

	while (n--) {
		CHECK(!kdbus_client_send(&b->sender, &b->msg));
		for (i = 0; b->gets && i < b->n; i++)
			client_drain(&b->receivers[i]);
	}
}

void match_add(struct kdbus_client *c, __u64 cookie, __u64 type,
	       const void *rule, size_t size)
{
	struct kdbus_builder b;
	struct kdbus_cmd_match *cmd = kdbus_build_cmd(&b, sizeof(*cmd));

	cmd->cookie = cookie;
	kdbus_build_item(&b, type, rule, size);
	CHECK(!ioctl(c->fd, KDBUS_CMD_MATCH_ADD, cmd));
}

/* A match for one sender. */
static void match_sender(struct kdbus_client *c, __u64 cookie, __u64 id)
{
	match_add(c, cookie, KDBUS_ITEM_ID, &id, sizeof(id));
}

/* Eight bits at random, the same in every run. */
static void bloom_bits(__u64 bits[BLOOM_WORDS])
{
	static unsigned int seed = 1;
	int i;

	memset(bits, 0, BLOOM_WORDS * sizeof(*bits));
	for (i = 0; i < 8; i++) {
		seed = seed * 1103515245 + 12345;
		bits[seed >> 29] |= 1ULL << (seed >> 16 & 63);
	}
}

static void listen_to(struct kdbus_client *c, enum listen listen, __u64 sender)
{
	__u64 mask[BLOOM_WORDS];

	switch (listen) {
	case LISTEN_ID:
	case LISTEN_ALL:
		match_sender(c, 1, sender);
		return;
	case LISTEN_OTHER:
		match_sender(c, 1, c->hello.id);
		return;
	case LISTEN_BLOOM:
		bloom_bits(mask);
		break;
	case LISTEN_LAST:
		memset(mask, 0xff, sizeof(mask));
		break;
	}
	match_add(c, 1, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
}

void broadcast_open(struct broadcast *b, unsigned int n, enum listen listen)
{
	struct {
		struct kdbus_bloom_filter filter;
		__u64 bits[BLOOM_WORDS];
	} bloom = {};
	unsigned int i;

	b->n = n;
	b->gets = listen == LISTEN_ID || listen == LISTEN_ALL;
	if (listen == LISTEN_ALL)
		client_open_all(&b->sender, POOL);
	else
		client_open(&b->sender, 0, POOL);
	for (i = 0; i < n; i++) {
		client_open(&b->receivers[i],
			    listen == LISTEN_ALL ? ATTACH_ALL : 0, 64 << 10);
		listen_to(&b->receivers[i], listen, b->sender.hello.id);
	}
	if (listen == LISTEN_ALL)
		metadata_check(&b->sender, &b->receivers[0]);
	if (listen == LISTEN_LAST)
		memset(bloom.bits, 0xff, sizeof(bloom.bits) - 8);
	else
		bloom_bits(bloom.bits);
	kdbus_build_msg(&b->msg, KDBUS_DST_ID_BROADCAST, 1);
	kdbus_build_vec(&b->msg, data, 64);
	kdbus_build_item(&b->msg, KDBUS_ITEM_BLOOM_FILTER, &bloom,
			 sizeof(bloom));
}

void broadcast_close(struct broadcast *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		kdbus_client_close(&b->receivers[i]);
	kdbus_client_close(&b->sender);
}

/* @per: what the figure is divided by */
static void broadcast_bench(const char *name, double target, unsigned int n,
			    enum listen listen, double per, unsigned int runs)
{
	struct broadcast *b = calloc(1, sizeof(*b));

	CHECK(b);
	broadcast_open(b, n, listen);
	bench_case(name, target, per, broadcast_run, b, runs);
	broadcast_close(b);
	free(b);
}

static void bench_broadcast(void)
{
	broadcast_bench("broadcast to 1, for each", 0, 1, LISTEN_ID, 1, 500);
	broadcast_bench("broadcast to 10, for each", 2900, 10, LISTEN_ID, 10,
			100);
	broadcast_bench("broadcast to 100, for each", 2900, 100, LISTEN_ID,
			100, 20);
	broadcast_bench("broadcast to 100, all metadata, for each", 3600, 100,
			LISTEN_ALL, 100, 20);
	broadcast_bench("broadcast, no receivers", 0, 0, LISTEN_ID, 1, 500);
	broadcast_bench("broadcast, 1,000 ids that do not match", 0, 1000,
			LISTEN_OTHER, 1, 500);
	broadcast_bench("broadcast, 1,000 masks that do not match", 67000, 1000,
			LISTEN_BLOOM, 1, 20);
	broadcast_bench("broadcast, 1,000 masks, not in the last word", 67000,
			1000, LISTEN_LAST, 1, 20);
}

/* ---- names and matches --------------------------------------------------- */

/*
 * One name after the other: how many others share its place in the table is
 * different for each, and in each run.
 */
void name_run(void *arg, unsigned int n)
{
	static char names[64][24];
	struct kdbus_client *c = arg;
	unsigned int i;

	for (i = 0; !*names[63]; i++)
		snprintf(names[i], sizeof(*names), "org.example.Bench%02u", i);
	while (n--) {
		CHECK(!kdbus_client_acquire(c, names[n % 64], 0));
		CHECK(!kdbus_client_release(c, names[n % 64]));
	}
}

void match_run(void *arg, unsigned int n)
{
	struct kdbus_client *c = arg;
	struct kdbus_cmd_match remove = { .size = sizeof(remove), .cookie = 1 };

	while (n--) {
		match_sender(c, 1, 77);
		CHECK(!ioctl(c->fd, KDBUS_CMD_MATCH_REMOVE, &remove));
	}
}

/*
 * With up to 10 000 names and matches of others already there, and with as
 * many matches of one's own as may be.
 */
static void bench_registries(void)
{
	static const unsigned int counts[] = { 0, 100, 10000 };
	static struct kdbus_client others[200];
	struct kdbus_client c;
	unsigned int n = 0, i, o;
	char name[64];

	client_open(&c, 0, POOL);
	for (i = 0; i < 200; i++)
		client_open(&others[i], 0, 4096);
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		for (; n < counts[i]; n++) {
			o = n % 200;
			snprintf(name, sizeof(name), "org.example.Name%u", n);
			CHECK(!kdbus_client_acquire(&others[o], name, 0));
			match_sender(&others[o], n + 2, n + 1000);
		}
		snprintf(name, sizeof(name), "registry: name acquire + release, %u there",
			 n);
		bench_case(name, 7000, 1, name_run, &c, 500);
		snprintf(name, sizeof(name), "registry: match add + remove, %u there", n);
		bench_case(name, 4000, 1, match_run, &c, 500);
	}
	for (i = 0; i < 250; i++)
		match_sender(&c, i + 2, i + 1000);
	bench_case("registry: match add + remove, 250 of one's own", 4000, 1, match_run,
		   &c, 500);
	for (i = 0; i < 200; i++)
		kdbus_client_close(&others[i]);
	kdbus_client_close(&c);
}

/* ---- lists --------------------------------------------------------------- */

void list_run(void *arg, unsigned int n)
{
	const struct kdbus_name_list *list;
	struct kdbus_client *c = arg;

	while (n--) {
		CHECK(!kdbus_client_list(c, KDBUS_NAME_LIST_NAMES |
					 KDBUS_NAME_LIST_UNIQUE, &list));
		CHECK(!kdbus_client_free(c, list));
	}
}

/* Lists all the time, and gives way to whoever has something to send. */
static void list_always(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };

	CHECK(!sched_setscheduler(0, SCHED_FIFO, &param));
	for (;;)
		list_run(arg, 1);
}

/*
 * The longest a message takes from the moment it was to be sent while another
 * process lists: it waits for the processor and for the lock of the bus.
 */
static double list_longest_send(struct kdbus_client *lister)
{
	struct sched_param param = { .sched_priority = 2 };
	struct timespec due, now;
	double longest = 0, late;
	struct kdbus_client c;
	struct kdbus_builder m;
	int pid, i;

	client_open(&c, 0, POOL);
	pid = bench_fork(list_always, lister);
	CHECK(!sched_setscheduler(0, SCHED_FIFO, &param));
	CHECK(!clock_gettime(CLOCK_MONOTONIC, &due));
	for (i = 0; i < 1000; i++) {
		/* at another point of the list each time */
		due.tv_nsec += 1234567;
		if (due.tv_nsec >= 1000000000) {
			due.tv_nsec -= 1000000000;
			due.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		kdbus_build_msg(&m, c.hello.id, 1);
		CHECK(!kdbus_client_send(&c, &m));
		CHECK(!clock_gettime(CLOCK_MONOTONIC, &now));
		late = (now.tv_sec - due.tv_sec) * 1e9 + now.tv_nsec -
		       due.tv_nsec;
		longest = late > longest ? late : longest;
		client_drain(&c);
	}
	param.sched_priority = 1;
	CHECK(!sched_setscheduler(0, SCHED_FIFO, &param));
	bench_end(pid);
	kdbus_client_close(&c);
	return longest;
}

/* The lister @c, and @n others who own the names. */
static void list_names(struct kdbus_client *c, struct kdbus_client *others,
		       unsigned int n)
{
	static const char longest[] = "list of 40,000 names, longest send beside it";
	char name[64];
	unsigned int i;

	for (i = 0; i < 40000; i++) {
		snprintf(name, sizeof(name), "org.example.Name%u", i);
		CHECK(!kdbus_client_acquire(&others[i % n], name, 0));
	}
	bench_case("list of 40,000 names", 0, 1, list_run, c, 5);
	if (bench_wants_case(longest))
		bench_value(longest, 0, list_longest_send(c), "instructions");
}

static void bench_lists(void)
{
	static struct kdbus_client others[1000];
	struct kdbus_client c;
	unsigned int i;

	client_open(&c, 0, POOL);
	for (i = 0; i < 1000; i++)
		client_open(&others[i], 0, 4096);
	bench_case("list of 1,000 connections", 240000, 1, list_run, &c, 20);
	if (bench_wants("list of 40,000 names"))
		list_names(&c, others, 1000);
	for (i = 0; i < 1000; i++)
		kdbus_client_close(&others[i]);
	kdbus_client_close(&c);
}

/* ---- memory -------------------------------------------------------------- */

/* Kernel memory that is not page cache, in bytes. */
static double kernel_memory(void)
{
	unsigned long slab = 0, percpu = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Slab: %lu", &slab);
		sscanf(line, "Percpu: %lu", &percpu);
	}
	fclose(f);
	return (slab + percpu) * 1024.0;
}

static void bench_memory(void)
{
	static struct kdbus_client c[2000];
	double before;
	unsigned int i;

	client_open(&c[0], 0, 4096);
	before = kernel_memory();
	for (i = 1; i < 2000; i++)
		client_open(&c[i], 0, 4096);
	bench_value("memory of an idle connection", 3500,
		    (kernel_memory() - before) / 1999, "bytes");
	for (i = 0; i < 2000; i++)
		kdbus_client_close(&c[i]);
}

void bench_kdbus(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} groups[] = {
		{ "call", bench_calls },
		{ "call, 1 MiB in", bench_memfd },
		{ "call, 64 B, ", bench_connections },
		{ "one way", bench_oneway },
		{ "broadcast", bench_broadcast },
		{ "registry", bench_registries },
		{ "list", bench_lists },
		{ "memory", bench_memory },
		{ "bus lock", bench_locks },
		{ "two processors", bench_cpus },
	};
	int bus = kdbus_bus_make("bench", KDBUS_MAKE_ACCESS_WORLD);
	int bus2 = kdbus_bus_make("bench2", KDBUS_MAKE_ACCESS_WORLD);
	unsigned int i;

	CHECK(bus >= 0 && bus2 >= 0);
	memset(data, 'x', sizeof(data));
	bus_use("bench");
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (bench_wants(groups[i].name))
			groups[i].run();
	close(bus);
	close(bus2);
}
