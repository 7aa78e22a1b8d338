// SPDX-License-Identifier: GPL-2.0
/* The seal of memfds: what it forbids, and who else's use forbids it. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "memfds.h"
#include "ring.h"

/* spec 20.3, 20.4, decision 18 */
TEST(the_seal)
{
	int fd = memfd_new(10);

	ASSERT_OK(seal(fd, 0));
	ASSERT_EQ(is_sealed(fd), 0);
	ASSERT_OK(seal(fd, 1));
	ASSERT_EQ(is_sealed(fd), 1);
	ASSERT_OK(seal(fd, 1));
	ASSERT_OK(seal(fd, ~0UL));
	ASSERT_EQ(is_sealed(fd), 1);
	ASSERT_OK(seal(fd, 0));
	ASSERT_EQ(is_sealed(fd), 0);
	ASSERT_OK(seal(fd, ~0UL << (8 * sizeof(long) - 1)));
	ASSERT_EQ(is_sealed(fd), 1);
}

/* spec 20.5, 20.6 */
TEST(sealed_content_does_not_change)
{
	char buf[32] = { 0 };
	struct iovec v = { buf, 10 };
	int fd = memfd_new(0);

	ASSERT_EQ(write(fd, LETTERS, 26), 26);
	ASSERT_OK(seal(fd, 1));
	ASSERT_EQ(result(write(fd, "x", 1)), -EPERM);
	ASSERT_EQ(result(write(fd, "x", 0)), -EPERM);
	ASSERT_EQ(result(write(fd, nowhere, 1)), -EPERM);
	ASSERT_EQ(result(pwrite(fd, "x", 1, 0)), -EPERM);
	ASSERT_EQ(result(pwrite(fd, "x", 1, MAX_SIZE)), -EPERM);
	ASSERT_EQ(result(writev(fd, &v, 1)), -EPERM);
	ASSERT_EQ(set_size(fd, 26), -EALREADY);
	ASSERT_EQ(set_size(fd, 25), -EPERM);
	ASSERT_EQ(set_size(fd, 27), -EPERM);
	ASSERT_EQ(set_size(fd, ~0ULL), -EPERM);
	ASSERT_EQ(size_of(fd), 26);
	ASSERT_EQ(pread(fd, buf, 32, 0), 26);
	ASSERT_OK(memcmp(buf, LETTERS, 26));

	ASSERT_OK(seal(fd, 0));
	ASSERT_EQ(pwrite(fd, "X", 1, 0), 1);
	ASSERT_OK(set_size(fd, 4));
	ASSERT_EQ(pread(fd, buf, 32, 0), 4);
	ASSERT_OK(memcmp(buf, "Xbcd", 4));
}

/* Writes through /proc/self/mem, as a debugger does. */
static long poke(char *at)
{
	int mem = open("/proc/self/mem", O_RDWR);
	long ret;

	ASSERT(mem >= 0);
	ret = result(pwrite(mem, "!", 1, (off_t)(uintptr_t)at));
	close(mem);
	return ret;
}

/* spec 20.5 */
TEST(mappings_of_sealed_files_stay_read_only)
{
	int fd = memfd_new(2 * PAGE);
	char *p, c;

	ASSERT_OK(seal(fd, 1));
	ASSERT_EQ(map(fd, PAGE, RW, MAP_SHARED, 0, NULL), -EPERM);
	ASSERT_EQ(map(fd, PAGE, PROT_WRITE, MAP_SHARED, 0, NULL), -EPERM);
	ASSERT_EQ(map(fd, PAGE, RW, MAP_SHARED, 9 * PAGE, NULL), -EPERM);
	ASSERT_OK(map(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0, &p));
	ASSERT_EQ(result(mprotect(p, PAGE, RW)), -EACCES);
	ASSERT_EQ(result(remap_file_pages(p, PAGE, 0, 0, 0)), -EINVAL);
	ASSERT_EQ(result(mprotect(p, PAGE, RW)), -EACCES);
	ASSERT(madvise(p, PAGE, MADV_REMOVE) < 0);
	ASSERT_EQ(poke(p), -EIO);
	/* nor does another one that is made of it */
	p = mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	ASSERT(p != MAP_FAILED);
	ASSERT_EQ(result(mprotect(p, PAGE, RW)), -EACCES);
	ASSERT_EQ(size_of(fd), 2 * PAGE);

	/* a private one is the mapper's own business */
	ASSERT_OK(map(fd, 2 * PAGE, RW, MAP_PRIVATE, 0, &p));
	p[0] = 'x';
	ASSERT_EQ(poke(p), 1);
	ASSERT_EQ(pread(fd, &c, 1, 0), 1);
	ASSERT_EQ(c, 0);
	ASSERT_EQ(size_of(fd), 2 * PAGE);
}

/* With somebody else using the file, in state "sealed". */
static void expect_shared(int fd, int sealed)
{
	ASSERT_EQ(is_sealed(fd), sealed);
	ASSERT_EQ(seal(fd, sealed), -EALREADY);
	ASSERT_EQ(seal(fd, !sealed), -ETXTBSY);
	ASSERT_EQ(is_sealed(fd), sealed);
}

/* Nobody else: any change goes, and all is as it was. */
static void expect_exclusive(int fd, int sealed)
{
	ASSERT_EQ(is_sealed(fd), sealed);
	ASSERT_OK(seal(fd, sealed));
	ASSERT_OK(seal(fd, !sealed));
	ASSERT_OK(seal(fd, sealed));
}

/* spec 20.3 */
TEST(duplicates_share)
{
	int sealed, copy, fd = memfd_new(10);

	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		copy = dup(fd);
		ASSERT(copy >= 0);
		expect_shared(fd, sealed);
		expect_shared(copy, sealed);
		close(fd);
		expect_exclusive(copy, sealed);
		fd = copy;
	}
}

static void wait_to_end(void *arg)
{
	int *p = arg;
	char c;

	close(p[1]);
	ASSERT_EQ(read(p[0], &c, 1), 0);
}

/* spec 20.3 */
TEST(children_share)
{
	int p[2], sealed, fd = memfd_new(10);
	pid_t pid;

	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		ASSERT_OK(pipe2(p, O_CLOEXEC));
		pid = spawn(wait_to_end, p);
		expect_shared(fd, sealed);
		close(p[0]);
		close(p[1]);
		wait_for(pid);
		expect_exclusive(fd, sealed);
	}
}

static void scm_send(int sock, int fd)
{
	char control_buf[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control_buf,
		.msg_controllen = sizeof(control_buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	ASSERT_EQ(sendmsg(sock, &msg, 0), 1);
}

/* spec 20.3 */
TEST(files_in_flight_share)
{
	int s[2], sealed, fd = memfd_new(10);
	char c;

	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
		scm_send(s[0], fd);
		expect_shared(fd, sealed);
		/* received without room for it: gone */
		ASSERT_EQ(read(s[1], &c, 1), 1);
		expect_exclusive(fd, sealed);
	}
}

/* spec 20.3 */
TEST(files_in_messages_share)
{
	const struct kdbus_msg *msg;
	int sealed, fd = memfd_new(10);
	struct kdbus_builder m;
	struct kdbus_client a;
	struct bus bus;

	bus_new(&bus);
	client_new(&a, &bus);
	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		kdbus_build_msg(&m, a.hello.id, 1);
		kdbus_build_fds(&m, &fd, 1);
		ASSERT_OK(kdbus_client_send(&a, &m));
		expect_shared(fd, sealed);
		ASSERT_OK(kdbus_client_recv(&a, 0, 0, &msg));
		expect_shared(fd, sealed);
		kdbus_msg_close_fds(msg);
		expect_exclusive(fd, sealed);
		ASSERT_OK(kdbus_client_free(&a, msg));
	}
}

/* spec 20.3 */
TEST(mappings_share)
{
	int sealed, fd = memfd_new(PAGE);
	char *p, *q;

	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		ASSERT_OK(map(fd, PAGE, PROT_READ, MAP_SHARED, 0, &p));
		expect_shared(fd, sealed);
		ASSERT_OK(map(fd, PAGE, PROT_READ, MAP_PRIVATE, 0, &q));
		munmap(p, PAGE);
		expect_shared(fd, sealed);
		munmap(q, PAGE);
		expect_exclusive(fd, sealed);
	}
	ASSERT_OK(seal(fd, 0));
	p = map_rw(fd, PAGE);
	*p = 1;
	expect_shared(fd, 0);
	munmap(p, PAGE);
	expect_exclusive(fd, 0);
}

struct hold_mapping {
	int fd, p[2], ready[2];
};

static void child_with_mapping(void *arg)
{
	struct hold_mapping *h = arg;

	close(h->fd);
	ASSERT_EQ(write(h->ready[1], "x", 1), 1);
	wait_to_end(h->p);
}

/* spec 20.3 */
TEST(mappings_of_children_share)
{
	struct hold_mapping h = { .fd = memfd_new(PAGE) };
	char *p = map_rw(h.fd, PAGE);
	pid_t pid;
	char c;

	*p = 1;
	ASSERT_OK(pipe2(h.p, O_CLOEXEC));
	ASSERT_OK(pipe2(h.ready, O_CLOEXEC));
	pid = spawn(child_with_mapping, &h);
	ASSERT_EQ(read(h.ready[0], &c, 1), 1);
	munmap(p, PAGE);
	expect_shared(h.fd, 0);
	close(h.p[0]);
	close(h.p[1]);
	wait_for(pid);
	expect_exclusive(h.fd, 0);
}

/* spec 20.3: pages stay in a pipe when the mapping they came from has gone. */
TEST(pinned_pages_share)
{
	int p[2], sealed, fd = memfd_new(20 * PAGE);
	struct iovec v = { NULL, 10 };
	char *q, buf[16];

	memset(map_rw(fd, 20 * PAGE), 'a', 20 * PAGE);
	ASSERT_OK(pipe(p));
	for (sealed = 0; sealed <= 1; sealed++) {
		int other = memfd_new(20 * PAGE);

		q = map_rw(other, 20 * PAGE);
		memset(q, 'a', 20 * PAGE);
		munmap(q, 20 * PAGE);
		ASSERT_OK(seal(other, sealed));
		ASSERT_OK(map(other, 20 * PAGE, PROT_READ, MAP_SHARED, 0, &q));
		v.iov_base = q + 17 * PAGE;
		ASSERT_EQ(vmsplice(p[1], &v, 1, 0), 10);
		munmap(q, 20 * PAGE);
		ASSERT_EQ(seal(other, !sealed), -ETXTBSY);
		ASSERT_EQ(is_sealed(other), sealed);
		/* nothing is asked for: nobody has the file */
		ASSERT_OK(seal(other, sealed));
		ASSERT_EQ(read(p[0], buf, 16), 10);
		ASSERT_EQ(buf[0], 'a');
		expect_exclusive(other, sealed);
		close(other);
	}
	expect_shared(fd, 0);
}

/* spec 20.3: buffers of a ring stay pinned, to be written to, for ever. */
TEST(pages_pinned_by_a_ring_share)
{
	int fd = memfd_new(2 * PAGE), from = memfd_create("from", 0);
	char *p = map_rw(fd, 2 * PAGE), c = 0;
	struct ring ring;

	ring_new(&ring);
	ASSERT_EQ(write(from, "x", 1), 1);
	ASSERT_OK(ring_pin(&ring, p, 2 * PAGE));
	munmap(p, 2 * PAGE);
	ASSERT_EQ(seal(fd, 1), -ETXTBSY);
	ASSERT_EQ(is_sealed(fd), 0);
	/* it is not mapped, and written to all the same */
	ASSERT_EQ(ring_run(&ring, IORING_OP_READ_FIXED, from, p, 1), 1);
	ASSERT_EQ(pread(fd, &c, 1, 0), 1);
	ASSERT_EQ(c, 'x');
	ASSERT_EQ(seal(fd, 1), -ETXTBSY);
	ring_unpin(&ring);
	expect_exclusive(fd, 0);

	ASSERT_OK(seal(fd, 1));
	ASSERT_OK(map(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 0, &p));
	ASSERT_EQ(ring_pin(&ring, p, 2 * PAGE), -EFAULT);
	close(from);
}

static void *unpin_soon(void *arg)
{
	char buf[16];

	usleep(30000);
	ASSERT_EQ(read(*(int *)arg, buf, 16), 10);
	return NULL;
}

/* spec 20.3 */
TEST(short_pins_are_waited_for)
{
	int p[2], fd = memfd_new(PAGE);
	char *q = map_rw(fd, PAGE);
	struct iovec v = { q, 10 };
	pthread_t t;

	ASSERT_OK(pipe(p));
	ASSERT_EQ(vmsplice(p[1], &v, 1, 0), 10);
	munmap(q, PAGE);
	ASSERT_OK(pthread_create(&t, NULL, unpin_soon, p));
	ASSERT_OK(seal(fd, 1));
	ASSERT_OK(pthread_join(t, NULL));
	ASSERT_EQ(is_sealed(fd), 1);
}

/* ---- unsealing while the memfd goes away -------------------------------- */

#define ROUNDS 5

static struct {
	struct bus bus;
	struct kdbus_client sender, receiver;
	int fd, pipe[2];
	pid_t unsealer;
} race;

static void *unseal(void *arg)
{
	(void)arg;
	__atomic_store_n(&race.unsealer, (pid_t)syscall(SYS_gettid),
			 __ATOMIC_RELEASE);
	return (void *)(long)seal(race.fd, 0);
}

/*
 * A sealed memfd, a page of which waits in a pipe; a thread unseals it and waits
 * for the page.
 */
static void unseal_begin(pthread_t *t)
{
	struct iovec v = { NULL, 10 };
	char *p, state;
	pid_t tid;

	race.fd = memfd_new(PAGE);
	p = map_rw(race.fd, PAGE);
	memset(p, 'a', PAGE);
	munmap(p, PAGE);
	ASSERT_OK(seal(race.fd, 1));
	ASSERT_OK(map(race.fd, PAGE, PROT_READ, MAP_SHARED, 0, &p));
	v.iov_base = p;
	ASSERT_OK(pipe2(race.pipe, O_CLOEXEC));
	ASSERT_EQ(vmsplice(race.pipe[1], &v, 1, 0), 10);
	munmap(p, PAGE);

	race.unsealer = 0;
	ASSERT_OK(pthread_create(t, NULL, unseal, NULL));
	do {
		tid = __atomic_load_n(&race.unsealer, __ATOMIC_ACQUIRE);
		state = tid ? thread_state(tid) : 0;
	} while (state != 'D' && state != 'X');
}

/* The page is free; whatever SEAL_SET says now, it unsealed nothing. */
static void unseal_end(pthread_t t)
{
	char buf[16];
	void *ret;

	ASSERT_EQ(read(race.pipe[0], buf, sizeof(buf)), 10);
	ASSERT_OK(pthread_join(t, &ret));
	ASSERT_EQ((long)ret, -ETXTBSY);
	close(race.pipe[0]);
	close(race.pipe[1]);
}

static void send_memfd_and_close(void)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, race.receiver.hello.id, 1);
	kdbus_build_memfd(&m, race.fd, PAGE);
	ASSERT_OK(kdbus_client_send(&race.sender, &m));
	close(race.fd);
}

/* Receives the memfd, which has to be sealed. */
static int receive_sealed(void)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	int fd;

	ASSERT_OK(kdbus_client_recv(&race.receiver, 0, 0, &msg));
	item = kdbus_msg_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD);
	ASSERT(item);
	fd = item->memfd.fd;
	ASSERT_EQ(is_sealed(fd), 1);
	ASSERT_EQ(result(pwrite(fd, "x", 1, 0)), -EPERM);
	ASSERT_OK(kdbus_client_free(&race.receiver, msg));
	return fd;
}

static void race_begin(void)
{
	bus_new(&race.bus);
	client_new(&race.sender, &race.bus);
	client_new(&race.receiver, &race.bus);
}

/* spec 20.3, decision 29: SEAL_SET began when nobody else had the file */
TEST(what_a_message_carries_is_not_unsealed)
{
	pthread_t t;
	int i, fd;

	race_begin();
	for (i = 0; i < ROUNDS; i++) {
		unseal_begin(&t);
		send_memfd_and_close();
		unseal_end(t);
		fd = receive_sealed();
		expect_exclusive(fd, 1);
		close(fd);
	}
}

/* Another process receives, says so, and looks again at the end. */
static void receiver_of_memfd(void *arg)
{
	int *p = arg, fd = receive_sealed();
	char c;

	ASSERT_EQ(write(p[1], "x", 1), 1);
	ASSERT_EQ(read(p[2], &c, 1), 1);
	ASSERT_EQ(is_sealed(fd), 1);
	ASSERT_EQ(result(pwrite(fd, "x", 1, 0)), -EPERM);
}

/* spec 20.3, 20.6, decision 29: nor is what was received meanwhile */
TEST(what_was_received_meanwhile_is_not_unsealed)
{
	int i, p[4];
	pthread_t t;
	pid_t pid;
	char c;

	race_begin();
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_OK(pipe2(p, O_CLOEXEC));
		ASSERT_OK(pipe2(p + 2, O_CLOEXEC));
		unseal_begin(&t);
		send_memfd_and_close();
		pid = spawn(receiver_of_memfd, p);
		ASSERT_EQ(read(p[0], &c, 1), 1);
		unseal_end(t);
		ASSERT_EQ(write(p[3], "x", 1), 1);
		wait_for(pid);
	}
}

static void pin_to_cpu(int cpu)
{
	unsigned long mask = 1UL << cpu;

	ASSERT(syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask) >= 0);
}

/* spec 20.3 */
/* New pages wait in lists per processor, with references of their own. */
TEST(pages_of_another_processor_are_not_pinned)
{
	size_t n, cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < 2)
		SKIP("one processor");
	for (n = 1; n < 40; n++) {
		int fd = memfd_new(0);
		char *p = map_rw(fd, n * PAGE);

		pin_to_cpu(n % 2);
		memset(p, n, n * PAGE);
		munmap(p, n * PAGE);
		pin_to_cpu(!(n % 2));
		ASSERT_OK(seal(fd, 1));
		close(fd);
	}
}

static void *wait_for_pipe(void *arg)
{
	char c;

	return (void *)(long)read(*(int *)arg, &c, 1);
}

/* spec 20.3 */
TEST(threads_are_one_holder)
{
	int p[2], sealed, copy, fd = memfd_new(10);
	pthread_t t[3];
	size_t i;

	ASSERT_OK(pipe(p));
	for (i = 0; i < 3; i++)
		ASSERT_OK(pthread_create(&t[i], NULL, wait_for_pipe, p));
	for (sealed = 0; sealed <= 1; sealed++) {
		ASSERT_OK(seal(fd, sealed));
		expect_exclusive(fd, sealed);
		copy = dup(fd);
		expect_shared(fd, sealed);
		close(copy);
	}
	close(p[1]);
	for (i = 0; i < 3; i++)
		ASSERT_OK(pthread_join(t[i], NULL));
	expect_exclusive(fd, 1);
}

static volatile int stop;

static void *write_always(void *arg)
{
	int fd = *(int *)arg;
	char buf[256];
	unsigned int n;

	for (n = 0; !stop; n++) {
		memset(buf, n, sizeof(buf));
		if (pwrite(fd, buf, sizeof(buf), n % 3 * 100) < 0)
			ASSERT_EQ(errno, EPERM);
		if (n % 4 == 0) {
			char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);

			if (p != MAP_FAILED) {
				memset(p, n, PAGE);
				munmap(p, PAGE);
			}
		}
		/* never so short that the other one's mapping has no memory */
		set_size(fd, PAGE + n % 5 * 500);
	}
	return NULL;
}

/* spec 20.3, 20.6: whenever it is sealed, it stays as it was found then. */
TEST(sealing_against_writers)
{
	static char one[2 * PAGE], two[2 * PAGE];
	int fd = memfd_new(PAGE);
	__u64 end = now_ns() + 3 * SEC;
	unsigned int n = 0;
	pthread_t t[2];

	ASSERT_OK(pthread_create(&t[0], NULL, write_always, &fd));
	ASSERT_OK(pthread_create(&t[1], NULL, write_always, &fd));
	while (now_ns() < end) {
		ssize_t size;
		int ret = seal(fd, 1);

		if (ret < 0) {
			ASSERT_EQ(ret, -ETXTBSY);
			continue;
		}
		size = pread(fd, one, sizeof(one), 0);
		ASSERT_EQ(size_of(fd), size);
		sched_yield();
		ASSERT_EQ(pread(fd, two, sizeof(two), 0), size);
		ASSERT_OK(memcmp(one, two, size));
		while (seal(fd, 0) < 0)
			;
		n++;
	}
	stop = 1;
	ASSERT_OK(pthread_join(t[0], NULL));
	ASSERT_OK(pthread_join(t[1], NULL));
	printf("# sealed %u times\n", n);
	expect_exclusive(fd, 0);
}

static char *shared_buffer;

static void *grow_always(void *arg)
{
	int fd = *(int *)arg;
	unsigned int n;

	for (n = 0; !stop; n++) {
		char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, n % 64 * PAGE);

		ASSERT(p != MAP_FAILED);
		munmap(p, PAGE);
		madvise(shared_buffer, 64 * PAGE, MADV_DONTNEED);
		ASSERT_OK(set_size(fd, 0));
	}
	return NULL;
}

/* spec 20.5 */
/* mmap() that grows the file, and write() whose source is paged in. */
TEST(mapping_against_writing)
{
	int fd = memfd_new(0);
	__u64 end = now_ns() + 3 * SEC;
	pthread_t t;

	shared_buffer = mmap(NULL, 64 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	ASSERT_OK(pthread_create(&t, NULL, grow_always, &fd));
	while (now_ns() < end)
		ASSERT_EQ(pwrite(fd, shared_buffer, 64 * PAGE, 0), 64 * PAGE);
	stop = 1;
	ASSERT_OK(pthread_join(t, NULL));
}
