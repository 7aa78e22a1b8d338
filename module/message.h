/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: messages
 *
 * A message as its sender wrote it, on its way into the kernel. It is
 * fetched once and checked once, its files are pinned by then, and from then
 * on only this copy is looked at; just the payload is still in the sender's
 * memory, and goes from there straight into the receiver's slice. A message
 * belongs to the task that sends it and takes no locks. The payload of a
 * broadcast is copied to the kernel once, so that all receivers get the same.
 *
 * A try to deliver never waits for the sender's memory, because it holds its
 * receivers and their slices. It reads with page faults disabled. If something
 * is not in memory the try notes what it lacks, gives everything back and ends;
 * kdbus_message_fault_in() then waits, with nothing of a receiver's in hand,
 * and copies it to kernel memory that the sender is charged for.
 *
 * What the receiver finds in its slice, each item padded to 8 bytes:
 *
 *   header		as sent; size is that of header and items, src_id is set
 *   DST_NAME		if it was addressed by name
 *   PAYLOAD_OFF	one for each PAYLOAD_VEC,
 *   PAYLOAD_MEMFD	one for each of those, in the sender's order
 *   FDS		if there was one; numbers are -1 until it is received
 *   metadata		what the receiver asked for
 *   data		of all vecs one after the other, beginning at a multiple
 *			of 8; a vec without address is a run of zeros and takes
 *			only its size modulo 8 here, to keep the alignment
 */
#ifndef KDBUS_MESSAGE_H
#define KDBUS_MESSAGE_H

#include <linux/types.h>
#include <linux/kdbus.h>

#include "item.h"
#include "metadata.h"
#include "queue.h"

struct kdbus_conn;

/**
 * struct kdbus_message_head - header, items and metadata as receivers get them
 * @w:		the head
 * @conn:	a receiver that it was made for in this try; or NULL, if it is what
 *		no other would get
 * @flags:	KDBUS_ATTACH_* that it was made with
 * @seq_offset:	where in it the number of a TIMESTAMP goes, or 0
 */
struct kdbus_message_head {
	struct kdbus_item_writer w;
	const struct kdbus_conn *conn;
	u64 flags;
	u64 seq_offset;
};

/**
 * struct kdbus_message - a message being sent
 * @id:		trace id
 * @src:	who sends it
 * @hdr:	its copy: header and items; NULL if it could not be fetched
 * @dst_name:	name it is addressed by, in @hdr; or NULL
 * @dst_hash:	hash of @dst_name
 * @fds:	the FDS item, in @hdr; or NULL
 * @files:	what @fds and PAYLOAD_MEMFD items name, referenced, in the
 *		order of the items
 * @n_files:	how many
 * @n_memfds:	how many of them are memfds of the payload
 * @n_charged:	how many the sender's user is charged for; moves with @files
 * @bloom:	the BLOOM_FILTER item, in @hdr; or NULL
 * @payload_size: bytes of all vecs and memfds
 * @vecs_size:	bytes of all vecs
 * @items_size:	bytes of header and items as they are delivered
 * @data_size:	bytes of data behind them
 * @staged:	all data, if it was copied to the kernel; or NULL
 * @lacks_data:	the last try found payload that is not in memory
 * @lacks_meta:	KDBUS_ATTACH_* that the last try would have waited for
 * @written:	a slice of this try that has all data, pinned; or NULL
 * @written_at:	where in it the data begins
 * @has_names:	receivers of this try are told the sender's names
 * @names_changed: during the try, so that they would be told different things
 * @names_gen:	state of the names that the first of them is told of
 * @meta:	what has been gathered about the sender
 * @head:	what comes before the data
 * @inline_buf:	@hdr of small messages
 * @head_buf:	@head that is short
 * @strings_buf: strings of @meta that are short
 */
struct kdbus_message {
	u64 id;
	struct kdbus_conn *src;
	struct kdbus_msg *hdr;
	const char *dst_name;
	unsigned int dst_hash;
	const struct kdbus_item *fds;
	struct kdbus_passed_file *files;
	unsigned int n_files;
	unsigned int n_memfds;
	unsigned int n_charged;
	const struct kdbus_item *bloom;
	u64 payload_size;
	u64 vecs_size;
	u64 items_size;
	u64 data_size;
	u8 *staged;
	bool lacks_data;
	u64 lacks_meta;
	const struct kdbus_slice *written;
	u64 written_at;
	bool has_names;
	bool names_changed;
	u64 names_gen;
	struct kdbus_meta meta;
	struct kdbus_message_head head;
	u64 inline_buf[24];
	u64 head_buf[80];
	u64 strings_buf[KDBUS_META_FIRST / sizeof(u64)];
};

/* The body runs for each item of a message that has been checked. */
#define kdbus_message_for_each_item(msg, items, item)			\
	for (kdbus_items_init(&(items), (msg)->hdr,			\
			      offsetof(struct kdbus_msg, items),	\
			      (msg)->hdr->size);			\
	     kdbus_items_next(&(items), &(item)) > 0;)

int kdbus_message_import(struct kdbus_message *msg, struct kdbus_conn *src,
			 struct kdbus_msg __user *umsg);
int kdbus_message_charge_files(struct kdbus_message *msg);
void kdbus_message_release(struct kdbus_message *msg);
u64 kdbus_message_new_id(void);
bool kdbus_message_is_broadcast(const struct kdbus_message *msg);
void kdbus_message_begin_try(struct kdbus_message *msg);
int kdbus_message_gather(struct kdbus_message *msg, u64 flags);
int kdbus_message_stage(struct kdbus_message *msg);
int kdbus_message_fault_in(struct kdbus_message *msg);
int kdbus_message_deliver(struct kdbus_message *msg, struct kdbus_conn *conn,
			  const struct kdbus_charge *charge,
			  struct kdbus_entry *entry);
int kdbus_message_copy_files(const struct kdbus_message *msg,
			     struct kdbus_entry *entry,
			     const struct kdbus_conn *monitor);
int kdbus_message_write_seq(const struct kdbus_entry *entry);

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
