// A counter of arrivals and a turn that the last one ends; waiting spins before it sleeps, since
// ranks with equal shares arrive within microseconds.
#include "base/rank_group.h"

#include <algorithm>
#include <chrono>

#include "base/spin.h"

namespace loadmark {
namespace {

// Values that are added at a time: all ranks' fit the first-level cache.
constexpr int64_t kBlock = 256;

// out (count) = the values of ranks [first, first + ranks) from `begin` on, halves added to halves.
void add_up(float* const* values, int first, int ranks, int64_t begin, int64_t count, float* out) {
  if (ranks == 1) {
    std::copy_n(values[first] + begin, count, out);
    return;
  }
  float others[kBlock];
  const int half = ranks / 2;
  add_up(values, first, half, begin, count, out);
  add_up(values, first + half, ranks - half, begin, count, others);
  for (int64_t i = 0; i < count; ++i) out[i] += others[i];
}

}  // namespace

RankGroup::RankGroup(int ranks) : ranks_(ranks), values_(static_cast<size_t>(ranks)) {}

void RankGroup::meet() {
  if (ranks_ == 1) return;
  const uint32_t turn = turn_.load();
  if (broken_.load()) throw BrokenGroup();
  if (arrived_.fetch_add(1) + 1 == ranks_) {
    arrived_.store(0);
    turn_.fetch_add(1);
    turn_.notify_all();
  } else {
    const auto ended = [&] { return turn_.load() != turn; };
    if (!spin_until(ended)) turn_.wait(turn);
  }
  if (broken_.load()) throw BrokenGroup();
}

void RankGroup::sum(int rank, float* values, int64_t count) {
  if (ranks_ == 1) return;
  values_[static_cast<size_t>(rank)] = values;
  meet();
  // Each rank adds up a share and writes it to all.
  const int64_t blocks = (count + kBlock - 1) / kBlock;
  for (int64_t block = blocks * rank / ranks_; block < blocks * (rank + 1) / ranks_; ++block) {
    const int64_t begin = block * kBlock, length = std::min(kBlock, count - begin);
    float total[kBlock];
    add_up(values_.data(), 0, ranks_, begin, length, total);
    for (float* to : values_) std::copy_n(total, length, to + begin);
  }
  meet();
}

void RankGroup::break_off() noexcept {
  broken_.store(true);
  turn_.fetch_add(1);
  turn_.notify_all();
}

}  // namespace loadmark
