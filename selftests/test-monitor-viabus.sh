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
		grep -q '"conn":8.*"action":"dead"' "$tmp/json" && break
		sleep_ms 20
	done
	mon=$via; monitor_stop || ret=1
	mon=$bpf; monitor_stop || ret=1
	workload_end
	[ -s "$tmp/json" ] && [ "$ret" = 0 ]
}

# What both know. Ends that nobody is told of are those of synchronous calls;
# of somebody who comes and goes the process is too late to ask for.
common='
def who: if . then {conn, names} else null end;
select(.type == "call" or .type == "reply" or .type == "signal" or
	(.type == "notice" and .dst.conn > 0) or (.type == "end" and (.sync | not)) or
	(.type == "name" and (.action == "add" or .action == "remove" or .action == "change"))) |
{type, src: (.src | who), dst: (.dst | who), name, seq, cookie, reply_to, sync, flags, timeout_ns,
 priority, bytes, fds, memfds, outcome, notice, action, name_flags, bus_name}'

# The monitor's own connection is seen by BPF alone.
conns='
select(.type == "conn" and .action != "update" and .src.conn != 4) | [.src.conn, .action]'

same_as_bpf() {
	jq -cS "$common" "$tmp/bpf.json" > "$tmp/want"
	jq -cS "$common" "$tmp/json" | diff "$tmp/want" - && [ "$(wc -l < "$tmp/want")" -gt 40 ] &&
	# a connection is gone for the bus before its calls have ended
	jq -c "$conns" "$tmp/bpf.json" | sort > "$tmp/want" &&
	jq -c "$conns" "$tmp/json" | sort | diff "$tmp/want" - && [ "$(wc -l < "$tmp/want")" = 8 ]
}

people() {
	jq 'select(.type == "call" and .cookie == 1) |
		.src.names == "org.kdbus.test.Client" and .src.comm == "workload-monito" and
		.src.pid == .dst.pid and .dst.names == "org.kdbus.test.Server"' "$tmp/json" | grep -qx true
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
	! grep -q '#0' "$tmp/err" &&
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
	jq 'select(.cookie == 5) | [.payload.parts[].part] == ["zero", "memfd"]' "$tmp/json" | grep -qx true &&
	kdbus-monitor -q --json -r "$tmp/f" | diff "$tmp/json" -
}

# It ends when its bus does, and says why.
bus_ends() {
	workload_start monvia5 && monitor_start --via-bus="$bus" -q || return 1
	workload_end
	wait "$mon"
	[ $? = 1 ] && grep -q "^kdbus-monitor: the bus $bus is gone" "$tmp/err"
}

plan 8
check "BPF and a monitor connection watch the same traffic" both
check "they tell the same" same_as_bpf
check "who it was is known" people
check "how long calls took is known" ages
check "it says what it cannot know" says_what_it_cannot_know
check "only for the privileged" only_for_the_privileged
check "payload" payload
check "it ends with its bus" bus_ends
