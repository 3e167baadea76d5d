// SPDX-License-Identifier: MIT
// CpuRates: how fast ggml's CPU backend multiplies on this machine, measured once and kept in a
// file, because a measurement on a busy machine would send matmuls to the wrong side.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

struct MulMatShape;

/// Time of MUL_MAT on the CPU: one row of X takes `first_ns` per weight, each further one
/// `more_ns`.
struct CpuRate {
    double first_ns = 0;
    double more_ns = 0;

    double ns(const MulMatShape& shape) const;
};

/// The CPU and the version of ggml that a measurement holds for.
std::string cpu_identity();

/// Not thread-safe.
class CpuRates {
  public:
    CpuRates() = default;  ///< kept nowhere
    /// Reads `path`; a file that is not there, broken, or of another machine counts as empty.
    CpuRates(std::string path, std::string identity);

    std::optional<CpuRate> find(ggml_type type, int threads) const;
    /// Writes the file as well; failing to is no fault.
    void add(ggml_type type, int threads, CpuRate rate);

  private:
    void read();
    void write() const;

    std::string path_;
    std::string identity_;
    std::map<std::pair<std::string, int>, CpuRate> rates_;  // by name of the type and threads
};

}  // namespace rosenblatt::ggml
