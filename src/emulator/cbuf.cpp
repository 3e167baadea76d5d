// SPDX-License-Identifier: MIT
// Cbuf: bank split and the wrapping of weights around their banks.
#include "emulator/cbuf.hpp"

#include <algorithm>

namespace rosenblatt::emulator {

void Cbuf::reset(std::byte pattern) {
    std::fill(bytes_.begin(), bytes_.end(), pattern);
    data_banks_ = weight_banks_ = 0;
}

void Cbuf::split(uint32_t data_banks, uint32_t weight_banks) {
    data_banks_ = data_banks;
    weight_banks_ = weight_banks;
}

void Cbuf::store_weights(uint64_t offset, std::span<const std::byte> bytes) {
    const std::span<std::byte> banks = weights();
    if (banks.empty()) return;
    if (bytes.size() > banks.size()) {  // only the last round survives
        offset += bytes.size() - banks.size();
        bytes = bytes.last(banks.size());
    }
    const size_t start = offset % banks.size();
    const size_t first = std::min(bytes.size(), banks.size() - start);
    std::copy_n(bytes.begin(), first, banks.begin() + static_cast<ptrdiff_t>(start));
    std::copy(bytes.begin() + static_cast<ptrdiff_t>(first), bytes.end(), banks.begin());
}

void Cbuf::load_weights(uint64_t offset, std::span<std::byte> bytes) const {
    const auto banks = std::span(bytes_).subspan(data_capacity(), weight_capacity());
    if (banks.empty()) return;
    for (size_t done = 0; done < bytes.size();) {
        const size_t start = (offset + done) % banks.size();
        const size_t piece = std::min(bytes.size() - done, banks.size() - start);
        std::copy_n(banks.begin() + static_cast<ptrdiff_t>(start), piece,
                    bytes.begin() + static_cast<ptrdiff_t>(done));
        done += piece;
    }
}

}  // namespace rosenblatt::emulator
