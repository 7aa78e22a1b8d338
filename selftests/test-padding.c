// SPDX-License-Identifier: GPL-2.0
/*
 * Every byte that reaches user space was written on purpose: of whatever lies
 * in a pool each byte is looked at, on slices that held other things before,
 * and of a command only what the ABI names is written back. Where memory is
 * filled when it is given out or freed (slub_debug=P, and the stack of a
 * module built with D=), runs of what it was filled with are looked for, too.
 */
#include "commands.h"

#define POOL 65536
#define STAIN 0xc3
/* as many in a row are no accident */
#define RUN 4

static struct kdbus_client me;

/* ---- looking at bytes ------------------------------------------------- */

/* What older messages have left, freed memory, new memory, the stack. */
static const unsigned char left_over[] = { STAIN, 0x6b, 0x5a, 0xfe };

static void expect_no_runs(const char *what, const void *data, size_t size)
{
	const unsigned char *p = data;
	size_t i, k, run;

	for (k = 0; k < sizeof(left_over); k++) {
		for (run = i = 0; i < size; i++) {
			run = p[i] == left_over[k] ? run + 1 : 0;
			if (run == RUN)
				test_fail(__FILE__, __LINE__,
					  "%s: bytes 0x%02x at %zu of %zu",
					  what, p[i], i + 1 - RUN, size);
		}
	}
}

static void expect_zeros(const char *what, const char *base, size_t from,
			 size_t to)
{
	for (; from < to; from++)
		if (base[from])
			test_fail(__FILE__, __LINE__,
				  "%s: byte %zu of padding is 0x%02x", what,
				  from, (unsigned char)base[from]);
}

/* The payload is one string, and what is left of it zeros. */
static void expect_string(const char *what, const char *str, size_t size)
{
	size_t len = strnlen(str, size);

	if (len == size)
		test_fail(__FILE__, __LINE__, "%s: no end of a string", what);
	expect_zeros(what, str, len, size);
}

static void expect_payload_of(const char *what, const struct kdbus_item *item,
			      size_t want)
{
	if (item->size - KDBUS_ITEM_HEADER != want)
		test_fail(__FILE__, __LINE__,
			  "%s: item 0x%llx has %llu bytes, not %zu", what,
			  (unsigned long long)item->type,
			  (unsigned long long)item->size, want);
}

/* An item has the size of its type, and its payload no holes. */
static void look_at_item(const char *what, const struct kdbus_item *item)
{
	size_t size = item->size - KDBUS_ITEM_HEADER;

	switch (item->type) {
	case KDBUS_ITEM_PAYLOAD_OFF:
	case KDBUS_ITEM_AUDIT:
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		return expect_payload_of(what, item, 16);
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		expect_payload_of(what, item, 16);
		ASSERT_EQ(item->memfd.__pad, 0);
		return;
	case KDBUS_ITEM_TIMESTAMP:
		return expect_payload_of(what, item, 24);
	case KDBUS_ITEM_CREDS:
		return expect_payload_of(what, item, 40);
	case KDBUS_ITEM_REPLY_DEAD:
	case KDBUS_ITEM_REPLY_TIMEOUT:
		return expect_payload_of(what, item, 0);
	case KDBUS_ITEM_CAPS:
		ASSERT_EQ(size % 16, 0);
		return;
	case KDBUS_ITEM_FDS:
		ASSERT_EQ(size % 4, 0);
		return;
	case KDBUS_ITEM_NAME:
		return expect_string(what, item->name.name, size - 8);
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		return expect_string(what, item->name_change.name, size - 32);
	case KDBUS_ITEM_CMDLINE:
		ASSERT_EQ(item->str[size - 1], 0);
		return;
	case KDBUS_ITEM_DST_NAME:
	case KDBUS_ITEM_PID_COMM:
	case KDBUS_ITEM_TID_COMM:
	case KDBUS_ITEM_EXE:
	case KDBUS_ITEM_CGROUP:
	case KDBUS_ITEM_SECLABEL:
	case KDBUS_ITEM_CONN_NAME:
		return expect_string(what, item->str, size);
	}
	test_fail(__FILE__, __LINE__, "%s: an item of type 0x%llx", what,
		  (unsigned long long)item->type);
}

/* Items from one offset to another; returns how many. */
static int look_at_items(const char *what, const char *base, size_t from,
			 size_t to)
{
	const struct kdbus_item *item;
	int n = 0;

	while (from < to) {
		ASSERT(from % 8 == 0 && to - from >= KDBUS_ITEM_HEADER);
		item = (const void *)(base + from);
		ASSERT(item->size >= KDBUS_ITEM_HEADER &&
		       item->size <= to - from);
		look_at_item(what, item);
		from += item->size;
		expect_zeros(what, base, from, KDBUS_ALIGN8(from));
		from = KDBUS_ALIGN8(from);
		n++;
	}
	ASSERT_EQ(from, KDBUS_ALIGN8(to));
	return n;
}

/* ---- slices that were used -------------------------------------------- */

/* what lies at the pool's start, so that all behind it lies on stains */
static const struct kdbus_name_list *first;

static void attach(struct kdbus_client *c, __u64 flags)
{
	struct kdbus_builder b;

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&b, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
	ASSERT_OK(xioctl(c->fd, KDBUS_CMD_CONN_UPDATE, b.buf));
}

/* Fills the pool with messages and gives them back, so that all is stained. */
static void stain(struct kdbus_client *c)
{
	static char data[POOL];
	const struct kdbus_msg *msg;
	struct kdbus_builder b;
	size_t size, at;
	int ret;

	if (first)
		ASSERT_OK(kdbus_client_free(c, first));
	attach(c, 0);
	memset(data, STAIN, sizeof(data));
	for (size = POOL / 2; size > 128; size /= 2) {
		do {
			kdbus_build_msg(&b, c->hello.id, 1);
			kdbus_build_vec(&b, data, size - 128);
			ret = kdbus_client_send(c, &b);
		} while (!ret);
		ASSERT(ret == -EXFULL || ret == -ENOBUFS);
	}
	while (!kdbus_client_recv(c, 0, 0, &msg))
		ASSERT_OK(kdbus_client_free(c, msg));
	attach(c, _KDBUS_ATTACH_ALL);

	ASSERT_OK(kdbus_client_list(c, KDBUS_NAME_LIST_UNIQUE, &first));
	ASSERT((const char *)first == c->pool && first->size > 96);
	for (at = KDBUS_ALIGN8(first->size); at < POOL / 4; at++)
		ASSERT_EQ((unsigned char)c->pool[at], STAIN);
}

static size_t used(struct kdbus_client *c)
{
	return listed("connections", &commands_bus, c->hello.id, "pool_used");
}

/* All of the message's slice: header, items, payload, what is left. */
static void look_at_msg(const char *what, struct kdbus_client *c,
			const struct kdbus_msg *msg, size_t payload)
{
	const char *base = (const char *)msg;
	size_t with = used(c), slice;

	ASSERT(look_at_items(what, base, sizeof(*msg), msg->size) > 0);
	expect_no_runs(what, msg, msg->size);
	ASSERT_OK(kdbus_client_free(c, msg));
	slice = with - used(c);
	/* nobody else writes to this pool */
	expect_zeros(what, base, msg->size + payload, slice);
	ASSERT_EQ(slice, KDBUS_ALIGN8(msg->size + payload));
}

static void look_at_next(const char *what, struct kdbus_client *c,
			 size_t payload)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(c, 0, 0, &msg));
	kdbus_msg_close_fds(msg);
	look_at_msg(what, c, msg, payload);
}

static void client_stained(struct kdbus_client *c, __u64 flags)
{
	struct kdbus_builder b;

	kdbus_build_hello(&b, flags, _KDBUS_ATTACH_ALL);
	((struct kdbus_cmd_hello *)b.buf)->pool_size = POOL;
	kdbus_build_string(&b, KDBUS_ITEM_CONN_NAME, "pad");
	ASSERT_OK(kdbus_client_hello(c, commands_bus.path, &b));
	if (!(flags & (KDBUS_HELLO_MONITOR | KDBUS_HELLO_ACTIVATOR)))
		stain(c);
}

static int sealed_memfd(void)
{
	int fd = kdbus_memfd_make(&commands_a, "pad");

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "content", 8), 8);
	ASSERT_OK(kdbus_memfd_seal(fd, true));
	return fd;
}

/* Everything a message can carry, each part of an odd size: 13 bytes. */
static void build_all(struct kdbus_builder *b, __u64 dst, const char *name)
{
	int memfd = sealed_memfd(), fds[3] = { 0, 1, 2 };

	kdbus_build_msg(b, name ? 0 : dst, 1);
	if (name)
		kdbus_build_string(b, KDBUS_ITEM_DST_NAME, name);
	kdbus_build_vec(b, "abc", 3);
	kdbus_build_memfd(b, memfd, 7);
	kdbus_build_vec(b, NULL, 13);
	kdbus_build_vec(b, "defgh", 5);
	kdbus_build_fds(b, fds, 3);
}

#define ALL_PAYLOAD (3 + 13 % 8 + 5)

static void world(void)
{
	commands_world();
	ASSERT_OK(kdbus_client_acquire(&commands_a, "com.example.pad", 0));
	ASSERT_OK(kdbus_client_acquire(&commands_a, "com.example.padded", 0));
	client_stained(&me, KDBUS_HELLO_ACCEPT_FD);
}

/* ---- messages --------------------------------------------------------- */

/* spec 8.5, 9.8, 17.3 */
TEST(messages_have_no_holes)
{
	static const char * const names[] = {
		NULL, "o.k", "o.ka", "o.kab", "o.kabc", "o.kabcd", "o.kabcde",
		"o.kabcdef", "o.kabcdefg",
	};
	struct kdbus_builder b;
	size_t i;

	world();
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i])
			ASSERT_OK(kdbus_client_acquire(&me, names[i], 0));
		build_all(&b, me.hello.id, names[i]);
		ASSERT_OK(kdbus_client_send(&commands_a, &b));
		look_at_next(names[i] ?: "by id", &me, ALL_PAYLOAD);
		stain(&me);
	}
}

/* spec 8.5, 9.9 */
TEST(broadcasts_have_no_holes)
{
	struct kdbus_builder b;

	world();
	ASSERT_OK(match_rule(&me, 1, KDBUS_ITEM_ID, &commands_a.hello.id, 8));
	build_broadcast(&b, 1);
	kdbus_build_vec(&b, "abcde", 5);
	kdbus_build_vec(&b, NULL, 3);
	ASSERT_OK(kdbus_client_send(&commands_a, &b));
	look_at_next("broadcast", &me, 8);
}

/* spec 8.5, 12.4: also what is looked at before it is received */
TEST(what_is_peeked_at_has_no_holes)
{
	const struct kdbus_msg *msg;
	struct kdbus_builder b;
	size_t i;

	world();
	build_all(&b, me.hello.id, NULL);
	ASSERT_OK(kdbus_client_send(&commands_a, &b));
	ASSERT_OK(kdbus_client_recv(&me, KDBUS_RECV_PEEK, 0, &msg));
	look_at_items("peeked", (const char *)msg, sizeof(*msg), msg->size);
	expect_no_runs("peeked", msg, msg->size);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(kdbus_msg_item(msg, KDBUS_ITEM_FDS)->fds[i], -1);
	ASSERT_EQ(kdbus_msg_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD)->memfd.fd, -1);
	look_at_next("received", &me, ALL_PAYLOAD);
}

/* spec 8.5, 14.4: what has moved, and what a monitor sees */
TEST(copies_have_no_holes)
{
	struct kdbus_client monitor, act;
	struct kdbus_builder b;

	commands_world();
	client_stained(&me, KDBUS_HELLO_ACCEPT_FD);
	ASSERT_OK(special_new(&act, &commands_bus, KDBUS_HELLO_ACTIVATOR |
			      KDBUS_HELLO_ACCEPT_FD, "com.example.moved"));
	client_stained(&monitor, KDBUS_HELLO_MONITOR | KDBUS_HELLO_ACCEPT_FD);
	build_all(&b, 0, "com.example.moved");
	ASSERT_OK(kdbus_client_send(&commands_a, &b));
	ASSERT_OK(kdbus_client_acquire(&me, "com.example.moved", 0));
	look_at_next("moved", &me, ALL_PAYLOAD);
	look_at_next("monitored", &monitor, ALL_PAYLOAD);
}

/* spec 8.5, 10.6 */
TEST(replies_have_no_holes)
{
	struct kdbus_builder b;
	struct sender s = {};

	world();
	kdbus_build_msg(&s.msg, commands_a.hello.id, 1);
	make_sync(&s.msg, 1000 * SEC);
	sender_start(&s, &me);
	ASSERT_EQ(kdbus_client_wait(&commands_a, 30000), 1);
	build_all(&b, me.hello.id, NULL);
	b.msg.cookie_reply = 1;
	ASSERT_OK(kdbus_client_send(&commands_a, &b));
	ASSERT_OK(sender_end(&s));
	look_at_msg("reply", &me, (void *)(me.pool + s.msg.msg.offset_reply),
		    ALL_PAYLOAD);
}

/* spec 8.5, 18.1 */
TEST(notices_have_no_holes)
{
	struct kdbus_client z;
	int i;

	world();
	hear_all(&me, 1);
	client_new(&z, &commands_bus);
	ASSERT_OK(kdbus_client_acquire(&z, "com.example.n", 0));
	ASSERT_OK(kdbus_client_acquire(&z, "com.example.no", 0));
	ASSERT_EQ(kdbus_client_acquire(&commands_b, "com.example.no",
				       KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(request(&me, z.hello.id, 5, SEC * 1000));
	ASSERT_OK(request(&me, commands_b.hello.id, 6, 1));
	kdbus_client_close(&z);
	/*
	 * It comes, takes two names, the time of a call is over; then one name
	 * changes hands, one goes, a reply will not come, and it is gone.
	 */
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(kdbus_client_wait(&me, 30000), 1);
		look_at_next("notice", &me, 0);
	}
	expect_nothing(&me);
}

/* ---- answers ---------------------------------------------------------- */

/* spec 8.5, 13.6 */
TEST(lists_have_no_holes)
{
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *record;
	size_t with, slice, n = 0;
	const char *base;

	world();
	ASSERT_EQ(kdbus_client_acquire(&commands_b, "com.example.pad",
				       KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(kdbus_client_list(&me, 15, &list));
	base = (const char *)list;
	kdbus_for_each_name(record, list) {
		const char *at = (const char *)record;

		if (record->size > sizeof(*record))
			expect_string("list", record->name,
				      record->size - sizeof(*record));
		expect_zeros("list", at, record->size,
			     KDBUS_ALIGN8(record->size));
		n++;
	}
	ASSERT(n > 4);
	expect_no_runs("list", list, list->size);
	with = used(&me);
	ASSERT_OK(kdbus_client_free(&me, list));
	slice = with - used(&me);
	expect_zeros("list", base, list->size, slice);
	ASSERT_EQ(slice, KDBUS_ALIGN8(list->size));
}

static void look_at_info(struct kdbus_client *of, const char *what)
{
	const struct kdbus_conn_info *info;
	size_t with, slice;

	ASSERT_OK(conn_info(&me, of->hello.id, NULL, _KDBUS_ATTACH_ALL, &info));
	ASSERT(look_at_items(what, (const char *)info, sizeof(*info),
			     info->size) > 0);
	expect_no_runs(what, info, info->size);
	with = used(&me);
	ASSERT_OK(kdbus_client_free(&me, info));
	slice = with - used(&me);
	expect_zeros(what, (const char *)info, info->size, slice);
	ASSERT_EQ(slice, KDBUS_ALIGN8(info->size));
}

/* spec 8.5, 17.7, 7.4 */
TEST(infos_have_no_holes)
{
	struct kdbus_creds creds = { .uid = 1, .gid = 2, .pid = 3 };
	struct kdbus_client given;
	struct kdbus_builder b;

	world();
	look_at_info(&commands_a, "info");
	look_at_info(&me, "info with a description");
	hello_init(&b, 0);
	kdbus_build_item(&b, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	kdbus_build_string(&b, KDBUS_ITEM_SECLABEL, "label");
	ASSERT_OK(kdbus_client_hello(&given, commands_bus.path, &b));
	look_at_info(&given, "info that was given");
}

/* ---- commands --------------------------------------------------------- */

#define ANSWER(nr, type, field)						\
	{ nr, offsetof(struct type, field),				\
	  sizeof(((struct type *)0)->field) }

/* What the kernel writes of each command that it answers. */
static const struct {
	unsigned long nr;
	size_t from, size;
} written[] = {
	/* from there to its end; each field is looked at below */
	{ KDBUS_CMD_HELLO, offsetof(struct kdbus_cmd_hello, bus_flags),
	  sizeof(struct kdbus_cmd_hello) -
	  offsetof(struct kdbus_cmd_hello, bus_flags) },
	ANSWER(KDBUS_CMD_MSG_RECV, kdbus_cmd_recv, offset),
	ANSWER(KDBUS_CMD_NAME_ACQUIRE, kdbus_cmd_name, flags),
	ANSWER(KDBUS_CMD_NAME_LIST, kdbus_cmd_name_list, offset),
	ANSWER(KDBUS_CMD_CONN_INFO, kdbus_cmd_conn_info, offset),
	ANSWER(KDBUS_CMD_MEMFD_NEW, kdbus_cmd_memfd_make, fd),
	{ KDBUS_CMD_MEMFD_SIZE_GET, 0, sizeof(__u64) },
	{ KDBUS_CMD_MEMFD_SEAL_GET, 0, sizeof(int) },
};

static bool may_write(unsigned long nr, size_t at)
{
	size_t i;

	for (i = 0; i < sizeof(written) / sizeof(*written); i++)
		if (written[i].nr == nr)
			return at >= written[i].from &&
			       at < written[i].from + written[i].size;
	return false;
}

/* spec 7.1, 12.1, 13.3, 13.6, 17.7, 20.1, 20.4 */
TEST(commands_are_answered_in_their_place)
{
	static char buf[2 * sizeof(((struct kdbus_builder *)0)->buf)]
		__attribute__((aligned(8)));
	size_t i, at;

	commands_world();
	for (i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		struct kdbus_builder b;
		int fd;

		fd = command_begin(c, &b);
		memset(buf, STAIN, sizeof(buf));
		memcpy(buf, b.buf, b.size);
		ASSERT_EQ(command_run(c, fd, buf), c->want);
		for (at = 0; at < sizeof(buf); at++) {
			char was = at < b.size ? b.buf[at] : (char)STAIN;

			if (buf[at] != was && !may_write(c->nr, at))
				command_fail(c, "byte %zu of %zu is written",
					     at, b.size);
		}
		command_done(c, fd, buf);
	}
}

/* spec 7.1: all of what HELLO answers means something */
TEST(hello_answers_what_is_known)
{
	struct kdbus_cmd_hello *cmd;
	struct kdbus_builder b;
	int fd;

	commands_world();
	fd = ep_open(&commands_bus);
	hello_init(&b, KDBUS_HELLO_ACCEPT_FD);
	cmd = (void *)b.buf;
	memset(&cmd->bus_flags, STAIN, sizeof(cmd->bus_flags));
	memset(&cmd->id, STAIN, sizeof(cmd->id));
	memset(&cmd->bloom, STAIN, sizeof(cmd->bloom));
	memset(cmd->id128, STAIN, sizeof(cmd->id128));
	ASSERT_OK(xioctl(fd, KDBUS_CMD_HELLO, cmd));
	ASSERT_EQ(cmd->bus_flags, KDBUS_MAKE_ACCESS_WORLD);
	ASSERT(cmd->id > commands_b.hello.id && cmd->id < 100);
	ASSERT_EQ(cmd->bloom.size, BLOOM_BYTES);
	ASSERT_EQ(cmd->bloom.n_hash, 1);
	ASSERT_OK(memcmp(cmd->id128, commands_a.hello.id128, 16));
	close(fd);
}

/* ---- is there something to find? -------------------------------------- */

/*
 * Under the kernel that is made for it what the module allocates is filled
 * before, so that what is looked for could be there.
 */
TEST(memory_is_filled_where_it_can_be)
{
	const char *checker = getenv("KDBUS_CHECKER");
	FILE *f = fopen("/sys/kernel/slab/kmalloc-cg-512/poison", "r");
	int on = f ? fgetc(f) == '1' : 0;

	printf("# allocated memory is %sfilled\n", on ? "" : "not ");
	if (checker && !strcmp(checker, "kasan"))
		ASSERT(on);
}
