// SPDX-License-Identifier: MIT
// Lut: the DPU's two tables of 513 entries and the interpolation between them (hardware.md 5.8).
#pragma once

#include <array>
#include <cstdint>

#include "emulator/register_file.hpp"

namespace rosenblatt::emulator {

inline constexpr size_t k_lut_entries = 513;

/// The tables' memory and its access port; not shadowed, it outlives tasks.
class LutMemory {
  public:
    void reset() { *this = LutMemory{}; }
    void write_config(uint32_t value);
    void write_data(uint32_t value);
    const std::array<int16_t, k_lut_entries>& table(bool lo) const { return tables_[lo ? 1 : 0]; }

  private:
    std::array<std::array<int16_t, k_lut_entries>, 2> tables_{};
    bool writing_ = false;
    bool lo_ = false;
    uint32_t address_ = 0;
};

/// How the registers use the tables. The index x and the result are in the tables' own units.
class Lut {
  public:
    Lut() = default;
    Lut(const RegisterFile& registers, const LutMemory& memory, bool rounds);

    double operator()(double x) const;

  private:
    struct Range {
        double start = 0, end = 0;
        uint32_t select = 0;  ///< log2 of the distance between entries
        double underflow_slope = 0, overflow_slope = 0;
    };
    bool choose_lo(double x) const;
    double look_up(const Range& range, bool lo, double x) const;

    const LutMemory* memory_ = nullptr;
    Range le_, lo_;
    bool lo_on_underflow_ = false, lo_on_overflow_ = false, lo_on_both_ = false;
    bool rounds_ = true;
};

}  // namespace rosenblatt::emulator
