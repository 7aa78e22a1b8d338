#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-perf says in one line what is wrong, and in its exit code of which kind
# that is.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/perf.sh
. "$here/perf.sh"

usage() {
	exits 2 "invalid choice: 'what'" kdbus-perf what &&
	exits 2 'required' kdbus-perf &&
	exits 2 "'word' is no option; a command stands behind '--'" kdbus-perf record word &&
	exits 2 'no command' kdbus-perf report -- true &&
	exits 2 'not both' kdbus-perf hist -t 1 -- true &&
	exits 2 'invalid time in seconds' kdbus-perf record -t x &&
	exits 2 'power of two' kdbus-perf record -m 100 &&
	exits 2 'at least 128' kdbus-perf hist -m 64 &&
	exits 2 'by their id' kdbus-perf report -b 0-bus
}

cannot() {
	exits 1 "there is no nowhere.data; make it with" kdbus-perf report -i nowhere.data &&
	echo no > bad.data && exits 1 'perf cannot read bad.data' kdbus-perf report -i bad.data &&
	exits 1 "ended with status 7" kdbus-perf record -o x.data -- sh -c 'exit 7' &&
	exits 77 "there is no bus '0-none'" kdbus-perf hist -b 0-none &&
	exits 77 'run it with sudo' setpriv --reuid 1000 --clear-groups "$bin/kdbus-perf" hist &&
	exits 77 'perf is missing; install it' env PATH=/nowhere "$bin/kdbus-perf" report &&
	exits 77 'is tracefs mounted' unshare -m sh -c "umount -l /sys/kernel/tracing; exec $bin/kdbus-perf hist" &&
	exits 77 'is debugfs mounted' unshare -m sh -c "umount -l /sys/kernel/debug; exec $bin/kdbus-perf hist" &&
	hold perfn && exits 1 'No space left on device' sh -c "kdbus-perf hist -t 0.1 --json > /dev/full" && release
}

help_and_version() {
	kdbus-perf --help > "$tmp/help" 2> "$tmp/err" && [ ! -s "$tmp/err" ] &&
	grep -q EXAMPLES "$tmp/help" && [ "$(awk 'length > 80' "$tmp/help" | wc -l)" = 0 ] &&
	kdbus-perf --version | grep -qE '^kdbus-perf [0-9.]+$'
}

plan 3
check "usage errors: one line, exit code 2" usage
check "what cannot be done here: one line that says why" cannot
check "help and version" help_and_version
