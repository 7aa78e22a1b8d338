#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# From the trace events alone everything can be rebuilt that several processes
# did on a bus and saw of it. KDBUS_REBUILD_SEED chooses another course of
# events; KDBUS_REBUILD_KEEP a directory that gets trace and truth.
set -u

here=$(cd "$(dirname "$0")" && pwd)
bin=${KDBUS_BIN:-$here/../build/user}/selftests
instance=/sys/kernel/tracing/instances/kdbus-rebuild
params=/sys/module/kdbus/parameters
tmp=$(mktemp -d)
chmod 755 "$tmp"

declare -A old=()
set_param() {
	old[$1]=$(cat "$params/$1")
	echo "$2" > "$params/$1"
}

cleanup() {
	local name
	for name in "${!old[@]}"; do
		echo "${old[$name]}" > "$params/$name"
	done
	rmdir "$instance" 2> /dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

bail_out() { echo "Bail out! $*"; exit 1; }

# bounds that are met now and then, and one that the observer never meets
set_param max_notices_per_conn 100000
set_param max_msgs_per_sender 12
set_param max_names_per_conn 3
set_param max_matches_per_conn 5
set_param max_requests_per_conn 5
set_param max_fds_per_sender 2
set_param max_fds_same_uid 4

mkdir "$instance" || bail_out "no tracefs instance"
echo counter > "$instance/trace_clock"
echo 16384 > "$instance/buffer_size_kb"
echo 1 > "$instance/events/kdbus/enable"
seed=${KDBUS_REBUILD_SEED:-1}
echo "# seed $seed"
"$bin/rebuild-load" "$tmp" "$seed" "$instance/trace_marker" ||
	bail_out "the workload has failed"
echo 0 > "$instance/events/kdbus/enable"
if grep -hE '^(overrun|dropped events): [1-9]' "$instance"/per_cpu/cpu*/stats; then
	bail_out "events were lost"
fi
cp "$instance/trace" "$tmp/trace"
if [ -n "${KDBUS_REBUILD_KEEP:-}" ]; then
	cp "$tmp"/* "$KDBUS_REBUILD_KEEP"
fi
python3 -B "$here/rebuild.py" "$tmp" && exit
# what it came to that by is kept with the output of the tests
[ ! -d /run/out ] || tar -C "$tmp" -czf "/run/out/rebuild-$seed.tar.gz" .
exit 1
