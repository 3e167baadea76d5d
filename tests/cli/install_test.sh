#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# install_test.sh BUILD-FOLDER CMAKE [LLAMA-TOOL]: makes the Debian package, unpacks it into a throw-away root and uses what
# lies there: the program, its manual pages, its completion, and the backend from a stock llama.cpp.
set -u
build=$1 cmake=$2 llama=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
expect() { "$@" >"$work/said" 2>&1 || { echo "FAILED: $*"; cat "$work/said"; failed=1; }; }

"${cmake%cmake}cpack" --config "$build/CPackConfig.cmake" -B "$work/packages" >"$work/cpack.log" 2>&1 ||
    { cat "$work/cpack.log"; exit 1; }
package=$(echo "$work"/packages/*.deb)
dpkg-deb --info "$package" | grep -E 'Package|Version|Architecture|Depends'
dpkg-deb -x "$package" "$work/root" || exit 1
prefix=$(dirname "$(dirname "$(find "$work/root" -path '*/bin/rosenblatt')")")

expect "$prefix/bin/rosenblatt" --version
expect grep -q 'GROUP="render"' "$prefix/lib/udev/rules.d/70-rosenblatt-accel.rules"
expect test -s "$prefix/share/man/man1/rosenblatt-audit.1"
if command -v groff >/dev/null; then
    for page in "$prefix"/share/man/man1/*.1; do
        expect groff -man -ww -z "$page"
        [ ! -s "$work/said" ] || { echo "FAILED: $page"; cat "$work/said"; failed=1; }
    done
fi
# shellcheck disable=SC1090
completions=$(. "$prefix/share/bash-completion/completions/rosenblatt" && COMP_WORDS=(rosenblatt aud) COMP_CWORD=1 &&
    _rosenblatt && echo "${COMPREPLY[*]}")
[ "$completions" = audit ] || { echo "FAILED: completion of 'aud' is '$completions'"; failed=1; }

if [ -n "$llama" ]; then
    backend=$(find "$work/root" -name libggml-rocket.so)
    ran=$(env -u GGML_BACKEND_PATH "$prefix/bin/rosenblatt" run -- printenv GGML_BACKEND_PATH)
    [ "$(realpath "$ran")" = "$(realpath "$backend")" ] || { echo "FAILED: rosenblatt run set '$ran'"; failed=1; }
    expect test -x "$prefix/libexec/rosenblatt/rosenblatt-profile"
    GGML_BACKEND_PATH=$backend GGML_ROCKET_DEVICE=emulator "$llama" --list-devices >"$work/devices" 2>&1
    grep -q ROCKET0 "$work/devices" || { echo "FAILED: no ROCKET0"; cat "$work/devices"; failed=1; }
    grep ROCKET0 "$work/devices"
    expect grep -qx "GGML_BACKEND_PATH=${backend#"$work/root"}" "$prefix/lib/environment.d/60-rosenblatt.conf"
fi
exit $failed
