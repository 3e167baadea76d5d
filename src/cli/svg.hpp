// SPDX-License-Identifier: MIT
// Charts as SVG text. Colours are classes (see k_chart_style), so that a page can be light or dark.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace rosenblatt::cli::svg {

/// Style sheet of all charts; follows the reader's light or dark setting.
extern const char* const k_chart_style;

/// Text that is safe between and inside tags.
std::string escaped(const std::string& text);

struct Bar {
    std::string label;
    double value = 0;  ///< the longest bar fills the width
    std::string note;  ///< printed at the end, "12.3 ms, 45.6 %"
    int colour = 0;    ///< 0..6
};
/// Horizontal bars, each below its label, so that long labels fit a phone.
std::string bar_chart(const std::string& title, const std::vector<Bar>& bars);

struct Point {
    double x = 0, y = 0;
    std::string label;
    int colour = 0;
};
struct Line {
    std::string label;
    std::vector<std::pair<double, double>> points;
    int colour = 0;
};
struct Axes {
    std::string title, x, y;
    bool logarithmic = false;
    /// Names for whole numbers of x, where x counts things; empty: the numbers themselves.
    std::vector<std::string> x_names = {};
};
std::string plot(const Axes& axes, const std::vector<Line>& lines,
                 const std::vector<Point>& points);

struct Span {
    size_t track = 0;
    double begin = 0, end = 0;
    std::string label;
    int colour = 0;
};
/// Tracks below each other over one time axis in `unit`.
std::string timeline(const std::string& title, const std::vector<std::string>& tracks,
                     const std::vector<Span>& spans, const std::string& unit);

/// Coloured squares with their names, as HTML.
std::string legend(const std::vector<std::pair<int, std::string>>& entries);

/// A chart as a file of its own.
std::string standalone(const std::string& chart);

}  // namespace rosenblatt::cli::svg
