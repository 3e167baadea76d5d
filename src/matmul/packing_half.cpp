// SPDX-License-Identifier: MIT
// Packing of f16: rows are rounded to fp16 (F16 weights stay as they are).
#include <algorithm>

#include "compile/pack_weights.hpp"
#include "matmul/half.hpp"
#include "matmul/half_checksum.hpp"
#include "matmul/packing.hpp"

namespace rosenblatt::matmul {
namespace {

class HalfCodec {
  public:
    using Code = uint16_t;
    static constexpr uint32_t k_columns = 32;
    static constexpr const char* k_unusable_values =
        "NaN, Inf, or a row whose largest magnitude is not between 2^-60 and 2^60";

    explicit HalfCodec(const Weights::State& weights) : format_(weights.format) {}

    bool row(const float* x, uint16_t* codes, float* scale) const {
        return half_row(format_, x, codes, scale);
    }

    static void store(const uint16_t* codes, uint32_t k, uint32_t kernel, std::byte* block) {
        compile::pack_half_kernel(
            codes, k, kernel % 16,
            reinterpret_cast<uint16_t*>(block) + size_t{kernel / 16 * 16} * k);
    }
    static void fetch(const std::byte* block, uint32_t k, uint32_t kernel, uint16_t* codes) {
        const auto* group =
            reinterpret_cast<const uint16_t*>(block) + size_t{kernel / 16 * 16} * k;
        compile::unpack_half_kernel(group, k, kernel % 16, codes);
    }

    /// Over the codes' bits: proves what stands in memory exactly.
    static void add_code_sums(uint32_t r, const uint16_t* codes, int64_t k, uint32_t* u) {
        for (int64_t i = 0; i < k; ++i) u[i] += r * codes[i];
    }

    class Sums {
      public:
        explicit Sums(int64_t k_padded)
            : bits_(static_cast<size_t>(k_padded), 0u), sums_(bits_.size()) {}

        void add(const Weights::State& weights, uint32_t n, const uint16_t* codes) {
            add_code_sums(weights.column_weights[n], codes, weights.format.k_padded, bits_.data());
            add_half_kernel(half_column_weight(weights.column_weights[n]), codes, sums_);
        }
        /// Which thread adds first changes last bits of u and v; the tolerance covers that.
        void flush(Weights::State& weights, uint32_t b) const {
            const compile::WeightBlock& block = weights.block(b);
            HalfSums& sums = weights.half_sums[b];
            for (uint32_t i = 0; i < block.k; ++i) {
                weights.u[b][i] += bits_[block.k0 + i];
                sums.u[i].first += sums_.u[block.k0 + i].first;
                sums.u[i].second += sums_.u[block.k0 + i].second;
                sums.v[i] += sums_.v[block.k0 + i];
            }
        }
        void clear() {
            std::fill(bits_.begin(), bits_.end(), 0u);
            sums_.clear();
        }

      private:
        std::vector<uint32_t> bits_;
        HalfSums sums_;
    };

  private:
    const quant::RowFormat& format_;
};

}  // namespace

const Packing& half_packing() {
    static const BlockPacking<HalfCodec> packing;
    return packing;
}

}  // namespace rosenblatt::matmul
