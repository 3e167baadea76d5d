// SPDX-License-Identifier: MIT
// Writing the stream of one task, and finding the tasks in a run of words.
#include "regcmd/stream.hpp"

#include <utility>

namespace rosenblatt::regcmd {

StreamBuilder& StreamBuilder::raw(uint16_t target, uint16_t offset, uint32_t value) {
    words_.push_back(make_word(target, offset, value).bits);
    return *this;
}

std::vector<uint64_t> StreamBuilder::finish(const EnableMask& mask) {
    if (words_.size() % 2 != 0) words_.push_back(k_nop.bits);
    words_.push_back(k_nop.bits);
    write(npu::pc::REGISTER_AMOUNTS{.data_amount = 0});
    words_.push_back(k_marker.bits);
    words_.push_back(enable_word(mask).bits);
    return std::exchange(words_, {});
}

std::vector<std::span<const uint64_t>> split_tasks(std::span<const uint64_t> words) {
    std::vector<std::span<const uint64_t>> tasks;
    while (!words.empty()) {
        if (words.front() == k_nop.bits) {
            words = words.subspan(1);
            continue;
        }
        size_t length = 0;
        while (length < words.size() && Word{words[length]}.kind() != WordKind::Enable) ++length;
        if (length < words.size()) ++length;
        tasks.push_back(words.first(length));
        words = words.subspan(length);
    }
    return tasks;
}

}  // namespace rosenblatt::regcmd
