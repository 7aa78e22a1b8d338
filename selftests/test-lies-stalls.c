// SPDX-License-Identifier: GPL-2.0
/*
 * Commands whose memory is served late or never, as a page of a hanging file
 * system might be: each command there is, while it is fetched and while its
 * answer is written. Whoever else is on the bus does not notice. What comes of
 * messages, names and calls meanwhile is in test-stalls.
 */
#include "commands.h"

#define PAGE 4096

static struct stall stall;

struct run {
	const struct command *c;
	pthread_t thread;
	int fd, ret;
};

static void *run_there(void *arg)
{
	struct run *r = arg;

	r->ret = command_run(r->c, r->fd, stall.page);
	return NULL;
}

/* Begins a command at the page that stalls; returns when it sleeps. */
static void begin(struct run *r)
{
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
	command_done(r->c, r->fd, stall.page);
	ASSERT_OK(munmap(stall.page, PAGE));
}

static void each_command(void (*how)(struct run *r,
				     const struct kdbus_builder *b))
{
	struct kdbus_builder b;
	size_t i;

	commands_world();
	for (i = 0; i < n_commands; i++) {
		struct run r = { .c = &commands[i] };

		r.c->build(&b);
		ASSERT(b.size <= PAGE);
		how(&r, &b);
	}
}

static void comes_late(struct run *r, const struct kdbus_builder *b)
{
	stall_new(&stall);
	begin(r);
	others_and_the_same_go_on();
	stall_serve(&stall, b->buf, b->size);
	expect_served(r);
}

/* spec 22.5: fetched late */
TEST(commands_that_come_late_hold_up_nobody)
{
	each_command(comes_late);
}

static void never_comes(struct run *r, const struct kdbus_builder *b)
{
	(void)b;
	stall_new(&stall);
	begin(r);
	others_go_on();
	stall_unmap(&stall);
	expect_end(r, -EFAULT);
	command_close(r->c, r->fd);
}

/* spec 22.5, 22.6: never, and at last there is no page */
TEST(commands_that_never_come_hold_up_nobody)
{
	each_command(never_comes);
}

static void answer_stalls(struct run *r, const struct kdbus_builder *b)
{
	if (!r->c->answers)
		return;
	stall_new_writer(&stall, b->buf, b->size);
	begin(r);
	others_and_the_same_go_on();
	stall_let_write(&stall);
	expect_served(r);
}

/* spec 22.5, 7.6, 12.3: the answer is written late */
TEST(answers_that_stall_hold_up_nobody)
{
	each_command(answer_stalls);
}

/* ---- and dies there --------------------------------------------------- */

static int told[2];

static void *tell_when_it_sleeps(void *arg)
{
	stall_wait(&stall);
	ASSERT_EQ(write(told[1], "x", 1), 1);
	return arg;
}

static void sleep_there(void *arg)
{
	const struct command *c = arg;
	pthread_t t;
	int fd = command_open(c);

	stall_new(&stall);
	ASSERT_OK(pthread_create(&t, NULL, tell_when_it_sleeps, NULL));
	command_run(c, fd, stall.page);
	test_fail(__FILE__, __LINE__, "%s came back", c->name);
}

/* spec 22.5, 22.6: whoever is killed meanwhile goes, and leaves nothing */
TEST(whoever_sleeps_there_can_be_killed)
{
	size_t i;
	char x;

	commands_world();
	ASSERT_OK(pipe(told));
	for (i = 0; i < n_commands; i++) {
		pid_t pid = spawn(sleep_there, (void *)&commands[i]);
		int status;

		ASSERT_EQ(read(told[0], &x, 1), 1);
		others_go_on();
		ASSERT_OK(kill(pid, SIGKILL));
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		ASSERT(WIFSIGNALED(status));
		others_go_on();
	}
}
