// SPDX-License-Identifier: MIT
// Lut: which table, which entries, how far between them. The spikes that silicon shows at x = 0 and
// in flat regions are not emulated.
#include "emulator/lut.hpp"

#include <algorithm>
#include <cmath>

namespace rosenblatt::emulator {

namespace dpu = npu::dpu;

void LutMemory::write_config(uint32_t value) {
    const auto access = dpu::LUT_ACCESS_CFG::unpack(value);
    writing_ = access.access_type;
    lo_ = access.table_id;
    address_ = access.addr;
}

void LutMemory::write_data(uint32_t value) {
    if (!writing_ || address_ >= k_lut_entries) return;
    tables_[lo_ ? 1 : 0][address_++] = static_cast<int16_t>(value);
}

Lut::Lut(const RegisterFile& registers, const LutMemory& memory, bool rounds)
    : memory_(&memory), rounds_(rounds) {
    const auto slope = [](int32_t scale, int32_t shift) { return std::ldexp(scale, -shift); };
    const auto info = registers.get<dpu::LUT_INFO>();
    const auto le_scale = registers.get<dpu::LUT_LE_SLOPE_SCALE>();
    const auto le_shift = registers.get<dpu::LUT_LE_SLOPE_SHIFT>();
    const auto lo_scale = registers.get<dpu::LUT_LO_SLOPE_SCALE>();
    const auto lo_shift = registers.get<dpu::LUT_LO_SLOPE_SHIFT>();
    le_ = {.start = static_cast<double>(registers.get<dpu::LUT_LE_START>().value),
           .end = static_cast<double>(registers.get<dpu::LUT_LE_END>().value),
           .select = info.le_index_select,
           .underflow_slope = slope(le_scale.uflow_scale, le_shift.uflow_shift),
           .overflow_slope = slope(le_scale.oflow_scale, le_shift.oflow_shift)};
    lo_ = {.start = static_cast<double>(registers.get<dpu::LUT_LO_START>().value),
           .end = static_cast<double>(registers.get<dpu::LUT_LO_END>().value),
           .select = info.lo_index_select,
           .underflow_slope = slope(lo_scale.uflow_scale, lo_shift.uflow_shift),
           .overflow_slope = slope(lo_scale.oflow_scale, lo_shift.oflow_shift)};
    const auto cfg = registers.get<dpu::LUT_CFG>();
    lo_on_underflow_ = cfg.uflow_priority;
    lo_on_overflow_ = cfg.oflow_priority;
    lo_on_both_ = cfg.hybrid_priority;
}

/// NVDLA's rule: the table that x hits; both or none: the priority bits.
bool Lut::choose_lo(double x) const {
    const bool le_below = x < le_.start;
    const bool le_above = x > le_.end;
    const bool lo_below = x < lo_.start;
    const bool lo_above = x > lo_.end;
    const bool le_hit = !le_below && !le_above;
    const bool lo_hit = !lo_below && !lo_above;
    if (le_hit && lo_hit) return lo_on_both_;
    if (le_hit || lo_hit) return lo_hit;
    if (le_below && lo_below) return lo_on_underflow_;
    return lo_on_overflow_;
}

double Lut::look_up(const Range& range, bool lo, double x) const {
    const auto& table = memory_->table(lo);
    if (x < range.start) return table.front() + (x - range.start) * range.underflow_slope;
    if (x > range.end) return table.back() + (x - range.end) * range.overflow_slope;
    const double position = std::ldexp(x - range.start, -static_cast<int>(range.select));
    const double last = static_cast<double>(k_lut_entries - 1);
    if (position >= last) return table.back();
    const auto entry = static_cast<size_t>(position);
    const double fraction = position - static_cast<double>(entry);
    const double low = table[entry];
    return low + (table[entry + 1] - low) * fraction;
}

double Lut::operator()(double x) const {
    if (memory_ == nullptr || std::isnan(x)) return x;
    const bool lo = choose_lo(x);
    const double value = look_up(lo ? lo_ : le_, lo, x);
    return rounds_ ? std::nearbyint(value) : value;
}

}  // namespace rosenblatt::emulator
