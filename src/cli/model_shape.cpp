// SPDX-License-Identifier: MIT
// Weight matrices to matmul shapes. Prompt processing needs only the last token's logits, so
// llama.cpp runs the last layer's FFN and the output matrix with one row: those stay on the CPU.
#include "cli/model_shape.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/bits.hpp"
#include "cli/gguf.hpp"

namespace rosenblatt::cli {
namespace {

constexpr uint32_t k_type_f32 = 0;
constexpr uint32_t k_first_integer_type = 24;  ///< GGML_TYPE_I8 ..
constexpr uint32_t k_last_integer_type = 28;   ///< .. GGML_TYPE_F64
constexpr uint64_t k_largest_dim = 1 << 20;

/// "blk.12.ffn_up.weight" in its parts.
struct TensorName {
    uint32_t layer = 0;
    std::string role;
};

bool split_name(const std::string& name, TensorName& parts) {
    constexpr std::string_view prefix = "blk.";
    constexpr std::string_view suffix = ".weight";
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return false;
    const char* begin = name.data() + prefix.size();
    const char* end = name.data() + name.size() - suffix.size();
    const auto [rest, error] = std::from_chars(begin, end, parts.layer);
    if (error != std::errc{} || rest == end || *rest != '.') return false;
    parts.role.assign(rest + 1, end);
    return true;
}

bool is_matrix_for_npu(const GgufTensor& tensor) {
    if (tensor.dims.size() < 2 || tensor.dims.size() > 3 || tensor.type == k_type_f32) return false;
    if (tensor.type >= k_first_integer_type && tensor.type <= k_last_integer_type) return false;
    return std::all_of(tensor.dims.begin(), tensor.dims.end(),
                       [](uint64_t d) { return d > 0 && d <= k_largest_dim; }) &&
           tensor.dims[0] >= compile::k_unit && tensor.dims[1] >= compile::k_unit;
}

uint64_t number(const Gguf& gguf, const std::string& key) {
    const auto arch = gguf.texts.find("general.architecture");
    if (arch == gguf.texts.end()) return 0;
    const auto found = gguf.numbers.find(arch->second + "." + key);
    return found == gguf.numbers.end() ? 0 : found->second;
}

void add(std::vector<ModelMatmul>& matmuls, const std::string& role, compile::MatmulShape shape,
         uint32_t count, uint32_t tensors) {
    for (ModelMatmul& known : matmuls) {
        const auto& s = known.shape;
        if (known.name != role || s.m != shape.m || s.k != shape.k || s.n != shape.n) continue;
        known.count += count;
        known.tensors += tensors;
        return;
    }
    matmuls.push_back({role, shape, count, tensors});
}

double attention_macs(const Gguf& gguf, uint32_t prefill) {
    const auto heads = static_cast<double>(number(gguf, "attention.head_count"));
    double width = static_cast<double>(number(gguf, "attention.key_length") +
                                       number(gguf, "attention.value_length"));
    if (width == 0 && heads > 0)
        width = 2 * static_cast<double>(number(gguf, "embedding_length")) / heads;
    const auto layers = static_cast<double>(number(gguf, "block_count"));
    return layers * prefill * prefill * heads * width;
}

}  // namespace

Result<ModelShape> named_model(const std::string& name, uint32_t prefill) {
    if (name != "qwen2.5-1.5b")
        return Error{EINVAL, "no model named '" + name +
                                 "' is known; there is qwen2.5-1.5b, or give --gguf FILE"};
    ModelShape model{.name = name, .prefill = prefill};
    const auto add_role = [&](const char* role, uint32_t k, uint32_t n, uint32_t count) {
        model.matmuls.push_back({role, {prefill, k, n}, count, 28});
    };
    add_role("attn_q", 1536, 1536, 28);
    add_role("attn_k", 1536, 256, 28);
    add_role("attn_v", 1536, 256, 28);
    add_role("attn_output", 1536, 1536, 28);
    add_role("ffn_gate", 1536, 8960, 27);
    add_role("ffn_up", 1536, 8960, 27);
    add_role("ffn_down", 8960, 1536, 27);
    model.attention_macs = 28.0 * prefill * prefill * 12 * 256;
    return model;
}

Result<ModelShape> gguf_model(const std::string& path, uint32_t prefill) {
    const Result<Gguf> gguf = read_gguf(path);
    if (!gguf) return gguf.error();
    ModelShape model{.name = std::filesystem::path(path).filename(), .prefill = prefill};
    model.file_bytes = gguf->file_bytes;
    model.attention_macs = attention_macs(*gguf, prefill);
    uint32_t last_layer = 0;
    TensorName name;
    for (const GgufTensor& tensor : gguf->tensors)
        if (split_name(tensor.name, name)) last_layer = std::max(last_layer, name.layer);
    const uint64_t used = std::max<uint64_t>(1, number(*gguf, "expert_used_count"));
    for (const GgufTensor& tensor : gguf->tensors) {
        if (!split_name(tensor.name, name) || !is_matrix_for_npu(tensor)) continue;
        const uint64_t experts = tensor.dims.size() == 3 ? tensor.dims[2] : 1;
        const uint64_t rows = experts == 1 ? prefill : div_round_up(prefill * used, experts);
        const bool one_row = name.layer == last_layer && name.role.starts_with("ffn_");
        const auto matrices = static_cast<uint32_t>(experts);
        add(model.matmuls, name.role,
            {static_cast<uint32_t>(std::min<uint64_t>(rows, prefill)),
             static_cast<uint32_t>(tensor.dims[0]), static_cast<uint32_t>(tensor.dims[1])},
            one_row ? 0 : matrices, matrices);
    }
    if (model.matmuls.empty())
        return Error{EINVAL,
                     path + " holds no quantised or 16-bit weight matrices of layers (blk.*)"};
    return model;
}

}  // namespace rosenblatt::cli
