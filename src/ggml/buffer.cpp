// SPDX-License-Identifier: MIT
#include "ggml/buffer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/bits.hpp"
#include "ggml/device.hpp"
#include "ggml/session.hpp"

namespace rosenblatt::ggml {
namespace {

constexpr size_t k_alignment = 64;  // a cache line of the A76 and of x86

std::byte* at(const ggml_tensor* tensor, size_t offset) {
    return static_cast<std::byte*>(tensor->data) + offset;
}

void about_to_write(const void* begin, size_t bytes) {
    Session::get().tiles().drop(begin, bytes);
    Session::get().shadows().drop(begin, bytes);
}

void forget(ggml_backend_buffer_t buffer) {
    Session::get().tiles().forget(buffer->context, buffer->size);
    Session::get().shadows().drop(buffer->context, buffer->size);
}

void buffer_free(ggml_backend_buffer_t buffer) {
    forget(buffer);
    std::free(buffer->context);
}

void mapped_buffer_free(ggml_backend_buffer_t buffer) {
    forget(buffer);
}

void* buffer_base(ggml_backend_buffer_t buffer) {
    return buffer->context;
}

void buffer_memset(ggml_backend_buffer_t, ggml_tensor* tensor, uint8_t value, size_t offset,
                   size_t size) {
    about_to_write(at(tensor, offset), size);
    std::memset(at(tensor, offset), value, size);
}

void buffer_set(ggml_backend_buffer_t buffer, ggml_tensor* tensor, const void* data, size_t offset,
                size_t size) {
    about_to_write(at(tensor, offset), size);
    std::memcpy(at(tensor, offset), data, size);
    // RPC servers mark no buffer as weights: there a quantised tensor written whole counts as one.
    const bool whole = offset == 0 && size == ggml_nbytes(tensor);
    const bool weight =
        buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS ||
        (buffer->usage == GGML_BACKEND_BUFFER_USAGE_ANY && ggml_is_quantized(tensor->type));
    if (whole && weight) Session::get().weight_written(*tensor, buffer->size);
}

void buffer_get(ggml_backend_buffer_t, const ggml_tensor* tensor, void* data, size_t offset,
                size_t size) {
    std::memcpy(data, at(tensor, offset), size);
}

bool buffer_copy(ggml_backend_buffer_t, const ggml_tensor* source, ggml_tensor* target) {
    if (!ggml_backend_buffer_is_host(source->buffer)) return false;
    const size_t bytes = ggml_nbytes(source);
    about_to_write(target->data, bytes);
    std::memmove(target->data, source->data, bytes);
    return true;
}

void buffer_clear(ggml_backend_buffer_t buffer, uint8_t value) {
    about_to_write(buffer->context, buffer->size);
    std::memset(buffer->context, value, buffer->size);
}

void buffer_reset(ggml_backend_buffer_t buffer) {
    forget(buffer);
}

// llama.cpp marks the buffer as weights, then places one tensor after the other.
ggml_status mapped_buffer_init(ggml_backend_buffer_t buffer, ggml_tensor* tensor) {
    if (buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS && !tensor->view_src)
        Session::get().weight_written(*tensor, buffer->size);
    return GGML_STATUS_SUCCESS;
}

ggml_backend_buffer_i buffer_interface() {
    ggml_backend_buffer_i i{};
    i.free_buffer = buffer_free;
    i.get_base = buffer_base;
    i.memset_tensor = buffer_memset;
    i.set_tensor = buffer_set;
    i.get_tensor = buffer_get;
    i.cpy_tensor = buffer_copy;
    i.clear = buffer_clear;
    i.reset = buffer_reset;
    return i;
}

const char* type_name(ggml_backend_buffer_type_t) {
    return k_device_name;
}

ggml_backend_buffer_t type_alloc(ggml_backend_buffer_type_t type, size_t size) {
    if (size > SIZE_MAX / 2) return nullptr;
    void* memory =
        std::aligned_alloc(k_alignment, align_up(std::max(size, size_t{1}), k_alignment));
    if (!memory) {
        GGML_LOG_ERROR("rocket: no memory for a buffer of %zu MiB\n", size >> 20);
        return nullptr;
    }
    return ggml_backend_buffer_init(type, buffer_interface(), memory, size);
}

size_t type_alignment(ggml_backend_buffer_type_t) {
    return k_alignment;
}

bool type_is_host(ggml_backend_buffer_type_t) {
    return true;
}

}  // namespace

ggml_backend_buffer_type_t buffer_type() {
    static ggml_backend_buffer_type type = [] {
        ggml_backend_buffer_type t{};
        t.iface.get_name = type_name;
        t.iface.alloc_buffer = type_alloc;
        t.iface.get_alignment = type_alignment;
        t.iface.is_host = type_is_host;
        t.device = device();
        return t;
    }();
    static ggml_backend_buffer_type_t loaders = api::for_loader(type);
    return loaders;
}

ggml_backend_buffer_t buffer_over(void* memory, size_t size) {
    ggml_backend_buffer_i interface = buffer_interface();
    interface.free_buffer = mapped_buffer_free;
    interface.init_tensor = mapped_buffer_init;
    return ggml_backend_buffer_init(buffer_type(), interface, memory, size);
}

bool is_our_buffer(ggml_backend_buffer_t buffer) {
    return buffer && buffer->iface.get_base == buffer_base;
}

}  // namespace rosenblatt::ggml
