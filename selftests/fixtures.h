/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of policy, endpoints, matches, notices and metadata build on:
 * commands put together from their parts, and looks at what came of them. All
 * of it belongs to the case that runs; see harness.h.
 */
#ifndef KDBUS_FIXTURES_H
#define KDBUS_FIXTURES_H

#include "harness.h"

#define SEE KDBUS_POLICY_SEE
#define TALK KDBUS_POLICY_TALK
#define OWN KDBUS_POLICY_OWN
#define WORLD KDBUS_POLICY_ACCESS_WORLD
#define USER KDBUS_POLICY_ACCESS_USER
#define GROUP KDBUS_POLICY_ACCESS_GROUP

#define ANY KDBUS_MATCH_ID_ANY
#define BLOOM_BYTES 64

/* ---- objects ---------------------------------------------------------- */

/* The control node of the domain at @path, "" for the initial one. */
int control_open(const char *path);
/* Begins a BUS_MAKE, DOMAIN_MAKE or EP_MAKE; @name may be NULL. */
void make_begin(struct kdbus_builder *b, const char *name, __u64 flags);
/* A BUS_MAKE of the whole name, not only of what follows the uid. */
int bus_make_on(int control, const char *name);
/* A domain everybody may use; the file that owns it or a negative errno. */
int domain_make_on(int control, const char *name);
/* An endpoint as built; the file that owns it or a negative errno. */
int ep_make_on(const struct bus *bus, struct kdbus_builder *b);
/* A world-open endpoint that grants @level of @name to all; NULL: nothing. */
int ep_new(const struct bus *bus, const char *endpoint, const char *name,
	   __u64 level);
/* A client that comes through a custom endpoint. */
void client_at(struct kdbus_client *c, const struct bus *bus,
	       const char *endpoint);
/* The same with attach flags. */
void client_with(struct kdbus_client *c, const struct bus *bus,
		 __u64 attach_flags, const char *description);

/* ---- special connections ---------------------------------------------- */

/* A name, unless it is NULL, and what is granted for it. */
void grant(struct kdbus_builder *b, const char *name, __u64 type, __u64 id,
	   __u64 level);
/* An activator, a policy holder or a monitor; @name may be NULL. */
int special_new(struct kdbus_client *c, const struct bus *bus, __u64 flags,
		const char *name);
/* A policy holder with one grant; it has to succeed. */
void holder_new(struct kdbus_client *c, const struct bus *bus,
		const char *name, __u64 type, __u64 id, __u64 level);
/* HELLO on an opened endpoint, which stays open if it fails. */
int hello_on(struct kdbus_client *c, int fd, struct kdbus_builder *hello);

/* ---- matches and notices ---------------------------------------------- */

/* A match of one rule; of none, which is for everything, if @type is 0. */
int match_rule(struct kdbus_client *c, __u64 cookie, __u64 type,
	       const void *data, size_t size);
/* A match for notices of a type about any name or connection. */
void match_notices(struct kdbus_client *c, __u64 type);
/* A broadcast with an empty filter. */
int broadcast(struct kdbus_client *c, __u64 cookie);
/* The next thing queued is this notice, of which all fields are compared. */
void expect_name_notice(struct kdbus_client *c, __u64 type, const char *name,
			struct kdbus_notify_id_change old,
			struct kdbus_notify_id_change new);
void expect_id_notice(struct kdbus_client *c, __u64 type, __u64 id,
		      __u64 flags);
#define CHANGE(i, f) ((struct kdbus_notify_id_change){ .id = (i), .flags = (f) })

/* ---- metadata --------------------------------------------------------- */

/* CONN_INFO by id, or by name if @name is not NULL. */
int conn_info(struct kdbus_client *c, __u64 id, const char *name, __u64 flags,
	      const struct kdbus_conn_info **info);
const struct kdbus_item *info_item(const struct kdbus_conn_info *info,
				   __u64 type);
/* Sends from one to the other and receives; the message is the caller's. */
const struct kdbus_msg *deliver(struct kdbus_client *from,
				struct kdbus_client *to);
/* Maps uid and gid @outside to 0 in the user namespace current just made. */
void map_root(uid_t outside);

#endif /* KDBUS_FIXTURES_H */
