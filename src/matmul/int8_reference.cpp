// SPDX-License-Identifier: MIT
// The int8 pipelines' checksum of a tile, and the tile in plain loops where no lane delivered it.
#include <algorithm>

#include "compile/pack_weights.hpp"
#include "matmul/checksum.hpp"
#include "matmul/int8_panel.hpp"
#include "matmul/reference.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {

/// What the tile alone must sum up to is computed here: it is asked for only where something failed
/// or every element is compared anyway.
bool Int8Panel::sums_match(const TileRef& ref, const std::byte* cube) const {
    const compile::Tile& t = tile(ref);
    const Weights::State& weights = *operands_[ref.operand].weights;
    std::vector<uint32_t> sums(t.m);
    weighted_sums(reinterpret_cast<const int32_t*>(cube), t.m, t.n,
                  weights.column_weights.data() + t.n0, sums.data());
    const std::vector<int8_t> codes = row_codes(t);
    for (uint32_t i = 0; i < t.m; ++i)
        if (sums[i] != expected_sum(codes.data() + size_t{i} * t.k, weights.u[t.block].data(), t.k))
            return false;
    return true;
}

/// Codes of the tile's rows over its k, quantised again: what stands in a BO proves nothing.
std::vector<int8_t> Int8Panel::row_codes(const compile::Tile& tile) const {
    const quant::RowFormat& f = format();
    std::vector<float> given(static_cast<size_t>(f.k));
    std::vector<float> scratch(static_cast<size_t>(f.k_padded));
    std::vector<int8_t> row(scratch.size());
    std::vector<float> scales(static_cast<size_t>(f.slices()));
    std::vector<int8_t> codes(size_t{tile.m} * tile.k);
    for (uint32_t i = 0; i < tile.m; ++i) {
        quant::quantise_row(f, false, x_row(tile.m0 + i, given.data()), scratch.data(), row.data(),
                            scales.data());
        std::copy_n(row.data() + tile.k0, tile.k, codes.data() + size_t{i} * tile.k);
    }
    return codes;
}

void Int8Panel::fetch_kernel(const std::byte* block, uint32_t k, uint32_t kernel,
                             int8_t* codes) const {
    const auto* group = reinterpret_cast<const int8_t*>(block) + size_t{kernel / 32 * 32} * k;
    compile::unpack_kernel(group, k, kernel % 32, codes);
}

/// The tile as the NPU should have written it, in plain loops.
std::vector<std::byte> Int8Panel::reference_cube(const TileRef& ref,
                                                 const ParallelFor& parallel_for) const {
    const compile::Tile& t = tile(ref);
    const std::vector<int8_t> a = row_codes(t);
    const Weights::State& weights = *operands_[ref.operand].weights;
    const ProvedBlock block(weights, t.block);
    std::vector<std::byte> bytes(size_t{t.m} * t.n * sizeof(int32_t));
    auto* cube = reinterpret_cast<int32_t*>(bytes.data());
    parallel_for(t.n, [&](int64_t begin, int64_t end) {
        std::vector<int8_t> kernel(t.k);
        for (int64_t n = begin; n < end; ++n) {
            fetch_kernel(block.data(), t.k, static_cast<uint32_t>(n), kernel.data());
            int32_t* column = cube + n / 4 * 4 * t.m + n % 4;
            for (uint32_t i = 0; i < t.m; ++i)
                column[size_t{i} * 4] =
                    reference::dot(a.data() + size_t{i} * t.k, kernel.data(), t.k);
        }
    });
    return bytes;
}

}  // namespace rosenblatt::matmul
