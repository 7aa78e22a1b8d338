#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-monitor shows what happened, all of it and nothing else, by whichever
# way the kernel lets it look; and leaves nothing behind.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

# A request and its reply, its end and what follows are told to be one.
calls_add_up() {
	jq -s '
	def calls: [.[] | select(.type == "call")];
	(calls | map({key: (.id | tostring), value: .}) | from_entries) as $c |
	([.[] | select(.type == "reply") | .call == $c[.call | tostring].id and
		.reply_to == $c[.call | tostring].cookie and
		.wait_ns + .service_ns <= .age_ns and .outcome == "answered"] +
	 [.[] | select(.type == "end") | .cookie == $c[.id | tostring].cookie] +
	 [.[] | select(.type == "recv" and .kind == "call") | .cookie == $c[.id | tostring].cookie]
	) | length > 20 and all' "$tmp/json" | grep -qx true
}

# Times, sizes and levels are such as they can be.
numbers_add_up() {
	jq -s '
	[.[] | select(.seq) | .seq] as $seq |
	([.[] | select(.pool_used) | .pool_used >= .pool_bytes and .pool_used <= .pool_size] +
	 [.[] | select(.type == "signal" and .dst.conn > 0) | .depth == .cookie - 99] +
	 [.[] | select(.type == "signal" and .dst.conn < 0 and .cookie < 300) | .receivers == 2 and .matched == 2] +
	 [.[] | select(.reason == "undelivered") | .errno == "ENOBUFS"] +
	 [$seq == ($seq | sort)] +
	 [.[] | select(.outcome == "timeout") | .age_ns >= 20000000 and .age_ns < 60000000000] +
	 [.[] | select(.bus) | .bus_name == "'"$bus"'"]) | length > 30 and all' "$tmp/json" | grep -qx true
}

# Who it was: this user and this program, and the names at the time.
people() {
	jq -s '
	([.[] | select(.src.conn == '"$client"' and .src.names) | .src.names == "org.kdbus.test.Client" or
		.src.names == "org.kdbus.test.Client,org.kdbus.test.Wanted"] +
	 [.[] | select(.src.pid) | .src.pid == '"$1"' and .src.uid == 0 and .src.comm == "workload-monito"]
	) | length > 50 and all' "$tmp/json" | grep -qx true
}

equals_truth() {
	seen
	diff "$tmp/truth" "$tmp/seen"
}

everything() {
	local ret=0
	workload_start "$1" && monitor_start --bus "$bus" && workload_run || ret=1
	local pid=${WORK_PID:-0}
	[ "$ret" = 1 ] || monitor_stop || ret=1
	workload_end
	[ "$ret" = 0 ] && equals_truth && calls_add_up && numbers_add_up && people "$pid" &&
	summary '.lost == 0 and .types.call == 14 and .events > 90'
}

of_kind() {
	KDBUS_BPF=$1 everything "mon$1" || return 1
	local says='typed'
	[ "$1" = raw ] && says='raw'
	[ "$1" = tp ] && says='BPF, tracepoints'
	grep '"type":"start"' "$tmp/json" | grep -q "$says" &&
		jq -se '.[0] | .type == "start" and .schema == 1' "$tmp/json" > /dev/null
}

# Buses, and connections and names from before it started, are known.
from_before() {
	workload_start monold || return 1
	kdbus-monitor --json --timeout 200ms -b "$bus" > "$tmp/json" || return 1
	monitor_start -b "$bus" -N 1 -t call
	workload_run
	wait "$mon"
	local status=$?
	! grep 'no bus' "$tmp/err" || status=1
	workload_end
	[ "$status" = 0 ] && jq 'select(.type == "call") |
		.bus_name == "'"$bus"'" and .src.names == "org.kdbus.test.Client" and
		.dst.names == "org.kdbus.test.Server" and .dst.comm == "workload-monito" and
		.pool_size == 1048576' "$tmp/json" | grep -qx true
}

# The bus may come later.
bus_to_come() {
	monitor_start -b 0-monlate -t bus,conn,call
	workload_start monlate && workload_run
	local ret=$?
	monitor_stop || ret=1
	workload_end
	grep -q "no bus is '0-monlate' yet" "$tmp/err" || ret=1
	[ "$ret" = 0 ] && seen && grep -qx 'bus new 0-monlate' "$tmp/seen" &&
	[ "$(grep -c '^conn . new' "$tmp/seen")" = 7 ] &&
	[ "$(grep -c '^call' "$tmp/seen")" = 14 ]
}

# More records than a tiny ring has room for: shown and lost are all there were.
flood() {
	local all shown lost ret=0
	workload_start "$1" && monitor_start -b "$bus" --buffer=4K --interval=60000 && workload_run || ret=1
	[ "$ret" = 1 ] || monitor_stop 3 || ret=1
	workload_end
	[ "$ret" = 0 ] || return 1
	seen
	all=$(wc -l < "$tmp/truth")
	shown=$(wc -l < "$tmp/seen")
	lost=$(jq -s '[.[] | select(.type == "lost") | .count] | add' "$tmp/json")
	echo "of $all shown $shown, lost $lost"
	[ "$lost" -gt 10 ] && summary ".lost == $lost" &&
	# eight things that are refused are two records each, one of which may be lost
	[ $((shown + lost)) -ge "$all" ] && [ $((shown + lost)) -le $((all + 8)) ]
}

# Each signal is one record, so these add up to the last one.
flood_of_signals() {
	local shown lost ret=0
	workload_start monsig && workload_run &&
	monitor_start -b "$bus" -t signal --buffer=4K --interval=60000 || ret=1
	for _ in 1 2 3 4 5; do echo flood >&"$to"; read -r -t 120 line <&"$from" || ret=1; done
	[ "$ret" = 1 ] || monitor_stop 3 || ret=1
	workload_end
	[ "$ret" = 0 ] || return 1
	shown=$(jq -s '[.[] | select(.type == "signal")] | length' "$tmp/json")
	lost=$(jq -s '[.[] | select(.type == "lost") | .count] | add' "$tmp/json")
	echo "shown $shown, lost $lost"
	# each is 240 bytes in the ring
	[ "$shown" -ge 10 ] && [ "$lost" -gt 100 ] && [ $((shown + lost)) = 1000 ] &&
	summary ".lost == $lost"
}

# Records that find room again say where the hole was.
hole_is_shown() {
	local i ret=0
	workload_start monhole && workload_run &&
	monitor_start -b "$bus" -t signal --buffer=4K || ret=1
	for i in 1 2 3 4 5 6 7 8; do
		echo flood >&"$to"
		read -r -t 120 line <&"$from" || ret=1
		# until it has taken what there was of this one
		for _ in $(seq 1000); do
			[ "$(grep -c '"signal"' "$tmp/json")" -ge $((i * 10)) ] && break
			sleep_ms 20
		done
	done
	monitor_stop 3 || ret=1
	workload_end
	[ "$ret" = 0 ] || return 1
	jq -s '[.[] | select(.type == "signal" or .type == "lost")] |
		(([.[] | select(.type == "signal")] | length) +
		 ([.[] | select(.type == "lost") | .count] | add) == 1600) and
		([.[] | .type] | index("lost") < rindex("signal"))' "$tmp/json" | grep -qx true
}

nothing_after_sigkill() {
	local i
	workload_start monkill && monitor_start || return 1
	[ "$(bpf_objects)" -gt 0 ] || return 1
	kill -KILL "$mon"
	wait "$mon" 2> /dev/null
	for i in $(seq 200); do
		[ "$(bpf_objects)" = 0 ] && break
		sleep_ms 50
	done
	workload_run && workload_end
	[ "$(bpf_objects)" = 0 ]
}

# A quiet bus: a single event is written before anything else happens.
prompt() {
	workload_start monprompt && monitor_start -b "$bus" -t conn --interval=1 || return 1
	kdbus-monitor --via-bus="$bus" -q --timeout 10ms > /dev/null 2>&1
	for _ in $(seq 500); do
		grep -q '"action":"new"' "$tmp/json" && break
		sleep_ms 20
	done
	monitor_stop && workload_end
	grep -q '"action":"new"' "$tmp/json"
}

plan 11
check "typed tracepoints: all that happened, in order, and nothing else" of_kind btf
check "raw tracepoints: likewise" of_kind raw
check "tracepoints: likewise" of_kind tp
check "what was there before it started is known" from_before
check "a bus can be waited for" bus_to_come
check "a tiny ring: what is lost is counted" flood monflood
check "a flood: shown and lost add up to the last one" flood_of_signals
check "lost and found: they add up in the middle, too" hole_is_shown
check "killed, it leaves nothing in the kernel" nothing_after_sigkill
check "a quiet bus shows a single event at once" prompt
check "bpf objects are gone after all" eval '[ "$(bpf_objects)" = 0 ]'
