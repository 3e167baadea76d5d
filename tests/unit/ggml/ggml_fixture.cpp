// SPDX-License-Identifier: MIT
#include "ggml_fixture.hpp"

#include <cstdlib>
#include <random>
#include <stdexcept>

namespace rosenblatt::ggml {

void start_ggml() {
    static const bool started = [] {
        setenv("GGML_ROCKET_DEVICE", "emulator", 1);
        setenv("GGML_ROCKET_MIN_M", "1", 1);
        setenv("GGML_ROCKET_CACHE", "off", 1);
        unsetenv("GGML_BACKEND_PATH");
        ggml_backend_load_all_from_path(ROSENBLATT_LLAMA_BIN);
        return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) != nullptr;
    }();
    if (!started) throw std::runtime_error("ggml's CPU backend is not in " ROSENBLATT_LLAMA_BIN);
}

Context make_context() {
    constexpr size_t k_tensors = 64;
    return Context(
        ggml_init({k_tensors * ggml_tensor_overhead() + 3 * ggml_graph_overhead(), nullptr, true}));
}

std::vector<float> noise(size_t count, uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<float> values(count);
    for (float& value : values)
        value = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-31f;
    return values;
}

void set_values(ggml_tensor* tensor, const std::vector<float>& values) {
    if (tensor->type == GGML_TYPE_F32) {
        ggml_backend_tensor_set(tensor, values.data(), 0, ggml_nbytes(tensor));
        return;
    }
    std::vector<std::byte> packed(ggml_nbytes(tensor));
    ggml_quantize_chunk(tensor->type, values.data(), packed.data(), 0, ggml_nrows(tensor),
                        tensor->ne[0], nullptr);
    ggml_backend_tensor_set(tensor, packed.data(), 0, packed.size());
}

void set_id(ggml_tensor* ids, int64_t u, int64_t t, int32_t value) {
    auto* row = static_cast<std::byte*>(ids->data) + static_cast<size_t>(t) * ids->nb[1];
    reinterpret_cast<int32_t*>(row)[u] = value;
}

std::vector<float> get_values(const ggml_tensor* tensor) {
    std::vector<float> values(static_cast<size_t>(ggml_nelements(tensor)));
    ggml_backend_tensor_get(tensor, values.data(), 0, ggml_nbytes(tensor));
    return values;
}

double relative_error(const std::vector<float>& got, const std::vector<float>& expected) {
    double difference = 0;
    double size = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        const double d = static_cast<double>(got[i]) - static_cast<double>(expected[i]);
        difference += d * d;
        size += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
    }
    return difference / size;
}

}  // namespace rosenblatt::ggml
