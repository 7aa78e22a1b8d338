# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For the tests of kdbus-monitor: known traffic, and what a monitor says of it
# in the words of the truth (workload-monitor.c).

tmp=$(mktemp -d)
bus=
trap 'rm -rf "$tmp"' EXIT

# workload_start SUFFIX: bus 0-SUFFIX, and $server $client $other
workload_start() {
	bus=0-$1
	coproc WORK { exec "$bin/selftests/${workload:-workload-monitor}" "$1"; }
	exec {to}>&"${WORK[1]}" {from}<&"${WORK[0]}"
	read -r -t 60 line <&"$from" || return 1
	# shellcheck disable=SC2034
	read -r ready server client other <<< "$line"
	[ "$ready" = ready ]
}

# Everything the workload does; $tmp/truth is what should be seen of it.
workload_run() {
	echo go >&"$to"
	: > "$tmp/truth"
	while read -r -t 120 line <&"$from"; do
		[ "$line" = done ] && return
		echo "$line" >> "$tmp/truth"
	done
	return 1
}

workload_end() {
	local pid=${WORK_PID:?workload has ended early}
	echo end >&"$to"
	exec {to}>&- {from}<&-
	wait "$pid" 2> /dev/null
}

# monitor_start OPTION...: JSON to $tmp/json, and it is watching
monitor_start() {
	: > "$tmp/json"
	kdbus-monitor --json "$@" > "$tmp/json" 2> "$tmp/err" &
	mon=$!
	until grep -q '"type":"start"' "$tmp/json"; do
		kill -0 "$mon" 2> /dev/null || {
			cat "$tmp/err"
			return 1
		}
		sleep_ms 20
	done
}

# monitor_stop [STATUS]: it takes what is still there and ends
monitor_stop() {
	kill "$mon" 2> /dev/null
	wait "$mon"
	local status=$?
	[ "$status" = "${1:-0}" ] || {
		echo "kdbus-monitor ended with $status"
		cat "$tmp/err"
		return 1
	}
}

# watched SUFFIX OPTION...: the workload, watched. Its first line of truth is
# what happens after the start, its last what happens before its end.
watched() {
	local suffix=$1 ret=0
	shift
	workload_start "$suffix" && monitor_start "$@" && workload_run || ret=1
	[ "$ret" = 1 ] || monitor_stop || ret=1
	workload_end
	return $ret
}

# An event in the words of the truth.
as_truth='
def conn: (.conn | tostring);
def ends: (.src | conn) + ">" + (.dst | conn);
def yes: if . then "1" else "0" end;
if .type == "call" then
	"call \(ends) cookie=\(.cookie) bytes=\(.bytes) sync=\(.sync | yes) fds=\(.fds) memfds=\(.memfds) name=\(.name // "")"
elif .type == "reply" then
	"reply \(ends) cookie=\(.cookie) to=\(.reply_to) bytes=\(.bytes) sync=\(.sync | yes)"
elif .type == "signal" then "signal \(ends) cookie=\(.cookie) bytes=\(.bytes)"
elif .type == "notice" then "notice \(ends) \(.notice) cookie=\(.cookie)"
elif .type == "recv" then "recv \(ends) cookie=\(.cookie) kind=\(.kind)"
elif .type == "drop" then
	"drop \(ends) cookie=\(.cookie) reason=\(.reason) kind=\(.kind)" +
	(if .errno then " errno=\(.errno)" else "" end)
elif .type == "move" then "move \(ends) name=\(.name)"
elif .type == "end" then
	"end \(ends) cookie=\(.cookie) outcome=\(.outcome) sync=\(.sync | yes)"
elif .type == "refused" then
	"refused \(.src | conn)>\(if .dst.conn == 0 then .name else .dst.conn end) cookie=\(.cookie) errno=\(.errno)"
elif .type == "failed" then "failed \(.src | conn) \(.command) \(.errno)"
elif .type == "name" then
	"name \(.src | conn)" + (if .dst then ">\(.dst | conn)" else "" end) +
	" \(.action) \(.name)" + (if .errno then " errno=\(.errno)" else "" end)
elif .type == "match" then "match \(.src | conn) \(.action) cookie=\(.cookie)"
elif .type == "conn" and .action == "new" then
	"conn \(.src | conn) new flags=\(.conn_flags | join(",")) text=\(.text // "")"
elif .type == "conn" then "conn \(.src | conn) \(.action) \(.end_reason)"
elif .type == "bus" then
	"bus \(.action)" + (if .name then " \(.name)" else "" end)
elif .type == "policy" and .action == "set" then "policy \(.src.conn // 0) set"
elif .type == "policy" then
	"policy \(.src | conn) \(.action) \(.level) \(.name)"
elif .type == "quota" then "quota \(ends) \(.quota) \(.errno)"
else empty end'

# what of it went wrong
# shellcheck disable=SC2034
errors='^(refused|failed|end|quota)|^drop.*reason=disconnect|deny|errno='

# What the monitor saw, as truth, to $tmp/seen.
seen() { jq -r "$as_truth" "$tmp/json" > "$tmp/seen"; }

# summary FILTER: something about the last object
summary() { jq "select(.type == \"summary\") | $1" "$tmp/json" | grep -qx true; }

# How many programs and maps there are that are ours.
bpf_objects() {
	bpftool -j map show | jq '[.[] | select(.name == "ring" or .name == "wanted")] | length'
}
