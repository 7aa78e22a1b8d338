// SPDX-License-Identifier: GPL-2.0
/*
 * What servers and workers of rebuild-load do at random, and how they write it
 * down; rebuild.h.
 */
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>

#include "rebuild.h"

struct shared *shared;
int round_over;
struct peer me[2];
int self;
bool boxed;
unsigned int seed;
FILE *truth;
int marker;
static __u64 counter;
static char data[512 << 10];

const char * const names[] = {
	"com.rebuild.srv1", "com.rebuild.srv2", "com.rebuild.act1",
	"com.rebuild.act2", "com.rebuild.n1", "com.rebuild.n2",
	"com.rebuild.n3", "com.rebuild.none",
};
#define N_NAMES (sizeof(names) / sizeof(*names))

unsigned int pick(unsigned int n)
{
	return rand_r(&seed) % n;
}

bool chance(unsigned int percent)
{
	return pick(100) < percent;
}

static const char *pick_name(void)
{
	return names[pick(N_NAMES)];
}

/* One to own: those of the servers are theirs, so that calls get somewhere. */
static const char *pick_own_name(void)
{
	return self < FIRST_WORKER && chance(50) ? names[self - 1] :
						   names[2 + pick(5)];
}

__u64 new_cookie(void)
{
	return ((__u64)(self + 1) << 32) + __atomic_add_fetch(&counter, 1,
							       __ATOMIC_RELAXED);
}

void note(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* in one piece, since threads write too */
	fprintf(truth, "{%s}\n", line);
}

/* A line among the events, in the order of what happens. */
void mark(const char *fmt, ...)
{
	char line[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ASSERT_EQ(write(marker, line, n), n);
}

/*
 * Writes down that a command failed. That nothing was there to receive, and
 * signals, are no failures.
 */
static int tried(const struct peer *p, const char *cmd, int ret)
{
	if (ret < 0 && ret != -EAGAIN && ret != -EINTR)
		note("\"op\":\"refused\",\"conn\":%llu,\"cmd\":\"%s\",\"ret\":%d",
		     p->c.hello.id, cmd, ret);
	return ret;
}

/* ---- connections ------------------------------------------------------ */

void peer_open(struct peer *p)
{
	char path[128];
	int ret;

	kdbus_endpoint_path(path, sizeof(path), "0-" BUS,
			    boxed ? "box" : "bus");
	ret = kdbus_client_open(&p->c, path,
				chance(70) ? KDBUS_HELLO_ACCEPT_FD : 0,
				chance(30) ? KDBUS_ATTACH_NAMES |
					     KDBUS_ATTACH_TIMESTAMP : 0,
				POOL, "peer");
	if (ret)
		test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(-ret));
	p->n_held = 0;
	shared->ids[self][p - me] = p->c.hello.id;
	note("\"op\":\"open\",\"conn\":%llu,\"uid\":%u,\"pid\":%d,\"box\":%d",
	     p->c.hello.id, getuid(), getpid(), boxed);
}

void peer_close(struct peer *p)
{
	int ret;

	if (chance(20)) {
		ret = tried(p, "byebye", kdbus_client_byebye(&p->c));
		if (!ret)
			note("\"op\":\"byebye\",\"conn\":%llu", p->c.hello.id);
	}
	shared->ids[self][p - me] = 0;
	note("\"op\":\"close\",\"conn\":%llu", p->c.hello.id);
	kdbus_client_close(&p->c);
}

static void do_free(struct peer *p, __u64 offset)
{
	tried(p, "free", kdbus_client_free(&p->c, p->c.pool + offset));
}

static void free_one(struct peer *p)
{
	unsigned int i;

	if (!p->n_held)
		return;
	i = pick(p->n_held);
	do_free(p, p->held[i]);
	p->held[i] = p->held[--p->n_held];
}

/* Keeps a slice for a while, or gives it back. */
static void keep(struct peer *p, __u64 offset)
{
	if (chance(70) || p->n_held == MAX_HELD)
		do_free(p, offset);
	else
		p->held[p->n_held++] = offset;
}

/* ---- receiving -------------------------------------------------------- */

/* Bytes a message takes in the pool. */
static __u64 size_of(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;
	__u64 end = KDBUS_ALIGN8(msg->size);

	kdbus_for_each_msg_item(item, msg) {
		if (item->type != KDBUS_ITEM_PAYLOAD_OFF)
			continue;
		if (item->vec.offset == ~0ULL)
			end += item->vec.size % 8;
		else
			end = item->vec.offset + item->vec.size;
	}
	return KDBUS_ALIGN8(end);
}

/* The item of a notification, as JSON members. */
static void describe_notice(const struct kdbus_item *item, char *buf,
			    size_t size)
{
	const struct kdbus_notify_name_change *n = &item->name_change;

	switch (item->type) {
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		snprintf(buf, size, ",\"type\":%llu,\"id\":%llu", item->type,
			 item->id_change.id);
		return;
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		snprintf(buf, size,
			 ",\"type\":%llu,\"name\":\"%s\",\"old\":%llu,\"old_flags\":%llu,\"new\":%llu,\"new_flags\":%llu",
			 item->type, (const char *)(n + 1), n->old.id,
			 n->old.flags, n->new.id, n->new.flags);
		return;
	}
	snprintf(buf, size, ",\"type\":%llu", item->type);
}

void note_message(const struct peer *p, const char *op,
			 const struct kdbus_msg *msg)
{
	bool is_reply = !(msg->flags & KDBUS_MSG_FLAGS_EXPECT_REPLY);
	char notice[400] = "";

	if (msg->payload_type == KDBUS_PAYLOAD_KERNEL)
		describe_notice(msg->items, notice, sizeof(notice));
	note("\"op\":\"%s\",\"conn\":%llu,\"src\":%llu,\"cookie\":%llu,\"cookie_reply\":%llu,\"offset\":%lld,\"bytes\":%llu%s",
	     op, p->c.hello.id, msg->src_id, msg->cookie,
	     is_reply ? msg->cookie_reply : 0,
	     (long long)((const char *)msg - p->c.pool), size_of(msg), notice);
}

/* Looks at the next message and throws it away. */
static void drop_one(struct peer *p)
{
	const struct kdbus_msg *msg;

	if (tried(p, "msg_recv", kdbus_client_recv(&p->c, KDBUS_RECV_PEEK, 0,
						    &msg)))
		return;
	note_message(p, "peek", msg);
	if (chance(50)) {
		do_free(p, (const char *)msg - p->c.pool);
		return;
	}
	note_message(p, "drop", msg);
	do_free(p, (const char *)msg - p->c.pool);
	tried(p, "msg_recv", kdbus_client_recv(&p->c, KDBUS_RECV_DROP, 0,
					       NULL));
}

void send_note(const struct peer *p, const struct kdbus_builder *m,
		      const char *name, __u64 bytes, const char *memfd,
		      int n_fds, int ret)
{
	bool call = m->msg.flags & KDBUS_MSG_FLAGS_EXPECT_REPLY;

	note("\"op\":\"send\",\"conn\":%llu,\"cookie\":%llu,\"dst\":%lld,\"name\":\"%s\",\"bytes\":%llu,\"memfd\":\"%s\",\"fds\":%d,\"priority\":%lld,\"flags\":%llu,\"timeout\":%llu,\"cookie_reply\":%llu,\"ret\":%d",
	     p->c.hello.id, m->msg.cookie, (long long)m->msg.dst_id, name,
	     bytes, memfd, n_fds, m->msg.priority, m->msg.flags,
	     call ? m->msg.timeout_ns : 0, call ? 0 : m->msg.cookie_reply, ret);
	tried(p, "msg_send", ret);
}

/* Answers a request, most of the time and mostly well. */
static void answer(struct peer *p, const struct kdbus_msg *request)
{
	static const size_t sizes[] = { 0, 40, 3000, sizeof(data) };
	struct kdbus_builder m;
	size_t size;
	int ret;

	if (chance(12))
		return;
	size = chance(90) ? sizes[pick(3)] : sizes[3];
	kdbus_build_msg(&m, request->src_id, new_cookie());
	m.msg.cookie_reply = request->cookie;
	if (size)
		kdbus_build_vec(&m, chance(95) ? data : (void *)8, size);
	ret = kdbus_client_send(&p->c, &m);
	send_note(p, &m, "", size, "", 0, ret);
}

/* Returns whether there was something. */
static bool receive(struct peer *p)
{
	const struct kdbus_msg *msg;
	bool by_priority = chance(15);

	if (p->c.fd < 0)
		return false;
	if (chance(8)) {
		drop_one(p);
		return true;
	}
	if (tried(p, "msg_recv",
		  kdbus_client_recv(&p->c, by_priority ?
				    KDBUS_RECV_USE_PRIORITY : 0,
				    by_priority ? (int)pick(5) - 2 : 0, &msg)))
		return by_priority;
	note_message(p, "recv", msg);
	kdbus_msg_close_fds(msg);
	if (msg->flags & KDBUS_MSG_FLAGS_EXPECT_REPLY)
		answer(p, msg);
	keep(p, (const char *)msg - p->c.pool);
	return true;
}

/* ---- sending ---------------------------------------------------------- */

static int memfd_new(const struct peer *p, char *name, size_t size)
{
	struct kdbus_cmd_memfd_make *cmd;
	struct kdbus_builder k;

	snprintf(name, size, "m%d.%llu", self, counter);
	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	kdbus_build_string(&k, KDBUS_ITEM_MEMFD_NAME, name);
	ASSERT_OK(xioctl(p->c.fd, KDBUS_CMD_MEMFD_NEW, cmd));
	ASSERT_EQ(write(cmd->fd, data, 4096), 4096);
	ASSERT_OK(xioctl(cmd->fd, KDBUS_CMD_MEMFD_SEAL_SET, (void *)1));
	return cmd->fd;
}

static const char *address(struct kdbus_builder *m)
{
	const char *name = "";

	if (chance(55)) {
		name = pick_name();
		kdbus_build_msg(m, 0, new_cookie());
		kdbus_build_string(m, KDBUS_ITEM_DST_NAME, name);
		if (chance(10))
			m->msg.flags |= KDBUS_MSG_FLAGS_NO_AUTO_START;
	} else {
		__u64 id = chance(4) ? 99999 :
			   shared->ids[1 + pick(N_PROCS - 1)][pick(2)];

		kdbus_build_msg(m, id, new_cookie());
	}
	return name;
}

static size_t add_payload(struct kdbus_builder *m)
{
	static const size_t sizes[] = { 8, 100, 2900, 4096, 60000, 300000 };
	size_t size = sizes[pick(chance(85) ? 4 : 6)];

	kdbus_build_vec(m, chance(97) ? data : (void *)16, size);
	if (chance(10)) {
		kdbus_build_vec(m, NULL, 1001);
		return size + 1001;
	}
	return size;
}

static void do_send(struct peer *p)
{
	static const __u64 timeouts[] = { 1 * MSEC, LONGEST_TIMEOUT,
					  3600 * SEC };
	int fds[3] = { 0, 1, 2 }, n_fds = 0, fd = -1, ret;
	struct kdbus_builder m;
	const char *name = address(&m);
	char memfd[32] = "";
	__u64 bytes = 0;

	if (chance(90))
		bytes = add_payload(&m);
	if (chance(8)) {
		struct kdbus_memfd item = { .size = 4000 };

		fd = item.fd = memfd_new(p, memfd, sizeof(memfd));
		kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_MEMFD, &item,
				 sizeof(item));
		bytes += 4000;
	}
	if (chance(10)) {
		n_fds = 1 + pick(3);
		kdbus_build_fds(&m, fds, n_fds);
	}
	m.msg.priority = (int)pick(5) - 2;
	if (chance(35)) {
		m.msg.flags |= KDBUS_MSG_FLAGS_EXPECT_REPLY;
		m.msg.timeout_ns = timeouts[pick(3)];
	}
	ret = kdbus_client_send(&p->c, &m);
	send_note(p, &m, name, bytes, memfd, n_fds, ret);
	if (fd >= 0)
		close(fd);
}

static void do_broadcast(struct peer *p)
{
	struct {
		struct kdbus_bloom_filter filter;
		__u64 bits[8];
	} bloom = {};
	struct kdbus_builder m;
	__u64 bytes;
	int ret;

	kdbus_build_msg(&m, KDBUS_DST_ID_BROADCAST, new_cookie());
	kdbus_build_item(&m, KDBUS_ITEM_BLOOM_FILTER, &bloom, sizeof(bloom));
	bytes = add_payload(&m);
	ret = kdbus_client_send(&p->c, &m);
	send_note(p, &m, "", bytes, "", 0, ret);
}

/* ---- synchronous calls ------------------------------------------------ */

/**
 * struct call - a synchronous call of a thread of its own
 * @p:		who calls
 * @m:		the request
 * @name:	name it is addressed by, or ""
 * @again:	if a signal ends it, it is taken up again
 * @over:	eventfd for who waits for its end, or -1
 */
struct call {
	struct peer *p;
	struct kdbus_builder m;
	const char *name;
	bool again;
	int over;
};

static void *call_run(void *arg)
{
	struct call *call = arg;
	struct peer *p = call->p;
	__u64 timeout = call->m.msg.timeout_ns;
	int ret;

	ret = kdbus_client_send(&p->c, &call->m);
	if (ret == -EINTR && call->again)
		ret = kdbus_client_send(&p->c, &call->m);
	if (!ret) {
		__u64 offset = call->m.msg.offset_reply;

		note_message(p, "reply", (const void *)(p->c.pool + offset));
		do_free(p, offset);
	}
	call->m.msg.timeout_ns = timeout;
	send_note(p, &call->m, call->name, 8, "", 0, ret);
	if (call->over >= 0)
		ASSERT_OK(eventfd_write(call->over, 1));
	return NULL;
}

static void call_build(struct call *call, struct peer *p, __u64 dst,
		       const char *name, __u64 timeout_ns)
{
	call->p = p;
	call->name = name;
	call->again = false;
	call->over = -1;
	kdbus_build_msg(&call->m, dst, new_cookie());
	if (*name)
		kdbus_build_string(&call->m, KDBUS_ITEM_DST_NAME, name);
	make_sync(&call->m, timeout_ns);
	kdbus_build_vec(&call->m, data, 8);
}

/* Of a server, who may answer or not. */
static void do_call(struct peer *p)
{
	static const __u64 timeouts[] = { 1 * MSEC, 40 * MSEC,
					  LONGEST_TIMEOUT };
	struct call call;

	call_build(&call, p, 0, names[pick(2)], timeouts[pick(3)]);
	call_run(&call);
}

void on_signal(int sig)
{
	(void)sig;
}

/* The request of @call, once it is there; NULL if it has failed. */
static const struct kdbus_msg *await_request(struct peer *p,
					     const struct call *call)
{
	struct pollfd fds[] = {
		{ .fd = p->c.fd, .events = POLLIN },
		{ .fd = call->over, .events = POLLIN },
	};
	const struct kdbus_msg *msg;

	for (;;) {
		ASSERT(poll(fds, 2, -1) > 0);
		/* what comes first may be from somebody else */
		while (!kdbus_client_recv(&p->c, 0, 0, &msg)) {
			note_message(p, "recv", msg);
			kdbus_msg_close_fds(msg);
			if (msg->cookie == call->m.msg.cookie)
				return msg;
			do_free(p, (const char *)msg - p->c.pool);
		}
		if (fds[1].revents)
			return NULL;
	}
}

enum trouble { CANCEL, INTERRUPT, RESUME };

static void make_trouble(struct call *call, pthread_t t, struct peer *other,
			 const struct kdbus_msg *msg, enum trouble what)
{
	struct kdbus_builder m;

	if (what == CANCEL) {
		ASSERT_OK(kdbus_client_cancel(&call->p->c, msg->cookie));
		return;
	}
	pthread_kill(t, SIGUSR1);
	if (what == INTERRUPT)
		return;
	kdbus_build_msg(&m, msg->src_id, new_cookie());
	m.msg.cookie_reply = msg->cookie;
	send_note(other, &m, "", 0, "", 0,
		  kdbus_client_send(&other->c, &m));
}

/*
 * Of one's own other connection, so that it is known when the request is
 * there: then the call is cancelled, or interrupted and left or taken up.
 */
static void do_troubled_call(void)
{
	struct peer *p = &me[0], *other = &me[1];
	enum trouble what = pick(3);
	const struct kdbus_msg *msg;
	struct call call;
	pthread_t t;

	if (other->c.fd < 0 || boxed)
		return;
	call_build(&call, p, other->c.hello.id, "",
		   what == INTERRUPT ? LONGEST_TIMEOUT : 3600 * SEC);
	call.again = what == RESUME;
	call.over = eventfd(0, EFD_CLOEXEC);
	ASSERT(call.over >= 0);
	ASSERT_OK(pthread_create(&t, NULL, call_run, &call));
	msg = await_request(other, &call);
	if (msg)
		make_trouble(&call, t, other, msg, what);
	ASSERT_OK(pthread_join(t, NULL));
	if (msg)
		do_free(other, (const char *)msg - other->c.pool);
	close(call.over);
}

/* ---- names, matches and the rest -------------------------------------- */

void do_acquire(struct peer *p, const char *name, __u64 flags)
{
	int ret = kdbus_client_acquire(&p->c, name, flags);

	note("\"op\":\"acquire\",\"conn\":%llu,\"name\":\"%s\",\"flags\":%llu,\"ret\":%d",
	     p->c.hello.id, name, flags, ret);
	tried(p, "name_acquire", ret);
}

static void do_release(struct peer *p)
{
	const char *name = pick_name();
	int ret = kdbus_client_release(&p->c, name);

	note("\"op\":\"release\",\"conn\":%llu,\"name\":\"%s\",\"ret\":%d",
	     p->c.hello.id, name, ret);
	tried(p, "name_release", ret);
}

static void do_match_add(struct peer *p)
{
	__u64 cookie = 1 + pick(3), id = shared->ids[1 + pick(N_PROCS - 1)][0];
	struct kdbus_cmd_match *cmd;
	struct kdbus_builder k;
	const char *name = "";
	int ret;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	cmd->cookie = cookie;
	if (chance(60)) {
		kdbus_build_item(&k, KDBUS_ITEM_ID, &id, sizeof(id));
	} else {
		id = 0;
		name = chance(50) ? pick_name() : "";
		if (*name)
			kdbus_build_string(&k, KDBUS_ITEM_NAME, name);
	}
	ret = tried(p, "match_add", xioctl(p->c.fd, KDBUS_CMD_MATCH_ADD, cmd));
	if (!ret)
		note("\"op\":\"match_add\",\"conn\":%llu,\"cookie\":%llu,\"bytes\":%llu,\"src\":%llu,\"name\":\"%s\"",
		     p->c.hello.id, cookie, cmd->size - sizeof(*cmd), id, name);
}

static void do_match_remove(struct peer *p)
{
	struct kdbus_cmd_match cmd = { .size = sizeof(cmd),
				       .cookie = 1 + pick(3) };

	if (!tried(p, "match_remove",
		   xioctl(p->c.fd, KDBUS_CMD_MATCH_REMOVE, &cmd)))
		note("\"op\":\"match_remove\",\"conn\":%llu,\"cookie\":%llu",
		     p->c.hello.id, cmd.cookie);
}

/* Who owns a name at some moment between the two marks. */
static void do_info(struct peer *p)
{
	const char *name = pick_name();
	struct kdbus_cmd_conn_info *cmd;
	struct kdbus_builder k;
	__u64 n = new_cookie();
	int ret;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	strcpy(k.buf + sizeof(*cmd), name);
	cmd->size += strlen(name) + 1;
	mark("info %llu begins", n);
	ret = tried(p, "conn_info", xioctl(p->c.fd, KDBUS_CMD_CONN_INFO, cmd));
	mark("info %llu ends", n);
	note("\"op\":\"info\",\"conn\":%llu,\"n\":%llu,\"name\":\"%s\",\"ret\":%d,\"owner\":%llu",
	     p->c.hello.id, n, name, ret, ret ? 0 :
	     ((struct kdbus_conn_info *)(p->c.pool + cmd->offset))->id);
	if (!ret)
		keep(p, cmd->offset);
}

static void do_update(struct peer *p)
{
	__u64 flags = pick(16);
	struct kdbus_cmd_update *cmd;
	struct kdbus_builder k;

	cmd = kdbus_build_cmd(&k, sizeof(*cmd));
	kdbus_build_item(&k, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	ASSERT_OK(xioctl(p->c.fd, KDBUS_CMD_CONN_UPDATE, cmd));
	note("\"op\":\"update\",\"conn\":%llu,\"flags\":%llu", p->c.hello.id,
	     flags);
}

/* Things that no connection may do. */
static void do_nonsense(struct peer *p)
{
	static const struct {
		const char *name;
		unsigned long cmd;
	} cmds[] = {
		{ "hello", KDBUS_CMD_HELLO }, { "free", KDBUS_CMD_FREE },
		{ "msg_recv", KDBUS_CMD_MSG_RECV },
		{ "msg_cancel", KDBUS_CMD_MSG_CANCEL },
		{ "name_list", KDBUS_CMD_NAME_LIST },
		{ "match_add", KDBUS_CMD_MATCH_ADD },
		{ "ep_update", KDBUS_CMD_EP_UPDATE },
	};
	unsigned int i = pick(sizeof(cmds) / sizeof(*cmds));

	tried(p, cmds[i].name, xioctl(p->c.fd, cmds[i].cmd, NULL));
}

static void do_reopen(struct peer *p)
{
	if (p->c.fd >= 0)
		peer_close(p);
	peer_open(p);
}

static void do_something(struct peer *p)
{
	unsigned int n = pick(100);

	if (p->c.fd < 0)
		peer_open(p);
	else if (n < 28)
		do_send(p);
	else if (n < 33)
		do_broadcast(p);
	else if (n < 42)
		do_acquire(p, pick_own_name(), pick(8));
	else if (n < 48)
		do_release(p);
	else if (n < 53)
		do_match_add(p);
	else if (n < 56)
		do_match_remove(p);
	else if (n < 61)
		do_info(p);
	else if (n < 63)
		do_update(p);
	else if (n < 66)
		do_nonsense(p);
	else if (n < 69)
		do_reopen(p == &me[1] || chance(30) ? p : &me[1]);
	else if (n < 74)
		free_one(p);
	else
		receive(p);
}

void work(void)
{
	int i;

	for (i = 0; i < OPS; i++) {
		struct peer *p = &me[chance(25)];

		if (chance(7) && me[0].c.fd >= 0)
			do_call(&me[0]);
		else if (chance(4) && me[0].c.fd >= 0)
			do_troubled_call();
		else
			do_something(p);
	}
	if (!__atomic_sub_fetch(&shared->working, 1, __ATOMIC_SEQ_CST))
		ASSERT_OK(eventfd_write(round_over, N_PROCS));
}

void serve(void)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = me[0].c.fd, .events = POLLIN },
			{ .fd = me[1].c.fd, .events = POLLIN },
			{ .fd = round_over, .events = POLLIN },
		};

		ASSERT(poll(p, 3, -1) > 0);
		if (p[2].revents)
			return;
		receive(&me[0]);
		receive(&me[1]);
		if (chance(25))
			do_something(&me[chance(50)]);
	}
}
