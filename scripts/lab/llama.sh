# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: MIT
# The llama verb: the pinned llama.cpp and our backend, cross-compiled, write the same text twice: in the guest on the
# real driver, and here under qemu-user on the emulated kernel. Source it after common.sh and llama_source.sh.

# One CPU variant for both runs, the plainest: TCG translates it fastest, and equal code gives equal text.
llama_targets=(llama-completion ggml-cpu)
llama_arm64=$cache/llama-arm64 # always the newest

# lab_get_llama: builds it once per machine and compiler.
lab_get_llama() {
    local key source prefix options
    # Most of it is parsers that one text never enters: built at -O1 all is there in two thirds of the time.
    mapfile -t options < <(llama_options OFF -DGGML_NATIVE=OFF -DGGML_CPU_ARM_ARCH=armv8-a -DGGML_OPENMP=OFF \
        "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG")
    key=$({ printf '%s\n' "${options[@]}" "${llama_targets[@]}"; aarch64-linux-gnu-g++ --version; } | sha256sum | cut -c1-12)
    source=$cache/llama.cpp-$llama_tag-${llama_tree:0:12}
    prefix=$source-arm64-$key
    if [ ! -d "$source" ]; then # get_llama.sh may be at it too
        exec 8>"$cache/lock"
        flock 8
        get_source "$source"
        exec 8>&-
    fi
    exec 8>"$cache/lab/llama-lock"
    flock 8
    if [ ! -d "$prefix" ]; then
        say "llama.cpp: building ${llama_targets[*]} for arm64 (3 to 8 minutes on 2 cores); log in $prefix.build.log"
        llama_build "$source" "$prefix" -DCMAKE_TOOLCHAIN_FILE="$root/cmake/arm64-cross.cmake" \
            -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "${options[@]}" -- "${llama_targets[@]}"
    fi
    exec 8>&-
    ln -sfn "$prefix" "$llama_arm64"
}

llama_model=rosenblatt-kjv-f16.gguf
llama_words=(-c 256 -n 24 --temp 0 --seed 1 -no-cnv -t 1 --no-warmup -p "And the LORD said")
# Every matmul to the NPU, and one clock for both runs: the cost model must not choose differently.
llama_environment=(GGML_ROCKET_MIN_M=1 GGML_ROCKET_CLOCK_MHZ=600)

# llama.cpp's logger, which prints the text too, may lose its last lines when the program ends, on a busy machine several
# times over: both sides ask again.
llama_last_words='graphs reused' llama_attempts=20

# llama_here TEXT STATS: the run under qemu-user.
llama_here() {
    local _
    for _ in $(seq $llama_attempts); do
        llama_here_once "$@"
        ! grep -q "$llama_last_words" "$1.log" || break
    done
}

llama_here_once() {
    env "${llama_environment[@]}" GGML_ROCKET_DEVICE=emulator GGML_ROCKET_STATS="$2" \
        GGML_BACKEND_PATH="$root/build/arm64-cross/lib/libggml-rocket.so" \
        qemu-aarch64-static -L "$arm64_sysroot" "$llama_arm64/bin/llama-completion" \
        -m "$root/models/$llama_model" "${llama_words[@]}" >"$1" 2>"$1.log" </dev/null ||
        { tail -n 20 "$1.log" >&2; die "llama-completion failed under qemu-aarch64-static; see $1.log"; }
}

llama_guest() {
    local file words
    guest_new llama
    for file in "$llama_arm64"/bin/{llama-completion,lib*.so*} "$root/build/arm64-cross/lib/libggml-rocket.so" \
        "$root/models/$llama_model"; do
        guest_add "$file" llama
    done
    guest_add_libraries "$arm64_sysroot/lib" "$guest_root"/llama/{llama-completion,*.so*}
    printf -v words '%q ' "${llama_words[@]}"
    guest_job <<END
cd /llama
export ${llama_environment[*]} GGML_ROCKET_DEVICE=/dev/accel/accel0 GGML_ROCKET_STATS=/tmp/stats
export GGML_BACKEND_PATH=/llama/libggml-rocket.so
for try in \$(seq $llama_attempts); do
    ./llama-completion -m $llama_model $words >/tmp/text 2>/tmp/log </dev/null
    status=\$?
    ! grep -q '$llama_last_words' /tmp/log || break
done
[ \$status = 0 ] || show /tmp/log
echo \$try >/tmp/runs
show /tmp/runs
show /tmp/text
show /tmp/stats
sh -c "exit \$status"
END
}

verb_llama() {
    local here=$root/build/lab/llama-here
    rm -f "$here".{text,stats}
    llama_here "$here.text" "$here.stats" &
    llama_guest
    guest_npu="clock-mhz=600${guest_npu:+,$guest_npu}"
    guest_run 900 || die "llama-completion failed in the guest; see $guest_log"
    wait $! || exit 1
    require_three_cores
    guest_block text >"$root/build/lab/llama-guest.text"
    guest_block stats >"$root/build/lab/llama-guest.stats"
    "$root/scripts/lab/compare_llama.py" "$here" "$root/build/lab/llama-guest" "$guest_stats" "$(guest_block runs)"
}
