/* SPDX-License-Identifier: GPL-2.0 */
/* What the demo's services and clients say to each other. */
#ifndef DEMO_H
#define DEMO_H

#define DEMO_BUS "demo"
#define DEMO_FILES "org.kdbus.demo.Files"
#define DEMO_RESOLVER "org.kdbus.demo.Resolver"

/* A request is a string. A reply is this, and then what was asked for. */
struct demo_reply {
	int error;		/* 0 or a positive errno */
	unsigned int size;	/* bytes behind it */
};

/* the largest piece of a file that is sent */
#define DEMO_MAX_DATA (256 << 10)

#endif /* DEMO_H */
