// SPDX-License-Identifier: MIT
// Threads with backends of their own, and forked children, in a process that has loaded
// libggml-rocket.so as any program does: everybody gets the bits that one alone gets, from the NPU.
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace rosenblatt::host {
namespace {

using Floats = std::vector<float>;
constexpr int64_t k_k = 192, k_n = 96, k_m = 24;

ggml_backend_dev_t rocket() {
    static ggml_backend_dev_t device = [] {
        setenv("GGML_ROCKET_DEVICE", "emulator", 1);
        setenv("GGML_ROCKET_MIN_M", "1", 1);
        unsetenv("GGML_BACKEND_PATH");
        ggml_backend_load_all_from_path(ROSENBLATT_LLAMA_BIN);
        ggml_backend_load(ROSENBLATT_BACKEND);
        return ggml_backend_dev_by_name("ROCKET0");
    }();
    return device;
}

/// A product with its weight in a buffer of the NPU's.
class Work {
  public:
    explicit Work(uint32_t seed) {
        context_ = ggml_init({8 * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true});
        ggml_tensor* w = ggml_new_tensor_2d(context_, GGML_TYPE_F16, k_k, k_n);
        ggml_tensor* x = ggml_new_tensor_2d(context_, GGML_TYPE_F32, k_k, k_m);
        result_ = ggml_mul_mat(context_, w, x);
        graph_ = ggml_new_graph(context_);
        ggml_build_forward_expand(graph_, result_);
        buffer_ = ggml_backend_alloc_ctx_tensors_from_buft(context_,
                                                           ggml_backend_dev_buffer_type(rocket()));
        std::mt19937 random(seed);
        std::normal_distribution<float> gauss;
        std::vector<ggml_fp16_t> halves(k_k * k_n);
        for (ggml_fp16_t& half : halves) half = ggml_fp32_to_fp16(gauss(random));
        ggml_backend_tensor_set(w, halves.data(), 0, ggml_nbytes(w));
        Floats floats(k_k * k_m);
        for (float& value : floats) value = gauss(random);
        ggml_backend_tensor_set(x, floats.data(), 0, ggml_nbytes(x));
    }
    ~Work() {
        ggml_backend_buffer_free(buffer_);
        ggml_free(context_);
    }
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    /// On a backend of its own and one thread: the OpenMP of ggml's CPU backend survives no fork.
    Floats run(ggml_backend_dev_t device = rocket()) const {
        ggml_backend_t backend = ggml_backend_dev_init(device, nullptr);
        const auto set_threads =
            reinterpret_cast<ggml_backend_set_n_threads_t>(ggml_backend_reg_get_proc_address(
                ggml_backend_dev_backend_reg(device), "ggml_backend_set_n_threads"));
        set_threads(backend, 1);
        Floats values(k_n * k_m);
        if (ggml_backend_graph_compute(backend, graph_) == GGML_STATUS_SUCCESS)
            ggml_backend_tensor_get(result_, values.data(), 0, ggml_nbytes(result_));
        ggml_backend_free(backend);
        return values;
    }
    /// What the CPU makes of it: never the same bits as 8-bit products have.
    Floats run_on_cpu() const {
        return run(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
    }

  private:
    ggml_context* context_;
    ggml_backend_buffer_t buffer_;
    ggml_tensor* result_;
    ggml_cgraph* graph_;
};

TEST(SharedProcess, ThreadsGetWhatEachGetsAlone) {
    ASSERT_NE(rocket(), nullptr);
    std::vector<std::unique_ptr<Work>> works;
    std::vector<Floats> alone;
    for (uint32_t seed = 1; seed <= 4; ++seed) {
        works.push_back(std::make_unique<Work>(seed));
        const Floats by_cpu = works.back()->run_on_cpu();
        alone.push_back(works.back()->run());
        EXPECT_NE(alone.back(), by_cpu) << "seed " << seed << " was not computed by the NPU";
    }
    std::vector<std::thread> threads;
    for (size_t i = 0; i < works.size(); ++i)
        threads.emplace_back([&, i] {
            for (int round = 0; round < 10; ++round) EXPECT_EQ(works[i]->run(), alone[i]);
        });
    for (std::thread& thread : threads) thread.join();
}

/// What a forked child answers; 99 when it did not end of itself.
int child_says(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);  // a child that inherited a held lock would wait for ever
        _exit(body());
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

TEST(SharedProcess, AForkedChildOpensLanesOfItsOwnAndBothGoOn) {
    ASSERT_NE(rocket(), nullptr);
    const Work work(7);
    const Floats expected = work.run();
    EXPECT_EQ(child_says([&] {
                  if (work.run() != expected) return 1;
                  return work.run_on_cpu() != expected ? 0 : 2;
              }),
              0);
    EXPECT_EQ(work.run(), expected);
}

TEST(SharedProcess, AKilledChildLeavesItsParentTheNpu) {
    ASSERT_NE(rocket(), nullptr);
    const Work work(8);
    const Floats expected = work.run();
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        for (;;) work.run();
    }
    usleep(50'000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_EQ(work.run(), expected);
}

}  // namespace
}  // namespace rosenblatt::host
