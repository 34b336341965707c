// How do the threads that compute shares of one model meet? Each calls the same functions in the
// same order; what each has is added in one order, so that all go on with the same bits.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace loadmark {

class RankGroup {
 public:
  explicit RankGroup(int ranks);
  RankGroup(const RankGroup&) = delete;
  RankGroup& operator=(const RankGroup&) = delete;

  int ranks() const { return ranks_; }

  // Waits until every rank is here. What each has written before, all can read behind it. Throws
  // BrokenGroup once a rank has called break_off().
  void meet();
  // Every rank's `values` (count) become the sum of all of them: of the first half of the ranks and
  // of the second, each added up likewise. Throws BrokenGroup.
  void sum(int rank, float* values, int64_t count);
  // This rank will not come any more: the others, waiting or to come, are told so.
  void break_off() noexcept;

 private:
  int ranks_;
  std::vector<float*> values_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> turn_{0};
  std::atomic<bool> broken_{false};
};

// Thrown in a rank because another one has failed; the fault is that one's to tell.
struct BrokenGroup {};

}  // namespace loadmark
