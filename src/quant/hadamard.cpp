// SPDX-License-Identifier: MIT
// Block-Hadamard rotation, plain form. Every step is an element-wise add or subtract, so vector
// forms of it give the same bits.
#include "quant/hadamard.hpp"

#include <array>
#include <bit>
#include <cstddef>

namespace rosenblatt::quant {
namespace {

constexpr uint64_t k_sign_seed = 1957;  // the year of Rosenblatt's perceptron; any fixed value does

/// SplitMix64's output function: a full-avalanche mix of a counter.
constexpr uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

constexpr uint32_t make_sign_word(int64_t word) {
    return static_cast<uint32_t>(
        mix(k_sign_seed + static_cast<uint64_t>(word) * 0x9e3779b97f4a7c15u));
}

constexpr auto k_sign_table = [] {
    std::array<uint32_t, k_sign_words_kept> table{};
    for (int64_t word = 0; word < k_sign_words_kept; ++word)
        table[static_cast<size_t>(word)] = make_sign_word(word);
    return table;
}();

void flip_signs(float* row, int64_t k) {
    for (int64_t word = 0; word * 32 < k; ++word) {
        const uint32_t signs = sign_word(word);
        float* at = row + word * 32;
        for (unsigned i = 0; i < 32; ++i) {
            const uint32_t flip = (signs >> i) << 31;
            at[i] = std::bit_cast<float>(std::bit_cast<uint32_t>(at[i]) ^ flip);
        }
    }
}

void transform_block(float* block, int64_t size) {
    for (int64_t stride = 1; stride < size; stride *= 2) {
        for (int64_t pair = 0; pair < size; pair += 2 * stride) {
            float* low = block + pair;
            float* high = low + stride;
            for (int64_t i = 0; i < stride; ++i) {
                const float a = low[i];
                const float b = high[i];
                low[i] = a + b;
                high[i] = a - b;
            }
        }
    }
}

}  // namespace

uint32_t sign_word(int64_t word) {
    return make_sign_word(word);
}

const uint32_t* sign_words(int64_t word) {
    return k_sign_table.data() + word;
}

void rotate_row(float* row, int64_t k, int64_t block) {
    flip_signs(row, k);
    for (int64_t at = 0; at < k; at += block) transform_block(row + at, block);
}

void unrotate_row(float* row, int64_t k, int64_t block) {
    for (int64_t at = 0; at < k; at += block) transform_block(row + at, block);
    flip_signs(row, k);
}

}  // namespace rosenblatt::quant
