// SPDX-License-Identifier: GPL-2.0
/*
 * The source for kernels that refuse BPF: a monitor connection, which gets a
 * copy of each message. It takes part in the bus: the kernel copies all
 * payload for it, and what its pool has no room for it does not get.
 *
 * What it cannot know: ids of messages, how long they were queued, whether
 * they were received or dropped, what was refused and why, matches, other
 * buses, and how synchronous calls end without a reply. How long a call took
 * is told from the times of its two messages.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <kdbus-client.h>

#include "kdbus_enums.h"
#include "monitor.h"

#define POOL_SIZE (64ULL << 20)
#define ATTACH (KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS | \
		KDBUS_ATTACH_NAMES | KDBUS_ATTACH_COMM)
#define MAX_CALLS 65536

/* a call that has not ended, as far as is known; keyed by its first two */
struct call {
	__u64 conn, cookie;
	__u64 peer, start_ns;
	bool sync;
	char name[];
};

static struct kdbus_client client = { .fd = -1 };
static const struct options *opt;
static char bus_name[64];
static GHashTable *calls;

static guint call_hash(gconstpointer p)
{
	const struct call *c = p;

	return (c->conn << 32 ^ c->cookie) * 0x9e3779b97f4a7c15ULL >> 32;
}

static gboolean call_equal(gconstpointer a, gconstpointer b)
{
	const struct call *x = a, *y = b;

	return x->conn == y->conn && x->cookie == y->cookie;
}

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- who is there ------------------------------------------------------ */

/* What items say of a connection's process. */
static void learn_items(__u64 conn, const struct kdbus_item *first, size_t size)
{
	const struct kdbus_item *item;
	const struct kdbus_creds *creds = NULL;
	const char *comm = "";

	kdbus_for_each_item(item, first, size) {
		if (item->type == KDBUS_ITEM_CREDS)
			creds = &item->creds;
		else if (item->type == KDBUS_ITEM_PID_COMM)
			comm = item->str;
	}
	if (creds)
		peer_process(peer_get(0, conn), creds->pid, creds->uid, comm);
}

static void learn_conn(__u64 conn)
{
	struct kdbus_cmd_conn_info cmd = {
		.size = sizeof(cmd),
		.flags = KDBUS_ATTACH_CREDS | KDBUS_ATTACH_COMM,
		.id = conn,
	};
	const struct kdbus_conn_info *info;

	/* it may be gone already */
	if (ioctl(client.fd, KDBUS_CMD_CONN_INFO, &cmd))
		return;
	info = (const void *)(client.pool + cmd.offset);
	learn_items(conn, info->items, info->size - sizeof(*info));
	kdbus_client_free(&client, info);
}

static int learn_all(void)
{
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *record;
	int ret;

	ret = kdbus_client_list(&client, KDBUS_NAME_LIST_UNIQUE |
				KDBUS_NAME_LIST_NAMES |
				KDBUS_NAME_LIST_ACTIVATORS, &list);
	if (ret)
		return ret;
	kdbus_for_each_name(record, list) {
		learn_conn(record->owner_id);
		if (record->size > sizeof(*record))
			name_owned(0, 0, record->name, record->owner_id);
	}
	return kdbus_client_free(&client, list);
}

/* ---- messages ---------------------------------------------------------- */

static void begin(struct event *e, enum event_type type, __u64 time_ns)
{
	event_init(e, type, time_ns);
	e->bus_name = bus_name;
}

static void remember_call(const struct kdbus_msg *msg, const struct event *e)
{
	const char *name = e->name ?: "";
	struct call *c;

	/* those whose end nobody told */
	if (g_hash_table_size(calls) >= MAX_CALLS)
		g_hash_table_remove_all(calls);
	c = g_malloc(sizeof(*c) + strlen(name) + 1);
	c->conn = msg->src_id;
	c->cookie = msg->cookie;
	c->peer = e->dst.conn;
	c->start_ns = e->time_ns;
	c->sync = event_get(e, F_SYNC);
	strcpy(c->name, name);
	g_hash_table_replace(calls, c, c);
}

/* The call of @conn with @cookie, which is over; or NULL. To be freed. */
static struct call *end_call(__u64 conn, __u64 cookie)
{
	struct call key = { .conn = conn, .cookie = cookie };
	gpointer c = NULL;

	g_hash_table_steal_extended(calls, &key, &c, NULL);
	return c;
}

static void take_payload(struct payload *p, const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;
	__u64 pos = 0, left = opt->snaplen, n;

	kdbus_for_each_msg_item(item, msg) {
		if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD) {
			payload_add(p, MON_PART_MEMFD, pos, item->memfd.size,
				    -1, NULL);
			n = item->memfd.size;
		} else if (item->type == KDBUS_ITEM_PAYLOAD_OFF) {
			bool zero = item->vec.offset == ~0ULL;

			n = zero || item->vec.size < left ? item->vec.size :
							    left;
			payload_add(p, zero ? MON_PART_ZERO : MON_PART_DATA,
				    pos, n, -1,
				    (const char *)msg + item->vec.offset);
		} else {
			continue;
		}
		pos += n;
		left -= n < left ? n : left;
		if (!left)
			break;
	}
}

static void set_items(struct event *e, const struct kdbus_msg *msg)
{
	__u64 bytes = 0, fds = 0, memfds = 0;
	const struct kdbus_item *item;

	kdbus_for_each_msg_item(item, msg)
		switch (item->type) {
		case KDBUS_ITEM_PAYLOAD_OFF:
			bytes += item->vec.size;
			break;
		case KDBUS_ITEM_PAYLOAD_MEMFD:
			bytes += item->memfd.size;
			memfds++;
			break;
		case KDBUS_ITEM_FDS:
			fds = (item->size - KDBUS_ITEM_HEADER) / sizeof(int);
			break;
		case KDBUS_ITEM_DST_NAME:
			e->name = item->str;
			break;
		case KDBUS_ITEM_TIMESTAMP:
			e->time_ns = item->timestamp.realtime_ns;
			event_set(e, F_SEQ, item->timestamp.seqnum);
			break;
		}
	event_set(e, F_BYTES, bytes);
	event_set(e, F_FDS, fds);
	event_set(e, F_MEMFDS, memfds);
}

static void set_header(struct event *e, const struct kdbus_msg *msg)
{
	bool is_call = msg->flags & KDBUS_MSG_FLAGS_EXPECT_REPLY;

	event_set(e, F_COOKIE, msg->cookie);
	if (is_call)
		event_set(e, F_TIMEOUT, msg->timeout_ns);
	else if (msg->cookie_reply)
		event_set(e, F_REPLY_TO, msg->cookie_reply);
	event_set(e, F_FLAGS, msg->flags & 7);
	event_set(e, F_SYNC, !!(msg->flags & KDBUS_MSG_FLAGS_SYNC_REPLY));
	event_set(e, F_PRIORITY, msg->priority);
	set_items(e, msg);
}

/* A reply is told by the call that it answers. */
static void set_answer(struct event *e, const struct kdbus_msg *msg)
{
	struct call *c = end_call(msg->dst_id, msg->cookie_reply);

	if (!c)
		return;
	e->type = EV_REPLY;
	event_set(e, F_OUTCOME, KDBUS_CALL_END_ANSWERED);
	event_set(e, F_SYNC, c->sync);
	event_set(e, F_AGE, e->time_ns - c->start_ns);
	g_free(c);
}

static void on_message(const struct kdbus_msg *msg)
{
	bool is_call = msg->flags & KDBUS_MSG_FLAGS_EXPECT_REPLY;
	struct payload *payload = NULL;
	struct event e;

	learn_items(msg->src_id, (const void *)msg->items,
		    msg->size - sizeof(*msg));
	begin(&e, is_call ? EV_CALL : EV_SIGNAL, now());
	set_header(&e, msg);
	peer_who(&e.src, 0, msg->src_id);
	peer_who(&e.dst, 0, msg->dst_id ?: name_owner(0, e.name ?: ""));
	if (is_call)
		remember_call(msg, &e);
	else if (msg->cookie_reply)
		set_answer(&e, msg);
	if (opt->snaplen) {
		payload = payload_new(msg->payload_type);
		take_payload(payload, msg);
		e.payload = payload;
	}
	monitor_event(&e);
	payload_free(payload);
}

/* ---- what the kernel says ------------------------------------------------ */

static void on_call_notice(const struct kdbus_msg *msg, __u64 type)
{
	struct call *c = end_call(msg->dst_id, msg->cookie_reply);
	struct event e;

	if (c) {
		begin(&e, EV_END, now());
		peer_who(&e.src, 0, c->conn);
		peer_who(&e.dst, 0, c->peer);
		e.name = c->name[0] ? c->name : NULL;
		event_set(&e, F_OUTCOME, type == KDBUS_ITEM_REPLY_TIMEOUT ?
			  KDBUS_CALL_END_TIMEOUT : KDBUS_CALL_END_DEAD);
		event_set(&e, F_SYNC, c->sync);
		event_set(&e, F_COOKIE, c->cookie);
		event_set(&e, F_AGE, e.time_ns - c->start_ns);
		monitor_event(&e);
		g_free(c);
	}
	begin(&e, EV_NOTICE, now());
	peer_who(&e.src, 0, 0);
	peer_who(&e.dst, 0, msg->dst_id);
	event_set(&e, F_NOTICE_TYPE, type);
	event_set(&e, F_COOKIE, msg->cookie_reply);
	monitor_event(&e);
}

static void on_name_notice(const struct kdbus_notify_name_change *n, __u64 type)
{
	__u64 old = n->old.id, new = n->new.id;
	struct event e;

	name_owned(0, 0, n->name, new);
	begin(&e, EV_NAME, now());
	e.name = n->name;
	peer_who(&e.src, 0, type == KDBUS_ITEM_NAME_ADD ? new : old);
	if (type == KDBUS_ITEM_NAME_CHANGE)
		peer_who(&e.dst, 0, new);
	event_set(&e, F_ACTION, type == KDBUS_ITEM_NAME_ADD ? A_ADD :
		  type == KDBUS_ITEM_NAME_REMOVE ? A_REMOVE : A_CHANGE);
	event_set(&e, F_NAME_FLAGS, new ? n->new.flags : n->old.flags);
	monitor_event(&e);
}

static void on_id_notice(const struct kdbus_notify_id_change *n, __u64 type)
{
	bool added = type == KDBUS_ITEM_ID_ADD;
	struct event e;

	if (added)
		learn_conn(n->id);
	begin(&e, EV_CONN, now());
	peer_who(&e.src, 0, n->id);
	event_set(&e, F_ACTION, added ? A_NEW : A_DEAD);
	event_set(&e, F_CONN_FLAGS, n->flags);
	monitor_event(&e);
	if (!added)
		peer_dead(0, n->id);
}

static void on_notice(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;

	kdbus_for_each_msg_item(item, msg)
		switch (item->type) {
		case KDBUS_ITEM_REPLY_TIMEOUT:
		case KDBUS_ITEM_REPLY_DEAD:
			on_call_notice(msg, item->type);
			break;
		case KDBUS_ITEM_NAME_ADD:
		case KDBUS_ITEM_NAME_REMOVE:
		case KDBUS_ITEM_NAME_CHANGE:
			on_name_notice(&item->name_change, item->type);
			break;
		case KDBUS_ITEM_ID_ADD:
		case KDBUS_ITEM_ID_REMOVE:
			on_id_notice(&item->id_change, item->type);
			break;
		}
}

/* ---- the source ---------------------------------------------------------- */

static int viabus_drain(void)
{
	const struct kdbus_msg *msg;
	int n = 0, ret;

	while (!monitor_done()) {
		ret = kdbus_client_recv(&client, 0, 0, &msg);
		if (ret == -EAGAIN)
			return n;
		if (ret < 0) {
			complain("the bus %s is gone: %s", bus_name,
				 strerror(-ret));
			return ret;
		}
		if (msg->src_id)
			on_message(msg);
		else
			on_notice(msg);
		kdbus_msg_close_fds(msg);
		kdbus_client_free(&client, msg);
		n++;
	}
	return n;
}

/* Everything that is broadcast too. */
static int match_all(void)
{
	struct kdbus_cmd_match match = { .size = sizeof(match), .cookie = 1 };

	return ioctl(client.fd, KDBUS_CMD_MATCH_ADD, &match) ? -errno : 0;
}

static void announce(void)
{
	struct event e;

	begin(&e, EV_START, now());
	event_set(&e, F_SCHEMA, JSON_SCHEMA);
	e.text = "monitor connection";
	monitor_event(&e);
	if (!opt->quiet)
		complain("through a monitor connection: ids, queue and service times, receives, drops, refusals and matches are not known");
}

static const char *explain(int ret)
{
	switch (ret) {
	case -EPERM:
		return "only the bus's maker and root may watch it";
	case -ENOENT:
		return "there is no such bus; ls /dev/kdbus shows them";
	default:
		return strerror(-ret);
	}
}

static int viabus_open(const struct options *o)
{
	char path[128];
	int ret;

	opt = o;
	g_strlcpy(bus_name, o->bus, sizeof(bus_name));
	kdbus_endpoint_path(path, sizeof(path), o->bus, "bus");
	ret = kdbus_client_open(&client, path, KDBUS_HELLO_MONITOR, ATTACH,
				POOL_SIZE, "kdbus-monitor");
	calls = g_hash_table_new_full(call_hash, call_equal, NULL, g_free);
	peers_open();
	if (!ret)
		ret = match_all();
	if (!ret)
		ret = learn_all();
	if (ret < 0) {
		complain("cannot watch %s: %s", path, explain(ret));
		return EXIT_ENV;
	}
	source_viabus.fd = client.fd;
	return 0;
}

static void viabus_close(void)
{
	kdbus_client_close(&client);
	g_hash_table_unref(calls);
	peers_close();
}

struct source source_viabus = {
	.open = viabus_open,
	.announce = announce,
	.drain = viabus_drain,
	.close = viabus_close,
	.fd = -1,
};
