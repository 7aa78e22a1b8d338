#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-monitor's files: what is read from one is what was shown when it was
# written, payload included.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

f=$tmp/f.pcapng

json_comes_back() {
	watched monjson -b 0-monjson -v -w "$f" --print || return 1
	kdbus-monitor --json -r "$f" > "$tmp/again" && diff "$tmp/json" "$tmp/again"
}

# text_of OPTION...: what a person saw, and what the file says, with its summary
text_comes_back() {
	workload_start montext || return 1
	kdbus-monitor -b 0-montext -w "$f" --print > "$tmp/text" 2> "$tmp/summary" &
	mon=$!
	until grep -q '^TIME' "$tmp/text"; do
		kill -0 "$mon" || return 1
		sleep_ms 20
	done
	workload_run && monitor_stop || return 1
	workload_end
	kdbus-monitor -r "$f" > "$tmp/again" 2> "$tmp/summary2" && diff "$tmp/text" "$tmp/again" &&
	diff "$tmp/summary" "$tmp/summary2" && [ "$(grep -c ' call ' "$tmp/again")" -ge 14 ]
}

# Through pipes, and pretty, it is the same.
pipes() {
	workload_start monpipe || return 1
	mkfifo "$tmp/one" "$tmp/two"
	tee "$f" < "$tmp/one" > "$tmp/two" &
	kdbus-monitor -q --json -r - < "$tmp/two" > "$tmp/json" &
	local reader=$!
	kdbus-monitor -q -b 0-monpipe -w - > "$tmp/one" 2> "$tmp/err" &
	mon=$!
	until grep -q start "$tmp/json" 2> /dev/null; do
		sleep_ms 20
		[ ! -s "$tmp/err" ] || return 1
	done
	workload_run
	# what has come out at the other end has gone through all of them
	for _ in $(seq 1000); do
		grep -q '"name":"org.kdbus.test.Lazy","action":"remove"' "$tmp/json" &&
		grep -q '"conn":7.*"action":"dead"' "$tmp/json" && break
		sleep_ms 20
	done
	seen
	monitor_stop && wait "$reader" || return 1
	workload_end
	diff "$tmp/truth" "$tmp/seen" &&
	kdbus-monitor -q --json=pretty -r "$f" | jq -c 'select(.type == "call") | .id' > "$tmp/pretty" &&
	jq -c 'select(.type == "call") | .id' "$tmp/json" | diff - "$tmp/pretty"
}

# the workload with payload, to $f and $tmp/json
record_payload() {
	local workload=workload-payload
	workload_start "$1" && monitor_start -b "0-$1" -t message,refused -w "$f" --print "${@:2}" &&
	workload_run && monitor_stop || return 1
	workload_end
}

payload() { jq -r "select(.cookie == $1 and .type != \"notice\") | .payload | $2" "${3:-$tmp/json}"; }

bytes_of_10000() { awk 'BEGIN { for (i = 0; i < 10000; i++) printf "%02x", i % 251 }'; }

check_payload() {
	local json=$1
	[ "$(payload 1 .dbus "$json")" = "call /org/kdbus/test org.kdbus.Test.Hello si ('world', 42)" ] &&
	[ "$(payload 2 .dbus "$json")" = "signal /org/kdbus/test org.kdbus.Test.Changed s ('so',)" ] &&
	[ "$(payload 3 .dbus "$json")" = "error org.kdbus.Error.Sad" ] &&
	[ "$(payload 4 .data "$json")" = "$(bytes_of_10000)" ] &&
	[ "$(payload 5 .type "$json")" = 77 ] &&
	[ "$(payload 5 .data "$json")" = "$(printf 'sixteen letters!' | od -An -tx1 -v | tr -d ' \n')" ] &&
	[ "$(payload 5 '[.parts[] | .part, .offset, .bytes] | join(" ")' "$json")" = "zero 16 100 memfd 116 4096" ] &&
	[ "$(payload 6 '[.parts[] | .part, .offset, .bytes] | join(" ")' "$json")" = "absent 0 8192" ]
}

payload_is_read() {
	record_payload monpay --payload=20000 || return 1
	kdbus-monitor --json -r "$f" > "$tmp/again" && diff "$tmp/json" "$tmp/again" &&
	check_payload "$tmp/json" && check_payload "$tmp/again" &&
	kdbus-monitor -q -r "$f" > "$tmp/text" &&
	grep -q "^    call /org/kdbus/test org.kdbus.Test.Hello si ('world', 42)$" "$tmp/text" &&
	grep -q '^    000000  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 21  sixteen letters!$' "$tmp/text" &&
	grep -q "^    000010  100 bytes, all zero$" "$tmp/text" &&
	grep -q "^    000074  4096 bytes in a memfd, the sender's fd [0-9]* (not read)$" "$tmp/text" &&
	grep -q "^    000000  8192 bytes that could not be read" "$tmp/text"
}

payload_is_cut() {
	KDBUS_BPF=raw record_payload moncut --payload=100 || return 1
	[ "$(payload 4 .seen)" = 100 ] && [ "$(payload 4 '.data | length')" = 200 ] &&
	# what is not whole is not decoded
	[ "$(payload 1 .dbus)" = null ] &&
	kdbus-monitor -q -r "$f" | grep -q '^    000064  9900 more bytes$'
}

no_payload_unasked() {
	record_payload monnone || return 1
	! grep -q 'payload"' "$tmp/json" && ! grep -aq 'world\|sixteen' "$f" &&
	KDBUS_BPF=tp record_payload montp --payload &&
	grep -q 'plain tracepoints do not lead to payload' "$tmp/err" && ! grep -q 'payload"' "$tmp/json"
}

plan 6
check "JSON from a file is the JSON that was written live" json_comes_back
check "lines from a file are the lines that were shown live" text_comes_back
check "through pipes" pipes
check "payload: D-Bus is decoded, bytes are shown, holes are named" payload_is_read
check "payload: no more than was asked for" payload_is_cut
check "payload: none unless asked for" no_payload_unasked
