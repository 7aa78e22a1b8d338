// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a peer of the oracle; see oracle.h. Its main thread does one
 * thing after the other, all that is received among them; another thread makes
 * the synchronous calls, so that the first can cancel and interrupt them.
 *
 * A peer that ends its connection is another life when it comes back. One that
 * kills itself does so in its main thread, which knows by then what became of
 * all that it did; of a call that is under way only the trace events know.
 *
 * The monitor is a life, too: it takes what it is shown, and does nothing.
 */
#include "oracle.h"

/* what a small pool holds is lost now and then */
#define SMALL_POOL 8192
#define BIG_POOL (1 << 20)
#define MONITORS_POOL (64 << 20)
/* messages that were received and are not given back yet */
#define MAX_KEPT 3
/* what a broadcast has behind its payload, to fill those */
#define BALLAST 512

struct draft {
	struct kdbus_builder m;
	struct payload p;
	struct sent *sent;
};

/* This process's: its number, connection and life. */
static unsigned int peer, me_no;
static struct kdbus_client me;
static struct life *self;
static struct draft drafts[STREAMS];
static unsigned int seeds[STREAMS];
/* what goes with messages: both have the number of the life in them */
static int file, memfd;
/* nobody is answered any more */
static bool silent;
/* slices that are this peer's, the oldest one first */
static struct kept {
	const struct kdbus_msg *msg;
	struct payload p;
} kept[MAX_KEPT];
static unsigned int n_kept;

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool busy;
	unsigned int to, name;
	__u64 cookie;
} caller = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
};

static unsigned int any_of(unsigned int stream, unsigned int below)
{
	return rand_r(&seeds[stream]) % below;
}

static unsigned int any(unsigned int below)
{
	return any_of(MAIN, below);
}

/* For how long an answer is waited for: some of these times are too short. */
static __u64 any_time(unsigned int stream)
{
	return SOON(1 << any_of(stream, 10));
}

static bool is_leaving(unsigned int life)
{
	return __atomic_load_n(&world->lives[life].leaving, __ATOMIC_SEQ_CST);
}

static bool is_there(unsigned int life)
{
	return __atomic_load_n(&world->lives[life].there, __ATOMIC_SEQ_CST) &&
	       !is_leaving(life);
}

static bool is_gone(unsigned int life)
{
	return __atomic_load_n(&world->lives[life].gone, __ATOMIC_SEQ_CST);
}

/* What the monitor saw has happened to others. */
static void saw(unsigned int thing)
{
	if (!self->watches)
		__atomic_fetch_add(&world->seen[thing], 1, __ATOMIC_RELAXED);
}

static bool has_seen_all(void)
{
	unsigned int i;

	for (i = NONE + 1; i < THINGS; i++)
		if (!__atomic_load_n(&world->seen[i], __ATOMIC_RELAXED))
			return false;
	return true;
}

/* ---- receiving ---------------------------------------------------------- */

static struct got *got_new(bool dropped)
{
	struct got *g = &self->got[self->n_got];

	ASSERT(self->n_got < MAX_GOT);
	*g = (struct got){ .kind = NOTICE, .from = KERNEL, .dropped = dropped };
	self->n_got++;
	return g;
}

/* The request has ended without an answer, which is its only outcome. */
static void ended(const struct got *g)
{
	struct sent *s = &self->sent[MAIN][NUMBER_OF(g->cookie)];

	ASSERT_EQ(STREAM_OF(g->cookie), MAIN);
	ASSERT(NUMBER_OF(g->cookie) < self->n_sent[MAIN]);
	ASSERT_EQ(s->outcome, NONE);
	s->outcome = g->type == KDBUS_ITEM_REPLY_TIMEOUT ? TIMEOUT : DEAD;
	saw(s->outcome);
}

static void enter_notice(struct got *g, const struct kdbus_msg *msg)
{
	const struct kdbus_item *item = (const void *)msg->items;

	g->type = item->type;
	g->cookie = msg->cookie_reply;
	if (g->type == KDBUS_ITEM_ID_ADD || g->type == KDBUS_ITEM_ID_REMOVE)
		g->id = item->id_change.id;
	if (g->type == KDBUS_ITEM_NAME_CHANGE)
		saw(OWNER_CHANGED);
	if (g->cookie && !self->watches)
		ended(g);
}

/* An answer in time is the only outcome; a late one comes after the notice. */
static void answered(const struct payload *p)
{
	unsigned int stream = STREAM_OF(p->answers);
	struct sent *s = &self->sent[stream][NUMBER_OF(p->answers)];

	ASSERT(NUMBER_OF(p->answers) < self->n_sent[stream]);
	ASSERT_EQ(s->kind, stream == MAIN ? REQUEST : CALL);
	/* the thread that calls may not know yet that it was too late */
	if (stream == CALLER || s->outcome == TIMEOUT) {
		ASSERT(!s->late);
		s->late = true;
		saw(LATE);
		return;
	}
	ASSERT_EQ(s->outcome, NONE);
	s->outcome = ANSWERED;
	saw(ANSWERED);
	s->reply = p->cookie;
	s->reply_from = p->from;
}

static void read_payload(const struct kdbus_msg *msg, struct payload *p)
{
	size_t size = kdbus_msg_payload(msg, p, sizeof(*p));

	ASSERT_EQ(size, sizeof(*p) + (p->kind == BROADCAST ? BALLAST : 0));
	ASSERT(p->from < MAX_LIVES && p->kind < NOTICE);
	ASSERT_EQ(msg->src_id, world->lives[p->from].id);
	ASSERT_EQ(msg->cookie, p->cookie);
	if (p->kind == REPLY)
		ASSERT_EQ(msg->cookie_reply, p->answers);
}

static void check_file(int fd, const struct payload *p)
{
	__u32 number;

	ASSERT(fd >= 0);
	ASSERT_EQ(pread(fd, &number, sizeof(number), 0), sizeof(number));
	ASSERT_EQ(number, p->from);
}

/* What was sent along came along, and only that. */
static void check_extras(const struct kdbus_msg *msg, const struct payload *p,
			 bool dropped)
{
	const struct kdbus_item *item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);

	ASSERT_EQ(!!item, !!(p->extras & WITH_FD));
	if (item && !dropped) {
		check_file(item->fds[0], p);
		saw(A_FILE);
	}
	item = kdbus_msg_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD);
	ASSERT_EQ(!!item, !!(p->extras & WITH_MEMFD));
	if (item && !dropped) {
		check_file(item->memfd.fd, p);
		saw(A_MEMFD);
	}
}

static void name_of(char *text, unsigned int name)
{
	sprintf(text, "o.%c", 'a' + name - 1);
}

static void check_name(const struct kdbus_msg *msg, const struct payload *p)
{
	const struct kdbus_item *item;
	char name[8];

	item = kdbus_msg_item(msg, KDBUS_ITEM_DST_NAME);
	ASSERT_EQ(!!item, !!p->name);
	if (!item)
		return;
	name_of(name, p->name);
	ASSERT(!strcmp(item->str, name));
}

/* Notes what was received, or dropped after a look at it. */
static void enter(const struct kdbus_msg *msg, struct payload *p, bool dropped)
{
	struct got *g = got_new(dropped);

	p->kind = NOTICE;
	if (msg->src_id == KDBUS_SRC_ID_KERNEL) {
		enter_notice(g, msg);
		return;
	}
	read_payload(msg, p);
	check_extras(msg, p, dropped);
	check_name(msg, p);
	g->kind = p->kind;
	g->from = p->from;
	g->name = p->name;
	g->cookie = p->cookie;
	if (p->kind == REPLY && !self->watches)
		answered(p);
}

/* Gives back one of the slices, which nobody has written to meanwhile. */
static void give_back(unsigned int i)
{
	struct payload p;

	kdbus_msg_payload(kept[i].msg, &p, sizeof(p));
	ASSERT(!memcmp(&p, &kept[i].p, sizeof(p)));
	ASSERT_OK(kdbus_client_free(&me, kept[i].msg));
	n_kept--;
	if (i == n_kept)
		return;
	memmove(&kept[i], &kept[i + 1], (n_kept - i) * sizeof(kept[0]));
}

static void give_back_all(void)
{
	while (n_kept)
		give_back(0);
}

/* Gives a message back, or first another one, not always the oldest. */
static void done_with(const struct kdbus_msg *msg, const struct payload *p)
{
	unsigned int i;

	if (p->kind == NOTICE || self->watches || any(4)) {
		ASSERT_OK(kdbus_client_free(&me, msg));
		return;
	}
	kept[n_kept++] = (struct kept){ msg, *p };
	if (n_kept < MAX_KEPT)
		return;
	i = any(MAX_KEPT);
	give_back(i);
	if (i)
		saw(FREED_OUT_OF_ORDER);
}

static void answer(const struct payload *request);

/* Takes the next message, if there is one, and answers some of the requests. */
static bool take(void)
{
	const struct kdbus_msg *msg;
	struct payload p;
	int ret = kdbus_client_recv(&me, 0, 0, &msg);

	if (ret == -EAGAIN)
		return false;
	if (ret == -ENOBUFS) {
		/* news that finds no room; that of calls has its own */
		self->no_room++;
		ASSERT_OK(kdbus_client_recv(&me, KDBUS_RECV_DROP, 0, NULL));
		got_new(true)->unread = true;
		return true;
	}
	ASSERT_OK(ret);
	enter(msg, &p, false);
	kdbus_msg_close_fds(msg);
	done_with(msg, &p);
	if ((p.kind == REQUEST || p.kind == CALL) && !silent && any(4))
		answer(&p);
	return true;
}

/* Looks at the next message, which stays the next, and may not want it. */
static void look(void)
{
	const struct kdbus_msg *msg;
	struct payload p;
	int ret = kdbus_client_recv(&me, KDBUS_RECV_PEEK, 0, &msg);

	if (ret == -EAGAIN)
		return;
	if (ret == -ENOBUFS) {
		self->no_room++;
		return;
	}
	ASSERT_OK(ret);
	self->peeks++;
	saw(PEEKED);
	if (any(2)) {
		saw(DROPPED);
		ASSERT_OK(kdbus_client_recv(&me, KDBUS_RECV_DROP, 0, NULL));
		enter(msg, &p, true);
	}
	ASSERT_OK(kdbus_client_free(&me, msg));
}

/* ---- sending ------------------------------------------------------------ */

/* Begins a message to a life, a name or everybody. */
static struct draft *draft_new(unsigned int stream, enum kind kind,
			       unsigned int to, unsigned int name)
{
	unsigned int n = self->n_sent[stream];
	struct draft *d = &drafts[stream];
	char text[8];

	ASSERT(n < MAX_SENT);
	d->sent = &self->sent[stream][n];
	*d->sent = (struct sent){ .kind = kind, .name = name, .ret = UNKNOWN,
				  .to = name ? NOBODY_YET : to };
	self->n_sent[stream]++;
	d->p = (struct payload){ .kind = kind, .from = me_no, .name = name,
				 .cookie = COOKIE(stream, n) };
	if (kind == BROADCAST)
		build_broadcast(&d->m, d->p.cookie);
	else
		kdbus_build_msg(&d->m, name ? 0 : world->lives[to].id,
				d->p.cookie);
	if (name) {
		name_of(text, name);
		kdbus_build_string(&d->m, KDBUS_ITEM_DST_NAME, text);
	}
	kdbus_build_vec(&d->m, &d->p, sizeof(d->p));
	return d;
}

static void add_extras(struct draft *d, unsigned int extras)
{
	d->p.extras = d->sent->extras = extras;
	if (extras & WITH_MEMFD)
		kdbus_build_memfd(&d->m, memfd, sizeof(__u32));
	if (extras & WITH_FD)
		kdbus_build_fds(&d->m, &file, 1);
}

/* It was accepted, or there is no room, no share, or nobody any more. */
static void note(struct sent *s, int ret)
{
	s->ret = ret;
	if (ret)
		saw(REFUSED);
	if (ret == -ENXIO || ret == -ECONNRESET)
		ASSERT(s->name || is_leaving(s->to));
	else if (ret == -ESRCH)
		ASSERT(s->name);
	else if (ret == -EMFILE)
		ASSERT(s->extras & WITH_FD);
	else if (ret != -ENOBUFS && ret != -EXFULL && ret != -EMLINK)
		ASSERT_OK(ret);
}

/* Where there is no room for the reply, the requester is told that. */
static void answer(const struct payload *request)
{
	struct draft *d = draft_new(MAIN, REPLY, request->from, 0);

	d->m.msg.cookie_reply = request->cookie;
	d->p.answers = d->sent->answers = request->cookie;
	note(d->sent, kdbus_client_send(&me, &d->m));
}

static void tell(unsigned int to, unsigned int name)
{
	struct draft *d = draft_new(MAIN, SIGNAL, to, name);

	add_extras(d, any(4) ? 0 : 1 + any(WITH_FD | WITH_MEMFD));
	note(d->sent, kdbus_client_send(&me, &d->m));
}

static void tell_all(void)
{
	struct draft *d = draft_new(MAIN, BROADCAST, NOBODY_YET, 0);
	static char ballast[BALLAST];

	kdbus_build_vec(&d->m, ballast, sizeof(ballast));
	d->sent->ret = kdbus_client_send(&me, &d->m);
	ASSERT_OK(d->sent->ret);
}

static void ask(unsigned int to, unsigned int name)
{
	struct draft *d = draft_new(MAIN, REQUEST, to, name);

	d->m.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	d->m.msg.timeout_ns = any_time(MAIN);
	note(d->sent, kdbus_client_send(&me, &d->m));
}

/* ---- calling ------------------------------------------------------------ */

static void enter_reply(struct sent *s, __u64 cookie,
			const struct kdbus_msg *reply)
{
	struct payload p;

	read_payload(reply, &p);
	ASSERT_EQ(p.kind, REPLY);
	ASSERT_EQ(p.answers, cookie);
	s->reply = p.cookie;
	s->reply_from = p.from;
	ASSERT_OK(kdbus_client_free(&me, reply));
}

static enum outcome outcome_of(int ret)
{
	switch (ret) {
	case 0:
		return ANSWERED;
	case -ETIMEDOUT:
		return TIMEOUT;
	case -EPIPE:
		return DEAD;
	case -ECANCELED:
		return CANCELLED;
	case -EINTR:
		return GAVE_UP;
	case -ECONNRESET:
		return is_leaving(me_no) ? RESET : NONE;
	}
	return NONE;
}

/* Calls, and after a signal goes on with the same call or leaves it. */
static void call(void)
{
	struct draft *d = draft_new(CALLER, CALL, caller.to, caller.name);
	const struct kdbus_msg *reply;
	struct sent *s = d->sent;
	int ret;

	do {
		ret = kdbus_client_call(&me, &d->m, any_time(CALLER), &reply);
		s->woken |= ret == -EINTR;
	} while (ret == -EINTR && any_of(CALLER, 2));

	s->outcome = outcome_of(ret);
	if (s->outcome == NONE)
		note(s, ret);
	else
		saw(s->outcome);
	/* it was accepted; or, after these, it may have been */
	if (s->outcome != NONE && s->outcome != GAVE_UP && s->outcome != RESET)
		s->ret = 0;
	if (s->outcome == ANSWERED)
		enter_reply(s, d->p.cookie, reply);
	if (s->woken && !s->ret)
		saw(RESUMED);
}

static void *make_calls(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&caller.lock);
	for (;;) {
		while (!caller.busy)
			pthread_cond_wait(&caller.cond, &caller.lock);
		pthread_mutex_unlock(&caller.lock);
		call();
		pthread_mutex_lock(&caller.lock);
		caller.busy = false;
		pthread_cond_broadcast(&caller.cond);
	}
	return NULL;
}

static void wait_for_caller(void)
{
	pthread_mutex_lock(&caller.lock);
	while (caller.busy)
		pthread_cond_wait(&caller.cond, &caller.lock);
	pthread_mutex_unlock(&caller.lock);
}

static void order_call(unsigned int to, unsigned int name)
{
	pthread_mutex_lock(&caller.lock);
	if (!caller.busy) {
		caller.busy = true;
		caller.to = to;
		caller.name = name;
		caller.cookie = COOKIE(CALLER, self->n_sent[CALLER]);
		pthread_cond_broadcast(&caller.cond);
	}
	pthread_mutex_unlock(&caller.lock);
}

/* Ends the call that is under way, or tries to and it has ended. */
static void cancel(void)
{
	int ret;

	pthread_mutex_lock(&caller.lock);
	if (caller.busy) {
		ret = kdbus_client_cancel(&me, caller.cookie);
		ASSERT(ret == 0 || ret == -ENOENT);
		if (!ret)
			self->sent[CALLER][NUMBER_OF(caller.cookie)].cancelled =
				true;
	}
	pthread_mutex_unlock(&caller.lock);
}

static void interrupt(void)
{
	pthread_mutex_lock(&caller.lock);
	if (caller.busy)
		ASSERT_OK(pthread_kill(caller.thread, SIGUSR1));
	pthread_mutex_unlock(&caller.lock);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void start_caller(void)
{
	/* not restarted: the thread is told, and decides */
	struct sigaction sa = { .sa_handler = on_signal };

	ASSERT_OK(sigaction(SIGUSR1, &sa, NULL));
	ASSERT_OK(pthread_create(&caller.thread, NULL, make_calls, NULL));
}

/* ---- names, matches, metadata ------------------------------------------- */

static void fight(void)
{
	char name[8];
	int ret;

	name_of(name, 1 + any(NAMES));
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

/* A match that changes nothing: the other one is for everything already. */
static void listen_twice(void)
{
	if (any(2))
		hear_all(&me, 2);
	else
		ASSERT_OK(kdbus_client_match_remove(&me, 2));
}

static void want_metadata(void)
{
	__u64 flags = any(2) ? KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_NAMES : 0;
	struct kdbus_builder b;

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&b, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	ASSERT_OK(xioctl(me.fd, KDBUS_CMD_CONN_UPDATE, b.buf));
}

/* ---- asking about others ------------------------------------------------ */

/* A life by its id; MAX_LIVES if it is not known yet. */
static unsigned int life_with(__u64 id)
{
	unsigned int i;

	for (i = 0; i < MAX_LIVES && world->lives[i].id != id; i++)
		;
	return i;
}

/* A list has each name's owner once, and nobody twice; tells who is in it. */
static void read_list(const struct kdbus_name_list *list, bool *listed)
{
	unsigned int life, last = MAX_LIVES, owned[NAMES + 1] = {};
	const struct kdbus_cmd_name *record;

	kdbus_for_each_name(record, list) {
		life = life_with(record->owner_id);
		/* records of one are next to each other */
		ASSERT(life == MAX_LIVES || life == last || !listed[life]);
		listed[life] = true;
		last = life;
		if (record->size == sizeof(*record))
			continue;
		ASSERT_EQ(record->size, sizeof(*record) + 4);
		ASSERT(!strncmp(record->name, "o.", 2));
		ASSERT(record->name[2] >= 'a' && record->name[2] < 'a' + NAMES);
		if (!(record->flags & KDBUS_NAME_IN_QUEUE))
			ASSERT(!owned[record->name[2] - 'a']++);
	}
}

/* Who is there all the time is in the list, and who was gone before is not. */
static void list_all(void)
{
	bool there[MAX_LIVES], gone[MAX_LIVES], listed[MAX_LIVES + 1] = {};
	const struct kdbus_name_list *list;
	unsigned int i;
	int ret;

	for (i = 0; i < MAX_LIVES; i++) {
		there[i] = is_there(i);
		gone[i] = is_gone(i);
	}
	ret = kdbus_client_list(&me, KDBUS_NAME_LIST_UNIQUE |
				     KDBUS_NAME_LIST_NAMES |
				     KDBUS_NAME_LIST_QUEUED, &list);
	/* what was received is in the way */
	if (ret == -ENOBUFS)
		return;
	ASSERT_OK(ret);
	read_list(list, listed);
	ASSERT_OK(kdbus_client_free(&me, list));
	for (i = 0; i < MAX_LIVES; i++) {
		ASSERT(!gone[i] || !listed[i]);
		ASSERT(!there[i] || is_leaving(i) || listed[i]);
	}
	saw(LISTED);
}

static void check_info(const struct kdbus_conn_info *info)
{
	const struct kdbus_item *creds = info_item(info, KDBUS_ITEM_CREDS);
	unsigned int life = life_with(info->id);

	ASSERT(creds);
	if (life < MAX_LIVES)
		ASSERT_EQ(creds->creds.uid,
			  1000 + world->lives[life].peer % UIDS);
}

/* What there is to be known of a life, or of who owns a name. */
static void inquire(unsigned int to, unsigned int name)
{
	const struct kdbus_conn_info *info;
	bool there = is_there(to);
	char text[8];
	int ret;

	name_of(text, name);
	ret = conn_info(&me, name ? 0 : world->lives[to].id,
			name ? text : NULL,
			KDBUS_ATTACH_CREDS | KDBUS_ATTACH_NAMES, &info);
	if (ret == -ENOBUFS)
		return;
	if (ret) {
		ASSERT_EQ(ret, name ? -ESRCH : -ENXIO);
		ASSERT(name || !there || is_leaving(to));
		saw(NOBODY_THERE);
		return;
	}
	ASSERT(name || info->id == world->lives[to].id);
	check_info(info);
	ASSERT_OK(kdbus_client_free(&me, info));
	saw(INFORMED);
}

/* ---- coming and going --------------------------------------------------- */

static void make_files(void)
{
	__u32 number = me_no;

	file = memfd_create("oracle", MFD_CLOEXEC);
	memfd = kdbus_memfd_make(&me, "oracle");
	ASSERT(file >= 0 && memfd >= 0);
	ASSERT_EQ(pwrite(file, &number, sizeof(number), 0), sizeof(number));
	ASSERT_EQ(pwrite(memfd, &number, sizeof(number), 0), sizeof(number));
	ASSERT_OK(kdbus_memfd_seal(memfd, true));
}

static void begin_books(void)
{
	me_no = __atomic_fetch_add(&world->n_lives, 1, __ATOMIC_SEQ_CST);
	ASSERT(me_no < MAX_LIVES);
	seeds[MAIN] = 2 * me_no;
	seeds[CALLER] = 2 * me_no + 1;
	self = &world->lives[me_no];
	self->peer = peer;
	self->first = !world->began;
}

static void begin_life(void)
{
	begin_books();
	client_new_pool(&me, &bus, peer % 2 ? SMALL_POOL : BIG_POOL);
	self->id = me.hello.id;
	make_files();
	hear_all(&me, 1);
	__atomic_store_n(&self->there, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&world->now[peer], me_no, __ATOMIC_SEQ_CST);
}

/* What was kept goes with the pool. */
static void close_all(void)
{
	n_kept = 0;
	kdbus_client_close(&me);
	close(file);
	close(memfd);
}

/* BYEBYE, which ends a call under way, unless new messages always come. */
static bool say_byebye(void)
{
	int i, ret;

	order_call(world->now[any(PEERS)], 0);
	for (i = 0; i < 20; i++) {
		ret = kdbus_client_byebye(&me);
		if (!ret)
			return true;
		ASSERT_EQ(ret, -EBUSY);
		while (take())
			;
	}
	return false;
}

static void end_life(enum end end)
{
	__atomic_store_n(&self->leaving, true, __ATOMIC_SEQ_CST);
	self->end = end;
	if (end == WAS_KILLED) {
		saw(AN_END + WAS_KILLED);
		kill(getpid(), SIGKILL);
		pause();
	}
	if (end == SAID_BYEBYE && !say_byebye())
		self->end = CLOSED;
	wait_for_caller();
	close_all();
	if (!self->stayed)
		saw(AN_END + self->end);
	__atomic_store_n(&self->gone, true, __ATOMIC_SEQ_CST);
}

/* A third of the peers never leave: their books have no edges. */
static void leave(void)
{
	if (peer % 3 == 0 || world->n_lives + PEERS >= MAX_LIVES)
		return;
	end_life(any(3));
	begin_life();
}

/* ---- everything --------------------------------------------------------- */

/* Who has little room does not listen at first, so that something is lost. */
static bool is_deaf(void)
{
	return peer % 2 &&
	       now_ns() - world->began < DURATION * slowness() / 3;
}

static void take_some(void)
{
	int i;

	for (i = 0; i < 8 && !is_deaf() && take(); i++)
		;
}

/* Until something comes, or the time for the next step. */
static void wait_a_little(void)
{
	if (is_deaf())
		poll(NULL, 0, 5);
	else
		kdbus_client_wait(&me, 5);
}

static void step(void)
{
	unsigned int to = __atomic_load_n(&world->now[any(PEERS)],
					  __ATOMIC_SEQ_CST);
	unsigned int name = any(4) ? 0 : 1 + any(NAMES);

	switch (any(34)) {
	case 0:
		tell_all();
		break;
	case 1 ... 5:
		tell(to, name);
		break;
	case 6 ... 9:
		ask(to, name);
		break;
	case 10 ... 13:
		order_call(to, name);
		break;
	case 14:
		cancel();
		break;
	case 15 ... 16:
		interrupt();
		break;
	case 17:
		fight();
		break;
	case 18:
		listen_twice();
		break;
	case 19:
		want_metadata();
		break;
	case 20 ... 21:
		if (!is_deaf())
			look();
		break;
	case 22:
		if (!any(3))
			leave();
		break;
	case 23:
		list_all();
		break;
	case 24:
		inquire(to, name);
		break;
	default:
		take_some();
	}
}

/* When the time is over and all has happened, or there is no more room. */
static bool is_enough(__u64 now, __u64 time)
{
	return now >= time && (has_seen_all() || now >= LONGEST * time ||
			       world->steps[peer] >= MOST * STEPS);
}

/*
 * As many steps as there is time for. On a fast machine, where there are more
 * than books and trace have room for, they are spread over the time.
 */
static void keep_busy(void)
{
	__u64 now, time = DURATION * slowness();

	while (!is_enough(now = now_ns() - world->began, time)) {
		if (world->steps[peer] < 1 + STEPS * now / time) {
			world->steps[peer]++;
			step();
		} else {
			wait_a_little();
			take_some();
		}
	}
}

static bool is_owed_something(void)
{
	unsigned int i;

	for (i = 0; i < self->n_sent[MAIN]; i++) {
		const struct sent *s = &self->sent[MAIN][i];

		if (s->kind == REQUEST && !s->ret && s->outcome == NONE)
			return true;
	}
	return false;
}

void oracle_live(void *arg)
{
	peer = (unsigned long)arg;
	become(1000 + peer % UIDS);
	start_caller();
	begin_life();
	if (!world->began)
		meet(ALL_THERE);
	keep_busy();
	wait_for_caller();
	/* nobody asks any more: what is owed comes or ends with its deadline */
	meet(ALL_DONE);
	while (is_owed_something()) {
		kdbus_client_wait(&me, 20);
		while (take())
			;
	}
	/* nobody answers any more either: only what is there already comes */
	meet(NOTHING_OWED);
	silent = true;
	while (take())
		;
	give_back_all();
	/* the books are looked at while all are there */
	meet(NOTHING_QUEUED);
	self->stayed = true;
	end_life(CLOSED);
}

void oracle_watch(void *arg)
{
	(void)arg;
	peer = PEERS;
	begin_books();
	self->watches = silent = true;
	ASSERT_OK(kdbus_client_open(&me, bus.path, KDBUS_HELLO_MONITOR |
				    KDBUS_HELLO_ACCEPT_FD, 0, MONITORS_POOL,
				    NULL));
	self->id = me.hello.id;
	hear_all(&me, 1);
	__atomic_store_n(&self->there, true, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&world->over, __ATOMIC_SEQ_CST)) {
		kdbus_client_wait(&me, 20);
		while (take())
			;
	}
	while (take())
		;
	self->stayed = self->leaving = true;
	kdbus_client_close(&me);
}
