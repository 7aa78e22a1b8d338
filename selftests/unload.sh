# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For the tests of what scripts/unload says. Wants $here.

# shellcheck source=selftests/top.sh
. "$here/top.sh"

# unload_says REGEX...: it fails, all of these are in what it says, and the
# module is there with all that it had
unload_says() {
	local status=0 regex before after
	before=$(cat /sys/kernel/debug/kdbus/connections)
	"$here/../scripts/unload" > "$tmp/said" 2>&1 || status=$?
	sed 's/^/# /' "$tmp/said"
	after=$(cat /sys/kernel/debug/kdbus/connections)
	[ "$status" = 77 ] && [ "$before" = "$after" ] && [ -e /dev/kdbus/control ] || return 1
	for regex in "kdbus is in use" "$@"; do
		grep -qE -- "$regex" "$tmp/said" || { echo "# it does not say $regex"; return 1; }
	done
}
# it_helps REGEX: to do what it says, the commands that match
it_helps() {
	sed -n "s/^  .*: \($1\).*/\1/p" "$tmp/said" > "$tmp/do"
	[ -s "$tmp/do" ] && bash "$tmp/do"
}
unload_works() {
	"$here/../scripts/unload" && [ ! -e /dev/kdbus ] && insmod "$KDBUS_KO"
}

# a test that failed may have left it unloaded
[ -e /dev/kdbus/control ] || insmod "$KDBUS_KO"

refs() { [ "$(awk '$1 == "kdbus" { print $3 }' /proc/modules)" = "$1" ]; }
held() { ! refs 0; }
