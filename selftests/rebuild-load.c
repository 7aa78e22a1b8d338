// SPDX-License-Identifier: GPL-2.0
/*
 * usage: rebuild-load DIR SEED TRACE-MARKER
 * Traffic for test-rebuild: several processes of several users do everything
 * the ABI has, at random, and each writes down in DIR/truth.N what it did and
 * what it saw, a JSON object a line. selftests/rebuild.py compares that with
 * the trace events.
 *
 * Process 0 makes the bus, a custom endpoint, activators, a monitor and an
 * observer of all notifications. It only receives, and between the rounds,
 * when all others are still, takes snapshots. Processes 1 and 2 are servers:
 * they receive, answer and never wait for a reply, so nobody waits for ever.
 * The others are workers. Every message has a cookie of its own.
 */
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "rebuild.h"

/* ---- process 0 -------------------------------------------------------- */

static struct peer observer, monitor, activators[2];

static void grant(struct kdbus_builder *k, const char *name, __u64 level)
{
	struct kdbus_policy_access world = { KDBUS_POLICY_ACCESS_WORLD, level,
					     0 };

	kdbus_build_string(k, KDBUS_ITEM_NAME, name);
	kdbus_build_item(k, KDBUS_ITEM_POLICY_ACCESS, &world, sizeof(world));
}

static int open_node(void)
{
	int fd = open(KDBUS_DEV "/0-" BUS "/bus", O_RDWR | O_CLOEXEC);

	ASSERT(fd >= 0);
	return fd;
}

/* A connection with a name: an activator, or a holder of policy. */
static void special_open(struct peer *p, __u64 flags, const char *name)
{
	struct kdbus_builder k;

	p->c.fd = open_node();
	hello_init(&k, flags);
	grant(&k, name, KDBUS_POLICY_OWN);
	ASSERT_OK(xioctl(p->c.fd, KDBUS_CMD_HELLO, k.buf));
	memcpy(&p->c.hello, k.buf, sizeof(p->c.hello));
	p->c.pool = mmap(NULL, p->c.hello.pool_size, PROT_READ, MAP_SHARED,
			 p->c.fd, 0);
	ASSERT(p->c.pool != MAP_FAILED);
	note("\"op\":\"open\",\"conn\":%llu,\"uid\":0,\"pid\":%d,\"box\":0",
	     p->c.hello.id, getpid());
}

static void show(struct kdbus_builder *k, const char *name, __u64 level)
{
	grant(k, name, level);
	note("\"op\":\"shown\",\"name\":\"%s\"", name);
}

/* A custom endpoint that shows some of the names. */
static void box_new(void)
{
	struct kdbus_cmd_make *cmd;
	struct kdbus_builder k;
	int fd = open_node();

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	cmd->flags = KDBUS_MAKE_ACCESS_WORLD;
	kdbus_build_string(&k, KDBUS_ITEM_MAKE_NAME, "box");
	show(&k, "com.rebuild.srv1", KDBUS_POLICY_TALK);
	show(&k, "com.rebuild.act1", KDBUS_POLICY_OWN);
	show(&k, "com.rebuild.n1", KDBUS_POLICY_OWN);
	show(&k, "com.rebuild.n2", KDBUS_POLICY_SEE);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_MAKE, cmd));
}

static void observe(__u64 type)
{
	size_t size = type == KDBUS_ITEM_ID_ADD || type == KDBUS_ITEM_ID_REMOVE ?
		      sizeof(struct kdbus_notify_id_change) :
		      sizeof(struct kdbus_notify_name_change);
	struct kdbus_notify_name_change any = {
		.old.id = KDBUS_MATCH_ID_ANY, .new.id = KDBUS_MATCH_ID_ANY,
	};
	struct kdbus_cmd_match *cmd;
	struct kdbus_builder k;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	cmd->cookie = type;
	kdbus_build_item(&k, type, &any, size);
	ASSERT_OK(xioctl(observer.c.fd, KDBUS_CMD_MATCH_ADD, cmd));
	note("\"op\":\"match_add\",\"conn\":%llu,\"cookie\":%llu,\"bytes\":%zu,\"src\":%llu,\"name\":\"\"",
	     observer.c.hello.id, type, 16 + size, ~0ULL);
}

static void stage(void)
{
	static struct peer holder;
	__u64 type;

	ASSERT(kdbus_bus_make(BUS, KDBUS_MAKE_ACCESS_WORLD) >= 0);
	ASSERT_OK(kdbus_client_open(&observer.c, KDBUS_DEV "/0-" BUS "/bus", 0,
				    0, 8 << 20, "observer"));
	note("\"op\":\"open\",\"conn\":%llu,\"uid\":0,\"pid\":%d,\"box\":0",
	     observer.c.hello.id, getpid());
	for (type = KDBUS_ITEM_NAME_ADD; type <= KDBUS_ITEM_ID_REMOVE; type++)
		observe(type);
	ASSERT_OK(kdbus_client_open(&monitor.c, KDBUS_DEV "/0-" BUS "/bus",
				    KDBUS_HELLO_MONITOR, 0, 256 << 10,
				    "monitor"));
	note("\"op\":\"open\",\"conn\":%llu,\"uid\":0,\"pid\":%d,\"box\":0",
	     monitor.c.hello.id, getpid());
	special_open(&holder, KDBUS_HELLO_POLICY_HOLDER, "com.rebuild.*");
	special_open(&activators[0], KDBUS_HELLO_ACTIVATOR, names[2]);
	special_open(&activators[1], KDBUS_HELLO_ACTIVATOR |
		     KDBUS_HELLO_ACCEPT_FD, names[3]);
	box_new();
}

/* Returns whether a call of the receiver has timed out. */
static bool take(struct peer *p)
{
	const struct kdbus_msg *msg;
	bool timeout = false;

	while (!kdbus_client_recv(&p->c, 0, 0, &msg)) {
		note_message(p, "recv", msg);
		timeout |= msg->payload_type == KDBUS_PAYLOAD_KERNEL &&
			   msg->dst_id == p->c.hello.id;
		kdbus_msg_close_fds(msg);
		ASSERT_OK(kdbus_client_free(&p->c, msg));
	}
	return timeout;
}

/*
 * When a call that nobody answers has timed out, so have all that began
 * before and were not meant to last.
 */
static void let_calls_end(void)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, observer.c.hello.id, new_cookie());
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m.msg.timeout_ns = 2 * LONGEST_TIMEOUT;
	send_note(&observer, &m, "", 0, "", 0,
		  kdbus_client_send(&observer.c, &m));
	while (!take(&observer))
		ASSERT_EQ(kdbus_client_wait(&observer.c, -1), 1);
	take(&monitor);
}

/* What an activator has queued is dropped or taken now and then. */
static void tend_activators(void)
{
	struct peer *p = &activators[pick(2)];
	const struct kdbus_msg *msg;

	if (chance(50)) {
		if (!kdbus_client_recv(&p->c, KDBUS_RECV_DROP, 0, NULL))
			note("\"op\":\"blind_drop\",\"conn\":%llu",
			     p->c.hello.id);
	} else if (!kdbus_client_recv(&p->c, 0, 0, &msg)) {
		note_message(p, "recv", msg);
		kdbus_msg_close_fds(msg);
		ASSERT_OK(kdbus_client_free(&p->c, msg));
	}
}

static void watch(void)
{
	struct pollfd p[] = {
		{ .fd = observer.c.fd, .events = POLLIN },
		{ .fd = monitor.c.fd, .events = POLLIN },
		{ .fd = round_over, .events = POLLIN },
	};

	for (;;) {
		ASSERT(poll(p, 3, -1) > 0);
		take(&observer);
		take(&monitor);
		if (chance(5))
			tend_activators();
		if (p[2].revents)
			return;
	}
}

static void copy_listing(int round, const char *what)
{
	FILE *f = listing_open(what);
	char line[1024], *end;

	while (fgets(line, sizeof(line), f)) {
		end = strchr(line, '\n');
		ASSERT(end);
		*end = 0;
		for (end = line; (end = strchr(end, '\\')); end += 2)
			memmove(end + 1, end, strlen(end) + 1);
		note("\"op\":\"listing\",\"round\":%d,\"what\":\"%s\",\"line\":\"%s\"",
		     round, what, line);
	}
	fclose(f);
}

/* All others are still: what is there now, as clients and root can ask. */
static void snapshot(int round)
{
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *record;

	let_calls_end();
	mark("snapshot %d", round);
	copy_listing(round, "connections");
	copy_listing(round, "names");
	copy_listing(round, "accounts");
	mark("taken %d", round);
	ASSERT_OK(kdbus_client_list(&observer.c, KDBUS_NAME_LIST_NAMES |
				    KDBUS_NAME_LIST_QUEUED |
				    KDBUS_NAME_LIST_ACTIVATORS, &list));
	kdbus_for_each_name(record, list)
		if (record->size > sizeof(*record))
			note("\"op\":\"listed\",\"round\":%d,\"conn\":%llu,\"flags\":%llu,\"name\":\"%s\"",
			     round, record->owner_id, record->flags,
			     record->name);
	ASSERT_OK(kdbus_client_free(&observer.c, list));
}

/* ---- the play --------------------------------------------------------- */

static void note_held(int round)
{
	unsigned int i, k;

	for (i = 0; i < 2; i++) {
		if (me[i].c.fd < 0)
			continue;
		for (k = 0; k < me[i].n_held; k++)
			note("\"op\":\"held\",\"round\":%d,\"conn\":%llu,\"offset\":%llu",
			     round, me[i].c.hello.id, me[i].held[k]);
	}
}

static void meet(void)
{
	int ret = pthread_barrier_wait(&shared->barrier);

	ASSERT(!ret || ret == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void play_round(int round)
{
	eventfd_t drained;

	if (!self) {
		while (!eventfd_read(round_over, &drained))
			;
		shared->working = N_PROCS - FIRST_WORKER;
	}
	meet();
	if (!self)
		watch();
	else if (self < FIRST_WORKER)
		serve();
	else
		work();
	meet();
	if (self)
		note_held(round);
	else
		snapshot(round);
	meet();
}

static void open_truth(const char *dir)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/truth.%d", dir, self);
	truth = fopen(path, "w");
	ASSERT(truth);
}

static void begin_process(const char *dir)
{
	static const uid_t uids[N_PROCS] = { 0, 0, 1001, 0, 1001, 1002, 1002 };
	struct sigaction action = { .sa_handler = on_signal };

	open_truth(dir);
	seed += self;
	boxed = self == N_PROCS - 1;
	sigaction(SIGUSR1, &action, NULL);
	me[0].c.fd = me[1].c.fd = -1;
	if (!self)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ASSERT_OK(setresgid(uids[self], uids[self], uids[self]));
	ASSERT_OK(setresuid(uids[self], uids[self], uids[self]));
	peer_open(&me[0]);
	peer_open(&me[1]);
	if (self < FIRST_WORKER)
		do_acquire(&me[0], names[self - 1], 0);
}

static void end_process(void)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (me[i].c.fd >= 0)
			peer_close(&me[i]);
	if (!self)
		take(&observer);
	fclose(truth);
}

static pid_t children[N_PROCS];

/* A process that ends badly ends all: nobody waits for it at the barrier. */
static void on_child(int sig)
{
	siginfo_t info = {};

	(void)sig;
	if (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) &&
	    info.si_pid && info.si_status)
		_exit(1);
}

static void begin_all(void)
{
	pthread_barrierattr_t attr;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(shared != MAP_FAILED);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	ASSERT_OK(pthread_barrier_init(&shared->barrier, &attr, N_PROCS));
	round_over = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT(round_over >= 0);
}

int main(int argc, char **argv)
{
	int i;

	if (argc != 4)
		return 2;
	seed = atoi(argv[2]);
	marker = open(argv[3], O_WRONLY | O_CLOEXEC);
	ASSERT(marker >= 0);
	signal(SIGCHLD, on_child);
	begin_all();
	begin_process(argv[1]);
	stage();
	for (i = 1; i < N_PROCS && !self; i++) {
		fflush(truth);
		children[i] = fork();
		ASSERT(children[i] >= 0);
		if (!children[i]) {
			self = i;
			begin_process(argv[1]);
		}
	}
	for (i = 0; i < ROUNDS; i++)
		play_round(i);
	/* the others first, so that the observer sees them go */
	for (i = 1; !self && i < N_PROCS; i++)
		wait_for(children[i]);
	end_process();
	return 0;
}
