#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The libFuzzer programs of tests/fuzz, with clang, AddressSanitizer and UBSan, from inputs made of what the
# repository holds (tests/fuzz/corpus.cpp) and of every stream the emulator's own tests run.
#
#   scripts/fuzz.sh smoke                          all of them, a minute together
#   scripts/fuzz.sh run [--cpu-seconds N] [NAME..] each until it has used N seconds of CPU (600), one thread
#   scripts/fuzz.sh coverage                       lines of src/regcmd and src/emulator that the inputs reach
#
# Exit 0: clean. 1: something was found; the input lies in build/fuzz/found. 77: no clang with libFuzzer here.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

names=(fuzz_stream fuzz_assemble fuzz_manifest fuzz_gguf fuzz_ioctl fuzz_shapes)
work=$root/build/fuzz
log=$root/build/logs/fuzz.log
made=$work/inputs # from the repository alone
kept=$work/kept   # what fuzzing found worth keeping

need_clang() {
    if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
        clang++ -x c++ -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null; then
        say "no clang++ with libFuzzer here: apt-get install clang libclang-rt-dev"
        exit 77
    fi
}

build() { # PRESET
    say "rosenblatt: building preset $1; log in $log"
    run_quietly "$log" cmake -S "$root" --preset "$1" \
        -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
    run_quietly "$log" cmake --build "$root/build/$1" -j "$cores" --target fuzz_corpus "${names[@]}"
}

# make_inputs BUILD: the same files whenever the tree is the same.
make_inputs() {
    local tests=${ROSENBLATT_CORPUS_BUILD:-$root/build/dev}
    rm -rf "$made"
    LLVM_PROFILE_FILE=/dev/null "$1/bin/fuzz_corpus" "$made"
    if [ ! -x "$tests/bin/unit_emulator" ]; then
        run_quietly "$log" cmake -S "$root" -B "$tests" --preset dev
        run_quietly "$log" cmake --build "$tests" -j "$cores" --target unit_emulator
    fi
    # The random ones would drown the rest, and fuzzing finds their like by itself.
    ROSENBLATT_FUZZ_CORPUS=$made/fuzz_stream run_quietly "$log" \
        "$tests/bin/unit_emulator" --gtest_brief=1 --gtest_filter='-RandomStreams.*'
}

# fuzz NAME SECONDS [OPTIONS...]: real seconds, one thread. A slow machine is no finding, hence the timeout.
fuzz() {
    local name=$1 seconds=$2
    shift 2
    mkdir -p "$kept/$name" "$work/found"
    ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} "$work/bin/$name" -max_total_time="$seconds" -timeout=120 \
        -rss_limit_mb=4096 -max_len=16384 -artifact_prefix="$work/found/$name-" -print_final_stats=1 "$@" \
        "$kept/$name" "$made/$name" >"$work/$name.log" 2>&1
}

report() { # NAME: what the last run says
    awk -v name="$1" '/stat::number_of_executed_units/ { runs = $2 } /^#[0-9]+.*cov: / { for (i = 1; i < NF; i++)
        if ($i == "cov:") edges = $(i + 1) } END { printf "%-14s %10d runs, %6d edges", name, runs, edges }' "$work/$1.log"
}

failed() { # NAME
    echo "$1 found something:"
    grep -aE 'ERROR|SUMMARY|not so:|runtime error|Test unit written' "$work/$1.log" | head -n 8
    echo "again: $work/bin/$1 FILE; whole log: $work/$1.log"
    exit 1
}

# From a fixed seed: CI tells whether this tree broke something, not whether it had luck today.
smoke() {
    build fuzz
    make_inputs "$work"
    local name
    for name in "${names[@]}"; do
        fuzz "$name" $((60 / ${#names[@]})) -seed=1 || failed "$name"
        echo "$(report "$name"), clean"
    done
}

# Sets `cpu` to the seconds of CPU that this shell's children have used; real time says little on a busy machine.
count_cpu() {
    times >"$work/times"
    cpu=$(tr -d s <"$work/times" | awk 'NR == 2 { split($1, u, "m"); split($2, k, "m"); print int((u[1] + k[1]) * 60 + u[2] + k[2]) }')
}

run() {
    local limit=600 name
    if [ "${1:-}" = --cpu-seconds ]; then limit=$2; shift 2; fi
    build fuzz
    make_inputs "$work"
    for name in "${@:-${names[@]}}"; do
        (
            count_cpu
            while [ "$cpu" -lt "$limit" ]; do
                left=$((limit - cpu))
                fuzz "$name" $((left < 120 ? left : 120)) || failed "$name"
                count_cpu
            done
            echo "$(report "$name") in the last part; clean for $cpu CPU seconds"
        ) || exit 1
    done
}

# Of the variants for instruction sets, those this CPU has none of: no input reaches them here.
foreign_variants() {
    local flags names=(neon)
    flags=" $(grep -m 1 '^flags' /proc/cpuinfo || true) "
    [ "$(uname -m)" = aarch64 ] && names=(avx2)
    [[ $flags == *" avx512vl "* ]] || names+=(avx512)
    [[ $flags == *" avx_vnni "* ]] || names+=(avx_vnni 'int8_bytes\.inc')
    local IFS='|'
    echo "mac_(int8_|real_)?(${names[*]})"
}

coverage() {
    build fuzz-coverage
    local build=$root/build/fuzz-coverage name objects=() total
    local other_rooms='base|npu|cli|compile|matmul|quant|rocket|emukernel'
    make_inputs "$build"
    rm -f "$build"/*.profraw
    for name in "${names[@]}"; do
        LLVM_PROFILE_FILE=$build/$name.profraw "$build/bin/$name" -runs=0 -timeout=300 -rss_limit_mb=0 "$made/$name" \
            >"$build/$name.log" 2>&1 || die "$name failed: $(tail -n 3 "$build/$name.log")"
        objects+=(-object "$build/bin/$name")
    done
    llvm-profdata merge -sparse "$build"/*.profraw -o "$build/all.profdata"
    llvm-cov report -instr-profile "$build/all.profdata" "${objects[@]}" \
        -ignore-filename-regex="(^|/)(tests|usr|generated)/|src/($other_rooms)/|$(foreign_variants)" |
        awk '/^[-A-Za-z.\/].*%/ || /^TOTAL/ { printf "%-34s %6s lines %6s missed  %7s\n", $1, $8, $9, $10 }' |
        tee "$build/coverage.txt"
    total=$(awk '/^TOTAL/ { print int($NF) }' "$build/coverage.txt")
    [ "$total" -ge 85 ] || die "the inputs reach $total % of the lines of src/regcmd and src/emulator, not 85"
}

need_clang
verb=${1:-}
shift || true
case $verb in
smoke | run | coverage) "$verb" "$@" ;;
*) die "usage: scripts/fuzz.sh smoke | run [--cpu-seconds N] [NAME ...] | coverage" ;;
esac
