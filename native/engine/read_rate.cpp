// Each thread adds up its own share; what is added is kept, so that the reads stay.
#include "engine/read_rate.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread_pool.h"

namespace loadmark {
namespace {

constexpr int64_t kBytes = int64_t{256} << 20;
constexpr int kRepetitions = 5;

uint64_t sum_words(const uint64_t* words, int64_t count) {
  uint64_t sums[8] = {};
  for (int64_t i = 0; i < count; i += 8) {
    for (int j = 0; j < 8; ++j) sums[j] += words[i + j];
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  return total;
}

}  // namespace

double measure_read_rate(int threads) {
  if (threads < 1 || threads > 1024) {
    throw Error(kBadArgument, "threads is " + std::to_string(threads) + "; allowed: 1 to 1024");
  }
  ThreadPool pool(threads);
  AlignedBuffer block(static_cast<size_t>(kBytes));
  std::memset(block.as<uint8_t>(), 1, block.size());
  constexpr int64_t kPart = int64_t{4} << 20;
  std::vector<uint64_t> sums(static_cast<size_t>(kBytes / kPart));
  double best = 0;
  for (int i = 0; i < kRepetitions; ++i) {
    const int64_t begin = monotonic_ns();
    pool.run(kBytes / kPart, [&](int64_t part, int) {
      sums[static_cast<size_t>(part)] =
          sum_words(block.as<uint64_t>() + part * kPart / 8, kPart / 8);
    });
    best = std::max(best, static_cast<double>(kBytes) /
                              static_cast<double>(std::max<int64_t>(1, monotonic_ns() - begin)));
  }
  volatile uint64_t keep = sums.front();
  (void)keep;
  return best;
}

}  // namespace loadmark
