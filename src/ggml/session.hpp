// SPDX-License-Identifier: MIT
// Session: what all ggml backends, buffers and threads of this process share.
#pragma once

#include <memory>
#include <string>

#include "base/options.hpp"
#include "ggml/npu.hpp"

namespace rosenblatt::ggml {

class Session {
  public:
    /// Made at the first call, never destroyed: threads may still run while the process ends.
    static Session& get();

    const Options& options() const { return options_; }
    /// nullptr: no NPU, then no device is registered.
    Npu* npu() { return npu_.get(); }

    /// One line that says why there is no ROCKET0, once, when a model is loaded without it.
    void hint_at_missing_npu();

  private:
    Session();

    Options options_;
    std::unique_ptr<Npu> npu_;
    std::string no_npu_;
};

}  // namespace rosenblatt::ggml
