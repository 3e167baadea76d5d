// SPDX-License-Identifier: MIT
// Convolution tasks for the benchmark: the compiler's matmul stream with the registers changed that
// make a K x K or depthwise convolution of it. Products do not need such streams.
#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/bits.hpp"
#include "cli/bench_tasks.hpp"
#include "compile/emit_matmul.hpp"
#include "npu/registers.gen.hpp"
#include "regcmd/word.hpp"

namespace rosenblatt::cli {
namespace {

namespace cna = npu::cna;
namespace core = npu::core;
namespace dpu = npu::dpu;

constexpr int32_t k_input_correction = 7;  // CPEND's operand: its work is part of a convolution's
constexpr int32_t k_scale = 17675;         // of OUT_CVT, as Mesa emits it
constexpr uint32_t k_shift = 22;

class Stream {
  public:
    explicit Stream(std::vector<uint64_t> emitted) : words(std::move(emitted)) {}

    /// Replaces the register's value.
    template <typename R>
    void set(const R& reg) {
        const auto at = std::find_if(words.begin(), words.end(), [](uint64_t bits) {
            return regcmd::Word{bits}.offset() == R::offset;
        });
        RB_ASSERT(at != words.end(), "register 0x%04x is not in the stream", R::offset);
        *at = regcmd::make_word(regcmd::Word{*at}.target(), R::offset, reg.pack()).bits;
    }

    std::vector<uint64_t> words;
};

/// Sizes as the registers want them.
struct Geometry {
    explicit Geometry(const ConvShape& s)
        : shape(s),
          pixels(s.size * s.size),
          group(s.depthwise ? npu::depthwise_group(npu::Element::Int8) : 32),
          out_channels(align_up(s.kernels, group)),
          kernels(s.depthwise ? 1 : s.kernels),
          kernel_bytes(s.window * s.window * s.channels) {}

    ConvShape shape;
    uint32_t pixels, group, out_channels, kernels, kernel_bytes;
};

void set_features(Stream& stream, const Geometry& g) {
    const ConvShape& s = g.shape;
    const npu::FeatureStrides strides = npu::native_strides(s.size, s.size);
    const uint32_t pad = s.window / 2;
    const uint32_t row = static_cast<uint32_t>(npu::cbuf_row_bytes(uint64_t{s.size} * s.channels));
    const uint32_t banks = static_cast<uint32_t>(npu::cbuf_data_banks(s.size, row));
    const auto mode = s.depthwise ? npu::ConvMode::Depthwise : npu::ConvMode::Direct;
    stream.set(cna::CONV_CON1{.conv_mode = mode});
    stream.set(cna::DATA_SIZE0{.datain_height = s.size, .datain_width = s.size});
    stream.set(cna::DATA_SIZE2{.dataout_width = s.size});
    stream.set(cna::DATA_SIZE3{.dataout_atomics = g.pixels});
    stream.set(cna::CBUF_CON0{.data_bank = std::min(banks, 8U),
                              .weight_bank = npu::k_cbuf_banks - std::min(banks, 8U)});
    stream.set(cna::CBUF_CON1{.data_entries = row / npu::k_cbuf_entry_bytes});
    stream.set(cna::PAD_CON0{.top = pad, .left = pad});
    stream.set(cna::DMA_CON1{.line_stride = strides.line_stride});
    stream.set(cna::DMA_CON2{.surf_stride = strides.surface_stride});
    stream.set(cna::FC_DATA_SIZE0{.dma_height = s.size, .dma_width = s.size});
}

void set_weights(Stream& stream, const Geometry& g) {
    const ConvShape& s = g.shape;
    stream.set(cna::WEIGHT_SIZE0{.value = g.kernel_bytes * g.kernels});
    stream.set(cna::WEIGHT_SIZE1{.bytes_per_kernel = g.kernel_bytes});
    stream.set(cna::WEIGHT_SIZE2{.kernels = g.kernels, .height = s.window, .width = s.window});
    stream.set(core::MISC_CFG{.qd_en = true, .dw_en = s.depthwise});
    stream.set(core::DATAOUT_SIZE_0{.width = s.size, .height = s.size});
    stream.set(core::DATAOUT_SIZE_1{.channel = g.out_channels});
}

void set_output(Stream& stream, const Geometry& g) {
    const ConvShape& s = g.shape;
    const uint32_t atoms = g.group / npu::k_atom_bytes;
    stream.set(dpu::DATA_FORMAT{});  // int8 in and out
    stream.set(dpu::DST_SURF_STRIDE{.surf_stride = g.pixels});
    stream.set(dpu::DATA_CUBE_WIDTH{.width = s.size});
    stream.set(dpu::DATA_CUBE_HEIGHT{.height = s.size});
    stream.set(dpu::DATA_CUBE_CHANNEL{.channel = g.out_channels, .orig_channel = g.out_channels});
    stream.set(dpu::BS_OW_CFG{.size_e_0 = atoms - 1, .size_e_1 = atoms - 1, .size_e_2 = atoms - 1});
    stream.set(dpu::BS_OW_OP{.ow_op = k_input_correction});
    stream.set(dpu::WDMA_SIZE_0{.channel = g.out_channels});
    stream.set(dpu::WDMA_SIZE_1{.width = s.size, .height = s.size});
    stream.set(dpu::OUT_CVT_SCALE{.scale = k_scale});
    stream.set(dpu::OUT_CVT_SHIFT{.shift = k_shift});
    stream.set(dpu::SURFACE_ADD{.surf_add = atoms * g.pixels});
}

}  // namespace

std::unique_ptr<BenchTasks> conv_tasks(const ConvShape& shape, unsigned lanes) {
    auto tasks = std::make_unique<BenchTasks>(lanes);
    const Geometry g(shape);
    compile::MatmulTask task;
    task.m = 1;
    task.k = shape.channels;
    task.n = align_up(shape.kernels, 32U);
    task.data_banks = task.weight_banks = 1;
    task.features = compile::native_features(1);
    task.output = compile::native_results(npu::Element::Int8, npu::Element::Int32, 1);
    const size_t features = size_t{g.pixels} * shape.channels;
    const size_t weights = size_t{g.kernel_bytes} * g.kernels;
    task.feature_address = tasks->allocate(features);
    task.weight_address = tasks->allocate(weights);
    for (size_t i = 0; i < features; ++i)
        tasks->at(task.feature_address)[i] = static_cast<std::byte>(i * 2654435761U >> 24);
    for (size_t i = 0; i < weights; ++i)
        tasks->at(task.weight_address)[i] = static_cast<std::byte>(i * 2246822519U >> 24);
    for (unsigned lane = 0; lane < lanes; ++lane) {
        task.output_address = tasks->allocate(size_t{g.pixels} * g.out_channels);
        Stream stream(compile::emit_matmul(task));
        set_features(stream, g);
        set_weights(stream, g);
        set_output(stream, g);
        tasks->add(lane, stream.words);
    }
    return tasks;
}

}  // namespace rosenblatt::cli
