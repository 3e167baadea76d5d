// SPDX-License-Identifier: MIT
// Lint rules about the stream as such: words, tail, register groups, what was not written.
#include <array>
#include <string>

#include "regcmd/disassemble.hpp"
#include "regcmd/lint_task.hpp"
#include "regcmd/stream.hpp"

namespace rosenblatt::regcmd {

using npu::Block;

namespace {

void lint_register_word(Word word, size_t index, LintReport& report) {
    const npu::BlockInfo& block = *word.block();
    const npu::RegisterInfo* entry = npu::find_register(word.offset());
    const std::string name = register_name(block, word.offset());
    if (word.target() != block.target)
        report.add(Rule::OddTarget, index, "{} is addressed by target 0x{:04x} instead of 0x{:04x}",
                   name, word.target(), block.target);
    if (!npu::in_window(block.block, word.offset()))
        report.add(Rule::WrongBlock, index,
                   "offset 0x{:04x} is not in block {} (0x{:04x} to 0x{:04x})", word.offset(),
                   block.name, block.base, block.base + npu::k_block_window - 1);
    else if (entry == nullptr)
        report.add(Rule::UnknownRegister, index, "{} = 0x{:x} is a register nobody has described",
                   name, word.value());
    else if ((word.value() & entry->reserved) != 0)
        report.add(Rule::ReservedBits, index, "{} = 0x{:x} sets reserved bits 0x{:x}", name,
                   word.value(), word.value() & entry->reserved);
}

}  // namespace

void lint_words(const LintTask& task, LintReport& report) {
    for (size_t index = 0; index < task.size(); ++index) {
        const Word word = task[index];
        switch (word.kind()) {
            case WordKind::Register:
                lint_register_word(word, index, report);
                break;
            case WordKind::Unknown:
                report.add(Rule::UnknownWord, index, "0x{:016x} selects no block, or several",
                           word.bits);
                break;
            case WordKind::Enable:
                if ((word.value() & EnableMask::reserved) != 0)
                    report.add(Rule::ReservedBits, index,
                               "the enable word sets reserved bits 0x{:x}",
                               word.value() & EnableMask::reserved);
                if (word.target() != k_enable_target)
                    report.add(Rule::OddTarget, index,
                               "the enable word has target 0x{:04x} instead of 0x{:04x}",
                               word.target(), k_enable_target);
                break;
            case WordKind::Nop:
            case WordKind::Marker:
                break;
        }
    }
}

namespace {

constexpr uint32_t k_known_masks[] = {
    EnableMask{.cna = true, .core = true, .dpu = true}.pack(),  // matmul
    EnableMask{.cna = true, .core = true, .dpu = true, .dpu_rdma = true}
        .pack(),                                       // with bias or operand
    EnableMask{.dpu = true, .dpu_rdma = true}.pack(),  // flying
    EnableMask{.ppu = true, .ppu_rdma = true}.pack(),  // pooling
};

void lint_mask(const EnableMask& mask, size_t at, LintReport& report) {
    const uint32_t bits = mask.pack();
    bool known = false;
    for (const uint32_t candidate : k_known_masks) known = known || candidate == bits;
    if (bits == 0)
        report.add(Rule::EmptyMask, at, "the enable word starts no block");
    else if (!known)
        report.add(Rule::UnusualMask, at,
                   "enable mask 0x{:x} is a combination nobody is known to run", bits);
    if ((mask.ppu || mask.ppu_rdma) && !mask.dpu)
        report.add(
            Rule::PpuAlone, at,
            "the task starts the PPU without the DPU: mainline waits for the DPU's interrupt "
            "and resets the core after 500 ms");
}

bool is_write(Word word, uint16_t offset) {
    return word.kind() == WordKind::Register && word.block()->block == Block::Pc &&
           word.offset() == offset;
}

}  // namespace

void lint_tail(const LintTask& task, LintReport& report) {
    if (task.size() % 2 != 0)
        report.add(Rule::OddLength, task.last_word(),
                   "{} words: the PC fetches pairs and takes whatever follows as the last word",
                   task.size());
    if (!task.enable()) {
        report.add(Rule::NoEnable, task.last_word(),
                   "no enable word: nothing starts and the job times out");
        return;
    }
    const size_t enable = *task.enable();
    lint_mask(task.mask(), enable, report);
    if (enable < 1 || task[enable - 1].kind() != WordKind::Marker)
        report.add(Rule::Marker, enable,
                   "the word before the enable word must be the marker 0x{:016x}", k_marker.bits);
    else if (enable < 3 || !is_write(task[enable - 2], npu::pc::REGISTER_AMOUNTS::offset) ||
             !(task[enable - 3].kind() == WordKind::Nop ||
               is_write(task[enable - 3], npu::pc::BASE_ADDRESS::offset)))
        report.add(Rule::Tail, enable,
                   "before the marker every emitter has a NOP or PC.BASE_ADDRESS, then "
                   "PC.REGISTER_AMOUNTS");
    for (size_t index = enable + 1; index < task.size(); ++index)
        if (task[index].kind() != WordKind::Nop) {
            report.add(Rule::AfterEnable, index, "words follow the enable word at {}", enable);
            break;
        }
}

namespace {

template <typename Pointer>
void lint_pointer(const LintTask& task, LintReport& report) {
    if (!task.runs(Pointer::block)) return;
    constexpr uint32_t usual =
        Pointer{.pointer_pp_en = true, .executer_pp_en = true, .pointer_pp_mode = true}.pack();
    const std::string_view block = npu::info(Pointer::block).name;
    const auto first = task.first_write(Pointer::block);
    const auto pointer = task.write_of(Pointer::offset);
    if (!pointer) {
        report.add(Rule::PointerMissing, task.enable().value_or(task.last_word()),
                   "{}.S_POINTER is not written, so the register group is left to chance; write "
                   "0x{:x} first",
                   block, usual);
        return;
    }
    if (first && *first < *pointer)
        report.add(Rule::PointerLate, *pointer,
                   "{}.S_POINTER comes after a register of its block at word {}", block, *first);
    if (task[*pointer].value() != usual)
        report.add(Rule::PointerValue, *pointer,
                   "{}.S_POINTER = 0x{:x}; every emitter writes 0x{:x}", block,
                   task[*pointer].value(), usual);
}

}  // namespace

// The kernel writes S_POINTER of CNA and CORE itself, before each task.
void lint_pointers(const LintTask& task, LintReport& report) {
    lint_pointer<npu::dpu::S_POINTER>(task, report);
    lint_pointer<npu::dpu_rdma::S_POINTER>(task, report);
    lint_pointer<npu::ppu::S_POINTER>(task, report);
    lint_pointer<npu::ppu_rdma::S_POINTER>(task, report);
}

void lint_rdma(const LintTask& task, LintReport& report) {
    using namespace npu::dpu_rdma;
    if (!task.runs(Block::DpuRdma)) return;
    const auto mode = task.get<FEATURE_MODE_CFG>();
    const auto erdma = task.get<ERDMA_CFG>();
    if (!mode.mrdma_disable && !mode.flying_mode && mode.comb_use == 0)
        report.add(Rule::RdmaUnconfigured, task.at<FEATURE_MODE_CFG>(),
                   "DPU_RDMA is enabled and its MRDMA neither disabled nor given work, so the task "
                   "never ends; "
                   "set FEATURE_MODE_CFG.mrdma_disable");
    if (!erdma.disable && !task.wrote<EW_BASE_ADDR>())
        report.add(Rule::RdmaUnconfigured, task.at<ERDMA_CFG>(),
                   "DPU_RDMA is enabled and its ERDMA neither disabled nor given an address, so "
                   "the task never "
                   "ends; set ERDMA_CFG.disable");
}

namespace {

/// Registers of a block that every published emitter writes in every task.
template <typename... R>
struct Essential {
    static void check(const LintTask& task, LintReport& report) {
        constexpr Block block = std::array{R::block...}[0];
        if (!task.runs(block)) return;
        std::string missing;
        const auto note = [&](uint16_t offset) {
            if (task.write_of(offset)) return;
            missing +=
                (missing.empty() ? "" : ", ") + std::string(npu::find_register(offset)->name);
        };
        (note(R::offset), ...);
        if (!missing.empty())
            report.add(Rule::Unwritten, task.enable().value_or(task.last_word()),
                       "{} keeps what an earlier task left in {}", npu::info(block).name, missing);
    }
};

using namespace npu;
using EssentialCna =
    Essential<cna::CONV_CON1, cna::CONV_CON2, cna::CONV_CON3, cna::DATA_SIZE0, cna::DATA_SIZE1,
              cna::DATA_SIZE2, cna::DATA_SIZE3, cna::WEIGHT_SIZE0, cna::WEIGHT_SIZE1,
              cna::WEIGHT_SIZE2, cna::CBUF_CON0, cna::CBUF_CON1, cna::CVT_CON0, cna::PAD_CON0,
              cna::FEATURE_DATA_ADDR, cna::DMA_CON0, cna::DMA_CON1, cna::DMA_CON2,
              cna::FC_DATA_SIZE0, cna::FC_DATA_SIZE1, cna::DCOMP_CTRL, cna::DCOMP_ADDR0>;
using EssentialCore =
    Essential<core::MISC_CFG, core::DATAOUT_SIZE_0, core::DATAOUT_SIZE_1, core::CLIP_TRUNCATE>;
using EssentialDpu =
    Essential<dpu::FEATURE_MODE_CFG, dpu::DATA_FORMAT, dpu::DST_BASE_ADDR, dpu::DST_SURF_STRIDE,
              dpu::DATA_CUBE_WIDTH, dpu::DATA_CUBE_HEIGHT, dpu::DATA_CUBE_NOTCH,
              dpu::DATA_CUBE_CHANNEL, dpu::BS_CFG, dpu::BS_ALU_CFG, dpu::BS_MUL_CFG,
              dpu::BS_RELUX_CMP, dpu::BS_OW_CFG, dpu::WDMA_SIZE_0, dpu::WDMA_SIZE_1, dpu::BN_CFG,
              dpu::EW_CFG, dpu::OUT_CVT_OFFSET, dpu::OUT_CVT_SCALE, dpu::OUT_CVT_SHIFT,
              dpu::SURFACE_ADD>;
using EssentialRdma = Essential<dpu_rdma::CUBE_WIDTH, dpu_rdma::CUBE_HEIGHT, dpu_rdma::CUBE_CHANNEL,
                                dpu_rdma::BRDMA_CFG, dpu_rdma::NRDMA_CFG, dpu_rdma::ERDMA_CFG,
                                dpu_rdma::FEATURE_MODE_CFG>;

}  // namespace

void lint_unwritten(const LintTask& task, LintReport& report) {
    EssentialCna::check(task, report);
    EssentialCore::check(task, report);
    EssentialDpu::check(task, report);
    EssentialRdma::check(task, report);
}

}  // namespace rosenblatt::regcmd
