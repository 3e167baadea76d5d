// SPDX-License-Identifier: MIT
// Lint rules about sizes, strides and formats that must agree (hardware.md 4 and 11).
#include "npu/cube.hpp"
#include "npu/precision.hpp"
#include "regcmd/lint_task.hpp"

namespace rosenblatt::regcmd {

using npu::Element;
using namespace npu;

void lint_cbuf(const LintTask& task, LintReport& report) {
    if (!task.wrote<cna::CBUF_CON0>()) return;
    const auto con = task.get<cna::CBUF_CON0>();
    const size_t at = task.at<cna::CBUF_CON0>();
    if (con.data_bank + con.weight_bank > k_cbuf_banks)
        report.add(Rule::BankSum, at,
                   "{} data banks and {} weight banks are more than the CBUF's {}", con.data_bank,
                   con.weight_bank, k_cbuf_banks);
    if (con.data_bank == 0 || con.weight_bank == 0)
        report.add(Rule::BankNone, at, "{} data banks and {} weight banks: each needs at least one",
                   con.data_bank, con.weight_bank);
    if (con.fc_data_bank != 0)
        report.add(Rule::FcDataBank, at, "fc_data_bank = {} corrupts the result; write 0",
                   con.fc_data_bank);
}

namespace {

void lint_kernels(const LintTask& task, LintReport& report) {
    if (!task.wrote<cna::WEIGHT_SIZE0, cna::WEIGHT_SIZE1, cna::WEIGHT_SIZE2>()) return;
    const auto shape = task.get<cna::WEIGHT_SIZE2>();
    const uint64_t kernel_bytes = task.get<cna::WEIGHT_SIZE1>().bytes_per_kernel;
    const uint64_t total = task.get<cna::WEIGHT_SIZE0>().value;
    const size_t at = task.at<cna::WEIGHT_SIZE2>();
    if (shape.kernels > k_max_output_channels)
        report.add(Rule::KernelsTooMany, at, "{} kernels in one task; {} is the limit",
                   shape.kernels, k_max_output_channels);
    else if (shape.kernels > 4096)
        report.add(Rule::KernelsMany, at,
                   "{} kernels in one task: above 4096 the next job was seen to hang",
                   shape.kernels);
    if (kernel_bytes > k_max_kernel_bytes)
        report.add(Rule::KernelBytes, task.at<cna::WEIGHT_SIZE1>(),
                   "{} bytes per kernel do not fit one CBUF bank of {}; split K", kernel_bytes,
                   k_max_kernel_bytes);
    if (total != kernel_bytes * shape.kernels)
        report.add(Rule::WeightSize, task.at<cna::WEIGHT_SIZE0>(),
                   "{} bytes of weights are not {} kernels of {} bytes", total, shape.kernels,
                   kernel_bytes);
    const auto element = element_of(task.get<cna::CONV_CON1>().in_precision);
    const uint32_t channels = task.get<cna::DATA_SIZE1>().datain_channel;
    if (!element || !task.wrote<cna::CONV_CON1, cna::DATA_SIZE1>()) return;
    const uint64_t expected = bytes_of(*element, uint64_t{shape.width} * shape.height * channels);
    if (kernel_bytes != expected)
        report.add(Rule::KernelShape, task.at<cna::WEIGHT_SIZE1>(),
                   "{} bytes per kernel, but {}x{} pixels of {} channels are {}", kernel_bytes,
                   shape.width, shape.height, channels, expected);
}

bool few_channel_image(const cna::CONV_CON1& con) {
    return con.nonalign_dma || con.argb_in != 0;
}

}  // namespace

void lint_convolution(const LintTask& task, LintReport& report) {
    lint_kernels(task, report);
    const auto con2 = task.get<cna::CONV_CON2>();
    const auto con3 = task.get<cna::CONV_CON3>();
    if (task.wrote<cna::CONV_CON2>() && con2.feature_grains == 0)
        report.add(Rule::GrainsZero, task.at<cna::CONV_CON2>(),
                   "feature_grains is 0; write at least 1 row");
    if (task.wrote<cna::CONV_CON3>() && (con3.conv_x_stride == 0 || con3.conv_y_stride == 0))
        report.add(Rule::StrideZero, task.at<cna::CONV_CON3>(), "convolution stride {}x{}",
                   con3.conv_x_stride, con3.conv_y_stride);
}

void lint_features(const LintTask& task, LintReport& report) {
    if (!task.wrote<cna::CONV_CON1, cna::DATA_SIZE0, cna::DATA_SIZE1, cna::FC_DATA_SIZE0,
                    cna::FC_DATA_SIZE1>())
        return;
    const auto con1 = task.get<cna::CONV_CON1>();
    const auto element = element_of(con1.in_precision);
    if (few_channel_image(con1) || !element) return;  // packed pixels follow other formulas
    const auto window = task.get<cna::DATA_SIZE0>();
    const auto dma = task.get<cna::FC_DATA_SIZE0>();
    const uint32_t channels = task.get<cna::DATA_SIZE1>().datain_channel;
    const uint32_t dma_channels = task.get<cna::FC_DATA_SIZE1>().dma_channel;
    if (dma.dma_width != window.datain_width || dma.dma_height != window.datain_height ||
        dma_channels != channels)
        report.add(Rule::DmaSize, task.at<cna::FC_DATA_SIZE0>(),
                   "the DMA fetches {}x{}x{}, the convolution takes {}x{}x{}", dma.dma_width,
                   dma.dma_height, dma_channels, window.datain_width, window.datain_height,
                   channels);
    const uint64_t row =
        cbuf_row_bytes(bytes_of(*element, uint64_t{window.datain_width} * channels));
    const uint32_t entries = task.get<cna::CBUF_CON1>().data_entries;
    if (task.wrote<cna::CBUF_CON1>() && entries * uint64_t{k_cbuf_entry_bytes} != row)
        report.add(Rule::DataEntries, task.at<cna::CBUF_CON1>(),
                   "data_entries = {}, but a row of {} pixels and {} channels takes {}", entries,
                   window.datain_width, channels, row / k_cbuf_entry_bytes);
    if (con1.group_line_off || !task.wrote<cna::DMA_CON1, cna::DMA_CON2>()) return;
    const uint32_t line = task.get<cna::DMA_CON1>().line_stride;
    const int64_t pitch =
        int64_t{task.get<cna::DMA_CON2>().surf_stride} + 4 * int64_t{dma.dma_width};
    if (dma.dma_height > 4 && line != 4 * dma.dma_width)
        report.add(Rule::FeatureStrides, task.at<cna::DMA_CON1>(),
                   "line_stride = {}, but four lines of {} pixels are {}", line, dma.dma_width,
                   4 * dma.dma_width);
    if (channels > atom_elements(*element) && pitch < int64_t{dma.dma_width} * dma.dma_height)
        report.add(Rule::FeatureStrides, task.at<cna::DMA_CON2>(),
                   "surfaces are {} atoms apart but {}x{} pixels long", pitch, dma.dma_width,
                   dma.dma_height);
}

namespace {

struct Size {
    uint32_t width, height, channels;
    bool operator==(const Size&) const = default;
};

/// Compares what one block says of the output with the DPU's cube.
void same_output(const Size& said, const Size& cube, std::string_view who, size_t at,
                 LintReport& report) {
    if (said.width != cube.width || said.height != cube.height)
        report.add(Rule::OutputSize, at, "{} says {}x{} pixels, the DPU's cube is {}x{}", who,
                   said.width, said.height, cube.width, cube.height);
    if (said.channels != cube.channels)
        report.add(Rule::OutputChannels, at, "{} says {} channels, the DPU's cube has {}", who,
                   said.channels, cube.channels);
}

void lint_output_sizes(const LintTask& task, LintReport& report) {
    if (!task.wrote<dpu::DATA_CUBE_WIDTH, dpu::DATA_CUBE_HEIGHT, dpu::DATA_CUBE_CHANNEL>()) return;
    const auto channel = task.get<dpu::DATA_CUBE_CHANNEL>();
    const Size cube{task.get<dpu::DATA_CUBE_WIDTH>().width,
                    task.get<dpu::DATA_CUBE_HEIGHT>().height, channel.channel};
    if (channel.orig_channel > channel.channel)
        report.add(Rule::OutputChannels, task.at<dpu::DATA_CUBE_CHANNEL>(),
                   "{} real channels of {} aligned ones", channel.orig_channel, channel.channel);
    const auto wdma = task.get<dpu::WDMA_SIZE_1>();
    if (task.wrote<dpu::WDMA_SIZE_0, dpu::WDMA_SIZE_1>())
        same_output({wdma.width, wdma.height, task.get<dpu::WDMA_SIZE_0>().channel}, cube,
                    "the WDMA", task.at<dpu::WDMA_SIZE_1>(), report);
    if (task.runs(Block::Core) && task.wrote<core::DATAOUT_SIZE_0, core::DATAOUT_SIZE_1>()) {
        const auto size = task.get<core::DATAOUT_SIZE_0>();
        same_output({size.width, size.height, task.get<core::DATAOUT_SIZE_1>().channel}, cube,
                    "the CORE block", task.at<core::DATAOUT_SIZE_0>(), report);
    }
    if (!task.runs(Block::Cna) || !task.wrote<cna::DATA_SIZE2, cna::DATA_SIZE3>()) return;
    const uint32_t width = task.get<cna::DATA_SIZE2>().dataout_width;
    const uint32_t pixels = task.get<cna::DATA_SIZE3>().dataout_atomics;
    if (width != cube.width || pixels != uint64_t{cube.width} * cube.height)
        report.add(Rule::OutputSize, task.at<cna::DATA_SIZE3>(),
                   "the CNA says {} pixels in lines of {}, the DPU's cube is {}x{}", pixels, width,
                   cube.width, cube.height);
}

/// Kernels per group of the task's arithmetic; nothing for unknown formats and flying tasks.
std::optional<uint32_t> atoms_per_group(const LintTask& task) {
    const auto operand = element_of(task.get<core::MISC_CFG>().proc_precision);
    const auto output = element_of(task.get<dpu::DATA_FORMAT>().out_precision);
    if (!task.runs(Block::Core) || !operand || !output) return std::nullopt;
    return group_atoms(*operand, *output, task.get<core::MISC_CFG>().dw_en);
}

}  // namespace

void lint_output(const LintTask& task, LintReport& report) {
    lint_output_sizes(task, report);
    const auto notch = task.get<dpu::DATA_CUBE_NOTCH>();
    if (notch.notch_0 != notch.notch_1)
        report.add(Rule::Notch, task.at<dpu::DATA_CUBE_NOTCH>(),
                   "notch_0 = {} and notch_1 = {}; write them equal", notch.notch_0, notch.notch_1);
    if (!task.wrote<core::MISC_CFG, dpu::DATA_FORMAT, dpu::BS_OW_CFG, dpu::SURFACE_ADD,
                    dpu::DST_SURF_STRIDE, dpu::WDMA_SIZE_0>())
        return;
    const auto ow = task.get<dpu::BS_OW_CFG>();
    const auto atoms = atoms_per_group(task);
    if (!atoms) return;
    if (ow.size_e_0 != ow.size_e_1 || ow.size_e_0 != ow.size_e_2 || ow.size_e_0 + 1 != *atoms)
        report.add(Rule::SizeE, task.at<dpu::BS_OW_CFG>(),
                   "size_e = {}, {}, {}, but a kernel group yields {} atoms, so {} each",
                   ow.size_e_0, ow.size_e_1, ow.size_e_2, *atoms, *atoms - 1);
    const auto output = *element_of(task.get<dpu::DATA_FORMAT>().out_precision);
    const uint64_t all_atoms =
        bytes_of(output, task.get<dpu::WDMA_SIZE_0>().channel) / k_atom_bytes;
    const uint64_t step = uint64_t{ow.size_e_0 + 1} * task.get<dpu::DST_SURF_STRIDE>().surf_stride;
    if (all_atoms > ow.size_e_0 + 1 && task.get<dpu::SURFACE_ADD>().surf_add != step)
        report.add(Rule::SurfaceAdd, task.at<dpu::SURFACE_ADD>(),
                   "surf_add = {}, but (size_e + 1) x surf_stride = {}",
                   task.get<dpu::SURFACE_ADD>().surf_add, step);
}

namespace {

void lint_array_formats(const LintTask& task, LintReport& report) {
    const auto con1 = task.get<cna::CONV_CON1>();
    const auto misc = task.get<core::MISC_CFG>();
    const auto format = task.get<dpu::DATA_FORMAT>();
    if (con1.in_precision != con1.proc_precision || misc.proc_precision != con1.proc_precision)
        report.add(Rule::Precision, task.at<core::MISC_CFG>(),
                   "CNA takes format {} and works in {}, the CORE block works in {}",
                   uint32_t(con1.in_precision), uint32_t(con1.proc_precision),
                   uint32_t(misc.proc_precision));
    // The DPU has no tf32: it takes those results as fp32, its own code for them.
    const auto operand = element_of(misc.proc_precision);
    const auto wanted = operand == Element::Tf32 ? std::optional(Element::Fp32) : operand;
    if (element_of(format.proc_precision) != wanted || format.in_precision != format.proc_precision)
        report.add(Rule::Precision, task.at<dpu::DATA_FORMAT>(),
                   "DPU in_precision {} and proc_precision {} do not fit the CORE block's {}",
                   uint32_t(format.in_precision), uint32_t(format.proc_precision),
                   uint32_t(misc.proc_precision));
    const auto dpu_mode = task.get<dpu::FEATURE_MODE_CFG>().conv_mode;
    if (dpu_mode != con1.conv_mode || misc.dw_en != (con1.conv_mode == ConvMode::Depthwise))
        report.add(Rule::ConvMode, task.at<dpu::FEATURE_MODE_CFG>(),
                   "conv_mode is {} in CNA and {} in DPU, dw_en of the CORE block {}",
                   uint32_t(con1.conv_mode), uint32_t(dpu_mode), misc.dw_en ? 1 : 0);
}

}  // namespace

void lint_formats(const LintTask& task, LintReport& report) {
    if (task.runs(Block::Core) &&
        task.wrote<cna::CONV_CON1, core::MISC_CFG, dpu::DATA_FORMAT, dpu::FEATURE_MODE_CFG>())
        lint_array_formats(task, report);
    if (task.wrote<dpu::DATA_FORMAT, dpu::OUT_CVT_SCALE>() &&
        task.get<dpu::DATA_FORMAT>().out_precision == DpuPrecision::Fp16 &&
        !task.get<dpu::OUT_CVT_SCALE>().fp32tofp16_en)
        report.add(Rule::Fp16Output, task.at<dpu::OUT_CVT_SCALE>(),
                   "fp16 output needs fp32tofp16_en");
}

}  // namespace rosenblatt::regcmd
