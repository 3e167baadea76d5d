// SPDX-License-Identifier: MIT
#include "matmul/int4_panel.hpp"

#include <cstring>
#include <vector>

#include "compile/pack_features.hpp"
#include "compile/pack_weights.hpp"

namespace rosenblatt::matmul {

void join_halves(std::byte* cube, uint32_t m, uint32_t n) {
    constexpr size_t k_together = 8;  // columns: one atom of int16, two of int32
    const size_t strip_bytes = k_together * sizeof(int32_t) * m;
    std::vector<int16_t> halves(strip_bytes / sizeof(int16_t));
    for (size_t column = 0; column < n; column += k_together, cube += strip_bytes) {
        std::memcpy(halves.data(), cube, strip_bytes);
        auto* to = reinterpret_cast<int32_t*>(cube);
        const int16_t* high = halves.data();
        for (size_t row = 0; row < m; ++row, high += 2 * k_together)
            for (size_t j = 0; j < k_together; ++j)
                to[(j / 4 * m + row) * 4 + j % 4] = 16 * high[j] + high[k_together + j];
    }
}

void Int4Panel::write_features(const int8_t* codes, size_t stride, uint32_t rows, uint32_t first,
                               const LaneRun& run) const {
    compile::pack_half_features(codes, stride, rows, run.k, first, m(), run.a.as<int8_t>());
}

void Int4Panel::fetch_kernel(const std::byte* block, uint32_t k, uint32_t kernel,
                             int8_t* codes) const {
    const auto* group = reinterpret_cast<const uint8_t*>(block) + size_t{kernel / 64 * 64} * k / 2;
    compile::unpack_int4_kernel(group, k, kernel % 64, codes);
}

void Int4Panel::settle(const TileRef& ref, std::byte* cube) const {
    join_halves(cube, tile(ref).m, tile(ref).n);
}

}  // namespace rosenblatt::matmul
