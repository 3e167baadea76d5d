# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Builds Rosenblatt itself and writes build/env. Source it after common.sh.

# build_house PRESET [CMAKE OPTIONS...]: configures and builds build/PRESET with the llama.cpp in $ROSENBLATT_LLAMA_DIR.
build_house() {
    local preset=$1 log=$root/build/logs/$1.log
    shift
    rm -f "$log"
    say "rosenblatt: building preset $preset with $cores jobs; log in $log"
    run_quietly "$log" cmake -S "$root" --preset "$preset" \
        -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
    run_quietly "$log" cmake --build "$root/build/$preset" -j "$cores"
}

# write_env PRESET: build/env for POSIX shells; the preset built last is the one it names.
write_env() {
    local preset=$1
    cat >"$root/build/env" <<ENV
# . build/env: rosenblatt and the pinned llama.cpp on PATH, the backend named to llama.cpp (made by scripts/)
export PATH='$root/build/$preset/bin:$ROSENBLATT_LLAMA_DIR/bin':"\$PATH"
export GGML_BACKEND_PATH='$root/build/$preset/lib/libggml-rocket.so'
export ROSENBLATT_LLAMA_DIR='$ROSENBLATT_LLAMA_DIR'
ENV
}
