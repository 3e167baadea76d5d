// SPDX-License-Identifier: MIT
// arm64 with the dot product of Armv8.2 (Cortex-A76 and A55 of the RK3588 have it): signed bytes
// times signed bytes, so nothing has to be corrected.
#include "emulator/mac_int8_variants.hpp"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstring>

namespace rosenblatt::emulator {
namespace {

#define RB_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define RB_OPERATION [[gnu::always_inline]] RB_TARGET inline

using Vector = int32x4_t;
constexpr size_t k_vectors = 4;
constexpr bool k_offsets = false;
constexpr size_t k_block_steps = 512;  // 32 KiB of weights, half of the A76's first-level cache

RB_OPERATION Vector load(const std::byte* at) {
    return vld1q_s32(reinterpret_cast<const int32_t*>(at));
}
RB_OPERATION Vector spread(int32_t four) {
    return vdupq_n_s32(four);
}
RB_OPERATION Vector dot(Vector sums, Vector w, Vector a) {
    return vdotq_s32(sums, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(a));
}
RB_OPERATION Vector load_sums(const int32_t* at) {
    return vld1q_s32(at);
}
RB_OPERATION void store_sums(int32_t* at, Vector sums) {
    vst1q_s32(at, sums);
}

#include "emulator/mac_int8_bytes.inc.hpp"

#undef RB_TARGET
#undef RB_OPERATION

}  // namespace

void add_neon_variant(std::vector<MacInt8>& variants) {
    if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0)
        variants.push_back({.name = "neon-dotprod",
                            .needs = Simd::Neon,
                            .widens = false,
                            .offsets = false,
                            .packed_bytes = packed_bytes,
                            .pack = pack,
                            .multiply = multiply,
                            .widen = nullptr});
}

}  // namespace rosenblatt::emulator

#else

namespace rosenblatt::emulator {

void add_neon_variant(std::vector<MacInt8>&) {}

}  // namespace rosenblatt::emulator

#endif
