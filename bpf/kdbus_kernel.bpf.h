/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF programs need of the kernel: the integer types, the numbers of
 * the BPF system call, and the fields of a task that a record shows.
 *
 * This takes the place of a vmlinux.h, so that the tools build without a kernel
 * at hand. The numbers are the kernel's ABI. A struct lists only the fields that
 * are read; libbpf finds where they lie in the running kernel (CO-RE).
 */
#ifndef KDBUS_KERNEL_BPF_H
#define KDBUS_KERNEL_BPF_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;

typedef __s32 s32;
typedef __s64 s64;
typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;

/* named by <bpf/bpf_helper_defs.h> */
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef _Bool bool;
#define true 1
#define false 0

/* linux/bpf.h: enum bpf_map_type */
#define BPF_MAP_TYPE_HASH		1
#define BPF_MAP_TYPE_ARRAY		2
#define BPF_MAP_TYPE_ARRAY_OF_MAPS	12
#define BPF_MAP_TYPE_RINGBUF		27

/* linux/bpf.h: flags of BPF_MAP_CREATE */
#define BPF_F_NO_PREALLOC	(1U << 0)
#define BPF_F_MMAPABLE		(1U << 10)

/* linux/bpf.h: flags of bpf_map_update_elem() */
#define BPF_ANY			0
#define BPF_NOEXIST		1

/* linux/bpf.h: flags of bpf_ringbuf_submit() and bpf_ringbuf_query() */
#define BPF_RB_NO_WAKEUP	(1ULL << 0)
#define BPF_RB_FORCE_WAKEUP	(1ULL << 1)
#define BPF_RB_AVAIL_DATA	0

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct task_struct {
	int pid;
	int tgid;
	const struct cred *cred;
	char comm[16];
};

#pragma clang attribute pop

#endif /* KDBUS_KERNEL_BPF_H */
