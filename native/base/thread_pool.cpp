// How the pool hands out tasks, waits and passes exceptions on.
#include "base/thread_pool.h"

#include <atomic>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/spin.h"

namespace loadmark {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kRemainingBits = 40;
constexpr uint64_t kRemainingMask = (uint64_t{1} << kRemainingBits) - 1;

}  // namespace

struct ThreadPool::State {
  // (loop number << 40) | tasks not yet handed out. Taking a task is one compare-and-swap here, so
  // a thread that wakes late can only ever see "nothing left" of its own loop or a task of the next
  // one. Once a task is taken its loop cannot end before it is done, so the loop's other fields may
  // be read then.
  alignas(64) std::atomic<uint64_t> ticket{0};
  alignas(64) std::atomic<int64_t> completed{0};
  alignas(64) std::atomic<int> sleepers{0};
  std::atomic<uint32_t> wake{0};
  std::atomic<bool> stop{false};
  std::atomic<bool> failed{false};

  int64_t tasks = 0;
  void* fn = nullptr;
  Erased call = nullptr;
  std::exception_ptr error;
  uint64_t loop = 0;
  std::vector<std::thread> threads;

  bool work_left() const { return (ticket.load(std::memory_order_acquire) & kRemainingMask) != 0; }

  // Runs tasks until none is left.
  void drain(int thread) {
    uint64_t seen = ticket.load(std::memory_order_acquire);
    while ((seen & kRemainingMask) != 0) {
      if (!ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
        continue;
      }
      run_task(tasks - static_cast<int64_t>(seen & kRemainingMask), thread);
      seen = ticket.load(std::memory_order_acquire);
    }
  }

  void run_task(int64_t task, int thread) {
    if (!failed.load(std::memory_order_relaxed)) {
      try {
        call(fn, task, thread);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
    completed.fetch_add(1, std::memory_order_acq_rel);
  }

  void work(int thread) {
    const auto ready = [this] { return work_left() || stop.load(std::memory_order_relaxed); };
    while (true) {
      if (!spin_until(ready)) sleep_until(ready);
      if (stop.load()) return;
      drain(thread);
    }
  }

  template <class Ready>
  void sleep_until(Ready ready) {
    const uint32_t before = wake.load();
    sleepers.fetch_add(1);  // sequentially consistent against the publisher's store to ticket
    if ((ticket.load() & kRemainingMask) == 0 && !ready()) wake.wait(before);
    sleepers.fetch_sub(1);
  }

  void wake_sleepers() {
    if (sleepers.load() == 0) return;
    wake.fetch_add(1);
    wake.notify_all();
  }

  // Stops and joins every thread, between loops.
  void end() {
    stop.store(true);
    wake.fetch_add(1);
    wake.notify_all();
    for (std::thread& thread : threads) thread.join();
  }
};

ThreadPool::ThreadPool(int threads) {
  if (threads < 1 || threads > kMaxThreads) {
    throw Error(kBadArgument, "threads is " + std::to_string(threads) + "; allowed are 1 to " +
                                  std::to_string(kMaxThreads));
  }
  state_ = std::make_unique<State>();
  state_->threads.reserve(static_cast<size_t>(threads - 1));
  try {
    for (int thread = 1; thread < threads; ++thread) {
      state_->threads.emplace_back([state = state_.get(), thread] { state->work(thread); });
    }
  } catch (const std::system_error& error) {
    state_->end();  // a joinable thread must not be destroyed: that would end the process
    throw Error(kOutOfMemory, "the system gave " + std::to_string(size()) + " of " +
                                  std::to_string(threads) + " threads: " + error.what());
  }
}

ThreadPool::~ThreadPool() { state_->end(); }

int ThreadPool::size() const { return static_cast<int>(state_->threads.size()) + 1; }

void ThreadPool::run_erased(int64_t tasks, void* fn, Erased call) {
  if (tasks <= 0) return;
  if (tasks == 1 || state_->threads.empty()) {
    for (int64_t task = 0; task < tasks; ++task) call(fn, task, 0);
    return;
  }
  State& state = *state_;
  state.tasks = tasks;
  state.fn = fn;
  state.call = call;
  state.error = nullptr;
  state.failed.store(false);
  state.completed.store(0);
  state.loop += 1;
  state.ticket.store((state.loop << kRemainingBits) | static_cast<uint64_t>(tasks));
  state.wake_sleepers();
  state.drain(0);
  const auto done = [&] { return state.completed.load(std::memory_order_acquire) == tasks; };
  // A worker that lost its core may hold the last task: give ours away rather than spin against it.
  if (!spin_until(done)) {
    while (!done()) std::this_thread::yield();
  }
  if (state.error) std::rethrow_exception(std::exchange(state.error, nullptr));
}

}  // namespace loadmark
