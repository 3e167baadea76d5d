// SPDX-License-Identifier: MIT
#include "ggml/device.hpp"

#include "ggml/backend.hpp"
#include "ggml/buffer.hpp"
#include "ggml/cpu_delegate.hpp"
#include "ggml/host_memory.hpp"
#include "ggml/session.hpp"

namespace rosenblatt::ggml {
namespace {

const char* device_get_name(ggml_backend_dev_t) {
    return k_device_name;
}

const char* device_get_description(ggml_backend_dev_t) {
    return Session::get().npu()->emulated() ? "RK3588 NPU (emulated)" : "RK3588 NPU";
}

void device_get_memory(ggml_backend_dev_t, size_t* free, size_t* total) {
    const HostMemory memory = host_memory();
    *free = memory.available;
    *total = memory.total;
}

enum ggml_backend_dev_type device_get_type(ggml_backend_dev_t) {
    return GGML_BACKEND_DEVICE_TYPE_GPU;
}

void device_get_props(ggml_backend_dev_t dev, ggml_backend_dev_props* props) {
    props->name = device_get_name(dev);
    props->description = device_get_description(dev);
    props->type = device_get_type(dev);
    device_get_memory(dev, &props->memory_free, &props->memory_total);
    props->caps = {};
    props->caps.mmap_support = true;  // false would turn mmap off for the whole model
    props->caps.buffer_from_host_ptr = true;
}

ggml_backend_t device_init_backend(ggml_backend_dev_t dev, const char*) {
    return make_backend(dev);
}

ggml_backend_buffer_type_t device_get_buffer_type(ggml_backend_dev_t) {
    return buffer_type();
}

// A model's layers that the user left on the CPU (-ngl), and their KV cache, are not ours, although
// we could read them: attention must run where llama.cpp placed its layer, else it switches Flash
// Attention off. Their nodes are known by weights, or by results, that stand in memory not ours.
bool belongs_elsewhere(const ggml_tensor& op) {
    // By type: where llama.cpp only asks how much memory it needs, buffers are empty ones of ggml's.
    const auto is_ours = [](ggml_backend_buffer_t buffer) {
        return ggml_backend_buffer_get_type(buffer) == buffer_type();
    };
    const ggml_backend_buffer_t written = op.view_src ? op.view_src->buffer : op.buffer;
    if (written && !is_ours(written)) return true;
    for (const ggml_tensor* source : op.src)
        if (source && source->buffer && !is_ours(source->buffer) &&
            (source->buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS ||
             !ggml_backend_buffer_is_host(source->buffer)))
            return true;
    return false;
}

bool device_supports_op(ggml_backend_dev_t, const ggml_tensor* op) {
    ggml_backend_dev_t cpu = cpu_device();
    return cpu && !belongs_elsewhere(*op) && ggml_backend_dev_supports_op(cpu, op);
}

ggml_backend_buffer_t device_buffer_from_host_ptr(ggml_backend_dev_t, void* memory, size_t size,
                                                  size_t) {
    return buffer_over(memory, size);
}

bool device_supports_buft(ggml_backend_dev_t, ggml_backend_buffer_type_t type) {
    return ggml_backend_buft_is_host(type);
}

ggml_backend_device make_device() {
    ggml_backend_device d{};
    d.iface.get_name = device_get_name;
    d.iface.get_description = device_get_description;
    d.iface.get_memory = device_get_memory;
    d.iface.get_type = device_get_type;
    d.iface.get_props = device_get_props;
    d.iface.init_backend = device_init_backend;
    d.iface.get_buffer_type = device_get_buffer_type;
    d.iface.supports_op = device_supports_op;
    d.iface.supports_buft = device_supports_buft;
    d.iface.buffer_from_host_ptr = device_buffer_from_host_ptr;
    d.reg = registry();
    return d;
}

const char* registry_get_name(ggml_backend_reg_t) {
    return "ROCKET";
}

size_t registry_get_device_count(ggml_backend_reg_t) {
    return Session::get().npu() ? 1 : 0;
}

ggml_backend_dev_t registry_get_device(ggml_backend_reg_t, size_t) {
    return device();
}

void* registry_get_proc_address(ggml_backend_reg_t, const char* name) {
    return backend_function(name);
}

}  // namespace

ggml_backend_dev_t device() {
    static ggml_backend_device device = make_device();
    return &device;
}

ggml_backend_reg_t registry() {
    static ggml_backend_reg registry = [] {
        ggml_backend_reg r{};
        r.api_version = api::version();
        r.iface.get_name = registry_get_name;
        r.iface.get_device_count = registry_get_device_count;
        r.iface.get_device = registry_get_device;
        r.iface.get_proc_address = registry_get_proc_address;
        return r;
    }();
    return &registry;
}

}  // namespace rosenblatt::ggml
