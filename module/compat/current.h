/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kernels differ in when a module asks about the current process. A
 * kernel with no way that modules may use gives nothing. HAVE_* come from
 * probe.sh.
 */
#ifndef KDBUS_COMPAT_CURRENT_H
#define KDBUS_COMPAT_CURRENT_H

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <linux/string.h>

#include "compat.h"

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
static inline ssize_t kdbus_current_label(char *buf, size_t room)
{
#if defined(HAVE_SECID_TO_SECCTX)
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
#elif defined(HAVE_LSM_CONTEXT)
	struct lsm_context label;
	struct lsm_prop prop;
	ssize_t ret;

	security_current_getlsmprop_subj(&prop);
	if (!lsmprop_is_set(&prop))
		return -ENOENT;
	ret = security_lsmprop_to_secctx(&prop, &label);
	if (ret < 0)
		return ret;
	ret = kdbus_copy_label(buf, room, label.context, label.len);
	security_release_secctx(&label);
	return ret;
#else
	return -EOPNOTSUPP;
#endif
}

#endif /* KDBUS_COMPAT_CURRENT_H */
