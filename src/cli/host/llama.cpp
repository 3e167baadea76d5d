// SPDX-License-Identifier: MIT
// Tries the backend the way llama.cpp's loader does, then the llama.cpp that is installed.
#include "cli/host/llama.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.hpp"
#include "cli/host/root.hpp"

namespace rosenblatt::cli::host {
namespace {

struct Answer {
    bool started = false;
    std::string text;  ///< standard output and error
};

/// env(1) finds the program and sets what it must see; 127 is its word for "not there".
Answer list_devices(const std::string& program, const std::string& backend) {
    std::string path = "GGML_BACKEND_PATH=" + backend;
    std::string device = "GGML_ROCKET_DEVICE=emulator";
    std::string name = program;
    std::string env = "env";
    std::string flag = "--list-devices";
    char* arguments[] = {env.data(), path.data(), device.data(), name.data(), flag.data(), nullptr};

    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    const UniqueFd output(ends[0]);
    UniqueFd input(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, input.get(), STDERR_FILENO);
    pid_t child = -1;
    const int error = posix_spawnp(&child, "env", &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    input = UniqueFd();
    if (error != 0) return {};

    Answer answer;
    char block[4096];
    for (ssize_t got;
         (got = ::read(output.get(), block, sizeof block)) > 0 || (got < 0 && errno == EINTR);) {
        if (got > 0) answer.text.append(block, static_cast<size_t>(got));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    answer.started = !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
    return answer;
}

/// The line that says most: the loader's about our file, else the last.
std::string telling_line(const std::string& text) {
    std::string last = "no output";
    for (const std::string_view line : lines_of(text)) {
        if (line.find("rocket") != std::string_view::npos) return std::string(line);
        if (!line.empty()) last = line;
    }
    return last;
}

}  // namespace

std::optional<std::string> backend_complaint(const std::string& file) {
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const std::string why = dlerror();
        // An installed backend finds ggml's own libraries in the program that loads it, not by
        // itself.
        if (why.starts_with("libggml")) return std::nullopt;
        return why;
    }
    if (dlsym(library, "ggml_backend_init") == nullptr)
        return file + ": no ggml_backend_init in it";
    return std::nullopt;  // stays loaded: ggml registers things that must not go away
}

std::optional<std::string> llama_complaint(const std::string& backend,
                                           const std::vector<std::string>& programs) {
    for (const std::string& program : programs) {
        const Answer answer = list_devices(program, backend);
        if (!answer.started) continue;
        if (answer.text.find("ROCKET0") != std::string::npos) return std::nullopt;
        return program + " --list-devices with " + backend + ": no ROCKET0; " +
               telling_line(answer.text);
    }
    return std::nullopt;
}

}  // namespace rosenblatt::cli::host
