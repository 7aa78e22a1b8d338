#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: load.sh MODULE.ko VERSION [ROOT]
# A VM of its own, since its kernel log is full of what is refused: scripts/load
# says why a module is not loaded and what to do, each refusal by the kernel for
# real. Modules are doctored copies, that of this build stays as it is.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/top.sh
. "$here/top.sh"

if [ $# -gt 0 ]; then
	root=()
	[ "${3:-/}" = / ] || root=(--root "$3")
	build=$(realpath "/lib/modules/$("$here/../scripts/kernel-version")/build")
	"$here/../vm/run" --timeout 1200 --kernel "$2" "${root[@]}" --mem 512M --smp 1 --klog "$tmp/klog" -- \
		env KDBUS_KO="$(realpath "$1")" BUILD="$build" CONFIG="${3:-}/boot/config-$2" "$0" < /dev/null | tee "$tmp/tap"
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$tmp/tap")
	[ "$(grep -c '^ok ' "$tmp/tap")" = "${planned:-none}" ]
	exit
fi

release=$(uname -r)
# without what is for debuggers, which is nine tenths of it
objcopy -g "$KDBUS_KO" "$tmp/kdbus.ko"
dummy=$(modinfo -n dummy)
case $dummy in
*.xz) xz -dc "$dummy" ;;
*) cat "$dummy" ;;
esac > "$tmp/dummy-signed.ko"
# depmod would read all of the kernel's, over the network
mount -t tmpfs modules "/lib/modules/$release"
chmod -R a+rX "$tmp"
headers="install linux-headers-$release, then run: make clean && make load KVER=$release"

load() { "$here/../scripts/load" "$1"; }
loaded() { grep -q '^kdbus ' /proc/modules; }
# refused TEXT FILE: for that reason, and it is not loaded
refused() {
	exits 77 "make load: .*$1" "${@:3}" "$here/../scripts/load" "$2" || return 1
	[ "$(wc -l < "$tmp/err")" = 1 ] || { echo "# more than a line:"; cat "$tmp/err"; return 1; }
	! loaded || { rmmod kdbus; return 1; }
}
# doctored SED-SCRIPT: a copy with that done to it, of the same length
doctored() {
	LC_ALL=C sed "$1" "$tmp/kdbus.ko" > "$tmp/doctored.ko"
	! cmp -s "$tmp/kdbus.ko" "$tmp/doctored.ko"
}

# ---- what does not fit ----------------------------------------------------

# Where symbols have versions, the release alone is not compared.
foreign_doctored() { doctored "s/vermagic=$release [^ ]/vermagic=9${release#?} X/"; }

foreign() {
	foreign_doctored &&
		refused "built for 9${release#?}, but $release is running; $headers" "$tmp/doctored.ko"
}
same_release() {
	doctored "s/vermagic=$release SMP/vermagic=$release SMQ/" &&
		refused "built for another $release .*version magic .*SMQ.*; $headers" "$tmp/doctored.ko"
}
no_symbol() {
	doctored 's/alloc_chrdev_region/alloc_chrdev_regiox/' &&
		refused "kernel lacks what the module needs (alloc_chrdev_regiox); $headers" "$tmp/doctored.ko"
}
# other_crc SYMBOL: the module wants another version of it
other_crc() {
	objcopy --dump-section __versions="$tmp/versions" "$tmp/kdbus.ko" "$tmp/copy.ko" &&
	python3 - "$tmp/versions" "$1" <<-'PY' || return 1
	import sys
	data = bytearray(open(sys.argv[1], "rb").read())
	at = data.index(b"\0" + sys.argv[2].encode() + b"\0") - 7
	data[at] ^= 1
	open(sys.argv[1], "wb").write(data)
	PY
	objcopy --update-section __versions="$tmp/versions" "$tmp/kdbus.ko" "$tmp/doctored.ko"
}
symbol_version() {
	other_crc alloc_chrdev_region &&
		refused "headers of another build of $release, which disagree on: alloc_chrdev_region; $headers" "$tmp/doctored.ko"
}
module_layout() {
	other_crc module_layout &&
		refused "built for another $release .*symbol module_layout.*; $headers" "$tmp/doctored.ko"
}
foreign_btf() {
	head -c 100 /dev/zero > "$tmp/btf" &&
	objcopy --update-section .BTF="$tmp/btf" "$tmp/kdbus.ko" "$tmp/doctored.ko" || return 1
	refused "type information (BTF) of another kernel than the one running; $headers" "$tmp/doctored.ko"
}

# ---- rights --------------------------------------------------------------

as_nobody="setpriv --reuid 65534 --clear-groups"
# shellcheck disable=SC2086 # words
no_right() { refused 'this process lacks CAP_SYS_MODULE; run it as root, with sudo' "$tmp/kdbus.ko" $as_nobody; }
# shellcheck disable=SC2086
right_alone() {
	$as_nobody --inh-caps +sys_module --ambient-caps +sys_module \
		"$here/../scripts/load" "$tmp/kdbus.ko" && loaded && rmmod kdbus
}
user_namespace() { refused 'this is a container or user namespace .*; run it on the host' "$tmp/kdbus.ko" unshare -U -r; }
bounding_set() {
	refused 'this is a container or user namespace .*; run it on the host' "$tmp/kdbus.ko" \
		setpriv --bounding-set -sys_module --inh-caps -sys_module
}
# shellcheck disable=SC2086
closed_log() {
	local ret=0
	foreign_doctored && sysctl -q kernel.dmesg_restrict=1 || return 1
	refused "built for 9${release#?}, but $release is running" "$tmp/doctored.ko" \
		$as_nobody --inh-caps +sys_module --ambient-caps +sys_module || ret=1
	sysctl -q kernel.dmesg_restrict=0
	return $ret
}

# ---- what is there, and what is not --------------------------------------

twice() {
	load "$tmp/kdbus.ko" && exits 0 'kdbus [0-9.]*, of the same sources, is loaded already' load "$tmp/kdbus.ko"
}
# Of other sources: an older version, from where DKMS puts it.
older() {
	local dkms=/lib/modules/$release/updates/dkms version
	version=$(modinfo -F version "$tmp/kdbus.ko")
	rmmod kdbus && mkdir -p "$dkms" &&
	LC_ALL=C sed "s/\x00version=$version\x00/\x00version=${version//[0-9]/0}\x00/; s/\x00srcversion=./\x00srcversion=X/" \
		"$tmp/kdbus.ko" > "$dkms/kdbus.ko" &&
	depmod 2> /dev/null && modprobe kdbus &&
	exits 77 "another kdbus is loaded (${version//[0-9]/0} as of $dkms/kdbus.ko); run make unload first" load "$tmp/kdbus.ko" &&
	rmmod kdbus && rm "$dkms/kdbus.ko" && depmod 2> /dev/null
}
no_file() { refused 'there is no /none/kdbus.ko; run make' /none/kdbus.ko; }
# The kernel reads all of it before it looks at it.
no_memory() {
	truncate -s 1G "$tmp/huge.ko" && refused 'no memory left for the module' "$tmp/huge.ko"
}

# ---- signatures ----------------------------------------------------------

sign() { KDBUS_MOK_DIR=$tmp/mok "$here/../scripts/sign" "$1" "$BUILD"; }
signed() { cp "$tmp/kdbus.ko" "$tmp/signed.ko" && sign "$tmp/signed.ko"; }
key_is_secret() { [ "$(stat -c %a "$tmp/mok/mok.key")" = 600 ]; }
# it takes the key that is there, and replaces the signature
signed_again() {
	local size
	size=$(stat -c %s "$tmp/signed.ko")
	sign "$tmp/signed.ko" > "$tmp/out" && ! grep -q '^Made a key' "$tmp/out" &&
		[ "$(stat -c %s "$tmp/signed.ko")" = "$size" ] &&
		[ "$(modinfo -F signer "$tmp/signed.ko")" = "DKMS module signing key" ]
}
signed_loads() { load "$tmp/signed.ko" && rmmod kdbus; }
locked_down() {
	mount -t securityfs securityfs /sys/kernel/security
	echo integrity > /sys/kernel/security/lockdown &&
		refused 'kernel is locked down (integrity), .* is not signed; run make sign and enrol its key, see docs/secure-boot.rst' "$tmp/kdbus.ko" &&
		refused "locked down (integrity), .* does not know the key of 'DKMS module signing key' .*; enrol it" "$tmp/signed.ko"
}
# the log says so too, where securityfs is not mounted
locked_down_log() {
	umount /sys/kernel/security &&
		refused 'kernel is locked down, .* is not signed; run make sign' "$tmp/kdbus.ko"
}
enforced() {
	echo 1 > /sys/module/module/parameters/sig_enforce &&
		refused 'loads signed modules only (Secure Boot or module.sig_enforce), and .* is not signed; run make sign' "$tmp/kdbus.ko" &&
		refused "does not know the key of 'DKMS module signing key' that signed .*; enrol it" "$tmp/signed.ko"
}
# one of the kernel's own, so that the key is known
damaged() {
	LC_ALL=C sed 's/license=GPL/license=gPL/' "$tmp/dummy-signed.ko" > "$tmp/dummy.ko"
	refused "the signature of '.*' on .*/dummy.ko does not fit what is in it; run make sign again" "$tmp/dummy.ko"
}
switched_off() {
	sysctl -q kernel.modules_disabled=1 &&
		refused 'kernel.modules_disabled is 1, .* until the next boot' "$tmp/kdbus.ko"
}

plan 24
check "another kernel's module" foreign
check "one of another configuration" same_release
check "a symbol that the kernel lacks" no_symbol
if readelf -SW "$tmp/kdbus.ko" | grep -q ' __versions '; then
	check "a symbol of another version" symbol_version
	check "the layout of modules of another version" module_layout
else
	skip "a symbol of another version" "this kernel has no versions of symbols"
	skip "the layout of modules of another version" "this kernel has no versions of symbols"
fi
if grep -q '^CONFIG_MODULE_ALLOW_BTF_MISMATCH=y' "$CONFIG"; then
	skip "another kernel's BTF" "this kernel loads a module whatever its BTF"
else
	check "another kernel's BTF" foreign_btf
fi
check "a user without the right" no_right
check "the right without root" right_alone
check "a user namespace" user_namespace
check "a container's bounding set" bounding_set
check "a kernel log that cannot be read" closed_log
check "the module that is loaded already is not an error" twice
check "another one that is loaded" older
check "no file" no_file
check "no memory" no_memory
check "make sign makes a key and signs" signed
check "nobody else can read the key" key_is_secret
check "it signs again with the same key" signed_again
check "what is signed loads" signed_loads
check "lockdown" locked_down
check "lockdown, from the log alone" locked_down_log
check "module.sig_enforce" enforced
check "a signature that does not fit" damaged
check "kernel.modules_disabled" switched_off
