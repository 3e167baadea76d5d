// SPDX-License-Identifier: GPL-2.0-or-later
// The entry QEMU calls for `-plugin`: reads the options, waits until the machine is built, adds the
// NPU cores to it, and writes what they did when QEMU ends.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "qemu/host.hpp"
#include "qemu/npu_device.hpp"
#include "qemu/options.hpp"

#define ROSENBLATT_EXPORT extern "C" __attribute__((visibility("default")))

namespace rosenblatt::qemu {
namespace {

struct Board {
    Notifier machine_built{};
    DeviceOptions options;
    std::FILE* log = nullptr;
    std::vector<std::unique_ptr<NpuDevice>> cores;
};

// QEMU is one program with one machine; the board lives as long as the process.
Board& board() {
    static Board* the_board = new Board;
    return *the_board;
}

[[noreturn]] void stop(const std::string& sentence) {
    std::fprintf(stderr, "rosenblatt-qemu-npu: %s\n", sentence.c_str());
    std::exit(1);
}

void add_cores(Notifier*, void*) {
    void* gic = host().object_resolve_path_type("", "arm-gicv3", nullptr);
    if (!gic) stop("the machine has no GICv3; start it with -M virt,gic-version=3.");
    Board& b = board();
    for (unsigned n = 0; n < b.options.cores; ++n) {
        b.cores.push_back(std::make_unique<NpuDevice>(n, b.options, b.log));
        b.cores.back()->attach(gic);
    }
}

nlohmann::json json_of(const CoreAccount& account) {
    return {{"tasks", account.tasks},     {"hung", account.hung},
            {"faulted", account.faulted}, {"irqs_lost", account.irqs_lost},
            {"resets", account.resets},   {"npu_ms_modelled", account.modelled_ns * 1e-6}};
}

void write_stats(uint64_t, void*) {
    const Board& b = board();
    if (b.options.stats.empty()) return;
    nlohmann::json cores = nlohmann::json::array();
    double total_ns = 0;
    for (const auto& core : b.cores) {
        cores.push_back(json_of(core->account()));
        total_ns += core->account().modelled_ns;
    }
    std::ofstream(b.options.stats)
        << nlohmann::json{{"cores", cores}, {"npu_ms_modelled", total_ns * 1e-6}} << '\n';
}

}  // namespace
}  // namespace rosenblatt::qemu

/// 7.2 knows plugin API 1 only, 10.0 refuses 1, 11.1 refuses less than 7. Functions that are new
/// since the one before tell which is here; what we use of the API is the same in all.
static int plugin_api() {
    if (::dlsym(RTLD_DEFAULT, "qemu_plugin_register_vcpu_syscall_filter_cb")) return 7;
    return ::dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new") ? 2 : 1;
}

/// Read by QEMU before it calls us.
ROSENBLATT_EXPORT int qemu_plugin_version;
int qemu_plugin_version = plugin_api();

ROSENBLATT_EXPORT int qemu_plugin_install(uint64_t id, const void* /*info*/, int argc, char** argv);
int qemu_plugin_install(uint64_t id, const void* /*info*/, int argc, char** argv) {
    using namespace rosenblatt::qemu;
    Board& b = board();
    for (int i = 0; i < argc; ++i)
        if (const auto applied = apply(b.options, argv[i]); !applied) stop(applied.error().message);
    if (const std::string missing = host().load(); !missing.empty()) stop(missing);
    if (!b.options.log.empty()) {
        b.log = std::fopen(b.options.log.c_str(), "w");
        if (!b.log) stop("cannot write log=" + b.options.log + "; check that its folder exists.");
    }
    b.machine_built.notify = add_cores;
    host().qemu_add_machine_init_done_notifier(&b.machine_built);
    host().qemu_plugin_register_atexit_cb(id, write_stats, nullptr);
    return 0;
}
