/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The books of the oracle: what each connection did and was told, written by
 * its process alone into memory that all share, and compared afterwards with
 * those of the others (test-oracle.c) and with the trace events
 * (oracle-trace.c). The peers' life is in oracle-peer.c.
 */
#ifndef KDBUS_ORACLE_H
#define KDBUS_ORACLE_H

#include "fixtures.h"

#define PEERS 32
#define UIDS 4
#define NAMES 5
/* for how long everybody does everything, and at most how many things */
#define DURATION (3000 * MSEC)
#define STEPS 400
/* how many times as long, and as many, until all things have happened */
#define LONGEST 6
#define MOST 2
#define MAX_LIVES 256
#define MAX_GOT 65536
#define MAX_SENT 4000

/* Nobody's life: who sent what the kernel says, or whom is not known. */
#define NOBODY_YET (MAX_LIVES + 0u)
#define KERNEL (MAX_LIVES + 1u)

/* The life of the monitor, which is there before and after all others. */
#define MONITOR 0u

enum kind { SIGNAL, BROADCAST, REQUEST, CALL, REPLY, NOTICE, KINDS };

/* The threads of a peer; each numbers what it sends. */
enum { MAIN, CALLER, STREAMS };

/* A message's cookie tells which it is of its sender's. */
#define COOKIE(stream, n) (2ULL * ((n) + 1) + (stream))
#define STREAM_OF(cookie) ((cookie) & 1)
#define NUMBER_OF(cookie) ((cookie) / 2 - 1)

/* What comes with a message. */
#define WITH_FD 1
#define WITH_MEMFD 2

/**
 * struct payload - what each message says
 * @kind:	what it is
 * @from:	the life of its sender
 * @extras:	WITH_*
 * @name:	the name it is sent to, from 1; 0 for none
 * @cookie:	its cookie
 * @answers:	of a reply, the cookie of the request
 */
struct payload {
	__u32 kind, from, extras, name;
	__u64 cookie, answers;
};

/* What the requester was told of the end of a request. */
enum outcome { NONE, ANSWERED, TIMEOUT, DEAD, CANCELLED, GAVE_UP, RESET };

/*
 * What has to happen before the peers stop, or little is known: each outcome,
 * and these.
 */
enum thing {
	/* an end of a life: this and enum end */
	AN_END = RESET + 1,
	/* what was not told in time, and the end of a call gone on with */
	LATE = AN_END + 3, RESUMED,
	/* what was received with its file, and looked at, and not wanted */
	A_FILE, A_MEMFD, PEEKED, DROPPED,
	REFUSED, OWNER_CHANGED,
	/* what NAME_LIST and CONN_INFO told, and that somebody is gone */
	LISTED, INFORMED, NOBODY_THERE,
	FREED_OUT_OF_ORDER, THINGS
};

/* Whether a message was accepted is only known from the trace. */
#define UNKNOWN 1

/**
 * struct sent - what became of a message, as its sender knows it
 * @kind:	what it is
 * @extras:	WITH_*
 * @name:	the name it was sent to, from 1; 0 for none
 * @ret:	0, the error, or UNKNOWN
 * @to:		whose life; NOBODY_YET if it went to a name, until it is known
 * @answers:	of a reply, the cookie of the request
 * @outcome:	of a request
 * @reply:	of an answered one, the cookie of the reply
 * @reply_from:	and whose it was
 * @late:	an answer that came after the outcome
 * @woken:	a signal ended the wait for the reply
 * @cancelled:	MSG_CANCEL said it has cancelled it
 * @seen:	its sends that were accepted, in the trace
 * @refused:	those that were not
 * @queued:	queues it has come to, likewise
 * @started:	calls that began with it
 * @ended:	those that ended
 * @got:	receivers that had it
 * @dropped:	those of them that did not want it
 * @replied:	replies to it that were accepted
 * @unreplied:	those that were not
 * @shown:	times the monitor had it
 */
struct sent {
	__u8 kind, extras, name;
	__s16 ret;
	__u16 to;
	__u64 answers;

	__u8 outcome;
	__u64 reply;
	__u16 reply_from;
	bool late, woken, cancelled;

	/* what the comparison finds */
	__u16 seen, refused, queued, started, ended;
	__u16 got, dropped, replied, unreplied, shown;
};

/**
 * struct got - what was received, or dropped unseen
 * @kind:	what it is
 * @dropped:	by RECV with DROP
 * @unread:	and there was no room to look at it before
 * @name:	the name it was addressed to, from 1; 0 for none
 * @from:	whose life it came from, or KERNEL
 * @type:	of a notice, the type of its item
 * @cookie:	its cookie; of a notice about a call that of the request
 * @id:		of one about a connection, its id
 */
struct got {
	__u8 kind, name;
	bool dropped, unread;
	__u16 from, type;
	__u64 cookie, id;
};

enum end { CLOSED, SAID_BYEBYE, WAS_KILLED };

/**
 * struct life - a connection of a peer
 * @id:		its id on the bus
 * @peer:	whose it is
 * @first:	it was there from the beginning
 * @stayed:	it was there at the end
 * @there:	others know its id
 * @leaving:	it is about to end
 * @gone:	it has ended
 * @watches:	it is the monitor
 * @end:	how
 * @n_sent:	messages of each thread, accepted or not
 * @sent:	these
 * @n_got:	what was received
 * @got:	this, in its order
 * @peeks:	messages that were looked at with PEEK
 * @no_room:	RECVs for which there was no room
 */
struct life {
	__u64 id;
	unsigned int peer;
	bool first, stayed, there, leaving, gone, watches;
	enum end end;
	unsigned int n_sent[STREAMS];
	struct sent sent[STREAMS][MAX_SENT];
	unsigned int n_got;
	struct got got[MAX_GOT];
	unsigned int peeks, no_room;
};

/**
 * struct world - what all processes share
 * @now:	each peer's life
 * @steps:	what each peer has done
 * @began:	when everybody began, on CLOCK_MONOTONIC; 0 before
 * @seen:	how often each thing has happened
 * @over:	nobody does anything any more
 * @n_lives:	lives there were; the first one is that of the monitor
 * @lives:	these
 */
struct world {
	__u64 began;
	unsigned int now[PEERS];
	unsigned int steps[PEERS];
	unsigned int seen[THINGS];
	bool over;
	unsigned int n_lives;
	struct life lives[MAX_LIVES];
};

extern struct world *world;
extern struct bus bus;

/* Points at which all wait for each other. */
enum meeting { ALL_THERE, ALL_DONE, NOTHING_OWED, NOTHING_QUEUED, MEETINGS };
void meet(enum meeting m);

/* The life of a peer's process; @arg is its number. */
void oracle_live(void *arg);
/* That of the monitor's process, which ends when all is over. */
void oracle_watch(void *arg);

/* What a life has sent with a cookie; the test fails if it has not. */
struct sent *oracle_sent(unsigned int life, __u64 cookie);
/* A life by the id of its connection; the test fails if there is none. */
unsigned int oracle_life(__u64 id);
/* Follows the trace and compares it with the books, which it completes. */
void oracle_compare_trace(void);
/* Broadcasts one has sent that did not reach another, by the trace. */
unsigned int oracle_lost(unsigned int to, unsigned int from);

#endif /* KDBUS_ORACLE_H */
