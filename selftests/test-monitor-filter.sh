#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-monitor's filters: each shows what it names and nothing else, alone and
# together, on a file of all there was.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

# All that happened, once, to a file; every filter is then tried on that.
record() {
	workload_start monrec || return 1
	kdbus-monitor -q -w "$tmp/all.pcapng" -b "$bus" 2> "$tmp/err" &
	mon=$!
	# the start is written when it is watching
	until [ "$(stat -c %s "$tmp/all.pcapng" 2> /dev/null || echo 0)" -gt 300 ]; do
		kill -0 "$mon" || return 1
		sleep_ms 20
	done
	echo "$server $client ${WORK_PID:?}" > "$tmp/ids"
	workload_run && monitor_stop || return 1
	cp "$tmp/truth" "$tmp/all"
	workload_end
}

# from_file OPTION...: what passes, to $tmp/seen
from_file() {
	kdbus-monitor -q -r "$tmp/all.pcapng" --json "$@" > "$tmp/json" && seen
}

# shows PATTERN OPTION...: just the lines of the truth with PATTERN
shows() {
	local pattern=$1
	shift
	grep -E "$pattern" "$tmp/all" > "$tmp/want"
	from_file "$@" && diff "$tmp/want" "$tmp/seen" && [ -s "$tmp/want" ]
}

by_type() {
	shows '^call' -t call && shows '^(reply|end)' --type=reply,end &&
	shows '^(call|reply|signal|notice)' -t message && shows . -t all &&
	shows '^policy' -t policy && shows '^conn' -t conn
}

by_sender() {
	shows "^[a-z]+ $client[> ]" -s "$client" &&
	shows "^(reply|name|conn|match|recv|signal|drop|move) $server[> ]" -s org.kdbus.test.Server -t \
		reply,conn,recv,signal,drop,move,match,name
}

# to whom it was sent: by id, by a name that was used, by a name it has
by_destination() {
	shows ">$client " -d "$client" &&
	shows '^call .*>'"$server"' |^call .*name=org.kdbus.test.Server' -t call -d org.kdbus.test.Server &&
	shows '^call .*name=org.kdbus.test.Lazy$' -t call -d 'org.kdbus.*.Lazy'
}

by_name() {
	shows '^name .*Wanted' -t name --name 'org.kdbus.test.Want*' &&
	shows "^(call|end) .*(>|^)($server) |^(call|end) .*name=org.kdbus.test.Server" \
		-t call,end --name org.kdbus.test.Server
}

by_process() {
	shows '^(call|reply|signal|match)' -p "$pid" -t call,reply,signal,match &&
	from_file -p 1 && [ ! -s "$tmp/seen" ] &&
	shows '^(call|reply|end|signal)' -u root -t call,reply,end,signal &&
	from_file -u 65534 && [ ! -s "$tmp/seen" ] &&
	shows '^(call|reply)' -c 'workload-*' -t call,reply &&
	from_file -c nobody && [ ! -s "$tmp/seen" ]
}

by_bus() {
	shows . -b "$bus" && shows . -b "$(jq -r 'select(.bus) | .bus' "$tmp/json" | head -n 1)" &&
	from_file -b 0-nosuch && [ ! -s "$tmp/seen" ]
}

by_error() { shows "$errors" -e; }

# took NS: all that passed did take as long
took() {
	jq -s --argjson ns "$1" 'map(select(.type != "start")) | length > 0 and all(.age_ns // .wait_ns >= $ns)' \
		"$tmp/json" | grep -qx true
}

by_time() {
	from_file --slower 20ms && grep -q '^end.*outcome=timeout sync=1' "$tmp/seen" &&
	grep -q '^end.*outcome=timeout sync=0' "$tmp/seen" &&
	took 20000000 &&
	! grep -qv '^\(reply\|end\|recv\)' "$tmp/seen" &&
	from_file --slower 1000s && [ ! -s "$tmp/seen" ]
}

together() {
	# a call that is cancelled may have taken as long, on a slow machine
	from_file -e -t end --slower 15ms -s "$client" -d "$server" && took 15000000 &&
	diff <(grep '^end .*outcome=timeout' "$tmp/all") <(grep outcome=timeout "$tmp/seen") &&
	shows "^refused $client>.*ENOBUFS" -e -t refused -s "$client" -d 5 &&
	from_file -t call -s "$server" && [ ! -s "$tmp/seen" ]
}

# follow ID PATTERN: what belongs to a message
follow() { shows "$2" --follow "$1"; }

# id JQ: of the first event it selects
id() { kdbus-monitor -q -r "$tmp/all.pcapng" --json | jq -r "select($1) | .id" | head -n 1; }

following() {
	local call reply
	call=$(id '.type == "call" and .name == "org.kdbus.test.Lazy"')
	reply=$(id ".type == \"reply\" and .call == $call")
	local all="name=org.kdbus.test.Lazy|cookie=14 |cookie=9 to=14|$server>$client cookie=9 kind=reply"
	shows "$all" --follow "$call" && shows "$all" --follow "$reply" &&
	# a notice belongs to its call
	call=$(id '.type == "call" and .cookie == 11') &&
	shows "(call|end|drop|recv) $client>$server cookie=11 |0>$client (reply_dead )?cookie=11" --follow "$call" &&
	# through a pipe one can look only once
	kdbus-monitor -q --json --follow "$reply" -r - < <(cat "$tmp/all.pcapng") > "$tmp/json" &&
	seen && grep -q "^recv $server>$client cookie=9 kind=reply" "$tmp/seen"
}

# what_of COOKIE LINE...: that is what there is to say of a message that failed
what_of() {
	from_file --follow "$(id ".cookie == $1")"
	shift
	printf '%s\n' "$@" | diff - <(sed -E 's/ [0-9]+(>[^ ]+)? / /' "$tmp/seen")
}

# Why it was refused, or did not reach one of those that it was for.
reasons() {
	what_of 302 'quota pool ENOBUFS' 'refused cookie=302 errno=ENOBUFS' &&
	what_of 303 'policy deny see org.kdbus.test.Server' 'refused cookie=303 errno=ESRCH' &&
	what_of 304 'quota pool ENOBUFS' 'drop cookie=304 reason=undelivered kind=signal errno=ENOBUFS' \
		'signal cookie=304 bytes=8192' 'recv cookie=304 kind=signal'
}

counted() {
	kdbus-monitor -q -r "$tmp/all.pcapng" --json -N 5 > "$tmp/json" && seen &&
	head -n 5 "$tmp/all" | diff - "$tmp/seen"
}

plan 13
check "all is recorded" record
read -r server client pid < "$tmp/ids"
bus=0-monrec
check "types" by_type
check "senders" by_sender
check "destinations" by_destination
check "names" by_name
check "processes, users and commands" by_process
check "errors" by_error
check "what took long" by_time
check "several together" together
check "what belongs to a message" following
check "why a message failed" reasons
check "a number of events" counted
check "buses" by_bus
