// SPDX-License-Identifier: MIT
// Policies: what `rosenblatt calibrate` found for the models of this machine, looked up by tensor.
#pragma once

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

  private:
    void read(const std::string& path);

    quant::Policy policy_;
};

}  // namespace rosenblatt::ggml
