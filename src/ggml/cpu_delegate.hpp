// SPDX-License-Identifier: MIT
// CpuDelegate: an instance of ggml's own CPU backend, for every operation that the NPU does not do,
// and for the engine's host loops, which run on the same threads.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.hpp"
#include "ggml/api.hpp"
#include "matmul/parallel.hpp"

namespace rosenblatt::ggml {

/// ggml's CPU device, or nullptr when the program registered none. It is found at run time: the CPU
/// backend is a module of its own, only the registry is linked.
ggml_backend_dev_t cpu_device();

class CpuDelegate {
  public:
    static Result<std::unique_ptr<CpuDelegate>> create();
    ~CpuDelegate();
    CpuDelegate(const CpuDelegate&) = delete;
    CpuDelegate& operator=(const CpuDelegate&) = delete;

    void set_threads(int count);
    int threads() const { return threads_; }
    void set_abort_callback(ggml_abort_callback callback, void* data);
    void set_threadpool(ggml_threadpool_t pool);
    /// True when the program asked, through the abort callback, to stop computing.
    bool aborted() const { return abort_ && abort_(abort_data_); }

    /// Computes nodes [begin, end) of `graph`.
    ggml_status compute(const ggml_cgraph& graph, int begin, int end);

    /// Runs `body` on ggml's threads (matmul::ParallelFor).
    void parallel_for(int64_t count, const matmul::LoopBody& body);

  private:
    struct Loop {
        int64_t count = 0;
        const matmul::LoopBody* body = nullptr;
    };

    CpuDelegate(ggml_backend_t backend, ggml_context* context);
    static void run_piece(ggml_tensor* node, int thread, int threads, void* loop);

    ggml_backend_t backend_;
    ggml_context* context_;    // of the one-node graph below
    ggml_cgraph* loop_graph_;  // a custom operation that calls run_piece on every thread
    Loop loop_;
    int threads_ = GGML_DEFAULT_N_THREADS;
    ggml_abort_callback abort_ = nullptr;
    void* abort_data_ = nullptr;
};

}  // namespace rosenblatt::ggml
