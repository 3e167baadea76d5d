#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kernel_patches_test.sh SERIES: applies kernel/patches/linux-SERIES to Debian's source of that kernel without fuzz,
# compiles rockchip-iommu.o for arm64 and a board's device tree. Exit 77 when a package cannot be had.
series=$1
. "$(dirname "$0")/../../scripts/lib/common.sh"
. "$root/scripts/lib/apt_private.sh"
. "$root/scripts/lib/kernel_build.sh"

apt_private_init arm64 "${kernel_suites[@]}" || unavailable "no package index of ${kernel_suites[*]}"
version=$(apt_private_version "linux-source-$series")
[ -n "$version" ] || unavailable "no linux-source-$series"
kernel=$(apt_private_newest "^linux-headers-${version%%-*}\+deb[0-9]+-arm64\$")
[ -n "$kernel" ] || unavailable "no arm64 headers of $version"
kernel_build_open "${kernel#linux-headers-}"
pristine=$kernel_work/patch-source
kernel_build_source "$series" "$pristine" drivers/iommu arch/arm64/boot/dts/rockchip include/dt-bindings \
    include/uapi/linux/input-event-codes.h \
    Documentation/devicetree/bindings/iommu/rockchip,iommu.yaml

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$pristine" "$work/tree"
for patch in "$root/kernel/patches/linux-$series"/*.patch; do
    patch --directory="$work/tree" --strip=1 --fuzz=0 --batch --quiet <"$patch" || die "$patch does not apply to $version"
done

echo 'obj-m := rockchip-iommu.o' >"$work/tree/drivers/iommu/Makefile"
kernel_build_make "$work/tree/drivers/iommu" rockchip-iommu.o
object=$work/tree/drivers/iommu/rockchip-iommu.o
grep -a -q 'rockchip,rk3588-npu-iommu' "$object" || die "the new compatible is not in rockchip-iommu.o"
! grep -E 'warning|error' "$kernel_work/build.log" | grep rockchip-iommu || die "rockchip-iommu.c compiles with warnings"

cpp -nostdinc -undef -x assembler-with-cpp -I "$work/tree/include" \
    "$work/tree/arch/arm64/boot/dts/rockchip/rk3588-rock-5-itx.dts" >"$work/board.dts"
dtc -q -I dts -O dtb -o "$work/board.dtb" "$work/board.dts"
for mmu in fdab9000 fdaca000 fdada000; do
    [ "$(fdtget "$work/board.dtb" "/iommu@$mmu" compatible)" = \
        "rockchip,rk3588-npu-iommu rockchip,rk3588-iommu rockchip,rk3568-iommu" ] || die "iommu@$mmu was not renamed"
done
echo "linux-source-$series $version: patches apply, rockchip-iommu.o compiles, rock-5-itx.dtb has the names"
