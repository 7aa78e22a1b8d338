#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a workload is known to have done between each two connections is what
# kdbus-top says as JSON; as text it shows them. A part of test-top and
# test-top-outputs for machines on which those take too long.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/top.sh
. "$here/top.sh"

pairs_are_true() {
	equal '[.pairs[] | select(.gone | not) | {src, dst, by_name, msgs: (.msgs // 0),
		answered: (.answered // 0)}] | sort_by([.src, .dst, .by_name])' \
		'[.pairs[] | select(.dst != 0 and (.gone | not)) | {src, dst, by_name,
		msgs: .in.msgs, answered: .in.calls.answered}] | sort_by([.src, .dst, .by_name])' &&
	jq -e '.lost == 0 and (.pairs | length > 3)' "$tmp/frame"
}

json_is_true() {
	local ret=0
	watched topbatch && pairs_are_true || ret=1
	top_end
	[ "$top_status" = 0 ] && return $ret
}

text_is_true() {
	kdbus-top -b -n 1 -d 0.2 --view=connections --bus 0-topbatch > "$tmp/text" &&
	grep -q '^buses 1  connections 5 .*lost events 0$' "$tmp/text" &&
	grep -qE '^[0-9]+:1 +org\.kdbus\.test\.Server .* workload +0 .* 6 +6 +1[0-9]K/1\.0M' "$tmp/text"
}

both_are_true() {
	local ret=0
	workload_start topbatch && json_is_true && text_is_true || ret=1
	workload_end
	return $ret
}

plan 2
check "JSON and text say what a workload is known to have done" both_are_true
check_typed kdbus-top -b -n 1
