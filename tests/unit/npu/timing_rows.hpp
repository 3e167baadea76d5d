// SPDX-License-Identifier: MIT
// Published measurements next to what the timing model says of them; docs/timing.md shows the
// table.
#pragma once

#include <string>
#include <vector>

#include "npu/timing.hpp"

namespace rosenblatt::npu {

enum class Kind {
    Npu,    ///< time on the NPU with its start: the model must meet it
    Call,   ///< a whole call: the rest is the caller's software
    Slope,  ///< a difference of two measurements: software cancels out
};

struct MeasuredRow {
    std::string what;
    std::string source;
    Kind kind = Kind::Npu;
    double measured_ms = 0;
    double model_ms = 0;
};

std::vector<MeasuredRow> measured_rows();

/// The rows as a Markdown table, as docs/timing.md holds it.
std::string markdown(const std::vector<MeasuredRow>& rows);

}  // namespace rosenblatt::npu
