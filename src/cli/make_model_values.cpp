// SPDX-License-Identifier: MIT
// Random numbers by counter: every value is a function of its place, whoever makes it.
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "cli/make_model_file.hpp"
#include "npu/convert.hpp"

namespace rosenblatt::cli {
namespace {

constexpr uint64_t k_values_per_word = 4;  ///< 16 bits of a random word choose one value
constexpr size_t k_quantiles = 65536;

/// splitmix64's output function: any counter to 64 random-looking bits.
uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/// The value that (i + 0.5) / 65536 of a standard normal distribution lie below.
std::array<float, k_quantiles> make_quantiles() {
    std::array<float, k_quantiles> table{};
    double x = 0;
    for (size_t i = k_quantiles / 2; i < k_quantiles; ++i) {
        const double above = (static_cast<double>(k_quantiles - i) - 0.5) / k_quantiles;
        for (int step = 0; step < 4; ++step) {  // Newton, from the neighbour's value
            const double tail = 0.5 * std::erfc(x / std::numbers::sqrt2);
            const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
            x += (tail - above) / density;
        }
        table[i] = static_cast<float>(x);
        table[k_quantiles - 1 - i] = -table[i];
    }
    return table;
}

template <typename T>
std::array<T, k_quantiles> scaled(const NewTensor& tensor) {
    static const std::array<float, k_quantiles> quantiles = make_quantiles();
    std::array<T, k_quantiles> table;
    for (size_t i = 0; i < k_quantiles; ++i) {
        const float value = tensor.mean + tensor.deviation * quantiles[i];
        if constexpr (sizeof(T) == 2)
            table[i] = npu::fp16_from_fp32(value);
        else
            table[i] = value;
    }
    return table;
}

/// `first` is a multiple of k_values_per_word.
template <typename T>
std::string fill(const NewTensor& tensor, uint64_t stream, uint64_t first, uint64_t count) {
    const std::array<T, k_quantiles> table = scaled<T>(tensor);
    std::string bytes(count * sizeof(T), '\0');
    const uint64_t origin = mix(stream) + first / k_values_per_word;
    for (uint64_t i = 0; i < count; i += k_values_per_word) {
        const uint64_t word = mix(origin + i / k_values_per_word);
        const std::array<T, k_values_per_word> values{
            table[word & 0xffff], table[word >> 16 & 0xffff], table[word >> 32 & 0xffff],
            table[word >> 48]};
        const uint64_t here = std::min(k_values_per_word, count - i);
        std::memcpy(bytes.data() + i * sizeof(T), values.data(), here * sizeof(T));
    }
    return bytes;
}

}  // namespace

std::string random_values(const NewTensor& tensor, uint64_t stream, uint64_t first,
                          uint64_t count) {
    return tensor.type == NewType::F16 ? fill<uint16_t>(tensor, stream, first, count)
                                       : fill<float>(tensor, stream, first, count);
}

}  // namespace rosenblatt::cli
