// SPDX-License-Identifier: MIT
// PackingProgress: how far loading has come, on a terminal; nothing anywhere else.
#pragma once

#include <chrono>
#include <cstddef>

namespace rosenblatt::ggml {

/// Not thread-safe in its figures, which only a person reads; one loader writes weights at a time.
class PackingProgress {
  public:
    PackingProgress();

    /// `bytes` more of a buffer of `total` bytes are loaded and packed.
    void advance(size_t bytes, size_t total);

  private:
    void show(int percent);
    void clear();

    const bool terminal_;
    size_t done_ = 0;
    size_t total_ = 0;
    bool shown_ = false;
    std::chrono::steady_clock::time_point begin_, last_;
};

}  // namespace rosenblatt::ggml
