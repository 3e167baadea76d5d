#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# build_rocket_test.sh BUILD-ROCKET: builds the module for Debian's newest arm64 kernel, installs it and the DKMS
# source into a throw-away root, and checks what came out. Exit 77 when a package cannot be had.
set -u
script=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
expect() { "$@" || { echo "FAILED: $*"; failed=1; }; }

module=$(DESTDIR=$work "$script") || exit $?
kernel=$(basename "$(dirname "$module")")
echo "rocket.ko for $kernel"
expect cmp "$module" "$work/lib/modules/$kernel/updates/rocket.ko"
expect grep -a -q "vermagic=$kernel SMP " "$module"
expect grep -a -q "alias=of:N\*T\*Crockchip,rk3588-rknn-core" "$module"
expect grep -a -q "depends=.*gpu-sched" "$module"

DESTDIR=$work "$script" --dkms >"$work/said" || failed=1
source=$(echo "$work"/usr/src/rosenblatt-rocket-*)
expect grep -q 'BUILT_MODULE_NAME\[0\]="rocket"' "$source/dkms.conf"
expect test -e "$source/rocket_job.c"
expect test ! -e "$source/rocket.mod.c"

"$script" --no-such-option >/dev/null 2>&1
expect test $? = 2
exit $failed
