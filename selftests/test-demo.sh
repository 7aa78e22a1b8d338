#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demo runs to its end: its programs find each other, no answer is wrong,
# and kdbus-top shows all of them at work.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
frames=$((10 * ${KDBUS_SLOW:-1}))
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

demo_ends_well() {
	"$here/../demo/run" "$frames" > "$tmp/frames" 2> "$tmp/err" && [ ! -s "$tmp/err" ] && return
	echo "exit code $?:"
	cat "$tmp/err"
	return 1
}

# the last frame, which has all there was
last_frame() { awk '/^buses /{ frame = "" } { frame = frame $0 "\n" } END { printf "%s", frame }' "$tmp/frames"; }

# columns_of NAME: OUT and IN of a row, by the title's place of them
columns_of() {
	last_frame | awk -v name="$1" '
		/^ID / { for (i = 1; i <= NF; i++) at[$i] = i }
		/^[0-9]/ && $2 == name { print $at["OUT"], $at["IN"]; found = 1 }
		END { exit !found }'
}

everybody_works() {
	local name out in bad=0
	# Archive calls Digest, which is started for that and ends
	for name in Files Resolver Mirror Config Accounts Backup Login Archive; do
		read -r out in < <(columns_of org.kdbus.demo.$name) && [ "$out" != 0 ] && [ "$in" != 0 ] && continue
		echo "$name: '${out:-}' out, '${in:-}' in"
		bad=1
	done
	read -r out in < <(columns_of org.kdbus.demo.News) && [ "$out" != 0 ] || bad=1
	# who is in the sandbox and who only listens
	read -r out in < <(columns_of sandboxed) && [ "$in" != 0 ] || bad=1
	read -r out in < <(columns_of listener) && [ "$in" != 0 ] || bad=1
	[ $bad = 0 ] || last_frame
	return $bad
}

nothing_is_left() { [ "$(wc -l < /sys/kernel/debug/kdbus/buses)" = 1 ]; }

plan 3
check "the demo ends well" demo_ends_well
check "everybody is at work" everybody_works
check "nothing is left" nothing_is_left
