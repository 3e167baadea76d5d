#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# library_test.sh PACKAGE-FOLDER CMAKE CXX: builds the example against nothing but an installed package, by CMake and by
# pkg-config, and runs it on the emulated NPU.
set -u
packages=$1 cmake=$2 cxx=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/package_root.sh"
package_root "$packages" "$work/root"
example=$package_prefix/share/doc/rosenblatt/examples/matmul
library=$(dirname "$(find "$work/root" -name librosenblatt.so)")

# Nothing but the three verbs' own names leaves the library.
strangers=$(nm -DC --defined-only "$library/librosenblatt.so" | awk '$2 == "T"' |
    grep -vE ' rosenblatt::((Npu|Matrix)::|multiply\()' || true)
[ -z "$strangers" ] || fail "exported: $strangers"

expect "$cmake" -S "$example" -B "$work/build" -DCMAKE_PREFIX_PATH="$package_prefix" -DCMAKE_CXX_COMPILER="$cxx"
expect "$cmake" --build "$work/build"
expect env GGML_ROCKET_DEVICE=emulator "$work/build/matmul"
cat "$work/said"
expect env GGML_ROCKET_DEVICE=emulator GGML_ROCKET_FAULT='flip:job=1,bit=9' "$work/build/matmul"
grep -E ' [1-9][0-9]* wrong' "$work/said" || fail "an injected fault was not counted: $(cat "$work/said")"
GGML_ROCKET_DEVICE=/nonexistent "$work/build/matmul" 2>"$work/said" && fail "it ran on a device that is not there"
grep -q /nonexistent "$work/said" || fail "the missing device is not named: $(cat "$work/said")"

if command -v pkg-config >/dev/null; then
    # shellcheck disable=SC2046
    expect "$cxx" -std=c++20 -o "$work/matmul" "$example/main.cpp" \
        $(PKG_CONFIG_PATH="$library/pkgconfig" pkg-config --cflags --libs rosenblatt)
    expect env LD_LIBRARY_PATH="$library" GGML_ROCKET_DEVICE=emulator "$work/matmul"
else
    echo "pkg-config is not installed: its half was not run"
fi
exit $failed
