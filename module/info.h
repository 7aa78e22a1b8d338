/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is told of a connection: the metadata of its messages, and CONN_INFO.
 *
 * A privileged HELLO may give CREDS and a SECLABEL: such a connection speaks
 * for somebody else, so what is told is what was given, and nothing of the
 * process that has it.
 */
#ifndef KDBUS_INFO_H
#define KDBUS_INFO_H

#include <linux/types.h>
#include <linux/kdbus.h>

struct kdbus_conn;
struct kdbus_item_writer;
struct kdbus_meta;

/**
 * struct kdbus_given - who a connection speaks for
 * @any:	anything was given
 * @has_creds:	CREDS were
 * @creds:	those; uid and gid are in @uid and @gid
 * @uid:	uid as the kernel knows it; invalid if it has no such
 * @gid:	likewise
 * @seclabel:	label that was given, or NULL
 */
struct kdbus_given {
	bool any;
	bool has_creds;
	struct kdbus_creds creds;
	kuid_t uid;
	kgid_t gid;
	char *seclabel;
};

int kdbus_info_write(const struct kdbus_conn *conn,
		     const struct kdbus_meta *meta, u64 flags,
		     const struct kdbus_conn *to, struct kdbus_item_writer *w,
		     u64 *names_gen);
int kdbus_cmd_conn_info(struct kdbus_conn *conn, void __user *argp);
int kdbus_cmd_conn_update(struct kdbus_conn *conn, void __user *argp);

#endif /* KDBUS_INFO_H */
