// SPDX-License-Identifier: MIT
// A bench for the emulator: memory at IOVAs, a core kicked exactly as rocket.ko kicks it, and the
// matmul stream of hardware.md 6.1 written out by hand, independent of src/compile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "emulator/core.hpp"
#include "support/stream_input.hpp"

namespace rosenblatt::testing {

/// Regions of memory at IOVAs; a page behind a region's end is not mapped.
class MemoryBus : public emulator::Bus {
  public:
    std::byte* map(uint64_t iova, size_t size) {
        auto& region = regions_[iova];
        region.assign(size, std::byte{0});
        return region.data();
    }
    /// Views can be refused, as QEMU's scattered guest pages do.
    bool views = true;

    std::optional<uint64_t> read(uint64_t iova, std::span<std::byte> bytes) override {
        return copy(iova, bytes.size(), [&](size_t done, std::byte* memory, size_t n) {
            std::memcpy(bytes.data() + done, memory, n);
        });
    }
    std::optional<uint64_t> write(uint64_t iova, std::span<const std::byte> bytes) override {
        return copy(iova, bytes.size(), [&](size_t done, std::byte* memory, size_t n) {
            std::memcpy(memory, bytes.data() + done, n);
        });
    }
    const std::byte* view(uint64_t iova, size_t size) override {
        size_t left = 0;
        std::byte* memory = views ? find(iova, left) : nullptr;
        return memory != nullptr && left >= size ? memory : nullptr;
    }

    /// What a fuzz input must bring along: small regions; large ones are operands, where noise does.
    std::vector<MemoryPatch> small_regions() const {
        constexpr size_t k_small = 16384;
        std::vector<MemoryPatch> patches;
        for (const auto& [iova, region] : regions_) {
            if (region.size() > k_small) continue;
            const auto* const bytes = reinterpret_cast<const uint8_t*>(region.data());
            patches.push_back({static_cast<uint32_t>(iova), {bytes, bytes + region.size()}});
        }
        return patches;
    }

  private:
    std::byte* find(uint64_t iova, size_t& left) {
        auto next = regions_.upper_bound(iova);
        if (next == regions_.begin()) return nullptr;
        auto& [start, region] = *std::prev(next);
        if (iova - start >= region.size()) return nullptr;
        left = region.size() - static_cast<size_t>(iova - start);
        return region.data() + (iova - start);
    }
    template <typename Move>
    std::optional<uint64_t> copy(uint64_t iova, size_t size, const Move& move) {
        for (size_t done = 0; done < size;) {
            size_t left = 0;
            std::byte* memory = find(iova + done, left);
            if (memory == nullptr) return iova + done;
            const size_t n = std::min(left, size - done);
            move(done, memory, n);
            done += n;
        }
        return std::nullopt;
    }

    std::map<uint64_t, std::vector<std::byte>> regions_;
};

/// Command words by full register offset; the target follows from the block.
class Stream {
  public:
    Stream& reg(uint32_t offset, uint32_t value) {
        static constexpr uint16_t targets[] = {0x0101, 0x0201, 0,      0x0801,
                                               0x1001, 0x2001, 0x4001, 0x8001};
        words.push_back(uint64_t{targets[offset >> 12]} << 48 | uint64_t{value} << 16 | offset);
        return *this;
    }
    /// Replaces the value of a register written earlier; adds it when it was not.
    Stream& set(uint32_t offset, uint32_t value) {
        for (uint64_t& word : words)
            if ((word & 0xffff) == offset && (word >> 48) != 0x0081) {
                word = (word & ~0xffffffff0000ULL) | uint64_t{value} << 16;
                return *this;
            }
        return reg(offset, value);
    }
    Stream& drop(uint32_t offset) {
        std::erase_if(words, [&](uint64_t word) { return (word & 0xffff) == offset; });
        return *this;
    }
    Stream& tail(uint32_t mask) {
        words.push_back(0);
        reg(0x0014, 0);
        words.push_back(0x0041ULL << 48);
        words.push_back(0x0081ULL << 48 | uint64_t{mask} << 16 | 0x0008);
        return *this;
    }
    uint32_t value(uint32_t offset) const {
        for (const uint64_t word : words)
            if ((word & 0xffff) == offset && (word >> 48) != 0x0081)
                return static_cast<uint32_t>(word >> 16);
        return 0;
    }

    std::vector<uint64_t> words;
};

struct MatmulShape {
    uint32_t m, k, n;
};

/// Where the operands of a matmul lie.
struct MatmulPlaces {
    uint32_t stream = 0x10000, a = 0x100000, b = 0x2000000, c = 0x8000000;
};

/// int8 x int8 -> int32 in native layouts, row by row of the table of hardware.md 6.1 (no tail).
inline Stream matmul_stream(const MatmulShape& s, const MatmulPlaces& at = {}) {
    const uint32_t banks = std::max(1U, (s.m * ((s.k + 63) / 64 * 64) + 32767) / 32768);
    const uint32_t data_banks = std::min(banks, 8U);  // more rows than fit are streamed
    Stream w;
    w.reg(0x4004, 0xe).reg(0x100c, 0).reg(0x1010, (s.m + 1) << 4).reg(0x1014, 9);
    w.reg(0x1020, 1 << 16 | s.m).reg(0x1024, (s.k - 1) << 16 | s.k).reg(0x1028, 1).reg(0x102c, s.m);
    w.reg(0x1030, s.k * s.n).reg(0x1034, s.k).reg(0x1038, 1 << 24 | 1 << 16 | s.n);
    w.reg(0x1040, (12 - data_banks) << 4 | data_banks).reg(0x1044, (s.k + 63) / 64);
    w.reg(0x104c, 0xb);
    for (const uint32_t cvt : {0x1050, 0x1054, 0x1058, 0x105c}) w.reg(cvt, 0x10000);
    for (const uint32_t zero : {0x1060, 0x1064, 0x1068, 0x1074, 0x1100, 0x1104, 0x1180, 0x1184})
        w.reg(zero, 0);
    for (uint32_t amount = 0x1140; amount <= 0x117c; amount += 4) w.reg(amount, 0);
    w.reg(0x1070, at.a).reg(0x1078, 0xf000f).reg(0x107c, 4).reg(0x1080, (s.m - 4) & 0x0fffffff);
    w.reg(0x1084, 1 << 16 | s.m).reg(0x1088, s.k).reg(0x1110, at.b);
    w.reg(0x3010, 1)
        .reg(0x3014, (s.m - 1) << 16)
        .reg(0x3018, s.n - 1)
        .reg(0x301c, 0)
        .reg(0x3030, 0);
    w.reg(0x400c, 0x1e4).reg(0x4010, 0x80000000).reg(0x4014, 0).reg(0x4020, at.c);
    w.reg(0x4024, s.m << 4).reg(0x4030, 0).reg(0x4034, s.m - 1).reg(0x4038, 0);
    w.reg(0x403c, (s.n - 1) << 16 | (s.n - 1));
    w.reg(0x4040, 0x53)
        .reg(0x4044, 0)
        .reg(0x4048, 0)
        .reg(0x404c, 0)
        .reg(0x4050, 0x7fe)
        .reg(0x4054, 0);
    w.reg(0x4058, s.n - 1).reg(0x405c, (s.m - 1) << 16);
    w.reg(0x4060, 0x53).reg(0x4064, 0).reg(0x4068, 0).reg(0x406c, 0);
    w.reg(0x4070, 0x383).reg(0x4074, 0).reg(0x4078, 1).reg(0x407c, 0);
    w.reg(0x4080, 0).reg(0x4084, 1).reg(0x4088, 0);
    for (uint32_t value = 0x4090; value <= 0x40ac; value += 4) w.reg(value, 0);
    w.reg(0x40c0, (8 * s.m) << 4).reg(0x40c4, 0);
    return w;
}

/// Keeps what is kicked, together with what was kicked before it, as an input for fuzzing.
inline void record(const MemoryBus& bus, const emulator::Core& core, const Stream& stream) {
    static const char* const folder = std::getenv("ROSENBLATT_FUZZ_CORPUS");
    if (folder == nullptr || stream.words.size() > 400) return;
    static std::vector<uint64_t> before;
    StreamInput input;
    input.switches = static_cast<uint8_t>(core.switches().strict | core.switches().poison << 1);
    input.rounding = static_cast<uint8_t>(core.switches().out_cvt_rounding);
    input.patches = bus.small_regions();
    input.words = stream.words;
    write_input(folder, to_bytes(input));
    input.words = before;
    input.words.insert(input.words.end(), stream.words.begin(), stream.words.end());
    write_input(folder, to_bytes(input));
    before = stream.words;
}

/// Writes the stream to memory and makes the ten register writes of rocket.ko (kernel.md 1.6).
inline void kick(emulator::Core& core, MemoryBus& bus, const Stream& stream,
                 uint32_t iova = 0x10000) {
    record(bus, core, stream);
    std::memcpy(bus.map(iova, (stream.words.size() + 1) * 8), stream.words.data(),
                stream.words.size() * 8);
    using emulator::Window;
    const uint32_t pointer = 0xe | core.index() << 28;
    core.write_register(Window::Pc, 0x10, 1);
    core.write_register(Window::Cna, 0x04, pointer);
    core.write_register(Window::Core, 0x04, pointer);
    core.write_register(Window::Pc, 0x10, iova);
    core.write_register(Window::Pc, 0x14, static_cast<uint32_t>((stream.words.size() + 1) / 2 - 1));
    core.write_register(Window::Pc, 0x20, 0x300);
    core.write_register(Window::Pc, 0x24, 0x300);
    core.write_register(Window::Pc, 0x30, 0x7001);
    core.write_register(Window::Pc, 0x34, 0);
    core.write_register(Window::Pc, 0x08, 1);
}

/// The interrupt handler's writes.
inline void acknowledge(emulator::Core& core) {
    using emulator::Window;
    core.write_register(Window::Pc, 0x20, 0);
    core.write_register(Window::Pc, 0x08, 0);
    core.write_register(Window::Pc, 0x24, 0x1ffff);
}

/// Kick, run, interrupt, acknowledge.
inline emulator::TaskOutcome run(emulator::Core& core, MemoryBus& bus, const Stream& stream) {
    kick(core, bus, stream);
    emulator::TaskOutcome outcome = core.run_task(bus);
    core.complete();
    acknowledge(core);
    return outcome;
}

inline void fill_random(std::byte* bytes, size_t size, uint32_t seed) {
    std::mt19937_64 random(seed);
    for (size_t i = 0; i < size; i += 8) {
        const uint64_t word = random();
        std::memcpy(bytes + i, &word, std::min<size_t>(8, size - i));
    }
}

/// Operands in native layouts, with the true product computed the plain way.
struct Matmul {
    MatmulShape shape;
    std::byte* a = nullptr;
    std::byte* b = nullptr;
    std::byte* c = nullptr;

    Matmul(MemoryBus& bus, const MatmulShape& s, uint32_t seed, const MatmulPlaces& at = {})
        : shape(s) {
        a = bus.map(at.a, size_t{s.m} * s.k);
        b = bus.map(at.b, size_t{s.k} * s.n);
        c = bus.map(at.c, size_t{s.m} * s.n * 4);
        fill_random(a, size_t{s.m} * s.k, seed);
        fill_random(b, size_t{s.k} * s.n, seed + 1);
        std::memset(c, 0x5a, size_t{s.m} * s.n * 4);
    }
    int8_t feature(uint32_t m, uint32_t k) const {  // [K/16][M][16]
        return static_cast<int8_t>(a[(size_t{k / 16} * shape.m + m) * 16 + k % 16]);
    }
    int8_t weight(uint32_t k, uint32_t n) const {  // [N/32][K/32][32][32]
        return static_cast<int8_t>(
            b[(size_t{n / 32} * (shape.k / 32) + k / 32) * 1024 + n % 32 * 32 + k % 32]);
    }
    int32_t result(uint32_t m, uint32_t n) const {  // [N/4][M][4]
        int32_t value;
        std::memcpy(&value, c + ((size_t{n / 4} * shape.m + m) * 4 + n % 4) * 4, 4);
        return value;
    }
    int32_t expected(uint32_t m, uint32_t n) const {
        int32_t sum = 0;
        for (uint32_t k = 0; k < shape.k; ++k) sum += feature(m, k) * weight(k, n);
        return sum;
    }
    /// Number of wrong results.
    size_t mismatches() const {
        size_t wrong = 0;
        for (uint32_t m = 0; m < shape.m; ++m)
            for (uint32_t n = 0; n < shape.n; ++n) wrong += result(m, n) != expected(m, n);
        return wrong;
    }
};

}  // namespace rosenblatt::testing
