#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who traces the module and so holds it is named by scripts/unload with what to
# do, which helps; events that are merely on are not in the way.
# Runs with the tests that unload the module.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/unload.sh
. "$here/unload.sh"
tracing=/sys/kernel/tracing

# while_running WHAT-IT-SAYS COMMAND...: the command holds the module, from a
# while after its start until it is ended. Until then a file of it is open here:
# a command that has only looked at the module holds it for a moment, and what is
# asked after that unloads it.
while_running() {
	local ret=0 pid says=$1
	shift
	exec 9<> /dev/kdbus/control
	"$@" > "$tmp/out" 2>&1 9>&- &
	pid=$!
	until_true unload_says "pid $pid $says" || ret=1
	exec 9>&-
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
find_link() {
	link=$(bpftool -j link show | jq -e 'map(select(.tp_name == "kdbus_msg_queue"))[0].id')
}
by_pinned_program() {
	local ret=0 pid link= dir=/sys/fs/bpf/holders
	mkdir -p $dir || return 1
	KDBUS_BPF=raw kdbus-top -b -d 1 > /dev/null &
	pid=$!
	until_true find_link && bpftool link pin id "$link" $dir/link || ret=1
	kill $pid
	wait $pid
	# the others that kdbus-top had go one after the other
	until_true unload_says "a BPF program on an event of kdbus is pinned: rm $dir/link" || ret=1
	it_helps 'rm [^,]*' && until_true refs 0 || ret=1
	rm -rf "$dir"
	return $ret
}

# by_trigger FILE TRIGGER WHAT-IT-SAYS: and what it says to do helps
by_trigger() {
	local ret=0
	echo "$2" >> "$1" || return 1
	held && unload_says "$3" || ret=1
	it_helps 'echo .*' && refs 0 || ret=1
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
# Nothing holds it; the kernel would warn of it.
on_own_events() {
	local ret=0 trigger events=$tracing/instances/holders/events/kdbus
	mkdir $tracing/instances/holders || return 1
	for trigger in 'hist:keys=ret:vals=hitcount if ret != 0' traceoff:5 stacktrace; do
		echo "$trigger" > $events/kdbus_msg_send/trigger &&
			unload_says "a trigger on an event of kdbus: echo '!${trigger%%:*}.* >> " || ret=1
		it_helps 'echo .*' && [ "$(wc -l < "$tmp/do")" = 1 ] &&
			! grep -v '^#' $events/kdbus_msg_send/trigger || ret=1
	done
	rmdir $tracing/instances/holders || ret=1
	return $ret
}

plan 12
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
check "triggers on events of its own" on_own_events
