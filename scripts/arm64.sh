#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything for the board's architecture, built and tested on any machine: Debian's cross compiler, libraries of
# Debian's arm64 in a folder of the cache (nothing foreign is installed), tests under user-mode QEMU.
#
#   scripts/arm64.sh [CTEST ARGS]       default: -L unit
#
# Exit 0: built, tests passed, `rosenblatt replay` agrees with the recorded vectors. 77: apt could not give a library.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/packages.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/apt_private.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/arm64_root.sh"

log=$root/build/logs/arm64.log

need_all_packages
need_packages qemu-user-static gcc-aarch64-linux-gnu g++-aarch64-linux-gnu googletest

arm64_root_get || exit 77
ROSENBLATT_LLAMA_DIR= # ours is for this machine; scripts/lab.sh llama builds one for arm64
[ ! -e "$cache/llama-arm64/bin/libggml-base.so" ] || ROSENBLATT_LLAMA_DIR=$cache/llama-arm64
export ROSENBLATT_LLAMA_DIR
say "rosenblatt: building preset arm64-cross with $cores jobs; log in $log"
run_quietly "$log" cmake -S "$root" --preset arm64-cross -DROSENBLATT_ARM64_ROOT="$arm64_root" \
    -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
run_quietly "$log" cmake --build "$root/build/arm64-cross" -j "$cores"

[ $# -gt 0 ] || set -- -L unit
ctest --test-dir "$root/build/arm64-cross" --output-on-failure --no-label-summary --no-tests=error -j "$cores" "$@"
for vector in "$root"/tests/data/mesa-conv/*/; do
    qemu-aarch64-static -L /usr/aarch64-linux-gnu "$root/build/arm64-cross/bin/rosenblatt" replay "$vector" >>"$log" ||
        die "rosenblatt for arm64 does not compute $vector as TFLite does"
done
echo "rosenblatt for arm64 replays all $(find "$root/tests/data/mesa-conv" -mindepth 1 -maxdepth 1 -type d | wc -l) recorded vectors"
