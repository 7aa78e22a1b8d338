// SPDX-License-Identifier: GPL-2.0
/*
 * How a receiver sees a sender through its own namespaces, its root and its
 * /proc: as they were when it said HELLO.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "fixtures.h"

static struct bus bus;
static struct kdbus_client a;

/* What children tell: memory they share with the case. */
static union {
	struct kdbus_builder hello;
	pid_t pid;
} *shared;

static void setup(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(shared != MAP_FAILED);
	bus_new(&bus);
	client_with(&a, &bus, 0, NULL);
}

/* ---- receivers --------------------------------------------------------- */

struct place {
	int fd;
	void (*enter)(void);
};

static void hello_from(void *arg)
{
	struct place *p = arg;

	p->enter();
	ASSERT_OK(xioctl(p->fd, KDBUS_CMD_HELLO, shared->hello.buf));
}

/*
 * A connection of one who has gone somewhere by @enter. He is gone, and the
 * case receives for him, which changes nothing (spec 7.8).
 */
static void receiver_in(struct kdbus_client *c, void (*enter)(void))
{
	struct place p = { .fd = ep_open(&bus), .enter = enter };

	hello_init(&shared->hello, KDBUS_HELLO_ACCEPT_FD);
	((struct kdbus_cmd_hello *)shared->hello.buf)->attach_flags =
		_KDBUS_ATTACH_ALL;
	wait_for(spawn(hello_from, &p));
	memset(c, 0, sizeof(*c));
	c->fd = p.fd;
	memcpy(&c->hello, shared->hello.buf, sizeof(c->hello));
	c->pool = mmap(NULL, c->hello.pool_size, PROT_READ, MAP_SHARED, p.fd,
		       0);
	ASSERT(c->pool != MAP_FAILED);
}

static void be_nobody(void)
{
	ASSERT_OK(setresgid(NOBODY, NOBODY, NOBODY));
	ASSERT_OK(setresuid(NOBODY, NOBODY, NOBODY));
}

static void enter_userns(void)
{
	be_nobody();
	ASSERT_OK(unshare(CLONE_NEWUSER));
	map_root(NOBODY);
}

/* The child that is in the new namespace goes on; its parent ends with it. */
static void enter_by_child(int flag)
{
	pid_t pid;

	ASSERT_OK(unshare(flag));
	pid = fork();
	ASSERT(pid >= 0);
	if (pid) {
		wait_for(pid);
		_exit(0);
	}
}

static void enter_pidns(void)
{
	enter_by_child(CLONE_NEWPID);
}

/* ---- senders ----------------------------------------------------------- */

static __u64 to;

static void send_from(void *arg)
{
	void (*enter)(void) = arg;

	if (enter)
		enter();
	ASSERT_OK(send_to(&a, to, 1, "x"));
}

/* A message of a child that has gone somewhere. */
static const struct kdbus_msg *message_from(void (*enter)(void),
					    struct kdbus_client *c)
{
	const struct kdbus_msg *msg;

	to = c->hello.id;
	wait_for(spawn(send_from, enter));
	ASSERT_OK(kdbus_client_recv(c, 0, 0, &msg));
	return msg;
}

static const struct kdbus_creds *creds_of(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item = kdbus_msg_item(msg, KDBUS_ITEM_CREDS);

	ASSERT(item);
	return &item->creds;
}

/* Whether the items that /proc would have to tell are there; all or none. */
static bool has_extended(const struct kdbus_msg *msg)
{
	bool has = kdbus_msg_item(msg, KDBUS_ITEM_CMDLINE);

	ASSERT_EQ(!!kdbus_msg_item(msg, KDBUS_ITEM_PID_COMM), has);
	ASSERT_EQ(!!kdbus_msg_item(msg, KDBUS_ITEM_TID_COMM), has);
	ASSERT_EQ(!!kdbus_msg_item(msg, KDBUS_ITEM_CAPS), has);
	ASSERT_EQ(!!kdbus_msg_item(msg, KDBUS_ITEM_CGROUP), has);
	ASSERT_EQ(!!kdbus_msg_item(msg, KDBUS_ITEM_AUDIT), has);
	if (!has)
		ASSERT(!kdbus_msg_item(msg, KDBUS_ITEM_EXE) &&
		       !kdbus_msg_item(msg, KDBUS_ITEM_SECLABEL));
	return has;
}

static bool has_exe(const struct kdbus_msg *msg)
{
	return kdbus_msg_item(msg, KDBUS_ITEM_EXE);
}

/* ---- namespaces -------------------------------------------------------- */

/* spec 17.6: ids of the receiver's namespace, 65534 for who has none there */
TEST(a_receiver_in_a_user_namespace)
{
	const struct kdbus_conn_info *info;
	const struct kdbus_msg *msg;
	struct kdbus_client r;
	__u32 words[8];

	setup();
	receiver_in(&r, enter_userns);
	msg = message_from(NULL, &r);
	ASSERT_EQ(creds_of(msg)->uid, 65534);
	ASSERT_EQ(creds_of(msg)->gid, 65534);
	/* it is below the sender's, so capabilities mean the same to it */
	ASSERT(has_extended(msg));
	memcpy(words, kdbus_msg_item(msg, KDBUS_ITEM_CAPS)->data,
	       sizeof(words));
	ASSERT(words[4]);
	msg = message_from(be_nobody, &r);
	ASSERT_EQ(creds_of(msg)->uid, 0);
	ASSERT_EQ(creds_of(msg)->gid, 0);

	ASSERT_OK(conn_info(&r, a.hello.id, NULL, KDBUS_ATTACH_CREDS, &info));
	ASSERT_EQ(info_item(info, KDBUS_ITEM_CREDS)->creds.uid, 65534);
}

/* spec 17.6, 25: who cannot be seen has no pid, and nothing of /proc */
TEST(a_receiver_in_a_pid_namespace)
{
	const struct kdbus_conn_info *info;
	const struct kdbus_creds *creds;
	const struct kdbus_msg *msg;
	struct kdbus_client r;

	setup();
	receiver_in(&r, enter_pidns);
	msg = message_from(NULL, &r);
	creds = creds_of(msg);
	ASSERT_EQ(creds->pid, 0);
	ASSERT_EQ(creds->tid, 0);
	ASSERT_EQ(creds->starttime, 0);
	ASSERT_EQ(creds->uid, 0);
	ASSERT(kdbus_msg_item(msg, KDBUS_ITEM_TIMESTAMP));
	ASSERT(!has_extended(msg));

	ASSERT_OK(conn_info(&r, a.hello.id, NULL, _KDBUS_ATTACH_ALL, &info));
	ASSERT_EQ(info_item(info, KDBUS_ITEM_CREDS)->creds.pid, 0);
	ASSERT(!info_item(info, KDBUS_ITEM_CMDLINE));
}

static void enter_pidns_and_tell(void)
{
	pid_t pid;

	ASSERT_OK(unshare(CLONE_NEWPID));
	pid = fork();
	if (pid) {
		/* the pid out here */
		shared->pid = pid;
		wait_for(pid);
		_exit(0);
	}
	ASSERT_EQ(getpid(), 1);
}

/* spec 17.6 */
TEST(a_sender_in_a_pid_namespace)
{
	const struct kdbus_creds *creds;
	struct kdbus_client r;

	setup();
	client_with(&r, &bus, _KDBUS_ATTACH_ALL, NULL);
	creds = creds_of(message_from(enter_pidns_and_tell, &r));
	ASSERT_EQ(creds->pid, shared->pid);
	ASSERT_EQ(creds->tid, shared->pid);
	ASSERT(creds->starttime);
}

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static void enter_timens(void)
{
	const char offset[] = "monotonic 100000 0\nboottime 100000 0\n";
	int fd;

	ASSERT_OK(unshare(CLONE_NEWTIME));
	fd = open("/proc/self/timens_offsets", O_WRONLY);
	ASSERT_EQ(write(fd, offset, strlen(offset)), strlen(offset));
	close(fd);
	enter_by_child(0);
}

/* spec 17.6: clocks too are the receiver's */
TEST(a_receiver_in_a_time_namespace)
{
	__u64 later = 100000 * SEC, before;
	const struct kdbus_item *there, *here;
	struct kdbus_client r, s;

	setup();
	receiver_in(&r, enter_timens);
	client_with(&s, &bus, _KDBUS_ATTACH_ALL, NULL);
	ASSERT_OK(match_rule(&r, 1, 0, NULL, 0));
	ASSERT_OK(match_rule(&s, 1, 0, NULL, 0));
	before = now_ns();
	ASSERT_OK(broadcast(&a, 1));
	here = kdbus_msg_item((void *)s.pool, KDBUS_ITEM_TIMESTAMP);
	there = kdbus_msg_item((void *)r.pool, KDBUS_ITEM_TIMESTAMP);
	ASSERT(here && there);
	ASSERT(here->timestamp.monotonic_ns >= before);
	ASSERT_EQ(there->timestamp.monotonic_ns,
		  here->timestamp.monotonic_ns + later);
	ASSERT_EQ(there->timestamp.realtime_ns, here->timestamp.realtime_ns);
	ASSERT_EQ(creds_of((void *)r.pool)->starttime,
		  creds_of((void *)s.pool)->starttime + later);
}

/* ---- the root ---------------------------------------------------------- */

static void enter_chroot(void)
{
	/* no program lies below that */
	ASSERT_OK(chroot("/sys"));
	ASSERT_OK(chdir("/"));
}

/* spec 17.6: a path is of use below the same root only */
TEST(an_executable_below_another_root)
{
	const struct kdbus_msg *msg;
	struct kdbus_client in, out;

	setup();
	receiver_in(&in, enter_chroot);
	client_with(&out, &bus, _KDBUS_ATTACH_ALL, NULL);
	msg = message_from(NULL, &out);
	ASSERT(has_exe(msg));
	msg = message_from(NULL, &in);
	ASSERT(has_extended(msg) && !has_exe(msg));
	msg = message_from(enter_chroot, &out);
	ASSERT(has_extended(msg) && !has_exe(msg));
	/* below the same root it is, but this program is not */
	msg = message_from(enter_chroot, &in);
	ASSERT(has_extended(msg) && !has_exe(msg));
}

/* ---- what /proc would show --------------------------------------------- */

static void mount_proc(const char *options)
{
	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount("", "/", "", MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(mount("proc", "/proc", "proc", 0, options));
	be_nobody();
}

static void enter_hidepid(void)
{
	mount_proc("hidepid=2");
}

static void enter_hidepid_for_all_but_nobody(void)
{
	mount_proc("hidepid=2,gid=65534");
}

static void enter_without_proc(void)
{
	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount("", "/", "", MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(umount2("/proc", MNT_DETACH));
	be_nobody();
}

/* One whom others of the uid may trace; a change of uid forbids it at first. */
static void be_traceable_nobody(void)
{
	be_nobody();
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
}

/* spec 17.6: hidepid= */
TEST(what_proc_hides_is_not_told)
{
	static void (* const places[])(void) = {
		enter_hidepid, enter_without_proc,
	};
	const struct kdbus_msg *msg;
	struct kdbus_client r;
	size_t i;

	setup();
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		receiver_in(&r, places[i]);
		msg = message_from(NULL, &r);
		ASSERT(!has_extended(msg));
		ASSERT_EQ(creds_of(msg)->uid, 0);
		/* what one may trace one sees anyway */
		msg = message_from(be_traceable_nobody, &r);
		ASSERT(has_extended(msg) && has_exe(msg));
		ASSERT(!has_extended(message_from(be_nobody, &r)));
	}
	receiver_in(&r, enter_hidepid_for_all_but_nobody);
	ASSERT(has_extended(message_from(NULL, &r)));
}

static void be_nobody_with_capabilities(void)
{
	ASSERT_OK(prctl(PR_SET_KEEPCAPS, 1));
	be_traceable_nobody();
}

static void be_nobody_in_a_userns(void)
{
	be_traceable_nobody();
	ASSERT_OK(unshare(CLONE_NEWUSER));
}

/* spec 17.6: as /proc/PID/exe, it is for those who might trace the sender */
TEST(executables_are_for_those_who_may_trace)
{
	const struct kdbus_msg *msg;
	struct kdbus_client root, nobody;

	setup();
	client_with(&root, &bus, _KDBUS_ATTACH_ALL, NULL);
	receiver_in(&nobody, be_nobody);
	ASSERT(has_exe(message_from(NULL, &root)));
	ASSERT(has_exe(message_from(be_nobody, &root)));
	ASSERT(has_exe(message_from(be_traceable_nobody, &nobody)));

	msg = message_from(NULL, &nobody);
	ASSERT(has_extended(msg) && !has_exe(msg));
	msg = message_from(be_nobody, &nobody);
	ASSERT(has_extended(msg) && !has_exe(msg));
	/* one who has more capabilities, or is in another namespace */
	msg = message_from(be_nobody_with_capabilities, &nobody);
	ASSERT(has_extended(msg) && !has_exe(msg));
	msg = message_from(be_nobody_in_a_userns, &nobody);
	ASSERT(has_extended(msg) && !has_exe(msg));
}

/* ---- control groups ---------------------------------------------------- */

#define DEPTH 24

/* A group whose path is longer than a page: where it is made, and in it. */
static int groups[DEPTH + 1];
static char group[201];

static void join(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_WRONLY);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "0", 1), 1);
	close(fd);
}

static void groups_make(void)
{
	char root[] = "/tmp/kdbus-cgroup-XXXXXX";
	int i;

	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount("", "/", "", MS_REC | MS_PRIVATE, NULL));
	ASSERT(mkdtemp(root));
	ASSERT_OK(mount("cgroup2", root, "cgroup2", 0, NULL));
	groups[0] = open(root, O_DIRECTORY);
	snprintf(group, sizeof(group), "kdbus-%d-", getpid());
	memset(group + strlen(group), 'x', sizeof(group) - 1 - strlen(group));
	for (i = 0; i < DEPTH; i++) {
		ASSERT_OK(mkdirat(groups[i], group, 0755));
		groups[i + 1] = openat(groups[i], group, O_DIRECTORY);
		ASSERT(groups[i + 1] >= 0);
	}
}

static void groups_remove(void)
{
	int i;

	for (i = DEPTH - 1; i >= 0; i--)
		ASSERT_OK(unlinkat(groups[i], group, AT_REMOVEDIR));
}

static void join_deep(void)
{
	join(groups[DEPTH]);
}

static void enter_deep_cgroupns(void)
{
	join(groups[DEPTH]);
	ASSERT_OK(unshare(CLONE_NEWCGROUP));
}

static void enter_shallow_cgroupns(void)
{
	join(groups[2]);
	ASSERT_OK(unshare(CLONE_NEWCGROUP));
}

static void join_shallow(void)
{
	join(groups[3]);
}

/* The CGROUP item of a message, or NULL. */
static const char *cgroup_in(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item = kdbus_msg_item(msg, KDBUS_ITEM_CGROUP);

	return item ? item->str : NULL;
}

/* spec 17.3, 17.4, 27.13: seen from the receiver's own group, if it fits */
TEST(control_groups_are_seen_from_where_the_receiver_is)
{
	struct kdbus_client out, in, deep;
	const struct kdbus_msg *msg;
	char want[300];

	setup();
	groups_make();
	client_with(&out, &bus, _KDBUS_ATTACH_ALL, NULL);
	receiver_in(&in, enter_shallow_cgroupns);
	receiver_in(&deep, enter_deep_cgroupns);

	msg = message_from(join_shallow, &in);
	snprintf(want, sizeof(want), "/%s", group);
	ASSERT_OK(strcmp(cgroup_in(msg), want));
	msg = message_from(NULL, &in);
	ASSERT(!strncmp(cgroup_in(msg), "/..", 3));
	msg = message_from(enter_shallow_cgroupns, &in);
	ASSERT_OK(strcmp(cgroup_in(msg), "/"));

	/* too long for the sender, or for the receiver: left out, no more */
	msg = message_from(join_deep, &out);
	ASSERT(!cgroup_in(msg));
	ASSERT(kdbus_msg_item(msg, KDBUS_ITEM_CMDLINE));
	msg = message_from(NULL, &deep);
	ASSERT(!cgroup_in(msg));
	ASSERT(kdbus_msg_item(msg, KDBUS_ITEM_CMDLINE));
	groups_remove();
}
