/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What exists now, for tools that start later than the buses they show:
 * root-only text files in debugfs. docs/debugfs.rst describes them.
 */
#ifndef KDBUS_DEBUGFS_H
#define KDBUS_DEBUGFS_H

void kdbus_debugfs_init(void);
void kdbus_debugfs_exit(void);

#endif /* KDBUS_DEBUGFS_H */
