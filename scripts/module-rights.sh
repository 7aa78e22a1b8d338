# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For scripts/load and scripts/unload: why the kernel answers EPERM.

can_load_modules() { (( 0x$(awk '/^CapEff/ { print $2 }' /proc/self/status) >> 16 & 1 )); }
may_get_there() { (( 0x$(awk '/^CapBnd/ { print $2 }' /proc/self/status) >> 16 & 1 )); }
in_init_userns() { [ "$(readlink /proc/self/ns/user)" = 'user:[4026531837]' ]; }

# Prints one sentence, or nothing if this process has all that it takes.
why_not_permitted() {
	if [ "$(cat /proc/sys/kernel/modules_disabled 2> /dev/null)" = 1 ]; then
		echo "kernel.modules_disabled is 1, so modules stay as they are until the next boot; find what sets it (grep -r modules_disabled /etc/sysctl*) and reboot without it"
	elif ! in_init_userns || ! may_get_there; then
		echo "this is a container or user namespace without the right to change modules (CAP_SYS_MODULE); run it on the host"
	elif ! can_load_modules; then
		echo "this process lacks CAP_SYS_MODULE; run it as root, with sudo"
	fi
}
