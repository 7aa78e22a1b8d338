// SPDX-License-Identifier: GPL-2.0
/* Files below /dev/kdbus: who may open them, and when they are gone. */
#include <linux/netlink.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "fixtures.h"

static struct bus bus;

static void check_stat(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	ASSERT_OK(stat(path, &st));
	ASSERT(S_ISCHR(st.st_mode));
	ASSERT_EQ(st.st_mode & 07777, mode);
	ASSERT_EQ(st.st_uid, uid);
	ASSERT_EQ(st.st_gid, gid);
}

static const char *path_of(const char *endpoint)
{
	static char path[200];

	return kdbus_endpoint_path(path, sizeof(path), bus.name, endpoint);
}

/* spec 1.1, 1.2, 1.3, 1.4 */
TEST(the_initial_domain_is_open_to_all)
{
	struct stat control, ep;

	check_stat(KDBUS_DEV "/control", 0666, 0, 0);
	ASSERT_OK(stat(KDBUS_DEV "/control", &control));
	ASSERT_EQ(minor(control.st_rdev), 0);
	bus_new(&bus);
	ASSERT_OK(stat(bus.path, &ep));
	ASSERT_EQ(major(ep.st_rdev), major(control.st_rdev));
	ASSERT(minor(ep.st_rdev) > 0);
}

static void ep_with_mode(const char *name, __u64 flags, mode_t mode,
			 uid_t uid, gid_t gid)
{
	struct kdbus_builder b;
	int fd;

	make_begin(&b, name, flags);
	fd = ep_make_on(&bus, &b);
	ASSERT(fd >= 0);
	check_stat(path_of(name), mode, uid, gid);
	close(fd);
	ASSERT_EQ(access(path_of(name), F_OK), -1);
}

static void all_modes(uid_t uid, gid_t gid)
{
	ep_with_mode("closed", 0, 0, uid, 0);
	ep_with_mode("grouped", KDBUS_MAKE_ACCESS_GROUP, 0660, uid, gid);
	ep_with_mode("open", KDBUS_MAKE_ACCESS_WORLD, 0666, uid, 0);
	ep_with_mode("both", KDBUS_MAKE_ACCESS_WORLD | KDBUS_MAKE_ACCESS_GROUP,
		     0666, uid, 0);
}

static void modes_of_nobody(void *arg)
{
	(void)arg;
	bus_new(&bus);
	check_stat(bus.path, 0666, NOBODY, 0);
	all_modes(NOBODY, NOBODY);
}

/* spec 1.6: also of a maker who is not root */
TEST(custom_endpoints_belong_to_their_maker)
{
	bus_new(&bus);
	ASSERT_OK(setresgid(5, 5, 5));
	all_modes(0, 5);
	as_uid(NOBODY, modes_of_nobody, NULL);
}

static void open_denied(void *arg)
{
	ASSERT_EQ(open(arg, O_RDWR), -1);
	ASSERT_EQ(errno, EACCES);
}

/* spec 1.6: a mode of 0 keeps out all but those who override it */
TEST(a_closed_endpoint_is_for_root)
{
	struct kdbus_builder b;
	int fd;

	bus_new(&bus);
	make_begin(&b, "closed", 0);
	ASSERT(ep_make_on(&bus, &b) >= 0);
	as_uid(NOBODY, open_denied, (void *)path_of("closed"));
	fd = open(path_of("closed"), O_RDWR);
	ASSERT(fd >= 0);
}

/* ---- the file that owns ----------------------------------------------- */

static int go[2];

static void hold_on(void *arg)
{
	char byte;

	(void)arg;
	close(go[1]);
	ASSERT_EQ(read(go[0], &byte, 1), 0);
}

/* Closes an owner here while a child still has it, and then there. */
static void outlives_the_parent(int owner, const char *path)
{
	pid_t pid;

	ASSERT_OK(pipe(go));
	pid = spawn(hold_on, NULL);
	close(go[0]);
	close(owner);
	ASSERT_OK(access(path, F_OK));
	close(go[1]);
	wait_for(pid);
	ASSERT_EQ(access(path, F_OK), -1);
}

/* spec 1.7: the last close counts, wherever it is */
TEST(a_fork_inherits_what_the_file_owns)
{
	int control = control_open("");

	ASSERT_OK(bus_make_on(control, "0-forked"));
	outlives_the_parent(control, KDBUS_DEV "/0-forked/bus");
	control = control_open("");
	ASSERT_OK(domain_make_on(control, "forked"));
	outlives_the_parent(control, KDBUS_DEV "/domain/forked/control");
	bus_new(&bus);
	outlives_the_parent(ep_new(&bus, "forked", NULL, 0), path_of("forked"));
}

/* Opens again what a descriptor is of, whether or not it has a path. */
static int reopen(int fd)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, O_RDWR);
	return ret < 0 ? -errno : ret;
}

static int path_only(const char *path)
{
	int fd = open(path, O_PATH);

	ASSERT(fd >= 0);
	return fd;
}

/* spec 1.9: what has a node no longer can still be tried */
TEST(a_node_that_is_gone_opens_nothing)
{
	int domain, box, bus_fd, ep_fd, control_fd, opened;

	bus_new(&bus);
	box = ep_new(&bus, "box", NULL, 0);
	ep_fd = path_only(path_of("box"));
	bus_fd = path_only(bus.path);
	ASSERT(reopen(ep_fd) >= 0);
	close(box);
	ASSERT_EQ(reopen(ep_fd), -ESHUTDOWN);
	ASSERT(reopen(bus_fd) >= 0);
	close(bus.owner);
	ASSERT_EQ(reopen(bus_fd), -ESHUTDOWN);

	domain = control_open("");
	ASSERT_OK(domain_make_on(domain, "gone"));
	control_fd = path_only(KDBUS_DEV "/domain/gone/control");
	/* while it is open its device is known */
	opened = reopen(control_fd);
	ASSERT(opened >= 0);
	close(domain);
	ASSERT_EQ(reopen(control_fd), -ESHUTDOWN);

	/* one that nobody has opened has no device any more */
	domain = control_open("");
	ASSERT_OK(domain_make_on(domain, "unopened"));
	control_fd = path_only(KDBUS_DEV "/domain/unopened/control");
	close(domain);
	ASSERT_EQ(reopen(control_fd), -ENXIO);
}

static void *open_bus(void *arg)
{
	(void)arg;
	return (void *)(long)ep_open(&bus);
}

static void use_the_domain(void *arg)
{
	struct kdbus_client c;

	(void)arg;
	client_new(&c, &bus);
	ASSERT(kdbus_bus_make("beside", 0) >= 0);
	ASSERT_OK(domain_make_on(control_open(""), "beside"));
}

/* spec 1.9: who opens is asked for his command line, which may never come */
TEST(an_open_that_stalls_holds_up_nobody)
{
	struct stall stall;
	pthread_t t;
	void *fd;

	bus_new(&bus);
	stall_new(&stall);
	ASSERT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_START, stall.page, 0, 0));
	ASSERT_OK(prctl(PR_SET_MM, PR_SET_MM_ARG_END, stall.page + 8, 0, 0));
	ASSERT_OK(pthread_create(&t, NULL, open_bus, NULL));
	stall_wait(&stall);
	wait_for(spawn(use_the_domain, NULL));
	stall_serve(&stall, "stalled", 8);
	ASSERT_OK(pthread_join(t, &fd));
	ASSERT((long)fd >= 0);
}

/* ---- uevents ----------------------------------------------------------- */

static int uevents_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int size = 1 << 20;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC,
			NETLINK_KOBJECT_UEVENT);

	ASSERT(fd >= 0);
	ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
			     sizeof(size)));
	ASSERT_OK(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

/* Asks for a uevent of the device. */
static void uevent_cause(const char *device)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/%s/uevent", device);
	fd = open(path, O_WRONLY);
	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "change", 6), 6);
	close(fd);
}

/* Whether @text is in a uevent up to one of another device, caused here. */
static bool uevents_have(int fd, const char *text)
{
	bool have = false;
	char buf[4096];
	ssize_t n;

	uevent_cause("virtual/mem/null");
	do {
		n = recv(fd, buf, sizeof(buf) - 1, 0);
		ASSERT(n > 0);
		buf[n] = 0;
		have |= !!strstr(buf, text);
	} while (strcmp(buf, "change@/devices/virtual/mem/null"));
	return have;
}

/* spec 1.3: devtmpfs makes the files; udev and PID 1 need not look at each */
TEST(nodes_come_and_go_without_uevents)
{
	int fd = uevents_open(), i;
	struct stat st;

	for (i = 0; i < 10; i++) {
		int domain = control_open("");

		ASSERT_OK(domain_make_on(domain, "test-quiet"));
		bus_new(&bus);
		close(ep_new(&bus, "quiet", NULL, 0));
		ASSERT_OK(stat(bus.path, &st));
		close(bus.owner);
		close(domain);
		ASSERT(stat(bus.path, &st) < 0);
	}
	ASSERT(!uevents_have(fd, "kdbus"));
}

/* udev, and services that start after it, are told of the first control node */
TEST(the_control_node_of_the_initial_domain_has_uevents)
{
	int fd = uevents_open();

	uevent_cause("kdbus!control");
	ASSERT(uevents_have(fd, "change@/devices/kdbus!control"));
}

/* ---- names of buses ---------------------------------------------------- */

/* uid 65534 of the initial namespace, which its own does not map */
static void without_a_map(void *arg)
{
	(void)arg;
	ASSERT_OK(unshare(CLONE_NEWUSER));
	ASSERT_EQ(bus_make_on(control_open(""), "0-nomap"), -EINVAL);
	ASSERT_EQ(bus_make_on(control_open(""), "4294967295-nomap"), -EINVAL);
	ASSERT_EQ(bus_make_on(control_open(""), "-1-nomap"), -EINVAL);
	ASSERT_OK(bus_make_on(control_open(""), "65534-nomap"));
}

static void with_a_map(void *arg)
{
	(void)arg;
	ASSERT_OK(unshare(CLONE_NEWUSER));
	map_root(NOBODY);
	ASSERT_EQ(bus_make_on(control_open(""), "0-mapped"), -EINVAL);
	ASSERT_OK(bus_make_on(control_open(""), "65534-mapped"));
	/* the node's owner is seen as uid 0 here */
	check_stat(KDBUS_DEV "/65534-mapped/bus", 0666, 0, NOBODY);

	/* a domain made in this namespace has the uids of this namespace */
	ASSERT_OK(domain_make_on(*(int *)arg, "test-container"));
	ASSERT_EQ(bus_make_on(control_open("/domain/test-container"),
			      "65534-inside"), -EINVAL);
	ASSERT_OK(bus_make_on(control_open("/domain/test-container"),
			      "0-inside"));
}

/* spec 1.11, decision 24: root of a user namespace gets no name of uid 0 */
TEST(the_prefix_is_the_uid_in_the_namespace_of_the_domain)
{
	int domain = control_open("");

	as_uid(NOBODY, without_a_map, NULL);
	as_uid(NOBODY, with_a_map, &domain);
	/* root has no uid in that domain */
	ASSERT_EQ(bus_make_on(control_open("/domain/test-container"),
			      "0-outside"), -EINVAL);
	ASSERT_EQ(bus_make_on(control_open("/domain/test-container"),
			      "4294967295-outside"), -EINVAL);
}
