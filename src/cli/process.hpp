// SPDX-License-Identifier: MIT
// Runs a program and reads what it prints, or asks it line by line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace rosenblatt::cli {

struct Finished {
    int exit_code = 0;  ///< 128 + signal where one ended it
    std::string output;
};

enum class StandardError {
    Through,   ///< to our own
    Together,  ///< captured with the output
};

/// Standard output is captured. `environment` is set in ours; an empty value removes the variable.
/// Errors: the program cannot be started.
Result<Finished> run_and_read(
    const std::vector<std::string>& command,
    const std::vector<std::pair<std::string, std::string>>& environment = {},
    StandardError standard_error = StandardError::Through);

/// A program that answers every line on its standard input with one on its standard output.
/// Standard error passes through. It ends when its input does.
class Dialogue {
  public:
    static Result<Dialogue> start(
        const std::vector<std::string>& command,
        const std::vector<std::pair<std::string, std::string>>& environment = {});
    Dialogue(Dialogue&& other) noexcept;
    Dialogue& operator=(Dialogue&&) = delete;
    ~Dialogue();

    /// Errors: the program ended instead of answering.
    Result<std::string> ask(const std::string& line);

  private:
    Dialogue(int child, UniqueFd to, UniqueFd from);

    int child_;
    UniqueFd to_, from_;
    std::string read_;  ///< beyond the last answer
};

}  // namespace rosenblatt::cli
