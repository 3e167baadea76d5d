// SPDX-License-Identifier: MIT
// HostRoot: the files of a host below a directory: "/" for the running one, or a copy of its files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rosenblatt::cli::host {

/// Where a fact was read: path below the root, 1-based line (0: the file as a whole) and its text.
struct Evidence {
    std::string path;
    size_t line = 0;
    std::string text;

    /// "path:line: text", the form every finding prints.
    std::string print() const;
};

/// Paths are relative to the root ("proc/modules"). Symbolic links are followed as the host would
/// follow them: an absolute target starts at the root again, never at the machine's own "/".
class HostRoot {
  public:
    explicit HostRoot(std::filesystem::path root);

    /// True for the running machine: its device nodes are real.
    bool live() const { return live_; }
    const std::filesystem::path& directory() const { return root_; }

    /// The whole of a regular file; nothing when it is not there, not readable or something else.
    std::optional<std::string> read(std::string_view path) const;
    /// The same without NUL bytes, blanks and line ends at its end: one-value files of sysfs and
    /// DT.
    std::optional<std::string> read_word(std::string_view path) const;
    /// Something has this name, be it a dangling link.
    bool exists(std::string_view path) const;
    bool is_directory(std::string_view path) const;
    /// Names in a directory, sorted; empty when it cannot be listed.
    std::vector<std::string> list(std::string_view path) const;
    /// Last component of a link's target. A plain file stands for a link and holds the target.
    std::optional<std::string> link_name(std::string_view path) const;
    /// The text of a link as it stands, e.g. "../../devices/platform/rknn/accel/accel0".
    std::optional<std::string> link_text(std::string_view path) const;
    /// Paths (relative to the root) of everything named `name` in the tree below a directory; links
    /// inside the tree are not followed.
    std::vector<std::string> find(std::string_view below, std::string_view name) const;
    /// Path on this machine of a file of the host, with all links but the last resolved.
    std::filesystem::path locate(std::string_view path, bool follow_last) const;

  private:
    std::filesystem::path root_;
    bool live_;
};

/// The lines of a text file without their ends.
std::vector<std::string_view> lines_of(std::string_view text);
/// They are views: a text that ends with the expression would leave them looking at nothing.
std::vector<std::string_view> lines_of(std::string&&) = delete;

}  // namespace rosenblatt::cli::host
