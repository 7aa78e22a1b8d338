#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-top at its limits: what it cannot count it counts as lost, to the last
# one, and says so; connections coming and going, and very many of them; it
# says what is wrong when it cannot run, and leaves nothing behind.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/top.sh
. "$here/top.sh"

# ---- lost events ----------------------------------------------------------

# A bus with many pairs under a table with few places: what is counted and
# what is lost add up to what was sent. No message is received, so that each
# is one event.
flood_adds_up() {
	local sent=$1 ret=0
	program_start crowd flood 200 || return 1
	top_start --json -d 2 --pairs 64
	frame && program_do "$sent" && [ "$line" = "$sent" ] &&
		frame || ret=1
	jq -e --argjson sent "$sent" '.lost > 0 and .buses[0].in.msgs > 0 and
		.buses[0].in.msgs + .lost == $sent' "$tmp/frame" > /dev/null || {
		jq -c '.lost, .buses[0].in.msgs' "$tmp/frame"
		ret=1
	}
	top_end
	[ "$top_status" = 3 ] && grep -q 'events were lost' "$tmp/err" || ret=1
	program_end
	return $ret
}

# The same with room enough: the tables are emptied early, nothing is lost.
flood_with_room() {
	local ret=0
	program_start crowd room 200 || return 1
	top_start --json -d 2
	frame && program_do 4000 && [ "$line" = 4000 ] &&
		frame || ret=1
	jq -e '.lost == 0 and .buses[0].in.msgs == 4000' "$tmp/frame" > /dev/null || ret=1
	top_end
	[ "$top_status" = 0 ] || ret=1
	program_end
	return $ret
}

# Connections that come and go between two looks are counted, for their user.
come_and_go() {
	local ret=0
	program_start crowd brief 2 || return 1
	top_start --json -d 1
	# 300 clients, each of uid 1234, says one thing and leaves
	frame && program_do "brief 300" && [ "$line" = 300 ] &&
		frame || ret=1
	jq -e '.lost == 0 and (.users[] | select(.uid == 1234) | .out.msgs == 300) and
		.buses[0].in.msgs == 300' "$tmp/frame" > /dev/null || ret=1
	# and their rows go
	frame && frame && frame && jq -e '.connections | length == 2' "$tmp/frame" > /dev/null || ret=1
	top_end
	program_end
	return $ret
}

# ---- very many ----------------------------------------------------------------

# on the screen, to the last row
ten_thousand_on_screen() {
	terminal_start 120 30
	shows 'connections 10000 ' && keys End && shows '^[0-9]+:10000 ' &&
		keys q && shows 'exit code 0'
	local ret=$?
	terminal_end
	return $ret
}

ten_thousand() {
	local ret=0 pid ticks
	echo 65536 > /sys/module/kdbus/parameters/max_conns_per_user
	ulimit -n 20000
	program_start crowd many 10000 || return 1
	kdbus-top -b -n 4 -d 1 > "$tmp/text" &
	pid=$!
	until_true grep -q '^buses' "$tmp/text" || ret=1
	ticks=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
	wait "$pid" || ret=1
	[ "$(grep -c '^[0-9]*:[0-9]* ' "$tmp/text")" = 40000 ] || ret=1
	echo "# CPU ticks until the first frame: $ticks"
	ten_thousand_on_screen || ret=1
	program_end
	return $ret
}

# ---- what is wrong ----------------------------------------------------------------

one_line() { [ "$(wc -l < "$tmp/err")" = 1 ] || { cat "$tmp/err"; return 1; }; }

usage_errors() {
	local bad
	exits 2 "no number of intervals" kdbus-top -b -n 0 &&
	exits 2 "no delay" kdbus-top -b -d never &&
	exits 2 "no column 'COLOUR' in the view users" kdbus-top -b --view=users -s COLOUR &&
	exits 2 "no view 'colours'" kdbus-top -b --view=colours &&
	exits 2 "only one of" kdbus-top -b --json &&
	exits 2 "goes with --openmetrics" kdbus-top -b -o file &&
	exits 2 "no number of pairs" kdbus-top -b --pairs none &&
	exits 2 "no key 'colour'" kdbus-top -b -f colour=red &&
	exits 2 "no pid" kdbus-top -b -f pid=me &&
	exits 2 "no user 'nobodyatall'" kdbus-top -b -f uid=nobodyatall &&
	exits 2 "what should 'comm' be" kdbus-top -b -f comm= &&
	exits 2 "no connection id" kdbus-top -b -f conn=1:x &&
	exits 2 "quote does not end" kdbus-top -b -f '"open' &&
	exits 2 'unrecognized option' kdbus-top --what &&
	exits 2 "unexpected 'word'" kdbus-top word &&
	exits 2 'no terminal' kdbus-top && one_line
}

not_root() {
	exits 77 'run it with sudo' setpriv --reuid 1000 --clear-groups "$bin/kdbus-top" -b -n 1 && one_line
}

# without the listings, in a mount namespace of its own
no_debugfs() {
	exits 77 'mount -t debugfs' unshare -m sh -c \
		"umount -l /sys/kernel/debug; exec $bin/kdbus-top -b -n 1" && one_line
}

# The disk is full, or there is none. A file from before stays as it was, and
# nothing else is left; what is no file is not replaced by one.
no_output() {
	local how
	exits 1 'cannot write /nowhere/file: No such file or directory' \
		kdbus-top --openmetrics -n 1 -d 0.1 -o /nowhere/file && one_line || return 1
	for how in -b --json --csv --openmetrics; do
		exits 1 'cannot write to stdout: No space left on device' \
			sh -c "kdbus-top $how -n 2 -d 0.1 > /dev/full" && one_line || return 1
	done
	exits 1 'cannot write to stdout: Bad file descriptor' \
		sh -c 'kdbus-top -b -n 1 -d 0.1 >&-' && one_line &&
	exits 2 "'/dev/full' is no regular file" kdbus-top --openmetrics -n 1 -o /dev/full && [ -c /dev/full ] &&
	mkdir "$tmp/small" && mount -t tmpfs -o size=4k none "$tmp/small" || return 1
	echo old > "$tmp/small/file" &&
	exits 1 "cannot write $tmp/small/file: No space left on device" \
		kdbus-top --openmetrics -n 1 -d 0.1 -o "$tmp/small/file" && one_line &&
	[ "$(cat "$tmp/small/file")" = old ] && [ "$(ls "$tmp/small")" = file ]
	how=$?
	umount "$tmp/small"
	return $how
}

help_and_version() {
	exits 0 'One JSON object per interval' kdbus-top --help && [ ! -s "$tmp/err" ] &&
	exits 0 '^kdbus-top [0-9.]*$' kdbus-top --version
}

# offered WORD...: what the completion offers for the last of them
offered() {
	(
		. "$here/../packaging/completions/kdbus-top"
		COMP_WORDS=(kdbus-top "$@") COMP_CWORD=$#
		_kdbus_top
		printf '%s\n' "${COMPREPLY[@]}" | sort
	)
}

# which options it offers is looked at by test-completion
completion_of_values() {
	[ "$(offered --view = | wc -l)" = 6 ] && [ "$(offered --view = l)" = latency ] &&
	for view in $(offered --view =); do
		exits 2 'no column' kdbus-top -b --view="$view" -s NOTHING || return 1
	done &&
	for key in $(offered -f ''); do
		exits 2 'should' kdbus-top -b -f "$key" || return 1
	done
}

bpf_objects() { { bpftool prog list; bpftool map list; } | grep -cE 'raw_|btf_|name (pairs|counts|ring|grace)|kdbus_to'; }
no_bpf_objects() { [ "$(bpf_objects)" = 0 ]; }

nothing_after_sigkill() {
	no_bpf_objects || return 1
	top_start --json -d 0.1
	frame && [ "$(bpf_objects)" -gt 5 ] || return 1
	kill -KILL "$top_pid"
	# programs go after a grace period
	until_true no_bpf_objects || { bpftool prog list; return 1; }
}

# output that nobody takes is no reason to stay
ends_when_stuck() {
	local fifo=$tmp/fifo
	mkfifo "$fifo"
	kdbus-top --json -d 0.1 > "$fifo" &
	top_pid=$!
	exec {reader}< "$fifo"
	# its pipe is full when it sleeps there
	until_true grep -q pipe_w "/proc/$top_pid/wchan" || return 1
	top_end
	[ "$top_status" = 0 ]
}

plan 13
check "what is lost is counted to the last one, and is the exit code" flood_adds_up 4000
check "with room, nothing is" flood_with_room
check "connections that come and go are counted" come_and_go
check "ten thousand connections" ten_thousand
check "usage errors exit with 2 and change nothing" usage_errors
check "not root: one line, exit code 77" not_root
check "no listings: one line, exit code 77" no_debugfs
check "a file that cannot be written: one line, exit code 1" no_output
check "help and version" help_and_version
check "bash completes views and what filters look at" completion_of_values
check "killed, it leaves nothing in the kernel" nothing_after_sigkill
check "it ends on a signal even if nobody reads its output" ends_when_stuck
check "bpf objects are gone after all" until_true no_bpf_objects
