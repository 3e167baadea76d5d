// SPDX-License-Identifier: MIT
// Checks what was asked, plans it, and hands it to the report.
#include "cli/plan.hpp"

#include <ostream>

#include "cli/json_text.hpp"
#include "cli/plan_report.hpp"
#include "cli/planned.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

constexpr uint32_t k_largest = 1 << 20;  ///< of m, k, n and a prefill

/// Empty, or what makes no sense.
std::string usage_error(const PlanOptions& o) {
    const bool shape = o.m != 0 || o.k != 0 || o.n != 0;
    if (shape + !o.model.empty() + !o.gguf.empty() != 1)
        return "give either --m, --k and --n, or --model NAME, or --gguf FILE";
    if (shape && (o.m == 0 || o.k == 0 || o.n == 0))
        return "--m, --k and --n must all be 1 or more";
    if (o.m > k_largest || o.k > k_largest || o.n > k_largest || o.prefill > k_largest)
        return "sizes above " + std::to_string(k_largest) + " are not planned";
    if (o.prefill == 0) return "--prefill must be 1 or more";
    if (o.type != "int8" && o.type != "f16") return "--type is int8 or f16, not " + o.type;
    if (o.board != "lpddr5" && o.board != "lpddr4x")
        return "--board is lpddr5 or lpddr4x, not " + o.board;
    if (o.layout != "native" && o.layout != "rowmajor")
        return "--layout is native or rowmajor, not " + o.layout;
    if (o.lanes && (*o.lanes == 0 || *o.lanes > 16)) return "--lanes is 1 to 16";
    if (!(o.clock_mhz >= 10 && o.clock_mhz <= 10'000)) return "--clock-mhz is 10 to 10000";
    if (o.raw && (!shape || o.lanes.value_or(1) > 1))
        return "--raw times one matmul on one core: --lanes 1";
    return {};
}

PlanSettings settings_of(const PlanOptions& o) {
    PlanSettings settings;
    settings.type = o.type == "f16" ? compile::NumberType::F16 : compile::NumberType::Int8;
    settings.machine.clock_mhz = o.clock_mhz;
    settings.machine.board = o.board == "lpddr4x" ? Board::Lpddr4x : Board::Lpddr5;
    settings.machine.lanes = o.lanes.value_or(o.raw ? 1 : 3);
    settings.layout = o.layout == "rowmajor" ? compile::Layout::RowMajor : compile::Layout::Native;
    settings.raw = o.raw;
    return settings;
}

int failed(std::ostream& err, const Error& error) {
    err << "rosenblatt plan: " << error.message << '\n';
    return k_exit_finding;
}

}  // namespace

int run_plan(const PlanOptions& options, std::ostream& out, std::ostream& err) {
    if (const std::string error = usage_error(options); !error.empty()) {
        err << "rosenblatt plan: " << error << '\n';
        return k_exit_usage;
    }
    const PlanSettings settings = settings_of(options);
    if (options.m != 0) {
        const auto planned = plan_matmul({options.m, options.k, options.n}, settings);
        if (!planned) return failed(err, planned.error());
        out << (options.json ? json_text(plan_json(*planned), 2) + "\n" : plan_text(*planned));
        return k_exit_fine;
    }
    auto model = options.gguf.empty() ? named_model(options.model, options.prefill)
                                      : gguf_model(options.gguf, options.prefill);
    if (!model) return failed(err, model.error());
    const auto planned = plan_model(std::move(*model), settings);
    if (!planned) return failed(err, planned.error());
    using Json = nlohmann::ordered_json;
    out << (options.json
                ? plan_json(*planned).dump(2, ' ', false, Json::error_handler_t::replace) + "\n"
                : plan_text(*planned));
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
