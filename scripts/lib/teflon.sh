# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# Unmodified Mesa Teflon and TensorFlow Lite of Debian's newest suite for arm64, and how far two outputs are apart.
# Source it after common.sh, packages.sh and apt_private.sh.
#   teflon_get || exit 77      sets teflon_root, teflon_libraries, teflon_delegate and teflon_runner
#   teflon_models FOLDER COUNT SEED
#   teflon_compare FOLDER      one line; fails when output_npu0.bin is more than one code from output_cpu0.bin

teflon_work=$cache/oracle
teflon_root=$teflon_work/root
teflon_libraries=$teflon_root/usr/lib/aarch64-linux-gnu
teflon_delegate=$teflon_root/usr/lib/teflon/libteflon.so
teflon_runner=$teflon_work/run_model # run_model MODEL INPUT OUTPUT [DELEGATE]
teflon_packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)

teflon_get() {
    mkdir -p "$teflon_work"
    exec 7>"$teflon_work/lock"
    flock 7 # two scripts at once: the second waits, then finds the work done
    [ -e "$teflon_root/versions" ] || say "fetching Mesa Teflon and TensorFlow Lite"
    apt_private_init arm64 sid || return 1
    apt_private_unpack_all "$teflon_root" mesa-teflon-delegate libtensorflow-lite2.14.1 || return 1
    local library
    library=$(find "$teflon_libraries" -name 'libtensorflow-lite.so.*' | head -1)
    [ -n "$library" ] || die "no TensorFlow Lite below $teflon_root"
    run_quietly "$teflon_work/build.log" aarch64-linux-gnu-gcc -O2 -Wall "$root/scripts/oracle/run_model.c" \
        -o "$teflon_runner" "$library" -ldl -Wl,--allow-shlib-undefined
    exec 7>&-
}

teflon_models() {
    rm -rf "$1"
    python3 "$root/scripts/oracle/models.py" "$@"
}

# teflon_run FOLDER OUTPUT [-E VARIABLE=VALUE ...] -- [DELEGATE]: runs the folder's model under user-mode QEMU.
teflon_run() {
    local folder=$1 output=$2 environment=()
    shift 2
    while [ "$1" != -- ]; do environment+=("$1"); shift; done
    shift
    timeout 300 qemu-aarch64-static -L "$teflon_root" "${environment[@]}" -E LD_LIBRARY_PATH="$teflon_libraries" \
        "$teflon_runner" "$folder/model.tflite" "$folder/input0.bin" "$folder/$output" "$@" >"$folder/$output.log" 2>&1
}

teflon_compare() {
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
