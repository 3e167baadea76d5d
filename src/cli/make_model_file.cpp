// SPDX-License-Identifier: MIT
// GGUF version 3: head, padding, tensor data; see make_model_file.hpp.
#include "cli/make_model_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/bits.hpp"
#include "base/unique_fd.hpp"
#include "cli/gguf.hpp"
#include "cli/input.hpp"

namespace rosenblatt::cli {
namespace {

constexpr uint64_t k_alignment = 32;          ///< GGUF's default, of the data and of each tensor
constexpr uint64_t k_piece_values = 1 << 21;  ///< one thread's work at a time: 4 or 8 MiB
constexpr uint32_t k_value_types[] = {4, 6, 7, 8};  ///< GGUF's numbers, in NewValue's order

template <typename T>
void append(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append(std::string& bytes, const std::string& text) {
    append<uint64_t>(bytes, text.size());
    bytes += text;
}

std::string encode_head(const NewModel& model, const Tokenizer& tokenizer,
                        const std::vector<uint64_t>& offsets) {
    std::string head = "GGUF";
    append<uint32_t>(head, 3);
    append<uint64_t>(head, model.tensors.size());
    append<uint64_t>(head, model.metadata.size() + tokenizer.entries);
    for (const auto& [key, value] : model.metadata) {
        append(head, key);
        append(head, k_value_types[value.index()]);
        std::visit([&head](const auto& v) { append(head, v); }, value);
    }
    head += tokenizer.bytes;
    for (size_t i = 0; i < model.tensors.size(); ++i) {
        const NewTensor& tensor = model.tensors[i];
        append(head, tensor.name);
        append<uint32_t>(head, static_cast<uint32_t>(tensor.dims.size()));
        for (const uint64_t dim : tensor.dims) append(head, dim);
        append(head, static_cast<uint32_t>(tensor.type));
        append(head, offsets[i]);
    }
    head.resize(align_up<uint64_t>(head.size(), k_alignment));
    return head;
}

Error write_error(const std::string& path, int code) {
    return {code, "cannot write " + path + ": " + std::strerror(code)};
}

/// 0, or the errno.
int write_at(int fd, const std::string& bytes, uint64_t offset) {
    for (size_t done = 0; done < bytes.size();) {
        const ssize_t written = ::pwrite(fd, bytes.data() + done, bytes.size() - done,
                                         static_cast<off_t>(offset + done));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return written < 0 ? errno : EIO;
        done += static_cast<size_t>(written);
    }
    return 0;
}

/// A file that gets its name when it is whole. Until then it has none, so that a program that is
/// interrupted or killed leaves nothing; only where the file system knows no such files it is
/// NAME.part meanwhile.
class Draft {
  public:
    explicit Draft(const std::string& place)
        : place_(place),
          part_(place + ".part"),
          file_(::open(std::filesystem::path(place).parent_path().c_str(),
                       O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666)) {
        if (file_.valid()) return;
        file_ = UniqueFd(::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
        open_error_ = file_.valid() ? 0 : errno;
        named_ = file_.valid();
    }
    ~Draft() {
        if (named_) ::unlink(part_.c_str());
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;

    int open_error() const { return open_error_; }
    int fd() const { return file_.get(); }
    /// 0, or the errno. A link does not take another file's place, a new name does.
    int finish() {
        if (!named_) {
            ::unlink(part_.c_str());
            const std::string file = "/proc/self/fd/" + std::to_string(fd());
            if (::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, part_.c_str(), AT_SYMLINK_FOLLOW) != 0)
                return errno;
            named_ = true;
        }
        if (::rename(part_.c_str(), place_.c_str()) != 0) return errno;
        named_ = false;
        return 0;
    }

  private:
    const std::string place_, part_;
    UniqueFd file_;
    int open_error_ = 0;
    bool named_ = false;
};

struct Piece {
    size_t tensor;
    uint64_t first, count;
};

/// 0, or the first errno of any thread.
int write_values(int fd, const NewModel& model, const std::vector<uint64_t>& offsets, uint64_t data,
                 uint64_t seed, unsigned threads) {
    std::vector<Piece> pieces;
    for (size_t t = 0; t < model.tensors.size(); ++t) {
        const uint64_t all = model.tensors[t].elements();
        for (uint64_t first = 0; first < all; first += k_piece_values)
            pieces.push_back({t, first, std::min(k_piece_values, all - first)});
    }
    std::atomic<size_t> next = 0;
    std::atomic<int> failed = 0;
    const auto work = [&] {
        for (size_t i = next++; i < pieces.size() && failed == 0; i = next++) {
            const auto& [t, first, count] = pieces[i];
            const NewTensor& tensor = model.tensors[t];
            const uint64_t width = tensor.bytes() / tensor.elements();
            const uint64_t stream = seed * 0x10001 + t;
            const int code = write_at(fd, random_values(tensor, stream, first, count),
                                      data + offsets[t] + first * width);
            if (code != 0) failed = code;
        }
    };
    std::vector<std::thread> helpers;
    for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
    return failed;
}

}  // namespace

Result<Tokenizer> read_tokenizer(const std::string& path) {
    const Result<Gguf> gguf = read_gguf(path);
    if (!gguf) return gguf.error();
    Tokenizer tokenizer;
    std::ifstream file(path, std::ios::binary);
    for (const GgufEntry& entry : gguf->entries) {
        if (!entry.key.starts_with("tokenizer.")) continue;
        std::string bytes(entry.end - entry.begin, '\0');
        file.seekg(static_cast<std::streamoff>(entry.begin));
        if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
            return Error{EIO, "cannot read " + entry.key + " from " + path};
        tokenizer.bytes += bytes;
        tokenizer.entries += 1;
        if (entry.key == "tokenizer.ggml.tokens") tokenizer.tokens = entry.items;
    }
    const auto model = gguf->texts.find("tokenizer.ggml.model");
    if (tokenizer.tokens == 0 || model == gguf->texts.end())
        return Error{EINVAL, path + " holds no vocabulary (tokenizer.ggml.tokens and .model); " +
                                 "llama.cpp's source has some in models/ggml-vocab-*.gguf"};
    tokenizer.model = model->second;
    return tokenizer;
}

Result<uint64_t> write_model(const std::string& path, const NewModel& model,
                             const Tokenizer& tokenizer, uint64_t seed, unsigned threads) {
    const auto place = output_place(path);
    if (!place) return place.error();
    std::vector<uint64_t> offsets;
    uint64_t end = 0;
    for (const NewTensor& tensor : model.tensors) {
        offsets.push_back(end);
        end = align_up(end + tensor.bytes(), k_alignment);
    }
    const std::string head = encode_head(model, tokenizer, offsets);
    const uint64_t size = head.size() + end;

    Draft draft(*place);
    if (draft.open_error() != 0) return write_error(path, draft.open_error());
    const int fd = draft.fd();
    int code = 0;
    // A full disk is told before minutes of work; file systems that cannot say so are asked later.
    if (::fallocate(fd, 0, 0, static_cast<off_t>(size)) != 0 && errno == ENOSPC) code = ENOSPC;
    if (code == 0) code = write_at(fd, head, 0);
    if (code == 0) code = write_values(fd, model, offsets, head.size(), seed, threads);
    if (code == 0 && ::ftruncate(fd, static_cast<off_t>(size)) != 0) code = errno;
    if (code == 0) code = draft.finish();
    if (code == 0) return size;
    return write_error(path, code);
}

}  // namespace rosenblatt::cli
