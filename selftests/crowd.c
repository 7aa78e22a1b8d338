// SPDX-License-Identifier: GPL-2.0
/*
 * usage: crowd SUFFIX N
 * Very many connections for the tests of the tools: a bus with N of them. Says
 * "ready"; then does what lines on stdin ask for, and says how many messages
 * were sent:
 *
 *   COUNT		sends COUNT messages, each from one to the next one, around
 *			the ring of connections; nobody receives them
 *   brief COUNT	COUNT clients of uid 1234 come, send one message to the first
 *			connection, which receives it, and leave
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-client.h"

static struct kdbus_client *clients;
static size_t n_clients;
static char path[128];

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static void send_to(struct kdbus_client *from, const struct kdbus_client *to)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, to->hello.id, 1);
	must(kdbus_client_send(from, &m), "send");
}

static void around(unsigned long count)
{
	size_t i = 0, next;

	for (; count; count--, i = next) {
		next = i + 1 < n_clients ? i + 1 : 0;
		send_to(&clients[i], &clients[next]);
	}
}

static void brief(unsigned long count)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c;

	while (count--) {
		must(setresuid(1234, 1234, 0) ? -errno : 0, "setresuid");
		must(kdbus_client_open(&c, path, 0, 0, 4096, "brief"), path);
		must(setresuid(0, 0, 0) ? -errno : 0, "setresuid");
		send_to(&c, &clients[0]);
		kdbus_client_close(&c);
		must(kdbus_client_next(&clients[0], 30000, &msg), "receive");
		must(kdbus_client_free(&clients[0], msg), "free");
	}
}

int main(int argc, char **argv)
{
	char name[64], line[80];
	unsigned long count;
	size_t i;

	if (argc != 3)
		return 2;
	n_clients = strtoul(argv[2], NULL, 10);
	clients = calloc(n_clients, sizeof(*clients));
	if (n_clients < 2 || !clients)
		return 2;
	must(kdbus_bus_make(argv[1], KDBUS_MAKE_ACCESS_WORLD), "bus");
	snprintf(name, sizeof(name), "%u-%s", geteuid(), argv[1]);
	kdbus_endpoint_path(path, sizeof(path), name, "bus");
	for (i = 0; i < n_clients; i++)
		must(kdbus_client_open(&clients[i], path, 0, 0, 16384, NULL),
		     path);
	printf("ready\n");
	fflush(stdout);

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "brief %lu", &count) == 1)
			brief(count);
		else if (sscanf(line, "%lu", &count) == 1)
			around(count);
		else
			return 2;
		printf("%lu\n", count);
		fflush(stdout);
	}
	return 0;
}
