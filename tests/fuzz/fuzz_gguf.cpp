// SPDX-License-Identifier: MIT
// Any bytes as the head of a GGUF file: tensors that fit the file, or an error with a sentence.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "cli/gguf.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const int file = ::memfd_create("gguf", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(file);
    FUZZ_REQUIRE(::ftruncate(file, 0) == 0);
    FUZZ_REQUIRE(::pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
    const auto gguf = rosenblatt::cli::read_gguf(path);
    if (!gguf) {
        FUZZ_REQUIRE(!gguf.error().message.empty());
        return 0;
    }
    FUZZ_REQUIRE(gguf->file_bytes == size);
    FUZZ_REQUIRE(gguf->tensors.size() <= size / 32);
    for (const auto& tensor : gguf->tensors)
        FUZZ_REQUIRE(!tensor.dims.empty() && tensor.dims.size() <= 4);
    return 0;
}
