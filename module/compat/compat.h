/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows that kernels differ.
 *
 * Everything else in module/ is written as if for the newest kernel; what an
 * older one lacks is given here under its mainline name, or under a kdbus_
 * name where mainline changed a signature. HAVE_* come from probe.sh.
 */
#ifndef KDBUS_COMPAT_H
#define KDBUS_COMPAT_H

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>

#include "kdbus_compat_config.h"

#ifdef HAVE_FOLIO_BATCH_H
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

/*
 * For large automatic variables that are written before they are read:
 * kernels that clear all of them (CONFIG_INIT_STACK_ALL_ZERO) leave these be.
 */
#ifndef __uninitialized
#if defined(__has_attribute) && !defined(__CHECKER__)
#if __has_attribute(uninitialized)
#define __uninitialized __attribute__((uninitialized))
#endif
#endif
#endif
#ifndef __uninitialized
#define __uninitialized
#endif

#ifndef HAVE_VM_FLAGS_CLEAR
static inline void vm_flags_clear(struct vm_area_struct *vma,
				  vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#ifdef HAVE_CONST_DEVNODE
#define KDBUS_DEVNODE_CONST const
#else
#define KDBUS_DEVNODE_CONST
#endif

#ifdef HAVE_ASSIGN_STR_1
#define kdbus_assign_str(dst, src) __assign_str(dst)
#else
#define kdbus_assign_str(dst, src) __assign_str(dst, src)
#endif

#ifndef HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

#ifndef HAVE_VFS_MMAP
static inline int vfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	return call_mmap(file, vma);
}
#endif

/*
 * Installs a file if the security module lets the caller have it, with a reference
 * of its own. Returns the number, or a negative errno.
 */
static inline int kdbus_receive_fd(struct file *file, unsigned int flags)
{
#ifdef HAVE_RECEIVE_FD_UFD
	return receive_fd(file, NULL, flags);
#else
	return receive_fd(file, flags);
#endif
}

#ifdef HAVE_SHMEM_VMA_FLAGS
#define KDBUS_SHMEM_ACCOUNT ((vma_flags_t){})
#else
#define KDBUS_SHMEM_ACCOUNT 0
#endif

/*
 * shmem_file_setup() for memory that is charged to whoever touches it first.
 * It says ENOSPC where it has no memory for the inode; there is no other room
 * here to run out of. Without the executable bits that shmem gives to all of
 * its files: vm.memfd_noexec, which takes them away, is about memfd_create().
 */
static inline struct file *kdbus_shmem_file(const char *name, u64 size)
{
	struct file *file = shmem_file_setup(name, size, KDBUS_SHMEM_ACCOUNT);

	if (!IS_ERR(file))
		file_inode(file)->i_mode &= ~(umode_t)0111;
	return file == ERR_PTR(-ENOSPC) ? ERR_PTR(-ENOMEM) : file;
}

#ifdef HAVE_MNT_IDMAP
#define KDBUS_NOP_IDMAP (&nop_mnt_idmap)
#else
#define KDBUS_NOP_IDMAP (&init_user_ns)
#endif

/* on a file system without leases and mapped ids */
static inline int kdbus_notify_change(struct dentry *dentry,
				      struct iattr *attr)
{
	return notify_change(KDBUS_NOP_IDMAP, dentry, attr, NULL);
}

#endif /* KDBUS_COMPAT_H */
