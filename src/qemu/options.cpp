// SPDX-License-Identifier: GPL-2.0-or-later
#include "qemu/options.hpp"

#include <cstdlib>
#include <functional>
#include <map>

namespace rosenblatt::qemu {
namespace {

using Setter = std::function<bool(DeviceOptions&, const std::string& text)>;

template <typename T>
Setter number(T DeviceOptions::*member, double least, double most) {
    return [=](DeviceOptions& o, const std::string& text) {
        char* end = nullptr;
        const bool hex = text.starts_with("0x");
        const double value = hex ? static_cast<double>(std::strtoull(text.c_str(), &end, 16))
                                 : std::strtod(text.c_str(), &end);
        if (text.empty() || *end || !(value >= least && value <= most)) return false;
        o.*member = static_cast<T>(value);
        return true;
    };
}

Setter text_of(std::string DeviceOptions::*member) {
    return [=](DeviceOptions& o, const std::string& text) { return o.*member = text, true; };
}

const std::map<std::string, Setter>& setters() {
    using O = DeviceOptions;
    static const std::map<std::string, Setter> table = {
        {"cores", number(&O::cores, 1, 3)},
        {"base", number(&O::base, 0, 1e12)},
        {"spi", number(&O::spi, 0, 255)},
        {"clock-mhz", number(&O::clock_mhz, 1, 5000)},
        {"log", text_of(&O::log)},
        {"stats", text_of(&O::stats)},
        {"truncate", number(&O::truncate, 0, 7)},
        {"truncate-register", number(&O::truncate_register, 0, 1)},
        {"v1", number(&O::v1_format, 0, 1)},
        {"hang-permille", number(&O::hang_permille, 0, 1000)},
        {"lose-irq-permille", number(&O::lose_irq_permille, 0, 1000)},
        {"dma-error-permille", number(&O::dma_error_permille, 0, 1000)},
        {"seed", number(&O::seed, 0, 4294967295.0)},
        {"slow", number(&O::slow, 0.001, 1e6)},
    };
    return table;
}

}  // namespace

Result<void> apply(DeviceOptions& options, const std::string& argument) {
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const std::string text = equals == std::string::npos ? "" : argument.substr(equals + 1);
    const auto setter = setters().find(name);
    if (setter != setters().end() && setter->second(options, text)) return {};
    std::string names;
    for (const auto& [known, unused] : setters()) names += (names.empty() ? "" : ", ") + known;
    return Error{EINVAL, "the NPU device does not understand '" + argument +
                             "'; it knows NAME=VALUE with the names " + names + "."};
}

}  // namespace rosenblatt::qemu
