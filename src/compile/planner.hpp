// SPDX-License-Identifier: MIT
// Plans a matmul over packed weights: row ranges, bank splits, order and reuse, cut into jobs.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "base/result.hpp"
#include "compile/plan.hpp"

namespace rosenblatt::compile {

/// How many row cuts make_plan tries: Quick is within a few percent, for comparing tilings.
enum class Effort { Quick, Full };

/// The fastest plan for M rows under the fitted model. Errors: M is 0, or a block's kernel group
/// and one row do not fit the CBUF together.
Result<Plan> make_plan(uint32_t m, const WeightTiling& tiling, const Conditions& conditions,
                       Effort effort = Effort::Full);

enum class Order {
    RowsFirst,    ///< all blocks for one row range, then the next range
    BlocksFirst,  ///< all row ranges for one block, then the next block
};

/// `m` rows in at most `count` ranges of at most `most` rows, all but the last whole `quantum`s (a
/// power of two) where those fit, else halves of them.
std::vector<Rows> cut_rows(uint32_t m, uint32_t count, uint32_t most, uint32_t quantum = 16);

/// The ways worth trying to cut `m` rows in `count`: wide maps, or equal ranges. All fit the CBUF.
std::vector<std::vector<Rows>> row_cuts(uint32_t m, uint32_t count, const WeightTiling& tiling,
                                        Layout features, Effort effort = Effort::Full);

/// Whether every task has its features whole and room for a kernel group: a last range of an odd
/// number of rows may take a bank more than the others.
bool fits(const WeightTiling& tiling, const std::vector<Rows>& ranges,
          Layout features = Layout::Native);

/// The plan with exactly these row ranges in this order; they must fit the CBUF.
Plan build_plan(const WeightTiling& tiling, const Conditions& conditions,
                const std::vector<Rows>& ranges, Order order);

/// The most rows a task of any block of `tiling` may have; 0: some block leaves no room for one.
uint32_t most_rows(const WeightTiling& tiling);

/// What the timing model needs to know about a tile.
npu::TaskWork task_work(const Tile& tile, NumberType type, const Limits& limits);

/// The most rows that fit the CBUF together with one kernel group of `k` channels; 0: none.
uint32_t most_rows(uint32_t k, NumberType type, const Limits& limits);

/// Banks that hold `rows` feature rows of `k` channels, whole.
uint32_t data_banks(uint32_t rows, uint32_t k, NumberType type, const Limits& limits,
                    Layout features = Layout::Native);

/// Plans of one tiling, made once per M. Thread-safe.
class PlanCache {
  public:
    PlanCache(WeightTiling tiling, Conditions conditions);

    const WeightTiling& tiling() const { return tiling_; }
    Result<std::shared_ptr<const Plan>> plan(uint32_t m);

  private:
    WeightTiling tiling_;
    Conditions conditions_;
    std::mutex mutex_;
    std::map<uint32_t, std::shared_ptr<const Plan>> plans_;
};

}  // namespace rosenblatt::compile
