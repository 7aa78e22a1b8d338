// SPDX-License-Identifier: GPL-2.0
/*
 * Messages as their senders write them: fetching, checking, copying to the
 * kernel. What receivers get is in deliver.c. Rules: see message.h.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bus.h"
#include "compat/compat.h"
#include "connection.h"
#include "handle.h"
#include "item.h"
#include "limits.h"
#include "memfd.h"
#include "message.h"
#include "names.h"
#include "pool.h"
#include "send.h"
#include "uaccess.h"

static atomic64_t kdbus_message_ids = ATOMIC64_INIT(0);

/**
 * kdbus_message_new_id() - a trace id no message has had
 */
u64 kdbus_message_new_id(void)
{
	return atomic64_inc_return(&kdbus_message_ids);
}

/*
 * Files that can hold references to others: sent to each other they would
 * make cycles that nobody collects. An O_PATH file refers to nothing.
 */
static bool kdbus_file_can_cycle(struct file *file)
{
	struct socket *sock;

	if (file->f_mode & FMODE_PATH)
		return false;
	if (file->f_op == &kdbus_handle_ops)
		return true;

	sock = sock_from_file(file);
	if (sock)
		return sock->ops->family == PF_UNIX;

	/* io_uring does not say who it is but in the name of its inode */
	return file_inode(file)->i_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       !strcmp(file->f_path.dentry->d_name.name, "[io_uring]");
}

/* Makes room for @n more files; the items of a message bound how many. */
static int kdbus_message_grow_files(struct kdbus_message *msg, unsigned int n)
{
	struct kdbus_passed_file *files;

	files = kvcalloc(msg->n_files + n, sizeof(*files), GFP_KERNEL_ACCOUNT);
	if (!files)
		return -ENOMEM;
	if (msg->files)
		memcpy(files, msg->files, msg->n_files * sizeof(*files));
	kvfree(msg->files);
	msg->files = files;
	return 0;
}

static int kdbus_message_pin_fds(struct kdbus_message *msg,
				 const struct kdbus_item *item)
{
	unsigned int n = kdbus_item_payload(item) / sizeof(int);
	unsigned int i;
	int ret;

	ret = kdbus_message_grow_files(msg, n);
	if (ret < 0)
		return ret;
	for (i = 0; i < n; i++) {
		struct file *file = fget_raw(item->fds[i]);

		if (!file)
			return -EBADF;
		msg->files[msg->n_files++].file = file;
		kdbus_memfd_carry(file);
		if (kdbus_file_can_cycle(file))
			return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * kdbus_message_is_broadcast() - whether a message is for whoever it matches
 * @msg:	the message
 */
bool kdbus_message_is_broadcast(const struct kdbus_message *msg)
{
	return msg->hdr->dst_id == KDBUS_DST_ID_BROADCAST;
}

static int kdbus_message_import_vec(struct kdbus_message *msg,
				    const struct kdbus_item *item)
{
	u64 size = item->vec.size;

	if (kdbus_item_payload(item) != sizeof(item->vec) || !size)
		return -EINVAL;
	if (check_add_overflow(msg->payload_size, size, &msg->payload_size) ||
	    check_add_overflow(msg->vecs_size, size, &msg->vecs_size))
		return -EMSGSIZE;
	/* a maker of the bus is bounded by the receiver's pool alone */
	if (msg->vecs_size > KDBUS_MSG_MAX_VEC_SIZE && !msg->src->privileged)
		return -EMSGSIZE;

	/* cannot wrap, since the sum of all sizes did not */
	msg->data_size += item->vec.address ? size : size % 8;
	msg->items_size += KDBUS_ITEM_SIZE(sizeof(item->vec));
	return 0;
}

static int kdbus_message_import_fds(struct kdbus_message *msg,
				    const struct kdbus_item *item)
{
	size_t size = kdbus_item_payload(item);

	if (msg->fds)
		return -EEXIST;
	if (kdbus_message_is_broadcast(msg))
		return -ENOTUNIQ;
	if (size % sizeof(int))
		return -EINVAL;
	if (size / sizeof(int) > KDBUS_MSG_MAX_FDS)
		return -EMFILE;

	msg->fds = item;
	msg->items_size += KDBUS_ITEM_SIZE(size);
	return kdbus_message_pin_fds(msg, item);
}

static int kdbus_message_import_bloom(struct kdbus_message *msg,
				      const struct kdbus_item *item)
{
	size_t size = kdbus_item_payload(item);

	if (msg->bloom)
		return -EEXIST;
	if (!kdbus_message_is_broadcast(msg) ||
	    size < sizeof(item->bloom_filter))
		return -EBADMSG;
	size -= sizeof(item->bloom_filter);
	if (!IS_ALIGNED(size, 8))
		return -EFAULT;
	if (size != msg->src->bus->bloom.size)
		return -EDOM;

	msg->bloom = item;
	return 0;
}

static int kdbus_message_import_name(struct kdbus_message *msg,
				     const struct kdbus_item *item)
{
	if (msg->dst_name)
		return -EEXIST;
	if (!kdbus_item_is_string(item) ||
	    !kdbus_name_is_valid(item->str, false))
		return -EINVAL;

	msg->dst_name = item->str;
	msg->dst_hash = kdbus_name_hash(msg->src->bus, item->str);
	msg->items_size += KDBUS_ITEM_SIZE(strlen(item->str) + 1);
	return 0;
}

static int kdbus_message_import_memfd(struct kdbus_message *msg,
				      const struct kdbus_item *item)
{
	struct file *file;
	bool sealed;
	int ret;

	if (kdbus_item_payload(item) != sizeof(item->memfd))
		return -EINVAL;
	if (kdbus_message_is_broadcast(msg))
		return -ENOTUNIQ;
	if (item->memfd.fd < 0)
		return -EBADF;
	if (!item->memfd.size)
		return -EINVAL;

	ret = kdbus_message_grow_files(msg, 1);
	if (ret < 0)
		return ret;
	file = kdbus_memfd_get(item->memfd.fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	msg->files[msg->n_files].is_payload = true;
	msg->files[msg->n_files++].file = file;
	sealed = kdbus_memfd_carry(file);
	msg->n_memfds++;
	msg->items_size += KDBUS_ITEM_SIZE(sizeof(item->memfd));
	if (check_add_overflow(msg->payload_size, item->memfd.size,
			       &msg->payload_size))
		return -EMSGSIZE;
	if (!sealed)
		return -ETXTBSY;
	return item->memfd.size > kdbus_memfd_size(file) ? -EBADF : 0;
}

static int kdbus_message_import_item(struct kdbus_message *msg,
				     const struct kdbus_item *item)
{
	switch (item->type) {
	case KDBUS_ITEM_PAYLOAD_VEC:
		return kdbus_message_import_vec(msg, item);
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		return kdbus_message_import_memfd(msg, item);
	case KDBUS_ITEM_FDS:
		return kdbus_message_import_fds(msg, item);
	case KDBUS_ITEM_BLOOM_FILTER:
		return kdbus_message_import_bloom(msg, item);
	case KDBUS_ITEM_DST_NAME:
		return kdbus_message_import_name(msg, item);
	}
	return 0;
}

static int kdbus_message_import_items(struct kdbus_message *msg)
{
	const struct kdbus_item *item;
	struct kdbus_items items;
	unsigned int n = 0;
	int ret;

	kdbus_items_init(&items, msg->hdr, offsetof(struct kdbus_msg, items),
			 msg->hdr->size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		if (++n > KDBUS_MSG_MAX_ITEMS)
			return -E2BIG;
		ret = kdbus_message_import_item(msg, item);
		if (ret < 0)
			return ret;
	}
	return ret;
}

static int kdbus_message_check_header(const struct kdbus_message *msg)
{
	const struct kdbus_msg *hdr = msg->hdr;

	if (hdr->payload_type == KDBUS_PAYLOAD_KERNEL)
		return -EINVAL;

	if (kdbus_message_is_call(msg)) {
		if (!hdr->timeout_ns)
			return -EINVAL;
		if (kdbus_message_is_broadcast(msg))
			return -ENOTUNIQ;
		/* no reply could ever name it */
		if (kdbus_message_is_sync(msg) && !hdr->cookie)
			return -EINVAL;
	} else if (kdbus_message_is_sync(msg)) {
		return -EINVAL;
	}
	return 0;
}

/* Receivers are not shown flags that mean nothing. */
#define KDBUS_MSG_FLAGS_KNOWN (KDBUS_MSG_FLAGS_EXPECT_REPLY |		\
			       KDBUS_MSG_FLAGS_SYNC_REPLY |		\
			       KDBUS_MSG_FLAGS_NO_AUTO_START)

static int kdbus_message_check_dst(const struct kdbus_message *msg)
{
	const struct kdbus_msg *hdr = msg->hdr;

	if (hdr->dst_id == KDBUS_DST_ID_NAME && !msg->dst_name)
		return -EDESTADDRREQ;
	if (kdbus_message_is_broadcast(msg)) {
		if (msg->dst_name || !msg->bloom)
			return -EBADMSG;
		if (hdr->timeout_ns)
			return -ENOTUNIQ;
		/* copied to the kernel, whoever makes the bus */
		if (msg->data_size > KDBUS_MSG_MAX_STAGED)
			return -EMSGSIZE;
	} else if (hdr->dst_id != KDBUS_DST_ID_NAME && msg->dst_name) {
		return -EBADMSG;
	}

	if (hdr->src_id && hdr->src_id != msg->src->id)
		return -EINVAL;
	return 0;
}

static int kdbus_message_fetch(struct kdbus_message *msg,
			       struct kdbus_msg __user *umsg)
{
	struct kdbus_msg *hdr = (void *)msg->inline_buf;
	u64 size;

	if (!kdbus_user_ptr_is_aligned(umsg) ||
	    kdbus_get_user(size, &umsg->size))
		return -EFAULT;
	if (size < sizeof(*hdr) || size > KDBUS_MSG_MAX_SIZE)
		return -EMSGSIZE;

	if (size > sizeof(msg->inline_buf)) {
		hdr = kmalloc(ALIGN(size, 8), GFP_KERNEL_ACCOUNT);
		if (!hdr)
			return -ENOMEM;
	}
	if (copy_from_user(hdr, umsg, size)) {
		if (size > sizeof(msg->inline_buf))
			kfree(hdr);
		return -EFAULT;
	}
	/* what was checked, whatever the memory says by now */
	hdr->size = size;
	msg->hdr = hdr;
	return 0;
}

/**
 * kdbus_message_import() - fetch and check a message
 * @msg:	filled in; kdbus_message_release() undoes it, also on failure
 * @src:	who sends it; outlives @msg
 * @umsg:	the message in user memory
 *
 * Return: 0 or the errno the ABI names for the first thing that is wrong.
 */
int kdbus_message_import(struct kdbus_message *msg, struct kdbus_conn *src,
			 struct kdbus_msg __user *umsg)
{
	int ret;

	/* all but the buffers behind it */
	memset(msg, 0, offsetof(struct kdbus_message, meta));
	kdbus_meta_init(&msg->meta, msg->strings_buf);
	kdbus_item_writer_init(&msg->head.w, msg->head_buf,
			       sizeof(msg->head_buf));
	msg->id = kdbus_message_new_id();
	msg->src = src;
	msg->items_size = sizeof(*msg->hdr);

	ret = kdbus_message_fetch(msg, umsg);
	if (!ret)
		ret = kdbus_message_check_header(msg);
	if (!ret)
		ret = kdbus_message_import_items(msg);
	if (!ret)
		ret = kdbus_message_check_dst(msg);
	if (!ret) {
		msg->hdr->src_id = src->id;
		msg->hdr->flags &= KDBUS_MSG_FLAGS_KNOWN;
	}
	return ret;
}

/**
 * kdbus_message_charge_files() - charge the sender's user for a message's files
 * @msg:	the message, which is new: one that goes on has its files charged
 *
 * As long as they are in flight.
 *
 * Return: 0 or -EMFILE.
 */
int kdbus_message_charge_files(struct kdbus_message *msg)
{
	int ret;

	if (!msg->n_files)
		return 0;
	ret = kdbus_user_charge_files(msg->src, 0, msg->n_files, msg->id);
	if (!ret)
		msg->n_charged = msg->n_files;
	return ret;
}

/**
 * kdbus_message_release() - free what a message holds
 * @msg:	the message; @files is NULL if they went to the receiver
 */
void kdbus_message_release(struct kdbus_message *msg)
{
	unsigned int i;

	if (msg->files) {
		for (i = 0; i < msg->n_files; i++)
			kdbus_passed_file_put(&msg->files[i]);
		kvfree(msg->files);
	}
	if (msg->n_charged)
		kdbus_user_uncharge_files(msg->src->owner, false,
					  msg->n_charged);
	if (msg->staged)
		kvfree(msg->staged);
	kdbus_meta_destroy(&msg->meta);
	kdbus_item_writer_destroy(&msg->head.w);
	if (msg->hdr != (void *)msg->inline_buf)
		kfree(msg->hdr);
}

/**
 * kdbus_message_begin_try() - forget what an earlier try has found out
 * @msg:	the message
 */
void kdbus_message_begin_try(struct kdbus_message *msg)
{
	msg->written = NULL;
	msg->head.conn = NULL;
	msg->has_names = false;
	msg->names_changed = false;
}

/* Bytes copied at a time, so that others get the processor in between. */
#define KDBUS_STAGE_CHUNK	(1UL << 20)

static int kdbus_message_stage_vec(const struct kdbus_vec *vec, u8 *to)
{
	const u8 __user *from = u64_to_user_ptr(vec->address);
	u64 left = vec->size;

	while (left) {
		size_t n = min_t(u64, left, KDBUS_STAGE_CHUNK);

		if (copy_from_user(to, from, n))
			return -EFAULT;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		to += n;
		from += n;
		left -= n;
	}
	return 0;
}

static int kdbus_message_stage_all(const struct kdbus_message *msg, u8 *pos)
{
	const struct kdbus_item *item;
	struct kdbus_items items;
	int ret = 0;

	kdbus_message_for_each_item(msg, items, item) {
		const struct kdbus_vec *vec = &item->vec;
		u64 size = vec->address ? vec->size : vec->size % 8;

		if (item->type != KDBUS_ITEM_PAYLOAD_VEC)
			continue;
		if (vec->address)
			ret = kdbus_message_stage_vec(vec, pos);
		else
			memset(pos, 0, size);
		if (ret < 0)
			break;
		pos += size;
	}
	return ret;
}

/* May sleep for as long as the sender's memory takes, if page faults may. */
static int kdbus_message_do_stage(struct kdbus_message *msg)
{
	u8 *data;
	int ret;

	if (msg->staged || !msg->data_size)
		return 0;
	data = kvmalloc(msg->data_size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!data)
		return -ENOMEM;
	ret = kdbus_message_stage_all(msg, data);
	if (ret < 0)
		kvfree(data);
	else
		msg->staged = data;
	return ret;
}

/**
 * kdbus_message_stage() - copy the payload to the kernel, part of a try
 * @msg:	the message; from now on its sender's memory is not looked at
 *
 * Does not wait for the sender's memory.
 *
 * Return: 0, -ENOMEM, -EINTR if current is being killed, or KDBUS_SEND_AGAIN
 * if the payload is not in memory.
 */
int kdbus_message_stage(struct kdbus_message *msg)
{
	int ret;

	pagefault_disable();
	ret = kdbus_message_do_stage(msg);
	pagefault_enable();
	if (ret != -EFAULT)
		return ret;
	msg->lacks_data = true;
	return KDBUS_SEND_AGAIN;
}

/**
 * kdbus_message_fault_in() - take from the sender what the last try lacked
 * @msg:	the message, sent by current; between two tries
 *
 * Sleeps for as long as the sender's memory takes, so the caller holds nothing
 * of a receiver's.
 *
 * Return: 0, -ENOMEM, -EFAULT, or -EINTR if current is being killed.
 */
int kdbus_message_fault_in(struct kdbus_message *msg)
{
	int ret = 0;

	if (msg->lacks_meta)
		kdbus_meta_gather(&msg->meta, msg->lacks_meta);
	if (msg->lacks_data)
		ret = kdbus_message_do_stage(msg);
	msg->lacks_meta = 0;
	msg->lacks_data = false;
	/* less may have come than there is */
	return fatal_signal_pending(current) ? -EINTR : ret;
}
