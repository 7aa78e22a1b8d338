/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: memfds
 *
 * A memfd is an open file with memory behind it that can be sealed: while it
 * is sealed, nobody can change what is in it, and the seal cannot be broken
 * while anybody else has the file. That is what lets a receiver use payload
 * where it lies.
 *
 * Two files make a memfd. The *front* is what descriptors and messages refer
 * to; it owns the struct kdbus_memfd_file, which lives as long as the front does.
 * The *backing* is a shmem file that no descriptor refers to: only the memfd
 * and the mappings hold references to it. So the front's count says who has
 * the memfd, and the backing's who has it mapped; a mapping can outlive the
 * front. The backing refuses for good to be opened for writing by way of
 * /proc/PID/map_files, hence all that changes it comes through here.
 *
 * One lock guards the seal and everything that changes the content or the
 * size: that of the backing's inode. Reading takes none. mmap() takes it with
 * the mmap lock held, so no user memory may be touched under it: write()
 * brings the user's pages in first and copies with page faults disabled. The
 * lock is taken with a lockdep subclass of its own, since all other users of
 * shmem files nest the two the other way round.
 *
 * The seal changes only while the descriptor SEAL_SET was called on is all there
 * is: no other descriptor, no mapping, no page that I/O holds, no message. Each
 * message counts itself with kdbus_memfd_carry(), which tells under the same lock
 * whether the memfd is sealed; from then on it stays so. A receiver has a
 * descriptor before its message is counted no more.
 *
 * The size is accounted as a whole (as of a shared anonymous mapping),
 * however the memfd came by it; pages are charged to the control group of
 * whoever touches them first.
 */
#ifndef KDBUS_MEMFD_H
#define KDBUS_MEMFD_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/types.h>

#include "limits.h"

long kdbus_cmd_memfd_new(void __user *argp);

struct file *kdbus_memfd_get(int fd);
bool kdbus_is_memfd(const struct file *file);
bool kdbus_memfd_carry(struct file *file);
void kdbus_memfd_uncarry(struct file *file);
u64 kdbus_memfd_size(const struct file *file);
void kdbus_memfd_trace_pass(const struct file *file, u64 bus, u64 src, u64 msg);

/* ---- for memfd.c and memfd-seal.c only ---------------------------------- */

/**
 * struct kdbus_memfd_file - what a front file stands for
 * @id:		of trace events
 * @file:	the backing, referenced
 * @sealed:	nobody may change it; lock: the backing inode's
 * @was_mapped:	pages may have been pinned through a mapping since they were
 *		last looked at; same lock
 * @n_messages:	references of messages; grows under that lock only
 * @name:	given by the maker, may be empty
 */
struct kdbus_memfd_file {
	u64 id;
	struct file *file;
	bool sealed;
	bool was_mapped;
	atomic_t n_messages;
	char name[KDBUS_SYSNAME_MAX_LEN + 1];
};

static inline void kdbus_memfd_lock(struct kdbus_memfd_file *memfd)
{
	inode_lock_nested(file_inode(memfd->file), I_MUTEX_NONDIR2);
}

static inline void kdbus_memfd_unlock(struct kdbus_memfd_file *memfd)
{
	inode_unlock(file_inode(memfd->file));
}

static inline u64 kdbus_memfd_get_size(const struct kdbus_memfd_file *memfd)
{
	return i_size_read(file_inode(memfd->file));
}

int kdbus_memfd_set_seal(struct file *file, bool seal);

#endif /* KDBUS_MEMFD_H */
