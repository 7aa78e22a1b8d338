/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: domains
 *
 * A domain is a name space for buses, with a char major of its own: minor 0
 * is its control node, the others are endpoints. The module makes the one
 * initial domain when it is loaded; others are made below it, and end when
 * the file that made them is closed.
 *
 * A bus or a domain is entered in the list of its parent before its node
 * exists, which reserves its name: looking for a clash and taking the name are
 * one step. @lock guards the lists and @dead, and is never held while a node
 * is made or removed. They leave that list as the last step of their end, so
 * that who ends the parent finds them there until then and waits.
 *
 * A new domain is dead until it is entered: its major is known before, so that
 * its control node could be opened through a file somebody else made.
 *
 * A domain ends from the leaves: on the way down each is marked dead, so that
 * nothing can be added, and those without children go first. So the depth of
 * the tree costs no stack, and a child holds a reference to its parent.
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

struct kdbus_user;

/**
 * struct kdbus_domain - a name space for buses
 * @kref:	references
 * @id:		trace id
 * @parent:	the domain it is in, referenced; NULL for the initial one
 * @name:	its name there, or ""
 * @path:	prefix of the paths of its nodes
 * @maker:	who is counted for it in the initial domain, referenced; or NULL
 * @user_ns:	user namespace of its maker, referenced: names of buses begin
 *		with uids of it, and CAP_IPC_OWNER in it allows to make domains
 * @sibling:	link in the parent's list; the parent's lock
 * @lock:	guards @dead, @children and @buses
 * @dead:	nothing may be added; written under @lock, but when the domain is
 *		entered under the parent's
 * @children:	domains in it
 * @buses:	buses, also those that are being made
 * @end_lock:	serializes teardown
 * @ended:	it is gone; @end_lock
 * @seq:	messages committed; numbers them
 * @user_lock:	guards @users
 * @users:	who is counted here
 * @cdev:	the char device behind all nodes
 * @major:	its major
 * @minors:	minor -> endpoint; its own lock
 * @next_minor:	where the next one is looked for; the same lock
 * @control:	the node with minor 0
 */
struct kdbus_domain {
	struct kref kref;
	u64 id;
	struct kdbus_domain *parent;
	char *name;
	char *path;
	struct kdbus_user *maker;
	struct user_namespace *user_ns;
	struct list_head sibling;

	struct mutex lock;
	bool dead;
	struct list_head children;
	struct list_head buses;

	struct mutex end_lock;
	bool ended;

	atomic64_t seq;

	spinlock_t user_lock;
	DECLARE_HASHTABLE(users, 6);

	struct cdev *cdev;
	unsigned int major;
	struct xarray minors;
	u32 next_minor;
	struct kdbus_node control;
};

struct kdbus_domain *kdbus_domain_new(struct kdbus_domain *parent,
				      const char *name, umode_t mode);
struct kdbus_domain *kdbus_cmd_domain_make(struct kdbus_domain *parent,
					   void __user *argp);
bool kdbus_domain_is_dead(struct kdbus_domain *domain);
void kdbus_domain_disconnect(struct kdbus_domain *domain);
struct kdbus_domain *kdbus_domain_get(struct kdbus_domain *domain);
void kdbus_domain_put(struct kdbus_domain *domain);
struct kdbus_domain *kdbus_domain_find(unsigned int major);
struct kdbus_domain *kdbus_domain_next(unsigned int *major);

#endif /* KDBUS_DOMAIN_H */
