// SPDX-License-Identifier: MIT
// Which groups run in int8. Small losses of different tensors nearly add up, so each is measured
// alone and the sum is what is budgeted; the result is measured again as a whole.
#include <algorithm>

#include "cli/calibrate.hpp"

namespace rosenblatt::cli {
namespace {

double density(const CalibrateGroup& group) {
    return group.loss / group.macs;
}

}  // namespace

void choose_int8(std::vector<CalibrateGroup>& groups, double budget) {
    std::vector<CalibrateGroup*> order;
    for (CalibrateGroup& group : groups) order.push_back(&group);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
        return density(*a) < density(*b);
    });
    double spent = 0;
    for (CalibrateGroup* group : order) {
        const double loss = std::max(group->loss, 0.0);  // noise may be below zero
        group->int8 = spent + loss <= budget;
        if (group->int8) spent += loss;
    }
}

bool take_back_worst(std::vector<CalibrateGroup>& groups) {
    CalibrateGroup* worst = nullptr;
    for (CalibrateGroup& group : groups)
        if (group.int8 && (!worst || density(group) > density(*worst))) worst = &group;
    if (worst) worst->int8 = false;
    return worst != nullptr;
}

}  // namespace rosenblatt::cli
