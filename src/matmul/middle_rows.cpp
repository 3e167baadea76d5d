// SPDX-License-Identifier: MIT
#include "matmul/middle_rows.hpp"

#include <algorithm>

namespace rosenblatt::matmul {
namespace {

uint64_t next_serial() {
    static std::atomic<uint64_t> last{0};
    return ++last;
}

}  // namespace

/// Whose rows it holds, and which; [row][n_] floats.
struct MiddleRows::Block {
    uint64_t serial = 0;
    uint32_t mended = 0;
    size_t panel = 0, block = 0;
    int64_t m0 = 0;
    std::vector<float> values;
};

MiddleRows::Block& MiddleRows::block_of_thread() {
    static thread_local Block block;
    return block;
}

MiddleRows::MiddleRows(const Middle& middle, int64_t rows, int64_t rows_of_panel,
                       const ParallelFor& parallel_for)
    : middle_(middle),
      rows_(rows),
      rows_of_panel_(rows_of_panel),
      n_(middle.weights->shape().n),
      parallel_for_(parallel_for),
      serial_(next_serial()) {}

Output MiddleRows::target() {
    const auto write = [this](const Piece& piece) {
        Block& block = block_of_thread();
        middle_.make(piece, block.values.data() + (piece.m0 - block.m0) * n_ + piece.n0, n_);
    };
    return {.weights = middle_.weights, .write = write, .second = middle_.second};
}

Input MiddleRows::input() {
    Input rows{.rows = rows_,
               .read = [this](int64_t m, float*) { return read(m); },
               .confirm = [this](int64_t m, int64_t) { return confirm(m); },
               .from_results = true};
    return middle_.read_as ? middle_.read_as(std::move(rows)) : rows;
}

void MiddleRows::make(size_t panel, size_t block, Block& to) {
    const PanelRows& rows = panels_[panel]->blocks()[block];
    to.serial = serial_;
    to.mended = mended_;
    to.panel = panel;
    to.block = block;
    to.m0 = static_cast<int64_t>(panel) * rows_of_panel_ + rows.first;
    const auto floats = static_cast<size_t>(rows.count * n_);
    if (to.values.size() < floats) to.values.resize(floats);
    panels_[panel]->hand_over(block);
}

const float* MiddleRows::read(int64_t m) {
    const auto panel = static_cast<size_t>(m / rows_of_panel_);
    const auto& blocks = panels_[panel]->blocks();
    const auto after =
        std::upper_bound(blocks.begin(), blocks.end(), m % rows_of_panel_,
                         [](int64_t row, const PanelRows& rows) { return row < rows.first; });
    const auto block = static_cast<size_t>(after - blocks.begin()) - 1;
    Block& known = block_of_thread();
    if (known.serial != serial_ || known.mended != mended_ || known.panel != panel ||
        known.block != block)
        make(panel, block, known);
    return known.values.data() + (m - known.m0) * n_;
}

bool MiddleRows::confirm(int64_t m) {
    const auto index = static_cast<size_t>(m / rows_of_panel_);
    Panel& panel = *panels_[index];
    // A row out of range ends the reading early, and may be a fault's.
    parallel_for_(static_cast<int64_t>(panel.blocks().size()), [&](int64_t begin, int64_t end) {
        for (auto block = static_cast<size_t>(begin); block < static_cast<size_t>(end); ++block)
            if (!panel.was_handed_over(block)) make(index, block, block_of_thread());
    });
    if (panel.confirm()) return true;
    ++mended_;
    return false;
}

}  // namespace rosenblatt::matmul
