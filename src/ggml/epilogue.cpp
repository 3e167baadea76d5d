// SPDX-License-Identifier: MIT
#include "ggml/epilogue.hpp"

#include "ggml/row_ops.hpp"

namespace rosenblatt::ggml {

// Adds outliers and the first `addends` of the term's addends to the rows that begin at `y`.
void Epilogue::complete(const Term& term, const TermSource& source, const matmul::Piece& piece,
                        float* y, size_t addends) const {
    for (int64_t i = 0; i < piece.rows; ++i, y += piece.stride) {
        const int64_t m = piece.m0 + i;
        if (source.columns)
            outliers_.put_back(*source.weight, 0, 0, *source.columns, m, piece.n0, piece.n, y);
        for (size_t a = 0; a < addends; ++a)
            add(y, row_of(*term.addends[a], *target_.result, m) + piece.n0, piece.n, y);
    }
}

void Epilogue::gate(const matmul::Piece& piece, float* to, int64_t stride) const {
    const Term& first = target_.first;
    complete(first, first_, piece, piece.y, first.addends.size());
    complete(*target_.second, second_, piece, piece.second, target_.second->addends.size());
    gates_.run(*target_.gate, piece, to, static_cast<size_t>(stride) * sizeof(float));
}

void Epilogue::operator()(const matmul::Piece& piece) const {
    const ggml_tensor& result = *target_.result;
    const Term& first = target_.first;
    if (target_.gate)
        return gate(piece, row_of(result, result, piece.m0) + piece.n0,
                    static_cast<int64_t>(result.nb[1] / sizeof(float)));
    const size_t last = first.addends.size() - 1;  // goes with the write
    complete(first, first_, piece, piece.y, last);
    for (int64_t i = 0; i < piece.rows; ++i) {
        const int64_t m = piece.m0 + i;
        add(piece.y_row(i), row_of(*first.addends[last], result, m) + piece.n0, piece.n,
            row_of(result, result, m) + piece.n0);
    }
}

}  // namespace rosenblatt::ggml
