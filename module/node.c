// SPDX-License-Identifier: GPL-2.0
/*
 * Files below /dev: their path, mode and owner. Rules: see node.h.
 */
#include <linux/slab.h>
#include <linux/stat.h>

#include "compat/compat.h"
#include "node.h"

/* what devtmpfs asks about a node, kept beside the device */
struct kdbus_device {
	struct device dev;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	char *path;
};

static struct bus_type kdbus_subsys = {
	.name = KBUILD_MODNAME,
};

static struct kdbus_device *kdbus_device(KDBUS_DEVNODE_CONST struct device *dev)
{
	return container_of(dev, struct kdbus_device, dev);
}

static char *kdbus_device_devnode(KDBUS_DEVNODE_CONST struct device *dev,
				  umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	struct kdbus_device *d = kdbus_device(dev);

	/* a mode of 0 would be taken as "not said" */
	if (mode)
		*mode = d->mode | S_IFCHR;
	if (uid)
		*uid = d->uid;
	if (gid)
		*gid = d->gid;
	return kstrdup(d->path, GFP_KERNEL);
}

static void kdbus_device_release(struct device *dev)
{
	struct kdbus_device *d = kdbus_device(dev);

	kfree(d->path);
	kfree(d);
}

static const struct device_type kdbus_device_type = {
	.name = KBUILD_MODNAME,
	.devnode = kdbus_device_devnode,
	.release = kdbus_device_release,
};

int kdbus_node_subsys_init(void)
{
	return bus_register(&kdbus_subsys);
}

void kdbus_node_subsys_exit(void)
{
	bus_unregister(&kdbus_subsys);
}

/**
 * kdbus_node_init() - prepare a node that is not shown yet
 * @node:	the node; needs nothing to be undone while it is not shown
 */
void kdbus_node_init(struct kdbus_node *node)
{
	mutex_init(&node->lock);
	node->device = NULL;
	node->hidden = false;
}

static struct device *kdbus_device_add(const char *path, dev_t devt,
				       umode_t mode, kuid_t uid, kgid_t gid)
{
	struct kdbus_device *d;
	int ret;

	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return ERR_PTR(-ENOMEM);

	d->mode = mode;
	d->uid = uid;
	d->gid = gid;
	d->dev.bus = &kdbus_subsys;
	d->dev.type = &kdbus_device_type;
	d->dev.devt = devt;
	device_initialize(&d->dev);
	/* devtmpfs makes the file by itself; buses come and go all the time */
	dev_set_uevent_suppress(&d->dev, true);

	d->path = kstrdup(path, GFP_KERNEL_ACCOUNT);
	ret = d->path ? dev_set_name(&d->dev, "%s", path) : -ENOMEM;
	if (!ret)
		ret = device_add(&d->dev);
	if (ret < 0) {
		put_device(&d->dev);
		return ERR_PTR(ret);
	}
	return &d->dev;
}

/**
 * kdbus_node_show() - make the file appear
 * @node:	a node that was not shown before
 * @path:	its path below /dev
 * @devt:	its device number
 * @mode:	its permission bits
 * @uid:	its owner
 * @gid:	its group
 *
 * The file is there with its final mode on return. May sleep; the caller
 * holds no lock that others wait for.
 *
 * Return: 0; -ESHUTDOWN if the node was hidden before; or a negative errno of
 * the device core.
 */
int kdbus_node_show(struct kdbus_node *node, const char *path, dev_t devt,
		    umode_t mode, kuid_t uid, kgid_t gid)
{
	struct device *dev;
	int ret = 0;

	mutex_lock(&node->lock);
	if (node->hidden) {
		ret = -ESHUTDOWN;
	} else {
		dev = kdbus_device_add(path, devt, mode, uid, gid);
		if (IS_ERR(dev))
			ret = PTR_ERR(dev);
		else
			node->device = dev;
	}
	mutex_unlock(&node->lock);
	return ret;
}

/**
 * kdbus_node_announce() - send the uevents of a node, unlike those of others
 * @node:	a node that is shown
 *
 * That it has come is said now, that it goes by kdbus_node_hide(). May sleep.
 */
void kdbus_node_announce(struct kdbus_node *node)
{
	mutex_lock(&node->lock);
	if (node->device) {
		dev_set_uevent_suppress(node->device, false);
		kobject_uevent(&node->device->kobj, KOBJ_ADD);
	}
	mutex_unlock(&node->lock);
}

/**
 * kdbus_node_hide() - remove the file, for good
 * @node:	the node, shown or not
 *
 * May sleep. Can be called any number of times.
 */
void kdbus_node_hide(struct kdbus_node *node)
{
	mutex_lock(&node->lock);
	node->hidden = true;
	if (node->device)
		device_unregister(node->device);
	node->device = NULL;
	mutex_unlock(&node->lock);
}
