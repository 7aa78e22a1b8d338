/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Single words of user memory. They are get_user() and put_user(), but the
 * kernel's fault injection, which knows longer copies only, can have them fail.
 */
#ifndef KDBUS_UACCESS_H
#define KDBUS_UACCESS_H

#include <linux/fault-inject-usercopy.h>
#include <linux/uaccess.h>

#define kdbus_get_user(x, ptr) \
	(should_fail_usercopy() ? -EFAULT : get_user(x, ptr))
#define kdbus_put_user(x, ptr) \
	(should_fail_usercopy() ? -EFAULT : put_user(x, ptr))

#endif /* KDBUS_UACCESS_H */
