// Carries tasks from any thread to the JavaScript thread of one environment, in order. Tasks that
// come after close(), or after the environment has begun to end, are dropped.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>

namespace loadmark {

class TaskQueue {
 public:
  using Task = std::function<void(Napi::Env env)>;

  // On the JavaScript thread. Keeps the process alive until unref().
  explicit TaskQueue(Napi::Env env);
  ~TaskQueue() { close(); }
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  // From any thread. A JavaScript exception that a task lets out becomes an 'uncaughtException' of
  // the process.
  void post(Task task);

  // On the JavaScript thread.
  void ref();
  void unref();
  // No thread may call post() during or after this: join them first, or mute() them.
  void close();
  // From any thread: drop what is posted from now on.
  void mute() { open_.store(false); }

 private:
  static void run_task(napi_env env, napi_value function, void* context, void* data);
  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  std::atomic<bool> open_{true};
};

}  // namespace loadmark
