// SPDX-License-Identifier: GPL-2.0
/* What the kernel tells of names, connections and calls, and in which order. */
#include "fixtures.h"

#define NAME "com.example.name"
#define ACTIVATOR KDBUS_NAME_ACTIVATOR
#define NOBODY_YET CHANGE(0, 0)

static struct bus bus;
static struct kdbus_client l, a, b;

static void hear_names(struct kdbus_client *c)
{
	match_notices(c, KDBUS_ITEM_NAME_ADD);
	match_notices(c, KDBUS_ITEM_NAME_REMOVE);
	match_notices(c, KDBUS_ITEM_NAME_CHANGE);
}

static void hear_ids(struct kdbus_client *c)
{
	match_notices(c, KDBUS_ITEM_ID_ADD);
	match_notices(c, KDBUS_ITEM_ID_REMOVE);
}

static void setup(void)
{
	bus_new(&bus);
	client_new(&l, &bus);
	client_new(&a, &bus);
	client_new(&b, &bus);
}

static void changes(const char *name, struct kdbus_notify_id_change old,
		    struct kdbus_notify_id_change new)
{
	expect_name_notice(&l, KDBUS_ITEM_NAME_CHANGE, name, old, new);
}

/* ---- connections ------------------------------------------------------- */

static void comes_and_goes(__u64 flags, const char *name)
{
	struct kdbus_client c;

	ASSERT_OK(special_new(&c, &bus, flags, name));
	expect_id_notice(&l, KDBUS_ITEM_ID_ADD, c.hello.id, flags);
	kdbus_client_close(&c);
	expect_id_notice(&l, KDBUS_ITEM_ID_REMOVE, c.hello.id, flags);
}

/* spec 18.1, 19.1: all kinds but monitors, each with its flags */
TEST(each_kind_of_connection_is_told_of)
{
	struct kdbus_client m;

	setup();
	hear_ids(&l);
	comes_and_goes(0, NULL);
	comes_and_goes(KDBUS_HELLO_ACCEPT_FD, NULL);
	comes_and_goes(KDBUS_HELLO_POLICY_HOLDER, NAME);
	comes_and_goes(KDBUS_HELLO_ACTIVATOR, NAME);
	ASSERT_OK(special_new(&m, &bus, KDBUS_HELLO_MONITOR, NULL));
	kdbus_client_close(&m);
	expect_nothing(&l);
}

/* spec 7.5: one that could not connect was never there */
TEST(a_refused_hello_is_not_told_of)
{
	struct kdbus_client act, again;

	setup();
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR, NAME));
	hear_ids(&l);
	hear_names(&l);
	ASSERT_EQ(special_new(&again, &bus, KDBUS_HELLO_ACTIVATOR, NAME),
		  -EEXIST);
	param_set("max_conns_per_user", 1);
	ASSERT_EQ(special_new(&again, &bus, KDBUS_HELLO_ACTIVATOR,
			      "com.example.new"), -EMFILE);
	expect_nothing(&l);
	ASSERT_EQ(send_to_name(&a, "com.example.new", "x"), -ESRCH);
	/* and the one that has the name still has it */
	ASSERT_OK(send_to_name(&a, NAME, "x"));
}

/* spec 18.4, 25: a name that was waited for goes on before its owner is gone */
TEST(names_go_before_their_owner)
{
	setup();
	hear_ids(&l);
	hear_names(&l);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.other", 0));
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, KDBUS_NAME_QUEUE), 1);
	expect_name_notice(&l, KDBUS_ITEM_NAME_ADD, NAME, NOBODY_YET,
			   CHANGE(a.hello.id, 0));
	expect_name_notice(&l, KDBUS_ITEM_NAME_ADD, "com.example.other",
			   NOBODY_YET, CHANGE(a.hello.id, 0));
	kdbus_client_close(&a);
	changes(NAME, CHANGE(a.hello.id, 0),
		CHANGE(b.hello.id, KDBUS_NAME_QUEUE));
	expect_name_notice(&l, KDBUS_ITEM_NAME_REMOVE, "com.example.other",
			   CHANGE(a.hello.id, 0), NOBODY_YET);
	expect_id_notice(&l, KDBUS_ITEM_ID_REMOVE, a.hello.id,
			 KDBUS_HELLO_ACCEPT_FD);
	expect_nothing(&l);
}

/* spec 7.10, 18.4: who waits for an answer of one that goes */
TEST(the_end_of_a_peer_is_told_in_order)
{
	setup();
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	hear_ids(&l);
	hear_names(&l);
	/* one that it has received, and one that is queued */
	ASSERT_OK(request(&l, a.hello.id, 1, 1000 * SEC));
	ASSERT_OK(kdbus_client_recv(&a, 0, 0, &(const struct kdbus_msg *){ 0 }));
	ASSERT_OK(request(&l, a.hello.id, 2, 1000 * SEC));
	kdbus_client_close(&a);
	expect_name_notice(&l, KDBUS_ITEM_NAME_REMOVE, NAME,
			   CHANGE(a.hello.id, 0), NOBODY_YET);
	expect_notice(&l, KDBUS_ITEM_REPLY_DEAD, 1);
	expect_notice(&l, KDBUS_ITEM_REPLY_DEAD, 2);
	expect_id_notice(&l, KDBUS_ITEM_ID_REMOVE, a.hello.id,
			 KDBUS_HELLO_ACCEPT_FD);
	expect_nothing(&l);
}

/* ---- names ------------------------------------------------------------- */

/* spec 14.2, 14.3, 18.1, 25: the flags tell a start from a new owner */
TEST(activators_are_told_apart_by_flags)
{
	struct kdbus_client act;
	__u64 id;

	setup();
	hear_names(&l);
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR, NAME));
	id = act.hello.id;
	expect_name_notice(&l, KDBUS_ITEM_NAME_ADD, NAME, NOBODY_YET,
			   CHANGE(id, ACTIVATOR));
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	changes(NAME, CHANGE(id, ACTIVATOR), CHANGE(a.hello.id, 0));
	ASSERT_OK(kdbus_client_release(&a, NAME));
	changes(NAME, CHANGE(a.hello.id, 0), CHANGE(id, ACTIVATOR));
	kdbus_client_close(&act);
	expect_name_notice(&l, KDBUS_ITEM_NAME_REMOVE, NAME,
			   CHANGE(id, ACTIVATOR), NOBODY_YET);

	/* as a fallback it changes nothing, neither when it comes */
	ASSERT_OK(kdbus_client_acquire(&a, NAME, KDBUS_NAME_ALLOW_REPLACEMENT));
	expect_name_notice(&l, KDBUS_ITEM_NAME_ADD, NAME, NOBODY_YET,
			   CHANGE(a.hello.id, KDBUS_NAME_ALLOW_REPLACEMENT));
	ASSERT_OK(special_new(&act, &bus, KDBUS_HELLO_ACTIVATOR, NAME));
	expect_nothing(&l);
	/* nor when it goes */
	kdbus_client_close(&act);
	expect_nothing(&l);
}

/* spec 13.3, 13.5: each owner has the flags it asked with */
TEST(owners_and_waiters_have_their_own_flags)
{
	const __u64 allow = KDBUS_NAME_ALLOW_REPLACEMENT;
	const __u64 queue = KDBUS_NAME_QUEUE;

	setup();
	hear_names(&l);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, allow | queue));
	expect_name_notice(&l, KDBUS_ITEM_NAME_ADD, NAME, NOBODY_YET,
			   CHANGE(a.hello.id, allow | queue));
	/* that it replaces is not a property of an owner */
	ASSERT_OK(kdbus_client_acquire(&b, NAME, queue |
				       KDBUS_NAME_REPLACE_EXISTING));
	changes(NAME, CHANGE(a.hello.id, allow | queue),
		CHANGE(b.hello.id, queue));
	/* nobody is told that flags change, or that somebody waits */
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, 0), -EALREADY);
	ASSERT_EQ(kdbus_client_acquire(&a, NAME, queue), 1);
	expect_nothing(&l);
	kdbus_client_close(&b);
	changes(NAME, CHANGE(b.hello.id, 0), CHANGE(a.hello.id, queue));
	/* a waiter that goes is not told of */
	client_new(&b, &bus);
	ASSERT_EQ(kdbus_client_acquire(&b, NAME, queue), 1);
	kdbus_client_close(&b);
	expect_nothing(&l);
}

/* spec 18.2: also about oneself */
TEST(one_hears_of_oneself)
{
	setup();
	hear_names(&a);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	expect_name_notice(&a, KDBUS_ITEM_NAME_ADD, NAME, NOBODY_YET,
			   CHANGE(a.hello.id, 0));
}

/* ---- rules ------------------------------------------------------------- */

static void match_change(__u64 type, __u64 old, __u64 new)
{
	struct kdbus_notify_name_change rule = {
		/* flags do not count */
		.old = { .id = old, .flags = ~0ULL },
		.new = { .id = new, .flags = ~0ULL },
	};

	ASSERT_OK(kdbus_client_match_remove(&l, 1));
	ASSERT_OK(match_rule(&l, 1, type, &rule, sizeof(rule)));
}

/* spec 15.2: ids in a rule, on either side */
TEST(rules_select_by_old_and_new_owner)
{
	const __u64 allow = KDBUS_NAME_ALLOW_REPLACEMENT;

	setup();
	match_change(KDBUS_ITEM_NAME_ADD, 0, a.hello.id);
	ASSERT_OK(kdbus_client_acquire(&b, "com.example.b", 0));
	ASSERT_OK(kdbus_client_acquire(&a, NAME, allow));
	expect_name_notice(&l, KDBUS_ITEM_NAME_ADD, NAME, NOBODY_YET,
			   CHANGE(a.hello.id, allow));
	expect_nothing(&l);

	match_change(KDBUS_ITEM_NAME_CHANGE, b.hello.id, ANY);
	ASSERT_OK(kdbus_client_acquire(&b, NAME, KDBUS_NAME_REPLACE_EXISTING |
				       allow));
	expect_nothing(&l);
	match_change(KDBUS_ITEM_NAME_CHANGE, b.hello.id, a.hello.id);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, KDBUS_NAME_REPLACE_EXISTING));
	changes(NAME, CHANGE(b.hello.id, allow), CHANGE(a.hello.id, 0));

	match_change(KDBUS_ITEM_NAME_REMOVE, b.hello.id, ANY);
	ASSERT_OK(kdbus_client_release(&a, NAME));
	expect_nothing(&l);
	ASSERT_OK(kdbus_client_release(&b, "com.example.b"));
	expect_name_notice(&l, KDBUS_ITEM_NAME_REMOVE, "com.example.b",
			   CHANGE(b.hello.id, 0), NOBODY_YET);
}

/* spec 15.2 */
TEST(rules_select_by_the_id_that_comes_or_goes)
{
	struct kdbus_notify_id_change add = { 0 }, remove = { 0 };
	struct kdbus_client c, d;

	setup();
	/* ids are given out one after the other */
	add.id = b.hello.id + 2;
	remove.id = b.hello.id + 1;
	ASSERT_OK(match_rule(&l, 1, KDBUS_ITEM_ID_ADD, &add, sizeof(add)));
	ASSERT_OK(match_rule(&l, 1, KDBUS_ITEM_ID_REMOVE, &remove,
			     sizeof(remove)));
	client_new(&c, &bus);
	ASSERT_EQ(c.hello.id, remove.id);
	expect_nothing(&l);
	client_new(&d, &bus);
	expect_id_notice(&l, KDBUS_ITEM_ID_ADD, d.hello.id,
			 KDBUS_HELLO_ACCEPT_FD);
	kdbus_client_close(&d);
	expect_nothing(&l);
	kdbus_client_close(&c);
	expect_id_notice(&l, KDBUS_ITEM_ID_REMOVE, c.hello.id,
			 KDBUS_HELLO_ACCEPT_FD);
}

/* spec 15.1, 15.2: all rules of an entry have to hold */
TEST(two_kinds_of_notices_in_one_entry_never_match)
{
	struct kdbus_notify_name_change name = { .old.id = ANY, .new.id = ANY };
	struct kdbus_notify_id_change id = { .id = ANY };
	struct kdbus_client c;
	struct kdbus_builder m;

	setup();
	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_match));
	kdbus_build_item(&m, KDBUS_ITEM_NAME_ADD, &name, sizeof(name));
	kdbus_build_item(&m, KDBUS_ITEM_ID_ADD, &id, sizeof(id));
	ASSERT_OK(kdbus_client_match_add(&l, &m));
	ASSERT_OK(kdbus_client_acquire(&a, NAME, 0));
	client_new(&c, &bus);
	ASSERT_OK(broadcast(&a, 1));
	expect_nothing(&l);
	/* one without rules matches notices too */
	ASSERT_OK(match_rule(&l, 2, 0, NULL, 0));
	client_new(&c, &bus);
	expect_id_notice(&l, KDBUS_ITEM_ID_ADD, c.hello.id,
			 KDBUS_HELLO_ACCEPT_FD);
}

/* Adds a rule: changes from @old to @new, of @name unless that is NULL. */
static void add_change_rule(struct kdbus_builder *m, __u64 old, __u64 new,
			    const char *name)
{
	struct {
		struct kdbus_notify_name_change change;
		char name[32];
	} rule = { .change = { .old.id = old, .new.id = new } };
	size_t len = name ? strlen(name) + 1 : 0;

	memcpy(rule.name, name ?: "", len);
	kdbus_build_item(m, KDBUS_ITEM_NAME_CHANGE, &rule,
			 sizeof(rule.change) + len);
}

static void match_two(const char *name, __u64 old, const char *other, __u64 new)
{
	struct kdbus_builder m;

	kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_match));
	add_change_rule(&m, old, ANY, name);
	add_change_rule(&m, ANY, new, other);
	ASSERT_OK(kdbus_client_match_add(&l, &m));
}

/* spec 15.1, 15.2: all rules of an entry have to hold, of one kind as well */
TEST(rules_of_one_kind_hold_together)
{
	const __u64 allow = KDBUS_NAME_ALLOW_REPLACEMENT;

	setup();
	match_two(NAME, a.hello.id, "com.example.other", ANY);
	match_two(NAME, a.hello.id, NAME, a.hello.id);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, allow));
	ASSERT_OK(kdbus_client_acquire(&b, NAME, KDBUS_NAME_REPLACE_EXISTING |
				       allow));
	expect_nothing(&l);
	match_two(NULL, b.hello.id, NAME, a.hello.id);
	ASSERT_OK(kdbus_client_acquire(&a, NAME, KDBUS_NAME_REPLACE_EXISTING |
				       allow));
	changes(NAME, CHANGE(b.hello.id, allow), CHANGE(a.hello.id, allow));
	ASSERT_OK(kdbus_client_acquire(&b, NAME, KDBUS_NAME_REPLACE_EXISTING));
	expect_nothing(&l);
}

/* spec 15.3: what is wrong inside the entry's items */
TEST(an_entry_with_a_malformed_item_is_refused)
{
	static const __u64 sizes[] = { 0, 15, 16, 26, ~0ULL - 7 };
	struct kdbus_item *item;
	struct kdbus_builder m;
	size_t i;

	setup();
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		kdbus_build_cmd(&m, sizeof(struct kdbus_cmd_match));
		kdbus_build_item(&m, KDBUS_ITEM_ID, &a.hello.id, 8);
		item = kdbus_build_item(&m, KDBUS_ITEM_ID, &a.hello.id, 8);
		item->size = sizes[i];
		ASSERT_EQ(kdbus_client_match_add(&l, &m), -EINVAL);
	}
	ASSERT_OK(broadcast(&a, 1));
	expect_nothing(&l);
	ASSERT_EQ(listed("connections", &bus, l.hello.id, "matches"), 0);
}

/* ---- what a sandbox hears ---------------------------------------------- */

/* spec 16.7: names it may see, and of connections itself alone */
TEST(a_sandbox_hears_of_what_it_sees)
{
	struct kdbus_client box, other;

	setup();
	ep_new(&bus, "box", "com.example.seen", SEE);
	client_at(&box, &bus, "box");
	hear_names(&box);
	hear_ids(&box);
	hear_names(&l);
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.hidden", 0));
	ASSERT_OK(kdbus_client_acquire(&a, "com.example.seen", 0));
	client_new(&other, &bus);
	kdbus_client_close(&other);
	ASSERT_OK(kdbus_client_release(&a, "com.example.hidden"));
	ASSERT_OK(kdbus_client_release(&a, "com.example.seen"));
	expect_name_notice(&box, KDBUS_ITEM_NAME_ADD, "com.example.seen",
			   NOBODY_YET, CHANGE(a.hello.id, 0));
	expect_name_notice(&box, KDBUS_ITEM_NAME_REMOVE, "com.example.seen",
			   CHANGE(a.hello.id, 0), NOBODY_YET);
	expect_nothing(&box);
	expect_name_notice(&l, KDBUS_ITEM_NAME_ADD, "com.example.hidden",
			   NOBODY_YET, CHANGE(a.hello.id, 0));
}

/* ---- calls ------------------------------------------------------------- */

/* spec 19.2, 10.4: what only the requester is told, a monitor sees */
TEST(a_monitor_sees_a_timeout)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_client m;

	setup();
	ASSERT_OK(special_new(&m, &bus, KDBUS_HELLO_MONITOR, NULL));
	ASSERT_OK(request(&a, b.hello.id, 5, 1));
	expect_notice(&a, KDBUS_ITEM_REPLY_TIMEOUT, 5);
	expect_msg(&m, a.hello.id, 5);
	ASSERT_OK(kdbus_client_next(&m, 20000, &msg));
	ASSERT_EQ(msg->src_id, KDBUS_SRC_ID_KERNEL);
	ASSERT_EQ(msg->dst_id, a.hello.id);
	ASSERT_EQ(msg->cookie_reply, 5);
	item = (const void *)msg->items;
	ASSERT_EQ(item->type, KDBUS_ITEM_REPLY_TIMEOUT);
}
