// SPDX-License-Identifier: MIT
#include "rocket/capture.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "emukernel/port.hpp"
#include "rocket/lane.hpp"
#include "stream.hpp"

namespace rosenblatt::rocket {
namespace {

namespace fs = std::filesystem;
using namespace port_test;

class Folder {
  public:
    Folder() {
        std::string pattern = testing::TempDir() + "rosenblatt-capture-XXXXXX";
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path); }
    fs::path path;
};

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string content(const Bo& bo) {
    return {reinterpret_cast<const char*>(bo.data()), bo.size()};
}

class CaptureTest : public testing::Test {
  protected:
    CaptureTest() {
        const auto a = make_features(1);
        const auto b = make_weights(1);
        std::memcpy(features.data(), a.data(), a.size());
        std::memcpy(weights.data(), b.data(), b.size());
        const auto words = matmul_stream(features.iova(), weights.iova(), output.iova());
        std::memcpy(command.data(), words.data(), words.size() * sizeof words[0]);
        job.add(command.iova(), static_cast<uint32_t>(words.size()));
        job.reads(features);
        job.writes(output);
        words_ = words.size();
    }

    Bo make(size_t size) { return std::move(lane.create_bo(size)).value(); }
    void capture() {
        auto capture = Capture::open((folder.path / "captured").string());
        ASSERT_TRUE(capture) << capture.error().message;
        lane.set_capture(*capture);
    }

    Folder folder;
    std::unique_ptr<emukernel::Port> port = std::move(emukernel::Port::create()).value();
    Lane lane = std::move(Lane::open(*port, emukernel::k_device_path)).value();
    Bo features = make(k_input_bytes), weights = make(k_input_bytes), output = make(k_output_bytes),
       command = make(4096), bystander = make(4096);
    Job job;
    size_t words_;
};

TEST_F(CaptureTest, AJobBecomesAReplayFolder) {
    capture();
    const std::string before = content(output);
    ASSERT_TRUE(lane.submit(job));
    const fs::path at = folder.path / "captured" / "job-000001";
    const auto manifest = nlohmann::json::parse(content(at / "manifest.json"));
    ASSERT_EQ(manifest["bos"].size(), 5u);
    std::map<uint32_t, nlohmann::json> bos;
    for (const auto& bo : manifest["bos"]) bos[bo["handle"]] = bo;
    for (const Bo* bo : {&features, &weights, &output, &command}) {
        EXPECT_EQ(bos[bo->handle()]["dma"], bo->iova());
        EXPECT_EQ(bos[bo->handle()]["size"], bo->size());
        const std::string file = bos[bo->handle()]["file"];
        EXPECT_EQ(content(at / file), bo == &output ? before : content(*bo));
    }
    const auto& captured = manifest["submits"][0]["jobs"][0];
    EXPECT_EQ(captured["in"], nlohmann::json({features.handle()}));
    EXPECT_EQ(captured["out"], nlohmann::json({output.handle()}));
    EXPECT_EQ(captured["tasks"][0]["regcmd"], command.iova());
    EXPECT_EQ(captured["tasks"][0]["count"], words_);
}

TEST_F(CaptureTest, WhatCannotBeWrittenIsToldOnceAndTheJobsGoOn) {
    std::vector<std::string> told;
    auto capture = Capture::open((folder.path / "captured").string(),
                                 [&](const Error& why) { told.push_back(why.message); });
    ASSERT_TRUE(capture);
    lane.set_capture(*capture);
    fs::remove(folder.path / "captured");
    std::ofstream(folder.path / "captured") << "in the way";
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(lane.submit(job));
        ASSERT_TRUE(lane.wait(job, k_forever));
    }
    EXPECT_EQ(told.size(), 1u);
    const auto expected = expected_output(make_features(1), make_weights(1));
    EXPECT_EQ(content(output).substr(0, sizeof expected),
              std::string(reinterpret_cast<const char*>(expected.data()), sizeof expected));
}

TEST_F(CaptureTest, TheOutputAfterTheRunIsTheExpectation) {
    capture();
    ASSERT_TRUE(lane.submit(job));
    std::vector<fs::path> expectations;
    for (const auto& entry : fs::directory_iterator(folder.path / "captured" / "job-000001"))
        if (entry.path().filename().string().starts_with("expect-")) expectations.push_back(entry);
    ASSERT_EQ(expectations.size(), 1u);
    const auto expected = expected_output(make_features(1), make_weights(1));
    EXPECT_EQ(content(expectations[0]),
              std::string(reinterpret_cast<const char*>(expected.data()), sizeof expected));
}

TEST_F(CaptureTest, ABufferNoStreamNamesIsListedWithoutAFile) {
    capture();
    ASSERT_TRUE(lane.submit(job));
    const auto manifest =
        nlohmann::json::parse(content(folder.path / "captured" / "job-000001" / "manifest.json"));
    for (const auto& bo : manifest["bos"])
        EXPECT_EQ(bo["file"].is_null(), bo["handle"] == bystander.handle());
}

TEST_F(CaptureTest, LaterRunsContinueTheCount) {
    capture();
    ASSERT_TRUE(lane.submit(job));
    capture();
    ASSERT_TRUE(lane.submit(job));
    EXPECT_TRUE(fs::exists(folder.path / "captured" / "job-000002" / "manifest.json"));
}

TEST_F(CaptureTest, AFolderThatCannotBeMadeIsASentence) {
    const auto capture = Capture::open((folder.path / "no" / "such").string());
    ASSERT_FALSE(capture);
    EXPECT_NE(capture.error().message.find("parent"), std::string::npos);
}

}  // namespace
}  // namespace rosenblatt::rocket
