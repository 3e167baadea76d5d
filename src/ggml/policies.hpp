// SPDX-License-Identifier: MIT
// Policies: what `rosenblatt calibrate` found for the models of this machine, looked up by tensor.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/options.hpp"
#include "ggml/api.hpp"
#include "quant/policy.hpp"

namespace rosenblatt::ggml {

class Policies {
  public:
    /// The file of GGML_ROCKET_POLICY, else all of the cache's policy folder unless
    /// GGML_ROCKET_PIPELINE was set. What cannot be read is said once and left out.
    void load(const Options& options);

    /// The pipeline of this weight (of the leaf behind a view), where a policy names it. Looks at
    /// the weight's name, type, shape and first bytes: its data must be there.
    std::optional<Pipeline> find(const ggml_tensor& weight) const;

    /// After a graph: one line, once, when the file of GGML_ROCKET_POLICY fits none of the weights
    /// that were asked for and no new ones came, so that a pass through the model is over.
    void report_misfit() const;

  private:
    /// What was asked of a file that a person named, until something in it fits.
    struct Asked {
        std::mutex mutex;
        std::map<std::string, bool> weights;  ///< whether the policy has the name
        bool any = false;                     ///< since the last graph
        bool new_ones = false;
    };

    bool read(const std::string& path);
    void note(const std::string& weight, bool named) const;

    quant::Policy policy_;
    std::string named_file_;
    mutable std::atomic<bool> watching_{false};  ///< such a file was read and nothing fits so far
    mutable Asked asked_;
};

}  // namespace rosenblatt::ggml
