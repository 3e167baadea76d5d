// SPDX-License-Identifier: MIT
#include "ggml/row_groups.hpp"

namespace rosenblatt::ggml {
namespace {

std::byte* row(const ggml_tensor& t, int64_t i1, int64_t i2, int64_t i3) {
    return static_cast<std::byte*>(t.data) + static_cast<size_t>(i1) * t.nb[1] +
           static_cast<size_t>(i2) * t.nb[2] + static_cast<size_t>(i3) * t.nb[3];
}

float* float_row(const ggml_tensor& t, int64_t i1, int64_t i2, int64_t i3) {
    return reinterpret_cast<float*>(row(t, i1, i2, i3));
}

// The rows that broadcast over matrix (i2, i3).
void append_rows(const ggml_tensor& node, int64_t i2, int64_t i3, RowGroups& rows) {
    const ggml_tensor& w = *node.src[0];
    const ggml_tensor& x = *node.src[1];
    const int64_t broadcast2 = x.ne[2] / w.ne[2];
    const int64_t broadcast3 = x.ne[3] / w.ne[3];
    for (int64_t j3 = i3 * broadcast3; j3 < (i3 + 1) * broadcast3; ++j3)
        for (int64_t j2 = i2 * broadcast2; j2 < (i2 + 1) * broadcast2; ++j2)
            for (int64_t m = 0; m < x.ne[1]; ++m) {
                rows.x.push_back(row(x, m, j2, j3));
                rows.y.push_back(float_row(node, m, j2, j3));
            }
}

void group_by_matrix(const ggml_tensor& node, RowGroups& rows) {
    const ggml_tensor& w = *node.src[0];
    for (int64_t i3 = 0; i3 < w.ne[3]; ++i3)
        for (int64_t i2 = 0; i2 < w.ne[2]; ++i2) {
            const size_t first = rows.x.size();
            append_rows(node, i2, i3, rows);
            rows.groups.push_back({i3 * w.ne[2] + i2, first, rows.x.size() - first});
        }
}

int32_t expert_id(const ggml_tensor& ids, int64_t u, int64_t t) {
    return *reinterpret_cast<const int32_t*>(static_cast<const std::byte*>(ids.data) +
                                             static_cast<size_t>(u) * ids.nb[0] +
                                             static_cast<size_t>(t) * ids.nb[1]);
}

// A counting sort by expert: rows of one expert stand together, in the order of their tokens.
std::optional<Refusal> group_by_expert(const ggml_tensor& node, RowGroups& rows) {
    const ggml_tensor& x = *node.src[1];
    const ggml_tensor& ids = *node.src[2];
    const int64_t experts = node.src[0]->ne[2];
    std::vector<size_t> end(static_cast<size_t>(experts), 0);
    for (int64_t t = 0; t < ids.ne[1]; ++t)
        for (int64_t u = 0; u < ids.ne[0]; ++u) {
            const int32_t expert = expert_id(ids, u, t);
            if (expert < 0 || expert >= experts) return Refusal::ExpertId;
            ++end[static_cast<size_t>(expert)];
        }
    size_t first = 0;
    for (int64_t e = 0; e < experts; ++e) {
        size_t& count = end[static_cast<size_t>(e)];
        if (count > 0) rows.groups.push_back({e, first, count});
        first += count;
        count = first - count;  // from here on: where the expert's next row goes
    }
    rows.x.resize(first);
    rows.y.resize(first);
    for (int64_t t = 0; t < ids.ne[1]; ++t)
        for (int64_t u = 0; u < ids.ne[0]; ++u) {
            const size_t at = end[static_cast<size_t>(expert_id(ids, u, t))]++;
            rows.x[at] = row(x, u % x.ne[1], t, 0);
            rows.y[at] = float_row(node, u, t, 0);
        }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> group_rows(const ggml_tensor& node, RowGroups& rows) {
    rows.x.clear();
    rows.y.clear();
    rows.groups.clear();
    if (node.op == GGML_OP_MUL_MAT_ID) return group_by_expert(node, rows);
    group_by_matrix(node, rows);
    return std::nullopt;
}

}  // namespace rosenblatt::ggml
