// SPDX-License-Identifier: GPL-2.0
/*
 * Memory is charged to the control group of who has it, and a group that is
 * full fails what is sent to it: nobody is killed, and nothing it does goes
 * unheard.
 */
#include "fixtures.h"
#include "tracelog.h"

#define CGROUP "/sys/fs/cgroup/kdbus-charged"
#define MIB (1 << 20)
#define NAMES 64
#define CHANGES 1000

static struct bus bus;
static struct kdbus_client a;
static char data[MIB];

/* ---- control groups -------------------------------------------------------- */

static void group_write(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void group_new(const char *max)
{
	group_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	rmdir(CGROUP);
	ASSERT_OK(mkdir(CGROUP, 0755));
	group_write(CGROUP "/memory.max", max);
}

/* A number out of one of the group's listings. */
static long long group_number(const char *file, const char *what)
{
	char line[128];
	long long n = -1;
	FILE *f = fopen(file, "r");

	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)) &&
		    line[strlen(what)] == ' ')
			n = atoll(line + strlen(what));
	fclose(f);
	ASSERT(n >= 0);
	return n;
}

/* The number that is all of a file of the group. */
static long long group_value(const char *file)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), CGROUP "/%s", file);
	fd = open(path, O_RDONLY);
	ASSERT(fd >= 0);
	ASSERT(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return atoll(text);
}

/* The kernel sums these up when it comes to it. */
static void wait_stat(const char *what, long long at_least)
{
	int i;

	for (i = 0; i < 3000; i++) {
		if (group_number(CGROUP "/memory.stat", what) >= at_least)
			return;
		poll(NULL, 0, 10);
	}
	test_fail(__FILE__, __LINE__, "%s is %lld, less than %lld", what,
		  group_number(CGROUP "/memory.stat", what), at_least);
}

static void expect_nobody_killed(void)
{
	ASSERT_EQ(group_number(CGROUP "/memory.events", "oom"), 0);
	ASSERT_EQ(group_number(CGROUP "/memory.events", "oom_kill"), 0);
}

/* ---- a member of the group -------------------------------------------------- */

/*
 * Has two connections. At the end of the pipe it goes on with what is to be
 * done in the full group, touching no page that it has not touched.
 */
static struct member {
	pid_t pid;
	int go[2];
	int ready[2];
	__u64 ids[2];
} member;

static struct kdbus_client mine[2];

static void member_begin(void)
{
	char x;
	int i;

	group_write(CGROUP "/cgroup.procs", "0");
	for (i = 0; i < 2; i++) {
		client_new(&mine[i], &bus);
		ASSERT_EQ(write(member.ready[1], &mine[i].hello.id, 8), 8);
	}
	close(member.go[1]);
	close(member.ready[0]);
	(void)!read(member.go[0], &x, 1);
}

static void member_new(void (*run)(void *), const char *max)
{
	int i;

	bus_new(&bus);
	client_new(&a, &bus);
	group_new(max);
	ASSERT_OK(pipe(member.go));
	ASSERT_OK(pipe(member.ready));
	member.pid = spawn(run, NULL);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(read(member.ready[0], &member.ids[i], 8), 8);
}

static void member_end(void)
{
	close(member.go[1]);
	wait_for(member.pid);
	expect_nobody_killed();
	ASSERT_OK(rmdir(CGROUP));
}

static int put(__u64 dst, size_t size)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, dst, 1);
	kdbus_build_vec(&m, data, size);
	return kdbus_client_send(&a, &m);
}

static int drain(struct kdbus_client *c)
{
	const struct kdbus_msg *msg;
	int n = 0;

	for (; !kdbus_client_recv(c, 0, 0, &msg); n++)
		ASSERT_OK(kdbus_client_free(c, msg));
	return n;
}

/* Fills the group through the first connection, to the last page. */
static void fill_group(void)
{
	size_t size;
	int ret;

	param_set("max_msgs_per_sender", 4000);
	for (size = MIB; size >= 4096; size /= 16)
		while (!(ret = put(member.ids[0], size)))
			;
	ASSERT_EQ(ret, -ENOMEM);
}

static void only_wait(void *arg)
{
	(void)arg;
	member_begin();
}

/* ---- who pays ---------------------------------------------------------------- */

/* spec 8.6, 11.5, decision 20: for the pages, and for what describes the slices */
TEST(a_receiver_pays_for_its_pool)
{
	long long slab;
	int i;

	member_new(only_wait, "64M");
	for (i = 0; i < 8; i++)
		ASSERT_OK(put(member.ids[0], MIB - 4096));
	wait_stat("shmem", 8 * (MIB - 4096));
	/* these are so small that the slice is more than the page it takes */
	slab = group_number(CGROUP "/memory.stat", "slab");
	param_set("max_msgs_per_sender", 4000);
	for (i = 0; i < 3000; i++)
		ASSERT_OK(put(member.ids[1], 8));
	wait_stat("slab", slab + 3000 * 100);
	member_end();
}

#define INSTALLED 200

static void install(void *arg)
{
	char name[32];
	int i;

	(void)arg;
	member_begin();
	for (i = 0; i < INSTALLED; i++)
		ASSERT_OK(match_rule(&mine[0], i, KDBUS_ITEM_BLOOM_MASK, data,
				     60 * BLOOM_BYTES));
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "com.example.n%d", i);
		ASSERT_OK(kdbus_client_acquire(&mine[1], name, 0));
	}
	/* what an open file remembers of who opened it */
	for (i = 0; i < INSTALLED; i++)
		ep_open(&bus);
	ASSERT_EQ(write(member.ready[1], "y", 1), 1);
	poll(&(struct pollfd){ .fd = member.ready[1] }, 1, -1);
}

/* spec 11.5 */
TEST(who_installs_something_pays_for_it)
{
	long long slab;
	char x;

	member_new(install, "64M");
	slab = group_number(CGROUP "/memory.stat", "slab");
	close(member.go[1]);
	ASSERT_EQ(read(member.ready[0], &x, 1), 1);
	wait_stat("slab", slab + INSTALLED * (60 * BLOOM_BYTES + 256) +
		  NAMES * 128);
	close(member.ready[0]);
	member_end();
}

static void receive_afterwards(void *arg)
{
	(void)arg;
	member_begin();
	/* with what it gives back it goes on */
	ASSERT(drain(&mine[0]) > 0);
	kdbus_client_close(&mine[0]);
	drain(&mine[1]);
	ASSERT_OK(send_to(&mine[1], a.hello.id, 7, "still there"));
}

/* spec 8.6, 8.7: the sender is told */
TEST(a_receiver_that_is_full_fails_its_senders)
{
	member_new(receive_afterwards, "8M");
	fill_group();
	ASSERT_EQ(put(member.ids[1], MIB), -ENOMEM);
	expect_nobody_killed();
	member_end();
	expect_msg(&a, member.ids[1], 7);
}

static void warm_up(void *arg)
{
	(void)arg;
	member_begin();
	drain(&mine[1]);
	ASSERT_EQ(write(member.ready[1], "y", 1), 1);
	/* nothing more: whoever does something in a full group is on his own */
	pause();
}

/*
 * spec 8.6, 11.5: messages that need no page, since the pool has them from before, still need
 * memory that says where they lie.
 */
TEST(a_full_group_is_not_killed_by_small_messages)
{
	int i, ret = 0;
	char x;

	member_new(warm_up, "8M");
	for (i = 0; i < 250; i++)
		ASSERT_OK(put(member.ids[1], 3000));
	close(member.go[1]);
	ASSERT_EQ(read(member.ready[0], &x, 1), 1);

	fill_group();
	for (i = 0; i < 3000 && !ret; i++)
		ret = put(member.ids[1], 8);
	ASSERT_EQ(ret, -ENOMEM);
	expect_nobody_killed();
	ASSERT_OK(kill(member.pid, SIGKILL));
	ASSERT_EQ(waitpid(member.pid, NULL, 0), member.pid);
	ASSERT_OK(rmdir(CGROUP));
}

static void listen_and_sleep(void *arg)
{
	(void)arg;
	member_begin();
	hear_all(&mine[0], 1);
	hear_all(&mine[1], 1);
	ASSERT_EQ(write(member.ready[1], "y", 1), 1);
	pause();
}

/*
 * spec 18.3: what strangers do is not charged to those who would hear
 * of it past their limit, and what they miss is told by an event
 */
TEST(a_full_group_is_not_charged_for_notices)
{
	long long max = 8 * MIB;
	int i;
	char x;

	member_new(listen_and_sleep, "8M");
	close(member.go[1]);
	ASSERT_EQ(read(member.ready[0], &x, 1), 1);
	fill_group();
	/* more than what fits on pages the group has already */
	param_set("max_notices_per_conn", 4 * CHANGES);
	trace_start_with((const char *[]){ "msg_drop", "msg_queue", NULL });
	for (i = 0; i < CHANGES; i++) {
		ASSERT_OK(kdbus_client_acquire(&a, "com.example.n", 0));
		ASSERT_OK(kdbus_client_release(&a, "com.example.n"));
	}
	wait_listed_user(0, "notices", 0);
	trace_stop();
	/* each of both has been told, or an event says why not */
	ASSERT(count_with("msg_drop", "ret", -ENOMEM) > 0);
	ASSERT_EQ(count("msg_drop") + count("msg_queue"), 2 * 2 * CHANGES);
	ASSERT(group_value("memory.current") <= max);
	expect_nobody_killed();
	ASSERT_OK(kill(member.pid, SIGKILL));
	ASSERT_EQ(waitpid(member.pid, NULL, 0), member.pid);
	ASSERT_OK(rmdir(CGROUP));
}

/* ---- what a full group does --------------------------------------------------- */

static void leave_with_names(void *arg)
{
	char name[32];
	int i;

	(void)arg;
	member_begin();
	for (i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "com.example.n%d", i);
		ASSERT_OK(kdbus_client_acquire(&mine[1], name, 0));
	}
	ASSERT_EQ(write(member.ready[1], "y", 1), 1);
	/* the other end of both pipes is gone when the group is full */
	poll(&(struct pollfd){ .fd = member.ready[1] }, 1, -1);
	kdbus_client_byebye(&mine[1]);
	pause();
}

static const struct kdbus_item *next_notice(const struct kdbus_msg **msg)
{
	ASSERT_OK(kdbus_client_next(&a, 30000, msg));
	ASSERT_EQ((*msg)->src_id, KDBUS_SRC_ID_KERNEL);
	return (const void *)(*msg)->items;
}

/* spec 18.3: and the group may have no memory for it */
TEST(what_a_full_group_does_is_heard_of)
{
	const struct kdbus_msg *msg;
	int i;
	char x;

	member_new(leave_with_names, "8M");
	close(member.ready[1]);
	close(member.go[1]);
	ASSERT_EQ(read(member.ready[0], &x, 1), 1);
	hear_all(&a, 1);
	fill_group();
	close(member.ready[0]);

	for (i = 0; i < NAMES; i++) {
		ASSERT_EQ(next_notice(&msg)->type, KDBUS_ITEM_NAME_REMOVE);
		ASSERT_OK(kdbus_client_free(&a, msg));
	}
	ASSERT_EQ(next_notice(&msg)->type, KDBUS_ITEM_ID_REMOVE);
	ASSERT_OK(kdbus_client_free(&a, msg));
	expect_nobody_killed();
	ASSERT_OK(kill(member.pid, SIGKILL));
	ASSERT_EQ(waitpid(member.pid, NULL, 0), member.pid);
	ASSERT_OK(rmdir(CGROUP));
}
