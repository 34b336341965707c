// Computes steps on several GPUs that share every layer: a rank each, which all queue the same
// kernels from threads of their own, and meet on the devices alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/cuda_runner.h"
#include "engine/load_runner.h"
#include "engine/rank_threads.h"
#include "engine/step_runner.h"
#include "ops/cuda/collective.h"

namespace loadmark {

class CudaRanks : public StepRunner {
 public:
  using Collectives = std::vector<std::unique_ptr<ops::cuda::Collective>>;
  CudaRanks(std::unique_ptr<RankThreads> threads, Collectives collectives,
            std::vector<std::unique_ptr<CudaRunner>> runners);
  ~CudaRanks() override;

  int lag() const override { return runners_.front()->lag(); }
  void begin(const Batch& batch) override;
  // Rank 0's, with every rank's times.
  const StepResults& finish() override;
  // In rank 0, whose thread steps, where no other is named.
  void inject(const InjectedFault& fault) override;
  void give_up() noexcept override { threads_->lose(0); }
  // Of all ranks, since a profiled step is queued otherwise; rank 0's times are told.
  void start_profile() override;
  std::vector<ops::KernelTime> take_profile() override;

  void prepare_decode(int64_t rows);
  std::string describe_graphs() const { return runners_.front()->describe_graphs(); }

 private:
  // work(runner of the rank), in every rank's thread; refers to nothing of the caller's stack.
  void on_all(std::function<void(CudaRunner& runner, int rank)> work);

  std::unique_ptr<RankThreads> threads_;
  std::vector<std::unique_ptr<CudaRunner>> runners_;
  Collectives collectives_;            // before the runners' GPUs end
  std::vector<StepResults*> results_;  // (ranks)
};

// options.tensor_parallel_devices names two GPUs or more; one GPU twice is for tests.
LoadedRunner load_cuda_ranks(const EngineOptions& options);

}  // namespace loadmark
