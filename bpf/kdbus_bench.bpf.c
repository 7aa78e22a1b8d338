// SPDX-License-Identifier: GPL-2.0
/*
 * The BPF half of kdbus-bench: how long a mutex is held, between the return of
 * mutex_lock() and the call of mutex_unlock(), and how often one was taken.
 *
 * The module has nothing for it. So the mutex is found by what takes it: while
 * @learn_tgid is set, the mutexes that its threads take are noted in @seen, and
 * user space looks for the one that two commands have in common. Then @lock is
 * that mutex.
 *
 * The programs themselves run under the mutex. What that adds is the same each
 * time: user space measures a mutex under which next to nothing is done.
 */
#include "kdbus_kernel.bpf.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* the process that is learned from, and the bits its mutexes get */
__u32 learn_tgid, learn_bits;

/* the mutex, when it was taken, its holds since user space cleared them */
__u64 lock, taken_ns;
__u64 holds, held_ns, longest_ns;

/* how often any mutex was found taken */
__u64 contended;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u32);
} seen SEC(".maps");

static void learn(__u64 addr)
{
	__u32 bits = learn_bits, *old;

	if (bpf_get_current_pid_tgid() >> 32 != learn_tgid)
		return;
	old = bpf_map_lookup_elem(&seen, &addr);
	if (old)
		bits |= *old;
	bpf_map_update_elem(&seen, &addr, &bits, BPF_ANY);
}

SEC("fexit/mutex_lock")
int mutex_taken(__u64 *args)
{
	if (learn_tgid)
		learn(args[0]);
	if (args[0] == lock)
		taken_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("fentry/mutex_unlock")
int mutex_dropped(__u64 *args)
{
	__u64 ns;

	if (args[0] != lock)
		return 0;
	ns = bpf_ktime_get_ns() - taken_ns;
	holds++;
	held_ns += ns;
	if (ns > longest_ns)
		longest_ns = ns;
	return 0;
}

/* linux/lock trace events: what the flags say of a mutex */
#define LCB_F_MUTEX (1U << 5)

SEC("tp_btf/contention_begin")
int mutex_contended(__u64 *args)
{
	if (args[1] & LCB_F_MUTEX)
		__sync_fetch_and_add(&contended, 1);
	return 0;
}
