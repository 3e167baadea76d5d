// SPDX-License-Identifier: MIT
// Files a verb is given: reading them whole, and finding the command words in them.
#include "cli/input.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "regcmd/assemble.hpp"

namespace rosenblatt::cli {

namespace {

constexpr size_t k_input_limit = size_t{256} << 20;  // /dev/zero has no end, memory has

}  // namespace

Result<std::string> read_input(const std::string& path) {
    std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
    if (file == nullptr) return Error{errno, "cannot read " + path + ": " + std::strerror(errno)};
    std::string bytes;
    char part[65536];
    while (bytes.size() <= k_input_limit) {
        const size_t got = std::fread(part, 1, sizeof part, file);
        if (got == 0) break;
        bytes.append(part, got);
    }
    const int failed = std::ferror(file) != 0 ? errno : 0;
    if (file != stdin) std::fclose(file);
    if (bytes.size() > k_input_limit)
        return Error{EFBIG, "cannot read " + path + ": it has more than 256 MiB"};
    if (failed != 0) return Error{failed, "cannot read " + path + ": " + std::strerror(failed)};
    return bytes;
}

Result<void> write_output(const std::string& path, std::string_view bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.flush();
    if (!file) return Error{errno, "cannot write " + path + ": " + std::strerror(errno)};
    return {};
}

Result<std::string> output_place(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code code;
    const fs::path place = fs::weakly_canonical(fs::absolute(path), code);
    if (code) return Error{code.value(), "cannot write " + path + ": " + code.message()};
    const fs::file_status there = fs::status(place, code);
    if (fs::is_directory(there))
        return Error{EISDIR, "cannot write " + path + ": " + std::strerror(EISDIR)};
    if (fs::exists(there) && !fs::is_regular_file(there))
        return Error{EEXIST, "cannot write " + path +
                                 ": something that is no regular file stands there; give another "
                                 "name"};
    const fs::path folder = place.parent_path();
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        return Error{errno, "cannot write " + path + ": " + folder.string() + ": " +
                                std::strerror(errno)};
    return place.string();
}

namespace {

bool is_text(std::string_view bytes) {
    return std::ranges::all_of(bytes, [](char c) {
        return c == '\n' || c == '\r' || c == '\t' || (c >= ' ' && c <= '~');
    });
}

Result<std::vector<uint64_t>> little_endian_words(std::string_view bytes) {
    if (bytes.size() % 8 != 0)
        return Error{0, "a binary stream is whole 64-bit words, but these are " +
                            std::to_string(bytes.size()) + " bytes"};
    std::vector<uint64_t> words(bytes.size() / 8);
    for (size_t i = 0; i < bytes.size(); ++i)
        words[i / 8] |= uint64_t{static_cast<uint8_t>(bytes[i])} << (i % 8 * 8);
    return words;
}

/// "0x..." of any length, or exactly 16 digits without the prefix.
std::optional<uint64_t> hex_word(std::string_view token) {
    const bool prefixed = token.starts_with("0x") || token.starts_with("0X");
    if (prefixed)
        token.remove_prefix(2);
    else if (token.size() != 16)
        return std::nullopt;
    uint64_t word = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), word, 16);
    if (error != std::errc{} || end != token.data() + token.size()) return std::nullopt;
    return word;
}

/// All sixteen digits, so that it is no address or comment.
bool is_whole_word(std::string_view token) {
    const bool prefixed = token.starts_with("0x") || token.starts_with("0X");
    return token.size() == (prefixed ? 18 : 16) && hex_word(token);
}

/// Appends the words of a hexadecimal line: its first token, or its second after a line number, and
/// the whole words that follow. False where there is none.
bool add_hex_line(const std::string& line, std::vector<uint64_t>& words) {
    std::istringstream tokens(line);
    std::string token;
    tokens >> token;
    auto word = hex_word(token);
    if (!word && token.find_first_not_of("0123456789") == std::string::npos && tokens >> token)
        word = hex_word(token);
    if (!word) return false;
    words.push_back(*word);
    while (tokens >> token && is_whole_word(token)) words.push_back(*hex_word(token));
    return true;
}

/// Nothing when the text is not a list of hexadecimal words.
std::optional<std::vector<uint64_t>> hex_words(std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::vector<uint64_t> words;
    for (std::string line; std::getline(lines, line);) {
        const size_t start = line.find_first_not_of(" \t\r");
        if (start == std::string::npos || line[start] == '#' || line[start] == ';') continue;
        if (!add_hex_line(line, words)) return std::nullopt;
    }
    return words;
}

}  // namespace

Result<std::vector<uint64_t>> words_in(std::string_view bytes) {
    if (!is_text(bytes)) return little_endian_words(bytes);
    if (auto words = hex_words(bytes)) return *std::move(words);
    return regcmd::assemble(bytes);
}

}  // namespace rosenblatt::cli
