// SPDX-License-Identifier: MIT
// rosenblatt-bench-ggml THREADS plain|amx: multiplies with ggml's CPU backend on request, for `rosenblatt bench`.
// A program of its own, so that no verb needs llama.cpp and a kernel that this machine cannot run ends only
// this.
//
// Reads lines on stdin, answers each with one line of JSON on stdout:
//   prepare TYPE M K N    makes X[M][K] in F32 and W[N][K] as TYPE (q8_0, f16) in each buffer type that takes it
//                         and multiplies once; answers with their names
//   run                   multiplies once in each; answers {"CPU": seconds, ...}
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "ggml.h"

namespace {

using Json = nlohmann::ordered_json;
using Context = std::unique_ptr<ggml_context, decltype(&ggml_free)>;
using Buffer = std::unique_ptr<ggml_backend_buffer, decltype(&ggml_backend_buffer_free)>;

/// Backends lie beside libggml in our builds; a distribution's libggml knows its own folder.
ggml_backend_dev_t cpu_device() {
    Dl_info library{};
    if (dladdr(reinterpret_cast<void*>(&ggml_backend_load_all), &library) != 0) {
        const auto folder = std::filesystem::path(library.dli_fname).parent_path();
        ggml_backend_load_all_from_path(folder.c_str());
    }
    if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) ggml_backend_load_all();
    return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
}

/// The device's own buffer type and those that repack weights; with `amx` only AMX's.
std::vector<ggml_backend_buffer_type_t> buffer_types(ggml_backend_dev_t device, bool amx) {
    std::vector<ggml_backend_buffer_type_t> all{ggml_backend_dev_buffer_type(device)};
    const auto extra = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(ggml_backend_reg_get_proc_address(
        ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
    if (extra != nullptr)
        for (auto* type = extra(device); type != nullptr && *type != nullptr; ++type) all.push_back(*type);
    std::erase_if(all, [amx](ggml_backend_buffer_type_t type) {
        return amx != (std::strstr(ggml_backend_buft_name(type), "AMX") != nullptr);
    });
    return all;
}

struct Shape {
    ggml_type type = GGML_TYPE_Q8_0;
    int64_t m = 0, k = 0, n = 0;
};

/// Small numbers without a pattern, the same in every run.
std::vector<float> numbers(int64_t count) {
    std::vector<float> out(static_cast<size_t>(count));
    uint32_t state = 1;
    for (float& value : out) {
        state = state * 1664525 + 1013904223;
        value = static_cast<float>(static_cast<int32_t>(state) >> 8) * 0x1p-23F;
    }
    return out;
}

/// One product with the weights in one buffer type.
class Product {
  public:
    static std::unique_ptr<Product> make(ggml_backend_dev_t device, ggml_backend_t backend,
                                         ggml_backend_buffer_type_t buffer_type, const Shape& shape) {
        auto product = std::unique_ptr<Product>(new Product(backend, buffer_type, shape));
        if (!product->weights_buffer_ || !product->other_buffer_) return nullptr;
        if (!ggml_backend_dev_supports_op(device, product->y_)) return nullptr;
        product->fill(shape);
        return product;
    }
    const std::string& name() const { return name_; }

    double seconds() {
        const auto start = std::chrono::steady_clock::now();
        if (ggml_backend_graph_compute(backend_, graph_) != GGML_STATUS_SUCCESS) return -1;
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

  private:
    Product(ggml_backend_t backend, ggml_backend_buffer_type_t buffer_type, const Shape& shape)
        : backend_(backend), name_(ggml_backend_buft_name(buffer_type)) {
        w_ = ggml_new_tensor_2d(weights_.get(), shape.type, shape.k, shape.n);
        x_ = ggml_new_tensor_2d(other_.get(), GGML_TYPE_F32, shape.k, shape.m);
        y_ = ggml_mul_mat(other_.get(), w_, x_);
        graph_ = ggml_new_graph(other_.get());
        ggml_build_forward_expand(graph_, y_);
        weights_buffer_.reset(ggml_backend_alloc_ctx_tensors_from_buft(weights_.get(), buffer_type));
        other_buffer_.reset(ggml_backend_alloc_ctx_tensors(other_.get(), backend));
    }

    void fill(const Shape& shape) {
        const std::vector<float> x = numbers(shape.m * shape.k);
        ggml_backend_tensor_set(x_, x.data(), 0, x.size() * sizeof(float));
        const std::vector<float> w = numbers(shape.n * shape.k);
        std::vector<char> quantised(ggml_row_size(shape.type, shape.k) * static_cast<size_t>(shape.n));
        ggml_quantize_chunk(shape.type, w.data(), quantised.data(), 0, shape.n, shape.k, nullptr);
        ggml_backend_tensor_set(w_, quantised.data(), 0, quantised.size());
    }

    static Context context() {
        const ggml_init_params params{.mem_size = 1 << 20, .mem_buffer = nullptr, .no_alloc = true};
        return {ggml_init(params), ggml_free};
    }

    ggml_backend_t backend_;
    std::string name_;
    Context weights_ = context();
    Context other_ = context();
    Buffer weights_buffer_{nullptr, ggml_backend_buffer_free};
    Buffer other_buffer_{nullptr, ggml_backend_buffer_free};
    ggml_tensor *w_ = nullptr, *x_ = nullptr, *y_ = nullptr;
    ggml_cgraph* graph_ = nullptr;
};

using Products = std::vector<std::unique_ptr<Product>>;

Json prepare(std::istream& words, ggml_backend_dev_t device, ggml_backend_t backend, bool amx, Products& products) {
    products.clear();
    Shape shape;
    std::string type;
    words >> type >> shape.m >> shape.k >> shape.n;
    shape.type = type == "f16" ? GGML_TYPE_F16 : GGML_TYPE_Q8_0;
    Json names = Json::array();
    if (!words) return names;
    for (ggml_backend_buffer_type_t buffer_type : buffer_types(device, amx)) {
        auto product = Product::make(device, backend, buffer_type, shape);
        if (!product || product->seconds() < 0) continue;
        names.push_back(product->name());
        products.push_back(std::move(product));
    }
    return names;
}

int serve(int threads, bool amx) {
    ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    ggml_backend_dev_t device = cpu_device();
    if (device == nullptr) return 1;
    ggml_backend_t backend = ggml_backend_dev_init(device, nullptr);
    const auto set_threads = reinterpret_cast<ggml_backend_set_n_threads_t>(ggml_backend_reg_get_proc_address(
        ggml_backend_dev_backend_reg(device), "ggml_backend_set_n_threads"));
    if (backend == nullptr || set_threads == nullptr) return 1;
    set_threads(backend, threads);
    Products products;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string command;
        words >> command;
        Json answer = Json::object();
        if (command == "prepare") answer = prepare(words, device, backend, amx, products);
        if (command == "run")
            for (const auto& product : products) answer[product->name()] = product->seconds();
        std::cout << answer.dump() << std::endl;
    }
    products.clear();
    ggml_backend_free(backend);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("rosenblatt-bench-ggml: started by `rosenblatt bench`, not by hand\n", stderr);
        return 2;
    }
    return serve(std::atoi(argv[1]), std::strcmp(argv[2], "amx") == 0);
}
