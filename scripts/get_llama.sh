#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Gets and builds the pinned llama.cpp, once per machine and compiler; prints the folder it is in.
#
# That folder holds bin/ (tools and libraries), include/ (public headers) and src (the source, with ggml's own
# headers in src/ggml/src). The link .../rosenblatt/llama always names the newest one: CMake finds it there.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/packages.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/llama_source.sh"
source "$(dirname "${BASH_SOURCE[0]}")/lib/llama_build.sh"

targets=(llama-completion llama-cli llama-bench llama-perplexity llama-quantize llama-server llama-tokenize
         ggml-rpc-server test-backend-ops)

# ggml's CPU backend as a module is built for the instruction sets named, as in ggml's own release variants:
# GGML_NATIVE excludes GGML_BACKEND_DL on x86, and -march=native would add fp16 accumulation (AVX512-FP16), which
# no release variant has. Here: every set it knows that this compiler uses for this machine.
x86_sets="SSE42:__SSE4_2__ F16C:__F16C__ FMA:__FMA__ BMI2:__BMI2__ AVX:__AVX__ AVX2:__AVX2__ AVX_VNNI:__AVXVNNI__
    AVX512:__AVX512BW__ AVX512_VBMI:__AVX512VBMI__ AVX512_VNNI:__AVX512VNNI__ AVX512_BF16:__AVX512BF16__
    AMX_TILE:__AMX_TILE__ AMX_INT8:__AMX_INT8__"

instruction_set_options() {
    if [ "$(uname -m)" != x86_64 ]; then
        echo -DGGML_NATIVE=ON
        return
    fi
    local macros pair
    macros=$("${CC:-cc}" -march=native -dM -E -x c /dev/null)
    echo -DGGML_NATIVE=OFF
    for pair in $x86_sets; do
        if grep -q "define ${pair#*:} " <<<"$macros"; then
            echo "-DGGML_${pair%:*}=ON"
        else
            echo "-DGGML_${pair%:*}=OFF"
        fi
    done
}

# What this machine's compiler makes of "native": on Arm the option above does not say it.
native_flags() { "${CC:-cc}" -march=native -Q --help=target 2>/dev/null | grep -E 'march=|mcpu=|enabled' || true; }

mapfile -t instruction_sets < <(instruction_set_options)
mapfile -t options < <(llama_options ON -DGGML_RPC=ON "${instruction_sets[@]}")
key=$({ printf '%s\n' "${options[@]}" "${targets[@]}"; "${CXX:-c++}" --version; native_flags; } | sha256sum | cut -c1-12)
source=$cache/llama.cpp-$llama_tag-${llama_tree:0:12}
prefix=$source-$key

check_user_checkout
if [ ! -d "$prefix" ]; then
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9 # two scripts at once: the second waits, then finds the work done
    get_source "$source"
    if [ ! -d "$prefix" ]; then
        say "llama.cpp: building ${#targets[@]} programs with $cores jobs (5 to 12 minutes on 2 cores); log in $prefix.build.log"
        llama_build "$source" "$prefix" "${options[@]}" -- "${targets[@]}"
    fi
fi
ln -sfn "$prefix" "$cache/llama"
echo "$prefix"
