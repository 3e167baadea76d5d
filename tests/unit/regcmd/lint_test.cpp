// SPDX-License-Identifier: MIT
// Lint: silent on streams known to run, and each rule fires on the one change that breaks it.
#include "regcmd/lint.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>

#include "regcmd/stream.hpp"
#include "support/vector.hpp"

namespace rosenblatt::regcmd {
namespace {

using namespace npu;

std::vector<IovaRange> bos_of(const test::Vector& vector) {
    std::vector<IovaRange> bos;
    for (const test::VectorBo& bo : vector.bos) bos.push_back({bo.iova, bo.size});
    return bos;
}

TEST(Lint, HasNothingToSayAboutMesasStreams) {
    for (const test::Vector& vector : test::load_vectors())
        for (size_t task = 0; task < vector.tasks.size(); ++task)
            for (const Finding& finding : lint(vector.tasks[task], bos_of(vector)))
                ADD_FAILURE() << vector.name << " task " << task << " word " << finding.word << " "
                              << info(finding.rule).name << ": " << finding.message;
}

/// A stream to break: one task, and the buffers it works in.
class Stream {
  public:
    std::vector<uint64_t> words;
    std::vector<IovaRange> bos;

    explicit Stream(const std::string& vector_name) {
        static const std::vector<test::Vector> vectors = test::load_vectors();
        for (const test::Vector& vector : vectors)
            if (vector.name == vector_name) {
                words = vector.tasks[0];
                bos = bos_of(vector);
            }
    }

    size_t index_of(uint16_t offset) const {
        size_t found = words.size();
        for (size_t i = 0; i < words.size(); ++i)
            if (Word{words[i]}.kind() == WordKind::Register && Word{words[i]}.offset() == offset)
                found = i;
        EXPECT_LT(found, words.size());
        return found;
    }
    template <typename R>
    Stream& change(const std::function<void(R&)>& edit) {
        uint64_t& word = words[index_of(R::offset)];
        R reg = R::unpack(Word{word}.value());
        edit(reg);
        word = make_word(info(R::block).target, R::offset, reg.pack()).bits;
        return *this;
    }
    Stream& raw(uint16_t offset, uint32_t value) {
        uint64_t& word = words[index_of(offset)];
        word = make_word(Word{word}.target(), offset, value).bits;
        return *this;
    }
    template <typename R>
    Stream& drop() {
        std::erase_if(words, [](uint64_t bits) {
            return Word{bits}.kind() == WordKind::Register && Word{bits}.offset() == R::offset;
        });
        return *this;
    }
    std::set<Rule> rules() const {
        std::set<Rule> rules;
        for (const Finding& finding : lint(words, bos)) rules.insert(finding.rule);
        return rules;
    }
};

struct Breakage {
    Rule rule;
    std::function<void(Stream&)> edit;
    std::set<Rule> also = {};  ///< rules that the same change cannot but break too
};

/// The 1x1 convolution 8x8x32 -> 32 is what a matmul looks like, with a bias.
void expect_each(const std::vector<Breakage>& breakages, const std::string& vector) {
    for (const Breakage& breakage : breakages) {
        Stream stream(vector);
        breakage.edit(stream);
        std::set<Rule> expected = breakage.also;
        expected.insert(breakage.rule);
        EXPECT_EQ(stream.rules(), expected) << info(breakage.rule).name;
        if (stream.rules() == expected) continue;
        for (const Finding& finding : lint(stream.words, stream.bos))
            ADD_FAILURE() << "  word " << finding.word << " " << info(finding.rule).name << ": "
                          << finding.message;
    }
}

constexpr const char* k_matmul_like = "conv_8x8x32_k1_oc32_s1_valid";

TEST(Lint, FindsWhatIsWrongWithWordsAndTail) {
    expect_each(
        {
            {Rule::UnknownWord, [](Stream& s) { s.words[3] = make_word(0x0301, 0x100c, 0).bits; }},
            {Rule::UnknownRegister,
             [](Stream& s) { s.words[3] = make_word(0x0801, 0x3034, 0).bits; }},
            {Rule::WrongBlock, [](Stream& s) { s.words[3] = make_word(0x0801, 0x1040, 0).bits; }},
            {Rule::ReservedBits, [](Stream& s) { s.raw(cna::CBUF_CON1::offset, 0x80000004); }},
            {Rule::ReservedBits, [](Stream& s) { s.words.back() |= uint64_t{2} << 16; }},
            {Rule::OddTarget, [](Stream& s) { s.words[3] &= ~(uint64_t{1} << 48); }},
            {Rule::NoEnable, [](Stream& s) { s.words.back() = 0; }},
            {Rule::EmptyMask, [](Stream& s) { s.words.back() = enable_word({}).bits; }},
            {Rule::UnusualMask,
             [](Stream& s) { s.words.back() = enable_word({.core = true, .dpu = true}).bits; }},
            {Rule::PpuAlone,
             [](Stream& s) { s.words.back() = enable_word({.ppu = true, .ppu_rdma = true}).bits; },
             {Rule::PointerMissing}},
            {Rule::Marker, [](Stream& s) { s.words[s.words.size() - 2] = 0; }},
            {Rule::Tail, [](Stream& s) { s.words[s.words.size() - 3] = 0; }},
            {Rule::AfterEnable,
             [](Stream& s) {
                 s.words.insert(s.words.end(), {0, k_marker.bits});
             }},
            {Rule::OddLength, [](Stream& s) { s.words.push_back(0); }},
        },
        k_matmul_like);
}

TEST(Lint, FindsBlocksThatAreNotSetUp) {
    expect_each(
        {
            {Rule::PointerMissing,
             [](Stream& s) { s.drop<dpu::S_POINTER>().drop<dpu_rdma::S_POINTER>(); }},
            {Rule::PointerLate, [](Stream& s) { std::swap(s.words[4], s.words[60]); }},
            {Rule::PointerValue, [](Stream& s) { s.raw(dpu::S_POINTER::offset, 0); }},
            {Rule::RdmaUnconfigured,
             [](Stream& s) { s.raw(dpu_rdma::FEATURE_MODE_CFG::offset, 0); },
             {Rule::OutsideBo}},
            {Rule::RdmaUnconfigured,
             [](Stream& s) {
                 s.change<dpu_rdma::ERDMA_CFG>([](auto& r) { r.disable = false; });
                 s.drop<dpu_rdma::EW_BASE_ADDR>().drop<dpu_rdma::EW_SURF_NOTCH>();
             }},
            {Rule::Unwritten, [](Stream& s) { s.drop<dpu::BS_ALU_CFG>().drop<dpu::BS_MUL_CFG>(); }},
        },
        k_matmul_like);
}

TEST(Lint, FindsWhatTheCbufAndTheMacArrayCannotDo) {
    expect_each(
        {
            {Rule::BankSum,
             [](Stream& s) { s.change<cna::CBUF_CON0>([](auto& r) { r.data_bank = 2; }); }},
            {Rule::BankNone,
             [](Stream& s) { s.change<cna::CBUF_CON0>([](auto& r) { r.data_bank = 0; }); }},
            {Rule::FcDataBank,
             [](Stream& s) { s.change<cna::CBUF_CON0>([](auto& r) { r.fc_data_bank = 1; }); }},
            {Rule::KernelsTooMany,
             [](Stream& s) { s.change<cna::WEIGHT_SIZE2>([](auto& r) { r.kernels = 8193; }); },
             {Rule::WeightSize}},
            {Rule::KernelsMany,
             [](Stream& s) { s.change<cna::WEIGHT_SIZE2>([](auto& r) { r.kernels = 4128; }); },
             {Rule::WeightSize}},
            {Rule::KernelBytes,
             [](Stream& s) {
                 s.change<cna::WEIGHT_SIZE1>([](auto& r) { r.bytes_per_kernel = 32769; });
             },
             {Rule::WeightSize, Rule::KernelShape}},
            {Rule::WeightSize,
             [](Stream& s) { s.change<cna::WEIGHT_SIZE0>([](auto& r) { r.value -= 32; }); }},
            {Rule::KernelShape,
             [](Stream& s) { s.change<cna::WEIGHT_SIZE2>([](auto& r) { r.width = 2; }); }},
            {Rule::GrainsZero,
             [](Stream& s) { s.change<cna::CONV_CON2>([](auto& r) { r.feature_grains = 0; }); }},
            {Rule::StrideZero,
             [](Stream& s) { s.change<cna::CONV_CON3>([](auto& r) { r.conv_x_stride = 0; }); }},
            {Rule::DataEntries,
             [](Stream& s) { s.change<cna::CBUF_CON1>([](auto& r) { r.data_entries = 3; }); }},
            {Rule::FeatureStrides,
             [](Stream& s) { s.change<cna::DMA_CON1>([](auto& r) { r.line_stride = 31; }); }},
            {Rule::FeatureStrides,
             [](Stream& s) { s.change<cna::DMA_CON2>([](auto& r) { r.surf_stride = 31; }); }},
            {Rule::DmaSize,
             [](Stream& s) { s.change<cna::FC_DATA_SIZE0>([](auto& r) { r.dma_height = 7; }); }},
        },
        k_matmul_like);
}

TEST(Lint, FindsOutputsTheBlocksDisagreeAbout) {
    expect_each(
        {
            {Rule::OutputSize,
             [](Stream& s) { s.change<core::DATAOUT_SIZE_0>([](auto& r) { r.width = 9; }); }},
            {Rule::OutputSize,
             [](Stream& s) { s.change<dpu::WDMA_SIZE_1>([](auto& r) { r.height = 7; }); }},
            {Rule::OutputSize,
             [](Stream& s) { s.change<cna::DATA_SIZE3>([](auto& r) { r.dataout_atomics = 63; }); }},
            {Rule::OutputChannels,
             [](Stream& s) { s.change<core::DATAOUT_SIZE_1>([](auto& r) { r.channel = 64; }); }},
            {Rule::OutputChannels,
             [](Stream& s) {
                 s.change<dpu::DATA_CUBE_CHANNEL>([](auto& r) { r.orig_channel = 33; });
             },
             {Rule::OutsideBo}},
            {Rule::SizeE,
             [](Stream& s) { s.change<dpu::BS_OW_CFG>([](auto& r) { r.size_e_2 = 3; }); }},
            {Rule::Notch,
             [](Stream& s) { s.change<dpu::DATA_CUBE_NOTCH>([](auto& r) { r.notch_1 = 1; }); }},
            {Rule::Precision,
             [](Stream& s) {
                 s.change<core::MISC_CFG>([](auto& r) { r.proc_precision = Precision::Bf16; });
             },
             {Rule::SizeE}},
            {Rule::ConvMode,
             [](Stream& s) {
                 s.change<dpu::FEATURE_MODE_CFG>(
                     [](auto& r) { r.conv_mode = ConvMode::Depthwise; });
             }},
            {Rule::Fp16Output,
             [](Stream& s) {
                 s.change<dpu::DATA_FORMAT>([](auto& r) { r.out_precision = DpuPrecision::Fp16; });
             },
             {Rule::SizeE}},
        },
        k_matmul_like);
    expect_each({{Rule::SurfaceAdd,
                  [](Stream& s) { s.change<dpu::SURFACE_ADD>([](auto& r) { r.surf_add -= 1; }); }}},
                "conv_8x8x256_k1_oc256_s1_valid");
}

TEST(Lint, FindsAddressesThatAreUnalignedOrOutside) {
    const auto past_the_end = [](auto& r) { r.value += 0x100000; };
    expect_each(
        {
            {Rule::Unaligned,
             [](Stream& s) { s.change<cna::DCOMP_ADDR0>([](auto& r) { r.value += 8; }); }},
            {Rule::OutsideBo, [&](Stream& s) { s.change<cna::DCOMP_ADDR0>(past_the_end); }},
            {Rule::OutsideBo, [&](Stream& s) { s.change<cna::FEATURE_DATA_ADDR>(past_the_end); }},
            {Rule::OutsideBo, [&](Stream& s) { s.change<dpu::DST_BASE_ADDR>(past_the_end); }},
            {Rule::OutsideBo, [&](Stream& s) { s.change<dpu_rdma::BS_BASE_ADDR>(past_the_end); }},
            {Rule::OutsideBo,
             [](Stream& s) { s.change<cna::FEATURE_DATA_ADDR>([](auto& r) { r.value += 2064; }); }},
            {Rule::OutsideBo,
             [](Stream& s) {
                 s.change<dpu::DST_SURF_STRIDE>([](auto& r) { r.surf_stride *= 4; });
             }},
        },
        k_matmul_like);
}

TEST(Lint, WithoutBuffersOnlyAlignmentIsChecked) {
    Stream stream(k_matmul_like);
    stream.bos.clear();
    stream.change<cna::DCOMP_ADDR0>([](auto& r) { r.value = 0xfffffff8; });
    EXPECT_EQ(stream.rules(), std::set{Rule::Unaligned});
}

TEST(Lint, AReusedOperandIsNotFetchedAndMayBeAnywhere) {
    Stream stream(k_matmul_like);
    stream.change<cna::CBUF_CON0>([](auto& r) { r.weight_reuse = r.data_reuse = true; });
    stream.change<cna::DCOMP_ADDR0>([](auto& r) { r.value = 0; });
    stream.change<cna::FEATURE_DATA_ADDR>([](auto& r) { r.value = 0; });
    EXPECT_TRUE(stream.rules().empty());
}

TEST(Lint, PointsAtTheWordAndNamesTheValues) {
    Stream stream(k_matmul_like);
    stream.change<cna::CBUF_CON0>([](auto& r) { r.data_bank = 5; });
    const auto findings = lint(stream.words);
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].word, stream.index_of(cna::CBUF_CON0::offset));
    EXPECT_EQ(findings[0].message, "5 data banks and 11 weight banks are more than the CBUF's 12");
}

TEST(Lint, SurvivesAnyWords) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::vector<IovaRange> bos{{0, 0x10000}};
    EXPECT_FALSE(lint({}, bos).empty());
    for (int round = 0; round < 300; ++round) {
        std::vector<uint64_t> words(random() % 150);
        for (uint64_t& word : words) {
            const RegisterInfo& entry = k_registers[random() % std::size(k_registers)];
            word = random() % 8 == 0 ? random()
                                     : make_word(info(entry.block).target, entry.offset,
                                                 static_cast<uint32_t>(random()))
                                           .bits;
        }
        if (random() % 2)
            words.push_back(
                make_word(k_enable_target, k_enable_offset, static_cast<uint32_t>(random()) & 0x7d)
                    .bits);
        for (const Finding& finding : lint(words, bos)) {
            ASSERT_LT(finding.word, std::max<size_t>(words.size(), 1));
            ASSERT_FALSE(finding.message.empty());
        }
    }
}

}  // namespace
}  // namespace rosenblatt::regcmd
