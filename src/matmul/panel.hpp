// SPDX-License-Identifier: MIT
// Panel: one pass of some rows of X through the NPU, for all outputs of a call: quantise into every
// lane's feature cube, run one job list per lane, prove every tile, repair what failed, write Y.
// What depends on the pipeline's numbers is virtual: Int8Panel and HalfPanel know them.
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
    std::vector<const std::byte*> cubes;        ///< per tile: where its proved result stands
    std::vector<std::vector<std::byte>> saved;  ///< results that stand in host memory
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
    virtual ~Panel();
    Panel(const Panel&) = delete;
    Panel& operator=(const Panel&) = delete;

    /// The device's lock is held.
    Result<Outcome> run();

  protected:
    /// Space for what checksums of operand `o` must be; called when its plan is known.
    virtual void expect(size_t o) = 0;
    /// One pass over X into the feature cubes of `runs`; with_checksums: and what every tile's sums
    /// must be.
    virtual Outcome quantise(std::span<LaneRun> runs, bool with_checksums) = 0;
    /// The tile's sums are what they must be.
    virtual bool sums_match(const TileRef& ref, const std::byte* cube) const = 0;
    /// The tile as the NPU should have written it, bit for bit, from X and proved weights.
    virtual std::vector<std::byte> reference_cube(const TileRef& ref,
                                                  const ParallelFor& parallel_for) const = 0;
    /// Proved cubes into rows of Y.
    virtual void unpack(const Operand& operand) = 0;

    const compile::Tile& tile(const TileRef& ref) const {
        return operands_[ref.operand].plan->plan.tiles[ref.tile];
    }
    const quant::RowFormat& format() const { return operands_[0].weights->format; }
    uint32_t m() const { return static_cast<uint32_t>(x_.size()); }

    Device::State& device_;
    InputRows x_;
    const ParallelFor& parallel_for_;
    std::vector<Operand> operands_;

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

    // proof.cpp
    std::vector<TileRef> unproved(std::span<const LaneRun> runs);
    bool proved(const TileRef& ref, const std::byte* cube) const;

    // repair.cpp
    void repair(std::vector<TileRef> failed);
    std::vector<TileRef> run_again(std::span<const TileRef> tiles, uint32_t lane);
    bool place(LaneRun& run, std::span<const TileRef> tiles);
    bool copy_guest_weights(LaneRun& run);
    void mend_blocks(std::span<const TileRef> tiles);

    WorkLane& work_lane(const LaneRun& run) { return device_.lanes[run.lane]; }
    bool usable(uint32_t lane) const { return device_.lanes[lane].usable(device_.calls); }
    compile::NumberType type() const { return number_type(operands_[0].weights->pipeline); }

    std::vector<LaneRun> runs_;  ///< the planned ones; repairs append theirs, their buffers stay
    std::vector<bool> lane_asked_;
    std::vector<bool> lane_failed_;
};

/// The panel of the outputs' pipeline.
std::unique_ptr<Panel> make_panel(Device::State& device, InputRows x,
                                  std::span<const Output> outputs, size_t first_row,
                                  const ParallelFor& parallel_for);

}  // namespace rosenblatt::matmul
