// What this machine can do at most, measured now with all threads: reading memory, fp32
// multiply-adds, int8 dot products. Each is the best of several runs of a loop that does nothing
// else.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "ops/ops.h"

#if defined(LOADMARK_X86)
#include <immintrin.h>
#endif

namespace loadmark::check {

struct MachineLimits {
  double memory_gigabytes = 0;  // per second
  double fp32_gigaops = 0;      // a multiply-add is two operations
  double int8_gigaops = 0;
  const char* int8_loop = "";
};

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Each loop returns the number of operations (or bytes) it did; `keep` defeats removal of the work.
using LimitLoop = double (*)(const uint8_t* data, int64_t bytes, uint64_t* keep);

inline double read_plain(const uint8_t* data, int64_t bytes, uint64_t* keep) {
  uint64_t sum[8] = {};
  for (int64_t i = 0; i + 64 <= bytes; i += 64) {
    uint64_t words[8];
    std::memcpy(words, data + i, 64);
    for (int j = 0; j < 8; ++j) sum[j] += words[j];
  }
  for (const uint64_t value : sum) *keep += value;
  return static_cast<double>(bytes);
}

inline double multiply_plain(const uint8_t*, int64_t count, uint64_t* keep) {
  float sum[32] = {};
  volatile float seed = 1.0f;
  const float factor = seed;
  for (int64_t i = 0; i < count; ++i) {
    for (float& value : sum) value = value * factor + 1.0f;
  }
  for (const float value : sum) *keep += static_cast<uint64_t>(value);
  return static_cast<double>(count) * 32 * 2;
}

#if defined(LOADMARK_X86)
// The compiler copies accumulators around in these loops; the instruction itself, given as
// assembly, does not.
#define LOADMARK_ALL16(step)                                                               \
  step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) \
      step(11) step(12) step(13) step(14) step(15)
#define LOADMARK_ALL12(step) \
  step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) step(11)

__attribute__((target("avx512f"))) inline double read_avx512(const uint8_t* data, int64_t bytes,
                                                             uint64_t* keep) {
  __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (int64_t i = 0; i + 256 <= bytes; i += 256) {
    sum0 = _mm512_add_epi64(sum0, _mm512_loadu_si512(data + i));
    sum1 = _mm512_add_epi64(sum1, _mm512_loadu_si512(data + i + 64));
    sum2 = _mm512_add_epi64(sum2, _mm512_loadu_si512(data + i + 128));
    sum3 = _mm512_add_epi64(sum3, _mm512_loadu_si512(data + i + 192));
  }
  uint64_t words[8];
  _mm512_storeu_si512(words,
                      _mm512_add_epi64(_mm512_add_epi64(sum0, sum1), _mm512_add_epi64(sum2, sum3)));
  for (const uint64_t word : words) *keep += word;
  return static_cast<double>(bytes);
}

// The same, asking for lines 1 KiB ahead: which of the two is faster differs between machines and
// page sizes.
__attribute__((target("avx512f"))) inline double read_ahead_avx512(const uint8_t* data,
                                                                   int64_t bytes, uint64_t* keep) {
  __m512i sum0 = _mm512_setzero_si512(), sum1 = sum0;
  for (int64_t i = 0; i + 128 <= bytes; i += 128) {
    __builtin_prefetch(data + i + 1024);
    __builtin_prefetch(data + i + 1088);
    sum0 = _mm512_add_epi64(sum0, _mm512_loadu_si512(data + i));
    sum1 = _mm512_add_epi64(sum1, _mm512_loadu_si512(data + i + 64));
  }
  uint64_t words[8];
  _mm512_storeu_si512(words, _mm512_add_epi64(sum0, sum1));
  for (const uint64_t word : words) *keep += word;
  return static_cast<double>(bytes);
}

__attribute__((target("avx512f"))) inline double multiply_avx512(const uint8_t*, int64_t count,
                                                                 uint64_t* keep) {
  const __m512 factor = _mm512_set1_ps(0.999f);
  float kept[16];
#define LOADMARK_STEP(i) __m512 sum##i = factor;
  LOADMARK_ALL16(LOADMARK_STEP)
#undef LOADMARK_STEP
  for (int64_t i = 0; i < count; ++i) {
#define LOADMARK_STEP(i) asm volatile("vfmadd132ps %1, %1, %0" : "+v"(sum##i) : "v"(factor));
    LOADMARK_ALL16(LOADMARK_STEP)
#undef LOADMARK_STEP
  }
#define LOADMARK_STEP(i)          \
  _mm512_storeu_ps(kept, sum##i); \
  *keep += static_cast<uint64_t>(kept[0]);
  LOADMARK_ALL16(LOADMARK_STEP)
#undef LOADMARK_STEP
  return static_cast<double>(count) * 16 * 16 * 2;
}

__attribute__((target("avx512f,avx512vnni"))) inline double dot_vnni(const uint8_t*, int64_t count,
                                                                     uint64_t* keep) {
  uint32_t kept[16];
  const __m512i w = _mm512_set1_epi32(0x03030303), x = _mm512_set1_epi32(0x05f80501);
#define LOADMARK_STEP(i) __m512i sum##i = _mm512_setzero_si512();
  LOADMARK_ALL16(LOADMARK_STEP)
#undef LOADMARK_STEP
  for (int64_t i = 0; i < count; ++i) {
#define LOADMARK_STEP(i) asm volatile("vpdpbusd %2, %1, %0" : "+v"(sum##i) : "v"(w), "v"(x));
    LOADMARK_ALL16(LOADMARK_STEP)
#undef LOADMARK_STEP
  }
#define LOADMARK_STEP(i)             \
  _mm512_storeu_si512(kept, sum##i); \
  *keep += kept[0];
  LOADMARK_ALL16(LOADMARK_STEP)
#undef LOADMARK_STEP
  return static_cast<double>(count) * 16 * 64 * 2;
}

__attribute__((target("avx2,fma"))) inline double multiply_avx2(const uint8_t*, int64_t count,
                                                                uint64_t* keep) {
  const __m256 factor = _mm256_set1_ps(0.999f);
#define LOADMARK_STEP(i) __m256 sum##i = factor;
  LOADMARK_ALL12(LOADMARK_STEP)
#undef LOADMARK_STEP
  for (int64_t i = 0; i < count; ++i) {
#define LOADMARK_STEP(i) asm volatile("vfmadd132ps %1, %1, %0" : "+x"(sum##i) : "x"(factor));
    LOADMARK_ALL12(LOADMARK_STEP)
#undef LOADMARK_STEP
  }
#define LOADMARK_STEP(i) *keep += static_cast<uint64_t>(_mm256_cvtss_f32(sum##i));
  LOADMARK_ALL12(LOADMARK_STEP)
#undef LOADMARK_STEP
  return static_cast<double>(count) * 12 * 8 * 2;
}

// The AVX2 form of the dot product: maddubs, madd with ones, add.
__attribute__((target("avx2"))) inline double dot_avx2(const uint8_t*, int64_t count,
                                                       uint64_t* keep) {
  const __m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(-5), ones = _mm256_set1_epi16(1);
#define LOADMARK_STEP(i) __m256i sum##i = _mm256_setzero_si256();
  LOADMARK_ALL12(LOADMARK_STEP)
#undef LOADMARK_STEP
  for (int64_t i = 0; i < count; ++i) {
    __m256i pairs;
#define LOADMARK_STEP(i)                                                           \
  asm volatile("vpmaddubsw %2, %3, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0" \
               : "+x"(sum##i), "=&x"(pairs)                                        \
               : "x"(x), "x"(w), "x"(ones));
    LOADMARK_ALL12(LOADMARK_STEP)
#undef LOADMARK_STEP
  }
#define LOADMARK_STEP(i) \
  *keep += static_cast<uint64_t>(_mm_cvtsi128_si32(_mm256_castsi256_si128(sum##i)));
  LOADMARK_ALL12(LOADMARK_STEP)
#undef LOADMARK_STEP
  return static_cast<double>(count) * 12 * 32 * 2;
}
#undef LOADMARK_ALL16
#undef LOADMARK_ALL12
#endif

// Work per second of `loop` on every thread of the pool at once, the best of `tries`.
inline double best_rate(ThreadPool& pool, LimitLoop loop, const uint8_t* data, int64_t share,
                        int64_t count, int tries) {
  double best = 0;
  const int64_t parts =
      pool.size() * 16;  // dynamic: a thread that is held up does not decide the figure
  for (int i = 0; i < tries; ++i) {
    std::vector<double> done(static_cast<size_t>(parts));
    std::vector<uint64_t> keep(static_cast<size_t>(parts));
    const double start = seconds_now();
    pool.run(parts, [&](int64_t part, int) {
      const uint8_t* own = data == nullptr ? nullptr : data + part * share;
      done[static_cast<size_t>(part)] = loop(own, count, &keep[static_cast<size_t>(part)]);
    });
    const double seconds = seconds_now() - start;
    double total = 0;
    for (const double value : done) total += value;
    volatile uint64_t sink = 0;
    for (const uint64_t value : keep) sink = sink + value;
    best = std::max(best, total / seconds);
  }
  return best / 1e9;
}

// Reads memory that no cache holds, with every thread: the limit of whatever streams its weights.
class MemoryReader {
 public:
  MemoryReader() : memory_(kBytes) {
    std::memset(memory_.as<uint8_t>(), 1, kBytes);
#if defined(LOADMARK_X86)
    if (ops::detect_isa() == ops::Isa::kAvx512) loops_ = {read_avx512, read_ahead_avx512};
#endif
  }

  // Gigabytes per second, the best of a few passes over everything by each loop; the better loop is
  // kept for read().
  double measure(ThreadPool& pool) {
    const int64_t share = kBytes / parts(pool) / kPage * kPage;
    double best = 0;
    for (const LimitLoop loop : loops_) {
      const double rate = best_rate(pool, loop, memory_.as<uint8_t>(), share, share, 12);
      if (rate > best) fastest_ = loop;
      best = std::max(best, rate);
    }
    return best;
  }

  // Microseconds to read `bytes` once, elsewhere in the memory at every repetition. bytes <= kBytes
  double read(ThreadPool& pool, double bytes, int64_t repetition) {
    const int64_t share = std::max(kPage, static_cast<int64_t>(bytes) / parts(pool) / 64 * 64);
    const int64_t places = std::max<int64_t>(1, kBytes / (share * parts(pool)));
    const uint8_t* start = memory_.as<uint8_t>() + repetition % places * share * parts(pool);
    const double rate =
        best_rate(pool, fastest_, start, share, share, 1);  // of what was really read
    return bytes / rate / 1e3;
  }

 private:
  static constexpr int64_t kBytes = int64_t{512} << 20;  // far beyond any cache
  static constexpr int64_t kPage = 4096;
  static int64_t parts(const ThreadPool& pool) { return pool.size() * 16; }

  AlignedBuffer memory_;
  std::array<LimitLoop, 2> loops_{read_plain, read_plain};
  LimitLoop fastest_ = read_plain;
};

// Raises `limits` to what is measured now: called before and after the operators, so that a busy
// moment at the start cannot flatter them.
inline void measure_limits(ThreadPool& pool, MemoryReader& reader, MachineLimits& limits) {
  LimitLoop multiply = multiply_plain, dot = nullptr;
#if defined(LOADMARK_X86)
  if (ops::detect_isa() != ops::Isa::kPlain) {
    multiply = multiply_avx2;
    dot = dot_avx2;
    limits.int8_loop = "maddubs + madd";
  }
  if (ops::detect_isa() == ops::Isa::kAvx512) {
    multiply = multiply_avx512;
    if (std::strcmp(ops::isa_name(ops::Isa::kAvx512), "avx512-vnni") == 0) {
      dot = dot_vnni;
      limits.int8_loop = "dpbusd";
    }
  }
#endif
  limits.memory_gigabytes = std::max(limits.memory_gigabytes, reader.measure(pool));
  limits.fp32_gigaops =
      std::max(limits.fp32_gigaops, best_rate(pool, multiply, nullptr, 0, 300000, 8));
  if (dot != nullptr)
    limits.int8_gigaops =
        std::max(limits.int8_gigaops, best_rate(pool, dot, nullptr, 0, 300000, 8));
}

}  // namespace loadmark::check
