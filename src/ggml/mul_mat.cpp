// SPDX-License-Identifier: MIT
#include "ggml/mul_mat.hpp"

#include <algorithm>

#include "ggml/buffer.hpp"
#include "ggml/epilogue.hpp"
#include "ggml/log_sink.hpp"
#include "ggml/row_ops.hpp"
#include "matmul/refine.hpp"

namespace rosenblatt::ggml {
namespace {

bool is_integer(Pipeline pipeline) {
    return pipeline != Pipeline::F16;
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
                                      std::span<const matmul::Output> outputs,
                                      const matmul::ParallelFor& parallel_for) {
    const bool refine =
        x.rows <= matmul::k_refined_rows && is_integer(outputs[0].weights->pipeline());
    return refine ? multiply_refined(device, x, outputs, parallel_for)
                  : multiply(device, x, outputs, parallel_for);
}

const matmul::Weights& matrix_of(const Product& product, size_t group) {
    const auto matrix = static_cast<size_t>(product.rows.groups[group].matrix);
    return *product.tiles->matrices[matrix];
}

/// Rows are rotated, so that an outlier would cost all of its block's elements their resolution.
bool is_rotated(const Product& product, size_t group) {
    return is_rotated(matrix_of(product, group).pipeline());
}

}  // namespace

MulMatShape mul_mat_shape(const ggml_tensor& node) {
    const ggml_tensor& w = *node.src[0];
    int64_t matrices = w.ne[2] * w.ne[3];
    const int64_t rows = ggml_nrows(&node);
    if (node.op == GGML_OP_MUL_MAT_ID) matrices = std::min(matrices, rows);
    return {matrices > 0 ? (rows + matrices - 1) / matrices : 0, w.ne[0], w.ne[1], matrices};
}

uint64_t mul_mat_macs(const ggml_tensor& node) {
    return static_cast<uint64_t>(ggml_nelements(&node)) * static_cast<uint64_t>(node.src[0]->ne[0]);
}

bool share_x(const ggml_tensor& a, const ggml_tensor& b) {
    const ggml_tensor& v = *a.src[0];
    const ggml_tensor& w = *b.src[0];
    return a.op == b.op && a.src[1] == b.src[1] && a.src[2] == b.src[2] && v.ne[0] == w.ne[0] &&
           v.ne[2] == w.ne[2] && v.ne[3] == w.ne[3];
}

bool same_pipeline(const Product& a, const Product& b) {
    return matrix_of(a, 0).pipeline() == matrix_of(b, 0).pipeline();
}

std::optional<Refusal> unsuitable(const ggml_tensor& node, Pipeline pipeline) {
    const ggml_tensor& w = *node.src[0];
    const ggml_tensor& x = *node.src[1];
    if (ggml_is_empty(&node) || ggml_is_empty(&w)) return Refusal::EmptyMatrix;
    if (api::is_hadamard(node)) return Refusal::HadamardHint;
    if (!precision_allows(api::activation_precision(node), pipeline)) return Refusal::Precision;
    if (const auto refusal = unsuitable_weight(w)) return refusal;
    return unsuitable_activations(x, node);
}

void MulMat::gather_x(const Product& product, const RowGroups::Group& group, CpuDelegate& cpu) {
    const ggml_tensor& x = *product.node->src[1];
    const auto rows = std::span(product.rows.x).subspan(group.first, group.count);
    x_.resize(group.count);
    if (x.type == GGML_TYPE_F32) {
        std::transform(rows.begin(), rows.end(), x_.begin(),
                       [](const std::byte* row) { return reinterpret_cast<const float*>(row); });
        return;
    }
    const int64_t k = x.ne[0];
    const auto to_float = ggml_get_type_traits(x.type)->to_float;
    converted_.resize(group.count * static_cast<size_t>(k));
    cpu.parallel_for(static_cast<int64_t>(group.count), [&](int64_t begin, int64_t end) {
        for (int64_t m = begin; m < end; ++m) {
            float* floats = converted_.data() + m * k;
            to_float(rows[static_cast<size_t>(m)], floats, k);
            x_[static_cast<size_t>(m)] = floats;
        }
    });
}

// The rows gathered in x_, or those of the norm.
matmul::Input MulMat::x_of(const Product& product, const std::optional<Norm>& norm) const {
    if (!norm) return matmul::input_of(x_);
    const ggml_tensor& x = *product.node->src[1];
    const auto read = [norm = *norm, &x](int64_t m, float* scratch) -> const float* {
        const float* gain = norm.gain ? static_cast<const float*>(norm.gain->data) : nullptr;
        rms_norm(row_of(*norm.source, x, m), x.ne[0], norm.epsilon, gain, scratch);
        return scratch;
    };
    return {ggml_nrows(&x), read};
}

// `x` may lose its outliers on the way; then outputs_ must bring them back.
std::optional<Refusal> MulMat::multiply(matmul::Device& device, const matmul::Input& x,
                                        CpuDelegate& cpu) {
    const auto outcome =
        multiply_rows(device, x, outputs_, [&cpu](int64_t n, const matmul::LoopBody& body) {
            cpu.parallel_for(n, body);
        });
    if (!outcome) {
        warn_once(outcome.error().message);
        return Refusal::EngineError;
    }
    if (*outcome == matmul::Outcome::OutOfRange) return Refusal::ActivationValues;
    return std::nullopt;
}

void MulMat::put_back(const Product& product, const RowGroups::Group& rows,
                      const Outliers& outliers, CpuDelegate& cpu) {
    const ggml_tensor& w = *product.node->src[0];
    outliers.put_back(w, rows.matrix % w.ne[2], rows.matrix / w.ne[2], product.tiles->columns,
                      std::span(product.rows.y).subspan(rows.first, rows.count),
                      [&cpu](int64_t n, const auto& body) { cpu.parallel_for(n, body); });
}

std::optional<Refusal> MulMat::run_group(matmul::Device& device, std::span<const Product> products,
                                         size_t group, CpuDelegate& cpu) {
    const RowGroups::Group& rows = products[0].rows.groups[group];
    gather_x(products[0], rows, cpu);
    outputs_.clear();
    for (const Product& product : products)
        outputs_.push_back({.weights = &matrix_of(product, group),
                            .rows = std::span(product.rows.y).subspan(rows.first, rows.count)});
    const bool rotated = is_rotated(products[0], group);
    matmul::Input x = matmul::input_of(x_);
    if (rotated) x = outliers_.without(std::move(x), products[0].node->src[0]->ne[0]);
    if (const auto refusal = multiply(device, x, cpu)) return refusal;
    for (const Product& product : products)
        if (rotated) put_back(product, rows, outliers_, cpu);
    return std::nullopt;
}

std::optional<Refusal> MulMat::run(matmul::Device& device, std::span<const Product> products,
                                   CpuDelegate& cpu) {
    for (size_t group = 0; group < products[0].rows.groups.size(); ++group)
        if (const auto refusal = run_group(device, products, group, cpu)) return refusal;
    return std::nullopt;
}

Epilogue MulMat::epilogue_of(const Target& target, std::span<const Product> products, bool rotated,
                             const Outliers& outliers) {
    const auto source = [&](const Term& term) -> TermSource {
        const Product& product = products[term.product];
        return {product.node->src[0], rotated ? &product.tiles->columns : nullptr};
    };
    return {target, source(target.first), target.second ? source(*target.second) : TermSource{},
            outliers, gates_};
}

matmul::Output MulMat::output_of(const Target& target, std::span<const Product> products,
                                 bool rotated, const Outliers& outliers) {
    const Product& first = products[target.first.product];
    if (target.is_plain()) return {.weights = &matrix_of(first, 0), .rows = first.rows.y};
    return {.weights = &matrix_of(first, 0),
            .write = epilogue_of(target, products, rotated, outliers),
            .second =
                target.second ? &matrix_of(products[target.second->product], 0) : nullptr};
}

// Rows as they are quantised: of the norm if there is one, without outliers.
matmul::Input MulMat::packed_x(std::span<const Product> products, const Fusion& fusion,
                               CpuDelegate& cpu) {
    if (!fusion.norm) gather_x(products[0], products[0].rows.groups[0], cpu);
    matmul::Input x = x_of(products[0], fusion.norm);
    if (!is_rotated(products[0], 0)) return x;
    return outliers_.without(std::move(x), products[0].node->src[0]->ne[0]);
}

std::optional<Refusal> MulMat::run(matmul::Device& device, std::span<const Product> products,
                                   const Fusion& fusion, CpuDelegate& cpu) {
    if (auto prepared = gates_.prepare(cpu.threads()); !prepared) {
        warn_once(prepared.error().message);
        return Refusal::EngineError;
    }
    const RowGroups::Group& rows = products[0].rows.groups[0];
    const bool rotated = is_rotated(products[0], 0);
    const matmul::Input x = packed_x(products, fusion, cpu);
    outputs_.clear();
    for (const Target& target : fusion.targets)
        outputs_.push_back(output_of(target, products, rotated, outliers_));
    if (const auto refusal = multiply(device, x, cpu)) return refusal;
    for (const Target& target : fusion.targets)
        if (rotated && target.is_plain())
            put_back(products[target.first.product], rows, outliers_, cpu);
    return std::nullopt;
}

bool MulMat::run_back_to_back(matmul::Device& device, std::span<const Product> products,
                              const Fusion& fusion, const Product& next, const Fusion& after,
                              CpuDelegate& cpu) {
    if (!gates_.prepare(cpu.threads())) return false;
    const Target& gate = fusion.targets[0];
    const std::span<const Product> nexts(&next, 1);
    const bool rotated = is_rotated(next, 0);
    const int64_t k = next.node->src[0]->ne[0];
    const Epilogue epilogue = epilogue_of(gate, products, is_rotated(products[0], 0), outliers_);
    matmul::Middle middle{
        .weights = &matrix_of(products[gate.first.product], 0),
        .second = &matrix_of(products[gate.second->product], 0),
        .make = [&](const matmul::Piece& piece, float* to, int64_t stride) {
            epilogue.gate(piece, to, stride);
        }};
    if (rotated)
        middle.read_as = [&](matmul::Input rows) {
            return outliers_of_middle_.without(std::move(rows), k);
        };
    outputs_.clear();
    for (const Target& target : after.targets)
        outputs_.push_back(output_of(target, nexts, rotated, outliers_of_middle_));
    const int64_t rows = ggml_nrows(next.node);
    if (rows <= matmul::k_refined_rows || !fits_back_to_back(middle, outputs_, rows)) return false;

    const matmul::Input x = packed_x(products, fusion, cpu);
    const auto outcome = multiply_back_to_back(
        device, x, middle, outputs_,
        [&cpu](int64_t n, const matmul::LoopBody& body) { cpu.parallel_for(n, body); });
    if (!outcome || *outcome != matmul::Outcome::Done) return false;
    for (const Target& target : after.targets)
        if (rotated && target.is_plain())
            put_back(next, next.rows.groups[0], outliers_of_middle_, cpu);
    return true;
}

}  // namespace rosenblatt::ggml
