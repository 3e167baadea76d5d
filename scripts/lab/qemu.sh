# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# Which QEMU runs the guest: this machine's, or that of another Debian suite, unpacked with the libraries it wants and
# started by its own loader. Source it after common.sh, apt_private.sh and fetch.sh.
#   lab_fetch_qemu [SUITE]   sets lab_qemu, the words to start it with

lab_qemu=(qemu-system-aarch64)

lab_fetch_qemu() {
    if [ -n "${1:-}" ]; then
        local unpacked=$lab_cache/qemu-$1 loader
        [ -e "$unpacked/versions" ] || say "fetching QEMU of $1"
        apt_private_init "$(dpkg --print-architecture)" "$1" || unavailable "no package index of $1"
        apt_private_unpack_all "$unpacked" qemu-system-arm || unavailable "no QEMU of $1"
        loader=$(find "$unpacked/usr/lib" -name 'ld-linux-*.so*' | head -n 1)
        lab_qemu=("$loader" --library-path "$unpacked/usr/lib/$(gcc -print-multiarch)" "$unpacked/usr/bin/qemu-system-aarch64"
            -L "$unpacked/usr/share/qemu")
    fi
    say "lab: $("${lab_qemu[@]}" --version | head -n 1)"
}
