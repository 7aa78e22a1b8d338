// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading. An open file pins the module, and everything a
 * domain holds belongs to open files; so on unload only the initial domain
 * itself is left.
 */
#include <linux/module.h>
#include <linux/workqueue.h>

#include "debugfs.h"
#include "domain.h"
#include "main.h"
#include "node.h"

struct workqueue_struct *kdbus_workqueue;
static struct kdbus_domain *kdbus_initial_domain;

static int __init kdbus_init(void)
{
	int ret;

	kdbus_workqueue = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND, 0);
	if (!kdbus_workqueue)
		return -ENOMEM;

	ret = kdbus_node_subsys_init();
	if (ret < 0)
		goto exit_workqueue;

	kdbus_initial_domain = kdbus_domain_new(NULL, "", 0666);
	if (IS_ERR(kdbus_initial_domain)) {
		ret = PTR_ERR(kdbus_initial_domain);
		goto exit_subsys;
	}

	kdbus_debugfs_init();
	return 0;

exit_subsys:
	kdbus_node_subsys_exit();
exit_workqueue:
	destroy_workqueue(kdbus_workqueue);
	return ret;
}

static void __exit kdbus_exit(void)
{
	kdbus_debugfs_exit();
	kdbus_domain_disconnect(kdbus_initial_domain);
	kdbus_domain_put(kdbus_initial_domain);
	kdbus_node_subsys_exit();
	destroy_workqueue(kdbus_workqueue);
}

module_init(kdbus_init);
module_exit(kdbus_exit);

MODULE_DESCRIPTION("Message bus with the kdbus ABI of July 2014");
MODULE_LICENSE("GPL");
