// SPDX-License-Identifier: MIT
#include "ggml/gates.hpp"

#include <algorithm>

#include "ggml/cpu_delegate.hpp"

namespace rosenblatt::ggml {

/// A graph of one GLU node, and a CPU backend that computes it on the calling thread.
class Gates::Gate {
  public:
    static Result<std::unique_ptr<Gate>> create() {
        auto cpu = CpuDelegate::create();
        if (!cpu) return cpu.error();
        (*cpu)->set_threads(1);
        const ggml_init_params memory{
            3 * ggml_tensor_overhead() + ggml_graph_overhead_custom(4, false), nullptr, true};
        ggml_context* context = ggml_init(memory);
        if (!context) return Error{0, "no memory for a graph of one node."};
        return std::unique_ptr<Gate>(new Gate(std::move(*cpu), context));
    }
    ~Gate() { ggml_free(context_); }

    void run(const ggml_tensor& node, const matmul::Piece& piece, float* to, size_t bytes_per_row) {
        const auto stride = static_cast<size_t>(piece.stride) * sizeof(float);
        describe(*first_, piece, piece.y, stride);
        describe(*second_, piece, piece.second, stride);
        describe(*result_, piece, to, bytes_per_row);
        std::copy(std::begin(node.op_params), std::end(node.op_params), result_->op_params);
        cpu_->compute(*graph_, 0, graph_->n_nodes);
    }

  private:
    Gate(std::unique_ptr<CpuDelegate> cpu, ggml_context* context)
        : cpu_(std::move(cpu)),
          context_(context),
          first_(ggml_new_tensor_2d(context, GGML_TYPE_F32, 1, 1)),
          second_(ggml_new_tensor_2d(context, GGML_TYPE_F32, 1, 1)),
          result_(ggml_swiglu_split(context, first_, second_)),
          graph_(ggml_new_graph_custom(context, 4, false)) {
        ggml_build_forward_expand(graph_, result_);
    }

    static void describe(ggml_tensor& tensor, const matmul::Piece& piece, float* data,
                         size_t bytes_per_row) {
        tensor.data = data;
        tensor.ne[0] = piece.n;
        tensor.ne[1] = piece.rows;
        tensor.nb[1] = bytes_per_row;
        tensor.nb[2] = tensor.nb[3] = bytes_per_row * static_cast<size_t>(piece.rows);
    }

    std::unique_ptr<CpuDelegate> cpu_;
    ggml_context* context_;
    ggml_tensor *first_, *second_, *result_;
    ggml_cgraph* graph_;
};

Gates::Gates() = default;
Gates::~Gates() = default;

Result<void> Gates::prepare(int threads) {
    for (; made_ < threads; ++made_) {
        auto gate = Gate::create();
        if (!gate) return gate.error();
        idle_.push_back(std::move(*gate));
    }
    return {};
}

void Gates::run(const ggml_tensor& node, const matmul::Piece& piece, float* to,
                size_t bytes_per_row) {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty(); });
    std::unique_ptr<Gate> gate = std::move(idle_.back());
    idle_.pop_back();
    lock.unlock();
    gate->run(node, piece, to, bytes_per_row);
    lock.lock();
    idle_.push_back(std::move(gate));
    lock.unlock();
    returned_.notify_one();
}

}  // namespace rosenblatt::ggml
