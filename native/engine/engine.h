// The engine: one thread that plans the steps of whatever is in flight and has a runner compute
// them, fed through an inbox, heard through a listener. All public calls are safe from any thread
// but close() and the destructor, which belong to the owner.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/watched_thread.h"
#include "engine/batch.h"
#include "engine/engine_options.h"
#include "engine/kv_cache.h"
#include "engine/load_runner.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/step_runner.h"

namespace loadmark {

enum class EventStatus : uint8_t {
  kRunning = 0,
  kStop = 1,
  kLength = 2,
  kFailed = 3,
  kCancelled = 4
};

// One step's news, all arrays of one length.
struct EventBatch {
  std::vector<int32_t> ids, tokens, counts;
  std::vector<uint8_t> statuses;
  int64_t timestamp_ns = 0;
};

// Hears from the stepping thread; must not call back into the engine.
struct EngineListener {
  std::function<void(EventBatch&& batch)> on_events;
  // The thread has failed, or is lost; every unfinished request has had its failed event.
  std::function<void(const char* code, const std::string& message)> on_broken;
};

struct EngineStats {
  int64_t steps = 0, prompt_tokens = 0, generated_tokens = 0, occupancy_sum = 0, used_kv_pages = 0,
          peak_kv_pages = 0, preemptions = 0, device_ns = 0, device_gap_ns = 0;
  std::vector<int64_t> rank_device_ns;  // (ranks); empty where no device times its steps
};

// What the kernels of some steps took; without kernels on the CPU.
struct EngineProfile {
  int64_t first_step = 0, steps = 0;
  std::vector<ops::KernelTime> kernels;
};

class Engine {
 public:
  // Reads, plans, packs; slow. Throws Error. The stepping thread runs when this returns.
  static std::unique_ptr<Engine> load(const EngineOptions& options, EngineListener listener);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const EngineInfo& info() const { return info_; }
  EngineStats stats() const;
  // Times the kernels of `steps` steps from step first_step on, 1 being the first since the load,
  // or from the next where that has begun. An earlier profile is forgotten.
  void start_profile(int64_t steps, int64_t first_step);
  // Nothing before its steps are through.
  std::optional<EngineProfile> profile() const;

  // All or none: throws Error(kBadArgument) naming the request that cannot run,
  // Error(kEngineBroken) after a failure.
  void submit(std::vector<GenerateRequest> requests);
  void cancel(const std::vector<int32_t>& ids);
  // `call->done` is called once, on the stepping thread, or this throws and it never is.
  void score(const std::vector<ScoreRequest>& requests, std::shared_ptr<ScoreCall> call);
  void forward_logits(std::vector<int32_t> tokens, std::shared_ptr<ScoreCall> call);
  // For tests: the step that is finished next fails as options.fault says. Throws
  // Error(kEngineBroken) after a failure.
  void fail_next_step();
  // Ends after the step under way; what is unfinished is cancelled, calls of score fail. Joins the
  // thread.
  void close();

 private:
  static constexpr char kClosed[] = "the engine was closed";  // what refuses calls after close()

  Engine(const EngineOptions& options, LoadedRunner loaded, EngineListener listener);

  void check_tokens(const std::string& owner, const char* name,
                    const std::vector<int32_t>& tokens) const;
  void check_request(const GenerateRequest& request) const;
  void check_score(const std::string& owner, const ScoreRequest& request) const;
  void require_working() const;  // with the lock held
  void deliver(std::vector<std::unique_ptr<Sequence>> sequences);

  // The stepping thread.
  void run();
  void lose_thread();  // in another one, behind its end
  void tell_break(const std::string& reason);
  bool is_to_fail() const;
  bool take_inbox();  // false: time to end
  void cancel_ids(const std::unordered_set<int32_t>& ids);
  void step();
  void begin_step(const Batch& batch);
  void finish_step();
  void accept(const Batch& batch, const StepResults& results);
  void accept_token(Sequence& sequence, int32_t token);
  void accept_score(const Batch::LogitRow& row, int32_t best, const double* log_probs);
  void accept_logits(const Batch::LogitRow& row, const float* logits);
  void finish_call_part(Sequence& sequence, int64_t now_ns);
  void emit(const Sequence& sequence, int32_t token, EventStatus status);
  void send_events(int64_t now_ns);
  void end_all(EventStatus status, const std::string& reason);
  void count_step(const Batch& batch);
  void turn_profile();
  void end_profile();

  EngineOptions options_;
  EngineListener listener_;
  EngineInfo info_;
  KvCache cache_;
  Scheduler scheduler_;
  std::unique_ptr<StepRunner> runner_;
  std::vector<Batch> batches_;  // in turn: lag + 1 can be begun
  int64_t step_rows_;
  int64_t begun_ = 0, finished_ = 0;  // steps
  int64_t at_work_ = 0;               // the step that is being begun or finished
  EventBatch events_;
  EngineProfile profiling_;  // under way; no steps: none is

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Sequence>> inbox_;
  std::unordered_set<int32_t> cancels_;
  std::unordered_set<int32_t> unfinished_;  // request ids
  EngineStats stats_;
  EngineProfile asked_profile_;  // not begun; no steps: none is asked for
  std::optional<EngineProfile> profile_;
  bool closing_ = false;
  bool fails_next_ = false;
  std::string broken_;  // why; empty while it works

  WatchedThread thread_;
};

}  // namespace loadmark
