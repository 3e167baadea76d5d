#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds drivers/accel/rocket out of tree for a distribution kernel that comes without it, from that
# distribution's own kernel source and headers, and installs it. Nothing of the kernel is kept in this repository.
. "$(dirname "$0")/lib/common.sh"
. "$root/scripts/lib/apt_private.sh"

usage() {
    cat <<'END'
usage: scripts/build-rocket.sh [--kernel VERSION] [--dkms] [--no-install] [--source TREE] [--headers DIR]
  --kernel VERSION  as `uname -r` prints it; default: the running kernel on arm64, elsewhere Debian's newest arm64 one
  --dkms            install the source for DKMS, which rebuilds it for every later kernel
  --no-install      only build
  --source TREE     a kernel tree of your own instead of the distribution's linux-source package
  --headers DIR     a prepared build folder (kbuild) instead of the distribution's linux-headers packages
Prints the path of rocket.ko. Exit 77 when a package cannot be had.
END
}

suites=(trixie-backports)  # where Debian keeps kernels that have the accel framework (7.3 and later)
kernel='' dkms=no install=yes source_tree='' headers=''
while [ $# -gt 0 ]; do
    case $1 in
    --kernel) kernel=${2:?--kernel needs a version} && shift ;;
    --source) source_tree=${2:?--source needs a folder} && shift ;;
    --headers) headers=${2:?--headers needs a folder} && shift ;;
    --dkms) dkms=yes ;;
    --no-install) install=no ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done
unavailable() {
    say "build-rocket: $*"
    exit 77
}

native=no
[ "$(uname -m)" != aarch64 ] || native=yes
if [ -z "$kernel" ] && [ $native = yes ]; then kernel=$(uname -r); fi
if [ -z "$kernel" ]; then
    apt_private_init arm64 "${suites[@]}" || unavailable "no package index of ${suites[*]}"
    kernel=$(apt_private_newest '^linux-headers-[0-9.]+\+deb[0-9]+-arm64$')
    kernel=${kernel#linux-headers-}
    [ -n "$kernel" ] || unavailable "${suites[*]} has no arm64 kernel headers; name one with --kernel"
fi
release=${kernel%%[-+]*}                    # 7.3.4
series=$(echo "$release" | cut -d. -f1,2)   # 7.3
abi=${kernel%-arm64*}                       # 7.3.4+deb13
abi=${abi%-rt}
work=$cache/rocket/$kernel
mkdir -p "$work"
exec 9>"$work/lock"
flock 9

# The kbuild folder: the one installed for the kernel on the board itself, else Debian's packages unpacked.
fetch_headers() {
    local common=$work/headers/usr/src/linux-headers-$abi-common kbuild
    headers=$work/headers/usr/src/linux-headers-$kernel
    [ ! -e "$headers/.complete" ] || return 0
    say "fetching kernel headers $kernel"
    apt_private_init arm64 "${suites[@]}" || unavailable "no package index of ${suites[*]}"
    apt_private_unpack "linux-headers-$kernel" "$work/headers" || unavailable "no headers for $kernel; give --headers"
    apt_private_unpack "linux-headers-$abi-common" "$work/headers" || unavailable "no linux-headers-$abi-common"
    # kbuild's helpers run here, so they are this machine's architecture. They may want a newer libc than it has.
    apt_private_init "$(dpkg --print-architecture)" trixie "${suites[@]}" || unavailable "no package index of trixie"
    apt_private_unpack "linux-kbuild-$abi" "$work/headers" || unavailable "no linux-kbuild-$abi"
    kbuild=$work/headers/usr/lib/linux-kbuild-$abi
    if [[ $("$kbuild/scripts/mod/modpost.real-lsb-64" 2>&1 || true) == *GLIBC_* ]]; then
        apt_private_unpack libc6 "$work/libc" || unavailable "no libc6 of trixie"
        run_with_new_libc "$kbuild/scripts/mod/modpost"
    fi
    # The folder's own Makefile names the absolute paths its package installs to.
    printf 'KBUILD_OUTPUT=%s\ninclude %s/Makefile\n' "$headers" "$common" >"$headers/Makefile"
    touch "$headers/.complete"
}

# Debian's modpost starts a helper beside it; one script does both under the unpacked libc's loader.
run_with_new_libc() {
    local program=$1 loader
    loader=$(find "$work/libc" -name 'ld-linux-*.so*' | head -n 1)
    cat >"$program" <<END
#!/bin/sh
exec "$loader" --library-path "$(dirname "$loader"):$work/libc/usr/lib/$(gcc -print-multiarch)" "$program.real-lsb-64" "\$@"
END
    chmod +x "$program"
}

fetch_source() {
    source_tree=$work/source
    [ ! -e "$source_tree/.complete" ] || return 0
    say "fetching kernel source $series"
    apt_private_init arm64 "${suites[@]}" || unavailable "no package index of ${suites[*]}"
    local of_source of_headers
    of_source=$(apt_private_version "linux-source-$series")
    of_headers=$(apt_private_version "linux-headers-$kernel")
    [ -n "$of_source" ] || unavailable "no package linux-source-$series; give --source"
    [ -z "$of_headers" ] || [ "$of_source" = "$of_headers" ] ||
        unavailable "linux-source-$series is $of_source but the headers are $of_headers; give --source, or --kernel ${of_source%%-*}..."
    apt_private_unpack "linux-source-$series" "$work/source.deb" || unavailable "no linux-source-$series"
    mkdir -p "$source_tree"
    tar -C "$source_tree" --strip-components=1 -xf "$work/source.deb/usr/src/linux-source-$series.tar.xz" \
        "linux-source-$series/drivers/accel/rocket" "linux-source-$series/include/uapi/drm/rocket_accel.h"
    rm -rf "$work/source.deb"
    touch "$source_tree/.complete"
}

# A compiler older than the kernel's lacks one option; -falign-functions is its plain form.
write_compiler() {
    local gcc=gcc
    [ $native = yes ] || gcc=aarch64-linux-gnu-gcc
    command -v $gcc >/dev/null || unavailable "no $gcc; apt install ${gcc/gnu-gcc/gnu} (package gcc-aarch64-linux-gnu)"
    cat >"$work/cc" <<END
#!/bin/bash
arguments=()
for argument in "\$@"; do
    case \$argument in -fmin-function-alignment=*) argument=-falign-functions=\${argument#*=} ;; esac
    arguments+=("\$argument")
done
exec $gcc "\${arguments[@]}"
END
    chmod +x "$work/cc"
}

build() {
    rm -rf "$work/build"
    mkdir -p "$work/build"
    cp "$source_tree"/drivers/accel/rocket/*.[ch] "$source_tree/drivers/accel/rocket/Makefile" "$work/build/"
    : >"$work/build.log"
    local arguments=(M="$work/build" ARCH=arm64 CC="$work/cc" CONFIG_DRM_ACCEL_ROCKET=m CONFIG_DEBUG_INFO_BTF_MODULES=)
    [ $native = yes ] || arguments+=(CROSS_COMPILE=aarch64-linux-gnu-)
    say "building rocket.ko for $kernel"
    run_quietly "$work/build.log" make -C "$headers" -j "$cores" "${arguments[@]}" modules
    local strip=strip
    [ $native = yes ] || strip=aarch64-linux-gnu-strip
    $strip --strip-debug -o "$work/rocket.ko" "$work/build/rocket.ko"
    grep -a -q "vermagic=$kernel " "$work/rocket.ko" || die "rocket.ko was built for another kernel: $(grep -a -o 'vermagic=[^ ]*' "$work/rocket.ko")"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_module() {
    local folder=${DESTDIR:-}/lib/modules/$kernel/updates
    as_root install -D -m 644 "$work/rocket.ko" "$folder/rocket.ko"
    if [ -n "${DESTDIR:-}" ]; then return; fi
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
    if [ -n "${DESTDIR:-}" ]; then return; fi
    command -v dkms >/dev/null || die "no dkms; apt install dkms"
    as_root dkms install "rosenblatt-rocket/$release" -k "$kernel"
}

if [ -z "$headers" ] && [ $native = yes ] && [ -e "/lib/modules/$kernel/build/Makefile" ]; then
    headers=/lib/modules/$kernel/build
fi
own=no  # what somebody points at is built every time, what a package holds once
[ -z "$source_tree$headers" ] || own=yes
[ -n "$headers" ] || fetch_headers
[ -n "$source_tree" ] || fetch_source
write_compiler
if [ $own = yes ] || [ ! -e "$work/rocket.ko" ]; then build; fi
if [ $install = yes ] && [ $dkms = yes ]; then
    install_dkms
elif [ $install = yes ] && { [ -n "${DESTDIR:-}" ] || { [ $native = yes ] && [ -d "/lib/modules/$kernel" ]; }; }; then
    install_module
elif [ $install = yes ]; then
    say "not installed: this machine does not run $kernel"
fi
echo "$work/rocket.ko"
