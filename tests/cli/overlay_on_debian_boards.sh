#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# overlay_on_debian_boards.sh ROSENBLATT CHECK DTSO: makes and applies the overlays on device trees from
# Debian's newest arm64 kernel package and checks the results. Exit 77 when the package cannot be had.
set -u
rosenblatt=$1 check=$2 dtso=$3
. "$(dirname "$0")/../../scripts/lib/apt_private.sh"
boards="rk3588-rock-5-itx rk3588s-rock-5a rk3588s-rock-5c rk3588-evb1-v10 rk3588-vicharak-axon rk3588-mnt-reform2
rk3588-firefly-itx-3588j rk3588s-odroid-m2 rk3588-rock-5b"
refused="rk3588-armsom-sige7 rk3588s-khadas-edge2"

command -v dtc >/dev/null || { echo "no dtc here (package device-tree-compiler)"; exit 77; }
apt_private_init arm64 trixie-backports || exit 77
package=$(apt_private_newest '^linux-base-[0-9.]+\+deb[0-9]+-arm64$')
[ -n "$package" ] || { echo "no linux-base-*-arm64 in trixie-backports"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
apt_private_unpack "$package" "$work/package" || exit 77
trees=$(find "$work/package" -type d -path '*/dtb/rockchip' | head -1)
[ -n "$trees" ] || { echo "$package has no rockchip device trees"; exit 1; }
dtc -q -I dts -O dtb -o "$work/status.dtbo" "$dtso" || exit 1
echo "device trees of $package"

tried=0 failed=0
fail() { echo "  FAILED: $*"; failed=1; }
for board in $boards; do
    base=$trees/$board.dtb
    [ -e "$base" ] || { echo "$board: not in this package"; continue; }
    tried=$((tried + 1))
    echo "$board"
    "$rosenblatt" overlay --dtb "$base" -o "$work/own.dtbo" >"$work/said" || fail "overlay refused"
    sed 's/^/  /' "$work/said"
    fdtoverlay -i "$base" -o "$work/own.dtb" "$work/own.dtbo" || fail "fdtoverlay, own overlay"
    "$check" "$base" "$work/own.dtb" || fail "own overlay's result"
    fdtoverlay -i "$base" -o "$work/status.dtb" "$work/status.dtbo" || fail "fdtoverlay, status-only"
    "$check" "$base" "$work/status.dtb" --status-only || fail "status-only result"
done
for board in $refused; do
    base=$trees/$board.dtb
    [ -e "$base" ] || continue
    "$rosenblatt" overlay --dtb "$base" -o "$work/refused.dtbo" 2>"$work/why" && fail "$board was not refused"
    echo "$board refused: $(sed 's/^[^:]*: [^:]*: //' "$work/why")"
done
echo "$tried boards"
[ "$tried" -ge 6 ] || fail "fewer than 6 boards"
exit $failed
