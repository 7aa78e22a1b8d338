# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For tests that are scripts: plan N, then check "what holds" COMMAND... .
# A command that fails says why on its output. Each runs in a subshell.

# where the programs lie
bin=${KDBUS_BIN:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../build/user" && pwd)}
tap_n=0

plan() { printf 'TAP version 13\n1..%d\n' "$1"; }

check() {
	local what=$1 output
	shift
	tap_n=$((tap_n + 1))
	output=$(mktemp)
	if ("$@") > "$output" 2>&1; then
		echo "ok $tap_n - $what"
	else
		sed 's/^/# /' "$output"
		echo "not ok $tap_n - $what"
	fi
	rm -f "$output"
}

# skip WHAT WHY: in place of check
skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

# check_typed COMMAND...: the kernel takes the programs of a tool that find
# things by type, where it has the module's types
check_typed() {
	local what="BPF programs that find things by type are taken"
	if [ -e /sys/kernel/btf/kdbus ]; then
		check "$what" env KDBUS_BPF=btf "$@"
	else
		skip "$what" "the module has no BTF"
	fi
}

# Between two looks at something that cannot be waited for.
sleep_ms() { read -r -t "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))" <> <(:) || true; }
