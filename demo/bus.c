// SPDX-License-Identifier: GPL-2.0
/*
 * demo-bus NAME COMMAND...: makes a bus that lives as long as the command, with
 * a policy (everybody may own the demo's names and talk to their owners), and
 * the endpoint "sandbox", through which there is nothing but the resolver.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"
#include "kdbus-client.h"

static int hold_policy(struct kdbus_client *holder, const char *bus)
{
	struct kdbus_builder b;

	kdbus_build_hello(&b, KDBUS_HELLO_POLICY_HOLDER, 0);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "org.kdbus.demo.*");
	kdbus_build_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN, 0);
	kdbus_build_string(&b, KDBUS_ITEM_CONN_NAME, "policy");
	return kdbus_client_hello(holder, bus, &b);
}

/* Returns the file descriptor that owns the endpoint. */
static int make_sandbox(const char *bus)
{
	struct kdbus_cmd_make *make;
	struct kdbus_builder b;
	int fd, ret;

	make = kdbus_build_cmd(&b, sizeof(*make));
	make->flags = KDBUS_MAKE_ACCESS_WORLD;
	kdbus_build_string(&b, KDBUS_ITEM_MAKE_NAME, DEMO_SANDBOX);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, DEMO_RESOLVER);
	kdbus_build_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_TALK, 0);

	fd = open(bus, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, KDBUS_CMD_EP_MAKE, make) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static int setup(const char *name)
{
	static struct kdbus_client holder;
	char bus[64], path[128];
	int ret;

	ret = kdbus_bus_make(name, KDBUS_MAKE_ACCESS_WORLD);
	if (ret < 0)
		return ret;
	snprintf(bus, sizeof(bus), "%u-%s", geteuid(), name);
	kdbus_endpoint_path(path, sizeof(path), bus, "bus");
	ret = hold_policy(&holder, path);
	if (!ret)
		ret = make_sandbox(path);
	return ret < 0 ? ret : 0;
}

int main(int argc, char **argv)
{
	int ret, status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: demo-bus NAME COMMAND [ARGUMENT...]\n");
		return 2;
	}
	ret = setup(argv[1]);
	if (ret < 0) {
		fprintf(stderr, "demo-bus: cannot make the bus '%s': %s\n",
			argv[1], strerror(-ret));
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
