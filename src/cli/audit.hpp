// SPDX-License-Identifier: MIT
// `rosenblatt audit`: can this host's NPU be used, and what exactly has to change if not.
#pragma once

#include <iosfwd>
#include <string>

namespace rosenblatt::cli {

struct AuditOptions {
    std::string root = "/";   ///< --root
    bool json = false;        ///< --json
    bool colour = false;      ///< standard output is a terminal
    std::string fleet;        ///< --fleet: manifest to compare the host with
    std::string write_fleet;  ///< --write-fleet: manifest to write or refresh
    std::string backend;      ///< libggml-rocket.so that llama.cpp would load; empty: not checked
};

/// Results on `out`, complaints on `err`. Returns 0 ready, 1 anything else, 2 wrong usage.
int run_audit(const AuditOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rosenblatt::cli
