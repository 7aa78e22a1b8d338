// SPDX-License-Identifier: GPL-2.0
/* What a grant covers, to whom it is given, and when it no longer holds. */
#include <grp.h>
#include <sched.h>

#include "fixtures.h"

#define SVC "com.example.svc"

static struct bus bus;
/* root's, with the name; and one of nobody's */
static struct kdbus_client svc, nobody;

static void setup(void)
{
	bus_new(&bus);
	client_new(&svc, &bus);
	ASSERT_OK(kdbus_client_acquire(&svc, SVC, 0));
	become(NOBODY);
	client_new(&nobody, &bus);
	become(0);
}

/* What nobody may do. */
static int nobody_owns(const char *name)
{
	int ret = kdbus_client_acquire(&nobody, name, 0);

	if (!ret)
		ASSERT_OK(kdbus_client_release(&nobody, name));
	return ret;
}

static int nobody_talks(void)
{
	int ret;

	become(NOBODY);
	ret = send_to(&nobody, svc.hello.id, 1, "x");
	become(0);
	if (!ret)
		expect_msg(&svc, nobody.hello.id, 1);
	return ret;
}

/* ---- uploads ----------------------------------------------------------- */

/* Each upload, with a grant as it is given here. */
static void refused_everywhere(const void *access, size_t size, bool named)
{
	struct kdbus_client c, h;
	struct kdbus_builder b;
	int fd;

	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	if (named)
		kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.new");
	kdbus_build_item(&b, KDBUS_ITEM_POLICY_ACCESS, access, size);
	ASSERT_EQ(kdbus_client_hello(&c, bus.path, &b), -EINVAL);

	make_begin(&b, "refused", 0);
	if (named)
		kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.new");
	kdbus_build_item(&b, KDBUS_ITEM_POLICY_ACCESS, access, size);
	ASSERT_EQ(ep_make_on(&bus, &b), -EINVAL);

	holder_new(&h, &bus, "com.example.old", WORLD, 0, SEE);
	fd = ep_new(&bus, "updated", "com.example.old", SEE);
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	if (named)
		kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.new");
	kdbus_build_item(&b, KDBUS_ITEM_POLICY_ACCESS, access, size);
	ASSERT_EQ(xioctl(fd, KDBUS_CMD_EP_UPDATE, b.buf), -EINVAL);
	ASSERT_EQ(xioctl(h.fd, KDBUS_CMD_CONN_UPDATE, b.buf), -EINVAL);
	kdbus_client_close(&h);
	close(fd);
}

/* spec 16.2, 4.6, 7.1 */
TEST(every_upload_checks_its_grants)
{
	__u64 access[5] = { WORLD, SEE, 0 };
	struct kdbus_policy_access bad;

	setup();
	refused_everywhere(access, 24, false);
	refused_everywhere(access, 23, true);
	refused_everywhere(access, 25, true);
	refused_everywhere(access, 32, true);
	refused_everywhere(access, 8, true);
	bad = (struct kdbus_policy_access){ WORLD, OWN + 1, 0 };
	refused_everywhere(&bad, sizeof(bad), true);
	bad = (struct kdbus_policy_access){ 0, SEE, 0 };
	refused_everywhere(&bad, sizeof(bad), true);
	bad = (struct kdbus_policy_access){ WORLD + 1, SEE, 0 };
	refused_everywhere(&bad, sizeof(bad), true);
	bad = (struct kdbus_policy_access){ USER, SEE, 1ULL << 32 };
	refused_everywhere(&bad, sizeof(bad), true);
	bad = (struct kdbus_policy_access){ GROUP, SEE, ~0U };
	refused_everywhere(&bad, sizeof(bad), true);
}

/* spec 16.2: what cannot be installed changes nothing */
TEST(a_refused_update_leaves_the_older_entries)
{
	struct kdbus_client h, other;
	struct kdbus_builder b;

	setup();
	holder_new(&other, &bus, "com.example.taken", WORLD, 0, SEE);
	holder_new(&h, &bus, "com.example.a", WORLD, 0, OWN);
	ASSERT_OK(nobody_owns("com.example.a"));

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.taken", WORLD, 0, OWN);
	ASSERT_EQ(xioctl(h.fd, KDBUS_CMD_CONN_UPDATE, b.buf), -EEXIST);
	ASSERT_OK(nobody_owns("com.example.a"));
	ASSERT_EQ(nobody_owns("com.example.taken"), -EPERM);

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.b", WORLD, 0, OWN);
	grant(&b, "com.example.c", WORLD, 0, OWN);
	ASSERT_EQ(xioctl(h.fd, KDBUS_CMD_CONN_UPDATE, b.buf), -E2BIG);
	ASSERT_OK(nobody_owns("com.example.a"));
	ASSERT_EQ(nobody_owns("com.example.b"), -EPERM);

	/* and one that can takes their place */
	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	grant(&b, "com.example.b.*", WORLD, 0, OWN);
	ASSERT_OK(xioctl(h.fd, KDBUS_CMD_CONN_UPDATE, b.buf));
	ASSERT_EQ(nobody_owns("com.example.a"), -EPERM);
	ASSERT_OK(nobody_owns("com.example.b.c"));
}

/* spec 16.2, 7.1, 7.5: who has a name is told before what is scarce */
TEST(a_taken_name_is_told_before_the_quota)
{
	struct kdbus_client h;
	struct kdbus_builder b;

	setup();
	holder_new(&h, &bus, "com.example.a", WORLD, 0, SEE);
	param_set("max_conns_per_user", 1);
	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.a");
	ASSERT_EQ(kdbus_client_hello(&h, bus.path, &b), -EEXIST);
	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	kdbus_build_string(&b, KDBUS_ITEM_NAME, "com.example.b");
	ASSERT_EQ(kdbus_client_hello(&h, bus.path, &b), -EMFILE);
	/* and leaves no entry: the next one finds the name free */
	param_set("max_conns_per_user", 1000);
	holder_new(&h, &bus, "com.example.b", WORLD, 0, SEE);
}

static void upload_in_userns(void *arg)
{
	struct kdbus_client h, c;
	struct kdbus_builder b;

	(void)arg;
	bus_new(&bus);
	ASSERT_OK(unshare(CLONE_NEWUSER));
	map_root(NOBODY);
	/* uid 1 is nobody here */
	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	grant(&b, "com.example.a", USER, 1, OWN);
	ASSERT_EQ(kdbus_client_hello(&h, bus.path, &b), -EINVAL);
	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	grant(&b, "com.example.a", GROUP, 1, OWN);
	ASSERT_EQ(kdbus_client_hello(&h, bus.path, &b), -EINVAL);
	/* and uid 0 is who made the namespace */
	holder_new(&h, &bus, "com.example.a", USER, 0, TALK);
	client_new(&c, &bus);
	ASSERT_OK(send_to(&c, c.hello.id, 1, "x"));
}

/* spec 16.2 */
TEST(ids_are_those_of_the_uploaders_namespace)
{
	as_uid(NOBODY, upload_in_userns, NULL);
}

/* ---- names ------------------------------------------------------------- */

/* spec 16.3: one element more, neither two nor none */
TEST(a_wildcard_covers_one_element)
{
	struct kdbus_client h, box;

	setup();
	holder_new(&h, &bus, "com.example.*", WORLD, 0, OWN);
	ASSERT_OK(nobody_owns("com.example.a"));
	ASSERT_EQ(nobody_owns("com.example.a.b"), -EPERM);
	ASSERT_EQ(nobody_owns("com.example"), -EPERM);
	ASSERT_EQ(nobody_owns("com.examples.a"), -EPERM);
	kdbus_client_close(&h);

	/* the same of an endpoint */
	ASSERT_OK(kdbus_client_acquire(&svc, "com.example.svc.deep", 0));
	ep_new(&bus, "box", "com.example.*", TALK);
	client_at(&box, &bus, "box");
	holder_new(&h, &bus, SVC, WORLD, 0, TALK);
	ASSERT_OK(send_to_name(&box, SVC, "x"));
	ASSERT_EQ(send_to_name(&box, "com.example.svc.deep", "x"), -ESRCH);
}

/* spec 14.1: an entry without grants denies */
TEST(an_activator_without_grants_denies)
{
	struct kdbus_client act;

	setup();
	ASSERT_OK(nobody_owns("com.example.act"));
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR,
			      "com.example.act"));
	ASSERT_EQ(nobody_owns("com.example.act"), -EPERM);
	become(NOBODY);
	ASSERT_EQ(send_to_name(&nobody, "com.example.act", "x"), -EPERM);
	become(0);
	/* but the privileged */
	ASSERT_OK(kdbus_client_acquire(&svc, "com.example.act", 0));
}

/* ---- levels and subjects ----------------------------------------------- */

/* spec 16.4: each level has those below it */
TEST(levels_include_lower_ones)
{
	static const struct {
		__u64 level;
		int talk, own;
	} c[] = {
		{ SEE, -EPERM, -EPERM },
		{ TALK, 0, -EPERM },
		{ OWN, 0, -EEXIST },
	};
	struct kdbus_client h;
	size_t i;

	setup();
	for (i = 0; i < sizeof(c) / sizeof(*c); i++) {
		holder_new(&h, &bus, SVC, USER, NOBODY, c[i].level);
		ASSERT_EQ(nobody_talks(), c[i].talk);
		ASSERT_EQ(nobody_owns(SVC), c[i].own);
		kdbus_client_close(&h);
	}
}

/* spec 16.4: the best of all grants that are for somebody */
TEST(grants_add_up)
{
	struct kdbus_client h;
	struct kdbus_builder b;
	int i;

	setup();
	hello_init(&b, KDBUS_HELLO_POLICY_HOLDER);
	grant(&b, SVC, WORLD, 0, SEE);
	for (i = 0; i < 50; i++)
		grant(&b, NULL, USER, 5000 + i, OWN);
	grant(&b, NULL, GROUP, NOBODY, TALK);
	grant(&b, NULL, USER, NOBODY, SEE);
	ASSERT_OK(kdbus_client_hello(&h, bus.path, &b));
	ASSERT_OK(nobody_talks());
	ASSERT_EQ(nobody_owns(SVC), -EPERM);
}

/* With the groups of nobody as well, or with this effective one alone. */
static void owns_by_group(void *arg)
{
	static const gid_t groups[] = { 17, 18, 4242, 99998, 99999 };
	struct kdbus_client c;

	ASSERT_OK(setresgid(NOBODY, *(gid_t *)arg, NOBODY));
	ASSERT_OK(setgroups(*(gid_t *)arg == NOBODY ? 5 : 0, groups));
	ASSERT_OK(setresuid(NOBODY, NOBODY, NOBODY));
	client_new(&c, &bus);
	ASSERT_OK(kdbus_client_acquire(&c, "com.example.grouped", 0));
	ASSERT_OK(kdbus_client_release(&c, "com.example.grouped"));
}

/* spec 16.4: the effective gid and those beside it */
TEST(groups_are_all_one_is_in)
{
	static gid_t gids[] = { 17, 18, 4242, 99998, 99999 };
	static gid_t nobody = NOBODY;
	struct kdbus_client h;
	size_t i;

	setup();
	for (i = 0; i < sizeof(gids) / sizeof(*gids); i++) {
		holder_new(&h, &bus, "com.example.grouped", GROUP, gids[i],
			   OWN);
		ASSERT_EQ(nobody_owns("com.example.grouped"), -EPERM);
		wait_for(spawn(owns_by_group, &gids[i]));
		wait_for(spawn(owns_by_group, &nobody));
		kdbus_client_close(&h);
	}
}

static void poses_as_root(void *arg)
{
	struct kdbus_client c;

	(void)arg;
	ASSERT_OK(unshare(CLONE_NEWUSER));
	map_root(NOBODY);
	client_new(&c, &bus);
	ASSERT_EQ(kdbus_client_acquire(&c, "com.example.roots", 0), -EPERM);
	ASSERT_EQ(send_to(&c, svc.hello.id, 1, "x"), -EPERM);
}

/* spec 16.4, 16.6 */
TEST(root_of_a_namespace_is_not_uid_0)
{
	struct kdbus_client h[2];

	setup();
	holder_new(&h[0], &bus, "com.example.roots", USER, 0, OWN);
	holder_new(&h[1], &bus, SVC, USER, 0, TALK);
	as_uid(NOBODY, poses_as_root, NULL);
}

/* ---- two policies ------------------------------------------------------ */

/* spec 16.5: on an endpoint both have to agree, for root too */
TEST(an_endpoint_is_asked_as_well_as_the_bus)
{
	struct kdbus_client box, h;

	setup();
	ASSERT_OK(kdbus_client_release(&svc, SVC));
	ep_new(&bus, "box", "com.example.*", OWN);
	client_at(&box, &bus, "box");
	ASSERT_OK(kdbus_client_acquire(&box, "com.example.a", 0));
	ASSERT_EQ(kdbus_client_acquire(&box, "com.other.a", 0), -EPERM);
	holder_new(&h, &bus, "com.example.a", WORLD, 0, OWN);
	ASSERT_EQ(kdbus_client_acquire(&box, SVC, 0), -EPERM);
	ASSERT_EQ(kdbus_client_acquire(&box, "com.example.a", 0), -EALREADY);
	/* who is privileged on the bus is let pass by its policy */
	ASSERT_OK(kdbus_client_acquire(&svc, SVC, 0));
	ASSERT_OK(kdbus_client_acquire(&svc, "com.other.a", 0));
}

/* spec 16.6, decision 6 */
TEST(the_privileged_talk_to_everybody_on_the_bus)
{
	struct kdbus_client h;

	setup();
	holder_new(&h, &bus, "com.example.x", WORLD, 0, SEE);
	ASSERT_OK(send_to(&svc, nobody.hello.id, 1, "x"));
	expect_msg(&nobody, svc.hello.id, 1);
	ASSERT_EQ(nobody_talks(), -EPERM);
}

/* spec 16.6, 9.6: asking for a reply is no way in */
TEST(a_call_needs_talk)
{
	struct kdbus_client h;
	int i;

	setup();
	holder_new(&h, &bus, SVC, WORLD, 0, SEE);
	become(NOBODY);
	for (i = 0; i < 200; i++)
		ASSERT_EQ(request(&nobody, svc.hello.id, i, 1000 * SEC),
			  -EPERM);
	become(0);
	expect_nothing(&svc);
	/* and no call is left of it */
	ASSERT_EQ(listed("connections", &bus, nobody.hello.id, "calls_out"), 0);
}

/* spec 16.6: the same uid on two endpoints is not the same to the bus */
TEST(endpoints_of_one_uid_are_strangers)
{
	struct kdbus_client one, two, h;
	struct kdbus_builder b;

	bus_new(&bus);
	make_begin(&b, "two", KDBUS_MAKE_ACCESS_WORLD);
	grant(&b, "com.example.two", WORLD, 0, OWN);
	ASSERT(ep_make_on(&bus, &b) >= 0);
	ep_new(&bus, "one", "com.example.two", TALK);
	client_at(&one, &bus, "one");
	client_at(&two, &bus, "two");
	ASSERT_OK(kdbus_client_acquire(&two, "com.example.two", 0));
	ASSERT_OK(send_to(&one, two.hello.id, 1, "x"));
	/* once the bus has a policy, it is asked for them */
	holder_new(&h, &bus, "com.example.x", WORLD, 0, SEE);
	ASSERT_EQ(send_to(&one, two.hello.id, 2, "x"), -EPERM);
	kdbus_client_close(&h);
	holder_new(&h, &bus, "com.example.two", WORLD, 0, TALK);
	ASSERT_OK(send_to(&one, two.hello.id, 3, "x"));
}

/* ---- broadcasts -------------------------------------------------------- */

/* spec 9.9, decision 8: a receiver needs TALK to the sender */
TEST(broadcasts_are_for_who_may_talk)
{
	struct kdbus_client h, peer;

	setup();
	client_new(&peer, &bus);
	ASSERT_OK(match_rule(&nobody, 1, 0, NULL, 0));
	ASSERT_OK(match_rule(&peer, 1, 0, NULL, 0));
	ASSERT_OK(broadcast(&svc, 1));
	expect_msg(&nobody, svc.hello.id, 1);
	expect_msg(&peer, svc.hello.id, 1);

	ASSERT_OK(match_rule(&svc, 1, KDBUS_ITEM_ID, &nobody.hello.id, 8));
	holder_new(&h, &bus, SVC, USER, 1000, TALK);
	/* that one came */
	expect_id_notice(&nobody, KDBUS_ITEM_ID_ADD, h.hello.id,
			 KDBUS_HELLO_POLICY_HOLDER);
	expect_id_notice(&peer, KDBUS_ITEM_ID_ADD, h.hello.id,
			 KDBUS_HELLO_POLICY_HOLDER);
	ASSERT_OK(broadcast(&svc, 2));
	expect_nothing(&nobody);
	/* the same uid and the privileged hear it */
	expect_msg(&peer, svc.hello.id, 2);
	become(NOBODY);
	ASSERT_OK(broadcast(&nobody, 3));
	become(0);
	expect_msg(&svc, nobody.hello.id, 3);

	kdbus_client_close(&h);
	holder_new(&h, &bus, SVC, USER, NOBODY, TALK);
	ASSERT_OK(kdbus_client_match_remove(&nobody, 1));
	ASSERT_OK(match_rule(&nobody, 1, KDBUS_ITEM_ID, &svc.hello.id, 8));
	while (!kdbus_client_recv(&nobody, KDBUS_RECV_DROP, 0, NULL))
		;
	ASSERT_OK(broadcast(&svc, 4));
	expect_msg(&nobody, svc.hello.id, 4);
}

/* spec 16.7: a hidden name selects nothing, or it could be guessed */
TEST(a_rule_about_a_hidden_name_never_matches)
{
	struct kdbus_client box;

	setup();
	ASSERT_OK(kdbus_client_acquire(&svc, "com.example.hidden", 0));
	ep_new(&bus, "box", SVC, TALK);
	client_at(&box, &bus, "box");
	ASSERT_OK(match_rule(&box, 1, KDBUS_ITEM_NAME, "com.example.hidden",
			     19));
	ASSERT_OK(broadcast(&svc, 1));
	expect_nothing(&box);
	ASSERT_OK(match_rule(&box, 2, KDBUS_ITEM_NAME, SVC, sizeof(SVC)));
	ASSERT_OK(broadcast(&svc, 2));
	expect_msg(&box, svc.hello.id, 2);
	expect_nothing(&box);
}

/* ---- what a sandbox is told -------------------------------------------- */

static int names_in(const struct kdbus_item *first, size_t size)
{
	const struct kdbus_item *item;
	int n = 0;

	kdbus_for_each_item(item, first, size)
		if (item->type == KDBUS_ITEM_NAME) {
			ASSERT_OK(strcmp(item->str + 8, SVC));
			n++;
		}
	return n;
}

/* spec 16.7, 17.7: NAME items too are of names one sees */
TEST(metadata_has_the_names_one_sees)
{
	const struct kdbus_conn_info *info;
	const struct kdbus_msg *msg;
	struct kdbus_builder b;
	struct kdbus_client box;
	char path[200];

	setup();
	ASSERT_OK(kdbus_client_acquire(&svc, "com.example.hidden", 0));
	ep_new(&bus, "box", SVC, SEE);
	hello_init(&b, 0);
	((struct kdbus_cmd_hello *)b.buf)->attach_flags = KDBUS_ATTACH_NAMES;
	kdbus_endpoint_path(path, sizeof(path), bus.name, "box");
	ASSERT_OK(kdbus_client_hello(&box, path, &b));
	msg = deliver(&svc, &box);
	ASSERT_EQ(names_in((const void *)msg->items, msg->size - sizeof(*msg)),
		  1);
	ASSERT_OK(conn_info(&box, svc.hello.id, NULL, KDBUS_ATTACH_NAMES,
			    &info));
	ASSERT_EQ(names_in((const void *)info->items,
			   info->size - sizeof(*info)), 1);
}

/* spec 13.6, 16.7: neither is there anybody else */
TEST(a_list_has_the_peers_one_sees)
{
	const struct kdbus_name_list *list;
	const struct kdbus_cmd_name *rec;
	struct kdbus_client box, m, h;
	int n = 0;

	setup();
	ASSERT_OK(special_new(&m, &bus, KDBUS_HELLO_MONITOR, NULL));
	holder_new(&h, &bus, "com.example.h", WORLD, 0, SEE);
	ep_new(&bus, "box", SVC, SEE);
	client_at(&box, &bus, "box");
	ASSERT_OK(kdbus_client_list(&box, KDBUS_NAME_LIST_UNIQUE, &list));
	kdbus_for_each_name(rec, list) {
		ASSERT(rec->owner_id == svc.hello.id ||
		       rec->owner_id == box.hello.id);
		ASSERT_EQ(rec->size, sizeof(*rec));
		n++;
	}
	ASSERT_EQ(n, 2);
	/* on the bus they all are */
	ASSERT_OK(kdbus_client_list(&svc, KDBUS_NAME_LIST_UNIQUE, &list));
	n = 0;
	kdbus_for_each_name(rec, list)
		n++;
	ASSERT(n >= 4);
}

/* ---- changes ----------------------------------------------------------- */

/* spec 16.8, 16.9 */
TEST(what_is_queued_stays_when_a_grant_goes)
{
	struct kdbus_client h;

	setup();
	holder_new(&h, &bus, SVC, USER, NOBODY, TALK);
	become(NOBODY);
	ASSERT_OK(send_to(&nobody, svc.hello.id, 1, "x"));
	become(0);
	kdbus_client_close(&h);
	ASSERT_EQ(nobody_talks(), -EPERM);
	expect_msg(&svc, nobody.hello.id, 1);
}

static struct kdbus_client box;
static volatile int stop;

static void *send_through(void *arg)
{
	long sent = 0;
	int ret;

	(void)arg;
	while (!stop) {
		ret = send_to_name(&box, SVC, "x");
		ASSERT(!ret || ret == -ESRCH || ret == -EPERM ||
		       ret == -ENOBUFS);
		sent += !ret;
	}
	return (void *)sent;
}

/* What an endpoint grants the world of the name; -1: nothing. */
static void update(int fd, long long level)
{
	struct kdbus_builder b;

	kdbus_build_cmd(&b, sizeof(struct kdbus_cmd_update));
	if (level >= 0)
		grant(&b, SVC, WORLD, 0, level);
	ASSERT_OK(xioctl(fd, KDBUS_CMD_EP_UPDATE, b.buf));
}

/* spec 6.4, 16.9: no message is queued after the update that denies it */
TEST(an_update_holds_from_when_it_returns)
{
	const struct kdbus_msg *msg;
	long got = 0;
	pthread_t t;
	void *sent;
	int fd, i;

	setup();
	fd = ep_new(&bus, "box", NULL, 0);
	client_at(&box, &bus, "box");
	ASSERT_OK(pthread_create(&t, NULL, send_through, NULL));
	for (i = 0; i < 100; i++) {
		update(fd, TALK);
		/* something passes each time */
		ASSERT_OK(kdbus_client_next(&svc, 30000, &msg));
		ASSERT_OK(kdbus_client_free(&svc, msg));
		got++;
		update(fd, -1);
		while (!kdbus_client_recv(&svc, 0, 0, &msg)) {
			ASSERT_OK(kdbus_client_free(&svc, msg));
			got++;
		}
		expect_nothing(&svc);
	}
	stop = 1;
	ASSERT_OK(pthread_join(t, &sent));
	ASSERT_EQ(got, (long)sent);
}

/* spec 16.5: a name goes to nobody who may not own it by then */
TEST(who_waits_needs_the_grant_when_the_turn_comes)
{
	struct kdbus_client holder, next, other;

	setup();
	holder_new(&holder, &bus, SVC, WORLD, 0, OWN);
	client_new(&next, &bus);
	ASSERT_EQ(kdbus_client_acquire(&nobody, SVC, KDBUS_NAME_QUEUE), 1);
	ASSERT_EQ(kdbus_client_acquire(&next, SVC, KDBUS_NAME_QUEUE), 1);
	kdbus_client_close(&holder);
	holder_new(&holder, &bus, SVC, WORLD, 0, TALK);

	/* passed over, and waits on */
	ASSERT_OK(kdbus_client_release(&svc, SVC));
	ASSERT_EQ(listed("names", &bus, 0, "owner"), (long long)next.hello.id);
	/* nobody is left who may */
	ASSERT_OK(kdbus_client_release(&next, SVC));
	ASSERT_EQ(listed("names", &bus, 0, "owner"), -1);
	ASSERT_EQ(kdbus_client_release(&nobody, SVC), -ESRCH);
	ASSERT_EQ(nobody_owns(SVC), -EPERM);

	/* with the grant back it is as ever */
	kdbus_client_close(&holder);
	holder_new(&holder, &bus, SVC, WORLD, 0, OWN);
	client_new(&other, &bus);
	ASSERT_OK(kdbus_client_acquire(&other, SVC, 0));
	ASSERT_EQ(kdbus_client_acquire(&nobody, SVC, KDBUS_NAME_QUEUE), 1);
	ASSERT_OK(kdbus_client_release(&other, SVC));
	ASSERT_EQ(listed("names", &bus, 0, "owner"), (long long)nobody.hello.id);
}

/* spec 16.5, 14.6: then it is its activator's, and goes with that */
TEST(who_may_not_own_waits_for_no_activator)
{
	struct kdbus_client act;
	struct kdbus_builder b;
	int ep;

	setup();
	hello_init(&b, KDBUS_HELLO_ACTIVATOR);
	grant(&b, SVC, WORLD, 0, OWN);
	ASSERT_OK(kdbus_client_hello(&act, bus.path, &b));
	ep = ep_new(&bus, "box", SVC, OWN);
	client_at(&box, &bus, "box");
	ASSERT_EQ(kdbus_client_acquire(&box, SVC, KDBUS_NAME_QUEUE), 1);
	update(ep, TALK);
	ASSERT_OK(kdbus_client_release(&svc, SVC));
	ASSERT_EQ(listed("names", &bus, 0, "owner"), (long long)act.hello.id);
	ASSERT_EQ(listed("names", &bus, 0, "waiters"), 0);

	update(ep, OWN);
	kdbus_client_close(&act);
	ASSERT_EQ(listed("names", &bus, 0, "owner"), -1);
	/* nothing refers to it any more */
	ASSERT_OK(kdbus_client_acquire(&svc, SVC, 0));
	ASSERT_OK(kdbus_client_release(&svc, SVC));
}
