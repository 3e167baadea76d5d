# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# A throw-away root with the package in it. Sourced by tests: package_root FOLDER DIRECTORY, then package_prefix, and
# `expect COMMAND...` for what must hold.
failed=0
expect() { "$@" >"$work/said" 2>&1 || { echo "FAILED: $*"; cat "$work/said"; failed=1; }; }
fail() {
    echo "FAILED: $*"
    failed=1
}

# dpkg keeps its own records there; nothing of this machine is touched, no script runs. What the package needs is the
# root's business, so missing packages do not count.
package_root() {
    local package=("$1"/*.deb)
    mkdir -p "$2"/var/lib/dpkg/{info,updates}
    touch "$2"/var/lib/dpkg/{status,available}
    if [ "$(id -u)" = 0 ]; then
        dpkg --root="$2" --force-depends --log=/dev/null -i "${package[0]}" >"$2/dpkg.log" 2>&1
    else
        dpkg-deb -x "${package[0]}" "$2" # dpkg wants root even for a folder of ours
    fi || { cat "$2/dpkg.log"; exit 1; }
    package_prefix=$2/usr
    backend=$(find "$2" -name libggml-rocket.so)
}
