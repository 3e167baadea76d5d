// SPDX-License-Identifier: MIT
// Weights::State: the packed matrix, and what proves and repairs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "matmul/device_state.hpp"
#include "matmul/half_checksum.hpp"
#include "matmul/weights.hpp"
#include "quant/row_format.hpp"

namespace rosenblatt::matmul {

struct Weights::State {
    Device::State* device = nullptr;
    WeightShape shape;
    Pipeline pipeline = Pipeline::W8A8H;
    RowSource source;
    quant::RowFormat format;
    std::shared_ptr<ShapePlans> plans;
    std::vector<Buffer> buffers;           ///< one per lane; empty where a lane has no block
    std::vector<std::vector<uint32_t>> u;  ///< per block, over its k (f16: of the codes' bits)
    /// Not f16: per channel range the sum of its blocks' u, as split_halves gives it.
    std::vector<std::vector<int16_t>> range_halves;
    std::vector<float> scales;             ///< per real column
    std::vector<uint32_t> column_weights;  ///< r, padding columns included
    std::vector<HalfSums> half_sums;          ///< f16 only: per block
    std::vector<HalfPair> half_column_weights;  ///< f16 only: r, padding columns included

    const compile::WeightBlock& block(uint32_t b) const { return plans->tiling().blocks[b]; }
    std::byte* block_data(uint32_t b) const {
        return buffers[block(b).lane].as<std::byte>() + plans->block_offset(b);
    }
    uint32_t block_iova(uint32_t b) const {
        return buffers[block(b).lane].iova() + static_cast<uint32_t>(plans->block_offset(b));
    }
};

/// The codes of block `b` in memory are the ones that were packed: u is computed from them anew.
bool block_intact(const Weights::State& weights, uint32_t b);

/// Quantises the rows of block `b` again from the row source and writes them to `cube` (the block's
/// bytes). The same bits as at pack time as long as the source gives the same floats.
void rebuild_block(const Weights::State& weights, uint32_t b, std::byte* cube);

/// The codes of a block as they were packed: in memory, or rebuilt where that is damaged.
class ProvedBlock {
  public:
    ProvedBlock(const Weights::State& weights, uint32_t b);
    const std::byte* data() const { return data_; }

  private:
    std::vector<std::byte> rebuilt_;
    const std::byte* data_;
};

}  // namespace rosenblatt::matmul
