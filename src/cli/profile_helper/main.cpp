// SPDX-License-Identifier: MIT
// rosenblatt-profile GGUF PROMPT GENERATE THREADS: times every graph node of a prefill and of a
// decode through llama.cpp's public eval callback and prints one JSON object per phase. `rosenblatt
// profile` starts it; a program of its own, so that no other verb needs llama.cpp.
//
// The callback makes llama.cpp compute node by node and wait for each, so the times are whole and
// add up, but what runs overlapped in a normal run is serial here.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "ggml-backend.h"
#include "cli/json_text.hpp"
#include "ggml.h"
#include "llama.h"

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

struct Key {
    std::string op, type;
    int64_t m = 0, k = 0, n = 0;
    auto operator<=>(const Key&) const = default;
};

struct Sum {
    int64_t count = 0;
    double ms = 0;
};

struct Recorder {
    std::map<Key, Sum> sums;
    Clock::time_point start;
};

bool only_renames_data(const ggml_tensor& node) {
    return node.op == GGML_OP_NONE || node.op == GGML_OP_VIEW || node.op == GGML_OP_RESHAPE ||
           node.op == GGML_OP_PERMUTE || node.op == GGML_OP_TRANSPOSE;
}

/// Matmuls and attention: all rows times reduction times output features. Others: rows and columns
/// of the result, k = 0.
Key key_of(const ggml_tensor& node) {
    Key key{ggml_op_desc(&node), ggml_type_name(node.type), ggml_nrows(&node), 0, node.ne[0]};
    if (node.op == GGML_OP_MUL_MAT || node.op == GGML_OP_MUL_MAT_ID) {
        key.type = ggml_type_name(node.src[0]->type);
        key.k = node.src[0]->ne[0];
        key.n = node.src[0]->ne[1];
    } else if (node.op == GGML_OP_FLASH_ATTN_EXT) {
        key.type = ggml_type_name(node.src[1]->type);
        key.m = ggml_nrows(node.src[0]);
        key.k = node.src[0]->ne[0];
        key.n = node.src[1]->ne[1];
    }
    return key;
}

bool on_node(ggml_tensor* node, bool ask, void* user) {
    auto& recorder = *static_cast<Recorder*>(user);
    if (ask) {
        recorder.start = Clock::now();
        return !only_renames_data(*node);
    }
    const std::chrono::duration<double, std::milli> spent = Clock::now() - recorder.start;
    Sum& sum = recorder.sums[key_of(*node)];
    ++sum.count;
    sum.ms += spent.count();
    return true;
}

/// One line of the contract, the dearest first.
void print_phase(const std::string& model, const char* phase, const Recorder& recorder) {
    double total = 0;
    std::vector<std::pair<Key, Sum>> sorted(recorder.sums.begin(), recorder.sums.end());
    for (const auto& [key, sum] : sorted) total += sum.ms;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second.ms > b.second.ms; });
    Json ops = Json::array();
    for (const auto& [key, sum] : sorted)
        ops.push_back({{"op", key.op},
                       {"type", key.type},
                       {"m", key.m},
                       {"k", key.k},
                       {"n", key.n},
                       {"count", sum.count},
                       {"ms", sum.ms},
                       {"share", total > 0 ? sum.ms / total : 0}});
    std::puts(rosenblatt::cli::json_text(Json{{"model", model}, {"phase", phase}, {"ops", std::move(ops)}}).c_str());
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

bool decode(llama_context* context, llama_token* tokens, int32_t count) {
    const bool done = llama_decode(context, llama_batch_get_one(tokens, count)) == 0;
    llama_synchronize(context);
    return done;
}

int fail(const std::string& why) {
    std::fprintf(stderr, "rosenblatt-profile: %s\n", why.c_str());
    return 1;
}

using Model = std::unique_ptr<llama_model, decltype(&llama_model_free)>;
using Context = std::unique_ptr<llama_context, decltype(&llama_free)>;

Context make_context(llama_model* model, int prompt, int generate, int threads,
                     Recorder& recorder) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = static_cast<uint32_t>(prompt + generate);
    params.n_batch = params.n_ubatch = static_cast<uint32_t>(prompt);
    params.n_threads = params.n_threads_batch = threads;
    params.cb_eval = on_node;
    params.cb_eval_user_data = &recorder;
    return {llama_init_from_model(model, params), llama_free};
}

int profile(const std::string& path, int prompt, int generate, int threads) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    load_backends();
    llama_backend_init();
    const Model model(llama_model_load_from_file(path.c_str(), llama_model_default_params()),
                      llama_model_free);
    if (!model) return fail(path + " cannot be loaded by llama.cpp");
    Recorder recorder;
    const Context context = make_context(model.get(), prompt, generate, threads, recorder);
    if (!context) return fail("llama.cpp makes no context for " + path);

    // Speed does not depend on which tokens they are; these spread over the whole vocabulary.
    const int64_t words = llama_vocab_n_tokens(llama_model_get_vocab(model.get()));
    std::vector<llama_token> tokens;
    for (int64_t i = 0; i < prompt; ++i)
        tokens.push_back(static_cast<llama_token>((i * 7919 + 1) % words));
    const std::string name = std::filesystem::path(path).filename();

    if (!decode(context.get(), tokens.data(), 1)) return fail("the warm-up token failed");
    llama_memory_clear(llama_get_memory(context.get()), true);
    recorder.sums.clear();
    if (!decode(context.get(), tokens.data(), prompt)) return fail("the prefill failed");
    print_phase(name, "prefill", recorder);
    recorder.sums.clear();
    for (int i = 0; i < generate; ++i)
        if (!decode(context.get(), &tokens[static_cast<size_t>(i % prompt)], 1))
            return fail("decoding failed");
    if (generate > 0) print_phase(name, "decode", recorder);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return fail("started by `rosenblatt profile`, not by hand") + 1;
    return profile(argv[1], std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]));
}
