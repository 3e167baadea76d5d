// SPDX-License-Identifier: MIT
// Packing of w8a8h and w8a8: rows are rotated and quantised to int8.
#include <algorithm>

#include "compile/pack_weights.hpp"
#include "matmul/int8_sums.hpp"
#include "matmul/packing.hpp"
#include "matmul/tile_kernels.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

class Int8Codec {
  public:
    using Code = int8_t;
    static constexpr uint32_t k_columns = 32;
    static constexpr const char* k_unusable_values = "NaN, Inf or values beyond 2^60";

    explicit Int8Codec(const Weights::State& weights)
        : format_(weights.format), scratch_(static_cast<size_t>(weights.format.k_padded)) {}

    bool row(const float* x, int8_t* codes, float* scale) {
        return quant::quantise_row(format_, true, x, scratch_.data(), codes, scale) ==
               quant::RowCheck::Good;
    }

    static void store(const int8_t* codes, uint32_t k, uint32_t kernel, std::byte* block) {
        compile::pack_kernel(codes, k, kernel % 32,
                             reinterpret_cast<int8_t*>(block) + size_t{kernel / 32 * 32} * k);
    }
    static void fetch(const std::byte* block, uint32_t k, uint32_t kernel, int8_t* codes) {
        const auto* group =
            reinterpret_cast<const int8_t*>(block) + size_t{kernel / 32 * 32} * k;
        compile::unpack_kernel(group, k, kernel % 32, codes);
    }

    static void add_code_sums(uint32_t r, const int8_t* codes, int64_t k, uint32_t* u) {
        tile_kernels().add_kernel(r, codes, k, u);
    }

    using Sums = Int8Sums;

  private:
    const quant::RowFormat& format_;
    std::vector<float> scratch_;
};

}  // namespace

const Packing& int8_packing() {
    static const BlockPacking<Int8Codec> packing;
    return packing;
}

}  // namespace rosenblatt::matmul
