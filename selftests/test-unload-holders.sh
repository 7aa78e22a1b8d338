#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Files and connections that hold the module are named by scripts/unload with
# their process and what to do, and the module stays as it is.
# Runs with the tests that unload the module.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/unload.sh
. "$here/unload.sh"

says_not_loaded() {
	exits 77 'make unload: this process lacks CAP_SYS_MODULE; run it as root' \
		setpriv --reuid 65534 --clear-groups "$here/../scripts/unload" &&
	rmmod kdbus && exits 77 'make unload: kdbus is not loaded' "$here/../scripts/unload" &&
		insmod "$KDBUS_KO"
}

# held_by KIND REGEX...
held_by() {
	local ret=0
	program_start holder "$1" || return 1
	shift
	unload_says "$@" || ret=1
	program_end
	return $ret
}

by_connections() {
	local ret=0
	workload_start held || return 1
	unload_says "pid $WORK_PID \(workload\) has 7 files .*connections: 0-held/[0-9]+ \(org.kdbus.test.Server\).* and 2 more: end it" || ret=1
	workload_end
	return $ret
}

by_passed_connection() {
	held_by passed 'pid [0-9]+ \(holder\) has 2 files below /dev/kdbus open: end it' \
		'pid [0-9]+ \(ended\) made connections .*: 0-holder/1 \(org.kdbus.test.Holder\)' || return 1
	until_true refs 0
}

# A reader with the file open.
by_listing() {
	local ret=0 pid
	tail -f /dev/null 9< /sys/kernel/debug/kdbus/names &
	pid=$!
	until_true held && unload_says "pid $pid \(tail\) reads below /sys/kernel/debug/kdbus: end it" || ret=1
	kill $pid
	wait $pid
	return $ret
}

with_mappings() {
	local ret=0
	program_start holder mapped || return 1
	unload_works || ret=1
	program_end
	return $ret
}

plan 7
check "files, with the connections they are" by_connections
check "a connection of a process that has ended, and what has it now" by_passed_connection
check "a memfd" held_by memfd 'pid [0-9]+ \(holder\) has 1 memfds of kdbus open: end it'
check "a file that no process has" held_by socket 'nothing that can be seen from here'
check "a listing that is read" by_listing
check "what is mapped is not in the way" with_mappings
check "the module that is not loaded, and the right that is missing" says_not_loaded
