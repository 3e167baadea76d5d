// SPDX-License-Identifier: MIT
// The instruction sets a fast path can be held to on this machine.
#pragma once

#include <vector>

#include "base/simd.hpp"

namespace rosenblatt::testing {

inline std::vector<Simd> simds_here() {
    std::vector<Simd> here;
    for (const Simd simd : {Simd::Plain, Simd::Sse4, Simd::Avx2, Simd::Avx512, Simd::Neon})
        if (runs_here(simd)) here.push_back(simd);
    return here;
}

}  // namespace rosenblatt::testing
