// SPDX-License-Identifier: MIT
#include "matmul/weights_image.hpp"

namespace rosenblatt::matmul {
namespace {

// Counts changes of what packing computes: rotation, rounding, cube layout, checksum weights.
constexpr int k_arithmetic = 2;

template <typename T>
void add(WeightShelf::Image& image, std::vector<T>& values) {
    if (!values.empty()) image.push_back(std::as_writable_bytes(std::span(values)));
}

}  // namespace

WeightShelf::Image image_of(Weights::State& weights) {
    WeightShelf::Image image;
    for (uint32_t lane = 0; lane < weights.buffers.size(); ++lane)
        if (weights.buffers[lane])
            image.push_back(
                {weights.buffers[lane].as<std::byte>(), weights.plans->lane_bytes(lane)});
    add(image, weights.scales);
    for (auto& u : weights.u) add(image, u);
    for (HalfSums& sums : weights.half_sums) {
        add(image, sums.u);
        add(image, sums.v);
    }
    return image;
}

std::string image_layout(const Weights::State& weights) {
    std::string text = std::to_string(k_arithmetic) + " " + name(weights.pipeline) + " " +
                       std::to_string(weights.shape.n) + "x" + std::to_string(weights.shape.k);
    for (const compile::WeightBlock& block : weights.plans->tiling().blocks)
        for (const uint32_t number : {block.lane, block.n0, block.n, block.k0, block.k})
            text += " " + std::to_string(number);
    return text;
}

}  // namespace rosenblatt::matmul
