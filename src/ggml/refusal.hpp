// SPDX-License-Identifier: MIT
// Refusal: why a matrix multiplication stays on the CPU. A value, not an error; the stats count
// them.
#pragma once

#include <array>
#include <cstddef>

namespace rosenblatt::ggml {

enum class Refusal {
    EmptyMatrix,            ///< a dimension is 0
    ActivationType,         ///< src1 is neither F32 nor F16 nor BF16, or dst is not F32
    Layout,                 ///< rows of a matrix are not dense (transposed)
    Precision,              ///< the operation forbids quantised activations (ggml_prec)
    HadamardHint,           ///< ggml multiplies by its own fast transform
    WeightF32,              ///< routers and heads: too small and too delicate
    WeightType,             ///< a type that ggml cannot dequantise by rows
    WeightIsComputed,       ///< src0 is the result of another operation
    WeightIsWritten,        ///< operations write it from graph to graph, as they do the KV cache
    WeightElsewhere,        ///< not in a buffer of ours (-ngl 0): other code may write it unseen
    WeightInComputeBuffer,  ///< memory that the graph's own results are written over
    FewRows,                ///< fewer rows than GGML_ROCKET_MIN_M
    Cost,                   ///< the CPU is faster for this shape
    ExpertId,               ///< an id of MUL_MAT_ID names no expert
    NoDevice,               ///< the lanes could not be opened, or none answers any more
    NoMemory,          ///< GGML_ROCKET_MEM_MAX, BO memory or the lanes' address space is used up
    Pipeline,          ///< the pipeline asked for has no tiles on the NPU
    WeightValues,      ///< W holds values that int8 cannot scale (NaN, Inf), or its shape is absurd
    ActivationValues,  ///< X holds NaN, Inf or values beyond int8 scaling
    EngineError,       ///< the engine refused the call (said once in the log)
};

inline constexpr size_t k_refusals = static_cast<size_t>(Refusal::EngineError) + 1;

/// The key in the stats' mul_mat.cpu_refused, e.g. "few_rows".
constexpr const char* name(Refusal refusal) {
    constexpr std::array<const char*, k_refusals> names{"empty_matrix",
                                                        "activation_type",
                                                        "layout",
                                                        "precision",
                                                        "hadamard_hint",
                                                        "weight_f32",
                                                        "weight_type",
                                                        "weight_is_computed",
                                                        "weight_is_written",
                                                        "weight_elsewhere",
                                                        "weight_in_compute_buffer",
                                                        "few_rows",
                                                        "cost",
                                                        "expert_id",
                                                        "no_device",
                                                        "no_memory",
                                                        "pipeline",
                                                        "weight_values",
                                                        "activation_values",
                                                        "engine_error"};
    return names[static_cast<size_t>(refusal)];
}

}  // namespace rosenblatt::ggml
