// SPDX-License-Identifier: GPL-2.0
/*
 * Files: open, close, and who gets which command. Rules: see handle.h.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/kdbus.h>

#include "bus.h"
#include "call.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "handle.h"
#include "item.h"
#include "limits.h"
#include "info.h"
#include "list.h"
#include "match.h"
#include "memfd.h"
#include "metadata.h"
#include "names.h"
#include "pool.h"
#include "recv.h"
#include "send.h"
#include "trace.h"
#include "uaccess.h"

enum kdbus_handle_state {
	KDBUS_HANDLE_CONTROL,
	KDBUS_HANDLE_DOMAIN_OWNER,
	KDBUS_HANDLE_BUS_OWNER,
	KDBUS_HANDLE_EP,
	KDBUS_HANDLE_EP_OWNER,
	KDBUS_HANDLE_CONNECTED,
};

/**
 * struct kdbus_handle - an open file
 * @lock:	serializes steps from one state to the next
 * @state:	what it is; says which of the following is set
 * @rights:	EP: what the opener may do
 * @meta:	EP: metadata of the opener
 * @domain:	CONTROL, DOMAIN_OWNER: the domain, referenced
 * @bus:	BUS_OWNER: the bus, referenced
 * @ep:		EP, EP_OWNER: the endpoint, referenced
 * @conn:	CONNECTED: the connection, referenced
 */
struct kdbus_handle {
	struct mutex lock;
	enum kdbus_handle_state state;
	struct kdbus_rights rights;
	struct kdbus_meta *meta;
	union {
		struct kdbus_domain *domain;
		struct kdbus_bus *bus;
		struct kdbus_endpoint *ep;
		struct kdbus_conn *conn;
	};
};

/* What CONN_INFO will tell of the opener, whoever says HELLO. */
static struct kdbus_meta *kdbus_handle_meta(void)
{
	struct kdbus_meta *meta;

	meta = kzalloc(sizeof(*meta), GFP_KERNEL_ACCOUNT);
	if (!meta)
		return NULL;
	kdbus_meta_init(meta, NULL);
	kdbus_meta_gather(meta, KDBUS_META_PROCESS &
				~(u64)KDBUS_ATTACH_TIMESTAMP);
	kdbus_meta_trim(meta);
	return meta;
}

static int kdbus_handle_open_ep(struct kdbus_handle *handle, struct file *file,
				struct kdbus_domain *domain, unsigned int minor)
{
	struct kdbus_endpoint *ep;
	bool alive;

	ep = kdbus_endpoint_find(domain, minor);
	if (!ep)
		return -ESHUTDOWN;

	kdbus_bus_lock(ep->bus);
	alive = kdbus_endpoint_is_alive(ep);
	kdbus_bus_unlock(ep->bus);
	if (!alive) {
		kdbus_endpoint_put(ep);
		return -ESHUTDOWN;
	}

	handle->meta = kdbus_handle_meta();
	if (!handle->meta) {
		kdbus_endpoint_put(ep);
		return -ENOMEM;
	}
	handle->state = KDBUS_HANDLE_EP;
	handle->ep = ep;
	/* a custom endpoint hands out no privilege */
	if (!ep->custom) {
		handle->rights.capable = file_ns_capable(file, &init_user_ns,
							 CAP_IPC_OWNER);
		handle->rights.privileged = handle->rights.capable ||
			uid_eq(file->f_cred->euid, ep->bus->uid);
	}
	return 0;
}

static int kdbus_handle_open(struct inode *inode, struct file *file)
{
	struct kdbus_handle *handle;
	struct kdbus_domain *domain;
	int ret = 0;

	domain = kdbus_domain_find(imajor(inode));
	if (!domain)
		return -ESHUTDOWN;

	handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	if (!handle) {
		kdbus_domain_put(domain);
		return -ENOMEM;
	}
	mutex_init(&handle->lock);

	if (kdbus_domain_is_dead(domain)) {
		ret = -ESHUTDOWN;
	} else if (iminor(inode) == 0) {
		handle->state = KDBUS_HANDLE_CONTROL;
		handle->domain = kdbus_domain_get(domain);
	} else {
		ret = kdbus_handle_open_ep(handle, file, domain, iminor(inode));
	}
	kdbus_domain_put(domain);

	if (ret < 0) {
		kfree(handle);
		return ret;
	}
	file->private_data = handle;
	return stream_open(inode, file);
}

static int kdbus_handle_release(struct inode *inode, struct file *file)
{
	struct kdbus_handle *handle = file->private_data;

	switch (handle->state) {
	case KDBUS_HANDLE_CONTROL:
		kdbus_domain_put(handle->domain);
		break;
	case KDBUS_HANDLE_DOMAIN_OWNER:
		kdbus_domain_disconnect(handle->domain);
		kdbus_domain_put(handle->domain);
		break;
	case KDBUS_HANDLE_BUS_OWNER:
		kdbus_bus_disconnect(handle->bus);
		kdbus_bus_put(handle->bus);
		break;
	case KDBUS_HANDLE_EP:
		kdbus_endpoint_put(handle->ep);
		break;
	case KDBUS_HANDLE_EP_OWNER:
		kdbus_endpoint_disconnect(handle->ep);
		kdbus_endpoint_put(handle->ep);
		break;
	case KDBUS_HANDLE_CONNECTED:
		kdbus_conn_disconnect(handle->conn, KDBUS_CONN_END_CLOSE);
		kdbus_conn_put(handle->conn);
		break;
	}
	if (handle->meta)
		kdbus_meta_destroy(handle->meta);
	kfree(handle->meta);
	kfree(handle);
	return 0;
}

/* The state, with what belongs to it visible. */
static enum kdbus_handle_state
kdbus_handle_state(const struct kdbus_handle *handle)
{
	return smp_load_acquire(&handle->state);
}

static int kdbus_handle_make_bus(struct kdbus_handle *handle,
				 void __user *argp)
{
	struct kdbus_domain *domain = handle->domain;
	struct kdbus_bus *bus;

	bus = kdbus_cmd_bus_make(domain, argp);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	handle->bus = bus;
	smp_store_release(&handle->state, KDBUS_HANDLE_BUS_OWNER);
	kdbus_domain_put(domain);
	return 0;
}

static int kdbus_handle_make_domain(struct kdbus_handle *handle,
				    struct file *file, void __user *argp)
{
	struct kdbus_domain *parent = handle->domain;
	struct kdbus_domain *domain;

	if (!file_ns_capable(file, parent->user_ns, CAP_IPC_OWNER))
		return -EPERM;
	domain = kdbus_cmd_domain_make(parent, argp);
	if (IS_ERR(domain))
		return PTR_ERR(domain);

	handle->domain = domain;
	smp_store_release(&handle->state, KDBUS_HANDLE_DOMAIN_OWNER);
	kdbus_domain_put(parent);
	return 0;
}

static int kdbus_handle_make_ep(struct kdbus_handle *handle, void __user *argp)
{
	struct kdbus_endpoint *parent = handle->ep;
	struct kdbus_endpoint *ep;

	if (!handle->rights.privileged)
		return -EPERM;
	ep = kdbus_cmd_ep_make(parent->bus, argp);
	if (IS_ERR(ep))
		return PTR_ERR(ep);

	handle->ep = ep;
	smp_store_release(&handle->state, KDBUS_HANDLE_EP_OWNER);
	kdbus_endpoint_put(parent);
	return 0;
}

static int kdbus_handle_hello(struct kdbus_handle *handle,
			      struct kdbus_cmd_hello __user *argp)
{
	struct kdbus_endpoint *ep = handle->ep;
	struct kdbus_cmd_hello *hello;
	struct kdbus_conn *conn;
	int ret = 0;

	hello = kdbus_cmd_import(argp, sizeof(*hello), KDBUS_HELLO_MAX_SIZE);
	if (IS_ERR(hello))
		return PTR_ERR(hello);

	conn = kdbus_conn_new(ep, &handle->rights, handle->meta, hello);
	if (IS_ERR(conn)) {
		ret = PTR_ERR(conn);
	} else {
		handle->conn = conn;
		handle->meta = NULL;
		smp_store_release(&handle->state, KDBUS_HANDLE_CONNECTED);
		kdbus_endpoint_put(ep);
		/* too late to fail: the connection stays, as the ABI says */
		if (copy_to_user(argp, hello, sizeof(*hello)))
			ret = -EFAULT;
	}
	kvfree(hello);
	return ret;
}

static long kdbus_handle_step_locked(struct kdbus_handle *handle,
				     struct file *file, unsigned int cmd,
				     void __user *argp)
{
	switch (handle->state) {
	case KDBUS_HANDLE_CONTROL:
		if (cmd == KDBUS_CMD_BUS_MAKE)
			return kdbus_handle_make_bus(handle, argp);
		if (cmd == KDBUS_CMD_DOMAIN_MAKE)
			return kdbus_handle_make_domain(handle, file, argp);
		break;
	case KDBUS_HANDLE_DOMAIN_OWNER:
	case KDBUS_HANDLE_BUS_OWNER:
		return -EBADFD;
	case KDBUS_HANDLE_EP:
		if (cmd == KDBUS_CMD_HELLO)
			return kdbus_handle_hello(handle, argp);
		if (cmd == KDBUS_CMD_EP_MAKE)
			return kdbus_handle_make_ep(handle, argp);
		break;
	case KDBUS_HANDLE_EP_OWNER:
	case KDBUS_HANDLE_CONNECTED:
		/* another thread was faster */
		break;
	}
	return -ENOTTY;
}

/*
 * A command that fails says so, with two exceptions that are no refusals:
 * nothing to receive, and a signal after which the command goes on.
 */
static noinline void kdbus_cmd_trace(u64 bus, u64 conn, unsigned int cmd,
				     long ret)
{
	if (ret < 0 && ret != -EAGAIN && ret != -ERESTARTSYS &&
	    _IOC_TYPE(cmd) == KDBUS_IOCTL_MAGIC)
		kdbus_trace(cmd_refuse, bus, conn, _IOC_NR(cmd), ret);
}

/* The bus a file leads to, or 0; its lock is held. */
static u64 kdbus_handle_bus_id(const struct kdbus_handle *handle)
{
	switch (handle->state) {
	case KDBUS_HANDLE_CONTROL:
	case KDBUS_HANDLE_DOMAIN_OWNER:
		return 0;
	case KDBUS_HANDLE_BUS_OWNER:
		return handle->bus->id;
	case KDBUS_HANDLE_EP:
	case KDBUS_HANDLE_EP_OWNER:
		return handle->ep->bus->id;
	case KDBUS_HANDLE_CONNECTED:
		return handle->conn->bus->id;
	}
	return 0;
}

/* Commands that take the file one step on; one thread at a time. */
static long kdbus_handle_step(struct kdbus_handle *handle, struct file *file,
			      unsigned int cmd, void __user *argp)
{
	long ret;

	ret = mutex_lock_interruptible(&handle->lock);
	if (ret < 0)
		return -ERESTARTSYS;

	ret = kdbus_handle_step_locked(handle, file, cmd, argp);
	if (ret < 0)
		kdbus_cmd_trace(kdbus_handle_bus_id(handle), 0, cmd, ret);
	mutex_unlock(&handle->lock);
	return ret;
}

/* Commands of files that are no connection. */
static long kdbus_unconnected_cmd(struct kdbus_handle *handle,
				  struct file *file, unsigned int cmd,
				  void __user *argp)
{
	enum kdbus_handle_state state = kdbus_handle_state(handle);
	long ret;

	/* two that change nothing of the file need not wait for those that do */
	if (cmd == KDBUS_CMD_MEMFD_NEW && state == KDBUS_HANDLE_CONTROL) {
		ret = kdbus_cmd_memfd_new(argp);
		kdbus_cmd_trace(0, 0, cmd, ret);
		return ret;
	}
	if (cmd == KDBUS_CMD_EP_UPDATE && state == KDBUS_HANDLE_EP_OWNER) {
		ret = kdbus_cmd_ep_update(handle->ep, argp);
		kdbus_cmd_trace(handle->ep->bus->id, 0, cmd, ret);
		return ret;
	}
	return kdbus_handle_step(handle, file, cmd, argp);
}

static int kdbus_conn_cmd_cancel(struct kdbus_conn *conn, u64 __user *argp)
{
	u64 cookie;

	if (!kdbus_user_ptr_is_aligned(argp) || kdbus_get_user(cookie, argp))
		return -EFAULT;
	return kdbus_calls_cancel(conn, cookie);
}

static int kdbus_conn_cmd_free(struct kdbus_conn *conn, u64 __user *argp)
{
	u64 offset;

	if (!kdbus_user_ptr_is_aligned(argp) || kdbus_get_user(offset, argp))
		return -EFAULT;
	return kdbus_pool_release(conn->pool, offset);
}

/* What connections other than ordinary ones may do; 0 for unknown commands. */
#define KDBUS_FOR_NOBODY	BIT(31)
#define KDBUS_FOR_ALL		(KDBUS_HELLO_ACTIVATOR |		\
				 KDBUS_HELLO_POLICY_HOLDER | KDBUS_HELLO_MONITOR)

static u64 kdbus_cmd_is_for(unsigned int cmd)
{
	switch (cmd) {
	case KDBUS_CMD_NAME_LIST:
	case KDBUS_CMD_CONN_INFO:
	case KDBUS_CMD_MEMFD_NEW:
	case KDBUS_CMD_FREE:
		return KDBUS_FOR_ALL;
	case KDBUS_CMD_MSG_RECV:
		return KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_MONITOR;
	case KDBUS_CMD_MATCH_ADD:
	case KDBUS_CMD_MATCH_REMOVE:
		return KDBUS_HELLO_MONITOR;
	case KDBUS_CMD_CONN_UPDATE:
		return KDBUS_HELLO_POLICY_HOLDER;
	case KDBUS_CMD_BYEBYE:
	case KDBUS_CMD_MSG_SEND:
	case KDBUS_CMD_MSG_CANCEL:
	case KDBUS_CMD_NAME_ACQUIRE:
	case KDBUS_CMD_NAME_RELEASE:
		return KDBUS_FOR_NOBODY;
	}
	return 0;
}

static long kdbus_conn_do(struct kdbus_conn *conn, unsigned int cmd,
			  void __user *argp)
{
	switch (cmd) {
	case KDBUS_CMD_BYEBYE:
		return kdbus_conn_disconnect(conn, KDBUS_CONN_END_BYEBYE);
	case KDBUS_CMD_MSG_SEND:
		return kdbus_cmd_msg_send(conn, argp);
	case KDBUS_CMD_MSG_RECV:
		return kdbus_cmd_msg_recv(conn, argp);
	case KDBUS_CMD_MSG_CANCEL:
		return kdbus_conn_cmd_cancel(conn, argp);
	case KDBUS_CMD_FREE:
		return kdbus_conn_cmd_free(conn, argp);
	case KDBUS_CMD_NAME_ACQUIRE:
		return kdbus_cmd_name_acquire(conn, argp);
	case KDBUS_CMD_NAME_RELEASE:
		return kdbus_cmd_name_release(conn, argp);
	case KDBUS_CMD_NAME_LIST:
		return kdbus_cmd_name_list(conn, argp);
	case KDBUS_CMD_CONN_INFO:
		return kdbus_cmd_conn_info(conn, argp);
	case KDBUS_CMD_CONN_UPDATE:
		return kdbus_cmd_conn_update(conn, argp);
	case KDBUS_CMD_MATCH_ADD:
		return kdbus_cmd_match_add(conn, argp);
	case KDBUS_CMD_MATCH_REMOVE:
		return kdbus_cmd_match_remove(conn, argp);
	case KDBUS_CMD_MEMFD_NEW:
		return kdbus_cmd_memfd_new(argp);
	}
	return -ENOTTY;
}

static long kdbus_conn_cmd(struct kdbus_conn *conn, unsigned int cmd,
			   void __user *argp)
{
	u64 kinds;

	/* most are ordinary, and may do what there is */
	if (!kdbus_conn_is_ordinary(conn)) {
		kinds = kdbus_cmd_is_for(cmd);
		if (!kinds)
			return -ENOTTY;
		if (!(kinds & conn->flags))
			return -EOPNOTSUPP;
	}
	return kdbus_conn_do(conn, cmd, argp);
}

/* What a connection that is gone still knows. */
static long kdbus_dead_conn_cmd(struct kdbus_conn *conn, unsigned int cmd,
				void __user *argp)
{
	switch (cmd) {
	case KDBUS_CMD_BYEBYE:
		return -EALREADY;
	case KDBUS_CMD_FREE:
		return kdbus_conn_cmd_free(conn, argp);
	}
	return -ECONNRESET;
}

static long kdbus_handle_cmd(struct file *file, unsigned int cmd,
			     void __user *argp)
{
	struct kdbus_handle *handle = file->private_data;
	struct kdbus_conn *conn;
	long ret;

	if (kdbus_handle_state(handle) != KDBUS_HANDLE_CONNECTED)
		return kdbus_unconnected_cmd(handle, file, cmd, argp);

	conn = handle->conn;
	ret = kdbus_conn_is_dead(conn) ? kdbus_dead_conn_cmd(conn, cmd, argp) :
					 kdbus_conn_cmd(conn, cmd, argp);
	if (ret < 0)
		kdbus_cmd_trace(conn->bus->id, conn->id, cmd, ret);
	return ret;
}

static long kdbus_handle_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	return kdbus_handle_cmd(file, cmd, (void __user *)arg);
}

#ifdef CONFIG_COMPAT
/* The same numbers as a 32-bit process counts a pointer's size into them. */
#define KDBUS_CMD_MSG_CANCEL_32	_IOW(KDBUS_IOCTL_MAGIC, 0x42, compat_uptr_t)
#define KDBUS_CMD_FREE_32	_IOW(KDBUS_IOCTL_MAGIC, 0x43, compat_uptr_t)

static long kdbus_handle_compat_ioctl(struct file *file, unsigned int cmd,
				      unsigned long arg)
{
	if (cmd == KDBUS_CMD_MSG_CANCEL_32)
		cmd = KDBUS_CMD_MSG_CANCEL;
	else if (cmd == KDBUS_CMD_FREE_32)
		cmd = KDBUS_CMD_FREE;
	return kdbus_handle_cmd(file, cmd, compat_ptr(arg));
}
#endif

static __poll_t kdbus_handle_poll(struct file *file, poll_table *wait)
{
	struct kdbus_handle *handle = file->private_data;

	if (kdbus_handle_state(handle) != KDBUS_HANDLE_CONNECTED)
		return EPOLLERR | EPOLLHUP;
	return kdbus_conn_poll(handle->conn, file, wait);
}

static int kdbus_handle_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kdbus_handle *handle = file->private_data;

	if (kdbus_handle_state(handle) != KDBUS_HANDLE_CONNECTED)
		return -EPERM;
	return kdbus_pool_mmap(handle->conn->pool, vma);
}

const struct file_operations kdbus_handle_ops = {
	.owner = THIS_MODULE,
	.open = kdbus_handle_open,
	.release = kdbus_handle_release,
	.poll = kdbus_handle_poll,
	.unlocked_ioctl = kdbus_handle_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = kdbus_handle_compat_ioctl,
#endif
	.mmap = kdbus_handle_mmap,
};
