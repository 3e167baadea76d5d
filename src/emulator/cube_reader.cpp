// SPDX-License-Identifier: MIT
// CubeReader: tiles of native cubes, read line by line, as MRDMA and ERDMA do.
#include <algorithm>
#include <string>

#include "emulator/elements.hpp"
#include "emulator/rdma.hpp"

namespace rosenblatt::emulator {
namespace {

using npu::Block;
using npu::k_atom_bytes;

uint32_t bits_of(OperandFormat format) {
    switch (format) {
        case OperandFormat::Int4:
            return 4;
        case OperandFormat::Int8:
            return 8;
        case OperandFormat::Int16:
        case OperandFormat::Fp16:
        case OperandFormat::Bf16:
            return 16;
        default:
            return 32;
    }
}

int32_t take_int(OperandFormat format, const std::byte* base, uint32_t index) {
    switch (format) {
        case OperandFormat::Int4:
            return int_at(npu::Element::Int4, base, index);
        case OperandFormat::Int8:
            return int_at(npu::Element::Int8, base, index);
        case OperandFormat::Int16:
            return int_at(npu::Element::Int16, base, index);
        case OperandFormat::Int16In32:
            return load<int16_t>(base + size_t{index} * 4);
        default:
            return int_at(npu::Element::Int32, base, index);
    }
}

float take_real(OperandFormat format, const std::byte* base, uint32_t index) {
    switch (format) {
        case OperandFormat::Fp16:
            return real_at(npu::Element::Fp16, base, index);
        case OperandFormat::Bf16:
            return real_at(npu::Element::Bf16, base, index);
        case OperandFormat::Fp16In32:
            return npu::fp32_from_fp16(load<uint16_t>(base + size_t{index} * 4));
        default:
            return real_at(npu::Element::Fp32, base, index);
    }
}

bool is_real(OperandFormat format) {
    return format >= OperandFormat::Fp16;
}

OperandFormat main_format(npu::DpuPrecision in) {
    switch (in) {
        case npu::DpuPrecision::Int8:
            return OperandFormat::Int8;
        case npu::DpuPrecision::Int16:
            return OperandFormat::Int16;
        case npu::DpuPrecision::Int32:
            return OperandFormat::Int32;
        case npu::DpuPrecision::Fp16:
            return OperandFormat::Fp16;
        case npu::DpuPrecision::Bf16:
            return OperandFormat::Bf16;
        case npu::DpuPrecision::Fp32:
            return OperandFormat::Fp32;
        default:
            return OperandFormat::Int4;
    }
}

}  // namespace

/// Calls take(pixel, atom) for every pixel of the tile in one surface.
template <typename Take>
Check CubeReader::each_atom(const SumTile& tile, const Surface& surface, const Take& take) {
    const uint32_t width = task_.width;
    for (uint32_t done = 0; done < tile.pixels;) {
        const uint32_t pixel = tile.first_pixel + done;
        const uint32_t run = std::min(width - pixel % width, tile.pixels - done);
        const uint64_t atom = surface.index * surface.walk.surface_pitch +
                              pixel / width * surface.walk.line_pitch + pixel % width;
        const auto address = static_cast<uint32_t>(surface.walk.address + atom * k_atom_bytes);
        line_.resize(size_t{run} * k_atom_bytes);
        if (const auto fault = context_.bus.read(context_.address(address), line_))
            return read_fault(Block::DpuRdma, *fault, "elementwise data");
        context_.work.operand_bytes += line_.size();
        for (uint32_t i = 0; i < run; ++i) take(done + i, line_.data() + size_t{i} * k_atom_bytes);
        done += run;
    }
    return std::nullopt;
}

Check CubeReader::read_main(SumTile& tile) {
    const OperandFormat format = main_format(task_.in);
    tile.clear(is_real(format), false);
    tile.window_sums.clear();
    const uint32_t per_atom = k_atom_bytes * 8 / bits_of(format);
    for (uint32_t c = 0; c < tile.channels; c += per_atom) {
        const Surface surface{c, std::min(per_atom, tile.channels - c), task_.main_walk,
                              (tile.first_channel + c) / per_atom};
        Check fault = each_atom(tile, surface, [&](uint32_t pixel, const std::byte* atom) {
            for (uint32_t i = 0; i < surface.count; ++i) {
                if (tile.real)
                    tile.real_value(pixel, c + i) = take_real(format, atom, i);
                else
                    tile.value(pixel, c + i) = take_int(format, atom, i);
            }
        });
        if (fault) return fault;
    }
    return std::nullopt;
}

/// One operand per channel, dense in memory.
Check CubeReader::read_vector(const SumTile& tile, OperandFormat format, std::vector<int32_t>& ints,
                              std::vector<float>& reals) {
    const uint32_t bits = bits_of(format);
    const uint32_t address = task_.ew_walk.address + tile.first_channel * bits / 8;
    line_.resize((size_t{tile.channels} * bits + 7) / 8);
    if (const auto fault = context_.bus.read(context_.address(address), line_))
        return read_fault(Block::DpuRdma, *fault, "elementwise operands");
    context_.work.operand_bytes += line_.size();
    for (size_t i = 0; i < tile.size(); ++i) {
        const auto c = static_cast<uint32_t>(i % tile.channels);
        if (is_real(format))
            reals[i] = take_real(format, line_.data(), c);
        else
            ints[i] = take_int(format, line_.data(), c);
    }
    return std::nullopt;
}

Check CubeReader::read_operands(const SumTile& tile, OperandFormat format,
                                std::vector<int32_t>& ints, std::vector<float>& reals) {
    ints.assign(is_real(format) ? 0 : tile.size(), 0);
    reals.assign(is_real(format) ? tile.size() : 0, 0.0F);
    if (task_.mode == npu::OperandMode::PerChannel) return read_vector(tile, format, ints, reals);
    const uint32_t per_atom = k_atom_bytes * 8 / bits_of(format);
    for (uint32_t c = 0; c < tile.channels; c += per_atom) {
        const uint32_t number = (tile.first_channel + c) / per_atom;
        Surface surface{c, std::min(per_atom, tile.channels - c), task_.ew_walk, number};
        if (task_.combined) {
            if (number % 2 == 0) surface.walk = task_.main_walk;
            surface.index = number / 2;
        }
        Check fault = each_atom(tile, surface, [&](uint32_t pixel, const std::byte* atom) {
            const size_t at = size_t{pixel} * tile.channels + c;
            for (uint32_t i = 0; i < surface.count; ++i) {
                if (is_real(format))
                    reals[at + i] = take_real(format, atom, i);
                else
                    ints[at + i] = take_int(format, atom, i);
            }
        });
        if (fault) return fault;
    }
    return std::nullopt;
}

}  // namespace rosenblatt::emulator
