/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: domains
 *
 * A domain is a name space for buses, with a char major of its own: minor 0
 * is its control node, the others are endpoints. The module makes the one
 * initial domain when it is loaded.
 *
 * A bus is entered in the list of its domain before its node exists, which
 * reserves its name: looking for a clash and taking the name are one step.
 * @lock guards the list and @dead, and is never held while a node is made or
 * removed.
 */
#ifndef KDBUS_DOMAIN_H
#define KDBUS_DOMAIN_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/hashtable.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "node.h"

/**
 * struct kdbus_domain - a name space for buses
 * @kref:	references
 * @id:		trace id
 * @path:	prefix of the paths of its nodes
 * @lock:	guards @dead and @buses
 * @dead:	no bus may be added
 * @buses:	buses, also those that are being made
 * @seq:	messages committed; numbers them
 * @user_lock:	guards @users
 * @users:	who is counted here
 * @cdev:	the char device behind all nodes
 * @major:	its major
 * @minors:	minor -> endpoint; its own lock
 * @control:	the node with minor 0
 */
struct kdbus_domain {
	struct kref kref;
	u64 id;
	char *path;

	struct mutex lock;
	bool dead;
	struct list_head buses;

	atomic64_t seq;

	spinlock_t user_lock;
	DECLARE_HASHTABLE(users, 6);

	struct cdev *cdev;
	unsigned int major;
	struct xarray minors;
	struct kdbus_node control;
};

struct kdbus_domain *kdbus_domain_new(umode_t mode);
void kdbus_domain_disconnect(struct kdbus_domain *domain);
struct kdbus_domain *kdbus_domain_get(struct kdbus_domain *domain);
void kdbus_domain_put(struct kdbus_domain *domain);
struct kdbus_domain *kdbus_domain_find(unsigned int major);
struct kdbus_domain *kdbus_domain_next(unsigned int *major);

#endif /* KDBUS_DOMAIN_H */
