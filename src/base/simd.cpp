// SPDX-License-Identifier: MIT
// What the CPU has, asked once.
#include "base/simd.hpp"

#include <initializer_list>

namespace rosenblatt {
namespace {

#if defined(__x86_64__)
bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

}  // namespace

const char* name(Simd simd) {
    switch (simd) {
        case Simd::Sse4:
            return "sse4";
        case Simd::Avx2:
            return "avx2";
        case Simd::Avx512:
            return "avx512";
        case Simd::Neon:
            return "neon";
        case Simd::Plain:
            break;
    }
    return "plain";
}

bool runs_here(Simd simd) {
    switch (simd) {
#if defined(__x86_64__)
        case Simd::Sse4:
            return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2");
        case Simd::Avx2:
            return has_avx2();
        case Simd::Avx512:
            return has_avx512();
#elif defined(__aarch64__)
        case Simd::Neon:
            return true;
#endif
        case Simd::Plain:
            return true;
        default:
            return false;
    }
}

Simd best_simd() {
    static const Simd best = [] {
        for (const Simd simd : {Simd::Avx512, Simd::Avx2, Simd::Sse4, Simd::Neon})
            if (runs_here(simd)) return simd;
        return Simd::Plain;
    }();
    return best;
}

}  // namespace rosenblatt
