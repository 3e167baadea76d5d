// SPDX-License-Identifier: MIT
#include "ggml/session.hpp"

#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <numeric>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.hpp"
#include "ggml/log_sink.hpp"
#include "ggml/output_file.hpp"
#include "ggml/progress.hpp"
#include "ggml/stats_file.hpp"

namespace rosenblatt::ggml {
namespace {

std::atomic<Session*> g_session{nullptr};

// A prompt of this many rows decides whether a weight is packed when its model is loaded.
constexpr int64_t k_typical_m = 512;
// ... of which an expert meets this share: 8 of 64 or 2 of 16 experts for a token.
constexpr int64_t k_expert_share = 8;

// The output matrix meets one row per generated token, and token_embd is read by rows unless it is
// the output matrix too: both are packed only when many rows come (perplexity,
// GGML_ROCKET_MIN_M=1).
bool is_head(const ggml_tensor& weight) {
    const std::string_view name = weight.name;
    return name.starts_with("output.") || name.starts_with("token_embd.");
}

// llama.cpp's names of weights that MUL_MAT_ID reads end so.
bool holds_experts(const ggml_tensor& weight) {
    return std::string_view(weight.name).find("_exps.") != std::string_view::npos;
}

MulMatShape typical_shape(const ggml_tensor& weight) {
    const int64_t m = is_head(weight)         ? 1
                      : holds_experts(weight) ? k_typical_m / k_expert_share
                                              : k_typical_m;
    return {m, weight.ne[0], weight.ne[1], weight.ne[2] * weight.ne[3]};
}

Session* make_first_session(Session* fresh) {
    static const int registered = pthread_atfork(nullptr, nullptr, [] { g_session = nullptr; });
    static_cast<void>(registered);
    Session* other = nullptr;
    return g_session.compare_exchange_strong(other, fresh) ? fresh : other;
}

}  // namespace

Session& Session::get() {
    if (Session* session = g_session.load(std::memory_order_acquire)) return *session;
    return *make_first_session(new Session);
}

Session::Session() : Session(read_options()) {}

Session::Session(ParsedOptions parsed)
    : options_(std::move(parsed.options)),
      cost_(options_.pipeline),
      trace_(!options_.trace_file.empty()) {
    route_log(options_.log);
    for (const std::string& complaint : parsed.complaints) warn_once(complaint);
    policies_.load(options_);
    find_npu();
    if (npu_) cost_.set_machine({npu_->clock_mhz(), options_.board, options_.lanes});
    if (npu_ && npu_->emulated()) cost_.set_emulated();
    if (const std::string& dir = options_.cache_dir; !dir.empty()) {
        cost_.set_known_rates(CpuRates(dir + "/cpu-rates.json", cpu_identity()));
        tiles_.set_cache(PackedCache(dir + "/packed", options_.packed_cache_max_bytes));
    }
}

void Session::find_npu() {
    auto npu = Npu::find(options_);
    if (npu) {
        npu_ = std::move(*npu);
        return;
    }
    const std::string sentence = npu.error().message + " The work goes on on the CPU.";
    // A machine without an NPU is told so when a model is loaded; a node that is there but cannot
    // be used, or was asked for by name, at once.
    if (npu.error().code == ENOENT && options_.device == "auto")
        no_npu_ = sentence + " (GGML_ROCKET_DEVICE=emulator shows everything without an NPU.)";
    else
        warn_once(sentence);
}

void Session::hint_at_missing_npu() {
    if (!no_npu_.empty()) warn_once(no_npu_);
}

bool Session::is_worth_packing(const ggml_tensor& weight) {
    const bool matrix = weight.op == GGML_OP_NONE && !weight.view_src &&
                        ggml_is_contiguous(&weight) && weight.ne[0] > 1 && weight.ne[1] > 1 &&
                        (weight.ne[2] == 1 || holds_experts(weight)) && weight.ne[3] == 1;
    if (!matrix || !can_dequantise(weight.type) || is_head(weight)) return false;
    if (options_.min_m) return true;
    return cost_.npu_is_faster(typical_shape(weight), weight.type, *loading_threads_);
}

void Session::pack_while_loading(const ggml_tensor& weight) {
    std::lock_guard lock(loading_mutex_);
    if (!loading_threads_) {
        auto threads = CpuDelegate::create();
        if (!threads) return;
        loading_threads_ = std::move(*threads);
        loading_threads_->set_threads(static_cast<int>(std::thread::hardware_concurrency()));
    }
    if (!is_worth_packing(weight)) return;
    matmul::Device* device = npu_->device();
    if (!device) return;
    std::vector<int64_t> all(static_cast<size_t>(weight.ne[2]));
    std::iota(all.begin(), all.end(), 0);
    tiles_of(*device, weight, all, *loading_threads_);
}

void Session::weight_written(const ggml_tensor& weight, size_t buffer_bytes) noexcept try {
    if (!npu_) return;
    static PackingProgress progress;
    pack_while_loading(weight);
    const bool cpu_multiplies = !options_.min_m || *options_.min_m > 1;
    if (cpu_multiplies && ggml_n_dims(&weight) > 1) shadows_.find_or_make(weight);
    progress.advance(ggml_nbytes(&weight), buffer_bytes);
} catch (const std::exception& error) {  // no memory: the first use will try again
    log::debug(std::string("packing ahead failed: ") + error.what());
}

TileStore::Found Session::tiles_of(matmul::Device& device, const ggml_tensor& weight,
                                   Matrices wanted, CpuDelegate& cpu) {
    const bool rounded = weight.type == GGML_TYPE_F16 || weight.type == GGML_TYPE_BF16;
    const Pipeline pipeline = pipeline_of(weight);
    if (rounded && pipeline != Pipeline::F16)
        warn_once(std::string("the model's ") + ggml_type_name(weight.type) +
                  " weights run as " + (pipeline == Pipeline::W4A8 ? "int4" : "int8") + " (" +
                  name(pipeline) +
                  "); GGML_ROCKET_PIPELINE=f16 keeps them in fp16.");
    const MulMatShape shape = typical_shape(weight);
    const double benefit = cost_.gain_ns(shape, weight.type, cpu) /
                           static_cast<double>(shape.k * shape.n * shape.matrices);
    const auto parallel_for = [&](int64_t count, const matmul::LoopBody& body) {
        cpu.parallel_for(count, body);
    };
    const Trace::Scope scope = trace_.scope("pack", weight);
    return tiles_.find_or_pack(device, weight, wanted, pipeline, benefit, parallel_for);
}

// Several graphs may end at once.
void Session::note_memory() {
    const auto raise = [](std::atomic<uint64_t>& most, uint64_t now) {
        uint64_t known = most;
        while (known < now && !most.compare_exchange_weak(known, now)) {
        }
    };
    raise(counters_.shadow_bytes, shadows_.bytes());
    raise(counters_.pinned_bytes, npu_ ? npu_->bo_bytes() : 0);
}

void Session::report() {
    note_memory();
    report_memory();
    if (const std::string broken = tiles_.broken_files();
        !broken.empty() && !said_broken_files_.exchange(true))
        log::warning(broken);
    policies_.report_misfit();
}

void Session::report_memory() {
    const TileStore::Count count = tiles_.count();
    if (count.out_of_memory == 0 || said_memory_.exchange(true)) return;
    log::warning(std::to_string(count.out_of_memory) + " of " +
                 std::to_string(count.out_of_memory + count.packed) +
                 " weights stay on the CPU: " + tiles_.memory_error() +
                 " GGML_ROCKET_MEM_MAX sets how much memory packed weights may take.");
}

void Session::write_files() {
    note_memory();
    counters_.packed_loaded = tiles_.count().from_cache;
    counters_.packed_made = tiles_.count().from_weight;
    write_output(options_.stats_file, "GGML_ROCKET_STATS",
                 [this] { return stats_json(options_, npu_.get(), counters_); });
    write_output(options_.trace_file, "GGML_ROCKET_TRACE", [this] { return trace_.json(); });
}

}  // namespace rosenblatt::ggml
