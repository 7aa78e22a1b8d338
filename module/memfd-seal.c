// SPDX-License-Identifier: GPL-2.0
/*
 * The seal of memfds: who else has one, and waiting for pinned pages. Rules and
 * locking: see memfd.h.
 */
#include <linux/cpu.h>
#include <linux/dcache.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "memfd.h"
#include "trace.h"

/* how often SEAL_SET looks for pinned pages, and how long it waits at first */
#define KDBUS_MEMFD_LOOKS	6
#define KDBUS_MEMFD_WAIT_MS	10

/*
 * Whether the table of descriptors is also that of other threads. Then the
 * running system call has a reference of its own to its file. To be asked once,
 * early: the other threads can end, the reference stays.
 */
static bool kdbus_memfd_table_is_shared(void)
{
	return atomic_read(&current->files->count) > 1;
}

static int kdbus_memfd_count_in_table(const void *file, struct file *found,
				      unsigned int fd)
{
	if (found != file)
		return 0;
	return file_count(found) == 2 ? 1 : -1;
}

/*
 * Whether nothing but the descriptor that the ioctl was called on, and the
 * system call itself, has a reference to the front. Other threads can have
 * closed the descriptor, and a reference that is left would look like its own:
 * so they are counted while the file is seen in the table, under its lock.
 */
static bool kdbus_memfd_is_own(struct file *file, bool shared_table)
{
	if (!shared_table)
		return file_count(file) == 1;
	return iterate_fd(current->files, 0, kdbus_memfd_count_in_table,
			  file) == 1;
}

/* Whether anybody but the caller has the file, or has it mapped. */
static bool kdbus_memfd_is_shared(struct file *file, bool shared_table)
{
	const struct kdbus_memfd_file *memfd = file->private_data;

	return atomic_read(&memfd->n_messages) ||
	       file_count(memfd->file) > 1 ||
	       d_count(file_dentry(memfd->file)) > 1 ||
	       !kdbus_memfd_is_own(file, shared_table);
}

/*
 * Whether anybody holds on to pages of a file that is not mapped: direct or
 * asynchronous I/O, vmsplice(), another process that copies. A page has one
 * reference per page from the page cache and one from the look itself.
 *
 * Pages that wait in a processor's list for being put on an LRU list look
 * pinned as well. A look empties those lists of the processor it runs on,
 * when it releases what it has found; so the next one may see less.
 */
static bool kdbus_memfd_is_pinned(struct kdbus_memfd_file *memfd)
{
	struct address_space *mapping = memfd->file->f_mapping;
	struct folio_batch batch;
	bool pinned = false;
	pgoff_t index = 0;
	unsigned int i;

	folio_batch_init(&batch);
	while (!pinned &&
	       filemap_get_folios(mapping, &index, ULONG_MAX, &batch)) {
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];

			if (folio_ref_count(folio) > folio_nr_pages(folio) + 1)
				pinned = true;
		}
		folio_batch_release(&batch);
		cond_resched();
	}
	return pinned;
}

/* Empties the lists of this processor by releasing a few pages. */
static long kdbus_memfd_drain(void *arg)
{
	struct kdbus_memfd_file *memfd = arg;
	struct folio_batch batch;
	pgoff_t index = 0;

	folio_batch_init(&batch);
	filemap_get_folios(memfd->file->f_mapping, &index, ULONG_MAX, &batch);
	folio_batch_release(&batch);
	return 0;
}

static void kdbus_memfd_drain_everywhere(struct kdbus_memfd_file *memfd)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, kdbus_memfd_drain, memfd);
	cpus_read_unlock();
}

/* After look number @look found pages pinned. False: look no more. */
static bool kdbus_memfd_wait_for_pins(struct kdbus_memfd_file *memfd,
				      unsigned int look)
{
	unsigned int ms;

	if (look == 0)
		return true;
	if (look == 1) {
		kdbus_memfd_drain_everywhere(memfd);
		return true;
	}
	if (look >= KDBUS_MEMFD_LOOKS - 1)
		return false;
	ms = KDBUS_MEMFD_WAIT_MS << (look - 2);
	return !schedule_timeout_killable(msecs_to_jiffies(ms));
}

/* One attempt. -EAGAIN: only pinned pages are in the way. */
static int kdbus_memfd_try_seal(struct file *file, bool seal,
				bool shared_table)
{
	struct kdbus_memfd_file *memfd = file->private_data;
	int ret = 0;

	kdbus_memfd_lock(memfd);
	if (kdbus_memfd_is_shared(file, shared_table)) {
		ret = memfd->sealed == seal ? -EALREADY : -ETXTBSY;
	} else if (memfd->sealed != seal) {
		if (memfd->was_mapped && kdbus_memfd_is_pinned(memfd)) {
			ret = -EAGAIN;
		} else {
			memfd->was_mapped = false;
			memfd->sealed = seal;
		}
	}
	kdbus_memfd_unlock(memfd);
	return ret;
}

/**
 * kdbus_memfd_set_seal() - KDBUS_CMD_MEMFD_SEAL_SET
 * @file:	the memfd, as the ioctl was called on it
 * @seal:	whether it is to be sealed or unsealed
 *
 * Return: 0; -EALREADY or -ETXTBSY while anybody else has it.
 */
int kdbus_memfd_set_seal(struct file *file, bool seal)
{
	struct kdbus_memfd_file *memfd = file->private_data;
	bool shared_table = kdbus_memfd_table_is_shared();
	unsigned int look = 0;
	int ret;

	do {
		ret = kdbus_memfd_try_seal(file, seal, shared_table);
	} while (ret == -EAGAIN && kdbus_memfd_wait_for_pins(memfd, look++));
	if (ret == -EAGAIN)
		ret = -ETXTBSY;

	kdbus_trace(memfd_seal, memfd->id, kdbus_memfd_get_size(memfd), seal,
		    ret, memfd->name);
	return ret;
}
