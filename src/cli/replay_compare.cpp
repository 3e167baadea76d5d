// SPDX-License-Identifier: MIT
// What a replay's output is compared with, and how.
#include "cli/replay_compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "cli/input.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t k_file_limit = uint64_t{1} << 32;
constexpr const char* k_captured = "expect-bo";
constexpr uint32_t k_atom = 16;  // channels of one pixel that lie together

std::optional<uint32_t> parse_number(std::string_view text) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// "H,W,C", none of them 0 nor beyond what a CNA register holds.
Result<std::array<uint32_t, 3>> parse_shape(const std::string& text) {
    std::array<uint32_t, 3> shape{};
    std::istringstream parts(text);
    std::string part;
    size_t count = 0;
    while (std::getline(parts, part, ',')) {
        const auto value = parse_number(part);
        if (!value || *value == 0 || *value > 65536 || count == shape.size()) {
            count = 0;
            break;
        }
        shape[count++] = *value;
    }
    if (count != shape.size())
        return Error{EINVAL, "the shape '" + text + "' is not H,W,C, e.g. 8,8,32"};
    return shape;
}

/// params.txt of the recorded vectors: output height and width, output channels.
std::string shape_of_params(const std::string& folder) {
    const auto text = read_folder_file(folder, "params.txt", 65536);
    if (!text) return "";
    std::istringstream words(*text);
    std::string word, size, channels;
    while (words >> word) {
        if (word.starts_with("out=")) size = word.substr(4);
        if (word.starts_with("oc=")) channels = word.substr(3);
    }
    return size.empty() || channels.empty() ? "" : size + "," + size + "," + channels;
}

/// The first output BO of the last job that has one.
std::optional<uint32_t> output_handle(const ReplayManifest& manifest) {
    for (auto job = manifest.jobs.rbegin(); job != manifest.jobs.rend(); ++job)
        if (!job->out.empty()) return job->out.front();
    return std::nullopt;
}

/// The outputs that capture wrote after the run: expect-bo<handle>-<address>.bin.
Result<std::vector<Expectation>> captured_expectations(const std::string& folder,
                                                       const ReplayManifest& manifest,
                                                       unsigned tolerance) {
    std::vector<Expectation> found;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder, code)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(k_captured)) continue;
        const std::string rest = name.substr(std::string(k_captured).size());
        const auto handle = parse_number(std::string_view(rest).substr(0, rest.find('-')));
        if (!handle || manifest.bo(*handle) == nullptr)
            return Error{EINVAL, folder + "/" + name + " expects bytes of no BO of the manifest"};
        auto bytes = read_folder_file(folder, name, k_file_limit);
        if (!bytes) return bytes.error();
        found.push_back({name, *handle, ReplayLayout::Raw, {}, tolerance, *std::move(bytes)});
    }
    std::ranges::sort(found, {}, &Expectation::file);
    return found;
}

Result<ReplayLayout> choose_layout(const std::string& layout, const std::string& shape) {
    if (layout == "raw") return ReplayLayout::Raw;
    if (layout == "nhwc-u8") return ReplayLayout::NhwcU8;
    if (!layout.empty()) return Error{EINVAL, "--layout " + layout + " is neither nhwc-u8 nor raw"};
    return shape.empty() ? ReplayLayout::Raw : ReplayLayout::NhwcU8;
}

/// The byte of the output that stands where expectation byte `index` stands.
uint8_t output_byte(const Expectation& expectation, std::span<const std::byte> output,
                    size_t index) {
    if (expectation.layout == ReplayLayout::Raw) return static_cast<uint8_t>(output[index]);
    const auto [height, width, channels] = expectation.shape;
    const size_t pixel = index / channels;
    const size_t channel = index % channels;
    const size_t atom = channel / k_atom * (size_t{height} * width) + pixel;
    return static_cast<uint8_t>(static_cast<uint8_t>(output[atom * k_atom + channel % k_atom]) +
                                128);
}

/// Bytes of the output that the layout reaches, and bytes that the expectation must have.
std::optional<std::string> size_mismatch(const Expectation& expectation, size_t output) {
    size_t needed = expectation.bytes.size();
    if (expectation.layout == ReplayLayout::NhwcU8) {
        const auto [height, width, channels] = expectation.shape;
        const size_t pixels = size_t{height} * width;
        if (needed != pixels * channels)
            return fmt::format("{} has {} bytes, but {}x{}x{} codes are {}", expectation.file,
                               needed, height, width, channels, pixels * channels);
        // The BO need not hold the padding behind the last pixel's channels.
        const size_t full = (channels - 1) / k_atom;
        needed = ((full + 1) * pixels - 1) * k_atom + (channels - 1) % k_atom + 1;
    }
    if (needed == 0) return expectation.file + " is empty";
    if (needed <= output) return std::nullopt;
    return fmt::format("{} describes {} bytes of the output BO, which has only {}",
                       expectation.file, needed, output);
}

}  // namespace

Result<std::vector<Expectation>> find_expectations(const std::string& folder,
                                                   const ReplayManifest& manifest,
                                                   const ExpectationOptions& options) {
    Expectation one;
    const std::string shape = options.shape.empty() ? shape_of_params(folder) : options.shape;
    const auto layout = choose_layout(options.layout, shape);
    if (!layout) return layout.error();
    one.layout = *layout;
    if (one.layout == ReplayLayout::NhwcU8) {
        if (shape.empty()) return Error{EINVAL, "--layout nhwc-u8 needs a --shape H,W,C"};
        const auto parsed = parse_shape(shape);
        if (!parsed) return parsed.error();
        one.shape = *parsed;
    }
    one.tolerance = options.tolerance.value_or(one.layout == ReplayLayout::Raw ? 0 : 1);
    if (options.expect.empty()) {
        auto captured = captured_expectations(folder, manifest, options.tolerance.value_or(0));
        if (!captured || !captured->empty()) return captured;
    }
    const auto handle = output_handle(manifest);
    if (!handle) return std::vector<Expectation>{};
    one.handle = *handle;
    one.file = options.expect.empty() ? "output_cpu0.bin" : options.expect;
    auto bytes = options.expect.empty() ? read_folder_file(folder, one.file, k_file_limit)
                                        : read_input(options.expect);
    if (!bytes) return std::vector<Expectation>{};
    one.bytes = *std::move(bytes);
    return std::vector{std::move(one)};
}

Comparison compare(const Expectation& expectation, const ReplayManifest& manifest,
                   const ReplayMemory& memory) {
    Comparison result;
    const auto output = memory.bytes(*manifest.bo(expectation.handle));
    result.mismatch = size_mismatch(expectation, output.size());
    if (result.mismatch) return result;
    for (size_t i = 0; i < expectation.bytes.size(); ++i) {
        const auto expected = static_cast<uint8_t>(expectation.bytes[i]);
        const auto difference =
            static_cast<unsigned>(std::abs(output_byte(expectation, output, i) - expected));
        result.exact += difference == 0;
        if (difference <= result.worst) continue;
        result.worst = difference;
        result.worst_at = i;
    }
    result.compared = expectation.bytes.size();
    result.equal = result.worst <= expectation.tolerance;
    return result;
}

}  // namespace rosenblatt::cli
