// SPDX-License-Identifier: MIT
// Capture: writes each job of a lane as a replay folder (manifest.json, one file per BO, and
// expect-*.bin with the output after the run), which `rosenblatt replay` runs again.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "rocket/bo_registry.hpp"
#include "rocket/job.hpp"

namespace rosenblatt::rocket {

/// Shared by all lanes of a device; folders are DIR/job-000001 and so on in order of submission.
class Capture {
  public:
    /// Makes `directory` (its parent must exist) or uses it as it is; later runs continue the
    /// count.
    /// `on_stop` is told, once, why nothing more is captured.
    static Result<std::shared_ptr<Capture>> open(const std::string& directory,
                                                 std::function<void(const Error&)> on_stop = {});

    /// Writes manifest and BOs as they are now; gives the job's folder.
    Result<std::filesystem::path> before(const Job& job, std::span<const LiveBo> bos);
    /// Writes the job's output BOs as expect-*.bin.
    Result<void> after(const std::filesystem::path& folder, const Job& job,
                       std::span<const LiveBo> bos);

    /// A folder that cannot be written, a full disk: the jobs go on without being captured.
    void stop(const Error& why);
    bool stopped() const { return stopped_; }

  private:
    Capture(std::filesystem::path directory, unsigned used,
            std::function<void(const Error&)> on_stop)
        : directory_(std::move(directory)), used_(used), on_stop_(std::move(on_stop)) {}

    std::filesystem::path directory_;
    std::atomic<unsigned> used_;
    std::function<void(const Error&)> on_stop_;
    std::atomic<bool> stopped_{false};
};

}  // namespace rosenblatt::rocket
