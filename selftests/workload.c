// SPDX-License-Identifier: GPL-2.0
/*
 * usage: workload SUFFIX
 * Known traffic for the tests of the tools. Makes a bus, a server and three
 * clients with names, says "ready" and waits for a line on stdin; then does
 * what is written in main(), counting what it did, and prints that as one
 * line of JSON; and ends at the next line or the end of stdin.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-client.h"

struct peer {
	const char *name;
	struct kdbus_client c;
	unsigned long out_msgs, out_bytes, in_msgs, in_payload;
	unsigned long refused, dropped, queued, answered, timeout, in_flight;
};

static struct peer server = { .name = "org.kdbus.test.Server" };
static struct peer peers[] = {
	{ .name = "org.kdbus.test.Caller" },
	{ .name = "org.kdbus.test.Talker" },
	{ .name = "org.kdbus.test.Unlucky" },
};
static char data[65536];

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "workload: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static void peer_open(struct peer *p, const char *path)
{
	must(kdbus_client_open(&p->c, path, 0, 0, 1 << 20, NULL), path);
	must(kdbus_client_acquire(&p->c, p->name, 0), p->name);
}

static void sent(struct peer *from, struct peer *to, size_t size)
{
	from->out_msgs++;
	from->out_bytes += size;
	to->in_msgs++;
	to->in_payload += size;
	to->queued++;
}

static void send_signal(struct peer *from, struct peer *to, size_t size)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, to->c.hello.id, 1);
	kdbus_build_vec(&m, data, size);
	must(kdbus_client_send(&from->c, &m), "send");
	sent(from, to, size);
}

static void send_request(struct peer *from, size_t size, __u64 cookie,
			 __u64 timeout_ns)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, server.c.hello.id, cookie);
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m.msg.timeout_ns = timeout_ns;
	kdbus_build_vec(&m, data, size);
	must(kdbus_client_send(&from->c, &m), "request");
	sent(from, &server, size);
	from->in_flight++;
	server.in_flight++;
}

static void receive(struct peer *p, const struct kdbus_msg **msg)
{
	must(kdbus_client_next(&p->c, 10000, msg), "receive");
	p->queued--;
}

static void take(struct peer *p)
{
	const struct kdbus_msg *msg;

	receive(p, &msg);
	must(kdbus_client_free(&p->c, msg), "free");
}

static void call_answered(struct peer *from, size_t size, size_t answer)
{
	const struct kdbus_msg *msg;

	send_request(from, size, kdbus_client_next_cookie(&from->c),
		     10000000000ULL);
	receive(&server, &msg);
	must(kdbus_client_reply(&server.c, msg, data, answer), "reply");
	must(kdbus_client_free(&server.c, msg), "free");
	sent(&server, from, answer);
	take(from);
	from->in_flight--;
	server.in_flight--;
	from->answered++;
	server.answered++;
}

static void call_timed_out(struct peer *from)
{
	send_request(from, 10, kdbus_client_next_cookie(&from->c), 5000000);
	take(&server);
	from->in_msgs++;	/* the notice */
	from->queued++;
	take(from);
	from->in_flight--;
	server.in_flight--;
	from->timeout++;
	server.timeout++;
}

static void drop(struct peer *p)
{
	const struct kdbus_msg *msg;

	must(kdbus_client_recv(&p->c, KDBUS_RECV_DROP, 0, &msg), "drop");
	p->queued--;
	p->dropped++;
}

static void refused(struct peer *p)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, 4711, 1);
	if (kdbus_client_send(&p->c, &m) != -ENXIO)
		must(-EPROTO, "a message to nobody was not refused");
	p->refused++;
}

static void say(const struct peer *p)
{
	printf("{\"name\":\"%s\",\"id\":%llu,\"out_msgs\":%lu,\"out_bytes\":%lu,"
	       "\"in_msgs\":%lu,\"in_payload\":%lu,\"refused\":%lu,"
	       "\"dropped\":%lu,\"queued\":%lu,\"answered\":%lu,"
	       "\"timeout\":%lu,\"in_flight\":%lu}",
	       p->name, (unsigned long long)p->c.hello.id, p->out_msgs,
	       p->out_bytes, p->in_msgs, p->in_payload, p->refused, p->dropped,
	       p->queued, p->answered, p->timeout, p->in_flight);
}

static void wait_line(void)
{
	char line[80];

	if (!fgets(line, sizeof(line), stdin))
		exit(0);
}

int main(int argc, char **argv)
{
	struct peer *caller = &peers[0], *talker = &peers[1];
	struct peer *unlucky = &peers[2];
	char path[128], name[64];
	size_t i;

	if (argc != 2)
		return 2;
	must(kdbus_bus_make(argv[1], KDBUS_MAKE_ACCESS_WORLD), "bus");
	snprintf(name, sizeof(name), "%u-%s", geteuid(), argv[1]);
	kdbus_endpoint_path(path, sizeof(path), name, "bus");
	peer_open(&server, path);
	for (i = 0; i < 3; i++)
		peer_open(&peers[i], path);
	printf("ready\n");
	fflush(stdout);
	wait_line();

	for (i = 0; i < 50; i++)
		call_answered(caller, 64 + i, 4096);
	for (i = 0; i < 20; i++)
		send_signal(talker, &server, 1000);
	for (i = 0; i < 15; i++)
		take(&server);
	drop(&server);
	drop(&server);
	for (i = 0; i < 3; i++)
		refused(unlucky);
	/* what is left in the server's queue is in the way of the calls */
	for (i = 0; i < 3; i++)
		take(&server);
	for (i = 0; i < 4; i++)
		call_timed_out(unlucky);
	send_request(unlucky, 5, 999, 3600000000000ULL);
	for (i = 0; i < 5; i++)
		send_signal(talker, &server, 2000);

	printf("[");
	say(&server);
	for (i = 0; i < 3; i++) {
		printf(",");
		say(&peers[i]);
	}
	printf("]\n");
	fflush(stdout);
	wait_line();
	return 0;
}
