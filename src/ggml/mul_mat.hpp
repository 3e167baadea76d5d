// SPDX-License-Identifier: MIT
// MUL_MAT and MUL_MAT_ID: which of them the NPU can do, and doing some that share their X.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/options.hpp"
#include "ggml/api.hpp"
#include "ggml/cpu_delegate.hpp"
#include "ggml/epilogue.hpp"
#include "ggml/fusion.hpp"
#include "ggml/gates.hpp"
#include "ggml/outliers.hpp"
#include "ggml/refusal.hpp"
#include "ggml/row_groups.hpp"
#include "ggml/tile_store.hpp"
#include "matmul/device.hpp"
#include "matmul/multiply.hpp"

namespace rosenblatt::ggml {

struct MulMatShape {
    int64_t m = 0;  ///< rows that meet one matrix, broadcasting included
    int64_t k = 0;
    int64_t n = 0;
    int64_t matrices = 0;  ///< that meet rows
};

/// Experts count as dealt evenly: which ones meet how many rows is known only when the ids are.
MulMatShape mul_mat_shape(const ggml_tensor& node);
uint64_t mul_mat_macs(const ggml_tensor& node);

/// Why the NPU cannot do this MUL_MAT whatever its size; nothing when it can.
std::optional<Refusal> unsuitable(const ggml_tensor& node, Pipeline pipeline);

/// One of the matmuls that run together.
struct Product {
    const ggml_tensor* node = nullptr;
    RowGroups rows;
    std::shared_ptr<const Tiles> tiles;  ///< of every matrix that meets rows
};

/// True when both have the same X, so that it needs to be quantised but once: q, k and v, or gate
/// and up.
bool share_x(const ggml_tensor& a, const ggml_tensor& b);
/// Both of these, whose tiles were found, run in the same pipeline.
bool same_pipeline(const Product& a, const Product& b);

/// Multiplies, and computes what is fused with it; keeps its memory from call to call.
class MulMat {
  public:
    /// Computes the products' nodes, which are suitable and share X and pipeline. A refusal: none of
    /// them was completed, the CPU has to compute them.
    std::optional<Refusal> run(matmul::Device& device, std::span<const Product> products,
                               CpuDelegate& cpu);
    /// The same with all that is fused with them. A refusal: nothing was written.
    std::optional<Refusal> run(matmul::Device& device, std::span<const Product> products,
                               const Fusion& fusion, CpuDelegate& cpu);
    /// Also the product that alone reads the gate of `fusion`, and what is fused with it, without
    /// the gate's result in memory. False: nothing was written, they have to run one by one.
    bool run_back_to_back(matmul::Device& device, std::span<const Product> products,
                          const Fusion& fusion, const Product& next, const Fusion& after,
                          CpuDelegate& cpu);

  private:
    void gather_x(const Product& product, const RowGroups::Group& group, CpuDelegate& cpu);
    matmul::Input x_of(const Product& product, const std::optional<Norm>& norm) const;
    matmul::Output output_of(const Target& target, std::span<const Product> products, bool rotated,
                             const Outliers& outliers);
    Epilogue epilogue_of(const Target& target, std::span<const Product> products, bool rotated,
                         const Outliers& outliers);
    matmul::Input packed_x(std::span<const Product> products, const Fusion& fusion,
                           CpuDelegate& cpu);
    std::optional<Refusal> multiply(matmul::Device& device, const matmul::Input& x,
                                    CpuDelegate& cpu);
    static void put_back(const Product& product, const RowGroups::Group& rows,
                         const Outliers& outliers, CpuDelegate& cpu);
    std::optional<Refusal> run_group(matmul::Device& device, std::span<const Product> products,
                                     size_t group, CpuDelegate& cpu);

    std::vector<const float*> x_;
    std::vector<matmul::Output> outputs_;
    Outliers outliers_;
    Outliers outliers_of_middle_;  // of the second of two products back to back
    Gates gates_;
    std::vector<float> converted_;  // rows of an F16 or BF16 src1
};

}  // namespace rosenblatt::ggml
