/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What arrives, compared with what arrives when nothing fails: all of it but
 * what is another one each time by its nature. All of it belongs to the case
 * that runs; see harness.h.
 */
#ifndef KDBUS_ARRIVALS_H
#define KDBUS_ARRIVALS_H

#include "harness.h"

/* Metadata that may be missing where memory is, as a set. */
#define LACK(type) (1ULL << ((type) - _KDBUS_ITEM_ATTACH_BASE))
#define LACK_ANY (LACK(KDBUS_ITEM_CONN_NAME + 1) - 1)

/* A cookie that is another one in each round, more than all other ones. */
extern __u64 round_cookie;
/* Connections up to this id are there in all rounds; after it there is one. */
extern __u64 last_old_id;

/*
 * Note something that @c has got. Of files it is which they are, how they are
 * open, and what is in memfds; numbers are others each time.
 */
void note_msg(const struct kdbus_client *c, const struct kdbus_msg *msg);
void note_info(const struct kdbus_client *c,
	       const struct kdbus_conn_info *info);
void note_hello(const struct kdbus_cmd_hello *hello);
void note_bytes(const struct kdbus_client *c, const void *data, size_t size);

/* A round begins; what messages say of when they were sent is after this. */
void arrivals_begin(void);
/* Forgets what has been noted. */
void arrivals_forget(void);
/* What has been noted is how it has to be. */
void arrivals_keep(void);
/*
 * Fails the case, with what is said, if something has been noted that is not as
 * has been kept, but for items of @may_lack: there are all of a type or none.
 * Up to @lost arrivals may not have come. Returns the set of types that lacked.
 */
__u64 arrivals_compare(unsigned int lost, __u64 may_lack, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* KDBUS_ARRIVALS_H */
