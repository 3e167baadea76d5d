// SPDX-License-Identifier: MIT
// Measures the loss of each tensor (or role) alone in int8, chooses, proves the choice as a whole,
// writes the policy.
#include "cli/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/options.hpp"
#include "cli/divergence.hpp"
#include "cli/gguf.hpp"
#include "cli/input.hpp"
#include "cli/json_text.hpp"
#include "cli/verb.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr uint32_t k_f32 = 0;  // ggml_type: stays on the CPU

/// The tensors that may reach the NPU, with their fingerprints.
struct Model {
    std::string name;
    std::map<std::string, uint64_t> fingerprints;
    std::vector<CalibrateGroup> groups;
};

/// "blk.3.ffn_down.weight" -> "ffn_down.weight".
std::string role_of(const std::string& tensor) {
    if (!tensor.starts_with("blk.")) return tensor;
    const size_t dot = tensor.find('.', 4);
    return dot == std::string::npos ? tensor : tensor.substr(dot + 1);
}

Result<uint64_t> fingerprint(std::ifstream& file, const Gguf& gguf, const GgufTensor& tensor) {
    const uint64_t begin = gguf.data_begin + tensor.offset;
    if (begin >= gguf.file_bytes)
        return Error{EINVAL, "the data of " + tensor.name + " lie beyond the end of the file"};
    // As much as there is of the tensor; the backend sees no more of it either.
    std::vector<std::byte> head(
        std::min<uint64_t>(quant::k_fingerprint_bytes, gguf.file_bytes - begin));
    uint64_t next = gguf.file_bytes - gguf.data_begin;
    for (const GgufTensor& other : gguf.tensors)
        if (other.offset > tensor.offset) next = std::min(next, other.offset);
    if (next > tensor.offset) head.resize(std::min<uint64_t>(head.size(), next - tensor.offset));
    file.seekg(static_cast<std::streamoff>(begin));
    file.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
    if (!file) return Error{EIO, "the data of " + tensor.name + " cannot be read"};
    return quant::tensor_fingerprint(tensor.type, tensor.dims, head);
}

Result<Model> read_model(const CalibrateOptions& options) {
    const auto gguf = read_gguf(options.gguf);
    if (!gguf) return gguf.error();
    std::ifstream file(options.gguf, std::ios::binary);
    Model model;
    model.name = fs::path(options.gguf).stem().string();
    std::vector<const GgufTensor*> tensors;
    for (const GgufTensor& tensor : gguf->tensors) {
        const bool matrix = tensor.dims.size() >= 2 && tensor.dims[0] > 1 && tensor.dims[1] > 1;
        if (matrix && tensor.type != k_f32) tensors.push_back(&tensor);
    }
    if (tensors.empty()) return Error{0, options.gguf + " has no matrix for the NPU"};
    const bool by_role = tensors.size() > static_cast<size_t>(options.groups);
    std::map<std::string, size_t> known;
    for (const GgufTensor* tensor : tensors) {
        auto print = fingerprint(file, *gguf, *tensor);
        if (!print) return print.error();
        model.fingerprints[tensor->name] = *print;
        const std::string name = by_role ? role_of(tensor->name) : tensor->name;
        const auto [at, is_new] = known.try_emplace(name, model.groups.size());
        if (is_new) model.groups.push_back({.name = name, .tensors = {}});
        CalibrateGroup& group = model.groups[at->second];
        group.tensors.push_back(tensor->name);
        group.macs += static_cast<double>(tensor->dims[0]) * static_cast<double>(tensor->dims[1]);
    }
    return model;
}

quant::Policy policy_of(const Model& model) {
    quant::Policy policy;
    for (const CalibrateGroup& group : model.groups)
        for (const std::string& tensor : group.tensors)
            policy.set(tensor, model.fingerprints.at(tensor),
                       group.int8 ? Pipeline::W8A8H : Pipeline::F16);
    return policy;
}

/// Measures assignments of pipelines to groups.
class Meter {
  public:
    Meter(Divergence& divergence, const Model& model, std::ostream& err)
        : divergence_(divergence), model_(model), err_(err) {}

    Result<double> measure(const std::string& what) {
        const fs::path file = divergence_.folder() / "policy";
        auto written = write_output(file.string(), policy_of(model_).text("on trial"));
        if (!written) return written.error();
        auto loss = divergence_.measure({{"GGML_ROCKET_POLICY", file.string()}});
        if (loss) err_ << fmt::format("{:<40} {:.7f}\n", what, *loss);
        return loss;
    }

  private:
    Divergence& divergence_;
    const Model& model_;
    std::ostream& err_;
};

struct Losses {
    double int8 = 0;    ///< everything in int8
    double fp16 = 0;    ///< everything in fp16
    double chosen = 0;  ///< as the policy says
};

void set_all(Model& model, bool int8) {
    for (CalibrateGroup& group : model.groups) group.int8 = int8;
}

Result<void> choose(Model& model, Meter& meter, Losses& losses, double budget) {
    for (CalibrateGroup& group : model.groups) {
        set_all(model, false);
        group.int8 = true;
        const auto loss = meter.measure("int8: " + group.name);
        if (!loss) return loss.error();
        group.loss = *loss - losses.fp16;
    }
    choose_int8(model.groups, budget - losses.fp16);
    for (;;) {
        const auto loss = meter.measure("int8: as chosen");
        if (!loss) return loss.error();
        losses.chosen = *loss;
        if (*loss <= budget || !take_back_worst(model.groups)) return {};
    }
}

Result<Losses> calibrate(Model& model, Meter& meter, double budget) {
    Losses losses;
    set_all(model, true);
    const auto all_int8 = meter.measure("int8: everything");
    if (!all_int8) return all_int8.error();
    losses.int8 = losses.chosen = *all_int8;
    if (losses.int8 <= budget) return losses;
    set_all(model, false);
    const auto all_fp16 = meter.measure("fp16: everything");
    if (!all_fp16) return all_fp16.error();
    losses.fp16 = losses.chosen = *all_fp16;
    if (losses.fp16 > budget)
        return Error{0, fmt::format("the budget of {:g} cannot be met: everything in fp16 loses "
                                    "{:.7f} (in int8 {:.7f})",
                                    budget, losses.fp16, losses.int8)};
    if (auto chosen = choose(model, meter, losses, budget); !chosen) return chosen.error();
    return losses;
}

double int8_share(const Model& model) {
    double int8 = 0, all = 0;
    for (const CalibrateGroup& group : model.groups) {
        all += group.macs;
        if (group.int8) int8 += group.macs;
    }
    return int8 / all;
}

Json json_of(const CalibrateOptions& options, const Model& model, const Losses& losses, int runs,
             const std::string& output) {
    Json json{{"model", model.name},       {"text", options.text},
              {"budget", options.budget},  {"kld", losses.chosen},
              {"kld_w8a8h", losses.int8},  {"kld_f16", losses.fp16 > 0 ? Json(losses.fp16) : Json()},
              {"share_w8a8h", int8_share(model)}, {"runs", runs}, {"policy", output}};
    json["tensors"] = Json::array();
    for (const CalibrateGroup& group : model.groups)
        for (const std::string& tensor : group.tensors)
            json["tensors"].push_back(
                {{"name", tensor}, {"pipeline", group.int8 ? "w8a8h" : "f16"}});
    return json;
}

/// Named after the model and its first tensor, so that models of one name do not collide.
Result<std::string> default_output(const Model& model) {
    const std::string cache = read_options().options.cache_dir;
    if (cache.empty())
        return Error{0, "GGML_ROCKET_CACHE is off; name the policy file with -o"};
    std::error_code error;
    fs::create_directories(fs::path(cache) / "policy", error);
    if (error) return Error{error.value(), cache + "/policy: " + error.message()};
    return fmt::format("{}/policy/{}-{:016x}.policy", cache, model.name,
                       model.fingerprints.begin()->second);
}

int failed(std::ostream& err, const std::string& why) {
    err << "rosenblatt calibrate: " << why << '\n';
    return k_exit_finding;
}

std::string usage_mistake(const CalibrateOptions& o) {
    if (!(o.budget > 0)) return "--budget must be more than 0";
    if (o.chunks < 1) return "--chunks must be 1 or more";
    if (o.context < 32) return "--context must be 32 or more";
    if (o.groups < 1) return "--groups must be 1 or more";
    return {};
}

}  // namespace

int run_calibrate(const CalibrateOptions& options, std::ostream& out, std::ostream& err) {
    if (const std::string mistake = usage_mistake(options); !mistake.empty()) {
        err << "rosenblatt calibrate: " << mistake << '\n';
        return k_exit_usage;
    }
    auto model = read_model(options);
    if (!model) return failed(err, model.error().message);
    if (!std::ifstream(options.text)) return failed(err, "cannot read " + options.text);
    const auto output =
        options.output.empty() ? default_output(*model) : Result<std::string>(options.output);
    if (!output) return failed(err, output.error().message);
    if (const auto place = output_place(*output); !place) return failed(err, place.error().message);
    auto divergence = Divergence::open({options.gguf, options.text, options.chunks,
                                        options.context, options.backend, options.llama});
    if (!divergence) return failed(err, divergence.error().message);
    Meter meter(*divergence, *model, err);
    const auto losses = calibrate(*model, meter, options.budget);
    if (!losses) return failed(err, losses.error().message);

    const std::string comment =
        fmt::format("rosenblatt calibrate: {}\ntext {}, {} chunks of {}, mean KLD {:.7f}, budget {:g}",
                    model->name, options.text, options.chunks, options.context, losses->chosen,
                    options.budget);
    if (auto written = write_output(*output, policy_of(*model).text(comment)); !written)
        return failed(err, written.error().message);
    const Json json = json_of(options, *model, *losses, divergence->runs(), *output);
    if (options.json)
        out << json_text(json, 2) << '\n';
    else
        out << fmt::format("{}: mean KLD {:.7f} with {:.1f} % of the work in int8, the rest in fp16\n"
                           "policy: {}\n",
                           model->name, losses->chosen, 100 * int8_share(*model), *output);
    return k_exit_fine;
}

}  // namespace rosenblatt::cli
