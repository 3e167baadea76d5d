// SPDX-License-Identifier: MIT
// RB_ASSERT: for broken invariants of our own, never for bad input. Always on: the rooms that use
// it compute addresses for a DMA engine, and a wrong address is worse than a stopped process.
#pragma once

#include <cstdio>
#include <cstdlib>

#define RB_ASSERT(condition, ...)                                                          \
    do {                                                                                   \
        if (!(condition)) [[unlikely]] {                                                   \
            std::fprintf(stderr, "rosenblatt: broken invariant %s at %s:%d: ", #condition, \
                         __FILE__, __LINE__);                                              \
            std::fprintf(stderr, "" __VA_ARGS__);                                          \
            std::fputc('\n', stderr);                                                      \
            std::abort();                                                                  \
        }                                                                                  \
    } while (false)
