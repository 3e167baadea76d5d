// SPDX-License-Identifier: MIT
// Names of faults, as tools print them.
#include "emulator/task.hpp"

namespace rosenblatt::emulator {

std::string_view name(FaultKind kind) {
    switch (kind) {
        case FaultKind::ReadUnmapped:
            return "read-unmapped";
        case FaultKind::WriteUnmapped:
            return "write-unmapped";
        case FaultKind::StreamRejected:
            return "stream-rejected";
        case FaultKind::BlockWaits:
            return "block-waits";
        case FaultKind::RdmaUnconfigured:
            return "rdma-unconfigured";
        case FaultKind::CbufOvercommitted:
            return "cbuf-overcommitted";
        case FaultKind::GeometryMismatch:
            return "geometry-mismatch";
        case FaultKind::WorkLimit:
            return "work-limit";
        case FaultKind::Unsupported:
            return "unsupported";
        case FaultKind::UnwrittenRegister:
            return "unwritten-register";
        case FaultKind::Questionable:
            return "questionable";
    }
    return "unknown";
}

}  // namespace rosenblatt::emulator
