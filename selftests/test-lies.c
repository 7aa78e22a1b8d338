// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not what a command takes it for: every command that takes a
 * pointer, with its memory ending too early, gone, not to be written to, not
 * aligned, or the kernel's own. What fails changes nothing.
 */
#include "commands.h"
#include "snapshot.h"

#define PAGE 4096UL
#define PAGES 5

/* An address that a process cannot have, or that is nobody's. */
static const __u64 nowhere[] = {
	0, 8, PAGE, ~0ULL & ~7ULL, ~0ULL - PAGE + 1,
#ifdef __LP64__
	/* the end of what processes have, what is no address, the kernel's */
	0x00007ffffffff000, 0x00007ffffffffff8, 0x0000800000000000,
	0x8000000000000000, 0xffff800000000000, 0xffff888000000000,
	0xffffc90000000000, 0xffffffff81000000, 0xffffffffc0000000,
	0xffffffffff600000,
#else
	0xfffff000,
#endif
};

/* Some pages, and behind them one that cannot be touched. */
static char *edge_new(void)
{
	char *p = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(p != MAP_FAILED);
	p += PAGES * PAGE;
	ASSERT_OK(mprotect(p, PAGE, PROT_NONE));
	return p;
}

/* The same, and the page is behind the end of a file. */
static char *file_end_new(void)
{
	int fd = memfd_create("lies", 0);
	char *p;

	ASSERT(fd >= 0);
	ASSERT_OK(ftruncate(fd, PAGES * PAGE));
	p = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, 0);
	ASSERT(p != MAP_FAILED);
	close(fd);
	return p + PAGES * PAGE;
}

static size_t words(const struct kdbus_builder *b)
{
	return KDBUS_ALIGN8(b->size);
}

/* Runs a command that has to fail with EFAULT and change nothing. */
static void expect_fault(const struct command *c, int fd, void *at,
			 const char *what)
{
	static char before[SNAPSHOT];
	int ret;

	snapshot(before);
	ret = command_run(c, fd, at);
	if (ret != -EFAULT)
		command_fail(c, "%s, at %p: %s", what, at, strerror(-ret));
	expect_as_before(before, "%s, %s", c->name, what);
}

static void expect_done(const struct command *c, int fd, void *at,
			const char *what)
{
	int ret = command_run(c, fd, at);

	if (ret != c->want)
		command_fail(c, "%s: %d %s", what, ret, strerror(-ret));
	command_done(c, fd, at);
}

/*
 * With the page behind @end it reaches too far by each number of words; all of
 * it lies before at last.
 */
static void end_at(const struct command *c, char *end, const char *what)
{
	struct kdbus_builder b;
	size_t beyond;
	int fd;

	fd = command_begin(c, &b);
	for (beyond = words(&b); beyond; beyond -= 8) {
		char *at = end - words(&b) + beyond;

		memcpy(at, b.buf, words(&b) - beyond);
		expect_fault(c, fd, at, what);
	}
	memcpy(end - words(&b), b.buf, b.size);
	expect_done(c, fd, end - words(&b), what);
}

/* spec 6.1, 6.3, 7.1, 9.2, 12.1, 13.3, 17.7, 22.6 */
TEST(commands_may_end_where_memory_ends)
{
	char *edge, *file_end;
	size_t i;

	commands_world();
	edge = edge_new();
	file_end = file_end_new();
	for (i = 0; i < n_commands; i++) {
		end_at(&commands[i], edge, "behind it is nothing");
		end_at(&commands[i], file_end, "behind it is no file");
	}
	others_go_on();
}

/* spec 22.6, 8.7: neither what is not there nor what is the kernel's */
TEST(commands_nowhere)
{
	size_t i, k;

	commands_world();
	for (i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		struct kdbus_builder b;
		int fd;

		fd = command_begin(c, &b);
		for (k = 0; k < sizeof(nowhere) / sizeof(*nowhere); k++)
			expect_fault(c, fd, (void *)(uintptr_t)nowhere[k],
				     "nowhere");
		expect_done(c, fd, b.buf, "after all");
	}
	others_go_on();
}

/* spec 2.7, 20.4: a number of four bytes may lie anywhere */
TEST(commands_have_to_be_aligned)
{
	size_t i, off;

	commands_world();
	for (i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		struct kdbus_builder b;
		char moved[16392] __attribute__((aligned(8)));
		int fd;

		if (c->nr == KDBUS_CMD_MEMFD_SEAL_GET)
			continue;
		fd = command_begin(c, &b);
		for (off = 1; off < 8; off++) {
			memcpy(moved + off, b.buf, b.size);
			expect_fault(c, fd, moved + off, "not aligned");
		}
		expect_done(c, fd, b.buf, "aligned");
	}
}

/* ---- answers ---------------------------------------------------------- */

/* spec 5.5, 7.6, 12.3, 13.3, 20.1, 22.6 */
TEST(what_has_no_answer_may_be_read_only)
{
	char *page = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	ASSERT(page != MAP_FAILED);
	commands_world();
	for (i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		struct kdbus_builder b;
		int fd;

		fd = command_begin(c, &b);
		memcpy(page, b.buf, b.size);
		ASSERT_OK(mprotect(page, PAGES * PAGE, PROT_READ));
		if (!c->answers) {
			expect_done(c, fd, page, "read-only");
		} else if (c->lasts) {
			ASSERT_EQ(command_run(c, fd, page), -EFAULT);
			command_done(c, fd, page);
		} else {
			expect_fault(c, fd, page, "read-only");
			expect_done(c, fd, b.buf, "writable");
		}
		ASSERT_OK(mprotect(page, PAGES * PAGE, PROT_READ | PROT_WRITE));
	}
	others_go_on();
}

static void *answer_b(void *arg)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_next(&commands_b, 30000, &msg));
	*(int *)arg = kdbus_client_reply(&commands_b, msg, "yes", 4);
	ASSERT_OK(kdbus_client_free(&commands_b, msg));
	return NULL;
}

/* spec 10.6, 22.6: a reply that cannot be told of is gone, and costs nothing */
TEST(a_reply_that_cannot_be_told_of)
{
	struct kdbus_builder *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;
	int replied;

	ASSERT(b != MAP_FAILED);
	commands_world();
	kdbus_build_msg(b, commands_b.hello.id, 1);
	make_sync(b, 100 * SEC);
	ASSERT_OK(mprotect(b, sizeof(*b), PROT_READ));
	ASSERT_OK(pthread_create(&t, NULL, answer_b, &replied));
	ASSERT_EQ(kdbus_client_send(&commands_a, b), -EFAULT);
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_OK(replied);
	ASSERT_EQ(listed("connections", &commands_bus, commands_a.hello.id,
			 "pool_used"), 0);
	ASSERT_EQ(listed("connections", &commands_bus, commands_a.hello.id,
			 "calls_out"), 0);
	expect_nothing(&commands_a);
	others_go_on();
}

/* ---- payload ---------------------------------------------------------- */

/* Sends @size bytes at @address, to one or to all. */
static int send_from(__u64 address, __u64 size, bool to_all)
{
	struct kdbus_vec vec = { .size = size, .address = address };
	struct kdbus_builder b;

	if (to_all)
		build_broadcast(&b, 1);
	else
		kdbus_build_msg(&b, commands_b.hello.id, 1);
	kdbus_build_item(&b, KDBUS_ITEM_PAYLOAD_VEC, &vec, sizeof(vec));
	return kdbus_client_send(&commands_a, &b);
}

static void expect_payload(const char *data, size_t size)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(&commands_b, 0, 0, &msg));
	ASSERT_EQ(kdbus_msg_payload(msg, NULL, 0), size);
	ASSERT_OK(memcmp((const char *)msg + msg->size, data, size));
	ASSERT_OK(kdbus_client_free(&commands_b, msg));
}

static void payload_up_to(char *end, bool to_all)
{
	static const size_t sizes[] = { 1, 2, 7, 8, 9, 4095, 4096, 4097,
					PAGES * PAGE };
	size_t i, beyond;

	memset(end - PAGES * PAGE, 'x', PAGES * PAGE);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = sizes[i];

		ASSERT_OK(send_from((uintptr_t)end - size, size, to_all));
		expect_payload(end - size, size);
		for (beyond = 1; beyond <= size; beyond *= 2)
			ASSERT_EQ(send_from((uintptr_t)end - size + beyond,
					    size, to_all), -EFAULT);
		expect_nothing(&commands_b);
	}
}

/* spec 8.7, 9.7, 9.9: payload may begin and end anywhere */
TEST(payload_may_end_where_memory_ends)
{
	char *edge, *file_end;
	int all;

	commands_world();
	ASSERT_OK(match_rule(&commands_b, 1, KDBUS_ITEM_ID,
			     &commands_a.hello.id, 8));
	edge = edge_new();
	file_end = file_end_new();
	for (all = 0; all < 2; all++) {
		payload_up_to(edge, all);
		payload_up_to(file_end, all);
	}
	ASSERT_EQ(listed("connections", &commands_bus, 0, "pool_used"), 0);
	others_go_on();
}

/* spec 8.7, 9.3, 3.3 */
TEST(payload_nowhere)
{
	static const __u64 sizes[] = { 1, 8, 4096, 1 << 20 };
	static char before[SNAPSHOT];
	size_t i, k;
	int all;

	commands_world();
	ASSERT_OK(match_rule(&commands_b, 1, KDBUS_ITEM_ID,
			     &commands_a.hello.id, 8));
	snapshot(before);
	/* the first one is none: zeros, as the ABI has it */
	for (i = 1; i < sizeof(nowhere) / sizeof(*nowhere); i++)
		for (k = 0; k < sizeof(sizes) / sizeof(*sizes); k++)
			for (all = 0; all < 2; all++)
				ASSERT_EQ(send_from(nowhere[i], sizes[k], all),
					  -EFAULT);
	/* addresses that do not fit into this process's pointers */
	for (i = 32; i < 64; i++)
		ASSERT_EQ(send_from(1ULL << i | PAGE, 8, false), -EFAULT);
	expect_as_before(before, "payload nowhere");
	expect_nothing(&commands_b);
	others_go_on();
}
