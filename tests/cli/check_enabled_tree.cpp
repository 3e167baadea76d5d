// SPDX-License-Identifier: MIT
// check_enabled_tree BASE.dtb RESULT.dtb [--status-only]: exit 1 with the broken promises on
// stderr.
#include <cstdio>
#include <cstring>

#include "enabled_tree.hpp"

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    const bool supplies = argc == 3 || std::strcmp(argv[3], "--status-only") != 0;
    const auto broken = rosenblatt::cli::broken_promises(
        rosenblatt::cli::read_blob(argv[1]), rosenblatt::cli::read_blob(argv[2]), supplies);
    for (const auto& line : broken) std::fprintf(stderr, "%s: %s\n", argv[2], line.c_str());
    return broken.empty() ? 0 : 1;
}
