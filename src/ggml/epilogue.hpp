// SPDX-License-Identifier: MIT
// Epilogues: what becomes of pieces of one or two products before they are written: what outliers
// of X add, then additions, then a gate.
#pragma once

#include <cstdint>

#include "ggml/fusion.hpp"
#include "ggml/gates.hpp"
#include "ggml/outliers.hpp"
#include "matmul/rows.hpp"

namespace rosenblatt::ggml {

/// One of the products, for its outliers; `columns` null: X has had none taken out.
struct TermSource {
    const ggml_tensor* weight = nullptr;
    WeightColumns* columns = nullptr;
};

/// Writes a target's result; all that is named must outlive it. Thread-safe.
class Epilogue {
  public:
    Epilogue(const Target& target, TermSource first, TermSource second, const Outliers& outliers,
             Gates& gates)
        : target_(target), first_(first), second_(second), outliers_(outliers), gates_(gates) {}

    void operator()(const matmul::Piece& piece) const;
    /// What a gate makes of a piece goes to `to`, rows `stride` floats apart, instead.
    void gate(const matmul::Piece& piece, float* to, int64_t stride) const;

  private:
    void complete(const Term& term, const TermSource& source, const matmul::Piece& piece, float* y,
                  size_t addends) const;

    const Target& target_;
    TermSource first_, second_;
    const Outliers& outliers_;
    Gates& gates_;
};

}  // namespace rosenblatt::ggml
