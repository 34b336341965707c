// A thread whose end is heard of however it comes: one that ends without returning from its work
// has left others waiting.
#pragma once

#include <functional>
#include <thread>

namespace loadmark {

class WatchedThread {
 public:
  WatchedThread() = default;
  // Runs body() in a thread, which another one waits for. Where that thread has ended and body()
  // has not returned, on_loss() is called in the waiting one: nothing was unwound, and what the
  // lost thread alone has written can be read. Throws std::system_error where the system gives no
  // threads; neither is called then.
  WatchedThread(std::function<void()> body, std::function<void()> on_loss);

  bool joinable() const { return watcher_.joinable(); }
  // Returns behind body(), or behind on_loss().
  void join() { watcher_.join(); }

 private:
  std::thread watcher_;
};

// Ends the calling thread as one ends that is killed: nothing is unwound, nobody is told. For
// tests, in a thread that a WatchedThread runs.
[[noreturn]] void end_this_thread();

}  // namespace loadmark
