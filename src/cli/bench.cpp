// SPDX-License-Identifier: MIT
// The one form in which all benchmarks print.
#include "cli/bench.hpp"
#include "cli/json_text.hpp"

#include <fmt/format.h>

#include <ostream>

namespace rosenblatt::cli {

void print_bench_line(const BenchLine& line, bool json, std::ostream& out) {
    nlohmann::ordered_json object{{"name", line.name},
                                  {"value", line.value},
                                  {"unit", line.unit},
                                  {"baseline", nullptr},
                                  {"ratio", nullptr}};
    if (line.baseline) {
        object["baseline"] = *line.baseline;
        if (*line.baseline > 0) object["ratio"] = line.value / *line.baseline;
    }
    if (json) {
        object.update(line.more);
        out << json_text(object) << std::endl;
        return;
    }
    std::string text = fmt::format("{:<32} {:>9.2f} {}", line.name, line.value, line.unit);
    if (line.baseline)
        text += fmt::format("   baseline {:>9.2f}   ratio {:>5.2f}", *line.baseline,
                            line.value / *line.baseline);
    for (const auto& [column, value] : line.more.items())
        if (!value.is_null()) text += fmt::format("   {} {}", column, value.dump());
    out << text << std::endl;
}

}  // namespace rosenblatt::cli
