// SPDX-License-Identifier: GPL-2.0
/*
 * Pools whose owners map, unmap, protect and inherit them, run other programs
 * and die, while messages are written into them. Each message is found whole,
 * by whichever mapping; no mapping is ever writable; and others on the bus go
 * on.
 */
#include "fixtures.h"

#define PAGE 4096
#define POOL (16 * PAGE)
#define ROUNDS 400

static struct bus bus;
static struct kdbus_client c;
static pid_t senders[2];

/* ---- traffic ---------------------------------------------------------- */

/*
 * A message says with each of its words who sends it and which it is. Some
 * span pages.
 */
static void fill(__u32 *words, size_t n, __u32 from, __u32 number)
{
	while (n--)
		words[n] = from << 24 | number;
}

static void send_for_ever(void *arg)
{
	static __u32 words[1500];
	struct kdbus_builder m;
	struct kdbus_client me;
	__u32 number = 0;
	int ret;

	/* it is the receiver's alone, which is to end */
	close(c.fd);
	client_new_pool(&me, &bus, PAGE);
	for (;;) {
		size_t n = number % 7 ? 10 : 1500;

		fill(words, n, (uintptr_t)arg, ++number);
		kdbus_build_msg(&m, c.hello.id, number);
		kdbus_build_vec(&m, words, n * sizeof(*words));
		while ((ret = kdbus_client_send(&me, &m)) == -ENOBUFS ||
		       ret == -EXFULL)
			sched_yield();
		if (ret == -ENXIO || ret == -ECONNRESET)
			return;
		ASSERT_OK(ret);
	}
}

static void start_senders(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		senders[i] = spawn(send_for_ever, (void *)(uintptr_t)(i + 1));
}

/* They end by themselves when the receiver has gone. */
static void end_senders(void)
{
	kdbus_client_close(&c);
	wait_for(senders[0]);
	wait_for(senders[1]);
}

static void expect_whole(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item = (const void *)msg->items;
	const __u32 *words = (const void *)((const char *)msg + msg->size);
	__u32 from = words[0] >> 24;
	size_t i;

	ASSERT(from == 1 || from == 2);
	ASSERT_EQ(item->type, KDBUS_ITEM_PAYLOAD_OFF);
	ASSERT_EQ(item->vec.offset, msg->size);
	for (i = 0; i < item->vec.size / sizeof(*words); i++)
		ASSERT_EQ(words[i], from << 24 | (__u32)msg->cookie);
}

/* Receives @n messages, in order from each, and looks at them with @look. */
static void receive(int n, void (*look)(__u64 offset))
{
	__u64 last[3] = { 0 };
	const struct kdbus_msg *msg;

	while (n--) {
		unsigned int from;

		ASSERT_OK(kdbus_client_next(&c, 30000, &msg));
		from = *(__u32 *)((char *)msg + msg->size) >> 24;
		ASSERT(from == 1 || from == 2);
		ASSERT_EQ(msg->cookie, ++last[from]);
		look((char *)msg - c.pool);
		ASSERT_OK(kdbus_client_free(&c, msg));
	}
}

static char *map_pool(int prot, int flags)
{
	return mmap(NULL, POOL, prot, flags, c.fd, 0);
}

static void refuse_writing(char *map)
{
	ASSERT(map_pool(PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT(map_pool(PROT_WRITE, MAP_PRIVATE) == MAP_FAILED);
	ASSERT_EQ(errno, EPERM);
	ASSERT_EQ(mprotect(map, POOL, PROT_READ | PROT_WRITE), -1);
	ASSERT_EQ(errno, EACCES);
	ASSERT_EQ(mprotect(map + PAGE, PAGE, PROT_WRITE), -1);
	ASSERT_EQ(errno, EACCES);
}

/* ---- mappings --------------------------------------------------------- */

static int stop;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* Moves a mapping of the pool to where nothing is. */
static char *move(char *map)
{
	char *to = mmap(NULL, POOL, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	ASSERT(to != MAP_FAILED);
	ASSERT(mremap(map, POOL, POOL, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	       to);
	return to;
}

/* Each message is looked at through a mapping of its own, here and there. */
static void look_through_a_new_mapping(__u64 offset)
{
	char *map = map_pool(PROT_READ, offset % 16 ? MAP_SHARED : MAP_PRIVATE);

	ASSERT(map != MAP_FAILED);
	expect_whole((void *)(map + offset));
	map = move(map);
	expect_whole((void *)(map + offset));
	ASSERT_OK(munmap(map, POOL));
}

/* Whether there is something to read: the kernel reads it, and says so. */
static bool readable(const char *page)
{
	int fd[2], ret;

	ASSERT_OK(pipe(fd));
	ret = write(fd[1], page, 1);
	ASSERT(ret == 1 || (ret == -1 && errno == EFAULT));
	close(fd[0]);
	close(fd[1]);
	return ret == 1;
}

/*
 * spec 8.9: a mapping that shall grow beyond the pool's end does not, or has
 * nothing there. Returns where it is, as long as it was.
 */
static char *grow(char *map)
{
	char *to = mremap(map, POOL, POOL + PAGE, MREMAP_MAYMOVE);

	if (to == MAP_FAILED) {
		ASSERT_EQ(errno, EFAULT);
		return map;
	}
	ASSERT(readable(to + POOL - PAGE));
	ASSERT(!readable(to + POOL));
	ASSERT_OK(munmap(to + POOL, PAGE));
	return to;
}

/* Tears holes into mappings, hides and shows them, moves them, and reads. */
static void *change_mappings(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!stopped()) {
		char *map = map_pool(PROT_READ, MAP_SHARED), *hole;

		ASSERT(map != MAP_FAILED);
		map = grow(move(map));
		hole = map + rand_r(&seed) % 16 * PAGE;
		ASSERT_OK(mprotect(hole, PAGE, PROT_NONE));
		refuse_writing(map);
		ASSERT_OK(mprotect(hole, PAGE, PROT_READ));
		/* a page of somebody else's in its middle */
		ASSERT(mmap(hole, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		       hole);
		*hole = 1;
		if (hole > map)
			ASSERT_OK(madvise(map, hole - map, MADV_DONTNEED));
		ASSERT_OK(munmap(map, POOL));
	}
	return NULL;
}

/* Begins and ends the changes, by two threads. */
static pthread_t changers[2];

static void start_changing(void)
{
	uintptr_t i;

	for (i = 0; i < 2; i++)
		ASSERT_OK(pthread_create(&changers[i], NULL, change_mappings,
					 (void *)i));
}

static void end_changing(void)
{
	int i;

	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		ASSERT_OK(pthread_join(changers[i], NULL));
}

/* Receives @n messages while mappings change, and ends the traffic. */
static void receive_amid_changes(int n, void (*look)(__u64 offset))
{
	bus_new(&bus);
	client_new_pool(&c, &bus, POOL);
	start_senders();
	start_changing();
	receive(n, look);
	end_changing();
	end_senders();
}

/* spec 8.9, 8.6 */
TEST(mappings_come_and_go_under_traffic)
{
	receive_amid_changes(ROUNDS, look_through_a_new_mapping);
}

/* ---- children --------------------------------------------------------- */

static __u64 inherited;

/* The child's copy of the mapping shows what the parent's does. */
static void look_as_a_child(void *arg)
{
	char *map;

	(void)arg;
	expect_whole((void *)(c.pool + inherited));
	refuse_writing(c.pool);
	map = map_pool(PROT_READ, MAP_SHARED);
	ASSERT(map != MAP_FAILED);
	expect_whole((void *)(map + inherited));
	munmap(c.pool, POOL);
	expect_whole((void *)(map + inherited));
}

static void look_by_a_child(__u64 offset)
{
	static int n;

	inherited = offset;
	expect_whole((void *)(c.pool + offset));
	if (n++ % 4 == 0)
		wait_for(spawn(look_as_a_child, NULL));
}

/* spec 8.9, 7.8 */
TEST(children_inherit_pools_under_traffic)
{
	receive_amid_changes(ROUNDS / 4, look_by_a_child);
}

static void run_another(void *arg)
{
	/* with the file or without, the mapping is gone */
	if (arg)
		ASSERT_OK(fcntl(c.fd, F_SETFD, 0));
	execl("/bin/true", "true", NULL);
	test_fail(__FILE__, __LINE__, "exec: %s", strerror(errno));
}

static void look_and_run(__u64 offset)
{
	static uintptr_t n;

	expect_whole((void *)(c.pool + offset));
	if (n++ % 8 == 0)
		wait_for(spawn(run_another, (void *)(n & 8)));
}

/* spec 8.9, 1.7: a program that is run has no pool, and the file at best */
TEST(children_run_programs_under_traffic)
{
	receive_amid_changes(ROUNDS / 4, look_and_run);
}

/* ---- owners that go --------------------------------------------------- */

#define OWNERS 12

/* What the owners have told of themselves. */
static __u64 *ids;

static void *receive_and_look(void *arg)
{
	const struct kdbus_msg *msg;

	for (;;) {
		ASSERT_OK(kdbus_client_next(&c, 30000, &msg));
		expect_whole(msg);
		ASSERT_OK(kdbus_client_free(&c, msg));
		__atomic_add_fetch(&ids[OWNERS], 1, __ATOMIC_RELEASE);
	}
	return arg;
}

/*
 * Owns a pool that others write to. After some messages it runs a program, in
 * which nothing of it is left, or waits for its death.
 */
static void own(void *arg)
{
	uintptr_t n = (uintptr_t)arg;
	pthread_t t;

	client_new_pool(&c, &bus, POOL);
	start_senders();
	/* before anything is counted, for then it may be ended */
	__atomic_store_n(&ids[n], c.hello.id, __ATOMIC_RELEASE);
	ASSERT_OK(pthread_create(&t, NULL, receive_and_look, NULL));
	while (__atomic_load_n(&ids[OWNERS], __ATOMIC_ACQUIRE) < 20)
		usleep(1000);
	if (n % 3 == 0)
		execl("/bin/true", "true", NULL);
	if (n % 3 == 1)
		_exit(0);
	for (;;)
		pause();
}

static void end_owner(pid_t pid, uintptr_t n)
{
	int status;

	while (__atomic_load_n(&ids[OWNERS], __ATOMIC_ACQUIRE) < 20)
		usleep(1000);
	if (n % 3 == 2)
		ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (n % 3 == 2)
		ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	else
		ASSERT(WIFEXITED(status) && !WEXITSTATUS(status));
}

/*
 * A sender that has only just begun may still have the receiver's file; and the
 * receiver may go while the message is on its way (spec 9.7).
 */
static void expect_gone(struct kdbus_client *from, __u64 id)
{
	int ret;

	while (!(ret = send_to(from, id, 1, "x")) || ret == -ENOBUFS ||
	       ret == -EXFULL || ret == -ECONNRESET)
		usleep(1000);
	ASSERT_EQ(ret, -ENXIO);
}

/* spec 7.10, 8.9: execution and death are the end of a connection */
TEST(owners_of_pools_run_programs_and_die_under_traffic)
{
	struct kdbus_client a, b;
	uintptr_t n;
	pid_t pid;

	bus_new(&bus);
	ids = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(ids != MAP_FAILED);
	client_new(&a, &bus);
	client_new(&b, &bus);
	for (n = 0; n < OWNERS; n++) {
		ids[OWNERS] = 0;
		pid = spawn(own, (void *)n);
		/* whatever becomes of it, others go on */
		do {
			ASSERT_OK(send_to(&a, b.hello.id, n, "x"));
			expect_msg(&b, a.hello.id, n);
		} while (__atomic_load_n(&ids[OWNERS], __ATOMIC_ACQUIRE) < 20);
		end_owner(pid, n);
		expect_gone(&a, ids[n]);
	}
	/* the senders had nobody to send to any more */
	wait_listed("buses", &bus, 0, "conns", 2);
}
