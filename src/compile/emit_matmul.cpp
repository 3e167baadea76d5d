// SPDX-License-Identifier: MIT
// Emits a matmul task, one function per register group, in the order of hardware.md 6.1.
#include "compile/emit_matmul.hpp"

#include <algorithm>
#include <iterator>

#include "base/assert.hpp"
#include "regcmd/stream.hpp"

namespace rosenblatt::compile {
namespace {

namespace cna = npu::cna;
namespace core = npu::core;
namespace dpu = npu::dpu;
using npu::Element;
using regcmd::StreamBuilder;

constexpr uint32_t k_max_grains = 1023;     // CONV_CON2.FEATURE_GRAINS has 10 bits
constexpr uint32_t k_burst_of_16 = 15;      // DMA_CON0 and FEATURE_MODE_CFG
constexpr uint32_t k_output_to_memory = 2;  // FEATURE_MODE_CFG.OUTPUT_MODE

npu::Precision array_precision(Element element) {
    switch (element) {
        case Element::Fp16:
            return npu::Precision::Fp16;
        case Element::Int4:
            return npu::Precision::Int4;
        default:
            return npu::Precision::Int8;
    }
}

npu::DpuPrecision dpu_precision(Element element) {
    switch (element) {
        case Element::Int4:
            return npu::DpuPrecision::Int4;
        case Element::Int8:
            return npu::DpuPrecision::Int8;
        case Element::Int16:
            return npu::DpuPrecision::Int16;
        case Element::Int32:
            return npu::DpuPrecision::Int32;
        case Element::Fp16:
            return npu::DpuPrecision::Fp16;
        case Element::Fp32:
            return npu::DpuPrecision::Fp32;
        default:
            RB_ASSERT(false, "no DPU format for element type %d", static_cast<int>(element));
    }
    return {};
}

uint32_t width(const MatmulTask& t) {
    return t.features.width;
}
uint32_t height(const MatmulTask& t) {
    return t.m / width(t);
}

void check(const MatmulTask& t) {
    const bool int4 = t.operand == Element::Int4 && t.result == Element::Int16;
    const bool int8 = t.operand == Element::Int8 && t.result == Element::Int32;
    const bool fp16 =
        t.operand == Element::Fp16 && (t.result == Element::Fp32 || t.result == Element::Fp16);
    RB_ASSERT(int4 || int8 || fp16, "number types without a recipe");
    RB_ASSERT(t.m > 0 && t.m <= npu::k_max_feature_height, "m %u", t.m);
    RB_ASSERT(width(t) > 0 && t.m % width(t) == 0, "%u rows, %u wide", t.m, width(t));
    RB_ASSERT(width(t) == 1 || t.output.line_notch == 0, "row-major C of a map %u wide", width(t));
    RB_ASSERT(t.k > 0 && t.k % npu::mac_array(t.operand).channels == 0, "k %u", t.k);
    RB_ASSERT(t.n > 0 && t.n % npu::mac_array(t.operand).kernels == 0 &&
                  t.n <= npu::k_max_output_channels,
              "n %u", t.n);
    RB_ASSERT(npu::bytes_of(t.operand, t.k) <= npu::k_max_kernel_bytes, "k %u", t.k);
    RB_ASSERT(t.data_banks > 0 && t.weight_banks > 0 &&
                  t.data_banks + t.weight_banks <= npu::k_cbuf_banks,
              "banks %u + %u", t.data_banks, t.weight_banks);
    RB_ASSERT((t.feature_address | t.weight_address | t.output_address) % npu::k_atom_bytes == 0,
              "an address is not 16-byte aligned");
}

void emit_pointer(StreamBuilder& stream) {
    // Register groups alternate by themselves; the kernel does this for CNA and CORE only.
    stream.write(
        dpu::S_POINTER{.pointer_pp_en = true, .executer_pp_en = true, .pointer_pp_mode = true});
}

void emit_convolution(StreamBuilder& stream, const MatmulTask& t) {
    stream.write(cna::CONV_CON1{.in_precision = array_precision(t.operand),
                                .proc_precision = array_precision(t.operand),
                                .group_line_off = t.features.group_line_off});
    stream.write(cna::CONV_CON2{.feature_grains = std::min(height(t) + 1, k_max_grains)});
    stream.write(cna::CONV_CON3{.conv_x_stride = 1, .conv_y_stride = 1});
}

void emit_sizes(StreamBuilder& stream, const MatmulTask& t) {
    const auto kernel_bytes = static_cast<uint32_t>(npu::bytes_of(t.operand, t.k));
    stream.write(cna::DATA_SIZE0{.datain_height = height(t), .datain_width = width(t)});
    stream.write(cna::DATA_SIZE1{.datain_channel = t.k, .datain_channel_real = t.k});
    stream.write(cna::DATA_SIZE2{.dataout_width = width(t)});
    stream.write(cna::DATA_SIZE3{.dataout_atomics = t.m});
    stream.write(cna::WEIGHT_SIZE0{.value = kernel_bytes * t.n});
    stream.write(cna::WEIGHT_SIZE1{.bytes_per_kernel = kernel_bytes});
    stream.write(cna::WEIGHT_SIZE2{.kernels = t.n, .height = 1, .width = 1});
}

void emit_cbuf(StreamBuilder& stream, const MatmulTask& t) {
    const uint64_t row_bytes = npu::bytes_of(t.operand, uint64_t{width(t)} * t.k);
    stream.write(cna::CBUF_CON0{.data_bank = t.data_banks,
                                .weight_bank = t.weight_banks,
                                .data_reuse = t.data_reuse,
                                .weight_reuse = t.weight_reuse});
    stream.write(cna::CBUF_CON1{.data_entries = static_cast<uint32_t>(
                                    div_round_up<uint64_t>(row_bytes, npu::k_cbuf_entry_bytes))});
}

void emit_input_converter(StreamBuilder& stream) {
    stream.write(cna::CVT_CON0{.cvt_bypass = true, .cvt_type = true, .data_sign = true});
    stream.write(cna::CVT_CON1{.cvt_scale = 1});
    stream.write(cna::CVT_CON2{.cvt_scale = 1});
    stream.write(cna::CVT_CON3{.cvt_scale = 1});
    stream.write(cna::CVT_CON4{.cvt_scale = 1});
}

void emit_feature_dma(StreamBuilder& stream, const MatmulTask& t) {
    stream.write(cna::FC_CON0{});
    stream.write(cna::FC_CON1{});
    stream.write(cna::PAD_CON0{});
    stream.write(cna::FEATURE_DATA_ADDR{.value = t.feature_address});
    stream.write(cna::FC_CON2{});
    stream.write(cna::DMA_CON0{.data_burst_len = k_burst_of_16, .weight_burst_len = k_burst_of_16});
    stream.write(cna::DMA_CON1{.line_stride = t.features.line_stride});
    stream.write(cna::DMA_CON2{.surf_stride = t.features.surface_stride});
    stream.write(cna::FC_DATA_SIZE0{.dma_height = height(t), .dma_width = width(t)});
    stream.write(cna::FC_DATA_SIZE1{.dma_channel = t.k});
}

template <typename... Amounts>
void emit_zeros(StreamBuilder& stream) {
    (stream.write(Amounts{}), ...);
}

void emit_weight_dma(StreamBuilder& stream, const MatmulTask& t) {
    stream.write(cna::DCOMP_CTRL{});  // weights are not compressed
    stream.write(cna::DCOMP_REGNUM{});
    stream.write(cna::DCOMP_ADDR0{.value = t.weight_address});
    emit_zeros<cna::DCOMP_AMOUNT0, cna::DCOMP_AMOUNT1, cna::DCOMP_AMOUNT2, cna::DCOMP_AMOUNT3,
               cna::DCOMP_AMOUNT4, cna::DCOMP_AMOUNT5, cna::DCOMP_AMOUNT6, cna::DCOMP_AMOUNT7,
               cna::DCOMP_AMOUNT8, cna::DCOMP_AMOUNT9, cna::DCOMP_AMOUNT10, cna::DCOMP_AMOUNT11,
               cna::DCOMP_AMOUNT12, cna::DCOMP_AMOUNT13, cna::DCOMP_AMOUNT14, cna::DCOMP_AMOUNT15>(
        stream);
    emit_zeros<cna::CVT_CON5, cna::PAD_CON1>(stream);
}

void emit_core(StreamBuilder& stream, const MatmulTask& t) {
    stream.write(core::MISC_CFG{.qd_en = true, .proc_precision = array_precision(t.operand)});
    stream.write(core::DATAOUT_SIZE_0{.width = width(t), .height = height(t)});
    stream.write(core::DATAOUT_SIZE_1{.channel = t.n});
    stream.write(core::CLIP_TRUNCATE{});
    stream.write(core::UNKNOWN_3030{});
}

void emit_output(StreamBuilder& stream, const MatmulTask& t) {
    const npu::DpuPrecision operand = dpu_precision(t.operand);
    stream.write(
        dpu::FEATURE_MODE_CFG{.output_mode = k_output_to_memory, .burst_len = k_burst_of_16});
    stream.write(dpu::DATA_FORMAT{.proc_precision = operand,
                                  .in_precision = operand,
                                  .out_precision = dpu_precision(t.result)});
    stream.write(dpu::OFFSET_PEND{});
    stream.write(dpu::DST_BASE_ADDR{.value = t.output_address});
    stream.write(dpu::DST_SURF_STRIDE{.surf_stride = t.output.surface_stride});
    stream.write(dpu::DATA_CUBE_WIDTH{.width = width(t)});
    stream.write(dpu::DATA_CUBE_HEIGHT{.height = height(t)});
    stream.write(
        dpu::DATA_CUBE_NOTCH{.notch_0 = t.output.line_notch, .notch_1 = t.output.line_notch});
    stream.write(dpu::DATA_CUBE_CHANNEL{.channel = t.n, .orig_channel = t.n});
}

void emit_stages(StreamBuilder& stream, const MatmulTask& t) {
    stream.write(
        dpu::BS_CFG{.bypass = true, .alu_bypass = true, .mul_bypass = true, .relu_bypass = true});
    emit_zeros<dpu::BS_ALU_CFG, dpu::BS_MUL_CFG, dpu::BS_RELUX_CMP>(stream);
    const uint32_t size_e = t.output.group_atoms - 1;
    stream.write(dpu::BS_OW_CFG{
        .od_bypass = true, .size_e_0 = size_e, .size_e_1 = size_e, .size_e_2 = size_e});
    stream.write(dpu::BS_OW_OP{});
    stream.write(dpu::WDMA_SIZE_0{.channel = t.n});
    stream.write(dpu::WDMA_SIZE_1{.width = width(t), .height = height(t)});
    stream.write(
        dpu::BN_CFG{.bypass = true, .alu_bypass = true, .mul_bypass = true, .relu_bypass = true});
    emit_zeros<dpu::BN_ALU_CFG, dpu::BN_MUL_CFG, dpu::BN_RELUX_CMP>(stream);
}

void emit_elementwise(StreamBuilder& stream) {
    stream.write(dpu::EW_CFG{.bypass = true,
                             .op_bypass = true,
                             .lut_bypass = true,
                             .op_cvt_bypass = true,
                             .relu_bypass = true});
    stream.write(dpu::EW_CVT_OFFSET{});
    stream.write(dpu::EW_CVT_SCALE{.scale = 1});
    stream.write(dpu::EW_RELUX_CMP{});
}

void emit_output_converter(StreamBuilder& stream, const MatmulTask& t) {
    stream.write(dpu::OUT_CVT_OFFSET{});
    stream.write(dpu::OUT_CVT_SCALE{.scale = 1, .fp32tofp16_en = t.result == Element::Fp16});
    stream.write(dpu::OUT_CVT_SHIFT{});
    emit_zeros<dpu::EW_OP_VALUE_0, dpu::EW_OP_VALUE_1, dpu::EW_OP_VALUE_2, dpu::EW_OP_VALUE_3,
               dpu::EW_OP_VALUE_4, dpu::EW_OP_VALUE_5, dpu::EW_OP_VALUE_6, dpu::EW_OP_VALUE_7>(
        stream);
    stream.write(dpu::SURFACE_ADD{.surf_add = t.output.group_stride});
    stream.write(dpu::UNKNOWN_40C4{});
}

void emit_lookup_tables(StreamBuilder& stream) {
    emit_zeros<dpu::LUT_ACCESS_CFG, dpu::LUT_ACCESS_DATA, dpu::LUT_CFG, dpu::LUT_INFO,
               dpu::LUT_LE_START, dpu::LUT_LE_END, dpu::LUT_LO_START, dpu::LUT_LO_END,
               dpu::LUT_LE_SLOPE_SCALE, dpu::LUT_LE_SLOPE_SHIFT, dpu::LUT_LO_SLOPE_SCALE,
               dpu::LUT_LO_SLOPE_SHIFT>(stream);
}

size_t find_register(const std::vector<uint64_t>& words, uint16_t offset) {
    const auto at = std::find_if(words.begin(), words.end(), [offset](uint64_t bits) {
        return regcmd::Word{bits}.offset() == offset;
    });
    RB_ASSERT(at != words.end(), "register 0x%04x is not in the stream", offset);
    return static_cast<size_t>(std::distance(words.begin(), at));
}

uint64_t with_value(uint64_t bits, uint32_t value) {
    const regcmd::Word word{bits};
    return regcmd::make_word(word.target(), word.offset(), value).bits;
}

}  // namespace

npu::FeatureStrides native_features(uint32_t height) {
    return npu::native_strides(1, height);
}

npu::FeatureStrides folded_features(uint32_t m, uint32_t height) {
    return npu::folded_strides(npu::map_width(m), height);
}

npu::OutputStrides native_results(Element operand, Element result, uint32_t m) {
    return npu::native_output(1, m, npu::group_atoms(operand, result));
}

npu::OutputStrides row_major_results(Element operand, Element result, uint32_t row_atoms) {
    const uint32_t atoms = npu::group_atoms(operand, result);
    return {.width = 1,
            .line_notch = row_atoms - 1,
            .surface_stride = 1,
            .group_stride = atoms,
            .group_atoms = atoms};
}

std::vector<uint64_t> emit_matmul(const MatmulTask& task) {
    check(task);
    StreamBuilder stream;
    emit_pointer(stream);
    emit_convolution(stream, task);
    emit_sizes(stream, task);
    emit_cbuf(stream, task);
    emit_input_converter(stream);
    emit_feature_dma(stream, task);
    emit_weight_dma(stream, task);
    emit_core(stream, task);
    emit_output(stream, task);
    emit_stages(stream, task);
    emit_elementwise(stream);
    emit_output_converter(stream, task);
    emit_lookup_tables(stream);
    return stream.finish({.cna = true, .core = true, .dpu = true});
}

TaskTemplate::TaskTemplate(const MatmulTask& task)
    : words_(emit_matmul(task)),
      feature_word_(find_register(words_, cna::FEATURE_DATA_ADDR::offset)),
      weight_word_(find_register(words_, cna::DCOMP_ADDR0::offset)),
      output_word_(find_register(words_, dpu::DST_BASE_ADDR::offset)) {}

void TaskTemplate::write(uint64_t* to, uint32_t feature_address, uint32_t weight_address,
                         uint32_t output_address) const {
    std::copy(words_.begin(), words_.end(), to);
    to[feature_word_] = with_value(words_[feature_word_], feature_address);
    to[weight_word_] = with_value(words_[weight_word_], weight_address);
    to[output_word_] = with_value(words_[output_word_], output_address);
}

}  // namespace rosenblatt::compile
