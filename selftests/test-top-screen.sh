#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kdbus-top's screen, driven and read through tmux: views, looking into rows
# and back, filters, sorting, sizes, colour.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/top.sh
. "$here/top.sh"

# home: no scope, the filter it began with, the first view
home() {
	keys Escape Escape Escape 1 f C-u "bus=0-$bus" Enter &&
	shows '^kdbus-top: connections' && hides '^in:' && shows "^filter: bus=0-$bus *\$"
}

# session BUS COLUMNS LINES: a screen for the cases until the next one
session() {
	bus=$1
	[ -z "${WORK_PID:-}" ] || screen_end
	screen_start "$@" > "$tmp/session" || sed 's/^/# /' "$tmp/session"
}

views() {
	shows '^kdbus-top: connections +every 0\.3s' &&
	shows '^buses 1  connections 5 ' &&
	shows '^lost events 0 +dropped 7 +failed calls 7 +refused 9' &&
	shows '^ID +NAME .*PID +COMM .*QUEUE .*POOL' &&
	shows '^[0-9]+:1 +org\.kdbus\.test\.Server .* 6 .* 1[0-9]K/1\.0M' &&
	until_true on_row '^[0-9]+:1 ' && shows '^selected +calls: answered [0-9]+, .*dropped: requested [0-9]+' &&
	keys Tab && shows '^kdbus-top: names' && shows '^org\.kdbus\.test\.Server +1 workload' &&
	keys Tab && shows '^kdbus-top: pairs' &&
	shows '^2 org\.kdbus\.test\.Caller +1 org\.kdbus\.test\.Server +org\.kdbus\.test\.Server' &&
	keys Tab && shows '^kdbus-top: users' && shows '^ +1001 .* [1-9][0-9]%' &&
	keys Tab && shows '^kdbus-top: buses' && shows '^ *[0-9]+ 0-topscreen +0 +5 ' &&
	keys Tab && shows '^kdbus-top: latency' && keys 1 && shows '^kdbus-top: connections' &&
	keys BTab && shows '^kdbus-top: latency' && keys 3 && shows '^kdbus-top: pairs'
}

# bus -> its connections -> one of them -> its pairs -> latency of one, and back
drill_down() {
	home && keys 5 && shows '0-topscreen' && keys Enter &&
	shows '^kdbus-top: connections' && shows '^in: bus=[0-9]+' &&
	keys Home && until_true on_row '^[0-9]+:3 ' && keys Enter &&
	shows '^kdbus-top: pairs' && shows '^in: bus=[0-9]+ conn=[0-9]+:3' &&
	shows '^3 .*Talker +6 ' && hides '^2 .*Caller +1 ' &&
	keys Enter && shows '^kdbus-top: latency' && shows '^3 org\.kdbus\.test\.Talker -> ' &&
	keys Escape && shows '^kdbus-top: pairs' &&
	keys BSpace && shows '^kdbus-top: connections' && hides 'conn=' &&
	keys Escape && shows '^kdbus-top: buses' && hides '^in:' &&
	# a name: who calls it
	keys 2 && until_true on_row '^org\.kdbus\.test\.Server ' && keys Enter &&
	shows '^in: bus=[0-9]+ name=org\.kdbus\.test\.Server' && shows '^2 .*Caller +1 ' &&
	hides '^3 .*Talker +6 ' && keys Escape &&
	# a user: its connections
	keys 4 && until_true on_row '^ +1000 ' && keys Enter && shows '^in: uid=1000' &&
	shows 'test\.Caller' && hides 'test\.Server'
}

# on_row REGEX: the cursor is, or goes one down
on_row() {
	tmux -L kdbus capture-pane -p -e > "$tmp/escapes"
	# the row in reverse is the second one after the heads
	grep -P '\x1b\[[0-9;]*7m' "$tmp/escapes" | sed 's/\x1b\[[0-9;]*m//g' | sed -n '$p' > "$tmp/row"
	if grep -qE -- "$1" "$tmp/row"; then
		return 0
	fi
	keys Down
	return 1
}

latency_page() {
	home && keys 2 && until_true on_row '^org\.kdbus\.test\.Server ' && keys 6 &&
	shows '^org\.kdbus\.test\.Server' && shows '^calls: answered 55, ' &&
	shows '^queue +p50 ' && shows '^service +p50 ' && shows '^round_trip +p50 .*max [2-9][0-9]*ms|^round_trip +p50 .*max [1-9].*s' &&
	shows 'count queue .*count service .*count round_trip' &&
	shows '^ *[0-9.]+[mun]?s - [0-9.]+[mun]?s +[0-9]+ .*#+' &&
	# with less room one part, and fewer lines
	resize 60 14 && shows 'count round_trip +\(arrows: others\)' &&
	keys Right && shows 'count queue ' && keys Left && shows 'count round_trip' &&
	shows '^ *[0-9.]+[mun]?s - [0-9.]+[mun]?s +[0-9]+ #+'
}

filters() {
	home && keys f && shows '^filter:' && keys C-u && keys 'Talker' Enter &&
	shows 'filter: Talker' && shows 'connections 1 ' && hides 'test\.Server' &&
	# what is wrong is said, and can be put right
	keys / && shows '^filter: Talker' && keys C-u && keys 'colour=red' Enter &&
	shows "no key 'colour'; keys are bus conn uid" && shows '^filter: colour=red' &&
	keys C-u && keys 'uid=1000 name=*.Caller' Enter &&
	shows 'filter: uid=1000 name=\*\.Caller' && shows 'connections 1 ' && shows 'test\.Caller' &&
	keys f && keys x Escape && shows 'filter: uid=1000 name=\*\.Caller *$' &&
	keys f && keys C-u && keys 'comm=nothing' Enter && shows 'Nothing passes the filter' &&
	keys f && keys C-u && keys 'bus=0-topscreen' Enter && shows 'connections 5 '
}

keys_work() {
	home && keys h && shows 'sort by the next column' && shows '^.*QUEUE +messages not received' &&
	keys x && shows 'org\.kdbus\.test\.Server' &&
	keys d && shows '^seconds:' && keys never Enter && shows "'never' is no delay" &&
	keys C-u && keys 0.5 Enter && shows 'every 0\.5s' &&
	keys Space && shows 'PAUSED' && keys Space && hides 'PAUSED' &&
	keys z && shows 'dropped 0 +failed calls 0 +refused 0' &&
	keys q && shows 'exit code 0'
}

# Nobody has moved the cursor: it is on the first row, whichever that becomes.
# Moved, it stays with its row. Still sorted by QUEUE.
cursor_stays() {
	home && keys 5 && keys 1 && shows '^kdbus-top: connections' &&
	until_true first_is_selected Server && keys r && until_true first_is_selected '(Talker|Caller|Unlucky)' &&
	keys End && until_true selected_is Server && keys r && until_true test_first Server && until_true selected_is Server
}
selected_row() {
	tmux -L kdbus capture-pane -p -e | grep -P '\x1b\[[0-9;]*7m' | sed 's/\x1b\[[0-9;]*m//g' | sed -n '$p'
}
selected_is() { selected_row | grep -qE "^[0-9]+:[0-9]+ +org\.kdbus\.test\.$1"; }
first_is_selected() { [[ $(test_first_row) =~ ^$1$ ]] && selected_is "$1"; }
test_first_row() { test_rows | head -n 1; }

# from IN/s five columns on is QUEUE: the server is first; reversed it is last
sorts() {
	home && keys s s s s s && until_true test_first Server &&
	keys r && until_true test_last Server &&
	keys r && until_true test_first Server
}
test_rows() { tmux -L kdbus capture-pane -p | grep -oE '^[0-9]+:[0-9]+ +org\.kdbus\.test\.[A-Z][a-z]+' | sed 's/.*\.//'; }
test_first() { [ "$(test_rows | head -n 1)" = "$1" ]; }
test_last() { [ "$(test_rows | tail -n 1)" = "$1" ]; }

# Nothing overlaps, and what matters most is there, however small it is.
sizes() {
	home && resize 80 24 && shows '^ID +NAME +OUT/s +IN/s' && shows '^q quit' &&
	resize 40 10 && hides '^q quit' && shows '^kdbus-top: connections' && shows '^lost events 0' &&
	shows '^ID +NAME' && shows '^[0-9]+:1 +org\.kdbus\.test\.Serv' &&
	keys 6 && shows '^round_trip +p50' && keys 5 && shows '0-topsmall' &&
	keys f && shows '^filter: ' && keys Escape && keys h && shows 'Arrows move' && keys x &&
	resize 20 4 && shows '^kdbus-top: buses' && resize 140 40 && shows '^ +BUS NAME .*DROP'
}

colours() {
	shows 'lost events 0' || return 1
	until_true has_colour
}
has_colour() { tmux -L kdbus capture-pane -p -e | grep -qP '\x1b\[[0-9;]*31m.*dropped'; }
no_colours() {
	shows 'dropped 7' && keys 6 && shows '^round_trip' && keys 1 && shows '^ID ' && ! has_any_colour
}
has_any_colour() { tmux -L kdbus capture-pane -p -e | grep -qP '\x1b\[([0-9;]*;)?3[0-7]m'; }

plan 10
session topscreen 160 50
check "the screen shows every view" views
check "Enter looks into rows, Escape goes back" drill_down
check "filters are typed, corrected and given up" filters
check "it sorts" sorts
check "the cursor stays where it was put, else on the first row" cursor_stays
check "the other keys" keys_work
session topsmall 140 40
check "latency is drawn as bars with ranges" latency_page
check "it fits from 20x4 to 140x40" sizes
session topcolour 140 40
check "what is wrong is in colour" colours
SCREEN_ENV='env NO_COLOR=1'
session topnocolour 140 40
check "with NO_COLOR nothing is" no_colours
screen_end
