// SPDX-License-Identifier: MIT
// The program `rosenblatt`: turns the command line into one verb's options and runs it.
//
// Sole includer of CLI11, which costs eight seconds per file. To add a verb: write its file
// (verb.hpp), then an add_x() here and its line in main().
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include "cli/asm.hpp"
#include "cli/audit.hpp"
#include "cli/baseline.hpp"
#include "cli/bench_emulator.hpp"
#include "cli/bench_prefill.hpp"
#include "cli/calibrate.hpp"
#include "cli/coverage.hpp"
#include "cli/disasm.hpp"
#include "cli/lint.hpp"
#include "cli/make_model.hpp"
#include "cli/overlay.hpp"
#include "cli/plan.hpp"
#include "cli/profile.hpp"
#include "cli/replay.hpp"
#include "cli/report.hpp"
#include "cli/run.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

/// What the chosen verb left to do once the whole command line is understood.
using Action = std::function<int()>;

/// A verb with its options, made before and filled in by CLI11, and run with run_x.
template <typename Options>
CLI::App* add_verb(CLI::App& app, Action& action, const char* name, const char* brief,
                   const char* example, std::shared_ptr<Options> options,
                   int (*run)(const Options&, std::ostream&, std::ostream&)) {
    CLI::App* verb = app.add_subcommand(name, brief);
    verb->footer(std::string("Example:\n  ") + example);
    verb->callback([options, run, &action] {
        action = [options, run] { return run(*options, std::cout, std::cerr); };
    });
    return verb;
}

void add_disasm(CLI::App& app, Action& action) {
    auto options = std::make_shared<DisasmOptions>();
    CLI::App* verb = add_verb(app, action, "disasm", "Show a register-command stream as text",
                              "rosenblatt disasm stream.bin", options, run_disasm);
    verb->add_option("file", options->file, "64-bit words (binary, hexadecimal lines); - is stdin");
    verb->add_flag("--hex", options->hex, "show each word in hexadecimal after its line");
}

void add_asm(CLI::App& app, Action& action) {
    auto options = std::make_shared<AsmOptions>();
    CLI::App* verb = add_verb(app, action, "asm", "Turn the text of disasm back into words",
                              "rosenblatt asm stream.txt -o stream.bin", options, run_asm);
    verb->add_option("file", options->file, "text as disasm writes it; - is stdin");
    verb->add_option("-o,--output", options->output,
                     "file for little-endian words; without it hexadecimal on stdout");
}

void add_audit(CLI::App& app, Action& action) {
    auto options = std::make_shared<AuditOptions>();
    options->colour = isatty(STDOUT_FILENO) == 1;
    CLI::App* verb = add_verb(app, action, "audit",
                              "Say whether this host's NPU can be used, and what to change",
                              "rosenblatt audit --json", options, run_audit);
    verb->add_option("--root", options->root, "read the host whose files lie below this directory");
    verb->add_flag("--json", options->json, "print verdict, host and findings as JSON");
    verb->add_option("--fleet", options->fleet, "compare with this manifest (fleet/schema.json)");
    verb->add_option("--write-fleet", options->write_fleet, "write or refresh this manifest");
    verb->add_option("--backend", options->backend, "try to load this libggml-rocket.so")
        ->envname("GGML_BACKEND_PATH");
}

/// Options of every verb that starts a llama.cpp program.
void add_llama_options(CLI::App& verb, std::string& backend, std::string& llama);

void add_calibrate(CLI::App& app, Action& action) {
    auto options = std::make_shared<CalibrateOptions>();
    CLI::App* verb = add_verb(
        app, action, "calibrate", "Find which tensors need fp16 to keep a model's loss in a budget",
        "rosenblatt calibrate --gguf model.gguf --text text.txt --budget 0.0001", options,
        run_calibrate);
    verb->add_option("--gguf", options->gguf, "the model")->required();
    verb->add_option("--text", options->text, "what to measure on; some thousand words")
        ->required();
    verb->add_option("--budget", options->budget,
                     "mean KL divergence allowed against the CPU, default 0.0001");
    verb->add_option("--chunks", options->chunks, "pieces of the text, default 8");
    verb->add_option("--context", options->context, "tokens of a piece, default 256");
    verb->add_option("--groups", options->groups,
                     "measure by role where the model has more tensors than this, default 32");
    verb->add_option("-o,--output", options->output, "policy file; default: where the backend looks");
    verb->add_flag("--json", options->json, "print the result as JSON");
    add_llama_options(*verb, options->backend, options->llama);
}

void add_coverage(CLI::App& app, Action& action) {
    auto options = std::make_shared<CoverageOptions>();
    CLI::App* verb = add_verb(app, action, "coverage",
                              "Show which of a model's ops run on the NPU, and why others do not",
                              "rosenblatt coverage --gguf model.gguf", options, run_coverage);
    verb->add_option("--gguf", options->gguf, "a model file");
    verb->add_option("--model", options->model,
                     "a known model: qwen2.5-1.5b, olmoe-1b-7b, bge-small-en-v1.5; default all");
    verb->add_option("--prefill", options->prefill, "tokens of the prefill, default 512");
    verb->add_option("--clock-mhz", options->clock_mhz, "NPU clock, default 600");
    verb->add_flag("--json", options->json, "print everything as JSON");
}

void add_lint(CLI::App& app, Action& action) {
    auto options = std::make_shared<LintOptions>();
    CLI::App* verb =
        add_verb(app, action, "lint", "Find what is wrong with a stream without running it",
                 "rosenblatt lint stream.bin --bo 0x1000000:4096", options, run_lint);
    verb->add_option("file", options->file,
                     "words or text, any number of tasks, or a replay folder; - is stdin");
    verb->add_option("--bo", options->bos,
                     "a buffer ADDRESS:SIZE; given any, all accesses must be inside one")
        ->allow_extra_args(false);
    verb->add_flag("--json", options->json, "print findings as JSON");
    verb->add_flag("--rules", options->rules, "list the rules and stop");
}

void add_make_model(CLI::App& app, Action& action) {
    auto options = std::make_shared<MakeModelOptions>();
    CLI::App* verb =
        add_verb(app, action, "make-model", "Write a model of random weights, for measuring",
                 "rosenblatt make-model --shape small "
                 "--vocab models/ggml-vocab-qwen2.gguf -o small-f16.gguf",
                 options, run_make_model);
    verb->add_option("--shape", options->shape, "qwen2.5-1.5b, small, tiny, moe or embed")
        ->required();
    verb->add_option("--vocab", options->vocabulary,
                     "GGUF with the vocabulary: models/ggml-vocab-*.gguf of llama.cpp's source")
        ->required();
    verb->add_option("-o,--output", options->output, "F16 model to write")->required();
    verb->add_option("--seed", options->seed, "of the random numbers, default 1");
    verb->add_option("--layers", options->layers, "default: as the shape has");
    verb->add_option("-t,--threads", options->threads, "default all");
}

void add_overlay(CLI::App& app, Action& action) {
    auto options = std::make_shared<OverlayOptions>();
    CLI::App* verb = add_verb(
        app, action, "overlay", "Make the device tree overlay that switches this board's NPU on",
        "rosenblatt overlay --dtb /sys/firmware/fdt -o npu.dtbo", options, run_overlay);
    verb->add_option("--dtb", options->dtb, "device tree blob of the board")->required();
    verb->add_option("-o,--output", options->output, "overlay blob to write")->required();
    verb->add_option("--regulator", options->regulator,
                     "node of the NPU's rail, for boards where its name does not tell");
}

void add_plan(CLI::App& app, Action& action) {
    auto options = std::make_shared<PlanOptions>();
    CLI::App* verb = add_verb(app, action, "plan", "Show how a matmul or a model's prefill is cut",
                              "rosenblatt plan --m 512 --k 1536 --n 8960\n  "
                              "rosenblatt plan --gguf model.gguf --clock-mhz 200",
                              options, run_plan);
    verb->add_option("--m", options->m, "rows of activations");
    verb->add_option("--k", options->k, "reduction");
    verb->add_option("--n", options->n, "output features");
    verb->add_option("--model", options->model, "all matmuls of a known model: qwen2.5-1.5b");
    verb->add_option("--gguf", options->gguf, "all matmuls of this model file");
    verb->add_option("--prefill", options->prefill, "tokens of a model's prefill, default 512");
    verb->add_option("--type", options->type, "int8 (default) or f16");
    verb->add_option("--lanes", options->lanes, "cores used at once, default 3");
    verb->add_option("--clock-mhz", options->clock_mhz, "NPU clock, default 600");
    verb->add_option("--board", options->board, "lpddr5 (default) or lpddr4x");
    verb->add_option("--layout", options->layout, "of A and C: native (default) or rowmajor");
    verb->add_flag("--raw", options->raw, "a bare matmul on one core, NPU time only");
    verb->add_flag("--json", options->json, "print the plan as JSON");
}

void add_llama_options(CLI::App& verb, std::string& backend, std::string& llama) {
    verb.add_option("--backend", backend, "libggml-rocket.so; default: our own")
        ->envname("GGML_BACKEND_PATH");
    verb.add_option("--llama", llama, "folder scripts/get_llama.sh printed")
        ->envname("ROSENBLATT_LLAMA_DIR");
}

void add_baseline(CLI::App& app, Action& action) {
    auto options = std::make_shared<BaselineOptions>();
    CLI::App* verb =
        add_verb(app, action, "baseline", "Measure a model with llama-bench and keep the record",
                 "rosenblatt baseline --gguf model.gguf --host boltzmann", options, run_baseline);
    verb->add_option("--gguf", options->gguf, "the model")->required();
    verb->add_option("--host", options->host, "name of this host in records and fleet")->required();
    verb->add_option("-r", options->repetitions, "repetitions, default 3");
    verb->add_option("-p", options->prompt, "tokens of the prefill, default 512");
    verb->add_option("-n", options->generate, "tokens to generate, default 128");
    verb->add_flag("--cpu", options->cpu, "without the backend");
    verb->add_flag("--json", options->json, "print the record as JSON");
    verb->add_option("--records", options->records, "folder with benchmarks and fleet, default .");
    verb->add_option("--root", options->root, "look up CPUs below this directory");
    add_llama_options(*verb, options->backend, options->llama);
}

void add_bench_emulator(CLI::App& bench, Action& action) {
    auto options = std::make_shared<BenchEmulatorOptions>();
    CLI::App* verb = add_verb(bench, action, "emulator",
                              "How fast the emulated NPU multiplies, beside ggml's CPU backend",
                              "rosenblatt bench emulator --json", options, run_bench_emulator);
    verb->add_option("-t,--threads", options->threads, "threads of both, default all CPUs");
    verb->add_option("-r,--rounds", options->rounds, "of each shape, default 5; the best counts");
    verb->add_option("--only", options->only, "only lines whose name holds this");
    verb->add_flag("--json", options->json, "print one JSON object per line");
    verb->add_option("--llama", options->llama, "folder scripts/get_llama.sh printed")
        ->envname("ROSENBLATT_LLAMA_DIR");
}

void add_bench_prefill(CLI::App& bench, Action& action) {
    auto options = std::make_shared<BenchPrefillOptions>();
    CLI::App* verb = add_verb(bench, action, "prefill",
                              "A prompt through llama.cpp and the NPU, counted and timed by stage",
                              "rosenblatt bench prefill --gguf model.gguf --depths 0,4096", options,
                              run_bench_prefill);
    verb->add_option("--gguf", options->gguf, "the model")->required();
    verb->add_option("-p", options->prompt, "tokens of the prompt, default 512");
    verb->add_option("--depths", options->depths,
                     "tokens already in the context, default 0,4096,16384")
        ->delimiter(',');
    verb->add_option("-t,--threads", options->threads, "CPU threads, default all");
    verb->add_flag("--json", options->json, "print one JSON object per line");
    add_llama_options(*verb, options->backend, options->llama);
}

/// One line here per thing that can be measured.
void add_bench(CLI::App& app, Action& action) {
    CLI::App* bench =
        app.add_subcommand("bench", "Measure beside a baseline taken in the same run");
    bench->require_subcommand(1);
    bench->footer("Example:\n  rosenblatt bench emulator --json");
    add_bench_emulator(*bench, action);
    add_bench_prefill(*bench, action);
}

void add_profile(CLI::App& app, Action& action) {
    auto options = std::make_shared<ProfileOptions>();
    CLI::App* verb =
        add_verb(app, action, "profile", "Show which ops a model's time goes to",
                 "rosenblatt profile --gguf model.gguf --svg ops.svg", options, run_profile);
    verb->add_option("--gguf", options->gguf, "the model")->required();
    verb->add_option("-p", options->prompt, "tokens of the prefill, default 512");
    verb->add_option("-n", options->generate, "tokens to decode, default 64");
    verb->add_option("-t,--threads", options->threads, "CPU threads, default all");
    verb->add_flag("--cpu", options->cpu, "without the backend");
    verb->add_flag("--json", options->json, "print one JSON object per phase and line");
    verb->add_option("--svg", options->svg, "write a bar chart to this file");
    add_llama_options(*verb, options->backend, options->llama);
}

void add_report(CLI::App& app, Action& action) {
    auto options = std::make_shared<ReportOptions>();
    CLI::App* verb =
        add_verb(app, action, "report", "Make one page of all records and a model's plan",
                 "rosenblatt report -o report.html", options, run_report);
    verb->add_option("-o,--output", options->output, "page to write")->required();
    verb->add_option("--records", options->records, "folder with benchmarks and fleet, default .");
    verb->add_option("--model", options->model, "model of roofline and timeline: qwen2.5-1.5b");
    verb->add_option("--gguf", options->gguf, "this model file instead");
    verb->add_option("--prefill", options->prefill, "its prefill's tokens, default 512");
    verb->add_option("--clock-mhz", options->clock_mhz, "NPU clock, default 600");
}

void add_run(CLI::App& app, Action& action) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* verb = add_verb(app, action, "run", "Start a llama.cpp program with the backend set",
                              "rosenblatt run -- llama-cli -m model.gguf", options, run_run);
    verb->add_option("program", options->command, "the program and its arguments, after --");
    add_llama_options(*verb, options->backend, options->llama);
}

void add_replay(CLI::App& app, Action& action) {
    auto options = std::make_shared<ReplayOptions>();
    CLI::App* verb = add_verb(
        app, action, "replay", "Run recorded jobs on the emulator and compare their output",
        "rosenblatt replay captured/job-000001 --strict", options, run_replay);
    verb->add_option("folder", options->folder, "manifest.json and one file per BO")->required();
    verb->add_option("--expect", options->expectation.expect,
                     "expected output; default: expect-*.bin or output_cpu0.bin of the folder");
    verb->add_option("--layout", options->expectation.layout,
                     "of the expectation: raw, or nhwc-u8 (code = byte + 128)");
    verb->add_option("--shape", options->expectation.shape,
                     "H,W,C of an nhwc-u8 expectation; default: from params.txt");
    verb->add_option("--tolerance", options->expectation.tolerance,
                     "difference allowed in a byte; default: 0 for raw, 1 for nhwc-u8");
    verb->add_flag("--strict", options->strict,
                   "fault where nobody knows what silicon does instead of choosing");
    verb->add_flag("--trace", options->trace, "show each task's registers, block by block");
    verb->add_option("--switch", options->switches,
                     "an open question's answer, NAME=VALUE; a wrong name lists them all")
        ->allow_extra_args(false);
    verb->add_flag("--json", options->json, "print the comparison as JSON");
}

/// A full disk under "> file" must not look like success. Gives the exit code.
int written(int code) {
    std::cout.flush();
    if (std::cout) return code;
    std::cerr << "rosenblatt: standard output could not be written; is the disk full?\n";
    return code == k_exit_fine ? k_exit_finding : code;
}

/// CLI11 only says that a verb is missing; say which word is none. Gives the exit code.
int explain(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
    const std::string first = argc > 1 ? argv[1] : "-";
    const auto named = [&first](const CLI::App* verb) { return verb->get_name() == first; };
    if (!first.starts_with('-') && app.get_subcommands(named).empty()) {
        std::cerr << "rosenblatt: no verb '" << first << "'; try rosenblatt --help\n";
        return k_exit_usage;
    }
    return written(app.exit(error, std::cout, std::cerr) == 0 ? k_exit_fine : k_exit_usage);
}

int main(int argc, char** argv) {
    CLI::App app{"Large language models on the RK3588 NPU, on the mainline kernel"};
    app.name("rosenblatt");
    app.set_version_flag("--version", "rosenblatt " ROSENBLATT_VERSION);
    app.require_subcommand(1);
    Action action;
    add_asm(app, action);
    add_audit(app, action);
    add_baseline(app, action);
    add_bench(app, action);
    add_calibrate(app, action);
    add_coverage(app, action);
    add_disasm(app, action);
    add_lint(app, action);
    add_make_model(app, action);
    add_overlay(app, action);
    add_plan(app, action);
    add_profile(app, action);
    add_replay(app, action);
    add_report(app, action);
    add_run(app, action);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return explain(app, error, argc, argv);
    }
    return written(action());
}

}  // namespace
}  // namespace rosenblatt::cli

int main(int argc, char** argv) {
    return rosenblatt::cli::main(argc, argv);
}
