// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that changes while the kernel looks at it: a second thread rewrites
 * sizes, items, addresses and all else of a command between what is right and
 * garbage, or takes the page away. A command gets an answer that the ABI has,
 * others on the bus notice nothing, and nothing is left when its file closes.
 */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "commands.h"
#include "snapshot.h"

#define PAGE 4096
/* as many tries, and more if there were not as many flips meanwhile */
#define TRIES 100
#define MAX_TRIES 20000
#define FLIPS 150

/* ---- garbage ---------------------------------------------------------- */

static const __u64 garbage[] = {
	0, 1, 7, 8, 15, 16, 17, 24, 31, 63, 64, 65, 128, 4096, 8192, 16384,
	32768, 1ULL << 31, 1ULL << 32, 1ULL << 62, 1ULL << 63, ~0ULL, ~0ULL - 7,
	~0ULL - 15, 0xffff888000000000, 0x00007ffffffff000,
	KDBUS_ITEM_NAME, KDBUS_ITEM_POLICY_ACCESS, KDBUS_ITEM_FDS,
	KDBUS_ITEM_PAYLOAD_MEMFD, KDBUS_ITEM_DST_NAME, KDBUS_ITEM_BLOOM_FILTER,
	0x6c6c6c6c6c6c6c6c,
};

/* what has a size */
#define OF_SIZE EFAULT, EINVAL, EMSGSIZE
/* what makes something that has a name */
#define OF_MAKE OF_SIZE, EEXIST, ENAMETOOLONG

/**
 * errors - what commands return when they fail, and nothing else: of what the
 *	    spec says of each that which can happen here
 * @nr:		the ioctl
 * @answers:	only of a command that is answered
 * @may:	its errors
 */
static const struct {
	unsigned long nr;
	bool answers;
	int may[32];
} errors[] = {
	{ KDBUS_CMD_BUS_MAKE, .may = { OF_MAKE, EBADMSG, EOPNOTSUPP } },
	{ KDBUS_CMD_DOMAIN_MAKE, .may = { OF_MAKE, EBADMSG, EOPNOTSUPP } },
	{ KDBUS_CMD_EP_MAKE, .may = { OF_MAKE, EBADMSG, EOPNOTSUPP } },
	{ KDBUS_CMD_EP_UPDATE, .may = { OF_SIZE, EEXIST } },
	{ KDBUS_CMD_HELLO, .may = { OF_MAKE, EOPNOTSUPP, E2BIG, ENOMEM } },
	{ KDBUS_CMD_MSG_SEND, .may = { OF_SIZE, E2BIG, EADDRNOTAVAIL, EBADF,
	  EBADMSG, ECOMM, ECONNRESET, EDESTADDRREQ, EDOM, EEXIST, EMEDIUMTYPE,
	  EMFILE, EMLINK, ENOBUFS, ENOTUNIQ, ENXIO, EOPNOTSUPP, EPERM, ESRCH,
	  ETXTBSY, EXFULL } },
	/* a call whose peer goes before it answers */
	{ KDBUS_CMD_MSG_SEND, true, { EPIPE } },
	{ KDBUS_CMD_MSG_RECV, .may = { EFAULT, EINVAL, ENOMSG } },
	{ KDBUS_CMD_MSG_CANCEL, .may = { EFAULT, ENOENT } },
	{ KDBUS_CMD_FREE, .may = { EFAULT, ENXIO } },
	{ KDBUS_CMD_NAME_ACQUIRE, .may = { OF_SIZE, EALREADY, EEXIST, E2BIG } },
	{ KDBUS_CMD_NAME_RELEASE, .may = { OF_SIZE, ESRCH, EADDRINUSE } },
	{ KDBUS_CMD_NAME_LIST, .may = { EFAULT, ENOBUFS } },
	{ KDBUS_CMD_CONN_INFO, .may = { OF_SIZE, ESRCH, ENXIO, ENOBUFS } },
	{ KDBUS_CMD_CONN_UPDATE, .may = { OF_SIZE, EOPNOTSUPP, EEXIST,
	  E2BIG } },
	/* too many that were added with other cookies */
	{ KDBUS_CMD_MATCH_ADD, .may = { OF_SIZE, EDOM, EMFILE } },
	{ KDBUS_CMD_MATCH_REMOVE, .may = { OF_SIZE } },
	{ KDBUS_CMD_MEMFD_NEW, .may = { OF_MAKE, ENOMEM } },
	{ KDBUS_CMD_MEMFD_SIZE_GET, .may = { EFAULT } },
	{ KDBUS_CMD_MEMFD_SIZE_SET, .may = { EFAULT, EINVAL, EFBIG,
	  ENOMEM } },
	{ KDBUS_CMD_MEMFD_SEAL_GET, .may = { EFAULT } },
};

static bool may_return(const struct command *c, int error)
{
	size_t i, k;

	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].nr != c->nr || (errors[i].answers && !c->answers))
			continue;
		for (k = 0; errors[i].may[k]; k++)
			if (errors[i].may[k] == error)
				return true;
	}
	return false;
}

static const struct command *cmd;
/* the command as it is right, and where it is flipped */
static struct kdbus_builder right;
static __u64 *flipped;
static int stop;
static unsigned int flips;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/*
 * On a busy machine most flips are between two tries: one has to be hit, and
 * one be spared.
 */
static bool is_enough(unsigned int tries, bool both)
{
	return tries == MAX_TRIES ||
	       (tries >= TRIES && both &&
		__atomic_load_n(&flips, __ATOMIC_RELAXED) >= FLIPS);
}

/* As it was built, if the page is there. */
static void set_right(void)
{
	struct iovec from = { right.buf, right.size };
	struct iovec to = { flipped, right.size };

	process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

/* The flipper has a processor of its own, if there are two. */
static void run_on(int cpu)
{
	unsigned long mask = 1UL << cpu;

	syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask);
}

static void wait_for_flips(void)
{
	while (!__atomic_load_n(&flips, __ATOMIC_RELAXED))
		usleep(1000);
}

static void flipped_once(unsigned int *seed)
{
	volatile unsigned int spin;

	__atomic_add_fetch(&flips, 1, __ATOMIC_RELAXED);
	/* for some time it is right, that commands succeed */
	for (spin = rand_r(seed) % 2000; spin; spin--)
		;
}

/*
 * A request's deadline stays what it is, none: one that sleeps for its reply
 * would sleep for ever. And nothing is sent to the others, who would get it.
 */
static bool may_flip(size_t word, __u64 value)
{
	if (cmd->nr != KDBUS_CMD_MSG_SEND)
		return true;
	return word != offsetof(struct kdbus_msg, timeout_ns) / 8 &&
	       !(word == offsetof(struct kdbus_msg, dst_id) / 8 &&
		 others_have(value));
}

static void *flip_words(void *arg)
{
	const __u64 *good = (const __u64 *)right.buf;
	size_t n = (right.size + 7) / 8, i;
	volatile unsigned int spin;
	unsigned int seed = 1;
	__u64 bad;

	run_on(1);
	while (!stopped()) {
		i = rand_r(&seed) % n;
		bad = garbage[rand_r(&seed) %
			      (sizeof(garbage) / sizeof(*garbage))];
		if (!may_flip(i, bad))
			continue;
		__atomic_store_n(&flipped[i], bad, __ATOMIC_RELAXED);
		for (spin = rand_r(&seed) % 1000; spin; spin--)
			;
		__atomic_store_n(&flipped[i], good[i], __ATOMIC_RELAXED);
		flipped_once(&seed);
	}
	return arg;
}

/* The page itself comes and goes, and what was on it with it. */
static void *flip_the_page(void *arg)
{
	unsigned int seed = 1;

	run_on(1);
	while (!stopped()) {
		ASSERT_OK(mprotect(flipped, PAGE, rand_r(&seed) % 2 ?
				   PROT_NONE : PROT_READ));
		ASSERT_OK(mprotect(flipped, PAGE, PROT_READ | PROT_WRITE));
		if (rand_r(&seed) % 4 == 0)
			ASSERT_OK(madvise(flipped, PAGE, MADV_DONTNEED));
		memcpy(flipped, right.buf, right.size);
		flipped_once(&seed);
	}
	return arg;
}

static void *go_on(void *arg)
{
	do {
		others_go_on();
	} while (!stopped());
	return arg;
}

/* ---- trying ----------------------------------------------------------- */

/**
 * struct way - a way to flip a command
 * @flip:	the thread that does
 * @words:	what is read is always a command, if a wrong one
 */
struct way {
	void *(*flip)(void *arg);
	bool words;
};

/* Gives it once while it is flipped. */
static int try_once(bool give_way)
{
	int ret, fd;

	if (cmd->again)
		cmd->again();
	set_right();
	fd = command_open(cmd);
	/* where the two take turns on one processor, it is the other's */
	if (give_way)
		usleep(1);
	ret = command_run(cmd, fd, flipped);
	command_close(cmd, fd);
	if (ret != cmd->want && !may_return(cmd, -ret))
		command_fail(cmd, "%d %s", ret, strerror(-ret));
	return ret;
}

/* Nothing is proved unless one is hit and one is not, if it can be hit. */
static void try_until_hit(const struct way *way)
{
	bool may_fail = !way->words || !cmd->never_wrong;
	unsigned int i, done = 0;

	for (i = 0; !is_enough(i, done && (i > done || !may_fail)); i++)
		done += try_once(i % 2 == 0) == cmd->want;
	printf("# %s: %u of %u went well, %u flips\n", cmd->name, done, i,
	       flips);
	if (!done)
		command_fail(cmd, "it never went well");
	if (may_fail && done == i)
		command_fail(cmd, "it was never hit");
	if (!may_fail && done != i)
		command_fail(cmd, "it failed, which it cannot");
}

static void make_flipped(void)
{
	flipped = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT((void *)flipped != MAP_FAILED);
	cmd->build(&right);
	ASSERT(right.size <= PAGE);
	memcpy(flipped, right.buf, right.size);
}

/*
 * What the command has made of garbage is not known, so it is not taken back:
 * it has to go with the files of this process.
 */
static void try_often(void *arg)
{
	static const struct rlimit files = { 2 * MAX_TRIES, 2 * MAX_TRIES };
	const struct way *way = arg;
	pthread_t flipper, others;

	/* memfds that nobody knows the number of */
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &files));
	commands_world();
	make_flipped();
	ASSERT_OK(pthread_create(&others, NULL, go_on, NULL));
	ASSERT_OK(pthread_create(&flipper, NULL, way->flip, NULL));
	run_on(0);
	wait_for_flips();
	try_until_hit(way);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	ASSERT_OK(pthread_join(flipper, NULL));
	ASSERT_OK(pthread_join(others, NULL));
	others_go_on();
}

static void try_all(const struct way *way)
{
	static char before[SNAPSHOT];
	size_t i;

	snapshot(before);
	for (i = 0; i < n_commands; i++) {
		cmd = &commands[i];
		wait_for(spawn(try_often, (void *)way));
		expect_as_before(before, "of %s something is left", cmd->name);
	}
}

/* spec 4.3, 4.4, 6.1, 6.3, 7.1, 9.2, 9.3, 10.8, 15.3, 16.2, 22.5 */
TEST(words_of_commands_change_meanwhile)
{
	static const struct way way = { flip_words, true };

	try_all(&way);
}

/* spec 22.5, 22.6 */
TEST(pages_of_commands_come_and_go)
{
	static const struct way way = { flip_the_page, false };

	try_all(&way);
}

/* ---- payload ---------------------------------------------------------- */

static char *moving;

static void *move_payload(void *arg)
{
	unsigned int seed = 1;

	run_on(1);
	while (!stopped()) {
		/* not unmapped, or somebody else might get the place */
		ASSERT_OK(mprotect(moving + PAGE, PAGE, PROT_NONE));
		ASSERT(mmap(moving + PAGE, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		       moving + PAGE);
		memset(moving + PAGE, rand_r(&seed), PAGE);
		flipped_once(&seed);
	}
	return arg;
}

/* Takes what has come, if anything: what was sent at last is whole. */
static void b_takes_all(unsigned int accepted)
{
	const struct kdbus_msg *msg;
	unsigned int n = 0;

	while (!kdbus_client_recv(&commands_b, 0, 0, &msg)) {
		ASSERT_EQ(msg->src_id, commands_a.hello.id);
		ASSERT_EQ(kdbus_msg_payload(msg, NULL, 0), 3 * PAGE);
		ASSERT_OK(memcmp((const char *)msg + msg->size, moving, PAGE));
		ASSERT_OK(memcmp((const char *)msg + msg->size + 2 * PAGE,
				 moving + 2 * PAGE, PAGE));
		ASSERT_OK(kdbus_client_free(&commands_b, msg));
		n++;
	}
	ASSERT_EQ(n, accepted);
}

/* spec 8.7, 9.7: it is sent, or it is a fault and not sent at all */
TEST(payload_that_comes_and_goes)
{
	unsigned int i, faults = 0;
	pthread_t mover, others;
	struct kdbus_builder b;

	commands_world();
	moving = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT(moving != MAP_FAILED);
	memset(moving, 'm', 3 * PAGE);
	ASSERT_OK(match_rule(&commands_b, 1, KDBUS_ITEM_ID,
			     &commands_a.hello.id, 8));
	ASSERT_OK(pthread_create(&others, NULL, go_on, NULL));
	ASSERT_OK(pthread_create(&mover, NULL, move_payload, NULL));
	run_on(0);
	wait_for_flips();
	for (i = 0; !is_enough(i, faults && faults < i); i++) {
		int ret;

		if (i % 2)
			build_broadcast(&b, 1);
		else
			kdbus_build_msg(&b, commands_b.hello.id, 1);
		kdbus_build_vec(&b, moving, 3 * PAGE);
		ret = kdbus_client_send(&commands_a, &b);
		if (ret)
			ASSERT_EQ(ret, -EFAULT);
		faults += !!ret;
		b_takes_all(!ret);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	ASSERT_OK(pthread_join(mover, NULL));
	ASSERT_OK(pthread_join(others, NULL));
	ASSERT_EQ(listed("connections", &commands_bus, 0, "pool_used"), 0);
	printf("# %u of %u were faults, %u flips\n", faults, i, flips);
	ASSERT(faults && faults < i);
}
