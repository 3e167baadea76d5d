// SPDX-License-Identifier: MIT
// Policy: which pipeline each tensor of a model uses, as `rosenblatt calibrate` found it. A text file;
// a line is "PIPELINE FINGERPRINT NAME", what begins with # is for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/options.hpp"
#include "base/result.hpp"

namespace rosenblatt::quant {

/// Bytes at the start of a tensor's data that tensor_fingerprint looks at.
inline constexpr size_t k_fingerprint_bytes = 4096;

/// Tells a tensor from others of the same name: `type` is its ggml_type, `dims` fastest first, `head`
/// its first k_fingerprint_bytes as they stand in the file (fewer where there are no more).
uint64_t tensor_fingerprint(uint32_t type, std::span<const uint64_t> dims,
                            std::span<const std::byte> head);

class Policy {
  public:
    /// Error: the first line that is not understood, with its number.
    static Result<Policy> parse(std::string_view text);

    /// The file's text; every line of `comment` begins with # there.
    std::string text(std::string_view comment) const;

    void set(const std::string& name, uint64_t fingerprint, Pipeline pipeline) {
        tensors_[{name, fingerprint}] = pipeline;
    }
    std::optional<Pipeline> find(const std::string& name, uint64_t fingerprint) const;
    bool names(const std::string& name) const;
    /// What `other` says is taken over.
    void merge(const Policy& other);
    size_t size() const { return tensors_.size(); }

  private:
    std::map<std::pair<std::string, uint64_t>, Pipeline> tensors_;
};

}  // namespace rosenblatt::quant
