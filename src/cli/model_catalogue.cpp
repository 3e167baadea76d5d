// SPDX-License-Identifier: MIT
// Shapes as the models' configurations publish them; types as llama-quantize chooses them.
#include "cli/model_catalogue.hpp"

namespace rosenblatt::cli {
namespace {

constexpr uint32_t k_f32 = 0, k_f16 = 1, k_q4_k = 12, k_q6_k = 14;

class Builder {
  public:
    Builder(const std::string& architecture, uint32_t layers, uint64_t width, uint64_t heads)
        : architecture_(architecture) {
        gguf.texts["general.architecture"] = architecture;
        set("block_count", layers);
        set("embedding_length", width);
        set("attention.head_count", heads);
    }
    void set(const std::string& key, uint64_t value) { gguf.numbers[architecture_ + "." + key] = value; }
    void add(const std::string& name, uint32_t type, std::vector<uint64_t> dims) {
        gguf.tensors.push_back({name, std::move(dims), type});
    }

    Gguf gguf;

  private:
    std::string architecture_;
};

/// The layers whose attn_v and ffn_down Q4_K_M keeps in Q6_K.
uint32_t more_bits(uint32_t layer, uint32_t layers) {
    const bool more = layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
    return more ? k_q6_k : k_q4_k;
}

std::string block(uint32_t layer) { return "blk." + std::to_string(layer) + "."; }

Gguf qwen2_5_1_5b() {
    constexpr uint32_t layers = 28;
    constexpr uint64_t width = 1536, kv = 256, ffn = 8960, vocabulary = 151936;
    Builder b("qwen2", layers, width, 12);
    b.add("token_embd.weight", k_q6_k, {width, vocabulary});
    b.add("output_norm.weight", k_f32, {width});
    for (uint32_t i = 0; i < layers; ++i) {
        const std::string blk = block(i);
        b.add(blk + "attn_norm.weight", k_f32, {width});
        b.add(blk + "attn_q.weight", k_q4_k, {width, width});
        b.add(blk + "attn_k.weight", k_q4_k, {width, kv});
        b.add(blk + "attn_v.weight", more_bits(i, layers), {width, kv});
        b.add(blk + "attn_q.bias", k_f32, {width});
        b.add(blk + "attn_k.bias", k_f32, {kv});
        b.add(blk + "attn_v.bias", k_f32, {kv});
        b.add(blk + "attn_output.weight", k_q4_k, {width, width});
        b.add(blk + "ffn_norm.weight", k_f32, {width});
        b.add(blk + "ffn_gate.weight", k_q4_k, {width, ffn});
        b.add(blk + "ffn_up.weight", k_q4_k, {width, ffn});
        b.add(blk + "ffn_down.weight", more_bits(i, layers), {ffn, width});
    }
    return b.gguf;
}

Gguf olmoe_1b_7b() {
    constexpr uint32_t layers = 16;
    constexpr uint64_t width = 2048, ffn = 1024, experts = 64, vocabulary = 50304;
    Builder b("olmoe", layers, width, 16);
    b.set("expert_count", experts);
    b.set("expert_used_count", 8);
    b.add("token_embd.weight", k_q4_k, {width, vocabulary});
    b.add("output_norm.weight", k_f32, {width});
    b.add("output.weight", k_q6_k, {width, vocabulary});
    for (uint32_t i = 0; i < layers; ++i) {
        const std::string blk = block(i);
        b.add(blk + "attn_norm.weight", k_f32, {width});
        for (const char* role : {"attn_q", "attn_k", "attn_output"})
            b.add(blk + role + ".weight", k_q4_k, {width, width});
        b.add(blk + "attn_v.weight", more_bits(i, layers), {width, width});
        b.add(blk + "attn_q_norm.weight", k_f32, {width});
        b.add(blk + "attn_k_norm.weight", k_f32, {width});
        b.add(blk + "ffn_norm.weight", k_f32, {width});
        b.add(blk + "ffn_gate_inp.weight", k_f32, {width, experts});
        b.add(blk + "ffn_gate_exps.weight", k_q4_k, {width, ffn, experts});
        b.add(blk + "ffn_up_exps.weight", k_q4_k, {width, ffn, experts});
        b.add(blk + "ffn_down_exps.weight", more_bits(i, layers), {ffn, width, experts});
    }
    return b.gguf;
}

Gguf bge_small() {
    constexpr uint32_t layers = 12;
    constexpr uint64_t width = 384, ffn = 1536, vocabulary = 30522;
    Builder b("bert", layers, width, 12);
    b.set("pooling_type", 2);
    b.add("token_embd.weight", k_f16, {width, vocabulary});
    b.add("position_embd.weight", k_f16, {width, 512});
    b.add("token_embd_norm.weight", k_f32, {width});
    for (uint32_t i = 0; i < layers; ++i) {
        const std::string blk = block(i);
        for (const char* role : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
            b.add(blk + role + ".weight", k_f16, {width, width});
            b.add(blk + role + ".bias", k_f32, {width});
        }
        b.add(blk + "attn_output_norm.weight", k_f32, {width});
        b.add(blk + "ffn_up.weight", k_f16, {width, ffn});
        b.add(blk + "ffn_up.bias", k_f32, {ffn});
        b.add(blk + "ffn_down.weight", k_f16, {ffn, width});
        b.add(blk + "ffn_down.bias", k_f32, {width});
        b.add(blk + "layer_output_norm.weight", k_f32, {width});
    }
    return b.gguf;
}

struct Known {
    const char* name;
    Gguf (*make)();
};
constexpr Known k_known[] = {{"qwen2.5-1.5b", qwen2_5_1_5b},
                             {"olmoe-1b-7b", olmoe_1b_7b},
                             {"bge-small-en-v1.5", bge_small}};

}  // namespace

std::vector<std::string> catalogue_names() {
    std::vector<std::string> names;
    for (const Known& known : k_known) names.emplace_back(known.name);
    return names;
}

Result<Gguf> catalogue_model(const std::string& name) {
    std::string names;
    for (const Known& known : k_known) {
        if (name == known.name) return known.make();
        names += (names.empty() ? "" : ", ") + std::string(known.name);
    }
    return Error{EINVAL, "no model named '" + name + "' is known; there are " + names +
                             ", or give --gguf FILE"};
}

}  // namespace rosenblatt::cli
