// SPDX-License-Identifier: GPL-2.0
/*
 * Unloading is tried all the time while the module is in use: it is refused as
 * long as anything of it is open, and goes well in the moments when nothing
 * is. Runs near the end, since what the module has counted goes with it.
 */
#include <sys/syscall.h>

#include "fixtures.h"

#define UNLOADS 15
#define WORKERS 3

static int try_unload(void)
{
	return syscall(SYS_delete_module, "kdbus", O_NONBLOCK) ? -errno : 0;
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

/* The module is there for as long as one file of it is open. */
TEST(it_is_refused_while_races_run)
{
	static const char *cases[][2] = {
		{ "test-races-files", "steps_against_close" },
		{ "test-races-ends", "nested_domains" },
		{ "test-match", "many_threads" },
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

/* Both close the control node, before or after what they made there. */
static void use_a_bus(int control, unsigned int n)
{
	struct kdbus_client c;
	struct bus bus;
	char name[32];

	snprintf(name, sizeof(name), "0-unload%u", n);
	ASSERT_OK(bus_make_on(control, name));
	kdbus_endpoint_path(bus.path, sizeof(bus.path), name, "bus");
	client_new_pool(&c, &bus, 4096);
	ASSERT_OK(send_to(&c, c.hello.id, 1, "x"));
	expect_msg(&c, c.hello.id, 1);
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

/* Uses the module in whichever way, whenever it is there. */
static void work(void *arg)
{
	unsigned int n = (uintptr_t)arg, seed = n;
	int fd;

	for (;;) {
		usleep(rand_r(&seed) % 3000);
		if (rand_r(&seed) % 4 == 0) {
			read_a_listing();
			continue;
		}
		fd = control_open("");
		if (fd < 0) {
			ASSERT(is_gone(fd));
			continue;
		}
		if (rand_r(&seed) % 2)
			use_a_bus(fd, n);
		else
			use_a_memfd(fd);
	}
}

static void expect_running(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG))
		test_fail(__FILE__, __LINE__, "a worker ended: 0x%x", status);
}

/* spec 1.2: whoever comes finds all of it, or nothing */
TEST(it_goes_between_two_uses)
{
	unsigned int gone = 0, busy = 0;
	pid_t pids[WORKERS];
	uintptr_t i;

	for (i = 0; i < WORKERS; i++)
		pids[i] = spawn(work, (void *)i);
	while (gone < UNLOADS) {
		int ret = try_unload();

		if (ret) {
			ASSERT_EQ(ret, -EAGAIN);
			busy++;
			sched_yield();
			continue;
		}
		gone++;
		ASSERT_EQ(access(KDBUS_DEV, F_OK), -1);
		load();
		ASSERT_OK(access(KDBUS_DEV "/control", F_OK));
		for (i = 0; i < WORKERS; i++)
			expect_running(pids[i]);
	}
	printf("# unloaded %u times, refused %u times\n", gone, busy);
	for (i = 0; i < WORKERS; i++) {
		ASSERT_OK(kill(pids[i], SIGKILL));
		ASSERT_EQ(waitpid(pids[i], NULL, 0), pids[i]);
	}
	ASSERT(busy > 0);
}
