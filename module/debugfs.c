// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/kdbus: what exists, one line each; docs/debugfs.rst.
 *
 * A walk holds the lock of a bus, or of the users of a domain, for a few lines
 * at a time and only writes to the kernel's buffer under it. What is shown in
 * one line belongs together; what comes or goes during the walk may be missed.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "debugfs.h"
#include "domain.h"
#include "endpoint.h"
#include "limits.h"
#include "names.h"
#include "pool.h"
#include "tracepoints/kdbus_enums.h"

/* connections or buckets of names before others get the bus lock */
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

/* ---- walks ------------------------------------------------------------ */

/* Runs @show for each domain. */
static void kdbus_debugfs_domains(struct seq_file *s,
				  void (*show)(struct seq_file *,
					       struct kdbus_domain *))
{
	struct kdbus_domain *domain;
	unsigned int major = 0;

	while ((domain = kdbus_domain_next(&major))) {
		show(s, domain);
		kdbus_domain_put(domain);
	}
}

/* The first bus of a domain made after the one with id @id; a reference. */
static struct kdbus_bus *kdbus_debugfs_next_bus(struct kdbus_domain *domain,
						u64 id)
{
	struct kdbus_bus *bus, *next = NULL;

	mutex_lock(&domain->lock);
	list_for_each_entry(bus, &domain->buses, domain_node)
		if (bus->id > id && (!next || bus->id < next->id))
			next = bus;
	if (next)
		kdbus_bus_get(next);
	mutex_unlock(&domain->lock);
	return next;
}

/* Runs @show for each bus of all domains. */
static void kdbus_debugfs_buses(struct seq_file *s,
				void (*show)(struct seq_file *,
					     struct kdbus_bus *))
{
	struct kdbus_domain *domain;
	struct kdbus_bus *bus;
	unsigned int major = 0;
	u64 id;

	while ((domain = kdbus_domain_next(&major))) {
		for (id = 0; (bus = kdbus_debugfs_next_bus(domain, id));) {
			id = bus->id;
			show(s, bus);
			kdbus_bus_put(bus);
		}
		kdbus_domain_put(domain);
	}
}

/* Shows up to a batch of connections from *@id on; returns if there are more */
static bool kdbus_debugfs_batch(struct seq_file *s, struct kdbus_bus *bus,
				unsigned long *id,
				void (*show)(struct seq_file *,
					     struct kdbus_conn *))
{
	struct kdbus_conn *conn;
	unsigned int n = 0;

	kdbus_bus_lock(bus);
	xa_for_each_start(&bus->conns, *id, conn, *id) {
		if (n++ == KDBUS_DEBUGFS_BATCH)
			break;
		show(s, conn);
	}
	kdbus_bus_unlock(bus);
	return conn && !seq_has_overflowed(s);
}

/* Runs @show for each connection of a bus. */
static void kdbus_debugfs_conns(struct seq_file *s, struct kdbus_bus *bus,
				void (*show)(struct seq_file *,
					     struct kdbus_conn *))
{
	unsigned long id = 0;

	while (kdbus_debugfs_batch(s, bus, &id, show))
		cond_resched();
}

static int schema_show(struct seq_file *s, void *unused)
{
	seq_printf(s, "version\n%d\n", KDBUS_TRACE_SCHEMA_VERSION);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(schema);

/* ---- domains and users ------------------------------------------------ */

static void kdbus_debugfs_domain(struct seq_file *s,
				 struct kdbus_domain *domain)
{
	seq_printf(s, "%llu %llu %u ", domain->id,
		   domain->parent ? domain->parent->id : 0, domain->major);
	kdbus_debugfs_string(s, domain->name);
	seq_putc(s, '\n');
}

static int domains_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "domain parent major name\n");
	kdbus_debugfs_domains(s, kdbus_debugfs_domain);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(domains);

static void kdbus_debugfs_user(struct seq_file *s,
			       const struct kdbus_user *user)
{
	static const enum kdbus_count columns[] = {
		KDBUS_COUNT_DOMAINS, KDBUS_COUNT_BUSES, KDBUS_COUNT_ENDPOINTS,
		KDBUS_COUNT_CONNS, KDBUS_COUNT_FILES, KDBUS_COUNT_MATCH_BYTES,
		KDBUS_COUNT_NAMES, KDBUS_COUNT_SEEN_FILES, KDBUS_COUNT_NOTICES,
	};
	unsigned int i;

	seq_printf(s, "%llu %u", user->domain->id, __kuid_val(user->uid));
	for (i = 0; i < ARRAY_SIZE(columns); i++)
		seq_printf(s, " %d", atomic_read(&user->counts[columns[i]]));
	if (user->up)
		seq_printf(s, " %u\n", __kuid_val(user->up->uid));
	else
		seq_puts(s, " -\n");
}

static void kdbus_debugfs_users(struct seq_file *s,
				struct kdbus_domain *domain)
{
	struct kdbus_user *user;
	unsigned int bucket;

	for (bucket = 0; bucket < HASH_SIZE(domain->users); bucket++) {
		spin_lock(&domain->user_lock);
		hlist_for_each_entry(user, &domain->users[bucket], node)
			kdbus_debugfs_user(s, user);
		spin_unlock(&domain->user_lock);
		cond_resched();
	}
}

static int users_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "domain uid domains buses endpoints conns files match_bytes names seen_files notices up\n");
	kdbus_debugfs_domains(s, kdbus_debugfs_users);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(users);

/* ---- buses and endpoints ---------------------------------------------- */

static void kdbus_debugfs_bus(struct seq_file *s, struct kdbus_bus *bus)
{
	seq_printf(s, "%llu %llu %u %llu %u ", bus->domain->id, bus->id,
		   __kuid_val(bus->uid), bus->flags,
		   READ_ONCE(bus->n_conns));
	kdbus_debugfs_string(s, bus->name);
	seq_putc(s, '\n');
}

static int buses_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "domain bus uid flags conns name\n");
	kdbus_debugfs_buses(s, kdbus_debugfs_bus);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(buses);

static void kdbus_debugfs_bus_eps(struct seq_file *s, struct kdbus_bus *bus)
{
	struct kdbus_endpoint *ep;

	kdbus_bus_lock(bus);
	list_for_each_entry(ep, &bus->endpoints, bus_node) {
		seq_printf(s, "%llu %llu %u %d ", bus->id, ep->id, ep->minor,
			   ep->custom);
		kdbus_debugfs_string(s, ep->name);
		seq_putc(s, '\n');
	}
	kdbus_bus_unlock(bus);
}

static int endpoints_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "bus endpoint minor custom name\n");
	kdbus_debugfs_buses(s, kdbus_debugfs_bus_eps);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(endpoints);

/* ---- connections ------------------------------------------------------ */

static void kdbus_debugfs_conn_names(struct seq_file *s,
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

static void kdbus_debugfs_conn(struct seq_file *s, struct kdbus_conn *conn)
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
	kdbus_debugfs_conn_names(s, conn);
	seq_printf(s, " %llu %d\n", READ_ONCE(conn->attach_flags),
		   atomic_read(&conn->n_matches));
}

static void kdbus_debugfs_bus_conns(struct seq_file *s, struct kdbus_bus *bus)
{
	kdbus_debugfs_conns(s, bus, kdbus_debugfs_conn);
}

static int connections_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "bus conn endpoint flags uid pid pool_size pool_used pool_peak queued calls_out calls_in comm description names attach_flags matches\n");
	kdbus_debugfs_buses(s, kdbus_debugfs_bus_conns);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(connections);

/* Who has how much in a connection's pool. */
static void kdbus_debugfs_conn_accounts(struct seq_file *s,
					struct kdbus_conn *conn)
{
	const struct kdbus_account *a;
	int bucket;

	spin_lock(&conn->pool->lock);
	hash_for_each(conn->pool->accounts.table, bucket, a, node)
		if (a->bytes || a->msgs || a->fds)
			seq_printf(s, "%llu %llu %llu %d %llu %u %u\n",
				   conn->bus->id, conn->id,
				   a->foreign ? 0 : a->id, (int)a->uid,
				   a->bytes, a->msgs, a->fds);
	spin_unlock(&conn->pool->lock);
}

static void kdbus_debugfs_bus_accounts(struct seq_file *s,
				       struct kdbus_bus *bus)
{
	kdbus_debugfs_conns(s, bus, kdbus_debugfs_conn_accounts);
}

static int accounts_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "bus conn src uid bytes msgs fds\n");
	kdbus_debugfs_buses(s, kdbus_debugfs_bus_accounts);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(accounts);

/* ---- calls ------------------------------------------------------------ */

/* Own calls of a connection that wait for an answer. */
static void kdbus_debugfs_conn_calls(struct seq_file *s,
				     struct kdbus_conn *conn)
{
	const struct kdbus_call *call;
	ktime_t now = ktime_get();

	list_for_each_entry(call, &conn->calls_out, out_node)
		if (kdbus_call_is_open(call))
			seq_printf(s, "%llu %llu %llu %llu %llu %llu %lld %lld %d\n",
				   conn->bus->id, conn->id, call->replier_id,
				   call->name_id, call->msg, call->cookie,
				   ktime_to_ns(ktime_sub(now, call->start)),
				   ktime_to_ns(ktime_sub(call->deadline, now)),
				   kdbus_call_is_sync(call));
}

static void kdbus_debugfs_bus_calls(struct seq_file *s, struct kdbus_bus *bus)
{
	kdbus_debugfs_conns(s, bus, kdbus_debugfs_conn_calls);
}

static int calls_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "bus conn peer name_id msg cookie age_ns left_ns sync\n");
	kdbus_debugfs_buses(s, kdbus_debugfs_bus_calls);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(calls);

/* ---- names ------------------------------------------------------------ */

static void kdbus_debugfs_name(struct seq_file *s, const struct kdbus_bus *bus,
			       const struct kdbus_name_entry *n)
{
	const struct kdbus_conn *owner;

	owner = rcu_dereference_protected(n->owner,
					  lockdep_is_held(&bus->lock));
	seq_printf(s, "%llu %llu %llu %llu %llu %u %s\n", bus->id, n->id,
		   owner->id, n->flags, n->activator ? n->activator->id : 0,
		   n->n_waiters, n->name);
}

static void kdbus_debugfs_bus_names(struct seq_file *s, struct kdbus_bus *bus)
{
	const struct kdbus_name_entry *n;
	unsigned int bucket = 0, end;

	while (bucket < HASH_SIZE(bus->names) && !seq_has_overflowed(s)) {
		end = bucket + KDBUS_DEBUGFS_BATCH;
		kdbus_bus_lock(bus);
		for (; bucket < min_t(size_t, end, HASH_SIZE(bus->names));
		     bucket++)
			hlist_for_each_entry(n, &bus->names[bucket], hash_node)
				kdbus_debugfs_name(s, bus, n);
		kdbus_bus_unlock(bus);
		cond_resched();
	}
}

static int names_show(struct seq_file *s, void *unused)
{
	seq_puts(s, "bus name_id owner flags activator waiters name\n");
	kdbus_debugfs_buses(s, kdbus_debugfs_bus_names);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(names);

/* ----------------------------------------------------------------------- */

/**
 * kdbus_debugfs_init() - make the files; without debugfs there are none
 */
void kdbus_debugfs_init(void)
{
	static const struct {
		const char *name;
		const struct file_operations *fops;
	} files[] = {
		{ "schema", &schema_fops },
		{ "domains", &domains_fops },
		{ "users", &users_fops },
		{ "buses", &buses_fops },
		{ "endpoints", &endpoints_fops },
		{ "connections", &connections_fops },
		{ "accounts", &accounts_fops },
		{ "calls", &calls_fops },
		{ "names", &names_fops },
	};
	unsigned int i;

	kdbus_debugfs_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		debugfs_create_file(files[i].name, 0400, kdbus_debugfs_dir,
				    NULL, files[i].fops);
}

/**
 * kdbus_debugfs_exit() - remove the files
 */
void kdbus_debugfs_exit(void)
{
	debugfs_remove_recursive(kdbus_debugfs_dir);
}
