// SPDX-License-Identifier: GPL-2.0
/*
 * Files in messages and the security module: a receiver gets what AppArmor lets
 * it have, -1 for the rest, and an event says so.
 */
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>

#include "fixtures.h"
#include "tracelog.h"

static struct bus bus;
static struct kdbus_client a, b;

/* a directory of files; "secret" is what the receiver's profile denies */
static char dir[] = "/tmp/kdbus-lsm-XXXXXX";
static int open_file, secret_file;

/*
 * AppArmor takes a file that an unconfined task has opened for delegated, so
 * the sender is confined too.
 */
static void profiles_load(void)
{
	char path[64], command[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/profiles", dir);
	f = fopen(path, "w");
	ASSERT(f);
	fprintf(f, "abi <abi/3.0>,\n"
		"profile kdbus-test-sender {\n"
		"  file,\n  capability,\n  signal,\n  ptrace,\n  mount,\n"
		"  change_profile -> kdbus-test-receiver,\n}\n"
		"profile kdbus-test-receiver {\n"
		"  file,\n  capability,\n  signal,\n  ptrace,\n"
		"  deny %s/secret rw,\n}\n", dir);
	ASSERT_OK(fclose(f));
	snprintf(command, sizeof(command),
		 "/sbin/apparmor_parser -K -r %s", path);
	ASSERT_OK(system(command));
}

/* From now on the calling task is under this profile. */
static void confine(const char *profile)
{
	char buf[100];
	int fd, n;

	fd = open("/proc/thread-self/attr/apparmor/current", O_WRONLY);
	ASSERT(fd >= 0);
	n = snprintf(buf, sizeof(buf), "changeprofile %s", profile);
	ASSERT_EQ(write(fd, buf, n), n);
	close(fd);
}

static bool apparmor_is_on(void)
{
	int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY);
	char c = 0;

	if (fd < 0)
		return false;
	ASSERT_EQ(read(fd, &c, 1), 1);
	close(fd);
	return c == 'Y';
}

static int file_new(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, name, 4), 4);
	return fd;
}

static void setup(void)
{
	if (!apparmor_is_on())
		SKIP("AppArmor is not on in this kernel");
	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount("", "/", "", MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(mount("securityfs", "/sys/kernel/security", "securityfs", 0,
			NULL));
	ASSERT(mkdtemp(dir));
	profiles_load();
	trace_start();
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	confine("kdbus-test-sender");
	open_file = file_new("open");
	secret_file = file_new("secret");
}

static int count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	ASSERT(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int sealed_memfd(void)
{
	int fd = kdbus_memfd_make(&a, NULL);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "data", 4), 4);
	ASSERT_OK(kdbus_memfd_seal(fd, true));
	return fd;
}

/* A memfd as payload, and files of which the second and fourth are secret. */
static void build_files(struct kdbus_builder *m, __u64 dst)
{
	int fds[4] = { open_file, secret_file, open_file, secret_file };

	kdbus_build_msg(m, dst, 1);
	kdbus_build_memfd(m, sealed_memfd(), 4);
	kdbus_build_fds(m, fds, 4);
}

static void expect_files(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	char buf[4];

	ASSERT(item);
	ASSERT(item->fds[0] >= 0 && item->fds[2] >= 0);
	ASSERT_EQ(item->fds[1], -1);
	ASSERT_EQ(item->fds[3], -1);
	ASSERT_EQ(fcntl(item->fds[2], F_GETFD), FD_CLOEXEC);
	ASSERT_EQ(pread(item->fds[0], buf, 4, 0), 4);
	ASSERT_OK(memcmp(buf, "open", 4));
	item = kdbus_msg_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD);
	ASSERT(item);
	ASSERT_EQ(pread(item->memfd.fd, buf, 4, 0), 4);
	ASSERT_OK(memcmp(buf, "data", 4));
}

static void receive_files(void *arg)
{
	const struct kdbus_msg *msg;
	int before = count_descriptors();

	(void)arg;
	confine("kdbus-test-receiver");
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	expect_files(msg);
	ASSERT_EQ(count_descriptors(), before + 3);
	ASSERT_OK(kdbus_client_free(&b, msg));
	expect_nothing(&b);
}

static void expect_events(__u64 receiver, __u64 sender)
{
	struct event *e = find("file_deny", 0);

	ASSERT_NUM(e, "conn", receiver);
	ASSERT_NUM(e, "src", sender);
	ASSERT_NUM(e, "msg", num(find_with("msg_recv", "conn", receiver, 0),
				 "msg"));
	ASSERT_NUM(e, "index", 2);
	ASSERT_NUM(e, "payload", 0);
	ASSERT_NUM(e, "ret", -EACCES);
	ASSERT_NUM(find("file_deny", 1), "index", 4);
	ASSERT_EQ(count("file_deny"), 2);
}

/* spec 12.3, 25, decision 28 */
TEST(a_file_that_is_denied_arrives_as_minus_one)
{
	struct kdbus_builder m;

	setup();
	build_files(&m, b.hello.id);
	ASSERT_OK(kdbus_client_send(&a, &m));
	wait_for(spawn(receive_files, NULL));
	trace_stop();
	expect_events(b.hello.id, a.hello.id);
	trace_account_for_messages();
	/* what was denied is gone, and counts for nobody */
	ASSERT_EQ(listed_user(0, "files"), 0);
}

/* spec 12.3, decision 28: who is not confined so gets them all */
TEST(a_receiver_who_may_have_them_gets_all)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_builder m;
	int i;

	setup();
	build_files(&m, b.hello.id);
	ASSERT_OK(kdbus_client_send(&a, &m));
	ASSERT_OK(kdbus_client_recv(&b, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_FDS);
	for (i = 0; i < 4; i++)
		ASSERT(item->fds[i] >= 0);
	trace_stop();
	ASSERT_EQ(count("file_deny"), 0);
}

static void call_for_files(void *arg)
{
	const struct kdbus_msg *reply;
	struct kdbus_builder m;

	(void)arg;
	confine("kdbus-test-receiver");
	kdbus_build_msg(&m, a.hello.id, 7);
	ASSERT_OK(kdbus_client_call(&b, &m, SOON(10000), &reply));
	expect_files(reply);
}

/* spec 10.6, 12.3, decision 28: nor does a caller get them by a reply */
TEST(a_reply_brings_no_file_that_is_denied)
{
	const struct kdbus_msg *request;
	struct kdbus_builder m;
	pid_t pid;

	setup();
	pid = spawn(call_for_files, NULL);
	ASSERT_OK(kdbus_client_next(&a, SOON(10000) / MSEC, &request));
	build_files(&m, b.hello.id);
	m.msg.cookie_reply = request->cookie;
	ASSERT_OK(kdbus_client_send(&a, &m));
	wait_for(pid);
	trace_stop();
	expect_events(b.hello.id, a.hello.id);
}
