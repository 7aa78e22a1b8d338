#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: compat-probes.sh BUILD-DIR [KERNEL-BUILD-DIR]
# Whether module/compat/probe.sh says the truth about the kernel that the module
# in BUILD-DIR was built for: its answers are those of the table below; each of
# them, turned round, breaks the build; and a kernel that lacks something is
# refused with one sentence that names it.
set -euo pipefail

dir=$(realpath "$1")
version=$(basename "$dir")
kdir=${2:-/lib/modules/$version/build}
work=$(mktemp -d "$dir/probes.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
	echo "$*"
	failed=1
}

# A series has the answers of the last column that is not newer than it, or of
# the next one: what came in between is in the one or in the other. The source
# is one that does not compile with the wrong answer; "-": never asked.
table='
answer                     source        6.1  6.12  7.3
HAVE_SECID_TO_SECCTX       metadata.c    yes  yes   no
HAVE_LSMPROP_TO_SECCTX_ID  metadata.c    -    -     yes
HAVE_TASK_EXEC_STATE       metadata.c    no   no    yes
HAVE_CAP_U64               metadata.c    no   yes   yes
HAVE_VM_FLAGS_CLEAR        pool.c        no   yes   yes
HAVE_CONST_DEVNODE         node.c        no   yes   yes
HAVE_ASSIGN_STR_1          trace.c       no   yes   yes
HAVE_HRTIMER_SETUP         connection.c  no   no    yes
HAVE_VFS_MMAP              pool.c        no   no    yes
HAVE_RECEIVE_FD_UFD        node.c        no   yes   yes
HAVE_SHMEM_VMA_FLAGS       node.c        no   no    yes
HAVE_FOLIO_BATCH_H         node.c        no   no    yes
HAVE_MNT_IDMAP             node.c        no   yes   yes
HAVE_GET_FILE_RCU_SLOT     metadata.c    no   yes   yes
'

# ---- what the module is built with -----------------------------------------

# The build, up to the probes: where it is done, the compiler and its flags.
cp -rL "$dir/module" "$work/module"
cp -rL "$dir/tracepoints" "$dir/include" "$work"
rm -f "$work"/module/compat/{,.}kdbus_compat_config.h* "$work"/module/{,.}*.{o,ko,mod,cmd}
probe=$work/module/compat/probe.sh
mv "$probe" "$work/probe.sh"
cp "$work/module/compat/needed.c" "$work/module/compat"/*.h "$work"
cat > "$probe" <<'X'
{ printf 'cd %s\nCC="%s"\n' "$PWD" "$CC"; shift; printf 'flags+=("%s")\n' "$@"; } > "$0.args"
exit 1
X
make=(env -u MAKEFLAGS -u MAKELEVEL make -s -C "$kdir" "M=$work/module")
"${make[@]}" modules > "$work/log" 2>&1 || true
[ -s "$probe.args" ] || { echo "the build of the module did not come to its probes:"; cat "$work/log"; exit 1; }
flags=()
# shellcheck source=/dev/null
. "$probe.args"
cp "$work/probe.sh" "$probe"
export CC

# ---- the answers -----------------------------------------------------------

truth=$dir/module/compat/kdbus_compat_config.h

# said ANSWER: yes, no, or "-"
said() {
	if grep -q "^#define $1 1\$" "$truth"; then
		echo yes
	elif grep -q "^/\* $1: not here \*/\$" "$truth"; then
		echo no
	else
		echo -
	fi
}

# series A B: whether series A is not newer than B
not_newer() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

series=$(grep -oE '^[0-9]+\.[0-9]+' <<< "$version")
mapfile -t columns < <(awk '$1 == "answer" { for (i = 3; i <= NF; i++) print $i }' <<< "$table")
low=0
for i in "${!columns[@]}"; do
	if not_newer "${columns[i]}" "$series"; then
		low=$i
	fi
done
high=$low
if [ "${columns[low]}" != "$series" ] && [ $((low + 1)) -lt ${#columns[@]} ]; then
	high=$((low + 1))
fi

known=
while read -r name source answers; do
	[[ $name == HAVE_* ]] || continue
	known+=" $name"
	read -r -a expected <<< "$answers"
	answer=$(said "$name")
	if [ "$answer" != "${expected[low]}" ] && [ "$answer" != "${expected[high]}" ]; then
		fail "$name is '$answer'; in $series it should be '${expected[low]}'. If the kernel has changed, $0 needs a column for it."
	fi
	[ "$answer" != - ] || continue

	# turned round
	if [ "$answer" = yes ]; then
		sed "s,^#define $name 1\$,/* $name: not here */," "$truth"
	else
		sed "s,^/\* $name: not here \*/\$,#define $name 1," "$truth"
	fi > "$work/module/compat/kdbus_compat_config.h"
	! cmp -s "$truth" "$work/module/compat/kdbus_compat_config.h" ||
		fail "$name was not turned round"
	if $CC "${flags[@]}" -DMODULE -DKBUILD_MODNAME='"kdbus"' -DKBUILD_BASENAME='"kdbus"' \
		-Werror -I"$work" -I"$work/module" -I"$work/module/compat" -I"$work/include/uapi" \
		-fsyntax-only "$work/module/$source" > "$work/log" 2>&1; then
		fail "$source compiles with the wrong answer about $name"
	fi
done <<< "$table"

# that they failed for no other reason
cp "$truth" "$work/module/compat/kdbus_compat_config.h"
for source in $(sed 1,2d <<< "$table" | awk 'NF { print $2 }' | sort -u); do
	$CC "${flags[@]}" -DMODULE -DKBUILD_MODNAME='"kdbus"' -DKBUILD_BASENAME='"kdbus"' \
		-Werror -I"$work" -I"$work/module" -I"$work/module/compat" -I"$work/include/uapi" \
		-fsyntax-only "$work/module/$source" > "$work/log" 2>&1 || {
		fail "$source does not compile with the answers as they are"
		cat "$work/log"
	}
done

for name in $(grep -o 'HAVE_[A-Z0-9_]*' "$truth" | sort -u); do
	[[ "$known " == *" $name "* ]] || fail "the table of $0 does not know $name"
done

# ---- refusals --------------------------------------------------------------

mkdir "$work/out"
said_prefix="kdbus: the module cannot be built for this kernel: "

# refused SENTENCE FLAGS...: probe.sh says that, in a line, and writes nothing;
# standard input is a header that is included before all else
refused() {
	local sentence=$1 status=0
	shift
	cat > "$work/doctor.h"
	rm -f "$work/out/kdbus_compat_config.h"
	sh "$work/probe.sh" "$work/out/kdbus_compat_config.h" "${flags[@]}" -include "$work/doctor.h" "$@" \
		> "$work/log" 2>&1 || status=$?
	if [ "$status" = 0 ] || [ -e "$work/out/kdbus_compat_config.h" ] ||
	   [ "$(wc -l < "$work/log")" != 1 ] ||
	   [[ $(cat "$work/log") != "$said_prefix"$sentence* ]]; then
		fail "instead of '$sentence' the build (status $status) said:"
		cat "$work/log"
	fi
}

refused "it is a 32-bit one" -m32 < /dev/null
refused "it is a big-endian one" -U__BYTE_ORDER__ \
	-D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__ < /dev/null
for config in $(sed -n 's/^config \(CONFIG_[A-Z_]*\) .*/\1/p' "$work/probe.sh"); do
	refused "it is configured without $config," <<< "#undef $config"
done

# unknown WHAT: likewise, where standard input renames what the probe looks for,
# after all headers have been read
unknown() {
	refused "it has no $1 in a form that is known" < <(
		printf '#include <linux/%s.h>\n' module security sched mm_types \
			sched/coredump capability proc_fs fs pagemap
		cat)
}

unknown "security label of the current process" <<'X'
#define security_secid_to_secctx kdbus_gone
#define security_lsmprop_to_secctx kdbus_gone
X
unknown "security label of the current process" <<'X'
#define security_current_getsecid_subj kdbus_gone
#define security_current_getlsmprop_subj kdbus_gone
X
unknown "way to ask whether a process is dumpable" <<'X'
#define exec_state kdbus_gone
#define get_dumpable kdbus_gone
X
unknown "set of capabilities" <<'X'
#define val kdbus_gone
#define cap kdbus_gone
X
unknown "way to ask what a /proc hides" <<'X'
#define hide_pid kdbus_gone
X
unknown "file_count()" <<'X'
#undef file_count
#define file_count(file) kdbus_gone
X
unknown "filemap_get_folios_contig()" <<'X'
#define filemap_get_folios_contig(mapping) kdbus_gone
X
sed -i 's,^#include <linux/anon_inodes.h>$,#include <linux/kdbus_gone.h>,' "$work/needed.c"
refused "it has no linux/kdbus_gone.h" < /dev/null

# as it looks to a person: one line of ours, nothing of the compiler
echo '#undef CONFIG_MEMCG' > "$work/doctor.h"
rm -f "$work"/module/compat/{,.}kdbus_compat_config.h*
if "${make[@]}" KCFLAGS="-include $work/doctor.h" modules > "$work/log" 2>&1 ||
   [ "$(grep -c "^$said_prefix" "$work/log")" != 1 ] ||
   grep -q 'error:' "$work/log"; then
	fail "make without CONFIG_MEMCG did not end with one sentence:"
	cat "$work/log"
fi

[ "$failed" = 0 ]
