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

install_to() {
	make --no-print-directory install-user DESTDIR="$root" PREFIX=/usr > "$tmp/log"
	DESTDIR=$root scripts/install module "$ko" "$version"
}

run_all() {
	local tool
	for tool in top monitor perf; do
		(cd / && "$root/usr/bin/kdbus-$tool" --version) | grep -qE "^kdbus-$tool [0-9.]+$"
		(cd / && "$root/usr/bin/kdbus-$tool" --help) | grep -q EXAMPLES
	done
}

# A program is built with what pkg-config says, of either library, and runs.
build_with_pkg_config() {
	local flags
	export PKG_CONFIG_PATH=$root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
	[ "$(pkg-config --modversion kdbus)" = "$(make -s version)" ]
	flags=$(pkg-config --cflags --libs kdbus)
	# shellcheck disable=SC2086
	cc -Wall -Wextra -Werror -o "$tmp/hello" packaging/examples/hello.c $flags
	readelf -d "$tmp/hello" | grep -q 'NEEDED.*\[libkdbus\.so\.0\]'
	says_why env LD_LIBRARY_PATH="$root/usr/lib" "$tmp/hello"
	# shellcheck disable=SC2086
	cc -Wall -Wextra -Werror -static -o "$tmp/hello-static" packaging/examples/hello.c $flags
	says_why "$tmp/hello-static"
}

# without the module the example cannot do more
says_why() {
	! "$@" 2> "$tmp/why" || [ -e /dev/kdbus/control ]
	[ -e /dev/kdbus/control ] || grep -q '^hello: .*: No such file or directory$' "$tmp/why"
}

ko=$1 version=$2 root=$tmp/root
unset MAKEFLAGS MAKELEVEL
install_to
for file in "lib/modules/$version/updates/kdbus.ko" usr/include/linux/kdbus.h \
	usr/include/kdbus-client.h usr/lib/libkdbus.{a,so,so.0} usr/lib/pkgconfig/kdbus.pc \
	usr/share/man/man1/kdbus-{top,monitor,perf}.1 \
	usr/share/bash-completion/completions/kdbus-{top,monitor,perf}; do
	[ -s "$root/$file" ]
done
run_all
build_with_pkg_config
find "$root" | sort > "$tmp/before"
install_to
run_all
find "$root" | sort | diff "$tmp/before" -
# it may be moved to where it belongs
mv "$root" "$tmp/moved"
root=$tmp/moved
run_all
[ -s "$root/usr/share/man/man4/kdbus.4" ] && [ -s "$root/usr/share/man/man7/kdbus.7" ]
