// SPDX-License-Identifier: MIT
// Checks what was asked, reads the vocabulary, writes the model.
#include "cli/make_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>

#include "cli/make_model_file.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

constexpr uint32_t k_most_layers = 512;  ///< LLAMA_MAX_LAYERS
constexpr unsigned k_most_threads = 256;
constexpr uint64_t k_most_tokens = 1 << 24;

/// What of the two does not go together; empty: nothing.
std::string mismatch(const NewModel& model, const Tokenizer& tokenizer, const MakeModelOptions& o) {
    const bool generating = tokenizer.model != "bert" && tokenizer.model != "t5";
    if (model.tokenizer.empty() ? !generating : tokenizer.model != model.tokenizer)
        return fmt::format(
            "shape {} needs {} vocabulary, but {} has one of kind '{}'", o.shape,
            model.tokenizer.empty() ? "a generating model's" : "a '" + model.tokenizer + "'",
            o.vocabulary, tokenizer.model);
    if (tokenizer.tokens > k_most_tokens)
        return fmt::format("{} claims {} tokens", o.vocabulary, tokenizer.tokens);
    return {};
}

int fail(std::ostream& err, const std::string& message, int code) {
    err << "rosenblatt make-model: " << message << '\n';
    return code;
}

}  // namespace

int run_make_model(const MakeModelOptions& o, std::ostream& out, std::ostream& err) {
    if (const auto known = new_model(o.shape, 1, 1); !known)
        return fail(err, known.error().message, k_exit_usage);
    if (o.layers && (*o.layers == 0 || *o.layers > k_most_layers))
        return fail(err, fmt::format("--layers is 1 to {}", k_most_layers), k_exit_usage);
    if (o.threads && (*o.threads == 0 || *o.threads > k_most_threads))
        return fail(err, fmt::format("--threads is 1 to {}", k_most_threads), k_exit_usage);
    const auto begin = std::chrono::steady_clock::now();
    const auto tokenizer = read_tokenizer(o.vocabulary);
    if (!tokenizer) return fail(err, tokenizer.error().message, k_exit_finding);
    const auto model = new_model(o.shape, tokenizer->tokens, o.layers.value_or(0));
    if (!model) return fail(err, model.error().message, k_exit_usage);
    if (const std::string text = mismatch(*model, *tokenizer, o); !text.empty())
        return fail(err, text, k_exit_finding);
    const unsigned threads = o.threads.value_or(std::max(1U, std::thread::hardware_concurrency()));
    const auto bytes = write_model(o.output, *model, *tokenizer, o.seed, threads);
    if (!bytes) return fail(err, bytes.error().message, k_exit_finding);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    out << fmt::format(
        "{}: {}, {} tokens, {:.3f} G parameters, {:.3f} GB, F16, seed {}; {:.1f} s\n", o.output,
        o.shape, tokenizer->tokens, static_cast<double>(model->elements()) / 1e9,
        static_cast<double>(*bytes) / 1e9, o.seed, seconds.count());
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
