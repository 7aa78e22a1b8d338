// SPDX-License-Identifier: GPL-2.0
/*
 * demo-files and demo-resolver: services under well-known names. The first
 * answers the path of a file with its contents; the other "user NAME|UID" and
 * "group NAME|GID" with the line of the database. Which one it is, is in the
 * name of the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo.h"
#include "kdbus-client.h"

static char data[DEMO_MAX_DATA];

/* Each answers a request with the bytes in data, or a negative errno. */

static int answer_file(const char *path)
{
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	n = read(fd, data, sizeof(data));
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

static int answer_user(const char *key)
{
	struct passwd *p = *key >= '0' && *key <= '9' ? getpwuid(atoi(key)) :
							getpwnam(key);

	if (!p)
		return -ENOENT;
	return snprintf(data, sizeof(data), "%s:%u:%u:%s:%s:%s", p->pw_name,
			p->pw_uid, p->pw_gid, p->pw_gecos, p->pw_dir,
			p->pw_shell) + 1;
}

static int answer_group(const char *key)
{
	struct group *g = *key >= '0' && *key <= '9' ? getgrgid(atoi(key)) :
						       getgrnam(key);

	if (!g)
		return -ENOENT;
	return snprintf(data, sizeof(data), "%s:%u", g->gr_name, g->gr_gid) + 1;
}

static int answer_lookup(const char *request)
{
	if (!strncmp(request, "user ", 5))
		return answer_user(request + 5);
	if (!strncmp(request, "group ", 6))
		return answer_group(request + 6);
	return -EINVAL;
}

static int reply(struct kdbus_client *c, const struct kdbus_msg *request,
		 int result)
{
	struct demo_reply head = {
		.error = result < 0 ? -result : 0,
		.size = result < 0 ? 0 : result,
	};
	struct kdbus_builder b;

	kdbus_build_msg(&b, request->src_id, kdbus_client_next_cookie(c));
	b.msg.cookie_reply = request->cookie;
	kdbus_build_vec(&b, &head, sizeof(head));
	if (head.size)
		kdbus_build_vec(&b, data, head.size);
	return kdbus_client_send(c, &b);
}

static int serve(struct kdbus_client *c, int (*answer)(const char *))
{
	const struct kdbus_msg *msg;
	char text[4096];
	int ret;

	for (;;) {
		ret = kdbus_client_next(c, -1, &msg);
		if (ret == -ECONNRESET)
			return 0;
		if (ret < 0)
			return ret;
		memset(text, 0, sizeof(text));
		kdbus_msg_payload(msg, text, sizeof(text) - 1);
		/* a caller that is gone or full is its own problem */
		reply(c, msg, answer(text));
		kdbus_client_free(c, msg);
	}
}

int main(int argc, char **argv)
{
	bool files = strstr(argv[0], "demo-files");
	struct kdbus_client c;
	char path[128];
	int ret;

	(void)argc;
	kdbus_endpoint_path(path, sizeof(path), "0-" DEMO_BUS, "bus");
	ret = kdbus_client_open(&c, path, 0, 0, 0, files ? "files" : "resolver");
	if (ret < 0) {
		fprintf(stderr, "%s: cannot connect to %s: %s\n", argv[0], path,
			strerror(-ret));
		return 1;
	}
	ret = kdbus_client_acquire(&c, files ? DEMO_FILES : DEMO_RESOLVER, 0);
	if (!ret)
		ret = serve(&c, files ? answer_file : answer_lookup);
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-ret));
	kdbus_client_close(&c);
	return !!ret;
}
