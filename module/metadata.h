/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: metadata
 *
 * What a message says of the process that sent it, and CONN_INFO of the one
 * that opened a connection's file. It has two halves: a struct kdbus_meta
 * holds what was true of the sender, as the kernel knows it; a struct
 * kdbus_meta_ns says with whose eyes it is looked at. Writing translates the
 * one for the other, so one sender's data serves any number of receivers.
 *
 * Gathering takes everything from current, each source once, and only what
 * is asked for; what cannot be had is left out, and stays left out, so that
 * all receivers of a message see the same. It may sleep and reads current's
 * memory, so no lock may be held. A struct kdbus_meta belongs to whoever
 * gathers into it; once no one does any more, it is constant and may be read
 * from everywhere. The struct pins what it points to: credentials, process
 * ids, the root directory. It lies inside its owner; the strings are in
 * memory of the owner's, or in blocks of their own if there are many.
 *
 * The view is taken at HELLO and is constant from then on, too: giving away
 * the file does not change what it shows. It pins the user and pid namespace
 * and the root directory; of the rest (ids, the control group the cgroup
 * namespace begins at, clock offsets, how /proc is mounted) it has the values.
 *
 * Who sees what
 *
 * TIMESTAMP and CREDS go to everybody, in the receiver's terms. All else are
 * extended items: a receiver gets them if it could read them in /proc. To ask
 * the kernel that question, current would have to be the receiver, and the
 * answer could change between two questions; so this is decided here, from
 * constant data:
 *
 *   visible	The process has an id in the receiver's pid namespace, and the
 *		/proc of that namespace which the receiver saw mounted at
 *		/proc had no hidepid, or a gid= that the receiver is in;
 *		else the receiver must be able to trace the process. If there
 *		is no such /proc it counts as hidden: or else an unprivileged
 *		user could chroot away from hidepid.
 *   traceable	As ptrace reads: the receiver's filesystem ids are all three
 *		of the sender's uids and gids, both are in one user namespace,
 *		and it had all capabilities that the sender may have; or it had
 *		CAP_SYS_PTRACE in a user namespace that is the sender's or
 *		above, or owns the sender's from just above; and if the process
 *		is not dumpable, such power over the namespace its memory was
 *		made in.
 *
 * Every extended item needs "visible". Further:
 *
 *   EXE	needs "traceable", like /proc/PID/exe; and that sender and
 *		receiver have the same directory as root, and that the sender
 *		is not in a user namespace below (or beside) the receiver's:
 *		there everybody can chroot and mount, and so choose what the
 *		path looks like.
 *   CAPS	are zero for a receiver to whom they mean nothing: one whose
 *		user namespace is not the sender's nor below it.
 *
 * What security modules would say about reading another process's /proc is
 * not asked, but for the receiver's CAP_SYS_PTRACE at HELLO.
 */
#ifndef KDBUS_METADATA_H
#define KDBUS_METADATA_H

#include <linux/capability.h>
#include <linux/path.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/kdbus.h>

struct cred;
struct kdbus_item_writer;
struct kdbus_meta_block;
struct pid;
struct pid_namespace;
struct user_namespace;

/* what needs more than CREDS does, and is only for those who may read /proc */
#define KDBUS_META_EXTENDED						\
	(KDBUS_ATTACH_COMM | KDBUS_ATTACH_EXE | KDBUS_ATTACH_CMDLINE |	\
	 KDBUS_ATTACH_CGROUP | KDBUS_ATTACH_CAPS |			\
	 KDBUS_ATTACH_SECLABEL | KDBUS_ATTACH_AUDIT)

/* what is gathered here; NAMES and CONN_NAME are not of a process */
#define KDBUS_META_PROCESS						\
	(KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS | KDBUS_META_EXTENDED)

/* bytes that the strings of most messages need */
#define KDBUS_META_FIRST 256

enum kdbus_meta_string_id {
	KDBUS_META_EXE,
	KDBUS_META_CMDLINE,
	KDBUS_META_CGROUP,
	KDBUS_META_SECLABEL,
	KDBUS_META_N_STRINGS,
};

/**
 * struct kdbus_meta_string - a string of metadata
 * @data:	in a block; valid if @len
 * @len:	bytes with the NUL at the end, 0 if it could not be had
 */
struct kdbus_meta_string {
	const char *data;
	size_t len;
};

/**
 * struct kdbus_meta - what was true of a process
 * @have:	KDBUS_ATTACH_* of what has been gathered, and bits of
 *		metadata.c; says which of the following is set at all
 * @monotonic_ns: when, CLOCK_MONOTONIC of the initial time namespace
 * @realtime_ns: the same moment, CLOCK_REALTIME
 * @cred:	its credentials, referenced
 * @tgid:	the process, referenced
 * @tid:	the thread; referenced if not @tgid
 * @starttime:	when the process started, CLOCK_BOOTTIME of the initial time
 *		namespace in ns
 * @mm_user_ns:	user namespace its memory was made in, referenced, if it is
 *		not dumpable; else NULL
 * @root:	its root directory, referenced, if there is an EXE string;
 *		else NULLs
 * @tid_comm:	name of the thread
 * @pid_comm:	name of the process
 * @loginuid:	audit: who logged in
 * @sessionid:	audit: which session
 * @strings:	EXE, CMDLINE, CGROUP (from the hierarchy's root, without the
 *		'/' at its end, so "" is the root) and SECLABEL
 * @blocks:	what they are in; before anything is gathered, memory of the owner's
 *		for the first of them, or NULL
 */
struct kdbus_meta {
	u64 have;
	u64 monotonic_ns;
	u64 realtime_ns;
	const struct cred *cred;
	struct pid *tgid;
	struct pid *tid;
	u64 starttime;

	struct user_namespace *mm_user_ns;
	struct path root;
	char tid_comm[TASK_COMM_LEN];
	char pid_comm[TASK_COMM_LEN];
	kuid_t loginuid;
	u32 sessionid;
	struct kdbus_meta_string strings[KDBUS_META_N_STRINGS];
	struct kdbus_meta_block *blocks;
};

/**
 * struct kdbus_meta_ns - with whose eyes metadata is looked at
 * @user_ns:	user namespace, referenced
 * @pid_ns:	pid namespace, referenced
 * @root:	root directory, referenced
 * @cgroup:	control group its cgroup namespace begins at, as in
 *		struct kdbus_meta; NULL if that is the hierarchy's root
 * @no_cgroups:	it begins too deep to tell where others are from there
 * @monotonic_offset: what its time namespace adds to CLOCK_MONOTONIC, in ns
 * @boottime_offset: and to CLOCK_BOOTTIME
 * @euid:	effective uid
 * @fsuid:	filesystem uid
 * @fsgid:	filesystem gid
 * @caps:	its effective capabilities
 * @can_trace:	has CAP_SYS_PTRACE in @user_ns
 * @proc_is_open: its /proc shows all processes of @pid_ns
 */
struct kdbus_meta_ns {
	struct user_namespace *user_ns;
	struct pid_namespace *pid_ns;
	struct path root;
	char *cgroup;
	bool no_cgroups;
	s64 monotonic_offset;
	s64 boottime_offset;
	kuid_t euid;
	kuid_t fsuid;
	kgid_t fsgid;
	kernel_cap_t caps;
	bool can_trace;
	bool proc_is_open;
};

u64 kdbus_meta_allowed(u64 attach_flags);

void kdbus_meta_gather(struct kdbus_meta *m, u64 attach_flags);
u64 kdbus_meta_gather_present(struct kdbus_meta *m, u64 attach_flags);
void kdbus_meta_trim(struct kdbus_meta *m);
void kdbus_meta_destroy(struct kdbus_meta *m);

void kdbus_meta_write(const struct kdbus_meta *m, u64 flags,
		      const struct kdbus_meta_ns *to,
		      struct kdbus_item_writer *w);

int kdbus_meta_ns_init(struct kdbus_meta_ns *ns);
void kdbus_meta_ns_destroy(struct kdbus_meta_ns *ns);
bool kdbus_meta_ns_equal(const struct kdbus_meta_ns *a,
			 const struct kdbus_meta_ns *b);

/**
 * kdbus_meta_init() - begin with nothing gathered
 * @m:		the metadata; kdbus_meta_destroy() ends it
 * @first:	KDBUS_META_FIRST bytes that outlive it, for strings as long as
 *		they suffice; or NULL
 */
static inline void kdbus_meta_init(struct kdbus_meta *m, u64 *first)
{
	m->have = 0;
	m->blocks = (struct kdbus_meta_block *)first;
}

#endif /* KDBUS_METADATA_H */
