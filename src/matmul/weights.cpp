// SPDX-License-Identifier: MIT
// Packing W: plan, memory, then the pipeline's own packing; and handing the memory to the NPU.
#include "matmul/weights.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include "matmul/checksum.hpp"
#include "matmul/packing.hpp"
#include "matmul/tile_kernels.hpp"
#include "matmul/weights_image.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr int64_t k_dimension_max = int64_t{1} << 24;

std::string shape_text(WeightShape shape) {
    return "W[" + std::to_string(shape.n) + "][" + std::to_string(shape.k) + "]";
}

Result<void> check(WeightShape shape) {
    const bool sane =
        shape.n > 0 && shape.k > 0 && shape.n <= k_dimension_max && shape.k <= k_dimension_max;
    if (sane) return {};
    return Error{EINVAL, shape_text(shape) + " cannot be packed: N and K must be 1 to 2^24."};
}

Result<std::shared_ptr<ShapePlans>> plans_for(Device::State& device, WeightShape shape,
                                              Pipeline pipeline, const quant::RowFormat& format) {
    const std::lock_guard lock(device.mutex);
    auto& known = device.shapes[{shape.n, shape.k, pipeline}];
    if (known) return known;
    auto made = ShapePlans::make(format, shape.n, number_type(pipeline),
                                 static_cast<unsigned>(device.lanes.size()), device.options.limits,
                                 device.conditions());
    if (made) known = *made;
    return made;
}

Result<void> allocate(Weights::State& weights) {
    Device::State& device = *weights.device;
    const std::lock_guard lock(device.mutex);
    for (uint32_t l = 0; l < device.lanes.size(); ++l) {
        const uint64_t bytes = weights.plans->lane_bytes(l);
        if (bytes == 0) {
            weights.buffers.emplace_back();
            continue;
        }
        auto buffer = device.lanes[l].create_for_weights(bytes);
        if (!buffer)
            return Error{buffer.error().code, shape_text(weights.shape) +
                                                  " stays on the CPU: " + buffer.error().message};
        weights.buffers.push_back(std::move(buffer).value());
    }
    return {};
}

// What a shelf could not load may have left anything, and packing adds up sums.
void clear_sums(Weights::State& weights) {
    for (auto& u : weights.u) std::fill(u.begin(), u.end(), 0u);
    for (HalfSums& sums : weights.half_sums) sums.clear();
}

Result<void> fill(Weights::State& weights, const ParallelFor& parallel_for,
                  const WeightShelf* shelf) {
    const WeightShelf::Image image = shelf ? image_of(weights) : WeightShelf::Image{};
    const std::string layout = shelf ? image_layout(weights) : std::string();
    if (shelf && shelf->load(layout, image)) return {};
    if (shelf) clear_sums(weights);
    const Packing& packing = packing_of(weights.pipeline);
    if (!packing.pack(weights, parallel_for))
        return Error{ERANGE, shape_text(weights.shape) + " stays on the CPU: it holds " +
                                 packing.unusable_values() + "."};
    if (shelf) shelf->store(layout, image);
    return {};
}

void add_up_ranges(Weights::State& weights) {
    const ShapePlans& plans = *weights.plans;
    for (uint32_t range = 0; range < plans.ranges().size(); ++range) {
        std::vector<uint32_t> sum(plans.ranges()[range].k, 0u);
        for (uint32_t b = 0; b < weights.u.size(); ++b)
            for (uint32_t i = 0; plans.range_of(b) == range && i < sum.size(); ++i)
                sum[i] += weights.u[b][i];
        split_halves(sum, weights.range_halves.emplace_back(2 * sum.size()).data());
    }
}

Result<void> hand_over(const Weights::State& weights) {
    Device::State& device = *weights.device;
    const std::lock_guard lock(device.mutex);
    for (size_t l = 0; l < weights.buffers.size(); ++l) {
        if (!weights.buffers[l]) continue;
        auto done = device.lanes[l].lane().finish_cpu(weights.buffers[l].bo());
        if (!done) return done;
        device.stats.weight_bytes_packed += weights.buffers[l].size();
    }
    return {};
}

}  // namespace

Weights::Weights(std::unique_ptr<State> state) : state_(std::move(state)) {}

Weights::~Weights() = default;

WeightShape Weights::shape() const {
    return state_->shape;
}
Pipeline Weights::pipeline() const {
    return state_->pipeline;
}

uint64_t Weights::bo_bytes() const {
    uint64_t sum = 0;
    for (const Buffer& buffer : state_->buffers) sum += buffer ? buffer.size() : 0;
    return sum;
}

uint64_t Weights::host_bytes() const {
    uint64_t words = state_->scales.size() + state_->column_weights.size();
    for (const auto& u : state_->u) words += u.size();
    for (const auto& halves : state_->range_halves) words += halves.size() / 2;
    uint64_t doubles = 2 * state_->half_column_weights.size();
    for (const HalfSums& sums : state_->half_sums) doubles += 2 * sums.u.size() + sums.v.size();
    return words * sizeof(uint32_t) + doubles * sizeof(double);
}

Result<std::unique_ptr<Weights>> pack(Device& device, WeightShape shape, RowSource source,
                                      Pipeline pipeline, const ParallelFor& parallel_for,
                                      const WeightShelf* shelf) {
    if (auto checked = check(shape); !checked) return checked.error();
    auto state = std::make_unique<Weights::State>();
    state->device = &device.state();
    state->shape = shape;
    state->pipeline = pipeline;
    state->source = std::move(source);
    state->format = quant::row_format(pipeline, shape.k);
    auto plans = plans_for(device.state(), shape, pipeline, state->format);
    if (!plans) return plans.error();
    state->plans = *plans;

    if (auto allocated = allocate(*state); !allocated) return allocated.error();
    const bool half = pipeline == Pipeline::F16;
    for (const compile::WeightBlock& block : state->plans->tiling().blocks) {
        state->u.emplace_back(block.k, 0u);
        if (half) state->half_sums.emplace_back(block.k);
    }
    state->scales.resize(static_cast<size_t>(shape.n));
    for (uint32_t n = 0; n < state->plans->columns_padded(); ++n)
        state->column_weights.push_back(column_weight(n));
    if (half)
        for (const uint32_t r : state->column_weights)
            state->half_column_weights.push_back(half_column_weight(r));

    if (auto filled = fill(*state, parallel_for, shelf); !filled) return filled.error();
    if (!half) add_up_ranges(*state);
    if (auto handed = hand_over(*state); !handed) return handed.error();
    return std::make_unique<Weights>(std::move(state));
}

uint64_t packed_bytes(WeightShape shape, Pipeline pipeline) {
    if (!check(shape)) return 0;
    const compile::NumberType type = number_type(pipeline);
    const auto n = align_up<uint64_t>(static_cast<uint64_t>(shape.n), compile::column_unit(type));
    const auto k = static_cast<uint64_t>(quant::row_format(pipeline, shape.k).k_padded);
    return compile::weight_bytes(type, k, n);
}

const Packing& packing_of(Pipeline pipeline) {
    switch (pipeline) {
        case Pipeline::F16:
            return half_packing();
        case Pipeline::W4A8:
            return int4_packing();
        default:
            return int8_packing();
    }
}

bool block_intact(const Weights::State& weights, uint32_t b) {
    return packing_of(weights.pipeline).sums_in_memory(weights, b) == weights.u[b];
}

void rebuild_block(const Weights::State& weights, uint32_t b, std::byte* cube) {
    packing_of(weights.pipeline).rebuild(weights, b, cube);
}

ProvedBlock::ProvedBlock(const Weights::State& weights, uint32_t b)
    : data_(weights.block_data(b)) {
    if (block_intact(weights, b)) return;
    rebuilt_.resize(weights.block(b).bytes(number_type(weights.pipeline)));
    rebuild_block(weights, b, rebuilt_.data());
    data_ = rebuilt_.data();
}

}  // namespace rosenblatt::matmul
