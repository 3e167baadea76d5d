# SPDX-License-Identifier: MIT
# Cross-compiling for the board on another machine, with Debian's cross compiler: the backend and the contract
# tests of the kernel port, which is what scripts/lab.sh puts into its guest.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
set(fmt_DIR ${CMAKE_CURRENT_LIST_DIR}/cross)
