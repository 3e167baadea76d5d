// SPDX-License-Identifier: MIT
// RowFormat: padding, block and slices of a pipeline.
#include "quant/row_format.hpp"

#include <bit>

#include "base/assert.hpp"
#include "base/bits.hpp"

namespace rosenblatt::quant {
namespace {

constexpr double k_sqrt_half = 0.70710678118654752440;

/// 1 / sqrt(2^log2): the factor that makes an unnormalised Hadamard transform orthonormal.
double hadamard_norm(int log2) {
    double norm = (log2 % 2) != 0 ? k_sqrt_half : 1.0;
    for (int i = 0; i < log2 / 2; ++i) norm *= 0.5;
    return norm;
}

}  // namespace

RowFormat row_format(Pipeline pipeline, int64_t k) {
    RB_ASSERT(k > 0, "K must be positive");
    RowFormat format;
    format.k = k;
    format.k_padded = div_round_up(k, k_channel_unit) * k_channel_unit;
    double norm = 1.0;
    if (is_rotated(pipeline)) {
        const int log2 = std::countr_zero(static_cast<uint64_t>(format.k_padded));
        format.block = int64_t{1} << log2;
        norm = hadamard_norm(log2);
    }
    // Sums over a slice of int4 weights must fit int16 (quant/int4.hpp).
    const int64_t whole_max = pipeline == Pipeline::W4A8 ? k_slice_max : k_whole_max;
    const bool whole = format.k_padded <= whole_max;
    const int64_t slices = whole ? 1 : div_round_up(format.k_padded, k_slice_max);
    const int64_t units = format.k_padded / k_channel_unit;
    format.slice_length = div_round_up(units, slices) * k_channel_unit;
    if (pipeline == Pipeline::W4A8) format.most = 119;
    format.unit = static_cast<float>(norm / double{format.most});
    return format;
}

}  // namespace rosenblatt::quant
