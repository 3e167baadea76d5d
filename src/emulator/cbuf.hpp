// SPDX-License-Identifier: MIT
// Cbuf: the 384 KiB convolution buffer of one core. Its bytes outlive tasks, so that DATA_REUSE and
// WEIGHT_REUSE find what the last fetch really left there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "npu/geometry.hpp"

namespace rosenblatt::emulator {

class Cbuf {
  public:
    Cbuf() : bytes_(npu::k_cbuf_bytes) {}

    void reset(std::byte pattern);

    /// Banks 0.. hold features, the banks after them weights (CBUF_CON0). The sum must be at
    /// most 12.
    void split(uint32_t data_banks, uint32_t weight_banks);

    uint64_t data_capacity() const { return uint64_t{data_banks_} * npu::k_cbuf_bank_bytes; }
    uint64_t weight_capacity() const { return uint64_t{weight_banks_} * npu::k_cbuf_bank_bytes; }

    /// Rows of `row_bytes` (whole entries) that the data banks hold at a time.
    uint64_t data_rows(uint64_t row_bytes) const { return data_capacity() / row_bytes; }
    /// Where feature row `y` lies; later rows overwrite earlier ones when not all fit.
    std::byte* data_row(uint64_t y, uint64_t row_bytes) {
        return bytes_.data() + y % data_rows(row_bytes) * row_bytes;
    }

    /// The weight banks as one piece.
    std::span<std::byte> weights() {
        return std::span(bytes_).subspan(data_capacity(), weight_capacity());
    }
    /// Leaves `bytes`, which start `offset` bytes into the weights of a task, where a DMA that
    /// wraps around the weight banks would.
    void store_weights(uint64_t offset, std::span<const std::byte> bytes);
    /// Reads the same way.
    void load_weights(uint64_t offset, std::span<std::byte> bytes) const;

  private:
    std::vector<std::byte> bytes_;
    uint32_t data_banks_ = 0;
    uint32_t weight_banks_ = 0;
};

}  // namespace rosenblatt::emulator
