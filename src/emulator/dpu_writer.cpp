// SPDX-License-Identifier: MIT
// DPU: the write DMA: values to elements, elements to atoms, atoms to lines (hardware.md 4.5).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "emulator/dpu.hpp"
#include "emulator/elements.hpp"

namespace rosenblatt::emulator {

using npu::Element;
using npu::k_atom_bytes;

void Dpu::pack_real(const float* values, uint32_t count, std::byte* out) const {
    const float least = context_.switches.flush_fp32_subnormals ? 0x1p-126F : 0.0F;
    switch (task_.out) {
        case Element::Fp16:
            for (uint32_t c = 0; c < count; ++c)
                store(out + c * 2, npu::fp16_from_fp32(npu::canonical(values[c])));
            break;
        case Element::Bf16:
            for (uint32_t c = 0; c < count; ++c)
                store(out + c * 2, npu::bf16_from_fp32(npu::canonical(values[c])));
            break;
        default:
            for (uint32_t c = 0; c < count; ++c) {
                const float value = npu::canonical(values[c]);
                const bool tiny = std::fabs(value) < least;
                store(out + c * 4, tiny ? std::copysign(0.0F, value) : value);
            }
    }
}

/// `out` gets one atom per pixel: channels [first, first + count) of the tile.
void Dpu::pack_atom(const SumTile& tile, uint32_t first, uint32_t count, std::byte* out) const {
    float reals[k_atom_bytes];
    for (uint32_t p = 0; p < tile.pixels; ++p, out += k_atom_bytes) {
        const size_t at = size_t{p} * tile.channels + first;
        if (tile.real) {
            pack_real(tile.reals.data() + at, count, out);
            continue;
        }
        const int32_t* values = tile.values.data() + at;
        switch (task_.out) {
            case Element::Int32:
                std::memcpy(out, values, count * sizeof *values);
                break;
            case Element::Int16:
                for (uint32_t c = 0; c < count; ++c)
                    store(out + c * 2, static_cast<int16_t>(values[c]));
                break;
            case Element::Int8:
                for (uint32_t c = 0; c < count; ++c) out[c] = static_cast<std::byte>(values[c]);
                break;
            default:
                for (uint32_t c = 0; c < count; ++c) reals[c] = static_cast<float>(values[c]);
                pack_real(reals, count, out);
        }
    }
}

/// Writes the tile's atoms of one surface: one run per line, one in all where lines touch.
Check Dpu::write_lines(const SumTile& tile, uint32_t atom, const std::byte* atoms) {
    for (uint32_t done = 0; done < tile.pixels;) {
        const uint32_t pixel = tile.first_pixel + done;
        const uint32_t left = task_.width - pixel % task_.width;
        const uint32_t run =
            task_.strides.line_notch == 0 ? tile.pixels : std::min(left, tile.pixels - done);
        const uint64_t offset =
            task_.strides.atom(atom, pixel / task_.width, pixel % task_.width) * k_atom_bytes;
        const auto address = static_cast<uint32_t>(task_.address + offset);
        const std::span bytes(atoms + size_t{done} * k_atom_bytes, size_t{run} * k_atom_bytes);
        if (const auto fault = context_.bus.write(context_.address(address), bytes))
            return write_fault(npu::Block::Dpu, *fault, "results");
        done += run;
    }
    return std::nullopt;
}

Check Dpu::write(const SumTile& tile) {
    const uint32_t per_atom = npu::atom_elements(task_.out);
    const uint32_t end = std::min(tile.first_channel + tile.channels, task_.channels);
    for (uint32_t channel = tile.first_channel; channel < end; channel += per_atom) {
        const uint32_t first = channel - tile.first_channel;
        const uint32_t count = std::min(per_atom, tile.channels - first);
        atoms_.resize(size_t{tile.pixels} * k_atom_bytes);
        if (count < per_atom) std::fill(atoms_.begin(), atoms_.end(), std::byte{0});
        pack_atom(tile, first, count, atoms_.data());
        if (Check fault = write_lines(tile, channel / per_atom, atoms_.data())) return fault;
        context_.work.output_bytes += atoms_.size();
    }
    return std::nullopt;
}

}  // namespace rosenblatt::emulator
