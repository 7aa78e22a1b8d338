// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events of the oracle, one after the other, beside its books; see
 * oracle.h. Each event has to be in the books, in the order in which it
 * happened to whom it happened; what is in the books and not in an event is
 * found afterwards.
 */
#include "oracle.h"
#include "tracelog.h"

#define WORDS ((MAX_LIVES + 63) / 64)

/**
 * struct message - a message, or something the kernel tells
 * @from:	whose life it came from, or KERNEL
 * @is_for_all:	a broadcast, or news
 * @cookie:	its cookie; of a notice about a call that of the request
 * @seq:	its place in the order of the bus, once it is known
 * @sent:	the event that sent it
 * @begun:	an event before which its sender had not begun to send it
 * @reached:	lives that have it in their queue, or for which it was lost
 * @type:	of a notice, the type of its item
 * @id:		of one about a connection, its id
 */
struct message {
	unsigned int from;
	bool is_for_all;
	__u64 cookie, seq;
	size_t sent, begun;
	__u64 reached[WORDS];
	unsigned int type;
	__u64 id;
};

/**
 * struct watch - what the trace has said of a life so far
 * @heard:	since which event it has a match for everything; 0 if not yet
 * @act:	last event that is something it did
 * @main_act:	last one of its main thread
 * @reset:	first event that found it dead
 * @is_gone:	news of its end are out
 * @number:	messages of each thread that were sent, accepted or not
 * @seq:	place of the last message that it got, in the order of the bus
 * @queued_seq:	place of the last that was queued: of all but news, and of news,
 *		which may come late
 * @n_got:	what it got, as far as its books have been compared
 * @peeks:	what it looked at
 * @no_room:	what it could not receive
 * @lost:	broadcasts of each other that did not reach it
 */
struct watch {
	size_t heard, act, main_act, reset;
	bool is_gone;
	unsigned int number[STREAMS];
	__u64 seq, queued_seq[2];
	unsigned int n_got, peeks, no_room;
	unsigned int lost[MAX_LIVES];
};

static struct watch watches[MAX_LIVES];
static struct message *messages;
static __u64 first_message, n_messages;
static unsigned int owners[NAMES + 1];
/* the event that is looked at: its number, from 1 */
static size_t at;

#define WRONG(e, what) \
	test_fail(__FILE__, __LINE__, "%s: %s:%s", what, (e)->name, (e)->text)
#define EXPECT(e, cond)							\
	do {								\
		if (!(cond))						\
			WRONG(e, #cond);				\
	} while (0)

static bool text_is(const struct event *e, const char *key, const char *text)
{
	return !strcmp(text_of(e, key), text);
}

static unsigned int life_of(const struct event *e, const char *key)
{
	return oracle_life(num(e, key));
}

static bool is_monitor(unsigned int life)
{
	return world->lives[life].watches;
}

static bool was_killed(unsigned int life)
{
	return world->lives[life].end == WAS_KILLED;
}

static struct message *message_of(const struct event *e, const char *key)
{
	__u64 id = num(e, key);

	EXPECT(e, id >= first_message && id < first_message + n_messages);
	return &messages[id - first_message];
}

static void set_reached(const struct event *e, struct message *m,
			unsigned int life)
{
	/* nobody gets it twice */
	EXPECT(e, !(m->reached[life / 64] >> life % 64 & 1));
	m->reached[life / 64] |= 1ULL << life % 64;
}

static bool has_reached(const struct message *m, unsigned int life)
{
	return m->reached[life / 64] >> life % 64 & 1;
}

/* Something that a life did. */
static void acts(unsigned int life, bool in_main)
{
	watches[life].act = at;
	if (in_main)
		watches[life].main_act = at;
}

/* ---- sending ------------------------------------------------------------ */

static unsigned int name_number(const struct event *e, const char *key)
{
	const char *text = text_of(e, key);

	if (!*text)
		return 0;
	EXPECT(e, !strncmp(text, "o.", 2) && text[2] >= 'a' &&
		  text[2] < 'a' + NAMES && !text[3]);
	return text[2] - 'a' + 1;
}

static void on_refused(const struct event *e, struct sent *s)
{
	int ret = num(e, "ret");

	s->refused++;
	/* a signal that came before it was sent */
	if (ret == -512) {
		EXPECT(e, s->kind == CALL);
		return;
	}
	EXPECT(e, s->ret == ret || (s->ret == UNKNOWN && s->kind == CALL &&
				    s->outcome != GAVE_UP));
}

/* It went where its sender thought, or to the owner of the name. */
static void check_destination(const struct event *e, struct sent *s)
{
	EXPECT(e, name_number(e, "dst_name") == s->name);
	if (s->kind == BROADCAST) {
		EXPECT(e, num(e, "dst") == -1);
		return;
	}
	if (s->name) {
		EXPECT(e, life_of(e, "dst") == owners[s->name]);
		/* and whoever has it in its books is that one */
		EXPECT(e, s->to == NOBODY_YET || s->to == owners[s->name]);
		s->to = owners[s->name];
	}
	EXPECT(e, life_of(e, "dst") == s->to);
}

static void on_accepted(const struct event *e, struct sent *s,
			unsigned int life)
{
	struct message *m = message_of(e, "msg");

	EXPECT(e, s->ret == 0 || s->ret == UNKNOWN);
	s->ret = 0;
	EXPECT(e, !s->seen++);
	check_destination(e, s);
	EXPECT(e, num(e, "n_fds") == !!(s->extras & WITH_FD));
	EXPECT(e, num(e, "n_memfds") == !!(s->extras & WITH_MEMFD));
	EXPECT(e, s->kind != REPLY || num(e, "cookie_reply") ==
				      (long long)s->answers);
	m->from = life;
	m->is_for_all = s->kind == BROADCAST;
	m->cookie = num(e, "cookie");
	m->sent = at;
	m->begun = watches[life].main_act;
}

static void on_send(const struct event *e)
{
	unsigned int life = life_of(e, "src");
	__u64 cookie = num(e, "cookie");
	unsigned int stream = STREAM_OF(cookie);
	struct watch *w = &watches[life];

	/* in their order; a call again after a signal has the same number */
	EXPECT(e, NUMBER_OF(cookie) + 1 >= w->number[stream]);
	w->number[stream] = NUMBER_OF(cookie) + 1;
	if (num(e, "ret"))
		on_refused(e, oracle_sent(life, cookie));
	else
		on_accepted(e, oracle_sent(life, cookie), life);
	if (!num(e, "ret"))
		acts(life, stream == MAIN);
}

static void on_notify(const struct event *e)
{
	static const char * const types[] = {
		"name_add", "name_remove", "name_change", "id_add",
		"id_remove", "reply_timeout", "reply_dead",
	};
	struct message *m = message_of(e, "msg");
	unsigned int i = 0;

	while (!text_is(e, "type", types[i]))
		EXPECT(e, ++i < sizeof(types) / sizeof(types[0]));
	m->from = KERNEL;
	m->type = KDBUS_ITEM_NAME_ADD + i;
	m->is_for_all = num(e, "dst") == -1;
	m->cookie = num(e, "cookie_reply");
	m->id = num(e, "id");
	m->sent = m->begun = at;
	if (m->type == KDBUS_ITEM_ID_REMOVE)
		watches[oracle_life(m->id)].is_gone = true;
}

/* ---- receiving ---------------------------------------------------------- */

static const char *kind_in_queue(const struct message *m)
{
	const struct sent *s;

	if (m->from == KERNEL)
		return "notify";
	s = oracle_sent(m->from, m->cookie);
	return s->kind == REQUEST || s->kind == CALL ? "call" : "signal";
}

static void on_queue(const struct event *e)
{
	struct message *m = message_of(e, "msg");
	unsigned int life = life_of(e, "conn");
	bool is_news = m->from == KERNEL && (m->is_for_all || is_monitor(life));
	struct watch *w = &watches[life];
	__u64 seq = num(e, "seq");
	struct sent *s;

	EXPECT(e, m->sent);
	set_reached(e, m, life);
	/* one order for all */
	EXPECT(e, (!m->seq || m->seq == seq) && seq > w->queued_seq[is_news]);
	m->seq = w->queued_seq[is_news] = seq;
	EXPECT(e, !w->is_gone);
	EXPECT(e, (__u64)num(e, "cookie") == m->cookie);
	if (is_monitor(life)) {
		EXPECT(e, text_is(e, "kind", m->from == KERNEL ? "notify" :
							      "copy"));
		return;
	}
	s = m->from == KERNEL ? NULL : oracle_sent(m->from, m->cookie);
	/* an answer that comes too late is as any message */
	EXPECT(e, text_is(e, "kind", kind_in_queue(m)) ||
		  (s && s->kind == REPLY &&
		   strstr(text_of(e, "kind"), "reply")));
	if (s && s->kind != BROADCAST)
		EXPECT(e, !s->queued++ && s->to == life);
}

/* The next thing that the receiver has in its books is this. */
static void next_is(const struct event *e, unsigned int life, bool dropped)
{
	const struct life *l = &world->lives[life];
	struct message *m = message_of(e, "msg");
	struct watch *w = &watches[life];
	const struct got *g = &l->got[w->n_got];

	EXPECT(e, w->n_got < l->n_got);
	w->n_got++;
	EXPECT(e, g->dropped == dropped && g->from == m->from);
	EXPECT(e, m->seq > w->seq);
	w->seq = m->seq;
	if (g->unread)
		EXPECT(e, m->from == KERNEL && m->is_for_all);
	else
		EXPECT(e, g->cookie == m->cookie && g->type == m->type &&
			  g->id == m->id);
}

/* A reply that went to who slept for it, and past the queue. */
static void on_sync_reply(const struct event *e, unsigned int life)
{
	struct message *m = message_of(e, "msg");
	struct sent *reply = oracle_sent(m->from, m->cookie);
	struct sent *s = oracle_sent(life, reply->answers);

	EXPECT(e, reply->kind == REPLY && s->kind == CALL);
	/* one that is killed has no time to note it */
	if (s->outcome == NONE)
		EXPECT(e, was_killed(life));
	else
		EXPECT(e, s->outcome == ANSWERED && s->reply == m->cookie &&
			  s->reply_from == m->from);
}

static void on_recv(const struct event *e)
{
	unsigned int life = life_of(e, "conn");
	struct watch *w = &watches[life];

	if (text_is(e, "kind", "sync_reply")) {
		/* one that is killed may not be able to take it */
		EXPECT(e, !num(e, "ret") || was_killed(life));
		on_sync_reply(e, life);
		return;
	}
	acts(life, true);
	if (num(e, "ret")) {
		EXPECT(e, num(e, "ret") == -ENOBUFS &&
			  text_is(e, "kind", "notify"));
		w->no_room++;
	} else if (text_is(e, "flags", "peek")) {
		w->peeks++;
	} else {
		next_is(e, life, false);
	}
}

/* It did not reach somebody who would have heard it. */
static void on_undelivered(const struct event *e, unsigned int life)
{
	struct message *m = message_of(e, "msg");
	struct watch *w = &watches[life];
	int ret = num(e, "ret");

	EXPECT(e, m->sent && (m->is_for_all || is_monitor(life)));
	set_reached(e, m, life);
	if (m->from != KERNEL)
		w->lost[m->from]++;
	if (ret != -ECONNRESET)
		EXPECT(e, ret == -ENOBUFS || ret == -EXFULL);
	else if (!w->reset)
		w->reset = at;
}

static void on_drop(const struct event *e)
{
	struct message *m = message_of(e, "msg");
	unsigned int life = life_of(e, "conn");

	if (text_is(e, "reason", "undelivered")) {
		on_undelivered(e, life);
	} else if (text_is(e, "reason", "requested")) {
		acts(life, true);
		next_is(e, life, true);
	} else if (text_is(e, "reason", "late_reply")) {
		const struct sent *reply = oracle_sent(m->from, m->cookie);

		/* nobody came back for it after a signal */
		EXPECT(e, oracle_sent(life, reply->answers)->woken ||
			  was_killed(life));
	} else if (text_is(e, "reason", "fault")) {
		EXPECT(e, was_killed(life));
	} else {
		EXPECT(e, text_is(e, "reason", "disconnect"));
		/* at the end all have taken what was sent to them */
		EXPECT(e, !world->lives[life].stayed || m->from == KERNEL);
	}
}

/* ---- calls -------------------------------------------------------------- */

static struct sent *request_of(const struct event *e)
{
	struct sent *s = oracle_sent(life_of(e, "conn"), num(e, "cookie"));

	EXPECT(e, s->kind == (num(e, "sync") ? CALL : REQUEST));
	EXPECT(e, life_of(e, "peer") == s->to);
	return s;
}

static void on_call_start(const struct event *e)
{
	EXPECT(e, !request_of(e)->started++);
}

/* What answers a request is the answer of whom it was sent to. */
static void on_call_reply(const struct event *e)
{
	struct sent *s = oracle_sent(life_of(e, "conn"), num(e, "cookie"));
	struct message *m = message_of(e, "reply");
	const struct sent *reply = oracle_sent(m->from, m->cookie);

	EXPECT(e, m->from == life_of(e, "peer") && m->from == s->to);
	EXPECT(e, reply->kind == REPLY && reply->to == life_of(e, "conn"));
	EXPECT(e, reply->answers == (__u64)num(e, "cookie"));
	if (s->outcome == ANSWERED)
		EXPECT(e, s->reply == m->cookie && s->reply_from == m->from);
}

/* Why a request that was not answered has come to that. */
static bool is_dead(const struct event *e, const struct sent *s)
{
	if (text_is(e, "outcome", "undelivered"))
		return s->unreplied;
	return text_is(e, "outcome", "dead") &&
	       (s->dropped || world->lives[s->to].leaving);
}

/* Whether what the requester was told is what the trace says. */
static bool is_outcome(const struct event *e, const struct sent *s,
		       const struct life *life)
{
	const char *outcome = text_of(e, "outcome");
	bool abandoned = !strcmp(outcome, "abandoned");
	bool answered = !strcmp(outcome, "answered");

	switch (s->outcome) {
	case ANSWERED:
		return answered;
	case TIMEOUT:
		/* one that comes back after the deadline is told of that */
		return !strcmp(outcome, "timeout") || (s->woken && (answered ||
			!strcmp(outcome, "interrupted")));
	case DEAD:
		return is_dead(e, s);
	case CANCELLED:
		return !strcmp(outcome, "cancelled");
	case RESET:
		if (!s->woken)
			return abandoned;
		/* it had ended in the meantime, or not */
		/* fallthrough */
	case GAVE_UP:
		return answered || !strcmp(outcome, "interrupted") ||
		       (!strcmp(outcome, "cancelled") && s->cancelled) ||
		       (abandoned && !life->stayed) || is_dead(e, s);
	}
	/* the requester was gone before it was told, or ended it by that */
	if (!strcmp(outcome, "dead") || !strcmp(outcome, "undelivered"))
		return !life->stayed && is_dead(e, s);
	return !life->stayed;
}

static void on_call_end(const struct event *e)
{
	struct sent *s = request_of(e);

	EXPECT(e, s->started == 1 && !s->ended++);
	if (!is_outcome(e, s, &world->lives[life_of(e, "conn")]))
		test_fail(__FILE__, __LINE__, "outcome %d, not %s:%s",
			  s->outcome, e->name, e->text);
}

/* ---- names, matches, connections ---------------------------------------- */

static void on_name_change(const struct event *e)
{
	unsigned int name = name_number(e, "name");

	EXPECT(e, owners[name] == (num(e, "old") ? life_of(e, "old") :
				   NOBODY_YET));
	owners[name] = num(e, "new") ? life_of(e, "new") : NOBODY_YET;
}

static void on_match(const struct event *e)
{
	unsigned int life = life_of(e, "conn");

	acts(life, true);
	if (!watches[life].heard)
		watches[life].heard = at;
}

/* As many as are counted were reached, and as many lost. */
static void on_match_run(const struct event *e)
{
	const struct message *m = message_of(e, "msg");
	unsigned int i, hit = 0;

	for (i = 0; i < WORDS; i++)
		hit += __builtin_popcountll(m->reached[i]);
	EXPECT(e, num(e, "hit") == hit);
}

/* ---- all events --------------------------------------------------------- */

static const struct {
	const char *name;
	void (*look)(const struct event *e);
} looks[] = {
	{ "msg_queue", on_queue },
	{ "msg_recv", on_recv },
	{ "msg_drop", on_drop },
	{ "msg_send", on_send },
	{ "notify_send", on_notify },
	{ "call_start", on_call_start },
	{ "call_reply", on_call_reply },
	{ "call_end", on_call_end },
	{ "name_change", on_name_change },
	{ "match_add", on_match },
	{ "match_remove", on_match },
	{ "match_run", on_match_run },
};

static void look_at(const struct event *e)
{
	size_t i;

	for (i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (is(e, looks[i].name))
			looks[i].look(e);
	/* there is nobody to move a message to */
	EXPECT(e, !is(e, "msg_move"));
}

/* Room for every message from the first to the last there is. */
static void make_room(void)
{
	__u64 id, last = 0;
	size_t i;

	first_message = -1;
	for (i = 0; i < n_events; i++) {
		if (!is(&events[i], "msg_send") &&
		    !is(&events[i], "notify_send"))
			continue;
		id = num(&events[i], "msg");
		first_message = id < first_message ? id : first_message;
		last = id > last ? id : last;
	}
	ASSERT(first_message <= last);
	n_messages = last - first_message + 1;
	messages = calloc(n_messages, sizeof(*messages));
	ASSERT(messages);
}

/*
 * Whether a life may have missed something for all. At its beginning, who sends
 * may have looked for receivers before; at its end it is gone for others a
 * moment before the news of that.
 */
static bool may_miss(const struct message *m, unsigned int life)
{
	const struct watch *w = &watches[life];

	return life == m->from || !w->heard || w->heard > m->begun ||
	       (world->lives[life].leaving && m->sent > w->act);
}

static void check_reached(const struct message *m)
{
	unsigned int i;

	for (i = 0; i < world->n_lives; i++) {
		if (!has_reached(m, i) && !may_miss(m, i))
			test_fail(__FILE__, __LINE__,
				  "life %u missed message %llu of %u", i,
				  m->cookie, m->from);
		if (has_reached(m, i))
			ASSERT(i != m->from && watches[i].heard &&
			       watches[i].heard < m->sent);
	}
}

/* The monitor is shown what goes to one, as long as it is there. */
static void check_shown(const struct message *m)
{
	if (m->sent && m->sent <= watches[MONITOR].act)
		ASSERT(has_reached(m, MONITOR));
}

static void check_watch(unsigned int life)
{
	const struct life *l = &world->lives[life];
	const struct watch *w = &watches[life];

	ASSERT_EQ(w->n_got, l->n_got);
	ASSERT_EQ(w->peeks, l->peeks);
	ASSERT_EQ(w->no_room, l->no_room);
	/* who was found dead did nothing afterwards */
	ASSERT(!w->reset || w->reset > w->act);
}

/* What is in the books has happened. */
static void check_sent(const struct sent *s)
{
	bool asks = s->kind == REQUEST || s->kind == CALL;
	bool accepted = !s->ret;

	if (accepted)
		ASSERT(s->refused == 0 || s->kind == CALL);
	else if (s->ret != UNKNOWN)
		ASSERT(s->refused >= 1);
	ASSERT_EQ(s->seen, accepted);
	ASSERT_EQ(s->queued, accepted && s->kind != BROADCAST);
	ASSERT_EQ(s->started, accepted && asks);
	ASSERT_EQ(s->ended, accepted && asks);
}

void oracle_compare_trace(void)
{
	unsigned int i, stream, n;

	for (i = 0; i <= NAMES; i++)
		owners[i] = NOBODY_YET;
	make_room();
	for (at = 1; at <= n_events; at++)
		look_at(&events[at - 1]);
	for (i = 0; i < n_messages; i++)
		if (messages[i].is_for_all)
			check_reached(&messages[i]);
		else
			check_shown(&messages[i]);
	for (i = 0; i < world->n_lives; i++) {
		check_watch(i);
		for (stream = MAIN; stream < STREAMS; stream++)
			for (n = 0; n < world->lives[i].n_sent[stream]; n++)
				check_sent(&world->lives[i].sent[stream][n]);
	}
}

unsigned int oracle_lost(unsigned int to, unsigned int from)
{
	return watches[to].lost[from];
}
