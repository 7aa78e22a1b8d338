// SPDX-License-Identifier: GPL-2.0
/* The commands there are, each as one that is right: commands.h. */
#include "commands.h"

#define NAME "com.example.a"
#define HELD "com.example.held"
#define OF_B "com.example.b"

struct bus commands_bus;
struct kdbus_client commands_a, commands_b;

/* who speaks meanwhile, and the files that commands of their kind go to */
static struct kdbus_client x, y, holder;
static int box = -1;
/* who answers whatever he is sent, for as long as the case runs */
static struct kdbus_client replier;
/* who makes a call to be cancelled, and who does not answer it */
static struct kdbus_client caller, sink;
/* a sealed memfd to be sent, and another file */
static int sealed = -1, file = -1;

static void *answer_always(void *arg)
{
	const struct kdbus_msg *msg;
	struct kdbus_msg asked;

	while (!kdbus_client_next(&replier, -1, &msg)) {
		kdbus_msg_close_fds(msg);
		/* nothing of it is left when the answer is there */
		asked = *msg;
		kdbus_client_free(&replier, msg);
		/* who asked may be gone */
		kdbus_client_reply(&replier, &asked, "yes", 4);
	}
	return arg;
}

static void files_new(void)
{
	sealed = kdbus_memfd_make(&commands_b, "lies");
	ASSERT(sealed >= 0);
	ASSERT_EQ(write(sealed, "content", 8), 8);
	ASSERT_OK(kdbus_memfd_seal(sealed, true));
	file = open("/dev/null", O_RDWR | O_CLOEXEC);
	ASSERT(file >= 0);
}

void commands_world(void)
{
	pthread_t t;

	bus_new(&commands_bus);
	/* before there is policy, which would bind the others */
	client_with(&commands_a, &commands_bus, 0, "lies.a");
	client_new(&commands_b, &commands_bus);
	client_new(&x, &commands_bus);
	client_new(&y, &commands_bus);
	client_new(&replier, &commands_bus);
	client_new(&caller, &commands_bus);
	client_new(&sink, &commands_bus);
	holder_new(&holder, &commands_bus, HELD, WORLD, 0, OWN);
	ASSERT_OK(kdbus_client_acquire(&commands_b, OF_B, 0));
	box = ep_new(&commands_bus, "box", HELD, TALK);
	files_new();
	ASSERT_OK(pthread_create(&t, NULL, answer_always, NULL));
}

/* ---- files ------------------------------------------------------------ */

static int open_control(void)
{
	return control_open("");
}

static int open_ep(void)
{
	return ep_open(&commands_bus);
}

static int a_fd(void)
{
	return commands_a.fd;
}

static int caller_fd(void)
{
	return caller.fd;
}

static int holder_fd(void)
{
	return holder.fd;
}

static int box_fd(void)
{
	return box;
}

static int open_memfd(void)
{
	return kdbus_memfd_make(&commands_b, "lies");
}

/* ---- making ----------------------------------------------------------- */

static void build_bus_make(struct kdbus_builder *b)
{
	struct kdbus_bloom_parameter bloom = { BLOOM_BYTES, 1 };

	make_begin(b, NULL, KDBUS_MAKE_ACCESS_WORLD);
	kdbus_build_item(b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	kdbus_build_string(b, KDBUS_ITEM_MAKE_NAME, "0-lies.bus");
}

static void build_domain_make(struct kdbus_builder *b)
{
	make_begin(b, "lies.domain", KDBUS_MAKE_ACCESS_WORLD);
}

static void build_ep_make(struct kdbus_builder *b)
{
	make_begin(b, "lies.ep", KDBUS_MAKE_ACCESS_WORLD);
	grant(b, "com.example.ep", WORLD, 0, TALK);
}

static void build_hello(struct kdbus_builder *b)
{
	hello_init(b, KDBUS_HELLO_ACCEPT_FD);
	kdbus_build_string(b, KDBUS_ITEM_CONN_NAME, "lies.hello");
}

/* With all that the privileged may say, of themselves and of a name. */
static void build_hello_special(struct kdbus_builder *b)
{
	struct kdbus_creds creds = { .uid = 1, .gid = 2, .pid = 3 };

	hello_init(b, KDBUS_HELLO_ACTIVATOR);
	grant(b, "com.example.activated", WORLD, 0, OWN);
	kdbus_build_item(b, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	kdbus_build_string(b, KDBUS_ITEM_SECLABEL, "label");
}

static void build_memfd_new(struct kdbus_builder *b)
{
	struct kdbus_cmd_memfd_make *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	cmd->file_size = 4096;
	kdbus_build_string(b, KDBUS_ITEM_MEMFD_NAME, "lies.m");
}

static void close_memfd(int fd, const void *answer)
{
	const struct kdbus_cmd_memfd_make *cmd = answer;

	(void)fd;
	ASSERT_OK(close(cmd->fd));
}

static void build_ep_update(struct kdbus_builder *b)
{
	kdbus_build_cmd(b, sizeof(struct kdbus_cmd_update));
	grant(b, "com.example.box", WORLD, 0, SEE);
}

/* ---- messages --------------------------------------------------------- */

static char payload[64];

static void build_send(struct kdbus_builder *b)
{
	kdbus_build_msg(b, commands_b.hello.id, 1);
	kdbus_build_vec(b, payload, sizeof(payload));
}

static void b_takes(int fd, const void *answer)
{
	(void)fd;
	(void)answer;
	expect_msg(&commands_b, commands_a.hello.id, 1);
}

static void b_drops(void)
{
	while (!kdbus_client_recv(&commands_b, KDBUS_RECV_DROP, 0, NULL))
		;
}

/* All that goes to one receiver. */
static void build_send_all(struct kdbus_builder *b)
{
	kdbus_build_msg(b, 0, 1);
	kdbus_build_string(b, KDBUS_ITEM_DST_NAME, OF_B);
	kdbus_build_vec(b, payload, sizeof(payload));
	kdbus_build_memfd(b, sealed, 8);
	kdbus_build_vec(b, NULL, 13);
	kdbus_build_fds(b, &file, 1);
}

static void b_takes_files(int fd, const void *answer)
{
	const struct kdbus_msg *msg;

	(void)fd;
	(void)answer;
	ASSERT_OK(kdbus_client_recv(&commands_b, 0, 0, &msg));
	ASSERT(kdbus_msg_item(msg, KDBUS_ITEM_FDS));
	kdbus_msg_close_fds(msg);
	ASSERT_OK(kdbus_client_free(&commands_b, msg));
}

static void build_call(struct kdbus_builder *b)
{
	kdbus_build_msg(b, replier.hello.id, 1);
	kdbus_build_vec(b, payload, sizeof(payload));
	make_sync(b, 50 * SEC);
}

static void build_broadcast_cmd(struct kdbus_builder *b)
{
	build_broadcast(b, 1);
	kdbus_build_vec(b, payload, sizeof(payload));
}

/* One message, whatever another command has left. */
static void queue_one(void)
{
	while (!kdbus_client_recv(&commands_a, KDBUS_RECV_DROP, 0, NULL))
		;
	ASSERT_OK(send_to(&commands_b, commands_a.hello.id, 1, "x"));
}

static struct kdbus_cmd_recv *build_recv_with(struct kdbus_builder *b,
					      __u64 flags)
{
	struct kdbus_cmd_recv *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	queue_one();
	cmd->flags = flags;
	return cmd;
}

static void build_recv(struct kdbus_builder *b)
{
	build_recv_with(b, 0);
}

static void build_peek(struct kdbus_builder *b)
{
	build_recv_with(b, KDBUS_RECV_PEEK | KDBUS_RECV_USE_PRIORITY)->priority
		= 1000;
}

static void build_drop(struct kdbus_builder *b)
{
	build_recv_with(b, KDBUS_RECV_DROP);
}

static void give_back(int fd, const void *offset)
{
	__u64 copy;

	memcpy(&copy, offset, sizeof(copy));
	ASSERT_OK(xioctl(fd, KDBUS_CMD_FREE, &copy));
}

static void give_back_msg(int fd, const void *answer)
{
	give_back(fd, &((const struct kdbus_cmd_recv *)answer)->offset);
}

static void drop_what_was_peeked(int fd, const void *answer)
{
	give_back_msg(fd, answer);
	ASSERT_OK(kdbus_client_recv(&commands_a, KDBUS_RECV_DROP, 0, NULL));
}

static void give_back_reply(int fd, const void *answer)
{
	give_back(fd, &((const struct kdbus_msg *)answer)->offset_reply);
}

/* The first reply lies where the pool begins, and it may be left. */
static void forget_reply(void)
{
	while (!kdbus_client_recv(&commands_a, KDBUS_RECV_DROP, 0, NULL))
		;
	kdbus_client_free(&commands_a, commands_a.pool);
}

static void build_free(struct kdbus_builder *b)
{
	const struct kdbus_name_list *list;

	ASSERT_OK(kdbus_client_list(&commands_a, 0, &list));
	*(__u64 *)kdbus_build_cmd(b, sizeof(__u64)) =
		(const char *)list - commands_a.pool;
}

/* The pool is empty, so it lies where the first one did. */
static void list_again(void)
{
	const struct kdbus_name_list *list;

	kdbus_client_free(&commands_a, commands_a.pool);
	ASSERT_OK(kdbus_client_list(&commands_a, 0, &list));
}

/* ---- cancelling ------------------------------------------------------- */

#define OF_NOBODY 4711
#define OF_A_CALL 4712

static struct sender call;
static bool is_calling;

/* What was cancelled has come back, and knows why. */
static void call_ends(int fd, const void *answer)
{
	(void)fd;
	(void)answer;
	ASSERT_EQ(sender_end(&call), -ECANCELED);
	is_calling = false;
}

/* One call is under way, whatever has become of another one. */
static void call_again(void)
{
	const struct kdbus_msg *msg;

	if (is_calling) {
		kdbus_client_cancel(&caller, OF_A_CALL);
		call_ends(-1, NULL);
	}
	kdbus_build_msg(&call.msg, sink.hello.id, OF_A_CALL);
	make_sync(&call.msg, 1000 * SEC);
	sender_start(&call, &caller);
	is_calling = true;
	ASSERT_OK(kdbus_client_next(&sink, 30000, &msg));
	ASSERT_OK(kdbus_client_free(&sink, msg));
}

static void build_cookie(struct kdbus_builder *b, __u64 cookie)
{
	*(__u64 *)kdbus_build_cmd(b, sizeof(__u64)) = cookie;
}

static void build_cancel(struct kdbus_builder *b)
{
	call_again();
	build_cookie(b, OF_A_CALL);
}

static void build_cancel_nothing(struct kdbus_builder *b)
{
	build_cookie(b, OF_NOBODY);
}

/* ---- names and matches ------------------------------------------------ */

static void build_name(struct kdbus_builder *b)
{
	struct kdbus_cmd_name *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	/* a whole number of words, so that its end can be anywhere */
	strcpy(b->buf + b->size, NAME);
	cmd->size += sizeof(NAME);
	b->size = cmd->size;
}

static void release_name(int fd, const void *answer)
{
	(void)fd;
	(void)answer;
	ASSERT_OK(kdbus_client_release(&commands_a, NAME));
}

static void forget_name(void)
{
	kdbus_client_release(&commands_a, NAME);
}

static void take_name(void)
{
	kdbus_client_acquire(&commands_a, NAME, 0);
}

static void build_release(struct kdbus_builder *b)
{
	int ret = kdbus_client_acquire(&commands_a, NAME, 0);

	/* it may be left from a RELEASE that failed */
	ASSERT(ret == 0 || ret == -EALREADY);
	build_name(b);
}

static void build_match(struct kdbus_builder *b)
{
	struct kdbus_cmd_match *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	cmd->cookie = 7;
}

static void build_match_add(struct kdbus_builder *b)
{
	build_match(b);
	kdbus_build_string(b, KDBUS_ITEM_NAME, "com.example.nobody");
}

static void build_match_bloom(struct kdbus_builder *b)
{
	build_match(b);
	kdbus_build_item(b, KDBUS_ITEM_BLOOM_MASK, NULL, 2 * BLOOM_BYTES);
	kdbus_build_item(b, KDBUS_ITEM_ID, &commands_b.hello.id, 8);
}

/* One of each notice, which are never the same. */
static void build_match_notices(struct kdbus_builder *b)
{
	struct kdbus_notify_id_change any = { .id = ANY };
	struct kdbus_item *item;
	__u64 type;

	build_match(b);
	for (type = KDBUS_ITEM_NAME_ADD; type <= KDBUS_ITEM_NAME_CHANGE;
	     type++) {
		item = kdbus_build_item(b, type, NULL, 32 + sizeof(NAME));
		strcpy((char *)item->data + 32, NAME);
	}
	kdbus_build_item(b, KDBUS_ITEM_ID_ADD, &any, sizeof(any));
	kdbus_build_item(b, KDBUS_ITEM_ID_REMOVE, &any, sizeof(any));
}

static void remove_match(int fd, const void *answer)
{
	(void)fd;
	(void)answer;
	ASSERT_OK(kdbus_client_match_remove(&commands_a, 7));
}

static void forget_match(void)
{
	kdbus_client_match_remove(&commands_a, 7);
}

/* ---- asking ----------------------------------------------------------- */

static void build_name_list(struct kdbus_builder *b)
{
	struct kdbus_cmd_name_list *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	cmd->flags = 15;
}

static void give_back_list(int fd, const void *answer)
{
	give_back(fd, &((const struct kdbus_cmd_name_list *)answer)->offset);
}

static void build_conn_info(struct kdbus_builder *b)
{
	struct kdbus_cmd_conn_info *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	cmd->id = commands_b.hello.id;
	cmd->flags = _KDBUS_ATTACH_ALL;
}

static void build_conn_info_by_name(struct kdbus_builder *b)
{
	struct kdbus_cmd_conn_info *cmd = kdbus_build_cmd(b, sizeof(*cmd));

	cmd->flags = _KDBUS_ATTACH_ALL;
	strcpy(b->buf + b->size, OF_B);
	cmd->size += sizeof(OF_B);
	b->size = cmd->size;
}

static void give_back_info(int fd, const void *answer)
{
	give_back(fd, &((const struct kdbus_cmd_conn_info *)answer)->offset);
}

static void build_conn_update(struct kdbus_builder *b)
{
	__u64 flags = KDBUS_ATTACH_NAMES;

	kdbus_build_cmd(b, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(b, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
}

static void build_holder_update(struct kdbus_builder *b)
{
	kdbus_build_cmd(b, sizeof(struct kdbus_cmd_update));
	grant(b, HELD, WORLD, 0, OWN);
}

/* ---- memfds ----------------------------------------------------------- */

static void build_size(struct kdbus_builder *b)
{
	*(__u64 *)kdbus_build_cmd(b, sizeof(__u64)) = 8192;
}

static void build_sealed(struct kdbus_builder *b)
{
	build_size(b);
	b->size = sizeof(int);
}

/* ---- all -------------------------------------------------------------- */

const struct command commands[] = {
	{ "BUS_MAKE", KDBUS_CMD_BUS_MAKE, .open = open_control,
	  .build = build_bus_make },
	{ "DOMAIN_MAKE", KDBUS_CMD_DOMAIN_MAKE, .open = open_control,
	  .build = build_domain_make },
	{ "EP_MAKE", KDBUS_CMD_EP_MAKE, .open = open_ep,
	  .build = build_ep_make },
	{ "EP_UPDATE", KDBUS_CMD_EP_UPDATE, .open = box_fd,
	  .build = build_ep_update },
	{ "HELLO", KDBUS_CMD_HELLO, .answers = true, .lasts = true,
	  .open = open_ep, .build = build_hello },
	{ "HELLO with all", KDBUS_CMD_HELLO, .answers = true, .lasts = true,
	  .open = open_ep, .build = build_hello_special },
	{ "MSG_SEND", KDBUS_CMD_MSG_SEND, .open = a_fd, .build = build_send,
	  .undo = b_takes, .again = b_drops },
	{ "MSG_SEND of all to a name", KDBUS_CMD_MSG_SEND, .open = a_fd,
	  .build = build_send_all, .undo = b_takes_files, .again = b_drops },
	{ "MSG_SEND, sync", KDBUS_CMD_MSG_SEND, .answers = true, .open = a_fd,
	  .build = build_call, .undo = give_back_reply,
	  .again = forget_reply },
	{ "MSG_SEND of a broadcast", KDBUS_CMD_MSG_SEND, .open = a_fd,
	  .build = build_broadcast_cmd },
	{ "MSG_RECV", KDBUS_CMD_MSG_RECV, .answers = true, .open = a_fd,
	  .build = build_recv, .undo = give_back_msg, .again = queue_one },
	{ "MSG_RECV, peek by priority", KDBUS_CMD_MSG_RECV, .answers = true,
	  .open = a_fd, .build = build_peek, .undo = drop_what_was_peeked,
	  .again = queue_one },
	{ "MSG_RECV, drop", KDBUS_CMD_MSG_RECV, .open = a_fd,
	  .build = build_drop, .again = queue_one },
	{ "MSG_CANCEL", KDBUS_CMD_MSG_CANCEL, .open = caller_fd,
	  .build = build_cancel, .undo = call_ends, .again = call_again },
	{ "MSG_CANCEL of nothing", KDBUS_CMD_MSG_CANCEL, .want = -ENOENT,
	  .never_wrong = true, .open = a_fd, .build = build_cancel_nothing },
	{ "FREE", KDBUS_CMD_FREE, .open = a_fd, .build = build_free,
	  .again = list_again },
	{ "NAME_ACQUIRE", KDBUS_CMD_NAME_ACQUIRE, .answers = true,
	  .lasts = true, .open = a_fd, .build = build_name,
	  .undo = release_name, .again = forget_name },
	{ "NAME_RELEASE", KDBUS_CMD_NAME_RELEASE, .open = a_fd,
	  .build = build_release, .again = take_name },
	{ "NAME_LIST", KDBUS_CMD_NAME_LIST, .answers = true,
	  .never_wrong = true, .open = a_fd, .build = build_name_list,
	  .undo = give_back_list },
	{ "CONN_INFO", KDBUS_CMD_CONN_INFO, .answers = true, .open = a_fd,
	  .build = build_conn_info, .undo = give_back_info },
	{ "CONN_INFO by name", KDBUS_CMD_CONN_INFO, .answers = true,
	  .open = a_fd, .build = build_conn_info_by_name,
	  .undo = give_back_info },
	{ "CONN_UPDATE", KDBUS_CMD_CONN_UPDATE, .open = a_fd,
	  .build = build_conn_update },
	{ "CONN_UPDATE of policy", KDBUS_CMD_CONN_UPDATE, .open = holder_fd,
	  .build = build_holder_update },
	{ "MATCH_ADD", KDBUS_CMD_MATCH_ADD, .open = a_fd,
	  .build = build_match_add, .undo = remove_match,
	  .again = forget_match },
	{ "MATCH_ADD of a mask", KDBUS_CMD_MATCH_ADD, .open = a_fd,
	  .build = build_match_bloom, .undo = remove_match,
	  .again = forget_match },
	{ "MATCH_ADD of notices", KDBUS_CMD_MATCH_ADD, .open = a_fd,
	  .build = build_match_notices, .undo = remove_match,
	  .again = forget_match },
	{ "MATCH_REMOVE", KDBUS_CMD_MATCH_REMOVE, .open = a_fd,
	  .build = build_match },
	{ "MEMFD_NEW", KDBUS_CMD_MEMFD_NEW, .answers = true, .open = a_fd,
	  .build = build_memfd_new, .undo = close_memfd },
	{ "MEMFD_SIZE_GET", KDBUS_CMD_MEMFD_SIZE_GET, .answers = true,
	  .never_wrong = true, .open = open_memfd, .build = build_size },
	{ "MEMFD_SIZE_SET", KDBUS_CMD_MEMFD_SIZE_SET, .open = open_memfd,
	  .build = build_size },
	{ "MEMFD_SEAL_GET", KDBUS_CMD_MEMFD_SEAL_GET, .answers = true,
	  .never_wrong = true, .open = open_memfd, .build = build_sealed },
};
const size_t n_commands = sizeof(commands) / sizeof(*commands);

int command_run(const struct command *c, int fd, void *at)
{
	return xioctl(fd, c->nr, at);
}

int command_open(const struct command *c)
{
	int fd = c->open();

	ASSERT(fd >= 0);
	return fd;
}

int command_begin(const struct command *c, struct kdbus_builder *b)
{
	c->build(b);
	return command_open(c);
}

void command_close(const struct command *c, int fd)
{
	if (c->open == open_control || c->open == open_ep ||
	    c->open == open_memfd)
		ASSERT_OK(close(fd));
}

void command_done(const struct command *c, int fd, const void *answer)
{
	if (c->undo)
		c->undo(fd, answer);
	command_close(c, fd);
}

/* ---- others ----------------------------------------------------------- */

static void *answer_y(void *arg)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_next(&y, 30000, &msg));
	ASSERT_OK(kdbus_client_reply(&y, msg, "yes", 4));
	ASSERT_OK(kdbus_client_free(&y, msg));
	return arg;
}

static void call_y(void)
{
	const struct kdbus_msg *reply;
	struct kdbus_builder m;
	pthread_t t;

	ASSERT_OK(pthread_create(&t, NULL, answer_y, NULL));
	kdbus_build_msg(&m, y.hello.id, 3);
	ASSERT_OK(kdbus_client_call(&x, &m, 100 * SEC, &reply));
	ASSERT_EQ(reply->cookie_reply, 3);
	ASSERT_OK(kdbus_client_free(&x, reply));
	ASSERT_OK(pthread_join(t, NULL));
}

bool others_have(__u64 id)
{
	return id == x.hello.id || id == y.hello.id ||
	       id == commands_a.hello.id || id == commands_b.hello.id ||
	       id == caller.hello.id || id == sink.hello.id;
}

void others_go_on(void)
{
	const struct kdbus_conn_info *info;
	const struct kdbus_name_list *list;
	struct kdbus_client z;

	ASSERT_OK(match_rule(&y, 1, KDBUS_ITEM_ID, &x.hello.id, 8));
	ASSERT_OK(send_to(&x, y.hello.id, 1, "x"));
	ASSERT_OK(broadcast(&x, 2));
	expect_msg(&y, x.hello.id, 1);
	expect_msg(&y, x.hello.id, 2);
	ASSERT_OK(kdbus_client_match_remove(&y, 1));
	call_y();
	ASSERT_OK(kdbus_client_acquire(&x, "com.example.x", 0));
	ASSERT_OK(send_to_name(&y, "com.example.x", "x"));
	expect_msg(&x, y.hello.id, 1);
	ASSERT_OK(kdbus_client_release(&x, "com.example.x"));
	ASSERT_OK(kdbus_client_list(&x, 15, &list));
	ASSERT_OK(kdbus_client_free(&x, list));
	ASSERT_OK(conn_info(&x, y.hello.id, NULL, 0, &info));
	ASSERT_OK(kdbus_client_free(&x, info));
	client_new_pool(&z, &commands_bus, 4096);
	kdbus_client_close(&z);
	expect_nothing(&x);
	expect_nothing(&y);
}
