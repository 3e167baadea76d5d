// SPDX-License-Identifier: MIT
// The weighted checksum, plain loops over unsigned integers: every order gives the same bits.
#include "matmul/checksum.hpp"

#include <algorithm>

namespace rosenblatt::matmul {
namespace {

constexpr uint64_t k_column_seed = 0x526f73656e626c61u;
constexpr uint32_t k_rows_at_once = 64;  // their partial sums stay in the first-level cache

}  // namespace

uint32_t column_weight(int64_t n) {
    uint64_t z = k_column_seed + static_cast<uint64_t>(n) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<uint32_t>(z >> 32) | 1u;
}

void add_kernel(uint32_t r, const int8_t* codes, int64_t k, uint32_t* u) {
    for (int64_t i = 0; i < k; ++i) u[i] += r * static_cast<uint32_t>(codes[i]);
}

uint32_t expected_sum(const int8_t* codes, const uint32_t* u, int64_t k) {
    uint32_t sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += static_cast<uint32_t>(codes[i]) * u[i];
    return sum;
}

void weighted_sums(const int32_t* cube, uint32_t m, uint32_t n, const uint32_t* r, uint32_t* sums) {
    uint32_t partial[k_rows_at_once * 4];
    for (uint32_t first = 0; first < m; first += k_rows_at_once) {
        const uint32_t rows = std::min(k_rows_at_once, m - first);
        std::fill_n(partial, rows * 4, 0u);
        for (uint32_t column = 0; column < n; column += 4) {
            const int32_t* line = cube + size_t{column} * m + size_t{first} * 4;
            const uint32_t* weights = r + column;
            for (uint32_t i = 0; i < rows; ++i)
                for (uint32_t j = 0; j < 4; ++j)
                    partial[i * 4 + j] += static_cast<uint32_t>(line[i * 4 + j]) * weights[j];
        }
        for (uint32_t i = 0; i < rows; ++i) {
            const uint32_t* of_row = partial + i * 4;
            sums[first + i] = of_row[0] + of_row[1] + of_row[2] + of_row[3];
        }
    }
}

void poison_line(int32_t* line) {
    std::fill_n(line, k_poison_words, static_cast<int32_t>(k_poison));
}

bool poison_left(const int32_t* line) {
    const auto poisoned = [](int32_t word) { return static_cast<uint32_t>(word) == k_poison; };
    return std::all_of(line, line + k_poison_words, poisoned);
}

}  // namespace rosenblatt::matmul
