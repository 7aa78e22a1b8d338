// SPDX-License-Identifier: GPL-2.0
/*
 * Gathering metadata from current, and writing it as a receiver may see it.
 * Who owns what, who sees what: see metadata.h.
 *
 * Nothing here takes a lock that outlives a function or that others wait
 * for long on: in particular the control group's path is put together from
 * names under RCU, because cgroup_path_ns() takes the cgroup mutex, which is
 * the whole machine's.
 */
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/kernfs.h>
#include <linux/magic.h>
#include <linux/moduleparam.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/overflow.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "compat/current.h"
#include "item.h"
#include "metadata.h"

/* in struct kdbus_meta's have: @cred to @starttime, and what follows */
#define KDBUS_META_HAVE_BASE		BIT_ULL(62)
#define KDBUS_META_HAVE_EXTENDED	BIT_ULL(63)

static unsigned int kdbus_attach_flags_mask = _KDBUS_ATTACH_ALL;
module_param_named(attach_flags_mask, kdbus_attach_flags_mask, hexint, 0644);
MODULE_PARM_DESC(attach_flags_mask,
		 "Metadata that may be attached at all, a sum of KDBUS_ATTACH_* (default 0x7ff, all)");

/**
 * kdbus_meta_allowed() - which metadata the administrator lets through
 * @attach_flags: KDBUS_ATTACH_* that are wanted
 *
 * The mask may change at any time. The code that delivers metadata asks once and
 * uses the answer for gathering and writing, and for the items that are not of a
 * process.
 */
u64 kdbus_meta_allowed(u64 attach_flags)
{
	return attach_flags & READ_ONCE(kdbus_attach_flags_mask) &
	       _KDBUS_ATTACH_ALL;
}

/*
 * Strings are put one behind the other into blocks. The first one is of the
 * owner's memory, or small; what does not fit goes into large ones. A string
 * that does not fit into an empty large one is left out.
 */
#define KDBUS_META_MAX_STRING (4096 - sizeof(struct kdbus_meta_block))
#define KDBUS_META_USUAL_STRINGS (512 - sizeof(struct kdbus_meta_block))

/**
 * struct kdbus_meta_block - room for strings
 * @next:	the one made before this one, or NULL
 * @size:	bytes in @data
 * @used:	how many of them hold strings
 * @is_owners:	it is memory of the owner of the metadata
 * @data:	the strings
 */
struct kdbus_meta_block {
	struct kdbus_meta_block *next;
	u16 size;
	u16 used;
	bool is_owners;
	char data[];
};

static void kdbus_meta_block_init(struct kdbus_meta_block *block, size_t size,
				  bool is_owners)
{
	block->next = NULL;
	block->size = size;
	block->used = 0;
	block->is_owners = is_owners;
}

static struct kdbus_meta_block *kdbus_meta_block_new(size_t size)
{
	struct kdbus_meta_block *block;

	block = kmalloc(struct_size(block, data, size), GFP_KERNEL_ACCOUNT);
	if (block)
		kdbus_meta_block_init(block, size, false);
	return block;
}

static void kdbus_meta_blocks_free(struct kdbus_meta_block *block)
{
	/* that of the owner's memory is the last one */
	while (block && !block->is_owners) {
		struct kdbus_meta_block *next = block->next;

		kfree(block);
		block = next;
	}
}

/* Writes a path to the end of @buf, and moves it to the beginning. */
static ssize_t kdbus_meta_print_path(const struct path *path, char *buf,
				     size_t room)
{
	char *str = d_path(path, buf, room);
	size_t len;

	if (IS_ERR(str))
		return PTR_ERR(str);
	len = buf + room - str;
	memmove(buf, str, len);
	return len;
}

/*
 * An executable that is not below the root has a path that could be mistaken
 * for another file's: d_path() begins where the mounts end. So it is asked
 * again afterwards, since a mount may go meanwhile, which does not come back;
 * and so is what the root is.
 */
static bool kdbus_meta_is_below_root(const struct path *path,
				     const struct path *root)
{
	struct path now;
	bool same;

	get_fs_root(current->fs, &now);
	same = path_equal(&now, root);
	path_put(&now);
	return same && path_is_under(path, root);
}

static ssize_t kdbus_meta_fetch_exe(struct kdbus_meta *m, char *buf,
				    size_t room)
{
	struct file *exe = kdbus_current_exe_file();
	ssize_t len = -ENOENT;
	struct path root;

	if (!exe)
		return -ENOENT;

	get_fs_root(current->fs, &root);
	if (path_is_under(&exe->f_path, &root))
		len = kdbus_meta_print_path(&exe->f_path, buf, room);
	if (len > 0 && !kdbus_meta_is_below_root(&exe->f_path, &root))
		len = -ENOENT;
	if (len > 0)
		m->root = root;
	else
		path_put(&root);
	fput(exe);
	return len;
}

static ssize_t kdbus_meta_fetch_cmdline(struct kdbus_meta *m, char *buf,
					size_t room)
{
	struct mm_struct *mm = current->mm;
	unsigned long start, end;
	size_t len;

	if (!mm)
		return -ENOENT;
	spin_lock(&mm->arg_lock);
	start = mm->arg_start;
	end = mm->arg_end;
	spin_unlock(&mm->arg_lock);
	if (end <= start)
		return -ENOENT;

	/* with room for a NUL, should there be none */
	len = min_t(size_t, end - start, KDBUS_META_MAX_STRING - 1);
	if (len >= room)
		return -ENAMETOOLONG;
	if (copy_from_user(buf, (const void __user *)start, len))
		return -EFAULT;
	if (buf[len - 1])
		buf[len++] = '\0';
	return len;
}

#ifdef CONFIG_CGROUPS
/*
 * The caller holds the RCU read lock, or something that holds the group. In
 * the unified hierarchy neither a group's name nor its parent ever changes.
 */
static ssize_t kdbus_meta_print_cgroup(struct cgroup *cgroup, char *buf,
				       size_t room)
{
	char *pos = buf + room - 1;
	struct cgroup *parent;
	size_t len;

	if (!room)
		return -ENAMETOOLONG;

	*pos = '\0';
	for (; (parent = cgroup_parent(cgroup)); cgroup = parent) {
		const char *name = kdbus_cgroup_name(cgroup);

		len = strlen(name);
		if (len + 1 > pos - buf)
			return -ENAMETOOLONG;
		pos -= len;
		memcpy(pos, name, len);
		*--pos = '/';
	}

	len = buf + room - pos;
	memmove(buf, pos, len);
	return len;
}

static ssize_t kdbus_meta_fetch_cgroup(struct kdbus_meta *m, char *buf,
				       size_t room)
{
	ssize_t len;

	rcu_read_lock();
	len = kdbus_meta_print_cgroup(task_dfl_cgroup(current), buf, room);
	rcu_read_unlock();
	return len;
}

static int kdbus_meta_ns_init_cgroup(struct kdbus_meta_ns *ns)
{
	struct cgroup *root = current->nsproxy->cgroup_ns->root_cset->dfl_cgrp;
	ssize_t len;
	char *buf;

	if (!cgroup_parent(root))
		return 0;

	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	len = kdbus_meta_print_cgroup(root, buf, PATH_MAX);
	ns->no_cgroups = len < 0;
	if (len > 0)
		ns->cgroup = kmemdup(buf, len, GFP_KERNEL_ACCOUNT);
	kfree(buf);
	return len > 0 && !ns->cgroup ? -ENOMEM : 0;
}
#else
static ssize_t kdbus_meta_fetch_cgroup(struct kdbus_meta *m, char *buf,
				       size_t room)
{
	return -EOPNOTSUPP;
}

static int kdbus_meta_ns_init_cgroup(struct kdbus_meta_ns *ns)
{
	return 0;
}
#endif

static ssize_t kdbus_meta_fetch_seclabel(struct kdbus_meta *m, char *buf,
					 size_t room)
{
	return kdbus_current_label(buf, room);
}

/*
 * How each string is had: fetch() writes it to @buf and returns its bytes
 * with the NUL, -ENAMETOOLONG if there is not room enough, or why there is
 * none.
 */
static const struct {
	u64 flag;
	ssize_t (*fetch)(struct kdbus_meta *m, char *buf, size_t room);
} kdbus_meta_sources[KDBUS_META_N_STRINGS] = {
	[KDBUS_META_EXE] = {
		KDBUS_ATTACH_EXE, kdbus_meta_fetch_exe },
	[KDBUS_META_CMDLINE] = {
		KDBUS_ATTACH_CMDLINE, kdbus_meta_fetch_cmdline },
	[KDBUS_META_CGROUP] = {
		KDBUS_ATTACH_CGROUP, kdbus_meta_fetch_cgroup },
	[KDBUS_META_SECLABEL] = {
		KDBUS_ATTACH_SECLABEL, kdbus_meta_fetch_seclabel },
};

static ssize_t kdbus_meta_try_string(struct kdbus_meta *m,
				     enum kdbus_meta_string_id id)
{
	struct kdbus_meta_block *block = m->blocks;
	char *data = block->data + block->used;
	ssize_t len;

	len = kdbus_meta_sources[id].fetch(m, data, block->size - block->used);
	if (len > 0) {
		m->strings[id].data = data;
		m->strings[id].len = len;
		block->used += len;
	}
	return len;
}

static void kdbus_meta_gather_string(struct kdbus_meta *m,
				     enum kdbus_meta_string_id id)
{
	size_t size = KDBUS_META_USUAL_STRINGS;

	for (;;) {
		struct kdbus_meta_block *block = m->blocks;

		if (block) {
			bool is_last_try = !block->used &&
					   block->size >= KDBUS_META_MAX_STRING;

			if (kdbus_meta_try_string(m, id) != -ENAMETOOLONG ||
			    is_last_try)
				return;
			size = KDBUS_META_MAX_STRING;
		}

		block = kdbus_meta_block_new(size);
		if (!block)
			return;
		block->next = m->blocks;
		m->blocks = block;
	}
}

/* Both clocks at the same moment. */
static void kdbus_meta_gather_time(struct kdbus_meta *m)
{
	ktime_t now = ktime_get();

	m->monotonic_ns = ktime_to_ns(now);
	m->realtime_ns = ktime_to_ns(ktime_mono_to_real(now));
}

/* What CREDS are made of, and whether extended items may be seen. */
static void kdbus_meta_gather_base(struct kdbus_meta *m)
{
	m->cred = get_current_cred();
	m->tgid = get_pid(task_tgid(current));
	m->tid = task_pid(current);
	if (m->tid != m->tgid)
		get_pid(m->tid);
	m->starttime = current->group_leader->start_boottime;
	m->have |= KDBUS_META_HAVE_BASE;
}

/* A name that changes meanwhile may come out mixed, but always ends. */
static void kdbus_meta_copy_comm(char *comm, const struct task_struct *task)
{
	data_race(memcpy(comm, task->comm, TASK_COMM_LEN));
	comm[TASK_COMM_LEN - 1] = '\0';
}

static void kdbus_meta_init_extended(struct kdbus_meta *m)
{
	m->mm_user_ns = kdbus_current_undumpable_ns();
	m->root = (struct path){};
	memset(m->strings, 0, sizeof(m->strings));
	if (m->blocks)
		kdbus_meta_block_init(m->blocks, KDBUS_META_FIRST -
				      sizeof(*m->blocks), true);
	m->have |= KDBUS_META_HAVE_EXTENDED;
}

static void kdbus_meta_gather_extended(struct kdbus_meta *m, u64 flags)
{
	unsigned int i;

	if (!(m->have & KDBUS_META_HAVE_EXTENDED))
		kdbus_meta_init_extended(m);

	if (flags & KDBUS_ATTACH_COMM) {
		kdbus_meta_copy_comm(m->tid_comm, current);
		kdbus_meta_copy_comm(m->pid_comm, current->group_leader);
	}
	if (flags & KDBUS_ATTACH_AUDIT) {
		m->loginuid = audit_get_loginuid(current);
		m->sessionid = audit_get_sessionid(current);
	}
	for (i = 0; i < KDBUS_META_N_STRINGS; i++)
		if (flags & kdbus_meta_sources[i].flag)
			kdbus_meta_gather_string(m, i);
}

/**
 * kdbus_meta_gather() - take from current what has not been taken yet
 * @m:		where to; all calls for one @m are made by the same task
 * @attach_flags: KDBUS_ATTACH_* of what is wanted
 *
 * What cannot be had, or is masked by the administrator, is left out. May
 * sleep for as long as current's memory takes; call without locks.
 */
void kdbus_meta_gather(struct kdbus_meta *m, u64 attach_flags)
{
	u64 flags = kdbus_meta_allowed(attach_flags) & KDBUS_META_PROCESS &
		    ~m->have;

	if (!flags)
		return;

	if (flags & KDBUS_ATTACH_TIMESTAMP)
		kdbus_meta_gather_time(m);
	if ((flags & ~(u64)KDBUS_ATTACH_TIMESTAMP) &&
	    !(m->have & KDBUS_META_HAVE_BASE))
		kdbus_meta_gather_base(m);
	if (flags & KDBUS_META_EXTENDED)
		kdbus_meta_gather_extended(m, flags);
	m->have |= flags;
}

/**
 * kdbus_meta_gather_present() - kdbus_meta_gather(), but wait for no memory
 * @m:		where to
 * @attach_flags: KDBUS_ATTACH_* of what is wanted
 *
 * Return: those of @attach_flags for which memory of current's is needed that
 * is not there now. They have not been gathered, all others have.
 */
u64 kdbus_meta_gather_present(struct kdbus_meta *m, u64 attach_flags)
{
	u64 cmdline = kdbus_meta_allowed(attach_flags) &
		      KDBUS_ATTACH_CMDLINE & ~m->have;

	pagefault_disable();
	kdbus_meta_gather(m, attach_flags);
	pagefault_enable();
	if (!cmdline || m->strings[KDBUS_META_CMDLINE].len)
		return 0;
	m->have &= ~cmdline;
	return cmdline;
}

/**
 * kdbus_meta_trim() - give back the room that strings do not need
 * @m:		the metadata; the caller is the only one who has it
 *
 * For metadata that is kept. Without memory to move to, all stays.
 */
void kdbus_meta_trim(struct kdbus_meta *m)
{
	struct kdbus_meta_block *block;
	size_t size = 0;
	unsigned int i;

	if (!(m->have & KDBUS_META_HAVE_EXTENDED) || !m->blocks)
		return;

	for (i = 0; i < KDBUS_META_N_STRINGS; i++)
		size += m->strings[i].len;
	block = kdbus_meta_block_new(size);
	if (!block)
		return;

	for (i = 0; i < KDBUS_META_N_STRINGS; i++) {
		struct kdbus_meta_string *s = &m->strings[i];

		if (!s->len)
			continue;
		s->data = memcpy(block->data + block->used, s->data, s->len);
		block->used += s->len;
	}
	kdbus_meta_blocks_free(m->blocks);
	m->blocks = block;
}

/**
 * kdbus_meta_destroy() - let go of what has been gathered
 * @m:		the metadata; it is as after kdbus_meta_init()
 */
void kdbus_meta_destroy(struct kdbus_meta *m)
{
	if (m->have & KDBUS_META_HAVE_BASE) {
		put_cred(m->cred);
		if (m->tid != m->tgid)
			put_pid(m->tid);
		put_pid(m->tgid);
	}
	if (m->have & KDBUS_META_HAVE_EXTENDED) {
		put_user_ns(m->mm_user_ns);
		path_put(&m->root);
		kdbus_meta_blocks_free(m->blocks);
	}
	m->have = 0;
}

/* Whether a namespace is another one or above it. */
static bool kdbus_user_ns_contains(const struct user_namespace *outer,
				   const struct user_namespace *inner)
{
	while (inner->level > outer->level)
		inner = inner->parent;
	return inner == outer;
}

/* Whether the receiver has CAP_SYS_PTRACE in a user namespace. */
static bool kdbus_meta_ns_has_ptrace(const struct kdbus_meta_ns *to,
				     const struct user_namespace *ns)
{
	for (;; ns = ns->parent) {
		if (ns == to->user_ns)
			return to->can_trace;
		if (ns->level <= to->user_ns->level)
			return false;
		/* who made a namespace may do all in it */
		if (ns->parent == to->user_ns && uid_eq(ns->owner, to->euid))
			return true;
	}
}

static bool kdbus_meta_is_traceable(const struct kdbus_meta *m,
				    const struct kdbus_meta_ns *to)
{
	const struct cred *cred = m->cred;
	bool same = uid_eq(to->fsuid, cred->euid) &&
		    uid_eq(to->fsuid, cred->suid) &&
		    uid_eq(to->fsuid, cred->uid) &&
		    gid_eq(to->fsgid, cred->egid) &&
		    gid_eq(to->fsgid, cred->sgid) &&
		    gid_eq(to->fsgid, cred->gid);

	same = same && cred->user_ns == to->user_ns &&
	       cap_issubset(cred->cap_permitted, to->caps);
	if (!same && !kdbus_meta_ns_has_ptrace(to, cred->user_ns))
		return false;
	return !m->mm_user_ns || kdbus_meta_ns_has_ptrace(to, m->mm_user_ns);
}

static bool kdbus_meta_is_visible(const struct kdbus_meta *m,
				  const struct kdbus_meta_ns *to)
{
	return pid_nr_ns(m->tgid, to->pid_ns) &&
	       (to->proc_is_open || kdbus_meta_is_traceable(m, to));
}

/* Whether EXE is a path of the same file to the receiver, and its business. */
static bool kdbus_meta_exe_is_visible(const struct kdbus_meta *m,
				      const struct kdbus_meta_ns *to)
{
	return m->root.dentry == to->root.dentry &&
	       kdbus_user_ns_contains(m->cred->user_ns, to->user_ns) &&
	       kdbus_meta_is_traceable(m, to);
}

static void kdbus_meta_add_timestamp(struct kdbus_item_writer *w,
				     const struct kdbus_meta *m,
				     const struct kdbus_meta_ns *to)
{
	struct kdbus_timestamp *ts;

	ts = kdbus_item_add(w, KDBUS_ITEM_TIMESTAMP, sizeof(*ts));
	if (!ts)
		return;
	ts->seqnum = 0;
	ts->monotonic_ns = m->monotonic_ns + to->monotonic_offset;
	ts->realtime_ns = m->realtime_ns;
}

/* A process the receiver has no id for has no thread and no start, either. */
static void kdbus_meta_add_creds(struct kdbus_item_writer *w,
				 const struct kdbus_meta *m,
				 const struct kdbus_meta_ns *to)
{
	struct kdbus_creds *creds;

	creds = kdbus_item_add(w, KDBUS_ITEM_CREDS, sizeof(*creds));
	if (!creds)
		return;
	creds->uid = from_kuid_munged(to->user_ns, m->cred->uid);
	creds->gid = from_kgid_munged(to->user_ns, m->cred->gid);
	creds->pid = pid_nr_ns(m->tgid, to->pid_ns);
	creds->tid = 0;
	creds->starttime = 0;
	if (creds->pid) {
		creds->tid = pid_nr_ns(m->tid, to->pid_ns);
		creds->starttime = m->starttime + to->boottime_offset;
	}
}

static void kdbus_meta_add_comm(struct kdbus_item_writer *w,
				const struct kdbus_meta *m)
{
	kdbus_item_write(w, KDBUS_ITEM_TID_COMM, m->tid_comm,
			 strlen(m->tid_comm) + 1);
	kdbus_item_write(w, KDBUS_ITEM_PID_COMM, m->pid_comm,
			 strlen(m->pid_comm) + 1);
}

static void kdbus_meta_add_string(struct kdbus_item_writer *w, u64 type,
				  const struct kdbus_meta *m,
				  enum kdbus_meta_string_id id)
{
	const struct kdbus_meta_string *s = &m->strings[id];

	if (s->len)
		kdbus_item_write(w, type, s->data, s->len);
}

static void kdbus_meta_add_caps(struct kdbus_item_writer *w,
				const struct kdbus_meta *m,
				const struct kdbus_meta_ns *to)
{
	const struct cred *cred = m->cred;
	const u64 sets[] = {
		kdbus_cap_bits(cred->cap_inheritable),
		kdbus_cap_bits(cred->cap_permitted),
		kdbus_cap_bits(cred->cap_effective),
		kdbus_cap_bits(cred->cap_bset),
	};
	u32 *words = kdbus_item_add(w, KDBUS_ITEM_CAPS, sizeof(sets));
	u64 mask = 0;
	unsigned int i;

	if (!words)
		return;
	if (kdbus_user_ns_contains(cred->user_ns, to->user_ns))
		mask = GENMASK_ULL(CAP_LAST_CAP, 0);
	/* the low word first on every machine */
	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		*words++ = lower_32_bits(sets[i] & mask);
		*words++ = upper_32_bits(sets[i] & mask);
	}
}

/*
 * The path of group @path for one who takes @root for the root: down from
 * their common part, after a "/.." for each level up to it. Returns its bytes
 * with the NUL; writes it if @buf is not NULL.
 */
static size_t kdbus_meta_relate_cgroup(const char *root, const char *path,
				       char *buf)
{
	size_t common = 0, up = 0, len, i;

	for (i = 0;; i++) {
		bool ends = !root[i] || root[i] == '/';

		if (ends && (!path[i] || path[i] == '/'))
			common = i;
		if (!root[i] || root[i] != path[i])
			break;
	}
	for (i = common; root[i]; i++)
		up += root[i] == '/';
	path += common;
	if (!up && !*path)
		path = "/";

	len = strlen(path) + 1;
	if (buf) {
		for (i = 0; i < up; i++)
			memcpy(buf + 3 * i, "/..", 3);
		memcpy(buf + 3 * up, path, len);
	}
	return 3 * up + len;
}

static void kdbus_meta_add_cgroup(struct kdbus_item_writer *w,
				  const struct kdbus_meta *m,
				  const struct kdbus_meta_ns *to)
{
	const struct kdbus_meta_string *s = &m->strings[KDBUS_META_CGROUP];
	const char *root = to->cgroup ?: "";
	char *payload;

	if (!s->len || to->no_cgroups)
		return;
	payload = kdbus_item_add(w, KDBUS_ITEM_CGROUP,
				 kdbus_meta_relate_cgroup(root, s->data, NULL));
	if (payload)
		kdbus_meta_relate_cgroup(root, s->data, payload);
}

/* Who has no audit id has the value of no id, ~0U, as in /proc. */
static void kdbus_meta_add_audit(struct kdbus_item_writer *w,
				 const struct kdbus_meta *m,
				 const struct kdbus_meta_ns *to)
{
	struct kdbus_audit *audit;

	audit = kdbus_item_add(w, KDBUS_ITEM_AUDIT, sizeof(*audit));
	if (!audit)
		return;
	audit->sessionid = m->sessionid;
	audit->loginuid = from_kuid(to->user_ns, m->loginuid);
}

static void kdbus_meta_add_extended(struct kdbus_item_writer *w,
				    const struct kdbus_meta *m, u64 flags,
				    const struct kdbus_meta_ns *to)
{
	if (flags & KDBUS_ATTACH_COMM)
		kdbus_meta_add_comm(w, m);
	if ((flags & KDBUS_ATTACH_EXE) && kdbus_meta_exe_is_visible(m, to))
		kdbus_meta_add_string(w, KDBUS_ITEM_EXE, m, KDBUS_META_EXE);
	if (flags & KDBUS_ATTACH_CMDLINE)
		kdbus_meta_add_string(w, KDBUS_ITEM_CMDLINE, m,
				      KDBUS_META_CMDLINE);
	if (flags & KDBUS_ATTACH_CAPS)
		kdbus_meta_add_caps(w, m, to);
	if (flags & KDBUS_ATTACH_CGROUP)
		kdbus_meta_add_cgroup(w, m, to);
	if (flags & KDBUS_ATTACH_AUDIT)
		kdbus_meta_add_audit(w, m, to);
	if (flags & KDBUS_ATTACH_SECLABEL)
		kdbus_meta_add_string(w, KDBUS_ITEM_SECLABEL, m,
				      KDBUS_META_SECLABEL);
}

/**
 * kdbus_meta_write() - write a receiver's items
 * @m:		the metadata
 * @flags:	KDBUS_ATTACH_* the receiver wants, as kdbus_meta_allowed()
 *		left them; others than KDBUS_META_PROCESS are ignored
 * @to:		how the receiver looks at it
 * @w:		where to: all items that @flags asks for, that exist, and that
 *		@to may see; it fails without memory
 *
 * The number of a TIMESTAMP, which comes first, is 0. The order is that of the
 * ABI; to put NAMES between, call this for TIMESTAMP and CREDS, then for
 * KDBUS_META_EXTENDED.
 */
void kdbus_meta_write(const struct kdbus_meta *m, u64 flags,
		      const struct kdbus_meta_ns *to,
		      struct kdbus_item_writer *w)
{
	flags &= m->have;
	if (flags & KDBUS_ATTACH_TIMESTAMP)
		kdbus_meta_add_timestamp(w, m, to);
	if (flags & KDBUS_ATTACH_CREDS)
		kdbus_meta_add_creds(w, m, to);
	if ((flags & KDBUS_META_EXTENDED) && kdbus_meta_is_visible(m, to))
		kdbus_meta_add_extended(w, m, flags, to);
}

/*
 * Whether current would find every process of a namespace in its /proc: 1, 0,
 * or -ENOMEM if it cannot be looked up.
 */
static int kdbus_meta_proc_is_open(const struct pid_namespace *pid_ns)
{
	const struct proc_fs_info *proc;
	struct super_block *sb;
	bool is_open = false;
	struct path path;
	int ret;

	ret = kern_path("/proc", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	if (ret < 0)
		return ret == -ENOMEM ? ret : 0;

	sb = path.dentry->d_sb;
	/* it may be a /proc of another namespace, where current is the lord */
	if (sb->s_magic == PROC_SUPER_MAGIC && path.dentry == sb->s_root) {
		proc = proc_sb_info(sb);
		is_open = proc->pid_ns == pid_ns &&
			  (proc->hide_pid == HIDEPID_OFF ||
			   (proc->hide_pid != HIDEPID_NOT_PTRACEABLE &&
			    in_group_p(proc->pid_gid)));
	}
	path_put(&path);
	return is_open;
}

/* What current's time namespace adds to clocks. */
static void kdbus_meta_ns_init_time(struct kdbus_meta_ns *ns)
{
	struct timespec64 monotonic = {}, boottime = {};

	timens_add_monotonic(&monotonic);
	timens_add_boottime(&boottime);
	ns->monotonic_offset = timespec64_to_ns(&monotonic);
	ns->boottime_offset = timespec64_to_ns(&boottime);
}

/**
 * kdbus_meta_ns_init() - the view that current has
 * @ns:		filled in; kdbus_meta_ns_destroy() undoes it, also on failure
 *
 * Looks up /proc, so it may sleep; call without locks.
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_meta_ns_init(struct kdbus_meta_ns *ns)
{
	const struct cred *cred = current_cred();
	int ret;

	ns->user_ns = get_user_ns(cred->user_ns);
	ns->pid_ns = get_pid_ns(task_active_pid_ns(current));
	get_fs_root(current->fs, &ns->root);
	ns->cgroup = NULL;
	ns->no_cgroups = false;
	ns->euid = cred->euid;
	ns->fsuid = cred->fsuid;
	ns->fsgid = cred->fsgid;
	ns->caps = cred->cap_effective;
	ns->can_trace = ns_capable_noaudit(ns->user_ns, CAP_SYS_PTRACE);
	kdbus_meta_ns_init_time(ns);
	ret = kdbus_meta_proc_is_open(ns->pid_ns);
	ns->proc_is_open = ret > 0;
	return ret < 0 ? ret : kdbus_meta_ns_init_cgroup(ns);
}

/**
 * kdbus_meta_ns_destroy() - let go of a view
 * @ns:		the view; kdbus_meta_ns_init() has been called for it once
 */
void kdbus_meta_ns_destroy(struct kdbus_meta_ns *ns)
{
	put_user_ns(ns->user_ns);
	put_pid_ns(ns->pid_ns);
	path_put(&ns->root);
	kfree(ns->cgroup);
}

/**
 * kdbus_meta_ns_equal() - whether two views show the same
 * @a:		a view
 * @b:		another one
 */
bool kdbus_meta_ns_equal(const struct kdbus_meta_ns *a,
			 const struct kdbus_meta_ns *b)
{
	return a->user_ns == b->user_ns && a->pid_ns == b->pid_ns &&
	       path_equal(&a->root, &b->root) &&
	       a->no_cgroups == b->no_cgroups &&
	       !strcmp(a->cgroup ?: "", b->cgroup ?: "") &&
	       a->monotonic_offset == b->monotonic_offset &&
	       a->boottime_offset == b->boottime_offset &&
	       uid_eq(a->euid, b->euid) && uid_eq(a->fsuid, b->fsuid) &&
	       gid_eq(a->fsgid, b->fsgid) &&
	       kdbus_cap_bits(a->caps) == kdbus_cap_bits(b->caps) &&
	       a->can_trace == b->can_trace &&
	       a->proc_is_open == b->proc_is_open;
}
