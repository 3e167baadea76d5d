// SPDX-License-Identifier: MIT
// MiddleRows: what stands between two products that are computed back to back, as the first one's
// target and the second one's X. A thread makes a block of rows when it is asked for the first of
// them and keeps it until it is asked for another block.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "matmul/panel.hpp"

namespace rosenblatt::matmul {

class MiddleRows {
  public:
    /// `rows_of_panel` rows of X each, the last one the rest. What is given must outlive it.
    MiddleRows(const Middle& middle, int64_t rows, int64_t rows_of_panel,
               const ParallelFor& parallel_for);

    /// Of the first product.
    Output target();
    /// X of the second product, `rows` rows of the middle.
    Input input();
    /// The next panel of the first product, which holds its results.
    void add(Panel& panel) { panels_.push_back(&panel); }

  private:
    struct Block;
    static Block& block_of_thread();
    const float* read(int64_t m);
    void make(size_t panel, size_t block, Block& to);
    bool confirm(int64_t m);

    const Middle& middle_;
    const int64_t rows_, rows_of_panel_, n_;
    const ParallelFor& parallel_for_;
    const uint64_t serial_;             ///< of all there ever were
    std::atomic<uint32_t> mended_ = 0;  ///< blocks made before are not to be used
    std::vector<Panel*> panels_;
};

}  // namespace rosenblatt::matmul
