#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: bench-gate.sh
# What has grown by more than 2 % fails bench/gate, and nothing else does; what it
# writes keeps growth and reasons. Tried on figures made up here, and the figures
# of the tree are looked at. Needs no VM.
set -eEuo pipefail
cd "$(dirname "$0")/.."

gate=$PWD/bench/gate
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'echo "failed: $BASH_COMMAND"' ERR
cd "$dir"
failed=

# figures FILE KERNEL LINE...
figures() {
	{
		printf '%s\n' "kernel: $2" "compiler: c 1" "machine: m 1"
		shift 2
		printf '%s\n' "$@"
	} > "$1"
}

# gate STATUS TEXT...: what it says of stored and measured has each TEXT
gate() {
	local status=0 want=$1 text
	shift
	"$gate" $write stored measured > said 2>&1 || status=$?
	for text in "$@"; do
		grep -qF -- "$text" said || status="$status, and does not say '$text'"
	done
	[ "$status" = "$want" ] || {
		echo "$what: status $status, must be $want:"
		sed 's/^/     | /' said
		failed=1
	}
}

# stored_has LINE...: and nothing else, but for comments and conditions
stored_has() {
	diff <(printf '%s\n' "$@") <(grep -E '^ *[0-9]' stored | sed 's/^ *//') || {
		echo "$what: the figures must be those on the left"
		failed=1
	}
}

a='1000  call, 64 B' b='5000  name acquire + release, 10 there -- a reason'
figures stored k1 "$a" "$b"
write=

what="the same, and less than 2 % more"
figures measured k1 "1019  call, 64 B" "5000  name acquire + release, 10 there" "7  not asked for"
gate 0 'ok   call, 64 B: 1,000 -> 1,019 (+1.90 %)' '2 passed, 0 failed, 0 skipped'
[ "$(tail -n 1 said)" = '2 passed, 0 failed, 0 skipped' ]

what="more than 2 % more"
figures measured k1 "1021  call, 64 B" "5200  name acquire + release, 10 there"
gate 1 'FAIL call, 64 B: 1,000 -> 1,021 (+2.10 %)' "make bench-figures WHY='the reason'" \
	'FAIL name acquire + release, 10 there: 5,000 -> 5,200' '0 passed, 2 failed'

what="less than before"
figures measured k1 "900  call, 64 B" "4990  name acquire + release, 10 there"
gate 0 '1,000 -> 900 (-10.00 %): make bench-figures keeps it so' '2 passed'

what="a case that is not measured"
figures measured k1 "1000  call, 64 B"
gate 1 'FAIL name acquire + release, 10 there: make bench has no such case' '1 passed, 1 failed'

what="another kernel"
figures measured k2 "2000  call, 64 B" "5000  name acquire + release, 10 there"
gate 0 'skip call, 64 B: 1,000 -> 2,000 (+100.00 %)' 'not compared' \
	'kernel: the figures are of "k1", this is "k2"' '0 passed, 0 failed, 2 skipped'

what="another kernel, and a case that is not measured"
figures measured k2 "2000  call, 64 B"
gate 1 '0 passed, 1 failed, 1 skipped'

what="another compiler"
figures measured k1 "2000  call, 64 B" "5000  name acquire + release, 10 there"
sed -i 's/^compiler: .*/compiler: c 2/' measured
gate 0 'compiler: the figures are of "c 1", this is "c 2"' '2 skipped'

what="a line that is no figure"
figures measured k1 "about 1000  call, 64 B"
gate 1 'measured: not a figure: about 1000'

# ---- writing --------------------------------------------------------------
write=--write

what="writing what has grown, without a reason"
figures measured k1 "1500  call, 64 B" "4000  name acquire + release, 10 there"
cp stored before
gate 1 "call, 64 B: 1,000 -> 1,500: say WHY='the reason'"
cmp stored before

what="writing what has grown, with a reason, and what has fallen"
WHY='it does more' gate 0
stored_has '1500  call, 64 B -- it does more' '4000  name acquire + release, 10 there'
grep -q '^kernel: k1$' stored
grep -q '^# SPDX' stored

what="writing what has grown a little"
figures measured k1 "1529  call, 64 B" "3999  name acquire + release, 10 there"
gate 0
stored_has '1500  call, 64 B -- it does more' '4000  name acquire + release, 10 there'

what="writing the figures of another kernel"
figures measured k2 "2000  call, 64 B" "3000  name acquire + release, 10 there"
gate 0
stored_has '2000  call, 64 B' '3000  name acquire + release, 10 there'
grep -q '^kernel: k2$' stored

what="writing where a case is not measured"
figures measured k2 "2000  call, 64 B"
gate 1 'name acquire + release, 10 there: make bench has no such case'

# ---- what git knows -------------------------------------------------------
write=
commit() { git add stored && git -c user.name=t -c user.email=t -c commit.gpgsign=false commit -qm "$1"; }
git init -q .
figures stored k1 "$a" "$b"
commit before
figures measured k1 "1500  call, 64 B" "5000  name acquire + release, 10 there"
figures stored k1 "1500  call, 64 B" "$b"
what="a figure that is raised and has no reason, not committed"
gate 1 'FAIL call, 64 B: 1,500 -> 1,500 (+0.00 %): bench/figures was raised from 1,000 and does not say why'
commit raised
git -c user.name=t -c user.email=t -c commit.gpgsign=false commit -qm other --allow-empty
what="a figure that is raised and has no reason"
gate 1 'was raised from 1,000' '1 passed, 1 failed'
figures stored k1 "1500  call, 64 B -- it does more" "$b"
commit reason
what="a figure that is raised and has its reason"
gate 0 '2 passed'

# ---- the tree's own -------------------------------------------------------
what="bench/figures"
cases=$("$gate" --cases "${gate%/*}/figures")
[ "$(wc -l <<< "$cases")" = 10 ] || { echo "$what: has not ten cases"; failed=1; }

[ -z "$failed" ]
