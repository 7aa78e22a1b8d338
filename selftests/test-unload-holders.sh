#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What holds the module is named by scripts/unload with its process and what to
# do, and the module stays as it is; what does not hold it is not in the way.
# Runs with the tests that unload the module.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/top.sh
. "$here/top.sh"
tracing=/sys/kernel/tracing

# unload_says REGEX...: it fails, all of these are in what it says, and the
# module is there with all that it had
unload_says() {
	local status=0 regex before after
	before=$(cat /sys/kernel/debug/kdbus/connections)
	"$here/../scripts/unload" > "$tmp/said" 2>&1 || status=$?
	sed 's/^/# /' "$tmp/said"
	after=$(cat /sys/kernel/debug/kdbus/connections)
	[ "$status" = 77 ] && [ "$before" = "$after" ] && [ -e /dev/kdbus/control ] || return 1
	for regex in "kdbus is in use" "$@"; do
		grep -qE -- "$regex" "$tmp/said" || { echo "# it does not say $regex"; return 1; }
	done
}
unload_works() {
	"$here/../scripts/unload" && [ ! -e /dev/kdbus ] && insmod "$KDBUS_KO"
}
says_not_loaded() {
	exits 77 'make unload: this process lacks CAP_SYS_MODULE; run it as root' \
		setpriv --reuid 65534 --clear-groups "$here/../scripts/unload" &&
	rmmod kdbus && exits 77 'make unload: kdbus is not loaded' "$here/../scripts/unload" &&
		insmod "$KDBUS_KO"
}

# held_by KIND REGEX...
held_by() {
	local ret=0
	program_start holder "$1" || return 1
	shift
	unload_says "$@" || ret=1
	program_end
	return $ret
}

by_connections() {
	local ret=0
	workload_start held || return 1
	unload_says "pid $WORK_PID \(workload\) has 7 files .*connections: 0-held/[0-9]+ \(org.kdbus.test.Server\).* and 2 more: end it" || ret=1
	workload_end
	return $ret
}

by_passed_connection() {
	held_by passed 'pid [0-9]+ \(holder\) has 2 files below /dev/kdbus open: end it' \
		'pid [0-9]+ \(ended\) made connections .*: 0-holder/1 \(org.kdbus.test.Holder\)' || return 1
	until_true refs 0
}

refs() { [ "$(awk '$1 == "kdbus" { print $3 }' /proc/modules)" = "$1" ]; }
held() { ! refs 0; }

# A reader with the file open.
by_listing() {
	local ret=0 pid
	tail -f /dev/null 9< /sys/kernel/debug/kdbus/names &
	pid=$!
	until_true held && unload_says "pid $pid \(tail\) reads below /sys/kernel/debug/kdbus: end it" || ret=1
	kill $pid
	wait $pid
	return $ret
}

# while_running WHAT-IT-SAYS COMMAND...: the command holds the module, from a
# while after its start until it is ended
while_running() {
	local ret=0 pid says=$1
	shift
	"$@" > "$tmp/out" 2>&1 &
	pid=$!
	until_true held && until_true unload_says "pid $pid $says" || ret=1
	kill "$pid"
	wait "$pid"
	until_true refs 0 || ret=1
	[ "$ret" = 0 ] || sed 's/^/# | /' "$tmp/out"
	return $ret
}

by_top() { while_running '\(kdbus-top\) has [0-9]+ BPF programs on events of kdbus: end it' kdbus-top -b -d 1; }
by_top_perf() {
	while_running '\(kdbus-top\) has BPF programs on [0-9]+ perf events of kdbus: end it' \
		env KDBUS_BPF=tp kdbus-top -b -d 1
}
by_bpftrace() {
	while_running '\(bpftrace\) has BPF programs on 1 perf events of kdbus: end it' \
		bpftrace -e 'tracepoint:kdbus:kdbus_msg_send { @ = count(); }'
}
by_function() {
	while_running '\(bpftrace\) has 1 BPF programs on functions, perhaps of kdbus: end it' \
		bpftrace -e 'kfunc:kdbus:kdbus_handle_release { @ = count(); }'
}
by_perf() {
	while_running '\(perf\) has perf events of kdbus open: end it' \
		perf record -o "$tmp/data" -a -e kdbus:kdbus_msg_send
}

# No process has it then; and what is said helps.
by_pinned_program() {
	local ret=0 dir=/sys/fs/bpf/holders
	bpftool prog loadall "$bin/../bpf/kdbus_top.bpf.o" $dir autoattach || return 1
	unload_says "a BPF program on an event of kdbus is pinned: rm $dir/" || ret=1
	sed -n 's/^  .*: \(rm [^,]*\).*/\1/p' "$tmp/said" > "$tmp/do"
	bash "$tmp/do" && refs 0 || ret=1
	rm -rf "$dir"
	return $ret
}

# by_trigger FILE TRIGGER WHAT-IT-SAYS: and what it says to do helps
by_trigger() {
	local ret=0
	echo "$2" >> "$1" || return 1
	held && unload_says "$3" || ret=1
	sed -n "s/^  .*: \(echo .*\)/\1/p" "$tmp/said" > "$tmp/do"
	[ -s "$tmp/do" ] && bash "$tmp/do" && refs 0 || ret=1
	return $ret
}
by_event_trigger() {
	by_trigger $tracing/events/sched/sched_process_exit/trigger enable_event:kdbus:kdbus_msg_send \
		"ftrace switches an event of kdbus: echo '!enable_event:kdbus:kdbus_msg_send' >> "
}
by_instance_trigger() {
	local ret=0
	mkdir $tracing/instances/holders || return 1
	by_trigger $tracing/instances/holders/events/sched/sched_process_exit/trigger \
		disable_event:kdbus:kdbus_msg_send 'instances/holders/' || ret=1
	rmdir $tracing/instances/holders || ret=1
	return $ret
}
by_function_trigger() {
	by_trigger $tracing/set_ftrace_filter do_exit:enable_event:kdbus:kdbus_msg_send \
		"ftrace switches an event of kdbus: echo '!do_exit:enable_event:kdbus:kdbus_msg_send' >> .*/set_ftrace_filter"
}
by_eprobe() {
	by_trigger $tracing/dynamic_events 'e:holders/ep kdbus.kdbus_msg_send ret=$ret' \
		'a probe on an event of kdbus \(eprobe e:holders/ep\): echo '
}

events_in_instance() {
	local ret=0
	mkdir $tracing/instances/holders && echo 1 > $tracing/instances/holders/events/kdbus/enable &&
		unload_works || ret=1
	rmdir $tracing/instances/holders || ret=1
	return $ret
}
with_hist() {
	echo 'hist:keys=ret' > $tracing/events/kdbus/kdbus_msg_send/trigger && unload_works
}
with_mappings() {
	local ret=0
	program_start holder mapped || return 1
	unload_works || ret=1
	program_end
	return $ret
}

plan 19
check "files, with the connections they are" by_connections
check "a connection of a process that has ended, and what has it now" by_passed_connection
check "a memfd" held_by memfd 'pid [0-9]+ \(holder\) has 1 memfds of kdbus open: end it'
check "a file that no process has" held_by socket 'nothing that can be seen from here'
check "a listing that is read" by_listing
check "kdbus-top" by_top
check "kdbus-top, where it uses perf events" by_top_perf
check "bpftrace on an event" by_bpftrace
check "bpftrace on a function of the module" by_function
check "perf record" by_perf
check "BPF programs that are pinned" by_pinned_program
check "a trigger that switches an event" by_event_trigger
check "a trigger of an instance of ftrace" by_instance_trigger
check "a function that switches an event" by_function_trigger
check "an eprobe" by_eprobe
check "events that are on in an instance are not in the way" events_in_instance
check "a hist trigger is not in the way" with_hist
check "what is mapped is not in the way" with_mappings
check "the module that is not loaded, and the right that is missing" says_not_loaded
