#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The live oracle: unmodified Mesa Teflon (Debian's arm64 build, under user-mode QEMU) compiles seeded random convolutions
# and runs them on our shim; TFLite on the CPU computes the same. Every output must agree within one code.
#
#   scripts/oracle.sh [--models COUNT] [--seed N] [--shim FILE]
#
# Exit 0: all agree. 1: one does not. 77: apt could not give a package, and has said so.
# shellcheck source=scripts/lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
. "$root/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/apt_private.sh
. "$root/scripts/lib/apt_private.sh"
# shellcheck source=scripts/lib/teflon.sh
. "$root/scripts/lib/teflon.sh"

count=64
seed=1
shim= # default: built here
while [ $# -gt 0 ]; do
    case $1 in
    --models) count=$2 ;;
    --seed) seed=$2 ;;
    --shim) shim=$2 ;;
    *) die "unknown option $1; there are --models COUNT, --seed N and --shim FILE" ;;
    esac
    shift 2 || die "an option lacks its value"
done

need_packages qemu-user-static g++-aarch64-linux-gnu googletest libfmt-dev cmake ninja-build "${teflon_packages[@]}"
teflon_get || exit 77
if [ -z "$shim" ]; then
    shim=$root/build/arm64-cross/lib/librosenblatt-shim.so
    (cd "$root" && run_quietly "$teflon_work/build.log" cmake --preset arm64-cross &&
        run_quietly "$teflon_work/build.log" cmake --build --preset arm64-cross --target rosenblatt-shim)
fi
models=$teflon_work/models-$seed
teflon_models "$models" "$count" "$seed"
# one_model FOLDER: prints a line, fails when the two do not agree.
one_model() {
    local folder=$1
    teflon_run "$folder" output_cpu0.bin -- || die "TFLite failed: $(tail -n 3 "$folder/output_cpu0.bin.log")"
    if ! teflon_run "$folder" output_npu0.bin -E LD_PRELOAD="$shim" -- "$teflon_delegate"; then
        echo "$(basename "$folder"): Mesa failed: $(tail -n 3 "$folder/output_npu0.bin.log")"
        return 1
    fi
    teflon_compare "$folder"
}

failed=0
running=0
for folder in "$models"/*; do
    if [ "$running" = "$cores" ]; then
        wait -n || failed=$((failed + 1))
        running=$((running - 1))
    fi
    one_model "$folder" &
    running=$((running + 1))
done
for ((; running > 0; running--)); do
    wait -n || failed=$((failed + 1))
done
# With a job that hangs, Mesa is told that all is well and reads old bytes, as with rocket.ko. It also proves that the
# NPU was asked at all, and not the CPU.
cp -r "$folder" "$teflon_work/hang-$seed"
folder=$teflon_work/hang-$seed
teflon_run "$folder" output_npu0.bin -E LD_PRELOAD="$shim" -E GGML_ROCKET_FAULT=hang:job=1 -- "$teflon_delegate" ||
    die "Mesa does not survive a hang: $(tail -n 3 "$folder/output_npu0.bin.log")"
teflon_compare "$folder" >/dev/null 2>&1 && die "a job that hung changed nothing: was the NPU used?"
rm -rf "$folder"
echo "$((count - failed)) of $count models agree ($(cat "$teflon_root/versions")seed $seed)"
[ "$failed" = 0 ]
