// SPDX-License-Identifier: MIT
// The stream of one matmul task: C[m][n] = sum over k of A[m][k] * W[n][k], as a 1x1 convolution
// over a feature map (hardware.md 6.1). A map one pixel wide and m lines high is the published
// recipe; one 16 pixels wide and m / 16 lines high is the same memory in longer runs.
#pragma once

#include <cstdint>
#include <vector>

#include "npu/cube.hpp"
#include "npu/geometry.hpp"

namespace rosenblatt::compile {

/// Sizes as run: k a multiple of 32, n of the operand's kernel group. Addresses are IOVAs,
/// multiples of 16.
struct MatmulTask {
    npu::Element operand = npu::Element::Int8;  ///< Int8, Fp16 or Int4
    /// Int32 for Int8; Fp32 or Fp16 for Fp16; Int16 for Int4: larger sums saturate.
    npu::Element result = npu::Element::Int32;
    uint32_t m = 0;
    uint32_t k = 0;
    uint32_t n = 0;
    uint32_t data_banks = 0;
    uint32_t weight_banks = 0;
    bool data_reuse = false;    ///< the CBUF holds these features from the task before
    bool weight_reuse = false;  ///< the CBUF holds these weights from the task before
    npu::FeatureStrides features;
    npu::OutputStrides output;
    uint32_t feature_address = 0;
    uint32_t weight_address = 0;
    uint32_t output_address = 0;
};

/// Strides of the native layouts: rows of a feature cube of `height` lines, one pixel wide; `m` of
/// its rows as a map of npu::map_width(m); and a C cube of its own.
npu::FeatureStrides native_features(uint32_t height);
npu::FeatureStrides folded_features(uint32_t m, uint32_t height);
npu::OutputStrides native_results(npu::Element operand, npu::Element result, uint32_t m);

/// Row-major A with `row_atoms` atoms per row, and row-major C likewise.
npu::OutputStrides row_major_results(npu::Element operand, npu::Element result, uint32_t row_atoms);

/// All words of the task, tail included; every register that matters is written, because their
/// contents survive from task to task (hardware.md 1.5).
std::vector<uint64_t> emit_matmul(const MatmulTask& task);

/// A stream whose three addresses can be set again without emitting it anew.
class TaskTemplate {
  public:
    explicit TaskTemplate(const MatmulTask& task);

    size_t size() const { return words_.size(); }
    /// Copies the stream to `to` (size() words) with these addresses.
    void write(uint64_t* to, uint32_t feature_address, uint32_t weight_address,
               uint32_t output_address) const;

  private:
    std::vector<uint64_t> words_;
    size_t feature_word_ = 0;
    size_t weight_word_ = 0;
    size_t output_word_ = 0;
};

}  // namespace rosenblatt::compile
