#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A module that has no type information, as one built where the kernel's is
# missing: it loads, and the tools see with the next kind of BPF program what
# they see otherwise. Runs with the tests that unload the module.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/top.sh
. "$here/top.sh"

bare=$tmp/kdbus.ko
no_btf() { [ ! -e /sys/kernel/btf/kdbus ]; }
loads() {
	objcopy -R .BTF "$KDBUS_KO" "$bare" && rmmod kdbus && insmod "$bare" && no_btf
}
btf_is_no_good() { exits 77 BPF env KDBUS_BPF=btf kdbus-top -b -n 1; }

top_counts() {
	local ret=0
	workload_start nobtf && watched nobtf &&
		equal '.pairs | map(.msgs) | add' '.buses[0].in.msgs' &&
		equal '.pairs | map(.answered) | add' '.buses[0].in.calls.answered' || ret=1
	jq -e '.lost == 0 and .buses[0].in.msgs > 100' "$tmp/frame" > /dev/null || ret=1
	top_end
	workload_end
	return $ret
}

sent() { jq '.pairs | map(.msgs) | add' "$tmp/truth"; }
shown() { jq -s 'map(select(.type | IN("call", "reply", "signal", "notice"))) | length' "$tmp/json"; }
all_shown() { [ "$(shown)" = "$(sent)" ]; }

monitor_shows() {
	local ret=0 monitor
	workload_start nobtfmon || return 1
	kdbus-monitor -b 0-nobtfmon --json > "$tmp/json" &
	monitor=$!
	until_true grep -q '"type":"start"' "$tmp/json" && workload_run &&
		until_true all_shown || ret=1
	kill "$monitor"
	wait "$monitor" || ret=1
	workload_end
	echo "$(sent) sent, $(shown) shown"
	return $ret
}

back() { rmmod kdbus && insmod "$KDBUS_KO" && ! no_btf; }

plan 5
check "a module without BTF loads" loads
check "programs that need it say so" btf_is_no_good
check "kdbus-top counts what it counts otherwise" top_counts
check "kdbus-monitor shows every message" monitor_shows
check "the module with BTF is back" back
