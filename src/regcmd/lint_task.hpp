// SPDX-License-Identifier: MIT
// What lint rules look at and write to; internal to lint*.cpp.
#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "regcmd/lint.hpp"
#include "regcmd/word.hpp"

namespace rosenblatt::regcmd {

/// The words of a task and the registers they leave behind.
class LintTask {
  public:
    explicit LintTask(std::span<const uint64_t> words);

    size_t size() const { return words_.size(); }
    Word operator[](size_t index) const { return Word{words_[index]}; }

    /// Index of the first enable word.
    std::optional<size_t> enable() const { return enable_; }
    EnableMask mask() const;

    /// The block runs: the enable word starts it, or there is none and the task writes to the
    /// block.
    bool runs(npu::Block block) const;

    /// First write to a register of the block, S_POINTER not counted.
    std::optional<size_t> first_write(npu::Block block) const;

    /// Word that wrote the register last.
    std::optional<size_t> write_of(uint16_t offset) const;

    template <typename... R>
    bool wrote() const {
        return (write_of(R::offset).has_value() && ...);
    }
    /// Value at the end of the task; all zero when it was not written.
    template <typename R>
    R get() const {
        const auto at = write_of(R::offset);
        return R::unpack(at ? (*this)[*at].value() : 0);
    }
    /// Where to point at for a register: its last write, or the end of the task.
    template <typename R>
    size_t at() const {
        return write_of(R::offset).value_or(last_word());
    }
    size_t last_word() const { return words_.empty() ? 0 : words_.size() - 1; }

  private:
    std::span<const uint64_t> words_;
    std::optional<size_t> enable_;
    std::map<uint16_t, size_t> last_write_;
    std::map<npu::Block, size_t> first_write_;
};

class LintReport {
  public:
    template <typename... Values>
    void add(Rule rule, size_t word, fmt::format_string<Values...> sentence, Values&&... values) {
        findings.push_back({rule, word, fmt::format(sentence, std::forward<Values>(values)...)});
    }
    std::vector<Finding> findings;
};

// One function per chapter; each adds its findings.
void lint_words(const LintTask& task, LintReport& report);
void lint_tail(const LintTask& task, LintReport& report);
void lint_pointers(const LintTask& task, LintReport& report);
void lint_rdma(const LintTask& task, LintReport& report);
void lint_unwritten(const LintTask& task, LintReport& report);
void lint_cbuf(const LintTask& task, LintReport& report);
void lint_convolution(const LintTask& task, LintReport& report);
void lint_features(const LintTask& task, LintReport& report);
void lint_output(const LintTask& task, LintReport& report);
void lint_formats(const LintTask& task, LintReport& report);
void lint_addresses(const LintTask& task, std::span<const IovaRange> bos, LintReport& report);

}  // namespace rosenblatt::regcmd
