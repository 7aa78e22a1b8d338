// SPDX-License-Identifier: GPL-2.0
/*
 * Domains: their char major, their control node, their list of buses.
 * Rules: see domain.h. The table of majors has a lock of its own and holds no
 * references; a domain leaves it before it goes.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "bus.h"
#include "domain.h"
#include "handle.h"
#include "limits.h"
#include "trace.h"

static DEFINE_XARRAY(kdbus_majors);
static atomic64_t kdbus_domain_ids = ATOMIC64_INIT(0);

static void kdbus_domain_release(struct kref *kref)
{
	struct kdbus_domain *domain = container_of(kref, struct kdbus_domain,
						   kref);

	WARN_ON(!hash_empty(domain->users));
	xa_destroy(&domain->minors);
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
	if (domain)
		kref_put(&domain->kref, kdbus_domain_release);
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

static struct kdbus_domain *kdbus_domain_alloc(void)
{
	struct kdbus_domain *domain;

	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return NULL;

	kref_init(&domain->kref);
	domain->id = atomic64_inc_return(&kdbus_domain_ids);
	mutex_init(&domain->lock);
	INIT_LIST_HEAD(&domain->buses);
	spin_lock_init(&domain->user_lock);
	hash_init(domain->users);
	xa_init_flags(&domain->minors, XA_FLAGS_ALLOC1);
	kdbus_node_init(&domain->control);

	domain->path = kstrdup(KBUILD_MODNAME, GFP_KERNEL_ACCOUNT);
	if (!domain->path) {
		kdbus_domain_put(domain);
		return NULL;
	}
	return domain;
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

/**
 * kdbus_domain_new() - make the initial domain, with its control node
 * @mode:	permission bits of the control node
 *
 * Return: the domain, which kdbus_domain_disconnect() ends and
 * kdbus_domain_put() frees; or a negative errno as a pointer.
 */
struct kdbus_domain *kdbus_domain_new(umode_t mode)
{
	struct kdbus_domain *domain;
	char *path;
	int ret;

	domain = kdbus_domain_alloc();
	if (!domain)
		return ERR_PTR(-ENOMEM);

	ret = kdbus_domain_add_chrdev(domain);
	if (ret < 0)
		goto exit_put;

	path = kasprintf(GFP_KERNEL, "%s/control", domain->path);
	ret = path ? kdbus_node_show(&domain->control, path,
				     MKDEV(domain->major, 0), mode,
				     GLOBAL_ROOT_UID, GLOBAL_ROOT_GID) :
		     -ENOMEM;
	kfree(path);
	if (ret < 0)
		goto exit_chrdev;

	trace_kdbus_domain_new(domain->id, 0, "");
	return domain;

exit_chrdev:
	kdbus_domain_del_chrdev(domain);
exit_put:
	kdbus_domain_put(domain);
	return ERR_PTR(ret);
}

static struct kdbus_bus *kdbus_domain_first_bus(struct kdbus_domain *domain)
{
	struct kdbus_bus *bus;

	mutex_lock(&domain->lock);
	domain->dead = true;
	bus = list_first_entry_or_null(&domain->buses, struct kdbus_bus,
				       domain_node);
	if (bus)
		kdbus_bus_get(bus);
	mutex_unlock(&domain->lock);
	return bus;
}

/**
 * kdbus_domain_disconnect() - end a domain and everything below it
 * @domain:	the domain; once only
 *
 * First nothing can be added any more, then what is there goes. May sleep.
 */
void kdbus_domain_disconnect(struct kdbus_domain *domain)
{
	struct kdbus_bus *bus;

	kdbus_node_hide(&domain->control);

	while ((bus = kdbus_domain_first_bus(domain))) {
		kdbus_bus_disconnect(bus);
		kdbus_bus_put(bus);
	}

	kdbus_domain_del_chrdev(domain);
	trace_kdbus_domain_dead(domain->id);
}
