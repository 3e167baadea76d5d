// SPDX-License-Identifier: MIT
#include "emukernel/task_bus.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace rosenblatt::emukernel {

void TaskWrites::append(std::byte* target, std::span<const std::byte> bytes) {
    if (!pieces_.empty() && pieces_.back().target + pieces_.back().size == target)
        pieces_.back().size += bytes.size();
    else
        pieces_.push_back({after_.size(), bytes.size(), target});
    after_.insert(after_.end(), bytes.begin(), bytes.end());
}

void TaskWrites::restart(std::shared_ptr<const IovaMap> mappings) {
    mappings_ = std::move(mappings);
    pieces_.clear();
    after_.clear();
    before_.clear();
}

void TaskWrites::commit(size_t count, bool keep_before) {
    if (keep_before) before_.resize(after_.size());
    for (const Piece& piece : pieces_) {
        if (piece.position >= count) break;
        const size_t size = std::min(piece.size, count - piece.position);
        if (keep_before) std::memcpy(before_.data() + piece.position, piece.target, size);
        std::memcpy(piece.target, after_.data() + piece.position, size);
    }
}

std::byte& TaskWrites::visible(size_t position) {
    const auto after =
        std::upper_bound(pieces_.begin(), pieces_.end(), position,
                         [](size_t wanted, const Piece& piece) { return wanted < piece.position; });
    const Piece& piece = *std::prev(after);
    return piece.target[position - piece.position];
}

TaskBus::TaskBus(std::shared_ptr<const IovaMap> mappings, TaskWrites& writes)
    : mappings_(std::move(mappings)), writes_(writes) {
    writes_.restart(mappings_);
}

std::span<std::byte> TaskBus::at(uint64_t iova) {
    const IovaMap& map = *mappings_;
    const auto contains = [&](const IovaRange& range) {
        return iova >= range.begin && iova < range.end;
    };
    if (last_hit_ >= map.size() || !contains(map[last_hit_])) {
        const auto after =
            std::upper_bound(map.begin(), map.end(), iova,
                             [](uint64_t wanted, const IovaRange& r) { return wanted < r.begin; });
        if (after == map.begin() || !contains(*std::prev(after))) return {};
        last_hit_ = static_cast<size_t>(std::prev(after) - map.begin());
    }
    const IovaRange& range = map[last_hit_];
    return range.memory->bytes().subspan(iova - range.begin);
}

std::optional<emulator::Iova> TaskBus::read(emulator::Iova iova, std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        const auto mapped = at(iova);
        if (mapped.empty()) return iova;
        const size_t size = std::min(mapped.size(), bytes.size());
        std::memcpy(bytes.data(), mapped.data(), size);
        bytes = bytes.subspan(size);
        iova += size;
    }
    return std::nullopt;
}

std::optional<emulator::Iova> TaskBus::write(emulator::Iova iova,
                                             std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto mapped = at(iova);
        if (mapped.empty()) return iova;
        const size_t size = std::min(mapped.size(), bytes.size());
        writes_.append(mapped.data(), bytes.first(size));
        bytes = bytes.subspan(size);
        iova += size;
    }
    return std::nullopt;
}

const std::byte* TaskBus::view(emulator::Iova iova, size_t size) {
    const auto mapped = at(iova);
    return mapped.size() >= size ? mapped.data() : nullptr;
}

}  // namespace rosenblatt::emukernel
