// SPDX-License-Identifier: GPL-2.0
/*
 * demo-news RATE FILE...	broadcasts what the files say, about RATE times a
 *				second each; the topic is the file's name
 * demo-listener TOPIC...	listens to those topics, and checks that it gets
 *				all of them and nothing else
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "demo.h"
#include "kdbus-client.h"

static struct kdbus_client client;

static int join(const char *description)
{
	char path[128];
	int ret;

	kdbus_endpoint_path(path, sizeof(path), "0-" DEMO_BUS, "bus");
	ret = kdbus_client_open(&client, path, 0, 0, 1 << 20, description);
	if (ret < 0)
		fprintf(stderr, "demo-%s: cannot join the bus: %s\n",
			description, strerror(-ret));
	return ret;
}

/* ---- who tells --------------------------------------------------------- */

static int tell(const char *file, struct demo_news *news)
{
	struct {
		struct kdbus_bloom_filter head;
		__u64 bits[DEMO_BLOOM_WORDS];
	} filter = {};
	struct kdbus_builder b;
	char text[8192];
	ssize_t n;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	close(fd);
	if (n < 0)
		return 0;

	news->number++;
	demo_bloom(filter.bits, news->topic);
	kdbus_build_msg(&b, KDBUS_DST_ID_BROADCAST,
			kdbus_client_next_cookie(&client));
	kdbus_build_vec(&b, news, sizeof(*news));
	if (n)
		kdbus_build_vec(&b, text, n);
	kdbus_build_item(&b, KDBUS_ITEM_BLOOM_FILTER, &filter, sizeof(filter));
	return kdbus_client_send(&client, &b);
}

static int news(double rate, char **files, int n)
{
	struct demo_news *topics = calloc(n, sizeof(*topics));
	struct itimerspec t = {};
	struct pollfd p[2] = {
		{ .fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC),
		  .events = POLLIN },
		{ .fd = client.fd },
	};
	__u64 ticks;
	int i, ret = 0;

	for (i = 0; i < n; i++)
		snprintf(topics[i].topic, sizeof(topics[i].topic), "%s",
			 basename(files[i]));
	t.it_value.tv_nsec = t.it_interval.tv_nsec = 1e9 / (rate * n);
	timerfd_settime(p[0].fd, 0, &t, NULL);
	for (i = 0; !ret && poll(p, 2, -1) > 0 && !p[1].revents;
	     i = (i + 1) % n) {
		if (read(p[0].fd, &ticks, sizeof(ticks)) < 0)
			break;
		ret = tell(files[i], &topics[i]);
	}
	free(topics);
	return ret == -ECONNRESET ? 0 : ret;
}

/* ---- who listens ------------------------------------------------------- */

static int listen_to(const char *topic, __u64 cookie)
{
	__u64 bits[DEMO_BLOOM_WORDS] = {};
	struct kdbus_cmd_match *cmd;
	struct kdbus_builder b;

	cmd = kdbus_build_cmd(&b, sizeof(*cmd));
	cmd->cookie = cookie;
	demo_bloom(bits, topic);
	kdbus_build_item(&b, KDBUS_ITEM_BLOOM_MASK, bits, sizeof(bits));
	kdbus_build_string(&b, KDBUS_ITEM_NAME, DEMO_NEWS);
	return kdbus_client_match_add(&client, &b);
}

/* A bloom filter lets others pass now and then; none is ever missed. */
static int heard(const struct demo_news *n, char **topics,
		 unsigned long long *last, int n_topics)
{
	int i;

	for (i = 0; i < n_topics; i++) {
		if (strcmp(n->topic, topics[i]))
			continue;
		if (last[i] && n->number != last[i] + 1) {
			fprintf(stderr, "demo-listener: number %llu of %s after %llu\n",
				n->number, n->topic, last[i]);
			return -EPROTO;
		}
		last[i] = n->number;
	}
	return 0;
}

static int listener(char **topics, int n)
{
	unsigned long long *last = calloc(n, sizeof(*last));
	const struct kdbus_msg *msg;
	struct demo_news news;
	int i, ret = 0;

	for (i = 0; !ret && i < n; i++)
		ret = listen_to(topics[i], i + 1);
	while (!ret && !(ret = kdbus_client_next(&client, -1, &msg))) {
		kdbus_msg_payload(msg, &news, sizeof(news));
		kdbus_client_free(&client, msg);
		ret = heard(&news, topics, last, n);
	}
	free(last);
	return ret == -ECONNRESET ? 0 : ret;
}

int main(int argc, char **argv)
{
	bool tells = strstr(argv[0], "demo-news");
	int ret;

	if (argc < 2 + tells || (tells && atof(argv[1]) <= 0)) {
		fprintf(stderr, "usage: demo-news RATE FILE... | demo-listener TOPIC...\n");
		return 2;
	}
	ret = join(tells ? "news" : "listener");
	if (!ret && tells)
		ret = kdbus_client_acquire(&client, DEMO_NEWS, 0);
	if (!ret)
		ret = tells ? news(atof(argv[1]), argv + 2, argc - 2) :
			      listener(argv + 1, argc - 1);
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-ret));
	return !!ret;
}
