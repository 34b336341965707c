// Computes steps on the CPU: the model in fp32 over pages of its own memory, or its shards, a rank
// each; then each logit row's token, log-probabilities or logits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/aligned_buffer.h"
#include "engine/cpu_plan.h"
#include "engine/cpu_rank.h"
#include "engine/cpu_step.h"
#include "engine/load_runner.h"
#include "engine/rank_threads.h"
#include "engine/sampler.h"
#include "engine/step_runner.h"

namespace loadmark {

class CpuRunner : public StepRunner {
 public:
  // `models`: the shards in the order of their ranks, or the whole model.
  CpuRunner(const EngineOptions& options, ops::Isa isa, const CpuPlan& plan, int64_t vocab,
            std::vector<LlamaModel> models);

  // 0, and 1 for tests: a step begun is computed when its results are asked for.
  int lag() const override { return static_cast<int>(steps_.size()) - 1; }
  void begin(const Batch& batch) override;
  const StepResults& finish() override;
  void inject(const InjectedFault& fault) override { fault_ = fault; }
  void give_up() noexcept override { threads_.lose(0); }

  std::vector<const LlamaModel*> models() const;
  const ops::Context& context() const { return ranks_.front()->context(); }

 private:
  void size_results(const CpuStep& step);
  void run_rank(const CpuStep& step, int rank);
  // The step's logit rows [first, first + rows) are known to all ranks, each of its own tokens.
  void take_logits(const CpuStep& step, int64_t first, int64_t rows);
  // The largest logit of a row, or none that is finite, and its token.
  struct Best {
    float logit;
    int32_t token;
  };
  Best best_of(int64_t row) const;
  // (vocab) a row of a block; of several ranks put together, where the row wants that.
  const float* row_logits(int64_t row) const;
  void gather_rows(const CpuStep& step, int64_t first, int64_t rows, int rank);
  int32_t choose_token(const Batch::LogitRow& wanted, int64_t row);
  void score_rows(const CpuStep& step, int64_t first, int64_t begin, int64_t end);

  int64_t vocab_, logit_rows_;
  std::optional<InjectedFault> fault_;
  RankThreads threads_;
  std::vector<std::unique_ptr<CpuRank>> ranks_;
  Sampler sampler_;
  AlignedBuffer whole_logits_;          // (logit_rows, vocab) fp32, of several ranks
  std::vector<int32_t> best_;           // (logit_rows)
  std::vector<double> best_log_probs_;  // (logit_rows)
  std::vector<CpuStep> steps_;          // in turn: lag + 1 can be begun
  size_t begun_ = 0, finished_ = 0;
  StepResults results_;
};

LoadedRunner load_cpu_runner(const EngineOptions& options);

}  // namespace loadmark
