// A thread-safe function without a JavaScript function: its items are C++ tasks.
#include "addon/task_queue.h"

#include <memory>
#include <utility>

#include "addon/errors.h"

namespace loadmark {

TaskQueue::TaskQueue(Napi::Env env) : env_(env) {
  const Napi::String name = Napi::String::New(env, "loadmark");
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr,
                                      &TaskQueue::run_task, &function_);
  if (status != napi_ok) throw Napi::Error::New(env);
}

void TaskQueue::post(Task task) {
  if (!open_.load()) return;
  auto item = std::make_unique<Task>(std::move(task));
  if (napi_call_threadsafe_function(function_, item.get(), napi_tsfn_nonblocking) == napi_ok) {
    item.release();
  } else {
    open_.store(false);  // the environment is ending: the function must not be called again
  }
}

void TaskQueue::run_task(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Task> task(static_cast<Task*>(data));
  if (env == nullptr) return;  // the environment has ended
  try {
    const Napi::HandleScope scope(env);
    try {
      (*task)(Napi::Env(env));
    } catch (const Napi::Error& error) {
      napi_fatal_exception(env, error.Value());
    } catch (...) {
      const CaughtError caught = describe_caught();
      napi_fatal_exception(env, make_js_error(env, caught.code, caught.message).Value());
    }
  } catch (...) {
    // A terminating worker refuses even the error's creation; there is no one left to tell.
  }
}

void TaskQueue::ref() {
  if (function_ != nullptr) napi_ref_threadsafe_function(env_, function_);
}

void TaskQueue::unref() {
  if (function_ != nullptr) napi_unref_threadsafe_function(env_, function_);
}

void TaskQueue::close() {
  mute();
  if (function_ == nullptr) return;
  napi_release_threadsafe_function(std::exchange(function_, nullptr), napi_tsfn_abort);
}

}  // namespace loadmark
