// SPDX-License-Identifier: MIT
// Writing the stream of one task, and finding the tasks in a run of words.
#pragma once

#include <span>
#include <vector>

#include "regcmd/word.hpp"

namespace rosenblatt::regcmd {

/// NOP or link, amounts of the next stream, marker, enable word.
inline constexpr size_t k_tail_words = 4;

/// What PC.REGISTER_AMOUNTS holds for a stream of that many words: 128-bit units less one.
constexpr uint32_t register_amounts(size_t words) {
    return static_cast<uint32_t>((words + 1) / 2) - 1;
}

/// Words the PC fetches for a REGISTER_AMOUNTS value; the inverse, rounded up to whole units.
constexpr size_t fetched_words(uint32_t amounts) {
    return (size_t{amounts} + 1) * 2;
}

/// Collects register writes in order. Blocks with ping-pong groups want their S_POINTER first.
class StreamBuilder {
  public:
    /// `reg` is a generated register struct: write(cna::CBUF_CON0{.data_bank = 4, .weight_bank =
    /// 8}).
    template <typename R>
    StreamBuilder& write(const R& reg) {
        static_assert(npu::info(R::block).target != 0, "no stream reaches this block");
        return raw(npu::info(R::block).target, R::offset, reg.pack());
    }

    /// For what registers/*.toml does not describe.
    StreamBuilder& raw(uint16_t target, uint16_t offset, uint32_t value);

    size_t size() const { return words_.size(); }

    /// Appends the tail of a stream with no successor, after a NOP where the number of words would
    /// be odd (the PC fetches pairs). The builder is empty afterwards.
    std::vector<uint64_t> finish(const EnableMask& mask);

  private:
    std::vector<uint64_t> words_;
};

/// Cuts after every enable word and drops NOPs between tasks, so a whole regcmd BO can be given.
/// Words after the last enable word form a last part of their own unless all are NOPs.
std::vector<std::span<const uint64_t>> split_tasks(std::span<const uint64_t> words);

}  // namespace rosenblatt::regcmd
