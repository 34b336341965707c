// One EngineHandle an engine. It outlives the JavaScript object while work is unfinished (pins),
// and ends with the object, with close() or with the environment, whichever comes first: threads
// joined, then references, then the queue.
#include "addon/engine_object.h"

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "addon/errors.h"
#include "addon/js_values.h"
#include "addon/task_queue.h"
#include "engine/engine.h"

namespace loadmark {
namespace {

class EngineHandle : public std::enable_shared_from_this<EngineHandle> {
 public:
  EngineHandle(Napi::Env env, const Napi::Function& on_events, const Napi::Function& on_broken)
      : env_(env),
        queue_(env),
        on_events_(Napi::Persistent(on_events)),
        on_broken_(Napi::Persistent(on_broken)) {
    queue_.unref();
    // After the queue's own hook, so that this one runs before it: hooks run last in, first out.
    napi_add_env_cleanup_hook(env_, &EngineHandle::on_environment_end, this);
  }
  ~EngineHandle() { shut_down(); }

  Napi::Promise load(EngineOptions options);
  Napi::Promise close();
  Napi::Promise score(const std::vector<ScoreRequest>& requests);
  Napi::Promise forward_logits(std::vector<int32_t> tokens);
  void submit(std::vector<GenerateRequest> requests);
  Engine& engine() const {
    if (engine_ == nullptr) throw Error(kEngineBroken, "the engine was closed");
    return *engine_;
  }
  EngineStats stats() const { return engine_ == nullptr ? last_stats_ : engine_->stats(); }

 private:
  static void on_environment_end(void* self) { static_cast<EngineHandle*>(self)->shut_down(); }
  EngineListener make_listener();
  std::shared_ptr<ScoreCall> make_call(Napi::Promise::Deferred deferred,
                                       std::function<Napi::Value(Napi::Env, ScoreCall&)> write);
  void loaded(Napi::Env env, Napi::Promise::Deferred deferred, const CaughtError* failure);
  void closed(Napi::Env env);
  void deliver(Napi::Env env, const EventBatch& batch);
  Napi::Object make_object(Napi::Env env);
  // Pins keep this handle and the process alive: one for each unfinished request, call, load and
  // close.
  void pin(int64_t count);
  void unpin(int64_t count);
  void shut_down();

  Napi::Env env_;
  TaskQueue queue_;
  Napi::FunctionReference on_events_, on_broken_;
  std::unique_ptr<Engine> engine_;
  std::thread helper_;  // loads, later closes
  std::vector<Napi::Promise::Deferred> closers_;
  EngineStats last_stats_;
  int64_t pins_ = 0;
  std::shared_ptr<EngineHandle> self_;  // while pinned
  bool ended_ = false;
};

void EngineHandle::pin(int64_t count) {
  if (count == 0 || ended_) return;
  if (pins_ == 0) {
    self_ = shared_from_this();
    queue_.ref();
  }
  pins_ += count;
}

void EngineHandle::unpin(int64_t count) {
  if (count == 0 || ended_) return;
  pins_ -= count;
  if (pins_ > 0) return;
  queue_.unref();
  self_.reset();  // callers hold their own
}

void EngineHandle::shut_down() {
  if (std::exchange(ended_, true)) return;
  const std::shared_ptr<EngineHandle> keep = std::move(self_);
  queue_.mute();
  if (helper_.joinable()) helper_.join();
  engine_.reset();
  on_events_.Reset();
  on_broken_.Reset();
  napi_remove_env_cleanup_hook(env_, &EngineHandle::on_environment_end, this);
  queue_.close();
}

EngineListener EngineHandle::make_listener() {
  EngineListener listener;
  listener.on_events = [this](EventBatch&& batch) {
    queue_.post([this, batch = std::move(batch)](Napi::Env env) { deliver(env, batch); });
  };
  listener.on_broken = [this](const char* code, const std::string& message) {
    queue_.post([this, code, message](Napi::Env env) {
      const std::shared_ptr<EngineHandle> keep = shared_from_this();
      if (!on_broken_.IsEmpty()) {
        on_broken_.Call({Napi::String::New(env, code), Napi::String::New(env, message)});
      }
    });
  };
  return listener;
}

void EngineHandle::deliver(Napi::Env env, const EventBatch& batch) {
  // Unpins even when the handler throws.
  struct Release {
    std::shared_ptr<EngineHandle> handle;
    int64_t finished = 0;
    ~Release() { handle->unpin(finished); }
  } release{shared_from_this()};
  for (uint8_t status : batch.statuses) {
    if (status != static_cast<uint8_t>(EventStatus::kRunning)) ++release.finished;
  }
  if (!on_events_.IsEmpty()) on_events_.Call({write_events(env, batch)});
}

Napi::Promise EngineHandle::load(EngineOptions options) {
  const Napi::Promise::Deferred deferred(env_);
  helper_ = std::thread([this, deferred, options = std::move(options)] {
    try {
      engine_ = Engine::load(options, make_listener());
      queue_.post([this, deferred](Napi::Env env) { loaded(env, deferred, nullptr); });
    } catch (...) {
      const CaughtError caught = describe_caught();
      queue_.post([this, deferred, caught](Napi::Env env) { loaded(env, deferred, &caught); });
    }
  });
  pin(1);  // what the thread posts runs after this turn of the event loop
  return deferred.Promise();
}

void EngineHandle::loaded(Napi::Env env, Napi::Promise::Deferred deferred,
                          const CaughtError* failure) {
  const std::shared_ptr<EngineHandle> keep = shared_from_this();
  helper_.join();
  if (failure != nullptr) {
    deferred.Reject(make_js_error(env, failure->code, failure->message).Value());
  } else {
    deferred.Resolve(make_object(env));
  }
  unpin(1);
}

void EngineHandle::submit(std::vector<GenerateRequest> requests) {
  const auto count = static_cast<int64_t>(requests.size());
  engine().submit(std::move(requests));
  pin(count);
}

std::shared_ptr<ScoreCall> EngineHandle::make_call(
    Napi::Promise::Deferred deferred, std::function<Napi::Value(Napi::Env, ScoreCall&)> write) {
  auto call = std::make_shared<ScoreCall>();
  call->done = [this, deferred, write = std::move(write)](ScoreCall& done,
                                                          const ScoreCall::Failure* failure) {
    auto answer = std::make_shared<ScoreCall>();
    answer->results = std::move(done.results);
    answer->logits = std::move(done.logits);
    const CaughtError error = failure == nullptr ? CaughtError{nullptr, ""}
                                                 : CaughtError{failure->code, failure->message};
    queue_.post([this, deferred, write, answer, error](Napi::Env env) {
      const std::shared_ptr<EngineHandle> keep = shared_from_this();
      unpin(1);
      if (error.code != nullptr) {
        deferred.Reject(make_js_error(env, error.code, error.message).Value());
      } else {
        deferred.Resolve(write(env, *answer));
      }
    });
  };
  return call;
}

Napi::Promise EngineHandle::score(const std::vector<ScoreRequest>& requests) {
  const Napi::Promise::Deferred deferred(env_);
  engine().score(requests, make_call(deferred, [](Napi::Env env, ScoreCall& call) {
                   return write_scores(env, call.results);
                 }));
  pin(1);
  return deferred.Promise();
}

Napi::Promise EngineHandle::forward_logits(std::vector<int32_t> tokens) {
  const Napi::Promise::Deferred deferred(env_);
  engine().forward_logits(std::move(tokens),
                          make_call(deferred, [](Napi::Env env, ScoreCall& call) {
                            return copy_to_js<Napi::Float32Array>(env, call.logits);
                          }));
  pin(1);
  return deferred.Promise();
}

Napi::Promise EngineHandle::close() {
  const Napi::Promise::Deferred deferred(env_);
  if (engine_ == nullptr) {
    deferred.Resolve(env_.Undefined());
    return deferred.Promise();
  }
  if (closers_.empty()) {
    helper_ = std::thread([this] {
      engine_->close();
      queue_.post([this](Napi::Env env) { closed(env); });
    });
    pin(1);
  }
  closers_.push_back(deferred);
  return deferred.Promise();
}

void EngineHandle::closed(Napi::Env env) {
  const std::shared_ptr<EngineHandle> keep = shared_from_this();
  helper_.join();
  last_stats_ = engine_->stats();
  engine_.reset();
  for (const Napi::Promise::Deferred& deferred : closers_) deferred.Resolve(env.Undefined());
  closers_.clear();
  unpin(1);
}

Napi::Object EngineHandle::make_object(Napi::Env env) {
  Napi::Object object = Napi::Object::New(env);
  const std::shared_ptr<EngineHandle> handle = shared_from_this();
  const Napi::Object info = write_info(env, engine_->info());
  object.Set("info", info);
  const auto method = [&](const char* name, auto body) {
    object.Set(name, Napi::Function::New(env, [handle, body](const Napi::CallbackInfo& call) {
                 return guarded(call.Env(), [&]() -> Napi::Value { return body(*handle, call); });
               }));
  };
  method("stats", [](EngineHandle& self, const Napi::CallbackInfo& call) -> Napi::Value {
    return write_stats(call.Env(), self.stats());
  });
  method("profile", [](EngineHandle& self, const Napi::CallbackInfo& call) -> Napi::Value {
    return write_profile(call.Env(), self.engine().profile());
  });
  method("startProfile", [](EngineHandle& self, const Napi::CallbackInfo& call) -> Napi::Value {
    self.engine().start_profile(read_integer(call[0], "steps"), read_integer(call[1], "firstStep"));
    return call.Env().Undefined();
  });
  method("failNextStep", [](EngineHandle& self, const Napi::CallbackInfo& call) -> Napi::Value {
    self.engine().fail_next_step();
    return call.Env().Undefined();
  });
  method("submit", [](EngineHandle& self, const Napi::CallbackInfo& call) -> Napi::Value {
    self.submit(read_requests(call[0].ToObject()));
    return call.Env().Undefined();
  });
  method("cancel", [](EngineHandle& self, const Napi::CallbackInfo& call) -> Napi::Value {
    self.engine().cancel(read_int32s(call[0], "ids"));
    return call.Env().Undefined();
  });
  method("score", [](EngineHandle& self, const Napi::CallbackInfo& call) -> Napi::Value {
    return self.score(read_score_requests(call[0].ToObject()));
  });
  method("forwardLogits", [](EngineHandle& self, const Napi::CallbackInfo& call) -> Napi::Value {
    return self.forward_logits(read_int32s(call[0], "tokens"));
  });
  method("close",
         [](EngineHandle& self, const Napi::CallbackInfo&) -> Napi::Value { return self.close(); });
  return object;
}

Napi::Value load_engine(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    if (!call[0].IsObject() || !call[1].IsFunction() || !call[2].IsFunction()) {
      throw Error(kBadArgument, "loadEngine takes options and two functions");
    }
    const auto handle = std::make_shared<EngineHandle>(call.Env(), call[1].As<Napi::Function>(),
                                                       call[2].As<Napi::Function>());
    return handle->load(read_options(call[0].As<Napi::Object>()));
  });
}

}  // namespace

void export_engine(Napi::Env env, Napi::Object exports) {
  exports.Set("loadEngine", Napi::Function::New(env, &load_engine));
}

}  // namespace loadmark
