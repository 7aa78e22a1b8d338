// SPDX-License-Identifier: GPL-2.0
/*
 * Memfds: making them, their content and size, mapping them. The seal is in
 * memfd-seal.c. Owns the front file, the backing file and what ties them. Locking
 * and lifetime: see memfd.h.
 */
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/anon_inodes.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/kdbus.h>

#include "compat/compat.h"
#include "item.h"
#include "limits.h"
#include "memfd.h"
#include "trace.h"

/* whole pages, so that rounding a size up to them cannot overflow */
#define KDBUS_MEMFD_MAX_SIZE	round_down(MAX_LFS_FILESIZE, PAGE_SIZE)

/* how much of a write() is brought in and copied at a time */
#define KDBUS_MEMFD_WRITE_PART	SZ_256K

static atomic64_t kdbus_memfd_ids = ATOMIC64_INIT(0);

/* Cuts the file or makes it longer. -ENOMEM, or -EFBIG and a signal. */
static int kdbus_memfd_resize(struct kdbus_memfd_file *memfd, u64 size)
{
	struct iattr attr = {
		.ia_valid = ATTR_SIZE | ATTR_FILE,
		.ia_size = size,
		.ia_file = memfd->file,
	};

	lockdep_assert_held_write(&file_inode(memfd->file)->i_rwsem);

	if (size == kdbus_memfd_get_size(memfd))
		return 0;
	return kdbus_notify_change(file_dentry(memfd->file), &attr);
}

static int kdbus_memfd_grow(struct kdbus_memfd_file *memfd, u64 size)
{
	return size > kdbus_memfd_get_size(memfd) ?
	       kdbus_memfd_resize(memfd, size) : 0;
}

static bool kdbus_memfd_sealed(struct kdbus_memfd_file *memfd)
{
	bool sealed;

	kdbus_memfd_lock(memfd);
	sealed = memfd->sealed;
	kdbus_memfd_unlock(memfd);
	return sealed;
}

/* ---- content ---------------------------------------------------------- */

static ssize_t kdbus_memfd_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct kdbus_memfd_file *memfd = iocb->ki_filp->private_data;

	return vfs_iter_read(memfd->file, to, &iocb->ki_pos, 0);
}

/*
 * Writes all of @from that can be copied without a page fault. What the file
 * grows by is accounted before it is written, and given back if the write
 * comes to less: shmem itself would not account it.
 *
 * Return: bytes written, more than 0; -EFAULT if none could be copied; or
 * another error.
 */
static ssize_t kdbus_memfd_write_locked(struct kdbus_memfd_file *memfd,
					loff_t pos, struct iov_iter *from)
{
	u64 size = kdbus_memfd_get_size(memfd);
	struct kiocb iocb;
	ssize_t ret;

	if (memfd->sealed)
		return -EPERM;
	if (iov_iter_count(from) > KDBUS_MEMFD_MAX_SIZE - pos)
		return -EFBIG;
	ret = kdbus_memfd_grow(memfd, pos + iov_iter_count(from));
	if (ret < 0)
		return ret;

	init_sync_kiocb(&iocb, memfd->file);
	iocb.ki_pos = pos;
	pagefault_disable();
	ret = generic_perform_write(&iocb, from);
	pagefault_enable();

	if (ret > 0)
		size = max_t(u64, size, pos + ret);
	/* too late to fail; the worst that can be is that it stays longer */
	if (size < kdbus_memfd_get_size(memfd))
		kdbus_memfd_resize(memfd, size);
	return ret;
}

static ssize_t kdbus_memfd_write_part(struct kiocb *iocb,
				      struct iov_iter *from)
{
	struct kdbus_memfd_file *memfd = iocb->ki_filp->private_data;
	ssize_t ret;

	kdbus_memfd_lock(memfd);
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = kdbus_memfd_get_size(memfd);
	ret = kdbus_memfd_write_locked(memfd, iocb->ki_pos, from);
	if (ret > 0)
		iocb->ki_pos += ret;
	kdbus_memfd_unlock(memfd);
	return ret;
}

/* Cuts a write to what may lie in a file. -EFBIG if that is nothing. */
static int kdbus_memfd_limit_write(const struct kdbus_memfd_file *memfd,
				   const struct kiocb *iocb,
				   struct iov_iter *from)
{
	u64 rlim = rlimit(RLIMIT_FSIZE);
	u64 limit = min_t(u64, rlim, KDBUS_MEMFD_MAX_SIZE);
	u64 pos = iocb->ki_pos;

	if (iocb->ki_flags & IOCB_APPEND)
		pos = kdbus_memfd_get_size(memfd);
	if (pos >= limit) {
		if (pos >= rlim)
			send_sig(SIGXFSZ, current, 0);
		return -EFBIG;
	}
	iov_iter_truncate(from, limit - pos);
	return 0;
}

static ssize_t kdbus_memfd_write_iter(struct kiocb *iocb,
				      struct iov_iter *from)
{
	ssize_t done = 0, ret;

	if (kdbus_memfd_sealed(iocb->ki_filp->private_data))
		return -EPERM;
	if (!iov_iter_count(from))
		return 0;
	ret = kdbus_memfd_limit_write(iocb->ki_filp->private_data, iocb, from);
	if (ret < 0)
		return ret;

	while (iov_iter_count(from)) {
		size_t left = iov_iter_count(from);
		size_t part = min_t(size_t, left, KDBUS_MEMFD_WRITE_PART);

		part -= fault_in_iov_iter_readable(from, part);
		if (!part) {
			ret = -EFAULT;
			break;
		}
		iov_iter_truncate(from, part);
		ret = kdbus_memfd_write_part(iocb, from);
		iov_iter_reexpand(from, left - max_t(ssize_t, ret, 0));

		/* -EFAULT: what had been brought in has gone again */
		if (ret == -EFAULT && !fatal_signal_pending(current))
			ret = 0;
		if (ret < 0)
			break;
		done += ret;
		cond_resched();
	}
	return done ?: ret;
}

static loff_t kdbus_memfd_llseek(struct file *file, loff_t offset, int whence)
{
	struct kdbus_memfd_file *memfd = file->private_data;

	return generic_file_llseek_size(file, offset, whence,
					KDBUS_MEMFD_MAX_SIZE,
					kdbus_memfd_get_size(memfd));
}

/* ---- mapping ---------------------------------------------------------- */

/*
 * A shared mapping of a sealed file becomes what it would be if the file had
 * been opened read-only: neither mprotect() nor remap_file_pages(), which
 * looks at the backing's mode, makes it writable.
 */
static int kdbus_memfd_mmap_sealed(struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return 0;
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	vm_flags_clear(vma, VM_MAYWRITE | VM_SHARED);
	return 0;
}

/*
 * Clients of 2014 map more than there is and set the size after they have
 * written. Others set the size first, and it stays: the rest of the last page
 * can be mapped without growing the file.
 */
static int kdbus_memfd_mmap_unsealed(struct kdbus_memfd_file *memfd,
				     struct vm_area_struct *vma)
{
	u64 end = (u64)(vma->vm_pgoff + vma_pages(vma)) << PAGE_SHIFT;

	if (!(vma->vm_flags & VM_WRITE) ||
	    end <= PAGE_ALIGN(kdbus_memfd_get_size(memfd)))
		return 0;
	return kdbus_memfd_resize(memfd, end);
}

static int kdbus_memfd_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kdbus_memfd_file *memfd = file->private_data;
	u64 max_pages = KDBUS_MEMFD_MAX_SIZE >> PAGE_SHIFT;
	int ret;

	if (vma_pages(vma) > max_pages ||
	    vma->vm_pgoff > max_pages - vma_pages(vma))
		return -EOVERFLOW;
	/* as of 6.16 no anonymous inode can be mapped so */
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	vm_flags_clear(vma, VM_MAYEXEC);

	kdbus_memfd_lock(memfd);
	if (memfd->sealed)
		ret = kdbus_memfd_mmap_sealed(vma);
	else
		ret = kdbus_memfd_mmap_unsealed(memfd, vma);
	if (ret == 0) {
		memfd->was_mapped = true;
		vma_set_file(vma, memfd->file);
		ret = vfs_mmap(memfd->file, vma);
	}
	kdbus_memfd_unlock(memfd);
	return ret;
}

/* ---- commands --------------------------------------------------------- */

static int kdbus_memfd_cmd_size_get(struct kdbus_memfd_file *memfd,
				    u64 __user *argp)
{
	u64 size = kdbus_memfd_get_size(memfd);

	if (!kdbus_user_ptr_is_aligned(argp) ||
	    copy_to_user(argp, &size, sizeof(size)))
		return -EFAULT;
	return 0;
}

static int kdbus_memfd_cmd_size_set(struct kdbus_memfd_file *memfd,
				    const u64 __user *argp)
{
	u64 size;
	int ret;

	if (!kdbus_user_ptr_is_aligned(argp) ||
	    copy_from_user(&size, argp, sizeof(size)))
		return -EFAULT;

	kdbus_memfd_lock(memfd);
	if (memfd->sealed)
		ret = size == kdbus_memfd_get_size(memfd) ? -EALREADY : -EPERM;
	else if (size > KDBUS_MEMFD_MAX_SIZE)
		ret = -EINVAL;
	else
		ret = kdbus_memfd_resize(memfd, size);
	kdbus_memfd_unlock(memfd);
	return ret;
}

static int kdbus_memfd_cmd_seal_get(struct kdbus_memfd_file *memfd,
				    int __user *argp)
{
	int sealed = kdbus_memfd_sealed(memfd);

	return copy_to_user(argp, &sealed, sizeof(sealed)) ? -EFAULT : 0;
}

static long kdbus_memfd_cmd(struct file *file, unsigned int cmd,
			    unsigned long arg, void __user *argp)
{
	struct kdbus_memfd_file *memfd = file->private_data;

	switch (cmd) {
	case KDBUS_CMD_MEMFD_SEAL_SET:
		return kdbus_memfd_set_seal(file, arg != 0);
	case KDBUS_CMD_MEMFD_SIZE_GET:
		return kdbus_memfd_cmd_size_get(memfd, argp);
	case KDBUS_CMD_MEMFD_SIZE_SET:
		return kdbus_memfd_cmd_size_set(memfd, argp);
	case KDBUS_CMD_MEMFD_SEAL_GET:
		return kdbus_memfd_cmd_seal_get(memfd, argp);
	}
	return -ENOTTY;
}

/* Fails as the command does, and says so. */
static long kdbus_memfd_run(struct file *file, unsigned int cmd,
			    unsigned long arg, void __user *argp)
{
	long ret = kdbus_memfd_cmd(file, cmd, arg, argp);

	if (ret < 0 && _IOC_TYPE(cmd) == KDBUS_IOCTL_MAGIC)
		kdbus_trace(cmd_refuse, 0, 0, _IOC_NR(cmd), ret);
	return ret;
}

static long kdbus_memfd_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	return kdbus_memfd_run(file, cmd, arg, (void __user *)arg);
}

#ifdef CONFIG_COMPAT
/* The same numbers as a 32-bit process counts a pointer's size into them. */
#define KDBUS_CMD_MEMFD_SIZE_GET_32					\
	_IOR(KDBUS_IOCTL_MAGIC, 0xc1, compat_uptr_t)
#define KDBUS_CMD_MEMFD_SIZE_SET_32					\
	_IOW(KDBUS_IOCTL_MAGIC, 0xc2, compat_uptr_t)
#define KDBUS_CMD_MEMFD_SEAL_GET_32					\
	_IOR(KDBUS_IOCTL_MAGIC, 0xc3, compat_uptr_t)

static long kdbus_memfd_compat_ioctl(struct file *file, unsigned int cmd,
				     unsigned long arg)
{
	switch (cmd) {
	case KDBUS_CMD_MEMFD_SIZE_GET_32:
		cmd = KDBUS_CMD_MEMFD_SIZE_GET;
		break;
	case KDBUS_CMD_MEMFD_SIZE_SET_32:
		cmd = KDBUS_CMD_MEMFD_SIZE_SET;
		break;
	case KDBUS_CMD_MEMFD_SEAL_GET_32:
		cmd = KDBUS_CMD_MEMFD_SEAL_GET;
		break;
	}
	return kdbus_memfd_run(file, cmd, arg, compat_ptr(arg));
}
#endif

/**
 * kdbus_memfd_trace_pass() - tell that a message carries a memfd
 * @file:	the memfd; the caller has a reference
 * @bus:	id of the bus
 * @src:	id of the sender
 * @msg:	trace id of the message
 */
void kdbus_memfd_trace_pass(const struct file *file, u64 bus, u64 src, u64 msg)
{
	const struct kdbus_memfd_file *memfd = file->private_data;

	kdbus_trace(memfd_pass, bus, src, msg, memfd->id,
		    kdbus_memfd_get_size(memfd));
}

/* ---- making and ending ------------------------------------------------ */

static void kdbus_memfd_free(struct kdbus_memfd_file *memfd)
{
	fput(memfd->file);
	kfree(memfd);
}

static int kdbus_memfd_release(struct inode *inode, struct file *file)
{
	struct kdbus_memfd_file *memfd = file->private_data;

	WARN_ON(atomic_read(&memfd->n_messages));
	kdbus_trace(memfd_dead, memfd->id, kdbus_memfd_get_size(memfd));
	kdbus_memfd_free(memfd);
	return 0;
}

static const struct file_operations kdbus_memfd_ops = {
	.owner = THIS_MODULE,
	.release = kdbus_memfd_release,
	.llseek = kdbus_memfd_llseek,
	.read_iter = kdbus_memfd_read_iter,
	.write_iter = kdbus_memfd_write_iter,
	.mmap = kdbus_memfd_mmap,
	.unlocked_ioctl = kdbus_memfd_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = kdbus_memfd_compat_ioctl,
#endif
};

static struct file *kdbus_memfd_new_backing(const char *name, u64 size)
{
	struct file *file;
	int ret;

	if (size > KDBUS_MEMFD_MAX_SIZE)
		return ERR_PTR(-EINVAL);

	file = kdbus_shmem_file(name, size);
	if (IS_ERR(file))
		return file;

	/* for as long as the inode lives; cannot fail, nobody else has it */
	ret = deny_write_access(file);
	if (WARN_ON_ONCE(ret < 0)) {
		fput(file);
		return ERR_PTR(ret);
	}
	return file;
}

static struct kdbus_memfd_file *kdbus_memfd_alloc(const char *name, u64 size)
{
	struct kdbus_memfd_file *memfd;
	struct file *file;

	memfd = kzalloc(sizeof(*memfd), GFP_KERNEL_ACCOUNT);
	if (!memfd)
		return ERR_PTR(-ENOMEM);

	file = kdbus_memfd_new_backing(name, size);
	if (IS_ERR(file)) {
		kfree(memfd);
		return ERR_CAST(file);
	}
	memfd->file = file;
	memfd->id = atomic64_inc_return(&kdbus_memfd_ids);
	return memfd;
}

/* A front, referenced by the caller alone. @name is NULL if it has none. */
static struct file *kdbus_memfd_new(const char *name, u64 size)
{
	char front[sizeof("[kdbus-memfd:]") + KDBUS_SYSNAME_MAX_LEN];
	struct kdbus_memfd_file *memfd;
	struct file *file;

	snprintf(front, sizeof(front), "[kdbus-memfd%s%s]", name ? ":" : "",
		 name ?: "");

	memfd = kdbus_memfd_alloc(front, size);
	if (IS_ERR(memfd))
		return ERR_CAST(memfd);
	strscpy(memfd->name, name ?: "", sizeof(memfd->name));

	file = anon_inode_getfile(front, &kdbus_memfd_ops, memfd, O_RDWR);
	if (IS_ERR(file)) {
		kdbus_memfd_free(memfd);
		return file;
	}
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	kdbus_trace(memfd_new, memfd->id, size, memfd->name);
	return file;
}

static int kdbus_memfd_parse(const struct kdbus_cmd_memfd_make *cmd,
			     const char **name)
{
	const struct kdbus_item *item;
	struct kdbus_items items;
	int ret;

	*name = NULL;
	kdbus_items_init(&items, cmd, offsetof(typeof(*cmd), items), cmd->size);
	while ((ret = kdbus_items_next(&items, &item)) > 0) {
		if (item->type != KDBUS_ITEM_MEMFD_NAME)
			continue;
		if (*name)
			return -EEXIST;
		ret = kdbus_item_check_sysname(item);
		if (ret < 0)
			return ret;
		*name = item->str;
	}
	return ret;
}

/* Gives @file, and the reference to it, a number. Fails without a trace. */
static int kdbus_memfd_install(struct file *file, int __user *argp)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	if (copy_to_user(argp, &fd, sizeof(fd))) {
		put_unused_fd(fd);
		return -EFAULT;
	}
	fd_install(fd, file);
	return 0;
}

/**
 * kdbus_cmd_memfd_new() - KDBUS_CMD_MEMFD_NEW
 * @argp:	struct kdbus_cmd_memfd_make in user memory
 *
 * Return: 0 and the number of the new descriptor in the command; or -EFAULT,
 * -EINVAL, -EMSGSIZE, -EEXIST, -ENAMETOOLONG, -ENOMEM, -EMFILE or -ENFILE, and
 * there is none.
 */
long kdbus_cmd_memfd_new(void __user *argp)
{
	struct kdbus_cmd_memfd_make __user *user_cmd = argp;
	struct kdbus_cmd_memfd_make *cmd;
	struct file *file;
	const char *name;
	int ret;

	cmd = kdbus_cmd_import(argp, sizeof(*cmd), KDBUS_MEMFD_MAX_CMD_SIZE);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);
	ret = kdbus_memfd_parse(cmd, &name);
	if (ret < 0)
		goto exit;

	file = kdbus_memfd_new(name, cmd->file_size);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto exit;
	}
	ret = kdbus_memfd_install(file, &user_cmd->fd);
	if (ret < 0)
		fput(file);
exit:
	kvfree(cmd);
	return ret;
}

/* ---- for messages ----------------------------------------------------- */

/**
 * kdbus_is_memfd() - whether a file is a memfd
 * @file:	the file
 */
bool kdbus_is_memfd(const struct file *file)
{
	return file->f_op == &kdbus_memfd_ops;
}

/**
 * kdbus_memfd_get() - the memfd that has a number
 * @fd:		the number, in the caller's table
 *
 * Return: a reference for the caller, who ends it with fput(); or as a pointer
 * -EBADF (nothing there) or -EMEDIUMTYPE (not a memfd).
 */
struct file *kdbus_memfd_get(int fd)
{
	struct file *file;

	if (fd < 0)
		return ERR_PTR(-EBADF);
	file = fget(fd);
	if (!file)
		return ERR_PTR(-EBADF);
	if (!kdbus_is_memfd(file)) {
		fput(file);
		return ERR_PTR(-EMEDIUMTYPE);
	}
	return file;
}

/**
 * kdbus_memfd_carry() - a message carries a file from now on
 * @file:	the file, to which the message has a reference; may be no memfd
 *
 * The seal does not change until kdbus_memfd_uncarry() has been called as
 * often. Can sleep, touches no user memory.
 *
 * Return: whether it is a memfd, and sealed.
 */
bool kdbus_memfd_carry(struct file *file)
{
	struct kdbus_memfd_file *memfd = file->private_data;
	bool sealed;

	if (!kdbus_is_memfd(file))
		return false;
	kdbus_memfd_lock(memfd);
	atomic_inc(&memfd->n_messages);
	sealed = memfd->sealed;
	kdbus_memfd_unlock(memfd);
	return sealed;
}

/**
 * kdbus_memfd_uncarry() - a message does not carry a file any more
 * @file:	the file; the caller still has the message's reference
 */
void kdbus_memfd_uncarry(struct file *file)
{
	struct kdbus_memfd_file *memfd = file->private_data;

	if (kdbus_is_memfd(file))
		atomic_dec(&memfd->n_messages);
}

/**
 * kdbus_memfd_size() - how long a memfd is, in bytes
 * @file:	the memfd; its size is constant only while it is sealed
 */
u64 kdbus_memfd_size(const struct file *file)
{
	return kdbus_memfd_get_size(file->private_data);
}
