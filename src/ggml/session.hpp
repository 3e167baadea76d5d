// SPDX-License-Identifier: MIT
// Session: what all ggml backends, buffers and threads of this process share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "base/options.hpp"
#include "ggml/cost.hpp"
#include "ggml/counters.hpp"
#include "ggml/cpu_delegate.hpp"
#include "ggml/cpu_shadow.hpp"
#include "ggml/npu.hpp"
#include "ggml/policies.hpp"
#include "ggml/tile_store.hpp"
#include "ggml/trace.hpp"

namespace rosenblatt::ggml {

class Session {
  public:
    /// Made at the first call and never destroyed: threads may still run while the process ends. A
    /// forked child gets a fresh one: lanes, their memory and locks held by other threads stay
    /// behind.
    static Session& get();

    const Options& options() const { return options_; }
    /// nullptr: no NPU; without one no device is registered.
    Npu* npu() { return npu_.get(); }
    Cost& cost() { return cost_; }
    Counters& counters() { return counters_; }
    Trace& trace() { return trace_; }
    TileStore& tiles() { return tiles_; }
    Shadows& shadows() { return shadows_; }

    /// What this weight runs as: its policy's pipeline, else the one of GGML_ROCKET_PIPELINE.
    Pipeline pipeline_of(const ggml_tensor& weight) const {
        return policies_.find(weight).value_or(options_.pipeline);
    }

    /// One line that says why there is no ROCKET0, once, when a model is loaded without it.
    void hint_at_missing_npu();

    /// A weight was written whole while its model is loaded: packs it now if it will be worth it,
    /// so that the first prompt does not wait. Others are packed at their first use.
    void weight_written(const ggml_tensor& weight, size_t buffer_bytes) noexcept;

    /// The tiles of these matrices of `weight`, packed with the threads of `cpu` if need be.
    TileStore::Found tiles_of(matmul::Device& device, const ggml_tensor& weight, Matrices wanted,
                              CpuDelegate& cpu);

    /// After a graph: one line each, once, when memory did not suffice for all tiles, files of the
    /// cache were of no use, or the policy is another model's.
    void report();
    /// Raises the peaks that the statistics tell.
    void note_memory();

    /// Writes GGML_ROCKET_STATS and GGML_ROCKET_TRACE.
    void write_files();

  private:
    Session();
    explicit Session(ParsedOptions parsed);
    void find_npu();
    void report_memory();
    bool is_worth_packing(const ggml_tensor& weight);
    void pack_while_loading(const ggml_tensor& weight);

    Options options_;
    Policies policies_;
    std::unique_ptr<Npu> npu_;
    std::string no_npu_;  // why there is none, when nobody has been told yet
    Cost cost_;
    Counters counters_;
    Trace trace_;
    TileStore tiles_;
    Shadows shadows_;
    std::atomic<bool> said_memory_{false}, said_broken_files_{false};
    std::mutex loading_mutex_;
    std::unique_ptr<CpuDelegate> loading_threads_;  // at loading time no backend exists yet
};

}  // namespace rosenblatt::ggml
