// SPDX-License-Identifier: GPL-2.0
/*
 * usage: workload-monitor SUFFIX
 * Known traffic for the tests of kdbus-monitor. Makes a bus, a server, a
 * client and others, prints "ready" and their ids, and waits for a line on
 * stdin; then does one thing after the other, each with its own step below,
 * and prints what an observer should have seen, a line each in the order in
 * which it happened. Then it says "done"; for each line "flood" it sends 200
 * signals, which the server throws away, and says so; it ends at any other.
 *
 * A line of the truth is "TYPE FROM>TO KEY=VALUE ...", with connections by id;
 * selftests/monitor.sh makes the same of kdbus-monitor's JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-client.h"

#define SERVER "org.kdbus.test.Server"
#define LAZY "org.kdbus.test.Lazy"
#define SEC 1000000000ULL
#define ID(c) ((c)->hello.id)

static struct kdbus_client server, client, other;
static char path[128], bus_name[64];
static char data[65536];

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "workload-monitor: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static void must_be(int ret, int want, const char *what)
{
	if (ret == want)
		return;
	fprintf(stderr, "workload-monitor: %s gave %d, not %d\n", what, ret,
		want);
	exit(1);
}

/* ---- what everybody does ----------------------------------------------- */

static void open_client(struct kdbus_client *c, __u64 pool, const char *what)
{
	must(kdbus_client_open(c, path, KDBUS_HELLO_ACCEPT_FD, 0, pool, what),
	     path);
}

/* Builds a message; the size of its payload is in the truth. */
static void build(struct kdbus_builder *m, __u64 dst, const char *name,
		  __u64 cookie, size_t size)
{
	kdbus_build_msg(m, dst, cookie);
	if (name)
		kdbus_build_string(m, KDBUS_ITEM_DST_NAME, name);
	if (size)
		kdbus_build_vec(m, data, size);
}

static void ask(struct kdbus_builder *m, __u64 timeout_ns)
{
	m->msg.flags |= KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m->msg.timeout_ns = timeout_ns;
}

static void take(struct kdbus_client *c, const char *kind, __u64 src)
{
	const struct kdbus_msg *msg;

	must(kdbus_client_next(c, 30000, &msg), "receive");
	kdbus_msg_close_fds(msg);
	printf("recv %llu>%llu cookie=%llu kind=%s\n", src, ID(c),
	       strcmp(kind, "notify") ? msg->cookie : msg->cookie_reply, kind);
	must(kdbus_client_free(c, msg), "free");
}

/* The server takes a request and answers it. */
static void serve(size_t size, bool sync)
{
	const struct kdbus_msg *msg;
	struct kdbus_builder m;

	must(kdbus_client_next(&server, 30000, &msg), "receive");
	printf("recv %llu>%llu cookie=%llu kind=call\n", msg->src_id,
	       ID(&server), msg->cookie);
	kdbus_msg_close_fds(msg);
	build(&m, msg->src_id, NULL, kdbus_client_next_cookie(&server), size);
	m.msg.cookie_reply = msg->cookie;
	printf("reply %llu>%llu cookie=%llu to=%llu bytes=%zu sync=%d\n",
	       ID(&server), msg->src_id, m.msg.cookie, msg->cookie, size, sync);
	must(kdbus_client_send(&server, &m), "reply");
	must(kdbus_client_free(&server, msg), "free");
}

static void say_call(__u64 src, __u64 dst, const char *name, __u64 cookie,
		     size_t size, int fds, int memfds, bool sync)
{
	printf("call %llu>%llu cookie=%llu bytes=%zu sync=%d fds=%d memfds=%d name=%s\n",
	       src, dst, cookie, size, sync, fds, memfds, name ?: "");
}

/* A connection with a name of its own, or for a name: raw HELLO. */
static void open_activator(struct kdbus_client *c, const char *name)
{
	struct kdbus_policy_access world = { KDBUS_POLICY_ACCESS_WORLD,
					     KDBUS_POLICY_OWN, 0 };
	struct kdbus_cmd_hello *hello;
	struct kdbus_builder b;

	memset(c, 0, sizeof(*c));
	c->fd = open(path, O_RDWR | O_CLOEXEC);
	must(c->fd < 0 ? -errno : 0, path);
	hello = kdbus_build_cmd(&b, sizeof(*hello));
	hello->conn_flags = KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_ACCEPT_FD;
	hello->pool_size = 1 << 20;
	kdbus_build_string(&b, KDBUS_ITEM_NAME, name);
	kdbus_build_item(&b, KDBUS_ITEM_POLICY_ACCESS, &world, sizeof(world));
	must(ioctl(c->fd, KDBUS_CMD_HELLO, hello) ? -errno : 0, "activator");
	memcpy(&c->hello, hello, sizeof(c->hello));
}

/* ---- steps: calls ------------------------------------------------------- */

static void calls_answered(void)
{
	struct kdbus_builder m;
	__u64 cookie;
	int i;

	for (i = 0; i < 6; i++) {
		const char *name = i % 2 ? SERVER : NULL;

		cookie = kdbus_client_next_cookie(&client);
		build(&m, name ? 0 : ID(&server), name, cookie, 64 + i);
		ask(&m, 60 * SEC);
		say_call(ID(&client), ID(&server), name, cookie, 64 + i, 0, 0,
			 false);
		must(kdbus_client_send(&client, &m), "call");
		serve(100 * i, false);
		take(&client, "reply", ID(&server));
	}
}

static void *sync_call(void *arg)
{
	struct kdbus_builder *m = arg;
	const struct kdbus_msg *reply;
	int ret = kdbus_client_call(&client, m, 60 * SEC, &reply);

	if (!ret)
		must(kdbus_client_free(&client, reply), "free");
	return (void *)(long)ret;
}

/* Starts a synchronous call that waits until somebody ends it. */
static void sync_begin(pthread_t *t, struct kdbus_builder *m)
{
	build(m, ID(&server), NULL, kdbus_client_next_cookie(&client), 10);
	say_call(ID(&client), ID(&server), NULL, m->msg.cookie, 10, 0, 0, true);
	must(-pthread_create(t, NULL, sync_call, m), "thread");
}

static void sync_end(pthread_t t, int want)
{
	void *ret;

	must(-pthread_join(t, &ret), "join");
	must_be((long)ret, want, "synchronous call");
}

static void sync_answered(void)
{
	struct kdbus_builder m;
	pthread_t t;

	sync_begin(&t, &m);
	serve(20, true);
	sync_end(t, 0);
	printf("recv %llu>%llu cookie=%llu kind=sync_reply\n", ID(&server),
	       ID(&client), server.cookie);
}

static void sync_cancelled(void)
{
	struct kdbus_builder m;
	pthread_t t;

	sync_begin(&t, &m);
	take(&server, "call", ID(&client));
	printf("end %llu>%llu cookie=%llu outcome=cancelled sync=1\n",
	       ID(&client), ID(&server), m.msg.cookie);
	must(kdbus_client_cancel(&client, m.msg.cookie), "cancel");
	sync_end(t, -ECANCELED);
	printf("failed %llu msg_send ECANCELED\n", ID(&client));
}

static void sync_timed_out(void)
{
	const struct kdbus_msg *reply;
	struct kdbus_builder m;

	build(&m, ID(&server), NULL, kdbus_client_next_cookie(&client), 0);
	say_call(ID(&client), ID(&server), NULL, m.msg.cookie, 0, 0, 0, true);
	must_be(kdbus_client_call(&client, &m, 20000000, &reply), -ETIMEDOUT,
		"call that times out");
	printf("end %llu>%llu cookie=%llu outcome=timeout sync=1\n",
	       ID(&client), ID(&server), m.msg.cookie);
	printf("failed %llu msg_send ETIMEDOUT\n", ID(&client));
	take(&server, "call", ID(&client));
}

static void async_timed_out(void)
{
	struct kdbus_builder m;

	build(&m, ID(&server), NULL, kdbus_client_next_cookie(&client), 5);
	ask(&m, 20000000);
	say_call(ID(&client), ID(&server), NULL, m.msg.cookie, 5, 0, 0, false);
	must(kdbus_client_send(&client, &m), "call");
	must_be(kdbus_client_wait(&client, 30000), 1, "wait for the notice");
	printf("end %llu>%llu cookie=%llu outcome=timeout sync=0\n",
	       ID(&client), ID(&server), m.msg.cookie);
	printf("notice 0>%llu reply_timeout cookie=%llu\n", ID(&client),
	       m.msg.cookie);
	take(&client, "notify", 0);
	take(&server, "call", ID(&client));
}

/* The server throws a request away. */
static void call_dropped(void)
{
	struct kdbus_builder m;

	build(&m, ID(&server), NULL, kdbus_client_next_cookie(&client), 5);
	ask(&m, 60 * SEC);
	say_call(ID(&client), ID(&server), NULL, m.msg.cookie, 5, 0, 0, false);
	must(kdbus_client_send(&client, &m), "call");
	must(kdbus_client_recv(&server, KDBUS_RECV_DROP, 0, NULL), "drop");
	printf("end %llu>%llu cookie=%llu outcome=dead sync=0\n", ID(&client),
	       ID(&server), m.msg.cookie);
	printf("notice 0>%llu reply_dead cookie=%llu\n", ID(&client),
	       m.msg.cookie);
	printf("drop %llu>%llu cookie=%llu reason=requested kind=call\n",
	       ID(&client), ID(&server), m.msg.cookie);
	take(&client, "notify", 0);
}

/* Somebody dies with a request in the queue. */
static void call_dead(void)
{
	struct kdbus_client c;
	struct kdbus_builder m;

	open_client(&c, 1 << 20, "short-lived");
	printf("conn %llu new flags=accept_fd text=short-lived\n", ID(&c));
	build(&m, ID(&c), NULL, kdbus_client_next_cookie(&client), 5);
	ask(&m, 60 * SEC);
	say_call(ID(&client), ID(&c), NULL, m.msg.cookie, 5, 0, 0, false);
	must(kdbus_client_send(&client, &m), "call");
	kdbus_client_close(&c);
	must_be(kdbus_client_wait(&client, 30000), 1, "wait for the notice");
	printf("end %llu>%llu cookie=%llu outcome=dead sync=0\n", ID(&client),
	       ID(&c), m.msg.cookie);
	printf("notice 0>%llu reply_dead cookie=%llu\n", ID(&client),
	       m.msg.cookie);
	printf("drop %llu>%llu cookie=%llu reason=disconnect kind=call\n",
	       ID(&client), ID(&c), m.msg.cookie);
	printf("conn %llu dead close\n", ID(&c));
	take(&client, "notify", 0);
}

/* Files come along, and a memfd. */
static void call_with_files(void)
{
	struct kdbus_cmd_memfd_make make = {
		.size = sizeof(make), .file_size = 4096,
	};
	struct kdbus_memfd memfd = { .size = 4096 };
	struct kdbus_builder m;
	int fds[2];

	must(pipe(fds), "pipe");
	must(ioctl(client.fd, KDBUS_CMD_MEMFD_NEW, &make) ? -errno : 0,
	     "memfd");
	must(ioctl(make.fd, KDBUS_CMD_MEMFD_SEAL_SET, 1), "seal");
	memfd.fd = make.fd;
	build(&m, ID(&server), NULL, kdbus_client_next_cookie(&client), 40);
	kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	kdbus_build_fds(&m, fds, 2);
	ask(&m, 60 * SEC);
	say_call(ID(&client), ID(&server), NULL, m.msg.cookie, 4136, 2, 1,
		 false);
	must(kdbus_client_send(&client, &m), "call");
	serve(0, false);
	take(&client, "reply", ID(&server));
	close(make.fd);
	close(fds[0]);
	close(fds[1]);
}

/* ---- steps: one way ------------------------------------------------------ */

static void add_match(struct kdbus_client *c, __u64 cookie)
{
	struct kdbus_cmd_match match = { .size = sizeof(match),
					 .cookie = cookie };

	must(ioctl(c->fd, KDBUS_CMD_MATCH_ADD, &match) ? -errno : 0, "match");
	printf("match %llu add cookie=%llu\n", ID(c), cookie);
}

static void remove_match(struct kdbus_client *c, __u64 cookie)
{
	struct kdbus_cmd_match match = { .size = sizeof(match),
					 .cookie = cookie };

	must(ioctl(c->fd, KDBUS_CMD_MATCH_REMOVE, &match) ? -errno : 0,
	     "match");
	printf("match %llu remove cookie=%llu\n", ID(c), cookie);
}

static void signals(void)
{
	struct kdbus_builder m;
	int i;

	for (i = 0; i < 5; i++) {
		build(&m, ID(&server), NULL, 100 + i, 1000);
		printf("signal %llu>%llu cookie=%d bytes=1000\n", ID(&client),
		       ID(&server), 100 + i);
		must(kdbus_client_send(&client, &m), "signal");
	}
	for (i = 0; i < 4; i++)
		take(&server, "signal", ID(&client));
	must(kdbus_client_recv(&server, KDBUS_RECV_DROP, 0, NULL), "drop");
	printf("drop %llu>%llu cookie=104 reason=requested kind=signal\n",
	       ID(&client), ID(&server));
}

static void broadcasts(void)
{
	__u64 filter[9] = { 0 };
	struct kdbus_builder m;
	int i;

	add_match(&server, 7);
	add_match(&other, 8);
	for (i = 0; i < 2; i++) {
		build(&m, KDBUS_DST_ID_BROADCAST, NULL, 200 + i, 30);
		kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter,
				 sizeof(filter));
		printf("signal %llu>-1 cookie=%d bytes=30\n", ID(&client),
		       200 + i);
		must(kdbus_client_send(&client, &m), "broadcast");
		take(&server, "signal", ID(&client));
		take(&other, "signal", ID(&client));
	}
	remove_match(&server, 7);
	remove_match(&other, 8);
}

/* ---- steps: what is refused ---------------------------------------------- */

static void say_refused(__u64 src, const char *dst, __u64 cookie,
			const char *error)
{
	printf("refused %llu>%s cookie=%llu errno=%s\n", src, dst, cookie,
	       error);
}

static void refusals(void)
{
	__u64 offset = 8;
	struct kdbus_builder m;

	build(&m, 4711, NULL, 300, 10);
	must_be(kdbus_client_send(&client, &m), -ENXIO, "nobody");
	say_refused(ID(&client), "4711", 300, "ENXIO");
	build(&m, 0, "org.kdbus.test.Nobody", 301, 10);
	must_be(kdbus_client_send(&client, &m), -ESRCH, "no name");
	say_refused(ID(&client), "org.kdbus.test.Nobody", 301, "ESRCH");
	must_be(kdbus_client_acquire(&client, SERVER, 0), -EEXIST, "taken");
	printf("name %llu acquire " SERVER " errno=EEXIST\n", ID(&client));
	must_be(kdbus_client_release(&client, SERVER), -EADDRINUSE, "release");
	printf("name %llu release " SERVER " errno=EADDRINUSE\n", ID(&client));
	must_be(ioctl(client.fd, KDBUS_CMD_FREE, &offset) ? -errno : 0, -ENXIO,
		"free");
	printf("failed %llu free ENXIO\n", ID(&client));
}

/* A broadcast goes to those who have room for it. */
static void full_for_one(struct kdbus_client *c)
{
	__u64 filter[9] = { 0 };
	struct kdbus_builder m;

	add_match(c, 9);
	add_match(&other, 10);
	build(&m, KDBUS_DST_ID_BROADCAST, NULL, 304, 8192);
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	printf("quota %llu>%llu pool ENOBUFS\n", ID(&client), ID(c));
	printf("drop %llu>%llu cookie=304 reason=undelivered kind=signal errno=ENOBUFS\n",
	       ID(&client), ID(c));
	printf("signal %llu>-1 cookie=304 bytes=8192\n", ID(&client));
	must(kdbus_client_send(&client, &m), "broadcast");
	take(&other, "signal", ID(&client));
	remove_match(c, 9);
	remove_match(&other, 10);
}

static void pool_is_full(void)
{
	struct kdbus_client c;
	struct kdbus_builder m;
	char to[24];

	open_client(&c, 4096, NULL);
	printf("conn %llu new flags=accept_fd text=\n", ID(&c));
	build(&m, ID(&c), NULL, 302, 8192);
	must_be(kdbus_client_send(&client, &m), -ENOBUFS, "full pool");
	printf("quota %llu>%llu pool ENOBUFS\n", ID(&client), ID(&c));
	snprintf(to, sizeof(to), "%llu", ID(&c));
	say_refused(ID(&client), to, 302, "ENOBUFS");
	full_for_one(&c);
	must(kdbus_client_byebye(&c), "byebye");
	printf("conn %llu dead byebye\n", ID(&c));
	kdbus_client_close(&c);
}

/* Who comes through an endpoint without grants may see nobody and own nothing. */
static void policy_denies(void)
{
	char ep_path[128], name[64];
	struct kdbus_cmd_make *make;
	struct kdbus_client c;
	struct kdbus_builder b;
	int ep;

	ep = open(path, O_RDWR | O_CLOEXEC);
	must(ep < 0 ? -errno : 0, path);
	snprintf(name, sizeof(name), "%u-box", geteuid());
	make = kdbus_build_cmd(&b, sizeof(*make));
	kdbus_build_string(&b, KDBUS_ITEM_MAKE_NAME, name);
	must(ioctl(ep, KDBUS_CMD_EP_MAKE, make) ? -errno : 0, "endpoint");
	printf("bus endpoint_new %s\n", name);
	printf("policy 0 set\n");
	kdbus_endpoint_path(ep_path, sizeof(ep_path), bus_name, name);
	must(kdbus_client_open(&c, ep_path, 0, 0, 1 << 20, "boxed"), ep_path);
	printf("conn %llu new flags= text=boxed\n", ID(&c));
	build(&b, 0, SERVER, 303, 10);
	must_be(kdbus_client_send(&c, &b), -ESRCH, "policy");
	printf("policy %llu deny see " SERVER "\n", ID(&c));
	say_refused(ID(&c), SERVER, 303, "ESRCH");
	must_be(kdbus_client_acquire(&c, LAZY, 0), -EPERM, "policy");
	printf("policy %llu deny own " LAZY "\n", ID(&c));
	printf("name %llu acquire " LAZY " errno=EPERM\n", ID(&c));
	kdbus_client_close(&c);
	printf("conn %llu dead close\n", ID(&c));
	close(ep);
	/* its policy goes with it */
	printf("policy 0 set\n");
	printf("bus endpoint_dead\n");
}

/* ---- steps: names --------------------------------------------------------- */

/* The owner and who waits ask once more, and one for the other's place. */
static void names_again(const char *n)
{
	must_be(kdbus_client_acquire(&client, n, 0), -EALREADY, n);
	printf("name %llu update %s\n", ID(&client), n);
	printf("name %llu acquire %s errno=EALREADY\n", ID(&client), n);
	must_be(kdbus_client_acquire(&other, n, KDBUS_NAME_QUEUE |
				     KDBUS_NAME_ALLOW_REPLACEMENT), 1, n);
	printf("name %llu update %s\n", ID(&other), n);
	must_be(kdbus_client_acquire(&server, n, KDBUS_NAME_QUEUE), 1, n);
	printf("name %llu wait %s\n", ID(&server), n);
	must_be(kdbus_client_release(&server, n), 0, n);
	printf("name %llu unwait %s\n", ID(&server), n);
}

static void names(void)
{
	const char *n = "org.kdbus.test.Wanted";

	must_be(kdbus_client_acquire(&client, n,
				     KDBUS_NAME_ALLOW_REPLACEMENT), 0, n);
	printf("name %llu add %s\n", ID(&client), n);
	must_be(kdbus_client_acquire(&other, n, KDBUS_NAME_QUEUE), 1, n);
	printf("name %llu wait %s\n", ID(&other), n);
	names_again(n);
	must_be(kdbus_client_release(&client, n), 0, n);
	printf("name %llu unwait %s\n", ID(&other), n);
	printf("name %llu>%llu change %s\n", ID(&client), ID(&other), n);
	must_be(kdbus_client_release(&other, n), 0, n);
	printf("name %llu remove %s\n", ID(&other), n);
}

/* A request waits with an activator and moves to who takes the name. */
static void activation(void)
{
	struct kdbus_client act;
	struct kdbus_builder m;

	open_activator(&act, LAZY);
	printf("conn %llu new flags=accept_fd,activator text=\n", ID(&act));
	printf("policy %llu set\n", ID(&act));
	printf("name %llu add " LAZY "\n", ID(&act));
	build(&m, 0, LAZY, kdbus_client_next_cookie(&client), 12);
	ask(&m, 60 * SEC);
	say_call(ID(&client), ID(&act), LAZY, m.msg.cookie, 12, 0, 0, false);
	must(kdbus_client_send(&client, &m), "call");
	must_be(kdbus_client_acquire(&server, LAZY, 0), 0, LAZY);
	printf("move %llu>%llu name=" LAZY "\n", ID(&act), ID(&server));
	/* it has it again when the service gives it up */
	printf("name %llu wait " LAZY "\n", ID(&act));
	printf("name %llu>%llu change " LAZY "\n", ID(&act), ID(&server));
	serve(11, false);
	take(&client, "reply", ID(&server));
	must_be(kdbus_client_release(&server, LAZY), 0, LAZY);
	printf("name %llu unwait " LAZY "\n", ID(&act));
	printf("name %llu>%llu change " LAZY "\n", ID(&server), ID(&act));
	close(act.fd);
	printf("name %llu remove " LAZY "\n", ID(&act));
	printf("conn %llu dead close\n", ID(&act));
}

/* ---- */

static void flood(void)
{
	struct kdbus_builder m;
	int i;

	for (i = 0; i < 200; i++) {
		build(&m, ID(&server), NULL, 1000 + i, 100);
		must(kdbus_client_send(&client, &m), "flood");
		must(kdbus_client_recv(&server, KDBUS_RECV_DROP, 0, NULL),
		     "drop");
	}
	printf("flooded\n");
}

/* Waits for a line, and returns whether it is this one. */
static bool wait_line(const char *what)
{
	char line[80];

	fflush(stdout);
	return fgets(line, sizeof(line), stdin) && !strcmp(line, what);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	must(kdbus_bus_make(argv[1], KDBUS_MAKE_ACCESS_WORLD), "bus");
	snprintf(bus_name, sizeof(bus_name), "%u-%s", geteuid(), argv[1]);
	kdbus_endpoint_path(path, sizeof(path), bus_name, "bus");
	open_client(&server, 1 << 20, NULL);
	open_client(&client, 1 << 20, NULL);
	open_client(&other, 1 << 20, NULL);
	must(kdbus_client_acquire(&server, SERVER, 0), SERVER);
	must(kdbus_client_acquire(&client, "org.kdbus.test.Client", 0), "name");
	printf("ready %llu %llu %llu\n", ID(&server), ID(&client), ID(&other));
	if (!wait_line("go\n"))
		return 0;

	calls_answered();
	sync_answered();
	sync_cancelled();
	sync_timed_out();
	async_timed_out();
	call_dropped();
	call_dead();
	call_with_files();
	signals();
	broadcasts();
	refusals();
	pool_is_full();
	policy_denies();
	names();
	activation();
	printf("done\n");
	while (wait_line("flood\n"))
		flood();
	return 0;
}
