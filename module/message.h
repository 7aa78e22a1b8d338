/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: messages
 *
 * A message as its sender wrote it, on its way into the kernel. It is
 * fetched once and checked once, its files are pinned by then, and from then
 * on only this copy is looked at; just the payload is still in the sender's
 * memory, and goes from there straight into the receiver's slice. A message
 * belongs to the task that sends it and takes no locks.
 *
 * What the receiver finds in its slice, each item padded to 8 bytes:
 *
 *   header		as sent; size is that of header and items, src_id is set
 *   DST_NAME		if it was addressed by name
 *   PAYLOAD_OFF	one for each PAYLOAD_VEC, in order
 *   FDS		if there was one; numbers are -1 until it is received
 *   data		of all vecs one after the other, beginning at a multiple
 *			of 8; a vec without address is a run of zeros and takes
 *			only its size modulo 8 here, to keep the alignment
 */
#ifndef KDBUS_MESSAGE_H
#define KDBUS_MESSAGE_H

#include <linux/types.h>
#include <linux/kdbus.h>

struct file;
struct kdbus_conn;
struct kdbus_slice;

/**
 * struct kdbus_message - a message being sent
 * @id:		trace id
 * @src:	who sends it
 * @hdr:	its copy: header and items; NULL if it could not be fetched
 * @dst_name:	name it is addressed by, in @hdr; or NULL
 * @dst_hash:	hash of @dst_name
 * @fds:	the FDS item, in @hdr; or NULL
 * @files:	what @fds names, referenced
 * @n_files:	how many
 * @bloom:	the BLOOM_FILTER item, in @hdr; or NULL
 * @payload_size: bytes of all vecs
 * @items_size:	bytes of header and items as they are delivered
 * @data_size:	bytes of data behind them
 * @inline_buf:	@hdr of small messages
 */
struct kdbus_message {
	u64 id;
	struct kdbus_conn *src;
	struct kdbus_msg *hdr;
	const char *dst_name;
	unsigned int dst_hash;
	const struct kdbus_item *fds;
	struct file **files;
	unsigned int n_files;
	const struct kdbus_item *bloom;
	u64 payload_size;
	u64 items_size;
	u64 data_size;
	u64 inline_buf[24];
};

int kdbus_message_import(struct kdbus_message *msg, struct kdbus_conn *src,
			 struct kdbus_msg __user *umsg);
void kdbus_message_release(struct kdbus_message *msg);
u64 kdbus_message_new_id(void);
u64 kdbus_message_slice_size(const struct kdbus_message *msg);
int kdbus_message_write(const struct kdbus_message *msg,
			struct kdbus_slice *slice, u64 *fds_offset);

static inline bool kdbus_message_is_call(const struct kdbus_message *msg)
{
	return msg->hdr->flags & KDBUS_MSG_FLAGS_EXPECT_REPLY;
}

static inline bool kdbus_message_is_sync(const struct kdbus_message *msg)
{
	return msg->hdr->flags & KDBUS_MSG_FLAGS_SYNC_REPLY;
}

/* The cookie it answers, or 0; a call's field is its timeout. */
static inline u64 kdbus_message_cookie_reply(const struct kdbus_message *msg)
{
	return kdbus_message_is_call(msg) ? 0 : msg->hdr->cookie_reply;
}

#endif /* KDBUS_MESSAGE_H */
