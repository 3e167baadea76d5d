#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One command: every speed figure this machine can give, into benchmarks/results/*.json and benchmarks/speed.md.
#
#   scripts/bench.sh [--shape qwen2.5-1.5b|small|tiny] [--depths 0,4096,16384] [--only plan,emulator,kernels,prefill,llama]
# The model is made of random weights (rosenblatt make-model) and quantised to Q4_K_M; what it says does not matter here.
# NPU times are modelled (docs/timing.md); host times are this machine's. Leave it alone meanwhile.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/packages.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/house.sh"

need_all_packages
ROSENBLATT_LLAMA_DIR=$("$root/scripts/get_llama.sh")
export ROSENBLATT_LLAMA_DIR
build_house release
write_env release
exec python3 "$root/scripts/lib/bench.py" --build "$root/build/release" --llama "$ROSENBLATT_LLAMA_DIR" "$@"
