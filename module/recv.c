// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_RECV: taking, looking at and dropping what is queued.
 *
 * A message to be received leaves the queue first and is then made ready in
 * the receiver's own time: there have to be numbers for its files, the offset is
 * copied out, and then the files are installed, their numbers are written into
 * the slice and it is handed over. If any of it fails the message goes back to
 * where it was, so nothing is lost. recv_lock keeps a second RECV of the
 * connection from overtaking meanwhile, and a BYEBYE is refused.
 *
 * The kernel asks the security module about a file in the step that installs
 * it, and finds a number in that step too. So the numbers that were found before
 * are given back one by one just then. What fails nevertheless, because other
 * threads have taken them or a page of the pool is missing, is undone by closing
 * what was installed. A file that the security module denies arrives as -1.
 */
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/kdbus.h>

#include "bus.h"
#include "call.h"
#include "compat/compat.h"
#include "connection.h"
#include "item.h"
#include "log.h"
#include "message.h"
#include "notify.h"
#include "pool.h"
#include "queue.h"
#include "recv.h"
#include "trace.h"
#include "uaccess.h"

static noinline void kdbus_recv_do_trace(const struct kdbus_conn *conn,
					 const struct kdbus_entry *entry,
					 u64 flags, int ret, u64 now)
{
	kdbus_trace(msg_recv, conn->bus->id, conn->id, entry->src, entry->msg,
		    entry->cookie, kdbus_entry_size(entry),
		    kdbus_trace_wait(entry->queued_ns, now), flags,
		    READ_ONCE(conn->queue.count), entry->kind, ret,
		    entry->name_id);
}

static inline void kdbus_recv_trace(const struct kdbus_conn *conn,
				    const struct kdbus_entry *entry, u64 flags,
				    int ret, u64 now)
{
	if (trace_kdbus_msg_recv_enabled())
		kdbus_recv_do_trace(conn, entry, flags, ret, now);
}

static void kdbus_recv_unreserve_fds(const int *fds, unsigned int n)
{
	while (n--)
		if (fds[n] >= 0)
			put_unused_fd(fds[n]);
}

/* Finds numbers for an entry's files; nothing is installed yet. */
static int kdbus_recv_reserve_fds(const struct kdbus_entry *entry, int **fds)
{
	unsigned int i;
	int ret;

	*fds = NULL;
	if (!entry->files)
		return 0;

	*fds = kmalloc_array(entry->n_files, sizeof(**fds),
			     GFP_KERNEL_ACCOUNT);
	if (!*fds)
		return -ENOMEM;

	for (i = 0; i < entry->n_files; i++) {
		ret = -1;
		if (entry->files[i].file) {
			ret = get_unused_fd_flags(O_CLOEXEC);
			if (ret < 0) {
				kdbus_recv_unreserve_fds(*fds, i);
				kfree(*fds);
				*fds = NULL;
				return ret;
			}
		}
		(*fds)[i] = ret;
	}
	return 0;
}

static int kdbus_recv_write_fds(const struct kdbus_entry *entry,
				const int *fds)
{
	struct kdbus_pool_writer w;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < entry->n_files; i++) {
		kdbus_pool_writer_init(&w, entry->slice,
				       entry->files[i].offset);
		/* a few words, and none may stay that is wrong */
		w.to_the_end = true;
		ret = kdbus_pool_write(&w, &fds[i], sizeof(fds[i]));
		kdbus_pool_writer_end(&w);
	}
	return ret;
}

/*
 * Installs a file for which there was the number @*fd; set to the one it has, or
 * to -1 if the security module denies it. Fails if there is no number.
 */
static int kdbus_recv_install_fd(const struct kdbus_conn *conn,
				 const struct kdbus_entry *entry,
				 unsigned int i, int *fd)
{
	int ret;

	put_unused_fd(*fd);
	ret = kdbus_receive_fd(entry->files[i].file, O_CLOEXEC);
	*fd = max(ret, -1);
	if (ret >= 0)
		return 0;
	/* no number, or no memory to find one or to ask; it can be tried again */
	if (ret == -EMFILE || ret == -ENOMEM)
		return ret;
	kdbus_trace(file_deny, conn->bus->id, conn->id, entry->src, entry->msg,
		    i, entry->files[i].is_payload, ret);
	return 0;
}

/* Installs an entry's files, and says under which numbers; all or none. */
static int kdbus_recv_install_fds(const struct kdbus_conn *conn,
				  const struct kdbus_entry *entry, int *fds)
{
	unsigned int i, n = entry->n_files;
	int ret = 0;

	for (i = 0; i < n && !ret; i++)
		if (fds[i] >= 0)
			ret = kdbus_recv_install_fd(conn, entry, i, &fds[i]);
	if (ret < 0)
		kdbus_recv_unreserve_fds(fds + i, n - i);
	else
		ret = kdbus_recv_write_fds(entry, fds);
	if (!ret)
		return 0;

	while (i--)
		if (fds[i] >= 0)
			close_fd(fds[i]);
	/* nobody may take the numbers for files of its own */
	memset32((u32 *)fds, -1, n);
	kdbus_recv_write_fds(entry, fds);
	return ret;
}

/* Writes what is only known, or has its place, when a message is received. */
static int kdbus_recv_complete(struct kdbus_conn *conn,
			       struct kdbus_entry *entry)
{
	int ret;

	if (entry->kind != KDBUS_MSG_KIND_NOTIFY)
		return kdbus_message_write_seq(entry);
	ret = kdbus_notice_take_slice(conn, entry);
	return ret < 0 ? ret : kdbus_notice_write(conn, entry);
}

/**
 * kdbus_recv_hand_out() - hand a message to its receiver
 * @conn:	the receiver, current's
 * @entry:	the message, in no queue
 * @flags:	KDBUS_RECV_* flags, for the trace event
 * @offset:	where its offset is copied out to
 *
 * Return: 0 and the entry is freed; or a negative errno, and the entry is as
 * before.
 */
int kdbus_recv_hand_out(struct kdbus_conn *conn, struct kdbus_entry *entry,
			u64 flags, u64 __user *offset)
{
	struct kdbus_slice *slice;
	int *fds;
	u64 now;
	int ret;

	ret = kdbus_recv_reserve_fds(entry, &fds);
	if (ret < 0)
		goto exit_trace;

	ret = kdbus_recv_complete(conn, entry);
	slice = entry->slice;
	if (!ret && kdbus_put_user(slice->offset, offset))
		ret = -EFAULT;
	if (fds && ret < 0) {
		kdbus_recv_unreserve_fds(fds, entry->n_files);
	} else if (fds) {
		ret = kdbus_recv_install_fds(conn, entry, fds);
		/* who tries again says 0 there */
		if (ret < 0)
			kdbus_put_user(0, offset);
	}
	kfree(fds);
	if (ret < 0)
		goto exit_trace;

	now = kdbus_trace_clock();
	kdbus_recv_trace(conn, entry, flags, 0, now);
	if (entry->call)
		kdbus_call_taken(entry->call, entry->queued_ns, now);
	kdbus_entry_free_files(entry);
	kdbus_slice_leave_queue(slice, entry->n_fds, true);
	entry->slice = NULL;
	kdbus_entry_recycle(conn, entry);
	return 0;

exit_trace:
	kdbus_recv_trace(conn, entry, flags, ret, kdbus_trace_clock());
	kdbus_notice_leave_slice(entry);
	return ret;
}

/* Puts back what could not be received, unless the queue is gone. */
static void kdbus_recv_put_back(struct kdbus_conn *conn,
				struct kdbus_entry *entry)
{
	bool dead;

	spin_lock(&conn->lock);
	dead = conn->dead;
	if (!dead)
		kdbus_queue_put_back(&conn->queue, entry);
	spin_unlock(&conn->lock);

	if (dead)
		kdbus_entry_drop(conn, entry, KDBUS_MSG_DROP_DISCONNECT, 0);
	else
		kdbus_conn_wake(conn);
}

/*
 * Looks at a message that has its place; another thread may take it, or it
 * may move with its name, meanwhile.
 */
static int kdbus_recv_peek(struct kdbus_conn *conn,
			   const struct kdbus_entry *entry, u64 flags,
			   u64 __user *offset)
	__releases(&conn->lock)
{
	struct kdbus_slice *slice = entry->slice;
	struct kdbus_entry copy = *entry;
	int ret;

	kdbus_slice_pin(slice);
	/* belongs to the entry, which a copy must not outlive */
	copy.notice = NULL;
	spin_unlock(&conn->lock);

	ret = copy.kind == KDBUS_MSG_KIND_NOTIFY ? 0 :
	      kdbus_message_write_seq(&copy);
	if (!ret && kdbus_put_user(slice->offset, offset))
		ret = -EFAULT;
	if (!ret)
		kdbus_slice_publish(slice);
	kdbus_recv_trace(conn, &copy, flags, ret, kdbus_trace_clock());
	kdbus_slice_unpin(slice);
	return ret;
}

/* The first look at a notice, which gets its place and its text by it. */
static int kdbus_recv_peek_notice(struct kdbus_conn *conn,
				  struct kdbus_entry *entry, u64 flags,
				  u64 __user *offset)
	__releases(&conn->lock)
{
	int ret;

	kdbus_queue_take(&conn->queue, entry);
	spin_unlock(&conn->lock);
	ret = kdbus_recv_complete(conn, entry);
	if (!ret && kdbus_put_user(entry->slice->offset, offset))
		ret = -EFAULT;
	if (!ret) {
		kdbus_slice_publish(entry->slice);
		entry->is_written = true;
	}
	kdbus_recv_trace(conn, entry, flags, ret, kdbus_trace_clock());
	kdbus_notice_leave_slice(entry);
	kdbus_recv_put_back(conn, entry);
	return ret;
}

/* Drops a message; if it asked for a reply, there will be none. */
static void kdbus_recv_drop(struct kdbus_conn *conn, struct kdbus_entry *entry)
{
	if (entry->call) {
		kdbus_bus_lock(conn->bus);
		kdbus_call_fail(entry->call, KDBUS_CALL_END_DEAD);
		kdbus_bus_unlock(conn->bus);
	}
	kdbus_entry_drop(conn, entry, KDBUS_MSG_DROP_REQUESTED, 0);
}

static bool kdbus_recv_only_looks(u64 flags)
{
	return (flags & (KDBUS_RECV_PEEK | KDBUS_RECV_DROP)) ==
	       KDBUS_RECV_PEEK;
}

/* What is to be received next; the lock of the connection is held. */
static int kdbus_recv_pick(const struct kdbus_conn *conn,
			   const struct kdbus_cmd_recv *cmd,
			   struct kdbus_entry **entry)
{
	bool by_priority = cmd->flags & KDBUS_RECV_USE_PRIORITY;

	if (conn->dead)
		return -ECONNRESET;
	if (list_empty(&conn->queue.fifo) || conn->queue.is_held)
		return -EAGAIN;
	if (cmd->offset)
		return -EINVAL;
	return kdbus_queue_peek(&conn->queue, by_priority ? &cmd->priority :
				NULL, entry);
}

/*
 * The same of a queue that is up to date, and takes the lock. What happens once
 * it has caught up need not be there before what has happened by then.
 */
static int kdbus_recv_pick_and_lock(struct kdbus_conn *conn,
				    const struct kdbus_cmd_recv *cmd,
				    struct kdbus_entry **entry)
	__acquires(&conn->lock)
{
	bool has_asked = false;
	int ret;

	for (;;) {
		spin_lock(&conn->lock);
		ret = kdbus_recv_pick(conn, cmd, entry);
		if (!kdbus_log_has_news(conn) ||
		    (has_asked && (ret || (*entry)->seq <= READ_ONCE(conn->heard))))
			return ret;
		spin_unlock(&conn->lock);
		kdbus_log_catch_up(conn);
		has_asked = true;
	}
}

static int kdbus_recv_next(struct kdbus_conn *conn,
			   const struct kdbus_cmd_recv *cmd,
			   u64 __user *offset)
{
	struct kdbus_entry *entry;
	int ret;

	ret = kdbus_recv_pick_and_lock(conn, cmd, &entry);
	if (ret < 0) {
		spin_unlock(&conn->lock);
		return ret;
	}

	if (kdbus_recv_only_looks(cmd->flags))
		return entry->kind == KDBUS_MSG_KIND_NOTIFY &&
		       !entry->is_written ?
		       kdbus_recv_peek_notice(conn, entry, cmd->flags, offset) :
		       kdbus_recv_peek(conn, entry, cmd->flags, offset);

	if (cmd->flags & KDBUS_RECV_DROP) {
		kdbus_queue_del(&conn->queue, entry);
		spin_unlock(&conn->lock);
		kdbus_recv_drop(conn, entry);
		return 0;
	}

	kdbus_queue_take(&conn->queue, entry);
	spin_unlock(&conn->lock);
	ret = kdbus_recv_hand_out(conn, entry, cmd->flags, offset);
	if (ret < 0)
		kdbus_recv_put_back(conn, entry);
	else
		kdbus_queue_keep(&conn->queue);
	return ret;
}

/**
 * kdbus_cmd_msg_recv() - KDBUS_CMD_MSG_RECV
 * @conn:	the receiver, current's
 * @ucmd:	the command in user memory; offset is written
 *
 * Return: 0; -EFAULT, -EAGAIN, -EINVAL or -ENOMSG as the ABI says; -EMFILE or
 * -ENOMEM if the message cannot be received now and stays; -ECONNRESET; or
 * -ERESTARTSYS.
 */
int kdbus_cmd_msg_recv(struct kdbus_conn *conn,
		       struct kdbus_cmd_recv __user *ucmd)
{
	struct kdbus_cmd_recv cmd;
	int ret;

	if (!kdbus_user_ptr_is_aligned(ucmd) ||
	    copy_from_user(&cmd, ucmd, sizeof(cmd)))
		return -EFAULT;

	ret = mutex_lock_interruptible(&conn->recv_lock);
	if (ret < 0)
		return -ERESTARTSYS;
	ret = kdbus_recv_next(conn, &cmd, &ucmd->offset);
	mutex_unlock(&conn->recv_lock);
	return ret;
}
