// SPDX-License-Identifier: MIT
// Packing W: rows are rotated and quantised in groups of 32 and scattered into the lanes' blocks,
// the checksum vectors are summed on the way.
#include "matmul/weights.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>

#include "compile/pack_weights.hpp"
#include "matmul/checksum.hpp"
#include "matmul/weights_state.hpp"
#include "quant/int8.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint32_t k_group = 32;  // kernels that share weight tiles
constexpr int64_t k_dimension_max = int64_t{1} << 24;

std::string shape_text(WeightShape shape) {
    return "W[" + std::to_string(shape.n) + "][" + std::to_string(shape.k) + "]";
}

Result<void> check(WeightShape shape, Pipeline pipeline) {
    if (pipeline != Pipeline::W8A8H && pipeline != Pipeline::W8A8)
        return Error{ENOTSUP, std::string("Pipeline ") + name(pipeline) +
                                  " has no weights for the NPU; w8a8h and w8a8 have."};
    const bool sane =
        shape.n > 0 && shape.k > 0 && shape.n <= k_dimension_max && shape.k <= k_dimension_max;
    if (sane) return {};
    return Error{EINVAL, shape_text(shape) + " cannot be packed: N and K must be 1 to 2^24."};
}

/// The codes of 32 consecutive rows, rotated and quantised; rows beyond N are zero.
class RowGroup {
  public:
    explicit RowGroup(const Weights::State& weights)
        : weights_(weights),
          row_(static_cast<size_t>(weights.format.k)),
          scratch_(static_cast<size_t>(weights.format.k_padded)),
          codes_(k_group * static_cast<size_t>(weights.format.k_padded)) {}

    /// False when a row holds values int8 cannot scale.
    bool load(uint32_t first) {
        const quant::RowFormat& format = weights_.format;
        for (uint32_t i = 0; i < k_group; ++i) {
            int8_t* codes = codes_.data() + i * static_cast<size_t>(format.k_padded);
            if (first + i >= weights_.shape.n) {
                std::memset(codes, 0, static_cast<size_t>(format.k_padded));
                continue;
            }
            weights_.source(first + i, row_.data());
            const auto check =
                quant::quantise_row(format, true, row_.data(), scratch_.data(), codes, &scales_[i]);
            if (check != quant::RowCheck::Good) return false;
        }
        return true;
    }

    const int8_t* codes(uint32_t i) const {
        return codes_.data() + i * static_cast<size_t>(weights_.format.k_padded);
    }
    float scale(uint32_t i) const { return scales_[i]; }

    /// The part of the group that lies in `block`, as 32 * block.k bytes of weight cube.
    void write(const compile::WeightBlock& block, int8_t* group) const {
        for (uint32_t i = 0; i < k_group; ++i)
            compile::pack_kernel(codes(i) + block.k0, block.k, i, group);
    }

  private:
    const Weights::State& weights_;
    std::vector<float> row_;
    std::vector<float> scratch_;
    std::vector<int8_t> codes_;
    float scales_[k_group] = {};
};

/// Blocks that hold the group of rows from n0 on.
std::vector<uint32_t> blocks_of(const compile::WeightTiling& tiling, uint32_t n0) {
    std::vector<uint32_t> found;
    for (uint32_t b = 0; b < tiling.blocks.size(); ++b) {
        const compile::WeightBlock& block = tiling.blocks[b];
        if (block.n0 <= n0 && n0 < block.n0 + block.n) found.push_back(b);
    }
    return found;
}

class Packer {
  public:
    explicit Packer(Weights::State& weights) : weights_(weights) {}

    /// Groups [begin, end) of 32 rows; several threads at once on disjoint ranges.
    void pack(int64_t begin, int64_t end) {
        RowGroup group(weights_);
        std::vector<uint32_t> u(static_cast<size_t>(weights_.format.k_padded), 0);
        std::vector<uint32_t> blocks;
        for (int64_t g = begin; g < end && !failed_; ++g) {
            const auto n0 = static_cast<uint32_t>(g * k_group);
            std::vector<uint32_t> now = blocks_of(weights_.plans->tiling(), n0);
            if (now != blocks) {
                flush(blocks, u);
                blocks = std::move(now);
            }
            if (!group.load(n0))
                failed_ = true;
            else
                write(group, n0, blocks, u);
        }
        flush(blocks, u);
    }

    bool failed() const { return failed_; }

  private:
    void write(const RowGroup& group, uint32_t n0, const std::vector<uint32_t>& blocks,
               std::vector<uint32_t>& u) {
        for (uint32_t i = 0; i < k_group && n0 + i < weights_.shape.n; ++i) {
            weights_.scales[n0 + i] = group.scale(i);
            add_kernel(weights_.column_weights[n0 + i], group.codes(i), weights_.format.k_padded,
                       u.data());
        }
        for (const uint32_t b : blocks) {
            const compile::WeightBlock& block = weights_.block(b);
            group.write(block, weights_.block_data(b) + size_t{n0 - block.n0} * block.k);
        }
    }

    /// Sums modulo 2^32 come out the same in any order.
    void flush(const std::vector<uint32_t>& blocks, std::vector<uint32_t>& u) {
        const std::lock_guard lock(mutex_);
        for (const uint32_t b : blocks) {
            const compile::WeightBlock& block = weights_.block(b);
            for (uint32_t i = 0; i < block.k; ++i) weights_.u[b][i] += u[block.k0 + i];
        }
        std::fill(u.begin(), u.end(), 0u);
    }

    Weights::State& weights_;
    std::mutex mutex_;
    std::atomic<bool> failed_{false};
};

Result<std::shared_ptr<ShapePlans>> plans_for(Device::State& device, WeightShape shape,
                                              Pipeline pipeline, const quant::RowFormat& format) {
    const std::lock_guard lock(device.mutex);
    auto& known = device.shapes[{shape.n, shape.k, pipeline}];
    if (known) return known;
    auto made = ShapePlans::make(format, shape.n, static_cast<unsigned>(device.lanes.size()),
                                 device.options.limits, device.conditions());
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
    return words * sizeof(uint32_t);
}

Result<std::unique_ptr<Weights>> pack(Device& device, WeightShape shape, RowSource source,
                                      Pipeline pipeline, const ParallelFor& parallel_for) {
    if (auto checked = check(shape, pipeline); !checked) return checked.error();
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
    for (const compile::WeightBlock& block : state->plans->tiling().blocks)
        state->u.emplace_back(block.k, 0u);
    state->scales.resize(static_cast<size_t>(shape.n));
    for (uint32_t n = 0; n < state->plans->columns_padded(); ++n)
        state->column_weights.push_back(column_weight(n));

    Packer packer(*state);
    parallel_for(state->plans->columns_padded() / k_group,
                 [&packer](int64_t begin, int64_t end) { packer.pack(begin, end); });
    if (packer.failed())
        return Error{ERANGE, shape_text(shape) +
                                 " stays on the CPU: it holds NaN, Inf or values beyond 2^60."};
    if (auto handed = hand_over(*state); !handed) return handed.error();
    return std::make_unique<Weights>(std::move(state));
}

uint64_t packed_bytes(WeightShape shape, Pipeline pipeline) {
    if (!check(shape, pipeline)) return 0;
    const auto n = static_cast<uint64_t>(shape.n);
    return align_up<uint64_t>(n, k_group) *
           static_cast<uint64_t>(quant::row_format(pipeline, shape.k).k_padded);
}

bool block_intact(const Weights::State& weights, uint32_t b) {
    const compile::WeightBlock& block = weights.block(b);
    const int8_t* cube = weights.block_data(b);
    std::vector<uint32_t> u(block.k, 0);
    std::vector<int8_t> codes(block.k);
    for (uint32_t n = 0; n < block.n; ++n) {
        const int8_t* group = cube + size_t{n / k_group * k_group} * block.k;
        compile::unpack_kernel(group, block.k, n % k_group, codes.data());
        add_kernel(weights.column_weights[block.n0 + n], codes.data(), block.k, u.data());
    }
    return u == weights.u[b];
}

void rebuild_block(const Weights::State& weights, uint32_t b, int8_t* cube) {
    const compile::WeightBlock& block = weights.block(b);
    RowGroup group(weights);
    for (uint32_t n = 0; n < block.n; n += k_group) {
        group.load(block.n0 + n);
        group.write(block, cube + size_t{n} * block.k);
    }
}

}  // namespace rosenblatt::matmul
