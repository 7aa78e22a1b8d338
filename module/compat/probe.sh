#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Finds out what the kernel the module is built for offers, by compiling a few
# lines against its headers, and writes one HAVE_* line per answer. A kernel
# that lacks what the module cannot do without is refused with one sentence.
#
# Series carry back-ports, so the version number says little; the compiler
# says the truth. Usage: CC=... [ARCH=...] probe.sh OUTPUT CFLAGS...
set -eu

out=$1
shift
here=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

refuse() {
	echo "kdbus: the module cannot be built for this kernel: $1" >&2
	exit 1
}

# ---- what it is ------------------------------------------------------------

# preprocesses FLAGS...: whether standard input does
preprocesses() {
	cat > "$tmp/probe.c"
	$CC "$@" -DMODULE -DKBUILD_MODNAME='"probe"' -E -o /dev/null \
		"$tmp/probe.c" > "$tmp/log" 2>&1
}

arch=${ARCH:+" ($ARCH)"}
preprocesses "$@" <<X || refuse "it is a 32-bit one$arch, and kdbus is for 64-bit kernels"
#if __SIZEOF_POINTER__ != 8
#error
#endif
X
preprocesses "$@" <<X || refuse "it is a big-endian one$arch, and kdbus is for little-endian kernels"
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error
#endif
X

# config SYMBOL WHAT-FOR
config() {
	symbol=$1 what=$2
	shift 2
	preprocesses "$@" <<X || refuse "it is configured without $symbol, which $what"
#ifndef $symbol
#error
#endif
X
}

config CONFIG_MODULES "loads modules" "$@"
config CONFIG_TRACEPOINTS "kdbus-top and all other tools look through" "$@"
config CONFIG_DEBUG_INFO_BTF "the tools' BPF programs need" "$@"
config CONFIG_DEBUG_INFO_BTF_MODULES "the tools' BPF programs need" "$@"
config CONFIG_MEMCG "charges a pool to its owner" "$@"
config CONFIG_SHMEM "pools and memfds are made of" "$@"
config CONFIG_DEVTMPFS "shows buses with their mode and owner" "$@"
config CONFIG_PROC_FS "says which processes a receiver may see" "$@"

# ---- what it offers --------------------------------------------------------

# compiles FLAGS...: whether standard input does
compiles() {
	cat > "$tmp/probe.c"
	$CC "$@" -DMODULE -DKBUILD_MODNAME='"probe"' -Werror -Wno-unused -Wno-unused-result \
		-fsyntax-only "$tmp/probe.c" > "$tmp/log" 2>&1
}

# answer SYMBOL yes|no
answer() {
	symbol=$1 found=$2
	if [ "$found" = yes ]; then
		echo "#define $symbol 1"
	else
		echo "/* $symbol: not here */"
	fi >> "$tmp/config.h"
}

# probe SYMBOL FLAGS...: standard input compiles -> #define SYMBOL 1
probe() {
	symbol=$1
	shift
	if compiles "$@"; then
		answer "$symbol" yes
	else
		answer "$symbol" no
	fi
}

unknown() { refuse "it has no $1 in a form that is known"; }

# or_else WHAT FLAGS...: standard input is what a kernel has that lacks what was
# probed last; one that has neither is refused
or_else() {
	what=$1
	shift
	[ "$found" = yes ] || compiles "$@" || unknown "$what"
}

echo "/* SPDX-License-Identifier: GPL-2.0 */" > "$tmp/config.h"
echo "/* Written by probe.sh. */" >> "$tmp/config.h"

compiles "$@" <<X || refuse "not even a file that includes linux/module.h compiles: $(grep -m1 error "$tmp/log")"
#include <linux/module.h>
X

# ---- what decides about what may be shown or done --------------------------

# security labels: by secid up to 6.12, by struct lsm_prop since
probe HAVE_SECID_TO_SECCTX "$@" <<X
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

if [ "$found" = no ]; then
	# security_lsmprop_to_secctx() takes the id of a security module
	probe HAVE_LSMPROP_TO_SECCTX_ID "$@" <<X
#include <linux/security.h>
int f(struct lsm_context *label);
int f(struct lsm_context *label)
{
	struct lsm_prop prop;

	security_current_getlsmprop_subj(&prop);
	security_release_secctx(label);
	return lsmprop_is_set(&prop) && label->context &&
	       security_lsmprop_to_secctx(&prop, label, LSM_ID_UNDEF) +
	       label->len;
}
X
	or_else "security label of the current process" "$@" <<X
#include <linux/security.h>
int f(struct lsm_context *label);
int f(struct lsm_context *label)
{
	struct lsm_prop prop;

	security_current_getlsmprop_subj(&prop);
	security_release_secctx(label);
	return lsmprop_is_set(&prop) && label->context &&
	       security_lsmprop_to_secctx(&prop, label) + label->len;
}
X
fi

# whether a process may be looked at is told by its task, not by its memory
probe HAVE_TASK_EXEC_STATE "$@" <<X
#include <linux/sched.h>
#include <linux/sched/exec_state.h>
struct user_namespace *f(void);
struct user_namespace *f(void)
{
	const struct task_exec_state *state =
		rcu_dereference(current->exec_state);

	return state->dumpable != TASK_DUMPABLE_OWNER ? state->user_ns : NULL;
}
X
or_else "way to ask whether a process is dumpable" "$@" <<X
#include <linux/mm_types.h>
#include <linux/sched/coredump.h>
struct user_namespace *f(struct mm_struct *mm);
struct user_namespace *f(struct mm_struct *mm)
{ return get_dumpable(mm) != SUID_DUMP_USER ? mm->user_ns : NULL; }
X

# a set of capabilities is one u64
probe HAVE_CAP_U64 "$@" <<X
#include <linux/capability.h>
u64 f(kernel_cap_t c);
u64 f(kernel_cap_t c) { return c.val; }
X
or_else "set of capabilities" "$@" <<X
#include <linux/capability.h>
#include <linux/build_bug.h>
static_assert(sizeof(kernel_cap_t) == sizeof(u64));
u64 f(kernel_cap_t c);
u64 f(kernel_cap_t c) { return c.cap[0] | (u64)c.cap[1] << 32; }
X

compiles "$@" <<X || unknown "way to ask what a /proc hides"
#include <linux/fs.h>
#include <linux/proc_fs.h>
bool f(struct super_block *sb, struct pid_namespace *ns);
bool f(struct super_block *sb, struct pid_namespace *ns)
{
	const struct proc_fs_info *proc = proc_sb_info(sb);

	return proc->pid_ns == ns && gid_valid(proc->pid_gid) &&
	       proc->hide_pid != HIDEPID_OFF &&
	       proc->hide_pid != HIDEPID_NOT_PTRACEABLE;
}
X

# the references to a file decide whether it may be sealed
compiles "$@" <<X || unknown "file_count()"
#include <linux/fs.h>
long f(struct file *file);
long f(struct file *file) { return file_count(file); }
X

# ---- the rest --------------------------------------------------------------

# vma flags are const and changed through helpers
probe HAVE_VM_FLAGS_CLEAR "$@" <<X
#include <linux/mm.h>
void f(struct vm_area_struct *vma);
void f(struct vm_area_struct *vma) { vm_flags_clear(vma, VM_MAYWRITE); }
X
or_else "vm_flags_clear()" "$@" <<X
#include <linux/mm.h>
void f(struct vm_area_struct *vma);
void f(struct vm_area_struct *vma) { vma->vm_flags &= ~VM_MAYWRITE; }
X

# the devnode callback of struct device_type takes a const device
probe HAVE_CONST_DEVNODE "$@" <<X
#include <linux/device.h>
static char *n(const struct device *d, umode_t *m, kuid_t *u, kgid_t *g)
{ return NULL; }
struct device_type t = { .devnode = n };
X
or_else "struct device_type::devnode" "$@" <<X
#include <linux/device.h>
static char *n(struct device *d, umode_t *m, kuid_t *u, kgid_t *g)
{ return NULL; }
struct device_type t = { .devnode = n };
X

# __assign_str() takes the destination alone. What it stands for compiles in an
# event alone, so the preprocessor is asked.
if preprocesses "$@" <<X
#include <trace/stages/stage6_event_callback.h>
__assign_str(dst)
X
then
	answer HAVE_ASSIGN_STR_1 yes
else
	answer HAVE_ASSIGN_STR_1 no
	preprocesses "$@" <<X || unknown "__assign_str()"
#include <trace/stages/stage6_event_callback.h>
__assign_str(dst, src)
X
fi

# hrtimer_setup() takes the function
probe HAVE_HRTIMER_SETUP "$@" <<X
#include <linux/hrtimer.h>
enum hrtimer_restart fn(struct hrtimer *t);
void f(struct hrtimer *t);
void f(struct hrtimer *t)
{ hrtimer_setup(t, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS); }
X
or_else "hrtimer_setup()" "$@" <<X
#include <linux/hrtimer.h>
enum hrtimer_restart fn(struct hrtimer *t);
void f(struct hrtimer *t);
void f(struct hrtimer *t)
{
	hrtimer_init(t, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	t->function = fn;
}
X

# a file's mmap is called through vfs_mmap()
probe HAVE_VFS_MMAP "$@" <<X
#include <linux/fs.h>
int f(struct file *file, struct vm_area_struct *vma);
int f(struct file *file, struct vm_area_struct *vma)
{ return vfs_mmap(file, vma); }
X
or_else "vfs_mmap()" "$@" <<X
#include <linux/fs.h>
int f(struct file *file, struct vm_area_struct *vma);
int f(struct file *file, struct vm_area_struct *vma)
{ return call_mmap(file, vma); }
X

# receive_fd(), which asks the security module, can write the number to user memory
probe HAVE_RECEIVE_FD_UFD "$@" <<X
#include <linux/file.h>
int f(struct file *file);
int f(struct file *file) { return receive_fd(file, NULL, 0); }
X
or_else "receive_fd()" "$@" <<X
#include <linux/file.h>
int f(struct file *file);
int f(struct file *file) { return receive_fd(file, 0); }
X

# shmem_file_setup() takes vma_flags_t
probe HAVE_SHMEM_VMA_FLAGS "$@" <<X
#include <linux/shmem_fs.h>
struct file *f(void);
struct file *f(void) { return shmem_file_setup("x", 1, (vma_flags_t){}); }
X
or_else "shmem_file_setup()" "$@" <<X
#include <linux/shmem_fs.h>
struct file *f(void);
struct file *f(void) { return shmem_file_setup("x", 1, 0UL); }
X

# struct folio_batch has a header of its own
probe HAVE_FOLIO_BATCH_H "$@" <<X
#include <linux/folio_batch.h>
void f(struct folio_batch *batch);
void f(struct folio_batch *batch) { folio_batch_init(batch); }
X
or_else "struct folio_batch" "$@" <<X
#include <linux/pagevec.h>
void f(struct folio_batch *batch);
void f(struct folio_batch *batch) { folio_batch_init(batch); }
X

# mounts have an idmap instead of a user namespace
probe HAVE_MNT_IDMAP "$@" <<X
#include <linux/fs.h>
int f(struct dentry *dentry, struct iattr *attr);
int f(struct dentry *dentry, struct iattr *attr)
{ return notify_change(&nop_mnt_idmap, dentry, attr, NULL); }
X
or_else "notify_change()" "$@" <<X
#include <linux/fs.h>
#include <linux/user_namespace.h>
int f(struct dentry *dentry, struct iattr *attr);
int f(struct dentry *dentry, struct iattr *attr)
{ return notify_change(&init_user_ns, dentry, attr, NULL); }
X

# get_file_rcu() takes where the pointer is
probe HAVE_GET_FILE_RCU_SLOT "$@" <<X
#include <linux/fs.h>
struct file *f(struct file __rcu **slot);
struct file *f(struct file __rcu **slot) { return get_file_rcu(slot); }
X
or_else "get_file_rcu()" "$@" <<X
#include <linux/fs.h>
bool f(struct file *file);
bool f(struct file *file) { return get_file_rcu(file); }
X

cmp -s "$tmp/config.h" "$out" 2>/dev/null || cp "$tmp/config.h" "$out"

# ---- what has one form only ------------------------------------------------

if ! $CC "$@" -DMODULE -DKBUILD_MODNAME='"probe"' -Werror -Wno-unused -Wno-unused-result \
	-I"$(dirname "$out")" -fsyntax-only "$here/needed.c" > "$tmp/log" 2>&1
then
	rm -f "$out"
	line=$(sed -n 's/.*needed\.c:\([0-9]*\):[0-9]*: .*/\1/p' "$tmp/log" |
	       head -n 1)
	[ -n "$line" ] || refuse "$(grep -m1 error "$tmp/log")"
	sed -n "${line}p" "$here/needed.c" > "$tmp/line"
	name=$(sed -n 's/^#include <\(.*\)>.*/\1/p' "$tmp/line")
	[ -z "$name" ] || refuse "it has no $name"
	unknown "$(grep -o '[a-z_0-9]*(' "$tmp/line" | head -n 1))"
fi
