#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-top tells the truth: what a workload is known to have done is what
# its JSON says in every view, with every kind of BPF program, and what was
# there before it started is shown.
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

plan 4
check "JSON equals what a workload is known to have done, in every view" json_is_true topjson
check "so it does without the module's BTF" json_of_kind raw
check "so it does with plain tracepoints" json_of_kind tp
check "what was there before it started is shown" before_is_shown
