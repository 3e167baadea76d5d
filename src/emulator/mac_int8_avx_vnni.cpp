// SPDX-License-Identifier: MIT
// AVX-VNNI: vpdpbusd in 256 bits, for CPUs without AVX-512.
#include "emulator/mac_int8_variants.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <cstring>

namespace rosenblatt::emulator {
namespace {

#define RB_TARGET __attribute__((target("avx2,avxvnni")))
#define RB_OPERATION [[gnu::always_inline]] RB_TARGET inline

using Vector = __m256i;
constexpr size_t k_vectors = 2;
constexpr bool k_offsets = true;
constexpr size_t k_block_steps = 256;  // 16 KiB of weights

RB_OPERATION Vector load(const std::byte* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}
RB_OPERATION Vector spread(int32_t four) {
    return _mm256_set1_epi32(four);
}
RB_OPERATION Vector dot(Vector sums, Vector w, Vector a) {
    return _mm256_dpbusd_avx_epi32(sums, w, a);
}
RB_OPERATION Vector load_sums(const int32_t* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}
RB_OPERATION void store_sums(int32_t* at, Vector sums) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), sums);
}

#include "emulator/mac_int8_bytes.inc.hpp"

#undef RB_TARGET
#undef RB_OPERATION

/// g++ 12 has no name for it in __builtin_cpu_supports: leaf 7, subleaf 1, EAX bit 4.
bool supported() {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 &&
           (eax >> 4 & 1) != 0;
}

}  // namespace

void add_avx_vnni_variant(std::vector<MacInt8>& variants) {
    if (supported())
        variants.push_back({.name = "avx-vnni",
                            .needs = Simd::Avx2,
                            .widens = false,
                            .offsets = true,
                            .packed_bytes = packed_bytes,
                            .pack = pack,
                            .multiply = multiply,
                            .widen = nullptr});
}

}  // namespace rosenblatt::emulator

#else

namespace rosenblatt::emulator {

void add_avx_vnni_variant(std::vector<MacInt8>&) {}

}  // namespace rosenblatt::emulator

#endif
