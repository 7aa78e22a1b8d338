// SPDX-License-Identifier: GPL-2.0
/* Loading BPF programs in a kind the kernel takes. Nothing is pinned. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common.h"
#include "kdbus_enums.h"

static const char * const kinds[] = { "btf", "raw", "tp" };
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

static int refuse(const char *tool, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int refuse(const char *tool, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", tool);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_ENV;
}

/* The version the module speaks, or 0 if it cannot be told. */
static int module_schema(void)
{
	struct listing *l = listing_open("schema");
	int version = 0;

	if (l && listing_next(l))
		version = listing_num(l, "version");
	listing_close(l);
	return version;
}

int env_check(const char *tool)
{
	int version;

	if (geteuid() != 0)
		return refuse(tool, "only root may load BPF programs; run it with sudo");
	if (access("/sys/module/kdbus", F_OK))
		return refuse(tool, "the kdbus module is not loaded; run 'modprobe kdbus' or 'make load'");
	version = module_schema();
	if (version && version != KDBUS_TRACE_SCHEMA_VERSION)
		return refuse(tool, "the module has trace events of schema %d and this is built for %d; install both from one source",
			      version, KDBUS_TRACE_SCHEMA_VERSION);
	return 0;
}

static int no_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* The kind a program is of, or NULL if it is of none. */
static const char *program_kind(const struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog);
	size_t i, len;

	for (i = 0; i < N_KINDS; i++) {
		len = strlen(kinds[i]);
		if (!strncmp(name, kinds[i], len) && name[len] == '_')
			return kinds[i];
	}
	return NULL;
}

static int try_kind(const struct attach_ops *ops, const char *kind)
{
	struct bpf_object *obj = ops->open();
	struct bpf_program *prog;
	int ret;

	if (!obj)
		return -errno;
	bpf_object__for_each_program(prog, obj) {
		const char *its = program_kind(prog);

		if (its && strcmp(its, kind))
			bpf_program__set_autoload(prog, false);
	}
	ret = ops->load();
	if (!ret)
		ret = ops->attach();
	if (ret)
		ops->destroy();
	return ret;
}

int attach_any(const char *tool, const struct attach_ops *ops)
{
	const char *only = getenv("KDBUS_BPF");
	int ret = 0;
	size_t i;

	if (!getenv("KDBUS_DEBUG"))
		libbpf_set_print(no_log);
	for (i = 0; i < N_KINDS; i++) {
		if (only && strcmp(only, kinds[i]))
			continue;
		ret = try_kind(ops, kinds[i]);
		if (!ret)
			return 0;
	}
	if (!ret) {
		refuse(tool, "KDBUS_BPF is '%s'; it can be btf, raw or tp", only);
		return EXIT_USAGE;
	}
	return refuse(tool, "the kernel refuses the BPF programs (%s); set KDBUS_DEBUG=1 to see why",
		      strerror(-ret));
}

__u64 attach_missed(struct bpf_object *obj)
{
	struct bpf_program *prog;
	__u64 n = 0;

	bpf_object__for_each_program(prog, obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			n += info.recursion_misses;
	}
	return n;
}
