// SPDX-License-Identifier: MIT
// Panel: one pass of some rows of X through the NPU, for all outputs of a call: quantise into every
// lane's feature cube, run one job list per lane, prove every tile, repair what failed, write Y.
// What depends on the pipeline's numbers is virtual: Int8Panel, Int4Panel and HalfPanel know them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "matmul/device_state.hpp"
#include "matmul/loop_meter.hpp"
#include "matmul/multiply.hpp"
#include "matmul/weights_state.hpp"

namespace rosenblatt::matmul {

/// Which rows of X a panel takes.
struct PanelRows {
    int64_t first = 0;
    int64_t count = 0;
};

/// One W of the call. The second weights of an output follow the first ones as an operand of their
/// own, without a target.
struct Operand {
    const Weights::State* weights = nullptr;
    const Output* target = nullptr;
    std::shared_ptr<const CompiledPlan> plan;
    std::vector<const std::byte*> cubes;        ///< per tile: where its result stands
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
    LoopMeter::Clock::time_point begun;
    bool submitted = false;
    bool finished = false;
    bool overdue = false;    ///< took as long as a job that the watchdog ended
    bool abandoned = false;  ///< its lane hangs: not waited for, C is the NPU's until it has ended
};

class Panel {
  public:
    Panel(Device::State& device, const Input& x, PanelRows rows, std::span<const Output> outputs,
          const ParallelFor& parallel_for);
    virtual ~Panel();
    Panel(const Panel&) = delete;
    Panel& operator=(const Panel&) = delete;

    /// Quantises and submits; the NPU works from then on. The device's lock is held, here and in
    /// complete().
    Result<Outcome> begin();
    /// After begin() gave Done: waits, proves, repairs, writes Y.
    void complete();

    /// Instead of complete(), where nothing shall be written: results stay where they are and are
    /// handed to the target's function when hand_over() is asked for them.
    void hold();
    /// After everything that needs the results.
    void release();
    /// Blocks of rows, in order, once hold() was called.
    virtual const std::vector<PanelRows>& blocks() const { return no_blocks_; }
    /// Hands one over, all of its columns, on the calling thread.
    virtual void hand_over(size_t /*block*/) {}
    virtual bool was_handed_over(size_t /*block*/) const { return true; }
    /// Once all have been handed over: false when sums were wrong. Then tiles were mended, and what
    /// was made of blocks before is wrong.
    virtual bool confirm() { return true; }

  protected:
    /// Space for what checksums of operand `o` must be; called when its plan is known.
    virtual void expect(size_t o) = 0;
    /// One pass over X into the feature cubes of `runs`; with_checksums: and what every tile's sums
    /// must be.
    virtual Outcome quantise(std::span<LaneRun> runs, bool with_checksums) = 0;
    /// Called once for what a lane has written, before anything reads it but the poisoned line.
    virtual void settle(const TileRef&, std::byte*) const {}
    /// The tile's sums are what they must be.
    virtual bool sums_match(const TileRef& ref, const std::byte* cube) const = 0;
    /// The tile as the NPU should have written it, bit for bit, from X and proved weights.
    virtual std::vector<std::byte> reference_cube(const TileRef& ref,
                                                  const ParallelFor& parallel_for) const = 0;
    /// Whether unpack() takes the sums of what it reads, so that they need no pass of their own.
    virtual bool sums_when_unpacked() const { return false; }
    /// Cubes into the target of operand `o`, and of the one after it where it has a second.
    virtual void unpack(uint32_t o) = 0;
    /// Makes blocks().
    virtual void cut_into_blocks() {}
    /// For unpack(): tiles whose sums turned out wrong are computed again and proved.
    void mend(std::vector<TileRef> wrong);

    const compile::Tile& tile(const TileRef& ref) const {
        return operands_[ref.operand].plan->plan.tiles[ref.tile];
    }
    const quant::RowFormat& format() const { return operands_[0].weights->format; }
    uint32_t m() const { return static_cast<uint32_t>(rows_.count); }
    /// Row `m` of the panel; `scratch` has room for K floats.
    const float* x_row(uint32_t m, float* scratch) const {
        return x_.read(rows_.first + m, scratch);
    }
    /// Where row `m` of the panel goes, for a target in memory.
    float* y_row(const Output& target, uint32_t m) const {
        return target.rows[static_cast<size_t>(rows_.first) + m];
    }

    Device::State& device_;
    const Input& x_;
    const PanelRows rows_;
    LoopMeter meter_;
    const ParallelFor parallel_for_;  ///< the caller's, metered
    std::vector<Operand> operands_;

  private:
    // panel.cpp: the way of a panel where nothing fails
    void wait();
    Outcome pack();
    Result<void> plan();
    void collect_runs();
    bool borrow(LaneRun& run);
    void start(LaneRun& run);
    void write_streams(const LaneRun& run);
    void finish(LaneRun& run);
    void note_error(LaneRun& run, const Error& error);
    void record_lanes();
    void count();

    // proof.cpp
    enum class Sums { Now, WhenUnpacked };
    bool untouched(const TileRef& ref, const std::byte* cube) const;
    std::vector<TileRef> unproved(std::span<const LaneRun> runs, Sums sums);
    bool proved(const TileRef& ref, std::byte* cube, Sums sums) const;
    void note_mismatches(std::span<const TileRef> tiles);

    // repair.cpp
    void repair(std::vector<TileRef> failed);
    enum class Home { Here, Elsewhere };
    void note_hangs(const std::vector<bool>& lane_hung);
    void add_retry(std::vector<LaneRun>& runs, std::span<const TileRef> failed, uint32_t lane,
                   Home home);
    std::vector<TileRef> run_again(std::vector<LaneRun> retries);
    bool place(LaneRun& run, std::span<const TileRef> tiles);
    double alone_ns(const compile::Tile& tile) const;
    bool copy_guest_weights(LaneRun& run);
    void mend_blocks(std::span<const TileRef> tiles);

    WorkLane& work_lane(const LaneRun& run) { return device_.lanes[run.lane]; }
    bool usable(uint32_t lane) const { return device_.lanes[lane].usable(device_.calls); }
    compile::NumberType type() const { return number_type(operands_[0].weights->pipeline); }

    std::vector<LaneRun> runs_;  ///< the planned ones; repairs append theirs, their buffers stay
    std::vector<bool> lane_asked_;
    std::vector<bool> lane_failed_;
    bool hung_ = false;
    bool held_ = false;
    const std::vector<PanelRows> no_blocks_;
};

/// The panel of the outputs' pipeline.
std::unique_ptr<Panel> make_panel(Device::State& device, const Input& x, PanelRows rows,
                                  std::span<const Output> outputs,
                                  const ParallelFor& parallel_for);

}  // namespace rosenblatt::matmul
