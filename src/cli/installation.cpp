// SPDX-License-Identifier: MIT
// Finds files by the shapes a build folder and an installation have; no path is compiled in but the
// llama.cpp of the build.
#include "cli/installation.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <vector>

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

bool is_program(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<std::string> first_file(const std::vector<fs::path>& candidates) {
    std::error_code ignored;
    for (const fs::path& path : candidates)
        if (fs::is_regular_file(path, ignored)) return path.lexically_normal().string();
    return std::nullopt;
}

}  // namespace

std::string own_folder() {
    std::error_code ignored;
    return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

Result<std::string> find_backend(const std::string& bin) {
    const fs::path prefix = fs::path(bin) / "..";
    const auto found = first_file({prefix / ROSENBLATT_LIBDIR / "rosenblatt" / "libggml-rocket.so",
                                   prefix / "lib" / "rosenblatt" / "libggml-rocket.so",
                                   prefix / "lib" / "libggml-rocket.so"});
    if (found) return *found;
    return Error{ENOENT, fmt::format("there is no libggml-rocket.so below {}; build it "
                                     "(scripts/demo.sh) or name one with GGML_BACKEND_PATH",
                                     prefix.lexically_normal().string())};
}

Result<std::string> find_helper(const std::string& bin, const std::string& name) {
    const auto found =
        first_file({fs::path(bin) / name, fs::path(bin) / "../libexec/rosenblatt" / name,
                    fs::path(bin) / "../lib/rosenblatt" / name});
    if (found) return *found;
    return Error{ENOENT, fmt::format("there is no {} beside {}: it is built only where llama.cpp "
                                     "is (scripts/get_llama.sh, then build again)",
                                     name, bin)};
}

std::optional<std::string> llama_programs(const std::string& llama_dir) {
    if (!llama_dir.empty()) return (fs::path(llama_dir) / "bin").string();
    std::error_code ignored;
    const fs::path built_with = ROSENBLATT_LLAMA_BIN;
    if (!built_with.empty() && fs::is_directory(built_with, ignored)) return built_with.string();
    return std::nullopt;
}

Result<std::string> find_program(const std::string& name,
                                 const std::optional<std::string>& folder) {
    if (name.find('/') != std::string::npos) {
        if (is_program(name)) return name;
        return Error{ENOENT, name + " is no program that can be run"};
    }
    const char* path = std::getenv("PATH");
    std::istringstream places(path != nullptr ? path : "");
    for (std::string place; std::getline(places, place, ':');)
        if (is_program(fs::path(place) / name)) return (fs::path(place) / name).string();
    if (folder && is_program(fs::path(*folder) / name)) return (fs::path(*folder) / name).string();
    return Error{ENOENT, fmt::format("there is no program {} on PATH{}; install llama.cpp, or run "
                                     "scripts/get_llama.sh and give --llama its folder",
                                     name, folder ? " or in " + *folder : "")};
}

}  // namespace rosenblatt::cli
