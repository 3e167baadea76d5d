// SPDX-License-Identifier: MIT
// Panel: one pass of some rows of X through the NPU, for all outputs of a call: quantise into every
// lane's feature cube, run one job list per lane, prove every tile, repair what failed, write Y.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "matmul/device_state.hpp"
#include "matmul/multiply.hpp"
#include "matmul/weights_state.hpp"

namespace rosenblatt::matmul {

/// One output of the call, with the panel's share of its rows.
struct Operand {
    const Weights::State* weights = nullptr;
    OutputRows rows;
    std::shared_ptr<const CompiledPlan> plan;
    std::vector<uint32_t> expected;           ///< checksums, [block][m]
    std::vector<const int32_t*> cubes;        ///< per tile: where its proved result stands
    std::vector<std::vector<int32_t>> saved;  ///< results that stand in host memory
};

struct TileRef {
    uint32_t operand = 0;
    uint32_t tile = 0;
};

/// A tile on its way through a lane.
struct Placed {
    TileRef ref;
    uint32_t weight_iova = 0;
    uint64_t c_offset = 0;  ///< in the run's C buffer
};

/// One SUBMIT of one lane: its buffers, its tiles in order, and how they are cut into jobs.
struct LaneRun {
    uint32_t lane = 0;
    uint32_t k0 = 0, k = 0;  ///< channels that its tiles read: the extent of its feature cube
    Buffer a, c, regcmd;
    Buffer guest_weights;  ///< copies of other lanes' blocks, in a repair
    std::vector<Placed> tiles;
    std::vector<uint32_t> job_ends;  ///< index after each job's last tile
    bool fresh_streams = false;      ///< not in the plan's order: no CBUF reuse
    bool submitted = false;
};

class Panel {
  public:
    Panel(Device::State& device, InputRows x, std::span<const Output> outputs, size_t first_row,
          const ParallelFor& parallel_for);
    ~Panel();

    /// The device's lock is held.
    Result<Outcome> run();

  private:
    using Clock = std::chrono::steady_clock;

    // panel.cpp: the way of a panel where nothing fails
    Result<void> plan();
    void collect_runs();
    bool borrow(LaneRun& run);
    void start(LaneRun& run);
    void write_streams(const LaneRun& run);
    void finish(LaneRun& run);
    void note_error(LaneRun& run, const Error& error);
    void count();

    // activations.cpp
    Result<Outcome> quantise(std::span<LaneRun> runs, bool with_checksums);

    // proof.cpp
    std::vector<TileRef> unproved(std::span<const LaneRun> runs);
    bool proved(const TileRef& ref, const int32_t* cube) const;
    bool matches_reference(const TileRef& ref, const int32_t* cube) const;
    std::vector<int32_t> reference_cube(const TileRef& ref, const ParallelFor& parallel_for) const;
    std::vector<int8_t> row_codes(const compile::Tile& tile) const;

    // repair.cpp
    void repair(std::vector<TileRef> failed);
    std::vector<TileRef> run_again(std::span<const TileRef> tiles, uint32_t lane);
    bool place(LaneRun& run, std::span<const TileRef> tiles);
    bool copy_guest_weights(LaneRun& run);
    void mend_blocks(std::span<const TileRef> tiles);

    // unpack.cpp
    void unpack(const Operand& operand);
    void unpack_rows(const Operand& operand, uint32_t range, uint32_t first, uint32_t rows) const;

    const compile::Tile& tile(const TileRef& ref) const {
        return operands_[ref.operand].plan->plan.tiles[ref.tile];
    }
    const quant::RowFormat& format() const { return operands_[0].weights->format; }
    uint32_t m() const { return static_cast<uint32_t>(x_.size()); }
    WorkLane& work_lane(const LaneRun& run) { return device_.lanes[run.lane]; }
    bool usable(uint32_t lane) const { return device_.lanes[lane].usable(device_.calls); }

    Device::State& device_;
    InputRows x_;
    const ParallelFor& parallel_for_;
    std::vector<Operand> operands_;
    std::vector<LaneRun> runs_;  ///< the planned ones; repairs append theirs, their buffers stay
    std::vector<float> row_scales_;  ///< [m][slices]
    std::vector<bool> lane_asked_;
    std::vector<bool> lane_failed_;
};

}  // namespace rosenblatt::matmul
