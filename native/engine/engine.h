// The engine: one thread that steps a model over whatever is in flight, fed through an inbox, heard
// through a listener. All public calls are safe from any thread but close() and the destructor,
// which belong to the owner.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "engine/batch.h"
#include "engine/kv_cache.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "model/llama.h"

namespace loadmark {

struct EngineOptions {
  std::string model_path;
  int threads = 1;
  int64_t max_batch = 1;
  int64_t max_sequence_tokens = 2048;
  int64_t max_step_tokens = 512;
  int64_t page_tokens = 16;
  int64_t kv_cache_bytes = 0;  // 0: max_batch x max_sequence_tokens
  ops::KvType kv_type = ops::KvType::kFloat32;
  std::string instruction_set = "auto";
  ops::ActivationType activations = ops::ActivationType::kInt8;
  WeightFormat weight_format = WeightFormat::kCheckpoint;
  int64_t fault_at_step =
      0;  // fault injection for tests: this step (1 is the first) throws; 0 is off
};

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
  // The thread has failed and ended; every unfinished request has had its failed event.
  std::function<void(const char* code, const std::string& message)> on_broken;
};

struct EngineInfo {
  ModelConfig config;
  int64_t parameters = 0, weight_bytes = 0, weight_bytes_per_token = 0;
  std::string weight_format;
  int64_t kv_bytes_per_token = 0, kv_pages = 0, kv_cache_bytes = 0, planned_bytes = 0;
  std::string instruction_set;
  std::vector<std::pair<std::string, std::string>> kernels;
};

struct EngineStats {
  int64_t steps = 0, prompt_tokens = 0, generated_tokens = 0, occupancy_sum = 0, peak_kv_pages = 0,
          preemptions = 0;
};

struct EnginePlan;

class Engine {
 public:
  // Reads, plans, packs; slow. Throws Error. The stepping thread runs when this returns.
  static std::unique_ptr<Engine> load(const EngineOptions& options, EngineListener listener);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const EngineInfo& info() const { return info_; }
  EngineStats stats() const;

  // All or none: throws Error(kBadArgument) naming the request that cannot run,
  // Error(kEngineBroken) after a failure.
  void submit(std::vector<GenerateRequest> requests);
  void cancel(const std::vector<int32_t>& ids);
  // `call->done` is called once, on the stepping thread, or this throws and it never is.
  void score(const std::vector<ScoreRequest>& requests, std::shared_ptr<ScoreCall> call);
  void forward_logits(std::vector<int32_t> tokens, std::shared_ptr<ScoreCall> call);
  // Ends after the step under way; what is unfinished is cancelled, calls of score fail. Joins the
  // thread.
  void close();

 private:
  Engine(const EngineOptions& options, ops::Isa isa, const EnginePlan& plan, LlamaModel model,
         EngineListener listener);
  static int64_t now_ns();  // CLOCK_MONOTONIC

  void check_tokens(const std::string& owner, const char* name,
                    const std::vector<int32_t>& tokens) const;
  void check_request(const GenerateRequest& request) const;
  void check_score(const std::string& owner, const ScoreRequest& request) const;
  void require_working() const;  // with the lock held
  void deliver(std::vector<std::unique_ptr<Sequence>> sequences);

  // The stepping thread.
  void run();
  bool take_inbox();  // false: time to end
  void cancel_ids(const std::unordered_set<int32_t>& ids);
  void step();
  void forward();
  void take_logits(int64_t first, int64_t rows);
  void score_rows(int64_t first, int64_t begin, int64_t end);
  void accept_token(Sequence& sequence, float* logits, int32_t best);
  void accept_score(Sequence& sequence, const float* logits, int64_t position, int32_t best,
                    double first_log_prob);
  void finish_sequences();
  void finish_call_part(Sequence& sequence, int64_t now_ns);
  void emit(const Sequence& sequence, int32_t token, EventStatus status);
  void send_events(int64_t now_ns);
  void end_all(EventStatus status, const std::string& reason);
  void count_step();

  EngineOptions options_;
  LlamaModel model_;
  EngineListener listener_;
  EngineInfo info_;
  ThreadPool pool_;
  ops::Context context_;
  KvCache cache_;
  Scheduler scheduler_;
  Batch batch_;
  Sampler sampler_;
  LayerScratch scratch_;
  AlignedBuffer hidden_;  // (max_step_tokens, hidden) fp32
  AlignedBuffer logits_;  // (logit_rows, vocab) fp32
  int64_t logit_rows_;
  std::vector<int32_t> best_, targets_;  // (logit_rows)
  std::vector<double> log_probs_;        // (logit_rows)
  EventBatch events_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Sequence>> inbox_;
  std::unordered_set<int32_t> cancels_;
  std::unordered_set<int32_t> unfinished_;  // request ids
  EngineStats stats_;
  bool closing_ = false;
  std::string broken_;  // why; empty while it works

  std::thread thread_;
};

}  // namespace loadmark
