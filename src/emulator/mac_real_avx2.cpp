// SPDX-License-Identifier: MIT
// The floating-point multiplier with AVX2, FMA and F16C: 4 doubles.
#include "emulator/mac_real_variants.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include "emulator/elements.hpp"

namespace rosenblatt::emulator {
namespace {

#define RB_TARGET __attribute__((target("avx2,fma,f16c")))
#define RB_OPERATION [[gnu::always_inline]] RB_TARGET inline

using Doubles = __m256d;
constexpr size_t k_lanes = 4;
constexpr size_t k_pixels = 6;
constexpr size_t k_vectors = 2;

RB_OPERATION Doubles zero() {
    return _mm256_setzero_pd();
}
RB_OPERATION Doubles load(const double* at) {
    return _mm256_loadu_pd(at);
}
RB_OPERATION Doubles spread(double value) {
    return _mm256_set1_pd(value);
}
RB_OPERATION Doubles add_product(Doubles sums, Doubles w, Doubles a) {
    return _mm256_fmadd_pd(w, a, sums);
}
RB_OPERATION void add_rounded(float* at, Doubles sums) {
    _mm_storeu_ps(at, _mm_add_ps(_mm_loadu_ps(at), _mm256_cvtpd_ps(sums)));
}

RB_OPERATION void widen_halves(const uint16_t* bits, double* out) {
    for (size_t i = 0; i < 16; i += 4) {
        const __m128 values =
            _mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bits + i)));
        _mm256_storeu_pd(out + i, _mm256_cvtps_pd(values));
    }
}

#include "emulator/mac_real_panels.inc.hpp"

#undef RB_TARGET
#undef RB_OPERATION

/// clang 14 has no name for F16C in __builtin_cpu_supports: leaf 1, ECX bit 29.
bool has_f16c() {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx >> 29 & 1) != 0;
}

}  // namespace

void add_avx2_variant(std::vector<RealVariant>& variants) {
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
        variants.push_back({"avx2", Simd::Avx2, multiply, load_group, widen_pixel});
}

}  // namespace rosenblatt::emulator

#else

namespace rosenblatt::emulator {

void add_avx2_variant(std::vector<RealVariant>&) {}

}  // namespace rosenblatt::emulator

#endif
