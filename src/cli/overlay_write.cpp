// SPDX-License-Identifier: MIT
// Writes an overlay blob and proves on a copy that it does what was planned.
#include <fmt/format.h>
#include <libfdt.h>

#include <cstring>
#include <set>

#include "cli/overlay_plan.hpp"

namespace rosenblatt::cli {
namespace {

constexpr int k_overlay_bytes = 16384;  // six status lines and seven references need about 2 KiB
constexpr size_t k_growth_bytes = 16384;

/// Wraps libfdt's sequential writer and keeps its first error.
class Writer {
  public:
    Writer() : blob_(k_overlay_bytes) {
        keep(fdt_create(data(), k_overlay_bytes));
        keep(fdt_finish_reservemap(data()));
    }
    void open(const std::string& node) { keep(fdt_begin_node(data(), node.c_str())); }
    void close() { keep(fdt_end_node(data())); }
    void set(const char* property, const std::string& text) {
        keep(fdt_property(data(), property, text.c_str(), static_cast<int>(text.size()) + 1));
    }
    void set(const char* property, uint32_t cell) {
        keep(fdt_property_u32(data(), property, cell));
    }

    Result<Blob> finish() {
        keep(fdt_finish(data()));
        if (error_ != 0) return Error{0, fmt::format("libfdt: {}", fdt_strerror(error_))};
        blob_.resize(size_t{fdt_totalsize(data())});
        return blob_;
    }

  private:
    void* data() { return blob_.data(); }
    void keep(int code) {
        if (error_ == 0) error_ = code;
    }

    Blob blob_;
    int error_ = 0;
};

/// Edits of one node, in plan order: one fragment each.
std::vector<std::vector<Edit>> by_node(const std::vector<Edit>& edits) {
    std::vector<std::vector<Edit>> groups;
    for (const Edit& edit : edits) {
        if (groups.empty() || groups.back().front().node != edit.node) groups.emplace_back();
        groups.back().push_back(edit);
    }
    return groups;
}

/// Numbers an overlay gives itself count from 1; applying it moves them above the base's.
uint32_t local_number(int rail) {
    return static_cast<uint32_t>(rail) + 1;
}

std::string fragment(size_t number) {
    return fmt::format("fragment@{}", number);
}

bool is_local(const OverlayPlan& plan, const Edit& edit) {
    return edit.rail >= 0 && plan.rails[static_cast<size_t>(edit.rail)].phandle == 0;
}

void write_edits(Writer& out, const OverlayPlan& plan, const std::vector<Edit>& edits,
                 size_t number) {
    out.open(fragment(number));
    out.set("target-path", edits.front().node);
    out.open("__overlay__");
    for (const Edit& edit : edits) {
        if (edit.rail < 0) {
            out.set(edit.property.c_str(), "okay");
        } else {
            const uint32_t phandle = plan.rails[static_cast<size_t>(edit.rail)].phandle;
            out.set(edit.property.c_str(), phandle != 0 ? phandle : local_number(edit.rail));
        }
    }
    out.close();
    out.close();
}

/// Where in the overlay its own numbers stand, so that whoever applies it can move them.
void write_local_fixups(Writer& out, const OverlayPlan& plan,
                        const std::vector<std::vector<Edit>>& groups) {
    out.open("__local_fixups__");
    for (size_t number = 0; number < groups.size(); ++number) {
        out.open(fragment(number));
        out.open("__overlay__");
        for (const Edit& edit : groups[number]) {
            if (is_local(plan, edit))
                out.set(edit.property.c_str(), 0u);  // at byte 0 of the property
        }
        out.close();
        out.close();
    }
    out.close();
}

/// Numbers the rails that have none and are referred to.
size_t write_rails(Writer& out, const OverlayPlan& plan, size_t number) {
    for (size_t rail = 0; rail < plan.rails.size(); ++rail) {
        bool used = false;
        for (const Edit& edit : plan.edits)
            used |= edit.rail == static_cast<int>(rail) && is_local(plan, edit);
        if (!used) continue;
        out.open(fragment(number++));
        out.set("target-path", plan.rails[rail].path);
        out.open("__overlay__");
        out.set("phandle", local_number(static_cast<int>(rail)));
        out.close();
        out.close();
    }
    return number;
}

Result<Blob> apply(const Blob& base, Blob overlay) {
    Blob result(base.size() + overlay.size() + k_growth_bytes);
    int code = fdt_open_into(base.data(), result.data(), static_cast<int>(result.size()));
    if (code == 0) code = fdt_overlay_apply(result.data(), overlay.data());
    if (code != 0)
        return Error{0, fmt::format("the overlay does not apply: {}", fdt_strerror(code))};
    return result;
}

Result<void> check_numbers(const void* fdt) {
    std::set<uint32_t> seen;
    for (int node = 0; node >= 0; node = fdt_next_node(fdt, node, nullptr)) {
        const uint32_t phandle = fdt_get_phandle(fdt, node);
        if (phandle != 0 && !seen.insert(phandle).second) {
            return Error{0, fmt::format("phandle {:#x} would be used twice", phandle)};
        }
    }
    return {};
}

Result<void> check_edit(const void* fdt, const OverlayPlan& plan, const Edit& edit) {
    const int node = fdt_path_offset(fdt, edit.node.c_str());
    int bytes = 0;
    const void* value = fdt_getprop(fdt, node, edit.property.c_str(), &bytes);
    const Error wrong{0, fmt::format("{}/{} would not be as planned", edit.node, edit.property)};
    if (value == nullptr) return wrong;
    if (edit.rail < 0) {
        if (bytes != 5 || std::memcmp(value, "okay", 5) != 0) return wrong;
        return {};
    }
    const std::string& path = plan.rails[static_cast<size_t>(edit.rail)].path;
    const uint32_t phandle = fdt32_ld(static_cast<const fdt32_t*>(value));
    if (fdt_node_offset_by_phandle(fdt, phandle) != fdt_path_offset(fdt, path.c_str()))
        return wrong;
    return {};
}

}  // namespace

Result<Blob> write_overlay(const OverlayPlan& plan) {
    const auto groups = by_node(plan.edits);
    Writer out;
    out.open("");
    for (size_t number = 0; number < groups.size(); ++number)
        write_edits(out, plan, groups[number], number);
    if (write_rails(out, plan, groups.size()) > groups.size())
        write_local_fixups(out, plan, groups);
    out.close();
    return out.finish();
}

Result<void> prove_overlay(const Blob& base, const Blob& overlay, const OverlayPlan& plan) {
    const auto result = apply(base, overlay);
    if (!result) return result.error();
    if (auto checked = check_numbers(result->data()); !checked) return checked;
    for (const Rail& rail : plan.rails) {
        const int node = fdt_path_offset(result->data(), rail.path.c_str());
        if (rail.phandle != 0 && fdt_get_phandle(result->data(), node) != rail.phandle) {
            return Error{0, rail.path + " would get another phandle"};
        }
    }
    for (const Edit& edit : plan.edits) {
        if (auto checked = check_edit(result->data(), plan, edit); !checked) return checked;
    }
    return {};
}

}  // namespace rosenblatt::cli
