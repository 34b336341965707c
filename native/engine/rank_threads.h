// Who computes the ranks of a model that several devices share? A thread each, rank 0 being the one
// that asks; one that fails has the others given up, not waited for.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/rank_group.h"

namespace loadmark {

class RankThreads {
 public:
  // `names`: what a fault calls each rank, "cuda:1". `give_up`, if any, is called once when a rank
  // has failed, in its thread: what the others wait for will not come.
  explicit RankThreads(std::vector<std::string> names, std::function<void()> give_up = nullptr);
  ~RankThreads();
  RankThreads(const RankThreads&) = delete;
  RankThreads& operator=(const RankThreads&) = delete;

  // Where the ranks meet while they run.
  RankGroup& group() { return group_; }
  int ranks() const { return group_.ranks(); }
  // Calls work(rank) for every rank at once and returns when all have ended. Throws the first
  // fault, naming its rank where there are several; after that nothing can be run any more.
  void run(const std::function<void(int rank)>& work);

 private:
  void serve(int rank);
  void work_on(int rank) noexcept;
  [[noreturn]] void rethrow() const;

  const std::vector<std::string> names_;
  const std::function<void()> give_up_;
  RankGroup group_;
  const std::function<void(int rank)>* work_ = nullptr;
  std::atomic<uint32_t> turn_{0};  // of run(), and of the end
  std::atomic<int> running_{0};    // of the other ranks
  std::atomic<bool> ending_{false};
  std::atomic<int> failed_{-1};  // the first rank that did
  std::exception_ptr fault_;
  std::vector<std::thread> threads_;
};

}  // namespace loadmark
