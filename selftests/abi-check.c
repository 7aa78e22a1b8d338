/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Compile-time check of <linux/kdbus.h> against the kdbus ABI of July 2014.
 *
 *   cc -fsyntax-only -std=gnu11 -I<dir that holds linux/kdbus.h> abi-check.c
 *
 * Every struct size, member offset, member size, constant and ioctl number:
 * spec 2.1, 2.3, 2.4, 2.6.
 */
#include <stddef.h>
#include <linux/kdbus.h>

#define SIZE(t, n) _Static_assert(sizeof(struct t) == (n), "sizeof " #t)
#define OFFS(t, m, n) _Static_assert(offsetof(struct t, m) == (n), #t "." #m " offset")
#define WIDTH(t, m, n) _Static_assert(sizeof(((struct t *)0)->m) == (n), #t "." #m " size")
#define VAL(c, n) _Static_assert((unsigned long long)(c) == (n), #c)

VAL(KDBUS_IOCTL_MAGIC, 0x95ULL);
VAL(KDBUS_SRC_ID_KERNEL, 0x0ULL);
VAL(KDBUS_DST_ID_NAME, 0x0ULL);
VAL(KDBUS_MATCH_ID_ANY, 0xffffffffffffffffULL);
VAL(KDBUS_DST_ID_BROADCAST, 0xffffffffffffffffULL);

SIZE(kdbus_notify_id_change, 16);
OFFS(kdbus_notify_id_change, id, 0);
WIDTH(kdbus_notify_id_change, id, 8);
OFFS(kdbus_notify_id_change, flags, 8);
WIDTH(kdbus_notify_id_change, flags, 8);

SIZE(kdbus_notify_name_change, 32);
OFFS(kdbus_notify_name_change, old, 0);
WIDTH(kdbus_notify_name_change, old, 16);
OFFS(kdbus_notify_name_change, new, 16);
WIDTH(kdbus_notify_name_change, new, 16);
OFFS(kdbus_notify_name_change, name, 32);

SIZE(kdbus_creds, 40);
OFFS(kdbus_creds, uid, 0);
WIDTH(kdbus_creds, uid, 8);
OFFS(kdbus_creds, gid, 8);
WIDTH(kdbus_creds, gid, 8);
OFFS(kdbus_creds, pid, 16);
WIDTH(kdbus_creds, pid, 8);
OFFS(kdbus_creds, tid, 24);
WIDTH(kdbus_creds, tid, 8);
OFFS(kdbus_creds, starttime, 32);
WIDTH(kdbus_creds, starttime, 8);

SIZE(kdbus_audit, 16);
OFFS(kdbus_audit, sessionid, 0);
WIDTH(kdbus_audit, sessionid, 8);
OFFS(kdbus_audit, loginuid, 8);
WIDTH(kdbus_audit, loginuid, 8);

SIZE(kdbus_timestamp, 24);
OFFS(kdbus_timestamp, seqnum, 0);
WIDTH(kdbus_timestamp, seqnum, 8);
OFFS(kdbus_timestamp, monotonic_ns, 8);
WIDTH(kdbus_timestamp, monotonic_ns, 8);
OFFS(kdbus_timestamp, realtime_ns, 16);
WIDTH(kdbus_timestamp, realtime_ns, 8);

SIZE(kdbus_vec, 16);
OFFS(kdbus_vec, size, 0);
WIDTH(kdbus_vec, size, 8);
OFFS(kdbus_vec, address, 8);
WIDTH(kdbus_vec, address, 8);
OFFS(kdbus_vec, offset, 8);
WIDTH(kdbus_vec, offset, 8);

SIZE(kdbus_bloom_parameter, 16);
OFFS(kdbus_bloom_parameter, size, 0);
WIDTH(kdbus_bloom_parameter, size, 8);
OFFS(kdbus_bloom_parameter, n_hash, 8);
WIDTH(kdbus_bloom_parameter, n_hash, 8);

SIZE(kdbus_bloom_filter, 8);
OFFS(kdbus_bloom_filter, generation, 0);
WIDTH(kdbus_bloom_filter, generation, 8);
OFFS(kdbus_bloom_filter, data, 8);

SIZE(kdbus_memfd, 16);
OFFS(kdbus_memfd, size, 0);
WIDTH(kdbus_memfd, size, 8);
OFFS(kdbus_memfd, fd, 8);
WIDTH(kdbus_memfd, fd, 4);
OFFS(kdbus_memfd, __pad, 12);
WIDTH(kdbus_memfd, __pad, 4);

SIZE(kdbus_name, 8);
OFFS(kdbus_name, flags, 0);
WIDTH(kdbus_name, flags, 8);
OFFS(kdbus_name, name, 8);

SIZE(kdbus_policy_access, 24);
OFFS(kdbus_policy_access, type, 0);
WIDTH(kdbus_policy_access, type, 8);
OFFS(kdbus_policy_access, access, 8);
WIDTH(kdbus_policy_access, access, 8);
OFFS(kdbus_policy_access, id, 16);
WIDTH(kdbus_policy_access, id, 8);

SIZE(kdbus_item, 56);
OFFS(kdbus_item, size, 0);
WIDTH(kdbus_item, size, 8);
OFFS(kdbus_item, type, 8);
WIDTH(kdbus_item, type, 8);
OFFS(kdbus_item, data, 16);
OFFS(kdbus_item, data32, 16);
OFFS(kdbus_item, data64, 16);
OFFS(kdbus_item, str, 16);
OFFS(kdbus_item, id, 16);
WIDTH(kdbus_item, id, 8);
OFFS(kdbus_item, vec, 16);
WIDTH(kdbus_item, vec, 16);
OFFS(kdbus_item, creds, 16);
WIDTH(kdbus_item, creds, 40);
OFFS(kdbus_item, audit, 16);
WIDTH(kdbus_item, audit, 16);
OFFS(kdbus_item, timestamp, 16);
WIDTH(kdbus_item, timestamp, 24);
OFFS(kdbus_item, name, 16);
WIDTH(kdbus_item, name, 8);
OFFS(kdbus_item, bloom_parameter, 16);
WIDTH(kdbus_item, bloom_parameter, 16);
OFFS(kdbus_item, bloom_filter, 16);
WIDTH(kdbus_item, bloom_filter, 8);
OFFS(kdbus_item, memfd, 16);
WIDTH(kdbus_item, memfd, 16);
OFFS(kdbus_item, fds, 16);
OFFS(kdbus_item, name_change, 16);
WIDTH(kdbus_item, name_change, 32);
OFFS(kdbus_item, id_change, 16);
WIDTH(kdbus_item, id_change, 16);
OFFS(kdbus_item, policy_access, 16);
WIDTH(kdbus_item, policy_access, 24);

SIZE(kdbus_msg, 64);
OFFS(kdbus_msg, size, 0);
WIDTH(kdbus_msg, size, 8);
OFFS(kdbus_msg, flags, 8);
WIDTH(kdbus_msg, flags, 8);
OFFS(kdbus_msg, priority, 16);
WIDTH(kdbus_msg, priority, 8);
OFFS(kdbus_msg, dst_id, 24);
WIDTH(kdbus_msg, dst_id, 8);
OFFS(kdbus_msg, src_id, 32);
WIDTH(kdbus_msg, src_id, 8);
OFFS(kdbus_msg, payload_type, 40);
WIDTH(kdbus_msg, payload_type, 8);
OFFS(kdbus_msg, cookie, 48);
WIDTH(kdbus_msg, cookie, 8);
OFFS(kdbus_msg, timeout_ns, 56);
WIDTH(kdbus_msg, timeout_ns, 8);
OFFS(kdbus_msg, cookie_reply, 56);
WIDTH(kdbus_msg, cookie_reply, 8);
OFFS(kdbus_msg, offset_reply, 56);
WIDTH(kdbus_msg, offset_reply, 8);
OFFS(kdbus_msg, items, 64);

SIZE(kdbus_cmd_recv, 24);
OFFS(kdbus_cmd_recv, flags, 0);
WIDTH(kdbus_cmd_recv, flags, 8);
OFFS(kdbus_cmd_recv, priority, 8);
WIDTH(kdbus_cmd_recv, priority, 8);
OFFS(kdbus_cmd_recv, offset, 16);
WIDTH(kdbus_cmd_recv, offset, 8);

SIZE(kdbus_cmd_hello, 80);
OFFS(kdbus_cmd_hello, size, 0);
WIDTH(kdbus_cmd_hello, size, 8);
OFFS(kdbus_cmd_hello, conn_flags, 8);
WIDTH(kdbus_cmd_hello, conn_flags, 8);
OFFS(kdbus_cmd_hello, attach_flags, 16);
WIDTH(kdbus_cmd_hello, attach_flags, 8);
OFFS(kdbus_cmd_hello, bus_flags, 24);
WIDTH(kdbus_cmd_hello, bus_flags, 8);
OFFS(kdbus_cmd_hello, id, 32);
WIDTH(kdbus_cmd_hello, id, 8);
OFFS(kdbus_cmd_hello, pool_size, 40);
WIDTH(kdbus_cmd_hello, pool_size, 8);
OFFS(kdbus_cmd_hello, bloom, 48);
WIDTH(kdbus_cmd_hello, bloom, 16);
OFFS(kdbus_cmd_hello, id128, 64);
WIDTH(kdbus_cmd_hello, id128, 16);
OFFS(kdbus_cmd_hello, items, 80);

SIZE(kdbus_cmd_make, 16);
OFFS(kdbus_cmd_make, size, 0);
WIDTH(kdbus_cmd_make, size, 8);
OFFS(kdbus_cmd_make, flags, 8);
WIDTH(kdbus_cmd_make, flags, 8);
OFFS(kdbus_cmd_make, items, 16);

SIZE(kdbus_cmd_name, 32);
OFFS(kdbus_cmd_name, size, 0);
WIDTH(kdbus_cmd_name, size, 8);
OFFS(kdbus_cmd_name, flags, 8);
WIDTH(kdbus_cmd_name, flags, 8);
OFFS(kdbus_cmd_name, owner_id, 16);
WIDTH(kdbus_cmd_name, owner_id, 8);
OFFS(kdbus_cmd_name, conn_flags, 24);
WIDTH(kdbus_cmd_name, conn_flags, 8);
OFFS(kdbus_cmd_name, name, 32);

SIZE(kdbus_cmd_name_list, 16);
OFFS(kdbus_cmd_name_list, flags, 0);
WIDTH(kdbus_cmd_name_list, flags, 8);
OFFS(kdbus_cmd_name_list, offset, 8);
WIDTH(kdbus_cmd_name_list, offset, 8);

SIZE(kdbus_name_list, 8);
OFFS(kdbus_name_list, size, 0);
WIDTH(kdbus_name_list, size, 8);
OFFS(kdbus_name_list, names, 8);

SIZE(kdbus_cmd_conn_info, 32);
OFFS(kdbus_cmd_conn_info, size, 0);
WIDTH(kdbus_cmd_conn_info, size, 8);
OFFS(kdbus_cmd_conn_info, flags, 8);
WIDTH(kdbus_cmd_conn_info, flags, 8);
OFFS(kdbus_cmd_conn_info, id, 16);
WIDTH(kdbus_cmd_conn_info, id, 8);
OFFS(kdbus_cmd_conn_info, offset, 24);
WIDTH(kdbus_cmd_conn_info, offset, 8);
OFFS(kdbus_cmd_conn_info, name, 32);

SIZE(kdbus_conn_info, 24);
OFFS(kdbus_conn_info, size, 0);
WIDTH(kdbus_conn_info, size, 8);
OFFS(kdbus_conn_info, id, 8);
WIDTH(kdbus_conn_info, id, 8);
OFFS(kdbus_conn_info, flags, 16);
WIDTH(kdbus_conn_info, flags, 8);
OFFS(kdbus_conn_info, items, 24);

SIZE(kdbus_cmd_update, 8);
OFFS(kdbus_cmd_update, size, 0);
WIDTH(kdbus_cmd_update, size, 8);
OFFS(kdbus_cmd_update, items, 8);

SIZE(kdbus_cmd_match, 16);
OFFS(kdbus_cmd_match, size, 0);
WIDTH(kdbus_cmd_match, size, 8);
OFFS(kdbus_cmd_match, cookie, 8);
WIDTH(kdbus_cmd_match, cookie, 8);
OFFS(kdbus_cmd_match, items, 16);

SIZE(kdbus_cmd_memfd_make, 24);
OFFS(kdbus_cmd_memfd_make, size, 0);
WIDTH(kdbus_cmd_memfd_make, size, 8);
OFFS(kdbus_cmd_memfd_make, file_size, 8);
WIDTH(kdbus_cmd_memfd_make, file_size, 8);
OFFS(kdbus_cmd_memfd_make, fd, 16);
WIDTH(kdbus_cmd_memfd_make, fd, 4);
OFFS(kdbus_cmd_memfd_make, __pad, 20);
WIDTH(kdbus_cmd_memfd_make, __pad, 4);
OFFS(kdbus_cmd_memfd_make, items, 24);

/* enum kdbus_item_type */
VAL(_KDBUS_ITEM_NULL, 0x0ULL);
VAL(_KDBUS_ITEM_USER_BASE, 0x1ULL);
VAL(KDBUS_ITEM_PAYLOAD_VEC, 0x1ULL);
VAL(KDBUS_ITEM_PAYLOAD_OFF, 0x2ULL);
VAL(KDBUS_ITEM_PAYLOAD_MEMFD, 0x3ULL);
VAL(KDBUS_ITEM_FDS, 0x4ULL);
VAL(KDBUS_ITEM_BLOOM_PARAMETER, 0x5ULL);
VAL(KDBUS_ITEM_BLOOM_FILTER, 0x6ULL);
VAL(KDBUS_ITEM_BLOOM_MASK, 0x7ULL);
VAL(KDBUS_ITEM_DST_NAME, 0x8ULL);
VAL(KDBUS_ITEM_MAKE_NAME, 0x9ULL);
VAL(KDBUS_ITEM_MEMFD_NAME, 0xaULL);
VAL(KDBUS_ITEM_ATTACH_FLAGS, 0xbULL);
VAL(_KDBUS_ITEM_ATTACH_BASE, 0x1000ULL);
VAL(KDBUS_ITEM_NAME, 0x1000ULL);
VAL(KDBUS_ITEM_ID, 0x1001ULL);
VAL(KDBUS_ITEM_TIMESTAMP, 0x1002ULL);
VAL(KDBUS_ITEM_CREDS, 0x1003ULL);
VAL(KDBUS_ITEM_PID_COMM, 0x1004ULL);
VAL(KDBUS_ITEM_TID_COMM, 0x1005ULL);
VAL(KDBUS_ITEM_EXE, 0x1006ULL);
VAL(KDBUS_ITEM_CMDLINE, 0x1007ULL);
VAL(KDBUS_ITEM_CGROUP, 0x1008ULL);
VAL(KDBUS_ITEM_CAPS, 0x1009ULL);
VAL(KDBUS_ITEM_SECLABEL, 0x100aULL);
VAL(KDBUS_ITEM_AUDIT, 0x100bULL);
VAL(KDBUS_ITEM_CONN_NAME, 0x100cULL);
VAL(_KDBUS_ITEM_POLICY_BASE, 0x2000ULL);
VAL(KDBUS_ITEM_POLICY_ACCESS, 0x2000ULL);
VAL(_KDBUS_ITEM_KERNEL_BASE, 0x8000ULL);
VAL(KDBUS_ITEM_NAME_ADD, 0x8000ULL);
VAL(KDBUS_ITEM_NAME_REMOVE, 0x8001ULL);
VAL(KDBUS_ITEM_NAME_CHANGE, 0x8002ULL);
VAL(KDBUS_ITEM_ID_ADD, 0x8003ULL);
VAL(KDBUS_ITEM_ID_REMOVE, 0x8004ULL);
VAL(KDBUS_ITEM_REPLY_TIMEOUT, 0x8005ULL);
VAL(KDBUS_ITEM_REPLY_DEAD, 0x8006ULL);

/* enum kdbus_msg_flags */
VAL(KDBUS_MSG_FLAGS_EXPECT_REPLY, 0x1ULL);
VAL(KDBUS_MSG_FLAGS_SYNC_REPLY, 0x2ULL);
VAL(KDBUS_MSG_FLAGS_NO_AUTO_START, 0x4ULL);

/* enum kdbus_payload_type */
VAL(KDBUS_PAYLOAD_KERNEL, 0x0ULL);
VAL(KDBUS_PAYLOAD_DBUS, 0x4442757344427573ULL);

/* enum kdbus_recv_flags */
VAL(KDBUS_RECV_PEEK, 0x1ULL);
VAL(KDBUS_RECV_DROP, 0x2ULL);
VAL(KDBUS_RECV_USE_PRIORITY, 0x4ULL);

/* enum kdbus_policy_access_type */
VAL(_KDBUS_POLICY_ACCESS_NULL, 0x0ULL);
VAL(KDBUS_POLICY_ACCESS_USER, 0x1ULL);
VAL(KDBUS_POLICY_ACCESS_GROUP, 0x2ULL);
VAL(KDBUS_POLICY_ACCESS_WORLD, 0x3ULL);

/* enum kdbus_policy_type */
VAL(KDBUS_POLICY_SEE, 0x0ULL);
VAL(KDBUS_POLICY_TALK, 0x1ULL);
VAL(KDBUS_POLICY_OWN, 0x2ULL);

/* enum kdbus_hello_flags */
VAL(KDBUS_HELLO_ACCEPT_FD, 0x1ULL);
VAL(KDBUS_HELLO_ACTIVATOR, 0x2ULL);
VAL(KDBUS_HELLO_POLICY_HOLDER, 0x4ULL);
VAL(KDBUS_HELLO_MONITOR, 0x8ULL);

/* enum kdbus_attach_flags */
VAL(KDBUS_ATTACH_TIMESTAMP, 0x1ULL);
VAL(KDBUS_ATTACH_CREDS, 0x2ULL);
VAL(KDBUS_ATTACH_NAMES, 0x4ULL);
VAL(KDBUS_ATTACH_COMM, 0x8ULL);
VAL(KDBUS_ATTACH_EXE, 0x10ULL);
VAL(KDBUS_ATTACH_CMDLINE, 0x20ULL);
VAL(KDBUS_ATTACH_CGROUP, 0x40ULL);
VAL(KDBUS_ATTACH_CAPS, 0x80ULL);
VAL(KDBUS_ATTACH_SECLABEL, 0x100ULL);
VAL(KDBUS_ATTACH_AUDIT, 0x200ULL);
VAL(KDBUS_ATTACH_CONN_NAME, 0x400ULL);
VAL(_KDBUS_ATTACH_ALL, 0x7ffULL);

/* enum kdbus_make_flags */
VAL(KDBUS_MAKE_ACCESS_GROUP, 0x1ULL);
VAL(KDBUS_MAKE_ACCESS_WORLD, 0x2ULL);

/* enum kdbus_name_flags */
VAL(KDBUS_NAME_REPLACE_EXISTING, 0x1ULL);
VAL(KDBUS_NAME_ALLOW_REPLACEMENT, 0x2ULL);
VAL(KDBUS_NAME_QUEUE, 0x4ULL);
VAL(KDBUS_NAME_IN_QUEUE, 0x8ULL);
VAL(KDBUS_NAME_ACTIVATOR, 0x10ULL);

/* enum kdbus_name_list_flags */
VAL(KDBUS_NAME_LIST_UNIQUE, 0x1ULL);
VAL(KDBUS_NAME_LIST_NAMES, 0x2ULL);
VAL(KDBUS_NAME_LIST_ACTIVATORS, 0x4ULL);
VAL(KDBUS_NAME_LIST_QUEUED, 0x8ULL);
VAL(KDBUS_CMD_BUS_MAKE, 0x40109500ULL);
VAL(KDBUS_CMD_DOMAIN_MAKE, 0x40109510ULL);
VAL(KDBUS_CMD_EP_MAKE, 0x40109520ULL);
VAL(KDBUS_CMD_HELLO, 0xc0509530ULL);
VAL(KDBUS_CMD_BYEBYE, 0x00009531ULL);
VAL(KDBUS_CMD_MSG_SEND, 0xc0409540ULL);
VAL(KDBUS_CMD_MSG_RECV, 0xc0189541ULL);
VAL(KDBUS_CMD_NAME_ACQUIRE, 0xc0209550ULL);
VAL(KDBUS_CMD_NAME_RELEASE, 0x40209551ULL);
VAL(KDBUS_CMD_NAME_LIST, 0xc0109552ULL);
VAL(KDBUS_CMD_CONN_INFO, 0xc0209560ULL);
VAL(KDBUS_CMD_CONN_UPDATE, 0x40089561ULL);
VAL(KDBUS_CMD_EP_UPDATE, 0x40089571ULL);
VAL(KDBUS_CMD_MATCH_ADD, 0x40109580ULL);
VAL(KDBUS_CMD_MATCH_REMOVE, 0x40109581ULL);
VAL(KDBUS_CMD_MEMFD_NEW, 0xc01895c0ULL);
VAL(KDBUS_CMD_MEMFD_SEAL_SET, 0x000095c4ULL);

/* these encode the size of a pointer */
#ifdef __LP64__
VAL(KDBUS_CMD_MSG_CANCEL, 0x40089542ULL);
VAL(KDBUS_CMD_FREE, 0x40089543ULL);
VAL(KDBUS_CMD_MEMFD_SIZE_GET, 0x800895c1ULL);
VAL(KDBUS_CMD_MEMFD_SIZE_SET, 0x400895c2ULL);
VAL(KDBUS_CMD_MEMFD_SEAL_GET, 0x800895c3ULL);
#else
VAL(KDBUS_CMD_MSG_CANCEL, 0x40049542ULL);
VAL(KDBUS_CMD_FREE, 0x40049543ULL);
VAL(KDBUS_CMD_MEMFD_SIZE_GET, 0x800495c1ULL);
VAL(KDBUS_CMD_MEMFD_SIZE_SET, 0x400495c2ULL);
VAL(KDBUS_CMD_MEMFD_SEAL_GET, 0x800495c3ULL);
#endif

int abi_check_ok;
