// A turn wakes the threads, a counter tells that they are done; both spin before they sleep, as the
// ranks themselves do where they meet.
#include "engine/rank_threads.h"

#include <new>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/spin.h"

namespace loadmark {

RankThreads::RankThreads(std::vector<std::string> names)
    : names_(std::move(names)),
      group_(static_cast<int>(names_.size())),
      others_((uint64_t{2} << (names_.size() - 1)) - 2) {
  threads_.reserve(names_.size() - 1);
  try {
    for (int rank = 1; rank < ranks(); ++rank)
      threads_.emplace_back([this, rank] { serve(rank); }, [this, rank] { lose(rank); });
  } catch (const std::system_error& error) {
    end();
    throw Error(kOutOfMemory, std::string("the system gave no thread for a rank: ") + error.what());
  }
}

RankThreads::~RankThreads() { end(); }

void RankThreads::end() noexcept {
  ending_.store(true);
  turn_.fetch_add(1);
  turn_.notify_all();
  for (WatchedThread& thread : threads_) thread.join();
}

void RankThreads::serve(int rank) {
  for (uint32_t seen = 0;; ++seen) {
    const auto begun = [&] { return turn_.load() != seen; };
    if (!spin_until(begun)) turn_.wait(seen);
    if (ending_.load()) return;
    work_on(rank);
    leave(rank);
  }
}

void RankThreads::leave(int rank) noexcept {
  const uint64_t own = uint64_t{1} << rank;
  if (running_.fetch_and(~own) == own) running_.notify_all();
}

void RankThreads::fail(int rank, std::exception_ptr fault) noexcept {
  if (failing_.exchange(true)) return;
  fault_ = std::move(fault);
  failed_.store(rank);
  group_.break_off();
  if (give_up_) give_up_();
}

void RankThreads::lose(int rank) noexcept {
  fail(rank, std::make_exception_ptr(Error(kInternal, "its thread has ended without a word")));
  leave(rank);
}

void RankThreads::work_on(int rank) noexcept {
  try {
    work_(rank);
  } catch (const BrokenGroup&) {
    // Another rank's fault, which that one tells.
  } catch (...) {
    fail(rank, std::current_exception());
  }
}

void RankThreads::run(const std::function<void(int rank)>& work) {
  if (failed_.load() >= 0) rethrow();
  work_ = work;
  running_.store(others_);
  if (failed_.load() >= 0) rethrow();  // a rank that was lost before the store
  if (ranks() > 1) {
    turn_.fetch_add(1);
    turn_.notify_all();
  }
  work_on(0);
  for (uint64_t left = running_.load(); left > 0; left = running_.load()) {
    const auto done = [&] { return running_.load() == 0; };
    if (!spin_until(done)) running_.wait(left);
  }
  if (failed_.load() >= 0) rethrow();
}

void RankThreads::rethrow() const {
  if (ranks() == 1) std::rethrow_exception(fault_);
  const int rank = failed_.load();
  const std::string name = "rank " + std::to_string(rank) + " of " + std::to_string(ranks()) +
                           " (" + names_[static_cast<size_t>(rank)] + "): ";
  try {
    std::rethrow_exception(fault_);
  } catch (const Error& error) {
    throw Error(error.code(), name + error.what());
  } catch (const std::bad_alloc&) {
    throw Error(kOutOfMemory, name + "out of memory: an allocation failed");
  } catch (const std::exception& error) {
    throw Error(kInternal, name + error.what());
  }
}

}  // namespace loadmark
