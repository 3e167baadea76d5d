// SPDX-License-Identifier: MIT
// Two products back to back: to the bit what they give one after the other, whatever fails.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine.hpp"

namespace rosenblatt::matmul {
namespace {

/// A feed-forward block: gate and up, joined element by element, then down.
struct Block {
    Problem gate, up, down;

    Block(int64_t m, int64_t k, int64_t hidden, int64_t n, uint64_t seed)
        : gate(m, k, hidden, seed), up(m, k, hidden, seed + 1), down(m, hidden, n, seed + 2) {
        up.x = gate.x;
    }
    static float join(float gate, float up) { return gate * 0.01F + up * 0.003F; }

    /// In plain loops, the middle as a matrix of its own.
    std::vector<float> truth(Pipeline pipeline) {
        const std::vector<float> g = gate.truth(pipeline), u = up.truth(pipeline);
        for (size_t i = 0; i < g.size(); ++i) down.x[i] = join(g[i], u[i]);
        return down.truth(pipeline);
    }
};

void join_piece(const Piece& piece, float* to, int64_t stride) {
    for (int64_t row = 0; row < piece.rows; ++row)
        for (int64_t i = 0; i < piece.n; ++i)
            to[row * stride + i] = Block::join(piece.y_row(row)[i], piece.second_row(row)[i]);
}

/// The block's weights on one device.
class Packed {
  public:
    Packed(Engine& engine, const Block& block, Pipeline pipeline)
        : engine_(engine),
          block_(block),
          gate_(weights_of(block.gate, pipeline)),
          up_(weights_of(block.up, pipeline)),
          down_(weights_of(block.down, pipeline)) {}

    Result<Outcome> run(std::vector<float>& y, const ParallelFor& parallel_for = run_serial,
                        const MakePiece& make = join_piece) const {
        std::vector<float*> rows;
        for (int64_t m = 0; m < block_.down.m; ++m) rows.push_back(y.data() + m * block_.down.n);
        const Output output{.weights = down_.get(), .rows = rows};
        const Middle middle{.weights = gate_.get(), .second = up_.get(), .make = make};
        EXPECT_TRUE(fits_back_to_back(middle, std::span(&output, 1), block_.down.m));
        const Problem& p = block_.gate;
        const Input x{p.m, [&p](int64_t m, float*) { return p.x.data() + m * p.k; }};
        return multiply_back_to_back(*engine_.device, x, middle, std::span(&output, 1),
                                     parallel_for);
    }

  private:
    std::unique_ptr<Weights> weights_of(const Problem& p, Pipeline pipeline) {
        auto packed = pack(*engine_.device, {p.n, p.k}, p.source(), pipeline);
        EXPECT_TRUE(packed.ok());
        return std::move(packed).value();
    }

    Engine& engine_;
    const Block& block_;
    const std::unique_ptr<Weights> gate_, up_, down_;
};

size_t wrong_elements(Engine& engine, Block& block, Pipeline pipeline,
                      const ParallelFor& parallel_for = run_serial) {
    const std::vector<float> truth = block.truth(pipeline);
    std::vector<float> y(truth.size());
    const auto outcome = Packed(engine, block, pipeline).run(y, parallel_for);
    EXPECT_TRUE(outcome && *outcome == Outcome::Done);
    return differing(y, truth);
}

TEST(BackToBack, GivesWhatBothProductsGiveOneAfterTheOther) {
    const int64_t shapes[][4] = {{1, 64, 96, 32},     {9, 96, 320, 65},    {31, 64, 1000, 40},
                                 {176, 160, 544, 96}, {300, 64, 1600, 33}, {520, 32, 640, 32}};
    for (const Pipeline pipeline : {Pipeline::W8A8H, Pipeline::W8A8, Pipeline::W4A8})
        for (const auto& [m, k, hidden, n] : shapes) {
            SCOPED_TRACE(std::to_string(m) + " rows, " + std::to_string(hidden) + " in the middle");
            Block block(m, k, hidden, n, 7);
            Engine engine;
            EXPECT_EQ(wrong_elements(engine, block, pipeline), 0u);
            EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
            EXPECT_TRUE(engine.warnings.empty());
        }
}

TEST(BackToBack, ThreadsLanesAndProofsChangeNoBit) {
    Block block(200, 96, 1100, 70, 21);
    for (const unsigned lanes : {1u, 2u, 3u})
        for (const unsigned count : {2u, 5u})
            for (const Verify verify : {Verify::Off, Verify::Checksum, Verify::Full}) {
                DeviceOptions options;
                options.lanes = lanes;
                options.verify = verify;
                Engine engine(options);
                EXPECT_EQ(wrong_elements(engine, block, Pipeline::W8A8H, threads(count)), 0u)
                    << lanes << " lanes, " << count << " threads";
            }
}

// Jobs 1 to 3 are gate's and up's, the next three down's.
TEST(BackToBack, FaultsInEitherProductEndInTheSameBits) {
    for (const char* kind : {"drop", "flip", "partial", "swap", "stale", "hang", "lost"})
        for (const int job : {1, 2, 3, 4, 6}) {
            std::string fault = kind + (":job=" + std::to_string(job));
            if (fault.starts_with("flip")) fault += ",bit=777";
            SCOPED_TRACE(fault);
            Block block(48, 200, 640, 90, 31);
            Engine engine({}, fault);
            EXPECT_EQ(wrong_elements(engine, block, Pipeline::W8A8H, threads(2)), 0u);
            EXPECT_LE(engine.warnings.size(), 1u);
        }
}

// The sums of gate and up are known only when all rows of the middle were made: they are made
// again.
TEST(BackToBack, AFlippedBitOfTheMiddleIsMendedBeforeTheNextProductBegins) {
    Block block(200, 64, 640, 40, 41);
    Engine engine({}, "flip:job=1,bit=30;flip:job=2,bit=5;flip:job=5,bit=12345");
    EXPECT_EQ(wrong_elements(engine, block, Pipeline::W8A8H, threads(3)), 0u);
    const Stats stats = engine.device->stats();
    EXPECT_GE(stats.checksum.mismatch, 3u);
    EXPECT_EQ(stats.checksum.mismatch, stats.checksum.retried);
    EXPECT_EQ(stats.checksum.cpu_fallback, 0u);
}

TEST(BackToBack, AMiddleOutOfRangeIsRefusedAndNothingIsWritten) {
    const auto endless = [](const Piece& piece, float* to, int64_t stride) {
        join_piece(piece, to, stride);
        if (piece.m0 + piece.rows > 150 && piece.n0 == 0)
            to[(piece.rows - 1) * stride] = std::numeric_limits<float>::infinity();
    };
    Block block(300, 64, 640, 40, 51);
    Engine engine;
    std::vector<float> y(300 * 40, 3.0F);
    const auto outcome = Packed(engine, block, Pipeline::W8A8H).run(y, threads(2), endless);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(*outcome, Outcome::OutOfRange);
    EXPECT_EQ(y, std::vector<float>(y.size(), 3.0F));
    EXPECT_EQ(engine.device->stats().checksum.mismatch, 0u);
}

TEST(BackToBack, TheMiddleIsNeitherWrittenNorRead) {
    Block block(176, 160, 640, 96, 61);
    Engine apart, together;
    expect_truth(apart, block.gate, Pipeline::W8A8H);
    const uint64_t gate_alone = apart.device->stats().host_bytes;
    expect_truth(apart, block.down, Pipeline::W8A8H);
    const uint64_t down_alone = apart.device->stats().host_bytes - gate_alone;
    EXPECT_EQ(wrong_elements(together, block, Pipeline::W8A8H), 0u);

    const uint64_t x = 176 * 160 * 4, cubes = 176 * 160 * 3, middle = 176 * 640 * 4;
    // Gate and up share X and its cubes; each alone would write its results, and down read one.
    EXPECT_EQ(together.device->stats().host_bytes,
              2 * gate_alone - x - cubes - 2 * middle + down_alone - middle);
}

TEST(BackToBack, ProductsThatDoNotFitAreNamed) {
    Engine engine;
    const Problem a(4, 64, 96, 1), b(4, 128, 32, 2);
    auto first = pack(*engine.device, {96, 64}, a.source(), Pipeline::W8A8H);
    auto second = pack(*engine.device, {32, 128}, b.source(), Pipeline::W8A8H);
    ASSERT_TRUE(first.ok() && second.ok());
    std::vector<float> y(4 * 32);
    std::vector<float*> rows{y.data(), y.data() + 32, y.data() + 64, y.data() + 96};
    const Output output{.weights = second->get(), .rows = rows};
    const Middle middle{.weights = first->get(), .make = join_piece};
    EXPECT_FALSE(fits_back_to_back(middle, std::span(&output, 1), 4));
    const Input x{4, [&](int64_t m, float*) { return a.x.data() + m * 64; }};
    const auto outcome = multiply_back_to_back(*engine.device, x, middle, std::span(&output, 1));
    ASSERT_FALSE(outcome.ok());
    EXPECT_NE(outcome.error().message.find("do not fit back to back"), std::string::npos);
}

}  // namespace
}  // namespace rosenblatt::matmul
