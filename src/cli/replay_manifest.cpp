// SPDX-License-Identifier: MIT
// Reading a manifest from whoever wrote it: every number has a range, every name stays inside.
#include "cli/replay_manifest.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "base/unique_fd.hpp"

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::json;

constexpr uint64_t k_iova_end = uint64_t{1} << 32;  // the registers hold 32 bits
constexpr uint64_t k_manifest_limit = 16 << 20;
constexpr size_t k_bo_limit = 65536;
constexpr size_t k_task_limit = 65536;
constexpr size_t k_handle_limit = 65536;  // of one job
constexpr uint64_t k_word_limit = 1 << 24;  // of all tasks: 128 MiB of streams

template <typename... Values>
Error wrong(fmt::format_string<Values...> sentence, Values&&... values) {
    return {EINVAL, "manifest.json: " + fmt::format(sentence, std::forward<Values>(values)...)};
}

Result<uint64_t> number(const Json& object, const char* name, uint64_t limit) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned())
        return wrong("\"{}\" is missing or no whole number from 0 up", name);
    const auto value = found->get<uint64_t>();
    if (value > limit) return wrong("\"{}\" is {}; at most {} makes sense", name, value, limit);
    return value;
}

Result<const Json*> array(const Json& object, const char* name) {
    if (!object.is_object())
        return wrong("\"{}\" is looked for in something that is no object", name);
    const auto found = object.find(name);
    if (found == object.end() || !found->is_array())
        return wrong("the list \"{}\" is missing", name);
    return &*found;
}

bool is_plain_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
}

Result<ReplayBo> parse_bo(const Json& json) {
    if (!json.is_object()) return wrong("an entry of \"bos\" is no object");
    const auto handle = number(json, "handle", UINT32_MAX);
    if (!handle) return handle.error();
    const auto iova = number(json, "dma", k_iova_end - 1);
    if (!iova) return iova.error();
    const auto size = number(json, "size", k_iova_end - *iova);
    if (!size) return size.error();
    if (*size == 0) return wrong("BO {} has no bytes", *handle);
    ReplayBo bo{static_cast<uint32_t>(*handle), *iova, *size, std::nullopt};
    const auto file = json.find("file");
    if (file == json.end() || file->is_null()) return bo;
    if (!file->is_string() || !is_plain_name(file->get<std::string>()))
        return wrong("the file of BO {} is {}; it must be the name of a file in the folder",
                     *handle, file->dump(-1, ' ', true, Json::error_handler_t::replace));
    bo.file = file->get<std::string>();
    return bo;
}

Result<void> parse_bos(const Json& manifest, std::vector<ReplayBo>& bos) {
    const auto list = array(manifest, "bos");
    if (!list) return list.error();
    if ((*list)->size() > k_bo_limit)
        return wrong("{} BOs; at most {}", (*list)->size(), k_bo_limit);
    std::set<uint32_t> handles;
    for (const Json& json : **list) {
        auto bo = parse_bo(json);
        if (!bo) return bo.error();
        if (!handles.insert(bo->handle).second)
            return wrong("handle {} is listed twice", bo->handle);
        bos.push_back(*std::move(bo));
    }
    std::ranges::sort(bos, {}, &ReplayBo::iova);
    for (size_t i = 1; i < bos.size(); ++i)
        if (bos[i - 1].iova + bos[i - 1].size > bos[i].iova)
            return wrong("BOs {} and {} overlap at {:#x}", bos[i - 1].handle, bos[i].handle,
                         bos[i].iova);
    return {};
}

Result<void> parse_handles(const Json& json, const char* name, const ReplayManifest& manifest,
                           std::vector<uint32_t>& handles) {
    const auto list = array(json, name);
    if (!list) return list.error();
    if ((*list)->size() > k_handle_limit)
        return wrong("{} handles in \"{}\"; at most {}", (*list)->size(), name, k_handle_limit);
    for (const Json& handle : **list) {
        if (!handle.is_number_unsigned() || handle.get<uint64_t>() > UINT32_MAX ||
            manifest.bo(handle.get<uint32_t>()) == nullptr)
            return wrong("\"{}\" names {}, which is no BO's handle", name,
                         handle.dump(-1, ' ', true, Json::error_handler_t::replace));
        handles.push_back(handle.get<uint32_t>());
    }
    return {};
}

/// What all jobs together may still have.
struct Budget {
    size_t tasks = k_task_limit;
    uint64_t words = k_word_limit;
};

Result<ReplayJob> parse_job(const Json& json, const ReplayManifest& manifest, Budget& left) {
    ReplayJob job;
    if (auto parsed = parse_handles(json, "in", manifest, job.in); !parsed) return parsed.error();
    if (auto parsed = parse_handles(json, "out", manifest, job.out); !parsed) return parsed.error();
    const auto tasks = array(json, "tasks");
    if (!tasks) return tasks.error();
    for (const Json& task : **tasks) {
        if (left.tasks-- == 0) return wrong("more than {} tasks", k_task_limit);
        if (!task.is_object()) return wrong("an entry of \"tasks\" is no object");
        const auto regcmd = number(task, "regcmd", k_iova_end - 1);
        if (!regcmd) return regcmd.error();
        const auto count = number(task, "count", UINT32_MAX);
        if (!count) return count.error();
        if (*count > left.words) return wrong("the tasks have more than {} words", k_word_limit);
        left.words -= *count;
        job.tasks.push_back({static_cast<uint32_t>(*regcmd), static_cast<uint32_t>(*count)});
    }
    return job;
}

}  // namespace

const ReplayBo* ReplayManifest::bo(uint32_t handle) const {
    const auto found = std::ranges::find(bos, handle, &ReplayBo::handle);
    return found == bos.end() ? nullptr : &*found;
}

Result<ReplayManifest> parse_replay_manifest(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return wrong("this is no JSON");
    ReplayManifest manifest;
    if (auto parsed = parse_bos(json, manifest.bos); !parsed) return parsed.error();
    const auto submits = array(json, "submits");
    if (!submits) return submits.error();
    Budget left;
    for (const Json& submit : **submits) {
        const auto jobs = array(submit, "jobs");
        if (!jobs) return jobs.error();
        for (const Json& entry : **jobs) {
            auto job = parse_job(entry, manifest, left);
            if (!job) return job.error();
            manifest.jobs.push_back(*std::move(job));
        }
    }
    if (left.tasks == k_task_limit) return wrong("there is no task in it");
    return manifest;
}

Result<ReplayManifest> read_replay_manifest(const std::string& folder) {
    const auto text = read_folder_file(folder, "manifest.json", k_manifest_limit);
    if (!text)
        return Error{text.error().code,
                     folder + " is not a replay folder: " + text.error().message};
    auto manifest = parse_replay_manifest(*text);
    if (!manifest)
        return Error{EINVAL, folder + " is not a replay folder: " + manifest.error().message};
    return manifest;
}

Result<std::string> read_folder_file(const std::string& folder, const std::string& name,
                                     uint64_t limit) {
    const std::string path = folder + "/" + name;
    // Non-blocking, so that a fifo cannot hold us up before we see what it is.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) < 0)
        return Error{errno, "cannot read " + path + ": " + std::strerror(errno)};
    if (!S_ISREG(status.st_mode)) return Error{EINVAL, path + " is not a file"};
    const auto size = static_cast<uint64_t>(status.st_size);
    if (size > limit)
        return Error{EFBIG,
                     fmt::format("{} has {} bytes; at most {} make sense", path, size, limit)};
    std::string bytes(size, '\0');
    size_t done = 0;
    while (done < size) {
        const ssize_t got = ::read(fd.get(), bytes.data() + done, size - done);
        if (got < 0) return Error{errno, "cannot read " + path + ": " + std::strerror(errno)};
        if (got == 0) break;
        done += static_cast<size_t>(got);
    }
    bytes.resize(done);
    return bytes;
}

}  // namespace rosenblatt::cli
