#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One command: builds everything, lets a small trained model write with its matmuls on the NPU, says what ran where.
#
# The NPU is the board's when one is found, else the emulated one; GGML_ROCKET_DEVICE decides when it is set.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/packages.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/house.sh"

need_all_packages
ROSENBLATT_LLAMA_DIR=$("$root/scripts/get_llama.sh")
export ROSENBLATT_LLAMA_DIR
build_house release -DROSENBLATT_TESTS=OFF
write_env release
# shellcheck disable=SC1091
source "$root/build/env"

if [ -z "${GGML_ROCKET_DEVICE:-}" ]; then
    export GGML_ROCKET_DEVICE=auto
    devices=$(llama-completion --list-devices 2>/dev/null)
    [[ $devices == *ROCKET0* ]] || GGML_ROCKET_DEVICE=emulator
fi
export GGML_ROCKET_MIN_M=${GGML_ROCKET_MIN_M:-1} # every matmul, however few its rows: this is to show, not to race
export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0 # spinning threads crawl on a machine with other work
export GGML_ROCKET_STATS=$root/build/demo-stats.json
text=$root/build/demo.txt
log=$root/build/logs/demo.log

generate() {
    rm -f "$GGML_ROCKET_STATS"
    llama-completion -m "$root/models/rosenblatt-kjv-f16.gguf" -c 256 -n 48 --temp 0 -no-cnv -p "$1" \
        >"$text" 2>"$log" </dev/null && return
    tail -n 20 "$log" >&2
    die "llama-completion failed; the whole log is in $log"
}

say "generating on GGML_ROCKET_DEVICE=$GGML_ROCKET_DEVICE"
# llama.cpp's logger, which prints the text too, may lose its last lines when the program ends: ask again.
for _ in $(seq 20); do
    generate "${1:-And the LORD said}"
    ! grep -q 'graphs reused' "$log" || break
done
cat "$text"
exec python3 "$root/scripts/lib/what_ran_where.py" "$GGML_ROCKET_STATS"
