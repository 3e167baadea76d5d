// SPDX-License-Identifier: MIT
// Turns: a lock that its waiters get in the order they asked for it. A plain mutex may go back to
// the thread that just gave it up, and a client that multiplies without pause would leave the
// others waiting.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace rosenblatt::matmul {

/// For std::lock_guard.
class Turns {
  public:
    void lock() {
        std::unique_lock lock(mutex_);
        const uint64_t mine = asked_++;
        changed_.wait(lock, [&] { return mine == served_; });
    }

    void unlock() {
        {
            const std::lock_guard lock(mutex_);
            ++served_;
        }
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    uint64_t asked_ = 0;
    uint64_t served_ = 0;
};

}  // namespace rosenblatt::matmul
