#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: kcsan-reports.sh
# Of what a kernel with KCSAN says all counts that is about the module, and
# nothing else. Each report is tried in the middle of a log. Inline functions
# are found in a module, which is built here.
set -euo pipefail
cd "$(dirname "$0")/.."

ours() { scripts/inlined "$ko" | awk -v bad='WARNING:|BUG:' -f scripts/kcsan-ours.awk; }

line='=================================================================='
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
out=$dir/out
failed=

# functions that access memory only in inline functions of the kernel, and one
# whose inline function is its own
ko=$dir/kdbus.ko
mkdir -p "$dir/include/linux"
echo 'static inline void get_cred(int *p) { *p = 0; }' > "$dir/include/linux/cred.h"
echo 'static inline void list_add(int *p) { *p = 1; }' > "$dir/include/linux/list.h"
cc -g -O2 -fsanitize=thread --param tsan-instrument-func-entry-exit=0 -c -o "$ko" \
	-I"$dir/include" -x c - <<'E'
#include <linux/cred.h>
#include <linux/list.h>
static inline void own(int *p) { *p = 2; }
void kdbus_own(int *p) { own(p); p[1] = 0; }
void kdbus_list(int *p) { list_add(p); p[1] = 0; }
void kdbus_cred(int *p) { get_cred(p); p[1] = 0; }
E

# frame FUNCTION NTH - as it is in a stack, of its NTH access
frame() {
	local start behind
	# the line behind a call, whose relocation is on a line of its own
	read -r start behind < <(objdump -dr --no-show-raw-insn "$ko" | awk -v fn="<$1>:" -v nth="$2" '
		$2 == fn { start = $1 }
		start != "" && seen == nth && !/R_X86_64/ { print start, $1; exit }
		start != "" && /__tsan_/ { seen++ }')
	printf ' %s+0x%x/0x40 [kdbus]\n' "$1" $((0x${behind%:} - 0x$start))
}

# expect counts|not WHAT
expect() {
	local got=not
	! grep -q . "$out" || got=counts
	[ "$got" = "$1" ] || {
		echo "$2: $got, must be $1"
		failed=1
	}
}

# report counts|not WHAT < REPORT
report() {
	{
		echo "before"
		echo "$line"
		cat
		echo "$line"
		echo "behind"
	} | sed 's/^/[  231.465022] /' | ours > "$out"
	[ "$(sed -n '1p;$p' "$out" | tr -d '\n')" = \
	  "[  231.465022] before[  231.465022] behind" ]
	sed -i '1d;$d' "$out"
	expect "$1" "$2"
}

report counts "the module against itself" <<'E'
BUG: KCSAN: data-race in kdbus_a [kdbus] / kdbus_b [kdbus]

write to 0xffff888004f14d20 of 4 bytes by task 1577 on cpu 1:
 kdbus_a+0xc9/0x450 [kdbus]
 __x64_sys_ioctl+0xce/0x100

read to 0xffff888004f14d20 of 4 bytes by task 1860 on cpu 0:
 kdbus_b+0x2ca/0x480 [kdbus]
E
report counts "a list of the module" <<'E'
BUG: KCSAN: data-race in __list_add_valid / __list_del_entry_valid

read to 0xffff888004f14d20 of 8 bytes by task 1577 on cpu 1:
 __list_add_valid+0xc9/0x450
 kdbus_a+0xc9/0x450 [kdbus]

write to 0xffff888004f14d20 of 8 bytes by task 1860 on cpu 0:
 __list_del_entry_valid+0x10/0x20
E
report counts "a string that is printed" <<'E'
BUG: KCSAN: data-race in string_nocheck / other

read to 0xffff888004f14d20 of 1 bytes by task 1577 on cpu 1:
 string_nocheck+0xc9/0x450
 string+0xc9/0x450
 vsnprintf+0xc9/0x450
 snprintf+0xc9/0x450
 kdbus_a.constprop.0+0xc9/0x450 [kdbus]

write to 0xffff888004f14d20 of 8 bytes by task 1860 on cpu 0:
 other+0x10/0x20
E
report counts "a timer of the module" <<'E'
BUG: KCSAN: data-race in kdbus_timer [kdbus] / other

write to 0xffff888004f14d20 of 4 bytes by interrupt on cpu 1:
 kdbus_timer+0xc9/0x450 [kdbus]
 __hrtimer_run_queues+0x1/0x2
 asm_sysvec_apic_timer_interrupt+0x1/0x2
 schedule+0x1/0x2

read to 0xffff888004f14d20 of 4 bytes by task 1860 on cpu 0:
 other+0x2ca/0x480
E
report counts "what its trace events read" <<'E'
BUG: KCSAN: data-race in other / strlen

read to 0xffff888004f14d20 of 1 bytes by task 1577 on cpu 1:
 strlen+0x1/0x2
 trace_event_raw_event_kdbus_msg_send+0x1/0x2 [kdbus]
 kdbus_a+0xc9/0x450 [kdbus]

write to 0xffff888004f14d20 of 4 bytes by task 1860 on cpu 0:
 other+0x2ca/0x480
E
report counts "what the module writes and the kernel reads" <<'E'
BUG: KCSAN: data-race in __hrtimer_run_queues / kdbus_b [kdbus]

read (marked) to 0xffff888004f14d20 of 8 bytes by interrupt on cpu 1:
 __hrtimer_run_queues+0x1/0x2

write to 0xffff888004f14d20 of 8 bytes by task 1860 on cpu 0:
 kdbus_b+0x2ca/0x480 [kdbus]
E
report counts "a race with what is unknown" <<'E'
BUG: KCSAN: data-race in kdbus_a+0x8f/0x130 [kdbus]

race at unknown origin, with read to 0xffff888004f14d20 of 8 bytes by task 1577 on cpu 1:
 kdbus_a+0x8f/0x130 [kdbus]
E
report not "what a BPF program does" <<'E'
BUG: KCSAN: data-race in ktime_get_mono_fast_ns+0x8f/0x130

race at unknown origin, with read to 0xffffffff826ae698 of 8 bytes by task 8528 on cpu 1:
 ktime_get_mono_fast_ns+0x8f/0x130
 bpf_prog_07071b97d54cea7b_raw_msg_queue+0x1b1/0x3c3
 __bpf_trace_kdbus_msg_queue+0x21/0x30 [kdbus]
 kdbus_conn_stamp_seen.constprop.0+0x2ab/0x2d0 [kdbus]
E
report not "an interrupt and a page fault" <<'E'
BUG: KCSAN: data-race in a / b

write to 0xffff888004f14d20 of 8 bytes by interrupt on cpu 1:
 a+0x1/0x2
 asm_sysvec_apic_timer_interrupt+0x1/0x2
 kdbus_a+0xc9/0x450 [kdbus]

read to 0xffff888004f14d20 of 8 bytes by task 1860 on cpu 0:
 b+0x1/0x2
 asm_exc_page_fault+0x1/0x2
 kdbus_b+0x2ca/0x480 [kdbus]
E
report not "the inside of a lock" <<'E'
BUG: KCSAN: data-race in osq_lock / osq_unlock

write (marked) to 0xffff88807dc2b180 of 8 bytes by task 561 on cpu 1:
 osq_lock+0x106/0x2a0
 rwsem_down_write_slowpath+0x6d8/0xde0
 down_write+0x10f/0x130
 kdbus_cmd_match_add+0x50c/0x980 [kdbus]

read to 0xffff88807dc2b180 of 8 bytes by task 560 on cpu 0:
 osq_unlock+0xd6/0x150
 rwsem_down_write_slowpath+0x7d6/0xde0
 down_write+0x10f/0x130
 kdbus_matches_remove+0x71/0x450 [kdbus]
E
report not "the inside of an xarray" <<'E'
BUG: KCSAN: data-race in xas_descend / xas_store

read (marked) to 0xffff888003b594b8 of 8 bytes by task 1737 on cpu 1:
 xas_descend+0x52/0x110
 xa_load+0xbf/0xf0
 kdbus_conn_find+0x35/0x110 [kdbus]

write to 0xffff888003b594b8 of 8 bytes by task 1662 on cpu 0:
 xas_store+0x5ac/0x970
 __xa_erase+0x55/0x90
 xa_erase+0x29/0x50
 kdbus_conn_unlink+0x174/0x2f0 [kdbus]
E
report not "what the page cache copies" <<'E'
BUG: KCSAN: data-race in memcpy / b

read to 0xffff888004f14d20 of 8 bytes by task 1577 on cpu 1:
 memcpy+0x1/0x2
 filemap_get_folios+0x1/0x2
 kdbus_a+0xc9/0x450 [kdbus]

write to 0xffff888004f14d20 of 8 bytes by task 1860 on cpu 0:
 b+0x1/0x2
E
report not "a race of others" <<'E'
BUG: KCSAN: data-race in a / b

read to 0xffff888004f14d20 of 8 bytes by task 1577 on cpu 1:
 a+0x1/0x2

write to 0xffff888004f14d20 of 8 bytes by task 1860 on cpu 0:
 b+0x1/0x2
E

# access counts|not WHAT FUNCTION NTH
access() {
	local frame
	frame=$(frame "$3" "$4")
	report "$1" "$2" <<-E
	BUG: KCSAN: data-race in copy_creds / $3 [kdbus]

	write to 0xffff888004f14d20 of 4 bytes by task 1577 on cpu 1:
	 copy_creds+0x1ac/0x360

	write to 0xffff888004f14d20 of 4 bytes by task 1860 on cpu 0:
	$frame
	 kdbus_b+0x2ca/0x480 [kdbus]
	E
}
access not "an inline function on the kernel's objects" kdbus_cred 1
access counts "an access beside such a function" kdbus_cred 2
access counts "an inline function on a list" kdbus_list 1
access counts "an inline function of the module" kdbus_own 1

{ echo "$line"; echo "BUG: KASAN: x"; echo "$line"; } | ours > "$out"
expect counts "what is no race"
{ echo "$line"; echo "BUG: KCSAN: data-race in a / b"; echo "WARNING: x"; echo "$line"; } |
	ours > "$out"
expect counts "a warning in the middle of a race of others"
{ echo "$line"; echo "BUG: KCSAN: data-race in a / b"; } | ours > "$out"
expect counts "a report that is cut off"

[ -z "$failed" ]
