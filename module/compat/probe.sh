#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Finds out what the kernel we are built for offers, by compiling a few lines
# against its headers, and writes one HAVE_* line per answer.
#
# Series carry back-ports, so the version number says little; the compiler
# says the truth. Usage: CC=... probe.sh OUTPUT CFLAGS...
set -eu

out=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# probe SYMBOL: standard input compiles -> #define SYMBOL 1
probe() {
	cat > "$tmp/probe.c"
	if $CC "$@" -DMODULE -DKBUILD_MODNAME='"probe"' -Werror \
	     -Wno-unused -fsyntax-only "$tmp/probe.c" > "$tmp/log" 2>&1; then
		echo "#define $symbol 1" >> "$tmp/config.h"
	else
		echo "/* $symbol: not here */" >> "$tmp/config.h"
	fi
}

echo "/* SPDX-License-Identifier: GPL-2.0 */" > "$tmp/config.h"
echo "/* Written by probe.sh. */" >> "$tmp/config.h"

# A kernel that cannot compile an empty file has another problem.
echo "#include <linux/module.h>" > "$tmp/probe.c"
$CC "$@" -DMODULE -DKBUILD_MODNAME='"probe"' -fsyntax-only "$tmp/probe.c"

# vma flags are const and changed through helpers
symbol=HAVE_VM_FLAGS_CLEAR probe "$@" <<X
#include <linux/mm.h>
void f(struct vm_area_struct *vma);
void f(struct vm_area_struct *vma) { vm_flags_clear(vma, VM_MAYWRITE); }
X

# struct bus_type and the devnode callback of struct device_type are const
symbol=HAVE_CONST_DEVNODE probe "$@" <<X
#include <linux/device.h>
static char *n(const struct device *d, umode_t *m, kuid_t *u, kgid_t *g)
{ return NULL; }
struct device_type t = { .devnode = n };
X

# __assign_str() takes the destination alone
symbol=HAVE_ASSIGN_STR_1 probe "$@" <<X
#include <linux/tracepoint.h>
#include <linux/trace_events.h>
#define __get_str(x) x
#include <trace/stages/stage6_event_callback.h>
void f(char *dst);
void f(char *dst) { __assign_str(dst); }
X

# hrtimer_setup() takes the function
symbol=HAVE_HRTIMER_SETUP probe "$@" <<X
#include <linux/hrtimer.h>
enum hrtimer_restart fn(struct hrtimer *t);
void f(struct hrtimer *t);
void f(struct hrtimer *t)
{ hrtimer_setup(t, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS); }
X

# a file's mmap is called through vfs_mmap()
symbol=HAVE_VFS_MMAP probe "$@" <<X
#include <linux/fs.h>
int f(struct file *file, struct vm_area_struct *vma);
int f(struct file *file, struct vm_area_struct *vma)
{ return vfs_mmap(file, vma); }
X

# shmem_file_setup() takes vma_flags_t
symbol=HAVE_SHMEM_VMA_FLAGS probe "$@" <<X
#include <linux/shmem_fs.h>
struct file *f(void);
struct file *f(void) { return shmem_file_setup("x", 1, (vma_flags_t){}); }
X

# mounts have an idmap instead of a user namespace
symbol=HAVE_MNT_IDMAP probe "$@" <<X
#include <linux/fs.h>
int f(struct dentry *dentry, struct iattr *attr);
int f(struct dentry *dentry, struct iattr *attr)
{ return notify_change(&nop_mnt_idmap, dentry, attr, NULL); }
X

# no_llseek went away
symbol=HAVE_NO_LLSEEK probe "$@" <<X
#include <linux/fs.h>
loff_t (*p)(struct file *, loff_t, int) = no_llseek;
X

# get_file_rcu() takes where the pointer is
symbol=HAVE_GET_FILE_RCU_SLOT probe "$@" <<X
#include <linux/fs.h>
struct file *f(struct file __rcu **slot);
struct file *f(struct file __rcu **slot) { return get_file_rcu(slot); }
X

# a set of capabilities is one u64
symbol=HAVE_CAP_U64 probe "$@" <<X
#include <linux/capability.h>
u64 f(kernel_cap_t c);
u64 f(kernel_cap_t c) { return c.val; }
X

# security labels are found by secid
symbol=HAVE_SECID_TO_SECCTX probe "$@" <<X
#include <linux/security.h>
int f(char **label, u32 *len);
int f(char **label, u32 *len)
{
	u32 secid;

	security_current_getsecid_subj(&secid);
	security_release_secctx("", 0);
	return security_secid_to_secctx(secid, label, len);
}
X

# security labels are found by struct lsm_prop, as struct lsm_context
symbol=HAVE_LSM_CONTEXT probe "$@" <<X
#include <linux/security.h>
int f(struct lsm_context *label);
int f(struct lsm_context *label)
{
	struct lsm_prop prop;

	security_current_getlsmprop_subj(&prop);
	security_release_secctx(label);
	return lsmprop_is_set(&prop) &&
	       security_lsmprop_to_secctx(&prop, label) + label->len;
}
X

cmp -s "$tmp/config.h" "$out" 2>/dev/null || cp "$tmp/config.h" "$out"
