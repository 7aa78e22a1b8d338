// SPDX-License-Identifier: GPL-2.0
/*
 * What the module uses of the kernel and what no other function takes the
 * place of. probe.sh compiles this and, where it does not compile, refuses the
 * kernel by the name of the first function or header that is missing or has
 * another form. It is no part of the module.
 *
 * Here is what has changed before or may change; not what every module uses.
 * One use a line, the function's name first.
 */
#include <linux/anon_inodes.h>
#include <linux/audit.h>
#include <linux/cdev.h>
#include <linux/cgroup.h>
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/freezer.h>
#include <linux/fs_struct.h>
#include <linux/highmem.h>
#include <linux/hrtimer.h>
#include <linux/kernfs.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/nsproxy.h>
#include <linux/pagemap.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/rcuwait.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/time_namespace.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "current.h"

/* pools and memfds: struct page, struct folio, memory cgroups */
static void __maybe_unused memory(struct address_space *mapping,
				  struct folio_batch *batch,
				  struct mem_cgroup *memcg, pgoff_t *index)
{
	struct folio *folio = batch->folios[0];
	struct page *page;

	page = shmem_read_mapping_page_gfp(mapping, 0, mapping_gfp_mask(mapping));
	page = shmem_read_mapping_page(mapping, 0);
	put_page(page);
	set_page_dirty(page);
	flush_dcache_page(page);
	kunmap_local(kmap_local_page(page));
	filemap_get_folios(mapping, index, ULONG_MAX, batch);
	filemap_get_folios_contig(mapping, index, ULONG_MAX, batch);
	folio_batch_release(batch);
	folio_ref_count(folio);
	folio_nr_pages(folio);
	folio_test_large(folio);
	folio_test_uptodate(folio);
	folio_put(folio);
	memcg = set_active_memcg(memcg);
	memcg = get_mem_cgroup_from_mm(current->mm);
	mem_cgroup_put(memcg);
}

/* memfds: a file of their own in front of one of shmem */
static void __maybe_unused files(struct file *file, struct kiocb *iocb,
				 struct iov_iter *iter,
				 struct vm_area_struct *vma,
				 const struct file_operations *fops)
{
	struct inode *inode = file_inode(file);
	u64 end = vma->vm_pgoff + vma_pages(vma);

	vfs_iter_read(file, iter, &iocb->ki_pos, 0);
	init_sync_kiocb(iocb, file);
	generic_perform_write(iocb, iter);
	fault_in_iov_iter_readable(iter, 1);
	iov_iter_truncate(iter, 1);
	iov_iter_reexpand(iter, 1);
	generic_file_llseek_size(file, 0, SEEK_SET, end, i_size_read(inode));
	vma_set_file(vma, file);
	deny_write_access(file);
	inode_lock_nested(inode, I_MUTEX_NONDIR2);
	inode_unlock(inode);
	d_count(file_dentry(file));
	anon_inode_getfile("x", fops, file, O_RDWR);
	fput(fget_raw(0));
	get_file(fget(0));
	fd_install(get_unused_fd_flags(O_CLOEXEC), file);
	put_unused_fd(0);
	kdbus_receive_fd(file, O_CLOEXEC);
	close_fd(0);
	stream_open(inode, file);
	atomic_read(&current->files->count);
	iterate_fd(current->files, 0, NULL, file);
}

static long work(void *arg)
{
	return 0;
}

/* which files may travel; waiting; timers */
static int __maybe_unused others(struct file *file, struct rcuwait *wait,
				 struct hrtimer *timer,
				 struct work_struct *item,
				 poll_table *poller, wait_queue_head_t *head)
{
	struct socket *sock = sock_from_file(file);

	if (sock->ops->family == PF_UNIX)
		return file_inode(file)->i_sb->s_magic;
	work_on_cpu(0, work, NULL);
	cpus_read_lock();
	cpus_read_unlock();
	hrtimer_start(timer, 0, HRTIMER_MODE_ABS);
	hrtimer_cancel(timer);
	poll_wait(file, head, poller);
	queue_work(alloc_workqueue("x", WQ_UNBOUND, WQ_UNBOUND_MAX_ACTIVE),
		   item);
	should_fail_usercopy();
	rcuwait_wake_up(wait);
	return rcuwait_wait_event(wait, true,
				  TASK_INTERRUPTIBLE | TASK_FREEZABLE);
}

/* metadata */
static void __maybe_unused process(struct path *path, struct timespec64 *ts,
				   struct cgroup *cgroup, char *buf)
{
	const struct cred *cred = get_current_cred();
	struct cgroup_namespace *ns = current->nsproxy->cgroup_ns;

	cgroup_parent(ns->root_cset->dfl_cgrp);
	task_dfl_cgroup(current);
	kdbus_cgroup_name(cgroup);
	get_fs_root(current->fs, path);
	path_is_under(path, path);
	kern_path("/proc", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, path);
	d_path(path, buf, PATH_MAX);
	path_put(path);
	audit_get_loginuid(current);
	audit_get_sessionid(current);
	timens_add_monotonic(ts);
	timens_add_boottime(ts);
	pid_nr_ns(get_pid(task_tgid(current)), task_active_pid_ns(current));
	put_pid_ns(get_pid_ns(task_active_pid_ns(current)));
	put_user_ns(get_user_ns(cred->user_ns));
	ns_capable_noaudit(cred->user_ns, CAP_SYS_PTRACE);
	cap_issubset(cred->cap_permitted, cred->cap_effective);
	spin_lock(&current->mm->arg_lock);
	in_egroup_p(cred->egid);
	in_group_p(cred->egid);
	current->group_leader->start_boottime = 0;
	kdbus_current_exe_file();
	kdbus_current_undumpable_ns();
	kdbus_current_label(buf, PATH_MAX);
}

static char *devnode(KDBUS_DEVNODE_CONST struct device *dev, umode_t *mode,
		     kuid_t *uid, kgid_t *gid)
{
	return NULL;
}

/* nodes below /dev */
static void __maybe_unused nodes(struct device *dev, struct cdev *cdev,
				 dev_t devt, struct bus_type *bus,
				 const struct file_operations *fops)
{
	static const struct device_type type = { .devnode = devnode };

	bus_register(bus);
	bus_unregister(bus);
	dev->type = &type;
	device_initialize(dev);
	dev_set_name(dev, "%s", "x");
	device_add(dev);
	device_unregister(dev);
	alloc_chrdev_region(&devt, 0, 1, "x");
	cdev_add(cdev, devt, 1);
	debugfs_create_file("x", 0400, debugfs_create_dir("x", NULL), NULL, fops);
}
