// SPDX-License-Identifier: GPL-2.0
/* The TAP runner and the fixtures; see harness.h. */
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "harness.h"

#define EXIT_SKIP 77

static struct test_case *cases, **cases_end = &cases;

void test_register(struct test_case *t)
{
	*cases_end = t;
	cases_end = &t->next;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stdout, "# %s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stdout, fmt, ap);
	va_end(ap);
	fputc('\n', stdout);
	fflush(stdout);
	_exit(1);
}

void test_skip(const char *why)
{
	printf("# SKIP %s\n", why);
	fflush(stdout);
	_exit(EXIT_SKIP);
}

static const char *errno_text(long long n)
{
	return n < 0 && n > -4096 ? strerror(-n) : "";
}

void test_differs(const char *file, int line, const char *got_text,
		  const char *want_text, long long got, long long want)
{
	test_fail(file, line, "%s is %lld %s, not %s (%lld %s)", got_text, got,
		  errno_text(got), want_text, want, errno_text(want));
}

int xioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

/* ---- parameters ------------------------------------------------------- */

#define PARAMETERS "/sys/module/kdbus/parameters/"
#define MAX_PARAMS 8

/*
 * Parameters that the running case has set, in memory the runner shares: it
 * puts them back when the case has ended, however that was.
 */
struct param {
	char name[64];
	unsigned long old;
};

static struct {
	unsigned int n;
	struct param list[MAX_PARAMS];
} *params;

static void param_write(const char *name, unsigned long value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "w");
	ASSERT(f);
	fprintf(f, "%lu\n", value);
	ASSERT_OK(fclose(f));
}

static void params_restore(void)
{
	while (params->n) {
		params->n--;
		param_write(params->list[params->n].name,
			    params->list[params->n].old);
	}
}

/* ---- running ---------------------------------------------------------- */

unsigned int slowness(void)
{
	const char *times = getenv("KDBUS_SLOW");

	return times ? atoi(times) : 1;
}

static int run_case(const struct test_case *t)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* what the case starts ends with it */
		setpgid(0, 0);
		alarm(CASE_SECONDS * slowness());
		t->run();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);
	params_restore();

	if (WIFSIGNALED(status)) {
		printf("# %s\n", WTERMSIG(status) == SIGALRM ? "out of time" :
		       strsignal(WTERMSIG(status)));
		return 1;
	}
	return WEXITSTATUS(status);
}

/* weak: the tests' helper programs have the fixtures and a main of their own */
__attribute__((weak)) int main(int argc, char **argv)
{
	const struct test_case *t;
	int n = 0, failed = 0;

	for (t = cases; t; t = t->next)
		n += argc < 2 || strstr(t->name, argv[1]);
	printf("TAP version 13\n1..%d\n", n);
	if (!n) {
		printf("# no case has '%s' in its name\n", argc < 2 ? "" : argv[1]);
		return 1;
	}
	params = mmap(NULL, sizeof(*params), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (params == MAP_FAILED)
		return 1;

	for (n = 0, t = cases; t; t = t->next) {
		int ret;

		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		ret = run_case(t);
		failed += ret && ret != EXIT_SKIP;
		printf("%sok %d - %s%s\n", ret && ret != EXIT_SKIP ? "not " : "",
		       ++n, t->name, ret == EXIT_SKIP ? " # SKIP" : "");
	}
	return !!failed;
}

/* ---- fixtures --------------------------------------------------------- */

void bus_new(struct bus *bus)
{
	static int n;
	char suffix[32];

	snprintf(suffix, sizeof(suffix), "test%d.%d", getpid(), n++);
	bus->owner = kdbus_bus_make(suffix, KDBUS_MAKE_ACCESS_WORLD);
	if (bus->owner < 0)
		test_fail(__FILE__, __LINE__, "cannot make a bus: %s",
			  strerror(-bus->owner));
	snprintf(bus->name, sizeof(bus->name), "%u-%s", geteuid(), suffix);
	kdbus_endpoint_path(bus->path, sizeof(bus->path), bus->name, "bus");
}

void client_new_pool(struct kdbus_client *c, const struct bus *bus,
		     __u64 pool_size)
{
	int ret = kdbus_client_open(c, bus->path, KDBUS_HELLO_ACCEPT_FD, 0,
				    pool_size, NULL);

	if (ret < 0)
		test_fail(__FILE__, __LINE__, "cannot connect to %s: %s",
			  bus->path, strerror(-ret));
}

void client_new(struct kdbus_client *c, const struct bus *bus)
{
	client_new_pool(c, bus, 0);
}

int ep_open(const struct bus *bus)
{
	int fd = open(bus->path, O_RDWR | O_CLOEXEC);

	ASSERT(fd >= 0);
	return fd;
}

void hello_init(struct kdbus_builder *b, __u64 flags)
{
	struct kdbus_cmd_hello *hello = kdbus_build_cmd(b, sizeof(*hello));

	hello->conn_flags = flags;
	hello->pool_size = 1 << 20;
}

int send_to(struct kdbus_client *c, __u64 dst, __u64 cookie, const char *data)
{
	struct kdbus_builder b;

	kdbus_build_msg(&b, dst, cookie);
	kdbus_build_vec(&b, data, strlen(data) + 1);
	return kdbus_client_send(c, &b);
}

int send_to_name(struct kdbus_client *c, const char *name, const char *data)
{
	struct kdbus_builder b;

	kdbus_build_msg(&b, 0, 1);
	kdbus_build_string(&b, KDBUS_ITEM_DST_NAME, name);
	kdbus_build_vec(&b, data, strlen(data) + 1);
	return kdbus_client_send(c, &b);
}

void build_broadcast(struct kdbus_builder *b, __u64 cookie)
{
	__u64 filter[1 + 64 / 8] = { 0 };

	kdbus_build_msg(b, KDBUS_DST_ID_BROADCAST, cookie);
	kdbus_build_item(b, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
}

void hear_all(struct kdbus_client *c, __u64 cookie)
{
	struct kdbus_cmd_match match = { .size = sizeof(match),
					 .cookie = cookie };

	ASSERT_OK(xioctl(c->fd, KDBUS_CMD_MATCH_ADD, &match));
}

void make_sync(struct kdbus_builder *m, __u64 timeout_ns)
{
	m->msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY |
		       KDBUS_MSG_FLAGS_SYNC_REPLY;
	m->msg.timeout_ns = timeout_ns;
}

int request(struct kdbus_client *c, __u64 dst, __u64 cookie, __u64 timeout_ns)
{
	struct kdbus_builder b;

	kdbus_build_msg(&b, dst, cookie);
	b.msg.flags = KDBUS_MSG_FLAGS_EXPECT_REPLY;
	b.msg.timeout_ns = timeout_ns;
	kdbus_build_vec(&b, "request", 8);
	return kdbus_client_send(c, &b);
}

void expect_msg(struct kdbus_client *c, __u64 src, __u64 cookie)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_recv(c, 0, 0, &msg));
	ASSERT_EQ(msg->src_id, src);
	ASSERT_EQ(msg->cookie, cookie);
	ASSERT_OK(kdbus_client_free(c, msg));
}

void expect_notice(struct kdbus_client *c, __u64 type, __u64 cookie)
{
	const struct kdbus_msg *msg;

	ASSERT_OK(kdbus_client_next(c, 20000, &msg));
	ASSERT_EQ(msg->src_id, KDBUS_SRC_ID_KERNEL);
	ASSERT_EQ(msg->payload_type, KDBUS_PAYLOAD_KERNEL);
	ASSERT_EQ(msg->dst_id, c->hello.id);
	ASSERT_EQ(msg->cookie, 0);
	ASSERT_EQ(msg->cookie_reply, cookie);
	ASSERT_EQ(msg->size, sizeof(*msg) + 16);
	ASSERT_EQ(msg->items[0].size, 16);
	ASSERT_EQ(msg->items[0].type, type);
	ASSERT_OK(kdbus_client_free(c, msg));
}

void expect_nothing(struct kdbus_client *c)
{
	ASSERT_EQ(kdbus_client_recv(c, 0, 0, NULL), -EAGAIN);
}

pid_t spawn(void (*fn)(void *), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	ASSERT(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

void wait_for(pid_t pid)
{
	int status;

	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		test_fail(__FILE__, __LINE__, "child %d: status 0x%x", pid,
			  status);
}

struct as_uid {
	uid_t uid;
	void (*fn)(void *);
	void *arg;
};

static void run_as_uid(void *arg)
{
	struct as_uid *a = arg;

	ASSERT_OK(setresgid(a->uid, a->uid, a->uid));
	ASSERT_OK(setresuid(a->uid, a->uid, a->uid));
	a->fn(a->arg);
}

void as_uid(uid_t uid, void (*fn)(void *), void *arg)
{
	struct as_uid a = { .uid = uid, .fn = fn, .arg = arg };

	wait_for(spawn(run_as_uid, &a));
}

void become(uid_t uid)
{
	/* back first; the saved uid stays root's */
	ASSERT_OK(setresuid(0, 0, 0));
	ASSERT_OK(setresgid(uid, uid, 0));
	ASSERT_OK(setresuid(uid, uid, 0));
}

struct as_thread {
	uid_t uid;
	void (*fn)(void *);
	void *arg;
};

/* The library's function would change all threads of the process. */
static void set_thread_uid(uid_t uid)
{
#ifdef SYS_setresuid32
	ASSERT_OK(syscall(SYS_setresuid32, uid, uid, uid));
#else
	ASSERT_OK(syscall(SYS_setresuid, uid, uid, uid));
#endif
}

static void *run_as_thread(void *arg)
{
	struct as_thread *a = arg;

	set_thread_uid(a->uid);
	a->fn(a->arg);
	return NULL;
}

void thread_as(uid_t uid, void (*fn)(void *), void *arg)
{
	struct as_thread a = { .uid = uid, .fn = fn, .arg = arg };
	pthread_t t;

	ASSERT_OK(pthread_create(&t, NULL, run_as_thread, &a));
	ASSERT_OK(pthread_join(t, NULL));
}

struct new_client {
	struct kdbus_client *c;
	const struct bus *bus;
};

static void new_client(void *arg)
{
	struct new_client *n = arg;

	client_new(n->c, n->bus);
}

void client_new_as(struct kdbus_client *c, const struct bus *bus, uid_t uid)
{
	struct new_client n = { .c = c, .bus = bus };

	thread_as(uid, new_client, &n);
}

void param_set(const char *name, unsigned long value)
{
	struct param *p = &params->list[params->n];
	char path[128];
	FILE *f;

	ASSERT(params->n < MAX_PARAMS);
	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "r");
	ASSERT(f);
	ASSERT_EQ(fscanf(f, "%li", (long *)&p->old), 1);
	fclose(f);
	snprintf(p->name, sizeof(p->name), "%s", name);
	params->n++;
	param_write(name, value);
}

#define LISTINGS "/sys/kernel/debug/kdbus/"
#define LISTING_COLUMNS 20

/* A listing being read: the fields of the current line, by their titles. */
struct listing {
	FILE *file;
	char head[512], line[4096];
	char *titles[LISTING_COLUMNS], *fields[LISTING_COLUMNS];
	int n;
};

static int listing_split(char *line, char **words)
{
	char *save, *word;
	int n = 0;

	for (word = strtok_r(line, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		ASSERT(n < LISTING_COLUMNS);
		words[n++] = word;
	}
	return n;
}

FILE *listing_open(const char *file)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), LISTINGS "%s", file);
	f = fopen(path, "r");
	ASSERT(f);
	return f;
}

static void listing_begin(struct listing *l, const char *file)
{
	FILE *f = listing_open(file);

	ASSERT(fgets(l->head, sizeof(l->head), f));
	l->file = f;
	l->n = listing_split(l->head, l->titles);
}

static int listing_next(struct listing *l)
{
	if (!fgets(l->line, sizeof(l->line), l->file)) {
		fclose(l->file);
		return 0;
	}
	ASSERT_EQ(listing_split(l->line, l->fields), l->n);
	return 1;
}

static const char *listing_field(const struct listing *l, const char *title)
{
	int i;

	for (i = 0; i < l->n; i++)
		if (!strcmp(l->titles[i], title))
			return l->fields[i];
	test_fail(__FILE__, __LINE__, "no column '%s' is listed", title);
}

static __u64 bus_id(const struct bus *bus)
{
	struct listing l;
	__u64 id = 0;

	listing_begin(&l, "buses");
	while (listing_next(&l))
		if (!strcmp(listing_field(&l, "name"), bus->name))
			id = strtoull(listing_field(&l, "bus"), NULL, 10);
	ASSERT(id);
	return id;
}

long long listed(const char *file, const struct bus *bus, __u64 conn,
		 const char *column)
{
	__u64 id = bus_id(bus);
	long long sum = -1;
	struct listing l;

	listing_begin(&l, file);
	while (listing_next(&l)) {
		if (strtoull(listing_field(&l, "bus"), NULL, 10) != id ||
		    (conn && strtoull(listing_field(&l, "conn"), NULL, 10) !=
			     conn))
			continue;
		sum = (sum < 0 ? 0 : sum) +
		      strtoll(listing_field(&l, column), NULL, 10);
	}
	return sum;
}

long long listed_user(uid_t uid, const char *column)
{
	struct listing l;
	long long sum = 0;

	listing_begin(&l, "users");
	while (listing_next(&l))
		if (strtoul(listing_field(&l, "uid"), NULL, 10) == uid)
			sum += strtoll(listing_field(&l, column), NULL, 10);
	return sum;
}

void wait_listed(const char *file, const struct bus *bus, __u64 conn,
		 const char *column, long long value)
{
	int i;

	/* nothing tells of a change: look at it now and then */
	for (i = 0; listed(file, bus, conn, column) != value; i++) {
		if (i == 3000)
			test_fail(__FILE__, __LINE__, "%s of %s stays %lld",
				  column, file, listed(file, bus, conn, column));
		poll(NULL, 0, 10);
	}
}

void wait_listed_user(uid_t uid, const char *column, long long value)
{
	int i;

	for (i = 0; listed_user(uid, column) != value; i++) {
		if (i == 3000)
			test_fail(__FILE__, __LINE__, "%s of %u stays %lld",
				  column, uid, listed_user(uid, column));
		poll(NULL, 0, 10);
	}
}

long meminfo(const char *field)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	ASSERT(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)) &&
		    line[strlen(field)] == ':')
			kb = atol(line + strlen(field) + 1);
	fclose(f);
	ASSERT(kb >= 0);
	return kb;
}

char thread_state(pid_t tid)
{
	char path[64], buf[512], *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (!f)
		return 'X';
	state = fgets(buf, sizeof(buf), f) ? strrchr(buf, ')') : NULL;
	fclose(f);
	return state ? state[2] : 'X';
}

__u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

/* ---- memory that stalls ------------------------------------------------ */

static void stall_begin(struct stall *s, void *page, __u64 mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = 4096 },
		.mode = mode,
	};

	s->page = page;
	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	ASSERT(s->uffd >= 0);
	ASSERT_OK(xioctl(s->uffd, UFFDIO_API, &api));
	/* arm64 has that from 6.10 on */
	if ((mode & UFFDIO_REGISTER_MODE_WP) &&
	    !(api.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP))
		test_skip("userfaultfd stalls no writes on this kernel");
	ASSERT_OK(xioctl(s->uffd, UFFDIO_REGISTER, &reg));
}

static void *stall_page(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT(page != MAP_FAILED);
	return page;
}

void stall_at(struct stall *s, void *page)
{
	ASSERT_OK(madvise(page, 4096, MADV_DONTNEED));
	stall_begin(s, page, UFFDIO_REGISTER_MODE_MISSING);
}

void stall_new(struct stall *s)
{
	stall_at(s, stall_page());
}

static void stall_protect(struct stall *s, __u64 mode)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)s->page, .len = 4096 },
		.mode = mode,
	};

	ASSERT_OK(xioctl(s->uffd, UFFDIO_WRITEPROTECT, &wp));
}

void stall_new_writer(struct stall *s, const void *data, size_t size)
{
	char *page = stall_page();

	/* only what is there can be protected, be it zeros */
	*(volatile char *)page = 0;
	memcpy(page, data, size);
	stall_begin(s, page, UFFDIO_REGISTER_MODE_WP);
	stall_protect(s, UFFDIO_WRITEPROTECT_MODE_WP);
}

void stall_let_write(struct stall *s)
{
	stall_protect(s, 0);
	close(s->uffd);
}

void stall_wait(struct stall *s)
{
	struct pollfd p = { .fd = s->uffd, .events = POLLIN };
	struct uffd_msg event;

	ASSERT_EQ(poll(&p, 1, 30000), 1);
	ASSERT_EQ(read(s->uffd, &event, sizeof(event)), sizeof(event));
	ASSERT_EQ(event.event, UFFD_EVENT_PAGEFAULT);
	ASSERT_EQ(event.arg.pagefault.address & ~4095ULL, (uintptr_t)s->page);
}

void stall_serve(struct stall *s, const void *data, size_t size)
{
	static char page[4096] __attribute__((aligned(4096)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)s->page,
		.src = (uintptr_t)page,
		.len = sizeof(page),
	};

	ASSERT(size <= sizeof(page));
	memset(page, 0, sizeof(page));
	memcpy(page, data, size);
	ASSERT_OK(xioctl(s->uffd, UFFDIO_COPY, &copy));
	close(s->uffd);
}

void stall_unmap(struct stall *s)
{
	ASSERT_OK(munmap(s->page, 4096));
	close(s->uffd);
}

/* how a child that sleeps says so */
static int told[2];

static void *tell_when_it_sleeps(void *arg)
{
	stall_wait(arg);
	ASSERT_EQ(write(told[1], "x", 1), 1);
	return NULL;
}

void stall_tell(struct stall *s)
{
	pthread_t t;

	ASSERT_OK(pthread_create(&t, NULL, tell_when_it_sleeps, s));
}

pid_t spawn_sleeper(void (*fn)(void *), void *arg)
{
	pid_t pid;
	char x;

	ASSERT_OK(pipe2(told, O_CLOEXEC));
	pid = spawn(fn, arg);
	close(told[1]);
	ASSERT_EQ(read(told[0], &x, 1), 1);
	close(told[0]);
	return pid;
}

void kill_sleeper(pid_t pid)
{
	int status;

	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT(WIFSIGNALED(status));
}

static void *sender_run(void *arg)
{
	struct sender *s = arg;

	if (s->uid)
		set_thread_uid(s->uid);
	s->ret = kdbus_client_send(s->from, &s->msg);
	return NULL;
}

void sender_start(struct sender *s, struct kdbus_client *from)
{
	s->from = from;
	ASSERT_OK(pthread_create(&s->thread, NULL, sender_run, s));
}

int sender_end(struct sender *s)
{
	ASSERT_OK(pthread_join(s->thread, NULL));
	return s->ret;
}

int send_as(uid_t uid, struct kdbus_client *from,
	    const struct kdbus_builder *msg)
{
	struct sender s = { .msg = *msg, .uid = uid };

	sender_start(&s, from);
	return sender_end(&s);
}
