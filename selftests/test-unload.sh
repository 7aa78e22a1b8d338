#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module cannot be unloaded while it is in use, and can afterwards, again
# and again. Runs last.
set -u

n=0
check() {
	local what=$1
	shift
	n=$((n + 1))
	if "$@"; then echo "ok $n - $what"; else echo "not ok $n - $what"; fi
}

refused() { ! rmmod kdbus 2> /dev/null && [ -e /dev/kdbus/control ]; }
gone() { rmmod kdbus && [ ! -e /dev/kdbus ] && [ ! -e /sys/bus/kdbus ]; }
back() { insmod "$KDBUS_KO" && [ -e /dev/kdbus/control ]; }
cycle() {
	local i
	for i in $(seq 10); do
		gone && back || return 1
	done
}

echo "TAP version 13"
echo "1..5"
exec 9<> /dev/kdbus/control
check "unloading is refused while a file is open" refused
exec 9>&-
check "it unloads when nothing is open" gone
check "it loads again" back
check "unloading and loading can be repeated" cycle
works() { "$(dirname "$0")/../build/user/selftests/test-hello" > /dev/null; }
check "it works after all this" works
