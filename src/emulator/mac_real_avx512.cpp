// SPDX-License-Identifier: MIT
// The floating-point multiplier with AVX-512: 8 doubles.
#include "emulator/mac_real_variants.hpp"

#if defined(__x86_64__)

// g++ 12's own header reads a deliberately undefined register (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include "emulator/elements.hpp"

namespace rosenblatt::emulator {
namespace {

#define RB_TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma")))
#define RB_OPERATION [[gnu::always_inline]] RB_TARGET inline

using Doubles = __m512d;
constexpr size_t k_lanes = 8;
constexpr size_t k_pixels = 14;
constexpr size_t k_vectors = 2;

RB_OPERATION Doubles zero() {
    return _mm512_setzero_pd();
}
RB_OPERATION Doubles load(const double* at) {
    return _mm512_loadu_pd(at);
}
RB_OPERATION Doubles spread(double value) {
    return _mm512_set1_pd(value);
}
RB_OPERATION Doubles add_product(Doubles sums, Doubles w, Doubles a) {
    return _mm512_fmadd_pd(w, a, sums);
}
RB_OPERATION void add_rounded(float* at, Doubles sums) {
    _mm256_storeu_ps(at, _mm256_add_ps(_mm256_loadu_ps(at), _mm512_cvtpd_ps(sums)));
}

RB_OPERATION void widen_halves(const uint16_t* bits, double* out) {
    const __m512 values =
        _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bits)));
    _mm512_storeu_pd(out, _mm512_cvtps_pd(_mm512_castps512_ps256(values)));
    _mm512_storeu_pd(out + 8, _mm512_cvtps_pd(_mm512_extractf32x8_ps(values, 1)));
}

#include "emulator/mac_real_panels.inc.hpp"

#undef RB_TARGET
#undef RB_OPERATION

}  // namespace

void add_avx512_variant(std::vector<RealVariant>& variants) {
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        variants.push_back({"avx512", Simd::Avx512, multiply, load_group, widen_pixel});
}

}  // namespace rosenblatt::emulator

#else

namespace rosenblatt::emulator {

void add_avx512_variant(std::vector<RealVariant>&) {}

}  // namespace rosenblatt::emulator

#endif
