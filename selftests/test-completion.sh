#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Of every tool with a manual page: what --help lists, the page describes and
# bash completes are the same options, and the page is one.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$here/.." || exit 1

# offered TOOL WORD...: what the completion offers for the last of them
offered() {
	bash -c '
		. "packaging/completions/$0"
		COMP_WORDS=("$0" "$@") COMP_CWORD=$#
		"_${0//-/_}" 2> /dev/null
		printf "%s\n" "${COMPREPLY[@]}"' "$@" | grep -vx -e --
}

# the options of a list like that of --help: "-x, --long=ARG  words"
options() { grep -oE '^ {0,8}(-[a-zA-Z?]|--[a-z-]+)[^ ]*(, [^ ]+)*' | grep -oE -e '(^ *|, )--?[a-zA-Z?-]+' | tr -d ' ,' | sort -u; }

completes() {
	"$1" --help | options > "$tmp/help"
	grep -qx -e --help "$tmp/help" || { echo "--help lists nothing"; return 1; }
	# not as the first word, which may be a command of the tool
	offered "$1" x - | sort -u > "$tmp/offered"
	diff "$tmp/help" "$tmp/offered"
}

describes() {
	local option
	while read -r option; do
		sed 's/\*\*//g' "docs/$1.1.rst" | grep -qE -e "(^|, ?)$option(\$|[^a-z-])" && continue
		echo "$option is not in docs/$1.1.rst"
		return 1
	done < <("$1" --help | options | grep -e ^--)
}

manual() {
	rst2man --strict "docs/$1.1.rst" "$tmp/page" && grep -q '^.SH SYNOPSIS' "$tmp/page"
}

tools=()
for page in docs/kdbus-*.1.rst; do
	tools+=("$(basename "$page" .1.rst)")
done
plan $((${#tools[@]} * 3))
for tool in "${tools[@]}"; do
	check "bash completes what $tool --help lists" completes "$tool"
	check "the manual of $tool describes what --help lists" describes "$tool"
	check "the manual of $tool is one" manual "$tool"
done
