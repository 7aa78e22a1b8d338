// SPDX-License-Identifier: GPL-2.0
/*
 * Making and ending endpoints. Rules: see endpoint.h.
 */
#include <linux/cred.h>
#include <linux/slab.h>

#include "bus.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "limits.h"
#include "trace.h"

static atomic64_t kdbus_endpoint_ids = ATOMIC64_INIT(0);

static void kdbus_endpoint_release(struct kref *kref)
{
	struct kdbus_endpoint *ep = container_of(kref, struct kdbus_endpoint,
						 kref);

	WARN_ON(!list_empty(&ep->bus_node));
	WARN_ON(!list_empty(&ep->conns));

	kdbus_bus_put(ep->bus);
	kfree(ep->name);
	kfree(ep);
}

/**
 * kdbus_endpoint_get() - take a reference
 * @ep:		an endpoint the caller has a reference to
 *
 * Return: @ep.
 */
struct kdbus_endpoint *kdbus_endpoint_get(struct kdbus_endpoint *ep)
{
	kref_get(&ep->kref);
	return ep;
}

/**
 * kdbus_endpoint_put() - drop a reference
 * @ep:		the endpoint, or NULL
 */
void kdbus_endpoint_put(struct kdbus_endpoint *ep)
{
	if (ep)
		kref_put(&ep->kref, kdbus_endpoint_release);
}

/**
 * kdbus_endpoint_find() - the endpoint behind a minor
 * @domain:	the domain
 * @minor:	the minor
 *
 * Return: a reference for the caller, or NULL if there is none (any more).
 */
struct kdbus_endpoint *kdbus_endpoint_find(struct kdbus_domain *domain,
					   unsigned int minor)
{
	struct kdbus_endpoint *ep;

	xa_lock(&domain->minors);
	ep = xa_load(&domain->minors, minor);
	if (ep && !kref_get_unless_zero(&ep->kref))
		ep = NULL;
	xa_unlock(&domain->minors);
	return ep;
}

/**
 * kdbus_endpoint_is_alive() - whether connections can be added
 * @ep:		the endpoint; the caller holds the lock of its bus
 */
bool kdbus_endpoint_is_alive(const struct kdbus_endpoint *ep)
{
	lockdep_assert_held(&ep->bus->lock);
	return !list_empty(&ep->bus_node);
}

static struct kdbus_endpoint *kdbus_endpoint_alloc(struct kdbus_bus *bus,
						   const char *name)
{
	struct kdbus_endpoint *ep;

	ep = kzalloc(sizeof(*ep), GFP_KERNEL_ACCOUNT);
	if (!ep)
		return NULL;

	kref_init(&ep->kref);
	ep->id = atomic64_inc_return(&kdbus_endpoint_ids);
	ep->bus = kdbus_bus_get(bus);
	kdbus_node_init(&ep->node);
	INIT_LIST_HEAD(&ep->bus_node);
	INIT_LIST_HEAD(&ep->conns);

	ep->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	if (!ep->name) {
		kdbus_endpoint_put(ep);
		return NULL;
	}
	return ep;
}

static int kdbus_endpoint_link(struct kdbus_endpoint *ep)
{
	struct kdbus_bus *bus = ep->bus;
	int ret = -ESHUTDOWN;

	mutex_lock(&bus->lock);
	if (!bus->dead) {
		/* the list's reference */
		kdbus_endpoint_get(ep);
		list_add_tail(&ep->bus_node, &bus->endpoints);
		ret = 0;
	}
	mutex_unlock(&bus->lock);
	return ret;
}

static int kdbus_endpoint_show(struct kdbus_endpoint *ep, umode_t mode,
			       kuid_t uid, kgid_t gid)
{
	struct kdbus_domain *domain = ep->bus->domain;
	char *path;
	int ret;

	path = kasprintf(GFP_KERNEL, "%s/%s/%s", domain->path, ep->bus->name,
			 ep->name);
	if (!path)
		return -ENOMEM;

	ret = kdbus_node_show(&ep->node, path, MKDEV(domain->major, ep->minor),
			      mode, uid, gid);
	kfree(path);
	if (!ret)
		trace_kdbus_endpoint_new(ep->bus->id, ep->id, mode,
					 __kuid_val(uid), __kgid_val(gid),
					 ep->name);
	return ret;
}

static int kdbus_endpoint_new(struct kdbus_bus *bus, const char *name,
			      umode_t mode, kuid_t uid, kgid_t gid)
{
	struct xarray *minors = &bus->domain->minors;
	struct kdbus_endpoint *ep;
	int ret;

	ep = kdbus_endpoint_alloc(bus, name);
	if (!ep)
		return -ENOMEM;

	ret = xa_alloc(minors, &ep->minor, ep,
		       XA_LIMIT(1, KDBUS_DOMAIN_MINORS - 1), GFP_KERNEL);
	if (ret < 0) {
		/* -EBUSY: no minor is free */
		ret = ret == -EBUSY ? -EMFILE : ret;
		goto exit_put;
	}

	ret = kdbus_endpoint_link(ep);
	if (ret < 0) {
		xa_erase(minors, ep->minor);
		goto exit_put;
	}

	ret = kdbus_endpoint_show(ep, mode, uid, gid);
	if (ret < 0)
		kdbus_endpoint_disconnect(ep);
exit_put:
	kdbus_endpoint_put(ep);
	return ret;
}

/**
 * kdbus_endpoint_new_default() - make the endpoint every bus has
 * @bus:	the bus; its flags say who may open the node
 *
 * The node belongs to current's filesystem uid, and to its filesystem gid
 * where the bus is open to a group.
 *
 * Return: 0 and the node is there; or a negative errno and nothing is.
 */
int kdbus_endpoint_new_default(struct kdbus_bus *bus)
{
	kgid_t gid = GLOBAL_ROOT_GID;
	umode_t mode = 0600;

	if (bus->flags & KDBUS_MAKE_ACCESS_WORLD) {
		mode = 0666;
	} else if (bus->flags & KDBUS_MAKE_ACCESS_GROUP) {
		mode = 0660;
		gid = current_fsgid();
	}
	return kdbus_endpoint_new(bus, "bus", mode, current_fsuid(), gid);
}

static struct kdbus_conn *kdbus_endpoint_first_conn(struct kdbus_endpoint *ep)
{
	struct kdbus_conn *conn;

	mutex_lock(&ep->bus->lock);
	conn = list_first_entry_or_null(&ep->conns, struct kdbus_conn, ep_node);
	if (conn)
		kdbus_conn_get(conn);
	mutex_unlock(&ep->bus->lock);
	return conn;
}

/**
 * kdbus_endpoint_disconnect() - end an endpoint and its connections
 * @ep:		the endpoint; the caller has a reference
 *
 * Does nothing if the endpoint has been ended before or was never alive. May
 * sleep.
 */
void kdbus_endpoint_disconnect(struct kdbus_endpoint *ep)
{
	struct kdbus_bus *bus = ep->bus;
	struct kdbus_conn *conn;
	bool was_alive;

	mutex_lock(&bus->lock);
	was_alive = kdbus_endpoint_is_alive(ep);
	list_del_init(&ep->bus_node);
	mutex_unlock(&bus->lock);
	if (!was_alive)
		return;

	kdbus_node_hide(&ep->node);
	while ((conn = kdbus_endpoint_first_conn(ep))) {
		kdbus_conn_disconnect(conn, KDBUS_CONN_END_SHUTDOWN);
		kdbus_conn_put(conn);
	}

	xa_erase(&bus->domain->minors, ep->minor);
	trace_kdbus_endpoint_dead(bus->id, ep->id);
	kdbus_endpoint_put(ep);
}
