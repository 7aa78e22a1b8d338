// SPDX-License-Identifier: GPL-2.0
/* Loading, attaching and reading the BPF programs. Nothing is pinned. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kdbus_top.skel.h"
#include "top.h"

static struct kdbus_top *skel;

static int no_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* Loads the programs whose names begin with @prefix. */
static int try_load(const char *prefix)
{
	struct bpf_program *prog;
	int ret;

	skel = kdbus_top__open();
	if (!skel)
		return -errno;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog,
					  !strncmp(bpf_program__name(prog),
						   prefix, strlen(prefix)));
	ret = kdbus_top__load(skel);
	if (!ret)
		ret = kdbus_top__attach(skel);
	if (ret) {
		kdbus_top__destroy(skel);
		skel = NULL;
	}
	return ret;
}

int source_open(void)
{
	int ret;

	if (geteuid() != 0) {
		fprintf(stderr, "kdbus-top: only root may load BPF programs; run it with sudo\n");
		return EXIT_ENV;
	}
	if (access("/sys/module/kdbus", F_OK)) {
		fprintf(stderr, "kdbus-top: the kdbus module is not loaded; run 'modprobe kdbus' or 'make load'\n");
		return EXIT_ENV;
	}
	if (!getenv("KDBUS_TOP_DEBUG"))
		libbpf_set_print(no_log);

	/* with the module's BTF, else without any */
	ret = getenv("KDBUS_TOP_NO_BTF") ? -ENOENT : try_load("btf_");
	if (ret)
		ret = try_load("raw_");
	if (ret) {
		fprintf(stderr, "kdbus-top: the kernel refuses the BPF programs (%s); set KDBUS_TOP_DEBUG=1 to see why\n",
			strerror(-ret));
		return EXIT_ENV;
	}
	return 0;
}

void source_close(void)
{
	kdbus_top__destroy(skel);
	skel = NULL;
}

/* Events that programs could not handle because they were running already. */
static __u64 missed_runs(void)
{
	struct bpf_program *prog;
	__u64 n = 0;

	bpf_object__for_each_program(prog, skel->obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			n += info.recursion_misses;
	}
	return n;
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
	m->lost = skel->bss->lost + missed_runs();
	return 0;
}
