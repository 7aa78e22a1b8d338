// SPDX-License-Identifier: GPL-2.0
/*
 * The BPF half of kdbus-top: counts the module's trace events per pair of
 * connections. No message is shipped to user space.
 *
 * It runs in the middle of every send and receive, so what it costs is what
 * matters, and a hash map costs too much. The tables are arrays instead, used
 * as hash tables with a few probes, and user space reads them through mmap.
 *
 * Generations: there are two of each table, one after the other in the same
 * map. Programs fill the one at @tables.base. User space changes that, waits
 * until no program runs that may have seen the old value (a grace period of
 * RCU, which every program is a reader of), takes what it finds, and clears it
 * for the next time. So nothing is ever removed from a table that is in use,
 * nothing stays in one for connections that are gone, and a table has to hold
 * only what happens between two turns. User space is woken when it is half
 * full.
 *
 * Several processors: a place is claimed by cmpxchg() of its tag, and its key
 * is written afterwards. Who looks for the same key at the same moment and sees
 * only the tag takes another place: one key may have two places, and user
 * space adds them up. The fields that kdbus_msg_queue and kdbus_call_end
 * change need no atomics: those events fire under the lock of the bus, and a
 * pair belongs to one bus. kdbus_msg_recv fires under no such lock.
 *
 * What finds no place is counted in @lost.
 */
#include "kdbus_events.bpf.h"
#include "kdbus_top.h"

char LICENSE[] SEC("license") = "GPL";

#define PROBES 16
#define ETIMEDOUT 110
#define EPIPE 32
#define ECANCELED 125
#define PEEK 1

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * TOP_PAIRS_DEFAULT);
	__type(key, __u32);
	__type(value, struct top_pair);
} pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, (2 * TOP_PAIRS_DEFAULT) << TOP_COUNTS_SHIFT);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TOP_RING_SIZE);
} ring SEC(".maps");

/*
 * Never looked into. Updating a map of maps returns after a grace period, and
 * that is what user space updates this one for.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__type(key, __u32);
		__type(value, __u32);
	});
} grace SEC(".maps");

/* buckets of short times; set before loading */
const volatile __u8 bucket_table[TOP_TABLE] = {};

struct top_tables tables;	/* user space writes it */
__u64 pairs_used;	/* places taken in that generation */
__u64 counts_used;
__u64 lost[TOP_LOST_KINDS];

/* ---- records ----------------------------------------------------------- */

static __always_inline __u64 wakeup_if(bool wake)
{
	return wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline struct top_record *record(__u32 type, __u64 size)
{
	struct top_record *r = bpf_ringbuf_reserve(&ring, size, 0);

	if (!r) {
		__sync_fetch_and_add(&lost[TOP_LOST_RECORD], 1);
		return NULL;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->type = type;
	return r;
}

static __always_inline void submit(struct top_record *r)
{
	__u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	bpf_ringbuf_submit(r, wakeup_if(waiting > TOP_RING_SIZE / 2));
}

/* One more place is taken of as many as there are behind a mask. */
static __noinline int used_one(__u64 *used, __u32 mask)
{
	struct top_record *r;

	if (!used || __sync_fetch_and_add(used, 1) != mask / 2)
		return 0;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r)
		return 0;
	__builtin_memset(r, 0, sizeof(*r));
	bpf_ringbuf_submit(r, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* ---- the tables -------------------------------------------------------- */

struct pair_key {
	__u64 tag, bus, src, dst, name;
};

static __always_inline struct top_pair *pair_at(__u32 i)
{
	return bpf_map_lookup_elem(&pairs, &i);
}

/*
 * Of what all four are, the tag is made by sums and multiplications with an odd
 * number. So if three are the same, so is the fourth, or two buses' ids lie
 * 10^18 apart.
 */
static __always_inline __u64 pair_tag(__u64 bus, __u64 src, __u64 dst,
				      __u64 name)
{
	const __u64 mul = 0x9e3779b97f4a7c15ULL;

	return ((((bus * mul) + src) * mul + dst) * mul + name) * mul | 1;
}

static __always_inline bool pair_is(const struct top_pair *p, __u64 tag,
				    __u64 src, __u64 dst, __u64 name)
{
	return p->tag == tag && p->src == src && p->dst == dst &&
	       p->name == name;
}

static __always_inline __u32 pair_first(__u64 tag)
{
	return tag >> 44;
}

/*
 * Where a pair is that is not in its first place, which is @i; takes one for a
 * new pair. Stays in the generation of @i.
 */
static __noinline int pair_search(const struct pair_key *k, __u32 i)
{
	__u32 from = i & ~tables.pairs_mask, n;

	for (n = 0; k && n < PROBES; n++) {
		struct top_pair *p;

		i = from + ((pair_first(k->tag) + n) & tables.pairs_mask);
		p = pair_at(i);
		if (!p)
			break;
		if (pair_is(p, k->tag, k->src, k->dst, k->name))
			return i;
		if (p->tag || __sync_val_compare_and_swap(&p->tag, 0, k->tag))
			continue;
		p->bus = k->bus;
		p->src = k->src;
		p->dst = k->dst;
		p->name = k->name;
		used_one(&pairs_used, tables.pairs_mask);
		return i;
	}
	return -1;
}

/*
 * A pair, and its number in the map; NULL if there is no place left. Which
 * generation is in use is looked up once: that may change meanwhile.
 */
static __always_inline struct top_pair *pair_get(__u64 bus, __u64 src,
						 __u64 dst, __u64 name,
						 __u32 *i)
{
	__u64 tag = pair_tag(bus, src, dst, name);
	struct top_pair *p;
	struct pair_key k;

	*i = *(volatile __u32 *)&tables.base +
	     (pair_first(tag) & tables.pairs_mask);
	p = pair_at(*i);
	if (p && pair_is(p, tag, src, dst, name))
		return p;

	k = (struct pair_key){ tag, bus, src, dst, name };
	*i = pair_search(&k, *i);
	return pair_at(*i);
}

/*
 * The word of a pair for @id, or the @n-th place to look for it. Of the number
 * of the pair's first word those bits are changed that tell words of one
 * generation apart, so it stays in its generation.
 */
static __always_inline __u64 *word_at(__u32 pair, __u32 id, __u32 n)
{
	__u32 i = ((id * 0x9e3779b1U >> 9) + n) & tables.counts_mask;

	i ^= pair << TOP_COUNTS_SHIFT;
	return bpf_map_lookup_elem(&counts, &i);
}

static __noinline int count_search(__u32 pair, __u32 id)
{
	__u32 key = TOP_WORD_KEY(pair, id), n;

	for (n = 0; n < PROBES; n++) {
		__u64 *w = word_at(pair, id, n), seen;

		if (!w)
			break;
		seen = __sync_val_compare_and_swap(w, 0, (__u64)key << 32 | 1);
		if (!seen) {
			used_one(&counts_used, tables.counts_mask);
			return 0;
		}
		if (seen >> 32 == key) {
			__sync_fetch_and_add(w, 1);
			return 0;
		}
	}
	return -1;
}

/* Counts one more of something of a pair; false if it found no place. */
static __always_inline bool count(__u32 pair, __u32 id)
{
	__u64 *w = word_at(pair, id, 0);

	if (w && *w >> 32 == TOP_WORD_KEY(pair, id)) {
		__sync_fetch_and_add(w, 1);
		return true;
	}
	return !count_search(pair, id);
}

static __always_inline void lose(enum top_lost what)
{
	__sync_fetch_and_add(&lost[what], 1);
}

/* ---- latency ----------------------------------------------------------- */

/*
 * Found in a table, since a search for the highest bit takes three times as
 * many instructions, up to twice for each call. What is too long for the table
 * is where something of a 256th is there, and so on: eight powers of two on.
 */
static __always_inline __u32 bucket_of(__u64 ns)
{
	/* a bound belongs to the bucket below it */
	__u64 v = (ns - 1) >> TOP_TABLE_SHIFT;

	/* what is compared is what indexes, or the verifier knows no bound */
	barrier_var(v);
	if (v < TOP_TABLE)
		return bucket_table[v];
	if (!ns)
		return 0;
	if (v < TOP_TABLE << 8)
		return bucket_table[v >> 8] + 8 * TOP_SUB;
	if (v < TOP_TABLE << 16)
		return bucket_table[v >> 16] + 16 * TOP_SUB;
	if (v < 1ULL << (TOP_LAST_EXP - TOP_TABLE_SHIFT))
		return bucket_table[v >> 24] + 24 * TOP_SUB;
	return TOP_BUCKETS - 1;
}

/* What several may raise at once; true unless they were in the way for long. */
static __always_inline bool raise(__u64 *max, __u64 v)
{
	__u64 old = *(volatile __u64 *)max, seen;
	int n;

#pragma unroll
	for (n = 0; n < 4; n++) {
		if (v <= old)
			return true;
		seen = __sync_val_compare_and_swap(max, old, v);
		if (seen == old)
			return true;
		old = seen;
	}
	return false;
}

/* ---- the events of every message --------------------------------------- */

static __always_inline int on_msg_queue(const struct ev_msg_queue *e)
{
	struct top_pair *p;
	__u32 i;

	p = pair_get(e->bus, e->src, e->conn, e->name_id, &i);
	if (!p) {
		lose(TOP_LOST_QUEUE);
		return 0;
	}
	/* under the lock of the bus */
	p->msgs++;
	p->bytes += e->bytes;
	if (e->depth > p->depth)
		p->depth = e->depth;
	return 0;
}

static __always_inline int on_msg_recv(const struct ev_msg_recv *e)
{
	__u64 ns = e->wait_ns;
	struct top_pair *p;
	__u32 i;

	if (e->ret || e->flags & PEEK || ns == ~0ULL)
		return 0;
	p = pair_get(e->bus, e->src, e->conn, e->name_id, &i);
	if (!p || !count(i, TOP_ID_LATENCY(TOP_QUEUE, bucket_of(ns)))) {
		lose(TOP_LOST_RECV);
		return 0;
	}
	__sync_fetch_and_add(&p->sum[TOP_QUEUE], ns);
	if (!raise(&p->max[TOP_QUEUE], ns))
		lose(TOP_LOST_RECV);
	return 0;
}

static __always_inline bool took(struct top_pair *p,
				 __u32 i, enum top_part part,
				 __u64 ns)
{
	if (!count(i, TOP_ID_LATENCY(part, bucket_of(ns))))
		return false;
	/* under the lock of the bus */
	p->sum[part] += ns;
	if (ns > p->max[part])
		p->max[part] = ns;
	return true;
}

static __always_inline int on_call_end(const struct ev_call_end *e)
{
	struct top_pair *p;
	bool ok;
	__u32 i;

	p = pair_get(e->bus, e->conn, e->peer, e->name_id, &i);
	if (!p) {
		ok = false;
	} else if (e->outcome == KDBUS_CALL_END_ANSWERED) {
		ok = took(p, i, TOP_TRIP, e->age_ns);
		if (ok && e->service_ns != ~0ULL)
			ok = took(p, i, TOP_SERVICE, e->service_ns);
	} else {
		ok = count(i, TOP_ID_END + (e->outcome & 15));
	}
	if (!ok)
		lose(TOP_LOST_END);
	return 0;
}

/* ---- the rare ones ------------------------------------------------------ */

static __always_inline int rare(__u64 bus, __u64 src, __u64 dst, __u64 name,
				__u32 id)
{
	__u32 i;

	if (!pair_get(bus, src, dst, name, &i) || !count(i, id))
		lose(TOP_LOST_OTHER);
	return 0;
}

static __always_inline int on_msg_drop(const struct ev_msg_drop *e)
{
	return rare(e->bus, e->src, e->conn, e->name_id,
		    TOP_ID_DROP + (e->reason & 15));
}

/* How a call ended is no refusal, although MSG_SEND returns it. */
static __always_inline bool is_call_end(__u32 cmd, __s32 ret)
{
	return cmd == KDBUS_TRACE_CMD_MSG_SEND &&
	       (ret == -ETIMEDOUT || ret == -EPIPE || ret == -ECANCELED);
}

static __always_inline int on_cmd_refuse(const struct ev_cmd_refuse *e)
{
	__u32 err = -e->ret;

	if (!e->bus || is_call_end(e->cmd, e->ret))
		return 0;
	if (err > TOP_MAX_ERRNO)
		err = TOP_MAX_ERRNO;
	return rare(e->bus, e->conn, 0, 0, TOP_ID_ERRNO + err);
}

static __always_inline int on_quota_refuse(const struct ev_quota_refuse *e)
{
	__u32 id = TOP_ID_BOUND + (e->kind & 31);

	if (!e->conn)
		return rare(TOP_BUS_USER, e->uid, 0, 0, id);
	return rare(e->bus, e->src, e->conn == e->src ? 0 : e->conn, 0, id);
}

static __always_inline int on_policy_deny(const struct ev_policy_deny *e)
{
	return rare(e->bus, e->conn, e->peer, 0, TOP_ID_BOUND);
}

/* ---- who is who ---------------------------------------------------------- */

static __always_inline int on_bus_new(const struct ev_bus_new *e)
{
	struct top_record *r = record(TOP_RECORD_BUS, sizeof(*r));

	if (!r)
		return 0;
	r->bus = e->bus;
	r->uid = e->uid;
	r->owner = e->domain;
	bpf_probe_read_kernel_str(r->name, sizeof(r->name), e->name);
	submit(r);
	return 0;
}

static __always_inline int on_conn_new(const struct ev_conn_new *e)
{
	struct top_record *r = record(TOP_RECORD_CONN, sizeof(*r));

	if (!r)
		return 0;
	r->bus = e->bus;
	r->id = e->conn;
	r->flags = e->flags;
	r->owner = e->pool_size;
	r->uid = e->uid;
	r->pid = e->pid;
	bpf_probe_read_kernel(r->comm, sizeof(r->comm), e->comm);
	bpf_probe_read_kernel_str(r->name, sizeof(r->name), e->name);
	submit(r);
	return 0;
}

static __always_inline int on_name_change(const struct ev_name_change *e)
{
	struct top_name_record *n;

	n = (void *)record(TOP_RECORD_NAME, sizeof(*n));
	if (!n)
		return 0;
	n->r.bus = e->bus;
	n->r.id = e->name_id;
	n->r.owner = e->new;
	bpf_probe_read_kernel_str(n->r.name, sizeof(n->r.name) +
				  sizeof(n->more), e->name);
	submit(&n->r);
	return 0;
}

EVENT(msg_queue, on_msg_queue)
EVENT(msg_recv, on_msg_recv)
EVENT(call_end, on_call_end)
EVENT(msg_drop, on_msg_drop)
EVENT(cmd_refuse, on_cmd_refuse)
EVENT(quota_refuse, on_quota_refuse)
EVENT(policy_deny, on_policy_deny)
EVENT(bus_new, on_bus_new)
EVENT(conn_new, on_conn_new)
EVENT(name_change, on_name_change)
