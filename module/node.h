/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: device nodes
 *
 * A node is one file below /dev, made and removed by devtmpfs, without uevents:
 * anybody can make buses, and udev should not have to look at each. Only the
 * control node of the initial domain is announced: services start after it.
 *
 * A node belongs to an object (a domain or an endpoint) and can be shown once
 * and hidden for good: hiding first keeps it from ever being shown. @lock
 * serializes just these two, since both sleep; nothing else is taken under it.
 */
#ifndef KDBUS_NODE_H
#define KDBUS_NODE_H

#include <linux/device.h>
#include <linux/mutex.h>

/**
 * struct kdbus_node - one file below /dev
 * @lock:	guards @device and @hidden
 * @device:	the device while it is shown
 * @hidden:	must not be shown any more
 */
struct kdbus_node {
	struct mutex lock;
	struct device *device;
	bool hidden;
};

int kdbus_node_subsys_init(void);
void kdbus_node_subsys_exit(void);

void kdbus_node_init(struct kdbus_node *node);
int kdbus_node_show(struct kdbus_node *node, const char *path, dev_t devt,
		    umode_t mode, kuid_t uid, kgid_t gid);
void kdbus_node_announce(struct kdbus_node *node);
void kdbus_node_hide(struct kdbus_node *node);

#endif /* KDBUS_NODE_H */
