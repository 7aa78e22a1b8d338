// SPDX-License-Identifier: GPL-2.0
/*
 * usage: workload SUFFIX
 * Known traffic for the tests of the tools. Makes a bus, a server and some
 * others with names and uids, says "ready" and waits for a line on stdin; then
 * does what is written in main(), counting what it did, and prints that as one
 * line of JSON; and ends at the next line or the end of stdin.
 *
 * What was sent is counted per pair, as kdbus-top does; everything else is a
 * sum of pairs, which the tests make.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kdbus-client.h"

#define HOUR 3600000000000ULL
/* how long a slow request is served at the least */
#define SLOW_NS 20000000

struct peer {
	const char *name;
	unsigned int uid;
	size_t pool;
	struct kdbus_client c;
	bool gone;
	unsigned long queued, enxio, refused;
};

static struct peer server = {
	.name = "org.kdbus.test.Server", .uid = 0, .pool = 1 << 20
};
static struct peer caller = {
	.name = "org.kdbus.test.Caller", .uid = 1000, .pool = 1 << 20
};
static struct peer talker = {
	.name = "org.kdbus.test.Talker", .uid = 1001, .pool = 1 << 20
};
static struct peer unlucky = {
	.name = "org.kdbus.test.Unlucky", .uid = 1002, .pool = 1 << 20
};
static struct peer mortal = {
	.name = "org.kdbus.test.Mortal", .uid = 1000, .pool = 1 << 20
};
static struct peer tiny = {
	.name = "org.kdbus.test.Tiny", .uid = 0, .pool = 4 << 12
};
static struct peer *const peers[] = {
	&server, &caller, &talker, &unlucky, &mortal, &tiny,
};
#define N_PEERS (sizeof(peers) / sizeof(*peers))

/* what one has sent to another, by name or by id; from NULL: the kernel */
struct pair {
	const struct peer *from, *to;
	bool by_name;
	unsigned long msgs, payload, received, requested, disconnect;
	unsigned long answered, slow, timeout, dead, cancelled, abandoned;
	unsigned long in_flight;
};

static struct pair pairs[64];
static size_t n_pairs;
static char data[65536];

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "workload: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static struct pair *pair(const struct peer *from, const struct peer *to,
			 bool by_name)
{
	size_t i;

	for (i = 0; i < n_pairs; i++)
		if (pairs[i].from == from && pairs[i].to == to &&
		    pairs[i].by_name == by_name)
			return &pairs[i];
	if (n_pairs == sizeof(pairs) / sizeof(*pairs))
		must(-ENOSPC, "pairs");
	pairs[n_pairs] = (struct pair){
		.from = from, .to = to, .by_name = by_name,
	};
	return &pairs[n_pairs++];
}

static void peer_open(struct peer *p, const char *path)
{
	must(setresuid(p->uid, p->uid, 0) ? -errno : 0, "setresuid");
	must(kdbus_client_open(&p->c, path, 0, 0, p->pool, NULL), path);
	must(setresuid(0, 0, 0) ? -errno : 0, "setresuid");
	must(kdbus_client_acquire(&p->c, p->name, 0), p->name);
}

/* ---- sending and receiving ------------------------------------------------ */

static void address(struct kdbus_builder *m, const struct peer *to,
		    bool by_name, __u64 cookie)
{
	kdbus_build_msg(m, by_name ? 0 : to->c.hello.id, cookie);
	if (by_name)
		kdbus_build_string(m, KDBUS_ITEM_DST_NAME, to->name);
}

static void sent(const struct peer *from, struct peer *to, bool by_name,
		 size_t size)
{
	struct pair *p = pair(from, to, by_name);

	p->msgs++;
	p->payload += size;
	to->queued++;
}

static void send_signal(struct peer *from, struct peer *to, bool by_name,
			size_t size)
{
	struct kdbus_builder m;

	address(&m, to, by_name, 1);
	kdbus_build_vec(&m, data, size);
	must(kdbus_client_send(&from->c, &m), "send");
	sent(from, to, by_name, size);
}

static void send_request(struct peer *from, struct peer *to, bool by_name,
			 size_t size, __u64 timeout_ns)
{
	struct kdbus_builder m;

	address(&m, to, by_name, kdbus_client_next_cookie(&from->c));
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m.msg.timeout_ns = timeout_ns;
	kdbus_build_vec(&m, data, size);
	must(kdbus_client_send(&from->c, &m), "request");
	sent(from, to, by_name, size);
	pair(from, to, by_name)->in_flight++;
}

/* Receives what @from has sent to @to. */
static const struct kdbus_msg *receive(const struct peer *from,
				       struct peer *to, bool by_name)
{
	const struct kdbus_msg *msg;

	must(kdbus_client_next(&to->c, 30000, &msg), "receive");
	to->queued--;
	pair(from, to, by_name)->received++;
	return msg;
}

static void take(const struct peer *from, struct peer *to, bool by_name)
{
	must(kdbus_client_free(&to->c, receive(from, to, by_name)), "free");
}

static void drop(const struct peer *from, struct peer *to, bool by_name)
{
	const struct kdbus_msg *msg;

	must(kdbus_client_recv(&to->c, KDBUS_RECV_DROP, 0, &msg), "drop");
	to->queued--;
	pair(from, to, by_name)->requested++;
}

/* ---- calls, and how they end ------------------------------------------------ */

static void call_answered(struct peer *from, size_t size, size_t answer,
			  bool slow)
{
	const struct timespec ts = { .tv_nsec = SLOW_NS };
	const struct kdbus_msg *msg;
	struct pair *p;

	send_request(from, &server, true, size, HOUR);
	msg = receive(from, &server, true);
	if (slow)
		nanosleep(&ts, NULL);
	must(kdbus_client_reply(&server.c, msg, data, answer), "reply");
	must(kdbus_client_free(&server.c, msg), "free");
	sent(&server, from, false, answer);
	take(&server, from, false);
	p = pair(from, &server, true);
	p->in_flight--;
	p->answered++;
	p->slow += slow;
}

static void call_timed_out(struct peer *from)
{
	struct pair *p;

	send_request(from, &server, false, 10, 5000000);
	take(from, &server, false);
	sent(NULL, from, false, 0);	/* the notice */
	take(NULL, from, false);
	p = pair(from, &server, false);
	p->in_flight--;
	p->timeout++;
}

/* A synchronous call of another process on the same connection. */
static void call_cancelled(struct peer *from)
{
	__u64 cookie = kdbus_client_next_cookie(&from->c);
	const struct kdbus_msg *reply;
	struct kdbus_builder m;
	int status;
	pid_t pid;

	address(&m, &server, false, cookie);
	kdbus_build_vec(&m, data, 20);
	pid = fork();
	if (!pid)
		_exit(kdbus_client_call(&from->c, &m, HOUR, &reply) !=
		      -ECANCELED);
	sent(from, &server, false, 20);
	take(from, &server, false);
	must(kdbus_client_cancel(&from->c, cookie), "cancel");
	if (waitpid(pid, &status, 0) < 0 || status)
		must(-EPROTO, "a cancelled call did not say so");
	pair(from, &server, false)->cancelled++;
}

/* Dies with a call to answer, one of its own, and signals in its queue. */
static void death(unsigned int n_signals)
{
	unsigned int i;

	send_request(&caller, &mortal, false, 30, HOUR);
	for (i = 0; i < n_signals; i++)
		send_signal(&talker, &mortal, true, 100);
	send_request(&mortal, &server, true, 40, HOUR);
	take(&mortal, &server, true);
	kdbus_client_close(&mortal.c);
	mortal.gone = true;
	pair(&talker, &mortal, true)->disconnect += n_signals;
	pair(&caller, &mortal, false)->disconnect++;
	pair(&caller, &mortal, false)->dead++;
	pair(&caller, &mortal, false)->in_flight--;
	pair(&mortal, &server, true)->abandoned++;
	pair(&mortal, &server, true)->in_flight--;
	sent(NULL, &caller, false, 0);	/* the notice */
	take(NULL, &caller, false);
}

static void to_nobody(struct peer *p)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, 4711, 1);
	if (kdbus_client_send(&p->c, &m) != -ENXIO)
		must(-EPROTO, "a message to nobody was not refused");
	p->enxio++;
}

/* Sends until the receiver's share is full, and a bit more. */
static void overflow(struct peer *from, struct peer *to, unsigned int more)
{
	struct kdbus_builder m;

	address(&m, to, false, 1);
	kdbus_build_vec(&m, data, 1000);
	while (from->refused < more) {
		if (kdbus_client_send(&from->c, &m) < 0)
			from->refused++;
		else
			sent(from, to, false, 1000);
	}
}

/* ---- what was done --------------------------------------------------------- */

static void say_peer(const struct peer *p)
{
	printf("{\"name\":\"%s\",\"id\":%llu,\"uid\":%u,\"gone\":%s,"
	       "\"queued\":%lu,\"enxio\":%lu,\"refused\":%lu}",
	       p->name, (unsigned long long)p->c.hello.id, p->uid,
	       p->gone ? "true" : "false", p->queued, p->enxio, p->refused);
}

static void say_pair(const struct pair *p)
{
	printf("{\"src\":%llu,\"dst\":%llu,\"by_name\":\"%s\",\"gone\":%s,"
	       "\"msgs\":%lu,\"payload\":%lu,\"received\":%lu,"
	       "\"requested\":%lu,\"disconnect\":%lu,\"answered\":%lu,"
	       "\"slow\":%lu,\"timeout\":%lu,\"dead\":%lu,\"cancelled\":%lu,"
	       "\"abandoned\":%lu,\"in_flight\":%lu}",
	       p->from ? (unsigned long long)p->from->c.hello.id : 0,
	       (unsigned long long)p->to->c.hello.id,
	       p->by_name ? p->to->name : "",
	       (p->from && p->from->gone) || p->to->gone ? "true" : "false",
	       p->msgs, p->payload, p->received, p->requested, p->disconnect,
	       p->answered, p->slow, p->timeout, p->dead, p->cancelled,
	       p->abandoned, p->in_flight);
}

static void say(void)
{
	size_t i;

	printf("{\"conns\":[");
	for (i = 0; i < N_PEERS; i++) {
		printf("%s", i ? "," : "");
		say_peer(peers[i]);
	}
	printf("],\"pairs\":[");
	for (i = 0; i < n_pairs; i++) {
		printf("%s", i ? "," : "");
		say_pair(&pairs[i]);
	}
	printf("]}\n");
	fflush(stdout);
}

static void wait_line(void)
{
	char line[80];

	if (!fgets(line, sizeof(line), stdin))
		exit(0);
}

int main(int argc, char **argv)
{
	char path[128], name[64];
	size_t i;

	if (argc != 2)
		return 2;
	must(kdbus_bus_make(argv[1], KDBUS_MAKE_ACCESS_WORLD), "bus");
	snprintf(name, sizeof(name), "%u-%s", geteuid(), argv[1]);
	kdbus_endpoint_path(path, sizeof(path), name, "bus");
	for (i = 0; i < N_PEERS; i++)
		peer_open(peers[i], path);
	printf("ready\n");
	fflush(stdout);
	wait_line();

	for (i = 0; i < 50; i++)
		call_answered(&caller, 64 + i, 4096, false);
	for (i = 0; i < 5; i++)
		call_answered(&caller, 64, 64, true);
	for (i = 0; i < 20; i++)
		send_signal(&talker, &server, false, 1000);
	for (i = 0; i < 15; i++)
		take(&talker, &server, false);
	drop(&talker, &server, false);
	drop(&talker, &server, false);
	for (i = 0; i < 3; i++)
		to_nobody(&unlucky);
	/* what is left in the server's queue is in the way of the calls */
	for (i = 0; i < 3; i++)
		take(&talker, &server, false);
	for (i = 0; i < 4; i++)
		call_timed_out(&unlucky);
	call_cancelled(&unlucky);
	death(4);
	overflow(&talker, &tiny, 6);
	send_request(&unlucky, &server, false, 5, HOUR);
	for (i = 0; i < 5; i++)
		send_signal(&talker, &server, true, 2000);

	say();
	wait_line();
	return 0;
}
