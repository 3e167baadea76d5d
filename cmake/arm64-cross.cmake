# SPDX-License-Identifier: MIT
# Cross-compiling for the board on another machine, with Debian's cross compiler. ROSENBLATT_ARM64_ROOT is a folder with
# the libraries of the program `rosenblatt` for arm64 (scripts/arm64.sh makes it); without it the program is left out,
# and what remains (backend, shim, tests) needs nothing but the compiler: scripts/lab.sh and oracle.sh build that.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(fmt_DIR ${CMAKE_CURRENT_LIST_DIR}/cross)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ROSENBLATT_ARM64_ROOT)
if(ROSENBLATT_ARM64_ROOT)
    set(CMAKE_FIND_ROOT_PATH ${ROSENBLATT_ARM64_ROOT})
    set(CMAKE_BUILD_RPATH ${ROSENBLATT_ARM64_ROOT}/usr/lib/aarch64-linux-gnu)
endif()
