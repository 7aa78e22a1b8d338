/* SPDX-License-Identifier: GPL-2.0 */
/* What the whole module shares. */
#ifndef KDBUS_MAIN_H
#define KDBUS_MAIN_H

struct workqueue_struct;

/* runs what timers find due; lives as long as the module */
extern struct workqueue_struct *kdbus_workqueue;

#endif /* KDBUS_MAIN_H */
