// SPDX-License-Identifier: MIT
// Packing of w4a8: rows are rotated and quantised to int4.
#include "compile/pack_weights.hpp"
#include "matmul/int8_sums.hpp"
#include "matmul/packing.hpp"
#include "quant/int4.hpp"

namespace rosenblatt::matmul {
namespace {

class Int4Codec {
  public:
    using Code = int8_t;
    using Sums = Int8Sums;
    static constexpr uint32_t k_columns = 64;
    static constexpr const char* k_unusable_values = "NaN, Inf or values beyond 2^60";

    explicit Int4Codec(const Weights::State& weights)
        : format_(weights.format), scratch_(static_cast<size_t>(weights.format.k_padded)) {}

    bool row(const float* x, int8_t* codes, float* scale) {
        return quant::quantise_int4_row(format_, x, scratch_.data(), codes, scale) ==
               quant::RowCheck::Good;
    }

    static void store(const int8_t* codes, uint32_t k, uint32_t kernel, std::byte* block) {
        compile::pack_int4_kernel(codes, k, kernel % k_columns,
                                  reinterpret_cast<uint8_t*>(block) + group_offset(k, kernel));
    }
    static void fetch(const std::byte* block, uint32_t k, uint32_t kernel, int8_t* codes) {
        compile::unpack_int4_kernel(
            reinterpret_cast<const uint8_t*>(block) + group_offset(k, kernel), k,
            kernel % k_columns, codes);
    }

    static void add_code_sums(uint32_t r, const int8_t* codes, int64_t k, uint32_t* u) {
        tile_kernels().add_kernel(r, codes, k, u);
    }

  private:
    static size_t group_offset(uint32_t k, uint32_t kernel) {
        return size_t{kernel / k_columns * k_columns} * k / 2;
    }

    const quant::RowFormat& format_;
    std::vector<float> scratch_;
};

}  // namespace

const Packing& int4_packing() {
    static const BlockPacking<Int4Codec> packing;
    return packing;
}

}  // namespace rosenblatt::matmul
