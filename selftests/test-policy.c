// SPDX-License-Identifier: GPL-2.0
/* Custom endpoints and policy: who may see, talk to and own what. */
#include <grp.h>
#include <sys/stat.h>

#include "fixtures.h"

static struct bus bus;

static int ep_make(int fd, struct kdbus_builder *b)
{
	return xioctl(fd, KDBUS_CMD_EP_MAKE, b->buf);
}

static char *ep_path(const char *name)
{
	static char path[200];

	return kdbus_endpoint_path(path, sizeof(path), bus.name, name);
}

static int holder(const char *name, __u64 type, __u64 id, __u64 level)
{
	struct kdbus_builder b;
	int fd = ep_open(&bus);

	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	grant(&b, name, type, id, level);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_HELLO, b.buf));
	return fd;
}

/* ---- endpoints -------------------------------------------------------- */

/* spec 6.3 */
TEST(ep_make_checks_its_items)
{
	struct kdbus_builder b;
	struct kdbus_policy_access bad = { WORLD, 3, 0 };
	int fd;

	bus_new(&bus);
	fd = ep_open(&bus);
	make_begin(&b, NULL, KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_EQ(ep_make(fd, &b), -EBADMSG);
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	kdbus_build_string(&b, KDBUS_ITEM_MAKE_NAME, "y");
	ASSERT_EQ(ep_make(fd, &b), -EEXIST);
	make_begin(&b, "-x", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_EQ(ep_make(fd, &b), -EINVAL);
	make_begin(&b, "bus", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_EQ(ep_make(fd, &b), -EEXIST);
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	((struct kdbus_cmd_make *)b.buf)->flags |= 1ULL << 32;
	ASSERT_EQ(ep_make(fd, &b), -EOPNOTSUPP);
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	grant(&b, NULL, WORLD, 0, SEE);
	ASSERT_EQ(ep_make(fd, &b), -EINVAL);
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "nodots");
	ASSERT_EQ(ep_make(fd, &b), -EINVAL);
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	grant(&b, "com.example.a", 4, 0, SEE);
	ASSERT_EQ(ep_make(fd, &b), -EINVAL);
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	grant(&b, "com.example.a", USER, 1ULL << 32, SEE);
	ASSERT_EQ(ep_make(fd, &b), -EINVAL);
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.a");
	kdbus_build_item(&b, KDBUS_ITEM_POLICY_ACCESS, &bad, sizeof(bad));
	ASSERT_EQ(ep_make(fd, &b), -EINVAL);
	ASSERT_EQ(access(ep_path("x"), F_OK), -1);

	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_OK(ep_make(fd, &b));
	ASSERT_EQ(ep_make(fd, &b), -ENOTTY);
	fd = ep_open(&bus);
	ASSERT_EQ(ep_make(fd, &b), -EEXIST);
}

static void make_unprivileged(void *arg)
{
	struct kdbus_builder b;

	(void)arg;
	make_begin(&b, "x", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_EQ(ep_make(ep_open(&bus), &b), -EPERM);
}

/* spec 6.3, 5.6 */
TEST(only_the_privileged_make_endpoints)
{
	bus_new(&bus);
	as_uid(NOBODY, make_unprivileged, NULL);
}

/* spec 1.6, 1.7 */
TEST(an_endpoint_lives_as_long_as_its_file)
{
	struct kdbus_client c;
	struct kdbus_builder b;
	struct stat st;
	int fd;

	bus_new(&bus);
	fd = ep_open(&bus);
	make_begin(&b, "private", KDBUS_MAKE_ACCESS_WORLD);
	((struct kdbus_cmd_make *)b.buf)->flags = 0;
	ASSERT_OK(ep_make(fd, &b));
	ASSERT_OK(stat(ep_path("private"), &st));
	ASSERT_EQ(st.st_mode & 0777, 0);
	close(fd);
	ASSERT_EQ(access(ep_path("private"), F_OK), -1);

	fd = ep_new(&bus, "open", NULL, 0);
	ASSERT_OK(stat(ep_path("open"), &st));
	ASSERT_EQ(st.st_mode & 0777, 0666);
	client_at(&c, &bus, "open");
	close(fd);
	ASSERT_EQ(kdbus_client_wait(&c, 1000), -ECONNRESET);
	ASSERT_EQ(access(ep_path("open"), F_OK), -1);
}

/* spec 3.2, 27.6, 27.7, decision 15 */
TEST(endpoints_per_user_are_bounded)
{
	struct kdbus_builder b;
	char name[8];
	int i, fd;

	bus_new(&bus);
	param_set("max_endpoints_per_user", 3);
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		make_begin(&b, name, KDBUS_MAKE_ACCESS_WORLD);
		fd = ep_open(&bus);
		ASSERT_EQ(ep_make(fd, &b), i < 3 ? 0 : -EMFILE);
	}
}

/* ---- what a sandbox sees ---------------------------------------------- */

static bool sees(struct kdbus_client *c, const char *name)
{
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *rec;
	bool found = false;

	ASSERT_OK(kdbus_client_list(c, KDBUS_NAME_LIST_NAMES, &list));
	kdbus_for_each_name(rec, list)
		if (rec->size > sizeof(*rec) && !strcmp(rec->name, name))
			found = true;
	ASSERT_OK(kdbus_client_free(c, list));
	return found;
}

static int info_of(struct kdbus_client *c, const char *name, __u64 id)
{
	char buf[300] __attribute__((aligned(8))) = { 0 };
	struct kdbus_cmd_conn_info *cmd = (void *)buf;

	cmd->id = id;
	cmd->size = sizeof(*cmd) + (name ? strlen(name) + 1 : 0);
	if (name)
		strcpy(buf + sizeof(*cmd), name);
	return xioctl(c->fd, KDBUS_CMD_CONN_INFO, cmd);
}

/* spec 16.7: hidden is the same as absent */
TEST(hidden_names_look_like_absent_ones)
{
	struct kdbus_client seen, hidden, nobody, c;

	bus_new(&bus);
	client_new(&seen, &bus);
	client_new(&hidden, &bus);
	client_new(&nobody, &bus);
	ASSERT_OK(kdbus_client_acquire(&seen, "com.example.seen", 0));
	ASSERT_OK(kdbus_client_acquire(&hidden, "com.example.hidden", 0));
	ep_new(&bus, "box", "com.example.seen", SEE);
	client_at(&c, &bus, "box");

	ASSERT(sees(&c, "com.example.seen"));
	ASSERT(!sees(&c, "com.example.hidden"));
	ASSERT_EQ(send_to_name(&c, "com.example.seen", "x"), -EPERM);
	ASSERT_EQ(send_to_name(&c, "com.example.hidden", "x"), -ESRCH);
	ASSERT_EQ(send_to(&c, hidden.hello.id, 1, "x"), -ENXIO);
	ASSERT_EQ(send_to(&c, nobody.hello.id, 1, "x"), -ENXIO);
	ASSERT_EQ(send_to(&c, seen.hello.id, 1, "x"), -EPERM);
	ASSERT_EQ(kdbus_client_release(&c, "com.example.hidden"), -ESRCH);
	ASSERT_EQ(kdbus_client_release(&c, "com.example.seen"), -EADDRINUSE);
	ASSERT_EQ(kdbus_client_acquire(&c, "com.example.hidden", 0), -EPERM);
	ASSERT_EQ(kdbus_client_acquire(&c, "com.example.none", 0), -EPERM);
	ASSERT_EQ(info_of(&c, "com.example.hidden", 0), -ESRCH);
	ASSERT_EQ(info_of(&c, NULL, hidden.hello.id), -ENXIO);
	ASSERT_OK(info_of(&c, "com.example.seen", 0));
	ASSERT_OK(info_of(&c, NULL, seen.hello.id));
	ASSERT_OK(send_to(&c, c.hello.id, 2, "to myself"));
	expect_msg(&c, c.hello.id, 2);
}

/* spec 9.6: asking for a reply opens no door, and replies come back */
TEST(talking_needs_a_grant_and_a_reply_needs_none)
{
	const struct kdbus_msg *msg;
	struct kdbus_client svc, c;
	struct kdbus_builder b;

	bus_new(&bus);
	client_new(&svc, &bus);
	ASSERT_OK(kdbus_client_acquire(&svc, "com.example.svc", 0));
	ASSERT_OK(kdbus_client_acquire(&svc, "com.example.shy", 0));
	make_begin(&b, "box", KDBUS_MAKE_ACCESS_WORLD);
	grant(&b, "com.example.svc", WORLD, 0, TALK);
	grant(&b, "com.example.mine", WORLD, 0, OWN);
	ASSERT(ep_make_on(&bus, &b) >= 0);
	client_at(&c, &bus, "box");
	ASSERT_OK(kdbus_client_acquire(&c, "com.example.mine", 0));
	ASSERT_EQ(request(&c, svc.hello.id, 5, 10 * SEC), 0);
	ASSERT_OK(kdbus_client_recv(&svc, 0, 0, &msg));
	ASSERT_OK(kdbus_client_reply(&svc, msg, "yes", 4));
	ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg));
	ASSERT_EQ(msg->cookie_reply, 5);
	ASSERT_OK(kdbus_client_release(&svc, "com.example.svc"));
	ASSERT_EQ(request(&c, svc.hello.id, 6, 10 * SEC), -ENXIO);

	/* the other way round: the service may call, the box may answer */
	ASSERT_OK(request(&svc, c.hello.id, 7, 10 * SEC));
	ASSERT_OK(kdbus_client_recv(&c, 0, 0, &msg));
	ASSERT_OK(kdbus_client_reply(&c, msg, "yes", 4));
	ASSERT_OK(kdbus_client_recv(&svc, 0, 0, &msg));
	ASSERT_EQ(msg->cookie_reply, 7);
}

/* A service, and a client in a sandbox; the sandbox's owner. */
static int box_new(struct kdbus_client *svc, struct kdbus_client *c)
{
	int fd;

	bus_new(&bus);
	client_new(svc, &bus);
	ASSERT_OK(kdbus_client_acquire(svc, "com.example.svc", 0));
	fd = ep_new(&bus, "box", NULL, 0);
	client_at(c, &bus, "box");
	return fd;
}

/* spec 6.4 */
TEST(update_replaces_all_or_nothing)
{
	struct kdbus_client svc, c;
	struct kdbus_builder b;
	int fd = box_new(&svc, &c);

	ASSERT_EQ(send_to_name(&c, "com.example.svc", "x"), -ESRCH);

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.svc", WORLD, 0, TALK);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_UPDATE, b.buf));
	ASSERT_OK(send_to_name(&c, "com.example.svc", "x"));

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.other", WORLD, 0, TALK);
	grant(&b, "com.example.bad", WORLD, 0, 9);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_EP_UPDATE, b.buf), -EINVAL);
	ASSERT_OK(send_to_name(&c, "com.example.svc", "x"));

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_UPDATE, b.buf));
	ASSERT_EQ(send_to_name(&c, "com.example.svc", "x"), -ESRCH);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, b.buf), -ENOTTY);
}

/* spec 16.2: of one name there is one entry, the last */
TEST(the_last_entry_for_a_name_counts)
{
	struct kdbus_client svc, c;
	struct kdbus_builder b;
	int fd = box_new(&svc, &c);

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.svc", WORLD, 0, TALK);
	grant(&b, "com.example.svc", WORLD, 0, SEE);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_UPDATE, b.buf));
	ASSERT_EQ(send_to_name(&c, "com.example.svc", "x"), -EPERM);

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.svc", WORLD, 0, SEE);
	grant(&b, "com.example.svc", WORLD, 0, TALK);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_UPDATE, b.buf));
	ASSERT_OK(send_to_name(&c, "com.example.svc", "x"));
}

/* spec 5.6: nobody is privileged through a custom endpoint, root neither */
TEST(a_custom_endpoint_gives_no_privilege)
{
	struct kdbus_builder b;
	int fd;

	bus_new(&bus);
	ep_new(&bus, "box", NULL, 0);
	fd = open(ep_path("box"), O_RDWR);
	ASSERT(fd >= 0);
	hello_init(&b, KDBUS_HELLO_MONITOR);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, b.buf), -EPERM);
	make_begin(&b, "inner", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_EQ(ep_make(fd, &b), -EPERM);
}

/* ---- policy of the bus ------------------------------------------------ */

static void nobody_owns(void *arg)
{
	struct kdbus_client c;

	client_new(&c, &bus);
	ASSERT_EQ(kdbus_client_acquire(&c, "com.example.a", 0),
		  *(int *)arg & 1 ? 0 : -EPERM);
	ASSERT_EQ(kdbus_client_acquire(&c, "com.example.b", 0),
		  *(int *)arg & 2 ? 0 : -EPERM);
}

/* spec 16.1, 16.3, 16.9, decision 7 */
TEST(a_bus_is_open_until_somebody_brings_policy)
{
	int all = 3, a = 1, none = 0, fd;

	bus_new(&bus);
	as_uid(NOBODY, nobody_owns, &all);
	fd = holder("com.example.a", USER, NOBODY, OWN);
	as_uid(NOBODY, nobody_owns, &a);
	close(fd);
	as_uid(NOBODY, nobody_owns, &none);
	fd = holder("com.example.*", GROUP, NOBODY, OWN);
	as_uid(NOBODY, nobody_owns, &all);
	/* an exact entry hides the wildcard, also when it denies */
	holder("com.example.b", USER, 4711, OWN);
	as_uid(NOBODY, nobody_owns, &a);
	close(fd);
	as_uid(NOBODY, nobody_owns, &none);
}

/* spec 16.2, 16.8 */
TEST(a_name_has_one_holder)
{
	struct kdbus_builder b;
	int fd = -1, first, update;

	bus_new(&bus);
	first = holder("com.example.a", WORLD, 0, SEE);
	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.a");
	fd = ep_open(&bus);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_HELLO, b.buf), -EEXIST);
	/* the wildcard is another entry */
	update = holder("com.example.a.*", WORLD, 0, SEE);
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.a", WORLD, 0, SEE);
	ASSERT_EQ(xioctl(update, KDBUS_CMD_CONN_UPDATE, b.buf), -EEXIST);
	grant(&b, "com.example.c", WORLD, 0, SEE);
	ASSERT_EQ(xioctl(update, KDBUS_CMD_CONN_UPDATE, b.buf), -E2BIG);
	close(first);
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.a", WORLD, 0, SEE);
	ASSERT_OK(xioctl(update, KDBUS_CMD_CONN_UPDATE, b.buf));
	ASSERT_OK(xioctl(fd, KDBUS_CMD_HELLO, (hello_init(&b,
		KDBUS_HELLO_POLICY_HOLDER), kdbus_build_string(&b,
		KDBUS_ITEM_NAME, "com.example.a.*"), b.buf)));
}

static struct kdbus_client svc;

static void nobody_talks(void *arg)
{
	struct kdbus_client c, d;

	client_new(&c, &bus);
	client_new(&d, &bus);
	ASSERT_EQ(send_to(&c, svc.hello.id, 1, "x"), *(int *)arg);
	/* the same uid may */
	ASSERT_OK(send_to(&c, d.hello.id, 1, "x"));
	expect_msg(&d, c.hello.id, 1);
}

/* spec 16.6 */
TEST(talk_on_the_bus)
{
	int yes = 0, no = -EPERM, fd;

	bus_new(&bus);
	client_new(&svc, &bus);
	as_uid(NOBODY, nobody_talks, &yes);
	fd = holder("com.example.svc", USER, NOBODY, TALK);
	as_uid(NOBODY, nobody_talks, &no);
	ASSERT_OK(kdbus_client_acquire(&svc, "com.example.svc", 0));
	as_uid(NOBODY, nobody_talks, &yes);
	close(fd);
	as_uid(NOBODY, nobody_talks, &no);
	holder("com.example.svc", WORLD, 0, SEE);
	as_uid(NOBODY, nobody_talks, &no);
}
