#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory goes back to where it was, and is charged to who causes it: a load
# runs in a control group of its own, whose kernel memory is looked at after
# the load has ended.
set -u

here=$(cd "$(dirname "$0")" && pwd)
group=/sys/fs/cgroup/kdbus-memory
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

# slab memory charged to the group, in bytes
slab() { awk '$1 == "slab" { print $2 }' "$group/memory.stat"; }

# wait_below BYTES: memory is given back after RCU grace periods, and by the
# caches of pages, and of the inodes that have some, when they are asked to
wait_below() {
	for _ in $(seq 300); do
		echo 3 > /proc/sys/vm/drop_caches
		[ "$(slab)" -lt "$1" ] && return 0
		sleep_ms 100
	done
	return 1
}

echo +memory > /sys/fs/cgroup/cgroup.subtree_control
mkdir -p "$group"

committed() { awk '/^Committed_AS/ { print $2 }' /proc/meminfo; }
before=$(committed)

# About 2 kB is what an idle group keeps; one leaked object per call of a round
# would be far more than this. A kernel that has sheaves of free objects (6.18)
# keeps some per processor and size, however long the load was, so there it has
# to be longer.
rounds=2 kept=16384
if [ -e /sys/kernel/slab/kmalloc-64/sheaf_capacity ]; then
	rounds=8 kept=98304
fi

for round in $(seq $rounds); do
	for test in test-call test-names test-quota test-fds test-memfd; do
		(echo "$BASHPID" > "$group/cgroup.procs" && exec "$bin/selftests/$test") > /dev/null
	done
	echo "# after round $round: $(slab) bytes of slab"
done

plan 3
given_back() { wait_below $kept || { echo "$(slab) bytes of slab are left"; false; }; }
check "kernel memory of an ended load is given back" given_back

pools_given_back() {
	local after
	after=$(committed)
	echo "Committed_AS: $before kB before, $after kB after"
	[ $((after - before)) -lt 2048 ]
}
check "reserved pool memory is given back" pools_given_back

nothing_left() {
	cat /sys/kernel/debug/kdbus/connections
	[ "$(wc -l < /sys/kernel/debug/kdbus/connections)" = 1 ] &&
	[ "$(wc -l < /sys/kernel/debug/kdbus/buses)" = 1 ] && [ ! -e /dev/kdbus/0-test ]
}
check "no bus and no connection is left" nothing_left
