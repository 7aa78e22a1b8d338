// SPDX-License-Identifier: GPL-2.0
/*
 * demo-digest: answers a memfd with the CRC of what is in it. Started by
 * demo-starter when it is needed; goes after a while without requests. What
 * comes at that moment is not lost: it goes back to the activator.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "demo.h"
#include "kdbus-client.h"

#define IDLE_MS 1500

/* Fails with EINVAL for a message without a memfd. */
static int digest(const struct kdbus_msg *msg, struct demo_digest *d)
{
	const struct kdbus_item *item;
	void *data;

	item = kdbus_msg_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD);
	if (!item || item->memfd.fd < 0)
		return -EINVAL;
	data = mmap(NULL, item->memfd.size, PROT_READ, MAP_PRIVATE,
		    item->memfd.fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	d->bytes = item->memfd.size;
	d->crc = crc32_z(0, data, item->memfd.size);
	d->pid = getpid();
	munmap(data, item->memfd.size);
	return 0;
}

static void answer(struct kdbus_client *c, const struct kdbus_msg *msg)
{
	struct demo_digest d = {};

	if (!digest(msg, &d))
		kdbus_client_reply(c, msg, &d, sizeof(d));
	kdbus_msg_close_fds(msg);
	kdbus_client_free(c, msg);
}

int main(void)
{
	const struct kdbus_msg *msg;
	struct kdbus_client c;
	char path[128];
	int ret;

	kdbus_endpoint_path(path, sizeof(path), "0-" DEMO_BUS, "bus");
	ret = kdbus_client_open(&c, path, 0, 0, 0, "digest");
	if (!ret)
		ret = kdbus_client_acquire(&c, DEMO_DIGEST, 0);
	if (ret < 0) {
		fprintf(stderr, "demo-digest: cannot take %s: %s\n",
			DEMO_DIGEST, strerror(-ret));
		return ret != -ESRCH && ret != -ECONNRESET;
	}

	while (!(ret = kdbus_client_next(&c, IDLE_MS, &msg)))
		answer(&c, msg);
	kdbus_client_close(&c);
	return ret != -ETIMEDOUT && ret != -ECONNRESET;
}
