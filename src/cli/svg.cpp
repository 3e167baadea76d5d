// SPDX-License-Identifier: MIT
// Charts are 480 units wide: on a phone that is about one unit per pixel and a half, so text is 13.
#include "cli/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace rosenblatt::cli::svg {

const char* const k_chart_style = R"(
:root{color-scheme:light dark;--ink:#1c2024;--soft:#60666c;--grid:#d9dde1;--paper:#fff;
--c0:#2f6fd0;--c1:#c2571a;--c2:#2b8a4b;--c3:#8b46c1;--c4:#b8891a;--c5:#7a828a;--c6:#15888f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ea;--soft:#9aa1a8;--grid:#373c42;--paper:#15181b;
--c0:#6ea4f2;--c1:#f0935a;--c2:#62c585;--c3:#c08bef;--c4:#e0b650;--c5:#959da5;--c6:#4fc3c9}}
svg{font:13px system-ui,sans-serif}svg text{fill:var(--ink)}svg .soft{fill:var(--soft);font-size:12px}
svg .grid{stroke:var(--grid);fill:none}svg .title{font-weight:600;font-size:14px}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}.f6{fill:var(--c6)}
.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}
.s5{stroke:var(--c5)}.line{fill:none;stroke-width:2}
)";

namespace {

constexpr double k_width = 480;
constexpr double k_left = 58, k_right = 12, k_top = 28, k_plot_height = 210;

std::string open(const std::string& title, double height) {
    return fmt::format(
        "<svg viewBox=\"0 0 {:g} {:.0f}\" role=\"img\" aria-label=\"{}\">"
        "<text class=\"title\" x=\"2\" y=\"16\">{}</text>\n",
        k_width, height, escaped(title), escaped(title));
}

/// One axis: from data to drawing units, and where its ticks are.
struct Scale {
    double low = 0, high = 1, from = 0, to = 1;
    bool logarithmic = false;

    double operator()(double value) const {
        const double share = logarithmic ? std::log(value / low) / std::log(high / low)
                                         : (value - low) / (high - low);
        return from + share * (to - from);
    }
    std::vector<double> ticks() const {
        std::vector<double> out;
        if (logarithmic) {
            const bool few = high / low > 300;
            for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high;
                 decade *= 10)
                for (const double digit : {1.0, 2.0, 5.0})
                    if (decade * digit >= low && decade * digit <= high && (digit == 1 || !few))
                        out.push_back(decade * digit);
            return out;
        }
        const double raw = (high - low) / 4;
        const double power = std::pow(10, std::floor(std::log10(raw)));
        const double step = power * (raw / power > 5 ? 10 : raw / power > 2 ? 5 : 2);
        for (double at = std::ceil(low / step) * step; at <= high * 1.0001; at += step)
            out.push_back(at);
        return out;
    }
};

Scale scale_for(const std::vector<double>& values, bool logarithmic, double from, double to) {
    double low = std::numeric_limits<double>::max(), high = std::numeric_limits<double>::lowest();
    for (const double value : values) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (logarithmic) return {low / 1.3, high * 1.3, from, to, true};
    return {std::min(0.0, low), high > 0 ? high * 1.08 : 1, from, to, false};
}

std::string axes_text(const Axes& axes, const Scale& x, const Scale& y) {
    const double bottom = k_top + k_plot_height;
    std::string out;
    for (const double tick : y.ticks())
        out += fmt::format(
            "<path class=\"grid\" d=\"M{:g} {:.1f}H{:g}\"/><text class=\"soft\" x=\"{:g}\" "
            "y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n",
            k_left, y(tick), k_width - k_right, k_left - 5, y(tick) + 4, tick);
    const auto x_tick = [&](double at, const std::string& name) {
        out += fmt::format(
            "<text class=\"soft\" x=\"{:.1f}\" y=\"{:g}\" text-anchor=\"middle\">{}</text>\n",
            x(at), bottom + 17, escaped(name));
    };
    if (axes.x_names.empty())
        for (const double tick : x.ticks()) x_tick(tick, fmt::format("{:g}", tick));
    for (size_t i = 0; i < axes.x_names.size(); ++i)
        x_tick(static_cast<double>(i), axes.x_names[i]);
    out += fmt::format(
        "<text class=\"soft\" x=\"{:g}\" y=\"{:g}\" text-anchor=\"end\">{}</text>"
        "<text class=\"soft\" x=\"{:g}\" y=\"{:g}\" text-anchor=\"end\">{}</text>\n",
        k_width - k_right, bottom + 34, escaped(axes.x), k_width - k_right, 16.0, escaped(axes.y));
    return out;
}

}  // namespace

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '&':
                out += "&amp;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string bar_chart(const std::string& title, const std::vector<Bar>& bars) {
    constexpr double k_row = 34;
    double longest = 0;
    for (const Bar& bar : bars) longest = std::max(longest, bar.value);
    std::string out = open(title, k_top + k_row * static_cast<double>(bars.size()) + 4);
    double y = k_top;
    for (const Bar& bar : bars) {
        const double width = longest > 0 ? bar.value / longest * (k_width - 4) : 0;
        out += fmt::format(
            "<text x=\"2\" y=\"{:.0f}\">{}</text><text class=\"soft\" x=\"{:g}\" y=\"{:.0f}\" "
            "text-anchor=\"end\">{}</text><rect class=\"f{}\" x=\"2\" y=\"{:.0f}\" "
            "width=\"{:.1f}\" height=\"10\" rx=\"2\"/>\n",
            y + 13, escaped(bar.label), k_width - 2, y + 13, escaped(bar.note), bar.colour, y + 18,
            std::max(width, 1.0));
        y += k_row;
    }
    return out + "</svg>\n";
}

std::string plot(const Axes& axes, const std::vector<Line>& lines,
                 const std::vector<Point>& points) {
    std::vector<double> xs, ys;
    for (const Line& line : lines)
        for (const auto& [x, y] : line.points) xs.push_back(x), ys.push_back(y);
    for (const Point& point : points) xs.push_back(point.x), ys.push_back(point.y);
    const double bottom = k_top + k_plot_height;
    Scale x = scale_for(xs, axes.logarithmic, k_left, k_width - k_right);
    if (!axes.x_names.empty()) {
        x.low = -0.5;
        x.high = static_cast<double>(axes.x_names.size()) - 0.5;
    }
    const Scale y = scale_for(ys, axes.logarithmic, bottom, k_top);
    std::string out = open(axes.title, bottom + 42) + axes_text(axes, x, y);
    for (const Line& line : lines) {
        out += fmt::format("<path class=\"line s{}\" d=\"", line.colour);
        for (size_t i = 0; i < line.points.size(); ++i)
            out += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", x(line.points[i].first),
                               y(line.points[i].second));
        out += fmt::format("\"><title>{}</title></path>\n", escaped(line.label));
    }
    for (const Point& point : points)
        out += fmt::format(
            "<circle class=\"f{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" "
            "r=\"5\"><title>{}</title></circle>\n",
            point.colour, x(point.x), y(point.y), escaped(point.label));
    return out + "</svg>\n";
}

std::string timeline(const std::string& title, const std::vector<std::string>& tracks,
                     const std::vector<Span>& spans, const std::string& unit) {
    constexpr double k_row = 30;
    const double bottom = k_top + k_row * static_cast<double>(tracks.size());
    double end = 0;
    for (const Span& span : spans) end = std::max(end, span.end);
    const Scale x{0, end > 0 ? end : 1, k_left, k_width - k_right, false};
    std::string out = open(title, bottom + 26);
    for (size_t i = 0; i < tracks.size(); ++i)
        out += fmt::format("<text x=\"2\" y=\"{:.0f}\">{}</text>\n",
                           k_top + k_row * static_cast<double>(i) + 17, escaped(tracks[i]));
    for (const Span& span : spans)
        out += fmt::format(
            "<rect class=\"f{}\" x=\"{:.2f}\" y=\"{:.0f}\" width=\"{:.2f}\" height=\"22\">"
            "<title>{}</title></rect>\n",
            span.colour, x(span.begin), k_top + k_row * static_cast<double>(span.track) + 2,
            std::max(0.3, x(span.end) - x(span.begin) - 0.4), escaped(span.label));
    for (const double tick : x.ticks())
        out += fmt::format(
            "<text class=\"soft\" x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"{}\">{:g}{}</text>\n",
            x(tick), bottom + 18, x(tick) > k_width - 40 ? "end" : "middle", tick,
            tick == 0 ? " " + unit : "");
    return out + "</svg>\n";
}

std::string legend(const std::vector<std::pair<int, std::string>>& entries) {
    std::string out = "<p class=\"legend\">";
    for (const auto& [colour, name] : entries)
        out += fmt::format("<span><i class=\"b{}\"></i>{}</span> ", colour, escaped(name));
    return out + "</p>\n";
}

std::string standalone(const std::string& chart) {
    std::string out = chart;
    out.replace(0, 4, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    const size_t inside = out.find('>') + 1;
    return out.insert(
        inside, fmt::format("<style>{}svg{{background:var(--paper)}}</style>", k_chart_style));
}

}  // namespace rosenblatt::cli::svg
