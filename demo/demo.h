/* SPDX-License-Identifier: GPL-2.0 */
/* What the demo's services and clients say to each other. */
#ifndef DEMO_H
#define DEMO_H

#include <linux/kdbus.h>

#define DEMO_BUS "demo"
#define DEMO_SANDBOX "sandbox"		/* a custom endpoint of the bus */
#define DEMO_FILES "org.kdbus.demo.Files"
#define DEMO_RESOLVER "org.kdbus.demo.Resolver"
#define DEMO_DIGEST "org.kdbus.demo.Digest"
#define DEMO_NEWS "org.kdbus.demo.News"

/* A request is a string. A reply is this, and then what was asked for. */
struct demo_reply {
	int error;		/* 0 or a positive errno */
	unsigned int size;	/* bytes behind it */
};

/* A request of DEMO_DIGEST is a memfd. This is the reply. */
struct demo_digest {
	unsigned long long bytes;
	unsigned int crc;	/* zlib's crc32() */
	unsigned int pid;	/* of the service, which comes and goes */
};

/* A broadcast of DEMO_NEWS: this, and then lines of text. */
struct demo_news {
	char topic[24];
	unsigned long long number;	/* of this topic, from 1 */
};

/* the bloom filter of lib/kdbus-client.c's buses, in 64-bit words */
#define DEMO_BLOOM_WORDS 8

/* Sets the bits of a topic. */
static inline void demo_bloom(__u64 *bits, const char *topic)
{
	unsigned int hash = 5381, i;

	while (*topic)
		hash = hash * 33 + (unsigned char)*topic++;
	for (i = 0; i < 4; i++, hash = hash * 1664525 + 1013904223)
		bits[hash / 64 % DEMO_BLOOM_WORDS] |= 1ULL << hash % 64;
}

/* the largest piece of a file that is sent */
#define DEMO_MAX_DATA (256 << 10)

#endif /* DEMO_H */
