// SPDX-License-Identifier: MIT
#include "ggml/cpu_shadow.hpp"

#include "ggml/buffer.hpp"
#include "ggml/cpu_delegate.hpp"
#include "ggml/host_memory.hpp"

namespace rosenblatt::ggml {
namespace {

// Shadows leave at least this share of the memory to everybody else.
constexpr size_t k_share_left = 8;

struct FreeBuffer {
    void operator()(ggml_backend_buffer_t buffer) const { ggml_backend_buffer_free(buffer); }
};
using Buffer = std::unique_ptr<ggml_backend_buffer, FreeBuffer>;

struct FreeContext {
    void operator()(ggml_context* context) const { ggml_free(context); }
};
using Context = std::unique_ptr<ggml_context, FreeContext>;

// The CPU device's buffer types beside its plain one, best first, as llama.cpp asks for them.
std::vector<ggml_backend_buffer_type_t> extra_types() {
    ggml_backend_dev_t cpu = cpu_device();
    if (!cpu) return {};
    const auto get =
        reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(ggml_backend_reg_get_proc_address(
            ggml_backend_dev_backend_reg(cpu), "ggml_backend_dev_get_extra_bufts"));
    std::vector<ggml_backend_buffer_type_t> types;
    for (auto* type = get ? get(cpu) : nullptr; type && *type; ++type) types.push_back(*type);
    return types;
}

// The matmul that a weight of this shape is for, with as many rows as llama.cpp probes with.
ggml_tensor* probe(ggml_context* context, ggml_tensor* weight) {
    constexpr int64_t k_rows = 512;
    if (weight->ne[2] == 1)
        return ggml_mul_mat(context, weight,
                            ggml_new_tensor_2d(context, GGML_TYPE_F32, weight->ne[0], k_rows));
    ggml_tensor* x = ggml_new_tensor_3d(context, GGML_TYPE_F32, weight->ne[0], 1, k_rows);
    return ggml_mul_mat_id(context, weight, x,
                           ggml_new_tensor_2d(context, GGML_TYPE_I32, 1, k_rows));
}

ggml_backend_buffer_type_t type_for(ggml_context* context, ggml_tensor* weight) {
    ggml_tensor* node = probe(context, weight);
    for (ggml_backend_buffer_type_t type : extra_types()) {
        const Buffer empty(ggml_backend_buft_alloc_buffer(type, 0));
        weight->buffer = empty.get();
        const bool better = empty && ggml_backend_dev_supports_op(cpu_device(), node);
        weight->buffer = nullptr;
        if (better) return type;
    }
    return nullptr;
}

bool memory_suffices(size_t bytes) {
    const HostMemory memory = host_memory();
    return memory.available > bytes && memory.available - bytes > memory.total / k_share_left;
}

}  // namespace

std::shared_ptr<Shadow> Shadow::make(const ggml_tensor& weight) {
    if (!ggml_is_contiguous(&weight) || weight.ne[3] != 1) return nullptr;
    Context context(ggml_init({8 * ggml_tensor_overhead(), nullptr, true}));
    if (!context) return nullptr;
    ggml_tensor* tensor = ggml_new_tensor(context.get(), weight.type, GGML_MAX_DIMS, weight.ne);
    ggml_set_name(tensor, weight.name);
    ggml_backend_buffer_type_t type = type_for(context.get(), tensor);
    if (!type) return nullptr;
    const size_t bytes = ggml_backend_buft_get_alloc_size(type, tensor);
    if (!memory_suffices(bytes)) return nullptr;
    Buffer buffer(ggml_backend_buft_alloc_buffer(type, bytes));
    if (!buffer) return nullptr;
    ggml_backend_buffer_set_usage(buffer.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    void* base = ggml_backend_buffer_get_base(buffer.get());
    if (ggml_backend_tensor_alloc(buffer.get(), tensor, base) != GGML_STATUS_SUCCESS)
        return nullptr;
    ggml_backend_tensor_set(tensor, weight.data, 0, ggml_nbytes(&weight));
    return std::shared_ptr<Shadow>(new Shadow(context.release(), buffer.release(), tensor, bytes));
}

Shadow::~Shadow() {
    ggml_backend_buffer_free(buffer_);
    ggml_free(context_);
}

std::shared_ptr<const Shadow> Shadows::find_or_make(const ggml_tensor& weight) {
    std::lock_guard lock(mutex_);
    const auto [entry, added] = entries_.find_or_add(weight);
    if (added) entry->shadow = Shadow::make(weight);
    return entry->shadow;
}

std::shared_ptr<const Shadow> Shadows::find(const ggml_tensor& weight) const {
    std::lock_guard lock(mutex_);
    const Entry* entry = entries_.find(weight);
    return entry ? entry->shadow : nullptr;
}

void Shadows::drop(const void* begin, size_t bytes) {
    std::lock_guard lock(mutex_);
    entries_.erase_overlapping(address(begin), bytes);
}

uint64_t Shadows::bytes() const {
    std::lock_guard lock(mutex_);
    uint64_t sum = 0;
    entries_.for_each([&](const Entry& entry) { sum += entry.shadow ? entry.shadow->bytes() : 0; });
    return sum;
}

ShadowedNodes::ShadowedNodes(const ggml_cgraph& graph, int begin, int end, Shadows& shadows,
                             const TileStore& tiles) {
    for (int i = begin; i < end; ++i) {
        ggml_tensor* node = graph.nodes[i];
        if (node->op != GGML_OP_MUL_MAT && node->op != GGML_OP_MUL_MAT_ID) continue;
        ggml_tensor* weight = node->src[0];
        if (weight->op != GGML_OP_NONE || weight->view_src || !is_our_buffer(weight->buffer) ||
            weight->buffer->usage == GGML_BACKEND_BUFFER_USAGE_COMPUTE || tiles.is_written(*weight))
            continue;
        // Elsewhere (RPC servers mark nothing as weights) only what was made when it was written.
        const bool make = weight->buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS;
        auto shadow = make ? shadows.find_or_make(*weight) : shadows.find(*weight);
        if (!shadow) continue;
        node->src[0] = shadow->tensor();
        if (ggml_backend_dev_supports_op(cpu_device(), node))
            changed_.push_back({node, weight, std::move(shadow)});
        else
            node->src[0] = weight;
    }
}

ShadowedNodes::~ShadowedNodes() {
    for (const Changed& changed : changed_) changed.node->src[0] = changed.weight;
}

}  // namespace rosenblatt::ggml
