// SPDX-License-Identifier: MIT
// Panel: the way of some rows where nothing fails. repair.cpp is the other one.
#include "matmul/panel.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>

#include "matmul/checksum.hpp"
#include "matmul/half_panel.hpp"
#include "matmul/int4_panel.hpp"
#include "matmul/int8_panel.hpp"

namespace rosenblatt::matmul {
namespace {

constexpr uint64_t k_cache_line = 64;
/// Less than the 500 ms after which the kernel gives a job up. Not every job that takes longer was
/// given up: an emulated NPU is slow.
constexpr std::chrono::milliseconds k_hang{450};
constexpr double k_job_ns_max = 100e6;

}  // namespace

Panel::Panel(Device::State& device, const Input& x, PanelRows rows,
             std::span<const Output> outputs, const ParallelFor& parallel_for)
    : device_(device),
      x_(x),
      rows_(rows),
      meter_(parallel_for),
      parallel_for_([this](int64_t count, const LoopBody& body) { meter_.run(count, body); }),
      lane_asked_(device.lanes.size()),
      lane_failed_(device.lanes.size()) {
    for (const Output& output : outputs) {
        operands_.emplace_back().weights = &output.weights->state();
        operands_.back().target = &output;
        if (output.second) operands_.emplace_back().weights = &output.second->state();
    }
}

Panel::~Panel() {
    for (LaneRun& run : runs_) {
        finish(run);
        std::vector<Buffer> buffers;  // C first: it is what jobs write
        for (Buffer* buffer : {&run.c, &run.a, &run.regcmd, &run.guest_weights})
            buffers.push_back(std::move(*buffer));
        if (run.abandoned) {
            work_lane(run).put_back_later(std::move(buffers));
            continue;
        }
        for (Buffer& buffer : buffers) work_lane(run).put_back(std::move(buffer));
    }
}

Result<Outcome> Panel::begin() {
    if (auto planned = plan(); !planned) return planned.error();
    collect_runs();
    const LoopMeter::Stretch packing(meter_);
    const Outcome outcome = pack();
    if (outcome != Outcome::Done) return outcome;
    for (LaneRun& run : runs_) start(run);
    device_.stats.host_ms.pack += packing.worked_ms();
    device_.stats.host_ms.wait += packing.waited_ms();
    return Outcome::Done;
}

/// A wrong row of X may also be out of range.
Outcome Panel::pack() {
    const bool checksums = device_.options.verify != Verify::Off;
    const Outcome outcome = quantise(runs_, checksums);
    if (!x_.confirm || x_.confirm(rows_.first, rows_.count)) return outcome;
    return quantise(runs_, checksums);
}

void Panel::wait() {
    const LoopMeter::Stretch waiting(meter_);
    for (LaneRun& run : runs_) finish(run);
    device_.stats.host_ms.wait += waiting.worked_ms();
}

void Panel::hold() {
    wait();
    const LoopMeter::Stretch proving(meter_);
    std::vector<TileRef> failed = unproved(runs_, Sums::WhenUnpacked);
    if (!failed.empty()) repair(std::move(failed));
    held_ = true;
    cut_into_blocks();
    device_.stats.host_ms.unpack += proving.worked_ms();
    device_.stats.host_ms.wait += proving.waited_ms();
}

void Panel::release() {
    record_lanes();
    count();
}

void Panel::complete() {
    wait();
    const LoopMeter::Stretch unpacking(meter_);
    std::vector<TileRef> failed = unproved(runs_, Sums::WhenUnpacked);
    if (!failed.empty()) repair(std::move(failed));
    for (uint32_t o = 0; o < operands_.size(); ++o)
        if (operands_[o].target) unpack(o);
    record_lanes();

    device_.stats.host_ms.unpack += unpacking.worked_ms();
    device_.stats.host_ms.wait += unpacking.waited_ms();
    count();
}

void Panel::record_lanes() {
    bool asked = false;
    for (uint32_t lane = 0; lane < lane_asked_.size(); ++lane) {
        if (!lane_asked_[lane]) continue;
        asked = true;
        if (device_.lanes[lane].record(lane_failed_[lane], device_.calls))
            device_.stats.lanes_taken_out += 1;
    }
    if (asked && !hung_) device_.hangs_in_a_row = 0;
}

Result<void> Panel::plan() {
    for (size_t o = 0; o < operands_.size(); ++o) {
        Operand& operand = operands_[o];
        auto planned = operand.weights->plans->plan(m());
        if (!planned) return planned.error();
        operand.plan = *planned;
        expect(o);
        operand.cubes.resize(operand.plan->plan.tiles.size(), nullptr);
        operand.saved.resize(operand.cubes.size());
    }
    return {};
}

/// The lanes' tiles in planned order, all operands one after the other. A job may span operands:
/// the first tile of each reuses nothing.
void Panel::collect_runs() {
    for (uint32_t lane = 0; lane < device_.lanes.size(); ++lane) {
        if (!usable(lane)) continue;
        LaneRun run;
        run.lane = lane;
        uint64_t c_base = 0;
        double job_ns = 0;
        for (uint32_t o = 0; o < operands_.size(); ++o) {
            const CompiledPlan& compiled = *operands_[o].plan;
            for (const compile::Job& job : compiled.plan.jobs) {
                if (job.lane != lane) continue;
                if (!run.tiles.empty() && job_ns + job.modelled_ns > k_job_ns_max) {
                    run.job_ends.push_back(static_cast<uint32_t>(run.tiles.size()));
                    job_ns = 0;
                }
                job_ns += job.modelled_ns;
                for (uint32_t t = job.first; t < job.first + job.count; ++t)
                    run.tiles.push_back(
                        {{o, t},
                         operands_[o].weights->block_iova(compiled.plan.tiles[t].block),
                         c_base + compiled.c_offset[t]});
            }
            c_base += compiled.lane_c_bytes[lane];
        }
        if (run.tiles.empty()) continue;
        run.job_ends.push_back(static_cast<uint32_t>(run.tiles.size()));
        if (borrow(run)) runs_.push_back(std::move(run));
    }
}

/// A lane without memory for its work buffers sits this panel out; repair() finds its tiles a home.
bool Panel::borrow(LaneRun& run) {
    lane_asked_[run.lane] = true;
    WorkLane& lane = work_lane(run);
    uint64_t c_bytes = 0, words = 0;
    uint32_t k_end = 0;
    run.k0 = std::numeric_limits<uint32_t>::max();
    for (const Placed& placed : run.tiles) {
        const compile::Tile& t = tile(placed.ref);
        c_bytes =
            std::max(c_bytes, placed.c_offset + uint64_t{t.m} * t.n * compile::k_output_bytes);
        const size_t length = operands_[placed.ref.operand].plan->streams[placed.ref.tile].size();
        words += align_up<uint64_t>(length, k_cache_line / sizeof(uint64_t));
        run.k0 = std::min(run.k0, t.k0);
        k_end = std::max(k_end, t.k0 + t.k);
    }
    run.k = k_end - run.k0;
    const uint64_t a_bytes = uint64_t{m()} * run.k * compile::element_bytes(type());
    const uint64_t sizes[] = {a_bytes, c_bytes, words * sizeof(uint64_t)};
    Buffer* buffers[] = {&run.a, &run.c, &run.regcmd};
    for (int i = 0; i < 3; ++i) {
        auto borrowed = lane.borrow(sizes[i]);
        if (!borrowed) {
            note_error(run, borrowed.error());
            for (Buffer* buffer : buffers) lane.put_back(std::move(*buffer));
            return false;
        }
        *buffers[i] = std::move(borrowed).value();
    }
    return true;
}

void Panel::write_streams(const LaneRun& run) {
    auto* words = run.regcmd.as<uint64_t>();
    for (const Placed& placed : run.tiles) {
        const compile::Tile& t = tile(placed.ref);
        const uint64_t surfaces_before = uint64_t{t.k0 - run.k0} * compile::element_bytes(type());
        const uint64_t a_offset = surfaces_before * m() + uint64_t{compile::rows_on_npu(type(), t.m0)} * npu::k_atom_bytes;
        const auto a = run.a.iova() + static_cast<uint32_t>(a_offset);
        const auto c = run.c.iova() + static_cast<uint32_t>(placed.c_offset);
        const CompiledPlan& compiled = *operands_[placed.ref.operand].plan;
        const compile::TaskTemplate* stream = &compiled.streams[placed.ref.tile];
        std::optional<compile::TaskTemplate> fresh;
        if (run.fresh_streams && (t.weight_reuse || t.data_reuse))
            stream = &fresh.emplace(stream_without_reuse(t, m(), type()));
        stream->write(words, a, placed.weight_iova, c);
        words += align_up<uint64_t>(stream->size(), k_cache_line / sizeof(uint64_t));
    }
}

void Panel::start(LaneRun& run) {
    write_streams(run);
    std::vector<rocket::Job> jobs(run.job_ends.size());
    uint32_t regcmd = run.regcmd.iova();
    size_t index = 0;
    for (size_t j = 0; j < jobs.size(); ++j) {
        std::vector<uint32_t>& in = jobs[j].in;
        for (; index < run.job_ends[j]; ++index) {
            const Placed& placed = run.tiles[index];
            const compile::Tile& t = tile(placed.ref);
            int32_t* cube = run.c.as<int32_t>() + placed.c_offset / sizeof(int32_t);
            poison_line(cube + size_t{t.m} * t.n - k_poison_words);
            const auto words = static_cast<uint32_t>(
                operands_[placed.ref.operand].plan->streams[placed.ref.tile].size());
            jobs[j].add(regcmd, words);
            regcmd +=
                static_cast<uint32_t>(align_up<uint64_t>(words * sizeof(uint64_t), k_cache_line));
            const Weights::State& weights = *operands_[placed.ref.operand].weights;
            in.push_back(run.guest_weights ? run.guest_weights.bo().handle()
                                           : weights.buffers[run.lane].bo().handle());
        }
        // Listed once each: the kernel drops a job that names a BO twice.
        std::sort(in.begin(), in.end());
        in.erase(std::unique(in.begin(), in.end()), in.end());
        jobs[j].reads(run.a.bo());
        jobs[j].reads(run.regcmd.bo());
        jobs[j].writes(run.c.bo());
    }
    const rocket::Lane& lane = work_lane(run).lane();
    for (const Buffer* buffer : {&run.a, &run.c, &run.regcmd})
        if (auto done = lane.finish_cpu(buffer->bo()); !done) return note_error(run, done.error());
    run.begun = LoopMeter::Clock::now();
    if (auto done = lane.submit(jobs); !done) return note_error(run, done.error());
    run.submitted = true;
    work_lane(run).count_submit();
    device_.stats.submits += 1;
    device_.stats.jobs += jobs.size();
    device_.stats.tasks += run.tiles.size();
}

void Panel::finish(LaneRun& run) {
    if (!run.submitted || run.finished) return;
    run.finished = true;
    WorkLane& lane = work_lane(run);
    lane.count_end();
    // Taken out by an earlier wave: half a second for each of its jobs would be for nothing.
    const bool wait = !lane.given_up(device_.calls);
    auto done = lane.lane().prepare_cpu(
        run.c.bo(), wait ? rocket::after(WorkLane::k_wait_limit) : rocket::k_poll);
    run.overdue = LoopMeter::Clock::now() - run.begun > k_hang;
    if (done) return;
    if (wait || done.error().code != EBUSY) return note_error(run, done.error());
    run.abandoned = hung_ = true;
    lane_failed_[run.lane] = true;
}

/// Out of memory passes; anything else means that the device behind the file is gone (all files are
/// then) or stuck, and that its buffers must not be used again.
void Panel::note_error(LaneRun& run, const Error& error) {
    lane_failed_[run.lane] = true;
    const bool passing = error.code == ENOMEM || error.code == ENOSPC || error.code == EAGAIN;
    if (passing) return device_.complaints.passing(error.message);
    device_.complaints.lasting(error.message);
    work_lane(run).set_lost();
    if (error.code != ENODEV) return;
    for (WorkLane& lane : device_.lanes) lane.set_lost();
}

void Panel::count() {
    Stats& stats = device_.stats;
    for (const Operand& operand : operands_) {
        const WeightShape shape = operand.weights->shape;
        const compile::Plan& plan = operand.plan->plan;
        stats.macs +=
            uint64_t{m()} * static_cast<uint64_t>(shape.n) * static_cast<uint64_t>(shape.k);
        stats.dma_bytes += plan.dma_bytes;
        for (const compile::Job& job : plan.jobs) stats.npu_ms_modelled += job.modelled_ns * 1e-6;
        stats.splits += operand.weights->plans->host_sums();
        uint64_t c_bytes = 0;
        for (const uint64_t bytes : operand.plan->lane_c_bytes) c_bytes += bytes;
        // Once to prove and once to unpack, unless both are one pass.
        const bool twice = device_.options.verify == Verify::Full ||
                           (device_.options.verify == Verify::Checksum && !sums_when_unpacked());
        stats.host_bytes += c_bytes * (twice ? 2 : 1);
        if (operand.target && !held_)  // two results that go to one function are written as one
            stats.host_bytes +=
                uint64_t{m()} * static_cast<uint64_t>(shape.n) * sizeof(float);
    }
    const uint64_t a_bytes = uint64_t{m()} * static_cast<uint64_t>(format().k_padded) *
                             compile::element_bytes(type());
    stats.host_bytes += a_bytes * runs_.size();
    if (!x_.from_results)
        stats.host_bytes += uint64_t{m()} * static_cast<uint64_t>(format().k) * sizeof(float);
}

std::unique_ptr<Panel> make_panel(Device::State& device, const Input& x, PanelRows rows,
                                  std::span<const Output> outputs,
                                  const ParallelFor& parallel_for) {
    switch (outputs.front().weights->pipeline()) {
        case Pipeline::F16:
            return std::make_unique<HalfPanel>(device, x, rows, outputs, parallel_for);
        case Pipeline::W4A8:
            return std::make_unique<Int4Panel>(device, x, rows, outputs, parallel_for);
        default:
            return std::make_unique<Int8Panel>(device, x, rows, outputs, parallel_for);
    }
}

}  // namespace rosenblatt::matmul
