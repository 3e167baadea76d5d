// SPDX-License-Identifier: MIT
// Packing of w8a8h and w8a8: rows are rotated and quantised to int8.
#include <algorithm>

#include "compile/pack_weights.hpp"
#include "matmul/checksum.hpp"
#include "matmul/packing.hpp"
#include "matmul/tile_kernels.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

class Int8Codec {
  public:
    using Code = int8_t;
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

    class Sums {
      public:
        explicit Sums(int64_t k_padded) : u_(static_cast<size_t>(k_padded), 0u) {}
        void add(const Weights::State& weights, uint32_t n, const int8_t* codes) {
            tile_kernels().add_kernel(weights.column_weights[n], codes, weights.format.k_padded,
                                      u_.data());
        }
        /// Sums modulo 2^32 come out the same in any order.
        void flush(Weights::State& weights, uint32_t b) const {
            const compile::WeightBlock& block = weights.block(b);
            for (uint32_t i = 0; i < block.k; ++i) weights.u[b][i] += u_[block.k0 + i];
        }
        void clear() { std::fill(u_.begin(), u_.end(), 0u); }

      private:
        std::vector<uint32_t> u_;
    };

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
