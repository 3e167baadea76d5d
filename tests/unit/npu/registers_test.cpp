// SPDX-License-Identifier: MIT
// The generated registers: round trips, encodings, the table.
#include "npu/registers.hpp"

#include <gtest/gtest.h>

#include <random>

namespace rosenblatt::npu {
namespace {

TEST(Registers, UnpackThenPackIsTheIdentityForEveryRegisterAndRawValue) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for_each_register([&]<typename R>() {
        for (uint32_t raw : {0u, ~0u, 0x55555555u, 0xaaaaaaaau}) {
            raw &= ~R::reserved;
            ASSERT_EQ(R::unpack(raw).pack(), raw) << std::hex << R::offset;
        }
        for (int round = 0; round < 2000; ++round) {
            const uint32_t raw = static_cast<uint32_t>(random()) & ~R::reserved;
            ASSERT_EQ(R::unpack(raw).pack(), raw) << std::hex << R::offset;
        }
    });
}

TEST(Registers, ReservedBitsAreDroppedByUnpack) {
    for_each_register([]<typename R>() {
        ASSERT_EQ(R::unpack(~uint32_t{0}).pack(), ~R::reserved) << std::hex << R::offset;
    });
}

TEST(Registers, EveryDefaultPacksToZero) {
    for_each_register([]<typename R>() { ASSERT_EQ(R{}.pack(), 0u) << std::hex << R::offset; });
}

TEST(Registers, StructAndTableSayTheSame) {
    size_t count = 0;
    for_each_register([&]<typename R>() {
        ++count;
        const RegisterInfo* entry = find_register(R::offset);
        ASSERT_NE(entry, nullptr) << std::hex << R::offset;
        EXPECT_EQ(entry->block, R::block) << entry->name;
        EXPECT_EQ(entry->reserved, R::reserved) << entry->name;
        EXPECT_EQ(find_register(info(R::block).name, entry->name), entry);
    });
    EXPECT_EQ(count, std::size(k_registers));
}

TEST(Registers, ACountIsStoredLessOne) {
    constexpr core::DATAOUT_SIZE_0 size{.width = 1, .height = 168};
    static_assert(size.pack() == (167u << 16));
    static_assert(core::DATAOUT_SIZE_0::unpack(167u << 16) == size);
    EXPECT_EQ(cna::DATA_SIZE1{.datain_channel_real = 16384}.pack(), 0x3fff0000u);
}

TEST(Registers, ANegativeSurfaceStrideKeepsItsSign) {
    static_assert(cna::DMA_CON2{.surf_stride = -3}.pack() == 0x0ffffffd);
    static_assert(cna::DMA_CON2::unpack(0x0ffffffd).surf_stride == -3);
    static_assert(dpu::OUT_CVT_OFFSET{.value = -128}.pack() == 0xffffff80);
}

TEST(Registers, StridesAreAtomsAndAddressesAreBytes) {
    static_assert(dpu::DST_SURF_STRIDE{.surf_stride = 6400}.pack() == 0x19000);
    static_assert(pc::BASE_ADDRESS{.source_addr = 0x1389440}.pack() == 0x1389440);
}

TEST(Registers, ValuesEverybodyWritesComeOutAsTheReferenceHasThem) {
    static_assert(
        dpu::S_POINTER{.pointer_pp_en = true, .executer_pp_en = true, .pointer_pp_mode = true}
            .pack() == 0xe);
    static_assert(
        cna::CONV_CON1{.in_precision = Precision::Fp16, .proc_precision = Precision::Fp16}.pack() ==
        0x120);
    static_assert(dpu::DATA_FORMAT{.out_precision = DpuPrecision::Int32}.pack() == 0x80000000);
    static_assert(dpu::DATA_FORMAT{.proc_precision = DpuPrecision::Fp16,
                                   .in_precision = DpuPrecision::Fp16,
                                   .out_precision = DpuPrecision::Fp32}
                      .pack() == 0xa8000002);
    static_assert(
        dpu::BS_CFG{.bypass = true, .alu_bypass = true, .mul_bypass = true, .relu_bypass = true}
            .pack() == 0x53);
    static_assert(
        dpu::BS_OW_CFG{.od_bypass = true, .size_e_0 = 7, .size_e_1 = 7, .size_e_2 = 7}.pack() ==
        0x7fe);
    static_assert(dpu_rdma::FEATURE_MODE_CFG{.mrdma_disable = true, .burst_len = 15}.pack() ==
                  0x7810);
    static_assert(dpu_rdma::BRDMA_CFG{.use_alu = true}.pack() == 2);
    static_assert(
        pc::TASK_CON{
            .task_number = 1, .task_pp_en = true, .task_count_clear = true, .unknown_14 = true}
            .pack() == 0x7001);
    static_assert(global::OPERATION_ENABLE{.cna = true, .core = true, .dpu = true}.pack() == 0x0d);
    SUCCEED();
}

TEST(RegistersDeathTest, AValueThatDoesNotFitStopsTheProcessAndNamesTheField) {
    volatile uint32_t too_many = 16;
    EXPECT_DEATH((void)cna::CBUF_CON0{.data_bank = too_many}.pack(),
                 "CNA.CBUF_CON0.data_bank = 16");
    volatile uint32_t none = 0;
    EXPECT_DEATH((void)dpu::DATA_CUBE_WIDTH{.width = none}.pack(), "DPU.DATA_CUBE_WIDTH.width = 0");
    volatile int32_t too_low = -(1 << 27) - 1;
    EXPECT_DEATH((void)cna::DMA_CON2{.surf_stride = too_low}.pack(), "CNA.DMA_CON2.surf_stride");
    volatile uint32_t odd = 0x1008;
    EXPECT_DEATH((void)pc::BASE_ADDRESS{.source_addr = odd}.pack(), "PC.BASE_ADDRESS.source_addr");
}

TEST(Registers, UnknownOffsetsAndNamesFindNothing) {
    EXPECT_EQ(find_register(0x3034), nullptr);
    EXPECT_EQ(find_register(0xffff), nullptr);
    EXPECT_EQ(find_register("CNA", "MISC_CFG"), nullptr);
    EXPECT_EQ(find_block("NPU"), nullptr);
    EXPECT_EQ(find_block("DPU_RDMA")->target, 0x2001);
}

TEST(Registers, ABlockIsFoundByItsWindow) {
    EXPECT_EQ(block_of_offset(0x1184)->block, Block::Cna);
    EXPECT_EQ(block_of_offset(0x7ffc)->block, Block::PpuRdma);
    EXPECT_EQ(block_of_offset(0x2000), nullptr);
    EXPECT_EQ(block_of_offset(0x8000), nullptr);
}

}  // namespace
}  // namespace rosenblatt::npu
