#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Files that are not as kdbus-monitor wrote them: damaged ones give one line and
# what can be read; those of the other byte order give all.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/tap.sh
. "$here/tap.sh"
# shellcheck source=selftests/monitor.sh
. "$here/monitor.sh"

f=$tmp/f.pcapng

record() { watched monbad -b 0-monbad -w "$f" --print; }

# damaged REGEX N: one line like that, N events that are readable, exit code 1
damaged() {
	kdbus-monitor -q --json -r "$tmp/bad" > "$tmp/out" 2> "$tmp/err"
	[ $? = 1 ] && [ "$(wc -l < "$tmp/err")" = 1 ] && grep -qE "$1" "$tmp/err" &&
	[ "$(wc -l < "$tmp/out")" -ge "$2" ]
}

# by how much a file is read that ends too early, or goes wrong at its end
cut_off() {
	head -c $(($(stat -c %s "$f") - 7)) "$f" > "$tmp/bad" &&
	damaged 'ends in the middle of a block, at byte [0-9]+; what comes before was read' 50
}

wrong_size() {
	cp "$f" "$tmp/bad" && printf '\377\377\377\177' |
		dd of="$tmp/bad" bs=1 seek=$(($(stat -c %s "$f") - 4)) conv=notrunc status=none &&
	damaged 'is damaged: the sizes of a block differ, at byte [0-9]+' 50
}

no_file() {
	head -c 100 /dev/zero > "$tmp/bad" && damaged 'is no pcapng file' 0 &&
	: > "$tmp/bad" && damaged 'holds nothing that kdbus-monitor has written' 0 &&
	rm "$tmp/bad" && damaged 'No such file' 0
}

# Wherever something is wrong, it is at most an error.
anywhere() {
	local size i
	size=$(stat -c %s "$f")
	for i in $(seq 20); do
		cp "$f" "$tmp/bad"
		head -c 8 /dev/urandom | dd of="$tmp/bad" bs=1 seek=$((i * size / 21)) conv=notrunc status=none
		kdbus-monitor -q --json -r "$tmp/bad" > "$tmp/out" 2> "$tmp/err"
		[ $? -le 1 ] || { cp "$tmp/bad" /run/out/ 2> /dev/null; return 1; }
	done
}

# A file of a machine with the other byte order is read as well.
other_byte_order() {
	python3 - "$f" "$tmp/bad" <<-'EOF'
	import struct, sys
	data, out, at = open(sys.argv[1], 'rb').read(), b'', 0
	def opts(b):
	    r, i = b'', 0
	    while i + 4 <= len(b):
	        code, n = struct.unpack_from('<HH', b, i)
	        pad = (n + 3) & ~3
	        r += struct.pack('>HH', code, n) + b[i + 4:i + 4 + pad]
	        i += 4 + pad
	    return r
	while at < len(data):
	    kind, size = struct.unpack_from('<II', data, at)
	    body = data[at + 8:at + size - 4]
	    if kind == 0x0a0d0d0a:
	        body = struct.pack('>IHHII', *struct.unpack_from('<IHHII', body)) + opts(body[16:])
	    elif kind == 1:
	        body = struct.pack('>HHI', *struct.unpack_from('<HHI', body)) + opts(body[8:])
	    else:
	        head = struct.unpack_from('<IIIII', body)
	        end = 20 + ((head[3] + 3) & ~3)
	        body = struct.pack('>IIIII', *head) + body[20:end] + opts(body[end:])
	    out += struct.pack('>II', kind, size) + body + struct.pack('>I', size)
	    at += size
	open(sys.argv[2], 'wb').write(out)
	EOF
	kdbus-monitor -q --json -r "$tmp/bad" > "$tmp/out" &&
	kdbus-monitor -q --json -r "$f" | diff - "$tmp/out"
}

plan 6
check "a file is recorded" record
check "one that ends too early" cut_off
check "one with a block that is wrong" wrong_size
check "one that is none" no_file
check "one that is wrong anywhere" anywhere
check "one of the other byte order" other_byte_order
