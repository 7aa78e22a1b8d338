// SPDX-License-Identifier: GPL-2.0
/*
 * An event as a JSON object, and back; docs/kdbus-monitor-json.rst. What an
 * event does not say is left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "monitor.h"

/* ---- writing ---------------------------------------------------------- */

/* Keys are constants, and each is added once. */
static void add(json_object *o, const char *key, json_object *v)
{
	json_object_object_add_ex(o, key, v,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW |
				  JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static void add_string(json_object *o, const char *key, const char *s)
{
	if (s)
		add(o, key, json_object_new_string(s));
}

static void add_number(json_object *o, const char *key, __u64 v)
{
	add(o, key, json_object_new_uint64(v));
}

static json_object *flag_list(enum value_kind kind, __u64 value)
{
	json_object *list = json_object_new_array();
	const struct value_name *n;

	for (n = value_names(kind); n->name; n++)
		if (value & n->value)
			json_object_array_add(list,
					      json_object_new_string(n->name));
	return list;
}

static json_object *value_object(enum value_kind kind, __u64 v)
{
	const char *name;

	switch (kind) {
	case V_NUMBER:
		return json_object_new_uint64(v);
	case V_SIGNED:
		return json_object_new_int64(v);
	case V_BOOL:
		return json_object_new_boolean(v);
	case V_TIME:
		return v == UNKNOWN ? NULL : json_object_new_uint64(v);
	case V_ERRNO:
		name = strerrorname_np(v);
		return name ? json_object_new_string(name) :
			      json_object_new_uint64(v);
	default:
		if (value_is_flags(kind))
			return flag_list(kind, v);
		name = value_name(kind, v);
		return *name == '?' ? json_object_new_uint64(v) :
				      json_object_new_string(name);
	}
}

static void add_who(json_object *o, const char *key, const struct who *w)
{
	json_object *its;

	if (!w->there)
		return;
	its = json_object_new_object();
	if (w->conn == EVERYBODY)
		add(its, "conn", json_object_new_int64(-1));
	else
		add_number(its, "conn", w->conn);
	add_string(its, "names", w->names);
	if (w->has_process) {
		add_number(its, "pid", w->pid);
		add_number(its, "uid", w->uid);
	}
	add_string(its, "comm", w->comm);
	add(o, key, its);
}

static const char hex_digits[] = "0123456789abcdef";

static json_object *hex_string(const GByteArray *data)
{
	char *text = g_malloc(2 * data->len + 1);
	json_object *o;
	guint i;

	for (i = 0; i < data->len; i++) {
		text[2 * i] = hex_digits[data->data[i] >> 4];
		text[2 * i + 1] = hex_digits[data->data[i] & 15];
	}
	o = json_object_new_string_len(text, 2 * data->len);
	g_free(text);
	return o;
}

static const char * const part_names[] = {
	[MON_PART_ABSENT] = "absent",
	[MON_PART_ZERO] = "zero",
	[MON_PART_MEMFD] = "memfd",
};

static json_object *part_object(const struct payload_part *p)
{
	json_object *o = json_object_new_object();

	add_string(o, "part", part_names[p->part]);
	add_number(o, "offset", p->offset);
	add_number(o, "bytes", p->size);
	if (p->fd >= 0)
		add_number(o, "fd", p->fd);
	return o;
}

static void add_payload(json_object *o, const struct payload *p, bool with_data)
{
	json_object *its, *list;
	char *text;
	guint i;

	if (!p)
		return;
	its = json_object_new_object();
	add_number(its, "type", p->type);
	add_number(its, "seen", p->end);
	if (p->parts->len) {
		list = json_object_new_array();
		for (i = 0; i < p->parts->len; i++)
			json_object_array_add(list, part_object(&g_array_index(
				p->parts, struct payload_part, i)));
		add(its, "parts", list);
	}
	if (with_data) {
		add(its, "data", hex_string(p->data));
		text = payload_dbus(p);
		add_string(its, "dbus", text);
		g_free(text);
	}
	add(o, "payload", its);
}

char *json_from_event(const struct event *e, bool pretty, bool with_data)
{
	json_object *o = json_object_new_object();
	char *text;
	int f;

	add_string(o, "type", event_type_names[e->type]);
	add_number(o, "time_ns", e->time_ns);
	if (e->bus)
		add_number(o, "bus", e->bus);
	add_string(o, "bus_name", e->bus_name);
	add_who(o, "src", &e->src);
	add_who(o, "dst", &e->dst);
	add_string(o, "name", e->name);
	add_string(o, "text", e->text);
	for (f = 0; f < N_FIELDS; f++)
		if (event_has(e, f))
			add(o, field_keys[f],
			    value_object(field_kinds[f], e->v[f]));
	add_payload(o, e->payload, with_data);
	text = g_strdup(json_object_to_json_string_ext(o, pretty ?
			JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			JSON_C_TO_STRING_NOSLASHESCAPE :
			JSON_C_TO_STRING_PLAIN |
			JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return text;
}

/* ---- reading ---------------------------------------------------------- */

static const char *get_string(json_object *o, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(o, key, &v) &&
	       json_object_is_type(v, json_type_string) ?
		       json_object_get_string(v) : NULL;
}

static __u64 get_number(json_object *o, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(o, key, &v) ?
		       json_object_get_uint64(v) : 0;
}

static __u64 name_value(enum value_kind kind, const char *name)
{
	const struct value_name *n;

	if (kind == V_ERRNO)
		return errno_value(name);
	for (n = value_names(kind); n && n->name; n++)
		if (!strcmp(n->name, name))
			return n->value;
	return 0;
}

static __u64 value_of(enum value_kind kind, json_object *v)
{
	__u64 flags = 0;
	size_t i;

	if (kind == V_SIGNED)
		return json_object_get_int64(v);
	if (kind == V_BOOL)
		return json_object_get_boolean(v);
	if (kind == V_TIME && !v)
		return UNKNOWN;
	if (json_object_is_type(v, json_type_string))
		return name_value(kind, json_object_get_string(v));
	if (!json_object_is_type(v, json_type_array))
		return json_object_get_uint64(v);
	for (i = 0; i < json_object_array_length(v); i++) {
		const char *name =
			json_object_get_string(json_object_array_get_idx(v, i));

		flags |= name_value(kind, name ? name : "");
	}
	return flags;
}

static void get_who(json_object *o, const char *key, struct who *w)
{
	json_object *its, *v;

	if (!json_object_object_get_ex(o, key, &its))
		return;
	w->there = true;
	if (json_object_object_get_ex(its, "conn", &v))
		w->conn = json_object_get_int64(v) == -1 ?
				  EVERYBODY : json_object_get_uint64(v);
	w->names = get_string(its, "names");
	w->comm = get_string(its, "comm");
	w->has_process = json_object_object_get_ex(its, "pid", NULL);
	w->pid = get_number(its, "pid");
	w->uid = get_number(its, "uid");
}

static void get_parts(struct payload *p, json_object *list)
{
	size_t i;
	int kind;

	for (i = 0; i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		const char *name = get_string(o, "part");

		for (kind = MON_PART_ABSENT; kind <= MON_PART_MEMFD; kind++) {
			struct payload_part part = {
				.part = kind,
				.offset = get_number(o, "offset"),
				.size = get_number(o, "bytes"),
				.fd = json_object_object_get_ex(o, "fd", NULL) ?
				      (int)get_number(o, "fd") : -1,
			};

			if (name && !strcmp(name, part_names[kind]))
				g_array_append_val(p->parts, part);
		}
	}
}

static void get_data(struct payload *p, const char *hex)
{
	guint8 byte;

	for (; hex && hex[0] && hex[1]; hex += 2) {
		byte = g_ascii_xdigit_value(hex[0]) << 4 |
		       g_ascii_xdigit_value(hex[1]);
		g_byte_array_append(p->data, &byte, 1);
	}
}

static struct payload *get_payload(json_object *o)
{
	json_object *its, *list;
	struct payload *p;

	if (!json_object_object_get_ex(o, "payload", &its))
		return NULL;
	p = payload_new(get_number(its, "type"));
	p->end = get_number(its, "seen");
	if (json_object_object_get_ex(its, "parts", &list) &&
	    json_object_is_type(list, json_type_array))
		get_parts(p, list);
	get_data(p, get_string(its, "data"));
	return p;
}

/* What an event's strings and payload live in. */
struct holder {
	json_object *o;
	struct payload *payload;
};

static bool fill_event(json_object *o, struct event *e)
{
	const char *type = get_string(o, "type");
	json_object *v;
	int i;

	for (i = 0; type && i < N_EVENT_TYPES; i++)
		if (!strcmp(type, event_type_names[i]))
			break;
	if (!type || i == N_EVENT_TYPES)
		return false;
	event_init(e, i, get_number(o, "time_ns"));
	e->bus = get_number(o, "bus");
	e->bus_name = get_string(o, "bus_name");
	e->name = get_string(o, "name");
	e->text = get_string(o, "text");
	get_who(o, "src", &e->src);
	get_who(o, "dst", &e->dst);
	for (i = 0; i < N_FIELDS; i++)
		if (json_object_object_get_ex(o, field_keys[i], &v))
			event_set(e, i, value_of(field_kinds[i], v));
	return true;
}

void *json_to_event(const char *text, size_t size, struct event *e)
{
	json_tokener *tok = json_tokener_new();
	struct holder *h = NULL;
	json_object *o;

	o = json_tokener_parse_ex(tok, text, size);
	json_tokener_free(tok);
	if (o && json_object_is_type(o, json_type_object) && fill_event(o, e)) {
		h = g_new(struct holder, 1);
		h->o = o;
		h->payload = get_payload(o);
		e->payload = h->payload;
	} else {
		json_object_put(o);
	}
	return h;
}

void json_free(void *json)
{
	struct holder *h = json;

	json_object_put(h->o);
	payload_free(h->payload);
	g_free(h);
}
