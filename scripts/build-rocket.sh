#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds drivers/accel/rocket out of tree for a distribution kernel that comes without it, from that
# distribution's own kernel source and headers, and installs it. Nothing of the kernel is kept in this repository.
. "$(dirname "$0")/lib/common.sh"
. "$root/scripts/lib/apt_private.sh"
. "$root/scripts/lib/kernel_build.sh"

usage() {
    cat <<'END'
usage: scripts/build-rocket.sh [--kernel VERSION] [--dkms] [--no-install] [--source TREE] [--headers DIR]
  --kernel VERSION  as `uname -r` prints it; default: the running kernel on arm64, elsewhere Debian's newest arm64 one
  --dkms            install the source for DKMS, which rebuilds it for every later kernel
  --no-install      only build
  --source TREE     a kernel tree of your own instead of the distribution's linux-source package
  --headers DIR     a prepared build folder (kbuild) instead of the distribution's linux-headers packages
Prints the path of rocket.ko. DESTDIR=DIR installs below DIR. Exit 77 when a package cannot be had.
END
}

kernel='' dkms=no install=yes source_tree=''
while [ $# -gt 0 ]; do
    case $1 in
    --kernel) kernel=${2:?--kernel needs a version} && shift ;;
    --source) source_tree=${2:?--source needs a folder} && shift ;;
    --headers) kernel_headers=${2:?--headers needs a folder} && shift ;;
    --dkms) dkms=yes ;;
    --no-install) install=no ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

# The module and the headers it is built against must be of one package version.
check_versions() {
    local of_source of_headers
    apt_private_init arm64 "${kernel_suites[@]}" || unavailable "no package index of ${kernel_suites[*]}"
    of_source=$(apt_private_version "linux-source-$series")
    of_headers=$(apt_private_version "linux-headers-$kernel")
    [ -z "$of_headers" ] || [ -z "$of_source" ] || [ "$of_source" = "$of_headers" ] ||
        unavailable "linux-source-$series is $of_source, the headers of $kernel are $of_headers; give --source"
}

build() {
    rm -rf "$kernel_work/build"
    mkdir -p "$kernel_work/build"
    cp "$source_tree"/drivers/accel/rocket/*.[ch] "$source_tree/drivers/accel/rocket/Makefile" "$kernel_work/build/"
    say "building rocket.ko for $kernel"
    kernel_build_make "$kernel_work/build" modules CONFIG_DRM_ACCEL_ROCKET=m
    local strip=strip
    [ $kernel_native = yes ] || strip=aarch64-linux-gnu-strip
    $strip --strip-debug -o "$module.new" "$kernel_work/build/rocket.ko"
    grep -a -q "vermagic=$kernel " "$module.new" ||
        die "rocket.ko was built for another kernel: $(grep -a -o 'vermagic=[^ ]*' "$module.new")"
    mv "$module.new" "$module"
}

as_root() {
    if [ "$(id -u)" = 0 ] || [ -n "${DESTDIR:-}" ]; then "$@"; else sudo "$@"; fi
}

install_module() {
    as_root install -D -m 644 "$module" "${DESTDIR:-}/lib/modules/$kernel/updates/rocket.ko"
    [ -z "${DESTDIR:-}" ] || return 0
    as_root depmod "$kernel"
    say "installed; load it with: modprobe rocket"
}

install_dkms() {
    local folder=${DESTDIR:-}/usr/src/rosenblatt-rocket-$release
    as_root mkdir -p "$folder"
    as_root cp "$source_tree"/drivers/accel/rocket/*.[ch] "$source_tree/drivers/accel/rocket/Makefile" "$folder/"
    as_root tee "$folder/dkms.conf" >/dev/null <<END
PACKAGE_NAME="rosenblatt-rocket"
PACKAGE_VERSION="$release"
BUILT_MODULE_NAME[0]="rocket"
DEST_MODULE_LOCATION[0]="/updates"
MAKE[0]="make -C \$kernel_source_dir M=\$dkms_tree/\$PACKAGE_NAME/\$PACKAGE_VERSION/build CONFIG_DRM_ACCEL_ROCKET=m CONFIG_DEBUG_INFO_BTF_MODULES= modules"
CLEAN="true"
AUTOINSTALL="yes"
END
    [ -z "${DESTDIR:-}" ] || return 0
    command -v dkms >/dev/null || die "no dkms; apt install dkms"
    as_root dkms install "rosenblatt-rocket/$release" -k "$kernel"
}

own=no # what somebody points at is built every time, what a package holds once
[ -z "$source_tree$kernel_headers" ] || own=yes
if [ -z "$kernel" ] && [ $kernel_native = yes ]; then kernel=$(uname -r); fi
if [ -z "$kernel" ]; then
    apt_private_init arm64 "${kernel_suites[@]}" || unavailable "no package index of ${kernel_suites[*]}"
    kernel=$(apt_private_newest '^linux-headers-[0-9.]+\+deb[0-9]+-arm64$')
    kernel=${kernel#linux-headers-}
    [ -n "$kernel" ] || unavailable "${kernel_suites[*]} has no arm64 kernel headers; name a kernel with --kernel"
fi
release=${kernel%%[-+]*}                  # 7.3.4
series=$(echo "$release" | cut -d. -f1,2) # 7.3
kernel_build_open "$kernel"
module=$kernel_work/rocket.ko
[ $own = no ] || module=$kernel_work/own/rocket.ko # never taken for the distribution's
mkdir -p "$(dirname "$module")"
if [ -z "$source_tree" ]; then
    source_tree=$kernel_work/source
    [ -e "$source_tree/.complete" ] || check_versions
    kernel_build_source "$series" "$source_tree" drivers/accel/rocket
fi
if [ $own = yes ] || [ ! -e "$module" ]; then build; fi
if [ $install = yes ] && [ $dkms = yes ]; then
    install_dkms
elif [ $install = yes ] && { [ -n "${DESTDIR:-}" ] || { [ $kernel_native = yes ] && [ -d "/lib/modules/$kernel" ]; }; }; then
    install_module
elif [ $install = yes ]; then
    say "not installed: this machine does not run $kernel"
fi
echo "$module"
