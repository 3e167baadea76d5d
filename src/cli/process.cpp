// SPDX-License-Identifier: MIT
// posix_spawn with a pipe; argument and environment arrays live as long as the call.
#include "cli/process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
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

/// Starts `command` with these as standard input and output; gives its process id. `input` below 0:
/// nothing to read.
Result<pid_t> spawn(const std::vector<std::string>& command,
                    const std::vector<std::pair<std::string, std::string>>& environment, int input,
                    int output, StandardError standard_error = StandardError::Through) {
    std::vector<std::string> words = command;
    std::vector<std::string> variables = merged(environment);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (input < 0)
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    else
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (standard_error == StandardError::Together)
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    pid_t child = -1;
    const int error = posix_spawnp(&child, words[0].c_str(), &actions, nullptr,
                                   pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return Error{error, command[0] + " cannot be started: " + std::strerror(error)};
    return child;
}

/// 128 + signal where one ended it.
int exit_code_of(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<Finished> run_and_read(const std::vector<std::string>& command,
                              const std::vector<std::pair<std::string, std::string>>& environment,
                              StandardError standard_error) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return Error{errno, "no pipe could be opened"};
    const UniqueFd output(ends[0]);
    UniqueFd input(ends[1]);
    const auto child = spawn(command, environment, -1, input.get(), standard_error);
    input = UniqueFd();
    if (!child) return child.error();

    Finished finished;
    char block[4096];
    for (ssize_t got;
         (got = ::read(output.get(), block, sizeof block)) > 0 || (got < 0 && errno == EINTR);) {
        if (got > 0) finished.output.append(block, static_cast<size_t>(got));
    }
    finished.exit_code = exit_code_of(*child);
    return finished;
}

// A socket pair, not two pipes: writing to a program that has ended must not raise SIGPIPE.
Result<Dialogue> Dialogue::start(
    const std::vector<std::string>& command,
    const std::vector<std::pair<std::string, std::string>>& environment) {
    int input[2];
    int output[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) != 0)
        return Error{errno, "no socket pair could be opened"};
    const UniqueFd its_input(input[1]);
    UniqueFd to(input[0]);
    if (::pipe2(output, O_CLOEXEC) != 0) return Error{errno, "no pipe could be opened"};
    const UniqueFd its_output(output[1]);
    UniqueFd from(output[0]);
    const auto child = spawn(command, environment, its_input.get(), its_output.get());
    if (!child) return child.error();
    return Dialogue(*child, std::move(to), std::move(from));
}

Dialogue::Dialogue(int child, UniqueFd to, UniqueFd from)
    : child_(child), to_(std::move(to)), from_(std::move(from)) {}

Dialogue::Dialogue(Dialogue&& other) noexcept
    : child_(std::exchange(other.child_, -1)),
      to_(std::move(other.to_)),
      from_(std::move(other.from_)),
      read_(std::move(other.read_)) {}

Dialogue::~Dialogue() {
    if (child_ < 0) return;
    ::shutdown(to_.get(), SHUT_WR);  // its input ends, and with it the program
    exit_code_of(child_);
}

Result<std::string> Dialogue::ask(const std::string& line) {
    const std::string text = line + "\n";
    for (size_t done = 0; done < text.size();) {
        const ssize_t sent =
            ::send(to_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return Error{EPIPE, "the program has ended"};
        done += static_cast<size_t>(sent);
    }
    char block[4096];
    for (;;) {
        if (const size_t end = read_.find('\n'); end != std::string::npos) {
            const std::string answer = read_.substr(0, end);
            read_.erase(0, end + 1);
            return answer;
        }
        const ssize_t got = ::read(from_.get(), block, sizeof block);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return Error{EPIPE, "the program ended without an answer"};
        read_.append(block, static_cast<size_t>(got));
    }
}

}  // namespace rosenblatt::cli
