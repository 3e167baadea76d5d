#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The lab: Debian's arm64 kernel and mainline's rocket.ko in QEMU drive our emulated NPU through real registers, page
# tables and interrupts (docs/lab.md).
# shellcheck disable=SC1090,SC2034,SC2154 # the parts below are sourced by name, and use what is set here
. "$(dirname "$0")/lib/common.sh"
. "$root/scripts/lib/packages.sh"
. "$root/scripts/lib/apt_private.sh"
. "$root/scripts/lib/llama_source.sh"
. "$root/scripts/lib/llama_build.sh"
. "$root/scripts/lib/teflon.sh"
. "$root/scripts/lib/arm64_root.sh"
for part in fetch qemu device_tree guest verbs audit llama teflon products hazard soak; do . "$root/scripts/lab/$part.sh"; done

usage() {
    cat <<'END'
usage: scripts/lab.sh VERB [--module FILE] [--kernel VERSION|TREE] [--qemu SUITE] [--iommu v1|v2] [--memory SIZE]
                      [--seconds N] [--npu NAME=VALUE,...]
  smoke   boots, runs a matmul per lane, three lanes at once
  test    runs the whole contract suite of the kernel port through the real driver
  audit   asks `rosenblatt audit` about the guest in states whose findings are known
  llama   lets llama.cpp write in the guest, and compares with the emulated kernel token for token
  teflon  lets Mesa's own driver run convolutions in the guest, and compares with TensorFlow Lite
  hazard  cuts page table addresses to 32 bits in all the ways there are, and shows what comes of it
  soak    four processes for five minutes on a device with faults, then with kill -9, then with files closed under jobs
  shell   gives a shell in the guest
  --module FILE    a rocket.ko of your own; default: the kernel's, else scripts/build-rocket.sh makes it
  --kernel ...     a Debian kernel by version, or a kernel tree that you have built; default: Debian's newest that fits
  --qemu SUITE     the QEMU of a newer Debian suite (trixie, sid), unpacked beside this machine's
  --iommu v1|v2    which IOMMU the device tree names; default v2
  --memory SIZE    the guest's memory
  --seconds N      how long soak lasts
  --npu ...        options of the device: faults, clock, truncation (docs/lab.md)
The guest's console goes to build/lab/VERB.log, what the device did to build/lab/VERB.npu.json.
Exit 77: a Debian package could not be had.
END
}

# A value that cannot work is named before anything is fetched or built.
want() { # FLAG VALUE PATTERN WORDS
    [[ $2 =~ ^($3)$ ]] || die "$1 '$2' is not $4"
}
want_module() {
    local magic=''
    [ ! -f "$1" ] || magic=$(head -c 4 "$1" | od -An -tx1 | tr -d ' ')
    [ "$magic" = 7f454c46 ] || die "--module '$1' is not a kernel module; give the rocket.ko of a build"
}

verb=${1:-}
case $verb in smoke | test | audit | llama | teflon | hazard | soak | shell) shift ;; -h | --help) usage && exit 0 ;; *) usage >&2 && exit 2 ;; esac
rocket_module='' wanted_kernel='' qemu_suite='' memory=''
while [ $# -gt 0 ]; do
    case $1 in
    --module) want_module "${2-}" && rocket_module=$(realpath "$2") ;;
    --kernel) wanted_kernel=${2:?--kernel needs a version or a folder} ;;
    --qemu) qemu_suite=${2:?--qemu needs a Debian suite} ;;
    --iommu) want "$1" "${2-}" 'v1|v2' 'v1 or v2' && guest_iommu=$2 ;;
    --memory) want "$1" "${2-}" '[1-9][0-9]*[MG]' 'a size such as 2G or 3072M' && memory=$2 guest_memory=$2 ;;
    --seconds) want "$1" "${2-}" '[1-9][0-9]*' 'a whole number of seconds from 1 up' && soak_seconds=$2 ;;
    --npu) guest_npu=${2:?--npu needs options} ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift 2
done

lab_packages=(qemu-system-arm device-tree-compiler gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross
              cpio xz-utils googletest qemu-user-static make)

# lab_build PRESET TARGET [CMAKE OPTIONS...]: a folder that is configured stays so unless options are given.
lab_build() {
    local preset=$1 target=$2 log=$root/build/logs/lab-$1.log
    shift 2
    mkdir -p "$(dirname "$log")"
    : >"$log"
    if [ $# -gt 0 ] || [ ! -e "$root/build/$preset/CMakeCache.txt" ]; then
        run_quietly "$log" cmake -S "$root" --preset "$preset" -DCMAKE_C_COMPILER_LAUNCHER=ccache \
            -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
    fi
    run_quietly "$log" cmake --build "$root/build/$preset" -j "$cores" --target "$target"
}

began=$SECONDS
(need_packages "${lab_packages[@]}") || unavailable "the lab needs: ${lab_packages[*]}"
mkdir -p "$root/build/lab"
lab_fetch_kernel "$wanted_kernel"
lab_fetch_busybox
lab_fetch_qemu "$qemu_suite"
[ -n "$rocket_module" ] || rocket_module=$(lab_rocket_module)
lab_build dev rosenblatt-qemu-npu
case $verb in
audit) audit_build ;;
llama)
    lab_get_llama
    lab_build arm64-cross ggml-rocket -DROSENBLATT_LLAMA_DIR="$llama_arm64"
    ;;
teflon) teflon_get || unavailable "no Mesa Teflon or TensorFlow Lite" ;;
hazard | soak)
    lab_build arm64-cross lab_random_matmul
    lab_build arm64-cross lab_close_under_job
    ;;
*) lab_build arm64-cross port_contract ;;
esac
npu_plugin=$root/build/dev/lib/rosenblatt-qemu-npu.so
"verb_$verb"
say "lab: $verb took $((SECONDS - began)) s"
