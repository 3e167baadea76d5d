// SPDX-License-Identifier: MIT
// Packing: how a pipeline keeps W: rows to codes, codes to weight cubes, and the vectors that prove
// them. BlockPacking is the way they all go; a codec says what one row and one kernel are.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "matmul/weights_state.hpp"

namespace rosenblatt::matmul {

class Packing {
  public:
    virtual ~Packing() = default;
    /// Fills blocks, scales and checksum vectors. False: W holds values the pipeline cannot keep.
    virtual bool pack(Weights::State& weights, const ParallelFor& parallel_for) const = 0;
    /// The checksum vector of block `b`, from the codes in memory.
    virtual std::vector<uint32_t> sums_in_memory(const Weights::State& weights,
                                                 uint32_t b) const = 0;
    virtual void rebuild(const Weights::State& weights, uint32_t b, std::byte* cube) const = 0;
    /// Completes "W[..][..] stays on the CPU: it holds ..".
    virtual const char* unusable_values() const = 0;
};

const Packing& packing_of(Pipeline pipeline);
const Packing& int8_packing();
const Packing& half_packing();
const Packing& int4_packing();

/// A Codec has
///   using Code                                    one stored element of W
///   k_columns                                     packed together; no kernel group is larger, no
///                                                 block cuts one
///   Codec(const Weights::State&)                  scratch of one thread
///   bool row(const float*, Code*, float* scale)   one row of W, k_padded codes; false: unusable
///   static void store(const Code*, uint32_t k, uint32_t kernel, std::byte* block)
///   static void fetch(const std::byte* block, uint32_t k, uint32_t kernel, Code*)
///   struct Sums                                   checksum vectors of one thread, over k_padded:
///     Sums(int64_t k_padded), add(weights, n, codes), flush(weights, b), clear()
///   static void add_code_sums(uint32_t r, const Code*, int64_t k, uint32_t* u)
template <typename Codec>
class BlockPacking final : public Packing {
    using Code = typename Codec::Code;
    static constexpr uint32_t k_packed_together = Codec::k_columns;

    /// Consecutive rows of W as codes; rows beyond N are zero.
    class Group {
      public:
        explicit Group(const Weights::State& weights)
            : weights_(weights),
              codec_(weights),
              row_(static_cast<size_t>(weights.format.k)),
              codes_(k_packed_together * stride()) {}

        bool load(uint32_t first) {
            for (uint32_t i = 0; i < k_packed_together; ++i) {
                Code* codes = codes_.data() + i * stride();
                if (first + i >= weights_.shape.n) {
                    std::fill_n(codes, stride(), Code{0});
                    continue;
                }
                weights_.source(first + i, row_.data());
                if (!codec_.row(row_.data(), codes, &scales_[i])) return false;
            }
            return true;
        }
        const Code* codes(uint32_t i) const { return codes_.data() + i * stride(); }
        float scale(uint32_t i) const { return scales_[i]; }

        /// The part of the group that lies in `block`; `n0` is the group's first row.
        void write(const compile::WeightBlock& block, uint32_t n0, std::byte* cube) const {
            for (uint32_t i = 0; i < k_packed_together; ++i)
                Codec::store(codes(i) + block.k0, block.k, n0 - block.n0 + i, cube);
        }

      private:
        size_t stride() const { return static_cast<size_t>(weights_.format.k_padded); }

        const Weights::State& weights_;
        Codec codec_;
        std::vector<float> row_;
        std::vector<Code> codes_;
        float scales_[k_packed_together] = {};
    };

    /// What several threads do at once on disjoint ranges of groups.
    class Packer {
      public:
        explicit Packer(Weights::State& weights) : weights_(weights) {}

        void pack(int64_t begin, int64_t end) {
            Group group(weights_);
            typename Codec::Sums sums(weights_.format.k_padded);
            std::vector<uint32_t> blocks;
            for (int64_t g = begin; g < end && !failed; ++g) {
                const auto n0 = static_cast<uint32_t>(g * k_packed_together);
                std::vector<uint32_t> now = weights_.plans->blocks_of(n0);
                if (now != blocks) {
                    flush(blocks, sums);
                    blocks = std::move(now);
                }
                if (!group.load(n0))
                    failed = true;
                else
                    write(group, n0, blocks, sums);
            }
            flush(blocks, sums);
        }

        std::atomic<bool> failed{false};

      private:
        void write(const Group& group, uint32_t n0, const std::vector<uint32_t>& blocks,
                   typename Codec::Sums& sums) {
            for (uint32_t i = 0; i < k_packed_together && n0 + i < weights_.shape.n; ++i) {
                weights_.scales[n0 + i] = group.scale(i);
                sums.add(weights_, n0 + i, group.codes(i));
            }
            for (const uint32_t b : blocks)
                group.write(weights_.block(b), n0, weights_.block_data(b));
        }

        void flush(const std::vector<uint32_t>& blocks, typename Codec::Sums& sums) {
            const std::lock_guard lock(mutex_);
            for (const uint32_t b : blocks) sums.flush(weights_, b);
            sums.clear();
        }

        Weights::State& weights_;
        std::mutex mutex_;
    };

  public:
    bool pack(Weights::State& weights, const ParallelFor& parallel_for) const override {
        Packer packer(weights);
        parallel_for(weights.plans->columns_padded() / k_packed_together,
                     [&packer](int64_t begin, int64_t end) { packer.pack(begin, end); });
        return !packer.failed;
    }

    std::vector<uint32_t> sums_in_memory(const Weights::State& weights, uint32_t b) const override {
        const compile::WeightBlock& block = weights.block(b);
        std::vector<uint32_t> u(block.k, 0);
        std::vector<Code> codes(block.k);
        for (uint32_t n = 0; n < block.n; ++n) {
            Codec::fetch(weights.block_data(b), block.k, n, codes.data());
            Codec::add_code_sums(weights.column_weights[block.n0 + n], codes.data(), block.k,
                                 u.data());
        }
        return u;
    }

    void rebuild(const Weights::State& weights, uint32_t b, std::byte* cube) const override {
        const compile::WeightBlock& block = weights.block(b);
        Group group(weights);
        for (uint32_t n = 0; n < block.n; n += k_packed_together) {
            group.load(block.n0 + n);
            group.write(block, block.n0 + n, cube);
        }
    }

    const char* unusable_values() const override { return Codec::k_unusable_values; }
};

}  // namespace rosenblatt::matmul
