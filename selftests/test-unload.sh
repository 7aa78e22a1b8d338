#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module cannot be unloaded while it is in use, and can afterwards, again
# and again. Runs last.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"

refused() { ! rmmod kdbus 2> /dev/null && [ -e /dev/kdbus/control ]; }
gone() { rmmod kdbus && [ ! -e /dev/kdbus ] && [ ! -e /sys/bus/kdbus ]; }
back() { insmod "$KDBUS_KO" && [ -e /dev/kdbus/control ]; }
cycle() {
	local i
	for i in $(seq 10); do
		gone && back || return 1
	done
}

tool_says_so() {
	local said
	said=$(kdbus-top -b -n 1 2>&1)
	[ $? = 77 ] && [[ $said == *"module is not loaded"* ]]
}
works() { "$bin/selftests/test-hello" > /dev/null; }

plan 6
exec 9<> /dev/kdbus/control
check "unloading is refused while a file is open" refused
exec 9>&-
check "it unloads when nothing is open" gone
check "kdbus-top says that the module is missing" tool_says_so
check "it loads again" back
check "unloading and loading can be repeated" cycle
check "it works after all this" works
