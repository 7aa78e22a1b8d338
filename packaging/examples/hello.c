// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a bus, sends a message over it and prints what arrives.
 *
 *	cc -o hello hello.c $(pkg-config --cflags --libs kdbus)
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <kdbus-client.h>

int main(void)
{
	char bus[KDBUS_BUS_NAME_MAX + 1], path[128], text[32] = "";
	const struct kdbus_msg *msg = NULL;
	struct kdbus_client from, to;
	struct kdbus_builder b;
	int ret;

	ret = kdbus_bus_make("hello", 0);
	snprintf(bus, sizeof(bus), "%u-hello", geteuid());
	kdbus_endpoint_path(path, sizeof(path), bus, "bus");
	if (ret >= 0)
		ret = kdbus_client_open(&from, path, 0, 0, 0, "from");
	if (ret >= 0)
		ret = kdbus_client_open(&to, path, 0, 0, 0, "to");
	if (ret >= 0) {
		kdbus_build_msg(&b, to.hello.id, 1);
		kdbus_build_vec(&b, "hello, bus", 10);
		ret = kdbus_client_send(&from, &b);
	}
	if (ret >= 0)
		ret = kdbus_client_next(&to, 1000, &msg);
	if (ret < 0) {
		fprintf(stderr, "hello: %s: %s\n", path, strerror(-ret));
		return 1;
	}
	kdbus_msg_payload(msg, text, sizeof(text) - 1);
	printf("%llu > %llu: %s\n", (unsigned long long)msg->src_id,
	       (unsigned long long)msg->dst_id, text);
	return 0;
}
