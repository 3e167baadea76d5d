// SPDX-License-Identifier: MIT
// The environment variables that only the ggml backend asks about; read in options.cpp like all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.hpp"

namespace rosenblatt {

struct BackendOptions {
    std::string cache_dir;  ///< of everything kept between runs; empty: nothing is
    uint64_t packed_cache_max_bytes = uint64_t{16} << 30;
};

/// As read_options(): one sentence in `complaints` per variable that could not be used.
BackendOptions read_backend_options(const Lookup& lookup, std::vector<std::string>& complaints);
BackendOptions read_backend_options(std::vector<std::string>& complaints);

}  // namespace rosenblatt
