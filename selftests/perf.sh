# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For the tests of kdbus-perf: the workload, and what it is to say of it.
# Wants $here; makes $tmp and goes there.

# perf looks up every file of /lib/modules, which takes long over 9p
if [ -z "${KDBUS_OWN_MOUNTS:-}" ]; then
	KDBUS_OWN_MOUNTS=1 exec unshare -m "$0" "$@"
fi
mount -t tmpfs none "/lib/modules/$(uname -r)"

# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
tmp=$(mktemp -d)
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

# workload BUS [WORD...]: all of it
workload() { "$bin/selftests/workload-delays" "$1" "$tmp/truth" "${@:2}" < /dev/null > "$tmp/said"; }
export -f workload
export bin tmp

# hold BUS [WORD...]: the workload, ready; release: it does what it has to
hold() {
	rm -f go
	mkfifo go
	"$bin/selftests/workload-delays" "$1" "$tmp/truth" "${@:2}" < go > said &
	work=$!
	exec {to}> go
	until grep -q ready said; do
		kill -0 "$work" || return 1
		sleep_ms 20
	done
}

release() {
	echo go >&"$to"
	exec {to}>&-
	wait "$work"
}

# exits STATUS REGEX COMMAND...: and what it says, on one line, fits
exits() {
	local want=$1 regex=$2 status=0
	shift 2
	"$@" > "$tmp/out" 2> "$tmp/err" < /dev/null || status=$?
	[ "$status" = "$want" ] && grep -qE -e "$regex" "$tmp/out" "$tmp/err" &&
		{ [ "$want" = 0 ] || [ "$(wc -l < "$tmp/err")" = 1 ]; } && return
	echo "$* gave $status, not $want, or did not say '$regex':"
	cat "$tmp/out" "$tmp/err"
	return 1
}

# holds FILE FILTER: true of what was found, with the truth as $t
holds() {
	jq -e --slurpfile truth "$tmp/truth" "\$truth[0] as \$t | $2" "$1" > "$tmp/why" && return
	echo "does not hold: $2"
	cat "$tmp/truth" "$1"
	return 1
}

# What both sources must say. A line each.
numbers='
	.schema == 1 and .lost == 0 and .seconds > 0.4
	.sent == $t.sent and .refused == $t.refused
	.dropped == {requested: $t.requested, disconnect: $t.disconnect}
	[.pairs[].queue.count] | add == $t.received
	.names | length == 1 and .[0].name == $t.name
	.names[0].calls == {answered: $t.answered, timeout: $t.timeout, dead: $t.dead}
	.names[0].queue.count == $t.answered + $t.timeout
	.names[0].service.count == $t.answered and .names[0].trip.count == $t.answered
	.names[0].queue.max_ns >= $t.queue_ms * 1e6
	.names[0].service.max_ns >= $t.service_ms * 1e6
	.names[0].trip.max_ns >= $t.service_ms * 1e6
	[.names[0] | .queue, .service, .trip | 0 < .mean_ns and .p50_ns <= .p90_ns and .p90_ns <= .p99_ns and .p99_ns <= .max_ns] | all
	.names[0].trip.mean_ns * $t.answered > (3 * $t.queue_ms + 2 * $t.service_ms) * 1e6
	[.pairs[] | select(.src.conn == $t.client and .dst.conn == $t.server)] | length == 1 and .[0].trip.count == $t.answered and .[0].dst.name == $t.name
	[.pairs[] | select(.src.conn == $t.server and .dst.conn == $t.client)] | length == 1 and .[0].queue.count == $t.answered and .[0].queue.max_ns >= $t.reply_ms * 1e6
	[.pairs[] | select(.src.conn == 0)] | length == 1 and .[0].queue.count == $t.timeout + $t.dead and .[0].dst.conn == $t.client
	[.pairs[] | select(.src.conn == $t.other)] | length == 1 and .[0].queue.count == 7 and .[0].trip.count == 0
	[.pairs[] | select(.src.conn > 0) | .src.comm, .dst.comm] | unique == ["workload-delays"]'

all_numbers() {
	local line
	while read -r line; do
		[ -z "$line" ] || holds "$1" "$line" || return 1
	done <<< "$numbers"
}

# has REGEX: a line of what was shown
has() {
	grep -qE -e "$1" "$tmp/text" && return
	echo "no line is '$1':"
	cat "$tmp/text"
	return 1
}

# started FILE PID: it records
started() {
	until [ -s "$1" ]; do
		kill -0 "$2" 2> /dev/null || { cat "$tmp/err"; return 1; }
		sleep_ms 20
	done
}

# ended PID STATUS
ended() {
	local status=0
	wait "$1" || status=$?
	[ "$status" = "$2" ] && return
	echo "it ended with $status, not $2"
	cat "$tmp/err"
	return 1
}
