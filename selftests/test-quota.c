// SPDX-License-Identifier: GPL-2.0
/* Who may put how much into another's pool. */
#include "harness.h"

#define POOL (16 << 20)
#define MIB (1 << 20)

static struct bus bus;
static struct kdbus_client r;
static char data[8 << 20];

static void setup(void)
{
	bus_new(&bus);
	client_new(&r, &bus);
}

static int put(struct kdbus_client *c, size_t size)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, r.hello.id, 1);
	kdbus_build_vec(&m, data, size);
	return kdbus_client_send(c, &m);
}

/* Sends messages of a size until one is refused; returns how many went. */
static int fill(struct kdbus_client *c, size_t size, int *error)
{
	int n = 0;

	while (!(*error = put(c, size)))
		n++;
	return n;
}

static void drain(void)
{
	const struct kdbus_msg *msg;

	while (!kdbus_client_recv(&r, 0, 0, &msg))
		ASSERT_OK(kdbus_client_free(&r, msg));
}

/* spec 11.3, 3 */
TEST(messages_per_sender_are_bounded)
{
	struct kdbus_client c, d;
	const struct kdbus_msg *msg;
	int error;

	setup();
	client_new(&c, &bus);
	client_new(&d, &bus);
	ASSERT_EQ(fill(&c, 8, &error), 256);
	ASSERT_EQ(error, -ENOBUFS);
	/* siblings are not starved */
	ASSERT_EQ(fill(&d, 8, &error), 256);
	/* a message that is received no longer counts, freed or not */
	ASSERT_OK(kdbus_client_recv(&r, 0, 0, &msg));
	ASSERT_OK(put(&c, 8));
	ASSERT_EQ(put(&c, 8), -ENOBUFS);
	drain();
	ASSERT_EQ(fill(&c, 8, &error), 256);
}

/* spec 11.3, decision 19 */
TEST(the_bound_is_a_parameter)
{
	struct kdbus_client c;
	int error;

	setup();
	client_new(&c, &bus);
	param_set("max_msgs_per_sender", 3);
	ASSERT_EQ(fill(&c, 8, &error), 3);
	ASSERT_EQ(error, -ENOBUFS);
}

/* spec 11.3: however many connections of one's own uid there are */
TEST(messages_of_the_same_uid_are_bounded_together)
{
	struct kdbus_client c, d;
	const struct kdbus_msg *msg;
	int error;

	setup();
	client_new(&c, &bus);
	client_new(&d, &bus);
	param_set("max_msgs_same_uid", 6);
	ASSERT_EQ(fill(&c, 8, &error), 6);
	ASSERT_EQ(error, -ENOBUFS);
	/* a few pass whatever one's siblings do */
	ASSERT_EQ(fill(&d, 8, &error), 4);
	ASSERT_EQ(error, -ENOBUFS);
	for (error = 0; error < 5; error++)
		ASSERT_OK(kdbus_client_recv(&r, 0, 0, &msg));
	ASSERT_OK(put(&d, 8));
	ASSERT_EQ(put(&d, 8), -ENOBUFS);
	/* another uid's do not count */
	client_new_as(&c, &bus, NOBODY);
	ASSERT_OK(put(&c, 8));
}

/* spec 11.3 */
TEST(thirteen_mebibytes_fit_from_the_same_uid)
{
	struct kdbus_client c, d;
	int error;

	setup();
	client_new(&c, &bus);
	client_new(&d, &bus);
	ASSERT(fill(&c, MIB, &error) >= 13);
	ASSERT_EQ(error, -EXFULL);
	/* and something is left for others of the uid */
	ASSERT_OK(put(&d, 256 << 10));
}

/* spec 11.1, decision 16 */
TEST(a_message_takes_half_of_what_is_free)
{
	struct kdbus_client c;

	setup();
	client_new(&c, &bus);
	ASSERT_EQ(put(&c, 8 << 20), -EXFULL);
	ASSERT_OK(put(&c, (8 << 20) - 96));
	ASSERT_EQ(put(&c, (4 << 20)), -EXFULL);
	/* what does not fit at all is another error */
	ASSERT_EQ(put(&c, (8 << 20)), -ENOBUFS);
	ASSERT_OK(put(&c, (4 << 20) - 96));
}

static void fill_foreign(void *arg)
{
	struct kdbus_client c, d;
	int error, n;

	(void)arg;
	client_new(&c, &bus);
	client_new(&d, &bus);
	/* a third of half of the pool: 2.67 MiB */
	n = fill(&c, MIB / 2, &error);
	ASSERT_EQ(n, 5);
	ASSERT_EQ(error, -EXFULL);
	/* more connections give no more */
	ASSERT_EQ(put(&d, MIB / 2), -EXFULL);
	ASSERT(fill(&d, 4096, &error) < 50);
	fill(&d, 8, &error);
	ASSERT(error == -EXFULL || error == -ENOBUFS);
}

/* spec 11.2, 11.3 */
TEST(another_uid_gets_a_third_of_half)
{
	const struct kdbus_name_list *list;
	struct kdbus_client c;

	setup();
	as_uid(NOBODY, fill_foreign, NULL);
	/* the owner's own half is there */
	ASSERT_OK(kdbus_client_list(&r, 15, &list));
	client_new(&c, &bus);
	ASSERT_OK(put(&c, 4 << 20));
}

static void flood(void *arg)
{
	struct kdbus_client c;
	size_t size;
	int error;

	(void)arg;
	client_new(&c, &bus);
	for (size = 2 << 20; size; size /= 2)
		fill(&c, size, &error);
}

/* spec 11.2, 27.9 */
TEST(no_number_of_uids_fills_a_pool)
{
	const struct kdbus_name_list *list;
	struct kdbus_client c;
	uid_t uid;

	setup();
	for (uid = 1000; uid < 1030; uid++)
		as_uid(uid, flood, NULL);
	client_new(&c, &bus);
	ASSERT_OK(put(&c, 3 << 20));
	ASSERT_OK(kdbus_client_list(&r, 15, &list));
}

/* spec 27.2, 27.9 */
TEST(a_refusal_leaves_nothing)
{
	struct kdbus_client c;
	int i;

	setup();
	client_new(&c, &bus);
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(put(&c, 8 << 20), -EXFULL);
	ASSERT_OK(put(&c, (8 << 20) - 96));
	drain();
	ASSERT_OK(put(&c, (8 << 20) - 96));
}

/* spec 11.3 */
TEST(bytes_count_until_they_are_freed)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c;

	setup();
	client_new(&c, &bus);
	ASSERT_OK(put(&c, 6 << 20));
	ASSERT_OK(kdbus_client_recv(&r, 0, 0, &msg));
	ASSERT_EQ(put(&c, 6 << 20), -EXFULL);
	ASSERT_OK(kdbus_client_free(&r, msg));
	ASSERT_OK(put(&c, 6 << 20));
}

static void call_owner(void *arg)
{
	struct kdbus_client *owner = arg;
	const struct kdbus_msg *msg;
	struct kdbus_client c;
	struct kdbus_builder m;
	int error;

	/* a service that has used up its share still can answer */
	client_new(&c, &bus);
	ASSERT_OK(kdbus_client_acquire(&c, "org.kdbus.full", 0));
	fill(&c, MIB / 2, &error);
	fill(&c, 8, &error);
	ASSERT_OK(kdbus_client_next(&c, 20000, &msg));
	kdbus_build_msg(&m, owner->hello.id, 1);
	m.msg.cookie_reply = msg->cookie;
	kdbus_build_vec(&m, data, MIB);
	ASSERT_OK(kdbus_client_send(&c, &m));
}

static void as_service(void *arg)
{
	ASSERT_OK(setresuid(NOBODY, NOBODY, NOBODY));
	call_owner(arg);
}

/* spec 11.3 */
TEST(sync_replies_are_the_callers_own)
{
	const struct kdbus_msg *reply;
	struct kdbus_builder m;
	pid_t pid;
	int ret;

	setup();
	pid = spawn(as_service, &r);
	do {
		kdbus_build_msg(&m, 0, 7);
		kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, "org.kdbus.full");
		ret = kdbus_client_call(&r, &m, 20 * SEC, &reply);
	} while (ret == -ESRCH);
	ASSERT_OK(ret);
	ASSERT_EQ(kdbus_msg_payload(reply, NULL, 0), MIB);
	wait_for(pid);
}

/* ---- accounts -------------------------------------------------------------- */

#define NAME "com.example.moves"

static long long charged(const struct kdbus_client *to, const char *column)
{
	return listed("accounts", &bus, to->hello.id, column);
}

/* spec 11.3, 14.4: the sender is charged where its message lies */
TEST(the_charge_follows_a_move)
{
	struct kdbus_client act, svc, c;
	struct kdbus_builder m;
	long long bytes;

	setup();
	kdbus_build_hello(&m, KDBUS_HELLO_ACTIVATOR, 0);
	kdbus_build_string(&m, KDBUS_ITEM_NAME, NAME);
	ASSERT_OK(kdbus_client_hello(&act, bus.path, &m));
	client_new(&svc, &bus);
	client_new(&c, &bus);
	kdbus_build_msg(&m, 0, 1);
	kdbus_build_string(&m, KDBUS_ITEM_DST_NAME, NAME);
	kdbus_build_vec(&m, data, MIB);
	ASSERT_OK(kdbus_client_send(&c, &m));
	ASSERT_OK(kdbus_client_send(&c, &m));
	bytes = charged(&act, "bytes");
	ASSERT(bytes > 2 * MIB);
	ASSERT_EQ(charged(&act, "msgs"), 2);

	ASSERT_OK(kdbus_client_acquire(&svc, NAME, 0));
	ASSERT_EQ(charged(&act, "bytes"), -1);
	ASSERT_EQ(charged(&svc, "bytes"), bytes);
	ASSERT_EQ(charged(&svc, "msgs"), 2);
	ASSERT_OK(kdbus_client_recv(&svc, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_EQ(charged(&svc, "bytes"), bytes / 2);

	ASSERT_OK(kdbus_client_release(&svc, NAME));
	ASSERT_EQ(charged(&svc, "bytes"), -1);
	ASSERT_EQ(charged(&act, "bytes"), bytes / 2);
	ASSERT_EQ(charged(&act, "msgs"), 1);
	ASSERT_OK(kdbus_client_recv(&act, KDBUS_RECV_DROP, 0, NULL));
	ASSERT_EQ(charged(&act, "bytes"), -1);
}

static void client_via(struct kdbus_client *c, const char *endpoint)
{
	char path[200];

	kdbus_endpoint_path(path, sizeof(path), bus.name, endpoint);
	ASSERT_OK(kdbus_client_open(c, path, 0, 0, 0, NULL));
}

static void ep_make(const char *name)
{
	struct kdbus_cmd_make *cmd;
	struct kdbus_builder m;

	cmd = kdbus_build_cmd(&m, sizeof(*cmd));
	cmd->flags = KDBUS_MAKE_ACCESS_WORLD;
	kdbus_build_string(&m, KDBUS_ITEM_MAKE_NAME, name);
	kdbus_build_string(&m, KDBUS_ITEM_NAME, NAME);
	kdbus_build_access(&m, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_TALK, 0);
	ASSERT_OK(xioctl(ep_open(&bus), KDBUS_CMD_EP_MAKE, m.buf));
}

/* spec 11.4: each endpoint has a user of its own, whoever comes that way */
TEST(two_endpoints_have_two_accounts)
{
	struct kdbus_client one, two, direct;
	int error;

	setup();
	ep_make("one");
	ep_make("two");
	ASSERT_OK(kdbus_client_acquire(&r, NAME, 0));
	client_via(&one, "one");
	client_via(&two, "two");
	client_new(&direct, &bus);
	ASSERT_EQ(fill(&one, 8, &error), 256);
	ASSERT_EQ(error, -ENOBUFS);
	ASSERT_EQ(fill(&two, 8, &error), 256);
	ASSERT_EQ(fill(&direct, 8, &error), 256);
	/* two connections of one endpoint have one account */
	client_via(&two, "one");
	ASSERT_EQ(put(&two, 8), -ENOBUFS);
	drain();
	ASSERT_OK(put(&two, 8));
}

/* spec 11.3, 12.3: what was received counts until it is freed, also at the end */
TEST(accounts_are_empty_when_everything_is_freed)
{
	const struct kdbus_msg *msgs[10];
	struct kdbus_client c;
	int i;

	setup();
	client_new(&c, &bus);
	for (i = 0; i < 10; i++) {
		ASSERT_OK(put(&c, 1000 + i));
		ASSERT_OK(kdbus_client_recv(&r, 0, 0, &msgs[i]));
	}
	ASSERT_EQ(charged(&r, "msgs"), 0);
	ASSERT(charged(&r, "bytes") > 10000);
	/* the sender may be gone by then */
	kdbus_client_close(&c);
	for (i = 0; i < 10; i++)
		ASSERT_OK(kdbus_client_free(&r, msgs[i]));
	ASSERT_EQ(charged(&r, "bytes"), -1);
}
