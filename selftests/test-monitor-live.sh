#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-monitor's filters, decided in the kernel where it can: what is shown is
# the same.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

# live SUFFIX PATTERN OPTION...: just the lines of the truth with PATTERN
live() {
	local suffix=$1 pattern=$2
	shift 2
	watched "$suffix" -b "0-$suffix" "$@" || return 1
	grep -E "$pattern" "$tmp/truth" > "$tmp/want"
	seen
	diff "$tmp/want" "$tmp/seen" && summary '.lost == 0'
}

types() { live monlive1 '^(call|end)' -t call,end && live monlive2 '^(signal|drop)' -t signal,drop; }
errors_only() { live monlive3 "$errors" -e; }
ends() { live monlive4 '^[a-z]+ 2>1 ' -s 2 -d 1; }

# everything but what no process does, or one of which nothing is known yet
users() {
	live monlive5 '^(call|reply|signal|recv|match|end|refused|failed|notice|drop|move|name|conn|quota|policy [1-9]+ (set|deny))' -u root &&
	live monlive6 nothing -u 65534
}

processes() { live monlive7 nothing -p 1; }

# a call that was answered in less is not shown, whenever it began
slow() {
	watched monslow -b 0-monslow --slower 20ms || return 1
	seen
	[ "$(grep -c '^end.*outcome=timeout' "$tmp/seen")" = 2 ] && ! grep -q '^call' "$tmp/seen" &&
	jq 'select(.age_ns or .wait_ns) | (.age_ns // .wait_ns) >= 20000000' "$tmp/json" |
		grep -cv true | grep -qx 0
}

plan 7
check "types" types
check "errors" errors_only
check "both ends" ends
check "users" users
check "processes" processes
check "what took long" slow
check_typed kdbus-monitor --timeout 200ms
