// SPDX-License-Identifier: MIT
// CNA: registers to CnaTask, with every check that silicon answers by waiting for ever.
#include "emulator/cna.hpp"

#include <optional>
#include <string>

namespace rosenblatt::emulator {
namespace {

namespace cna = npu::cna;
using npu::Block;

Fault unsupported(std::string sentence) {
    return make_fault(FaultKind::Unsupported, Block::Cna, std::move(sentence));
}

Fault mismatch(std::string sentence) {
    return make_fault(FaultKind::GeometryMismatch, Block::Cna, std::move(sentence));
}

std::optional<npu::Element> element_of(npu::Precision precision) {
    switch (precision) {
        case npu::Precision::Int4:
            return npu::Element::Int4;
        case npu::Precision::Int8:
            return npu::Element::Int8;
        case npu::Precision::Fp16:
            return npu::Element::Fp16;
        case npu::Precision::Bf16:
            return npu::Element::Bf16;
        case npu::Precision::Tf32:
            return npu::Element::Tf32;
        default:
            return std::nullopt;  // int16: sources disagree on what comes out (hardware.md 9 #13)
    }
}

Check decode_mode(const RegisterFile& registers, CnaTask& task) {
    const auto con1 = registers.get<cna::CONV_CON1>();
    if (con1.deconv) return unsupported("deconvolution is not described anywhere");
    if (con1.conv_mode != npu::ConvMode::Direct && con1.conv_mode != npu::ConvMode::Depthwise)
        return unsupported("CONV_MODE " + std::to_string(static_cast<uint32_t>(con1.conv_mode)) +
                           " is not described anywhere");
    task.depthwise = con1.conv_mode == npu::ConvMode::Depthwise;
    const auto element = element_of(con1.proc_precision);
    if (!element || con1.in_precision != con1.proc_precision)
        return unsupported("input precision code " +
                           std::to_string(static_cast<uint32_t>(con1.in_precision)) +
                           " with multiplier precision code " +
                           std::to_string(static_cast<uint32_t>(con1.proc_precision)));
    task.element = *element;
    if (task.depthwise && task.element != npu::Element::Int8 && task.element != npu::Element::Fp16)
        return unsupported("depthwise convolution is described for int8 and fp16 only");
    const auto con2 = registers.get<cna::CONV_CON2>();
    if (con2.csc_do_en || con2.csc_wo_en)
        return make_fault(FaultKind::BlockWaits, Block::Cna,
                          "CONV_CON2 switches a sequencer off: the multipliers get no data");
    return std::nullopt;
}

npu::Requantise converter(uint32_t scale, int32_t offset, uint32_t shift,
                          const cna::CVT_CON0& common) {
    return {.scale = static_cast<int16_t>(scale),
            .shift = shift,
            .offset = offset,
            .add_first = common.cvt_type,
            .rounding = common.round_type ? npu::Rounding::HalfAway : npu::Rounding::HalfEven};
}

/// Image input and the input converter, which belong together: packed bytes become int8 channels.
Check decode_image(const RegisterFile& registers, const TaskContext& context, CnaTask& task) {
    const auto con1 = registers.get<cna::CONV_CON1>();
    const auto common = registers.get<cna::CVT_CON0>();
    task.convert = !common.cvt_bypass;
    task.convert_signed = common.data_sign;
    const auto c0 = registers.get<cna::CVT_CON1>();
    const auto c1 = registers.get<cna::CVT_CON2>();
    const auto c2 = registers.get<cna::CVT_CON3>();
    const auto c3 = registers.get<cna::CVT_CON4>();
    task.converters = {converter(c0.cvt_scale, c0.cvt_offset, common.cvt_truncate_0, common),
                       converter(c1.cvt_scale, c1.cvt_offset, common.cvt_truncate_1, common),
                       converter(c2.cvt_scale, c2.cvt_offset, common.cvt_truncate_2, common),
                       converter(c3.cvt_scale, c3.cvt_offset, common.cvt_truncate_3, common)};
    if ((con1.argb_in != 0) != con1.nonalign_dma)
        context.doubt(FaultKind::Questionable, Block::Cna, "ARGB_IN and NONALIGN_DMA disagree");
    if (task.convert && con1.argb_in == 0)
        context.doubt(FaultKind::Questionable, Block::Cna,
                      "the input converter is described for image input only");
    if ((con1.argb_in != 0 || task.convert) && task.element != npu::Element::Int8)
        return unsupported("image input is described for int8 only");
    if (con1.argb_in == 0) return std::nullopt;
    if (con1.argb_in < 8 || con1.argb_in > 11)
        return unsupported("ARGB_IN " + std::to_string(con1.argb_in) +
                           ": 8 to 11 mean 1 to 4 channels");
    task.image_channels = con1.argb_in - 7;
    return std::nullopt;
}

void decode_features(const RegisterFile& registers, CnaTask& task) {
    const auto size = registers.get<cna::DATA_SIZE0>();
    task.width = size.datain_width;
    task.height = size.datain_height;
    task.channels = registers.get<cna::DATA_SIZE1>().datain_channel;
    task.feature_address = registers.get<cna::FEATURE_DATA_ADDR>().value;
    task.strides.group_line_off = registers.get<cna::CONV_CON1>().group_line_off;
    task.strides.width = registers.get<cna::FC_DATA_SIZE0>().dma_width;
    task.strides.line_stride = registers.get<cna::DMA_CON1>().line_stride;
    task.strides.surface_stride = registers.get<cna::DMA_CON2>().surf_stride;
    task.out_width = registers.get<cna::DATA_SIZE2>().dataout_width;
    task.out_pixels = registers.get<cna::DATA_SIZE3>().dataout_atomics;
}

void decode_window(const RegisterFile& registers, CnaTask& task) {
    const auto con3 = registers.get<cna::CONV_CON3>();
    task.stride_x = con3.conv_x_stride;
    task.stride_y = con3.conv_y_stride;
    task.dilation_x = con3.atrous_x + 1;
    task.dilation_y = con3.atrous_y + 1;
    const auto kernel = registers.get<cna::WEIGHT_SIZE2>();
    task.kernel_width = kernel.width;
    task.kernel_height = kernel.height;
    task.kernels = kernel.kernels;
    const auto pad = registers.get<cna::PAD_CON0>();
    task.pad_left = pad.left;
    task.pad_top = pad.top;
    task.pad_value = registers.get<cna::PAD_CON1>().value;
    task.kernel_bytes = registers.get<cna::WEIGHT_SIZE1>().bytes_per_kernel;
    task.weight_address = registers.get<cna::DCOMP_ADDR0>().value;
}

/// Decompression as the one published decoder has it: CONTROL 1 and REGNUM 0x55555555.
Check decode_compression(const RegisterFile& registers, CnaTask& task) {
    const auto control = registers.get<cna::DCOMP_CTRL>();
    if (control.wt_dec_bypass || control.control == 0) return std::nullopt;
    if (control.control != 1 || registers.get<cna::DCOMP_REGNUM>().value != 0x55555555)
        return unsupported("weight decompression other than CONTROL 1 with REGNUM 0x55555555");
    if (task.element != npu::Element::Int8 || task.depthwise || task.channels % 32 != 0 ||
        task.kernels % 32 != 0)
        return unsupported("compressed weights are described for whole int8 tiles only");
    task.compressed = true;
    for (uint16_t lane = 0; lane < 16; ++lane)
        task.lane_blocks[lane] =
            registers.raw(static_cast<uint16_t>(cna::DCOMP_AMOUNT0::offset + 4 * lane));
    return std::nullopt;
}

Check check_sizes(const RegisterFile& registers, const TaskContext& context, const CnaTask& task) {
    if (task.image_channels > task.channels)
        return mismatch("an image pixel has more channels than the feature cube");
    if (task.width == 0 || task.height == 0 || task.channels == 0 || task.strides.width == 0)
        return mismatch("the feature cube is empty");
    if (task.taps() == 0 || task.kernels == 0 || task.stride_x == 0 || task.stride_y == 0)
        return mismatch("the kernel window, its stride or the number of kernels is 0");
    const uint64_t needed = npu::bytes_of(task.element, uint64_t{task.taps()} * task.channels);
    if (needed != task.kernel_bytes)
        return mismatch("WEIGHT_SIZE1 says " + std::to_string(task.kernel_bytes) +
                        " bytes per kernel, the window and channels make " +
                        std::to_string(needed));
    const uint64_t total = registers.get<cna::WEIGHT_SIZE0>().value;
    if (total < task.weight_bytes())
        return mismatch("WEIGHT_SIZE0 says " + std::to_string(total) + " bytes, the kernels need " +
                        std::to_string(task.weight_bytes()));
    if (total > task.weight_bytes())
        context.doubt(FaultKind::Questionable, Block::Cna,
                      "WEIGHT_SIZE0 asks for more bytes than the kernels have");
    return std::nullopt;
}

Check overcommitted(std::string sentence) {
    return make_fault(FaultKind::CbufOvercommitted, Block::Cna, std::move(sentence));
}

Check check_cbuf(const RegisterFile& registers, const TaskContext& context, CnaTask& task) {
    const auto con0 = registers.get<cna::CBUF_CON0>();
    task.data_banks = con0.data_bank;
    task.weight_banks = con0.weight_bank;
    task.data_reuse = con0.data_reuse;
    task.weight_reuse = con0.weight_reuse;
    if (con0.data_bank + con0.weight_bank > npu::k_cbuf_banks)
        return overcommitted(std::to_string(con0.data_bank) + " data banks and " +
                             std::to_string(con0.weight_bank) + " weight banks are more than 12");
    if (con0.data_bank == 0 || con0.weight_bank == 0)
        return overcommitted("features or weights have no CBUF bank");
    if (con0.fc_data_bank != 0)
        return overcommitted("FC_DATA_BANK must be 0: other values corrupt the CBUF");
    if (!task.depthwise && task.kernel_bytes > npu::k_max_kernel_bytes)
        return overcommitted("a kernel of " + std::to_string(task.kernel_bytes) +
                             " bytes does not fit one bank of 32768");
    const uint64_t rows =
        std::min<uint64_t>(task.height, uint64_t{task.kernel_height - 1} * task.dilation_y + 1);
    if (rows * task.row_bytes() > uint64_t{task.data_banks} * npu::k_cbuf_bank_bytes)
        return overcommitted("the " + std::to_string(rows) + " feature rows under a kernel, " +
                             std::to_string(task.row_bytes()) + " bytes each, do not fit " +
                             std::to_string(task.data_banks) + " data banks");
    if (registers.get<cna::CONV_CON2>().feature_grains == 0)
        context.doubt(FaultKind::Questionable, Block::Cna, "FEATURE_GRAINS is 0");
    return std::nullopt;
}

}  // namespace

Check decode_cna(const RegisterFile& registers, const TaskContext& context, CnaTask& task) {
    if (Check fault = decode_mode(registers, task)) return fault;
    decode_features(registers, task);
    decode_window(registers, task);
    if (Check fault = decode_image(registers, context, task)) return fault;
    if (Check fault = decode_compression(registers, task)) return fault;
    if (Check fault = check_sizes(registers, context, task)) return fault;
    return check_cbuf(registers, context, task);
}

}  // namespace rosenblatt::emulator
