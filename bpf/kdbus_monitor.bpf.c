// SPDX-License-Identifier: GPL-2.0
/*
 * The BPF half of kdbus-monitor: a record in a ring buffer for each message
 * and whatever else happens, kdbus_monitor.h.
 *
 * A message that is accepted is several events, all under the lock of its bus:
 * kdbus_msg_send, kdbus_msg_queue, and of a reply kdbus_call_end, of a
 * broadcast kdbus_match_run. The first ones leave what they know with the bus,
 * where that lock guards it, and the last one makes the record. A program that
 * finds another message there has been started in the middle of one, or the
 * message is filtered out: it does nothing.
 *
 * The consumer sleeps until the first record after it has found the ring
 * empty, and then looks by itself every few milliseconds: one wakeup, however
 * many records there are.
 */
#include "kdbus_events.bpf.h"
#include "kdbus_monitor.h"

char LICENSE[] SEC("license") = "GPL";

#define BROADCAST (~0ULL)
#define MON_SLOTS 64

/* ---- what is wanted; set before loading -------------------------------- */

const volatile __u8 by_bus = 0;		/* only those in "buses" */
const volatile char bus_name[MON_BUS_LEN] = {};	/* and any new one called so */
const volatile __u8 want_who = 0;	/* MON_WANT_*: by whom */
const volatile __u32 want_uid = 0;
const volatile __u32 want_pid = 0;
const volatile __u64 want_src = 0;	/* connection, or 0 */
const volatile __u64 want_dst = 0;
const volatile __u32 want_kinds = ~0;	/* bit of enum kdbus_msg_kind */
const volatile __u8 want_errors = 0;	/* only what went wrong */
const volatile __u64 slower_ns = 0;	/* only what took as long */
const volatile __u32 snaplen = 0;	/* payload of a message, or 0 */

/* ---- shared with user space while running ------------------------------ */

__u32 active = 0;	/* set when all is attached */
__u32 sleeping = 0;	/* the consumer wants to be woken */
__u64 lost = 0;		/* records there was no room for */
/*
 * 0, but the verifier does not know: older ones look at the body of a loop
 * once, with the values it starts with, and cut out what cannot be then.
 */
__u64 unknown = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

/*
 * The message that is being committed, per bus, whose lock guards the value.
 * Most buses have a slot, which saves looking them up; those whose slot was
 * taken, and those that a filter names, are in the map.
 */
static struct mon_slot {
	__u64 bus;
	struct mon_fields f;
} slots[MON_SLOTS];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct mon_fields);
} buses SEC(".maps");

/* connections that are used by whom a filter names */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct mon_key);
	__type(value, __u32);
} wanted SEC(".maps");

/* ---- records ----------------------------------------------------------- */

static __always_inline void *begin(void *record, __u32 type, __u64 bus)
{
	struct mon_head *h = record;

	if (!h) {
		__sync_fetch_and_add(&lost, 1);
		return NULL;
	}
	h->type = type;
	h->lost = lost;
	h->time_ns = bpf_ktime_get_ns();
	h->bus = bus;
	return h;
}

#define RESERVE(type_, mon, bus)					\
	((type_ *)begin(bpf_ringbuf_reserve(&ring, sizeof(type_), 0), mon, bus))

static __always_inline void submit(void *record)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (sleeping) {
		sleeping = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(record, flags);
}

/* Loads, where the helpers for each would cost a few hundred instructions. */
static __always_inline void who_is_it(struct mon_who *who)
{
	const struct task_struct *task = bpf_get_current_task_btf();
	const __u64 *comm = (const __u64 *)task->comm;
	__u64 *to = (__u64 *)who->comm;

	who->pid_tgid = (__u64)task->tgid << 32 | (__u32)task->pid;
	who->uid = task->cred->uid.val;
	who->pad = 0;
	to[0] = comm[0];
	to[1] = comm[1];
}

/* ---- filters ----------------------------------------------------------- */

/* What is being committed on a bus, or NULL if nothing can be. */
static __always_inline struct mon_fields *bus_find(__u64 bus)
{
	struct mon_slot *s = &slots[bus % MON_SLOTS];

	if (s->bus == bus)
		return &s->f;
	return bpf_map_lookup_elem(&buses, &bus);
}

/* The same at the start of a message; NULL if the bus is not wanted. */
static __always_inline struct mon_fields *bus_begin(__u64 bus)
{
	static const struct mon_fields none = {};
	struct mon_slot *s = &slots[bus % MON_SLOTS];
	struct mon_fields *f;

	if (s->bus == bus)
		return &s->f;
	f = bpf_map_lookup_elem(&buses, &bus);
	if (by_bus && !f)
		return NULL;
	if (!s->bus && !__sync_val_compare_and_swap(&s->bus, 0, bus))
		return &s->f;
	if (f)
		return f;
	bpf_map_update_elem(&buses, &bus, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&buses, &bus);
}

static __always_inline void bus_forget(__u64 bus)
{
	struct mon_slot *s = &slots[bus % MON_SLOTS];

	bpf_map_delete_elem(&buses, &bus);
	if (s->bus == bus)
		s->bus = 0;
}

static __always_inline bool bus_wanted(__u64 bus)
{
	return !by_bus || bpf_map_lookup_elem(&buses, &bus);
}

static __always_inline __u32 task_bits(__u32 uid, __u32 pid)
{
	return (uid == want_uid ? MON_WANT_UID : 0) |
	       (pid == want_pid ? MON_WANT_PID : 0);
}

static __always_inline __u32 conn_bits(__u64 bus, __u64 conn)
{
	struct mon_key key = { .bus = bus, .conn = conn };
	__u32 *bits = bpf_map_lookup_elem(&wanted, &key);

	return bits ? *bits : 0;
}

/* Remembers what is known of who uses a connection; returns all of it. */
static __always_inline __u32 conn_learn(__u64 bus, __u64 conn, __u32 bits)
{
	struct mon_key key = { .bus = bus, .conn = conn };
	__u32 old = conn_bits(bus, conn);

	bits |= old;
	if (bits != old)
		bpf_map_update_elem(&wanted, &key, &bits, BPF_ANY);
	return bits;
}

static __always_inline __u32 current_learn(__u64 bus, __u64 conn)
{
	return conn_learn(bus, conn,
			  task_bits(bpf_get_current_uid_gid(),
				    bpf_get_current_pid_tgid() >> 32));
}

static __always_inline bool ends_wanted(__u64 src, __u64 dst)
{
	return (!want_src || src == want_src) && (!want_dst || dst == want_dst);
}

/* Whether something from @src to @dst is wanted; current is neither's. */
static __always_inline bool pair_wanted(__u64 bus, __u64 src, __u64 dst)
{
	if (!bus_wanted(bus) || !ends_wanted(src, dst))
		return false;
	return !want_who ||
	       ((conn_bits(bus, src) | conn_bits(bus, dst)) & want_who) ==
		       want_who;
}

/* The same when current uses the connection @own. */
static __always_inline bool own_wanted(__u64 bus, __u64 own, __u64 src,
				       __u64 dst)
{
	__u32 bits;

	if (!bus_wanted(bus) || !ends_wanted(src, dst))
		return false;
	if (!want_who)
		return true;
	bits = current_learn(bus, own);
	bits |= conn_bits(bus, own == src ? dst : src);
	return (bits & want_who) == want_who;
}

#include "kdbus_monitor_payload.bpf.h"

/* ---- messages ----------------------------------------------------------- */

static __always_inline void take_send(struct mon_fields *f,
				      const struct ev_msg_send *e)
{
	f->src = e->src;
	f->dst = e->dst;
	f->msg = e->msg;
	f->cookie = e->cookie;
	f->cookie_reply = e->cookie_reply;
	f->timeout_ns = e->timeout_ns;
	f->priority = e->priority;
	f->bytes = e->bytes;
	f->name_id = e->name_id;
	f->flags = e->flags;
	f->n_fds = e->n_fds;
	f->n_memfds = e->n_memfds;
	f->ret = e->ret;
}

static __always_inline void message_emit(struct mon_fields *f, __u64 bus)
{
	struct mon_message *r = RESERVE(struct mon_message, MON_MESSAGE, bus);

	if (r) {
		who_is_it(&r->who);
		r->f = *f;
		submit(r);
	}
	f->msg = 0;
}

static __always_inline int refused(const struct ev_msg_send *e)
{
	struct mon_refused *r;

	if (!own_wanted(e->bus, e->src, e->src, e->dst) || slower_ns)
		return 0;
	if (snaplen)
		payload(e);
	r = RESERVE(struct mon_refused, MON_REFUSED, e->bus);
	if (!r)
		return 0;
	who_is_it(&r->who);
	__builtin_memset(&r->f, 0, sizeof(r->f));
	take_send(&r->f, e);
	r->name[0] = 0;
	bpf_probe_read_kernel_str(r->name, sizeof(r->name), e->dst_name);
	submit(r);
	return 0;
}

static __always_inline int on_msg_send(const struct ev_msg_send *e)
{
	struct mon_fields *f;

	if (!active)
		return 0;
	if (e->ret < 0)
		return refused(e);
	if (want_errors)
		return 0;
	f = bus_begin(e->bus);
	if (!f)
		return 0;
	f->msg = 0;
	f->kind = 0;
	if (!own_wanted(e->bus, e->src, e->src, e->dst))
		return 0;
	if (snaplen)
		payload(e);
	take_send(f, e);
	return 0;
}

static __always_inline bool kind_wanted(const struct mon_fields *f)
{
	return want_kinds & (1u << (f->kind & 31));
}

static __always_inline int on_msg_queue(const struct ev_msg_queue *e)
{
	__u64 bus = e->bus;
	struct mon_fields *f;

	if (e->kind >= KDBUS_MSG_KIND_NOTIFY)
		return 0;
	f = bus_find(bus);
	if (!f || f->msg != e->msg)
		return 0;
	f->seq = e->seq;
	f->kind = e->kind;
	if (f->dst == BROADCAST)
		return 0;
	f->slice = e->bytes;
	f->used = e->used;
	f->depth = e->depth;
	/* a reply waits for the end of its call */
	if (e->kind == KDBUS_MSG_KIND_REPLY ||
	    e->kind == KDBUS_MSG_KIND_SYNC_REPLY)
		return 0;
	f->call = 0;
	if (!slower_ns && kind_wanted(f))
		message_emit(f, bus);
	return 0;
}

static __always_inline int on_match_run(const struct ev_match_run *e)
{
	__u64 bus = e->bus;
	struct mon_fields *f = bus_find(bus);

	if (!f || f->msg != e->msg || slower_ns)
		return 0;
	/* of one that nobody gets no number is known */
	if (!f->kind)
		f->seq = 0;
	f->kind = KDBUS_MSG_KIND_SIGNAL;
	if (!kind_wanted(f))
		return 0;
	f->slice = 0;
	f->used = 0;
	f->depth = 0;
	f->call = 0;
	f->hit = e->hit;
	f->queued = e->queued;
	message_emit(f, bus);
	return 0;
}

static __always_inline int call_failed(const struct ev_call_end *e)
{
	struct mon_end *r;

	if (!pair_wanted(e->bus, e->conn, e->peer))
		return 0;
	r = RESERVE(struct mon_end, MON_END, e->bus);
	if (!r)
		return 0;
	r->conn = e->conn;
	r->peer = e->peer;
	r->msg = e->msg;
	r->cookie = e->cookie;
	r->name_id = e->name_id;
	r->age_ns = e->age_ns;
	r->wait_ns = e->wait_ns;
	r->service_ns = e->service_ns;
	r->outcome = e->outcome;
	r->sync = e->sync;
	submit(r);
	return 0;
}

static __always_inline int on_call_end(const struct ev_call_end *e)
{
	__u64 bus = e->bus;
	struct mon_fields *f;

	if (!active || e->age_ns < slower_ns)
		return 0;
	if (e->outcome != KDBUS_CALL_END_ANSWERED)
		return call_failed(e);
	f = bus_find(bus);
	if (!f || !f->msg || f->src != e->peer || f->dst != e->conn)
		return 0;
	if (f->kind != KDBUS_MSG_KIND_REPLY &&
	    f->kind != KDBUS_MSG_KIND_SYNC_REPLY)
		return 0;
	if (!kind_wanted(f))
		return 0;
	f->call = e->msg;
	f->wait_ns = e->wait_ns;
	f->service_ns = e->service_ns;
	f->age_ns = e->age_ns;
	message_emit(f, bus);
	return 0;
}

static __always_inline int on_msg_recv(const struct ev_msg_recv *e)
{
	struct mon_recv *r;

	if (!active || e->kind == KDBUS_MSG_KIND_COPY)
		return 0;
	if (want_errors && e->ret >= 0)
		return 0;
	if (slower_ns && ((__s64)e->wait_ns < 0 || e->wait_ns < slower_ns))
		return 0;
	if (!own_wanted(e->bus, e->conn, e->src, e->conn))
		return 0;
	r = RESERVE(struct mon_recv, MON_RECV, e->bus);
	if (!r)
		return 0;
	who_is_it(&r->who);
	r->conn = e->conn;
	r->src = e->src;
	r->msg = e->msg;
	r->cookie = e->cookie;
	r->slice = e->bytes;
	r->wait_ns = e->wait_ns;
	r->name_id = e->name_id;
	r->flags = e->flags;
	r->depth = e->depth;
	r->kind = e->kind;
	r->ret = e->ret;
	submit(r);
	return 0;
}

/* ---- all others --------------------------------------------------------- */

static __always_inline struct mon_other *other(__u32 type, __u64 bus, __u64 a,
					       __u64 b)
{
	struct mon_other *r;

	if (!active)
		return NULL;
	r = RESERVE(struct mon_other, type, bus);
	if (!r)
		return NULL;
	__builtin_memset(&r->who, 0,
			 sizeof(*r) - offsetof(struct mon_other, who));
	r->a = a;
	r->b = b;
	return r;
}

static __always_inline int on_notify_send(const struct ev_notify_send *e)
{
	struct mon_other *r;

	if (!pair_wanted(e->bus, 0, e->dst) || want_errors || slower_ns)
		return 0;
	r = other(MON_NOTICE, e->bus, 0, e->dst);
	if (!r)
		return 0;
	r->msg = e->msg;
	r->n[0] = e->type;
	r->n[1] = e->cookie_reply;
	submit(r);
	return 0;
}

static __always_inline int on_msg_drop(const struct ev_msg_drop *e)
{
	struct mon_other *r;

	if (e->kind == KDBUS_MSG_KIND_COPY ||
	    !pair_wanted(e->bus, e->src, e->conn) || slower_ns)
		return 0;
	r = other(MON_DROP, e->bus, e->src, e->conn);
	if (!r)
		return 0;
	r->msg = e->msg;
	r->n[0] = e->cookie;
	r->n[1] = e->bytes;
	r->n[2] = e->kind;
	r->n[3] = e->name_id;
	r->code = e->reason;
	r->ret = e->ret;
	submit(r);
	return 0;
}

static __always_inline int on_msg_move(const struct ev_msg_move *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus) || want_errors || slower_ns)
		return 0;
	r = other(MON_MOVE, e->bus, e->from, e->to);
	if (!r)
		return 0;
	r->msg = e->msg;
	r->n[0] = e->name_id;
	submit(r);
	return 0;
}

static __always_inline int on_cmd_refuse(const struct ev_cmd_refuse *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus) || slower_ns)
		return 0;
	r = other(MON_CMD_REFUSE, e->bus, e->conn, 0);
	if (!r)
		return 0;
	who_is_it(&r->who);
	r->code = e->cmd;
	r->ret = e->ret;
	submit(r);
	return 0;
}

static __always_inline int on_name_change(const struct ev_name_change *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus))
		return 0;
	r = other(MON_NAME_CHANGE, e->bus, e->old, e->new);
	if (!r)
		return 0;
	r->n[0] = e->name_id;
	r->n[1] = e->old_flags;
	r->n[2] = e->new_flags;
	bpf_probe_read_kernel_str(r->text, sizeof(r->text), e->name);
	submit(r);
	return 0;
}

/* All of them have the same fields. */
static __always_inline int on_name(__u32 type, const struct ev_name_acquire *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus))
		return 0;
	r = other(type, e->bus, e->conn, 0);
	if (!r)
		return 0;
	who_is_it(&r->who);
	r->n[0] = e->name_id;
	r->n[1] = e->flags;
	r->ret = e->ret;
	bpf_probe_read_kernel_str(r->text, sizeof(r->text), e->name);
	submit(r);
	return 0;
}

static __always_inline int on_name_acquire(const struct ev_name_acquire *e)
{
	/* one that succeeds is a change, or a wait */
	return e->ret < 0 ? on_name(MON_NAME_ACQUIRE, e) : 0;
}

static __always_inline int on_name_queue(const struct ev_name_queue *e)
{
	return on_name(MON_NAME_QUEUE, (const void *)e);
}

static __always_inline int on_name_unqueue(const struct ev_name_unqueue *e)
{
	return on_name(MON_NAME_UNQUEUE, (const void *)e);
}

static __always_inline int on_name_update(const struct ev_name_update *e)
{
	return on_name(MON_NAME_UPDATE, (const void *)e);
}

static __always_inline int on_name_release(const struct ev_name_release *e)
{
	return e->ret < 0 ? on_name(MON_NAME_RELEASE, (const void *)e) : 0;
}

static __always_inline int on_match(__u32 type, __u64 bus, __u64 conn,
				    __u64 cookie, __u64 n)
{
	struct mon_other *r;

	if (!own_wanted(bus, conn, conn, 0) || want_errors || slower_ns)
		return 0;
	r = other(type, bus, conn, 0);
	if (!r)
		return 0;
	who_is_it(&r->who);
	r->n[0] = cookie;
	r->n[1] = n;
	submit(r);
	return 0;
}

static __always_inline int on_match_add(const struct ev_match_add *e)
{
	return on_match(MON_MATCH_ADD, e->bus, e->conn, e->cookie, e->bytes);
}

static __always_inline int on_match_remove(const struct ev_match_remove *e)
{
	return on_match(MON_MATCH_REMOVE, e->bus, e->conn, e->cookie,
			e->removed);
}

/* ---- objects: user space always has to know them ------------------------ */

static __always_inline int on_conn_new(const struct ev_conn_new *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus))
		return 0;
	if (want_who)
		conn_learn(e->bus, e->conn, task_bits(e->uid, e->pid));
	r = other(MON_CONN_NEW, e->bus, e->conn, 0);
	if (!r)
		return 0;
	r->who.pid_tgid = (__u64)e->pid << 32;
	r->who.uid = e->uid;
	r->n[0] = e->endpoint;
	r->n[1] = e->flags;
	r->n[2] = e->attach_flags;
	r->n[3] = e->pool_size;
	bpf_probe_read_kernel(r->who.comm, sizeof(r->who.comm), e->comm);
	bpf_probe_read_kernel_str(r->text, sizeof(r->text), e->name);
	submit(r);
	return 0;
}

static __always_inline int on_conn_dead(const struct ev_conn_dead *e)
{
	struct mon_key key = { .bus = e->bus, .conn = e->conn };
	struct mon_other *r;

	if (!bus_wanted(e->bus))
		return 0;
	r = other(MON_CONN_DEAD, e->bus, e->conn, 0);
	if (r) {
		r->code = e->reason;
		submit(r);
	}
	if (want_who)
		bpf_map_delete_elem(&wanted, &key);
	return 0;
}

static __always_inline int on_conn_update(const struct ev_conn_update *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus))
		return 0;
	r = other(MON_CONN_UPDATE, e->bus, e->conn, 0);
	if (!r)
		return 0;
	r->n[2] = e->attach_flags;
	submit(r);
	return 0;
}

static __always_inline int on_bus_new(const struct ev_bus_new *e)
{
	static const struct mon_fields none = {};
	char name[MON_BUS_LEN] = {};
	__u64 bus = e->bus;
	struct mon_other *r;

	bpf_probe_read_kernel_str(name, sizeof(name), e->name);
	if (by_bus) {
		if (bpf_strncmp(name, sizeof(name), (const char *)bus_name))
			return 0;
		bpf_map_update_elem(&buses, &bus, &none, BPF_NOEXIST);
	}
	r = other(MON_BUS_NEW, bus, e->domain, 0);
	if (!r)
		return 0;
	r->n[0] = e->flags;
	r->n[1] = e->uid;
	__builtin_memcpy(r->text, name, sizeof(name));
	submit(r);
	return 0;
}

static __always_inline int on_bus_dead(const struct ev_bus_dead *e)
{
	__u64 bus = e->bus;
	struct mon_other *r;

	if (!bus_wanted(bus))
		return 0;
	bus_forget(bus);
	r = other(MON_BUS_DEAD, bus, e->domain, 0);
	if (r)
		submit(r);
	return 0;
}

static __always_inline int on_endpoint_new(const struct ev_endpoint_new *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus))
		return 0;
	r = other(MON_ENDPOINT_NEW, e->bus, 0, 0);
	if (!r)
		return 0;
	r->n[0] = e->endpoint;
	r->n[1] = e->uid;
	r->n[2] = e->mode;
	bpf_probe_read_kernel_str(r->text, sizeof(r->text), e->name);
	submit(r);
	return 0;
}

static __always_inline int on_endpoint_dead(const struct ev_endpoint_dead *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus))
		return 0;
	r = other(MON_ENDPOINT_DEAD, e->bus, 0, 0);
	if (!r)
		return 0;
	r->n[0] = e->endpoint;
	submit(r);
	return 0;
}

static __always_inline int on_domain_new(const struct ev_domain_new *e)
{
	struct mon_other *r;

	if (by_bus)
		return 0;
	r = other(MON_DOMAIN_NEW, 0, e->domain, 0);
	if (!r)
		return 0;
	bpf_probe_read_kernel_str(r->text, sizeof(r->text), e->name);
	submit(r);
	return 0;
}

static __always_inline int on_domain_dead(const struct ev_domain_dead *e)
{
	struct mon_other *r;

	if (by_bus)
		return 0;
	r = other(MON_DOMAIN_DEAD, 0, e->domain, 0);
	if (r)
		submit(r);
	return 0;
}

/* ---- why something was refused ------------------------------------------ */

static __always_inline int on_policy_deny(const struct ev_policy_deny *e)
{
	struct mon_other *r;

	if (!pair_wanted(e->bus, e->conn, e->peer) || slower_ns)
		return 0;
	r = other(MON_POLICY_DENY, e->bus, e->conn, e->peer);
	if (!r)
		return 0;
	r->msg = e->msg;
	r->code = e->level;
	bpf_probe_read_kernel_str(r->text, sizeof(r->text), e->name);
	submit(r);
	return 0;
}

static __always_inline int on_file_deny(const struct ev_file_deny *e)
{
	struct mon_other *r;

	if (!pair_wanted(e->bus, e->src, e->conn) || slower_ns)
		return 0;
	r = other(MON_FILE_DENY, e->bus, e->src, e->conn);
	if (!r)
		return 0;
	r->msg = e->msg;
	r->ret = e->ret;
	submit(r);
	return 0;
}

static __always_inline int on_policy_set(const struct ev_policy_set *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus) || want_errors || slower_ns)
		return 0;
	r = other(MON_POLICY_SET, e->bus, e->conn, 0);
	if (!r)
		return 0;
	r->n[0] = e->endpoint;
	r->n[1] = e->names;
	r->n[2] = e->grants;
	submit(r);
	return 0;
}

static __always_inline int on_quota_refuse(const struct ev_quota_refuse *e)
{
	struct mon_other *r;

	if (!bus_wanted(e->bus) || slower_ns)
		return 0;
	r = other(MON_QUOTA_REFUSE, e->bus, e->src, e->conn);
	if (!r)
		return 0;
	r->msg = e->msg;
	r->n[0] = e->asked;
	r->n[1] = e->used;
	r->n[2] = e->limit;
	r->n[3] = e->uid;
	r->code = e->kind;
	r->ret = e->ret;
	submit(r);
	return 0;
}

EVENT(msg_send, on_msg_send)
EVENT(msg_queue, on_msg_queue)
EVENT(match_run, on_match_run)
EVENT(call_end, on_call_end)
EVENT(msg_recv, on_msg_recv)
EVENT(notify_send, on_notify_send)
EVENT(msg_drop, on_msg_drop)
EVENT(msg_move, on_msg_move)
EVENT(cmd_refuse, on_cmd_refuse)
EVENT(name_change, on_name_change)
EVENT(name_acquire, on_name_acquire)
EVENT(name_queue, on_name_queue)
EVENT(name_unqueue, on_name_unqueue)
EVENT(name_update, on_name_update)
EVENT(name_release, on_name_release)
EVENT(match_add, on_match_add)
EVENT(match_remove, on_match_remove)
EVENT(conn_new, on_conn_new)
EVENT(conn_dead, on_conn_dead)
EVENT(conn_update, on_conn_update)
EVENT(bus_new, on_bus_new)
EVENT(bus_dead, on_bus_dead)
EVENT(endpoint_new, on_endpoint_new)
EVENT(endpoint_dead, on_endpoint_dead)
EVENT(domain_new, on_domain_new)
EVENT(domain_dead, on_domain_dead)
EVENT(policy_deny, on_policy_deny)
EVENT(policy_set, on_policy_set)
EVENT(file_deny, on_file_deny)
EVENT(quota_refuse, on_quota_refuse)
