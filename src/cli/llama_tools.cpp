// SPDX-License-Identifier: MIT
// Reads a model's context length and puts llama.cpp's environment together.
#include "cli/llama_tools.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "cli/gguf.hpp"
#include "cli/installation.hpp"

namespace rosenblatt::cli {
namespace {

/// Context the model was trained for; a file that does not say is taken as long enough.
Result<std::optional<int>> context_length(const std::string& path) {
    const auto gguf = read_gguf(path);
    if (!gguf) return gguf.error();
    for (const auto& [key, value] : gguf->numbers)
        if (key.ends_with(".context_length") && value > 0)
            return std::optional<int>(static_cast<int>(std::min<uint64_t>(value, 1 << 30)));
    return std::optional<int>();
}

std::string cut_note(const Lengths& from, const Lengths& to, int context) {
    if (from.prompt == to.prompt && from.generate == to.generate) return {};
    return fmt::format("the model's context is {} tokens: -p {} -n {} instead of -p {} -n {}",
                       context, to.prompt, to.generate, from.prompt, from.generate);
}

}  // namespace

Result<Lengths> fit_one_context(const std::string& gguf, Lengths wanted) {
    const auto context = context_length(gguf);
    if (!context) return context.error();
    if (!*context) return wanted;
    Lengths fit;
    fit.generate = std::min(wanted.generate, **context / 4);
    fit.prompt = std::min(wanted.prompt, **context - fit.generate);
    fit.note = cut_note(wanted, fit, **context);
    return fit;
}

Result<Lengths> fit_own_contexts(const std::string& gguf, Lengths wanted) {
    const auto context = context_length(gguf);
    if (!context) return context.error();
    if (!*context) return wanted;
    Lengths fit{std::min(wanted.prompt, **context), std::min(wanted.generate, **context)};
    fit.note = cut_note(wanted, fit, **context);
    return fit;
}

Result<std::vector<std::pair<std::string, std::string>>> llama_environment(
    const std::string& llama_dir, const std::string& backend, bool cpu) {
    std::vector<std::pair<std::string, std::string>> environment;
    if (!llama_dir.empty()) {
        const std::string folder = *llama_programs(llama_dir);
        if (!std::filesystem::is_directory(folder))
            return Error{ENOENT, folder +
                                     " is not there; --llama wants the folder that "
                                     "scripts/get_llama.sh printed"};
        const char* before = std::getenv("LD_LIBRARY_PATH");
        environment.emplace_back("LD_LIBRARY_PATH",
                                 before != nullptr ? folder + ":" + before : folder);
    }
    if (cpu) {
        environment.emplace_back("GGML_BACKEND_PATH", "");
        return environment;
    }
    const auto found = backend.empty() ? find_backend(own_folder()) : Result<std::string>(backend);
    if (!found) return found.error();
    // ggml leaves out what it cannot load, and the CPU's figures would pass for the NPU's.
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(*found, ignored))
        return Error{ENOENT, *found + " is not there; --backend (or GGML_BACKEND_PATH) wants a "
                                      "libggml-rocket.so"};
    environment.emplace_back("GGML_BACKEND_PATH", *found);
    return environment;
}

int usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return std::max(1, CPU_COUNT(&set));
}

}  // namespace rosenblatt::cli
