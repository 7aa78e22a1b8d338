// SPDX-License-Identifier: GPL-2.0
/*
 * Item streams: every command refuses what is malformed, ignores what it does
 * not know, and believes only the copy that it has checked.
 */
#include "harness.h"

#define N(a) (sizeof(a) / sizeof(*(a)))

static struct bus bus;
static struct kdbus_client a, b;

/* ---- each command, as it would succeed ------------------------------------ */

static const __u64 bits[9];

static int run_bus_make(struct kdbus_builder *m)
{
	int fd = open(KDBUS_DEV "/control", O_RDWR | O_CLOEXEC);
	int ret = xioctl(fd, KDBUS_CMD_BUS_MAKE, m->buf);

	close(fd);
	return ret;
}

static void build_bus_make(struct kdbus_builder *m)
{
	struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 1 };
	char name[64];

	snprintf(name, sizeof(name), "%u-items.%d", geteuid(), getpid());
	kdbus_build_cmd(m, sizeof(struct kdbus_cmd_make));
	kdbus_build_item(m, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	kdbus_build_string(m, KDBUS_ITEM_MAKE_NAME, name);
}

static int run_domain_make(struct kdbus_builder *m)
{
	int fd = open(KDBUS_DEV "/control", O_RDWR | O_CLOEXEC);
	int ret = xioctl(fd, KDBUS_CMD_DOMAIN_MAKE, m->buf);

	close(fd);
	return ret;
}

static void build_domain_make(struct kdbus_builder *m)
{
	char name[64];

	snprintf(name, sizeof(name), "items.%d", getpid());
	kdbus_build_cmd(m, sizeof(struct kdbus_cmd_make));
	kdbus_build_string(m, KDBUS_ITEM_MAKE_NAME, name);
}

static int run_ep_make(struct kdbus_builder *m)
{
	int fd = ep_open(&bus);
	int ret = xioctl(fd, KDBUS_CMD_EP_MAKE, m->buf);

	close(fd);
	return ret;
}

static void build_ep_make(struct kdbus_builder *m)
{
	kdbus_build_cmd(m, sizeof(struct kdbus_cmd_make));
	kdbus_build_string(m, KDBUS_ITEM_MAKE_NAME, "items");
}

static int run_ep_update(struct kdbus_builder *m)
{
	static int fd;
	struct kdbus_builder make;

	if (!fd) {
		fd = ep_open(&bus);
		kdbus_build_cmd(&make, sizeof(struct kdbus_cmd_make));
		kdbus_build_string(&make, KDBUS_ITEM_MAKE_NAME, "updated");
		ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_MAKE, make.buf));
	}
	return xioctl(fd, KDBUS_CMD_EP_UPDATE, m->buf);
}

static void build_policy(struct kdbus_builder *m)
{
	kdbus_build_cmd(m, sizeof(struct kdbus_cmd_update));
	kdbus_build_string(m, KDBUS_ITEM_NAME, "com.example.items");
	kdbus_build_access(m, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_SEE, 0);
}

static int run_hello(struct kdbus_builder *m)
{
	int fd = ep_open(&bus);
	int ret = xioctl(fd, KDBUS_CMD_HELLO, m->buf);

	close(fd);
	return ret;
}

static void build_hello(struct kdbus_builder *m)
{
	hello_init(m, 0);
	kdbus_build_string(m, KDBUS_ITEM_CONN_NAME, "items");
}

static int run_update(struct kdbus_builder *m)
{
	return xioctl(b.fd, KDBUS_CMD_CONN_UPDATE, m->buf);
}

static void build_update(struct kdbus_builder *m)
{
	kdbus_build_cmd(m, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(m, KDBUS_ITEM_ATTACH_FLAGS, bits, sizeof(*bits));
}

static int run_send(struct kdbus_builder *m)
{
	return xioctl(a.fd, KDBUS_CMD_MSG_SEND, m->buf);
}

static void build_send(struct kdbus_builder *m)
{
	kdbus_build_msg(m, b.hello.id, 1);
	kdbus_build_vec(m, "x", 2);
}

static int run_memfd(struct kdbus_builder *m)
{
	return xioctl(a.fd, KDBUS_CMD_MEMFD_NEW, m->buf);
}

static void build_memfd(struct kdbus_builder *m)
{
	kdbus_build_cmd(m, sizeof(struct kdbus_cmd_memfd_make));
	kdbus_build_string(m, KDBUS_ITEM_MEMFD_NAME, "items");
}

static int run_match(struct kdbus_builder *m)
{
	return xioctl(b.fd, KDBUS_CMD_MATCH_ADD, m->buf);
}

static void build_match(struct kdbus_builder *m)
{
	kdbus_build_cmd(m, sizeof(struct kdbus_cmd_match));
	kdbus_build_item(m, KDBUS_ITEM_ID, bits, sizeof(*bits));
}

/* @header is what comes before the items. */
static const struct command {
	const char *name;
	size_t header;
	void (*build)(struct kdbus_builder *m);
	int (*run)(struct kdbus_builder *m);
} commands[] = {
	{ "BUS_MAKE", 16, build_bus_make, run_bus_make },
	{ "DOMAIN_MAKE", 16, build_domain_make, run_domain_make },
	{ "EP_MAKE", 16, build_ep_make, run_ep_make },
	{ "EP_UPDATE", 8, build_policy, run_ep_update },
	{ "HELLO", 80, build_hello, run_hello },
	{ "CONN_UPDATE", 8, build_update, run_update },
	{ "MSG_SEND", 64, build_send, run_send },
	{ "MEMFD_NEW", 24, build_memfd, run_memfd },
	{ "MATCH_ADD", 16, build_match, run_match },
};

static void setup(void)
{
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static void expect(const struct command *c, struct kdbus_builder *m, int want,
		   const char *why)
{
	int ret = c->run(m);

	if (ret != want)
		test_fail(__FILE__, __LINE__, "%s: %s: %d, not %d", c->name,
			  why, ret, want);
}

static struct kdbus_item *item_at(struct kdbus_builder *m, size_t at)
{
	return (struct kdbus_item *)(m->buf + at);
}

/* ---- streams --------------------------------------------------------------- */

/* Sets the command's size, at its beginning in all of them. */
static void set_size(struct kdbus_builder *m, size_t size)
{
	m->msg.size = size;
}

static void malformed(const struct command *c, struct kdbus_builder *m)
{
	static const __u64 sizes[] = {
		0, 1, 15, 16, 1 << 20, 1ULL << 32, 1ULL << 63, ~0ULL - 7,
		~0ULL - 1, ~0ULL,
	};
	size_t i, end;

	/* sizes of the first item that cannot be, some of which wrap */
	for (i = 0; i < N(sizes); i++) {
		c->build(m);
		item_at(m, c->header)->size = sizes[i];
		expect(c, m, -EINVAL, "size of an item");
	}
	/* a last item whose header is cut off, or its end */
	c->build(m);
	end = KDBUS_ALIGN8(m->size);
	for (i = 1; i < 16; i++) {
		memset(m->buf + end, 0, 16);
		item_at(m, end)->size = 17;
		set_size(m, end + i);
		expect(c, m, -EINVAL, "header cut off");
	}
	for (i = 17; i < 24; i++) {
		item_at(m, end)->size = 24;
		set_size(m, end + i);
		expect(c, m, -EINVAL, "payload cut off");
	}
	/* an item that says it is shorter than what follows */
	c->build(m);
	kdbus_build_item(m, 0x5555, NULL, 16);
	item_at(m, end)->size = 24;
	memset(item_at(m, end)->data + 8, 0, 8);
	expect(c, m, -EINVAL, "rest that is no item");
}

/* spec 4.1, 4.2, 4.3 */
TEST(malformed_streams_are_refused_everywhere)
{
	static struct kdbus_builder m;
	size_t i;

	setup();
	for (i = 0; i < N(commands); i++) {
		malformed(&commands[i], &m);
		/* and with none of that it would have been all right */
		commands[i].build(&m);
		expect(&commands[i], &m, 0, "well-formed");
	}
	expect_msg(&b, a.hello.id, 1);
	expect_nothing(&b);
}

/* spec 4.2: only the last item may lack its padding */
TEST(the_last_item_needs_no_padding)
{
	static struct kdbus_builder m;
	size_t i;

	setup();
	for (i = 0; i < N(commands); i++) {
		const struct command *c = &commands[i];

		/* takes nothing that it does not know */
		if (c->run == run_match)
			continue;
		c->build(&m);
		kdbus_build_item(&m, 0x5555, NULL, 1);
		ASSERT(m.size % 8);
		expect(c, &m, 0, "without padding");
		set_size(&m, KDBUS_ALIGN8(m.size));
		expect(c, &m, 0, "with padding");
		set_size(&m, KDBUS_ALIGN8(m.size) + 8);
		memset(m.buf + KDBUS_ALIGN8(m.size), 0, 8);
		expect(c, &m, -EINVAL, "with more than padding");
	}
}

/* spec 4.5, decision 1 */
TEST(unknown_items_are_ignored_but_in_matches)
{
	static const __u64 types[] = { 0, 12, 0xfff, 0x9999, 1ULL << 40, ~0ULL };
	static struct kdbus_builder m;
	size_t i, k;

	setup();
	for (i = 0; i < N(commands); i++) {
		const struct command *c = &commands[i];

		for (k = 0; k < N(types); k++) {
			c->build(&m);
			kdbus_build_item(&m, types[k], "anything", 9);
			expect(c, &m, c->run == run_match ? -EINVAL : 0,
			       "unknown item");
		}
	}
}

/* ---- payloads --------------------------------------------------------------- */

static const struct command *command(const char *name)
{
	size_t i;

	for (i = 0; i < N(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	test_fail(__FILE__, __LINE__, "no command %s", name);
}

static void bad_string(const char *name, __u64 type)
{
	static const struct {
		const char *str;
		size_t size;
	} bad[] = { { "a.b", 3 }, { "a.b\0c", 5 } };
	const struct command *c = command(name);
	static struct kdbus_builder m;
	size_t i;

	for (i = 0; i < N(bad); i++) {
		kdbus_build_cmd(&m, c->header);
		if (c->run == run_hello)
			hello_init(&m, 0);
		kdbus_build_item(&m, type, bad[i].str, bad[i].size);
		expect(c, &m, -EINVAL, "a string that does not end there");
	}
}

/* spec 4.6, 1.10 */
TEST(strings_end_where_their_items_do)
{
	setup();
	bad_string("BUS_MAKE", KDBUS_ITEM_MAKE_NAME);
	bad_string("DOMAIN_MAKE", KDBUS_ITEM_MAKE_NAME);
	bad_string("EP_MAKE", KDBUS_ITEM_MAKE_NAME);
	bad_string("EP_UPDATE", KDBUS_ITEM_NAME);
	bad_string("HELLO", KDBUS_ITEM_CONN_NAME);
	bad_string("MEMFD_NEW", KDBUS_ITEM_MEMFD_NAME);
	bad_string("MATCH_ADD", KDBUS_ITEM_NAME);
}

/* A field of fixed size, as programs of 2014 send it. */
static void build_field(struct kdbus_builder *m, __u64 type, const char *name)
{
	char field[64] = "";

	strcpy(field, name);
	/* what is behind the first NUL does not count */
	strcpy(field + strlen(name) + 1, "/");
	kdbus_build_item(m, type, field, sizeof(field));
}

static void padded_string(const char *name, __u64 type, const char *value)
{
	const struct command *c = command(name);
	static struct kdbus_builder m;

	kdbus_build_cmd(&m, c->header);
	if (c->run == run_hello)
		hello_init(&m, 0);
	if (c->run == run_bus_make)
		kdbus_build_item(&m, KDBUS_ITEM_BLOOM_PARAMETER,
				 &(struct kdbus_bloom_parameter){ 64, 1 }, 16);
	build_field(&m, type, value);
	expect(c, &m, 0, "a string with padding");
}

/* A message to a name with padding, which is not delivered. */
static void send_padded(void)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	static struct kdbus_builder m;

	ASSERT_OK(kdbus_client_acquire(&b, "com.example.b", 0));
	kdbus_build_msg(&m, 0, 1);
	build_field(&m, KDBUS_ITEM_DST_NAME, "com.example.b");
	kdbus_build_vec(&m, "x", 2);
	ASSERT_OK(run_send(&m));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_DST_NAME);
	ASSERT(item);
	ASSERT_EQ(item->size, 16 + sizeof("com.example.b"));
	ASSERT_OK(strcmp(item->str, "com.example.b"));
	item = kdbus_msg_item(msg, KDBUS_ITEM_PAYLOAD_OFF);
	ASSERT(item);
	ASSERT_EQ(item->vec.offset, msg->size);
}

/* spec 4.6: what follows the first NUL byte of a string is padding */
TEST(strings_may_be_padded)
{
	char name[64];

	setup();
	snprintf(name, sizeof(name), "%u-padded.%d", geteuid(), getpid());
	padded_string("BUS_MAKE", KDBUS_ITEM_MAKE_NAME, name);
	padded_string("DOMAIN_MAKE", KDBUS_ITEM_MAKE_NAME, name);
	padded_string("EP_MAKE", KDBUS_ITEM_MAKE_NAME, "padded");
	padded_string("EP_UPDATE", KDBUS_ITEM_NAME, "com.example.items");
	padded_string("EP_UPDATE", KDBUS_ITEM_NAME, "com.example.*");
	padded_string("HELLO", KDBUS_ITEM_CONN_NAME, "padded");
	padded_string("HELLO", KDBUS_ITEM_SECLABEL, "padded");
	padded_string("MEMFD_NEW", KDBUS_ITEM_MEMFD_NAME, "padded");
	padded_string("MATCH_ADD", KDBUS_ITEM_NAME, "com.example.items");
	send_padded();
}

static int name_cmd(unsigned long cmd, const void *name, size_t len)
{
	static struct kdbus_builder m;
	struct kdbus_cmd_name *k = kdbus_build_cmd(&m, sizeof(*k));

	memcpy(m.buf + sizeof(*k), name, len);
	k->size = sizeof(*k) + len;
	return xioctl(a.fd, cmd, k);
}

static int info_cmd(const void *name, size_t len)
{
	static struct kdbus_builder m;
	struct kdbus_cmd_conn_info *k = kdbus_build_cmd(&m, sizeof(*k));

	memcpy(m.buf + sizeof(*k), name, len);
	k->size = sizeof(*k) + len;
	return xioctl(a.fd, KDBUS_CMD_CONN_INFO, k);
}

/* spec 4.6, 13.3, 13.4, 17.7: names behind a header end with it */
TEST(names_end_where_their_commands_do)
{
	static const unsigned long cmds[] = {
		KDBUS_CMD_NAME_ACQUIRE, KDBUS_CMD_NAME_RELEASE,
	};
	size_t i;

	setup();
	for (i = 0; i < N(cmds); i++) {
		ASSERT_EQ(name_cmd(cmds[i], "", 0), -EINVAL);
		ASSERT_EQ(name_cmd(cmds[i], "", 1), -EINVAL);
		ASSERT_EQ(name_cmd(cmds[i], "a.b", 3), -EINVAL);
		/* it may be padded */
		ASSERT_OK(name_cmd(cmds[i], "a.b\0\0\0\0", 8));
	}
	ASSERT_EQ(info_cmd("", 0), -EINVAL);
	ASSERT_EQ(info_cmd("", 1), -EINVAL);
	ASSERT_EQ(info_cmd("a.b", 3), -EINVAL);
	ASSERT_EQ(info_cmd("a.b", 4), -ESRCH);
}

/* spec 4.6: structures have their size, neither less nor more */
TEST(structures_have_their_size)
{
	static struct kdbus_builder m;
	size_t size;

	setup();
	for (size = 1; size <= 40; size++) {
		kdbus_build_cmd(&m, 16);
		kdbus_build_item(&m, KDBUS_ITEM_BLOOM_PARAMETER, bits, size);
		ASSERT_EQ(run_bus_make(&m), size == 16 ? -EBADMSG : -EINVAL);

		kdbus_build_cmd(&m, 8);
		kdbus_build_string(&m, KDBUS_ITEM_NAME, "a.b");
		kdbus_build_item(&m, KDBUS_ITEM_POLICY_ACCESS, bits, size);
		((struct kdbus_policy_access *)item_at(&m, 32)->data)->type =
			KDBUS_POLICY_ACCESS_WORLD;
		ASSERT_EQ(run_ep_update(&m), size == 24 ? 0 : -EINVAL);

		kdbus_build_msg(&m, b.hello.id, 1);
		kdbus_build_item(&m, KDBUS_ITEM_PAYLOAD_VEC, bits, size);
		((struct kdbus_vec *)item_at(&m, 64)->data)->size = 1;
		ASSERT_EQ(run_send(&m), size == 16 ? 0 : -EINVAL);
	}
	for (size = 1; size < 8; size++) {
		kdbus_build_cmd(&m, 8);
		kdbus_build_item(&m, KDBUS_ITEM_ATTACH_FLAGS, bits, size);
		ASSERT_EQ(run_update(&m), -EINVAL);
	}
}

/* ---- memory that changes ---------------------------------------------------- */

static union {
	struct kdbus_cmd_hello hello;
	struct kdbus_cmd_make make;
	struct kdbus_msg msg;
	__u64 size;
	char buf[65536];
} shared __attribute__((aligned(8)));

static volatile int stop;
static __u64 one_size, other_size;

static void *flip(void *arg)
{
	volatile __u64 *size = &shared.size;

	while (!stop) {
		*size = one_size;
		*size = other_size;
	}
	return arg;
}

/* Runs a command while its size changes all the time. */
static void run_flipping(const struct command *c, __u64 small, __u64 large)
{
	static struct kdbus_builder m;
	pthread_t t;
	int i, ret, odd = 0;

	c->build(&m);
	memset(&shared, 0xff, sizeof(shared));
	memcpy(shared.buf, m.buf, KDBUS_ALIGN8(m.size));
	one_size = small;
	other_size = large;
	stop = 0;
	ASSERT_OK(pthread_create(&t, NULL, flip, NULL));
	for (i = 0; i < 2000; i++) {
		int fd = c->run == run_bus_make ?
			 open(KDBUS_DEV "/control", O_RDWR | O_CLOEXEC) :
			 ep_open(&bus);

		ret = xioctl(fd, c->run == run_bus_make ? KDBUS_CMD_BUS_MAKE :
			     KDBUS_CMD_HELLO, shared.buf);
		/* as it was, or with what lies behind, which is no item */
		if (ret)
			ASSERT_EQ(ret, -EINVAL);
		odd += ret == 0;
		close(fd);
	}
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
	printf("# %s: %d of %d succeeded\n", c->name, odd, i);
}

/* spec 4.4: the size that was checked is the size that is used */
TEST(a_size_that_changes_is_believed_once)
{
	setup();
	run_flipping(command("HELLO"), KDBUS_ALIGN8(80 + 22), 32768);
	run_flipping(command("BUS_MAKE"),
		     KDBUS_ALIGN8(16 + 32 + 16 + 1 + strlen("0-items.") +
				  snprintf(NULL, 0, "%d", getpid())), 32768);
}
