# SPDX-License-Identifier: MIT
# fmt when cross-compiling: the library installed here is of this machine's architecture, its headers are of none.
add_library(fmt::fmt-header-only INTERFACE IMPORTED)
target_compile_definitions(fmt::fmt-header-only INTERFACE FMT_HEADER_ONLY=1)
