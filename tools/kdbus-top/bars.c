// SPDX-License-Identifier: GPL-2.0
/* Histograms as bars, and tables of counts in words. */
#include <string.h>

#include "top.h"

static void range_of(const struct hist *h, unsigned int *first,
		     unsigned int *last)
{
	if (!h->n)
		return;
	if (*first > h->buckets[0].bucket)
		*first = h->buckets[0].bucket;
	if (*last < h->buckets[h->n - 1].bucket)
		*last = h->buckets[h->n - 1].bucket;
}

static void fill(struct bars *b, const struct hist *h, enum top_part part,
		 unsigned int first, unsigned int step)
{
	unsigned int i, line;

	for (i = 0; i < h->n; i++) {
		line = (h->buckets[i].bucket - first) / step;
		b->lines[line].count[part] += h->buckets[i].count;
		if (b->most[part] < b->lines[line].count[part])
			b->most[part] = b->lines[line].count[part];
	}
}

void bars_make(struct bars *b, const struct row *r, unsigned int lines)
{
	unsigned int first = ~0U, last = 0, step = 1, i, upto;
	int p;

	memset(b, 0, sizeof(*b));
	for (p = 0; p < TOP_PARTS; p++) {
		range_of(&r->in.latency[p], &first, &last);
		range_of(&r->out.latency[p], &first, &last);
	}
	if (first > last || !lines)
		return;
	/* whole powers of two if they have to be merged */
	while ((last - first) / step + 1 > lines && step < TOP_BUCKETS)
		step = step == 1 ? TOP_SUB : step + TOP_SUB;
	if (step > 1 && first)
		first = 1 + (first - 1) / TOP_SUB * TOP_SUB;
	b->n = (last - first) / step + 1;
	for (i = 0; i < b->n; i++) {
		upto = first + (i + 1) * step - 1;
		b->lines[i].from = first + i * step ?
				   hist_bound(first + i * step - 1) : 0;
		b->lines[i].upto = hist_bound(upto);
	}
	for (p = 0; p < TOP_PARTS; p++) {
		fill(b, &r->in.latency[p], p, first, step);
		fill(b, &r->out.latency[p], p, first, step);
	}
}

const char * const outcome_texts[N_OUTCOMES] = {
	[OUTCOME_CALLS] = "calls", [OUTCOME_DROPS] = "dropped",
	[OUTCOME_ERRORS] = "errors", [OUTCOME_LIMITS] = "limits",
};

/* "answered 5, timeout 1": what is not 0 of a table; "none". */
static void numbers_text(const char * const *texts, const __u64 *numbers,
			 unsigned int n, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	snprintf(buf, size, "none");
	for (i = 0; i < n; i++)
		if (numbers[i] && texts[i] && len < size)
			len += snprintf(buf + len, size - len, "%s%s %llu",
					len ? ", " : "", texts[i], numbers[i]);
}

const char *error_name(unsigned int err)
{
	static char number[24];
	const char *name = strerrorname_np(err);

	if (name)
		return name;
	snprintf(number, sizeof(number), "error %u", err);
	return number;
}

static void errors_text(const struct row *r, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	snprintf(buf, size, "none");
	for (i = 0; i < r->errors.n && len < size; i++)
		len += snprintf(buf + len, size - len, "%s%s %llu",
				len ? ", " : "",
				error_name(r->errors.buckets[i].bucket),
				r->errors.buckets[i].count);
}

void outcome_text(const struct row *r, enum outcome what, char *buf, size_t size)
{
	__u64 ends[N_ENDS], bounds[N_BOUNDS];
	int i;

	switch (what) {
	case OUTCOME_CALLS:
		for (i = 0; i < N_ENDS; i++)
			ends[i] = r->in.ends[i] + r->out.ends[i];
		numbers_text(end_texts, ends, N_ENDS, buf, size);
		break;
	case OUTCOME_DROPS:
		numbers_text(drop_texts, r->in.drops, N_DROPS, buf, size);
		break;
	case OUTCOME_ERRORS:
		errors_text(r, buf, size);
		break;
	case OUTCOME_LIMITS:
		for (i = 0; i < N_BOUNDS; i++)
			bounds[i] = r->in.bounds[i] + r->out.bounds[i];
		numbers_text(bound_texts, bounds, N_BOUNDS, buf, size);
		break;
	default:
		snprintf(buf, size, "none");
	}
}

void part_text(const struct row *r, enum top_part part, char *buf,
	       size_t size)
{
	const struct hist *a = &r->in.latency[part];
	const struct hist *b = &r->out.latency[part];
	char p50[16], p90[16], p99[16], max[16];

	format_time(hist_percentile(a, b, 0.50), p50, sizeof(p50));
	format_time(hist_percentile(a, b, 0.90), p90, sizeof(p90));
	format_time(hist_percentile(a, b, 0.99), p99, sizeof(p99));
	format_time(a->max > b->max ? a->max : b->max, max, sizeof(max));
	snprintf(buf, size, "p50 %-6s p90 %-6s p99 %-6s max %s", p50, p90, p99,
		 max);
}
