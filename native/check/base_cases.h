// The thread pool, the instruction-set names and the GPTQ layout.
#pragma once

#include <algorithm>
#include <atomic>
#include <fstream>

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

#include "check/linear_cases.h"

namespace loadmark::check {

inline void check_thread_pool(Cases& cases) {
  for (ThreadPool* pool : {&cases.one, &cases.two, &cases.three}) {
    bool once = true, in_range = true;
    for (int64_t loop = 0; loop < 2000; ++loop) {
      const int64_t tasks = loop % 9;
      std::atomic<int64_t> hits{0}, sum{0};
      pool->run(tasks, [&](int64_t task, int thread) {
        if (thread < 0 || thread >= pool->size()) in_range = false;
        hits += 1;
        sum += task;
      });
      once = once && hits == tasks && sum == tasks * (tasks - 1) / 2;
    }
    const std::string what = "thread pool of " + std::to_string(pool->size());
    cases.report.expect(once, what + ": every task once");
    cases.report.expect(in_range, what + ": thread numbers in range");
    for (int i = 0; i < 50; ++i) {
      cases.report.refuses(what + ": exception", kBadCheckpoint, [&] {
        pool->run(20, [](int64_t task, int) {
          if (task % 7 == 3) throw Error(kBadCheckpoint, "thrown by a task");
        });
      });
    }
  }
  cases.report.refuses("thread pool of 0", kBadArgument, [] { ThreadPool none(0); });
  cases.report.refuses("thread pool of -3", kBadArgument, [] { ThreadPool none(-3); });
}

// The system refuses a thread's stack halfway: the threads already there end, and so does nothing
// else.
inline void check_thread_refusal(Cases& cases) {
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + (int64_t{64} << 20));
  setrlimit(RLIMIT_AS, &tight);
  cases.report.refuses("thread pool of 1024 in 64 MiB", kOutOfMemory,
                       [] { ThreadPool none(1024); });
  setrlimit(RLIMIT_AS, &before);
#else
  (void)cases;
#endif
}

inline void check_isa_names(Cases& cases) {
  cases.report.refuses("instruction set \"sse9\"", kUnsupportedCpu, [] { ops::parse_isa("sse9"); });
  cases.report.expect(ops::parse_isa("plain") == ops::Isa::kPlain, "instruction set plain");
  cases.report.expect(ops::parse_isa("auto") == ops::detect_isa(), "instruction set auto");
}

// A GPTQ tensor read word by word, independently of unpack_gptq.
inline int nibble_of(const std::vector<int32_t>& words, int64_t row, int64_t column, int64_t width,
                     bool down) {
  const int64_t at = down ? row / 8 * width + column : row * width + column / 8;
  return static_cast<int>(static_cast<uint32_t>(words[static_cast<size_t>(at)]) >>
                              (4 * ((down ? row : column) % 8)) &
                          15u);
}

inline void check_gptq_round_trip(Cases& cases, int64_t n, int64_t k, int64_t group, bool symmetric,
                                  bool act_order) {
  Int4Weight w = random_int4(cases, n, k, group, symmetric,
                             act_order ? GroupOrder::kActOrder : GroupOrder::kNatural);
  for (const ZeroConvention convention : {ZeroConvention::kV1, ZeroConvention::kV2}) {
    const bool v1 = convention == ZeroConvention::kV1;
    const std::string what = "gptq " + std::to_string(n) + " x " + std::to_string(k) + " g" +
                             std::to_string(group) + (v1 ? " v1" : " v2");
    if (v1) {
      for (uint8_t& zero : w.zero) zero = std::max<uint8_t>(zero, 1);
    }
    const GptqTensors tensors = pack_gptq(w, convention);
    bool right = true;
    for (int64_t row = 0; row < n; ++row) {
      for (int64_t column = 0; column < k; ++column) {
        right = right && nibble_of(tensors.qweight, column, row, n, true) ==
                             w.q[static_cast<size_t>(row * k + column)];
      }
      for (int64_t g = 0; g < w.groups(); ++g) {
        const auto at = static_cast<size_t>(g * n + row);
        right =
            right && nibble_of(tensors.qzeros, g, row, n / 8, false) + (v1 ? 1 : 0) == w.zero[at];
        right = right && tensors.scales[at] == float16_bits(double{w.scale[at]});
      }
    }
    cases.report.expect(right, what + ": layout");
    const Int4Weight back =
        unpack_gptq(tensors.qweight.data(), tensors.qzeros.data(), tensors.scales.data(),
                    tensors.g_idx.data(), n, k, group, convention);
    bool same_groups = true;
    for (int64_t i = 0; i < k; ++i) same_groups = same_groups && back.group_of(i) == w.group_of(i);
    cases.report.expect(
        back.q == w.q && back.scale == w.scale && back.zero == w.zero && same_groups &&
            back.symmetric ==
                std::all_of(w.zero.begin(), w.zero.end(), [](uint8_t z) { return z == 8; }),
        what + ": round trip");
    std::vector<float> dense = poisoned(n * k);
    dequantize(back, dense.data());
    bool exact = true;
    for (int64_t i = 0; i < n * k; ++i) {
      const auto at = static_cast<size_t>(w.group_of(i % k) * n + i / k);
      exact =
          exact && dense[static_cast<size_t>(i)] ==
                       w.scale[at] * static_cast<float>(w.q[static_cast<size_t>(i)] - w.zero[at]);
    }
    cases.report.expect(exact, what + ": dequantized");
  }
}

inline void check_gptq_refusals(Cases& cases) {
  const Int4Weight w = random_int4(cases, 16, 64, 32, true, GroupOrder::kNatural);
  const GptqTensors good = pack_gptq(w, ZeroConvention::kV1);
  const auto unpack = [](const GptqTensors& t, int64_t n, int64_t k, int64_t group) {
    unpack_gptq(t.qweight.data(), t.qzeros.data(), t.scales.data(), t.g_idx.data(), n, k, group,
                ZeroConvention::kV1);
  };
  for (const int bits : {0x7c00, 0xfc00, 0x7e01, 0x8001, 0xb800}) {
    GptqTensors bad = good;
    bad.scales[static_cast<size_t>(cases.below(32))] = static_cast<uint16_t>(bits);
    cases.report.refuses("gptq scale bits " + std::to_string(bits), kBadCheckpoint,
                         [&] { unpack(bad, 16, 64, 32); });
  }
  for (const int32_t group : {-1, 2, INT32_MAX}) {
    GptqTensors bad = good;
    bad.g_idx[5] = group;
    cases.report.refuses("gptq g_idx " + std::to_string(group), kBadCheckpoint,
                         [&] { unpack(bad, 16, 64, 32); });
  }
  GptqTensors wrapped = good;
  wrapped.qzeros[1] = -1;
  cases.report.refuses("gptq zero 16", kBadCheckpoint, [&] { unpack(wrapped, 16, 64, 32); });
  cases.report.refuses("gptq n 15", kBadCheckpoint, [&] { unpack(good, 15, 64, 32); });
  cases.report.refuses("gptq k 0", kBadCheckpoint, [&] { unpack(good, 16, 0, 32); });
  cases.report.refuses("gptq group 0", kBadCheckpoint, [&] { unpack(good, 16, 64, 0); });
  Int4Weight inexact = w;
  inexact.scale[3] = 0.1f;
  cases.report.refuses("gptq scale that is no fp16", kBadArgument,
                       [&] { pack_gptq(inexact, ZeroConvention::kV1); });
  Int4Weight below = w;
  below.zero[2] = 0;
  cases.report.refuses("gptq zero 0 in v1", kBadArgument,
                       [&] { pack_gptq(below, ZeroConvention::kV1); });
}

inline void check_base(Cases& cases) {
  check_thread_pool(cases);
  check_thread_refusal(cases);
  check_isa_names(cases);
  check_gptq_refusals(cases);
  for (const bool symmetric : {true, false}) {
    for (const bool act_order : {true, false}) {
      for (const int64_t group : {32, 64, 128, 192})
        check_gptq_round_trip(cases, 24, 192, group, symmetric, act_order);
    }
  }
}

}  // namespace loadmark::check
