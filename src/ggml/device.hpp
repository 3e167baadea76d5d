// SPDX-License-Identifier: MIT
// The ggml device ROCKET0.
#pragma once

#include "ggml/api.hpp"

namespace rosenblatt::ggml {

inline constexpr const char* k_device_name = "ROCKET0";

/// The registry entry: one device, or none on a machine without an NPU.
ggml_backend_reg_t registry();
ggml_backend_dev_t device();

}  // namespace rosenblatt::ggml
