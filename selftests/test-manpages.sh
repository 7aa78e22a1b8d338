#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the manual pages of the bus promise and only a loaded module can show.
# selftests/documents.py compares them with the sources.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$here/.." || exit 1

example_runs() {
	scripts/man-example docs/kdbus.7.rst > "$tmp/example.c" &&
		cc -std=gnu11 -Iinclude/uapi -Ilib "$tmp/example.c" "$bin/libkdbus.a" -o "$tmp/example" &&
		"$tmp/example" > "$tmp/said" &&
		sed -n '/^It prints::/,/^SEE ALSO$/s/^    //p' docs/kdbus.7.rst > "$tmp/printed" &&
		[ -s "$tmp/printed" ] && diff "$tmp/printed" "$tmp/said"
}

files_are_there() {
	local file files
	files=$(sed -n '/^FILES$/,/^SEE ALSO$/s/^\*\(\/[^*]*\)\*$/\1/p' docs/kdbus.4.rst)
	[ -n "$files" ] || { echo "kdbus(4) lists no files"; return 1; }
	for file in $files; do
		[ -e "$file" ] || { echo "$file is not there"; return 1; }
	done
}

plan 2
check "the example of kdbus(7) prints what the page says" example_runs
check "every file that kdbus(4) lists is there" files_are_there
