# SPDX-License-Identifier: GPL-2.0
#
# Reads a kernel log, prints it without KCSAN's reports of races that are not
# the module's: the kernel has some of its own, and many functions that the
# module calls, locks among them, are in some. Variables: bad, a pattern of what
# counts wherever it is said, also in the middle of a report.
#
# A report counts if the access on one of its sides is the module's: made by a
# function of the module, or for one by the kernel's functions for lists, trees,
# strings and whatever else works on the memory it is given. But for one thing:
# what put_page() reads to see whether a page is a part of a larger one. That
# word of struct page (the second; they are 64 bytes long, from 0xffffea...) is
# also a link of the list of pages that the kernel puts it on, whose bit 0 is
# never set. A plain read of it counts.
BEGIN {
	library = " _*(list_(add|del)|llist_|rb_|xas?_|mem(cpy|move|set|cmp|chr|scan)" \
		"|kmemdup|kstrdup|krealloc|kasprintf|str|sc?nprintf|vsc?nprintf" \
		"|format_decode|number|put_dec|seq_|find_(first|next)|full_name_hash" \
		"|copy_(from|to)_user|(get|put)_user|refcount_|wake_up|rcuwait_" \
		"|prepare_to_wait|finish_|(add|remove)_wait_queue|autoremove_wake" \
		")[a-z0-9_.]*\\+0x"
	page_head = "read \\(marked\\) to 0xffffea[0-9a-f]*[048c]8 of 8 bytes"
}

/====================/ {
	inside = !inside
	if (inside)
		report = side = ours = head = ""
	else if (report !~ /KCSAN/ || (ours && !head))
		printf "%s", report
	next
}
!inside {
	print
	next
}
/ bytes by (task|interrupt)/ {
	side = 1
	head = head || $0 ~ page_head
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
