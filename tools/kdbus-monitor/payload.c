// SPDX-License-Identifier: GPL-2.0
/*
 * Payload: D-Bus marshalling is decoded by GIO, everything else is shown as
 * bytes.
 */
#include <string.h>
#include <gio/gio.h>
#include <linux/kdbus.h>

#include "monitor.h"

struct payload *payload_new(__u64 type)
{
	struct payload *p = g_new0(struct payload, 1);

	p->type = type;
	p->data = g_byte_array_new();
	p->parts = g_array_new(FALSE, FALSE, sizeof(struct payload_part));
	return p;
}

void payload_free(struct payload *p)
{
	if (!p)
		return;
	g_byte_array_unref(p->data);
	g_array_unref(p->parts);
	g_free(p);
}

static void add_part(struct payload *p, int part, __u64 offset, __u64 size,
		     int fd)
{
	struct payload_part its = {
		.part = part, .offset = offset, .size = size, .fd = fd,
	};
	struct payload_part *last;

	/* pages that follow each other */
	if (p->parts->len && part == MON_PART_ABSENT) {
		last = &g_array_index(p->parts, struct payload_part,
				      p->parts->len - 1);
		if (last->part == part && last->offset + last->size == offset) {
			last->size += size;
			return;
		}
	}
	g_array_append_val(p->parts, its);
}

void payload_add(struct payload *p, int part, __u64 offset, __u64 size, int fd,
		 const void *data)
{
	/* one that found no room in the ring */
	if (offset > p->end) {
		add_part(p, MON_PART_ABSENT, p->end, offset - p->end, -1);
		p->has_hole = true;
	}
	p->end = offset + size;
	if (part != MON_PART_DATA) {
		p->has_hole = true;
		add_part(p, part, offset, size, fd);
	} else if (!p->has_hole) {
		g_byte_array_append(p->data, data, size);
	} else {
		add_part(p, MON_PART_ABSENT, offset, size, -1);
	}
}

bool payload_is_dbus(const struct payload *p)
{
	return p->type == KDBUS_PAYLOAD_DBUS && p->data->len >= 16 &&
	       (p->data->data[0] == 'l' || p->data->data[0] == 'B');
}

static const char *dbus_type(GDBusMessage *m)
{
	switch (g_dbus_message_get_message_type(m)) {
	case G_DBUS_MESSAGE_TYPE_METHOD_CALL:
		return "call";
	case G_DBUS_MESSAGE_TYPE_METHOD_RETURN:
		return "return";
	case G_DBUS_MESSAGE_TYPE_ERROR:
		return "error";
	case G_DBUS_MESSAGE_TYPE_SIGNAL:
		return "signal";
	default:
		return "message";
	}
}

/* "call /path org.example.Iface.Method(su) ('text', 5)" */
static char *dbus_line(GDBusMessage *m)
{
	const char *iface = g_dbus_message_get_interface(m);
	const char *member = g_dbus_message_get_member(m);
	const char *path = g_dbus_message_get_path(m);
	const char *error = g_dbus_message_get_error_name(m);
	GVariant *body = g_dbus_message_get_body(m);
	GString *s = g_string_new(dbus_type(m));

	if (path)
		g_string_append_printf(s, " %s", path);
	if (member)
		g_string_append_printf(s, " %s%s%s", iface ?: "",
				       iface ? "." : "", member);
	if (error)
		g_string_append_printf(s, " %s", error);
	if (body) {
		g_string_append_printf(s, " %s ",
				       g_dbus_message_get_signature(m));
		g_variant_print_string(body, s, FALSE);
	}
	return g_string_free(s, FALSE);
}

char *payload_dbus(const struct payload *p)
{
	GDBusMessage *m;
	char *line;

	if (!payload_is_dbus(p) || p->has_hole)
		return NULL;
	m = g_dbus_message_new_from_blob(p->data->data, p->data->len,
					 G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING,
					 NULL);
	if (!m)
		return NULL;
	line = dbus_line(m);
	g_object_unref(m);
	return line;
}

static void dump(GString *out, const GByteArray *data)
{
	guint i, j;

	for (i = 0; i < data->len; i += 16) {
		g_string_append_printf(out, "    %06x ", i);
		for (j = i; j < i + 16; j++)
			if (j < data->len)
				g_string_append_printf(out, " %02x",
						       data->data[j]);
			else
				g_string_append(out, "   ");
		g_string_append(out, "  ");
		for (j = i; j < i + 16 && j < data->len; j++)
			g_string_append_c(out, g_ascii_isprint(data->data[j]) ?
					  data->data[j] : '.');
		g_string_append_c(out, '\n');
	}
}

static void describe(GString *out, const struct payload_part *p)
{
	g_string_append_printf(out, "    %06llx  ", p->offset);
	switch (p->part) {
	case MON_PART_ZERO:
		g_string_append_printf(out, "%llu bytes, all zero\n", p->size);
		break;
	case MON_PART_MEMFD:
		g_string_append_printf(out, "%llu bytes in a memfd", p->size);
		if (p->fd >= 0)
			g_string_append_printf(out, ", the sender's fd %d",
					       p->fd);
		g_string_append(out, " (not read)\n");
		break;
	default:
		g_string_append_printf(out,
				       "%llu bytes that could not be read (not in memory, or behind a part that is not)\n",
				       p->size);
	}
}

char *payload_text(const struct event *e)
{
	const struct payload *p = e->payload;
	GString *out = g_string_new(NULL);
	char *line = payload_dbus(p), *c;
	guint i;

	if (line) {
		/* what others chose and a terminal would obey */
		for (c = line; *c; c++)
			if ((unsigned char)*c < ' ' || *c == 0x7f)
				*c = '?';
		g_string_append_printf(out, "    %s\n", line);
		g_free(line);
	} else {
		dump(out, p->data);
	}
	for (i = 0; i < p->parts->len; i++)
		describe(out, &g_array_index(p->parts, struct payload_part, i));
	if (p->end < event_get(e, F_BYTES))
		g_string_append_printf(out, "    %06llx  %llu more bytes\n",
				       p->end, event_get(e, F_BYTES) - p->end);
	return g_string_free(out, FALSE);
}
