// Who computes the ranks of a model that several devices share? A thread each, rank 0 being the one
// that asks; one that fails, or whose thread is lost, has the others given up, not waited for.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "base/rank_group.h"
#include "base/watched_thread.h"

namespace loadmark {

class RankThreads {
 public:
  // `names`: what a fault calls each rank, "cuda:1"; 64 at most.
  explicit RankThreads(std::vector<std::string> names);
  ~RankThreads();
  RankThreads(const RankThreads&) = delete;
  RankThreads& operator=(const RankThreads&) = delete;

  // Where the ranks meet while they run.
  RankGroup& group() { return group_; }
  int ranks() const { return group_.ranks(); }
  // Called once when a rank has failed, in any thread: what the others wait for will not come.
  // Set while nothing runs.
  void set_give_up(std::function<void()> give_up) { give_up_ = std::move(give_up); }
  // Calls work(rank) for every rank at once and returns when all have ended. Throws the first
  // fault, naming its rank where there are several; after that nothing can be run any more. Should
  // the calling thread be lost, the others go on with a copy of `work`: it refers to nothing of the
  // caller's stack.
  void run(const std::function<void(int rank)>& work);
  // This rank's thread has ended in its work and will not come any more: so it failed. Called for
  // rank 0 by whoever hears of its end; the others are looked after here.
  void lose(int rank) noexcept;

 private:
  void serve(int rank);
  void end() noexcept;
  void work_on(int rank) noexcept;
  void fail(int rank, std::exception_ptr fault) noexcept;
  void leave(int rank) noexcept;
  [[noreturn]] void rethrow() const;

  const std::vector<std::string> names_;
  std::function<void()> give_up_;
  RankGroup group_;
  const uint64_t others_;  // every rank's bit but that of 0
  std::function<void(int rank)> work_;
  std::atomic<uint32_t> turn_{0};     // of run(), and of the end
  std::atomic<uint64_t> running_{0};  // bit r: rank r, of all but 0
  std::atomic<bool> ending_{false};
  std::atomic<bool> failing_{false};
  std::atomic<int> failed_{-1};  // the first rank that did, when its fault is there
  std::exception_ptr fault_;
  std::vector<WatchedThread> threads_;
};

}  // namespace loadmark
