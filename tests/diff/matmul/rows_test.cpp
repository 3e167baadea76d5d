// SPDX-License-Identifier: MIT
// X that is computed row by row, and Y that a function takes: the same bits as rows in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "engine.hpp"
#include "matmul/refine.hpp"

namespace rosenblatt::matmul {
namespace {

/// Collects what a target function is given, and how often.
struct Taken {
    int64_t n;
    std::vector<float> values;
    std::vector<int> times;
    std::vector<float> second;

    Taken(int64_t rows, int64_t columns)
        : n(columns), values(static_cast<size_t>(rows * columns)), times(values.size()),
          second(values.size()) {}

    // Pieces do not overlap, so threads do not meet.
    WritePiece function() {
        return [this](const Piece& piece) {
            for (int64_t row = 0; row < piece.rows; ++row)
                for (int64_t i = 0; i < piece.n; ++i) {
                    const auto at = static_cast<size_t>((piece.m0 + row) * n + piece.n0 + i);
                    values[at] = piece.y_row(row)[i];
                    times[at] += 1;
                    if (piece.second) second[at] = piece.second_row(row)[i];
                }
        };
    }
    bool each_once() const {
        return std::all_of(times.begin(), times.end(), [](int count) { return count == 1; });
    }
    bool none_missing() const {
        return std::all_of(times.begin(), times.end(), [](int count) { return count >= 1; });
    }
};

Input computed_rows(const Problem& p) {
    return {p.m, [&p](int64_t m, float* scratch) {
                std::copy_n(p.x.data() + m * p.k, p.k, scratch);
                return scratch;
            }};
}

void expect_same_through_functions(Engine& engine, int64_t m, int64_t k, int64_t n) {
    SCOPED_TRACE(std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n));
    const Problem gate(m, k, n, 11), up(m, k, n, 12);
    Problem both = up;
    both.x = gate.x;
    auto w1 = pack(*engine.device, {n, k}, gate.source(), Pipeline::W8A8H);
    auto w2 = pack(*engine.device, {n, k}, up.source(), Pipeline::W8A8H);
    ASSERT_TRUE(w1.ok() && w2.ok());
    Taken taken(m, n);
    const Output output{.weights = w1->get(), .write = taken.function(), .second = w2->get()};
    const auto outcome =
        multiply(*engine.device, computed_rows(gate), std::span(&output, 1), threads(3));
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    EXPECT_EQ(*outcome, Outcome::Done);
    EXPECT_TRUE(taken.none_missing());
    EXPECT_TRUE(taken.each_once() || engine.device->stats().checksum.mismatch > 0);
    EXPECT_EQ(differing(taken.values, gate.truth(Pipeline::W8A8H)), 0u);
    EXPECT_EQ(differing(taken.second, both.truth(Pipeline::W8A8H)), 0u);
}

TEST(Rows, ComputedRowsAndTargetFunctionsChangeNoBit) {
    Engine engine;
    expect_same_through_functions(engine, 50, 320, 100);
    expect_same_through_functions(engine, 37, 2500, 1100);
    expect_same_through_functions(engine, 1, 96, 33);
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
}

TEST(Rows, TargetFunctionsTakeTheRightValuesLastWhateverTheFault) {
    for (const char* fault : {"flip:job=2,bit=99", "drop:job=1;drop:job=3", "lost:job=1"}) {
        SCOPED_TRACE(fault);
        Engine engine({}, fault);
        expect_same_through_functions(engine, 50, 320, 100);
    }
}

TEST(Rows, RefinedProductsReachTargetFunctionsToo) {
    Engine engine;
    const Problem p(3, 256, 70, 13);
    auto weights = pack(*engine.device, {p.n, p.k}, p.source(), Pipeline::W8A8H);
    ASSERT_TRUE(weights.ok());
    std::vector<float> y(static_cast<size_t>(p.m * p.n));
    std::array<float*, 3> rows{y.data(), y.data() + p.n, y.data() + 2 * p.n};
    const Output plain{.weights = weights->get(), .rows = rows};
    ASSERT_TRUE(multiply_refined(*engine.device, computed_rows(p), std::span(&plain, 1)).ok());
    Taken taken(p.m, p.n);
    const Output target{
        .weights = weights->get(), .write = taken.function(), .second = weights->get()};
    ASSERT_TRUE(multiply_refined(*engine.device, computed_rows(p), std::span(&target, 1)).ok());
    EXPECT_TRUE(taken.each_once());
    EXPECT_EQ(differing(taken.values, y), 0u);
    EXPECT_EQ(differing(taken.second, y), 0u);
}

TEST(Rows, TargetsThatDoNotFitAreNamed) {
    Engine engine;
    const Problem a(2, 64, 32, 1), b(2, 64, 48, 2);
    auto wa = pack(*engine.device, {32, 64}, a.source(), Pipeline::W8A8H);
    auto wb = pack(*engine.device, {48, 64}, b.source(), Pipeline::W8A8H);
    ASSERT_TRUE(wa.ok() && wb.ok());
    std::vector<float> y(64);
    std::array<float*, 2> rows{y.data(), y.data() + 32};
    const WritePiece ignore = [](const Piece&) {};
    const auto refusal = [&](const Output& output) {
        const auto outcome =
            multiply(*engine.device, computed_rows(a), std::span(&output, 1));
        return outcome ? std::string() : outcome.error().message;
    };
    EXPECT_NE(refusal({.weights = wa->get(), .write = ignore, .second = wb->get()})
                  .find("another shape"),
              std::string::npos);
    EXPECT_NE(refusal({.weights = wa->get(), .rows = rows, .second = wa->get()})
                  .find("need a function"),
              std::string::npos);
    EXPECT_NE(refusal({.weights = wa->get(), .rows = rows, .write = ignore}).find("both"),
              std::string::npos);
}

}  // namespace
}  // namespace rosenblatt::matmul
