// SPDX-License-Identifier: MIT
#include "rocket/capture.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace rosenblatt::rocket {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string job_name(unsigned number) {
    char text[32];
    std::snprintf(text, sizeof text, "job-%06u", number);
    return text;
}

std::string bo_file_name(const char* kind, const LiveBo& bo) {
    char text[64];
    std::snprintf(text, sizeof text, "%s%03u-%08x.bin", kind, bo.handle, bo.iova);
    return text;
}

Error write_error(const fs::path& path) {
    return {EIO, "The capture file " + path.string() +
                     " cannot be written; is the disk full or the folder read-only?"};
}

Result<void> write_file(const fs::path& path, std::span<const std::byte> bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) return write_error(path);
    return {};
}

bool lists(const std::vector<uint32_t>& handles, const LiveBo& bo) {
    return std::find(handles.begin(), handles.end(), bo.handle) != handles.end();
}

bool contains(const LiveBo& bo, uint64_t iova) {
    return iova >= bo.iova && iova < bo.iova + static_cast<uint64_t>(bo.bytes.size());
}

// A lane's BOs may be gigabytes of weights; a job's streams name the ones it touches. Any value of
// a command word that falls into a BO counts, so the choice errs to the safe side.
class TouchedBos {
  public:
    TouchedBos(const Job& job, std::span<const LiveBo> bos)
        : bos_(bos), touched_(bos.size(), false) {
        for (size_t i = 0; i < bos.size(); ++i)
            touched_[i] = lists(job.in, bos[i]) || lists(job.out, bos[i]);
        for (const Task& task : job.tasks) scan(task);
    }

    bool operator[](size_t index) const { return touched_[index]; }

  private:
    const LiveBo* mark(uint64_t iova) {
        for (size_t i = 0; i < bos_.size(); ++i) {
            if (!contains(bos_[i], iova)) continue;
            touched_[i] = true;
            return &bos_[i];
        }
        return nullptr;
    }

    void scan(const Task& task) {
        const LiveBo* const stream = mark(task.regcmd);
        if (!stream) return;
        const size_t begin = task.regcmd - stream->iova;
        const size_t room = (stream->bytes.size() - begin) / sizeof(uint64_t);
        for (size_t i = 0; i < std::min<size_t>(task.words, room); ++i) {
            uint64_t word;
            std::memcpy(&word, stream->bytes.data() + begin + i * sizeof word, sizeof word);
            mark(static_cast<uint32_t>(word >>
                                       16));  // a word is target << 48 | value << 16 | register
        }
    }

    std::span<const LiveBo> bos_;
    std::vector<bool> touched_;
};

Json manifest_of(const Job& job, std::span<const LiveBo> bos, const TouchedBos& touched) {
    Json list = Json::array();
    for (size_t i = 0; i < bos.size(); ++i) {
        const Json file = touched[i] ? Json(bo_file_name("bo", bos[i])) : Json(nullptr);
        list.push_back({{"handle", bos[i].handle},
                        {"size", bos[i].bytes.size()},
                        {"dma", bos[i].iova},
                        {"file", file}});
    }
    Json tasks = Json::array();
    for (const Task& task : job.tasks)
        tasks.push_back({{"regcmd", task.regcmd}, {"count", task.words}});
    const Json one = {{"in", job.in}, {"out", job.out}, {"tasks", tasks}};
    return {{"bos", list}, {"submits", Json::array({{{"jobs", Json::array({one})}}})}};
}

}  // namespace

Result<std::shared_ptr<Capture>> Capture::open(const std::string& directory,
                                               std::function<void(const Error&)> on_stop) {
    std::error_code code;
    fs::create_directory(directory, code);
    if (code || !fs::is_directory(directory))
        return Error{code ? code.value() : ENOTDIR,
                     "The capture folder " + directory +
                         " cannot be made; give a folder whose parent exists and is writable."};
    unsigned used = 0;
    while (fs::exists(fs::path(directory) / job_name(used + 1))) ++used;
    return std::shared_ptr<Capture>(new Capture(directory, used, std::move(on_stop)));
}

void Capture::stop(const Error& why) {
    if (!stopped_.exchange(true) && on_stop_) on_stop_(why);
}

Result<fs::path> Capture::before(const Job& job, std::span<const LiveBo> bos) {
    const fs::path folder = directory_ / job_name(++used_);
    std::error_code code;
    fs::create_directory(folder, code);
    if (code) return write_error(folder);

    const TouchedBos touched(job, bos);
    for (size_t i = 0; i < bos.size(); ++i) {
        if (!touched[i]) continue;
        auto written = write_file(folder / bo_file_name("bo", bos[i]), bos[i].bytes);
        if (!written) return written.error();
    }
    const std::string text = manifest_of(job, bos, touched).dump(1) + "\n";
    auto written = write_file(folder / "manifest.json", std::as_bytes(std::span(text)));
    if (!written) return written.error();
    return folder;
}

Result<void> Capture::after(const fs::path& folder, const Job& job, std::span<const LiveBo> bos) {
    for (const LiveBo& bo : bos) {
        if (!lists(job.out, bo)) continue;
        auto written = write_file(folder / bo_file_name("expect-bo", bo), bo.bytes);
        if (!written) return written;
    }
    return {};
}

}  // namespace rosenblatt::rocket
