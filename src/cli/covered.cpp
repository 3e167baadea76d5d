// SPDX-License-Identifier: MIT
// Follows the rules of src/ggml (mul_mat.cpp: unsuitable; cost.cpp) from a model's tensor list; the
// reasons carry the names of src/ggml/refusal.hpp.
#include "cli/covered.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>

#include "base/bits.hpp"
#include "cli/tensor_type.hpp"
#include "matmul/dispatch.hpp"

namespace rosenblatt::cli {
namespace {

constexpr double k_never = std::numeric_limits<double>::infinity();

/// "blk.12.ffn_up.weight" in its parts; layer -1 outside of layers.
struct Name {
    int layer = -1;
    std::string role;
    bool bias = false;
};

Name split(const std::string& text) {
    Name name;
    std::string_view rest = text;
    if (rest.starts_with("blk.")) {
        const char* end = rest.data() + rest.size();
        const auto [dot, error] = std::from_chars(rest.data() + 4, end, name.layer);
        if (error == std::errc{} && dot != end && *dot == '.')
            rest = std::string_view(dot + 1, static_cast<size_t>(end - dot - 1));
        else
            name.layer = -1;
    }
    name.bias = rest.ends_with(".bias");
    for (const std::string_view suffix : {".weight", ".bias"})
        if (rest.ends_with(suffix)) rest.remove_suffix(suffix.size());
    name.role = rest;
    return name;
}

class Graph {
  public:
    Graph(const Gguf& gguf, const PlanSettings& settings) : gguf_(gguf), settings_(settings) {
        for (const GgufTensor& tensor : gguf.tensors) {
            const Name name = split(tensor.name);
            last_layer_ = std::max(last_layer_, name.layer);
            separate_head_ |= name.role == "output" && !name.bias;
            gated_ |= name.role.starts_with("ffn_gate");
        }
    }

    bool embeds() const {
        return gguf_.numbers.contains(architecture() + ".pooling_type") ||
               architecture().find("bert") != std::string::npos;
    }

    Phase phase(const std::string& name, uint32_t tokens) {
        phase_ = {name, tokens, {}};
        for (const GgufTensor& tensor : gguf_.tensors) add_tensor(tensor);
        add_layer_ops();
        return std::move(phase_);
    }

  private:
    std::string architecture() const {
        const auto found = gguf_.texts.find("general.architecture");
        return found == gguf_.texts.end() ? std::string() : found->second;
    }
    uint64_t number(const std::string& key) const {
        const auto found = gguf_.numbers.find(architecture() + "." + key);
        return found == gguf_.numbers.end() ? 0 : found->second;
    }

    void add(CoveredOp op) {
        for (CoveredOp& known : phase_.ops) {
            if (known.op != op.op || known.tensor != op.tensor || known.type != op.type ||
                known.m != op.m || known.k != op.k || known.n != op.n)
                continue;
            known.count += op.count;
            known.npu_ns += op.npu_ns;
            known.cpu_ns += op.cpu_ns;
            return;
        }
        // Beside the other shapes and types of the same weight.
        const auto sibling = std::find_if(phase_.ops.rbegin(), phase_.ops.rend(), [&](const auto& known) {
            return known.op == op.op && known.tensor == op.tensor;
        });
        phase_.ops.insert(sibling == phase_.ops.rend() ? phase_.ops.end() : sibling.base(), std::move(op));
    }

    void add_other(const std::string& op, const std::string& tensor, uint64_t count = 1) {
        if (count > 0)
            add({.op = op, .tensor = tensor, .type = "", .m = phase_.tokens, .count = count,
                 .reason = "not_a_matmul"});
    }

    void add_tensor(const GgufTensor& tensor) {
        const Name name = split(tensor.name);
        const bool lookup = name.role.ends_with("_embd") || name.role == "token_types";
        if (tensor.dims.size() < 2 && name.bias && !name.role.ends_with("_norm"))
            add_other("ADD", name.role + ".bias");
        else if (tensor.dims.size() < 2 && name.role.ends_with("_norm") && !name.bias)
            add_other(architecture().find("bert") == std::string::npos ? "RMS_NORM" : "NORM",
                      name.role);
        if (tensor.dims.size() < 2) return;
        if (lookup) add_other("GET_ROWS", name.role);
        if (name.role == "token_embd" && !separate_head_ && !embeds())
            add_matmul(tensor, "token_embd (as output)", 1);
        if (lookup) return;
        // llama.cpp computes only the rows whose logits are asked for: the last token's.
        const bool one_row = name.role == "output" ||
                             (name.layer == last_layer_ && name.role.starts_with("ffn_"));
        add_matmul(tensor, name.role, one_row && !embeds() ? 1 : phase_.tokens);
    }

    void add_matmul(const GgufTensor& tensor, const std::string& role, uint64_t rows) {
        const TensorType type = tensor_type(tensor.type);
        const uint64_t experts = tensor.dims.size() > 2 ? tensor.dims[2] : 1;
        const uint64_t used = std::max<uint64_t>(1, number("expert_used_count"));
        CoveredOp op{.op = experts > 1 ? "MUL_MAT_ID" : "MUL_MAT", .tensor = role,
                     .type = type.name, .m = rows, .k = tensor.dims[0], .n = tensor.dims[1],
                     .count = 1, .reason = ""};
        if (experts > 1) {  // as many experts as rows meet, the rows dealt evenly
            op.count = std::min(experts, rows * used);
            op.m = div_round_up(rows * used, op.count);
        }
        op.cpu_ns = static_cast<double>(op.count) * cpu_ns(op, type);
        op.npu_ns = static_cast<double>(op.count) * npu_ns(op);
        if (type.name == "F32")
            op.reason = "weight_f32";
        else if (!type.dequantisable)
            op.reason = "weight_type";
        else if (matmul::gain_ns(static_cast<int64_t>(op.m), op.cpu_ns, op.npu_ns) <= 0)
            op.reason = "cost";
        add(std::move(op));
    }

    static double cpu_ns(const CoveredOp& op, const TensorType& type) {
        const double weights = static_cast<double>(op.k) * static_cast<double>(op.n);
        return weights * std::max(type.bytes / matmul::k_board_cpu_bytes_per_ns,
                                  1 / matmul::k_board_cpu_macs_per_ns) +
               weights * static_cast<double>(op.m - 1) / matmul::k_board_cpu_macs_per_ns;
    }

    double plan_ns(uint64_t m, uint64_t k, uint64_t n) {
        constexpr uint64_t most = 1 << 20;
        const auto [known, first] = plans_.try_emplace({m, k, n}, k_never);
        if (!first || m > most || k > most || n > most || k == 0 || n == 0) return known->second;
        const compile::MatmulShape shape{static_cast<uint32_t>(m), static_cast<uint32_t>(k),
                                         static_cast<uint32_t>(n)};
        if (const auto planned = plan_matmul(shape, settings_)) known->second = planned->time_ns;
        return known->second;
    }

    double npu_ns(const CoveredOp& op) {
        const auto rows = static_cast<uint64_t>(matmul::npu_rows(static_cast<int64_t>(op.m)));
        return plan_ns(rows, op.k, op.n) +
               matmul::host_ns(static_cast<double>(op.m), static_cast<double>(op.k),
                               static_cast<double>(op.n), settings_.machine.lanes);
    }

    void add_layer_ops() {
        const auto layers = static_cast<uint64_t>(last_layer_ + 1);
        const bool bert = architecture().find("bert") != std::string::npos;
        add_other("FLASH_ATTN_EXT", "", layers);
        if (!bert) add_other("ROPE", "", 2 * layers);
        add_other(gated_ ? "SWIGLU" : "GELU", "", layers);
        add_other("ADD", "(residual)", 2 * layers);
    }

    const Gguf& gguf_;
    const PlanSettings& settings_;
    Phase phase_;
    std::map<std::array<uint64_t, 3>, double> plans_;  ///< ns by m, k, n
    int last_layer_ = -1;
    bool separate_head_ = false;
    bool gated_ = false;
};

}  // namespace

double Phase::macs() const {
    double sum = 0;
    for (const CoveredOp& op : ops) sum += op.macs();
    return sum;
}

double Phase::macs_on_npu() const {
    double sum = 0;
    for (const CoveredOp& op : ops)
        if (op.reason.empty()) sum += op.macs();
    return sum;
}

std::vector<Phase> cover(const Gguf& gguf, uint32_t prefill, const PlanSettings& settings) {
    Graph graph(gguf, settings);
    std::vector<Phase> phases{graph.phase("prefill", prefill)};
    if (!graph.embeds()) phases.push_back(graph.phase("decode", 1));
    return phases;
}

}  // namespace rosenblatt::cli
