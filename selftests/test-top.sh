#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-top tells the truth: what a workload is known to have done is what
# JSON, CSV, text and OpenMetrics say in every view, with every kind of BPF
# program, and what was there before it started is shown.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/top.sh
. "$here/top.sh"

# What is counted of a flow, of the truth and of a frame.
truth_flow='def s(f): map(f) | add // 0;
	def flow: {msgs: s(.msgs), received: s(.received),
	requested: s(.requested), disconnect: s(.disconnect),
	answered: s(.answered), timeout: s(.timeout), dead: s(.dead),
	cancelled: s(.cancelled), abandoned: s(.abandoned),
	in_flight: s(.in_flight)};
	. as $t | ($t.conns | map({(.id|tostring): .uid}) | add) as $uid |'
frame_flow='def flow: {msgs, received: .latency.queue.count,
	requested: .dropped.requested, disconnect: .dropped.disconnect,
	answered: .calls.answered, timeout: .calls.timeout, dead: .calls.dead,
	cancelled: .calls.cancelled, abandoned: .calls.abandoned,
	in_flight: .calls.in_flight};'

pairs_are_true() {
	equal "$truth_flow"'[.pairs[] | select(.gone | not) |
		{src, dst, by_name} + ([.] | flow)] | sort_by([.src, .dst, .by_name])' \
		"$frame_flow"'[.pairs[] | select(.dst != 0 and (.gone | not)) |
		{src, dst, by_name} + (.in | flow)] | sort_by([.src, .dst, .by_name])'
}

conns_are_true() {
	equal "$truth_flow"'[.conns[] | select(.gone | not) | .id as $id | {id, name, uid, queued,
		enxio, in: ([$t.pairs[] | select(.dst == $id)] | flow),
		out: ([$t.pairs[] | select(.src == $id)] | flow)}] | sort_by(.id)' \
		"$frame_flow"'[.connections[] | select(.gone | not) | {id, name: .names[0], uid,
		queued: .queue.now, enxio: (.errors.ENXIO // 0),
		in: (.in | flow), out: (.out | flow)}] | sort_by(.id)'
}

names_are_true() {
	equal "$truth_flow"'[.conns[] | select(.gone | not) | .name as $n | {name: $n, owner: .id,
		in: ([$t.pairs[] | select(.by_name == $n)] | flow)}] | sort_by(.name)' \
		"$frame_flow"'[.names[] | select(.gone | not) | {name, owner, in: (.in | flow)}] | sort_by(.name)'
}

# Users and buses know what those have done that are gone.
users_are_true() {
	equal "$truth_flow"'[$uid | to_entries | group_by(.value)[] | (map(.key | tonumber)) as $ids |
		{uid: .[0].value, in: ([$t.pairs[] | select(.dst | IN($ids[]))] | flow),
		out: ([$t.pairs[] | select(.src | IN($ids[]))] | flow)}] | sort_by(.uid)' \
		"$frame_flow"'[.users[] | {uid, in: (.in | flow), out: (.out | flow)}] | sort_by(.uid)'
}

buses_are_true() {
	equal "$truth_flow"'{in: (.pairs | flow), connections: ([.conns[] | select(.gone | not)] | length),
		queued: ([.conns[] | select(.gone | not) | .queued] | add),
		enxio: ([.conns[].enxio] | add)}' \
		"$frame_flow"'.buses[0] | {in: (.in | flow), connections, queued: .queue.now, enxio: .errors.ENXIO}'
}

# A slice holds the payload and a header of a few hundred bytes.
bytes_are_true() {
	jq -e --slurpfile t "$tmp/truth" '[.pairs[] as $p | $t[0].pairs[] |
		select(.src == $p.src and .dst == $p.dst and .by_name == $p.by_name) |
		$p.in.bytes >= .payload and $p.in.bytes <= .payload + 500 * .msgs] | length > 5 and all' \
		"$tmp/frame" > /dev/null
}

# What a full pool has refused, at who sent and at whose pool it was.
limits_are_true() {
	equal '.conns | map(.refused) | add' \
		'[.pairs[].in.limited | .share + .pool] | add' &&
	equal '.conns | map(.refused) | add' \
		'[.connections[] | select(.names[0] == "org.kdbus.test.Tiny") | .in.limited | .share + .pool] | add' &&
	equal '.conns | map(.refused) | add' \
		'[.connections[] | select(.names[0] == "org.kdbus.test.Talker") | .errors | .EXFULL // .ENOBUFS] | add' &&
	equal '.conns | map(.refused) | add' \
		'[.users[] | select(.uid == 1001) | .out.limited | .share + .pool] | add'
}

# Slow calls were served for 20 ms or more; percentiles are in order.
latency_is_true() {
	# on a busy machine others take as long
	jq -e --slurpfile t "$tmp/truth" '([.names[].in.latency.service.histogram[] |
		select(.[0] > 20000000) | .[1]] | add) as $slow | ($t[0].pairs | map(.slow) | add) as $n |
		$n > 0 and $slow >= $n and
		([.names[].in.latency.service.sum_ns] | add) >= $n * 20000000' "$tmp/frame" > /dev/null &&
	jq -e '[.pairs[].in.latency[] | select(.count > 0) | .p50_ns > 0 and
		.p50_ns <= .p90_ns and .p90_ns <= .p99_ns and .p99_ns <= .max_ns and
		.sum_ns >= .max_ns and .sum_ns <= .max_ns * .count and
		([.histogram[][1]] | add) == .count] | length > 3 and all' "$tmp/frame" > /dev/null &&
	jq -e '[.pairs[].in | select(.calls.answered > 0) | .latency.service.count == .calls.answered and
		.latency.round_trip.count == .calls.answered and
		.latency.round_trip.sum_ns >= .latency.service.sum_ns] | length > 0 and all' "$tmp/frame" > /dev/null
}

# KDBUS_BPF may name the kind of programs
json_is_true() {
	local ret=0
	workload_start "$1" && watched "$1" && pairs_are_true && conns_are_true && names_are_true &&
		users_are_true && buses_are_true && bytes_are_true && limits_are_true &&
		latency_is_true && jq -e '.schema == 2 and .lost == 0 and .interval_s > 0.2' "$tmp/frame" > /dev/null &&
		top_end && [ "$top_status" = 0 ] || ret=1
	workload_end
	return $ret
}

json_of_kind() { KDBUS_BPF=$1 json_is_true "top$1"; }

# ---- what was there before ---------------------------------------------------

before_is_shown() {
	workload_start topold && workload_run || return 1
	kdbus-top --json -n 1 -d 0.2 --bus 0-topold > "$tmp/frame"
	workload_end
	equal "$truth_flow"'[.conns[] | select(.gone | not) | .id as $id | {id, name, uid, queued,
		calls: ([$t.pairs[] | select(.dst == $id or .src == $id) | .in_flight] | add // 0)}]' \
		'[.connections | sort_by(.id)[] | {id, name: .names[0], uid, queued: .queue.now,
		calls: (.in.calls.in_flight + .out.calls.in_flight)}]' &&
	# who waits for whom, and who fills whose pool
	jq -e '.pairs | length == 1 and (.[0] | .src_comm == "workload" and .in.calls.oldest_ns > 0 and
		.held_bytes > 0)' "$tmp/frame" > /dev/null &&
	jq -e '.users[] | select(.uid == 1001) | .held.bytes > 10000 and .held.msgs > 5 and .held.share > 0.1' \
		"$tmp/frame" > /dev/null &&
	jq -e '.connections[] | select(.id == 1) | .pool.used > 10000 and .pool.peak >= .pool.used and
		.pool.size == 1048576 and .comm == "workload" and .queue.peak >= 6 and
		(.cgroup | startswith("/"))' "$tmp/frame" > /dev/null
}

# ---- CSV and text ---------------------------------------------------------------

# csv_read: the rows of the last frame as JSON in $tmp/frame
csv_read() {
	python3 - "$tmp/csv" > "$tmp/frame" <<-'EOF'
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

# csv_reached TIME: there is a whole row that is younger
csv_reached() {
	awk -F, -v now="$1" '/\r$/ && $1 > now { found = 1 } END { exit !found }' "$tmp/csv"
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
	grep -qE '^ +[0-9]+ 0-toptext +0 +5 ' "$tmp/buses"
}

# ---- OpenMetrics --------------------------------------------------------------

# metrics_read FILE...: both parsers of prometheus_client take them; the samples
# of the last one as JSON in $tmp/frame
metrics_read() {
	python3 - "$@" > "$tmp/frame" <<-'EOF'
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

plan 8
check "JSON equals what a workload is known to have done, in every view" json_is_true topjson
check "so it does without the module's BTF" json_of_kind raw
check "so it does with plain tracepoints" json_of_kind tp
check "what was there before it started is shown" before_is_shown
check "CSV says the same in every view" csv_is_true
check "text shows every view" text_is_true
check "OpenMetrics says the same, and parsers take it" eval 'metrics_file && metrics_once'
check "filters combine" filters
