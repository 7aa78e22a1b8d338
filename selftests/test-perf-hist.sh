#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-perf finds known delays in histograms that the kernel makes, says what
# did not fit in, and leaves no instance.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/perf.sh
. "$here/perf.sh"
instances=/sys/kernel/tracing/instances

# counted PID: the last of the triggers is set
counting() {
	until grep -qs 'conn,peer,outcome' "$instances/kdbus-perf-$1/events/kdbus/kdbus_call_end/hist"; do
		kill -0 "$1" 2> /dev/null || { cat "$tmp/err"; return 1; }
		sleep_ms 20
	done
}

# hist STATUS "WORKLOAD..." OPTION...: what histograms say of the workload
hist() {
	local status=$1 pid
	# shellcheck disable=SC2086
	hold $2 || return 1
	kdbus-perf hist "${@:3}" > "$tmp/hist" 2> "$tmp/err" &
	pid=$!
	counting "$pid" || return 1
	release
	kill -INT "$pid"
	ended "$pid" "$status" && no_instances
}

no_instances() { ! compgen -G "$instances/kdbus-perf-*"; }

hist_numbers() {
	hist 0 perfh --json -b 0-perfh && all_numbers "$tmp/hist" &&
	holds "$tmp/hist" '[.names[0], .pairs[] | .queue, .service, .trip | ([.histogram[][1]] | add // 0) == .count] | all' &&
	holds "$tmp/hist" '[.names[0].trip.histogram[] | select(.[0] >= $t.service_ms * 1e6) | .[1]] | add >= 2'
}

hist_text() {
	hist 0 perft && cp "$tmp/hist" "$tmp/text" &&
	has '^[0-9.]+ s: 105 messages sent, 1 refused, 4 dropped ' &&
	has '^49 calls ended \(answered 46, dead 1, timeout 2\); 0 events lost$' &&
	has '^[0-9]+ +org.kdbus.test.Slow +48 +' &&
	has '^TIME +queue +service +trip$' && has '^ *[0-9]+[mu]s-[0-9.]+m?s +.*#+ [0-9]+'
}

hist_command() {
	hold perfi || return 1
	exits 0 '"source": "histograms"' kdbus-perf hist --json -b 0-perfi -- bash -c "
		echo go > go
		tail --pid=$work -f /dev/null" || return 1
	wait "$work"
	all_numbers "$tmp/out"
}

hist_lost() {
	hist 3 "perfl crowd 200" -m 128 --json && holds "$tmp/hist" '.lost > 0' &&
	grep -qE '^kdbus-perf: [0-9]+ events were lost; hist with a larger --size$' "$tmp/err"
}

hist_killed() {
	local pid
	hold perfk && no_instances || return 1
	kdbus-perf hist -b 0-perfk > "$tmp/hist" 2> "$tmp/err" &
	pid=$!
	counting "$pid" || return 1
	kill -KILL "$pid"
	wait "$pid"
	release
	until no_instances > /dev/null; do sleep_ms 20; done
}

plan 5
check "histograms say what was recorded otherwise" hist_numbers
check "histograms as text" hist_text
check "histograms while a command runs" hist_command
check "histograms without room: exit code 3" hist_lost
check "killed, it leaves no instance" hist_killed
