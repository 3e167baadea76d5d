# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# What the lab's guest is made of: a Debian arm64 kernel that has the accel framework, four modules of it, busybox,
# and rocket.ko. Fetched by package name, kept in the cache. Source it after common.sh and apt_private.sh.
#   lab_fetch_kernel [VERSION | TREE]   sets kernel_name, kernel_image and kernel_modules
#   lab_fetch_busybox                   sets busybox
#   lab_rocket_module                   prints the path of rocket.ko for that kernel

lab_cache=$cache/lab
lab_modules=(drm drm_kms_helper drm_shmem_helper gpu-sched) # in the order of loading; rocket follows

unavailable() {
    say "$*"
    exit 77
}

# A package's complaint is shown by apt_private itself; afterwards the lab cannot run here.
lab_unpack() { # PACKAGE DIRECTORY
    say "fetching $1"
    apt_private_unpack "$1" "$2" || unavailable "no package $1"
}

# Debian's newest kernel with DRM_ACCEL and ROCKCHIP_IOMMU, or the version named.
lab_choose_kernel() { # VERSION or nothing; prints the version
    local wanted=${1:-} name version config
    for name in $(apt_private_names '^linux-base-[0-9.]+\+deb[0-9]+-arm64$' | tac); do
        version=${name#linux-base-}
        [ -z "$wanted" ] || [ "$wanted" = "$version" ] || continue
        lab_unpack "$name" "$lab_cache/$version.new"
        config=$lab_cache/$version.new/usr/lib/modules/$version/config
        if grep -q '^CONFIG_DRM_ACCEL=y' "$config" && grep -q '^CONFIG_ROCKCHIP_IOMMU=y' "$config"; then
            echo "$version"
            return
        fi
        say "$version comes without the accel framework"
        rm -rf "$lab_cache/$version.new"
    done
    unavailable "no kernel ${wanted:-} with DRM_ACCEL and ROCKCHIP_IOMMU among Debian's"
}

lab_fetch_debian_kernel() { # VERSION or nothing
    local version=${1:-} unpacked package
    [ -n "$version" ] || version=$(cat "$lab_cache/newest" 2>/dev/null || true)
    if [ -z "$version" ] || [ ! -e "$lab_cache/$version" ]; then
        mkdir -p "$lab_cache"
        apt_private_init arm64 trixie-backports || unavailable "no package index of trixie-backports"
        version=$(lab_choose_kernel "$version")
        unpacked=$lab_cache/$version.new
        lab_unpack "linux-binary-$version" "$unpacked"
        say "fetching linux-modules-$version"
        package=$(apt_private_fetch "linux-modules-$version") || unavailable "no package linux-modules-$version"
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$unpacked" --wildcards '*/drivers/gpu/drm/*.ko.xz' \
            '*/drivers/accel/*.ko.xz'
        rm -rf "${lab_cache:?}/$version"
        mv "$unpacked" "$lab_cache/$version"
        [ -n "${1:-}" ] || echo "$version" >"$lab_cache/newest"
    fi
    kernel_name=$version
    kernel_modules=$lab_cache/$version/usr/lib/modules/$version
    kernel_image=$kernel_modules/vmlinuz
}

lab_fetch_kernel() {
    if [ -d "${1:-}" ]; then # a kernel tree that somebody has built
        kernel_modules=$(cd "$1" && pwd)
        kernel_image=$kernel_modules/arch/arm64/boot/Image
        [ -e "$kernel_image" ] || die "$1 holds no arch/arm64/boot/Image; build it with: make ARCH=arm64 Image modules"
        kernel_name=$(cat "$kernel_modules/include/config/kernel.release")
    else
        lab_fetch_debian_kernel "${1:-}"
    fi
}

lab_fetch_busybox() {
    busybox=$lab_cache/busybox/usr/bin/busybox
    [ ! -e "$busybox" ] || return 0
    apt_private_init arm64 trixie || unavailable "no package index of trixie"
    lab_unpack busybox-static "$lab_cache/busybox"
}

lab_find_module() { # NAME; prints its file below the kernel, nothing when it is built in
    find "$kernel_modules" -name "$1.ko" -o -name "$1.ko.xz" | head -n 1
}

lab_rocket_module() {
    local shipped
    shipped=$(lab_find_module rocket)
    if [ -n "$shipped" ]; then
        echo "$shipped"
    else
        "$root/scripts/build-rocket.sh" --kernel "$kernel_name" --no-install
    fi
}
