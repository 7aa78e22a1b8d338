#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tshark, which knows nothing of us, reads what kdbus-monitor writes; and a
# file of somebody else is a file of nothing to kdbus-monitor.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

f=$tmp/f.pcapng

record() {
	local workload=workload-payload
	watched monshark -b 0-monshark --payload -w "$f" --print
}

# Starting it takes long in a VM: once, for everything.
tshark_reads() {
	tshark -r "$f" -o 'uat:user_dlts:"User 0 (DLT=147)","json","0","","0",""' \
		-T fields -E separator='|' -e frame.number -e frame.time_epoch -e dbus.path \
		-e dbus.interface -e dbus.member -e frame.comment -e json.value.string \
		> "$tmp/fields" 2> "$tmp/err" || { cat "$tmp/err"; return 1; }
	[ -s "$tmp/fields" ]
}

every_event_is_a_packet() {
	[ "$(wc -l < "$tmp/fields")" = "$(grep -cv '"summary"' "$tmp/json")" ]
}

# to the nanosecond
times() {
	cut -d '|' -f 2 "$tmp/fields" | tr -d . > "$tmp/times"
	grep -o '"time_ns":[0-9]*' "$tmp/json" | cut -d : -f 2 | diff - "$tmp/times"
}

dbus_is_dissected() {
	grep -q '|/org/kdbus/test|org.kdbus.Test|Hello|' "$tmp/fields" &&
	grep -q '|/org/kdbus/test|org.kdbus.Test|Changed|' "$tmp/fields"
}

# what kdbus knows of a D-Bus message
comments() {
	local comment
	comment=$(grep '|Hello|' "$tmp/fields" | cut -d '|' -f 6)
	diff <(jq -cS 'select(.cookie == 1 and .payload) | del(.payload)' "$tmp/json") \
		<(jq -cS 'del(.payload)' <<< "$comment")
}

others_are_json() {
	[ "$(grep -c '|refused,' "$tmp/fields")" = 1 ] && grep -q 'ENXIO' "$tmp/fields"
}

foreign() {
	text2pcap -q - "$tmp/bad" <<< '0000 01 02 03 04' 2> "$tmp/err" || return 1
	kdbus-monitor -q --json -r "$tmp/bad" > "$tmp/out" 2> "$tmp/err"
	[ $? = 1 ] && [ ! -s "$tmp/out" ] && grep -q 'holds nothing that kdbus-monitor has written' "$tmp/err"
}

plan 8
check "a file is recorded" record
check "tshark reads it" tshark_reads
check "every event is a packet" every_event_is_a_packet
check "their times are those of the events" times
check "D-Bus messages are dissected as such" dbus_is_dissected
check "their comments are the events" comments
check "all other events are JSON" others_are_json
check "files of others" foreign
