// SPDX-License-Identifier: MIT
// The library's three verbs over the engine's own types.
#include "library/npu.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "matmul/find_npu.hpp"
#include "matmul/multiply.hpp"
#include "matmul/weights.hpp"

namespace rosenblatt {

struct Npu::State {
    matmul::FoundNpu found;  // its port outlives the device
    Pipeline pipeline = Pipeline::W8A8H;
    std::unique_ptr<matmul::Device> device;
};

struct Matrix::State {
    std::shared_ptr<Npu::State> npu;  // outlives the weights
    std::unique_ptr<matmul::Weights> weights;
};

namespace {

Result<std::shared_ptr<Npu::State>> open_npu(const ParsedOptions& parsed, const Warning& warning) {
    const Warning warn = warning ? warning : [](const std::string&) {};
    for (const std::string& complaint : parsed.complaints) warn(complaint);
    auto found = matmul::find_npu(parsed.options, warn);
    if (!found) return found.error();
    auto state = std::make_shared<Npu::State>();
    state->found = std::move(*found);
    state->pipeline = parsed.options.pipeline;
    const auto wanted = matmul::device_options(parsed.options, state->found,
                                               std::numeric_limits<uint64_t>::max(), warn);
    auto device = matmul::Device::open(*state->found.port, state->found.path, wanted);
    if (!device) return device.error();
    state->device = std::move(*device);
    return state;
}

}  // namespace

Result<Npu> Npu::open(const Warning& warning) {
    auto state = open_npu(read_options(), warning);
    if (!state) return state.error();
    return Npu(std::move(*state));
}

Result<Npu> Npu::open(const Settings& settings, const Warning& warning) {
    const auto lookup = [&](const char* name) {
        const auto found = settings.find(name);
        return found == settings.end() ? nullptr : found->second.c_str();
    };
    auto state = open_npu(read_options(lookup), warning);
    if (!state) return state.error();
    return Npu(std::move(*state));
}

bool Npu::emulated() const {
    return state_->found.emulated;
}

const std::string& Npu::path() const {
    return state_->found.path;
}

bool Npu::lost() const {
    return state_->device->lost();
}

Counters Npu::counters() const {
    const matmul::Stats stats = state_->device->stats();
    return {.products = stats.multiplies,
            .macs = stats.macs,
            .tasks = stats.tasks,
            .jobs = stats.jobs,
            .tiles_checked = stats.checksum.checked,
            .tiles_wrong = stats.checksum.mismatch,
            .tiles_from_cpu = stats.checksum.cpu_fallback,
            .npu_ms_modelled = stats.npu_ms_modelled};
}

Result<Matrix> Matrix::pack(const Npu& npu, Shape shape, Rows rows,
                            const ParallelFor& parallel_for) {
    const auto& state = npu.state();
    auto weights = matmul::pack(*state->device, {shape.n, shape.k}, std::move(rows),
                                state->pipeline, parallel_for);
    if (!weights) return weights.error();
    return Matrix(std::make_shared<State>(State{state, std::move(*weights)}));
}

Result<Matrix> Matrix::pack(const Npu& npu, Shape shape, const float* values,
                            const ParallelFor& parallel_for) {
    const auto copy_row = [values, k = shape.k](int64_t n, float* row) {
        std::copy_n(values + n * k, k, row);
    };
    return pack(npu, shape, Rows(copy_row), parallel_for);
}

Shape Matrix::shape() const {
    const auto shape = state_->weights->shape();
    return {shape.n, shape.k};
}

uint64_t Matrix::npu_bytes() const {
    return state_->weights->bo_bytes();
}

Result<Product> multiply(const Matrix& w, const float* x, int64_t m, float* y,
                         const ParallelFor& parallel_for) {
    const Shape shape = w.shape();
    const Matrix::State& state = *w.state();
    const auto outcome = matmul::multiply(*state.npu->device, *state.weights, x, shape.k, m, y,
                                          shape.n, parallel_for);
    if (!outcome) return outcome.error();
    return *outcome == matmul::Outcome::Done ? Product::Done : Product::OutOfRange;
}

}  // namespace rosenblatt
