// SPDX-License-Identifier: MIT
// posix_spawn with a pipe; argument and environment arrays live as long as the call.
#include "cli/process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.hpp"

namespace rosenblatt::cli {
namespace {

/// Our environment with some variables set anew.
std::vector<std::string> merged(
    const std::vector<std::pair<std::string, std::string>>& environment) {
    std::vector<std::string> out;
    for (const auto& [name, value] : environment)
        if (!value.empty()) out.push_back(name + "=" + value);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        bool replaced = false;
        for (const auto& [name, value] : environment) replaced |= text.starts_with(name + "=");
        if (!replaced) out.push_back(text);
    }
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> out;
    for (std::string& word : words) out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

}  // namespace

Result<Finished> run_and_read(const std::vector<std::string>& command,
                              const std::vector<std::pair<std::string, std::string>>& environment) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Error{errno, "no pipe could be opened"};
    const UniqueFd output(ends[0]);
    UniqueFd input(ends[1]);
    std::vector<std::string> words = command;
    std::vector<std::string> variables = merged(environment);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
    pid_t child = -1;
    const int error = posix_spawnp(&child, words[0].c_str(), &actions, nullptr,
                                   pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    input = UniqueFd();
    if (error != 0) return Error{error, command[0] + " cannot be started: " + std::strerror(error)};

    Finished finished;
    char block[4096];
    for (ssize_t got;
         (got = ::read(output.get(), block, sizeof block)) > 0 || (got < 0 && errno == EINTR);) {
        if (got > 0) finished.output.append(block, static_cast<size_t>(got));
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return finished;
}

}  // namespace rosenblatt::cli
