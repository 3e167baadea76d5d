// SPDX-License-Identifier: MIT
// Floating-point matmul streams and operands: hardware.md 6.1's fp16 column and 3.2's table.
#pragma once

#include "npu/cube.hpp"
#include "support/emulator_bench.hpp"

namespace rosenblatt::testing {

/// Codes of one kind of matmul: CONV_CON1, MISC_CFG, DATA_FORMAT, SIZE_E, OUT_CVT_SCALE.
struct FloatKind {
    npu::Element element;
    npu::Element out;
    uint32_t con1, misc, format, size_e, scale;
};

inline constexpr FloatKind k_fp16_fp32{
    npu::Element::Fp16, npu::Element::Fp32, 0x120, 0x201, 0xa8000002, 3, 1};
inline constexpr FloatKind k_fp16_fp16{
    npu::Element::Fp16, npu::Element::Fp16, 0x120, 0x201, 0x48000002, 1, 0x10001};
inline constexpr FloatKind k_bf16_fp32{
    npu::Element::Bf16, npu::Element::Fp32, 0x1b0, 0x301, 0xac000003, 3, 1};
inline constexpr FloatKind k_tf32_fp32{
    npu::Element::Tf32, npu::Element::Fp32, 0x3f0, 0x701, 0xb4000005, 3, 1};
inline constexpr FloatKind k_int4_int16{
    npu::Element::Int4, npu::Element::Int16, 0x360, 0x601, 0x38000006, 7, 1};

inline Stream float_stream(const MatmulShape& s, const FloatKind& kind,
                           const MatmulPlaces& at = {}) {
    const auto kernel_bytes = static_cast<uint32_t>(npu::bytes_of(kind.element, s.k));
    const uint32_t row_bytes = (kernel_bytes + 63) / 64 * 64;
    const uint32_t banks = std::min(8U, (s.m * row_bytes + 32767) / 32768);
    const uint32_t size_e = kind.size_e;
    Stream w = matmul_stream(s, at);
    w.set(0x100c, kind.con1).set(0x1030, kernel_bytes * s.n).set(0x1034, kernel_bytes);
    w.set(0x1040, (12 - banks) << 4 | banks).set(0x1044, row_bytes / 64).set(0x3010, kind.misc);
    w.set(0x4010, kind.format).set(0x4084, kind.scale);
    w.set(0x4050, size_e << 8 | size_e << 5 | size_e << 2 | 2).set(0x40c0, (size_e + 1) * s.m << 4);
    return w;
}

/// A matmul's operands as bytes in their cubes.
struct FloatMatmul {
    MatmulShape shape;
    FloatKind kind;
    npu::FeatureCube a_cube, c_cube;
    npu::WeightCube b_cube;
    std::byte *a, *b, *c;

    FloatMatmul(MemoryBus& bus, const MatmulShape& s, const FloatKind& k,
                const MatmulPlaces& at = {})
        : shape(s),
          kind(k),
          a_cube{1, s.m, s.k, k.element},
          c_cube{1, s.m, s.n, k.out},
          b_cube{.kernels = s.n, .channels = s.k, .element = k.element},
          a(bus.map(at.a, a_cube.bytes())),
          b(bus.map(at.b, b_cube.bytes())),
          c(bus.map(at.c, c_cube.bytes())) {}

    std::byte* feature(uint32_t m, uint32_t k) const { return a + a_cube.offset(k, m, 0); }
    std::byte* weight(uint32_t k, uint32_t n) const { return b + b_cube.offset(n, k); }
    template <typename T>
    T result(uint32_t m, uint32_t n) const {
        T value;
        std::memcpy(&value, c + c_cube.offset(n, m, 0), sizeof value);
        return value;
    }
};

}  // namespace rosenblatt::testing
