// SPDX-License-Identifier: GPL-2.0
/*
 * Fetching and checking what a sender wrote, and writing what a receiver
 * gets. Rules and layout: see message.h.
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
#include "endpoint.h"
#include "handle.h"
#include "info.h"
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
	kdbus_meta_init(&msg->meta);
	kdbus_item_writer_init(&msg->names);
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
	kdbus_item_writer_destroy(&msg->names);
	if (msg->hdr != (void *)msg->inline_buf)
		kfree(msg->hdr);
}

/* The body runs for each item of a message that has been checked. */
#define kdbus_message_for_each_item(msg, items, item)			\
	for (kdbus_items_init(&(items), (msg)->hdr,			\
			      offsetof(struct kdbus_msg, items),	\
			      (msg)->hdr->size);			\
	     kdbus_items_next(&(items), &(item)) > 0;)

/**
 * kdbus_message_begin_try() - forget what an earlier try has found out
 * @msg:	the message
 */
void kdbus_message_begin_try(struct kdbus_message *msg)
{
	msg->written = NULL;
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

/* ---- metadata --------------------------------------------------------- */

/*
 * Has @names show what @to may see. They are the same for all but those who
 * may not see every name.
 */
static int kdbus_message_write_names(struct kdbus_message *msg,
				     const struct kdbus_conn *to)
{
	u64 gen;
	int ret;

	if (msg->has_names && !to->ep->custom && !msg->names_are_partial)
		return 0;
	kdbus_item_writer_destroy(&msg->names);
	kdbus_item_writer_init(&msg->names);
	ret = kdbus_names_write(msg->src, to, &msg->names, &gen);
	if (ret < 0) {
		/* not what the next one may see */
		msg->names.size = 0;
		msg->names_are_partial = true;
		return ret;
	}

	if (!msg->has_names)
		msg->names_gen = gen;
	else if (gen != msg->names_gen)
		msg->names_changed = true;
	msg->has_names = true;
	msg->names_are_partial = to->ep->custom;
	return 0;
}

/**
 * kdbus_message_gather() - take from the sender what receivers will be told
 * @msg:	the message, sent by current
 * @flags:	KDBUS_ATTACH_* they want, as kdbus_meta_allowed() says
 *
 * Does not wait for the sender's memory.
 *
 * Return: 0, or KDBUS_SEND_AGAIN if something is not in memory.
 */
int kdbus_message_gather(struct kdbus_message *msg, u64 flags)
{
	/* of who speaks for somebody else, current tells nothing */
	if (msg->src->given.any)
		flags &= KDBUS_ATTACH_TIMESTAMP;
	msg->lacks_meta = kdbus_meta_gather_present(&msg->meta, flags);
	return msg->lacks_meta ? KDBUS_SEND_AGAIN : 0;
}

/*
 * Writes the metadata that @conn gets. A TIMESTAMP comes first; *@seq_offset
 * is set to where its number goes when there is one. Without memory there is
 * less metadata: a message is not lost for it. KDBUS_SEND_AGAIN if that would
 * have to wait.
 */
static int kdbus_message_write_meta(struct kdbus_message *msg,
				    const struct kdbus_conn *conn,
				    struct kdbus_item_writer *w,
				    u64 *seq_offset)
{
	u64 flags = READ_ONCE(conn->attach_flags);
	int ret;

	*seq_offset = 0;
	if (!flags)
		return 0;
	flags = kdbus_meta_allowed(flags);
	ret = kdbus_message_gather(msg, flags);
	if (ret)
		return ret;
	if ((flags & KDBUS_ATTACH_NAMES) &&
	    kdbus_message_write_names(msg, conn) < 0)
		flags &= ~(u64)KDBUS_ATTACH_NAMES;
	if (kdbus_info_write(msg->src, &msg->meta, flags, &conn->view,
			     &msg->names, w) < 0) {
		w->size = 0;
		return 0;
	}
	if (flags & msg->meta.have & KDBUS_ATTACH_TIMESTAMP)
		*seq_offset = KDBUS_ITEM_HEADER_SIZE;
	return 0;
}

/* ---- delivering ------------------------------------------------------- */

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
				      u64 items_size,
				      struct kdbus_pool_writer *w)
{
	struct kdbus_msg hdr = *msg->hdr;
	int ret;

	hdr.size = items_size;
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

/* Where the number of the next file will go. */
static u64 kdbus_message_number_offset(const struct kdbus_pool_writer *w,
				       const struct kdbus_entry *entry,
				       size_t in_payload)
{
	return w->pos - entry->slice->offset + KDBUS_ITEM_HEADER_SIZE +
	       in_payload;
}

static int kdbus_message_write_memfd(struct kdbus_message *msg,
				     struct kdbus_pool_writer *w,
				     struct kdbus_entry *entry, u64 size,
				     unsigned int *n)
{
	struct kdbus_memfd memfd = { .size = size, .fd = -1 };

	msg->files[(*n)++].offset =
		kdbus_message_number_offset(w, entry,
					    offsetof(struct kdbus_memfd, fd));
	return kdbus_message_write_item(w, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd,
					sizeof(memfd));
}

static int kdbus_message_write_fds(struct kdbus_message *msg,
				   struct kdbus_pool_writer *w,
				   struct kdbus_entry *entry,
				   const struct kdbus_item *item,
				   unsigned int first)
{
	size_t size = kdbus_item_payload(item);
	u64 head[2] = { KDBUS_ITEM_HEADER_SIZE + size, KDBUS_ITEM_FDS };
	u64 offset = kdbus_message_number_offset(w, entry, 0);
	const int none = -1;
	unsigned int i;
	int ret;

	ret = kdbus_pool_write(w, head, sizeof(head));
	for (i = 0; !ret && i < size / sizeof(int); i++) {
		msg->files[first + i].offset = offset + i * sizeof(int);
		ret = kdbus_pool_write(w, &none, sizeof(none));
	}
	if (!ret)
		ret = kdbus_pool_write_zero(w, ALIGN(size, 8) - size);
	return ret;
}

/* Writes the items about payload and files; FDS comes after the others. */
static int kdbus_message_write_items(struct kdbus_message *msg,
				     struct kdbus_pool_writer *w,
				     struct kdbus_entry *entry, u64 offset)
{
	unsigned int n = 0, first_fd = 0;
	const struct kdbus_item *item;
	struct kdbus_items items;
	int ret = 0;

	kdbus_message_for_each_item(msg, items, item) {
		if (item->type == KDBUS_ITEM_PAYLOAD_VEC) {
			ret = kdbus_message_write_off(w, &item->vec, &offset);
		} else if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD) {
			ret = kdbus_message_write_memfd(msg, w, entry,
							item->memfd.size, &n);
		} else if (item->type == KDBUS_ITEM_FDS) {
			first_fd = n;
			n += kdbus_item_payload(item) / sizeof(int);
		}
		if (ret < 0)
			return ret;
	}
	if (msg->fds)
		ret = kdbus_message_write_fds(msg, w, entry, msg->fds,
					      first_fd);
	return ret;
}

static int kdbus_message_write_data(const struct kdbus_message *msg,
				    struct kdbus_pool_writer *w)
{
	const struct kdbus_item *item;
	struct kdbus_items items;
	int ret = 0;

	if (msg->staged)
		return kdbus_pool_write(w, msg->staged, msg->data_size);
	if (msg->written)
		return kdbus_pool_write_slice(w, msg->written, msg->written_at,
					      msg->data_size);

	kdbus_message_for_each_item(msg, items, item) {
		const struct kdbus_vec *vec = &item->vec;

		if (item->type != KDBUS_ITEM_PAYLOAD_VEC)
			continue;
		ret = vec->address ?
		      kdbus_pool_write_user(w, u64_to_user_ptr(vec->address),
					    vec->size) :
		      kdbus_pool_write_zero(w, vec->size % 8);
		if (ret < 0)
			break;
	}
	return ret;
}

static int kdbus_message_write(struct kdbus_message *msg,
			       const struct kdbus_item_writer *meta,
			       u64 seq_offset, struct kdbus_entry *entry)
{
	u64 items_size = msg->items_size + meta->size;
	struct kdbus_pool_writer w __uninitialized;
	struct kdbus_slice *slice = entry->slice;
	int ret;

	kdbus_pool_writer_init(&w, slice, 0);
	ret = kdbus_message_write_header(msg, items_size, &w);
	if (!ret)
		ret = kdbus_message_write_items(msg, &w, entry, items_size);
	if (!ret && seq_offset)
		entry->seq_offset = w.pos - slice->offset + seq_offset;
	if (!ret)
		ret = kdbus_pool_write(&w, meta->buf, meta->size);
	if (!ret)
		ret = kdbus_message_write_data(msg, &w);
	if (!ret)
		ret = kdbus_pool_write_zero(&w, slice->offset + slice->size -
					    w.pos);
	kdbus_pool_writer_end(&w);
	slice->written = w.pos - slice->offset;
	return ret;
}

/**
 * kdbus_message_deliver() - write a message into a receiver's pool
 * @msg:	the message, sent by current
 * @conn:	the receiver
 * @charge:	what is charged for it, or NULL: the receiver asked for it
 * @entry:	gets the slice, every byte of which is written; on failure part
 *		of it may be, so it ends with kdbus_entry_discard()
 *
 * May sleep, but not for the sender's memory.
 *
 * Return: 0; -ENOMEM; a negative errno of kdbus_slice_alloc(); -EINTR if
 * current is being killed; a negative errno of getting a page; or
 * KDBUS_SEND_AGAIN if something of the sender's is not in memory.
 */
int kdbus_message_deliver(struct kdbus_message *msg, struct kdbus_conn *conn,
			  const struct kdbus_charge *charge,
			  struct kdbus_entry *entry)
{
	struct kdbus_item_writer meta __uninitialized;
	struct kdbus_slice *slice;
	u64 size, seq_offset;
	int ret;

	kdbus_item_writer_init(&meta);
	ret = kdbus_message_write_meta(msg, conn, &meta, &seq_offset);
	if (ret)
		goto exit;
	/* an allocation may have failed because of that */
	if (fatal_signal_pending(current)) {
		ret = -EINTR;
		goto exit;
	}
	if (check_add_overflow(msg->items_size + meta.size, msg->data_size,
			       &size))
		size = U64_MAX;
	slice = kdbus_slice_alloc(conn->pool, size, charge, msg->id);
	if (IS_ERR(slice)) {
		ret = PTR_ERR(slice);
		goto exit;
	}
	entry->slice = slice;
	if (charge) {
		entry->charge = *charge;
		entry->charge_user = msg->src->user->key;
		entry->n_fds = charge->fds;
	}
	pagefault_disable();
	ret = kdbus_message_write(msg, &meta, seq_offset, entry);
	pagefault_enable();
	if (ret == -EFAULT) {
		msg->lacks_data = true;
		ret = KDBUS_SEND_AGAIN;
	} else if (!ret && !msg->written) {
		/* further copies come from here, not from the sender */
		msg->written = slice;
		msg->written_at = msg->items_size + meta.size;
	}
exit:
	kdbus_item_writer_destroy(&meta);
	return ret;
}

/**
 * kdbus_message_copy_files() - give a monitor a message's files
 * @msg:	the message, written into the monitor's pool
 * @entry:	gets its own references, or none if the monitors have not
 *		received as many files of the sender as may be in flight
 * @monitor:	who gets it
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_message_copy_files(const struct kdbus_message *msg,
			     struct kdbus_entry *entry,
			     const struct kdbus_conn *monitor)
{
	bool fds = monitor->flags & KDBUS_HELLO_ACCEPT_FD;
	unsigned int i;

	if (!msg->n_files ||
	    kdbus_user_charge_files(msg->src, monitor->id, msg->n_files,
				    msg->id))
		return 0;
	entry->files = kvcalloc(msg->n_files, sizeof(*entry->files),
				GFP_KERNEL_ACCOUNT);
	if (!entry->files) {
		kdbus_user_uncharge_files(msg->src->owner, true, msg->n_files);
		return -ENOMEM;
	}
	entry->n_files = msg->n_files;
	entry->files_user = kdbus_user_ref(msg->src->owner);
	for (i = 0; i < msg->n_files; i++) {
		entry->files[i].offset = msg->files[i].offset;
		if (!fds && !msg->files[i].is_payload)
			continue;
		entry->files[i].file = get_file(msg->files[i].file);
		kdbus_memfd_carry(msg->files[i].file);
	}
	return 0;
}

/**
 * kdbus_message_write_seq() - complete the TIMESTAMP of a message
 * @entry:	the message, which has its number now
 *
 * Return: 0 or a negative errno of getting the page.
 */
int kdbus_message_write_seq(const struct kdbus_entry *entry)
{
	struct kdbus_pool_writer w;
	int ret;

	if (!entry->seq_offset)
		return 0;
	kdbus_pool_writer_init(&w, entry->slice, entry->seq_offset);
	ret = kdbus_pool_write(&w, &entry->seq, sizeof(entry->seq));
	kdbus_pool_writer_end(&w);
	return ret;
}
