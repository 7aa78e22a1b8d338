// SPDX-License-Identifier: GPL-2.0
/*
 * Messages as their receivers get them. Rules and layout: see message.h.
 *
 * Header, items and metadata are put together in kernel memory, the head, and
 * go into a slice in one piece, with the data behind it. The head is the same
 * for all receivers that look at the sender with the same eyes, and is made once
 * for them.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat/compat.h"
#include "connection.h"
#include "endpoint.h"
#include "info.h"
#include "item.h"
#include "limits.h"
#include "memfd.h"
#include "message.h"
#include "names.h"
#include "pool.h"
#include "send.h"

/* ---- metadata --------------------------------------------------------- */

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
	/* credentials that were given are not current's */
	if (msg->src->given.any)
		flags &= KDBUS_ATTACH_TIMESTAMP;
	msg->lacks_meta = kdbus_meta_gather_present(&msg->meta, flags);
	return msg->lacks_meta ? KDBUS_SEND_AGAIN : 0;
}

/* The head tells of names as they were at @gen. */
static void kdbus_message_has_names(struct kdbus_message *msg, u64 gen)
{
	if (!msg->has_names)
		msg->names_gen = gen;
	else if (gen != msg->names_gen)
		msg->names_changed = true;
	msg->has_names = true;
}

/*
 * Adds the metadata that @conn gets to the head. A TIMESTAMP comes first. Without
 * memory there is none: a message is not lost for it. KDBUS_SEND_AGAIN if that
 * would have to wait.
 */
static int kdbus_head_add_meta(struct kdbus_message *msg,
			       const struct kdbus_conn *conn, u64 flags)
{
	struct kdbus_message_head *head = &msg->head;
	size_t size = head->w.size;
	u64 gen;
	int ret;

	ret = kdbus_message_gather(msg, flags);
	if (ret)
		return ret;
	if (kdbus_info_write(msg->src, &msg->meta, flags, conn, &head->w,
			     &gen) < 0) {
		head->w.size = size;
		head->conn = NULL;
		return 0;
	}
	if (flags & KDBUS_ATTACH_NAMES)
		kdbus_message_has_names(msg, gen);
	if (flags & msg->meta.have & KDBUS_ATTACH_TIMESTAMP)
		head->seq_offset = size + KDBUS_ITEM_HEADER_SIZE;
	return 0;
}

/* ---- the head --------------------------------------------------------- */

/* Where a word in the head is to be found in a slice. */
static u64 kdbus_head_offset(const struct kdbus_item_writer *w, const void *at)
{
	return (const u8 *)at - w->buf;
}

/* Tells where the data of a vec will be; moves *@offset behind it. */
static void kdbus_head_add_vec(struct kdbus_item_writer *w,
			       const struct kdbus_vec *vec, u64 *offset)
{
	struct kdbus_vec *off;

	off = kdbus_item_add(w, KDBUS_ITEM_PAYLOAD_OFF, sizeof(*off));
	*off = (struct kdbus_vec){ .size = vec->size, .offset = *offset };
	if (vec->address) {
		*offset += vec->size;
	} else {
		off->offset = ~0ULL;
		*offset += vec->size % 8;
	}
}

static void kdbus_head_add_memfd(struct kdbus_item_writer *w, u64 size,
				 struct kdbus_passed_file *file)
{
	struct kdbus_memfd *memfd;

	memfd = kdbus_item_add(w, KDBUS_ITEM_PAYLOAD_MEMFD, sizeof(*memfd));
	*memfd = (struct kdbus_memfd){ .size = size, .fd = -1 };
	file->offset = kdbus_head_offset(w, &memfd->fd);
}

static void kdbus_head_add_fds(struct kdbus_item_writer *w,
			       const struct kdbus_item *item,
			       struct kdbus_passed_file *files)
{
	unsigned int i, n = kdbus_item_payload(item) / sizeof(int);
	int *fds = kdbus_item_add(w, KDBUS_ITEM_FDS, n * sizeof(int));

	for (i = 0; i < n; i++) {
		fds[i] = -1;
		files[i].offset = kdbus_head_offset(w, &fds[i]);
	}
}

/*
 * Writes header and items, for which there is room before the metadata. FDS
 * comes after those about payload.
 */
static int kdbus_head_add_items(struct kdbus_message *msg)
{
	u64 offset = msg->head.w.size;
	struct kdbus_passed_file *file = msg->files, *fds = NULL;
	const struct kdbus_item *item;
	struct kdbus_item_writer w;
	struct kdbus_items items;
	struct kdbus_msg *hdr;

	kdbus_item_writer_init(&w, (u64 *)msg->head.w.buf, msg->items_size);
	hdr = kdbus_item_reserve(&w, sizeof(*hdr));
	*hdr = *msg->hdr;
	hdr->size = offset;
	if (msg->dst_name)
		kdbus_item_write(&w, KDBUS_ITEM_DST_NAME, msg->dst_name,
				 strlen(msg->dst_name) + 1);
	kdbus_message_for_each_item(msg, items, item) {
		if (item->type == KDBUS_ITEM_PAYLOAD_VEC) {
			kdbus_head_add_vec(&w, &item->vec, &offset);
		} else if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD) {
			kdbus_head_add_memfd(&w, item->memfd.size, file++);
		} else if (item->type == KDBUS_ITEM_FDS) {
			fds = file;
			file += kdbus_item_payload(item) / sizeof(int);
		}
	}
	if (msg->fds)
		kdbus_head_add_fds(&w, msg->fds, fds);
	/* import has counted the same items */
	if (WARN_ON_ONCE(w.size != msg->items_size || w.buf != w.first))
		return -EIO;
	return 0;
}

/* Whether the head is what @conn gets, with @flags. */
static bool kdbus_head_is_for(const struct kdbus_message_head *head,
			      const struct kdbus_conn *conn, u64 flags)
{
	if (!head->conn || head->flags != flags)
		return false;
	/* a custom endpoint's policy may hide names */
	if ((flags & KDBUS_ATTACH_NAMES) &&
	    (head->conn->ep->custom || conn->ep->custom))
		return false;
	return !flags || kdbus_meta_ns_equal(&head->conn->view, &conn->view);
}

/* Has the head be what @conn gets. */
static int kdbus_head_make(struct kdbus_message *msg,
			   const struct kdbus_conn *conn)
{
	struct kdbus_message_head *head = &msg->head;
	u64 flags = READ_ONCE(conn->attach_flags);
	int ret = 0;

	if (flags)
		flags = kdbus_meta_allowed(flags);
	if (kdbus_head_is_for(head, conn, flags))
		return 0;

	head->conn = conn;
	head->flags = flags;
	head->seq_offset = 0;
	head->w.size = 0;
	head->w.failed = false;
	if (!kdbus_item_reserve(&head->w, msg->items_size))
		ret = -ENOMEM;
	else if (flags)
		ret = kdbus_head_add_meta(msg, conn, flags);
	if (!ret)
		ret = kdbus_head_add_items(msg);
	if (ret)
		head->conn = NULL;
	return ret;
}

/* ---- delivering ------------------------------------------------------- */

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

static int kdbus_message_write(const struct kdbus_message *msg,
			       struct kdbus_slice *slice)
{
	struct kdbus_pool_writer w __uninitialized;
	int ret;

	kdbus_pool_writer_init(&w, slice, 0);
	ret = kdbus_pool_write(&w, msg->head.w.buf, msg->head.w.size);
	if (!ret)
		ret = kdbus_message_write_data(msg, &w);
	if (!ret)
		ret = kdbus_pool_write_zero(&w, slice->offset + slice->size -
					    w.pos);
	kdbus_pool_writer_end(&w);
	slice->written = w.pos - slice->offset;
	return ret;
}

/* Takes a slice for a message the head of which is made. */
static int kdbus_message_take_slice(const struct kdbus_message *msg,
				    struct kdbus_conn *conn,
				    const struct kdbus_charge *charge,
				    struct kdbus_entry *entry)
{
	struct kdbus_slice *slice;
	u64 size;

	if (check_add_overflow(msg->head.w.size, msg->data_size, &size))
		size = U64_MAX;
	slice = kdbus_slice_alloc(conn->pool, size, charge, msg->id);
	if (IS_ERR(slice))
		return PTR_ERR(slice);
	entry->slice = slice;
	if (charge) {
		entry->charge = *charge;
		entry->charge_user = msg->src->user->key;
		entry->n_fds = charge->fds;
	}
	if (msg->head.seq_offset)
		entry->seq_offset = msg->head.seq_offset;
	return 0;
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
	int ret;

	ret = kdbus_head_make(msg, conn);
	/* an allocation may have failed because of that */
	if (fatal_signal_pending(current))
		return -EINTR;
	if (ret)
		return ret;
	ret = kdbus_message_take_slice(msg, conn, charge, entry);
	if (ret < 0)
		return ret;

	pagefault_disable();
	ret = kdbus_message_write(msg, entry->slice);
	pagefault_enable();
	if (ret == -EFAULT) {
		msg->lacks_data = true;
		return KDBUS_SEND_AGAIN;
	}
	if (!ret && !msg->written) {
		/* further copies come from here, not from the sender */
		msg->written = entry->slice;
		msg->written_at = msg->head.w.size;
	}
	return ret;
}

/**
 * kdbus_message_copy_files() - give a monitor a message's files
 * @msg:	the message, written into the monitor's pool
 * @entry:	gets its own references, or none if the monitors have not
 *		received as many files of the sender as may be in flight
 * @monitor:	the monitor
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
