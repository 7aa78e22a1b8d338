#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: checkers.sh kasan|kcsan
# Run after the tests under a kernel of vm/debug-kernel: has the checker
# looked, and what does it say that is not in the kernel log?
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

# it switches itself off with its first complaint, or when it is out of room
lockdep_is_on() {
	grep -E 'debug_locks|entries' /proc/lockdep_stats
	grep -q 'debug_locks: *1' /proc/lockdep_stats
}

# What the first scan finds may be on its way from one place to another: what
# the second one still finds is lost. Objects are only looked at when they are
# some seconds old.
nothing_leaked() {
	local leaks=/sys/kernel/debug/kmemleak
	sleep_ms 6000
	echo scan > $leaks && sleep_ms 1000 && echo scan > $leaks || return 1
	cat $leaks
	[ -z "$(cat $leaks)" ]
}

kcsan_has_looked() {
	cat /sys/kernel/debug/kcsan
	grep -q '^enabled: 1' /sys/kernel/debug/kcsan &&
	! grep -q '^setup_watchpoints: 0$' /sys/kernel/debug/kcsan
}

case $1 in
kasan)
	plan 2
	check "lockdep has been on all the time" lockdep_is_on
	check "no memory is lost" nothing_leaked
	;;
kcsan)
	plan 1
	check "KCSAN has been on and has looked" kcsan_has_looked
	;;
esac
