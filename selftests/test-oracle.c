// SPDX-License-Identifier: GPL-2.0
/*
 * Everybody does everything at once for some seconds, and afterwards it is
 * known what has to have happened. Peers of several uids, each a process, send
 * messages, broadcasts, requests and synchronous calls, with and without files,
 * to each other and to names, answer some, cancel and interrupt calls, take
 * names from each other, look at messages and drop them, change matches and
 * metadata, end their connections in each way and come back. What they send
 * carries its sender and a number, and all they did and were told is in their
 * books (oracle.h). They list who is there, ask about each other, and give what
 * they received back in another order. A monitor watches. This goes on for some
 * seconds, and longer if one of the things that are to happen has not.
 *
 * When all has come to rest, the books of each agree with those of the others:
 * what one sent the other has got once and in order; a reply is an answer to
 * what its sender was asked, and each request has one outcome; a broadcast was
 * heard by each or lost for it. The monitor was shown all of it. Nothing is
 * charged to anybody. And the trace events tell the same story, event by event
 * (oracle-trace.c).
 *
 * Not in it: activators, for the first one on a bus has a policy rule it, under
 * which these uids could not talk to each other, and what moves with a name
 * comes out of its sender's order; RECV by priority, which is meant to break
 * the order; SA_RESTART, after which nobody knows what has happened; custom
 * endpoints, on which there is policy, and whose peers see only some others.
 * Order is that of the messages of one thread.
 */
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "oracle.h"
#include "tracelog.h"

struct world *world;
struct bus bus;

static pid_t pids[PEERS];
/* who has come to a meeting is counted, and goes on when told to */
static int comes[MEETINGS], goes[MEETINGS];

/* ---- processes ---------------------------------------------------------- */

void meet(enum meeting m)
{
	__u64 one = 1;

	ASSERT_EQ(write(comes[m], &one, sizeof(one)), sizeof(one));
	ASSERT_EQ(read(goes[m], &one, sizeof(one)), sizeof(one));
}

static void let_go(enum meeting m)
{
	__u64 all = PEERS;

	ASSERT_EQ(write(goes[m], &all, sizeof(all)), sizeof(all));
}

static void start_peer(unsigned int peer)
{
	pids[peer] = spawn(oracle_live, (void *)(unsigned long)peer);
}

static pid_t start_monitor(void)
{
	pid_t pid = spawn(oracle_watch, NULL);

	while (!__atomic_load_n(&world->lives[MONITOR].there, __ATOMIC_SEQ_CST))
		usleep(1000);
	return pid;
}

static void end_monitor(pid_t pid)
{
	__atomic_store_n(&world->over, true, __ATOMIC_SEQ_CST);
	wait_for(pid);
}

/* Nobody ends now but those who kill themselves, and they come back. */
static void reap(void)
{
	unsigned int peer = 0;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		while (pids[peer] != pid)
			ASSERT(++peer < PEERS);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL ||
		    world->lives[world->now[peer]].end != WAS_KILLED)
			test_fail(__FILE__, __LINE__, "peer %u: status 0x%x",
				  peer, status);
		__atomic_store_n(&world->lives[world->now[peer]].gone, true,
				 __ATOMIC_SEQ_CST);
		start_peer(peer);
		peer = 0;
	}
}

/* Waits until all have come to a meeting. */
static void gather(int signals, enum meeting m)
{
	struct pollfd fds[] = {
		{ .fd = comes[m], .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	__u64 n, sum = 0;

	while (sum < PEERS) {
		ASSERT(poll(fds, 2, -1) > 0);
		if (fds[1].revents) {
			ASSERT(read(signals, &info, sizeof(info)) > 0);
			reap();
		}
		if (fds[0].revents) {
			ASSERT_EQ(read(comes[m], &n, sizeof(n)), sizeof(n));
			sum += n;
		}
	}
}

static int hear_of_children(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	ASSERT_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

static void make_world(void)
{
	int i;

	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT(world != MAP_FAILED);
	for (i = 0; i < MEETINGS; i++) {
		comes[i] = eventfd(0, EFD_CLOEXEC);
		goes[i] = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
		ASSERT(comes[i] >= 0 && goes[i] >= 0);
	}
}

/* ---- the books ---------------------------------------------------------- */

struct sent *oracle_sent(unsigned int life, __u64 cookie)
{
	unsigned int stream = STREAM_OF(cookie);

	ASSERT(life < world->n_lives && cookie >= COOKIE(MAIN, 0));
	ASSERT(NUMBER_OF(cookie) < world->lives[life].n_sent[stream]);
	return &world->lives[life].sent[stream][NUMBER_OF(cookie)];
}

/* No ids but those of lives were given out. */
static unsigned int lives_by_id[MAX_LIVES + 1];

static void list_lives(void)
{
	unsigned int i;
	__u64 id;

	for (i = 0; i < world->n_lives; i++) {
		id = world->lives[i].id;
		ASSERT(id && id <= MAX_LIVES && !lives_by_id[id]);
		lives_by_id[id] = i + 1;
	}
}

unsigned int oracle_life(__u64 id)
{
	if (!id || id > MAX_LIVES || !lives_by_id[id])
		test_fail(__FILE__, __LINE__, "nobody had the id %llu", id);
	return lives_by_id[id] - 1;
}

/* Calls @fn for everything that was sent. */
static void for_all_sent(void (*fn)(unsigned int life, __u64 cookie,
				    struct sent *s))
{
	unsigned int i, stream, n;

	for (i = 0; i < world->n_lives; i++)
		for (stream = MAIN; stream < STREAMS; stream++)
			for (n = 0; n < world->lives[i].n_sent[stream]; n++)
				fn(i, COOKIE(stream, n),
				   &world->lives[i].sent[stream][n]);
}

static bool asks(const struct sent *s)
{
	return s->kind == REQUEST || s->kind == CALL;
}

/* Who got what, in the order of each sender's thread. */
static void enter_got(unsigned int life)
{
	unsigned int last[MAX_LIVES][STREAMS] = {};
	const struct life *l = &world->lives[life];
	unsigned int i;

	for (i = 0; i < l->n_got; i++) {
		const struct got *g = &l->got[i];
		struct sent *s;

		if (g->kind == NOTICE)
			continue;
		s = oracle_sent(g->from, g->cookie);
		ASSERT(s->kind == g->kind && s->name == g->name);
		ASSERT(s->ret == 0 || s->ret == UNKNOWN);
		ASSERT(s->name || s->kind == BROADCAST || s->to == life ||
		       l->watches);
		ASSERT(NUMBER_OF(g->cookie) + 1 >
		       last[g->from][STREAM_OF(g->cookie)]);
		last[g->from][STREAM_OF(g->cookie)] = NUMBER_OF(g->cookie) + 1;
		if (l->watches) {
			s->shown++;
			continue;
		}
		if (s->name)
			s->to = life;
		s->got++;
		s->dropped += g->dropped;
	}
}

/* A reply is one to a request that its sender got, and the only one. */
static void enter_reply(unsigned int life, __u64 cookie, struct sent *s)
{
	struct sent *request;

	(void)cookie;
	if (s->kind != REPLY)
		return;
	request = oracle_sent(s->to, s->answers);
	ASSERT(asks(request) && request->to == life && request->got == 1);
	request->replied += !s->ret;
	request->unreplied += !!s->ret;
	ASSERT_EQ(request->replied + request->unreplied, 1);
}

/* What ended a request is the reply of whom it was sent to. */
static void enter_answer(unsigned int life, __u64 cookie, struct sent *s)
{
	struct sent *reply;

	if (!asks(s) || s->outcome != ANSWERED)
		return;
	ASSERT_EQ(s->reply_from, s->to);
	reply = oracle_sent(s->reply_from, s->reply);
	ASSERT(reply->kind == REPLY && reply->to == life && !reply->ret);
	ASSERT_EQ(reply->answers, cookie);
	/* that of a call was in no queue */
	reply->got += s->kind == CALL;
}

static void check_outcome(unsigned int life, __u64 cookie, struct sent *s)
{
	const struct life *l = &world->lives[life];

	(void)cookie;
	if (!asks(s))
		return;
	if (!s->ret && l->stayed)
		ASSERT(s->outcome != NONE && s->outcome != RESET);
	if (s->ret)
		ASSERT(s->outcome == NONE || s->outcome == RESET ||
		       s->outcome == GAVE_UP);
	if (s->outcome == CANCELLED)
		ASSERT(s->cancelled);
	if (s->cancelled)
		ASSERT(s->outcome == CANCELLED || s->outcome == GAVE_UP ||
		       !l->stayed);
	if (s->late)
		ASSERT(s->outcome == TIMEOUT || s->outcome == CANCELLED ||
		       s->outcome == GAVE_UP || !l->stayed);
}

/* Whether the answer to a call may have been for nobody any more. */
static bool may_be_late(const struct sent *s)
{
	return s->kind == REPLY && oracle_sent(s->to, s->answers)->woken;
}

/* What was accepted came once, unless its receiver has gone before. */
static void check_delivered(unsigned int life, __u64 cookie, struct sent *s)
{
	if (s->kind == BROADCAST)
		return;
	if (s->got > 1 || (!s->got && !s->ret && !may_be_late(s) &&
			   world->lives[s->to].stayed))
		test_fail(__FILE__, __LINE__,
			  "message %llu of %u came %u times to %u", cookie,
			  life, s->got, s->to);
	ASSERT(!s->got || !s->ret);
}

static bool has_no_edges(unsigned int life)
{
	const struct life *l = &world->lives[life];

	return l->first && l->stayed && !l->watches;
}

static unsigned int heard(unsigned int to, unsigned int from)
{
	const struct life *l = &world->lives[to];
	unsigned int i, n = 0;

	for (i = 0; i < l->n_got; i++)
		n += l->got[i].kind == BROADCAST && l->got[i].from == from;
	return n;
}

static unsigned int cast(unsigned int life)
{
	const struct life *l = &world->lives[life];
	unsigned int i, n = 0;

	for (i = 0; i < l->n_sent[MAIN]; i++)
		n += l->sent[MAIN][i].kind == BROADCAST;
	return n;
}

/* Who was always there has heard all broadcasts of each, or it is known. */
static void check_broadcasts(void)
{
	unsigned int to, from, lost = 0;

	for (to = 0; to < world->n_lives; to++) {
		if (!has_no_edges(to))
			continue;
		for (from = 0; from < world->n_lives; from++) {
			if (from != to)
				ASSERT_EQ(heard(to, from) +
					  oracle_lost(to, from), cast(from));
			lost += oracle_lost(to, from);
		}
	}
	printf("# broadcasts lost for those who stayed: %u\n", lost);
}

static unsigned int accepted[MAX_LIVES], shown[MAX_LIVES];

static void count_shown(unsigned int life, __u64 cookie, struct sent *s)
{
	(void)cookie;
	ASSERT(s->shown <= !s->ret);
	accepted[life] += !s->ret;
	shown[life] += s->shown;
}

/* The monitor was shown all that was accepted, or it is known. */
static void check_monitor(void)
{
	unsigned int i, sum = 0, lost = 0;

	for_all_sent(count_shown);
	for (i = 0; i < world->n_lives; i++) {
		ASSERT_EQ(shown[i] + oracle_lost(MONITOR, i), accepted[i]);
		sum += shown[i];
		lost += oracle_lost(MONITOR, i);
	}
	printf("# shown to the monitor: %u, lost for it: %u\n", sum, lost);
	ASSERT(sum > lost);
}

/* ---- the end ------------------------------------------------------------ */

static void check_charges(void)
{
	static const char * const none[] = { "queued", "calls_in" };
	unsigned int i;

	/* a call that was interrupted and left ends with its deadline */
	wait_listed("connections", &bus, 0, "calls_out", 0);
	wait_listed("connections", &bus, 0, "pool_used", 0);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ASSERT_EQ(listed("connections", &bus, 0, none[i]), 0);
	/* no account is left, or all are at nought */
	ASSERT(listed("accounts", &bus, 0, "bytes") <= 0);
	ASSERT(listed("accounts", &bus, 0, "msgs") <= 0);
	ASSERT(listed("accounts", &bus, 0, "fds") <= 0);
	ASSERT_EQ(listed("calls", &bus, 0, "sync"), -1);
	for (i = 0; i < UIDS; i++)
		ASSERT_EQ(listed_user(1000 + i, "files"), 0);
}

static void check_users(void)
{
	unsigned int i;

	for (i = 0; i < UIDS; i++) {
		ASSERT_EQ(listed_user(1000 + i, "conns"), 0);
		ASSERT_EQ(listed_user(1000 + i, "match_bytes"), 0);
		ASSERT_EQ(listed_user(1000 + i, "names"), 0);
	}
}

static unsigned int numbers[KINDS], refused, outcomes[RESET + 1], late;

static void count_sent(unsigned int life, __u64 cookie, struct sent *s)
{
	(void)life;
	(void)cookie;
	numbers[s->kind] += !s->ret;
	refused += !!s->ret;
	if (asks(s) && (!s->ret || s->outcome != NONE))
		outcomes[s->outcome]++;
	late += s->late;
}

static void print_numbers(void)
{
	unsigned int i, steps = 0, ends[WAS_KILLED + 1] = {}, got = 0;

	for_all_sent(count_sent);
	for (i = 0; i < PEERS; i++)
		steps += world->steps[i];
	for (i = 0; i < world->n_lives; i++) {
		ends[world->lives[i].end] += !world->lives[i].stayed;
		got += world->lives[i].n_got;
	}
	printf("# %u steps, %zu events; received %u\n", steps, n_events, got);
	printf("# sent: %u signals, %u broadcasts, %u requests, %u calls, %u replies; refused %u\n",
	       numbers[SIGNAL], numbers[BROADCAST], numbers[REQUEST],
	       numbers[CALL], numbers[REPLY], refused);
	printf("# ends of requests: %u answered, %u (%u of them late) timeout, %u dead, %u cancelled, %u left, %u reset, %u not told\n",
	       outcomes[ANSWERED], outcomes[TIMEOUT], late, outcomes[DEAD],
	       outcomes[CANCELLED], outcomes[GAVE_UP], outcomes[RESET],
	       outcomes[NONE]);
	printf("# ends of connections: %u closed, %u by BYEBYE, %u killed\n",
	       ends[CLOSED], ends[SAID_BYEBYE], ends[WAS_KILLED]);
}

static void check_books(void)
{
	unsigned int i;

	list_lives();
	for (i = 0; i < world->n_lives; i++)
		enter_got(i);
	for_all_sent(enter_reply);
	oracle_compare_trace();
	for_all_sent(enter_answer);
	for_all_sent(check_outcome);
	for_all_sent(check_delivered);
	check_broadcasts();
	check_monitor();
}

static void check_things(void)
{
	static const char * const texts[THINGS] = {
		[ANSWERED] = "answered", [TIMEOUT] = "timeout",
		[DEAD] = "dead", [CANCELLED] = "cancelled",
		[GAVE_UP] = "left", [RESET] = "reset",
		[AN_END + CLOSED] = "closed",
		[AN_END + SAID_BYEBYE] = "BYEBYE",
		[AN_END + WAS_KILLED] = "killed", [LATE] = "late answers",
		[RESUMED] = "ended after a signal", [A_FILE] = "files",
		[A_MEMFD] = "memfds", [PEEKED] = "peeked",
		[DROPPED] = "dropped", [REFUSED] = "refused",
		[OWNER_CHANGED] = "told of an owner", [LISTED] = "lists",
		[INFORMED] = "infos", [NOBODY_THERE] = "infos of nobody",
		[FREED_OUT_OF_ORDER] = "freed out of order",
	};
	unsigned int i;

	for (i = NONE + 1; i < THINGS; i++)
		printf("# %s: %u\n", texts[i], world->seen[i]);
	for (i = NONE + 1; i < THINGS; i++)
		if (!world->seen[i])
			test_fail(__FILE__, __LINE__, "none: %s", texts[i]);
}

/* Without these there was nothing to be known. */
static void check_numbers(void)
{
	unsigned int i, to, from, lost = 0;

	print_numbers();
	check_things();
	for (i = SIGNAL; i < NOTICE; i++)
		ASSERT(numbers[i]);
	for (i = NONE + 1; i <= RESET; i++)
		ASSERT(outcomes[i]);
	ASSERT(refused);
	for (to = 0; to < world->n_lives; to++)
		for (from = 0; from < world->n_lives; from++)
			lost += oracle_lost(to, from);
	printf("# broadcasts lost: %u\n", lost);
	ASSERT(lost);
}

/* spec 22.1, 22.2, 8.8, 9.9, 10.3, 10.5, 13.6, 17.7, 19.2 */
TEST(what_was_done_adds_up)
{
	int signals = hear_of_children();
	unsigned int i;
	pid_t monitor;

	make_world();
	trace_start_in(65536);
	bus_new(&bus);
	monitor = start_monitor();
	for (i = 0; i < PEERS; i++)
		start_peer(i);
	gather(signals, ALL_THERE);
	world->began = now_ns();
	let_go(ALL_THERE);
	gather(signals, ALL_DONE);
	let_go(ALL_DONE);
	gather(signals, NOTHING_OWED);
	let_go(NOTHING_OWED);
	gather(signals, NOTHING_QUEUED);
	end_monitor(monitor);
	check_charges();
	let_go(NOTHING_QUEUED);
	for (i = 0; i < PEERS; i++)
		wait_for(pids[i]);
	check_users();
	trace_stop();
	check_books();
	check_numbers();
	trace_account_for_messages();
	trace_account_for_pools();
}
