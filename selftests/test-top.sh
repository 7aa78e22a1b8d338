#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-top shows what happened, on every way out and with every way in, says
# what is wrong when it can't run, and leaves nothing behind.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

workload_start() {
	coproc WORK { exec "$bin/selftests/workload" "$1"; }
	exec {to}>&"${WORK[1]}" {from}<&"${WORK[0]}"
	read -r -t 30 line <&"$from" && [ "$line" = ready ]
}

workload_run() {
	echo go >&"$to"
	read -r -t 60 line <&"$from" && echo "$line" > "$tmp/truth"
}

workload_end() {
	local pid=${WORK_PID:?workload has ended early}
	exec {to}>&- {from}<&-
	kill "$pid" 2> /dev/null
	wait "$pid" 2> /dev/null
}

# frame FD: the next line of --json
frame() { read -r -t 60 line <&"$1" && echo "$line" > "$tmp/frame"; }

# frame_after FD: the first one whose sample was taken after now
frame_after() {
	local now
	now=$(awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime)
	while frame "$1"; do
		jq -e --argjson now "$now" '.time_ns > $now' "$tmp/frame" > /dev/null && return
	done
	return 1
}

# What the frame says, in the words of the truth.
as_truth='[.connections[] | {name: .names[0], id, out_msgs, out_bytes, in_msgs,
	refused, dropped, queued, answered: .calls.answered,
	timeout: .calls.timeout,
	in_flight: (.calls.out_in_flight + .calls.in_in_flight)}] | sort_by(.id)'

# json_tells_the_truth BUS: a program that starts before the traffic
json_tells_the_truth() {
	local pid
	exec {top}< <(exec kdbus-top --json -d 0.3 --bus "0-$1")
	pid=$!
	frame "$top" || return 1
	jq -e '[.connections[].out_msgs] | add == 0' "$tmp/frame" > /dev/null || return 1
	workload_run || return 1
	frame_after "$top" || return 1
	kill "$pid"
	exec {top}<&-
	jq -S "$as_truth" "$tmp/frame" > "$tmp/seen"
	jq -S '[.[] | del(.in_payload)] | sort_by(.id)' "$tmp/truth" > "$tmp/told"
	diff "$tmp/told" "$tmp/seen" || return 1
	# a slice holds the payload and a header of a few hundred bytes
	jq -e --slurpfile t "$tmp/truth" '
		[.connections[] as $c | $t[0][] | select(.id == $c.id) |
		 $c.in_bytes >= .in_payload and
		 $c.in_bytes <= .in_payload + 400 * .in_msgs] | all' "$tmp/frame" > /dev/null &&
	jq -e '.schema == 1 and .lost == 0 and (.interval_s > 0.2)' "$tmp/frame" > /dev/null &&
	# every answered call is in the histogram, of both sides
	jq -e '[.connections[] | (.latency.histogram | map(.[1]) | add // 0) == .calls.answered] | all' \
		"$tmp/frame" > /dev/null &&
	jq -e '.connections[] | select(.calls.answered > 0) | .latency |
		.p50_ns > 0 and .p50_ns <= .p99_ns and .p99_ns <= .max_ns' "$tmp/frame" > /dev/null
}

json_case() {
	workload_start "$1" && json_tells_the_truth "$1"
	local ret=$?
	workload_end
	return $ret
}

json_of_kind() { KDBUS_BPF=$1 json_case "top$1"; }

# What was there before it started: names, pools, queues, calls.
state_from_before() {
	workload_start topold && workload_run || return 1
	kdbus-top --json -n 1 -d 0.2 --bus 0-topold > "$tmp/frame"
	workload_end
	jq -S '[.connections[] | {id, name: .names[0], queued,
		in_flight: (.calls.out_in_flight + .calls.in_in_flight)}] | sort_by(.id)' \
		"$tmp/frame" > "$tmp/seen"
	jq -S '[.[] | {id, name, queued, in_flight}] | sort_by(.id)' "$tmp/truth" > "$tmp/told"
	diff "$tmp/told" "$tmp/seen" || return 1
	jq -e '.connections[0] | .pool_used > 10000 and .pool_peak >= .pool_used and
		.pool_size == 1048576 and .comm == "workload" and .uid == 0' "$tmp/frame" > /dev/null
}

text_frames() {
	workload_start toptext && workload_run || return 1
	kdbus-top -b -n 2 -d 0.2 --bus 0-toptext > "$tmp/text"
	workload_end
	[ "$(grep -c '^buses 1  connections 4 ' "$tmp/text")" = 2 ] &&
	[ "$(grep -c 'lost events 0$' "$tmp/text")" = 2 ] &&
	[ "$(grep -c '^ID .*NAME .*QUEUE .*P50' "$tmp/text")" = 2 ] &&
	# queue of the server: one request and five signals
	grep -qE 'org\.kdbus\.test\.Server .* workload +0 .* 6 +1[0-9]K/1\.0M' "$tmp/text" || {
		cat "$tmp/text"
		return 1
	}
}

filters() {
	workload_start topfilter || return 1
	kdbus-top --json -n 1 -d 0.1 -f Talker > "$tmp/frame"
	local ok=0
	jq -e '.connections | length == 1 and .[0].names == ["org.kdbus.test.Talker"]' \
		"$tmp/frame" > /dev/null || ok=1
	kdbus-top --json -n 1 -d 0.1 --bus 0-nosuch > "$tmp/frame"
	jq -e '.connections == []' "$tmp/frame" > /dev/null || ok=1
	workload_end
	return $ok
}

# exits CODE TEXT COMMAND...: exit code, and TEXT in the one line it says
exits() {
	local code=$1 text=$2 ret=0
	shift 2
	"$@" > "$tmp/out" 2> "$tmp/err" < /dev/null || ret=$?
	if [ "$ret" != "$code" ] || ! grep -q -- "$text" "$tmp/out" "$tmp/err"; then
		echo "# exit code $ret:" && cat "$tmp/out" "$tmp/err"
		return 1
	fi
}

usage_errors() {
	exits 2 'no number of frames' kdbus-top -b -n 0 &&
	exits 2 'no delay' kdbus-top -b -d never &&
	exits 2 "no column 'COLOUR'" kdbus-top -b -s COLOUR &&
	exits 2 'unrecognized option' kdbus-top --what &&
	exits 2 "unexpected 'word'" kdbus-top word &&
	exits 2 'no terminal' kdbus-top
}

not_root() {
	exits 77 'run it with sudo' setpriv --reuid 1000 --clear-groups "$bin/kdbus-top" -b -n 1 &&
	[ "$(wc -l < "$tmp/err")" = 1 ]
}

help_and_version() {
	exits 0 'one JSON object per interval' kdbus-top --help && [ ! -s "$tmp/err" ] &&
	exits 0 '^kdbus-top [0-9.]*$' kdbus-top --version
}

bpf_objects() { { bpftool prog list; bpftool map list; } | grep -cE 'raw_|btf_|conns|kdbus_to'; }

nothing_after_sigkill() {
	local pid i
	[ "$(bpf_objects)" = 0 ] || return 1
	exec {top}< <(exec kdbus-top --json -d 0.1)
	pid=$!
	frame "$top" || return 1
	[ "$(bpf_objects)" -gt 5 ] || return 1
	kill -KILL "$pid"
	exec {top}<&-
	# programs go after a grace period
	for i in $(seq 100); do
		[ "$(bpf_objects)" = 0 ] && return 0
		sleep_ms 100
	done
	bpftool prog list
	return 1
}

# ---- the screen -----------------------------------------------------------

TMUX_TMPDIR=$tmp
export TMUX_TMPDIR
screen() { tmux -L kdbus capture-pane -p; }
keys() { tmux -L kdbus send-keys "$@"; }

# shows REGEX: the screen does, within half a minute
shows() {
	local i
	for i in $(seq 300); do
		screen > "$tmp/screen"
		grep -qE -- "$1" "$tmp/screen" && return 0
		sleep_ms 100
	done
	echo "# the screen does not show '$1':"
	sed 's/^/# | /' "$tmp/screen"
	return 1
}

screen_start() {
	workload_start "$1" && workload_run || return 1
	tmux -L kdbus -f /dev/null new-session -d -x "$2" -y "$3" \
		"kdbus-top -d 0.3 --bus 0-$1; echo exit code \$?; read -r line"
}

screen_end() {
	tmux -L kdbus kill-server 2> /dev/null
	workload_end
}

screen_views() {
	shows '^kdbus-top: connections +every 0\.3s' &&
	shows '^buses 1  connections 4 ' &&
	shows 'lost events 0' &&
	shows '^ID +NAME .*PID +COMM .*QUEUE +POOL' &&
	shows '^[0-9]+:1 +org\.kdbus\.test\.Server .* 6 +1[0-9]K/1\.0M' &&
	keys h && shows 'sort by the next column' && shows 'half of the calls took less' &&
	keys x && shows 'org\.kdbus\.test\.Server' &&
	keys Tab && shows '^kdbus-top: latency' && shows 'No call has been answered yet' &&
	keys Tab && shows '^kdbus-top: buses' && shows '^[0-9]+ +0-topscreen +0 +4 ' &&
	keys Tab && shows '^kdbus-top: connections'
}

screen_keys() {
	keys f && shows '^filter:' && keys Talker Enter &&
	shows 'filter: Talker' && shows 'connections 1 ' && ! grep -q Server "$tmp/screen" &&
	keys / && keys nothing Enter && shows 'No connection passes the filter' &&
	keys f && keys . Enter && shows 'connections 4 ' &&
	keys d && shows '^seconds:' && keys 0.5 Enter && shows 'every 0\.5s' &&
	keys Space && shows 'PAUSED' && keys Space && shows 'every 0\.5s +filter' &&
	tmux -L kdbus resize-window -x 60 -y 12 && shows '^ID +NAME +OUT/s' &&
	keys q && shows 'exit code 0'
}

screen_case() {
	local ret=0
	screen_start topscreen 140 40 && screen_views && screen_keys || ret=1
	screen_end
	return $ret
}

# the busiest first, and the other way round
screen_sorts() {
	local ret=0
	screen_start topsort 140 40 && shows Server &&
	keys s && keys s && keys s && keys r || ret=1
	# from IN/s: OUTB/s, INB/s, QUEUE; reversed, the longest queue is last
	shows 'test\.Unlucky' || ret=1
	for i in $(seq 100); do
		screen > "$tmp/screen"
		last=$(grep -oE 'test\.[A-Z][a-z]+' "$tmp/screen" | tail -n 1)
		[ "$last" = test.Server ] && break
		sleep_ms 100
	done
	[ "$last" = test.Server ] || { cat "$tmp/screen"; ret=1; }
	screen_end
	return $ret
}

plan 13
check "JSON equals what a workload is known to have done" json_case topjson
check "so it does without the module's BTF" json_of_kind raw
check "so it does with plain tracepoints" json_of_kind tp
check "what was there before it started is shown" state_from_before
check "text frames" text_frames
check "filters" filters
check "usage errors exit with 2" usage_errors
check "not root: one line, exit code 77" not_root
check "help and version" help_and_version
check "killed, it leaves nothing in the kernel" nothing_after_sigkill
check "the screen shows every view and obeys every key" screen_case
check "the screen sorts" screen_sorts
check "bpf objects are gone after all" eval '[ "$(bpf_objects)" = 0 ]'
