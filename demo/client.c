// SPDX-License-Identifier: GPL-2.0
/*
 * demo-client NAME RATE files DIRECTORY...	asks for the files below
 * demo-client NAME RATE digests DIRECTORY...	has the files below summed up
 * demo-client NAME RATE users			asks for all users and groups
 * demo-client NAME RATE sandboxed		the same through the sandbox,
 *						where there is nothing else
 *
 * A client under a name of its own that makes about RATE calls a second, in
 * bursts and pauses, and checks every answer against what it finds itself.
 * Ends with the bus, or at the first wrong answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zlib.h>

#include "demo.h"
#include "kdbus-client.h"

static struct kdbus_client client;
static const char *name;
static double rate;
static int timer;

/* Waits for the time of the next call; -1 when the bus is gone. */
static int pace(void)
{
	/* between a fifth and three times of the mean pause */
	double s = (0.2 + 2.8 * drand48() * drand48()) * 1.3 / rate;
	struct itimerspec t = {
		.it_value = { (time_t)s, (s - (time_t)s) * 1e9 + 1 },
	};
	struct pollfd p[2] = {
		{ .fd = timer, .events = POLLIN },
		{ .fd = client.fd, .events = 0 },
	};

	timerfd_settime(timer, 0, &t, NULL);
	if (poll(p, 2, -1) < 0 || p[1].revents)
		return -1;
	return 0;
}

/* Calls a service; the reply is to be freed. Ends the program with the bus. */
static void call(const char *service, struct kdbus_builder *b,
		 const struct kdbus_msg **msg)
{
	int ret;

	if (pace() < 0)
		exit(0);
	ret = kdbus_client_call(&client, b, 20000000000ULL, msg);
	if (ret == -ECONNRESET || ret == -EPIPE || ret == -ESRCH)
		exit(0);
	if (ret < 0) {
		fprintf(stderr, "%s: call of %s: %s\n", name, service,
			strerror(-ret));
		exit(1);
	}
}

static const struct demo_reply *ask(const char *service, const char *request,
				    const struct kdbus_msg **msg)
{
	static struct demo_reply head;
	struct kdbus_builder b;

	kdbus_build_msg(&b, 0, kdbus_client_next_cookie(&client));
	kdbus_build_string(&b, KDBUS_ITEM_DST_NAME, service);
	kdbus_build_vec(&b, request, strlen(request) + 1);
	call(service, &b, msg);
	kdbus_msg_payload(*msg, &head, sizeof(head));
	return &head;
}

static void wrong(const char *what)
{
	fprintf(stderr, "%s: wrong answer about %s\n", name, what);
	exit(1);
}

static int ask_file(const char *path, const struct stat *st, int type,
		    struct FTW *ftw)
{
	const struct demo_reply *reply;
	const struct kdbus_msg *msg;
	size_t want;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	reply = ask(DEMO_FILES, path, &msg);
	want = st->st_size < DEMO_MAX_DATA ? st->st_size : DEMO_MAX_DATA;
	if (!reply->error && (reply->size != want ||
			      kdbus_msg_payload(msg, NULL, 0) !=
			      sizeof(*reply) + want))
		wrong(path);
	kdbus_client_free(&client, msg);
	return 0;
}

static void ask_lookup(const char *kind, const char *key)
{
	char request[512], answer[512] = "";
	const struct demo_reply *reply;
	const struct kdbus_msg *msg;

	snprintf(request, sizeof(request), "%s %s", kind, key);
	reply = ask(DEMO_RESOLVER, request, &msg);
	kdbus_msg_payload(msg, answer, sizeof(answer) - 1);
	if (reply->error || strncmp(answer + sizeof(*reply), key, strlen(key)))
		wrong(request);
	kdbus_client_free(&client, msg);
}

/* Copies a file to a memfd and seals it. Returns its size, or 0. */
static size_t fill_memfd(int memfd, const char *path, unsigned int *crc)
{
	static char data[1 << 16];
	size_t size = 0;
	ssize_t n = -1;
	int fd;

	*crc = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, data, sizeof(data))) > 0) {
		if (write(memfd, data, n) != n)
			break;
		*crc = crc32_z(*crc, (void *)data, n);
		size += n;
	}
	close(fd);
	return n || kdbus_memfd_seal(memfd, true) ? 0 : size;
}

static int ask_digest(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	const struct kdbus_msg *msg;
	struct demo_digest d = {};
	struct kdbus_builder b;
	unsigned int crc;
	size_t size;
	int memfd;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size < 1 << 20)
		return 0;
	memfd = kdbus_memfd_make(&client, NULL);
	size = memfd < 0 ? 0 : fill_memfd(memfd, path, &crc);
	if (size) {
		kdbus_build_msg(&b, 0, kdbus_client_next_cookie(&client));
		kdbus_build_string(&b, KDBUS_ITEM_DST_NAME, DEMO_DIGEST);
		kdbus_build_memfd(&b, memfd, size);
		call(DEMO_DIGEST, &b, &msg);
		kdbus_msg_payload(msg, &d, sizeof(d));
		if (d.bytes != size || d.crc != crc)
			wrong(path);
		kdbus_client_free(&client, msg);
	}
	close(memfd);
	return 0;
}

/* Through the sandbox, what is not in its policy does not exist. */
static void try_to_escape(void)
{
	struct kdbus_builder b;

	kdbus_build_msg(&b, 0, kdbus_client_next_cookie(&client));
	kdbus_build_string(&b, KDBUS_ITEM_DST_NAME, DEMO_FILES);
	kdbus_build_vec(&b, "/etc/passwd", 12);
	if (kdbus_client_send(&client, &b) == 0)
		wrong("the sandbox");
}

static void ask_users(void)
{
	struct passwd *p;
	struct group *g;

	setpwent();
	while ((p = getpwent()))
		ask_lookup("user", p->pw_name);
	setgrent();
	while ((g = getgrent()))
		ask_lookup("group", g->gr_name);
}

static int join(bool sandboxed, const char *description)
{
	char path[128];
	int ret;

	kdbus_endpoint_path(path, sizeof(path), "0-" DEMO_BUS,
			    sandboxed ? DEMO_SANDBOX : "bus");
	ret = kdbus_client_open(&client, path, 0, 0, 0, description);
	/* the sandbox lets nobody have a name */
	if (!ret && !sandboxed)
		ret = kdbus_client_acquire(&client, name, 0);
	if (ret < 0)
		fprintf(stderr, "%s: cannot join the bus: %s\n", name,
			strerror(-ret));
	return ret;
}

int main(int argc, char **argv)
{
	bool sandboxed, digests;
	int i;

	if (argc < 4 || (rate = atof(argv[2])) <= 0) {
		fprintf(stderr, "usage: demo-client NAME RATE files|digests DIRECTORY... | users | sandboxed\n");
		return 2;
	}
	name = argv[1];
	sandboxed = !strcmp(argv[3], "sandboxed");
	digests = !strcmp(argv[3], "digests");
	srand48(getpid());
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (join(sandboxed, argv[3]) < 0)
		return 1;

	do {
		if (sandboxed)
			try_to_escape();
		if (sandboxed || !strcmp(argv[3], "users"))
			ask_users();
		for (i = 4; i < argc; i++)
			nftw(argv[i], digests ? ask_digest : ask_file, 16,
			     FTW_PHYS);
	} while (pace() == 0);
	return 0;
}
