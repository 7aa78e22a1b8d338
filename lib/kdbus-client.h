/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libkdbus: a thin client library for the kdbus device nodes.
 *
 * It takes the tedium out of the ioctls (building items, walking them, the
 * pool's mapping) and hides nothing: every call is one ioctl, and what the
 * kernel answers is what the caller gets. Functions return 0 or more, or a
 * negative errno. Nothing here locks; a client may be used by several threads
 * like its file descriptor may, a builder by one.
 */
#ifndef KDBUS_CLIENT_H
#define KDBUS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/kdbus.h>

#define KDBUS_DEV "/dev/kdbus"

#define KDBUS_ALIGN8(n) (((n) + 7) & ~7ULL)
#define KDBUS_ITEM_HEADER offsetof(struct kdbus_item, data)

/* Walks the items in @bytes bytes behind a struct's header. */
#define kdbus_for_each_item(item, first, bytes)				\
	for ((item) = (first);						\
	     (const char *)(item) - (const char *)(first) +		\
		     (ptrdiff_t)KDBUS_ITEM_HEADER <= (ptrdiff_t)(bytes);\
	     (item) = (const void *)((const char *)(item) +		\
				     KDBUS_ALIGN8((item)->size)))

#define kdbus_for_each_msg_item(item, msg)				\
	kdbus_for_each_item(item, (const struct kdbus_item *)(msg)->items, \
			    (msg)->size - sizeof(struct kdbus_msg))

/**
 * struct kdbus_client - a connection to a bus
 * @fd:		file descriptor of the endpoint, owned
 * @hello:	what HELLO answered: id, bus_flags, bloom, id128
 * @pool:	read-only mapping of the pool, or NULL
 * @cookie:	last cookie kdbus_client_next_cookie() gave
 */
struct kdbus_client {
	int fd;
	struct kdbus_cmd_hello hello;
	char *pool;
	__u64 cookie;
};

/**
 * struct kdbus_builder - a command being built
 * @size:	bytes used
 * @error:	0, or -EMSGSIZE once something did not fit
 * @msg:	the buffer as a message; other commands use @buf
 */
struct kdbus_builder {
	size_t size;
	int error;
	union {
		struct kdbus_msg msg;
		char buf[16384];
	};
};

/* ---- objects ---------------------------------------------------------- */

/*
 * Makes a bus "<uid>-<suffix>" for the effective uid, with a bloom filter of
 * 64 bytes. @flags are KDBUS_MAKE_*. Returns the file descriptor that owns
 * the bus: closing it ends the bus. EEXIST if the name is taken.
 */
int kdbus_bus_make(const char *suffix, __u64 flags);

/* Path of an endpoint's node, "bus" for the one every bus has; into @buf. */
char *kdbus_endpoint_path(char *buf, size_t size, const char *bus,
			  const char *endpoint);

/*
 * Opens an endpoint and says HELLO. @pool_size is in bytes, 0 for 16 MiB;
 * @conn_flags are KDBUS_HELLO_*; @description may be NULL. On success the
 * caller ends the client with kdbus_client_close(); on failure nothing is left.
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

/* Opens an endpoint and says what was built; like kdbus_client_open(). */
int kdbus_client_hello(struct kdbus_client *c, const char *path,
		       struct kdbus_builder *hello);

/* Closes the file and unmaps the pool. */
void kdbus_client_close(struct kdbus_client *c);

/* BYEBYE: EBUSY while something is queued. The client is still to be closed. */
int kdbus_client_byebye(struct kdbus_client *c);

/* ---- messages --------------------------------------------------------- */

/* Begins a D-Bus message to @dst_id, or to a name added afterwards if it is 0. */
void kdbus_build_msg(struct kdbus_builder *b, __u64 dst_id, __u64 cookie);

/* Begins a command whose fixed part is @header bytes, zeroed. */
void *kdbus_build_cmd(struct kdbus_builder *b, size_t header);

/*
 * Adds an item with @size bytes of payload, copied from @data or zeroed if it
 * is NULL. The size in the command is kept up to date. Returns the item, which
 * stays where it is, or NULL if there is no room.
 */
struct kdbus_item *kdbus_build_item(struct kdbus_builder *b, __u64 type,
				    const void *data, size_t size);

/* A NUL-terminated string as an item. */
struct kdbus_item *kdbus_build_string(struct kdbus_builder *b, __u64 type,
				      const char *str);

/* Payload from @data, which has to stay until the message is sent. */
struct kdbus_item *kdbus_build_vec(struct kdbus_builder *b, const void *data,
				   __u64 size);

/* File descriptors, which stay the caller's. */
struct kdbus_item *kdbus_build_fds(struct kdbus_builder *b, const int *fds,
				   size_t n);

/* @size bytes of a sealed memfd, which stays the caller's. */
struct kdbus_item *kdbus_build_memfd(struct kdbus_builder *b, int fd,
				     __u64 size);

/* A grant for the name before it; the types are KDBUS_POLICY_ACCESS_*. */
struct kdbus_item *kdbus_build_access(struct kdbus_builder *b, __u64 type,
				      __u64 access, __u64 id);

/* A cookie this client has not used, from 1. */
__u64 kdbus_client_next_cookie(struct kdbus_client *c);

/* MSG_SEND of what was built. */
int kdbus_client_send(struct kdbus_client *c, struct kdbus_builder *b);

/*
 * Sends what was built as a synchronous request and sleeps for the reply.
 * @reply is to be given back with kdbus_client_free().
 */
int kdbus_client_call(struct kdbus_client *c, struct kdbus_builder *b,
		      __u64 timeout_ns, const struct kdbus_msg **reply);

/* Sends @size bytes as the reply to @request. */
int kdbus_client_reply(struct kdbus_client *c, const struct kdbus_msg *request,
		       const void *data, size_t size);

/* MSG_CANCEL of synchronous requests of other threads. */
int kdbus_client_cancel(struct kdbus_client *c, __u64 cookie);

/*
 * MSG_RECV. @flags are KDBUS_RECV_*. @msg is set unless the message is
 * dropped, and is to be given back with kdbus_client_free(). EAGAIN if nothing
 * is queued.
 */
int kdbus_client_recv(struct kdbus_client *c, __u64 flags, __s64 priority,
		      const struct kdbus_msg **msg);

/*
 * Sleeps until something is queued, @timeout_ms (-1: for ever) is over or the
 * connection is gone. Returns 1, 0 or -ECONNRESET.
 */
int kdbus_client_wait(struct kdbus_client *c, int timeout_ms);

/* Both: sleeps, then receives. ETIMEDOUT. */
int kdbus_client_next(struct kdbus_client *c, int timeout_ms,
		      const struct kdbus_msg **msg);

/* FREE of what lies at @ptr in the pool. */
int kdbus_client_free(struct kdbus_client *c, const void *ptr);

/* First item of a type, or NULL. */
const struct kdbus_item *kdbus_msg_item(const struct kdbus_msg *msg,
					__u64 type);

/*
 * Copies the payload of all PAYLOAD_OFF items to @buf, at most @size bytes; NULL
 * if @size is 0.
 * Returns the bytes there are.
 */
size_t kdbus_msg_payload(const struct kdbus_msg *msg, void *buf, size_t size);

/* Closes all file descriptors a received message brought. */
void kdbus_msg_close_fds(const struct kdbus_msg *msg);

/* ---- names ------------------------------------------------------------ */

/* Returns 0 with the name owned, 1 if it is waited for, or an error. */
int kdbus_client_acquire(struct kdbus_client *c, const char *name,
			 __u64 flags);
int kdbus_client_release(struct kdbus_client *c, const char *name);

/* NAME_LIST; @list is to be given back with kdbus_client_free(). */
int kdbus_client_list(struct kdbus_client *c, __u64 flags,
		      const struct kdbus_name_list **list);

#define kdbus_for_each_name(record, list)				\
	for ((record) = (list)->names;					\
	     (const char *)(record) <					\
		     (const char *)(list) + (list)->size;		\
	     (record) = (const void *)((const char *)(record) +		\
				       KDBUS_ALIGN8((record)->size)))

/* ---- matches and memfds ------------------------------------------------ */

/* MATCH_ADD of what was built with struct kdbus_cmd_match as its header. */
int kdbus_client_match_add(struct kdbus_client *c, struct kdbus_builder *b);
/* MATCH_REMOVE of all own matches with a cookie. */
int kdbus_client_match_remove(struct kdbus_client *c, __u64 cookie);

/* MEMFD_NEW: an empty memfd; returns its descriptor. @name may be NULL. */
int kdbus_memfd_make(struct kdbus_client *c, const char *name);
/* SEAL_SET. ETXTBSY while somebody else has the memfd. */
int kdbus_memfd_seal(int fd, bool seal);

#endif /* KDBUS_CLIENT_H */
