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
#include "compat/compat.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "handle.h"
#include "item.h"
#include "limits.h"
#include "list.h"
#include "names.h"
#include "pool.h"
#include "recv.h"
#include "send.h"
#include "trace.h"

enum kdbus_handle_state {
	KDBUS_HANDLE_CONTROL,
	KDBUS_HANDLE_BUS_OWNER,
	KDBUS_HANDLE_EP,
	KDBUS_HANDLE_CONNECTED,
};

/**
 * struct kdbus_handle - an open file
 * @lock:	serializes steps from one state to the next
 * @state:	what it is; says which of the following is set
 * @privileged:	EP: the opener may do what the bus's maker may
 * @domain:	CONTROL: the domain, referenced
 * @bus:	BUS_OWNER: the bus, referenced
 * @ep:		EP: the endpoint, referenced
 * @conn:	CONNECTED: the connection, referenced
 */
struct kdbus_handle {
	struct mutex lock;
	enum kdbus_handle_state state;
	bool privileged;
	union {
		struct kdbus_domain *domain;
		struct kdbus_bus *bus;
		struct kdbus_endpoint *ep;
		struct kdbus_conn *conn;
	};
};

static int kdbus_handle_open_ep(struct kdbus_handle *handle, struct file *file,
				struct kdbus_domain *domain, unsigned int minor)
{
	struct kdbus_endpoint *ep;
	bool alive;

	ep = kdbus_endpoint_find(domain, minor);
	if (!ep)
		return -ESHUTDOWN;

	mutex_lock(&ep->bus->lock);
	alive = kdbus_endpoint_is_alive(ep);
	mutex_unlock(&ep->bus->lock);
	if (!alive) {
		kdbus_endpoint_put(ep);
		return -ESHUTDOWN;
	}

	handle->state = KDBUS_HANDLE_EP;
	handle->ep = ep;
	handle->privileged = uid_eq(file->f_cred->euid, ep->bus->uid) ||
			     file_ns_capable(file, &init_user_ns,
					     CAP_IPC_OWNER);
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

	if (iminor(inode) == 0) {
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
	case KDBUS_HANDLE_BUS_OWNER:
		kdbus_bus_disconnect(handle->bus);
		kdbus_bus_put(handle->bus);
		break;
	case KDBUS_HANDLE_EP:
		kdbus_endpoint_put(handle->ep);
		break;
	case KDBUS_HANDLE_CONNECTED:
		kdbus_conn_disconnect(handle->conn, KDBUS_CONN_END_CLOSE);
		kdbus_conn_put(handle->conn);
		break;
	}
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

	conn = kdbus_conn_new(ep, handle->privileged, hello);
	if (IS_ERR(conn)) {
		ret = PTR_ERR(conn);
	} else {
		handle->conn = conn;
		smp_store_release(&handle->state, KDBUS_HANDLE_CONNECTED);
		kdbus_endpoint_put(ep);
		/* too late to fail: the connection stays, as the ABI says */
		if (copy_to_user(argp, hello, sizeof(*hello)))
			ret = -EFAULT;
	}
	kvfree(hello);
	return ret;
}

/* Commands that take the file one step on; one thread at a time. */
static long kdbus_handle_step(struct kdbus_handle *handle, unsigned int cmd,
			      void __user *argp)
{
	long ret;

	ret = mutex_lock_interruptible(&handle->lock);
	if (ret < 0)
		return -ERESTARTSYS;

	if (handle->state == KDBUS_HANDLE_CONTROL && cmd == KDBUS_CMD_BUS_MAKE)
		ret = kdbus_handle_make_bus(handle, argp);
	else if (handle->state == KDBUS_HANDLE_EP && cmd == KDBUS_CMD_HELLO)
		ret = kdbus_handle_hello(handle, argp);
	else if (handle->state == KDBUS_HANDLE_BUS_OWNER)
		ret = -EBADFD;
	else
		ret = -ENOTTY;
	mutex_unlock(&handle->lock);
	return ret;
}

static int kdbus_conn_cmd_u64(u64 *value, u64 __user *argp)
{
	if (!kdbus_user_ptr_is_aligned(argp) ||
	    copy_from_user(value, argp, sizeof(*value)))
		return -EFAULT;
	return 0;
}

static int kdbus_conn_cmd_cancel(struct kdbus_conn *conn, u64 __user *argp)
{
	u64 cookie;
	int ret;

	ret = kdbus_conn_cmd_u64(&cookie, argp);
	return ret < 0 ? ret : kdbus_calls_cancel(conn, cookie);
}

static int kdbus_conn_cmd_free(struct kdbus_conn *conn, u64 __user *argp)
{
	u64 offset;
	int ret;

	ret = kdbus_conn_cmd_u64(&offset, argp);
	return ret < 0 ? ret : kdbus_pool_release(conn->pool, offset);
}

static long kdbus_conn_cmd(struct kdbus_conn *conn, unsigned int cmd,
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
	}
	return -ENOTTY;
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

	if (kdbus_handle_state(handle) != KDBUS_HANDLE_CONNECTED)
		return kdbus_handle_step(handle, cmd, argp);
	if (kdbus_conn_is_dead(handle->conn))
		return kdbus_dead_conn_cmd(handle->conn, cmd, argp);
	return kdbus_conn_cmd(handle->conn, cmd, argp);
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
	.llseek = no_llseek,
	.unlocked_ioctl = kdbus_handle_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = kdbus_handle_compat_ioctl,
#endif
	.mmap = kdbus_handle_mmap,
};
