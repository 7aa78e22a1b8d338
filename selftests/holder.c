// SPDX-License-Identifier: GPL-2.0
/*
 * usage: holder memfd|passed|socket|mapped
 * Holds the module in one way, or does not, for test-unload-holders.sh. Says
 * "ready" when it does so, and ends with its standard input.
 *
 * memfd:  a memfd and nothing else
 * passed: a connection of a parent that has ended
 * socket: a file on its way in a Unix socket
 * mapped: a pool and a memfd that are mapped, their files closed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "kdbus-client.h"

static int must(int ret, const char *what)
{
	if (ret < 0) {
		perror(what);
		exit(1);
	}
	return ret;
}

static void rest(void)
{
	char line[8];

	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	exit(0);
}

static int new_memfd(void)
{
	struct kdbus_cmd_memfd_make cmd = { .size = sizeof(cmd),
					    .file_size = 4096 };
	int control = must(open("/dev/kdbus/control", O_RDWR | O_CLOEXEC),
			   "control");

	must(ioctl(control, KDBUS_CMD_MEMFD_NEW, &cmd), "memfd");
	close(control);
	return cmd.fd;
}

static void new_connection(struct kdbus_client *c, int *bus)
{
	char path[128], name[64];

	*bus = must(kdbus_bus_make("holder", 0), "bus");
	snprintf(name, sizeof(name), "%u-holder", geteuid());
	kdbus_endpoint_path(path, sizeof(path), name, "bus");
	must(kdbus_client_open(c, path, 0, 0, 4096, NULL), "connection");
	must(kdbus_client_acquire(c, "org.kdbus.test.Holder", 0), "name");
}

/* A child of the child has it; both have the standard input that ends them. */
static void hold_passed(void)
{
	struct kdbus_client c;
	char line[8];
	int bus;
	pid_t maker = must(fork(), "fork");

	if (maker) {
		must(waitpid(maker, NULL, 0), "waitpid");
		return;
	}
	new_connection(&c, &bus);
	if (must(fork(), "fork"))
		_exit(0);
	while (fgets(line, sizeof(line), stdin))
		;
	_exit(0);
}

static void hold_socket(void)
{
	char buf[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { .iov_base = buf, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = buf,
			      .msg_controllen = sizeof(buf) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = new_memfd(), ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	must(sendmsg(ends[0], &msg, 0), "sendmsg");
	close(fd);
}

static void hold_mappings(void)
{
	struct kdbus_client c;
	int bus, fd = new_memfd();

	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		must(-1, "mmap");
	close(fd);
	new_connection(&c, &bus);
	close(c.fd);
	close(bus);
}

int main(int argc, char **argv)
{
	const char *kind = argc == 2 ? argv[1] : "";

	if (!strcmp(kind, "memfd"))
		new_memfd();
	else if (!strcmp(kind, "passed"))
		hold_passed();
	else if (!strcmp(kind, "socket"))
		hold_socket();
	else if (!strcmp(kind, "mapped"))
		hold_mappings();
	else
		return 2;
	rest();
}
