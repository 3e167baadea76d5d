// SPDX-License-Identifier: MIT
// The recorded Mesa streams through our disassembler: against golden files, and against the listing
// another decoder made of them.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "regcmd/assemble.hpp"
#include "regcmd/disassemble.hpp"
#include "support/golden.hpp"
#include "support/vector.hpp"

namespace rosenblatt::regcmd {
namespace {

using test::Vector;

TEST(MesaStreams, DisassembleAsTheGoldenFilesSay) {
    const auto vectors = test::load_vectors();
    ASSERT_EQ(vectors.size(), 18u);
    for (const Vector& vector : vectors) {
        std::string text;
        for (size_t task = 0; task < vector.tasks.size(); ++task)
            text += "# task " + std::to_string(task) + "\n" + disassemble(vector.tasks[task]);
        test::expect_golden("regcmd/" + vector.name + ".txt", text);
    }
}

TEST(MesaStreams, AssembleBackToTheRecordedWords) {
    for (const Vector& vector : test::load_vectors())
        for (const auto& task : vector.tasks) {
            const auto words = assemble(disassemble(task));
            ASSERT_TRUE(words.ok()) << vector.name << ": " << words.error().message;
            EXPECT_EQ(*words, task) << vector.name;
        }
}

/// One line of regcmd.txt: "idx word t=TTTT OFFS NAME=0xVALUE FIELD=n ...", fields from the high
/// bit down, zero and 32-bit ones left out, everything raw.
struct ListingLine {
    uint64_t word;
    std::string name;
    std::vector<uint64_t> fields;  ///< from the low bit up
};

std::vector<ListingLine> read_listing(const Vector& vector) {
    std::ifstream file(vector.folder / "regcmd.txt");
    std::vector<ListingLine> lines;
    for (std::string text; std::getline(file, text);) {
        if (text.starts_with('#')) continue;
        std::istringstream tokens(text);
        std::string index, word, target, offset, field;
        ListingLine line;
        tokens >> index >> word >> target >> offset >> line.name;
        line.word = std::stoull(word, nullptr, 16);
        line.name = line.name.substr(0, line.name.find('='));
        while (tokens >> field)
            line.fields.insert(line.fields.begin(), std::stoull(field.substr(field.find('=') + 1)));
        lines.push_back(line);
    }
    return lines;
}

std::vector<uint64_t> raw_fields(const npu::RegisterInfo& entry, uint32_t value) {
    std::vector<uint64_t> fields;
    for (const npu::FieldInfo& field : entry.fields)
        if (field.width() < 32 && field.extract(value) != 0) fields.push_back(field.extract(value));
    return fields;
}

TEST(MesaStreams, AgreeWithTheListingOfAnotherDecoderInEveryFieldValue) {
    size_t compared = 0;
    for (const Vector& vector : test::load_vectors()) {
        std::vector<uint64_t> words;
        for (const auto& task : vector.tasks) words.insert(words.end(), task.begin(), task.end());
        const auto listing = read_listing(vector);
        ASSERT_EQ(listing.size(), words.size()) << vector.name;
        for (size_t i = 0; i < words.size(); ++i) {
            const Word word{words[i]};
            ASSERT_EQ(listing[i].word, word.bits) << vector.name << " word " << i;
            if (listing[i].name == "?" || word.kind() != WordKind::Register) continue;
            const npu::RegisterInfo* entry = npu::find_register(word.offset());
            ASSERT_NE(entry, nullptr) << listing[i].name;
            EXPECT_EQ(word.block()->block, entry->block) << listing[i].name;
            EXPECT_EQ(listing[i].name.find(word.block()->name), 0u) << listing[i].name;
            EXPECT_NE(listing[i].name.find(entry->name), std::string::npos) << entry->name;
            EXPECT_EQ(raw_fields(*entry, word.value()), listing[i].fields) << disassemble(word);
            ++compared;
        }
    }
    EXPECT_GT(compared, 22u * 120);  // 22 tasks of 130 words, a few of them without a register
}

}  // namespace
}  // namespace rosenblatt::regcmd
