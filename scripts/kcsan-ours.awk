# SPDX-License-Identifier: GPL-2.0
#
# Reads a kernel log that scripts/inlined has looked at, prints it without
# KCSAN's reports of races that are not the module's: the kernel has some of its
# own, and many functions that the module calls, locks among them, are in some.
# Variables: bad, a pattern of what counts wherever it is said, also in the
# middle of a report.
#
# A report counts if the access on one of its sides is the module's: made by a
# function of the module, or for one by the kernel's functions for lists, trees,
# strings and whatever else works on the memory it is given and leaves locking
# to others, as xarrays and wait queues do not. Inline functions of the kernel
# are the module's but for those on the kernel's own objects, such as get_cred(),
# which writes without a lock what everybody writes there.
BEGIN {
	library = " _*(list_(add|del)|llist_|rb_|mem(cpy|move|set|cmp|chr|scan)" \
		"|kmemdup|kstrdup|krealloc|kasprintf|str|sc?nprintf|vsc?nprintf" \
		"|format_decode|number|put_dec|seq_|find_(first|next)|full_name_hash" \
		"|copy_(from|to)_user|(get|put)_user|refcount_)[a-z0-9_.]*\\+0x"
	objects = "include/linux/(audit|cgroup|cred|dcache|fs|fs_struct|memcontrol|mm|mmzone" \
		"|page-flags|pagemap|percpu-refcount|perf_event|proc_fs|sched" \
		"|sched/[a-z_]+|slab|thread_info|time_namespace|trace_events)\\.h"
}

/====================/ {
	inside = !inside
	if (inside)
		report = side = ours = ""
	else if (report !~ /KCSAN/ || ours)
		printf "%s", report
	next
}
!inside {
	print
	next
}
/ bytes by (task|interrupt)/ {
	side = 1
}
side && / \(inlined\) / && $0 ~ objects {
	side = ""
}
side && /\+0x/ {
	if ($0 ~ /\[kdbus\]/)
		ours = 1
	if (ours || $0 !~ library)
		side = ""
}
{
	report = report $0 "\n"
	if ($0 ~ bad && $0 !~ /KCSAN/)
		print
}
END {
	if (inside)
		printf "%s", report
}
