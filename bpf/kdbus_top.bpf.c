// SPDX-License-Identifier: GPL-2.0
/*
 * The BPF half of kdbus-top: aggregates the module's trace events per
 * connection, in one hash map that user space reads once per interval. No
 * event is shipped to user space.
 *
 * Every handler exists twice with the same body: as tp_btf, which needs the
 * module's BTF, and as raw_tp, which needs none. Both get the event's
 * arguments as an array of u64. User space loads one set.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kdbus_enums.h"
#include "kdbus_top.h"

char LICENSE[] SEC("license") = "GPL";

/* what tracepoints/kdbus_trace_types.h says, found by name with CO-RE */
struct kdbus_trace_msg___core {
	__u64 bus;
	__u64 src;
	__u64 bytes;
	__s32 ret;
} __attribute__((preserve_access_index));

struct kdbus_trace_queue___core {
	__u64 bus;
	__u64 conn;
	__u64 bytes;
	__u64 used;
	__u64 pool_size;
	__u32 depth;
} __attribute__((preserve_access_index));

/* the same as it lies in memory, for kernels without module BTF */
struct kdbus_trace_msg_plain {
	__u64 bus;
	__u64 src;
	__u64 dst;
	__u64 msg;
	__u64 cookie;
	__u64 cookie_reply;
	__u64 timeout_ns;
	__u64 flags;
	__s64 priority;
	__u64 bytes;
	__u64 name_id;
	__u32 n_fds;
	__u32 n_memfds;
	__s32 ret;
};

struct kdbus_trace_queue_plain {
	__u64 bus;
	__u64 conn;
	__u64 src;
	__u64 msg;
	__u64 seq;
	__u64 cookie;
	__u64 name_id;
	__u64 offset;
	__u64 bytes;
	__u64 used;
	__u64 pool_size;
	__u32 depth;
	__u32 kind;
};

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

static __always_inline int on_conn_new(__u64 *a)
{
	struct top_conn *c = conn_get(a[0], a[1]);

	if (!c)
		return 0;
	c->pool_size = a[5];
	c->uid = a[6];
	c->pid = a[7];
	bpf_probe_read_kernel(c->comm, sizeof(c->comm), (void *)a[8]);
	return 0;
}

static __always_inline int on_conn_dead(__u64 *a)
{
	struct top_conn *c = conn_get(a[0], a[1]);

	if (c)
		c->gone = 1;
	return 0;
}

static __always_inline int msg_send(__u64 bus, __u64 src, __u64 bytes, int ret)
{
	struct top_conn *c = conn_get(bus, src);

	if (!c)
		return 0;
	conn_identify(c);
	if (ret < 0) {
		add(c->refused, 1);
	} else {
		add(c->out_msgs, 1);
		add(c->out_bytes, bytes);
	}
	return 0;
}

static __always_inline int msg_queue(__u64 bus, __u64 conn, __u64 bytes,
				     __u64 used, __u64 pool_size, __u32 depth)
{
	struct top_conn *c = conn_get(bus, conn);

	if (!c)
		return 0;
	add(c->in_msgs, 1);
	add(c->in_bytes, bytes);
	c->queued = depth;
	pool_level(c, used, pool_size);
	return 0;
}

static __always_inline int on_msg_recv(__u64 *a)
{
	struct top_conn *c = conn_get(a[0], a[1]);

	if (!c)
		return 0;
	conn_identify(c);
	c->queued = (__u32)a[8];
	return 0;
}

static __always_inline int on_msg_drop(__u64 *a)
{
	struct top_conn *c = conn_get(a[0], a[1]);

	if (c)
		add(c->dropped, 1);
	return 0;
}

static __always_inline int on_call_start(__u64 *a)
{
	struct top_conn *c = conn_get(a[0], a[1]);

	if (c)
		add(c->calls_out, 1);
	c = conn_get(a[0], a[2]);
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

static __always_inline int on_call_end(__u64 *a)
{
	struct top_conn *c = conn_get(a[0], a[1]);

	if (c) {
		add(c->calls_out, -1);
		call_end_side(c, a[5], a[6]);
	}
	c = conn_get(a[0], a[2]);
	if (c) {
		add(c->calls_in, -1);
		call_end_side(c, a[5], a[6]);
	}
	return 0;
}

static __always_inline int on_pool(__u64 *a)
{
	struct top_conn *c = conn_get(a[0], a[1]);

	if (c)
		pool_level(c, a[5], a[6]);
	return 0;
}

#define HANDLER(event, fn)						\
	SEC("tp_btf/kdbus_" #event)					\
	int btf_##event(__u64 *ctx) { return fn(ctx); }			\
	SEC("raw_tp/kdbus_" #event)					\
	int raw_##event(__u64 *ctx) { return fn(ctx); }

HANDLER(conn_new, on_conn_new)
HANDLER(conn_dead, on_conn_dead)
HANDLER(msg_recv, on_msg_recv)
HANDLER(msg_drop, on_msg_drop)
HANDLER(call_start, on_call_start)
HANDLER(call_end, on_call_end)
HANDLER(pool_alloc, on_pool)
HANDLER(pool_free, on_pool)

SEC("tp_btf/kdbus_msg_send")
int btf_msg_send(__u64 *ctx)
{
	struct kdbus_trace_msg___core *m = (void *)ctx[0];

	return msg_send(BPF_CORE_READ(m, bus), BPF_CORE_READ(m, src),
			BPF_CORE_READ(m, bytes), BPF_CORE_READ(m, ret));
}

SEC("tp_btf/kdbus_msg_queue")
int btf_msg_queue(__u64 *ctx)
{
	struct kdbus_trace_queue___core *q = (void *)ctx[0];

	return msg_queue(BPF_CORE_READ(q, bus), BPF_CORE_READ(q, conn),
			 BPF_CORE_READ(q, bytes), BPF_CORE_READ(q, used),
			 BPF_CORE_READ(q, pool_size), BPF_CORE_READ(q, depth));
}

SEC("raw_tp/kdbus_msg_queue")
int raw_msg_queue(__u64 *ctx)
{
	struct kdbus_trace_queue_plain q;

	if (bpf_probe_read_kernel(&q, sizeof(q), (void *)ctx[0]))
		return 0;
	return msg_queue(q.bus, q.conn, q.bytes, q.used, q.pool_size, q.depth);
}

SEC("raw_tp/kdbus_msg_send")
int raw_msg_send(__u64 *ctx)
{
	struct kdbus_trace_msg_plain m;

	if (bpf_probe_read_kernel(&m, sizeof(m), (void *)ctx[0]))
		return 0;
	return msg_send(m.bus, m.src, m.bytes, m.ret);
}
