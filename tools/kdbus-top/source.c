// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the BPF programs, and emptying their tables; how those are shared is
 * in bpf/kdbus_top.bpf.c. Nothing is pinned.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "top.h"
#include "kdbus_top.skel.h"

static struct kdbus_top *skel;
static struct ring_buffer *ring;
static struct top_pair *pairs;
static __u64 *counts;
static struct row **rows;	/* of the pairs of a generation */
static unsigned int n_pairs;	/* places in a generation */
static int inner = -1;

static size_t pairs_bytes(void)
{
	return 2UL * n_pairs * sizeof(*pairs);
}

static size_t counts_bytes(void)
{
	return (2UL * n_pairs << TOP_COUNTS_SHIFT) * sizeof(*counts);
}

static void fill_bucket_table(void)
{
	unsigned int i, bucket = 0;

	for (i = 0; i < TOP_TABLE; i++) {
		if ((__u64)i << TOP_TABLE_SHIFT >= hist_bound(bucket))
			bucket++;
		skel->rodata->bucket_table[i] = bucket;
	}
}

static struct bpf_object *top_open(void)
{
	skel = kdbus_top__open();
	if (!skel)
		return NULL;
	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(__u32),
			       sizeof(__u32), 1, NULL);
	if (inner < 0)
		return NULL;
	fill_bucket_table();
	skel->bss->tables.pairs_mask = n_pairs - 1;
	skel->bss->tables.counts_mask = (n_pairs << TOP_COUNTS_SHIFT) - 1;
	bpf_map__set_max_entries(skel->maps.pairs, 2 * n_pairs);
	bpf_map__set_max_entries(skel->maps.counts,
				 2 * n_pairs << TOP_COUNTS_SHIFT);
	return skel->obj;
}

static int top_load(void)
{
	return kdbus_top__load(skel);
}

static void *map_table(const struct bpf_map *map, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Whom the ring's records are for; it is asked for one thing at a time. */
static struct model *ring_model;

static int took_record(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)size;
	model_took_record(ring_model, data);
	return 0;
}

static int top_attach(void)
{
	pairs = map_table(skel->maps.pairs, pairs_bytes());
	counts = map_table(skel->maps.counts, counts_bytes());
	rows = calloc(n_pairs, sizeof(*rows));
	ring = ring_buffer__new(bpf_map__fd(skel->maps.ring), took_record, NULL,
				NULL);
	if (!pairs || !counts || !rows || !ring)
		return -ENOMEM;
	return kdbus_top__attach(skel);
}

/* The next power of two, within bounds. */
static unsigned int places(unsigned int wanted)
{
	unsigned int n = TOP_PAIRS_MIN;

	while (n < wanted && n < TOP_PAIRS_MAX)
		n *= 2;
	return n;
}

int source_open(unsigned int wanted)
{
	static const struct attach_ops ops = {
		.open = top_open,
		.load = top_load,
		.attach = top_attach,
		.destroy = source_close,
	};

	n_pairs = places(wanted);
	return attach_any("kdbus-top", &ops);
}

void source_close(void)
{
	if (pairs)
		munmap(pairs, pairs_bytes());
	if (counts)
		munmap(counts, counts_bytes());
	free(rows);
	ring_buffer__free(ring);
	kdbus_top__destroy(skel);
	if (inner >= 0)
		close(inner);
	pairs = NULL;
	counts = NULL;
	rows = NULL;
	ring = NULL;
	skel = NULL;
	inner = -1;
}

int source_fd(void)
{
	return ring_buffer__epoll_fd(ring);
}

__u64 source_lost(void)
{
	__u64 n = attach_missed(skel->obj);
	int i;

	for (i = 0; i < TOP_LOST_KINDS; i++)
		n += skel->bss->lost[i];
	return n;
}

/* Has the programs fill the other generation; returns where this one begins. */
static int turn(__u32 *from)
{
	__u32 zero = 0;

	*from = skel->bss->tables.base;
	skel->bss->pairs_used = 0;
	skel->bss->counts_used = 0;
	__atomic_store_n(&skel->bss->tables.base, *from ? 0 : n_pairs,
			 __ATOMIC_SEQ_CST);
	/* comes back when no program runs that saw the old base */
	return bpf_map_update_elem(bpf_map__fd(skel->maps.grace), &zero, &inner,
				   0);
}

static int take_pairs(struct model *m, __u32 from)
{
	struct top_pair *p;
	unsigned int i;
	int ret;

	for (i = 0; i < n_pairs; i++) {
		p = &pairs[from + i];
		if (!p->tag)
			continue;
		ret = model_took_pair(m, p, &rows[i]);
		if (ret < 0)
			return ret;
		memset(p, 0, sizeof(*p));
	}
	return 0;
}

static int take_counts(__u32 from)
{
	unsigned int n = n_pairs << TOP_COUNTS_SHIFT, i, pair;
	__u64 *words = &counts[(size_t)from << TOP_COUNTS_SHIFT];
	int ret;

	for (i = 0; i < n; i++) {
		if (!words[i])
			continue;
		pair = (words[i] >> 32 & ~(1U << 31)) >> TOP_ID_BITS;
		ret = model_took_count(rows[pair - from],
				       words[i] >> 32 &
				       ((1U << TOP_ID_BITS) - 1),
				       (__u32)words[i]);
		if (ret < 0)
			return ret;
		words[i] = 0;
	}
	return 0;
}

int source_drain(struct model *m)
{
	__u32 from;
	int ret;

	ret = turn(&from);
	if (ret < 0)
		return -errno;
	/* first, so that rows know who they are */
	ring_model = m;
	ret = ring_buffer__consume(ring);
	if (ret >= 0)
		ret = take_pairs(m, from);
	if (ret >= 0)
		ret = take_counts(from);
	return ret;
}
