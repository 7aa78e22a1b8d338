// SPDX-License-Identifier: GPL-2.0
/*
 * The source that takes no part in the bus: records of the BPF programs.
 * Nothing is pinned, so nothing stays when this process ends.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/kdbus.h>

#include "kdbus_enums.h"
#include "kdbus_monitor.skel.h"
#include "monitor.h"

#define MAX_PAYLOADS 256
#define MAX_REFUSALS 256

/* a send that was refused: its command will be, with the same errno */
struct refused {
	__u64 pid_tgid, bus, conn;
	int ret;
};

static struct kdbus_monitor *skel;
static struct ring_buffer *ring;
static const struct options *opt;
static GHashTable *payloads;	/* by message, until its record comes */
static GArray *refusals;
static __u32 last_lost;		/* as of the last record */
static __u64 told_lost;		/* what the outputs know of */
static __s64 to_real;		/* CLOCK_REALTIME less CLOCK_MONOTONIC, ns */

/* ---- loading ---------------------------------------------------------- */

/* Programs of an event are not wanted at all. */
static void leave_out(const char *event)
{
	static const char * const kinds[] = { "btf", "raw", "tp" };
	struct bpf_program *prog;
	char name[64];
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
		snprintf(name, sizeof(name), "%s_%s", kinds[i], event);
		prog = bpf_object__find_program_by_name(skel->obj, name);
		if (prog)
			bpf_program__set_autoload(prog, false);
	}
}

static bool wants(enum event_type type)
{
	return opt->types & (1u << type);
}

static void leave_out_unwanted(void)
{
	bool oneway = wants(EV_CALL) || wants(EV_SIGNAL);
	bool msgs = (oneway && !opt->slower_ns) || wants(EV_REPLY);

	if (opt->errors || !msgs)
		leave_out("msg_queue");
	if (opt->errors || !wants(EV_SIGNAL) || opt->slower_ns)
		leave_out("match_run");
	if ((opt->errors || !msgs) && !wants(EV_REFUSED))
		leave_out("msg_send");
	if (!wants(EV_REPLY) && !wants(EV_END))
		leave_out("call_end");
	if (!wants(EV_RECV))
		leave_out("msg_recv");
	if (!wants(EV_NOTICE))
		leave_out("notify_send");
	if (!wants(EV_DROP))
		leave_out("msg_drop");
	if (!wants(EV_MOVE))
		leave_out("msg_move");
	if (!wants(EV_FAILED))
		leave_out("cmd_refuse");
	if (!wants(EV_NAME)) {
		leave_out("name_acquire");
		leave_out("name_queue");
		leave_out("name_unqueue");
		leave_out("name_update");
		leave_out("name_release");
	}
	if (!wants(EV_MATCH)) {
		leave_out("match_add");
		leave_out("match_remove");
	}
	if (!wants(EV_POLICY)) {
		leave_out("policy_deny");
		leave_out("policy_set");
		leave_out("file_deny");
	}
	if (!wants(EV_QUOTA))
		leave_out("quota_refuse");
}

static __u32 wanted_kinds(void)
{
	__u32 kinds = 0;

	if (wants(EV_SIGNAL))
		kinds |= 1 << KDBUS_MSG_KIND_SIGNAL;
	if (wants(EV_CALL))
		kinds |= 1 << KDBUS_MSG_KIND_CALL;
	if (wants(EV_REPLY))
		kinds |= 1 << KDBUS_MSG_KIND_REPLY |
			 1 << KDBUS_MSG_KIND_SYNC_REPLY;
	return kinds;
}

/* What can be decided in the kernel is; filter.c decides all of it again. */
static void set_filter(void)
{
	__u64 id;

	skel->rodata->want_kinds = wanted_kinds();
	skel->rodata->want_errors = opt->errors;
	skel->rodata->slower_ns = opt->slower_ns;
	skel->rodata->snaplen = opt->snaplen;
	if (opt->bus) {
		skel->rodata->by_bus = 1;
		snprintf((char *)skel->rodata->bus_name,
			 sizeof(skel->rodata->bus_name), "%s", opt->bus);
	}
	if (opt->by_uid) {
		skel->rodata->want_who |= MON_WANT_UID;
		skel->rodata->want_uid = opt->uid;
	}
	if (opt->by_pid) {
		skel->rodata->want_who |= MON_WANT_PID;
		skel->rodata->want_pid = opt->pid;
	}
	if (opt->src && parse_number(opt->src, &id))
		skel->rodata->want_src = id;
	if (opt->dst && parse_number(opt->dst, &id))
		skel->rodata->want_dst = id;
}

static struct bpf_object *monitor_open(void)
{
	skel = kdbus_monitor__open();
	if (!skel)
		return NULL;
	bpf_map__set_max_entries(skel->maps.ring, opt->buffer);
	set_filter();
	leave_out_unwanted();
	return skel->obj;
}

static int monitor_load(void)
{
	return kdbus_monitor__load(skel);
}

static int monitor_attach(void)
{
	return kdbus_monitor__attach(skel);
}

static void monitor_destroy(void)
{
	kdbus_monitor__destroy(skel);
	skel = NULL;
}

/* ---- what was there before --------------------------------------------- */

static bool bus_there;

static void want_bus(__u64 bus, const char *name)
{
	static const struct mon_fields none;
	__u64 id;

	if (parse_number(opt->bus, &id) ? bus != id : strcmp(name, opt->bus))
		return;
	bus_there = true;
	bpf_map_update_elem(bpf_map__fd(skel->maps.buses), &bus, &none,
			    BPF_NOEXIST);
}

static void want_peer(const struct peer *p)
{
	struct mon_key key = { p->bus, p->conn };
	__u32 bits = 0;

	if (opt->by_uid && p->uid == opt->uid)
		bits |= MON_WANT_UID;
	if (opt->by_pid && p->pid == opt->pid)
		bits |= MON_WANT_PID;
	if (bits)
		bpf_map_update_elem(bpf_map__fd(skel->maps.wanted), &key,
				    &bits, BPF_NOEXIST);
}

static void clock_set(void)
{
	struct timespec real, mono;
	__s64 now;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	now = (real.tv_sec - mono.tv_sec) * 1000000000LL + real.tv_nsec -
	      mono.tv_nsec;
	/* not for the time between the two calls, so that times do not jump */
	if (now - to_real > 1000000 || to_real - now > 1000000)
		to_real = now;
}

static __u64 real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec + to_real;
}

static bool kind_is_loaded(const char *prefix)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
		if (g_str_has_prefix(bpf_program__name(prog), prefix) &&
		    bpf_program__fd(prog) >= 0)
			return true;
	return false;
}

static void announce(void)
{
	const char *kind = kind_is_loaded("btf_") ? "BPF, typed tracepoints" :
			   kind_is_loaded("raw_") ? "BPF, raw tracepoints" :
						    "BPF, tracepoints";
	struct event e;

	event_init(&e, EV_START, real_now());
	event_set(&e, F_SCHEMA, JSON_SCHEMA);
	e.text = kind;
	if (opt->snaplen && kind_is_loaded("tp_"))
		complain("plain tracepoints do not lead to payload: there will be none");
	monitor_event(&e);
}

static int on_record(void *ctx, void *data, size_t size);

static int bpf_open(const struct options *o)
{
	static const struct attach_ops ops = {
		.open = monitor_open,
		.load = monitor_load,
		.attach = monitor_attach,
		.destroy = monitor_destroy,
	};
	bool listed;
	int ret;

	opt = o;
	ret = env_check("kdbus-monitor") ?: attach_any("kdbus-monitor", &ops);
	if (ret)
		return ret;
	ring = ring_buffer__new(bpf_map__fd(skel->maps.ring), on_record, NULL,
				NULL);
	if (!ring) {
		complain("cannot map the ring buffer: %s", strerror(errno));
		return EXIT_RUNTIME;
	}
	source_bpf.fd = ring_buffer__epoll_fd(ring);
	payloads = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					 (GDestroyNotify)payload_free);
	refusals = g_array_new(FALSE, FALSE, sizeof(struct refused));
	clock_set();
	peers_open();
	/* whoever comes now is in the records, whoever came before is listed */
	skel->bss->active = 1;
	listed = peers_list();
	if (!listed)
		complain("no listings in /sys/kernel/debug/kdbus: connections and names from before are not known; mount debugfs");
	if (o->bus)
		buses_each(want_bus);
	if (o->bus && listed && !bus_there)
		complain("no bus is '%s' yet; waiting for one (ls /dev/kdbus shows what there is)",
			 o->bus);
	if (o->by_uid || o->by_pid)
		peers_each(want_peer);
	return 0;
}

static void bpf_close(void)
{
	ring_buffer__free(ring);
	monitor_destroy();
	peers_close();
	g_hash_table_unref(payloads);
	g_array_unref(refusals);
}

/* ---- records: who ------------------------------------------------------ */

static void event_begin(struct event *e, enum event_type type,
			const struct mon_head *h)
{
	event_init(e, type, h->time_ns + to_real);
	e->bus = h->bus;
	e->bus_name = bus_name_of(h->bus);
}

/* Current was the one who uses a connection. */
static void learn_who(__u64 bus, __u64 conn, const struct mon_who *w)
{
	if (conn)
		peer_process(peer_get(bus, conn), w->pid_tgid >> 32, w->uid,
			     w->comm);
}

static void set_times(struct event *e, __u64 wait, __u64 service, __u64 age)
{
	event_set(e, F_WAIT, wait);
	event_set(e, F_SERVICE, service);
	event_set(e, F_AGE, age);
}

static void set_error(struct event *e, int ret)
{
	if (ret < 0)
		event_set(e, F_ERRNO, -ret);
}

/* ---- failures that have been told --------------------------------------- */

/*
 * A message or a name that was refused is shown with what there is to say;
 * that its command failed, which comes next, is not shown again.
 */
static void told(const struct mon_who *who, __u64 bus, __u64 conn, int ret)
{
	struct refused its = { who->pid_tgid, bus, conn, ret };

	/* one whose command has not failed, or was lost */
	if (refusals->len == MAX_REFUSALS)
		g_array_remove_index(refusals, 0);
	g_array_append_val(refusals, its);
}

static bool is_told(const struct mon_other *r)
{
	guint i;

	if (r->head.type != MON_CMD_REFUSE)
		return false;
	for (i = 0; i < refusals->len; i++) {
		const struct refused *its =
			&g_array_index(refusals, struct refused, i);

		if (its->pid_tgid == r->who.pid_tgid &&
		    its->bus == r->head.bus && its->conn == r->a &&
		    its->ret == r->ret) {
			g_array_remove_index(refusals, i);
			return true;
		}
	}
	return false;
}

/* ---- records: messages -------------------------------------------------- */

static struct payload *take_payload(__u64 msg)
{
	gint64 id = msg;
	gpointer key, p = NULL;

	if (g_hash_table_steal_extended(payloads, &id, &key, &p))
		g_free(key);
	return p;
}

static void on_chunk(const struct mon_chunk *c)
{
	gint64 id = c->msg, *key;
	struct payload *p = g_hash_table_lookup(payloads, &id);

	if (!p) {
		/* those whose record never came */
		if (g_hash_table_size(payloads) >= MAX_PAYLOADS)
			g_hash_table_remove_all(payloads);
		p = payload_new(c->payload_type);
		key = g_new(gint64, 1);
		*key = id;
		g_hash_table_insert(payloads, key, p);
	}
	payload_add(p, c->part, c->offset, c->size, c->fd, c->data);
}

static enum event_type message_type(const struct mon_fields *f)
{
	switch (f->kind) {
	case KDBUS_MSG_KIND_CALL:
		return EV_CALL;
	case KDBUS_MSG_KIND_REPLY:
	case KDBUS_MSG_KIND_SYNC_REPLY:
		return EV_REPLY;
	default:
		return EV_SIGNAL;
	}
}

/* What is known of every message, refused or not. */
static void set_message(struct event *e, const struct mon_fields *f)
{
	peer_who(&e->src, e->bus, f->src);
	peer_who(&e->dst, e->bus, f->dst);
	event_set(e, F_ID, f->msg);
	event_set(e, F_COOKIE, f->cookie);
	if (f->cookie_reply)
		event_set(e, F_REPLY_TO, f->cookie_reply);
	event_set(e, F_FLAGS, f->flags);
	event_set(e, F_SYNC, !!(f->flags & KDBUS_MSG_FLAGS_SYNC_REPLY) ||
			     f->kind == KDBUS_MSG_KIND_SYNC_REPLY);
	if (f->timeout_ns)
		event_set(e, F_TIMEOUT, f->timeout_ns);
	event_set(e, F_PRIORITY, f->priority);
	event_set(e, F_BYTES, f->bytes);
	event_set(e, F_FDS, f->n_fds);
	event_set(e, F_MEMFDS, f->n_memfds);
}

static void set_queue(struct event *e, const struct mon_fields *f)
{
	const struct peer *p;

	if (f->seq)
		event_set(e, F_SEQ, f->seq);
	if (f->dst == EVERYBODY) {
		event_set(e, F_MATCHED, f->hit);
		event_set(e, F_RECEIVERS, f->queued);
		return;
	}
	p = peer_get(e->bus, f->dst);
	event_set(e, F_POOL_BYTES, f->slice);
	event_set(e, F_POOL_USED, f->used);
	if (p->pool_size)
		event_set(e, F_POOL_SIZE, p->pool_size);
	event_set(e, F_DEPTH, f->depth);
}

static void on_message(const struct mon_message *r)
{
	struct payload *payload = NULL;
	struct event e;

	learn_who(r->head.bus, r->f.src, &r->who);
	event_begin(&e, message_type(&r->f), &r->head);
	set_message(&e, &r->f);
	set_queue(&e, &r->f);
	e.name = name_of(r->head.bus, r->f.name_id);
	if (e.type == EV_REPLY) {
		event_set(&e, F_CALL_ID, r->f.call);
		event_set(&e, F_OUTCOME, KDBUS_CALL_END_ANSWERED);
		set_times(&e, r->f.wait_ns, r->f.service_ns, r->f.age_ns);
	}
	if (opt->snaplen)
		e.payload = payload = take_payload(r->f.msg);
	monitor_event(&e);
	payload_free(payload);
}

static void on_refused(const struct mon_refused *r)
{
	struct payload *payload = NULL;
	struct event e;

	told(&r->who, r->head.bus, r->f.src, r->f.ret);
	learn_who(r->head.bus, r->f.src, &r->who);
	event_begin(&e, EV_REFUSED, &r->head);
	set_message(&e, &r->f);
	e.name = r->name[0] ? r->name : NULL;
	set_error(&e, r->f.ret);
	if (opt->snaplen)
		e.payload = payload = take_payload(r->f.msg);
	monitor_event(&e);
	payload_free(payload);
}

static void on_recv(const struct mon_recv *r)
{
	struct event e;

	learn_who(r->head.bus, r->conn, &r->who);
	event_begin(&e, EV_RECV, &r->head);
	peer_who(&e.src, e.bus, r->src);
	peer_who(&e.dst, e.bus, r->conn);
	e.name = name_of(e.bus, r->name_id);
	event_set(&e, F_ID, r->msg);
	event_set(&e, F_COOKIE, r->cookie);
	event_set(&e, F_KIND, r->kind);
	event_set(&e, F_WAIT, r->wait_ns);
	event_set(&e, F_POOL_BYTES, r->slice);
	event_set(&e, F_DEPTH, r->depth);
	if (r->flags)
		event_set(&e, F_RECV_FLAGS, r->flags);
	set_error(&e, r->ret);
	monitor_event(&e);
}

static void on_end(const struct mon_end *r)
{
	struct event e;

	event_begin(&e, EV_END, &r->head);
	peer_who(&e.src, e.bus, r->conn);
	peer_who(&e.dst, e.bus, r->peer);
	e.name = name_of(e.bus, r->name_id);
	event_set(&e, F_ID, r->msg);
	event_set(&e, F_OUTCOME, r->outcome);
	event_set(&e, F_SYNC, r->sync);
	event_set(&e, F_COOKIE, r->cookie);
	set_times(&e, r->wait_ns, r->service_ns, r->age_ns);
	monitor_event(&e);
}

/* ---- records: all others ------------------------------------------------ */

static void set_id(struct event *e, const struct mon_other *r)
{
	if (r->msg)
		event_set(e, F_ID, r->msg);
}

static void show_notice(struct event *e, const struct mon_other *r)
{
	set_id(e, r);
	event_set(e, F_NOTICE_TYPE, r->n[0]);
	if (r->n[1])
		event_set(e, F_COOKIE, r->n[1]);
}

static void show_drop(struct event *e, const struct mon_other *r)
{
	e->name = name_of(e->bus, r->n[3]);
	set_id(e, r);
	event_set(e, F_REASON, r->code);
	event_set(e, F_COOKIE, r->n[0]);
	event_set(e, F_POOL_BYTES, r->n[1]);
	event_set(e, F_KIND, r->n[2]);
	set_error(e, r->ret);
}

static void show_move(struct event *e, const struct mon_other *r)
{
	e->name = name_of(e->bus, r->n[0]);
	set_id(e, r);
}

static void show_failed(struct event *e, const struct mon_other *r)
{
	event_set(e, F_COMMAND, r->code);
	set_error(e, r->ret);
}

static enum action change_action(const struct mon_other *r)
{
	return !r->a ? A_ADD : !r->b ? A_REMOVE : A_CHANGE;
}

static void show_name(struct event *e, const struct mon_other *r)
{
	e->name = r->text;
	switch (r->head.type) {
	case MON_NAME_CHANGE:
		event_set(e, F_ACTION, change_action(r));
		event_set(e, F_NAME_FLAGS, r->n[r->b ? 2 : 1]);
		/* a new one has no owner before, one that is gone none after */
		if (!r->a)
			e->src = e->dst;
		if (!r->a || !r->b)
			e->dst.there = false;
		return;
	case MON_NAME_QUEUE:
		event_set(e, F_ACTION, A_WAIT);
		break;
	case MON_NAME_UNQUEUE:
		event_set(e, F_ACTION, A_UNWAIT);
		break;
	case MON_NAME_UPDATE:
		event_set(e, F_ACTION, A_UPDATE);
		break;
	case MON_NAME_ACQUIRE:
		event_set(e, F_ACTION, A_ACQUIRE);
		break;
	default:
		event_set(e, F_ACTION, A_RELEASE);
	}
	event_set(e, F_NAME_FLAGS, r->n[1]);
	set_error(e, r->ret);
}

static void show_match(struct event *e, const struct mon_other *r)
{
	bool added = r->head.type == MON_MATCH_ADD;

	event_set(e, F_ACTION, added ? A_ADD : A_REMOVE);
	event_set(e, F_COOKIE, r->n[0]);
	event_set(e, added ? F_BYTES : F_REMOVED, r->n[1]);
}

static void show_conn(struct event *e, const struct mon_other *r)
{
	switch (r->head.type) {
	case MON_CONN_NEW:
		event_set(e, F_ACTION, A_NEW);
		event_set(e, F_ENDPOINT, r->n[0]);
		event_set(e, F_CONN_FLAGS, r->n[1]);
		event_set(e, F_ATTACH, r->n[2]);
		event_set(e, F_POOL_SIZE, r->n[3]);
		e->text = r->text[0] ? r->text : NULL;
		break;
	case MON_CONN_DEAD:
		event_set(e, F_ACTION, A_DEAD);
		event_set(e, F_END_REASON, r->code);
		break;
	default:
		event_set(e, F_ACTION, A_UPDATE);
		event_set(e, F_ATTACH, r->n[2]);
	}
}

static void show_bus(struct event *e, const struct mon_other *r)
{
	static const enum action actions[] = {
		[MON_BUS_NEW] = A_NEW,
		[MON_BUS_DEAD] = A_DEAD,
		[MON_ENDPOINT_NEW] = A_ENDPOINT_NEW,
		[MON_ENDPOINT_DEAD] = A_ENDPOINT_DEAD,
		[MON_DOMAIN_NEW] = A_DOMAIN_NEW,
		[MON_DOMAIN_DEAD] = A_DOMAIN_DEAD,
	};
	bool endpoint = r->head.type == MON_ENDPOINT_NEW ||
			r->head.type == MON_ENDPOINT_DEAD;

	event_set(e, F_ACTION, actions[r->head.type]);
	if (r->text[0])
		e->name = r->text;
	if (endpoint)
		event_set(e, F_ENDPOINT, r->n[0]);
	else
		event_set(e, F_DOMAIN, r->a);
	if (r->head.type == MON_BUS_NEW || r->head.type == MON_ENDPOINT_NEW)
		event_set(e, F_OWNER, r->n[1]);
	e->src.there = false;
}

static void show_policy(struct event *e, const struct mon_other *r)
{
	if (r->head.type == MON_POLICY_SET) {
		event_set(e, F_ACTION, A_SET);
		if (r->n[0])
			event_set(e, F_ENDPOINT, r->n[0]);
		event_set(e, F_GRANTS, r->n[2]);
		e->src.there = r->a;
		return;
	}
	set_id(e, r);
	if (r->head.type == MON_FILE_DENY) {
		event_set(e, F_ACTION, A_DENY_FILE);
		set_error(e, r->ret);
		return;
	}
	event_set(e, F_ACTION, A_DENY);
	event_set(e, F_LEVEL, r->code);
	e->name = r->text[0] ? r->text : NULL;
}

static void show_quota(struct event *e, const struct mon_other *r)
{
	set_id(e, r);
	event_set(e, F_QUOTA_KIND, r->code);
	event_set(e, F_ASKED, r->n[0]);
	event_set(e, F_USED, r->n[1]);
	event_set(e, F_LIMIT, r->n[2]);
	if ((__u32)r->n[3] != ~0u)
		event_set(e, F_OWNER, r->n[3]);
	set_error(e, r->ret);
}

/* How each is shown; @has_dst: its second connection is one. */
static const struct {
	enum event_type type;
	void (*show)(struct event *e, const struct mon_other *r);
	bool has_dst;
} others[] = {
	[MON_NOTICE] = { EV_NOTICE, show_notice, true },
	[MON_DROP] = { EV_DROP, show_drop, true },
	[MON_MOVE] = { EV_MOVE, show_move, true },
	[MON_CMD_REFUSE] = { EV_FAILED, show_failed, false },
	[MON_NAME_CHANGE] = { EV_NAME, show_name, true },
	[MON_NAME_ACQUIRE] = { EV_NAME, show_name, false },
	[MON_NAME_QUEUE] = { EV_NAME, show_name, false },
	[MON_NAME_UNQUEUE] = { EV_NAME, show_name, false },
	[MON_NAME_UPDATE] = { EV_NAME, show_name, false },
	[MON_NAME_RELEASE] = { EV_NAME, show_name, false },
	[MON_MATCH_ADD] = { EV_MATCH, show_match, false },
	[MON_MATCH_REMOVE] = { EV_MATCH, show_match, false },
	[MON_CONN_NEW] = { EV_CONN, show_conn, false },
	[MON_CONN_DEAD] = { EV_CONN, show_conn, false },
	[MON_CONN_UPDATE] = { EV_CONN, show_conn, false },
	[MON_BUS_NEW] = { EV_BUS, show_bus, false },
	[MON_BUS_DEAD] = { EV_BUS, show_bus, false },
	[MON_ENDPOINT_NEW] = { EV_BUS, show_bus, false },
	[MON_ENDPOINT_DEAD] = { EV_BUS, show_bus, false },
	[MON_DOMAIN_NEW] = { EV_BUS, show_bus, false },
	[MON_DOMAIN_DEAD] = { EV_BUS, show_bus, false },
	[MON_POLICY_DENY] = { EV_POLICY, show_policy, true },
	[MON_POLICY_SET] = { EV_POLICY, show_policy, false },
	[MON_FILE_DENY] = { EV_POLICY, show_policy, true },
	[MON_QUOTA_REFUSE] = { EV_QUOTA, show_quota, true },
};

/* What has to be known before it is shown. */
static void learn_before(struct mon_other *r)
{
	struct peer *p;

	make_printable(r->text);
	switch (r->head.type) {
	case MON_NAME_ACQUIRE:
	case MON_NAME_RELEASE:
		told(&r->who, r->head.bus, r->a, r->ret);
		learn_who(r->head.bus, r->a, &r->who);
		break;
	case MON_CMD_REFUSE:
		learn_who(r->head.bus, r->a, &r->who);
		break;
	case MON_NAME_CHANGE:
		/* so that who gives it up is shown without it */
		name_owned(r->head.bus, r->n[0], r->text, r->b);
		break;
	case MON_CONN_NEW:
		learn_who(r->head.bus, r->a, &r->who);
		p = peer_get(r->head.bus, r->a);
		p->pool_size = r->n[3];
		break;
	case MON_BUS_NEW:
		bus_named(r->head.bus, r->text);
		break;
	}
}

static void on_other(struct mon_other *r)
{
	struct event e;

	learn_before(r);
	if (!is_told(r)) {
		event_begin(&e, others[r->head.type].type, &r->head);
		peer_who(&e.src, e.bus, r->a);
		if (others[r->head.type].has_dst)
			peer_who(&e.dst, e.bus, r->b);
		others[r->head.type].show(&e, r);
		monitor_event(&e);
	}
	if (r->head.type == MON_CONN_DEAD)
		peer_dead(r->head.bus, r->a);
}

/* ---- the ring ---------------------------------------------------------- */

/* Says what was lost where it was, as well as can be told. */
static void check_lost(const struct mon_head *h)
{
	__u32 n = h->lost - last_lost;

	/* two processors may have counted and taken their place the other way */
	if (!n || (__s32)n < 0)
		return;
	last_lost = h->lost;
	told_lost += n;
	monitor_lost(n, h->time_ns ? h->time_ns + to_real : real_now());
}

static int on_record(void *ctx, void *data, size_t size)
{
	const struct mon_head *h = data;

	(void)ctx;
	(void)size;
	check_lost(h);
	switch (h->type) {
	case MON_MESSAGE:
		on_message(data);
		break;
	case MON_REFUSED:
		on_refused(data);
		break;
	case MON_RECV:
		on_recv(data);
		break;
	case MON_END:
		on_end(data);
		break;
	case MON_PAYLOAD:
		on_chunk(data);
		break;
	default:
		if (h->type < G_N_ELEMENTS(others) && others[h->type].show)
			on_other(data);
	}
	return 0;
}

static int bpf_drain(void)
{
	clock_set();
	return ring_buffer__consume(ring);
}

static void bpf_arm(void)
{
	__atomic_store_n(&skel->bss->sleeping, 1, __ATOMIC_SEQ_CST);
}

/* Takes what is still there, and tells of what was lost at the very end. */
static void bpf_stop(void)
{
	__u64 n;

	skel->bss->active = 0;
	/* returns when no program runs that has seen otherwise */
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	while (!monitor_done() && ring_buffer__consume(ring) > 0)
		;
	n = skel->bss->lost + attach_missed(skel->obj) - told_lost;
	if (n && !monitor_done())
		monitor_lost(n, real_now());
}

struct source source_bpf = {
	.open = bpf_open,
	.announce = announce,
	.drain = bpf_drain,
	.arm = bpf_arm,
	.stop = bpf_stop,
	.close = bpf_close,
	.fd = -1,
	.naps = true,
};
