#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: install.sh MODULE.ko VERSION
# What 'make install' puts into place is all there and works from there; a
# second time, and running it, adds nothing. Needs neither root nor the module
# loaded. Ends at the first thing that does not hold.
set -eEuo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'echo "failed: $BASH_COMMAND"' ERR
cd "$(dirname "$0")/.."

install_to() { scripts/install "$ko" "$version" "$root" /usr; }

run_all() {
	local tool
	for tool in top monitor perf; do
		(cd / && "$root/usr/bin/kdbus-$tool" --version) | grep -qE "^kdbus-$tool [0-9.]+$"
		(cd / && "$root/usr/bin/kdbus-$tool" --help) | grep -q EXAMPLES
	done
}

ko=$1 version=$2 root=$tmp/root
install_to
for file in "lib/modules/$version/updates/kdbus.ko" usr/include/linux/kdbus.h \
	usr/share/man/man1/kdbus-{top,monitor,perf}.1 \
	usr/share/bash-completion/completions/kdbus-{top,monitor,perf}; do
	[ -s "$root/$file" ]
done
run_all
find "$root" | sort > "$tmp/before"
install_to
run_all
find "$root" | sort | diff "$tmp/before" -
# it may be moved to where it belongs
mv "$root" "$tmp/moved"
root=$tmp/moved
run_all
