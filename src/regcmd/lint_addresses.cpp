// SPDX-License-Identifier: MIT
// Lint rules about memory: alignment, and whether everything a task touches lies in a buffer.
#include <algorithm>

#include "npu/cube.hpp"
#include "npu/precision.hpp"
#include "regcmd/lint_task.hpp"

namespace rosenblatt::regcmd {

using namespace npu;

namespace {

/// Bytes from an address register on that the task touches: [low, high) relative to it.
struct Extent {
    int64_t low = 0;
    int64_t high = 1;

    void include_atom(int64_t atom) {
        low = std::min(low, atom * k_atom_bytes);
        high = std::max(high, (atom + 1) * k_atom_bytes);
    }
};

/// What a register of addresses is for; knows the alignment and the buffers.
class AddressCheck {
  public:
    AddressCheck(const LintTask& task, std::span<const IovaRange> bos, LintReport& report)
        : task_(task), bos_(bos), report_(report) {}

    template <typename R>
    void check(std::string_view what, const Extent& extent) {
        if (!task_.wrote<R>()) return;
        const int64_t base = task_[task_.at<R>()].value();
        if (base % k_atom_bytes != 0)
            report_.add(Rule::Unaligned, task_.at<R>(),
                        "{} begin at 0x{:x}, which is not a multiple of {}", what, base,
                        k_atom_bytes);
        const int64_t low = base + extent.low, high = base + extent.high;
        const bool inside = std::ranges::any_of(bos_, [&](const IovaRange& bo) {
            return low >= static_cast<int64_t>(bo.iova) &&
                   high <= static_cast<int64_t>(bo.iova + bo.size);
        });
        if (!bos_.empty() && !inside)
            report_.add(Rule::OutsideBo, task_.at<R>(),
                        "{} take 0x{:x} to 0x{:x}, which no buffer holds whole", what, low,
                        high - 1);
    }

  private:
    const LintTask& task_;
    std::span<const IovaRange> bos_;
    LintReport& report_;
};

Extent feature_extent(const LintTask& task) {
    const auto con1 = task.get<cna::CONV_CON1>();
    const auto element = element_of(con1.in_precision);
    Extent extent;
    if (con1.nonalign_dma || con1.argb_in != 0 || !element)
        return extent;  // packed pixels: only the start
    const auto dma = task.get<cna::FC_DATA_SIZE0>();
    const FeatureStrides strides{.group_line_off = con1.group_line_off,
                                 .width = dma.dma_width,
                                 .line_stride = task.get<cna::DMA_CON1>().line_stride,
                                 .surface_stride = task.get<cna::DMA_CON2>().surf_stride};
    const uint32_t surfaces =
        div_round_up<uint32_t>(task.get<cna::FC_DATA_SIZE1>().dma_channel, atom_elements(*element));
    if (surfaces == 0 || dma.dma_width == 0) return extent;
    for (const uint32_t surface : {0u, surfaces - 1})
        for (uint32_t y = 0; y < dma.dma_height; ++y)
            for (const uint32_t x : {0u, dma.dma_width - 1})
                extent.include_atom(strides.atom(surface, y, x));
    return extent;
}

Extent weight_extent(const LintTask& task) {
    const bool compressed =
        task.get<cna::DCOMP_CTRL>().control != 0 || task.get<cna::DCOMP_REGNUM>().value != 0;
    const int64_t bytes = task.get<cna::WEIGHT_SIZE0>().value;
    return {.low = 0, .high = compressed ? 1 : std::max<int64_t>(bytes, 1)};
}

Extent output_extent(const LintTask& task) {
    const auto element = element_of(task.get<dpu::DATA_FORMAT>().out_precision);
    const auto size = task.get<dpu::WDMA_SIZE_1>();
    const OutputStrides strides{.width = size.width,
                                .line_notch = task.get<dpu::DATA_CUBE_NOTCH>().notch_0,
                                .surface_stride = task.get<dpu::DST_SURF_STRIDE>().surf_stride,
                                .group_stride = task.get<dpu::SURFACE_ADD>().surf_add,
                                .group_atoms = task.get<dpu::BS_OW_CFG>().size_e_0 + 1};
    Extent extent;
    if (!element) return extent;
    const uint64_t atoms = bytes_of(*element, task.get<dpu::WDMA_SIZE_0>().channel) / k_atom_bytes;
    for (uint32_t atom = 0; atom < atoms; ++atom)
        extent.include_atom(
            static_cast<int64_t>(strides.atom(atom, size.height - 1, size.width - 1)));
    return extent;
}

void check_convolution(const LintTask& task, AddressCheck& addresses) {
    const auto cbuf = task.get<cna::CBUF_CON0>();
    if (!cbuf.data_reuse)
        addresses.check<cna::FEATURE_DATA_ADDR>("the features", feature_extent(task));
    if (!cbuf.weight_reuse) addresses.check<cna::DCOMP_ADDR0>("the weights", weight_extent(task));
}

void check_operands(const LintTask& task, AddressCheck& addresses) {
    // Real channels only: Mesa's buffers end there, although CUBE_CHANNEL is aligned.
    const Extent per_channel{.low = 0,
                             .high = int64_t{4} * task.get<dpu::DATA_CUBE_CHANNEL>().orig_channel};
    const auto mode = task.get<dpu_rdma::FEATURE_MODE_CFG>();
    const auto brdma = task.get<dpu_rdma::BRDMA_CFG>();
    const auto nrdma = task.get<dpu_rdma::NRDMA_CFG>();
    if (brdma.use_alu)
        addresses.check<dpu_rdma::BS_BASE_ADDR>("the BS operands", per_channel);
    else if (brdma.pack() != 0)
        addresses.check<dpu_rdma::BS_BASE_ADDR>("the BS operands", {});
    if (nrdma.use_alu)
        addresses.check<dpu_rdma::BN_BASE_ADDR>("the BN operands", per_channel);
    else if (nrdma.pack() != 0)
        addresses.check<dpu_rdma::BN_BASE_ADDR>("the BN operands", {});
    if (!task.get<dpu_rdma::ERDMA_CFG>().disable)
        addresses.check<dpu_rdma::EW_BASE_ADDR>("the elementwise operands", {});
    if (!mode.mrdma_disable) addresses.check<dpu_rdma::SRC_BASE_ADDR>("the main data", {});
}

}  // namespace

void lint_addresses(const LintTask& task, std::span<const IovaRange> bos, LintReport& report) {
    constexpr uint32_t to_memory = 2;  // DPU.FEATURE_MODE_CFG.output_mode, bit 1
    AddressCheck addresses(task, bos, report);
    if (task.runs(Block::Cna)) check_convolution(task, addresses);
    if (task.runs(Block::DpuRdma)) check_operands(task, addresses);
    if (task.runs(Block::Dpu) && (task.get<dpu::FEATURE_MODE_CFG>().output_mode & to_memory) != 0)
        addresses.check<dpu::DST_BASE_ADDR>("the results", output_extent(task));
    if (task.runs(Block::Ppu)) addresses.check<ppu::DST_BASE_ADDR>("the pooled results", {});
    if (task.runs(Block::PpuRdma)) addresses.check<ppu_rdma::SRC_BASE_ADDR>("the data to pool", {});
}

}  // namespace rosenblatt::regcmd
