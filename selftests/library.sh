#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: library.sh BUILD-DIRECTORY
# The library is what its headers, its symbol map and its package say: the same
# functions in all of them, a header for C and C++ that needs no other, structs
# of the size that programs have been built with. Needs no kernel. Ends at the
# first thing that does not hold.
set -eEuo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'echo "failed: $BASH_COMMAND"' ERR
dir=$(realpath "$1")
cd "$(dirname "$0")/.."
so=$dir/libkdbus.so.0

# ---- one list of functions -----------------------------------------------
sed -n 's/^\t\(kdbus_[a-z_]*\);$/\1/p' lib/libkdbus.map | sort > "$tmp/map"
[ -s "$tmp/map" ]
same() {
	sort "$tmp/$1" | diff "$tmp/map" - || {
		echo "the functions above are in lib/libkdbus.map or in $2, not in both"
		exit 1
	}
}
# as the compiler sees it, comments and macros aside
echo '#include "lib/kdbus-client.h"' | cc -E -P -Iinclude/uapi - | tr '\n' ' ' |
	grep -oE '\bkdbus_[a-z_]+ ?\(' | tr -d ' (' | sort -u > "$tmp/header"
same header lib/kdbus-client.h
nm -D --defined-only "$so" | awk '$2 == "T" { sub("@@.*", "", $3); print $3 }' > "$tmp/so"
same so libkdbus.so.0
nm --defined-only "$dir/libkdbus.a" | awk '$2 ~ /[A-Z]/ { print $3 }' > "$tmp/a"
same a libkdbus.a
sed -n 's/^ \(kdbus_[a-z_]*\)@LIBKDBUS_.*/\1/p' debian/libkdbus0.symbols > "$tmp/deb"
same deb debian/libkdbus0.symbols

# ---- what a program is linked with ---------------------------------------
readelf -d "$so" | grep -q 'SONAME.*\[libkdbus\.so\.0\]'
[ -z "$(nm -D --defined-only "$so" | grep ' T ' | grep -v '@@LIBKDBUS_' || true)" ]
[ "$(readelf -d "$so" | grep -c NEEDED)" = 1 ]
readelf -d "$so" | grep -q 'NEEDED.*\[libc\.'

# ---- the header ----------------------------------------------------------
cat > "$tmp/alone.c" << 'EOF'
#include <kdbus-client.h>
int walk(const struct kdbus_msg *msg, const struct kdbus_name_list *list);
int walk(const struct kdbus_msg *msg, const struct kdbus_name_list *list)
{
	const struct kdbus_item *item;
	const struct kdbus_cmd_name *record;
	int n = 0;

	kdbus_for_each_msg_item(item, msg)
		n += item->type == KDBUS_ITEM_PAYLOAD_OFF;
	kdbus_for_each_name(record, list)
		n++;
	return n;
}

/* they can be members */
struct program {
	struct kdbus_client client;
	struct kdbus_builder builder;
	int more;
};
EOF
flags=(-fsyntax-only -Wall -Wextra -Werror -Ilib -Iinclude/uapi)
for std in c99 c11 gnu11 gnu17; do
	cc -std=$std "${flags[@]}" "$tmp/alone.c"
	clang -std=$std "${flags[@]}" "$tmp/alone.c"
done
cp "$tmp/alone.c" "$tmp/alone.cc"
for std in c++11 gnu++17; do
	c++ -std=$std "${flags[@]}" "$tmp/alone.cc"
done

# ---- structs that the caller allocates -----------------------------------
cat > "$tmp/layout.c" << 'EOF'
#include <kdbus-client.h>
#define HOLDS(what) _Static_assert(what, #what)
HOLDS(sizeof(struct kdbus_client) == 104);
HOLDS(offsetof(struct kdbus_client, hello) == 8);
HOLDS(offsetof(struct kdbus_client, hello.id) == 8 + offsetof(struct kdbus_cmd_hello, id));
HOLDS(offsetof(struct kdbus_client, hello.id128) == 8 + offsetof(struct kdbus_cmd_hello, id128));
HOLDS(offsetof(struct kdbus_client, pool) == 88);
HOLDS(sizeof(struct kdbus_builder) == 16400);
HOLDS(offsetof(struct kdbus_builder, error) == 8);
HOLDS(offsetof(struct kdbus_builder, buf) == 16);
HOLDS(offsetof(struct kdbus_builder, msg.cookie_reply) == 16 + offsetof(struct kdbus_msg, cookie_reply));
EOF
cc -std=gnu11 "${flags[@]}" "$tmp/layout.c"
