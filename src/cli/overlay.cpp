// SPDX-License-Identifier: MIT
// Reads a board's device tree, plans, writes and proves its overlay.
#include "cli/overlay.hpp"

#include <ostream>

#include "cli/input.hpp"
#include "cli/overlay_plan.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

struct Made {
    OverlayPlan plan;
    Blob overlay;
};

Result<Made> make_overlay(const Blob& base, const std::string& regulator) {
    auto plan = plan_overlay(base, regulator);
    if (!plan) return plan.error();
    auto overlay = write_overlay(*plan);
    if (!overlay) return overlay.error();
    if (const auto proved = prove_overlay(base, *overlay, *plan); !proved) return proved.error();
    return Made{*plan, *overlay};
}

void describe(const OverlayPlan& plan, std::ostream& out) {
    if (plan.edits.empty())
        out << "nothing to change: all six nodes are on and fed; the overlay is empty\n";
    for (const Edit& edit : plan.edits) {
        out << edit.node << ": " << edit.property << " = "
            << (edit.rail < 0 ? "okay" : plan.rails[static_cast<size_t>(edit.rail)].path) << '\n';
    }
}

}  // namespace

int run_overlay(const OverlayOptions& options, std::ostream& out, std::ostream& err) {
    const Result<std::string> bytes = read_input(options.dtb);
    if (!bytes) {
        err << "rosenblatt overlay: " << bytes.error().message << '\n';
        return k_exit_finding;
    }
    const auto made = make_overlay(Blob(bytes->begin(), bytes->end()), options.regulator);
    if (!made) {
        err << "rosenblatt overlay: " << options.dtb << ": " << made.error().message << '\n';
        return k_exit_finding;
    }
    const std::string_view overlay(made->overlay.data(), made->overlay.size());
    if (const auto written = write_output(options.output, overlay); !written) {
        err << "rosenblatt overlay: " << written.error().message << '\n';
        return k_exit_finding;
    }
    describe(made->plan, out);
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
