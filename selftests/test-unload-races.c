// SPDX-License-Identifier: GPL-2.0
/*
 * Unloading is tried all the time while the module is in use: it is refused as
 * long as anything of it is open, and goes well in the moments when nothing
 * is. Runs near the end, since what the module has counted goes with it.
 */
#include <sys/syscall.h>

#include "fixtures.h"

/* how often it goes after a use of each kind */
#define UNLOADS 2
#define WORKERS 3

static int try_unload(void)
{
	return syscall(SYS_delete_module, "kdbus", O_NONBLOCK) ? -errno : 0;
}

/* The others are to get somewhere, also where there are few processors. */
static void pause_a_moment(void)
{
	usleep(100);
}

static void load(void)
{
	const char *module = getenv("KDBUS_KO");
	int fd;

	ASSERT(module);
	fd = open(module, O_RDONLY | O_CLOEXEC);
	ASSERT(fd >= 0);
	ASSERT_OK(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
}

/* ---- refused ---------------------------------------------------------- */

static int stop;
static unsigned int refused;

static void *keep_trying(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		ASSERT_EQ(try_unload(), -EAGAIN);
		refused++;
		pause_a_moment();
	}
	return arg;
}

/* Runs a case of another test, whose findings are its own. */
static void run_case_of(void *arg)
{
	const char *const *test = arg;
	int null = open("/dev/null", O_WRONLY);
	char path[300];

	ASSERT(null >= 0);
	snprintf(path, sizeof(path), "%s/selftests/%s", getenv("KDBUS_BIN"),
		 test[0]);
	dup2(null, 1);
	execl(path, test[0], test[1], NULL);
	_exit(1);
}

/*
 * The module is there for as long as one file of it is open. This proves that
 * it is refused, each time and under whatever goes on: nothing races with what
 * unloading takes down, for it never comes to that. it_goes_between_two_uses
 * is about that.
 */
TEST(it_is_refused_while_races_run)
{
	static const char *cases[][2] = {
		{ "test-races-files", "steps_against_close" },
		{ "test-races-ends", "nested_domains" },
		{ "test-match", "many_threads" },
		{ "test-races", "reply_against_cancel" },
		{ "test-races", "many_threads" },
		{ "test-races-pools", "owners_of_pools" },
	};
	int held = control_open("");
	pthread_t t;
	size_t i;

	ASSERT(held >= 0);
	ASSERT_OK(pthread_create(&t, NULL, keep_trying, NULL));
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		wait_for(spawn(run_case_of, cases[i]));
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	ASSERT_OK(pthread_join(t, NULL));
	printf("# refused %u times\n", refused);
	ASSERT(refused > 0);
	close(held);
}

static int fd_of_memfd(void)
{
	struct kdbus_cmd_memfd_make cmd = { .size = sizeof(cmd),
					    .file_size = 4096 };
	int fd = control_open("");

	ASSERT(fd >= 0);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_MEMFD_NEW, &cmd));
	close(fd);
	return cmd.fd;
}

/* spec 8.9: a memfd is a file of it as well; a mapped pool is none */
TEST(what_keeps_the_module)
{
	struct kdbus_client c;
	struct bus bus;
	int memfd;

	memfd = fd_of_memfd();
	ASSERT_EQ(try_unload(), -EAGAIN);
	close(memfd);

	bus_new(&bus);
	client_new(&c, &bus);
	ASSERT_OK(send_to(&c, c.hello.id, 1, "text"));
	expect_msg(&c, c.hello.id, 1);
	close(bus.owner);
	ASSERT_EQ(try_unload(), -EAGAIN);
	close(c.fd);
	ASSERT_OK(try_unload());
	/* and stays as it was */
	ASSERT_EQ(((struct kdbus_msg *)c.pool)->cookie, 1);
	load();
}

/* ---- granted ---------------------------------------------------------- */

/* What may come of opening something that comes and goes. */
static bool is_gone(int err)
{
	return err == -ENOENT || err == -ENXIO || err == -ENODEV ||
	       err == -ESHUTDOWN;
}

/* Sends to itself the file of its own connection, which nobody receives. */
static void send_own_file(struct kdbus_client *c)
{
	struct kdbus_builder m;

	kdbus_build_msg(&m, c->hello.id, 3);
	kdbus_build_fds(&m, &c->fd, 1);
	/* such a message would keep the connection for ever */
	ASSERT(kdbus_client_send(c, &m) < 0);
	kdbus_build_msg(&m, c->hello.id, 3);
	kdbus_build_fds(&m, (int []){ 0 }, 1);
	ASSERT_OK(kdbus_client_send(c, &m));
}

/* Leaves a name, a match, a file in the queue, and a request near its end. */
static void leave_things(struct kdbus_client *c)
{
	ASSERT_OK(kdbus_client_acquire(c, "com.example.a", 0));
	hear_all(c, 1);
	send_own_file(c);
	ASSERT_OK(request(c, c->hello.id, 2, MSEC));
}

/*
 * What a worker uses, all that can be made: each of them closes what it has
 * opened, in whatever order, the control node among it, and thereby has the
 * kernel destroy it, some of it perhaps after the last close. What they make is
 * named by the worker's number.
 */
static unsigned int worker;

static void make_bus(int control, struct bus *bus)
{
	snprintf(bus->name, sizeof(bus->name), "0-unload%u", worker);
	ASSERT_OK(bus_make_on(control, bus->name));
	kdbus_endpoint_path(bus->path, sizeof(bus->path), bus->name, "bus");
	bus->owner = control;
}

static void use_a_bus(int control)
{
	struct kdbus_client c;
	struct bus bus;

	make_bus(control, &bus);
	client_new_pool(&c, &bus, 4096);
	ASSERT_OK(send_to(&c, c.hello.id, 1, "x"));
	expect_msg(&c, c.hello.id, 1);
	close(control);
	kdbus_client_close(&c);
}

static void leave_things_on_a_bus(int control)
{
	struct kdbus_client c;
	struct bus bus;

	make_bus(control, &bus);
	client_new_pool(&c, &bus, 4096);
	leave_things(&c);
	close(control);
	kdbus_client_close(&c);
}

static void use_a_memfd(int control)
{
	struct kdbus_cmd_memfd_make cmd = { .size = sizeof(cmd) };

	ASSERT_OK(xioctl(control, KDBUS_CMD_MEMFD_NEW, &cmd));
	close(control);
	ASSERT_EQ(write(cmd.fd, "x", 1), 1);
	close(cmd.fd);
}

/* With a bus in it, which goes first or with it. */
static void use_a_domain(int control)
{
	char path[64], name[32];
	int inside;

	snprintf(name, sizeof(name), "unload%u", worker);
	snprintf(path, sizeof(path), "/domain/%s", name);
	ASSERT_OK(domain_make_on(control, name));
	inside = control_open(path);
	ASSERT(inside >= 0);
	ASSERT_OK(bus_make_on(inside, "0-inside"));
	close(worker % 2 ? inside : control);
	close(worker % 2 ? control : inside);
}

/* With a connection, which the end of the endpoint ends, or that of the bus. */
static void use_an_endpoint(int control)
{
	struct kdbus_client c;
	struct bus bus;
	int ep;

	make_bus(control, &bus);
	ep = ep_new(&bus, "custom", "com.example.a", TALK);
	client_at(&c, &bus, "custom");
	close(worker % 2 ? ep : control);
	close(worker % 2 ? control : ep);
	kdbus_client_close(&c);
}

/* With a message for it in its queue. */
static void use_an_activator(int control)
{
	struct kdbus_client activator, c;
	struct bus bus;

	make_bus(control, &bus);
	ASSERT_OK(special_new(&activator, &bus, KDBUS_HELLO_ACTIVATOR,
			      "com.example.a"));
	client_new_pool(&c, &bus, 4096);
	ASSERT_OK(send_to_name(&c, "com.example.a", "x"));
	kdbus_client_close(worker % 2 ? &activator : &c);
	kdbus_client_close(worker % 2 ? &c : &activator);
	close(control);
}

/* With a message that it has seen. */
static void use_a_monitor(int control)
{
	struct kdbus_client monitor, c;
	struct bus bus;

	make_bus(control, &bus);
	ASSERT_OK(special_new(&monitor, &bus, KDBUS_HELLO_MONITOR, NULL));
	client_new_pool(&c, &bus, 4096);
	ASSERT_OK(send_to(&c, c.hello.id, 1, "x"));
	close(control);
	kdbus_client_close(worker % 2 ? &monitor : &c);
	kdbus_client_close(worker % 2 ? &c : &monitor);
}

/* One that is answered, and one whose caller is woken by the end of the bus. */
static void call_on_a_bus(int control)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c, d;
	struct sender s = {};
	struct bus bus;
	int i, ret;

	make_bus(control, &bus);
	client_new_pool(&c, &bus, 4096);
	client_new_pool(&d, &bus, 4096);
	for (i = 0; i < 2; i++) {
		kdbus_build_msg(&s.msg, d.hello.id, i + 1);
		make_sync(&s.msg, 60 * SEC);
		sender_start(&s, &c);
		ASSERT_OK(kdbus_client_next(&d, 20000, &msg));
		if (i)
			close(control);
		else
			ASSERT_OK(kdbus_client_reply(&d, msg, "x", 1));
		ret = sender_end(&s);
		if (i)
			ASSERT(ret == -EPIPE || ret == -ECONNRESET);
		else
			ASSERT_OK(ret);
	}
	kdbus_client_close(&c);
	kdbus_client_close(&d);
}

/* The file is closed, and the mapping there until the next time. */
static void keep_a_mapping(int control)
{
	static struct kdbus_client kept;
	struct bus bus;

	if (kept.pool) {
		ASSERT_EQ(((struct kdbus_msg *)kept.pool)->cookie, worker + 1);
		ASSERT_OK(munmap(kept.pool, kept.hello.pool_size));
	}
	make_bus(control, &bus);
	client_new_pool(&kept, &bus, 4096);
	ASSERT_OK(send_to(&kept, kept.hello.id, worker + 1, "x"));
	expect_msg(&kept, kept.hello.id, worker + 1);
	close(control);
	close(kept.fd);
}

static const struct use {
	const char *name;
	void (*fn)(int control);
} uses[] = {
	{ "a bus", use_a_bus },
	{ "a bus with things left", leave_things_on_a_bus },
	{ "a memfd", use_a_memfd },
	{ "a domain", use_a_domain },
	{ "an endpoint", use_an_endpoint },
	{ "an activator", use_an_activator },
	{ "a monitor", use_a_monitor },
	{ "calls", call_on_a_bus },
	{ "a mapping that stays", keep_a_mapping },
};

#define USES (sizeof(uses) / sizeof(*uses))

/* What workers and the one who unloads tell each other. */
static struct {
	/* what most of them are to use */
	unsigned int wanted;
	/* how often each has been used, to its end */
	unsigned int done[USES];
} *book;

static void use_something(int control, unsigned int *seed)
{
	unsigned int n = __atomic_load_n(&book->wanted, __ATOMIC_RELAXED);

	if (rand_r(seed) % 4 == 0)
		n = rand_r(seed) % USES;
	uses[n].fn(control);
	__atomic_add_fetch(&book->done[n], 1, __ATOMIC_RELAXED);
}

static void read_a_listing(void)
{
	int fd = open("/sys/kernel/debug/kdbus/domains", O_RDONLY);
	char buf[256];

	if (fd < 0) {
		ASSERT(is_gone(-errno));
		return;
	}
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

/*
 * Traces an event, or does not any more; it may be on when the module goes. By
 * its name: who opens the file of an event while its module goes may find it
 * freed, in 6.1 and other kernels (tracing_open_file_tr()).
 */
static void switch_event(bool on)
{
	const char *event = on ? "kdbus:kdbus_msg_send" : "!kdbus:kdbus_msg_send";
	int fd = open("/sys/kernel/tracing/set_event", O_WRONLY | O_CLOEXEC);

	ASSERT(fd >= 0);
	/* EINVAL: there is no such event now */
	if (write(fd, event, strlen(event)) < 0)
		ASSERT_EQ(errno, EINVAL);
	close(fd);
}

/* Uses the module in whichever way, whenever it is there. */
static void work(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	int fd;

	worker = (uintptr_t)arg;
	for (;;) {
		usleep(rand_r(&seed) % 3000);
		if (rand_r(&seed) % 4 == 0) {
			read_a_listing();
			continue;
		}
		if (rand_r(&seed) % 32 == 0) {
			switch_event(rand_r(&seed) % 2);
			continue;
		}
		fd = control_open("");
		if (fd >= 0)
			use_something(fd, &seed);
		else
			ASSERT(is_gone(fd));
	}
}

static pid_t workers[WORKERS];

static void start_workers(void)
{
	uintptr_t i;

	book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(book != MAP_FAILED);
	for (i = 0; i < WORKERS; i++)
		workers[i] = spawn(work, (void *)i);
}

static void expect_running(void)
{
	int i, status;

	for (i = 0; i < WORKERS; i++)
		if (waitpid(workers[i], &status, WNOHANG))
			test_fail(__FILE__, __LINE__, "a worker ended: 0x%x",
				  status);
}

static void end_workers(void)
{
	int i;

	for (i = 0; i < WORKERS; i++) {
		ASSERT_OK(kill(workers[i], SIGKILL));
		ASSERT_EQ(waitpid(workers[i], NULL, 0), workers[i]);
	}
}

static unsigned int used(unsigned int n)
{
	return __atomic_load_n(&book->done[n], __ATOMIC_RELAXED);
}

/*
 * Tries until it goes, and loads it again; counts how often it was refused.
 * Returns false if it had not gone by @end.
 */
static bool unload_and_load(unsigned int *busy, __u64 end)
{
	int ret;

	for (; (ret = try_unload()); ++*busy) {
		ASSERT_EQ(ret, -EAGAIN);
		if (now_ns() > end)
			return false;
		pause_a_moment();
	}
	ASSERT_EQ(access(KDBUS_DEV, F_OK), -1);
	load();
	ASSERT_OK(access(KDBUS_DEV "/control", F_OK));
	expect_running();
	return true;
}

/*
 * Until it has gone after a use of one kind, often enough; counts how often it
 * went at all. Returns false if @end came before.
 */
static bool unload_after(unsigned int n, unsigned int *all,
			 unsigned int *busy, __u64 end)
{
	unsigned int gone = 0, before = used(n), after;

	__atomic_store_n(&book->wanted, n, __ATOMIC_RELAXED);
	while (gone < UNLOADS) {
		if (now_ns() > end || !unload_and_load(busy, end))
			return false;
		++*all;
		/* that it goes counts if there has been such a use since */
		after = used(n);
		gone += after != before;
		before = after;
	}
	return true;
}

/*
 * spec 1.2: whoever comes finds all of it, or nothing; and what is destroyed is
 * so when it goes, of each kind. Half of the time a case has is for that; where
 * it is not enough for all kinds it is said for which, and one has to be.
 */
TEST(it_goes_between_two_uses)
{
	__u64 start = now_ns(), end = start + SOON(CASE_SECONDS / 2 * 1000);
	unsigned int n, kinds, all = 0, busy = 0;

	start_workers();
	for (kinds = 0; kinds < USES; kinds++)
		if (!unload_after(kinds, &all, &busy, end))
			break;
	printf("# unloaded %u times in %llu s, refused %u times\n", all,
	       (now_ns() - start) / SEC, busy);
	for (n = 0; n < USES; n++)
		printf("# %s: %u times%s\n", uses[n].name, used(n),
		       n < kinds ? "" : ", unloading was not for it");
	end_workers();
	switch_event(false);
	ASSERT(kinds > 0);
	ASSERT(busy > 0);
}
