#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory goes back to where it was, and is charged to who causes it: a load
# runs in a control group of its own, whose kernel memory is looked at after
# the load has ended.
set -u

here=$(cd "$(dirname "$0")" && pwd)
bin=$here/../build/user/selftests
group=/sys/fs/cgroup/kdbus-memory
n=0

case_ok() { n=$((n + 1)); echo "ok $n - $1"; }
case_bad() { n=$((n + 1)); echo "not ok $n - $1"; }

# slab memory charged to the group, in bytes
slab() { awk '$1 == "slab" { print $2 }' "$group/memory.stat"; }

# wait_below BYTES: memory is given back after RCU grace periods, and by the
# caches of freed inodes and the like when they are asked to
wait_below() {
	for _ in $(seq 300); do
		echo 2 > /proc/sys/vm/drop_caches
		[ "$(slab)" -lt "$1" ] && return 0
		read -r -t 0.1 <> <(:) || true
	done
	return 1
}

echo "TAP version 13"
echo "1..3"
echo +memory > /sys/fs/cgroup/cgroup.subtree_control
mkdir -p "$group"

committed() { awk '/^Committed_AS/ { print $2 }' /proc/meminfo; }
before=$(committed)

for round in 1 2; do
	for test in test-call test-names test-quota test-fds; do
		(echo "$BASHPID" > "$group/cgroup.procs" && exec "$bin/$test") > /dev/null
	done
	echo "# after round $round: $(slab) bytes of slab"
done

# about 2 kB is what an idle group keeps; one leaked object per call of a
# round would be far more than this
if wait_below 16384; then
	case_ok "kernel memory of an ended load is given back"
else
	echo "# $(slab) bytes of slab are left"
	case_bad "kernel memory of an ended load is given back"
fi

after=$(committed)
echo "# Committed_AS: $before kB before, $after kB after"
if [ $((after - before)) -lt 2048 ]; then
	case_ok "reserved pool memory is given back"
else
	case_bad "reserved pool memory is given back"
fi

if [ "$(wc -l < /sys/kernel/debug/kdbus/connections)" = 1 ] &&
   [ "$(wc -l < /sys/kernel/debug/kdbus/buses)" = 1 ] && [ ! -e /dev/kdbus/0-test ]; then
	case_ok "no bus and no connection is left"
else
	cat /sys/kernel/debug/kdbus/connections
	case_bad "no bus and no connection is left"
fi
