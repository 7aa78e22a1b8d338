// SPDX-License-Identifier: GPL-2.0
/* What receivers are told of senders, and what CONN_INFO and _UPDATE do. */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "fixtures.h"

static struct bus bus;
static struct kdbus_client a;

/* The types of all items of a message, in order. */
static int types_of(const struct kdbus_msg *msg, __u64 *types, int max)
{
	const struct kdbus_item *item;
	int n = 0;

	kdbus_for_each_msg_item(item, msg) {
		ASSERT(n < max);
		types[n++] = item->type;
	}
	return n;
}

/* spec 17.2, 27.12: order, and nobody gets what he did not ask for */
TEST(items_come_in_their_order)
{
	static const __u64 order[] = {
		KDBUS_ITEM_PAYLOAD_OFF, KDBUS_ITEM_TIMESTAMP, KDBUS_ITEM_CREDS,
		KDBUS_ITEM_NAME, KDBUS_ITEM_NAME, KDBUS_ITEM_TID_COMM,
		KDBUS_ITEM_PID_COMM, KDBUS_ITEM_EXE, KDBUS_ITEM_CMDLINE,
		KDBUS_ITEM_CAPS, KDBUS_ITEM_CGROUP, KDBUS_ITEM_AUDIT,
		KDBUS_ITEM_SECLABEL, KDBUS_ITEM_CONN_NAME,
	};
	struct kdbus_client all, none;
	__u64 types[32], *t = types;
	const struct kdbus_msg *msg;
	char data[8];
	size_t i;
	int n;

	bus_new(&bus);
	client_with(&a, &bus, 0, "sender");
	client_with(&all, &bus, _KDBUS_ATTACH_ALL, NULL);
	client_with(&none, &bus, 0, NULL);
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.one", 0));
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.two", 0));
	msg = deliver(&a, &all);
	ASSERT_EQ(kdbus_msg_payload(msg, data, sizeof(data)), 5);
	ASSERT(!strcmp(data, "text"));
	n = types_of(msg, types, 32);
	for (i = 0; i < sizeof(order) / sizeof(*order); i++) {
		/* a kernel may have no label and no login */
		if (t - types < n && *t == order[i])
			t++;
		else
			ASSERT(order[i] == KDBUS_ITEM_SECLABEL ||
			       order[i] == KDBUS_ITEM_AUDIT ||
			       order[i] == KDBUS_ITEM_EXE);
	}
	ASSERT_EQ(t - types, n);
	ASSERT_EQ(types_of(deliver(&a, &none), types, 32), 1);
}

/* spec 17.3, decision 23 */
static void *send_from_thread(void *arg)
{
	*(long *)arg = syscall(SYS_gettid);
	prctl(PR_SET_NAME, "a thread");
	ASSERT_OK(send_to(&a, a.hello.id, 7, "x"));
	return NULL;
}

TEST(creds_and_comm_tell_process_from_thread)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	pthread_t t;
	long tid = 0;

	bus_new(&bus);
	client_with(&a, &bus, KDBUS_ATTACH_CREDS | KDBUS_ATTACH_COMM, NULL);
	ASSERT_OK(pthread_create(&t, NULL, send_from_thread, &tid));
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_OK(kdbus_client_recv(&a, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_CREDS);
	ASSERT(item);
	ASSERT_EQ(item->size, 16 + 40);
	ASSERT_EQ(item->creds.uid, 0);
	ASSERT_EQ(item->creds.pid, getpid());
	ASSERT_EQ(item->creds.tid, tid);
	ASSERT(item->creds.tid != item->creds.pid);
	ASSERT(item->creds.starttime > 0);
	item = kdbus_msg_item(msg, KDBUS_ITEM_TID_COMM);
	ASSERT(item && !strcmp(item->str, "a thread"));
	item = kdbus_msg_item(msg, KDBUS_ITEM_PID_COMM);
	ASSERT(item && !strncmp(item->str, "test-metadata", 13));
}

/* spec 9.10, 17.2 */
TEST(timestamps_carry_the_order)
{
	const struct kdbus_item *item;
	struct kdbus_client b;
	__u64 last = 0;
	int i;

	bus_new(&bus);
	client_with(&a, &bus, 0, NULL);
	client_with(&b, &bus, KDBUS_ATTACH_TIMESTAMP, NULL);
	for (i = 0; i < 5; i++) {
		__u64 before = now_ns();

		item = kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_TIMESTAMP);
		ASSERT(item);
		ASSERT(item->timestamp.seqnum > last);
		last = item->timestamp.seqnum;
		ASSERT(item->timestamp.monotonic_ns >= before);
		ASSERT(item->timestamp.monotonic_ns <= now_ns());
		ASSERT(item->timestamp.realtime_ns > 1500000000ULL * SEC);
	}
}

static void send_as_nobody(void *arg)
{
	(void)arg;
	ASSERT_OK(send_to(&a, a.hello.id, 3, "x"));
}

/* spec 17.1: of who sends, not of who said HELLO */
TEST(messages_tell_of_the_task_that_sends)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	bus_new(&bus);
	client_with(&a, &bus, KDBUS_ATTACH_CREDS, NULL);
	as_uid(NOBODY, send_as_nobody, NULL);
	ASSERT_OK(kdbus_client_recv(&a, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_CREDS);
	ASSERT_EQ(item->creds.uid, NOBODY);
	ASSERT(item->creds.pid != (__u64)getpid());
}

/* spec 17.6: root of a user namespace is not root to others */
static void send_from_userns(void *arg)
{
	(void)arg;
	ASSERT_OK(unshare(CLONE_NEWUSER));
	ASSERT_OK(send_to(&a, a.hello.id, 3, "x"));
}

TEST(ids_are_those_of_the_receivers_namespace)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	bus_new(&bus);
	client_with(&a, &bus, KDBUS_ATTACH_CREDS | KDBUS_ATTACH_CAPS, NULL);
	as_uid(NOBODY, send_from_userns, NULL);
	ASSERT_OK(kdbus_client_recv(&a, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_CREDS);
	ASSERT_EQ(item->creds.uid, NOBODY);
	item = kdbus_msg_item(msg, KDBUS_ITEM_CAPS);
	ASSERT(item);
	ASSERT_EQ(item->size, 16 + 32);
	/* full in its own namespace, nothing here */
	ASSERT_EQ(item->data64[1], 0);
	ASSERT_EQ(item->data64[2], 0);
}

/* spec 17.8 */
TEST(update_takes_effect_for_what_is_sent_afterwards)
{
	__u64 creds = KDBUS_ATTACH_CREDS, none = 0;
	struct kdbus_client b;
	struct kdbus_builder u;

	bus_new(&bus);
	client_with(&a, &bus, 0, NULL);
	client_with(&b, &bus, 0, NULL);
	ASSERT(!kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_CREDS));
	kdbus_build_cmd(&u, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&u, KDBUS_ITEM_ATTACH_FLAGS, &creds, 8);
	ASSERT_OK(xioctl(b.fd, KDBUS_CMD_CONN_UPDATE, u.buf));
	ASSERT(kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_CREDS));
	/* the last one wins; a bad one changes nothing */
	kdbus_build_item(&u, KDBUS_ITEM_ATTACH_FLAGS, &none, 8);
	ASSERT_OK(xioctl(b.fd, KDBUS_CMD_CONN_UPDATE, u.buf));
	ASSERT(!kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_CREDS));
	kdbus_build_cmd(&u, sizeof(struct kdbus_cmd_update));
	kdbus_build_item(&u, KDBUS_ITEM_ATTACH_FLAGS, &creds, 8);
	kdbus_build_item(&u, KDBUS_ITEM_ATTACH_FLAGS, &creds, 4);
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_CONN_UPDATE, u.buf), -EINVAL);
	ASSERT(!kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_CREDS));
	kdbus_build_cmd(&u, sizeof(struct kdbus_cmd_update));
	kdbus_build_string(&u, KDBUS_ITEM_NAME, "com.example.x");
	ASSERT_EQ(xioctl(b.fd, KDBUS_CMD_CONN_UPDATE, u.buf), -EOPNOTSUPP);
	kdbus_build_cmd(&u, sizeof(struct kdbus_cmd_update));
	ASSERT_OK(xioctl(b.fd, KDBUS_CMD_CONN_UPDATE, u.buf));
}

/* spec 17.6: the administrator has the last word */
TEST(the_mask_removes_items)
{
	struct kdbus_client b;

	bus_new(&bus);
	client_with(&a, &bus, 0, "sender");
	client_with(&b, &bus, _KDBUS_ATTACH_ALL, NULL);
	param_set("attach_flags_mask", KDBUS_ATTACH_CREDS);
	ASSERT(kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_CREDS));
	ASSERT(!kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_TIMESTAMP));
	ASSERT(!kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_CONN_NAME));
	ASSERT(!kdbus_msg_item(deliver(&a, &b), KDBUS_ITEM_PID_COMM));
}

/* ---- CONN_INFO -------------------------------------------------------- */

/* Whether an item ends with a string @offset bytes into its payload. */
static bool info_is(const struct kdbus_conn_info *i, __u64 type, size_t offset,
		    const char *want)
{
	const struct kdbus_item *item = info_item(i, type);
	size_t len = strlen(want) + 1;

	return item && item->size == KDBUS_ITEM_HEADER + offset + len &&
	       !memcmp((const char *)item + KDBUS_ITEM_HEADER + offset, want,
		       len);
}

/* spec 17.7 */
TEST(info_is_found_by_id_and_by_name)
{
	const struct kdbus_conn_info *i = NULL;
	struct kdbus_client b;

	bus_new(&bus);
	client_with(&a, &bus, 0, NULL);
	client_with(&b, &bus, 0, "subject");
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.b", 0));
	ASSERT_EQ(conn_info(&a, 0, NULL, 0, &i), -EINVAL);
	ASSERT_EQ(conn_info(&a, 0, "nodots", 0, &i), -EINVAL);
	ASSERT_EQ(conn_info(&a, 0, "com.example.none", 0, &i), -ESRCH);
	ASSERT_EQ(conn_info(&a, 99, NULL, 0, &i), -ENXIO);
	ASSERT_OK(conn_info(&a, 0, "com.example.b", 0, &i));
	ASSERT_EQ(i->id, b.hello.id);
	ASSERT_EQ(i->flags, KDBUS_HELLO_ACCEPT_FD);
	ASSERT_EQ(i->size, sizeof(*i));
	ASSERT_OK(kdbus_client_free(&a, i));
	/* with an id the name is ignored */
	ASSERT_OK(conn_info(&a, b.hello.id, "com.example.none", KDBUS_ATTACH_NAMES |
		       KDBUS_ATTACH_CREDS | KDBUS_ATTACH_CONN_NAME, &i));
	ASSERT_EQ(info_item(i, KDBUS_ITEM_CREDS)->creds.pid, getpid());
	ASSERT(info_is(i, KDBUS_ITEM_NAME, 8, "com.example.b"));
	ASSERT(info_is(i, KDBUS_ITEM_CONN_NAME, 0, "subject"));
	ASSERT(!info_item(i, KDBUS_ITEM_TIMESTAMP));
	ASSERT(!info_item(i, KDBUS_ITEM_PID_COMM));
}

static void say_hello(void *arg)
{
	struct kdbus_builder b;

	hello_init(&b, 0);
	ASSERT_OK(xioctl(*(int *)arg, KDBUS_CMD_HELLO, b.buf));
}

/* spec 25: of who opened the file */
TEST(info_tells_of_who_opened_the_file)
{
	const struct kdbus_conn_info *i = NULL;
	int fd;

	bus_new(&bus);
	client_with(&a, &bus, 0, NULL);
	fd = ep_open(&bus);
	as_uid(NOBODY, say_hello, &fd);
	ASSERT_OK(conn_info(&a, 2, NULL, KDBUS_ATTACH_CREDS, &i));
	ASSERT_EQ(info_item(i, KDBUS_ITEM_CREDS)->creds.uid, 0);
	ASSERT_EQ(info_item(i, KDBUS_ITEM_CREDS)->creds.pid, getpid());
}

/* spec 7.4, 25: a proxy tells what it was given, and nothing of its own */
TEST(given_credentials_replace_the_proxys_own)
{
	struct kdbus_creds creds = { 1000, 1001, 42, 43, 0 };
	const struct kdbus_conn_info *i = NULL;
	struct kdbus_client b, proxy = { .fd = -1 };
	const struct kdbus_msg *msg;
	struct kdbus_builder h;
	const struct kdbus_item *item;

	bus_new(&bus);
	client_with(&a, &bus, 0, NULL);
	client_with(&b, &bus, _KDBUS_ATTACH_ALL, NULL);
	proxy.fd = ep_open(&bus);
	hello_init(&h, 0);
	kdbus_build_item(&h, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	kdbus_build_string(&h, KDBUS_ITEM_SECLABEL, "given label");
	ASSERT_OK(xioctl(proxy.fd, KDBUS_CMD_HELLO, h.buf));
	memcpy(&proxy.hello, h.buf, sizeof(proxy.hello));

	ASSERT_OK(send_to(&proxy, b.hello.id, 1, "x"));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_CREDS);
	ASSERT(!memcmp(&item->creds, &creds, sizeof(creds)));
	item = kdbus_msg_item(msg, KDBUS_ITEM_SECLABEL);
	ASSERT(!strcmp(item->str, "given label"));
	ASSERT(!kdbus_msg_item(msg, KDBUS_ITEM_CAPS));
	ASSERT(!kdbus_msg_item(msg, KDBUS_ITEM_PID_COMM));

	ASSERT_OK(conn_info(&a, proxy.hello.id, NULL, _KDBUS_ATTACH_ALL, &i));
	ASSERT_EQ(info_item(i, KDBUS_ITEM_CREDS)->creds.uid, 1000);
	ASSERT(info_item(i, KDBUS_ITEM_SECLABEL));
	ASSERT(!info_item(i, KDBUS_ITEM_CAPS));
	ASSERT(!info_item(i, KDBUS_ITEM_EXE));
}
