// SPDX-License-Identifier: GPL-2.0
/*
 * The BPF half of kdbus-top: aggregates the module's trace events per
 * connection, in one hash map that user space reads once per interval. No
 * event is shipped to user space.
 *
 */
#include "kdbus_events.bpf.h"
#include "kdbus_top.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TOP_MAX_CONNS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct top_key);
	__type(value, struct top_conn);
} conns SEC(".maps");

/* a zeroed entry, too large for the stack; never written */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct top_conn);
} zero SEC(".maps");

/* events that could not be counted because a map was full */
__u64 lost = 0;

static __always_inline struct top_conn *conn_get(__u64 bus, __u64 conn)
{
	struct top_key key = { .bus = bus, .conn = conn };
	struct top_conn *c, *empty;
	__u32 none = 0;

	c = bpf_map_lookup_elem(&conns, &key);
	if (c)
		return c;
	empty = bpf_map_lookup_elem(&zero, &none);
	if (empty)
		bpf_map_update_elem(&conns, &key, empty, BPF_NOEXIST);
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c)
		__sync_fetch_and_add(&lost, 1);
	return c;
}

#define add(field, n) __sync_fetch_and_add(&(field), (n))

/* current is the connection's: whoever sends or receives says who he is */
static __always_inline void conn_identify(struct top_conn *c)
{
	if (c->pid)
		return;
	c->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(c->comm, sizeof(c->comm));
	c->pid = bpf_get_current_pid_tgid() >> 32;
}

static __always_inline void pool_level(struct top_conn *c, __u64 used,
				       __u64 size)
{
	c->pool_used = used;
	c->pool_size = size;
	if (used > c->pool_peak)
		c->pool_peak = used;
}

static __always_inline __u32 log2_u64(__u64 v)
{
	__u32 e = 0;

	if (v >> 32) { v >>= 32; e += 32; }
	if (v >> 16) { v >>= 16; e += 16; }
	if (v >> 8) { v >>= 8; e += 8; }
	if (v >> 4) { v >>= 4; e += 4; }
	if (v >> 2) { v >>= 2; e += 2; }
	return e + (v >> 1);
}

static __always_inline void latency(struct top_conn *c, __u64 ns)
{
	__u64 slot;
	__u32 e;

	if (ns < TOP_SUB) {
		slot = ns;
	} else {
		e = log2_u64(ns);
		slot = (e - TOP_SUB_BITS + 1) * TOP_SUB +
		       ((ns >> (e - TOP_SUB_BITS)) & (TOP_SUB - 1));
	}
	/* what the verifier has seen of the bound is what is used */
	barrier_var(slot);
	if (slot >= TOP_SLOTS)
		slot = TOP_SLOTS - 1;
	barrier_var(slot);
	if (slot < TOP_SLOTS)
		add(c->slots[slot], 1);
	if (ns > c->lat_max)
		c->lat_max = ns;
}

/* ---- the events ------------------------------------------------------- */

static __always_inline int on_conn_new(const struct ev_conn_new *e)
{
	struct top_conn *c = conn_get(e->bus, e->conn);

	if (!c)
		return 0;
	c->pool_size = e->pool_size;
	c->uid = e->uid;
	c->pid = e->pid;
	bpf_probe_read_kernel(c->comm, sizeof(c->comm), e->comm);
	return 0;
}

static __always_inline int on_conn_dead(const struct ev_conn_dead *e)
{
	struct top_conn *c = conn_get(e->bus, e->conn);

	if (c)
		c->gone = 1;
	return 0;
}

static __always_inline int on_msg_send(const struct ev_msg_send *e)
{
	struct top_conn *c = conn_get(e->bus, e->src);

	if (!c)
		return 0;
	conn_identify(c);
	if (e->ret < 0) {
		add(c->refused, 1);
	} else {
		add(c->out_msgs, 1);
		add(c->out_bytes, e->bytes);
	}
	return 0;
}

static __always_inline int on_msg_queue(const struct ev_msg_queue *e)
{
	struct top_conn *c = conn_get(e->bus, e->conn);

	if (!c)
		return 0;
	add(c->in_msgs, 1);
	add(c->in_bytes, e->bytes);
	c->queued = e->depth;
	pool_level(c, e->used, e->pool_size);
	return 0;
}

static __always_inline int on_msg_recv(const struct ev_msg_recv *e)
{
	struct top_conn *c = conn_get(e->bus, e->conn);

	if (!c)
		return 0;
	conn_identify(c);
	c->queued = e->depth;
	return 0;
}

static __always_inline int on_msg_drop(const struct ev_msg_drop *e)
{
	struct top_conn *c = conn_get(e->bus, e->conn);

	if (c)
		add(c->dropped, 1);
	return 0;
}

static __always_inline int on_call_start(const struct ev_call_start *e)
{
	struct top_conn *c = conn_get(e->bus, e->conn);

	if (c)
		add(c->calls_out, 1);
	c = conn_get(e->bus, e->peer);
	if (c)
		add(c->calls_in, 1);
	return 0;
}

static __always_inline void call_end_side(struct top_conn *c, __u64 age,
					  __u32 outcome)
{
	switch (outcome) {
	case KDBUS_CALL_END_ANSWERED:
		add(c->answered, 1);
		latency(c, age);
		break;
	case KDBUS_CALL_END_TIMEOUT:
		add(c->timeout, 1);
		break;
	case KDBUS_CALL_END_DEAD:
		add(c->dead, 1);
		break;
	default:
		add(c->other, 1);
		break;
	}
}

static __always_inline int on_call_end(const struct ev_call_end *e)
{
	struct top_conn *c = conn_get(e->bus, e->conn);

	if (c) {
		add(c->calls_out, -1);
		call_end_side(c, e->age_ns, e->outcome);
	}
	c = conn_get(e->bus, e->peer);
	if (c) {
		add(c->calls_in, -1);
		call_end_side(c, e->age_ns, e->outcome);
	}
	return 0;
}

static __always_inline int pool(__u64 bus, __u64 conn, __u64 used, __u64 size)
{
	struct top_conn *c = conn_get(bus, conn);

	if (c)
		pool_level(c, used, size);
	return 0;
}

static __always_inline int on_pool_alloc(const struct ev_pool_alloc *e)
{
	return pool(e->bus, e->conn, e->used, e->pool_size);
}

static __always_inline int on_pool_free(const struct ev_pool_free *e)
{
	return pool(e->bus, e->conn, e->used, e->pool_size);
}

EVENT(conn_new, on_conn_new)
EVENT(conn_dead, on_conn_dead)
EVENT(msg_send, on_msg_send)
EVENT(msg_queue, on_msg_queue)
EVENT(msg_recv, on_msg_recv)
EVENT(msg_drop, on_msg_drop)
EVENT(call_start, on_call_start)
EVENT(call_end, on_call_end)
EVENT(pool_alloc, on_pool_alloc)
EVENT(pool_free, on_pool_free)
