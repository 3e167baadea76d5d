// SPDX-License-Identifier: MIT
// Pooling: one surface after the other, one output line at a time.
#include "emulator/ppu.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "emulator/elements.hpp"

namespace rosenblatt::emulator {
namespace {

namespace ppu = npu::ppu;
namespace ppu_rdma = npu::ppu_rdma;
using npu::Block;
using npu::k_atom_bytes;

struct PoolTask {
    bool real = false;  ///< fp16, else int8
    npu::PoolingMethod method = npu::PoolingMethod::Max;
    uint32_t in_width = 0, in_height = 0, channels = 0;
    uint32_t out_width = 0, out_height = 0;
    uint32_t kernel_width = 1, kernel_height = 1, stride_x = 1, stride_y = 1;
    uint32_t pad_left = 0, pad_top = 0;
    uint32_t pad_bits = 0;
    uint32_t reciprocal_x = 0, reciprocal_y = 0;
    uint32_t source = 0, line_stride = 0, surface_stride = 0;  ///< strides in atoms
    uint32_t destination = 0, out_line = 0, out_surface = 0;

    uint32_t lanes() const { return real ? 8 : 16; }
};

Fault waits(std::string sentence) {
    return make_fault(FaultKind::BlockWaits, Block::Ppu, std::move(sentence));
}

Check decode_format(const RegisterFile& registers, const RegisterFile& rdma,
                    const TaskContext& context, PoolTask& task) {
    const auto mode = registers.get<ppu::OPERATION_MODE_CFG>();
    const auto format = registers.get<ppu::DATA_FORMAT>();
    const auto width = rdma.get<ppu_rdma::DATA_FORMAT>().in_precision;
    if (!mode.flying_mode || format.dpu_flyin)
        return waits("the PPU waits for the DPU, which is not enabled");
    if (mode.index_en)
        return make_fault(FaultKind::Unsupported, Block::Ppu, "pooling with indices");
    if (mode.method > npu::PoolingMethod::Min)
        return make_fault(FaultKind::Unsupported, Block::Ppu, "pooling method 3");
    if (format.proc_precision != npu::DpuPrecision::Int8 &&
        format.proc_precision != npu::DpuPrecision::Fp16)
        return make_fault(FaultKind::Unsupported, Block::Ppu,
                          "pooling is described for int8 and fp16 only");
    task.method = mode.method;
    task.real = format.proc_precision == npu::DpuPrecision::Fp16;
    if (width != (task.real ? 2U : 1U))
        context.doubt(FaultKind::Questionable, Block::PpuRdma,
                      "IN_PRECISION is not the width of the processed elements");
    return std::nullopt;
}

void decode_window(const RegisterFile& registers, PoolTask& task) {
    const auto kernel = registers.get<ppu::POOLING_KERNEL_CFG>();
    const auto pad = registers.get<ppu::POOLING_PADDING_CFG>();
    task.kernel_width = kernel.kernel_width;
    task.kernel_height = kernel.kernel_height;
    task.stride_x = kernel.stride_width;
    task.stride_y = kernel.stride_height;
    task.pad_left = pad.left;
    task.pad_top = pad.top;
    task.pad_bits = registers.get<ppu::PADDING_VALUE_0>().value;
    task.reciprocal_x = registers.get<ppu::RECIP_KERNEL_WIDTH>().recip;
    task.reciprocal_y = registers.get<ppu::RECIP_KERNEL_HEIGHT>().recip;
}

Check decode_cubes(const RegisterFile& registers, const RegisterFile& rdma, PoolTask& task) {
    task.in_width = registers.get<ppu::DATA_CUBE_IN_WIDTH>().width;
    task.in_height = registers.get<ppu::DATA_CUBE_IN_HEIGHT>().height;
    task.channels = registers.get<ppu::DATA_CUBE_IN_CHANNEL>().channel;
    task.out_width = registers.get<ppu::DATA_CUBE_OUT_WIDTH>().width;
    task.out_height = registers.get<ppu::DATA_CUBE_OUT_HEIGHT>().height;
    task.source = rdma.get<ppu_rdma::SRC_BASE_ADDR>().value;
    task.line_stride = rdma.get<ppu_rdma::SRC_LINE_STRIDE>().line_stride;
    task.surface_stride = rdma.get<ppu_rdma::SRC_SURF_STRIDE>().surf_stride;
    task.destination = registers.get<ppu::DST_BASE_ADDR>().dst_base_addr;
    task.out_line = task.out_width + registers.get<ppu::OPERATION_MODE_CFG>().notch_addr;
    task.out_surface = registers.get<ppu::DST_SURF_STRIDE>().surf_stride;
    if (registers.get<ppu::DATA_CUBE_OUT_CHANNEL>().channel != task.channels ||
        rdma.get<ppu_rdma::CUBE_IN_WIDTH>().width != task.in_width ||
        rdma.get<ppu_rdma::CUBE_IN_HEIGHT>().height != task.in_height ||
        rdma.get<ppu_rdma::CUBE_IN_CHANNEL>().channel != task.channels)
        return make_fault(FaultKind::GeometryMismatch, Block::Ppu,
                          "PPU and PPU_RDMA describe different cubes");
    return std::nullopt;
}

class Pooling {
  public:
    Pooling(const TaskContext& context, const PoolTask& task) : context_(context), task_(task) {}

    Check run();

  private:
    Check read_lines(uint32_t surface, uint32_t out_y);
    const std::byte* atom(uint32_t ky, int64_t x) const;
    void pool_atom(uint32_t out_x, std::byte* out) const;
    int32_t pool_int(uint32_t out_x, uint32_t lane) const;
    uint16_t pool_real(uint32_t out_x, uint32_t lane) const;
    template <typename Visit>
    uint32_t each_tap(uint32_t out_x, const Visit& visit) const;

    const TaskContext& context_;
    const PoolTask& task_;
    int64_t top_ = 0;  ///< input line under the first kernel row
    std::vector<std::byte> lines_;
    std::vector<std::byte> out_line_;
};

Check Pooling::read_lines(uint32_t surface, uint32_t out_y) {
    const size_t line_bytes = size_t{task_.in_width} * k_atom_bytes;
    lines_.resize(line_bytes * task_.kernel_height);
    top_ = int64_t{out_y} * task_.stride_y - task_.pad_top;
    for (uint32_t ky = 0; ky < task_.kernel_height; ++ky) {
        const int64_t y = top_ + ky;
        if (y < 0 || y >= task_.in_height) continue;
        const uint64_t offset =
            uint64_t{surface} * task_.surface_stride + static_cast<uint64_t>(y) * task_.line_stride;
        const auto address = static_cast<uint32_t>(task_.source + offset * k_atom_bytes);
        const auto line = std::span(lines_).subspan(ky * line_bytes, line_bytes);
        if (const auto fault = context_.bus.read(context_.address(address), line))
            return read_fault(Block::PpuRdma, *fault, "pooling input");
        context_.work.feature_bytes += line_bytes;
    }
    return std::nullopt;
}

/// The input atom under a tap; null outside the map.
const std::byte* Pooling::atom(uint32_t ky, int64_t x) const {
    const int64_t y = top_ + ky;
    if (y < 0 || y >= task_.in_height || x < 0 || x >= task_.in_width) return nullptr;
    return lines_.data() + (size_t{ky} * task_.in_width + static_cast<size_t>(x)) * k_atom_bytes;
}

/// Calls visit(atom or null) for every tap of the window; returns how many lie inside the map.
template <typename Visit>
uint32_t Pooling::each_tap(uint32_t out_x, const Visit& visit) const {
    const int64_t left = int64_t{out_x} * task_.stride_x - task_.pad_left;
    uint32_t inside = 0;
    for (uint32_t ky = 0; ky < task_.kernel_height; ++ky)
        for (uint32_t kx = 0; kx < task_.kernel_width; ++kx) {
            const std::byte* at = atom(ky, left + kx);
            inside += at != nullptr;
            visit(at);
        }
    return inside;
}

int32_t Pooling::pool_int(uint32_t out_x, uint32_t lane) const {
    const int32_t pad = sign_extend(task_.pad_bits & 0x7ffff, 19);
    int64_t sum = 0;
    int64_t inside_sum = 0;
    int32_t best = task_.method == npu::PoolingMethod::Max ? INT32_MIN : INT32_MAX;
    const uint32_t inside = each_tap(out_x, [&](const std::byte* at) {
        const int32_t value = at == nullptr ? pad : static_cast<int8_t>(at[lane]);
        sum += value;
        if (at != nullptr) inside_sum += value;
        best =
            task_.method == npu::PoolingMethod::Max ? std::max(best, value) : std::min(best, value);
    });
    if (task_.method != npu::PoolingMethod::Average) return best;
    if (!context_.switches.average_counts_padding)
        return inside == 0
                   ? pad
                   : static_cast<int32_t>(std::nearbyint(static_cast<double>(inside_sum) / inside));
    // Two reciprocals in 16 fraction bits; 13 + 17 + 17 bits.
    return static_cast<int32_t>(npu::round_shift(sum * task_.reciprocal_x * task_.reciprocal_y, 32,
                                                 npu::Rounding::HalfEven));
}

uint16_t Pooling::pool_real(uint32_t out_x, uint32_t lane) const {
    const auto pad = static_cast<uint16_t>(task_.pad_bits);
    float sum = 0;
    float inside_sum = 0;
    bool first = true;
    uint16_t best = pad;
    const uint32_t inside = each_tap(out_x, [&](const std::byte* at) {
        const uint16_t bits = at == nullptr ? pad : load<uint16_t>(at + size_t{lane} * 2);
        const float value = npu::fp32_from_fp16(bits);
        const float most = npu::fp32_from_fp16(best);
        sum += value;
        if (at != nullptr) inside_sum += value;
        if (first || (task_.method == npu::PoolingMethod::Max ? value > most : value < most))
            best = bits;
        first = false;
    });
    if (task_.method != npu::PoolingMethod::Average) return best;
    if (!context_.switches.average_counts_padding)
        return npu::fp16_from_fp32(
            npu::canonical(inside_sum / static_cast<float>(std::max(inside, 1U))));
    const float x = npu::fp32_from_fp16(static_cast<uint16_t>(task_.reciprocal_x));
    const float y = npu::fp32_from_fp16(static_cast<uint16_t>(task_.reciprocal_y));
    return npu::fp16_from_fp32(npu::canonical(sum * (x * 0x1p-16F) * (y * 0x1p-16F)));
}

void Pooling::pool_atom(uint32_t out_x, std::byte* out) const {
    for (uint32_t lane = 0; lane < task_.lanes(); ++lane) {
        if (task_.real)
            store(out + size_t{lane} * 2, pool_real(out_x, lane));
        else
            out[lane] = static_cast<std::byte>(npu::saturate_to<int8_t>(pool_int(out_x, lane)));
    }
}

Check Pooling::run() {
    out_line_.resize(size_t{task_.out_width} * k_atom_bytes);
    for (uint32_t surface = 0; surface < div_round_up(task_.channels, task_.lanes()); ++surface)
        for (uint32_t y = 0; y < task_.out_height; ++y) {
            if (Check fault = read_lines(surface, y)) return fault;
            for (uint32_t x = 0; x < task_.out_width; ++x)
                pool_atom(x, out_line_.data() + size_t{x} * k_atom_bytes);
            const uint64_t offset =
                uint64_t{surface} * task_.out_surface + uint64_t{y} * task_.out_line;
            const auto address = static_cast<uint32_t>(task_.destination + offset * k_atom_bytes);
            if (const auto fault = context_.bus.write(context_.address(address), out_line_))
                return write_fault(Block::Ppu, *fault, "pooling results");
            context_.work.output_bytes += out_line_.size();
        }
    return std::nullopt;
}

}  // namespace

Check run_pooling(const TaskContext& context, const RegisterFile& registers,
                  const RegisterFile& rdma) {
    PoolTask task;
    if (Check fault = decode_format(registers, rdma, context, task)) return fault;
    decode_window(registers, task);
    if (Check fault = decode_cubes(registers, rdma, task)) return fault;
    // At most 2^39 values of 256 taps; and every line costs a bus access.
    const uint64_t taps = uint64_t{task.kernel_width} * task.kernel_height;
    const uint64_t lines = div_round_up(task.channels, task.lanes()) * uint64_t{task.out_height};
    const uint64_t cost = lines * (uint64_t{task.out_width} * task.lanes() * taps * 16 +
                                   uint64_t{task.in_width} * task.kernel_height);
    if (cost > context.work_left)
        return make_fault(FaultKind::WorkLimit, Block::Ppu,
                          "the pooling is more work than any watchdog lets pass");
    context.work_left -= cost;
    return Pooling(context, task).run();
}

}  // namespace rosenblatt::emulator
