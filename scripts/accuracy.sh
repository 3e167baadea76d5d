#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One command: perplexity and KL divergence of every pipeline against the CPU, into benchmarks/accuracy.{md,json}.
#
#   scripts/accuracy.sh [--gguf FILE...] [--chunks N] [--context N] [--text FILE]   (--help for all)
# Exits 1 when a limit does not hold. The NPU is the emulated one unless --device names another: the results are the same bits.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/packages.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/house.sh"

need_all_packages
ROSENBLATT_LLAMA_DIR=$("$root/scripts/get_llama.sh")
export ROSENBLATT_LLAMA_DIR
build_house release -DROSENBLATT_TESTS=OFF
write_env release
exec python3 "$root/scripts/lib/accuracy.py" --llama-bin "$ROSENBLATT_LLAMA_DIR/bin" \
    --backend "$root/build/release/lib/libggml-rocket.so" "$@"
