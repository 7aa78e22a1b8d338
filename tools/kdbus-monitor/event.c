// SPDX-License-Identifier: GPL-2.0
/* Names of what events consist of. */
#include <errno.h>
#include <string.h>
#include <linux/kdbus.h>

#include "kdbus_enums.h"
#include "monitor.h"

const char * const event_type_names[N_EVENT_TYPES] = {
#define X(sym, text) [EV_##sym] = text,
	EVENT_TYPES(X)
#undef X
};

const char * const field_keys[N_FIELDS] = {
#define X(sym, key, kind) [F_##sym] = key,
	EVENT_FIELDS(X)
#undef X
};

const enum value_kind field_kinds[N_FIELDS] = {
#define X(sym, key, kind) [F_##sym] = V_##kind,
	EVENT_FIELDS(X)
#undef X
};

#define X(sym, num, text) { num, text },
static const struct value_name outcomes[] = { KDBUS_CALL_END_TABLE(X) {} };
static const struct value_name reasons[] = { KDBUS_MSG_DROP_TABLE(X) {} };
static const struct value_name kinds[] = { KDBUS_MSG_KIND_TABLE(X) {} };
static const struct value_name ends[] = { KDBUS_CONN_END_TABLE(X) {} };
static const struct value_name quotas[] = { KDBUS_QUOTA_TABLE(X) {} };
static const struct value_name commands[] = { KDBUS_CMD_TABLE(X) {} };
#undef X

static const struct value_name actions[] = {
	{ A_NEW, "new" },
	{ A_DEAD, "dead" },
	{ A_UPDATE, "update" },
	{ A_ADD, "add" },
	{ A_REMOVE, "remove" },
	{ A_CHANGE, "change" },
	{ A_WAIT, "wait" },
	{ A_UNWAIT, "unwait" },
	{ A_ACQUIRE, "acquire" },
	{ A_RELEASE, "release" },
	{ A_SET, "set" },
	{ A_DENY, "deny" },
	{ A_DENY_FILE, "deny_file" },
	{ A_ENDPOINT_NEW, "endpoint_new" },
	{ A_ENDPOINT_DEAD, "endpoint_dead" },
	{ A_DOMAIN_NEW, "domain_new" },
	{ A_DOMAIN_DEAD, "domain_dead" },
	{}
};

static const struct value_name notices[] = {
	{ KDBUS_ITEM_NAME_ADD, "name_add" },
	{ KDBUS_ITEM_NAME_REMOVE, "name_remove" },
	{ KDBUS_ITEM_NAME_CHANGE, "name_change" },
	{ KDBUS_ITEM_ID_ADD, "id_add" },
	{ KDBUS_ITEM_ID_REMOVE, "id_remove" },
	{ KDBUS_ITEM_REPLY_TIMEOUT, "reply_timeout" },
	{ KDBUS_ITEM_REPLY_DEAD, "reply_dead" },
	{}
};

static const struct value_name levels[] = {
	{ KDBUS_POLICY_SEE, "see" },
	{ KDBUS_POLICY_TALK, "talk" },
	{ KDBUS_POLICY_OWN, "own" },
	{}
};

static const struct value_name msg_flags[] = {
	{ KDBUS_MSG_FLAGS_EXPECT_REPLY, "expect_reply" },
	{ KDBUS_MSG_FLAGS_SYNC_REPLY, "sync_reply" },
	{ KDBUS_MSG_FLAGS_NO_AUTO_START, "no_auto_start" },
	{}
};

static const struct value_name recv_flags[] = {
	{ KDBUS_RECV_PEEK, "peek" },
	{ KDBUS_RECV_DROP, "drop" },
	{ KDBUS_RECV_USE_PRIORITY, "use_priority" },
	{}
};

static const struct value_name name_flags[] = {
	{ KDBUS_NAME_REPLACE_EXISTING, "replace_existing" },
	{ KDBUS_NAME_ALLOW_REPLACEMENT, "allow_replacement" },
	{ KDBUS_NAME_QUEUE, "queue" },
	{ KDBUS_NAME_IN_QUEUE, "in_queue" },
	{ KDBUS_NAME_ACTIVATOR, "activator" },
	{}
};

static const struct value_name conn_flags[] = {
	{ KDBUS_HELLO_ACCEPT_FD, "accept_fd" },
	{ KDBUS_HELLO_ACTIVATOR, "activator" },
	{ KDBUS_HELLO_POLICY_HOLDER, "policy_holder" },
	{ KDBUS_HELLO_MONITOR, "monitor" },
	{}
};

static const struct value_name * const tables[N_VALUE_KINDS] = {
	[V_ACTION] = actions,
	[V_COMMAND] = commands,
	[V_NOTICE] = notices,
	[V_OUTCOME] = outcomes,
	[V_REASON] = reasons,
	[V_KIND] = kinds,
	[V_END_REASON] = ends,
	[V_LEVEL] = levels,
	[V_QUOTA] = quotas,
	[V_MSG_FLAGS] = msg_flags,
	[V_RECV_FLAGS] = recv_flags,
	[V_NAME_FLAGS] = name_flags,
	[V_CONN_FLAGS] = conn_flags,
};

const struct value_name *value_names(enum value_kind kind)
{
	return tables[kind];
}

bool value_is_flags(enum value_kind kind)
{
	return kind >= V_MSG_FLAGS;
}

const char *value_name(enum value_kind kind, __u64 value)
{
	const struct value_name *n;

	for (n = tables[kind]; n->name; n++)
		if (n->value == value)
			return n->name;
	return "?";
}

int errno_value(const char *name)
{
	int e;

	for (e = 1; e < 4096; e++) {
		const char *its = strerrorname_np(e);

		if (its && !strcmp(its, name))
			return e;
	}
	return 0;
}

void event_init(struct event *e, enum event_type type, __u64 time_ns)
{
	e->type = type;
	e->time_ns = time_ns;
	e->bus = 0;
	e->has = 0;
	memset(&e->src, 0, sizeof(e->src));
	memset(&e->dst, 0, sizeof(e->dst));
	e->bus_name = e->name = e->text = NULL;
	e->payload = NULL;
}

bool event_is_error(const struct event *e)
{
	switch (e->type) {
	case EV_REFUSED:
	case EV_FAILED:
	case EV_END:
	case EV_QUOTA:
		return true;
	case EV_DROP:
		return event_get(e, F_REASON) != KDBUS_MSG_DROP_REQUESTED;
	case EV_POLICY:
		return event_get(e, F_ACTION) != A_SET;
	default:
		return event_has(e, F_ERRNO);
	}
}

bool event_is_message(const struct event *e)
{
	return e->type == EV_CALL || e->type == EV_REPLY ||
	       e->type == EV_SIGNAL || e->type == EV_REFUSED;
}
