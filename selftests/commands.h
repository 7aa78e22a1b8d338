/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every command that takes a pointer, as one that is right, for tests that
 * hand it to the kernel from memory that is not. All belongs to the case that
 * runs; what a command did is taken back by it.
 */
#ifndef KDBUS_COMMANDS_H
#define KDBUS_COMMANDS_H

#include "fixtures.h"

/**
 * struct command - a command
 * @name:	for who reads what failed
 * @nr:		the ioctl
 * @answers:	the kernel writes something back, so it needs to be writable
 * @lasts:	as the ABI has it, it takes effect although the answer cannot be
 *		written
 * @want:	what it returns when all is right: 0, but for a command that has
 *		nothing to do
 * @never_wrong: it returns that whatever its words are: none is read, or each
 *		value is as good as any other
 * @open:	the file it goes to; by command_done() if it is made for it
 * @build:	the command; its size is the builder's
 * @undo:	takes back what it did with @fd, as told by the answer; or NULL
 * @again:	has it succeed again if it is given once more as it was built,
 *		whatever was made of it before; or NULL if it would anyway
 */
struct command {
	const char *name;
	unsigned long nr;
	bool answers;
	bool lasts;
	int want;
	bool never_wrong;
	int (*open)(void);
	void (*build)(struct kdbus_builder *b);
	void (*undo)(int fd, const void *answer);
	void (*again)(void);
};

extern const struct command commands[];
extern const size_t n_commands;

/* The bus they are about, who gives them, and somebody else. */
extern struct bus commands_bus;
extern struct kdbus_client commands_a, commands_b;

/* Makes that world. */
void commands_world(void);
/* A file to give a command on: command_done() or command_close() closes it. */
int command_open(const struct command *c);
/* The same, and @b is the command as it is right. */
int command_begin(const struct command *c, struct kdbus_builder *b);
/* Runs a command at @at, which holds what it was built as. */
int command_run(const struct command *c, int fd, void *at);
/* Takes back a command that has succeeded, and closes its file. */
void command_done(const struct command *c, int fd, const void *answer);
/* Closes the file of one that has failed. */
void command_close(const struct command *c, int fd);
/* Fails the case about a command. */
#define command_fail(c, fmt, ...)					\
	test_fail(__FILE__, __LINE__, "%s: " fmt, (c)->name, ##__VA_ARGS__)

/*
 * Others on the bus do what peers do, each thing once: messages, broadcasts,
 * calls, names, matches, lists, coming and going.
 */
void others_go_on(void);
/*
 * Whether that is the id of one of them, who would get what is sent to it, or
 * of somebody else who would not answer a request.
 */
bool others_have(__u64 id);

#endif /* KDBUS_COMMANDS_H */
