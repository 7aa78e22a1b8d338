# SPDX-License-Identifier: GPL-2.0
#
# Reads a kernel log, prints it without KCSAN's reports of races that are not
# the module's: the kernel has some of its own. Variables: bad, a pattern of
# what counts wherever it is said, also in the middle of a report.
#
# A report counts if the module is on one of its sides. It is not for what is
# done on its stack by others: an interrupt, a page fault, the BPF programs of
# its trace events. Nor do these count:
# - functions of the kernel that are made to be called without a lock: the page
#   cache marks a page as used; timers and poll look before they lock;
# - what put_page() reads to see whether a page is a part of a larger one. That
#   word of struct page (the second; they are 64 bytes long, from 0xffffea...)
#   is also a link of the list of pages that the kernel puts it on, whose bit 0
#   is never set. A plain read of it would count.
BEGIN {
	known = "data-race in (__filemap_get_folio|__hrtimer_run_queues|poll_schedule_timeout|tick_)"
	others = "asm_sysvec_|asm_common_interrupt|asm_exc_page_fault|__bpf_trace_kdbus_"
	page_head = "read \\(marked\\) to 0xffffea[0-9a-f]*[048c]8 of 8 bytes"
}

function counts()
{
	if (report !~ /KCSAN/)
		return 1
	return ours && !head && (title !~ known || title ~ /kdbus/)
}

/====================/ {
	inside = !inside
	if (inside)
		report = title = side = ours = head = ""
	else if (counts())
		printf "%s", report
	next
}
!inside {
	print
	next
}
/BUG: KCSAN:/ {
	title = $0
}
/ bytes by (task|interrupt)/ {
	side = 1
	if ($0 ~ page_head)
		head = 1
}
# whose the side is, says the first frame that tells
side && $0 ~ others {
	side = ""
}
side && /\[kdbus\]/ {
	side = ""
	ours = 1
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
