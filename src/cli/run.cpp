// SPDX-License-Identifier: MIT
// Finds program and backend, then becomes the program.
#include "cli/run.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "cli/installation.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {

int run_run(const RunOptions& options, std::ostream&, std::ostream& err) {
    if (options.command.empty()) {
        err << "rosenblatt run: no program given; try rosenblatt run -- llama-cli -m model.gguf\n";
        return k_exit_usage;
    }
    const auto program = find_program(options.command[0], llama_programs(options.llama));
    if (!program) {
        err << "rosenblatt run: " << program.error().message << '\n';
        return k_exit_finding;
    }
    const auto backend =
        options.backend.empty() ? find_backend(own_folder()) : Result<std::string>(options.backend);
    if (!backend) {
        err << "rosenblatt run: " << backend.error().message << '\n';
        return k_exit_finding;
    }
    if (std::error_code ignored; !std::filesystem::exists(*backend, ignored)) {
        err << "rosenblatt run: the backend " << *backend << " is not there\n";
        return k_exit_finding;
    }
    std::vector<std::string> words = options.command;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::setenv("GGML_BACKEND_PATH", backend->c_str(), 1);
    ::execv(program->c_str(), arguments.data());
    err << "rosenblatt run: " << *program << " cannot be started: " << std::strerror(errno) << '\n';
    return k_exit_finding;
}

}  // namespace rosenblatt::cli
