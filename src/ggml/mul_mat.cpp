// SPDX-License-Identifier: MIT
#include "ggml/mul_mat.hpp"

#include "ggml/buffer.hpp"
#include "ggml/log_sink.hpp"
#include "matmul/refine.hpp"

namespace rosenblatt::ggml {
namespace {

bool is_integer(Pipeline pipeline) {
    return pipeline != Pipeline::F16;
}

std::byte* row(const ggml_tensor& t, int64_t i1, int64_t i2, int64_t i3) {
    return static_cast<std::byte*>(t.data) + static_cast<size_t>(i1) * t.nb[1] +
           static_cast<size_t>(i2) * t.nb[2] + static_cast<size_t>(i3) * t.nb[3];
}

// The accumulators are exact (int32) or fp32, so any accumulator precision is met; the activations
// are quantised to 8 bits or rounded to fp16.
bool precision_allows(ggml_prec activations, Pipeline pipeline) {
    switch (activations) {
        case GGML_PREC_UNDEFINED:
        case GGML_PREC_Q8:
        case GGML_PREC_Q4:
            return true;
        case GGML_PREC_F16:
            return pipeline == Pipeline::F16;
        default:
            return false;
    }
}

// A leaf, or a view of one: fused q, k and v are views of one weight.
std::optional<Refusal> unsuitable_weight(const ggml_tensor& w) {
    const ggml_tensor& leaf = w.view_src ? *w.view_src : w;
    if (leaf.op != GGML_OP_NONE || !api::only_names_memory(w.op)) return Refusal::WeightIsComputed;
    if (w.type == GGML_TYPE_F32) return Refusal::WeightF32;
    if (!can_dequantise(w.type)) return Refusal::WeightType;
    if (w.nb[0] != ggml_type_size(w.type)) return Refusal::Layout;
    if (!is_our_buffer(leaf.buffer)) return Refusal::WeightElsewhere;
    if (leaf.buffer->usage == GGML_BACKEND_BUFFER_USAGE_COMPUTE)
        return Refusal::WeightInComputeBuffer;
    return std::nullopt;
}

std::optional<Refusal> unsuitable_activations(const ggml_tensor& x, const ggml_tensor& y) {
    if (x.type != GGML_TYPE_F32 && x.type != GGML_TYPE_F16 && x.type != GGML_TYPE_BF16)
        return Refusal::ActivationType;
    if (y.type != GGML_TYPE_F32) return Refusal::ActivationType;
    if (x.nb[0] != ggml_type_size(x.type) || y.nb[0] != sizeof(float)) return Refusal::Layout;
    return std::nullopt;
}

Result<matmul::Outcome> multiply_rows(matmul::Device& device, const matmul::Input& x,
                                      const matmul::Output& output,
                                      const matmul::ParallelFor& parallel_for) {
    const bool refine =
        x.rows <= matmul::k_refined_rows && is_integer(output.weights->pipeline());
    return refine ? multiply_refined(device, x, {&output, 1}, parallel_for)
                  : multiply(device, x, {&output, 1}, parallel_for);
}

}  // namespace

MulMatShape mul_mat_shape(const ggml_tensor& node) {
    const ggml_tensor& w = *node.src[0];
    const int64_t matrices = w.ne[2] * w.ne[3];
    return {matrices > 0 ? ggml_nrows(&node) / matrices : 0, w.ne[0], w.ne[1], matrices};
}

std::optional<Refusal> unsuitable(const ggml_tensor& node, Pipeline pipeline) {
    const ggml_tensor& w = *node.src[0];
    const ggml_tensor& x = *node.src[1];
    if (node.op == GGML_OP_MUL_MAT_ID) return Refusal::Experts;
    if (ggml_is_empty(&node) || ggml_is_empty(&w)) return Refusal::EmptyMatrix;
    if (api::is_hadamard(node)) return Refusal::HadamardHint;
    if (!precision_allows(api::activation_precision(node), pipeline)) return Refusal::Precision;
    if (const auto refusal = unsuitable_weight(w)) return refusal;
    return unsuitable_activations(x, node);
}

void MulMat::gather_rows(const ggml_tensor& node, int64_t i2, int64_t i3,
                         const matmul::ParallelFor& parallel_for) {
    const ggml_tensor& w = *node.src[0];
    const ggml_tensor& x = *node.src[1];
    const int64_t broadcast2 = x.ne[2] / w.ne[2];
    const int64_t broadcast3 = x.ne[3] / w.ne[3];
    x_.clear();
    y_.clear();
    for (int64_t j3 = i3 * broadcast3; j3 < (i3 + 1) * broadcast3; ++j3)
        for (int64_t j2 = i2 * broadcast2; j2 < (i2 + 1) * broadcast2; ++j2)
            for (int64_t m = 0; m < x.ne[1]; ++m) {
                x_.push_back(reinterpret_cast<const float*>(row(x, m, j2, j3)));
                y_.push_back(reinterpret_cast<float*>(row(node, m, j2, j3)));
            }
    if (x.type == GGML_TYPE_F32) return;
    const int64_t k = x.ne[0];
    const auto to_float = ggml_get_type_traits(x.type)->to_float;
    converted_.resize(x_.size() * static_cast<size_t>(k));
    parallel_for(static_cast<int64_t>(x_.size()), [&](int64_t begin, int64_t end) {
        for (int64_t m = begin; m < end; ++m) {
            float* floats = converted_.data() + m * k;
            to_float(x_[static_cast<size_t>(m)], floats, k);
            x_[static_cast<size_t>(m)] = floats;
        }
    });
}

std::optional<Refusal> MulMat::run(matmul::Device& device, const ggml_tensor& node,
                                   const Tiles& tiles, const matmul::ParallelFor& parallel_for) {
    const ggml_tensor& w = *node.src[0];
    size_t matrix = 0;
    for (int64_t i3 = 0; i3 < w.ne[3]; ++i3)
        for (int64_t i2 = 0; i2 < w.ne[2]; ++i2) {
            gather_rows(node, i2, i3, parallel_for);
            const bool rotated = tiles.matrices[matrix]->pipeline() == Pipeline::W8A8H;
            const matmul::Input x =
                rotated ? outliers_.without(x_, w.ne[0]) : matmul::input_of(x_);
            const matmul::Output output{tiles.matrices[matrix++].get(), y_};
            const auto outcome = multiply_rows(device, x, output, parallel_for);
            if (!outcome) {
                warn_once(outcome.error().message);
                return Refusal::EngineError;
            }
            if (*outcome == matmul::Outcome::OutOfRange) return Refusal::ActivationValues;
            if (rotated) outliers_.put_back(w, i2, i3, tiles.columns, y_, parallel_for);
        }
    return std::nullopt;
}

}  // namespace rosenblatt::ggml
