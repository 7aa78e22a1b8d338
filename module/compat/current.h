/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kernels differ in when a module asks about the current process. HAVE_*
 * come from probe.sh; a kernel that has no form of what is asked here has been
 * refused there.
 */
#ifndef KDBUS_COMPAT_CURRENT_H
#define KDBUS_COMPAT_CURRENT_H

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/user_namespace.h>

#include "compat.h"

#ifdef HAVE_TASK_EXEC_STATE
#include <linux/sched/exec_state.h>
#endif

/* get_mm_exe_file() is not for modules. A reference, or NULL. */
static inline struct file *kdbus_current_exe_file(void)
{
	struct mm_struct *mm = current->mm;
	struct file *file;

	if (!mm)
		return NULL;

	rcu_read_lock();
#ifdef HAVE_GET_FILE_RCU_SLOT
	file = get_file_rcu(&mm->exe_file);
#else
	file = rcu_dereference(mm->exe_file);
	if (file && !get_file_rcu(file))
		file = NULL;
#endif
	rcu_read_unlock();
	return file;
}

/* A set of capabilities as the u64 that newer kernels have. */
static inline u64 kdbus_cap_bits(kernel_cap_t caps)
{
#ifdef HAVE_CAP_U64
	return caps.val;
#else
	return caps.cap[0] | (u64)caps.cap[1] << 32;
#endif
}

static inline ssize_t kdbus_copy_label(char *buf, size_t room,
				       const char *label, size_t len)
{
	/* some modules count a NUL, some do not */
	len = strnlen(label, len);
	if (!len)
		return -ENOENT;
	if (len >= room)
		return -ENAMETOOLONG;
	memcpy(buf, label, len);
	buf[len] = '\0';
	return len + 1;
}

/* The security label. Bytes with the NUL, or a negative errno. */
#ifdef HAVE_SECID_TO_SECCTX
static inline ssize_t kdbus_current_label(char *buf, size_t room)
{
	u32 secid = 0, len;
	char *label;
	ssize_t ret;

	security_current_getsecid_subj(&secid);
	if (!secid)
		return -ENOENT;
	ret = security_secid_to_secctx(secid, &label, &len);
	if (ret)
		return ret;
	ret = kdbus_copy_label(buf, room, label, len);
	security_release_secctx(label, len);
	return ret;
}
#else
static inline int kdbus_lsmprop_to_secctx(struct lsm_prop *prop,
					  struct lsm_context *label)
{
#ifdef HAVE_LSMPROP_TO_SECCTX_ID
	/* of the first security module that has labels, as ever */
	return security_lsmprop_to_secctx(prop, label, LSM_ID_UNDEF);
#else
	return security_lsmprop_to_secctx(prop, label);
#endif
}

static inline ssize_t kdbus_current_label(char *buf, size_t room)
{
	struct lsm_context label;
	struct lsm_prop prop;
	ssize_t ret;

	security_current_getlsmprop_subj(&prop);
	if (!lsmprop_is_set(&prop))
		return -ENOENT;
	ret = kdbus_lsmprop_to_secctx(&prop, &label);
	if (ret < 0)
		return ret;
	ret = kdbus_copy_label(buf, room, label.context, label.len);
	security_release_secctx(&label);
	return ret;
}
#endif

/*
 * The user namespace in which it takes CAP_SYS_PTRACE to look at current
 * because it is not dumpable; a reference, or NULL if it is. A kernel thread,
 * which has no memory, is dumpable.
 */
static inline struct user_namespace *kdbus_current_undumpable_ns(void)
{
	struct user_namespace *ns = NULL;
#ifdef HAVE_TASK_EXEC_STATE
	const struct task_exec_state *state;

	if (!current->mm)
		return NULL;

	rcu_read_lock();
	state = rcu_dereference(current->exec_state);
	if (READ_ONCE(state->dumpable) != TASK_DUMPABLE_OWNER)
		ns = get_user_ns(state->user_ns);
	rcu_read_unlock();
#else
	struct mm_struct *mm = current->mm;

	if (mm && get_dumpable(mm) != SUID_DUMP_USER)
		ns = get_user_ns(mm->user_ns);
#endif
	return ns;
}

#ifdef CONFIG_CGROUPS
/*
 * The last part of a group's path, which never changes in the unified
 * hierarchy. The caller holds the RCU read lock, or something that holds the
 * group.
 */
static inline const char *kdbus_cgroup_name(const struct cgroup *cgroup)
{
	/* __rcu in kernels that rename other nodes under RCU */
	return (__force const char *)READ_ONCE(cgroup->kn->name);
}
#endif

#endif /* KDBUS_COMPAT_CURRENT_H */
