/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: handles
 *
 * A handle is an open file of a node, and what has become of it:
 *
 *   CONTROL -> BUS_OWNER	BUS_MAKE; closing the file ends the bus
 *   CONTROL -> DOMAIN_OWNER	DOMAIN_MAKE; likewise the domain
 *   EP -> CONNECTED		HELLO; likewise the connection
 *   EP -> EP_OWNER		EP_MAKE; likewise the new endpoint
 *
 * A step is made once. handle->lock lets one thread try at a time; what the
 * step made is stored before the new state, which is published with release
 * and read with acquire, so ioctl, poll and mmap need no lock.
 */
#ifndef KDBUS_HANDLE_H
#define KDBUS_HANDLE_H

#include <linux/fs.h>

extern const struct file_operations kdbus_handle_ops;

#endif /* KDBUS_HANDLE_H */
