/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of memfds do with them. All belongs to the case that runs. */
#ifndef KDBUS_MEMFDS_H
#define KDBUS_MEMFDS_H

#include "harness.h"

#define PAGE 4096UL
#define MIB (1UL << 20)
/* whole pages below 2^63 */
#define MAX_SIZE (0x7ffffffffffff000ULL)
/* more than there is memory; mmap2() of 32-bit programs reaches no further */
#define FAR_OFFSET (1LL << 43)
#define RW (PROT_READ | PROT_WRITE)
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

/* an address that the compiler knows nothing of */
extern void *volatile nowhere;

/* The control node of the initial domain, opened once. */
int control(void);
/* What MEMFD_NEW returns: a descriptor or a negative errno. */
int try_new_on(int fd, __u64 size, const char *name);
int try_new(__u64 size, const char *name);
int memfd_new(__u64 size);
int seal(int fd, unsigned long arg);
int is_sealed(int fd);
__u64 size_of(int fd);
int set_size(int fd, __u64 size);
/* A call that returns a number: that, or a negative errno. */
long result(long ret);
/* What mmap() of it returns: 0, with *ptr set, or a negative errno. */
int map(int fd, size_t size, int prot, int flags, off_t offset, char **ptr);
char *map_rw(int fd, size_t size);
void *unreadable_page(void);

#endif /* KDBUS_MEMFDS_H */
