// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/kdbus: one line per bus and per connection.
 *
 * A walk holds the lock of a bus for a few lines at a time and only writes to
 * the kernel's buffer under it. What is shown of one connection belongs
 * together; connections that come or go during the walk may be missed.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "bus.h"
#include "connection.h"
#include "debugfs.h"
#include "domain.h"
#include "endpoint.h"
#include "limits.h"
#include "names.h"
#include "pool.h"

/* connections shown before others get the bus lock */
#define KDBUS_DEBUGFS_BATCH 32

static struct dentry *kdbus_debugfs_dir;

/* A string as one field: "-" if empty, with octal escapes. */
static void kdbus_debugfs_string(struct seq_file *s, const char *str)
{
	if (*str)
		seq_escape(s, str, " \t\n\\,");
	else
		seq_putc(s, '-');
}

static void kdbus_debugfs_names(struct seq_file *s,
				const struct kdbus_conn *conn)
{
	const struct kdbus_name_entry *n;
	const char *sep = "";

	list_for_each_entry(n, &conn->names, owner_node) {
		seq_printf(s, "%s%s", sep, n->name);
		sep = ",";
	}
	if (list_empty(&conn->names))
		seq_putc(s, '-');
}

static void kdbus_debugfs_conn(struct seq_file *s,
			       const struct kdbus_conn *conn)
{
	u64 used, peak;

	kdbus_pool_usage(conn->pool, &used, &peak);
	seq_printf(s, "%llu %llu %llu %llu %u %d %llu %llu %llu %u %d %u ",
		   conn->bus->id, conn->id, conn->ep->id, conn->flags,
		   __kuid_val(conn->cred->uid), conn->pid, conn->pool->size,
		   used, peak, READ_ONCE(conn->queue.count),
		   atomic_read(&conn->n_calls), conn->n_calls_in);
	kdbus_debugfs_string(s, conn->comm);
	seq_putc(s, ' ');
	kdbus_debugfs_string(s, conn->description);
	seq_putc(s, ' ');
	kdbus_debugfs_names(s, conn);
	seq_putc(s, '\n');
}

/* Shows up to a batch of connections from *@id on; returns if there are more */
static bool kdbus_debugfs_conns(struct seq_file *s, struct kdbus_bus *bus,
				unsigned long *id)
{
	struct kdbus_conn *conn;
	unsigned int n = 0;

	mutex_lock(&bus->lock);
	xa_for_each_start(&bus->conns, *id, conn, *id) {
		if (n++ == KDBUS_DEBUGFS_BATCH)
			break;
		kdbus_debugfs_conn(s, conn);
	}
	mutex_unlock(&bus->lock);
	return conn && !seq_has_overflowed(s);
}

static void kdbus_debugfs_bus_conns(struct seq_file *s, struct kdbus_bus *bus)
{
	unsigned long id = 0;

	while (kdbus_debugfs_conns(s, bus, &id))
		cond_resched();
}

static void kdbus_debugfs_bus(struct seq_file *s, struct kdbus_bus *bus)
{
	unsigned int conns = 0;
	struct kdbus_conn *conn;
	unsigned long id;

	mutex_lock(&bus->lock);
	xa_for_each(&bus->conns, id, conn)
		conns++;
	mutex_unlock(&bus->lock);

	seq_printf(s, "%llu %llu %u %llu %u ", bus->domain->id, bus->id,
		   __kuid_val(bus->uid), bus->flags, conns);
	kdbus_debugfs_string(s, bus->name);
	seq_putc(s, '\n');
}

/* Runs @show for each bus of all domains. */
static void kdbus_debugfs_walk(struct seq_file *s,
			       void (*show)(struct seq_file *,
					    struct kdbus_bus *))
{
	struct kdbus_domain *domain;
	struct kdbus_bus *bus;
	unsigned int major = 0;

	while ((domain = kdbus_domain_next(&major))) {
		mutex_lock(&domain->lock);
		list_for_each_entry(bus, &domain->buses, domain_node)
			show(s, bus);
		mutex_unlock(&domain->lock);
		kdbus_domain_put(domain);
	}
}

static int connections_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "bus conn endpoint flags uid pid pool_size pool_used pool_peak queued calls_out calls_in comm description names\n");
	kdbus_debugfs_walk(s, kdbus_debugfs_bus_conns);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(connections);

static int buses_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "domain bus uid flags conns name\n");
	kdbus_debugfs_walk(s, kdbus_debugfs_bus);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(buses);

/**
 * kdbus_debugfs_init() - make the files; without debugfs there are none
 */
void kdbus_debugfs_init(void)
{
	kdbus_debugfs_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("connections", 0400, kdbus_debugfs_dir, NULL,
			    &connections_fops);
	debugfs_create_file("buses", 0400, kdbus_debugfs_dir, NULL,
			    &buses_fops);
}

/**
 * kdbus_debugfs_exit() - remove the files
 */
void kdbus_debugfs_exit(void)
{
	debugfs_remove_recursive(kdbus_debugfs_dir);
}
