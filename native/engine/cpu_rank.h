// What does one rank of a model hold on the CPU? Its weights, its threads, its heads' K and V, and
// what a step is computed in; alone it is the whole model.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/rank_group.h"
#include "base/thread_pool.h"
#include "engine/cpu_kv_memory.h"
#include "engine/cpu_plan.h"
#include "engine/cpu_step.h"
#include "model/llama.h"

namespace loadmark {

class CpuRank {
 public:
  CpuRank(const EngineOptions& options, ops::Isa isa, const CpuPlan& plan, int rank,
          LlamaModel model, RankGroup* group);

  const LlamaModel& model() const { return model_; }
  const ops::Context& context() const { return context_; }

  // Layers over all rows of a step.
  void run_layers(const CpuStep& step);
  // Head of the step's logit rows [first, first + rows), banned tokens at -infinity, and the
  // largest of each row.
  void run_head(const CpuStep& step, int64_t first, int64_t rows);

  // The vocabulary's part that is here: tokens first_token() to first_token() + tokens() - 1.
  int64_t first_token() const { return rank_ * tokens(); }
  int64_t tokens() const { return model_.weights().head.n; }
  // (rows, tokens()) of the last run_head.
  const float* logits() const { return logits_.as<float>(); }
  // (rows) their largest logits' places among tokens().
  const std::vector<int32_t>& best() const { return best_; }

 private:
  int rank_;
  LlamaModel model_;
  ThreadPool pool_;
  ops::Context context_;
  CpuKvMemory kv_;
  LayerScratch scratch_;
  AlignedBuffer hidden_;       // (step_rows, hidden) fp32
  AlignedBuffer logits_;       // (logit_rows, tokens) fp32
  std::vector<int32_t> best_;  // (logit_rows)
};

}  // namespace loadmark
