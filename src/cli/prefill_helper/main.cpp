// SPDX-License-Identifier: MIT
// rosenblatt-prefill GGUF PROMPT THREADS DEPTH...: computes PROMPT tokens behind each of the DEPTHs
// and prints one JSON object per depth, with the backend's statistics before and after.
// `rosenblatt bench prefill` starts it; a program of its own, so that no other verb needs
// llama.cpp.
//
// Filling a cache of 16384 tokens by computing them would take far longer than what is measured.
// What attention costs depends on how many cells a sequence has, not on what is in them, so one
// computed prompt is copied into the cache until it is as deep as asked.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ggml-backend.h"
#include "cli/json_text.hpp"
#include "llama.h"

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;
using Model = std::unique_ptr<llama_model, decltype(&llama_model_free)>;
using Context = std::unique_ptr<llama_context, decltype(&llama_free)>;

constexpr llama_seq_id k_prompt = 0;  ///< the sequence that is computed
constexpr llama_seq_id k_copy = 1;    ///< where a copy of it is put together

int fail(const std::string& why) {
    std::fprintf(stderr, "rosenblatt-prefill: %s\n", why.c_str());
    return 1;
}

/// Backends lie beside libggml in our builds; a distribution's libggml knows its own folder.
void load_backends() {
    Dl_info library{};
    if (dladdr(reinterpret_cast<void*>(&ggml_backend_load_all), &library) != 0) {
        const auto folder = std::filesystem::path(library.dli_fname).parent_path();
        ggml_backend_load_all_from_path(folder.c_str());
    }
    if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) ggml_backend_load_all();
}

/// What the backend has counted since the process began; null without it.
Json backend_statistics() {
    ggml_backend_reg_t registry = ggml_backend_reg_by_name("ROCKET");
    if (registry == nullptr) return nullptr;
    using Statistics = size_t (*)(char* buffer, size_t size);
    const auto statistics = reinterpret_cast<Statistics>(
        ggml_backend_reg_get_proc_address(registry, "rosenblatt_statistics"));
    if (statistics == nullptr) return nullptr;
    std::string text(statistics(nullptr, 0) + 1024, '\0');
    text.resize(std::min(text.size(), statistics(text.data(), text.size())));
    return Json::parse(text, nullptr, false);
}

Context make_context(llama_model* model, uint32_t prompt, uint32_t depth, int threads) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = depth + prompt;
    params.n_batch = params.n_ubatch = prompt;
    params.n_threads = params.n_threads_batch = threads;
    params.n_seq_max = 2;
    params.kv_unified = true;
    return {llama_init_from_model(model, params), llama_free};
}

/// Speed does not depend on which tokens they are; these spread over the whole vocabulary.
std::vector<llama_token> make_tokens(const llama_model* model, uint32_t count) {
    const int64_t words = llama_vocab_n_tokens(llama_model_get_vocab(model));
    std::vector<llama_token> tokens;
    for (int64_t i = 0; i < count; ++i)
        tokens.push_back(static_cast<llama_token>((i * 7919 + 1) % words));
    return tokens;
}

class Bench {
  public:
    Bench(llama_context* context, std::vector<llama_token> tokens)
        : context_(context), memory_(llama_get_memory(context)), tokens_(std::move(tokens)) {}

    bool compute() {
        const llama_batch batch =
            llama_batch_get_one(tokens_.data(), static_cast<int32_t>(tokens_.size()));
        const bool done = llama_decode(context_, batch) == 0;
        llama_synchronize(context_);
        return done;
    }

    /// Leaves the prompt's sequence with exactly `depth` cells. Copies keep the positions of the
    /// prompt, so that no key has to be rotated anew.
    bool fill(uint32_t depth) {
        if (memory_ == nullptr) return depth == 0;
        if (depth > 0 && prompt_state_.empty()) {
            prompt_state_.resize(llama_state_seq_get_size(context_, k_prompt));
            const size_t size = llama_state_seq_get_data(context_, prompt_state_.data(),
                                                         prompt_state_.size(), k_prompt);
            if (size == 0) return false;
            prompt_state_.resize(size);
        }
        llama_memory_clear(memory_, false);
        const auto prompt = static_cast<uint32_t>(tokens_.size());
        for (uint32_t filled = 0; filled < depth; filled += prompt) {
            if (llama_state_seq_set_data(context_, prompt_state_.data(), prompt_state_.size(),
                                         k_copy) == 0)
                return false;
            const auto wanted = static_cast<llama_pos>(std::min(prompt, depth - filled));
            llama_memory_seq_rm(memory_, k_copy, wanted, -1);
            llama_memory_seq_cp(memory_, k_copy, k_prompt, -1, -1);
            llama_memory_seq_rm(memory_, k_copy, -1, -1);
        }
        return true;
    }

    Json measure(uint32_t depth) {
        const Json before = backend_statistics();
        const auto start = Clock::now();
        if (!compute()) return nullptr;
        const std::chrono::duration<double, std::milli> spent = Clock::now() - start;
        return {{"depth", depth},
                {"prompt", tokens_.size()},
                {"wall_ms", spent.count()},
                {"before", before},
                {"after", backend_statistics()}};
    }

  private:
    llama_context* context_;
    llama_memory_t memory_;
    std::vector<llama_token> tokens_;
    std::vector<uint8_t> prompt_state_;
};

int run(const std::string& path, uint32_t prompt, int threads,
        const std::vector<uint32_t>& depths) {
    llama_log_set(
        [](ggml_log_level level, const char* text, void*) {
            if (level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
        },
        nullptr);
    load_backends();
    llama_backend_init();
    const Model model(llama_model_load_from_file(path.c_str(), llama_model_default_params()),
                      llama_model_free);
    if (!model) return fail(path + " cannot be loaded by llama.cpp");
    const uint32_t deepest = *std::max_element(depths.begin(), depths.end());
    const Context context = make_context(model.get(), prompt, deepest, threads);
    if (!context)
        return fail("llama.cpp makes no context of " + std::to_string(deepest + prompt) +
                    " tokens for " + path);
    Bench bench(context.get(), make_tokens(model.get(), prompt));
    if (!bench.compute()) return fail("the first prefill failed");  // plans, buffers, threads
    for (const uint32_t depth : depths) {
        if (!bench.fill(depth))
            return fail("the context of this model cannot be filled to " + std::to_string(depth));
        const Json line = bench.measure(depth);
        if (line.is_null())
            return fail("the prefill at depth " + std::to_string(depth) + " failed");
        std::puts(rosenblatt::cli::json_text(line).c_str());
        std::fflush(stdout);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return fail("started by `rosenblatt bench prefill`, not by hand") + 1;
    std::vector<uint32_t> depths;
    for (int i = 4; i < argc; ++i)
        depths.push_back(static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 10)));
    return run(argv[1], static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)),
               std::atoi(argv[3]), depths);
}
