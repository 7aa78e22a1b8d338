// SPDX-License-Identifier: GPL-2.0
/*
 * Commands whose memory is served late or never, as a page of a hanging file
 * system might be: each command there is, while it is fetched and while its
 * answer is written. Whoever else is on the bus does not notice. What comes of
 * messages, names and calls meanwhile is in test-stalls.
 */
#include "commands.h"
#include "snapshot.h"

#define PAGE 4096

static struct stall stall;

struct run;

/**
 * struct place - where a command stalls
 * @has:	whether the command can stall there; NULL: each does
 * @make:	has it about to do so
 */
struct place {
	bool (*has)(const struct run *r);
	void (*make)(struct run *r);
};

/**
 * struct run - a command that stalls
 * @c:		the command
 * @place:	where it stalls
 * @b:		as it is right
 * @at:		where it lies
 * @thread:	who gives it
 * @fd:		to which file
 * @ret:	what came of it
 */
struct run {
	const struct command *c;
	const struct place *place;
	struct kdbus_builder b;
	char *at;
	pthread_t thread;
	int fd, ret;
};

/* ---- where it stalls -------------------------------------------------- */

static void stall_fetch(struct run *r)
{
	stall_new(&stall);
	r->at = stall.page;
}

/* All of the command is on the page. */
static const struct place at_the_fetch = { .make = stall_fetch };

static bool has_more_than_a_size(const struct run *r)
{
	return r->b.size > 8;
}

static void stall_second_page(struct run *r)
{
	char *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(two != MAP_FAILED);
	r->at = two + PAGE - 8;
	memcpy(r->at, r->b.buf, 8);
	stall_at(&stall, two + PAGE);
}

/* Its size is on a page before: the kernel knows it and comes again. */
static const struct place at_the_second_page = {
	has_more_than_a_size, stall_second_page
};

static bool is_answered(const struct run *r)
{
	return r->c->answers;
}

static void stall_answer(struct run *r)
{
	stall_new_writer(&stall, r->b.buf, r->b.size);
	r->at = stall.page;
}

/* What is to be written back is on it. */
static const struct place at_the_answer = { is_answered, stall_answer };

/* ---- late, and never -------------------------------------------------- */

static void *run_there(void *arg)
{
	struct run *r = arg;

	r->ret = command_run(r->c, r->fd, r->at);
	return NULL;
}

/* Begins a command that stalls; returns when it sleeps. */
static void begin(struct run *r)
{
	r->place->make(r);
	r->fd = command_open(r->c);
	ASSERT_OK(pthread_create(&r->thread, NULL, run_there, r));
	stall_wait(&stall);
}

static void expect_end(struct run *r, int want)
{
	ASSERT_OK(pthread_join(r->thread, NULL));
	if (r->ret != want)
		command_fail(r->c, "%d %s", r->ret, strerror(-r->ret));
}

/* Nor do other threads with the same connection. */
static void the_same_goes_on(void)
{
	const struct kdbus_name_list *list;

	ASSERT_OK(kdbus_client_list(&commands_a, 15, &list));
	ASSERT_OK(kdbus_client_free(&commands_a, list));
	ASSERT_OK(kdbus_client_acquire(&commands_a, "com.example.other", 0));
	ASSERT_OK(kdbus_client_release(&commands_a, "com.example.other"));
	ASSERT_OK(kdbus_client_match_remove(&commands_a, 99));
}

static void others_and_the_same_go_on(void)
{
	others_go_on();
	the_same_goes_on();
}

/* It has been served, and does what it does otherwise. */
static void expect_served(struct run *r)
{
	expect_end(r, r->c->want);
	command_done(r->c, r->fd, r->at);
	ASSERT_OK(munmap(stall.page, PAGE));
}

static void each_command(const struct place *place, void (*how)(struct run *r))
{
	static struct run r;
	size_t i, n = 0;

	commands_world();
	r.place = place;
	for (i = 0; i < n_commands; i++) {
		r.c = &commands[i];
		r.c->build(&r.b);
		ASSERT(r.b.size <= PAGE);
		if (!place->has || place->has(&r)) {
			how(&r);
			n++;
		}
	}
	ASSERT(n > 8);
}

static void comes_late(struct run *r)
{
	size_t there;

	begin(r);
	others_and_the_same_go_on();
	there = stall.page - r->at;
	stall_serve(&stall, r->b.buf + there, r->b.size - there);
	expect_served(r);
}

/* spec 22.5: fetched late */
TEST(commands_that_come_late_hold_up_nobody)
{
	each_command(&at_the_fetch, comes_late);
}

/* spec 22.5: the same of what is fetched when the size is known */
TEST(second_pages_that_come_late_hold_up_nobody)
{
	each_command(&at_the_second_page, comes_late);
}

static void never_comes(struct run *r)
{
	begin(r);
	others_go_on();
	stall_unmap(&stall);
	expect_end(r, -EFAULT);
	command_close(r->c, r->fd);
}

/* spec 22.5, 22.6: never, and at last there is no page */
TEST(commands_that_never_come_hold_up_nobody)
{
	each_command(&at_the_fetch, never_comes);
}

/* spec 22.5, 22.6 */
TEST(second_pages_that_never_come_hold_up_nobody)
{
	each_command(&at_the_second_page, never_comes);
}

static void answer_stalls(struct run *r)
{
	begin(r);
	others_and_the_same_go_on();
	stall_let_write(&stall);
	expect_served(r);
}

/* spec 22.5, 7.6, 12.3: the answer is written late */
TEST(answers_that_stall_hold_up_nobody)
{
	each_command(&at_the_answer, answer_stalls);
}

/* What has been done is undone, or stays, if that is what the ABI has. */
static void answer_has_no_place(struct run *r)
{
	static char before[SNAPSHOT];

	snapshot(before);
	begin(r);
	others_and_the_same_go_on();
	stall_unmap(&stall);
	expect_end(r, -EFAULT);
	if (r->c->lasts)
		command_done(r->c, r->fd, r->b.buf);
	else
		command_close(r->c, r->fd);
	expect_as_before(before, "the answer of %s", r->c->name);
}

/* spec 22.5, 22.6, 7.6, 12.3, 13.3: never, and at last there is no page */
TEST(answers_that_find_no_page_hold_up_nobody)
{
	each_command(&at_the_answer, answer_has_no_place);
}

/* ---- and dies there --------------------------------------------------- */

static void sleep_there(void *arg)
{
	struct run *r = arg;

	/* the page is this process's own */
	r->place->make(r);
	r->fd = command_open(r->c);
	stall_tell(&stall);
	r->ret = command_run(r->c, r->fd, r->at);
	command_fail(r->c, "came back: %d", r->ret);
}

static void kill_there(struct run *r)
{
	pid_t pid = spawn_sleeper(sleep_there, r);

	others_and_the_same_go_on();
	kill_sleeper(pid);
	others_go_on();
}

/* What was there to be handed out, or to be done, still is. */
static void expect_it_works(struct run *r)
{
	int fd = command_open(r->c);

	r->ret = command_run(r->c, fd, r->b.buf);
	if (r->ret != r->c->want)
		command_fail(r->c, "after one was killed: %s",
			     strerror(-r->ret));
	command_done(r->c, fd, r->b.buf);
}

static void is_killed(struct run *r)
{
	static char before[SNAPSHOT];

	snapshot(before);
	kill_there(r);
	/* what belonged to a file of its own has gone with it */
	if (r->c->lasts && r->place == &at_the_answer && r->c->undo)
		r->c->undo(r->c->open(), r->b.buf);
	expect_as_before(before, "%s was killed", r->c->name);
	expect_it_works(r);
}

/* spec 22.5, 22.6: whoever is killed meanwhile goes, and leaves nothing */
TEST(whoever_sleeps_there_can_be_killed)
{
	each_command(&at_the_fetch, is_killed);
}

/* spec 22.5, 22.6 */
TEST(whoever_sleeps_on_the_second_page_can_be_killed)
{
	each_command(&at_the_second_page, is_killed);
}

/*
 * spec 22.5, 22.6, 7.6, 12.3, 13.3: what was about to be handed out is there
 * for the next one, and what nobody was told of is gone
 */
TEST(whoever_sleeps_at_the_answer_can_be_killed)
{
	each_command(&at_the_answer, is_killed);
}
