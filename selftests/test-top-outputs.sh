#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What kdbus-top writes for others: CSV, text and OpenMetrics say in every view
# what a workload is known to have done, parsers take them, and filters pick
# what they should.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/top.sh
. "$here/top.sh"

# ---- CSV and text ---------------------------------------------------------------

# csv_read: the rows of the last frame as JSON in $tmp/frame
csv_read() {
	/usr/bin/python3 - "$tmp/csv" > "$tmp/frame" <<-'EOF'
	import csv, json, sys
	rows = list(csv.DictReader(open(sys.argv[1], newline=""), strict=True))
	assert all(None not in r and None not in r.values() for r in rows)
	json.dump([r for r in rows if r["time_ns"] == rows[-1]["time_ns"] and r.get("gone") != "1"], sys.stdout)
	EOF
}

# csv_of VIEW: the last of the workload's frames in $tmp/frame
csv_of() {
	local now ret=0
	workload_start "csv$1" || return 1
	: > "$tmp/csv"
	kdbus-top --csv -d 0.3 --view="$1" --bus "0-csv$1" > "$tmp/csv" &
	top_pid=$!
	until_true test -s "$tmp/csv" && workload_run || ret=1
	now=$(uptime_ns)
	until_true csv_reached "$now" || ret=1
	kill "$top_pid"
	wait "$top_pid" || ret=1
	workload_end
	csv_read || ret=1
	return $ret
}

# csv_reached TIME: there is a whole row that is younger; the title is no number
csv_reached() {
	awk -F, -v now="$1" '/\r$/ && $1 + 0 > now + 0 { found = 1 } END { exit !found }' "$tmp/csv"
}

# sums FIELDS-OF-TRUTH COLUMNS-OF-CSV [PAIRS]: they add up to the same, over
# all pairs or some
sums() {
	equal "[.pairs[] | ${3:-.}] | [$1] | map(. // 0)" "def sum(c): map(c | tonumber) | add // 0; [$2]"
}

csv_is_true() {
	csv_of buses &&
	sums '(map(.msgs) | add), (map(.timeout) | add), (map(.dead) | add), (map(.disconnect) | add), 0' \
		'sum(.msgs), sum(.calls_timeout), sum(.calls_dead), sum(.dropped_disconnect), sum(.lost)' &&
	csv_of users &&
	sums '(map(.msgs) | add), (map(select(.src != 0) | .msgs) | add), (map(.cancelled) | add)' \
		'sum(.in_msgs), sum(.out_msgs), sum(.in_calls_cancelled)' &&
	csv_of pairs &&
	sums '(map(.msgs) | add), (map(.answered) | add)' 'sum(.msgs), sum(.answered)' 'select(.gone | not)' &&
	csv_of names &&
	sums '(map(.msgs) | add)' 'sum(.in_msgs)' 'select(.by_name != "" and (.gone | not) or .src == 5)' &&
	csv_of connections &&
	sums '(map(.requested) | add), (map(.in_flight) | add)' 'sum(.in_dropped_requested), sum(.in_flight_in)' &&
	csv_of latency &&
	sums '(map(.answered) | add)' 'map(select(.part == "round_trip" and .way == "in")) | sum(.count)'
}

text_is_true() {
	local view
	workload_start toptext && workload_run || return 1
	for view in connections names pairs users buses latency; do
		kdbus-top -b -n 2 -d 0.2 --view="$view" --bus 0-toptext > "$tmp/$view" || return 1
		[ "$(grep -c '^buses 1  connections 5 .*lost events 0$' "$tmp/$view")" = 2 ] || return 1
	done
	workload_end
	# queue of the server: one request and five signals
	grep -qE '^[0-9]+:1 +org\.kdbus\.test\.Server .* workload +0 .* 6 +6 +1[0-9]K/1\.0M' "$tmp/connections" &&
	grep -qE '^org\.kdbus\.test\.Tiny +6 workload ' "$tmp/names" &&
	grep -qE '^4 org\.kdbus\.test\.Unlucky +1 org\.kdbus\.test\.Server ' "$tmp/pairs" &&
	grep -qE '^ +1001 .* 1[0-9]K ' "$tmp/users" &&
	grep -qE '^ *[0-9]+ 0-toptext +0 +5 ' "$tmp/buses"
}

# Lines say why calls failed and messages were dropped.
text_says_why() {
	local why ret=0
	workload_start topwhy || return 1
	kdbus-top -b -d 0.3 --view=buses --bus 0-topwhy > "$tmp/text" &
	top_pid=$!
	until_true grep -q '^buses' "$tmp/text" && workload_run || ret=1
	why=$(jq -r 'def s(f): map(f) | add // 0;
		([.conns[].enxio] | add) as $enxio | .pairs |
		"  calls: answered \(s(.answered)), timeout \(s(.timeout)), dead \(s(.dead)), " +
		"cancelled \(s(.cancelled)), .*  dropped: requested \(s(.requested)), " +
		"disconnect \(s(.disconnect))  errors: .*ENXIO \($enxio)\\b"' "$tmp/truth")
	until_true grep -qE "0-topwhy .*$why" "$tmp/text" || ret=1
	kill "$top_pid"
	wait "$top_pid" || ret=1
	workload_end
	[ $ret = 0 ] || { echo "# no such line: $why"; sed 's/^/# | /' "$tmp/text"; }
	return $ret
}

# ---- OpenMetrics --------------------------------------------------------------

# metrics_read FILE...: both parsers of prometheus_client take them; the samples
# of the last one as JSON in $tmp/frame
metrics_read() {
	/usr/bin/python3 - "$@" > "$tmp/frame" <<-'EOF'
	import json, sys
	from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
	from prometheus_client.parser import text_string_to_metric_families as lax
	for path in sys.argv[1:]:
	    text = open(path).read()
	    assert text.endswith("# EOF\n")
	    assert len(list(lax(text))) > 10
	    samples = [{"metric": s.name, "value": s.value} | s.labels for f in strict(text) for s in f.samples]
	json.dump(samples, sys.stdout)
	EOF
}

# what is the same in the truth and in the samples
metrics_are_true() {
	equal '[.pairs | map(.msgs), map(.answered), map(.abandoned), map(.disconnect), map(.in_flight),
		map(.answered), map(.received), map(.answered),
		map(select(.src == 3) | .msgs), map(select(.by_name == "org.kdbus.test.Server") | .msgs) | add] + [3, 0]' \
		'def v(n; f): [.[] | select(.metric == "kdbus_" + n) | select(f) | .value] | add;
		def bus(n; f): v("bus_" + n; .bus == "0-topmetrics" and f);
		[
		bus("messages_total"; true), bus("calls_total"; .outcome == "answered"),
		bus("calls_total"; .outcome == "abandoned"),
		bus("dropped_messages_total"; .reason == "disconnect"), bus("calls_in_flight"; true),
		bus("round_trip_time_seconds_count"; true), bus("queue_time_seconds_bucket"; .le == "+Inf"),
		bus("service_time_seconds_bucket"; .le == "68.719476736"),
		v("user_messages_total"; .uid == "1001" and .direction == "out"),
		([.[] | select(.metric == "kdbus_name_messages_total" and .name == "org.kdbus.test.Server") | .value] | add),
		bus("refused_commands_total"; .errno == "ENXIO"), v("lost_events_total"; true)]'
}

# metrics_have N: messages, on the bus
metrics_have() {
	grep -q "^kdbus_bus_messages_total{bus=\"0-topmetrics\",.* $1\$" "$tmp/metrics"
}

# as the textfile collector gets it: a file that is replaced as a whole
metrics_file() {
	local ret=0
	workload_start topmetrics || return 1
	kdbus-top --openmetrics -o "$tmp/metrics" -d 0.3 --bus 0-topmetrics &
	top_pid=$!
	until_true test -s "$tmp/metrics" && workload_run &&
		until_true metrics_have "$(jq '.pairs | map(.msgs) | add' "$tmp/truth")" || ret=1
	kill "$top_pid"
	wait "$top_pid" || ret=1
	workload_end
	metrics_read "$tmp/metrics" && metrics_are_true || ret=1
	# no half-written one is left
	[ "$(echo "$tmp"/metrics*)" = "$tmp/metrics" ] || ret=1
	return $ret
}

# one scrape: levels, and the end mark; every view
metrics_once() {
	local view ret=0
	workload_start toponce && workload_run || return 1
	for view in connections names pairs users buses; do
		kdbus-top --openmetrics -d 0.2 --view="$view" > "$tmp/$view" || ret=1
	done
	kdbus-top --openmetrics -d 0.2 > "$tmp/usual" || ret=1
	workload_end
	metrics_read "$tmp"/{connections,names,pairs,users,buses,usual} &&
	jq -e '[.[] | select(.metric == "kdbus_name_queued_messages" and .name == "org.kdbus.test.Server" and
		.bus == "0-toponce") | .value] == [6]' "$tmp/frame" > /dev/null || ret=1
	return $ret
}

# ---- filters ---------------------------------------------------------------------

# picks NAMES FILTER...: connections that pass, of the workload's
picks() {
	local want=$1 got
	shift
	got=$(kdbus-top --json -n 1 -d 0.1 --bus 0-topfilter "$@" |
		jq -r '[.connections[].names[0] | sub(".*\\."; "")] | sort | join(" ")')
	[ "$got" = "$want" ] || { echo "# $*: $got"; return 1; }
}

filters_combine() {
	picks 'Talker' -f Talker &&
	picks 'Caller Mortal' -f uid=1000 &&
	picks 'Caller' -f uid=1000 -f 'name=*.Caller' &&
	picks 'Caller' -f 'uid=1000 name!=*.Mortal' &&
	picks 'Server Tiny' -f 'uid=root comm=work*' &&
	picks '' -f 'uid=1000 Talker' &&
	picks 'Talker' -f conn=3 &&
	picks 'Caller Mortal Server Talker Tiny Unlucky' -f "pid=$WORK_PID" &&
	picks '' -f cgroup=/nowhere &&
	picks 'Caller Mortal Server Talker Tiny Unlucky' -f 'cgroup=/*' &&
	picks '' --bus 0-nosuch
}

# names, pairs, users and buses of what passes
filters_reach() {
	kdbus-top --json -n 1 -d 0.1 --bus 0-topfilter -f 'name=org.kdbus.test.Server' > "$tmp/frame"
	jq -e '(.names | length == 1) and ([.users[].uid] == [0]) and (.buses | length == 1) and
		(.pairs | length == 1 and .[0].dst == 1)' "$tmp/frame" > /dev/null
}

filters() {
	local ret=0
	workload_start topfilter && filters_combine && workload_run && filters_reach || ret=1
	workload_end
	return $ret
}

plan 6
check "CSV equals what a workload is known to have done, in every view" csv_is_true
check "text shows every view" text_is_true
check "text says why calls failed and messages were dropped" text_says_why
check "OpenMetrics says the same in a file, and parsers take it" metrics_file
check "OpenMetrics can be had once, of every view" metrics_once
check "filters combine" filters
