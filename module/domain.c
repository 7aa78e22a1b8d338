// SPDX-License-Identifier: GPL-2.0
/*
 * Domains: their char major, their control node, what is in them.
 * Rules: see domain.h. The table of majors has a lock of its own and holds no
 * references; a domain leaves it before it goes.
 */
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/kdbus.h>

#include "bus.h"
#include "domain.h"
#include "handle.h"
#include "item.h"
#include "limits.h"
#include "trace.h"

static DEFINE_XARRAY(kdbus_majors);
static atomic64_t kdbus_domain_ids = ATOMIC64_INIT(0);
/* It counts for its maker no longer; whoever calls this is the only one. */
static void kdbus_domain_uncharge(struct kdbus_domain *domain)
{
	if (!domain->maker)
		return;
	kdbus_user_uncharge(domain->maker, KDBUS_COUNT_DOMAINS, 1);
	kdbus_user_put(domain->maker);
	domain->maker = NULL;
}

static void kdbus_domain_release(struct kref *kref)
{
	struct kdbus_domain *domain = container_of(kref, struct kdbus_domain,
						   kref);

	WARN_ON(!hash_empty(domain->users));
	kdbus_domain_uncharge(domain);
	xa_destroy(&domain->minors);
	put_user_ns(domain->user_ns);
	kfree(domain->name);
	kfree(domain->path);
	kfree(domain);
}

/**
 * kdbus_domain_get() - take a reference
 * @domain:	a domain the caller has a reference to
 *
 * Return: @domain.
 */
struct kdbus_domain *kdbus_domain_get(struct kdbus_domain *domain)
{
	kref_get(&domain->kref);
	return domain;
}

/**
 * kdbus_domain_put() - drop a reference
 * @domain:	the domain, or NULL
 */
void kdbus_domain_put(struct kdbus_domain *domain)
{
	struct kdbus_domain *parent;

	/* the last one gives its parent back; a loop, since trees can be deep */
	while (domain) {
		parent = domain->parent;
		if (!kref_put(&domain->kref, kdbus_domain_release))
			break;
		domain = parent;
	}
}

/**
 * kdbus_domain_find() - the domain whose nodes have a major
 * @major:	the major
 *
 * Return: a reference for the caller, or NULL if there is none (any more).
 */
struct kdbus_domain *kdbus_domain_find(unsigned int major)
{
	struct kdbus_domain *domain;

	xa_lock(&kdbus_majors);
	domain = xa_load(&kdbus_majors, major);
	if (domain && !kref_get_unless_zero(&domain->kref))
		domain = NULL;
	xa_unlock(&kdbus_majors);
	return domain;
}

/**
 * kdbus_domain_next() - walk all domains, in the order of their majors
 * @major:	where to begin; set to one behind what was found
 *
 * Return: a reference for the caller, or NULL at the end.
 */
struct kdbus_domain *kdbus_domain_next(unsigned int *major)
{
	struct kdbus_domain *domain;
	unsigned long index = *major;

	xa_lock(&kdbus_majors);
	domain = xa_find(&kdbus_majors, &index, ULONG_MAX, XA_PRESENT);
	if (domain)
		kref_get(&domain->kref);
	xa_unlock(&kdbus_majors);

	*major = index + 1;
	return domain;
}

/**
 * kdbus_domain_is_dead() - whether nothing can be made in a domain
 * @domain:	the domain
 */
bool kdbus_domain_is_dead(struct kdbus_domain *domain)
{
	return READ_ONCE(domain->dead);
}

static struct kdbus_domain *kdbus_domain_alloc(struct kdbus_domain *parent,
					       const char *name)
{
	struct kdbus_domain *domain;

	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return NULL;

	kref_init(&domain->kref);
	domain->id = atomic64_inc_return(&kdbus_domain_ids);
	domain->user_ns = get_user_ns(current_user_ns());
	INIT_LIST_HEAD(&domain->sibling);
	mutex_init(&domain->lock);
	domain->dead = true;
	INIT_LIST_HEAD(&domain->children);
	INIT_LIST_HEAD(&domain->buses);
	mutex_init(&domain->end_lock);
	spin_lock_init(&domain->user_lock);
	hash_init(domain->users);
	xa_init_flags(&domain->minors, XA_FLAGS_ALLOC1);
	/*
	 * A major is used again, and a device file may have been copied: it is
	 * not likely to lead to a bus of the next domain that has the major.
	 */
	domain->next_minor = 1 + get_random_u32() % (KDBUS_DOMAIN_MINORS - 1);
	kdbus_node_init(&domain->control);

	domain->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	domain->path = parent ? kasprintf(GFP_KERNEL_ACCOUNT, "%s/domain/%s",
					  parent->path, name) :
				kstrdup(KBUILD_MODNAME, GFP_KERNEL);
	if (parent)
		domain->parent = kdbus_domain_get(parent);
	if (!domain->name || !domain->path) {
		kdbus_domain_put(domain);
		return NULL;
	}
	return domain;
}

/* Counts a domain for its maker: in the initial one, as majors are few. */
static int kdbus_domain_charge(struct kdbus_domain *domain)
{
	struct kdbus_domain *initial = domain->parent;
	struct kdbus_user *maker;
	int ret;

	if (!initial)
		return 0;
	while (initial->parent)
		initial = initial->parent;
	maker = kdbus_user_get(initial, current_uid(), current_user_ns());
	if (!maker)
		return -ENOMEM;
	ret = kdbus_user_charge_object(maker, KDBUS_COUNT_DOMAINS,
				       READ_ONCE(kdbus_max_domains_per_user),
				       0, KDBUS_QUOTA_DOMAINS);
	if (ret < 0)
		kdbus_user_put(maker);
	else
		domain->maker = maker;
	return ret;
}

/* Gives the domain a major under which its nodes can be opened. */
static int kdbus_domain_add_chrdev(struct kdbus_domain *domain)
{
	dev_t devt;
	int ret;

	ret = alloc_chrdev_region(&devt, 0, KDBUS_DOMAIN_MINORS, domain->path);
	if (ret < 0)
		return ret;

	domain->major = MAJOR(devt);
	domain->cdev = cdev_alloc();
	if (!domain->cdev) {
		ret = -ENOMEM;
		goto exit_region;
	}
	domain->cdev->owner = THIS_MODULE;
	domain->cdev->ops = &kdbus_handle_ops;

	ret = xa_insert(&kdbus_majors, domain->major, domain, GFP_KERNEL);
	if (ret < 0)
		goto exit_cdev;

	ret = cdev_add(domain->cdev, devt, KDBUS_DOMAIN_MINORS);
	if (ret < 0)
		goto exit_major;
	return 0;

exit_major:
	xa_erase(&kdbus_majors, domain->major);
exit_cdev:
	kobject_put(&domain->cdev->kobj);
exit_region:
	unregister_chrdev_region(devt, KDBUS_DOMAIN_MINORS);
	return ret;
}

static void kdbus_domain_del_chrdev(struct kdbus_domain *domain)
{
	cdev_del(domain->cdev);
	xa_erase(&kdbus_majors, domain->major);
	unregister_chrdev_region(MKDEV(domain->major, 0), KDBUS_DOMAIN_MINORS);
}

static bool kdbus_domain_has_child(const struct kdbus_domain *domain,
				   const char *name)
{
	const struct kdbus_domain *child;

	lockdep_assert_held(&domain->lock);

	list_for_each_entry(child, &domain->children, sibling)
		if (!strcmp(child->name, name))
			return true;
	return false;
}

/* From here on things can be made in a domain that could be opened before. */
static void kdbus_domain_set_alive(struct kdbus_domain *domain)
{
	struct kdbus_domain *parent = domain->parent;

	kdbus_trace(domain_new, domain->id, parent ? parent->id : 0,
		    domain->name);
	WRITE_ONCE(domain->dead, false);
}

/* Whether a domain can have its name in its parent. */
static int kdbus_domain_check_name(const struct kdbus_domain *domain)
{
	const struct kdbus_domain *parent = domain->parent;

	lockdep_assert_held(&parent->lock);

	if (READ_ONCE(parent->dead))
		return -ESHUTDOWN;
	return kdbus_domain_has_child(parent, domain->name) ? -EEXIST : 0;
}

/* What is wrong with the world is told before what is scarce. */
static int kdbus_domain_look(const struct kdbus_domain *domain)
{
	struct kdbus_domain *parent = domain->parent;
	int ret;

	/* the device core has room for names of a moderate depth */
	if (strlen(domain->path) > KDBUS_DOMAIN_MAX_PATH)
		return -ENAMETOOLONG;
	if (!parent)
		return 0;

	mutex_lock(&parent->lock);
	ret = kdbus_domain_check_name(domain);
	mutex_unlock(&parent->lock);
	return ret;
}

/* Takes the domain's name in its parent, whose end ends it from here on. */
static int kdbus_domain_link(struct kdbus_domain *domain)
{
	struct kdbus_domain *parent = domain->parent;
	int ret;

	if (!parent) {
		kdbus_domain_set_alive(domain);
		return 0;
	}

	mutex_lock(&parent->lock);
	ret = kdbus_domain_check_name(domain);
	if (!ret) {
		kdbus_domain_set_alive(domain);
		list_add_tail(&domain->sibling, &parent->children);
	}
	mutex_unlock(&parent->lock);
	return ret;
}

static void kdbus_domain_unlink(struct kdbus_domain *domain)
{
	if (!domain->parent)
		return;
	mutex_lock(&domain->parent->lock);
	list_del_init(&domain->sibling);
	mutex_unlock(&domain->parent->lock);
}

static int kdbus_domain_show(struct kdbus_domain *domain, umode_t mode)
{
	kuid_t uid = domain->parent ? current_fsuid() : GLOBAL_ROOT_UID;
	char *path;
	int ret;

	path = kasprintf(GFP_KERNEL, "%s/control", domain->path);
	if (!path)
		return -ENOMEM;
	ret = kdbus_node_show(&domain->control, path, MKDEV(domain->major, 0),
			      mode, uid, GLOBAL_ROOT_GID);
	kfree(path);
	if (!ret && !domain->parent)
		kdbus_node_announce(&domain->control);
	return ret;
}

/**
 * kdbus_domain_new() - make a domain with its control node
 * @parent:	the domain it is made in, or NULL for the initial one
 * @name:	its name there
 * @mode:	permission bits of the control node
 *
 * Return: the domain, which kdbus_domain_disconnect() ends and
 * kdbus_domain_put() frees; or a negative errno as a pointer.
 */
struct kdbus_domain *kdbus_domain_new(struct kdbus_domain *parent,
				      const char *name, umode_t mode)
{
	struct kdbus_domain *domain;
	int ret;

	domain = kdbus_domain_alloc(parent, name);
	if (!domain)
		return ERR_PTR(-ENOMEM);

	ret = kdbus_domain_look(domain);
	if (!ret)
		ret = kdbus_domain_charge(domain);
	if (!ret)
		ret = kdbus_domain_add_chrdev(domain);
	if (ret < 0)
		goto exit_put;

	ret = kdbus_domain_link(domain);
	if (ret < 0)
		goto exit_chrdev;
	ret = kdbus_domain_show(domain, mode);
	if (ret < 0) {
		kdbus_domain_disconnect(domain);
		goto exit_put;
	}
	return domain;

exit_chrdev:
	kdbus_domain_del_chrdev(domain);
exit_put:
	kdbus_domain_put(domain);
	return ERR_PTR(ret);
}

/**
 * kdbus_cmd_domain_make() - KDBUS_CMD_DOMAIN_MAKE
 * @parent:	the domain of the control node; the caller has a reference and
 *		has checked that the file's opener may do this
 * @argp:	struct kdbus_cmd_make of the caller
 *
 * Return: the domain, a reference for the caller, who ends it with
 * kdbus_domain_disconnect(); or a negative errno as a pointer.
 */
struct kdbus_domain *kdbus_cmd_domain_make(struct kdbus_domain *parent,
					   void __user *argp)
{
	struct kdbus_domain *domain;
	struct kdbus_cmd_make *cmd;
	const char *name;
	umode_t mode;
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd), KDBUS_MAKE_MAX_SIZE);
	if (IS_ERR(cmd))
		return ERR_CAST(cmd);

	mode = cmd->flags & KDBUS_MAKE_ACCESS_WORLD ? 0666 : 0600;
	ret = kdbus_make_name(cmd, &name);
	if (!ret && upper_32_bits(cmd->flags))
		ret = -EOPNOTSUPP;
	if (!ret && !name)
		ret = -EBADMSG;
	domain = ret < 0 ? ERR_PTR(ret) : kdbus_domain_new(parent, name, mode);
	kvfree(cmd);
	return domain;
}

static struct kdbus_bus *kdbus_domain_first_bus(struct kdbus_domain *domain)
{
	struct kdbus_bus *bus;

	mutex_lock(&domain->lock);
	bus = list_first_entry_or_null(&domain->buses, struct kdbus_bus,
				       domain_node);
	if (bus)
		kdbus_bus_get(bus);
	mutex_unlock(&domain->lock);
	return bus;
}

/* Ends a domain that is marked dead and has no children left. */
static void kdbus_domain_end(struct kdbus_domain *domain)
{
	struct kdbus_bus *bus;

	mutex_lock(&domain->end_lock);
	if (!domain->ended) {
		kdbus_node_hide(&domain->control);
		while ((bus = kdbus_domain_first_bus(domain))) {
			kdbus_bus_disconnect(bus);
			kdbus_bus_put(bus);
		}
		kdbus_domain_del_chrdev(domain);
		kdbus_domain_uncharge(domain);
		domain->ended = true;
		kdbus_trace(domain_dead, domain->id);
		/* last, so that who ends the parent finds it and waits */
		kdbus_domain_unlink(domain);
	}
	mutex_unlock(&domain->end_lock);
}

/* A domain without children at or below @domain, marked dead with all on the
 * way; a reference for the caller.
 */
static struct kdbus_domain *kdbus_domain_leaf(struct kdbus_domain *domain)
{
	struct kdbus_domain *child;

	kdbus_domain_get(domain);
	for (;;) {
		mutex_lock(&domain->lock);
		WRITE_ONCE(domain->dead, true);
		child = list_first_entry_or_null(&domain->children,
						 struct kdbus_domain, sibling);
		if (child)
			kdbus_domain_get(child);
		mutex_unlock(&domain->lock);
		if (!child)
			return domain;
		kdbus_domain_put(domain);
		domain = child;
	}
}

/**
 * kdbus_domain_disconnect() - end a domain and everything below it
 * @domain:	the domain; the caller has a reference
 *
 * On return they are gone, whoever ended them. May sleep.
 */
void kdbus_domain_disconnect(struct kdbus_domain *domain)
{
	struct kdbus_domain *leaf;
	bool last;

	do {
		leaf = kdbus_domain_leaf(domain);
		last = leaf == domain;
		kdbus_domain_end(leaf);
		kdbus_domain_put(leaf);
	} while (!last);
}
