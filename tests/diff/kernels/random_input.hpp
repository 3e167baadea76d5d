// SPDX-License-Identifier: MIT
// Random operands for the kernels' tests, and the instruction sets that can be tested here.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "../../support/seed.hpp"
#include "base/simd.hpp"

namespace rosenblatt {

/// Every set but the plain one that this CPU runs.
inline std::vector<Simd> sets_to_test() {
    std::vector<Simd> sets;
    for (const Simd simd : {Simd::Sse4, Simd::Avx2, Simd::Avx512, Simd::Neon})
        if (runs_here(simd)) sets.push_back(simd);
    return sets;
}

template <typename T>
std::vector<T> random_words(size_t count, std::mt19937_64& random) {
    std::vector<T> words(count);
    for (T& word : words) word = static_cast<T>(random());
    return words;
}

}  // namespace rosenblatt
