// SPDX-License-Identifier: GPL-2.0
/*
 * usage: workload-delays SUFFIX TRUTH [flood N | crowd N]
 * Known traffic for the tests of kdbus-perf, with known delays. Makes a bus, a
 * server and two clients, says "ready" and waits for a line on stdin, or its
 * end; then does what main() says, writes what that was to the file TRUTH, as
 * JSON, and ends. "flood" adds N signals that the server throws away, "crowd"
 * N connections that send one each.
 *
 * Delays are lower bounds, in ms. An event is one of those that kdbus-perf
 * records: of each send, receive, drop, and of each call's start, reply, end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kdbus-client.h"

#define SERVER "org.kdbus.test.Slow"
#define QUEUE_MS 60
#define SERVICE_MS 90
#define REPLY_MS 40

static struct kdbus_client server, client, other;
static char path[128];
static unsigned long sent, refused, received, events;
static unsigned long answered, timeout, dead, requested, disconnect;

static void must_be(int ret, int want, const char *what)
{
	if (ret == want)
		return;
	fprintf(stderr, "workload-delays: %s gave %d, not %d\n", what, ret,
		want);
	exit(1);
}

static void must(int ret, const char *what)
{
	must_be(ret < 0 ? ret : 0, 0, what);
}

static void delay(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) < 0)
		;
}

static void send_to(struct kdbus_client *from, __u64 dst, const char *name,
		    __u64 timeout_ns)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, dst, kdbus_client_next_cookie(from));
	if (name)
		kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, name);
	if (timeout_ns) {
		m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
		m.msg.timeout_ns = timeout_ns;
		events++;
	}
	kdbus_build_vec(&m, "payload", 8);
	must(kdbus_client_send(from, &m), "send");
	sent++;
	events++;
}

static void request(__u64 timeout_ms)
{
	send_to(&client, 0, SERVER, timeout_ms * 1000000);
}

static const struct kdbus_msg *take(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;

	must(kdbus_client_next(c, 10000, &msg), "receive");
	received++;
	events++;
	return msg;
}

static void take_and_free(struct kdbus_client *c)
{
	must(kdbus_client_free(c, take(c)), "free");
}

static void drop(void)
{
	const struct kdbus_msg *msg;

	must(kdbus_client_recv(&server, KDBUS_RECV_DROP, 0, &msg), "drop");
	requested++;
	events++;
}

/* A call to the name that waits in the queue, in service, and as a reply. */
static void call(unsigned int queue_ms, unsigned int service_ms,
		 unsigned int reply_ms)
{
	const struct kdbus_msg *msg;

	request(60000);
	delay(queue_ms);
	msg = take(&server);
	delay(service_ms);
	must(kdbus_client_reply(&server, msg, "reply", 6), "reply");
	must(kdbus_client_free(&server, msg), "free");
	sent++;
	answered++;
	events += 3;
	delay(reply_ms);
	take_and_free(&client);
}

static void call_timed_out(void)
{
	request(5);
	take_and_free(&server);
	take_and_free(&client);
	timeout++;
	events++;
}

static void call_dropped(void)
{
	request(60000);
	drop();
	take_and_free(&client);
	dead++;
	events++;
}

static void send_to_nobody(void)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, 4711, 1);
	must_be(kdbus_client_send(&other, &m), -ENXIO, "a send to nobody");
	refused++;
	events++;
}

static void flood(unsigned int n)
{
	while (n--) {
		send_to(&other, server.hello.id, NULL, 0);
		drop();
	}
}

static void crowd(unsigned int n)
{
	struct kdbus_client c;

	while (n--) {
		must(kdbus_client_open(&c, path, 0, 0, 4096, NULL), path);
		send_to(&c, server.hello.id, NULL, 0);
		take_and_free(&server);
		kdbus_client_close(&c);
	}
}

static void setup(const char *suffix)
{
	char bus[64];

	must(kdbus_bus_make(suffix, KDBUS_MAKE_ACCESS_WORLD), "bus");
	snprintf(bus, sizeof(bus), "%u-%s", geteuid(), suffix);
	kdbus_endpoint_path(path, sizeof(path), bus, "bus");
	must(kdbus_client_open(&server, path, 0, 0, 1 << 20, NULL), path);
	must(kdbus_client_open(&client, path, 0, 0, 1 << 20, NULL), path);
	must(kdbus_client_open(&other, path, 0, 0, 1 << 20, NULL), path);
	must(kdbus_client_acquire(&server, SERVER, 0), SERVER);
}

static void say(const char *file)
{
	FILE *f = fopen(file, "w");

	if (!f) {
		perror(file);
		exit(1);
	}
	fprintf(f, "{\"server\":%llu,\"client\":%llu,\"other\":%llu,"
		"\"name\":\"" SERVER "\",\"queue_ms\":%d,\"service_ms\":%d,"
		"\"reply_ms\":%d,\"sent\":%lu,\"refused\":%lu,"
		"\"received\":%lu,\"answered\":%lu,\"timeout\":%lu,"
		"\"dead\":%lu,\"requested\":%lu,\"disconnect\":%lu,"
		"\"events\":%lu}\n",
		(unsigned long long)server.hello.id,
		(unsigned long long)client.hello.id,
		(unsigned long long)other.hello.id, QUEUE_MS, SERVICE_MS,
		REPLY_MS, sent, refused, received, answered, timeout, dead,
		requested, disconnect, events);
	fclose(f);
}

int main(int argc, char **argv)
{
	unsigned int i;
	char line[80];

	if (argc != 3 && argc != 5)
		return 2;
	setup(argv[1]);
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = 0;

	for (i = 0; i < 40; i++)
		call(0, 0, 0);
	for (i = 0; i < 3; i++)
		call(QUEUE_MS, 0, 0);
	for (i = 0; i < 2; i++)
		call(0, SERVICE_MS, 0);
	call(0, 0, REPLY_MS);
	call_timed_out();
	call_timed_out();
	call_dropped();
	for (i = 0; i < 10; i++)
		send_to(&other, server.hello.id, NULL, 0);
	for (i = 0; i < 7; i++)
		take_and_free(&server);
	drop();
	send_to_nobody();
	if (argc == 5 && !strcmp(argv[3], "flood"))
		flood(atoi(argv[4]));
	if (argc == 5 && !strcmp(argv[3], "crowd"))
		crowd(atoi(argv[4]));

	/* what is left in the queue goes with it */
	disconnect = 2;
	events += disconnect;
	kdbus_client_close(&server);
	say(argv[2]);
	return 0;
}
