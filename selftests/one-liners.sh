# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# one_liners SECTION: runs those of a section of docs/one-liners.rst, as they
# stand there but with known traffic in place of "sleep 10", and looks for what
# an ".. expect:" above them says. Wants perf.sh.

# Splits a section: N.title, N.expect and N.sh for each.
split() {
	awk -v section="$1" '
		/^=+$/ { in_section = last == section; in_code = 0 }
		{ if ($0 !~ /^ / && $0 != "") in_code = 0 }
		in_section && /^\.\. expect: / {
			n++
			print title > n ".title"
			print substr($0, 12) > n ".expect"
		}
		in_section && in_code { print substr($0, 5) > n ".sh" }
		/^\.\. code-block:: sh/ { in_code = 1 }
		/^[A-Z]/ && last == "" { title = $0; sub(/[.?:].*/, "", title) }
		{ last = $0 }
	' "$here/../docs/one-liners.rst"
}

one_liner() {
	sed -i "s#sleep 10#$bin/selftests/workload-delays one$1 /dev/null#" "$1.sh"
	bash -e "$1.sh" > "$1.out" 2>&1 < /dev/null || {
		echo "it failed with $?:"
		cat "$1.sh" "$1.out"
		return 1
	}
	grep -qE -f "$1.expect" "$1.out" && return
	echo "nothing is '$(cat "$1.expect")':"
	head -n 100 "$1.out"
	return 1
}

one_liners() {
	local i
	split "$1"
	set -- ./*.sh
	plan $#
	for i in $(seq $#); do
		check "$(cat "$i.title")" one_liner "$i"
	done
}
