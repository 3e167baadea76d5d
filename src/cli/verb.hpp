// SPDX-License-Identifier: MIT
// What every verb of the program keeps to.
//
// A verb is `struct XOptions` and `int run_x(const XOptions&, std::ostream& out, std::ostream&
// err)` in a file of its own, plus one add_x() in main.cpp. Results go to `out`, complaints to
// `err`.
#pragma once

namespace rosenblatt::cli {

inline constexpr int k_exit_fine = 0;
inline constexpr int k_exit_finding = 1;  ///< a finding, or the work could not be done
inline constexpr int k_exit_usage = 2;    ///< the command line makes no sense

}  // namespace rosenblatt::cli
