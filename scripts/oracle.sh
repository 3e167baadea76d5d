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
work=$cache/oracle
arm=$work/root
teflon=$arm/usr/lib/teflon/libteflon.so

need_packages qemu-user-static gcc-aarch64-linux-gnu g++-aarch64-linux-gnu googletest libfmt-dev cmake ninja-build

# Everything the two packages need, unpacked side by side: a root for QEMU, not for the machine.
get_packages() {
    apt_private_init arm64 sid || return 1
    local stamp packages package
    stamp="$(apt_private_version mesa-teflon-delegate) $(apt_private_version libtensorflow-lite2.14.1)"
    [ "$(cat "$work/unpacked" 2>/dev/null)" = "$stamp" ] && return 0
    rm -rf "$arm"
    packages=$(apt-cache "${APT_PRIVATE_OPTIONS[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts \
        --no-breaks --no-replaces --no-enhances mesa-teflon-delegate libtensorflow-lite2.14.1 |
        grep -E '^[a-z0-9]' | grep -v gconv | sort -u)
    for package in $packages; do
        say "unpacking $package"
        apt_private_unpack "$package" "$arm" || { say "apt has no $package"; return 1; }
    done
    [ -e "$arm/lib" ] || ln -s usr/lib "$arm/lib"
    echo "$stamp" >"$work/unpacked"
}

build() {
    if [ -z "$shim" ]; then
        shim=$root/build/arm64-cross/lib/librosenblatt-shim.so
        (cd "$root" && run_quietly "$work/build.log" cmake --preset arm64-cross &&
            run_quietly "$work/build.log" cmake --build --preset arm64-cross --target rosenblatt-shim)
    fi
    local library
    library=$(find "$arm/usr/lib" -name 'libtensorflow-lite.so.*' | head -1)
    [ -n "$library" ] || die "no TensorFlow Lite below $arm"
    run_quietly "$work/build.log" aarch64-linux-gnu-gcc -O2 -Wall "$root/scripts/oracle/run_model.c" -o "$work/run_model" \
        "$library" -ldl -Wl,--allow-shlib-undefined
}

run_model() { # run_model [-E VARIABLE=VALUE ...] -- FOLDER OUTPUT [DELEGATE]
    local environment=()
    while [ "$1" != -- ]; do environment+=("$1"); shift; done
    timeout 300 qemu-aarch64-static -L "$arm" "${environment[@]}" \
        -E LD_LIBRARY_PATH="$arm/usr/lib/aarch64-linux-gnu" \
        "$work/run_model" "$2/model.tflite" "$2/input0.bin" "$2/$3" "${@:4}" >"$2/$3.log" 2>&1
}

# Says how far the two outputs of a folder are apart; fails when that is more than one code.
compare() {
    python3 - "$1" <<'PYTHON'
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
cpu, npu = ((folder / name).read_bytes() for name in ("output_cpu0.bin", "output_npu0.bin"))
if len(cpu) != len(npu):
    sys.exit(f"{folder.name}: {len(npu)} bytes instead of {len(cpu)}")
worst = max(abs(a - b) for a, b in zip(cpu, npu))
exact = sum(a == b for a, b in zip(cpu, npu))
print(f"{folder.name}: {100 * exact / len(cpu):.2f} % exact, largest difference {worst}")
sys.exit(worst > 1 or exact < 0.7 * len(cpu))
PYTHON
}

mkdir -p "$work"
get_packages || exit 77
build
models=$work/models-$seed
rm -rf "$models"
python3 "$root/scripts/oracle/models.py" "$models" "$count" "$seed"
failed=0
for folder in "$models"/*; do
    run_model -- "$folder" output_cpu0.bin || die "TFLite failed: $(tail -n 3 "$folder/output_cpu0.bin.log")"
    if ! run_model -E LD_PRELOAD="$shim" -- "$folder" output_npu0.bin "$teflon"; then
        echo "$(basename "$folder"): Mesa failed: $(tail -n 3 "$folder/output_npu0.bin.log")"
        failed=$((failed + 1))
    elif ! compare "$folder"; then
        failed=$((failed + 1))
    fi
done
# With a job that hangs, Mesa is told that all is well and reads old bytes, as with rocket.ko. It also proves that the
# NPU was asked at all, and not the CPU.
cp -r "$folder" "$work/hang-$seed"
folder=$work/hang-$seed
run_model -E LD_PRELOAD="$shim" -E GGML_ROCKET_FAULT=hang:job=1 -- "$folder" output_npu0.bin "$teflon" ||
    die "Mesa does not survive a hang: $(tail -n 3 "$folder/output_npu0.bin.log")"
compare "$folder" >/dev/null 2>&1 && die "a job that hung changed nothing: was the NPU used?"
rm -rf "$folder"
echo "$((count - failed)) of $count models agree ($(cat "$work/unpacked"), seed $seed)"
[ "$failed" = 0 ]
