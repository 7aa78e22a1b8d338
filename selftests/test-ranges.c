// SPDX-License-Identifier: GPL-2.0
/*
 * A user who was given a range of uids has the limits of one: what any of them
 * makes in its user namespace counts for the namespace's owner.
 */
#include <sched.h>
#include <sys/prctl.h>

#include "fixtures.h"

#define OWNER 1000
#define STRANGER 1001
/* uid 1 and up of the namespace */
#define FIRST_OUTSIDE 200000
#define LIMIT 4

static struct bus bus;

/* ---- what is counted ---------------------------------------------------- */

/* Each makes one more of something, as whatever uid runs it. 0 or an error. */

static int hello(struct kdbus_client *c)
{
	return kdbus_client_open(c, bus.path, KDBUS_HELLO_ACCEPT_FD, 0, 4096,
				 NULL);
}

static int make_conn(void)
{
	struct kdbus_client c;

	return hello(&c);
}

static int make_name(void)
{
	struct kdbus_client c;
	char name[64];

	ASSERT_OK(hello(&c));
	snprintf(name, sizeof(name), "org.example.p%d.c%llu", getpid(),
		 (unsigned long long)c.hello.id);
	return kdbus_client_acquire(&c, name, 0);
}

static int make_match(void)
{
	struct kdbus_client c;

	ASSERT_OK(hello(&c));
	return match_rule(&c, 1, 0, NULL, 0);
}

/* To a receiver of its own, with which the files go. */
static int make_file(void)
{
	static struct kdbus_client receiver;
	struct kdbus_client c;
	struct kdbus_builder m;
	int fd = 0;

	if (!receiver.pool)
		ASSERT_OK(hello(&receiver));
	ASSERT_OK(hello(&c));
	kdbus_build_msg(&m, receiver.hello.id, 1);
	kdbus_build_fds(&m, &fd, 1);
	return kdbus_client_send(&c, &m);
}

static uid_t uid_outside(void)
{
	uid_t uid = getuid();

	/* the first is the owner's, and those who are in no namespace */
	return uid >= 1 && uid < 10 ? FIRST_OUTSIDE + uid - 1 : uid;
}

static int make_bus(void)
{
	static int n;
	char name[64];

	snprintf(name, sizeof(name), "%u-range%d.%d", uid_outside(), getpid(),
		 n++);
	return bus_make_on(control_open(""), name);
}

static int make_endpoint(void)
{
	static struct bus own;
	struct kdbus_builder b;
	char name[32];
	static int n;
	int ret;

	if (!own.name[0]) {
		snprintf(own.name, sizeof(own.name), "%u-range%d",
			 uid_outside(), getpid());
		ASSERT_OK(bus_make_on(control_open(""), own.name));
		kdbus_endpoint_path(own.path, sizeof(own.path), own.name,
				    "bus");
	}
	snprintf(name, sizeof(name), "e%d", n++);
	make_begin(&b, name, 0);
	ret = ep_make_on(&own, &b);
	return ret < 0 ? ret : 0;
}

/* ---- who makes it ------------------------------------------------------- */

static int (*make)(void);

/* what children tell: memory they share with the case */
static struct {
	int ret[LIMIT];
} *shared;

/* Makes @n as another uid; what was made stays until maker_end(). */
struct maker {
	uid_t uid;
	int n;
	int ready[2], end[2];
};

static void maker_run(void *arg)
{
	struct maker *m = arg;
	char c;
	int i;

	ASSERT_OK(setresuid(m->uid, m->uid, m->uid));
	for (i = 0; i < m->n; i++)
		shared->ret[i] = make();
	ASSERT_EQ(write(m->ready[1], "x", 1), 1);
	ASSERT_EQ(read(m->end[0], &c, 1), 1);
}

static pid_t maker_start(struct maker *m, uid_t uid, int n)
{
	pid_t pid;
	char c;

	m->uid = uid;
	m->n = n;
	ASSERT_OK(pipe2(m->ready, O_CLOEXEC));
	ASSERT_OK(pipe2(m->end, O_CLOEXEC));
	pid = spawn(maker_run, m);
	/* nothing is read from one that has failed */
	close(m->ready[1]);
	ASSERT_EQ(read(m->ready[0], &c, 1), 1);
	return pid;
}

static void maker_end(struct maker *m, pid_t pid)
{
	ASSERT_EQ(write(m->end[1], "x", 1), 1);
	wait_for(pid);
}

/* As @uid one is made, or refused, and gone again. */
static void try_one(uid_t uid, int want)
{
	struct maker m;
	pid_t pid = maker_start(&m, uid, 1);

	ASSERT_EQ(shared->ret[0], want);
	maker_end(&m, pid);
}

struct range {
	int error;
	int mapped[2], full[2], go_on[2];
};

/* Two uids of the range use up the owner's limit; a third gets nothing. */
static void in_the_range(void *arg)
{
	struct range *r = arg;
	struct maker m[2];
	pid_t pid[2];
	char c;
	int i;

	ASSERT_OK(setresuid(OWNER, OWNER, OWNER));
	/* so that root can write the map */
	ASSERT_OK(prctl(PR_SET_DUMPABLE, 1));
	ASSERT_OK(unshare(CLONE_NEWUSER));
	ASSERT_EQ(write(r->full[1], "x", 1), 1);
	ASSERT_EQ(read(r->mapped[0], &c, 1), 1);

	for (i = 0; i < 2; i++) {
		pid[i] = maker_start(&m[i], i + 1, LIMIT / 2);
		ASSERT_OK(shared->ret[0]);
		ASSERT_OK(shared->ret[1]);
	}
	try_one(3, r->error);
	ASSERT_EQ(write(r->full[1], "x", 1), 1);
	ASSERT_EQ(read(r->go_on[0], &c, 1), 1);
	maker_end(&m[0], pid[0]);
	try_one(3, 0);
	maker_end(&m[1], pid[1]);
}

static void write_map(pid_t pid)
{
	char path[64], map[64];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	fd = open(path, O_WRONLY);
	ASSERT(fd >= 0);
	n = snprintf(map, sizeof(map), "0 %u 1\n1 %u 9\n", OWNER,
		     FIRST_OUTSIDE);
	ASSERT_EQ(write(fd, map, n), n);
	close(fd);
}

static void setup(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(shared != MAP_FAILED);
	bus_new(&bus);
}

static void check_range(const char *param, unsigned long limit, int error,
			int (*fn)(void))
{
	struct range r = { .error = error };
	pid_t pid;
	char c;

	make = fn;
	param_set(param, limit);
	ASSERT_OK(pipe2(r.mapped, O_CLOEXEC));
	ASSERT_OK(pipe2(r.full, O_CLOEXEC));
	ASSERT_OK(pipe2(r.go_on, O_CLOEXEC));
	pid = spawn(in_the_range, &r);
	close(r.full[1]);
	ASSERT_EQ(read(r.full[0], &c, 1), 1);
	write_map(pid);
	ASSERT_EQ(write(r.mapped[1], "x", 1), 1);
	ASSERT_EQ(read(r.full[0], &c, 1), 1);
	/* it counts for the owner, and for nobody else */
	try_one(OWNER, error);
	try_one(STRANGER, 0);
	ASSERT_EQ(write(r.go_on[1], "x", 1), 1);
	wait_for(pid);
	try_one(OWNER, 0);
}

/* spec 3.2, decision 26 */
TEST(connections_of_a_range_count_for_its_owner)
{
	setup();
	check_range("max_conns_per_user", LIMIT, -EMFILE, make_conn);
}

/* spec 3.2, decision 26 */
TEST(names_of_a_range_count_for_its_owner)
{
	setup();
	check_range("max_names_per_user", LIMIT, -E2BIG, make_name);
}

/* spec 3.2, decision 26 */
TEST(matches_of_a_range_count_for_its_owner)
{
	struct kdbus_client c;
	long long bytes;

	setup();
	client_new(&c, &bus);
	bytes = listed_user(0, "match_bytes");
	ASSERT_OK(match_rule(&c, 1, 0, NULL, 0));
	bytes = listed_user(0, "match_bytes") - bytes;
	ASSERT(bytes > 0);
	check_range("max_match_bytes_per_user", LIMIT * bytes, -EMFILE,
		    make_match);
}

/* spec 3.2, decision 26 */
TEST(files_of_a_range_count_for_its_owner)
{
	setup();
	check_range("max_files_per_user", LIMIT, -EMFILE, make_file);
}

/* spec 3, 6.1, decision 26 */
TEST(buses_of_a_range_count_for_its_owner)
{
	setup();
	check_range("max_buses_per_user", LIMIT, -EMFILE, make_bus);
}

/* spec 6.3, 27.7, decision 26 */
TEST(endpoints_of_a_range_count_for_its_owner)
{
	setup();
	check_range("max_endpoints_per_user", LIMIT, -EMFILE, make_endpoint);
}
