// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading. An open file pins the module, and everything a
 * domain holds belongs to open files; so on unload only the initial domain
 * itself is left, and what timers have found due lately.
 */
#include <linux/module.h>

#include "bus.h"
#include "debugfs.h"
#include "domain.h"
#include "node.h"

static struct kdbus_domain *kdbus_initial_domain;

static int __init kdbus_init(void)
{
	int ret;

	ret = kdbus_bus_subsys_init();
	if (ret < 0)
		return ret;
	ret = kdbus_node_subsys_init();
	if (ret < 0)
		goto exit_bus;

	kdbus_initial_domain = kdbus_domain_new(NULL, "", 0666);
	ret = PTR_ERR_OR_ZERO(kdbus_initial_domain);
	if (ret < 0)
		goto exit_node;

	kdbus_debugfs_init();
	return 0;

exit_node:
	kdbus_node_subsys_exit();
exit_bus:
	kdbus_bus_subsys_exit();
	return ret;
}

static void __exit kdbus_exit(void)
{
	kdbus_debugfs_exit();
	kdbus_domain_disconnect(kdbus_initial_domain);
	kdbus_domain_put(kdbus_initial_domain);
	kdbus_node_subsys_exit();
	kdbus_bus_subsys_exit();
}

module_init(kdbus_init);
module_exit(kdbus_exit);

MODULE_DESCRIPTION("Message bus with the kdbus ABI of July 2014");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.2");
