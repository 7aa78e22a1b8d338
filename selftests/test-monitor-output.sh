#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a person sees of kdbus-monitor: lines, colours, the summary, help, and
# what it says when it is used in the wrong way or place.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

f=$tmp/f.pcapng

# once, for all that follows
record() { watched monout -b 0-monout -w "$f" --print; }

line() { grep -qE "$1" "$tmp/text" || { echo "no line like $1"; cat "$tmp/text"; return 1; }; }

t='^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}' # the time
took='[0-9.]+(ns|us|ms|s)'

lines() {
	kdbus-monitor -r "$f" > "$tmp/text" 2> "$tmp/summary" || return 1
	line '^TIME                ID TYPE      BYTES  QUEUE SERVICE BUS:FROM > TO$' &&
	line "$t +#[0-9]+ call         64                [0-9]+:2 org.kdbus.test.Client\(workload-monito\) > 1 org.kdbus.test.Server\(workload-monito\)  cookie 1 timeout 60s$" &&
	line "$t +#[0-9]+ reply       100 +$took +$took [0-9]+:1 org.kdbus.test.Server.* > 2 .*  in $took to #[0-9]+ cookie 2$" &&
	line "$t +#[0-9]+ timeout              -       - .*  after $took never received cookie 9 sync$" &&
	line "$t +#[0-9]+ cancelled +$took +$took .*  after $took cookie 8 sync$" &&
	line "$t +#[0-9]+ dead .* after" &&
	line "$t +#[0-9]+ call       4\.0K .* fds 2 memfds 1$" &&
	line "$t +#[0-9]+ signal     1000 .* cookie 104 queue 5$" &&
	line "$t +#[0-9]+ signal       30 .* > \*  cookie 200 to 2 of 2$" &&
	line "$t +#[0-9]+ refused      10          ENXIO .* > 4711  cookie 300$" &&
	line "$t +#[0-9]+ refused .* > org.kdbus.test.Nobody  cookie 301$" &&
	line "$t +failed +ENXIO .*  free$" &&
	line "$t +name +EADDRINUSE .*  release org.kdbus.test.Server$" &&
	line "$t +name .*2 .*  lost org.kdbus.test.Wanted to 3 org.kdbus.test.Wanted\(" &&
	line "$t +#[0-9]+ move .*  with org.kdbus.test.Lazy$" &&
	line "$t +#[0-9]+ notice .*:kernel > 2 .*  reply_timeout of cookie 10$" &&
	line "$t +#[0-9]+ drop .*  disconnect cookie 12$" &&
	line "$t +#[0-9]+ drop +ENOBUFS .*  undelivered cookie 304$" &&
	line "$t +name .*:3 .*  waits no longer for org.kdbus.test.Wanted allow_replacement$" &&
	line "$t +name .*:3 .*  asked again for org.kdbus.test.Wanted allow_replacement queue$" &&
	line "$t +conn .*:4 workload-monito  connected pid [0-9]+ uid 0 'short-lived' accept_fd pool 1.0M$" &&
	line "$t +conn .*  is gone \(byebye\)$" &&
	line "$t +match .*  add match cookie 7$" &&
	line "$t +policy .*  may not own org.kdbus.test.Lazy$" &&
	line "$t +#[0-9]+ quota +ENOBUFS .*  pool: [0-9]+ more on 0 of 4096$" &&
	# no receives, unless they are asked for
	! grep -q ' recv ' "$tmp/text" &&
	kdbus-monitor -q -v -r "$f" | grep -qE "$t +#[0-9]+ recv +$took .*  cookie 1 call$"
}

# what stands in columns does so in every line; an id may take more room than
# there is for it
columns() {
	kdbus-monitor -q -v -r "$f" | awk '
		match($0, /^[0-9:.]+ +#[0-9]+ /) { $0 = sprintf("%-22s ", substr($0, 1, 15)) substr($0, RLENGTH + 1) }
		NR > 1 && (substr($0, 16, 1) != " " || substr($0, 23, 1) != " " ||
			substr($0, 33, 1) != " " || substr($0, 39, 1) != " " ||
			substr($0, 54, 1) != " " || substr($0, 55, 1) !~ /[0-9]/) { print; bad = 1 }
		END { exit bad || NR < 90 }'
}

summary_is_right() {
	local n
	n=$(jq -s '[.[] | select(.type != "start" and .type != "summary")] | length' "$tmp/json")
	grep -q "^$n events: 14 call, 9 reply, 8 signal, 3 notice, [0-9]* recv, 4 drop, 1 move, 5 end, 4 refused, " "$tmp/summary" &&
	grep -qE '^[0-9]+ errors, 0 lost events$' "$tmp/summary" &&
	[ "$(grep -cE "^ +$took  queue +($took|-)  service +($took|-)  [a-z]+ +#[0-9]+ [0-9]+:2 " "$tmp/summary")" = 5 ] &&
	kdbus-monitor -q -r "$f" 2>&1 > /dev/null | grep -c . | grep -qx 0
}

# the same line with and without
colors() {
	kdbus-monitor -q -r "$f" --color=always > "$tmp/color" && grep -q $'\033\\[1;31mrefused' "$tmp/color" &&
	sed $'s/\033\\[[0-9;]*m//g' "$tmp/color" | diff - <(kdbus-monitor -q -r "$f") &&
	kdbus-monitor -q -r "$f" --color=auto | grep -c $'\033' | grep -qx 0
}

# on_screen WIDTH COMMAND: what stands there when it has ended, with colours
on_screen() {
	tmux -L kdbusmon -f /dev/null new-session -d -x "$1" -y 200 "$2; echo exit code \$?; read -r line"
	for _ in $(seq 300); do
		tmux -L kdbusmon capture-pane -p -e > "$tmp/screen"
		grep -q 'exit code' "$tmp/screen" && break
		sleep_ms 100
	done
	tmux -L kdbusmon kill-server
	grep -q 'exit code 0' "$tmp/screen" || { cat "$tmp/screen"; return 1; }
}

plain() { sed $'s/\033\\[[0-9;]*m//g' "$tmp/screen" > "$tmp/text"; }

# Nothing wraps at 80 columns, and it can still be told who it was, if not to the
# last letter where the bus has a long number.
screen() {
	on_screen 80 "kdbus-monitor -r $f -q" || return 1
	grep -q $'\033\\[1m*\033*\\[*;*31m.*refused\|\033\\[.*31m.*refused' "$tmp/screen" || return 1
	plain
	[ "$(grep -cE "$t" "$tmp/text")" = "$(kdbus-monitor -q -r "$f" | grep -cE "$t")" ] &&
	line "$t +#[0-9]+ call         64                [0-9]+:2 Client > 1 S[erv]*( |>|$)" &&
	on_screen 80 "NO_COLOR=1 kdbus-monitor -r $f -q" && plain && ! grep -q $'\033\\[[0-9;]*3[0-9]' "$tmp/screen" &&
	on_screen 80 "kdbus-monitor -r $f -q -W" && plain && line 'org.kdbus.test.Client\(workload' &&
	on_screen 80 "NO_COLOR=1 kdbus-monitor -r $f -q --color=always" && grep -q $'\033' "$tmp/screen"
}

# says STATUS REGEX OPTION...: one line on stderr that begins so, nothing else
says() {
	local status=$1 regex=$2
	shift 2
	kdbus-monitor "$@" > "$tmp/out" 2> "$tmp/err"
	[ $? = "$status" ] && grep -qE "^kdbus-monitor: $regex" "$tmp/err" && [ ! -s "$tmp/out" ] || {
		echo "kdbus-monitor $*: $(cat "$tmp/err")"
		return 1
	}
}

usage() {
	says 2 "'x' is no message id" --follow x && says 2 "'foo' is no list of types; --help lists them" -t foo &&
	says 2 "'5x' is no time; say 500us, 10ms or 2s" --slower 5x && says 2 "'0' is no count" -N 0 &&
	says 2 "there is no user 'nosuch'" -u nosuch && says 2 "'x' is no process id" -p x &&
	says 2 "'5000' is no power of two between $(($(getconf PAGESIZE) / 1024))K and 1G" --buffer 5000 &&
	says 2 "'x' is no kind of JSON" --json=x && says 2 "'x' is none of auto, always, never" --color=x &&
	says 2 'unexpected .x' x && says 2 '--print is for --write' --print &&
	says 2 '--read does not go with --write' -r x -w y && says 2 '--via-bus needs a bus' --via-bus &&
	says 2 "'0' is no number of bytes" --payload=0 &&
	says 1 "cannot read '/nosuch': No such file or directory" -r /nosuch &&
	says 1 "cannot write '/nosuch/x': No such file or directory" -w /nosuch/x &&
	says 77 'cannot watch /dev/kdbus/0-nosuch/bus: there is no such bus; ls /dev/kdbus shows them' --via-bus=0-nosuch
}

# binary is not for terminals
terminal() {
	tmux -L kdbusmon -f /dev/null new-session -d -x 100 -y 20 "kdbus-monitor -w -; echo exit code \$?; read -r line"
	for _ in $(seq 300); do
		tmux -L kdbusmon capture-pane -p > "$tmp/screen"
		grep -q 'exit code' "$tmp/screen" && break
		sleep_ms 100
	done
	tmux -L kdbusmon kill-server
	grep -q 'exit code 2' "$tmp/screen" && grep -q 'is a terminal; write to a file or into a pipe' "$tmp/screen"
}

not_root() {
	setpriv --reuid=65534 --clear-groups "$bin/kdbus-monitor" > "$tmp/out" 2> "$tmp/err"
	[ $? = 77 ] && [ ! -s "$tmp/out" ] &&
	grep -qx 'kdbus-monitor: only root may load BPF programs; run it with sudo' "$tmp/err"
}

# A capture from before is as it was if there will be none.
keeps_old_capture() {
	cp "$f" "$tmp/old.pcapng" && chmod 666 "$tmp/old.pcapng" && chmod 755 "$tmp" || return 1
	setpriv --reuid=65534 --clear-groups "$bin/kdbus-monitor" -w "$tmp/old.pcapng" 2> /dev/null
	[ $? = 77 ] && cmp "$f" "$tmp/old.pcapng" && says 77 'cannot watch' --via-bus=0-nosuch -w "$tmp/old.pcapng" &&
	cmp "$f" "$tmp/old.pcapng"
}

unreadable() {
	says 1 "'/' cannot be read: Is a directory, at byte 0$" -r / && [ "$(wc -l < "$tmp/err")" = 1 ] &&
	KDBUS_BPF=x says 2 "KDBUS_BPF is 'x'; it can be btf, raw or tp" -N 1
}

# nothing else takes the place of a closed stdout, and gets what is shown
closed() {
	kdbus-monitor -q --json --timeout 10ms 2> "$tmp/err" >&-
	[ $? = 1 ] && grep -qx 'kdbus-monitor: cannot write: Bad file descriptor' "$tmp/err"
}

# a full disk, and nobody who reads
no_room() {
	kdbus-monitor -q -r "$f" > /dev/full
	[ $? = 1 ] || return 1
	kdbus-monitor -q -r "$f" | head -n 1 > "$tmp/text"
	[ "${PIPESTATUS[0]}" = 0 ] && [ "$(wc -l < "$tmp/text")" = 1 ] || return 1
	says 1 "cannot write '/dev/full': No space left on device" -q -w /dev/full --timeout 10ms || return 1
	kdbus-monitor -q -w - --timeout 5s 2> "$tmp/err" | true
	[ "${PIPESTATUS[0]}" = 0 ] && [ ! -s "$tmp/err" ]
}

help_and_version() {
	kdbus-monitor --help > "$tmp/help" 2> "$tmp/err" && [ ! -s "$tmp/err" ] &&
	grep -q 'EXAMPLES' "$tmp/help" && grep -qi 'privacy' "$tmp/help" &&
	[ "$(awk 'length > 80' "$tmp/help" | wc -l)" = 0 ] &&
	kdbus-monitor --version | grep -qE '^kdbus-monitor [0-9.]+$'
}

# offered WORD...: what the completion offers for the last of them
offered() {
	bash -c '
		. "$0"
		COMP_WORDS=(kdbus-monitor "$@") COMP_CWORD=$#
		_kdbus_monitor 2> /dev/null
		printf "%s\n" "${COMPREPLY[@]}"' "$here/../packaging/completions/kdbus-monitor" "$@"
}

# Which options it offers is looked at by test-completion.
completion_of_values() {
	offered -t call,re | tr '\n' ' ' | grep -qx 'call,reply call,recv call,refused ' &&
	offered --json p | grep -qx pretty && offered --color = | grep -qx never
}

plan 15
check "all is recorded" record
check "lines say what happened" lines
check "columns line up" columns
check "the summary" summary_is_right
check "colours" colors
check "a terminal of 80 columns" screen
check "usage errors" usage
check "no binary to a terminal" terminal
check "not root: one line, exit code 77" not_root
check "a capture is not emptied for nothing" keeps_old_capture
check "what cannot be read, and no such kind of BPF program" unreadable
check "nowhere to write to" no_room
check "stdout is closed" closed
check "help and version" help_and_version
check "bash completes types, kinds of JSON and when to colour" completion_of_values
