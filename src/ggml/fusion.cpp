// SPDX-License-Identifier: MIT
#include "ggml/fusion.hpp"

#include <algorithm>
#include <cstring>

#include "ggml/memory_overlap.hpp"

namespace rosenblatt::ggml {
namespace {

bool has_dense_float_rows(const ggml_tensor& t) {
    return t.type == GGML_TYPE_F32 && t.nb[0] == sizeof(float);
}

bool is_row(const ggml_tensor& t, int64_t k) {
    return has_dense_float_rows(t) && t.ne[0] == k && ggml_nrows(&t) == 1;
}

// The result may be written piece by piece instead of what it is computed from.
bool is_suitable_result(const ggml_tensor& t, const ggml_tensor& shape) {
    return api::is_computed(t) && !t.view_src && ggml_are_same_shape(&t, &shape) &&
           has_dense_float_rows(t) && ggml_is_contiguous(&t);
}

bool has_one_matrix(const ggml_tensor& matmul) {
    return matmul.op == GGML_OP_MUL_MAT && matmul.src[0]->ne[2] * matmul.src[0]->ne[3] == 1;
}

class Finder {
  public:
    Finder(const ggml_cgraph& graph, int first, std::span<const int> together)
        : graph_(graph), first_(first), together_(together), found_(unfused(graph, together)) {}

    Fusion find() {
        const auto suits = [this](int i) { return has_one_matrix(*graph_.nodes[i]); };
        if (!std::all_of(together_.begin(), together_.end(), suits)) return found_;
        const Fusion alone = found_;
        while (add_next()) {
        }
        Fusion with_norm = found_;
        if (add_norm(with_norm) && is_safe(with_norm)) return with_norm;
        return is_safe(found_) ? found_ : alone;
    }

  private:
    // The next node that computes something joins, or nothing more does.
    bool add_next() {
        int i = found_.end;
        while (i < graph_.n_nodes && api::only_names_memory(graph_.nodes[i]->op)) ++i;
        if (i >= graph_.n_nodes || !(add_addition(i) || add_gate(i))) return false;
        found_.end = i + 1;
        return true;
    }

    // The target of which `tensor` is the result, read by nobody but one node.
    Target* target_of(const ggml_tensor* tensor) {
        for (Target& target : found_.targets)
            if (target.result == tensor && ggml_node_has_n_uses(&graph_, target.node, 1))
                return &target;
        return nullptr;
    }

    bool add_addition(int i) {
        const ggml_tensor& node = *graph_.nodes[i];
        if (node.op != GGML_OP_ADD) return false;
        for (const int side : {0, 1}) {
            Target* target = target_of(node.src[side]);
            const ggml_tensor& addend = *node.src[1 - side];
            if (!target || target->gate || !is_suitable_result(node, *target->result)) continue;
            if (!has_dense_float_rows(addend) || addend.ne[0] != node.ne[0] ||
                !ggml_can_repeat(&addend, &node))
                continue;
            target->first.addends.push_back(&addend);
            target->result = &node;
            target->node = i;
            return true;
        }
        return false;
    }

    bool add_gate(int i) {
        const ggml_tensor& node = *graph_.nodes[i];
        if (node.op != GGML_OP_GLU || !node.src[1]) return false;
        Target* first = target_of(node.src[0]);
        Target* second = target_of(node.src[1]);
        if (!first || !second || first == second || first->gate || second->gate) return false;
        if (!is_suitable_result(node, *first->result)) return false;
        first->second = second->first;
        first->gate = &node;
        first->result = &node;
        first->node = i;
        found_.targets.erase(found_.targets.begin() + (second - found_.targets.data()));
        return true;
    }

    // The last node before `i` that computes something and has not been computed; -1: none.
    int computed_before(int i) const {
        do --i;
        while (i >= first_ && api::only_names_memory(graph_.nodes[i]->op));
        return i >= first_ ? i : -1;
    }

    bool add_norm(Fusion& fusion) const {
        const ggml_tensor& x = *graph_.nodes[together_.front()]->src[1];
        int place = computed_before(together_.front());
        auto uses = static_cast<int32_t>(together_.size());
        Norm norm;
        if (place >= 0 && graph_.nodes[place] == &x && x.op == GGML_OP_MUL &&
            ggml_node_has_n_uses(&graph_, place, uses)) {
            uses = 1;
            place = computed_before(place);
            if (place < 0) return false;
            const int side = x.src[0] == graph_.nodes[place] ? 0 : 1;
            norm.gain = x.src[1 - side];
            if (x.src[side] != graph_.nodes[place] || !is_row(*norm.gain, x.ne[0])) return false;
        }
        if (place < 0) return false;
        const ggml_tensor& node = *graph_.nodes[place];
        if (node.op != GGML_OP_RMS_NORM || (!norm.gain && &node != &x)) return false;
        if (!ggml_node_has_n_uses(&graph_, place, uses) || !api::is_computed(node)) return false;
        norm.source = node.src[0];
        if (!has_dense_float_rows(*norm.source) || !ggml_are_same_shape(norm.source, &x) ||
            x.type != GGML_TYPE_F32)
            return false;
        std::memcpy(&norm.epsilon, node.op_params, sizeof(norm.epsilon));
        fusion.norm = norm;
        fusion.begin = place;
        return true;
    }

    bool is_safe(const Fusion& fusion) const {
        std::vector<const ggml_tensor*> read{fusion.norm ? fusion.norm->source
                                                         : graph_.nodes[together_.front()]->src[1]};
        if (fusion.norm && fusion.norm->gain) read.push_back(fusion.norm->gain);
        for (const Target& target : fusion.targets) {
            const auto& first = target.first.addends;
            read.insert(read.end(), first.begin(), first.end());
            if (target.second)
                read.insert(read.end(), target.second->addends.begin(),
                            target.second->addends.end());
        }
        for (size_t t = 0; t < fusion.targets.size(); ++t) {
            const ggml_tensor& result = *fusion.targets[t].result;
            for (const ggml_tensor* source : read)
                if (overlap(*source, result)) return false;
            for (size_t other = 0; other < t; ++other)
                if (overlap(*fusion.targets[other].result, result)) return false;
        }
        return true;
    }

    const ggml_cgraph& graph_;
    const int first_;
    const std::span<const int> together_;
    Fusion found_;
};

}  // namespace

bool Fusion::is_any() const {
    const auto plain = [](const Target& target) { return target.is_plain(); };
    return norm || !std::all_of(targets.begin(), targets.end(), plain);
}

Fusion unfused(const ggml_cgraph& graph, std::span<const int> together) {
    Fusion fusion{.begin = together.front(), .end = together.back() + 1, .norm = {}, .targets = {}};
    for (size_t p = 0; p < together.size(); ++p) {
        Target& target = fusion.targets.emplace_back();
        target.first.product = p;
        target.result = graph.nodes[together[p]];
        target.node = together[p];
    }
    return fusion;
}

int find_reader_of_gate(const ggml_cgraph& graph, const Fusion& fusion) {
    if (fusion.targets.size() != 1 || !fusion.targets[0].gate) return -1;
    const Target& target = fusion.targets[0];
    int i = fusion.end;
    while (i < graph.n_nodes && api::only_names_memory(graph.nodes[i]->op)) ++i;
    if (i >= graph.n_nodes || !ggml_node_has_n_uses(&graph, target.node, 1)) return -1;
    const ggml_tensor& node = *graph.nodes[i];
    const bool reads = node.src[1] == target.result && node.src[0] != target.result;
    return reads && api::is_computed(node) && has_one_matrix(node) ? i : -1;
}

bool is_safe_before(const Fusion& before, const Fusion& after) {
    for (const Target& target : before.targets)
        for (const Term* term : {&target.first, target.second ? &*target.second : nullptr}) {
            if (!term) continue;
            for (const ggml_tensor* addend : term->addends)
                for (const Target& written : after.targets)
                    if (overlap(*addend, *written.result)) return false;
        }
    return true;
}

Fusion find_fusion(const ggml_cgraph& graph, int first, std::span<const int> together) {
    return Finder(graph, first, together).find();
}

}  // namespace rosenblatt::ggml
