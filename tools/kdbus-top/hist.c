// SPDX-License-Identifier: GPL-2.0
/* Histograms: sorted lists of the buckets that are not empty. */
#include <stdlib.h>
#include <string.h>

#include "top.h"

bool hist_add(struct hist *h, unsigned int bucket, __u64 count)
{
	unsigned int i = h->n;
	void *more;

	h->count += count;
	while (i && h->buckets[i - 1].bucket >= bucket)
		i--;
	if (i < h->n && h->buckets[i].bucket == bucket) {
		h->buckets[i].count += count;
		return true;
	}
	if (h->n == h->room) {
		more = realloc(h->buckets,
			       (h->room + 8) * sizeof(*h->buckets));
		if (!more)
			return false;
		h->buckets = more;
		h->room += 8;
	}
	memmove(&h->buckets[i + 1], &h->buckets[i],
		(h->n - i) * sizeof(*h->buckets));
	h->n++;
	h->buckets[i].bucket = bucket;
	h->buckets[i].count = count;
	return true;
}

void hist_free(struct hist *h)
{
	free(h->buckets);
	memset(h, 0, sizeof(*h));
}

__u64 hist_bound(unsigned int bucket)
{
	if (!bucket)
		return 1ULL << TOP_FIRST_EXP;
	if (bucket >= TOP_BUCKETS - 1)
		return ~0ULL;
	bucket--;
	return (__u64)(TOP_SUB + bucket % TOP_SUB + 1)
	       << (bucket / TOP_SUB + TOP_FIRST_EXP - TOP_SUB_BITS);
}

__u64 hist_percentile(const struct hist *a, const struct hist *b, double p)
{
	static const struct hist none;
	__u64 seen = 0, max, all, bound;
	unsigned int i = 0, j = 0, bucket = 0;

	b = b ?: &none;
	all = a->count + b->count;
	max = a->max > b->max ? a->max : b->max;
	while (i < a->n || j < b->n) {
		bool from_a = j == b->n || (i < a->n &&
			a->buckets[i].bucket <= b->buckets[j].bucket);

		bucket = from_a ? a->buckets[i].bucket : b->buckets[j].bucket;
		seen += from_a ? a->buckets[i++].count : b->buckets[j++].count;
		if (seen >= p * all)
			break;
	}
	bound = hist_bound(bucket);
	return !all ? 0 : bound < max ? bound : max;
}

__u64 hist_upto(const struct hist *h, __u64 bound)
{
	__u64 n = 0;
	unsigned int i;

	for (i = 0; i < h->n && hist_bound(h->buckets[i].bucket) <= bound; i++)
		n += h->buckets[i].count;
	return n;
}
