// SPDX-License-Identifier: MIT
#include "quant/policy.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace rosenblatt::quant {
namespace {

constexpr uint64_t k_fnv_basis = 0xcbf29ce484222325u;
constexpr uint64_t k_fnv_prime = 0x100000001b3u;
constexpr size_t k_hex_digits = 16;

uint64_t fnv(uint64_t hash, std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes)
        hash = (hash ^ static_cast<uint64_t>(byte)) * k_fnv_prime;
    return hash;
}

std::string hex(uint64_t value) {
    std::string text(k_hex_digits, '0');
    for (size_t i = k_hex_digits; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
    return text;
}

std::string_view take_word(std::string_view& line) {
    const size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
    return word;
}

std::optional<Pipeline> pipeline_named(std::string_view text) {
    for (const Pipeline pipeline :
         {Pipeline::W8A8H, Pipeline::W8A8, Pipeline::F16, Pipeline::W4A8})
        if (text == name(pipeline)) return pipeline;
    return std::nullopt;
}

bool parse_line(std::string_view line, Policy& policy) {
    const auto pipeline = pipeline_named(take_word(line));
    const std::string_view digits = take_word(line);
    uint64_t fingerprint = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), fingerprint, 16);
    const bool whole = error == std::errc{} && end == digits.data() + digits.size();
    if (!pipeline || !whole || digits.size() != k_hex_digits || line.empty()) return false;
    policy.set(std::string(line), fingerprint, *pipeline);
    return true;
}

}  // namespace

uint64_t tensor_fingerprint(uint32_t type, std::span<const uint64_t> dims,
                            std::span<const std::byte> head) {
    uint64_t hash = fnv(k_fnv_basis, std::as_bytes(std::span(&type, 1)));
    hash = fnv(hash, std::as_bytes(dims));
    return fnv(hash, head.first(std::min(head.size(), k_fingerprint_bytes)));
}

Result<Policy> Policy::parse(std::string_view text) {
    Policy policy;
    for (size_t number = 1; !text.empty(); ++number) {
        const size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (line.empty() || line.front() == '#') continue;
        if (!parse_line(line, policy))
            return Error{EINVAL, "line " + std::to_string(number) +
                                     " is not \"PIPELINE FINGERPRINT TENSOR\""};
    }
    return policy;
}

std::string Policy::text(std::string_view comment) const {
    std::string text;
    while (!comment.empty()) {
        const size_t end = comment.find('\n');
        text += "# " + std::string(comment.substr(0, end)) + "\n";
        comment = end == std::string_view::npos ? std::string_view{} : comment.substr(end + 1);
    }
    for (const auto& [tensor, pipeline] : tensors_)
        text += std::string(name(pipeline)) + " " + hex(tensor.second) + " " + tensor.first + "\n";
    return text;
}

std::optional<Pipeline> Policy::find(const std::string& name, uint64_t fingerprint) const {
    const auto known = tensors_.find({name, fingerprint});
    return known == tensors_.end() ? std::nullopt : std::optional(known->second);
}

bool Policy::names(const std::string& name) const {
    const auto first = tensors_.lower_bound({name, 0});
    return first != tensors_.end() && first->first.first == name;
}

void Policy::merge(const Policy& other) {
    for (const auto& [tensor, pipeline] : other.tensors_) tensors_[tensor] = pipeline;
}

}  // namespace rosenblatt::quant
