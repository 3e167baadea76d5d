// SPDX-License-Identifier: MIT
// Reads what the running kernel is, was built with, has installed and has loaded.
#include <zlib.h>

#include <charconv>

#include "cli/host/probes.hpp"

namespace rosenblatt::cli::host {
namespace {

constexpr size_t k_most_config_bytes = size_t{16} << 20;  // a whole distribution's has 300 KiB

/// Unpacks gzip; text that is not compressed comes back as it is. A host's copy may be anybody's:
/// what swells without end is no configuration.
std::optional<std::string> gunzip(const std::string& packed) {
    if (!packed.starts_with("\x1f\x8b")) return packed;
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return std::nullopt;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string text;
    int state = Z_OK;
    while (state == Z_OK && text.size() < k_most_config_bytes) {
        char block[65536];
        stream.next_out = reinterpret_cast<Bytef*>(block);
        stream.avail_out = sizeof block;
        state = inflate(&stream, Z_NO_FLUSH);
        text.append(block, sizeof block - stream.avail_out);
    }
    inflateEnd(&stream);
    if (state != Z_STREAM_END) return std::nullopt;
    return text;
}

struct TextFile {
    std::string path;
    std::string text;
};

std::optional<TextFile> read_config(const HostRoot& root, const std::string& release) {
    std::vector<std::string> places;
    if (!release.empty()) {
        places = {"boot/config-" + release, "lib/modules/" + release + "/config",
                  "usr/lib/modules/" + release + "/config"};
    }
    places.push_back("proc/config.gz");
    for (const std::string& place : places) {
        const auto bytes = root.read(place);
        if (!bytes || bytes->empty()) continue;
        if (auto text = gunzip(*bytes)) return TextFile{place, std::move(*text)};
    }
    return std::nullopt;
}

/// "# CONFIG_X is not set" and no line at all both mean "n".
ConfigSymbol find_symbol(const std::optional<TextFile>& config, const std::string& symbol) {
    if (!config) return {};
    const std::string set = symbol + "=";
    const std::string unset = "# " + symbol + " is not set";
    size_t number = 0;
    for (const std::string_view line : lines_of(config->text)) {
        ++number;
        const bool is_set = line.starts_with(set);
        if (!is_set && !line.starts_with(unset)) continue;
        return {is_set ? std::string(line.substr(set.size())) : "n",
                {config->path, number, std::string(line)}};
    }
    return {"n", {config->path, 0, "no line " + symbol}};
}

/// "…/rocket.ko" with or without compression.
bool is_rocket_module(std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    for (const std::string_view known :
         {"rocket.ko", "rocket.ko.xz", "rocket.ko.zst", "rocket.ko.gz"}) {
        if (name == known) return true;
    }
    return false;
}

/// The first line of a module list whose path, up to ':' or the end, is the driver's.
std::optional<Evidence> find_listed(const HostRoot& root, const std::string& path) {
    const auto text = root.read(path);
    if (!text) return std::nullopt;
    size_t number = 0;
    for (const std::string_view line : lines_of(*text)) {
        ++number;
        if (is_rocket_module(line.substr(0, line.find(':')))) {
            return Evidence{path, number, std::string(line)};
        }
    }
    return std::nullopt;
}

/// depmod's own note of which module serves the NPU's compatible string.
std::optional<Evidence> find_alias(const HostRoot& root, const std::string& path) {
    const auto text = root.read(path);
    if (!text) return std::nullopt;
    size_t number = 0;
    for (const std::string_view line : lines_of(*text)) {
        ++number;
        if (line.starts_with("alias of:") && line.ends_with(" rocket")) {
            return Evidence{path, number, std::string(line)};
        }
    }
    return std::nullopt;
}

/// The driver's file itself, wherever below a kernel's module folder: kernel/, updates/dkms, extra.
std::optional<Evidence> find_module_file(const HostRoot& root, const std::string& folder) {
    for (const char* name : {"rocket.ko", "rocket.ko.xz", "rocket.ko.zst", "rocket.ko.gz"}) {
        const auto files = root.find(folder, name);
        if (!files.empty()) return Evidence{files.front(), 0, "installed"};
    }
    return std::nullopt;
}

/// Debian's packages bring modules.order and modules.builtin; depmod makes the other two.
void read_modules_on_disk(const HostRoot& root, KernelFacts& kernel) {
    if (kernel.release.empty()) return;
    for (const char* prefix : {"lib/modules/", "usr/lib/modules/"}) {
        const std::string folder = prefix + kernel.release;
        if (!kernel.module_builtin)
            kernel.module_builtin = find_listed(root, folder + "/modules.builtin");
        for (const char* list : {"/modules.dep", "/modules.order"}) {
            if (root.exists(folder + list)) kernel.module_lists_readable = true;
            if (!kernel.module_file) kernel.module_file = find_listed(root, folder + list);
        }
        if (!kernel.module_file) kernel.module_file = find_alias(root, folder + "/modules.alias");
        if (!kernel.module_file) kernel.module_file = find_module_file(root, folder);
    }
}

std::optional<Evidence> find_loaded(const std::optional<std::string>& modules,
                                    std::string_view name) {
    if (!modules) return std::nullopt;
    size_t number = 0;
    for (const std::string_view line : lines_of(*modules)) {
        ++number;
        if (line.substr(0, line.find(' ')) == name) {
            return Evidence{"proc/modules", number, std::string(line)};
        }
    }
    return std::nullopt;
}

/// First of these paths that is there.
std::optional<Evidence> first_existing(const HostRoot& root,
                                       std::initializer_list<const char*> paths) {
    for (const char* path : paths) {
        if (root.exists(path)) return Evidence{path, 0, "exists"};
    }
    return std::nullopt;
}

/// The vendor's driver may drive a render node instead of having one of its own.
std::optional<Evidence> vendor_render_node(const HostRoot& root) {
    for (const std::string& card : root.list("sys/class/drm")) {
        const std::string device = "sys/class/drm/" + card + "/device";
        const std::string driver = root.link_name(device + "/driver").value_or("");
        const std::string uevent = root.read(device + "/uevent").value_or("");
        for (const char* name : {"RKNPU", "rknpu"}) {
            if (driver != name && uevent.find(std::string("DRIVER=") + name) == std::string::npos)
                continue;
            return Evidence{device, 0, std::string("driver ") + name};
        }
    }
    return std::nullopt;
}

std::optional<Evidence> find_vendor_driver(const HostRoot& root,
                                           const std::optional<std::string>& modules) {
    if (auto loaded = find_loaded(modules, "rknpu")) return loaded;
    if (auto trace = first_existing(
            root, {"dev/rknpu", "sys/module/rknpu", "sys/kernel/debug/rknpu",
                   "sys/bus/platform/drivers/RKNPU", "sys/bus/platform/drivers/rknpu"})) {
        return trace;
    }
    if (auto node = vendor_render_node(root)) return node;
    for (const std::string& minor : root.list("sys/kernel/debug/dri")) {
        const std::string path = "sys/kernel/debug/dri/" + minor + "/name";
        const std::string text = root.read_word(path).value_or("");
        if (text.substr(0, text.find(' ')) == "rknpu") return Evidence{path, 0, text};
    }
    return std::nullopt;
}

/// "Linux version RELEASE (...", where sysctl is not there.
std::string read_release(const HostRoot& root) {
    const std::string release = root.read_word("proc/sys/kernel/osrelease").value_or("");
    if (!release.empty()) return release;
    constexpr std::string_view k_banner = "Linux version ";
    std::string version = root.read("proc/version").value_or("");
    if (!version.starts_with(k_banner)) return "";
    version.erase(0, k_banner.size());
    return version.substr(0, version.find_first_of(" \n"));
}

}  // namespace

KernelFacts probe_kernel(const HostRoot& root) {
    KernelFacts kernel;
    kernel.release = read_release(root);
    kernel.version = parse_kernel_version(kernel.release);
    const auto config = read_config(root, kernel.release);
    kernel.drm_accel = find_symbol(config, "CONFIG_DRM_ACCEL");
    kernel.rocket_config = find_symbol(config, "CONFIG_DRM_ACCEL_ROCKET");
    read_modules_on_disk(root, kernel);

    const auto modules = root.read("proc/modules");
    if (modules)
        kernel.in_module_list = find_loaded(modules, "rocket").has_value();
    else if (!root.list("sys/module").empty())
        kernel.in_module_list = root.exists("sys/module/rocket");
    kernel.driver_registered = first_existing(
        root,
        {"sys/module/rocket", "sys/bus/platform/drivers/rocket", "sys/devices/platform/rknn"});
    kernel.vendor_driver = find_vendor_driver(root, modules);
    const std::string clock =
        root.read_word("sys/module/rocket/parameters/rocket_npu_clk_hz").value_or("");
    uint64_t hz = 0;
    if (std::from_chars(clock.data(), clock.data() + clock.size(), hz).ec == std::errc{}) {
        kernel.rocket_clock_hz = hz;
    }
    return kernel;
}

}  // namespace rosenblatt::cli::host
