# SPDX-License-Identifier: MIT
# fmt when cross-compiling: the library installed here is of this machine's architecture, its headers are of none.
foreach(name fmt fmt-header-only)
    add_library(fmt::${name} INTERFACE IMPORTED)
    target_compile_definitions(fmt::${name} INTERFACE FMT_HEADER_ONLY=1)
endforeach()
