// SPDX-License-Identifier: GPL-2.0
/*
 * Fetching and checking what a sender wrote, and writing what a receiver
 * gets. Rules and layout: see message.h.
 */
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/uaccess.h>

#include "bus.h"
#include "connection.h"
#include "handle.h"
#include "item.h"
#include "limits.h"
#include "message.h"
#include "pool.h"

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

static int kdbus_message_pin_files(struct kdbus_message *msg,
				   const struct kdbus_item *item)
{
	unsigned int n = kdbus_item_payload(item) / sizeof(int);
	unsigned int i;

	msg->files = kvcalloc(n, sizeof(*msg->files), GFP_KERNEL_ACCOUNT);
	if (!msg->files)
		return -ENOMEM;

	for (i = 0; i < n; i++) {
		struct file *file = fget_raw(item->fds[i]);

		if (!file)
			return -EBADF;
		msg->files[i] = file;
		msg->n_files = i + 1;
		if (kdbus_file_can_cycle(file))
			return -EOPNOTSUPP;
	}
	return 0;
}

static bool kdbus_message_is_broadcast(const struct kdbus_message *msg)
{
	return msg->hdr->dst_id == KDBUS_DST_ID_BROADCAST;
}

static int kdbus_message_import_vec(struct kdbus_message *msg,
				    const struct kdbus_item *item)
{
	u64 size = item->vec.size;

	if (kdbus_item_payload(item) != sizeof(item->vec) || !size)
		return -EINVAL;
	if (check_add_overflow(msg->payload_size, size, &msg->payload_size))
		return -EMSGSIZE;
	/* a maker of the bus is bounded by the receiver's pool alone */
	if (msg->payload_size > KDBUS_MSG_MAX_VEC_SIZE &&
	    !msg->src->privileged)
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
	return kdbus_message_pin_files(msg, item);
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
	size_t size = kdbus_item_payload(item);

	if (msg->dst_name)
		return -EEXIST;
	if (!kdbus_item_is_string(item) ||
	    !kdbus_name_is_valid(item->str, false))
		return -EINVAL;

	msg->dst_name = item->str;
	msg->dst_hash = full_name_hash(NULL, item->str, size - 1);
	msg->items_size += KDBUS_ITEM_SIZE(size);
	return 0;
}

/* A memfd's item is checked as the ABI says; memfds come with a later step. */
static int kdbus_message_import_memfd(struct kdbus_message *msg,
				      const struct kdbus_item *item)
{
	if (kdbus_item_payload(item) != sizeof(item->memfd))
		return -EINVAL;
	if (kdbus_message_is_broadcast(msg))
		return -ENOTUNIQ;
	if (item->memfd.fd < 0)
		return -EBADF;
	if (!item->memfd.size)
		return -EINVAL;
	return -EOPNOTSUPP;
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
	    copy_from_user(&size, &umsg->size, sizeof(size)))
		return -EFAULT;
	if (size < sizeof(*hdr) || size > KDBUS_MSG_MAX_SIZE)
		return -EMSGSIZE;

	if (size > sizeof(msg->inline_buf)) {
		hdr = kmalloc(ALIGN(size, 8), GFP_KERNEL_ACCOUNT);
		if (!hdr)
			return -ENOMEM;
	}
	msg->hdr = hdr;
	if (copy_from_user(hdr, umsg, size))
		return -EFAULT;
	/* what was checked, whatever the memory says by now */
	hdr->size = size;
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

	/* all but the buffer */
	memset(msg, 0, offsetof(struct kdbus_message, inline_buf));
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
	if (!ret)
		msg->hdr->src_id = src->id;
	return ret;
}

/**
 * kdbus_message_release() - free what a message holds
 * @msg:	the message; @files is NULL if they went to the receiver
 */
void kdbus_message_release(struct kdbus_message *msg)
{
	unsigned int i;

	for (i = 0; msg->files && i < msg->n_files; i++)
		fput(msg->files[i]);
	kvfree(msg->files);
	if (msg->hdr != (void *)msg->inline_buf)
		kfree(msg->hdr);
}

/**
 * kdbus_message_slice_size() - how large a slice a message needs
 * @msg:	the message
 *
 * Return: bytes, saturated.
 */
u64 kdbus_message_slice_size(const struct kdbus_message *msg)
{
	u64 size;

	if (check_add_overflow(msg->items_size, msg->data_size, &size))
		return U64_MAX;
	return size;
}

static int kdbus_message_write_item(struct kdbus_pool_writer *w, u64 type,
				    const void *payload, size_t size)
{
	u64 head[2] = { KDBUS_ITEM_HEADER_SIZE + size, type };
	int ret;

	ret = kdbus_pool_write(w, head, sizeof(head));
	if (!ret)
		ret = kdbus_pool_write(w, payload, size);
	if (!ret)
		ret = kdbus_pool_write_zero(w, ALIGN(size, 8) - size);
	return ret;
}

static int kdbus_message_write_header(const struct kdbus_message *msg,
				      struct kdbus_pool_writer *w)
{
	struct kdbus_msg hdr = *msg->hdr;
	int ret;

	hdr.size = msg->items_size;
	ret = kdbus_pool_write(w, &hdr, sizeof(hdr));
	if (!ret && msg->dst_name)
		ret = kdbus_message_write_item(w, KDBUS_ITEM_DST_NAME,
					       msg->dst_name,
					       strlen(msg->dst_name) + 1);
	return ret;
}

/* Tells where the data of a vec will be; moves *@offset behind it. */
static int kdbus_message_write_off(struct kdbus_pool_writer *w,
				   const struct kdbus_vec *vec, u64 *offset)
{
	struct kdbus_vec off = { .size = vec->size };

	if (vec->address) {
		off.offset = *offset;
		*offset += vec->size;
	} else {
		off.offset = ~0ULL;
		*offset += vec->size % 8;
	}
	return kdbus_message_write_item(w, KDBUS_ITEM_PAYLOAD_OFF, &off,
					sizeof(off));
}

static int kdbus_message_write_vec(struct kdbus_pool_writer *w,
				   const struct kdbus_vec *vec)
{
	if (!vec->address)
		return kdbus_pool_write_zero(w, vec->size % 8);
	return kdbus_pool_write_user(w, u64_to_user_ptr(vec->address),
				     vec->size);
}

static int kdbus_message_write_fds(const struct kdbus_message *msg,
				   struct kdbus_pool_writer *w)
{
	size_t size = kdbus_item_payload(msg->fds);
	u64 head[2] = { KDBUS_ITEM_HEADER_SIZE + size, KDBUS_ITEM_FDS };
	const int none = -1;
	unsigned int i;
	int ret;

	ret = kdbus_pool_write(w, head, sizeof(head));
	for (i = 0; !ret && i < msg->n_files; i++)
		ret = kdbus_pool_write(w, &none, sizeof(none));
	if (!ret)
		ret = kdbus_pool_write_zero(w, ALIGN(size, 8) - size);
	return ret;
}

/* The body runs for each PAYLOAD_VEC of a message that has been checked. */
#define kdbus_message_for_each_vec(msg, items, item)			\
	for (kdbus_items_init(&(items), (msg)->hdr,			\
			      offsetof(struct kdbus_msg, items),	\
			      (msg)->hdr->size);			\
	     kdbus_items_next(&(items), &(item)) > 0;)			\
		if ((item)->type != KDBUS_ITEM_PAYLOAD_VEC)		\
			continue;					\
		else

/**
 * kdbus_message_write() - write a message into its receiver's pool
 * @msg:	the message
 * @slice:	a pinned slice of kdbus_message_slice_size() bytes
 * @fds_offset:	set to where in the slice the numbers of its files go
 *
 * Every byte of the slice is written. Sleeps for as long as the sender's
 * memory takes.
 *
 * Return: 0, -EFAULT, -EINTR if current is being killed, or a negative errno
 * of getting a page.
 */
int kdbus_message_write(const struct kdbus_message *msg,
			struct kdbus_slice *slice, u64 *fds_offset)
{
	const struct kdbus_item *item;
	u64 offset = msg->items_size;
	struct kdbus_pool_writer w;
	struct kdbus_items items;
	int ret;

	kdbus_pool_writer_init(&w, slice, 0);
	ret = kdbus_message_write_header(msg, &w);
	if (ret < 0)
		goto exit;

	kdbus_message_for_each_vec(msg, items, item) {
		ret = kdbus_message_write_off(&w, &item->vec, &offset);
		if (ret < 0)
			goto exit;
	}

	if (msg->fds) {
		*fds_offset = w.pos - slice->offset + KDBUS_ITEM_HEADER_SIZE;
		ret = kdbus_message_write_fds(msg, &w);
		if (ret < 0)
			goto exit;
	}

	kdbus_message_for_each_vec(msg, items, item) {
		ret = kdbus_message_write_vec(&w, &item->vec);
		if (ret < 0)
			goto exit;
	}
	ret = kdbus_pool_write_zero(&w, slice->offset + slice->size - w.pos);
exit:
	kdbus_pool_writer_end(&w);
	return ret;
}
