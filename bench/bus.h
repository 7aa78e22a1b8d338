/* SPDX-License-Identifier: GPL-2.0 */
/* What the files that measure the bus share: peers, and what they do. */
#ifndef KDBUS_BENCH_BUS_H
#define KDBUS_BENCH_BUS_H

#include <kdbus-client.h>

#include "bench.h"

#define POOL (16ULL << 20)
#define MAX_RECEIVERS 1000

/* Has connections made to the bus that bench_kdbus() has made by this name. */
void bus_use(const char *suffix);

/* A connection to the bus. */
void client_open(struct kdbus_client *c, __u64 attach, __u64 pool);

/* ---- calls and messages one way ---------------------------------------- */

/**
 * struct call - a client and a server
 * @client:	sends requests
 * @server:	answers them, in a process of its own
 * @request:	what is sent
 * @reply:	what is sent back
 */
struct call {
	struct kdbus_client client, server;
	struct kdbus_builder request, reply;
};

/* @all: with all metadata */
void call_open(struct call *c, size_t size, bool all);
void call_close(struct call *c);

/* The server, for bench_fork(). */
void call_serve(void *arg);

/* A synchronous call, and a message from client to server and its receipt. */
void call_sync(void *arg, unsigned int n);
void oneway(void *arg, unsigned int n);

/* ---- broadcasts -------------------------------------------------------- */

/* what the receivers match, and whether the broadcast reaches them */
enum listen {
	LISTEN_ID,	/* the sender's id: reaches all */
	LISTEN_ALL,	/* the same, with all metadata attached */
	LISTEN_OTHER,	/* another id: reaches none */
	LISTEN_BLOOM,	/* a bloom mask with eight bits set: reaches none */
	LISTEN_LAST,	/* a mask that differs in its last word: reaches none */
};

/**
 * struct broadcast - a sender and its receivers
 * @sender:	the sender
 * @receivers:	the receivers
 * @n:		how many
 * @gets:	whether the broadcasts reach them
 * @msg:	the broadcast
 */
struct broadcast {
	struct kdbus_client sender, receivers[MAX_RECEIVERS];
	unsigned int n;
	bool gets;
	struct kdbus_builder msg;
};

void broadcast_open(struct broadcast *b, unsigned int n, enum listen listen);
void broadcast_close(struct broadcast *b);
void broadcast_run(void *arg, unsigned int n);

/* ---- names and matches ------------------------------------------------- */

/* A match with one rule. */
void match_add(struct kdbus_client *c, __u64 cookie, __u64 type,
	       const void *rule, size_t size);

/* Each takes a client: a name taken and given up, a match, the list of all. */
void name_run(void *arg, unsigned int n);
void match_run(void *arg, unsigned int n);
void list_run(void *arg, unsigned int n);

void bench_locks(void);
void bench_cpus(void);

#endif /* KDBUS_BENCH_BUS_H */
