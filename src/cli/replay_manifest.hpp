// SPDX-License-Identifier: MIT
// The manifest of a replay folder: which BOs there were, and which tasks ran on them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace rosenblatt::cli {

struct ReplayBo {
    uint32_t handle = 0;
    uint64_t iova = 0;
    uint64_t size = 0;                ///< bytes, as asked for: not whole pages
    std::optional<std::string> file;  ///< its bytes before the submit; none: all zero
};

struct ReplayTask {
    uint32_t regcmd = 0;  ///< IOVA of the stream
    uint32_t words = 0;
};

struct ReplayJob {
    std::vector<uint32_t> in;
    std::vector<uint32_t> out;
    std::vector<ReplayTask> tasks;
};

struct ReplayManifest {
    std::vector<ReplayBo> bos;    ///< by IOVA; none overlaps another
    std::vector<ReplayJob> jobs;  ///< of all submits, in order; every handle is of a BO

    const ReplayBo* bo(uint32_t handle) const;
};

/// Trusts nothing: the error says what is wrong with which value.
Result<ReplayManifest> parse_replay_manifest(std::string_view text);

/// The manifest of a folder; an error also when there is none.
Result<ReplayManifest> read_replay_manifest(const std::string& folder);

/// A file of the folder by its plain name, up to `limit` bytes. Links are not followed: a folder
/// from elsewhere reaches nothing outside itself.
Result<std::string> read_folder_file(const std::string& folder, const std::string& name,
                                     uint64_t limit);

}  // namespace rosenblatt::cli
