// SPDX-License-Identifier: GPL-2.0
/*
 * Every byte that reaches user space was written on purpose: of whatever lies
 * in a pool each byte is looked at, on slices that held other things before,
 * and of a command only what the ABI names is written back. Where memory is
 * filled when it is given out or freed (slub_debug=P, and the stack of a
 * module built with D=), runs of what it was filled with are looked for, too.
 */
#include <sys/resource.h>

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

/* The types that were looked at. */
static __u64 seen[64];
static size_t n_seen;

static bool is_seen(__u64 type)
{
	size_t i;

	for (i = 0; i < n_seen; i++)
		if (seen[i] == type)
			return true;
	return false;
}

/* Nothing was found in what has not been looked at. */
#define EXPECT_SEEN(...)						\
	do {								\
		static const __u64 types[] = { __VA_ARGS__ };		\
									\
		expect_seen(types, sizeof(types) / sizeof(*types));	\
	} while (0)

static void expect_seen(const __u64 *types, size_t n)
{
	for (; n; n--, types++)
		if (!is_seen(*types))
			test_fail(__FILE__, __LINE__, "no item of type 0x%llx",
				  (unsigned long long)*types);
}

/* An item has the size of its type, and its payload no holes. */
static void look_at_item(const char *what, const struct kdbus_item *item)
{
	size_t size = item->size - KDBUS_ITEM_HEADER;

	if (!is_seen(item->type)) {
		ASSERT(n_seen < sizeof(seen) / sizeof(*seen));
		seen[n_seen++] = item->type;
	}
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

/* What is free begins at @from, and as far as messages reach all is stained. */
static void expect_stained(struct kdbus_client *c, size_t from)
{
	for (from = KDBUS_ALIGN8(from); from < POOL / 4; from++)
		ASSERT_EQ((unsigned char)c->pool[from], STAIN);
}

/* Fills a new pool with messages and gives them back, so that all is stained. */
static void stain(struct kdbus_client *c)
{
	static char data[POOL];
	const struct kdbus_msg *msg;
	struct kdbus_builder b;
	size_t size;
	int ret;

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

	/* those that go to smaller gaps stay there */
	do {
		ASSERT_OK(kdbus_client_list(c, KDBUS_NAME_LIST_UNIQUE, &first));
	} while ((const char *)first != c->pool);
	ASSERT(first->size > 96);
	expect_stained(c, first->size);
}

static const struct kdbus_msg *show_stains(struct kdbus_client *monitor,
					   size_t size)
{
	static char data[POOL];
	const struct kdbus_msg *msg;
	struct kdbus_builder b;

	memset(data, STAIN, size);
	kdbus_build_msg(&b, commands_b.hello.id, 1);
	kdbus_build_vec(&b, data, size);
	ASSERT_OK(kdbus_client_send(&commands_a, &b));
	ASSERT_OK(kdbus_client_recv(&commands_b, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_OK(kdbus_client_recv(monitor, 0, 0, &msg));
	return msg;
}

/*
 * A monitor is sent nothing and always has what it asked for at HELLO, so its
 * pool is stained by one message of others, and another one is kept for that
 * to lie where the first had its items.
 */
static void stain_monitor(struct kdbus_client *c)
{
	const struct kdbus_msg *msg = show_stains(c, POOL / 4);

	ASSERT((const char *)msg == c->pool);
	ASSERT_OK(kdbus_client_free(c, msg));
	/* what was freed last stays as it is until something else is */
	ASSERT_OK(kdbus_client_free(c, show_stains(c, 8)));
	msg = show_stains(c, 16);
	ASSERT((const char *)msg == c->pool);
	expect_stained(c, msg->size + 16);
}

static size_t used(struct kdbus_client *c)
{
	return listed("connections", &commands_bus, c->hello.id, "pool_used");
}

/**
 * struct payload - what lies behind a message
 * @data:	its bytes
 * @size:	how many
 */
struct payload {
	const char *data;
	size_t size;
};

/* All of the message's slice: header, items, payload, what is left. */
static void look_at_msg(const char *what, struct kdbus_client *c,
			const struct kdbus_msg *msg, struct payload payload)
{
	const char *base = (const char *)msg;
	size_t all = msg->size + payload.size, with = used(c), slice;

	ASSERT(look_at_items(what, base, sizeof(*msg), msg->size) > 0);
	expect_no_runs(what, msg, all);
	if (memcmp(base + msg->size, payload.data, payload.size))
		test_fail(__FILE__, __LINE__, "%s: the payload differs", what);
	ASSERT_OK(kdbus_client_free(c, msg));
	slice = with - used(c);
	/* nobody else writes to this pool */
	expect_zeros(what, base, all, slice);
	ASSERT_EQ(slice, KDBUS_ALIGN8(all));
}

static void look_at_next(const char *what, struct kdbus_client *c,
			 struct payload payload)
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
	if (flags & KDBUS_HELLO_MONITOR)
		stain_monitor(c);
	else
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

/* of a run of zeros there is as much as the next one's place depends on */
#define ZEROS_13 "\0\0\0\0\0"
#define PAYLOAD(text) ((struct payload){ text, sizeof(text) - 1 })
#define ALL_PAYLOAD PAYLOAD("abc" ZEROS_13 "defgh")

/* What there is to be told of each sender. */
#define METADATA							\
	KDBUS_ITEM_NAME, KDBUS_ITEM_TIMESTAMP, KDBUS_ITEM_CREDS,	\
	KDBUS_ITEM_PID_COMM, KDBUS_ITEM_TID_COMM, KDBUS_ITEM_EXE,	\
	KDBUS_ITEM_CMDLINE, KDBUS_ITEM_CGROUP, KDBUS_ITEM_CAPS,		\
	KDBUS_ITEM_AUDIT, KDBUS_ITEM_CONN_NAME
#define CONTENT								\
	KDBUS_ITEM_PAYLOAD_OFF, KDBUS_ITEM_PAYLOAD_MEMFD, KDBUS_ITEM_FDS

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
		kdbus_client_close(&me);
		client_stained(&me, KDBUS_HELLO_ACCEPT_FD);
	}
	EXPECT_SEEN(CONTENT, METADATA, KDBUS_ITEM_DST_NAME);
}

/* spec 8.5, 9.9 */
TEST(broadcasts_have_no_holes)
{
	struct kdbus_builder b;

	world();
	ASSERT_OK(match_rule(&me, 1, KDBUS_ITEM_ID, &commands_a.hello.id, 8));
	build_broadcast(&b, 1);
	kdbus_build_vec(&b, "abcde", 5);
	kdbus_build_vec(&b, NULL, 13);
	ASSERT_OK(kdbus_client_send(&commands_a, &b));
	look_at_next("broadcast", &me, PAYLOAD("abcde" ZEROS_13));
	EXPECT_SEEN(KDBUS_ITEM_PAYLOAD_OFF, METADATA);
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
	EXPECT_SEEN(CONTENT, METADATA);
	expect_no_runs("peeked", msg, msg->size + ALL_PAYLOAD.size);
	ASSERT_OK(memcmp((const char *)msg + msg->size, ALL_PAYLOAD.data,
			 ALL_PAYLOAD.size));
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

	world();
	/* what a message tells of its sender is what the first one asked for */
	kdbus_build_hello(&b, KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_ACCEPT_FD,
			  _KDBUS_ATTACH_ALL);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.moved");
	ASSERT_OK(kdbus_client_hello(&act, commands_bus.path, &b));
	client_stained(&monitor, KDBUS_HELLO_MONITOR | KDBUS_HELLO_ACCEPT_FD);
	build_all(&b, 0, "com.example.moved");
	ASSERT_OK(kdbus_client_send(&commands_a, &b));
	ASSERT_OK(kdbus_client_acquire(&me, "com.example.moved", 0));
	look_at_next("moved", &me, ALL_PAYLOAD);
	EXPECT_SEEN(CONTENT, METADATA, KDBUS_ITEM_DST_NAME);
	n_seen = 0;
	look_at_next("monitored", &monitor, ALL_PAYLOAD);
	EXPECT_SEEN(CONTENT, METADATA, KDBUS_ITEM_DST_NAME);
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
	EXPECT_SEEN(CONTENT, METADATA);
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
		look_at_next("notice", &me, PAYLOAD(""));
	}
	expect_nothing(&me);
	EXPECT_SEEN(KDBUS_ITEM_ID_ADD, KDBUS_ITEM_ID_REMOVE,
		    KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_NAME_REMOVE,
		    KDBUS_ITEM_NAME_CHANGE, KDBUS_ITEM_REPLY_TIMEOUT,
		    KDBUS_ITEM_REPLY_DEAD);
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
	look_at_info(&me, "info with another description");
	EXPECT_SEEN(KDBUS_ITEM_NAME, KDBUS_ITEM_CREDS, KDBUS_ITEM_PID_COMM,
		    KDBUS_ITEM_TID_COMM, KDBUS_ITEM_EXE, KDBUS_ITEM_CMDLINE,
		    KDBUS_ITEM_CGROUP, KDBUS_ITEM_CAPS, KDBUS_ITEM_AUDIT,
		    KDBUS_ITEM_CONN_NAME);
	n_seen = 0;
	hello_init(&b, 0);
	kdbus_build_item(&b, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	kdbus_build_string(&b, KDBUS_ITEM_SECLABEL, "label");
	ASSERT_OK(kdbus_client_hello(&given, commands_bus.path, &b));
	look_at_info(&given, "info that was given");
	EXPECT_SEEN(KDBUS_ITEM_CREDS, KDBUS_ITEM_SECLABEL);
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
	/* of a synchronous request; others are not answered */
	ANSWER(KDBUS_CMD_MSG_SEND, kdbus_msg, offset_reply),
	ANSWER(KDBUS_CMD_MSG_RECV, kdbus_cmd_recv, offset),
	ANSWER(KDBUS_CMD_NAME_ACQUIRE, kdbus_cmd_name, flags),
	ANSWER(KDBUS_CMD_NAME_LIST, kdbus_cmd_name_list, offset),
	ANSWER(KDBUS_CMD_CONN_INFO, kdbus_cmd_conn_info, offset),
	ANSWER(KDBUS_CMD_MEMFD_NEW, kdbus_cmd_memfd_make, fd),
	{ KDBUS_CMD_MEMFD_SIZE_GET, 0, sizeof(__u64) },
	{ KDBUS_CMD_MEMFD_SEAL_GET, 0, sizeof(int) },
};

static bool may_write(const struct command *c, size_t at)
{
	size_t i;

	for (i = 0; i < sizeof(written) / sizeof(*written); i++)
		if (written[i].nr == c->nr)
			return at >= written[i].from &&
			       at < written[i].from + written[i].size;
	return false;
}

static char buf[2 * sizeof(((struct kdbus_builder *)0)->buf)]
	__attribute__((aligned(8)));

static void lay_out(const struct kdbus_builder *b)
{
	memset(buf, STAIN, sizeof(buf));
	memcpy(buf, b->buf, b->size);
}

/* Compares what was laid out, where nothing or only the answer may be. */
static void expect_unwritten(const struct command *c,
			     const struct kdbus_builder *b, bool answered)
{
	size_t at;

	for (at = 0; at < sizeof(buf); at++) {
		char was = at < b->size ? b->buf[at] : (char)STAIN;

		if (buf[at] != was && !(answered && may_write(c, at)))
			command_fail(c, "byte %zu of %zu is written%s", at,
				     b->size, answered ? "" :
				     ", though there is no answer");
	}
}

/* spec 7.1, 9.1, 12.1, 13.3, 13.6, 17.7, 20.1, 20.4 */
TEST(commands_are_answered_in_their_place)
{
	size_t i;

	commands_world();
	for (i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];
		struct kdbus_builder b;
		int fd;

		fd = command_begin(c, &b);
		lay_out(&b);
		ASSERT_EQ(command_run(c, fd, buf), c->want);
		expect_unwritten(c, &b, c->answers);
		command_done(c, fd, buf);
	}
}

/* ---- commands that fail ----------------------------------------------- */

/* How many failed, told by who tried: children. */
static unsigned int *failures;

/* What makes most commands fail, each at a place of its own. */
static const __u64 wrong[] = {
	0, 9, 1ULL << 31, 1ULL << 62, ~0ULL, 0x6c6c6c6c6c6c6c6c,
};

static void try_wrong(const struct command *c, const struct kdbus_builder *b)
{
	int ret, fd;

	if (c->again)
		c->again();
	fd = command_open(c);
	lay_out(b);
	ret = command_run(c, fd, buf);
	/* with other flags it may be one that is answered */
	expect_unwritten(c, b, !ret);
	*failures += ret != c->want;
	command_close(c, fd);
}

/* Each word of it is wrong, one after the other. */
static void try_wrong_words(void *arg)
{
	const struct command *c = arg;
	struct kdbus_builder b;
	size_t i, k;

	commands_world();
	c->build(&b);
	for (i = 0; i < (b.size + 7) / 8; i++) {
		__u64 *word = (__u64 *)b.buf + i, right = *word;

		for (k = 0; k < sizeof(wrong) / sizeof(*wrong); k++) {
			*word = wrong[k];
			try_wrong(c, &b);
		}
		*word = right;
	}
}

/* spec 22.6: what fails has not written anything */
TEST(commands_that_are_wrong_are_not_answered)
{
	size_t i;

	failures = mmap(NULL, sizeof(*failures), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(failures != MAP_FAILED);
	for (i = 0; i < n_commands; i++) {
		*failures = 0;
		wait_for(spawn(try_wrong_words, (void *)&commands[i]));
		if (!*failures && !commands[i].never_wrong)
			command_fail(&commands[i], "it never failed");
	}
}

/* A command that fails at the end of what it does. */
static void expect_unanswered(const char *name, int fd,
			      const struct kdbus_builder *b, int want)
{
	const struct command *c = commands;
	int ret;

	while (strcmp(c->name, name))
		ASSERT(++c < commands + n_commands);
	lay_out(b);
	ret = command_run(c, fd, buf);
	if (ret != want)
		command_fail(c, "%d %s", ret, strerror(-ret));
	expect_unwritten(c, b, false);
}

/* No more files than there are. */
static void expect_no_room_for_files(void)
{
	struct rlimit was, none = { 0, 0 };
	struct kdbus_builder b;

	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &was));
	none.rlim_max = was.rlim_max;
	build_all(&b, me.hello.id, NULL);
	ASSERT_OK(kdbus_client_send(&commands_a, &b));
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &none));
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_recv));
	expect_unanswered("MSG_RECV", me.fd, &b, -EMFILE);
	((struct kdbus_cmd_memfd_make *)
	 kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_memfd_make)))->fd = 77;
	expect_unanswered("MEMFD_NEW", me.fd, &b, -EMFILE);
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &was));
}

/* No more room in a pool. */
static void expect_no_room_for_answers(void)
{
	const struct kdbus_name_list *list;
	struct kdbus_cmd_conn_info *info;
	struct kdbus_client small;
	struct kdbus_builder b;

	client_new_pool(&small, &commands_bus, 4096);
	while (!kdbus_client_list(&small, KDBUS_NAME_LIST_UNIQUE, &list))
		;
	((struct kdbus_cmd_name_list *)
	 kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_name_list)))->flags = 15;
	expect_unanswered("NAME_LIST", small.fd, &b, -ENOBUFS);
	info = kdbus_build_cmd(&b, sizeof(*info));
	info->id = me.hello.id;
	info->flags = _KDBUS_ATTACH_ALL;
	expect_unanswered("CONN_INFO", small.fd, &b, -ENOBUFS);
}

/* spec 22.6: the same of what fails late */
TEST(commands_that_fail_late_are_not_answered)
{
	struct kdbus_cmd_name *name;
	struct kdbus_builder b;

	world();
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_recv));
	expect_unanswered("MSG_RECV", me.fd, &b, -EAGAIN);
	/* its owner does not let anybody have it */
	name = kdbus_build_cmd(&b, sizeof(*name));
	memcpy(b.buf + b.size, "com.example.pad", 16);
	b.size = name->size += 16;
	expect_unanswered("NAME_ACQUIRE", me.fd, &b, -EEXIST);
	/* nobody answers */
	kdbus_build_msg(&b, commands_b.hello.id, 1);
	make_sync(&b, MSEC);
	expect_unanswered("MSG_SEND, sync", me.fd, &b, -ETIMEDOUT);
	expect_no_room_for_answers();
	expect_no_room_for_files();
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

	if (f)
		fclose(f);
	printf("# allocated memory is %sfilled\n", on ? "" : "not ");
	if (checker && !strcmp(checker, "kasan"))
		ASSERT(on);
}
