// SPDX-License-Identifier: GPL-2.0
/*
 * demo-starter NAME UID COMMAND...: has a name until it is needed. When a
 * message for the name comes, the command is run as UID; it takes the name,
 * and with it what is queued, and may go when it has nothing to do.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"
#include "kdbus-client.h"

static int become_activator(struct kdbus_client *c, const char *name, int uid)
{
	struct kdbus_builder b;
	char path[128];

	kdbus_endpoint_path(path, sizeof(path), "0-" DEMO_BUS, "bus");
	kdbus_build_hello(&b, KDBUS_HELLO_ACTIVATOR, 0);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, name);
	kdbus_build_access(&b, KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_OWN, uid);
	kdbus_build_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_TALK, 0);
	kdbus_build_string(&b, KDBUS_ITEM_CONN_NAME, "starter");
	return kdbus_client_hello(c, path, &b);
}

static void run_service(int uid, char **command)
{
	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		_exit(126);
	execvp(command[0], command);
	fprintf(stderr, "demo-starter: cannot run %s: %m\n", command[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct kdbus_client c;
	int ret, uid, status = 0;
	pid_t pid;

	if (argc < 4) {
		fprintf(stderr, "usage: demo-starter NAME UID COMMAND [ARGUMENT...]\n");
		return 2;
	}
	uid = atoi(argv[2]);
	ret = become_activator(&c, argv[1], uid);
	if (ret < 0) {
		fprintf(stderr, "demo-starter: cannot be the activator of %s: %s\n",
			argv[1], strerror(-ret));
		return 1;
	}

	/* readable: somebody waits, and nobody has the name but we */
	while (!status && kdbus_client_wait(&c, -1) > 0) {
		pid = fork();
		if (!pid)
			run_service(uid, argv + 3);
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			return 1;
	}
	if (status)
		fprintf(stderr, "demo-starter: %s has failed\n", argv[3]);
	return !!status;
}
