// SPDX-License-Identifier: MIT
// One address space, and each lane's tasks on a core and a thread of its own, kicked as rocket.ko
// kicks them.
#include "cli/bench_tasks.hpp"

#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <thread>

#include "base/bits.hpp"
#include "cli/planned.hpp"
#include "compile/emit_matmul.hpp"
#include "drm/rocket_accel.h"
#include "emukernel/job_runner.hpp"

namespace rosenblatt::cli {
namespace {

using npu::Element;

constexpr size_t k_alignment = 4096;  // of every operand and stream, as BOs are

/// Numbers without a pattern. As fp16: finite, of magnitudes 2^-7 to 2, as activations have them.
void fill(std::byte* bytes, size_t size, compile::NumberType type) {
    uint32_t state = 1;
    for (size_t i = 0; i + 2 <= size; i += 2) {
        state = state * 1664525 + 1013904223;
        auto pair = static_cast<uint16_t>(state >> 16);
        if (type == compile::NumberType::F16)
            pair = static_cast<uint16_t>((pair & 0x83ff) | (8 + (state >> 13) % 8) << 10);
        std::memcpy(bytes + i, &pair, sizeof pair);
    }
}

compile::MatmulTask task_of(const compile::Tile& tile, compile::NumberType type, uint32_t rows) {
    const bool int8 = type == compile::NumberType::Int8;
    compile::MatmulTask task;
    task.operand = int8 ? Element::Int8 : Element::Fp16;
    task.result = int8 ? Element::Int32 : Element::Fp32;
    task.m = tile.m;
    task.k = tile.k;
    task.n = tile.n;
    task.data_banks = tile.data_banks;
    task.weight_banks = tile.weight_banks;
    task.data_reuse = tile.data_reuse;
    task.weight_reuse = tile.weight_reuse;
    task.features = compile::folded_features(tile.m, rows);
    task.output = compile::native_results(task.operand, task.result, tile.m);
    return task;
}

}  // namespace

/// One piece of memory from IOVA 0 on.
class BenchTasks::Memory final : public emulator::Bus {
  public:
    uint32_t allocate(size_t size) {
        const size_t start = align_up<size_t>(bytes_.size(), k_alignment);
        bytes_.resize(start + size);
        return static_cast<uint32_t>(start);
    }
    std::byte* at(uint32_t iova) { return bytes_.data() + iova; }

    std::optional<emulator::Iova> read(emulator::Iova iova, std::span<std::byte> bytes) override {
        if (view(iova, bytes.size()) == nullptr) return iova;
        std::memcpy(bytes.data(), bytes_.data() + iova, bytes.size());
        return std::nullopt;
    }
    std::optional<emulator::Iova> write(emulator::Iova iova,
                                        std::span<const std::byte> bytes) override {
        if (view(iova, bytes.size()) == nullptr) return iova;
        std::memcpy(bytes_.data() + iova, bytes.data(), bytes.size());
        return std::nullopt;
    }
    const std::byte* view(emulator::Iova iova, size_t size) override {
        return iova + size <= bytes_.size() ? bytes_.data() + iova : nullptr;
    }

  private:
    std::vector<std::byte> bytes_;
};

struct BenchTasks::Lane {
    explicit Lane(unsigned index) : core(index) {}

    emulator::Core core;
    std::vector<drm_rocket_task> tasks;
    std::optional<std::string> fault;

    void run(emulator::Bus& bus) {
        for (const drm_rocket_task& task : tasks) {
            emukernel::kick(core, task);
            const emulator::TaskOutcome outcome = core.run_task(bus);
            core.complete();
            emukernel::handle_interrupt(core);
            if (!outcome.fault) continue;
            fault = outcome.fault->sentence;
            return;
        }
    }
};

BenchTasks::BenchTasks(unsigned lanes) : memory_(std::make_unique<Memory>()) {
    for (unsigned lane = 0; lane < lanes; ++lane) lanes_.push_back(std::make_unique<Lane>(lane));
}

BenchTasks::~BenchTasks() = default;

uint32_t BenchTasks::allocate(size_t size) {
    return memory_->allocate(size);
}

std::byte* BenchTasks::at(uint32_t iova) {
    return memory_->at(iova);
}

void BenchTasks::add(unsigned lane, const std::vector<uint64_t>& words) {
    const size_t size = words.size() * sizeof words[0];
    const uint32_t stream = allocate(size);
    std::memcpy(at(stream), words.data(), size);
    lanes_[lane]->tasks.push_back({stream, static_cast<uint32_t>(words.size())});
}

Result<double> BenchTasks::run() {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (size_t i = 1; i < lanes_.size(); ++i)
        threads.emplace_back([this, i] { lanes_[i]->run(*memory_); });
    lanes_[0]->run(*memory_);
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    for (const auto& lane : lanes_)
        if (lane->fault) return Error{EIO, *lane->fault};
    return spent.count();
}

Result<std::unique_ptr<BenchTasks>> matmul_tasks(const compile::MatmulShape& shape,
                                                 compile::NumberType type, unsigned lanes) {
    PlanSettings settings;
    settings.type = type;
    settings.machine.lanes = lanes;
    const auto planned = plan_matmul(shape, settings);
    if (!planned) return planned.error();
    auto tasks = std::make_unique<BenchTasks>(lanes);
    const uint32_t element = compile::element_bytes(type);
    const uint32_t channels = align_up(shape.k, compile::k_unit);
    const uint32_t a = tasks->allocate(size_t{shape.m} * channels * element);
    std::map<uint32_t, uint32_t> blocks;  // number of a weight block: its address
    for (const compile::Tile& tile : planned->plan.tiles)
        if (!blocks.contains(tile.block))
            blocks[tile.block] = tasks->allocate(size_t{tile.k} * tile.n * element);
    const uint32_t end = tasks->allocate(0);  // may move the memory: before at()
    fill(tasks->at(a), end - a, type);
    for (const compile::Tile& tile : planned->plan.tiles) {
        compile::MatmulTask task = task_of(tile, type, shape.m);
        const uint32_t surface = tile.k0 * element / npu::k_atom_bytes;
        task.feature_address = a + (surface * shape.m + tile.m0) * npu::k_atom_bytes;
        task.weight_address = blocks[tile.block];
        task.output_address = tasks->allocate(size_t{tile.m} * tile.n * compile::k_output_bytes);
        tasks->add(tile.lane, compile::emit_matmul(task));
    }
    return tasks;
}

}  // namespace rosenblatt::cli
