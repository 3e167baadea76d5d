// SPDX-License-Identifier: MIT
// Which vector instructions the fast kernels are compiled for, and which of them this CPU has. A
// kernel source is compiled once per set by Highway (HWY_TARGET_INCLUDE); all sets give the same
// bits, because float steps keep one order and -ffp-contract=off forbids fused ones.
#pragma once

// SVE has no fixed vector length, and AVX3_DL nothing that we use. Include this before highway.h.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#if defined(__aarch64__)
#define HWY_COMPILE_ONLY_STATIC  // NEON is in every arm64
#endif

namespace rosenblatt {

enum class Simd {
    Plain,   ///< loops without intrinsics: the twin of every other, and for all other CPUs
    Sse4,    ///< x86 with SSE4.1
    Avx2,    ///< x86 with AVX2, FMA (unused), BMI2
    Avx512,  ///< x86 with AVX-512 F, BW, CD, DQ, VL
    Neon,    ///< every arm64
};

const char* name(Simd simd);

/// Compiled in and present on this CPU.
bool runs_here(Simd simd);

/// The fastest one that runs here.
Simd best_simd();

}  // namespace rosenblatt
