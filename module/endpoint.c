// SPDX-License-Identifier: GPL-2.0
/*
 * Making and ending endpoints. Rules: see endpoint.h.
 */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "bus.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "item.h"
#include "limits.h"
#include "policy.h"
#include "trace.h"

static atomic64_t kdbus_endpoint_ids = ATOMIC64_INIT(0);

/* It counts for its maker no longer; whoever calls this is the only one. */
static void kdbus_endpoint_uncharge(struct kdbus_endpoint *ep)
{
	if (!ep->maker)
		return;
	kdbus_user_uncharge(ep->maker, KDBUS_COUNT_ENDPOINTS, 1);
	kdbus_user_put(ep->maker);
	ep->maker = NULL;
}

static void kdbus_endpoint_release(struct kref *kref)
{
	struct kdbus_endpoint *ep = container_of(kref, struct kdbus_endpoint,
						 kref);

	WARN_ON(!list_empty(&ep->bus_node));
	WARN_ON(!list_empty(&ep->conns));
	WARN_ON(!hash_empty(ep->policy.entries));

	kdbus_endpoint_uncharge(ep);
	kdbus_user_put(ep->user);
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
	return !ep->dead && !list_empty(&ep->bus_node);
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
	mutex_init(&ep->end_lock);
	INIT_LIST_HEAD(&ep->conns);
	kdbus_policy_init(&ep->policy);

	ep->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	if (!ep->name) {
		kdbus_endpoint_put(ep);
		return NULL;
	}
	return ep;
}

static int kdbus_endpoint_check_name(struct kdbus_bus *bus, const char *name)
{
	struct kdbus_endpoint *other;

	lockdep_assert_held(&bus->lock);

	list_for_each_entry(other, &bus->endpoints, bus_node)
		if (!strcmp(other->name, name))
			return -EEXIST;
	return bus->dead ? -ESHUTDOWN : 0;
}

/* Makes an endpoint alive, with its policy; @mode and @gid are its node's. */
static int kdbus_endpoint_link(struct kdbus_endpoint *ep,
			       struct list_head *policy, umode_t mode,
			       kgid_t gid)
{
	struct kdbus_bus *bus = ep->bus;
	int ret;

	kdbus_bus_lock(bus);
	ret = kdbus_endpoint_check_name(bus, ep->name);
	if (!ret) {
		kdbus_trace(endpoint_new, bus->id, ep->id, mode,
			    __kuid_val(current_fsuid()), __kgid_val(gid),
			    ep->name);
		if (ep->custom)
			kdbus_policy_set_endpoint(ep, policy);
		/* the list's reference */
		kdbus_endpoint_get(ep);
		list_add_tail(&ep->bus_node, &bus->endpoints);
	}
	kdbus_bus_unlock(bus);
	return ret;
}

static int kdbus_endpoint_show(struct kdbus_endpoint *ep, umode_t mode,
			       kgid_t gid)
{
	struct kdbus_domain *domain = ep->bus->domain;
	char *path;
	int ret;

	path = kasprintf(GFP_KERNEL, "%s/%s/%s", domain->path, ep->bus->name,
			 ep->name);
	if (!path)
		return -ENOMEM;

	ret = kdbus_node_show(&ep->node, path, MKDEV(domain->major, ep->minor),
			      mode, current_fsuid(), gid);
	kfree(path);
	return ret;
}

static int kdbus_endpoint_take_minor(struct kdbus_endpoint *ep)
{
	struct kdbus_domain *domain = ep->bus->domain;
	int ret;

	ret = xa_alloc_cyclic(&domain->minors, &ep->minor, ep,
			      XA_LIMIT(1, KDBUS_DOMAIN_MINORS - 1),
			      &domain->next_minor, GFP_KERNEL_ACCOUNT);
	/* -EBUSY: no minor is free */
	return ret == -EBUSY ? -EMFILE : min(ret, 0);
}

static void kdbus_endpoint_give_minor_back(struct kdbus_endpoint *ep)
{
	xa_erase(&ep->bus->domain->minors, ep->minor);
}

/*
 * Gives an endpoint its minor, makes it alive and shows its node, which belongs
 * to current's filesystem uid.
 */
static int kdbus_endpoint_start(struct kdbus_endpoint *ep,
				struct list_head *policy, umode_t mode,
				kgid_t gid)
{
	int ret;

	ret = kdbus_endpoint_take_minor(ep);
	if (ret < 0)
		return ret;

	ret = kdbus_endpoint_link(ep, policy, mode, gid);
	if (ret < 0) {
		kdbus_endpoint_give_minor_back(ep);
		return ret;
	}

	ret = kdbus_endpoint_show(ep, mode, gid);
	if (ret < 0)
		kdbus_endpoint_disconnect(ep);
	return ret;
}

/* Permission bits of a node, and its group. */
static umode_t kdbus_make_mode(u64 flags, umode_t otherwise, kgid_t *gid)
{
	*gid = GLOBAL_ROOT_GID;
	if (flags & KDBUS_MAKE_ACCESS_WORLD)
		return 0666;
	if (flags & KDBUS_MAKE_ACCESS_GROUP) {
		*gid = current_fsgid();
		return 0660;
	}
	return otherwise;
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
	struct kdbus_endpoint *ep;
	LIST_HEAD(no_policy);
	umode_t mode;
	kgid_t gid;
	int ret;

	ep = kdbus_endpoint_alloc(bus, "bus");
	if (!ep)
		return -ENOMEM;
	mode = kdbus_make_mode(bus->flags, 0600, &gid);
	ret = kdbus_endpoint_start(ep, &no_policy, mode, gid);
	kdbus_endpoint_put(ep);
	return ret;
}

/* Counts a custom endpoint for its maker and gives it a user of its own. */
static int kdbus_endpoint_charge(struct kdbus_endpoint *ep)
{
	struct kdbus_user *maker;
	int ret;

	ep->custom = true;
	ep->user = kdbus_user_new_anonymous(ep->bus->domain);
	maker = kdbus_user_get(ep->bus->domain, current_uid(),
			       current_user_ns());
	if (!ep->user || !maker) {
		kdbus_user_put(maker);
		return -ENOMEM;
	}

	ret = kdbus_user_charge_object(maker, KDBUS_COUNT_ENDPOINTS,
				       READ_ONCE(kdbus_max_endpoints_per_user),
				       ep->bus->id, KDBUS_QUOTA_ENDPOINTS);
	if (ret < 0) {
		kdbus_user_put(maker);
		return ret;
	}
	ep->maker = maker;
	return 0;
}

static struct kdbus_endpoint *
kdbus_endpoint_new_custom(struct kdbus_bus *bus, const char *name, u64 flags,
			  struct list_head *policy)
{
	struct kdbus_endpoint *ep;
	umode_t mode;
	kgid_t gid;
	int ret;

	ep = kdbus_endpoint_alloc(bus, name);
	if (!ep)
		return ERR_PTR(-ENOMEM);

	mode = kdbus_make_mode(flags, 0, &gid);
	ret = kdbus_endpoint_charge(ep);
	if (!ret)
		ret = kdbus_endpoint_start(ep, policy, mode, gid);
	if (ret < 0) {
		kdbus_endpoint_put(ep);
		return ERR_PTR(ret);
	}
	return ep;
}

static int kdbus_ep_make_check(struct kdbus_bus *bus,
			       const struct kdbus_cmd_make *cmd,
			       const char **name)
{
	int ret;

	ret = kdbus_make_name(cmd, name);
	if (ret < 0)
		return ret;
	if (!*name)
		return -EBADMSG;
	if (upper_32_bits(cmd->flags))
		return -EOPNOTSUPP;

	/* looked at again when it is linked; what is wrong comes first here */
	kdbus_bus_lock(bus);
	ret = kdbus_endpoint_check_name(bus, *name);
	kdbus_bus_unlock(bus);
	return ret;
}

/**
 * kdbus_cmd_ep_make() - KDBUS_CMD_EP_MAKE
 * @bus:	the bus; the caller has a reference and has checked that the
 *		file's opener is privileged on it
 * @argp:	struct kdbus_cmd_make of the caller
 *
 * Return: the endpoint, a reference for the caller, who ends it with
 * kdbus_endpoint_disconnect(); or a negative errno as a pointer.
 */
struct kdbus_endpoint *kdbus_cmd_ep_make(struct kdbus_bus *bus,
					 void __user *argp)
{
	struct kdbus_endpoint *ep;
	struct kdbus_cmd_make *cmd;
	LIST_HEAD(policy);
	const char *name;
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd), KDBUS_MAKE_MAX_SIZE);
	if (IS_ERR(cmd))
		return ERR_CAST(cmd);

	ret = kdbus_ep_make_check(bus, cmd, &name);
	if (!ret)
		ret = kdbus_policy_parse(&policy, cmd,
					 offsetof(struct kdbus_cmd_make, items),
					 cmd->size, UINT_MAX);
	ep = ret < 0 ? ERR_PTR(ret) :
	     kdbus_endpoint_new_custom(bus, name, cmd->flags, &policy);
	kdbus_policy_free(&policy);
	kvfree(cmd);
	return ep;
}

/**
 * kdbus_cmd_ep_update() - KDBUS_CMD_EP_UPDATE
 * @ep:		a custom endpoint, owned by the caller's file
 * @argp:	struct kdbus_cmd_update of the caller: the whole new policy
 *
 * Return: 0; or -EFAULT, -EINVAL, -EMSGSIZE, -ENOMEM or -ESHUTDOWN, and the
 * policy is as before.
 */
int kdbus_cmd_ep_update(struct kdbus_endpoint *ep, void __user *argp)
{
	struct kdbus_bus *bus = ep->bus;
	struct kdbus_cmd_update *cmd;
	LIST_HEAD(policy);
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd),
			       sizeof(*cmd) + KDBUS_UPDATE_MAX_ITEMS);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);

	ret = kdbus_policy_parse(&policy, cmd,
				 offsetof(struct kdbus_cmd_update, items),
				 cmd->size, UINT_MAX);
	if (!ret) {
		kdbus_bus_lock(bus);
		if (kdbus_endpoint_is_alive(ep))
			kdbus_policy_set_endpoint(ep, &policy);
		else
			ret = -ESHUTDOWN;
		kdbus_bus_unlock(bus);
	}
	kdbus_policy_free(&policy);
	kvfree(cmd);
	return ret;
}

static struct kdbus_conn *kdbus_endpoint_first_conn(struct kdbus_endpoint *ep)
{
	struct kdbus_conn *conn;

	kdbus_bus_lock(ep->bus);
	conn = list_first_entry_or_null(&ep->conns, struct kdbus_conn, ep_node);
	if (conn)
		kdbus_conn_get(conn);
	kdbus_bus_unlock(ep->bus);
	return conn;
}

/* From here on nothing can be added. Returns whether it was alive before. */
static bool kdbus_endpoint_set_dead(struct kdbus_endpoint *ep)
{
	LIST_HEAD(policy);
	bool was_alive;

	kdbus_bus_lock(ep->bus);
	was_alive = kdbus_endpoint_is_alive(ep);
	ep->dead = true;
	if (was_alive && ep->custom)
		kdbus_policy_set_endpoint(ep, &policy);
	kdbus_bus_unlock(ep->bus);
	kdbus_policy_free(&policy);
	return was_alive;
}

/* It leaves the list of its bus last, as its connections leave its own. */
static void kdbus_endpoint_end(struct kdbus_endpoint *ep)
{
	struct kdbus_bus *bus = ep->bus;
	struct kdbus_conn *conn;

	kdbus_node_hide(&ep->node);
	while ((conn = kdbus_endpoint_first_conn(ep))) {
		kdbus_conn_disconnect(conn, KDBUS_CONN_END_SHUTDOWN);
		kdbus_conn_put(conn);
	}

	kdbus_endpoint_give_minor_back(ep);
	kdbus_endpoint_uncharge(ep);
	kdbus_bus_lock(bus);
	kdbus_trace(endpoint_dead, bus->id, ep->id);
	list_del_init(&ep->bus_node);
	kdbus_bus_unlock(bus);
}

/**
 * kdbus_endpoint_disconnect() - end an endpoint and its connections
 * @ep:		the endpoint; the caller has a reference
 *
 * On return they are gone, whoever ended them. May sleep.
 */
void kdbus_endpoint_disconnect(struct kdbus_endpoint *ep)
{
	bool was_alive;

	mutex_lock(&ep->end_lock);
	was_alive = kdbus_endpoint_set_dead(ep);
	if (was_alive)
		kdbus_endpoint_end(ep);
	mutex_unlock(&ep->end_lock);
	/* the list's reference */
	if (was_alive)
		kdbus_endpoint_put(ep);
}
