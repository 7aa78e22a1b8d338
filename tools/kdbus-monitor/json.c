// SPDX-License-Identifier: GPL-2.0
/*
 * An event as a JSON object, and back; docs/kdbus-monitor-json.rst. What an
 * event does not say is left out.
 */
#include <stdio.h>
#include <string.h>
#include <json-c/json.h>

#include "monitor.h"

/* ---- writing ----------------------------------------------------------
 *
 * By hand: with objects of json-c first, an event took 49 k instructions in
 * all, and so it takes 13 k; what cannot be written in time is lost.
 */

static GString *text;	/* the object being written */

static void put_key(const char *key)
{
	char last = text->str[text->len - 1];

	if (last != '{' && last != '[')
		g_string_append_c(text, ',');
	g_string_append_c(text, '"');
	g_string_append(text, key);
	g_string_append_len(text, "\":", 2);
}

static void put_number(__u64 v)
{
	char digits[20];
	int i = sizeof(digits);

	do {
		digits[--i] = '0' + v % 10;
		v /= 10;
	} while (v);
	g_string_append_len(text, digits + i, sizeof(digits) - i);
}

static void put_signed(__s64 v)
{
	if (v < 0)
		g_string_append_c(text, '-');
	put_number(v < 0 ? -(__u64)v : (__u64)v);
}

static void put_string(const char *s)
{
	const char *plain;

	g_string_append_c(text, '"');
	while (*s) {
		for (plain = s; (unsigned char)*s >= ' ' && *s != '"' &&
		     *s != '\\'; s++)
			;
		g_string_append_len(text, plain, s - plain);
		if (*s)
			g_string_append_printf(text, "\\u%04x",
					       (unsigned char)*s++);
	}
	g_string_append_c(text, '"');
}

static void add_string(const char *key, const char *s)
{
	if (!s)
		return;
	put_key(key);
	put_string(s);
}

static void add_number(const char *key, __u64 v)
{
	put_key(key);
	put_number(v);
}

static void put_flags(enum value_kind kind, __u64 value)
{
	const struct value_name *n;

	g_string_append_c(text, '[');
	for (n = value_names(kind); n->name; n++) {
		if (!(value & n->value))
			continue;
		if (text->str[text->len - 1] != '[')
			g_string_append_c(text, ',');
		put_string(n->name);
	}
	g_string_append_c(text, ']');
}

/* A name, or the number if it has none. */
static void put_name(const char *name, __u64 v)
{
	if (name && *name != '?')
		put_string(name);
	else
		put_number(v);
}

static void put_value(enum value_kind kind, __u64 v)
{
	switch (kind) {
	case V_NUMBER:
		put_number(v);
		break;
	case V_SIGNED:
		put_signed(v);
		break;
	case V_BOOL:
		g_string_append(text, v ? "true" : "false");
		break;
	case V_TIME:
		if (v == UNKNOWN)
			g_string_append(text, "null");
		else
			put_number(v);
		break;
	case V_ERRNO:
		put_name(strerrorname_np(v), v);
		break;
	default:
		if (value_is_flags(kind))
			put_flags(kind, v);
		else
			put_name(value_name(kind, v), v);
	}
}

static void add_who(const char *key, const struct who *w)
{
	if (!w->there)
		return;
	put_key(key);
	g_string_append_c(text, '{');
	put_key("conn");
	if (w->conn == EVERYBODY)
		put_signed(-1);
	else
		put_number(w->conn);
	add_string("names", w->names);
	if (w->has_process) {
		add_number("pid", w->pid);
		add_number("uid", w->uid);
	}
	add_string("comm", w->comm);
	g_string_append_c(text, '}');
}

static void add_hex(const char *key, const GByteArray *data)
{
	static const char digits[] = "0123456789abcdef";
	guint i;

	put_key(key);
	g_string_append_c(text, '"');
	for (i = 0; i < data->len; i++) {
		g_string_append_c(text, digits[data->data[i] >> 4]);
		g_string_append_c(text, digits[data->data[i] & 15]);
	}
	g_string_append_c(text, '"');
}

static const char * const part_names[] = {
	[MON_PART_ABSENT] = "absent",
	[MON_PART_ZERO] = "zero",
	[MON_PART_MEMFD] = "memfd",
};

static void add_parts(const GArray *parts)
{
	guint i;

	put_key("parts");
	g_string_append_c(text, '[');
	for (i = 0; i < parts->len; i++) {
		const struct payload_part *p =
			&g_array_index(parts, struct payload_part, i);

		g_string_append(text, i ? ",{" : "{");
		add_string("part", part_names[p->part]);
		add_number("offset", p->offset);
		add_number("bytes", p->size);
		if (p->fd >= 0)
			add_number("fd", p->fd);
		g_string_append_c(text, '}');
	}
	g_string_append_c(text, ']');
}

static void add_payload(const struct payload *p, bool with_data)
{
	char *dbus;

	put_key("payload");
	g_string_append_c(text, '{');
	add_number("type", p->type);
	add_number("seen", p->end);
	if (p->parts->len)
		add_parts(p->parts);
	if (with_data) {
		add_hex("data", p->data);
		dbus = payload_dbus(p);
		add_string("dbus", dbus);
		g_free(dbus);
	}
	g_string_append_c(text, '}');
}

const char *json_from_event(const struct event *e, bool with_data)
{
	int f;

	if (!text)
		text = g_string_new(NULL);
	g_string_assign(text, "{");
	add_string("type", event_type_names[e->type]);
	add_number("time_ns", e->time_ns);
	if (e->bus)
		add_number("bus", e->bus);
	add_string("bus_name", e->bus_name);
	add_who("src", &e->src);
	add_who("dst", &e->dst);
	add_string("name", e->name);
	add_string("text", e->text);
	for (f = 0; f < N_FIELDS; f++) {
		if (!event_has(e, f))
			continue;
		put_key(field_keys[f]);
		put_value(field_kinds[f], e->v[f]);
	}
	if (e->payload)
		add_payload(e->payload, with_data);
	g_string_append_c(text, '}');
	return text->str;
}

void json_print_pretty(const char *json)
{
	json_object *o = json_tokener_parse(json);

	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
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
