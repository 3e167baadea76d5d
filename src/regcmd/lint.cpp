// SPDX-License-Identifier: MIT
// The rules by name, and running all of them over a task.
#include "regcmd/lint.hpp"

#include <algorithm>

#include "regcmd/lint_task.hpp"

namespace rosenblatt::regcmd {
namespace {

constexpr RuleInfo k_rules[] = {
    {Rule::UnknownWord, "unknown-word", Severity::Error, "the word selects no block, or several"},
    {Rule::UnknownRegister, "unknown-register", Severity::Warning,
     "a register nobody has described"},
    {Rule::WrongBlock, "wrong-block", Severity::Error,
     "the offset lies outside the target's block"},
    {Rule::ReservedBits, "reserved-bits", Severity::Error, "bits are set that no field names"},
    {Rule::OddTarget, "odd-target", Severity::Warning,
     "target bits differ from what every emitter writes"},
    {Rule::NoEnable, "no-enable", Severity::Error,
     "no enable word: nothing starts, the job times out"},
    {Rule::EmptyMask, "empty-mask", Severity::Error, "the enable word starts no block"},
    {Rule::UnusualMask, "unusual-mask", Severity::Warning,
     "a combination of blocks nobody is known to run"},
    {Rule::PpuAlone, "ppu-alone", Severity::Warning,
     "mainline waits for the DPU; a PPU task alone times out"},
    {Rule::Marker, "marker", Severity::Error, "the word before the enable word is not the marker"},
    {Rule::Tail, "tail", Severity::Warning, "link and amounts are missing before the marker"},
    {Rule::AfterEnable, "after-enable", Severity::Error, "words follow the enable word"},
    {Rule::OddLength, "odd-length", Severity::Warning, "the PC fetches pairs of words"},
    {Rule::PointerMissing, "s-pointer-missing", Severity::Error,
     "a block runs with whatever register group was last"},
    {Rule::PointerLate, "s-pointer-late", Severity::Error,
     "S_POINTER must precede the block's other registers"},
    {Rule::PointerValue, "s-pointer-value", Severity::Warning, "every emitter writes 0xe"},
    {Rule::RdmaUnconfigured, "rdma-unconfigured", Severity::Error,
     "an enabled read DMA without work never completes"},
    {Rule::Unwritten, "unwritten", Severity::Warning,
     "a register that matters keeps the value of an earlier task"},
    {Rule::BankSum, "bank-sum", Severity::Error, "the CBUF has 12 banks"},
    {Rule::BankNone, "bank-none", Severity::Error, "features and weights need a bank each"},
    {Rule::FcDataBank, "fc-data-bank", Severity::Error, "any value but 0 corrupts the result"},
    {Rule::KernelsTooMany, "kernels-too-many", Severity::Error,
     "more than 8192 kernels are silently wrong"},
    {Rule::KernelsMany, "kernels-many", Severity::Warning,
     "above 4096 kernels the next job was seen to hang"},
    {Rule::KernelBytes, "kernel-bytes", Severity::Error, "one kernel must fit one CBUF bank"},
    {Rule::GrainsZero, "grains-zero", Severity::Error, "no rows to wait for"},
    {Rule::StrideZero, "stride-zero", Severity::Error, "a convolution moves by at least one pixel"},
    {Rule::WeightSize, "weight-size", Severity::Error, "total is not bytes per kernel x kernels"},
    {Rule::KernelShape, "kernel-shape", Severity::Error,
     "bytes per kernel disagree with its shape"},
    {Rule::DataEntries, "data-entries", Severity::Warning, "CBUF entries disagree with the row"},
    {Rule::FeatureStrides, "feature-strides", Severity::Warning,
     "feature strides disagree with the map"},
    {Rule::DmaSize, "dma-size", Severity::Warning,
     "the DMA's window differs from the convolution's"},
    {Rule::OutputSize, "output-size", Severity::Error,
     "blocks disagree about the output's width or height"},
    {Rule::OutputChannels, "output-channels", Severity::Error,
     "blocks disagree about the output's channels"},
    {Rule::SurfaceAdd, "surface-add", Severity::Error,
     "kernel groups are not a whole number of surfaces apart"},
    {Rule::SizeE, "size-e", Severity::Warning, "atoms per kernel group disagree with the formats"},
    {Rule::Notch, "notch", Severity::Warning, "the two halves differ"},
    {Rule::Precision, "precision", Severity::Warning, "blocks disagree about the number format"},
    {Rule::ConvMode, "conv-mode", Severity::Error, "blocks disagree about depthwise"},
    {Rule::Fp16Output, "fp16-output", Severity::Warning,
     "fp16 output without the fp32-to-fp16 converter"},
    {Rule::Unaligned, "unaligned", Severity::Error, "DMA addresses are multiples of 16"},
    {Rule::OutsideBo, "outside-bo", Severity::Error,
     "the task reaches memory outside the given buffers"},
};

constexpr bool in_enum_order() {
    for (size_t i = 0; i < std::size(k_rules); ++i)
        if (k_rules[i].rule != static_cast<Rule>(i)) return false;
    return std::size(k_rules) == static_cast<size_t>(Rule::OutsideBo) + 1;
}
static_assert(in_enum_order(), "k_rules and enum Rule must list the same rules in one order");

}  // namespace

std::span<const RuleInfo> lint_rules() {
    return k_rules;
}
const RuleInfo& info(Rule rule) {
    return k_rules[static_cast<size_t>(rule)];
}

LintTask::LintTask(std::span<const uint64_t> words) : words_(words) {
    for (size_t index = 0; index < words.size(); ++index) {
        const Word word{words[index]};
        if (word.kind() == WordKind::Enable && !enable_) enable_ = index;
        if (word.kind() != WordKind::Register) continue;
        const npu::Block block = word.block()->block;
        if (!npu::in_window(block, word.offset())) continue;
        last_write_[word.offset()] = index;
        if (word.offset() - word.block()->base !=
            npu::dpu::S_POINTER::offset - npu::info(npu::Block::Dpu).base)
            first_write_.try_emplace(block, index);
    }
}

EnableMask LintTask::mask() const {
    return EnableMask::unpack(enable_ ? (*this)[*enable_].value() : 0);
}

bool LintTask::runs(npu::Block block) const {
    if (!enable_) return first_write_.contains(block);
    return (mask().pack() & npu::info(block).enable) != 0;
}

std::optional<size_t> LintTask::first_write(npu::Block block) const {
    const auto found = first_write_.find(block);
    return found == first_write_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<size_t> LintTask::write_of(uint16_t offset) const {
    const auto found = last_write_.find(offset);
    return found == last_write_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Finding> lint(std::span<const uint64_t> words, std::span<const IovaRange> bos) {
    const LintTask task(words);
    LintReport report;
    lint_words(task, report);
    lint_tail(task, report);
    lint_pointers(task, report);
    lint_rdma(task, report);
    lint_unwritten(task, report);
    if (task.runs(npu::Block::Cna)) {
        lint_cbuf(task, report);
        lint_convolution(task, report);
        lint_features(task, report);
    }
    if (task.runs(npu::Block::Dpu)) {
        lint_output(task, report);
        lint_formats(task, report);
    }
    lint_addresses(task, bos, report);
    std::ranges::stable_sort(report.findings, {}, &Finding::word);
    return std::move(report.findings);
}

}  // namespace rosenblatt::regcmd
