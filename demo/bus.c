// SPDX-License-Identifier: GPL-2.0
/* demo-bus NAME COMMAND...: makes a bus that lives as long as the command. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-client.h"

int main(int argc, char **argv)
{
	int fd, status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: demo-bus NAME COMMAND [ARGUMENT...]\n");
		return 2;
	}
	fd = kdbus_bus_make(argv[1], KDBUS_MAKE_ACCESS_WORLD);
	if (fd < 0) {
		fprintf(stderr, "demo-bus: cannot make the bus '%s': %s\n",
			argv[1], strerror(-fd));
		return 1;
	}

	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "demo-bus: cannot run %s: %m\n", argv[2]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
