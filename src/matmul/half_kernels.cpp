// SPDX-License-Identifier: MIT
// AVX2 and later have F16C, every arm64 converts fp16; both round half to even and keep subnormals.
#include "matmul/half_kernels.hpp"

#include <cstring>

#include "npu/convert.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "matmul/half_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rosenblatt::matmul {
namespace HWY_NAMESPACE {
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM_A64
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::CappedTag<float, 8>;
using DH = hn::Rebind<hwy::float16_t, DF>;
constexpr size_t k_lanes = HWY_MIN(HWY_LANES(float), 8);

HWY_INLINE void narrow(const float* x, hn::Vec<DF> factor, uint16_t* codes) {
    const hn::Rebind<uint16_t, DF> d16;
    hn::StoreU(hn::BitCast(d16, hn::DemoteTo(DH(), hn::Mul(hn::LoadU(DF(), x), factor))), d16,
               codes);
}

HWY_INLINE void widen(const uint16_t* codes, float* values) {
    const hn::Rebind<uint16_t, DF> d16;
    hn::StoreU(hn::PromoteTo(DF(), hn::BitCast(DH(), hn::LoadU(d16, codes))), DF(), values);
}

// The last elements go by way of a whole vector.
void to_half(const float* x, float factor, size_t n, uint16_t* codes) {
    const auto f = hn::Set(DF(), factor);
    size_t i = 0;
    for (; i + k_lanes <= n; i += k_lanes) narrow(x + i, f, codes + i);
    float rest[k_lanes] = {};
    uint16_t rest_codes[k_lanes];
    std::memcpy(rest, x + i, (n - i) * sizeof(float));
    narrow(rest, f, rest_codes);
    std::memcpy(codes + i, rest_codes, (n - i) * sizeof(uint16_t));
}

void to_float(const uint16_t* codes, size_t n, float* values) {
    size_t i = 0;
    for (; i + k_lanes <= n; i += k_lanes) widen(codes + i, values + i);
    uint16_t rest[k_lanes] = {};
    float rest_values[k_lanes];
    std::memcpy(rest, codes + i, (n - i) * sizeof(uint16_t));
    widen(rest, rest_values);
    std::memcpy(values + i, rest_values, (n - i) * sizeof(float));
}

constexpr HalfKernels k_half_kernels{to_half, to_float};

#endif  // with conversions
}  // namespace HWY_NAMESPACE
}  // namespace rosenblatt::matmul
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rosenblatt::matmul {
namespace {

void to_half_plain(const float* x, float factor, size_t n, uint16_t* codes) {
    for (size_t i = 0; i < n; ++i) codes[i] = npu::fp16_from_fp32(x[i] * factor);
}

void to_float_plain(const uint16_t* codes, size_t n, float* values) {
    for (size_t i = 0; i < n; ++i) values[i] = npu::fp32_from_fp16(codes[i]);
}

constexpr HalfKernels k_plain{to_half_plain, to_float_plain};

}  // namespace

const HalfKernels& half_kernels(Simd simd) {
    switch (simd) {
#if HWY_TARGETS & HWY_AVX3
        case Simd::Avx512:
            return N_AVX3::k_half_kernels;
#endif
#if HWY_TARGETS & HWY_AVX2
        case Simd::Avx2:
            return N_AVX2::k_half_kernels;
#endif
#if HWY_ARCH_ARM_A64
        case Simd::Neon:
            return HWY_NAMESPACE::k_half_kernels;
#endif
        default:
            return k_plain;
    }
}

}  // namespace rosenblatt::matmul
#endif  // HWY_ONCE
