// SPDX-License-Identifier: MIT
// Where a verb's output may be put: nothing but a regular file is ever replaced.
#include "cli/input.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/json_text.hpp"

namespace rosenblatt::cli {
namespace {

namespace fs = std::filesystem;

class OutputPlace : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "rosenblatt-output-XXXXXX";
        ASSERT_TRUE(::mkdtemp(pattern.data()));
        folder_ = fs::canonical(pattern);
    }
    void TearDown() override { fs::remove_all(folder_); }
    fs::path folder_;
};

TEST_F(OutputPlace, IsANewFileOrARegularOne) {
    const std::string fresh = folder_ / "new", old = folder_ / "old";
    std::ofstream(old) << "before";
    EXPECT_EQ(*output_place(fresh), fresh);
    EXPECT_EQ(*output_place(old), old);
}

TEST_F(OutputPlace, OfALinkIsWhereItLeads) {
    const fs::path link = folder_ / "link", target = folder_ / "target";
    std::ofstream(target) << "before";
    fs::create_symlink(target, link);
    EXPECT_EQ(*output_place(link), target.string());
}

TEST_F(OutputPlace, OfARelativeNameIsInTheCurrentFolder) {
    EXPECT_EQ(*output_place("rosenblatt-no-such-file"),
              (fs::current_path() / "rosenblatt-no-such-file").string());
}

TEST_F(OutputPlace, IsNeverADeviceAPipeOrAFolder) {
    const fs::path pipe = folder_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    for (const std::string& path : {std::string("/dev/full"), pipe.string(), folder_.string()}) {
        const auto place = output_place(path);
        ASSERT_FALSE(place) << path;
        EXPECT_NE(place.error().message.find(path), std::string::npos);
    }
}

TEST_F(OutputPlace, InAFolderThatIsNotThereIsAnErrorAtOnce) {
    const auto place = output_place(folder_ / "none" / "file");
    ASSERT_FALSE(place);
    EXPECT_EQ(place.error().code, ENOENT);
}

// od -t x8 writes two words a line, some logs more; comments and addresses behind them are none.
TEST(WordsIn, TakesEveryWordOfALine) {
    const auto words = words_in("000000 0201000000b11040 0201000000001104\n"
                                "0x0201000000001100 0x020100000000100c 0x1000 CNA\n"
                                "7 0x81000d00000008\n");
    ASSERT_TRUE(words.ok());
    EXPECT_EQ(*words, (std::vector<uint64_t>{0x0201000000b11040, 0x0201000000001104,
                                             0x0201000000001100, 0x020100000000100c,
                                             0x81000d00000008}));
}

TEST(JsonText, TakesStringsThatAreNoUtf8) {
    EXPECT_EQ(json_text(nlohmann::json{{"file", "m\xfe.gguf"}}), "{\"file\":\"m\xEF\xBF\xBD.gguf\"}");
}

}  // namespace
}  // namespace rosenblatt::cli
