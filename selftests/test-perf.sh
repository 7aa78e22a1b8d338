#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-perf finds known delays in what perf has recorded, counts to the last
# one what was lost, and leaves no perf behind.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/perf.sh
. "$here/perf.sh"

record() {
	exits 0 '^kdbus-perf: [0-9]+ messages and 49 calls in kdbus-perf.data' \
		kdbus-perf record -- bash -c 'workload perf'
}

report() {
	kdbus-perf report --json -n 1000 > "$tmp/json" && all_numbers "$tmp/json"
}

# The calls, in the order in which they were made, with their delays.
outliers() {
	holds "$tmp/json" '.events == $t.events and .calls_open == 0' &&
	holds "$tmp/json" '.slowest | length == 49 and (map(.trip_ns) | . == (sort | reverse))' &&
	holds "$tmp/json" '[.slowest[] | select(.outcome == "answered") | .trip_ns >= .queue_ns + .service_ns and .reply_ns > 0 and .times_median > 0] | length == $t.answered and all' &&
	holds "$tmp/json" '.slowest | sort_by(.msg) | [.[40:43][].queue_ns >= $t.queue_ms * 1e6, .[43:45][].service_ns >= $t.service_ms * 1e6, .[45].reply_ns >= $t.reply_ms * 1e6] | all' &&
	holds "$tmp/json" '.slowest | sort_by(.msg) | [.[46:49][].outcome] == ["timeout", "timeout", "dead"] and .[48].queue_ns == null' &&
	holds "$tmp/json" '.longest | length == $t.received and .[0].queue_ns >= $t.queue_ms * 1e6' &&
	kdbus-perf report --json -n 3 > "$tmp/three" &&
	diff <(jq '[.slowest[:3], .longest[:3]]' "$tmp/json") <(jq '[.slowest, .longest]' "$tmp/three")
}

text() {
	kdbus-perf report -n 2 > "$tmp/text" &&
	has '^[0-9.]+ s: 105 messages sent, 1 refused, 4 dropped \(disconnect 2, requested 2\)$' &&
	has '^49 calls ended \(answered 46, dead 1, timeout 2\); 0 events lost$' &&
	has '^[0-9]+ +org.kdbus.test.Slow +48 +[0-9.]+[mu]s +[0-9.]+m?s +46 +3 +' &&
	has '^[0-9]+ +2 workload-delays +1 org.kdbus.test.Slow\(workload-delays\) +org.kdbus.test.Slow +48 ' &&
	has '^[0-9]+ +kernel +2 workload-delays +- +3 ' &&
	[ "$(grep -c ' > 1 org.kdbus.test.Slow(workload-delays) .* answered$' "$tmp/text")" = 2 ]
}

filters() {
	kdbus-perf report --json --name 'org.kdbus.*.Sl?w' > "$tmp/some" &&
	holds "$tmp/some" '(.names | length == 1) and (.pairs | length == 1) and .names[0].trip.count == $t.answered' &&
	kdbus-perf report --json --name 'org.other' > "$tmp/some" &&
	holds "$tmp/some" '[.names, .pairs, .slowest, .longest] | add == []' &&
	kdbus-perf report --json -b 99 > "$tmp/some" &&
	holds "$tmp/some" '.events == 0 and .seconds == 0 and .pairs == []' &&
	kdbus-perf report -b 99 | grep -q '^0.0 s: 0 messages sent, 0 refused, 0 dropped$'
}

# Of two buses, the one that was asked for.
one_bus() {
	hold perfb || return 1
	kdbus-perf record -b 0-perfb -o b.data -- bash -c "
		workload perfc
		echo go > go
		tail --pid=$work -f /dev/null" 2> "$tmp/err" || { cat "$tmp/err"; return 1; }
	wait "$work"
	kdbus-perf report --json -i b.data > "$tmp/one" && all_numbers "$tmp/one"
}

# The file is whole, however the recording was ended.
signals() {
	local signal pid
	for signal in INT TERM; do
		kdbus-perf record -o s.data 2> "$tmp/err" &
		pid=$!
		started s.data "$pid" || return 1
		workload "perf$signal"
		kill -"$signal" "$pid"
		ended "$pid" 0 && kdbus-perf report -i s.data --json > "$tmp/one" || return 1
		rm s.data
	done
	exits 0 ': 0 messages and 0 calls in t.data' kdbus-perf record -t 0.5 -o t.data
}

no_bus() { [ "$(wc -l < /sys/kernel/debug/kdbus/buses)" = 1 ]; }
flood() {
	# what is left of earlier cases would be counted too
	until no_bus; do sleep_ms 20; done
	kdbus-perf record -m 1 -o f.data -- bash -c 'workload perff flood 20000' 2> "$tmp/err"
	[ $? = 3 ] && grep -qE '^kdbus-perf: [0-9]+ events were lost; record with a larger --size$' "$tmp/err" || return 1
	kdbus-perf report --json -i f.data > "$tmp/lossy" 2> "$tmp/err"
	[ $? = 3 ] && holds "$tmp/lossy" '.lost > 0 and .events + .lost == $t.events'
}

# perf does not go on without it
record_killed() {
	local pid perf
	kdbus-perf record -o k.data 2> "$tmp/err" &
	pid=$!
	started k.data "$pid" || return 1
	perf=$(pgrep -P "$pid" -x perf)
	[ -n "$perf" ] || return 1
	kill -KILL "$pid"
	tail --pid="$perf" -f /dev/null
}

plan 9
check "a command is recorded" record
check "the report's numbers are the truth" report
check "delays are where they were, the slowest first" outliers
check "text for people" text
check "only one name, only one bus of a file" filters
check "only one bus is recorded" one_bus
check "a recording that is ended by a signal or the clock is whole" signals
check "what was lost is counted to the last one, and is the exit code" flood
check "killed, it leaves no perf" record_killed
