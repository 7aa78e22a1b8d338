// SPDX-License-Identifier: GPL-2.0
/*
 * usage: workload-payload SUFFIX
 * Messages with known payload for the tests of kdbus-monitor. Makes a bus and
 * two clients, prints "ready" and waits for a line; then sends one message of
 * each kind, by the cookies below, prints "done" and ends at the next line.
 *
 *   1	D-Bus method call: Hello("world", 42) on /org/kdbus/test
 *   2	D-Bus signal in two parts
 *   3	D-Bus error, broadcast (so the kernel has a copy)
 *   4	10000 bytes that are no D-Bus message, byte i being i % 251
 *   5	16 bytes of text, a run of 100 zero bytes, a memfd of 4096 bytes
 *   6	memory that nobody has touched, to nobody (so the kernel has not either)
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-client.h"

static struct kdbus_client a, b;

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "workload-payload: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static guchar *marshal(GDBusMessage *m, gsize *size)
{
	g_dbus_message_set_serial(m, 1);
	return g_dbus_message_to_blob(m, size, G_DBUS_CAPABILITY_FLAGS_NONE,
				      NULL);
}

static void send_blob(GDBusMessage *m, __u64 dst, __u64 cookie, size_t cut)
{
	__u64 filter[9] = { 0 };
	struct kdbus_builder k;
	gsize size;
	guchar *blob = marshal(m, &size);

	kdbus_build_msg(&k, dst, cookie);
	if (cut)
		kdbus_build_vec(&k, blob, cut);
	kdbus_build_vec(&k, blob + cut, size - cut);
	if (dst == KDBUS_DST_ID_BROADCAST)
		kdbus_build_item(&k, KDBUS_ITEM_BLOOM_FILTER, filter,
				 sizeof(filter));
	must(kdbus_client_send(&a, &k), "send");
	g_free(blob);
	g_object_unref(m);
}

static void dbus_messages(void)
{
	struct kdbus_cmd_match match = { .size = sizeof(match), .cookie = 1 };
	GDBusMessage *m;

	m = g_dbus_message_new_method_call("org.kdbus.test", "/org/kdbus/test",
					   "org.kdbus.Test", "Hello");
	g_dbus_message_set_body(m, g_variant_new("(si)", "world", 42));
	send_blob(m, b.hello.id, 1, 0);
	m = g_dbus_message_new_signal("/org/kdbus/test", "org.kdbus.Test",
				      "Changed");
	g_dbus_message_set_body(m, g_variant_new("(s)", "so"));
	send_blob(m, b.hello.id, 2, 24);
	must(ioctl(b.fd, KDBUS_CMD_MATCH_ADD, &match), "match");
	m = g_dbus_message_new();
	g_dbus_message_set_message_type(m, G_DBUS_MESSAGE_TYPE_ERROR);
	g_dbus_message_set_reply_serial(m, 1);
	g_dbus_message_set_error_name(m, "org.kdbus.Error.Sad");
	send_blob(m, KDBUS_DST_ID_BROADCAST, 3, 0);
}

static void other_payload(void)
{
	struct kdbus_cmd_memfd_make make = { .size = sizeof(make),
					     .file_size = 4096 };
	struct kdbus_memfd memfd = { .size = 4096 };
	static unsigned char bytes[10000];
	struct kdbus_builder k;
	char *untouched;
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 251;
	kdbus_build_msg(&k, b.hello.id, 4);
	kdbus_build_vec(&k, bytes, sizeof(bytes));
	must(kdbus_client_send(&a, &k), "bytes");

	must(ioctl(a.fd, KDBUS_CMD_MEMFD_NEW, &make), "memfd");
	must(ioctl(make.fd, KDBUS_CMD_MEMFD_SEAL_SET, 1), "seal");
	memfd.fd = make.fd;
	kdbus_build_msg(&k, b.hello.id, 5);
	k.msg.payload_type = 77;
	kdbus_build_vec(&k, "sixteen letters!", 16);
	kdbus_build_vec(&k, NULL, 100);
	kdbus_build_item(&k, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	must(kdbus_client_send(&a, &k), "parts");

	untouched = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	kdbus_build_msg(&k, 4711, 6);
	kdbus_build_vec(&k, untouched, 8192);
	kdbus_client_send(&a, &k);
}

int main(int argc, char **argv)
{
	char path[128], name[64], line[80];

	if (argc != 2)
		return 2;
	must(kdbus_bus_make(argv[1], KDBUS_MAKE_ACCESS_WORLD), "bus");
	snprintf(name, sizeof(name), "%u-%s", geteuid(), argv[1]);
	kdbus_endpoint_path(path, sizeof(path), name, "bus");
	must(kdbus_client_open(&a, path, KDBUS_HELLO_ACCEPT_FD, 0, 1 << 20,
			       NULL), path);
	must(kdbus_client_open(&b, path, KDBUS_HELLO_ACCEPT_FD, 0, 1 << 20,
			       NULL), path);
	printf("ready %llu %llu 0\n", b.hello.id, a.hello.id);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	dbus_messages();
	other_payload();
	printf("done\n");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) ? 0 : 1;
}
