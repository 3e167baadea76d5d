// SPDX-License-Identifier: MIT
#include "ggml/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace rosenblatt::ggml {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto k_silent = 1s;  // a load that takes less needs no progress
constexpr auto k_step = 200ms;

}  // namespace

PackingProgress::PackingProgress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void PackingProgress::advance(size_t bytes, size_t total) {
    if (!terminal_ || total == 0) return;
    const auto now = Clock::now();
    if (total != total_) {  // another buffer: another model, or its next part
        total_ = total;
        done_ = 0;
        begin_ = last_ = now;
    }
    done_ += bytes;
    // Tensors are padded, so the buffer is a little larger than their sum.
    if (done_ >= total_ - total_ / 64) return clear();
    if (now - begin_ < k_silent || now - last_ < k_step) return;
    last_ = now;
    show(static_cast<int>(std::min<size_t>(99, done_ * 100 / total_)));
}

void PackingProgress::show(int percent) {
    std::fprintf(stderr, "\rrocket: packing weights for the NPU: %2d %%", percent);
    std::fflush(stderr);
    shown_ = true;
}

void PackingProgress::clear() {
    if (!shown_) return;
    std::fprintf(stderr, "\r%60s\r", "");
    std::fflush(stderr);
    shown_ = false;
}

}  // namespace rosenblatt::ggml
