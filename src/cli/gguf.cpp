// SPDX-License-Identifier: MIT
// GGUF version 2 and 3, little endian: header, metadata, tensor infos. Every length is held against
// what is left of the file before it is believed.
#include "cli/gguf.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <optional>

namespace rosenblatt::cli {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are read as they lie in the file");

constexpr uint64_t k_longest_name = 64 * 1024;
constexpr uint64_t k_most_dims = 4;
constexpr uint64_t k_default_alignment = 32;
constexpr int k_deepest_array = 4;

enum ValueType : uint32_t {
    k_uint8,
    k_int8,
    k_uint16,
    k_int16,
    k_uint32,
    k_int32,
    k_float32,
    k_bool,
    k_string,
    k_array,
    k_uint64,
    k_int64,
    k_float64,
};

/// Bytes of a scalar; 0 for strings, arrays and unknown types.
uint64_t scalar_bytes(uint32_t type) {
    constexpr std::array<uint8_t, 13> k_bytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return type < k_bytes.size() ? k_bytes[type] : 0;
}

/// Reads forward and knows how many bytes are left. After the first failure everything else fails.
class Reader {
  public:
    Reader(std::ifstream& stream, uint64_t size) : stream_(stream), size_(size), left_(size) {}

    bool ok() const { return ok_; }
    uint64_t left() const { return left_; }
    uint64_t position() const { return size_ - left_; }

    template <typename T>
    T number() {
        T value{};
        if (take(sizeof value))
            ok_ = static_cast<bool>(stream_.read(reinterpret_cast<char*>(&value), sizeof value));
        return value;
    }

    std::string text(uint64_t longest) {
        const auto length = number<uint64_t>();
        if (!ok_ || length > longest || !take(length)) {
            ok_ = false;
            return {};
        }
        std::string value(length, '\0');
        ok_ = static_cast<bool>(stream_.read(value.data(), static_cast<std::streamsize>(length)));
        return value;
    }

    void skip(uint64_t bytes) {
        if (take(bytes))
            ok_ = static_cast<bool>(stream_.ignore(static_cast<std::streamsize>(bytes)));
    }

    /// For `count` items of at least `bytes_each`: fails here rather than after a long loop.
    void expect(uint64_t count, uint64_t bytes_each) {
        if (count > left_ / bytes_each) ok_ = false;
    }

    void fail() { ok_ = false; }

  private:
    bool take(uint64_t bytes) {
        ok_ = ok_ && bytes <= left_;
        if (ok_) left_ -= bytes;
        return ok_;
    }

    std::ifstream& stream_;
    uint64_t size_;
    uint64_t left_;
    bool ok_ = true;
};

/// Gives the number of its items.
uint64_t skip_array(Reader& in, int depth) {
    const auto type = in.number<uint32_t>();
    const auto count = in.number<uint64_t>();
    if (const uint64_t bytes = scalar_bytes(type); bytes != 0) {
        in.expect(count, bytes);
        if (in.ok()) in.skip(count * bytes);
        return count;
    }
    if ((type != k_string && type != k_array) || depth == k_deepest_array) {
        in.fail();
        return 0;
    }
    in.expect(count, 8);
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
        if (type == k_string)
            in.skip(in.number<uint64_t>());
        else
            skip_array(in, depth + 1);
    }
    return count;
}

/// A scalar as unsigned integer, if it is one; floats and negative numbers are read and dropped.
std::optional<uint64_t> read_integer(Reader& in, uint32_t type) {
    int64_t value = -1;
    switch (type) {
        case k_uint8:
        case k_bool:
            return in.number<uint8_t>();
        case k_uint16:
            return in.number<uint16_t>();
        case k_uint32:
            return in.number<uint32_t>();
        case k_uint64:
            return in.number<uint64_t>();
        case k_int8:
            value = in.number<int8_t>();
            break;
        case k_int16:
            value = in.number<int16_t>();
            break;
        case k_int32:
            value = in.number<int32_t>();
            break;
        case k_int64:
            value = in.number<int64_t>();
            break;
        default:
            in.skip(scalar_bytes(type));
            break;
    }
    if (value < 0) return std::nullopt;
    return static_cast<uint64_t>(value);
}

void read_metadata(Reader& in, Gguf& gguf) {
    const uint64_t begin = in.position();
    std::string key = in.text(k_longest_name);
    GgufEntry entry{.key = key, .begin = begin};
    const auto type = in.number<uint32_t>();
    if (type == k_string) {
        gguf.texts[std::move(key)] = in.text(in.left());
    } else if (type == k_array) {
        entry.items = skip_array(in, 0);
    } else if (scalar_bytes(type) == 0) {
        in.fail();
    } else if (const auto value = read_integer(in, type)) {
        gguf.numbers[std::move(key)] = *value;
    }
    entry.end = in.position();
    gguf.entries.push_back(std::move(entry));
}

void read_tensor(Reader& in, Gguf& gguf) {
    GgufTensor tensor;
    tensor.name = in.text(k_longest_name);
    const auto dims = in.number<uint32_t>();
    if (dims == 0 || dims > k_most_dims) return in.fail();
    for (uint32_t d = 0; d < dims; ++d) tensor.dims.push_back(in.number<uint64_t>());
    tensor.type = in.number<uint32_t>();
    tensor.offset = in.number<uint64_t>();
    gguf.tensors.push_back(std::move(tensor));
}

}  // namespace

Result<Gguf> read_gguf(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return Error{errno, "cannot read " + path + ": " + std::strerror(errno)};
    stream.seekg(0, std::ios::end);
    const auto size = static_cast<std::streamoff>(stream.tellg());
    stream.seekg(0);
    if (!stream || size < 0)
        return Error{EINVAL, "cannot read " + path + ": it is not a plain file"};
    Reader in(stream, static_cast<uint64_t>(size));
    Gguf gguf;
    gguf.file_bytes = static_cast<uint64_t>(size);
    if (in.number<uint32_t>() != 0x46554747 || !in.ok())
        return Error{EINVAL, path + " is not a GGUF file: it does not start with the letters GGUF"};
    const auto version = in.number<uint32_t>();
    if (!in.ok() || version < 2 || version > 3)
        return Error{EINVAL, path + " is GGUF version " + std::to_string(version) +
                                 "; versions 2 and 3, little endian, can be read"};
    const auto tensors = in.number<uint64_t>();
    const auto metadata = in.number<uint64_t>();
    in.expect(metadata, 13);  // key length, type, one byte
    in.expect(tensors, 32);   // name length, dimension count, one dimension, type, offset
    for (uint64_t i = 0; i < metadata && in.ok(); ++i) read_metadata(in, gguf);
    for (uint64_t i = 0; i < tensors && in.ok(); ++i) read_tensor(in, gguf);
    if (!in.ok())
        return Error{EINVAL, path + " is broken or cut off: its header does not fit its " +
                                 std::to_string(size) + " bytes; download it again"};
    const auto alignment = gguf.numbers.find("general.alignment");
    const uint64_t unit = alignment == gguf.numbers.end() ? k_default_alignment : alignment->second;
    const uint64_t head = gguf.file_bytes - in.left();
    gguf.data_begin = unit == 0 ? head : (head + unit - 1) / unit * unit;
    return gguf;
}

}  // namespace rosenblatt::cli
