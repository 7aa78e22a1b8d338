#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-monitor tells of files that the security module has denied a receiver.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

# Two files of the message to connection 2 are denied; test-lsm.c.
denials() {
	monitor_start || return 1
	"$bin/selftests/test-lsm" arrives_as_minus_one || return 1
	monitor_stop || return 1
	grep '"deny_file"' "$tmp/json"
	jq -s '[.[] | select(.type == "policy" and .action == "deny_file")] as $d |
		[.[] | select(.type == "recv") | .id] as $received |
		($d | length) == 2 and ($d | all(.errno == "EACCES" and
			.src.conn == 1 and .dst.conn == 2 and
			.id == $received[0]))' "$tmp/json" | grep -qx true
}

plan 1
if [ "$(cat /sys/module/apparmor/parameters/enabled 2> /dev/null)" != Y ]; then
	skip "files that AppArmor denies are shown" "AppArmor is not on in this kernel"
	exit
fi
check "files that AppArmor denies are shown" denials
