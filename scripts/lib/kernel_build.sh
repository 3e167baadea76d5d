# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Builds single pieces of a Debian arm64 kernel from its own packages, on any machine. Needs common.sh and
# apt_private.sh. A package that cannot be had ends the script with 77.
#   kernel_build_open 7.3.4+deb13-arm64    # sets kernel_headers (unless set) and kernel_work
#   kernel_build_source 7.3 DIRECTORY PATH...
#   kernel_build_make DIRECTORY TARGET [VARIABLE=VALUE...]

kernel_suites=(trixie-backports) # where Debian keeps kernels that have the accel framework (7.3 and later)
kernel_native=no
[ "$(uname -m)" != aarch64 ] || kernel_native=yes
kernel_headers='' kernel_work=''

unavailable() {
    say "$*"
    exit 77
}

kernel_build_open() {
    kernel_work=$cache/rocket/$1
    mkdir -p "$kernel_work"
    exec 9>"$kernel_work/lock"
    flock 9
    if [ -z "$kernel_headers" ] && [ $kernel_native = yes ] && [ -e "/lib/modules/$1/build/Makefile" ]; then
        kernel_headers=/lib/modules/$1/build
    fi
    [ -n "$kernel_headers" ] || kernel_fetch_headers "$1"
    kernel_write_compiler
}

kernel_fetch_headers() {
    local kernel=$1 abi=${1%-arm64*} unpacked=$kernel_work/headers common kbuild
    abi=${abi%-rt}
    common=$unpacked/usr/src/linux-headers-$abi-common
    kbuild=$unpacked/usr/lib/linux-kbuild-$abi
    kernel_headers=$unpacked/usr/src/linux-headers-$kernel
    [ ! -e "$kernel_headers/.complete" ] || return 0
    say "fetching kernel headers $kernel"
    apt_private_init arm64 "${kernel_suites[@]}" || unavailable "no package index of ${kernel_suites[*]}"
    apt_private_unpack "linux-headers-$kernel" "$unpacked" || unavailable "no headers for $kernel; give --headers"
    apt_private_unpack "linux-headers-$abi-common" "$unpacked" || unavailable "no linux-headers-$abi-common"
    # kbuild's helpers run here, so they are this machine's architecture. They may want a newer libc than it has.
    apt_private_init "$(dpkg --print-architecture)" trixie "${kernel_suites[@]}" || unavailable "no package index of trixie"
    apt_private_unpack "linux-kbuild-$abi" "$unpacked" || unavailable "no linux-kbuild-$abi"
    if [[ $("$kbuild/scripts/mod/modpost.real-lsb-64" 2>&1 || true) == *GLIBC_* ]]; then
        apt_private_unpack libc6 "$kernel_work/libc" || unavailable "no libc6 of trixie"
        kernel_run_with_new_libc "$kbuild/scripts/mod/modpost"
    fi
    # The folder's own Makefile names the absolute paths its package installs to.
    printf 'KBUILD_OUTPUT=%s\ninclude %s/Makefile\n' "$kernel_headers" "$common" >"$kernel_headers/Makefile"
    touch "$kernel_headers/.complete"
}

# Debian's modpost starts a helper beside it; one script does both under the unpacked libc's loader.
kernel_run_with_new_libc() {
    local program=$1 loader
    loader=$(find "$kernel_work/libc" -name 'ld-linux-*.so*' | head -n 1)
    cat >"$program" <<END
#!/bin/sh
exec "$loader" --library-path "$kernel_work/libc/usr/lib/$(gcc -print-multiarch)" "$program.real-lsb-64" "\$@"
END
    chmod +x "$program"
}

# A compiler older than the kernel's lacks one option; -falign-functions is its plain form.
kernel_write_compiler() {
    local gcc=gcc
    [ $kernel_native = yes ] || gcc=aarch64-linux-gnu-gcc
    command -v $gcc >/dev/null || unavailable "no $gcc; apt install gcc-aarch64-linux-gnu"
    cat >"$kernel_work/cc" <<END
#!/bin/bash
arguments=()
for argument in "\$@"; do
    case \$argument in -fmin-function-alignment=*) argument=-falign-functions=\${argument#*=} ;; esac
    arguments+=("\$argument")
done
exec $gcc "\${arguments[@]}"
END
    chmod +x "$kernel_work/cc"
}

# kernel_build_source SERIES DIRECTORY PATH...: unpacks these paths of linux-source-SERIES, once per list.
kernel_build_source() {
    local series=$1 directory=$2 package
    shift 2
    [ ! -e "$directory/.complete" ] || return 0
    say "fetching kernel source $series"
    apt_private_init arm64 "${kernel_suites[@]}" || unavailable "no package index of ${kernel_suites[*]}"
    package=$directory.deb
    apt_private_unpack "linux-source-$series" "$package" || unavailable "no package linux-source-$series; give --source"
    mkdir -p "$directory"
    tar -C "$directory" --strip-components=1 -xf "$package/usr/src/linux-source-$series.tar.xz" \
        "${@/#/linux-source-$series/}"
    rm -rf "$package"
    touch "$directory/.complete"
}

kernel_build_make() {
    local directory=$1 target=$2
    shift 2
    local arguments=(M="$directory" ARCH=arm64 CC="$kernel_work/cc" CONFIG_DEBUG_INFO_BTF_MODULES= "$@")
    [ $kernel_native = yes ] || arguments+=(CROSS_COMPILE=aarch64-linux-gnu-)
    : >"$kernel_work/build.log"
    run_quietly "$kernel_work/build.log" make -C "$kernel_headers" -j "$cores" "${arguments[@]}" "$target"
}
