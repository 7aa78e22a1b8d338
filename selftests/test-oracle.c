// SPDX-License-Identifier: GPL-2.0
/*
 * Everybody does everything at once, and afterwards it is known what has to
 * have happened. Peers of several uids, each a process, send messages,
 * broadcasts and requests to each other at random, answer some, take names
 * from each other, and note what they were told; what they send carries a
 * number. When all has come to rest, everything sent has arrived once and in
 * order or its loss was counted, each request had one outcome, nothing is
 * charged to anybody, and the trace events say the same.
 */
#include "tracelog.h"

#define PEERS 20
#define UIDS 4
/* as many as the trace has room for */
#define STEPS 160

enum kind { SIGNAL, BROADCAST, REQUEST, CALL, REPLY, KINDS };

/* What comes with each message. */
struct payload {
	__u32 kind, from;
	__u64 number;
};

enum outcome { NONE, ANSWERED, ENDED, ENDED_ANSWERED_LATE };

/**
 * struct peer - what a peer was told, written by it alone
 * @id:		its connection
 * @sent:	numbers given to messages to each other peer
 * @got:	the last number that came from each
 * @cast:	broadcasts it sent
 * @heard:	broadcasts it got of each
 * @last_heard:	the last of them
 * @accepted:	messages of each kind that were accepted
 * @received:	messages of each kind that were received
 * @asked:	requests it made; their cookies are 1 to @asked
 * @outcome:	what became of each
 */
struct peer {
	__u64 id;
	__u64 sent[PEERS], got[PEERS];
	__u64 cast, heard[PEERS], last_heard[PEERS];
	unsigned int accepted[KINDS], received[KINDS];
	unsigned int asked;
	enum outcome outcome[STEPS + 1];
};

static struct world {
	pthread_barrier_t barrier;
	struct peer peers[PEERS];
} *world;

static struct bus bus;
/* this process's */
static struct kdbus_client me;
static struct peer *self;
static unsigned int seed;

static unsigned int any(unsigned int below)
{
	return rand_r(&seed) % below;
}

/* A message is accepted, or there is no room or share left for it. */
static void expect_sent(int ret)
{
	if (ret != -ENOBUFS && ret != -EXFULL && ret != -EMLINK)
		ASSERT_OK(ret);
}

/* ---- receiving ---------------------------------------------------------- */

/* A reply in time is the only outcome; a late one comes after the notice. */
static void answered(__u64 cookie)
{
	enum outcome *o = &self->outcome[cookie];

	ASSERT(cookie && cookie <= self->asked);
	ASSERT(*o == NONE || *o == ENDED);
	*o = *o == NONE ? ANSWERED : ENDED_ANSWERED_LATE;
}

static void ended(__u64 cookie)
{
	ASSERT(cookie && cookie <= self->asked);
	ASSERT_EQ(self->outcome[cookie], NONE);
	self->outcome[cookie] = ENDED;
}

static void arrived(const struct kdbus_msg *msg, struct payload *p)
{
	ASSERT_EQ(kdbus_msg_payload(msg, p, sizeof(*p)), sizeof(*p));
	ASSERT(p->from < PEERS && p->kind < KINDS);
	ASSERT_EQ(msg->src_id, world->peers[p->from].id);
	self->received[p->kind]++;
	if (p->kind == REPLY) {
		answered(msg->cookie_reply);
	} else if (p->kind == BROADCAST) {
		ASSERT(p->number > self->last_heard[p->from]);
		self->last_heard[p->from] = p->number;
		self->heard[p->from]++;
	} else {
		ASSERT_EQ(p->number, ++self->got[p->from]);
	}
}

/* Where there is no room for the reply, the requester is told that. */
static void answer(const struct kdbus_msg *msg)
{
	struct payload p = { .kind = REPLY, .from = self - world->peers };
	int ret = kdbus_client_reply(&me, msg, &p, sizeof(p));

	expect_sent(ret);
	self->accepted[REPLY] += !ret;
}

/* Takes the next message, if there is one, and answers some of the requests. */
static int take(void)
{
	const struct kdbus_msg *msg;
	struct payload p;
	int ret = kdbus_client_recv(&me, 0, 0, &msg);

	if (ret == -EAGAIN)
		return 0;
	if (ret == -ENOBUFS) {
		/* news of a name that finds no room; that of calls has its own */
		ASSERT_OK(kdbus_client_recv(&me, KDBUS_RECV_DROP, 0, NULL));
		return 1;
	}
	ASSERT_OK(ret);
	if (msg->src_id == KDBUS_SRC_ID_KERNEL) {
		if (msg->cookie_reply)
			ended(msg->cookie_reply);
	} else {
		arrived(msg, &p);
		if ((p.kind == REQUEST || p.kind == CALL) && any(4))
			answer(msg);
	}
	ASSERT_OK(kdbus_client_free(&me, msg));
	return 1;
}

/* ---- sending ------------------------------------------------------------ */

static struct kdbus_builder m;
static struct payload payload;

static void build(enum kind kind, unsigned int to)
{
	payload.kind = kind;
	payload.from = self - world->peers;
	payload.number = self->sent[to] + 1;
	kdbus_build_msg(&m, world->peers[to].id, 0);
	kdbus_build_vec(&m, &payload, sizeof(payload));
}

static void tell(unsigned int to)
{
	int ret;

	build(SIGNAL, to);
	ret = kdbus_client_send(&me, &m);
	expect_sent(ret);
	self->sent[to] += !ret;
	self->accepted[SIGNAL] += !ret;
}

static void tell_all(void)
{
	payload = (struct payload){ BROADCAST, self - world->peers,
				    self->cast + 1 };
	build_broadcast(&m, 1);
	kdbus_build_vec(&m, &payload, sizeof(payload));
	ASSERT_OK(kdbus_client_send(&me, &m));
	self->cast++;
	self->accepted[BROADCAST]++;
}

static void ask(unsigned int to)
{
	int ret;

	build(REQUEST, to);
	m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	m.msg.timeout_ns = SOON(1 + any(200));
	m.msg.cookie = self->asked + 1;
	ret = kdbus_client_send(&me, &m);
	expect_sent(ret);
	self->asked += !ret;
	self->sent[to] += !ret;
	self->accepted[REQUEST] += !ret;
}

static void call(unsigned int to)
{
	const struct kdbus_msg *reply;
	struct payload p;
	int ret;

	build(CALL, to);
	m.msg.cookie = ++self->asked;
	ret = kdbus_client_call(&me, &m, SOON(1 + any(20)), &reply);
	if (ret == 0) {
		arrived(reply, &p);
		ASSERT_EQ(p.kind, REPLY);
		ASSERT_OK(kdbus_client_free(&me, reply));
	} else if (ret == -ETIMEDOUT || ret == -EPIPE) {
		ended(self->asked);
	} else {
		expect_sent(ret);
		self->asked--;
		return;
	}
	self->sent[to]++;
	self->accepted[CALL]++;
}

static void fight(void)
{
	char name[] = "o.a";
	int ret;

	name[2] += any(5);
	if (any(3)) {
		ret = kdbus_client_acquire(&me, name,
					   KDBUS_NAME_ALLOW_REPLACEMENT |
					   (any(2) ? KDBUS_NAME_QUEUE : 0) |
					   (any(2) ? KDBUS_NAME_REPLACE_EXISTING
						   : 0));
		ASSERT(ret == 0 || ret == 1 || ret == -EEXIST ||
		       ret == -EALREADY);
	} else {
		ret = kdbus_client_release(&me, name);
		ASSERT(ret == 0 || ret == -ESRCH || ret == -EADDRINUSE);
	}
}

static void step(void)
{
	unsigned int to = any(PEERS);

	switch (any(16)) {
	case 0:
		tell_all();
		break;
	case 1 ... 4:
		tell(to);
		break;
	case 5 ... 6:
		ask(to);
		break;
	case 7:
		if (&world->peers[to] != self)
			call(to);
		break;
	case 8:
		fight();
		break;
	default:
		take();
	}
}

static bool is_owed_something(void)
{
	unsigned int i;

	for (i = 1; i <= self->asked; i++)
		if (self->outcome[i] == NONE)
			return true;
	return false;
}

static void meet(void)
{
	pthread_barrier_wait(&world->barrier);
}

static void live(void *arg)
{
	int i;

	self = arg;
	seed = self - world->peers;
	/* half of them have little room, so that something is lost */
	client_new_pool(&me, &bus, seed % 2 ? 8192 : 1 << 20);
	self->id = me.hello.id;
	hear_all(&me, 1);
	meet();
	for (i = 0; i < STEPS; i++)
		step();
	/* nobody asks any more: what is owed comes, or ends with its deadline */
	meet();
	while (is_owed_something()) {
		kdbus_client_wait(&me, 20);
		while (take())
			;
	}
	/* nobody answers any more either: only what is there already comes */
	meet();
	while (take())
		;
	meet();
	/* the books are looked at while all are there */
	meet();
	kdbus_client_close(&me);
}

static void live_as_someone(void *arg)
{
	become(1000 + ((struct peer *)arg - world->peers) % UIDS);
	live(arg);
}

/* ---- what has to have happened ------------------------------------------ */

static unsigned int accepted(enum kind kind)
{
	unsigned int i, sum = 0;

	for (i = 0; i < PEERS; i++)
		sum += world->peers[i].accepted[kind];
	return sum;
}

static unsigned int received(enum kind kind)
{
	unsigned int i, sum = 0;

	for (i = 0; i < PEERS; i++)
		sum += world->peers[i].received[kind];
	return sum;
}

static void check_peers(void)
{
	unsigned int i, j;

	for (i = 0; i < PEERS; i++)
		for (j = 0; j < PEERS; j++)
			ASSERT_EQ(world->peers[i].got[j],
				  world->peers[j].sent[i]);
}

static void check_charges(void)
{
	static const char * const none[] = {
		"pool_used", "queued", "calls_out", "calls_in",
	};
	unsigned int i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ASSERT_EQ(listed("connections", &bus, 0, none[i]), 0);
	/* no account is left, or all are at nought */
	ASSERT(listed("accounts", &bus, 0, "bytes") <= 0);
	ASSERT(listed("accounts", &bus, 0, "msgs") <= 0);
	ASSERT_EQ(listed("calls", &bus, 0, "sync"), -1);
}

/* Broadcasts that did not reach one of the receivers. */
static unsigned int lost(void)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < n_events; i++)
		n += is(&events[i], "msg_drop") && num(&events[i], "src") &&
		     !strcmp(text_of(&events[i], "reason"), "undelivered");
	return n;
}

static void check_trace(void)
{
	unsigned int calls = accepted(REQUEST) + accepted(CALL);

	printf("# %u signals, %u requests, %u calls, %u replies\n",
	       accepted(SIGNAL), accepted(REQUEST), accepted(CALL),
	       accepted(REPLY));
	printf("# %u broadcasts heard %u times, lost %u times\n",
	       accepted(BROADCAST), received(BROADCAST), lost());
	ASSERT_EQ(received(REPLY), accepted(REPLY));
	ASSERT_EQ(received(BROADCAST) + lost(),
		  (PEERS - 1) * accepted(BROADCAST));
	ASSERT_EQ(count_with("msg_send", "ret", 0), calls + accepted(SIGNAL) +
		  accepted(BROADCAST) + accepted(REPLY));
	ASSERT_EQ(count("call_start"), calls);
	ASSERT_EQ(count("call_end"), calls);
	trace_account_for_messages();
	trace_account_for_pools();
}

/* spec 22.1, 9.9 */
TEST(what_was_done_adds_up)
{
	pthread_barrierattr_t attr;
	pid_t pids[PEERS];
	int i;

	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(world != MAP_FAILED);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	ASSERT_OK(pthread_barrier_init(&world->barrier, &attr, PEERS + 1));

	trace_start();
	bus_new(&bus);
	for (i = 0; i < PEERS; i++)
		pids[i] = spawn(live_as_someone, &world->peers[i]);
	for (i = 0; i < 4; i++)
		meet();
	check_peers();
	check_charges();
	meet();
	for (i = 0; i < PEERS; i++)
		wait_for(pids[i]);
	trace_stop();
	check_trace();
}
