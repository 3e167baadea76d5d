// SPDX-License-Identifier: MIT
// Gates: GLU operations on pieces of rows, by ggml's own CPU code, so that the bits are its own for
// every variant and instruction set.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.hpp"
#include "ggml/api.hpp"
#include "matmul/rows.hpp"

namespace rosenblatt::ggml {

class Gates {
  public:
    Gates();
    ~Gates();

    /// So many threads may call run() at once without waiting for each other.
    Result<void> prepare(int threads);

    /// The GLU `node` of a piece's two results, to rows of memory. Thread-safe.
    void run(const ggml_tensor& node, const matmul::Piece& piece, float* to, size_t bytes_per_row);

  private:
    class Gate;

    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Gate>> idle_;
    int made_ = 0;
};

}  // namespace rosenblatt::ggml
