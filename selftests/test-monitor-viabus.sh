#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-monitor through a monitor connection tells the same as BPF does, as far
# as it can know.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

# Both at once, over the same traffic.
both() {
	workload_start monvia && monitor_start -b "$bus" -v || return 1
	local bpf=$mon
	mv "$tmp/json" "$tmp/bpf.json"
	monitor_start --via-bus="$bus" -q || return 1
	local via=$mon ret=0
	workload_run || ret=1
	# it has everything when it has what comes last
	for _ in $(seq 1000); do
		grep -q '"conn":7.*"action":"dead"' "$tmp/json" && break
		sleep_ms 20
	done
	mon=$via; monitor_stop || ret=1
	mon=$bpf; monitor_stop || ret=1
	workload_end
	[ -s "$tmp/json" ] && [ "$ret" = 0 ]
}

# What both know, without what only one does. Ends that nobody is told of are
# those of synchronous calls; a monitor's own connection is seen by BPF alone.
common='
select(.type == "call" or .type == "reply" or .type == "signal" or .type == "notice" or
	(.type == "end" and (.sync | not)) or
	(.type == "name" and (.action == "add" or .action == "remove" or .action == "change")) or
	(.type == "conn" and .action != "update")) |
select((.type == "notice" and .dst.conn < 0 or ((.conn_flags // []) | index("monitor"))) | not) |
{type, src, dst, name, seq, cookie, reply_to, sync, flags, timeout_ns, priority, bytes, fds, memfds,
 outcome, notice, action, name_flags, bus_name}'

same_as_bpf() {
	# connections that are gone have no names left in either
	jq -cS "$common" "$tmp/bpf.json" > "$tmp/want"
	jq -cS "$common" "$tmp/json" > "$tmp/got"
	# the connection of the monitor itself goes after the traffic
	grep -v '"action":"dead".*"conn":4,' "$tmp/want" > "$tmp/want2"
	grep -v '"action":"dead".*"conn":4,' "$tmp/got" | diff "$tmp/want2" - && [ "$(wc -l < "$tmp/got")" -gt 50 ]
}

# how long calls took is told from outside, and about the same
ages() {
	jq -s '[.[] | select(.type == "reply") | .age_ns] | length == 9 and all(. > 0 and . < 60000000000)' \
		"$tmp/json" | grep -qx true &&
	jq -s '[.[] | select(.type == "reply") | has("wait_ns") or has("service_ns") or has("id")] | any' \
		"$tmp/json" | grep -qx false
}

says_what_it_cannot_know() {
	kdbus-monitor --via-bus=0-monvia2 --timeout 10ms > "$tmp/out" 2> "$tmp/err"
	[ $? = 77 ] && grep -q 'there is no such bus' "$tmp/err" || return 1
	workload_start monvia2 || return 1
	kdbus-monitor --via-bus="$bus" --timeout 10ms > "$tmp/out" 2> "$tmp/err" &&
	grep -q '^kdbus-monitor: through a monitor connection: ids, .* are not known$' "$tmp/err"
	local ret=$?
	workload_end
	return $ret
}

# Others may not look, and are told so.
only_for_the_privileged() {
	workload_start monvia3 || return 1
	setpriv --reuid=65534 --clear-groups "$bin/kdbus-monitor" --via-bus="$bus" > "$tmp/out" 2> "$tmp/err"
	[ $? = 77 ] && grep -q "only the bus's maker and root may watch it" "$tmp/err"
	local ret=$?
	workload_end
	return $ret
}

payload() {
	local workload=workload-payload ret=0
	workload_start monvia4 && monitor_start --via-bus="$bus" -q --payload -w "$tmp/f" --print && workload_run || ret=1
	for _ in $(seq 1000); do
		grep -q '"cookie":5' "$tmp/json" && break
		sleep_ms 20
	done
	[ "$ret" = 1 ] || monitor_stop || ret=1
	workload_end
	[ "$ret" = 0 ] &&
	[ "$(jq -r 'select(.cookie == 1) | .payload.dbus' "$tmp/json")" = "call /org/kdbus/test org.kdbus.Test.Hello si ('world', 42)" ] &&
	[ "$(jq -r 'select(.cookie == 2) | .payload.dbus' "$tmp/json")" = "signal /org/kdbus/test org.kdbus.Test.Changed s ('so',)" ] &&
	[ "$(jq -r 'select(.cookie == 4) | .payload.data | length' "$tmp/json")" = 8192 ] &&
	jq -e 'select(.cookie == 5) | [.payload.parts[].part] == ["zero", "memfd"]' "$tmp/json" > /dev/null &&
	kdbus-monitor -q --json -r "$tmp/f" | diff "$tmp/json" -
}

# It ends when its bus does, and says why.
bus_ends() {
	workload_start monvia5 && monitor_start --via-bus="$bus" -q || return 1
	workload_end
	wait "$mon"
	[ $? = 1 ] && grep -q "^kdbus-monitor: the bus $bus is gone" "$tmp/err"
}

plan 7
check "BPF and a monitor connection watch the same traffic" both
check "they tell the same" same_as_bpf
check "how long calls took is known" ages
check "it says what it cannot know" says_what_it_cannot_know
check "only for the privileged" only_for_the_privileged
check "payload" payload
check "it ends with its bus" bus_ends
