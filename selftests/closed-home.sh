#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# usage: closed-home.sh PROGRAM
# The VM runs programs of a tree as other users though it lies in a directory
# that only its owner may enter, and was made with a umask of 077.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$(dirname "$0")/.."
[ "$(stat -c %a "$tmp")" = 700 ]

umask 077
tree=$tmp/home/tree
mkdir -p "$tree/build/user"
cp --no-preserve=mode -r vm scripts "$tree"
chmod u+x "$tree"/vm/* "$tree"/scripts/*
cp --no-preserve=mode "$1" "$tree/build/user/program"
chmod u+x "$tree/build/user/program"

# sh has lost the capabilities that setpriv still has
cd "$tree"
vm/run --timeout 120 -- setpriv --reuid 65534 --regid 65534 --clear-groups \
	sh -c 'exec build/user/program --version'
