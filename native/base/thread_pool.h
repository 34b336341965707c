// A fixed set of threads that run one parallel loop at a time; how work is divided is the
// operator's business.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace loadmark {

class ThreadPool {
 public:
  // threads >= 1, the calling thread included; throws Error(kBadArgument) otherwise, and
  // Error(kOutOfMemory) when the system does not give as many.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Calls fn(task, thread) for every task in [0, tasks), tasks handed out dynamically, thread in
  // [0, size()). Returns when all are done. An exception from fn is rethrown here, once. Not
  // reentrant. Short loops matter: waiting threads spin for a few tens of microseconds before they
  // sleep.
  template <class Fn>
  void run(int64_t tasks, Fn&& fn) {
    run_erased(tasks, &fn, [](void* f, int64_t task, int thread) {
      (*static_cast<std::remove_reference_t<Fn>*>(f))(task, thread);
    });
  }

 private:
  using Erased = void (*)(void* fn, int64_t task, int thread);
  void run_erased(int64_t tasks, void* fn, Erased call);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace loadmark
