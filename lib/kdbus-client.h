/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libkdbus: a thin client library for the kdbus device nodes.
 *
 * The library builds and walks items, maps the pool and calls the ioctls of
 * <linux/kdbus.h>. Every call is one ioctl; flags, structs and errors are those
 * of the kernel.
 *
 * Errors: a function that returns int returns 0 or more on success and a
 * negative errno on failure. Beside the errors named below it returns what the
 * ioctl returns. errno itself is unspecified afterwards.
 *
 * Threads: nothing here locks. Several threads may use a client at once, as
 * they may its file descriptor, but for open and close. A builder belongs to
 * one thread.
 *
 * Messages and lists lie in the client's pool, which the kernel writes and the
 * program can only read. They stay valid until kdbus_client_free() or
 * kdbus_client_close().
 *
 * ABI: the structs below are allocated by the caller; their size and layout
 * stay the same as long as the library is libkdbus.so.0.
 */
#ifndef KDBUS_CLIENT_H
#define KDBUS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/kdbus.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KDBUS_DEV "/dev/kdbus"

#define KDBUS_ALIGN8(n) (((n) + 7) & ~7ULL)
#define KDBUS_ITEM_HEADER offsetof(struct kdbus_item, data)

/* Walks the items in @bytes bytes behind a struct's header. */
#define kdbus_for_each_item(item, first, bytes)				\
	for ((item) = (first);						\
	     (const char *)(item) - (const char *)(first) +		\
		     (ptrdiff_t)KDBUS_ITEM_HEADER <= (ptrdiff_t)(bytes);\
	     (item) = (__typeof__(item))((const char *)(item) +		\
					 KDBUS_ALIGN8((item)->size)))

/* Walks the items of a message that was received. */
#define kdbus_for_each_msg_item(item, msg)				\
	kdbus_for_each_item(item, (const struct kdbus_item *)(msg)->items, \
			    (msg)->size - sizeof(struct kdbus_msg))

/**
 * struct kdbus_client_info - what HELLO answered
 *
 * The fixed part of struct kdbus_cmd_hello; members have the same names there.
 */
struct kdbus_client_info {
	__u64 size;
	__u64 conn_flags;
	__u64 attach_flags;
	__u64 bus_flags;
	__u64 id;
	__u64 pool_size;
	struct kdbus_bloom_parameter bloom;
	__u8 id128[16];
} __attribute__((aligned(8)));

/**
 * struct kdbus_client - a connection to a bus
 * @fd:		file descriptor of the endpoint, owned
 * @hello:	what HELLO answered: id, bus_flags, bloom, id128
 * @pool:	read-only mapping of the pool, or NULL
 * @cookie:	last cookie kdbus_client_next_cookie() gave
 */
struct kdbus_client {
	int fd;
	struct kdbus_client_info hello;
	char *pool;
	__u64 cookie;
};

/**
 * struct kdbus_builder_msg - a message being built
 *
 * The fixed part of struct kdbus_msg; members have the same names there.
 */
struct kdbus_builder_msg {
	__u64 size;
	__u64 flags;
	__s64 priority;
	__u64 dst_id;
	__u64 src_id;
	__u64 payload_type;
	__u64 cookie;
	union {
		__u64 timeout_ns;
		__u64 cookie_reply;
		__u64 offset_reply;
	};
} __attribute__((aligned(8)));

/**
 * struct kdbus_builder - a command being built
 * @size:	bytes used
 * @error:	0, or -EMSGSIZE once something did not fit; the functions that
 *		issue the command return it, so only they need a check
 * @msg:	the buffer as a message, before its items; other commands use @buf
 *
 * Needs no release.
 */
struct kdbus_builder {
	size_t size;
	int error;
	union {
		struct kdbus_builder_msg msg;
		char buf[16384];
	};
};

/* ---- objects ---------------------------------------------------------- */

/*
 * Makes a bus "<uid>-<suffix>" in the initial domain for the effective uid, with
 * a bloom filter of 64 bytes. @flags are KDBUS_MAKE_*. Returns the file
 * descriptor that owns the bus: closing it ends the bus. -EEXIST if the name is
 * taken, -EINVAL in a user namespace whose uids are not those of the domain,
 * -ENAMETOOLONG if it has more than KDBUS_BUS_NAME_MAX bytes, -ENOENT if the
 * module is not loaded.
 */
int kdbus_bus_make(const char *suffix, __u64 flags);

/* the longest name of a bus, in bytes, without the NUL */
#define KDBUS_BUS_NAME_MAX 63

/*
 * Writes the path of an endpoint's node to @buf of @size bytes and returns @buf,
 * or NULL if it does not fit. @bus is "<uid>-<suffix>"; the @endpoint that every
 * bus has is "bus".
 */
char *kdbus_endpoint_path(char *buf, size_t size, const char *bus,
			  const char *endpoint);

/*
 * Opens an endpoint and says HELLO. @conn_flags are KDBUS_HELLO_*, @attach_flags
 * KDBUS_ATTACH_*; @pool_size is in bytes, a multiple of the page size, or 0 for
 * 16 MiB; @description may be NULL. After success the caller releases the client
 * with kdbus_client_close(); after failure there is nothing to release.
 */
int kdbus_client_open(struct kdbus_client *c, const char *path,
		      __u64 conn_flags, __u64 attach_flags, __u64 pool_size,
		      const char *description);

/*
 * Begins a HELLO for a pool of 16 MiB; items (NAME, POLICY_ACCESS, CREDS, ...)
 * may be added.
 */
void kdbus_build_hello(struct kdbus_builder *b, __u64 conn_flags,
		       __u64 attach_flags);

/* Opens an endpoint and issues the HELLO that was built; see kdbus_client_open(). */
int kdbus_client_hello(struct kdbus_client *c, const char *path,
		       struct kdbus_builder *hello);

/* Closes the file and unmaps the pool. */
void kdbus_client_close(struct kdbus_client *c);

/* BYEBYE: -EBUSY while something is queued. The client is still to be closed. */
int kdbus_client_byebye(struct kdbus_client *c);

/* ---- messages --------------------------------------------------------- */

/*
 * Begins a message with payload type KDBUS_PAYLOAD_DBUS to the connection
 * @dst_id, or to KDBUS_DST_ID_BROADCAST, or with KDBUS_DST_ID_NAME
 * (0) to the name in a KDBUS_ITEM_DST_NAME that the caller adds. @cookie names
 * the message to the sender and in replies.
 */
void kdbus_build_msg(struct kdbus_builder *b, __u64 dst_id, __u64 cookie);

/*
 * Begins a command whose fixed part is @header bytes, and returns that part,
 * zeroed but for the size.
 */
void *kdbus_build_cmd(struct kdbus_builder *b, size_t header);

/*
 * Adds an item with @size bytes of payload, copied from @data or zeroed if it
 * is NULL. The size in the command is kept up to date. Returns the item, which
 * stays where it is, or NULL if there is no room.
 */
struct kdbus_item *kdbus_build_item(struct kdbus_builder *b, __u64 type,
				    const void *data, size_t size);

/* Adds a NUL-terminated string, copied, as an item. */
struct kdbus_item *kdbus_build_string(struct kdbus_builder *b, __u64 type,
				      const char *str);

/*
 * Adds @size bytes of payload. @data is not copied: it has to stay until the
 * message is sent. NULL stands for @size zero bytes.
 */
struct kdbus_item *kdbus_build_vec(struct kdbus_builder *b, const void *data,
				   __u64 size);

/* Adds @n file descriptors, which stay the caller's. */
struct kdbus_item *kdbus_build_fds(struct kdbus_builder *b, const int *fds,
				   size_t n);

/* Adds @size bytes of a sealed memfd as payload; @fd stays the caller's. */
struct kdbus_item *kdbus_build_memfd(struct kdbus_builder *b, int fd,
				     __u64 size);

/*
 * Adds a grant for the name item before it. @type is KDBUS_POLICY_ACCESS_* and
 * says what @id is, @access is KDBUS_POLICY_*.
 */
struct kdbus_item *kdbus_build_access(struct kdbus_builder *b, __u64 type,
				      __u64 access, __u64 id);

/* Returns a cookie that this client has not returned yet, from 1. */
__u64 kdbus_client_next_cookie(struct kdbus_client *c);

/* MSG_SEND of what was built. The same builder may be sent again. */
int kdbus_client_send(struct kdbus_client *c, struct kdbus_builder *b);

/*
 * Sends what was built as a synchronous request and sleeps for the reply, at
 * most until @timeout_ns nanoseconds from now. @reply is to be given back with
 * kdbus_client_free(). -ETIMEDOUT; -EPIPE if the peer ended; -ECANCELED after
 * kdbus_client_cancel().
 */
int kdbus_client_call(struct kdbus_client *c, struct kdbus_builder *b,
		      __u64 timeout_ns, const struct kdbus_msg **reply);

/* Sends @size bytes of @data as the reply to @request, which stays to be freed. */
int kdbus_client_reply(struct kdbus_client *c, const struct kdbus_msg *request,
		       const void *data, size_t size);

/* MSG_CANCEL: ends the synchronous request that another thread sent with @cookie. */
int kdbus_client_cancel(struct kdbus_client *c, __u64 cookie);

/*
 * MSG_RECV, without sleeping. @flags are KDBUS_RECV_*; @priority counts with
 * KDBUS_RECV_USE_PRIORITY only. @msg is set unless the message is dropped, and
 * is to be given back with kdbus_client_free(). -EAGAIN if nothing is queued.
 */
int kdbus_client_recv(struct kdbus_client *c, __u64 flags, __s64 priority,
		      const struct kdbus_msg **msg);

/*
 * Sleeps until something is queued, @timeout_ms milliseconds (-1: for ever) are
 * over or the connection is gone. Returns 1, 0 or -ECONNRESET.
 */
int kdbus_client_wait(struct kdbus_client *c, int timeout_ms);

/*
 * kdbus_client_wait(), then kdbus_client_recv() without flags. -ETIMEDOUT if
 * @timeout_ms is over.
 */
int kdbus_client_next(struct kdbus_client *c, int timeout_ms,
		      const struct kdbus_msg **msg);

/* FREE of the message or list at @ptr. -ENXIO if nothing of the kind is there. */
int kdbus_client_free(struct kdbus_client *c, const void *ptr);

/* First item of a type, or NULL. */
const struct kdbus_item *kdbus_msg_item(const struct kdbus_msg *msg,
					__u64 type);

/*
 * Copies the payload of all PAYLOAD_OFF items to @buf, at most @size bytes.
 * Returns how many bytes there are, which may be more; @buf may be NULL if @size
 * is 0. Payload in memfds is not counted.
 */
size_t kdbus_msg_payload(const struct kdbus_msg *msg, void *buf, size_t size);

/* Closes all file descriptors of a received message, memfds included. */
void kdbus_msg_close_fds(const struct kdbus_msg *msg);

/* ---- names ------------------------------------------------------------ */

/*
 * NAME_ACQUIRE with KDBUS_NAME_* in @flags. Returns 0 if the client owns the name
 * now, 1 if it waits for it in the queue.
 */
int kdbus_client_acquire(struct kdbus_client *c, const char *name,
			 __u64 flags);

/* NAME_RELEASE: gives up the name, or the place in its queue. */
int kdbus_client_release(struct kdbus_client *c, const char *name);

/*
 * NAME_LIST with KDBUS_NAME_LIST_* in @flags. @list is to be given back with
 * kdbus_client_free().
 */
int kdbus_client_list(struct kdbus_client *c, __u64 flags,
		      const struct kdbus_name_list **list);

/* Walks the records of a list. */
#define kdbus_for_each_name(record, list)				\
	for ((record) = (list)->names;					\
	     (const char *)(record) <					\
		     (const char *)(list) + (list)->size;		\
	     (record) = (__typeof__(record))((const char *)(record) +	\
					     KDBUS_ALIGN8((record)->size)))

/* ---- matches and memfds ------------------------------------------------ */

/* MATCH_ADD of what was built with struct kdbus_cmd_match as its header. */
int kdbus_client_match_add(struct kdbus_client *c, struct kdbus_builder *b);

/* MATCH_REMOVE of all own matches with a cookie. */
int kdbus_client_match_remove(struct kdbus_client *c, __u64 cookie);

/*
 * MEMFD_NEW: an empty memfd; returns its descriptor, which is the caller's. @name
 * may be NULL.
 */
int kdbus_memfd_make(struct kdbus_client *c, const char *name);

/* SEAL_SET. -ETXTBSY while the memfd is mapped or has another user. */
int kdbus_memfd_seal(int fd, bool seal);

#ifdef __cplusplus
}
#endif

#endif /* KDBUS_CLIENT_H */
