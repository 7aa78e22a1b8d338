/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: endpoints
 *
 * An endpoint is a door to a bus: a device node which processes open and say
 * HELLO on. Every bus has the endpoint "bus", which lives as long as the bus.
 * Others are custom endpoints, made by EP_MAKE: they have a policy of their
 * own, which bounds what their connections see and do, nobody is privileged
 * through them, and they are accounted for as a user of their own. They live
 * as long as the file that made them.
 *
 * An endpoint is alive from when it enters the list of its bus until it is
 * marked dead, both under the bus lock; only then can it be opened and
 * connections be added. It leaves the list, which frees its name, as the last
 * step of its end: who ends the bus finds it there until then and waits.
 *
 * Its minor is known to the domain before, and is given back when its node and
 * its connections are gone; the next one gets another minor for as long as
 * there are any, so that a device file somebody has copied does not lead to
 * somebody else's bus.
 */
#ifndef KDBUS_ENDPOINT_H
#define KDBUS_ENDPOINT_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/uidgid.h>

#include "node.h"
#include "policy.h"

struct kdbus_bus;
struct kdbus_domain;
struct kdbus_user;

/**
 * struct kdbus_endpoint - a door to a bus
 * @kref:	references
 * @id:		trace id
 * @bus:	its bus, referenced
 * @name:	its name on the bus
 * @minor:	minor of its node
 * @node:	its node
 * @bus_node:	link in the bus's list, empty when not there; bus->lock
 * @end_lock:	serializes teardown
 * @dead:	it is going or gone; bus->lock
 * @conns:	its connections, those that are ending too; bus->lock
 * @custom:	it was made by EP_MAKE
 * @policy:	who may do what through it, if it is custom; bus->lock
 * @user:	stands for all who come through it, if it is custom; referenced
 * @maker:	whose count of endpoints it is on, if it is custom; referenced
 */
struct kdbus_endpoint {
	struct kref kref;
	u64 id;
	struct kdbus_bus *bus;
	char *name;
	u32 minor;
	struct kdbus_node node;
	struct list_head bus_node;
	struct mutex end_lock;
	bool dead;
	struct list_head conns;
	bool custom;
	struct kdbus_policy_db policy;
	struct kdbus_user *user;
	struct kdbus_user *maker;
};

int kdbus_endpoint_new_default(struct kdbus_bus *bus);
struct kdbus_endpoint *kdbus_cmd_ep_make(struct kdbus_bus *bus,
					 void __user *argp);
int kdbus_cmd_ep_update(struct kdbus_endpoint *ep, void __user *argp);
void kdbus_endpoint_disconnect(struct kdbus_endpoint *ep);
struct kdbus_endpoint *kdbus_endpoint_get(struct kdbus_endpoint *ep);
void kdbus_endpoint_put(struct kdbus_endpoint *ep);
struct kdbus_endpoint *kdbus_endpoint_find(struct kdbus_domain *domain,
					   unsigned int minor);
bool kdbus_endpoint_is_alive(const struct kdbus_endpoint *ep);

#endif /* KDBUS_ENDPOINT_H */
