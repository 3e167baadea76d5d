// SPDX-License-Identifier: MIT
// Shapes as models' configurations publish them, smaller ones beside them. Deviations keep every
// activation near 1: 1/sqrt(K) for a matrix behind a norm, less for those that add to the residual
// stream (as GPT-2 is initialised), which is also where trained weights lie.
#include "cli/make_model_shape.hpp"

#include <cmath>
#include <numeric>

namespace rosenblatt::cli {
namespace {

struct Dimensions {
    const char* name;
    const char* architecture;
    uint32_t layers, width, heads, kv_heads, ffn, context;
    uint32_t experts = 0, experts_used = 0;
};

// Every K is a multiple of 256, so that llama-quantize finds its super-blocks everywhere.
constexpr Dimensions k_shapes[] = {
    {"qwen2.5-1.5b", "qwen2", 28, 1536, 12, 2, 8960, 32768},
    {"small", "qwen2", 12, 1024, 16, 4, 2816, 32768},
    {"tiny", "qwen2", 2, 256, 4, 2, 768, 32768},
    {"moe", "olmoe", 4, 512, 8, 8, 512, 4096, 16, 4},
    {"embed", "bert", 12, 768, 12, 12, 3072, 512},  // bge-base-en-v1.5
};

constexpr float k_norm_spread = 0.1F;     ///< of a norm's weights around 1
constexpr float k_bias_deviation = 0.1F;  ///< biases stay small beside activations of 1
constexpr uint32_t k_file_type_mostly_f16 = 1;
constexpr uint32_t k_pooling_cls = 2;

float behind_norm(uint64_t k) {
    return 1 / std::sqrt(static_cast<float>(k));
}

class Builder {
  public:
    explicit Builder(const Dimensions& d) : d_(d) {
        text("general.architecture", d.architecture);
        text("general.name", std::string("random ") + d.name);
        general("general.file_type", k_file_type_mostly_f16);
        number("block_count", d.layers);
        number("context_length", d.context);
        number("embedding_length", d.width);
        number("feed_forward_length", d.ffn);
        number("attention.head_count", d.heads);
        number("attention.head_count_kv", d.kv_heads);
    }

    void text(const std::string& key, const std::string& value) {
        model.metadata.emplace_back(key, value);
    }
    void general(const std::string& key, NewValue value) {
        model.metadata.emplace_back(key, std::move(value));
    }
    void number(const std::string& key, NewValue value) {
        model.metadata.emplace_back(std::string(d_.architecture) + "." + key, std::move(value));
    }

    void matrix(const std::string& name, uint64_t k, uint64_t n) {
        model.tensors.push_back({name + ".weight", {k, n}, NewType::F16, 0, behind_norm(k)});
    }
    /// Its result is added to the residual stream, twice per layer.
    void residual(const std::string& name, uint64_t k, uint64_t n) {
        matrix(name, k, n);
        model.tensors.back().deviation /= std::sqrt(2 * static_cast<float>(d_.layers));
    }
    /// The last tensor, once for each expert.
    void for_each_expert() { model.tensors.back().dims.push_back(d_.experts); }
    void bias(const std::string& name, uint64_t n) {
        model.tensors.push_back({name + ".bias", {n}, NewType::F32, 0, k_bias_deviation});
    }
    void norm(const std::string& name, uint64_t n) {
        model.tensors.push_back({name + ".weight", {n}, NewType::F32, 1, k_norm_spread});
    }
    /// Converters keep tables of positions and token types in F32.
    void table(const std::string& name, uint64_t n) {
        model.tensors.push_back(
            {name + ".weight", {d_.width, n}, NewType::F32, 0, behind_norm(d_.width)});
    }

    NewModel model;

  private:
    const Dimensions& d_;
};

std::string block(uint32_t layer) {
    return "blk." + std::to_string(layer) + ".";
}

void attention(Builder& b, const Dimensions& d, const std::string& blk, bool biased) {
    const uint64_t kv = uint64_t{d.width} / d.heads * d.kv_heads;
    for (const char* role : {"attn_q", "attn_k", "attn_v"}) {
        const uint64_t n = role[5] == 'q' ? d.width : kv;
        b.matrix(blk + role, d.width, n);
        if (biased) b.bias(blk + role, n);
    }
    b.residual(blk + "attn_output", d.width, d.width);
}

NewModel qwen2(const Dimensions& d, uint64_t tokens) {
    Builder b(d);
    b.number("rope.freq_base", 1e6F);
    b.number("attention.layer_norm_rms_epsilon", 1e-6F);
    b.matrix("token_embd", d.width, tokens);  // and output: tied, as in Qwen2.5 up to 3B
    for (uint32_t i = 0; i < d.layers; ++i) {
        const std::string blk = block(i);
        b.norm(blk + "attn_norm", d.width);
        attention(b, d, blk, true);
        b.norm(blk + "ffn_norm", d.width);
        b.matrix(blk + "ffn_gate", d.width, d.ffn);
        b.matrix(blk + "ffn_up", d.width, d.ffn);
        b.residual(blk + "ffn_down", d.ffn, d.width);
    }
    b.norm("output_norm", d.width);
    return std::move(b.model);
}

NewModel olmoe(const Dimensions& d, uint64_t tokens) {
    Builder b(d);
    b.number("rope.freq_base", 1e4F);
    b.number("attention.layer_norm_rms_epsilon", 1e-5F);
    b.number("expert_count", d.experts);
    b.number("expert_used_count", d.experts_used);
    b.matrix("token_embd", d.width, tokens);
    b.matrix("output", d.width, tokens);
    for (uint32_t i = 0; i < d.layers; ++i) {
        const std::string blk = block(i);
        b.norm(blk + "attn_norm", d.width);
        attention(b, d, blk, false);
        b.norm(blk + "attn_q_norm", d.width);
        b.norm(blk + "attn_k_norm", d.width);
        b.norm(blk + "ffn_norm", d.width);
        b.matrix(blk + "ffn_gate_inp", d.width, d.experts);
        b.model.tensors.back().type = NewType::F32;  // routers stay exact
        b.matrix(blk + "ffn_gate_exps", d.width, d.ffn);
        b.for_each_expert();
        b.matrix(blk + "ffn_up_exps", d.width, d.ffn);
        b.for_each_expert();
        b.residual(blk + "ffn_down_exps", d.ffn, d.width);
        b.for_each_expert();
    }
    b.norm("output_norm", d.width);
    return std::move(b.model);
}

NewModel bert(const Dimensions& d, uint64_t tokens) {
    Builder b(d);
    b.model.tokenizer = "bert";
    b.number("attention.layer_norm_epsilon", 1e-12F);
    b.number("attention.causal", false);
    b.number("pooling_type", k_pooling_cls);
    const auto layer_norm = [&](const std::string& name) {
        b.norm(name, d.width);
        b.bias(name, d.width);
    };
    b.matrix("token_embd", d.width, tokens);
    b.table("position_embd", d.context);
    b.table("token_types", 2);
    layer_norm("token_embd_norm");
    for (uint32_t i = 0; i < d.layers; ++i) {
        const std::string blk = block(i);
        attention(b, d, blk, true);
        b.bias(blk + "attn_output", d.width);
        layer_norm(blk + "attn_output_norm");
        b.matrix(blk + "ffn_up", d.width, d.ffn);
        b.bias(blk + "ffn_up", d.ffn);
        b.residual(blk + "ffn_down", d.ffn, d.width);
        b.bias(blk + "ffn_down", d.width);
        layer_norm(blk + "layer_output_norm");
    }
    return std::move(b.model);
}

NewModel build(const Dimensions& d, uint64_t tokens) {
    const std::string architecture = d.architecture;
    if (architecture == "olmoe") return olmoe(d, tokens);
    if (architecture == "bert") return bert(d, tokens);
    return qwen2(d, tokens);
}

}  // namespace

uint64_t NewTensor::elements() const {
    return std::accumulate(dims.begin(), dims.end(), uint64_t{1}, std::multiplies<>());
}

uint64_t NewModel::elements() const {
    uint64_t sum = 0;
    for (const NewTensor& tensor : tensors) sum += tensor.elements();
    return sum;
}

std::vector<std::string> new_model_shapes() {
    std::vector<std::string> names;
    for (const Dimensions& shape : k_shapes) names.emplace_back(shape.name);
    return names;
}

Result<NewModel> new_model(const std::string& shape, uint64_t tokens, uint32_t layers) {
    std::string names;
    for (Dimensions dimensions : k_shapes) {
        names += (names.empty() ? "" : ", ") + std::string(dimensions.name);
        if (shape != dimensions.name) continue;
        if (layers != 0) dimensions.layers = layers;
        return build(dimensions, tokens);
    }
    return Error{EINVAL, "no shape named '" + shape + "' is known; there are " + names};
}

}  // namespace rosenblatt::cli
