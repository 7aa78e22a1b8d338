// SPDX-License-Identifier: GPL-2.0
/* Loading, attaching and reading the BPF programs. Nothing is pinned. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kdbus_top.skel.h"
#include "top.h"

static struct kdbus_top *skel;

static struct bpf_object *top_open(void)
{
	skel = kdbus_top__open();
	return skel ? skel->obj : NULL;
}

static int top_load(void)
{
	return kdbus_top__load(skel);
}

static int top_attach(void)
{
	return kdbus_top__attach(skel);
}

int source_open(void)
{
	static const struct attach_ops ops = {
		.open = top_open,
		.load = top_load,
		.attach = top_attach,
		.destroy = source_close,
	};

	return env_check("kdbus-top") ?: attach_any("kdbus-top", &ops);
}

void source_close(void)
{
	kdbus_top__destroy(skel);
	skel = NULL;
}

int source_read(struct model *m)
{
	int fd = bpf_map__fd(skel->maps.conns);
	struct top_key key, next, *prev = NULL;
	size_t i;

	while (!bpf_map_get_next_key(fd, prev, &next)) {
		struct row *r = model_row(m, next.bus, next.conn);

		if (!r)
			return -ENOMEM;
		bpf_map_lookup_elem(fd, &next, &r->now);
		key = next;
		prev = &key;
	}
	/* afterwards, since deleting a key would start the walk anew */
	for (i = 0; i < m->n_rows; i++)
		if (m->rows[i].now.gone)
			bpf_map_delete_elem(fd, &m->rows[i].key);
	m->lost = skel->bss->lost + attach_missed(skel->obj);
	return 0;
}
