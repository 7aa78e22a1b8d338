// SPDX-License-Identifier: GPL-2.0
/*
 * Every command fails at every place where it can: each allocation and each
 * copy from and to user memory it makes is failed once, the first, the second
 * and so on, until the command gets by without. After each failure the errno
 * says what failed, all the module lists is as before, no file descriptor is
 * left, and the same command then succeeds, on the same file. What arrives then,
 * or where it could do without, is what arrives when nothing fails, but for
 * metadata that the case says may lack. What is lost without being listed is
 * found by kmemleak at the end of the run.
 *
 * Here: objects, connections, names, matches and memfds. Messages, what moves
 * and what is told of have debug-fail-nth-*.c of their own.
 *
 * For kernels with /proc/self/fail-nth, which Debian's have not: see
 * docs/testing.rst.
 */
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>

#include "failing.h"
#include "fixtures.h"

#define NAME "o.n"

static struct bus bus;
static struct kdbus_client a, b;
/* the command, built beforehand so that nothing of that can fail */
static struct kdbus_builder cmd;

static void world(void)
{
	inject_all();
	bus_new(&bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
	last_old_id = b.hello.id;
}

/* ---- looking at things -------------------------------------------------- */

/* Everything one is told of another one. */
static void note_conn(struct kdbus_client *by, __u64 id)
{
	const struct kdbus_conn_info *info;

	ASSERT_OK(conn_info(by, id, NULL, _KDBUS_ATTACH_ALL, &info));
	note_info(by, info);
	ASSERT_OK(kdbus_client_free(by, info));
}

/* What is told of a new connection, to itself and to others, and what to it. */
static void note_new(int fd, const struct kdbus_cmd_hello *hello)
{
	static struct kdbus_client c;

	note_hello(hello);
	note_conn(&a, hello->id);
	c.fd = fd;
	c.pool = mmap(NULL, hello->pool_size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT(c.pool != MAP_FAILED);
	note_conn(&c, a.hello.id);
	ASSERT_OK(munmap(c.pool, hello->pool_size));
}

/* ---- making things ------------------------------------------------------ */

#define CONTROL KDBUS_DEV "/control"

static const char *path;
static int made = -1;

static int open_path(void)
{
	made = open(path, O_RDWR | O_CLOEXEC);
	return made < 0 ? -errno : 0;
}

static void must_open(void)
{
	ASSERT_OK(open_path());
}

static void unmake(void)
{
	ASSERT_OK(close(made));
	made = -1;
}

TEST(open_of_the_control_node)
{
	world();
	path = CONTROL;
	fail_each(&(struct op){ .run = open_path, .undo = unmake });
}

static void connect_and_unmake(void)
{
	static struct kdbus_builder plain;

	kdbus_build_hello(&plain, 0, 0);
	ASSERT_OK(xioctl(made, KDBUS_CMD_HELLO, plain.buf));
	note_new(made, (void *)plain.buf);
	unmake();
}

/* What is told of who opened it is taken then, and may be less. */
TEST(open_of_an_endpoint)
{
	world();
	path = bus.path;
	fail_each(&(struct op){ .run = open_path, .undo = connect_and_unmake,
				.may_lack = LACK(KDBUS_ITEM_EXE) |
					    LACK(KDBUS_ITEM_CMDLINE) |
					    LACK(KDBUS_ITEM_SECLABEL) });
}

static int make_bus(void)
{
	return xioctl(made, KDBUS_CMD_BUS_MAKE, cmd.buf);
}

static int make_domain(void)
{
	return xioctl(made, KDBUS_CMD_DOMAIN_MAKE, cmd.buf);
}

static int make_endpoint(void)
{
	return xioctl(made, KDBUS_CMD_EP_MAKE, cmd.buf);
}

static void make_each(const char *at, int (*make)(void))
{
	path = at;
	fail_each(&(struct op){ .prepare = must_open, .run = make,
				.undo = unmake });
}

static void build_make(const char *name)
{
	struct kdbus_cmd_make *make = kdbus_build_cmd(&cmd, sizeof(*make));

	make->flags = KDBUS_MAKE_ACCESS_WORLD;
	kdbus_build_string(&cmd, KDBUS_ITEM_MAKE_NAME, name);
}

static void build_policy(void)
{
	kdbus_build_string(&cmd, KDBUS_ITEM_NAME, "o.policy");
	kdbus_build_access(&cmd, KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_OWN,
			   NOBODY);
	kdbus_build_access(&cmd, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_SEE,
			   0);
}

TEST(bus_make)
{
	struct kdbus_bloom_parameter bloom = { .size = BLOOM_BYTES, .n_hash = 1 };

	world();
	build_make("0-fail-nth");
	kdbus_build_item(&cmd, KDBUS_ITEM_BLOOM_PARAMETER, &bloom,
			 sizeof(bloom));
	make_each(CONTROL, make_bus);
}

TEST(domain_make)
{
	world();
	build_make("fail-nth");
	make_each(CONTROL, make_domain);
}

TEST(ep_make)
{
	world();
	build_make("fail-nth");
	build_policy();
	make_each(bus.path, make_endpoint);
}

static void begin_update(void)
{
	kdbus_build_cmd(&cmd, sizeof(struct kdbus_cmd_update));
}

/* ---- policies ----------------------------------------------------------- */

/* Who is asked what the policy is, which the listings do not tell. */
static struct kdbus_client subject;
static struct kdbus_builder old_policy;

static void build_grant(struct kdbus_builder *b, const char *name)
{
	kdbus_build_string(b, KDBUS_ITEM_NAME, name);
	kdbus_build_access(b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN, 0);
}

/* Two updates: to a policy that grants the one name, or the other. */
static void build_policies(void)
{
	begin_update();
	build_grant(&cmd, "o.new");
	kdbus_build_access(&cmd, KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_OWN,
			   NOBODY);
	kdbus_build_cmd(&old_policy, sizeof(struct kdbus_cmd_update));
	build_grant(&old_policy, "o.old");
}

static int try_to_own(const char *name)
{
	int ret = kdbus_client_acquire(&subject, name, 0);

	if (!ret)
		ASSERT_OK(kdbus_client_release(&subject, name));
	return ret;
}

static void expect_policy(const char *granted, const char *refused)
{
	ASSERT_OK(try_to_own(granted));
	ASSERT_EQ(try_to_own(refused), -EPERM);
}

static void policy_is_old(int ret)
{
	(void)ret;
	expect_policy("o.old", "o.new");
}

static int update_endpoint(void)
{
	return xioctl(made, KDBUS_CMD_EP_UPDATE, cmd.buf);
}

static void update_endpoint_back(void)
{
	expect_policy("o.new", "o.old");
	ASSERT_OK(xioctl(made, KDBUS_CMD_EP_UPDATE, old_policy.buf));
}

TEST(ep_update)
{
	world();
	build_make("fail-nth");
	path = bus.path;
	must_open();
	ASSERT_OK(make_endpoint());
	client_at(&subject, &bus, "fail-nth");
	build_policies();
	/* an endpoint may have several names */
	build_policy();
	ASSERT_OK(xioctl(made, KDBUS_CMD_EP_UPDATE, old_policy.buf));
	fail_each(&(struct op){ .run = update_endpoint,
				.undo = update_endpoint_back,
				.failed = policy_is_old });
}

static struct kdbus_client holder;

static int update_holder(void)
{
	return xioctl(holder.fd, KDBUS_CMD_CONN_UPDATE, cmd.buf);
}

static void update_holder_back(void)
{
	expect_policy("o.new", "o.old");
	ASSERT_OK(xioctl(holder.fd, KDBUS_CMD_CONN_UPDATE, old_policy.buf));
}

TEST(conn_update_policy)
{
	world();
	holder_new(&holder, &bus, "o.old", WORLD, 0, OWN);
	client_new_as(&subject, &bus, NOBODY);
	build_policies();
	fail_each(&(struct op){ .run = update_holder,
				.undo = update_holder_back,
				.failed = policy_is_old });
}

/* ---- connections -------------------------------------------------------- */

static int hello(void)
{
	return xioctl(made, KDBUS_CMD_HELLO, cmd.buf);
}

/* There is a connection although its owner could not be told of it. */
static void connected_after_all(int ret)
{
	if (xioctl(made, KDBUS_CMD_BYEBYE, NULL) == -ENOTTY)
		return;
	ASSERT_EQ(ret, -EFAULT);
	unmake();
	must_open();
}

static void look_and_unmake(void)
{
	note_new(made, (void *)cmd.buf);
	unmake();
}

static void hello_at(const char *at)
{
	path = at;
	fail_each(&(struct op){ .prepare = must_open, .run = hello,
				.undo = look_and_unmake,
				.failed = connected_after_all });
}

static void hello_each(void)
{
	hello_at(bus.path);
}

TEST(hello_ordinary)
{
	struct kdbus_creds creds = { .uid = NOBODY, .gid = NOBODY };

	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_ACCEPT_FD, _KDBUS_ATTACH_ALL);
	kdbus_build_string(&cmd, KDBUS_ITEM_CONN_NAME, "fail-nth");
	kdbus_build_item(&cmd, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	kdbus_build_string(&cmd, KDBUS_ITEM_SECLABEL, "label");
	hello_each();
}

TEST(hello_activator)
{
	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_ACTIVATOR, 0);
	build_policy();
	hello_each();
}

TEST(hello_policy_holder)
{
	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_POLICY_HOLDER, 0);
	build_policy();
	hello_each();
}

TEST(hello_monitor)
{
	world();
	kdbus_build_hello(&cmd, KDBUS_HELLO_MONITOR, 0);
	hello_each();
}

/* A sandbox in which NAME can be seen. */
static const char *sandbox_new(void)
{
	static char box[200];

	ASSERT(ep_new(&bus, "box", NAME, SEE) >= 0);
	return kdbus_endpoint_path(box, sizeof(box), bus.name, "box");
}

TEST(hello_in_a_sandbox)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	kdbus_build_hello(&cmd, 0, _KDBUS_ATTACH_ALL);
	kdbus_build_string(&cmd, KDBUS_ITEM_CONN_NAME, "fail-nth");
	hello_at(sandbox_new());
}

static void drop_ptrace(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	ASSERT_OK(syscall(SYS_capget, &head, data));
	data[0].effective &= ~(1U << CAP_SYS_PTRACE);
	ASSERT_OK(syscall(SYS_capset, &head, data));
}

/*
 * What it is told of others, as long as it is there, depends on whether its
 * /proc hides them: that is found out, or there is no connection.
 */
TEST(hello_by_who_may_not_trace)
{
	world();
	drop_ptrace();
	kdbus_build_hello(&cmd, 0, _KDBUS_ATTACH_ALL);
	hello_at(bus.path);
}

#define GROUP_DIR "/sys/fs/cgroup/kdbus-fail-nth"

static void join_group(const char *procs)
{
	int fd = open(procs, O_WRONLY | O_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, "0", 1), 1);
	close(fd);
}

/* Then the path of the namespace's root is remembered. */
TEST(hello_in_a_cgroup_namespace)
{
	world();
	ASSERT(!mkdir(GROUP_DIR, 0755) || errno == EEXIST);
	join_group(GROUP_DIR "/cgroup.procs");
	ASSERT_OK(unshare(CLONE_NEWCGROUP));
	kdbus_build_hello(&cmd, 0, _KDBUS_ATTACH_ALL);
	hello_each();
	join_group("/sys/fs/cgroup/cgroup.procs");
	ASSERT_OK(rmdir(GROUP_DIR));
}

static int update_a(void)
{
	return xioctl(a.fd, KDBUS_CMD_CONN_UPDATE, cmd.buf);
}

static void update_a_to(__u64 flags)
{
	begin_update();
	kdbus_build_item(&cmd, KDBUS_ITEM_ATTACH_FLAGS, &flags, sizeof(flags));
}

static void update_a_back(void)
{
	static struct kdbus_builder update;

	update = cmd;
	update_a_to(KDBUS_ATTACH_CREDS);
	ASSERT_OK(update_a());
	cmd = update;
	ASSERT_EQ(listed("connections", &bus, a.hello.id, "attach_flags"),
		  KDBUS_ATTACH_CREDS);
}

/* The flags are listed. */
TEST(conn_update_attach_flags)
{
	world();
	update_a_to(KDBUS_ATTACH_TIMESTAMP);
	update_a_back();
	fail_each(&(struct op){ .run = update_a, .undo = update_a_back });
}

static struct kdbus_cmd_conn_info *info;

static int get_info(void)
{
	return xioctl(a.fd, KDBUS_CMD_CONN_INFO, info);
}

static void free_info(void)
{
	note_info(&a, (const void *)(a.pool + info->offset));
	ASSERT_OK(kdbus_client_free(&a, a.pool + info->offset));
	info->offset = 0;
}

static void conn_info_each(void)
{
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	info = kdbus_build_cmd(&cmd, sizeof(*info));
	info->size = sizeof(*info) + sizeof(NAME);
	strcpy(info->name, NAME);
	info->flags = _KDBUS_ATTACH_ALL;
	fail_each(&(struct op){ .run = get_info, .undo = free_info });
}

TEST(conn_info_by_name)
{
	world();
	conn_info_each();
}

/* Who asks is in a sandbox from now on. */
static void a_enters_sandbox(void)
{
	const char *box = sandbox_new();

	kdbus_client_close(&a);
	ASSERT_OK(kdbus_client_open(&a, box, 0, 0, 0, NULL));
	last_old_id = a.hello.id;
}

TEST(conn_info_in_a_sandbox)
{
	world();
	a_enters_sandbox();
	conn_info_each();
}

/* ---- names -------------------------------------------------------------- */

static int acquire(void)
{
	int ret = kdbus_client_acquire(&a, NAME, KDBUS_NAME_QUEUE |
				       KDBUS_NAME_REPLACE_EXISTING);

	return ret > 0 ? 0 : ret;
}

static int release(void)
{
	return kdbus_client_release(&a, NAME);
}

/* The answer to who has got the name may fail to reach him. */
static void acquired_after_all(int ret)
{
	if (ret == -EFAULT)
		release();
}

static void must_acquire(void)
{
	ASSERT_OK(acquire());
}

static void must_release(void)
{
	ASSERT_OK(release());
}

TEST(name_acquire)
{
	world();
	fail_each(&(struct op){ .run = acquire, .undo = must_release,
				.failed = acquired_after_all });
}

TEST(name_acquire_from_its_owner)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE |
				       KDBUS_NAME_ALLOW_REPLACEMENT));
	fail_each(&(struct op){ .run = acquire, .undo = must_release,
				.failed = acquired_after_all });
}

TEST(name_acquire_in_the_queue)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	fail_each(&(struct op){ .run = acquire, .undo = must_release,
				.failed = acquired_after_all });
}

TEST(name_release)
{
	world();
	fail_each(&(struct op){ .prepare = must_acquire, .run = release });
}

static void must_acquire_from_b(void)
{
	ASSERT_OK(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE |
				       KDBUS_NAME_ALLOW_REPLACEMENT));
	must_acquire();
}

static void b_releases(void)
{
	ASSERT_OK(kdbus_client_release(&b, NAME));
}

TEST(name_release_to_who_waits)
{
	world();
	fail_each(&(struct op){ .prepare = must_acquire_from_b,
				.run = release, .undo = b_releases });
}

static const struct kdbus_name_list *list;

static int list_names(void)
{
	return kdbus_client_list(&a, KDBUS_NAME_LIST_UNIQUE |
				 KDBUS_NAME_LIST_NAMES |
				 KDBUS_NAME_LIST_ACTIVATORS |
				 KDBUS_NAME_LIST_QUEUED, &list);
}

static void free_list(void)
{
	note_bytes(&a, list, list->size);
	ASSERT_OK(kdbus_client_free(&a, list));
}

TEST(name_list)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_EQ(kdbus_client_acquire(&a, NAME, KDBUS_NAME_QUEUE), 1);
	fail_each(&(struct op){ .run = list_names, .undo = free_list });
}

TEST(name_list_in_a_sandbox)
{
	world();
	ASSERT_OK(kdbus_client_acquire(&b, NAME, 0));
	ASSERT_OK(kdbus_client_acquire(&b, "o.unseen", 0));
	a_enters_sandbox();
	fail_each(&(struct op){ .run = list_names, .undo = free_list });
}

/* ---- matches ------------------------------------------------------------ */

static int match_add(void)
{
	return xioctl(a.fd, KDBUS_CMD_MATCH_ADD, cmd.buf);
}

static int match_remove(void)
{
	return kdbus_client_match_remove(&a, 7);
}

static void must_match(void)
{
	ASSERT_OK(match_add());
}

static void must_unmatch(void)
{
	ASSERT_OK(match_remove());
}

static void build_match(void)
{
	static const __u8 mask[2 * BLOOM_BYTES];
	struct kdbus_cmd_match *match = kdbus_build_cmd(&cmd, sizeof(*match));
	__u64 id = KDBUS_MATCH_ID_ANY;

	match->cookie = 7;
	kdbus_build_item(&cmd, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	kdbus_build_string(&cmd, KDBUS_ITEM_NAME, NAME);
	kdbus_build_item(&cmd, KDBUS_ITEM_ID, &id, sizeof(id));
}

TEST(match_add_rules)
{
	world();
	build_match();
	fail_each(&(struct op){ .run = match_add, .undo = must_unmatch });
}

TEST(match_remove_rules)
{
	world();
	build_match();
	fail_each(&(struct op){ .prepare = must_match, .run = match_remove });
}

/* ---- memfds ------------------------------------------------------------- */

static int memfd = -1, sealed;
static __u64 size;

static int memfd_new(void)
{
	made = kdbus_memfd_make(&a, "fail-nth");
	return made < 0 ? made : 0;
}

TEST(memfd_new_with_a_name)
{
	world();
	fail_each(&(struct op){ .run = memfd_new, .undo = unmake });
}

static int size_get(void)
{
	return xioctl(memfd, KDBUS_CMD_MEMFD_SIZE_GET, &size);
}

static int size_set(void)
{
	return xioctl(memfd, KDBUS_CMD_MEMFD_SIZE_SET, &size);
}

static void expect_size(__u64 want)
{
	__u64 now;

	ASSERT_OK(xioctl(memfd, KDBUS_CMD_MEMFD_SIZE_GET, &now));
	ASSERT_EQ(now, want);
}

static void size_is_known(void)
{
	ASSERT_EQ(size, 4096);
	size = 0;
}

static void size_is_old(int ret)
{
	(void)ret;
	expect_size(4096);
}

static void resize_back(void)
{
	__u64 old = 4096;

	ASSERT_OK(xioctl(memfd, KDBUS_CMD_MEMFD_SIZE_SET, &old));
}

static void resized(void)
{
	expect_size(size);
	resize_back();
}

TEST(memfd_size)
{
	world();
	memfd = kdbus_memfd_make(&a, NULL);
	ASSERT(memfd >= 0);
	resize_back();
	fail_each(&(struct op){ .run = size_get, .undo = size_is_known });
	size = 10000;
	fail_each(&(struct op){ .run = size_set, .undo = resized,
				.failed = size_is_old });
}

static int seal_get(void)
{
	return xioctl(memfd, KDBUS_CMD_MEMFD_SEAL_GET, &sealed);
}

static void seal_is_known(void)
{
	ASSERT_EQ(sealed, 1);
	sealed = 0;
}

static int seal_set(void)
{
	return kdbus_memfd_seal(memfd, true);
}

static void unseal(void)
{
	ASSERT_OK(seal_get());
	seal_is_known();
	ASSERT_OK(kdbus_memfd_seal(memfd, false));
}

TEST(memfd_seal)
{
	world();
	memfd = kdbus_memfd_make(&a, NULL);
	ASSERT(memfd >= 0);
	resize_back();
	fail_each(&(struct op){ .run = seal_set, .undo = unseal, .never = 1 });
	ASSERT_OK(seal_set());
	fail_each(&(struct op){ .run = seal_get, .undo = seal_is_known });
}
