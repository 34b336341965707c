// Computes steps on the CPU: the model in fp32 over pages of its own memory, then each logit row's
// token, log-probabilities or logits.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "engine/cpu_kv_memory.h"
#include "engine/cpu_plan.h"
#include "engine/cpu_step.h"
#include "engine/load_runner.h"
#include "engine/sampler.h"
#include "engine/step_runner.h"
#include "model/llama.h"

namespace loadmark {

class CpuRunner : public StepRunner {
 public:
  CpuRunner(const EngineOptions& options, ops::Isa isa, const CpuPlan& plan, LlamaModel model);

  // 0, and 1 for tests: a step begun is computed when its results are asked for.
  int lag() const override { return static_cast<int>(steps_.size()) - 1; }
  void begin(const Batch& batch) override;
  const StepResults& finish() override;

  const LlamaModel& model() const { return model_; }
  const ops::Context& context() const { return context_; }

 private:
  void size_results(const CpuStep& step);
  void run_layers(const CpuStep& step);
  // The step's logit rows [first, first + rows) stand in logits_.
  void take_logits(const CpuStep& step, int64_t first, int64_t rows);
  int32_t choose_token(const Batch::LogitRow& wanted, const float* logits, int32_t best);
  void score_rows(const CpuStep& step, int64_t first, int64_t begin, int64_t end);

  LlamaModel model_;
  ThreadPool pool_;
  ops::Context context_;
  CpuKvMemory kv_;
  Sampler sampler_;
  LayerScratch scratch_;
  AlignedBuffer hidden_;  // (step_rows, hidden) fp32
  AlignedBuffer logits_;  // (logit_rows, vocab) fp32
  int64_t logit_rows_;
  std::vector<int32_t> best_;           // (logit_rows)
  std::vector<double> best_log_probs_;  // (logit_rows)
  std::vector<CpuStep> steps_;          // in turn: lag + 1 can be begun
  size_t begun_ = 0, finished_ = 0;
  StepResults results_;
};

LoadedRunner load_cpu_runner(const EngineOptions& options);

}  // namespace loadmark
