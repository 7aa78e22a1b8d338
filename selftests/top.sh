# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For the tests of kdbus-top: a workload whose truth is known, frames of
# output, and a screen in tmux. Wants $here, and makes $tmp.

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# ---- the workload ---------------------------------------------------------

# program_start NAME ARGUMENT...: a test's program that says "ready"
program_start() {
	local name=$1
	shift
	coproc WORK { exec "$bin/selftests/$name" "$@"; }
	exec {to}>&"${WORK[1]}" {from}<&"${WORK[0]}"
	read -r -t 240 line <&"$from" && [ "$line" = ready ]
}

# program_do WORDS: has it do something; what it says then is in $line
program_do() {
	echo "$1" >&"$to"
	read -r -t 240 line <&"$from"
}

program_end() {
	local pid=${WORK_PID:?it has ended early}
	exec {to}>&- {from}<&-
	kill "$pid" 2> /dev/null
	wait "$pid" 2> /dev/null || : # of that signal, or by itself
}

workload_start() { program_start workload "$1"; }
workload_run() { program_do go && echo "$line" > "$tmp/truth"; }
workload_end() { program_end; }

# ---- output ----------------------------------------------------------------

# top_start OPTION...: in the background; what it says goes to $tmp/frames
top_start() {
	: > "$tmp/frames"
	kdbus-top "$@" > "$tmp/frames" 2> "$tmp/err" &
	top_pid=$!
}

# top_end: ends it in peace; its exit code in $top_status
top_end() {
	kill "$top_pid"
	top_status=0
	wait "$top_pid" || top_status=$?
}

# What is later than that is later than now: hundredths, rounded up.
uptime_ns() { awk '{ printf "%.0f", ($1 + 0.01) * 1e9 }' /proc/uptime; }

# the last line of --json, if it is whole and its sample younger than that
frame_younger() {
	tail -n 1 "$tmp/frames" > "$tmp/frame" &&
	[ -s "$tmp/frame" ] && [ -z "$(tail -c 1 "$tmp/frame")" ] &&
	[[ $(head -c 200 "$tmp/frame") =~ \"time_ns\":([0-9]+) ]] &&
	[ "${BASH_REMATCH[1]}" -gt "$1" ]
}

# frame: one whose sample was taken after now, in $tmp/frame
frame() {
	local now
	now=$(uptime_ns)
	until_true frame_younger "$now"
}

# watched BUS OPTION...: a whole workload under --json, the last frame in
# $tmp/frame and the truth in $tmp/truth
watched() {
	local bus=$1
	shift
	top_start --json -d 0.3 --bus "0-$bus" "$@"
	frame && workload_run && frame
}

# equal JQ-OF-TRUTH JQ-OF-FRAME: both say the same
equal() {
	jq -S "$1" "$tmp/truth" > "$tmp/told" &&
	jq -S "$2" "$tmp/frame" > "$tmp/seen" || return 1
	diff "$tmp/told" "$tmp/seen"
}

# exits CODE TEXT COMMAND...: exit code, and TEXT in what it says
exits() {
	local code=$1 text=$2 ret=0
	shift 2
	"$@" > "$tmp/out" 2> "$tmp/err" < /dev/null || ret=$?
	if [ "$ret" != "$code" ] || ! grep -q -- "$text" "$tmp/out" "$tmp/err"; then
		echo "# exit code $ret:" && cat "$tmp/out" "$tmp/err"
		return 1
	fi
}

# until_true COMMAND...: within a minute and a half; looks again and again
until_true() {
	local end=$((SECONDS + 90))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep_ms 100
	done
}

# ---- the screen -------------------------------------------------------------

TMUX_TMPDIR=$tmp
export TMUX_TMPDIR
keys() { tmux -L kdbus send-keys "$@"; }
resize() { tmux -L kdbus resize-window -x "$1" -y "$2"; }

screen_has() {
	tmux -L kdbus capture-pane -p > "$tmp/screen"
	grep -qE -- "$1" "$tmp/screen"
}

# shows REGEX: the screen does, before long
shows() {
	until_true screen_has "$1" && return
	echo "# the screen does not show '$1':"
	sed 's/^/# | /' "$tmp/screen"
	return 1
}

screen_lacks() { ! screen_has "$1"; }

# hides REGEX: it does not any more
hides() {
	until_true screen_lacks "$1" && return
	echo "# the screen still shows '$1':"
	sed 's/^/# | /' "$tmp/screen"
	return 1
}

# terminal_start COLUMNS LINES OPTION...: kdbus-top in a terminal of a size
terminal_start() {
	local columns=$1 lines=$2
	shift 2
	tmux -L kdbus -f /dev/null new-session -d -x "$columns" -y "$lines" \
		"${SCREEN_ENV:-env} kdbus-top $*; echo exit code \$?; read -r line"
}

# screen_start BUS COLUMNS LINES OPTION...: the same, then the workload on that bus
screen_start() {
	local bus=$1 columns=$2 lines=$3
	shift 3
	workload_start "$bus" || return 1
	terminal_start "$columns" "$lines" -d 0.3 "$@" -f "bus=0-$bus"
	shows 'Server|lost events' && workload_run
}

terminal_end() {
	local server
	server=$(tmux -L kdbus display-message -p '#{pid}' 2> /dev/null)
	tmux -L kdbus kill-server 2> /dev/null
	# a new one would be told by the old one that it ends
	while [ -n "$server" ] && kill -0 "$server" 2> /dev/null; do
		sleep_ms 50
	done
}

screen_end() {
	terminal_end
	workload_end
}
